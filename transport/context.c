/* Codec and rules of contexts, and the text that they are stored as. */
#include "transport/context.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/log.h"
#include "transport/vector.h"

enum {
    APPEND_VECTOR = 1 << 0,
    APPEND_SCORE = 1 << 1,
    APPEND_FLAGS_ALL = (1 << 2) - 1,
    POLICY_HIGH = 1 << 0,
    POLICY_DRY = 1 << 1,
    POLICY_FLAGS_ALL = (1 << 2) - 1,
    TOKEN_DIGITS = 16,
    NUMBER_COUNT = 11, /* lines of a header that are numbers */
};

static const char header_prefix[] = "ctx/";
static const char block_prefix[] = "ctx-block/";
static const char header_line[] = "swarm-context 1\n";
static const char block_line[] = "swarm-block 1 ";

static_assert(sizeof block_prefix + SW_CONTEXT_ID_SIZE_MAX + 1 + TOKEN_DIGITS <=
                  SW_CONTEXT_KEY_SIZE_MAX,
              "a block's key fits");
static_assert((int)SW_CONTEXT_KEY_SIZE_MAX <= (int)SW_KEY_SIZE_MAX, "it is a key like any other");

/* --- codec ------------------------------------------------------------------------------------ */

void sw_context_window_encode(const struct sw_context_window *window, struct sw_buf *out)
{
    sw_write_u32(out, window->blocks);
    sw_write_u64(out, window->ms);
}

static void read_window(struct sw_reader *in, struct sw_context_window *ret_window)
{
    ret_window->blocks = sw_read_u32(in);
    ret_window->ms = sw_read_u64(in);
}

enum sw_err sw_context_window_decode(struct sw_span bytes, struct sw_context_window *ret_window)
{
    struct sw_reader in = sw_reader_of(bytes);

    read_window(&in, ret_window);
    return sw_reader_finish(&in);
}

void sw_context_spec_encode(const struct sw_context_spec *spec, struct sw_buf *out)
{
    sw_write_u32(out, spec->block_size);
    sw_write_u32(out, spec->overlap);
    sw_context_window_encode(&spec->window, out);
    sw_write_short(out, spec->index);
}

enum sw_err sw_context_spec_decode(struct sw_span bytes, struct sw_context_spec *ret_spec)
{
    struct sw_reader in = sw_reader_of(bytes);

    ret_spec->block_size = sw_read_u32(&in);
    ret_spec->overlap = sw_read_u32(&in);
    read_window(&in, &ret_spec->window);
    ret_spec->index = sw_read_short(&in);
    return sw_reader_finish(&in);
}

void sw_context_policy_encode(const struct sw_context_policy *policy, struct sw_buf *out)
{
    sw_write_u8(out, (uint8_t)((policy->high ? POLICY_HIGH : 0) | (policy->dry ? POLICY_DRY : 0)));
    sw_write_u64(out, (uint64_t)policy->threshold);
    sw_write_u64(out, policy->age_ms);
    sw_write_u64(out, policy->keep);
    sw_write_u64(out, policy->size_max);
    sw_write_u64(out, policy->from);
    sw_write_u64(out, policy->counted);
}

enum sw_err sw_context_policy_decode(struct sw_span bytes, struct sw_context_policy *ret_policy)
{
    struct sw_reader in = sw_reader_of(bytes);
    const uint8_t flags = sw_read_u8_max(&in, POLICY_FLAGS_ALL);

    ret_policy->high = (flags & POLICY_HIGH) != 0;
    ret_policy->dry = (flags & POLICY_DRY) != 0;
    ret_policy->threshold = (int64_t)sw_read_u64(&in);
    ret_policy->age_ms = sw_read_u64(&in);
    ret_policy->keep = sw_read_u64(&in);
    ret_policy->size_max = sw_read_u64(&in);
    ret_policy->from = sw_read_u64(&in);
    ret_policy->counted = sw_read_u64(&in);
    return sw_reader_finish(&in);
}

void sw_context_append_encode(const struct sw_context_append *append, struct sw_buf *out)
{
    sw_write_u32(out, append->tokens);
    sw_write_u8(out,
                (uint8_t)((append->vector.size > 0 ? APPEND_VECTOR : 0) |
                          (append->has_score ? APPEND_SCORE : 0)));
    if (append->has_score) {
        sw_write_u64(out, (uint64_t)append->score);
    }
    if (append->vector.size > 0) {
        sw_write_blob(out, append->vector);
    }
    sw_write_blob(out, append->content);
}

