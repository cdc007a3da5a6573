/* Reads: a read point for all of a turn, then their turn in the applier.
 *
 * The applier has few reads at a time, by cost: what waits, waits here, where it is ordered by
 * whose turn it is (node/fair.h), and where it still ends when its deadline passes. In the applier
 * it would stand behind all that came before it, whoever asked. */
#include <stdlib.h>

#include "base/assert.h"
#include "base/point.h"
#include "node/node_private.h"

/* Cost of the reads that the applier has at a time: enough to keep its thread busy over a turn of
 * the loop, which is some hundred looks at keys; a page of a scan is about as much. */
enum { READING_COST_MAX = 512, RECORDS_A_COST = 16, BYTES_A_COST = 4096 };

static void batch_free(struct sw__read_batch *batch)
{
    if (batch->previous == NULL) {
        batch->shard->batches = batch->next;
    } else {
        batch->previous->next = batch->next;
    }
    if (batch->next != NULL) {
        batch->next->previous = batch->previous;
    }
    free(batch);
}

/* What is left of its deadline, for the applier, which starts nothing that is past it. */
static uint32_t time_left(const struct sw__shard *shard, const struct sw__request *request)
{
    const uint64_t now_ms = sw__node_now_ms(shard->node);
    const uint64_t left =
        request->deadline.deadline > now_ms ? request->deadline.deadline - now_ms : 1;

    return left < UINT32_MAX ? (uint32_t)left : UINT32_MAX;
}

static void submit(struct sw__shard *shard, struct sw__request *request)
{
    const struct sw_node *node = shard->node;
    struct sw_request decoded = {0};
    const enum sw_err err =
        sw_command_decode(sw_span_of(request->command, request->size), &decoded);

    SW_ASSERT(err == SW_ERR_OK); /* encoded by ourselves */
    request->place = SW__PLACE_RUNNING;
    decoded.timeout_ms = time_left(shard, request);
    if (decoded.op == SW_OP_LEASE_LIST) {
        decoded.lease = request->checked > decoded.lease ? request->checked : decoded.lease;
        decoded.expected = sw_tick_now(&shard->tick, sw_env_now_ns(node->config.env));
    }
    if (decoded.op == SW_OP_WATCH) {
        SW_ASSERT(request->checked >= decoded.expected);
        decoded.expected = request->checked; /* what it has looked at before concerns it not */
    }
    if (SW_PLANTED(WATCH_GAP_AT_FAILOVER) && decoded.op == SW_OP_WATCH &&
        shard->tick.term != shard->term && decoded.expected < shard->revision) {
        decoded.expected++; /* it has not ticked yet, so it is new */
    }
    shard->reading_cost += request->turn.cost;
    sw_applier_read(
        node->applier, shard->id, &request->author, &decoded, (uint64_t)(uintptr_t)request);
}

void sw__reads_pump(struct sw__shard *shard)
{
    while (shard->reading_cost < READING_COST_MAX) {
        struct sw__request *request = sw__queue_take_read(shard);

        if (request == NULL) {
            return;
        }
        submit(shard, request);
    }
}

/* The batch has its read point: every entry that was committed when it asked is on its way through
 * the applier, so a read submitted now, or later, comes after all of them. */
static void read_ready(void *arg, enum sw_err err)
{
    struct sw__read_batch *batch = arg;
    struct sw__shard *shard = batch->shard;
    struct sw__request *request;

    if (err != SW_ERR_OK) {
        sw__list_refuse(shard->node,
                        &batch->requests,
                        err == SW_ERR_NOT_LEADER ? sw__shard_elsewhere(shard) : err,
                        "");
    }
    while ((request = sw__list_take(&batch->requests)) != NULL) {
        sw__queue_push(shard, request);
    }
    batch_free(batch);
    sw__reads_pump(shard);
}

