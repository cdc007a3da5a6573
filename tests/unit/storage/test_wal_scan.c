/* Walking a segment and looking behind its end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "storage/wal_scan.h"
#include "tests/unit/storage/wal_world.h"

struct opened {
    struct sw_file *file;
    struct sw_wal_reader reader;
    struct sw_wal_segment_header header;
};

static struct opened segment_open(struct world *world)
{
    struct sw_disk *disk = world->config.disk;
    struct opened opened = {.file = NULL};

    assert_int_equal(disk->ops->open(disk, "wal-0000000000000001", false, &opened.file), SW_ERR_OK);
    assert_int_equal(sw_wal_segment_read(disk, 1, &opened.header), SW_ERR_OK);
    assert_int_equal(sw_wal_reader_open(&opened.reader, disk, opened.file), SW_ERR_OK);
    return opened;
}

static void segment_close(struct world *world, struct opened *opened)
{
    sw_wal_reader_release(&opened->reader);
    world->config.disk->ops->close(world->config.disk, opened->file);
}

/* Three batches of one, two and one record; 512-byte blocks from offset 512 on. */
static struct world three_batches(void)
{
    struct world world = world_new();

    world_must_open(&world);
    set_hard(&world, group_1, 1, 0);
    append(&world, group_1, 1, 1, 1, "a");
    append(&world, group_1, 2, 2, 1, "b");
    append(&world, group_1, 4, 1, 1, "c");
    sw_wal_engine_close(world.engine);
    world.engine = NULL;
    return world;
}

static enum sw_err visit(void *arg,
                         const struct sw_wal_segment_header *segment,
                         uint64_t offset,
                         const struct sw_wal_record *record,
                         struct sw_span body)
{
    uint64_t *offsets = arg;

    assert_int_equal(segment->sequence, 1);
    assert_int_equal(record->index, record->lsn);
    assert_int_equal(body.size, 1);
    offsets[record->lsn] = offset;
    return record->lsn == 99 ? SW_ERR_IO : SW_ERR_OK;
}

static void test_walk_finds_all_and_stops_where_told(void **state)
{
    struct world world = three_batches();
    struct opened opened = segment_open(&world);
    uint64_t offsets[8] = {0};
    struct sw_wal_end end;
    struct sw_wal_behind behind;

    (void)state;
    assert_int_equal(sw_wal_walk(&opened.reader, &opened.header, UINT64_MAX, visit, offsets, &end),
                     SW_ERR_OK);
    assert_int_equal(offsets[1], 512);
    assert_int_equal(offsets[2], 1024);
    assert_int_equal(offsets[3], 1024 + 72);
    assert_int_equal(offsets[4], 1536);
    assert_int_equal(end.lsn, 5);
    assert_int_equal(end.offset, 1536 + 72);
    assert_int_equal(end.batch_offset, 1536);
    assert_int_equal(end.durable_lsn, 3);
    assert_int_equal(sw_wal_look_behind(&opened.reader, &opened.header, &end, &behind), SW_ERR_OK);
    assert_int_equal(behind.durable_lsn, 4); /* the mark */
    assert_int_equal(behind.leftover_offset, 0);
    assert_int_equal(sw_wal_walk(&opened.reader, &opened.header, 3, NULL, NULL, &end), SW_ERR_OK);
    assert_int_equal(end.lsn, 3);
    segment_close(&world, &opened);
    world_release(&world);
}

static void test_walk_ends_at_damage_and_evidence_lies_behind(void **state)
{
    struct world world = three_batches();
    struct opened opened;
    struct sw_wal_end end;
    struct sw_wal_behind behind;

    (void)state;
    (void)sw_disk_mem_flip(world.disk, "wal-0000000000000001", 1024 + 64, 0);
    opened = segment_open(&world);
    assert_int_equal(sw_wal_walk(&opened.reader, &opened.header, UINT64_MAX, NULL, NULL, &end),
                     SW_ERR_OK);
    assert_int_equal(end.lsn, 2);
    assert_int_equal(sw_wal_look_behind(&opened.reader, &opened.header, &end, &behind), SW_ERR_OK);
    assert_int_equal(behind.durable_lsn, 4);
    assert_int_equal(behind.leftover_offset, 1536 + 64);
    segment_close(&world, &opened);
    world_release(&world);
}

/* The next batch begins with a good record, but not with the one that is missing. */
static void test_a_missing_record_is_not_skipped(void **state)
{
    struct world world = three_batches();
    struct opened opened;
    struct sw_wal_end end;

    (void)state;
    (void)sw_disk_mem_flip(world.disk, "wal-0000000000000001", 1024 + 72 + 64, 0);
    opened = segment_open(&world);
    assert_int_equal(sw_wal_walk(&opened.reader, &opened.header, UINT64_MAX, NULL, NULL, &end),
                     SW_ERR_OK);
    assert_int_equal(end.lsn, 3);
    assert_int_equal(end.offset, 1024 + 72);
    segment_close(&world, &opened);
    world_release(&world);
}

static void test_reader_stays_inside_the_file(void **state)
{
    struct world world = three_batches();
    struct opened opened = segment_open(&world);
    struct sw_span bytes;

    (void)state;
    assert_int_equal(sw_wal_reader_view(&opened.reader, 16000, 384, &bytes), SW_ERR_OK);
    assert_int_equal(bytes.size, 384);
    assert_int_equal(sw_wal_reader_view(&opened.reader, 16001, 384, &bytes), SW_ERR_CORRUPT);
    assert_int_equal(sw_wal_reader_view(&opened.reader, UINT64_MAX, 2, &bytes), SW_ERR_CORRUPT);
    assert_int_equal(sw_wal_reader_view(&opened.reader, 0, 8, &bytes), SW_ERR_OK);
    assert_memory_equal(bytes.data, "swarmwal", 8);
    segment_close(&world, &opened);
    world_release(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_walk_finds_all_and_stops_where_told),
        cmocka_unit_test(test_walk_ends_at_damage_and_evidence_lies_behind),
        cmocka_unit_test(test_a_missing_record_is_not_skipped),
        cmocka_unit_test(test_reader_stays_inside_the_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
