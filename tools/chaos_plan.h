/* What `swarmctl chaos run` is to do to a staging swarm: an INI file, checked before anything runs.
 *
 *     [run]     duration, pause, recover, seed
 *     [steps]   transfer, snapshot, restart: how often each, in proportion; 0 = never
 *     [load]    clients, in_flight, keys, value_size, put_percent
 *     [record]  clients, keys, rate
 *     [limits]  gap
 *
 * What is left out has the value of sw_chaos_plan_init. swarmctl-chaos(1) explains each. */
#ifndef SW_TOOLS_CHAOS_PLAN_H
#define SW_TOOLS_CHAOS_PLAN_H

#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"

enum sw_chaos_step {
    SW_CHAOS_TRANSFER,
    SW_CHAOS_SNAPSHOT,
    SW_CHAOS_RESTART,
    SW_CHAOS_STEP_COUNT,
};

struct sw_chaos_plan {
    uint64_t duration_ms;
    uint64_t pause_ms;   /* between steps, on average */
    uint64_t recover_ms; /* how long the swarm may take to be well again after a step */
    uint64_t seed;
    uint64_t weights[SW_CHAOS_STEP_COUNT];
    struct {
        uint64_t clients, in_flight, keys, value_size, put_percent;
    } load;
    struct {
        uint64_t clients, keys, rate; /* operations a second, of all clients */
    } record;
    uint64_t gap_max_ms; /* without any recorded success */
};

const char *sw_chaos_step_name(enum sw_chaos_step step);
void sw_chaos_plan_init(struct sw_chaos_plan *ret_plan);
enum sw_err sw_chaos_plan_set(struct sw_chaos_plan *plan,
                              const char *section,
                              const char *name,
                              const char *value,
                              char ret_why[SW_WHY_SIZE]);
/* What no single value tells. */
enum sw_err sw_chaos_plan_check(const struct sw_chaos_plan *plan, char ret_why[SW_WHY_SIZE]);
/* By the weights; `dice` is any number. */
enum sw_chaos_step sw_chaos_plan_choose(const struct sw_chaos_plan *plan, uint64_t dice);

/* All of it, from text or a file (chaos_plan_inih.c). */
enum sw_err
sw_chaos_plan_parse(const char *text, struct sw_chaos_plan *ret_plan, char ret_why[SW_WHY_SIZE]);
enum sw_err
sw_chaos_plan_load(const char *path, struct sw_chaos_plan *ret_plan, char ret_why[SW_WHY_SIZE]);

#endif
