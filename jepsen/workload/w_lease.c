/* lease: locks that end by themselves. The lock is a key that is written with a lease; its token,
 * the lease, is compared by the store itself where the holder writes what the lock guards.
 *
 * Holders keep their lease alive now and then, too late at times, or walk away without a word. */
#include <inttypes.h>
#include <stdio.h>

#include "jepsen/workload/value.h"
#include "jepsen/workload/workload.h"

enum { TTL_MS_MIN = 500, TTL_MS_MORE = 1500, FIELDS = 2 };

struct state {
    bool holds;
    uint64_t lock, token, ttl_ms;
    uint64_t dozes_until_ms; /* it forgets its lease until then, and goes on as if nothing was */
};

static void place(struct sw_worker *worker)
{
    sw_op_place(worker, "h", 0);
}

static enum swarm_status ask(struct sw_worker *worker, enum swarm_op op, uint64_t lease)
{
    struct swarm_request request = sw_op_request(worker, op);
    struct swarm_result *result = NULL;
    enum swarm_status status;

    request.key = (struct swarm_slice){0};
    request.lease = lease;
    status = sw_op_call(worker, &request, &result);
    swarm_result_free(result);
    return status;
}

/* A lease that nobody uses, if it was granted, ends by itself: then nothing has happened. */
static enum swarm_status grant(struct sw_worker *worker, uint32_t ttl_ms, uint64_t *ret_lease)
{
    struct swarm_request request = sw_op_request(worker, SWARM_LEASE_GRANT);
    struct swarm_result *result = NULL;
    enum swarm_status status;

    request.key = (struct swarm_slice){0};
    request.limit = ttl_ms;
    status = sw_op_call(worker, &request, &result);
    if (status == SWARM_OK) {
        *ret_lease = result->value;
    }
    swarm_result_free(result);
    return status;
}

/* Writes the lock's key with the lease, if there is none. */
static enum swarm_status take(struct sw_worker *worker, uint64_t lock, uint64_t lease)
{
    struct swarm_request request;
    struct swarm_result *result = NULL;
    struct sw_edn bytes = {0};
    enum swarm_status status;

    sw_op_key(worker, "lock", lock);
    sw_value_write(&bytes, lease, false);
    request = sw_op_request(worker, SWARM_CAS);
    request.lease = lease;
    request.value = (struct swarm_slice){.data = bytes.data, .size = bytes.size};
    status = sw_op_call(worker, &request, &result);
    swarm_result_free(result);
    sw_edn_release(&bytes);
    return status;
}

static void acquire(struct sw_worker *worker, struct state *state, uint64_t lock)
{
    const uint32_t ttl_ms = TTL_MS_MIN + (uint32_t)sw_dice_below(&worker->dice, TTL_MS_MORE);
    enum swarm_status status;
    uint64_t lease = 0;

    sw_op_begin(worker, "acquire");
    sw_op_value(worker, "[%" PRIu64 " nil]", lock);
    sw_op_extra(worker, ", :ttl %" PRIu32, ttl_ms);
    sw_op_invoke(worker);
    status = grant(worker, ttl_ms, &lease);
    if (status != SWARM_OK) {
        sw_op_end_read(worker, status);
        return;
    }
    status = take(worker, lock, lease);
    sw_op_extra(worker, ", :lease %" PRIu64, lease);
    if (status == SWARM_CONFLICT) {
        /* Best effort: it holds nothing and ends soon. The line tells of the conflict. */
        const struct sw_op refused = worker->op;

        (void)ask(worker, SWARM_LEASE_REVOKE, lease);
        worker->op.refused = refused.refused;
        worker->op.conflict = refused.conflict;
        sw_op_end(worker, SW_END_FAIL, "HELD");
        return;
    }
    if (status == SWARM_OK) {
        *state = (struct state){.holds = true, .lock = lock, .token = lease, .ttl_ms = ttl_ms};
        sw_op_value(worker, "[%" PRIu64 " %" PRIu64 "]", lock, lease);
    }
    sw_op_end_write(worker, status);
}

