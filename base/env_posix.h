/* The real world's time and randomness. */
#ifndef SW_BASE_ENV_POSIX_H
#define SW_BASE_ENV_POSIX_H

#include "base/env.h"
#include "base/prng.h"

struct sw_env_posix {
    struct sw_prng prng; /* seeded by the kernel; one thread */
};

/* `world` is borrowed and outlives the result. */
struct sw_env sw_env_posix_init(struct sw_env_posix *world);

#endif
