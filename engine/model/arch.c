#include "engine/model/arch.h"

#include "engine/model/arch_row.h"

#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INPUT_SIZE = 299 };

static const struct arch_row rows[] = {
#define ARCH(name, publisher, family, strides, middle, epsilon, crop_pct)                \
    {#name, #publisher, &arch_##family, strides, middle, epsilon, crop_pct},
#include "engine/model/arch.def"
#undef ARCH
};
enum { ROWS = sizeof rows / sizeof rows[0] };

const char *const *arch_names(void)
{
    static const char *const names[] = {
#define ARCH(name, publisher, family, strides, middle, epsilon, crop_pct) #name,
#include "engine/model/arch.def"
#undef ARCH
        NULL,
    };
    return names;
}

static enum err_code find_by_name(const struct bag *bag, const char *arch,
                                  const struct arch_row **out, struct err *e)
{
    struct str known = {0};
    for (int i = 0; i < ROWS; i++) {
        if (strcmp(rows[i].name, arch) == 0) {
            str_release(&known);
            *out = &rows[i];
            if (bag_find(bag, rows[i].family->probe))
                return ERR_OK;
            return err_set(e, ERR_FORMAT, "%s: not a %s: it has no tensor %s", bag->path,
                           arch, rows[i].family->probe);
        }
        str_addf(&known, "%s%s", i ? ", " : "", rows[i].name);
    }
    enum err_code rc =
        err_set(e, ERR_USAGE, "unknown architecture %s, expected one of %s", arch,
                str_get(&known));
    str_release(&known);
    return rc;
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
static enum err_code find_by_tensors(struct arch_ctx *c, const struct arch_row **out)
{
    int nearest = 0;
    *out = NULL;
    for (int i = 0; i < ROWS; i++) {
        int entry, middle;
        if (!bag_find(c->bag, rows[i].family->probe))
            continue;
        c->dialect = rows[i].family->dialect;
        rows[i].family->survey(c, &entry, &middle);
        int distance = abs(middle - rows[i].middle) +
                       1000 * abs(entry - (int)strlen(rows[i].strides));
        if (!*out || distance < nearest) {
            *out = &rows[i];
            nearest = distance;
        }
    }
    return *out ? ERR_OK : not_an_xception(c->bag, c->e);
}

static void describe(struct net *net, const struct arch_row *row)
{
    (void)snprintf(net->arch, sizeof net->arch, "%s", row->name);
    (void)snprintf(net->publisher, sizeof net->publisher, "%s", row->publisher);
    // timm's own preprocessing has to be asked for: its name for pictures is the
    // recipe's.
    bool timm = strcmp(row->publisher, "timm") == 0;
    (void)snprintf(net->preset, sizeof net->preset, "%s",
                   timm ? "xception" : row->publisher);
    net->crop_pct = row->crop_pct;
    net->height = net->width = INPUT_SIZE;
}

enum err_code arch_build(struct bag *bag, const char *arch, struct net *out,
                         struct err *e)
{
    struct arch_ctx c = {.bag = bag, .net = out, .e = e};
    *out = (struct net){0};
    c.rc = arch ? find_by_name(bag, arch, &c.row, e) : find_by_tensors(&c, &c.row);
    if (c.rc)
        return c.rc;
    int entry;
    c.dialect = c.row->family->dialect;
    c.row->family->survey(&c, &entry, &c.middle);
    net_add(out, NET_INPUT, "input", -1, -1);
    out->nodes[0].channels = 3;
    c.row->family->build(&c);
    if (c.rc == ERR_OK)
        c.rc = bag_all_used(bag, NULL, e);
    if (c.rc)
        net_release(out);
    else
        describe(out, c.row);
    return c.rc;
}
