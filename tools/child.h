/* A command that runs while something is held, a lock or an office or an item, and ends when it is
 * lost.
 *
 * It may not outlive what it runs under, so it may not outlive this program either: a signal to end
 * is passed on and the command waited for; if this program is killed, the kernel tells the command
 * to end. */
#ifndef SW_TOOLS_CHILD_H
#define SW_TOOLS_CHILD_H

#include <stdbool.h>

#include "client/include/swarm.h"
#include "tools/cli.h"

enum { SW_CHILD_VARIABLES_MAX = 4 };

struct sw_child {
    const char *const *words; /* the command; `count` of them */
    size_t count;
    struct {
        const char *name;
        uint64_t number;
    } variables[SW_CHILD_VARIABLES_MAX]; /* of its environment; up to the first without a name */
    const struct swarm_slice *input;     /* its stdin; NULL: ours */
    bool (*holds)(const void *arg);      /* asked again and again */
    const void *arg;
    const char *lost; /* what is said if it does not: "the lock was lost" */
};

/* Returns the exit code: the command's, 128 and its signal, or that of LEASE_GONE. */
int sw_child_run(const struct sw_child *child);
/* Without a command: waits for a signal to end; false if it was lost before. */
bool sw_child_wait(bool (*holds)(const void *arg), const void *arg);

#endif
