/* Random but valid request lists for the WAL. */
#include "tests/model/wal_script.h"

#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "base/assert.h"
#include "base/prng.h"

enum { GROUP_MAX = 8, BYTES_SIZE = 64 << 10 };

/* What the generator has to know to ask only for what the port allows. */
struct shadow {
    uint64_t term;
    uint64_t first;
    uint64_t next;
};

static void step_append(struct wal_script *script,
                        struct wal_step *step,
                        struct shadow *shadow,
                        struct sw_prng *prng,
                        size_t body_max)
{
    /* Records that fill blocks exactly lie where a later batch may begin. */
    const bool whole = body_max >= 448 && sw_prng_chance(prng, 1, 3);
    const size_t size = whole ? 448 : (size_t)sw_prng_below(prng, body_max + 1);
    const uint64_t span = shadow->next - shadow->first;
    uint64_t index = shadow->next;

    if (span > 0 && sw_prng_chance(prng, 1, 10)) {
        index -= sw_prng_below(prng, (span < 5 ? span : 5) + 1);
    }
    step->op.kind = SW_WAL_OP_APPEND;
    step->entry = (struct sw_wal_entry){
        .index = index,
        .term = sw_prng_range(prng, 1, shadow->term),
        .type = (uint8_t)sw_prng_below(prng, 4),
        .body = sw_span_of(script->bytes + sw_prng_below(prng, BYTES_SIZE - size), size)};
    step->op.entries = &step->entry;
    step->op.entry_count = 1;
    shadow->next = index + 1;
}

static void step_snapshot(struct wal_script *script,
                          struct wal_step *step,
                          struct shadow *shadow,
                          struct sw_prng *prng)
{
    const size_t size = (size_t)sw_prng_below(prng, 200);
    const bool reset = sw_prng_chance(prng, 1, 6);

    step->op.kind = SW_WAL_OP_SNAPSHOT;
    step->op.reset = reset;
    /* An installed snapshot may end in the middle of a longer log that it contradicts. */
    step->op.index = sw_prng_range(prng, shadow->first, shadow->next + (reset ? 20 : 0));
    step->op.snapshot = (struct sw_wal_snapshot){
        .index = step->op.index + sw_prng_below(prng, 3),
        .term = shadow->term,
        .descriptor = sw_span_of(script->bytes + sw_prng_below(prng, 1000), size)};
    shadow->first = step->op.index;
    if (reset || shadow->next < shadow->first) {
        shadow->next = shadow->first;
    }
}

static void step_make(struct wal_script *script,
                      struct wal_step *step,
                      struct shadow *shadow,
                      struct sw_prng *prng,
                      size_t body_max)
{
    const uint64_t dice = sw_prng_below(prng, 100);

    if (shadow->term == 0 || dice < 4) {
        shadow->term += sw_prng_range(prng, shadow->term == 0 ? 1 : 0, 2);
        step->op.kind = SW_WAL_OP_HARD;
        step->op.hard =
            (struct sw_wal_hard){.term = shadow->term, .vote = {sw_prng_below(prng, 4)}};
    } else if (dice < 9) {
        step_snapshot(script, step, shadow, prng);
    } else if (dice < 15) {
        step->op.kind = SW_WAL_OP_TRUNCATE;
        step->op.index = sw_prng_range(prng, shadow->first, shadow->next);
        shadow->next = step->op.index;
    } else {
        step_append(script, step, shadow, prng, body_max);
    }
}

static void mem_do(struct sw_wal_mem *mem, const struct sw_wal_op *op)
{
    struct sw_wal *wal = sw_wal_mem_port(mem);

    switch (op->kind) {
    case SW_WAL_OP_APPEND:
        wal->ops->append(wal, op->group, op->entries, op->entry_count, NULL, NULL);
        break;
    case SW_WAL_OP_TRUNCATE:
        wal->ops->truncate(wal, op->group, op->index, NULL, NULL);
        break;
    case SW_WAL_OP_HARD:
        wal->ops->set_hard(wal, op->group, op->hard, NULL, NULL);
        break;
    case SW_WAL_OP_SNAPSHOT:
        wal->ops->set_snapshot(wal, op->group, op->snapshot, op->index, op->reset, NULL, NULL);
        break;
    default:
        SW_ASSERT(false);
    }
    SW_ASSERT(sw_wal_mem_step(mem));
}

static void fingerprints_make(struct wal_script *script)
{
    struct sw_wal_mem *mem = sw_wal_mem_new();

    script->fingerprints = calloc(script->step_count + 1, sizeof(*script->fingerprints));
    SW_ASSERT(script->fingerprints != NULL);
    script->fingerprints[0] = wal_fingerprint_mem(mem, script->group_count);
    for (size_t i = 0; i < script->step_count; i++) {
        mem_do(mem, &script->steps[i].op);
        script->fingerprints[i + 1] = wal_fingerprint_mem(mem, script->group_count);
    }
    sw_wal_mem_free(mem);
}

