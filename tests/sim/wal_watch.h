/* Looks over the shoulder of a node's log: a wal.h port that passes everything on and remembers
 * which entry (term and body) is durable at which index. With it the world can ask, at the moment a
 * leader commits an entry, whether a quorum really holds it on disk; an over-claimed match index is
 * found there, long before two state machines differ. */
#ifndef SW_TESTS_SIM_WAL_WATCH_H
#define SW_TESTS_SIM_WAL_WATCH_H

#include "storage/wal.h"
#include "tests/sim/world.h"

enum { SIM_WATCH_GROUP_MAX = 4 };

struct sim_wal_watch; /* of one node: survives its lives */

struct sim_watched {
    uint64_t term;    /* 0 = no entry known here */
    uint64_t hash;    /* of the body */
    uint64_t request; /* the append that brought it */
    bool durable;
};

struct sim_wal_watch *sim_wal_watch_new(void);
void sim_wal_watch_free(struct sim_wal_watch *watch); /* accepts NULL */
/* The port to give to the node, over `inner`; call again after each restart. */
struct sw_wal *sim_wal_watch_port(struct sim_wal_watch *watch, struct sw_wal *inner);
/* Completions that were under way never come. */
void sim_wal_watch_crash(struct sim_wal_watch *watch);
/* What the node's log holds at `index`; zeros if nothing. */
struct sim_watched
sim_wal_watch_entry(const struct sim_wal_watch *watch, struct sw_group_id group, uint64_t index);
/* What the log reported durable and did not have when it was loaded later; NULL if it kept its
 * promises. */
const char *sim_wal_watch_why(const struct sim_wal_watch *watch);
/* Highest durable snapshot: it stands for all entries up to it. */
uint64_t sim_wal_watch_snapshot(const struct sim_wal_watch *watch, struct sw_group_id group);

#endif
