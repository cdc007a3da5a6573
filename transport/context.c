/* What is asked about contexts: codec and rules. What is stored is in context_text.c. */
#include "transport/context.h"

#include <stdio.h>

#include "transport/vector.h"

enum {
    APPEND_VECTOR = 1 << 0,
    APPEND_SCORE = 1 << 1,
    APPEND_FLAGS_ALL = (1 << 2) - 1,
    POLICY_HIGH = 1 << 0,
    POLICY_DRY = 1 << 1,
    POLICY_ANY = 1 << 2,
    POLICY_STORED = 1 << 3,
    POLICY_IDLE = 1 << 4,
    POLICY_FLAGS_ALL = (1 << 5) - 1,
    RULES_PRUNES = 1 << 0,
    RULES_HIGH = 1 << 1,
    RULES_ANY = 1 << 2,
    RULES_IDS = 1 << 3,
    RULES_FLAGS_ALL = (1 << 4) - 1,
};

/* --- codec ------------------------------------------------------------------------------------ */

/* Fields that came later stand at the end, and only if they say anything: so a request that does
 * without them has the bytes that it always had. */
static uint32_t read_late_permille(struct sw_reader *in)
{
    const uint32_t permille = sw_read_u16(in);

    if (permille == 0 || permille > SW_PERMILLE) {
        sw_reader_fail(in);
    }
    return permille;
}

static void write_window(const struct sw_context_window *window, struct sw_buf *out)
{
    sw_write_u32(out, window->blocks);
    sw_write_u64(out, window->ms);
}

static void read_window(struct sw_reader *in, struct sw_context_window *ret_window)
{
    *ret_window = (struct sw_context_window){.blocks = sw_read_u32(in)};
    ret_window->ms = sw_read_u64(in);
}

void sw_context_window_encode(const struct sw_context_window *window, struct sw_buf *out)
{
    write_window(window, out);
    if (window->similar != 0) {
        sw_write_u16(out, (uint16_t)window->similar);
    }
}

enum sw_err sw_context_window_decode(struct sw_span bytes, struct sw_context_window *ret_window)
{
    struct sw_reader in = sw_reader_of(bytes);

    read_window(&in, ret_window);
    if (sw_reader_left(&in) > 0) {
        ret_window->similar = read_late_permille(&in);
    }
    return sw_reader_finish(&in);
}

void sw_context_spec_encode(const struct sw_context_spec *spec, struct sw_buf *out)
{
    sw_write_u32(out, spec->block_size);
    sw_write_u32(out, spec->overlap);
    write_window(&spec->window, out);
    sw_write_short(out, spec->index);
    if (spec->window.similar != 0 || spec->precision != 0) {
        sw_write_u16(out, (uint16_t)spec->window.similar);
        sw_write_u8(out, spec->precision);
    }
}

enum sw_err sw_context_spec_decode(struct sw_span bytes, struct sw_context_spec *ret_spec)
{
    struct sw_reader in = sw_reader_of(bytes);

    *ret_spec = (struct sw_context_spec){.block_size = sw_read_u32(&in)};
    ret_spec->overlap = sw_read_u32(&in);
    read_window(&in, &ret_spec->window);
    ret_spec->index = sw_read_short(&in);
    if (sw_reader_left(&in) > 0) {
        ret_spec->window.similar = sw_read_u16(&in);
        ret_spec->precision = sw_read_u8(&in);
        if (ret_spec->window.similar > SW_PERMILLE ||
            (ret_spec->window.similar == 0 && ret_spec->precision == 0)) {
            sw_reader_fail(&in);
        }
    }
    return sw_reader_finish(&in);
}

void sw_context_policy_encode(const struct sw_context_policy *policy, struct sw_buf *out)
{
    sw_write_u8(out,
                (uint8_t)((policy->high ? POLICY_HIGH : 0) | (policy->dry ? POLICY_DRY : 0) |
                          (policy->any ? POLICY_ANY : 0) | (policy->stored ? POLICY_STORED : 0) |
                          (policy->idle_ms != 0 ? POLICY_IDLE : 0)));
    sw_write_u64(out, (uint64_t)policy->threshold);
    sw_write_u64(out, policy->age_ms);
    sw_write_u64(out, policy->keep);
    sw_write_u64(out, policy->size_max);
    sw_write_u64(out, policy->from);
    sw_write_u64(out, policy->counted);
    if (policy->idle_ms != 0) {
        sw_write_u64(out, policy->idle_ms);
    }
}

