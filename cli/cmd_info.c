#include "cli/cmd.h"
#include "cli/open/database.h"
#include "cli/open/model.h"
#include "cli/out/json.h"
#include "cli/out/runs.h"
#include "cli/out/say.h"
#include "cli/run/check.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct info_args {
    struct model_args model;
    bool layers;
};

static const struct opt info_opts[] = {
    MODEL_PARTS_OPTS(offsetof(struct info_args, model)),
    MODEL_PRECISION_OPT(offsetof(struct info_args, model)),
    {.name = "layers",
     .help = "of a model: a line for each layer, with its size and kernel",
     .kind = OPT_FLAG,
     .offset = offsetof(struct info_args, layers)},
    {0},
};

// ---- a model ----

static cJSON *layer_object(const struct eng_layer *layer)
{
    cJSON *object = cJSON_CreateObject();
    const int shape[] = {layer->out_c, layer->out_h, layer->out_w};
    json_text(object, "name", layer->name);
    json_text(object, "op", layer->op);
    json_text(object, "kernel", layer->kernel);
    cJSON_AddItemToObject(object, "output", cJSON_CreateIntArray(shape, 3));
    json_number(object, "params", (double)layer->params);
    json_number(object, "macs", (double)layer->macs);
    return object;
}

static enum err_code model_document(const struct eng_info *info,
                                    const struct pipe_setup *setup, struct err *e)
{
    const struct ds_prep *prep = &setup->prep;
    const int input[] = {3, prep->height, prep->width};
    char key[DS_PREP_KEY_MAX], text[DS_PREP_TEXT_MAX];
    ds_prep_key(prep, key);
    ds_prep_text(prep, text);
    cJSON *document = cJSON_CreateObject();
    json_text(document, "arch", info->arch);
    json_text(document, "publisher", info->publisher);
    json_text(document, "precision", eng_precision_name(info->precision));
    cJSON_AddItemToObject(document, "input", cJSON_CreateIntArray(input, 3));
    json_number(document, "classes", info->classes);
    cJSON_AddBoolToObject(document, "background", setup->background);
    json_number(document, "features", info->features);
    json_number(document, "params", (double)info->params);
    json_number(document, "params_stats", (double)info->params_stats);
    json_number(document, "macs", (double)info->macs);
    if (info->published) {
        cJSON *published = cJSON_AddObjectToObject(document, "published");
        json_number(published, "params_m", info->published_params_m);
        json_number(published, "work_g", info->published_work_g);
        json_text(published, "counts", info->published);
    }
    json_text(document, "format", info->format);
    json_text(document, "isa", eng_isa_name(info->isa));
    json_text(document, "hash", info->hash);
    cJSON *preprocess = cJSON_AddObjectToObject(document, "preprocess");
    json_text(preprocess, "name", text);
    json_text(preprocess, "key", key);
    cJSON *layers = cJSON_AddArrayToObject(document, "layers");
    for (int i = 0; i < info->layer_count; i++)
        cJSON_AddItemToArray(layers, layer_object(&info->layers[i]));
    return json_print(document, e);
}

static void print_layers(const struct cli *cli, const struct eng_info *info)
{
    say_painted(cli, SAY_BOLD, "%-28s %-14s %16s %10s %10s  %s\n", "layer", "op",
                "output", "params", "MMAC", "kernel");
    for (int i = 0; i < info->layer_count; i++) {
        const struct eng_layer *l = &info->layers[i];
        char shape[48];
        (void)snprintf(shape, sizeof shape, "%dx%dx%d", l->out_c, l->out_h, l->out_w);
        (void)printf("%-28s %-14s %16s %10" PRIu64 " %10.3f  %s\n", l->name, l->op, shape,
                     l->params, (double)l->macs / 1e6, l->kernel);
    }
}

static enum err_code info_model(const struct cli *cli, struct info_args *args,
                                struct err *e)
{
    struct pipe_setup setup;
    args->model.model = cli->operands[0];
    enum err_code rc = model_setup_open(cli, &args->model, &setup, e);
    if (rc != ERR_OK)
        return rc;
    const struct eng_info *info = eng_model_info(setup.model);
    if (cli->json) {
        rc = model_document(info, &setup, e);
    } else {
        char text[DS_PREP_TEXT_MAX];
        ds_prep_text(&setup.prep, text);
        (void)printf("%-14s %s\n%-14s %s\n%-14s %s\n%-14s %s, %s\n", "arch", info->arch,
                     "publisher", info->publisher, "format", info->format, "precision",
                     eng_precision_name(info->precision), eng_isa_name(info->isa));
        (void)printf("%-14s [3, %d, %d]\n%-14s %d%s\n%-14s %s\n", "input",
                     setup.prep.height, setup.prep.width, "classes", info->classes,
                     setup.background ? " (0 is a background class)" : "", "preprocess",
                     text);
        (void)printf("%-14s %" PRIu64 " (%" PRIu64 " with batch norm statistics)\n"
                     "%-14s %.3f GMAC a picture\n%-14s %d\n%-14s %s\n",
                     "params", info->params, info->params + info->params_stats, "work",
                     (double)info->macs / 1e9, "layers", info->layer_count, "hash",
                     info->hash);
        if (info->published)
            (void)printf("%-14s %g M, %g G (%s)\n", "published", info->published_params_m,
                         info->published_work_g, info->published);
        if (args->layers)
            print_layers(cli, info);
    }
    pipe_setup_release(&setup);
    return rc;
}

// ---- a dataset ----

