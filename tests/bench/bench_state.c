// How long the explorer takes over a large run: bench_state DB DATASET opens both as it
// does and times filters and orders, which are to answer a key.

#include "tui/run_store.h"
#include "tui/state.h"
#include "tui/tui.h"

#include "base/clock.h"

#include <stdio.h>

static double started;

static void lap(const char *what)
{
    double now = clock_now();
    (void)printf("%-44s %8.1f ms\n", what, 1000 * (now - started));
    started = clock_now();
}

static enum err_code time_views(struct state *state, struct err *e)
{
    static const char *const filters[] = {"wrong",    "conf>0.9 and wrong", "class=5",
                                          "file~123", "unlabelled",         ""};
    enum err_code rc = ERR_OK;
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++) {
        char what[64];
        (void)snprintf(what, sizeof what, "filter \"%s\"", filters[i]);
        started = clock_now();
        TRY(state_set_filter(state, filters[i], e));
        lap(what);
    }
    for (int order = 0; order < ORDER_COUNT; order++) {
        char what[64];
        (void)snprintf(what, sizeof what, "order by %s", state_order_name(order));
        started = clock_now();
        state_set_order(state, order, false);
        lap(what);
    }
out:
    return rc;
}

int main(int argc, char **argv)
{
    struct err e = {0};
    struct ds *ds = NULL;
    struct state state = {0};
    struct run_store store = {0};
    enum err_code rc = ERR_OK;
    if (argc != 3)
        return 2;
    const struct ds_opts ds_opts = {0};
    started = clock_now();
    TRY(ds_open(argv[2], &ds_opts, &ds, &e));
    lap("dataset");
    const struct tui_opts opts = {.ds = ds, .db = argv[1]};
    TRY(state_init(&state, ds, labels_imagenet(), &e));
    lap("its rows");
    TRY(run_store_open(&store, &opts, &e));
    lap("database");
    TRY(run_store_show(&store, &opts, &store.runs[0], &state, &e));
    lap("run");
    TRY(time_views(&state, &e));
out:
    if (rc != ERR_OK)
        (void)fprintf(stderr, "%s\n", e.msg);
    state_release(&state);
    run_store_close(&store);
    ds_close(ds);
    return err_exit_status(rc);
}
