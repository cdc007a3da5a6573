/* What a node says about itself: STATUS, readiness, figures.
 *
 * The state is known to the applier's thread only, so a STATUS waits for a probe: a small job that
 * runs there between two others and brings index and digest back as one consistent pair. A node
 * whose applier can not answer any more, or that flushes for its end, says what it knew last. */
#include <stdio.h>

#include "base/assert.h"
#include "base/log.h"
#include "node/node_private.h"

enum { PROBE_INTERVAL_MS = 1000, READY_LAG_MAX = 1024 };

/* --- probe ------------------------------------------------------------------------------------ */

/* On the applier's thread. */
static void probe_run(struct sw_job *job)
{
    struct sw__probe *probe = (struct sw__probe *)job;
    struct sw_store *store = probe->node->config.store;

    /* One group today; with more, a probe names the groups that somebody asked about. */
    probe->err = sw_applier_look(probe->node->applier, probe->node->shards[0]->id, &probe->applied);
    store->ops->stats(store, &probe->store);
}

static void answer_status(struct sw_node *node, struct sw__list *list)
{
    struct sw_buf json = {0};
    struct sw__request *request;

    if (list->first == NULL) {
        return;
    }
    sw_node_status_json(node, &json);
    while ((request = sw__list_take(list)) != NULL) {
        struct sw_reply reply = {.revision = node->shards[0]->revision,
                                 .value = node->shards[0]->state.index,
                                 .detail = sw_buf_span(&json)};

        sw__request_answer(node, request, &reply);
        sw__request_free(request);
    }
    sw_buf_release(&json);
}

/* Clients lost their sessions to others: their writes under way have unknown outcomes now. */
static void tell_evictions(struct sw_node *node)
{
    struct sw_applier_stats stats;

    sw_applier_stats(node->applier, &stats);
    if (stats.sessions_evicted > node->evictions_told) {
        sw__node_log(node,
                     SW_LOG_WARN,
                     "session-evicted",
                     "%llu sessions had to make room for others, the limit is %d at once; clients "
                     "that come and go should close theirs",
                     (unsigned long long)(stats.sessions_evicted - node->evictions_told),
                     SW_SESSION_COUNT_MAX);
    }
    node->evictions_told = stats.sessions_evicted;
}

static void probe_done(struct sw_job *job)
{
    struct sw__probe *probe = (struct sw__probe *)job;
    struct sw_node *node = probe->node;

    probe->running = false;
    if (node->crashed) {
        return;
    }
    if (probe->err == SW_ERR_OK) {
        node->shards[0]->state = probe->applied;
        if (probe->applied.revision > node->shards[0]->revision) {
            node->shards[0]->revision = probe->applied.revision;
        }
    }
    sw_admission_store(&node->admission, &probe->store);
    tell_evictions(node);
    answer_status(node, &node->status_probing);
}

void sw__probe_init(struct sw_node *node)
{
    struct sw_applier_stats stats;

    sw_applier_stats(node->applier, &stats);
    node->evictions_told = stats.sessions_evicted; /* those before the start were told then */
    node->probe = (struct sw__probe){
        .job = {.run = probe_run, .done = probe_done},
        .node = node,
        .last_ms = sw__node_now_ms(node),
    };
}

void sw__probe_start(struct sw_node *node)
{
    if (node->probe.running) {
        return;
    }
    node->probe.running = true;
    node->probe.last_ms = sw__node_now_ms(node);
    sw__list_move(&node->status_probing, &node->status_waiting);
    sw_worker_submit(node->config.applier_worker, &node->probe.job);
}

void sw__status_wanted(struct sw_node *node, struct sw__request *request)
{
    request->place = SW__PLACE_WAITING;
    sw__list_add(&node->status_waiting, request);
}

void sw__status_turn_end(struct sw_node *node)
{
    const bool due = sw__node_now_ms(node) - node->probe.last_ms >= PROBE_INTERVAL_MS;

    if (node->phase >= SW__PHASE_FLUSHING) {
        /* A stop waits for the probe under way: another one for each STATUS would keep it open. */
        answer_status(node, &node->status_waiting);
    } else if (node->status_waiting.first != NULL || due) {
        sw__probe_start(node);
    }
}

/* --- status ----------------------------------------------------------------------------------- */

void sw_node_status(const struct sw_node *node, struct sw_node_status *ret_status)
{
    const struct sw__shard *shard = node->shards[0];

    *ret_status = (struct sw_node_status){
        .applied_index = shard->applied_index,
        .applied_term = shard->applied_term,
        .revision = shard->revision,
        .durable_index = shard->durable_index,
        .state_index = shard->state.index,
        .digest = shard->state.digest,
        .uptime_ms = sw__node_now_ms(node) - node->started_ms,
        .in_flight = node->admission.in_flight,
        .queued_bytes = (uint32_t)node->admission.queued_size,
        .applier_pending = node->crashed ? 0 : sw_applier_pending(node->applier),
        .stopping = node->phase != SW__PHASE_RUNNING,
        .stopped = node->phase == SW__PHASE_STOPPED,
        .failed = node->failed,
        .installing = shard->install.active,
        .disk_full = sw_admission_disk_full(&node->admission),
    };
    if (shard->group != NULL) {
        sw_group_status(shard->group, &ret_status->group);
        ret_status->apply_backlog = sw__shard_backlog(shard);
    } else {
        ret_status->group.role = SW_ROLE_STOPPED;
    }
}

