/* What comes in: answers, the transport's view of nodes, and the passing of time. */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/point.h"
#include "client/core_private.h"

/* How long a batch without credit waits for the grant, which also wakes the caller by itself. */
enum { BUSY_POLL_MS = 5 };

enum { RETRY_AFTER_MAX_MS = 60000 }; /* whatever a node says */

/* Answers BUSY to one write after which no answers are kept for questions any more. */
enum { BUSY_PATIENCE = 2 };

/* Could a lost try of this request have changed anything? */
static bool changes_state(const struct sw_core_request *request)
{
    return sw_op_is_write(request->request.op) || request->request.op == SW_OP_TRANSFER ||
           request->request.op == SW_OP_SNAPSHOT ||
           (request->request.op >= SW_OP_MEMBER_ADD && request->request.op <= SW_OP_MEMBER_REMOVE);
}

/* The last try has no usable answer: it may have run, and the request may be sent again. */
static void try_again(struct sw_core *core, struct sw_core_request *request)
{
    SW_ASSERT(request->state == SW_CORE_SENT);
    SW_ASSERT(sw_request_repeatable(&request->request));
    request->maybe = request->maybe || changes_state(request);
    sw__core_queue(core, request);
}

static void leader_lost(struct sw_core *core, struct sw_node_id node)
{
    /* The first search starts at once, the next ones with pauses, until a leader has answered. */
    if (sw_leader_suspect(&core->view, node) && core->seek_attempt == 0) {
        core->seek_due_ms = 0;
    }
}

void sw__core_node_failed(struct sw_core *core, struct sw_node_id id, uint64_t sent_ms)
{
    const struct sw_retry_policy *policy = &core->config.policy;
    struct sw_core_node *node = sw__core_node(core, id);
    const uint64_t now_ms = sw__core_now(core);

    SW_ASSERT(node != NULL);
    leader_lost(core, id);
    /* A thousand requests lost in one silence are one failure, not a thousand. */
    if (sent_ms < node->failed_ms) {
        return;
    }
    node->failed_ms = now_ms + 1;
    if (sw_breaker_failure(
            &node->breaker, now_ms, policy->breaker_failures, policy->breaker_open_ms)) {
        core->stats.breaker_opened++;
    }
}

/* --- answers ---------------------------------------------------------------------------------- */

/* What was sent to the old leader and may be repeated need not wait for its silence to end. */
static void leader_changed(struct sw_core *core)
{
    sw_pace_forget(&core->pace);
    for (uint32_t i = 0; i < SW_CORE_SLOT_COUNT; i++) {
        struct sw_core_request *request = core->slots[i];

        if (request != NULL && request->state == SW_CORE_SENT && request->target.value == 0 &&
            !sw_node_id_equal(request->node, core->view.leader) &&
            sw_request_repeatable(&request->request)) {
            try_again(core, request);
        }
    }
}

static void learn(struct sw_core *core, const struct sw_reply *reply)
{
    if (!sw_node_id_equal(reply->node, reply->leader) &&
        (reply->err == SW_ERR_NOT_LEADER || reply->err == SW_ERR_NO_LEADER ||
         reply->err == SW_ERR_LEADERSHIP_LOST)) {
        leader_lost(core, reply->node);
    }
    if (reply->err == SW_ERR_SHUTTING_DOWN) {
        leader_lost(core, reply->node);
        return;
    }
    if (reply->leader.value != 0 && sw__core_node(core, reply->leader) == NULL) {
        sw__members_hurry(core);
    } else if (sw_leader_learn(&core->view, reply)) {
        leader_changed(core);
    }
}

static void reopen_session(struct sw_core *core, struct sw_core_request *request)
{
    SW_MARK("client.session_reopened");
    if (request->request.session.value == core->session.value) {
        sw__core_forget_session(core);
    }
    request->request.session.value = 0;
    request->request.seq = 0;
    request->request.acked = 0;
    request->sent = 0;
    sw__core_queue(core, request);
}

