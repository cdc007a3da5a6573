/* What an index is in the memory of whoever executes entries; for the files of vectors only, so
 * that nobody else sees the library. */
#ifndef SW_NODE_VECTORS_PRIVATE_H
#define SW_NODE_VECTORS_PRIVATE_H

#include "index/index.h"
#include "index/measure.h"
#include "index/search.h"
#include "node/attributes.h"
#include "node/tune.h"
#include "node/vectors.h"

struct sw__apply;
struct sw_state;

/* What is said of an index beside its space, and may change: a record of META of its own, written
 * since the first entry of format 4.
 *
 * | table | key                                                  | value                          |
 * |-------|------------------------------------------------------|--------------------------------|
 * | meta  | group ‖ "profile-" and the number in 16 hex digits   | format 1, kept from (8),       |
 * |       |                                                      | target (2), probe (4) and      |
 * |       |                                                      | rerank (4) of its budget       |
 */
struct sw_vectors_profile {
    bool stored;
    uint64_t kept_from; /* vectors that went after this revision are kept with their changes */
    uint32_t target_permille;      /* recall of a search that does not name one; 0: the default */
    struct sw_index_budget budget; /* what that takes; 0: as the library says */
};

enum { SW_VECTORS_PROFILE_FORMAT = 1 };

void sw_vectors_profile_key(struct sw_group_id group, uint64_t number, struct sw_key *ret_key);
void sw_vectors_profile_encode(const struct sw_vectors_profile *profile, struct sw_buf *out);
enum sw_err sw_vectors_profile_decode(struct sw_span bytes, struct sw_vectors_profile *ret_profile)
    SW_MUST_CHECK;

struct sw_vectors_index {
    uint64_t number;
    bool dropped;      /* no request sees it; its records go bit by bit */
    bool changed;      /* since the last flush */
    bool working;      /* entries to come have to do something for it */
    uint64_t size;     /* that it counts as; 0: it is not counted */
    bool size_changed; /* since the last flush */
    struct sw_vectors_profile profile;
    struct sw_tune_window *window; /* owned: what was measured here; NULL until then */
    struct sw_buf names;     /* owned: tenant, namespace, partition and name, one after the other */
    struct sw_place place;   /* into `names` */
    struct sw_span name;     /* into `names` */
    struct sw_index_map map; /* of `index` and `reader`: our table */
    struct sw_store *store;
    struct sw__apply *apply;        /* while an entry is executed: whose effects writes are */
    struct sw_index *index;         /* owned */
    struct sw_index_reader *reader; /* owned; NULL until something is searched */
    bool reader_open;
    struct sw_store_marks marks;     /* when it was opened */
    struct sw_attributes attributes; /* of entries that conditions were held against */
    uint64_t misses;                 /* looks at the store for want of room in them */
};

/* After each call of the library that writes. */
void sw__vectors_note(struct sw_state *state, struct sw_vectors_index *index);
/* What the library holds back is in the store. */
enum sw_err sw__vectors_settle(struct sw_vectors_index *index) SW_MUST_CHECK;
/* The reader, on the records as they are now. */
enum sw_err sw__vectors_open_reader(struct sw_vectors_index *index) SW_MUST_CHECK;
/* What a search without a wish is given. */
struct sw_index_budget sw__vectors_budget(const struct sw_vectors_index *index);
/* Both lengths of a DIMENSION, in numbers: a vector's of so many bytes above, the space's below. */
uint64_t sw__vectors_dimensions(const struct sw_space *space, size_t vector_size);

#endif
