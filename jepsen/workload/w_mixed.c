/* mixed: agents that do all of the other workloads in turn, on the same sessions. */
#include <stdlib.h>

#include "jepsen/workload/must.h"
#include "jepsen/workload/workload.h"

enum { PARTS_MAX = 16, LARGE_PERCENT = 2, DIE_PERCENT = 1 };

struct part {
    void *state; /* owned; NULL: not begun */
    uint64_t steps;
};

struct state {
    struct part parts[PARTS_MAX];
};

/* The workload at `index` that is not mixed itself, and keeps nothing of its client, which may be
 * closed at any time; NULL at the end. */
static const struct sw_workload *plain_at(size_t index)
{
    const struct sw_workload *workload;
    size_t plain = 0;

    for (size_t i = 0; (workload = sw_workload_at(i)) != NULL; i++) {
        if (!workload->manner.mixed && workload->release == NULL) {
            if (plain == index) {
                return workload;
            }
            plain++;
        }
    }
    return NULL;
}

static struct part *begin(struct sw_worker *worker, struct state *state, size_t index)
{
    const struct sw_workload *workload = plain_at(index);
    struct part *part = &state->parts[index];

    if (part->state == NULL) {
        part->state = calloc(1, workload->state_size > 0 ? workload->state_size : 1);
        sw_must(part->state != NULL, "no memory");
    }
    worker->workload = workload->name;
    return part;
}

static size_t plain_count(void)
{
    size_t count = 0;

    while (plain_at(count) != NULL) {
        count++;
    }
    sw_must(count <= PARTS_MAX, "too many workloads");
    return count;
}

static void step(struct sw_worker *worker, void *state)
{
    const size_t index = (size_t)sw_dice_below(&worker->dice, plain_count());
    const struct sw_workload *workload = plain_at(index);
    struct part *part = begin(worker, state, index);
    const uint64_t steps = worker->steps;

    if (workload == NULL) {
        return; /* cannot be, the index is below the count; an optimizing compiler asks */
    }

    worker->steps = part->steps++; /* keys roll by the steps of their own workload */
    workload->step(worker, part->state);
    worker->steps = steps;
}

static bool last(struct sw_worker *worker, void *state, uint64_t key)
{
    const struct sw_workload *workload;
    bool done = true;

    for (size_t i = 0; (workload = plain_at(i)) != NULL; i++) {
        const uint64_t used = sw_past_keys(&worker->run->past, workload->name);
        struct part *part = begin(worker, state, i);

        if (key < used || key < worker->run->options.keys) {
            done = workload->last(worker, part->state, key) && done;
        }
    }
    return done;
}

static void release(void *arg)
{
    struct state *state = arg;

    for (size_t i = 0; i < PARTS_MAX; i++) {
        free(state->parts[i].state);
    }
}

const struct sw_workload sw_workload_mixed = {
    .name = "mixed",
    .claim = "all of the above hold at once, for clients with large values, many sessions, and "
             "clients that die and come back",
    .manner = {.mixed = true, .large_percent = LARGE_PERCENT, .die_percent = DIE_PERCENT},
    .state_size = sizeof(struct state),
    .step = step,
    .last = last,
    .release = release,
};
