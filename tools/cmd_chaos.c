/* swarmctl chaos run: does harmless things to a staging swarm by a plan, and proves what it did not
 * break: acknowledged writes are there, no read is stale, the states of all nodes are equal. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "base/prng.h"
#include "tools/chaos_plan.h"
#include "tools/chaos_record.h"
#include "tools/cli.h"
#include "tools/cmd.h"
#include "tools/load.h"
#include "tools/survey.h"

enum { ASK_AGAIN_MS = 200, SLICE_MS = 100 };

/* Load beside the recorded clients, on a thread of its own. */
struct background {
    struct sw_load_config config;
    struct sw_load_result result;
    char why[SW_WHY_SIZE];
    enum sw_err err;
    pthread_t thread;
    bool started;
};

struct chaos {
    struct sw_cli *cli;
    struct sw_chaos_plan plan;
    struct sw_prng prng;
    struct sw_output out;
    struct sw_chaos_record *record;
    struct background load;
    struct sw_chaos_verdict verdict;
    uint64_t began_ms;
    uint64_t steps;
    bool equal; /* the states of all nodes, at the end */
};

static void pause_ms(uint64_t ms)
{
    const struct timespec pause = {.tv_sec = (time_t)(ms / 1000),
                                   .tv_nsec = (long)(ms % 1000) * 1000000};

    (void)nanosleep(&pause, NULL);
}

static void tell(const struct chaos *chaos, const char *what, uint64_t node, uint64_t took_ms)
{
    const uint64_t at_ms = swarm_now_ms() - chaos->began_ms;

    (void)fprintf(stderr,
                  "%6.1fs  %s of node %llu, well again after %.1fs\n",
                  (double)at_ms / 1000,
                  what,
                  (unsigned long long)node,
                  (double)took_ms / 1000);
}

/* --- is it well? ------------------------------------------------------------------------------ */

static bool is_well(const struct sw_survey *survey)
{
    for (size_t i = 0; i < survey->count; i++) {
        if (!survey->rows[i].answered || !survey->rows[i].status.ready) {
            return false;
        }
    }
    return survey->count > 0 && sw_survey_leader(survey) != 0;
}

/* A node that was restarted runs for less time than has passed since. */
static bool has_restarted(const struct sw_survey *survey, uint64_t node, uint64_t since_ms)
{
    for (size_t i = 0; i < survey->count; i++) {
        if (survey->rows[i].node == node) {
            return survey->rows[i].status.uptime_ms <= swarm_now_ms() - since_ms;
        }
    }
    return false;
}

/* Asks until the swarm is well, or for `recover`; `node` = one that must have restarted, 0 = none.
 * The answer is told by the exit code; the line is printed. */
static int wait_well(struct chaos *chaos, uint64_t node, uint64_t since_ms)
{
    const uint64_t until_ms = since_ms + chaos->plan.recover_ms;
    struct sw_survey survey;
    bool well = false;
    enum sw_err err;

    while (!well) {
        err = sw_survey_run(chaos->cli, 0, &survey);
        if (err != SW_ERR_OK) {
            return sw_err_info(err)->exit_code;
        }
        well = is_well(&survey) && (node == 0 || has_restarted(&survey, node, since_ms));
        sw_survey_release(&survey);
        if (!well && swarm_now_ms() >= until_ms) {
            return sw_cli_fail_format(SW_ERR_UNREACHABLE,
                                      "the swarm is not well after %llu ms: see `swarmctl health`",
                                      (unsigned long long)chaos->plan.recover_ms);
        }
        if (!well) {
            pause_ms(ASK_AGAIN_MS);
        }
    }
    return 0;
}

/* Until all nodes stand at one index: then their digests must be equal. */
static int compare_states(struct chaos *chaos)
{
    const uint64_t until_ms = swarm_now_ms() + chaos->plan.recover_ms;
    struct sw_survey survey;
    bool compared = false;
    enum sw_err err;

    while (!compared && swarm_now_ms() < until_ms) {
        err = sw_survey_run(chaos->cli, 0, &survey);
        if (err != SW_ERR_OK) {
            return sw_err_info(err)->exit_code;
        }
        compared = sw_survey_digests(&survey, &chaos->equal) && survey.answered == survey.count;
        sw_survey_release(&survey);
        if (compared && !chaos->equal) {
            return sw_cli_fail(SW_ERR_CORRUPT, "nodes at the same index have different states");
        }
        pause_ms(compared ? 0 : ASK_AGAIN_MS);
    }
    return compared ? 0
                    : sw_cli_fail(SW_ERR_UNREACHABLE,
                                  "the nodes did not come to stand at one index: their states "
                                  "could not be compared");
}

/* --- steps ------------------------------------------------------------------------------------ */

static uint64_t choose_node(struct chaos *chaos)
{
    uint64_t nodes[SW_NODE_COUNT_MAX];
    const size_t count = swarm_nodes(chaos->cli->client, nodes, SW_NODE_COUNT_MAX);

    SW_ASSERT(count > 0);
    return nodes[sw_prng_below(&chaos->prng, count)];
}

