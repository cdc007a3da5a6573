/* Executes entries: decode, judge, let the session decide, change the tables, note the effect.
 *
 * Everything that an entry does or answers is appended to `effects`; one hash over the previous
 * digest, the index and those bytes is the next digest. */
#include "node/apply.h"

#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "base/assert.h"
#include "base/point.h"
#include "node/apply_private.h"
#include "node/entry.h"
#include "node/lease.h"
#include "node/rights.h"
#include "storage/keys.h"
#include "transport/proto.h"

enum effect {
    EFFECT_PUT = 1,
    EFFECT_DELETE = 2,
    EFFECT_RESULT = 3,
    /* 4 to 6: apply_session.c */
    EFFECT_ENTRY_MALFORMED = 7,
    EFFECT_RECORDS = 8,
};

enum { EFFECTS_SIZE_MAX = 256 << 10 }; /* that are kept before they are hashed */

/* --- effects ---------------------------------------------------------------------------------- */

static void note_result(struct sw_state *state, const struct sw_command_result *result)
{
    sw_write_u8(&state->effects, EFFECT_RESULT);
    sw_write_u32(&state->effects, (uint32_t)result->err);
    sw_write_u64(&state->effects, result->revision);
    sw_write_u64(&state->effects, result->value);
    if (result->record_count > 0) {
        sw_write_u8(&state->effects, EFFECT_RECORDS);
        sw_write_blob(&state->effects, result->records);
    }
}

/* One entry may end a thousand leases' keys: what it did so far goes into the hash, which is the
 * same as if all of it came at once. */
static void digest_cut(struct sw_state *state)
{
    if (state->effects.size < EFFECTS_SIZE_MAX) {
        return;
    }
    if (state->effects_hash == NULL) {
        state->effects_hash = XXH3_createState();
        SW_ASSERT(state->effects_hash != NULL);
    }
    if (!state->effects_cut) {
        (void)XXH3_64bits_reset(state->effects_hash);
        state->effects_cut = true;
    }
    (void)XXH3_64bits_update(state->effects_hash, state->effects.data, state->effects.size);
    sw_buf_clear(&state->effects);
}

static void digest_begin(struct sw_state *state, uint64_t index)
{
    sw_buf_clear(&state->answers);
    sw_buf_clear(&state->effects);
    state->effects_cut = false;
    sw_write_u64(&state->effects, state->digest);
    sw_write_u64(&state->effects, index);
}

static void digest_end(struct sw_state *state, uint64_t index, uint64_t term)
{
    if (state->effects_cut) {
        (void)XXH3_64bits_update(state->effects_hash, state->effects.data, state->effects.size);
        state->digest = XXH3_64bits_digest(state->effects_hash);
    } else {
        state->digest = XXH3_64bits(state->effects.data, state->effects.size);
    }
    state->index = index;
    state->term = term;
    state->changed = true;
}

enum sw_err sw__table_put(struct sw__apply *apply,
                          enum sw_table table,
                          const struct sw_key *key,
                          struct sw_span value)
{
    struct sw_buf *effects = &apply->state->effects;

    apply->writes++;
    apply->state->written += key->size + value.size;
    sw_write_u8(effects, EFFECT_PUT);
    sw_write_u8(effects, (uint8_t)table);
    sw_write_blob(effects, sw_key_span(key));
    sw_write_blob(effects, value);
    digest_cut(apply->state);
    return apply->store->ops->put(apply->store, table, sw_key_span(key), value);
}

enum sw_err sw__table_del(struct sw__apply *apply, enum sw_table table, const struct sw_key *key)
{
    struct sw_buf *effects = &apply->state->effects;

    apply->writes++;
    sw_write_u8(effects, EFFECT_DELETE);
    sw_write_u8(effects, (uint8_t)table);
    sw_write_blob(effects, sw_key_span(key));
    return apply->store->ops->del(apply->store, table, sw_key_span(key));
}

/* --- keys and experiences --------------------------------------------------------------------- */

enum sw_err sw_kv_record_decode(struct sw_span bytes, struct sw_kv_record *ret_record)
{
    struct sw_reader in = sw_reader_of(bytes);
    struct sw_kv_record record = {0};
    uint8_t format;
    const enum sw_err err = sw_read_format(&in, SW_KV_HISTORY_FORMAT, &format);

