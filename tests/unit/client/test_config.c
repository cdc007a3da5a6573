/* Proves that settings of a client are taken, and that what is wrong is named. */
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

#include "base/text.h"
#include "client/config.h"

#define KEY "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void refused(const char *section, const char *name, const char *value, const char *part)
{
    struct sw_client_config config = {0};
    char why[SW_WHY_SIZE] = "";

    assert_int_equal(sw_client_config_set(&config, section, name, value, why), SW_ERR_CONFIG);
    if (strstr(why, part) == NULL) {
        fail_msg("'%s' does not say '%s'", why, part);
    }
}

static void full(struct sw_client_config *config)
{
    char why[SW_WHY_SIZE];

    *config = (struct sw_client_config){0};
    assert_int_equal(
        sw_client_config_set(config, "swarm", "id", "00112233445566778899aabbccddeeff", why),
        SW_ERR_OK);
    assert_int_equal(sw_client_config_set(config, "client", "key_file", "k", why), SW_ERR_OK);
    assert_int_equal(sw_client_config_set(config, "nodes", "1", "a:1, " KEY, why), SW_ERR_OK);
    assert_int_equal(sw_client_config_set(config, "nodes", "3", "[::1]:3," KEY, why), SW_ERR_OK);
}

static void good_settings_are_taken(void **state)
{
    struct sw_client_config config;
    char why[SW_WHY_SIZE];

    (void)state;
    full(&config);
    assert_int_equal(sw_client_config_check(&config, why), SW_ERR_OK);
    assert_int_equal(config.swarm.bytes[1], 0x11);
    assert_int_equal(config.node_count, 2);
    assert_int_equal(config.nodes[1].id.value, 3);
    assert_string_equal(config.nodes[1].address, "[::1]:3");
    assert_int_equal(config.nodes[1].public_key[31], 0xaa);
}

static void wrong_settings_are_named(void **state)
{
    (void)state;
    refused("swarm", "id", "0011", "32 hex digits");
    refused("swarm", "name", "x", "unknown key \"name\"");
    refused("client", "key_file", "", "key_file");
    refused("nodes", "0", "a:1, " KEY, "by number");
    refused("nodes", "one", "a:1, " KEY, "by number");
    refused("nodes", "1", "a:1", "public key");
    refused("nodes", "1", "a:0, " KEY, "host:port");
    refused("nodes", "1", "a:65536, " KEY, "host:port");
    refused("nodes", "1", "a:1, " KEY "00", "64 hex digits");
    refused("nodes", "1", "a:1, zz", "64 hex digits");
}

static void node_is_named_once(void **state)
{
    struct sw_client_config config;
    char why[SW_WHY_SIZE] = "";

    (void)state;
    full(&config);
    assert_int_equal(sw_client_config_set(&config, "nodes", "3", "a:1, " KEY, why), SW_ERR_CONFIG);
    assert_non_null(strstr(why, "once"));
}

static void missing_settings_are_named(void **state)
{
    struct sw_client_config config;
    char why[SW_WHY_SIZE] = "";

    (void)state;
    full(&config);
    config.has_swarm = false;
    assert_int_equal(sw_client_config_check(&config, why), SW_ERR_CONFIG);
    assert_non_null(strstr(why, "[swarm] id"));
    full(&config);
    config.node_count = 0;
    assert_int_equal(sw_client_config_check(&config, why), SW_ERR_CONFIG);
    assert_non_null(strstr(why, "[nodes]"));
}

static void endpoints_replace_addresses(void **state)
{
    struct sw_client_config config;
    char why[SW_WHY_SIZE] = "";

    (void)state;
    full(&config);
    assert_int_equal(sw_client_config_endpoints(&config, "3=b:4,1=c:5", why), SW_ERR_OK);
    assert_string_equal(config.nodes[0].address, "c:5");
    assert_string_equal(config.nodes[1].address, "b:4");
    assert_int_equal(sw_client_config_endpoints(&config, "2=b:4", why), SW_ERR_CONFIG);
    assert_int_equal(sw_client_config_endpoints(&config, "b:4", why), SW_ERR_CONFIG);
    assert_int_equal(sw_client_config_endpoints(&config, "1=b", why), SW_ERR_CONFIG);
    assert_int_equal(sw_client_config_endpoints(&config, "", why), SW_ERR_CONFIG);
}

static void addresses_are_checked(void **state)
{
    static const char *const bad[] = {
        "", ":1", "a", "a:", "a:x", "a:1 ", "::1:5", "[::1:5", "a b:1"};

    (void)state;
    assert_true(sw_client_address_valid("host.example:65535"));
    assert_true(sw_client_address_valid("[::1]:1"));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(sw_client_address_valid(bad[i]));
    }
}

static void numbers_do_not_overflow(void **state)
{
    uint64_t value = 0;

    (void)state;
    assert_true(sw_text_number("18446744073709551615", &value));
    assert_true(value == UINT64_MAX);
    assert_false(sw_text_number("18446744073709551616", &value));
    assert_false(sw_text_number("-1", &value));
    assert_false(sw_text_number("", &value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_settings_are_taken),
        cmocka_unit_test(wrong_settings_are_named),
        cmocka_unit_test(node_is_named_once),
        cmocka_unit_test(missing_settings_are_named),
        cmocka_unit_test(endpoints_replace_addresses),
        cmocka_unit_test(addresses_are_checked),
        cmocka_unit_test(numbers_do_not_overflow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
