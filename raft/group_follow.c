/* Reads of a node that does not lead: it asks the leader what they must include.
 *
 * The leader gets a read point as for a read of its own, so it still leads after it was asked, and
 * names the last entry that it handed over: whatever was committed when the question was sent is
 * not behind that. Once this node has handed over as much, its state is no older than the question,
 * by its own clock alone. One question is out at a time; a lost one is sent again as it is. */
#include "base/assert.h"
#include "base/point.h"
#include "raft/group_private.h"

void sw_group_read_anywhere(struct sw_group *group, sw_group_read_fn ready, void *arg)
{
    SW_ASSERT(ready != NULL);
    SW_ASSERT(group != NULL);
    if (group->raft.state == RAFT_LEADER) {
        sw_group_read(group, ready, arg);
    } else {
        sw_readindex_add(&group->follows, ready, arg); /* the end of the turn asks, or refuses */
    }
}

static void ask(struct sw_group *group)
{
    const struct sw_wire_probe question = {.term = group->follows.term, .seq = group->follows.seq};

    SW_ASSERT(question.term != 0);
    SW_ASSERT(group->follow_to.value != 0);
    group->follow_ms = sw_env_now_ms(group->env);
    sw__group_send_probe(group, SW_WIRE_ASK_POINT, group->follow_to, question);
}

static void point_ready(void *arg, enum sw_err err)
{
    struct sw__group_point *point = arg;
    struct sw_group *group = point->group;
    const struct sw_wire_probe answer = {.term = group->handed, .seq = point->seq};
    const struct sw_node_id to = point->to;

    SW_ASSERT(to.value != 0);
    point->to = (struct sw_node_id){0};
    if (err == SW_ERR_OK) {
        sw__group_send_probe(group, SW_WIRE_POINT, to, answer);
    }
}

/* One point a peer at a time: it has one question out, and asks again. */
static void begin_point(struct sw_group *group, struct sw_node_id from, uint64_t seq)
{
    struct sw__group_point *free = NULL;

    for (uint32_t i = 0; i < SW_NODE_COUNT_MAX; i++) {
        struct sw__group_point *point = &group->points[i];

        if (sw_node_id_equal(point->to, from)) {
            SW_MARK("raft.point_asked_again");
            return;
        }
        free = point->to.value == 0 ? point : free;
    }
    if (free == NULL || group->raft.state != RAFT_LEADER) {
        return;
    }
    *free = (struct sw__group_point){.group = group, .to = from, .seq = seq};
    sw_readindex_add(&group->reads, point_ready, free);
}

void sw__group_follow_receive(struct sw_group *group,
                              enum sw_wire_kind kind,
                              struct sw_node_id from,
                              struct sw_wire_probe probe)
{
    SW_ASSERT(from.value != 0);
    SW_ASSERT(kind == SW_WIRE_ASK_POINT || kind == SW_WIRE_POINT);
    if (kind == SW_WIRE_ASK_POINT) {
        begin_point(group, from, probe.seq);
    } else if (sw_node_id_equal(from, group->follow_to)) {
        sw_readindex_point(&group->follows, probe.seq, probe.term);
    }
}

void sw__group_follow_tick(struct sw_group *group)
{
    SW_ASSERT(group->raft.state != RAFT_UNAVAILABLE);
    SW_ASSERT(group->tuning.heartbeat_ms > 0);
    if (sw_readindex_probing(&group->follows) && group->raft.state != RAFT_LEADER &&
        sw_env_now_ms(group->env) >= group->follow_ms + group->tuning.heartbeat_ms) {
        ask(group);
    }
}

void sw__group_follow_turn_end(struct sw_group *group)
{
    SW_ASSERT(group->leader.value == 0 || group->role != SW_ROLE_STOPPED);
    if (sw_readindex_count(&group->follows) == 0) {
        return;
    }
    if (group->role == SW_ROLE_LEADER) {
        sw_readindex_fail(&group->follows, SW_ERR_LEADERSHIP_LOST);
        return;
    }
    if (group->leader.value == 0) {
        sw_readindex_fail(&group->follows, SW_ERR_NO_LEADER);
        return;
    }
    if (sw_readindex_wants_probe(&group->follows)) {
        SW_ASSERT(group->raft.current_term > 0); /* somebody leads in it */
        group->follow_to = group->leader;
        (void)sw_readindex_begin(&group->follows, group->raft.current_term, 0);
        ask(group);
    }
    sw_readindex_serve(&group->follows, group->handed);
}
