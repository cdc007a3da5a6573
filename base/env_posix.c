/* clock_gettime and getrandom behind the port of base/env.h. */
#include "base/env_posix.h"

#include <sys/random.h>
#include <time.h>

#include "base/assert.h"

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec now;
    const int result = clock_gettime(clock, &now);

    SW_ASSERT(result == 0);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static uint64_t now_ms(void *impl)
{
    (void)impl;
    return clock_ns(CLOCK_MONOTONIC) / 1000000;
}

static uint64_t now_ns(void *impl)
{
    (void)impl;
    return clock_ns(CLOCK_MONOTONIC);
}

static uint64_t wall_ms(void *impl)
{
    (void)impl;
    return clock_ns(CLOCK_REALTIME) / 1000000;
}

static uint64_t next_random(void *impl)
{
    struct sw_env_posix *world = impl;

    return sw_prng_next(&world->prng);
}

struct sw_env sw_env_posix_init(struct sw_env_posix *world)
{
    uint64_t seed = 0;
    ssize_t got;

    got = getrandom(&seed, sizeof seed, 0);
    SW_ASSERT(got == (ssize_t)sizeof seed);
    world->prng = sw_prng_of(seed);
    return (struct sw_env){.impl = world,
                           .now_ms = now_ms,
                           .now_ns = now_ns,
                           .wall_ms = wall_ms,
                           .random = next_random};
}
