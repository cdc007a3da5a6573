/* swarm-inspect: looks at a node's files without the node. One subcommand a kind of file. */
#include <stdio.h>
#include <string.h>

#include "storage/mapped_posix.h"
#include "tools/inspect.h"

static const char usage[] =
    "usage: swarm-inspect wal DIR [options]    the log: state, segments, records\n"
    "       swarm-inspect store DIR [options]  the state store\n"
    "DIR is the data directory of a node, or its wal/ or state/. Reads only.\n"
    "Exit code: 0 sound, 2 usage, 3 nothing there, 10 damaged.\n"
    "`swarm-inspect wal` and `swarm-inspect store` alone print their options.\n";

int main(int argc, char **argv)
{
    const char *command = argc > 1 ? argv[1] : "";

    sw_mapped_read_failure(
        "swarm-inspect: CORRUPT: the file of the store is shorter than it was, or "
        "the disk fails\n",
        10);
    if (strcmp(command, "wal") == 0) {
        return sw_inspect_wal(argc - 1, argv + 1);
    }
    if (strcmp(command, "store") == 0) {
        return sw_inspect_store(argc - 1, argv + 1);
    }
    if (strcmp(command, "--help") == 0 || strcmp(command, "-h") == 0 ||
        strcmp(command, "help") == 0) {
        (void)fputs(usage, stdout);
        return 0;
    }
    (void)fputs(usage, stderr);
    return 2;
}
