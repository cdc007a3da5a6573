/* The public functions: options and configuration in, requests handed to the pool's thread, results
 * handed back. */
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "client/call_all.h"
#include "client/cause.h"
#include "client/core.h"
#include "client/include/swarm.h"
#include "client/pack.h"
#include "client/pool_zmq.h"
#include "client/reach_zmq.h"
#include "client/result.h"
#include "client/target_posix.h"
#include "transport/keyfile_posix.h"

enum { TIMEOUT_MS = 5000, DIAL_TIMEOUT_MS = 1500, CLOSE_TIMEOUT_MS = 500 };

struct swarm_client {
    struct sw_member member; /* first; pool thread only */
    struct sw_task attach;
    struct sw_task close;
    struct swarm_options options; /* a copy; its pointers are not used after open */
    struct sw_target target;
    struct sw_reach reach;   /* pool thread only */
    struct sw_keypair *keys; /* owned secret memory */
    struct swarm_pool *pool; /* owned if own_pool */
    bool own_pool;
    pid_t pid;
    _Atomic uint32_t in_flight;
    _Atomic bool closing;
    sem_t done; /* posted by the pool's thread: once attached, and when it has let go */
    enum sw_err attach_err;
    char attach_why[SW_WHY_SIZE];
};

static_assert((int)SWARM_PUT == (int)SW_OP_PUT, "operations are the protocol's");
static_assert((int)SWARM_SCAN == (int)SW_OP_SCAN, "operations are the protocol's");
static_assert((int)SWARM_EXPERIENCE_SCAN == (int)SW_OP_EXPERIENCE_SCAN, "the protocol's");
static_assert((int)SWARM_STATUS_OF == (int)SW_OP_STATUS, "operations are the protocol's");
static_assert((int)SWARM_SNAPSHOT == (int)SW_OP_SNAPSHOT, "operations are the protocol's");
static_assert((int)SWARM_TXN == (int)SW_OP_TXN, "operations are the protocol's");
static_assert((int)SWARM_MULTI_GET == (int)SW_OP_MULTI_GET, "operations are the protocol's");
static_assert((int)SWARM_MEMBER_LIST == (int)SW_OP_MEMBER_LIST, "operations are the protocol's");
static_assert((int)SWARM_MEMBER_REMOVE == (int)SW_OP_MEMBER_REMOVE, "the protocol's");
static_assert((int)SWARM_RESTART == (int)SW_OP_RESTART, "operations are the protocol's");
static_assert((int)SWARM_OUTCOME == (int)SW_OP_OUTCOME, "operations are the protocol's");
static_assert((int)SWARM_SESSION_LIST == (int)SW_OP_SESSION_LIST, "operations are the protocol's");
static_assert((int)SWARM_LEASE_GRANT == (int)SW_OP_LEASE_GRANT, "operations are the protocol's");
static_assert((int)SWARM_SETTING_PUT == (int)SW_OP_SETTING_PUT, "the protocol's");
static_assert((int)SWARM_TOKEN_REDEEM == (int)SW_OP_TOKEN_REDEEM, "the protocol's");
static_assert((int)SWARM_SETTING_DELETE == (int)SW_OP_SETTING_DELETE, "the protocol's");
static_assert((int)SWARM_WATCH == (int)SW_OP_WATCH, "operations are the protocol's");
static_assert((int)SWARM_LEASE_LIST == (int)SW_OP_LEASE_LIST, "operations are the protocol's");
static_assert((int)SWARM_VECTOR_SEARCH == (int)SW_OP_VECTOR_SEARCH, "the protocol's");
static_assert((int)SWARM_CONTEXT_RESTORE == (int)SW_OP_CONTEXT_RESTORE, "the protocol's");
static_assert((int)SWARM_MEMORY_PUT == (int)SW_OP_MEMORY_PUT, "the protocol's");
static_assert((int)SWARM_INDEX_PLACES == (int)SW_OP_INDEX_PLACES, "the protocol's");
static_assert((int)SWARM_INDEX_STATUS == (int)SW_OP_INDEX_STATUS, "the protocol's");
static_assert((int)SWARM_INDEX_LOWER == (int)SW_OP_INDEX_LOWER, "the protocol's");
static_assert((int)SWARM_INDEX_VERIFY == (int)SW_OP_INDEX_VERIFY, "the protocol's");
static_assert((int)SWARM_PREVIOUS == (int)SW_REQUEST_PREVIOUS, "flags are the protocol's");
static_assert((int)SWARM_REVERSE == (int)SW_REQUEST_REVERSE, "flags are the protocol's");
static_assert((int)SWARM_KEYS_ONLY == (int)SW_REQUEST_KEYS_ONLY, "flags are the protocol's");

