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

/* What the network does to a script's messages; one world runs at a time. */
static struct rules {
    uint32_t only_candidate;   /* others' requests for votes are lost; 0 = all may ask */
    uint32_t muted;            /* all of its messages are lost, and nobody is told */
    uint32_t no_entries_from;  /* AppendEntries with entries from here ... */
    uint64_t no_entries_after; /* ... if they hold entries above this index */
    uint8_t timeout_now[64];   /* the TimeoutNow that was caught on its way */
    size_t timeout_now_size;
    bool catch_timeout_now;
} rules;

static struct sim_world world;

static bool append_is_lost(uint32_t from, struct sw_span message)
{
    const uint64_t prev = sw_load_u64(message.data + 13);
    const uint32_t count = sw_load_u32(message.data + 37);

    return from == rules.no_entries_from && count > 0 && prev + count > rules.no_entries_after;
}

static bool filter(struct sim_world *in, uint32_t from, uint32_t to, struct sw_span message)
{
    const uint8_t kind = sw_wire_kind(message);

    (void)in;
    if (rules.muted == from || rules.muted == to) {
        return true;
    }
    if (kind == SW_WIRE_VOTE) {
        const bool disrupts = (message.data[message.size - 1] & 1) != 0;

        return rules.only_candidate != 0 && from != rules.only_candidate && !disrupts;
    }
    if (kind == SW_WIRE_APPEND) {
        return append_is_lost(from, message);
    }
    if (kind == SW_WIRE_TIMEOUT_NOW && rules.catch_timeout_now) {
        SW_ASSERT(message.size <= sizeof(rules.timeout_now));
        memcpy(rules.timeout_now, message.data, message.size);
        rules.timeout_now_size = message.size;
        return true;
    }
    return false;
}

/* --- words of the scripts --------------------------------------------------------------------- */

static void run_ms(uint64_t ms)
{
    sim_world_run(&world, world.now_us + ms * 1000);
}

static struct sim_raft_group *node(uint32_t number)
{
    return sim_raft_slot(&world, number, 1);
}

static bool leads(uint32_t number)
{
    return node(number)->host->alive && node(number)->role == SW_ROLE_LEADER;
}

/* False if it does not come to that; the script then did not reach its trap. */
static bool wait_leader(uint32_t number, uint64_t ms_max)
{
    for (uint64_t ms = 0; ms < ms_max && !world.failed && !leads(number); ms++) {
        run_ms(1);
    }
    return leads(number);
}

static bool wait_not_leader(uint32_t number, uint64_t ms_max)
{
    for (uint64_t ms = 0; ms < ms_max && !world.failed && leads(number); ms++) {
        run_ms(1);
    }
    return !leads(number);
}

static void propose(uint32_t number, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        (void)sim_raft_propose(node(number));
    }
    sim_host_turn_end(node(number)->host);
}

static void isolate(uint32_t number, bool cut)
{
    for (uint32_t i = 1; i <= world.plan.nodes; i++) {
        if (i != number) {
            sim_net_cut(&world, i, number, cut);
            sim_net_cut(&world, number, i, cut);
        }
    }
}

/* Exactly the nodes whose bit is set talk to each other. */
static void only_these(uint32_t bits)
{
    for (uint32_t i = 1; i <= world.plan.nodes; i++) {
        for (uint32_t j = 1; j <= world.plan.nodes; j++) {
            if (i != j) {
                sim_net_cut(&world, i, j, (bits & (1U << i)) == 0 || (bits & (1U << j)) == 0);
            }
        }
    }
}

static void start_all(void)
{
    for (uint32_t i = 0; i < world.plan.nodes; i++) {
        sim_host_start(&world.host[i]);
    }
}

static void crash_all(enum sim_cut cut)
{
    for (uint32_t i = 0; i < world.plan.nodes; i++) {
        sim_host_crash(&world.host[i], cut);
    }
}

static void must_reach(bool reached, const char *what)
{
    if (!reached) {
        sim_fail(&world, "the script did not get to: %s", what);
    }
}

/* Heals everything; the world must then be well. */
static void end_well(void)
{
    memset(&rules, 0, sizeof(rules));
    if (world.failed) {
        return;
    }
    sim_raft_of(&world)->scripted = false;
    sim_faults_calm(&world);
    sim_settle(&world, world.now_us);
}

/* --- scripts ---------------------------------------------------------------------------------- */

/* A follower with a stale tail acknowledges an empty heartbeat with the length of its own log: the
 * new leader counts entries on it that it does not have (over-claimed match index). */
