#include "tui/widget/prompt.h"

// cmocka wants these first, in this order.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <curses.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct history history;

static const char *complete(void *ctx, char kind, const char *text, size_t n)
{
    static const char *const words[] = {"class=", "conf>", "conf<"};
    (void)ctx, (void)kind;
    const char *stem = strrchr(text, ' ') ? strrchr(text, ' ') + 1 : text;
    for (size_t i = 0; i < 3; i++)
        if (str_starts_with(words[i], stem) && n-- == 0)
            return words[i];
    return NULL;
}

static enum prompt_result press(struct prompt *prompt, int key)
{
    return prompt_key(prompt, key, &history, complete, NULL);
}

static void type(struct prompt *prompt, const char *text)
{
    for (; *text; text++)
        assert_int_equal(press(prompt, *text), PROMPT_GOES_ON);
}

static void editing_moves_by_characters(void **state)
{
    (void)state;
    struct prompt prompt = {0};
    prompt_open(&prompt, ':', ":", "");
    type(&prompt, "ab");
    (void)press(&prompt, 0x00e9); // é
    (void)press(&prompt, 0x4e2d); // 中
    assert_string_equal(str_get(&prompt.text), "abé中");
    (void)press(&prompt, FN(KEY_LEFT));
    (void)press(&prompt, FN(KEY_BACKSPACE));
    assert_string_equal(str_get(&prompt.text), "ab中");
    (void)press(&prompt, FN(KEY_DC));
    assert_string_equal(str_get(&prompt.text), "ab");
    (void)press(&prompt, CTRL('a'));
    type(&prompt, "x y ");
    assert_string_equal(str_get(&prompt.text), "x y ab");
    (void)press(&prompt, CTRL('w'));
    assert_string_equal(str_get(&prompt.text), "x ab");
    (void)press(&prompt, CTRL('u'));
    assert_string_equal(str_get(&prompt.text), "ab");
    (void)press(&prompt, CTRL('k'));
    assert_string_equal(str_get(&prompt.text), "");
    (void)press(&prompt, FN(KEY_LEFT));
    (void)press(&prompt, FN(KEY_DC));
    assert_int_equal(press(&prompt, KEY_RUBOUT), PROMPT_CANCELLED);
    prompt_close(&prompt);
}

static void text_has_a_limit(void **state)
{
    (void)state;
    struct prompt prompt = {0};
    prompt_open(&prompt, ':', ":", "");
    for (int i = 0; i < 5000; i++)
        (void)press(&prompt, 'a');
    assert_true(prompt.text.len <= 2000);
    prompt_close(&prompt);
}

static void history_is_kept_by_kind(void **state)
{
    (void)state;
    struct prompt prompt = {0};
    history_add(&history, ':', "one");
    history_add(&history, '/', "else");
    history_add(&history, ':', "two");
    history_add(&history, ':', "one");
    prompt_open(&prompt, ':', ":", "");
    type(&prompt, "new");
    (void)press(&prompt, FN(KEY_UP));
    assert_string_equal(str_get(&prompt.text), "one");
    (void)press(&prompt, FN(KEY_UP));
    assert_string_equal(str_get(&prompt.text), "two");
    (void)press(&prompt, FN(KEY_UP)); // no older one
    assert_string_equal(str_get(&prompt.text), "two");
    (void)press(&prompt, FN(KEY_DOWN));
    (void)press(&prompt, FN(KEY_DOWN));
    assert_string_equal(str_get(&prompt.text), "new");
    assert_int_equal(press(&prompt, '\r'), PROMPT_ACCEPTED);
    prompt_close(&prompt);
    history_release(&history);
}

static void history_outlives_the_session(void **state)
{
    (void)state;
    char folder[] = "/tmp/xlens-history-XXXXXX";
    char path[64];
    struct history first = {0}, second = {0};
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/history", folder);
    for (int i = 0; i < HISTORY_MAX + 50; i++) {
        char line[32];
        (void)snprintf(line, sizeof line, "line %d", i);
        history_add(&first, 'f', line);
    }
    assert_int_equal(history_save(&first, path, NULL), ERR_OK);
    history_load(&second, path);
    assert_int_equal(second.count, HISTORY_MAX);
    assert_string_equal(history_find(&second, 'f', 1), "line 249");
    history_release(&first);
    history_release(&second);
    (void)unlink(path);
    (void)rmdir(folder);
}

static void tab_goes_round_the_candidates(void **state)
{
    (void)state;
    struct prompt prompt = {0};
    prompt_open(&prompt, 'f', "filter: ", "");
    type(&prompt, "wrong co");
    (void)press(&prompt, KEY_TAB);
    assert_string_equal(str_get(&prompt.text), "wrong conf>");
    (void)press(&prompt, KEY_TAB);
    assert_string_equal(str_get(&prompt.text), "wrong conf<");
    (void)press(&prompt, KEY_TAB);
    assert_string_equal(str_get(&prompt.text), "wrong conf>");
    type(&prompt, "0.9");
    assert_string_equal(str_get(&prompt.text), "wrong conf>0.9");
    prompt_close(&prompt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(editing_moves_by_characters),
        cmocka_unit_test(text_has_a_limit),
        cmocka_unit_test(history_is_kept_by_kind),
        cmocka_unit_test(history_outlives_the_session),
        cmocka_unit_test(tab_goes_round_the_candidates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
