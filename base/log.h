/* What a log line looks like, and how often one incident may be told. Pure: log_posix.c brings the
 * clock and the file. Only node/ and tools/ log; other folders return errors.
 *
 * JSON: {"ts":"2026-01-31T12:34:56.789Z","level":"warn","event":"peer-down","node":2,"msg":"..."}
 * Text: 12:34:56.789 warn  peer-down node=2 ... */
#ifndef SW_BASE_LOG_H
#define SW_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/rw.h"

enum sw_log_level { SW_LOG_DEBUG, SW_LOG_INFO, SW_LOG_WARN, SW_LOG_ERROR };

const char *sw_log_level_name(enum sw_log_level level);
bool sw_log_level_of(const char *name, enum sw_log_level *ret_level);

struct sw_log_line {
    uint64_t wall_ms; /* since 1970 */
    enum sw_log_level level;
    const char *event;   /* stable id, "peer-down" */
    const char *text;    /* a sentence; never a secret, never a value */
    uint64_t node;       /* 0 = left out */
    uint64_t suppressed; /* lines of this event that were held back before this one */
};

/* Both append one line with its newline. Control bytes and quotes are escaped, so that a line
 * stays a line whatever a peer put into a name. */
void sw_log_format_json(const struct sw_log_line *line, struct sw_buf *out);
void sw_log_format_text(const struct sw_log_line *line, struct sw_buf *out);

/* At most SW_LOG_BURST lines of one event within SW_LOG_WINDOW_MS; the rest is counted and told by
 * the next line of that event. Errors pass always. */
enum { SW_LOG_BURST = 5, SW_LOG_WINDOW_MS = 1000, SW_LOG_EVENT_COUNT_MAX = 64 };

struct sw_log_limit_slot {
    uint64_t event_hash; /* 0 = free */
    uint64_t window_ms;
    uint64_t suppressed;
    uint32_t count;
};

struct sw_log_limit {
    struct sw_log_limit_slot slots[SW_LOG_EVENT_COUNT_MAX];
};

bool sw_log_limit_pass(struct sw_log_limit *limit,
                       enum sw_log_level level,
                       const char *event,
                       uint64_t now_ms,
                       uint64_t *ret_suppressed);

/* Appends `text` as a JSON string with its quotes; bytes that are no UTF-8 become U+FFFD. */
void sw_json_string(struct sw_buf *out, struct sw_span text);
/* printf into a buffer. */
void sw_buf_printf(struct sw_buf *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
