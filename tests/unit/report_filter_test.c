#include "report/report.h"

#include "base/str.h"

// cmocka wants these first, in this order.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

// 134 and 517 are both "crane"; 2 is "great white shark, white shark, …".
static const struct row rows[] = {
    // 0: right, sure
    {.file = "n1/a.JPEG",
     .label = 134,
     .count = 2,
     .top = {134, 2},
     .prob = {0.9f, 0.1f}},
    // 1: wrong, top-5, unsure
    {.file = "n1/b.JPEG",
     .label = 517,
     .count = 2,
     .top = {2, 517},
     .prob = {0.4f, 0.3f}},
    // 2: wrong, missed
    {.file = "n2/c.PNG", .label = 2, .count = 2, .top = {1, 5}, .prob = {0.95f, 0.01f}},
    // 3: predicted, no label
    {.file = "n2/d x.jpg", .label = -1, .count = 1, .top = {517}, .prob = {0.5f}},
    // 4: an error
    {.file = "bad.jpg", .label = 2, .error = "truncated"},
    // 5: not run yet
    {.file = "new.jpg", .label = 134},
};
enum { ROWS = sizeof rows / sizeof *rows };

// Which rows match, as a string of their numbers; row 1 is marked.
static const char *matches(const char *text, char out[ROWS + 1])
{
    struct rep_filter *filter;
    struct err err = {0};
    int n = 0;
    if (rep_filter_parse(text, labels_imagenet(), &filter, &err) != ERR_OK)
        fail_msg("%s: %s", text, err.msg);
    for (int i = 0; i < ROWS; i++)
        if (rep_filter_match(filter, &rows[i], i == 1))
            out[n++] = (char)('0' + i);
    out[n] = '\0';
    rep_filter_free(filter);
    return out;
}

static void terms_mean_what_they_say(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", "012345"},
        {"  ", "012345"},
        {"wrong", "12"},
        {"right", "0"},
        {"top5", "01"},
        {"missed5", "2"},
        {"error", "4"},
        {"run", "0123"},
        {"unrun", "5"},
        {"labelled", "01245"},
        {"unlabelled", "3"},
        {"marked", "1"},
        {"WRONG", "12"},
        {"class=134", "05"},
        {"class=n02012849", "05"}, // the bird
        {"class=crane", "015"},    // both cranes
        {"class!=crane", "24"},
        {"pred=crane", "03"},
        {"class=\"great white shark\"", "24"},
        {"class=Great_White_Shark", "24"},
        {"class='white shark'", "24"}, // not the first word of the class
        {"pred=great_white_shark", "1"},
        {"conf>0.5", "02"},
        {"conf>=0.5", "023"},
        {"conf>=0.9", "02"}, // what is stored as float32(0.9)
        {"conf=0.9", "0"},
        {"conf!=.9", "123"},
        {"conf<0.5", "1"},
        {"conf<=0.5", "13"},
        {"margin<0.2", "1"},
        {"margin=0.5", "3"}, // only one prediction: the gap to nothing
        {"rank=1", "0"},
        {"rank=2", "1"},
        {"rank>1", "12"}, // not among the five is further than all of them
        {"rank<=5", "01"},
        {"file~*.jpg", "345"},
        {"file~*.jp*g", "01345"},
        {"file~n1/?.jpeg", "01"},
        {"file~N2", "23"}, // no wildcard: anywhere
        {"file~\"d x\"", "3"},
        {"file~*", "012345"},
        {"file~n1", "01"},
    };
    char got[ROWS + 1];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (strcmp(matches(cases[i][0], got), cases[i][1]) != 0)
            fail_msg("%s: got %s, want %s", cases[i][0], got, cases[i][1]);
}

static void operators_bind_as_expected(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"wrong and conf>0.9", "2"},
        {"wrong conf>0.9", "2"}, // side by side is `and`
        {"right or wrong and missed5", "02"},
        {"(right or wrong) and missed5", "2"},
        {"missed5 and wrong or right", "02"},
        {"not wrong", "0345"},
        {"not not wrong", "12"},
        {"not wrong and run", "03"},
        {"not (wrong and run)", "0345"},
        {"wrong not missed5", "1"},
        {"right (labelled)", "0"},
        {"error OR unrun OR right", "045"},
        {"not right or error", "12345"},
        {"((((wrong))))", "12"},
        {"wrong and(conf>0.9)or class=134 and right", "02"},
    };
    char got[ROWS + 1];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (strcmp(matches(cases[i][0], got), cases[i][1]) != 0)
            fail_msg("%s: got %s, want %s", cases[i][0], got, cases[i][1]);
}

