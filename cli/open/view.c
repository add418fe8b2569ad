#include "cli/open/view.h"

#include "cli/out/json.h"

#include <stdio.h>
#include <stdlib.h>

enum err_code view_begin(const struct view_args *args, const struct labels *labels,
                         struct view *out, struct err *e)
{
    enum err_code rc = ERR_OK;
    *out = (struct view){.labels = labels, .from = labels_count(labels)};
    if (args->fold)
        TRY(labels_fold(labels, args->fold, &out->group_of, &out->owned_labels, e));
    if (args->real)
        TRY(labels_real_open(args->real, &out->real, e));
    if (args->fold)
        out->labels = out->owned_labels;
    out->classes = labels_count(out->labels);
out:
    if (rc != ERR_OK)
        view_release(out);
    return rc;
}

void view_add(struct view *view, struct row *rows, size_t count)
{
    const struct rep_relabel how = {view->group_of, view->from, view->real};
    rep_relabel(&how, rows, count, &view->counts);
    view->seen += count;
}

void view_restart(struct view *view)
{
    view->counts = (struct rep_reassessed){0};
    view->seen = 0;
}

enum err_code view_end(const struct view_args *args, const struct view *view,
                       struct err *e)
{
    if (!args->real || view->seen == 0 || view->counts.unknown < view->seen)
        return ERR_OK;
    return err_set(e, ERR_FORMAT,
                   "%s: knows none of the %zu pictures, expected names like "
                   "ILSVRC2012_val_00000001.JPEG",
                   args->real, view->seen);
}

enum err_code view_open(const struct view_args *args, const struct labels *labels,
                        struct row *rows, size_t count, struct view *out, struct err *e)
{
    enum err_code rc = view_begin(args, labels, out, e);
    if (rc != ERR_OK)
        return rc;
    view_add(out, rows, count);
    return view_end(args, out, e);
}

void view_release(struct view *view)
{
    labels_close(view->owned_labels);
    labels_real_close(view->real);
    free(view->group_of);
    *view = (struct view){0};
}

void view_json(const struct view_args *args, const struct view *view, cJSON *document)
{
    const struct rep_reassessed *c = &view->counts;
    if (args->fold)
        json_text(document, "fold", args->fold);
    if (!args->real)
        return;
    cJSON *real = cJSON_AddObjectToObject(document, "real");
    json_text(real, "file", args->real);
    json_number(real, "unknown", (double)c->unknown);
    json_number(real, "excluded", (double)c->excluded);
    json_number(real, "several", (double)c->several);
    json_number(real, "right_by_both", (double)c->both);
    json_number(real, "right_by_original_only", (double)c->only_before);
    json_number(real, "right_by_real_only", (double)c->only_now);
    json_number(real, "right_by_neither", (double)c->neither);
}

void view_print(const struct view_args *args, const struct view *view)
{
    const struct rep_reassessed *c = &view->counts;
    if (args->real)
        (void)printf(
            "%-10s %8zu right by both, %zu by the reassessed labels only, %zu by "
            "the original only, %zu by neither; %zu left out\n",
            "ReaL", c->both, c->only_now, c->only_before, c->neither,
            c->excluded + c->unknown);
}