/* Not before the node wants it back, and then not with all the others: a half more at random. */
static uint32_t pause_of(const struct sw_core *core, uint32_t put_off, uint32_t retry_after_ms)
{
    const struct sw_core_port *port = &core->config.port;
    const struct sw_retry_policy *policy = &core->config.policy;
    const uint64_t random = port->random(port->impl);

    if (retry_after_ms == 0) {
        return sw_retry_pause_ms(policy->base_ms, policy->cap_ms, put_off, random);
    }
    if (retry_after_ms > RETRY_AFTER_MAX_MS) {
        retry_after_ms = RETRY_AFTER_MAX_MS;
    }
    return retry_after_ms + (uint32_t)(random % (retry_after_ms / 2 + 1));
}

static void
put_off(struct sw_core *core, struct sw_core_request *request, const struct sw_reply *reply)
{
    request->last_err = reply->err;
    SW_MARK("client.put_off");
    if (reply->err == SW_ERR_BUSY && request->put_off >= BUSY_PATIENCE &&
        request->request.seq != 0) {
        sw_window_forget_lost(&core->window); /* perhaps they are what fills the session */
    }
    sw__core_pause(core, request, pause_of(core, request->put_off, reply->retry_after_ms));
    request->put_off++;
}

static void
finish(struct sw_core *core, struct sw_core_request *request, const struct sw_reply *reply)
{
    if (reply->err == SW_ERR_SESSION_EXPIRED &&
        request->request.session.value == core->session.value) {
        sw__core_forget_session(core);
    }
    if (request->target.value == 0) {
        core->seek_attempt = 0; /* a leader answered */
    }
    if (request->request.tenant.size > 0 && reply->revision > core->seen_revision) {
        core->seen_revision = reply->revision;
    }
    sw__core_finish(core, request, reply);
}

/* What the answer says of the leader's places. */
static void pace(struct sw_core *core, struct sw_core_request *request, enum sw_err err)
{
    const uint64_t now_ms = sw__core_now(core);

    if (!request->paced) {
        return;
    }
    sw__core_unpace(core, request);
    if (err == SW_ERR_OVERLOADED) {
        SW_MARK("client.paced");
        sw_pace_refused(&core->pace, now_ms);
    } else {
        sw_pace_answered(&core->pace, now_ms - request->sent_ms);
    }
}

static void
answer(struct sw_core *core, struct sw_core_request *request, const struct sw_reply *reply)
{
    const bool current =
        request->state == SW_CORE_SENT && sw_node_id_equal(reply->node, request->node);

    if (reply->err != SW_ERR_OK && !current) {
        SW_MARK("client.late_refusal");
        return; /* a refusal of an earlier try says nothing about the present one */
    }
    pace(core, request, reply->err);
    if (reply->err == SW_ERR_OK) {
        finish(core, request, reply);
        return;
    }
    request->strays = false; /* the leader's state has no age */
    switch (sw_retry_decide(
        &core->config.policy, &request->request, reply->err, request->sent, request->put_off)) {
    case SW_RETRY_STEP_FINISH:
        finish(core, request, reply);
        break;
    case SW_RETRY_STEP_PAUSE:
        put_off(core, request, reply);
        break;
    case SW_RETRY_STEP_SEEK:
        if (sw_err_outcome(reply->err) == SW_OUTCOME_UNKNOWN) {
            try_again(core, request);
        } else {
            request->last_err = reply->err;
            sw__core_queue(core, request);
        }
        break;
    case SW_RETRY_STEP_REOPEN:
        reopen_session(core, request);
        break;
    }
}

static void take_reply(struct sw_core *core, struct sw_core_node *node, struct sw_reply *reply)
{
    struct sw_core_request *request;

    if (SW_BUGGIFY("client.reply_lost", 10)) {
        return;
    }
    reply->node = node->id; /* the transport proved it; the bytes only claim it */
    sw_breaker_success(&node->breaker);
    learn(core, reply);
    if ((reply->id & SW_CORE_PROBE_BIT) != 0) {
        node->probing = false;
        return;
    }
    request = core->slots[reply->id % SW_CORE_SLOT_COUNT];
    if (request != NULL && request->request.id == reply->id) {
        answer(core, request, reply);
    } else {
        SW_MARK("client.reply_for_nobody");
    }
}

