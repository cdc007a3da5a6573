/* Configuration files: read whole, errors with their line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "node/config.h"

#define KEY_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const char good[] = "# a comment\n"
                           "[swarm]\n"
                           "id = 00112233445566778899aabbccddeeff\n"
                           "[node]\n"
                           "id = 1\n"
                           "data_dir = /d ; where it lives\n"
                           "key_file=/k\n"
                           "clients_file = /c\n"
                           "[members]\n"
                           "1 = h:1, h:2, " KEY_A "\n";

static char why[SW_WHY_SIZE];

static void a_good_file_is_read(void **state)
{
    struct sw_config config;

    (void)state;
    sw_config_init(&config);
    assert_int_equal(sw_config_parse(&config, good, why), SW_ERR_OK);
    assert_int_equal(sw_config_check(&config, why), SW_ERR_OK);
    assert_string_equal(config.data_dir, "/d");
    assert_int_equal(config.member_count, 1);
}

static void fails(const char *text, const char *want)
{
    struct sw_config config;

    sw_config_init(&config);
    why[0] = '\0';
    assert_int_equal(sw_config_parse(&config, text, why), SW_ERR_CONFIG);
    assert_non_null(strstr(why, want));
}

static void errors_name_their_line(void **state)
{
    (void)state;
    fails("[node]\nid = 1\nnmae = x\n", "line 3: unknown key \"nmae\"");
    fails("[node]\nid = x\n", "line 2: node.id");
    fails("[node]\nid\n", "line 2");
    fails("[node\nid = 1\n", "line 1");
    fails("id = 1\n", "line 1: unknown key \"id\"");
}

static void no_line_is_cut_or_joined_in_silence(void **state)
{
    char text[600] = "[node]\ndata_dir = ";
    char tight[600];
    struct sw_config config;
    const size_t start = strlen(text);

    (void)state;
    fails("[node]\ndata_dir = /a\n  /b\n", "line 3 begins with a space");
    memset(text + start, 'x', 197 - strlen("data_dir = "));
    sw_config_init(&config);
    assert_int_equal(sw_config_parse(&config, text, why), SW_ERR_OK);
    assert_int_equal(strlen(config.data_dir), 197 - strlen("data_dir = "));
    text[strlen(text)] = 'x';
    fails(text, "line 2 is over 197");
    /* Fits without blanks, but would not as --print-config writes it. */
    (void)snprintf(tight, sizeof tight, "[node]\ndata_dir=%.188s", text + start);
    fails(tight, "too long for a line");
    fails("[node]\ndata_dir =;a\n", "begins with ';'");
}

static void the_first_error_is_the_one_that_is_told(void **state)
{
    (void)state;
    fails("[node]\none = 1\ntwo = 2\n", "\"one\"");
}

static void files_that_cannot_be_read_are_named(void **state)
{
    struct sw_config config;

    (void)state;
    sw_config_init(&config);
    assert_int_equal(sw_config_load(&config, "/nowhere/at/all", why), SW_ERR_CONFIG);
    assert_non_null(strstr(why, "/nowhere/at/all"));
    assert_int_equal(sw_config_load(&config, "/", why), SW_ERR_CONFIG); /* a directory */
}

static void what_is_printed_reads_back(void **state)
{
    char path[] = "/tmp/swarm-config-XXXXXX";
    const int fd = mkstemp(path);
    struct sw_config first;
    struct sw_config second;
    struct sw_buf out = {0};

    (void)state;
    assert_true(fd >= 0);
    sw_config_init(&first);
    assert_int_equal(sw_config_parse(&first, good, why), SW_ERR_OK);
    sw_config_print(&first, &out);
    assert_int_equal(write(fd, out.data, out.size), out.size);
    (void)close(fd);
    sw_config_init(&second);
    assert_int_equal(sw_config_load(&second, path, why), SW_ERR_OK);
    (void)unlink(path);
    memset(first.origins, 0, sizeof first.origins);
    memset(second.origins, 0, sizeof second.origins);
    assert_memory_equal(&first, &second, sizeof first);
    sw_buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_file_is_read),
        cmocka_unit_test(errors_name_their_line),
        cmocka_unit_test(no_line_is_cut_or_joined_in_silence),
        cmocka_unit_test(the_first_error_is_the_one_that_is_told),
        cmocka_unit_test(files_that_cannot_be_read_are_named),
        cmocka_unit_test(what_is_printed_reads_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
