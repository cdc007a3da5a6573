/* Random transactions, and what their answers say. */
#include "tests/sim/txn_calls.h"

#include <inttypes.h>

#include "base/assert.h"

struct sw_span sim_key_name(uint32_t key, char name[3])
{
    SW_ASSERT(key < SIM_KEY_COUNT);
    name[0] = key == SIM_KEY_COUNTER ? 'n' : (key == SIM_KEY_LIST ? 'l' : 'k');
    name[1] = key < SIM_KEY_MAX ? (char)('0' + key) : '\0';
    name[2] = '\0';
    return sw_span_str(name);
}

/* --- making one ------------------------------------------------------------------------------- */

static struct sim_txn_part *
add_part(struct sim_running *running, enum sw_txn_kind kind, uint32_t key)
{
    struct sim_txn_plan *txn = &running->txn;
    struct sim_txn_part *part = &txn->parts[txn->part_count];

    SW_ASSERT(txn->part_count < SIM_TXN_PART_MAX);
    txn->part_count++;
    *part = (struct sim_txn_part){.kind = kind, .key = key};
    return part;
}

static void
add_write(struct sim_running *running, enum sw_txn_kind kind, uint32_t key, enum sim_call_kind as)
{
    struct sim_clients *clients = running->client->all;
    struct sim_txn_part *part = add_part(running, kind, key);
    const struct sim_call call = {
        .kind = as, .client = running->client->number, .key = key, .group = running->call + 1};

    part->call = sim_history_begin(&clients->history, &call);
    clients->history.calls[part->call].value = as == SIM_CALL_DELETE ? 0 : part->call + 1;
    part->flags = sw_prng_chance(&clients->world->prng, 1, 3) ? SW_TXN_PREVIOUS : 0;
}

static void choose_compares(struct sim_running *running)
{
    struct sim_world *world = running->client->all->world;
    struct sim_txn_plan *txn = &running->txn;

    txn->compare_count = (uint32_t)sw_prng_below(&world->prng, SIM_TXN_COMPARE_MAX + 1);
    for (uint32_t i = 0; i < txn->compare_count; i++) {
        const uint32_t key = (uint32_t)sw_prng_below(&world->prng, world->plan.keys);

        txn->compares[i].key = key;
        txn->compares[i].expected = running->client->mod_revision[key];
        (void)add_part(running, SW_TXN_GET, key);
    }
}

static void choose_writes(struct sim_running *running)
{
    struct sim_world *world = running->client->all->world;
    const uint32_t first = (uint32_t)sw_prng_below(&world->prng, world->plan.keys);
    const uint64_t count = sw_prng_below(&world->prng, SIM_TXN_WRITE_MAX + 1);

    for (uint32_t i = 0; i < count && i < world->plan.keys; i++) {
        const uint32_t key = (first + i) % world->plan.keys;
        const bool deletes = sw_prng_chance(&world->prng, 1, 5);

        add_write(running,
                  deletes ? SW_TXN_DELETE : SW_TXN_PUT,
                  key,
                  deletes ? SIM_CALL_DELETE : SIM_CALL_PUT);
    }
    if (sw_prng_chance(&world->prng, 1, 2)) {
        add_write(running, SW_TXN_MERGE, SIM_KEY_COUNTER, SIM_CALL_MERGE);
    }
    if (sw_prng_chance(&world->prng, 1, 2)) {
        add_write(running, SW_TXN_MERGE, SIM_KEY_LIST, SIM_CALL_MERGE);
    }
    (void)add_part(running, SW_TXN_GET, first);
}

static void encode_part(const struct sim_txn_part *part, struct sw_buf *out)
{
    struct sw_txn_op op = {.kind = part->kind, .flags = part->flags};
    uint8_t value[8];
    char name[3];

    op.key = sim_key_name(part->key, name);
    sw_store_u64(value, part->call + 1);
    if (part->key == SIM_KEY_COUNTER) {
        op.merge = SW_MERGE_ADD;
        op.value = sw_span_str("1");
    } else if (part->kind == SW_TXN_PUT || part->kind == SW_TXN_MERGE) {
        op.merge = SW_MERGE_APPEND;
        op.value = sw_span_of(value, sizeof(value));
    }
    sw_txn_op_encode(&op, out);
}

