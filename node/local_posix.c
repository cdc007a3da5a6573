/* Assembly of a node without its network: identity, log, state, core, and connections that are two
 * buffers each. */
#include "node/local_posix.h"

#include <dirent.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "base/env_posix.h"
#include "base/rw.h"
#include "base/worker_inline.h"
#include "base/worker_posix.h"
#include "node/identity_posix.h"
#include "node/node.h"
#include "storage/disk_posix.h"
#include "storage/store_lmdb.h"
#include "storage/store_space.h"
#include "storage/wal_engine.h"
#include "storage/wal_queue.h"

#ifndef SW_VERSION
#    define SW_VERSION "unknown"
#endif

enum {
    SELF = 1,
    TICK_MS = 10,
    TICK_IDLE_MS = 50, /* nobody waits for an answer: only leases and commits need the time */
    ROUNDS_MAX = 8,    /* of one turn: proposed, synced, executed, answered, and some to spare */
    FOUND_TRIES = 2,
    SNAPSHOT_TRAILING = 64,
    INBOX_KEEP_SIZE = 64 << 10
};

static const uint64_t snapshot_bytes = 32 << 20;
static const uint64_t segment_size = 4 << 20; /* a data directory of a small program is small */
static const size_t inbox_size_max = 4 * (size_t)SW_MESSAGE_SIZE_MAX;
static const char founder[8] = "embedded";

struct conn {
    struct conn *next;
    uint64_t id;
    struct sw_buf in, out; /* owned; whole requests, whole replies */
};

struct worker {
    struct sw_worker_inline inline_;
    struct sw_worker_posix *thread; /* NULL: inline */
};

struct sw_local {
    struct sw_local_config config; /* data_dir is not used after open */
    struct sw_swarm_id swarm;
    bool founds;
    struct sw_env_posix world;
    struct sw_env env;
    struct sw_identity *identity;
    struct worker wal, applier;
    struct sw_disk_posix *disk;
    struct sw_wal_engine *engine;
    struct sw_wal_queue *queue;
    struct sw_store *store;
    struct sw_link link;
    struct sw_node *node;
    struct conn *conns; /* owned */
    uint64_t last_conn;
    uint64_t tick_at_ms;
    _Atomic bool woken;
    bool waiting; /* an inbox is not empty */
    bool stopped;
    bool failed, failed_told;
    enum sw_err fail_err;
    char fail_why[SW_WHY_SIZE];
};

struct sw_node_id sw_local_self(void)
{
    return (struct sw_node_id){.value = SELF};
}

/* --- connections ------------------------------------------------------------------------------ */

static struct conn *conn_of(const struct sw_local *local, uint64_t id)
{
    struct conn *conn = local->conns;

    while (conn != NULL && conn->id != id) {
        conn = conn->next;
    }
    return conn;
}

uint64_t sw_local_connect(struct sw_local *local)
{
    struct conn *conn = calloc(1, sizeof *conn);

    SW_ASSERT(conn != NULL);
    local->last_conn++;
    conn->id = local->last_conn;
    conn->next = local->conns;
    local->conns = conn;
    return conn->id;
}

static void conn_free(struct conn *conn)
{
    sw_buf_release(&conn->in);
    sw_buf_release(&conn->out);
    free(conn);
}

void sw_local_disconnect(struct sw_local *local, uint64_t conn)
{
    const struct sw_link_handler handler = sw_node_link_handler(local->node);
    struct conn **at = &local->conns;
    struct conn *found;

    while (*at != NULL && (*at)->id != conn) {
        at = &(*at)->next;
    }
    SW_ASSERT(*at != NULL);
    found = *at;
    *at = found->next;
    conn_free(found);
    handler.client_gone(handler.arg, conn);
}

enum sw_err sw_local_send(struct sw_local *local, uint64_t conn, struct sw_span message)
{
    struct conn *to = conn_of(local, conn);

    SW_ASSERT(to != NULL);
    if (local->failed) {
        return SW_ERR_UNREACHABLE;
    }
    if (to->in.size + message.size > inbox_size_max) {
        return SW_ERR_BUSY;
    }
    sw_write_bytes(&to->in, message);
    local->waiting = true;
    return SW_ERR_OK;
}

static void buffer_done(struct sw_buf *buf)
{
    if (buf->capacity > INBOX_KEEP_SIZE) {
        sw_buf_release(buf); /* one large value must not cost memory for ever */
    }
    sw_buf_clear(buf);
}

