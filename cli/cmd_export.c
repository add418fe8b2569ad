#include "cli/cmd.h"
#include "cli/open/database.h"
#include "cli/open/view.h"
#include "cli/out/bar.h"
#include "cli/out/interrupt.h"
#include "cli/out/json.h"
#include "cli/out/say.h"

#include "dataset/image.h"
#include "pipeline/pipeline.h"
#include "report/export.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// In the order of the choices; the first ones are enum rep_format.
enum format { FORMAT_NPZ = REP_CONFUSION + 1, FORMAT_FIFTYONE, FORMAT_HTML };
enum { THUMBNAIL_SIDE = 224 };

struct export_args {
    const char *db, *run, *label, *filter, *out;
    struct view_args view;
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
     .help = "of OUT; npz: the table's arrays when OUT ends in .npz, else the pictures; "
             "fiftyone: a folder, or one file of predictions when OUT ends in .json",
     .kind = OPT_CHOICE,
     .choices = "csv jsonl datalist confusion npz fiftyone html",
     .offset = offsetof(struct export_args, format),
     .required = true},
    {.letter = 'o',
     .name = "output",
     .value = "OUT",
     .help = "file, - for stdout, or a folder for the pictures as npz and for FiftyOne",
     .kind = OPT_TEXT,
     .offset = offsetof(struct export_args, out),
     .required = true},
    VIEW_OPTS(offsetof(struct export_args, view)),
    {.name = "force",
     .help = "overwrite what is there",
     .kind = OPT_FLAG,
     .offset = offsetof(struct export_args, force)},
    {0},
};
static const struct export_args export_defaults = {.filter = ""};

struct selection {
    const struct export_args *args;
    struct database_run run;
    struct view view;
    struct rep_filter *filter;
    char *root; // absolute folder that the names start at

    // Of the walk over the rows under way, or the last one.
    size_t count, total; // rows that the filter lets through, of all
    struct bar bar;
    const atomic_bool *interrupted;
    rep_row_fn *fn;
    void *ctx;
};

// ---- which rows: they come one by one, ordered by file ----

static enum err_code take_row(void *ctx, const struct row *stored, struct err *e)
{
    struct selection *s = ctx;
    struct row row = *stored;
    view_add(&s->view, &row, 1);
    s->total++;
    bar_tell(&s->bar, s->total, (size_t)(s->run.run.done + s->run.run.failed));
    if (atomic_load(s->interrupted))
        return err_set(e, ERR_INTERRUPTED, "interrupted");
    if (!rep_filter_match(s->filter, &row, false))
        return ERR_OK;
    s->count++;
    return s->fn(s->ctx, &row, e);
}

static enum err_code each_row(void *source, rep_row_fn *fn, void *ctx, struct err *e)
{
    struct selection *s = source;
    s->fn = fn;
    s->ctx = ctx;
    s->count = s->total = 0;
    view_restart(&s->view);
    enum err_code rc =
        cache_run_each(s->run.cache, s->run.run.id, CACHE_BY_FILE, take_row, s, e);
    return rc == ERR_OK ? view_end(&s->args->view, &s->view, e) : rc;
}

static enum err_code select_rows(const struct export_args *args, struct selection *s,
                                 struct err *e)
{
    enum err_code rc;
    s->args = args;
    TRY(database_run_find(args->db, args->run, args->label, &s->run, e));
    TRY(cache_freeze(s->run.cache, e)); // some formats walk the rows more than once
    TRY(view_begin(&args->view, s->run.labels, &s->view, e));
    TRY(rep_filter_parse(args->filter, s->view.labels, &s->filter, e));
    s->root = database_root(s->run.run.dataset);
out:
    return rc;
}

static void selection_release(struct selection *s)
{
    rep_filter_free(s->filter);
    view_release(&s->view);
    database_run_release(&s->run);
    free(s->root);
}

// ---- files ----

static char *picture_path(const struct selection *s, const struct row *row)
{
    return row->file[0] == '/' ? mem_dup(row->file)
                               : mem_printf("%s/%s", s->root, row->file);
}

// What is written, to stdout or to a file that is there only when it is whole.
typedef enum err_code write_fn(const void *what, FILE *out, struct err *e);

static enum err_code write_file(const struct export_args *args, const char *path,
                                write_fn *write, const void *what, struct err *e)
{
    struct file_out out = {0};
    if (strcmp(path, "-") == 0)
        return write(what, stdout, e);
    enum err_code rc = file_out_open(&out, path, args->force, e);
    if (rc != ERR_OK)
        return rc;
    rc = write(what, out.stream, e);
    if (rc == ERR_OK)
        return file_out_commit(&out, e);
    file_out_discard(&out);
    return rc;
}