void sim_txn_begin(struct sim_running *running, struct sw_buf *out)
{
    struct sim_txn_plan *txn = &running->txn;
    char name[3];

    *txn = (struct sim_txn_plan){0};
    choose_compares(running);
    choose_writes(running);
    sw_txn_header_encode(txn->compare_count, txn->part_count, txn->compare_count, out);
    for (uint32_t i = 0; i < txn->compare_count; i++) {
        sw_compare_encode(&(struct sw_compare){.target = SW_COMPARE_MOD_REVISION,
                                               .relation = SW_RELATION_EQUAL,
                                               .key = sim_key_name(txn->compares[i].key, name),
                                               .number = txn->compares[i].expected},
                          out);
    }
    for (uint32_t i = 0; i < txn->part_count; i++) {
        encode_part(&txn->parts[i], out);
    }
    for (uint32_t i = 0; i < txn->compare_count; i++) {
        encode_part(&txn->parts[i], out); /* the reads of what was compared */
    }
}

/* --- taking one apart ------------------------------------------------------------------------- */

static void wrong(struct sim_running *running, const char *what, uint32_t key)
{
    sim_fail(running->client->all->world,
             "transaction %zu of client %u: %s, key %u",
             running->call,
             running->client->number,
             what,
             key);
}

static bool
next_record(struct sim_running *running, struct sw_reader *in, struct sw_record *ret_record)
{
    *ret_record = (struct sw_record){0};
    if (sw_record_decode(in, ret_record) == SW_ERR_OK) {
        return true;
    }
    wrong(running, "its answer lacks records", 0);
    return false;
}

static void
see(struct sim_running *running, uint32_t key, uint64_t at, const struct sw_record *record)
{
    sim_clients_see(running, key, at, record->version == 0 ? NULL : record);
}

/* The compares before the one that failed held, and that one did not. */
static void end_else(struct sim_running *running, const struct sw_reply *reply)
{
    const struct sim_txn_plan *txn = &running->txn;
    struct sw_reader in = sw_reader_of(reply->records);
    struct sw_record record;

    for (uint32_t i = 0; i < txn->compare_count && next_record(running, &in, &record); i++) {
        const bool held = record.mod_revision == txn->compares[i].expected;

        see(running, txn->compares[i].key, reply->revision, &record);
        if (i < reply->value && held != (i + 1 < reply->value)) {
            wrong(running,
                  "the compare that it names is not the first that fails",
                  record.key.data[0]);
        }
    }
}

static bool is_change(const struct sim_txn_part *part, const struct sw_record *record)
{
    return part->kind == SW_TXN_PUT || part->kind == SW_TXN_MERGE ||
           (part->kind == SW_TXN_DELETE && record->version > 0);
}

/* Revisions before and of the transaction; equal if it changed nothing. */
struct moment {
    uint64_t before, after;
};

static bool written_before(const struct sim_txn_plan *txn, uint32_t at)
{
    for (uint32_t i = 0; i < at; i++) {
        if (txn->parts[i].kind != SW_TXN_GET && txn->parts[i].key == txn->parts[at].key) {
            return true;
        }
    }
    return false;
}

static void see_part(struct sim_running *running,
                     uint32_t at,
                     const struct moment *moment,
                     struct sw_record *record)
{
    const struct sim_txn_part *part = &running->txn.parts[at];
    uint8_t value[8];

