/* Goal: a list of members reads as a node prints it, and whatever else a node may send is refused
 * as a whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "client/roster.h"

#define KEY  "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define HEAD "{\"index\":\"7\",\"committed\":true,\"members\":["
#define ONE  "{\"id\":\"1\",\"client\":\"h1:6700\",\"key\":\"" KEY "\"}"

static enum sw_err parse(const char *text, struct sw_roster *roster)
{
    return sw_roster_parse(sw_span_str(text), roster);
}

static void reads_what_nodes_print(void **state)
{
    struct sw_roster roster;

    (void)state;
    assert_int_equal(
        parse(
            "{\"index\":\"7\",\"committed\":true,\"leading\":false,\"next_id\":\"5\",\"members\":["
            "{\"id\":\"4\",\"role\":\"voter\",\"leader\":true,\"up\":true,\"acked_index\":\"9\","
            "\"lag\":\"0\",\"peer\":\"h:1\",\"client\":\"[::1]:2\",\"key\":\"" KEY "\"}," ONE
            ",{\"id\":\"6\",\"peer\":\"h:3\",\"client\":\"\",\"key\":\"\"}]}",
            &roster),
        SW_ERR_OK);
    assert_int_equal(roster.index, 7);
    assert_true(roster.committed);
    assert_int_equal(roster.node_count, 2); /* nobody knows how to reach 6 */
    assert_int_equal(roster.nodes[0].id.value, 4);
    assert_string_equal(roster.nodes[0].address, "[::1]:2");
    assert_int_equal(roster.nodes[0].public_key[31], 0xff);
    assert_int_equal(roster.nodes[1].id.value, 1);
}

static void refuses_the_rest(void **state)
{
    static const char *const texts[] = {
        "",
        "{",
        "[]",
        "null",
        "{\"index\":\"7\"}",
        "{\"index\":\"7\",\"members\":{}}",
        "{\"index\":7,\"members\":[]}",
        "{\"index\":\"-7\",\"members\":[]}",
        HEAD "1]}",
        HEAD ONE "," ONE "]}",
        HEAD "{\"id\":\"0\",\"client\":\"h:1\",\"key\":\"" KEY "\"}]}",
        HEAD "{\"id\":\"x\",\"client\":\"h:1\",\"key\":\"" KEY "\"}]}",
        HEAD "{\"id\":\"1\",\"client\":\"h\",\"key\":\"" KEY "\"}]}",
        HEAD "{\"id\":\"1\",\"client\":\"h:99999\",\"key\":\"" KEY "\"}]}",
        HEAD "{\"id\":\"1\",\"client\":\"h:1\",\"key\":\"abcd\"}]}",
        HEAD "{\"id\":\"1\",\"client\":\"h:1\",\"key\":\"" KEY "00\"}]}",
        "{\"index\":\"7\",\"members\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]}",
    };
    struct sw_roster roster = {.index = 99};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_equal(parse(texts[i], &roster), SW_ERR_MALFORMED);
    }
    assert_int_equal(roster.index, 99);
}

static void an_address_is_bounded(void **state)
{
    char text[2 * SW_ADDRESS_SIZE_MAX + 256];
    char host[SW_ADDRESS_SIZE_MAX];
    struct sw_roster roster;

    (void)state;
    memset(host, 'h', sizeof host - 1);
    host[sizeof host - 1] = '\0';
    (void)snprintf(
        text, sizeof text, HEAD "{\"id\":\"1\",\"client\":\"%s:1\",\"key\":\"" KEY "\"}]}", host);
    assert_int_equal(parse(text, &roster), SW_ERR_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_nodes_print),
        cmocka_unit_test(refuses_the_rest),
        cmocka_unit_test(an_address_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