static void deliver_requests(struct sw_local *local)
{
    const struct sw_link_handler handler = sw_node_link_handler(local->node);
    /* Nobody to be told apart: whoever may open the directory may do everything. */
    static const uint8_t key[32] = {0};

    if (!local->waiting) {
        return;
    }
    local->waiting = false;
    for (struct conn *conn = local->conns; conn != NULL; conn = conn->next) {
        if (conn->in.size > 0) {
            handler.client_message(handler.arg, conn->id, key, sw_buf_span(&conn->in));
            buffer_done(&conn->in);
        }
    }
}

static void deliver_replies(struct sw_local *local)
{
    for (struct conn *conn = local->conns; conn != NULL && !local->failed; conn = conn->next) {
        if (conn->out.size > 0) {
            local->config.reply(local->config.arg, conn->id, sw_buf_span(&conn->out));
            buffer_done(&conn->out);
        }
    }
}

/* --- the link: no peers, and clients in this process ------------------------------------------ */

static enum sw_err link_send(struct sw_link *link, struct sw_node_id peer, struct sw_span message)
{
    (void)link;
    (void)peer;
    (void)message;
    return SW_ERR_UNREACHABLE;
}

static enum sw_err link_reply(struct sw_link *link, uint64_t id, struct sw_span message)
{
    struct conn *conn = conn_of(link->impl, id);

    if (conn == NULL) {
        return SW_ERR_UNREACHABLE;
    }
    sw_write_bytes(&conn->out, message);
    return SW_ERR_OK;
}

static void link_flush(struct sw_link *link)
{
    (void)link; /* replies leave at the end of the turn */
}

static bool link_peer_up(struct sw_link *link, struct sw_node_id peer)
{
    (void)link;
    (void)peer;
    return false;
}

static void link_stats(struct sw_link *link, struct sw_link_stats *ret_stats)
{
    const struct sw_local *local = link->impl;

    *ret_stats = (struct sw_link_stats){0};
    for (const struct conn *conn = local->conns; conn != NULL; conn = conn->next) {
        ret_stats->clients++;
    }
}

/* Who calls is in this process. */
static struct sw_span link_address(struct sw_link *link)
{
    (void)link;
    return sw_span_str("embedded");
}

static const struct sw_link_ops link_ops = {.address = link_address,
                                            .send = link_send,
                                            .reply = link_reply,
                                            .flush = link_flush,
                                            .peer_up = link_peer_up,
                                            .stats = link_stats};

/* --- workers ---------------------------------------------------------------------------------- */

static void on_wake(void *arg)
{
    struct sw_local *local = arg; /* on the worker's thread */

    atomic_store(&local->woken, true);
    local->config.wake(local->config.wake_arg);
}

static enum sw_err worker_start(struct sw_local *local, struct worker *worker, const char *name)
{
    if (local->config.threads) {
        return sw_worker_posix_start(name, on_wake, local, &worker->thread);
    }
    sw_worker_inline_init(&worker->inline_);
    return SW_ERR_OK;
}

static struct sw_worker *worker_port(struct worker *worker)
{
    return worker->thread != NULL ? sw_worker_posix_port(worker->thread)
                                  : sw_worker_inline_port(&worker->inline_);
}

static void worker_drain(struct worker *worker)
{
    if (worker->thread != NULL) {
        (void)sw_worker_posix_drain(worker->thread);
    } else {
        (void)sw_worker_inline_drain(&worker->inline_);
    }
}

/* What a thread has not finished comes with a wake-up. */
static bool worker_ready(const struct worker *worker)
{
    return worker->thread == NULL && !sw_worker_inline_idle(&worker->inline_);
}

static void worker_stop(struct worker *worker)
{
    sw_worker_posix_stop(worker->thread);
    while (worker_ready(worker)) {
        worker_drain(worker);
    }
}

/* --- turns ------------------------------------------------------------------------------------ */

static void on_stopped(void *arg)
{
    ((struct sw_local *)arg)->stopped = true;
}

/* swarmd leaves the process here. A library may not: it answers nothing any more, and what was not
 * committed to the store is dropped at the close. */
static void on_fatal(void *arg, enum sw_err err, const char *why)
{
    struct sw_local *local = arg;

    if (!local->failed) {
        local->failed = true;
        local->fail_err = err;
        (void)snprintf(local->fail_why, sizeof local->fail_why, "%s", why);
    }
}

static void tick(struct sw_local *local)
{
    const uint64_t now_ms = sw_env_now_ms(&local->env);
    struct sw_node_status status;

    if (now_ms >= local->tick_at_ms) {
        sw_node_tick(local->node);
        sw_node_status(local->node, &status);
        local->tick_at_ms = now_ms + (status.in_flight > 0 ? TICK_MS : TICK_IDLE_MS);
    }
}

