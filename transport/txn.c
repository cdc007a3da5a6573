/* Codec and rules of transactions and key lists. */
#include "transport/txn.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"

/* --- codec ------------------------------------------------------------------------------------ */

void sw_compare_encode(const struct sw_compare *compare, struct sw_buf *out)
{
    sw_write_u8(out, (uint8_t)compare->target);
    sw_write_u8(out, (uint8_t)compare->relation);
    sw_write_short(out, compare->key);
    if (compare->target == SW_COMPARE_VALUE) {
        sw_write_blob(out, compare->value);
    } else {
        sw_write_u64(out, compare->number);
    }
}

static void read_compare(struct sw_reader *in, struct sw_compare *out)
{
    *out = (struct sw_compare){.target = (enum sw_compare_target)sw_read_u8(in),
                               .relation = (enum sw_relation)sw_read_u8(in)};
    if (out->target == 0 || out->target >= SW_COMPARE_TARGET_COUNT || out->relation == 0 ||
        out->relation >= SW_RELATION_COUNT) {
        sw_reader_fail(in);
    }
    out->key = sw_read_short(in);
    if (out->target == SW_COMPARE_VALUE) {
        out->value = sw_read_blob(in, SW_MESSAGE_SIZE_MAX);
    } else {
        out->number = sw_read_u64(in);
    }
}

void sw_txn_op_encode(const struct sw_txn_op *op, struct sw_buf *out)
{
    sw_write_u8(out, (uint8_t)op->kind);
    sw_write_u8(out, (uint8_t)op->flags);
    sw_write_short(out, op->key);
    if (op->kind == SW_TXN_MERGE) {
        sw_write_u8(out, (uint8_t)op->merge);
    }
    if ((op->flags & SW_TXN_LEASE) != 0) {
        sw_write_u64(out, op->lease);
    }
    if (op->kind == SW_TXN_MERGE || op->kind == SW_TXN_PUT) {
        sw_write_blob(out, op->value);
    }
}

static void read_op(struct sw_reader *in, struct sw_txn_op *out)
{
    *out = (struct sw_txn_op){.kind = (enum sw_txn_kind)sw_read_u8(in), .flags = sw_read_u8(in)};
    if (out->kind == 0 || out->kind >= SW_TXN_KIND_COUNT) {
        sw_reader_fail(in);
    }
    out->key = sw_read_short(in);
    if (out->kind == SW_TXN_MERGE) {
        out->merge = (enum sw_merge)sw_read_u8(in);
    }
    if ((out->flags & SW_TXN_LEASE) != 0) {
        out->lease = sw_read_u64(in);
    }
    if (out->kind == SW_TXN_MERGE || out->kind == SW_TXN_PUT) {
        out->value = sw_read_blob(in, SW_MESSAGE_SIZE_MAX);
    }
}

void sw_txn_header_encode(uint32_t compare_count,
                          uint32_t then_count,
                          uint32_t else_count,
                          struct sw_buf *out)
{
    SW_ASSERT(compare_count <= UINT16_MAX);
    SW_ASSERT(then_count <= UINT16_MAX);
    SW_ASSERT(else_count <= UINT16_MAX);
    sw_write_u16(out, (uint16_t)compare_count);
    sw_write_u16(out, (uint16_t)then_count);
    sw_write_u16(out, (uint16_t)else_count);
}

void sw_txn_encode(const struct sw_txn *txn, struct sw_buf *out)
{
    sw_txn_header_encode(txn->compare_count,
                         txn->branches[SW_TXN_THEN].count,
                         txn->branches[SW_TXN_ELSE].count,
                         out);
    for (uint32_t i = 0; i < txn->compare_count; i++) {
        sw_compare_encode(&txn->compares[i], out);
    }
    for (int branch = 0; branch < SW_TXN_BRANCH_COUNT; branch++) {
        for (uint32_t i = 0; i < txn->branches[branch].count; i++) {
            sw_txn_op_encode(&txn->branches[branch].ops[i], out);
        }
    }
}

enum sw_err sw_txn_decode(struct sw_span bytes, struct sw_txn *ret_txn)
{
    struct sw_reader in = sw_reader_of(bytes);

