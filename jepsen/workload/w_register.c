/* register: read, write, delete and compare-and-set on single keys.
 *
 * A compare-and-set expects what this worker saw last of the key: just now, or long ago, when it
 * must be refused. */
#include <inttypes.h>

#include "jepsen/workload/value.h"
#include "jepsen/workload/workload.h"

enum { SEEN_MAX = 256, PARTITIONS = 4, TRANSACTION_PERCENT = 50 };

struct seen {
    bool known;
    uint64_t value; /* 0: missing */
    uint64_t mod;
};

struct state {
    struct seen seen[SEEN_MAX]; /* by key modulo SEEN_MAX; `key` below says whose */
    uint64_t key[SEEN_MAX];
};

static struct seen *seen_of(struct state *state, uint64_t key)
{
    const size_t at = key % SEEN_MAX;

    if (state->key[at] != key) {
        state->key[at] = key;
        state->seen[at] = (struct seen){0};
    }
    return &state->seen[at];
}

static void place(struct sw_worker *worker, uint64_t key)
{
    sw_op_place(worker, "p", key % PARTITIONS);
    sw_op_key(worker, "k", key);
}

static bool read_key(struct sw_worker *worker, struct state *state, uint64_t key)
{
    struct seen *seen = seen_of(state, key);
    struct swarm_result *result = NULL;
    struct swarm_request request;
    enum swarm_status status;

    place(worker, key);
    sw_op_begin(worker, "read");
    sw_op_value(worker, "[%" PRIu64 " nil]", key);
    sw_op_invoke(worker);
    request = sw_op_request(worker, SWARM_GET);
    status = sw_op_call(worker, &request, &result);
    if (status == SWARM_OK || status == SWARM_NOT_FOUND) {
        struct seen now = {.known = true};
        bool sound = true;

        if (status == SWARM_OK) {
            now.mod = result->records[0].mod_revision;
            sound = sw_value_read(result->records[0].value, &now.value);
        }
        sw_op_value(worker, "[%" PRIu64 " ", key);
        if (sound) {
            sw_edn_number(&worker->op.value, now.value);
            *seen = now;
        } else {
            sw_edn_add(&worker->op.value, ":corrupt");
        }
        sw_edn_add(&worker->op.value, "]");
        sw_op_extra(worker, ", :mod %" PRIu64, now.mod);
        sw_op_end(worker, SW_END_OK, NULL);
    } else {
        sw_op_end_read(worker, status);
    }
    swarm_result_free(result);
    return status == SWARM_OK || status == SWARM_NOT_FOUND;
}

/* Remembers what is known after a change, and ends its operation. */
static void
changed(struct sw_worker *worker, struct seen *seen, enum swarm_status status, uint64_t value)
{
    if (status == SWARM_OK) {
        *seen = (struct seen){.known = true, .value = value};
        seen->mod = value == 0 ? 0 : worker->op.revision;
    } else if (status == SWARM_CONFLICT) {
        seen->known = false; /* else the same would be refused for ever */
    }
    sw_op_end_write(worker, status);
}

/* Sends the request that was announced. */
static void change(struct sw_worker *worker,
                   struct seen *seen,
                   const struct swarm_request *request,
                   uint64_t value)
{
    struct swarm_result *result = NULL;
    enum swarm_status status = sw_op_call(worker, request, &result);

    if (status == SWARM_NOT_FOUND && request->op == SWARM_DELETE) {
        status = SWARM_OK;
    }
    changed(worker, seen, status, value);
    swarm_result_free(result);
}

static void write_key(struct sw_worker *worker, struct state *state, uint64_t key)
{
    const uint64_t value = sw_worker_unique(worker);
    struct sw_edn bytes = {0};
    struct swarm_request request;

    sw_value_write(&bytes, value, sw_worker_pads(worker));
    place(worker, key);
    sw_op_begin(worker, "write");
    sw_op_value(worker, "[%" PRIu64 " %" PRIu64 "]", key, value);
    sw_op_invoke(worker);
    request = sw_op_request(worker, SWARM_PUT);
    request.value = (struct swarm_slice){.data = bytes.data, .size = bytes.size};
    change(worker, seen_of(state, key), &request, value);
    sw_edn_release(&bytes);
}

