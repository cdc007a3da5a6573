/* Deficit round robin over the lanes of a class. */
#include "node/fair.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

/* Cost units of a turn. Small beside what is served in a moment, so that turns are short; large
 * beside one cheap piece of work, so that most turns serve several. */
static const uint32_t quantum[SW_FAIR_CLASS_COUNT] = {
    [SW_FAIR_LEASE] = 8 << 10, /* bytes */
    [SW_FAIR_WRITE] = 16 << 10,
    [SW_FAIR_READ] = 32, /* looks at keys */
    [SW_FAIR_WATCH] = 64,
    [SW_FAIR_SCAN] = 128,
    [SW_FAIR_ADMIN] = 1,
};

/* --- flows ------------------------------------------------------------------------------------ */

static struct sw_fair_flow **bucket_of(const struct sw_fair *fair, const uint8_t *id)
{
    /* Identities are digests: any two of their bytes are as good as a hash. */
    const uint32_t at = ((uint32_t)id[0] << 8 | id[1]) % SW_FAIR_BUCKET_COUNT;

    return (struct sw_fair_flow **)(uintptr_t)&fair->buckets[at];
}

struct sw_fair_flow *sw_fair_find(const struct sw_fair *fair, const uint8_t id[SW_FAIR_ID_SIZE])
{
    struct sw_fair_flow *flow = *bucket_of(fair, id);

    while (flow != NULL && memcmp(flow->id, id, SW_FAIR_ID_SIZE) != 0) {
        flow = flow->next;
    }
    return flow;
}

static void note_company(struct sw_fair *fair, const uint8_t *id, uint64_t now_ns)
{
    if (fair->last_ns != 0 && now_ns - fair->last_ns < SW_FAIR_COMPANY_NS &&
        memcmp(fair->last_id, id, SW_FAIR_ID_SIZE) != 0) {
        fair->company_until_ns = now_ns + SW_FAIR_COMPANY_NS;
    }
    memcpy(fair->last_id, id, SW_FAIR_ID_SIZE);
    fair->last_ns = now_ns;
}

bool sw_fair_in_company(const struct sw_fair *fair, uint64_t now_ns)
{
    return now_ns < fair->company_until_ns;
}

struct sw_fair_flow *
sw_fair_enter(struct sw_fair *fair, const uint8_t id[SW_FAIR_ID_SIZE], uint64_t now_ns)
{
    struct sw_fair_flow *flow = sw_fair_find(fair, id);
    struct sw_fair_flow **bucket = bucket_of(fair, id);

    note_company(fair, id, now_ns);
    if (flow == NULL) {
        flow = calloc(1, sizeof *flow);
        SW_ASSERT(flow != NULL); /* bounded: each has a place */
        memcpy(flow->id, id, SW_FAIR_ID_SIZE);
        for (int of = 0; of < SW_FAIR_CLASS_COUNT; of++) {
            flow->lanes[of].flow = flow;
            flow->lanes[of].of = (enum sw_fair_class)of;
        }
        flow->next = *bucket;
        *bucket = flow;
        fair->flow_count++;
    }
    flow->places++;
    return flow;
}

void sw_fair_leave(struct sw_fair *fair, struct sw_fair_flow *flow)
{
    struct sw_fair_flow **at = bucket_of(fair, flow->id);

    SW_ASSERT(flow->places > 0);
    flow->places--;
    if (flow->places > 0) {
        return;
    }
    while (*at != flow) {
        at = &(*at)->next;
    }
    *at = flow->next;
    fair->flow_count--;
    for (int of = 0; of < SW_FAIR_CLASS_COUNT; of++) {
        SW_ASSERT(flow->lanes[of].first == NULL);
    }
    free(flow);
}

void sw_fair_release(struct sw_fair *fair)
{
    for (uint32_t i = 0; i < SW_FAIR_BUCKET_COUNT; i++) {
        while (fair->buckets[i] != NULL) {
            struct sw_fair_flow *flow = fair->buckets[i];

            fair->buckets[i] = flow->next;
            free(flow);
        }
    }
    *fair = (struct sw_fair){0};
}

/* --- lanes ------------------------------------------------------------------------------------ */

/* A lane that gets work waits for one turn of each of the others, behind whom it stands. */
static void ring_add(struct sw_fair_queue *queue, struct sw_fair_lane *lane)
{
    lane->deficit += quantum[lane->of];
    if (queue->turn == NULL) {
        queue->turn = lane;
        lane->next = lane;
        lane->previous = lane;
        return;
    }
    lane->next = queue->turn;
    lane->previous = queue->turn->previous;
    lane->previous->next = lane;
    queue->turn->previous = lane;
}

static void ring_remove(struct sw_fair_queue *queue, struct sw_fair_lane *lane)
{
    if (lane->next == lane) {
        queue->turn = NULL;
    } else {
        lane->previous->next = lane->next;
        lane->next->previous = lane->previous;
        if (queue->turn == lane) {
            queue->turn = lane->next;
        }
    }
    lane->next = NULL;
    lane->previous = NULL;
    /* What it did not spend is gone: nobody saves up for a burst. What it owes, it owes. */
    lane->deficit = lane->deficit > 0 ? 0 : lane->deficit;
    lane->late_since_ns = 0;
}

