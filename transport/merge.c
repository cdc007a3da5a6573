/* The merge operators: one function for each kind of value. */
#include "transport/merge.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

enum { NUMBER_SIZE_MAX = 20 }; /* "-9223372036854775808" */

static const char *const names[SW_MERGE_COUNT] = {[SW_MERGE_REPLACE] = "replace",
                                                  [SW_MERGE_APPEND] = "append",
                                                  [SW_MERGE_SET_UNION] = "set-union",
                                                  [SW_MERGE_ADD] = "add",
                                                  [SW_MERGE_MAX] = "max",
                                                  [SW_MERGE_MIN] = "min"};

const char *sw_merge_name(enum sw_merge merge)
{
    return merge > 0 && merge < SW_MERGE_COUNT ? names[merge] : "?";
}

bool sw_merge_by_name(const char *name, enum sw_merge *ret_merge)
{
    for (int i = 1; i < SW_MERGE_COUNT; i++) {
        if (strcmp(names[i], name) == 0) {
            *ret_merge = (enum sw_merge)i;
            return true;
        }
    }
    return false;
}

/* --- numbers ---------------------------------------------------------------------------------- */

/* The digits of `text` as a number up to `max`; false if they are none in their one form. */
static bool read_digits(struct sw_span text, uint64_t max, uint64_t *ret_value)
{
    uint64_t value = 0;

    if (text.size == 0 || (text.data[0] == '0' && text.size > 1)) {
        return false;
    }
    for (size_t i = 0; i < text.size; i++) {
        const uint64_t digit = (uint64_t)text.data[i] - '0';

        if (text.data[i] < '0' || text.data[i] > '9' || value > (max - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    *ret_value = value;
    return true;
}

static bool read_number(struct sw_span text, int64_t *ret_value)
{
    const bool negative = text.size > 0 && text.data[0] == '-';
    uint64_t digits = 0;

    if (!negative) {
        if (!read_digits(text, INT64_MAX, &digits)) {
            return false;
        }
        *ret_value = (int64_t)digits;
        return true;
    }
    text = sw_span_of(text.data + 1, text.size - 1);
    if (!read_digits(text, (uint64_t)INT64_MAX + 1, &digits) || digits == 0) {
        return false;
    }
    *ret_value = -(int64_t)(digits - 1) - 1;
    return true;
}

static void write_number(int64_t value, struct sw_buf *out)
{
    char text[NUMBER_SIZE_MAX + 1];
    const int size = snprintf(text, sizeof text, "%" PRId64, value);

    SW_ASSERT(size > 0);
    SW_ASSERT(size <= NUMBER_SIZE_MAX);
    sw_write_bytes(out, sw_span_of(text, (size_t)size));
}

static enum sw_err merge_number(enum sw_merge merge,
                                bool exists,
                                struct sw_span stored,
                                struct sw_span operand,
                                struct sw_buf *out)
{
    int64_t have = 0;
    int64_t given = 0;
    const bool checked = read_number(operand, &given);

    SW_ASSERT(checked);
    if (exists && !read_number(stored, &have)) {
        return SW_ERR_WRONG_TYPE;
    }
    if (merge == SW_MERGE_ADD) {
        if (__builtin_add_overflow(have, given, &given)) {
            return SW_ERR_OUT_OF_RANGE;
        }
    } else if (exists && (merge == SW_MERGE_MAX ? have > given : have < given)) {
        given = have;
    }
    write_number(given, out);
    return SW_ERR_OK;
}

/* --- sets ------------------------------------------------------------------------------------- */

/* The next line without its end, cut off the front of `text`. */
static struct sw_span next_line(struct sw_span *text)
{
    const uint8_t *end = memchr(text->data, '\n', text->size);
    const size_t size = end == NULL ? text->size : (size_t)(end - text->data);
    const size_t skip = end == NULL ? size : size + 1;
    const struct sw_span line = sw_span_of(text->data, size);

    *text = sw_span_of(text->data + skip, text->size - skip);
    return line;
}

static bool has_empty_line(struct sw_span text)
{
    while (text.size > 0) {
        if (next_line(&text).size == 0) {
            return true;
        }
    }
    return false;
}

static bool is_set(struct sw_span text)
{
    struct sw_span last = sw_span_of(NULL, 0);

    if (text.size > 0 && text.data[text.size - 1] != '\n') {
        return false;
    }
    while (text.size > 0) {
        const struct sw_span line = next_line(&text);

        if (sw_span_compare(last, line) >= 0) {
            return false;
        }
        last = line;
    }
    return true;
}

static int line_order(const void *a, const void *b)
{
    return sw_span_compare(*(const struct sw_span *)a, *(const struct sw_span *)b);
}

/* The lines of `text`, sorted; free() them. */
static struct sw_span *sorted_lines(struct sw_span text, size_t *ret_count)
{
    struct sw_span *lines;
    size_t count = 0;

    for (struct sw_span left = text; left.size > 0; count++) {
        (void)next_line(&left);
    }
    lines = calloc(count + 1, sizeof *lines);
    SW_ASSERT(lines != NULL);
    for (size_t i = 0; i < count; i++) {
        lines[i] = next_line(&text);
    }
    qsort(lines, count, sizeof *lines, line_order);
    *ret_count = count;
    return lines;
}

static void write_line(struct sw_buf *out, struct sw_span line)
{
    sw_write_bytes(out, line);
    sw_write_u8(out, '\n');
}

/* Both ascending: the lower front goes first, equal ones once. */
static void
write_union(struct sw_span stored, const struct sw_span *lines, size_t count, struct sw_buf *out)
{
    struct sw_span have = sw_span_of(NULL, 0);
    struct sw_span last = sw_span_of(NULL, 0);
    size_t at = 0;

    while (have.size > 0 || stored.size > 0 || at < count) {
        struct sw_span next;

        if (have.size == 0 && stored.size > 0) {
            have = next_line(&stored);
        }
        if (at == count || (have.size > 0 && sw_span_compare(have, lines[at]) <= 0)) {
            next = have;
            have = sw_span_of(NULL, 0);
        } else {
            next = lines[at++];
        }
        if (!sw_span_equal(next, last)) {
            write_line(out, next);
        }
        last = next;
    }
}

static enum sw_err merge_set(struct sw_span stored, struct sw_span operand, struct sw_buf *out)
{
    const size_t start = out->size;
    struct sw_span *lines;
    size_t count;

    if (!is_set(stored)) {
        return SW_ERR_WRONG_TYPE;
    }
    lines = sorted_lines(operand, &count);
    write_union(stored, lines, count, out);
    free(lines);
    if (out->size - start > SW_VALUE_SIZE_MAX) {
        out->size = start;
        return SW_ERR_TOO_LARGE;
    }
    return SW_ERR_OK;
}

/* --- all -------------------------------------------------------------------------------------- */

enum sw_err sw_merge_check(enum sw_merge merge, struct sw_span operand, char ret_why[SW_WHY_SIZE])
{
    int64_t number;

    switch (merge) {
    case SW_MERGE_REPLACE:
    case SW_MERGE_APPEND:
        return SW_ERR_OK;
    case SW_MERGE_SET_UNION:
        if (operand.size > 0 && !has_empty_line(operand)) {
            return SW_ERR_OK;
        }
        snprintf(ret_why, SW_WHY_SIZE, "the operand of set-union is lines, none of them empty");
        return SW_ERR_INVALID;
    case SW_MERGE_ADD:
    case SW_MERGE_MAX:
    case SW_MERGE_MIN:
        if (read_number(operand, &number)) {
            return SW_ERR_OK;
        }
        snprintf(ret_why,
                 SW_WHY_SIZE,
                 "the operand of %s is a decimal 64-bit number, such as -12 or 0",
                 names[merge]);
        return SW_ERR_INVALID;
    case SW_MERGE_COUNT:
        break;
    }
    snprintf(ret_why, SW_WHY_SIZE, "merge operator %u is not known", (unsigned)merge);
    return SW_ERR_INVALID;
}

enum sw_err sw_merge_value(enum sw_merge merge,
                           bool exists,
                           struct sw_span stored,
                           struct sw_span operand,
                           struct sw_buf *out)
{
    SW_ASSERT(exists || stored.size == 0);
    if (merge == SW_MERGE_SET_UNION) {
        return merge_set(stored, operand, out);
    }
    if (merge == SW_MERGE_ADD || merge == SW_MERGE_MAX || merge == SW_MERGE_MIN) {
        return merge_number(merge, exists, stored, operand, out);
    }
    SW_ASSERT(merge == SW_MERGE_REPLACE || merge == SW_MERGE_APPEND);
    if (merge == SW_MERGE_APPEND) {
        if (operand.size > SW_VALUE_SIZE_MAX - stored.size) {
            return SW_ERR_TOO_LARGE;
        }
        sw_write_bytes(out, stored);
    }
    sw_write_bytes(out, operand);
    return SW_ERR_OK;
}
