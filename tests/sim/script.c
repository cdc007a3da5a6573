/* The words, and the network that forgets what a script says. */
#include "tests/sim/script.h"

#include <string.h>

#include "base/assert.h"
#include "base/rw.h"
#include "raft/wire.h"
#include "tests/sim/faults.h"
#include "tests/sim/net.h"
#include "tests/sim/runner.h"

struct script_rules script_rules;

struct sim_world script_world;

static bool append_is_lost(uint32_t from, struct sw_span message)
{
    const uint64_t prev = sw_load_u64(message.data + 13);
    const uint32_t count = sw_load_u32(message.data + 37);

    return from == script_rules.no_entries_from && count > 0 &&
           prev + count > script_rules.no_entries_after;
}

bool script_filter(struct sim_world *in, uint32_t from, uint32_t to, struct sw_span message)
{
    const uint8_t kind = sw_wire_kind(message);

    (void)in;
    if (script_rules.muted == from || script_rules.muted == to || script_rules.silent == from) {
        return true;
    }
    if (kind == SW_WIRE_VOTE) {
        const bool disrupts = (message.data[message.size - 1] & 1) != 0;

        return script_rules.only_candidate != 0 && from != script_rules.only_candidate && !disrupts;
    }
    if (kind == SW_WIRE_APPEND) {
        return append_is_lost(from, message);
    }
    if (kind == SW_WIRE_TIMEOUT_NOW && script_rules.catch_timeout_now) {
        SW_ASSERT(message.size <= sizeof(script_rules.timeout_now));
        memcpy(script_rules.timeout_now, message.data, message.size);
        script_rules.timeout_now_size = message.size;
        return true;
    }
    return false;
}

/* --- words of the scripts --------------------------------------------------------------------- */

void script_run_ms(uint64_t ms)
{
    sim_world_run(&script_world, script_world.now_us + ms * 1000);
}

struct sim_raft_group *script_node(uint32_t number)
{
    return sim_raft_slot(&script_world, number, 1);
}

bool script_leads(uint32_t number)
{
    return script_node(number)->host->alive && script_node(number)->role == SW_ROLE_LEADER;
}

/* False if it does not come to that; the script then did not reach its trap. */
bool script_wait_leader(uint32_t number, uint64_t ms_max)
{
    for (uint64_t ms = 0; ms < ms_max && !script_world.failed && !script_leads(number); ms++) {
        script_run_ms(1);
    }
    return script_leads(number);
}

bool script_wait_not_leader(uint32_t number, uint64_t ms_max)
{
    for (uint64_t ms = 0; ms < ms_max && !script_world.failed && script_leads(number); ms++) {
        script_run_ms(1);
    }
    return !script_leads(number);
}

void script_propose(uint32_t number, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        (void)sim_raft_propose(script_node(number));
    }
    sim_host_turn_end(script_node(number)->host);
}

void script_isolate(uint32_t number, bool cut)
{
    for (uint32_t i = 1; i <= script_world.plan.nodes; i++) {
        if (i != number) {
            sim_net_cut(&script_world, i, number, cut);
            sim_net_cut(&script_world, number, i, cut);
        }
    }
}

/* Exactly the nodes whose bit is set talk to each other. */
void script_only_these(uint32_t bits)
{
    for (uint32_t i = 1; i <= script_world.plan.nodes; i++) {
        for (uint32_t j = 1; j <= script_world.plan.nodes; j++) {
            if (i != j) {
                sim_net_cut(
                    &script_world, i, j, (bits & (1U << i)) == 0 || (bits & (1U << j)) == 0);
            }
        }
    }
}

void script_start_all(void)
{
    for (uint32_t i = 0; i < script_world.plan.nodes; i++) {
        sim_host_start(&script_world.host[i]);
    }
}

void script_crash_all(enum sim_cut cut)
{
    for (uint32_t i = 0; i < script_world.plan.nodes; i++) {
        sim_host_crash(&script_world.host[i], cut);
    }
}

void script_must_reach(bool reached, const char *what)
{
    if (!reached) {
        sim_fail(&script_world, "the script did not get to: %s", what);
    }
}

/* Heals everything; the world must then be well. */
void script_end_well(void)
{
    memset(&script_rules, 0, sizeof(script_rules));
    if (script_world.failed) {
        return;
    }
    sim_raft_of(&script_world)->scripted = false;
    sim_faults_calm(&script_world);
    sim_settle(&script_world, script_world.now_us);
}
