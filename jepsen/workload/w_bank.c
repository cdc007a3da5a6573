/* bank: money moves between the accounts of a branch, and none is made or lost.
 *
 * An even branch is one key, changed by compare-and-set; an odd one is a key an account, changed by
 * transactions that compare the revisions of both (bank_accounts.c). */
#include <inttypes.h>
#include <string.h>

#include "jepsen/workload/bank.h"
#include "jepsen/workload/value.h"
#include "jepsen/workload/workload.h"

enum { AMOUNT_MAX = 5, READ_PERCENT = 40, FIELDS = SW_BANK_ACCOUNTS + 1 };

/* A branch that nobody has written holds the opening balances. */
static bool parse(const struct swarm_record *record, uint64_t ret_balances[SW_BANK_ACCOUNTS])
{
    uint64_t fields[FIELDS];
    uint32_t count = 0;

    for (int i = 0; i < SW_BANK_ACCOUNTS; i++) {
        ret_balances[i] = SW_BANK_OPENING;
    }
    if (record == NULL) {
        return true;
    }
    if (!sw_value_numbers(record->value, ',', fields, FIELDS, &count) || count != FIELDS) {
        return false;
    }
    memcpy(ret_balances, fields, SW_BANK_ACCOUNTS * sizeof *ret_balances);
    return true;
}

static enum sw_change move(void *arg, const struct swarm_record *old, struct sw_edn *new_value)
{
    const struct sw_transfer *transfer = arg;
    uint64_t balances[SW_BANK_ACCOUNTS];

    if (!parse(old, balances)) {
        return SW_CHANGE_CORRUPT;
    }
    if (balances[transfer->from] < transfer->amount) {
        return SW_CHANGE_REFUSED;
    }
    balances[transfer->from] -= transfer->amount;
    balances[transfer->to] += transfer->amount;
    for (int i = 0; i < SW_BANK_ACCOUNTS; i++) {
        sw_edn_add(new_value, "%" PRIu64 ",", balances[i]);
    }
    sw_edn_add(new_value, "%" PRIu64 ",", transfer->unique);
    return SW_CHANGE_WRITE;
}

static void transfer_some(struct sw_worker *worker, uint64_t branch)
{
    struct sw_transfer transfer = {.branch = branch,
                                   .from = sw_dice_below(&worker->dice, SW_BANK_ACCOUNTS),
                                   .amount = 1 + sw_dice_below(&worker->dice, AMOUNT_MAX),
                                   .unique = sw_worker_unique(worker)};
    struct sw_updated updated;

    transfer.to =
        (transfer.from + 1 + sw_dice_below(&worker->dice, SW_BANK_ACCOUNTS - 1)) % SW_BANK_ACCOUNTS;
    sw_op_begin(worker, "transfer");
    sw_op_value(worker,
                "[%" PRIu64 " {:from %" PRIu64 ", :to %" PRIu64 ", :amount %" PRIu64 "}]",
                branch,
                transfer.from,
                transfer.to,
                transfer.amount);
    sw_op_invoke(worker);
    updated = branch % 2 == 0 ? sw_update(worker, move, &transfer)
                              : sw_bank_move_accounts(worker, &transfer);
    sw_op_extra(worker, ", :tries %" PRIu32, updated.tries);
    if (sw_update_succeeded(worker, &updated, "INSUFFICIENT")) {
        if (updated.change == SW_CHANGE_CORRUPT) {
            sw_op_value(worker, "[%" PRIu64 " :corrupt]", branch);
        }
        sw_op_end(worker, SW_END_OK, NULL);
    }
}

static enum sw_bank_found
read_one_key(struct sw_worker *worker, uint64_t ret_balances[], enum swarm_status *ret_status)
{
    struct swarm_request request = sw_op_request(worker, SWARM_GET);
    struct swarm_result *result = NULL;
    enum sw_bank_found found = SW_BANK_MISSING;

    *ret_status = sw_op_call(worker, &request, &result);
    if (*ret_status == SWARM_OK) {
        found = parse(&result->records[0], ret_balances) ? SW_BANK_FOUND : SW_BANK_CORRUPT;
    } else if (*ret_status == SWARM_NOT_FOUND) {
        *ret_status = SWARM_OK;
    }
    swarm_result_free(result);
    return found;
}

static void print_branch(struct sw_worker *worker,
                         uint64_t branch,
                         enum sw_bank_found found,
                         const uint64_t balances[])
{
    struct sw_edn *out = &worker->op.value;

    sw_op_value(worker, "[%" PRIu64 " ", branch);
    if (found == SW_BANK_FOUND) {
        for (int i = 0; i < SW_BANK_ACCOUNTS; i++) {
            sw_edn_add(out, "%s%d %" PRIu64, i == 0 ? "{" : ", ", i, balances[i]);
        }
        sw_edn_add(out, "}]");
    } else {
        sw_edn_add(out, "%s]", found == SW_BANK_MISSING ? "nil" : ":corrupt");
    }
}

static bool read_branch(struct sw_worker *worker, uint64_t branch)
{
    uint64_t balances[SW_BANK_ACCOUNTS];
    enum sw_bank_found found;
    enum swarm_status status;

    sw_op_begin(worker, "read");
    sw_op_value(worker, "[%" PRIu64 " nil]", branch);
    sw_op_invoke(worker);
    if (branch % 2 == 0) {
        found = read_one_key(worker, balances, &status);
    } else {
        found = sw_bank_read_accounts(worker, branch, balances, &status);
    }
    if (status == SWARM_OK) {
        print_branch(worker, branch, found, balances);
        sw_op_end(worker, SW_END_OK, NULL);
    } else {
        sw_op_end_read(worker, status);
    }
    return status == SWARM_OK;
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
