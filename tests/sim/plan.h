/* What one seed means: size of the world, its network and disks, which faults may happen and how
 * often. Swarm testing (Groce et al. 2012): each seed switches a random subset of the faults on,
 * because a run with every fault at once hides what a few of them do in peace. */
#ifndef SW_TESTS_SIM_PLAN_H
#define SW_TESTS_SIM_PLAN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/prng.h"

enum sim_mode_kind { SIM_MODE_RAFT, SIM_MODE_NODE };

enum sim_fault {
    SIM_FAULT_CRASH_ONE = 1 << 0,
    SIM_FAULT_CRASH_MANY = 1 << 1, /* a majority, or all nodes at one instant */
    SIM_FAULT_PAUSE = 1 << 2,
    SIM_FAULT_DISK_SLOW = 1 << 3,
    SIM_FAULT_DISK_FAIL = 1 << 4, /* a failing fsync: the node stops itself */
    SIM_FAULT_PARTITION = 1 << 5, /* isolate one, halves, ring, bridge */
    SIM_FAULT_ONE_WAY = 1 << 6,
    SIM_FAULT_CLOG = 1 << 7, /* one path is slow for a while */
    SIM_FAULT_CLOCK = 1 << 8,
    SIM_FAULT_TRANSFER = 1 << 9,
    SIM_FAULT_SNAPSHOT = 1 << 10,
    SIM_FAULT_STOP = 1 << 11, /* a node is asked to stop, as by SIGTERM */
    SIM_FAULT_ALL = (1 << 12) - 1,
};

struct sim_plan {
    uint64_t seed;
    enum sim_mode_kind mode;
    uint32_t nodes;
    uint32_t groups;
    uint32_t clients;
    uint32_t keys;
    uint32_t faults; /* bits of enum sim_fault */
    uint32_t fault_interval_ms;
    uint64_t storm_us; /* faults happen during this long */
    uint64_t calm_us;  /* then everything must be well after at most this long */

    uint32_t delay_us_min, delay_us_max;
    uint32_t loss_permille;
    uint32_t busy_permille; /* sends refused for want of credit */
    bool hostile;           /* the link breaks its promise: duplicates and reorders */
    uint32_t duplicate_permille, reorder_permille;

    uint32_t disk_us_min, disk_us_max; /* of one job of a worker */
    uint32_t drift_ppm;                /* of the monotonic clocks, at most */

    uint32_t election_timeout_ms, heartbeat_ms;
    uint32_t append_size_max;
    uint64_t snapshot_bytes;
    uint32_t snapshot_trailing;
    uint32_t guard_off;
    uint32_t propose_us; /* mean time between proposals (raft) or calls of one client (node) */
    uint32_t value_size_max;
    uint32_t
        turn_us; /* events of a node share a turn of its loop that may last so long; 0 = none */
};

struct sim_plan sim_plan_of(enum sim_mode_kind mode, uint64_t seed, uint32_t guard_off);
void sim_plan_print(const struct sim_plan *plan, FILE *out);

#endif
