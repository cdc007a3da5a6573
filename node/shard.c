/* One group's traffic: queued writes become entries, committed entries become state, state becomes
 * answers; reads get a read point and then the applier's view.
 *
 * The rule that keeps acknowledgements honest: a write is answered only by what the applier says
 * about the entry at its (index, term). The same index with another term means that this node's
 * entry was replaced, and then nobody here knows whether another leader ran it from a retry. */
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/point.h"
#include "node/entry.h"
#include "node/node_private.h"

enum {
    ENTRY_COMMAND_COUNT = 128,
    GATHER_NS_MAX = 1000000,
    ENTRY_SIZE = 64 << 10,
    FLUSH_COUNT_MAX = 16,
    APPLY_SLOW_NS = 100000000,
    /* While several identities ask: commands and bytes of an entry, and entries under way. */
    SHARED_ENTRY_COUNT = ENTRY_COMMAND_COUNT,
    SHARED_ENTRY_SIZE = ENTRY_SIZE,
    SHARED_IN_FLIGHT = 2,
};

/* --- proposals -------------------------------------------------------------------------------- */

/* Leader time: the wall clock, but never behind what the group has seen. */
static uint64_t leader_time(struct sw__shard *shard)
{
    const uint64_t wall_ms = sw_env_wall_ms(shard->node->config.env);

    if (wall_ms > shard->time_ms || SW_PLANTED(TIME_GOES_BACK)) {
        shard->time_ms = wall_ms;
    }
    return shard->time_ms;
}

/* Every tick of earlier leaders was executed here: see node/tick.h. */
static bool may_tick(const struct sw__shard *shard)
{
    return shard->role == SW_ROLE_LEADER && shard->applied_term == shard->term;
}

static uint64_t tick_term(const struct sw__shard *shard)
{
    return shard->role == SW_ROLE_LEADER ? shard->term : 0;
}

static bool tick_is_due(const struct sw__shard *shard)
{
    const struct sw_node *node = shard->node;

    if (!may_tick(shard) || node->phase != SW__PHASE_RUNNING ||
        sw_applier_clock(node->applier, shard->id).lease_due_ms >
            sw_tick_now(&shard->tick, sw_env_now_ns(node->config.env))) {
        return false;
    }
    for (const struct sw__flight *f = shard->flights; f != NULL; f = f->next) {
        if (f->has_tick) {
            return false; /* what it ends is not known yet */
        }
    }
    return true;
}

static bool is_shared(const struct sw__shard *shard)
{
    return sw_fair_in_company(&shard->fair, sw_env_now_ns(shard->node->config.env));
}

static const struct sw_author node_itself = {.flags = SW_AUTHOR_NODE};

static void add_tick(struct sw__shard *shard, struct sw__flight *flight, struct sw_buf *entry)
{
    struct sw_request tick = {.op = SW_OP_TICK};
    struct sw_buf command = {0};

    tick.expected =
        sw_tick_stamp(&shard->tick, shard->term, sw_env_now_ns(shard->node->config.env));
    if (SW_PLANTED(LEASE_BY_WALL_CLOCK)) {
        tick.expected = sw_env_wall_ms(shard->node->config.env);
    }
    sw_command_encode(&tick, &command);
    sw_entry_add(entry, &node_itself, sw_buf_span(&command));
    sw_buf_release(&command);
    flight->has_tick = true;
    flight->tick_row = flight->requests.count;
}

/* A full store takes no puts, and deletes free nothing while what they deleted is kept for reads of
 * the past: then room goes before memory. It is the leader's disk that decides, and the log that
 * says so to all. */
static bool compaction_is_due(const struct sw__shard *shard)
{
    return may_tick(shard) && shard->node->phase == SW__PHASE_RUNNING &&
           sw_admission_disk_full(&shard->node->admission) &&
           shard->compacted_revision < shard->revision;
}

