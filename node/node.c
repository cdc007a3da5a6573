/* The node's life: built from its ports, driven by ticks and turns, stopped in order. */
#include "node/node.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "node/node_private.h"

enum { APPLIER_TICK_MS = 100 };

struct sw_group_tuning sw_node_tuning_default(void)
{
    return (struct sw_group_tuning){
        .election_timeout_ms = 300,
        .heartbeat_ms = 50,
        .snapshot_bytes = 64 << 20,
        .snapshot_trailing = 4096,
        .install_timeout_ms = 10000,
    };
}

static void default_u32(uint32_t *value, uint32_t fallback)
{
    if (*value == 0) {
        *value = fallback;
    }
}

static struct sw_group_tuning tuning_of(struct sw_group_tuning tuning)
{
    const struct sw_group_tuning fallback = sw_node_tuning_default();

    default_u32(&tuning.election_timeout_ms, fallback.election_timeout_ms);
    default_u32(&tuning.heartbeat_ms, fallback.heartbeat_ms);
    default_u32(&tuning.snapshot_trailing, fallback.snapshot_trailing);
    default_u32(&tuning.install_timeout_ms, fallback.install_timeout_ms);
    if (tuning.snapshot_bytes == 0) {
        tuning.snapshot_bytes = fallback.snapshot_bytes;
    }
    return tuning;
}

uint64_t sw__node_now_ms(const struct sw_node *node)
{
    return sw_env_now_ms(node->config.env);
}

struct sw__shard *sw__node_shard(const struct sw_node *node, struct sw_group_id id)
{
    for (uint32_t i = 0; i < node->shard_count; i++) {
        if (node->shards[i]->id.value == id.value) {
            return node->shards[i];
        }
    }
    return NULL;
}

void sw__node_log(
    struct sw_node *node, enum sw_log_level level, const char *event, const char *format, ...)
{
    char text[2 * SW_WHY_SIZE];
    va_list args;

    if (node->config.handler.log == NULL || node->crashed) {
        return;
    }
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    node->config.handler.log(node->config.handler.arg, level, event, text);
}

void sw__node_fail(struct sw_node *node, enum sw_err err, const char *why)
{
    if (node->failed) {
        return;
    }
    node->failed = true;
    sw__node_log(node, SW_LOG_ERROR, "fatal", "%s: %s", sw_err_name(err), why);
    node->config.handler.fatal(node->config.handler.arg, err, why);
}

/* --- building --------------------------------------------------------------------------------- */

/* False if its text does not fit into a configuration. */
static bool copy_member(const struct sw_node_member *from, struct sw__member *ret_member)
{
    struct sw__member member = {.id = from->id, .role = SW_MEMBER_VOTER};
    char text[SW_ADDRESS_SIZE_MAX];

    if (from->key != NULL) {
        memcpy(member.text.key, from->key, sizeof member.text.key);
        member.text.has_key = true;
    }
    (void)snprintf(member.text.peer, sizeof member.text.peer, "%s", from->peer_address);
    (void)snprintf(member.text.client,
                   sizeof member.text.client,
                   "%s",
                   from->client_address == NULL ? "" : from->client_address);
    *ret_member = member;
    return sw_peer_text_print(&member.text, text);
}

static enum sw_err
copy_members(struct sw_node *node, const struct sw_node_config *config, char *ret_why)
{
    bool found = false;

    if (config->member_count == 0 || config->member_count > SW_NODE_COUNT_MAX) {
        (void)snprintf(ret_why,
                       SW_WHY_SIZE,
                       "a swarm has 1 to %d members, %u are named",
                       SW_NODE_COUNT_MAX,
                       config->member_count);
        return SW_ERR_CONFIG;
    }
    for (uint32_t i = 0; i < config->member_count; i++) {
        const struct sw_node_member *member = &config->members[i];

        if (!copy_member(member, &node->known[i])) {
            (void)snprintf(ret_why,
                           SW_WHY_SIZE,
                           "addresses and key of member %llu are over %d bytes",
                           (unsigned long long)member->id.value,
                           SW_ADDRESS_SIZE_MAX - 1);
            return SW_ERR_CONFIG;
        }
        found = found || sw_node_id_equal(member->id, config->self);
    }
    node->known_count = config->member_count;
    /* Until the log says more. A floor of 0 is not right for them: nobody is newer. */
    memcpy(node->members, node->known, sizeof node->members);
    node->member_count = node->known_count;
    node->id_floor = UINT64_MAX;
    if (!found) {
        (void)snprintf(ret_why, SW_WHY_SIZE, "this node is not among the members");
        return SW_ERR_CONFIG;
    }
    return SW_ERR_OK;
}