void sw_local_turn(struct sw_local *local)
{
    bool more = true;

    atomic_store(&local->woken, false);
    deliver_requests(local);
    for (int round = 0; more && round < ROUNDS_MAX && !local->failed; round++) {
        worker_drain(&local->wal);
        worker_drain(&local->applier);
        tick(local);
        sw_node_turn_end(local->node);
        more = worker_ready(&local->wal) || worker_ready(&local->applier);
    }
    deliver_replies(local);
    if (local->failed && !local->failed_told) {
        local->failed_told = true;
        local->config.failed(local->config.arg, local->fail_err, local->fail_why);
    }
}

uint64_t sw_local_wait_ms(const struct sw_local *local)
{
    const uint64_t now_ms = sw_env_now_ms(&local->env);
    const uint64_t node_ms = sw_node_wait_ms(local->node);
    const uint64_t tick_ms = local->tick_at_ms > now_ms ? local->tick_at_ms - now_ms : 0;

    if (local->failed) {
        return UINT64_MAX;
    }
    if (local->waiting || atomic_load(&local->woken) || worker_ready(&local->wal) ||
        worker_ready(&local->applier)) {
        return 0;
    }
    return tick_ms < node_ms ? tick_ms : node_ms;
}

/* --- opening ---------------------------------------------------------------------------------- */

/* Somebody's folder is no place to found a store in: nobody means that. */
static enum sw_err check_empty(const char *data_dir, char *ret_why)
{
    DIR *dir = opendir(data_dir);
    const struct dirent *entry;
    bool other = false;

    if (dir == NULL) {
        return errno == ENOENT ? SW_ERR_OK : SW_ERR_CONFIG;
    }
    /* One thread reads this stream. NOLINTNEXTLINE(concurrency-mt-unsafe) */
    while ((entry = readdir(dir)) != NULL) {
        const char *name = entry->d_name;
        const bool ours = strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
                          strcmp(name, "LOCK") == 0 || strcmp(name, "first-start.new") == 0 ||
                          strcmp(name, "wal") == 0 || strcmp(name, "state") == 0;

        other = other || !ours;
    }
    (void)closedir(dir);
    if (other) {
        (void)snprintf(ret_why,
                       SW_WHY_SIZE,
                       "%.80s is not empty and holds no store: name a directory of its own",
                       data_dir);
    }
    return other ? SW_ERR_CONFIG : SW_ERR_OK;
}

/* The swarm that the directory belongs to, or a new one. */
static enum sw_err find_swarm(struct sw_local *local, char *ret_why)
{
    const char *data_dir = local->config.data_dir;
    struct sw_node_id node = {.value = SELF};
    enum sw_err err = sw_identity_peek(data_dir, &local->swarm, &node, ret_why);

    local->founds = err == SW_ERR_NOT_FOUND;
    if (local->founds) {
        memcpy(local->swarm.bytes, founder, sizeof founder);
        for (size_t i = sizeof founder; i < sizeof local->swarm.bytes; i++) {
            local->swarm.bytes[i] = (uint8_t)sw_env_random(&local->env);
        }
        return check_empty(data_dir, ret_why);
    }
    if (err == SW_ERR_OK &&
        (memcmp(local->swarm.bytes, founder, sizeof founder) != 0 || node.value != SELF)) {
        (void)snprintf(ret_why,
                       SW_WHY_SIZE,
                       "%.70s belongs to node %llu of a swarm: only swarmd may open it",
                       data_dir,
                       (unsigned long long)node.value);
        err = SW_ERR_STRANGER;
    }
    return err;
}

/* Who founds at the same time as another finds that one's identity, once it has the lock. */
static enum sw_err open_identity(struct sw_local *local, char *ret_why)
{
    enum sw_err err = SW_ERR_STRANGER;

    for (int i = 0; i < FOUND_TRIES && err == SW_ERR_STRANGER; i++) {
        err = find_swarm(local, ret_why);
        if (err == SW_ERR_OK) {
            const struct sw_identity_config config = {.data_dir = local->config.data_dir,
                                                      .swarm = local->swarm,
                                                      .node = sw_local_self(),
                                                      .first_start = local->founds};

            err = sw_identity_open(&config, &local->identity, ret_why);
        }
    }
    return err;
}

static enum sw_err open_storage(struct sw_local *local, char *ret_why)
{
    struct sw_wal_engine_config wal = {.env = &local->env,
                                       .swarm = local->swarm,
                                       .node = sw_local_self(),
                                       .segment_size = segment_size,
                                       .room_min = SW_SPACE_DISK_RESERVE_SIZE / 2,
                                       .salt = sw_env_random(&local->env)};
    const struct sw_store_lmdb_config store = {.path = sw_identity_state_dir(local->identity),
                                               .swarm = local->swarm,
                                               .node = sw_local_self(),
                                               .log_size = segment_size,
                                               .env = &local->env};
    enum sw_err err;