/* Stands where a tick would: an entry has one command of its own. */
static void add_compaction(struct sw__shard *shard, struct sw__flight *flight, struct sw_buf *entry)
{
    const struct sw_request compact = {.op = SW_OP_COMPACT, .expected = shard->revision};
    struct sw_buf command = {0};

    SW_ASSERT(!flight->has_tick);
    sw_command_encode(&compact, &command);
    sw_entry_add(entry, &node_itself, sw_buf_span(&command));
    sw_buf_release(&command);
    shard->compacted_revision = shard->revision;
    flight->has_tick = true;
    flight->tick_row = flight->requests.count;
}

/* Entries are long while one identity has them to itself: that is the cheapest. While several do, a
 * short one lets whoever comes next into the log sooner. */
static size_t entry_size_max(const struct sw__shard *shard)
{
    return is_shared(shard) ? (size_t)SHARED_ENTRY_SIZE : (size_t)SW_ENTRY_BATCH_SIZE;
}

static uint32_t entry_count_max(const struct sw__shard *shard)
{
    return is_shared(shard) ? (uint32_t)SHARED_ENTRY_COUNT : (uint32_t)SW_ENTRY_COMMAND_COUNT_MAX;
}

/* Moves queued writes into `flight` and their commands into `entry`, at least one unless a tick is
 * due. */
static void fill_entry(struct sw__shard *shard, struct sw__flight *flight, struct sw_buf *entry)
{
    struct sw__request *request;
    uint32_t leases = 0;
    bool compacts = false;

    sw_entry_begin(entry, leader_time(shard));
    if (tick_is_due(shard)) {
        add_tick(shard, flight, entry);
    } else if (compaction_is_due(shard)) {
        add_compaction(shard, flight, entry);
        compacts = true;
    }
    while ((request = sw__queue_next_write(shard, may_tick(shard), leases)) != NULL) {
        const bool fits = entry->size + sw_entry_size_of(&request->author, request->size) <=
                              entry_size_max(shard) &&
                          flight->requests.count + 1 < entry_count_max(shard);

        if ((flight->requests.count > 0 && !fits) || (compacts && sw__wants_tick(request->op))) {
            break;
        }
        if (sw__wants_tick(request->op) && !flight->has_tick) {
            add_tick(shard, flight, entry);
        }
        leases += sw__class_of(request->op) == SW_FAIR_LEASE ? 1 : 0;
        sw_entry_add(entry, &request->author, sw_span_of(request->command, request->size));
        sw__queue_take_write(shard, request);
        sw__list_add(&flight->requests, request);
    }
    SW_ASSERT(entry->size <= SW_ENTRY_SIZE_MAX);
}

static void flight_add(struct sw__shard *shard, struct sw__flight *flight)
{
    if (shard->flights_last == NULL) {
        shard->flights = flight;
    } else {
        shard->flights_last->next = flight;
    }
    shard->flights_last = flight;
}

static struct sw__flight *flight_take(struct sw__shard *shard, struct sw__flight **at)
{
    struct sw__flight *flight = *at;

    *at = flight->next;
    if (shard->flights_last == flight) {
        shard->flights_last = NULL;
        for (struct sw__flight *f = shard->flights; f != NULL; f = f->next) {
            shard->flights_last = f;
        }
    }
    return flight;
}

/* The bug KEEP_ALIVE_NOT_COMMITTED: the next leader may never have heard of it. */
static void answer_keep_alives(struct sw__shard *shard, const struct sw__flight *flight)
{
    struct sw_reply reply = {.revision = shard->revision};

    for (struct sw__request *r = flight->requests.first; r != NULL; r = r->next) {
        if (r->op == SW_OP_LEASE_KEEP_ALIVE && !r->answered) {
            sw__request_answer(shard->node, r, &reply);
        }
    }
}

/* The bug WATCH_COUNTS_UNCOMMITTED: nobody was told of what the entry writes. */
static void answer_watches(struct sw__shard *shard, const struct sw__flight *flight)
{
    struct sw_reply reply = {.revision = shard->revision + flight->requests.count};
    struct sw__request *request;

    while ((request = sw__list_take(&shard->watching)) != NULL) {
        sw__request_answer(shard->node, request, &reply);
        sw__request_free(request);
    }
}

