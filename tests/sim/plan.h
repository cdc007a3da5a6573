/* What one seed means: size of the world, its network and disks, which faults may happen and how
 * often, and every knob that the code under test offers. Swarm testing (Groce et al. 2012): each
 * seed switches a random subset of the faults on, because a run with every fault at once hides what
 * a few of them do in peace.
 *
 * A plan can be written down whole ("nodes=3,groups=1,..."). A failing run is kept in that form, so
 * that it stays the same run when the way from a seed to a plan changes. */
#ifndef SW_TESTS_SIM_PLAN_H
#define SW_TESTS_SIM_PLAN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/limits.h"
#include "base/prng.h"
#include "base/rw.h"

enum sim_mode_kind { SIM_MODE_RAFT, SIM_MODE_NODE };

/* clang-format off */
/* Kinds of fault: name, name on the command line. Each has its function in faults.c. */
#define SIM_FAULT_TABLE(X)                                                                   \
    X(CRASH_ONE, "crash-one")                                                                \
    X(CRASH_MANY, "crash-many") /* a majority, or all nodes at one instant */                \
    X(PAUSE, "pause")                                                                        \
    X(DISK_SLOW, "disk-slow")                                                                \
    X(DISK_FAIL, "disk-fail") /* a failing fsync: the node stops itself */                   \
    X(PARTITION, "partition") /* isolate one, halves, ring, bridge */                        \
    X(ONE_WAY, "one-way")                                                                    \
    X(CLOG, "clog")           /* one path is slow for a while */                             \
    X(CLOCK, "clock")         /* the wall clock jumps */                                     \
    X(TRANSFER, "transfer")                                                                  \
    X(SNAPSHOT, "snapshot")                                                                  \
    X(STOP, "stop")           /* a node is asked to stop, as by SIGTERM */                   \
    X(DRIFT, "drift")         /* a monotonic clock goes at another speed, or leaps ahead */ \
    X(MEMBERS, "members")     /* nodes are added, promoted, demoted, removed */              \
    X(DISK_FULL, "disk-full") /* of a minority, and later there is space again */            \
    X(DAMAGE, "damage")       /* stored bytes of a minority are not what was written */

/* Numbers of a plan: type, name, simplest value (what shrinking would like best, and what a plan
 * that was written down before there was this number means), what it is. */