enum sw_err sw_context_append_decode(struct sw_span bytes, struct sw_context_append *ret_append)
{
    struct sw_reader in = sw_reader_of(bytes);
    uint8_t flags;

    *ret_append = (struct sw_context_append){.tokens = sw_read_u32(&in)};
    flags = sw_read_u8_max(&in, APPEND_FLAGS_ALL);
    ret_append->has_score = (flags & APPEND_SCORE) != 0;
    ret_append->score = ret_append->has_score ? (int64_t)sw_read_u64(&in) : 0;
    if ((flags & APPEND_VECTOR) != 0) {
        ret_append->vector = sw_read_blob(&in, SW_MESSAGE_SIZE_MAX);
        if (ret_append->vector.size == 0) {
            sw_reader_fail(&in); /* no vector has no flag */
        }
    }
    ret_append->content = sw_read_blob(&in, SW_MESSAGE_SIZE_MAX);
    return sw_reader_finish(&in);
}

/* --- rules ------------------------------------------------------------------------------------ */

enum sw_err sw_context_id_validate(struct sw_span id, char ret_why[SW_WHY_SIZE])
{
    if (id.size == 0 || id.size > SW_CONTEXT_ID_SIZE_MAX) {
        (void)snprintf(ret_why,
                       SW_WHY_SIZE,
                       "the context's id is %zu bytes, allowed are 1 to %d",
                       id.size,
                       SW_CONTEXT_ID_SIZE_MAX);
        return id.size == 0 ? SW_ERR_INVALID : SW_ERR_TOO_LARGE;
    }
    for (size_t i = 0; i < id.size; i++) {
        if (id.data[i] <= ' ' || id.data[i] > '~' || id.data[i] == '/') {
            (void)snprintf(ret_why,
                           SW_WHY_SIZE,
                           "the context's id has byte 0x%02x, allowed is printable ASCII without "
                           "spaces and slashes",
                           (unsigned)id.data[i]);
            return SW_ERR_INVALID;
        }
    }
    return SW_ERR_OK;
}

static enum sw_err malformed(const char *what, char ret_why[SW_WHY_SIZE])
{
    (void)snprintf(ret_why, SW_WHY_SIZE, "the %s does not decode", what);
    return SW_ERR_INVALID;
}

static enum sw_err check_window(const struct sw_context_window *window, char ret_why[SW_WHY_SIZE])
{
    if (window->ms <= INT64_MAX) {
        return SW_ERR_OK;
    }
    (void)snprintf(ret_why, SW_WHY_SIZE, "the window's time is over 63 bits");
    return SW_ERR_INVALID;
}

enum sw_err sw_context_window_validate(struct sw_span bytes, char ret_why[SW_WHY_SIZE])
{
    struct sw_context_window window;

    return sw_context_window_decode(bytes, &window) == SW_ERR_OK ? check_window(&window, ret_why)
                                                                 : malformed("window", ret_why);
}

enum sw_err sw_context_policy_validate(struct sw_span bytes, char ret_why[SW_WHY_SIZE])
{
    struct sw_context_policy policy;

    if (sw_context_policy_decode(bytes, &policy) != SW_ERR_OK) {
        return malformed("policy", ret_why);
    }
    if (!policy.dry && policy.counted != 0) {
        (void)snprintf(ret_why, SW_WHY_SIZE, "only a dry run counts what went before");
        return SW_ERR_INVALID;
    }
    return SW_ERR_OK;
}

enum sw_err sw_context_spec_validate(struct sw_span bytes, char ret_why[SW_WHY_SIZE])
{
    struct sw_context_spec spec;

    if (sw_context_spec_decode(bytes, &spec) != SW_ERR_OK) {
        return malformed("context", ret_why);
    }
    if (spec.block_size == 0 || spec.block_size > SW_CONTEXT_TOKENS_MAX) {
        (void)snprintf(ret_why,
                       SW_WHY_SIZE,
                       "blocks of %u tokens, allowed are 1 to %d",
                       (unsigned)spec.block_size,
                       SW_CONTEXT_TOKENS_MAX);
        return SW_ERR_INVALID;
    }
    if (spec.overlap >= spec.block_size) {
        (void)snprintf(ret_why,
                       SW_WHY_SIZE,
                       "an overlap of %u tokens leaves nothing of blocks of %u",
                       (unsigned)spec.overlap,
                       (unsigned)spec.block_size);
        return SW_ERR_INVALID;
    }
    if (spec.index.size > 0 && sw_vector_index_name_validate(spec.index, ret_why) != SW_ERR_OK) {
        return SW_ERR_INVALID;
    }
    return check_window(&spec.window, ret_why);
}

