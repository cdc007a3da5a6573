/* Changes of members: one server at a time (libraft has no joint consensus), each only after an
 * entry of the leader's own term is committed (G8), and none that would leave the group without a
 * majority in reach.
 *
 * libraft adds a server in a role that gets nothing (spare); the leader, whichever it is by then,
 * makes a learner (standby) of it. A learner becomes a voter once it has caught up: then the quorum
 * that grows by it can be reached at once. */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/point.h"
#include "raft/group_private.h"

/* A learner may lack so many entries when it is made a voter: they are on their way to it. libraft
 * waits for them, and gives up after a few rounds. */
enum { PROMOTE_LAG_MAX = 128 };

const struct raft_server *sw__group_server(const struct sw_group *group, struct sw_node_id node)
{
    SW_ASSERT(group != NULL);
    SW_ASSERT(!group->reopen_ready);
    for (unsigned i = 0; i < group->raft.configuration.n; i++) {
        if (group->raft.configuration.servers[i].id == node.value) {
            return &group->raft.configuration.servers[i];
        }
    }
    return NULL;
}

static enum sw_member_role role_of(const struct raft_server *server)
{
    switch (server->role) {
    case RAFT_VOTER:
        return SW_MEMBER_VOTER;
    case RAFT_STANDBY:
        return SW_MEMBER_LEARNER;
    default:
        SW_ASSERT(server->role == RAFT_SPARE);
        return SW_MEMBER_JOINING;
    }
}

static bool in_reach(const struct sw_group *group, raft_id id)
{
    return id == group->self.value ||
           group->link->ops->peer_up(group->link, (struct sw_node_id){id});
}

uint32_t sw_group_members(const struct sw_group *group,
                          struct sw_group_peer ret_peers[SW_NODE_COUNT_MAX])
{
    const struct raft *raft = &group->raft;

    if (group->reopening) {
        return 0;
    }
    SW_ASSERT(raft->configuration.n <= SW_NODE_COUNT_MAX);
    for (unsigned i = 0; i < raft->configuration.n; i++) {
        const struct raft_server *server = &raft->configuration.servers[i];
        const bool self = server->id == group->self.value;

        ret_peers[i] = (struct sw_group_peer){
            .node = {server->id},
            .role = role_of(server),
            .address = server->address,
            .acked_index = self ? raft->last_stored : sw_guard_acked(&group->guard, server->id),
            .up = in_reach(group, server->id),
        };
    }
    return raft->configuration.n;
}

/* ---- may it be made? ---- */

static bool in_progress(const struct sw_group *group)
{
    const struct raft *raft = &group->raft;

    return group->change.busy || group->change.wanted || raft->transfer != NULL ||
           raft->configuration_uncommitted_index != 0 || raft->leader_state.promotee_id != 0;
}

static enum sw_err refuse(char *ret_why, enum sw_err err, const char *why)
{
    (void)snprintf(ret_why, SW_WHY_SIZE, "%s", why);
    return err;
}

static enum sw_err
check_add(const struct sw_group *group, const struct sw_group_change *change, char *ret_why)
{
    const struct raft_configuration *configuration = &group->raft.configuration;

    if (change->node.value == 0 || change->address[0] == '\0' ||
        strnlen(change->address, SW_ADDRESS_SIZE_MAX) == SW_ADDRESS_SIZE_MAX) {
        return refuse(ret_why, SW_ERR_INVALID, "a member has an id and an address");
    }
    for (unsigned i = 0; i < configuration->n; i++) {
        if (configuration->servers[i].id != change->node.value &&
            strcmp(configuration->servers[i].address, change->address) == 0) {
            return refuse(ret_why, SW_ERR_CONFLICT, "another member has this address");
        }
    }
    if (configuration->n == SW_NODE_COUNT_MAX) {
        return refuse(ret_why, SW_ERR_INVALID, "the swarm has as many members as it can");
    }
    return SW_ERR_OK;
}

/* The leader is left out last: it hands over, and its successor is asked again. */
static enum sw_err step_aside(struct sw_group *group, char *ret_why)
{
    const enum sw_err err = sw_group_transfer(group, (struct sw_node_id){0});

