#include "cli/bench/bench.h"

#include "cli/out/json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define US 1e6
#define MS 1e3

// The least value that this share of all does not exceed.
static double percentile(const double *sorted, size_t n, double percent)
{
    double rank = ceil(percent / 100 * (double)n);
    return sorted[rank > 1 ? (size_t)rank - 1 : 0];
}

static double mean(const double *values, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += values[i];
    return sum / (double)n;
}

static double gflops(const struct bench_result *r)
{
    return 2 * r->gmac * r->rate;
}

// ---- a layer ----

struct layer {
    double ms;     // a picture
    double gflops; // NaN where the layer takes no time of its own
};

// What runs inside a later layer's step (a depthwise convolution in the pointwise one
// behind it) has no time; its work counts where its time does. *carried is that work.
static struct layer take_layer(const struct bench_result *r, int i, double *carried)
{
    struct layer layer = {r->layers[i] * MS, (double)NAN};
    *carried += 2e-9 * (double)r->macs[i];
    if (layer.ms <= 0)
        return layer;
    layer.gflops = *carried / r->layers[i];
    *carried = 0;
    return layer;
}

// ---- for people ----

static void print_latency(const char *what, const double *sorted, size_t n,
                          const struct bench_percentiles *percentiles)
{
    (void)printf("  %s latency (us):\n", what);
    (void)printf("    avg latency: %.0f\n", mean(sorted, n) * US);
    (void)printf("    min latency: %.0f\n", sorted[0] * US);
    (void)printf("    max latency: %.0f\n", sorted[n - 1] * US);
    for (int i = 0; i < percentiles->count; i++)
        (void)printf("    p%g latency: %.0f\n", percentiles->values[i],
                     percentile(sorted, n, percentiles->values[i]) * US);
}

// Each kernel once, with how many layers use it; the i-th layer is its first user.
static int count_users(const struct eng_info *info, int i)
{
    const char *kernel = info->layers[i].kernel;
    int users = 0;
    for (int k = 0; k < info->layer_count; k++) {
        bool same = strcmp(info->layers[k].kernel, kernel) == 0;
        if (same && k < i)
            return 0;
        users += same;
    }
    return kernel[0] ? users : 0;
}

static void print_kernels(const struct eng_info *info)
{
    const char *between = "  kernels: ";
    for (int i = 0; i < info->layer_count; i++) {
        int users = count_users(info, i);
        if (users == 0)
            continue;
        (void)printf("%s%s (%d)", between, info->layers[i].kernel, users);
        between = ", ";
    }
    (void)putchar('\n');
}

void bench_print(const struct bench_spec *spec, const struct bench_result *r,
                 const struct bench_percentiles *percentiles)
{
    const struct eng_info *info = eng_model_info(spec->model);
    double share = gflops(r) / r->peak;
    (void)printf("- number of instances in each device: %d\n", spec->instances);
    (void)printf("  devices: [0]\n");
    (void)printf("  batch size: %d\n", spec->batch);
    (void)printf("  samples: %zu\n", r->batches * (size_t)spec->batch);
    (void)printf("  forwad time (s): %.5f\n", r->seconds); // vamp's own spelling
    (void)printf("  throughput (qps): %.6g\n", r->rate);
    (void)printf("  ai utilize (%%): %.4f\n", 100 * share);
    (void)printf("  die memory used (MB): %.2f\n", r->rss_mib);
    print_latency("e2e", r->e2e, r->batches, percentiles);
    print_latency("model", r->model, r->batches, percentiles);
    (void)printf("  model: %s, %s, %dx%d, %.3f GMAC a picture\n", info->arch,
                 eng_precision_name(info->precision), spec->height, spec->width, r->gmac);
    (void)printf("  work: %.1f GMAC/s, %.1f GFLOP/s\n", gflops(r) / 2, gflops(r));
    (void)printf("  multiply-add peak: %.1f GFLOP/s (%s, %d thread%s)\n", r->peak,
                 eng_isa_name(info->isa), spec->threads, spec->threads == 1 ? "" : "s");
    (void)printf("  memory: %.0f MiB at most, %.0f MiB in the end, %d process%s\n",
                 r->rss_mib, r->pss_mib, spec->processes,
                 spec->processes == 1 ? "" : "es");
    print_kernels(info);
}

