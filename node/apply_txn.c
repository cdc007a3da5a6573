/* A transaction: all compares, then the operations of one branch as a plan, then the plan.
 *
 * Planning reads the store and the writes planned so far, and answers; it writes nothing. So an
 * operation that cannot be done ends the transaction without a trace, and there is nothing to undo.
 * A branch writes a key at most once, hence the plan is a set of records, all of one revision. */
#include "base/assert.h"
#include "base/point.h"
#include "node/apply_private.h"
#include "transport/txn.h"

/* A write that will be done. Where the value was made by a merge it lies in the plan's `merged`,
 * which may move until all is planned. */
struct planned {
    struct sw_span key;
    struct sw_kv_record old; /* its value's bytes are not used */
    bool deletes;
    bool is_merged;
    size_t merged_at, merged_size;
    struct sw_kv_record record; /* as it will be */
};

struct plan {
    struct sw__apply *apply;
    struct sw_place place;
    uint64_t revision; /* of whatever is written */
    struct sw_command_result *result;
    struct planned writes[SW_TXN_OP_COUNT_MAX];
    uint32_t write_count;
    struct sw_buf merged; /* owned */
    size_t write_size;
};

/* --- compares --------------------------------------------------------------------------------- */

static bool holds(enum sw_relation relation, int order)
{
    switch (relation) {
    case SW_RELATION_EQUAL:
        return order == 0;
    case SW_RELATION_NOT_EQUAL:
        return order != 0;
    case SW_RELATION_LESS:
        return order < 0;
    case SW_RELATION_LESS_EQUAL:
        return order <= 0;
    case SW_RELATION_GREATER:
        return order > 0;
    case SW_RELATION_GREATER_EQUAL:
        return order >= 0;
    case SW_RELATION_COUNT:
        break;
    }
    return false;
}