static enum err_code write_text(const void *ctx, FILE *out, struct err *e)
{
    const struct rep_export *what = ctx;
    const struct selection *s = what->source;
    return rep_export_write(what, (enum rep_format)s->args->format, out, e);
}

// ---- FiftyOne ----

struct samples {
    const struct rep_export *what;
    bool absolute, truth;
};

static enum err_code write_samples(const void *ctx, FILE *out, struct err *e)
{
    const struct samples *s = ctx;
    return rep_fiftyone_write(s->what, s->absolute, s->truth, out, e);
}

// OUT/data/KEY.SUFFIX as a symbolic link to the picture; another link there gives way
// only by force.
static enum err_code link_picture(const struct export_args *args, const char *key,
                                  const char *picture, struct err *e)
{
    enum err_code rc = ERR_OK;
    char there[PATH_MAX];
    const char *base = str_basename(picture);
    char *path = mem_printf("%s/data/%s%s", args->out, key, base + str_stem_len(base));
    char *folder = mem_dup_n(path, (size_t)(str_basename(path) - path) - 1);
    ssize_t n = readlink(path, there, sizeof there);
    bool same = n == (ssize_t)strlen(picture) && memcmp(there, picture, (size_t)n) == 0;
    TRY(file_make_dirs(folder, e));
    if (n >= 0 && !same && args->force)
        (void)unlink(path);
    if (!same && symlink(picture, path) != 0)
        rc = errno == EEXIST
                 ? err_set(e, ERR_EXISTS, "%s: exists already; --force replaces a link",
                           path)
                 : err_set_errno(e, errno, path, "cannot link");
out:
    free(folder);
    free(path);
    return rc;
}

static enum err_code link_row(void *ctx, const char *key, const struct row *row,
                              struct err *e)
{
    const struct selection *s = ctx;
    char *picture = picture_path(s, row);
    enum err_code rc = key[0] != '/' ? link_picture(s->args, key, picture, e) : ERR_OK;
    free(picture);
    return rc;
}

// labels.json comes last: it makes the folder a dataset.
static enum err_code write_folder(const struct export_args *args,
                                  const struct rep_export *what, struct err *e)
{
    static const char *const names[] = {"predictions.json", "labels.json"};
    enum err_code rc;
    char *paths[] = {mem_printf("%s/%s", args->out, names[0]),
                     mem_printf("%s/%s", args->out, names[1])};
    char *data = mem_printf("%s/data", args->out);
    if (!args->force && file_exists(paths[1]))
        TRY(err_set(e, ERR_EXISTS, "%s: exists already; --force replaces it", paths[1]));
    TRY(file_make_dirs(data, e));
    TRY(rep_fiftyone_each(what, false, link_row, what->source, e));
    for (int i = 0; i < 2; i++) {
        const struct samples samples = {what, false, i == 1};
        TRY(write_file(args, paths[i], write_samples, &samples, e));
    }
out:
    free(data);
    free(paths[0]);
    free(paths[1]);
    return rc;
}

static enum err_code write_fiftyone(const struct export_args *args,
                                    const struct rep_export *what, struct err *e)
{
    const struct samples samples = {what, true, false};
    return str_ends_with(args->out, ".json")
               ? write_file(args, args->out, write_samples, &samples, e)
               : write_folder(args, what, e);
}

// ---- pages ----

static enum err_code thumbnail(void *ctx, const struct row *row, uint8_t **jpeg,
                               size_t *len, struct err *e)
{
    char *path = picture_path(ctx, row);
    enum err_code rc = ds_thumbnail(path, THUMBNAIL_SIDE, jpeg, len, e);
    free(path);
    return rc;
}

static enum err_code write_page(const void *page, FILE *out, struct err *e)
{
    return rep_html_write(page, out, e);
}

static enum err_code write_html(const struct export_args *args,
                                const struct rep_export *what, struct selection *s,
                                struct err *e)
{
    const struct cache_run *run = &s->run.run;
    const struct rep_html page = {
        .table = what,
        .run = run->name,
        .state = database_run_state(run),
        .model = run->model_path,
        .arch = run->arch,
        .precision = run->precision,
        .preset = run->prep_key,
        .dataset = run->dataset,
        .filter = args->filter,
        .fold = args->view.fold,
        .real = args->view.real,
        .reassessed = &s->view.counts,
        .thumbnail = thumbnail,
        .ctx = s,
    };
    return write_file(args, args->out, write_page, &page, e);
}

