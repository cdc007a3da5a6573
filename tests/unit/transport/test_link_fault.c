/* Goal: a message passes, is lost, late or doubled as the page says, and nothing else happens to
 * it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "transport/link_fault.h"

enum { SEEN_MAX = 512 };

/* One that arrived, at either end. */
struct seen {
    bool out;
    uint64_t peer;
    uint64_t conn;
    uint64_t number;
    uint8_t key;
};

struct world {
    uint64_t now_ns;
    struct sw_env env;
    struct sw_link real;
    struct sw_link *port;
    struct sw_link_fault *fault;
    struct sw_link_handler handler;
    struct sw_link_fault_page page;
    struct seen seen[SEEN_MAX];
    size_t seen_count;
    uint64_t flushes, states, gone;
    bool down;
    enum sw_err answer;
    uint64_t number;
};

static const uint64_t ms = 1000000;

static void see(struct world *world, struct seen seen, struct sw_span message)
{
    assert_int_equal(message.size, sizeof seen.number);
    memcpy(&seen.number, message.data, sizeof seen.number);
    assert_true(world->seen_count < SEEN_MAX);
    world->seen[world->seen_count++] = seen;
}

/* --- the real link ---------------------------------------------------------------------------- */

static enum sw_err real_send(struct sw_link *link, struct sw_node_id peer, struct sw_span message)
{
    struct world *world = link->impl;

    see(world, (struct seen){.out = true, .peer = peer.value}, message);
    return world->answer;
}

static enum sw_err real_reply(struct sw_link *link, uint64_t conn, struct sw_span message)
{
    struct world *world = link->impl;

    see(world, (struct seen){.out = true, .conn = conn}, message);
    return world->answer;
}

static void real_flush(struct sw_link *link)
{
    ((struct world *)link->impl)->flushes++;
}

static bool real_peer_up(struct sw_link *link, struct sw_node_id peer)
{
    return !((const struct world *)link->impl)->down && peer.value != 0;
}

static void real_stats(struct sw_link *link, struct sw_link_stats *ret_stats)
{
    (void)link;
    *ret_stats = (struct sw_link_stats){.clients = 9};
}

static const struct sw_link_ops real_ops = {.send = real_send,
                                            .reply = real_reply,
                                            .flush = real_flush,
                                            .peer_up = real_peer_up,
                                            .stats = real_stats};

/* --- the node --------------------------------------------------------------------------------- */

static void on_peer_message(void *arg, struct sw_node_id from, struct sw_span message)
{
    see(arg, (struct seen){.peer = from.value}, message);
}

static void on_peer_state(void *arg, struct sw_node_id peer, bool up)
{
    ((struct world *)arg)->states += peer.value * 10 + (up ? 1 : 0);
}

static void
on_client_message(void *arg, uint64_t conn, const uint8_t key[32], struct sw_span message)
{
    see(arg, (struct seen){.conn = conn, .key = key[31]}, message);
}

static void on_client_gone(void *arg, uint64_t conn)
{
    ((struct world *)arg)->gone = conn;
}

static uint64_t now_ns(void *impl)
{
    return ((struct world *)impl)->now_ns;
}

static int setup(void **state)
{
    struct world *world = calloc(1, sizeof *world);

    assert_non_null(world);
    world->now_ns = 1000 * ms;
    world->env = (struct sw_env){.impl = world, .now_ns = now_ns};
    world->real = (struct sw_link){.impl = world, .ops = &real_ops};
    world->page.magic = SW_LINK_FAULT_MAGIC;
    world->page.seed = 5;
    world->fault = sw_link_fault_new(&world->page,
                                     &world->env,
                                     (struct sw_link_handler){.arg = world,
                                                              .peer_message = on_peer_message,
                                                              .peer_state = on_peer_state,
                                                              .client_message = on_client_message,
                                                              .client_gone = on_client_gone});
    world->handler = sw_link_fault_handler(world->fault);
    world->port = sw_link_fault_wrap(world->fault, &world->real);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;

    sw_link_fault_free(world->fault);
    free(world);
    return 0;
}

