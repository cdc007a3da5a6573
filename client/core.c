/* Life of the core and of a request: submit, cancel, finish; and the session that writes share. */
#include "client/core.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "client/core_private.h"

enum { SESSION_OPEN_TIMEOUT_MS = 30000 };

uint64_t sw__core_now(const struct sw_core *core)
{
    return core->config.port.now_ms(core->config.port.impl);
}

struct sw_core_node *sw__core_node(struct sw_core *core, struct sw_node_id id)
{
    for (uint32_t i = 0; i < core->config.node_count; i++) {
        if (sw_node_id_equal(core->nodes[i].id, id)) {
            return &core->nodes[i];
        }
    }
    return NULL;
}

bool sw__core_any_up(const struct sw_core *core)
{
    for (uint32_t i = 0; i < core->config.node_count; i++) {
        if (core->nodes[i].up) {
            return true;
        }
    }
    return false;
}

void sw__core_list_push(struct sw_core_list *list, struct sw_core_request *request)
{
    request->next = NULL;
    request->previous = list->tail;
    if (list->tail == NULL) {
        list->head = request;
    } else {
        list->tail->next = request;
    }
    list->tail = request;
}

void sw__core_list_remove(struct sw_core_list *list, struct sw_core_request *request)
{
    if (request->previous == NULL) {
        list->head = request->next;
    } else {
        request->previous->next = request->next;
    }
    if (request->next == NULL) {
        list->tail = request->previous;
    } else {
        request->next->previous = request->previous;
    }
    request->next = NULL;
    request->previous = NULL;
}

/* --- life ------------------------------------------------------------------------------------- */

static enum sw_err check_config(const struct sw_core_config *config, char *ret_why)
{
    if (config->node_count == 0 || config->node_count > SW_NODE_COUNT_MAX) {
        snprintf(ret_why,
                 SW_WHY_SIZE,
                 "%u nodes are given, allowed are 1 to %d",
                 (unsigned)config->node_count,
                 SW_NODE_COUNT_MAX);
        return SW_ERR_CONFIG;
    }
    for (uint32_t i = 0; i < config->node_count; i++) {
        for (uint32_t j = 0; j < i; j++) {
            if (sw_node_id_equal(config->nodes[i], config->nodes[j])) {
                snprintf(ret_why,
                         SW_WHY_SIZE,
                         "node %llu is given twice",
                         (unsigned long long)config->nodes[i].value);
                return SW_ERR_CONFIG;
            }
        }
    }
    return SW_ERR_OK;
}

static void fill_config(struct sw_core_config *config)
{
    config->policy = sw_retry_policy_fill(config->policy);
    if (config->in_flight_max == 0 || config->in_flight_max > SW_CORE_IN_FLIGHT_MAX) {
        config->in_flight_max = SW_CORE_IN_FLIGHT_MAX;
    }
    if (config->batch_size_max == 0 || config->batch_size_max > SW_ENTRY_BATCH_SIZE) {
        config->batch_size_max = SW_ENTRY_BATCH_SIZE;
    }
}

enum sw_err sw_core_new(const struct sw_core_config *config,
                        struct sw_core **ret_core,
                        char ret_why[SW_WHY_SIZE])
{
    struct sw_core *core;
    enum sw_err err;

    SW_ASSERT(config->port.send != NULL);
    err = check_config(config, ret_why);
    if (err != SW_ERR_OK) {
        return err;
    }
    core = calloc(1, sizeof *core);
    SW_ASSERT(core != NULL);
    core->config = *config;
    fill_config(&core->config);
    for (uint32_t i = 0; i < config->node_count; i++) {
        core->nodes[i] =
            (struct sw_core_node){.id = config->nodes[i], .up = !config->nodes_start_down};
    }
    for (uint32_t i = 0; i < SW_CORE_SLOT_COUNT; i++) {
        core->free_slots[i] = SW_CORE_SLOT_COUNT - 1 - i;
    }
    core->free_count = SW_CORE_SLOT_COUNT;
    core->serial = 1;
    core->ever_up = !config->nodes_start_down;
    core->started_ms = sw__core_now(core);
    sw__members_start(core);
    *ret_core = core;
    return SW_ERR_OK;
}