    if (err == SW_ERR_OK || err == SW_ERR_BUSY) {
        SW_MARK("raft.change_steps_aside");
        return refuse(ret_why, SW_ERR_BUSY, "it leads; leadership is handed over first");
    }
    return refuse(ret_why, SW_ERR_INVALID, "it is the only voter");
}

/* Voters after the change, and how many of them are in reach. */
static void count_voters(const struct sw_group *group,
                         const struct sw_group_change *change,
                         uint32_t *ret_voters,
                         uint32_t *ret_reached)
{
    const struct raft_configuration *configuration = &group->raft.configuration;

    *ret_voters = 0;
    *ret_reached = 0;
    for (unsigned i = 0; i < configuration->n; i++) {
        const struct raft_server *server = &configuration->servers[i];
        const bool voter = server->id == change->node.value ? change->kind == SW_GROUP_PROMOTE
                                                            : server->role == RAFT_VOTER;

        *ret_voters += voter ? 1 : 0;
        *ret_reached += voter && in_reach(group, server->id) ? 1 : 0;
    }
    SW_ASSERT(*ret_reached <= *ret_voters);
}

static enum sw_err
check_majority(const struct sw_group *group, const struct sw_group_change *change, char *ret_why)
{
    uint32_t voters;
    uint32_t reached;

    count_voters(group, change, &voters, &reached);
    if (voters == 0) {
        return refuse(ret_why, SW_ERR_INVALID, "it is the only voter");
    }
    if (reached < voters / 2 + 1) {
        SW_MARK("raft.change_no_majority");
        (void)snprintf(ret_why,
                       SW_WHY_SIZE,
                       "of the %u voters to be only %u are in reach, which is no majority",
                       voters,
                       reached);
        return SW_ERR_CONFLICT;
    }
    return SW_ERR_OK;
}

static enum sw_err
check_caught_up(const struct sw_group *group, struct sw_node_id node, char *ret_why)
{
    const raft_index last = group->io.next_index - 1;
    const raft_index acked = sw_guard_acked(&group->guard, node.value);

    if (!in_reach(group, node.value)) {
        return refuse(ret_why, SW_ERR_BUSY, "there is no session with it");
    }
    if (acked + PROMOTE_LAG_MAX < last) {
        SW_MARK("raft.change_not_caught_up");
        (void)snprintf(ret_why,
                       SW_WHY_SIZE,
                       "it has not caught up: it holds entry %llu of %llu",
                       (unsigned long long)acked,
                       (unsigned long long)last);
        return SW_ERR_BUSY;
    }
    return SW_ERR_OK;
}

static bool done_already(const struct raft_server *server, const struct sw_group_change *change)
{
    switch (change->kind) {
    case SW_GROUP_ADD:
        return strcmp(server->address, change->address) == 0 && server->role != RAFT_SPARE;
    case SW_GROUP_PROMOTE:
        return server->role == RAFT_VOTER;
    case SW_GROUP_DEMOTE:
        return server->role == RAFT_STANDBY;
    case SW_GROUP_REMOVE:
        break;
    }
    return false;
}

static enum sw_err
check_change(struct sw_group *group, const struct sw_group_change *change, char *ret_why)
{
    const struct raft_server *server = sw__group_server(group, change->node);
    enum sw_err err;

    if (change->kind == SW_GROUP_ADD) {
        if (server != NULL && strcmp(server->address, change->address) != 0) {
            return refuse(ret_why, SW_ERR_CONFLICT, "the member is known with other addresses");
        }
        return check_add(group, change, ret_why);
    }
    if (server == NULL) {
        return refuse(ret_why, SW_ERR_NOT_FOUND, "there is no such member");
    }
    err = check_majority(group, change, ret_why);
    if (err != SW_ERR_OK) {
        return err;
    }
    if (change->kind == SW_GROUP_PROMOTE) {
        return check_caught_up(group, change->node, ret_why);
    }
    return server->id == group->self.value ? step_aside(group, ret_why) : SW_ERR_OK;
}

/* ---- making it ---- */

/* May come from inside libraft, which may even call itself leader still: only takes a note. */
static void change_answered(struct raft_change *request, int status)
{
    struct sw_group *group = request->data;

    SW_ASSERT(group->change.busy);
    group->change.busy = false;
    group->change.answered = true;
    group->change.status = status;
}

/* libraft copies the configuration that it has for the entry that it makes, so what is changed here
 * right before goes into it. Returns what was there. */
