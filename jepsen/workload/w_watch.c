/* watch: followers read a feed of events in order, while others append to it.
 *
 * A follower polls for what is above its last revision. */
#include <inttypes.h>

#include "jepsen/workload/feed.h"
#include "jepsen/workload/process.h"
#include "jepsen/workload/value.h"
#include "jepsen/workload/workload.h"

enum { POLL_PERCENT = 40, RESTART_PERCENT = 2, EVENTS_MAX = 512 };

struct state {
    uint64_t after;
    uint64_t lives; /* of the follower */
};

static void restart(struct state *state)
{
    state->after = 0;
    state->lives++;
}

static void print_events(struct sw_worker *worker,
                         struct state *state,
                         uint64_t feed,
                         const struct swarm_result *result)
{
    struct sw_edn *out = &worker->op.value;

    sw_op_value(worker, "[%" PRIu64 " {:after %" PRIu64 ", :events [", feed, state->after);
    for (size_t i = 0; i < result->record_count; i++) {
        const struct swarm_record *record = &result->records[i];
        uint64_t value = 0;

        sw_edn_add(out, "%s[%" PRIu64 " ", i == 0 ? "" : " ", record->mod_revision);
        if (sw_value_read(record->value, &value)) {
            sw_edn_add(out, "%" PRIu64 "]", value);
        } else {
            sw_edn_add(out, ":corrupt]");
        }
        state->after = record->mod_revision;
    }
    sw_edn_add(out, "], :more %s}]", result->more ? "true" : "false");
}

/* One page; `*ret_more` only if it was answered. */
static bool poll(struct sw_worker *worker, struct state *state, uint64_t feed, bool *ret_more)
{
    struct swarm_result *result = NULL;
    struct swarm_request request;
    enum swarm_status status;

    sw_op_place(worker, "w", feed);
    sw_op_begin(worker, "poll");
    sw_op_value(worker, "[%" PRIu64 " {:after %" PRIu64 "}]", feed, state->after);
    sw_op_extra(worker,
                ", :follower %" PRIu64,
                sw_process_unique(state->lives + (worker->run->options.final ? 1U << 20 : 1),
                                  worker->number));
    sw_op_invoke(worker);
    request = sw_op_request(worker, SWARM_EXPERIENCE_SCAN);
    request.expected = state->after;
    request.limit = EVENTS_MAX;
    status = sw_op_call(worker, &request, &result);
    if (status == SWARM_OK) {
        print_events(worker, state, feed, result);
        *ret_more = result->more;
        sw_op_end(worker, SW_END_OK, NULL);
    } else {
        sw_op_end_read(worker, status);
    }
    swarm_result_free(result);
    return status == SWARM_OK;
}

static void step(struct sw_worker *worker, void *arg)
{
    struct state *state = arg;
    const uint32_t feeds = worker->run->options.keys;
    bool more = false;

    if (!sw_dice_percent(&worker->dice, POLL_PERCENT)) {
        sw_feed_append(worker, "append", "w", sw_dice_below(&worker->dice, feeds));
        return;
    }
    if (sw_dice_percent(&worker->dice, RESTART_PERCENT)) {
        restart(state);
    }
    (void)poll(worker, state, worker->number % feeds, &more);
}

static bool last(struct sw_worker *worker, void *arg, uint64_t key)
{
    struct state *state = arg;
    bool more = false;

    restart(state);
    do {
        if (!poll(worker, state, key, &more)) {
            return false;
        }
    } while (more);
    return true;
}

const struct sw_workload sw_workload_watch = {
    .name = "watch",
    .claim = "a follower sees every event of its feed after its position exactly once, in order of "
             "revision, as all other followers do",
    .state_size = sizeof(struct state),
    .step = step,
    .last = last,
};
