/* Scripts in which members come and go at the worst moment. */
#include "tests/sim/scenario_member.h"

#include "tests/sim/net.h"
#include "tests/sim/script.h"

static struct sw_group_status status_of(uint32_t number)
{
    struct sw_group_status status;

    sw_group_status(script_node(number)->group, &status);
    return status;
}

static bool change(uint32_t leader, enum sw_group_change_kind kind, uint32_t number)
{
    const bool made = sim_member_change(script_node(leader), kind, number);

    sim_host_turn_end(script_node(leader)->host);
    return made;
}

/* Asks until it is done; others may have to come up, or to catch up, first. */
static void change_surely(uint32_t leader, enum sw_group_change_kind kind, uint32_t number)
{
    bool made = false;

    for (uint32_t ms = 0; ms < 3000 && !made && !script_world.failed; ms++) {
        made = change(leader, kind, number);
        script_run_ms(1);
    }
    script_must_reach(made, "a change that is taken");
    for (uint32_t ms = 0; ms < 3000 && script_node(leader)->members.changing; ms++) {
        script_run_ms(1);
    }
    script_must_reach(!script_node(leader)->members.changing, "a change that is made");
}

static void lead_1(void)
{
    script_rules.only_candidate = 1;
    script_start_all();
    script_must_reach(script_wait_leader(1, 5000), "node 1 leads");
    script_propose(1, 3);
    script_run_ms(300);
}

/* From here on nobody gets what node 1 appends. */
static void swallow_entries_of_1(void)
{
    script_rules.no_entries_from = 1;
    script_rules.no_entries_after = status_of(1).last_index;
}

/* Node 1 loses its leadership to node 2, which writes over what only node 1 has. */
static void overrule_1(void)
{
    script_rules.muted = 1;
    script_rules.only_candidate = 2;
    script_must_reach(script_wait_not_leader(1, 5000), "node 1 steps down");
    script_must_reach(script_wait_leader(2, 5000), "node 2 leads");
    script_propose(2, 3);
    script_run_ms(300);
    script_rules.muted = 0;
    script_run_ms(1000);
}

/* The configuration that was committed is behind the snapshot; the one that was not is taken back:
 * libraft looks for the first in its log, and does not look whether it is there. */
void scenario_configuration_rollback(void)
{
    lead_1();
    change_surely(1, SW_GROUP_ADD, 4);
    script_propose(1, 3);
    script_run_ms(100);
    script_world.mode->snapshot(script_node(1)->host);
    script_run_ms(300);
    script_must_reach(status_of(1).first_index > status_of(1).members_index,
                      "the committed configuration is compacted");
    swallow_entries_of_1();
    script_must_reach(change(1, SW_GROUP_REMOVE, 4), "a change that nobody hears of");
    script_run_ms(20);
    overrule_1();
    script_end_well();
}

/* A patient leader of an old term is told by the next one to cut a configuration that only it has.
 */
void scenario_overruled_while_leading(void)
{
    lead_1();
    script_world.host[0].drift_ppm = -900000;
    swallow_entries_of_1();
    script_must_reach(change(1, SW_GROUP_ADD, 4), "a change that nobody hears of");
    script_run_ms(20);
    script_rules.muted = 1;
    script_rules.only_candidate = 2;
    script_must_reach(script_wait_leader(2, 5000), "node 2 leads");
    script_propose(2, 3);
    script_run_ms(300);
    script_must_reach(script_leads(1), "node 1 believes to lead, too");
    script_rules.muted = 0;
    script_rules.silent = 1; /* it hears, and is not heard */
    for (uint32_t ms = 0; ms < 1000 && status_of(1).reopened == 0; ms++) {
        script_must_reach(script_leads(1), "node 1 leads until it is told");
        script_run_ms(1);
    }
    script_must_reach(status_of(1).reopened == 1, "node 1 cuts its log and starts over");
    script_must_reach(!script_leads(1), "node 1 leads no more");
    script_world.host[0].drift_ppm = 0;
    script_end_well();
}

