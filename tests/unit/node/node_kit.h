/* What the tests of the node core share: the real node, applier and in-memory store, between a
 * group, a link, a log and a clock that the test holds in its hand. The group is the test's own:
 * these definitions of sw_group_* take the place of raft/'s at link time, so a test decides when an
 * entry commits, is replaced, or a leader falls. Everything static; include it once. */
#ifndef SW_TESTS_UNIT_NODE_NODE_KIT_H
#define SW_TESTS_UNIT_NODE_NODE_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "node/entry.h"
#include "node/node_private.h"
#include "storage/store_mem.h"

enum { KIT_ENTRY_MAX = 256, KIT_REPLY_MAX = 8192, KIT_MESSAGE_MAX = 64, KIT_READ_MAX = 64 };

struct kit_reply {
    uint64_t conn;
    uint32_t message; /* number of the link message that carried it */
    uint64_t id;
    enum sw_err err;
    uint64_t leader;
    uint64_t term;
    uint64_t revision;
    uint64_t value;
    uint32_t record_count;
    enum sw_durability durability;
    uint32_t age_ms;
    char detail[2048];
};

struct kit_message {
    struct sw_node_id to;
    struct sw_buf bytes;
};

/* The group that the test plays. */
struct kit_group {
    struct sw_group_config config;
    enum sw_role role;
    uint64_t term;
    struct sw_node_id leader;
    uint64_t last_index;
    uint64_t commit_index, handed_index;
    struct sw_buf bodies[KIT_ENTRY_MAX]; /* by index */
    uint64_t terms[KIT_ENTRY_MAX];
    uint32_t in_flight_max;
    uint32_t in_flight;
    sw_group_read_fn read_fn[KIT_READ_MAX];
    void *read_arg[KIT_READ_MAX];
    uint32_t read_count;
    uint32_t transfers;
    enum sw_err propose_err;
    uint32_t snapshot_requests;
    uint32_t snapshot_done;
    enum sw_err snapshot_err;
    uint32_t install_done;
    enum sw_err install_err;
    struct sw_group_snapshot snapshot;
    struct sw_group_peer peers[SW_NODE_COUNT_MAX]; /* the newest configuration */
    uint32_t peer_count;
    uint64_t members_index;
    uint32_t changes; /* asked for */
    enum sw_err change_err;
    struct sw_group_change change;
    char change_address[SW_ADDRESS_SIZE_MAX], change_own[SW_ADDRESS_SIZE_MAX];
    sw_group_change_fn change_done;
    void *change_arg;
    void (*stop_done)(void *arg);
    void *stop_arg;
};

static struct kit_group kit_group_now;

struct kit {
    struct sw_env env;
    uint64_t now_ms;
    uint64_t wall_ms;
    struct sw_wal wal;
    struct sw_link link;
    struct sw_worker worker;
    struct sw_job *first_job;
    struct sw_job *last_job;
    struct sw_store *store;
    struct sw_node *node;
    struct kit_reply replies[KIT_REPLY_MAX];
    uint32_t reply_count;
    uint32_t link_messages;
    struct kit_message messages[KIT_MESSAGE_MAX]; /* to peers */
    uint32_t message_count;
    bool peer_up;
    uint32_t stopped;
    enum sw_err fatal;
    enum sw_rights_kit { KIT_ALLOW_ALL, KIT_ALLOW_READ, KIT_ALLOW_NOTHING } rights;
    struct sw_node_limits limits;
};

/* --- the group -------------------------------------------------------------------------------- */

enum sw_err sw_group_new(const struct sw_group_config *config,
                         struct sw_group **ret_group,
                         char ret_why[SW_WHY_SIZE])
{
    (void)ret_why;
    kit_group_now =
        (struct kit_group){.config = *config, .term = 1, .in_flight_max = SW_ENTRY_IN_FLIGHT_MAX};
    kit_group_now.last_index = config->applied;
    kit_group_now.commit_index = config->applied;
    kit_group_now.handed_index = config->applied;
    *ret_group = (struct sw_group *)&kit_group_now;
    return SW_ERR_OK;
}