/* Proposes one entry of what is queued. False when it cannot be now. */
static bool propose_one(struct sw__shard *shard)
{
    struct sw_node *node = shard->node;
    struct sw__flight *flight = calloc(1, sizeof *flight);
    enum sw_err err;

    SW_ASSERT(flight != NULL);
    fill_entry(shard, flight, &node->scratch);
    err =
        sw_group_propose(shard->group, sw_buf_span(&node->scratch), &flight->index, &flight->term);
    if (err != SW_ERR_OK) {
        SW_MARK("node.propose_refused");
        /* Nothing was proposed, so "not done" is true of all of them. */
        sw__list_refuse(node,
                        &flight->requests,
                        err == SW_ERR_NOT_LEADER ? sw__shard_elsewhere(shard) : err,
                        "");
        free(flight);
        return err == SW_ERR_NOT_LEADER;
    }
    for (struct sw__request *r = flight->requests.first; r != NULL; r = r->next) {
        r->place = SW__PLACE_FLYING;
        sw_admission_dequeue(&node->admission, r->size);
    }
    if (SW_PLANTED(KEEP_ALIVE_NOT_COMMITTED)) {
        answer_keep_alives(shard, flight);
    }
    if (SW_PLANTED(WATCH_COUNTS_UNCOMMITTED)) {
        answer_watches(shard, flight);
    }
    flight->proposed_ns = sw_env_now_ns(node->config.env);
    flight_add(shard, flight);
    return true;
}

/* The cost of an entry (a sync on each node, a round of messages, a job) is shared by all commands
 * in it, so writes are gathered while that costs no time that matters:
 * - while an entry is under way, what comes in waits for it, unless it is a full share by itself;
 * - right after an entry was answered, its clients are likely to write again at once, so up to as
 *   many writes are awaited, for at most half the time that the entry took and never over 1 ms.
 * A lone client is never waited for: its one write is all that is expected. */
bool sw__shard_gathers(const struct sw__shard *shard)
{
    uint64_t patience_ns = shard->flight_ns / 2;

    if (SW_BUGGIFY("node.gather_longer", 20)) {
        return true;
    }
    if (sw__queue_writes(shard) >= ENTRY_COMMAND_COUNT || SW_BUGGIFY("node.gather_not", 100) ||
        shard->node->admission.queued_size >= ENTRY_SIZE) {
        return false;
    }
    if (sw_group_in_flight(shard->group) > 0) {
        return true;
    }
    if (patience_ns > GATHER_NS_MAX) {
        patience_ns = GATHER_NS_MAX;
    }
    return sw__queue_writes(shard) < shard->answered_count &&
           sw_env_now_ns(shard->node->config.env) < shard->answered_ns + patience_ns;
}

/* Right after an election leases wait. */
static bool can_begin(struct sw__shard *shard)
{
    if (sw__queue_next_write(shard, may_tick(shard), 0) == NULL) {
        return tick_is_due(shard) || compaction_is_due(shard);
    }
    return !sw__shard_gathers(shard) &&
           (!is_shared(shard) || sw_group_in_flight(shard->group) < SHARED_IN_FLIGHT);
}

static void propose_queued(struct sw__shard *shard)
{
    while (sw_group_can_propose(shard->group) && can_begin(shard)) {
        if (!propose_one(shard)) {
            break;
        }
    }
}

static void see_ticks(struct sw__shard *shard)
{
    const struct sw_applier_clock clock = sw_applier_clock(shard->node->applier, shard->id);

    sw_tick_seen(&shard->tick,
                 clock.clock_ms,
                 clock.ticks,
                 tick_term(shard),
                 sw_env_now_ns(shard->node->config.env));
}

/* --- turns ----------------------------------------------------------------------------------- */

void sw__shard_turn_end(struct sw__shard *shard)
{
    if (shard->group == NULL) {
        return;
    }
    see_ticks(shard);
    sw__rights_turn_end(shard);
    sw__audit_turn_end(shard);
    propose_queued(shard);
    sw__watch_turn_end(shard);
    sw__fresh_turn_end(shard);
    sw__reads_start(shard);
    sw__reads_pump(shard);
    sw_group_turn_end(shard->group);
}

/* --- what the group says ---------------------------------------------------------------------- */