/* The state that was to be made durable for a snapshot takes its time; meanwhile libraft starts
 * over, and takes another one. What comes back is not for that one. */
void scenario_snapshot_before_a_reopen(void)
{
    struct sim_host *host = &script_world.host[0];

    lead_1();
    change_surely(1, SW_GROUP_ADD, 4);
    script_run_ms(300);
    script_world.mode->snapshot(host);
    sim_host_turn_end(host);
    host->disk_us_min = 1000000;
    host->disk_us_max = 1000000;
    for (uint32_t ms = 0; ms < 1000 && !script_node(1)->snapshotting; ms++) {
        script_run_ms(1);
    }
    script_must_reach(script_node(1)->snapshotting, "a snapshot that is under way");
    swallow_entries_of_1();
    script_must_reach(change(1, SW_GROUP_REMOVE, 4), "a change that nobody hears of");
    overrule_1();
    script_must_reach(status_of(1).reopened == 1, "node 1 cuts its log and starts over");
    script_must_reach(script_node(1)->snapshotting, "a snapshot that is still under way");
    host->disk_us_min = script_world.plan.disk_us_min;
    host->disk_us_max = script_world.plan.disk_us_max;
    script_world.mode->snapshot(host);
    script_propose(2, 3);
    script_run_ms(5000);
    script_must_reach(!script_node(1)->snapshotting, "both snapshots come to their end");
    script_must_reach(status_of(1).snapshot_index > 8, "the second one counts");
    script_end_well();
}

/* A snapshot of what is committed, taken while a configuration is not: it must not hold that one,
 * or the node believes in it for ever. */
void scenario_uncommitted_snapshot(void)
{
    lead_1();
    change_surely(1, SW_GROUP_ADD, 4);
    script_propose(1, 5); /* the configuration will not be among what is kept behind the snapshot */
    script_run_ms(300);
    script_world.mode->snapshot(script_node(1)->host);
    swallow_entries_of_1();
    script_must_reach(change(1, SW_GROUP_REMOVE, 4), "a change that nobody hears of");
    script_run_ms(300);
    overrule_1();
    script_end_well();
}

/* The known flaw of single-server changes (Ongaro, raft-dev 2015): of four voters, one leader adds
 * a fifth, the next removes one; if the second had not to commit an entry of its own first, their
 * majorities would not overlap. */
void scenario_single_server_change(void)
{
    lead_1();
    change_surely(1, SW_GROUP_ADD, 5);
    script_run_ms(300);
    script_only_these(1U << 1 | 1U << 5);
    script_must_reach(change(1, SW_GROUP_PROMOTE, 5), "a fifth voter, of whom 1 and 5 know");
    script_run_ms(30);
    script_only_these(1U << 2 | 1U << 3 | 1U << 4);
    script_rules.only_candidate = 2;
    script_rules.no_entries_from = 2; /* it leads, maybe before 1 steps down, and commits nothing */
    script_must_reach(script_wait_not_leader(1, 5000), "node 1 steps down");
    script_must_reach(script_wait_leader(2, 5000), "node 2 leads");
    (void)change(2, SW_GROUP_REMOVE, 1); /* refused, if all is well */
    script_rules.no_entries_from = 0;
    script_only_these(1U << 2 | 1U << 3);
    script_propose(2, 2);
    script_run_ms(200);
    script_only_these(1U << 1 | 1U << 4 | 1U << 5);
    script_rules.only_candidate = 1;
    script_must_reach(script_wait_leader(1, 20000), "node 1 leads again");
    script_propose(1, 2);
    script_run_ms(300);
    script_end_well();
}

/* The only voter promotes a second one, and stops before that one hears of it. Both votes are
 * needed now; the second node must give its own without knowing why. */
