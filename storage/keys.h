/* Keys of the store: order-preserving byte strings that begin with what ranges are cut by.
 *
 * | table      | bytes                                                                          |
 * |------------|--------------------------------------------------------------------------------|
 * | kv         | slot(2, BE) ‖ tenant 0x00 ‖ namespace 0x00 ‖ partition 0x00 ‖ key, any bytes   |
 * | experience | slot(2, BE) ‖ tenant 0x00 ‖ namespace 0x00 ‖ partition 0x00 ‖ revision(8, BE)  |
 * | meta       | group(4, BE) ‖ name                                                            |
 * | session    | group(4, BE) ‖ session id(8, BE)                                               |
 * | lease      | group(4, BE) ‖ 1 ‖ lease(8, BE): the lease                                     |
 * |            | group(4, BE) ‖ 2 ‖ end(8, BE) ‖ lease(8, BE): when it ends                     |
 * |            | group(4, BE) ‖ 3 ‖ lease(8, BE) ‖ key, any bytes: a key that it holds          |
 * | change     | group(4, BE) ‖ revision(8, BE) ‖ number(2, BE)                                 |
 * | stage      | group(4, BE) ‖ table(1) ‖ key of that table                                    |
 *
 * The slot is the top 14 bits of XXH3-64 over the bytes that follow it up to and with the last
 * 0x00, so a shard, which is a range of slots, is a contiguous range of keys in every table that
 * moves with it. Names are printable ASCII, hence their 0x00 ends them, sorts before every longer
 * name, and bytewise order is the order of the tuple.
 *
 * Encoders assert their input, which was validated at the border. Decoders get bytes from disk or
 * from a peer and answer MALFORMED. Pure. */
#ifndef SW_STORAGE_KEYS_H
#define SW_STORAGE_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/ids.h"
#include "base/limits.h"
#include "base/span.h"
#include "storage/store.h"

enum {
    SW_SLOT_COUNT = 1 << 14,
    SW_KEY_SLOT_SIZE = 2,
    SW_KEY_GROUP_SIZE = 4,
    SW_KEY_STAGE_HEADER_SIZE = SW_KEY_GROUP_SIZE + 1,
    SW_META_NAME_SIZE_MAX = 112,
};

/* Where a key or an experience lives. */
struct sw_place {
    struct sw_span tenant; /* 1..SW_TENANT_SIZE_MAX printable ASCII bytes, as are the next two */
    struct sw_span name_space;
    struct sw_span partition;
};

/* An encoded key; plain memory, copied freely. */
struct sw_key {
    size_t size;
    uint8_t data[SW_STORE_KEY_SIZE_MAX];
};

static inline struct sw_span sw_key_span(const struct sw_key *key)
{
    return sw_span_of(key->data, key->size);
}

/* True for a name that may be part of a place: 1..size_max bytes, all printable ASCII. */
bool sw_key_name_validate(struct sw_span name, size_t size_max);
bool sw_place_validate(const struct sw_place *place);
uint16_t sw_place_slot(const struct sw_place *place);

/* `key` has 0..SW_KEY_SIZE_MAX bytes; empty gives the prefix of all keys of the partition. */
void sw_key_kv(const struct sw_place *place, struct sw_span key, struct sw_key *ret_key);
void sw_key_experience(const struct sw_place *place, uint64_t revision, struct sw_key *ret_key);
/* A record of a vector index; `rest` is whatever its kind says, and may be empty: the prefix of all
 * of that kind. */
enum sw_index_kind {
    SW_INDEX_LIBRARY = 1,
    SW_INDEX_ID = 2,
    SW_INDEX_ENTRY = 3,
    SW_INDEX_LOST = 4,
    SW_INDEX_RING = 5, /* of an agent's memories: number 0, then the key of the agent's ring */
    SW_INDEX_KIND_END,
    SW_INDEX_SKETCH = SW_INDEX_KIND_END, /* of blocks: node/sketch.h */
    SW_INDEX_BAND = 7,
    SW_INDEX_ANY_KIND_END
};
void sw_key_index(uint16_t slot,
                  enum sw_index_kind kind,
                  uint64_t number,
                  struct sw_span rest,
                  struct sw_key *ret_key);
