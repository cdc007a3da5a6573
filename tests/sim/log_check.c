/* Log matching, state machine safety, one leader a term, exactly once. */
#include "tests/sim/log_check.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "base/assert.h"
#include "base/rw.h"

void sim_log_release(struct sim_log *log)
{
    free(log->entries);
    free(log->leader);
    free(log->place);
    *log = (struct sim_log){0};
}

/* Room for items[index]; new items are zero. */
static void *grow(void *items, size_t *capacity, uint64_t index, size_t item_size)
{
    size_t wanted = *capacity == 0 ? 1024 : *capacity;
    uint8_t *grown;

    if (index < *capacity) {
        return items;
    }
    SW_ASSERT(index < 1U << 26);
    while (wanted <= index) {
        wanted *= 2;
    }
    grown = realloc(items, wanted * item_size);
    SW_ASSERT(grown != NULL);
    memset(grown + *capacity * item_size, 0, (wanted - *capacity) * item_size);
    *capacity = wanted;
    return grown;
}

void sim_log_init(struct sim_log *log, struct sim_world *world, uint32_t group)
{
    *log = (struct sim_log){.world = world, .group = group};
    log->entries = grow(log->entries, &log->capacity, 1, sizeof(*log->entries));
}

uint64_t sim_log_value(struct sw_span body)
{
    return body.size >= 8 ? sw_load_u64(body.data) : 0;
}

void sim_log_leader(struct sim_log *log, uint32_t node, uint64_t term)
{
    log->leader = grow(log->leader, &log->leader_capacity, term, sizeof(*log->leader));
    if (log->leader[term] == 0) {
        log->leader[term] = node;
        log->world->stats.elections++;
    } else if (log->leader[term] != node) {
        sim_fail(log->world,
                 "two leaders in one term: node %u and node %u both lead group %u in term %" PRIu64,
                 log->leader[term],
                 node,
                 log->group,
                 term);
    }
}

static uint64_t digest_after(uint64_t digest, uint64_t index, uint64_t term, uint64_t hash)
{
    const uint64_t words[4] = {digest, index, term, hash};

    return XXH3_64bits(words, sizeof(words));
}

static uint64_t digest_at(const struct sim_log *log, uint64_t index)
{
    return index == 0 ? 0 : log->entries[index].digest;
}

static void
log_extend(struct sim_log *log, uint32_t node, uint64_t index, const struct sim_log_entry *seen)
{
    struct sim_log_entry *entry = &log->entries[index];

    *entry = *seen;
    entry->node = node;
    entry->at_us = log->world->now_us;
    entry->digest = digest_after(digest_at(log, index - 1), index, seen->term, seen->hash);
    log->last = index;
    log->world->stats.committed++;
    if (seen->value == 0) {
        return;
    }
    log->place = grow(log->place, &log->place_capacity, seen->value, sizeof(*log->place));
    if (log->place[seen->value] != 0) {
        sim_fail(log->world,
                 "not exactly once: value %" PRIu64 " of group %u is committed at index %" PRIu64
                 " and again at index %" PRIu64,
                 seen->value,
                 log->group,
                 log->place[seen->value],
                 index);
    }
    log->place[seen->value] = index;
}

void sim_log_committed(struct sim_log *log,
                       uint32_t node,
                       uint64_t index,
                       uint64_t term,
                       struct sw_span body,
                       struct sim_state *state)
{
    const struct sim_log_entry seen = {
        .term = term, .hash = XXH3_64bits(body.data, body.size), .value = sim_log_value(body)};
    const struct sim_log_entry *entry;

    log->entries = grow(log->entries, &log->capacity, index, sizeof(*log->entries));
    if (index == 0 || index > log->last + 1) {
        sim_fail(log->world,
                 "gap: node %u hands over index %" PRIu64 " of group %u, but %" PRIu64
                 " is the last that anyone committed",
                 node,
                 index,
                 log->group,
                 log->last);
        return;
    }
    entry = &log->entries[index];
    if (index == log->last + 1) {
        log_extend(log, node, index, &seen);
    } else if (entry->term != term || entry->hash != seen.hash) {
        sim_fail(log->world,
                 "state machine safety: at index %" PRIu64 " of group %u node %u hands over value "
                 "%" PRIu64 " of term %" PRIu64 ", but node %u had handed over value %" PRIu64
                 " of term %" PRIu64 " there",
                 index,
                 log->group,
                 node,
                 seen.value,
                 term,
                 entry->node,
                 entry->value,
                 entry->term);
        return;
    }
    if (index == state->index + 1) {
        state->digest = digest_after(state->digest, index, term, seen.hash);
        state->index = index;
        sim_log_check_state(log, node, state);
    } else if (index > state->index) {
        sim_fail(log->world,
                 "gap: node %u hands over index %" PRIu64 " of group %u after %" PRIu64,
                 node,
                 index,
                 log->group,
                 state->index);
    }
}

void sim_log_check_state(struct sim_log *log, uint32_t node, const struct sim_state *state)
{
    if (state->index > log->last || state->digest != digest_at(log, state->index)) {
        sim_fail(log->world,
                 "equal state at equal index: node %u has digest %016" PRIx64 " at index %" PRIu64
                 " of group %u, the log says %016" PRIx64,
                 node,
                 state->digest,
                 state->index,
                 log->group,
                 state->index > log->last ? 0 : digest_at(log, state->index));
    }
}
