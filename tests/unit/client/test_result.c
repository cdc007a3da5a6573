/* Proves that a result holds copies of everything and that errors always have a text. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
/* clang-format on */

#include "client/result.h"

static void result_outlives_the_reply(void **state)
{
    struct sw_buf records = {0};
    struct swarm_result *result;

    (void)state;
    for (uint64_t i = 0; i < 3; i++) {
        sw_record_encode(&(struct sw_record){.key = sw_span_str("key"),
                                             .value = sw_span_str("value"),
                                             .mod_revision = 10 + i,
                                             .version = i,
                                             .time_ms = 5},
                         &records);
    }
    result = sw_result_new(&(struct sw_reply){.node = {2},
                                              .leader = {3},
                                              .term = 4,
                                              .revision = 5,
                                              .more = true,
                                              .record_count = 3,
                                              .records = sw_buf_span(&records),
                                              .detail = sw_span_str("detail")},
                           SWARM_SCAN);
    memset(records.data, 'x', records.size);
    sw_buf_release(&records);
    assert_int_equal(result->status, SWARM_OK);
    assert_int_equal(result->node, 2);
    assert_int_equal(result->leader, 3);
    assert_int_equal(result->revision, 5);
    assert_true(result->more);
    assert_int_equal(result->record_count, 3);
    assert_int_equal(result->records[2].mod_revision, 12);
    assert_int_equal(result->records[2].value.size, 5);
    assert_int_equal(memcmp(result->records[2].value.data, "value", 5), 0);
    assert_string_equal(result->detail, "detail");
    swarm_result_free(result);
    swarm_result_free(NULL);
}

static void error_without_detail_gets_the_text_of_the_table(void **state)
{
    struct swarm_result *result =
        sw_result_new(&(struct sw_reply){.err = SW_ERR_NO_LEADER}, SWARM_WATCH);

    (void)state;
    assert_string_equal(result->detail, swarm_strerror(SWARM_NO_LEADER));
    swarm_result_free(result);
    result = sw_result_new(&(struct sw_reply){.err = SW_ERR_OK}, SWARM_PUT);
    assert_string_equal(result->detail, "");
    swarm_result_free(result);
}

/* How deep they are travels where other answers have a text. */
static void records_of_a_watch_have_depths(void **state)
{
    static const uint8_t depths[] = {3, 0, 9};
    struct sw_reply reply = {.record_count = 3};
    struct sw_buf records = {0};
    struct swarm_result *result;

    (void)state;
    for (int i = 0; i < 3; i++) {
        sw_record_encode(&(struct sw_record){.key = sw_span_str("key")}, &records);
    }
    reply.records = sw_buf_span(&records);
    for (size_t size = 0; size <= 3; size++) {
        reply.detail = sw_span_of(depths, size);
        result = sw_result_new(&reply, SWARM_WATCH);
        assert_string_equal(result->detail, "");
        for (size_t i = 0; i < 3; i++) {
            assert_int_equal(result->records[i].depth, size == 3 ? depths[i] : 0);
        }
        swarm_result_free(result);
    }
    sw_buf_release(&records);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(result_outlives_the_reply),
        cmocka_unit_test(records_of_a_watch_have_depths),
        cmocka_unit_test(error_without_detail_gets_the_text_of_the_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
