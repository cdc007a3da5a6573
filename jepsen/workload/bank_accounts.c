/* A branch as one key for each account: read together, changed by transactions. */
#include <inttypes.h>
#include <stdio.h>

#include "jepsen/workload/bank.h"
#include "jepsen/workload/must.h"
#include "jepsen/workload/value.h"

struct accounts {
    char names[SW_BANK_ACCOUNTS][SW_PLACE_SIZE];
    struct swarm_slice keys[SW_BANK_ACCOUNTS]; /* the names */
};

/* What a transfer has read of its two accounts. */
struct pair {
    struct swarm_slice keys[2];
    uint64_t balances[2];
    uint64_t mods[2];
};

static void name_accounts(struct accounts *accounts, uint64_t branch)
{
    for (int i = 0; i < SW_BANK_ACCOUNTS; i++) {
        (void)snprintf(accounts->names[i], SW_PLACE_SIZE, "k%" PRIu64 "a%d", branch, i);
        accounts->keys[i] = swarm_str(accounts->names[i]);
    }
}

/* "<balance>,<v>,"; an account that nobody has written holds the opening balance. */
static bool parse(const struct swarm_record *record, uint64_t *ret_balance)
{
    uint64_t fields[2];
    uint32_t count = 0;

    *ret_balance = SW_BANK_OPENING;
    if (record->version == 0) {
        return true;
    }
    if (!sw_value_numbers(record->value, ',', fields, 2, &count) || count != 2) {
        return false;
    }
    *ret_balance = fields[0];
    return true;
}

static struct swarm_request
list_of(struct sw_worker *worker, const struct swarm_slice *keys, size_t count)
{
    struct swarm_request request = sw_op_request(worker, SWARM_MULTI_GET);

    request.key = (struct swarm_slice){0};
    request.keys = keys;
    request.key_count = count;
    return request;
}

/* Puts both balances if neither account has changed since. */
static enum swarm_status
move_both(struct sw_worker *worker, const struct sw_transfer *transfer, const struct pair *pair)
{
    const uint64_t after[2] = {pair->balances[0] - transfer->amount,
                               pair->balances[1] + transfer->amount};
    char values[2][2 * SW_PLACE_SIZE];
    struct swarm_compare compares[2];
    struct swarm_txn_op ops[2];
    const struct swarm_txn txn = {
        .compares = compares, .compare_count = 2, .then_ops = ops, .then_count = 2};
    struct swarm_request request = sw_op_request(worker, SWARM_TXN);
    struct swarm_result *result = NULL;
    enum swarm_status status;

    for (int i = 0; i < 2; i++) {
        (void)snprintf(
            values[i], sizeof values[i], "%" PRIu64 ",%" PRIu64 ",", after[i], transfer->unique);
        compares[i] = (struct swarm_compare){.target = SWARM_COMPARE_MOD_REVISION,
                                             .relation = SWARM_EQUAL,
                                             .key = pair->keys[i],
                                             .number = pair->mods[i]};
        ops[i] = (struct swarm_txn_op){
            .kind = SWARM_TXN_PUT, .key = pair->keys[i], .value = swarm_str(values[i])};
    }
    request.key = (struct swarm_slice){0};
    request.txn = &txn;
    status = sw_op_call(worker, &request, &result);
    if (status == SWARM_OK && !result->succeeded) {
        status = SWARM_CONFLICT;
    }
    swarm_result_free(result);
    return status;
}

static enum sw_change judge(const struct swarm_result *result, uint64_t amount, struct pair *pair)
{
    sw_must(result->record_count == 2, "a list of keys without its records");
    for (int i = 0; i < 2; i++) {
        pair->mods[i] = result->records[i].mod_revision;
        if (!parse(&result->records[i], &pair->balances[i])) {
            return SW_CHANGE_CORRUPT;
        }
    }
    return pair->balances[0] < amount ? SW_CHANGE_REFUSED : SW_CHANGE_WRITE;
}

static void try_once(struct sw_worker *worker,
                     const struct sw_transfer *transfer,
                     const struct accounts *accounts,
                     struct sw_updated *updated)
{
    struct pair pair = {.keys = {accounts->keys[transfer->from], accounts->keys[transfer->to]}};
    struct swarm_request request = list_of(worker, pair.keys, 2);
    struct swarm_result *result = NULL;

    updated->change = SW_CHANGE_NOTHING;
    updated->status = sw_op_call(worker, &request, &result);
    if (updated->status == SWARM_OK) {
        updated->change = judge(result, transfer->amount, &pair);
    }
    swarm_result_free(result);
    if (updated->change == SW_CHANGE_WRITE) {
        updated->status = move_both(worker, transfer, &pair);
    }
}

struct sw_updated sw_bank_move_accounts(struct sw_worker *worker,
                                        const struct sw_transfer *transfer)
{
    struct sw_updated updated = {0};
    struct accounts accounts;

    name_accounts(&accounts, transfer->branch);
    do {
        updated.tries++;
        try_once(worker, transfer, &accounts, &updated);
    } while (updated.status == SWARM_CONFLICT && sw_op_time_left(worker));
    return updated;
}

enum sw_bank_found sw_bank_read_accounts(struct sw_worker *worker,
                                         uint64_t branch,
                                         uint64_t ret_balances[SW_BANK_ACCOUNTS],
                                         enum swarm_status *ret_status)
{
    enum sw_bank_found found = SW_BANK_MISSING;
    struct swarm_result *result = NULL;
    struct swarm_request request;
    struct accounts accounts;

    name_accounts(&accounts, branch);
    request = list_of(worker, accounts.keys, SW_BANK_ACCOUNTS);
    *ret_status = sw_op_call(worker, &request, &result);
    if (*ret_status == SWARM_OK) {
        sw_must(result->record_count == SW_BANK_ACCOUNTS, "a list of keys without its records");
        for (int i = 0; i < SW_BANK_ACCOUNTS && found != SW_BANK_CORRUPT; i++) {
            if (!parse(&result->records[i], &ret_balances[i])) {
                found = SW_BANK_CORRUPT;
            } else if (result->records[i].version != 0) {
                found = SW_BANK_FOUND;
            }
        }
    }
    swarm_result_free(result);
    return found;
}
