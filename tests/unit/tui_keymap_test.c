#include "tui/command.h"
#include "tui/keymap.h"

// cmocka wants these first, in this order.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static void no_key_stands_twice_for_a_view(void **state)
{
    (void)state;
    for (size_t i = 0; i < keymap_count; i++)
        for (size_t j = 0; j < i; j++)
            if (keymap[i].key == keymap[j].key && keymap[i].views & keymap[j].views)
                fail_msg("%s is \"%s\" and \"%s\"", keymap[i].keys, keymap[i].command,
                         keymap[j].command);
}

static const struct command *find(const char *line)
{
    size_t len = strcspn(line, " ");
    for (size_t i = 0; i < command_count; i++)
        if (strlen(commands[i].name) == len && strncmp(commands[i].name, line, len) == 0)
            return &commands[i];
    return NULL;
}

static void every_key_is_a_command(void **state)
{
    (void)state;
    for (size_t i = 0; i < keymap_count; i++) {
        assert_non_null(find(keymap[i].command));
        // A row without help is another key of the row before it.
        if (keymap[i].help[0] == '\0')
            assert_string_equal(keymap[i].command, keymap[i - 1].command);
    }
}

static void no_command_has_two_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < command_count; i++)
        assert_ptr_equal(find(commands[i].name), &commands[i]);
}

static void every_view_can_be_moved_in_and_left(void **state)
{
    (void)state;
    for (int view = 0; view < VIEW_COUNT; view++) {
        assert_string_equal(keymap_find((enum view_id)view, 'j'), "down");
        assert_string_equal(keymap_find((enum view_id)view, 27), "back");
        assert_string_equal(keymap_find((enum view_id)view, 'q'), "leave");
        assert_string_equal(keymap_find((enum view_id)view, '?'), "help");
    }
    assert_string_equal(keymap_find(VIEW_RUN, 'x'), "cancel");
    assert_string_equal(keymap_find(VIEW_LIST, 'x'), "ask export");
    assert_null(keymap_find(VIEW_LIST, 'p'));
}

static void words_complete(void **state)
{
    (void)state;
    assert_string_equal(command_complete(NULL, ':', "fil", 0), "filter");
    assert_null(command_complete(NULL, ':', "fil", 1));
    assert_string_equal(command_complete(NULL, ':', "sort ", 0), "file");
    assert_string_equal(command_complete(NULL, ':', "export d", 0), "datalist");
    assert_string_equal(command_complete(NULL, 'f', "wrong and (cl", 0), "class=");
    assert_null(command_complete(NULL, '/', "a", 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_key_stands_twice_for_a_view),
        cmocka_unit_test(every_key_is_a_command),
        cmocka_unit_test(no_command_has_two_rows),
        cmocka_unit_test(every_view_can_be_moved_in_and_left),
        cmocka_unit_test(words_complete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
