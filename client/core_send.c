/* What goes out: requests of a turn packed into one message a node, and the search for a leader.
 *
 * The search asks nodes for their STATUS, which every node answers and which changes nothing; no
 * request of the user is spent as a scout. */
#include "base/assert.h"
#include "base/point.h"
#include "client/core_private.h"

static uint32_t time_left(uint64_t deadline_ms, uint64_t now_ms)
{
    const uint64_t left = deadline_ms > now_ms ? deadline_ms - now_ms : 1;

    return left < UINT32_MAX ? (uint32_t)left : UINT32_MAX;
}

/* --- batches ---------------------------------------------------------------------------------- */

static void mark_sent(struct sw_core *core, struct sw_core_request *request, uint64_t now_ms)
{
    uint64_t until = request->deadline_ms;

    request->state = SW_CORE_SENT;
    request->sent_ms = now_ms;
    core->stats.requests_sent++;
    if (request->sent > 0) {
        core->stats.retries++;
    }
    request->sent++;
    sw__order_sent(core, request);
    /* Sending it again would be a second execution, so it waits for its one answer; and the answer
     * to a watch takes as long as it takes. */
    if (sw_request_repeatable(&request->request) && request->request.op != SW_OP_WATCH &&
        now_ms + core->config.policy.attempt_timeout_ms < until) {
        until = now_ms + core->config.policy.attempt_timeout_ms;
    }
    if (!request->forced) {
        sw_timers_set(&core->timers, &request->timer, until);
    }
}

void sw__core_send_batch(struct sw_core *core)
{
    const struct sw_core_port *port = &core->config.port;
    const uint64_t now_ms = sw__core_now(core);
    struct sw_core_request *request;
    struct sw_node_id node;
    enum sw_err err;

    if (core->batch.head == NULL) {
        return;
    }
    node = core->batch.head->node;
    err = port->send(port->impl, node, sw_buf_span(&core->batch_bytes));
    sw_buf_clear(&core->batch_bytes);
    while ((request = core->batch.head) != NULL) {
        sw__core_list_remove(&core->batch, request);
        if (err == SW_ERR_OK) {
            mark_sent(core, request, now_ms);
        } else {
            sw__core_queue(core, request);
        }
    }
    core->port_busy = err == SW_ERR_BUSY;
    if (err == SW_ERR_OK) {
        core->stats.messages_sent++;
    } else if (err != SW_ERR_BUSY) {
        sw__core_node_failed(core, node, now_ms);
    }
}

static bool batch_full(const struct sw_core *core, const struct sw_core_request *request)
{
    return core->batch.head != NULL && (core->batch_bytes.size >= core->config.batch_size_max ||
                                        SW_BUGGIFY("client.batch_of_one", 200) ||
                                        core->batch_bytes.size + request->request.value.size +
                                                SW_COMMAND_SIZE_MAX - SW_VALUE_SIZE_MAX >
                                            SW_MESSAGE_SIZE_MAX);
}

static void
add_to_batch(struct sw_core *core, struct sw_core_request *request, struct sw_node_id node)
{
    struct sw_request *wire = &request->request;

    if (batch_full(core, request) ||
        (core->batch.head != NULL && !sw_node_id_equal(core->batch.head->node, node))) {
        sw__core_send_batch(core);
    }
    if (wire->seq != 0 && wire->session.value == core->session.value &&
        !sw__core_names_session(wire->op)) {
        wire->acked = core->window.acked;
    }
    if (wire->max_age_ms > 0 && wire->min_revision < core->seen_revision) {
        wire->min_revision = core->seen_revision; /* nobody who reads here sees time go back */
    }
    wire->timeout_ms = time_left(request->deadline_ms, sw__core_now(core));
    request->node = node;
    sw__core_list_remove(&core->queue, request);
    sw_request_encode(wire, &core->batch_bytes);
    sw__core_list_push(&core->batch, request);
}

