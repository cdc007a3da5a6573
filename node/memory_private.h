/* What the operations on memories share: a plan of writes, links, and what is being forgotten.
 *
 * An operation reads and plans, is judged, and then executes its plan as one change: so one that is
 * refused leaves no trace, and no key is written twice at one revision. */
#ifndef SW_NODE_MEMORY_PRIVATE_H
#define SW_NODE_MEMORY_PRIVATE_H

#include "node/apply_private.h"
#include "transport/memory.h"
#include "transport/relation.h"

struct sw__memory_write {
    size_t name_at, name_size; /* into the plan's bytes, as is the value */
    size_t value_at, value_size;
    uint64_t hash; /* of the name */
    bool deletes;
    uint64_t lease;
    struct sw_kv_record old; /* its value's bytes are not used */
};

/* apply_memory_plan.c. Zero-initialise with sw__memory_plan_of; release. */
struct sw__memory_plan {
    struct sw__apply *apply;
    struct sw_place place;
    struct sw_memory_settings settings;
    struct sw_buf bytes;             /* owned */
    struct sw__memory_write *writes; /* owned */
    uint32_t count, capacity;
    uint32_t ways; /* to what it derives from, that were walked: all sources share the limit */
    struct sw__usage_change change;
};

struct sw__memory_plan sw__memory_plan_of(struct sw__apply *apply,
                                          const struct sw_request *request);
void sw__memory_plan_release(struct sw__memory_plan *plan);
/* Reads the settings; WRONG_TYPE goes to `ret_answer` if somebody wrote something else there. */
enum sw_err sw__memory_plan_settings(struct sw__memory_plan *plan, enum sw_err *ret_answer);
bool sw__memory_plan_has(const struct sw__memory_plan *plan, struct sw_span name);
/* `old` is the key's record now; the name was not planned yet. */
void sw__memory_plan_put(struct sw__memory_plan *plan,
                         struct sw_span name,
                         const struct sw_kv_record *old,
                         struct sw_span value,
                         uint64_t lease);
/* Nothing if there is no such key, or something is planned for it already. */
enum sw_err sw__memory_plan_del(struct sw__memory_plan *plan, struct sw_span name);
/* Does it all at the next revision, if there is anything to do. */
enum sw_err sw__memory_plan_execute(struct sw__memory_plan *plan);
enum sw_err sw__memory_get(const struct sw__memory_plan *plan,
                           struct sw_span name,
                           struct sw_kv_record *ret_record);

/* The first key that begins with `prefix` and is not below `from`: `ret_name` and the record are
 * views until the next write or walk. NOT_FOUND if there is none. */
enum sw_err sw__memory_seek(const struct sw__memory_plan *plan,
                            struct sw_span prefix,
                            struct sw_span from,
                            struct sw_span *ret_name,
                            struct sw_kv_record *ret_record);
/* The first one above `name`. */
enum sw_err sw__memory_seek_after(const struct sw__memory_plan *plan,
                                  struct sw_span prefix,
                                  struct sw_span after,
                                  struct sw_span *ret_name,
                                  struct sw_kv_record *ret_record);
/* The next one of that walk. */
enum sw_err sw__memory_next(const struct sw__memory_plan *plan,
                            struct sw_span prefix,
                            struct sw_span *ret_name,
                            struct sw_kv_record *ret_record);

/* Is the key, or anything that it derives from, being forgotten? */
enum sw_err sw__memory_hidden(struct sw__memory_plan *plan, struct sw_span name, bool *ret_hidden);
void sw__memory_mark_key(const struct sw_link_hash *hash, struct sw_link_key *ret_key);
/* Both keys of a derivation. */
enum sw_err sw__memory_plan_unlink(struct sw__memory_plan *plan,
                                   const struct sw_link_hash *child,
                                   const struct sw_link_hash *parent);
/* Those of a child, but the ones whose keys are planned already; at most so many parents. */
enum sw_err sw__memory_plan_unlink_all(struct sw__memory_plan *plan,
                                       const struct sw_link_hash *child);
enum sw_err sw__memory_has_derived(const struct sw__memory_plan *plan,
                                   const struct sw_link_hash *hash,
                                   bool *ret_has);
/* The memory goes. What derives from it stays, and so do its own derivations as long as there is
 * any: who forgets a source later finds the way. */
enum sw_err sw__memory_plan_forget(struct sw__memory_plan *plan, struct sw_span name);

/* apply_memory_ring.c */
struct sw__memory_need {
    struct sw_span agent;
    struct sw_span from;               /* the sample begins at this key */
    int64_t count, size;               /* what the ring is to get, less what leaves it */
    const struct sw_memory_put *spare; /* its sources stay; NULL = all may go */
    bool room_only;                    /* else what faded leaves as well */
    uint32_t evicted;                  /* at most SW_MEMORY_EVICT_COUNT_MAX */
};

/* Plans which memories leave, so that the agent's ring has room; RING_FULL goes to `ret_answer` if
 * one entry may not let go so many. */
enum sw_err sw__memory_plan_room(struct sw__memory_plan *plan,
                                 struct sw__memory_need *need,
                                 enum sw_err *ret_answer);

/* apply_memory_forget.c */
enum sw_err sw__memory_forget(struct sw__apply *apply,
                              const struct sw_request *request,
                              struct sw_command_result *result);
enum sw_err sw__memory_tend(struct sw__apply *apply,
                            const struct sw_request *request,
                            struct sw_command_result *result);

#endif
