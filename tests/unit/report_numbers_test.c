// Accuracy, intervals, confusion, classes and calibration against numbers of other
// programs: statsmodels 0.15.0, scikit-learn 1.9.1, numpy 2.4.6.

#include "report/report.h"

// cmocka wants these first, in this order.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N = 500, C = 8 };

static uint32_t seed;

static int next(void)
{
    seed = (seed * 1103515245u + 12345u) & 0x7fffffffu;
    return (int)(seed >> 8);
}

// The same 500 rows of 8 classes that the references were computed from; class 7 never is
// the truth, and 60 % are set right on purpose.
static void make_rows(struct row rows[N])
{
    seed = 12345;
    for (int i = 0; i < N; i++) {
        struct row *row = &rows[i];
        *row = (struct row){.label = next() % (C - 1), .count = 1};
        row->top[0] = next() % 100 < 60 ? row->label : next() % C;
        while (row->count < ROW_TOPK) {
            int c = next() % C, at = 0;
            while (at < row->count && row->top[at] != c)
                at++;
            if (at == row->count)
                row->top[row->count++] = c;
        }
        row->prob[0] = (float)((next() % 1000 + 1) / 1000.0);
    }
}

static void near(double got, double want)
{
    if (isnan(want) ? !isnan(got) : !(fabs(got - want) <= 1e-9 * fmax(1.0, fabs(want))))
        fail_msg("got %.17g, want %.17g", got, want);
}

// statsmodels.stats.proportion.proportion_confint(hits, n, 0.05, method="wilson") × 100
static void intervals_are_wilsons(void **state)
{
    (void)state;
    static const struct {
        size_t hits, n;
        double low, high;
    } want[] = {
        {0, 10, 0.0, 27.753279986288927},
        {10, 10, 72.24672001371107, 100.0},
        {7, 9, 45.25889691069889, 93.67748928821533},
        {79, 100, 70.02003116591014, 85.8343459380847},
        {790, 1000, 76.36693994520037, 81.41110806263744},
        {39500, 50000, 78.6407640365793, 79.35478021352029},
        {1, 1, 20.65493143772374, 100.0},
        {1, 1300000, 1.357881320863408e-05, 0.00043576284520823935},
    };
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        struct rep_interval got = rep_wilson(want[i].hits, want[i].n);
        assert_true(fabs(got.low - want[i].low) <= 1e-9);
        assert_true(fabs(got.high - want[i].high) <= 1e-9);
        assert_true(got.low >= 0.0 && got.high <= 100.0);
    }
    near(rep_wilson(0, 0).low, 0.0);
    near(rep_wilson(0, 0).high, 100.0);
    near(rep_percent(0, 0), (double)NAN);
    near(rep_percent(1, 8), 12.5);
}

// scipy 1.17.1: scipy.stats.binomtest(better, better + worse, 0.5).pvalue
static void paired_tests_are_scipys(void **state)
{
    (void)state;
    static const struct {
        size_t better, worse;
        double p;
    } want[] = {
        {0, 0, 1.0},
        {1, 0, 1.0},
        {5, 0, 0.0625},
        {0, 6, 0.03125},
        {3, 10, 0.09228515625},
        {28, 12, 0.01658900337497471},
        {100, 140, 0.01166409231767769},
        {7, 7, 1.0},
        {30000, 29000, 3.907020967830222e-05},
        {900, 0, 2.3661043723335494e-271},
    };
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        double got = rep_sign_test(want[i].better, want[i].worse);
        // lgamma of 59,001 has an error of 1e-10 itself.
        assert_true(fabs(got - want[i].p) <= 1e-9 * want[i].p);
    }
    assert_true(rep_sign_test(0, 20000) >= 0.0); // below what a double holds
}

static void tallies_go_up_and_down(void **state)
{
    (void)state;
    struct row rows[N], extra[] = {{.label = -1, .count = 1},
                                   {.label = 2, .error = "broken"},
                                   {.label = 2}};
    struct rep_tally tally = {0}, empty = {0};
    make_rows(rows);
    for (int i = 0; i < N; i++)
        rep_tally_add(&tally, &rows[i]);
    // (label == top[:, 0]).sum() and sum(l in t for l, t in zip(label, top))
    assert_int_equal(tally.top1, 318);
    assert_int_equal(tally.top5, 421);
    for (int i = 0; i < 3; i++)
        rep_tally_add(&tally, &extra[i]);
    assert_int_equal(tally.images, N + 3);
    assert_int_equal(tally.done, N + 1);
    assert_int_equal(tally.failed, 1);
    assert_int_equal(tally.labelled, N);
    for (int i = 0; i < N; i++)
        rep_tally_remove(&tally, &rows[i]);
    for (int i = 0; i < 3; i++)
        rep_tally_remove(&tally, &extra[i]);
    assert_memory_equal(&tally, &empty, sizeof tally);
}

