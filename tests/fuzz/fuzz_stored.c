/* Any bytes as what the store holds. The first byte says which: a record or a key that decodes
 * encodes to the same bytes; from DISK on, a whole store of such records, on which reads and
 * commands end in an answer or an error, never in a crash: a disk may say anything.
 *
 * A store is records {u8 what, u16 size, key, u16 size, value}; a value of the state is put right
 * as far as its count of sessions, which random bytes would hardly meet. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "node/change_log.h"
#include "node/entry.h"
#include "node/lease.h"
#include "node/query.h"
#include "node/sketch.h"
#include "storage/store_mem.h"
#include "transport/proto.h"

enum { LEASE, CHANGE, KV, EXPERIENCE, STATE, SESSION, KEY, DISK };

/* Beside those above, which the corpus counts on. */
enum { SKETCH = 0x53 };
enum { COUNT_OFFSET = 41, ID_OFFSET = 37 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct sw_group_id group = {1};

static void fuzz_lease(struct sw_span bytes, struct sw_buf *again)
{
    struct sw_lease_record record;

    if (sw_lease_record_decode(bytes, &record) == SW_ERR_OK) {
        sw_lease_record_encode(&record, again);
        SW_ASSERT(sw_span_equal(sw_buf_span(again), bytes));
    }
}

static void fuzz_change(struct sw_span bytes, struct sw_buf *again)
{
    struct sw_change_record record;

    if (sw_change_record_decode(bytes, &record) == SW_ERR_OK) {
        sw_change_record_encode(&record, again);
        SW_ASSERT(sw_span_equal(sw_buf_span(again), bytes));
    }
}

static void fuzz_sketch(struct sw_span bytes, struct sw_buf *again)
{
    struct sw_sketch sketch;

    if (sw_sketch_decode(bytes, &sketch) == SW_ERR_OK) {
        sw_sketch_encode(&sketch, again);
        SW_ASSERT(sw_span_equal(sw_buf_span(again), bytes));
    }
}

static void fuzz_kv(struct sw_span bytes, struct sw_buf *again)
{
    struct sw_kv_record record;

    if (sw_kv_record_decode(bytes, &record) == SW_ERR_OK) {
        sw_write_u8(again,
                    record.head.serial != 0 ? SW_KV_HISTORY_FORMAT
                    : record.lease != 0     ? SW_KV_LEASE_FORMAT
                                            : SW_KV_FORMAT);
        sw_write_u64(again, record.create_revision);
        sw_write_u64(again, record.mod_revision);
        sw_write_u64(again, record.version);
        sw_write_u64(again, record.time_ms);
        if (record.lease != 0 || record.head.serial != 0) {
            sw_write_u64(again, record.lease);
        }
        if (record.head.serial != 0) {
            sw_history_head_encode(&record.head, again);
        }
        sw_write_bytes(again, record.value);
        SW_ASSERT(sw_span_equal(sw_buf_span(again), bytes));
    }
}

static void fuzz_experience(struct sw_span bytes, struct sw_buf *again)
{
    struct sw_experience_record record;

    if (sw_experience_record_decode(bytes, &record) == SW_ERR_OK) {
        sw_write_u8(again, SW_EXPERIENCE_FORMAT);
        sw_write_u64(again, record.time_ms);
        sw_write_u64(again, record.session.value);
        sw_write_bytes(again, record.value);
        SW_ASSERT(sw_span_equal(sw_buf_span(again), bytes));
    }
}

static void fuzz_state(struct sw_span bytes, struct sw_buf *again)
{
    struct sw_state state;
    uint32_t count = 0;

    sw_state_init(&state, group);
    if (sw_state_decode(&state, bytes, &count) == SW_ERR_OK && bytes.data[0] == SW_STATE_FORMAT) {
        sw_state_encode(&state, again);
        sw_store_u32(again->data + COUNT_OFFSET, count); /* it has none loaded */
        SW_ASSERT(sw_span_equal(sw_buf_span(again), bytes));
    }
    sw_state_release(&state);
}

static void fuzz_session(struct sw_span bytes, struct sw_buf *again)
{
    const uint64_t stored = bytes.size >= ID_OFFSET + 8 ? sw_load_u64(bytes.data + ID_OFFSET) : 1;
    const struct sw_session_id id = {stored};
    struct sw_sessions sessions = {0};

    sw_sessions_init(&sessions, 1, SW_SESSION_REPLY_TOTAL_MAX);
    if (sw_session_decode(&sessions, id, bytes) == SW_ERR_OK) {
        sw_session_encode(sw_sessions_find(&sessions, id), again);
        SW_ASSERT(bytes.data[0] < SW_SESSION_FORMAT || sw_span_equal(sw_buf_span(again), bytes));
    } else {
        SW_ASSERT(sessions.count == 0);
    }
    sw_sessions_release(&sessions);
}

/* --- keys ------------------------------------------------------------------------------------- */

static void encode_lease_key(const struct sw_lease_key *from, struct sw_key *ret_key)
{
    if (from->kind == SW_LEASE_KIND_LEASE) {
        sw_key_lease(from->group, from->lease, ret_key);
    } else if (from->kind == SW_LEASE_KIND_END) {
        sw_key_lease_end(from->group, from->end_ms, from->lease, ret_key);
    } else {
        sw_key_lease_held(from->group, from->lease, from->key, ret_key);
    }
}

/* False if it is no key of that table. */
static bool code_key(enum sw_table table, struct sw_span bytes, struct sw_key *ret_key)
{
    union {
        struct sw_kv_key kv;
        struct sw_experience_key experience;
        struct sw_meta_key meta;
        struct sw_session_key session;
        struct sw_lease_key lease;
        struct sw_change_key change;
        struct sw_stage_key stage;
    } key;
    enum sw_err err = SW_ERR_MALFORMED;

    if (table == SW_TABLE_KV && (err = sw_key_kv_decode(bytes, &key.kv)) == SW_ERR_OK) {
        sw_key_kv(&key.kv.place, key.kv.key, ret_key);
    } else if (table == SW_TABLE_EXPERIENCE &&
               (err = sw_key_experience_decode(bytes, &key.experience)) == SW_ERR_OK) {
        sw_key_experience(&key.experience.place, key.experience.revision, ret_key);
    } else if (table == SW_TABLE_META &&
               (err = sw_key_meta_decode(bytes, &key.meta)) == SW_ERR_OK) {
        sw_key_meta(key.meta.group, key.meta.name, ret_key);
    } else if (table == SW_TABLE_SESSION &&
               (err = sw_key_session_decode(bytes, &key.session)) == SW_ERR_OK) {
        sw_key_session(key.session.group, key.session.id, ret_key);
    } else if (table == SW_TABLE_LEASE &&
               (err = sw_key_lease_decode(bytes, &key.lease)) == SW_ERR_OK) {
        encode_lease_key(&key.lease, ret_key);
    } else if (table == SW_TABLE_CHANGE &&
               (err = sw_key_change_decode(bytes, &key.change)) == SW_ERR_OK) {
        sw_key_change(key.change.group, key.change.revision, key.change.number, ret_key);
    } else if (table == SW_TABLE_STAGE &&
               (err = sw_key_stage_decode(bytes, &key.stage)) == SW_ERR_OK) {
        sw_key_stage(key.stage.group, key.stage.table, key.stage.key, ret_key);
    }
    return err == SW_ERR_OK;
}

static void fuzz_key(struct sw_span bytes)
{
    struct sw_key again;

    for (int table = 0; table < SW_TABLE_COUNT; table++) {
        const bool good = code_key((enum sw_table)table, bytes, &again);

        SW_ASSERT(!good || sw_span_equal(sw_key_span(&again), bytes));
        SW_ASSERT(good || sw_key_check((enum sw_table)table, bytes) != SW_ERR_OK);
    }
}

/* --- a whole store ---------------------------------------------------------------------------- */

static struct sw_span read_short(struct sw_reader *in)
{
    const size_t size = sw_read_u16(in);