struct wal_script *
wal_script_new(uint64_t seed, size_t step_count, uint32_t group_count, size_t body_max)
{
    struct wal_script *script = calloc(1, sizeof(*script));
    struct sw_prng prng = sw_prng_of(seed);
    struct shadow shadows[GROUP_MAX];

    SW_ASSERT(script != NULL);
    SW_ASSERT(group_count <= GROUP_MAX);
    SW_ASSERT(body_max < BYTES_SIZE);
    *script =
        (struct wal_script){.seed = seed, .group_count = group_count, .step_count = step_count};
    script->bytes = malloc(BYTES_SIZE);
    script->steps = calloc(step_count, sizeof(*script->steps));
    SW_ASSERT(script->bytes != NULL);
    SW_ASSERT(script->steps != NULL);
    for (size_t i = 0; i < BYTES_SIZE; i++) {
        script->bytes[i] = (uint8_t)sw_prng_next(&prng);
    }
    for (size_t i = 0; i < GROUP_MAX; i++) {
        shadows[i] = (struct shadow){.term = 0, .first = 1, .next = 1};
    }
    for (size_t i = 0; i < step_count; i++) {
        const uint32_t group = (uint32_t)sw_prng_below(&prng, group_count);
        script->steps[i].op.group.value = group + 1;
        step_make(script, &script->steps[i], &shadows[group], &prng, body_max);
    }
    fingerprints_make(script);
    return script;
}

void wal_script_free(struct wal_script *script)
{
    free(script->fingerprints);
    free(script->steps);
    free(script->bytes);
    free(script);
}

enum sw_err wal_script_commit(const struct wal_script *script,
                              struct sw_wal_engine *engine,
                              size_t from,
                              size_t to,
                              char why[SW_WHY_SIZE])
{
    struct sw_wal_entry entries[WAL_SCRIPT_BATCH_MAX];
    struct sw_wal_op ops[WAL_SCRIPT_BATCH_MAX];
    size_t count = 0;

    SW_ASSERT(to <= script->step_count);
    SW_ASSERT(to - from <= WAL_SCRIPT_BATCH_MAX);
    for (size_t i = from; i < to; i++) {
        const struct wal_step *step = &script->steps[i];
        struct sw_wal_op *last = count == 0 ? NULL : &ops[count - 1];
        entries[i - from] = step->entry;
        if (last != NULL && last->kind == SW_WAL_OP_APPEND && step->op.kind == SW_WAL_OP_APPEND &&
            last->group.value == step->op.group.value &&
            last->entries[last->entry_count - 1].index + 1 == step->entry.index) {
            last->entry_count++;
            continue;
        }
        ops[count] = step->op;
        ops[count].entries = &entries[i - from];
        count++;
    }
    return sw_wal_engine_commit(engine, ops, count, why);
}

static uint64_t mix(uint64_t hash, const void *bytes, size_t size)
{
    return XXH3_64bits_withSeed(size == 0 ? "" : bytes, size, hash);
}

static uint64_t fingerprint_add(uint64_t hash, const struct sw_wal_group *group)
{
    const uint64_t fields[7] = {group->hard.term,
                                group->hard.vote.value,
                                group->has_snapshot ? 1 : 0,
                                group->snapshot_index,
                                group->snapshot_term,
                                group->first_index,
                                group->entry_count};

    hash = mix(hash, fields, sizeof(fields));
    hash = mix(hash, group->descriptor, group->descriptor_size);
    for (size_t i = 0; i < group->entry_count; i++) {
        const struct sw_wal_entry *entry = &group->entries[i];
        const uint64_t head[3] = {entry->index, entry->term, entry->type};
        hash = mix(hash, head, sizeof(head));
        hash = mix(hash, entry->body.data, entry->body.size);
    }
    return hash;
}

uint64_t wal_fingerprint_mem(struct sw_wal_mem *mem, uint32_t group_count)
{
    struct sw_wal *wal = sw_wal_mem_port(mem);
    uint64_t hash = 0;

    for (uint32_t i = 1; i <= group_count; i++) {
        struct sw_wal_group group;
        const enum sw_err err = wal->ops->load(wal, (struct sw_group_id){i}, &group);
        SW_ASSERT(err == SW_ERR_OK);
        hash = fingerprint_add(hash, &group);
        sw_wal_group_release(&group);
    }
    return hash;
}

enum sw_err wal_fingerprint_engine(struct sw_wal_engine *engine,
                                   uint32_t group_count,
                                   uint64_t *ret_fingerprint,
                                   char why[SW_WHY_SIZE])
{
    uint64_t hash = 0;

    for (uint32_t i = 1; i <= group_count; i++) {
        struct sw_wal_group group;
        const enum sw_err err = sw_wal_engine_load(engine, (struct sw_group_id){i}, &group, why);
        if (err != SW_ERR_OK) {
            return err;
        }
        hash = fingerprint_add(hash, &group);
        sw_wal_group_release(&group);
    }
    *ret_fingerprint = hash;
    return SW_ERR_OK;
}

size_t
wal_script_find(const struct wal_script *script, uint64_t fingerprint, size_t from, size_t to)
{
    SW_ASSERT(from <= to);
    SW_ASSERT(to <= script->step_count);
    for (size_t i = to + 1; i > from; i--) {
        if (script->fingerprints[i - 1] == fingerprint) {
            return i - 1;
        }
    }
    return SIZE_MAX;
}

struct sw_wal_engine_config wal_script_config(struct sw_disk_mem *disk)
{
    return (struct sw_wal_engine_config){.disk = sw_disk_mem_port(disk),
                                         .swarm = {{5, 5, 5}},
                                         .node = {3},
                                         .segment_size = SW_WAL_SEGMENT_SIZE_MIN,
                                         .block_size = 512,
                                         .salt = 77};
}
