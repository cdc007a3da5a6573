/* session: writes that are sent again and again inside their session, and what became of each.
 *
 * Attempts time out so early that a loaded or failing swarm sees many writes twice or more. */
#include <inttypes.h>

#include "jepsen/workload/feed.h"
#include "jepsen/workload/value.h"
#include "jepsen/workload/workload.h"

enum {
    ATTEMPT_MS = 60,
    OPERATIONS_PER_KEY = 512,
    READ_PERCENT = 4,
    BUMP_PERCENT = 40,
    TRANSACTION_PERCENT = 50
};

static void bump(struct sw_worker *worker, uint64_t key)
{
    const uint64_t value = sw_worker_unique(worker);
    struct swarm_result *result = NULL;
    struct sw_edn bytes = {0};
    struct swarm_request request;
    struct swarm_txn_op put;
    const struct swarm_txn txn = {.then_ops = &put, .then_count = 1};
    enum swarm_status status;

    sw_value_write(&bytes, value, sw_worker_pads(worker));
    sw_op_begin(worker, "bump");
    sw_op_value(worker, "[%" PRIu64 " %" PRIu64 "]", key, value);
    sw_op_invoke(worker);
    request = sw_op_request(worker, SWARM_PUT);
    request.key = swarm_str("n");
    request.value = (struct swarm_slice){.data = bytes.data, .size = bytes.size};
    put = (struct swarm_txn_op){.kind = SWARM_TXN_PUT, .key = request.key, .value = request.value};
    if (sw_dice_percent(&worker->dice, TRANSACTION_PERCENT)) {
        request.op = SWARM_TXN;
        request.key = (struct swarm_slice){0};
        request.value = (struct swarm_slice){0};
        request.txn = &txn;
    }
    status = sw_op_call(worker, &request, &result);
    sw_op_end_write(worker, status);
    swarm_result_free(result);
    sw_edn_release(&bytes);
}

static void print_bumps(struct sw_worker *worker, uint64_t key, const struct swarm_record *record)
{
    uint64_t value = 0;

    if (record == NULL) {
        sw_op_value(worker, "[%" PRIu64 " nil]", key);
        return;
    }
    sw_op_value(worker, "[%" PRIu64 " {:version %" PRIu64 ", :value ", key, record->version);
    if (sw_value_read(record->value, &value)) {
        sw_edn_add(&worker->op.value, "%" PRIu64 "}]", value);
    } else {
        sw_edn_add(&worker->op.value, ":corrupt}]");
    }
}

static bool read_bumps(struct sw_worker *worker, uint64_t key)
{
    struct swarm_result *result = NULL;
    struct swarm_request request;
    enum swarm_status status;
    bool done;

    sw_op_begin(worker, "read-bumps");
    sw_op_value(worker, "[%" PRIu64 " nil]", key);
    sw_op_invoke(worker);
    request = sw_op_request(worker, SWARM_GET);
    request.key = swarm_str("n");
    status = sw_op_call(worker, &request, &result);
    done = status == SWARM_OK || status == SWARM_NOT_FOUND;
    if (done) {
        print_bumps(worker, key, status == SWARM_OK ? &result->records[0] : NULL);
        sw_op_end(worker, SW_END_OK, NULL);
    } else {
        sw_op_end_read(worker, status);
    }
    swarm_result_free(result);
    return done;
}

static void step(struct sw_worker *worker, void *state)
{
    const uint64_t key = sw_worker_rolling_key(worker, OPERATIONS_PER_KEY);

    (void)state;
    sw_op_place(worker, "x", key);
    if (sw_dice_percent(&worker->dice, READ_PERCENT)) {
        (void)sw_feed_read(worker, "read", SWARM_EXPERIENCE_SCAN, key);
    } else if (sw_dice_percent(&worker->dice, READ_PERCENT)) {
        (void)read_bumps(worker, key);
    } else if (sw_dice_percent(&worker->dice, BUMP_PERCENT)) {
        bump(worker, key);
    } else {
        sw_feed_append(worker, "append", "x", key);
    }
}

static bool last(struct sw_worker *worker, void *state, uint64_t key)
{
    (void)state;
    sw_op_place(worker, "x", key);
    return sw_feed_read(worker, "read", SWARM_EXPERIENCE_SCAN, key) && read_bumps(worker, key);
}

const struct sw_workload sw_workload_session = {
    .name = "session",
    .claim = "a write that is sent again inside its session runs exactly once: an acknowledged one "
             "once, an ambiguous one at most once",
    .manner = {.attempt_timeout_ms = ATTEMPT_MS},
    .step = step,
    .last = last,
};
