#include "report/export/html.h"

#include "report/text.h"

#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>

enum { ERRORS_SHOWN = 48, FAILURES_SHOWN = 100 };

static void picture(const struct html *h, const struct row *row)
{
    uint8_t *jpeg = NULL;
    size_t len = 0;
    struct err why = {0};
    if (h->page->thumbnail(h->page->ctx, row, &jpeg, &len, &why) == ERR_OK) {
        (void)fputs("<img alt=\"\" loading=\"lazy\" src=\"data:image/jpeg;base64,",
                    h->out);
        html_base64(h->out, jpeg, len);
        (void)fputs("\">", h->out);
    } else {
        (void)fputs("<div class=\"lost\" title=\"", h->out);
        html_text(h->out, why.msg);
        (void)fputs("\">no picture</div>", h->out);
    }
    free(jpeg);
}

static void guesses(const struct html *h, const struct row *row)
{
    char width[REP_NUMBER_MAX];
    (void)fputs("<ol>", h->out);
    for (int k = 0; k < row->count && k < 3; k++) {
        (void)fprintf(h->out,
                      "<li class=\"%s\"><span class=\"w\" style=\"width:%s%%\">"
                      "</span>",
                      row->top[k] == row->label ? "good" : "",
                      rep_number_text(width, (double)row->prob[k] * 100, 1));
        html_class(h, row->top[k]);
        (void)fputs("<b>", h->out);
        html_number(h->out, (double)row->prob[k] * 100, 1);
        (void)fputs("</b></li>", h->out);
    }
    (void)fputs("</ol>", h->out);
}

static void figure(const struct html *h, const struct row *row)
{
    (void)fputs("<figure><div class=\"frame\">", h->out);
    picture(h, row);
    (void)fputs("</div><figcaption><p class=\"truth\">", h->out);
    html_class(h, row->label);
    (void)fputs("</p>", h->out);
    guesses(h, row);
    (void)fputs("<p class=\"file\" title=\"", h->out);
    html_text(h->out, row->file);
    (void)fputs("\"><bdi>", h->out);
    html_text(h->out, str_basename(row->file));
    (void)fputs("</bdi></p></figcaption></figure>\n", h->out);
}

enum err_code html_errors(const struct html *h, struct err *e)
{
    size_t shown = 0, errors = h->tally.labelled - h->tally.top1;
    size_t *order = mem_array(h->count, sizeof *order);
    if (!order)
        return err_set(e, ERR_NOMEM, "no memory for %zu rows", h->count);
    for (size_t i = 0; i < h->count; i++)
        order[i] = i;
    rep_sort(h->rows, order, h->count, REP_SORT_CONFIDENCE, false);
    (void)fputs("<section id=\"errors\"><h2>Confidently wrong</h2>", h->out);
    (void)fputs(errors ? "<div class=\"wall\">\n"
                       : "<p class=\"none\">Nothing is wrong.</p>",
                h->out);
    for (size_t i = 0; i < h->count && shown < ERRORS_SHOWN; i++) {
        const struct row *row = &h->rows[order[i]];
        if (!row_scored(row) || row_correct(row))
            continue;
        figure(h, row);
        shown++;
    }
    (void)fputs(errors ? "</div>" : "", h->out);
    if (errors > shown) {
        (void)fputs("<p class=\"more\">and ", h->out);
        html_count(h->out, errors - shown);
        (void)fputs(" errors more, less confident</p>", h->out);
    }
    (void)fputs("</section>\n", h->out);
    free(order);
    return ERR_OK;
}

void html_failures(const struct html *h)
{
    size_t shown = 0;
    if (h->tally.failed == 0)
        return;
    (void)fputs("<section id=\"failures\"><h2>Without a prediction</h2><div "
                "class=\"scroll\"><table><tbody>\n",
                h->out);
    for (size_t i = 0; i < h->count && shown < FAILURES_SHOWN; i++) {
        const struct row *row = &h->rows[i];
        if (!row->error)
            continue;
        (void)fputs("<tr><td class=\"path\"><bdi>", h->out);
        html_text(h->out, row->file);
        (void)fputs("</bdi></td><td>", h->out);
        html_text(h->out, row->error);
        (void)fputs("</td></tr>\n", h->out);
        shown++;
    }
    (void)fputs("</tbody></table></div>", h->out);
    if (h->tally.failed > shown) {
        (void)fputs("<p class=\"more\">and ", h->out);
        html_count(h->out, h->tally.failed - shown);
        (void)fputs(" more</p>", h->out);
    }
    (void)fputs("</section>\n", h->out);
}