void sw_core_free(struct sw_core *core)
{
    if (core == NULL) {
        return;
    }
    for (uint32_t i = 0; i < SW_CORE_SLOT_COUNT; i++) {
        free(core->slots[i]);
    }
    sw_timers_release(&core->timers);
    sw_buf_release(&core->batch_bytes);
    free(core);
}

void sw_core_stats(const struct sw_core *core, struct sw_core_stats *ret_stats)
{
    *ret_stats = core->stats;
    ret_stats->in_flight = SW_CORE_SLOT_COUNT - core->free_count;
}

struct sw_node_id sw_core_leader(const struct sw_core *core)
{
    return core->view.leader;
}

/* --- requests --------------------------------------------------------------------------------- */

static struct sw_span copy_span(uint8_t **at, struct sw_span from)
{
    struct sw_span copy = sw_span_of(*at, from.size);

    if (from.size > 0) {
        memcpy(*at, from.data, from.size);
        *at += from.size;
    }
    return copy;
}

static struct sw_core_request *request_new(const struct sw_core_submission *submission)
{
    const struct sw_request *from = &submission->request;
    const size_t size = from->tenant.size + from->name_space.size + from->partition.size +
                        from->key.size + from->end_key.size + from->value.size;
    struct sw_core_request *request = malloc(sizeof *request + size);
    uint8_t *at;

    SW_ASSERT(request != NULL);
    *request =
        (struct sw_core_request){.request = *from,
                                 .deadline_ms = submission->deadline_ms,
                                 .target = submission->node,
                                 .strays = from->max_age_ms > 0 && submission->node.value == 0,
                                 .done = submission->done,
                                 .arg = submission->arg};
    at = request->bytes;
    request->request.tenant = copy_span(&at, from->tenant);
    request->request.name_space = copy_span(&at, from->name_space);
    request->request.partition = copy_span(&at, from->partition);
    request->request.key = copy_span(&at, from->key);
    request->request.end_key = copy_span(&at, from->end_key);
    request->request.value = copy_span(&at, from->value);
    return request;
}

void sw__core_unpace(struct sw_core *core, struct sw_core_request *request)
{
    if (request->paced) {
        request->paced = false;
        sw_pace_back(&core->pace);
    }
}

void sw__core_queue(struct sw_core *core, struct sw_core_request *request)
{
    sw__core_unpace(core, request);
    request->state = SW_CORE_QUEUED;
    if (request->order != 0) {
        sw__order_queue(core, request);
    } else {
        sw__core_list_push(&core->queue, request);
    }
    sw_timers_set(&core->timers, &request->timer, request->forced ? 0 : request->deadline_ms);
}

void sw__core_pause(struct sw_core *core, struct sw_core_request *request, uint32_t pause_ms)
{
    const uint64_t until = sw__core_now(core) + pause_ms;

    sw__core_unpace(core, request);
    request->state = SW_CORE_PAUSED;
    sw_timers_set(&core->timers,
                  &request->timer,
                  until < request->deadline_ms ? until : request->deadline_ms);
}

uint32_t sw_core_tag_of(uint64_t id)
{
    return (uint32_t)(id >> SW_CORE_TAG_SHIFT) & (SW_CORE_TAG_COUNT - 1);
}

/* Gives the request a slot and an id, and queues it. */
static void enter(struct sw_core *core, struct sw_core_request *request)
{
    uint32_t slot;

    SW_ASSERT(core->free_count > 0);
    core->free_count--;
    slot = core->free_slots[core->free_count];
    SW_ASSERT(core->slots[slot] == NULL);
    core->slots[slot] = request;
    request->request.id = (uint64_t)core->config.tag << SW_CORE_TAG_SHIFT |
                          (core->serial & SW_CORE_SERIAL_MASK) << SW_CORE_SLOT_BITS | slot;
    SW_ASSERT((request->request.id & SW_CORE_PROBE_BIT) == 0);
    core->serial++;
    sw__core_queue(core, request);
}

