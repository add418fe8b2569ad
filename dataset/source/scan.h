#ifndef DATASET_SOURCE_SCAN_H
#define DATASET_SOURCE_SCAN_H

// Walks a folder and lists its pictures without opening one.

#include "dataset/source/set.h"

// Folders directly below the root, hidden ones left out.
struct scan {
    const char **dirs; // sorted; strings live in the set
    size_t dir_count, dir_cap;
};

// Adds every picture below ds->root, sorted by name, without labels. Links are followed,
// loops are not. ERR_PERM when a folder cannot be read.
enum err_code scan_folder(struct ds *ds, struct scan *scan, struct err *e) MUST_CHECK;
void scan_release(struct scan *scan);

#endif