enum sw_err sw_context_policy_decode(struct sw_span bytes, struct sw_context_policy *ret_policy)
{
    struct sw_reader in = sw_reader_of(bytes);
    const uint8_t flags = sw_read_u8_max(&in, POLICY_FLAGS_ALL);

    *ret_policy = (struct sw_context_policy){.high = (flags & POLICY_HIGH) != 0,
                                             .dry = (flags & POLICY_DRY) != 0,
                                             .any = (flags & POLICY_ANY) != 0,
                                             .stored = (flags & POLICY_STORED) != 0};
    ret_policy->threshold = (int64_t)sw_read_u64(&in);
    ret_policy->age_ms = sw_read_u64(&in);
    ret_policy->keep = sw_read_u64(&in);
    ret_policy->size_max = sw_read_u64(&in);
    ret_policy->from = sw_read_u64(&in);
    ret_policy->counted = sw_read_u64(&in);
    if ((flags & POLICY_IDLE) != 0) {
        ret_policy->idle_ms = sw_read_u64(&in);
        if (ret_policy->idle_ms == 0) {
            sw_reader_fail(&in); /* no time has no flag */
        }
    }
    return sw_reader_finish(&in);
}

void sw_context_rules_encode(const struct sw_context_rules *rules, struct sw_buf *out)
{
    sw_write_u8(out,
                (uint8_t)((rules->prunes ? RULES_PRUNES : 0) | (rules->high ? RULES_HIGH : 0) |
                          (rules->any ? RULES_ANY : 0) | (rules->ids ? RULES_IDS : 0)));
    sw_write_u64(out, (uint64_t)rules->threshold);
    sw_write_u64(out, rules->age_ms);
    sw_write_u64(out, rules->idle_ms);
    sw_write_u64(out, rules->keep);
    sw_write_u64(out, rules->size_max);
    sw_write_u8(out, (uint8_t)rules->dedupe);
    sw_write_u16(out, (uint16_t)rules->similar);
}

enum sw_err sw_context_rules_decode(struct sw_span bytes, struct sw_context_rules *ret_rules)
{
    struct sw_reader in = sw_reader_of(bytes);
    const uint8_t flags = sw_read_u8_max(&in, RULES_FLAGS_ALL);

    *ret_rules = (struct sw_context_rules){.prunes = (flags & RULES_PRUNES) != 0,
                                           .high = (flags & RULES_HIGH) != 0,
                                           .any = (flags & RULES_ANY) != 0,
                                           .ids = (flags & RULES_IDS) != 0};
    ret_rules->threshold = (int64_t)sw_read_u64(&in);
    ret_rules->age_ms = sw_read_u64(&in);
    ret_rules->idle_ms = sw_read_u64(&in);
    ret_rules->keep = sw_read_u64(&in);
    ret_rules->size_max = sw_read_u64(&in);
    ret_rules->dedupe = (enum sw_dedupe)sw_read_u8_max(&in, SW_DEDUPE_COUNT - 1);
    ret_rules->similar = sw_read_u16(&in);
    return sw_reader_finish(&in);
}

void sw_context_tokens_encode(const uint64_t *tokens, uint32_t count, struct sw_buf *out)
{
    sw_write_u32(out, count);
    for (uint32_t i = 0; i < count; i++) {
        sw_write_u64(out, tokens[i]);
    }
}

enum sw_err sw_context_tokens_decode(struct sw_span bytes, struct sw_context_tokens *ret_tokens)
{
    struct sw_reader in = sw_reader_of(bytes);