    if (err != SW_ERR_OK) {
        return err;
    }
    record.create_revision = sw_read_u64(&in);
    record.mod_revision = sw_read_u64(&in);
    record.version = sw_read_u64(&in);
    record.time_ms = sw_read_u64(&in);
    record.lease = format >= SW_KV_LEASE_FORMAT ? sw_read_u64(&in) : 0;
    if (format == SW_KV_HISTORY_FORMAT) {
        record.head = sw_history_head_read(&in);
    }
    record.value = sw_read_bytes(&in, sw_reader_left(&in));
    if (in.failed || (format == SW_KV_LEASE_FORMAT && record.lease == 0) ||
        (format == SW_KV_HISTORY_FORMAT && record.head.serial == 0)) {
        return SW_ERR_CORRUPT;
    }
    *ret_record = record;
    return SW_ERR_OK;
}

enum sw_err sw_experience_record_decode(struct sw_span bytes,
                                        struct sw_experience_record *ret_record)
{
    struct sw_reader in = sw_reader_of(bytes);
    struct sw_experience_record record;
    uint8_t format;
    const enum sw_err err = sw_read_format(&in, SW_EXPERIENCE_FORMAT, &format);

    if (err != SW_ERR_OK) {
        return err;
    }
    record.time_ms = sw_read_u64(&in);
    record.session.value = sw_read_u64(&in);
    record.value = sw_read_bytes(&in, sw_reader_left(&in));
    if (in.failed || format != SW_EXPERIENCE_FORMAT) {
        return SW_ERR_CORRUPT;
    }
    *ret_record = record;
    return SW_ERR_OK;
}

struct sw_place sw__place_of(const struct sw_request *request)
{
    return (struct sw_place){.tenant = request->tenant,
                             .name_space = request->name_space,
                             .partition = request->partition};
}

enum sw_err
sw__kv_get(struct sw__apply *apply, const struct sw_key *key, struct sw_kv_record *ret_record)
{
    struct sw_span bytes;
    enum sw_err err;

    err = apply->store->ops->get(apply->store, SW_TABLE_KV, sw_key_span(key), &bytes);
    if (err == SW_ERR_NOT_FOUND) {
        *ret_record = (struct sw_kv_record){.seen = apply->writes};
        return SW_ERR_OK;
    }
    if (err == SW_ERR_OK) {
        err = sw_kv_record_decode(bytes, ret_record);
    }
    if (err == SW_ERR_OK) {
        ret_record->seen = apply->writes;
    }
    return err;
}

/* In the form that the rules in force ask for. */
static void
kv_encode(struct sw_buf *out, const struct sw_kv_record *record, const struct sw_history_head *head)
{
    const bool has_head = head->serial > 0;

    sw_write_u8(out,
                has_head             ? SW_KV_HISTORY_FORMAT
                : record->lease == 0 ? SW_KV_FORMAT
                                     : SW_KV_LEASE_FORMAT);
    sw_write_u64(out, record->create_revision);
    sw_write_u64(out, record->mod_revision);
    sw_write_u64(out, record->version);
    sw_write_u64(out, record->time_ms);
    SW_ASSERT(out->size == SW_KV_HEADER_SIZE);
    if (has_head || record->lease != 0) {
        sw_write_u64(out, record->lease);
    }
    if (has_head) {
        sw_history_head_encode(head, out);
    }
    sw_write_bytes(out, record->value);
}

struct sw_kv_record sw__kv_next(const struct sw_state *state,
                                const struct sw_kv_record *old,
                                uint64_t revision,
                                struct sw_span value,
                                uint64_t lease)
{
    return (struct sw_kv_record){.create_revision =
                                     old->version == 0 ? revision : old->create_revision,
                                 .mod_revision = revision,
                                 .version = old->version + 1,
                                 .time_ms = state->time_ms,
                                 .lease = lease,
                                 .value = value};
}

