/* What clients asked and were told, and the judgement on it.
 *
 * Every change of state has a revision, and the revisions are one total order (they are counted by
 * apply, in log order). So linearizability is decided without search: each call stands at the
 * revision it was told; that order must agree with real time (a call that began after another one
 * ended stands at a later revision, or at the same if it changed nothing), and every observation
 * must be what the changes up to its revision make of the key. Changes of unknown outcome take
 * their place when somebody observes them, by their unique values. Versions count the changes of a
 * key, so a change that ran twice shows even if nobody saw the value in between. The writes of a
 * transaction stand at one revision, all of them or none. */
#ifndef SW_TESTS_SIM_HISTORY_H
#define SW_TESTS_SIM_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/sim/world.h"

/* Plain keys, then the experiences, then two keys that are only merged: a counter that grows by 1,
 * and a list of the values that were appended to it, 8 bytes each. */
enum {
    SIM_KEY_MAX = 8,
    SIM_KEY_EXPERIENCE = SIM_KEY_MAX,
    SIM_KEY_COUNTER,
    SIM_KEY_LIST,
    SIM_KEY_COUNT
};

enum sim_call_kind {
    SIM_CALL_PUT,
    SIM_CALL_CAS,
    SIM_CALL_DELETE,
    SIM_CALL_APPEND,
    SIM_CALL_MERGE,
    SIM_CALL_READ,
    SIM_CALL_TXN, /* as a whole; its writes are calls of their own, in its group */
};

enum sim_call_end { SIM_CALL_OPEN, SIM_CALL_DONE, SIM_CALL_NOT_DONE, SIM_CALL_UNKNOWN };

struct sim_call {
    enum sim_call_kind kind;
    enum sim_call_end end;
    uint32_t client;
    uint32_t key;      /* SIM_KEY_EXPERIENCE for appends */
    uint64_t value;    /* unique, 1..; 0 for deletes and reads */
    uint64_t expected; /* CAS */
    uint64_t floor;    /* highest revision that any ended call stood at when this one began */
    uint64_t revision; /* where it stands; 0 = not known */
    bool changed;      /* it is a change at that revision */
    size_t group;      /* 1 + the call of its transaction; 0 = it is alone */
};

/* A key as somebody saw it at a revision; mod_revision 0 = absent. */
struct sim_seen {
    size_t call;
    uint32_t key;
    uint64_t at_revision;
    uint64_t mod_revision, create_revision, version, value;
};

/* The experiences in (after, upto], as one scan counted them. */
struct sim_scan {
    size_t call;
    uint64_t after, upto;
    size_t count;
};

/* The list as somebody saw it at a revision. */
struct sim_list_seen {
    size_t call;
    uint64_t at_revision, mod_revision, version;
    const uint8_t *bytes; /* borrowed for the call */
    size_t size;
};

struct sim_history {
    struct sim_world *world; /* borrowed */
    struct sim_call *calls;  /* owned; the unique value of call i is i + 1 */
    size_t call_count, call_capacity;
    struct sim_seen *seen; /* owned */
    size_t seen_count, seen_capacity;
    struct sim_scan *scans; /* owned */
    size_t scan_count, scan_capacity;
    uint64_t *list; /* owned: the longest that anybody saw; shorter ones begin it */
    size_t list_count, list_capacity;
    uint64_t revision_max; /* highest revision that an ended call stood at */
};

void sim_history_init(struct sim_history *history, struct sim_world *world);
void sim_history_release(struct sim_history *history);
/* A call begins; its number. The value of a change is that number plus one. */
size_t sim_history_begin(struct sim_history *history, const struct sim_call *call);
/* It ended, at `revision` if it is done. Checks it against real time. */
void sim_history_end(struct sim_history *history,
                     size_t number,
                     enum sim_call_end end,
                     uint64_t revision,
                     bool changed);
void sim_history_see(struct sim_history *history, const struct sim_seen *seen);
void sim_history_scan(struct sim_history *history, const struct sim_scan *scan);
/* Judges against what was seen before, and keeps what is new. */
void sim_history_list(struct sim_history *history, const struct sim_list_seen *seen);
/* A change that a watcher was told of. */
struct sim_told {
    uint32_t key;
    uint64_t revision;
};

/* The watcher was told that it missed what changed after one revision up to the other. */
struct sim_gap {
    uint64_t after, upto;
};

/* After sim_history_check: the client was told of every known change after one revision up to
 * another, of key `only` alone unless that is SIM_KEY_COUNT; `told` is in the order of revisions.
 */
void sim_history_check_told(const struct sim_history *history,
                            uint32_t client,
                            const struct sim_told *told,
                            size_t count,
                            struct sim_gap range,
                            uint32_t only);
/* Judges everything. */
void sim_history_check(struct sim_history *history);

#endif
