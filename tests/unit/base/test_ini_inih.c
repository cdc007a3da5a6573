/* Values come in order; the first thing wrong is told with its line and ends the reading. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/ini.h"

struct seen {
    char text[256];
};

static enum sw_err
take(void *arg, const char *section, const char *name, const char *value, char ret_why[SW_WHY_SIZE])
{
    struct seen *seen = arg;
    const size_t size = strlen(seen->text);

    if (strcmp(value, "bad") == 0) {
        (void)snprintf(ret_why, SW_WHY_SIZE, "%s is bad", name);
        return SW_ERR_INVALID;
    }
    (void)snprintf(
        seen->text + size, sizeof(seen->text) - size, "[%s]%s=%s;", section, name, value);
    return SW_ERR_OK;
}

static void values_come_in_order(void **state)
{
    struct seen seen = {0};
    const struct sw_ini_taker taker = {.take = take, .arg = &seen};
    char why[SW_WHY_SIZE] = "";

    (void)state;
    assert_int_equal(sw_ini_parse("a = 1 ; x\n# y\n[s]\nb=\n\nc = two words\n", &taker, why),
                     SW_ERR_OK);
    assert_string_equal(seen.text, "[]a=1;[s]b=;[s]c=two words;");
    assert_string_equal(why, "");
}

static void the_first_error_is_told_and_ends_it(void **state)
{
    struct seen seen = {0};
    const struct sw_ini_taker taker = {.take = take, .arg = &seen};
    char why[SW_WHY_SIZE] = "";

    (void)state;
    assert_int_equal(sw_ini_parse("a = 1\nb = bad\nc = bad\nd = 2\n", &taker, why), SW_ERR_CONFIG);
    assert_string_equal(why, "line 2: b is bad");
    assert_string_equal(seen.text, "[]a=1;");
    assert_int_equal(sw_ini_parse("a = 1\nwhat is this\n", &taker, why), SW_ERR_CONFIG);
    assert_string_equal(why, "line 2: not \"key = value\" nor [section]");
}

static void a_file_is_read_or_named(void **state)
{
    char path[] = "/tmp/sw_test_ini_XXXXXX";
    struct seen seen = {0};
    const struct sw_ini_taker taker = {.take = take, .arg = &seen};
    char why[SW_WHY_SIZE] = "";
    const int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "[s]\na = 1\n", 10), 10);
    (void)close(fd);
    assert_int_equal(sw_ini_load(path, &taker, why), SW_ERR_OK);
    assert_string_equal(seen.text, "[s]a=1;");
    (void)unlink(path);
    assert_int_equal(sw_ini_load(path, &taker, why), SW_ERR_CONFIG);
    assert_non_null(strstr(why, "cannot open"));
    assert_int_equal(sw_ini_load("/", &taker, why), SW_ERR_CONFIG);
    assert_string_equal(why, "cannot read /");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_come_in_order),
        cmocka_unit_test(the_first_error_is_told_and_ends_it),
        cmocka_unit_test(a_file_is_read_or_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
