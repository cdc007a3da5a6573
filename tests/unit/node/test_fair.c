/* Turns are fair by cost and by identity, whatever comes in; ages tell bursts from overload. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/prng.h"
#include "node/fair.h"

enum { ITEM_COUNT = 4000 };

struct work {
    struct sw_fair_item item; /* first */
    struct sw_fair_flow *flow;
    uint64_t number;
};

static struct sw_fair_flow *
push(struct sw_fair *fair, struct work *work, uint8_t who, uint32_t cost)
{
    const uint8_t id[SW_FAIR_ID_SIZE] = {who};

    *work = (struct work){.item.cost = cost};
    work->flow = sw_fair_enter(fair, id, 1);
    sw_fair_push(fair, work->flow, SW_FAIR_WRITE, &work->item, 0);
    return work->flow;
}

static void over(struct sw_fair *fair, struct work *work)
{
    sw_fair_leave(fair, work->flow);
}

/* One asks for a thousand things, then the other for one: it waits for a turn, not for a thousand.
 */
static void a_modest_one_waits_for_one_turn(void **state)
{
    static struct work flood[1000];
    struct sw_fair fair = {0};
    struct work modest;
    uint32_t before = 0;
    struct sw_fair_item *item;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        (void)push(&fair, &flood[i], 1, 256);
    }
    (void)sw_fair_take(&fair, SW_FAIR_WRITE);
    (void)push(&fair, &modest, 2, 256);
    while ((item = sw_fair_take(&fair, SW_FAIR_WRITE)) != &modest.item) {
        before++;
    }
    assert_true(before <= 64); /* a quantum of 16 KiB */
    over(&fair, &modest);
    while (sw_fair_take(&fair, SW_FAIR_WRITE) != NULL) {
    }
    for (int i = 0; i < 1000; i++) {
        over(&fair, &flood[i]);
    }
    assert_int_equal(fair.flow_count, 0);
    sw_fair_release(&fair);
}

/* Two lanes that are never empty get the same cost served, however it is cut into pieces. */
static void lanes_get_equal_cost(void **state)
{
    static struct work work[ITEM_COUNT];
    struct sw_fair fair = {0};
    uint64_t served[3] = {0};

    (void)state;
    for (int i = 0; i < ITEM_COUNT; i++) {
        (void)push(&fair, &work[i], (uint8_t)(1 + i % 2), i % 2 == 0 ? 5000 : 500);
    }
    while (sw_fair_find(&fair, (const uint8_t[SW_FAIR_ID_SIZE]){2})->lanes[SW_FAIR_WRITE].first !=
           NULL) {
        struct sw_fair_item *item = sw_fair_take(&fair, SW_FAIR_WRITE);

        served[((struct work *)(void *)item)->flow->id[0]] += item->cost;
    }
    assert_int_equal(served[2], 500 * (ITEM_COUNT / 2));
    assert_in_range(served[1], served[2] - 40000, served[2] + 40000);
    while (sw_fair_take(&fair, SW_FAIR_WRITE) != NULL) {
    }
    for (int i = 0; i < ITEM_COUNT; i++) {
        over(&fair, &work[i]);
    }
    sw_fair_release(&fair);
}

/* Anything in any order: each is served once or removed, each lane in its own order, and the peek
 * says what the take gives. */
static void nothing_is_lost_or_served_twice(void **state)
{
    static struct work work[ITEM_COUNT];
    static uint8_t place[ITEM_COUNT]; /* 0 new, 1 queued, 2 over */
    uint64_t last[8] = {0};
    struct sw_prng prng = sw_prng_of(3);
    struct sw_fair fair = {0};
    int next = 0;

    (void)state;
    while (next < ITEM_COUNT || fair.queues[SW_FAIR_WRITE].count > 0) {
        if (next < ITEM_COUNT && sw_prng_chance(&prng, 1, 2)) {
            (void)push(&fair,
                       &work[next],
                       (uint8_t)sw_prng_below(&prng, 8),
                       (uint32_t)sw_prng_below(&prng, 100000));
            work[next].number = (uint64_t)next + 1;
            place[next++] = 1;
        } else if (sw_prng_chance(&prng, 1, 4) && next > 0) {
            const uint64_t at = sw_prng_below(&prng, (uint64_t)next);

            if (place[at] == 1) {
                sw_fair_remove(&fair, &work[at].item);
                sw_fair_remove(&fair, &work[at].item); /* no-op */
                over(&fair, &work[at]);
                place[at] = 2;
            }
        } else {
            const struct sw_fair_item *peeked = sw_fair_peek(&fair, SW_FAIR_WRITE);
            struct work *taken = (struct work *)(void *)sw_fair_take(&fair, SW_FAIR_WRITE);

            assert_ptr_equal(peeked, taken);
            if (taken != NULL) {
                assert_int_equal(place[taken->number - 1], 1);
                assert_true(taken->number > last[taken->flow->id[0]]);
                last[taken->flow->id[0]] = taken->number;
                place[taken->number - 1] = 2;
                over(&fair, taken);
            }
        }
    }
    assert_int_equal(fair.flow_count, 0);
    sw_fair_release(&fair);
}

