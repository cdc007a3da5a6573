/* One lock, one buffer, one write(2) a line.
 *
 * A queue with a writing thread was rejected: a line would be on its way but not out when the
 * request that it announces leaves, and a killed program would lose what was queued. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "jepsen/workload/history.h"
#include "jepsen/workload/must.h"

uint64_t sw_history_now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

/* Also ends a last line that its writer did not finish. */
static void read_past(struct sw_history *history, const char *path, struct sw_past *ret_past)
{
    FILE *file = fopen(path, "r");
    char *line = NULL;
    size_t room = 0;
    ssize_t size = 0;
    bool whole = true;

    sw_must(file != NULL, "the history cannot be read");
    while ((size = getline(&line, &room, file)) > 0) {
        sw_past_line(ret_past, line);
        whole = line[size - 1] == '\n';
    }
    sw_must(ferror(file) == 0, "the history cannot be read");
    (void)fclose(file);
    free(line);
    sw_must(whole || write(history->file, "\n", 1) == 1, "the history cannot be written");
}

void sw_history_open(struct sw_history *history,
                     const char *path,
                     uint64_t epoch_ns,
                     struct sw_past *ret_past)
{
    *history = (struct sw_history){.epoch_ns = epoch_ns};
    sw_must(epoch_ns <= sw_history_now_ns(), "--epoch-ns is in the future");
    history->file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    sw_must(history->file >= 0, "the history cannot be opened for writing");
    sw_must(pthread_mutex_init(&history->lock, NULL) == 0, "no lock");
    *ret_past = (struct sw_past){0};
    read_past(history, path, ret_past);
    history->last_ns = ret_past->last_ns;
    if (epoch_ns == 0) {
        history->epoch_ns = sw_history_now_ns() - ret_past->last_ns;
    }
}

void sw_history_close(struct sw_history *history)
{
    sw_must(close(history->file) == 0, "the history cannot be closed");
    (void)pthread_mutex_destroy(&history->lock);
    sw_edn_release(&history->line);
}

static void write_all(int file, const char *data, size_t size)
{
    while (size > 0) {
        const ssize_t done = write(file, data, size);

        sw_must(done > 0 || (done < 0 && errno == EINTR), "the history cannot be written");
        if (done > 0) {
            data += done;
            size -= (size_t)done;
        }
    }
}

void sw_history_write(struct sw_history *history, struct sw_edn_line line)
{
    sw_must(pthread_mutex_lock(&history->lock) == 0, "the lock failed");
    line.time_ns = sw_history_now_ns() - history->epoch_ns;
    if (line.time_ns <= history->last_ns) {
        line.time_ns = history->last_ns + 1;
    }
    history->last_ns = line.time_ns;
    history->lines++;
    sw_edn_clear(&history->line);
    sw_edn_line(&history->line, &line);
    sw_must(!history->line.cut, "a line of the history is too long");
    write_all(history->file, history->line.data, history->line.size);
    sw_must(pthread_mutex_unlock(&history->lock) == 0, "the lock failed");
}
