/* The WAL's bytes: what is encoded decodes, what was changed or moved does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "storage/wal_format.h"

static const struct sw_wal_record record_1 = {.body_size = 5,
                                              .lsn = 10,
                                              .durable_lsn = 7,
                                              .index = 3,
                                              .term = 2,
                                              .group = {4},
                                              .kind = SW_WAL_KIND_ENTRY,
                                              .type = 1,
                                              .body_sum = 99};

static void test_record_round_trip(void **state)
{
    uint8_t bytes[SW_WAL_RECORD_HEADER_SIZE];
    struct sw_wal_record out;

    (void)state;
    sw_wal_record_encode(&record_1, 1234, 4096, bytes);
    assert_int_equal(sw_wal_record_decode(sw_span_of(bytes, sizeof(bytes)), 1234, 4096, &out),
                     SW_ERR_OK);
    assert_int_equal(out.body_size, 5);
    assert_int_equal(out.lsn, 10);
    assert_int_equal(out.durable_lsn, 7);
    assert_int_equal(out.index, 3);
    assert_int_equal(out.term, 2);
    assert_int_equal(out.group.value, 4);
    assert_int_equal(out.kind, SW_WAL_KIND_ENTRY);
    assert_int_equal(out.type, 1);
    assert_int_equal(out.body_sum, 99);
}

static void test_record_is_bound_to_salt_and_offset(void **state)
{
    uint8_t bytes[SW_WAL_RECORD_HEADER_SIZE];
    struct sw_wal_record out;

    (void)state;
    sw_wal_record_encode(&record_1, 1234, 4096, bytes);
    assert_int_equal(sw_wal_record_decode(sw_span_of(bytes, sizeof(bytes)), 1234, 8192, &out),
                     SW_ERR_MALFORMED);
    assert_int_equal(sw_wal_record_decode(sw_span_of(bytes, sizeof(bytes)), 1235, 4096, &out),
                     SW_ERR_MALFORMED);
    assert_int_equal(sw_wal_record_decode(sw_span_of(bytes, 63), 1234, 4096, &out),
                     SW_ERR_MALFORMED);
}

static void test_every_bit_of_a_record_header_counts(void **state)
{
    uint8_t bytes[SW_WAL_RECORD_HEADER_SIZE];
    struct sw_wal_record out;

    (void)state;
    sw_wal_record_encode(&record_1, 1234, 4096, bytes);
    for (size_t bit = 0; bit < sizeof(bytes) * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(sw_wal_record_decode(sw_span_of(bytes, sizeof(bytes)), 1234, 4096, &out),
                         SW_ERR_MALFORMED);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void test_record_fields_are_checked_behind_a_good_sum(void **state)
{
    uint8_t bytes[SW_WAL_RECORD_HEADER_SIZE];
    struct sw_wal_record record;
    struct sw_wal_record out;

    (void)state;
    for (int i = 0; i < 4; i++) {
        record = record_1;
        record.kind = i == 0 ? 9 : (uint8_t)(i == 1 ? SW_WAL_KIND_TRUNCATE : SW_WAL_KIND_ENTRY);
        record.term = i == 2 ? 0 : 2;
        record.group.value = i == 3 ? 0 : 4;
        sw_wal_record_encode(&record, 1, 0, bytes);
        assert_int_equal(sw_wal_record_decode(sw_span_of(bytes, sizeof(bytes)), 1, 0, &out),
                         SW_ERR_MALFORMED);
    }
}

static void test_segment_header_round_trip_and_every_bit(void **state)
{
    const struct sw_wal_segment_header header = {.block_size = 4096,
                                                 .swarm = {{1, 2, 3}},
                                                 .node = {5},
                                                 .sequence = 6,
                                                 .first_lsn = 7,
                                                 .size = 65536,
                                                 .salt = 8,
                                                 .state_sequence = 9};
    uint8_t bytes[SW_WAL_SEGMENT_HEADER_SIZE];
    struct sw_wal_segment_header out = {0};

    (void)state;
    sw_wal_segment_header_encode(&header, bytes);
    assert_int_equal(sw_wal_segment_header_decode(sw_span_of(bytes, sizeof(bytes)), &out),
                     SW_ERR_OK);
    assert_int_equal(out.block_size, 4096);
    assert_memory_equal(out.swarm.bytes, header.swarm.bytes, 16);
    assert_int_equal(out.node.value, 5);
    assert_int_equal(out.sequence, 6);
    assert_int_equal(out.first_lsn, 7);
    assert_int_equal(out.size, 65536);
    assert_int_equal(out.salt, 8);
    assert_int_equal(out.state_sequence, 9);
    for (size_t bit = 0; bit < sizeof(bytes) * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(sw_wal_segment_header_decode(sw_span_of(bytes, sizeof(bytes)), &out),
                         SW_ERR_CORRUPT);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static struct sw_wal_state state_of_two(struct sw_wal_state_group rows[2])
{
    rows[0] = (struct sw_wal_state_group){
        .group = {1}, .hard = {.term = 3, .vote = {2}}, .first_index = 1};
    rows[1] = (struct sw_wal_state_group){.group = {9},
                                          .hard = {.term = 5},
                                          .has_snapshot = true,
                                          .snapshot_index = 20,
                                          .snapshot_term = 4,
                                          .first_index = 15,
                                          .reset_lsn = 77};
    sw_write_bytes(&rows[1].descriptor, sw_span_str("descriptor"));
    return (struct sw_wal_state){.swarm = {{1}},
                                 .node = {2},
                                 .sequence = 3,
                                 .durable_lsn = 4,
                                 .first_segment = 5,
                                 .last_segment = 6,
                                 .groups = rows,
                                 .group_count = 2};
}

static void test_state_round_trip_and_every_bit(void **state)
{
    struct sw_wal_state_group rows[2];
    const struct sw_wal_state in = state_of_two(rows);
    struct sw_wal_state out = {0};
    struct sw_buf bytes = {0};

    (void)state;
    sw_wal_state_encode(&in, &bytes);
    sw_write_u64(&bytes, 0xfeed); /* left over from a longer state */
    assert_int_equal(sw_wal_state_decode(sw_buf_span(&bytes), &out), SW_ERR_OK);
    assert_int_equal(out.sequence, 3);
    assert_int_equal(out.last_segment, 6);
    assert_int_equal(out.group_count, 2);
    assert_int_equal(out.groups[0].hard.vote.value, 2);
    assert_false(out.groups[0].has_snapshot);
    assert_int_equal(out.groups[1].reset_lsn, 77);
    assert_true(sw_span_equal(sw_buf_span(&out.groups[1].descriptor), sw_span_str("descriptor")));
    assert_ptr_equal(sw_wal_state_find(&out, (struct sw_group_id){9}), &out.groups[1]);
    assert_null(sw_wal_state_find(&out, (struct sw_group_id){8}));
    assert_null(sw_wal_state_find(&out, (struct sw_group_id){10}));
    sw_wal_state_release(&out);
    for (size_t bit = 0; bit < (bytes.size - 8) * 8; bit++) {
        bytes.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(sw_wal_state_decode(sw_buf_span(&bytes), &out), SW_ERR_CORRUPT);
        bytes.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_int_equal(sw_wal_state_decode(sw_span_of(bytes.data, bytes.size - 9), &out),
                     SW_ERR_CORRUPT);
    sw_buf_release(&rows[1].descriptor);
    sw_buf_release(&bytes);
}