static int number_order(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static bool compare_holds(const struct sw_compare *compare, const struct sw_kv_record *record)
{
    switch (compare->target) {
    case SW_COMPARE_VERSION:
        return holds(compare->relation, number_order(record->version, compare->number));
    case SW_COMPARE_MOD_REVISION:
        return holds(compare->relation, number_order(record->mod_revision, compare->number));
    case SW_COMPARE_CREATE_REVISION:
        return holds(compare->relation, number_order(record->create_revision, compare->number));
    case SW_COMPARE_LEASE:
        return SW_PLANTED(FENCE_NOT_COMPARED) ||
               holds(compare->relation, number_order(record->lease, compare->number));
    case SW_COMPARE_VALUE:
        return record->version > 0 &&
               holds(compare->relation, sw_span_compare(record->value, compare->value));
    case SW_COMPARE_TARGET_COUNT:
        break;
    }
    return false;
}

static enum sw_err
read_stored(const struct plan *plan, struct sw_span name, struct sw_kv_record *ret_record)
{
    struct sw_key key;

    sw_key_kv(&plan->place, name, &key);
    return sw__kv_get(plan->apply, &key, ret_record);
}

/* The number, from 1, of the first compare that does not hold; 0 if all do. */
static enum sw_err judge(const struct plan *plan, const struct sw_txn *txn, uint32_t *ret_failed)
{
    struct sw_kv_record record;

    *ret_failed = 0;
    for (uint32_t i = 0; i < txn->compare_count && *ret_failed == 0; i++) {
        const enum sw_err err = read_stored(plan, txn->compares[i].key, &record);

        if (err != SW_ERR_OK) {
            return err;
        }
        if (!compare_holds(&txn->compares[i], &record)) {
            *ret_failed = i + 1;
        }
    }
    return SW_ERR_OK;
}

/* Where a merged value lies now. */
static struct sw_span merged_value(const struct plan *plan, const struct planned *write)
{
    return write->merged_size == 0
               ? sw_span_of(NULL, 0)
               : sw_span_of(plan->merged.data + write->merged_at, write->merged_size);
}

/* --- planning --------------------------------------------------------------------------------- */

/* The key as the operations so far leave it. */
static enum sw_err
read_planned(const struct plan *plan, struct sw_span key, struct sw_kv_record *ret_record)
{
    for (uint32_t i = 0; i < plan->write_count; i++) {
        const struct planned *write = &plan->writes[i];

        if (!sw_span_equal(write->key, key)) {
            continue;
        }
        *ret_record = write->record;
        if (write->deletes) {
            *ret_record = (struct sw_kv_record){0};
        }
        if (write->is_merged) {
            ret_record->value = merged_value(plan, write);
        }
        return SW_ERR_OK;
    }
    return read_stored(plan, key, ret_record);
}

static void answer(struct plan *plan,
                   const struct sw_txn_op *op,
                   const struct sw_kv_record *record,
                   bool with_value)
{
    struct sw_kv_record shown = *record;

    if (!with_value) {
        shown.value = sw_span_of(NULL, 0);
    }
    sw__answer_record(plan->apply->state, op->key, &shown, plan->result);
}

static void
plan_delete(struct plan *plan, const struct sw_txn_op *op, const struct sw_kv_record *old)
{
    answer(plan, op, old, (op->flags & SW_TXN_PREVIOUS) != 0);
    if (old->version > 0) {
        plan->writes[plan->write_count++] =
            (struct planned){.key = op->key, .old = *old, .deletes = true};
    }
}

/* OK, or why it cannot be done. */
static enum sw_err
plan_write(struct plan *plan, const struct sw_txn_op *op, const struct sw_kv_record *old)
{
    struct planned write = {.key = op->key, .old = *old, .merged_at = plan->merged.size};
    uint64_t lease = op->lease;
    struct sw_span value = op->value;
    enum sw_err err;

    if (op->kind == SW_TXN_MERGE) {
        err = sw_merge_value(op->merge, old->version > 0, old->value, op->value, &plan->merged);
        if (err != SW_ERR_OK) {
            return err;
        }
        write.is_merged = true;
        lease = old->lease;
        write.merged_size = plan->merged.size - write.merged_at;
        value = merged_value(plan, &write);
    }
    plan->write_size += value.size;
    if (plan->write_size > SW_TXN_WRITE_SIZE_MAX) {
        return SW_ERR_TOO_LARGE;
    }
    write.record = sw__kv_next(plan->apply->state, old, plan->revision, value, lease);
    if ((op->flags & SW_TXN_PREVIOUS) != 0) {
        answer(plan, op, old, true);
    } else {
        answer(plan, op, &write.record, write.is_merged);
    }
    plan->writes[plan->write_count++] = write;
    return SW_ERR_OK;
}

/* The error returned is the store's; what is wrong with the operation goes to `ret_answer`. */
static enum sw_err plan_op(struct plan *plan, const struct sw_txn_op *op, enum sw_err *ret_answer)
{
    struct sw_kv_record now;
    enum sw_err err;

    err = read_planned(plan, op->key, &now);
    if (err != SW_ERR_OK) {
        return err;
    }
    switch (op->kind) {
    case SW_TXN_GET:
        answer(plan, op, &now, true);
        break;
    case SW_TXN_DELETE:
        plan_delete(plan, op, &now);
        break;
    case SW_TXN_PUT:
    case SW_TXN_MERGE:
        err = sw__lease_check(plan->apply, &plan->place, op->lease, plan->write_count, ret_answer);
        if (err == SW_ERR_OK && *ret_answer == SW_ERR_OK) {
            *ret_answer = plan_write(plan, op, &now);
        }
        break;
    case SW_TXN_KIND_COUNT:
        SW_ASSERT(false); /* does not decode */
    }
    if (*ret_answer == SW_ERR_OK && plan->result->records.size > SW_TXN_RESULT_SIZE_MAX) {
        *ret_answer = SW_ERR_TOO_LARGE;
    }
    return err;
}

/* Nothing is done, and nothing but the error is answered. */
static void give_up(struct plan *plan)
{
    struct sw_command_result *result = plan->result;

    plan->apply->state->answers.size -= result->records.size;
    result->records.size = 0;
    result->record_count = 0;
    plan->write_count = 0;
}

static enum sw_err plan_branch(struct plan *plan, const struct sw_txn_branch *branch)
{
    struct sw_command_result *result = plan->result;

    for (uint32_t i = 0; i < branch->count; i++) {
        const enum sw_err err = plan_op(plan, &branch->ops[i], &result->err);

        if (err != SW_ERR_OK) {
            return err;
        }
        if (result->err != SW_ERR_OK) {
            give_up(plan);
            result->value = i + 1;
            return SW_ERR_OK;
        }
    }
    return SW_ERR_OK;
}

/* Of all that it writes, together. */
static enum sw_err check_quota(struct plan *plan)
{
    struct sw__usage_change all = {0};
    enum sw_err err;

    for (uint32_t i = 0; i < plan->write_count; i++) {
        const struct planned *write = &plan->writes[i];
        const struct sw__usage_change change =
            write->deletes ? sw__usage_of_del(write->key, &write->old)
                           : sw__usage_of_put(write->key, &write->old, &write->record);

        all.keys += change.keys;
        all.bytes += change.bytes;
    }
    err = sw__quota_check(plan->apply, &plan->place, &all, plan->result);
    plan->write_count = plan->result->err == SW_ERR_OK ? plan->write_count : 0;
    return err;
}

/* --- execution -------------------------------------------------------------------------------- */

static enum sw_err execute(struct plan *plan)
{
    enum sw_err err = SW_ERR_OK;

    for (uint32_t i = 0; i < plan->write_count && err == SW_ERR_OK; i++) {
        struct planned *write = &plan->writes[i];

        if (write->is_merged) {
            write->record.value = merged_value(plan, write);
        }
        err = write->deletes
                  ? sw__kv_del(plan->apply, &plan->place, write->key, &write->old)
                  : sw__kv_put(plan->apply, &plan->place, write->key, &write->old, &write->record);
    }
    return err;
}

enum sw_err sw__apply_txn(struct sw__apply *apply,
                          const struct sw_request *request,
                          struct sw_command_result *result)
{
    struct sw_state *state = apply->state;
    struct plan plan;
    struct sw_txn txn;
    uint32_t failed = 0;
    enum sw_err err;

    plan.apply = apply;
    plan.place = sw__place_of(request);
    plan.revision = state->revision + 1;
    plan.result = result;
    plan.write_count = 0;
    plan.merged = (struct sw_buf){0};
    plan.write_size = 0;
    err = sw_txn_decode(request->value, &txn);
    SW_ASSERT(err == SW_ERR_OK); /* validated with its request */
    err = judge(&plan, &txn, &failed);
    if (err == SW_ERR_OK) {
        result->value = failed;
        err = plan_branch(&plan, &txn.branches[failed == 0 ? SW_TXN_THEN : SW_TXN_ELSE]);
    }
    if (err == SW_ERR_OK && result->err == SW_ERR_OK) {
        err = check_quota(&plan);
    }
    if (err == SW_ERR_OK) {
        state->revision += plan.write_count > 0 ? 1 : 0;
        result->revision = state->revision;
        err = execute(&plan);
    }
    sw_buf_release(&plan.merged);
    return err;
}
