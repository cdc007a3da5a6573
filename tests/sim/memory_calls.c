/* What is asked of memories, and what may be concluded from each answer. */
#include "tests/sim/memory_calls.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/prng.h"
#include "node/apply.h"
#include "node/memory_ring.h"
#include "storage/keys.h"
#include "transport/memory.h"
#include "transport/relation.h"

enum { RING = 5 };

static const char partition[] = "memories";

static void content_of(uint32_t slot, char ret_content[16])
{
    (void)snprintf(ret_content, 16, "m%u", slot);
}

static struct sw_memory_key key_of(const struct sim_client *client, uint32_t slot)
{
    struct sw_memory_key key;
    char content[16];

    content_of(slot, content);
    sw_memory_key_of(
        sw_span_str(client->memory.agent), sw_span_str("t"), sw_span_str(content), &key);
    return key;
}

static void wrong(const struct sim_client *client, const char *what, uint32_t slot)
{
    sim_fail(client->all->world,
             "%s: client %u, memory %u of agent %s, which has %u",
             what,
             client->number,
             slot,
             client->memory.agent,
             client->memory.count);
}

/* --- what is known ---------------------------------------------------------------------------- */

/* Nobody knows what became of a write: another agent, whose memories are all known. */
static void begin_anew(struct sim_client *client)
{
    struct sim_memory *memory = &client->memory;

    memory->life++;
    memory->count = 0;
    memory->forgetting = false;
    for (uint32_t i = 0; i < SIM_MEMORY_COUNT; i++) {
        memory->known[i] = SIM_MEMORY_ABSENT;
        memory->source[i] = SIM_MEMORY_COUNT;
    }
    (void)snprintf(memory->agent, sizeof memory->agent, "c%u-%u", client->number, memory->life);
}

static void said(struct sim_client *client, const struct sw_reply *reply)
{
    struct sim_memory *memory = &client->memory;
    struct sw_reader in = sw_reader_of(reply->records);
    struct sw_record record;
    const uint32_t slot = memory->slot;

    if (reply->record_count != 1 || sw_record_decode(&in, &record) != SW_ERR_OK) {
        wrong(client, "said, and no key came back", slot);
        return;
    }
    if (memory->known[slot] == SIM_MEMORY_THERE && record.version == 1) {
        wrong(client, "lost", slot);
    } else if (memory->known[slot] == SIM_MEMORY_ABSENT && record.version > 1) {
        wrong(client, "came back", slot);
    }
    memory->count += record.version == 1 ? 1 : 0;
    if (reply->value > memory->count) {
        wrong(client, "more left than there were", slot);
        return;
    }
    memory->count -= (uint32_t)reply->value;
    if (memory->count > RING) {
        wrong(client, "the ring overflows", slot);
    }
    for (uint32_t i = 0; reply->value > 0 && i < SIM_MEMORY_COUNT; i++) {
        memory->known[i] =
            memory->known[i] == SIM_MEMORY_ABSENT ? SIM_MEMORY_ABSENT : SIM_MEMORY_MAYBE;
    }
    memory->known[slot] = SIM_MEMORY_THERE;
    memory->source[slot] = memory->from;
}

/* Does it derive from the one that was forgotten? Sources of one each: a walk up. */
static bool derives(const struct sim_memory *memory, uint32_t slot, uint32_t root)
{
    for (uint32_t i = 0; i <= SIM_MEMORY_COUNT && slot < SIM_MEMORY_COUNT; i++) {
        if (slot == root) {
            return true;
        }
        slot = memory->source[slot];
    }
    return false;
}

static void forgot(struct sim_client *client, const struct sw_reply *reply)
{
    struct sim_memory *memory = &client->memory;

    if (memory->known[memory->slot] == SIM_MEMORY_ABSENT && !memory->cascades) {
        wrong(client, "forgotten, though it was not there", memory->slot);
    }
    memory->forgetting = memory->cascades && reply->value != 0;
    if (memory->cascades) {
        for (uint32_t i = 0; i < SIM_MEMORY_COUNT; i++) {
            memory->known[i] =
                derives(memory, i, memory->slot) ? SIM_MEMORY_ABSENT : memory->known[i];
        }
        memory->lists = true; /* how many there are is seen next */
    } else {
        memory->known[memory->slot] = SIM_MEMORY_ABSENT;
        memory->count--;
    }
}

