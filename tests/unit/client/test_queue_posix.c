/* Proves order, claims, and what comes back when, of queues, against a store in this process.
 * Takers that are killed: client/python/tests/test_recipes.py, on the same keys. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <cmocka.h>
/* clang-format on */

#include "tests/unit/client/recipe_kit.h"

enum { MANY = 150, TAKERS = 4 };

static struct swarm_queue *open_queue(struct kit *kit)
{
    struct swarm_queue *queue = NULL;

    assert_int_equal(
        swarm_queue_open(kit->client, scope, swarm_str("q"), swarm_str("me"), TTL_MS, &queue),
        SWARM_OK);
    return queue;
}

static struct swarm_queue_item *take(struct swarm_queue *queue)
{
    struct swarm_queue_item *item = NULL;

    assert_int_equal(swarm_queue_take(queue, swarm_now_ms() + WAIT_MS, &item), SWARM_OK);
    assert_non_null(item);
    return item;
}

static void expect_nothing(struct swarm_queue *queue)
{
    struct swarm_queue_item *item = NULL;

    assert_int_equal(swarm_queue_take(queue, 0, &item), SWARM_NOT_FOUND);
    assert_null(item);
}

static void put_number(struct swarm_queue *queue, uint8_t priority, int number)
{
    char text[16];

    (void)snprintf(text, sizeof text, "%d", number);
    assert_int_equal(swarm_queue_put(queue, priority, swarm_str(text), NULL), SWARM_OK);
}

static void items_come_by_priority_and_number(void **state)
{
    static const uint8_t priorities[] = {5, 3, 5, 0, 255};
    static const char *const order[] = {"3", "1", "0", "2", "4"};
    struct kit kit = kit_open();
    struct swarm_queue *queue = open_queue(&kit);
    uint64_t number = 0;

    (void)state;
    for (int i = 0; i < 5; i++) {
        put_number(queue, priorities[i], i);
    }
    for (int i = 0; i < 5; i++) {
        struct swarm_queue_item *item = take(queue);

        kit_assert_slice(item->value, order[i]);
        assert_int_equal(item->deliveries, 1);
        assert_int_equal(item->priority, priorities[item->number - 1]);
        assert_int_equal(swarm_queue_ack(queue, item), SWARM_OK);
        assert_int_equal(swarm_queue_ack(queue, item), SWARM_CONFLICT);
        swarm_queue_item_free(item);
    }
    expect_nothing(queue);
    assert_int_equal(swarm_queue_put(queue, 0, swarm_str(""), &number), SWARM_OK);
    assert_int_equal(number, 6);
    assert_int_equal(swarm_queue_close(queue), SWARM_OK);
    kit_close(&kit);
}

static void what_is_not_done_comes_back(void **state)
{
    struct kit kit = kit_open();
    struct swarm_queue *mine = open_queue(&kit);
    struct swarm_queue *yours = open_queue(&kit);
    struct swarm_queue_item *item, *again;

    (void)state;
    put_number(mine, 0, 7);
    item = take(mine);
    expect_nothing(yours);
    assert_int_equal(swarm_queue_release(mine, item), SWARM_OK); /* given back */
    again = take(yours);
    assert_int_equal(again->deliveries, 2);
    assert_int_equal(swarm_queue_ack(mine, item), SWARM_CONFLICT);
    swarm_queue_item_free(item);
    /* Its taker's lease ends, as when it has died. */
    assert_int_equal(swarm_lease_revoke(kit.client, scope, again->token, NULL), SWARM_OK);
    item = take(mine);
    assert_int_equal(item->deliveries, 3);
    assert_int_equal(swarm_queue_ack(yours, again), SWARM_CONFLICT);
    swarm_queue_item_free(again);
    assert_int_equal(swarm_queue_close(mine), SWARM_OK); /* its queue is closed */
    swarm_queue_item_free(item);
    item = take(yours); /* whose lease is a new one */
    assert_int_equal(item->deliveries, 4);
    assert_int_equal(swarm_queue_ack(yours, item), SWARM_OK);
    swarm_queue_item_free(item);
    assert_int_equal(swarm_queue_close(yours), SWARM_OK);
    kit_close(&kit);
}

static void claims_beyond_one_look_are_passed_by(void **state)
{
    struct kit kit = kit_open();
    struct swarm_queue *mine = open_queue(&kit);
    struct swarm_queue *yours = open_queue(&kit);
    struct swarm_queue_item *items[MANY];
    struct swarm_queue_item *last;

    (void)state;
    for (int i = 0; i <= MANY; i++) {
        put_number(mine, 1, i);
    }
    for (int i = 0; i < MANY; i++) {
        items[i] = take(mine);
        assert_int_equal(items[i]->number, i + 1);
    }
    last = take(yours);
    assert_int_equal(last->number, MANY + 1);
    swarm_queue_item_free(last);
    expect_nothing(yours);
    assert_int_equal(swarm_queue_release(mine, items[100]), SWARM_OK);
    last = take(yours);
    assert_int_equal(last->number, 101);
    swarm_queue_item_free(last);
    for (int i = 0; i < MANY; i++) {
        swarm_queue_item_free(items[i]);
    }
    assert_int_equal(swarm_queue_close(mine), SWARM_OK);
    assert_int_equal(swarm_queue_close(yours), SWARM_OK);
    kit_close(&kit);
}

