/* The subcommands of swarm-inspect. Each is called with its own name as argv[0] and answers with an
 * exit code: 0 ok, 2 usage, 10 damage found, or that of the error that stopped it (`swarmctl
 * explain`). Nothing is ever written. DIR is the log's or the store's own directory, or the data
 * directory that holds it. */
#ifndef SW_TOOLS_INSPECT_H
#define SW_TOOLS_INSPECT_H

#include <stddef.h>

#include "base/err.h"
#include "base/limits.h"
#include "storage/disk.h"

int sw_inspect_store(int argc, char **argv);
int sw_inspect_wal(int argc, char **argv);

/* Prints the live entries of the log on `disk`, a JSON object a line. */
enum sw_err sw_inspect_entries(struct sw_disk *disk, char why[SW_WHY_SIZE]) SW_MUST_CHECK;

/* `dir`, or `name` below it if there is one. The answer lives in `place` or is `dir`. */
const char *sw_inspect_dir(const char *dir, const char *name, char *place, size_t size);
/* Prints the line of an error; returns its exit code. */
int sw_inspect_fail(enum sw_err err, const char *why);

#endif
