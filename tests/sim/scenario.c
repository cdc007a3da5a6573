/* Scripts over worlds of bare groups. */
#include "tests/sim/scenario.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/rw.h"
#include "raft/wire.h"
#include "tests/sim/faults.h"
#include "tests/sim/net.h"
#include "tests/sim/raft_mode.h"
#include "tests/sim/report.h"
#include "tests/sim/scenario_member.h"
#include "tests/sim/script.h"

/* --- scripts ---------------------------------------------------------------------------------- */

/* A follower with a stale tail acknowledges an empty heartbeat with the length of its own log: the
 * new leader counts entries on it that it does not have (over-claimed match index). */
static void stale_suffix(void)
{
    script_rules.only_candidate = 1;
    script_start_all();
    script_must_reach(script_wait_leader(1, 5000), "node 1 leads");
    script_propose(1, 3);
    script_run_ms(300);
    script_rules.muted = 1;
    script_propose(1, 3);
    script_rules.only_candidate = 2;
    script_rules.no_entries_from = 2;
    script_must_reach(script_wait_not_leader(1, 5000), "node 1 steps down");
    script_rules.muted = 0;
    script_must_reach(script_wait_leader(2, 5000), "node 2 leads");
    script_propose(2, 2);
    script_run_ms(1500);
    script_end_well();
}

/* Figure 8 of the Raft paper: an entry of an old term on a majority is still not committed. */
static void figure_8(void)
{
    uint64_t index;

    script_rules.only_candidate = 1;
    script_start_all();
    script_must_reach(script_wait_leader(1, 5000), "node 1 leads");
    script_run_ms(300);
    script_only_these(1U << 1 | 1U << 2);
    script_propose(1, 1);
    script_run_ms(30);
    index = script_node(1)->pending_count > 0 ? script_node(1)->pending[0].index : 0;
    script_must_reach(index != 0, "an entry on nodes 1 and 2 only");
    script_only_these(1U << 3 | 1U << 4 | 1U << 5);
    script_rules.only_candidate = 5;
    script_rules.no_entries_from = 5;
    script_must_reach(script_wait_leader(5, 5000), "node 5 leads");
    script_propose(5, 1);
    script_run_ms(30);
    script_only_these(1U << 1 | 1U << 2 | 1U << 3);
    script_rules.only_candidate = 1;
    script_rules.no_entries_from = 1;
    script_rules.no_entries_after = index;
    script_must_reach(script_wait_not_leader(1, 5000) && script_wait_leader(1, 5000),
                      "node 1 leads again");
    script_run_ms(1000);
    sim_host_crash(script_node(1)->host, SIM_CUT_NONE_LOST);
    script_only_these(1U << 2 | 1U << 3 | 1U << 4 | 1U << 5);
    memset(&script_rules, 0, sizeof(script_rules));
    script_rules.only_candidate = 5;
    script_must_reach(script_wait_not_leader(5, 5000) && script_wait_leader(5, 10000),
                      "node 5 leads again");
    script_propose(5, 1);
    script_run_ms(500);
    script_end_well();
}

/* A leader that was handing over steps down, votes for another, and votes once more for the one it
 * had chosen, whose TimeoutNow comes late. */
static void double_vote(void)
{
    script_world.host[1].drift_ppm =
        -900000; /* node 2 is patient: it goes on believing in node 1 */
    script_rules.only_candidate = 1;
    script_start_all();
    script_must_reach(script_wait_leader(1, 5000), "node 1 leads");
    script_propose(1, 2);
    script_run_ms(300);
    script_rules.catch_timeout_now = true;
    sim_net_cut(&script_world, 2, 1, true);
    sim_net_cut(&script_world, 3, 1, true);
    script_run_ms(script_world.plan.seed * 7 % 300);
    script_world.mode->transfer(script_node(1)->host, (struct sw_node_id){2});
    sim_host_turn_end(script_node(1)->host);
    sim_net_cut(&script_world, 1, 3, true);
    script_rules.only_candidate = 3;
    script_must_reach(script_wait_not_leader(1, 2000), "node 1 steps down");
    sim_net_cut(&script_world, 2, 3, true);
    sim_net_cut(&script_world, 3, 2, true);
    sim_net_cut(&script_world, 1, 3, false);
    sim_net_cut(&script_world, 3, 1, false);
    script_must_reach(script_wait_leader(3, 5000), "node 3 leads");
    script_isolate(3, true);
    sim_net_cut(&script_world, 2, 1, false);
    sim_net_cut(&script_world, 1, 2, false);
    script_run_ms(1);
    if (script_rules.timeout_now_size > 0) {
        sim_net_inject(&script_world,
                       1,
                       2,
                       sw_span_of(script_rules.timeout_now, script_rules.timeout_now_size));
    }
    script_run_ms(200);
    script_end_well();
}