static struct swarm_result *ask(struct chaos *chaos, enum sw_chaos_step step, uint64_t node)
{
    static const enum swarm_op ops[] = {[SW_CHAOS_TRANSFER] = SWARM_TRANSFER,
                                        [SW_CHAOS_SNAPSHOT] = SWARM_SNAPSHOT,
                                        [SW_CHAOS_RESTART] = SWARM_RESTART};
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    struct swarm_result *result = NULL;

    request.op = ops[step];
    request.node = step == SW_CHAOS_TRANSFER ? 0 : node;
    (void)swarm_call(chaos->cli->client, &request, &result);
    return result;
}

/* One step, and the time until the swarm is well. A step that the swarm puts off (no leader just
 * now) is no failure: the row says so. */
static int do_step(struct chaos *chaos)
{
    const enum sw_chaos_step step = sw_chaos_plan_choose(&chaos->plan, sw_prng_next(&chaos->prng));
    const uint64_t node = choose_node(chaos);
    const uint64_t since_ms = swarm_now_ms();
    struct swarm_result *result = ask(chaos, step, node);
    const bool done = result != NULL && result->status == SWARM_OK;
    const uint64_t of = done && step == SW_CHAOS_TRANSFER ? result->node : node; /* the leader's */
    int code;

    sw_output_row(&chaos->out);
    sw_output_number(&chaos->out, 0, since_ms - chaos->began_ms);
    sw_output_text(&chaos->out, 1, sw_chaos_step_name(step));
    sw_output_number(&chaos->out, 2, of);
    sw_output_text(&chaos->out, 3, result == NULL ? "" : swarm_status_name(result->status));
    if (result != NULL && swarm_outcome(result->status) == SWARM_NOT_DONE &&
        !swarm_retryable(result->status)) {
        code = sw_cli_fail_result(result); /* not allowed, not known: it will not get better */
    } else {
        code = wait_well(chaos, step == SW_CHAOS_RESTART && done ? node : 0, since_ms);
    }
    if (code == 0) {
        sw_output_number(&chaos->out, 4, swarm_now_ms() - since_ms);
        tell(chaos, sw_chaos_step_name(step), of, swarm_now_ms() - since_ms);
    }
    swarm_result_free(result);
    chaos->steps++;
    return code;
}

static int do_steps(struct chaos *chaos)
{
    const uint64_t until_ms = chaos->began_ms + chaos->plan.duration_ms;
    int code = 0;

    while (code == 0 && swarm_now_ms() < until_ms) {
        const uint64_t wait_ms =
            chaos->plan.pause_ms / 2 + sw_prng_below(&chaos->prng, chaos->plan.pause_ms + 1);
        const uint64_t next_ms = swarm_now_ms() + wait_ms;

        while (swarm_now_ms() < next_ms && swarm_now_ms() < until_ms) {
            pause_ms(SLICE_MS);
        }
        if (swarm_now_ms() < until_ms) {
            code = do_step(chaos);
        }
    }
    return code;
}

/* --- load ------------------------------------------------------------------------------------- */

static void *load_run(void *arg)
{
    struct background *load = arg;

    load->err = sw_load_run(&load->config, &load->result, load->why);
    return NULL;
}

static void load_start(struct chaos *chaos, const struct swarm_options *options)
{
    struct background *load = &chaos->load;

    if (chaos->plan.load.clients == 0) {
        return;
    }
    load->config = (struct sw_load_config){
        .options = *options,
        .clients = (uint32_t)chaos->plan.load.clients,
        .in_flight = (uint32_t)chaos->plan.load.in_flight,
        .threads = 1,
        .keys = (uint32_t)chaos->plan.load.keys,
        .value_size = (uint32_t)chaos->plan.load.value_size,
        .put_percent = (uint32_t)chaos->plan.load.put_percent,
        .duration_ms = chaos->plan.duration_ms,
        .seed = chaos->plan.seed,
    };
    load->started = pthread_create(&load->thread, NULL, load_run, load) == 0;
    SW_ASSERT(load->started);
}

static int load_join(struct chaos *chaos)
{
    int joined;

    if (!chaos->load.started) {
        return 0;
    }
    joined = pthread_join(chaos->load.thread, NULL);
    SW_ASSERT(joined == 0);
    return chaos->load.err == SW_ERR_OK ? 0 : sw_cli_fail(chaos->load.err, chaos->load.why);
}

/* --- the whole run ---------------------------------------------------------------------------- */

/* What the recorded clients saw, as an exit code; the line is printed. */
static int judge(const struct chaos *chaos)
{
    const struct sw_chaos_verdict *verdict = &chaos->verdict;

    if (!sw_chaos_check_holds(&verdict->check)) {
        return sw_cli_fail_format(SW_ERR_CORRUPT, "%.140s", verdict->check.first);
    }
    if (verdict->unread > 0) {
        return sw_cli_fail_format(SW_ERR_UNREACHABLE,
                                  "%llu keys could not be read at the end",
                                  (unsigned long long)verdict->unread);
    }
    if (verdict->longest_gap_ms > chaos->plan.gap_max_ms) {
        return sw_cli_fail_format(SW_ERR_DEADLINE,
                                  "nothing was answered for %llu ms, the plan allows %llu",
                                  (unsigned long long)verdict->longest_gap_ms,
                                  (unsigned long long)chaos->plan.gap_max_ms);
    }
    return 0;
}

