/* What tenants use: keys, experiences and bytes, of each namespace and of the whole tenant.
 *
 * A row is a record of META: "usage" 0x00 tenant 0x00 namespace, the namespace empty for the whole
 * tenant:
 *
 * | offset | size | field                                                                      |
 * |--------|------|----------------------------------------------------------------------------|
 * | 0      | 1    | format: 1, or 2 since leases and vectors are counted                       |
 * | 1      | 8    | keys                                                                       |
 * | 9      | 8    | experiences                                                                |
 * | 17     | 8    | bytes: of keys' names and values, of experiences; format 2: of indexes     |
 * | 25     | 8    | format 2: leases                                                           |
 *
 * A row of nothing does not exist. META, because a delete must be accounted for on a full disk,
 * too. Rows are changed in memory while an entry runs and written at its end, so an entry of many
 * commands costs one record a namespace. The record "usage" says what is counted (enum
 * sw_usage_scope, one byte): the first entry of format 3 counts the keys and experiences that are
 * there, the first of format 4 the leases and indexes. The reserved tenant is not counted.
 *
 * What an index counts as is said beside its records: node/vectors.h. */
#ifndef SW_NODE_USAGE_H
#define SW_NODE_USAGE_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/ids.h"
#include "base/limits.h"
#include "base/rw.h"
#include "storage/keys.h"
#include "storage/store.h"

enum {
    SW_USAGE_FORMAT = 2,
    SW_USAGE_FORMAT_KEYS = 1,
    SW_USAGE_SIZE = 33,
    SW_USAGE_KEYS_SIZE = 25, /* format 1 */
};

/* What is counted. Rows are written in the format of the same number. */
enum sw_usage_scope {
    SW_USAGE_OF_NOTHING = 0,
    SW_USAGE_OF_KEYS = 1, /* and experiences */
    SW_USAGE_OF_ALL = 2,  /* leases and indexes, too */
};

static_assert((int)SW_USAGE_OF_KEYS == (int)SW_USAGE_FORMAT_KEYS, "one number says both");
static_assert((int)SW_USAGE_OF_ALL == (int)SW_USAGE_FORMAT, "one number says both");

struct sw_usage {
    uint64_t keys, experiences, bytes, leases;
};

struct sw_usage_row {
    char tenant[SW_TENANT_SIZE_MAX + 1];
    char name_space[SW_NAMESPACE_SIZE_MAX + 1]; /* "" = the whole tenant */
    struct sw_usage usage;
    bool stored; /* the store has a record of it */
};

/* The rows of the running entry, found by hash. */
struct sw_usages {
    struct sw_usage_row *rows; /* owned; in the order of first use */
    uint32_t count, capacity;
    uint32_t *slots; /* owned; places in `rows` plus 1, open addressing, at most half full */
    uint32_t slot_count;
    enum sw_usage_scope scope;
};

void sw_usages_release(struct sw_usages *usages); /* accepts a zeroed one; leaves it zeroed */
/* Forgets the rows. */
void sw_usages_clear(struct sw_usages *usages);
/* The row of a place, read from the store on first use. Borrowed until the next call. */
enum sw_err sw_usages_row(struct sw_usages *usages,
                          struct sw_store *store,
                          struct sw_group_id group,
                          struct sw_span tenant,
                          struct sw_span name_space,
                          struct sw_usage_row **ret_row) SW_MUST_CHECK;

void sw_usage_key(struct sw_group_id group,
                  struct sw_span tenant,
                  struct sw_span name_space,
                  struct sw_key *ret_key);
/* What is counted. */
void sw_usage_scope_key(struct sw_group_id group, struct sw_key *ret_key);
enum sw_err sw_usage_scope_decode(struct sw_span bytes, enum sw_usage_scope *ret_scope)
    SW_MUST_CHECK;
/* As rows of that scope are; one of keys alone has no leases. */
void sw_usage_encode(const struct sw_usage *usage, enum sw_usage_scope scope, struct sw_buf *out);
enum sw_err sw_usage_decode(struct sw_span bytes, struct sw_usage *ret_usage) SW_MUST_CHECK;

#endif
