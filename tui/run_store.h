#ifndef TUI_RUN_STORE_H
#define TUI_RUN_STORE_H

// Runs in the database: which there are, and the rows of the one on screen.

#include "tui/state.h"
#include "tui/tui.h"

#include "cache/cache.h"

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct run_store {
    struct cache *cache; // NULL: no database yet
    struct cache_run *runs;
    size_t count;
    int64_t shown; // id of the run whose rows are shown, 0: none, or live ones only
    bool ours;     // the shown rows are (or will be) those of setup
    const struct pipe_setup *setup; // the model at hand, NULL: none, or not open yet
    struct labels *run_labels;      // names that came with the shown run, or NULL
};

// Class names where no model or run gives any: the user's, the dataset's, or ImageNet's.
const struct labels *run_store_labels(const struct tui_opts *opts);

// Opens the database when it is there, and lists its runs. Without one all is empty.
enum err_code run_store_open(struct run_store *store, const struct tui_opts *opts,
                             struct err *e) MUST_CHECK;
void run_store_close(struct run_store *store);

enum err_code run_store_list(struct run_store *store, const struct tui_opts *opts,
                             struct err *e) MUST_CHECK;

// The model is open: its names hold, and its newest run is shown unless another one is.
enum err_code run_store_use(struct run_store *store, const struct tui_opts *opts,
                            const struct pipe_setup *setup, struct state *state,
                            struct err *e) MUST_CHECK;

// Shows the newest run over this dataset by the model at hand (by any without one), if
// there is one.
enum err_code run_store_show_newest(struct run_store *store, const struct tui_opts *opts,
                                    struct state *state, struct err *e) MUST_CHECK;

// Shows the rows of a run of this dataset, under the class names that it was made with.
enum err_code run_store_show(struct run_store *store, const struct tui_opts *opts,
                             const struct cache_run *run, struct state *state,
                             struct err *e) MUST_CHECK;

// Goes back to the rows of the model at hand before it adds to them.
enum err_code run_store_show_ours(struct run_store *store, const struct tui_opts *opts,
                                  struct state *state, struct err *e) MUST_CHECK;

// The shown run, or NULL.
const struct cache_run *run_store_shown(const struct run_store *store);

#endif