static void stale_suffix(void)
{
    rules.only_candidate = 1;
    start_all();
    must_reach(wait_leader(1, 5000), "node 1 leads");
    propose(1, 3);
    run_ms(300);
    rules.muted = 1;
    propose(1, 3);
    rules.only_candidate = 2;
    rules.no_entries_from = 2;
    must_reach(wait_not_leader(1, 5000), "node 1 steps down");
    rules.muted = 0;
    must_reach(wait_leader(2, 5000), "node 2 leads");
    propose(2, 2);
    run_ms(1500);
    end_well();
}

/* Figure 8 of the Raft paper: an entry of an old term on a majority is still not committed. */
static void figure_8(void)
{
    uint64_t index;

    rules.only_candidate = 1;
    start_all();
    must_reach(wait_leader(1, 5000), "node 1 leads");
    run_ms(300);
    only_these(1U << 1 | 1U << 2);
    propose(1, 1);
    run_ms(30);
    index = node(1)->pending_count > 0 ? node(1)->pending[0].index : 0;
    must_reach(index != 0, "an entry on nodes 1 and 2 only");
    only_these(1U << 3 | 1U << 4 | 1U << 5);
    rules.only_candidate = 5;
    rules.no_entries_from = 5;
    must_reach(wait_leader(5, 5000), "node 5 leads");
    propose(5, 1);
    run_ms(30);
    only_these(1U << 1 | 1U << 2 | 1U << 3);
    rules.only_candidate = 1;
    rules.no_entries_from = 1;
    rules.no_entries_after = index;
    must_reach(wait_not_leader(1, 5000) && wait_leader(1, 5000), "node 1 leads again");
    run_ms(1000);
    sim_host_crash(node(1)->host, SIM_CUT_NONE_LOST);
    only_these(1U << 2 | 1U << 3 | 1U << 4 | 1U << 5);
    memset(&rules, 0, sizeof(rules));
    rules.only_candidate = 5;
    must_reach(wait_not_leader(5, 5000) && wait_leader(5, 10000), "node 5 leads again");
    propose(5, 1);
    run_ms(500);
    end_well();
}

/* A leader that was handing over steps down, votes for another, and votes once more for the one it
 * had chosen, whose TimeoutNow comes late. */
static void double_vote(void)
{
    world.host[1].drift_ppm = -900000; /* node 2 is patient: it goes on believing in node 1 */
    rules.only_candidate = 1;
    start_all();
    must_reach(wait_leader(1, 5000), "node 1 leads");
    propose(1, 2);
    run_ms(300);
    rules.catch_timeout_now = true;
    sim_net_cut(&world, 2, 1, true);
    sim_net_cut(&world, 3, 1, true);
    run_ms(world.plan.seed * 7 % 300);
    world.mode->transfer(node(1)->host, (struct sw_node_id){2});
    sim_host_turn_end(node(1)->host);
    sim_net_cut(&world, 1, 3, true);
    rules.only_candidate = 3;
    must_reach(wait_not_leader(1, 2000), "node 1 steps down");
    sim_net_cut(&world, 2, 3, true);
    sim_net_cut(&world, 3, 2, true);
    sim_net_cut(&world, 1, 3, false);
    sim_net_cut(&world, 3, 1, false);
    must_reach(wait_leader(3, 5000), "node 3 leads");
    isolate(3, true);
    sim_net_cut(&world, 2, 1, false);
    sim_net_cut(&world, 1, 2, false);
    run_ms(1);
    if (rules.timeout_now_size > 0) {
        sim_net_inject(&world, 1, 2, sw_span_of(rules.timeout_now, rules.timeout_now_size));
    }
    run_ms(200);
    end_well();
}

/* Puts entries first..last of `term` into a log that is asleep. */
static void write_log(uint32_t number, uint64_t first, uint64_t last, uint64_t term)
{
    struct sw_wal *wal = sim_wal_port(sim_raft_of(&world)->wal[number - 1]);
    const struct sw_group_id group = {1};
    uint8_t body[8] = {0};

    for (uint64_t index = first; index <= last; index++) {
        struct sw_wal_entry entry = {
            .index = index, .term = term, .type = RAFT_COMMAND, .body = sw_span_of(body, 8)};

        sw_store_u64(body, 0); /* value 0: nobody waits for it */
        wal->ops->append(wal, group, &entry, 1, NULL, NULL);
        sim_wal_crash(sim_raft_of(&world)->wal[number - 1], SIM_CUT_NONE_LOST);
    }
}

static void write_term(uint32_t number, uint64_t term)
{
    struct sw_wal *wal = sim_wal_port(sim_raft_of(&world)->wal[number - 1]);

    wal->ops->set_hard(
        wal, (struct sw_group_id){1}, (struct sw_wal_hard){.term = term}, NULL, NULL);
    sim_wal_crash(sim_raft_of(&world)->wal[number - 1], SIM_CUT_NONE_LOST);
}

