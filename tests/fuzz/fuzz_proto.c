/* Any bytes: a request, reply, record, command, transaction or list of keys that decodes encodes to
 * the same bytes, and validation never reads outside it. */
#include <stdlib.h>

#include "transport/context.h"
#include "transport/memory.h"
#include "transport/proto.h"
#include "transport/relation.h"
#include "transport/txn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct sw_buf *again, const uint8_t *data, size_t size)
{
    if (again->size != size || memcmp(again->data, data, size) != 0) {
        abort();
    }
}

static void fuzz_requests(const uint8_t *data, size_t size, struct sw_buf *again)
{
    struct sw_reader in = sw_reader_of(sw_span_of(data, size));
    struct sw_request request;
    char why[SW_WHY_SIZE];

    while (sw_reader_left(&in) > 0) {
        const size_t from = in.offset;

        if (sw_request_decode(&in, &request) != SW_ERR_OK) {
            break;
        }
        (void)sw_request_validate(&request, why);
        sw_buf_clear(again);
        sw_request_encode(&request, again);
        check(again, data + from, in.offset - from);
    }
    if (sw_command_decode(sw_span_of(data, size), &request) == SW_ERR_OK) {
        sw_buf_clear(again);
        sw_command_encode(&request, again);
        check(again, data, size);
    }
}

static void fuzz_replies(const uint8_t *data, size_t size, struct sw_buf *again)
{
    struct sw_reader in = sw_reader_of(sw_span_of(data, size));
    struct sw_reply reply;
    struct sw_record record;

    while (sw_reader_left(&in) > 0) {
        const size_t from = in.offset;

        if (sw_reply_decode(&in, &reply) != SW_ERR_OK) {
            break;
        }
        sw_buf_clear(again);
        sw_reply_encode(&reply, again);
        check(again, data + from, in.offset - from);
    }
    in = sw_reader_of(sw_span_of(data, size));
    if (sw_record_decode(&in, &record) == SW_ERR_OK) {
        sw_buf_clear(again);
        sw_record_encode(&record, again);
        check(again, data, in.offset);
    }
}

static void fuzz_keys(const uint8_t *data, size_t size, struct sw_buf *again)
{
    struct sw_reader in = sw_reader_of(sw_span_of(data, size));
    char why[SW_WHY_SIZE];

    if (sw_keys_validate(sw_span_of(data, size), why) == SW_ERR_OK) {
        sw_buf_clear(again);
        while (sw_reader_left(&in) > 0) {
            const struct sw_span key = sw_keys_next(&in);

            sw_keys_encode(&key, 1, again);
        }
        check(again, data, size);
    }
}

/* What was found good decodes. */
static void fuzz_txn(const uint8_t *data, size_t size, struct sw_buf *again)
{
    static struct sw_txn txn;
    char why[SW_WHY_SIZE];

    if (sw_txn_decode(sw_span_of(data, size), &txn) == SW_ERR_OK) {
        sw_buf_clear(again);
        sw_txn_encode(&txn, again);
        check(again, data, size);
        (void)sw_txn_validate(sw_span_of(data, size), why);
    } else if (sw_txn_validate(sw_span_of(data, size), why) == SW_ERR_OK) {
        abort();
    }
}

/* The first byte is the operator, then the operand up to a 0x00, then the stored value: what comes
 * of it is a stored value of the same type again. */
static void fuzz_merge(const uint8_t *data, size_t size, struct sw_buf *again)
{
    const enum sw_merge merge = size > 0 ? (enum sw_merge)data[0] : SW_MERGE_COUNT;
    const uint8_t *end = size > 1 ? memchr(data + 1, 0, size - 1) : NULL;
    struct sw_span operand, stored;
    char why[SW_WHY_SIZE];

    if (end == NULL) {
        return;
    }
    operand = sw_span_of(data + 1, (size_t)(end - data) - 1);
    stored = sw_span_of(end + 1, size - (size_t)(end - data) - 1);
    sw_buf_clear(again);
    if (sw_merge_check(merge, operand, why) == SW_ERR_OK &&
        sw_merge_value(merge, true, stored, operand, again) == SW_ERR_OK) {
        struct sw_buf twice = {0};
        const enum sw_err err = sw_merge_value(merge, true, sw_buf_span(again), operand, &twice);

        if (err == SW_ERR_WRONG_TYPE || (merge == SW_MERGE_SET_UNION &&
                                         !sw_span_equal(sw_buf_span(again), sw_buf_span(&twice)))) {
            abort();
        }
        sw_buf_release(&twice);
    }
}

