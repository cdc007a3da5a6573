/* Rings: counted with every write, and what leaves a full one.
 *
 * Keys of an agent's memories end with a hash, so whatever lies behind a key is a sample of them
 * all: of the next few, the least worth leave. That takes the same short time whatever the ring
 * holds, and every replica takes the same. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/point.h"
#include "node/memory_private.h"
#include "node/memory_ring.h"

/* --- rows ------------------------------------------------------------------------------------- */

void sw_memory_ring_key(const struct sw_place *place, struct sw_span agent, struct sw_key *ret_key)
{
    struct sw_key partition;

    sw_key_kv(place, agent, &partition);
    sw_key_index(sw_place_slot(place),
                 SW_INDEX_RING,
                 0,
                 sw_span_of(partition.data + SW_KEY_SLOT_SIZE, partition.size - SW_KEY_SLOT_SIZE),
                 ret_key);
}

void sw_memory_ring_encode(const struct sw_memory_ring *ring, struct sw_buf *out)
{
    sw_write_u8(out, SW_MEMORY_RING_FORMAT);
    sw_write_u64(out, ring->count);
    sw_write_u64(out, ring->size);
}

enum sw_err sw_memory_ring_decode(struct sw_span bytes, struct sw_memory_ring *ret_ring)
{
    struct sw_reader in = sw_reader_of(bytes);
    uint8_t format;
    const enum sw_err err = sw_read_format(&in, SW_MEMORY_RING_FORMAT, &format);

    if (err != SW_ERR_OK) {
        return err;
    }
    ret_ring->count = sw_read_u64(&in);
    ret_ring->size = sw_read_u64(&in);
    return sw_reader_finish(&in) == SW_ERR_OK && ret_ring->count > 0 ? SW_ERR_OK : SW_ERR_CORRUPT;
}

static enum sw_err get_ring(struct sw__apply *apply,
                            const struct sw_place *place,
                            struct sw_span agent,
                            struct sw_memory_ring *ret_ring)
{
    struct sw_span bytes;
    struct sw_key key;
    enum sw_err err;

    sw_memory_ring_key(place, agent, &key);
    err = apply->store->ops->get(apply->store, SW_TABLE_INDEX, sw_key_span(&key), &bytes);
    *ret_ring = (struct sw_memory_ring){0};
    if (err == SW_ERR_NOT_FOUND) {
        return SW_ERR_OK;
    }
    return err == SW_ERR_OK ? sw_memory_ring_decode(bytes, ret_ring) : err;
}

/* Keys that were there before rings were counted, by another program's hand, may go below zero. */
static uint64_t add_to(uint64_t count, int64_t more)
{
    return more < 0 && count < (uint64_t)-more ? 0 : count + (uint64_t)more;
}

enum sw_err sw__memory_count(struct sw__apply *apply,
                             const struct sw_place *place,
                             struct sw_span name,
                             const struct sw_kv_record *old,
                             const struct sw_kv_record *record)
{
    struct sw_buf *bytes = &apply->state->record;
    struct sw_memory_ring ring;
    struct sw__usage_change change;
    struct sw_span agent;
    struct sw_key key;
    enum sw_err err;

    if (!sw_memory_key_read(name, &agent) || apply->state->rules < SW_ENTRY_FORMAT_MEMORIES) {
        return SW_ERR_OK;
    }
    change = record == NULL ? sw__usage_of_del(name, old) : sw__usage_of_put(name, old, record);
    err = get_ring(apply, place, agent, &ring);
    if (err != SW_ERR_OK) {
        return err;
    }
    ring.count = add_to(ring.count, change.keys);
    ring.size = add_to(ring.size, change.bytes);
    sw_memory_ring_key(place, agent, &key);
    if (ring.count == 0) {
        struct sw_span was;

        err = apply->store->ops->get(apply->store, SW_TABLE_INDEX, sw_key_span(&key), &was);
        return err == SW_ERR_OK          ? sw__table_del(apply, SW_TABLE_INDEX, &key)
               : err == SW_ERR_NOT_FOUND ? SW_ERR_OK
                                         : err;
    }
    sw_buf_clear(bytes);
    sw_memory_ring_encode(&ring, bytes);
    return sw__table_put(apply, SW_TABLE_INDEX, &key, sw_buf_span(bytes));
}

/* --- samples ---------------------------------------------------------------------------------- */

struct candidate {
    struct sw_memory_key name;
    uint32_t worth;
    bool faded; /* below the floor */
    uint64_t revision;
    uint64_t size;
};

struct sample {
    struct candidate all[SW_MEMORY_SAMPLE_COUNT];
    uint32_t count;
};

static bool is_source(const struct sw_memory_put *put, struct sw_span name)
{
    for (uint32_t i = 0; put != NULL && i < put->parent_count; i++) {
        if (sw_span_equal(put->parents[i], name)) {
            return true;
        }
    }
    return false;
}

static void look(const struct sw__memory_plan *plan,
                 struct sw_span name,
                 const struct sw_kv_record *record,
                 struct candidate *ret_candidate)
{
    const uint64_t now_ms = plan->apply->state->time_ms;
    struct sw_memory_text text;

