/* Lines into words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/prng.h"
#include "tools/words.h"

/* The words, each in brackets; NULL if the line is refused. */
static const char *split(const char *text)
{
    static char joined[256];
    char line[256];
    char *words[4];
    char why[SW_WHY_SIZE];
    size_t count = 0;

    (void)snprintf(line, sizeof line, "%s", text);
    if (sw_words_split(line, words, 4, &count, why) != SW_ERR_OK) {
        return NULL;
    }
    joined[0] = '\0';
    for (size_t i = 0, size = 0; i < count; i++) {
        size += (size_t)snprintf(joined + size, sizeof joined - size, "[%s]", words[i]);
        assert_true(size < sizeof joined);
    }
    return joined;
}

static void words_are_cut_as_a_shell_cuts_them(void **unused)
{
    (void)unused;
    assert_string_equal(split("kv get a"), "[kv][get][a]");
    assert_string_equal(split("  kv\tget  "), "[kv][get]");
    assert_string_equal(split("put 'a b' \"c \\\" d\""), "[put][a b][c \" d]");
    assert_string_equal(split("a\\ b 'it\\s' x\"y\"z"), "[a b][it\\s][xyz]");
    assert_string_equal(split("'' \"\""), "[][]");
    assert_string_equal(split(""), "");
    assert_string_equal(split("# a remark"), "");
    assert_string_equal(split("a #b"), "[a]");
    assert_string_equal(split("a#b \\"), "[a#b][\\]");
}

static void open_quotes_and_too_many_words_are_refused(void **unused)
{
    (void)unused;
    assert_null(split("a 'b"));
    assert_null(split("a \"b"));
    assert_null(split("1 2 3 4 5"));
    assert_non_null(split("1 2 3 4"));
}

/* Any bytes: words lie in the line, and end. */
static void hostile_lines_stay_in_bounds(void **unused)
{
    static const char signs[] = "a'\"\\ #\t\n";
    struct sw_prng prng = sw_prng_of(4);

    (void)unused;
    for (int i = 0; i < 20000; i++) {
        char line[12], why[SW_WHY_SIZE];
        char *words[16];
        size_t count = 0;

        for (size_t at = 0; at + 1 < sizeof line; at++) {
            line[at] = signs[sw_prng_below(&prng, sizeof signs - 1)];
        }
        line[sizeof line - 1] = '\0';
        if (sw_words_split(line, words, 16, &count, why) == SW_ERR_OK) {
            for (size_t at = 0; at < count; at++) {
                assert_true(words[at] >= line &&
                            words[at] + strlen(words[at]) < line + sizeof line);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_cut_as_a_shell_cuts_them),
        cmocka_unit_test(open_quotes_and_too_many_words_are_refused),
        cmocka_unit_test(hostile_lines_stay_in_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
