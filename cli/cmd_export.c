#include "cli/cmd.h"
#include "cli/open/database.h"
#include "cli/out/interrupt.h"
#include "cli/out/json.h"
#include "cli/out/say.h"

#include "pipeline/pipeline.h"
#include "report/report.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// In the order of export_formats; the first ones are enum rep_format.
enum format { FORMAT_NPZ = REP_FORMAT_COUNT };

struct export_args {
    const char *db, *run, *label, *filter, *out;
    int format;
    bool force;
};

static const struct opt export_opts[] = {
    DATABASE_RUN_OPTS(offsetof(struct export_args, db), offsetof(struct export_args, run),
                      offsetof(struct export_args, label)),
    {.name = "filter",
     .value = "EXPR",
     .help = "which rows, as \"wrong and conf>0.9\"; default: all",
     .kind = OPT_TEXT,
     .offset = offsetof(struct export_args, filter)},
    {.name = "format",
     .value = "FORMAT",
     .help = "of OUT; npz: the table's arrays when OUT ends in .npz, else the pictures",
     .kind = OPT_CHOICE,
     .choices = "csv jsonl datalist confusion npz",
     .offset = offsetof(struct export_args, format),
     .required = true},
    {.letter = 'o',
     .name = "output",
     .value = "OUT",
     .help = "file, - for stdout, or a folder for the pictures as npz",
     .kind = OPT_TEXT,
     .offset = offsetof(struct export_args, out),
     .required = true},
    {.name = "force",
     .help = "overwrite what is there",
     .kind = OPT_FLAG,
     .offset = offsetof(struct export_args, force)},
    {0},
};
static const struct export_args export_defaults = {.filter = ""};

struct selection {
    struct database_run run;
    size_t *indices;
    size_t count;
    char *root; // absolute folder that the names start at
};

static bool to_stdout(const struct export_args *args)
{
    return strcmp(args->out, "-") == 0;
}

// ---- which rows ----

static int by_file(const void *a, const void *b, void *rows)
{
    const struct row *all = rows;
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    int order = strcmp(all[x].file, all[y].file);
    return order ? order : (x > y) - (x < y);
}

static enum err_code choose(struct selection *s, const char *expression, struct err *e)
{
    struct rep_filter *filter = NULL;
    const struct rowset *rows = &s->run.rows;
    enum err_code rc = rep_filter_parse(expression, s->run.labels, &filter, e);
    if (rc != ERR_OK)
        return rc;
    s->indices = mem_array(rows->count, sizeof *s->indices);
    if (!s->indices) {
        rc = err_set(e, ERR_NOMEM, "no memory for %zu rows", rows->count);
        goto out;
    }
    for (size_t i = 0; i < rows->count; i++)
        if (rep_filter_match(filter, &rows->rows[i], false))
            s->indices[s->count++] = i;
    if (s->count)
        qsort_r(s->indices, s->count, sizeof *s->indices, by_file, rows->rows);
out:
    rep_filter_free(filter);
    return rc;
}

// The folder of a csv or datalist is where its relative paths start.
static char *root_of(const char *dataset)
{
    const char *base = str_basename(dataset);
    if (file_is_dir(dataset) || base <= dataset + 1)
        return mem_dup(dataset);
    return mem_dup_n(dataset, (size_t)(base - dataset) - 1);
}

static enum err_code select_rows(const struct export_args *args, struct selection *s,
                                 struct err *e)
{
    enum err_code rc;
    TRY(database_run_open(args->db, args->run, args->label, &s->run, e));
    TRY(choose(s, args->filter, e));
    s->root = root_of(s->run.run.dataset);
out:
    return rc;
}

static void selection_release(struct selection *s)
{
    database_run_release(&s->run);
    free(s->indices);
    free(s->root);
}

// ---- files ----

static enum err_code write_text(const struct export_args *args,
                                const struct rep_export *what, struct err *e)
{
    struct file_out out = {0};
    enum rep_format format = (enum rep_format)args->format;
    if (to_stdout(args))
        return rep_export_write(what, format, stdout, e);
    enum err_code rc = file_out_open(&out, args->out, args->force, e);
    if (rc != ERR_OK)
        return rc;
    rc = rep_export_write(what, format, out.stream, e);
    if (rc == ERR_OK)
        return file_out_commit(&out, e);
    file_out_discard(&out);
    return rc;
}