/* The handshake bound the session to the swarm already; here it is a promise about the data. */
static bool is_ours(struct sw_core *core, const struct sw_reply *reply)
{
    static const struct sw_swarm_id any;
    struct sw_swarm_id *ours = &core->config.swarm;

    if (memcmp(ours, &any, sizeof any) == 0) {
        *ours = reply->swarm;
    }
    return memcmp(ours, &reply->swarm, sizeof *ours) == 0;
}

void sw_core_receive(struct sw_core *core, struct sw_node_id id, struct sw_span message)
{
    struct sw_core_node *node = sw__core_node(core, id);
    struct sw_reader in = sw_reader_of(message);
    struct sw_reply reply;

    core->stats.messages_received++;
    while (node != NULL && sw_reader_left(&in) > 0) {
        if (sw_reply_decode(&in, &reply) != SW_ERR_OK) {
            core->stats.malformed++;
            return;
        }
        if (!is_ours(core, &reply)) {
            sw_core_node_state(core, id, false, SW_ERR_WRONG_SWARM);
            return;
        }
        take_reply(core, node, &reply);
    }
}

/* --- nodes ------------------------------------------------------------------------------------ */

static void node_up(struct sw_core *core, struct sw_core_node *node)
{
    node->up = true;
    node->reported_down = false;
    node->why = SW_ERR_OK;
    core->ever_up = true;
    sw_breaker_hint_up(&node->breaker);
    if (sw__core_leaderless(core)) {
        core->seek_due_ms = 0;
    }
}

static void node_down(struct sw_core *core, struct sw_core_node *node, enum sw_err why)
{
    if (node->up) {
        sw__members_hurry(core);
    }
    node->up = false;
    node->reported_down = true;
    node->why = why;
    node->probing = false;
    sw__core_node_failed(core, node->id, sw__core_now(core));
    for (uint32_t i = 0; i < SW_CORE_SLOT_COUNT; i++) {
        struct sw_core_request *request = core->slots[i];

        if (request == NULL || request->state != SW_CORE_SENT ||
            !sw_node_id_equal(request->node, node->id)) {
            continue;
        }
        if (sw_request_repeatable(&request->request)) {
            try_again(core, request);
        } else {
            SW_MARK("client.sessionless_write_unknown");
            request->maybe = true;
            sw__core_fail(core,
                          request,
                          SW_ERR_UNKNOWN_OUTCOME,
                          "the connection was lost before the answer came");
        }
    }
}

void sw_core_node_state(struct sw_core *core, struct sw_node_id id, bool up, enum sw_err why)
{
    struct sw_core_node *node = sw__core_node(core, id);

    if (node == NULL) {
        return;
    }
    if (up) {
        node_up(core, node);
    } else {
        node_down(core, node, why == SW_ERR_OK ? SW_ERR_UNREACHABLE : why);
    }
}

/* --- time ------------------------------------------------------------------------------------- */

static void past_deadline(struct sw_core *core, struct sw_core_request *request)
{
    char why[SW_CORE_WHY_SIZE] = "";
    enum sw_err err = request->last_err;

    if (request->state == SW_CORE_SENT || request->maybe) {
        request->maybe = request->maybe || changes_state(request);
        snprintf(why,
                 sizeof why,
                 "node %llu was asked last, %u tries in all",
                 (unsigned long long)request->node.value,
                 (unsigned)request->sent);
        sw__core_fail(core, request, SW_ERR_DEADLINE, why);
        return;
    }
    if (err == SW_ERR_OK || err == SW_ERR_NOT_LEADER) {
        err = sw__core_blocked(core, why);
    }
    sw__core_fail(core, request, err, why);
}