/* Puts entries first..last of `term` into a log that is asleep. */
static void write_log(uint32_t number, uint64_t first, uint64_t last, uint64_t term)
{
    struct sw_wal *wal = sim_wal_port(sim_raft_of(&script_world)->wal[number - 1]);
    const struct sw_group_id group = {1};
    uint8_t body[8] = {0};

    for (uint64_t index = first; index <= last; index++) {
        struct sw_wal_entry entry = {
            .index = index, .term = term, .type = RAFT_COMMAND, .body = sw_span_of(body, 8)};

        sw_store_u64(body, 0); /* value 0: nobody waits for it */
        wal->ops->append(wal, group, &entry, 1, NULL, NULL);
        sim_wal_crash(sim_raft_of(&script_world)->wal[number - 1], SIM_CUT_NONE_LOST);
    }
}

static void write_term(uint32_t number, uint64_t term)
{
    struct sw_wal *wal = sim_wal_port(sim_raft_of(&script_world)->wal[number - 1]);

    wal->ops->set_hard(
        wal, (struct sw_group_id){1}, (struct sw_wal_hard){.term = term}, NULL, NULL);
    sim_wal_crash(sim_raft_of(&script_world)->wal[number - 1], SIM_CUT_NONE_LOST);
}

/* Every node has a reason to refuse every other one, and with pre-vote the refusal hides it. */
static void pre_vote_deadlock(void)
{
    script_start_all();
    script_run_ms(1);
    script_crash_all(SIM_CUT_NONE_LOST);
    write_log(1, 2, 5, 1);
    write_log(2, 2, 3, 1);
    write_log(3, 2, 4, 1);
    write_term(1, 7);
    write_term(2, 12);
    write_term(3, 9);
    script_start_all();
    for (int second = 0; second < 20 && sim_raft_leader(&script_world, 1) == 0; second++) {
        script_run_ms(1000);
    }
    script_must_reach(sim_raft_leader(&script_world, 1) != 0, "a leader within 20 s");
    script_end_well();
}

/* A follower's tail of 10,000 entries is not the leader's: it must be repaired in a few round trips
 * (twice the election timeout, and the time to send what is missing). */
static void divergent_tail(void)
{
    enum { TAIL = 10000, LEADER_TAIL = 20000, REPAIR_MS_MAX = 2 * 300 + 1000 };
    uint64_t began_us;

    script_start_all();
    script_run_ms(1);
    script_crash_all(SIM_CUT_NONE_LOST);
    write_log(1, 2, TAIL, 2);
    write_term(1, 2);
    for (uint32_t i = 2; i <= 3; i++) {
        write_log(i, 2, LEADER_TAIL, 3);
        write_term(i, 3);
    }
    script_rules.muted = 1;
    script_start_all();
    script_must_reach(script_wait_leader(2, 3000) || script_wait_leader(3, 3000), "a leader");
    script_run_ms(1000);
    script_rules.muted = 0;
    began_us = script_world.now_us;
    while (script_node(1)->state.index < LEADER_TAIL && script_world.now_us < began_us + 10000000 &&
           !script_world.failed) {
        script_run_ms(10);
    }
    printf("  a tail of %d divergent entries is repaired, %d entries later, after %" PRIu64 " ms\n",
           TAIL,
           LEADER_TAIL,
           (script_world.now_us - began_us) / 1000);
    if (script_world.now_us - began_us > (uint64_t)REPAIR_MS_MAX * 1000) {
        sim_fail(&script_world,
                 "liveness: the divergent tail took %" PRIu64 " ms, at most %d are fine",
                 (script_world.now_us - began_us) / 1000,
                 REPAIR_MS_MAX);
    }
    script_end_well();
}