/* Gives a write its session and seq, once. False: it must wait. */
static bool prepare_write(struct sw_core *core, struct sw_core_request *request)
{
    if (core->config.without_session || request->internal ||
        (request->request.seq != 0 && !SW_PLANTED(RETRY_NEW_NUMBER)) ||
        !sw_op_is_write(request->request.op) || request->request.op == SW_OP_TOKEN_REDEEM ||
        sw__core_names_session(request->request.op)) {
        return true;
    }
    sw__core_open_session(core);
    if (core->session_state != SW_CORE_SESSION_OPEN || !sw_window_open(&core->window)) {
        SW_MARK("client.write_waits_for_session");
        return false;
    }
    request->request.session = core->session;
    request->request.seq = sw_window_next(&core->window);
    return true;
}

/* The nodes take turns with reads that any of them may answer. */
static struct sw_node_id any_node(struct sw_core *core)
{
    const uint64_t now_ms = sw__core_now(core);

    for (uint32_t i = 0; i < core->config.node_count; i++) {
        const struct sw_core_node *node =
            &core->nodes[(core->stray_next + i) % core->config.node_count];

        if (node->up && sw_breaker_would_allow(&node->breaker, now_ms)) {
            core->stray_next = (core->stray_next + i + 1) % core->config.node_count;
            return node->id;
        }
    }
    return core->view.leader;
}

static struct sw_node_id target_of(struct sw_core *core, const struct sw_core_request *request)
{
    if (request->target.value != 0) {
        return request->target;
    }
    return request->strays ? any_node(core) : core->view.leader;
}

/* What takes a place at the leader that it may be short of: it always takes leases, and a watch
 * only waits there. */
static bool is_paced(const struct sw_core *core,
                     const struct sw_core_request *request,
                     struct sw_node_id target)
{
    const enum sw_op op = request->request.op;

    return request->order == 0 && !request->internal &&
           sw_node_id_equal(target, core->view.leader) && op != SW_OP_WATCH && op != SW_OP_STATUS &&
           op != SW_OP_OUTCOME && op != SW_OP_LEASE_GRANT && op != SW_OP_LEASE_KEEP_ALIVE &&
           op != SW_OP_LEASE_REVOKE;
}

/* The leader would only send it back. */
static void hold(struct sw_core *core, struct sw_core_request *request)
{
    SW_MARK("client.held");
    sw__core_list_remove(&core->queue, request);
    request->held = true;
    request->last_err = SW_ERR_OVERLOADED;
    sw__core_list_push(&core->held, request);
}

/* Up to `room` of what is held goes back into the queue, before what came later; also what would be
 * answered too late by now, which ends. */
static void release_held(struct sw_core *core, uint32_t room)
{
    const uint64_t now_ms = sw__core_now(core);
    struct sw_core_list ready = {0};

    while (room > 0 && core->held.head != NULL) {
        struct sw_core_request *request = core->held.head;

        sw__core_list_remove(&core->held, request);
        request->held = false;
        sw__core_list_push(&ready, request);
        if (!request->forced &&
            !sw_pace_in_time(&core->pace, time_left(request->deadline_ms, now_ms))) {
            SW_MARK("client.too_late_to_send");
            sw__core_force(core, request, SW_ERR_OVERLOADED);
        }
        room -= request->forced ? 0 : 1;
    }
    if (ready.head == NULL) {
        return;
    }
    ready.tail->next = core->queue.head;
    if (core->queue.head == NULL) {
        core->queue.tail = ready.tail;
    } else {
        core->queue.head->previous = ready.tail;
    }
    core->queue.head = ready.head;
}

void sw__core_release_held(struct sw_core *core)
{
    release_held(core, UINT32_MAX);
}