static void listed(struct sim_client *client, const struct sw_reply *reply)
{
    struct sim_memory *memory = &client->memory;
    bool there[SIM_MEMORY_COUNT] = {false};
    struct sw_reader in = sw_reader_of(reply->records);

    if (reply->more) {
        return; /* a short page says nothing of what is not in it */
    }
    for (uint32_t i = 0; i < reply->record_count; i++) {
        struct sw_record record;
        const enum sw_err err = sw_record_decode(&in, &record);

        SW_ASSERT(err == SW_ERR_OK); /* the reply decoded */
        for (uint32_t slot = 0; slot < SIM_MEMORY_COUNT; slot++) {
            const struct sw_memory_key key = key_of(client, slot);

            there[slot] = there[slot] || sw_span_equal(sw_memory_key_span(&key), record.key);
        }
    }
    if (!memory->lists && reply->record_count != memory->count) {
        wrong(client, "as many are not there", reply->record_count);
    }
    for (uint32_t slot = 0; slot < SIM_MEMORY_COUNT; slot++) {
        if (memory->known[slot] == SIM_MEMORY_THERE && !there[slot]) {
            wrong(client, "lost", slot);
        } else if (memory->known[slot] == SIM_MEMORY_ABSENT && there[slot]) {
            wrong(client, "forgotten and seen", slot);
        }
        memory->known[slot] = there[slot] ? SIM_MEMORY_THERE : SIM_MEMORY_ABSENT;
    }
    memory->count = reply->record_count;
    memory->lists = false;
}

/* --- answers ---------------------------------------------------------------------------------- */

/* An answer that says that a memory is not there. */
static void missed(struct sim_client *client, const struct sw_reply *reply)
{
    struct sim_memory *memory = &client->memory;
    const uint32_t slot = reply->err == SW_ERR_SOURCE_GONE ? memory->from : memory->slot;

    if (memory->known[slot] == SIM_MEMORY_THERE) {
        wrong(client, "lost", slot);
    }
    if (memory->op == SW_OP_MEMORY_FORGET && memory->cascades) {
        memory->forgetting = false;
    }
    memory->known[slot] = SIM_MEMORY_ABSENT;
}

static void answered(struct sim_client *client, const struct sw_reply *reply)
{
    struct sim_memory *memory = &client->memory;

    if (memory->op == SW_OP_PUT) {
        client->all->has_ring = client->all->has_ring || reply->err == SW_ERR_OK;
    } else if (reply->err == SW_ERR_NOT_FOUND || reply->err == SW_ERR_SOURCE_GONE) {
        missed(client, reply);
    } else if (reply->err != SW_ERR_OK) {
        if (memory->op != SW_OP_SCAN) {
            begin_anew(client);
        }
    } else if (memory->op == SW_OP_MEMORY_PUT) {
        said(client, reply);
    } else if (memory->op == SW_OP_MEMORY_FORGET) {
        forgot(client, reply);
    } else if (memory->op == SW_OP_SCAN) {
        listed(client, reply);
    } else if (memory->known[memory->slot] == SIM_MEMORY_ABSENT) {
        wrong(client, "used, though it was not there", memory->slot);
    }
}

static void done(void *arg, const struct sw_reply *reply)
{
    struct sim_client *client = arg;
    struct sim_memory *memory = &client->memory;
    const bool ok = reply->err == SW_ERR_OK;

    SW_ASSERT(memory->pending);
    memory->pending = false;
    sim_trace3(client->all->world,
               SIM_TRACE_CLIENT + client->number,
               SIM_TRACE_CLIENT_DONE,
               reply->err,
               reply->revision,
               memory->call);
    sim_history_end(&client->all->history,
                    memory->call,
                    ok ? SIM_CALL_DONE : SIM_CALL_UNKNOWN,
                    ok ? reply->revision : 0,
                    ok && memory->op != SW_OP_SCAN);
    answered(client, reply);
}

/* --- calls ------------------------------------------------------------------------------------ */

