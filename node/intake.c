/* The way in and out: client messages become requests, answers become replies, each once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/point.h"
#include "node/node_private.h"

/* --- lists ------------------------------------------------------------------------------------ */

void sw__list_add(struct sw__list *list, struct sw__request *request)
{
    SW_ASSERT(request->list == NULL);
    request->list = list;
    request->next = NULL;
    request->previous = list->last;
    if (list->last == NULL) {
        list->first = request;
    } else {
        list->last->next = request;
    }
    list->last = request;
    list->count++;
}

void sw__list_remove(struct sw__request *request)
{
    struct sw__list *list = request->list;

    if (list == NULL) {
        return;
    }
    if (request->previous == NULL) {
        list->first = request->next;
    } else {
        request->previous->next = request->next;
    }
    if (request->next == NULL) {
        list->last = request->previous;
    } else {
        request->next->previous = request->previous;
    }
    list->count--;
    request->list = NULL;
    request->next = NULL;
    request->previous = NULL;
}

struct sw__request *sw__list_take(struct sw__list *list)
{
    struct sw__request *first = list->first;

    if (first == NULL) {
        return NULL;
    }
    list->first = first->next;
    if (first->next == NULL) {
        list->last = NULL;
    } else {
        first->next->previous = NULL;
    }
    list->count--;
    first->list = NULL;
    first->next = NULL;
    return first;
}

void sw__list_move(struct sw__list *to, struct sw__list *from)
{
    struct sw__request *request;

    while ((request = sw__list_take(from)) != NULL) {
        sw__list_add(to, request);
    }
}

/* --- out -------------------------------------------------------------------------------------- */

static void send_reply(struct sw_node *node, struct sw_client *client, struct sw_reply *reply)
{
    sw_buf_clear(&node->scratch);
    sw_reply_encode(reply, &node->scratch);
    sw_clients_reply(&node->clients, node->config.link, client, sw_buf_span(&node->scratch));
}

/* Everything that is shown or acknowledged was committed before; what a node says of itself was
 * not.
 */
static enum sw_durability durability_of(const struct sw_node *node, enum sw_op op, enum sw_err err)
{
    const bool of_itself = op == SW_OP_STATUS || op == SW_OP_TRANSFER || op == SW_OP_SNAPSHOT ||
                           op == SW_OP_MEMBER_LIST || op == SW_OP_RESTART;

    if (err != SW_ERR_OK || of_itself) {
        return SW_DURABILITY_NONE;
    }
    return node->config.durability == SW_DURABILITY_NONE ? SW_DURABILITY_MAJORITY
                                                         : node->config.durability;
}

static void
fill_header(const struct sw_node *node, const struct sw__shard *shard, struct sw_reply *reply)
{
    reply->swarm = node->config.swarm;
    reply->node = node->config.self;
    reply->leader = shard->leader;
    reply->shard = shard->id;
    reply->term = shard->term;
}

/* Answers out of the log are a code and a number; people get a sentence. */
static void explain_vector(enum sw_op op, struct sw_reply *reply, char why[SW_WHY_SIZE])
{
    if (reply->detail.size > 0) {
        return;
    }
    if (reply->err == SW_ERR_DIMENSION) {
        (void)snprintf(why,
                       SW_WHY_SIZE,
                       "the vector has %u numbers, those of the index have %u",
                       (unsigned)(reply->value >> 32),
                       (unsigned)(reply->value & UINT32_MAX));
        reply->detail = sw_span_str(why);
    } else if (reply->err == SW_ERR_CONFLICT && op == SW_OP_INDEX_LOWER) {
        (void)snprintf(why,
                       SW_WHY_SIZE,
                       "vectors of the index keep %u bits a number already; originals are not "
                       "kept, so there is no way up",
                       (unsigned)reply->value);
        reply->detail = sw_span_str(why);
    } else if (reply->err == SW_ERR_NOT_FOUND && op == SW_OP_INDEX_LOWER) {
        reply->detail = sw_span_str("nothing was put into the index yet");
    } else if (reply->err == SW_ERR_INVALID &&
               (op == SW_OP_VECTOR_PUT || op == SW_OP_VECTOR_SEARCH)) {
        reply->detail = sw_span_str("the vector is all zeros, which have no direction, or longer "
                                    "than the index takes, or holds what is no number");
    }
}

