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

/* A sixteenth is kept back here, above the store's own reserve: what is refused here is not in the
 * log yet, and what is in the log must fit on every replica. A write costs its bytes twice until
 * the store reports again, because pages are copied. */
static uint64_t usable(const struct sw_store_stats *store)
{
    return (store->map_size - store->reserve_size) / 16 * 15;
}

static uint64_t used(const struct sw_admission *admission)
{
    return admission->store.used_size + 2 * admission->written_since_stats;
}

void sw_admission_store(struct sw_admission *admission, const struct sw_store_stats *stats)
{
    admission->store = *stats;
    admission->written_since_stats = 0;
    if (stats->map_size <= stats->reserve_size) {
        admission->full = false; /* nothing is known yet */
    } else if (admission->full) {
        /* Once full it stays so until a 64th is free again: else each delete would let one put in,
         * and clients would see the state change with every request. */
        admission->full = used(admission) >= usable(stats) - usable(stats) / 64;
    } else {
        admission->full = used(admission) >= usable(stats);
    }
}

bool sw_admission_disk_full(const struct sw_admission *admission)
{
    const struct sw_store_stats *store = &admission->store;

    return admission->full ||
           (store->map_size > store->reserve_size && used(admission) >= usable(store));
}

/* Operations that make the state larger. A session does too, but its number is bounded, its record
 * may use the store's reserve, and a client that wants to delete needs one first. */
static bool op_grows(enum sw_op op)
{
    return op == SW_OP_PUT || op == SW_OP_CAS || op == SW_OP_EXPERIENCE_APPEND || op == SW_OP_TXN ||
           op == SW_OP_SETTING_PUT || op == SW_OP_INDEX_CREATE || op == SW_OP_VECTOR_PUT ||
           op == SW_OP_CONTEXT_CREATE || op == SW_OP_CONTEXT_APPEND || op == SW_OP_CONTEXT_TOUCH ||
           op == SW_OP_CONTEXT_POLICY || op == SW_OP_CONTEXT_RESTORE || op == SW_OP_MEMORY_PUT;
}

/* --- refusals --------------------------------------------------------------------------------- */

/* Requests that one identity may have under way beside others: enough for all the throughput that
 * there is, few enough that nobody waits long for a turn of the loop. */
enum { IDENTITY_PLACES_SHARED = 128, RETRY_IDENTITY_MS = 250 };

enum { RETRY_MS = 50, RETRY_MS_MAX = 1000, RETRY_DISK_MS = 1000, IDENTITY_PLACES_MIN = 64 };

static enum sw_err refuse(struct sw_admission_refusal *refusal,
                          enum sw_admission_reason reason,
                          enum sw_err err,
                          uint32_t retry_after_ms)
{
    refusal->reason = reason;
    refusal->retry_after_ms = retry_after_ms;
    return err;
}

static bool is_privileged(enum sw_fair_class of)
{
    return of == SW_FAIR_LEASE || of == SW_FAIR_ADMIN;
}

static uint32_t at_least_one(uint32_t count)
{
    return count > 0 ? count : 1;
}

/* Watches stay for long, and scans are dear; the rest shares what a flood of one would leave. */
static uint32_t class_places(uint32_t places, enum sw_fair_class of)
{
    switch (of) {
    case SW_FAIR_WRITE:
    case SW_FAIR_READ:
        return places - places / 8;
    case SW_FAIR_WATCH:
        return places - places / 2;
    case SW_FAIR_SCAN:
    case SW_FAIR_LEASE:
        return at_least_one(places / 4);
    case SW_FAIR_ADMIN:
    case SW_FAIR_CLASS_COUNT:
        break;
    }
    return places;
}

static enum sw_err check_connection(const struct sw_admission *admission,
                                    const struct sw_admission_request *request,
                                    struct sw_admission_refusal *refusal)
{
    if (SW_BUGGIFY("node.refuse_busy", 10)) {
        snprintf(refusal->why, SW_WHY_SIZE, "this node is asked to be unkind");
        return refuse(refusal, SW_ADMISSION_UNKIND, SW_ERR_BUSY, 0);
    }
    if (request->client_in_flight < admission->limits.client_in_flight_max) {
        return SW_ERR_OK;
    }
    snprintf(refusal->why,
             SW_WHY_SIZE,
             "this connection has %u unanswered requests, the limit is %u",
             request->client_in_flight,
             admission->limits.client_in_flight_max);
    return refuse(refusal, SW_ADMISSION_CONNECTION, SW_ERR_BUSY, RETRY_MS);
}

static enum sw_err check_places(const struct sw_admission *admission,
                                const struct sw_admission_request *request,
                                struct sw_admission_refusal *refusal)
{
    static const char *const names[SW_FAIR_CLASS_COUNT] = {
        "leases", "writes", "reads", "watches", "scans", "administration"};
    const uint32_t all = admission->limits.in_flight_max;
    const uint32_t reserve = is_privileged(request->of) ? 0 : all / 16;
    const uint32_t of_class = admission->of_class[request->of];
    const uint32_t free = admission->in_flight < all ? all - admission->in_flight : 0;
    const uint32_t own =
        request->others && free > IDENTITY_PLACES_SHARED ? IDENTITY_PLACES_SHARED : free;

