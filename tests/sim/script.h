/* Words of directed scenarios over bare groups: one world at a time, whose network does what the
 * script says. Group 1 is meant where no group is named. */
#ifndef SW_TESTS_SIM_SCRIPT_H
#define SW_TESTS_SIM_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "tests/sim/raft_mode.h"
#include "tests/sim/world.h"

/* What the network does to a script's messages; one world runs at a time. */
struct script_rules {
    uint32_t only_candidate;   /* others' requests for votes are lost; 0 = all may ask */
    uint32_t muted;            /* all of its messages are lost, and nobody is told */
    uint32_t silent;           /* what it says is lost */
    uint32_t no_entries_from;  /* AppendEntries with entries from here ... */
    uint64_t no_entries_after; /* ... if they hold entries above this index */
    uint8_t timeout_now[64];   /* the TimeoutNow that was caught on its way */
    size_t timeout_now_size;
    bool catch_timeout_now;
};

extern struct script_rules script_rules;
extern struct sim_world script_world;

/* For sim_net_filter. */
bool script_filter(struct sim_world *in, uint32_t from, uint32_t to, struct sw_span message);

void script_run_ms(uint64_t ms);
struct sim_raft_group *script_node(uint32_t number);
bool script_leads(uint32_t number);
/* False if it does not come to that; the script then did not reach its trap. */
bool script_wait_leader(uint32_t number, uint64_t ms_max);
bool script_wait_not_leader(uint32_t number, uint64_t ms_max);
void script_propose(uint32_t number, uint32_t count);
void script_isolate(uint32_t number, bool cut);
/* Exactly the nodes whose bit is set talk to each other. */
void script_only_these(uint32_t bits);
void script_start_all(void);
void script_crash_all(enum sim_cut cut);
void script_must_reach(bool reached, const char *what);
/* Heals everything; the world must then be well. */
void script_end_well(void);

#endif
