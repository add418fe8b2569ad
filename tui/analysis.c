#include "tui/analysis.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

// A matrix of more classes than these shows the ones that are confused most.
enum { AXIS_MAX = 60 };

const char *class_order_name(int order)
{
    static const char *const names[] = {"most errors first", "lowest recall first",
                                        "by index"};
    return names[order];
}

void analysis_clear(struct analysis *analysis)
{
    free(analysis->pairs);
    free(analysis->cells);
    free(analysis->classes);
    free(analysis->class_order);
    free(analysis->axis);
    *analysis = (struct analysis){0};
}

static size_t errors_of(const struct rep_class *class)
{
    return class->support - class->correct + class->predicted - class->correct;
}

struct sort_context {
    const struct rep_class *classes;
    int order;
};

static int compare_classes(const void *a, const void *b, void *ctx)
{
    const struct sort_context *sort = ctx;
    int i = *(const int *)a;
    int j = *(const int *)b;
    const struct rep_class *x = &sort->classes[i];
    const struct rep_class *y = &sort->classes[j];
    if (sort->order == CLASS_BY_ERRORS && errors_of(x) != errors_of(y))
        return errors_of(x) > errors_of(y) ? -1 : 1;
    // Classes without pictures have no recall and come last.
    if (sort->order == CLASS_BY_RECALL && x->support && y->support &&
        x->recall != y->recall)
        return x->recall < y->recall ? -1 : 1;
    if (sort->order == CLASS_BY_RECALL && !x->support != !y->support)
        return x->support ? -1 : 1;
    return i - j;
}

static void order_classes(struct analysis *analysis, int classes, int order)
{
    analysis->class_order = mem_array((size_t)classes, sizeof(int));
    if (!analysis->class_order)
        return;
    for (int i = 0; i < classes; i++)
        if (analysis->classes[i].support || analysis->classes[i].predicted)
            analysis->class_order[analysis->class_count++] = i;
    struct sort_context sort = {analysis->classes, order};
    qsort_r(analysis->class_order, analysis->class_count, sizeof(int), compare_classes,
            &sort);
}

// Adds a class to the axis; true when it is new. A run of another model may know classes
// that these labels do not.
static bool choose(bool *chosen, int classes, int class)
{
    if (class >= classes)
        return false;
    bool fresh = !chosen[class];
    chosen[class] = true;
    return fresh;
}

static void make_axis(struct analysis *analysis, int classes)
{
    bool *chosen = mem_array((size_t)classes, sizeof(bool));
    analysis->axis = mem_array((size_t)classes, sizeof(int));
    size_t n = 0;
    if (!chosen || !analysis->axis) {
        free(chosen);
        return;
    }
    if (analysis->class_count <= AXIS_MAX)
        for (size_t i = 0; i < analysis->class_count; i++)
            n += choose(chosen, classes, analysis->class_order[i]);
    for (size_t i = 0; i < analysis->pair_count && n + 2 <= AXIS_MAX; i++) {
        n += choose(chosen, classes, analysis->pairs[i].truth);
        n += choose(chosen, classes, analysis->pairs[i].predicted);
    }
    for (int i = 0; i < classes; i++)
        if (chosen[i])
            analysis->axis[analysis->axis_count++] = i;
    free(chosen);
}

static bool make(struct analysis *analysis, const struct state *state)
{
    const struct row *rows = state->set.rows;
    size_t n = state->set.count;
    return rep_pairs(rows, n, &analysis->pairs, &analysis->pair_count, NULL) == ERR_OK &&
           rep_confusion(rows, n, &analysis->cells, &analysis->cell_count, NULL) ==
               ERR_OK &&
           rep_classes(rows, n, state->classes, &analysis->classes, NULL) == ERR_OK;
}

bool analysis_stale(const struct analysis *analysis, const struct state *state)
{
    return !analysis->made || analysis->version != state->version;
}

void analysis_update(struct analysis *analysis, const struct state *state, int order,
                     double now)
{
    if (!analysis_stale(analysis, state) ||
        (analysis->made && now - analysis->time < analysis->cost * 20 + 0.2))
        return;
    double start = clock_now();
    analysis_clear(analysis);
    analysis->made = true;
    analysis->version = state->version;
    // Without memory the tables stay empty; the views say that there is nothing to show.
    if (make(analysis, state)) {
        order_classes(analysis, state->classes, order);
        make_axis(analysis, state->classes);
    }
    analysis->time = clock_now();
    analysis->cost = analysis->time - start;
}

size_t analysis_cell(const struct analysis *analysis, int truth, int predicted)
{
    size_t low = 0, high = analysis->cell_count;
    while (low < high) {
        size_t mid = (low + high) / 2;
        const struct rep_pair *cell = &analysis->cells[mid];
        if (cell->truth == truth && cell->predicted == predicted)
            return cell->count;
        if (cell->truth < truth || (cell->truth == truth && cell->predicted < predicted))
            low = mid + 1;
        else
            high = mid;
    }
    return 0;
}