    ret_tokens->count = sw_read_u32_max(&in, SW_CONTEXT_TOUCH_COUNT_MAX);
    for (uint32_t i = 0; i < ret_tokens->count; i++) {
        ret_tokens->tokens[i] = sw_read_u64(&in);
        if (i > 0 && ret_tokens->tokens[i] <= ret_tokens->tokens[i - 1]) {
            sw_reader_fail(&in); /* each once, in order */
        }
    }
    if (ret_tokens->count == 0) {
        sw_reader_fail(&in);
    }
    return sw_reader_finish(&in);
}

void sw_context_undo_encode(const struct sw_context_undo *undo, struct sw_buf *out)
{
    sw_write_u64(out, undo->from);
    sw_write_u64(out, undo->end);
    sw_write_u64(out, undo->since);
}

enum sw_err sw_context_undo_decode(struct sw_span bytes, struct sw_context_undo *ret_undo)
{
    struct sw_reader in = sw_reader_of(bytes);

    ret_undo->from = sw_read_u64(&in);
    ret_undo->end = sw_read_u64(&in);
    ret_undo->since = sw_read_u64(&in);
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

bool sw_context_precision_validate(uint64_t bits)
{
    return bits == 0 || bits == 1 || bits == 2 || bits == 4 || bits == 6 || bits == 8 ||
           bits == 16 || bits == 32 || bits == 64;
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
    if (policy.stored &&
        (policy.any || policy.high || policy.threshold != 0 || policy.age_ms != 0 ||
         policy.idle_ms != 0 || policy.keep != 0 || policy.size_max != 0)) {
        (void)snprintf(ret_why, SW_WHY_SIZE, "the stored policy says all of that itself");
        return SW_ERR_INVALID;
    }
    return SW_ERR_OK;
}

enum sw_err sw_context_rules_validate(struct sw_span bytes, char ret_why[SW_WHY_SIZE])
{
    struct sw_context_rules rules;
    const char *wrong = NULL;

    if (sw_context_rules_decode(bytes, &rules) != SW_ERR_OK) {
        return malformed("policy", ret_why);
    }
    if (!rules.prunes && (rules.high || rules.any || rules.threshold != 0 || rules.age_ms != 0 ||
                          rules.idle_ms != 0 || rules.keep != 0 || rules.size_max != 0)) {
        wrong = "says what to prune, and not that it is to prune";
    } else if (rules.dedupe == SW_DEDUPE_NONE && (rules.similar != 0 || rules.ids)) {
        wrong = "says what is alike, and not what to do about it";
    } else if (rules.dedupe != SW_DEDUPE_NONE &&
               (rules.similar == 0 || rules.similar > SW_PERMILLE)) {
        wrong = "needs a similarity of 1 to 1000 permille";
    }
    if (wrong == NULL) {
        return SW_ERR_OK;
    }
    (void)snprintf(ret_why, SW_WHY_SIZE, "the policy %s", wrong);
    return SW_ERR_INVALID;
}

enum sw_err sw_context_tokens_validate(struct sw_span bytes, char ret_why[SW_WHY_SIZE])
{
    struct sw_context_tokens tokens;

    if (sw_context_tokens_decode(bytes, &tokens) == SW_ERR_OK) {
        return SW_ERR_OK;
    }
    (void)snprintf(ret_why,
                   SW_WHY_SIZE,
                   "1 to %d first tokens of blocks, each once, in order",
                   SW_CONTEXT_TOUCH_COUNT_MAX);
    return SW_ERR_INVALID;
}

enum sw_err sw_context_undo_validate(struct sw_span bytes, char ret_why[SW_WHY_SIZE])
{
    struct sw_context_undo undo;

    if (sw_context_undo_decode(bytes, &undo) != SW_ERR_OK) {
        return malformed("range", ret_why);
    }
    if (undo.from < undo.end) {
        return SW_ERR_OK;
    }
    (void)snprintf(ret_why, SW_WHY_SIZE, "the range of tokens is empty");
    return SW_ERR_INVALID;
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
    if (!sw_context_precision_validate(spec.precision)) {
        (void)snprintf(ret_why, SW_WHY_SIZE, "precision is 0, 1, 2, 4, 6, 8, 16, 32 or 64 bits");
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
