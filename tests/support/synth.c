#include "tests/support/synth.h"

#include "tests/support/reference.h"

#include "base/mem.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t fnv1a(const char *s)
{
    uint64_t h = 0xCBF29CE484222325U;
    for (; *s; s++)
        h = (h ^ (unsigned char)*s) * 0x100000001B3U;
    return h;
}

static double stream_at(uint64_t seed, uint64_t i)
{
    uint64_t z = seed + (i + 1) * 0x9E3779B97F4A7C15U;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    z ^= z >> 31;
    return (double)(z >> 40) * 0x1p-23 - 1.0;
}

static float half_of(const char *kind, double fan_in, double fc_v)
{
    static const struct {
        const char *kind;
        double numerator;
    } by_fan[] = {{"conv", 36}, {"dw", 6}, {"pw", 1.7}};
    if (strcmp(kind, "fc") == 0)
        return (float)sqrt(fc_v / fan_in);
    for (size_t i = 0; i < sizeof by_fan / sizeof by_fan[0]; i++)
        if (strcmp(kind, by_fan[i].kind) == 0)
            return (float)sqrt(by_fan[i].numerator / fan_in);
    return strcmp(kind, "gamma") == 0 ? 0.2F : strcmp(kind, "var") == 0 ? 0.4F : 0.1F;
}

void synth_values(const char *name, const char *kind, double fan_in, double fc_v,
                  float *out, size_t n)
{
    bool around_one = strcmp(kind, "gamma") == 0 || strcmp(kind, "var") == 0;
    double centre = around_one ? 1 : 0, half = (double)half_of(kind, fan_in, fc_v);
    uint64_t seed = fnv1a(name);
    for (size_t i = 0; i < n; i++)
        out[i] = (float)(centre + half * stream_at(seed, i));
}

struct row {
    char name[200], shape[64], kind[16], fan_in[16];
};

// "32x3x3x3" to extents.
static void parse_shape(const char *text, struct bag_tensor *t)
{
    char *end = NULL;
    for (t->ndim = 0; t->ndim < BAG_MAX_DIMS; text = end + 1) {
        t->shape[t->ndim++] = strtoul(text, &end, 10);
        if (*end != 'x')
            break;
    }
}

static enum err_code add_tensor(struct bag *bag, const struct row *row, double fc_v,
                                struct err *e)
{
    struct bag_tensor t = {.name = (char *)row->name, .dtype = BAG_F32};
    parse_shape(row->shape, &t);
    size_t n = 1;
    for (int i = 0; i < t.ndim; i++)
        n *= t.shape[i];
    float *values = mem_array(n, sizeof *values);
    if (!values)
        return err_set(e, ERR_NOMEM, "no memory for %s", row->name);
    synth_values(row->name, row->kind, strtod(row->fan_in, NULL), fc_v, values, n);
    bag_take_block(bag, values);
    t.data = values;
    t.bytes = n * sizeof *values;
    return bag_add(bag, &t, e);
}

enum err_code synth_bag(const char *model, struct bag *bag, struct err *e)
{
    struct reference *reference = NULL;
    char *path = reference_path("%s.manifest.tsv", model), line[512];
    FILE *f = NULL;
    enum err_code rc;
    TRY(reference_open(model, &reference, e));
    f = fopen(path, "r");
    if (!f) {
        rc = err_set_errno(e, errno, path, "open");
        goto out;
    }
    bag->path = mem_dup(model);
    while (fgets(line, sizeof line, f)) {
        struct row row;
        if (line[0] != '#' && sscanf(line, "%199s %63s %15s %15s", row.name, row.shape,
                                     row.kind, row.fan_in) == 4)
            TRY(add_tensor(bag, &row, reference_fc_v(reference), e));
    }
out:
    if (f)
        (void)fclose(f);
    free(path);
    reference_close(reference);
    return rc;
}

void synth_image(const char *tag, int h, int w, float *chw)
{
    uint64_t seeds[3];
    static const char *const parts[] = {"colour", "coarse", "fine"};
    for (int i = 0; i < 3; i++) {
        char *name = mem_printf("input/%s/%s", tag, parts[i]);
        seeds[i] = fnv1a(name);
        free(name);
    }
    for (int c = 0; c < 3; c++)
        for (int y = 0; y < h; y++)
            for (int x = 0; x < w; x++) {
                uint64_t cell = (uint64_t)((c * 64 + (y >> 5)) * 64 + (x >> 5));
                uint64_t pixel =
                    ((uint64_t)c * (uint64_t)h + (uint64_t)y) * (uint64_t)w + (uint64_t)x;
                chw[pixel] = (float)(0.5 * stream_at(seeds[0], (uint64_t)c) +
                                     0.3125 * stream_at(seeds[1], cell) +
                                     0.1875 * stream_at(seeds[2], pixel));
            }
}