    return sw_read_bytes(in, size < sw_reader_left(in) ? size : sw_reader_left(in));
}

static void fill(struct sw_store *store, struct sw_span bytes)
{
    static const enum sw_table tables[] = {SW_TABLE_LEASE,
                                           SW_TABLE_CHANGE,
                                           SW_TABLE_KV,
                                           SW_TABLE_EXPERIENCE,
                                           SW_TABLE_META,
                                           SW_TABLE_SESSION};
    struct sw_reader in = sw_reader_of(bytes);
    enum sw_err err = SW_ERR_OK;

    for (int i = 0; i < 32 && sw_reader_left(&in) > 0; i++) {
        const enum sw_table table = tables[sw_read_u8(&in) % (sizeof tables / sizeof tables[0])];
        struct sw_span key = read_short(&in);
        const struct sw_span value = read_short(&in);
        struct sw_key state;

        if (table == SW_TABLE_META) {
            sw_state_key(group, &state);
            key = sw_key_span(&state);
        }
        if (key.size > 0 && key.size <= SW_STORE_KEY_SIZE_MAX) {
            err = store->ops->put(store, table, key, value);
            SW_ASSERT(err == SW_ERR_OK);
        }
    }
    err = store->ops->commit(store);
    SW_ASSERT(err == SW_ERR_OK);
}

static struct sw_request request(enum sw_op op)
{
    return (struct sw_request){.op = op,
                               .tenant = sw_span_str("t"),
                               .name_space = sw_span_str("n"),
                               .partition = sw_span_str("p")};
}

static void ask(const struct sw_state *state, struct sw_store *store, enum sw_op op)
{
    struct sw_request asked = request(op);
    struct sw_buf records = {0};
    struct sw_reply reply = {0};

    asked.key = op == SW_OP_GET ? sw_span_str("k") : asked.key;
    if (sw_query(state, store, &asked, &records, &reply) == SW_ERR_OK && reply.record_count > 0) {
        struct sw_buf encoded = {0};
        struct sw_reader in;
        enum sw_err err;

        sw_reply_encode(&reply, &encoded); /* what a client is told, it understands */
        in = sw_reader_of(sw_buf_span(&encoded));
        err = sw_reply_decode(&in, &reply);
        SW_ASSERT(err == SW_ERR_OK);
        sw_buf_release(&encoded);
    }
    sw_buf_release(&records);
}

/* One entry with a command; false if the store cannot follow. */
static bool run(struct sw_state *state, struct sw_store *store, const struct sw_request *command)
{
    struct sw_command_result *results = NULL;
    struct sw_buf body = {0};
    struct sw_buf bytes = {0};
    struct sw_apply_entry entry = {.index = state->index + 1, .term = state->term};
    uint32_t count = 0;
    enum sw_err err;

    sw_command_encode(command, &bytes);
    sw_entry_begin(&body, state->time_ms);
    sw_entry_add(&body, &(struct sw_author){.flags = SW_AUTHOR_ADMINISTRATOR}, sw_buf_span(&bytes));
    entry.body = sw_buf_span(&body);
    err = sw_apply(state, store, &entry, &results, &count);
    SW_ASSERT(err == SW_ERR_OK || err == SW_ERR_CORRUPT || err == SW_ERR_NOT_FOUND ||
              err == SW_ERR_NEWER_FORMAT);
    free(results);
    sw_buf_release(&bytes);
    sw_buf_release(&body);
    return err == SW_ERR_OK;
}

static void run_all(struct sw_state *state, struct sw_store *store, uint64_t lease)
{
    struct sw_request put = request(SW_OP_PUT);
    struct sw_request keep = request(SW_OP_LEASE_KEEP_ALIVE);
    struct sw_request revoke = request(SW_OP_LEASE_REVOKE);
    const struct sw_request tick = {.op = SW_OP_TICK, .expected = INT64_MAX};

    put.key = sw_span_str("k");
    put.value = sw_span_str("v");
    put.lease = lease;
    keep.lease = lease;
    revoke.lease = lease;
    (void)(run(state, store, &put) && run(state, store, &keep) && run(state, store, &revoke) &&
           run(state, store, &tick));
}

static void fuzz_disk(struct sw_span bytes)
{
    struct sw_store *store = sw_store_mem_new(0, 0);
    struct sw_state state;

    fill(store, bytes);
    sw_state_init(&state, group);
    state.change_count_max = 4;
    if (sw_state_load(&state, store) == SW_ERR_OK) {
        ask(&state, store, SW_OP_GET);
        ask(&state, store, SW_OP_SCAN);
        ask(&state, store, SW_OP_EXPERIENCE_SCAN);
        ask(&state, store, SW_OP_LEASE_LIST);
        ask(&state, store, SW_OP_WATCH);
        if (state.index < UINT64_MAX / 2 && state.revision < UINT64_MAX / 2 && state.term != 0) {
            run_all(&state, store, 7);
        }
    }
    sw_state_release(&state);
    sw_store_mem_free(store);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const records[])(struct sw_span bytes,
                                   struct sw_buf * again) = {[LEASE] = fuzz_lease,
                                                             [CHANGE] = fuzz_change,
                                                             [KV] = fuzz_kv,
                                                             [EXPERIENCE] = fuzz_experience,
                                                             [STATE] = fuzz_state,
                                                             [SESSION] = fuzz_session};
    struct sw_span bytes;
    struct sw_buf again = {0};

    if (size == 0) {
        return 0;
    }
    bytes = sw_span_of(data + 1, size - 1);
    if (data[0] < KEY) {
        records[data[0]](bytes, &again);
    } else if (data[0] == KEY) {
        fuzz_key(bytes);
    } else if (data[0] == SKETCH) {
        fuzz_sketch(bytes, &again);
    } else {
        fuzz_disk(bytes);
    }
    sw_buf_release(&again);
    return 0;
}
