/* Arrays of the public interface into bytes of the protocol. */
#include "client/pack.h"

#include <stdio.h>

#include "base/assert.h"
#include "client/pack_private.h"
#include "transport/txn.h"

static_assert((int)SWARM_COMPARE_VERSION == (int)SW_COMPARE_VERSION, "the protocol's");
static_assert((int)SWARM_COMPARE_VALUE == (int)SW_COMPARE_VALUE, "the protocol's");
static_assert((int)SWARM_COMPARE_LEASE == (int)SW_COMPARE_LEASE, "the protocol's");
static_assert((int)SWARM_EQUAL == (int)SW_RELATION_EQUAL, "the protocol's");
static_assert((int)SWARM_GREATER_EQUAL == (int)SW_RELATION_GREATER_EQUAL, "the protocol's");
static_assert((int)SWARM_MERGE_REPLACE == (int)SW_MERGE_REPLACE, "the protocol's");
static_assert((int)SWARM_MERGE_MIN == (int)SW_MERGE_MIN, "the protocol's");
static_assert((int)SWARM_TXN_PUT == (int)SW_TXN_PUT, "the protocol's");
static_assert((int)SWARM_TXN_MERGE == (int)SW_TXN_MERGE, "the protocol's");
static_assert((int)SWARM_TXN_PREVIOUS == (int)SW_TXN_PREVIOUS, "the protocol's");

static struct sw_span span_of(struct swarm_slice slice)
{
    return sw_span_of(slice.data, slice.size);
}

static enum sw_err too_many(const char *what, char *ret_why)
{
    (void)snprintf(ret_why, SW_WHY_SIZE, "too many %s: see `swarmctl limits`", what);
    return SW_ERR_TOO_LARGE;
}

static enum sw_err key_too_long(size_t size, char *ret_why)
{
    (void)snprintf(
        ret_why, SW_WHY_SIZE, "a key is %zu bytes, the limit is %d bytes", size, SW_KEY_SIZE_MAX);
    return SW_ERR_TOO_LARGE;
}

static enum sw_err pack_compares(const struct swarm_txn *txn, struct sw_buf *out, char *ret_why)
{
    for (size_t i = 0; i < txn->compare_count; i++) {
        const struct swarm_compare *from = &txn->compares[i];
        const struct sw_compare compare = {.target = (enum sw_compare_target)from->target,
                                           .relation = (enum sw_relation)from->relation,
                                           .key = span_of(from->key),
                                           .value = span_of(from->value),
                                           .number = from->number};

        if (from->key.size > SW_KEY_SIZE_MAX) {
            return key_too_long(from->key.size, ret_why);
        }
        sw_compare_encode(&compare, out);
    }
    return SW_ERR_OK;
}

static enum sw_err
pack_ops(const struct swarm_txn_op *ops, size_t count, struct sw_buf *out, char *ret_why)
{
    for (size_t i = 0; i < count; i++) {
        const struct swarm_txn_op *from = &ops[i];
        const struct sw_txn_op op = {.kind = (enum sw_txn_kind)from->kind,
                                     .flags = from->flags |
                                              (from->lease != 0 ? (uint32_t)SW_TXN_LEASE : 0),
                                     .lease = from->lease,
                                     .merge = (enum sw_merge)from->merge,
                                     .key = span_of(from->key),
                                     .value = span_of(from->value)};

        if (from->key.size > SW_KEY_SIZE_MAX) {
            return key_too_long(from->key.size, ret_why);
        }
        if ((from->flags & ~(uint32_t)SWARM_TXN_PREVIOUS) != 0) {
            (void)snprintf(ret_why, SW_WHY_SIZE, "an operation has flags that are not known");
            return SW_ERR_INVALID;
        }
        if (from->value.size > SW_VALUE_SIZE_MAX || out->size > SW_MESSAGE_SIZE_MAX) {
            return too_many("bytes in one transaction", ret_why);
        }
        sw_txn_op_encode(&op, out);
    }
    return SW_ERR_OK;
}

static enum sw_err pack_txn(const struct swarm_txn *txn, struct sw_buf *out, char *ret_why)
{
    enum sw_err err;

    if (txn == NULL) {
        (void)snprintf(ret_why, SW_WHY_SIZE, "request.txn is not set");
        return SW_ERR_INVALID;
    }
    if (txn->compare_count > SW_TXN_COMPARE_COUNT_MAX) {
        return too_many("compares", ret_why);
    }
    if (txn->then_count > SW_TXN_OP_COUNT_MAX || txn->else_count > SW_TXN_OP_COUNT_MAX) {
        return too_many("operations", ret_why);
    }
    sw_txn_header_encode(
        (uint32_t)txn->compare_count, (uint32_t)txn->then_count, (uint32_t)txn->else_count, out);
    err = pack_compares(txn, out, ret_why);
    if (err == SW_ERR_OK) {
        err = pack_ops(txn->then_ops, txn->then_count, out, ret_why);
    }
    return err == SW_ERR_OK ? pack_ops(txn->else_ops, txn->else_count, out, ret_why) : err;
}

static enum sw_err pack_keys(const struct swarm_request *request, struct sw_buf *out, char *ret_why)
{
    if (request->key_count > SW_SCAN_COUNT_MAX) {
        return too_many("keys", ret_why);
    }
    for (size_t i = 0; i < request->key_count; i++) {
        const struct sw_span key = span_of(request->keys[i]);

        if (key.size > SW_KEY_SIZE_MAX) {
            return key_too_long(key.size, ret_why);
        }
        sw_keys_encode(&key, 1, out);
    }
    return SW_ERR_OK;
}

enum sw_err
sw_pack(const struct swarm_request *request, struct sw_buf *out, char ret_why[SW_WHY_SIZE])
{
    if (request->op == SWARM_TXN) {
        return pack_txn(request->txn, out, ret_why);
    }
    if (request->op == SWARM_MULTI_GET) {
        return pack_keys(request, out, ret_why);
    }
    if (request->op == SWARM_INDEX_CREATE) {
        return sw__pack_space(request->space, out, ret_why);
    }
    if (request->op == SWARM_VECTOR_PUT) {
        return sw__pack_item(request->item, out, ret_why);
    }
    if (request->op == SWARM_VECTOR_SEARCH) {
        return sw__pack_question(request->question, out, ret_why);
    }
    if (request->op == SWARM_WATCH && request->question != NULL) {
        return sw__pack_watch(request->question, out, ret_why);
    }
    return SW_ERR_OK;
}
