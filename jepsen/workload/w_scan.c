/* scan: keys of a partition come and go while ordered scans of all kinds look at them. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "jepsen/workload/must.h"
#include "jepsen/workload/value.h"
#include "jepsen/workload/workload.h"

enum { KEYS = 64, LIMIT_MAX = 20, KEY_DIGITS = 4 };

static void key_of(char text[SW_PLACE_SIZE], uint64_t number)
{
    (void)snprintf(text, SW_PLACE_SIZE, "k%0*" PRIu64, KEY_DIGITS, number);
}

static void put(struct sw_worker *worker, uint64_t partition, uint64_t key)
{
    const uint64_t value = sw_worker_unique(worker);

    key_of(worker->key, key);
    sw_op_begin(worker, "put");
    sw_op_value(worker, "[%" PRIu64 " [%" PRIu64 " %" PRIu64 "]]", partition, key, value);
    sw_op_write(worker, SWARM_PUT, value);
}

static void remove_key(struct sw_worker *worker, uint64_t partition, uint64_t key)
{
    struct swarm_result *result = NULL;
    struct swarm_request request;
    enum swarm_status status;

    key_of(worker->key, key);
    sw_op_begin(worker, "delete");
    sw_op_value(worker, "[%" PRIu64 " %" PRIu64 "]", partition, key);
    sw_op_invoke(worker);
    request = sw_op_request(worker, SWARM_DELETE);
    status = sw_op_call(worker, &request, &result);
    if (status == SWARM_OK || status == SWARM_NOT_FOUND) {
        const bool existed = status == SWARM_OK && result->value == 1;

        sw_op_extra(worker, ", :existed %s", existed ? "true" : "false");
        status = SWARM_OK;
    }
    sw_op_end_write(worker, status);
    swarm_result_free(result);
}

struct range {
    uint64_t from, to, limit;
    bool reverse, keys_only;
};

static void print_range(struct sw_worker *worker, uint64_t partition, const struct range *range)
{
    sw_op_value(worker,
                "[%" PRIu64 " {:from %" PRIu64 ", :to %" PRIu64 ", :limit %" PRIu64
                ", :reverse %s, :keys-only %s",
                partition,
                range->from,
                range->to,
                range->limit,
                range->reverse ? "true" : "false",
                range->keys_only ? "true" : "false");
}

/* False for a key that nobody wrote. */
static bool number_of(struct swarm_slice key, uint64_t *ret_number)
{
    const char *text = key.data;

    if (key.size != KEY_DIGITS + 1 || text[0] != 'k') {
        return false;
    }
    *ret_number = 0;
    for (size_t i = 1; i < key.size; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        *ret_number = *ret_number * 10 + (uint64_t)(text[i] - '0');
    }
    return true;
}

static void print_record(struct sw_edn *out, const struct swarm_record *record, bool keys_only)
{
    uint64_t key = 0;
    uint64_t value = 0;

    if (number_of(record->key, &key)) {
        sw_edn_add(out, "[%" PRIu64 " ", key);
    } else {
        sw_edn_add(out, "[:corrupt ");
    }
    if (keys_only && record->value.size == 0) {
        sw_edn_add(out, "nil");
    } else if (sw_value_read(record->value, &value)) {
        sw_edn_add(out, "%" PRIu64, value);
    } else {
        sw_edn_add(out, ":corrupt");
    }
    sw_edn_add(out, " %" PRIu64 "]", record->mod_revision);
}

static void print_page(struct sw_worker *worker,
                       uint64_t partition,
                       const struct range *range,
                       const struct swarm_result *result)
{
    struct sw_edn *out = &worker->op.value;

    print_range(worker, partition, range);
    sw_edn_add(out, ", :records [");
    for (size_t i = 0; i < result->record_count; i++) {
        sw_edn_add(out, "%s", i == 0 ? "" : " ");
        print_record(out, &result->records[i], range->keys_only);
    }
    sw_edn_add(out, "], :more %s}]", result->more ? "true" : "false");
}

/* A scan in reverse begins at the high end (included) and goes down to the low one (excluded): the
 * same keys need other ends. */
static void place_range(struct sw_worker *worker, const struct range *range)
{
    worker->end_key[0] = '\0';
    if (!range->reverse) {
        key_of(worker->key, range->from);
        key_of(worker->end_key, range->to);
        return;
    }
    key_of(worker->key, range->to - 1);
    if (range->from > 0) {
        key_of(worker->end_key, range->from - 1);
    }
}

static bool scan(struct sw_worker *worker, uint64_t partition, const struct range *range)
{
    struct swarm_result *result = NULL;
    struct swarm_request request;
    enum swarm_status status;

    place_range(worker, range);
    sw_op_begin(worker, "scan");
    print_range(worker, partition, range);
    sw_edn_add(&worker->op.value, "}]");
    sw_op_invoke(worker);
    request = sw_op_request(worker, SWARM_SCAN);
    request.end_key = swarm_str(worker->end_key);
    request.limit = (uint32_t)range->limit;
    request.flags =
        (range->reverse ? SWARM_REVERSE : 0U) | (range->keys_only ? SWARM_KEYS_ONLY : 0U);
    status = sw_op_call(worker, &request, &result);
    if (status == SWARM_OK) {
        print_page(worker, partition, range, result);
        sw_op_end(worker, SW_END_OK, NULL);
    } else {
        sw_op_end_read(worker, status);
    }
    swarm_result_free(result);
    return status == SWARM_OK;
}

static void scan_some(struct sw_worker *worker, uint64_t partition)
{
    struct sw_dice *dice = &worker->dice;
    struct range range = {.from = sw_dice_below(dice, KEYS)};

    range.to = range.from + 1 + sw_dice_below(dice, KEYS - range.from);
    if (sw_dice_percent(dice, 30)) {
        range = (struct range){.to = KEYS};
    }
    range.limit = sw_dice_percent(dice, 50) ? 1 + sw_dice_below(dice, LIMIT_MAX) : 0;
    range.reverse = sw_dice_percent(dice, 30);
    range.keys_only = sw_dice_percent(dice, 20);
    (void)scan(worker, partition, &range);
}

static void step(struct sw_worker *worker, void *state)
{
    const uint64_t partition = sw_dice_below(&worker->dice, worker->run->options.keys);
    const uint64_t key = sw_dice_below(&worker->dice, KEYS);
    const uint64_t dice = sw_dice_below(&worker->dice, 100);

    (void)state;
    sw_op_place(worker, "q", partition);
    if (dice < 45) {
        put(worker, partition, key);
    } else if (dice < 70) {
        remove_key(worker, partition, key);
    } else {
        scan_some(worker, partition);
    }
}

static bool last(struct sw_worker *worker, void *state, uint64_t key)
{
    (void)state;
    sw_op_place(worker, "q", key);
    return scan(worker, key, &(struct range){.to = KEYS});
}

const struct sw_workload sw_workload_scan = {
    .name = "scan",
    .claim = "each page of a scan is the state of its partition at its revision, in order, within "
             "its range and limit",
    .step = step,
    .last = last,
};
