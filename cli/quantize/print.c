#include "cli/quantize/quantize.h"

#include "cli/out/json.h"
#include "cli/out/say.h"

#include "report/report.h"

#include "base/str.h"

#include <math.h>
#include <stdio.h>

char *quantize_calibration(const struct quantize_account *account)
{
    cJSON *c = cJSON_CreateObject();
    json_text(c, "dataset", str_basename(account->dataset));
    json_number(c, "pictures", (double)(account->pictures - account->failed));
    json_number(c, "missing_classes", account->missing);
    json_text(c, "method", account->method);
    json_number(c, "percentile", account->percentile);
    json_number(c, "more_rows", account->more_rows);
    json_text(c, "preprocess", account->prep);
    char *text = cJSON_PrintUnformatted(c);
    cJSON_Delete(c);
    return text;
}

// NaN where the layers were not compared.
static double sqnr_of(const struct quantize_judgement *j, const struct eng_quant_layer *l)
{
    return j->dataset ? eng_probe_sqnr(j->float32.probe, j->int8.probe, l->layer)
                      : (double)NAN;
}

static int count_kept(const struct eng_quant_layer *layers, int count)
{
    int kept = 0;
    for (int i = 0; i < count; i++)
        kept += layers[i].kept;
    return kept;
}

// ---- for people ----

static void print_layers(const struct cli *cli, const struct eng_quant_layer *layers,
                         int count, const struct quantize_judgement *j)
{
    say_painted(cli, SAY_BOLD, "%-36s %12s %9s %12s %12s\n", "layer", "channels",
                "precision", "alone dB", "all dB");
    for (int i = 0; i < count; i++) {
        const struct eng_quant_layer *l = &layers[i];
        char channels[32];
        double all = sqnr_of(j, l);
        (void)snprintf(channels, sizeof channels, "%d>%d", l->in, l->out);
        (void)printf("%-36s %12s %9s %12.1f ", l->name, channels,
                     l->kept ? "float32" : "int8", l->sqnr);
        (void)(isnan(all) ? printf("%12s\n", "-") : printf("%12.1f\n", all));
    }
}

static void print_side(const char *name, const struct quantize_side *side)
{
    char top1[16], top5[16];
    say_percent(top1, rep_percent(side->top1, side->labelled));
    say_percent(top5, rep_percent(side->top5, side->labelled));
    (void)printf("%-10s top-1 %8s  top-5 %8s\n", name, top1, top5);
}

void quantize_print(const struct cli *cli, const struct quantize_account *account,
                    const struct eng_quant_layer *layers, int count,
                    const struct quantize_judgement *j)
{
    print_layers(cli, layers, count, j);
    (void)printf("alone: int8 in this layer only; all: in every layer, on %zu pictures "
                 "that were not used for calibration\n",
                 j->probed);
    (void)printf("%s: %lld bytes, %d of %d convolutions in int8, calibrated on "
                 "%zu pictures of %s\n",
                 account->out, account->bytes, count - count_kept(layers, count), count,
                 account->pictures - account->failed, account->dataset);
    if (!j->dataset)
        return;
    char agreed[16];
    say_percent(agreed, rep_percent(j->agreed, j->both));
    (void)printf("%s: %zu pictures, %zu labelled, %zu failed\n", j->dataset,
                 j->float32.images, j->float32.labelled, j->float32.failed);
    print_side("float32", &j->float32);
    print_side("int8", &j->int8);
    say_painted(cli, SAY_BOLD, "top-1 agreement %s\n", agreed);
}

// ---- --json ----

static cJSON *side_object(const struct quantize_side *side)
{
    cJSON *o = cJSON_CreateObject();
    json_number(o, "top1", rep_percent(side->top1, side->labelled));
    json_number(o, "top5", rep_percent(side->top5, side->labelled));
    return o;
}

static void add_judgement(cJSON *document, const struct quantize_judgement *j)
{
    if (!j->dataset) {
        cJSON_AddNullToObject(document, "evaluation");
        return;
    }
    cJSON *o = cJSON_AddObjectToObject(document, "evaluation");
    json_text(o, "dataset", j->dataset);
    json_number(o, "images", (double)j->float32.images);
    json_number(o, "labelled", (double)j->float32.labelled);
    json_number(o, "failed", (double)j->float32.failed);
    json_number(o, "agreement", rep_percent(j->agreed, j->both));
    cJSON_AddItemToObject(o, "float32", side_object(&j->float32));
    cJSON_AddItemToObject(o, "int8", side_object(&j->int8));
}

static void add_layers(cJSON *document, const struct eng_quant_layer *layers, int count,
                       const struct quantize_judgement *j)
{
    cJSON *list = cJSON_AddArrayToObject(document, "layers");
    for (int i = 0; i < count; i++) {
        const struct eng_quant_layer *l = &layers[i];
        cJSON *o = cJSON_CreateObject();
        json_text(o, "name", l->name);
        json_number(o, "in", l->in);
        json_number(o, "out", l->out);
        json_text(o, "precision", l->kept ? "float32" : "int8");
        json_number(o, "sqnr_alone", l->sqnr);
        json_number(o, "sqnr", sqnr_of(j, l));
        cJSON_AddItemToArray(list, o);
    }
}

enum err_code quantize_print_json(const struct quantize_account *account,
                                  const struct eng_quant_layer *layers, int count,
                                  const struct quantize_judgement *j, struct err *e)
{
    cJSON *document = cJSON_CreateObject();
    json_text(document, "model", account->model);
    json_text(document, "output", account->out);
    json_number(document, "bytes", (double)account->bytes);
    cJSON *c = cJSON_AddObjectToObject(document, "calibration");
    json_text(c, "dataset", account->dataset);
    json_number(c, "pictures", (double)(account->pictures - account->failed));
    json_number(c, "failed", (double)account->failed);
    json_number(c, "missing_classes", account->missing);
    json_text(c, "method", account->method);
    json_number(c, "percentile", account->percentile);
    json_number(c, "more_rows", account->more_rows);
    add_layers(document, layers, count, j);
    add_judgement(document, j);
    return json_print(document, e);
}
