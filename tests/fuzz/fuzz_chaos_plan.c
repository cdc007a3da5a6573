/* Any text as a plan of `swarmctl chaos run`: refused with a reason, or a plan within its limits
 * that reads back from what it says, setting by setting. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/rw.h"
#include "tools/chaos_plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void section(struct sw_buf *out, const char *name)
{
    char line[40];

    (void)snprintf(line, sizeof line, "[%s]\n", name);
    sw_write_bytes(out, sw_span_str(line));
}

static void setting(struct sw_buf *out, const char *name, uint64_t value, const char *unit)
{
    char line[80];

    (void)snprintf(line, sizeof line, "%s = %" PRIu64 "%s\n", name, value, unit);
    sw_write_bytes(out, sw_span_str(line));
}

static void print(const struct sw_chaos_plan *plan, struct sw_buf *out)
{
    section(out, "run");
    setting(out, "duration", plan->duration_ms, "ms");
    setting(out, "pause", plan->pause_ms, "ms");
    setting(out, "recover", plan->recover_ms, "ms");
    setting(out, "seed", plan->seed, "");
    section(out, "steps");
    for (int i = 0; i < SW_CHAOS_STEP_COUNT; i++) {
        setting(out, sw_chaos_step_name((enum sw_chaos_step)i), plan->weights[i], "");
    }
    section(out, "load");
    setting(out, "clients", plan->load.clients, "");
    setting(out, "in_flight", plan->load.in_flight, "");
    setting(out, "keys", plan->load.keys, "");
    setting(out, "value_size", plan->load.value_size, "");
    setting(out, "put_percent", plan->load.put_percent, "");
    section(out, "record");
    setting(out, "clients", plan->record.clients, "");
    setting(out, "keys", plan->record.keys, "");
    setting(out, "rate", plan->record.rate, "");
    section(out, "limits");
    setting(out, "gap", plan->gap_max_ms, "ms");
    sw_write_u8(out, 0);
}

/* What the commands behind take for granted. */
static void within_limits(const struct sw_chaos_plan *plan)
{
    SW_ASSERT(plan->duration_ms <= 24ULL * 3600 * 1000);
    SW_ASSERT(plan->pause_ms > 0);
    SW_ASSERT(plan->load.in_flight > 0);
    SW_ASSERT(plan->load.keys > 0);
    SW_ASSERT(plan->load.value_size <= SW_VALUE_SIZE_MAX);
    SW_ASSERT(plan->load.put_percent <= 100);
    SW_ASSERT(plan->record.clients > 0);
    SW_ASSERT(plan->record.keys > 0);
    SW_ASSERT(plan->record.rate > 0);
}

static void reads_back(const struct sw_chaos_plan *plan)
{
    struct sw_chaos_plan again;
    struct sw_buf text = {0};
    char why[SW_WHY_SIZE] = "";
    enum sw_err err;

    within_limits(plan);
    print(plan, &text);
    err = sw_chaos_plan_parse((const char *)text.data, &again, why);
    SW_ASSERT(err == SW_ERR_OK);
    SW_ASSERT(memcmp(plan, &again, sizeof again) == 0); /* numbers alone: it has no padding */
    for (uint64_t dice = 0; dice < 64; dice++) {
        SW_ASSERT(plan->weights[sw_chaos_plan_choose(plan, dice * plan->seed)] > 0);
    }
    sw_buf_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sw_chaos_plan plan;
    char why[SW_WHY_SIZE] = "";
    char *text = malloc(size + 1);

    SW_ASSERT(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    if (sw_chaos_plan_parse(text, &plan, why) == SW_ERR_OK) {
        reads_back(&plan);
    } else {
        SW_ASSERT(why[0] != '\0');
    }
    free(text);
    return 0;
}