static void ask_say(struct sim_client *client, struct sw_request *request, struct sw_buf *value)
{
    struct sim_memory *memory = &client->memory;
    struct sw_prng *prng = &client->all->world->prng;
    char content[16];
    struct sw_memory_put put = {.success = true,
                                .utility = (uint16_t)sw_prng_below(prng, 1001),
                                .importance = SW_MEMORY_UNSET,
                                .task = sw_span_str("t")};
    struct sw_memory_key source;

    content_of(memory->slot, content);
    put.content = sw_span_str(content);
    memory->from = (uint32_t)sw_prng_below(prng, SIM_MEMORY_COUNT);
    if (memory->from != memory->slot && memory->known[memory->from] == SIM_MEMORY_THERE &&
        sw_prng_chance(prng, 2, 3)) {
        source = key_of(client, memory->from);
        put.parents[put.parent_count++] = sw_memory_key_span(&source);
        put.archive = sw_prng_chance(prng, 1, 4);
    } else {
        memory->from = SIM_MEMORY_COUNT;
    }
    request->op = SW_OP_MEMORY_PUT;
    request->key = sw_span_str(memory->agent);
    sw_memory_put_encode(&put, value);
}

static void ask_settings(struct sw_request *request, struct sw_buf *value)
{
    const struct sw_memory_settings settings = {.count_max = RING, .size_max = 1 << 20};

    request->op = SW_OP_PUT;
    request->key = sw_span_str(SW_MEMORY_SETTINGS_KEY);
    sw_memory_settings_write(&settings, value);
}

static void ask_use(struct sim_client *client, struct sw_request *request, struct sw_buf *value)
{
    struct sw_prng *prng = &client->all->world->prng;

    if (sw_prng_chance(prng, 1, 2)) {
        request->op = SW_OP_MEMORY_USE;
        sw_write_u8(value, (uint8_t)(1 + sw_prng_below(prng, SW_MEMORY_USE_COUNT - 1)));
    } else {
        request->op = SW_OP_MEMORY_FORGET;
        client->memory.cascades = sw_prng_chance(prng, 1, 2);
        request->limit = client->memory.cascades ? 1 : 0;
    }
}

void sim_memory_step(struct sim_client *client, uint32_t timeout_ms)
{
    struct sw_prng *prng = &client->all->world->prng;
    struct sim_memory *memory = &client->memory;
    struct sw_request request = {.op = 0};
    struct sw_buf value = {0};
    struct sw_memory_key key;
    char list[64], end[64];

    if (memory->pending) {
        return;
    }
    if (memory->agent[0] == '\0') {
        begin_anew(client);
    }
    memory->slot =
        memory->forgetting ? memory->slot : (uint32_t)sw_prng_below(prng, SIM_MEMORY_COUNT);
    key = key_of(client, memory->slot);
    (void)snprintf(list, sizeof list, "%s%s/", SW_MEMORY_PREFIX, memory->agent);
    (void)snprintf(end, sizeof end, "%s%s0", SW_MEMORY_PREFIX, memory->agent);
    if (!client->all->has_ring) {
        ask_settings(&request, &value);
    } else if (memory->forgetting) {
        request.op = SW_OP_MEMORY_FORGET;
        request.key = sw_memory_key_span(&key);
        request.limit = 1;
    } else if (memory->lists || sw_prng_chance(prng, 1, 4)) {
        request.op = SW_OP_SCAN;
        request.key = sw_span_str(list);
        request.end_key = sw_span_str(end);
    } else if (sw_prng_chance(prng, 2, 3)) {
        ask_say(client, &request, &value);
    } else {
        request.key = sw_memory_key_span(&key);
        ask_use(client, &request, &value);
    }
    request.value = sw_buf_span(&value);
    memory->pending = true;
    memory->op = request.op;
    sim_client_submit(client, &request, partition, timeout_ms, done, &memory->call);
    sw_buf_release(&value);
}

/* --- the store at the end --------------------------------------------------------------------- */