    err = sw_disk_posix_new(sw_identity_wal_dir(local->identity), &local->disk, ret_why);
    if (err != SW_ERR_OK) {
        return err;
    }
    wal.disk = sw_disk_posix_port(local->disk);
    err = sw_wal_engine_open(&wal, &local->engine, ret_why);
    if (err != SW_ERR_OK) {
        return err;
    }
    err = sw_store_lmdb_open(&store, &local->store, ret_why);
    if (err != SW_ERR_OK) {
        return err;
    }
    return sw_identity_settle(local->identity, ret_why);
}

static enum sw_err open_workers(struct sw_local *local, char *ret_why)
{
    enum sw_err err = worker_start(local, &local->wal, "swarm-wal");

    if (err == SW_ERR_OK) {
        err = worker_start(local, &local->applier, "swarm-applier");
    }
    if (err != SW_ERR_OK) {
        (void)snprintf(ret_why, SW_WHY_SIZE, "threads cannot be had");
    }
    return err;
}

static enum sw_err open_node(struct sw_local *local, char *ret_why)
{
    const struct sw_wal_queue_config queue = {.engine = local->engine,
                                              .worker = worker_port(&local->wal),
                                              .fatal = on_fatal,
                                              .arg = local};
    /* An address has to be there; nobody dials it. */
    const struct sw_node_member self = {.id = sw_local_self(), .peer_address = "embedded:1"};
    struct sw_node_config config = {
        .swarm = local->swarm,
        .self = sw_local_self(),
        .members = &self,
        .member_count = 1,
        /* Memory holds the log since the last snapshot, and nobody ever asks for older entries. */
        .tuning = {.snapshot_bytes = snapshot_bytes, .snapshot_trailing = SNAPSHOT_TRAILING},
        .env = &local->env,
        .link = &local->link,
        .store = local->store,
        .applier_worker = worker_port(&local->applier),
        .version = SW_VERSION,
        .durability = SW_DURABILITY_LOCAL,
        .handler = {.arg = local, .stopped = on_stopped, .fatal = on_fatal},
    };

    local->queue = sw_wal_queue_new(&queue);
    config.wal = sw_wal_queue_port(local->queue);
    return sw_node_new(&config, &local->node, ret_why);
}

/* Step by step, the first error ends it. */
static enum sw_err open_all(struct sw_local *local, char *ret_why)
{
    static enum sw_err (*const steps[])(struct sw_local *, char *) = {
        open_identity, open_workers, open_storage, open_node};
    enum sw_err err = SW_ERR_OK;

    for (size_t i = 0; i < sizeof steps / sizeof steps[0] && err == SW_ERR_OK; i++) {
        err = steps[i](local, ret_why);
    }
    return err;
}

static void release(struct sw_local *local)
{
    if (local->node != NULL && !local->stopped) {
        sw_node_crash(local->node);
    }
    worker_stop(&local->applier);
    worker_stop(&local->wal);
    sw_node_free(local->node);
    sw_wal_queue_free(local->queue);
    sw_store_lmdb_close(local->store);
    sw_wal_engine_close(local->engine);
    sw_disk_posix_free(local->disk);
    sw_identity_close(local->identity);
    while (local->conns != NULL) {
        struct conn *conn = local->conns;

        local->conns = conn->next;
        conn_free(conn);
    }
    free(local);
}

enum sw_err sw_local_open(const struct sw_local_config *config,
                          struct sw_local **ret_local,
                          char ret_why[SW_WHY_SIZE])
{
    struct sw_local *local = calloc(1, sizeof *local);
    enum sw_err err;

    SW_ASSERT(local != NULL);
    SW_ASSERT(config->wake != NULL || !config->threads);
    local->config = *config;
    local->env = sw_env_posix_init(&local->world);
    local->link = (struct sw_link){.impl = local, .ops = &link_ops};
    err = open_all(local, ret_why);
    local->config.data_dir = NULL;
    if (err != SW_ERR_OK) {
        release(local);
        return err;
    }
    *ret_local = local;
    return SW_ERR_OK;
}

void sw_local_close(struct sw_local *local)
{
    const struct timespec pause = {.tv_nsec = 200000};

    if (local == NULL) {
        return;
    }
    sw_node_stop(local->node);
    while (!local->stopped && !local->failed) {
        sw_local_turn(local);
        if (sw_local_wait_ms(local) > 0) {
            (void)nanosleep(&pause, NULL); /* a thread is at work, or a deadline must pass */
        }
    }
    release(local);
}
