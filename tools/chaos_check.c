/* Knowledge only grows. */
#include "tools/chaos_check.h"

#include <stdio.h>

#include "base/assert.h"

uint64_t sw_chaos_check_floor(const struct sw_chaos_check *check, size_t key)
{
    SW_ASSERT(key < SW_CHAOS_KEYS_MAX);
    return check->keys[key].revision;
}

static void blame(struct sw_chaos_check *check,
                  uint64_t *counter,
                  size_t key,
                  const char *what,
                  uint64_t known,
                  uint64_t seen)
{
    (*counter)++;
    if (check->first[0] == '\0') {
        (void)snprintf(check->first,
                       sizeof check->first,
                       "key %zu: %s (revision %llu was known, %llu came)",
                       key,
                       what,
                       (unsigned long long)known,
                       (unsigned long long)seen);
    }
}

static void learn(struct sw_chaos_check *check, size_t key, uint64_t value, uint64_t revision)
{
    const uint64_t known = check->keys[key].revision;

    if (revision == known && revision > 0 && check->keys[key].value != value) {
        blame(check, &check->wrong, key, "one revision, two values", known, revision);
    } else if (revision > known) {
        check->keys[key].revision = revision;
        check->keys[key].value = value;
    }
}

void sw_chaos_check_wrote(
    struct sw_chaos_check *check, size_t key, uint64_t floor, uint64_t value, uint64_t revision)
{
    SW_ASSERT(key < SW_CHAOS_KEYS_MAX);
    if (revision <= floor) {
        blame(check, &check->back, key, "a write went back in time", floor, revision);
        return;
    }
    learn(check, key, value, revision);
}

void sw_chaos_check_read(
    struct sw_chaos_check *check, size_t key, uint64_t floor, uint64_t value, uint64_t revision)
{
    SW_ASSERT(key < SW_CHAOS_KEYS_MAX);
    if (revision < floor) {
        blame(check,
              &check->lost,
              key,
              revision == 0 ? "an acknowledged write is gone" : "a read was stale",
              floor,
              revision);
        return;
    }
    if (revision > 0 && value == 0) {
        blame(check, &check->wrong, key, "a value that nobody wrote", floor, revision);
        return;
    }
    learn(check, key, value, revision);
}

bool sw_chaos_check_holds(const struct sw_chaos_check *check)
{
    return check->lost == 0 && check->wrong == 0 && check->back == 0;
}