static enum sw_err
check_submission(struct sw_core *core, const struct sw_core_submission *submission, char *ret_why)
{
    const struct sw_request *request = &submission->request;
    const bool asks_node = request->op == SW_OP_STATUS || request->op == SW_OP_SNAPSHOT ||
                           request->op == SW_OP_RESTART ||
                           request->max_age_ms > 0; /* any may answer, so this one may */
    enum sw_err err;

    if (submission->node.value != 0 &&
        (!asks_node || sw__core_node(core, submission->node) == NULL)) {
        snprintf(ret_why,
                 SW_WHY_SIZE,
                 "node %llu is not one of the configured nodes, or this request goes to the leader",
                 (unsigned long long)submission->node.value);
        return SW_ERR_INVALID;
    }
    if (request->op == SW_OP_SESSION_OPEN ||
        (request->op == SW_OP_SESSION_CLOSE && core->session.value != 0 &&
         request->session.value == core->session.value)) {
        snprintf(ret_why, SW_WHY_SIZE, "a client opens and closes its session itself");
        return SW_ERR_INVALID;
    }
    err = sw_request_validate(request, ret_why);
    if (err != SW_ERR_OK) {
        return err;
    }
    if (submission->deadline_ms <= sw__core_now(core)) {
        snprintf(ret_why, SW_WHY_SIZE, "the deadline had passed before anything was sent");
        return SW_ERR_NOT_SENT;
    }
    if (SW_CORE_SLOT_COUNT - core->free_count >= core->config.in_flight_max) {
        snprintf(ret_why,
                 SW_WHY_SIZE,
                 "%u requests are under way, the limit is %u",
                 (unsigned)(SW_CORE_SLOT_COUNT - core->free_count),
                 (unsigned)core->config.in_flight_max);
        return SW_ERR_BUSY;
    }
    return SW_ERR_OK;
}

bool sw__core_names_session(enum sw_op op)
{
    return op == SW_OP_SESSION_CLOSE || op == SW_OP_OUTCOME || op == SW_OP_SESSION_LIST;
}

enum sw_err sw_core_submit(struct sw_core *core,
                           const struct sw_core_submission *submission,
                           uint64_t *ret_token,
                           char ret_why[SW_WHY_SIZE])
{
    struct sw_core_submission copy = *submission;
    struct sw_core_request *request;
    enum sw_err err;

    SW_ASSERT(submission->done != NULL);
    if (!sw__core_names_session(copy.request.op)) {
        copy.request.session.value = 0;
        copy.request.seq = 0;
    }
    copy.request.acked = 0;
    err = check_submission(core, &copy, ret_why);
    if (err != SW_ERR_OK) {
        return err;
    }
    request = request_new(&copy);
    sw__order_enter(core, request);
    enter(core, request);
    core->stats.submitted++;
    if (ret_token != NULL) {
        *ret_token = request->request.id;
    }
    return SW_ERR_OK;
}

void sw__core_force(struct sw_core *core, struct sw_core_request *request, enum sw_err err)
{
    request->forced = true;
    request->last_err = err;
    sw_timers_set(&core->timers, &request->timer, 0);
}

void sw_core_cancel(struct sw_core *core, uint64_t token)
{
    struct sw_core_request *request = core->slots[token % SW_CORE_SLOT_COUNT];

    if (request != NULL && request->request.id == token) {
        sw__core_force(core, request, SW_ERR_CANCELLED);
    }
}

void sw_core_cancel_all(struct sw_core *core)
{
    for (uint32_t i = 0; i < SW_CORE_SLOT_COUNT; i++) {
        if (core->slots[i] != NULL) {
            sw__core_force(core, core->slots[i], SW_ERR_CANCELLED);
        }
    }
}

/* --- the end of a request --------------------------------------------------------------------- */

/* Answered, or nobody waits for the answer: the node may forget it, unless it is the answer that
 * the caller did not get. Of an ordered client it forgets that too: what arrives late, behind a
 * later write that says so, does not run. */
