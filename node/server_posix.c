/* Assembly of swarmd. */
#include "node/server_posix.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/env_posix.h"
#include "base/point.h"
#include "base/worker_posix.h"
#include "node/allow.h"
#include "node/http_mhd.h"
#include "node/identity_posix.h"
#include "node/loop_uv.h"
#include "node/node.h"
#include "node/peering_posix.h"
#include "storage/disk_posix.h"
#include "storage/store_lmdb.h"
#include "storage/store_space.h"
#include "storage/wal_engine.h"
#include "storage/wal_queue.h"
#include "transport/keyfile_posix.h"
#include "transport/link_fault_posix.h"
#include "transport/link_zmq.h"

#ifndef SW_VERSION
#    define SW_VERSION "unknown"
#endif

enum { TICK_MS = 10, HTTP_MS = 100, ALLOW_FILE_SIZE_MAX = 1 << 20 };

struct sw_server {
    struct sw_config config;
    struct sw_log *log; /* borrowed */
    sw_server_reload_fn reload;
    void *reload_arg;
    struct sw_env_posix world;
    struct sw_env env;
    struct sw_identity *identity;
    struct sw_keypair *keys;
    struct sw_allow allow;
    struct sw_loop *loop;
    struct sw_worker_posix *wal_worker;
    struct sw_worker_posix *applier_worker;
    struct sw_worker_posix *search_worker;
    struct sw_disk_posix *disk;
    struct sw_wal_engine *engine;
    struct sw_wal_queue *queue;
    struct sw_store *store;
    struct sw_link *link;
    struct sw_link_fault_page *fault_page; /* NULL without --fault-control, as is `fault` */
    struct sw_link_fault *fault;           /* stands between link and node */
    struct sw_node *node;
    struct sw_peering peering;
    bool members_changed;    /* since the link's peers were last compared */
    bool identities_changed; /* since the link last asked who may come in */
    bool restart;            /* start again after the stop */
    struct sw_http *http;
    uint64_t tick_at_ms;
    uint64_t http_at_ms;
    int exit_code;
};

/* --- log -------------------------------------------------------------------------------------- */

static void
say(struct sw_server *server, enum sw_log_level level, const char *event, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void
say(struct sw_server *server, enum sw_log_level level, const char *event, const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    sw_log_write(server->log, level, event, text);
}

static void on_log(void *arg, enum sw_log_level level, const char *event, const char *text)
{
    struct sw_server *server = arg;

    sw_log_write(server->log, level, event, text);
}

static void on_link_event(void *arg, enum sw_err kind, const char *text)
{
    say(arg, SW_LOG_WARN, "link-refused", "%s: %s", sw_err_name(kind), text);
}

/* --- ends ------------------------------------------------------------------------------------- */

/* The log or the state can not be trusted any more. Leaving by the shortest way is what keeps the
 * promise: nothing is acknowledged, written or synced after this line. */
static void on_fatal(void *arg, enum sw_err err, const char *why)
{
    struct sw_server *server = arg;

    say(server,
        SW_LOG_ERROR,
        "fatal",
        "%s: %s; the process stops so that nothing unproven is acknowledged; %s",
        sw_err_name(err),
        why,
        sw_err_info(err)->hint);
    _exit(sw_err_info(err)->exit_code);
}

static void on_stopped(void *arg)
{
    struct sw_server *server = arg;

    say(server, SW_LOG_INFO, "stopped", "leadership handed over, log and state are on disk");
    server->exit_code = 0;
    sw_loop_stop(server->loop);
}

/* --- clients ---------------------------------------------------------------------------------- */

static bool on_allowed(void *arg, const uint8_t key[32], enum sw_op op)
{
    const struct sw_server *server = arg;
    const struct sw_allow_entry *entry = sw_allow_find(&server->allow, key);

    return entry != NULL && sw_rights_cover(entry->rights, op);
}

/* Whoever has an identity in the swarm's settings may come in, too. */
static bool on_admit(void *arg, const struct sw_public_key *key)
{
    const struct sw_server *server = arg;

    return server->node != NULL && sw_node_admits(server->node, key->bytes);
}

static void on_identities_changed(void *arg)
{
    ((struct sw_server *)arg)->identities_changed = true; /* from inside the link, perhaps */
}

static enum sw_err read_file(const char *path, struct sw_buf *out, char *ret_why)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t count;

    if (fd < 0) {
        (void)snprintf(
            ret_why, SW_WHY_SIZE, "cannot open %.100s: %s", path, strerrordesc_np(errno));
        return SW_ERR_CONFIG;
    }
    do {
        count = read(fd, sw_buf_extend(out, 4096), 4096);
        out->size -= count < 0 ? 4096 : 4096 - (size_t)count;
    } while (count > 0 && out->size <= ALLOW_FILE_SIZE_MAX);
    (void)close(fd);
    if (count != 0) {
        (void)snprintf(ret_why,
                       SW_WHY_SIZE,
                       "cannot read %.100s: %s",
                       path,
                       count < 0 ? strerrordesc_np(errno) : "it is over 1 MiB");
        return SW_ERR_CONFIG;
    }
    return SW_ERR_OK;
}

