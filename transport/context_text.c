/* What is stored of a context, as text: keys, headers, blocks, policies and tombstones. Whoever
 * writes such keys by other operations is met here: what is none of ours reads as none. */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/log.h"
#include "transport/context.h"
#include "transport/vector.h"

enum {
    TOKEN_DIGITS = 16,
    NUMBER_COUNT = 11,      /* lines of a header that are numbers, */
    LATE_NUMBER_COUNT = 7,  /* and those that a header of format 2 has behind them */
    RULES_NUMBER_COUNT = 9, /* of a policy */
};

static const char header_prefix[] = "ctx/";
static const char policy_prefix[] = "ctx-policy/";
static const char *const part_prefixes[SW_CONTEXT_PART_COUNT] = {[SW_CONTEXT_BLOCKS] = "ctx-block/",
                                                                 [SW_CONTEXT_USES] = "ctx-used/",
                                                                 [SW_CONTEXT_GONE] = "ctx-gone/"};
static const char header_line[] = "swarm-context 1\n";
static const char late_header_line[] = "swarm-context 2\n";
static const char block_line[] = "swarm-block 1 ";
static const char like_block_line[] = "swarm-block 2 ";
static const char rules_line[] = "swarm-policy 1\n";
static const char gone_line[] = "swarm-gone 1 ";

static_assert(sizeof "ctx-policy/" + SW_CONTEXT_ID_SIZE_MAX + 1 + TOKEN_DIGITS <=
                  SW_CONTEXT_KEY_SIZE_MAX,
              "the longest key fits");
static_assert((int)SW_CONTEXT_KEY_SIZE_MAX <= (int)SW_KEY_SIZE_MAX, "it is a key like any other");

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

void sw_context_policy_key(struct sw_span id, struct sw_context_key *ret_key)
{
    SW_ASSERT(id.size > 0);
    ret_key->size = 0;
    key_add(ret_key, policy_prefix, sizeof policy_prefix - 1);
    key_add(ret_key, id.data, id.size);
}

void sw_context_part_prefix(enum sw_context_part part,
                            struct sw_span id,
                            struct sw_context_key *ret_key)
{
    SW_ASSERT(part < SW_CONTEXT_PART_COUNT);
    SW_ASSERT(id.size > 0);
    ret_key->size = 0;
    key_add(ret_key, part_prefixes[part], strlen(part_prefixes[part]));
    key_add(ret_key, id.data, id.size);
    key_add(ret_key, "/", 1);
}

void sw_context_part_key(enum sw_context_part part,
                         struct sw_span id,
                         uint64_t token,
                         struct sw_context_key *ret_key)
{
    char digits[TOKEN_DIGITS + 1];

    (void)snprintf(digits, sizeof digits, "%016llx", (unsigned long long)token);
    sw_context_part_prefix(part, id, ret_key);
    key_add(ret_key, digits, TOKEN_DIGITS);
}

bool sw_context_is_block_key(struct sw_span key)
{
    const size_t size = strlen(part_prefixes[SW_CONTEXT_BLOCKS]);

    return key.size > size && memcmp(key.data, part_prefixes[SW_CONTEXT_BLOCKS], size) == 0;
}

