/* A transaction as people write it: compares, an empty line, operations, an empty line, operations
 * for when a compare does not hold.
 *
 *     version("lock") = 0
 *     value(config) != "old"
 *
 *     put lock "me, until noon"
 *     merge visits add 1 --previous
 *     get config
 *
 *     get lock
 *
 * Compares: version, mod, create, lease (numbers), value (bytes), of a key, with = != < <= > >=.
 * Operations: put KEY VALUE, get KEY, del KEY, merge KEY OPERATOR OPERAND; --previous asks for the
 * record as it was, --lease LEASE gives a key that is put a lease. A word with blanks, parentheses
 * or other bytes stands in double quotes, with
 * \" \\ \n \t and \xNN. A line that begins with # is left out. Later parts may be missing. */
#ifndef SW_TOOLS_TXN_TEXT_H
#define SW_TOOLS_TXN_TEXT_H

#include <stddef.h>

#include "base/err.h"
#include "base/limits.h"
#include "client/include/swarm.h"

enum { SW_TXN_TEXT_THEN, SW_TXN_TEXT_ELSE, SW_TXN_TEXT_BRANCHES };

/* Large. Zeroed is empty. */
struct sw_txn_text {
    struct swarm_txn txn; /* points into this struct */
    struct swarm_compare compares[SW_TXN_COMPARE_COUNT_MAX];
    struct swarm_txn_op ops[SW_TXN_TEXT_BRANCHES][SW_TXN_OP_COUNT_MAX];
    char *bytes; /* owned: what the slices show */
};

/* INVALID or TOO_LARGE with a reason that names the line. Release it in any case. */
enum sw_err sw_txn_text_parse(const char *text,
                              size_t size,
                              struct sw_txn_text *ret_txn,
                              char ret_why[SW_WHY_SIZE]) SW_MUST_CHECK;
void sw_txn_text_release(struct sw_txn_text *txn); /* accepts a zeroed one */

#endif