static void say(char *ret_why, size_t why_size, const char *text)
{
    if (ret_why != NULL && why_size > 0) {
        (void)snprintf(ret_why, why_size, "%s", text);
    }
}

static uint32_t or_default(uint32_t value, uint32_t standard)
{
    return value == 0 ? standard : value;
}

uint64_t swarm_now_ms(void)
{
    return sw_pool_now_ms();
}

const char *swarm_version(void)
{
    return SW_VERSION;
}

struct swarm_slice swarm_str(const char *text)
{
    return (struct swarm_slice){.data = text, .size = strlen(text)};
}

enum swarm_status swarm_pool_new(struct swarm_pool **ret_pool)
{
    return (enum swarm_status)sw_pool_new(ret_pool);
}

void swarm_pool_free(struct swarm_pool *pool)
{
    sw_pool_free(pool);
}

size_t swarm_nodes(const struct swarm_client *client, uint64_t *ret_ids, size_t count)
{
    for (size_t i = 0; i < client->target.config.node_count && i < count; i++) {
        ret_ids[i] = client->target.config.nodes[i].id.value;
    }
    return client->target.config.node_count;
}

const char *swarm_node_address(const struct swarm_client *client, uint64_t node)
{
    for (uint32_t i = 0; i < client->target.config.node_count; i++) {
        if (client->target.config.nodes[i].id.value == node) {
            return client->target.config.nodes[i].address;
        }
    }
    return NULL;
}

/* ---- opening ------------------------------------------------------------------------------- */

static enum sw_err load_keys(struct swarm_client *client, char *ret_why)
{
    enum sw_err err = sw_crypto_init();

    if (err == SW_ERR_OK && !client->target.url.embedded) {
        err = sw_keyfile_load_secret(client->target.config.key_file, &client->keys, ret_why);
    }
    return err;
}

/* A node in this process has no address: it is known by where its data is. */
static void name_embedded(struct swarm_client *client)
{
    struct sw_client_node *node = &client->target.config.nodes[0];

    client->target.config.node_count = 1;
    node->id = sw_embedded_self();
    (void)snprintf(node->address, sizeof node->address, "file:%.250s", client->target.url.dir);
}

static enum sw_err load(struct swarm_client *client, char *ret_why)
{
    const struct sw_target_wanted wanted = {.url = client->options.url,
                                            .endpoints = client->options.endpoints,
                                            .config_path = client->options.config_path};
    enum sw_err err;

    err = sw_target_find(wanted, &client->target, ret_why);
    if (err == SW_ERR_OK) {
        err = load_keys(client, ret_why);
    }
    if (err == SW_ERR_OK && client->target.url.embedded) {
        name_embedded(client);
    }
    if (client->options.timeout_ms == 0) {
        client->options.timeout_ms = or_default(client->target.url.timeout_ms, TIMEOUT_MS);
    }
    return err;
}

static uint64_t port_now_ms(void *impl)
{
    (void)impl;
    return sw_pool_now_ms();
}

static uint64_t port_random(void *impl)
{
    uint64_t value;

    (void)impl;
    sw_crypto_random(&value, sizeof value);
    return value;
}

static enum sw_err port_send(void *impl, struct sw_node_id node, struct sw_span message)
{
    struct swarm_client *client = impl;
    struct sw_trunk_user *user;

    if (client->target.url.embedded) {
        return sw_embedded_send(&client->member.embedded, message);
    }
    user = sw_reach_find(&client->reach, node);
    return user == NULL ? SW_ERR_UNREACHABLE : sw_trunk_send(user, message);
}

static void on_message(void *arg, struct sw_node_id node, struct sw_span message)
{
    struct swarm_client *client = arg;

    client->member.dirty = true;
    sw_core_receive(client->member.core, node, message);
}

static void on_state(void *arg, struct sw_node_id node, bool up, enum sw_err why)
{
    struct swarm_client *client = arg;

    client->member.dirty = true;
    sw_core_node_state(client->member.core, node, up, why);
}

