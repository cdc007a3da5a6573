/* Clocks: real time jumps by an offset; all clocks run faster or slower by parts in a million.
 *
 * What drift adds is the sum over time of the rate, so a change of the rate bends the clock and
 * never breaks it: CLOCK_MONOTONIC does not go back. Waits with a time-out are the kernel's and
 * stay true; a deadline on a shifted clock is shifted back before it is given to the kernel. */
#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "jepsen/fault/shim.h"

#define EXPORTED __attribute__((visibility("default")))
#define SECOND   INT64_C(1000000000)

static struct {
    pthread_mutex_t lock;
    int64_t ppm;   /* since `since` */
    int64_t since; /* true CLOCK_MONOTONIC */
    int64_t added; /* by drift, up to `since` */
    int64_t last;  /* highest answer of CLOCK_MONOTONIC */
} drift = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int64_t ns_of(const struct timespec *at)
{
    return (int64_t)at->tv_sec * SECOND + at->tv_nsec;
}

static struct timespec timespec_of(int64_t ns)
{
    struct timespec at = {.tv_sec = (time_t)(ns / SECOND), .tv_nsec = (long)(ns % SECOND)};

    if (at.tv_nsec < 0) {
        at.tv_nsec += SECOND;
        at.tv_sec--;
    }
    return at;
}

static int64_t true_ns(clockid_t clock)
{
    struct timespec now = {0};

    (void)syscall(SYS_clock_gettime, clock, &now);
    return ns_of(&now);
}

static int64_t ppm_asked(void)
{
    const int64_t ppm = __atomic_load_n(&sw_shim_page()->monotonic_ppm, __ATOMIC_ACQUIRE);

    if (ppm > SW_FAULT_PPM_MAX) {
        return SW_FAULT_PPM_MAX;
    }
    return ppm < -SW_FAULT_PPM_MAX ? -SW_FAULT_PPM_MAX : ppm; /* a clock may not stand still */
}

/* What drift has added by now. With the lock held. */
static int64_t drift_now(int64_t now)
{
    const int64_t ppm = ppm_asked();
    const int64_t passed = now - drift.since;
    const int64_t added =
        drift.added + passed / 1000000 * drift.ppm + passed % 1000000 * drift.ppm / 1000000;

    if (ppm != drift.ppm) {
        drift.added = added;
        drift.since = now;
        drift.ppm = ppm;
    }
    return added;
}

static int64_t drift_read(void)
{
    int64_t added;

    (void)pthread_mutex_lock(&drift.lock);
    added = drift_now(true_ns(CLOCK_MONOTONIC));
    (void)pthread_mutex_unlock(&drift.lock);
    return added;
}

static int64_t monotonic_read(void)
{
    int64_t now;

    (void)pthread_mutex_lock(&drift.lock);
    now = true_ns(CLOCK_MONOTONIC);
    now += drift_now(now);
    if (now < drift.last) {
        now = drift.last; /* a change of the rate rounds */
    }
    drift.last = now;
    (void)pthread_mutex_unlock(&drift.lock);
    return now;
}

static int64_t realtime_read(void)
{
    return true_ns(CLOCK_REALTIME) + drift_read() +
           __atomic_load_n(&sw_shim_page()->realtime_offset_ns, __ATOMIC_ACQUIRE);
}

/* The coarse clocks are answered by the fine ones: they lag behind, and with drift would go back.
 */
EXPORTED int clock_gettime(clockid_t clock, struct timespec *ret_time)
{
    if (sw_shim_page() == NULL) {
        return (int)syscall(SYS_clock_gettime, clock, ret_time);
    }
    switch (clock) {
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_COARSE:
        *ret_time = timespec_of(monotonic_read());
        return 0;
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_BOOTTIME:
        *ret_time = timespec_of(true_ns(clock) + drift_read());
        return 0;
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
        *ret_time = timespec_of(realtime_read());
        return 0;
    default: /* what a thread or process has used of the processor does not drift */
        return (int)syscall(SYS_clock_gettime, clock, ret_time);
    }
}

EXPORTED int gettimeofday(struct timeval *ret_time, void *zone)
{
    struct timespec now;

    (void)zone;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    *ret_time = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
    return 0;
}

EXPORTED time_t time(time_t *ret_time)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (ret_time != NULL) {
        *ret_time = now.tv_sec;
    }
    return now.tv_sec;
}

EXPORTED int timespec_get(struct timespec *ret_time, int base)
{
    return base == TIME_UTC && clock_gettime(CLOCK_REALTIME, ret_time) == 0 ? base : 0;
}

/* The deadline was read off a shifted clock, the kernel waits by the true one. */
EXPORTED int pthread_cond_clockwait(pthread_cond_t *cond,
                                    pthread_mutex_t *mutex,
                                    clockid_t clock,
                                    const struct timespec *deadline)
{
    static int (*real)(pthread_cond_t *, pthread_mutex_t *, clockid_t, const struct timespec *);
    struct timespec at = *deadline;
    struct timespec shifted;

    if (real == NULL) {
        void *found = dlsym(RTLD_NEXT, "pthread_cond_clockwait");

        memcpy(&real, &found, sizeof real);
    }
    if (sw_shim_page() != NULL) {
        (void)clock_gettime(clock, &shifted);
        at = timespec_of(ns_of(deadline) - ns_of(&shifted) + true_ns(clock));
    }
    return real(cond, mutex, clock, &at);
}