/* Counted by walking; compared with what the row says. */
static struct sw_memory_ring
recount(struct sw_store *store, const struct sw_place *place, struct sw_span agent)
{
    struct sw_memory_ring ring = {0};
    struct sw_store_record stored;
    struct sw_kv_record record;
    struct sw_kv_key parts;
    struct sw_key from;
    struct sw_span of;
    enum sw_err err;

    sw_key_kv(place, sw_span_str(SW_MEMORY_PREFIX), &from);
    err = store->ops->seek(store, SW_TABLE_KV, sw_key_span(&from), false, &stored);
    while (err == SW_ERR_OK && sw_key_has_prefix(stored.key, sw_key_span(&from))) {
        if (sw_key_kv_decode(stored.key, &parts) == SW_ERR_OK &&
            sw_kv_record_decode(stored.value, &record) == SW_ERR_OK &&
            sw_memory_key_read(parts.key, &of) && sw_span_equal(of, agent)) {
            ring.count++;
            ring.size += parts.key.size + record.value.size;
        }
        err = store->ops->next(store, SW_TABLE_KV, false, &stored);
    }
    return ring;
}

static void
judge_rings(struct sim_world *world, struct sw_store *store, const struct sw_place *place)
{
    struct sw_store_record stored;
    struct sw_memory_ring told, counted;
    struct sw_key prefix, at;
    enum sw_err err;

    sw_memory_ring_key(place, sw_span_of(NULL, 0), &prefix);
    at = prefix;
    for (;;) { /* counting walks another table, but seeking anew is as easy */
        err = store->ops->seek(store, SW_TABLE_INDEX, sw_key_span(&at), false, &stored);
        if (err != SW_ERR_OK || !sw_key_has_prefix(stored.key, sw_key_span(&prefix))) {
            return;
        }
        at.size = stored.key.size;
        memcpy(at.data, stored.key.data, stored.key.size);
        if (sw_memory_ring_decode(stored.value, &told) != SW_ERR_OK) {
            sim_fail(world, "a ring does not decode");
            return;
        }
        counted = recount(store, place, sw_span_of(at.data + prefix.size, at.size - prefix.size));
        if (told.count != counted.count || told.size != counted.size || told.count > RING) {
            sim_fail(world,
                     "a ring says %" PRIu64 " memories of %" PRIu64 " bytes, there are %" PRIu64
                     " of %" PRIu64,
                     told.count,
                     told.size,
                     counted.count,
                     counted.size);
        }
        at.data[at.size++] = 0;
    }
}

/* Each half of a link has the other, and what derives from a source names it. */
static void
judge_links(struct sim_world *world, struct sw_store *store, const struct sw_place *place)
{
    struct sw_store_record stored;
    struct sw_key prefix;
    enum sw_err err;

    sw_key_kv(place, sw_span_str("link"), &prefix);
    err = store->ops->seek(store, SW_TABLE_KV, sw_key_span(&prefix), false, &stored);
    while (err == SW_ERR_OK && sw_key_has_prefix(stored.key, sw_key_span(&prefix))) {
        struct sw_link_hash here, there;
        struct sw_link_key other;
        enum sw_link_side side;
        struct sw_kv_key parts;
        struct sw_span type, value;
        struct sw_key key;

        if (sw_key_kv_decode(stored.key, &parts) != SW_ERR_OK ||
            !sw_link_key_read(parts.key, &side, &here, &type, &there)) {
            sim_fail(world, "a link's key does not read");
            return;
        }
        sw_link_key_of(
            side == SW_LINK_FORTH ? SW_LINK_BACK : SW_LINK_FORTH, &there, type, &here, &other);
        sw_key_kv(place, sw_link_key_span(&other), &key);
        if (store->ops->get(store, SW_TABLE_KV, sw_key_span(&key), &value) != SW_ERR_OK) {
            sim_fail(world, "half of a link is gone");
        }
        err = store->ops->next(store, SW_TABLE_KV, false, &stored);
    }
}

void sim_memory_judge(struct sim_world *world, struct sw_store *store)
{
    const struct sw_place place = {.tenant = sw_span_str("t"),
                                   .name_space = sw_span_str("n"),
                                   .partition = sw_span_str(partition)};

    judge_rings(world, store, &place);
    judge_links(world, store, &place);
}
