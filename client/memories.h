/* Memories that were found, and reads of one partition at one revision that find them. */
#ifndef SW_CLIENT_MEMORIES_H
#define SW_CLIENT_MEMORIES_H

#include "base/limits.h"
#include "base/span.h"
#include "client/include/swarm.h"
#include "transport/memory.h"
#include "transport/relation.h"

/* Zero-initialise; release. */
struct sw_results {
    struct swarm_result **all; /* owned; each too */
    size_t count;
};

struct sw_part {
    char partition[SW_PARTITION_SIZE_MAX + 1];
    struct swarm_memories_part told; /* its pointers are into the results */
    char detail[SW_WHY_SIZE];
};

struct swarm_memories {
    struct sw_results results;
    struct swarm_recalled *all; /* owned; views into the results */
    size_t count, capacity;
    void **kept; /* owned; each too: what entries point to beside results */
    size_t kept_count;
    struct sw_part *parts; /* owned */
    size_t part_count, answered;
    size_t search; /* the result of the search behind it, from 1; 0 = none */
    uint64_t time_ms;
    bool more;
};

struct swarm_memories *sw_memories_new(void);
/* The entry is valid until the next one is added. */
struct swarm_recalled *sw_memories_add(struct swarm_memories *memories,
                                       const struct swarm_record *record);
/* Without a record: only its key is known, and copied. */
struct swarm_recalled *sw_memories_add_key(struct swarm_memories *memories, struct sw_span key);
/* Tells importance and tier of those from `first` on as they are at the newest change. */
void sw_memories_fade(struct swarm_memories *memories, size_t first);

void sw_results_add(struct sw_results *results, struct swarm_result *result);
void sw_results_release(struct sw_results *results);

static inline struct sw_span sw_span_of_slice(struct swarm_slice slice)
{
    return sw_span_of(slice.data, slice.size);
}

static inline struct swarm_slice sw_slice_of_span(struct sw_span span)
{
    return (struct swarm_slice){.data = span.data, .size = span.size};
}

/* Copies the sentence, and gives back the status. */
enum swarm_status sw_say(enum swarm_status status, const char *why, char *ret_why, size_t why_size);
/* Gives the result away, or frees it if nobody wants it; says why it is no good. */
enum swarm_status sw_give(struct swarm_result *result,
                          struct swarm_result **ret_result,
                          char *ret_why,
                          size_t why_size);

/* --- reading.c: reads of a partition that see one state ----------------------------------------
 */

struct sw_reading {
    struct swarm_client *client;
    struct swarm_scope scope;
    struct sw_results *results; /* borrowed; what records point to */
    uint64_t revision;          /* of all reads; 0 = the first one says */
    char *why;                  /* where a sentence goes, as the caller's */
    size_t why_size;
    /* What is being forgotten, after sw_reading_begin: sorted. */
    struct sw_link_hash *marks; /* owned */
    size_t mark_count;
    struct sw_memory_settings settings;
};

/* One page from `from` on, of the keys with that prefix. */
enum swarm_status sw_reading_scan(struct sw_reading *reading,
                                  struct sw_span prefix,
                                  struct sw_span from,
                                  uint32_t limit,
                                  const struct swarm_result **ret_page);
/* A record for each key, version 0 where there is none; `ret_records` has room for them. */
enum swarm_status sw_reading_get(struct sw_reading *reading,
                                 const struct swarm_slice *keys,
                                 size_t count,
                                 uint32_t flags,
                                 const struct swarm_record **ret_records);
/* Reads the settings, and what is being forgotten. */
enum swarm_status sw_reading_begin(struct sw_reading *reading);
/* The same of a page that was read already. */
void sw_reading_take(struct sw_reading *reading, const struct swarm_result *page);
/* Is the key being forgotten, or anything that it derives from? */
enum swarm_status
sw_reading_hidden(struct sw_reading *reading, struct sw_span key, bool *ret_hidden);
void sw_reading_release(struct sw_reading *reading);
/* What sw_reading_begin asks for. */
struct swarm_request sw_reading_first(struct swarm_scope scope);

/* --- relation.c --------------------------------------------------------------------------------
 */

enum { SW_FOLLOW_DEPTH_MAX = 8, SW_FOLLOW_COUNT_MAX = 4096, SW_FOLLOW_COUNT_DEFAULT = 1000 };

/* A link of a walk, and the record of the key that it leads to: NULL if there is none. */
struct sw_step {
    struct swarm_link link;
    const struct swarm_record *there;
};

/* Links from `start` on, nearest first; each key is walked to once. `ends_only`: links both of
 * whose ends are there; else also where keys are gone. Zero-initialise; release. */
struct sw_walk {
    struct sw_reading *reading;
    const char *type; /* NULL = all */
    bool backward;
    bool ends_only;
    bool each_link; /* also those to a key that was walked to before */
    bool with_values;
    uint32_t depth; /* at most */
    uint32_t limit;
    struct sw_step *steps; /* owned */
    size_t count, capacity;
    bool more;    /* the limit cut it */
    size_t whole; /* steps whose own links were followed, or are at the depth */
};

enum swarm_status sw_walk(struct sw_walk *walk, const struct swarm_slice *start, size_t count);
void sw_walk_release(struct sw_walk *walk);

#endif
