/* The history file. Lines of many workers, whole and in the order of their times, each handed to
 * the kernel before the call returns: a program that is killed loses none. */
#ifndef SW_JEPSEN_WORKLOAD_HISTORY_H
#define SW_JEPSEN_WORKLOAD_HISTORY_H

#include <pthread.h>
#include <stdint.h>

#include "jepsen/workload/edn.h"
#include "jepsen/workload/past.h"

struct sw_history {
    int file;
    uint64_t epoch_ns;
    pthread_mutex_t lock; /* of what follows */
    uint64_t last_ns;
    uint64_t lines;
    struct sw_edn line;
};

/* Appends to the file and tells what it held. An epoch of 0: times go on from the last one in the
 * file, else from 0. Whatever cannot be done ends
 * the program (must.h). */
void sw_history_open(struct sw_history *history,
                     const char *path,
                     uint64_t epoch_ns,
                     struct sw_past *ret_past);
void sw_history_close(struct sw_history *history);

/* The time of `line` is set here. */
void sw_history_write(struct sw_history *history, struct sw_edn_line line);

uint64_t sw_history_now_ns(void); /* CLOCK_MONOTONIC */

#endif
