/* Any text as a transaction of people: refused with its line, or a transaction that reads back from
 * text in the one plain form, and that the node understands as the same. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "client/pack.h"
#include "tools/txn_text.h"
#include "transport/txn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void print(struct sw_buf *out, const char *text)
{
    sw_write_bytes(out, sw_span_str(text));
}

static void print_number(struct sw_buf *out, uint64_t number)
{
    char text[24];

    (void)snprintf(text, sizeof text, "%" PRIu64, number);
    print(out, text);
}

static void print_word(struct sw_buf *out, struct swarm_slice word)
{
    const uint8_t *bytes = word.data;
    char hex[5];

    print(out, "\"");
    for (size_t i = 0; i < word.size; i++) {
        (void)snprintf(hex, sizeof hex, "\\x%02x", (unsigned)bytes[i]);
        print(out, hex);
    }
    print(out, "\"");
}

static void print_compare(struct sw_buf *out, const struct swarm_compare *compare)
{
    static const char *const targets[] = {[SWARM_COMPARE_VERSION] = "version",
                                          [SWARM_COMPARE_MOD_REVISION] = "mod",
                                          [SWARM_COMPARE_CREATE_REVISION] = "create",
                                          [SWARM_COMPARE_VALUE] = "value",
                                          [SWARM_COMPARE_LEASE] = "lease"};
    static const char *const relations[] = {[SWARM_EQUAL] = "=",
                                            [SWARM_NOT_EQUAL] = "!=",
                                            [SWARM_LESS] = "<",
                                            [SWARM_LESS_EQUAL] = "<=",
                                            [SWARM_GREATER] = ">",
                                            [SWARM_GREATER_EQUAL] = ">="};

    print(out, targets[compare->target]);
    print(out, "(");
    print_word(out, compare->key);
    print(out, ")");
    print(out, relations[compare->relation]);
    if (compare->target == SWARM_COMPARE_VALUE) {
        print_word(out, compare->value);
    } else {
        print_number(out, compare->number);
    }
    print(out, "\n");
}

static void print_op(struct sw_buf *out, const struct swarm_txn_op *op)
{
    static const char *const kinds[] = {[SWARM_TXN_PUT] = "put ",
                                        [SWARM_TXN_GET] = "get ",
                                        [SWARM_TXN_DELETE] = "del ",
                                        [SWARM_TXN_MERGE] = "merge "};

    print(out, kinds[op->kind]);
    print_word(out, op->key);
    if (op->kind == SWARM_TXN_MERGE) {
        print(out, " ");
        print(out, sw_merge_name((enum sw_merge)op->merge));
    }
    if (op->kind == SWARM_TXN_MERGE || op->kind == SWARM_TXN_PUT) {
        print_word(out, op->value);
    }
    if (op->lease != 0) {
        print(out, " --lease ");
        print_number(out, op->lease);
    }
    print(out, (op->flags & SWARM_TXN_PREVIOUS) != 0 ? " --previous\n" : "\n");
}

static void print_txn(struct sw_buf *out, const struct swarm_txn *txn)
{
    for (size_t i = 0; i < txn->compare_count; i++) {
        print_compare(out, &txn->compares[i]);
    }
    print(out, "\n");
    for (size_t i = 0; i < txn->then_count; i++) {
        print_op(out, &txn->then_ops[i]);
    }
    print(out, "\n");
    for (size_t i = 0; i < txn->else_count; i++) {
        print_op(out, &txn->else_ops[i]);
    }
}

/* As it travels; false if it is one that cannot be encoded. */
static bool pack(const struct sw_txn_text *text, struct sw_buf *out)
{
    const struct swarm_request request = {
        .size = sizeof request, .op = SWARM_TXN, .txn = &text->txn};
    char why[SW_WHY_SIZE] = "";

    return sw_pack(&request, out, why) == SW_ERR_OK;
}

static bool same(struct swarm_slice text, struct sw_span decoded)
{
    return sw_span_equal(sw_span_of(text.data, text.size), decoded);
}

static void same_ops(const struct swarm_txn_op *ops, const struct sw_txn_branch *branch)
{
    for (uint32_t i = 0; i < branch->count; i++) {
        const struct sw_txn_op *op = &branch->ops[i];

        SW_ASSERT((int)ops[i].kind == (int)op->kind);
        SW_ASSERT(same(ops[i].key, op->key));
        SW_ASSERT(same(ops[i].value, op->value));
        SW_ASSERT(ops[i].lease == op->lease);
        SW_ASSERT((ops[i].flags & SWARM_TXN_PREVIOUS) == (op->flags & SW_TXN_PREVIOUS));
    }
}

/* What the node reads is what was written. */
static void same_txn(const struct swarm_txn *text, const struct sw_txn *decoded)
{
    SW_ASSERT(text->compare_count == decoded->compare_count);
    SW_ASSERT(text->then_count == decoded->branches[SW_TXN_THEN].count);
    SW_ASSERT(text->else_count == decoded->branches[SW_TXN_ELSE].count);
    for (uint32_t i = 0; i < decoded->compare_count; i++) {
        SW_ASSERT(same(text->compares[i].key, decoded->compares[i].key));
        SW_ASSERT(same(text->compares[i].value, decoded->compares[i].value));
        SW_ASSERT(text->compares[i].number == decoded->compares[i].number);
        SW_ASSERT((int)text->compares[i].relation == (int)decoded->compares[i].relation);
    }
    same_ops(text->then_ops, &decoded->branches[SW_TXN_THEN]);
    same_ops(text->else_ops, &decoded->branches[SW_TXN_ELSE]);
}

static void reads_back(const struct sw_txn_text *first)
{
    static struct sw_txn_text second;
    static struct sw_txn decoded;
    struct sw_buf text = {0};
    struct sw_buf packed = {0};
    struct sw_buf again = {0};
    char why[SW_WHY_SIZE] = "";
    enum sw_err err;

    print_txn(&text, &first->txn);
    err = sw_txn_text_parse((const char *)text.data, text.size, &second, why);
    SW_ASSERT(err == SW_ERR_OK);
    if (pack(first, &packed)) {
        SW_ASSERT(pack(&second, &again));
        SW_ASSERT(sw_span_equal(sw_buf_span(&packed), sw_buf_span(&again)));
        err = sw_txn_decode(sw_buf_span(&packed), &decoded);
        SW_ASSERT(err == SW_ERR_OK);
        same_txn(&first->txn, &decoded);
        sw_buf_clear(&again);
        sw_txn_encode(&decoded, &again);
        SW_ASSERT(sw_span_equal(sw_buf_span(&packed), sw_buf_span(&again)));
    }
    sw_txn_text_release(&second);
    sw_buf_release(&text);
    sw_buf_release(&packed);
    sw_buf_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sw_txn_text txn;
    char why[SW_WHY_SIZE] = "";

    if (sw_txn_text_parse((const char *)data, size, &txn, why) == SW_ERR_OK) {
        reads_back(&txn);
    } else {
        SW_ASSERT(strncmp(why, "line ", 5) == 0);
    }
    sw_txn_text_release(&txn);
    return 0;
}
