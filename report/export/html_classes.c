#include "report/export/html.h"

#include "report/text.h"

#include <math.h>

enum { PAIRS_SHOWN = 24 };

// ---- confused pairs ----

static void pair(const struct html *h, const struct rep_pair *p, size_t most)
{
    char share[REP_NUMBER_MAX];
    (void)fputs("<tr><td>", h->out);
    html_class(h, p->truth);
    (void)fputs("</td><td class=\"bad\">", h->out);
    html_class(h, p->predicted);
    (void)fprintf(h->out, "</td><td class=\"n\">%zu</td><td class=\"n\">of %zu</td>",
                  p->count, p->truth_total);
    (void)fprintf(h->out, "<td class=\"meter\"><i style=\"width:%s%%\"></i></td></tr>\n",
                  rep_number_text(share, rep_percent(p->count, most), 1));
}

void html_pairs(const struct html *h)
{
    (void)fputs("<section id=\"pairs\"><h2>Confused pairs</h2>", h->out);
    if (h->sum.pair_count == 0) {
        (void)fputs("<p class=\"none\">Nothing was confused.</p></section>\n", h->out);
        return;
    }
    (void)fputs("<div class=\"scroll\"><table><thead><tr><th>is</th><th>was called</th>"
                "<th class=\"n\">times</th><th class=\"n\"></th><th></th></tr></thead>"
                "<tbody>\n",
                h->out);
    for (size_t i = 0; i < h->sum.pair_count && i < PAIRS_SHOWN; i++)
        pair(h, &h->sum.pairs[i], h->sum.pairs[0].count);
    (void)fputs("</tbody></table></div>", h->out);
    if (h->sum.pair_count > PAIRS_SHOWN) {
        (void)fputs("<p class=\"more\">and ", h->out);
        html_count(h->out, h->sum.pair_count - PAIRS_SHOWN);
        (void)fputs(" pairs more</p>", h->out);
    }
    (void)fputs("</section>\n", h->out);
}

// ---- classes ----

static void number_cell(const struct html *h, double value, int decimals)
{
    char sort[REP_NUMBER_MAX];
    (void)fprintf(h->out, "<td class=\"n\" data-v=\"%s\">",
                  isfinite(value) ? rep_number_text(sort, value, 6) : "");
    html_number(h->out, value, decimals);
    (void)fputs("</td>", h->out);
}

static void class_row(const struct html *h, const struct rep_class *c)
{
    struct rep_interval i = rep_wilson(c->correct, c->support);
    const char *wnid = labels_wnid(h->page->table->labels, c->index);
    (void)fprintf(h->out, "<tr><td class=\"n\">%d</td><td>", c->index);
    html_class(h, c->index);
    (void)fputs("</td><td class=\"id\">", h->out);
    html_text(h->out, wnid ? wnid : "");
    (void)fputs("</td>", h->out);
    number_cell(h, (double)c->support, 0);
    number_cell(h, c->recall * 100, 1);
    (void)fputs("<td class=\"ci\">", h->out);
    if (c->support) {
        html_interval(h->out, i.low, c->recall * 100, i.high);
        html_number(h->out, i.low, 0);
        (void)fputs("–", h->out);
        html_number(h->out, i.high, 0);
    }
    (void)fputs("</td>", h->out);
    number_cell(h, rep_percent(c->top5, c->support), 1);
    number_cell(h, c->precision * 100, 1);
    number_cell(h, c->f1 * 100, 1);
    (void)fputs("<td>", h->out);
    if (c->confused_with >= 0) {
        html_class(h, c->confused_with);
        (void)fprintf(h->out, " <small>%zu</small>", c->confused_count);
    }
    (void)fputs("</td></tr>\n", h->out);
}

void html_classes(const struct html *h)
{
    static const struct {
        const char *text, *kind;
    } heads[] = {{"index", "n"},        {"class", ""},      {"WordNet", ""},
                 {"pictures", "n"},     {"top-1, %", "n"},  {"95 % interval", NULL},
                 {"top-5, %", "n"},     {"precision", "n"}, {"F1", "n"},
                 {"called instead", ""}};
    (void)fputs("<section id=\"classes\"><h2>Classes</h2><p class=\"tools\"><input "
                "type=\"search\" placeholder=\"find a class\" aria-label=\"find a "
                "class\"></p><div class=\"scroll\"><table class=\"sortable\"><thead><tr>",
                h->out);
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        if (heads[i].kind)
            (void)fprintf(h->out,
                          "<th class=\"%s\"><button type=\"button\">%s</button></th>",
                          heads[i].kind, heads[i].text);
        else
            (void)fprintf(h->out, "<th>%s</th>", heads[i].text);
    (void)fputs("</tr></thead><tbody>\n", h->out);
    for (int i = 0; i < h->page->table->classes; i++)
        if (h->sum.classes[i].support || h->sum.classes[i].predicted)
            class_row(h, &h->sum.classes[i]);
    (void)fputs("</tbody></table></div></section>\n", h->out);
}
