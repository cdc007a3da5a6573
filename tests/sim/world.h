/* A simulated world: nodes on simulated ports, one clock, one heap of events, one seed. One thread,
 * so a run is a pure function of its plan. What stands on the nodes is a mode: bare Raft groups
 * (raft_mode.c) or whole nodes with clients (node_mode.c). */
#ifndef SW_TESTS_SIM_WORLD_H
#define SW_TESTS_SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/env.h"
#include "base/err.h"
#include "base/ids.h"
#include "base/prng.h"
#include "base/span.h"
#include "base/worker.h"
#include "tests/sim/events.h"
#include "tests/sim/heap.h"
#include "tests/sim/plan.h"
#include "tests/sim/trace.h"
#include "transport/link.h"

enum { SIM_HOST_COUNT_MAX = 7, SIM_WORKER_COUNT = 3 };

/* The life of an event that may reach any later life of its owner. */
#define SIM_LIFE_ANY UINT32_MAX

struct sim_world;
struct sim_net;

struct sim_worker {
    struct sw_worker port;
    struct sim_host *host; /* borrowed */
    uint32_t number;
    struct sw_job *waiting_first, *waiting_last;
    struct sw_job *ran_first, *ran_last;
    uint32_t waiting, ran;
    bool busy;
};

struct sim_host {
    struct sim_world *world; /* borrowed */
    uint32_t number;         /* node id, 1.. */
    uint32_t life;
    bool alive;
    bool disk_broken; /* a fault was injected: stopping itself is right */
    bool disk_bad;    /* it is of the minority whose disks may be full or damaged */
    bool refused;     /* its data is damaged, and it said so: it stays out */
    enum sw_err dying;
    bool turn_open;           /* its end is an event under way */
    uint64_t paused_until_us; /* 0 = running */
    uint64_t events_late;
    uint32_t disk_us_min, disk_us_max;
    int64_t wall_skew_ms;
    int32_t drift_ppm;       /* of the monotonic clock ... */
    uint64_t drift_since_us; /* ... from this moment on */
    uint64_t clock_leapt_us; /* and it is ahead by so much because of what it did before */
    struct sw_env env;
    struct sw_link link;
    struct sw_link_handler link_handler;
    /* What the link does with replies to clients; NULL = there are none. */
    enum sw_err (*reply)(struct sim_host *host, uint64_t conn, struct sw_span message);
    struct sim_worker worker[SIM_WORKER_COUNT]; /* 0: WAL, 1: applier, 2: searches */
    void *user;                                 /* of the mode */
};

/* How much of the unsynced work survives a crash. */
enum sim_cut { SIM_CUT_ALL_LOST, SIM_CUT_PREFIX, SIM_CUT_TORN, SIM_CUT_NONE_LOST, SIM_CUT_COUNT };

struct sim_mode {
    void (*open)(struct sim_world *world);
    void (*close)(struct sim_world *world);
    void (*host_start)(struct sim_host *host);
    void (*host_crash)(struct sim_host *host, enum sim_cut cut);
    void (*host_changed)(struct sim_host *host); /* it lives, or it does not; may be NULL */
    void (*net_changed)(struct sim_world *world, bool parted); /* may be NULL */
    void (*host_turn_end)(struct sim_host *host);              /* after each event of this host */
    void (*transfer)(struct sim_host *host, struct sw_node_id target);
    void (*snapshot)(struct sim_host *host);
    void (*disk_fail)(struct sim_host *host);            /* a write or a sync fails soon */
    void (*disk_full)(struct sim_host *host, bool full); /* may be NULL */
    void (*disk_damage)(struct sim_host *host);          /* of a host that is off; may be NULL */
    void (*members)(struct sim_world *world);            /* some come, some go; may be NULL */
    void (*stop)(struct sim_host *host);                 /* in good order; may be NULL */
    void (*calm)(struct sim_world *world);               /* everything is healed from now on */
    bool (*settled)(struct sim_world *world);            /* nothing is left to wait for */
    void (*verdict)(struct sim_world *world);            /* last checks of a settled world */
    void (*describe)(struct sim_world *world, FILE *out);
};

struct sim_stats {
    uint64_t events, virtual_us;
    uint64_t crashes, fatal_stops, refused, full_stops, torn, partitions, pauses, clogs,
        clock_jumps, drifts;
    uint64_t elections, transfers, snapshots, installs, installs_sent, stops;
    uint64_t changes, changes_unknown, reopened;
    uint64_t committed, proposed, acked, unknown, reads, reads_ok;
    uint64_t splits, guard_drops, lost, duplicated, reordered, messages;
    uint64_t calls, calls_ok, calls_not_done, calls_unknown, retries;
    uint64_t settle_us_max;
};

struct sim_world {
    struct sim_plan plan;
    const struct sim_mode *mode;
    void *user; /* of the mode */
    uint64_t now_us;
    uint64_t seq;
    struct sim_heap heap;
    struct sw_prng prng;
    struct sw_prng schedule;       /* what happens when: the same for all runs of a plan */
    struct sw_prng fault;          /* the draws of the fault that happens now */
    const struct sim_events *only; /* borrowed; NULL = every event of the schedule happens */
    struct sim_events happened;
    uint32_t event_number;
    struct sim_trace trace;
    struct sim_net *net; /* owned */
    struct sim_host host[SIM_HOST_COUNT_MAX];
    bool calm;
    bool releasing;
    bool failed;
    char why[400];
    struct sim_stats stats;
};

/* The generator of a plan's schedule of faults, at its beginning. */
struct sw_prng sim_schedule_of(const struct sim_plan *plan);
void sim_world_init(struct sim_world *world,
                    const struct sim_plan *plan,
                    const struct sim_mode *mode,
                    bool verbose);
void sim_world_release(struct sim_world *world);
/* Handles events until `until_us` or a failure. */
void sim_world_run(struct sim_world *world, uint64_t until_us);

/* An event of `owner` (0 = the world) in `delay_us`; `drop` may be NULL. */
void sim_after(struct sim_world *world,
               uint32_t owner,
               uint64_t delay_us,
               void (*fire)(void *arg),
               void (*drop)(void *arg),
               void *arg);
void sim_trace3(struct sim_world *world,
                uint32_t owner,
                enum sim_trace_id id,
                uint64_t a,
                uint64_t b,
                uint64_t c);
/* An invariant is broken: remembered (the first one wins), and the run ends. */
void sim_fail(struct sim_world *world, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

struct sim_host *sim_host_of(struct sim_world *world, struct sw_node_id node);
void sim_host_start(struct sim_host *host);
void sim_host_crash(struct sim_host *host, enum sim_cut cut);
/* After anything that was done to a node from outside its own events. */
void sim_host_turn_end(struct sim_host *host);
/* The node says that it must stop; it does so when the current event is over. */
void sim_host_fatal(struct sim_host *host, enum sw_err err);
void sim_host_pause(struct sim_host *host, uint64_t duration_us);
uint32_t sim_alive_count(const struct sim_world *world);

/* ports.c */
void sim_env_init(struct sim_host *host);
/* The monotonic clock leaps ahead and goes at another speed from now on. */
void sim_host_drift(struct sim_host *host, int32_t drift_ppm, uint64_t leap_us);
void sim_worker_init(struct sim_worker *worker, struct sim_host *host, uint32_t number);
/* Runs what waits and calls what is done, at once: for a crash that lets the jobs end unseen. */
void sim_worker_drain(struct sim_worker *worker);
/* Forgets all jobs: their owners die with the host. */
void sim_worker_crash(struct sim_worker *worker);
uint64_t sim_disk_delay(struct sim_host *host);

#endif
