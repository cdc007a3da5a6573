/* What agents remember: as it is asked for, as it is stored, and the arithmetic of its worth.
 *
 * A memory is a key of its partition, memory/AGENT/HASH, where HASH is the XXH3-128 of task, a zero
 * byte and content in 32 hex digits: the same words of an agent about a task are the same memory.
 * Its value is lines of its fields, an empty line, then what was remembered:
 *
 *     swarm-memory 1
 *     agent=planner
 *     task=route
 *     success=1
 *     utility=700
 *     importance=500
 *     tier=short
 *     uses=0
 *     born=1763000000000
 *     touched=1763000000000
 *     author=00112233445566778899aabbccddeeff
 *     session=17
 *     parent=42 memory/planner/0123...
 *     meta={"city":"x"}
 *     tag=traffic
 *
 *     The bridge is closed on Sundays.
 *
 * Text, so that `swarmctl kv get` shows it as it is. Lines that are absent are 0 or empty, but an
 * importance of 500; lines that are not known are a later version's. Other keys:
 *
 * | key                | value                                                                    |
 * |--------------------|--------------------------------------------------------------------------|
 * | memory-settings    | "swarm-memory-settings 1" and lines count_max=, size_max=, floor=        |
 * | memory-forget/HASH | "swarm-forget 1", a newline, a key whose derivations are being deleted;  |
 * |                    | HASH is that of the key (transport/relation.h)                           |
 *
 * Byte tables of requests are in docs/PROTOCOL.md. Pure. */
#ifndef SW_TRANSPORT_MEMORY_H
#define SW_TRANSPORT_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"
#include "base/rw.h"
#include "base/span.h"

enum {
    SW_MEMORY_SCORE_MAX = 1000, /* utility, importance, similarity, recency: thousandths */
    SW_MEMORY_UTILITY_DEFAULT = 500,
    SW_MEMORY_UTILITY_SUCCESS = 200, /* added for a success, */
    SW_MEMORY_UTILITY_FAILURE = 300, /* taken for a failure */
    SW_MEMORY_IMPORTANCE_DEFAULT = 500,
    SW_MEMORY_IMPORTANCE_CONSOLIDATED = 700, /* of one with parents */
    SW_MEMORY_HASH_SIZE = 32,
    SW_MEMORY_KEY_SIZE_MAX = 8 + SW_MEMORY_AGENT_SIZE_MAX + SW_MEMORY_HASH_SIZE,
    SW_MEMORY_AUTHOR_SIZE = 32,   /* hex digits */
    SW_MEMORY_UNSET = UINT16_MAX, /* a utility or importance that nobody gave */
};

/* A memory fades by its tier: by 10, 5 or 1 % of its importance a day, on a straight line. */
enum sw_memory_tier { SW_MEMORY_SHORT, SW_MEMORY_WORKING, SW_MEMORY_LONG, SW_MEMORY_TIER_COUNT };

struct sw_memory_parent {
    uint64_t revision; /* at which it was used: its mod_revision then */
    struct sw_span key;
};

/* Views. */
struct sw_memory_text {
    struct sw_span agent;
    struct sw_span task;
    bool success;
    uint32_t utility;    /* 0..SW_MEMORY_SCORE_MAX */
    uint32_t importance; /* at `touched_ms` */
    enum sw_memory_tier tier;
    bool archived; /* kept, and found by no search */
    uint64_t uses;
    uint64_t born_ms;      /* by the leader's time */
    uint64_t touched_ms;   /* when importance and tier were as they stand here */
    struct sw_span author; /* SW_MEMORY_AUTHOR_SIZE hex digits, or none */
    uint64_t session;
    struct sw_span meta;
    struct sw_memory_parent parents[SW_MEMORY_PARENT_COUNT_MAX];
    uint32_t parent_count;
    struct sw_span tags[SW_MEMORY_TAG_COUNT_MAX];
    uint32_t tag_count;
    struct sw_span content;
};

/* INVALID or TOO_LARGE with the field. Names are printable ASCII without spaces; an agent has no
 * slash. */
enum sw_err sw_memory_text_validate(const struct sw_memory_text *memory, char ret_why[SW_WHY_SIZE])
    SW_MUST_CHECK;
/* The memory is valid. */
void sw_memory_text_write(const struct sw_memory_text *memory, struct sw_buf *out);
/* False if the value is none of these: then it is what somebody put there himself. */
bool sw_memory_text_read(struct sw_span value, struct sw_memory_text *ret_memory);
const char *sw_memory_tier_text(enum sw_memory_tier tier);

/* --- keys ------------------------------------------------------------------------------------- */

struct sw_memory_key {
    uint32_t size;
    char data[SW_MEMORY_KEY_SIZE_MAX];
};

static inline struct sw_span sw_memory_key_span(const struct sw_memory_key *key)
{
    return sw_span_of(key->data, key->size);
}

#define SW_MEMORY_PREFIX       "memory/"
#define SW_MEMORY_SETTINGS_KEY "memory-settings"
#define SW_MEMORY_MARK_PREFIX  "memory-forget/"
#define SW_MEMORY_MARK_LINE    "swarm-forget 1\n"