enum sw_err sw__kv_put(struct sw__apply *apply,
                       const struct sw_place *place,
                       struct sw_span name,
                       const struct sw_kv_record *old,
                       const struct sw_kv_record *record)
{
    struct sw_buf *bytes = &apply->state->record;
    struct sw_history_head head;
    struct sw_key key;
    enum sw_err err;

    err = sw__change_keep(apply, place, name, old, false, &head);
    if (err != SW_ERR_OK) {
        return err;
    }
    sw_buf_clear(bytes);
    kv_encode(bytes, record, &head);
    sw_key_kv(place, name, &key);
    err = sw__table_put(apply, SW_TABLE_KV, &key, sw_buf_span(bytes));
    if (err == SW_ERR_OK) {
        const struct sw__usage_change change = sw__usage_of_put(name, old, record);

        err = sw__usage_add(apply, place, &change);
    }
    if (err == SW_ERR_OK) {
        err = sw__memory_count(apply, place, name, old, record);
    }
    if (err == SW_ERR_OK) {
        err = sw__change_note(apply, place, name, record);
    }
    return err == SW_ERR_OK ? sw__lease_move(apply, name, old->lease, record->lease) : err;
}

enum sw_err sw__kv_del(struct sw__apply *apply,
                       const struct sw_place *place,
                       struct sw_span name,
                       const struct sw_kv_record *old)
{
    struct sw_history_head head;
    struct sw_key key;
    enum sw_err err;

    sw_key_kv(place, name, &key);
    err = sw__change_keep(apply, place, name, old, true, &head);
    if (err == SW_ERR_OK && !SW_PLANTED(DELETE_LEAVES_RECORD)) {
        err = sw__table_del(apply, SW_TABLE_KV, &key);
    }
    if (err == SW_ERR_OK) {
        const struct sw__usage_change change = sw__usage_of_del(name, old);

        err = sw__usage_add(apply, place, &change);
    }
    if (err == SW_ERR_OK) {
        err = sw__memory_count(apply, place, name, old, NULL);
    }
    if (err == SW_ERR_OK) {
        err = sw__change_note(apply, place, name, NULL);
    }
    if (err == SW_ERR_OK) {
        err = sw__vectors_forget(apply, place, name);
    }
    if (err == SW_ERR_OK) {
        err = sw__dedupe_forget(apply, place, name);
    }
    return err == SW_ERR_OK ? sw__lease_move(apply, name, old->lease, 0) : err;
}

void sw__answer_record(struct sw_state *state,
                       struct sw_span key,
                       const struct sw_kv_record *record,
                       struct sw_command_result *result)
{
    const size_t start = state->answers.size;

    sw_record_encode(&(struct sw_record){.key = key,
                                         .value = record->value,
                                         .create_revision = record->create_revision,
                                         .mod_revision = record->mod_revision,
                                         .version = record->version,
                                         .time_ms = record->time_ms,
                                         .lease = record->lease},
                     &state->answers);
    result->record_count++;
    result->records.size += state->answers.size - start;
}

static void answer_previous(struct sw_state *state,
                            const struct sw_request *request,
                            const struct sw_kv_record *old,
                            struct sw_command_result *result)
{
    if ((request->flags & SW_REQUEST_PREVIOUS) != 0) {
        sw__answer_record(state, request->key, old, result);
    }
}

static enum sw_err
run_put(struct sw__apply *apply, const struct sw_request *request, struct sw_command_result *result)
{
    const struct sw_place place = sw__place_of(request);
    struct sw_state *state = apply->state;
    struct sw_kv_record old, next;
    struct sw__usage_change change;
    struct sw_key key;
    enum sw_err err;

    sw_key_kv(&place, request->key, &key);
    err = sw__kv_get(apply, &key, &old);
    if (err != SW_ERR_OK) {
        return err;
    }
    answer_previous(state, request, &old, result);
    if (request->op == SW_OP_CAS && old.mod_revision != request->expected &&
        !SW_PLANTED(CAS_DOES_NOT_COMPARE)) {
        result->err = SW_ERR_CONFLICT;
        result->revision = state->revision;
        result->value = old.mod_revision;
        return SW_ERR_OK;
    }
    err = sw__lease_check(apply, &place, request->lease, 0, &result->err);
    if (err != SW_ERR_OK || result->err != SW_ERR_OK) {
        result->revision = state->revision;
        return err;
    }
    next = sw__kv_next(state, &old, state->revision + 1, request->value, request->lease);
    change = sw__usage_of_put(request->key, &old, &next);
    err = sw__quota_check(apply, &place, &change, result);
    if (err != SW_ERR_OK || result->err != SW_ERR_OK) {
        return err;
    }
    state->revision++;
    result->revision = state->revision;
    return sw__kv_put(apply, &place, request->key, &old, &next);
}

