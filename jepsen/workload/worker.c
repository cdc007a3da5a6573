/* The life of an operation: announced in the history, asked of the swarm, ended in the history. */
#include "jepsen/workload/worker.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "jepsen/workload/must.h"
#include "jepsen/workload/process.h"
#include "jepsen/workload/value.h"

/* An address where nobody listens, for the nodes that a pinned worker is not to reach. */
static const char nowhere[] = "127.0.0.1:1";

/* --- clients ---------------------------------------------------------------------------------- */

/* Endpoints that leave one node reachable: workers take the nodes in turn. */
static void pin(const struct sw_worker *worker, struct sw_edn *ret_endpoints)
{
    uint64_t nodes[64];
    const size_t known = swarm_nodes(worker->client, nodes, 64);

    sw_must(known > 0 && known <= 64, "no nodes in the configuration");
    for (size_t i = 0; i < known; i++) {
        const bool mine = i == worker->number % known;

        sw_edn_add(ret_endpoints,
                   "%s%" PRIu64 "=%s",
                   i == 0 ? "" : ",",
                   nodes[i],
                   mine ? swarm_node_address(worker->client, nodes[i]) : nowhere);
    }
    sw_must(!ret_endpoints->cut, "no memory");
}

static void open_client(struct sw_worker *worker, const char *endpoints)
{
    struct swarm_options options = SWARM_INIT(struct swarm_options);
    char why[160] = "";

    options.config_path = worker->run->options.config;
    options.endpoints = endpoints;
    /* Clients of a pool share connections: half of the workers do, half are on their own. */
    options.pool = worker->number % 2 == 0 ? worker->run->pool : NULL;
    options.timeout_ms = worker->run->options.timeout_ms;
    options.attempt_timeout_ms = worker->manner.attempt_timeout_ms;
    if (swarm_open(&options, &worker->client, why, sizeof why) != SWARM_OK) {
        sw_must(false, why);
    }
}

void sw_worker_open(struct sw_worker *worker)
{
    struct sw_edn endpoints = {0};

    swarm_close(worker->client);
    worker->client = NULL;
    open_client(worker, worker->run->options.endpoints);
    if (worker->number < worker->run->options.pinned && !worker->run->options.final) {
        pin(worker, &endpoints);
        swarm_close(worker->client);
        worker->client = NULL;
        open_client(worker, sw_edn_text(&endpoints));
        sw_edn_release(&endpoints);
    }
}

void sw_worker_init(struct sw_worker *worker, struct sw_run *run, uint32_t number)
{
    *worker = (struct sw_worker){
        .run = run,
        .number = number,
        .process = sw_process_first(number, run->options.processes, run->past.free_from),
        .dice = sw_dice_of(run->options.seed, number),
    };
}

void sw_worker_release(struct sw_worker *worker)
{
    swarm_close(worker->client);
    worker->client = NULL;
    sw_edn_release(&worker->op.value);
    sw_edn_release(&worker->op.extra);
}

uint64_t sw_worker_unique(struct sw_worker *worker)
{
    worker->unique++;
    return sw_process_unique(worker->unique, worker->number);
}

uint64_t sw_worker_rolling_key(struct sw_worker *worker, uint32_t per_key)
{
    const struct sw_options *options = &worker->run->options;
    const uint64_t mine = (uint64_t)per_key * options->keys / options->processes;
    const uint64_t turn = worker->steps / (mine > 0 ? mine : 1);

    return turn * options->keys + sw_dice_below(&worker->dice, options->keys);
}

bool sw_worker_pads(struct sw_worker *worker)
{
    return worker->manner.large_percent > 0 &&
           sw_dice_percent(&worker->dice, worker->manner.large_percent);
}

/* --- operations ------------------------------------------------------------------------------- */

void sw_op_begin(struct sw_worker *worker, const char *f)
{
    struct sw_op *op = &worker->op;

    sw_must(!op->invoked, "an operation began inside another");
    *op = (struct sw_op){.f = f, .value = op->value, .extra = op->extra};
    op->deadline_ms = swarm_now_ms() + worker->run->options.timeout_ms;
    sw_edn_clear(&op->value);
    sw_edn_clear(&op->extra);
    if (worker->manner.mixed) {
        sw_edn_add(&op->extra, ", :workload :%s", worker->workload);
    }
    if (worker->run->options.final) {
        sw_edn_add(&op->extra, ", :final true");
    }
}