    ret_txn->compare_count = sw_read_u16(&in);
    ret_txn->branches[SW_TXN_THEN].count = sw_read_u16(&in);
    ret_txn->branches[SW_TXN_ELSE].count = sw_read_u16(&in);
    if (ret_txn->compare_count > SW_TXN_COMPARE_COUNT_MAX ||
        ret_txn->branches[SW_TXN_THEN].count > SW_TXN_OP_COUNT_MAX ||
        ret_txn->branches[SW_TXN_ELSE].count > SW_TXN_OP_COUNT_MAX) {
        return SW_ERR_TOO_LARGE;
    }
    for (uint32_t i = 0; i < ret_txn->compare_count && !in.failed; i++) {
        read_compare(&in, &ret_txn->compares[i]);
    }
    for (int branch = 0; branch < SW_TXN_BRANCH_COUNT; branch++) {
        for (uint32_t i = 0; i < ret_txn->branches[branch].count && !in.failed; i++) {
            read_op(&in, &ret_txn->branches[branch].ops[i]);
        }
    }
    return sw_reader_finish(&in);
}

static bool writes(const struct sw_txn_op *op)
{
    return op->kind != SW_TXN_GET;
}

bool sw_txn_reads_only(const struct sw_txn *txn)
{
    for (int branch = 0; branch < SW_TXN_BRANCH_COUNT; branch++) {
        for (uint32_t i = 0; i < txn->branches[branch].count; i++) {
            if (writes(&txn->branches[branch].ops[i])) {
                return false;
            }
        }
    }
    return true;
}

/* --- rules ------------------------------------------------------------------------------------ */

static const char *const branch_names[SW_TXN_BRANCH_COUNT] = {"then", "else"};

static enum sw_err check_key(struct sw_span key, const char *whose, uint32_t at, char *ret_why)
{
    /* The analyzer does not see that a reader which did not fail has filled every operation.
     * NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult) */
    if (key.size == 0) {
        snprintf(ret_why, SW_WHY_SIZE, "%s %u names no key", whose, (unsigned)at + 1);
        return SW_ERR_INVALID;
    }
    if (key.size > SW_KEY_SIZE_MAX) {
        snprintf(ret_why,
                 SW_WHY_SIZE,
                 "the key of %s %u is %zu bytes, the limit is %d bytes",
                 whose,
                 (unsigned)at + 1,
                 key.size,
                 SW_KEY_SIZE_MAX);
        return SW_ERR_TOO_LARGE;
    }
    return SW_ERR_OK;
}

static enum sw_err
check_op(const struct sw_txn_op *op, const char *whose, uint32_t at, char *ret_why)
{
    char reason[SW_WHY_SIZE - 32] = "";
    enum sw_err err;

    err = check_key(op->key, whose, at, ret_why);
    if (err != SW_ERR_OK) {
        return err;
    }
    if ((op->flags & ~(uint32_t)SW_TXN_FLAGS_ALL) != 0 || (!writes(op) && op->flags != 0) ||
        (op->kind != SW_TXN_PUT && (op->flags & SW_TXN_LEASE) != 0)) {
        snprintf(ret_why,
                 SW_WHY_SIZE,
                 "%s operation %u has flags 0x%x that it may not have",
                 whose,
                 (unsigned)at + 1,
                 (unsigned)op->flags);
        return SW_ERR_INVALID;
    }
    if ((op->flags & SW_TXN_LEASE) != 0 && op->lease == 0) {
        snprintf(ret_why, SW_WHY_SIZE, "%s operation %u names lease 0", whose, (unsigned)at + 1);
        return SW_ERR_INVALID;
    }
    if (op->kind == SW_TXN_MERGE) {
        err = sw_merge_check(op->merge, op->value, ret_why);
        if (err != SW_ERR_OK) {
            snprintf(reason, sizeof reason, "%.120s", ret_why);
            snprintf(ret_why, SW_WHY_SIZE, "%s operation %u: %s", whose, (unsigned)at + 1, reason);
        }
    }
    return err;
}

