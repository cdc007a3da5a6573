/* How long a namespace keeps its changes, where a setting of kind retention says so.
 *
 * Such a namespace is counted by itself, from its first change after the setting was made; changes
 * from before, and those of all other namespaces, are kept as limits.h says. The row of a namespace
 * is a record of META, "retention" 0x00 tenant 0x00 namespace:
 *
 * | size | field                                                                       |
 * |------|-----------------------------------------------------------------------------|
 * | 1    | format, 1                                                                   |
 * | 8    | begun: the revision of the first change that was counted                    |
 * | 8    | floor: the highest revision of a counted change that is gone                |
 * | 8, 8 | changes that are counted, and the bytes of their records                    |
 * | 8, 2 | revision and number up to which the namespace has no counted change         |
 */
#ifndef SW_NODE_RETENTION_H
#define SW_NODE_RETENTION_H

#include <stdint.h>

#include "base/err.h"
#include "base/ids.h"
#include "base/rw.h"
#include "node/change_log.h"
#include "storage/keys.h"
#include "storage/store.h"

enum { SW_RETENTION_FORMAT = 1 };

struct sw_retention_row {
    uint64_t begun; /* 0 = there is no row */
    uint64_t floor, count, size;
    struct sw_change_at swept;
};

void sw_retention_row_encode(const struct sw_retention_row *row, struct sw_buf *out);
enum sw_err sw_retention_row_decode(struct sw_span bytes, struct sw_retention_row *ret_row)
    SW_MUST_CHECK;
void sw_retention_key(struct sw_group_id group, const struct sw_place *place, struct sw_key *ret);
/* `begun` is 0 if the namespace has none. */
enum sw_err sw_retention_row_get(struct sw_store *store,
                                 struct sw_group_id group,
                                 const struct sw_place *place,
                                 struct sw_retention_row *ret_row) SW_MUST_CHECK;

#endif
