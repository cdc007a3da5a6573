/* Durations, sizes, addresses and hex: whole input or nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "node/config.h"

static void durations(void **state)
{
    static const struct {
        const char *text;
        uint64_t ms;
    } good[] = {{"300ms", 300},
                {"5s", 5000},
                {"2m", 120000},
                {"1h", 3600000},
                {"3d", 259200000},
                {"0", 0},
                {"0ms", 0},
                {"18446744073709551615ms", UINT64_MAX}};
    static const char *const bad[] = {"",
                                      "5",
                                      "s",
                                      "5 s",
                                      "5S",
                                      " 5s",
                                      "5s ",
                                      "-5s",
                                      "+5s",
                                      "1.5s",
                                      "0x5s",
                                      "18446744073709551616ms",
                                      "18446744073709551615s"};
    uint64_t ms = 7;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(sw_config_duration(good[i].text, &ms));
        assert_int_equal(ms, good[i].ms);
    }
    ms = 7;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(sw_config_duration(bad[i], &ms));
        assert_int_equal(ms, 7);
    }
}

static void sizes(void **state)
{
    static const char *const bad[] = {
        "", "MiB", "1MB", "1 MiB", "1mib", "-1", "99999999999999999999", "16777216TiB"};
    uint64_t bytes = 0;

    (void)state;
    assert_true(sw_config_size("4096", &bytes));
    assert_int_equal(bytes, 4096);
    assert_true(sw_config_size("7B", &bytes));
    assert_int_equal(bytes, 7);
    assert_true(sw_config_size("64MiB", &bytes));
    assert_int_equal(bytes, 64 << 20);
    assert_true(sw_config_size("2TiB", &bytes));
    assert_int_equal(bytes, (uint64_t)2 << 40);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(sw_config_size(bad[i], &bytes));
    }
}

static void addresses(void **state)
{
    static const char *const bad[] = {"",
                                      "host",
                                      ":1",
                                      "host:",
                                      "host:0",
                                      "host:65536",
                                      "host:1x",
                                      "a:b:1",
                                      "[::1]",
                                      "[::1]1",
                                      "[]:1",
                                      "tcp://h:1",
                                      "h h:1",
                                      "h\n:1",
                                      ";h:1",
                                      "h#:1"};
    char host[SW_ADDRESS_SIZE_MAX];
    uint16_t port = 0;

    (void)state;
    assert_true(sw_config_address("127.0.0.1:6700", host, &port));
    assert_string_equal(host, "127.0.0.1");
    assert_int_equal(port, 6700);
    assert_true(sw_config_address("[fe80::1]:65535", host, &port));
    assert_string_equal(host, "fe80::1");
    assert_int_equal(port, 65535);
    assert_true(sw_config_address("a.example:1", NULL, NULL));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(sw_config_address(bad[i], host, &port));
    }
}

static void hex_and_keys(void **state)
{
    uint8_t bytes[4] = {0};
    uint8_t key[32];

    (void)state;
    assert_true(sw_text_hex("00aF1b9c", bytes, 4));
    assert_int_equal(bytes[1], 0xaf);
    assert_int_equal(bytes[3], 0x9c);
    assert_false(sw_text_hex("00aF1b9", bytes, 4));
    assert_false(sw_text_hex("00aF1b9c0", bytes, 4));
    assert_false(sw_text_hex("00aF1b9g", bytes, 4));
    assert_true(sw_config_public_key("u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7s=", key));
    assert_int_equal(key[31], 0xbb);
    assert_false(sw_config_public_key("u7u7", key));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations),
        cmocka_unit_test(sizes),
        cmocka_unit_test(addresses),
        cmocka_unit_test(hex_and_keys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