void sw_op_value(struct sw_worker *worker, const char *format, ...)
{
    va_list list;

    sw_edn_clear(&worker->op.value);
    va_start(list, format);
    sw_edn_add_list(&worker->op.value, format, list);
    va_end(list);
}

void sw_op_extra(struct sw_worker *worker, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    sw_edn_add_list(&worker->op.extra, format, list);
    va_end(list);
}

static void write_line(struct sw_worker *worker, const char *type)
{
    const struct sw_op *op = &worker->op;

    sw_must(!op->value.cut && !op->extra.cut, "an operation is too long");
    sw_history_write(&worker->run->history,
                     (struct sw_edn_line){.process = worker->process,
                                          .type = type,
                                          .f = op->f,
                                          .value = sw_edn_text(&op->value),
                                          .extra = sw_edn_text(&op->extra)});
}

void sw_op_invoke(struct sw_worker *worker)
{
    write_line(worker, "invoke");
    worker->op.invoked = true;
    atomic_store(&worker->busy_until_ms, worker->op.deadline_ms);
}

struct swarm_request sw_op_request(struct sw_worker *worker, enum swarm_op op)
{
    struct swarm_request request = SWARM_INIT(struct swarm_request);

    request.op = op;
    request.scope = (struct swarm_scope){
        .tenant = "chaos", .name_space = worker->workload, .partition = worker->partition};
    request.key = swarm_str(worker->key);
    request.deadline_ms = worker->op.deadline_ms;
    return request;
}

void sw_op_place(struct sw_worker *worker, const char *letter, uint64_t partition)
{
    (void)snprintf(worker->partition, SW_PLACE_SIZE, "%s%" PRIu64, letter, partition);
    worker->key[0] = '\0';
}

void sw_op_key(struct sw_worker *worker, const char *letter, uint64_t key)
{
    (void)snprintf(worker->key, SW_PLACE_SIZE, "%s%" PRIu64, letter, key);
}

/* The result of a request whose client was closed under it. */
struct orphan {
    struct swarm_result *result;
};

static void on_orphan(void *arg, struct swarm_result *result)
{
    struct orphan *orphan = arg;

    orphan->result = result;
}

/* Sends, closes the client after a moment without waiting for the answer, and comes back as a new
 * one. swarm_close returns after the callback, so the library's last word is known. */
static enum swarm_status call_and_die(struct sw_worker *worker,
                                      const struct swarm_request *request,
                                      struct swarm_result **ret_result)
{
    const struct timespec moment = {.tv_nsec = (long)sw_dice_below(&worker->dice, 5000000)};
    struct orphan orphan = {0};
    enum swarm_status status = swarm_submit(worker->client, request, on_orphan, &orphan, NULL, 0);

    if (status == SWARM_OK) {
        (void)nanosleep(&moment, NULL);
    }
    sw_worker_open(worker);
    if (status == SWARM_OK) {
        sw_must(orphan.result != NULL, "swarm_close lost a callback");
        status = orphan.result->status;
    }
    *ret_result = orphan.result;
    return status;
}

static bool is_write(const struct swarm_request *request)
{
    return request->op == SWARM_PUT || request->op == SWARM_CAS || request->op == SWARM_DELETE ||
           request->op == SWARM_EXPERIENCE_APPEND || request->op == SWARM_TXN ||
           request->op == SWARM_LEASE_REVOKE;
}

enum swarm_status sw_op_call(struct sw_worker *worker,
                             const struct swarm_request *request,
                             struct swarm_result **ret_result)
{
    struct sw_op *op = &worker->op;
    const bool writes = is_write(request);
    enum swarm_status status;

    sw_must(op->invoked, "a request before its operation was announced");
    *ret_result = NULL;
    if (writes && worker->manner.die_percent > 0 &&
        sw_dice_percent(&worker->dice, worker->manner.die_percent)) {
        status = call_and_die(worker, request, ret_result);
    } else {
        status = swarm_call(worker->client, request, ret_result);
    }
    op->refused = status == SWARM_CONFLICT;
    op->revision = 0;
    if (*ret_result != NULL) {
        op->node = (*ret_result)->node;
        op->term = (*ret_result)->term;
        op->revision = (*ret_result)->revision;
        op->conflict = (*ret_result)->value;
    }
    return status;
}