static inline void kit_group_release(void)
{
    for (uint32_t i = 0; i < KIT_ENTRY_MAX; i++) {
        sw_buf_release(&kit_group_now.bodies[i]);
    }
}

void sw_group_stop(struct sw_group *group, void (*done)(void *arg), void *arg)
{
    (void)group;
    kit_group_now.stop_done = done;
    kit_group_now.stop_arg = arg;
}

void sw_group_crash(struct sw_group *group)
{
    (void)group;
}

void sw_group_receive(struct sw_group *group, struct sw_node_id from, struct sw_span message)
{
    (void)group;
    (void)from;
    (void)message;
}

struct sw_group_id sw_group_of_message(struct sw_span message)
{
    const bool ours = message.size > 0 && message.data[0] < SW_NODE_STATE_FETCH;

    return (struct sw_group_id){.value = ours ? 1 : 0};
}

void sw_group_tick(struct sw_group *group)
{
    (void)group;
}

void sw_group_turn_end(struct sw_group *group)
{
    (void)group;
}

bool sw_group_can_propose(const struct sw_group *group)
{
    (void)group;
    return kit_group_now.role == SW_ROLE_LEADER &&
           kit_group_now.in_flight < kit_group_now.in_flight_max;
}

uint32_t sw_group_in_flight(const struct sw_group *group)
{
    (void)group;
    return kit_group_now.in_flight;
}

enum sw_err sw_group_propose(struct sw_group *group,
                             struct sw_span body,
                             uint64_t *ret_index,
                             uint64_t *ret_term)
{
    struct kit_group *g = &kit_group_now;

    (void)group;
    if (g->propose_err != SW_ERR_OK) {
        return g->propose_err;
    }
    assert_true(g->last_index + 1 < KIT_ENTRY_MAX);
    g->last_index++;
    g->in_flight++;
    sw_buf_clear(&g->bodies[g->last_index]);
    sw_write_bytes(&g->bodies[g->last_index], body);
    g->terms[g->last_index] = g->term;
    *ret_index = g->last_index;
    *ret_term = g->term;
    return SW_ERR_OK;
}

void sw_group_read(struct sw_group *group, sw_group_read_fn ready, void *arg)
{
    struct kit_group *g = &kit_group_now;

    (void)group;
    assert_true(g->read_count < KIT_READ_MAX);
    g->read_fn[g->read_count] = ready;
    g->read_arg[g->read_count] = arg;
    g->read_count++;
}

void sw_group_read_anywhere(struct sw_group *group, sw_group_read_fn ready, void *arg)
{
    sw_group_read(group, ready, arg);
}

enum sw_err sw_group_transfer(struct sw_group *group, struct sw_node_id target)
{
    (void)group;
    (void)target;
    kit_group_now.transfers++;
    return SW_ERR_OK;
}

void sw_group_request_snapshot(struct sw_group *group)
{
    (void)group;
    kit_group_now.snapshot_requests++;
}

void sw_group_snapshot_done(struct sw_group *group,
                            enum sw_err err,
                            struct sw_group_snapshot snapshot)
{
    (void)group;
    kit_group_now.snapshot_err = err;
    kit_group_now.snapshot = snapshot;
    kit_group_now.snapshot_done++;
}

void sw_group_install_done(struct sw_group *group,
                           enum sw_err err,
                           struct sw_group_snapshot snapshot)
{
    assert_non_null(group); /* a group that has stopped is told nothing */
    kit_group_now.install_err = err;
    kit_group_now.snapshot = snapshot;
    kit_group_now.install_done++;
}

void sw_group_status(const struct sw_group *group, struct sw_group_status *ret_status)
{
    (void)group;
    *ret_status = (struct sw_group_status){.role = kit_group_now.role,
                                           .term = kit_group_now.term,
                                           .leader = kit_group_now.leader,
                                           .last_index = kit_group_now.last_index,
                                           .commit_index = kit_group_now.commit_index,
                                           .handed_index = kit_group_now.handed_index,
                                           .snapshot_index = kit_group_now.snapshot.index,
                                           .members_index = kit_group_now.members_index};
}

