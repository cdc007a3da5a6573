/* A write-ahead log in memory that knows what is durable: group commit after a seeded latency,
 * failing syncs, and power cuts that lose all, a prefix, half of an append or none of the unsynced
 * work. Fast; worlds that want the real engine run it over storage/disk_mem (disk_sim.c). */
#ifndef SW_TESTS_SIM_WAL_SIM_H
#define SW_TESTS_SIM_WAL_SIM_H

#include "storage/wal.h"
#include "tests/sim/world.h"

struct sim_wal; /* the disk of one node: survives its lives */

struct sim_wal *sim_wal_new(struct sim_host *host);
void sim_wal_free(struct sim_wal *wal); /* accepts NULL */
struct sw_wal *sim_wal_port(struct sim_wal *wal);
/* Power cut: unsynced requests survive as `cut` says; no completion ever comes for them. */
void sim_wal_crash(struct sim_wal *wal, enum sim_cut cut);
void sim_wal_fail_next_sync(struct sim_wal *wal);

#endif
