#include "cli/opt/opt.h"

// cmocka wants these first, in this order.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

struct fields {
    bool flag, other;
    const char *text;
    int count, choice;
    double real, margin;
    struct opt_chw shape;
};

static const struct opt rows[] = {
    {.letter = 'f',
     .name = "a_flag",
     .kind = OPT_FLAG,
     .offset = offsetof(struct fields, flag)},
    {.letter = 't',
     .name = "text",
     .value = "T",
     .kind = OPT_TEXT,
     .offset = offsetof(struct fields, text)},
    {.letter = 'c',
     .name = "count",
     .value = "N",
     .kind = OPT_INT,
     .min = -2,
     .max = 2147483647,
     .offset = offsetof(struct fields, count)},
    {.name = "choice",
     .value = "C",
     .kind = OPT_CHOICE,
     .choices = "red green blue",
     .offset = offsetof(struct fields, choice)},
    {.name = "real",
     .value = "R",
     .kind = OPT_REAL,
     .min = -1,
     .max = 1,
     .offset = offsetof(struct fields, real)},
    {.name = "margin",
     .value = "M",
     .kind = OPT_MARGIN,
     .min = 0.1,
     .max = 9,
     .offset = offsetof(struct fields, margin)},
    {.letter = 's',
     .name = "shape",
     .value = "[3,H,W]",
     .kind = OPT_CHW,
     .max = 1000,
     .offset = offsetof(struct fields, shape)},
    {0},
};
static const struct opt more[] = {
    {.letter = 'o',
     .name = "other",
     .kind = OPT_FLAG,
     .offset = offsetof(struct fields, other)},
    {0},
};

// Parses words separated by spaces.
static enum err_code parse(const char *line, struct fields *out, int *operands,
                           struct err *e)
{
    static char words[256];
    char command[] = "command", *argv[32] = {command}, *rest = words;
    int argc = 1;
    (void)snprintf(words, sizeof words, "%s", line);
    for (char *word; (word = strsep(&rest, " "));)
        if (*word)
            argv[argc++] = word;
    *out = (struct fields){0};
    const struct opt_table tables[] = {{rows, out}, {more, out}};
    enum err_code rc = opt_parse("command", tables, argv, operands, e);
    if (rc == ERR_OK && *operands)
        assert_string_equal(argv[1], "one");
    return rc;
}

static struct fields good(const char *line, int operands)
{
    struct fields fields;
    struct err e = {0};
    int n;
    if (parse(line, &fields, &n, &e) != ERR_OK)
        fail_msg("%s: %s", line, e.msg);
    assert_int_equal(n, operands);
    return fields;
}

static void every_kind_in_every_form(void **state)
{
    (void)state;
    assert_true(good("--a_flag", 0).flag);
    assert_true(good("--a-flag", 0).flag);
    assert_true(good("-of", 0).other && good("-of", 0).flag);
    assert_string_equal(good("-t x one --other two", 2).text, "x");
    assert_string_equal(good("one --text=", 1).text, "");
    assert_string_equal(good("--text=a=b", 0).text, "a=b");
    assert_string_equal(good("-t -f", 0).text, "-f"); // a value, whatever it looks like
    assert_int_equal(good("-fc7 one", 1).count, 7);
    assert_int_equal(good("--count -2", 0).count, -2);
    assert_int_equal(good("-c 1 -c 2", 0).count, 2);
    assert_int_equal(good("--choice blue", 0).choice, 2);
    assert_true(good("--real -.5", 0).real == -.5);
    assert_true(good("--margin \u00b10.5", 0).margin == .5);
    assert_true(good("--margin +-2", 0).margin == 2);
    assert_int_equal(good("-s [3,20,30]", 0).shape.width, 30);
    assert_int_equal(good("-s 3,20,30", 0).shape.height, 20);
    assert_false(good("one -- -f", 2).flag);
    assert_int_equal(good("one -", 2).count, 0);
}

static void wrong_ones_say_what_was_expected(void **state)
{
    static const char *const lines[] = {
        "--no",
        "-z",
        "-fz",
        "--count",
        "-c",
        "--count=",
        "-c 1x",
        "-c 0x10",
        "-c 2147483648",
        "-c -3",
        "-c 99999999999999999999",
        "--count=\t1",
        "--choice re",
        "--choice",
        "--choice=red,green",
        "--real nan",
        "--real inf",
        "--real 1.0001",
        "--real ..",
        "--margin 0",
        "--margin \u00b1\u00b11",
        "--a_flag=1",
        "-s [3,0,1]",
        "-s [3,1]",
        "-s [3,1,1,1]",
        "-s [3,1,1]]",
        "-s [4,1,1]",
        "-s 3,1001,1",
        "-s [3,99999999999999999999,1]",
    };
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct fields fields;
        struct err e = {0};
        int n;
        if (parse(lines[i], &fields, &n, &e) != ERR_USAGE)
            fail_msg("%s: is taken", lines[i]);
        assert_true(strncmp(e.msg, "command: -", 10) == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_in_every_form),
        cmocka_unit_test(wrong_ones_say_what_was_expected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