enum sw_err sw_context_append_validate(struct sw_span bytes, char ret_why[SW_WHY_SIZE])
{
    struct sw_context_append append;

    if (sw_context_append_decode(bytes, &append) != SW_ERR_OK) {
        return malformed("block", ret_why);
    }
    if (append.tokens == 0 || append.tokens > SW_CONTEXT_TOKENS_MAX) {
        (void)snprintf(ret_why,
                       SW_WHY_SIZE,
                       "a block of %u tokens, allowed are 1 to %d",
                       (unsigned)append.tokens,
                       SW_CONTEXT_TOKENS_MAX);
        return SW_ERR_INVALID;
    }
    if (append.content.size == 0 ||
        append.content.size > SW_VALUE_SIZE_MAX - SW_CONTEXT_BLOCK_HEAD_MAX) {
        (void)snprintf(ret_why,
                       SW_WHY_SIZE,
                       "a block of %zu bytes, allowed are 1 to %d",
                       append.content.size,
                       SW_VALUE_SIZE_MAX - SW_CONTEXT_BLOCK_HEAD_MAX);
        return append.content.size == 0 ? SW_ERR_INVALID : SW_ERR_TOO_LARGE;
    }
    return SW_ERR_OK;
}

/* --- keys ------------------------------------------------------------------------------------- */

static void key_add(struct sw_context_key *key, const void *bytes, size_t size)
{
    SW_ASSERT(size <= sizeof key->data - key->size);
    memcpy(key->data + key->size, bytes, size);
    key->size += (uint32_t)size;
}

void sw_context_header_key(struct sw_span id, struct sw_context_key *ret_key)
{
    ret_key->size = 0;
    key_add(ret_key, header_prefix, sizeof header_prefix - 1);
    if (id.size > 0) { /* else the prefix of all headers */
        key_add(ret_key, id.data, id.size);
    }
}

void sw_context_blocks_prefix(struct sw_span id, struct sw_context_key *ret_key)
{
    SW_ASSERT(id.size > 0);
    ret_key->size = 0;
    key_add(ret_key, block_prefix, sizeof block_prefix - 1);
    key_add(ret_key, id.data, id.size);
    key_add(ret_key, "/", 1);
}

void sw_context_block_key(struct sw_span id, uint64_t token, struct sw_context_key *ret_key)
{
    char digits[TOKEN_DIGITS + 1];

    (void)snprintf(digits, sizeof digits, "%016llx", (unsigned long long)token);
    sw_context_blocks_prefix(id, ret_key);
    key_add(ret_key, digits, TOKEN_DIGITS);
}

bool sw_context_block_token(struct sw_span id, struct sw_span key, uint64_t *ret_token)
{
    struct sw_context_key prefix;
    uint64_t token = 0;

    sw_context_blocks_prefix(id, &prefix);
    if (key.size != prefix.size + TOKEN_DIGITS || memcmp(key.data, prefix.data, prefix.size) != 0) {
        return false;
    }
    for (size_t i = prefix.size; i < key.size; i++) {
        const uint8_t byte = key.data[i];
        const bool is_digit = byte >= '0' && byte <= '9';

        if (!is_digit && (byte < 'a' || byte > 'f')) {
            return false;
        }
        token = token << 4 | (uint64_t)(is_digit ? byte - '0' : byte - 'a' + 10);
    }
    *ret_token = token;
    return true;
}

/* --- text ------------------------------------------------------------------------------------- */

/* Takes `text` off the front. */
static bool take(struct sw_span *rest, const char *text)
{
    const size_t size = strlen(text);

    if (rest->size < size || memcmp(rest->data, text, size) != 0) {
        return false;
    }
    *rest = sw_span_of(rest->data + size, rest->size - size);
    return true;
}

/* Takes a decimal number as it is written: no sign, no zeros in front. */
static bool take_number(struct sw_span *rest, uint64_t *ret_number)
{
    uint64_t number = 0;
    size_t size = 0;

    while (size < rest->size && rest->data[size] >= '0' && rest->data[size] <= '9') {
        const uint64_t digit = (uint64_t)(rest->data[size] - '0');

        if ((size > 0 && number == 0) || number > (UINT64_MAX - digit) / 10) {
            return false;
        }
        number = number * 10 + digit;
        size++;
    }
    *ret_number = number;
    *rest = sw_span_of(rest->data + size, rest->size - size);
    return size > 0;
}

