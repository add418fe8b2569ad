#include "cli/cmd.h"
#include "cli/open/database.h"
#include "cli/open/view.h"
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
    struct database_run run;
    struct view view;
    size_t *indices;
    size_t count, total; // rows that the filter lets through, of all
    char *root;          // absolute folder that the names start at
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
    enum err_code rc = rep_filter_parse(expression, s->view.labels, &filter, e);
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

static enum err_code select_rows(const struct export_args *args, struct selection *s,
                                 struct err *e)
{
    enum err_code rc;
    TRY(database_run_open(args->db, args->run, args->label, &s->run, e));
    TRY(view_open(&args->view, s->run.labels, s->run.rows.rows, s->run.rows.count,
                  &s->view, e));
    TRY(choose(s, args->filter, e));
    s->root = database_root(s->run.run.dataset);
    s->total = s->run.rows.count;
out:
    return rc;
}

static void selection_release(struct selection *s)
{
    view_release(&s->view);
    database_run_release(&s->run);
    free(s->indices);
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

static enum err_code write_confusion(const void *what, FILE *out, struct err *e)
{
    return rep_export_write(what, REP_CONFUSION, out, e);
}

// ---- a line a row: they come one by one, however many there are ----

struct stream {
    const struct export_args *args;
    const struct rep_filter *filter;
    struct rep_export what;
    struct selection *s;
    FILE *out;
};

static enum err_code write_row(void *ctx, const struct row *stored, struct err *e)
{
    const struct stream *stream = ctx;
    struct row row = *stored;
    view_add(&stream->s->view, &row, 1);
    stream->s->total++;
    if (!rep_filter_match(stream->filter, &row, false))
        return ERR_OK;
    stream->s->count++;
    return rep_export_line(&stream->what, (enum rep_format)stream->args->format, &row,
                           stream->out, e);
}

static enum err_code write_rows(const void *ctx, FILE *out, struct err *e)
{
    struct stream stream = *(const struct stream *)ctx;
    const struct database_run *run = &stream.s->run;
    stream.out = out;
    rep_export_head((enum rep_format)stream.args->format, out);
    enum err_code rc =
        cache_run_each(run->cache, run->run.id, CACHE_BY_FILE, write_row, &stream, e);
    if (rc == ERR_OK)
        rc = view_end(&stream.args->view, &stream.s->view, e);
    if (rc == ERR_OK && fflush(out) != 0)
        rc = err_set_errno(e, errno, stream.args->out, "cannot write");
    return rc;
}

static enum err_code stream_rows(const struct export_args *args, struct selection *s,
                                 struct err *e)
{
    enum err_code rc;
    struct rep_filter *filter = NULL;
    struct stream stream = {.args = args, .s = s};
    TRY(database_run_find(args->db, args->run, args->label, &s->run, e));
    TRY(view_begin(&args->view, s->run.labels, &s->view, e));
    TRY(rep_filter_parse(args->filter, s->view.labels, &filter, e));
    s->root = database_root(s->run.run.dataset);
    stream.filter = filter;
    stream.what = (struct rep_export){
        .labels = s->view.labels, .classes = s->view.classes, .root = s->root};
    rc = write_file(args, args->out, write_rows, &stream, e);
out:
    rep_filter_free(filter);
    return rc;
}

// ---- FiftyOne ----

struct samples {
    const struct rep_export *what;
    char **keys;
    bool truth;
};

static enum err_code write_samples(const void *ctx, FILE *out, struct err *e)
{
    const struct samples *s = ctx;
    return rep_fiftyone_write(s->what, s->keys, s->truth, out, e);
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

static enum err_code link_pictures(const struct export_args *args,
                                   const struct samples *samples,
                                   const struct selection *s, struct err *e)
{
    enum err_code rc = ERR_OK;
    for (size_t i = 0; i < s->count && rc == ERR_OK; i++) {
        const char *key = samples->keys[i];
        char *picture = picture_path(s, &s->run.rows.rows[s->indices[i]]);
        if (key[0] != '/')
            rc = link_picture(args, key, picture, e);
        free(picture);
    }
    return rc;
}

// labels.json comes last: it makes the folder a dataset.
static enum err_code write_folder(const struct export_args *args, struct samples *samples,
                                  const struct selection *s, struct err *e)
{
    static const char *const names[] = {"predictions.json", "labels.json"};
    enum err_code rc;
    char *paths[] = {mem_printf("%s/%s", args->out, names[0]),
                     mem_printf("%s/%s", args->out, names[1])};
    char *data = mem_printf("%s/data", args->out);
    if (!args->force && file_exists(paths[1]))
        TRY(err_set(e, ERR_EXISTS, "%s: exists already; --force replaces it", paths[1]));
    TRY(file_make_dirs(data, e));
    TRY(link_pictures(args, samples, s, e));
    for (int i = 0; i < 2; i++) {
        samples->truth = i == 1;
        TRY(write_file(args, paths[i], write_samples, samples, e));
    }
out:
    free(data);
    free(paths[0]);
    free(paths[1]);
    return rc;
}

static enum err_code write_fiftyone(const struct export_args *args,
                                    const struct rep_export *what,
                                    const struct selection *s, struct err *e)
{
    bool one_file = str_ends_with(args->out, ".json");
    struct samples samples = {.what = what};
    enum err_code rc = rep_fiftyone_keys(what, one_file, &samples.keys, e);
    if (rc != ERR_OK)
        return rc;
    rc = one_file ? write_file(args, args->out, write_samples, &samples, e)
                  : write_folder(args, &samples, s, e);
    rep_fiftyone_release(samples.keys, what->count);
    return rc;
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
    for (size_t i = 0; i < s->count; i++)
        paths[i] = picture_path(s, &s->run.rows.rows[s->indices[i]]);
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
                                     struct selection *s, struct err *e)
{
    const struct rep_export what = {
        .rows = s->run.rows.rows,
        .indices = s->indices,
        .count = s->count,
        .labels = s->view.labels,
        .classes = s->view.classes,
        .root = s->root,
    };
    bool arrays = str_ends_with(args->out, ".npz");
    if (args->format == FORMAT_NPZ && !arrays)
        return write_pictures(cli, args, s, e);
    if (args->format == FORMAT_NPZ)
        return rep_export_npz(&what, args->out, args->force, e);
    if (args->format == REP_CONFUSION && arrays)
        return rep_confusion_npz(&what, args->out, args->force, e);
    if (args->format == FORMAT_FIFTYONE)
        return write_fiftyone(args, &what, s, e);
    if (args->format == FORMAT_HTML)
        return write_html(args, &what, s, e);
    return write_file(args, args->out, write_confusion, &what, e);
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
    if (to_stdout(args) && (cli->json || folder))
        return err_set(e, ERR_USAGE,
                       "export: -o -: stdout cannot take this, expected a "
                       "file");
    if (args->format < REP_CONFUSION) {
        TRY(stream_rows(args, &s, e));
    } else {
        TRY(select_rows(args, &s, e));
        rc = write_selection(cli, args, &s, e);
    }
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