/* A list that others can write is a way in. */
static enum sw_err check_mode(const char *path, char *ret_why)
{
    struct stat info;

    if (stat(path, &info) == 0 && (info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        (void)snprintf(ret_why,
                       SW_WHY_SIZE,
                       "%.90s can be written by others (mode %04o); chmod go-w",
                       path,
                       (unsigned)(info.st_mode & 07777));
        return SW_ERR_PERMISSIONS;
    }
    return SW_ERR_OK;
}

static enum sw_err load_clients(struct sw_server *server, const char *path, char *ret_why)
{
    struct sw_buf text = {0};
    char why[SW_WHY_SIZE] = "";
    enum sw_err err;

    err = check_mode(path, ret_why);
    if (err == SW_ERR_OK) {
        err = read_file(path, &text, ret_why);
    }
    if (err == SW_ERR_OK) {
        err = sw_allow_parse(sw_buf_span(&text), &server->allow, why);
        if (err != SW_ERR_OK) {
            (void)snprintf(ret_why, SW_WHY_SIZE, "%.60s: %.95s", path, why);
        }
    }
    sw_buf_release(&text);
    return err;
}

static void tell_link_clients(struct sw_server *server)
{
    struct sw_public_key *keys = calloc(server->allow.count + 1, sizeof *keys);

    SW_ASSERT(keys != NULL);
    for (uint32_t i = 0; i < server->allow.count; i++) {
        memcpy(keys[i].bytes, server->allow.entries[i].key, sizeof keys[i].bytes);
    }
    sw_link_zmq_allow_clients(server->link, keys, server->allow.count);
    free(keys);
}

/* --- signals ---------------------------------------------------------------------------------- */

static void reload(struct sw_server *server)
{
    struct sw_config config;
    enum sw_log_level level = SW_LOG_INFO;
    char why[SW_WHY_SIZE] = "";
    enum sw_err err;

    err = server->reload(server->reload_arg, &config, why);
    if (err == SW_ERR_OK) {
        err = load_clients(server, config.clients_file, why);
    }
    if (err != SW_ERR_OK) {
        say(server, SW_LOG_ERROR, "reload-failed", "nothing was changed: %s", why);
        return;
    }
    if (sw_log_level_of(config.log_level, &level)) { /* checked with the configuration */
        sw_log_set_level(server->log, level);
    }
    tell_link_clients(server);
    say(server,
        SW_LOG_INFO,
        "reloaded",
        "%u clients are allowed, log level %s",
        server->allow.count,
        config.log_level);
}

static void on_signal(void *arg, int number)
{
    struct sw_server *server = arg;
    struct sw_node_status status;

    if (number == SIGHUP) {
        reload(server);
        return;
    }
    sw_node_status(server->node, &status);
    if (server->restart) {
        server->restart = false; /* the stop goes on, and is the last */
        sw_node_stop(server->node);
        return;
    }
    if (status.stopping) {
        say(server, SW_LOG_WARN, "stopped-at-once", "second signal; the log replays the rest");
        _exit(1);
    }
    sw_node_stop(server->node);
}

/* Told from inside the node: the stop begins at the end of the turn. */
static void on_restart(void *arg)
{
    struct sw_server *server = arg;

    if (!server->restart) {
        say(server, SW_LOG_INFO, "restarting", "an administrator asked for it");
    }
    server->restart = true;
}

static enum sw_err join_peers(struct sw_server *server);

/* --- one turn --------------------------------------------------------------------------------- */

static void on_turn(void *arg)
{
    struct sw_server *server = arg;
    const uint64_t now_ms = sw_env_now_ms(&server->env);

    sw_link_zmq_poll(server->link);
    if (server->fault != NULL) {
        sw_link_fault_poll(server->fault);
    }
    (void)sw_worker_posix_drain(server->wal_worker);
    (void)sw_worker_posix_drain(server->applier_worker);
    (void)sw_worker_posix_drain(server->search_worker);
    if (now_ms >= server->tick_at_ms) {
        server->tick_at_ms = now_ms + TICK_MS;
        sw_node_tick(server->node);
    }
    if (server->http != NULL && now_ms >= server->http_at_ms) {
        server->http_at_ms = now_ms + HTTP_MS; /* timeouts of idle connections */
        sw_http_run(server->http);
    }
    sw_node_turn_end(server->node);
    if (server->members_changed) {
        (void)join_peers(server); /* told in the log */
    }
    if (server->identities_changed) {
        server->identities_changed = false;
        sw_link_zmq_admit_clients(server->link, on_admit, server);
    }
    if (server->restart) {
        sw_node_stop(server->node); /* nothing if it stops already */
    }
}

static uint64_t on_wait(void *arg)
{
    struct sw_server *server = arg;
    const uint64_t zmq_ms = sw_link_zmq_wait_ms(server->link);
    const uint64_t fault_ms =
        server->fault != NULL ? sw_link_fault_wait_ms(server->fault) : UINT64_MAX;
    const uint64_t link_ms = zmq_ms < fault_ms ? zmq_ms : fault_ms;
    const uint64_t now_ms = sw_env_now_ms(&server->env);
    const uint64_t tick_ms = server->tick_at_ms > now_ms ? server->tick_at_ms - now_ms : 0;
    const uint64_t node_ms = sw_node_wait_ms(server->node);
    const uint64_t wait_ms = link_ms < tick_ms ? link_ms : tick_ms;

    return wait_ms < node_ms ? wait_ms : node_ms;
}

static void on_http_readable(void *arg)
{
    sw_http_run(((struct sw_server *)arg)->http);
}

static void on_worker(void *arg)
{
    sw_loop_wake(arg); /* on the worker's thread */
}

/* --- what the link says ----------------------------------------------------------------------- */

/* The link exists before the node and outlives it, so its calls pass through here. */
static void on_peer_message(void *arg, struct sw_node_id from, struct sw_span message)
{
    const struct sw_link_handler handler = sw_node_link_handler(((struct sw_server *)arg)->node);

    handler.peer_message(handler.arg, from, message);
}

static void on_peer_state(void *arg, struct sw_node_id peer, bool up)
{
    const struct sw_link_handler handler = sw_node_link_handler(((struct sw_server *)arg)->node);

    handler.peer_state(handler.arg, peer, up);
}

static void
on_client_message(void *arg, uint64_t conn, const uint8_t key[32], struct sw_span message)
{
    const struct sw_link_handler handler = sw_node_link_handler(((struct sw_server *)arg)->node);

    handler.client_message(handler.arg, conn, key, message);
}

static void on_client_gone(void *arg, uint64_t conn)
{
    const struct sw_link_handler handler = sw_node_link_handler(((struct sw_server *)arg)->node);

    handler.client_gone(handler.arg, conn);
}

/* --- HTTP ------------------------------------------------------------------------------------- */

static bool on_ready(void *arg, struct sw_buf *out)
{
    return sw_node_checks(((struct sw_server *)arg)->node, out);
}

static void on_metrics(void *arg, struct sw_buf *out)
{
    struct sw_server *server = arg;

    sw_metrics_print(sw_node_metrics(server->node), SW_VERSION, server->config.node_id, out);
    sw_node_recalls_print(server->node, out);
}

/* --- assembly --------------------------------------------------------------------------------- */

static struct sw_node_id self_of(const struct sw_server *server)
{
    return (struct sw_node_id){.value = server->config.node_id};
}

static const struct sw_config_member *member_of(const struct sw_config *config, uint64_t id)
{
    for (uint32_t i = 0; i < config->member_count; i++) {
        if (config->members[i].id.value == id) {
            return &config->members[i];
        }
    }
    return NULL;
}

/* The key file must hold the key that the swarm knows this node by, or no peer will talk to it. */
static enum sw_err load_keys(struct sw_server *server, char *ret_why)
{
    const struct sw_config_member *self = member_of(&server->config, server->config.node_id);
    enum sw_err err;