void sw__request_answer(struct sw_node *node, struct sw__request *request, struct sw_reply *reply)
{
    struct sw_client *client = sw_clients_find(&node->clients, request->conn);
    char why[SW_WHY_SIZE];

    SW_ASSERT(!request->answered);
    request->answered = true;
    sw_timers_cancel(&node->deadlines, &request->deadline);
    sw_admission_leave(&node->admission, sw__class_of(request->op));
    sw_quota_leave(&request->quota);
    sw__audit_answered(request, reply);
    sw_metrics_request(&node->metrics,
                       request->op,
                       reply->err,
                       sw_env_now_ns(node->config.env) - request->started_ns);
    if (client == NULL) {
        return; /* it left; nobody waits */
    }
    SW_ASSERT(client->in_flight > 0);
    client->in_flight--;
    explain_vector(request->op, reply, why);
    reply->id = request->id;
    fill_header(node, request->shard, reply);
    reply->durability = durability_of(node, request->op, reply->err);
    send_reply(node, client, reply);
}

void sw__request_refuse(struct sw_node *node,
                        struct sw__request *request,
                        enum sw_err err,
                        const char *detail)
{
    struct sw_reply reply = {.err = err, .detail = sw_span_str(detail)};

    sw__request_answer(node, request, &reply);
}

void sw__request_free(struct sw__request *request)
{
    struct sw_node *node;

    if (request == NULL) {
        return;
    }
    node = request->shard->node;
    if (!sw_op_is_write(request->op)) {
        sw_admission_read_over(&node->admission, request->size);
    } else if (request->place == SW__PLACE_QUEUED) {
        sw_admission_dequeue(&node->admission, request->size);
    }
    sw_timers_cancel(&node->deadlines, &request->deadline);
    sw__request_free(request->guarded);
    sw_quota_leave(&request->quota);
    sw__list_remove(request);
    sw_fair_remove(&request->shard->fair, &request->turn);
    request->flow->watching -= request->op == SW_OP_WATCH ? 1 : 0;
    sw_fair_leave(&request->shard->fair, request->flow);
    free(request);
}

void sw__list_refuse(struct sw_node *node,
                     struct sw__list *list,
                     enum sw_err err,
                     const char *detail)
{
    struct sw__request *request;

    while ((request = sw__list_take(list)) != NULL) {
        if (!request->answered) {
            sw__request_refuse(node, request, err, detail);
        }
        sw__request_free(request);
    }
}

/* A write that is still queued never ran, and the answer must say so: DEADLINE would mean that
 * nobody knows. */
static void expire(struct sw_node *node, struct sw__request *request)
{
    struct sw_reply nothing_new = {.revision = request->checked};

    if (request->op == SW_OP_WATCH &&
        (request->place == SW__PLACE_WAITING || request->turn.lane != NULL)) {
        sw__request_answer(node, request, &nothing_new);
    } else if (request->place == SW__PLACE_QUEUED) {
        sw__request_refuse(
            node, request, SW_ERR_OVERLOADED, "its deadline passed before it was started");
    } else {
        sw__request_refuse(node, request, SW_ERR_DEADLINE, "");
    }
    /* What flies or runs is still pointed to; its flight or its read frees it. */
    if (request->place != SW__PLACE_FLYING && request->place != SW__PLACE_RUNNING) {
        sw__request_free(request);
    }
}

void sw__deadlines_expire(struct sw_node *node, uint64_t now_ms)
{
    struct sw_timer *timer;

    while ((timer = sw_timers_expire(&node->deadlines, now_ms)) != NULL) {
        expire(node, (struct sw__request *)timer);
    }
}

/* --- in --------------------------------------------------------------------------------------- */

enum sw_err sw__shard_elsewhere(const struct sw__shard *shard)
{
    const struct sw_node_id self = shard->node->config.self;

    return shard->leader.value == 0 || sw_node_id_equal(shard->leader, self) ? SW_ERR_NO_LEADER
                                                                             : SW_ERR_NOT_LEADER;
}

/* An answer to something that was never admitted. */
static void refuse_early(struct sw_node *node,
                         struct sw_client *client,
                         const struct sw_request *request,
                         enum sw_err err,
                         uint32_t retry_after_ms,
                         const char *why)
{
    struct sw_reply reply = {.id = request->id,
                             .err = err,
                             .retry_after_ms = retry_after_ms,
                             .detail = sw_span_str(why)};

    fill_header(node, node->shards[0], &reply);
    sw_metrics_request(&node->metrics, request->op, err, 0);
    send_reply(node, client, &reply);
}