static void on_members(void *impl, const struct sw_reply *reply)
{
    struct swarm_client *client = impl;

    client->member.dirty = true;
    sw_reach_learn(&client->reach, reply);
}

static enum sw_err make_core(struct swarm_client *client, char *ret_why)
{
    const struct swarm_options *options = &client->options;
    struct sw_core_config config = {
        .node_count = client->target.config.node_count,
        .port = {.impl = client, .now_ms = port_now_ms, .random = port_random, .send = port_send},
        .policy = {.base_ms = options->retry_base_ms,
                   .cap_ms = options->retry_cap_ms,
                   .attempts_max = options->attempts_max,
                   .attempt_timeout_ms = options->attempt_timeout_ms,
                   .breaker_failures = options->breaker_failures,
                   .breaker_open_ms = options->breaker_open_ms},
        .without_session = (options->flags & SWARM_WITHOUT_SESSION) != 0,
        .ordered = (options->flags & SWARM_ORDERED) != 0,
        .session_ttl_ms = options->session_ttl_ms,
        .in_flight_max = options->in_flight_max,
        .nodes_start_down = true,
        .fail_when_down =
            (options->flags & SWARM_FAIL_WHEN_DOWN) != 0 || client->target.url.embedded,
        .dial_timeout_ms = options->dial_timeout_ms + options->dial_timeout_ms / 4,
        .swarm = client->target.config.swarm, /* zero: embedded, which has its own */
        .tag = client->member.tag};

    if ((options->flags & SWARM_FIXED_NODES) == 0 && !client->target.url.embedded) {
        config.port.members = on_members;
    }
    for (uint32_t i = 0; i < client->target.config.node_count; i++) {
        config.nodes[i] = client->target.config.nodes[i].id;
        config.addresses[i] = client->target.config.nodes[i].address;
    }
    return sw_core_new(&config, &client->member.core, ret_why);
}

static void member_refresh(struct sw_member *member)
{
    struct swarm_client *client = (struct swarm_client *)(void *)member;

    sw_reach_refresh(&client->reach, sw_pool_trunks(client->pool));
}

static enum sw_err join_trunks(struct swarm_client *client, char *ret_why)
{
    client->reach = (struct sw_reach){
        .member = &client->member,
        .config = &client->target.config,
        .trunk = {.context = sw_pool_context(client->pool),
                  .swarm = client->target.config.swarm,
                  .keys = client->keys,
                  .seed = port_random(NULL),
                  .dial_timeout_ms = client->options.dial_timeout_ms},
        .user = {
            .tag = client->member.tag, .arg = client, .message = on_message, .state = on_state}};
    return sw_reach_open(&client->reach, sw_pool_trunks(client->pool), ret_why);
}

static enum sw_err join_embedded(struct swarm_client *client, char *ret_why)
{
    client->member.embedded =
        (struct sw_embedded_user){.arg = client, .message = on_message, .state = on_state};
    return sw_embedded_join(
        sw_pool_embeddeds(client->pool), client->target.url.dir, &client->member.embedded, ret_why);
}

static void destroy(struct swarm_client *client)
{
    if (client->own_pool) {
        sw_pool_free(client->pool);
    }
    sw_secret_free(client->keys);
    (void)sem_destroy(&client->done);
    free(client);
}

static void member_end(struct sw_member *member)
{
    struct swarm_client *client = (struct swarm_client *)(void *)member;

    sw_core_free(client->member.core);
    (void)sem_post(&client->done);
}

static enum sw_err attach(struct swarm_client *client)
{
    enum sw_err err;

    sw_pool_add(client->pool, &client->member);
    err = make_core(client, client->attach_why);
    if (err == SW_ERR_OK) {
        err = client->target.url.embedded ? join_embedded(client, client->attach_why)
                                          : join_trunks(client, client->attach_why);
    }
    if (err != SW_ERR_OK) {
        sw_pool_remove(client->pool, &client->member);
        sw_core_free(client->member.core);
    }
    return err;
}

static void run_attach(struct sw_task *task)
{
    struct swarm_client *client =
        (struct swarm_client *)(void *)((char *)task - offsetof(struct swarm_client, attach));

    client->attach_err = attach(client);
    (void)sem_post(&client->done);
}