static char *exchange_own_address(struct sw_group *group, char *address)
{
    struct raft_configuration *configuration = &group->raft.configuration;
    char *before = NULL;

    for (unsigned i = 0; i < configuration->n && address != NULL; i++) {
        if (configuration->servers[i].id == group->self.value) {
            before = configuration->servers[i].address;
            configuration->servers[i].address = address;
        }
    }
    SW_ASSERT((before == NULL) == (address == NULL)); /* a leader is a member */
    return before;
}

static int submit_remove(struct sw_group *group, raft_id id, const char *own_address)
{
    char *copy = NULL;
    char *before;
    int rv;

    if (own_address != NULL) {
        SW_ASSERT(strnlen(own_address, SW_ADDRESS_SIZE_MAX) < SW_ADDRESS_SIZE_MAX);
        copy = raft_malloc(strlen(own_address) + 1);
        SW_ASSERT(copy != NULL);
        memcpy(copy, own_address, strlen(own_address) + 1);
    }
    before = exchange_own_address(group, copy);
    rv = raft_remove(&group->raft, &group->change.request, id, change_answered);
    if (rv != 0) {
        copy = exchange_own_address(group, before);
        raft_free(copy);
        return rv;
    }
    raft_free(before); /* the library's own copy has replaced the configuration around it */
    return 0;
}

static enum sw_err submit(struct sw_group *group, int kind, raft_id id, const char *address)
{
    struct sw__group_change *change = &group->change;
    int rv;

    SW_ASSERT(!change->busy);
    change->request.data = group;
    change->answered = false;
    change->busy = true;
    change->term = group->raft.current_term;
    switch (kind) {
    case SW_GROUP_ADD:
        rv = raft_add(&group->raft, &change->request, id, address, change_answered);
        break;
    case SW_GROUP_PROMOTE:
        rv = raft_assign(&group->raft, &change->request, id, RAFT_VOTER, change_answered);
        break;
    case SW_GROUP_DEMOTE:
        rv = raft_assign(&group->raft, &change->request, id, RAFT_STANDBY, change_answered);
        break;
    default:
        rv = submit_remove(group, id, address);
        break;
    }
    change->busy = rv == 0;
    return rv == 0 ? SW_ERR_OK : rv == RAFT_NOTLEADER ? SW_ERR_NOT_LEADER : SW_ERR_BUSY;
}

static void finish(struct sw_group *group, enum sw_err err)
{
    SW_ASSERT(group->change.wanted);
    SW_ASSERT(!group->change.busy);
    group->change.wanted = false;
    group->change.finished = true;
    group->change.err = err;
}

/* A member that was added gets nothing yet. Whoever leads makes a learner of it. */
static void finish_joins(struct sw_group *group)
{
    const struct raft_configuration *configuration = &group->raft.configuration;

    if (group->raft.state != RAFT_LEADER || !sw_guard_change_allowed(&group->guard) ||
        group->change.busy || group->raft.transfer != NULL ||
        group->raft.configuration_uncommitted_index != 0 ||
        group->raft.leader_state.promotee_id != 0) {
        return;
    }
    for (unsigned i = 0; i < configuration->n; i++) {
        if (configuration->servers[i].role == RAFT_SPARE) {
            (void)submit(group, SW_GROUP_DEMOTE, configuration->servers[i].id, NULL);
            return;
        }
    }
}

/* What libraft said about a request that somebody waits for. */
static void take_answer(struct sw_group *group)
{
    struct sw__group_change *change = &group->change;
    const struct raft_server *server = sw__group_server(group, change->node);

    change->answered = false;
    if (!change->wanted) {
        return;
    }
    if (change->status == RAFT_NOCONNECTION) {
        SW_MARK("raft.change_too_slow");
        finish(group, SW_ERR_BUSY); /* no entry was made: the learner did not keep up */
    } else if (change->status != 0) {
        SW_MARK("raft.change_lost");
        finish(group, SW_ERR_LEADERSHIP_LOST);
    } else if (change->kind != SW_GROUP_ADD || (server != NULL && server->role != RAFT_SPARE)) {
        finish(group, SW_ERR_OK);
    }
}