    memcpy(ret_candidate->name.data, name.data, name.size);
    ret_candidate->name.size = (uint32_t)name.size;
    ret_candidate->revision = record->mod_revision;
    ret_candidate->size = name.size + record->value.size;
    ret_candidate->worth = 0; /* what is no memory goes first */
    ret_candidate->faded = false;
    if (sw_memory_text_read(record->value, &text)) {
        enum sw_memory_tier tier;
        uint32_t importance;

        sw_memory_fade(&text, now_ms, &importance, &tier);
        ret_candidate->worth = sw_memory_worth(&text, now_ms);
        ret_candidate->faded = importance < plan->settings.floor;
    }
}

/* Those from `from` on, and before `end` unless that is empty. */
static enum sw_err sample_part(const struct sw__memory_plan *plan,
                               const struct sw__memory_need *need,
                               struct sw_span prefix,
                               struct sw_span from,
                               struct sw_span end,
                               struct sample *sample)
{
    struct sw_kv_record record;
    struct sw_span name, agent;
    uint32_t strange = 0;
    enum sw_err err = sw__memory_seek(plan, prefix, from, &name, &record);

    /* Among the memories others may lie that somebody put there: they are not looked at for long.
     */
    while (err == SW_ERR_OK && sample->count < SW_MEMORY_SAMPLE_COUNT &&
           strange < SW_MEMORY_SAMPLE_COUNT) {
        if (end.size > 0 && sw_span_compare(name, end) >= 0) {
            return SW_ERR_OK;
        }
        if (!sw_memory_key_read(name, &agent) || !sw_span_equal(agent, need->agent)) {
            strange++;
        } else if (!is_source(need->spare, name) && !sw__memory_plan_has(plan, name)) {
            look(plan, name, &record, &sample->all[sample->count++]);
        }
        err = sw__memory_next(plan, prefix, &name, &record);
    }
    return err == SW_ERR_NOT_FOUND ? SW_ERR_OK : err;
}

static int by_worth(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;

    if (x->worth != y->worth) {
        return x->worth < y->worth ? -1 : 1;
    }
    if (x->revision != y->revision) {
        return x->revision < y->revision ? -1 : 1;
    }
    return sw_span_compare(sw_memory_key_span(&x->name), sw_memory_key_span(&y->name));
}

/* From the key on, and then from the beginning: the least worth first. */
static enum sw_err take_sample(const struct sw__memory_plan *plan,
                               const struct sw__memory_need *need,
                               struct sample *ret_sample)
{
    struct sw_link_key prefix = {.size = sizeof SW_MEMORY_PREFIX - 1};
    enum sw_err err;

    static_assert(sizeof prefix.data >= SW_MEMORY_KEY_SIZE_MAX, "a prefix fits");
    memcpy(prefix.data, SW_MEMORY_PREFIX, prefix.size);
    memcpy(prefix.data + prefix.size, need->agent.data, need->agent.size);
    prefix.size += (uint32_t)need->agent.size;
    prefix.data[prefix.size++] = '/';
    ret_sample->count = 0;
    err = sample_part(
        plan, need, sw_link_key_span(&prefix), need->from, sw_span_of(NULL, 0), ret_sample);
    if (err == SW_ERR_OK && ret_sample->count < SW_MEMORY_SAMPLE_COUNT) {
        err = sample_part(
            plan, need, sw_link_key_span(&prefix), sw_span_of(NULL, 0), need->from, ret_sample);
    }
    qsort(ret_sample->all, ret_sample->count, sizeof ret_sample->all[0], by_worth);
    return err;
}

static bool is_over(const struct sw__memory_plan *plan,
                    const struct sw_memory_ring *ring,
                    const struct sw__memory_need *need)
{
    return !SW_PLANTED(RING_OVERFLOWS) &&
           ((int64_t)ring->count + need->count > (int64_t)plan->settings.count_max ||
            (int64_t)ring->size + need->size > (int64_t)plan->settings.size_max);
}

static enum sw_err
evict(struct sw__memory_plan *plan, struct sw__memory_need *need, const struct candidate *least)
{
    need->count--;
    need->size -= (int64_t)least->size;
    need->evicted++;
    return sw__memory_plan_forget(plan, sw_memory_key_span(&least->name));
}

enum sw_err sw__memory_plan_room(struct sw__memory_plan *plan,
                                 struct sw__memory_need *need,
                                 enum sw_err *ret_answer)
{
    const bool lets_fade = !need->room_only && plan->settings.floor > 0;
    struct sw_memory_ring ring;
    struct sample sample;
    enum sw_err err = get_ring(plan->apply, &plan->place, need->agent, &ring);

    if (err != SW_ERR_OK || (!lets_fade && !is_over(plan, &ring, need))) {
        return err;
    }
    err = take_sample(plan, need, &sample);
    for (uint32_t i = 0;
         i < sample.count && err == SW_ERR_OK && need->evicted < SW_MEMORY_EVICT_COUNT_MAX;
         i++) {
        if (is_over(plan, &ring, need) || (lets_fade && sample.all[i].faded)) {
            err = evict(plan, need, &sample.all[i]);
        }
    }
    if (err == SW_ERR_OK && is_over(plan, &ring, need)) {
        *ret_answer = SW_ERR_RING_FULL;
    }
    return err;
}