    if (part->kind == SW_TXN_GET) {
        see(running,
            part->key,
            written_before(&running->txn, at) ? moment->after : moment->before,
            record);
    } else if ((part->flags & SW_TXN_PREVIOUS) != 0) {
        see(running, part->key, moment->before, record);
    } else if (part->kind != SW_TXN_DELETE) {
        if (record->mod_revision != moment->after) {
            wrong(running, "a write has another revision than its transaction", part->key);
        }
        if (part->kind == SW_TXN_PUT) {
            sw_store_u64(value, part->call + 1);
            record->value = sw_span_of(value, sizeof(value));
        }
        see(running, part->key, moment->after, record);
    }
    if (at < running->txn.compare_count &&
        record->mod_revision != running->txn.compares[at].expected) {
        wrong(running, "it ran although a compare does not hold", part->key);
    }
}

/* The revision that the client will name in its next compare or cas. */
static void remember(struct sim_running *running, uint64_t revision)
{
    for (uint32_t i = 0; i < running->txn.part_count; i++) {
        const struct sim_txn_part *part = &running->txn.parts[i];

        if (part->kind != SW_TXN_GET && part->key < SIM_KEY_MAX) {
            running->client->mod_revision[part->key] = part->kind == SW_TXN_DELETE ? 0 : revision;
        }
    }
}

static bool end_then(struct sim_running *running, const struct sw_reply *reply)
{
    struct sim_history *history = &running->client->all->history;
    const struct sim_txn_plan *txn = &running->txn;
    struct sw_reader in = sw_reader_of(reply->records);
    struct sw_record records[SIM_TXN_PART_MAX];
    struct moment moment = {.before = reply->revision, .after = reply->revision};

    for (uint32_t i = 0; i < txn->part_count; i++) {
        if (!next_record(running, &in, &records[i])) {
            return false;
        }
        if (is_change(&txn->parts[i], &records[i])) {
            moment.before = reply->revision - 1;
        }
    }
    for (uint32_t i = 0; i < txn->part_count; i++) {
        if (txn->parts[i].kind != SW_TXN_GET) {
            sim_history_end(history,
                            txn->parts[i].call,
                            SIM_CALL_DONE,
                            reply->revision,
                            is_change(&txn->parts[i], &records[i]));
        }
    }
    for (uint32_t i = 0; i < txn->part_count; i++) {
        see_part(running, i, &moment, &records[i]);
    }
    remember(running, reply->revision);
    return moment.before != moment.after;
}

bool sim_txn_end(struct sim_running *running, enum sim_call_end end, const struct sw_reply *reply)
{
    struct sim_history *history = &running->client->all->history;
    const struct sim_txn_plan *txn = &running->txn;

    if (end == SIM_CALL_DONE && reply->value == 0) {
        return end_then(running, reply);
    }
    for (uint32_t i = 0; i < txn->part_count; i++) {
        if (txn->parts[i].kind != SW_TXN_GET) {
            sim_history_end(history,
                            txn->parts[i].call,
                            end == SIM_CALL_DONE ? SIM_CALL_NOT_DONE : end,
                            0,
                            false);
        }
    }
    if (end == SIM_CALL_DONE) {
        end_else(running, reply);
    }
    return false;
}

/* --- multi-get -------------------------------------------------------------------------------- */

void sim_mget_begin(struct sim_running *running, struct sw_buf *out)
{
    const struct sim_world *world = running->client->all->world;
    char name[3];

    for (uint32_t key = world->plan.keys; key-- > 0;) {
        const struct sw_span span = sim_key_name(key, name);

        sw_keys_encode(&span, 1, out);
    }
}

void sim_mget_end(struct sim_running *running, const struct sw_reply *reply)
{
    const struct sim_world *world = running->client->all->world;
    struct sw_reader in = sw_reader_of(reply->records);
    struct sw_record record;

    if (reply->record_count != world->plan.keys) {
        wrong(running, "a multi-get answers another number of keys", reply->record_count);
        return;
    }
    for (uint32_t key = world->plan.keys; key-- > 0 && next_record(running, &in, &record);) {
        char name[3];

        if (!sw_span_equal(record.key, sim_key_name(key, name))) {
            wrong(running, "a multi-get answers keys in another order", key);
        }
        see(running, key, reply->revision, &record);
    }
}
