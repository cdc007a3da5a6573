/* What the tests of contexts share: requests of one line, and what is stored afterwards. */
#ifndef SW_TESTS_UNIT_NODE_CONTEXT_KIT_H
#define SW_TESTS_UNIT_NODE_CONTEXT_KIT_H

#include "storage/keys.h"
#include "tests/unit/node/vector_kit.h"
#include "transport/context.h"

static inline struct sw_request kit_of_value(enum sw_op op, const char *id)
{
    struct sw_request request = kit_request(op);

    request.key = sw_span_str(id);
    request.value = sw_buf_span(&kit_value);
    return request;
}

static inline struct sw_request kit_context_create(const char *id, struct sw_context_spec spec)
{
    sw_buf_clear(&kit_value);
    sw_context_spec_encode(&spec, &kit_value);
    return kit_of_value(SW_OP_CONTEXT_CREATE, id);
}

static inline struct sw_request kit_context_append(const char *id, struct sw_context_append block)
{
    sw_buf_clear(&kit_value);
    sw_context_append_encode(&block, &kit_value);
    return kit_of_value(SW_OP_CONTEXT_APPEND, id);
}

/* A block of one token. */
static inline struct sw_request kit_context_text(const char *id, const char *content)
{
    return kit_context_append(
        id, (struct sw_context_append){.tokens = 1, .content = sw_span_str(content)});
}

static inline struct sw_request kit_context_window(const char *id, struct sw_context_window window)
{
    sw_buf_clear(&kit_value);
    sw_context_window_encode(&window, &kit_value);
    return kit_of_value(SW_OP_CONTEXT_WINDOW, id);
}

static inline struct sw_request kit_context_prune(const char *id, struct sw_context_policy policy)
{
    sw_buf_clear(&kit_value);
    sw_context_policy_encode(&policy, &kit_value);
    return kit_of_value(SW_OP_CONTEXT_PRUNE, id);
}

static inline struct sw_request kit_context_policy(const char *id, struct sw_context_rules rules)
{
    sw_buf_clear(&kit_value);
    sw_context_rules_encode(&rules, &kit_value);
    return kit_of_value(SW_OP_CONTEXT_POLICY, id);
}

static inline struct sw_request kit_context_restore(const char *id, struct sw_context_undo undo)
{
    sw_buf_clear(&kit_value);
    sw_context_undo_encode(&undo, &kit_value);
    return kit_of_value(SW_OP_CONTEXT_RESTORE, id);
}

static inline struct sw_request
kit_context_touch(const char *id, const uint64_t *tokens, uint32_t count)
{
    sw_buf_clear(&kit_value);
    sw_context_tokens_encode(tokens, count, &kit_value);
    return kit_of_value(SW_OP_CONTEXT_TOUCH, id);
}

static inline struct sw_place kit_place(void)
{
    const struct sw_request at = kit_request(SW_OP_GET);

    return (struct sw_place){
        .tenant = at.tenant, .name_space = at.name_space, .partition = at.partition};
}

/* Version 0: there is none. A view until the next write. */
static inline struct sw_kv_record kit_stored(struct kit *kit, struct sw_span name)
{
    const struct sw_place place = kit_place();
    struct sw_kv_record record = {0};
    struct sw_span bytes;
    struct sw_key key;

    sw_key_kv(&place, name, &key);
    if (kit->store->ops->get(kit->store, SW_TABLE_KV, sw_key_span(&key), &bytes) == SW_ERR_OK) {
        assert_int_equal(sw_kv_record_decode(bytes, &record), SW_ERR_OK);
    }
    return record;
}

static inline struct sw_kv_record
kit_part(struct kit *kit, enum sw_context_part part, const char *id, uint64_t token)
{
    struct sw_context_key name;

    sw_context_part_key(part, sw_span_str(id), token, &name);
    return kit_stored(kit, sw_context_key_span(&name));
}

static inline struct sw_context kit_header(struct kit *kit, const char *id)
{
    struct sw_context context = {0};
    struct sw_context_key name;

    sw_context_header_key(sw_span_str(id), &name);
    assert_true(sw_context_read(kit_stored(kit, sw_context_key_span(&name)).value, &context));
    return context;
}

/* One bit for each block that is there, of blocks of one token. */
static inline uint64_t kit_blocks(struct kit *kit, const char *id)
{
    uint64_t bits = 0;

    for (uint64_t token = 0; token < 64; token++) {
        bits |= kit_part(kit, SW_CONTEXT_BLOCKS, id, token).version > 0 ? UINT64_C(1) << token : 0;
    }
    return bits;
}

/* One bit for each block of one token that a search finds; `flags` of the search. */
static inline uint64_t
kit_found(struct kit *kit, const char *id, const struct kit_vector *vector, uint32_t flags)
{
    struct sw_vector_query query = kit_question("notes", vector);
    struct kit_hits found;
    uint64_t bits = 0;

    query.k = KIT_HITS;
    query.flags = flags;
    query.recall_permille = 1000;
    found = kit_search(kit, &query);
    assert_int_equal(found.err, SW_ERR_OK);
    for (uint32_t i = 0; i < found.count; i++) {
        uint64_t token = 0;

        assert_true(
            sw_context_block_token(sw_span_str(id), sw_span_str(found.hits[i].key), &token));
        bits |= UINT64_C(1) << token;
    }
    return bits;
}

/* An index `notes` and a context `t` in it, of blocks of one token. */
static inline struct kit kit_with_context(struct sw_context_window window)
{
    struct kit kit = kit_open();

    assert_int_equal(kit_run(&kit, 1, kit_index_create("notes", KIT_DIM)).err, SW_ERR_OK);
    assert_int_equal(
        kit_run(&kit,
                1,
                kit_context_create("t",
                                   (struct sw_context_spec){.block_size = 4,
                                                            .window = window,
                                                            .index = sw_span_str("notes")}))
            .err,
        SW_ERR_OK);
    return kit;
}

/* A block of one token with a score and the vector of that number. */
static inline struct sw_command_result
kit_add(struct kit *kit, uint64_t time_ms, uint64_t number, int64_t score)
{
    const struct kit_vector vector = kit_vector_of(number);
    char content[32];

    (void)snprintf(content, sizeof content, "content %06u", (unsigned)number);
    return kit_run(
        kit,
        time_ms,
        kit_context_append("t",
                           (struct sw_context_append){.tokens = 1,
                                                      .has_score = true,
                                                      .score = score,
                                                      .vector = sw_span_of(&vector, sizeof vector),
                                                      .content = sw_span_str(content)}));
}

#endif