static enum sw_err check_flags(const struct swarm_options *options, char *ret_why)
{
    const uint32_t known = SWARM_WITHOUT_SESSION | SWARM_FAIL_WHEN_DOWN | SWARM_OWN_LOOP |
                           SWARM_ORDERED | SWARM_FIXED_NODES;
    const uint32_t both = SWARM_WITHOUT_SESSION | SWARM_ORDERED;
    const char *why = NULL;

    if ((options->flags & ~known) != 0) {
        why = "options.flags has bits that are not known";
    } else if ((options->flags & SWARM_OWN_LOOP) != 0 && options->pool != NULL) {
        why = "a pool has a thread: SWARM_OWN_LOOP has none";
    } else if ((options->flags & both) == both) {
        why = "SWARM_ORDERED needs a session";
    }
    if (why == NULL) {
        return SW_ERR_OK;
    }
    (void)snprintf(ret_why, SW_WHY_SIZE, "%s", why);
    return SW_ERR_INVALID;
}

static enum sw_err check_options(const struct swarm_options *options, char *ret_why)
{
    if (options != NULL && (options->size < sizeof(size_t) || options->size > 4096)) {
        (void)snprintf(ret_why, SW_WHY_SIZE, "options.size is not set: use SWARM_INIT");
        return SW_ERR_INVALID;
    }
    if (options != NULL && options->size >= offsetof(struct swarm_options, timeout_ms)) {
        return check_flags(options, ret_why);
    }
    return SW_ERR_OK;
}

/* A caller that was compiled against an older header gives a shorter struct. */
static void copy_options(struct swarm_options *to, const struct swarm_options *from)
{
    if (from != NULL) {
        memcpy(to, from, from->size < sizeof *to ? from->size : sizeof *to);
    }
    to->dial_timeout_ms = or_default(to->dial_timeout_ms, DIAL_TIMEOUT_MS);
    to->in_flight_max = or_default(to->in_flight_max, SW_CORE_IN_FLIGHT_MAX);
}

/* Whoever owns the loop goes on giving turns while it waits. */
static void wait_for(struct swarm_client *client, sem_t *done)
{
    if (sw_pool_is_owner(client->pool)) {
        while (sem_trywait(done) != 0) {
            sw_pool_await(client->pool);
        }
        return;
    }
    while (sem_wait(done) != 0) { /* a signal came between */
    }
}

static enum sw_err find_pool(struct swarm_client *client)
{
    enum sw_err err = SW_ERR_OK;

    client->pool = client->options.pool;
    client->own_pool = client->pool == NULL;
    if (client->own_pool) {
        err = (client->options.flags & SWARM_OWN_LOOP) != 0 ? sw_pool_new_unthreaded(&client->pool)
                                                            : sw_pool_new(&client->pool);
    }
    return err;
}

static enum sw_err start(struct swarm_client *client, char *ret_why)
{
    enum sw_err err;

    err = load(client, ret_why);
    if (err != SW_ERR_OK) {
        return err;
    }
    err = find_pool(client);
    if (err != SW_ERR_OK) {
        return err;
    }
    client->member.refresh = member_refresh;
    client->member.end = member_end;
    client->attach.run = run_attach;
    if (sw_pool_is_self(client->pool)) {
        run_attach(&client->attach); /* opened from a callback */
    } else if (sw_pool_is_owner(client->pool)) {
        sw_pool_run(client->pool, &client->attach);
    } else {
        sw_pool_post(client->pool, &client->attach);
    }
    wait_for(client, &client->done);
    memcpy(ret_why, client->attach_why, SW_WHY_SIZE);
    return client->attach_err;
}

enum swarm_status swarm_open(const struct swarm_options *options,
                             struct swarm_client **ret_client,
                             char *ret_why,
                             size_t why_size)
{
    char why[SW_WHY_SIZE] = "";
    struct swarm_client *client;
    enum sw_err err;

    err = check_options(options, why);
    if (err != SW_ERR_OK) {
        say(ret_why, why_size, why);
        return (enum swarm_status)err;
    }
    client = calloc(1, sizeof *client);
    SW_ASSERT(client != NULL);
    copy_options(&client->options, options);
    client->pid = getpid();
    (void)sem_init(&client->done, 0, 0);
    err = start(client, why);
    if (err != SW_ERR_OK) {
        say(ret_why, why_size, why[0] == '\0' ? sw_err_text(err) : why);
        destroy(client);
        return (enum swarm_status)err;
    }
    *ret_client = client;
    return SWARM_OK;
}