/* The applier takes few entries at a time; a node that stops leaves the rest to its next start. */
static bool may_commit(void *arg)
{
    const struct sw__shard *shard = arg;
    const struct sw_node *node = shard->node;

    if (node->failed || node->phase >= SW__PHASE_FLUSHING) {
        return false;
    }
    if (!sw_applier_has_room(node->applier) ||
        (sw_applier_entries(node->applier) > 0 && SW_BUGGIFY("node.apply_one", 2))) {
        SW_MARK("node.applier_full");
        return false;
    }
    return true;
}

static void on_committed(void *arg, uint64_t index, uint64_t term, struct sw_span body)
{
    struct sw__shard *shard = arg;
    struct sw_node *node = shard->node;
    struct sw_entry_reader entry;

    if (node->failed) {
        return;
    }
    if (body.size > 0 && sw_entry_open(body, &entry) == SW_ERR_OK &&
        entry.time_ms > shard->time_ms) {
        shard->time_ms = entry.time_ms; /* a leader after us must not go behind this one */
    }
    for (struct sw__flight *f = shard->flights; f != NULL; f = f->next) {
        if (f->index == index && f->term == term) {
            f->committed_ns = sw_env_now_ns(node->config.env);
        }
    }
    SW_ASSERT(sw_applier_has_room(node->applier));
    sw_applier_entry(node->applier, shard->id, index, term, body);
}

/* The bug UNKNOWN_IS_NOT_DONE: the next leader may well commit what is under way. */
static void refuse_flights(struct sw__shard *shard)
{
    for (struct sw__flight *f = shard->flights; f != NULL; f = f->next) {
        for (struct sw__request *r = f->requests.first; r != NULL; r = r->next) {
            if (!r->answered) {
                sw__request_refuse(shard->node, r, SW_ERR_NOT_LEADER, "");
            }
        }
    }
}

static void on_role_changed(void *arg, enum sw_role role, uint64_t term, struct sw_node_id leader)
{
    struct sw__shard *shard = arg;
    struct sw_node *node = shard->node;
    const bool was_leader = shard->role == SW_ROLE_LEADER;
    const bool new_leader = !sw_node_id_equal(shard->leader, leader);

    shard->role = role;
    shard->term = term;
    shard->leader = leader;
    if (new_leader && leader.value != 0) {
        sw__node_log(node,
                     SW_LOG_INFO,
                     "leader",
                     "node %llu leads group %u in term %llu",
                     (unsigned long long)leader.value,
                     shard->id.value,
                     (unsigned long long)term);
    }
    if (was_leader && role != SW_ROLE_LEADER) {
        if (sw__queue_writes(shard) > 0) {
            SW_MARK("node.queue_refused_at_step_down");
        }
        if (SW_PLANTED(UNKNOWN_IS_NOT_DONE)) {
            refuse_flights(shard);
        }
        sw__node_log(node,
                     SW_LOG_WARN,
                     "leadership-lost",
                     "this node no longer leads group %u, term %llu",
                     shard->id.value,
                     (unsigned long long)term);
        sw__queue_refuse_writes(
            shard, SW_PLANTED(QUEUE_ANSWERED_DONE) ? SW_ERR_OK : sw__shard_elsewhere(shard), "");
        sw__list_refuse(node, &shard->watching, sw__shard_elsewhere(shard), "");
        sw__list_refuse(node, &shard->reads, sw__shard_elsewhere(shard), "");
    }
}

static void on_snapshot_wanted(void *arg)
{
    sw__shard_flush(arg, SW__FLUSH_SNAPSHOT);
}

/* The ring holds pointers: each reason has an address. */
static enum sw__flush flush_reasons[] = {0, SW__FLUSH_SNAPSHOT, SW__FLUSH_INSTALL, SW__FLUSH_STOP};

void sw__shard_flush(struct sw__shard *shard, enum sw__flush reason)
{
    const bool pushed = sw_ring_push(&shard->flushes, &flush_reasons[reason]);

    SW_ASSERT(pushed); /* one snapshot, one stop and a few installs at most */
    sw_applier_flush(shard->node->applier, shard->id);
}

/* --- what the applier says -------------------------------------------------------------------- */