static enum sw_err open_applier(struct sw_node *node, char *ret_why)
{
    const struct sw_applier_config config = {
        .store = node->config.store,
        .worker = node->config.applier_worker,
        .search_worker = node->config.search_worker,
        .env = node->config.env,
        .handler = sw__applier_handler(node),
        .commit_interval_ms = node->config.commit_interval_ms,
        .commit_bytes = node->config.commit_bytes,
        .change_count_max = node->config.change_count_max,
    };

    return sw_applier_new(&config, &node->applier, ret_why);
}

static enum sw_err open_shards(struct sw_node *node, char *ret_why)
{
    const struct sw_group_id id = {.value = 1};
    enum sw_err err;

    node->shards = calloc(1, sizeof(struct sw__shard *));
    SW_ASSERT(node->shards != NULL);
    err = sw__shard_new(node, id, &node->shards[0], ret_why);
    node->shard_count = err == SW_ERR_OK ? 1 : 0;
    return err;
}

enum sw_err sw_node_new(const struct sw_node_config *config,
                        struct sw_node **ret_node,
                        char ret_why[SW_WHY_SIZE])
{
    struct sw_node *node = calloc(1, sizeof *node);
    enum sw_err err;

    SW_ASSERT(node != NULL);
    SW_ASSERT(config->handler.fatal != NULL);
    SW_ASSERT(config->handler.stopped != NULL);
    node->config = *config;
    node->config.members = NULL; /* copied to node->members */
    node->config.tuning = tuning_of(config->tuning);
    node->started_ms = sw__node_now_ms(node);
    sw_admission_init(&node->admission, config->limits);
    err = copy_members(node, config, ret_why);
    if (err != SW_ERR_OK) {
        goto out;
    }
    err = open_applier(node, ret_why);
    if (err != SW_ERR_OK) {
        goto out;
    }
    err = open_shards(node, ret_why);
    if (err != SW_ERR_OK) {
        goto out;
    }
    sw__probe_init(node);
    sw__probe_start(node); /* admission wants to know how full the store is */
    *ret_node = node;
    node = NULL;
out:
    sw_node_free(node);
    return err;
}

void sw_node_free(struct sw_node *node)
{
    struct sw__request *request;

    if (node == NULL) {
        return;
    }
    while ((request = sw__list_take(&node->status_waiting)) != NULL) {
        sw__request_free(request);
    }
    while ((request = sw__list_take(&node->status_probing)) != NULL) {
        sw__request_free(request);
    }
    for (uint32_t i = 0; i < node->shard_count; i++) {
        sw__shard_free(node->shards[i]);
    }
    free(node->shards);
    sw_applier_free(node->applier);
    sw_quota_gates_release(&node->quotas);
    sw_clients_release(&node->clients);
    sw_timers_release(&node->deadlines);
    sw_buf_release(&node->scratch);
    free(node);
}

/* --- messages between nodes ------------------------------------------------------------------- */

static void on_peer_message(void *arg, struct sw_node_id from, struct sw_span message)
{
    struct sw_node *node = arg;
    const struct sw_group_id group = sw_group_of_message(message);
    struct sw__shard *shard;

    if (node->crashed || node->failed) {
        return;
    }
    if (message.size > 0 && message.data[0] == SW_NODE_MEMBERS) {
        sw__hearsay_message(node, message);
        return;
    }
    if (message.size > 0 && (message.data[0] == SW_NODE_NOTE || message.data[0] == SW_NODE_NOTED)) {
        sw__audit_message(node, from, message);
        return;
    }
    if (group.value == 0) {
        sw__install_message(node, from, message);
        return;
    }
    shard = sw__node_shard(node, group);
    if (shard != NULL && shard->group != NULL) {
        sw_group_receive(shard->group, from, message);
    }
}

