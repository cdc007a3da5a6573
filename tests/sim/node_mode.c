/* Whole nodes as inhabitants of a world. */
#include "tests/sim/node_mode.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "tests/sim/faults.h"
#include "tests/sim/memory_calls.h"
#include "tests/sim/net.h"
#include "tests/sim/node_disk.h"
#include "tests/sim/node_member.h"
#include "tests/sim/node_private.h"
#include "tests/sim/tenant_calls.h"

/* 5 s to drain, then at most SW_APPLY_ENTRY_COUNT_MAX entries and a few other jobs, each of which
 * takes up to 0.4 s on a slow disk. */
enum { STOP_MS_MAX = 15000 };

struct sim_node_world *sim_node_world_of(struct sim_world *world)
{
    return world->user;
}

static struct sim_machine *machine_of(struct sim_host *host)
{
    return &sim_node_world_of(host->world)->machine[host->number - 1];
}

struct sim_clients *sim_node_clients(struct sim_world *world)
{
    return sim_node_world_of(world)->clients;
}

/* --- life ------------------------------------------------------------------------------------- */

/* The process has ended; what was acknowledged is safe even if the power goes right now. */
static void ended(void *arg)
{
    struct sim_machine *machine = arg;
    struct sim_host *host = machine->host;

    sim_trace3(host->world, host->number, SIM_TRACE_STOP, 2, 0, 0);
    host->world->stats.stops++;
    sim_host_crash(host, SIM_CUT_ALL_LOST);
    sim_faults_restart_later(host);
}

static void on_stopped(void *arg)
{
    struct sim_machine *machine = arg;

    if (!machine->stopping) {
        sim_fail(
            machine->host->world, "node %u stopped although nobody asked", machine->host->number);
        return;
    }
    sim_after(machine->host->world, machine->host->number, 0, ended, NULL, machine);
}

static void stop_took_too_long(void *arg)
{
    struct sim_machine *machine = arg;
    struct sim_host *host = machine->host;
    sim_fail(host->world,
             "node %u was asked to stop %" PRIu64 " ms ago and still runs",
             host->number,
             (host->world->now_us - machine->stop_asked_us) / 1000);
}

static void on_fatal(void *arg, enum sw_err err, const char *why)
{
    struct sim_machine *machine = arg;

    if (sim_machine_may_stop(machine, err)) {
        return;
    }
    if (!machine->host->disk_broken) {
        sim_fail(machine->host->world,
                 "node %u gives up without an injected fault: %s, %s",
                 machine->host->number,
                 sw_err_name(err),
                 why);
    }
    sim_host_fatal(machine->host, err);
}

static void on_log(void *arg, enum sw_log_level level, const char *event, const char *text)
{
    struct sim_machine *machine = arg;
    struct sim_host *host = machine->host;

    if (host->world->trace.verbose) {
        printf("  %8" PRIu64 ".%03u ms  node %u logs %s: %s: %s\n",
               host->world->now_us / 1000,
               (unsigned)(host->world->now_us % 1000),
               host->number,
               sw_log_level_name(level),
               event,
               text);
    }
    if (level == SW_LOG_ERROR && !host->disk_broken) {
        sim_fail(host->world, "node %u logs an error: %s: %s", host->number, event, text);
    }
}

static void tick(void *arg)
{
    struct sim_host *host = arg;

    sw_node_tick(machine_of(host)->node);
    sim_after(host->world, host->number, host->world->plan.tick_us, tick, NULL, host);
}

/* Operators change settings, too. */
static uint64_t segment_size_of(const struct sim_host *host)
{
    const struct sim_plan *plan = &host->world->plan;

    return plan->segment_changes != 0 && host->life % 2 == 1 ? 2 * (uint64_t)plan->segment_size
                                                             : plan->segment_size;
}