static void tell_error(void *ctx, const char *message)
{
    say_error(ctx, message);
}

// The pictures themselves, as `npz` writes them, with OUT/npz_datalist.txt.
static enum err_code write_pictures(struct cli *cli, const struct export_args *args,
                                    const struct selection *s, struct err *e)
{
    enum err_code rc;
    struct pipe_npz_result result = {0};
    struct ds *ds = NULL;
    char *list = mem_printf("%s/npz_datalist.txt", args->out);
    char **paths = mem_array(s->count, sizeof(char *));
    if (!paths) {
        rc = err_set(e, ERR_NOMEM, "no memory for %zu paths", s->count);
        goto out;
    }
    if (!args->force && file_exists(list))
        TRY(err_set(e, ERR_EXISTS, "%s: exists already; --force replaces it", list));
    for (size_t i = 0; i < s->count; i++) {
        const char *file = s->run.rows.rows[s->indices[i]].file;
        paths[i] = file[0] == '/' ? mem_dup(file) : mem_printf("%s/%s", s->root, file);
    }
    ds = ds_open_files(paths, s->count);
    const struct pipe_npz spec = {
        .ds = ds,
        .target = args->out,
        .text_path = list,
        .threads = cli->threads,
        .force = args->force,
        .cancel = interrupt_watch(),
    };
    TRY(file_make_dirs(args->out, e));
    TRY(pipe_npz_write(&spec, tell_error, cli, &result, e));
    rc = result.failed ? ERR_FAILED : ERR_OK;
out:
    ds_close(ds);
    for (size_t i = 0; paths && i < s->count; i++)
        free(paths[i]);
    free(paths);
    free(list);
    return rc;
}

static enum err_code write_selection(struct cli *cli, const struct export_args *args,
                                     const struct selection *s, struct err *e)
{
    const struct rep_export what = {
        .rows = s->run.rows.rows,
        .indices = s->indices,
        .count = s->count,
        .labels = s->run.labels,
        .classes = s->run.run.classes,
        .root = s->root,
    };
    bool arrays = str_ends_with(args->out, ".npz");
    if (args->format == FORMAT_NPZ && !arrays)
        return write_pictures(cli, args, s, e);
    if (args->format == FORMAT_NPZ)
        return rep_export_npz(&what, args->out, args->force, e);
    if (args->format == REP_CONFUSION && arrays)
        return rep_confusion_npz(&what, args->out, args->force, e);
    return write_text(args, &what, e);
}

static enum err_code print_result(const struct cli *cli, const struct export_args *args,
                                  const struct selection *s, struct err *e)
{
    if (!cli->json) {
        say_note(cli, "%s: %zu of %zu rows of run %s", args->out, s->count,
                 s->run.rows.count, s->run.run.name);
        return ERR_OK;
    }
    cJSON *document = cJSON_CreateObject();
    json_text(document, "output", args->out);
    json_number(document, "rows", (double)s->count);
    json_number(document, "run", (double)s->run.run.id);
    return json_print(document, e);
}

static enum err_code run_export(struct cli *cli, void *fields, struct err *e)
{
    enum err_code rc;
    const struct export_args *args = fields;
    struct selection s = {0};
    if (to_stdout(args) && (cli->json || args->format == FORMAT_NPZ))
        return err_set(e, ERR_USAGE,
                       "export: -o -: stdout cannot take this, expected a "
                       "file");
    TRY(select_rows(args, &s, e));
    rc = write_selection(cli, args, &s, e);
    if (rc == ERR_OK || rc == ERR_FAILED) {
        enum err_code told = print_result(cli, args, &s, e);
        rc = told != ERR_OK ? told : rc;
    }
out:
    selection_release(&s);
    return rc;
}

const struct cmd cmd_export = {
    .name = "export",
    .operands = "",
    .about = "Writes the rows of a run that a filter lets through, ordered by file.",
    .opts = export_opts,
    .size = sizeof(struct export_args),
    .defaults = &export_defaults,
    .run = run_export,
};