static void close_seq(struct sw_core *core, const struct sw_request *request, enum sw_err verdict)
{
    if (request->seq == 0 || request->session.value != core->session.value ||
        sw__core_names_session(request->op)) {
        return;
    }
    if (sw_err_outcome(verdict) == SW_OUTCOME_UNKNOWN && !core->config.ordered) {
        sw_window_lost(&core->window, request->seq);
    } else {
        sw_window_answered(&core->window, request->seq);
    }
}

static void leave(struct sw_core *core, struct sw_core_request *request)
{
    const uint32_t slot = (uint32_t)(request->request.id % SW_CORE_SLOT_COUNT);

    SW_ASSERT(core->slots[slot] == request);
    core->slots[slot] = NULL;
    core->free_slots[core->free_count] = slot;
    core->free_count++;
    if (request->state == SW_CORE_QUEUED) {
        sw__core_list_remove(request->held ? &core->held : &core->queue, request);
    }
    sw__core_unpace(core, request);
    sw_timers_cancel(&core->timers, &request->timer);
}

void sw__core_finish(struct sw_core *core,
                     struct sw_core_request *request,
                     const struct sw_reply *reply)
{
    struct sw_reply told = *reply;

    told.err = sw_retry_verdict(&request->request, reply->err, request->maybe);
    told.session = request->request.session;
    told.seq = request->request.seq;
    close_seq(core, &request->request, told.err);
    sw__order_ended(core, request, told.err);
    leave(core, request);
    if (!request->internal) {
        core->stats.finished++;
    }
    request->done(request->arg, &told);
    free(request);
}

/* What was never sent, or was refused each time, did not run: an error that leaves that open, such
 * as the one that a session could not be had for, is not its own. Who cancels asked for the name
 * CANCELLED. */
static enum sw_err own_err(const struct sw_core_request *request, enum sw_err err)
{
    const bool may_have_run = request->state == SW_CORE_SENT || request->maybe;

    return may_have_run || err == SW_ERR_CANCELLED || sw_err_outcome(err) != SW_OUTCOME_UNKNOWN
               ? err
               : SW_ERR_NOT_SENT;
}

void sw__core_fail(struct sw_core *core,
                   struct sw_core_request *request,
                   enum sw_err err,
                   const char *why)
{
    const struct sw_reply reply = {.id = request->request.id,
                                   .err = own_err(request, err),
                                   .node = request->node,
                                   .leader = core->view.leader,
                                   .term = core->view.term,
                                   .detail = sw_span_str(why)};

    sw__core_finish(core, request, &reply);
}

static enum sw_err down_reason(const struct sw_core *core)
{
    for (uint32_t i = 0; i < core->config.node_count; i++) {
        const enum sw_err why = core->nodes[i].why;

        if (why != SW_ERR_OK && why != SW_ERR_UNREACHABLE) {
            return why;
        }
    }
    return SW_ERR_UNREACHABLE;
}

/* "node 1 at h1:6700: UNREACHABLE, node 2 at h2:6700: connecting": each node, and what is known
 * against it. */
static void describe_nodes(const struct sw_core *core, char ret_why[SW_CORE_WHY_SIZE])
{
    size_t at = 0;

    for (uint32_t i = 0; i < core->config.node_count; i++) {
        const struct sw_core_node *node = &core->nodes[i];
        const char *address = core->config.addresses[i];
        const int wrote = snprintf(ret_why + at,
                                   SW_CORE_WHY_SIZE - at,
                                   "%snode %llu%s%.*s: %s",
                                   i == 0 ? "" : ", ",
                                   (unsigned long long)node->id.value,
                                   address == NULL ? "" : " at ",
                                   SW_ADDRESS_SIZE_MAX - 1,
                                   address == NULL ? "" : address,
                                   node->up              ? "up"
                                   : node->reported_down ? sw_err_name(node->why)
                                                         : "connecting");

        SW_ASSERT(wrote > 0 && (size_t)wrote < SW_CORE_WHY_SIZE - at);
        at += (size_t)wrote;
    }
}

bool sw__core_leaderless(const struct sw_core *core)
{
    for (uint32_t i = 0; i < core->config.node_count; i++) {
        const struct sw_core_node *node = &core->nodes[i];

        if (sw_node_id_equal(node->id, core->view.leader)) {
            return !node->up || !sw_breaker_would_allow(&node->breaker, sw__core_now(core));
        }
    }
    return true;
}

