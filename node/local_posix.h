/* A node inside of a program: one voter on one data directory, the same core, log and state that
 * swarmd runs, and no socket, no key and no second member, since no byte leaves the process.
 *
 * The first open founds the directory, with a swarm id that begins with "embedded" in ASCII: what a
 * swarm's node owns is not opened here, since its log may promise things to other nodes. The owner
 * gives it turns, all from one thread:
 *
 *     sw_local_send ──► inbox of the connection ──┐
 *                                            sw_local_turn ──► reply, from inside the turn
 *     log and applier, inside of the turn or on threads ──┘
 *
 * Without threads a turn that has a write waits for the disk; a sync then costs no wake-ups, and
 * what comes meanwhile shares the next one. After a failure of the disk nothing is answered. */
#ifndef SW_NODE_LOCAL_POSIX_H
#define SW_NODE_LOCAL_POSIX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/ids.h"
#include "base/limits.h"
#include "base/span.h"

struct sw_local;

struct sw_local_config {
    const char *data_dir; /* borrowed during open; made if absent, its parent is not */
    bool threads;         /* for log and applier: a turn never waits for the disk */
    void *wake_arg;
    void (*wake)(void *wake_arg); /* any thread, only with `threads`: give it a turn */
    void *arg;
    void (*reply)(void *arg, uint64_t conn, struct sw_span message); /* 1..n replies */
    /* Log or state can not be trusted or written any more: nothing is answered from here on. */
    void (*failed)(void *arg, enum sw_err err, const char *why);
};

/* LOCKED: another process has it open, or this one. STRANGER: a swarm's node owns it. CONFIG: it is
 * no directory, or holds other things. And what storage says: CORRUPT, NEWER_FORMAT, DATA_MISSING,
 * PERMISSIONS, DISK_FULL, IO. `ret_why` says what was found; nothing is changed then. */
enum sw_err sw_local_open(const struct sw_local_config *config,
                          struct sw_local **ret_local,
                          char ret_why[SW_WHY_SIZE]) SW_MUST_CHECK;
/* Ends what is under way, makes the state durable, gives the directory back. Accepts NULL. */
void sw_local_close(struct sw_local *local);

struct sw_node_id sw_local_self(void); /* the one id that such a node has */
uint64_t sw_local_connect(struct sw_local *local);
/* No reply comes any more. Not from `reply`. */
void sw_local_disconnect(struct sw_local *local, uint64_t conn);
/* Copies 1..n requests for the next turn. BUSY: too much waits already; UNREACHABLE: it failed. */
enum sw_err sw_local_send(struct sw_local *local, uint64_t conn, struct sw_span message)
    SW_MUST_CHECK;
void sw_local_turn(struct sw_local *local);
/* How long the owner may wait before the next turn if nothing is sent and nobody wakes it. */
uint64_t sw_local_wait_ms(const struct sw_local *local);

#endif
