#ifndef PIPELINE_INFER_NAME_H
#define PIPELINE_INFER_NAME_H

// Inside the pipeline room: how the result of a line of the datalist is called.

#include "dataset/dataset.h"

// "00000007_ILSVRC2012_val_00000001.npz", malloc'ed.
char *infer_name(const struct ds *ds, size_t place) MUST_CHECK;

#endif
