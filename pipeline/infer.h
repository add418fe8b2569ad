#ifndef PIPELINE_INFER_H
#define PIPELINE_INFER_H

// Input npz files through a network into result npz files, one each: what vamp does with
// --datalist and --path_output.

#include "pipeline/pipeline.h"

#include "dataset/vdsp.h"

struct pipe_infer {
    const struct pipe_setup *setup;
    const struct ds_vdsp *vdsp; // in place of the preset, or NULL
    const struct ds *ds;        // the datalist
    const char *out;            // folder: NNNNNNNN_<stem>.npz by place in the datalist
    int first, step;            // the places first, first + step, … are this one's
    int instances, batch, threads;
    bool force;                // compute again what is there and whole
    const atomic_bool *cancel; // or NULL
};
struct pipe_infer_result {
    size_t written, kept, failed;
};
// Both are called by one thread at a time; a failed line is told and left out.
struct pipe_infer_watch {
    void (*error)(void *ctx, const char *message);
    void *ctx;
    struct progress progress;
};

// Makes OUT where it is missing, removes what a killed run left in it, and refuses it
// (ERR_EXISTS) when it holds anything but results of this datalist, since the scripts
// that read it take every entry for one.
enum err_code pipe_infer_folder(const struct ds *ds, const char *out,
                                struct err *e) MUST_CHECK;

enum err_code pipe_infer_run(const struct pipe_infer *spec,
                             const struct pipe_infer_watch *watch,
                             struct pipe_infer_result *result, struct err *e) MUST_CHECK;

#endif
