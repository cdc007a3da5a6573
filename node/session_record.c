/* Sessions as records of the store: what is written before a commit and read at start. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "node/session_private.h"
#include "storage/keys.h"
#include "storage/store_seal.h"
#include "transport/proto.h"

/* The answer that exceeds what a session may hold is kept, too. */
static_assert((uint64_t)SW_SESSION_RECORD_HEADER_SIZE +
                      (uint64_t)SW_SESSION_REPLY_COUNT_MAX * SW_SESSION_RECORD_REPLY_SIZE +
                      SW_SESSION_RECORDS_SIZE_MAX + SW_TXN_RESULT_SIZE_MAX <=
                  SW_STORE_VALUE_SIZE_MAX,
              "a session's record fits its table");

void sw_session_encode(const struct sw_session *session, struct sw_buf *out)
{
    const size_t start = out->size;
    const uint32_t count = session->reply_end - session->reply_first;

    sw_write_u8(out, SW_SESSION_FORMAT);
    sw_write_bytes(out, sw_span_of(session->nonce, SW_SESSION_NONCE_SIZE));
    sw_write_u32(out, session->ttl_ms);
    sw_write_u64(out, session->active_ms);
    sw_write_u64(out, session->acked);
    sw_write_u64(out, session->id.value);
    sw_write_bytes(out, sw_span_of(session->owner, SW_SESSION_OWNER_SIZE));
    sw_write_u32(out, count);
    for (uint32_t i = session->reply_first; i < session->reply_end; i++) {
        const struct sw_session_reply *reply = &session->replies[i];

        sw_write_u64(out, reply->seq);
        sw_write_u32(out, (uint32_t)reply->result.err);
        sw_write_u64(out, reply->result.revision);
        sw_write_u64(out, reply->result.value);
        sw_write_u32(out, reply->result.record_count);
        sw_write_blob(out, reply->result.records);
    }
    SW_ASSERT(out->size - start == SW_SESSION_RECORD_HEADER_SIZE +
                                       (size_t)count * SW_SESSION_RECORD_REPLY_SIZE +
                                       session->records_size);
}

/* True if there are as many records as the answer says. */
static bool records_valid(const struct sw_command_result *result)
{
    struct sw_reader in = sw_reader_of(result->records);
    struct sw_record record;

    for (uint32_t i = 0; i < result->record_count; i++) {
        if (sw_record_decode(&in, &record) != SW_ERR_OK) {
            return false;
        }
    }
    return sw_reader_finish(&in) == SW_ERR_OK;
}

/* Answers without records; sessions without an owner. All else as in the format after it. */
enum { FORMAT_NO_RECORDS = 1, FORMAT_NO_OWNER = 2 };

/* True if the answers ascend and lie above `acked`. */
static bool
read_replies(struct sw_reader *in, uint8_t format, struct sw_session *session, uint32_t count)
{
    uint64_t floor = session->acked;

    for (uint32_t i = 0; i < count; i++) {
        struct sw_session_reply reply = {.seq = sw_read_u64(in)};

        reply.result.err = (enum sw_err)sw_read_u32(in);
        reply.result.revision = sw_read_u64(in);
        reply.result.value = sw_read_u64(in);
        if (format > FORMAT_NO_RECORDS) {
            reply.result.record_count = sw_read_u32(in);
            reply.result.records = sw_read_blob(in, SW_MESSAGE_SIZE_MAX);
        }
        if (in->failed || reply.seq <= floor || !records_valid(&reply.result)) {
            return false;
        }
        floor = reply.seq;
        sw__session_reserve(session);
        sw__session_put_reply(session, session->reply_end, reply.seq, &reply.result);
        session->reply_end++;
    }
    return true;
}

static bool read_session(struct sw_reader *in, uint8_t format, struct sw_session *session)
{
    uint64_t id;
    uint32_t count;

    sw_read_copy(in, session->nonce, SW_SESSION_NONCE_SIZE);
    session->ttl_ms = sw_read_u32_max(in, SW_SESSION_TTL_MS_MAX);
    session->active_ms = sw_read_u64(in);
    session->acked = sw_read_u64(in);
    id = sw_read_u64(in);
    if (format > FORMAT_NO_OWNER) {
        sw_read_copy(in, session->owner, SW_SESSION_OWNER_SIZE);
    }
    count = sw_read_u32_max(in, SW_SESSION_REPLY_COUNT_MAX);
    return id == session->id.value && !in->failed && read_replies(in, format, session, count) &&
           sw_reader_finish(in) == SW_ERR_OK;
}