uint32_t sw_group_members(const struct sw_group *group,
                          struct sw_group_peer ret_peers[SW_NODE_COUNT_MAX])
{
    (void)group;
    memcpy(ret_peers, kit_group_now.peers, sizeof kit_group_now.peers);
    return kit_group_now.peer_count;
}

enum sw_err sw_group_change(struct sw_group *group,
                            const struct sw_group_change *change,
                            sw_group_change_fn done,
                            void *arg,
                            char ret_why[SW_WHY_SIZE])
{
    struct kit_group *g = &kit_group_now;
    const char *own = change->own_address == NULL ? "" : change->own_address;
    const char *address = change->address == NULL ? "" : change->address;

    (void)group;
    g->changes++;
    if (g->change_err != SW_ERR_OK) {
        (void)snprintf(ret_why, SW_WHY_SIZE, "not now");
        return g->change_err;
    }
    g->change = *change;
    (void)snprintf(g->change_address, sizeof g->change_address, "%s", address);
    (void)snprintf(g->change_own, sizeof g->change_own, "%s", own);
    g->change_done = done;
    g->change_arg = arg;
    return SW_ERR_OK;
}

/* --- the world -------------------------------------------------------------------------------- */

static inline uint64_t kit_now_ms(void *impl)
{
    return ((struct kit *)impl)->now_ms;
}

static inline uint64_t kit_now_ns(void *impl)
{
    return ((struct kit *)impl)->now_ms * 1000000;
}

static inline uint64_t kit_wall_ms(void *impl)
{
    return ((struct kit *)impl)->wall_ms;
}

static inline uint64_t kit_random(void *impl)
{
    (void)impl;
    return 4;
}

static inline void kit_wal_stats(struct sw_wal *wal, struct sw_wal_stats *ret_stats)
{
    (void)wal;
    *ret_stats = (struct sw_wal_stats){.syncs = 3};
}

static inline enum sw_err
kit_link_send(struct sw_link *link, struct sw_node_id peer, struct sw_span message)
{
    struct kit *kit = link->impl;

    assert_true(kit->message_count < KIT_MESSAGE_MAX);
    kit->messages[kit->message_count].to = peer;
    sw_buf_clear(&kit->messages[kit->message_count].bytes);
    sw_write_bytes(&kit->messages[kit->message_count].bytes, message);
    kit->message_count++;
    return SW_ERR_OK;
}

static inline enum sw_err
kit_link_reply(struct sw_link *link, uint64_t conn, struct sw_span message)
{
    struct kit *kit = link->impl;
    struct sw_reader in = sw_reader_of(message);

    assert_true(message.size <= SW_MESSAGE_SIZE_MAX);
    kit->link_messages++;
    while (sw_reader_left(&in) > 0) {
        struct kit_reply *out = &kit->replies[kit->reply_count++];
        struct sw_reply reply;

        assert_true(kit->reply_count <= KIT_REPLY_MAX);
        assert_int_equal(sw_reply_decode(&in, &reply), SW_ERR_OK);
        *out = (struct kit_reply){.conn = conn,
                                  .message = kit->link_messages,
                                  .id = reply.id,
                                  .err = reply.err,
                                  .leader = reply.leader.value,
                                  .term = reply.term,
                                  .revision = reply.revision,
                                  .value = reply.value,
                                  .record_count = reply.record_count,
                                  .durability = reply.durability,
                                  .age_ms = reply.age_ms};
        assert_true(reply.detail.size < sizeof out->detail);
        if (reply.detail.size > 0) {
            memcpy(out->detail, reply.detail.data, reply.detail.size);
        }
    }
    return SW_ERR_OK;
}

static inline void kit_link_flush(struct sw_link *link)
{
    (void)link;
}

static inline bool kit_link_up(struct sw_link *link, struct sw_node_id peer)
{
    (void)peer;
    return ((struct kit *)link->impl)->peer_up;
}

static inline void kit_link_stats(struct sw_link *link, struct sw_link_stats *ret_stats)
{
    (void)link;
    *ret_stats = (struct sw_link_stats){.bytes_sent = 77};
}

