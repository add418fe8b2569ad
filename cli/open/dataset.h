#ifndef CLI_DATASET_H
#define CLI_DATASET_H

// The options that say what the labels of a dataset are.

#include "cli/opt/opt.h"

#define VAL_LABEL_OPT(place)                                                             \
    {                                                                                    \
        .name = "val_label", .value = "FILE",                                            \
        .help = "labels of a flat validation folder; default: val_label.txt near it",    \
        .kind = OPT_TEXT, .offset = (place)                                              \
    }
// An int: 1 for the devkit's.
#define LABEL_ORDER_OPT(place)                                                           \
    {                                                                                    \
        .name = "label-order", .value = "ORDER",                                         \
        .help = "what the numbers in val_label.txt count: 0-based in the order of "      \
                "WordNet ids, or the devkit's 1-based ids; default wnid",                \
        .kind = OPT_CHOICE, .choices = "wnid ilsvrc", .offset = (place)                  \
    }

#endif