enum sw_err
sw_session_decode(struct sw_sessions *sessions, struct sw_session_id id, struct sw_span record)
{
    struct sw_reader in = sw_reader_of(record);
    struct sw_session *session;
    uint8_t format;
    const enum sw_err err = sw_read_format(&in, SW_SESSION_FORMAT, &format);

    if (err != SW_ERR_OK) {
        return err;
    }
    session = calloc(1, sizeof *session);
    SW_ASSERT(session != NULL);
    session->id = id;
    if (id.value == 0 || !read_session(&in, format, session) ||
        sessions->count == sessions->count_max || sw_sessions_find(sessions, id) != NULL ||
        sw_sessions_find_nonce(sessions, session->nonce) != NULL) {
        sw__session_free(session);
        return SW_ERR_CORRUPT;
    }
    session->saved = true;
    sw__sessions_add(sessions, session);
    sessions->reply_count += session->reply_end - session->reply_first;
    sw__sessions_held(sessions, session, 0, session->records_size);
    if (format != SW_SESSION_FORMAT) {
        sw__session_changed(sessions, session); /* all replicas write it anew, used or not */
    }
    return SW_ERR_OK;
}

static int compare_ids(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a;
    const uint64_t y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static int compare_sessions(const void *a, const void *b)
{
    const struct sw_session *x = *(struct sw_session *const *)a;
    const struct sw_session *y = *(struct sw_session *const *)b;

    return x->id.value < y->id.value ? -1 : x->id.value > y->id.value;
}

static enum sw_err
save_removed(struct sw_sessions *sessions, struct sw_store *store, struct sw_group_id group)
{
    struct sw_key key;

    if (sessions->removed_count == 0) {
        return SW_ERR_OK;
    }
    qsort(sessions->removed, sessions->removed_count, sizeof *sessions->removed, compare_ids);
    for (uint32_t i = 0; i < sessions->removed_count; i++) {
        enum sw_err err;

        sw_key_session(group, (struct sw_session_id){sessions->removed[i]}, &key);
        err = store->ops->del(store, SW_TABLE_SESSION, sw_key_span(&key));
        if (err != SW_ERR_OK) {
            return err;
        }
    }
    sessions->removed_count = 0;
    return SW_ERR_OK;
}

enum sw_err
sw_sessions_save(struct sw_sessions *sessions, struct sw_store *store, struct sw_group_id group)
{
    struct sw_buf record = {0};
    struct sw_key key;
    enum sw_err err;

    err = save_removed(sessions, store, group);
    if (err != SW_ERR_OK || sessions->changed_count == 0) {
        goto out;
    }
    qsort(
        sessions->changed, sessions->changed_count, sizeof(struct sw_session *), compare_sessions);
    for (uint32_t i = 0; i < sessions->changed_count; i++) {
        struct sw_session *session = sessions->changed[i];

        sw_buf_clear(&record);
        sw_session_encode(session, &record);
        sw_key_session(group, session->id, &key);
        err = store->ops->put(store, SW_TABLE_SESSION, sw_key_span(&key), sw_buf_span(&record));
        if (err != SW_ERR_OK) {
            goto out;
        }
        session->changed_place = 0;
        session->saved = true;
    }
    sessions->changed_count = 0;
out:
    sw_buf_release(&record);
    return err;
}

enum sw_err
sw_sessions_load(struct sw_sessions *sessions, struct sw_store *store, struct sw_group_id group)
{
    struct sw_store_record record;
    struct sw_session_key key;
    struct sw_key prefix;
    enum sw_err err;

    SW_ASSERT(sessions->count == 0);
    sw_key_group(group, &prefix);
    err = store->ops->seek(store, SW_TABLE_SESSION, sw_key_span(&prefix), false, &record);
    while (err == SW_ERR_OK && sw_key_has_prefix(record.key, sw_key_span(&prefix))) {
        if (sw_key_session_decode(record.key, &key) != SW_ERR_OK) {
            return SW_ERR_CORRUPT;
        }
        err = sw_session_decode(sessions, key.id, record.value);
        if (err == SW_ERR_OK) {
            err = store->ops->next(store, SW_TABLE_SESSION, false, &record);
        }
    }
    return err == SW_ERR_NOT_FOUND ? SW_ERR_OK : err;
}