/* ---- closing ------------------------------------------------------------------------------- */

static void on_session_closed(void *arg, const struct sw_reply *reply)
{
    struct swarm_client *client = arg;

    (void)reply; /* whatever it says: the session ends by itself after its time to live */
    client->member.ended = true;
}

static void run_close(struct sw_task *task)
{
    struct swarm_client *client =
        (struct swarm_client *)(void *)((char *)task - offsetof(struct swarm_client, close));

    sw_core_cancel_all(client->member.core);
    sw_core_close_session(
        client->member.core, sw_pool_now_ms() + CLOSE_TIMEOUT_MS, on_session_closed, client);
    client->member.dirty = true;
}

void swarm_close(struct swarm_client *client)
{
    if (client == NULL || client->pid != getpid()) {
        return; /* after fork() the thread does not exist here: nothing can be ended */
    }
    SW_ASSERT(!sw_pool_is_self(client->pool));
    SW_ASSERT(sw_pool_is_threaded(client->pool) || sw_pool_is_owner(client->pool));
    atomic_store(&client->closing, true);
    client->close.run = run_close;
    sw_pool_post(client->pool, &client->close);
    wait_for(client, &client->done);
    destroy(client);
}

/* ---- loops of others ----------------------------------------------------------------------- */

int swarm_fd(const struct swarm_client *client)
{
    return sw_pool_is_threaded(client->pool) ? -1 : sw_pool_fd(client->pool);
}

int swarm_timeout_ms(const struct swarm_client *client)
{
    return sw_pool_is_threaded(client->pool) ? -1 : sw_pool_wait_ms(client->pool);
}

enum swarm_status swarm_process(struct swarm_client *client)
{
    if (client->pid != getpid() || !sw_pool_is_owner(client->pool) ||
        sw_pool_is_self(client->pool)) {
        return SWARM_INVALID;
    }
    sw_pool_process(client->pool);
    return SWARM_OK;
}

/* ---- requests ------------------------------------------------------------------------------ */

struct call {
    struct sw_task task; /* first */
    struct swarm_client *client;
    struct sw_core_submission submission; /* spans point to `bytes` */
    enum swarm_op op;
    swarm_callback callback;
    void *arg;
    uint8_t bytes[];
};

static void on_done(void *arg, const struct sw_reply *reply)
{
    struct call *call = arg;
    struct swarm_result *result = sw_result_new(reply, call->op);

    result->succeeded = call->op == SWARM_TXN && reply->err == SW_ERR_OK && reply->value == 0;
    atomic_fetch_sub(&call->client->in_flight, 1);
    call->callback(call->arg, result);
    free(call);
}

static void run_call(struct sw_task *task)
{
    struct call *call = (struct call *)(void *)task;
    struct sw_member *member = &call->client->member;
    char why[SW_WHY_SIZE] = "";
    enum sw_err err;

    err = sw_core_submit(member->core, &call->submission, NULL, why);
    member->dirty = true;
    if (err != SW_ERR_OK) {
        on_done(call, &(struct sw_reply){.err = err, .detail = sw_span_str(why)});
    }
}

static struct sw_span span_of(struct swarm_slice slice)
{
    return sw_span_of(slice.data, slice.size);
}

/* What the request names, else what the URL does. */
static struct sw_span name_of(const char *name, const char *of_url)
{
    if (name != NULL) {
        return sw_span_str(name);
    }
    return sw_span_str(of_url[0] == '\0' ? "default" : of_url);
}

bool swarm_is_ordered(const struct swarm_client *client)
{
    return (client->options.flags & SWARM_ORDERED) != 0;
}

static bool names_data(enum swarm_op op)
{
    return op != SWARM_STATUS_OF && op != SWARM_TRANSFER && op != SWARM_SNAPSHOT &&
           op != SWARM_SESSION_CLOSE &&
           (op < SWARM_MEMBER_LIST || op == SWARM_HISTORY ||
            (op >= SWARM_INDEX_CREATE && op <= SWARM_INDEX_LOWER && op != SWARM_SESSION_LIST) ||
            (op >= SWARM_CONTEXT_CREATE && op <= SWARM_CONTEXT_RESTORE) ||
            (op >= SWARM_MEMORY_PUT && op <= SWARM_INDEX_PLACES));
}