/* Every node has a reason to refuse every other one, and with pre-vote the refusal hides it. */
static void pre_vote_deadlock(void)
{
    start_all();
    run_ms(1);
    crash_all(SIM_CUT_NONE_LOST);
    write_log(1, 2, 5, 1);
    write_log(2, 2, 3, 1);
    write_log(3, 2, 4, 1);
    write_term(1, 7);
    write_term(2, 12);
    write_term(3, 9);
    start_all();
    for (int second = 0; second < 20 && sim_raft_leader(&world, 1) == 0; second++) {
        run_ms(1000);
    }
    must_reach(sim_raft_leader(&world, 1) != 0, "a leader within 20 s");
    end_well();
}

/* A follower's tail of 10,000 entries is not the leader's: it must be repaired in a few round trips
 * (twice the election timeout, and the time to send what is missing). */
static void divergent_tail(void)
{
    enum { TAIL = 10000, LEADER_TAIL = 20000, REPAIR_MS_MAX = 2 * 300 + 1000 };
    uint64_t began_us;

    start_all();
    run_ms(1);
    crash_all(SIM_CUT_NONE_LOST);
    write_log(1, 2, TAIL, 2);
    write_term(1, 2);
    for (uint32_t i = 2; i <= 3; i++) {
        write_log(i, 2, LEADER_TAIL, 3);
        write_term(i, 3);
    }
    rules.muted = 1;
    start_all();
    must_reach(wait_leader(2, 3000) || wait_leader(3, 3000), "a leader");
    run_ms(1000);
    rules.muted = 0;
    began_us = world.now_us;
    while (node(1)->state.index < LEADER_TAIL && world.now_us < began_us + 10000000 &&
           !world.failed) {
        run_ms(10);
    }
    printf("  a tail of %d divergent entries is repaired, %d entries later, after %" PRIu64 " ms\n",
           TAIL,
           LEADER_TAIL,
           (world.now_us - began_us) / 1000);
    if (world.now_us - began_us > (uint64_t)REPAIR_MS_MAX * 1000) {
        sim_fail(&world,
                 "liveness: the divergent tail took %" PRIu64 " ms, at most %d are fine",
                 (world.now_us - began_us) / 1000,
                 REPAIR_MS_MAX);
    }
    end_well();
}

/* Under load that never pauses, entries must be committed while it lasts. */
static void continuous_load(void)
{
    uint32_t leader;
    uint64_t acked;

    start_all();
    run_ms(2000);
    leader = sim_raft_leader(&world, 1);
    must_reach(leader != 0, "a leader");
    acked = world.stats.acked;
    for (uint32_t ms = 0; ms < 3000 && !world.failed && leader != 0; ms++) {
        propose(leader, 1);
        run_ms(1);
    }
    acked = world.stats.acked - acked;
    printf("  3 s of one proposal a millisecond: %" PRIu64 " acknowledged meanwhile\n", acked);
    if (acked < 2000) {
        sim_fail(&world, "liveness: only %" PRIu64 " of 3000 entries committed under load", acked);
    }
    end_well();
}

/* --- the table -------------------------------------------------------------------------------- */

struct scenario {
    const char *name;
    void (*script)(void);
    uint32_t nodes;
    uint32_t variants; /* of timing; all must be well */
    uint32_t append_size_max;
};

static const struct scenario scenarios[] = {
    {"stale-suffix", stale_suffix, 3, 5, 0},
    {"figure-8", figure_8, 5, 5, 1},
    {"double-vote", double_vote, 3, 40, 0},
    {"pre-vote-deadlock", pre_vote_deadlock, 3, 5, 0},
    {"divergent-tail", divergent_tail, 3, 1, 0},
    {"continuous-load", continuous_load, 3, 1, 0},
};

static void
run_variant(const struct scenario *scenario, const struct sim_options *options, uint32_t variant)
{
    const struct sim_plan plan = {.seed = variant,
                                  .credit_size = 8 << 20,
                                  .install_timeout_ms = 5000,
                                  .mode = SIM_MODE_RAFT,
                                  .nodes = scenario->nodes,
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
                                  .snapshot_trailing = 100,
                                  .guard_off = options->guard_off,
                                  .propose_us = 2000,
                                  .value_size_max = 0};

    memset(&rules, 0, sizeof(rules));
    sim_world_init(&world, &plan, &sim_raft_mode, options->verbose);
    sim_raft_of(&world)->scripted = true;
    sim_net_filter(&world, filter);
    scenario->script();
}

/* True if some variant breaks. */
static bool run_variants(const struct scenario *scenario, const struct sim_options *options)
{
    for (uint32_t variant = 1; variant <= scenario->variants; variant++) {
        bool failed;

        run_variant(scenario, options, variant);
        failed = world.failed;
        if (failed && options->quiet) {
            printf("  variant %u: %s\n", variant, world.why);
        } else if (failed) {
            sim_report_story(&world, options);
        }
        sim_world_release(&world);
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