static struct sw_span next(struct world *world)
{
    world->number++;
    return sw_span_of((const uint8_t *)&world->number, sizeof world->number);
}

static enum sw_err send(struct world *world, uint64_t peer)
{
    return world->port->ops->send(world->port, (struct sw_node_id){peer}, next(world));
}

static void receive(struct world *world, uint64_t peer)
{
    world->handler.peer_message(world->handler.arg, (struct sw_node_id){peer}, next(world));
}

static void pass(struct world *world, uint64_t time_ms)
{
    world->now_ns += time_ms * ms;
    sw_link_fault_poll(world->fault);
}

/* --- tests ------------------------------------------------------------------------------------ */

static void nothing_is_done_to_a_good_link(void **state)
{
    struct world *world = *state;
    const uint8_t key[32] = {[31] = 7};
    struct sw_link_stats stats;

    assert_int_equal(send(world, 2), SW_ERR_OK);
    receive(world, 3);
    assert_int_equal(world->port->ops->reply(world->port, 44, next(world)), SW_ERR_OK);
    world->handler.client_message(world->handler.arg, 45, key, next(world));
    assert_int_equal(world->seen_count, 4);
    assert_true(world->seen[0].out && world->seen[0].peer == 2 && world->seen[0].number == 1);
    assert_true(!world->seen[1].out && world->seen[1].peer == 3 && world->seen[1].number == 2);
    assert_true(world->seen[2].out && world->seen[2].conn == 44 && world->seen[2].number == 3);
    assert_true(!world->seen[3].out && world->seen[3].conn == 45 && world->seen[3].key == 7);
    world->port->ops->flush(world->port);
    world->port->ops->stats(world->port, &stats);
    world->handler.peer_state(world->handler.arg, (struct sw_node_id){3}, true);
    world->handler.client_gone(world->handler.arg, 45);
    assert_int_equal(world->flushes, 1);
    assert_int_equal(stats.clients, 9);
    assert_int_equal(world->states, 31);
    assert_int_equal(world->gone, 45);
    assert_true(sw_link_fault_wait_ms(world->fault) == UINT64_MAX);
}

static void what_the_real_link_refuses_is_refused(void **state)
{
    struct world *world = *state;

    world->answer = SW_ERR_BUSY;
    assert_int_equal(send(world, 2), SW_ERR_BUSY);
    world->down = true;
    world->page.ways[SW_LINK_FAULT_OUT][2].delay_us = 1000;
    assert_int_equal(send(world, 2), SW_ERR_UNREACHABLE);
    assert_true(sw_link_fault_wait_ms(world->fault) == UINT64_MAX);
    assert_false(world->port->ops->peer_up(world->port, (struct sw_node_id){2}));
}

/* A one-way cut, which no network can make for long. */
static void a_drop_is_one_way_and_one_peer(void **state)
{
    struct world *world = *state;

    world->page.ways[SW_LINK_FAULT_OUT][2].drop = 1;
    assert_int_equal(send(world, 2), SW_ERR_OK);
    assert_int_equal(world->seen_count, 0);
    assert_int_equal(send(world, 3), SW_ERR_OK);
    receive(world, 2);
    assert_int_equal(world->seen_count, 2);
    assert_int_equal(world->page.ways[SW_LINK_FAULT_OUT][2].dropped, 1);
    assert_int_equal(world->page.ways[SW_LINK_FAULT_IN][2].passed, 1);
    world->page.ways[SW_LINK_FAULT_OUT][2].drop = 0;
    world->page.ways[SW_LINK_FAULT_IN][0].drop = 1; /* clients are row 0 */
    assert_int_equal(send(world, 2), SW_ERR_OK);
    world->handler.client_message(world->handler.arg, 1, (const uint8_t[32]){0}, next(world));
    assert_int_equal(world->seen_count, 3);
}