void bench_print_layers(const struct bench_spec *spec, const struct bench_result *r)
{
    const struct eng_info *info = eng_model_info(spec->model);
    double carried = 0, total = 0;
    (void)printf("\n%-40s %-12s %-26s %9s %7s %9s %7s\n", "layer", "op", "kernel", "ms",
                 "% time", "GFLOP/s", "% peak");
    for (int i = 0; i < info->layer_count; i++)
        total += r->layers[i] * MS;
    for (int i = 0; i < info->layer_count; i++) {
        const struct eng_layer *l = &info->layers[i];
        struct layer layer = take_layer(r, i, &carried);
        if (isnan(layer.gflops))
            continue;
        (void)printf("%-40s %-12s %-26s %9.4f %7.2f %9.1f %7.1f\n", l->name, l->op,
                     l->kernel, layer.ms, 100 * layer.ms / total, layer.gflops,
                     100 * layer.gflops * spec->instances / r->peak);
    }
    (void)printf("%-40s %-12s %-26s %9.4f\n", "all", "", "", total);
}

// ---- for programs ----

static void add_latency(cJSON *document, const char *key, const double *sorted, size_t n,
                        const struct bench_percentiles *percentiles)
{
    cJSON *object = cJSON_AddObjectToObject(document, key);
    for (int i = 0; i < percentiles->count; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "p%g", percentiles->values[i]);
        json_number(object, name, percentile(sorted, n, percentiles->values[i]) * MS);
    }
    json_number(object, "mean", mean(sorted, n) * MS);
    json_number(object, "min", sorted[0] * MS);
    json_number(object, "max", sorted[n - 1] * MS);
}

static void add_kernels(cJSON *document, const struct eng_info *info)
{
    cJSON *list = cJSON_AddArrayToObject(document, "kernels");
    for (int i = 0; i < info->layer_count; i++)
        if (count_users(info, i))
            cJSON_AddItemToArray(list, cJSON_CreateString(info->layers[i].kernel));
}

static void add_layers(cJSON *document, const struct bench_spec *spec,
                       const struct bench_result *r)
{
    const struct eng_info *info = eng_model_info(spec->model);
    cJSON *list = cJSON_AddArrayToObject(document, "layers");
    double carried = 0;
    for (int i = 0; i < info->layer_count; i++) {
        struct layer layer = take_layer(r, i, &carried);
        cJSON *row = cJSON_CreateObject();
        json_text(row, "name", info->layers[i].name);
        json_text(row, "op", info->layers[i].op);
        json_text(row, "kernel", info->layers[i].kernel);
        json_number(row, "ms", layer.ms);
        json_number(row, "gflops", layer.gflops);
        json_number(row, "fraction_of_peak", layer.gflops * spec->instances / r->peak);
        cJSON_AddItemToArray(list, row);
    }
}

cJSON *bench_document(const struct bench_spec *spec, const struct bench_result *r,
                      const struct bench_percentiles *percentiles, bool with_layers)
{
    const struct eng_info *info = eng_model_info(spec->model);
    cJSON *document = cJSON_CreateObject();
    json_text(document, "model", info->path);
    json_text(document, "arch", info->arch);
    json_text(document, "precision", eng_precision_name(info->precision));
    json_text(document, "isa", eng_isa_name(info->isa));
    cJSON_AddItemToObject(document, "input",
                          cJSON_CreateIntArray((int[]){3, spec->height, spec->width}, 3));
    json_number(document, "batch", spec->batch);
    json_number(document, "instances", spec->instances);
    json_number(document, "processes", spec->processes);
    json_number(document, "threads", spec->threads);
    json_number(document, "forward_mode", spec->wait);
    json_number(document, "samples", (double)r->batches * spec->batch);
    json_number(document, "seconds", r->seconds);
    json_number(document, "throughput_ips", r->rate);
    add_latency(document, "latency_ms", r->model, r->batches, percentiles);
    add_latency(document, "e2e_latency_ms", r->e2e, r->batches, percentiles);
    json_number(document, "gmac_per_image", r->gmac);
    json_number(document, "gflops", gflops(r));
    json_number(document, "peak_gflops", r->peak);
    json_number(document, "fraction_of_peak", gflops(r) / r->peak);
    json_number(document, "peak_rss_mib", r->rss_mib);
    json_number(document, "pss_mib", r->pss_mib);
    add_kernels(document, info);
    if (with_layers)
        add_layers(document, spec, r);
    return document;
}