/* What admission has to know of a request, and of who asks. */
static struct sw_admission_request wanted_of(const struct sw_node *node,
                                             const struct sw_client *client,
                                             const struct sw_request *request,
                                             size_t size)
{
    struct sw_fair_flow *flow = sw_fair_find(&node->shards[0]->fair, client->id);
    const uint64_t now_ns = sw_env_now_ns(node->config.env);
    struct sw_admission_request wanted = {
        .op = request->op,
        .of = sw__class_of(request->op),
        .depth = request->depth,
        .size = size,
        .client_in_flight = client->in_flight,
        .others = sw_fair_in_company(&node->shards[0]->fair, now_ns),
        .applier_pending = sw__node_applier_load(node),
    };

    if (flow != NULL) {
        wanted.identity_places = flow->places - flow->watching;
        wanted.late = sw_fair_late(&flow->lanes[wanted.of], now_ns);
        wanted.age_ns = sw_fair_lane_age_ns(&flow->lanes[wanted.of], now_ns);
    }
    return wanted;
}

static enum sw_err check(struct sw_node *node,
                         struct sw_client *client,
                         const struct sw_request *request,
                         size_t size,
                         struct sw_admission_refusal *refusal)
{
    const struct sw_admission_request wanted = wanted_of(node, client, request, size);
    enum sw_err err;

    if (request->op == SW_OP_TICK || request->op == SW_OP_AUDIT) {
        (void)snprintf(
            refusal->why, SW_WHY_SIZE, "%s is the leader's own", sw_op_text(request->op));
        return SW_ERR_UNSUPPORTED;
    }
    err = sw__rights_check(node, client, request, refusal->why);
    if (err != SW_ERR_OK) {
        return err;
    }
    err = sw_admission_check(&node->admission, &wanted, refusal);
    if (err != SW_ERR_OK) {
        node->metrics.refused[refusal->reason]++;
    }
    return err;
}

/* Status, snapshot and restart are of the asked node itself, and it lists the members as it knows
 * them; everything else belongs to the leader. */
static bool needs_leader(enum sw_op op)
{
    if (SW_PLANTED(FOLLOWER_READS) && !sw_op_is_write(op) && op != SW_OP_TRANSFER) {
        return false;
    }
    return op != SW_OP_STATUS && op != SW_OP_SNAPSHOT && op != SW_OP_MEMBER_LIST &&
           op != SW_OP_RESTART;
}

static uint64_t deadline_of(const struct sw_node *node, const struct sw_request *request)
{
    const struct sw_node_limits *limits = &node->admission.limits;
    uint64_t timeout_ms = request->timeout_ms;

    if (timeout_ms == 0) {
        timeout_ms = limits->timeout_ms_default;
    }
    if (timeout_ms > limits->timeout_ms_max) {
        timeout_ms = limits->timeout_ms_max;
    }
    /* A watch without news is answered while its client still waits. */
    return sw__node_now_ms(node) + timeout_ms - (request->op == SW_OP_WATCH ? timeout_ms / 4 : 0);
}

/* A scan of the past passes all that came after it, however little it gives. */
static bool walks_unseen(const struct sw_request *request)
{
    return request->op == SW_OP_SCAN && request->expected != 0;
}

/* Its record in the audit log is made where it is executed, by what the entry says. */
static bool is_noted_by_apply(enum sw_op op)
{
    return op == SW_OP_SETTING_PUT || op == SW_OP_SETTING_DELETE || op == SW_OP_TOKEN_REDEEM;
}

static struct sw__request *admit(struct sw_node *node,
                                 struct sw_client *client,
                                 const struct sw_request *request,
                                 struct sw_span command,
                                 struct sw_quota_hold quota)
{
    const struct sw_span address =
        is_noted_by_apply(request->op) ? sw__client_address(node) : sw_span_of(NULL, 0);
    struct sw__request *admitted = calloc(1, sizeof *admitted + command.size + address.size);