static bool open_log(struct sim_machine *machine)
{
    struct sim_host *host = machine->host;
    const struct sim_plan *plan = &host->world->plan;
    const struct sw_wal_engine_config config = {.disk = sw_disk_mem_port(machine->disk),
                                                .env = &host->env,
                                                .swarm = {{1}},
                                                .node = {host->number},
                                                .segment_size = segment_size_of(host),
                                                .block_size = plan->block_size,
                                                .spare_count = plan->spare_count,
                                                .salt = sw_prng_next(&host->world->prng)};
    char why[SW_WHY_SIZE] = "";
    const enum sw_err err = sw_wal_engine_open(&config, &machine->engine, why);

    if (err != SW_ERR_OK) {
        machine->engine = NULL;
    }
    if (!sim_machine_opened(machine, err, why)) {
        return false;
    }
    machine->queue = sw_wal_queue_new(&(struct sw_wal_queue_config){.engine = machine->engine,
                                                                    .worker = &host->worker[0].port,
                                                                    .in_flight_max = plan->wal_jobs,
                                                                    .fatal = on_fatal,
                                                                    .arg = machine});
    return true;
}

static bool open_node(struct sim_machine *machine)
{
    struct sim_host *host = machine->host;
    const struct sim_plan *plan = &host->world->plan;
    struct sw_node_member members[SIM_HOST_COUNT_MAX];
    struct sim_addresses addresses = {0};
    char why[SW_WHY_SIZE] = "";
    struct sw_node_config config = {
        .swarm = {{1}},
        .self = {host->number},
        .tuning = {.election_timeout_ms = plan->election_timeout_ms,
                   .heartbeat_ms = plan->heartbeat_ms,
                   .snapshot_bytes = plan->snapshot_bytes,
                   .snapshot_trailing = plan->snapshot_trailing,
                   .install_timeout_ms = plan->install_timeout_ms,
                   .append_size_max = plan->append_size_max,
                   .guard_off = plan->guard_off},
        .limits = {.client_in_flight_max = plan->client_in_flight_max,
                   .in_flight_max = plan->node_in_flight_max,
                   .queue_size_max = plan->queue_size_max,
                   .applier_pending_max = plan->applier_pending_max},
        .commit_interval_ms = plan->commit_interval_ms,
        .commit_bytes = plan->commit_bytes,
        .change_count_max = plan->change_count_max,
        .env = &host->env,
        .wal = sim_wal_watch_port(machine->watch, sw_wal_queue_port(machine->queue)),
        .link = &host->link,
        .store = machine->store,
        .applier_worker = &host->worker[1].port,
        .search_worker = &host->worker[2].port,
        .version = "sim",
        .handler = {.arg = machine,
                    .stopped = on_stopped,
                    .fatal = on_fatal,
                    .log = on_log,
                    .allowed = sim_tenant_allowed}};
    enum sw_err err;

    sim_node_founders(host, &addresses, members, &config);
    err = sw_node_new(&config, &machine->node, why);
    if (err != SW_ERR_OK) {
        machine->node = NULL;
        if (!sim_machine_may_stop(machine, err)) {
            sim_fail(
                host->world, "node %u cannot start: %s, %s", host->number, sw_err_name(err), why);
        }
        return false;
    }
    if (sim_wal_watch_why(machine->watch) != NULL) {
        sim_fail(host->world,
                 "durability: the log of node %u: %s",
                 host->number,
                 sim_wal_watch_why(machine->watch));
        return false;
    }
    return true;
}

static void mode_host_start(struct sim_host *host)
{
    struct sim_machine *machine = machine_of(host);

    machine->term = 0;
    machine->leads = false;
    machine->stopping = false;
    machine->commit_checked = 0;
    machine->digest_checked = 0;
    machine->voters_before = 0;
    machine->led_before = false;
    host->reply = sim_clients_reply;
    host->disk_broken = machine->full || machine->store_damaged;
    sim_trace3(host->world, host->number, SIM_TRACE_START, host->life, 0, 0);
    sim_machine_opens(machine);
    if (!open_log(machine) || !open_node(machine)) {
        return;
    }
    host->link_handler = sw_node_link_handler(machine->node);
    sim_after(host->world,
              host->number,
              sw_prng_below(&host->world->prng, host->world->plan.tick_us),
              tick,
              NULL,
              host);
}