/* False: not now. */
static bool try_send(struct sw_core *core, struct sw_core_request *request)
{
    const struct sw_node_id target = target_of(core, request);
    struct sw_core_node *node = sw__core_node(core, target);
    const uint64_t now_ms = sw__core_now(core);
    bool paced;

    if (node == NULL || !node->up || request->forced ||
        !sw_breaker_would_allow(&node->breaker, now_ms)) {
        SW_MARK("client.target_away");
        return false;
    }
    paced = is_paced(core, request, target);
    if (paced && sw_pace_room(&core->pace, now_ms) == 0) {
        hold(core, request);
        return false;
    }
    if (!prepare_write(core, request) || !sw_breaker_allow(&node->breaker, now_ms)) {
        return false;
    }
    if (paced) {
        request->paced = true;
        sw_pace_sent(&core->pace);
    }
    add_to_batch(core, request, target);
    return true;
}

bool sw__core_join_batch(struct sw_core *core, struct sw_core_request *request)
{
    return !batch_full(core, request) && try_send(core, request);
}

static void send_queue(struct sw_core *core)
{
    const struct sw_core_request *last = core->queue.tail;
    struct sw_core_request *request = core->queue.head;

    /* Bounded by what was queued at the start: a failed batch comes back behind `last`. */
    while (request != NULL) {
        struct sw_core_request *next = request == last ? NULL : request->next;

        if (request->order == 0) {
            (void)try_send(core, request);
        }
        request = next;
    }
    sw__core_send_batch(core);
}

/* --- the search for a leader ------------------------------------------------------------------ */

static void probe(struct sw_core *core, uint32_t at, uint64_t now_ms)
{
    const struct sw_core_port *port = &core->config.port;
    struct sw_core_node *node = &core->nodes[at];
    const struct sw_request request = {.id = SW_CORE_PROBE_BIT |
                                             (uint64_t)core->config.tag << SW_CORE_TAG_SHIFT | at,
                                       .timeout_ms = core->config.policy.attempt_timeout_ms,
                                       .op = SW_OP_STATUS};
    enum sw_err err;

    SW_ASSERT(core->batch_bytes.size == 0);
    sw_request_encode(&request, &core->batch_bytes);
    err = port->send(port->impl, node->id, sw_buf_span(&core->batch_bytes));
    sw_buf_clear(&core->batch_bytes);
    if (err != SW_ERR_OK) {
        if (err != SW_ERR_BUSY) {
            sw__core_node_failed(core, node->id, now_ms);
        }
        return;
    }
    node->probing = true;
    node->probe_sent_ms = now_ms;
    core->stats.messages_sent++;
}

static void seek(struct sw_core *core)
{
    const struct sw_core_port *port = &core->config.port;
    const struct sw_retry_policy *policy = &core->config.policy;
    const uint64_t now_ms = sw__core_now(core);

    if (now_ms < core->seek_due_ms) {
        return;
    }
    for (uint32_t i = 0; i < core->config.node_count; i++) {
        struct sw_core_node *node = &core->nodes[i];

        if (node->up && !node->probing && sw_breaker_allow(&node->breaker, now_ms)) {
            probe(core, i, now_ms);
        }
    }
    core->stats.seeks++;
    core->seek_due_ms =
        now_ms + 1 +
        sw_retry_pause_ms(
            policy->base_ms, policy->seek_cap_ms, core->seek_attempt, port->random(port->impl));
    if (core->seek_attempt < UINT32_MAX) {
        core->seek_attempt++;
    }
}

void sw_core_flush(struct sw_core *core)
{
    const enum sw_core_session before = core->session_state;

    if (sw__core_leaderless(core)) {
        sw_pace_forget(&core->pace); /* it was that leader's */
    }
    release_held(core, sw_pace_room(&core->pace, sw__core_now(core)));
    if (core->queue.head == NULL) {
        return;
    }
    if (sw__core_leaderless(core)) {
        seek(core);
    }
    if (core->config.ordered) {
        sw__order_send(core);
    }
    send_queue(core);
    if (before != core->session_state) {
        send_queue(core); /* the request that opens the session was queued meanwhile */
    }
}
