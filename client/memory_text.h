/* A memory as the value of its key: lines of its fields, an empty line, then what was remembered.
 *
 *     swarm-memory 1
 *     agent=planner
 *     task=route
 *     success=1
 *     utility=700
 *     tag=traffic
 *
 *     The bridge is closed on Sundays.
 *
 * Text, so that `swarmctl kv get` shows it as it is. Pure. */
#ifndef SW_CLIENT_MEMORY_TEXT_H
#define SW_CLIENT_MEMORY_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"
#include "base/rw.h"
#include "base/span.h"

enum {
    SW_MEMORY_AGENT_SIZE_MAX = 64,
    SW_MEMORY_TASK_SIZE_MAX = 128,
    SW_MEMORY_TAG_SIZE_MAX = 64,
    SW_MEMORY_TAG_COUNT_MAX = 16,
    SW_MEMORY_SCORE_MAX = 1000, /* utility, similarity, recency: thousandths */
};

/* Views. */
struct sw_memory_text {
    struct sw_span agent;
    struct sw_span task;
    bool success;
    uint32_t utility; /* 0..SW_MEMORY_SCORE_MAX */
    struct sw_span tags[SW_MEMORY_TAG_COUNT_MAX];
    uint32_t tag_count;
    struct sw_span content;
};

/* INVALID or TOO_LARGE with the field: names are printable ASCII without spaces. */
enum sw_err sw_memory_text_validate(const struct sw_memory_text *memory, char ret_why[SW_WHY_SIZE])
    SW_MUST_CHECK;
/* The memory is valid. */
void sw_memory_text_write(const struct sw_memory_text *memory, struct sw_buf *out);
/* False if the value is none of these: then it is what somebody put there himself. */
bool sw_memory_text_read(struct sw_span value, struct sw_memory_text *ret_memory);

/* How much of 1000 is left after `age_ms`: halved every half-life, on a straight line in between.
 */
uint32_t sw_memory_recency(uint64_t age_ms, uint64_t half_life_ms);
/* 1000 for distance 0, 0 for 2 and more: half of what a cosine distance takes. */
uint32_t sw_memory_similarity(double distance);

#endif