/* The same of policies, uses, what comes back, and tombstones. */
static void fuzz_context_policies(const uint8_t *data, size_t size, struct sw_buf *again)
{
    const struct sw_span bytes = sw_span_of(data, size);
    struct sw_context_tokens tokens;
    struct sw_context_window window;
    struct sw_context_rules rules;
    struct sw_context_undo undo;
    struct sw_context_gone gone;

    sw_buf_clear(again);
    if (sw_context_rules_decode(bytes, &rules) == SW_ERR_OK) {
        sw_context_rules_encode(&rules, again);
        check(again, data, size);
    }
    sw_buf_clear(again);
    if (sw_context_tokens_decode(bytes, &tokens) == SW_ERR_OK) {
        sw_context_tokens_encode(tokens.tokens, tokens.count, again);
        check(again, data, size);
    }
    sw_buf_clear(again);
    if (sw_context_undo_decode(bytes, &undo) == SW_ERR_OK) {
        sw_context_undo_encode(&undo, again);
        check(again, data, size);
    }
    sw_buf_clear(again);
    if (sw_context_window_decode(bytes, &window) == SW_ERR_OK) {
        sw_context_window_encode(&window, again);
        check(again, data, size);
    }
    sw_buf_clear(again);
    if (sw_context_rules_read(bytes, &rules)) {
        sw_context_rules_write(&rules, again);
        check(again, data, size);
    }
    sw_buf_clear(again);
    if (sw_context_gone_read(bytes, &gone)) {
        sw_context_gone_write(&gone, again);
        check(again, data, size);
    }
}

/* What decodes re-encodes to the same bytes; so does what is stored, whoever wrote it. */
static void fuzz_contexts(const uint8_t *data, size_t size, struct sw_buf *again)
{
    const struct sw_span bytes = sw_span_of(data, size);
    struct sw_context_append append;
    struct sw_context_spec spec;
    struct sw_context_policy policy;
    struct sw_context_block block;
    struct sw_context context;
    char why[SW_WHY_SIZE];

    sw_buf_clear(again);
    if (sw_context_append_decode(bytes, &append) == SW_ERR_OK) {
        sw_context_append_encode(&append, again);
        check(again, data, size);
    } else if (sw_context_append_validate(bytes, why) == SW_ERR_OK) {
        abort();
    }
    sw_buf_clear(again);
    if (sw_context_spec_decode(bytes, &spec) == SW_ERR_OK) {
        sw_context_spec_encode(&spec, again);
        check(again, data, size);
    } else if (sw_context_spec_validate(bytes, why) == SW_ERR_OK) {
        abort();
    }
    sw_buf_clear(again);
    if (sw_context_policy_decode(bytes, &policy) == SW_ERR_OK) {
        sw_context_policy_encode(&policy, again);
        check(again, data, size);
    } else if (sw_context_policy_validate(bytes, why) == SW_ERR_OK) {
        abort();
    }
    sw_buf_clear(again);
    if (sw_context_read(bytes, &context)) {
        sw_context_write(&context, again);
        check(again, data, size);
    }
    sw_buf_clear(again);
    if (sw_context_block_read(bytes, &block)) {
        sw_context_block_write(&block, again);
        check(again, data, size);
    }
}

/* What decodes re-encodes to the same bytes; what is stored is read as it is written again. */
static void fuzz_memories(const uint8_t *data, size_t size, struct sw_buf *again)
{
    const struct sw_span bytes = sw_span_of(data, size);
    struct sw_memory_settings settings;
    struct sw_link_pair link;
    struct sw_memory_text text, twice;
    struct sw_memory_put put;
    struct sw_span agent;
    char why[SW_WHY_SIZE];

    sw_buf_clear(again);
    if (sw_memory_put_decode(bytes, &put) == SW_ERR_OK) {
        sw_memory_put_encode(&put, again);
        check(again, data, size);
        (void)sw_memory_put_validate(sw_span_str("a"), bytes, why);
    }
    sw_buf_clear(again);
    if (sw_memory_text_read(bytes, &text)) {
        uint32_t importance;
        enum sw_memory_tier tier;

        sw_memory_fade(&text, UINT64_MAX >> 1, &importance, &tier);
        sw_memory_text_write(&text, again);
        if (importance > text.importance || !sw_memory_text_read(sw_buf_span(again), &twice) ||
            twice.importance != text.importance || twice.parent_count != text.parent_count ||
            !sw_span_equal(twice.content, text.content)) {
            abort();
        }
    }
    sw_buf_clear(again);
    if (sw_link_read(bytes, &link)) {
        sw_link_write(&link, again);
        check(again, data, size);
    }
    if (sw_memory_settings_read(bytes, &settings) &&
        sw_memory_settings_validate(&settings, why) != SW_ERR_OK) {
        abort();
    }
    (void)sw_memory_key_read(bytes, &agent);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sw_buf again = {0};

    fuzz_requests(data, size, &again);
    fuzz_replies(data, size, &again);
    fuzz_txn(data, size, &again);
    fuzz_keys(data, size, &again);
    fuzz_merge(data, size, &again);
    fuzz_contexts(data, size, &again);
    fuzz_context_policies(data, size, &again);
    fuzz_memories(data, size, &again);
    sw_buf_release(&again);
    return 0;
}