static int key_order(const void *a, const void *b)
{
    return sw_span_compare(*(const struct sw_span *)a, *(const struct sw_span *)b);
}

static enum sw_err
check_written_once(const struct sw_txn_branch *branch, const char *whose, char *ret_why)
{
    struct sw_span keys[SW_TXN_OP_COUNT_MAX];
    uint32_t count = 0;

    for (uint32_t i = 0; i < branch->count; i++) {
        if (writes(&branch->ops[i])) {
            keys[count++] = branch->ops[i].key;
        }
    }
    if (count > 1) {
        qsort(keys, count, sizeof keys[0], key_order);
    }
    for (uint32_t i = 1; i < count; i++) {
        if (sw_span_equal(keys[i - 1], keys[i])) {
            snprintf(ret_why, SW_WHY_SIZE, "the %s operations write one key twice", whose);
            return SW_ERR_INVALID;
        }
    }
    return SW_ERR_OK;
}

static enum sw_err check_txn(const struct sw_txn *txn, char *ret_why)
{
    enum sw_err err = SW_ERR_OK;

    for (uint32_t i = 0; i < txn->compare_count && err == SW_ERR_OK; i++) {
        err = check_key(txn->compares[i].key, "compare", i, ret_why);
    }
    for (int at = 0; at < SW_TXN_BRANCH_COUNT && err == SW_ERR_OK; at++) {
        const struct sw_txn_branch *branch = &txn->branches[at];

        for (uint32_t i = 0; i < branch->count && err == SW_ERR_OK; i++) {
            err = check_op(&branch->ops[i], branch_names[at], i, ret_why);
        }
        if (err == SW_ERR_OK) {
            err = check_written_once(branch, branch_names[at], ret_why);
        }
    }
    return err;
}

enum sw_err sw_txn_validate(struct sw_span bytes, char ret_why[SW_WHY_SIZE])
{
    struct sw_txn txn;
    const enum sw_err err = sw_txn_decode(bytes, &txn);

    if (err == SW_ERR_TOO_LARGE) {
        snprintf(ret_why,
                 SW_WHY_SIZE,
                 "a transaction has at most %d compares and %d operations in each branch",
                 SW_TXN_COMPARE_COUNT_MAX,
                 SW_TXN_OP_COUNT_MAX);
        return err;
    }
    if (err != SW_ERR_OK) {
        snprintf(ret_why, SW_WHY_SIZE, "the transaction does not decode");
        return SW_ERR_INVALID;
    }
    if (txn.compare_count + txn.branches[SW_TXN_THEN].count + txn.branches[SW_TXN_ELSE].count ==
        0) {
        snprintf(ret_why, SW_WHY_SIZE, "the transaction is empty");
        return SW_ERR_INVALID;
    }
    return check_txn(&txn, ret_why);
}

/* --- lists of keys ---------------------------------------------------------------------------- */

void sw_keys_encode(const struct sw_span *keys, uint32_t count, struct sw_buf *out)
{
    for (uint32_t i = 0; i < count; i++) {
        sw_write_short(out, keys[i]);
    }
}

struct sw_span sw_keys_next(struct sw_reader *in)
{
    return sw_read_short(in);
}

enum sw_err sw_keys_validate(struct sw_span bytes, char ret_why[SW_WHY_SIZE])
{
    struct sw_reader in = sw_reader_of(bytes);
    enum sw_err err = SW_ERR_OK;
    uint32_t count = 0;

    while (sw_reader_left(&in) > 0 && !in.failed && err == SW_ERR_OK) {
        err = check_key(sw_keys_next(&in), "key", count, ret_why);
        count++;
        if (err == SW_ERR_OK && count > SW_SCAN_COUNT_MAX) {
            snprintf(ret_why, SW_WHY_SIZE, "one request reads at most %d keys", SW_SCAN_COUNT_MAX);
            err = SW_ERR_TOO_LARGE;
        }
    }
    if (in.failed || count == 0) {
        snprintf(ret_why, SW_WHY_SIZE, "the list of keys does not decode");
        return SW_ERR_INVALID;
    }
    return err;
}