void scenario_promote_then_crash(void)
{
    script_start_all();
    script_must_reach(script_wait_leader(1, 5000), "node 1 leads");
    change_surely(1, SW_GROUP_ADD, 2);
    script_propose(1, 3);
    script_run_ms(300);
    swallow_entries_of_1();
    script_must_reach(change(1, SW_GROUP_PROMOTE, 2), "a promotion that node 2 does not hear of");
    script_run_ms(30);
    sim_host_crash(script_node(1)->host, SIM_CUT_NONE_LOST);
    script_rules.no_entries_from = 0;
    script_run_ms(500);
    sim_host_start(script_node(1)->host);
    script_must_reach(script_wait_leader(1, 20000), "node 1 leads again");
    script_end_well();
}

/* Of two voters one demotes the other and stops before its own disk has that. The other one must
 * not know yet, or it would refuse its vote to the shorter log and not stand itself. */
void scenario_demote_then_crash(void)
{
    struct sim_host *host = &script_world.host[0];

    lead_1();
    host->disk_us_min = 500000;
    host->disk_us_max = 500000;
    script_must_reach(change(1, SW_GROUP_DEMOTE, 2), "a demotion that is taken");
    script_run_ms(100);
    sim_host_crash(host, SIM_CUT_ALL_LOST);
    host->disk_us_min = script_world.plan.disk_us_min;
    host->disk_us_max = script_world.plan.disk_us_max;
    script_rules.only_candidate = 0;
    sim_host_start(host);
    for (uint32_t ms = 0; ms < 20000 && sim_raft_leader(&script_world, 1) == 0; ms += 10) {
        script_run_ms(10);
    }
    script_must_reach(sim_raft_leader(&script_world, 1) != 0, "somebody leads again");
    script_end_well();
}

/* The only voter stops with entries that a learner has and its own disk has not. It leads again at
 * once; if it did so in the same term, other entries would get the same indexes. */
void scenario_lone_voter_restart(void)
{
    struct sim_host *host = &script_world.host[0];

    script_start_all();
    script_must_reach(script_wait_leader(1, 5000), "node 1 leads");
    change_surely(1, SW_GROUP_ADD, 2);
    script_propose(1, 3);
    script_run_ms(300);
    host->disk_us_min = 500000;
    host->disk_us_max = 500000;
    script_propose(1, 3);
    script_run_ms(100);
    script_must_reach(status_of(2).last_index == status_of(1).last_index, "node 2 has it all");
    sim_host_crash(host, SIM_CUT_ALL_LOST);
    host->disk_us_min = script_world.plan.disk_us_min;
    host->disk_us_max = script_world.plan.disk_us_max;
    sim_host_start(host);
    script_must_reach(script_wait_leader(1, 5000), "node 1 leads again");
    script_propose(1, 5);
    script_run_ms(1000);
    script_end_well();
}

/* Whoever leads is asked to leave, under load, until only one of the first members is left. */
void scenario_remove_leader(void)
{
    uint32_t removed = 0;

    script_start_all();
    script_run_ms(2000);
    for (uint32_t ms = 0; ms < 20000 && removed < 2 && !script_world.failed; ms++) {
        const uint32_t leader = sim_raft_leader(&script_world, 1);

        if (leader != 0) {
            script_propose(leader, 1);
            for (uint32_t number = 1; number <= leader && ms % 10 == 0; number++) {
                /* The lowest member goes: often it leads, and has to hand over first. */
                if (!script_node(leader)->members.changing &&
                    sim_members_has(script_node(leader), number)) {
                    removed += change(leader, SW_GROUP_REMOVE, number) ? 1 : 0;
                    break;
                }
            }
        }
        script_run_ms(1);
    }
    script_must_reach(removed == 2, "two members are removed");
    script_run_ms(500);
    script_must_reach(sim_raft_leader(&script_world, 1) == 3, "node 3, the only voter, leads");
    script_end_well();
}
