/* A plan as text and back: what a failing run is kept as, and what shrinking turns at. */
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/rw.h"
#include "storage/wal_engine.h"
#include "tests/sim/plan.h"
#include "tests/sim/world.h"

struct place {
    const char *name, *text;
    size_t offset, size;
    uint64_t simple;
};

static const struct place places[] = {
#define X(type, name, simple, text) \
    {#name, text, offsetof(struct sim_plan, name), sizeof(type), simple},
    SIM_PLAN_TABLE(X)
#undef X
};

static const char *const fault_names[SIM_FAULT_COUNT] = {
#define X(name, text) text,
    SIM_FAULT_TABLE(X)
#undef X
};

/* Every number at its simplest, whatever the seed says. */
static const char plain_word[] = "plain";

enum { PLACE_COUNT = sizeof(places) / sizeof(places[0]), NAME_SIZE_MAX = 40, COLUMN_MAX = 75 };

uint32_t sim_plan_count(void)
{
    return PLACE_COUNT;
}

const char *sim_plan_name(uint32_t place)
{
    SW_ASSERT(place < PLACE_COUNT);
    return places[place].name;
}

const char *sim_plan_text(uint32_t place)
{
    SW_ASSERT(place < PLACE_COUNT);
    return places[place].text;
}

uint64_t sim_plan_simple(uint32_t place)
{
    SW_ASSERT(place < PLACE_COUNT);
    return places[place].simple;
}

uint64_t sim_plan_get(const struct sim_plan *plan, uint32_t place)
{
    const uint8_t *at = (const uint8_t *)plan;
    uint32_t small;
    uint64_t large;

    SW_ASSERT(place < PLACE_COUNT);
    if (places[place].size == sizeof(small)) {
        memcpy(&small, at + places[place].offset, sizeof(small));
        return small;
    }
    memcpy(&large, at + places[place].offset, sizeof(large));
    return large;
}

void sim_plan_put(struct sim_plan *plan, uint32_t place, uint64_t value)
{
    uint8_t *at = (uint8_t *)plan;
    const uint32_t small = (uint32_t)value;

    SW_ASSERT(place < PLACE_COUNT);
    if (places[place].size == sizeof(small)) {
        memcpy(at + places[place].offset, &small, sizeof(small));
    } else {
        memcpy(at + places[place].offset, &value, sizeof(value));
    }
}

static bool set_one(struct sim_plan *plan, const char *name, uint64_t value)
{
    for (uint32_t i = 0; i < PLACE_COUNT; i++) {
        if (strcmp(places[i].name, name) == 0) {
            sim_plan_put(plan, i, value);
            return sim_plan_get(plan, i) == value;
        }
    }
    return false;
}

static void set_plain(struct sim_plan *plan)
{
    for (uint32_t i = 0; i < PLACE_COUNT; i++) {
        sim_plan_put(plan, i, places[i].simple);
    }
}

/* Reads "name=value", or "plain", and the comma behind it; NULL if it is none. */
static const char *set_next(struct sim_plan *plan, const char *text)
{
    const char *equals = strchr(text, '=');
    const size_t plain_size = strlen(plain_word);
    char name[NAME_SIZE_MAX] = "";
    char *end = NULL;
    uint64_t value;

    if (strncmp(text, plain_word, plain_size) == 0 &&
        (text[plain_size] == ',' || text[plain_size] == '\0')) {
        set_plain(plan);
        return text + plain_size + (text[plain_size] == ',' ? 1 : 0);
    }
    if (equals == NULL || (size_t)(equals - text) >= sizeof(name)) {
        return NULL;
    }
    memcpy(name, text, (size_t)(equals - text));
    errno = 0;
    value = strtoull(equals + 1, &end, 0);
    if (errno != 0 || end == equals + 1 || (*end != ',' && *end != '\0') ||
        !set_one(plan, name, value)) {
        return NULL;
    }
    return *end == ',' ? end + 1 : end;
}

bool sim_plan_set(struct sim_plan *plan, const char *text, char ret_why[SW_WHY_SIZE])
{
    while (*text != '\0') {
        const char *next = set_next(plan, text);

        if (next == NULL) {
            (void)snprintf(ret_why, SW_WHY_SIZE, "no plan has `%.80s`", text);
            return false;
        }
        text = next;
    }
    return sim_plan_validate(plan, ret_why);
}

struct rule {
    bool kept;
    const char *text;
};

bool sim_plan_validate(const struct sim_plan *plan, char ret_why[SW_WHY_SIZE])
{
    const struct rule rules[] = {
        {plan->nodes >= 1 && plan->nodes <= SIM_HOST_COUNT_MAX, "1 to 7 nodes"},
        {plan->founders <= plan->nodes, "at most as many founders as nodes"},
        {plan->groups >= 1 && plan->groups <= 4, "1 to 4 groups"},
        {plan->clients >= 1 && plan->clients <= 5, "1 to 5 clients"},
        {plan->keys >= 1 && plan->keys <= 8, "1 to 8 keys"},
        {plan->faults <= SIM_FAULT_ALL, "known faults only"},
        {plan->delay_us_min <= plan->delay_us_max, "delay_us_min <= delay_us_max"},
        {plan->disk_us_min <= plan->disk_us_max, "disk_us_min <= disk_us_max"},
        {plan->fault_interval_ms >= 1 && plan->propose_us >= 1 && plan->tick_us >= 1000,
         "intervals above 0"},
        {plan->heartbeat_ms >= 1 && plan->heartbeat_ms * 5 <= plan->election_timeout_ms,
         "a heartbeat of at most a fifth of the election timeout"},
        {plan->loss_permille <= 1000 && plan->busy_permille <= 1000 &&
             plan->duplicate_permille <= 1000 && plan->reorder_permille <= 1000,
         "at most 1000 permille"},
        {plan->drift_ppm <= 100000, "drift_ppm <= 100000"},
        {plan->value_size_max <= 4000, "value_size_max <= 4000"},
        {plan->spare_count >= 1 && plan->wal_jobs >= 1 && plan->wal_jobs <= 2,
         "spare_count of 1 or more, wal_jobs of 1 or 2"},
        {plan->block_size >= 512 && plan->block_size <= 4096 &&
             (plan->block_size & (plan->block_size - 1)) == 0,
         "block_size of 512, 1024, 2048 or 4096"},
        {plan->segment_size >= SW_WAL_SEGMENT_SIZE_MIN &&
             plan->segment_size % plan->block_size == 0,
         "a segment_size of whole blocks, 16 KiB or more"},
    };

    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if (!rules[i].kept) {
            (void)snprintf(ret_why, SW_WHY_SIZE, "a plan needs: %s", rules[i].text);
            return false;
        }
    }
    return true;
}

