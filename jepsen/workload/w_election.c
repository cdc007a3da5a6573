/* election: the library's elections. Leaders proclaim, write what their token guards, resign, or
 * are deposed, and go on without looking whether they still lead. */
#include <inttypes.h>
#include <stdio.h>

#include "jepsen/workload/value.h"
#include "jepsen/workload/workload.h"

enum { TTL_MS_MIN = 500, TTL_MS_MORE = 1500, WAIT_MS = 200, FIELDS = 2 };

struct state {
    struct swarm_election *election; /* owned; NULL: it does not lead, as far as it knows */
    uint64_t office, token;
};

static void place(struct sw_worker *worker)
{
    sw_op_place(worker, "e", 0);
}

static void campaign(struct sw_worker *worker, struct state *state, uint64_t office)
{
    const uint32_t ttl_ms = TTL_MS_MIN + (uint32_t)sw_dice_below(&worker->dice, TTL_MS_MORE);
    const uint64_t value = sw_worker_unique(worker);
    char text[SW_PLACE_SIZE];
    struct swarm_scope scope;
    enum swarm_status status;

    place(worker);
    sw_op_key(worker, "office", office);
    scope = (struct swarm_scope){
        .tenant = "chaos", .name_space = worker->workload, .partition = worker->partition};
    (void)snprintf(text, sizeof text, "%" PRIu64, value);
    sw_op_begin(worker, "campaign");
    sw_op_value(worker, "[%" PRIu64 " nil]", office);
    sw_op_invoke(worker);
    status = swarm_campaign(worker->client,
                            scope,
                            swarm_str(worker->key),
                            swarm_str(text),
                            ttl_ms,
                            swarm_now_ms() + WAIT_MS,
                            &state->election,
                            NULL,
                            0);
    if (status == SWARM_OK) {
        state->office = office;
        state->token = swarm_election_token(state->election);
        sw_op_value(worker, "[%" PRIu64 " %" PRIu64 "]", office, state->token);
        sw_op_extra(worker, ", :won %" PRIu64, swarm_election_revision(state->election));
    }
    /* A campaign that ended without winning has given its lease back, or tried to. */
    sw_op_end_write(worker, status);
}

static void resign(struct sw_worker *worker, struct state *state)
{
    enum swarm_status status;

    sw_op_begin(worker, "resign");
    sw_op_value(worker, "[%" PRIu64 " %" PRIu64 "]", state->office, state->token);
    sw_op_invoke(worker);
    status = swarm_resign(state->election);
    state->election = NULL;
    sw_op_end_write(worker, status);
}

static void proclaim(struct sw_worker *worker, struct state *state)
{
    const uint64_t value = sw_worker_unique(worker);
    char text[SW_PLACE_SIZE];
    enum swarm_status status;

    (void)snprintf(text, sizeof text, "%" PRIu64, value);
    sw_op_begin(worker, "proclaim");
    sw_op_value(
        worker, "[%" PRIu64 " [%" PRIu64 " %" PRIu64 "]]", state->office, state->token, value);
    sw_op_invoke(worker);
    status = swarm_proclaim(state->election, swarm_str(text));
    if (status == SWARM_LEASE_GONE) {
        sw_op_end(worker, SW_END_FAIL, "FENCED");
    } else {
        sw_op_end_write(worker, status);
    }
}

/* Ends the lease behind the leader's back, as its silence would; it goes on as if nothing was. */
static void depose(struct sw_worker *worker, struct state *state)
{
    struct swarm_request request;
    struct swarm_result *result = NULL;
    enum swarm_status status;

    sw_op_begin(worker, "depose");
    sw_op_value(worker, "[%" PRIu64 " %" PRIu64 "]", state->office, state->token);
    sw_op_invoke(worker);
    request = sw_op_request(worker, SWARM_LEASE_REVOKE);
    request.key = (struct swarm_slice){0};
    request.lease = state->token;
    status = sw_op_call(worker, &request, &result);
    swarm_result_free(result);
    sw_op_end_write(worker, status);
}

static void print_data(struct sw_worker *worker, uint64_t office, const struct swarm_record *record)
{
    uint64_t fields[FIELDS];
    uint32_t count = 0;

    if (sw_value_numbers(record->value, ' ', fields, FIELDS, &count) && count == FIELDS) {
        sw_op_value(
            worker, "[%" PRIu64 " [%" PRIu64 " %" PRIu64 "]]", office, fields[1], fields[0]);
    } else {
        sw_op_value(worker, "[%" PRIu64 " :corrupt]", office);
    }
}

/* A get of `office<k>` or `data<k>`. `*ret_there` only if it was answered. */
static bool
look(struct sw_worker *worker, const char *f, const char *letters, uint64_t office, bool *ret_there)
{
    struct swarm_result *result = NULL;
    struct swarm_request request;
    enum swarm_status status;

    place(worker);
    sw_op_key(worker, letters, office);
    sw_op_begin(worker, f);
    sw_op_value(worker, "[%" PRIu64 " nil]", office);
    sw_op_invoke(worker);
    request = sw_op_request(worker, SWARM_GET);
    status = sw_op_call(worker, &request, &result);
    if (status != SWARM_OK && status != SWARM_NOT_FOUND) {
        sw_op_end_read(worker, status);
        swarm_result_free(result);
        return false;
    }
    *ret_there = status == SWARM_OK;
    if (*ret_there && letters[0] == 'o') {
        sw_op_value(worker, "[%" PRIu64 " %" PRIu64 "]", office, result->records[0].lease);
    } else if (*ret_there) {
        print_data(worker, office, &result->records[0]);
    }
    sw_op_end(worker, SW_END_OK, NULL);
    swarm_result_free(result);
    return true;
}

static void step(struct sw_worker *worker, void *arg)
{
    struct state *state = arg;
    const uint64_t office = sw_dice_below(&worker->dice, worker->run->options.keys);
    const uint64_t dice = sw_dice_below(&worker->dice, 100);
    bool there = false;

    place(worker);
    if (dice < 15) {
        (void)look(worker, "leader", "office", office, &there);
    } else if (dice < 30) {
        (void)look(worker, "read", "data", office, &there);
    } else if (state->election == NULL) {
        campaign(worker, state, office);
    } else if (dice < 45) {
        proclaim(worker, state);
    } else if (dice < 85) {
        /* without asking whether it leads */
        (void)sw_op_write_fenced(worker, "office", state->office, state->token);
    } else if (dice < 92) {
        depose(worker, state);
    } else {
        resign(worker, state);
    }
}

/* Nobody campaigns any more: each office must come free. */
static bool last(struct sw_worker *worker, void *state, uint64_t key)
{
    bool there = true;

    (void)state;
    return look(worker, "read", "data", key, &there) &&
           look(worker, "leader", "office", key, &there) && !there;
}

static void release(void *arg)
{
    struct state *state = arg;

    (void)swarm_resign(state->election);
}

const struct sw_workload sw_workload_election = {
    .name = "election",
    .claim =
        "an office has one leader after the other: what a token guards is never written by one "
        "whose successor was elected",
    .state_size = sizeof(struct state),
    .step = step,
    .last = last,
    .release = release,
};