/* What apply says of a quota is a number; people get a sentence. Refusals are noted. */
static void
answer_write(struct sw__shard *shard, struct sw__request *request, struct sw_reply *reply)
{
    struct sw_request decoded = {0};
    char why[SW_WHY_SIZE];
    enum sw_err err;

    if (reply->err == SW_ERR_QUOTA || reply->err == SW_ERR_UNAUTHORIZED) {
        err = sw_command_decode(sw_span_of(request->command, request->size), &decoded);
        SW_ASSERT(err == SW_ERR_OK); /* encoded by ourselves */
    }
    if (reply->err == SW_ERR_UNAUTHORIZED) {
        sw__audit_denied(shard, &request->author, &decoded);
    }
    if (reply->err == SW_ERR_QUOTA) {
        sw_quota_explain(sw__settings_of(shard), &decoded, reply->value, why);
        reply->detail = sw_span_str(why);
    }
    sw__request_answer(shard->node, request, reply);
}

static void answer_flight(struct sw__shard *shard,
                          struct sw__flight *flight,
                          const struct sw_command_result *results,
                          uint32_t count)
{
    struct sw__request *request;
    uint32_t place = 0;

    SW_ASSERT(count == flight->requests.count + (flight->has_tick ? 1 : 0));
    shard->answered_count = flight->requests.count;
    shard->answered_ns = sw_env_now_ns(shard->node->config.env);
    shard->flight_ns = shard->answered_ns - flight->proposed_ns;
    while ((request = sw__list_take(&flight->requests)) != NULL) {
        const uint32_t row = place + (flight->has_tick && place >= flight->tick_row ? 1 : 0);
        struct sw_reply reply = {.err = results[row].err,
                                 .revision = results[row].revision,
                                 .value = results[row].value,
                                 .record_count = results[row].record_count,
                                 .records = results[row].records};

        if (!request->answered) {
            answer_write(shard, request, &reply);
        }
        sw__request_free(request);
        place++;
    }
}

static void note_slow(struct sw__shard *shard, const struct sw__flight *flight)
{
    struct sw_node *node = shard->node;
    const uint64_t took_ns = sw_env_now_ns(node->config.env) - flight->committed_ns;

    if (flight->committed_ns == 0 || took_ns <= APPLY_SLOW_NS) {
        return;
    }
    node->metrics.values[SW_METRIC_APPLY_SLOW]++;
    sw__node_log(node,
                 SW_LOG_WARN,
                 "apply-slow",
                 "entry %llu took %llu ms from commit to execution, expected under 100 ms",
                 (unsigned long long)flight->index,
                 (unsigned long long)(took_ns / 1000000));
}

static void on_entry_done(void *arg,
                          struct sw_group_id group,
                          uint64_t index,
                          uint64_t term,
                          const struct sw_command_result *results,
                          uint32_t count)
{
    struct sw_node *node = arg;
    struct sw__shard *shard = sw__node_shard(node, group);
    struct sw__flight **at;

    if (node->crashed || node->failed) {
        return;
    }
    if (index > shard->applied_index) {
        shard->applied_index = index;
        shard->applied_term = term;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (results[i].revision > shard->revision) {
            shard->revision = results[i].revision;
        }
    }
    at = &shard->flights;
    while (*at != NULL) {
        struct sw__flight *flight;

        if ((*at)->index != index) {
            at = &(*at)->next;
            continue;
        }
        flight = flight_take(shard, at);
        if ((flight->term == term || SW_PLANTED(REPLACED_ENTRY_ANSWERS)) && count > 0) {
            note_slow(shard, flight);
            answer_flight(shard, flight, results, count);
        } else {
            SW_MARK("node.entry_replaced");
            sw__list_refuse(node, &flight->requests, SW_ERR_LEADERSHIP_LOST, "");
        }
        free(flight);
    }
}

uint64_t sw__shard_backlog(const struct sw__shard *shard)
{
    struct sw_group_status status;

    if (shard->group == NULL) {
        return 0;
    }
    sw_group_status(shard->group, &status);
    return status.commit_index > shard->applied_index ? status.commit_index - shard->applied_index
                                                      : 0;
}