static inline void kit_submit(struct sw_worker *worker, struct sw_job *job)
{
    struct kit *kit = worker->impl;

    job->next = NULL;
    if (kit->last_job == NULL) {
        kit->first_job = job;
    } else {
        kit->last_job->next = job;
    }
    kit->last_job = job;
}

/* Runs one job of the applier; false if there is none. */
static inline bool kit_job(struct kit *kit)
{
    struct sw_job *job = kit->first_job;

    if (job == NULL) {
        return false;
    }
    kit->first_job = job->next;
    if (kit->first_job == NULL) {
        kit->last_job = NULL;
    }
    job->run(job);
    job->done(job);
    return true;
}

static inline void kit_jobs(struct kit *kit)
{
    while (kit_job(kit)) {
    }
}

static inline void kit_on_stopped(void *arg)
{
    ((struct kit *)arg)->stopped++;
}

static inline void kit_on_fatal(void *arg, enum sw_err err, const char *why)
{
    (void)why;
    ((struct kit *)arg)->fatal = err;
}

static inline bool kit_allowed(void *arg, const uint8_t key[32], enum sw_op op)
{
    (void)key;
    const enum sw_rights_kit rights = ((struct kit *)arg)->rights;

    return rights == KIT_ALLOW_ALL || (rights == KIT_ALLOW_READ && !sw_op_is_write(op));
}

static const struct sw_wal_ops kit_wal_ops = {.stats = kit_wal_stats};
static const struct sw_link_ops kit_link_ops = {.send = kit_link_send,
                                                .reply = kit_link_reply,
                                                .flush = kit_link_flush,
                                                .peer_up = kit_link_up,
                                                .stats = kit_link_stats};

static inline void kit_open_node(struct kit *kit)
{
    const struct sw_node_member members[] = {
        {.id = {1}, .peer_address = "h1:1", .client_address = "h1:2"},
        {.id = {2}, .peer_address = "h2:1", .client_address = "h2:2"},
        {.id = {3}, .peer_address = "h3:1", .client_address = "h3:2"},
    };
    const struct sw_node_config config = {
        .self = {1},
        .members = members,
        .member_count = 3,
        .limits = kit->limits,
        .env = &kit->env,
        .wal = &kit->wal,
        .link = &kit->link,
        .store = kit->store,
        .applier_worker = &kit->worker,
        .version = "0.0.0",
        .handler = {.arg = kit,
                    .stopped = kit_on_stopped,
                    .fatal = kit_on_fatal,
                    .allowed = kit_allowed},
    };
    char why[SW_WHY_SIZE] = "";

    assert_int_equal(sw_node_new(&config, &kit->node, why), SW_ERR_OK);
    kit_jobs(kit);
}

static inline struct kit *kit_new_with(struct sw_node_limits limits)
{
    struct kit *kit = calloc(1, sizeof *kit);

    assert_non_null(kit);
    kit->env = (struct sw_env){.impl = kit,
                               .now_ms = kit_now_ms,
                               .now_ns = kit_now_ns,
                               .wall_ms = kit_wall_ms,
                               .random = kit_random};
    kit->now_ms = 1000;
    kit->wall_ms = 1700000000000;
    kit->wal = (struct sw_wal){.impl = kit, .ops = &kit_wal_ops};
    kit->link = (struct sw_link){.impl = kit, .ops = &kit_link_ops};
    kit->worker = (struct sw_worker){.impl = kit, .submit = kit_submit};
    kit->store = sw_store_mem_new(0, 0);
    kit->limits = limits;
    kit_open_node(kit);
    return kit;
}

static inline struct kit *kit_new(void)
{
    return kit_new_with((struct sw_node_limits){0});
}

static inline void kit_free(struct kit *kit)
{
    sw_node_crash(kit->node);
    kit_jobs(kit);
    sw_node_free(kit->node);
    kit_group_release();
    sw_store_mem_free(kit->store);
    for (uint32_t i = 0; i < KIT_MESSAGE_MAX; i++) {
        sw_buf_release(&kit->messages[i].bytes);
    }
    free(kit);
}

/* --- what a test does ------------------------------------------------------------------------- */

