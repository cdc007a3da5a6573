/* Log lines and their rate limit. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <xxhash.h>

#include "base/assert.h"

static const char *const level_names[] = {"debug", "info", "warn", "error"};

const char *sw_log_level_name(enum sw_log_level level)
{
    SW_ASSERT(level <= SW_LOG_ERROR);
    return level_names[level];
}

bool sw_log_level_of(const char *name, enum sw_log_level *ret_level)
{
    for (unsigned i = 0; i <= (unsigned)SW_LOG_ERROR; i++) {
        if (strcmp(level_names[i], name) == 0) {
            *ret_level = (enum sw_log_level)i;
            return true;
        }
    }
    return false;
}

void sw_buf_printf(struct sw_buf *out, const char *format, ...)
{
    va_list args;
    int size;

    va_start(args, format);
    size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    SW_ASSERT(size >= 0);
    va_start(args, format);
    /* One byte more for the NUL that vsnprintf insists on; it is not part of the content. */
    (void)vsnprintf((char *)sw_buf_extend(out, (size_t)size + 1), (size_t)size + 1, format, args);
    va_end(args);
    out->size--;
}

/* Bytes of the UTF-8 sequence at `text`, 0 if it is none (RFC 3629: shortest form, no surrogates,
 * at most U+10FFFF). */
static size_t utf8_size(struct sw_span text)
{
    const uint8_t first = text.data[0];
    const size_t size = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    uint32_t code;

    if (size == 1) {
        return 1;
    }
    if (first < 0xc2 || first > 0xf4 || text.size < size) {
        return 0;
    }
    code = first & (0x7fU >> size);
    for (size_t i = 1; i < size; i++) {
        if ((text.data[i] & 0xc0) != 0x80) {
            return 0;
        }
        code = code << 6 | (text.data[i] & 0x3fU);
    }
    if ((size == 3 && code < 0x800) || (size == 4 && code < 0x10000) || code > 0x10ffff ||
        (code >= 0xd800 && code <= 0xdfff)) {
        return 0;
    }
    return size;
}

void sw_json_string(struct sw_buf *out, struct sw_span text)
{
    sw_write_u8(out, '"');
    while (text.size > 0) {
        const uint8_t c = text.data[0];
        const size_t size = utf8_size(text);

        if (c == '"' || c == '\\') {
            sw_write_u8(out, '\\');
            sw_write_u8(out, c);
        } else if (c < 0x20 || c == 0x7f) {
            sw_buf_printf(out, "\\u%04x", c);
        } else if (size == 0) {
            sw_write_bytes(out, sw_span_str("\\ufffd"));
        } else {
            sw_write_bytes(out, sw_span_of(text.data, size));
        }
        text.data += size == 0 ? 1 : size;
        text.size -= size == 0 ? 1 : size;
    }
    sw_write_u8(out, '"');
}

struct date {
    unsigned year, month, day, hour, minute, second, ms;
};

/* Civil date from days since 1970, so that no locale and no libc state is involved: years are
 * counted from March, in eras of 400. */
static struct date date_of(uint64_t wall_ms)
{
    const uint64_t seconds = wall_ms / 1000;
    const uint64_t days = seconds / 86400 + 719468;
    const uint64_t era = days / 146097;
    const uint64_t day_of_era = days % 146097;
    const uint64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    const uint64_t day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const uint64_t month = (5 * day_of_year + 2) / 153; /* from March */

    return (struct date){
        .year = (unsigned)(year_of_era + era * 400 + (month >= 10 ? 1 : 0)),
        .month = (unsigned)(month < 10 ? month + 3 : month - 9),
        .day = (unsigned)(day_of_year - (153 * month + 2) / 5 + 1),
        .hour = (unsigned)(seconds / 3600 % 24),
        .minute = (unsigned)(seconds / 60 % 60),
        .second = (unsigned)(seconds % 60),
        .ms = (unsigned)(wall_ms % 1000),
    };
}

void sw_log_format_json(const struct sw_log_line *line, struct sw_buf *out)
{
    const struct date d = date_of(line->wall_ms);

    sw_buf_printf(out,
                  "{\"ts\":\"%04u-%02u-%02uT%02u:%02u:%02u.%03uZ\",\"level\":\"%s\",\"event\":",
                  d.year,
                  d.month,
                  d.day,
                  d.hour,
                  d.minute,
                  d.second,
                  d.ms,
                  sw_log_level_name(line->level));
    sw_json_string(out, sw_span_str(line->event));
    if (line->node != 0) {
        sw_buf_printf(out, ",\"node\":\"%llu\"", (unsigned long long)line->node);
    }
    if (line->suppressed != 0) {
        sw_buf_printf(out, ",\"suppressed\":%llu", (unsigned long long)line->suppressed);
    }
    sw_write_bytes(out, sw_span_str(",\"msg\":"));
    sw_json_string(out, sw_span_str(line->text));
    sw_write_bytes(out, sw_span_str("}\n"));
}

void sw_log_format_text(const struct sw_log_line *line, struct sw_buf *out)
{
    const struct date d = date_of(line->wall_ms);

    sw_buf_printf(out,
                  "%02u:%02u:%02u.%03u %-5s ",
                  d.hour,
                  d.minute,
                  d.second,
                  d.ms,
                  sw_log_level_name(line->level));
    if (line->node != 0) {
        sw_buf_printf(out, "node=%llu ", (unsigned long long)line->node);
    }
    sw_buf_printf(out, "%s: ", line->event);
    for (const char *c = line->text; *c != '\0'; c++) {
        const uint8_t byte = (uint8_t)*c;

        sw_write_u8(out, byte < 0x20 || byte == 0x7f ? (uint8_t)'?' : byte);
    }
    if (line->suppressed != 0) {
        sw_buf_printf(out, " (%llu like it left out)", (unsigned long long)line->suppressed);
    }
    sw_write_u8(out, '\n');
}

/* The event's slot, a free one, or the one that was quiet for longest. */
static struct sw_log_limit_slot *slot_of(struct sw_log_limit *limit, uint64_t hash)
{
    struct sw_log_limit_slot *best = &limit->slots[0];

    for (uint32_t i = 0; i < SW_LOG_EVENT_COUNT_MAX; i++) {
        struct sw_log_limit_slot *slot = &limit->slots[i];

        if (slot->event_hash == hash) {
            return slot;
        }
        if (slot->event_hash == 0) {
            best = slot;
            break;
        }
        if (slot->window_ms < best->window_ms) {
            best = slot;
        }
    }
    *best = (struct sw_log_limit_slot){.event_hash = hash};
    return best;
}

bool sw_log_limit_pass(struct sw_log_limit *limit,
                       enum sw_log_level level,
                       const char *event,
                       uint64_t now_ms,
                       uint64_t *ret_suppressed)
{
    const uint64_t hash = XXH3_64bits(event, strlen(event)) | 1;
    struct sw_log_limit_slot *slot = slot_of(limit, hash);

    if (slot->count == 0 || now_ms - slot->window_ms >= SW_LOG_WINDOW_MS) {
        slot->window_ms = now_ms;
        slot->count = 0;
    }
    if (level < SW_LOG_ERROR && slot->count >= SW_LOG_BURST) {
        slot->suppressed++;
        return false;
    }
    slot->count++;
    *ret_suppressed = slot->suppressed;
    slot->suppressed = 0;
    return true;
}