static enum sw_err run_delete(struct sw__apply *apply,
                              const struct sw_request *request,
                              struct sw_command_result *result)
{
    const struct sw_place place = sw__place_of(request);
    struct sw_state *state = apply->state;
    struct sw_kv_record old;
    struct sw_key key;
    enum sw_err err;

    sw_key_kv(&place, request->key, &key);
    err = sw__kv_get(apply, &key, &old);
    if (err != SW_ERR_OK) {
        return err;
    }
    answer_previous(state, request, &old, result);
    if (old.version > 0) {
        state->revision++;
        err = sw__kv_del(apply, &place, request->key, &old);
    }
    result->revision = state->revision;
    result->value = old.version > 0 ? 1 : 0;
    return err;
}

static enum sw_err run_experience_append(struct sw__apply *apply,
                                         const struct sw_request *request,
                                         struct sw_command_result *result)
{
    const struct sw__usage_change change = {.experiences = 1,
                                            .bytes = (int64_t)request->value.size};
    const struct sw_place place = sw__place_of(request);
    struct sw_state *state = apply->state;
    struct sw_buf *record = &state->record;
    struct sw_key key;
    enum sw_err err;

    err = sw__quota_check(apply, &place, &change, result);
    if (err != SW_ERR_OK || result->err != SW_ERR_OK) {
        return err;
    }
    err = sw__usage_add(apply, &place, &change);
    if (err != SW_ERR_OK) {
        return err;
    }
    state->revision++;
    sw_key_experience(&place, state->revision, &key);
    sw_buf_clear(record);
    sw_write_u8(record, SW_EXPERIENCE_FORMAT);
    sw_write_u64(record, state->time_ms);
    sw_write_u64(record, request->session.value);
    SW_ASSERT(record->size == SW_EXPERIENCE_HEADER_SIZE);
    sw_write_bytes(record, request->value);
    *result = (struct sw_command_result){.err = SW_ERR_OK, .revision = state->revision};
    return sw__table_put(apply, SW_TABLE_EXPERIENCE, &key, sw_buf_span(record));
}

/* --- commands --------------------------------------------------------------------------------- */

static enum sw_err run_write(struct sw__apply *apply,
                             const struct sw_request *request,
                             struct sw_command_result *result)
{
    if (request->op == SW_OP_PUT || request->op == SW_OP_CAS) {
        return run_put(apply, request, result);
    }
    if (request->op == SW_OP_DELETE) {
        return run_delete(apply, request, result);
    }
    if (request->op == SW_OP_TXN) {
        return sw__apply_txn(apply, request, result);
    }
    if (request->op == SW_OP_LEASE_GRANT) {
        return sw__lease_grant(apply, request, result);
    }
    if (request->op == SW_OP_LEASE_KEEP_ALIVE) {
        return sw__lease_keep_alive(apply, request, result);
    }
    if (request->op == SW_OP_LEASE_REVOKE) {
        return sw__lease_revoke(apply, request, result);
    }
    if (request->op == SW_OP_TICK) {
        return sw__lease_tick(apply, request, result);
    }
    if (request->op == SW_OP_SETTING_PUT || request->op == SW_OP_SETTING_DELETE) {
        return sw__apply_setting(apply, request, result);
    }
    if (request->op == SW_OP_INDEX_CREATE) {
        return sw__index_create(apply, request, result);
    }
    if (request->op == SW_OP_INDEX_DROP) {
        return sw__index_drop(apply, request, result);
    }
    if (request->op == SW_OP_INDEX_TUNE) {
        return sw__index_tune(apply, request, result);
    }
    if (request->op == SW_OP_INDEX_LOWER) {
        return sw__index_lower(apply, request, result);
    }
    if (request->op == SW_OP_VECTOR_PUT) {
        return sw__vector_put(apply, request, result);
    }
    if (sw_op_is_context(request->op)) {
        return sw__apply_context(apply, request, result);
    }
    if (request->op >= SW_OP_MEMORY_PUT && request->op <= SW_OP_MEMORY_TEND) {
        return sw__apply_memory(apply, request, result);
    }
    if (request->op == SW_OP_TOKEN_REDEEM) {
        return sw__apply_redeem(apply, request, result);
    }
    if (request->op == SW_OP_AUDIT) {
        return sw__apply_audit(apply, request, result);
    }
    if (request->op == SW_OP_COMPACT) {
        return sw__change_compact(apply, request, result);
    }
    SW_ASSERT(request->op == SW_OP_EXPERIENCE_APPEND);
    return run_experience_append(apply, request, result);
}