static void report(struct chaos *chaos)
{
    const struct sw_chaos_verdict *verdict = &chaos->verdict;

    sw_output_field_number(&chaos->out, "done", verdict->done);
    sw_output_field_number(&chaos->out, "refused", verdict->refused);
    sw_output_field_number(&chaos->out, "unknown", verdict->unknown);
    sw_output_field_number(&chaos->out, "load_done", chaos->load.result.ops);
    sw_output_field_number(&chaos->out, "longest_gap_ms", verdict->longest_gap_ms);
    sw_output_field(&chaos->out, "digests", SW_CELL_TEXT, chaos->equal ? "equal" : "not compared");
    sw_output_field(&chaos->out,
                    "consistent",
                    SW_CELL_BOOL,
                    sw_chaos_check_holds(&verdict->check) && chaos->equal ? "true" : "false");
    (void)sw_output_print(&chaos->out, chaos->cli->format, stdout);
}

static int start(struct chaos *chaos)
{
    struct sw_chaos_record_config config = {
        .clients = (uint32_t)chaos->plan.record.clients,
        .keys = (uint32_t)chaos->plan.record.keys,
        .rate = (uint32_t)chaos->plan.record.rate,
        .seed = chaos->plan.seed,
        .history = sw_cli_flag(chaos->cli, "history"),
    };
    char why[SW_WHY_SIZE] = "";
    enum sw_err err = sw_cli_options(chaos->cli, &config.options);

    if (err != SW_ERR_OK) {
        return sw_err_info(err)->exit_code;
    }
    err = sw_chaos_record_start(&config, &chaos->record, why);
    if (err != SW_ERR_OK) {
        return sw_cli_fail(err, why);
    }
    config.options.flags = 0;
    load_start(chaos, &config.options);
    return 0;
}

/* Each part goes on where the one before failed, so that all that was found is told; the exit code
 * is that of the worst: what is wrong before what is not known. */
static int finish(struct chaos *chaos, int code)
{
    int found;

    found = load_join(chaos);
    code = code == 0 ? found : code;
    if (!sw_chaos_record_stop(chaos->record, &chaos->verdict)) {
        code = sw_cli_fail(SW_ERR_IO, "the history could not be written");
    }
    found = compare_states(chaos);
    code = code == 0 || found == sw_err_info(SW_ERR_CORRUPT)->exit_code ? found : code;
    found = judge(chaos);
    code = code == 0 || found == sw_err_info(SW_ERR_CORRUPT)->exit_code ? found : code;
    report(chaos);
    return code;
}

static enum sw_err read_flags(struct sw_cli *cli, struct sw_chaos_plan *ret_plan)
{
    const char *path = sw_cli_flag(cli, "plan");
    char why[SW_WHY_SIZE] = "";
    enum sw_err err;

    if (path == NULL) {
        (void)sw_cli_fail(SW_ERR_INVALID, "which --plan? swarmctl-chaos(1) shows one");
        return SW_ERR_INVALID;
    }
    err = sw_chaos_plan_load(path, ret_plan, why);
    if (err != SW_ERR_OK) {
        (void)sw_cli_fail(err, why);
        return err;
    }
    if (!sw_cli_has(cli, "yes-this-is-staging")) {
        (void)sw_cli_fail(SW_ERR_INVALID,
                          "this restarts nodes and loads the swarm: if nobody depends on it, say "
                          "--yes-this-is-staging");
        return SW_ERR_INVALID;
    }
    return SW_ERR_OK;
}

int sw_cmd_chaos_run(struct sw_cli *cli)
{
    static const struct sw_column columns[] = {{"at_ms", SW_CELL_TEXT},
                                               {"step", SW_CELL_TEXT},
                                               {"node", SW_CELL_TEXT},
                                               {"answer", SW_CELL_TEXT},
                                               {"well_after_ms", SW_CELL_TEXT}};
    struct chaos *chaos = calloc(1, sizeof *chaos);
    enum sw_err err;
    int code;

    SW_ASSERT(chaos != NULL);
    chaos->cli = cli;
    err = read_flags(cli, &chaos->plan);
    if (err == SW_ERR_OK) {
        err = sw_cli_open(cli);
    }
    if (err != SW_ERR_OK) {
        free(chaos);
        return sw_err_info(err)->exit_code;
    }
    chaos->prng = sw_prng_of(chaos->plan.seed);
    chaos->began_ms = swarm_now_ms();
    sw_output_init(&chaos->out, "steps", columns, sizeof columns / sizeof columns[0]);
    code = wait_well(chaos, 0, chaos->began_ms);
    code = code == 0 ? start(chaos) : code;
    if (code == 0) {
        code = finish(chaos, do_steps(chaos));
    }
    sw_output_release(&chaos->out);
    free(chaos);
    return code;
}
