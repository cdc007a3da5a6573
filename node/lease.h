/* Leases of one group: how long keys live that nobody may have to delete.
 *
 * A lease is granted for a time to live and ends when that has passed on the group's clock since
 * the grant or the last keep-alive; then all keys that it holds are deleted, as one change. Its id
 * is the revision of its grant, so it names one grant for ever, and a compare with the lease of a
 * key is a fence. It belongs to one partition.
 *
 * The clock is replicated: it stands at what the last tick said (SW_OP_TICK), and only the leader
 * ticks, by elapsed time since the tick before, never by a wall clock (node/tick.h says why no
 * lease ends early). So what ends, and at which revision, is the same on every replica, whatever
 * their clocks show.
 *
 * Records of SW_TABLE_LEASE (keys: storage/keys.h); ends and held keys have no value:
 *
 * | offset | size | field of a lease                              |
 * |--------|------|-----------------------------------------------|
 * | 0      | 1    | format, 1                                     |
 * | 1      | 4    | time to live, ms                              |
 * | 5      | 8    | end, on the group's clock                     |
 * | 13     | 4    | keys that it holds                            |
 * | 17     | ...  | tenant, namespace, partition: u16 size, bytes |
 */
#ifndef SW_NODE_LEASE_H
#define SW_NODE_LEASE_H

#include <stdint.h>

#include "base/err.h"
#include "base/rw.h"
#include "node/apply.h"
#include "storage/keys.h"
#include "storage/store.h"

enum { SW_LEASE_FORMAT = 1, SW_LEASE_HEADER_SIZE = 17 };

/* Views into the stored bytes. */
struct sw_lease_record {
    uint32_t ttl_ms;
    uint64_t end_ms;
    uint32_t key_count;
    struct sw_place place;
};

void sw_lease_record_encode(const struct sw_lease_record *record, struct sw_buf *out);
/* CORRUPT if the bytes are none of ours. */
enum sw_err sw_lease_record_decode(struct sw_span bytes, struct sw_lease_record *ret_record)
    SW_MUST_CHECK;
bool sw_place_equal(const struct sw_place *a, const struct sw_place *b);
/* Finds when the next one ends. */
enum sw_err sw_leases_load(struct sw_state *state, struct sw_store *store) SW_MUST_CHECK;

#endif
