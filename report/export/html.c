#include "report/export/html.h"

#include "report/matrix.h"

#include "base/str.h"

#include <math.h>
#include <stdlib.h>

static const unsigned char page_css[] = {
#include <embedded/page.css.inc>
};
static const unsigned char page_js[] = {
#include <embedded/page.js.inc>
};

// ---- gathering ----

struct walk {
    struct html *h;
    struct row_cells cells;
};

static enum err_code take_row(void *ctx, const struct row *row, struct err *e)
{
    struct walk *walk = ctx;
    html_keep(walk->h, row);
    return row_cells_add(&walk->cells, row)
               ? ERR_OK
               : err_set(e, ERR_NOMEM, "no memory to count confusions");
}

static enum err_code gather(struct html *h, struct err *e)
{
    struct walk walk = {.h = h};
    const struct rep_export *table = h->page->table;
    enum err_code rc;
    TRY(rep_export_each(table, take_row, &walk, e));
    row_cells_sort(&walk.cells);
    rc = rep_summary(walk.cells.all, walk.cells.count, table->classes, -1, &h->sum, e);
out:
    row_cells_release(&walk.cells);
    return rc;
}

// ---- the top of the page ----

// Nothing is fetched: the policy forbids it even to what escaping might miss.
static void head(const struct html *h)
{
    FILE *out = h->out;
    (void)fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                "<meta name=\"viewport\" content=\"width=device-width, "
                "initial-scale=1\">\n<meta http-equiv=\"Content-Security-Policy\" "
                "content=\"default-src 'none'; style-src 'unsafe-inline'; script-src "
                "'unsafe-inline'; img-src data:\">\n<meta name=\"color-scheme\" "
                "content=\"light dark\">\n<title>",
                out);
    html_text(out, h->page->run ? h->page->run : "run");
    (void)fputs(" – xlens</title>\n<style>\n", out);
    (void)fwrite(page_css, 1, sizeof page_css, out);
    (void)fputs("</style>\n</head>\n<body>\n", out);
}

// name: what is there, shortened to the last part of a path where it is one.
static void fact(const struct html *h, const char *name, const char *value)
{
    if (!value || !value[0])
        return;
    const char *base = value[0] == '/' ? str_basename(value) : value;
    (void)fprintf(h->out, "<div><dt>%s</dt><dd title=\"", name);
    html_text(h->out, value);
    (void)fputs("\"><bdi>", h->out);
    html_text(h->out, base[0] ? base : value);
    (void)fputs("</bdi></dd></div>\n", h->out);
}

static void intro(const struct html *h)
{
    const struct rep_html *page = h->page;
    (void)fputs("<header><p class=\"brand\">xlens</p><h1><bdi>", h->out);
    html_text(h->out, page->run ? page->run : "run");
    (void)fputs("</bdi></h1><dl class=\"facts\">\n", h->out);
    fact(h, "model", page->model);
    fact(h, "architecture", page->arch);
    fact(h, "precision", page->precision);
    fact(h, "preset", page->preset);
    fact(h, "dataset", page->dataset);
    fact(h, "run", page->state);
    fact(h, "filter", page->filter);
    fact(h, "classes folded to", page->fold);
    fact(h, "truth", page->real);
    (void)fputs("</dl></header>\n<main>\n", h->out);
}

// ---- figures ----

static void accuracy(const struct html *h, const char *name, size_t hits)
{
    size_t of = h->sum.tally.labelled;
    double percent = rep_percent(hits, of);
    struct rep_interval i = rep_wilson(hits, of);
    (void)fprintf(h->out, "<div class=\"card\"><h3>%s</h3><p class=\"big\">", name);
    html_number(h->out, percent, 2);
    (void)fputs(" <small>%</small></p>", h->out);
    html_interval(h->out, i.low, percent, i.high);
    (void)fputs("<p class=\"note\">", h->out);
    if (of) {
        html_number(h->out, i.low, 2);
        (void)fputs(" – ", h->out);
        html_number(h->out, i.high, 2);
        (void)fputs(" at 95 %<br>", h->out);
    }
    html_count(h->out, hits);
    (void)fputs(" of ", h->out);
    html_count(h->out, of);
    (void)fputs("</p></div>\n", h->out);
}

static void line(const struct html *h, size_t count, const char *what)
{
    (void)fputs("<li><b>", h->out);
    html_count(h->out, count);
    (void)fprintf(h->out, "</b> %s</li>", what);
}

static void counts(const struct html *h)
{
    const struct rep_tally *t = &h->sum.tally;
    (void)fputs("<div class=\"card\"><h3>pictures</h3><p class=\"big\">", h->out);
    html_count(h->out, t->images);
    (void)fputs("</p><ul class=\"counts\">", h->out);
    line(h, t->done, "with a prediction");
    line(h, t->labelled, "of them with a label");
    line(h, t->failed, "failed");
    if (t->images > t->done + t->failed)
        line(h, t->images - t->done - t->failed, "not run yet");
    (void)fputs("</ul></div>\n", h->out);
}

static void reassessed(const struct html *h)
{
    const struct rep_reassessed *r = h->page->reassessed;
    if (!h->page->real || !r)
        return;
    (void)fputs("<div class=\"card\"><h3>reassessed labels, whole run</h3><ul "
                "class=\"counts\">",
                h->out);
    line(h, r->both, "right by both labels");
    line(h, r->only_now, "right by the reassessed ones only");
    line(h, r->only_before, "right by the original ones only");
    line(h, r->neither, "wrong by both");
    line(h, r->excluded, "where no class is right, left out");
    line(h, r->unknown, "not among the reassessed ones, left out");
    (void)fputs("</ul></div>\n", h->out);
}

enum err_code rep_html_write(const struct rep_html *page, FILE *out, struct err *e)
{
    struct html h = {.out = out, .page = page};
    enum err_code rc;
    TRY(gather(&h, e));
    head(&h);
    intro(&h);
    (void)fputs("<section class=\"cards\">\n", out);
    accuracy(&h, "top-1", h.sum.tally.top1);
    accuracy(&h, "top-5", h.sum.tally.top5);
    counts(&h);
    reassessed(&h);
    (void)fputs("</section>\n<div class=\"two\">\n", out);
    html_pairs(&h);
    html_calibration(&h);
    (void)fputs("</div>\n", out);
    html_errors(&h);
    html_classes(&h);
    html_failures(&h);
    (void)fputs("</main>\n<script>\n", out);
    (void)fwrite(page_js, 1, sizeof page_js, out);
    (void)fputs("</script>\n</body>\n</html>\n", out);
out:
    html_release(&h);
    return rc;
}
