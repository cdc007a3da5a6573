/* Whole nodes on real directories in one thread. */
#include "tests/fault/power_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/rw.h"
#include "storage/store_lmdb.h"
#include "tests/fault/power_mark.h"
#include "transport/proto.h"

enum {
    TICK_MS = 10,
    LEADER_MS_MAX = 60000,
    REQUEST_MS = 2000,
    SEGMENT_SIZE = 16 << 10,
    MAP_SIZE = 16 << 20,
    COMMIT_MS = 50,
    VALUE_SIZE_MAX = 8 << 10,
};

static const struct sw_swarm_id swarm = {{7}};

/* --- clock ------------------------------------------------------------------------------------ */

static uint64_t now_ms(void *impl)
{
    return ((const struct power_world *)impl)->now_ms;
}

static uint64_t now_ns(void *impl)
{
    return now_ms(impl) * 1000000;
}

static uint64_t wall_ms(void *impl)
{
    return UINT64_C(1700000000000) + now_ms(impl);
}

static uint64_t random_of(void *impl)
{
    return sw_prng_next(&((struct power_world *)impl)->prng);
}

/* --- workers ---------------------------------------------------------------------------------- */

static void submit(struct sw_worker *port, struct sw_job *job)
{
    struct power_worker *worker = port->impl;

    job->next = NULL;
    if (worker->last == NULL) {
        worker->first = job;
    } else {
        worker->last->next = job;
    }
    worker->last = job;
}

static bool work(struct power_worker *worker)
{
    struct sw_job *job = worker->first;

    if (job == NULL) {
        return false;
    }
    worker->first = job->next;
    if (worker->first == NULL) {
        worker->last = NULL;
    }
    job->run(job);
    job->done(job);
    return true;
}

/* --- network ---------------------------------------------------------------------------------- */

static struct power_node *node_of(struct power_world *world, uint64_t number)
{
    SW_ASSERT(number >= 1 && number <= world->count);
    return &world->nodes[number - 1];
}

static enum sw_err link_send(struct sw_link *link, struct sw_node_id peer, struct sw_span message)
{
    const struct power_node *node = link->impl;
    struct power_message **place = &node->world->first;
    struct power_message *sent;

    if (node_of(node->world, peer.value)->node == NULL) {
        return SW_ERR_UNREACHABLE;
    }
    sent = malloc(sizeof *sent + message.size);
    SW_ASSERT(sent != NULL);
    *sent = (struct power_message){
        .from = node->number, .to = (uint32_t)peer.value, .size = message.size};
    memcpy(sent->bytes, message.data, message.size);
    while (*place != NULL) {
        place = &(*place)->next;
    }
    *place = sent;
    return SW_ERR_OK;
}

static uint64_t number_in(struct sw_span bytes)
{
    uint64_t number = 0;

    if (bytes.size >= sizeof number) {
        memcpy(&number, bytes.data, sizeof number);
    }
    return number;
}

/* The one client asks one thing at a time. */
static enum sw_err link_reply(struct sw_link *link, uint64_t conn, struct sw_span message)
{
    struct power_world *world = ((const struct power_node *)link->impl)->world;
    struct sw_reader in = sw_reader_of(message);
    struct sw_reply reply;

    (void)conn;
    SW_ASSERT(sw_reply_decode(&in, &reply) == SW_ERR_OK);
    world->answered = true;
    world->answer = reply.err;
    world->value = 0;
    if (reply.err == SW_ERR_OK && reply.record_count > 0) {
        struct sw_reader records = sw_reader_of(reply.records);
        struct sw_record record;

        SW_ASSERT(sw_record_decode(&records, &record) == SW_ERR_OK);
        world->value = number_in(record.value);
    }
    return SW_ERR_OK;
}

static void link_flush(struct sw_link *link)
{
    (void)link;
}

static bool link_peer_up(struct sw_link *link, struct sw_node_id peer)
{
    const struct power_node *node = link->impl;

    return node_of(node->world, peer.value)->node != NULL;
}

static void link_stats(struct sw_link *link, struct sw_link_stats *ret_stats)
{
    (void)link;
    *ret_stats = (struct sw_link_stats){0};
}

static const struct sw_link_ops link_ops = {.send = link_send,
                                            .reply = link_reply,
                                            .flush = link_flush,
                                            .peer_up = link_peer_up,
                                            .stats = link_stats};

