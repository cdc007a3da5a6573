/* Ordered mode: no request takes effect before one that was submitted earlier, whatever is retried.
 *
 * What is under way is one batch, writes alone or reads alone, in one message; the next requests
 * wait until each of the batch has ended. Of a batch that was answered in part, the rest is sent
 * again, in order and together, once nothing of it is under way or pauses. A node admits the
 * ordered writes of a message up to the first that it refuses (node/intake.c), so none of them ever
 * runs before an earlier one that is sent again. Where one was refused all the same after a later
 * one had run, it is not sent again but fails with that refusal.
 *
 *     queue:  1 2 3 4 5 6 7       numbers are orders, those below the bar have joined the batch
 *             ------+
 *
 * Watches and keep-alives last, or do no harm twice; STATUS and members are no data: they go their
 * own way. */
#include "base/assert.h"
#include "base/point.h"
#include "client/core_private.h"

static bool is_ordered(const struct sw_core *core, const struct sw_core_request *request)
{
    const enum sw_op op = request->request.op;

    return core->config.ordered && !request->internal && request->request.partition.size > 0 &&
           op != SW_OP_WATCH && op != SW_OP_LEASE_KEEP_ALIVE;
}

static bool is_write(const struct sw_core_request *request)
{
    return sw_op_is_write(request->request.op);
}

void sw__order_enter(struct sw_core *core, struct sw_core_request *request)
{
    if (!is_ordered(core, request)) {
        return;
    }
    core->order_last++;
    request->order = core->order_last;
    if (is_write(request)) {
        request->request.flags |= SW_REQUEST_ORDERED;
    }
}

/* Behind the ordered one before it; others may stand between. */
void sw__order_queue(struct sw_core *core, struct sw_core_request *request)
{
    struct sw_core_list *queue = &core->queue;
    struct sw_core_request *before = queue->tail;

    SW_ASSERT(request->order != 0);
    while (before != NULL && (before->order == 0 || before->order > request->order)) {
        before = before->previous;
    }
    request->previous = before;
    request->next = before == NULL ? queue->head : before->next;
    if (before == NULL) {
        queue->head = request;
    } else {
        before->next = request;
    }
    if (request->next == NULL) {
        queue->tail = request;
    } else {
        request->next->previous = request;
    }
}

void sw__order_sent(struct sw_core *core, struct sw_core_request *request)
{
    if (request->order != 0 && !request->joined) {
        request->joined = true;
        core->joined_count++;
    }
}

/* An answer that the execution gave, or nobody knows whether there was one. */
static bool may_have_run(const struct sw_core_request *request, enum sw_err err)
{
    return request->maybe || err == SW_ERR_OK || sw_err_outcome(err) == SW_OUTCOME_UNKNOWN ||
           sw_err_info(err)->retry == SW_RETRY_NEVER;
}

void sw__order_ended(struct sw_core *core, struct sw_core_request *request, enum sw_err err)
{
    if (!request->joined) {
        return;
    }
    if (is_write(request) && may_have_run(request, err) && request->order > core->order_passed) {
        core->order_passed = request->order;
    }
    SW_ASSERT(core->joined_count > 0);
    core->joined_count--;
    if (core->joined_count == 0) {
        core->order_passed = 0;
    }
}

/* Everything of the batch that has not ended is back in the queue. */
static bool is_settled(const struct sw_core *core)
{
    uint32_t queued = 0;

    for (const struct sw_core_request *at = core->queue.head; at != NULL; at = at->next) {
        queued += at->joined ? 1 : 0;
    }
    return queued == core->joined_count;
}

static void fail_passed(struct sw_core *core)
{
    uint64_t passed = core->order_passed;

    for (const struct sw_core_request *at = core->queue.head; at != NULL; at = at->next) {
        if (at->joined && at->maybe && at->order > passed) {
            passed = at->order;
        }
    }
    for (struct sw_core_request *at = core->queue.head; at != NULL; at = at->next) {
        if (at->joined && is_write(at) && !at->maybe && !at->forced && at->order < passed) {
            SW_MARK("client.order_passed");
            sw__core_force(core, at, at->last_err == SW_ERR_OK ? SW_ERR_BUSY : at->last_err);
        }
    }
}

void sw__order_send(struct sw_core *core)
{
    const bool begins = core->joined_count == 0;
    const struct sw_core_request *first = NULL;
    struct sw_core_request *next;

    SW_ASSERT(core->batch.head == NULL);
    if (!is_settled(core)) {
        return;
    }
    fail_passed(core);
    for (struct sw_core_request *request = core->queue.head; request != NULL; request = next) {
        next = request->next;
        if (request->order == 0 || request->forced) {
            continue;
        }
        if ((!begins && !request->joined) ||
            (first != NULL && is_write(first) != is_write(request)) ||
            !sw__core_join_batch(core, request)) {
            break;
        }
        first = request;
    }
    sw__core_send_batch(core);
}
