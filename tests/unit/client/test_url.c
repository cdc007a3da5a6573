/* Proves what each part of a URL becomes, and that what is none is refused with a sentence. */
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

#include "client/url.h"

static char why[SW_WHY_SIZE];

static struct sw_url parsed(const char *text)
{
    struct sw_url url;

    why[0] = '\0';
    if (sw_url_parse(text, &url, why) != SW_ERR_OK) {
        fail_msg("%s: %s", text, why);
    }
    return url;
}

static void refused(const char *text, const char *expected)
{
    struct sw_url url = {.timeout_ms = 77};

    why[0] = '\0';
    assert_int_equal(sw_url_parse(text, &url, why), SW_ERR_INVALID);
    if (strstr(why, expected) == NULL) {
        fail_msg("%s: %s", text, why);
    }
    assert_int_equal(url.timeout_ms, 77); /* untouched */
}

static void a_swarm_has_hosts_a_namespace_and_parameters(void **state)
{
    struct sw_url url = parsed("swarm://h1:1,2=h2,[::1]:3/notes?config=/etc/a%20b&tenant=acme&"
                               "partition=p&timeout_ms=250");

    (void)state;
    assert_false(url.embedded);
    assert_string_equal(url.hosts, "h1:1,2=h2:6700,[::1]:3");
    assert_string_equal(url.name_space, "notes");
    assert_string_equal(url.config, "/etc/a b");
    assert_string_equal(url.tenant, "acme");
    assert_string_equal(url.partition, "p");
    assert_int_equal(url.timeout_ms, 250);
    url = parsed("swarm://?namespace=n");
    assert_string_equal(url.hosts, "");
    assert_string_equal(url.name_space, "n");
    url = parsed("swarm://[fe80::1]/");
    assert_string_equal(url.hosts, "[fe80::1]:6700");
    assert_string_equal(url.name_space, "");
}

static void a_directory_is_absolute_or_not(void **state)
{
    struct sw_url url = parsed("file:some/dir?tenant=t");

    (void)state;
    assert_true(url.embedded);
    assert_string_equal(url.dir, "some/dir");
    assert_string_equal(url.tenant, "t");
    url = parsed("file:///var/a%3fb?");
    assert_string_equal(url.dir, "/var/a?b");
    url = parsed("file:/var/b");
    assert_string_equal(url.dir, "/var/b");
}

static void what_is_no_url_is_told_from_one(void **state)
{
    (void)state;
    assert_true(sw_url_is("swarm://h"));
    assert_true(sw_url_is("file:x"));
    assert_false(sw_url_is("1=h:1,2=h:2"));
    assert_false(sw_url_is("swarm:h"));
    assert_false(sw_url_is(""));
}

static void what_is_wrong_is_named(void **state)
{
    static const char *const bad[][2] = {
        {"http://h", "begins with swarm:// or file:"},
        {"", "begins with"},
        {"swarm://h1,,h2", "HOST:PORT"},
        {"swarm://h1,", "HOST:PORT"},
        {"swarm://,h1", "HOST:PORT"},
        {"swarm://h1:0", "HOST:PORT"},
        {"swarm://h1:65536", "HOST:PORT"},
        {"swarm://a b:1", "HOST:PORT"},
        {"swarm://h:1/a/b", "/NAMESPACE"},
        {"swarm://h:1/a b", "printable ASCII"},
        {"swarm://h:1/%", "printable ASCII"},
        {"swarm://h:1/%4", "printable ASCII"},
        {"swarm://h:1/%00", "printable ASCII"},
        {"swarm://h:1/%zz", "printable ASCII"},
        {"swarm://h:1?tenant", "NAME=VALUE"},
        {"swarm://h:1?tenant=123456789012345678901234567890123", "32 to 128"},
        {"swarm://h:1?colour=red", "parameters are config"},
        {"swarm://h:1?timeout_ms=0", "milliseconds"},
        {"swarm://h:1?timeout_ms=-1", "milliseconds"},
        {"swarm://h:1?timeout_ms=4294967296", "milliseconds"},
        {"swarm://h:1?config=", "path"},
        {"file:", "path"},
        {"file:?tenant=a", "path"},
        {"file://host/dir", "file:///DIR"},
        {"file:dir?config=x", "parameters are tenant"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        refused(bad[i][0], bad[i][1]);
    }
}

static void what_is_too_long_is_refused(void **state)
{
    char text[SW_URL_SIZE_MAX + 64];

    (void)state;
    memset(text, 'a', sizeof text);
    memcpy(text, "file:", 5);
    text[5 + SW_CLIENT_PATH_SIZE - 1] = '\0';
    assert_int_equal(strlen(parsed(text).dir), SW_CLIENT_PATH_SIZE - 1);
    text[5 + SW_CLIENT_PATH_SIZE - 1] = 'a';
    text[5 + SW_CLIENT_PATH_SIZE] = '\0';
    refused(text, "path");
    memset(text, 'a', sizeof text);
    memcpy(text, "file:", 5);
    text[sizeof text - 1] = '\0';
    refused(text, "8192");
    memcpy(text, "swarm://", 8);
    for (size_t i = 8; i + 4 <= SW_URL_HOSTS_SIZE; i += 4) {
        memcpy(text + i, "h:1,", 4);
    }
    memcpy(text + SW_URL_HOSTS_SIZE, "h:1,h:1,h:1,h:1", 16);
    refused(text, "too long");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_swarm_has_hosts_a_namespace_and_parameters),
        cmocka_unit_test(a_directory_is_absolute_or_not),
        cmocka_unit_test(what_is_no_url_is_told_from_one),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(what_is_too_long_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
