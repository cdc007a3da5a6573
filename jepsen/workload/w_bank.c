/* bank: money moves between the accounts of a branch, and none is made or lost. */
#include <inttypes.h>
#include <string.h>

#include "jepsen/workload/update.h"
#include "jepsen/workload/value.h"
#include "jepsen/workload/workload.h"

enum { ACCOUNTS = 8, OPENING = 100, AMOUNT_MAX = 5, READ_PERCENT = 40, FIELDS = ACCOUNTS + 1 };

/* A branch that nobody has written holds the opening balances. */
static bool parse(const struct swarm_record *record, uint64_t ret_balances[ACCOUNTS])
{
    uint64_t fields[FIELDS];
    uint32_t count = 0;

    for (int i = 0; i < ACCOUNTS; i++) {
        ret_balances[i] = OPENING;
    }
    if (record == NULL) {
        return true;
    }
    if (!sw_value_numbers(record->value, ',', fields, FIELDS, &count) || count != FIELDS) {
        return false;
    }
    memcpy(ret_balances, fields, ACCOUNTS * sizeof *ret_balances);
    return true;
}

struct transfer {
    uint64_t from, to, amount, unique;
};

static enum sw_change move(void *arg, const struct swarm_record *old, struct sw_edn *new_value)
{
    const struct transfer *transfer = arg;
    uint64_t balances[ACCOUNTS];

    if (!parse(old, balances)) {
        return SW_CHANGE_CORRUPT;
    }
    if (balances[transfer->from] < transfer->amount) {
        return SW_CHANGE_REFUSED;
    }
    balances[transfer->from] -= transfer->amount;
    balances[transfer->to] += transfer->amount;
    for (int i = 0; i < ACCOUNTS; i++) {
        sw_edn_add(new_value, "%" PRIu64 ",", balances[i]);
    }
    sw_edn_add(new_value, "%" PRIu64 ",", transfer->unique);
    return SW_CHANGE_WRITE;
}

static void transfer_some(struct sw_worker *worker, uint64_t branch)
{
    struct transfer transfer = {.from = sw_dice_below(&worker->dice, ACCOUNTS),
                                .amount = 1 + sw_dice_below(&worker->dice, AMOUNT_MAX),
                                .unique = sw_worker_unique(worker)};
    struct sw_updated updated;

    transfer.to = (transfer.from + 1 + sw_dice_below(&worker->dice, ACCOUNTS - 1)) % ACCOUNTS;
    sw_op_begin(worker, "transfer");
    sw_op_value(worker,
                "[%" PRIu64 " {:from %" PRIu64 ", :to %" PRIu64 ", :amount %" PRIu64 "}]",
                branch,
                transfer.from,
                transfer.to,
                transfer.amount);
    sw_op_invoke(worker);
    updated = sw_update(worker, move, &transfer);
    sw_op_extra(worker, ", :tries %" PRIu32, updated.tries);
    if (sw_update_succeeded(worker, &updated, "INSUFFICIENT")) {
        if (updated.change == SW_CHANGE_CORRUPT) {
            sw_op_value(worker, "[%" PRIu64 " :corrupt]", branch);
        }
        sw_op_end(worker, SW_END_OK, NULL);
    }
}

static void
print_branch(struct sw_worker *worker, uint64_t branch, const struct swarm_record *record)
{
    struct sw_edn *out = &worker->op.value;
    uint64_t balances[ACCOUNTS];

    if (record == NULL) {
        sw_op_value(worker, "[%" PRIu64 " nil]", branch);
    } else if (!parse(record, balances)) {
        sw_op_value(worker, "[%" PRIu64 " :corrupt]", branch);
    } else {
        sw_op_value(worker, "[%" PRIu64 " {", branch);
        for (int i = 0; i < ACCOUNTS; i++) {
            sw_edn_add(out, "%s%d %" PRIu64, i == 0 ? "" : ", ", i, balances[i]);
        }
        sw_edn_add(out, "}]");
    }
}

static bool read_branch(struct sw_worker *worker, uint64_t branch)
{
    struct swarm_result *result = NULL;
    struct swarm_request request;
    enum swarm_status status;
    bool done;

    sw_op_begin(worker, "read");
    sw_op_value(worker, "[%" PRIu64 " nil]", branch);
    sw_op_invoke(worker);
    request = sw_op_request(worker, SWARM_GET);
    status = sw_op_call(worker, &request, &result);
    done = status == SWARM_OK || status == SWARM_NOT_FOUND;
    if (done) {
        print_branch(worker, branch, status == SWARM_OK ? &result->records[0] : NULL);
        sw_op_end(worker, SW_END_OK, NULL);
    } else {
        sw_op_end_read(worker, status);
    }
    swarm_result_free(result);
    return done;
}

static void place(struct sw_worker *worker, uint64_t branch)
{
    sw_op_place(worker, "b", 0);
    sw_op_key(worker, "k", branch);
}

static void step(struct sw_worker *worker, void *state)
{
    const uint64_t branch = sw_dice_below(&worker->dice, worker->run->options.keys);

    (void)state;
    place(worker, branch);
    if (sw_dice_percent(&worker->dice, READ_PERCENT)) {
        (void)read_branch(worker, branch);
    } else {
        transfer_some(worker, branch);
    }
}

static bool last(struct sw_worker *worker, void *state, uint64_t key)
{
    (void)state;
    place(worker, key);
    return read_branch(worker, key);
}

const struct sw_workload sw_workload_bank = {
    .name = "bank",
    .claim = "the total of a branch is the same in every read, no account is below zero, and reads "
             "never go back in time",
    .step = step,
    .last = last,
};