    SW_ASSERT(self != NULL); /* sw_config_check */
    err = sw_crypto_init();
    if (err != SW_ERR_OK) {
        (void)snprintf(ret_why, SW_WHY_SIZE, "libsodium does not start");
        return err;
    }
    err = sw_keyfile_load_secret(server->config.key_file, &server->keys, ret_why);
    if (err != SW_ERR_OK) {
        return err;
    }
    if (memcmp(server->keys->public_key.bytes, self->public_key, 32) != 0) {
        (void)snprintf(ret_why,
                       SW_WHY_SIZE,
                       "%.80s is not the key that [members] names for node %llu",
                       server->config.key_file,
                       (unsigned long long)server->config.node_id);
        return SW_ERR_CONFIG;
    }
    return SW_ERR_OK;
}

static enum sw_err open_storage(struct sw_server *server, char *ret_why)
{
    struct sw_wal_engine_config wal = {
        .env = &server->env,
        .swarm = server->config.swarm,
        .node = self_of(server),
        .segment_size = server->config.wal_segment_size,
        .room_min = SW_SPACE_DISK_RESERVE_SIZE / 2,
        .salt = sw_env_random(&server->env),
    };
    const struct sw_store_lmdb_config store = {
        .path = sw_identity_state_dir(server->identity),
        .swarm = server->config.swarm,
        .node = self_of(server),
        .map_size = server->config.map_size,
        .log_size = server->config.wal_segment_size,
        .env = &server->env,
    };
    enum sw_err err;