/* The checks of readiness, each with its name; `why` is empty while one holds. */
enum { CHECK_COUNT = 4 };

struct check {
    const char *name;
    char why[SW_WHY_SIZE];
};

static void run_checks(const struct sw_node *node, struct check checks[CHECK_COUNT])
{
    const struct sw__shard *shard = node->shards[0];

    checks[0] = (struct check){.name = "running"};
    if (node->failed || node->phase != SW__PHASE_RUNNING) {
        (void)snprintf(checks[0].why, SW_WHY_SIZE, "the node is stopping");
    }
    checks[1] = (struct check){.name = "leader"};
    if (shard->leader.value == 0) {
        (void)snprintf(checks[1].why, SW_WHY_SIZE, "no leader is known");
    }
    checks[2] = (struct check){.name = "state"};
    if (shard->install.active) {
        (void)snprintf(checks[2].why, SW_WHY_SIZE, "the state is being fetched from a peer");
    }
    checks[3] = (struct check){.name = "applied"};
    if (sw__shard_backlog(shard) > READY_LAG_MAX) {
        (void)snprintf(checks[3].why,
                       SW_WHY_SIZE,
                       "%llu committed entries are not executed yet",
                       (unsigned long long)sw__shard_backlog(shard));
    }
}

bool sw_node_ready(const struct sw_node *node, char ret_why[SW_WHY_SIZE])
{
    struct check checks[CHECK_COUNT];

    run_checks(node, checks);
    for (uint32_t i = 0; i < CHECK_COUNT; i++) {
        if (checks[i].why[0] != '\0') {
            (void)snprintf(ret_why, SW_WHY_SIZE, "%s", checks[i].why);
            return false;
        }
    }
    return true;
}

bool sw_node_checks(const struct sw_node *node, struct sw_buf *out)
{
    struct check checks[CHECK_COUNT];
    bool ready = true;

    run_checks(node, checks);
    for (uint32_t i = 0; i < CHECK_COUNT; i++) {
        const bool ok = checks[i].why[0] == '\0';

        sw_buf_printf(
            out, "[%c]%s %s\n", ok ? '+' : '-', checks[i].name, ok ? "ok" : checks[i].why);
        ready = ready && ok;
    }
    return ready;
}

static const char *role_name(enum sw_role role)
{
    static const char *const names[] = {"follower", "candidate", "leader", "stopped"};

    return names[role];
}

/* 64-bit numbers are strings: half of all JSON readers round them otherwise. */
static void json_number(struct sw_buf *out, const char *name, uint64_t value)
{
    sw_buf_printf(out, ",\"%s\":\"%llu\"", name, (unsigned long long)value);
}

void sw_node_status_json(const struct sw_node *node, struct sw_buf *out)
{
    struct sw_node_status status;
    char why[SW_WHY_SIZE] = "";

    sw_node_status(node, &status);
    sw_buf_printf(out,
                  "{\"node\":\"%llu\",\"role\":\"%s\"",
                  (unsigned long long)node->config.self.value,
                  role_name(status.group.role));
    json_number(out, "leader", status.group.leader.value);
    json_number(out, "term", status.group.term);
    json_number(out, "revision", status.revision);
    json_number(out, "applied_index", status.applied_index);
    json_number(out, "commit_index", status.group.commit_index);
    json_number(out, "durable_index", status.durable_index);
    json_number(out, "snapshot_index", status.group.snapshot_index);
    json_number(out, "digest_index", status.state_index);
    sw_buf_printf(out, ",\"digest\":\"%016llx\"", (unsigned long long)status.digest);
    sw_buf_printf(out, ",\"ready\":%s", sw_node_ready(node, why) ? "true" : "false");
    sw_buf_printf(out, ",\"disk_full\":%s", status.disk_full ? "true" : "false");
    json_number(out, "db_bytes", node->admission.store.used_size);
    json_number(out, "uptime_ms", status.uptime_ms);
    sw_write_bytes(out, sw_span_str(",\"version\":"));
    sw_json_string(out, sw_span_str(node->config.version));
    sw_write_bytes(out, sw_span_str(","));
    sw__members_json(node, out);
    sw_write_bytes(out, sw_span_str("}"));
}

/* --- figures ---------------------------------------------------------------------------------- */

static uint64_t queue_age(const struct sw_node *node, enum sw_fair_class of)
{
    return sw_fair_age_ns(&node->shards[0]->fair, of, sw_env_now_ns(node->config.env));
}