    SW_ASSERT(admitted != NULL); /* bounded: admission counts requests and bytes */
    admitted->shard = node->shards[0];
    admitted->conn = client->conn;
    admitted->id = request->id;
    admitted->op = request->op;
    admitted->quota = quota;
    admitted->author = sw__rights_author(node, client);
    admitted->author.depth = (uint8_t)request->depth; /* admission judged it */
    admitted->started_ns = sw_env_now_ns(node->config.env);
    admitted->place = sw_op_is_write(request->op) ? SW__PLACE_QUEUED : SW__PLACE_READING;
    admitted->limit = walks_unseen(request) ? 0 : request->limit;
    if (request->op == SW_OP_WATCH) {
        sw__watch_begin(admitted, request);
    }
    admitted->flow = sw_fair_enter(&admitted->shard->fair, client->id, admitted->started_ns);
    admitted->flow->watching += request->op == SW_OP_WATCH ? 1 : 0;
    admitted->size = (uint32_t)command.size;
    memcpy(admitted->command, command.data, command.size);
    if (address.size > 0) {
        memcpy(admitted->command + command.size, address.data, address.size);
        admitted->author.address = sw_span_of(admitted->command + command.size, address.size);
    }
    client->in_flight++;
    sw_admission_enter(&node->admission, request->op, sw__class_of(request->op), command.size);
    sw_timers_set(&node->deadlines, &admitted->deadline, deadline_of(node, request));
    return admitted;
}

static void transfer(struct sw_node *node, struct sw__request *admitted, struct sw_node_id target)
{
    const enum sw_err err = sw_group_transfer(admitted->shard->group, target);
    struct sw_reply reply = {.err = err, .value = target.value};

    if (err == SW_ERR_INVALID) {
        reply.detail = sw_span_str("the target is no other voting node of this shard");
    }
    sw__request_answer(node, admitted, &reply);
    sw__request_free(admitted);
}

static void snapshot(struct sw_node *node, struct sw__request *admitted)
{
    struct sw__shard *shard = admitted->shard;
    struct sw_group_status status;

    sw_group_status(shard->group, &status);
    if (status.snapshot_index > 0 && status.snapshot_index == status.commit_index) {
        /* The group would look at the request only when it applies something. */
        struct sw_reply reply = {.value = status.snapshot_index, .revision = status.snapshot_index};

        sw__request_answer(node, admitted, &reply);
        sw__request_free(admitted);
        return;
    }
    admitted->place = SW__PLACE_WAITING;
    sw__list_add(&shard->snapshot_waiting, admitted);
    sw_group_request_snapshot(shard->group);
}

/* The handler stops the node from a later event: then this answer is among what a stop lets end. */
static void restart(struct sw_node *node, struct sw__request *admitted)
{
    struct sw_reply reply = {0};

    if (node->config.handler.restart == NULL) {
        reply.err = SW_ERR_UNSUPPORTED;
        reply.detail = sw_span_str("this node cannot start itself again");
    } else {
        node->config.handler.restart(node->config.handler.arg);
    }
    sw__request_answer(node, admitted, &reply);
    sw__request_free(admitted);
}

/* What is done to the swarm or to a node, and is no command of the log. */
static bool is_action(enum sw_op op)
{
    return op == SW_OP_TRANSFER || op == SW_OP_SNAPSHOT || op == SW_OP_RESTART ||
           op == SW_OP_MEMBER_ADD || op == SW_OP_MEMBER_PROMOTE || op == SW_OP_MEMBER_DEMOTE ||
           op == SW_OP_MEMBER_REMOVE;
}

void sw__action_run(struct sw_node *node,
                    struct sw__request *admitted,
                    const struct sw_request *request)
{
    SW_ASSERT(is_action(request->op));
    if (request->op == SW_OP_TRANSFER) {
        transfer(node, admitted, (struct sw_node_id){.value = request->expected});
    } else if (request->op == SW_OP_SNAPSHOT) {
        snapshot(node, admitted);
    } else if (request->op == SW_OP_RESTART) {
        restart(node, admitted);
    } else {
        sw__member_request(node, admitted, request);
    }
}

static void
dispatch(struct sw_node *node, struct sw__request *admitted, const struct sw_request *request)
{
    struct sw__shard *shard = admitted->shard;

    if (admitted->place == SW__PLACE_QUEUED) {
        sw__queue_push(shard, admitted);
    } else if (request->op == SW_OP_STATUS) {
        sw__status_wanted(node, admitted);
    } else if (request->op == SW_OP_MEMBER_LIST) {
        sw__member_request(node, admitted, request);
    } else if (!is_action(request->op)) {
        sw__fresh_add(admitted, request);
    } else {
        sw__audit_first(admitted, request);
    }
}