static void count_status(struct sim_machine *machine)
{
    struct sim_stats *stats = &machine->host->world->stats;
    struct sw_node_status status;

    sw_node_status(machine->node, &status);
    stats->splits += status.group.appends_split;
    stats->guard_drops += status.group.guard_drops;
    stats->installs_sent += status.group.installs_sent;
    stats->installs += status.group.installs_received;
    stats->reads += status.group.reads;
    stats->proposed += status.group.proposals_committed + status.group.proposals_failed;
    stats->acked += status.group.proposals_committed;
}

/* The kernel may have got through a part of the running batch when the power went: the disk dies at
 * a random operation of it. */
static void tear_running_batch(struct sim_machine *machine)
{
    struct sim_world *world = machine->host->world;

    if (machine->host->worker[0].waiting == 0) {
        return;
    }
    sw_disk_mem_fail_at(machine->disk,
                        SW_DISK_MEM_WRITE | SW_DISK_MEM_SYNC | SW_DISK_MEM_NAME,
                        1 + sw_prng_below(&world->prng, 4),
                        SW_ERR_IO,
                        true);
    world->stats.torn++;
    sim_worker_drain(&machine->host->worker[0]);
}

/* The log first: its jobs look at memory of the node. Completions never come. */
static void log_crash(struct sim_machine *machine, enum sim_cut cut)
{
    static const enum sw_disk_mem_policy policies[SIM_CUT_COUNT] = {
        SW_DISK_MEM_LOSE_ALL, SW_DISK_MEM_PREFIX, SW_DISK_MEM_TORN, SW_DISK_MEM_KEEP_ALL};
    struct sim_host *host = machine->host;

    sw_wal_queue_free(machine->queue);
    machine->queue = NULL;
    if (cut != SIM_CUT_ALL_LOST) {
        tear_running_batch(machine);
    }
    if ((cut == SIM_CUT_NONE_LOST || host->dying != SW_ERR_OK) &&
        sw_prng_chance(&host->world->prng, 1, 2)) {
        sw_disk_mem_process_kill(machine->disk); /* the power stays on, for now */
    } else {
        sw_disk_mem_power_cut(machine->disk, &host->world->prng, policies[cut]);
    }
    sim_worker_drain(&host->worker[0]);
    sw_wal_engine_close(machine->engine);
    machine->engine = NULL;
}

/* The order is that of a dying machine: nothing it still does is seen by anyone. */
static void mode_host_crash(struct sim_host *host, enum sim_cut cut)
{
    struct sim_machine *machine = machine_of(host);
    struct sw_prng *prng = &host->world->prng;

    host->disk_broken = true; /* whatever it complains about now is our doing */
    if (machine->node != NULL) {
        count_status(machine);
    }
    log_crash(machine, cut);
    if (machine->node != NULL) {
        sw_node_crash(machine->node);
        if (sw_prng_chance(prng, 1, 2)) {
            sw_store_mem_fail_next_commit(machine->store);
        }
        sim_worker_drain(&host->worker[2]);
        sim_worker_drain(&host->worker[1]);
        sw_node_free(machine->node);
        machine->node = NULL;
    }
    sim_wal_watch_crash(machine->watch);
    sw_store_mem_crash(machine->store, sw_prng_chance(prng, 1, 2));
}

static void mode_host_changed(struct sim_host *host)
{
    if (sim_node_world_of(host->world)->clients != NULL) {
        sim_clients_host_changed(sim_node_world_of(host->world)->clients, host);
    }
}

