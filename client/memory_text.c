/* Lines in and out, bounded, and the fixed-point scores. */
#include "client/memory_text.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/log.h"

static const char first_line[] = "swarm-memory 1\n";

/* --- rules ------------------------------------------------------------------------------------ */

static enum sw_err
check_name(const char *what, struct sw_span name, size_t size_max, char ret_why[SW_WHY_SIZE])
{
    if (name.size == 0 || name.size > size_max) {
        (void)snprintf(ret_why,
                       SW_WHY_SIZE,
                       "the %s is %zu bytes, allowed are 1 to %zu",
                       what,
                       name.size,
                       size_max);
        return name.size == 0 ? SW_ERR_INVALID : SW_ERR_TOO_LARGE;
    }
    for (size_t i = 0; i < name.size; i++) {
        if (name.data[i] <= ' ' || name.data[i] > '~') {
            (void)snprintf(ret_why,
                           SW_WHY_SIZE,
                           "the %s has byte 0x%02x, allowed is printable ASCII without spaces",
                           what,
                           (unsigned)name.data[i]);
            return SW_ERR_INVALID;
        }
    }
    return SW_ERR_OK;
}

enum sw_err sw_memory_text_validate(const struct sw_memory_text *memory, char ret_why[SW_WHY_SIZE])
{
    enum sw_err err = check_name("agent", memory->agent, SW_MEMORY_AGENT_SIZE_MAX, ret_why);

    if (err == SW_ERR_OK) {
        err = check_name("task", memory->task, SW_MEMORY_TASK_SIZE_MAX, ret_why);
    }
    if (err == SW_ERR_OK && memory->utility > SW_MEMORY_SCORE_MAX) {
        (void)snprintf(ret_why,
                       SW_WHY_SIZE,
                       "a utility of %u, allowed are 0 to 1000 thousandths",
                       (unsigned)memory->utility);
        err = SW_ERR_INVALID;
    }
    for (uint32_t i = 0; i < memory->tag_count && err == SW_ERR_OK; i++) {
        err = check_name("tag", memory->tags[i], SW_MEMORY_TAG_SIZE_MAX, ret_why);
    }
    return err;
}

/* --- lines ------------------------------------------------------------------------------------ */

void sw_memory_text_write(const struct sw_memory_text *memory, struct sw_buf *out)
{
    sw_buf_printf(out,
                  "%sagent=%.*s\ntask=%.*s\nsuccess=%d\nutility=%u\n",
                  first_line,
                  (int)memory->agent.size,
                  (const char *)memory->agent.data,
                  (int)memory->task.size,
                  (const char *)memory->task.data,
                  memory->success ? 1 : 0,
                  (unsigned)memory->utility);
    for (uint32_t i = 0; i < memory->tag_count; i++) {
        sw_buf_printf(
            out, "tag=%.*s\n", (int)memory->tags[i].size, (const char *)memory->tags[i].data);
    }
    sw_buf_printf(out, "\n");
    sw_write_bytes(out, memory->content);
}

/* Takes the next line, without its end; false if there is no whole one. */
static bool take_line(struct sw_span *rest, struct sw_span *ret_line)
{
    const uint8_t *end = rest->size == 0 ? NULL : memchr(rest->data, '\n', rest->size);
    size_t size;

    if (end == NULL) {
        return false;
    }
    size = (size_t)(end - rest->data);
    *ret_line = sw_span_of(rest->data, size);
    *rest = sw_span_of(rest->data + size + 1, rest->size - size - 1);
    return true;
}

static bool
value_of(struct sw_span line, const char *name, size_t name_size, struct sw_span *ret_value)
{
    if (line.size < name_size || memcmp(line.data, name, name_size) != 0) {
        return false;
    }
    *ret_value = sw_span_of(line.data + name_size, line.size - name_size);
    return true;
}

static bool read_utility(struct sw_span digits, uint32_t *ret_utility)
{
    uint32_t number = 0;

    if (digits.size == 0 || digits.size > 4) {
        return false;
    }
    for (size_t i = 0; i < digits.size; i++) {
        if (digits.data[i] < '0' || digits.data[i] > '9') {
            return false;
        }
        number = number * 10 + (uint32_t)(digits.data[i] - '0');
    }
    *ret_utility = number;
    return number <= SW_MEMORY_SCORE_MAX;
}

/* A field that is not known is a later version's: it is passed over. */
static bool read_field(struct sw_span line, struct sw_memory_text *memory)
{
    struct sw_span value;

    if (value_of(line, "agent=", 6, &value)) {
        memory->agent = value;
    } else if (value_of(line, "task=", 5, &value)) {
        memory->task = value;
    } else if (value_of(line, "success=", 8, &value)) {
        memory->success = value.size == 1 && value.data[0] == '1';
    } else if (value_of(line, "utility=", 8, &value)) {
        return read_utility(value, &memory->utility);
    } else if (value_of(line, "tag=", 4, &value)) {
        if (memory->tag_count == SW_MEMORY_TAG_COUNT_MAX) {
            return false;
        }
        memory->tags[memory->tag_count++] = value;
    }
    return true;
}

bool sw_memory_text_read(struct sw_span value, struct sw_memory_text *ret_memory)
{
    const size_t first_size = sizeof first_line - 1;
    struct sw_memory_text memory = {.utility = 0};
    char why[SW_WHY_SIZE];
    struct sw_span line;

    if (value.size < first_size || memcmp(value.data, first_line, first_size) != 0) {
        return false;
    }
    value = sw_span_of(value.data + first_size, value.size - first_size);
    for (;;) {
        if (!take_line(&value, &line)) {
            return false;
        }
        if (line.size == 0) {
            break;
        }
        if (!read_field(line, &memory)) {
            return false;
        }
    }
    memory.content = value;
    if (sw_memory_text_validate(&memory, why) != SW_ERR_OK) {
        return false;
    }
    *ret_memory = memory;
    return true;
}

/* --- scores ----------------------------------------------------------------------------------- */

uint32_t sw_memory_recency(uint64_t age_ms, uint64_t half_life_ms)
{
    const uint64_t whole = age_ms / half_life_ms;
    uint64_t upper, lower;

    SW_ASSERT(half_life_ms > 0);
    if (whole > 10) {
        return 0; /* less than a thousandth */
    }
    upper = SW_MEMORY_SCORE_MAX >> whole;
    lower = SW_MEMORY_SCORE_MAX >> (whole + 1);
    return (uint32_t)(upper - (upper - lower) * (age_ms % half_life_ms) / half_life_ms);
}

uint32_t sw_memory_similarity(double distance)
{
    if (!(distance > 0)) {
        return SW_MEMORY_SCORE_MAX;
    }
    return distance >= 2 ? 0 : (uint32_t)(SW_MEMORY_SCORE_MAX - distance * 500 + 0.5);
}