void sw_fair_push(struct sw_fair *fair,
                  struct sw_fair_flow *flow,
                  enum sw_fair_class of,
                  struct sw_fair_item *item,
                  uint64_t now_ns)
{
    struct sw_fair_lane *lane = &flow->lanes[of];

    SW_ASSERT(item->lane == NULL);
    SW_ASSERT(flow->places > 0);
    item->lane = lane;
    item->since_ns = now_ns;
    item->next = NULL;
    item->previous = lane->last;
    if (lane->last == NULL) {
        lane->first = item;
        ring_add(&fair->queues[of], lane);
    } else {
        lane->last->next = item;
    }
    lane->last = item;
    fair->queues[of].count++;
}

void sw_fair_remove(struct sw_fair *fair, struct sw_fair_item *item)
{
    struct sw_fair_lane *lane = item->lane;

    if (lane == NULL) {
        return;
    }
    if (item->previous == NULL) {
        lane->first = item->next;
    } else {
        item->previous->next = item->next;
    }
    if (item->next == NULL) {
        lane->last = item->previous;
    } else {
        item->next->previous = item->previous;
    }
    item->next = NULL;
    item->previous = NULL;
    item->lane = NULL;
    SW_ASSERT(fair->queues[lane->of].count > 0);
    fair->queues[lane->of].count--;
    if (lane->first == NULL) {
        ring_remove(&fair->queues[lane->of], lane);
    }
}

struct sw_fair_item *sw_fair_peek(struct sw_fair *fair, enum sw_fair_class of)
{
    struct sw_fair_queue *queue = &fair->queues[of];

    if (queue->turn == NULL) {
        return NULL;
    }
    /* Ends: each round of the ring gives every lane a quantum more. */
    while (queue->turn->deficit < (int64_t)queue->turn->first->cost) {
        queue->turn->deficit += quantum[of];
        queue->turn = queue->turn->next;
    }
    return queue->turn->first;
}

struct sw_fair_item *sw_fair_take(struct sw_fair *fair, enum sw_fair_class of)
{
    struct sw_fair_item *item = sw_fair_peek(fair, of);

    if (item != NULL) {
        item->lane->deficit -= item->cost;
        sw_fair_remove(fair, item);
    }
    return item;
}

struct sw_fair_item *sw_fair_take_read(struct sw_fair *fair)
{
    static const struct {
        enum sw_fair_class of;
        int64_t share;
    } turns[] = {{SW_FAIR_READ, 256}, {SW_FAIR_WATCH, 64}, {SW_FAIR_SCAN, 64}};
    enum { TURN_COUNT = sizeof turns / sizeof turns[0] };

    if (fair->queues[SW_FAIR_READ].count + fair->queues[SW_FAIR_WATCH].count +
            fair->queues[SW_FAIR_SCAN].count ==
        0) {
        return NULL;
    }
    for (;;) { /* ends: each round gives a class that has work more credit */
        const enum sw_fair_class of = turns[fair->read_turn].of;
        struct sw_fair_queue *queue = &fair->queues[of];
        const struct sw_fair_item *item = sw_fair_peek(fair, of);

        if (item != NULL && queue->credit >= (int64_t)item->cost) {
            queue->credit -= item->cost;
            return sw_fair_take(fair, of);
        }
        queue->credit = item == NULL ? 0 : queue->credit + turns[fair->read_turn].share;
        fair->read_turn = (fair->read_turn + 1) % TURN_COUNT;
    }
}

void sw_fair_charge(struct sw_fair_flow *flow, enum sw_fair_class of, uint32_t cost)
{
    flow->lanes[of].deficit -= cost;
}

/* --- age -------------------------------------------------------------------------------------- */

uint64_t sw_fair_lane_age_ns(const struct sw_fair_lane *lane, uint64_t now_ns)
{
    return lane->first != NULL && now_ns > lane->first->since_ns ? now_ns - lane->first->since_ns
                                                                 : 0;
}

uint64_t sw_fair_age_ns(const struct sw_fair *fair, enum sw_fair_class of, uint64_t now_ns)
{
    const struct sw_fair_lane *first = fair->queues[of].turn;
    const struct sw_fair_lane *lane = first;
    uint64_t oldest = 0;

    while (lane != NULL) {
        const uint64_t age = sw_fair_lane_age_ns(lane, now_ns);

        oldest = age > oldest ? age : oldest;
        lane = lane->next == first ? NULL : lane->next;
    }
    return oldest;
}

bool sw_fair_late(struct sw_fair_lane *lane, uint64_t now_ns)
{
    if (sw_fair_lane_age_ns(lane, now_ns) <= SW_FAIR_AGE_NS) {
        lane->late_since_ns = 0;
        return false;
    }
    if (lane->late_since_ns == 0) {
        lane->late_since_ns = now_ns;
    }
    return now_ns - lane->late_since_ns >= SW_FAIR_PATIENCE_NS;
}
