/* The settings of a plan: a table of names, ranges and places. */
#include "tools/chaos_plan.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/text.h"
#include "tools/parse.h"

struct row {
    const char *section, *name;
    size_t offset; /* of a uint64_t */
    bool is_time;
    uint64_t min, max;
};

enum { HOUR_MS = 3600 * 1000 };

#define AT(member) offsetof(struct sw_chaos_plan, member)

static const struct row rows[] = {
    {"run", "duration", AT(duration_ms), true, 1000, 24ULL * HOUR_MS},
    {"run", "pause", AT(pause_ms), true, 100, HOUR_MS},
    {"run", "recover", AT(recover_ms), true, 1000, HOUR_MS},
    {"run", "seed", AT(seed), false, 0, UINT64_MAX},
    {"steps", "transfer", AT(weights[SW_CHAOS_TRANSFER]), false, 0, 1000},
    {"steps", "snapshot", AT(weights[SW_CHAOS_SNAPSHOT]), false, 0, 1000},
    {"steps", "restart", AT(weights[SW_CHAOS_RESTART]), false, 0, 1000},
    {"load", "clients", AT(load.clients), false, 0, 1024},
    {"load", "in_flight", AT(load.in_flight), false, 1, 1024},
    {"load", "keys", AT(load.keys), false, 1, 10000000},
    {"load", "value_size", AT(load.value_size), false, 0, SW_VALUE_SIZE_MAX},
    {"load", "put_percent", AT(load.put_percent), false, 0, 100},
    {"record", "clients", AT(record.clients), false, 1, 64},
    {"record", "keys", AT(record.keys), false, 1, 1024},
    {"record", "rate", AT(record.rate), false, 1, 10000},
    {"limits", "gap", AT(gap_max_ms), true, 1, HOUR_MS},
};

const char *sw_chaos_step_name(enum sw_chaos_step step)
{
    static const char *const names[] = {"transfer", "snapshot", "restart"};

    SW_ASSERT(step < SW_CHAOS_STEP_COUNT);
    return names[step];
}

void sw_chaos_plan_init(struct sw_chaos_plan *ret_plan)
{
    *ret_plan = (struct sw_chaos_plan){
        .duration_ms = 60000,
        .pause_ms = 5000,
        .recover_ms = 30000,
        .seed = 1,
        .weights = {[SW_CHAOS_TRANSFER] = 3, [SW_CHAOS_SNAPSHOT] = 1, [SW_CHAOS_RESTART] = 2},
        .load = {.clients = 4, .in_flight = 4, .keys = 1000, .value_size = 256, .put_percent = 50},
        .record = {.clients = 8, .keys = 16, .rate = 200},
        .gap_max_ms = 10000,
    };
}

static const struct row *find(const char *section, const char *name)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i].section, section) == 0 && strcmp(rows[i].name, name) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

enum sw_err sw_chaos_plan_set(struct sw_chaos_plan *plan,
                              const char *section,
                              const char *name,
                              const char *value,
                              char ret_why[SW_WHY_SIZE])
{
    const struct row *row = find(section, name);
    uint64_t number = 0;

    if (row == NULL) {
        (void)snprintf(ret_why, SW_WHY_SIZE, "unknown setting %.40s.%.40s", section, name);
        return SW_ERR_CONFIG;
    }
    if (!(row->is_time ? sw_parse_duration(value, &number) : sw_text_number(value, &number)) ||
        number < row->min || number > row->max) {
        (void)snprintf(ret_why,
                       SW_WHY_SIZE,
                       "%s.%s: \"%.30s\" is no %s from %llu to %llu%s",
                       section,
                       name,
                       value,
                       row->is_time ? "time (5s, 2m)" : "number",
                       (unsigned long long)row->min,
                       (unsigned long long)row->max,
                       row->is_time ? " ms" : "");
        return SW_ERR_CONFIG;
    }
    memcpy((char *)plan + row->offset, &number, sizeof number);
    return SW_ERR_OK;
}

static uint64_t weight_of_all(const struct sw_chaos_plan *plan)
{
    uint64_t sum = 0;

    for (int i = 0; i < SW_CHAOS_STEP_COUNT; i++) {
        sum += plan->weights[i];
    }
    return sum;
}

enum sw_err sw_chaos_plan_check(const struct sw_chaos_plan *plan, char ret_why[SW_WHY_SIZE])
{
    if (weight_of_all(plan) == 0) {
        (void)snprintf(ret_why, SW_WHY_SIZE, "[steps]: nothing is to be done, all are 0");
        return SW_ERR_CONFIG;
    }
    return SW_ERR_OK;
}

enum sw_chaos_step sw_chaos_plan_choose(const struct sw_chaos_plan *plan, uint64_t dice)
{
    int step = 0;

    SW_ASSERT(weight_of_all(plan) > 0);
    dice %= weight_of_all(plan);
    while (dice >= plan->weights[step]) {
        dice -= plan->weights[step];
        step++;
    }
    return (enum sw_chaos_step)step;
}
