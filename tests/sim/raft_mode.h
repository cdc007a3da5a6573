/* Worlds of bare Raft groups: raft/group.h on simulated ports, with a trivial state (a hash chain
 * of all entries), proposals of unique values, reads, snapshots and installs. */
#ifndef SW_TESTS_SIM_RAFT_MODE_H
#define SW_TESTS_SIM_RAFT_MODE_H

#include <stdbool.h>
#include <stdint.h>

#include "raft/group.h"
#include "tests/sim/log_check.h"
#include "tests/sim/raft_member.h"
#include "tests/sim/wal_sim.h"
#include "tests/sim/wal_watch.h"
#include "tests/sim/world.h"

enum { SIM_GROUP_MAX = 4, SIM_PENDING_MAX = 512, SIM_READ_MAX = 64 };

struct sim_pending {
    uint64_t value, index, term;
};

struct sim_raft_group;

struct sim_read {
    struct sim_raft_group *slot;
    uint64_t number;
    uint64_t needs;
    bool used;
};

/* One group on one node. `state` and what follows live in memory; `durable` survives crashes. */
struct sim_raft_group {
    struct sim_host *host; /* borrowed */
    struct sim_log *log;   /* borrowed */
    struct sw_group_id id;
    struct sw_group *group; /* owned while the host lives */
    struct sim_state state;
    struct sim_state durable[2]; /* the last commit and the one before */
    enum sw_role role;
    uint64_t term;
    struct sw_node_id leader;
    struct sim_pending pending[SIM_PENDING_MAX];
    uint32_t pending_count;
    struct sim_read read[SIM_READ_MAX];
    uint32_t reads_open;
    uint64_t commit_checked; /* as leader: up to here a quorum was seen to hold the log */
    struct sim_members members;
    struct sim_state snapshot; /* as it was when the snapshot was wanted */
    bool snapshotting;
    bool installing;
    struct sw_node_id install_from;
    struct sw_group_snapshot install_wanted;
};

struct sim_raft_world {
    struct sim_world *world;
    struct sim_log log[SIM_GROUP_MAX];
    struct sim_wal *wal[SIM_HOST_COUNT_MAX];
    struct sim_wal_watch *watch[SIM_HOST_COUNT_MAX];
    struct sim_raft_group slot[SIM_HOST_COUNT_MAX][SIM_GROUP_MAX];
    struct sim_configurations configurations[SIM_GROUP_MAX];
    uint64_t next_value[SIM_GROUP_MAX];
    uint64_t next_read;
    uint64_t calm_value[SIM_GROUP_MAX]; /* values proposed after the storm are above this */
    uint32_t calm_acked[SIM_GROUP_MAX];
    bool scripted; /* no proposals and reads of its own */
};

extern const struct sim_mode sim_raft_mode;

struct sim_raft_world *sim_raft_of(struct sim_world *world);
struct sim_raft_group *sim_raft_slot(struct sim_world *world, uint32_t node, uint32_t group);
/* raft_user.c */
struct sw_group_handler sim_raft_handler(struct sim_raft_group *slot);
/* Proposes the next unique value on this node; the value, or 0 if it refused. */
uint64_t sim_raft_propose(struct sim_raft_group *slot);
bool sim_raft_read(struct sim_raft_group *slot);
/* The node that leads in the highest term, 0 if none. */
uint32_t sim_raft_leader(struct sim_world *world, uint32_t group);

#endif
