#include "tui/state.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum err_code state_init(struct state *state, const struct ds *ds,
                         const struct labels *labels, struct err *e)
{
    size_t n = ds_count(ds);
    *state = (struct state){.ds = ds, .order = ORDER_ERRORS};
    state_set_labels(state, labels);
    state->filter_text = mem_dup("");
    state->set.rows = mem_array(n, sizeof state->set.rows[0]);
    state->view = mem_array(n, sizeof state->view[0]);
    if (!state->set.rows || !state->view || !marks_init(&state->marks, n)) {
        state_release(state);
        return err_set(e, ERR_NOMEM, "no memory for %zu pictures", n);
    }
    state->set.count = n;
    state_clear_rows(state);
    state_refresh(state);
    return ERR_OK;
}

void state_release(struct state *state)
{
    rowset_release(&state->set);
    rep_filter_free(state->filter);
    marks_release(&state->marks);
    free(state->filter_text);
    free(state->view);
    *state = (struct state){0};
}

void state_set_labels(struct state *state, const struct labels *labels)
{
    state->labels = labels;
    state->classes = labels_count(labels);
    state->version++;
}

void state_clear_rows(struct state *state)
{
    struct row *rows = state->set.rows;
    state->tally = (struct rep_tally){0};
    for (size_t i = 0; i < state->set.count; i++) {
        const struct ds_item *item = ds_item(state->ds, i);
        rows[i] = (struct row){.file = item->name, .label = item->label};
        rep_tally_add(&state->tally, &rows[i]);
    }
    state->version++;
    state->stale = true;
}

void state_put(struct state *state, size_t item, const struct row *row)
{
    if (item >= state->set.count)
        return;
    struct row *mine = &state->set.rows[item];
    const char *file = mine->file;
    int label = mine->label;
    rep_tally_remove(&state->tally, mine);
    *mine = *row;
    mine->file = file;
    mine->label = label;
    mine->error = row->error ? rowset_text(&state->set, row->error) : NULL;
    rep_tally_add(&state->tally, mine);
    state->version++;
    state->stale = true;
}

const struct row *state_row(const struct state *state, size_t i)
{
    return &state->set.rows[state->view[i]];
}

bool state_selected(const struct state *state, size_t *item)
{
    if (state->cursor.pos >= state->count)
        return false;
    *item = state->view[state->cursor.pos];
    return true;
}

static bool find_item(const struct state *state, size_t item, size_t *place)
{
    for (size_t i = 0; i < state->count; i++)
        if (state->view[i] == item) {
            *place = i;
            return true;
        }
    return false;
}

bool state_select(struct state *state, size_t item)
{
    size_t place;
    if (!find_item(state, item, &place))
        return false;
    state->cursor.pos = place;
    state->moved = true;
    return true;
}

static bool visible(const struct state *state, size_t item)
{
    const struct row *row = &state->set.rows[item];
    if (state->wrong_only && (!row_scored(row) || row_correct(row)))
        return false;
    return !state->filter ||
           rep_filter_match(state->filter, row, marks_has(&state->marks, item));
}

// 0 wrong, 1 right or unlabelled, 2 without a prediction.
static int error_class(const struct row *row)
{
    if (!row_done(row))
        return 2;
    return row_scored(row) && !row_correct(row) ? 0 : 1;
}

// Confident errors first; then the others, the least confident first: from suspicious to
// certain.
static void sort_errors(struct state *state, size_t *spare)
{
    const struct row *rows = state->set.rows;
    size_t n = state->count, sizes[3] = {0}, at[3] = {0};
    for (size_t i = 0; i < n; i++)
        sizes[error_class(&rows[state->view[i]])]++;
    at[1] = sizes[0];
    at[2] = sizes[0] + sizes[1];
    for (size_t i = 0; i < n; i++)
        spare[at[error_class(&rows[state->view[i]])]++] = state->view[i];
    memcpy(state->view, spare, n * sizeof spare[0]);
    rep_sort(rows, state->view, sizes[0], REP_SORT_CONFIDENCE, false);
    rep_sort(rows, state->view + sizes[0], sizes[1], REP_SORT_CONFIDENCE, true);
}

static void reverse_view(struct state *state)
{
    for (size_t i = 0, j = state->count; i + 1 < j; i++) {
        size_t item = state->view[i];
        state->view[i] = state->view[--j];
        state->view[j] = item;
    }
}

static void sort_view(struct state *state)
{
    if (state->order != ORDER_ERRORS) {
        rep_sort(state->set.rows, state->view, state->count, (enum rep_sort)state->order,
                 state->reverse);
        return;
    }
    if (state->tally.done > 0) {
        size_t *spare = mem_array(state->count, sizeof spare[0]);
        if (spare)
            sort_errors(state, spare);
        free(spare);
    }
    if (state->reverse)
        reverse_view(state);
}

void state_refresh(struct state *state)
{
    double start = clock_now();
    struct cursor *cursor = &state->cursor;
    size_t item = 0;
    bool keep = state->moved && state_selected(state, &item);
    size_t old = cursor->pos;
    state->count = 0;
    for (size_t i = 0; i < state->set.count; i++)
        if (visible(state, i))
            state->view[state->count++] = i;
    sort_view(state);
    if (keep && !find_item(state, item, &cursor->pos))
        cursor->pos = old;
    if (!state->moved)
        cursor->pos = 0;
    // The selected line stays on its line of the screen.
    if (cursor->stride == 1 && cursor->pos != old)
        cursor->top =
            cursor->pos + cursor->top > old ? cursor->pos + cursor->top - old : 0;
    cursor_fit(cursor, state->count, cursor->rows, cursor->stride);
    state->stale = false;
    state->view_time = clock_now();
    state->view_cost = state->view_time - start;
}

bool state_refresh_due(const struct state *state, double now)
{
    // At most 5 % of the time goes into keeping the list in order.
    double wait = state->view_cost * 20;
    return state->stale && now - state->view_time >= (wait > 0.2 ? wait : 0.2);
}

enum err_code state_set_filter(struct state *state, const char *text, struct err *e)
{
    while (*text == ' ')
        text++;
    struct rep_filter *filter = NULL;
    if (*text) {
        enum err_code rc = rep_filter_parse(text, state->labels, &filter, e);
        if (rc != ERR_OK)
            return rc;
    }
    char *copy = mem_dup(text);
    rep_filter_free(state->filter);
    free(state->filter_text);
    state->filter = filter;
    state->filter_text = copy;
    state_refresh(state);
    return ERR_OK;
}

void state_set_wrong_only(struct state *state, bool on)
{
    state->wrong_only = on;
    state_refresh(state);
}

void state_set_order(struct state *state, int order, bool reverse)
{
    state->order = order;
    state->reverse = reverse;
    state_refresh(state);
}

const char *state_order_name(int order)
{
    return order == ORDER_ERRORS ? "errors" : rep_sort_name((enum rep_sort)order);
}

int state_order_find(const char *name)
{
    for (int i = 0; i < ORDER_COUNT; i++)
        if (strcmp(state_order_name(i), name) == 0)
            return i;
    return -1;
}
