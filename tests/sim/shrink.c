/* Greedy minimisation: turn something off, run it again, keep what still fails.
 *
 * A world is chaotic: with one fault less everything behind it comes differently, and a failure
 * that needs luck may not come back although the fault had nothing to do with it. So each candidate
 * gets a few runs that differ in the plan's salt only. Event lists are cut as by ddmin (Zeller and
 * Hildebrandt 2002): halves first, then smaller and smaller pieces. */
#include "tests/sim/shrink.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "tests/sim/faults.h"
#include "tests/sim/report.h"

enum { SALTS = 8, ROUNDS_MAX = 6, SECONDS_MAX = 300, KIND_SIZE = 120 };

struct shrink {
    const struct sim_options *options; /* borrowed */
    struct sim_plan plan;
    struct sim_events events;
    struct sim_result result; /* of the smallest run so far */
    char kind[KIND_SIZE];
    uint32_t tries;
    time_t give_up_at;
};

void sim_failure_kind(const char *why, char *ret_kind, size_t size)
{
    const bool assertion = strstr(why, "assertion failed") != NULL;
    size_t length = 0;

    SW_ASSERT(size > 0);
    for (; *why != '\0' && length + 1 < size; why++) {
        if (!assertion && (*why == ':' || *why == ',')) {
            break;
        }
        if (!isdigit((unsigned char)*why)) {
            ret_kind[length++] = *why;
        }
    }
    ret_kind[length] = '\0';
}

static bool run(struct shrink *shrink, const struct sim_plan *plan, const struct sim_events *events)
{
    struct sim_options options = *shrink->options;
    struct sim_result result;
    char kind[KIND_SIZE];

    options.events = events;
    shrink->tries++;
    sim_run_apart(&options, plan, &result);
    sim_failure_kind(result.why, kind, sizeof(kind));
    if (!result.failed || strcmp(kind, shrink->kind) != 0) {
        return false;
    }
    shrink->plan = *plan;
    shrink->events = result.happened; /* what did not come any more was not needed */
    shrink->result = result;
    if (result.at_us < 1000000 + plan->storm_us) {
        shrink->plan.storm_us = result.at_us + 1 - 1000000;
    }
    return true;
}

static bool exhausted(const struct shrink *shrink)
{
    const uint32_t tries = shrink->options->tries;

    return time(NULL) >= shrink->give_up_at || (tries != 0 && shrink->tries >= tries);
}

/* True if the candidate fails like the seed did; then it is the plan from now on. */
static bool attempt(struct shrink *shrink, struct sim_plan plan, struct sim_events events)
{
    char why[SW_WHY_SIZE];

    if (!sim_plan_validate(&plan, why)) {
        return false;
    }
    for (uint32_t i = 0; i < SALTS && !exhausted(shrink); i++) {
        if (run(shrink, &plan, &events)) {
            return true;
        }
        plan.salt++;
    }
    return false;
}

static bool drop_faults(struct shrink *shrink)
{
    bool any = false;

    for (uint32_t i = 0; i < SIM_FAULT_COUNT; i++) {
        struct sim_plan plan = shrink->plan;

        plan.faults &= ~(1U << i);
        any = (plan.faults != shrink->plan.faults && attempt(shrink, plan, shrink->events)) || any;
    }
    return any;
}

static uint32_t list_events(const struct sim_events *events, uint32_t *ret_numbers)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < SIM_EVENTS_MAX; i++) {
        if (sim_events_has(events, i)) {
            ret_numbers[count++] = i;
        }
    }
    return count;
}

/* Leaves out `size` events from number `first` of the list on. */
static bool
drop_piece(struct shrink *shrink, const uint32_t *numbers, uint32_t first, uint32_t size)
{
    struct sim_events events = shrink->events;

    for (uint32_t i = first; i < first + size; i++) {
        sim_events_remove(&events, numbers[i]);
    }
    return attempt(shrink, shrink->plan, events);
}

static bool drop_events(struct shrink *shrink)
{
    static uint32_t numbers[SIM_EVENTS_MAX];
    uint32_t count = list_events(&shrink->events, numbers);
    uint32_t size = (count + 1) / 2;
    bool any = false;

    while (size > 0 && count > 0) {
        uint32_t first = 0;

        size = size < count ? size : count;
        while (first + size <= count) {
            if (drop_piece(shrink, numbers, first, size)) {
                any = true;
                count = list_events(&shrink->events, numbers);
            } else {
                first += size;
            }
        }
        size = size > 1 ? size / 2 : 0;
    }
    return any;
}

