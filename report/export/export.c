#include "report/export.h"

#include "report/matrix.h"
#include "report/text.h"

#include "base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef enum err_code line_fn(const struct rep_export *what, const struct row *row,
                              FILE *out, struct err *e);

// ---- csv ----

static const char csv_head[] = "file,label,label_name,top1,top2,top3,top4,top5,"
                               "prob1,prob2,prob3,prob4,prob5,error\n";

static enum err_code write_csv(const struct rep_export *what, const struct row *row,
                               FILE *out, struct err *e)
{
    (void)e;
    char number[REP_NUMBER_MAX];
    rep_csv_write(out, row->file ? row->file : "");
    if (row->label >= 0) {
        (void)fprintf(out, ",%d,", row->label);
        rep_csv_write(out, labels_words(what->labels, row->label));
    } else {
        (void)fputs(",,", out);
    }
    for (int k = 0; k < ROW_TOPK; k++) {
        (void)putc(',', out);
        if (k < row->count)
            (void)fprintf(out, "%d", row->top[k]);
    }
    for (int k = 0; k < ROW_TOPK; k++) {
        (void)putc(',', out);
        if (k < row->count)
            (void)fputs(rep_number_text(number, (double)row->prob[k], 6), out);
    }
    (void)putc(',', out);
    rep_csv_write(out, row->error ? row->error : "");
    (void)putc('\n', out);
    return ERR_OK;
}

// ---- jsonl: the keys of `predict --json`, and the truth ----

static void write_json_string(FILE *out, const char *text)
{
    if (text)
        rep_json_write(out, text);
    else
        (void)fputs("null", out);
}

static enum err_code write_json(const struct rep_export *what, const struct row *row,
                                FILE *out, struct err *e)
{
    (void)e;
    char number[REP_NUMBER_MAX];
    (void)fputs("{\"file\":", out);
    rep_json_write(out, row->file ? row->file : "");
    (void)fputs(",\"label\":", out);
    if (row->label >= 0)
        (void)fprintf(out, "%d", row->label);
    else
        (void)fputs("null", out);
    (void)fputs(",\"label_name\":", out);
    write_json_string(out,
                      row->label >= 0 ? labels_words(what->labels, row->label) : NULL);
    (void)fputs(",\"topk\":[", out);
    for (int k = 0; k < row->count; k++) {
        (void)fprintf(out, "%s{\"index\":%d,\"label\":", k ? "," : "", row->top[k]);
        rep_json_write(out, labels_words(what->labels, row->top[k]));
        (void)fputs(",\"wnid\":", out);
        write_json_string(out, labels_wnid(what->labels, row->top[k]));
        (void)fprintf(out, ",\"prob\":%s}",
                      rep_number_text(number, (double)row->prob[k], 8));
    }
    (void)fputs("],\"error\":", out);
    write_json_string(out, row->error);
    (void)fputs("}\n", out);
    return ERR_OK;
}

// ---- datalist ----

enum err_code rep_datalist_line(const struct row *row, const char *root, FILE *out,
                                struct err *e)
{
    const char *file = row->file ? row->file : "";
    if (strchr(file, '\n'))
        return err_set(e, ERR_FORMAT,
                       "%s: a line break in a name, which a datalist cannot hold", file);
    if (file[0] == '/')
        (void)fputs(file, out);
    else
        (void)fprintf(out, "%s/%s", root, file);
    if (row->label >= 0)
        (void)fprintf(out, " %d", row->label);
    (void)putc('\n', out);
    return ERR_OK;
}

static enum err_code write_datalist(const struct rep_export *what, const struct row *row,
                                    FILE *out, struct err *e)
{
    return rep_datalist_line(row, what->root, out, e);
}

// ---- confusion ----

static enum err_code write_confusion(const struct rep_export *what, FILE *out,
                                     struct err *e)
{
    struct rep_matrix matrix;
    size_t at = 0;
    enum err_code rc = rep_matrix_init(what, &matrix, e);
    if (rc != ERR_OK)
        return rc;
    (void)fputs("truth", out);
    for (size_t x = 0; x < matrix.size; x++) {
        (void)putc(',', out);
        rep_csv_write(out, labels_words(what->labels, matrix.axis[x]));
    }
    (void)putc('\n', out);
    for (size_t y = 0; y < matrix.size; y++) {
        rep_csv_write(out, labels_words(what->labels, matrix.axis[y]));
        for (size_t x = 0; x < matrix.size; x++) {
            const struct rep_pair *cell = &matrix.cells[at];
            bool here = at < matrix.count && cell->truth == matrix.axis[y] &&
                        cell->predicted == matrix.axis[x];
            (void)fprintf(out, ",%zu", here ? cell->count : 0);
            at += here;
        }
        (void)putc('\n', out);
    }
    rep_matrix_release(&matrix);
    return ERR_OK;
}

// ---- all of them ----

static const struct {
    const char *head;
    line_fn *line;
} tables[REP_CONFUSION] = {
    [REP_CSV] = {csv_head, write_csv},
    [REP_JSONL] = {"", write_json},
    [REP_DATALIST] = {"", write_datalist},
};

enum err_code rep_export_each(const struct rep_export *what, rep_row_fn *fn, void *ctx,
                              struct err *e)
{
    enum err_code rc = ERR_OK;
    if (what->each)
        return what->each(what->source, fn, ctx, e);
    for (size_t i = 0; i < what->count && rc == ERR_OK; i++)
        rc = fn(ctx, &what->rows[what->indices ? what->indices[i] : i], e);
    return rc;
}

struct table {
    const struct rep_export *what;
    line_fn *line;
    FILE *out;
};

static enum err_code write_line(void *ctx, const struct row *row, struct err *e)
{
    const struct table *table = ctx;
    errno = 0;
    enum err_code rc = table->line(table->what, row, table->out, e);
    if (rc == ERR_OK && ferror(table->out))
        rc = err_set_errno(e, errno ? errno : EIO, "export", "cannot write");
    return rc;
}

static enum err_code write_table(const struct rep_export *what, enum rep_format format,
                                 FILE *out, struct err *e)
{
    struct table table = {what, tables[format].line, out};
    (void)fputs(tables[format].head, out);
    return rep_export_each(what, write_line, &table, e);
}

enum err_code rep_export_write(const struct rep_export *what, enum rep_format format,
                               FILE *out, struct err *e)
{
    enum err_code rc = format == REP_CONFUSION ? write_confusion(what, out, e)
                                               : write_table(what, format, out, e);
    errno = 0;
    if (rc == ERR_OK && (fflush(out) != 0 || ferror(out)))
        rc = err_set_errno(e, errno ? errno : EIO, "export", "cannot write");
    return rc;
}
