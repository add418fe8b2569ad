#ifndef CLI_DATABASE_H
#define CLI_DATABASE_H

// The database a command works on, and a run of it with its rows and class names.

#include "cli/cmd.h"

#include "cache/cache.h"
#include "dataset/labels.h"

// path, or the default one, whose folder is made when `create`; malloc'ed.
enum err_code database_path(const char *path, bool create, char **out,
                            struct err *e) MUST_CHECK;

// Opens what is there; ERR_MISSING otherwise.
enum err_code database_open(const char *path, struct cache **out,
                            struct err *e) MUST_CHECK;

struct database_run {
    struct cache *cache;
    struct cache_run run;
    struct rowset rows; // with database_run_open
    const struct labels *labels;
    struct labels *owned_labels;
};

// The run `which` (NULL: the newest), with all its rows in memory or without. label: a
// file of class names, or NULL.
enum err_code database_run_find(const char *db, const char *which, const char *label,
                                struct database_run *out, struct err *e) MUST_CHECK;
enum err_code database_run_open(const char *db, const char *which, const char *label,
                                struct database_run *out, struct err *e) MUST_CHECK;
void database_run_release(struct database_run *run);

// Absolute folder that the names of a dataset's pictures start at: of a csv or datalist
// the one that it lies in; malloc'ed.
char *database_root(const char *dataset) MUST_CHECK;

// "complete", "partial", "stale"
const char *database_run_state(const struct cache_run *run);

// Rows; the arguments are offsets of const char * fields.
#define DATABASE_OPT(db_offset)                                                          \
    {                                                                                    \
        .name = "db", .value = "FILE",                                                   \
        .help = "database; default: xlens/xlens.db in the user's data folder",           \
        .kind = OPT_TEXT, .offset = (db_offset)                                          \
    }
#define DATABASE_RUN_OPTS(db_offset, run_offset, label_offset)                           \
    DATABASE_OPT(db_offset),                                                             \
        {.name = "run",                                                                  \
         .value = "RUN",                                                                 \
         .help = "id or name of the run; default: the newest",                           \
         .kind = OPT_TEXT,                                                               \
         .offset = (run_offset)},                                                        \
    {                                                                                    \
        .name = "label", .value = "FILE",                                                \
        .help = "class names; default: those that the run was made with",                \
        .kind = OPT_TEXT, .offset = (label_offset)                                       \
    }

#endif
