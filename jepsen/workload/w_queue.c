/* queue: the library's queues. Takers acknowledge what they took, give it back, close their queue
 * over it, or lose their lease without noticing. */
#include <inttypes.h>
#include <stdio.h>

#include "jepsen/workload/must.h"
#include "jepsen/workload/value.h"
#include "jepsen/workload/workload.h"

enum {
    TTL_MS = 1000,
    WAIT_MS = 100,
    DRAIN_WAIT_MS = 300,
    PRIORITIES = 3,
    QUEUES_MAX = 3, /* so that each has several takers */
};

struct state {
    struct swarm_queue *queue; /* owned; NULL: none is open */
    struct swarm_queue_item *item;
    uint64_t value; /* of the item */
    bool corrupt;
};

static struct swarm_scope scope_of(const struct sw_worker *worker)
{
    return (struct swarm_scope){
        .tenant = "chaos", .name_space = worker->workload, .partition = worker->partition};
}

static struct swarm_queue *open_queue(struct sw_worker *worker, uint64_t queue)
{
    struct swarm_queue *opened = NULL;
    char name[SW_PLACE_SIZE];

    sw_op_place(worker, "q", 0);
    (void)snprintf(name, sizeof name, "q%" PRIu64, queue);
    sw_must(swarm_queue_open(worker->client,
                             scope_of(worker),
                             swarm_str(name),
                             swarm_str("worker"),
                             TTL_MS,
                             &opened) == SWARM_OK,
            "a queue was refused");
    return opened;
}

/* What is claimed comes back, now or when the lease ends. */
static void let_go(struct state *state)
{
    swarm_queue_item_free(state->item);
    state->item = NULL;
    (void)swarm_queue_close(state->queue);
    state->queue = NULL;
}

static void put(struct sw_worker *worker, uint64_t queue)
{
    struct swarm_queue *opened = open_queue(worker, queue);
    const uint8_t priority = (uint8_t)sw_dice_below(&worker->dice, PRIORITIES);
    const uint64_t value = sw_worker_unique(worker);
    struct sw_edn bytes = {0};
    enum swarm_status status;
    uint64_t number = 0;

    sw_value_write(&bytes, value, sw_worker_pads(worker));
    sw_op_begin(worker, "put");
    sw_op_value(worker, "[%" PRIu64 " %" PRIu64 "]", queue, value);
    sw_op_extra(worker, ", :priority %u", priority);
    sw_op_invoke(worker);
    status = swarm_queue_put(
        opened, priority, (struct swarm_slice){.data = bytes.data, .size = bytes.size}, &number);
    if (status == SWARM_OK) {
        sw_op_extra(worker, ", :number %" PRIu64, number);
    }
    sw_op_end_write(worker, status);
    sw_edn_release(&bytes);
    (void)swarm_queue_close(opened);
}

static void take(struct sw_worker *worker, struct state *state, uint64_t queue)
{
    enum swarm_status status;

    if (state->queue == NULL) {
        state->queue = open_queue(worker, queue);
    }
    sw_op_begin(worker, "take");
    sw_op_value(worker, "[%" PRIu64 " nil]", queue);
    sw_op_invoke(worker);
    status = swarm_queue_take(state->queue, swarm_now_ms() + WAIT_MS, &state->item);
    if (status == SWARM_NOT_FOUND) {
        sw_op_end(worker, SW_END_FAIL, "EMPTY");
        return;
    }
    if (status != SWARM_OK) {
        sw_op_end_write(worker, status);
        let_go(state);
        return;
    }
    state->corrupt = !sw_value_read(state->item->value, &state->value);
    if (state->corrupt) {
        sw_op_value(worker, "[%" PRIu64 " :corrupt]", queue);
    } else {
        sw_op_value(worker, "[%" PRIu64 " %" PRIu64 "]", queue, state->value);
    }
    sw_op_extra(worker,
                ", :token %" PRIu64 ", :deliveries %" PRIu32 ", :number %" PRIu64,
                state->item->token,
                state->item->deliveries,
                state->item->number);
    sw_op_end(worker, SW_END_OK, NULL);
}

/* An acknowledgement or its contrary. What is not known to have failed is over for this taker. */
static void finish(struct sw_worker *worker,
                   struct state *state,
                   uint64_t queue,
                   const char *f,
                   enum swarm_status (*how)(struct swarm_queue *queue,
                                            struct swarm_queue_item *item))
{
    enum swarm_status status;