void sw__reads_start(struct sw__shard *shard)
{
    struct sw__read_batch *batch;

    if (shard->reads.first == NULL) {
        return;
    }
    batch = calloc(1, sizeof *batch);
    SW_ASSERT(batch != NULL);
    batch->shard = shard;
    batch->next = shard->batches;
    if (shard->batches != NULL) {
        shard->batches->previous = batch;
    }
    shard->batches = batch;
    sw__list_move(&batch->requests, &shard->reads);
    if (SW_PLANTED(FOLLOWER_READS)) {
        read_ready(batch, SW_ERR_OK);
        return;
    }
    sw_group_read(shard->group, read_ready, batch);
}

/* Its owner pays for what it really read. */
static void charge(struct sw__request *request, const struct sw_reply *reply)
{
    const uint64_t cost = reply->record_count / RECORDS_A_COST + reply->records.size / BYTES_A_COST;
    const enum sw_fair_class of = sw__class_of(request->op);

    if (cost > request->turn.cost && of != SW_FAIR_ADMIN) {
        sw_fair_charge(request->flow, of, (uint32_t)(cost - request->turn.cost));
    }
}

static void note_denied(struct sw__request *request)
{
    struct sw_request decoded = {0};
    const enum sw_err err =
        sw_command_decode(sw_span_of(request->command, request->size), &decoded);

    SW_ASSERT(err == SW_ERR_OK); /* encoded by ourselves */
    sw__audit_denied(request->shard, &request->author, &decoded);
}

/* A look at the leases of all partitions that found none of its own: it is not over. */
static bool walks_on(const struct sw__request *request, const struct sw_reply *reply)
{
    return request->op == SW_OP_LEASE_LIST && reply->err == SW_ERR_OK && reply->more &&
           reply->record_count == 0 && reply->value > request->checked;
}

/* Its place is free for the next read: a long search waits and runs beside them. */
void sw__read_moved(void *arg, uint64_t token)
{
    struct sw_node *node = arg;
    /* NOLINTNEXTLINE(performance-no-int-to-ptr) */
    struct sw__request *request = (struct sw__request *)(uintptr_t)token;
    struct sw__shard *shard = request->shard;

    SW_ASSERT(!request->moved);
    SW_ASSERT(shard->reading_cost >= request->turn.cost);
    request->moved = true;
    shard->reading_cost -= request->turn.cost;
    if (!node->crashed && !node->failed) {
        sw__reads_pump(shard);
    }
}

void sw__read_done(void *arg, uint64_t token, const struct sw_reply *reply)
{
    struct sw_node *node = arg;
    /* Each token comes back once, and its request lives until then.
     * NOLINTNEXTLINE(performance-no-int-to-ptr) */
    struct sw__request *request = (struct sw__request *)(uintptr_t)token;
    struct sw__shard *shard;

    if (sw__tune_answered(node, token, reply)) {
        return;
    }
    shard = request->shard;

    if (!request->moved) {
        SW_ASSERT(shard->reading_cost >= request->turn.cost);
        shard->reading_cost -= request->turn.cost;
    }
    if (!node->crashed && !node->failed && !request->answered) {
        struct sw_reply copy = *reply;

        charge(request, reply);
        if (walks_on(request, reply)) {
            request->checked = reply->value;
            sw__queue_push(shard, request); /* behind whose turn it is now */
            sw__reads_pump(shard);
            return;
        }
        if (reply->err == SW_ERR_DEADLINE && request->op == SW_OP_WATCH) {
            copy = (struct sw_reply){.revision = request->checked};
        } else if (sw__watch_waits(shard, request, reply)) {
            sw__reads_pump(shard);
            return;
        }
        if (reply->err == SW_ERR_UNAUTHORIZED) {
            note_denied(request);
        }
        if (sw__fresh_enough(request, &copy)) {
            sw__request_answer(node, request, &copy);
        } else {
            sw__request_refuse(node, request, sw__shard_elsewhere(shard), "");
        }
    }
    sw__request_free(request);
    if (!node->crashed && !node->failed) {
        sw__reads_pump(shard);
    }
}