static void delete_key(struct sw_worker *worker, struct state *state, uint64_t key)
{
    struct swarm_request request;

    place(worker, key);
    sw_op_begin(worker, "write");
    sw_op_value(worker, "[%" PRIu64 " nil]", key);
    sw_op_invoke(worker);
    request = sw_op_request(worker, SWARM_DELETE);
    change(worker, seen_of(state, key), &request, 0);
}

/* The same as a compare, a put, and otherwise a get that tells what stands there. */
static void cas_in_transaction(struct sw_worker *worker,
                               struct seen *seen,
                               const struct swarm_request *cas,
                               uint64_t value)
{
    const struct swarm_compare compare = {.target = SWARM_COMPARE_MOD_REVISION,
                                          .relation = SWARM_EQUAL,
                                          .key = cas->key,
                                          .number = cas->expected};
    const struct swarm_txn_op put = {.kind = SWARM_TXN_PUT, .key = cas->key, .value = cas->value};
    const struct swarm_txn_op get = {.kind = SWARM_TXN_GET, .key = cas->key};
    const struct swarm_txn txn = {.compares = &compare,
                                  .compare_count = 1,
                                  .then_ops = &put,
                                  .then_count = 1,
                                  .else_ops = &get,
                                  .else_count = 1};
    struct swarm_request request = sw_op_request(worker, SWARM_TXN);
    struct swarm_result *result = NULL;
    enum swarm_status status;

    request.key = (struct swarm_slice){0};
    request.txn = &txn;
    status = sw_op_call(worker, &request, &result);
    if (status == SWARM_OK && !result->succeeded) {
        status = SWARM_CONFLICT;
        worker->op.refused = true;
        worker->op.conflict = result->records[0].mod_revision;
    }
    changed(worker, seen, status, value);
    swarm_result_free(result);
}

static void cas_key(struct sw_worker *worker, struct state *state, uint64_t key)
{
    struct seen *seen = seen_of(state, key);
    const uint64_t value = sw_worker_unique(worker);
    struct sw_edn bytes = {0};
    struct swarm_request request;

    sw_value_write(&bytes, value, sw_worker_pads(worker));
    place(worker, key);
    sw_op_begin(worker, "cas");
    sw_op_value(worker, "[%" PRIu64 " [", key);
    sw_edn_number(&worker->op.value, seen->value);
    sw_edn_add(&worker->op.value, " %" PRIu64 "]]", value);
    sw_op_extra(worker, ", :expected %" PRIu64, seen->mod);
    sw_op_invoke(worker);
    request = sw_op_request(worker, SWARM_CAS);
    request.expected = seen->mod;
    request.value = (struct swarm_slice){.data = bytes.data, .size = bytes.size};
    if (sw_dice_percent(&worker->dice, TRANSACTION_PERCENT)) {
        cas_in_transaction(worker, seen, &request, value);
    } else {
        change(worker, seen, &request, value);
    }
    sw_edn_release(&bytes);
}

static void step(struct sw_worker *worker, void *arg)
{
    struct state *state = arg;
    const uint64_t key = sw_dice_below(&worker->dice, worker->run->options.keys);
    const uint64_t dice = sw_dice_below(&worker->dice, 100);

    if (dice < 35) {
        (void)read_key(worker, state, key);
    } else if (dice < 50) {
        if (read_key(worker, state, key) && seen_of(state, key)->known) {
            cas_key(worker, state, key);
        }
    } else if (dice < 70 && seen_of(state, key)->known) {
        cas_key(worker, state, key);
    } else if (dice < 95) {
        write_key(worker, state, key);
    } else {
        delete_key(worker, state, key);
    }
}

static bool last(struct sw_worker *worker, void *arg, uint64_t key)
{
    return read_key(worker, arg, key);
}

const struct sw_workload sw_workload_register = {
    .name = "register",
    .claim = "each key is a linearizable register under read, write, delete and compare-and-set",
    .state_size = sizeof(struct state),
    .step = step,
    .last = last,
};
