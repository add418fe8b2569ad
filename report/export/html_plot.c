#include "report/export/html.h"

#include "report/text.h"

#include <math.h>

void html_interval(FILE *out, double low, double value, double high)
{
    (void)fputs("<svg class=\"band\" viewBox=\"0 0 100 6\" preserveAspectRatio=\"none\" "
                "aria-hidden=\"true\"><rect class=\"rail\" width=\"100\" height=\"6\"/>",
                out);
    if (isfinite(value)) {
        char x[REP_NUMBER_MAX], w[REP_NUMBER_MAX];
        (void)fprintf(out, "<rect class=\"fill\" width=\"%s\" height=\"6\"/>",
                      rep_number_text(x, value, 2));
        (void)fprintf(out, "<rect class=\"span\" x=\"%s\" width=\"%s\" height=\"6\"/>",
                      rep_number_text(x, low, 2), rep_number_text(w, high - low, 2));
    }
    (void)fputs("</svg>", out);
}

// Where the plot's square lies, in the units of its picture.
enum { LEFT = 44, TOP = 12, SIDE = 320, GAP = 34, COUNTS = 70 };

static double at_x(double confidence)
{
    return LEFT + SIDE * confidence;
}

static double at_y(double accuracy)
{
    return TOP + SIDE * (1 - accuracy);
}

static void rect(FILE *out, const char *kind, double x, double y, double w, double h)
{
    char text[4][REP_NUMBER_MAX];
    (void)fprintf(out,
                  "<rect class=\"%s\" x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\"/>",
                  kind, rep_number_text(text[0], x, 2), rep_number_text(text[1], y, 2),
                  rep_number_text(text[2], w, 2), rep_number_text(text[3], h, 2));
}

static void axes(FILE *out)
{
    for (int i = 0; i <= 5; i++) {
        double part = i / 5.0;
        (void)fprintf(out,
                      "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%d\" y2=\"%d\"/>",
                      LEFT, LEFT + SIDE, (int)at_y(part), (int)at_y(part));
        (void)fprintf(out,
                      "<text class=\"tick\" x=\"%d\" y=\"%d\" "
                      "text-anchor=\"end\">%d</text>",
                      LEFT - 8, (int)at_y(part) + 4, i * 20);
        (void)fprintf(out,
                      "<text class=\"tick\" x=\"%d\" y=\"%d\" "
                      "text-anchor=\"middle\">%d</text>",
                      (int)at_x(part), TOP + SIDE + 18, i * 20);
    }
    (void)fprintf(out, "<line class=\"ideal\" x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\"/>",
                  LEFT, TOP + SIDE, LEFT + SIDE, TOP);
}

static void describe(FILE *out, const struct rep_bin *b)
{
    (void)fputs("<title>confidence ", out);
    html_number(out, b->low * 100, 1);
    (void)fputs("–", out);
    html_number(out, b->high * 100, 1);
    (void)fputs(" %: ", out);
    html_count(out, b->count);
    (void)fputs(" pictures, mean ", out);
    html_number(out, b->mean_confidence * 100, 1);
    (void)fputs(" %, right ", out);
    html_number(out, b->accuracy * 100, 1);
    (void)fputs(" %</title>", out);
}

// Accuracy as a bar, the gap to the mean confidence over it, and below how many there
// are.
static void bin(FILE *out, const struct rep_bin *b, size_t most)
{
    double x = at_x(b->low) + 1.5, w = SIDE * (b->high - b->low) - 3;
    double tall = COUNTS * (double)b->count / (double)most;
    if (b->count == 0)
        return;
    (void)fputs("<g>", out);
    describe(out, b);
    rect(out, "bar", x, at_y(b->accuracy), w, SIDE * b->accuracy);
    double above = b->accuracy > b->mean_confidence ? b->accuracy : b->mean_confidence;
    rect(out, b->accuracy < b->mean_confidence ? "gap over" : "gap under", x, at_y(above),
         w, SIDE * fabs(b->accuracy - b->mean_confidence));
    rect(out, "count", x, TOP + SIDE + GAP + COUNTS - tall, w, tall);
    (void)fputs("</g>", out);
}

void html_calibration(const struct html *h)
{
    FILE *out = h->out;
    size_t most = 1;
    for (int i = 0; i < REP_BINS; i++)
        most = h->sum.bins[i].count > most ? h->sum.bins[i].count : most;
    (void)fprintf(out,
                  "<section id=\"calibration\"><h2>Calibration</h2>"
                  "<div class=\"plot\"><svg viewBox=\"0 0 %d %d\" role=\"img\" "
                  "aria-label=\"accuracy by confidence\">",
                  LEFT + SIDE + 16, TOP + SIDE + GAP + COUNTS + 22);
    axes(out);
    for (int i = 0; i < REP_BINS; i++)
        bin(out, &h->sum.bins[i], most);
    (void)fprintf(out,
                  "<text class=\"axis\" x=\"%d\" y=\"%d\" "
                  "text-anchor=\"middle\">confidence, %%, and how many "
                  "pictures</text></svg>",
                  LEFT + SIDE / 2, TOP + SIDE + GAP + COUNTS + 16);
    (void)fputs("<div class=\"aside\"><div><p class=\"big\">", out);
    html_number(out, h->sum.ece * 100, 2);
    (void)fputs(
        " <small>%</small></p><p>expected calibration error, 15 bins of equal "
        "width (Guo et al. 2017)</p></div><ul class=\"key\"><li><i class=\"bar\"></i>"
        "right, of the pictures in the bin</li><li><i class=\"over\"></i>more "
        "confident than right</li><li><i class=\"under\"></i>more right than "
        "confident</li><li><i class=\"ideal\"></i>as right as "
        "confident</li></ul></div></div></section>\n",
        out);
}