/* Operations on the lease that is held. It is given up unless it surely lives on. */
static void
use_lease(struct sw_worker *worker, struct state *state, const char *f, enum swarm_op op)
{
    enum swarm_status status;

    sw_op_begin(worker, f);
    sw_op_value(worker, "[%" PRIu64 " %" PRIu64 "]", state->lock, state->token);
    sw_op_invoke(worker);
    status = ask(worker, op, state->token);
    if (op == SWARM_LEASE_REVOKE || status == SWARM_LEASE_GONE) {
        state->holds = false;
    }
    sw_op_end_write(worker, status);
}

static void print_data(struct sw_worker *worker, uint64_t lock, const struct swarm_record *record)
{
    uint64_t fields[FIELDS];
    uint32_t count = 0;

    if (sw_value_numbers(record->value, ' ', fields, FIELDS, &count) && count == FIELDS) {
        sw_op_value(worker, "[%" PRIu64 " [%" PRIu64 " %" PRIu64 "]]", lock, fields[1], fields[0]);
    } else {
        sw_op_value(worker, "[%" PRIu64 " :corrupt]", lock);
    }
}

/* The key's lease; its value says the same. */
static void print_holder(struct sw_worker *worker, uint64_t lock, const struct swarm_record *record)
{
    uint64_t value = 0;

    if (sw_value_read(record->value, &value) && value == record->lease) {
        sw_op_value(worker, "[%" PRIu64 " %" PRIu64 "]", lock, record->lease);
    } else {
        sw_op_value(worker, "[%" PRIu64 " :corrupt]", lock);
    }
}

/* A get of `lock<k>` or `data<k>`. `*ret_there` only if it was answered. */
static bool
look(struct sw_worker *worker, const char *f, const char *letters, uint64_t lock, bool *ret_there)
{
    struct swarm_result *result = NULL;
    struct swarm_request request;
    enum swarm_status status;

    sw_op_key(worker, letters, lock);
    sw_op_begin(worker, f);
    sw_op_value(worker, "[%" PRIu64 " nil]", lock);
    sw_op_invoke(worker);
    request = sw_op_request(worker, SWARM_GET);
    status = sw_op_call(worker, &request, &result);
    if (status != SWARM_OK && status != SWARM_NOT_FOUND) {
        sw_op_end_read(worker, status);
        swarm_result_free(result);
        return false;
    }
    *ret_there = status == SWARM_OK;
    if (*ret_there && letters[0] == 'l') {
        print_holder(worker, lock, &result->records[0]);
    } else if (*ret_there) {
        print_data(worker, lock, &result->records[0]);
    }
    sw_op_end(worker, SW_END_OK, NULL);
    swarm_result_free(result);
    return true;
}

static void step(struct sw_worker *worker, void *arg)
{
    struct state *state = arg;
    const uint64_t lock = sw_dice_below(&worker->dice, worker->run->options.keys);
    const uint64_t dice = sw_dice_below(&worker->dice, 100);
    bool there = false;

    place(worker);
    if (dice < 15) {
        (void)look(worker, "holder", "lock", lock, &there);
    } else if (dice < 25 || swarm_now_ms() < state->dozes_until_ms) {
        (void)look(worker, "read", "data", lock, &there);
    } else if (!state->holds) {
        acquire(worker, state, lock);
    } else if (dice < 50) {
        use_lease(worker, state, "keep-alive", SWARM_LEASE_KEEP_ALIVE);
    } else if (dice < 85) {
        if (sw_op_write_fenced(worker, "lock", state->lock, state->token)) {
            state->holds = false;
        }
    } else if (dice < 90) {
        use_lease(worker, state, "release", SWARM_LEASE_REVOKE);
    } else if (dice < 95) {
        state->holds = false; /* walks away: the lease must end by itself */
    } else {
        state->dozes_until_ms = swarm_now_ms() + sw_dice_below(&worker->dice, 2 * state->ttl_ms);
    }
}

/* Nobody keeps anything alive any more: the lock must come free. */
static bool last(struct sw_worker *worker, void *state, uint64_t key)
{
    bool there = true;

    (void)state;
    place(worker);
    return look(worker, "read", "data", key, &there) &&
           look(worker, "holder", "lock", key, &there) && !there;
}

const struct sw_workload sw_workload_lease = {
    .name = "lease",
    .claim =
        "a lock with a lease has one holder at a time, nothing that it guards is written by who "
        "lost it, and it comes free when its lease ends, not before",
    .state_size = sizeof(struct state),
    .step = step,
    .last = last,
};