static void refresh_raft(struct sw_node *node, uint64_t *values)
{
    struct sw_node_status status;

    sw_node_status(node, &status);
    values[SW_METRIC_HAS_LEADER] = status.group.leader.value != 0;
    values[SW_METRIC_IS_LEADER] = status.group.role == SW_ROLE_LEADER;
    values[SW_METRIC_TERM] = status.group.term;
    values[SW_METRIC_LEADER_CHANGES] = status.group.leader_changes;
    values[SW_METRIC_COMMITTED] = status.group.commit_index;
    values[SW_METRIC_APPLIED] = status.applied_index;
    values[SW_METRIC_PENDING] = status.group.in_flight;
    values[SW_METRIC_FAILED] = status.group.proposals_failed;
    values[SW_METRIC_READS] = status.group.reads;
    values[SW_METRIC_READ_PROBES] = status.group.read_probes;
    values[SW_METRIC_APPENDS_SPLIT] = status.group.appends_split;
    values[SW_METRIC_GUARD_DROPS] = status.group.guard_drops;
    values[SW_METRIC_INSTALLS_SENT] = status.group.installs_sent;
    values[SW_METRIC_INSTALLS_RECEIVED] = status.group.installs_received;
    values[SW_METRIC_IN_FLIGHT] = status.in_flight;
    values[SW_METRIC_WRITE_AGE] = queue_age(node, SW_FAIR_WRITE);
    values[SW_METRIC_READ_AGE] = queue_age(node, SW_FAIR_READ);
    values[SW_METRIC_QUEUED_BYTES] = node->admission.queued_size;
    values[SW_METRIC_APPLIER_PENDING] = status.applier_pending;
    values[SW_METRIC_APPLY_BACKLOG] = status.apply_backlog;
    values[SW_METRIC_DISK_FULL] = status.disk_full;
    values[SW_METRIC_UPTIME] = status.uptime_ms * 1000000;
}

static void refresh_state(struct sw_node *node, uint64_t *values)
{
    struct sw_applier_stats stats;

    sw_applier_stats(node->applier, &stats);
    values[SW_METRIC_SESSIONS] = stats.sessions;
    values[SW_METRIC_SESSIONS_EXPIRED] = stats.sessions_expired;
    values[SW_METRIC_SESSIONS_EVICTED] = stats.sessions_evicted;
}

static void refresh_storage(struct sw_node *node, uint64_t *values)
{
    const struct sw_store_stats *store = &node->admission.store;
    struct sw_wal_stats wal = {0};

    node->config.wal->ops->stats(node->config.wal, &wal);
    values[SW_METRIC_WAL_SYNCS] = wal.syncs;
    values[SW_METRIC_WAL_SYNC_SECONDS] = wal.sync_ns_total;
    values[SW_METRIC_WAL_SYNC_MAX] = wal.sync_ns_max;
    values[SW_METRIC_WAL_APPENDS] = wal.appends;
    values[SW_METRIC_WAL_WRITTEN] = wal.bytes_written;
    values[SW_METRIC_WAL_PAYLOAD] = wal.bytes_payload;
    values[SW_METRIC_WAL_LIVE] = wal.live_bytes;
    values[SW_METRIC_WAL_SEGMENTS] = wal.segments;
    values[SW_METRIC_DB_SIZE] = store->used_size;
    values[SW_METRIC_DB_QUOTA] = store->map_size;
    values[SW_METRIC_DB_COMMITS] = store->commits;
    values[SW_METRIC_DB_COMMIT_SECONDS] = store->commit_ns_total;
    values[SW_METRIC_DB_COMMIT_MAX] = store->commit_ns_max;
}

static void refresh_link(struct sw_node *node, uint64_t *values)
{
    struct sw_link_stats link = {0};

    node->config.link->ops->stats(node->config.link, &link);
    values[SW_METRIC_CLIENTS] = link.clients;
    values[SW_METRIC_BYTES_SENT] = link.bytes_sent;
    values[SW_METRIC_BYTES_RECEIVED] = link.bytes_received;
    values[SW_METRIC_FRAMES_SENT] = link.frames_sent;
    values[SW_METRIC_FRAMES_RECEIVED] = link.frames_received;
    values[SW_METRIC_HANDSHAKES] = link.handshakes;
    values[SW_METRIC_HANDSHAKES_REFUSED] = link.handshakes_refused;
    values[SW_METRIC_DROP_UNSEALED] = link.dropped_unsealed;
    values[SW_METRIC_DROP_REPLAYED] = link.dropped_replayed;
    values[SW_METRIC_DROP_MALFORMED] = link.dropped_malformed;
    values[SW_METRIC_DROP_NO_CREDIT] = link.dropped_no_credit;
}

struct sw_metrics *sw_node_metrics(struct sw_node *node)
{
    if (!node->crashed) {
        refresh_raft(node, node->metrics.values);
        refresh_state(node, node->metrics.values);
        refresh_storage(node, node->metrics.values);
        refresh_link(node, node->metrics.values);
    }
    return &node->metrics;
}
