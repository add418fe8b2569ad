#include "engine/model/arch.h"

#include "engine/model/arch_row.h"

#include "base/str.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INPUT_SIZE = 299 };

static const struct arch_row rows[] = {
#define ARCH(name, publisher, family, strides, middle, epsilon, crop_pct, params, work)  \
    {#name, #publisher, &arch_##family, strides, middle, epsilon, crop_pct, params, work},
#include "engine/model/arch.def"
#undef ARCH
};
enum { ROWS = sizeof rows / sizeof rows[0] };

static const struct arch_row *find_row(const char *arch)
{
    for (int i = 0; i < ROWS; i++)
        if (strcmp(rows[i].name, arch) == 0)
            return &rows[i];
    return NULL;
}

enum err_code arch_check(const char *arch, struct err *e)
{
    if (find_row(arch))
        return ERR_OK;
    struct str known = {0};
    for (int i = 0; i < ROWS; i++)
        str_addf(&known, "%s%s", i ? ", " : "", rows[i].name);
    enum err_code rc =
        err_set(e, ERR_USAGE, "unknown architecture %s, expected one of %s", arch,
                str_get(&known));
    str_release(&known);
    return rc;
}

// Both finders give NULL and raise in the context when no row fits.
static const struct arch_row *find_by_name(struct arch_ctx *c, const char *arch)
{
    const struct arch_row *row = find_row(arch);
    c->rc = arch_check(arch, c->e);
    if (row && !bag_find(c->bag, row->family->probe))
        c->rc = err_set(c->e, ERR_FORMAT, "%s: not a %s: it has no tensor %s",
                        c->bag->path, arch, row->family->probe);
    return c->rc ? NULL : row;
}

static enum err_code not_an_xception(const struct bag *bag, struct err *e)
{
    struct str looked = {0};
    const struct arch_family *last = NULL;
    for (int i = 0; i < ROWS; i++) {
        if (rows[i].family != last)
            str_addf(&looked, "%s%s (%s)", last ? ", " : "", rows[i].family->probe,
                     rows[i].name);
        last = rows[i].family;
    }
    enum err_code rc = err_set(
        e, ERR_FORMAT,
        "%s: not an Xception: none of its %zu tensors (the first is %.100s) is %s",
        bag->path, bag->count, bag->count ? bag->tensors[0].name : "none",
        str_get(&looked));
    str_release(&looked);
    return rc;
}

// The row of the family whose entry flow has as many blocks and whose depth is nearest.
static const struct arch_row *find_by_tensors(struct arch_ctx *c)
{
    int nearest = 0;
    const struct arch_row *best = NULL;
    for (int i = 0; i < ROWS; i++) {
        int entry, middle;
        if (!bag_find(c->bag, rows[i].family->probe))
            continue;
        c->dialect = rows[i].family->dialect;
        rows[i].family->survey(c, &entry, &middle);
        int distance = abs(middle - rows[i].middle) +
                       1000 * abs(entry - (int)strlen(rows[i].strides));
        if (!best || distance < nearest) {
            best = &rows[i];
            nearest = distance;
        }
    }
    if (!best)
        c->rc = not_an_xception(c->bag, c->e);
    return best;
}

static void build(struct arch_ctx *c)
{
    c->dialect = c->row->family->dialect;
    c->row->family->survey(c, &c->entry, &c->middle);
    int known = (int)strlen(c->row->strides);
    if (c->entry > known) {
        c->rc = err_set(c->e, ERR_FORMAT,
                        "%s: %d blocks in the entry flow, %s has %d: their strides are "
                        "not known",
                        c->bag->path, c->entry, c->row->name, known);
        return;
    }
    int input = net_add(c->net, NET_INPUT, "input", -1, -1);
    c->net->nodes[input].channels = 3;
    c->row->family->build(c);
    if (c->rc == ERR_OK)
        c->rc = bag_all_used(c->bag, NULL, c->e);
}

const struct arch_row *arch_rows(int *count)
{
    *count = ROWS;
    return rows;
}

void arch_describe(struct net *net, const struct arch_row *row)
{
    (void)snprintf(net->arch, sizeof net->arch, "%s", row->name);
    (void)snprintf(net->publisher, sizeof net->publisher, "%s", row->publisher);
    net->crop_pct = row->crop_pct;
}

enum err_code arch_build(struct bag *bag, const char *arch, struct net *out,
                         struct err *e)
{
    struct arch_ctx c = {.bag = bag, .net = out, .e = e};
    *out = (struct net){0};
    c.row = arch ? find_by_name(&c, arch) : find_by_tensors(&c);
    if (!c.row)
        return c.rc;
    build(&c);
    if (c.rc) {
        net_release(out);
        return c.rc;
    }
    arch_describe(out, c.row);
    // timm's own preprocessing has to be asked for: its models default to the recipe's.
    bool timm = strcmp(c.row->publisher, "timm") == 0;
    (void)snprintf(out->preset, sizeof out->preset, "%s",
                   timm ? "xception" : c.row->publisher);
    out->height = out->width = INPUT_SIZE;
    return ERR_OK;
}

bool arch_published(const char *arch, uint64_t params, uint64_t stats,
                    struct arch_figures *out)
{
    static const struct {
        const char *publisher, *note;
        bool with_stats;
    } ways[] = {
        {"timm",
         "twice the multiply-adds of thop at 224x224, batch norms with an activation not "
         "counted",
         false},
        {"keras",
         "parameters with running statistics, twice the multiply-adds at 224x224", true},
        {"ppcls",
         "paddle.flops at 299x299: batch norm and pooling counted, running statistics "
         "among the parameters",
         true},
    };
    const struct arch_row *row = find_row(arch);
    for (size_t i = 0; row && i < sizeof ways / sizeof ways[0]; i++) {
        if (strcmp(ways[i].publisher, row->publisher) != 0)
            continue;
        double own = (double)(params + (ways[i].with_stats ? stats : 0)) / 1e6;
        *out = (struct arch_figures){row->params_m, row->work_g, ways[i].note};
        return fabs(own - row->params_m) <= 0.005 * row->params_m;
    }
    return false;
}
