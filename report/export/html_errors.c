#include "report/export/html.h"

#include "report/matrix.h"
#include "report/text.h"

#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

// ---- which rows ----

static struct html_row copy(const struct row *row)
{
    struct html_row kept = {*row, mem_dup(row->file), NULL};
    if (row->error)
        kept.error = mem_dup(row->error);
    kept.row.file = kept.file;
    kept.row.error = kept.error;
    return kept;
}

static void drop(struct html_row *kept)
{
    free(kept->file);
    free(kept->error);
}

// Among errors as confident the first stay in front.
static void keep_error(struct html *h, const struct row *row)
{
    size_t at = h->error_count;
    while (at > 0 && rep_sort_before(row, &h->errors[at - 1].row, REP_SORT_CONFIDENCE))
        at--;
    if (at == HTML_ERRORS)
        return;
    if (h->error_count == HTML_ERRORS)
        drop(&h->errors[--h->error_count]);
    memmove(&h->errors[at + 1], &h->errors[at],
            (h->error_count - at) * sizeof *h->errors);
    h->errors[at] = copy(row);
    h->error_count++;
}

void html_keep(struct html *h, const struct row *row)
{
    if (row_scored(row) && !row_correct(row))
        keep_error(h, row);
    if (row->error && h->failure_count < HTML_FAILURES)
        h->failures[h->failure_count++] = copy(row);
}

void html_release(struct html *h)
{
    for (size_t i = 0; i < h->error_count; i++)
        drop(&h->errors[i]);
    for (size_t i = 0; i < h->failure_count; i++)
        drop(&h->failures[i]);
    rep_summary_release(&h->sum);
}

// ---- how they are shown ----

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

void html_errors(const struct html *h)
{
    size_t shown = h->error_count, errors = h->sum.tally.labelled - h->sum.tally.top1;
    (void)fputs("<section id=\"errors\"><h2>Confidently wrong</h2>", h->out);
    (void)fputs(errors ? "<div class=\"wall\">\n"
                       : "<p class=\"none\">Nothing is wrong.</p>",
                h->out);
    for (size_t i = 0; i < shown; i++)
        figure(h, &h->errors[i].row);
    (void)fputs(errors ? "</div>" : "", h->out);
    if (errors > shown) {
        (void)fputs("<p class=\"more\">and ", h->out);
        html_count(h->out, errors - shown);
        (void)fputs(" errors more, less confident</p>", h->out);
    }
    (void)fputs("</section>\n", h->out);
}

void html_failures(const struct html *h)
{
    size_t shown = h->failure_count, failed = h->sum.tally.failed;
    if (failed == 0)
        return;
    (void)fputs("<section id=\"failures\"><h2>Without a prediction</h2><div "
                "class=\"scroll\"><table><tbody>\n",
                h->out);
    for (size_t i = 0; i < shown; i++) {
        const struct row *row = &h->failures[i].row;
        (void)fputs("<tr><td class=\"path\"><bdi>", h->out);
        html_text(h->out, row->file);
        (void)fputs("</bdi></td><td>", h->out);
        html_text(h->out, row->error);
        (void)fputs("</td></tr>\n", h->out);
    }
    (void)fputs("</tbody></table></div>", h->out);
    if (failed > shown) {
        (void)fputs("<p class=\"more\">and ", h->out);
        html_count(h->out, failed - shown);
        (void)fputs(" more</p>", h->out);
    }
    (void)fputs("</section>\n", h->out);
}
