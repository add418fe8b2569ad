#include "cli/doctor/doctor.h"

#include "base/mem.h"
#include "base/random.h"

#include <stdlib.h>

// A labelled picture on its way into the sample.
struct candidate {
    size_t item, turn; // place in the random order
    int label;
    size_t nth; // of its label, in that order
};

static int by_label(const void *a, const void *b)
{
    const struct candidate *l = a, *r = b;
    if (l->label != r->label)
        return l->label < r->label ? -1 : 1;
    return (l->turn > r->turn) - (l->turn < r->turn);
}

static int by_turn(const void *a, const void *b)
{
    const struct candidate *l = a, *r = b;
    if (l->nth != r->nth)
        return l->nth < r->nth ? -1 : 1;
    return (l->turn > r->turn) - (l->turn < r->turn);
}

// First one picture of each label, then a second one of each that has more, …: any first
// part has as many labels as it can.
static void deal(struct candidate *all, size_t n)
{
    qsort(all, n, sizeof *all, by_label);
    for (size_t i = 1; i < n; i++)
        all[i].nth = all[i].label == all[i - 1].label ? all[i - 1].nth + 1 : 0;
    qsort(all, n, sizeof *all, by_turn);
}

static size_t gather(const struct ds *ds, const size_t *order, struct candidate *all)
{
    size_t n = 0;
    for (size_t i = 0; i < ds_count(ds); i++) {
        const struct ds_item *item = ds_item(ds, order[i]);
        if (item->label >= 0)
            all[n++] = (struct candidate){order[i], i, item->label, 0};
    }
    return n;
}

enum err_code doctor_sample_open(const struct ds *ds, size_t n, int classes, int first,
                                 struct doctor_sample *out, struct err *e)
{
    enum err_code rc = ERR_OK;
    size_t count = ds_count(ds);
    size_t *order = mem_array(count, sizeof *order);
    struct candidate *all = mem_array(count, sizeof *all);
    *out = (struct doctor_sample){0};
    out->pictures = mem_array(n < count ? n : count, sizeof *out->pictures);
    if (!order || !all || !out->pictures) {
        rc = err_set(e, ERR_NOMEM, "no memory for %zu pictures", count);
        goto out;
    }
    for (size_t i = 0; i < count; i++)
        order[i] = i;
    random_shuffle(order, count, DOCTOR_SEED);
    out->labelled = gather(ds, order, all);
    if (out->labelled == 0)
        TRY(err_set(e, ERR_MISSING,
                    "%s: %s, no picture has a label, expected some to compare the "
                    "model's answers with",
                    ds_root(ds), ds_shape_name(ds_shape(ds))));
    deal(all, out->labelled);
    out->count = n < out->labelled ? n : out->labelled;
    out->per_class = all[out->count - 1].nth + 1;
    for (size_t i = 0; i < out->count; i++)
        out->pictures[i] =
            (struct doctor_picture){.item = all[i].item, .label = all[i].label};
    doctor_orders_fill(out->pictures, out->count, classes, first);
out:
    free(order);
    free(all);
    return rc;
}

void doctor_sample_release(struct doctor_sample *sample)
{
    free(sample->pictures);
    *sample = (struct doctor_sample){0};
}
