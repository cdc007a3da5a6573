/* Goal: what is in a queue is told as it is at one moment, and an item that one process took is
 * acknowledged by another. */
#include "tests/unit/client/recipe_kit.h"

static struct swarm_queue *open_queue(struct kit *kit, const char *owner)
{
    struct swarm_queue *queue = NULL;

    assert_int_equal(
        swarm_queue_open(kit->client, scope, swarm_str("q"), swarm_str(owner), TTL_MS, &queue),
        SWARM_OK);
    return queue;
}

static struct swarm_queue_rows *list(struct swarm_queue *queue, size_t limit)
{
    struct swarm_queue_rows *rows = NULL;

    assert_int_equal(swarm_queue_list(queue, limit, &rows), SWARM_OK);
    return rows;
}

static void put_many(struct swarm_queue *queue, int count)
{
    char text[16];

    for (int i = 1; i <= count; i++) {
        (void)snprintf(text, sizeof text, "%d", i);
        assert_int_equal(swarm_queue_put(queue, (uint8_t)(i % 2), swarm_str(text), NULL), SWARM_OK);
    }
}

static void an_empty_queue_has_no_rows(void **state)
{
    struct kit kit = kit_open();
    struct swarm_queue *queue = open_queue(&kit, "me");
    struct swarm_queue_rows *rows = list(queue, 0);

    (void)state;
    assert_int_equal(swarm_queue_rows_count(rows), 0);
    assert_null(swarm_queue_rows_at(rows, 0));
    swarm_queue_rows_free(rows);
    swarm_queue_rows_free(NULL);
    assert_int_equal(swarm_queue_close(queue), SWARM_OK);
    kit_close(&kit);
}

static void rows_say_who_has_what(void **state)
{
    struct kit kit = kit_open();
    struct swarm_queue *queue = open_queue(&kit, "me");
    struct swarm_queue_item *items[2] = {NULL};
    struct swarm_queue_rows *rows;
    const struct swarm_queue_row *row;

    (void)state;
    put_many(queue, 5); /* in the order of turns: 2 4 1 3 5 */
    for (int i = 0; i < 2; i++) {
        assert_int_equal(swarm_queue_take(queue, swarm_now_ms() + WAIT_MS, &items[i]), SWARM_OK);
    }
    assert_int_equal(swarm_queue_release(queue, items[0]), SWARM_OK);
    rows = list(queue, 0);
    assert_int_equal(swarm_queue_rows_count(rows), 5);
    row = swarm_queue_rows_at(rows, 0);
    assert_int_equal(row->number, 2);
    assert_int_equal(row->token, 0); /* it was given back */
    assert_int_equal(row->deliveries, 1);
    assert_int_equal(row->owner.size, 0);
    row = swarm_queue_rows_at(rows, 1);
    assert_int_equal(row->number, 4);
    assert_int_equal(row->token, items[1]->token);
    kit_assert_slice(row->owner, "me");
    row = swarm_queue_rows_at(rows, 4);
    assert_int_equal(row->number, 5);
    assert_int_equal(row->priority, 1);
    assert_int_equal(row->deliveries, 0);
    assert_true(row->time_ms > 0);
    kit_assert_slice(row->value, "5");
    swarm_queue_rows_free(rows);
    for (int i = 0; i < 2; i++) {
        swarm_queue_item_free(items[i]);
    }
    assert_int_equal(swarm_queue_close(queue), SWARM_OK);
    kit_close(&kit);
}

static void a_limit_cuts_behind_the_first(void **state)
{
    struct kit kit = kit_open();
    struct swarm_queue *queue = open_queue(&kit, "me");
    struct swarm_queue_rows *rows;

    (void)state;
    put_many(queue, 100);
    rows = list(queue, 3);
    assert_int_equal(swarm_queue_rows_count(rows), 3);
    assert_int_equal(swarm_queue_rows_at(rows, 2)->number, 6);
    swarm_queue_rows_free(rows);
    rows = list(queue, 0);
    assert_int_equal(swarm_queue_rows_count(rows), 100);
    swarm_queue_rows_free(rows);
    assert_int_equal(swarm_queue_close(queue), SWARM_OK);
    kit_close(&kit);
}

static void who_leaves_keeps_what_was_taken(void **state)
{
    struct kit kit = kit_open();
    struct swarm_queue *queue = open_queue(&kit, "first");
    struct swarm_queue_item *item = NULL;
    struct swarm_queue_rows *rows;
    uint64_t number, token;

    (void)state;
    put_many(queue, 1);
    assert_int_equal(swarm_queue_take(queue, swarm_now_ms() + WAIT_MS, &item), SWARM_OK);
    number = item->number;
    token = item->token;
    swarm_queue_item_free(item);
    swarm_queue_leave(queue);
    swarm_queue_leave(NULL);

    queue = open_queue(&kit, "second");
    assert_int_equal(swarm_queue_take(queue, swarm_now_ms(), &item), SWARM_NOT_FOUND);
    item = swarm_queue_item_of(queue, 1, number, token + 1); /* somebody else's */
    assert_int_equal(swarm_queue_ack(queue, item), SWARM_CONFLICT);
    swarm_queue_item_free(item);
    item = swarm_queue_item_of(queue, 1, number, token);
    assert_int_equal(swarm_queue_ack(queue, item), SWARM_OK);
    assert_int_equal(swarm_queue_ack(queue, item), SWARM_CONFLICT);
    swarm_queue_item_free(item);
    rows = list(queue, 0);
    assert_int_equal(swarm_queue_rows_count(rows), 0);
    swarm_queue_rows_free(rows);
    assert_int_equal(swarm_queue_close(queue), SWARM_OK);
    kit_close(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_queue_has_no_rows),
        cmocka_unit_test(rows_say_who_has_what),
        cmocka_unit_test(a_limit_cuts_behind_the_first),
        cmocka_unit_test(who_leaves_keeps_what_was_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
