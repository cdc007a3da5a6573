/* list: transactions of appends and reads, for Elle.
 *
 * All operations of one transaction are on one key: get, apply, compare-and-set makes that atomic.
 */
#include <inttypes.h>

#include "jepsen/workload/update.h"
#include "jepsen/workload/value.h"
#include "jepsen/workload/workload.h"

enum { TRANSACTIONS_PER_KEY = 48, PARTS_MAX = 4, APPEND_PERCENT = 50, ELEMENTS_MAX = 4096 };

struct transaction {
    uint64_t key;
    uint64_t append[PARTS_MAX]; /* 0: a read */
    uint32_t count;
    struct sw_edn answer; /* of the last try */
};

static void print_list(struct sw_edn *out, const uint64_t *elements, uint32_t count)
{
    sw_edn_add(out, "[");
    for (uint32_t i = 0; i < count; i++) {
        sw_edn_add(out, "%s%" PRIu64, i == 0 ? "" : " ", elements[i]);
    }
    sw_edn_add(out, "]");
}

static void
print_part(struct transaction *transaction, uint32_t part, const uint64_t *elements, uint32_t count)
{
    struct sw_edn *out = &transaction->answer;
    const uint64_t key = transaction->key;

    sw_edn_add(out, "%s", part == 0 ? "[" : " ");
    if (transaction->append[part] != 0) {
        sw_edn_add(out, "[:append %" PRIu64 " %" PRIu64 "]", key, transaction->append[part]);
    } else if (count == 0) {
        sw_edn_add(out, "[:r %" PRIu64 " nil]", key);
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
        if (transaction->append[i] != 0) {
            elements[count++] = transaction->append[i];
            wrote = true;
        }
        print_part(transaction, i, elements, count);
    }
    for (uint32_t i = 0; i < count; i++) {
        sw_edn_add(new_value, "%" PRIu64 ",", elements[i]);
    }
    return wrote ? SW_CHANGE_WRITE : SW_CHANGE_NOTHING;
}

static bool transact(struct sw_worker *worker, struct transaction *transaction)
{
    struct sw_updated updated;
    bool done;

    for (uint32_t i = 0; i < transaction->count; i++) {
        print_part(transaction, i, NULL, 0);
    }
    sw_op_place(worker, "l", 0);
    sw_op_key(worker, "k", transaction->key);
    sw_op_begin(worker, "txn");
    sw_op_value(worker, "%s", sw_edn_text(&transaction->answer));
    sw_op_invoke(worker);
    updated = sw_update(worker, run, transaction);
    done = sw_update_succeeded(worker, &updated, "REFUSED");
    if (done) {
        if (updated.change == SW_CHANGE_CORRUPT) {
            sw_op_value(worker, "[[:r %" PRIu64 " [:corrupt]]]", transaction->key);
        } else {
            sw_op_value(worker, "%s", sw_edn_text(&transaction->answer));
        }
        sw_op_end(worker, SW_END_OK, NULL);
    }
    sw_edn_release(&transaction->answer);
    return done;
}

static void step(struct sw_worker *worker, void *state)
{
    struct transaction transaction = {
        .key = sw_worker_rolling_key(worker, TRANSACTIONS_PER_KEY),
        .count = 1 + (uint32_t)sw_dice_below(&worker->dice, PARTS_MAX),
    };

    (void)state;
    for (uint32_t i = 0; i < transaction.count; i++) {
        if (sw_dice_percent(&worker->dice, APPEND_PERCENT)) {
            transaction.append[i] = sw_worker_unique(worker);
        }
    }
    (void)transact(worker, &transaction);
}

static bool last(struct sw_worker *worker, void *state, uint64_t key)
{
    struct transaction transaction = {.key = key, .count = 1};

    (void)state;
    return transact(worker, &transaction);
}

const struct sw_workload sw_workload_list = {
    .name = "list",
    .claim = "transactions of appends and reads of lists are strictly serializable",
    .step = step,
    .last = last,
};