static bool may_answer_records(const struct sw__apply *apply, const struct sw_request *request)
{
    return request->op == SW_OP_TXN || request->op == SW_OP_VECTOR_PUT ||
           request->op == SW_OP_CONTEXT_PRUNE || request->op == SW_OP_CONTEXT_RESTORE ||
           request->op == SW_OP_MEMORY_PUT || request->op == SW_OP_MEMORY_TEND ||
           (request->op == SW_OP_CONTEXT_APPEND && apply->format >= SW_ENTRY_FORMAT_MEMORIES) ||
           (request->flags & SW_REQUEST_PREVIOUS) != 0;
}

/* The records that the running command has answered so far lie at the end of all. */
static struct sw_span own_records(const struct sw_state *state,
                                  const struct sw_command_result *result)
{
    SW_ASSERT(state->answers.size >= result->records.size);
    if (result->records.size == 0) {
        return sw_span_of(NULL, 0);
    }
    return sw_span_of(state->answers.data + state->answers.size - result->records.size,
                      result->records.size);
}

/* A write of a session: runs at most once, and its answer is kept until it is acknowledged. */
static enum sw_err run_once(struct sw__apply *apply,
                            const struct sw_request *request,
                            struct sw_command_result *result)
{
    struct sw_state *state = apply->state;
    struct sw_session *session = sw__session_enter(apply, request, &result->err);
    struct sw_command_result kept;
    enum sw_err err = SW_ERR_OK;

    if (session == NULL) {
        return SW_ERR_OK;
    }
    sw_session_touch(&state->sessions, session, state->time_ms);
    switch (sw_session_admit(&state->sessions,
                             session,
                             request->seq,
                             request->acked,
                             may_answer_records(apply, request),
                             result)) {
    case SW_SESSION_RUN:
        err = run_write(apply, request, result);
        kept = *result;
        kept.records = own_records(state, result);
        if (!SW_PLANTED(ANSWER_NOT_KEPT)) {
            sw_session_answer(&state->sessions, session, request->seq, &kept);
        }
        break;
    case SW_SESSION_REPLAY:
        sw_write_bytes(&state->answers, result->records);
        break;
    case SW_SESSION_STALE:
        result->err = SW_ERR_SESSION_STALE;
        break;
    case SW_SESSION_BUSY:
        result->err = SW_ERR_BUSY;
        break;
    }
    return err;
}

/* The leader judged the command before it entered the log; a replica does not rely on that. */
static enum sw_err judge(struct sw_span command, struct sw_request *ret_request)
{
    char why[SW_WHY_SIZE];
    enum sw_err err;

    err = sw_command_decode(command, ret_request);
    if (err == SW_ERR_OK) {
        err = sw_request_validate(ret_request, why);
    }
    if (err == SW_ERR_OK && !sw_op_is_write(ret_request->op)) {
        err = SW_ERR_INVALID;
    }
    return err;
}

/* May the author do this, and use the session that it names? */
static enum sw_err check_rights(const struct sw__apply *apply, const struct sw_request *request)
{
    const struct sw_session *session;
    char why[SW_WHY_SIZE];
    enum sw_err err;

    if (apply->format < SW_ENTRY_FORMAT_AUTHORS) {
        return SW_ERR_OK;
    }
    err = sw_rights_check(&apply->state->settings, &apply->author, request, why);
    if (err != SW_ERR_OK) {
        return err;
    }
    session = request->op == SW_OP_SESSION_OPEN
                  ? sw_sessions_find_nonce(&apply->state->sessions, request->value.data)
                  : sw_sessions_find(&apply->state->sessions, request->session);
    if (session == NULL || sw_rights_own_session(session->owner, &apply->author)) {
        return SW_ERR_OK;
    }
    return (request->op == SW_OP_SESSION_CLOSE || request->op == SW_OP_OUTCOME) &&
                   sw_rights_administers(&apply->state->settings, &apply->author)
               ? SW_ERR_OK
               : SW_ERR_UNAUTHORIZED;
}