/* Under load that never pauses, entries must be committed while it lasts. */
static void continuous_load(void)
{
    uint32_t leader;
    uint64_t acked;

    script_start_all();
    script_run_ms(2000);
    leader = sim_raft_leader(&script_world, 1);
    script_must_reach(leader != 0, "a leader");
    acked = script_world.stats.acked;
    for (uint32_t ms = 0; ms < 3000 && !script_world.failed && leader != 0; ms++) {
        script_propose(leader, 1);
        script_run_ms(1);
    }
    acked = script_world.stats.acked - acked;
    printf("  3 s of one proposal a millisecond: %" PRIu64 " acknowledged meanwhile\n", acked);
    if (acked < 2000) {
        sim_fail(&script_world,
                 "liveness: only %" PRIu64 " of 3000 entries committed under load",
                 acked);
    }
    script_end_well();
}

static bool some_other_is(uint32_t old, enum sw_role role)
{
    for (uint32_t i = 1; i <= script_world.plan.nodes; i++) {
        if (i != old && script_node(i)->role == role) {
            return true;
        }
    }
    return false;
}

static uint64_t wait_other_ms(uint32_t old, enum sw_role role, uint64_t ms_max)
{
    uint64_t ms = 0;

    while (ms < ms_max && !script_world.failed && !some_other_is(old, role) &&
           !some_other_is(old, SW_ROLE_LEADER)) {
        script_run_ms(1);
        ms++;
    }
    return ms;
}

/* Leaders fall silent one after the other. The follower that notices first must be the next one, by
 * the vote of the other, which hears nothing either but has more patience. (Now and then that one
 * heard the leader a moment later than the first, and is right to refuse.) */
static void silent_leaders(void)
{
    enum { LEADERS = 40, ELECTION_MS_MAX = 50, SLOW_MAX = 4 };
    uint32_t slow = 0;

    script_start_all();
    script_run_ms(2000);
    for (uint32_t i = 0; i < LEADERS && !script_world.failed; i++) {
        const uint32_t old = sim_raft_leader(&script_world, 1);

        script_must_reach(old != 0, "a leader");
        script_rules.muted = old;
        script_must_reach(wait_other_ms(old, SW_ROLE_CANDIDATE, 5000) < 5000, "a candidate");
        slow += wait_other_ms(old, SW_ROLE_LEADER, 5000) > ELECTION_MS_MAX ? 1 : 0;
        script_rules.muted = 0;
        script_run_ms(1000);
    }
    printf("  of %d elections %u took over %d ms\n", LEADERS, slow, ELECTION_MS_MAX);
    if (slow > SLOW_MAX) {
        sim_fail(&script_world,
                 "liveness: in %u of %d failovers who noticed first did not lead within %d ms",
                 slow,
                 LEADERS,
                 ELECTION_MS_MAX);
    }
    script_end_well();
}

/* --- the table -------------------------------------------------------------------------------- */

struct scenario {
    const char *name;
    void (*script)(void);
    uint32_t nodes;
    uint32_t variants; /* of timing; all must be well */
    uint32_t append_size_max;
    uint32_t founders; /* 0 = all nodes */
};

