/* What the tests of the replicated state share: one group on the in-memory store, requests in one
 * line, entries in three. Everything static inline, so that a test may use a part of it. */
#ifndef SW_TESTS_UNIT_NODE_STATE_KIT_H
#define SW_TESTS_UNIT_NODE_STATE_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "node/apply.h"
#include "node/entry.h"
#include "storage/store_mem.h"
#include "transport/proto.h"

static const struct sw_group_id kit_group = {1};
static const struct sw_author administrator = {.flags = SW_AUTHOR_ADMINISTRATOR};

struct kit {
    struct sw_store *store;
    struct sw_state state;
    struct sw_buf entry;
    uint8_t format;                    /* of entries; 0 = today's */
    struct sw_command_result *results; /* of the last entry */
    uint32_t result_count;
};

static inline void kit_load(struct kit *kit)
{
    sw_state_init(&kit->state, kit_group);
    assert_int_equal(sw_state_load(&kit->state, kit->store), SW_ERR_OK);
}

static inline struct kit kit_open(void)
{
    struct kit kit = {.store = sw_store_mem_new(0, 0)};

    kit_load(&kit);
    return kit;
}

static inline void kit_close(struct kit *kit)
{
    sw_state_release(&kit->state);
    sw_store_mem_free(kit->store);
    sw_buf_release(&kit->entry);
    free(kit->results);
}

static inline void kit_commit(struct kit *kit)
{
    assert_int_equal(sw_state_save(&kit->state, kit->store), SW_ERR_OK);
    assert_int_equal(kit->store->ops->commit(kit->store), SW_ERR_OK);
}

/* The process dies and starts again: what is not committed is gone. */
static inline void kit_restart(struct kit *kit)
{
    sw_state_release(&kit->state);
    sw_store_mem_crash(kit->store, false);
    kit_load(kit);
}

static inline struct sw_request kit_request(enum sw_op op)
{
    struct sw_request request = {.op = op};

    if (op != SW_OP_SESSION_OPEN && op != SW_OP_SESSION_CLOSE) {
        request.tenant = sw_span_str("acme");
        request.name_space = sw_span_str("prod");
        request.partition = sw_span_str("agents");
    }
    return request;
}

static inline struct sw_request kit_put(const char *key, const char *value)
{
    struct sw_request request = kit_request(SW_OP_PUT);

    request.key = sw_span_str(key);
    request.value = sw_span_str(value);
    return request;
}

static inline struct sw_request kit_delete(const char *key)
{
    struct sw_request request = kit_request(SW_OP_DELETE);

    request.key = sw_span_str(key);
    return request;
}

static inline struct sw_request kit_cas(const char *key, const char *value, uint64_t expected)
{
    struct sw_request request = kit_put(key, value);

    request.op = SW_OP_CAS;
    request.expected = expected;
    return request;
}

static inline struct sw_request kit_append(const char *value)
{
    struct sw_request request = kit_request(SW_OP_EXPERIENCE_APPEND);

    request.value = sw_span_str(value);
    return request;
}

/* `nonce` is a text of 16 characters. */
static inline struct sw_request kit_session_open(const char *nonce, uint32_t ttl_ms)
{
    struct sw_request request = kit_request(SW_OP_SESSION_OPEN);

    request.value = sw_span_str(nonce);
    request.limit = ttl_ms;
    return request;
}

static inline struct sw_request kit_session_close(uint64_t session)
{
    struct sw_request request = kit_request(SW_OP_SESSION_CLOSE);

    request.session.value = session;
    return request;
}

static inline struct sw_request
kit_in_session(struct sw_request request, uint64_t session, uint64_t seq, uint64_t acked)
{
    request.session.value = session;
    request.seq = seq;
    request.acked = acked;
    return request;
}

static inline void kit_entry_add(struct sw_buf *entry, const struct sw_request *request)
{
    struct sw_buf command = {0};

    sw_command_encode(request, &command);
    sw_entry_add(entry, &administrator, sw_buf_span(&command));
    sw_buf_release(&command);
}

static inline enum sw_err kit_apply_body(struct kit *kit, struct sw_span body)
{
    const struct sw_apply_entry entry = {.index = kit->state.index + 1, .term = 7, .body = body};

    free(kit->results);
    kit->results = NULL;
    kit->result_count = 0;
    if (kit->format != 0 && body.size > 0 && body.data == kit->entry.data) {
        kit->entry.data[0] = kit->format;
    }
    return sw_apply(&kit->state, kit->store, &entry, &kit->results, &kit->result_count);
}

/* One entry of `count` commands at leader time `time_ms`. */
static inline void
kit_apply(struct kit *kit, uint64_t time_ms, const struct sw_request *requests, uint32_t count)
{
    sw_entry_begin(&kit->entry, time_ms);
    for (uint32_t i = 0; i < count; i++) {
        kit_entry_add(&kit->entry, &requests[i]);
    }
    assert_int_equal(kit_apply_body(kit, sw_buf_span(&kit->entry)), SW_ERR_OK);
    assert_int_equal(kit->result_count, count);
}

/* One entry of one command by `author`; its result. */
static inline struct sw_command_result kit_run_as(struct kit *kit,
                                                  const struct sw_author *author,
                                                  uint64_t time_ms,
                                                  struct sw_request request)
{
    struct sw_buf command = {0};

    sw_entry_begin(&kit->entry, time_ms);
    sw_command_encode(&request, &command);
    sw_entry_add(&kit->entry, author, sw_buf_span(&command));
    sw_buf_release(&command);
    assert_int_equal(kit_apply_body(kit, sw_buf_span(&kit->entry)), SW_ERR_OK);
    return kit->results[0];
}

/* One entry of one command; its result. */
static inline struct sw_command_result
kit_run(struct kit *kit, uint64_t time_ms, struct sw_request request)
{
    kit_apply(kit, time_ms, &request, 1);
    return kit->results[0];
}

static inline void kit_assert_result(struct sw_command_result result,
                                     enum sw_err err,
                                     uint64_t revision,
                                     uint64_t value)
{
    assert_int_equal(result.err, err);
    assert_int_equal(result.revision, revision);
    assert_int_equal(result.value, value);
}

/* All records of all tables but the stage, in order: equal bytes mean equal state. */
static inline void kit_dump(struct sw_store *store, struct sw_buf *out)
{
    sw_buf_clear(out);
    for (int table = 0; table < SW_TABLE_STAGE; table++) {
        struct sw_store_record record;
        enum sw_err err =
            store->ops->seek(store, (enum sw_table)table, sw_span_of(NULL, 0), false, &record);

        while (err == SW_ERR_OK) {
            sw_write_u8(out, (uint8_t)table);
            sw_write_blob(out, record.key);
            sw_write_blob(out, record.value);
            err = store->ops->next(store, (enum sw_table)table, false, &record);
        }
        assert_int_equal(err, SW_ERR_NOT_FOUND);
    }
}

static inline void kit_assert_equal_stores(struct sw_store *a, struct sw_store *b)
{
    struct sw_buf x = {0};
    struct sw_buf y = {0};

    kit_dump(a, &x);
    kit_dump(b, &y);
    assert_int_equal(x.size, y.size);
    assert_true(x.size > 0);
    assert_memory_equal(x.data, y.data, x.size);
    sw_buf_release(&x);
    sw_buf_release(&y);
}

#endif
