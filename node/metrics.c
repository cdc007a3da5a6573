/* The table of figures and its text form. */
#include "node/metrics.h"

#include <string.h>

#include "base/assert.h"
#include "base/log.h"

static const struct sw_metric_info infos[SW_METRIC_COUNT] = {
#define X(id, name_, type_, help_) \
    [SW_METRIC_##id] = {.name = (name_), .type = SW_METRIC_##type_, .help = (help_)},
    SW_METRIC_TABLE(X)
#undef X
};

/* 50 us to 10 s: below lies a memory read, above lies an outage. */
static const uint64_t bounds_ns[SW_METRIC_BUCKET_COUNT] = {50000,
                                                           100000,
                                                           250000,
                                                           500000,
                                                           1000000,
                                                           2500000,
                                                           5000000,
                                                           10000000,
                                                           25000000,
                                                           50000000,
                                                           100000000,
                                                           500000000,
                                                           2500000000,
                                                           10000000000};

static const char *const op_names[SW_OP_COUNT] = {[0] = "unknown",
                                                  [SW_OP_PUT] = "put",
                                                  [SW_OP_GET] = "get",
                                                  [SW_OP_DELETE] = "delete",
                                                  [SW_OP_CAS] = "cas",
                                                  [SW_OP_SCAN] = "scan",
                                                  [SW_OP_EXPERIENCE_APPEND] = "experience_append",
                                                  [SW_OP_EXPERIENCE_SCAN] = "experience_scan",
                                                  [SW_OP_SESSION_OPEN] = "session_open",
                                                  [SW_OP_SESSION_CLOSE] = "session_close",
                                                  [SW_OP_STATUS] = "status",
                                                  [SW_OP_TRANSFER] = "transfer",
                                                  [SW_OP_SNAPSHOT] = "snapshot",
                                                  [SW_OP_TXN] = "txn",
                                                  [SW_OP_MULTI_GET] = "multi_get",
                                                  [SW_OP_LEASE_GRANT] = "lease_grant",
                                                  [SW_OP_LEASE_KEEP_ALIVE] = "lease_keep_alive",
                                                  [SW_OP_LEASE_REVOKE] = "lease_revoke",
                                                  [SW_OP_LEASE_LIST] = "lease_list",
                                                  [SW_OP_WATCH] = "watch",
                                                  [SW_OP_TICK] = "tick",
                                                  [SW_OP_INDEX_CREATE] = "index_create",
                                                  [SW_OP_INDEX_DROP] = "index_drop",
                                                  [SW_OP_INDEX_LIST] = "index_list",
                                                  [SW_OP_INDEX_TUNE] = "index_tune",
                                                  [SW_OP_INDEX_LOWER] = "index_lower",
                                                  [SW_OP_INDEX_STATUS] = "index_status",
                                                  [SW_OP_INDEX_VERIFY] = "index_verify",
                                                  [SW_OP_VECTOR_PUT] = "vector_put",
                                                  [SW_OP_VECTOR_SEARCH] = "vector_search",
                                                  [SW_OP_COMPACT] = "compact",
                                                  [SW_OP_HISTORY] = "history",
                                                  [SW_OP_MEMBER_LIST] = "member_list",
                                                  [SW_OP_MEMBER_ADD] = "member_add",
                                                  [SW_OP_MEMBER_PROMOTE] = "member_promote",
                                                  [SW_OP_MEMBER_DEMOTE] = "member_demote",
                                                  [SW_OP_MEMBER_REMOVE] = "member_remove",
                                                  [SW_OP_RESTART] = "restart",
                                                  [SW_OP_SETTING_PUT] = "setting_put",
                                                  [SW_OP_SETTING_DELETE] = "setting_delete",
                                                  [SW_OP_AUDIT] = "audit",
                                                  [SW_OP_TOKEN_REDEEM] = "token_redeem",
                                                  [SW_OP_OUTCOME] = "outcome",
                                                  [SW_OP_SESSION_LIST] = "session_list",
                                                  [SW_OP_CONTEXT_CREATE] = "context_create",
                                                  [SW_OP_CONTEXT_APPEND] = "context_append",
                                                  [SW_OP_CONTEXT_WINDOW] = "context_window",
                                                  [SW_OP_CONTEXT_DELETE] = "context_delete",
                                                  [SW_OP_CONTEXT_PRUNE] = "context_prune",
                                                  [SW_OP_MEMORY_PUT] = "memory_put",
                                                  [SW_OP_MEMORY_USE] = "memory_use",
                                                  [SW_OP_MEMORY_FORGET] = "memory_forget",
                                                  [SW_OP_MEMORY_TEND] = "memory_tend",
                                                  [SW_OP_MEMORY_AGENTS] = "memory_agents",
                                                  [SW_OP_INDEX_PLACES] = "index_places",
                                                  [SW_OP_CONTEXT_TOUCH] = "context_touch",
                                                  [SW_OP_CONTEXT_POLICY] = "context_policy",
                                                  [SW_OP_CONTEXT_RESTORE] = "context_restore"};

/* Where a request is counted: numbers in between are no operations. */
static uint32_t row_of(enum sw_op op)
{
    return (unsigned)op < SW_OP_COUNT && op_names[op] != NULL ? (uint32_t)op : 0;
}

const char *sw_op_name(enum sw_op op)
{
    return op_names[row_of(op)];
}

const struct sw_metric_info *sw_metric_info(enum sw_metric metric)
{
    SW_ASSERT(metric < SW_METRIC_COUNT);
    return &infos[metric];
}

void sw_metrics_add(struct sw_histogram *histogram, uint64_t ns)
{
    uint32_t bucket = 0;

    while (bucket < SW_METRIC_BUCKET_COUNT && ns > bounds_ns[bucket]) {
        bucket++;
    }
    histogram->buckets[bucket]++;
    histogram->sum_ns += ns;
    histogram->count++;
}

void sw_metrics_request(struct sw_metrics *metrics, enum sw_op op, enum sw_err err, uint64_t ns)
{
    const uint32_t row = row_of(op);
    uint32_t count = 0;
    const struct sw_err_info *all = sw_err_all(&count);
    const uint64_t position = (uint64_t)(sw_err_info(err) - all);

    SW_ASSERT(position < SW_METRIC_CODE_COUNT);
    metrics->requests[row][position]++;
    sw_metrics_add(&metrics->latency[row], ns);
}

static const char *type_name(enum sw_metric_type type)
{
    static const char *const names[] = {"counter", "gauge", "histogram"};

    return names[type];
}

static void print_head(struct sw_buf *out, const char *name, const char *type, const char *help)
{
    sw_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* Nanoseconds as seconds, without floating point: nothing is rounded away. */
static void print_seconds(struct sw_buf *out, uint64_t ns)
{
    sw_buf_printf(out,
                  "%llu.%09llu\n",
                  (unsigned long long)(ns / 1000000000),
                  (unsigned long long)(ns % 1000000000));
}

static void print_values(const struct sw_metrics *metrics, struct sw_buf *out)
{
    for (uint32_t i = 0; i < SW_METRIC_COUNT; i++) {
        const struct sw_metric_info *info = &infos[i];

        print_head(out, info->name, type_name(info->type), info->help);
        sw_buf_printf(out, "%s ", info->name);
        if (strstr(info->name, "_seconds") != NULL) {
            print_seconds(out, metrics->values[i]);
        } else {
            sw_buf_printf(out, "%llu\n", (unsigned long long)metrics->values[i]);
        }
    }
}

static void print_requests(const struct sw_metrics *metrics, struct sw_buf *out)
{
    uint32_t count = 0;
    const struct sw_err_info *all = sw_err_all(&count);

    print_head(out, "swarm_requests_total", "counter", "requests answered, by operation and code");
    for (uint32_t op = 0; op < SW_OP_COUNT; op++) {
        for (uint32_t code = 0; code < count; code++) {
            if (metrics->requests[op][code] > 0) {
                sw_buf_printf(out,
                              "swarm_requests_total{op=\"%s\",code=\"%s\"} %llu\n",
                              op_names[op],
                              all[code].name,
                              (unsigned long long)metrics->requests[op][code]);
            }
        }
    }
}

const char *sw_admission_reason_name(enum sw_admission_reason reason)
{
    static const char *const names[] = {"stopping",
                                        "depth",
                                        "disk",
                                        "connection",
                                        "places",
                                        "class",
                                        "identity",
                                        "bytes",
                                        "age",
                                        "applier",
                                        "unkind"};

    SW_ASSERT(reason < SW_ADMISSION_REASON_COUNT);
    return names[reason];
}

static void print_refused(const struct sw_metrics *metrics, struct sw_buf *out)
{
    print_head(out,
               "swarm_admission_refused_total",
               "counter",
               "requests refused before anything was done, by reason");
    for (uint32_t i = 0; i < SW_ADMISSION_REASON_COUNT; i++) {
        if (metrics->refused[i] > 0) {
            sw_buf_printf(out,
                          "swarm_admission_refused_total{reason=\"%s\"} %llu\n",
                          sw_admission_reason_name((enum sw_admission_reason)i),
                          (unsigned long long)metrics->refused[i]);
        }
    }
}

static void
print_latency(const char *name, uint32_t op, const struct sw_histogram *h, struct sw_buf *out)
{
    uint64_t below = 0;

    for (uint32_t i = 0; i < SW_METRIC_BUCKET_COUNT; i++) {
        below += h->buckets[i];
        sw_buf_printf(out,
                      "%s_bucket{op=\"%s\",le=\"%llu.%06llu\"} %llu\n",
                      name,
                      op_names[op],
                      (unsigned long long)(bounds_ns[i] / 1000000000),
                      (unsigned long long)(bounds_ns[i] % 1000000000 / 1000),
                      (unsigned long long)below);
    }
    sw_buf_printf(out,
                  "%s_bucket{op=\"%s\",le=\"+Inf\"} %llu\n%s_sum{op=\"%s\"} ",
                  name,
                  op_names[op],
                  (unsigned long long)h->count,
                  name,
                  op_names[op]);
    print_seconds(out, h->sum_ns);
    sw_buf_printf(
        out, "%s_count{op=\"%s\"} %llu\n", name, op_names[op], (unsigned long long)h->count);
}

void sw_metrics_print(const struct sw_metrics *metrics,
                      const char *version,
                      uint64_t node,
                      struct sw_buf *out)
{
    static const char latency[] = "swarm_request_duration_seconds";

    print_head(out, "swarm_build_info", "gauge", "1; version and node are its labels");
    sw_buf_printf(out,
                  "swarm_build_info{version=\"%s\",node=\"%llu\"} 1\n",
                  version,
                  (unsigned long long)node);
    print_values(metrics, out);
    print_requests(metrics, out);
    print_refused(metrics, out);
    print_head(out, latency, "histogram", "time from receipt to answer, by operation");
    for (uint32_t op = 0; op < SW_OP_COUNT; op++) {
        if (metrics->latency[op].count > 0) {
            print_latency(latency, op, &metrics->latency[op], out);
        }
    }
}
