/* Load on a swarm through the public interface.
 *
 * `clients` are separate clients: each has its own connections to all nodes and its own session.
 * Each keeps `in_flight` requests under way: an answer starts the next request. They share
 * `threads` threads (swarm_pool). With a rate the load is open instead: a request begins when its
 * time has come, whatever became of those before, and its time counts from then; so a pause of the
 * swarm costs every request that it made wait, not one (no coordinated omission). Only requests
 * that began between the end of the warm-up and the end of the run are counted. */
#ifndef SW_TOOLS_LOAD_H
#define SW_TOOLS_LOAD_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"
#include "client/include/swarm.h"
#include "tools/histogram.h"

enum sw_load_kind {
    SW_LOAD_MIX,        /* puts and gets */
    SW_LOAD_TXN,        /* two compares that hold, and two puts */
    SW_LOAD_KEEP_ALIVE, /* of a lease for each request under way */
    SW_LOAD_SCAN,       /* all keys with their values, page after page: one operation */
    SW_LOAD_WATCH,      /* the first client writes, all watch: an operation is one delivery, timed
                           from when its put was due */
    SW_LOAD_MAILBOX,    /* the same, but each watch is of one key */
};

struct sw_load_config {
    enum sw_load_kind kind;
    struct swarm_options options; /* of each client; its pool is set by us */
    uint32_t clients;
    uint32_t in_flight; /* of each client; of watches: so many that wait */
    uint32_t rate;      /* requests a second, all clients; 0 = closed loop */
    uint32_t threads;
    uint32_t keys;
    uint32_t value_size;
    uint32_t put_percent; /* 100: only puts; 0: only gets; gets find every key written before */
    uint64_t warmup_ms;
    uint64_t duration_ms;
    uint64_t seed;
};

enum { SW_LOAD_ERRORS_MAX = 16 };

struct sw_load_result {
    struct sw_histogram latency; /* ns, of what succeeded */
    uint64_t ops;                /* that succeeded */
    uint64_t errors;
    struct sw_load_error {
        enum swarm_status status;
        uint64_t count;
    } by_status[SW_LOAD_ERRORS_MAX];
    uint64_t longest_gap_ns; /* between two answers of success, over all clients */
};

/* The result is large: give it static or heap memory. */
enum sw_err sw_load_run(const struct sw_load_config *config,
                        struct sw_load_result *ret_result,
                        char ret_why[SW_WHY_SIZE]);

#endif