enum sw_err sw__core_blocked(const struct sw_core *core, char ret_why[SW_CORE_WHY_SIZE])
{
    describe_nodes(core, ret_why);
    if (!sw__core_any_up(core)) {
        return down_reason(core);
    }
    if (sw__core_leaderless(core)) {
        return core->view.leader.value == 0 ? SW_ERR_NO_LEADER : SW_ERR_UNREACHABLE;
    }
    snprintf(ret_why, SW_CORE_WHY_SIZE, "the request could not be sent before its deadline");
    return SW_ERR_NOT_SENT;
}

/* --- the session ------------------------------------------------------------------------------ */

void sw__core_forget_session(struct sw_core *core)
{
    core->session_state = SW_CORE_SESSION_NONE;
    core->session.value = 0;
    core->window = (struct sw_window){0};
}

/* Writes wait for the session; if it cannot be had, they fail with its error. */
static void fail_waiting_writes(struct sw_core *core, const struct sw_reply *reply)
{
    struct sw_core_request *request;

    sw__core_release_held(core);
    request = core->queue.head;
    while (request != NULL) {
        struct sw_core_request *next = request->next;

        if (sw_op_is_write(request->request.op) && request->request.session.value == 0 &&
            !request->internal && !request->forced) {
            request->forced = true;
            request->last_err = reply->err;
            sw_timers_set(&core->timers, &request->timer, 0);
        }
        request = next;
    }
}

static void session_opened(void *arg, const struct sw_reply *reply)
{
    struct sw_core *core = arg;

    SW_ASSERT(core->session_state == SW_CORE_SESSION_OPENING);
    if (reply->err == SW_ERR_OK && reply->value != 0) {
        core->session_state = SW_CORE_SESSION_OPEN;
        core->session.value = reply->value;
        core->window = (struct sw_window){0};
        core->stats.sessions++;
        return;
    }
    sw__core_forget_session(core);
    if (sw_err_info(reply->err)->retry == SW_RETRY_NEVER) {
        fail_waiting_writes(core, reply);
    }
}

void sw__core_submit_internal(struct sw_core *core,
                              const struct sw_request *request,
                              struct sw_node_id node,
                              uint64_t deadline_ms,
                              sw_core_done_fn done,
                              void *arg)
{
    struct sw_core_request *owned = request_new(&(struct sw_core_submission){
        .request = *request, .node = node, .deadline_ms = deadline_ms, .done = done, .arg = arg});

    owned->internal = true;
    enter(core, owned);
}

void sw__core_open_session(struct sw_core *core)
{
    const struct sw_core_port *port = &core->config.port;
    struct sw_request request = {.op = SW_OP_SESSION_OPEN, .limit = core->config.session_ttl_ms};

    if (core->session_state != SW_CORE_SESSION_NONE || core->free_count == 0) {
        return;
    }
    sw_store_u64(core->nonce, port->random(port->impl));
    sw_store_u64(core->nonce + 8, port->random(port->impl));
    request.value = sw_span_of(core->nonce, sizeof core->nonce);
    core->session_state = SW_CORE_SESSION_OPENING;
    sw__core_submit_internal(core,
                             &request,
                             (struct sw_node_id){0},
                             sw__core_now(core) + SESSION_OPEN_TIMEOUT_MS,
                             session_opened,
                             core);
}

void sw_core_close_session(struct sw_core *core,
                           uint64_t deadline_ms,
                           sw_core_done_fn done,
                           void *arg)
{
    const struct sw_request request = {.op = SW_OP_SESSION_CLOSE, .session = core->session};
    struct sw_core_request *entered;

    SW_ASSERT(core->free_count > 0);
    sw__core_submit_internal(core, &request, (struct sw_node_id){0}, deadline_ms, done, arg);
    entered = core->queue.tail;
    if (core->session_state == SW_CORE_SESSION_OPEN) {
        sw__core_forget_session(core);
        return;
    }
    sw__core_force(core, entered, SW_ERR_OK);
}