    if (admission->in_flight + reserve >= all) {
        snprintf(refusal->why,
                 SW_WHY_SIZE,
                 "%u requests are under way on this node, the limit is %u",
                 admission->in_flight,
                 all - reserve);
        return refuse(refusal, SW_ADMISSION_PLACES, SW_ERR_OVERLOADED, RETRY_MS);
    }
    if (of_class >= class_places(all, request->of)) {
        snprintf(refusal->why,
                 SW_WHY_SIZE,
                 "%u %s are under way on this node, the limit is %u",
                 of_class,
                 names[request->of],
                 class_places(all, request->of));
        return refuse(refusal, SW_ADMISSION_CLASS, SW_ERR_OVERLOADED, RETRY_MS);
    }
    if (request->identity_places >= IDENTITY_PLACES_MIN && request->identity_places >= own &&
        !is_privileged(request->of) && request->of != SW_FAIR_WATCH) {
        snprintf(refusal->why,
                 SW_WHY_SIZE,
                 "this identity has %u requests under way on this node, the limit is %u for now",
                 request->identity_places,
                 own);
        return refuse(refusal, SW_ADMISSION_IDENTITY, SW_ERR_OVERLOADED, RETRY_IDENTITY_MS);
    }
    return SW_ERR_OK;
}

static enum sw_err check_queues(const struct sw_admission *admission,
                                const struct sw_admission_request *request,
                                struct sw_admission_refusal *refusal)
{
    const struct sw_node_limits *limits = &admission->limits;
    const bool write = sw_op_is_write(request->op);
    const uint64_t waiting = write ? admission->queued_size : admission->reading_size;
    const uint32_t reserve = is_privileged(request->of) ? limits->queue_size_max / 16 : 0;

    if (waiting + request->size > (uint64_t)limits->queue_size_max + reserve) {
        snprintf(refusal->why,
                 SW_WHY_SIZE,
                 "%llu bytes of %s wait on this node, the limit is %u",
                 (unsigned long long)waiting,
                 write ? "writes" : "reads",
                 limits->queue_size_max);
        return refuse(refusal, SW_ADMISSION_BYTES, SW_ERR_OVERLOADED, RETRY_MS);
    }
    if (request->late && !is_privileged(request->of)) {
        const uint64_t age_ms = request->age_ns / 1000000;

        SW_MARK("node.refused_for_age");
        snprintf(refusal->why,
                 SW_WHY_SIZE,
                 "what this identity has waiting has waited for %llu ms",
                 (unsigned long long)age_ms);
        return refuse(refusal,
                      SW_ADMISSION_AGE,
                      SW_ERR_OVERLOADED,
                      age_ms < RETRY_MS_MAX ? (uint32_t)age_ms : (uint32_t)RETRY_MS_MAX);
    }
    if (request->applier_pending >= limits->applier_pending_max) {
        SW_MARK("node.applier_behind");
        snprintf(refusal->why,
                 SW_WHY_SIZE,
                 "%llu jobs wait for the applier",
                 (unsigned long long)request->applier_pending);
        return refuse(refusal, SW_ADMISSION_APPLIER, SW_ERR_OVERLOADED, RETRY_MS);
    }
    return SW_ERR_OK;
}

enum sw_err sw_admission_check(const struct sw_admission *admission,
                               const struct sw_admission_request *request,
                               struct sw_admission_refusal *ret_refusal)
{
    enum sw_err err;

    if (admission->stopping && request->op != SW_OP_STATUS) {
        snprintf(ret_refusal->why, SW_WHY_SIZE, "this node is handing over and stopping");
        return refuse(ret_refusal, SW_ADMISSION_STOPPING, SW_ERR_SHUTTING_DOWN, 0);
    }
    if (request->depth >= SW_DEPTH_MAX) {
        snprintf(ret_refusal->why,
                 SW_WHY_SIZE,
                 "depth %u, the limit is %d",
                 request->depth,
                 SW_DEPTH_MAX);
        return refuse(ret_refusal, SW_ADMISSION_DEPTH, SW_ERR_DEPTH, 0);
    }
    if (op_grows(request->op) && sw_admission_disk_full(admission)) {
        snprintf(ret_refusal->why,
                 SW_WHY_SIZE,
                 "%llu of %llu bytes are in use; delete something (swarmctl kv del), or raise "
                 "map_size",
                 (unsigned long long)admission->store.used_size,
                 (unsigned long long)admission->store.map_size);
        return refuse(ret_refusal, SW_ADMISSION_DISK, SW_ERR_DISK_FULL, RETRY_DISK_MS);
    }
    err = check_connection(admission, request, ret_refusal);
    if (err == SW_ERR_OK) {
        err = check_places(admission, request, ret_refusal);
    }
    return err == SW_ERR_OK ? check_queues(admission, request, ret_refusal) : err;
}

/* --- counts ----------------------------------------------------------------------------------- */

void sw_admission_enter(struct sw_admission *admission,
                        enum sw_op op,
                        enum sw_fair_class of,
                        size_t size)
{
    admission->in_flight++;
    admission->of_class[of]++;
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

void sw_admission_leave(struct sw_admission *admission, enum sw_fair_class of)
{
    SW_ASSERT(admission->in_flight > 0);
    SW_ASSERT(admission->of_class[of] > 0);
    admission->in_flight--;
    admission->of_class[of]--;
}