// sklearn.metrics.confusion_matrix(label, top[:, 0], labels=range(8))
static const size_t matrix[C][C] = {
    {43, 1, 4, 3, 2, 2, 3, 7}, {3, 38, 2, 2, 3, 7, 0, 3}, {6, 6, 52, 4, 2, 5, 2, 4},
    {3, 4, 5, 42, 4, 5, 6, 2}, {2, 4, 1, 6, 39, 4, 6, 6}, {2, 6, 6, 4, 2, 44, 0, 6},
    {4, 4, 1, 4, 4, 5, 60, 5}, {0, 0, 0, 0, 0, 0, 0, 0},
};
static const size_t support[C] = {65, 58, 81, 71, 68, 70, 87, 0};

static void confusion_is_sklearns(void **state)
{
    (void)state;
    struct row rows[N];
    struct rep_pair *cells, *pairs;
    size_t count, pair_count, at = 0;
    make_rows(rows);
    assert_int_equal(rep_confusion(rows, N, &cells, &count, NULL), ERR_OK);
    for (int y = 0; y < C; y++)
        for (int x = 0; x < C; x++) {
            if (matrix[y][x] == 0)
                continue;
            assert_true(at < count);
            assert_int_equal(cells[at].truth, y);
            assert_int_equal(cells[at].predicted, x);
            assert_int_equal(cells[at].count, matrix[y][x]);
            assert_int_equal(cells[at++].truth_total, support[y]);
        }
    assert_int_equal(at, count);

    assert_int_equal(rep_pairs(rows, N, &pairs, &pair_count, NULL), ERR_OK);
    assert_int_equal(pair_count, count - 7); // without the diagonal
    for (size_t i = 0; i < pair_count; i++) {
        const struct rep_pair *p = &pairs[i], *q = &pairs[i + 1];
        assert_int_equal(p->count, matrix[p->truth][p->predicted]);
        assert_true(p->truth != p->predicted);
        if (i + 1 < pair_count)
            assert_true(p->count > q->count ||
                        (p->count == q->count &&
                         (p->truth < q->truth ||
                          (p->truth == q->truth && p->predicted < q->predicted))));
    }
    free(cells);
    free(pairs);
    assert_int_equal(rep_pairs(rows, 0, &pairs, &pair_count, NULL), ERR_OK);
    assert_int_equal(pair_count, 0);
    free(pairs);
}

// sklearn.metrics.precision_recall_fscore_support(label, top[:, 0], labels=range(8),
// zero_division=nan)
static void classes_are_sklearns(void **state)
{
    (void)state;
    static const double precision[C] = {
        0.6825396825396826, 0.6031746031746031, 0.7323943661971831, 0.6461538461538462,
        0.6964285714285714, 0.6111111111111112, 0.7792207792207793, 0.0};
    static const double recall[C] = {
        0.6615384615384615, 0.6551724137931034, 0.6419753086419753, 0.5915492957746479,
        0.5735294117647058, 0.6285714285714286, 0.6896551724137931, (double)NAN};
    static const double f1[C] = {
        0.671875,           0.628099173553719,  0.6842105263157895, 0.6176470588235294,
        0.6290322580645161, 0.6197183098591549, 0.7317073170731707, 0.0};
    static const size_t top5[C] = {56, 45, 68, 60, 52, 60, 80, 0};
    static const int confused_with[C] = {7, 5, 0, 6, 3, 1, 5, -1};
    struct row rows[N + 1];
    struct rep_class *classes;
    make_rows(rows);
    rows[N] = (struct row){.label = 1 << 30, .count = 1, .top = {1 << 29}}; // no class
    assert_int_equal(rep_classes(rows, N + 1, C, &classes, NULL), ERR_OK);
    for (int c = 0; c < C; c++) {
        assert_int_equal(classes[c].index, c);
        assert_int_equal(classes[c].support, support[c]);
        assert_int_equal(classes[c].correct, matrix[c][c]);
        assert_int_equal(classes[c].top5, top5[c]);
        near(classes[c].precision, precision[c]);
        near(classes[c].recall, recall[c]);
        near(classes[c].f1, f1[c]);
        assert_int_equal(classes[c].confused_with, confused_with[c]);
    }
    free(classes);
}