void sim_plan_write(const struct sim_plan *plan, struct sw_buf *out)
{
    char text[NAME_SIZE_MAX + 24];

    sw_write_bytes(out, sw_span_str(plain_word));
    for (uint32_t i = 0; i < PLACE_COUNT; i++) {
        const uint64_t value = sim_plan_get(plan, i);
        const int size = snprintf(text, sizeof(text), ",%s=%" PRIu64, places[i].name, value);

        if (value != places[i].simple) {
            sw_write_bytes(out, sw_span_of(text, (size_t)size));
        }
    }
    sw_write_u8(out, 0);
}

void sim_plan_print(const struct sim_plan *plan, FILE *out)
{
    int column = fprintf(out, "plan:");

    for (uint32_t i = 0; i < PLACE_COUNT; i++) {
        if (column > COLUMN_MAX) {
            (void)fprintf(out, "\n     ");
            column = 0;
        }
        column += fprintf(out, " %s %" PRIu64, places[i].name, sim_plan_get(plan, i));
    }
    (void)fprintf(out, "\nfaults:");
    for (uint32_t i = 0; i < SIM_FAULT_COUNT; i++) {
        (void)fprintf(out, "%s%s", (plan->faults >> i & 1) != 0 ? " " : " no-", fault_names[i]);
    }
    (void)fputc('\n', out);
}

const char *sim_fault_name(enum sim_fault_number number)
{
    SW_ASSERT(number < SIM_FAULT_COUNT);
    return fault_names[number];
}

static uint32_t fault_bits(const char *name, size_t size)
{
    for (uint32_t i = 0; i < SIM_FAULT_COUNT; i++) {
        if (strlen(fault_names[i]) == size && memcmp(fault_names[i], name, size) == 0) {
            return 1U << i;
        }
    }
    return 0;
}

bool sim_faults_parse(const char *text, uint32_t *ret_faults)
{
    uint32_t bits = 0;

    if (strcmp(text, "none") == 0 || strcmp(text, "all") == 0) {
        *ret_faults = text[0] == 'n' ? 0 : (uint32_t)SIM_FAULT_ALL;
        return true;
    }
    for (;;) {
        const size_t size = strcspn(text, ",");
        const uint32_t bit = fault_bits(text, size);

        if (bit == 0) {
            return false;
        }
        bits |= bit;
        if (text[size] == '\0') {
            break;
        }
        text += size + 1;
    }
    *ret_faults = bits;
    return true;
}