void sw_op_write(struct sw_worker *worker, enum swarm_op op, uint64_t value)
{
    struct swarm_result *result = NULL;
    struct sw_edn bytes = {0};
    struct swarm_request request;
    enum swarm_status status;

    sw_value_write(&bytes, value, sw_worker_pads(worker));
    sw_op_invoke(worker);
    request = sw_op_request(worker, op);
    request.value = (struct swarm_slice){.data = bytes.data, .size = bytes.size};
    status = sw_op_call(worker, &request, &result);
    sw_op_end_write(worker, status);
    swarm_result_free(result);
    sw_edn_release(&bytes);
}

bool sw_op_write_fenced(struct sw_worker *worker,
                        const char *place,
                        uint64_t number,
                        uint64_t token)
{
    const uint64_t value = sw_worker_unique(worker);
    char held[SW_PLACE_SIZE], data[SW_PLACE_SIZE], bytes[2 * SW_PLACE_SIZE];
    struct swarm_compare compare = {
        .target = SWARM_COMPARE_LEASE, .relation = SWARM_EQUAL, .number = token};
    struct swarm_txn_op put = {.kind = SWARM_TXN_PUT};
    const struct swarm_txn txn = {
        .compares = &compare, .compare_count = 1, .then_ops = &put, .then_count = 1};
    struct swarm_result *result = NULL;
    struct swarm_request request;
    enum swarm_status status;
    bool fenced;

    (void)snprintf(held, sizeof held, "%s%" PRIu64, place, number);
    (void)snprintf(data, sizeof data, "data%" PRIu64, number);
    (void)snprintf(bytes, sizeof bytes, "%" PRIu64 " %" PRIu64 " ", value, token);
    compare.key = swarm_str(held);
    put.key = swarm_str(data);
    put.value = swarm_str(bytes);
    sw_op_begin(worker, "write");
    sw_op_value(worker, "[%" PRIu64 " [%" PRIu64 " %" PRIu64 "]]", number, token, value);
    sw_op_invoke(worker);
    request = sw_op_request(worker, SWARM_TXN);
    request.key = (struct swarm_slice){0};
    request.txn = &txn;
    status = sw_op_call(worker, &request, &result);
    fenced = status == SWARM_OK && !result->succeeded;
    if (fenced) {
        sw_op_end(worker, SW_END_FAIL, "FENCED");
    } else {
        sw_op_end_write(worker, status);
    }
    swarm_result_free(result);
    return fenced;
}

bool sw_op_time_left(const struct sw_worker *worker)
{
    return swarm_now_ms() < worker->op.deadline_ms;
}

void sw_op_end(struct sw_worker *worker, enum sw_end end, const char *error)
{
    static const char *const types[] = {"ok", "fail", "info"};
    struct sw_op *op = &worker->op;

    sw_must(op->invoked, "an operation ended before it began");
    if (error != NULL) {
        sw_op_extra(worker, ", :error :%s", error);
    }
    if (op->refused && end == SW_END_FAIL) {
        sw_op_extra(worker, ", :conflict %" PRIu64, op->conflict);
    }
    if (op->node != 0 && end == SW_END_OK) {
        sw_op_extra(worker, ", :revision %" PRIu64, op->revision);
    }
    if (op->node != 0) {
        sw_op_extra(worker, ", :node %" PRIu64 ", :term %" PRIu64, op->node, op->term);
    }
    write_line(worker, types[end]);
    op->invoked = false;
    atomic_store(&worker->busy_until_ms, 0);
    if (end == SW_END_INFO) {
        worker->process = sw_process_after_info(worker->process, worker->run->options.processes);
    }
}

void sw_op_end_write(struct sw_worker *worker, enum swarm_status status)
{
    static const enum sw_end ends[] = {
        [SWARM_DONE] = SW_END_OK, [SWARM_NOT_DONE] = SW_END_FAIL, [SWARM_UNKNOWN] = SW_END_INFO};

    sw_op_end(
        worker, ends[swarm_outcome(status)], status == SWARM_OK ? NULL : swarm_status_name(status));
}

void sw_op_end_read(struct sw_worker *worker, enum swarm_status status)
{
    sw_must(status != SWARM_OK, "a read without its value");
    sw_op_end(worker, SW_END_FAIL, swarm_status_name(status));
}
