/* list: transactions of appends and reads, for Elle.
 *
 * All operations of one transaction are on one key: get, apply, compare-and-set makes that atomic.
 */
#include <inttypes.h>
#include <stdio.h>

#include "jepsen/workload/must.h"
#include "jepsen/workload/update.h"
#include "jepsen/workload/value.h"
#include "jepsen/workload/workload.h"

enum { TRANSACTIONS_PER_KEY = 48, PARTS_MAX = 4, APPEND_PERCENT = 50, ELEMENTS_MAX = 4096 };

struct part {
    uint64_t key;
    uint64_t append; /* 0: a read */
    char name[SW_PLACE_SIZE], operand[SW_PLACE_SIZE];
};

struct transaction {
    struct part parts[PARTS_MAX];
    uint32_t count;
    struct sw_edn answer; /* of the last try */
};

/* Keys whose transactions are of that key alone. */
static bool is_lone(uint64_t key)
{
    return key % 4 == 3;
}

static void print_list(struct sw_edn *out, const uint64_t *elements, uint32_t count)
{
    sw_edn_add(out, "[");
    for (uint32_t i = 0; i < count; i++) {
        sw_edn_add(out, "%s%" PRIu64, i == 0 ? "" : " ", elements[i]);
    }
    sw_edn_add(out, "]");
}

/* `elements` may be NULL for none; with a count, they came back damaged. */
static void
print_part(struct transaction *transaction, uint32_t part, const uint64_t *elements, uint32_t count)
{
    struct sw_edn *out = &transaction->answer;
    const uint64_t key = transaction->parts[part].key;
    const uint64_t append = transaction->parts[part].append;

    sw_edn_add(out, "%s", part == 0 ? "[" : " ");
    if (append != 0) {
        sw_edn_add(out, "[:append %" PRIu64 " %" PRIu64 "]", key, append);
    } else if (count == 0) {
        sw_edn_add(out, "[:r %" PRIu64 " nil]", key);
    } else if (elements == NULL) {
        sw_edn_add(out, "[:r %" PRIu64 " [:corrupt]]", key);
    } else {
        sw_edn_add(out, "[:r %" PRIu64 " ", key);
        print_list(out, elements, count);
        sw_edn_add(out, "]");
    }
    sw_edn_add(out, "%s", part + 1 == transaction->count ? "]" : "");
}

static enum sw_change run(void *arg, const struct swarm_record *old, struct sw_edn *new_value)
{
    struct transaction *transaction = arg;
    uint64_t elements[ELEMENTS_MAX + PARTS_MAX];
    uint32_t count = 0;
    bool wrote = false;

    if (old != NULL && !sw_value_numbers(old->value, ',', elements, ELEMENTS_MAX, &count)) {
        return SW_CHANGE_CORRUPT;
    }
    sw_edn_clear(&transaction->answer);
    for (uint32_t i = 0; i < transaction->count; i++) {
        if (transaction->parts[i].append != 0) {
            elements[count++] = transaction->parts[i].append;
            wrote = true;
        }
        print_part(transaction, i, elements, count);
    }
    for (uint32_t i = 0; i < count; i++) {
        sw_edn_add(new_value, "%" PRIu64 ",", elements[i]);
    }
    return wrote ? SW_CHANGE_WRITE : SW_CHANGE_NOTHING;
}

/* Get, apply, compare-and-set. */
static bool transact_lone(struct sw_worker *worker, struct transaction *transaction)
{
    const uint64_t key = transaction->parts[0].key;
    struct sw_updated updated;

    sw_op_key(worker, "k", key);
    updated = sw_update(worker, run, transaction);
    if (!sw_update_succeeded(worker, &updated, "REFUSED")) {
        return false;
    }
    if (updated.change == SW_CHANGE_CORRUPT) {
        sw_op_value(worker, "[[:r %" PRIu64 " [:corrupt]]]", key);
    } else {
        sw_op_value(worker, "%s", sw_edn_text(&transaction->answer));
    }
    sw_op_end(worker, SW_END_OK, NULL);
    return true;
}

static void print_answer(struct transaction *transaction, const struct swarm_result *result)
{
    uint64_t elements[ELEMENTS_MAX];

    sw_edn_clear(&transaction->answer);
    sw_must(result->record_count == transaction->count, "an operation without its record");
    for (uint32_t i = 0; i < transaction->count; i++) {
        const struct swarm_record *record = &result->records[i];
        uint32_t count = 0;

        if (sw_value_numbers(record->value, ',', elements, ELEMENTS_MAX, &count)) {
            print_part(transaction, i, elements, count);
        } else {
            print_part(transaction, i, NULL, 1);
        }
    }
}

