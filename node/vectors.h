/* The vector indexes of one group: part of the replicated state, kept in SW_TABLE_INDEX.
 *
 * An index belongs to a partition and finds keys of it. What it is stands in one record of
 * SW_TABLE_META; its entries and codes are the library's (index/index.h), its keys ours:
 *
 * | table | key                                                   | value                         |
 * |-------|-------------------------------------------------------|-------------------------------|
 * | meta  | group ‖ "vectors-" and the number in 16 hex digits    | format 1 or 2, 1 if it is     |
 * |       |                                                       | dropped, tenant, namespace,   |
 * |       |                                                       | partition, name (short        |
 * |       |                                                       | strings); 2: size (8)         |
 * | index | slot ‖ 1 ‖ number (8, BE) ‖ ...                       | the library's                 |
 * | index | slot ‖ 2 ‖ number (8, BE) ‖ key                       | id (8)                        |
 * | index | slot ‖ 3 ‖ number (8, BE) ‖ id (8, BE)                | format 1, key (short), count  |
 * |       |                                                       | (1), attributes as in         |
 * |       |                                                       | transport/vector.h            |
 * | index | slot ‖ 4 ‖ number ‖ id (8, BE): of an entry that went | format 1, revision (8) and    |
 * |       |                                                       | number (2) of the change that |
 * |       |                                                       | took it away, while it is kept
 * |
 *
 * The number of an index is the revision that made it, the id of an entry the revision that put it;
 * so neither comes twice, and an entry's place in time is its id.
 *
 * The size is what the index counts as in the usage of its tenant: this record, and for each entry
 * the numbers of its vector, its key twice, its id and its attributes. Codes, pivots and counters
 * are the library's business: how large they are depends on the order of its work; nor do vectors
 * count as less when their precision is lowered. Format 2 is
 * written since the first entry of format 4, which counted what was there.
 *
 * A writer of the library keeps counters in memory; they are written just before each commit, like
 * sessions, so the table always belongs to the applied index beside it. */
#ifndef SW_NODE_VECTORS_H
#define SW_NODE_VECTORS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/ids.h"
#include "base/limits.h"
#include "base/rw.h"
#include "node/change_log.h"
#include "storage/keys.h"
#include "storage/store.h"
#include "transport/vector.h"

enum { SW_VECTORS_FORMAT = 2, SW_VECTORS_ENTRY_FORMAT = 1, SW_VECTORS_LOST_FORMAT = 1 };
/* All entries are in one slice of the library's, so one decision lowers the whole index. */
enum { SW_VECTORS_SLICE = 0, SW_VECTORS_BITS_MAX = 16 };

struct sw_vectors_index; /* one index, in the memory of whoever executes entries */

/* Zero-initialised is empty. The applier's worker owns it. */
struct sw_vectors {
    struct sw_vectors_index **all; /* owned, by number; each too */
    uint32_t count;
    bool working; /* some index has work left for the next entries */
    struct sw_group_id group;
};

/* Views into the stored bytes. */
struct sw_vectors_entry {
    struct sw_span key;
    uint32_t attribute_count;
    struct sw_attribute attributes[SW_ATTRIBUTE_COUNT_MAX];
};

/* Fills an empty one with what the store holds. */
enum sw_err sw_vectors_load(struct sw_vectors *vectors,
                            struct sw_store *store,
                            struct sw_group_id group) SW_MUST_CHECK;
void sw_vectors_release(struct sw_vectors *vectors); /* leaves it empty */
/* For who only searches, in a view of the store: as many indexes as it has now, with what earlier
 * searches in the same object learned. */
enum sw_err sw_vectors_follow(struct sw_vectors *vectors,
                              struct sw_store *view,
                              struct sw_group_id group) SW_MUST_CHECK;
/* Writes what the library holds back. */
enum sw_err sw_vectors_flush(struct sw_vectors *vectors) SW_MUST_CHECK;

/* True if requests of the place see the index: it is theirs, and not dropped. */
bool sw_vectors_serves(const struct sw_vectors_index *index, const struct sw_place *place);
/* NULL if there is none, or it is dropped. */
struct sw_vectors_index *sw_vectors_find(const struct sw_vectors *vectors,
                                         const struct sw_place *place,
                                         struct sw_span name);
/* The `at`-th index that requests of the tenant's namespace see by this name, in the order in which
 * they were made; NULL behind the last. */
