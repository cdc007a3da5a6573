/* Requests that wait for their turn: node/fair.h applied to what clients ask for.
 *
 * Writes wait here until they are proposed, leases before the others; reads wait here between their
 * read point and the applier. The cost of a write is its bytes, that of a read what it may walk. */
#include <stddef.h>

#include "base/assert.h"
#include "node/node_private.h"

enum {
    WRITE_COST = 256, /* of a write beside its bytes */
    SCAN_COST = 16,
    WALK_COST = 272, /* of a page that may be full, or of a walk over a whole table */
    RECORDS_A_COST = 16,
    LEASES_A_ENTRY = SW_ENTRY_COMMAND_COUNT_MAX / 2,
};

static struct sw__request *request_of(struct sw_fair_item *item)
{
    return item == NULL
               ? NULL
               : (struct sw__request *)(void *)((char *)item - offsetof(struct sw__request, turn));
}

/* What others rely on, what makes room, and what administers. */
static bool is_lease(enum sw_op op)
{
    return op == SW_OP_LEASE_GRANT || op == SW_OP_LEASE_KEEP_ALIVE || op == SW_OP_LEASE_REVOKE ||
           op == SW_OP_SESSION_CLOSE || op == SW_OP_OUTCOME || op == SW_OP_SETTING_PUT ||
           op == SW_OP_SETTING_DELETE || op == SW_OP_AUDIT;
}

/* About the node or its members: not queued here. */
static bool is_admin(enum sw_op op)
{
    return op == SW_OP_STATUS || op == SW_OP_TRANSFER || op == SW_OP_SNAPSHOT ||
           op == SW_OP_RESTART || (op >= SW_OP_MEMBER_LIST && op <= SW_OP_MEMBER_REMOVE);
}

enum sw_fair_class sw__class_of(enum sw_op op)
{
    if (sw_op_is_write(op)) {
        return is_lease(op) ? SW_FAIR_LEASE : SW_FAIR_WRITE;
    }
    if (is_admin(op)) {
        return SW_FAIR_ADMIN;
    }
    if (op == SW_OP_GET || op == SW_OP_MULTI_GET) {
        return SW_FAIR_READ;
    }
    return op == SW_OP_WATCH ? SW_FAIR_WATCH : SW_FAIR_SCAN;
}

/* Leases count from the moment that a grant or a keep-alive is proposed. */
bool sw__wants_tick(enum sw_op op)
{
    return op == SW_OP_LEASE_GRANT || op == SW_OP_LEASE_KEEP_ALIVE;
}

static uint32_t cost_of(const struct sw__request *request)
{
    if (sw_op_is_write(request->op)) {
        return WRITE_COST + request->size;
    }
    if (request->op == SW_OP_SCAN || request->op == SW_OP_EXPERIENCE_SCAN) {
        return request->limit == 0 ? WALK_COST : SCAN_COST + request->limit / RECORDS_A_COST;
    }
    if (sw__class_of(request->op) == SW_FAIR_SCAN) {
        return WALK_COST;
    }
    /* A key costs a look; the names of the keys are what such a request consists of. */
    return 1 + request->size / SW_KEY_SIZE_MAX;
}

void sw__queue_push(struct sw__shard *shard, struct sw__request *request)
{
    enum sw_fair_class of = sw__class_of(request->op);

    SW_ASSERT(request->list == NULL);
    SW_ASSERT(of != SW_FAIR_ADMIN);
    if (request->ordered && of == SW_FAIR_LEASE) {
        of = SW_FAIR_WRITE; /* its session wants its writes in their order */
    }
    request->place = sw_op_is_write(request->op) ? SW__PLACE_QUEUED : SW__PLACE_READING;
    request->turn.cost = cost_of(request);
    sw_fair_push(
        &shard->fair, request->flow, of, &request->turn, sw_env_now_ns(shard->node->config.env));
}

/* The next of its class, unless it has to wait for a tick. */
static struct sw__request *next_of(struct sw__shard *shard, enum sw_fair_class of, bool may_tick)
{
    struct sw__request *request = request_of(sw_fair_peek(&shard->fair, of));

    return request != NULL && !may_tick && sw__wants_tick(request->op) ? NULL : request;
}

struct sw__request *sw__queue_next_write(struct sw__shard *shard, bool may_tick, uint32_t leases)
{
    struct sw__request *lease = next_of(shard, SW_FAIR_LEASE, may_tick);
    struct sw__request *write = next_of(shard, SW_FAIR_WRITE, may_tick);

    return lease != NULL && (leases < LEASES_A_ENTRY || write == NULL) ? lease : write;
}

void sw__queue_take_write(struct sw__shard *shard, struct sw__request *request)
{
    struct sw_fair_item *taken = sw_fair_take(&shard->fair, request->turn.lane->of);

    SW_ASSERT(taken == &request->turn);
}

struct sw__request *sw__queue_take_read(struct sw__shard *shard)
{
    return request_of(sw_fair_take_read(&shard->fair));
}

uint32_t sw__queue_writes(const struct sw__shard *shard)
{
    return shard->fair.queues[SW_FAIR_LEASE].count + shard->fair.queues[SW_FAIR_WRITE].count;
}

bool sw__reads_wait(const struct sw__shard *shard)
{
    return shard->fair.queues[SW_FAIR_READ].count > 0 ||
           shard->fair.queues[SW_FAIR_WATCH].count > 0 ||
           shard->fair.queues[SW_FAIR_SCAN].count > 0;
}

static void
refuse(struct sw__shard *shard, enum sw_fair_class of, enum sw_err err, const char *detail)
{
    struct sw__request *request;

    while ((request = request_of(sw_fair_take(&shard->fair, of))) != NULL) {
        if (!request->answered) {
            sw__request_refuse(shard->node, request, err, detail);
        }
        sw__request_free(request);
    }
}

void sw__queue_refuse_writes(struct sw__shard *shard, enum sw_err err, const char *detail)
{
    refuse(shard, SW_FAIR_LEASE, err, detail);
    refuse(shard, SW_FAIR_WRITE, err, detail);
}

void sw__queue_refuse_reads(struct sw__shard *shard, enum sw_err err, const char *detail)
{
    refuse(shard, SW_FAIR_READ, err, detail);
    refuse(shard, SW_FAIR_WATCH, err, detail);
    refuse(shard, SW_FAIR_SCAN, err, detail);
}

void sw__queue_drop(struct sw__shard *shard)
{
    for (int of = 0; of < SW_FAIR_CLASS_COUNT; of++) {
        struct sw__request *request;

        while ((request = request_of(sw_fair_take(&shard->fair, (enum sw_fair_class)of))) != NULL) {
            sw__request_free(request);
        }
    }
}