static enum sw_err
run_command(struct sw__apply *apply, struct sw_span command, struct sw_command_result *result)
{
    struct sw_request request;

    result->err = judge(command, &request);
    if (result->err != SW_ERR_OK) {
        return SW_ERR_OK;
    }
    result->err = check_rights(apply, &request);
    if (result->err != SW_ERR_OK) {
        return SW_ERR_OK;
    }
    if (may_answer_records(apply, &request) &&
        apply->state->answers.size >= SW_ENTRY_RECORDS_SIZE_MAX) {
        result->err = SW_ERR_BUSY;
        return SW_ERR_OK;
    }
    if (sw__session_command(apply, &request, result)) {
        return SW_ERR_OK;
    }
    if (SW_PLANTED(EXPERIENCE_TWICE) && request.op == SW_OP_EXPERIENCE_APPEND) {
        return run_write(apply, &request, result);
    }
    return request.session.value != 0 ? run_once(apply, &request, result)
                                      : run_write(apply, &request, result);
}

static enum sw_err run_commands(struct sw__apply *apply,
                                struct sw_entry_reader *reader,
                                struct sw_command_result *results)
{
    for (uint32_t i = 0; i < reader->count; i++) {
        struct sw_command_result *result = &results[i];
        struct sw_span command;
        enum sw_err err;

        result->err = sw_entry_next(reader, &apply->author, &command);
        if (result->err == SW_ERR_OK) {
            err = run_command(apply, command, result);
            if (err != SW_ERR_OK) {
                return err;
            }
        }
        result->records = own_records(apply->state, result);
        note_result(apply->state, result);
    }
    return SW_ERR_OK;
}

/* Moves the results and the records of all answers into one block of the caller's. */
static struct sw_command_result *
pack_results(const struct sw_state *state, struct sw_command_result *results, uint32_t count)
{
    const size_t head = count * sizeof *results;
    uint8_t *at;

    if (state->answers.size == 0) {
        return results;
    }
    results = realloc(results, head + state->answers.size);
    SW_ASSERT(results != NULL);
    at = (uint8_t *)results + head;
    memcpy(at, state->answers.data, state->answers.size);
    for (uint32_t i = 0; i < count; i++) {
        results[i].records.data = at;
        at += results[i].records.size;
    }
    return results;
}

enum sw_err sw_apply(struct sw_state *state,
                     struct sw_store *store,
                     const struct sw_apply_entry *entry,
                     struct sw_command_result **ret_results,
                     uint32_t *ret_count)
{
    struct sw__apply apply = {.state = state, .store = store, .writes = 1};
    struct sw_command_result *results = NULL;
    struct sw_entry_reader reader = {0};
    enum sw_err err = SW_ERR_OK;

    SW_ASSERT(entry->index == state->index + 1);
    digest_begin(state, entry->index);
    if (entry->body.size > 0 && sw_entry_open(entry->body, &reader) != SW_ERR_OK) {
        sw_write_u8(&state->effects, EFFECT_ENTRY_MALFORMED);
    }
    apply.format = reader.format;
    if (reader.format > state->rules) {
        const bool keeps_vectors = state->rules >= SW_ENTRY_FORMAT_MEMORIES;

        state->rules = reader.format;
        if (!keeps_vectors && reader.format >= SW_ENTRY_FORMAT_MEMORIES) {
            err = sw__lost_begin(&apply);
        }
    }
    if (err == SW_ERR_OK && reader.count > 0) {
        results = calloc(reader.count, sizeof *results);
        SW_ASSERT(results != NULL);
        if (reader.time_ms > state->time_ms || SW_PLANTED(TIME_GOES_BACK)) {
            state->time_ms = reader.time_ms;
        }
        sw_write_u64(&state->effects, state->time_ms);
        sw__sessions_sweep(state);
        err = sw__usage_begin(&apply);
        if (err == SW_ERR_OK) {
            err = run_commands(&apply, &reader, results);
        }
        if (err == SW_ERR_OK) {
            err = sw__usage_flush(&apply);
        }
    }
    if (err == SW_ERR_OK && state->vectors.working) {
        err = sw__vectors_work(&apply);
        if (err == SW_ERR_OK) { /* a dropped index may be gone now */
            err = sw__usage_flush(&apply);
        }
    }
    if (err != SW_ERR_OK) {
        free(results);
        return err;
    }
    if (state->rules < SW_ENTRY_FORMAT_CHANGES) {
        state->change_floor = state->revision; /* whoever watches from before has to read again */
        state->change_swept = (struct sw_change_at){.revision = state->revision};
    }
    if (state->rules < SW_ENTRY_FORMAT_AUTHORS) {
        state->history_floor = state->revision;
    }
    digest_end(state, entry->index, entry->term);
    *ret_results = pack_results(state, results, reader.count);
    *ret_count = reader.count;
    return SW_ERR_OK;
}