uint64_t sw__node_applier_load(const struct sw_node *node)
{
    uint64_t load = sw_applier_pending(node->applier);

    for (uint32_t i = 0; i < node->shard_count; i++) {
        struct sw_group_status status = {0};

        if (node->shards[i]->group != NULL) {
            sw_group_status(node->shards[i]->group, &status);
        }
        load += status.commit_index - status.handed_index;
    }
    return load;
}

void sw__shard_skip_to(struct sw__shard *shard, uint64_t index)
{
    struct sw__flight **at = &shard->flights;

    while (*at != NULL) {
        struct sw__flight *flight;

        if ((*at)->index > index) {
            at = &(*at)->next;
            continue;
        }
        SW_MARK("node.flight_passed_by_install");
        flight = flight_take(shard, at);
        sw__list_refuse(shard->node, &flight->requests, SW_ERR_LEADERSHIP_LOST, "");
        free(flight);
    }
    if (index > shard->applied_index) {
        shard->applied_index = index;
    }
}

static void
snapshot_flushed(struct sw__shard *shard, enum sw_err err, uint64_t index, uint64_t digest)
{
    struct sw_node *node = shard->node;
    struct sw__request *request;

    sw_group_snapshot_done(
        shard->group, err, (struct sw_group_snapshot){.index = index, .digest = digest});
    if (err == SW_ERR_OK) {
        node->metrics.values[SW_METRIC_SNAPSHOTS]++;
    }
    while ((request = sw__list_take(&shard->snapshot_waiting)) != NULL) {
        struct sw_reply reply = {.err = err, .value = index, .revision = index};

        sw__request_answer(node, request, &reply);
        sw__request_free(request);
    }
}

static void
on_flush_done(void *arg, struct sw_group_id group, enum sw_err err, uint64_t index, uint64_t digest)
{
    struct sw_node *node = arg;
    struct sw__shard *shard = sw__node_shard(node, group);
    const enum sw__flush *asked = sw_ring_pop(&shard->flushes);
    enum sw__flush reason;

    SW_ASSERT(asked != NULL);
    reason = *asked;

    if (node->crashed || node->failed) {
        return;
    }
    if (err == SW_ERR_OK && index > shard->durable_index) {
        shard->durable_index = index;
    }
    if (reason == SW__FLUSH_STOP) {
        if (err == SW_ERR_OK) { /* else `fatal` follows: this is no orderly end */
            sw__node_flush_done(node);
        }
    } else if (shard->group == NULL) {
        return;
    } else if (reason == SW__FLUSH_SNAPSHOT) {
        snapshot_flushed(shard, err, index, digest);
    } else {
        SW_ASSERT(reason == SW__FLUSH_INSTALL);
        sw__install_flushed(shard, err, index, digest);
    }
}

static void on_export_done(
    void *arg, struct sw_group_id group, uint64_t token, enum sw_err err, struct sw_span chunk)
{
    struct sw_node *node = arg;

    if (!node->crashed && !node->failed) {
        sw__install_exported(sw__node_shard(node, group), token, err, chunk);
    }
}

/* NOLINTNEXTLINE(readability-function-size): the type of the handler */
static void on_import_done(void *arg,
                           struct sw_group_id group,
                           enum sw_err err,
                           bool complete,
                           uint64_t index,
                           uint64_t digest,
                           struct sw_span cursor)
{
    struct sw_node *node = arg;

    (void)digest; /* the flush that follows tells it again */
    if (!node->crashed && !node->failed) {
        sw__install_imported(sw__node_shard(node, group), err, complete, index, cursor);
    }
}

static void on_fatal(void *arg, enum sw_err err, const char *why)
{
    struct sw_node *node = arg;

    if (!node->crashed) {
        sw__node_fail(node, err, why);
    }
}

struct sw_applier_handler sw__applier_handler(struct sw_node *node)
{
    return (struct sw_applier_handler){.arg = node,
                                       .entry_done = on_entry_done,
                                       .read_done = sw__read_done,
                                       .read_moved = sw__read_moved,
                                       .flush_done = on_flush_done,
                                       .export_done = on_export_done,
                                       .import_done = on_import_done,
                                       .fatal = on_fatal};
}

