/* swarm-bench: put, get, mixed and failover loads, as a table or JSON. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "tools/cli.h"
#include "tools/load.h"

const char sw_cli_program[] = "swarm-bench";

static const struct sw_cli_flag load_flags[] = {
    {"clients", "N", "separate clients, each with its own connections and session (default 1)"},
    {"in-flight", "K", "requests that each client keeps under way, or watches (default 1)"},
    {"rate",
     "N",
     "open loop: so many requests a second, whatever becomes of them (default: closed)"},
    {"threads", "N", "threads that the clients share (default 1)"},
    {"keys", "N", "size of the key space (default 10000)"},
    {"value-size", "BYTES", "size of a value (default 256)"},
    {"warmup", "TIME", "load before measuring (default 1s)"},
    {"duration", "TIME", "time to measure (default 10s)"},
    {"puts", "PERCENT", "share of puts in a mixed load (default 50)"},
    {"seed", "N", "of the choice of keys (default 1)"},
    {"json", NULL, "the same as --output json"},
    {NULL, NULL, NULL}};

static int run_put(struct sw_cli *cli);
static int run_get(struct sw_cli *cli);
static int run_mixed(struct sw_cli *cli);
static int run_failover(struct sw_cli *cli);
static int run_txn(struct sw_cli *cli);
static int run_keep_alive(struct sw_cli *cli);
static int run_scan(struct sw_cli *cli);
static int run_watch(struct sw_cli *cli);
static int run_mailbox(struct sw_cli *cli);

const struct sw_command sw_commands[] = {
    {"put", NULL, "", "durable writes of random keys", 0, 0, run_put, load_flags, SW_FORMAT_TABLE},
    {"get",
     NULL,
     "",
     "linearizable reads of keys that exist",
     0,
     0,
     run_get,
     load_flags,
     SW_FORMAT_TABLE},
    {"mixed", NULL, "", "both", 0, 0, run_mixed, load_flags, SW_FORMAT_TABLE},
    {"txn",
     NULL,
     "",
     "two compares that hold and two puts, all or nothing",
     0,
     0,
     run_txn,
     load_flags,
     SW_FORMAT_TABLE},
    {"keep-alive",
     NULL,
     "",
     "each request under way keeps a lease of its own alive",
     0,
     0,
     run_keep_alive,
     load_flags,
     SW_FORMAT_TABLE},
    {"scan",
     NULL,
     "",
     "all keys with their values, one operation a scan",
     0,
     0,
     run_scan,
     load_flags,
     SW_FORMAT_TABLE},
    {"watch",
     NULL,
     "",
     "one client writes, all watch: an operation is one delivery",
     0,
     0,
     run_watch,
     load_flags,
     SW_FORMAT_TABLE},
    {"mailbox",
     NULL,
     "",
     "the same, but each watch is of one key: as many keys are written in turn",
     0,
     0,
     run_mailbox,
     load_flags,
     SW_FORMAT_TABLE},
    {"failover",
     NULL,
     "",
     "one client writes; tells the longest time without an answer",
     0,
     0,
     run_failover,
     load_flags,
     SW_FORMAT_TABLE},
    {"version", NULL, "", "print the version", 0, 0, sw_cmd_version, NULL, SW_FORMAT_PLAIN},
    {"help", NULL, "", "list the loads", 0, 0, sw_cmd_help, NULL, SW_FORMAT_PLAIN},
    {NULL, NULL, NULL, NULL, 0, 0, NULL, NULL, SW_FORMAT_TABLE},
};

int sw_cmd_help(struct sw_cli *cli)
{
    (void)cli;
    (void)printf("usage: swarm-bench LOAD [--flag value...]\n\n");
    for (const struct sw_command *command = sw_commands; command->noun != NULL; command++) {
        (void)printf("  %-10s %s\n", command->noun, command->help);
    }
    (void)printf("\nflags of every load:\n");
    sw_cli_print_flags(stdout, load_flags);
    sw_cli_print_flags(stdout, sw_global_flags);
    return 0;
}

static bool read_count(const struct sw_cli *cli,
                       const char *name,
                       uint64_t standard,
                       uint64_t max,
                       uint32_t *ret_value)
{
    uint64_t value = 0;

    if (!sw_cli_number(cli, name, standard, &value)) {
        return false;
    }
    if (value > max) {
        (void)sw_cli_fail_format(
            SW_ERR_INVALID, "--%s is at most %llu", name, (unsigned long long)max);
        return false;
    }
    *ret_value = (uint32_t)value;
    return true;
}

static bool read_config(const struct sw_cli *cli, struct sw_load_config *ret_config)
{
    uint32_t seed = 0;

    if (!read_count(cli, "clients", 1, SW_CLIENT_COUNT_MAX, &ret_config->clients) ||
        !read_count(cli, "in-flight", 1, 4000, &ret_config->in_flight) ||
        !read_count(cli, "rate", 0, 1000000, &ret_config->rate) ||
        !read_count(cli, "threads", 1, 64, &ret_config->threads) ||
        !read_count(cli, "keys", 10000, 1U << 30, &ret_config->keys) ||
        !read_count(cli, "value-size", 256, SW_VALUE_SIZE_MAX, &ret_config->value_size) ||
        !read_count(cli, "puts", 50, 100, &ret_config->put_percent) ||
        !read_count(cli, "seed", 1, UINT32_MAX, &seed) ||
        !sw_cli_time(cli, "warmup", 1000, &ret_config->warmup_ms) ||
        !sw_cli_time(cli, "duration", 10000, &ret_config->duration_ms)) {
        return false;
    }
    ret_config->seed = seed;
    if (ret_config->clients == 0 || ret_config->in_flight == 0 || ret_config->threads == 0 ||
        ret_config->keys == 0) {
        (void)sw_cli_fail(SW_ERR_INVALID, "counts start at 1");
        return false;
    }
    if (ret_config->threads > ret_config->clients) {
        ret_config->threads = ret_config->clients;
    }
    return sw_cli_options(cli, &ret_config->options) == SW_ERR_OK;
}

/* --- printing --------------------------------------------------------------------------------- */