static bool deliver(struct power_world *world)
{
    struct power_message *message = world->first;
    const struct power_node *to;

    if (message == NULL) {
        return false;
    }
    world->first = message->next;
    to = node_of(world, message->to);
    if (to->node != NULL) {
        const struct sw_link_handler handler = sw_node_link_handler(to->node);

        handler.peer_message(handler.arg,
                             (struct sw_node_id){message->from},
                             sw_span_of(message->bytes, message->size));
    }
    free(message);
    return true;
}

/* Everybody hears of it, and it hears of everybody. */
static void tell_state(struct power_world *world, const struct power_node *changed, bool up)
{
    for (uint32_t i = 0; i < world->count; i++) {
        const struct power_node *other = &world->nodes[i];
        struct sw_link_handler handler;

        if (other == changed || other->node == NULL) {
            continue;
        }
        handler = sw_node_link_handler(other->node);
        handler.peer_state(handler.arg, (struct sw_node_id){changed->number}, up);
        if (up) {
            handler = sw_node_link_handler(changed->node);
            handler.peer_state(handler.arg, (struct sw_node_id){other->number}, true);
        }
    }
}

/* --- life of a node --------------------------------------------------------------------------- */

static void on_fatal(void *arg, enum sw_err err, const char *why)
{
    struct power_node *node = arg;

    (void)snprintf(node->world->why,
                   sizeof node->world->why,
                   "node %u: fatal: %s: %.100s",
                   node->number,
                   sw_err_name(err),
                   why);
}

static void on_stopped(void *arg)
{
    ((struct power_node *)arg)->stopped = true;
}

static enum sw_err open_storage(struct power_node *node, bool first_start)
{
    struct power_world *world = node->world;
    const struct sw_identity_config identity = {.data_dir = node->data_dir,
                                                .swarm = swarm,
                                                .node = {node->number},
                                                .first_start = first_start};
    struct sw_wal_engine_config wal = {.env = &world->env,
                                       .swarm = swarm,
                                       .node = {node->number},
                                       .segment_size = SEGMENT_SIZE,
                                       .salt = 99};
    struct sw_store_lmdb_config store = {.swarm = swarm,
                                         .node = {node->number},
                                         .map_size = MAP_SIZE,
                                         .log_size = SEGMENT_SIZE,
                                         .env = &world->env};
    enum sw_err err = sw_identity_open(&identity, &node->identity, world->why);

    if (err != SW_ERR_OK) {
        return err;
    }
    err = sw_disk_posix_new(sw_identity_wal_dir(node->identity), &node->disk, world->why);
    if (err != SW_ERR_OK) {
        return err;
    }
    wal.disk = sw_disk_posix_port(node->disk);
    err = sw_wal_engine_open(&wal, &node->engine, world->why);
    if (err != SW_ERR_OK) {
        return err;
    }
    store.path = sw_identity_state_dir(node->identity);
    err = sw_store_lmdb_open(&store, &node->store, world->why);
    if (err != SW_ERR_OK) {
        return err;
    }
    return sw_identity_settle(node->identity, world->why);
}

static enum sw_err open_node(struct power_node *node)
{
    struct power_world *world = node->world;
    struct sw_node_member members[POWER_NODE_MAX];
    static const char *const addresses[POWER_NODE_MAX] = {"h1:1", "h2:1", "h3:1"};
    struct sw_node_config config = {
        .swarm = swarm,
        .self = {node->number},
        .members = members,
        .member_count = world->count,
        .tuning = sw_node_tuning_default(),
        .commit_interval_ms = COMMIT_MS,
        .env = &world->env,
        .link = &node->link,
        .store = node->store,
        .applier_worker = &node->workers[1].port,
        .version = "power",
        .handler = {.arg = node, .stopped = on_stopped, .fatal = on_fatal}};

    for (uint32_t i = 0; i < world->count; i++) {
        members[i] = (struct sw_node_member){
            .id = {i + 1}, .peer_address = addresses[i], .client_address = addresses[i]};
    }
    config.tuning.snapshot_bytes = world->snapshot_bytes;
    config.tuning.snapshot_trailing = 3;
    node->queue = sw_wal_queue_new(&(struct sw_wal_queue_config){
        .engine = node->engine, .worker = &node->workers[0].port, .fatal = on_fatal, .arg = node});
    config.wal = power_watch_init(&node->watch, sw_wal_queue_port(node->queue), node->number);
    return sw_node_new(&config, &node->node, world->why);
}