    sw_op_begin(worker, f);
    sw_op_value(worker, "[%" PRIu64 " %" PRIu64 "]", queue, state->value);
    sw_op_extra(worker,
                ", :token %" PRIu64 ", :deliveries %" PRIu32,
                state->item->token,
                state->item->deliveries);
    sw_op_invoke(worker);
    status = how(state->queue, state->item);
    if (status == SWARM_OK || status == SWARM_CONFLICT || swarm_outcome(status) == SWARM_UNKNOWN) {
        swarm_queue_item_free(state->item);
        state->item = NULL;
    }
    if (status == SWARM_CONFLICT) {
        sw_op_end(worker, SW_END_FAIL, "LOST");
    } else {
        sw_op_end_write(worker, status);
    }
}

static void step(struct sw_worker *worker, void *arg)
{
    struct state *state = arg;
    const uint64_t keys = worker->run->options.keys;
    const uint64_t queues = keys < QUEUES_MAX ? keys : QUEUES_MAX;
    const uint64_t mine = worker->number % queues;
    const uint64_t dice = sw_dice_below(&worker->dice, 100);

    if (state->item != NULL && state->corrupt) {
        let_go(state); /* the history tells of it */
    } else if (state->item == NULL && dice < 60) {
        take(worker, state, mine);
    } else if (state->item == NULL || dice < 25) {
        put(worker, sw_dice_below(&worker->dice, queues));
    } else if (dice < 80) {
        finish(worker, state, mine, "ack", swarm_queue_ack);
    } else if (dice < 90) {
        finish(worker, state, mine, "release", swarm_queue_release);
    } else if (dice < 95) {
        let_go(state);
    } else {
        /* As its silence would: the item comes back to others, and it may not acknowledge it. */
        sw_op_place(worker, "q", 0);
        (void)swarm_lease_revoke(worker->client, scope_of(worker), state->item->token, NULL);
    }
}

/* True if the queue has no item at all, claimed or not. */
static bool is_empty(struct sw_worker *worker, uint64_t queue)
{
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    struct swarm_result *result = NULL;
    char first[SW_PLACE_SIZE], end[SW_PLACE_SIZE];
    bool empty;

    (void)snprintf(first, sizeof first, "q%" PRIu64 "/i/", queue);
    (void)snprintf(end, sizeof end, "q%" PRIu64 "/i0", queue);
    request.op = SWARM_SCAN;
    request.scope = scope_of(worker);
    request.key = swarm_str(first);
    request.end_key = swarm_str(end);
    request.limit = 1;
    empty = swarm_call(worker->client, &request, &result) == SWARM_OK && result->record_count == 0;
    swarm_result_free(result);
    return empty;
}

/* Takes and acknowledges all; what was taken is told however it ends. */
static bool last(struct sw_worker *worker, void *arg, uint64_t queue)
{
    struct state *state = arg;
    bool empty = false;

    state->queue = open_queue(worker, queue);
    sw_op_begin(worker, "drain");
    sw_op_value(worker, "[%" PRIu64 " nil]", queue);
    sw_op_invoke(worker);
    sw_op_extra(worker, ", :drained [");
    while (!empty && sw_op_time_left(worker)) {
        uint64_t value = 0;

        if (swarm_queue_take(state->queue, swarm_now_ms() + DRAIN_WAIT_MS, &state->item) ==
            SWARM_OK) {
            sw_must(sw_value_read(state->item->value, &value), "a damaged item");
            sw_op_extra(worker, " %" PRIu64, value);
            (void)swarm_queue_ack(state->queue, state->item);
            swarm_queue_item_free(state->item);
            state->item = NULL;
        } else {
            empty = is_empty(worker, queue);
        }
    }
    sw_op_extra(worker, "]");
    sw_op_end(worker, empty ? SW_END_OK : SW_END_FAIL, empty ? NULL : "BUSY");
    let_go(state);
    return empty;
}

static void release(void *state)
{
    let_go(state);
}

const struct sw_workload sw_workload_queue = {
    .name = "queue",
    .claim =
        "an item that was put is acknowledged once, by who has it, and is never lost: it comes "
        "back to the queue when its taker gives it back or is gone",
    .state_size = sizeof(struct state),
    .step = step,
    .last = last,
    .release = release,
};
