/* What tenants use: keys, experiences and bytes, of each namespace and of the whole tenant.
 *
 * A row is a record of META: "usage" 0x00 tenant 0x00 namespace, the namespace empty for the whole
 * tenant:
 *
 * | offset | size | field                                                                      |
 * |--------|------|----------------------------------------------------------------------------|
 * | 0      | 1    | format, 1                                                                  |
 * | 1      | 8    | keys                                                                       |
 * | 9      | 8    | experiences                                                                |
 * | 17     | 8    | bytes: of keys' names and values, and of experiences                       |
 *
 * A row of nothing does not exist. META, because a delete must be accounted for on a full disk,
 * too. Rows are changed in memory while an entry runs and written at its end, so an entry of many
 * commands costs one record a namespace. The record "usage" says that counting has begun: the first
 * entry of format 3 counts what is there. The reserved tenant is not counted. */
#ifndef SW_NODE_USAGE_H
#define SW_NODE_USAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/ids.h"
#include "base/limits.h"
#include "base/rw.h"
#include "storage/keys.h"
#include "storage/store.h"

enum { SW_USAGE_FORMAT = 1, SW_USAGE_SIZE = 25 };

struct sw_usage {
    uint64_t keys, experiences, bytes;
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
    bool begun; /* counting has */
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
/* That counting has begun. */
void sw_usage_begun_key(struct sw_group_id group, struct sw_key *ret_key);
void sw_usage_encode(const struct sw_usage *usage, struct sw_buf *out);
enum sw_err sw_usage_decode(struct sw_span bytes, struct sw_usage *ret_usage) SW_MUST_CHECK;

#endif