static void on_peer_state(void *arg, struct sw_node_id peer, bool up)
{
    struct sw_node *node = arg;

    if (up && !node->crashed && !node->failed) {
        sw__hearsay_tell(node, peer);
    }
    sw__node_log(node,
                 up ? SW_LOG_INFO : SW_LOG_WARN,
                 up ? "peer-up" : "peer-down",
                 "session with node %llu is %s",
                 (unsigned long long)peer.value,
                 up ? "up" : "down");
}

struct sw_link_handler sw_node_link_handler(struct sw_node *node)
{
    return (struct sw_link_handler){.arg = node,
                                    .peer_message = on_peer_message,
                                    .peer_state = on_peer_state,
                                    .client_message = sw__client_message,
                                    .client_gone = sw__client_gone};
}

/* --- stopping --------------------------------------------------------------------------------- */

static void flush_all(struct sw_node *node)
{
    SW_ASSERT(node->flushes_left == 0);
    node->flushes_left = node->shard_count;
    for (uint32_t i = 0; i < node->shard_count; i++) {
        sw__shard_flush(node->shards[i], SW__FLUSH_STOP);
    }
}

static void on_group_stopped(void *arg)
{
    struct sw__shard *shard = arg;
    struct sw_node *node = shard->node;

    SW_ASSERT(node->groups_left > 0);
    shard->closing = NULL;
    node->groups_left--;
    if (node->groups_left == 0) {
        flush_all(node); /* what was committed since the first flush */
    }
}

static void begin_closing(struct sw_node *node)
{
    node->phase = SW__PHASE_CLOSING;
    sw_clients_flush(&node->clients, node->config.link);
    node->groups_left = node->shard_count;
    for (uint32_t i = 0; i < node->shard_count; i++) {
        struct sw__shard *shard = node->shards[i];
        struct sw_group *group = shard->group;

        shard->group = NULL;
        shard->closing = group;
        shard->role = SW_ROLE_STOPPED;
        sw_group_stop(group, on_group_stopped, shard);
    }
}

void sw__node_flush_done(struct sw_node *node)
{
    SW_ASSERT(node->flushes_left > 0);
    node->flushes_left--;
    if (node->phase == SW__PHASE_CLOSING && node->flushes_left == 0) {
        node->phase = SW__PHASE_STOPPED;
        node->config.handler.stopped(node->config.handler.arg);
    }
}

/* Whoever still waits when the time is up learns what is known about its request. */
static void refuse_rest(struct sw_node *node, struct sw__shard *shard)
{
    static const char why[] = "the node stops";

    sw__queue_refuse_writes(shard, SW_ERR_SHUTTING_DOWN, why);
    sw__queue_refuse_reads(shard, SW_ERR_SHUTTING_DOWN, why);
    sw__list_refuse(node, &shard->asked, SW_ERR_SHUTTING_DOWN, why);
    sw__list_refuse(node, &shard->audited, SW_ERR_SHUTTING_DOWN, why);
    sw__list_refuse(node, &shard->reads, SW_ERR_SHUTTING_DOWN, why);
    sw__list_refuse(node, &shard->snapshot_waiting, SW_ERR_SHUTTING_DOWN, why);
    sw__list_refuse(node, &shard->watching, SW_ERR_SHUTTING_DOWN, why);
    sw__list_refuse(node, &shard->change_waiting, SW_ERR_UNKNOWN_OUTCOME, why);
    for (struct sw__flight *f = shard->flights; f != NULL; f = f->next) {
        for (struct sw__request *r = f->requests.first; r != NULL; r = r->next) {
            if (!r->answered) {
                sw__request_refuse(node, r, SW_ERR_UNKNOWN_OUTCOME, why);
            }
        }
    }
}

static bool other_voters(const struct sw_node *node)
{
    for (uint32_t i = 0; i < node->member_count; i++) {
        if (node->members[i].role == SW_MEMBER_VOTER &&
            !sw_node_id_equal(node->members[i].id, node->config.self)) {
            return true;
        }
    }
    return false;
}

static bool drained(const struct sw_node *node)
{
    for (uint32_t i = 0; i < node->shard_count; i++) {
        if (node->shards[i]->role == SW_ROLE_LEADER && other_voters(node)) {
            return false; /* the hand-over is under way */
        }
        if (!sw__shard_idle(node->shards[i])) {
            return false;
        }
    }
    return true;
}