struct taker {
    struct swarm_queue *queue;
    bool seen[MANY + 1];
    enum swarm_status failed; /* cmocka's assertions are for the main thread */
};

/* Takes until it gets an item without a value. */
static void *take_many(void *arg)
{
    struct taker *taker = arg;
    bool last = false;

    while (!last && taker->failed == SWARM_OK) {
        struct swarm_queue_item *item = NULL;

        taker->failed = swarm_queue_take(taker->queue, swarm_now_ms() + WAIT_MS, &item);
        if (taker->failed == SWARM_OK) {
            last = item->value.size == 0;
            taker->seen[last ? 0 : item->number] = true;
            taker->failed = swarm_queue_ack(taker->queue, item);
        }
        swarm_queue_item_free(item);
    }
    return NULL;
}

static void takers_that_wait_share_the_items(void **state)
{
    struct kit kit = kit_open();
    struct swarm_queue *shared = open_queue(&kit);
    struct taker takers[TAKERS] = {{.queue = NULL}};
    pthread_t threads[TAKERS];

    (void)state;
    for (int i = 0; i < TAKERS; i++) {
        takers[i].queue = i < TAKERS / 2 ? shared : open_queue(&kit);
        assert_int_equal(pthread_create(&threads[i], NULL, take_many, &takers[i]), 0);
    }
    for (int i = 1; i <= MANY; i++) {
        put_number(shared, 0, i);
    }
    for (int i = 0; i < TAKERS; i++) {
        assert_int_equal(swarm_queue_put(shared, 1, swarm_str(""), NULL), SWARM_OK);
    }
    for (int i = 0; i < TAKERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(takers[i].failed, SWARM_OK);
    }
    for (int number = 1; number <= MANY; number++) {
        int times = 0;

        for (int i = 0; i < TAKERS; i++) {
            times += takers[i].seen[number] ? 1 : 0;
        }
        assert_int_equal(times, 1);
    }
    expect_nothing(shared);
    for (int i = TAKERS / 2; i < TAKERS; i++) {
        assert_int_equal(swarm_queue_close(takers[i].queue), SWARM_OK);
    }
    assert_int_equal(swarm_queue_close(shared), SWARM_OK);
    kit_close(&kit);
}

static void done_as_a_part_of_a_transaction(void **state)
{
    struct kit kit = kit_open();
    struct swarm_queue *queue = open_queue(&kit);
    struct swarm_txn_op ops[SWARM_QUEUE_ACK_OPS + 1];
    struct swarm_queue_item *item;
    struct swarm_result *result = NULL;
    struct swarm_compare held;
    struct swarm_txn txn = {.compares = &held,
                            .compare_count = 1,
                            .then_ops = ops,
                            .then_count = SWARM_QUEUE_ACK_OPS + 1};

    (void)state;
    put_number(queue, 0, 5);
    item = take(queue);
    swarm_queue_ack_parts(item, &held, ops);
    ops[SWARM_QUEUE_ACK_OPS] = (struct swarm_txn_op){.kind = SWARM_TXN_MERGE,
                                                     .merge = SWARM_MERGE_ADD,
                                                     .key = swarm_str("sum"),
                                                     .value = item->value};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(swarm_txn(kit.client, scope, &txn, &result), SWARM_OK);
        assert_int_equal(result->succeeded, i == 0);
        swarm_result_free(result);
    }
    swarm_queue_item_free(item);
    assert_int_equal(swarm_get(kit.client, scope, swarm_str("sum"), &result), SWARM_OK);
    kit_assert_slice(result->records[0].value, "5");
    swarm_result_free(result);
    expect_nothing(queue);
    assert_int_equal(swarm_queue_close(queue), SWARM_OK);
    kit_close(&kit);
}

static void what_is_no_queue_is_refused(void **state)
{
    struct kit kit = kit_open();
    struct swarm_queue *queue = NULL;
    char name[SWARM_QUEUE_NAME_SIZE_MAX + 1];

    (void)state;
    memset(name, 'x', sizeof name);
    assert_int_equal(
        swarm_queue_open(kit.client, scope, swarm_str(""), swarm_str(""), TTL_MS, &queue),
        SWARM_INVALID);
    assert_int_equal(swarm_queue_open(kit.client, scope, swarm_str("q"), swarm_str(""), 1, &queue),
                     SWARM_INVALID);
    assert_int_equal(swarm_queue_open(kit.client,
                                      scope,
                                      (struct swarm_slice){.data = name, .size = sizeof name},
                                      swarm_str(""),
                                      TTL_MS,
                                      &queue),
                     SWARM_TOO_LARGE);
    assert_null(queue);
    assert_int_equal(swarm_queue_close(NULL), SWARM_OK);
    swarm_queue_item_free(NULL);
    kit_close(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_come_by_priority_and_number),
        cmocka_unit_test(what_is_not_done_comes_back),
        cmocka_unit_test(claims_beyond_one_look_are_passed_by),
        cmocka_unit_test(takers_that_wait_share_the_items),
        cmocka_unit_test(done_as_a_part_of_a_transaction),
        cmocka_unit_test(what_is_no_queue_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
