/* lock: locks by compare-and-set, whose grants carry fencing tokens, and data that they guard.
 *
 * A lock whose holder is not heard of is broken, dead or not. So two workers may think that they
 * hold it; the token is what tells them apart. */
#include <inttypes.h>
#include <string.h>

#include "jepsen/workload/update.h"
#include "jepsen/workload/value.h"
#include "jepsen/workload/workload.h"

enum { LOCKS_MAX = 64, PATIENCE = 6, DATA_FIELDS = 2 };

struct state {
    bool holds;
    uint64_t lock, token; /* what it holds */
    struct {
        uint64_t nonce; /* of the holder seen last */
        uint32_t times; /* in a row */
    } seen[LOCKS_MAX];
};

static const char free_text[] = "free";
static const char held_text[] = "held ";

struct grab {
    struct state *state;
    uint64_t lock, nonce;
    bool stolen;
};

/* False for bytes that are no lock; 0: free. */
static bool holder_of(const struct swarm_record *record, uint64_t *ret_nonce)
{
    const size_t size = record->value.size;
    const char *text = record->value.data;

    *ret_nonce = 0;
    if (size == sizeof free_text - 1 && memcmp(text, free_text, size) == 0) {
        return true;
    }
    if (size < sizeof held_text || memcmp(text, held_text, sizeof held_text - 1) != 0) {
        return false;
    }
    return sw_value_read(
        (struct swarm_slice){text + sizeof held_text - 1, size - sizeof held_text + 1}, ret_nonce);
}

/* True once the same holder was met often enough. */
static bool suspect(struct state *state, uint64_t lock, uint64_t nonce)
{
    const size_t at = lock % LOCKS_MAX;

    state->seen[at].times = state->seen[at].nonce == nonce ? state->seen[at].times + 1 : 1;
    state->seen[at].nonce = nonce;
    return state->seen[at].times >= PATIENCE;
}

static enum sw_change grab(void *arg, const struct swarm_record *old, struct sw_edn *new_value)
{
    struct grab *wish = arg;
    uint64_t holder = 0;

    wish->stolen = false;
    if (old != NULL && !holder_of(old, &holder)) {
        return SW_CHANGE_CORRUPT;
    }
    if (holder != 0) {
        wish->stolen = suspect(wish->state, wish->lock, holder);
        if (!wish->stolen) {
            return SW_CHANGE_REFUSED;
        }
    }
    sw_edn_add(new_value, "%s%" PRIu64, held_text, wish->nonce);
    return SW_CHANGE_WRITE;
}

static void acquire(struct sw_worker *worker, struct state *state, uint64_t lock)
{
    struct grab wish = {.state = state, .lock = lock, .nonce = sw_worker_unique(worker)};
    struct sw_updated updated;

    sw_op_key(worker, "lock", lock);
    sw_op_begin(worker, "acquire");
    sw_op_value(worker, "[%" PRIu64 " %" PRIu64 "]", lock, wish.nonce);
    sw_op_extra(worker, ", :nonce %" PRIu64, wish.nonce);
    sw_op_invoke(worker);
    updated = sw_update(worker, grab, &wish);
    if (!sw_update_succeeded(worker, &updated, "HELD")) {
        return;
    }
    if (updated.change == SW_CHANGE_CORRUPT) {
        sw_op_value(worker, "[%" PRIu64 " :corrupt]", lock);
    } else {
        *state = (struct state){.holds = true, .lock = lock, .token = worker->op.revision};
        sw_op_value(worker, "[%" PRIu64 " %" PRIu64 "]", lock, state->token);
        sw_op_extra(worker, ", :from %" PRIu64, updated.replaced);
        sw_op_extra(worker, "%s", wish.stolen ? ", :stolen true" : "");
    }
    sw_op_end(worker, SW_END_OK, NULL);
}

static void release(struct sw_worker *worker, struct state *state)
{
    struct swarm_result *result = NULL;
    struct swarm_request request;
    enum swarm_status status;

    sw_op_key(worker, "lock", state->lock);
    sw_op_begin(worker, "release");
    sw_op_value(worker, "[%" PRIu64 " %" PRIu64 "]", state->lock, state->token);
    sw_op_invoke(worker);
    request = sw_op_request(worker, SWARM_CAS);
    request.expected = state->token;
    request.value = swarm_str(free_text);
    status = sw_op_call(worker, &request, &result);
    /* After a refusal for another reason than a conflict, the lock is still ours. */
    state->holds = swarm_outcome(status) == SWARM_NOT_DONE && status != SWARM_CONFLICT;
    sw_op_end_write(worker, status);
    swarm_result_free(result);
}

