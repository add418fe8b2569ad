#include "report/diff.h"

#include "report/report.h"

#include "report/text.h"

#include <errno.h>
#include <math.h>
#include <string.h>

void rep_diff_add(struct rep_diff *diff, const struct row *a, const struct row *b)
{
    if (!row_done(a) || !row_done(b))
        return;
    diff->shared++;
    diff->agree += a->top[0] == b->top[0];
    if (!row_scored(a) || !row_scored(b))
        return;
    diff->labelled++;
    diff->right[row_correct(a)][row_correct(b)]++;
    diff->top5_a += row_rank(a) >= 0;
    diff->top5_b += row_rank(b) >= 0;
}

struct rep_mcnemar rep_mcnemar(size_t only_a, size_t only_b)
{
    size_t n = only_a + only_b, few = only_a < only_b ? only_a : only_b;
    if (n < REP_EXACT_BELOW)
        return (struct rep_mcnemar){true, (double)few, rep_sign_test(only_a, only_b)};
    double gap = (double)(n - 2 * few), chi2 = 0.0;
    if (gap > 0.0)
        chi2 = (gap - 1.0) * (gap - 1.0) / (double)n;
    // The upper tail of chi-square with one degree of freedom.
    return (struct rep_mcnemar){false, chi2, erfc(sqrt(chi2 / 2.0))};
}

// ---- as files ----

static void write_class(const struct row *row, const struct labels *labels, FILE *out)
{
    char number[REP_NUMBER_MAX];
    (void)fprintf(out, ",%d,", row->top[0]);
    rep_csv_write(out, labels_words(labels, row->top[0]));
    (void)fprintf(out, ",%s", rep_number_text(number, (double)row->prob[0], 6));
}

static void write_csv_line(const struct rep_pictures *p, const struct labels *labels,
                           FILE *out)
{
    rep_csv_write(out, p->a->file);
    if (p->a->label >= 0) {
        (void)fprintf(out, ",%d,", p->a->label);
        rep_csv_write(out, labels_words(labels, p->a->label));
    } else {
        (void)fputs(",,", out);
    }
    write_class(p->a, labels, out);
    write_class(p->b, labels, out);
    (void)putc('\n', out);
}

enum err_code rep_diff_write(const struct rep_pictures *pictures, size_t n,
                             const struct labels *labels, const char *root,
                             enum rep_diff_format format, FILE *out, struct err *e)
{
    errno = 0;
    if (format == REP_DIFF_CSV)
        (void)fputs("file,label,label_name,a_top1,a_name,a_prob,b_top1,b_name,b_prob\n",
                    out);
    for (size_t i = 0; i < n; i++) {
        enum err_code rc = ERR_OK;
        if (format == REP_DIFF_CSV)
            write_csv_line(&pictures[i], labels, out);
        else
            rc = rep_datalist_line(pictures[i].a, root, out, e);
        if (rc != ERR_OK)
            return rc;
    }
    if (fflush(out) != 0 || ferror(out))
        return err_set_errno(e, errno ? errno : EIO, "diff", "cannot write");
    return ERR_OK;
}