/* Who asks now and then counts as company between its requests, for a second. */
static void company_lasts_longer_than_a_request(void **state)
{
    const uint8_t greedy[SW_FAIR_ID_SIZE] = {1}, modest[SW_FAIR_ID_SIZE] = {2};
    const uint64_t begin = 5 * SW_FAIR_COMPANY_NS;
    struct sw_fair fair = {0};

    (void)state;
    for (uint64_t i = 0; i < 100; i++) {
        sw_fair_leave(&fair, sw_fair_enter(&fair, greedy, begin + i));
    }
    assert_false(sw_fair_in_company(&fair, begin + 100));
    sw_fair_leave(&fair, sw_fair_enter(&fair, modest, begin + 100));
    assert_int_equal(fair.flow_count, 0);
    assert_true(sw_fair_in_company(&fair, begin + 100));
    sw_fair_leave(&fair, sw_fair_enter(&fair, greedy, begin + 200));
    assert_true(sw_fair_in_company(&fair, begin + 199 + SW_FAIR_COMPANY_NS));
    assert_false(sw_fair_in_company(&fair, begin + 200 + SW_FAIR_COMPANY_NS));
    /* Whoever was here long ago is no company. */
    sw_fair_leave(&fair, sw_fair_enter(&fair, modest, begin + 300 + SW_FAIR_COMPANY_NS));
    assert_false(sw_fair_in_company(&fair, begin + 300 + SW_FAIR_COMPANY_NS));
    sw_fair_release(&fair);
}

static void a_lane_is_late_when_it_stays_old(void **state)
{
    struct sw_fair fair = {0};
    struct work first, second;
    struct sw_fair_lane *lane;

    (void)state;
    lane = &push(&fair, &first, 1, 1)->lanes[SW_FAIR_WRITE];
    assert_false(sw_fair_late(lane, SW_FAIR_AGE_NS));
    assert_false(sw_fair_late(lane, SW_FAIR_AGE_NS + 1)); /* a burst, perhaps */
    assert_false(sw_fair_late(lane, SW_FAIR_AGE_NS + SW_FAIR_PATIENCE_NS));
    assert_true(sw_fair_late(lane, SW_FAIR_AGE_NS + SW_FAIR_PATIENCE_NS + 1));
    assert_int_equal(sw_fair_age_ns(&fair, SW_FAIR_WRITE, 777), 777);
    assert_int_equal(sw_fair_age_ns(&fair, SW_FAIR_READ, 777), 0);
    (void)sw_fair_take(&fair, SW_FAIR_WRITE);
    (void)push(&fair, &second, 1, 1);
    assert_false(sw_fair_late(lane, SW_FAIR_AGE_NS + 1)); /* it has caught up */
    (void)sw_fair_take(&fair, SW_FAIR_WRITE);
    over(&fair, &first);
    over(&fair, &second);
    sw_fair_release(&fair);
}

/* Reads of all kinds wait: simple ones get most, the others get something. */
static void reads_share_by_class(void **state)
{
    static struct work work[ITEM_COUNT];
    static const enum sw_fair_class classes[] = {SW_FAIR_READ, SW_FAIR_WATCH, SW_FAIR_SCAN};
    static const uint32_t costs[] = {1, 4, 64};
    const uint8_t id[SW_FAIR_ID_SIZE] = {1};
    struct sw_fair fair = {0};
    uint64_t served[SW_FAIR_CLASS_COUNT] = {0};

    (void)state;
    for (int i = 0; i < ITEM_COUNT; i++) {
        const int kind = i < 3000 ? 0 : i < 3500 ? 1 : 2;

        work[i] = (struct work){.item.cost = costs[kind], .flow = sw_fair_enter(&fair, id, 1)};
        sw_fair_push(&fair, work[i].flow, classes[kind], &work[i].item, 0);
    }
    while (fair.queues[SW_FAIR_READ].count > 0) {
        const struct sw_fair_item *next = sw_fair_take_read(&fair);

        for (int kind = 0; kind < 3; kind++) {
            served[classes[kind]] += next->cost == costs[kind] ? next->cost : 0;
        }
    }
    assert_int_equal(served[SW_FAIR_READ], 3000);
    assert_in_range(served[SW_FAIR_WATCH], 500, 1000);
    assert_in_range(served[SW_FAIR_SCAN], 500, 1000);
    while (sw_fair_take_read(&fair) != NULL) {
    }
    for (int i = 0; i < ITEM_COUNT; i++) {
        over(&fair, &work[i]);
    }
    sw_fair_release(&fair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_modest_one_waits_for_one_turn),
        cmocka_unit_test(lanes_get_equal_cost),
        cmocka_unit_test(nothing_is_lost_or_served_twice),
        cmocka_unit_test(company_lasts_longer_than_a_request),
        cmocka_unit_test(a_lane_is_late_when_it_stays_old),
        cmocka_unit_test(reads_share_by_class),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