// numpy.digitize(prob, numpy.linspace(0, 1, 16), right=True), means by bin, and
// sum(count / 500 * abs(accuracy - confidence))
static void calibration_is_numpys(void **state)
{
    (void)state;
    static const struct {
        size_t count, correct;
        double confidence;
    } want[REP_BINS] = {
        {51, 32, 0.03268627453522355}, {36, 23, 0.10047222239275773},
        {33, 22, 0.16560606026288235}, {34, 23, 0.23649999981417374},
        {36, 18, 0.30336110873354805}, {20, 13, 0.36369999796152114},
        {31, 20, 0.4333870949283723},  {32, 22, 0.4959375010803342},
        {28, 19, 0.5648214242288044},  {42, 25, 0.6293333286330813},
        {31, 16, 0.6969677402127173},  {28, 19, 0.7662499994039536},
        {34, 23, 0.8384705887121313},  {34, 19, 0.9002647049286786},
        {30, 24, 0.9613666613896688},
    };
    struct row rows[N];
    struct rep_bin bins[REP_BINS];
    double ece;
    make_rows(rows);
    rep_calibration(rows, N, bins, &ece);
    for (int m = 0; m < REP_BINS; m++) {
        assert_int_equal(bins[m].count, want[m].count);
        assert_int_equal(bins[m].correct, want[m].correct);
        near(bins[m].mean_confidence, want[m].confidence);
        near(bins[m].accuracy, (double)want[m].correct / (double)want[m].count);
    }
    near(ece, 0.28269199967756864);
    struct row ends[] = {{.count = 1, .prob = {0.0f}}, {.count = 1, .prob = {1.0f}}};
    rep_calibration(ends, 2, bins, &ece);
    assert_int_equal(bins[0].count, 1);
    assert_int_equal(bins[REP_BINS - 1].count, 1);
    near(ece, 0.5);
    rep_calibration(ends, 0, bins, &ece);
    near(ece, (double)NAN);
    near(bins[3].accuracy, (double)NAN);
}

// What the functions above say one by one, whose figures are other libraries'.
static void a_summary_says_the_same(void **state)
{
    (void)state;
    struct row rows[N];
    struct rep_summary sum;
    struct rep_pair *pairs;
    struct rep_class *classes;
    struct rep_bin bins[REP_BINS];
    struct rep_tally tally = {0}, of_three = {0};
    size_t pair_count;
    double ece;
    make_rows(rows);
    rows[7].label = -1;
    rows[8] = (struct row){.label = 3, .error = "truncated"};
    rows[9] = (struct row){.label = 3};
    for (int i = 0; i < N; i++) {
        rep_tally_add(&tally, &rows[i]);
        if (rows[i].label == 3)
            rep_tally_add(&of_three, &rows[i]);
    }
    assert_int_equal(rep_summary_rows(rows, N, C, -1, &sum, NULL), ERR_OK);
    assert_memory_equal(&sum.tally, &tally, sizeof tally);
    assert_int_equal(rep_pairs(rows, N, &pairs, &pair_count, NULL), ERR_OK);
    assert_int_equal(sum.pair_count, pair_count);
    assert_memory_equal(sum.pairs, pairs, pair_count * sizeof *pairs);
    assert_int_equal(rep_classes(rows, N, C, &classes, NULL), ERR_OK);
    for (int c = 0; c < C; c++) {
        assert_int_equal(sum.classes[c].top5, classes[c].top5);
        assert_int_equal(sum.classes[c].support, classes[c].support);
        assert_int_equal(sum.classes[c].confused_with, classes[c].confused_with);
        near(sum.classes[c].f1, classes[c].f1);
    }
    rep_calibration(rows, N, bins, &ece);
    assert_memory_equal(sum.bins, bins, sizeof bins);
    near(sum.ece, ece);
    rep_summary_release(&sum);
    assert_int_equal(rep_summary_rows(rows, N, C, 3, &sum, NULL), ERR_OK);
    assert_memory_equal(&sum.tally, &of_three, sizeof of_three);
    for (size_t i = 0; i < sum.pair_count; i++)
        assert_int_equal(sum.pairs[i].truth, 3);
    near(sum.classes[5].precision, classes[5].precision);
    rep_summary_release(&sum);
    free(pairs);
    free(classes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(intervals_are_wilsons),
        cmocka_unit_test(paired_tests_are_scipys),
        cmocka_unit_test(tallies_go_up_and_down),
        cmocka_unit_test(confusion_is_sklearns),
        cmocka_unit_test(classes_are_sklearns),
        cmocka_unit_test(calibration_is_numpys),
        cmocka_unit_test(a_summary_says_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