static inline void kit_role(enum sw_role role, uint64_t term, uint64_t leader)
{
    struct kit_group *g = &kit_group_now;

    g->role = role;
    g->term = term;
    g->leader = (struct sw_node_id){.value = leader};
    g->config.handler.role_changed(g->config.handler.arg, role, term, g->leader);
}

static inline void kit_lead(void)
{
    kit_role(SW_ROLE_LEADER, 2, 1);
}

static inline void kit_committed(uint64_t index)
{
    struct kit_group *g = &kit_group_now;

    g->handed_index = index;
    g->commit_index = index > g->commit_index ? index : g->commit_index;
}

static inline bool kit_may_commit(void)
{
    return kit_group_now.config.handler.may_commit(kit_group_now.config.handler.arg);
}

/* Commits the entry at `index` as this node proposed it. */
static inline void kit_commit(uint64_t index)
{
    struct kit_group *g = &kit_group_now;

    if (g->in_flight > 0) {
        g->in_flight--;
    }
    kit_committed(index);
    g->config.handler.committed(
        g->config.handler.arg, index, g->terms[index], sw_buf_span(&g->bodies[index]));
}

/* Another leader's entry takes the place at `index`. */
static inline void kit_commit_other(uint64_t index, uint64_t term)
{
    kit_committed(index);
    kit_group_now.config.handler.committed(
        kit_group_now.config.handler.arg, index, term, sw_span_of(NULL, 0));
}

static inline void kit_reads_ready(enum sw_err err)
{
    struct kit_group *g = &kit_group_now;
    const uint32_t count = g->read_count;

    g->read_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        g->read_fn[i](g->read_arg[i], err);
    }
}

static inline void kit_turn(struct kit *kit)
{
    sw_node_turn_end(kit->node);
}

static inline struct sw_request kit_request(enum sw_op op, uint64_t id)
{
    return (struct sw_request){.id = id, .op = op};
}

static inline struct sw_request kit_named(enum sw_op op, uint64_t id, const char *key)
{
    struct sw_request request = kit_request(op, id);

    request.tenant = sw_span_str("t");
    request.name_space = sw_span_str("n");
    request.partition = sw_span_str("p");
    request.key = sw_span_str(key);
    return request;
}

static inline struct sw_request kit_put(uint64_t id, const char *key, const char *value)
{
    struct sw_request request = kit_named(SW_OP_PUT, id, key);

    request.value = sw_span_str(value);
    return request;
}

static inline void kit_bytes(struct kit *kit, uint64_t conn, struct sw_span message)
{
    const struct sw_link_handler handler = sw_node_link_handler(kit->node);
    const uint8_t key[32] = {9};

    handler.client_message(handler.arg, conn, key, message);
}

static inline void kit_send(struct kit *kit, uint64_t conn, struct sw_request request)
{
    struct sw_buf out = {0};

    sw_request_encode(&request, &out);
    kit_bytes(kit, conn, sw_buf_span(&out));
    sw_buf_release(&out);
}

/* What waits for its note in the audit log gets it, and runs. */
static inline void kit_note(struct kit *kit)
{
    kit_turn(kit);
    while (kit_group_now.commit_index < kit_group_now.last_index) {
        kit_commit(kit_group_now.commit_index + 1);
    }
    kit_jobs(kit);
    kit_turn(kit);
}

/* The reply to `id`; fails the test if there is none or more than one. */
static inline struct kit_reply kit_reply(const struct kit *kit, uint64_t id)
{
    const struct kit_reply *found = NULL;

    for (uint32_t i = 0; i < kit->reply_count; i++) {
        if (kit->replies[i].id == id) {
            assert_null(found);
            found = &kit->replies[i];
        }
    }
    assert_non_null(found);
    return *found;
}

/* Everything that is under way happens: entries commit, jobs run, reads get their point. */
static inline void kit_settle(struct kit *kit, uint64_t from_index)
{
    kit_turn(kit);
    for (uint64_t i = from_index; i <= kit_group_now.last_index; i++) {
        kit_commit(i);
    }
    kit_reads_ready(SW_ERR_OK);
    kit_jobs(kit);
    kit_turn(kit);
}

#endif
