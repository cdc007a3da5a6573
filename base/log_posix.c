/* Log lines to a file descriptor. */
#include "base/log_posix.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"

struct sw_log {
    int fd; /* borrowed */
    bool json;
    enum sw_log_level level;
    uint64_t node;
    struct sw_log_limit limit;
    struct sw_buf line; /* owned; reused */
};

struct sw_log *sw_log_new(int fd, enum sw_log_format format, enum sw_log_level level, uint64_t node)
{
    struct sw_log *log = calloc(1, sizeof *log);

    SW_ASSERT(log != NULL);
    log->fd = fd;
    log->json = format == SW_LOG_FORMAT_JSON || (format == SW_LOG_FORMAT_AUTO && !isatty(fd));
    log->level = level;
    log->node = node;
    return log;
}

void sw_log_free(struct sw_log *log)
{
    if (log != NULL) {
        sw_buf_release(&log->line);
        free(log);
    }
}

void sw_log_set_level(struct sw_log *log, enum sw_log_level level)
{
    log->level = level;
}

static uint64_t clock_ms(clockid_t clock)
{
    struct timespec now;
    const int result = clock_gettime(clock, &now);

    SW_ASSERT(result == 0);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void sw_log_write(struct sw_log *log, enum sw_log_level level, const char *event, const char *text)
{
    struct sw_log_line line = {.level = level, .event = event, .text = text, .node = log->node};
    ssize_t written;

    if (level < log->level) {
        return;
    }
    if (!sw_log_limit_pass(
            &log->limit, level, event, clock_ms(CLOCK_MONOTONIC), &line.suppressed)) {
        return;
    }
    line.wall_ms = clock_ms(CLOCK_REALTIME);
    sw_buf_clear(&log->line);
    if (log->json) {
        sw_log_format_json(&line, &log->line);
    } else {
        sw_log_format_text(&line, &log->line);
    }
    written = write(log->fd, log->line.data, log->line.size); /* one call: lines do not mix */
    (void)written;
}
