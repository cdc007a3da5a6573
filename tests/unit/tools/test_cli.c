/* Proves how words become arguments and flags. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
/* clang-format on */

#include "tools/cli.h"

const char sw_cli_program[] = "test";

static int run_nothing(struct sw_cli *cli)
{
    (void)cli;
    return 0;
}

int sw_cmd_help(struct sw_cli *cli)
{
    (void)cli;
    return 0;
}

static const struct sw_cli_flag own_flags[] = {
    {"limit", "N", ""}, {"reverse", NULL, ""}, {NULL, NULL, NULL}};
const struct sw_command sw_commands[] = {
    {"kv", "scan", "", "", 0, 2, run_nothing, own_flags, SW_FORMAT_PLAIN},
    {"health", NULL, "", "", 0, 0, run_nothing, NULL, SW_FORMAT_TABLE},
    {NULL, NULL, NULL, NULL, 0, 0, NULL, NULL, SW_FORMAT_TABLE},
};

static enum sw_err parse(struct sw_cli *cli, const char *const *words, size_t count)
{
    static char text[16][64];
    char *copies[16];

    for (size_t i = 0; i < count; i++) {
        (void)snprintf(text[i], sizeof text[i], "%s", words[i]);
        copies[i] = text[i];
    }
    return sw_cli_parse(cli, &sw_commands[0], copies, count);
}

static void flags_stand_anywhere_in_both_forms(void **state)
{
    const char *const words[] = {"a", "--limit", "3", "--reverse", "-o", "json", "--limit=4", "-"};
    struct sw_cli cli;
    uint64_t limit = 0;

    (void)state;
    assert_int_equal(parse(&cli, words, 8), SW_ERR_OK);
    assert_int_equal(cli.arg_count, 2);
    assert_string_equal(cli.args[1], "-");
    assert_true(sw_cli_number(&cli, "limit", 9, &limit));
    assert_int_equal(limit, 4); /* the last one counts */
    assert_true(sw_cli_has(&cli, "reverse"));
    assert_int_equal(cli.format, SW_FORMAT_JSON);
}

static void defaults_are_the_command_s(void **state)
{
    struct sw_cli cli;
    uint64_t limit = 0;

    (void)state;
    assert_int_equal(parse(&cli, NULL, 0), SW_ERR_OK);
    assert_int_equal(cli.format, SW_FORMAT_PLAIN);
    assert_int_equal(cli.timeout_ms, 5000);
    assert_true(sw_cli_number(&cli, "limit", 9, &limit));
    assert_int_equal(limit, 9);
    assert_null(sw_cli_flag(&cli, "limit"));
}

static void two_dashes_end_the_flags(void **state)
{
    const char *const words[] = {"--", "--limit", "-x"};
    struct sw_cli cli;

    (void)state;
    assert_int_equal(parse(&cli, words, 3), SW_ERR_OK);
    assert_int_equal(cli.arg_count, 2);
    assert_string_equal(cli.args[0], "--limit");
}

static void negative_numbers_are_arguments(void **state)
{
    const char *const words[] = {"-7", "--limit", "3", "-0"};
    struct sw_cli cli;

    (void)state;
    assert_int_equal(parse(&cli, words, 4), SW_ERR_OK);
    assert_int_equal(cli.arg_count, 2);
    assert_string_equal(cli.args[0], "-7");
    assert_string_equal(cli.args[1], "-0");
}

static void wrong_words_are_refused(void **state)
{
    static const char *const bad[][2] = {{"--limt", "3"},
                                         {"--reverse=yes", "a"},
                                         {"a", "--limit"},
                                         {"-x", "a"},
                                         {"-o", "xml"},
                                         {"--command-timeout", "5"},
                                         {"--command-timeout", "0s"}};
    const char *const many[] = {"a", "b", "c"};
    struct sw_cli cli;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(parse(&cli, bad[i], 2), SW_ERR_INVALID);
    }
    assert_int_equal(parse(&cli, many, 3), SW_ERR_INVALID);
}

static void command_is_found_by_its_words(void **state)
{
    char kv[] = "kv";
    char scan[] = "scan";
    char health[] = "health";
    char *first[] = {kv, scan};
    char *second[] = {health};
    size_t words = 0;

    (void)state;
    assert_ptr_equal(sw_cli_find(2, first, &words), &sw_commands[0]);
    assert_int_equal(words, 2);
    assert_null(sw_cli_find(1, first, &words));
    assert_ptr_equal(sw_cli_find(1, second, &words), &sw_commands[1]);
    assert_int_equal(words, 1);
}

static void exit_codes_are_the_table_s(void **state)
{
    (void)state;
    assert_int_equal(sw_cli_fail(SW_ERR_NOT_FOUND, NULL), 3);
    assert_int_equal(sw_cli_fail(SW_ERR_UNREACHABLE, "detail"), 5);
    assert_int_equal(sw_cli_fail_format(SW_ERR_CORRUPT, "%d", 1), 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flags_stand_anywhere_in_both_forms),
        cmocka_unit_test(defaults_are_the_command_s),
        cmocka_unit_test(two_dashes_end_the_flags),
        cmocka_unit_test(negative_numbers_are_arguments),
        cmocka_unit_test(wrong_words_are_refused),
        cmocka_unit_test(command_is_found_by_its_words),
        cmocka_unit_test(exit_codes_are_the_table_s),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