static void a_peer_without_a_row_is_left_alone(void **state)
{
    struct world *world = *state;

    for (size_t i = 0; i < SW_LINK_FAULT_ROWS; i++) {
        world->page.ways[SW_LINK_FAULT_OUT][i].drop = 1;
    }
    assert_int_equal(send(world, SW_LINK_FAULT_ROWS), SW_ERR_OK);
    assert_int_equal(world->seen_count, 1);
}

static void loss_and_duplicates_are_met_and_counted(void **state)
{
    struct world *world = *state;
    struct sw_link_fault_way *way = &world->page.ways[SW_LINK_FAULT_OUT][2];

    way->loss = 250000;
    for (int i = 0; i < 400; i++) {
        assert_int_equal(send(world, 2), SW_ERR_OK);
    }
    assert_in_range(world->seen_count, 260, 340);
    assert_int_equal(way->dropped + world->seen_count, 400);
    world->seen_count = 0;
    way->loss = 0;
    way->duplicate = SW_LINK_FAULT_MILLION;
    assert_int_equal(send(world, 2), SW_ERR_OK);
    assert_int_equal(world->seen_count, 2);
    assert_int_equal(world->seen[0].number, world->seen[1].number);
    way->delay_us = 1000;
    assert_int_equal(send(world, 2), SW_ERR_OK);
    pass(world, 1);
    assert_int_equal(world->seen_count, 4);
    assert_int_equal(world->seen[3].number, world->number);
}

static void delay_keeps_the_order_of_a_way(void **state)
{
    struct world *world = *state;
    struct sw_link_fault_way *way = &world->page.ways[SW_LINK_FAULT_IN][2];

    way->delay_us = 10000;
    way->jitter_us = 30000;
    for (int i = 0; i < 100; i++) {
        receive(world, 2);
    }
    assert_int_equal(world->seen_count, 0);
    assert_true(sw_link_fault_wait_ms(world->fault) >= 10);
    pass(world, 9);
    assert_int_equal(world->seen_count, 0);
    way->delay_us = 0; /* what follows still waits for those before it */
    way->jitter_us = 0;
    receive(world, 2);
    receive(world, 3);
    assert_int_equal(world->seen_count, 1);
    pass(world, 31);
    assert_int_equal(world->seen_count, 102);
    for (size_t i = 1; i < 102; i++) {
        assert_int_equal(world->seen[i].number, i < 101 ? i : 101);
        assert_int_equal(world->seen[i].peer, 2);
    }
    assert_int_equal(way->delayed, 101);
    receive(world, 2); /* and is at once again */
    assert_int_equal(world->seen_count, 103);
}

static void what_is_held_goes_out_when_due_and_is_bounded(void **state)
{
    struct world *world = *state;
    static uint8_t large[1 << 20];
    struct sw_link_fault_way *way = &world->page.ways[SW_LINK_FAULT_OUT][2];

    way->delay_us = 5000;
    assert_int_equal(send(world, 2), SW_ERR_OK);
    assert_int_equal(sw_link_fault_wait_ms(world->fault), 5);
    pass(world, 5);
    assert_int_equal(world->seen_count, 1);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(world->port->ops->send(
                             world->port, (struct sw_node_id){2}, sw_span_of(large, sizeof large)),
                         SW_ERR_OK);
    }
    assert_int_equal(way->dropped, 36); /* 64 MiB are held */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_is_done_to_a_good_link, setup, teardown),
        cmocka_unit_test_setup_teardown(what_the_real_link_refuses_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_drop_is_one_way_and_one_peer, setup, teardown),
        cmocka_unit_test_setup_teardown(a_peer_without_a_row_is_left_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(loss_and_duplicates_are_met_and_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(delay_keeps_the_order_of_a_way, setup, teardown),
        cmocka_unit_test_setup_teardown(
            what_is_held_goes_out_when_due_and_is_bounded, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
