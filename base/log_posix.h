/* The log of a process: lines to stderr, JSON unless it is a terminal. One thread. */
#ifndef SW_BASE_LOG_POSIX_H
#define SW_BASE_LOG_POSIX_H

#include "base/log.h"

enum sw_log_format { SW_LOG_FORMAT_AUTO, SW_LOG_FORMAT_JSON, SW_LOG_FORMAT_TEXT };

struct sw_log;

/* `fd` is borrowed. AUTO asks whether it is a terminal. */
struct sw_log *
sw_log_new(int fd, enum sw_log_format format, enum sw_log_level level, uint64_t node);
void sw_log_free(struct sw_log *log); /* accepts NULL */
void sw_log_set_level(struct sw_log *log, enum sw_log_level level);
/* A line that cannot be written is dropped: a full pipe must not stop a node. */
void sw_log_write(struct sw_log *log, enum sw_log_level level, const char *event, const char *text);

#endif
