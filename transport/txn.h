/* A transaction and a list of keys, as they travel in a request's value.
 *
 * A transaction is decided in apply, at one point of the log: if every compare holds, the then-ops
 * run, else the else-ops; all of the chosen ones or, if one of them cannot be done, none. Byte
 * tables are in docs/PROTOCOL.md. As in proto.h there is one encoding for each transaction, limits
 * are checked by sw_txn_validate on both sides, and whatever decodes re-encodes to the same bytes.
 * Pure. */
#ifndef SW_TRANSPORT_TXN_H
#define SW_TRANSPORT_TXN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"
#include "base/rw.h"
#include "transport/merge.h"

/* What of a key is compared. A key that does not exist has 0 in each number, and no value: no
 * compare of its value holds. Numbers are forever, here and below. */
enum sw_compare_target {
    SW_COMPARE_VERSION = 1, /* 0 = the key does not exist */
    SW_COMPARE_MOD_REVISION = 2,
    SW_COMPARE_CREATE_REVISION = 3,
    SW_COMPARE_VALUE = 4, /* bytewise, as keys are ordered */
    SW_COMPARE_LEASE = 5, /* with which the key ends; 0 = none. A lock's fencing token is one */
    SW_COMPARE_TARGET_COUNT
};

enum sw_relation {
    SW_RELATION_EQUAL = 1,
    SW_RELATION_NOT_EQUAL = 2,
    SW_RELATION_LESS = 3, /* what the key has is less than what the compare names */
    SW_RELATION_LESS_EQUAL = 4,
    SW_RELATION_GREATER = 5,
    SW_RELATION_GREATER_EQUAL = 6,
    SW_RELATION_COUNT
};

struct sw_compare {
    enum sw_compare_target target;
    enum sw_relation relation;
    struct sw_span key;
    struct sw_span value; /* of VALUE */
    uint64_t number;      /* of the others */
};

enum sw_txn_kind {
    SW_TXN_PUT = 1,
    SW_TXN_GET = 2, /* sees what the operations before it did */
    SW_TXN_DELETE = 3,
    SW_TXN_MERGE = 4,
    SW_TXN_KIND_COUNT
};

enum {
    SW_TXN_PREVIOUS = 1 << 0, /* the result is the record as it was, with its value */
    SW_TXN_LEASE = 1 << 1,    /* PUT: it has a lease */
    SW_TXN_FLAGS_ALL = (1 << 2) - 1,
};

struct sw_txn_op {
    enum sw_txn_kind kind;
    uint32_t flags;
    enum sw_merge merge; /* of MERGE */
    struct sw_span key;
    struct sw_span value; /* of PUT and MERGE */
    uint64_t lease;       /* of PUT with the flag: not 0. A MERGE keeps the key's lease */
};

enum { SW_TXN_THEN, SW_TXN_ELSE, SW_TXN_BRANCH_COUNT };

struct sw_txn_branch {
    uint32_t count;
    struct sw_txn_op ops[SW_TXN_OP_COUNT_MAX];
};

/* Large: a few tens of kilobytes, all of them views. */
struct sw_txn {
    uint32_t compare_count;
    struct sw_compare compares[SW_TXN_COMPARE_COUNT_MAX];
    struct sw_txn_branch branches[SW_TXN_BRANCH_COUNT];
};

void sw_compare_encode(const struct sw_compare *compare, struct sw_buf *out);
void sw_txn_op_encode(const struct sw_txn_op *op, struct sw_buf *out);
/* Counts first; then that many compares, then-ops and else-ops, each by the functions above. */
void sw_txn_header_encode(uint32_t compare_count,
                          uint32_t then_count,
                          uint32_t else_count,
                          struct sw_buf *out);
void sw_txn_encode(const struct sw_txn *txn, struct sw_buf *out);
/* TOO_LARGE: more compares or operations than a transaction may have. */
enum sw_err sw_txn_decode(struct sw_span bytes, struct sw_txn *ret_txn) SW_MUST_CHECK;
/* Decodes and checks everything that does not depend on the state: sizes, names, operands, and that
 * no branch writes a key twice, since one revision of a key is one value. */
enum sw_err sw_txn_validate(struct sw_span bytes, char ret_why[SW_WHY_SIZE]) SW_MUST_CHECK;
/* True if neither branch writes anything. */
bool sw_txn_reads_only(const struct sw_txn *txn);

/* The keys of a MULTI_GET, 1..SW_SCAN_COUNT_MAX, each u16 size and bytes. */
void sw_keys_encode(const struct sw_span *keys, uint32_t count, struct sw_buf *out);
/* The next one; empty with a failed reader if the bytes are none. */
struct sw_span sw_keys_next(struct sw_reader *in);
enum sw_err sw_keys_validate(struct sw_span bytes, char ret_why[SW_WHY_SIZE]) SW_MUST_CHECK;

#endif
