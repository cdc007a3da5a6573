/* Gates by scope; the generic cell rate algorithm instead of a bucket that has to be filled. */
#include "node/quota.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

static const uint64_t second_ns = 1000000000;

enum { BUSY_RETRY_MS = 20 }; /* for who finds too many in flight: one of them ends soon */

struct sw_quota_gate {
    char name[SW_SETTING_NAME_SIZE_MAX + 1];
    uint64_t ops_per_second, in_flight_max;
    uint64_t in_flight;
    uint64_t due_ns; /* when the bucket would be full again */
    bool retired;    /* of no setting any more: goes with the last one inside */
};

/* --- the table -------------------------------------------------------------------------------- */

static struct sw_quota_gate *find(const struct sw_quota_gates *gates, struct sw_span name)
{
    uint32_t low = 0;
    uint32_t high = gates->count;

    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        const int order = sw_span_compare(sw_span_str(gates->rows[middle]->name), name);

        if (order == 0) {
            return gates->rows[middle];
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

static void retire(struct sw_quota_gate *gate)
{
    gate->retired = true;
    if (gate->in_flight == 0) {
        free(gate);
    }
}

/* The gate of that name, out of the old table, or a new one. */
static struct sw_quota_gate *gate_for(struct sw_quota_gates *old, const struct sw_setting *setting)
{
    struct sw_quota_gate *gate = find(old, sw_span_str(setting->name));

    if (gate == NULL) {
        gate = calloc(1, sizeof *gate);
        SW_ASSERT(gate != NULL);
        memcpy(gate->name, setting->name, sizeof gate->name);
    }
    gate->ops_per_second = setting->quota.ops_per_second;
    gate->in_flight_max = setting->quota.in_flight;
    gate->retired = false;
    return gate;
}

void sw_quota_gates_set(struct sw_quota_gates *gates, const struct sw_settings *settings)
{
    struct sw_quota_gates fresh = {0};
    uint32_t count;
    const struct sw_setting *rows = sw_settings_of_kind(settings, SW_SETTING_QUOTA, &count);

    for (uint32_t i = 0; i < gates->count; i++) {
        gates->rows[i]->retired = true;
    }
    fresh.rows = calloc(count + 1U, sizeof(struct sw_quota_gate *));
    SW_ASSERT(fresh.rows != NULL);
    for (uint32_t i = 0; i < count; i++) { /* in the order of their names */
        if (rows[i].quota.ops_per_second > 0 || rows[i].quota.in_flight > 0) {
            fresh.rows[fresh.count++] = gate_for(gates, &rows[i]);
        }
    }
    for (uint32_t i = 0; i < gates->count; i++) {
        if (gates->rows[i]->retired) {
            retire(gates->rows[i]);
        }
    }
    free(gates->rows);
    *gates = fresh;
}

void sw_quota_gates_release(struct sw_quota_gates *gates)
{
    for (uint32_t i = 0; i < gates->count; i++) {
        retire(gates->rows[i]);
    }
    free(gates->rows);
    *gates = (struct sw_quota_gates){0};
}

/* --- one request ------------------------------------------------------------------------------ */

static uint64_t period_ns(const struct sw_quota_gate *gate)
{
    return gate->ops_per_second == 0 ? 0 : second_ns / gate->ops_per_second;
}

/* How long until one more may pass; 0 = now. */
static uint64_t wait_ns(const struct sw_quota_gate *gate, uint64_t now_ns)
{
    const uint64_t period = period_ns(gate);
    const uint64_t latest_ns = now_ns + second_ns - period;

    return period > 0 && gate->due_ns > latest_ns ? gate->due_ns - latest_ns : 0;
}

static enum sw_err
check(const struct sw_quota_gate *gate, uint64_t now_ns, uint32_t *ret_retry_ms, char *ret_why)
{
    const uint64_t wait = wait_ns(gate, now_ns);

    if (gate->in_flight_max > 0 && gate->in_flight >= gate->in_flight_max) {
        (void)snprintf(ret_why,
                       SW_WHY_SIZE,
                       "%.97s has %" PRIu64 " operations in flight, its quota",
                       gate->name,
                       gate->in_flight);
        *ret_retry_ms = BUSY_RETRY_MS;
        return SW_ERR_OVERLOADED;
    }
    if (wait > 0) {
        (void)snprintf(ret_why,
                       SW_WHY_SIZE,
                       "%.97s is over its quota of %" PRIu64 " operations a second",
                       gate->name,
                       gate->ops_per_second);
        *ret_retry_ms = (uint32_t)((wait + 999999) / 1000000);
        return SW_ERR_OVERLOADED;
    }
    return SW_ERR_OK;
}

static void enter(struct sw_quota_gate *gate, uint64_t now_ns)
{
    gate->due_ns = (gate->due_ns > now_ns ? gate->due_ns : now_ns) + period_ns(gate);
    gate->in_flight++;
}

static void gates_of(const struct sw_quota_gates *gates,
                     const struct sw_request *request,
                     struct sw_quota_hold *ret_hold)
{
    uint8_t name[SW_SETTING_NAME_SIZE_MAX];
    const struct sw_span tenant = request->tenant;

    SW_ASSERT(tenant.size <= SW_TENANT_SIZE_MAX);
    SW_ASSERT(request->name_space.size <= SW_NAMESPACE_SIZE_MAX);
    memcpy(name, tenant.data, tenant.size);
    name[tenant.size] = ' ';
    memcpy(name + tenant.size + 1, request->name_space.data, request->name_space.size);
    ret_hold->gates[0] = find(gates, tenant);
    ret_hold->gates[1] = find(gates, sw_span_of(name, tenant.size + 1 + request->name_space.size));
}

enum sw_err sw_quota_enter(struct sw_quota_gates *gates,
                           const struct sw_request *request,
                           uint64_t now_ns,
                           struct sw_quota_hold *ret_hold,
                           uint32_t *ret_retry_ms,
                           char ret_why[SW_WHY_SIZE])
{
    struct sw_quota_hold hold = {0};

    *ret_hold = hold;
    if (gates->count == 0 || request->tenant.size == 0 || request->name_space.size == 0) {
        return SW_ERR_OK;
    }
    gates_of(gates, request, &hold);
    for (int i = 0; i < 2; i++) {
        const enum sw_err err =
            hold.gates[i] == NULL ? SW_ERR_OK : check(hold.gates[i], now_ns, ret_retry_ms, ret_why);

        if (err != SW_ERR_OK) {
            return err;
        }
    }
    for (int i = 0; i < 2; i++) {
        if (hold.gates[i] != NULL) {
            enter(hold.gates[i], now_ns);
        }
    }
    *ret_hold = hold;
    if (request->op == SW_OP_WATCH) {
        sw_quota_leave(ret_hold);
    }
    return SW_ERR_OK;
}

void sw_quota_leave(struct sw_quota_hold *hold)
{
    for (int i = 0; i < 2; i++) {
        struct sw_quota_gate *gate = hold->gates[i];

        if (gate == NULL) {
            continue;
        }
        SW_ASSERT(gate->in_flight > 0);
        gate->in_flight--;
        if (gate->retired && gate->in_flight == 0) {
            free(gate);
        }
        hold->gates[i] = NULL;
    }
}

void sw_quota_explain(const struct sw_settings *settings,
                      const struct sw_request *request,
                      uint64_t value,
                      char ret_why[SW_WHY_SIZE])
{
    const bool of_space = (value & SW_QUOTA_OF_NAMESPACE) != 0;
    const char *unit = (value & SW_QUOTA_OF_BYTES) != 0 ? "bytes" : "keys";
    const struct sw_setting *setting =
        of_space ? sw_settings_of_namespace(
                       settings, SW_SETTING_QUOTA, request->tenant, request->name_space)
                 : sw_settings_find(settings, SW_SETTING_QUOTA, request->tenant);
    char limit[64] = "all that its quota allows";

    if (setting != NULL) {
        (void)snprintf(limit,
                       sizeof limit,
                       "its quota is %" PRIu64,
                       (value & SW_QUOTA_OF_BYTES) != 0 ? setting->quota.bytes
                                                        : setting->quota.keys);
    }
    (void)snprintf(ret_why,
                   SW_WHY_SIZE,
                   "%s %.*s uses %" PRIu64 " %s, %s",
                   of_space ? "namespace" : "tenant",
                   (int)(of_space ? request->name_space.size : request->tenant.size),
                   (const char *)(of_space ? request->name_space.data : request->tenant.data),
                   value >> 2,
                   unit,
                   limit);
}