const struct sw_place *sw_vectors_place_at(const struct sw_vectors *vectors,
                                           const struct sw_place *space,
                                           struct sw_span name,
                                           uint32_t at);
/* A new one in memory, not in the store. */
struct sw_vectors_index *sw_vectors_add(struct sw_vectors *vectors,
                                        struct sw_store *store,
                                        uint64_t number,
                                        const struct sw_place *place,
                                        struct sw_span name);
void sw_vectors_remove(struct sw_vectors *vectors, struct sw_vectors_index *index);

void sw_vectors_meta_key(struct sw_group_id group, uint64_t number, struct sw_key *ret_key);
void sw_vectors_meta_encode(const struct sw_vectors_index *index, struct sw_buf *out);
/* What the index counts as beside its entries. */
uint64_t sw_vectors_meta_size(const struct sw_place *place, struct sw_span name);
/* What an entry counts as whose key and record have that size. */
uint64_t
sw_vectors_entry_size(const struct sw_vectors_index *index, size_t key_size, size_t record_size);
/* The records of our own kinds; an empty `key` or id 0 gives the prefix of all. */
void sw_vectors_id_key(const struct sw_vectors_index *index,
                       struct sw_span key,
                       struct sw_key *ret_key);
void sw_vectors_entry_key(const struct sw_vectors_index *index,
                          uint64_t id,
                          struct sw_key *ret_key);
void sw_vectors_entry_encode(struct sw_span key,
                             const struct sw_vector_item *item,
                             struct sw_buf *out);
enum sw_err sw_vectors_entry_decode(struct sw_span bytes, struct sw_vectors_entry *ret_entry)
    SW_MUST_CHECK;
/* Where an entry that went is kept: with the change that took it away. */
void sw_vectors_lost_key(const struct sw_vectors_index *index, uint64_t id, struct sw_key *ret_key);
void sw_vectors_lost_encode(struct sw_change_at at, struct sw_buf *out);
enum sw_err sw_vectors_lost_decode(struct sw_span bytes, struct sw_change_at *ret_at) SW_MUST_CHECK;
/* The entry that was put with `key`; 0 if there is none. */
enum sw_err sw_vectors_id_of(const struct sw_vectors_index *index,
                             struct sw_store *store,
                             struct sw_span key,
                             uint64_t *ret_id) SW_MUST_CHECK;

/* --- vectors_search.c ------------------------------------------------------------------------- */

struct sw_vectors_match {
    bool terminated_early;  /* there were more places to look at than it might */
    uint64_t id;            /* 0 = there is none */
    uint64_t distance_bits; /* of an IEEE 754 double: what records carry in the place of a lease */
};

/* What stands at an id that a search found: CORRUPT if nothing does. Views into the store. */
enum sw_err sw_vectors_entry_get(const struct sw_vectors_index *index,
                                 uint64_t id,
                                 struct sw_vectors_entry *ret_entry) SW_MUST_CHECK;
/* The nearest entry within the item's greatest distance; `scan_max` as in index/search.h. */
enum sw_err sw_vectors_nearest(struct sw_vectors_index *index,
                               const struct sw_vector_item *item,
                               uint64_t scan_max,
                               struct sw_vectors_match *ret_match) SW_MUST_CHECK;

/* BRIEF takes about a millisecond at most, for whoever keeps writers waiting. */
enum sw_vectors_effort { SW_VECTORS_BRIEF, SW_VECTORS_FULL };

struct sw_vectors_answer {
    bool unfinished; /* BRIEF was not enough: there is no answer, ask for FULL */
    enum sw_err err;
    uint64_t value; /* DIMENSION: see sw__vectors_dimensions */
    uint32_t count;
    bool more;           /* the page was full before all that were found */
    size_t records_size; /* of what `out` got, the rest is the detail */
};

/* Answers a VECTOR_SEARCH: records, nearest first, then how they were found, as JSON. */
enum sw_err sw_vectors_search(const struct sw_vectors *vectors,
                              struct sw_store *store,
                              const struct sw_place *place,
                              struct sw_span question,
                              enum sw_vectors_effort effort,
                              struct sw_buf *out,
                              struct sw_vectors_answer *ret_answer) SW_MUST_CHECK;
/* Answers an INDEX_LIST of a partition, as JSON alone. */
enum sw_err sw_vectors_list(const struct sw_vectors *vectors,
                            const struct sw_place *place,
                            struct sw_buf *out,
                            struct sw_vectors_answer *ret_answer) SW_MUST_CHECK;

#endif