/* The agent is a valid one. */
void sw_memory_key_of(struct sw_span agent,
                      struct sw_span task,
                      struct sw_span content,
                      struct sw_memory_key *ret_key);
/* False if the key is no memory's. The agent is a view. */
bool sw_memory_key_read(struct sw_span key, struct sw_span *ret_agent);
enum sw_err sw_memory_agent_validate(struct sw_span agent, char ret_why[SW_WHY_SIZE]) SW_MUST_CHECK;

/* --- requests --------------------------------------------------------------------------------- */

/* Of a MEMORY_PUT. Views. */
struct sw_memory_put {
    bool success;
    bool novel;          /* only if nothing in the index is within `distance_max` */
    bool archive;        /* its parents, which are memories, are archived */
    uint16_t utility;    /* SW_MEMORY_UNSET: 500, and what success or failure add */
    uint16_t importance; /* SW_MEMORY_UNSET: 500; 700 with parents */
    double distance_max; /* 0 unless novel */
    struct sw_span task;
    uint32_t tag_count;
    struct sw_span tags[SW_MEMORY_TAG_COUNT_MAX];
    uint32_t parent_count;
    struct sw_span parents[SW_MEMORY_PARENT_COUNT_MAX]; /* keys that it is derived from */
    struct sw_span meta;
    struct sw_span index; /* "" and no vector: no search finds it */
    struct sw_span vector;
    struct sw_span content;
};

/* Of a MEMORY_USE: one byte. */
enum sw_memory_use {
    SW_MEMORY_USED = 1,  /* importance a fifth higher, from now on */
    SW_MEMORY_SUCCEEDED, /* utility 200 higher */
    SW_MEMORY_FAILED,    /* utility 300 lower */
    SW_MEMORY_ARCHIVE,   /* out of its index */
    SW_MEMORY_USE_COUNT
};

void sw_memory_put_encode(const struct sw_memory_put *put, struct sw_buf *out);
enum sw_err sw_memory_put_decode(struct sw_span bytes, struct sw_memory_put *ret_put) SW_MUST_CHECK;
/* Everything that does not depend on the partition; `agent` is the request's key. */
enum sw_err sw_memory_put_validate(struct sw_span agent,
                                   struct sw_span bytes,
                                   char ret_why[SW_WHY_SIZE]) SW_MUST_CHECK;
enum sw_err sw_memory_use_validate(struct sw_span bytes, char ret_why[SW_WHY_SIZE]) SW_MUST_CHECK;

/* --- settings of a partition ------------------------------------------------------------------ */

struct sw_memory_settings {
    uint64_t count_max; /* memories of an agent */
    uint64_t size_max;  /* their keys and values together, bytes */
    uint64_t floor;     /* less important ones are let go; 0 = none */
};

extern const struct sw_memory_settings sw_memory_settings_default; /* 1000, 64 MiB, 0 */

enum sw_err sw_memory_settings_validate(const struct sw_memory_settings *settings,
                                        char ret_why[SW_WHY_SIZE]) SW_MUST_CHECK;
void sw_memory_settings_write(const struct sw_memory_settings *settings, struct sw_buf *out);
bool sw_memory_settings_read(struct sw_span value, struct sw_memory_settings *ret_settings);

/* --- scores ----------------------------------------------------------------------------------- */

/* What is left of importance and tier at `now_ms`. A short memory works after an hour; a long one
 * whose importance falls below 400 works again. All in whole thousandths. */
void sw_memory_fade(const struct sw_memory_text *memory,
                    uint64_t now_ms,
                    uint32_t *ret_importance,
                    enum sw_memory_tier *ret_tier);
/* The tier of one that becomes so important: above 900 long, above 800 working, or what it was. */
enum sw_memory_tier sw_memory_promote(enum sw_memory_tier tier, uint32_t importance);
/* Used at `now_ms`: a fifth more important, at least by one, at most 1000. */
void sw_memory_reinforce(struct sw_memory_text *memory, uint64_t now_ms);
/* What the least worth of a full ring is found by: archived ones first, then utility and what is
 * left of importance, together. */
uint32_t sw_memory_worth(const struct sw_memory_text *memory, uint64_t now_ms);

/* How much of 1000 is left after `age_ms`: halved every half-life, on a straight line in between.
 */
uint32_t sw_memory_recency(uint64_t age_ms, uint64_t half_life_ms);
/* 1000 for distance 0, 0 for 2 and more: half of what a cosine distance takes. The distance is
 * taken in steps of 2^-20, the rest is integers. */
uint32_t sw_memory_similarity(double distance);

struct sw_memory_weights {
    uint32_t similarity, utility, recency; /* not all 0, each at most 1000000 */
};

/* (ws * similarity + wu * utility + wr * recency) / (ws + wu + wr), rounded down. */
uint32_t sw_memory_score(const struct sw_memory_weights *weights,
                         uint32_t similarity,
                         uint32_t utility,
                         uint32_t recency);

#endif