/* --- the state record ------------------------------------------------------------------------- */

enum { STATE_FORMAT_LEASES = 2, STATE_FORMAT_RULES = 3 };

void sw_state_init(struct sw_state *state, struct sw_group_id group)
{
    *state = (struct sw_state){.group = group,
                               .rules = 1,
                               .lease_due_ms = UINT64_MAX,
                               .change_count_max = SW_CHANGE_COUNT_MAX,
                               .change_size_max = SW_CHANGE_SIZE_MAX};
    sw_sessions_init(&state->sessions, SW_SESSION_COUNT_MAX, SW_SESSION_REPLY_TOTAL_MAX);
}

void sw_state_release(struct sw_state *state)
{
    sw_sessions_release(&state->sessions);
    sw_settings_release(&state->settings);
    sw_usages_release(&state->usages);
    sw_vectors_release(&state->vectors);
    sw_buf_release(&state->effects);
    (void)XXH3_freeState(state->effects_hash);
    sw_buf_release(&state->record);
    sw_buf_release(&state->answers);
}

void sw_state_key(struct sw_group_id group, struct sw_key *ret_key)
{
    sw_key_meta(group, sw_span_str("state"), ret_key);
}

void sw_state_encode(const struct sw_state *state, struct sw_buf *out)
{
    const size_t start = out->size;

    sw_write_u8(out, SW_STATE_FORMAT);
    sw_write_u64(out, state->index);
    sw_write_u64(out, state->term);
    sw_write_u64(out, state->digest);
    sw_write_u64(out, state->revision);
    sw_write_u64(out, state->time_ms);
    sw_write_u32(out, state->sessions.count);
    sw_write_u64(out, state->sessions_expired);
    sw_write_u64(out, state->sessions_evicted);
    sw_write_u64(out, state->clock_ms);
    sw_write_u32(out, state->lease_count);
    sw_write_u64(out, state->leases_ended);
    sw_write_u64(out, state->change_count);
    sw_write_u64(out, state->change_size);
    sw_write_u64(out, state->change_floor);
    sw_write_u8(out, state->rules);
    sw_write_u64(out, state->change_swept.revision);
    sw_write_u16(out, state->change_swept.number);
    sw_write_u64(out, state->history_floor);
    sw_write_u64(out, state->retention_count);
    SW_ASSERT(out->size - start == SW_STATE_RECORD_SIZE);
}

/* Format 1 knew neither leases nor changes, the first form of format 2 no changes: then there are
 * none, and whoever watches reads again. A second form of format 2 ends with them. */
static void read_changes(struct sw_reader *in, uint8_t format, struct sw_state *state)
{
    if (format < STATE_FORMAT_LEASES ||
        (format == STATE_FORMAT_LEASES && sw_reader_left(in) == 0)) {
        state->change_floor = state->revision;
        state->change_swept.revision = state->revision;
        state->history_floor = state->revision;
        return;
    }
    state->change_count = sw_read_u64(in);
    state->change_size = sw_read_u64(in);
    state->change_floor = sw_read_u64(in);
    state->rules = format == STATE_FORMAT_LEASES ? SW_ENTRY_FORMAT_CHANGES : sw_read_u8(in);
    if (format <= STATE_FORMAT_RULES) {
        state->change_swept.revision = state->change_floor;
        state->history_floor = state->revision;
        return;
    }
    state->change_swept.revision = sw_read_u64(in);
    state->change_swept.number = sw_read_u16(in);
    state->history_floor = sw_read_u64(in);
    state->retention_count = sw_read_u64(in);
}