/* The common prefix of a partition's records, in both tables above. */
void sw_key_partition(const struct sw_place *place, struct sw_key *ret_key);
/* The common prefix of a slot's records, in both tables above. */
void sw_key_slot(uint16_t slot, struct sw_key *ret_key);

/* `name` has 1..SW_META_NAME_SIZE_MAX bytes. */
void sw_key_meta(struct sw_group_id group, struct sw_span name, struct sw_key *ret_key);
void sw_key_session(struct sw_group_id group, struct sw_session_id id, struct sw_key *ret_key);
/* A lease; when it ends, on the group's clock; a key that it holds (empty: the prefix of all). */
void sw_key_lease(struct sw_group_id group, uint64_t lease, struct sw_key *ret_key);
void sw_key_lease_end(struct sw_group_id group,
                      uint64_t end_ms,
                      uint64_t lease,
                      struct sw_key *ret_key);
void sw_key_lease_held(struct sw_group_id group,
                       uint64_t lease,
                       struct sw_span key,
                       struct sw_key *ret_key);
/* The `number`-th change at `revision`, from 0. */
void sw_key_change(struct sw_group_id group,
                   uint64_t revision,
                   uint16_t number,
                   struct sw_key *ret_key);
/* `key` is a key of `table`, which is not the stage itself; empty gives a prefix. */
void sw_key_stage(struct sw_group_id group,
                  enum sw_table table,
                  struct sw_span key,
                  struct sw_key *ret_key);
/* The common prefix of a group's records in all tables above but the first two. */
void sw_key_group(struct sw_group_id group, struct sw_key *ret_key);

/* The smallest key over all keys that begin with `prefix`; false if there is none (only 0xff). */
bool sw_key_upper(struct sw_span prefix, struct sw_key *ret_key);
bool sw_key_has_prefix(struct sw_span key, struct sw_span prefix);

/* Decoded keys; the spans are views into the input. */
struct sw_kv_key {
    uint16_t slot;
    struct sw_place place;
    struct sw_span key;
};

struct sw_experience_key {
    uint16_t slot;
    struct sw_place place;
    uint64_t revision;
};

struct sw_meta_key {
    struct sw_group_id group;
    struct sw_span name;
};

struct sw_session_key {
    struct sw_group_id group;
    struct sw_session_id id;
};

enum sw_lease_kind { SW_LEASE_KIND_LEASE = 1, SW_LEASE_KIND_END = 2, SW_LEASE_KIND_HELD = 3 };

struct sw_lease_key {
    struct sw_group_id group;
    enum sw_lease_kind kind;
    uint64_t lease;
    uint64_t end_ms;    /* of END */
    struct sw_span key; /* of HELD */
};

struct sw_change_key {
    struct sw_group_id group;
    uint64_t revision;
    uint16_t number;
};

struct sw_stage_key {
    struct sw_group_id group;
    enum sw_table table;
    struct sw_span key; /* bounded, but not decoded further */
};

enum sw_err sw_key_kv_decode(struct sw_span bytes, struct sw_kv_key *ret_key) SW_MUST_CHECK;
enum sw_err sw_key_experience_decode(struct sw_span bytes, struct sw_experience_key *ret_key)
    SW_MUST_CHECK;
enum sw_err sw_key_meta_decode(struct sw_span bytes, struct sw_meta_key *ret_key) SW_MUST_CHECK;
enum sw_err sw_key_session_decode(struct sw_span bytes, struct sw_session_key *ret_key)
    SW_MUST_CHECK;
enum sw_err sw_key_lease_decode(struct sw_span bytes, struct sw_lease_key *ret_key) SW_MUST_CHECK;
enum sw_err sw_key_change_decode(struct sw_span bytes, struct sw_change_key *ret_key) SW_MUST_CHECK;
enum sw_err sw_key_stage_decode(struct sw_span bytes, struct sw_stage_key *ret_key) SW_MUST_CHECK;
/* MALFORMED unless `bytes` is a well-formed key of `table`: what a receiver of staged records and
 * the inspector ask. */
enum sw_err sw_key_check(enum sw_table table, struct sw_span bytes) SW_MUST_CHECK;

#endif