/* --- life ------------------------------------------------------------------------------------- */

static enum sw_err open_group(struct sw__shard *shard, uint64_t applied, char *ret_why)
{
    struct sw_node *node = shard->node;
    struct sw_group_member members[SW_NODE_COUNT_MAX];
    char texts[SW_NODE_COUNT_MAX][SW_ADDRESS_SIZE_MAX];
    struct sw_group_config config = {
        .id = shard->id,
        .self = node->config.self,
        .members = members,
        .member_count = node->known_count,
        .tuning = node->config.tuning,
        .applied = applied,
        .join = node->config.join,
        .env = node->config.env,
        .wal = node->config.wal,
        .link = node->config.link,
        .handler = {.arg = shard,
                    .committed = on_committed,
                    .may_commit = may_commit,
                    .role_changed = on_role_changed,
                    .snapshot_wanted = on_snapshot_wanted,
                    .install_wanted = sw__install_wanted,
                    .members_changed = sw__members_changed},
    };

    for (uint32_t i = 0; i < node->known_count; i++) {
        const bool fits = sw_peer_text_print(&node->known[i].text, texts[i]);

        SW_ASSERT(fits); /* copy_members */
        members[i] = (struct sw_group_member){.node = node->known[i].id, .address = texts[i]};
    }
    return sw_group_new(&config, &shard->group, ret_why);
}

enum sw_err sw__shard_new(struct sw_node *node,
                          struct sw_group_id id,
                          struct sw__shard **ret_shard,
                          char ret_why[SW_WHY_SIZE])
{
    struct sw__shard *shard = calloc(1, sizeof *shard);
    struct sw_applied applied = {0};
    enum sw_err err;

    SW_ASSERT(shard != NULL);
    shard->node = node;
    shard->id = id;
    sw_ring_init(&shard->flushes, FLUSH_COUNT_MAX);
    err = sw_applier_applied(node->applier, id, &applied);
    if (err != SW_ERR_OK) {
        (void)snprintf(
            ret_why, SW_WHY_SIZE, "the state does not load: %.100s", node->config.store->why);
        goto out;
    }
    shard->state = applied;
    shard->time_ms = applied.time_ms;
    sw_tick_init(&shard->tick, applied.clock_ms, sw_env_now_ns(node->config.env));
    shard->applied_index = applied.index;
    shard->applied_term = applied.term;
    shard->durable_index = applied.index;
    shard->revision = applied.revision;
    err = open_group(shard, applied.index, ret_why);
    if (err != SW_ERR_OK) {
        goto out;
    }
    *ret_shard = shard;
    shard = NULL;
out:
    sw__shard_free(shard);
    return err;
}

static void list_drop(struct sw__list *list)
{
    struct sw__request *request;

    while ((request = sw__list_take(list)) != NULL) {
        sw__request_free(request);
    }
}

void sw__shard_free(struct sw__shard *shard)
{
    struct sw__read_batch *batch;

    if (shard == NULL) {
        return;
    }
    sw__queue_drop(shard);
    list_drop(&shard->reads);
    list_drop(&shard->early_reads);
    list_drop(&shard->aged_reads);
    list_drop(&shard->snapshot_waiting);
    list_drop(&shard->asked);
    list_drop(&shard->audited);
    list_drop(&shard->watching);
    list_drop(&shard->change_waiting);
    while (shard->flights != NULL) {
        struct sw__flight *flight = flight_take(shard, &shard->flights);

        list_drop(&flight->requests);
        free(flight);
    }
    while ((batch = shard->batches) != NULL) {
        shard->batches = batch->next;
        list_drop(&batch->requests);
        free(batch);
    }
    sw_fair_release(&shard->fair);
    sw__install_release(shard);
    sw_ring_release(&shard->flushes);
    free(shard);
}

bool sw__shard_idle(const struct sw__shard *shard)
{
    return sw__queue_writes(shard) == 0 && !sw__reads_wait(shard) && shard->reads.first == NULL &&
           shard->early_reads.first == NULL && shard->aged_reads.first == NULL &&
           shard->audited.first == NULL && shard->flights == NULL && shard->batches == NULL;
}
