/* Admission: bounds checked in one place. */
#include "node/admission.h"

#include <stdio.h>

#include "base/assert.h"
#include "base/point.h"

enum { TIMEOUT_MS_DEFAULT = 5000, TIMEOUT_MS_MAX = 600000, DRAIN_MS = 5000, APPLIER_MAX = 65536 };

static uint32_t or_default(uint32_t value, uint32_t fallback)
{
    return value != 0 ? value : fallback;
}

void sw_admission_init(struct sw_admission *admission, struct sw_node_limits limits)
{
    *admission = (struct sw_admission){
        .limits = {
            .client_in_flight_max =
                or_default(limits.client_in_flight_max, SW_CLIENT_IN_FLIGHT_MAX),
            .in_flight_max = or_default(limits.in_flight_max, SW_NODE_IN_FLIGHT_MAX),
            .queue_size_max = or_default(limits.queue_size_max, SW_NODE_QUEUE_SIZE_MAX),
            .applier_pending_max = or_default(limits.applier_pending_max, APPLIER_MAX),
            .timeout_ms_default = or_default(limits.timeout_ms_default, TIMEOUT_MS_DEFAULT),
            .timeout_ms_max = or_default(limits.timeout_ms_max, TIMEOUT_MS_MAX),
            .drain_ms_max = or_default(limits.drain_ms_max, DRAIN_MS),
        }};
}

void sw_admission_store(struct sw_admission *admission, const struct sw_store_stats *stats)
{
    admission->store = *stats;
    admission->written_since_stats = 0;
}

bool sw_admission_disk_full(const struct sw_admission *admission)
{
    const struct sw_store_stats *store = &admission->store;
    uint64_t usable;
    uint64_t used;

    if (store->map_size <= store->reserve_size) {
        return false; /* nothing is known yet */
    }
    /* A sixteenth is kept back here, above the store's own reserve: what is refused here is not in
     * the log yet, and what is in the log must fit on every replica. A write costs its bytes twice
     * until the store reports again, because pages are copied. */
    usable = (store->map_size - store->reserve_size) / 16 * 15;
    used = store->used_size + 2 * admission->written_since_stats;
    return used >= usable;
}

/* Operations that make the state larger. A session does too, but its number is bounded, its record
 * may use the store's reserve, and a client that wants to delete needs one first. */
static bool op_grows(enum sw_op op)
{
    return op == SW_OP_PUT || op == SW_OP_CAS || op == SW_OP_EXPERIENCE_APPEND || op == SW_OP_TXN ||
           op == SW_OP_SETTING_PUT;
}

static enum sw_err check_bounds(const struct sw_admission *admission,
                                const struct sw_admission_request *request,
                                char *ret_why)
{
    const struct sw_node_limits *limits = &admission->limits;
    const uint64_t waiting =
        sw_op_is_write(request->op) ? admission->queued_size : admission->reading_size;

    if (SW_BUGGIFY("node.refuse_busy", 10)) {
        snprintf(ret_why, SW_WHY_SIZE, "this node is asked to be unkind");
        return SW_ERR_BUSY;
    }
    if (request->client_in_flight >= limits->client_in_flight_max) {
        snprintf(ret_why,
                 SW_WHY_SIZE,
                 "this connection has %u unanswered requests, the limit is %u",
                 request->client_in_flight,
                 limits->client_in_flight_max);
        return SW_ERR_BUSY;
    }
    if (admission->in_flight >= limits->in_flight_max) {
        snprintf(ret_why,
                 SW_WHY_SIZE,
                 "%u requests are under way on this node, the limit is %u",
                 admission->in_flight,
                 limits->in_flight_max);
        return SW_ERR_OVERLOADED;
    }
    if (request->op == SW_OP_WATCH &&
        admission->watching >= limits->in_flight_max - limits->in_flight_max / 2) {
        snprintf(ret_why, SW_WHY_SIZE, "%u watches wait on this node", admission->watching);
        return SW_ERR_OVERLOADED;
    }
    if (waiting + request->size > limits->queue_size_max) {
        snprintf(ret_why,
                 SW_WHY_SIZE,
                 "%llu bytes of %s wait on this node, the limit is %u",
                 (unsigned long long)waiting,
                 sw_op_is_write(request->op) ? "writes" : "reads",
                 limits->queue_size_max);
        return SW_ERR_OVERLOADED;
    }
    if (request->applier_pending >= limits->applier_pending_max) {
        SW_MARK("node.applier_behind");
        snprintf(ret_why,
                 SW_WHY_SIZE,
                 "%llu jobs wait for the applier",
                 (unsigned long long)request->applier_pending);
        return SW_ERR_OVERLOADED;
    }
    return SW_ERR_OK;
}

enum sw_err sw_admission_check(const struct sw_admission *admission,
                               const struct sw_admission_request *request,
                               char ret_why[SW_WHY_SIZE])
{
    if (admission->stopping && request->op != SW_OP_STATUS) {
        snprintf(ret_why, SW_WHY_SIZE, "this node is handing over and stopping");
        return SW_ERR_SHUTTING_DOWN;
    }
    if (request->depth > SW_ADMISSION_DEPTH_MAX) {
        snprintf(ret_why,
                 SW_WHY_SIZE,
                 "depth %u, the limit is %d",
                 request->depth,
                 SW_ADMISSION_DEPTH_MAX);
        return SW_ERR_DEPTH;
    }
    if (op_grows(request->op) && sw_admission_disk_full(admission)) {
        snprintf(ret_why,
                 SW_WHY_SIZE,
                 "%llu of %llu bytes are in use; delete something, or raise map_size",
                 (unsigned long long)admission->store.used_size,
                 (unsigned long long)admission->store.map_size);
        return SW_ERR_DISK_FULL;
    }
    return check_bounds(admission, request, ret_why);
}

void sw_admission_enter(struct sw_admission *admission, enum sw_op op, size_t size)
{
    admission->in_flight++;
    admission->watching += op == SW_OP_WATCH ? 1 : 0;
    if (sw_op_is_write(op)) {
        admission->queued_size += size;
    } else {
        admission->reading_size += size;
    }
    if (op_grows(op)) {
        admission->written_since_stats += size;
    }
}

void sw_admission_dequeue(struct sw_admission *admission, size_t size)
{
    SW_ASSERT(admission->queued_size >= size);
    admission->queued_size -= size;
}

void sw_admission_read_over(struct sw_admission *admission, size_t size)
{
    SW_ASSERT(admission->reading_size >= size);
    admission->reading_size -= size;
}

void sw_admission_leave(struct sw_admission *admission, enum sw_op op)
{
    SW_ASSERT(admission->in_flight > 0);
    SW_ASSERT(op != SW_OP_WATCH || admission->watching > 0);
    admission->in_flight--;
    admission->watching -= op == SW_OP_WATCH ? 1 : 0;
}