enum sw_err
sw_state_decode(struct sw_state *state, struct sw_span record, uint32_t *ret_session_count)
{
    struct sw_reader in = sw_reader_of(record);
    uint8_t format;
    const enum sw_err err = sw_read_format(&in, SW_STATE_FORMAT, &format);

    if (err != SW_ERR_OK) {
        return err;
    }
    state->index = sw_read_u64(&in);
    state->term = sw_read_u64(&in);
    state->digest = sw_read_u64(&in);
    state->revision = sw_read_u64(&in);
    state->time_ms = sw_read_u64(&in);
    *ret_session_count = sw_read_u32(&in);
    state->sessions_expired = sw_read_u64(&in);
    state->sessions_evicted = sw_read_u64(&in);
    if (format >= STATE_FORMAT_LEASES) {
        state->clock_ms = sw_read_u64(&in);
        state->lease_count = sw_read_u32_max(&in, SW_LEASE_COUNT_MAX);
        state->leases_ended = sw_read_u64(&in);
    }
    read_changes(&in, format, state);
    if (sw_reader_finish(&in) != SW_ERR_OK || state->clock_ms > INT64_MAX || state->rules == 0 ||
        state->rules > SW_ENTRY_FORMAT) {
        return SW_ERR_CORRUPT;
    }
    return SW_ERR_OK;
}

/* Before usage was counted, what lies in the reserved tenant is no setting. */
static enum sw_err load_settings(struct sw_state *state, struct sw_store *store)
{
    struct sw_span found;
    struct sw_key key;
    enum sw_err err;

    sw_usage_scope_key(state->group, &key);
    err = store->ops->get(store, SW_TABLE_META, sw_key_span(&key), &found);
    if (err == SW_ERR_NOT_FOUND) {
        state->settings.changed = true; /* there are none, and whoever has a copy must know */
        return SW_ERR_OK;
    }
    if (err == SW_ERR_OK) {
        err = sw_usage_scope_decode(found, &state->usages.scope);
    }
    if (err == SW_ERR_OK) {
        err = sw_audit_load(&state->audit, store, state->group);
    }
    return err == SW_ERR_OK ? sw_settings_load(&state->settings, store) : err;
}

enum sw_err sw_state_load(struct sw_state *state, struct sw_store *store)
{
    uint32_t session_count = 0;
    struct sw_span record;
    struct sw_key key;
    enum sw_err err;

    SW_ASSERT(state->index == 0);
    sw_state_key(state->group, &key);
    err = store->ops->get(store, SW_TABLE_META, sw_key_span(&key), &record);
    if (err == SW_ERR_OK) {
        err = sw_state_decode(state, record, &session_count);
    } else if (err == SW_ERR_NOT_FOUND) {
        err = SW_ERR_OK;
    }
    if (err == SW_ERR_OK) {
        err = sw_sessions_load(&state->sessions, store, state->group);
    }
    if (err == SW_ERR_OK && state->sessions.count != session_count) {
        err = SW_ERR_CORRUPT;
    }
    if (err == SW_ERR_OK) {
        err = sw_leases_load(state, store);
    }
    if (err == SW_ERR_OK) {
        err = load_settings(state, store);
    }
    if (err == SW_ERR_OK) {
        err = sw_vectors_load(&state->vectors, store, state->group);
    }
    if (SW_PLANTED(SESSIONS_LOST_ON_RESTART)) {
        sw_sessions_release(&state->sessions);
        sw_sessions_init(&state->sessions, SW_SESSION_COUNT_MAX, SW_SESSION_REPLY_TOTAL_MAX);
    }
    if (SW_PLANTED(REVISION_GOES_BACK) && state->revision > 0) {
        state->revision--;
    }
    return err;
}

enum sw_err sw_state_save(struct sw_state *state, struct sw_store *store)
{
    struct sw_key key;
    enum sw_err err;

    if (!state->changed) {
        return SW_ERR_OK;
    }
    err = sw_sessions_save(&state->sessions, store, state->group);
    if (err != SW_ERR_OK) {
        return err;
    }
    err = sw_vectors_flush(&state->vectors);
    if (err != SW_ERR_OK) {
        return err;
    }
    sw_buf_clear(&state->record);
    sw_state_encode(state, &state->record);
    sw_state_key(state->group, &key);
    err = store->ops->put(store, SW_TABLE_META, sw_key_span(&key), sw_buf_span(&state->record));
    if (err == SW_ERR_OK) {
        state->changed = false;
    }
    return err;
}