static void add_number(struct sw_output *out, const char *name, double value)
{
    char text[40];

    (void)snprintf(text, sizeof text, value == (double)(uint64_t)value ? "%.0f" : "%.1f", value);
    sw_output_row(out);
    sw_output_text(out, 0, name);
    sw_output_text(out, 1, text);
}

static void add_latency(struct sw_output *out, const struct sw_histogram *latency)
{
    static const struct {
        const char *name;
        uint32_t quantile;
    } rows[] = {
        {"p50_us", 5000}, {"p90_us", 9000}, {"p95_us", 9500}, {"p99_us", 9900}, {"p999_us", 9990}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        add_number(
            out, rows[i].name, (double)sw_histogram_quantile(latency, rows[i].quantile) / 1e3);
    }
    add_number(out, "max_us", (double)latency->max / 1e3);
}

/* {"workload":"put","ops":...,"errors_by_code":{"BUSY":3}}: one flat object for scripts. */
static void
print_json(const struct sw_output *out, const char *workload, const struct sw_load_result *result)
{
    const char *comma = "";

    (void)printf("{\"workload\":\"%s\"", workload);
    for (size_t i = 0; i < out->row_count; i++) {
        (void)printf(",\"%s\":%s", sw_output_at(out, i, 0)->text, sw_output_at(out, i, 1)->text);
    }
    (void)printf(",\"errors_by_code\":{");
    for (size_t i = 0; i < SW_LOAD_ERRORS_MAX && result->by_status[i].count > 0; i++) {
        (void)printf("%s\"%s\":%llu",
                     comma,
                     swarm_status_name(result->by_status[i].status),
                     (unsigned long long)result->by_status[i].count);
        comma = ",";
    }
    (void)printf("}}\n");
}

static void print_result(const struct sw_cli *cli,
                         const char *workload,
                         const struct sw_load_config *config,
                         const struct sw_load_result *result)
{
    static const struct sw_column columns[] = {{"figure", SW_CELL_TEXT}, {"value", SW_CELL_SMALL}};
    const double seconds = (double)config->duration_ms / 1e3;
    struct sw_output out;

    sw_output_init(&out, "figures", columns, 2);
    add_number(&out, "clients", config->clients);
    add_number(&out, "in_flight", config->in_flight);
    add_number(&out, "rate", config->rate);
    add_number(&out, "keys", config->keys);
    add_number(&out, "value_size", config->value_size);
    add_number(&out, "seconds", seconds);
    add_number(&out, "ops", (double)result->ops);
    add_number(&out, "errors", (double)result->errors);
    add_number(&out, "ops_per_second", (double)result->ops / seconds);
    add_latency(&out, &result->latency);
    add_number(&out, "longest_gap_ms", (double)result->longest_gap_ns / 1e6);
    if (cli->format == SW_FORMAT_JSON || sw_cli_has(cli, "json")) {
        print_json(&out, workload, result);
    } else {
        for (size_t i = 0; i < SW_LOAD_ERRORS_MAX && result->by_status[i].count > 0; i++) {
            add_number(&out,
                       swarm_status_name(result->by_status[i].status),
                       (double)result->by_status[i].count);
        }
        (void)sw_output_print(&out, cli->format, stdout);
    }
    sw_output_release(&out);
}

