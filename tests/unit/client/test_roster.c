/* Goal: only news change whom a client reaches, and what its settings say stays said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "client/roster.h"

static struct sw_client_node node_of(uint64_t id, const char *address)
{
    struct sw_client_node node = {.id = {id}, .public_key = {(uint8_t)id}};

    (void)snprintf(node.address, sizeof node.address, "%s", address);
    return node;
}

static struct sw_roster roster_of(uint64_t index, uint64_t first, uint32_t count)
{
    struct sw_roster roster = {.index = index, .committed = true, .node_count = count};

    for (uint32_t i = 0; i < count; i++) {
        roster.nodes[i] = node_of(first + i, "said:1");
    }
    return roster;
}

static struct sw_client_config config_of(uint64_t first, uint32_t count)
{
    struct sw_client_config config = {.node_count = count};

    for (uint32_t i = 0; i < count; i++) {
        config.nodes[i] = node_of(first + i, "told:1");
    }
    return config;
}

static void only_news_are_taken(void **state)
{
    struct sw_roster known = {0};
    struct sw_roster told = roster_of(7, 1, 3);

    (void)state;
    assert_true(sw_roster_take(&known, &told));
    assert_int_equal(known.node_count, 3);
    assert_true(sw_roster_take(&known, &told)); /* the same once more: a missing one is tried */
    told = roster_of(6, 4, 2);
    assert_false(sw_roster_take(&known, &told)); /* of a node that was cut off before the change */
    told = roster_of(8, 4, 2);
    told.committed = false;
    assert_false(sw_roster_take(&known, &told));
    told = roster_of(8, 4, 0);
    assert_false(sw_roster_take(&known, &told));
    assert_int_equal(known.index, 7);
    told = roster_of(8, 4, 2);
    assert_true(sw_roster_take(&known, &told));
    assert_int_equal(known.nodes[0].id.value, 4);
}

static void members_and_the_settings(void **state)
{
    const struct sw_roster roster = roster_of(1, 2, 3);     /* 2 3 4 */
    const struct sw_client_config config = config_of(1, 2); /* 1 2 */
    struct sw_client_node nodes[SW_NODE_COUNT_MAX];

    (void)state;
    assert_int_equal(sw_roster_merge(&roster, &config, nodes), 4);
    assert_int_equal(nodes[0].id.value, 2);
    assert_string_equal(nodes[0].address, "told:1"); /* where the caller said that it is */
    assert_string_equal(nodes[1].address, "said:1");
    assert_int_equal(nodes[3].id.value, 1);
    assert_string_equal(nodes[3].address, "told:1");
}

static void members_before_strangers_where_room_is_short(void **state)
{
    const struct sw_roster roster = roster_of(1, 100, SW_NODE_COUNT_MAX - 1);
    const struct sw_client_config config = config_of(1, SW_NODE_COUNT_MAX);
    struct sw_client_node nodes[SW_NODE_COUNT_MAX];

    (void)state;
    assert_int_equal(sw_roster_merge(&roster, &config, nodes), SW_NODE_COUNT_MAX);
    for (uint32_t i = 0; i + 1 < SW_NODE_COUNT_MAX; i++) {
        assert_int_equal(nodes[i].id.value, 100 + i);
    }
    assert_int_equal(nodes[SW_NODE_COUNT_MAX - 1].id.value, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_news_are_taken),
        cmocka_unit_test(members_and_the_settings),
        cmocka_unit_test(members_before_strangers_where_room_is_short),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
