/* Faults of a machine's disks: damage to what is stored, and no space. The log is damaged only
 * where it can prove that bytes were durable (its marks, wal_format.h): there a node must refuse to
 * start. Damage to the very last record before its mark is on disk looks as a torn write does, to
 * anyone who has one copy; it is not planned here. */
#ifndef SW_TESTS_SIM_NODE_DISK_H
#define SW_TESTS_SIM_NODE_DISK_H

#include <stdbool.h>

#include "tests/sim/node_private.h"

/* The log or the store of a machine that is off, or the store of one that runs, one place of it;
 * says in the machine what that permits and demands. */
void sim_machine_damage(struct sim_machine *machine);
/* Little or no space is left for log and store; or again enough. */
void sim_machine_full(struct sim_machine *machine, bool full);
/* A write or a sync of the log fails soon, once or from then on; of a machine that is off, a read
 * when it starts. */
void sim_machine_disk_fail(struct sim_machine *machine);
/* The machine is about to open its log. */
void sim_machine_opens(struct sim_machine *machine);
/* Judges what opening the log said. True: the node may go on. */
bool sim_machine_opened(struct sim_machine *machine, enum sw_err err, const char *why);
/* Stops itself with `err`, or could not start: is that right? True if the world need not fail. */
bool sim_machine_may_stop(struct sim_machine *machine, enum sw_err err);

#endif
