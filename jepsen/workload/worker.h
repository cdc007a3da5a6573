/* A worker: one logical client after the other (a process of the history), its session, its seeded
 * choices and the one operation that it has under way.
 *
 * An operation: sw_op_begin, print its value, sw_op_invoke, any number of sw_op_call, then exactly
 * one of sw_op_end, sw_op_end_write, sw_op_end_read. */
#ifndef SW_JEPSEN_WORKLOAD_WORKER_H
#define SW_JEPSEN_WORKLOAD_WORKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <swarm.h>

#include "jepsen/workload/dice.h"
#include "jepsen/workload/edn.h"
#include "jepsen/workload/history.h"
#include "jepsen/workload/options.h"

enum { SW_PLACE_SIZE = 32 };

/* What all workers share. */
struct sw_run {
    struct sw_options options;
    struct sw_history history;
    struct sw_past past;
    struct swarm_pool *pool; /* of the even workers */
    uint64_t stop_ms;        /* on swarm_now_ms() */
};

/* How the workload at work wants its client. */
struct sw_manner {
    uint32_t attempt_timeout_ms; /* 0: the library's */
    bool mixed;                  /* lines say `:workload` */
    unsigned large_percent;      /* values with padding */
    unsigned die_percent;        /* writes whose client is closed under them */
};

struct sw_op {
    const char *f;
    struct sw_edn value; /* of the invocation; an `ok` may print another */
    struct sw_edn extra; /* each piece starts with ", " */
    uint64_t deadline_ms;
    uint64_t node, term, revision; /* of the last answer */
    bool refused;                  /* the last answer was a conflict ... */
    uint64_t conflict;             /* ... with this mod revision */
    bool invoked;
};

struct sw_worker {
    struct sw_run *run;
    const char *workload; /* the namespace of its keys */
    struct sw_manner manner;
    uint32_t number;
    uint64_t process;
    uint64_t unique; /* numbers given out */
    uint64_t steps;
    struct sw_dice dice;
    struct swarm_client *client;
    struct sw_op op;
    char partition[SW_PLACE_SIZE], key[SW_PLACE_SIZE], end_key[SW_PLACE_SIZE];
    _Atomic uint64_t
        busy_until_ms; /* deadline of the operation under way; 0: none. For the watch */
};

enum sw_end { SW_END_OK, SW_END_FAIL, SW_END_INFO };

void sw_worker_init(struct sw_worker *worker, struct sw_run *run, uint32_t number);
void sw_worker_open(struct sw_worker *worker); /* a new client: a new session */
void sw_worker_release(struct sw_worker *worker);
/* A number that no other write of the run has. */
uint64_t sw_worker_unique(struct sw_worker *worker);
/* A key number: one of `keys`, and others after about `per_key` operations of all workers on each.
 */
uint64_t sw_worker_rolling_key(struct sw_worker *worker, uint32_t per_key);
bool sw_worker_pads(struct sw_worker *worker);

/* `f` must outlive the operation. */
void sw_op_begin(struct sw_worker *worker, const char *f);
void sw_op_value(struct sw_worker *worker, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void sw_op_extra(struct sw_worker *worker, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void sw_op_invoke(struct sw_worker *worker);

/* A request of the operation, in `partition` with `key`: format strings with one number each. */
struct swarm_request sw_op_request(struct sw_worker *worker, enum swarm_op op);
void sw_op_place(struct sw_worker *worker, const char *letter, uint64_t partition);
void sw_op_key(struct sw_worker *worker, const char *letter, uint64_t key);
/* The caller frees `*ret_result`, which is always set. */
enum swarm_status sw_op_call(struct sw_worker *worker,
                             const struct swarm_request *request,
                             struct swarm_result **ret_result);
/* The rest of an operation that is one write of `value`: invokes, calls and ends it. */
void sw_op_write(struct sw_worker *worker, enum swarm_op op, uint64_t value);
/* A whole operation: writes the register of `place` (its key is the place's name and number) if the
 * store finds that the lease `token` has the place. True if it does not: then it ends FENCED. */
bool sw_op_write_fenced(struct sw_worker *worker,
                        const char *place,
                        uint64_t number,
                        uint64_t token);
bool sw_op_time_left(const struct sw_worker *worker);

/* `error` is a keyword without its colon, NULL for none. */
void sw_op_end(struct sw_worker *worker, enum sw_end end, const char *error);
void sw_op_end_write(struct sw_worker *worker, enum swarm_status status);
/* For a read that was not answered. */
void sw_op_end_read(struct sw_worker *worker, enum swarm_status status);

#endif