bool sw_context_part_token(enum sw_context_part part,
                           struct sw_span id,
                           struct sw_span key,
                           uint64_t *ret_token)
{
    struct sw_context_key prefix;
    uint64_t token = 0;

    sw_context_part_prefix(part, id, &prefix);
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

/* One line name=number each. */
static void
write_numbers(const char *const *names, uint64_t *const *numbers, int count, struct sw_buf *out)
{
    for (int i = 0; i < count; i++) {
        sw_buf_printf(out, "%s%llu\n", names[i], (unsigned long long)*numbers[i]);
    }
}

static bool
take_numbers(struct sw_span *rest, const char *const *names, uint64_t *const *numbers, int count)
{
    for (int i = 0; i < count; i++) {
        if (!take(rest, names[i]) || !take_number(rest, numbers[i]) || !take(rest, "\n")) {
            return false;
        }
    }
    return true;
}

/* --- headers ---------------------------------------------------------------------------------- */

static const char *const number_names[NUMBER_COUNT + LATE_NUMBER_COUNT] = {"block_size=",
                                                                           "overlap=",
                                                                           "blocks=",
                                                                           "next=",
                                                                           "size=",
                                                                           "pruned=",
                                                                           "window_blocks=",
                                                                           "window_ms=",
                                                                           "window_token=",
                                                                           "watermark=",
                                                                           "dying=",
                                                                           "similar=",
                                                                           "similar_next=",
                                                                           "epoch=",
                                                                           "gone=",
                                                                           "duplicates=",
                                                                           "policy_next=",
                                                                           "precision="};

static void list_numbers(struct sw_context *context,
                         uint64_t *ret_numbers[NUMBER_COUNT + LATE_NUMBER_COUNT])
{
    uint64_t *const numbers[NUMBER_COUNT + LATE_NUMBER_COUNT] = {&context->block_size,
                                                                 &context->overlap,
                                                                 &context->blocks,
                                                                 &context->next,
                                                                 &context->size,
                                                                 &context->pruned,
                                                                 &context->window_blocks,
                                                                 &context->window_ms,
                                                                 &context->window_token,
                                                                 &context->watermark,
                                                                 &context->dying,
                                                                 &context->similar,
                                                                 &context->similar_next,
                                                                 &context->epoch,
                                                                 &context->gone,
                                                                 &context->duplicates,
                                                                 &context->policy_next,
                                                                 &context->precision};

    memcpy(ret_numbers, numbers, sizeof numbers);
}

static bool is_late(uint64_t *const numbers[NUMBER_COUNT + LATE_NUMBER_COUNT])
{
    bool any = false;

    for (int i = NUMBER_COUNT; i < NUMBER_COUNT + LATE_NUMBER_COUNT; i++) {
        any = any || *numbers[i] != 0;
    }
    return any;
}

/* Format 2 is written where a number of it says anything: so entries that older programs proposed
 * leave the bytes that older programs left. */
void sw_context_write(const struct sw_context *context, struct sw_buf *out)
{
    struct sw_context copy = *context;
    uint64_t *numbers[NUMBER_COUNT + LATE_NUMBER_COUNT];
    bool late;

    list_numbers(&copy, numbers);
    late = is_late(numbers);
    sw_write_bytes(out, sw_span_str(late ? late_header_line : header_line));
    write_numbers(number_names, numbers, NUMBER_COUNT + (late ? (int)LATE_NUMBER_COUNT : 0), out);
    sw_buf_printf(out, "index=%s\n", context->index);
}

static bool makes_sense(const struct sw_context *context)
{
    return context->block_size > 0 && context->block_size <= SW_CONTEXT_TOKENS_MAX &&
           context->overlap < context->block_size && context->next <= INT64_MAX &&
           context->window_token <= context->next && context->window_ms <= INT64_MAX &&
           context->dying <= 1 && context->similar <= SW_PERMILLE &&
           sw_context_precision_validate(context->precision);
}

bool sw_context_read(struct sw_span text, struct sw_context *ret_context)
{
    struct sw_context context = {0};
    uint64_t *numbers[NUMBER_COUNT + LATE_NUMBER_COUNT];
    struct sw_span rest = text;
    char why[SW_WHY_SIZE];
    bool late;

    list_numbers(&context, numbers);
    if (text.size > SW_CONTEXT_TEXT_SIZE_MAX) {
        return false;
    }
    late = take(&rest, late_header_line);
    if ((!late && !take(&rest, header_line)) ||
        !take_numbers(
            &rest, number_names, numbers, NUMBER_COUNT + (late ? (int)LATE_NUMBER_COUNT : 0)) ||
        late != is_late(numbers)) {
        return false;
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
    if (!makes_sense(&context)) {
        return false;
    }
    *ret_context = context;
    return true;
}

/* --- policies --------------------------------------------------------------------------------- */

static const char *const rules_names[RULES_NUMBER_COUNT] = {"prunes=",
                                                            "high=",
                                                            "any=",
                                                            "min_age_ms=",
                                                            "min_idle_ms=",
                                                            "keep_tokens=",
                                                            "max_bytes=",
                                                            "dedupe=",
                                                            "similar="};

void sw_context_rules_write(const struct sw_context_rules *rules, struct sw_buf *out)
{
    uint64_t values[RULES_NUMBER_COUNT] = {rules->prunes,
                                           rules->high,
                                           rules->any,
                                           rules->age_ms,
                                           rules->idle_ms,
                                           rules->keep,
                                           rules->size_max,
                                           (uint64_t)rules->dedupe,
                                           rules->similar};
    uint64_t *numbers[RULES_NUMBER_COUNT];

    for (int i = 0; i < RULES_NUMBER_COUNT; i++) {
        numbers[i] = &values[i];
    }
    sw_write_bytes(out, sw_span_str(rules_line));
    write_numbers(rules_names, numbers, RULES_NUMBER_COUNT, out);
    sw_buf_printf(out, "ids=%d\nthreshold=%lld\n", rules->ids ? 1 : 0, (long long)rules->threshold);
}

/* A number, perhaps with a sign. */
static bool take_signed(struct sw_span *rest, int64_t *ret_number)
{
    const bool is_negative = take(rest, "-");
    uint64_t number = 0;

    if (!take_number(rest, &number) || (is_negative && number == 0) ||
        number > (uint64_t)INT64_MAX + (is_negative ? 1 : 0)) {
        return false;
    }
    *ret_number = is_negative ? -1 - (int64_t)(number - 1) : (int64_t)number;
    return true;
}

bool sw_context_rules_read(struct sw_span text, struct sw_context_rules *ret_rules)
{
    uint64_t values[RULES_NUMBER_COUNT] = {0};
    uint64_t *numbers[RULES_NUMBER_COUNT];
    struct sw_span rest = text;
    uint64_t ids = 0;
    int64_t threshold = 0;

    for (int i = 0; i < RULES_NUMBER_COUNT; i++) {
        numbers[i] = &values[i];
    }
    if (!take(&rest, rules_line) ||
        !take_numbers(&rest, rules_names, numbers, RULES_NUMBER_COUNT) || !take(&rest, "ids=") ||
        !take_number(&rest, &ids) || !take(&rest, "\nthreshold=") ||
        !take_signed(&rest, &threshold) || !take(&rest, "\n") || rest.size > 0) {
        return false;
    }
    if (values[0] > 1 || values[1] > 1 || values[2] > 1 || ids > 1 ||
        values[7] >= SW_DEDUPE_COUNT || values[8] > SW_PERMILLE) {
        return false;
    }
    *ret_rules = (struct sw_context_rules){.prunes = values[0] != 0,
                                           .high = values[1] != 0,
                                           .any = values[2] != 0,
                                           .threshold = threshold,
                                           .age_ms = values[3],
                                           .idle_ms = values[4],
                                           .keep = values[5],
                                           .size_max = values[6],
                                           .dedupe = (enum sw_dedupe)values[7],
                                           .similar = (uint32_t)values[8],
                                           .ids = ids != 0};
    return true;
}

/* --- blocks ----------------------------------------------------------------------------------- */

static void write_score(bool has_score, int64_t score, struct sw_buf *out)
{
    if (has_score) {
        sw_buf_printf(out, "%lld", (long long)score);
    } else {
        sw_buf_printf(out, "-");
    }
}

/* "-": none; else a number, perhaps with a sign. */
static bool take_score(struct sw_span *rest, bool *ret_has_score, int64_t *ret_score)
{
    *ret_has_score = rest->size == 0 || rest->data[0] != '-' ||
                     (rest->size > 1 && rest->data[1] >= '0' && rest->data[1] <= '9');
    *ret_score = 0;
    return *ret_has_score ? take_signed(rest, ret_score) : take(rest, "-");
}

void sw_context_block_write(const struct sw_context_block *block, struct sw_buf *out)
{
    sw_buf_printf(out,
                  "%s%llu %llu ",
                  block->like.size > 0 ? like_block_line : block_line,
                  (unsigned long long)block->number,
                  (unsigned long long)block->tokens);
    write_score(block->has_score, block->score, out);
    if (block->like.size > 0) {
        sw_buf_printf(out, " %u ", (unsigned)block->likeness);
        sw_write_bytes(out, block->like);
    }
    sw_buf_printf(out, "\n");
    sw_write_bytes(out, block->content);
}

/* Up to the end of the line: how like the block is to which other key. */
static bool take_like(struct sw_span *rest, struct sw_context_block *block)
{
    uint64_t likeness = 0;
    size_t size = 0;

    if (!take(rest, " ") || !take_number(rest, &likeness) || likeness > SW_PERMILLE ||
        !take(rest, " ")) {
        return false;
    }
    while (size < rest->size && rest->data[size] > ' ' && rest->data[size] <= '~') {
        size++;
    }
    block->likeness = (uint32_t)likeness;
    block->like = sw_span_of(rest->data, size);
    *rest = sw_span_of(rest->data + size, rest->size - size);
    return size > 0 && size <= SW_CONTEXT_KEY_SIZE_MAX;
}

bool sw_context_block_read(struct sw_span text, struct sw_context_block *ret_block)
{
    struct sw_context_block block = {0};
    struct sw_span rest = text;
    const bool is_like = take(&rest, like_block_line);

    if ((!is_like && !take(&rest, block_line)) || !take_number(&rest, &block.number) ||
        !take(&rest, " ") || !take_number(&rest, &block.tokens) || !take(&rest, " ") ||
        !take_score(&rest, &block.has_score, &block.score) ||
        (is_like && !take_like(&rest, &block)) || !take(&rest, "\n") || block.tokens == 0 ||
        block.tokens > SW_CONTEXT_TOKENS_MAX) {
        return false;
    }
    block.content = rest;
    *ret_block = block;
    return true;
}

/* --- tombstones ------------------------------------------------------------------------------- */

static const char *const reason_names[SW_GONE_COUNT] = {[SW_GONE_SCORE] = "score",
                                                        [SW_GONE_AGE] = "age",
                                                        [SW_GONE_IDLE] = "idle",
                                                        [SW_GONE_BUDGET] = "budget"};

const char *sw_context_reason_name(enum sw_gone_reason reason)
{
    SW_ASSERT(reason < SW_GONE_COUNT);
    return reason_names[reason];
}

void sw_context_gone_write(const struct sw_context_gone *gone, struct sw_buf *out)
{
    sw_buf_printf(out,
                  "%s%s %s %llu %llu ",
                  gone_line,
                  gone->by_policy ? "policy" : "command",
                  sw_context_reason_name(gone->reason),
                  (unsigned long long)gone->number,
                  (unsigned long long)gone->tokens);
    write_score(gone->has_score, gone->score, out);
    sw_buf_printf(out, " %llu\n", (unsigned long long)gone->size);
    sw_write_bytes(out, gone->vector);
}

static bool take_reason(struct sw_span *rest, enum sw_gone_reason *ret_reason)
{
    for (int i = 0; i < SW_GONE_COUNT; i++) {
        if (take(rest, reason_names[i])) {
            *ret_reason = (enum sw_gone_reason)i;
            return take(rest, " ");
        }
    }
    return false;
}

bool sw_context_gone_read(struct sw_span text, struct sw_context_gone *ret_gone)
{
    struct sw_context_gone gone = {0};
    struct sw_span rest = text;

    if (!take(&rest, gone_line)) {
        return false;
    }
    gone.by_policy = take(&rest, "policy ");
    if ((!gone.by_policy && !take(&rest, "command ")) || !take_reason(&rest, &gone.reason) ||
        !take_number(&rest, &gone.number) || !take(&rest, " ") ||
        !take_number(&rest, &gone.tokens) || !take(&rest, " ") ||
        !take_score(&rest, &gone.has_score, &gone.score) || !take(&rest, " ") ||
        !take_number(&rest, &gone.size) || !take(&rest, "\n")) {
        return false;
    }
    gone.vector = rest;
    *ret_gone = gone;
    return true;
}