/* "<v> <token> " */
static bool data_of(const struct swarm_record *record, uint64_t ret_fields[DATA_FIELDS])
{
    uint32_t count = 0;

    return sw_value_numbers(record->value, ' ', ret_fields, DATA_FIELDS, &count) &&
           count == DATA_FIELDS;
}

struct guarded {
    uint64_t token, unique;
};

static enum sw_change put(void *arg, const struct swarm_record *old, struct sw_edn *new_value)
{
    const struct guarded *guarded = arg;
    uint64_t fields[DATA_FIELDS];

    if (old != NULL) {
        if (!data_of(old, fields)) {
            return SW_CHANGE_CORRUPT;
        }
        if (fields[1] > guarded->token) {
            return SW_CHANGE_REFUSED;
        }
    }
    sw_edn_add(new_value, "%" PRIu64 " %" PRIu64 " ", guarded->unique, guarded->token);
    return SW_CHANGE_WRITE;
}

static void write_guarded(struct sw_worker *worker, struct state *state)
{
    struct guarded guarded = {.token = state->token, .unique = sw_worker_unique(worker)};
    struct sw_updated updated;

    sw_op_key(worker, "data", state->lock);
    sw_op_begin(worker, "write");
    sw_op_value(worker,
                "[%" PRIu64 " [%" PRIu64 " %" PRIu64 "]]",
                state->lock,
                guarded.token,
                guarded.unique);
    sw_op_invoke(worker);
    updated = sw_update(worker, put, &guarded);
    if (updated.status == SWARM_OK && updated.change == SW_CHANGE_REFUSED) {
        state->holds = false;
    }
    if (sw_update_succeeded(worker, &updated, "FENCED")) {
        if (updated.change == SW_CHANGE_CORRUPT) {
            sw_op_value(worker, "[%" PRIu64 " :corrupt]", state->lock);
        }
        sw_op_end(worker, SW_END_OK, NULL);
    }
}

static void print_data(struct sw_worker *worker, uint64_t lock, const struct swarm_record *record)
{
    uint64_t fields[DATA_FIELDS];

    if (record == NULL) {
        sw_op_value(worker, "[%" PRIu64 " nil]", lock);
    } else if (!data_of(record, fields)) {
        sw_op_value(worker, "[%" PRIu64 " :corrupt]", lock);
    } else {
        sw_op_value(worker, "[%" PRIu64 " [%" PRIu64 " %" PRIu64 "]]", lock, fields[1], fields[0]);
    }
}

static bool read_data(struct sw_worker *worker, uint64_t lock)
{
    struct swarm_result *result = NULL;
    struct swarm_request request;
    enum swarm_status status;
    bool done;

    sw_op_key(worker, "data", lock);
    sw_op_begin(worker, "read");
    sw_op_value(worker, "[%" PRIu64 " nil]", lock);
    sw_op_invoke(worker);
    request = sw_op_request(worker, SWARM_GET);
    status = sw_op_call(worker, &request, &result);
    done = status == SWARM_OK || status == SWARM_NOT_FOUND;
    if (done) {
        print_data(worker, lock, status == SWARM_OK ? &result->records[0] : NULL);
        sw_op_end(worker, SW_END_OK, NULL);
    } else {
        sw_op_end_read(worker, status);
    }
    swarm_result_free(result);
    return done;
}

static void step(struct sw_worker *worker, void *arg)
{
    struct state *state = arg;
    const uint64_t lock = sw_dice_below(&worker->dice, worker->run->options.keys);
    const uint64_t dice = sw_dice_below(&worker->dice, 100);

    sw_op_place(worker, "m", 0);
    if (dice < 20) {
        (void)read_data(worker, lock);
    } else if (!state->holds) {
        acquire(worker, state, lock);
    } else if (dice < 80) {
        write_guarded(worker, state);
    } else {
        release(worker, state);
    }
}

static bool last(struct sw_worker *worker, void *state, uint64_t key)
{
    (void)state;
    sw_op_place(worker, "m", 0);
    return read_data(worker, key);
}

const struct sw_workload sw_workload_lock = {
    .name = "lock",
    .claim = "no two holders have the same fencing token, tokens grow, and no guarded write of an "
             "older token lands after one of a newer",
    .state_size = sizeof(struct state),
    .step = step,
    .last = last,
};