enum sw_err power_start(struct power_world *world, uint32_t number, bool first_start)
{
    struct power_node *node = node_of(world, number);
    const struct power_mark settled = {.kind = POWER_SETTLED, .node = number};
    enum sw_err err;

    SW_ASSERT(node->node == NULL);
    node->stopped = false;
    node->flushed = 0;
    err = open_storage(node, first_start);
    if (err == SW_ERR_OK) {
        power_mark(&settled, sw_span_of(NULL, 0));
        err = open_node(node);
    }
    if (err != SW_ERR_OK) {
        power_crash(world, number);
        return err;
    }
    tell_state(world, node, true);
    return SW_ERR_OK;
}

void power_crash(struct power_world *world, uint32_t number)
{
    struct power_node *node = node_of(world, number);

    sw_wal_queue_free(node->queue); /* first: its jobs look at memory of the node */
    while (work(&node->workers[0])) {
    }
    if (node->node != NULL) {
        if (!node->stopped) {
            sw_node_crash(node->node);
        }
        while (work(&node->workers[1])) {
        }
        sw_node_free(node->node);
        node->node = NULL;
        tell_state(world, node, false);
    }
    power_watch_release(&node->watch);
    sw_store_lmdb_close(node->store);
    sw_wal_engine_close(node->engine);
    sw_disk_posix_free(node->disk);
    sw_identity_close(node->identity);
    node->queue = NULL;
    node->store = NULL;
    node->engine = NULL;
    node->disk = NULL;
    node->identity = NULL;
}

void power_world_init(struct power_world *world, uint32_t count, uint64_t seed)
{
    SW_ASSERT(count <= POWER_NODE_MAX);
    *world = (struct power_world){.count = count, .now_ms = 1000, .snapshot_bytes = 1 << 20};
    world->prng = sw_prng_of(seed);
    world->env = (struct sw_env){
        .impl = world, .now_ms = now_ms, .now_ns = now_ns, .wall_ms = wall_ms, .random = random_of};
    for (uint32_t i = 0; i < count; i++) {
        struct power_node *node = &world->nodes[i];

        node->world = world;
        node->number = i + 1;
        node->link = (struct sw_link){.impl = node, .ops = &link_ops};
        for (int j = 0; j < 2; j++) {
            node->workers[j].port = (struct sw_worker){.impl = &node->workers[j], .submit = submit};
        }
    }
}

void power_release(struct power_world *world)
{
    for (uint32_t i = 1; i <= world->count; i++) {
        power_crash(world, i);
    }
    while (world->first != NULL) {
        struct power_message *message = world->first;

        world->first = message->next;
        free(message);
    }
}

/* --- time ------------------------------------------------------------------------------------- */

static void turn_end(struct power_node *node)
{
    struct sw_node_status status;

    if (node->node == NULL) {
        return;
    }
    sw_node_turn_end(node->node);
    sw_node_status(node->node, &status);
    if (status.durable_index > node->flushed) {
        const struct power_mark mark = {
            .kind = POWER_FLUSHED, .node = node->number, .a = status.durable_index};

        node->flushed = status.durable_index;
        power_mark(&mark, sw_span_of(NULL, 0));
    }
}

/* One thing, chosen by chance among what can happen now. False if nothing can. */
static bool step(struct power_world *world)
{
    const uint32_t choices = world->count * 2 + 1;
    const uint32_t begin = (uint32_t)sw_prng_below(&world->prng, choices);
    bool done = false;

    for (uint32_t i = 0; i < choices && !done; i++) {
        const uint32_t choice = (begin + i) % choices;

        if (choice == world->count * 2) {
            done = deliver(world);
        } else if (world->nodes[choice / 2].node != NULL) {
            done = work(&world->nodes[choice / 2].workers[choice % 2]);
        }
    }
    for (uint32_t i = 0; i < world->count && done; i++) {
        turn_end(&world->nodes[i]);
    }
    return done;
}

void power_run(struct power_world *world, uint64_t ms)
{
    const uint64_t end = world->now_ms + ms;

    for (;;) {
        while (step(world)) {
        }
        if (world->now_ms >= end || world->why[0] != '\0') {
            return;
        }
        world->now_ms += TICK_MS;
        for (uint32_t i = 0; i < world->count; i++) {
            if (world->nodes[i].node != NULL) {
                sw_node_tick(world->nodes[i].node);
                turn_end(&world->nodes[i]);
            }
        }
    }
}