    err = sw_disk_posix_new(sw_identity_wal_dir(server->identity), &server->disk, ret_why);
    if (err != SW_ERR_OK) {
        return err;
    }
    wal.disk = sw_disk_posix_port(server->disk);
    err = sw_wal_engine_open(&wal, &server->engine, ret_why);
    if (err != SW_ERR_OK) {
        return err;
    }
    err = sw_store_lmdb_open(&store, &server->store, ret_why);
    if (err != SW_ERR_OK) {
        return err;
    }
    /* Log and state are on disk, and no vote was given: from here on they may never be missing. */
    return sw_identity_settle(server->identity, ret_why);
}

static enum sw_err open_loop(struct sw_server *server, char *ret_why)
{
    const int signals[] = {SIGTERM, SIGINT, SIGHUP};
    enum sw_err err = SW_ERR_OK;

    server->loop = sw_loop_new((struct sw_loop_handler){
        .arg = server, .turn = on_turn, .wait_ms = on_wait, .on_signal = on_signal});
    for (size_t i = 0; i < sizeof signals / sizeof signals[0] && err == SW_ERR_OK; i++) {
        err = sw_loop_watch_signal(server->loop, signals[i]);
    }
    if (err == SW_ERR_OK) {
        err = sw_worker_posix_start("wal", on_worker, server->loop, &server->wal_worker);
    }
    if (err == SW_ERR_OK) {
        err = sw_worker_posix_start("applier", on_worker, server->loop, &server->applier_worker);
    }
    if (err == SW_ERR_OK) {
        err = sw_worker_posix_start("search", on_worker, server->loop, &server->search_worker);
    }
    if (err != SW_ERR_OK) {
        (void)snprintf(ret_why, SW_WHY_SIZE, "threads or signal handlers cannot be had");
    }
    return err;
}

/* Chaos builds only: what the link and the node say to each other passes through a bad link. */
static enum sw_err open_fault(struct sw_server *server, char *ret_why)
{
    enum sw_err err;

    if (!SW_FAULT_POINTS_BUILT || server->config.fault_control == NULL) {
        return SW_ERR_OK; /* a build without points has refused the flag */
    }
    err = sw_link_fault_page_open(server->config.fault_control, &server->fault_page, ret_why);
    if (err == SW_ERR_OK) {
        server->fault = sw_link_fault_new(server->fault_page,
                                          &server->env,
                                          (struct sw_link_handler){
                                              .arg = server,
                                              .peer_message = on_peer_message,
                                              .peer_state = on_peer_state,
                                              .client_message = on_client_message,
                                              .client_gone = on_client_gone,
                                          });
    }
    return err;
}

static enum sw_err open_link(struct sw_server *server, char *ret_why)
{
    struct sw_link_zmq_config config = {
        .swarm = server->config.swarm,
        .node = self_of(server),
        .keys = server->keys,
        .peer_address = server->config.listen_peer,
        .client_address = server->config.listen_client,
        .ipv6 = strchr(server->config.listen_peer, '[') != NULL ||
                strchr(server->config.listen_client, '[') != NULL,
        .env = server->env,
        .handler = {.arg = server,
                    .peer_message = on_peer_message,
                    .peer_state = on_peer_state,
                    .client_message = on_client_message,
                    .client_gone = on_client_gone},
        .event = on_link_event,
        .event_arg = server,
    };
    enum sw_err err;

