/* What the tests of memories share: saying, using and forgetting in one line. */
#ifndef SW_TESTS_UNIT_NODE_MEMORY_KIT_H
#define SW_TESTS_UNIT_NODE_MEMORY_KIT_H

#include "storage/keys.h"
#include "tests/unit/node/vector_kit.h"
#include "transport/memory.h"
#include "transport/relation.h"

static inline struct sw_memory_put kit_memory(const char *content)
{
    return (struct sw_memory_put){.success = true,
                                  .utility = SW_MEMORY_UNSET,
                                  .importance = SW_MEMORY_UNSET,
                                  .task = sw_span_str("t"),
                                  .content = sw_span_str(content)};
}

static inline struct sw_request kit_say(const char *agent, const struct sw_memory_put *put)
{
    struct sw_request request = kit_request(SW_OP_MEMORY_PUT);

    sw_buf_clear(&kit_value);
    sw_memory_put_encode(put, &kit_value);
    request.key = sw_span_str(agent);
    request.value = sw_buf_span(&kit_value);
    return request;
}

static inline struct sw_memory_key kit_key_of(const char *agent, const char *content)
{
    struct sw_memory_key key;

    sw_memory_key_of(sw_span_str(agent), sw_span_str("t"), sw_span_str(content), &key);
    return key;
}

/* Says it and nothing else; the key is that of its words. */
static inline struct sw_memory_key
kit_said(struct kit *kit, uint64_t time_ms, const char *agent, const char *content)
{
    const struct sw_memory_put put = kit_memory(content);

    assert_int_equal(kit_run(kit, time_ms, kit_say(agent, &put)).err, SW_ERR_OK);
    return kit_key_of(agent, content);
}

static inline struct sw_memory_key
kit_derived(struct kit *kit, const char *content, const struct sw_memory_key *source)
{
    struct sw_memory_put put = kit_memory(content);

    put.parent_count = 1;
    put.parents[0] = sw_memory_key_span(source);
    assert_int_equal(kit_run(kit, 1, kit_say("a", &put)).err, SW_ERR_OK);
    return kit_key_of("a", content);
}

static inline struct sw_request kit_use(const struct sw_memory_key *key, enum sw_memory_use how)
{
    struct sw_request request = kit_request(SW_OP_MEMORY_USE);

    sw_buf_clear(&kit_value);
    sw_write_u8(&kit_value, (uint8_t)how);
    request.key = sw_memory_key_span(key);
    request.value = sw_buf_span(&kit_value);
    return request;
}

static inline struct sw_request kit_forget(const struct sw_memory_key *key, bool cascade)
{
    struct sw_request request = kit_request(SW_OP_MEMORY_FORGET);

    request.key = sw_memory_key_span(key);
    request.limit = cascade ? 1 : 0;
    return request;
}

static inline struct sw_kv_record kit_get(struct kit *kit, struct sw_span name)
{
    const struct sw_request at = kit_request(SW_OP_GET);
    const struct sw_place place = {
        .tenant = at.tenant, .name_space = at.name_space, .partition = at.partition};
    struct sw_kv_record record = {0};
    struct sw_span bytes;
    struct sw_key key;

    sw_key_kv(&place, name, &key);
    if (kit->store->ops->get(kit->store, SW_TABLE_KV, sw_key_span(&key), &bytes) == SW_ERR_OK) {
        assert_int_equal(sw_kv_record_decode(bytes, &record), SW_ERR_OK);
    }
    return record;
}

static inline bool kit_has(struct kit *kit, const struct sw_memory_key *key)
{
    return kit_get(kit, sw_memory_key_span(key)).version > 0;
}

static inline struct sw_memory_text kit_text(struct kit *kit, const struct sw_memory_key *key)
{
    struct sw_memory_text text;

    assert_true(sw_memory_text_read(kit_get(kit, sw_memory_key_span(key)).value, &text));
    return text;
}

static inline uint32_t kit_count_prefix(struct kit *kit, const char *prefix)
{
    const struct sw_request at = kit_request(SW_OP_GET);
    const struct sw_place place = {
        .tenant = at.tenant, .name_space = at.name_space, .partition = at.partition};
    struct sw_store_record record;
    struct sw_key key;
    uint32_t count = 0;
    enum sw_err err;

    sw_key_kv(&place, sw_span_str(prefix), &key);
    err = kit->store->ops->seek(kit->store, SW_TABLE_KV, sw_key_span(&key), false, &record);
    while (err == SW_ERR_OK && sw_key_has_prefix(record.key, sw_key_span(&key))) {
        count++;
        err = kit->store->ops->next(kit->store, SW_TABLE_KV, false, &record);
    }
    return count;
}

static inline void kit_settings(struct kit *kit, struct sw_memory_settings settings)
{
    struct sw_buf text = {0};
    struct sw_request request = kit_request(SW_OP_PUT);

    sw_memory_settings_write(&settings, &text);
    request.key = sw_span_str(SW_MEMORY_SETTINGS_KEY);
    request.value = sw_buf_span(&text);
    assert_int_equal(kit_run(kit, 1, request).err, SW_ERR_OK);
    sw_buf_release(&text);
}

/* Tends from the beginning to the end; how many keys went. */
static inline uint64_t kit_tend(struct kit *kit, uint64_t time_ms)
{
    struct sw_request request = kit_request(SW_OP_MEMORY_TEND);
    uint8_t bytes[SW_KEY_SIZE_MAX];
    uint64_t gone = 0;

    for (;;) {
        const struct sw_command_result result = kit_run(kit, time_ms, request);
        struct sw_reader in = sw_reader_of(result.records);
        struct sw_record record;

        assert_int_equal(result.err, SW_ERR_OK);
        gone += result.value;
        if (result.record_count == 0) {
            return gone;
        }
        assert_int_equal(sw_record_decode(&in, &record), SW_ERR_OK);
        memcpy(bytes, record.key.data, record.key.size);
        request.key = sw_span_of(bytes, record.key.size);
    }
}

#endif