void power_stop(struct power_world *world, uint32_t number)
{
    struct power_node *node = node_of(world, number);

    SW_ASSERT(node->node != NULL);
    sw_node_stop(node->node);
    turn_end(node);
    while (!node->stopped && world->why[0] == '\0') {
        power_run(world, TICK_MS);
    }
    power_crash(world, number);
}

bool power_has_leader(struct power_world *world, uint32_t *ret_number)
{
    const uint64_t end = world->now_ms + LEADER_MS_MAX;
    struct sw_node_status status;

    while (world->now_ms < end && world->why[0] == '\0') {
        for (uint32_t i = 0; i < world->count; i++) {
            if (world->nodes[i].node == NULL) {
                continue;
            }
            sw_node_status(world->nodes[i].node, &status);
            if (status.group.role == SW_ROLE_LEADER &&
                sw_node_ready(world->nodes[i].node, (char[SW_WHY_SIZE]){0})) {
                *ret_number = i + 1;
                return true;
            }
        }
        power_run(world, TICK_MS);
    }
    return false;
}

/* --- the client ------------------------------------------------------------------------------- */

static enum sw_err ask(struct power_world *world, uint32_t number, const struct sw_request *request)
{
    const struct power_node *node = node_of(world, number);
    const struct sw_link_handler handler = sw_node_link_handler(node->node);
    const uint64_t end = world->now_ms + REQUEST_MS * 2;
    const uint8_t key[32] = {1};
    struct sw_buf bytes = {0};

    world->answered = false;
    sw_request_encode(request, &bytes);
    handler.client_message(handler.arg, 1, key, sw_buf_span(&bytes));
    sw_buf_release(&bytes);
    turn_end(node_of(world, number));
    while (!world->answered && world->now_ms < end && world->why[0] == '\0') {
        power_run(world, TICK_MS);
    }
    return world->answered ? world->answer : SW_ERR_DEADLINE;
}

static enum sw_err ask_leader(struct power_world *world, const struct sw_request *request)
{
    uint32_t leader;

    return power_has_leader(world, &leader) ? ask(world, leader, request) : SW_ERR_NO_LEADER;
}

static struct sw_request request_of(enum sw_op op, const char *key)
{
    return (struct sw_request){.id = 1,
                               .timeout_ms = REQUEST_MS,
                               .op = op,
                               .tenant = sw_span_str("t"),
                               .name_space = sw_span_str("n"),
                               .partition = sw_span_str("p"),
                               .key = sw_span_str(key)};
}

/* The value begins with its number; the rest is there to fill the log. */
enum sw_err power_put(struct power_world *world, uint64_t key, uint64_t value, size_t size)
{
    const char name[] = {(char)('a' + (char)key), '\0'};
    struct sw_request request = request_of(SW_OP_PUT, name);
    uint8_t bytes[VALUE_SIZE_MAX];
    enum sw_err err;

    SW_ASSERT(size >= sizeof value && size <= sizeof bytes);
    memset(bytes, (int)(value & 0xff), size);
    memcpy(bytes, &value, sizeof value);
    request.value = sw_span_of(bytes, size);
    err = ask_leader(world, &request);
    if (err == SW_ERR_OK) {
        const struct power_mark mark = {.kind = POWER_ACKED, .a = key, .b = value};

        power_mark(&mark, sw_span_of(NULL, 0));
    }
    return err;
}

enum sw_err power_get(struct power_world *world, uint64_t key, uint64_t *ret_value)
{
    const char name[] = {(char)('a' + (char)key), '\0'};
    const struct sw_request request = request_of(SW_OP_GET, name);
    const enum sw_err err = ask_leader(world, &request);

    *ret_value = world->value;
    return err;
}

enum sw_err power_delete(struct power_world *world, uint64_t key)
{
    const char name[] = {(char)('a' + (char)key), '\0'};
    const struct sw_request request = request_of(SW_OP_DELETE, name);
    const struct power_mark asked = {.kind = POWER_ASKED_DELETE, .a = key};
    enum sw_err err;

    power_mark(&asked, sw_span_of(NULL, 0));
    err = ask_leader(world, &request);

    if (err == SW_ERR_OK) {
        const struct power_mark mark = {.kind = POWER_ACKED, .a = key, .b = 0};

        power_mark(&mark, sw_span_of(NULL, 0));
    }
    return err;
}

enum sw_err power_snapshot(struct power_world *world, uint32_t number)
{
    const struct sw_request request = {.id = 1, .timeout_ms = REQUEST_MS, .op = SW_OP_SNAPSHOT};

    return ask(world, number, &request);
}