static const struct scenario scenarios[] = {
    {"stale-suffix", stale_suffix, 3, 5, 0, 0},
    {"figure-8", figure_8, 5, 5, 1, 0},
    {"double-vote", double_vote, 3, 40, 0, 0},
    {"pre-vote-deadlock", pre_vote_deadlock, 3, 5, 0, 0},
    {"divergent-tail", divergent_tail, 3, 1, 0, 0},
    {"continuous-load", continuous_load, 3, 1, 0, 0},
    {"silent-leaders", silent_leaders, 3, 3, 0, 0},
    {"configuration-rollback", scenario_configuration_rollback, 4, 5, 0, 3},
    {"overruled-while-leading", scenario_overruled_while_leading, 4, 3, 0, 3},
    {"snapshot-before-a-reopen", scenario_snapshot_before_a_reopen, 4, 3, 0, 3},
    {"uncommitted-snapshot", scenario_uncommitted_snapshot, 4, 3, 0, 3},
    {"single-server-change", scenario_single_server_change, 5, 5, 0, 4},
    {"promote-then-crash", scenario_promote_then_crash, 2, 3, 0, 1},
    {"demote-then-crash", scenario_demote_then_crash, 2, 3, 0, 0},
    {"lone-voter-restart", scenario_lone_voter_restart, 2, 3, 0, 1},
    {"remove-leader", scenario_remove_leader, 3, 5, 0, 0},
};

static void
run_variant(const struct scenario *scenario, const struct sim_options *options, uint32_t variant)
{
    const struct sim_plan plan = {.seed = variant,
                                  .credit_size = 8 << 20,
                                  .install_timeout_ms = 5000,
                                  .mode = SIM_MODE_RAFT,
                                  .nodes = scenario->nodes,
                                  .founders = scenario->founders,
                                  .groups = 1,
                                  .calm_us = 60000000,
                                  .delay_us_min = 1000,
                                  .delay_us_max = 2000,
                                  .disk_us_min = 500,
                                  .disk_us_max = 1000,
                                  .election_timeout_ms = 300,
                                  .heartbeat_ms = 50,
                                  .append_size_max = scenario->append_size_max,
                                  .snapshot_bytes = 1 << 30,
                                  .snapshot_trailing = 2,
                                  .guard_off = options->guard_off,
                                  .propose_us = 2000,
                                  .value_size_max = 0};

    memset(&script_rules, 0, sizeof(script_rules));
    sim_world_init(&script_world, &plan, &sim_raft_mode, options->verbose);
    sim_raft_of(&script_world)->scripted = true;
    sim_net_filter(&script_world, script_filter);
    scenario->script();
}

/* True if some variant breaks. */
static bool run_variants(const struct scenario *scenario, const struct sim_options *options)
{
    for (uint32_t variant = 1; variant <= scenario->variants; variant++) {
        bool failed;

        run_variant(scenario, options, variant);
        failed = script_world.failed;
        if (failed && options->quiet) {
            printf("  variant %u: %s\n", variant, script_world.why);
        } else if (failed) {
            sim_report_story(&script_world, options);
        }
        sim_world_release(&script_world);
        if (failed) {
            return true;
        }
    }
    return false;
}

/* In a child process: libraft may well end it when a rule is off. */
static int run_scenario(const struct scenario *scenario, const struct sim_options *options)
{
    int status = 0;
    bool failed;
    pid_t child;

    (void)fflush(stdout);
    child = fork();
    if (child < 0) {
        perror("fork");
        return 1;
    }
    if (child == 0) {
        exit(run_variants(scenario, options) ? 1 : 0);
    }
    (void)waitpid(child, &status, 0);
    failed = !WIFEXITED(status) || WEXITSTATUS(status) != 0;
    printf("scenario %s: %s%s\n",
           scenario->name,
           failed ? (WIFEXITED(status) ? "an invariant breaks" : "the process dies")
                  : "nothing breaks",
           options->expect_failure ? " (it should break)" : "");
    return failed == options->expect_failure ? 0 : 1;
}

int sim_scenario_run(const struct sim_options *options)
{
    for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
        if (strcmp(options->scenario, scenarios[i].name) == 0) {
            return run_scenario(&scenarios[i], options);
        }
    }
    for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
        printf("%s\n", scenarios[i].name);
    }
    return strcmp(options->scenario, "list") == 0 ? 0 : 2;
}