static bool is_packed(const struct swarm_request *request)
{
    const enum swarm_op op = request->op;

    return op == SWARM_TXN || op == SWARM_MULTI_GET || op == SWARM_INDEX_CREATE ||
           op == SWARM_VECTOR_PUT || op == SWARM_VECTOR_SEARCH ||
           (op == SWARM_WATCH && request->question != NULL);
}

/* Reads end by themselves: only what changes something may go on without end. */
static uint16_t depth_of(const struct swarm_request *request)
{
    uint32_t depth = request->depth;

    if (depth == 0 && sw_op_is_write((enum sw_op)request->op)) {
        depth = sw_cause_depth();
    }
    return (uint16_t)(depth < UINT16_MAX ? depth : UINT16_MAX); /* far beyond the limit */
}

/* Spans of the result are the caller's memory, or of `packed`. */
static struct sw_core_submission submission_of(const struct swarm_client *client,
                                               const struct swarm_request *request,
                                               struct sw_span packed)
{
    struct sw_core_submission submission = {
        .request = {.op = (enum sw_op)request->op,
                    .depth = depth_of(request),
                    .flags = request->flags,
                    .key = span_of(request->key),
                    .end_key = span_of(request->end_key),
                    .value = is_packed(request) ? packed : span_of(request->value),
                    .expected = request->expected,
                    .limit = request->limit,
                    .lease = request->lease,
                    .min_revision = request->min_revision,
                    .max_age_ms = request->max_age_ms,
                    .session = {request->session},
                    .seq = request->seq},
        .deadline_ms = request->deadline_ms,
        .node = {request->node}};

    if (names_data(request->op)) {
        const struct sw_url *url = &client->target.url;

        submission.request.tenant = name_of(request->scope.tenant, url->tenant);
        submission.request.name_space = name_of(request->scope.name_space, url->name_space);
        if (request->op != SWARM_INDEX_PLACES) { /* it is about all of them */
            submission.request.partition = name_of(request->scope.partition, url->partition);
        }
    } else if (request->op == SWARM_SETTING_PUT || request->op == SWARM_SETTING_DELETE) {
        submission.request.partition = name_of(request->scope.partition, ""); /* the kind */
    }
    if (submission.deadline_ms == 0) {
        submission.deadline_ms = sw_pool_now_ms() + client->options.timeout_ms;
    }
    return submission;
}

static void copy_to(uint8_t **at, struct sw_span *span)
{
    if (span->size > 0) {
        memcpy(*at, span->data, span->size);
        span->data = *at;
        *at += span->size;
    }
}

static struct call *call_new(struct swarm_client *client,
                             const struct sw_core_submission *submission)
{
    const struct sw_request *from = &submission->request;
    struct call *call =
        malloc(sizeof *call + from->tenant.size + from->name_space.size + from->partition.size +
               from->key.size + from->end_key.size + from->value.size);
    struct sw_request *to;
    uint8_t *at;

    SW_ASSERT(call != NULL);
    *call = (struct call){.task.run = run_call, .client = client, .submission = *submission};
    call->submission.done = on_done;
    call->submission.arg = call;
    to = &call->submission.request;
    at = call->bytes;
    copy_to(&at, &to->tenant);
    copy_to(&at, &to->name_space);
    copy_to(&at, &to->partition);
    copy_to(&at, &to->key);
    copy_to(&at, &to->end_key);
    copy_to(&at, &to->value);
    return call;
}

static enum sw_err
check_request(struct swarm_client *client, const struct swarm_request *request, char *ret_why)
{
    const char *why = NULL;
    enum sw_err err = SW_ERR_INVALID;

    if (request->size != sizeof *request) {
        why = "request.size is not set: use SWARM_INIT";
    } else if (is_packed(request) && request->value.size > 0) {
        why = "this operation takes no value of its own";
    } else if (client->pid != getpid()) {
        why = "the client was opened before fork(): open another one in the child";
    } else if (atomic_load(&client->closing)) {
        why = "the client is being closed";
        err = SW_ERR_CANCELLED;
    }
    if (why == NULL) {
        return SW_ERR_OK;
    }
    (void)snprintf(ret_why, SW_WHY_SIZE, "%s", why);
    return err;
}

