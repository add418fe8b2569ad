#include "cli/doctor/doctor.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct doctor_order_info *doctor_order_info(enum doctor_order order)
{
    static const struct doctor_order_info table[DOCTOR_ORDERS] = {
        [DOCTOR_PLAIN] = {"as they are, from 0",
                          "the labels are in the model's own order", NULL},
        [DOCTOR_FROM_ONE] = {"counted from 1",
                             "off by one: the labels count from 1, the model from 0",
                             "subtract 1 from every label"},
        [DOCTOR_BACKGROUND] =
            {"class 0 is background",
             "off by one: the model's class 0 is a background class that "
             "the labels do not count",
             "add 1 to every label, or take the background out of the "
             "head"},
        [DOCTOR_ILSVRC] =
            {"devkit's ids, 1 to 1000",
             "devkit order: the labels are ILSVRC2012 ids, not places in the "
             "order of WordNet ids",
             NULL},
        [DOCTOR_ILSVRC_FROM_ZERO] =
            {"devkit's ids, from 0",
             "devkit order, counted from 0: the labels are "
             "ILSVRC2012 ids less 1",
             "add 1 to every label and give --label-order ilsvrc"},
        [DOCTOR_AS_TEXT] =
            {"numbers sorted as text",
             "the labels come from folders 0, 1, 10, 100, … sorted as text",
             "let the folders' numbers be the labels"},
        [DOCTOR_MODEL_ILSVRC] = {"the model's in devkit order",
                                 "devkit order: the model's classes are in the order of "
                                 "ILSVRC2012 ids, the labels in that of WordNet ids",
                                 "put the rows of the head in the order of WordNet ids"},
        [DOCTOR_MODEL_AS_TEXT] = {"the model's sorted as text",
                                  "the model was trained on folders 0, 1, 10, 100, … "
                                  "sorted as text",
                                  "put the rows of the head in the order of numbers"},
    };
    return &table[order];
}

static int by_text(const void *a, const void *b)
{
    char left[16], right[16];
    (void)snprintf(left, sizeof left, "%d", *(const int *)a);
    (void)snprintf(right, sizeof right, "%d", *(const int *)b);
    return strcmp(left, right);
}

// Two orders of the same classes, and the way back.
struct tables {
    int classes;
    int *number, *place; // the number at a place when sorted as text, and its inverse
    int id[1000];        // ILSVRC2012 id of a class
};

static void tables_init(struct tables *t, int classes)
{
    size_t n = (size_t)classes;
    *t = (struct tables){.classes = classes};
    t->number = mem_new(n * sizeof *t->number);
    t->place = mem_new(n * sizeof *t->place);
    for (int i = 0; i < classes; i++)
        t->number[i] = i;
    qsort(t->number, n, sizeof *t->number, by_text);
    for (int i = 0; i < classes; i++)
        t->place[t->number[i]] = i;
    for (int id = 1; id <= 1000; id++)
        t->id[labels_from_ilsvrc(id)] = id;
}

static int wanted(const struct tables *t, enum doctor_order order, int label)
{
    bool known = label >= 0 && label < t->classes;
    // Up to ten, numbers have the same order as text.
    bool text = known && t->classes > 10;
    bool imagenet = t->classes == 1000 || t->classes == 1001;
    switch (order) {
    case DOCTOR_FROM_ONE:
        return label - 1;
    case DOCTOR_BACKGROUND:
        return label + 1;
    case DOCTOR_ILSVRC:
        return imagenet ? labels_from_ilsvrc(label) : -1;
    case DOCTOR_ILSVRC_FROM_ZERO:
        return imagenet ? labels_from_ilsvrc(label + 1) : -1;
    case DOCTOR_AS_TEXT:
        return text ? t->number[label] : -1;
    case DOCTOR_MODEL_ILSVRC:
        return imagenet && label < 1000 ? t->id[label] - 1 : -1;
    case DOCTOR_MODEL_AS_TEXT:
        return text ? t->place[label] : -1;
    case DOCTOR_PLAIN:
    case DOCTOR_ORDERS:
    default:
        return label;
    }
}

void doctor_orders_fill(struct doctor_picture *pictures, size_t n, int classes, int first)
{
    struct tables tables;
    tables_init(&tables, classes - first);
    for (size_t i = 0; i < n; i++)
        for (int order = 0; order < DOCTOR_ORDERS; order++) {
            int number = pictures[i].label - first;
            int class = wanted(&tables, (enum doctor_order)order, number);
            bool known = class >= 0 && class < tables.classes;
            pictures[i].wanted[order] = known ? class + first : -1;
        }
    free(tables.number);
    free(tables.place);
}

bool doctor_order_applies(const struct doctor_sample *sample, enum doctor_order order)
{
    for (size_t i = 0; i < sample->count; i++)
        if (sample->pictures[i].wanted[order] >= 0)
            return true;
    return false;
}
