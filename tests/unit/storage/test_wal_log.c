/* Which entries are live and which segments they need. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "storage/wal_engine_private.h"

static void put(struct sw__wal_log *log, uint64_t from, uint64_t to, uint64_t segment)
{
    const struct sw__wal_place place = {.segment = segment, .size = (uint32_t)from};

    for (uint64_t index = from; index <= to; index++) {
        sw__wal_log_put(log, index, &place);
    }
}

static void test_first_segment_follows_the_first_entry(void **state)
{
    struct sw__wal_log log;

    (void)state;
    sw__wal_log_init(&log, 1, false);
    assert_int_equal(sw__wal_log_first_segment(&log), UINT64_MAX);
    put(&log, 1, 5, 3);
    put(&log, 6, 9, 4);
    put(&log, 10, 12, 7);
    assert_int_equal(sw__wal_log_first_segment(&log), 3);
    sw__wal_log_drop_below(&log, 5);
    assert_int_equal(sw__wal_log_first_segment(&log), 3);
    sw__wal_log_drop_below(&log, 6);
    assert_int_equal(sw__wal_log_first_segment(&log), 4);
    sw__wal_log_drop_below(&log, 12);
    assert_int_equal(sw__wal_log_first_segment(&log), 7);
    sw__wal_log_drop_below(&log, 20);
    assert_int_equal(sw__wal_log_first_segment(&log), UINT64_MAX);
    assert_int_equal(log.next, 20);
    sw__wal_log_release(&log);
}

static void test_put_replaces_what_lies_behind(void **state)
{
    struct sw__wal_log log;

    (void)state;
    sw__wal_log_init(&log, 1, true);
    put(&log, 1, 5, 1);
    put(&log, 6, 9, 2);
    put(&log, 3, 3, 3);
    assert_int_equal(log.next, 4);
    assert_int_equal(log.run_count, 2);
    assert_int_equal(log.places[2].segment, 3);
    sw__wal_log_truncate(&log, 1);
    assert_int_equal(log.next, 1);
    assert_int_equal(sw__wal_log_first_segment(&log), UINT64_MAX);
    sw__wal_log_release(&log);
}

/* The first entries were recycled because later records replace them; their tail was not. */
static void test_a_gap_starts_anew(void **state)
{
    struct sw__wal_log log;

    (void)state;
    sw__wal_log_init(&log, 15, true);
    put(&log, 20, 22, 2);
    assert_int_equal(log.start, 20);
    put(&log, 15, 25, 3);
    assert_int_equal(log.start, 15);
    assert_int_equal(log.next, 26);
    sw__wal_log_release(&log);
}

static void test_replay_obeys_first_index_and_reset(void **state)
{
    const struct sw_wal_segment_header segment = {.sequence = 1};
    const struct sw_wal_state_group row = {.group = {1}, .first_index = 5, .reset_lsn = 10};
    struct sw_wal_record record = {
        .kind = SW_WAL_KIND_ENTRY, .group = {1}, .lsn = 9, .index = 5, .term = 1};
    struct sw__wal_log log;

    (void)state;
    sw__wal_log_init(&log, 5, true);
    sw__wal_log_replay(&log, &row, &segment, 0, &record); /* before the reset */
    assert_int_equal(log.next, 5);
    record.lsn = 10;
    sw__wal_log_replay(&log, &row, &segment, 0, &record);
    assert_int_equal(log.next, 6);
    record.index = 3; /* dropped itself, but it replaced entry 5 */
    sw__wal_log_replay(&log, &row, &segment, 0, &record);
    assert_int_equal(log.start, 5);
    assert_int_equal(log.next, 5);
    sw__wal_log_release(&log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_segment_follows_the_first_entry),
        cmocka_unit_test(test_put_replaces_what_lies_behind),
        cmocka_unit_test(test_a_gap_starts_anew),
        cmocka_unit_test(test_replay_obeys_first_index_and_reset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