/* The operations of a request point into `transaction`. Returns true if it writes. */
static bool make_ops(struct transaction *transaction, struct swarm_txn_op ops[PARTS_MAX])
{
    bool writes = false;

    for (uint32_t i = 0; i < transaction->count; i++) {
        struct part *part = &transaction->parts[i];

        (void)snprintf(part->name, sizeof part->name, "k%" PRIu64, part->key);
        (void)snprintf(part->operand, sizeof part->operand, "%" PRIu64 ",", part->append);
        ops[i] = (struct swarm_txn_op){.kind = SWARM_TXN_GET, .key = swarm_str(part->name)};
        if (part->append != 0) {
            ops[i].kind = SWARM_TXN_MERGE;
            ops[i].merge = SWARM_MERGE_APPEND;
            ops[i].value = swarm_str(part->operand);
            writes = true;
        }
    }
    return writes;
}

/* One request. Half of the transactions that only read are a list of keys instead. */
static bool transact_many(struct sw_worker *worker, struct transaction *transaction)
{
    struct swarm_txn_op ops[PARTS_MAX];
    struct swarm_slice keys[PARTS_MAX];
    const struct swarm_txn txn = {.then_ops = ops, .then_count = transaction->count};
    const bool writes = make_ops(transaction, ops);
    struct swarm_request request = sw_op_request(worker, SWARM_TXN);
    struct swarm_result *result = NULL;
    enum swarm_status status;

    request.key = (struct swarm_slice){0};
    request.txn = &txn;
    if (!writes && sw_dice_percent(&worker->dice, 50)) {
        for (uint32_t i = 0; i < transaction->count; i++) {
            keys[i] = ops[i].key;
        }
        request.op = SWARM_MULTI_GET;
        request.keys = keys;
        request.key_count = transaction->count;
    }
    status = sw_op_call(worker, &request, &result);
    if (status == SWARM_OK) {
        print_answer(transaction, result);
        sw_op_value(worker, "%s", sw_edn_text(&transaction->answer));
        sw_op_end(worker, SW_END_OK, NULL);
    } else if (writes) {
        sw_op_end_write(worker, status);
    } else {
        sw_op_end_read(worker, status);
    }
    swarm_result_free(result);
    return status == SWARM_OK;
}

static bool transact(struct sw_worker *worker, struct transaction *transaction)
{
    bool done;

    for (uint32_t i = 0; i < transaction->count; i++) {
        print_part(transaction, i, NULL, 0);
    }
    sw_op_place(worker, "l", 0);
    sw_op_begin(worker, "txn");
    sw_op_value(worker, "%s", sw_edn_text(&transaction->answer));
    sw_op_invoke(worker);
    if (is_lone(transaction->parts[0].key)) {
        done = transact_lone(worker, transaction);
    } else {
        done = transact_many(worker, transaction);
    }
    sw_edn_release(&transaction->answer);
    return done;
}

/* True if an earlier part appends to the key: one request writes each key at most once. */
static bool is_written(const struct transaction *transaction, uint64_t key)
{
    for (uint32_t i = 0; i < transaction->count; i++) {
        if (transaction->parts[i].append != 0 && transaction->parts[i].key == key) {
            return true;
        }
    }
    return false;
}

static void step(struct sw_worker *worker, void *state)
{
    const uint32_t count = 1 + (uint32_t)sw_dice_below(&worker->dice, PARTS_MAX);
    const uint64_t first = sw_worker_rolling_key(worker, TRANSACTIONS_PER_KEY);
    struct transaction transaction = {0};

    (void)state;
    while (transaction.count < count) {
        struct part *part = &transaction.parts[transaction.count];
        const uint64_t other = sw_worker_rolling_key(worker, TRANSACTIONS_PER_KEY);

        part->key = transaction.count == 0 || is_lone(first) || is_lone(other) ? first : other;
        if (sw_dice_percent(&worker->dice, APPEND_PERCENT) &&
            (is_lone(first) || !is_written(&transaction, part->key))) {
            part->append = sw_worker_unique(worker);
        }
        transaction.count++;
    }
    (void)transact(worker, &transaction);
}

static bool last(struct sw_worker *worker, void *state, uint64_t key)
{
    struct transaction transaction = {.parts = {{.key = key}}, .count = 1};

    (void)state;
    return transact(worker, &transaction);
}

const struct sw_workload sw_workload_list = {
    .name = "list",
    .claim = "transactions of appends and reads of lists are strictly serializable",
    .step = step,
    .last = last,
};
