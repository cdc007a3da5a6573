/* follow: keys come and go, and followers are told every change, from where they stand.
 *
 * One operation is one request of a watch: it waits a little for news. The library's own loop
 * (swarm_watch_new) does no more than this again and again. */
#include <inttypes.h>
#include <stdio.h>

#include "jepsen/workload/process.h"
#include "jepsen/workload/value.h"
#include "jepsen/workload/workload.h"

enum {
    KEYS = 16,
    PUT_PERCENT = 45,
    DELETE_PERCENT = 15,
    RESTART_PERCENT = 2,
    WAIT_MS = 400,
    LIMIT_MAX = 20,
    ROUNDS_MAX = 200000,
};

struct state {
    uint64_t after;
    uint64_t lives; /* of the follower */
};

static void put(struct sw_worker *worker, uint64_t feed, uint64_t key)
{
    const uint64_t value = sw_worker_unique(worker);

    sw_op_key(worker, "k", key);
    sw_op_begin(worker, "put");
    sw_op_value(worker, "[%" PRIu64 " [%" PRIu64 " %" PRIu64 "]]", feed, key, value);
    sw_op_write(worker, SWARM_PUT, value);
}

static void remove_key(struct sw_worker *worker, uint64_t feed, uint64_t key)
{
    struct swarm_result *result = NULL;
    struct swarm_request request;
    enum swarm_status status;

    sw_op_key(worker, "k", key);
    sw_op_begin(worker, "delete");
    sw_op_value(worker, "[%" PRIu64 " %" PRIu64 "]", feed, key);
    sw_op_invoke(worker);
    request = sw_op_request(worker, SWARM_DELETE);
    status = sw_op_call(worker, &request, &result);
    if (status == SWARM_OK) {
        sw_op_extra(worker, ", :existed %s", result->value == 1 ? "true" : "false");
    }
    sw_op_end_write(worker, status);
    swarm_result_free(result);
}

/* "k<n>" */
static bool key_of(struct swarm_slice key, uint64_t *ret_number)
{
    const char *text = key.data;

    return key.size > 1 && text[0] == 'k' &&
           sw_value_read((struct swarm_slice){text + 1, key.size - 1}, ret_number);
}

static void print_change(struct sw_edn *out, const struct swarm_record *record)
{
    uint64_t number = 0;

    sw_edn_add(out, "[%" PRIu64 " ", record->mod_revision);
    if (key_of(record->key, &number)) {
        sw_edn_add(out, "%" PRIu64 " ", number);
    } else {
        sw_edn_add(out, ":corrupt ");
    }
    if (record->version == 0) {
        sw_edn_add(out, "nil]");
    } else if (sw_value_read(record->value, &number)) {
        sw_edn_add(out, "%" PRIu64 "]", number);
    } else {
        sw_edn_add(out, ":corrupt]");
    }
}

static void print_changes(struct sw_worker *worker,
                          uint64_t feed,
                          uint64_t after,
                          const struct swarm_result *result)
{
    struct sw_edn *out = &worker->op.value;

    sw_op_value(worker,
                "[%" PRIu64 " {:after %" PRIu64 ", :upto %" PRIu64 ", :changes [",
                feed,
                after,
                result->revision);
    for (size_t i = 0; i < result->record_count; i++) {
        sw_edn_add(out, "%s", i == 0 ? "" : " ");
        print_change(out, &result->records[i]);
    }
    sw_edn_add(out, "], :more %s}]", result->more ? "true" : "false");
}

static uint64_t follower_of(const struct sw_worker *worker, const struct state *state)
{
    const uint64_t lives = state->lives + (worker->run->options.final ? 1U << 20 : 1);

    return sw_process_unique(lives, worker->number);
}

/* A follower that stood still for too long begins anew at the present. */
static void resync(struct state *state, uint64_t revision)
{
    state->after = revision;
    state->lives++;
}

/* `*ret_news` only if it was answered: there was something, or there is more. */
static bool follow(struct sw_worker *worker, struct state *state, uint64_t feed, bool *ret_news)
{
    struct swarm_result *result = NULL;
    struct swarm_request request;
    enum swarm_status status;

    worker->key[0] = '\0'; /* the whole partition */
    sw_op_begin(worker, "watch");
    worker->op.deadline_ms = swarm_now_ms() + WAIT_MS;
    sw_op_value(worker, "[%" PRIu64 " {:after %" PRIu64 "}]", feed, state->after);
    sw_op_extra(worker, ", :follower %" PRIu64, follower_of(worker, state));
    sw_op_invoke(worker);
    request = sw_op_request(worker, SWARM_WATCH);
    request.expected = state->after;
    if (sw_dice_percent(&worker->dice, 30)) {
        request.limit = 1 + (uint32_t)sw_dice_below(&worker->dice, LIMIT_MAX);
    }
    status = sw_op_call(worker, &request, &result);
    if (status == SWARM_OK) {
        print_changes(worker, feed, state->after, result);
        state->after = result->revision;
        *ret_news = result->more || result->record_count > 0;
        sw_op_end(worker, SW_END_OK, NULL);
    } else {
        sw_op_end_read(worker, status);
    }
    if (status == SWARM_RESYNC) {
        resync(state, result->revision);
    }
    swarm_result_free(result);
    return status == SWARM_OK;
}

static void step(struct sw_worker *worker, void *arg)
{
    struct state *state = arg;
    const uint32_t feeds = worker->run->options.keys;
    const uint64_t feed = sw_dice_below(&worker->dice, feeds);
    const uint64_t key = sw_dice_below(&worker->dice, KEYS);
    const uint64_t dice = sw_dice_below(&worker->dice, 100);
    bool news = false;

    if (dice < PUT_PERCENT) {
        sw_op_place(worker, "f", feed);
        put(worker, feed, key);
    } else if (dice < PUT_PERCENT + DELETE_PERCENT) {
        sw_op_place(worker, "f", feed);
        remove_key(worker, feed, key);
    } else {
        if (sw_dice_percent(&worker->dice, RESTART_PERCENT)) {
            resync(state, 0);
        }
        sw_op_place(worker, "f", worker->number % feeds);
        (void)follow(worker, state, worker->number % feeds, &news);
    }
}

/* From the beginning, or from where changes are still kept, to the present. */
static bool last(struct sw_worker *worker, void *arg, uint64_t key)
{
    struct state *state = arg;
    bool news = true;

    sw_op_place(worker, "f", key);
    for (int i = 0; news && i < ROUNDS_MAX; i++) {
        if (!follow(worker, state, key, &news)) {
            return false;
        }
    }
    resync(state, 0); /* the next feed is another story */
    return true;
}

const struct sw_workload sw_workload_follow = {
    .name = "follow",
    .claim = "a watch tells every change of its keys after its position, once, in the order of "
             "revisions, whoever leads meanwhile",
    .state_size = sizeof(struct state),
    .step = step,
    .last = last,
};
