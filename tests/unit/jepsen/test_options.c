/* Goal: what is not understood is refused with a sentence, and nothing is guessed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "jepsen/workload/options.h"

/* `line`: words with one blank between. The options point into `words`. */
static bool parse(struct sw_options *options, char why[160], const char *line)
{
    static char words[256];
    static char name[] = "swarm-chaos-client";
    char *argv[24] = {name};
    char *at = words;
    int argc = 1;

    (void)snprintf(words, sizeof words, "%s", line);
    while (at != NULL && *at != '\0') {
        char *end = strchr(at, ' ');

        argv[argc++] = at;
        if (end != NULL) {
            *end++ = '\0';
        }
        at = end;
    }
    return sw_options_read(argc, argv, options, why, 160);
}

static void a_whole_line(void **state)
{
    struct sw_options options;
    char why[160] = "";

    (void)state;
    assert_true(parse(&options,
                      why,
                      "bank --config c --history h --seed 18446744073709551615 --processes 3 "
                      "--keys 5 --epoch-ns 77 --final"));
    assert_string_equal(options.workload, "bank");
    assert_string_equal(options.config, "c");
    assert_string_equal(options.history, "h");
    assert_true(options.seed == UINT64_MAX);
    assert_int_equal(options.processes, 3);
    assert_int_equal(options.keys, 5);
    assert_int_equal(options.epoch_ns, 77);
    assert_true(options.final);
}

/* One word for two things: the verb, and the workload of lists. */
static void the_two_lists(void **state)
{
    struct sw_options options;
    char why[160] = "";

    (void)state;
    assert_true(parse(&options, why, "list -o json"));
    assert_true(options.list);
    assert_true(options.json);
    assert_true(parse(&options, why, "list --config c --history h"));
    assert_false(options.list);
    assert_false(parse(&options, why, "list --config c"));
}

static void mistakes(void **state)
{
    static const struct {
        const char *line, *reason;
    } rows[] = {
        {"set --config c", "--history"},
        {"set --history h", "--config"},
        {"--config c", "a workload"},
        {"set bank", "one workload"},
        {"set --speed 1", "unknown option"},
        {"set --seed", "needs a value"},
        {"set --seed -1", "takes a number"},
        {"set --seed 1x", "takes a number"},
        {"set --processes 0", "takes a number from 1"},
        {"set --processes 1025", "to 1024"},
        {"set --keys 99999999999999999999", "takes a number"},
        {"set -o yaml", "text or json"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sw_options options;
        char why[160] = "";

        assert_false(parse(&options, why, rows[i].line));
        assert_non_null(strstr(why, rows[i].reason));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_line),
        cmocka_unit_test(the_two_lists),
        cmocka_unit_test(mistakes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
