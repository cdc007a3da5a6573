/* Sites stand in a section that the linker bounds; a yes is a function of seed, name and count. */
#include "base/point.h"

#include <stddef.h>
#include <string.h>

#include "base/assert.h"
#include "base/prng.h"

enum { ACTIVE_ONE_IN = 4 };

static uint64_t run_seed;
static struct sw_planted_bugs planted;

/* Bounds of the section that the macros fill, named by the linker; both NULL where no site was
 * built in. NOLINTBEGIN(readability-identifier-naming) */
extern struct sw_point *const __start_sw_points[] __attribute__((weak));
extern struct sw_point *const __stop_sw_points[] __attribute__((weak));
/* NOLINTEND(readability-identifier-naming) */

struct sw_point *sw_point_at(uint32_t index)
{
    struct sw_point *const *const first = __start_sw_points;
    struct sw_point *const *const behind = __stop_sw_points;

    /* cppcheck-suppress comparePointers ; one array, as the linker made it */
    if (first == NULL || index >= (size_t)(behind - first)) {
        return NULL;
    }
    return first[index];
}

/* FNV-1a of the name over the seed: the site's own stream of numbers. */
static uint64_t stream_of(const struct sw_point *point)
{
    uint64_t hash = 14695981039346656037U ^ run_seed;

    for (const char *c = point->name; *c != '\0'; c++) {
        hash = (hash ^ (uint8_t)*c) * 1099511628211U;
    }
    return hash;
}

/* What a site does in this run is decided once: it is asked millions of times. */
static void point_begin(struct sw_point *point)
{
    struct sw_prng site = sw_prng_of(stream_of(point));

    __atomic_store_n(&point->asked, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&point->fired, 0, __ATOMIC_RELAXED);
    point->active = run_seed != 0 && sw_prng_below(&site, ACTIVE_ONE_IN) == 0;
    point->stream = sw_prng_next(&site);
}

void sw_points_begin(uint64_t seed)
{
    struct sw_point *point;

    run_seed = seed;
    for (uint32_t i = 0; (point = sw_point_at(i)) != NULL; i++) {
        point_begin(point);
    }
}

void sw_point_mark(struct sw_point *point)
{
    (void)__atomic_fetch_add(&point->asked, 1, __ATOMIC_RELAXED);
}

bool sw_point_buggify(struct sw_point *point, uint32_t permille)
{
    const uint64_t asked = __atomic_fetch_add(&point->asked, 1, __ATOMIC_RELAXED);
    struct sw_prng question;

    SW_ASSERT(permille <= 1000);
    if (!point->active) {
        return false;
    }
    question = sw_prng_of(point->stream ^ asked);
    if (sw_prng_below(&question, 1000) >= permille) {
        return false;
    }
    (void)__atomic_fetch_add(&point->fired, 1, __ATOMIC_RELAXED);
    return true;
}

void sw_planted_set(const struct sw_planted_bugs *bugs)
{
    SW_ASSERT(SW_FAULT_POINTS_BUILT);
    planted = *bugs;
}

bool sw_planted_is(enum sw_planted bug)
{
    SW_ASSERT(bug < SW_PLANTED_COUNT);
    return planted.has[bug];
}

#define ROW_NAME(name, text) #name,
#define ROW_TEXT(name, text) text,
static const char *const names[SW_PLANTED_COUNT] = {SW_PLANTED_TABLE(ROW_NAME)};
static const char *const texts[SW_PLANTED_COUNT] = {SW_PLANTED_TABLE(ROW_TEXT)};

bool sw_planted_by_name(const char *name, enum sw_planted *ret_bug)
{
    for (uint32_t i = 0; i < SW_PLANTED_COUNT; i++) {
        if (strcmp(names[i], name) == 0) {
            *ret_bug = (enum sw_planted)i;
            return true;
        }
    }
    return false;
}

bool sw_planted_parse(const char *list, struct sw_planted_bugs *ret_bugs)
{
    struct sw_planted_bugs bugs = {{false}};

    for (;;) {
        const size_t size = strcspn(list, ",");
        uint32_t i = 0;

        while (i < SW_PLANTED_COUNT &&
               (strlen(names[i]) != size || strncmp(names[i], list, size) != 0)) {
            i++;
        }
        if (i == SW_PLANTED_COUNT) {
            return false;
        }
        bugs.has[i] = true;
        if (list[size] == '\0') {
            *ret_bugs = bugs;
            return true;
        }
        list += size + 1;
    }
}

const char *sw_planted_name(enum sw_planted bug)
{
    SW_ASSERT(bug < SW_PLANTED_COUNT);
    return names[bug];
}

const char *sw_planted_text(enum sw_planted bug)
{
    SW_ASSERT(bug < SW_PLANTED_COUNT);
    return texts[bug];
}