static void mode_net_changed(struct sim_world *world, bool parted)
{
    sim_clients_net_changed(sim_node_clients(world), parted);
}

static void mode_host_turn_end(struct sim_host *host)
{
    struct sim_machine *machine = machine_of(host);

    if (machine->node != NULL) {
        sw_node_turn_end(machine->node);
        sim_node_check(machine);
    }
}

/* People ask through clients; here the request is put to the node as if one had sent it. */
void sim_node_ask(struct sim_host *host, enum sw_op op, uint64_t expected, const char *value)
{
    const struct sw_request request = {
        .id = 1, .timeout_ms = 1000, .op = op, .expected = expected, .value = sw_span_str(value)};
    const uint8_t key[32] = {99};
    struct sw_buf bytes = {0};

    sw_request_encode(&request, &bytes);
    host->link_handler.client_message(host->link_handler.arg, UINT64_MAX, key, sw_buf_span(&bytes));
    sw_buf_release(&bytes);
}

static void mode_transfer(struct sim_host *host, struct sw_node_id target)
{
    struct sim_machine *machine = machine_of(host);

    if (machine->leads && target.value != host->number) {
        host->world->stats.transfers++;
        sim_trace3(host->world, host->number, SIM_TRACE_TRANSFER, target.value, 0, 0);
        sim_node_ask(host, SW_OP_TRANSFER, target.value, "");
    }
}

static void mode_snapshot(struct sim_host *host)
{
    host->world->stats.snapshots++;
    sim_trace3(host->world, host->number, SIM_TRACE_FORCE_SNAPSHOT, 0, 0, 0);
    sim_node_ask(host, SW_OP_SNAPSHOT, 0, "");
}

static void mode_stop(struct sim_host *host)
{
    struct sim_machine *machine = machine_of(host);

    if (machine->stopping) {
        return;
    }
    machine->stopping = true;
    machine->stop_asked_us = host->world->now_us;
    sim_trace3(host->world, host->number, SIM_TRACE_STOP, 1, 0, 0);
    sim_after(
        host->world, host->number, (uint64_t)STOP_MS_MAX * 1000, stop_took_too_long, NULL, machine);
    sw_node_stop(machine->node);
}

static void mode_disk_fail(struct sim_host *host)
{
    sim_machine_disk_fail(machine_of(host));
}

static void mode_disk_full(struct sim_host *host, bool full)
{
    sim_machine_full(machine_of(host), full);
}

static void mode_disk_damage(struct sim_host *host)
{
    sim_machine_damage(machine_of(host));
}

static void mode_calm(struct sim_world *world)
{
    sim_clients_calm(sim_node_world_of(world)->clients);
}

/* A member whose data is what it should be; the others stay out of the last checks. */
static struct sim_machine *next_sound(struct sim_world *world, uint32_t *at)
{
    struct sim_node_world *nodes = sim_node_world_of(world);

    while (*at < world->plan.nodes) {
        struct sim_machine *machine = &nodes->machine[(*at)++];

        if (!machine->host->refused && !machine->store_damaged &&
            sim_node_is_member(world, machine->host->number)) {
            return machine;
        }
    }
    return NULL;
}

static bool machine_settled(struct sim_machine *machine, const struct sim_truth *truth)
{
    struct sw_node_status status;

    if (!machine->host->alive) {
        return machine->host->refused;
    }
    sw_node_status(machine->node, &status);
    return status.applied_index == truth->log_last && status.state_index == truth->log_last &&
           status.applier_pending == 0;
}

static bool mode_settled(struct sim_world *world)
{
    struct sim_node_world *nodes = sim_node_world_of(world);
    struct sim_machine *first, *machine;
    uint32_t at = 0;

    if (!sim_clients_settled(nodes->clients)) {
        return false;
    }
    for (uint32_t i = 0; i < world->plan.nodes; i++) {
        if (sim_node_is_member(world, i + 1) &&
            !machine_settled(&nodes->machine[i], &nodes->truth)) {
            return false;
        }
    }
    first = next_sound(world, &at);
    while ((machine = next_sound(world, &at)) != NULL) {
        if (!sim_tables_equal(first, machine, SW_TABLE_META, false)) {
            return false;
        }
    }
    return true;
}

