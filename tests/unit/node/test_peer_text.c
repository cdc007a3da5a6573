/* Goal: what the log says of a member reads back as it was printed, in both of its forms, and
 * nothing else is taken for one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "node/peer_text.h"

#define KEY "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void reads_back_what_it_prints(void **state)
{
    static const char *const texts[] = {
        "h:1,h:2," KEY, "[::1]:6701,node-7.example:6700," KEY ",12", "10.0.0.1:6701"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct sw_peer_text peer;
        char out[SW_ADDRESS_SIZE_MAX];

        assert_true(sw_peer_text_parse(texts[i], &peer));
        assert_true(sw_peer_text_print(&peer, out));
        assert_string_equal(out, texts[i]);
    }
}

static void knows_the_parts(void **state)
{
    struct sw_peer_text peer;

    (void)state;
    assert_true(sw_peer_text_parse("h:1,c:2," KEY ",12", &peer));
    assert_string_equal(peer.peer, "h:1");
    assert_string_equal(peer.client, "c:2");
    assert_true(peer.has_key);
    assert_int_equal(peer.key[1], 0x11);
    assert_int_equal(peer.floor, 12);
    assert_true(sw_peer_text_parse("h:1", &peer)); /* founded before keys were part of it */
    assert_false(peer.has_key);
    assert_string_equal(peer.client, "");
}

static void refuses_everything_else(void **state)
{
    static const char *const texts[] = {"",
                                        "h:1,",
                                        "h:1,c:2",
                                        "h:1,c:2,",
                                        "h,c:2," KEY,
                                        "h:1,c," KEY,
                                        "h:1,c:2,00" KEY,
                                        "h:1,c:2," KEY ",",
                                        "h:1,c:2," KEY ",x",
                                        "h:1,c:2," KEY ",1,2"};
    struct sw_peer_text peer;
    char long_text[2 * SW_ADDRESS_SIZE_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_false(sw_peer_text_parse(texts[i], &peer));
    }
    memset(long_text, 'a', sizeof long_text);
    long_text[sizeof long_text - 1] = '\0';
    assert_false(sw_peer_text_parse(long_text, &peer));
}

static void says_when_it_does_not_fit(void **state)
{
    struct sw_peer_text peer = {.has_key = true};
    char out[SW_ADDRESS_SIZE_MAX];

    (void)state;
    memset(peer.peer, 'a', 150);
    (void)snprintf(peer.client, sizeof peer.client, "b:1");
    assert_true(sw_peer_text_print(&peer, out));
    memset(peer.peer, 'a', 200);
    assert_false(sw_peer_text_print(&peer, out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_back_what_it_prints),
        cmocka_unit_test(knows_the_parts),
        cmocka_unit_test(refuses_everything_else),
        cmocka_unit_test(says_when_it_does_not_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
