/* What /metrics says: valid text, right units, no double names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "node/metrics.h"

static const char *print(const struct sw_metrics *metrics, struct sw_buf *out)
{
    sw_metrics_print(metrics, "1.2.3", 7, out);
    sw_write_u8(out, 0);
    return (const char *)out->data;
}

static void names_are_unique_and_follow_the_rules(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < SW_METRIC_COUNT; i++) {
        const struct sw_metric_info *info = sw_metric_info((enum sw_metric)i);
        const char *total = strstr(info->name, "_total");

        assert_memory_equal(info->name, "swarm_", 6);
        assert_true(strlen(info->help) > 0);
        assert_int_equal(info->type == SW_METRIC_COUNTER,
                         total != NULL && strcmp(total, "_total") == 0);
        for (uint32_t j = 0; j < i; j++) {
            assert_string_not_equal(info->name, sw_metric_info((enum sw_metric)j)->name);
        }
    }
}

static void seconds_are_printed_from_nanoseconds(void **state)
{
    struct sw_metrics metrics = {0};
    struct sw_buf out = {0};
    const char *text;

    (void)state;
    metrics.values[SW_METRIC_WAL_SYNC_SECONDS] = 1500000001;
    metrics.values[SW_METRIC_COMMITTED] = 42;
    text = print(&metrics, &out);
    assert_non_null(strstr(text, "\nswarm_wal_fsync_seconds_total 1.500000001\n"));
    assert_non_null(strstr(text, "\nswarm_raft_proposals_committed 42\n"));
    assert_non_null(strstr(text, "# TYPE swarm_raft_proposals_committed gauge\n"));
    assert_non_null(strstr(text, "swarm_build_info{version=\"1.2.3\",node=\"7\"} 1\n"));
    sw_buf_release(&out);
}

static void requests_are_counted_by_operation_and_code(void **state)
{
    struct sw_metrics metrics = {0};
    struct sw_buf out = {0};
    const char *text;

    (void)state;
    sw_metrics_request(&metrics, SW_OP_PUT, SW_ERR_OK, 60000);
    sw_metrics_request(&metrics, SW_OP_PUT, SW_ERR_OK, 100000);
    sw_metrics_request(&metrics, SW_OP_PUT, SW_ERR_NOT_LEADER, 1);
    sw_metrics_request(&metrics, (enum sw_op)200, SW_ERR_UNSUPPORTED, 20000000000);
    text = print(&metrics, &out);
    assert_non_null(strstr(text, "swarm_requests_total{op=\"put\",code=\"OK\"} 2\n"));
    assert_non_null(strstr(text, "swarm_requests_total{op=\"put\",code=\"NOT_LEADER\"} 1\n"));
    assert_non_null(strstr(text, "swarm_requests_total{op=\"unknown\",code=\"UNSUPPORTED\"} 1\n"));
    sw_buf_release(&out);
}

static void buckets_are_cumulative_and_include_their_bound(void **state)
{
    struct sw_metrics metrics = {0};
    struct sw_buf out = {0};
    const char *text;

    (void)state;
    sw_metrics_request(&metrics, SW_OP_GET, SW_ERR_OK, 50000);
    sw_metrics_request(&metrics, SW_OP_GET, SW_ERR_OK, 50001);
    sw_metrics_request(&metrics, SW_OP_GET, SW_ERR_OK, 99000000000);
    text = print(&metrics, &out);
    assert_non_null(strstr(text, "_bucket{op=\"get\",le=\"0.000050\"} 1\n"));
    assert_non_null(strstr(text, "_bucket{op=\"get\",le=\"0.000100\"} 2\n"));
    assert_non_null(strstr(text, "_bucket{op=\"get\",le=\"10.000000\"} 2\n"));
    assert_non_null(strstr(text, "_bucket{op=\"get\",le=\"+Inf\"} 3\n"));
    assert_non_null(strstr(text, "_sum{op=\"get\"} 99.000100001\n"));
    assert_non_null(strstr(text, "_count{op=\"get\"} 3\n"));
    assert_null(strstr(text, "_bucket{op=\"put\"")); /* nothing seen, nothing said */
    sw_buf_release(&out);
}

static void every_error_has_a_column(void **state)
{
    struct sw_metrics metrics = {0};
    uint32_t count = 0;
    const struct sw_err_info *all = sw_err_all(&count);

    (void)state;
    assert_true(count <= SW_METRIC_CODE_COUNT);
    for (uint32_t i = 0; i < count; i++) {
        sw_metrics_request(&metrics, SW_OP_SCAN, all[i].err, 1);
        assert_int_equal(metrics.requests[SW_OP_SCAN][i], 1);
    }
    assert_string_equal(sw_op_name(SW_OP_EXPERIENCE_APPEND), "experience_append");
    assert_string_equal(sw_op_name((enum sw_op)77), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_unique_and_follow_the_rules),
        cmocka_unit_test(seconds_are_printed_from_nanoseconds),
        cmocka_unit_test(requests_are_counted_by_operation_and_code),
        cmocka_unit_test(buckets_are_cumulative_and_include_their_bound),
        cmocka_unit_test(every_error_has_a_column),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
