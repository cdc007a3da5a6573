/* Sets of small numbers as bits, and as text. */
#include "tests/sim/events.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

void sim_events_add(struct sim_events *events, uint32_t number)
{
    SW_ASSERT(number < SIM_EVENTS_MAX);
    events->bits[number / 8] |= (uint8_t)(1U << number % 8);
}

void sim_events_remove(struct sim_events *events, uint32_t number)
{
    SW_ASSERT(number < SIM_EVENTS_MAX);
    events->bits[number / 8] &= (uint8_t) ~(1U << number % 8);
}

bool sim_events_has(const struct sim_events *events, uint32_t number)
{
    return number < SIM_EVENTS_MAX && (events->bits[number / 8] >> number % 8 & 1) != 0;
}

uint32_t sim_events_count(const struct sim_events *events)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < SIM_EVENTS_MAX; i++) {
        count += sim_events_has(events, i) ? 1 : 0;
    }
    return count;
}

static const char *parse_number(const char *text, uint32_t *ret_number)
{
    char *end = NULL;
    const unsigned long number = strtoul(text, &end, 10);

    if (end == text || number >= SIM_EVENTS_MAX) {
        return NULL;
    }
    *ret_number = (uint32_t)number;
    return end;
}

bool sim_events_parse(const char *text, struct sim_events *ret_events)
{
    uint32_t first, last;

    memset(ret_events, 0, sizeof(*ret_events));
    if (strcmp(text, "none") == 0) {
        return true;
    }
    for (;;) {
        text = parse_number(text, &first);
        last = first;
        if (text != NULL && strncmp(text, "..", 2) == 0) {
            text = parse_number(text + 2, &last);
        }
        if (text == NULL || last < first) {
            return false;
        }
        for (uint32_t i = first; i <= last; i++) {
            sim_events_add(ret_events, i);
        }
        if (*text != ',') {
            return *text == '\0';
        }
        text++;
    }
}

void sim_events_write(const struct sim_events *events, struct sw_buf *out)
{
    bool empty = true;
    char text[40];

    for (uint32_t i = 0; i < SIM_EVENTS_MAX; i++) {
        uint32_t last = i;
        int size;

        if (!sim_events_has(events, i)) {
            continue;
        }
        while (sim_events_has(events, last + 1)) {
            last++;
        }
        size = last == i
                   ? snprintf(text, sizeof(text), "%s%" PRIu32, empty ? "" : ",", i)
                   : snprintf(
                         text, sizeof(text), "%s%" PRIu32 "..%" PRIu32, empty ? "" : ",", i, last);
        sw_write_bytes(out, sw_span_of(text, (size_t)size));
        empty = false;
        i = last;
    }
    sw_write_bytes(out, empty ? sw_span_str("none") : sw_span_of(NULL, 0));
    sw_write_u8(out, 0);
}
