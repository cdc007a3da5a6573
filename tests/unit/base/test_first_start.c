/* The marker lets one node of one swarm start, and nobody else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/first_start.h"

static const struct sw_swarm_id swarm = {{0, 1, 0xab}};
static const struct sw_swarm_id other_swarm = {{0, 1, 0xac}};
static const struct sw_node_id node = {7};
static char why[SW_WHY_SIZE];

static void the_text_is_fixed(void **state)
{
    char text[SW_FIRST_START_SIZE_MAX];
    const size_t size = sw_first_start_print(swarm, node, text);

    (void)state;
    assert_int_equal(size, strlen(text));
    assert_int_equal(strncmp(text,
                             "swarmstore-first-start 1\n"
                             "swarm 0001ab00000000000000000000000000\n"
                             "node 7\n"
                             "This node has never run",
                             94),
                     0);
    assert_int_equal(text[size - 1], '\n');
}

static void it_is_for_one_node_of_one_swarm(void **state)
{
    char text[SW_FIRST_START_SIZE_MAX];

    (void)state;
    (void)sw_first_start_print(swarm, node, text);
    assert_int_equal(sw_first_start_check(text, swarm, node, why), SW_ERR_OK);
    assert_int_equal(sw_first_start_check(text, other_swarm, node, why), SW_ERR_STRANGER);
    assert_int_equal(sw_first_start_check(text, swarm, (struct sw_node_id){8}, why),
                     SW_ERR_STRANGER);
    assert_non_null(strstr(why, "node 7"));
    assert_non_null(strstr(why, "node 8"));
    assert_null(strchr(why, '\n'));
    /* "node 7" begins "node 77" */
    (void)sw_first_start_print(swarm, (struct sw_node_id){77}, text);
    assert_int_equal(sw_first_start_check(text, swarm, node, why), SW_ERR_STRANGER);
}

static void people_may_write_it_by_hand(void **state)
{
    (void)state;
    assert_int_equal(
        sw_first_start_check(
            "swarmstore-first-start 1\nswarm 0001ab00000000000000000000000000\nnode 7\n",
            swarm,
            node,
            why),
        SW_ERR_OK);
}

/* Whatever is wrong in the lines that count, it is no permission. */
static void no_damaged_text_is_a_permission(void **state)
{
    char text[SW_FIRST_START_SIZE_MAX];
    size_t head;

    (void)state;
    (void)sw_first_start_print(swarm, node, text);
    head = (size_t)(strstr(text, "This") - text);
    for (size_t i = 0; i < head; i++) {
        text[i] ^= 1;
        assert_int_not_equal(sw_first_start_check(text, swarm, node, why), SW_ERR_OK);
        text[i] ^= 1;
    }
    for (size_t size = 0; size < head; size++) {
        char cut[SW_FIRST_START_SIZE_MAX];

        memcpy(cut, text, size);
        cut[size] = '\0';
        assert_int_equal(sw_first_start_check(cut, swarm, node, why), SW_ERR_CORRUPT);
    }
    assert_int_equal(sw_first_start_check("swarmstore-first-start 2\nelse\n", swarm, node, why),
                     SW_ERR_NEWER_FORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_text_is_fixed),
        cmocka_unit_test(it_is_for_one_node_of_one_swarm),
        cmocka_unit_test(people_may_write_it_by_hand),
        cmocka_unit_test(no_damaged_text_is_a_permission),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