struct set_figures {
    size_t classes, verdicts[DS_DAMAGED + 1];
};

static enum err_code count_classes(const struct ds *ds, size_t *classes, struct err *e)
{
    int most = -1;
    for (size_t i = 0; i < ds_count(ds); i++)
        if (ds_item(ds, i)->label > most)
            most = ds_item(ds, i)->label;
    bool *seen = mem_array((size_t)most + 1, sizeof *seen);
    if (!seen)
        return err_set(e, ERR_NOMEM, "no memory for %d classes", most);
    *classes = 0;
    for (size_t i = 0; i < ds_count(ds); i++) {
        int label = ds_item(ds, i)->label;
        if (label >= 0 && !seen[label]) {
            seen[label] = true;
            (*classes)++;
        }
    }
    free(seen);
    return ERR_OK;
}

static enum err_code set_document(const struct ds *ds, const struct set_figures *f,
                                  struct err *e)
{
    cJSON *document = cJSON_CreateObject();
    json_text(document, "dataset", ds_root(ds));
    json_text(document, "shape", ds_shape_name(ds_shape(ds)));
    json_number(document, "images", (double)ds_count(ds));
    json_number(document, "labelled", (double)ds_labelled(ds));
    json_number(document, "classes", (double)f->classes);
    json_number(document, "damaged", (double)f->verdicts[DS_DAMAGED]);
    json_number(document, "odd", (double)f->verdicts[DS_ODD]);
    return json_print(document, e);
}

static enum err_code info_dataset(const struct cli *cli, struct err *e)
{
    enum err_code rc;
    struct ds *ds = NULL;
    struct ds_check *checks = NULL;
    struct set_figures figures = {0};
    const struct ds_opts opts = {0};
    TRY(ds_open(cli->operands[0], &opts, &ds, e));
    TRY(count_classes(ds, &figures.classes, e));
    checks = mem_array(ds_count(ds), sizeof *checks);
    if (!checks) {
        rc = err_set(e, ERR_NOMEM, "no memory for %zu pictures", ds_count(ds));
        goto out;
    }
    TRY(check_all(cli, ds, checks, e));
    for (size_t i = 0; i < ds_count(ds); i++)
        figures.verdicts[checks[i].verdict]++;
    if (cli->json) {
        rc = set_document(ds, &figures, e);
    } else {
        (void)printf("%-14s %s\n%-14s %s\n%-14s %zu\n%-14s %zu\n%-14s %zu\n", "dataset",
                     ds_root(ds), "shape", ds_shape_name(ds_shape(ds)), "pictures",
                     ds_count(ds), "labelled", ds_labelled(ds), "classes",
                     figures.classes);
        (void)printf("%-14s %zu\n%-14s %zu\n", "damaged", figures.verdicts[DS_DAMAGED],
                     "odd", figures.verdicts[DS_ODD]);
    }
out:
    free(checks);
    ds_close(ds);
    return rc;
}

// ---- which of the three ----

enum kind { KIND_MODEL, KIND_DATASET, KIND_DATABASE };

// Text that is no JSON is a csv or a datalist.
static bool is_list(const char *head, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)head[i] < ' ' && !strchr("\t\r\n", head[i]))
            return false;
    while (n > 0 && strchr("\t\r\n ", head[0]))
        head++, n--;
    return n > 0 && head[0] != '{';
}

// By name; what is no such file inside is to be told as a damaged model.
static bool is_called_model(const char *path)
{
    static const char *const suffixes[] = {".safetensors", ".pth",     ".pt",
                                           ".onnx",        ".h5",      ".keras",
                                           ".pdparams",    ".pdmodel", ".pdiparams"};
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
        if (str_ends_with_nocase(path, suffixes[i]))
            return true;
    return false;
}

static enum err_code tell_kind(const char *path, enum kind *kind, struct err *e)
{
    char head[512];
    *kind = KIND_DATASET;
    if (file_is_dir(path))
        return ERR_OK;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_set_errno(e, errno, path, "cannot open");
    ssize_t n = read(fd, head, sizeof head);
    int errnum = errno;
    close(fd);
    if (n < 0)
        return err_set_errno(e, errnum, path, "cannot read");
    if (n >= 16 && memcmp(head, "SQLite format 3", 16) == 0)
        *kind = KIND_DATABASE;
    else if (!is_list(head, (size_t)n) || is_called_model(path))
        *kind = KIND_MODEL;
    return ERR_OK;
}

static enum err_code run_info(struct cli *cli, void *fields, struct err *e)
{
    enum kind kind;
    struct cache *cache = NULL;
    const char *path = cli->operands[0];
    enum err_code rc = tell_kind(path, &kind, e);
    if (rc != ERR_OK)
        return rc;
    switch (kind) {
    case KIND_MODEL:
        return info_model(cli, fields, e);
    case KIND_DATASET:
        return info_dataset(cli, e);
    case KIND_DATABASE:
        break;
    }
    rc = database_open(path, &cache, e);
    if (rc == ERR_OK)
        rc = runs_print(cli, cache, e);
    cache_close(cache);
    return rc;
}

const struct cmd cmd_info = {
    .name = "info",
    .operands = "MODEL|DATASET|DB",
    .min_operands = 1,
    .max_operands = 1,
    .about = "Of a model: architecture, sizes, work and preprocessing. Of a dataset: its "
             "shape, labels and damaged files. Of a database: its runs and how much of "
             "their datasets they cover. Which of the three it is, its content tells.",
    .opts = info_opts,
    .size = sizeof(struct info_args),
    .run = run_info,
};