static bool votes(const void *arg, struct sw_node_id node)
{
    const struct raft_server *server = sw__group_server(arg, node);

    return server != NULL && server->role == RAFT_VOTER;
}

/* libraft's own index of it goes back and forth while a restarted node applies older ones. */
static raft_index newest_configuration(const struct sw_group *group)
{
    raft_index index = group->io.next_index - 1;
    const struct raft_entry *entry;

    while ((entry = sw_guard_entry(&group->raft, index)) != NULL) {
        if (entry->type == RAFT_CHANGE) {
            return index;
        }
        index--;
    }
    return group->raft.configuration_index; /* that of the snapshot */
}

/* Looked for in the log only when libraft's view has changed. */
static void note_newest(struct sw_group *group)
{
    const struct raft *raft = &group->raft;

    if (group->members_known && raft->configuration_index == group->members_seen[0] &&
        raft->configuration_uncommitted_index == group->members_seen[1]) {
        return;
    }
    group->members_seen[0] = raft->configuration_index;
    group->members_seen[1] = raft->configuration_uncommitted_index;
    group->members_index = newest_configuration(group);
}

static void tell_members(struct sw_group *group)
{
    const raft_index before = group->members_known ? group->members_index : 0;
    const bool was_committed = group->members_committed;

    note_newest(group);
    group->members_committed =
        group->members_index <= group->raft.commit_index || group->members_index <= group->handed;
    if (group->members_known && group->members_index == before &&
        group->members_committed == was_committed) {
        return;
    }
    group->members_known = true;
    group->counters.changes++;
    sw_guard_members_changed(&group->guard);
    sw_readindex_revise(&group->reads, votes, group);
    if (group->handler.members_changed != NULL) {
        group->handler.members_changed(group->handler.arg);
    }
}

void sw__group_members_after(struct sw_group *group)
{
    struct sw__group_change *change = &group->change;

    SW_ASSERT(group != NULL);
    SW_ASSERT(!group->reopening);
    if (change->answered) {
        take_answer(group);
    }
    if (change->wanted && !change->busy &&
        (group->raft.state != RAFT_LEADER || group->raft.current_term != change->term)) {
        SW_MARK("raft.change_lost_between");
        finish(group, SW_ERR_LEADERSHIP_LOST); /* between the two entries of an ADD */
    }
    finish_joins(group);
    tell_members(group);
}

void sw__group_members_turn_end(struct sw_group *group)
{
    struct sw__group_change *change = &group->change;

    SW_ASSERT(!change->finished || !change->wanted);
    if (group->reopening && change->wanted && !change->busy) {
        finish(group, SW_ERR_LEADERSHIP_LOST);
    }
    if (change->finished && !group->muted) {
        change->finished = false;
        change->done(change->arg, change->err);
    }
}

enum sw_err sw_group_change(struct sw_group *group,
                            const struct sw_group_change *change,
                            sw_group_change_fn done,
                            void *arg,
                            char ret_why[SW_WHY_SIZE])
{
    const struct raft_server *server;
    enum sw_err err;
    bool made;

    SW_ASSERT(done != NULL);
    SW_ASSERT((change->kind == SW_GROUP_ADD) == (change->address != NULL));
    if (group->muted || group->reopening || group->raft.state != RAFT_LEADER) {
        return refuse(ret_why, SW_ERR_NOT_LEADER, "");
    }
    if (in_progress(group) || group->change.finished) {
        return refuse(ret_why, SW_ERR_BUSY, "another change or a hand-over is under way");
    }
    if (!sw_guard_change_allowed(&group->guard)) {
        return refuse(ret_why, SW_ERR_BUSY, "the leader is new and has to commit an entry first");
    }
    server = sw__group_server(group, change->node);
    made = server != NULL && done_already(server, change);
    if (!made) {
        err = check_change(group, change, ret_why);
        if (err == SW_ERR_OK) {
            err = submit(group,
                         (int)change->kind,
                         change->node.value,
                         change->kind == SW_GROUP_REMOVE ? change->own_address : change->address);
        }
        if (err != SW_ERR_OK) {
            return err;
        }
    }
    group->change.kind = change->kind;
    group->change.node = change->node;
    group->change.done = done;
    group->change.arg = arg;
    group->change.wanted = true;
    if (made) {
        finish(group, SW_ERR_OK);
    }
    return SW_ERR_OK;
}
