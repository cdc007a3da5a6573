/* What happened in a simulated world: every event goes into a hash (same seed, same hash) and into
 * a ring whose tail is told as a story when an invariant breaks. Fixed ids and integers only, so
 * that tracing costs no allocation and no formatting until somebody reads it. */
#ifndef SW_TESTS_SIM_TRACE_H
#define SW_TESTS_SIM_TRACE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* clang-format off */
/* name, shown in the story, text; $a $b $c stand for the event's numbers, $r for the role $a */
#define SIM_TRACE_TABLE(X)                                                             \
    X(START, true, "starts: life $a, state at index $b")                               \
    X(CRASH, true, "crashes: life $a, power cut policy $b")                            \
    X(STOP_FATAL, true, "stops itself: error $a (disk fault injected: $b)")            \
    X(STOP, true, "is asked to stop (1) or has stopped (2): $a")                       \
    X(PAUSE, true, "is paused for $a ms")                                              \
    X(RESUME, true, "goes on, $a events late")                                         \
    X(CUT, true, "network: partition of shape $a around node $b, $c ordered pairs cut") \
    X(HEAL, true, "network: all cuts healed")                                          \
    X(CLOG, true, "network: messages from node $a to $b delayed by $c us more")        \
    X(DISK_SLOW, true, "disk: $a to $b us a job from now on")                          \
    X(DISK_FAIL, true, "disk: a write or a sync fails soon")                           \
    X(DISK_FULL, true, "disk: full for $a ms")                                         \
    X(DAMAGE, true, "disk: damaged (while it runs: $a)")                               \
    X(CLOCK, true, "wall clock is now $a ms ahead, $b ms behind")                      \
    X(DRIFT, true, "monotonic clock: $a ppm fast, $b ppm slow, $c us ahead at once")        \
    X(FAULT, false, "world: event $a of the schedule, fault $b")                          \
    X(ROLE, true, "is $r in term $b, knows leader $c") \
    X(COMMIT, true, "hands over index $a of term $b, value $c")                        \
    X(PROPOSE, true, "proposes value $c at index $a of term $b")                       \
    X(READ, true, "read $a asked; must see index $b")                                  \
    X(READ_DONE, true, "read $a ends with error $b at index $c")                       \
    X(SNAPSHOT, true, "took a snapshot at index $a")                                   \
    X(INSTALL, true, "fetches the state of node $a at index $b or later")              \
    X(INSTALL_DONE, true, "installed the state of index $a, error $b")                 \
    X(TRANSFER, true, "is asked to hand leadership to node $a: error $b")              \
    X(FORCE_SNAPSHOT, true, "is asked for a snapshot")                                 \
    X(SEND, false, "sends $b bytes to node $a")                                        \
    X(RECEIVE, false, "receives $b bytes from node $a")                                \
    X(LOST, false, "loses $b bytes to node $a, reason $c")                             \
    X(PEER, true, "sees node $a up: $b")                                               \
    X(WAL, false, "wal: group $a durable up to request $b, $c waiting")                \
    X(JOB, false, "worker $a: step $b, $c waiting")                                    \
    X(CLIENT_CALL, true, "calls operation $a on key $b, call $c")                      \
    X(CLIENT_DONE, true, "has its answer to call $c: error $a, revision $b")           \
    X(NODE_LOG, true, "logs: level $a, error $b")                                      \
    X(MEMBERS, true, "configuration of index $a: voters $b, others $c, as bits")       \
    X(CHANGE, true, "is asked for change $a (0 add 1 promote 2 demote 3 remove) of node $b: error $c") \
    X(CHANGED, true, "has changed the members: error $a")                              \
    X(CALM, true, "world: calm from now on, everything healed and restarted")          \
    X(NOTE, true, "note $a $b $c")
/* clang-format on */

enum sim_trace_id {
#define X(name, story, text) SIM_TRACE_##name,
    SIM_TRACE_TABLE(X)
#undef X
        SIM_TRACE_COUNT
};

enum { SIM_TRACE_RING = 4096, SIM_STORY_LINES = 40, SIM_TRACE_CLIENT = 1000 };

struct sim_trace_event {
    uint64_t at_us;
    uint64_t value[3];
    uint32_t owner; /* node number; 0 = the world; SIM_TRACE_CLIENT + n = client n */
    uint32_t id;
};

struct sim_trace {
    uint64_t hash;
    uint64_t count;
    bool verbose; /* tell every event at once */
    struct sim_trace_event ring[SIM_TRACE_RING];
};

void sim_trace_init(struct sim_trace *trace, uint64_t seed, bool verbose);
void sim_trace_add(struct sim_trace *trace, const struct sim_trace_event *event);
/* The last `lines` story events, oldest first. */
void sim_trace_story(const struct sim_trace *trace, uint32_t lines, FILE *out);

#endif