#define SIM_PLAN_TABLE(X)                                                                    \
    X(uint32_t, nodes, 3, "nodes of the swarm, 1..7")                                        \
    X(uint32_t, founders, 0, "nodes that found the swarm, the others may be added; 0 = all") \
    X(uint32_t, groups, 1, "Raft groups on each node")                                       \
    X(uint32_t, clients, 1, "clients of whole nodes")                                        \
    X(uint32_t, keys, 1, "keys that they use")                                               \
    X(uint32_t, faults, 0, "bits of enum sim_fault")                                         \
    X(uint32_t, fault_interval_ms, 500, "mean time between faults of the schedule")          \
    X(uint64_t, storm_us, 1000000, "faults happen during this long")                         \
    X(uint64_t, calm_us, 30000000, "then everything must be well after at most this long")   \
    X(uint64_t, salt, 0, "another run of the same plan and schedule")                        \
    X(uint32_t, points, 0, "SW_BUGGIFY sites: 0 silent, 1 during the storm, 2 always")       \
    X(uint32_t, delay_us_min, 100, "of one message")                                         \
    X(uint32_t, delay_us_max, 1000, "of one message")                                        \
    X(uint32_t, loss_permille, 0, "of messages")                                             \
    X(uint32_t, busy_permille, 0, "of sends, refused for want of credit")                    \
    X(uint32_t, credit_size, 8388608, "bytes under way to a peer before sends are refused")  \
    X(uint32_t, hostile, 0, "1 = the link breaks its promise: duplicates and reorders")      \
    X(uint32_t, duplicate_permille, 0, "of messages of a hostile link")                      \
    X(uint32_t, reorder_permille, 0, "of messages of a hostile link")                        \
    X(uint32_t, disk_us_min, 100, "of one job of a worker")                                  \
    X(uint32_t, disk_us_max, 1000, "of one job of a worker")                                 \
    X(uint32_t, drift_ppm, 0, "of the monotonic clocks, at most")                            \
    X(uint32_t, turn_us, 0, "events of a node share a turn that may last so long; 0 = none") \
    X(uint32_t, tick_us, 20000, "between two ticks of a whole node")                         \
    X(uint32_t, propose_us, 10000, "mean time between proposals, or calls of one client")    \
    X(uint32_t, value_size_max, 40, "of values and bodies")                                  \
    X(uint32_t, election_timeout_ms, 300, "see raft/group.h")                                \
    X(uint32_t, heartbeat_ms, 50, "see raft/group.h")                                        \
    X(uint32_t, append_size_max, 0, "see raft/group.h; 0 = its default")                     \
    X(uint64_t, snapshot_bytes, 1048576, "see raft/group.h")                                 \
    X(uint32_t, snapshot_trailing, 40, "see raft/group.h")                                   \
    X(uint32_t, install_timeout_ms, 5000, "see raft/group.h")                                \
    X(uint32_t, guard_off, 0, "rules of raft/guard.h to leave out")                          \
    X(uint32_t, segment_size, 65536, "of the log's files")                                   \
    X(uint32_t, segment_changes, 0, "1 = every other life of a node has segments twice as large") \
    X(uint32_t, block_size, 512, "in which the log is written")                              \
    X(uint32_t, spare_count, 2, "freed segments kept for reuse")                             \
    X(uint32_t, wal_jobs, 1, "batches that may be with the log's worker at once")            \
    X(uint32_t, commit_interval_ms, 200, "of the applier's transactions")                    \
    X(uint32_t, commit_bytes, 0, "of the applier's transactions; 0 = its default")           \
    X(uint32_t, node_in_flight_max, 0, "see sw_node_limits; 0 = its default")                \
    X(uint32_t, client_in_flight_max, 0, "see sw_node_limits; 0 = its default")              \
    X(uint32_t, queue_size_max, 0, "see sw_node_limits; 0 = its default")                    \
    X(uint32_t, applier_pending_max, 0, "see sw_node_limits; 0 = its default")               \
    X(uint32_t, change_count_max, 0, "changes kept for watchers; 0 = the node's default")     \
    X(uint32_t, facts, 0, "a client asks about a fact (vectors) one time in so many; 0 = never") \
    X(uint32_t, memories, 0, "a client says or forgets one time in so many; 0 = never")       \
    X(uint32_t, near, 0, "a client puts or watches by meaning one time in so many; 0 = never") \
    X(uint32_t, contexts, 0, "a client asks about a context one time in so many; 0 = never") \
    X(uint32_t, aged, 0, "a client asks any replica one time in so many; 0 = never")         \
    X(uint32_t, past, 0, "a client asks what a key was one time in so many; 0 = never")      \
    X(uint32_t, tenants, 0, "1 = two tenants and who changes their rights are there, too")    \
    X(uint32_t, sessionless, 0, "bits of clients whose writes are sent once")                \
    X(uint32_t, session_ttl_ms, 0, "of clients; 0 = the node's default")                     \
    X(uint32_t, client_batch_size, 0, "bytes of one message of a client; 0 = its default")   \
    X(uint32_t, retry_base_ms, 0, "see client/retry.h; 0 = its default, as what follows")    \
    X(uint32_t, retry_cap_ms, 0, "")                                                         \
    X(uint32_t, seek_cap_ms, 0, "")                                                          \
    X(uint32_t, attempts_max, 0, "")                                                         \
    X(uint32_t, attempt_timeout_ms, 0, "")                                                   \
    X(uint32_t, breaker_failures, 0, "")                                                     \
    X(uint32_t, breaker_open_ms, 0, "")                                                      \
    X(uint32_t, ask_outcome, 0, "percent of writes without a verdict that are asked about")
/* clang-format on */

enum sim_fault_number {
#define X(name, text) SIM_FAULT_NUMBER_##name,
    SIM_FAULT_TABLE(X)
#undef X
        SIM_FAULT_COUNT
};

enum sim_fault {
#define X(name, text) SIM_FAULT_##name = 1 << SIM_FAULT_NUMBER_##name,
    SIM_FAULT_TABLE(X)
#undef X
        SIM_FAULT_ALL = (1 << SIM_FAULT_COUNT) - 1
};

struct sim_plan {
    uint64_t seed;
    enum sim_mode_kind mode;
#define X(type, name, simple, text) type name;
    SIM_PLAN_TABLE(X)
#undef X
};

struct sim_plan sim_plan_of(enum sim_mode_kind mode, uint64_t seed);

/* "name=value,name=value": sets these numbers; `plain` sets all of them to their simplest values
 * first. False with the reason if it can not. */
bool sim_plan_set(struct sim_plan *plan, const char *text, char ret_why[SW_WHY_SIZE]);
/* The whole plan in that form: `plain` and what is not, appended to `out`, closed by a zero. So it
 * means the same plan when the way from a seed to a plan changes, or gets more numbers. */
void sim_plan_write(const struct sim_plan *plan, struct sw_buf *out);
void sim_plan_print(const struct sim_plan *plan, FILE *out);

/* The numbers by place, 0..: for shrinking and printing. */
uint32_t sim_plan_count(void);
const char *sim_plan_name(uint32_t place);
const char *sim_plan_text(uint32_t place);
uint64_t sim_plan_simple(uint32_t place);
uint64_t sim_plan_get(const struct sim_plan *plan, uint32_t place);
void sim_plan_put(struct sim_plan *plan, uint32_t place, uint64_t value);
/* False with the reason if no world can be made of it. */
bool sim_plan_validate(const struct sim_plan *plan, char ret_why[SW_WHY_SIZE]);

const char *sim_fault_name(enum sim_fault_number number);
/* "crash-one,pause" to bits; "none" and "all" too. */
bool sim_faults_parse(const char *text, uint32_t *ret_faults);

#endif
