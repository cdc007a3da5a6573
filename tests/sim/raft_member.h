/* Changes of members in worlds of bare groups: the nemesis that asks for them, and the oracle of
 * configurations. */
#ifndef SW_TESTS_SIM_RAFT_MEMBER_H
#define SW_TESTS_SIM_RAFT_MEMBER_H

#include <stdbool.h>
#include <stdint.h>

#include "raft/group.h"
#include "tests/sim/world.h"

enum { SIM_CONFIGURATION_MAX = 256 };

struct sim_raft_group;

/* Bits of node numbers: 1 << number. */
struct sim_configuration {
    uint64_t index;
    uint32_t voters, learners, joining;
};

/* What one node knows of its group's configurations; begins anew with each life. */
struct sim_members {
    struct sim_configuration now;
    uint64_t checked;       /* index of the last one that was compared */
    uint32_t voters_before; /* at the last look: a leader may have committed by those */
    bool changing;          /* asked for, and not answered yet */
};

/* What all nodes said was committed; by index. */
struct sim_configurations {
    struct sim_configuration seen[SIM_CONFIGURATION_MAX];
    uint32_t count;
};

/* What the group calls. */
void sim_members_changed(void *arg);
/* True if the nodes of `holders` are a quorum of the voters by which this node commits now, or did
 * when it was last looked at. Then this is the last look. */
bool sim_members_quorum(const struct sim_raft_group *slot, uint32_t holders);
void sim_members_looked(struct sim_raft_group *slot);
/* Asks whoever leads for one change; false if there is nobody to ask, or it was refused. */
bool sim_member_change(struct sim_raft_group *slot,
                       enum sw_group_change_kind kind,
                       uint32_t number);
/* The fault: changes of members, a few, one after the other. */
void sim_members_fault(struct sim_world *world);
/* The node counts: it is a member according to the node that leads. */
bool sim_members_has(const struct sim_raft_group *leader, uint32_t number);

#endif