    if (server->fault != NULL) {
        config.handler = sw_link_fault_handler(server->fault);
    }
    err = sw_link_zmq_new(&config, &server->link, ret_why);
    if (err == SW_ERR_OK) {
        tell_link_clients(server);
    }
    return err;
}

/* An address that cannot be dialled is told at the start; later, when the log brings one, the other
 * members are more important than this one's session. */
static enum sw_err join_peers(struct sw_server *server)
{
    struct sw_node_peer peers[SW_NODE_COUNT_MAX];
    const uint32_t count = sw_node_peers(server->node, peers);

    server->members_changed = false;
    return sw_peering_apply(&server->peering, peers, count);
}

static void on_members_changed(void *arg)
{
    ((struct sw_server *)arg)->members_changed = true; /* from inside the link, perhaps */
}

static void on_peering(void *arg, enum sw_err err, const char *text)
{
    say(arg, err == SW_ERR_OK ? SW_LOG_INFO : SW_LOG_ERROR, "peer", "%s", text);
}

static enum sw_err add_peers(struct sw_server *server, char *ret_why)
{
    enum sw_err err;

    server->peering = (struct sw_peering){
        .link = server->link, .loop = server->loop, .event = on_peering, .arg = server};
    err = join_peers(server);
    if (err != SW_ERR_OK) {
        (void)snprintf(ret_why, SW_WHY_SIZE, "a member cannot be dialled, see the line before");
    }
    return err;
}

/* The two listeners; peers are watched as they come. */
static enum sw_err watch_link(struct sw_server *server, char *ret_why)
{
    int fds[SW_LINK_FD_COUNT_MAX];
    const size_t count = sw_link_zmq_fds(server->link, fds);
    enum sw_err err = SW_ERR_OK;

    for (size_t i = 0; i < count && err == SW_ERR_OK; i++) {
        err = sw_loop_watch(server->loop, fds[i], NULL, NULL);
    }
    if (err != SW_ERR_OK) {
        (void)snprintf(ret_why, SW_WHY_SIZE, "the sockets cannot be watched");
    }
    return err;
}

static void fill_node_config(const struct sw_server *server,
                             struct sw_node_member members[SW_NODE_COUNT_MAX],
                             struct sw_node_config *config)
{
    const struct sw_config *from = &server->config;

    for (uint32_t i = 0; i < from->member_count; i++) {
        members[i] = (struct sw_node_member){.id = from->members[i].id,
                                             .peer_address = from->members[i].peer_address,
                                             .client_address = from->members[i].client_address,
                                             .key = from->members[i].public_key};
    }
    config->members = members;
    config->member_count = from->member_count;
    config->swarm = from->swarm;
    config->self = self_of(server);
    config->join = from->join != 0;
    config->tuning = (struct sw_group_tuning){
        .election_timeout_ms = (uint32_t)from->election_ms,
        .heartbeat_ms = (uint32_t)from->heartbeat_ms,
        .snapshot_bytes = from->snapshot_bytes,
        .snapshot_trailing = (uint32_t)from->snapshot_trailing,
        .install_timeout_ms = (uint32_t)from->install_timeout_ms,
    };
    config->limits = (struct sw_node_limits){
        .client_in_flight_max = (uint32_t)from->client_in_flight_max,
        .in_flight_max = (uint32_t)from->in_flight_max,
        .queue_size_max = (uint32_t)from->queue_size_max,
        .timeout_ms_default = (uint32_t)from->timeout_ms_default,
        .drain_ms_max = (uint32_t)from->drain_ms,
    };
    config->commit_interval_ms = (uint32_t)from->commit_interval_ms;
    config->commit_bytes = (uint32_t)from->commit_bytes;
}

static enum sw_err open_node(struct sw_server *server, char *ret_why)
{
    const struct sw_wal_queue_config queue = {
        .engine = server->engine,
        .worker = sw_worker_posix_port(server->wal_worker),
        .fatal = on_fatal,
        .arg = server,
    };
    struct sw_node_member members[SW_NODE_COUNT_MAX];
    struct sw_node_config config = {
        .env = &server->env,
        .link = server->link,
        .store = server->store,
        .applier_worker = sw_worker_posix_port(server->applier_worker),
        .search_worker = sw_worker_posix_port(server->search_worker),
        .version = SW_VERSION,
        .handler = {.arg = server,
                    .stopped = on_stopped,
                    .fatal = on_fatal,
                    .log = on_log,
                    .allowed = on_allowed,
                    .identities_changed = on_identities_changed,
                    .members_changed = on_members_changed,
                    .restart = on_restart},
    };