/* Numbers whose simplest value would be another run, or nothing simpler. */
static bool is_kept(const char *name)
{
    static const char *const kept[] = {
        "faults", "fault_interval_ms", "storm_us", "calm_us", "salt", "guard_off"};

    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        if (strcmp(name, kept[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool simplify_numbers(struct shrink *shrink)
{
    bool any = false;

    for (uint32_t i = 0; i < sim_plan_count(); i++) {
        struct sim_plan plan = shrink->plan;

        sim_plan_put(&plan, i, sim_plan_simple(i));
        if (!is_kept(sim_plan_name(i)) &&
            sim_plan_get(&plan, i) != sim_plan_get(&shrink->plan, i)) {
            any = attempt(shrink, plan, shrink->events) || any;
        }
    }
    return any;
}

/* One after the other: the simplest value may be too small. */
static bool count_down(struct shrink *shrink, uint32_t *number_of_plan, uint32_t least)
{
    bool any = false;

    while (*number_of_plan > least) {
        struct sim_plan plan = shrink->plan;
        const size_t offset = (size_t)((uint8_t *)number_of_plan - (uint8_t *)&shrink->plan);
        const uint32_t less = *number_of_plan - 1;

        memcpy((uint8_t *)&plan + offset, &less, sizeof(less));
        if (!attempt(shrink, plan, shrink->events)) {
            break;
        }
        any = true;
    }
    return any;
}

static bool shorten_storm(struct shrink *shrink)
{
    bool any = false;

    for (uint32_t eighths = 4; eighths < 8; eighths++) {
        struct sim_plan plan = shrink->plan;

        plan.storm_us = plan.storm_us / 8 * eighths;
        any = (plan.storm_us > 0 && attempt(shrink, plan, shrink->events)) || any;
    }
    return any;
}

static void say(const struct shrink *shrink, const char *step)
{
    printf("  %5u runs, %s: %u nodes, %u clients, %u events, fails at %" PRIu64 " ms\n",
           shrink->tries,
           step,
           shrink->plan.nodes,
           shrink->plan.clients,
           sim_events_count(&shrink->events),
           shrink->result.at_us / 1000);
    (void)fflush(stdout);
}

static void shrink_all(struct shrink *shrink)
{
    bool any = true;

    for (int round = 0; round < ROUNDS_MAX && any; round++) {
        any = drop_faults(shrink);
        say(shrink, "kinds of fault");
        any = drop_events(shrink) || any;
        say(shrink, "single faults");
        any = count_down(shrink, &shrink->plan.nodes, 1) || any;
        any = count_down(shrink, &shrink->plan.clients, 1) || any;
        any = simplify_numbers(shrink) || any;
        any = shorten_storm(shrink) || any;
        say(shrink, "numbers");
    }
}

static void tell_smallest(struct shrink *shrink)
{
    struct sim_options options = *shrink->options;
    struct sw_buf plan = {0};

    sim_plan_write(&shrink->plan, &plan);
    options.plan = (const char *)plan.data;
    options.faults = NULL;
    options.events = &shrink->events;
    printf("smallest: %s\n", shrink->result.why);
    sim_plan_print(&shrink->plan, stdout);
    sim_faults_tell(&shrink->plan, &shrink->events, stdout);
    sim_report_replay(&options, shrink->plan.seed, stdout);
    sw_buf_release(&plan);
}

int sim_shrink(const struct sim_options *options)
{
    static struct shrink shrink; /* too large for a stack */
    char why[SW_WHY_SIZE];
    uint32_t before;

    shrink.options = options;
    shrink.give_up_at = time(NULL) + SECONDS_MAX;
    if (!sim_options_plan(options, options->seed_first, &shrink.plan, why)) {
        (void)fprintf(stderr, "swarm-sim: %s\n", why);
        return 2;
    }
    sim_run_apart(options, &shrink.plan, &shrink.result);
    if (!shrink.result.failed) {
        printf("seed %" PRIu64 " does not fail: nothing to shrink\n", options->seed_first);
        return 1;
    }
    sim_failure_kind(shrink.result.why, shrink.kind, sizeof(shrink.kind));
    printf("seed %" PRIu64 " fails: %s\n", options->seed_first, shrink.result.why);
    before = sim_events_count(&shrink.result.happened);
    SW_ASSERT(run(&shrink, &shrink.plan, &shrink.result.happened));
    say(&shrink, "the schedule as a list");
    shrink_all(&shrink);
    tell_smallest(&shrink);
    printf("shrunk: %u events of %u are left, %u of %u nodes, %u runs\n",
           sim_events_count(&shrink.events),
           before,
           shrink.plan.nodes,
           sim_plan_of(options->mode, options->seed_first).nodes,
           shrink.tries);
    if (exhausted(&shrink)) {
        printf("shrinking ended early: it may get smaller still (time, or --tries)\n");
    }
    return sim_events_count(&shrink.events) < before || before == 0 ? 0 : 1;
}
