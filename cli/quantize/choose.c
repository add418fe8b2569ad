#include "cli/quantize/choose.h"

#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>

enum { CLASSES_NAMED = 5 };

struct place {
    size_t item;
    size_t round; // how many of its class come before it
    int class;    // `classes` when it has none of the model's
};

static int by_round(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    if (x->round != y->round)
        return (x->round > y->round) - (x->round < y->round);
    if (x->class != y->class)
        return (x->class > y->class) - (x->class < y->class);
    return (x->item > y->item) - (x->item < y->item);
}

// The pictures without a label come after all others.
static void place_items(const struct ds *ds, int classes, size_t *seen,
                        struct place *places)
{
    const size_t count = ds_count(ds);
    for (size_t i = 0; i < count; i++) {
        int label = ds_item(ds, i)->label;
        bool known = label >= 0 && label < classes;
        int class = known ? label : classes;
        size_t round = seen[class]++;
        places[i] = (struct place){i, known ? round : count + round, class};
    }
    qsort(places, count, sizeof *places, by_round);
}

static void name_missing(const struct pipe_setup *setup, const bool *there, int classes,
                         struct str *text)
{
    int named = 0;
    for (int c = 0; c < classes && named < CLASSES_NAMED; c++) {
        char word[64];
        if (there[c])
            continue;
        str_addf(text, "%s%d (%s)", named++ ? ", " : "", c,
                 labels_short(setup->labels, c, word, sizeof word));
    }
}

static enum err_code judge_classes(const struct ds *ds, const struct pipe_setup *setup,
                                   const struct place *places, bool allow_missing,
                                   struct quantize_set *set, struct err *e)
{
    const int classes = eng_model_info(setup->model)->classes;
    bool *there = mem_new((size_t)classes + 1);
    for (size_t i = 0; i < set->count; i++)
        there[places[i].class] = true;
    for (int c = 0; c < classes; c++)
        set->missing += !there[c];
    enum err_code rc = ERR_OK;
    if (allow_missing || !set->missing) {
        free(there);
        return ERR_OK;
    }
    if (set->missing == classes) {
        rc =
            err_set(e, ERR_FORMAT,
                    "%s: its pictures have no labels of the model's %d classes, expected "
                    "one of each class or --allow-missing-classes",
                    ds_root(ds), classes);
    } else {
        struct str names = {0};
        name_missing(setup, there, classes, &names);
        rc =
            err_set(e, ERR_FORMAT,
                    "%s: %d of %d classes have no picture among the %zu to calibrate on: "
                    "%s%s; expected one of each class or --allow-missing-classes",
                    ds_root(ds), set->missing, classes, set->count, str_get(&names),
                    set->missing > CLASSES_NAMED ? ", …" : "");
        str_release(&names);
    }
    free(there);
    return rc;
}

enum err_code quantize_set_choose(const struct ds *ds, const struct pipe_setup *setup,
                                  size_t n, bool allow_missing, struct quantize_set *out,
                                  struct err *e)
{
    enum err_code rc = ERR_OK;
    const size_t count = ds_count(ds);
    const int classes = eng_model_info(setup->model)->classes;
    size_t *seen = mem_array((size_t)classes + 1, sizeof *seen);
    struct place *places = mem_array(count, sizeof *places);
    *out = (struct quantize_set){.items = mem_array(count, sizeof *out->items),
                                 .count = n < count ? n : count};
    if (!seen || !places || !out->items) {
        rc = err_set(e, ERR_NOMEM, "no memory for %zu pictures", count);
        goto out;
    }
    if (count == 0)
        TRY(err_set(e, ERR_FORMAT, "%s: has no pictures, expected some to calibrate on",
                    ds_root(ds)));
    place_items(ds, classes, seen, places);
    for (size_t i = 0; i < count; i++)
        out->items[i] = places[i].item;
    out->others = count - out->count;
    if (out->others > QUANTIZE_OTHERS)
        out->others = QUANTIZE_OTHERS;
    rc = judge_classes(ds, setup, places, allow_missing, out, e);
out:
    free(seen);
    free(places);
    if (rc != ERR_OK)
        quantize_set_release(out);
    return rc;
}

void quantize_set_release(struct quantize_set *set)
{
    free(set->items);
    *set = (struct quantize_set){0};
}
