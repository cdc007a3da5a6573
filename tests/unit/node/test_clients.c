/* The table of connections against a plain array, and replies packed in the order they came. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/prng.h"
#include "node/clients.h"

enum { CONN_COUNT = 500, SENT_MAX = 64 };

struct sent {
    uint64_t conn;
    size_t size;
    uint8_t first;
};

static struct sent sent[SENT_MAX];
static uint32_t sent_count;

static enum sw_err reply(struct sw_link *link, uint64_t conn, struct sw_span message)
{
    (void)link;
    assert_true(sent_count < SENT_MAX);
    assert_true(message.size <= SW_MESSAGE_SIZE_MAX);
    sent[sent_count++] =
        (struct sent){.conn = conn, .size = message.size, .first = message.data[0]};
    return conn == 13 ? SW_ERR_UNREACHABLE : SW_ERR_OK;
}

static const struct sw_link_ops ops = {.reply = reply};
static struct sw_link port = {.ops = &ops};
static const uint8_t key[32] = {5};

static void adds_and_removes_match_the_model(void **state)
{
    struct sw_prng prng = sw_prng_of(3);
    struct sw_clients clients = {0};
    bool model[CONN_COUNT] = {false};
    uint32_t count = 0;

    (void)state;
    assert_null(sw_clients_find(&clients, 1));
    for (int step = 0; step < 50000; step++) {
        const uint64_t conn = sw_prng_below(&prng, CONN_COUNT);
        const uint64_t other = sw_prng_below(&prng, CONN_COUNT);

        if (model[conn]) {
            sw_clients_remove(&clients, conn);
            count--;
        } else {
            assert_int_equal(sw_clients_add(&clients, conn, key)->conn, conn);
            count++;
        }
        model[conn] = !model[conn];
        assert_int_equal(clients.count, count);
        assert_int_equal(sw_clients_find(&clients, other) != NULL, model[other]);
    }
    for (uint64_t conn = 0; conn < CONN_COUNT; conn++) {
        struct sw_client *client = sw_clients_find(&clients, conn);

        assert_int_equal(client != NULL, model[conn]);
        if (client != NULL) {
            assert_int_equal(client->conn, conn);
            assert_memory_equal(client->key, key, sizeof key);
        }
    }
    sw_clients_remove(&clients, 9999);
    sw_clients_release(&clients);
}

static void replies_of_a_turn_leave_together_in_order_of_the_first(void **state)
{
    struct sw_clients clients = {0};
    struct sw_client *a = sw_clients_add(&clients, 21, key);
    struct sw_client *b = sw_clients_add(&clients, 4, key);

    (void)state;
    sent_count = 0;
    sw_clients_reply(&clients, &port, a, sw_span_str("one"));
    sw_clients_reply(&clients, &port, b, sw_span_str("two"));
    sw_clients_reply(&clients, &port, a, sw_span_str("three"));
    assert_int_equal(sent_count, 0);
    sw_clients_flush(&clients, &port);
    assert_int_equal(sent_count, 2);
    assert_int_equal(sent[0].conn, 21);
    assert_int_equal(sent[0].size, 8);
    assert_int_equal(sent[1].conn, 4);
    sw_clients_flush(&clients, &port);
    assert_int_equal(sent_count, 2);
    sw_clients_reply(&clients, &port, b, sw_span_str("x"));
    sw_clients_flush(&clients, &port);
    assert_int_equal(sent[2].size, 1);
    sw_clients_release(&clients);
}

static void replies_that_do_not_fit_together_are_split(void **state)
{
    struct sw_clients clients = {0};
    struct sw_client *client = sw_clients_add(&clients, 1, key);
    uint8_t *large = calloc(1, SW_MESSAGE_SIZE_MAX);

    (void)state;
    assert_non_null(large);
    sent_count = 0;
    sw_clients_reply(&clients, &port, client, sw_span_str("a"));
    large[0] = 'b';
    sw_clients_reply(&clients, &port, client, sw_span_of(large, SW_MESSAGE_SIZE_MAX));
    assert_int_equal(sent_count, 1);
    assert_int_equal(sent[0].first, 'a');
    sw_clients_flush(&clients, &port);
    assert_int_equal(sent_count, 2);
    assert_int_equal(sent[1].first, 'b');
    assert_int_equal(client->replies.capacity, 0); /* a large buffer is not kept */
    free(large);
    sw_clients_release(&clients);
}

static void a_client_that_leaves_takes_its_replies_with_it(void **state)
{
    struct sw_clients clients = {0};

    (void)state;
    for (uint64_t gone = 1; gone <= 3; gone++) {
        sent_count = 0;
        for (uint64_t conn = 1; conn <= 3; conn++) {
            sw_clients_reply(
                &clients, &port, sw_clients_add(&clients, conn, key), sw_span_str("r"));
        }
        sw_clients_remove(&clients, gone);
        sw_clients_reply(
            &clients, &port, sw_clients_add(&clients, 13, key), sw_span_str("unreachable"));
        sw_clients_flush(&clients, &port);
        assert_int_equal(sent_count, 3);
        for (uint32_t i = 0; i < 3; i++) {
            assert_int_not_equal(sent[i].conn, gone);
        }
        assert_int_equal(sent[2].conn, 13);
        for (uint64_t conn = 1; conn <= 13; conn++) {
            sw_clients_remove(&clients, conn);
        }
        assert_int_equal(clients.count, 0);
    }
    sw_clients_release(&clients);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adds_and_removes_match_the_model),
        cmocka_unit_test(replies_of_a_turn_leave_together_in_order_of_the_first),
        cmocka_unit_test(replies_that_do_not_fit_together_are_split),
        cmocka_unit_test(a_client_that_leaves_takes_its_replies_with_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
