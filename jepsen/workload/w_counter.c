/* counter: increments, and reads between them. Even counters are read and compared-and-set, odd
 * ones are merged: one request each. */
#include <inttypes.h>
#include <stdio.h>

#include "jepsen/workload/update.h"
#include "jepsen/workload/value.h"
#include "jepsen/workload/workload.h"

enum { READ_PERCENT = 40, STEP_MAX = 5, FIELDS = 2 };

static bool is_merged(uint64_t key)
{
    return key % 2 == 1;
}

/* "<sum> <the number of the add that wrote it> "; a merged one "<sum>" */
static bool parse(uint64_t key, const struct swarm_record *record, uint64_t *ret_sum)
{
    uint64_t fields[FIELDS];
    uint32_t count = 0;

    *ret_sum = 0;
    if (record == NULL) {
        return true;
    }
    if (is_merged(key)) {
        return sw_value_read(record->value, ret_sum);
    }
    if (!sw_value_numbers(record->value, ' ', fields, FIELDS, &count) || count != FIELDS) {
        return false;
    }
    *ret_sum = fields[0];
    return true;
}

struct addition {
    uint64_t key;
    uint64_t delta;
    uint64_t unique;
    uint64_t after;
};

static enum sw_change add(void *arg, const struct swarm_record *old, struct sw_edn *new_value)
{
    struct addition *addition = arg;
    uint64_t sum = 0;

    if (!parse(addition->key, old, &sum)) {
        return SW_CHANGE_CORRUPT;
    }
    addition->after = sum + addition->delta;
    sw_edn_add(new_value, "%" PRIu64 " %" PRIu64 " ", addition->after, addition->unique);
    return SW_CHANGE_WRITE;
}

static struct sw_updated merge(struct sw_worker *worker, struct addition *addition)
{
    char operand[SW_PLACE_SIZE];
    struct swarm_txn_op op = {.kind = SWARM_TXN_MERGE,
                              .merge = SWARM_MERGE_ADD,
                              .key = swarm_str(worker->key),
                              .value = {.data = operand}};
    const struct swarm_txn txn = {.then_ops = &op, .then_count = 1};
    struct swarm_request request = sw_op_request(worker, SWARM_TXN);
    struct sw_updated updated = {.change = SW_CHANGE_WRITE, .tries = 1};
    struct swarm_result *result = NULL;

    op.value.size = (size_t)snprintf(operand, sizeof operand, "%" PRIu64, addition->delta);
    request.key = (struct swarm_slice){0};
    request.txn = &txn;
    updated.status = sw_op_call(worker, &request, &result);
    if (updated.status == SWARM_OK &&
        !parse(addition->key, &result->records[0], &addition->after)) {
        updated.change = SW_CHANGE_CORRUPT;
    }
    swarm_result_free(result);
    return updated;
}

static void add_some(struct sw_worker *worker, uint64_t key)
{
    struct addition addition = {.key = key,
                                .delta = 1 + sw_dice_below(&worker->dice, STEP_MAX),
                                .unique = sw_worker_unique(worker)};
    struct sw_updated updated;

    sw_op_begin(worker, "add");
    sw_op_value(worker, "[%" PRIu64 " %" PRIu64 "]", key, addition.delta);
    sw_op_invoke(worker);
    updated = is_merged(key) ? merge(worker, &addition) : sw_update(worker, add, &addition);
    sw_op_extra(worker, ", :tries %" PRIu32, updated.tries);
    if (!sw_update_succeeded(worker, &updated, "REFUSED")) {
        return;
    }
    if (updated.change == SW_CHANGE_CORRUPT) {
        /* It was only read, but what was read must reach the checker: as an answer. */
        sw_op_extra(worker, ", :after :corrupt");
    } else {
        sw_op_extra(worker, ", :after %" PRIu64, addition.after);
    }
    sw_op_end(worker, SW_END_OK, NULL);
}

static bool read_key(struct sw_worker *worker, uint64_t key)
{
    struct swarm_result *result = NULL;
    struct swarm_request request;
    enum swarm_status status;
    uint64_t sum = 0;

    sw_op_begin(worker, "read");
    sw_op_value(worker, "[%" PRIu64 " nil]", key);
    sw_op_invoke(worker);
    request = sw_op_request(worker, SWARM_GET);
    status = sw_op_call(worker, &request, &result);
    if (status != SWARM_OK && status != SWARM_NOT_FOUND) {
        sw_op_end_read(worker, status);
        swarm_result_free(result);
        return false;
    }
    if (parse(key, status == SWARM_OK ? &result->records[0] : NULL, &sum)) {
        sw_op_value(worker, "[%" PRIu64 " %" PRIu64 "]", key, sum);
    } else {
        sw_op_value(worker, "[%" PRIu64 " :corrupt]", key);
    }
    sw_op_end(worker, SW_END_OK, NULL);
    swarm_result_free(result);
    return true;
}

static void place(struct sw_worker *worker, uint64_t key)
{
    sw_op_place(worker, "c", 0);
    sw_op_key(worker, "k", key);
}

static void step(struct sw_worker *worker, void *state)
{
    const uint64_t key = sw_dice_below(&worker->dice, worker->run->options.keys);

    (void)state;
    place(worker, key);
    if (sw_dice_percent(&worker->dice, READ_PERCENT)) {
        (void)read_key(worker, key);
    } else {
        add_some(worker, key);
    }
}

static bool last(struct sw_worker *worker, void *state, uint64_t key)
{
    (void)state;
    place(worker, key);
    return read_key(worker, key);
}

const struct sw_workload sw_workload_counter = {
    .name = "counter",
    .claim =
        "a counter is the sum of its acknowledged increments, plus some of the ambiguous ones; "
        "each read lies within what was possible at its time",
    .step = step,
    .last = last,
};
