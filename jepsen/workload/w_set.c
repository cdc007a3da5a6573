/* set: elements are added and never taken away; even sets hold experiences, odd ones keys. */
#include <inttypes.h>
#include <stdio.h>

#include "jepsen/workload/feed.h"
#include "jepsen/workload/workload.h"

enum { OPERATIONS_PER_SET = 512, READ_PERCENT = 5 };

static void add_key(struct sw_worker *worker, uint64_t set)
{
    const uint64_t value = sw_worker_unique(worker);

    sw_op_place(worker, "s", set);
    (void)snprintf(worker->key, SW_PLACE_SIZE, "e%012" PRIu64, value);
    sw_op_begin(worker, "add");
    sw_op_value(worker, "[%" PRIu64 " %" PRIu64 "]", set, value);
    sw_op_write(worker, SWARM_PUT, value);
}

static bool read_set(struct sw_worker *worker, uint64_t set)
{
    sw_op_place(worker, "s", set);
    return sw_feed_read(worker, "read", set % 2 == 0 ? SWARM_EXPERIENCE_SCAN : SWARM_SCAN, set);
}

static void step(struct sw_worker *worker, void *state)
{
    const uint64_t set = sw_worker_rolling_key(worker, OPERATIONS_PER_SET);

    (void)state;
    if (sw_dice_percent(&worker->dice, READ_PERCENT)) {
        (void)read_set(worker, set);
    } else if (set % 2 == 0) {
        sw_feed_append(worker, "add", "s", set);
    } else {
        add_key(worker, set);
    }
}

static bool last(struct sw_worker *worker, void *state, uint64_t key)
{
    (void)state;
    return read_set(worker, key);
}

const struct sw_workload sw_workload_set = {
    .name = "set",
    .claim =
        "an element whose add was acknowledged is in every later read of its set, once, and no "
        "element appears that nobody added",
    .step = step,
    .last = last,
};
