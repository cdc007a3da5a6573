/* A running node: the pure core, its real ports, their threads, and the loop that drives them.
 *
 *     loop thread      the node, the link, HTTP, signals; never waits for a disk
 *     thread "wal"     writes and syncs the log
 *     thread "applier" executes entries and reads on the store
 *
 * Built in the order in which things can go wrong most cheaply, taken down in the reverse order. */
#ifndef SW_NODE_SERVER_POSIX_H
#define SW_NODE_SERVER_POSIX_H

#include <stdbool.h>

#include "base/err.h"
#include "base/limits.h"
#include "base/log_posix.h"
#include "node/config.h"

struct sw_server;

/* Reads the configuration anew, for SIGHUP: same sources, same order. */
typedef enum sw_err (*sw_server_reload_fn)(void *arg,
                                           struct sw_config *ret_config,
                                           char ret_why[SW_WHY_SIZE]);

/* `config` is copied, `log` is borrowed. Whatever is wrong with keys, data directory, addresses or
 * stored bytes is told here; nothing that exists has been changed then. */
enum sw_err sw_server_new(const struct sw_config *config,
                          struct sw_log *log,
                          sw_server_reload_fn reload,
                          void *reload_arg,
                          struct sw_server **ret_server,
                          char ret_why[SW_WHY_SIZE]) SW_MUST_CHECK;
/* Runs until a signal or a fatal error has ended it; returns the exit code of the process. */
int sw_server_run(struct sw_server *server);
/* After sw_server_run: an administrator wants the program to be started again. */
bool sw_server_restarts(const struct sw_server *server);
void sw_server_free(struct sw_server *server); /* accepts NULL */

#endif