// ---- pictures ----

static void tell_error(void *ctx, const char *message)
{
    say_error(ctx, message);
}

struct paths {
    const struct selection *s;
    char **all;
    size_t count, cap;
};

static enum err_code add_path(void *ctx, const struct row *row, struct err *e)
{
    struct paths *paths = ctx;
    if (!mem_grow(&paths->all, &paths->cap, paths->count + 1, sizeof *paths->all))
        return err_set(e, ERR_NOMEM, "no memory for %zu paths", paths->count + 1);
    paths->all[paths->count++] = picture_path(paths->s, row);
    return ERR_OK;
}

// The pictures themselves, as `npz` writes them, with OUT/npz_datalist.txt.
static enum err_code write_pictures(struct cli *cli, const struct rep_export *what,
                                    struct err *e)
{
    enum err_code rc;
    struct selection *s = what->source;
    const struct export_args *args = s->args;
    struct pipe_npz_result result = {0};
    struct ds *ds = NULL;
    char *list = mem_printf("%s/npz_datalist.txt", args->out);
    struct paths paths = {.s = s};
    if (!args->force && file_exists(list))
        TRY(err_set(e, ERR_EXISTS, "%s: exists already; --force replaces it", list));
    TRY(each_row(s, add_path, &paths, e));
    ds = ds_open_files(paths.all, paths.count);
    const struct pipe_npz spec = {
        .ds = ds,
        .target = args->out,
        .text_path = list,
        .threads = cli->threads,
        .force = args->force,
        .cancel = interrupt_watch(),
        .progress = {bar_tell, &s->bar},
    };
    TRY(file_make_dirs(args->out, e));
    TRY(pipe_npz_write(&spec, tell_error, cli, &result, e));
    rc = result.failed ? ERR_FAILED : ERR_OK;
out:
    ds_close(ds);
    for (size_t i = 0; i < paths.count; i++)
        free(paths.all[i]);
    free(paths.all);
    free(list);
    return rc;
}

static enum err_code write_selection(struct cli *cli, const struct export_args *args,
                                     struct selection *s, struct err *e)
{
    const struct rep_export what = {
        .labels = s->view.labels,
        .classes = s->view.classes,
        .root = s->root,
        .each = each_row,
        .source = s,
    };
    bool arrays = str_ends_with(args->out, ".npz");
    if (args->format == FORMAT_NPZ && !arrays)
        return write_pictures(cli, &what, e);
    if (args->format == FORMAT_NPZ)
        return rep_export_npz(&what, args->out, args->force, e);
    if (args->format == REP_CONFUSION && arrays)
        return rep_confusion_npz(&what, args->out, args->force, e);
    if (args->format == FORMAT_FIFTYONE)
        return write_fiftyone(args, &what, e);
    if (args->format == FORMAT_HTML)
        return write_html(args, &what, s, e);
    return write_file(args, args->out, write_text, &what, e);
}

static enum err_code print_result(const struct cli *cli, const struct export_args *args,
                                  const struct selection *s, struct err *e)
{
    if (!cli->json) {
        say_note(cli, "%s: %zu of %zu rows of run %s", args->out, s->count, s->total,
                 s->run.run.name);
        return ERR_OK;
    }
    cJSON *document = cJSON_CreateObject();
    json_text(document, "output", args->out);
    json_number(document, "rows", (double)s->count);
    json_number(document, "run", (double)s->run.run.id);
    view_json(&args->view, &s->view, document);
    return json_print(document, e);
}

static enum err_code run_export(struct cli *cli, void *fields, struct err *e)
{
    enum err_code rc;
    const struct export_args *args = fields;
    struct selection s = {0};
    bool folder = args->format == FORMAT_NPZ || args->format == FORMAT_FIFTYONE;
    if (strcmp(args->out, "-") == 0 && (cli->json || folder))
        return err_set(e, ERR_USAGE,
                       "export: -o -: stdout cannot take this, expected a "
                       "file");
    s.interrupted = interrupt_watch();
    TRY(select_rows(args, &s, e));
    bar_open(&s.bar, cli);
    if (strcmp(args->out, "-") == 0 && isatty(STDOUT_FILENO))
        bar_close(&s.bar); // the rows are what is seen there
    rc = write_selection(cli, args, &s, e);
    bar_close(&s.bar);
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