static void begin_flushing(struct sw_node *node)
{
    node->phase = SW__PHASE_FLUSHING;
    for (uint32_t i = 0; i < node->shard_count; i++) {
        refuse_rest(node, node->shards[i]);
    }
    sw_applier_end_searches(node->applier);
    flush_all(node);
}

/* Moves a stop on as far as it can go. */
static void stop_step(struct sw_node *node)
{
    if (node->phase == SW__PHASE_DRAINING &&
        (drained(node) || sw__node_now_ms(node) >= node->drain_until_ms)) {
        begin_flushing(node);
    }
    if (node->phase == SW__PHASE_FLUSHING && node->flushes_left == 0 && !node->probe.running &&
        !sw_applier_searching(node->applier)) {
        begin_closing(node);
    }
}

/* Also for a node that is given the leadership while it drains, and after a transfer that failed:
 * called again until somebody else leads or the time is up. */
static void hand_over(struct sw_node *node)
{
    const struct sw_node_id anyone = {0};

    for (uint32_t i = 0; i < node->shard_count; i++) {
        struct sw__shard *shard = node->shards[i];
        enum sw_err err;

        if (shard->role != SW_ROLE_LEADER || !other_voters(node)) {
            continue;
        }
        err = sw_group_transfer(shard->group, anyone);
        if (err != SW_ERR_OK && err != SW_ERR_BUSY) { /* the others elect one after their timeout */
            sw__node_log(node,
                         SW_LOG_WARN,
                         "hand-over-failed",
                         "leadership cannot be handed over: %s",
                         sw_err_name(err));
        }
    }
}

void sw_node_stop(struct sw_node *node)
{
    if (node->phase != SW__PHASE_RUNNING || node->failed || node->crashed) {
        return;
    }
    node->phase = SW__PHASE_DRAINING;
    node->admission.stopping = true;
    node->drain_until_ms = sw__node_now_ms(node) + node->admission.limits.drain_ms_max;
    sw__node_log(node, SW_LOG_INFO, "stopping", "handing over, then flushing");
    hand_over(node);
}

void sw_node_crash(struct sw_node *node)
{
    node->crashed = true;
    sw_applier_end_searches(node->applier);
    for (uint32_t i = 0; i < node->shard_count; i++) {
        struct sw__shard *shard = node->shards[i];
        struct sw_group *group = shard->group != NULL ? shard->group : shard->closing;

        shard->group = NULL;
        shard->closing = NULL;
        if (group != NULL) {
            sw_group_crash(group);
        }
    }
}

/* --- time ------------------------------------------------------------------------------------- */

void sw_node_tick(struct sw_node *node)
{
    const uint64_t now_ms = sw__node_now_ms(node);

    if (node->crashed || node->failed || node->phase >= SW__PHASE_CLOSING) {
        return;
    }
    sw__deadlines_expire(node, now_ms);
    if (node->phase == SW__PHASE_DRAINING) {
        hand_over(node);
    }
    for (uint32_t i = 0; i < node->shard_count; i++) {
        sw_group_tick(node->shards[i]->group);
        sw__install_tick(node->shards[i], now_ms);
        sw__tune_tick(node->shards[i], now_ms);
    }
    if (now_ms - node->applier_tick_ms >= APPLIER_TICK_MS) {
        node->applier_tick_ms = now_ms;
        sw_applier_tick(node->applier);
    }
}

uint64_t sw_node_wait_ms(const struct sw_node *node)
{
    for (uint32_t i = 0; i < node->shard_count; i++) {
        const struct sw__shard *shard = node->shards[i];

        if (shard->group != NULL && sw__queue_writes(shard) > 0 &&
            sw_group_in_flight(shard->group) == 0) {
            return 1; /* writes are being gathered, or the group refuses them for now */
        }
    }
    return UINT64_MAX;
}

void sw_node_turn_end(struct sw_node *node)
{
    if (node->crashed || node->failed) {
        return;
    }
    if (node->phase < SW__PHASE_CLOSING) {
        for (uint32_t i = 0; i < node->shard_count; i++) {
            sw__shard_turn_end(node->shards[i]);
        }
        sw__status_turn_end(node);
        stop_step(node);
    }
    sw_clients_flush(&node->clients, node->config.link);
    node->config.link->ops->flush(node->config.link);
}