static void test_state_rows_must_ascend(void **state)
{
    struct sw_wal_state_group rows[2];
    struct sw_wal_state in = state_of_two(rows);
    struct sw_wal_state out = {0};
    struct sw_buf bytes = {0};

    (void)state;
    rows[1].group.value = 1;
    sw_wal_state_encode(&in, &bytes);
    assert_int_equal(sw_wal_state_decode(sw_buf_span(&bytes), &out), SW_ERR_CORRUPT);
    sw_buf_release(&rows[1].descriptor);
    sw_buf_release(&bytes);
}

static void test_names(void **state)
{
    char name[SW_WAL_NAME_SIZE];
    uint64_t sequence = 0;

    (void)state;
    sw_wal_segment_name(0xabc, name);
    assert_string_equal(name, "wal-0000000000000abc");
    assert_true(sw_wal_name_parse(name, "wal-", &sequence));
    assert_int_equal(sequence, 0xabc);
    assert_false(sw_wal_name_parse("wal-0000000000000ABC", "wal-", &sequence));
    assert_false(sw_wal_name_parse("wal-0000000000000abc0", "wal-", &sequence));
    assert_false(sw_wal_name_parse("spare-00000000000000", "wal-", &sequence));
    sw_wal_spare_name(1, name);
    assert_true(sw_wal_name_parse(name, "spare-", &sequence));
    sw_wal_unfinished_name(1, name);
    assert_true(sw_wal_name_parse(name, "unfinished-", &sequence));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_record_round_trip),
        cmocka_unit_test(test_record_is_bound_to_salt_and_offset),
        cmocka_unit_test(test_every_bit_of_a_record_header_counts),
        cmocka_unit_test(test_record_fields_are_checked_behind_a_good_sum),
        cmocka_unit_test(test_segment_header_round_trip_and_every_bit),
        cmocka_unit_test(test_state_round_trip_and_every_bit),
        cmocka_unit_test(test_state_rows_must_ascend),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
