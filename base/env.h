/* Port to the world: time and randomness. Everything else a node needs from outside has a port of
 * its own (worker.h, storage/disk.h, storage/store.h, transport/link.h). Production wires the real
 * ones; tests/sim wires a seeded world. Pure files get here for the time, never to libc. */
#ifndef SW_BASE_ENV_H
#define SW_BASE_ENV_H

#include <stdint.h>

struct sw_env {
    void *impl;                      /* borrowed: the world outlives the node */
    uint64_t (*now_ms)(void *impl);  /* monotonic; the origin has no meaning */
    uint64_t (*now_ns)(void *impl);  /* monotonic, for durations in metrics */
    uint64_t (*wall_ms)(void *impl); /* since 1970; may jump; only ever an input to leader time */
    uint64_t (*random)(void *impl);  /* uniform over 64 bits; not for keys */
};

static inline uint64_t sw_env_now_ms(const struct sw_env *env)
{
    return env->now_ms(env->impl);
}

static inline uint64_t sw_env_now_ns(const struct sw_env *env)
{
    return env->now_ns(env->impl);
}

static inline uint64_t sw_env_wall_ms(const struct sw_env *env)
{
    return env->wall_ms(env->impl);
}

static inline uint64_t sw_env_random(const struct sw_env *env)
{
    return env->random(env->impl);
}

#endif