static void on_timer(struct sw_core *core, struct sw_core_request *request)
{
    char why[SW_CORE_WHY_SIZE] = "";

    if (request->forced) {
        if (request->last_err != SW_ERR_OK && request->last_err != SW_ERR_CANCELLED) {
            /* Only for its text, and only if that tells of nodes: a refusal speaks for itself. */
            if (sw__core_blocked(core, why) == SW_ERR_NOT_SENT) {
                why[0] = '\0';
            }
        }
        sw__core_fail(core, request, request->last_err, why);
        return;
    }
    if (sw__core_now(core) >= request->deadline_ms) {
        past_deadline(core, request);
        return;
    }
    SW_ASSERT(request->state != SW_CORE_QUEUED);
    if (request->state == SW_CORE_PAUSED) {
        sw__core_queue(core, request);
        return;
    }
    SW_MARK("client.try_timed_out");
    request->strays = false;
    core->stats.timeouts++;
    sw__core_node_failed(core, request->node, request->sent_ms);
    try_again(core, request);
}

static void expire_probes(struct sw_core *core, uint64_t now_ms)
{
    for (uint32_t i = 0; i < core->config.node_count; i++) {
        struct sw_core_node *node = &core->nodes[i];

        if (node->probing &&
            now_ms - node->probe_sent_ms >= core->config.policy.attempt_timeout_ms) {
            node->probing = false;
            sw__core_node_failed(core, node->id, node->probe_sent_ms);
        }
    }
}

static bool all_reported_down(const struct sw_core *core)
{
    for (uint32_t i = 0; i < core->config.node_count; i++) {
        if (!core->nodes[i].reported_down) {
            return false;
        }
    }
    return true;
}

static bool dial_timed_out(const struct sw_core *core, uint64_t now_ms)
{
    return !core->ever_up && core->config.dial_timeout_ms > 0 &&
           now_ms - core->started_ms >= core->config.dial_timeout_ms;
}

/* For command lines: there is nobody to wait for. */
static void fail_unreachable(struct sw_core *core, uint64_t now_ms)
{
    const bool timed_out = dial_timed_out(core, now_ms);
    const bool hopeless = timed_out || all_reported_down(core);
    struct sw_core_request *request = core->queue.head;
    char why[SW_CORE_WHY_SIZE];

    while (request != NULL) {
        struct sw_core_request *next = request->next;
        const struct sw_core_node *target = sw__core_node(core, request->target);
        const bool lost = target != NULL && (target->reported_down || timed_out);

        if (!request->forced && (lost || (target == NULL && hopeless))) {
            enum sw_err err = sw__core_blocked(core, why);

            if (lost) {
                err = target->why == SW_ERR_OK ? SW_ERR_UNREACHABLE : target->why;
            }
            /* Ends on its own timer, so that no callback runs while the list is walked. */
            request->forced = true;
            request->last_err = err;
            sw_timers_set(&core->timers, &request->timer, 0);
        }
        request = next;
    }
}

static void expire_requests(struct sw_core *core, uint64_t now_ms)
{
    struct sw_timer *timer;

    while ((timer = sw_timers_expire(&core->timers, now_ms)) != NULL) {
        on_timer(core, (struct sw_core_request *)(void *)timer);
    }
}

void sw_core_tick(struct sw_core *core)
{
    const uint64_t now_ms = sw__core_now(core);

    expire_requests(core, now_ms);
    expire_probes(core, now_ms);
    sw__members_tick(core);
    if (core->config.fail_when_down) {
        fail_unreachable(core, now_ms);
        expire_requests(core, now_ms);
    }
}

static uint64_t lower(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t sw_core_next_ms(const struct sw_core *core)
{
    uint64_t next = sw__members_next_ms(core);

    (void)sw_timers_next(&core->timers, &next);
    if (core->queue.head != NULL && core->port_busy) {
        next = lower(next, sw__core_now(core) + BUSY_POLL_MS);
    }
    if (core->queue.head != NULL && sw__core_leaderless(core)) {
        next = lower(next, core->seek_due_ms);
    }
    for (uint32_t i = 0; i < core->config.node_count; i++) {
        const struct sw_core_node *node = &core->nodes[i];

        if (node->probing) {
            next = lower(next, node->probe_sent_ms + core->config.policy.attempt_timeout_ms);
        }
    }
    if (core->config.fail_when_down && !core->ever_up && core->config.dial_timeout_ms > 0 &&
        core->queue.head != NULL) {
        next = lower(next, core->started_ms + core->config.dial_timeout_ms);
    }
    return next;
}