    if (server->fault != NULL) {
        config.link = sw_link_fault_wrap(server->fault, server->link);
    }
    server->queue = sw_wal_queue_new(&queue);
    config.wal = sw_wal_queue_port(server->queue);
    fill_node_config(server, members, &config);
    return sw_node_new(&config, &server->node, ret_why);
}

static enum sw_err open_http(struct sw_server *server, char *ret_why)
{
    const struct sw_http_handler handler = {
        .arg = server, .ready = on_ready, .metrics = on_metrics, .version = SW_VERSION};
    enum sw_err err;

    if (server->config.listen_http[0] == '\0') {
        return SW_ERR_OK;
    }
    err = sw_http_new(server->config.listen_http, handler, &server->http, ret_why);
    if (err == SW_ERR_OK) {
        err = sw_loop_watch(server->loop, sw_http_fd(server->http), on_http_readable, server);
    }
    return err;
}

static enum sw_err open_identity(struct sw_server *server, char *ret_why)
{
    const struct sw_identity_config config = {
        .data_dir = server->config.data_dir,
        .swarm = server->config.swarm,
        .node = self_of(server),
        .first_start = server->config.first_start,
    };

    return sw_identity_open(&config, &server->identity, ret_why);
}

/* Step by step, the first error ends it. */
static enum sw_err open_all(struct sw_server *server, char *ret_why)
{
    static enum sw_err (*const steps[])(struct sw_server *, char *) = {load_keys,
                                                                       open_identity,
                                                                       open_loop,
                                                                       open_fault,
                                                                       open_link,
                                                                       open_http,
                                                                       open_storage,
                                                                       open_node,
                                                                       watch_link,
                                                                       add_peers};
    enum sw_err err;

    err = load_clients(server, server->config.clients_file, ret_why);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0] && err == SW_ERR_OK; i++) {
        err = steps[i](server, ret_why);
    }
    return err;
}

enum sw_err sw_server_new(const struct sw_config *config,
                          struct sw_log *log,
                          sw_server_reload_fn reload_fn,
                          void *reload_arg,
                          struct sw_server **ret_server,
                          char ret_why[SW_WHY_SIZE])
{
    struct sw_server *server = calloc(1, sizeof *server);
    enum sw_err err;

    SW_ASSERT(server != NULL);
    server->config = *config;
    server->log = log;
    server->reload = reload_fn;
    server->reload_arg = reload_arg;
    server->env = sw_env_posix_init(&server->world);
    err = open_all(server, ret_why);
    if (err != SW_ERR_OK) {
        sw_server_free(server);
        return err;
    }
    say(server,
        SW_LOG_INFO,
        "listening",
        "version " SW_VERSION ", clients at %s, peers at %s, http at %s",
        sw_link_zmq_client_address(server->link),
        sw_link_zmq_peer_address(server->link),
        config->listen_http[0] == '\0' ? "-" : config->listen_http);
    *ret_server = server;
    return SW_ERR_OK;
}

int sw_server_run(struct sw_server *server)
{
    sw_loop_run(server->loop);
    return server->exit_code;
}

bool sw_server_restarts(const struct sw_server *server)
{
    return server->restart && server->exit_code == 0;
}

void sw_server_free(struct sw_server *server)
{
    struct sw_node_status status;

    if (server == NULL) {
        return;
    }
    if (server->node != NULL) {
        sw_node_status(server->node, &status);
        if (!status.stopped) {
            sw_node_crash(server->node);
        }
    }
    sw_worker_posix_stop(server->search_worker); /* what it ends is closed by the applier's */
    sw_worker_posix_stop(server->applier_worker);
    sw_worker_posix_stop(server->wal_worker);
    sw_node_free(server->node);
    sw_wal_queue_free(server->queue);
    sw_http_free(server->http);
    sw_loop_free(server->loop);
    sw_link_zmq_free(server->link);
    sw_link_fault_free(server->fault);
    sw_link_fault_page_close(server->fault_page);
    sw_store_lmdb_close(server->store);
    sw_wal_engine_close(server->engine);
    sw_disk_posix_free(server->disk);
    sw_secret_free(server->keys);
    sw_allow_release(&server->allow);
    sw_identity_close(server->identity);
    free(server);
}
