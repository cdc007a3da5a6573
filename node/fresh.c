/* Which state a read may see, and when it is there.
 *
 * A read that names a least revision waits until this node has executed it. Then it sees the
 * present state, which the leader alone can give; or, if it names a greatest age, that of any
 * replica which is no older. How old a replica may be is known without clocks of others: at some
 * moment of its own clock it asked the leader what was committed, and it has executed that since;
 * so its state was the present one at that moment or later. */
#include <stdlib.h>

#include "base/assert.h"
#include "base/point.h"
#include "node/node_private.h"

/* Clocks that are to go alike may differ by so much of what they measure. */
enum { DRIFT_PART = 64, NS_PER_MS = 1000000 };

static uint64_t now_ns(const struct sw__shard *shard)
{
    return sw_env_now_ns(shard->node->config.env);
}

/* How old, in ms, a state may be that was the present one at `as_of_ns`. */
static uint64_t age_of(const struct sw__shard *shard, uint64_t as_of_ns)
{
    const uint64_t passed_ns = SW_PLANTED(AGE_STANDS_STILL) ? 0 : now_ns(shard) - as_of_ns;

    return (passed_ns + passed_ns / DRIFT_PART) / NS_PER_MS + 1;
}

static uint64_t revision_of(const struct sw__shard *shard)
{
    return sw_applier_clock(shard->node->applier, shard->id).revision;
}

static void refuse(struct sw__request *request, enum sw_err err)
{
    sw__request_refuse(request->shard->node, request, err, "");
    sw__request_free(request);
}

/* As old as `as_of_ns` at most, if that is young enough. */
static bool run_aged(struct sw__request *request, uint64_t as_of_ns)
{
    if (as_of_ns == 0 || age_of(request->shard, as_of_ns) > request->max_age_ms) {
        return false;
    }
    request->as_of_ns = as_of_ns;
    sw__queue_push(request->shard, request);
    return true;
}

static void begin(struct sw__request *request)
{
    struct sw__shard *shard = request->shard;

    request->place = SW__PLACE_READING;
    if (request->max_age_ms == 0 || shard->role == SW_ROLE_LEADER) {
        sw__list_add(&shard->reads, request);
    } else if (!run_aged(request, shard->as_of_ns)) {
        sw__list_add(&shard->aged_reads, request);
    }
}

void sw__fresh_add(struct sw__request *request, const struct sw_request *asked)
{
    request->min_revision = asked->min_revision;
    request->max_age_ms = asked->max_age_ms;
    if (request->min_revision <= revision_of(request->shard)) {
        begin(request);
        return;
    }
    SW_MARK("node.read_waits_for_revision");
    request->place = SW__PLACE_WAITING;
    sw__list_add(&request->shard->early_reads, request);
}

bool sw__fresh_enough(const struct sw__request *request, struct sw_reply *reply)
{
    uint64_t age_ms;

    if (request->as_of_ns == 0) {
        return true;
    }
    age_ms = age_of(request->shard, request->as_of_ns);
    reply->age_ms = age_ms > UINT32_MAX ? UINT32_MAX : (uint32_t)age_ms;
    return age_ms <= request->max_age_ms;
}

/* --- asking the leader ------------------------------------------------------------------------ */

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

static struct sw__read_batch *batch_new(struct sw__shard *shard, struct sw__list *requests)
{
    struct sw__read_batch *batch = calloc(1, sizeof *batch);

    SW_ASSERT(batch != NULL);
    batch->shard = shard;
    batch->next = shard->batches;
    if (shard->batches != NULL) {
        shard->batches->previous = batch;
    }
    shard->batches = batch;
    batch->asked_ns = now_ns(shard);
    sw__list_move(&batch->requests, requests);
    return batch;
}

/* This replica stands at least where the leader stood when it was asked. */
static void aged_ready(void *arg, enum sw_err err)
{
    struct sw__read_batch *batch = arg;
    struct sw__shard *shard = batch->shard;
    struct sw__request *request;

    if (err == SW_ERR_OK && batch->asked_ns > shard->as_of_ns) {
        shard->as_of_ns = batch->asked_ns;
    }
    while ((request = sw__list_take(&batch->requests)) != NULL) {
        if (err != SW_ERR_OK || !run_aged(request, shard->as_of_ns)) {
            SW_MARK("node.read_too_old_here");
            refuse(request, sw__shard_elsewhere(shard)); /* the leader's state has no age */
        }
    }
    batch_free(batch);
    sw__reads_pump(shard);
}

/* --- turns ------------------------------------------------------------------------------------ */

/* Those whose revision came go on; the others stand behind them again. */
static void look_at_early(struct sw__shard *shard)
{
    const uint64_t revision = revision_of(shard);
    struct sw__list waiting = {0};
    struct sw__request *request;

    if (shard->early_reads.first == NULL) {
        return;
    }
    sw__list_move(&waiting, &shard->early_reads);
    while ((request = sw__list_take(&waiting)) != NULL) {
        if (request->max_age_ms == 0 && shard->role != SW_ROLE_LEADER) {
            refuse(request, sw__shard_elsewhere(shard));
        } else if (request->min_revision <= revision) {
            begin(request);
        } else {
            sw__list_add(&shard->early_reads, request);
        }
    }
}

void sw__fresh_turn_end(struct sw__shard *shard)
{
    if (shard->node->phase != SW__PHASE_RUNNING) {
        sw__list_refuse(shard->node, &shard->early_reads, SW_ERR_SHUTTING_DOWN, "");
        sw__list_refuse(shard->node, &shard->aged_reads, SW_ERR_SHUTTING_DOWN, "");
    }
    look_at_early(shard);
    if (shard->aged_reads.first != NULL) {
        sw_group_read_anywhere(shard->group, aged_ready, batch_new(shard, &shard->aged_reads));
    }
}
