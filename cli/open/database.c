#include "cli/open/database.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>

enum err_code database_path(const char *path, bool create, char **out, struct err *e)
{
    *out = NULL;
    if (path) {
        *out = mem_dup(path);
        return ERR_OK;
    }
    char *folder = file_xdg("XDG_DATA_HOME", ".local/share");
    enum err_code rc = create ? file_make_dirs(folder, e) : ERR_OK;
    if (rc == ERR_OK)
        *out = mem_printf("%s/xlens.db", folder);
    free(folder);
    return rc;
}

enum err_code database_open(const char *path, struct cache **out, struct err *e)
{
    char *file;
    enum err_code rc = database_path(path, false, &file, e);
    if (rc == ERR_OK)
        rc = cache_open(file, false, out, e);
    free(file);
    return rc;
}

static enum err_code find_labels(const char *label, struct database_run *run,
                                 struct err *e)
{
    enum err_code rc = ERR_OK;
    if (label) {
        TRY(labels_open(label, &run->owned_labels, e));
        if (labels_count(run->owned_labels) != run->run.classes)
            TRY(err_set(e, ERR_FORMAT, "%s: %d class names, expected the %d of run %s",
                        label, labels_count(run->owned_labels), run->run.classes,
                        run->run.name));
    } else {
        run->owned_labels = labels_from_json(run->run.labels, run->run.classes);
        if (!run->owned_labels && run->run.classes != labels_count(labels_imagenet()))
            run->owned_labels = labels_new(NULL, NULL, run->run.classes);
    }
    run->labels = run->owned_labels ? run->owned_labels : labels_imagenet();
out:
    return rc;
}

enum err_code database_run_find(const char *db, const char *which, const char *label,
                                struct database_run *out, struct err *e)
{
    enum err_code rc;
    *out = (struct database_run){0};
    TRY(database_open(db, &out->cache, e));
    TRY(cache_run_find(out->cache, which, &out->run, e));
    TRY(find_labels(label, out, e));
out:
    if (rc != ERR_OK)
        database_run_release(out);
    return rc;
}

enum err_code database_run_open(const char *db, const char *which, const char *label,
                                struct database_run *out, struct err *e)
{
    enum err_code rc = database_run_find(db, which, label, out, e);
    if (rc == ERR_OK)
        rc = cache_run_rows(out->cache, out->run.id, &out->rows, NULL, e);
    if (rc != ERR_OK)
        database_run_release(out);
    return rc;
}

void database_run_release(struct database_run *run)
{
    labels_close(run->owned_labels);
    rowset_release(&run->rows);
    cache_run_release(&run->run);
    cache_close(run->cache);
    *run = (struct database_run){0};
}

char *database_root(const char *dataset)
{
    const char *base = str_basename(dataset);
    if (file_is_dir(dataset) || base <= dataset + 1)
        return mem_dup(dataset);
    return mem_dup_n(dataset, (size_t)(base - dataset) - 1);
}

const char *database_run_state(const struct cache_run *run)
{
    if (run->stale)
        return "stale";
    return run->state == RUN_COMPLETE ? "complete" : "partial";
}