static const char *const number_names[NUMBER_COUNT] = {"block_size=",
                                                       "overlap=",
                                                       "blocks=",
                                                       "next=",
                                                       "size=",
                                                       "pruned=",
                                                       "window_blocks=",
                                                       "window_ms=",
                                                       "window_token=",
                                                       "watermark=",
                                                       "dying="};

static void list_numbers(struct sw_context *context, uint64_t *ret_numbers[NUMBER_COUNT])
{
    uint64_t *const numbers[NUMBER_COUNT] = {&context->block_size,
                                             &context->overlap,
                                             &context->blocks,
                                             &context->next,
                                             &context->size,
                                             &context->pruned,
                                             &context->window_blocks,
                                             &context->window_ms,
                                             &context->window_token,
                                             &context->watermark,
                                             &context->dying};

    memcpy(ret_numbers, numbers, sizeof numbers);
}

void sw_context_write(const struct sw_context *context, struct sw_buf *out)
{
    struct sw_context copy = *context;
    uint64_t *numbers[NUMBER_COUNT];

    list_numbers(&copy, numbers);
    sw_write_bytes(out, sw_span_str(header_line));
    for (int i = 0; i < NUMBER_COUNT; i++) {
        sw_buf_printf(out, "%s%llu\n", number_names[i], (unsigned long long)*numbers[i]);
    }
    sw_buf_printf(out, "index=%s\n", context->index);
}

bool sw_context_read(struct sw_span text, struct sw_context *ret_context)
{
    struct sw_context context = {0};
    uint64_t *numbers[NUMBER_COUNT];
    struct sw_span rest = text;
    char why[SW_WHY_SIZE];

    list_numbers(&context, numbers);
    if (text.size > SW_CONTEXT_TEXT_SIZE_MAX || !take(&rest, header_line)) {
        return false;
    }
    for (int i = 0; i < NUMBER_COUNT; i++) {
        if (!take(&rest, number_names[i]) || !take_number(&rest, numbers[i]) ||
            !take(&rest, "\n")) {
            return false;
        }
    }
    if (!take(&rest, "index=") || rest.size == 0 || rest.size - 1 >= sizeof context.index ||
        rest.data[rest.size - 1] != '\n') {
        return false;
    }
    memcpy(context.index, rest.data, rest.size - 1);
    if (rest.size > 1 &&
        sw_vector_index_name_validate(sw_span_of(rest.data, rest.size - 1), why) != SW_ERR_OK) {
        return false;
    }
    if (context.block_size == 0 || context.block_size > SW_CONTEXT_TOKENS_MAX ||
        context.overlap >= context.block_size || context.next > INT64_MAX ||
        context.window_token > context.next || context.window_ms > INT64_MAX || context.dying > 1) {
        return false;
    }
    *ret_context = context;
    return true;
}

void sw_context_block_write(const struct sw_context_block *block, struct sw_buf *out)
{
    sw_buf_printf(out,
                  "%s%llu %llu ",
                  block_line,
                  (unsigned long long)block->number,
                  (unsigned long long)block->tokens);
    if (block->has_score) {
        sw_buf_printf(out, "%lld\n", (long long)block->score);
    } else {
        sw_buf_printf(out, "-\n");
    }
    sw_write_bytes(out, block->content);
}

/* "-": none; else a number, perhaps with a sign. */
static bool take_score(struct sw_span *rest, struct sw_context_block *block)
{
    const bool is_negative = take(rest, "-");
    uint64_t number = 0;

    block->has_score = !is_negative || (rest->size > 0 && rest->data[0] != '\n');
    if (!block->has_score) {
        return true;
    }
    if (!take_number(rest, &number) || (is_negative && number == 0) ||
        number > (uint64_t)INT64_MAX + (is_negative ? 1 : 0)) {
        return false;
    }
    block->score = is_negative ? -1 - (int64_t)(number - 1) : (int64_t)number;
    return true;
}

bool sw_context_block_read(struct sw_span text, struct sw_context_block *ret_block)
{
    struct sw_context_block block = {0};
    struct sw_span rest = text;

    if (!take(&rest, block_line) || !take_number(&rest, &block.number) || !take(&rest, " ") ||
        !take_number(&rest, &block.tokens) || !take(&rest, " ") || !take_score(&rest, &block) ||
        !take(&rest, "\n") || block.tokens == 0 || block.tokens > SW_CONTEXT_TOKENS_MAX) {
        return false;
    }
    block.content = rest;
    *ret_block = block;
    return true;
}