static void errors_name_the_column(void **state)
{
    (void)state;
    static const struct {
        const char *text, *column, *expected;
    } cases[] = {
        {"wrnog", "column 1:", "expected wrong right"},
        {"wrong and", "column 10:", "expected a term"},
        {"and wrong", "column 1:", "expected a term"},
        {"wrong or or right", "column 10:", "expected a term"},
        {"not", "column 4:", "expected a term"},
        {"()", "column 2:", "expected a term"},
        {"(wrong", "column 1:", "expected )"},
        {"wrong)", "column 6:", ") without ("},
        {"conf", "column 5:", "expected one of"},
        {"conf 0.5", "column 6:", "expected one of"},
        {"conf~3", "column 5:", "expected one of"},
        {"conf>", "column 6:", "expected a value"},
        {"conf>x", "column 6:", "expected a number from 0 to 1"},
        {"conf>90", "column 6:", "expected a number from 0 to 1"},
        {"conf>0.1.2", "column 6:", "expected a number"},
        {"rank=0", "column 6:", "expected a place"},
        {"rank=1.5", "column 6:", "expected a place"},
        {"class<3", "column 6:", "expected = or !="},
        {"class=1000", "column 7:", "below 1000"},
        {"class=-1", "column 7:", "below 1000"},
        {"class=nosuchthing", "column 7:", "WordNet id"},
        {"class=n99999999", "column 7:", "WordNet id"},
        {"file=x", "column 5:", "expected ~"},
        {"class=\"crane", "column 7:", "quote"},
        {"\"wrong\"", "column 1:", "no term"},
        {"file~\xc3\xa4\xc3\xb6 and x!", "column 13:", "no term"},
        {"wrong ! right", "column 7:", "no term"},
        {"= 3", "column 1:", "expected a term"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rep_filter *filter;
        struct err err = {0};
        enum err_code rc =
            rep_filter_parse(cases[i].text, labels_imagenet(), &filter, &err);
        if (rc != ERR_USAGE || filter || !strstr(err.msg, cases[i].column) ||
            !strstr(err.msg, cases[i].expected))
            fail_msg("\"%s\" gave %d \"%s\"", cases[i].text, (int)rc, err.msg);
    }
}

// `times` of one text at the end of another.
static void append(struct str *s, const char *text, int times)
{
    for (int i = 0; i < times; i++)
        str_add(s, text);
}

static enum err_code parse(struct str *s, struct rep_filter **filter)
{
    struct err err = {0};
    enum err_code rc = rep_filter_parse(str_get(s), labels_imagenet(), filter, &err);
    str_release(s);
    return rc;
}

// Depth is bounded in the parser and with it in the evaluation; nothing recurses.
static void hostile_filters_are_bounded(void **state)
{
    (void)state;
    struct rep_filter *filter;
    struct str s = {0};
    append(&s, "(", 100000);
    assert_int_equal(parse(&s, &filter), ERR_USAGE);
    // Two waiting operators a level, 63 of them at most.
    append(&s, "wrong or (", 32);
    append(&s, "wrong", 1);
    append(&s, ")", 32);
    assert_int_equal(parse(&s, &filter), ERR_USAGE);
    append(&s, "wrong or (", 31);
    append(&s, "wrong", 1);
    append(&s, ")", 31);
    assert_int_equal(parse(&s, &filter), ERR_OK);
    assert_true(rep_filter_match(filter, &rows[1], false));
    assert_false(rep_filter_match(filter, &rows[0], false));
    rep_filter_free(filter);
    // A chain of one operator never grows the stack.
    append(&s, "wrong or ", 1000);
    append(&s, "right", 1);
    assert_int_equal(parse(&s, &filter), ERR_OK);
    assert_true(rep_filter_match(filter, &rows[0], false));
    rep_filter_free(filter);
    // Exponential in naive matchers.
    append(&s, "file~", 1);
    append(&s, "*a", 20);
    append(&s, "*b", 1);
    assert_int_equal(parse(&s, &filter), ERR_OK);
    char name[5000];
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    struct row row = {.file = name, .label = -1};
    assert_false(rep_filter_match(filter, &row, false));
    rep_filter_free(filter);
}

// An error or a filter, never a crash.
static void random_bytes_are_an_error_or_a_filter(void **state)
{
    (void)state;
    static const char alphabet[] = "()<>=!~\"' andortwrongconf.0159*?\\\xc3\xff";
    srandom(1);
    for (int round = 0; round < 20000; round++) {
        struct rep_filter *filter;
        struct str s = {0};
        for (int n = (int)(random() % 40); n > 0; n--)
            str_add_char(&s, alphabet[(size_t)random() % (sizeof alphabet - 1)]);
        if (parse(&s, &filter) == ERR_OK)
            (void)rep_filter_match(filter, &rows[round % ROWS], false);
        rep_filter_free(filter);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(terms_mean_what_they_say),
        cmocka_unit_test(operators_bind_as_expected),
        cmocka_unit_test(errors_name_the_column),
        cmocka_unit_test(hostile_filters_are_bounded),
        cmocka_unit_test(random_bytes_are_an_error_or_a_filter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