static enum sw_err take_request(struct sw_node *node,
                                struct sw_client *client,
                                const struct sw_request *request,
                                bool ordered)
{
    struct sw__request *admitted;
    struct sw__shard *shard = node->shards[0];
    struct sw_quota_hold quota = {0};
    struct sw_admission_refusal refusal = {0};
    enum sw_err err;

    sw_buf_clear(&node->scratch);
    sw_command_encode(request, &node->scratch);
    err = sw_request_validate(request, refusal.why);
    if (err == SW_ERR_OK && needs_leader(request->op) && request->max_age_ms == 0 &&
        shard->role != SW_ROLE_LEADER) {
        err = sw__shard_elsewhere(shard);
    }
    if (err == SW_ERR_OK) {
        err = check(node, client, request, node->scratch.size, &refusal);
    }
    if (err == SW_ERR_OK) {
        err = sw_quota_enter(&node->quotas,
                             request,
                             sw_env_now_ns(node->config.env),
                             &quota,
                             &refusal.retry_after_ms,
                             refusal.why);
    }
    if (err == SW_ERR_UNAUTHORIZED) {
        const struct sw_author author = sw__rights_author(node, client);

        sw__audit_denied(shard, &author, request);
    }
    if (err != SW_ERR_OK) {
        refuse_early(node, client, request, err, refusal.retry_after_ms, refusal.why);
        return err;
    }
    admitted = admit(node, client, request, sw_buf_span(&node->scratch), quota);
    admitted->ordered = ordered;
    dispatch(node, admitted, request);
    return SW_ERR_OK;
}

/* What a message has had refused of a session whose writes are ordered: the rest of them shares it,
 * or a later one would run before the earlier one, when that is sent again. */
struct held {
    uint64_t session; /* 0 = none */
    enum sw_err err;
};

static void take_in_order(struct sw_node *node,
                          struct sw_client *client,
                          struct sw_request *request,
                          struct held *held)
{
    const bool ordered = (request->flags & SW_REQUEST_ORDERED) != 0 && request->session.value != 0;
    enum sw_err err;

    request->flags &= ~(uint32_t)SW_REQUEST_ORDERED;
    if (ordered && held->session == request->session.value) {
        SW_MARK("node.ordered_held");
        refuse_early(node, client, request, held->err, 0, "an ordered write before it was refused");
        return;
    }
    err = take_request(node, client, request, ordered);
    if (ordered && err != SW_ERR_OK) {
        *held = (struct held){.session = request->session.value, .err = err};
    }
}

void sw__client_message(void *arg, uint64_t conn, const uint8_t key[32], struct sw_span message)
{
    struct sw_node *node = arg;
    struct sw_reader in = sw_reader_of(message);
    struct held held = {.session = 0};
    struct sw_client *client;

    if (node->crashed || node->failed || node->phase >= SW__PHASE_CLOSING) {
        return; /* an answer now could be one that the disk does not back */
    }
    client = sw_clients_find(&node->clients, conn);
    if (client == NULL) {
        client = sw_clients_add(&node->clients, conn, key);
    }
    node->handling = true;
    while (!in.failed && sw_reader_left(&in) > 0) {
        struct sw_request request = {0};
        const enum sw_err err = sw_request_decode(&in, &request);

        if (err == SW_ERR_OK) {
            take_in_order(node, client, &request, &held);
        } else {
            refuse_early(node, client, &request, err, 0, "the request does not decode");
        }
    }
    node->handling = false;
}

void sw__client_gone(void *arg, uint64_t conn)
{
    struct sw_node *node = arg;

    if (!node->crashed) {
        const struct sw_client *client = sw_clients_find(&node->clients, conn);
        const bool waits = client != NULL && client->in_flight > 0;

        /* What it asked for goes on, since a write cannot be called back; but nobody is to be told
         * of changes any more. */
        sw_clients_remove(&node->clients, conn);
        for (uint32_t i = 0; i < node->shard_count && waits; i++) {
            sw__watch_forget(node->shards[i], conn);
        }
    }
}