/* --- loads ------------------------------------------------------------------------------------ */

/* Figures of a load that was mostly refused are no figures: scripts must notice. A failover in
 * the middle may cost some requests and is no failure of the run. */
static int judge(const struct sw_load_result *result)
{
    const struct sw_load_error *most = &result->by_status[0];

    if (result->errors <= result->ops) {
        return 0;
    }
    for (size_t i = 1; i < SW_LOAD_ERRORS_MAX; i++) {
        if (result->by_status[i].count > most->count) {
            most = &result->by_status[i];
        }
    }
    return sw_cli_fail_format((enum sw_err)most->status,
                              "%" PRIu64 " of %" PRIu64 " requests failed, most of them so",
                              result->errors,
                              result->errors + result->ops);
}

static int run(const struct sw_cli *cli, const char *workload, struct sw_load_config *config)
{
    struct sw_load_result *result = calloc(1, sizeof *result);
    char why[SW_WHY_SIZE] = "";
    enum sw_err err;
    int code = 0;

    SW_ASSERT(result != NULL);
    err = sw_load_run(config, result, why);
    if (err != SW_ERR_OK) {
        code = sw_cli_fail(err, why);
    } else {
        print_result(cli, workload, config, result);
        code = judge(result);
    }
    free(result);
    return code;
}

static int run_share(const struct sw_cli *cli, const char *workload, uint32_t put_percent)
{
    struct sw_load_config config = {0};

    if (!read_config(cli, &config)) {
        return sw_err_info(SW_ERR_INVALID)->exit_code;
    }
    if (put_percent <= 100) {
        config.put_percent = put_percent;
    }
    return run(cli, workload, &config);
}

static int run_put(struct sw_cli *cli)
{
    return run_share(cli, "put", 100);
}

static int run_get(struct sw_cli *cli)
{
    return run_share(cli, "get", 0);
}

static int run_mixed(struct sw_cli *cli)
{
    return run_share(cli, "mixed", UINT32_MAX);
}

static int run_kind(const struct sw_cli *cli, const char *workload, enum sw_load_kind kind)
{
    const bool watches = kind == SW_LOAD_WATCH || kind == SW_LOAD_MAILBOX;
    struct sw_load_config config = {.kind = kind};

    if (!read_config(cli, &config)) {
        return sw_err_info(SW_ERR_INVALID)->exit_code;
    }
    config.put_percent = 100;
    if (config.rate > 0 && !watches) {
        return sw_cli_fail(SW_ERR_INVALID, "--rate is for put, get, mixed and watching loads");
    }
    if (watches && config.value_size < sizeof(uint64_t)) {
        return sw_cli_fail(SW_ERR_INVALID, "values that are watched have 8 bytes and more");
    }
    return run(cli, workload, &config);
}

static int run_txn(struct sw_cli *cli)
{
    return run_kind(cli, "txn", SW_LOAD_TXN);
}

static int run_keep_alive(struct sw_cli *cli)
{
    return run_kind(cli, "keep-alive", SW_LOAD_KEEP_ALIVE);
}

static int run_scan(struct sw_cli *cli)
{
    return run_kind(cli, "scan", SW_LOAD_SCAN);
}

static int run_watch(struct sw_cli *cli)
{
    return run_kind(cli, "watch", SW_LOAD_WATCH);
}

static int run_mailbox(struct sw_cli *cli)
{
    return run_kind(cli, "mailbox", SW_LOAD_MAILBOX);
}

/* Writes go on through the loss of a leader: nothing may fail at once, and deadlines are far. */
static int run_failover(struct sw_cli *cli)
{
    struct sw_load_config config = {0};

    if (!read_config(cli, &config)) {
        return sw_err_info(SW_ERR_INVALID)->exit_code;
    }
    config.clients = 1;
    config.threads = 1;
    config.put_percent = 100;
    config.options.flags = 0;
    config.options.timeout_ms = 60000;
    return run(cli, "failover", &config);
}

/* `--workload put` is the same as `put`. */
int main(int argc, char **argv)
{
    for (int i = 1; i + 1 < argc; i++) {
        if (strcmp(argv[i], "--workload") == 0) {
            char *workload = argv[i + 1];

            memmove(argv + 2, argv + 1, (size_t)(i - 1) * sizeof *argv);
            memmove(argv + i + 1, argv + i + 2, (size_t)(argc - i - 2) * sizeof *argv);
            argv[1] = workload;
            argc--;
            break;
        }
    }
    return sw_cli_main(argc, argv);
}
