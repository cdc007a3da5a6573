/* Proves that a settings file is read whole, and that a bad line is named by its number. */
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

#include <unistd.h>

#include "client/config.h"

#define KEY "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define GOOD                                                                                   \
    "# settings\n[swarm]\nid = 00112233445566778899aabbccddeeff\n[client]\nkey_file = c.key\n" \
    "[nodes]\n1 = a:1, " KEY "\n"

static void bad_line_is_named(void **state)
{
    struct sw_client_config config = {0};
    char why[SW_WHY_SIZE] = "";

    (void)state;
    assert_int_equal(sw_client_config_parse(&config, "[swarm]\n\nidd = 1\n", why), SW_ERR_CONFIG);
    assert_non_null(strstr(why, "line 3"));
    assert_non_null(strstr(why, "idd"));
    config = (struct sw_client_config){0};
    assert_int_equal(sw_client_config_parse(&config, "[swarm]\nnonsense\n", why), SW_ERR_CONFIG);
    assert_non_null(strstr(why, "line 2"));
}

static void relative_key_path_is_meant_from_the_file(void **state)
{
    struct sw_client_config config = {0};
    char folder[] = "/tmp/swarm-test-XXXXXX";
    char path[64];
    char expected[64];
    char why[SW_WHY_SIZE] = "";
    FILE *file;

    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/client.conf", folder);
    (void)snprintf(expected, sizeof expected, "%s/c.key", folder);
    file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(GOOD, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(sw_client_config_load(&config, path, why), SW_ERR_OK);
    assert_string_equal(config.key_file, expected);
    config = (struct sw_client_config){0};
    assert_int_equal(sw_client_config_load(&config, folder, why), SW_ERR_CONFIG);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(sw_client_config_load(&config, path, why), SW_ERR_CONFIG);
    assert_non_null(strstr(why, "cannot open"));
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_line_is_named),
        cmocka_unit_test(relative_key_path_is_meant_from_the_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