static void mode_verdict(struct sim_world *world)
{
    struct sim_machine *first, *machine;
    uint32_t at = 0;

    first = next_sound(world, &at);
    if (first != NULL) {
        sim_store_judge(world, first->store); /* the others are equal to it */
        sim_memory_judge(world, first->store);
    }
    while ((machine = next_sound(world, &at)) != NULL) {
        (void)sim_tables_equal(first, machine, SW_TABLE_META, true);
        (void)sim_tables_equal(first, machine, SW_TABLE_KV, true);
        (void)sim_tables_equal(first, machine, SW_TABLE_EXPERIENCE, true);
        (void)sim_tables_equal(first, machine, SW_TABLE_SESSION, true);
        (void)sim_tables_equal(first, machine, SW_TABLE_LEASE, true);
        (void)sim_tables_equal(first, machine, SW_TABLE_CHANGE, true);
        (void)sim_tables_equal(first, machine, SW_TABLE_HISTORY, true);
        (void)sim_tables_equal(first, machine, SW_TABLE_INDEX, true);
    }
    sim_clients_verdict(sim_node_clients(world));
}

static void mode_describe(struct sim_world *world, FILE *out)
{
    for (uint32_t i = 0; i < world->plan.nodes; i++) {
        const struct sim_machine *machine = &sim_node_world_of(world)->machine[i];
        struct sw_buf json = {0};

        if (machine->node != NULL) {
            sw_node_status_json(machine->node, &json);
        }
        (void)fprintf(out, "  node %u: %.*s\n", i + 1, (int)json.size, (const char *)json.data);
        sw_buf_release(&json);
    }
    sim_clients_describe(sim_node_world_of(world)->clients, out);
}

static void mode_open(struct sim_world *world)
{
    struct sim_node_world *nodes = calloc(1, sizeof(*nodes));

    SW_ASSERT(nodes != NULL);
    world->user = nodes;
    for (uint32_t i = 0; i < world->plan.nodes; i++) {
        struct sim_machine *machine = &nodes->machine[i];

        machine->host = &world->host[i];
        machine->disk = sw_disk_mem_new();
        machine->store = sw_store_mem_new(0, 0);
        machine->watch = sim_wal_watch_new();
    }
    nodes->clients = sim_clients_new(world);
}

static void mode_close(struct sim_world *world)
{
    struct sim_node_world *nodes = sim_node_world_of(world);

    for (uint32_t i = 0; i < world->plan.nodes; i++) {
        struct sim_machine *machine = &nodes->machine[i];

        sw_disk_mem_free(machine->disk);
        sw_store_mem_free(machine->store);
        sim_wal_watch_free(machine->watch);
    }
    sim_clients_free(nodes->clients);
    sim_truth_release(&nodes->truth);
    free(nodes);
}

const struct sim_mode sim_node_mode = {.open = mode_open,
                                       .close = mode_close,
                                       .host_start = mode_host_start,
                                       .host_crash = mode_host_crash,
                                       .host_changed = mode_host_changed,
                                       .net_changed = mode_net_changed,
                                       .host_turn_end = mode_host_turn_end,
                                       .transfer = mode_transfer,
                                       .snapshot = mode_snapshot,
                                       .disk_fail = mode_disk_fail,
                                       .disk_full = mode_disk_full,
                                       .disk_damage = mode_disk_damage,
                                       .stop = mode_stop,
                                       .members = sim_node_members_fault,
                                       .calm = mode_calm,
                                       .settled = mode_settled,
                                       .verdict = mode_verdict,
                                       .describe = mode_describe};
