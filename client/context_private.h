/* What the files about contexts share. */
#ifndef SW_CLIENT_CONTEXT_PRIVATE_H
#define SW_CLIENT_CONTEXT_PRIVATE_H

#include <stdio.h>

#include "base/rw.h"
#include "client/include/swarm.h"
#include "transport/context.h"

static inline struct sw_span sw__span_of(struct swarm_slice slice)
{
    return sw_span_of(slice.data, slice.size);
}

static inline struct swarm_slice sw__slice_of(struct sw_span span)
{
    return (struct swarm_slice){.data = span.data, .size = span.size};
}

static inline struct swarm_slice sw__slice_of_key(const struct sw_context_key *key)
{
    return sw__slice_of(sw_context_key_span(key));
}

/* `why` goes to the caller. */
static inline enum swarm_status
sw__refuse(enum sw_err err, const char *why, char *ret_why, size_t why_size)
{
    if (ret_why != NULL && why_size > 0) {
        (void)snprintf(ret_why, why_size, "%s", why);
    }
    return (enum swarm_status)err;
}

/* The id of a request that is no write, so that nobody else checks it. */
enum swarm_status
sw__reading_check_id(const char *id, struct sw_span *ret_id, char *ret_why, size_t why_size);

/* A context of a partition, for reads. */
struct sw__reading {
    struct swarm_client *client;
    struct swarm_scope scope;
    struct sw_span id;
    char *why;
    size_t why_size;
};

/* The header; SWARM_NOT_FOUND also if it is being deleted or unreadable. */
enum swarm_status sw__reading_begin(const struct sw__reading *reading,
                                    struct sw_context *ret_context,
                                    struct swarm_blocks_place *ret_place);

struct swarm_blocks {
    struct swarm_block_at *all; /* owned, and the content of each */
    size_t count, room;
    struct swarm_blocks_place place;
};

struct swarm_blocks *sw__blocks_new(void);
/* Adds the block of the record with a copy of its bytes; false if it is none of the context's. */
bool sw__blocks_keep(struct swarm_blocks *blocks,
                     struct sw_span id,
                     const struct swarm_record *record);
void sw__blocks_clear(struct swarm_blocks *blocks);
/* Adds the last block that begins at the token or before it, if there is one. */
enum swarm_status
sw__blocks_find(const struct sw__reading *reading, uint64_t token, struct swarm_blocks *blocks);
/* Adds blocks that begin from `from` to `end`, so many at most; 0 = all. */
enum swarm_status sw__blocks_walk(const struct sw__reading *reading,
                                  uint64_t from,
                                  uint64_t end,
                                  uint32_t limit,
                                  struct swarm_blocks *blocks);

#endif
