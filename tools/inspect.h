/* The subcommands of swarm-inspect. Each is called with its own name as argv[0] and answers with an
 * exit code: 0 ok, 2 usage, 10 damage found, or that of the error that stopped it (`swarmctl
 * explain`). Nothing is ever written. */
#ifndef SW_TOOLS_INSPECT_H
#define SW_TOOLS_INSPECT_H

int sw_inspect_store(int argc, char **argv);
int sw_inspect_wal(int argc, char **argv);

#endif