/* Takes a place among the requests under way. */
static enum sw_err take_place(struct swarm_client *client, char *ret_why)
{
    if (atomic_fetch_add(&client->in_flight, 1) < client->options.in_flight_max) {
        return SW_ERR_OK;
    }
    atomic_fetch_sub(&client->in_flight, 1);
    (void)snprintf(ret_why,
                   SW_WHY_SIZE,
                   "%u requests are under way, the limit",
                   (unsigned)client->options.in_flight_max);
    return SW_ERR_BUSY;
}

enum swarm_status swarm_submit(struct swarm_client *client,
                               const struct swarm_request *request,
                               swarm_callback callback,
                               void *arg,
                               char *ret_why,
                               size_t why_size)
{
    struct sw_core_submission submission;
    struct sw_buf packed = {0};
    char why[SW_WHY_SIZE] = "";
    struct call *call;
    enum sw_err err;

    err = check_request(client, request, why);
    if (err == SW_ERR_OK) {
        err = sw_pack(request, &packed, why);
    }
    if (err == SW_ERR_OK) {
        submission = submission_of(client, request, sw_buf_span(&packed));
        err = sw_request_validate(&submission.request, why);
    }
    if (err == SW_ERR_OK) {
        err = take_place(client, why);
    }
    if (err != SW_ERR_OK) {
        say(ret_why, why_size, why);
        goto out;
    }
    call = call_new(client, &submission);
    call->op = request->op;
    call->callback = callback;
    call->arg = arg;
    sw_pool_post(client->pool, &call->task);
out:
    sw_buf_release(&packed);
    return (enum swarm_status)err;
}

/* ---- waiting ------------------------------------------------------------------------------- */

struct waiter {
    sem_t done;
    struct swarm_result *result;
};

static void on_waited(void *arg, struct swarm_result *result)
{
    struct waiter *waiter = arg;

    waiter->result = result;
    (void)sem_post(&waiter->done);
}

static struct swarm_result *failed_result(enum sw_err err, const char *why, enum swarm_op op)
{
    return sw_result_new(&(struct sw_reply){.err = err, .detail = sw_span_str(why)}, op);
}

void sw_call_all(struct swarm_client *client,
                 const struct swarm_request *requests,
                 size_t count,
                 struct swarm_result **ret_results)
{
    struct waiter *waiters = calloc(count + 1, sizeof *waiters);
    char why[SW_WHY_SIZE];

    SW_ASSERT(waiters != NULL);
    for (size_t i = 0; i < count; i++) {
        enum swarm_status status = SWARM_INVALID;

        (void)sem_init(&waiters[i].done, 0, 0);
        (void)snprintf(why, sizeof why, "a callback must not wait: use swarm_submit");
        if (client->pid != getpid() || !sw_pool_is_self(client->pool)) {
            status = swarm_submit(client, &requests[i], on_waited, &waiters[i], why, sizeof why);
        }
        if (status != SWARM_OK) {
            waiters[i].result = failed_result((enum sw_err)status, why, requests[i].op);
            (void)sem_post(&waiters[i].done);
        }
    }
    for (size_t i = 0; i < count; i++) {
        wait_for(client, &waiters[i].done);
        (void)sem_destroy(&waiters[i].done);
        ret_results[i] = waiters[i].result;
    }
    free(waiters);
}

enum swarm_status swarm_call(struct swarm_client *client,
                             const struct swarm_request *request,
                             struct swarm_result **ret_result)
{
    struct waiter waiter = {0};
    char why[SW_WHY_SIZE] = "a callback must not wait: use swarm_submit";
    enum swarm_status status = SWARM_INVALID;

    (void)sem_init(&waiter.done, 0, 0);
    if (client->pid != getpid() || !sw_pool_is_self(client->pool)) {
        status = swarm_submit(client, request, on_waited, &waiter, why, sizeof why);
    }
    if (status == SWARM_OK) {
        wait_for(client, &waiter.done);
    } else {
        waiter.result = failed_result((enum sw_err)status, why, request->op);
    }
    (void)sem_destroy(&waiter.done);
    status = waiter.result->status;
    if (ret_result != NULL) {
        *ret_result = waiter.result;
    } else {
        swarm_result_free(waiter.result);
    }
    return status;
}
