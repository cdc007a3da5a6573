/* The disk in memory: what a power cut takes and leaves, failures, flips. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "storage/disk_mem.h"

static struct sw_file *file_open(struct sw_disk_mem *mem, const char *name)
{
    struct sw_disk *disk = sw_disk_mem_port(mem);
    struct sw_file *file = NULL;

    assert_int_equal(disk->ops->open(disk, name, true, &file), SW_ERR_OK);
    return file;
}

static void
file_fill(struct sw_disk_mem *mem, struct sw_file *file, uint64_t offset, uint8_t byte, size_t size)
{
    struct sw_disk *disk = sw_disk_mem_port(mem);
    uint8_t bytes[4096];

    memset(bytes, byte, size);
    assert_int_equal(disk->ops->write(disk, file, offset, sw_span_of(bytes, size)), SW_ERR_OK);
}

/* A file "f" of 4096 bytes 1, all synced, then 4096 bytes 2 over it that are not. */
static struct sw_disk_mem *half_synced(void)
{
    struct sw_disk_mem *mem = sw_disk_mem_new();
    struct sw_disk *disk = sw_disk_mem_port(mem);
    struct sw_file *file = file_open(mem, "f");

    file_fill(mem, file, 0, 1, 4096);
    assert_int_equal(disk->ops->sync(disk, file), SW_ERR_OK);
    assert_int_equal(disk->ops->sync_directory(disk), SW_ERR_OK);
    file_fill(mem, file, 0, 2, 4096);
    disk->ops->close(disk, file);
    return mem;
}

/* How many of the eight sectors hold the new bytes; each must be wholly old or new. */
static int new_sectors(struct sw_disk_mem *mem)
{
    struct sw_disk *disk = sw_disk_mem_port(mem);
    struct sw_file *file = NULL;
    uint8_t bytes[4096];
    int count = 0;

    assert_int_equal(disk->ops->open(disk, "f", false, &file), SW_ERR_OK);
    assert_int_equal(disk->ops->read(disk, file, 0, bytes, sizeof(bytes)), SW_ERR_OK);
    disk->ops->close(disk, file);
    for (size_t at = 0; at < sizeof(bytes); at += 512) {
        for (size_t i = 1; i < 512; i++) {
            assert_int_equal(bytes[at], bytes[at + i]);
        }
        count += bytes[at] == 2 ? 1 : 0;
    }
    return count;
}

static void test_power_cut_policies(void **state)
{
    bool seen_part_prefix = false;
    bool seen_part_torn = false;

    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        for (int policy = 0; policy < SW_DISK_MEM_POLICY_COUNT; policy++) {
            struct sw_disk_mem *mem = half_synced();
            struct sw_prng prng = sw_prng_of(seed);
            int count;

            sw_disk_mem_power_cut(mem, &prng, (enum sw_disk_mem_policy)policy);
            count = new_sectors(mem);
            if (policy == SW_DISK_MEM_LOSE_ALL) {
                assert_int_equal(count, 0);
            } else if (policy == SW_DISK_MEM_KEEP_ALL) {
                assert_int_equal(count, 8);
            } else if (count > 0 && count < 8) {
                seen_part_prefix = seen_part_prefix || policy == SW_DISK_MEM_PREFIX;
                seen_part_torn = seen_part_torn || policy == SW_DISK_MEM_TORN;
            }
            sw_disk_mem_free(mem);
        }
    }
    assert_true(seen_part_prefix);
    assert_true(seen_part_torn);
}

static void test_same_seed_same_disk(void **state)
{
    uint64_t hashes[2];

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct sw_disk_mem *mem = half_synced();
        struct sw_prng prng = sw_prng_of(5);
        sw_disk_mem_power_cut(mem, &prng, SW_DISK_MEM_TORN);
        hashes[i] = sw_disk_mem_hash(mem);
        sw_disk_mem_free(mem);
    }
    assert_int_equal(hashes[0], hashes[1]);
}

static void test_names_vanish_until_the_directory_is_synced(void **state)
{
    struct sw_disk_mem *mem = half_synced();
    struct sw_disk *disk = sw_disk_mem_port(mem);
    struct sw_file *file = file_open(mem, "new");

    (void)state;
    file_fill(mem, file, 0, 9, 100);
    assert_int_equal(disk->ops->sync(disk, file), SW_ERR_OK);
    disk->ops->close(disk, file);
    assert_int_equal(disk->ops->rename(disk, "f", "g"), SW_ERR_OK);
    sw_disk_mem_power_cut(mem, NULL, SW_DISK_MEM_LOSE_ALL);
    assert_int_equal(disk->ops->open(disk, "new", false, &file), SW_ERR_NOT_FOUND);
    assert_int_equal(disk->ops->open(disk, "g", false, &file), SW_ERR_NOT_FOUND);
    assert_int_equal(disk->ops->rename(disk, "f", "g"), SW_ERR_OK);
    assert_int_equal(disk->ops->sync_directory(disk), SW_ERR_OK);
    sw_disk_mem_power_cut(mem, NULL, SW_DISK_MEM_LOSE_ALL);
    assert_int_equal(disk->ops->open(disk, "f", false, &file), SW_ERR_NOT_FOUND);
    assert_int_equal(disk->ops->remove(disk, "g"), SW_ERR_OK);
    sw_disk_mem_power_cut(mem, NULL, SW_DISK_MEM_LOSE_ALL);
    assert_int_equal(disk->ops->open(disk, "g", false, &file), SW_ERR_OK);
    disk->ops->close(disk, file);
    sw_disk_mem_free(mem);
}

static void test_open_files_die_with_the_power(void **state)
{
    struct sw_disk_mem *mem = half_synced();
    struct sw_disk *disk = sw_disk_mem_port(mem);
    struct sw_file *file = file_open(mem, "f");
    uint64_t size;

    (void)state;
    sw_disk_mem_power_cut(mem, NULL, SW_DISK_MEM_LOSE_ALL);
    assert_int_equal(disk->ops->size(disk, file, &size), SW_ERR_IO);
    assert_int_equal(disk->ops->sync(disk, file), SW_ERR_IO);
    disk->ops->close(disk, file);
    sw_disk_mem_free(mem);
}

static void test_planned_failures(void **state)
{
    struct sw_disk_mem *mem = half_synced();
    struct sw_disk *disk = sw_disk_mem_port(mem);
    struct sw_file *file = file_open(mem, "f");
    uint8_t byte = 0;

    (void)state;
    sw_disk_mem_fail_at(mem, SW_DISK_MEM_WRITE, 2, SW_ERR_DISK_FULL, false);
    file_fill(mem, file, 0, 3, 10);
    assert_int_equal(disk->ops->write(disk, file, 0, sw_span_str("x")), SW_ERR_DISK_FULL);
    assert_int_equal(disk->ops->write(disk, file, 0, sw_span_str("x")), SW_ERR_OK);
    sw_disk_mem_fail_at(mem, SW_DISK_MEM_READ, 1, SW_ERR_IO, false);
    assert_int_equal(disk->ops->read(disk, file, 0, &byte, 1), SW_ERR_IO);
    assert_int_equal(disk->ops->read(disk, file, 0, &byte, 1), SW_ERR_OK);
    sw_disk_mem_fail_at(mem, SW_DISK_MEM_SYNC, 1, SW_ERR_IO, true);
    assert_int_equal(disk->ops->sync(disk, file), SW_ERR_IO);
    assert_int_equal(disk->ops->write(disk, file, 0, sw_span_str("x")), SW_ERR_IO);
    assert_int_equal(disk->ops->sync_directory(disk), SW_ERR_IO);
    disk->ops->close(disk, file);
    sw_disk_mem_power_cut(mem, NULL, SW_DISK_MEM_LOSE_ALL);
    assert_int_equal(new_sectors(mem), 0);
    sw_disk_mem_free(mem);
}

static void test_a_failed_sync_forgets(void **state)
{
    struct sw_disk_mem *mem = half_synced();
    struct sw_disk *disk = sw_disk_mem_port(mem);
    struct sw_file *file = file_open(mem, "f");

    (void)state;
    sw_disk_mem_fail_at(mem, SW_DISK_MEM_SYNC, 1, SW_ERR_IO, false);
    assert_int_equal(disk->ops->sync(disk, file), SW_ERR_IO);
    assert_int_equal(disk->ops->sync(disk, file), SW_ERR_OK);
    disk->ops->close(disk, file);
    assert_int_equal(new_sectors(mem), 8); /* readers see it */
    sw_disk_mem_power_cut(mem, NULL, SW_DISK_MEM_LOSE_ALL);
    assert_int_equal(new_sectors(mem), 0); /* it was never there */
    sw_disk_mem_free(mem);
}

static void test_killed_process_loses_nothing_yet(void **state)
{
    struct sw_disk_mem *mem = half_synced();

    (void)state;
    sw_disk_mem_process_kill(mem);
    assert_int_equal(new_sectors(mem), 8);
    sw_disk_mem_power_cut(mem, NULL, SW_DISK_MEM_LOSE_ALL);
    assert_int_equal(new_sectors(mem), 0);
    sw_disk_mem_free(mem);
}

static void test_what_is_written_back_stays(void **state)
{
    struct sw_disk_mem *mem = half_synced();
    struct sw_disk *disk = sw_disk_mem_port(mem);
    struct sw_file *file = file_open(mem, "f");

    (void)state;
    sw_disk_mem_fail_at(mem, SW_DISK_MEM_SYNC, 1, SW_ERR_IO, false);
    assert_int_equal(disk->ops->sync(disk, file), SW_ERR_IO); /* forgotten */
    disk->ops->close(disk, file);
    assert_int_equal(disk->ops->rename(disk, "f", "g"), SW_ERR_OK);
    file = file_open(mem, "f");
    disk->ops->close(disk, file);
    sw_disk_mem_process_kill(mem);
    sw_disk_mem_write_back(mem);
    sw_disk_mem_power_cut(mem, NULL, SW_DISK_MEM_LOSE_ALL);
    assert_int_equal(disk->ops->open(disk, "f", false, &file), SW_ERR_OK);
    disk->ops->close(disk, file);
    assert_int_equal(disk->ops->rename(disk, "g", "f"), SW_ERR_OK);
    assert_int_equal(new_sectors(mem), 8);
    sw_disk_mem_free(mem);
}

static void test_capacity_flip_clone(void **state)
{
    struct sw_disk_mem *mem = half_synced();
    struct sw_disk *disk = sw_disk_mem_port(mem);
    struct sw_disk_mem *clone = sw_disk_mem_clone(mem);
    struct sw_file *file = file_open(mem, "f");
    uint64_t room = 0;

    (void)state;
    assert_int_equal(sw_disk_mem_hash(mem), sw_disk_mem_hash(clone));
    assert_int_equal(sw_disk_mem_flip(clone, "f", 7, 1), SW_ERR_OK);
    assert_int_not_equal(sw_disk_mem_hash(mem), sw_disk_mem_hash(clone));
    assert_int_equal(sw_disk_mem_flip(clone, "f", 4096, 1), SW_ERR_INVALID);
    assert_int_equal(sw_disk_mem_flip(clone, "g", 0, 1), SW_ERR_NOT_FOUND);
    assert_int_equal(disk->ops->room(disk, &room), SW_ERR_OK);
    assert_true(room == UINT64_MAX);
    sw_disk_mem_set_capacity(mem, 4100);
    assert_int_equal(disk->ops->room(disk, &room), SW_ERR_OK);
    assert_int_equal(room, 4);
    assert_int_equal(disk->ops->write(disk, file, 4096, sw_span_str("12345")), SW_ERR_DISK_FULL);
    assert_int_equal(disk->ops->write(disk, file, 4096, sw_span_str("1234")), SW_ERR_OK);
    assert_int_equal(sw_disk_mem_counts(mem).writes, 3);
    disk->ops->close(disk, file);
    sw_disk_mem_free(clone);
    sw_disk_mem_free(mem);
}

/* What is replaced is on the platter: a power cut does not bring the old bytes back. */
static void test_damage_stays(void **state)
{
    struct sw_disk_mem *mem = sw_disk_mem_new();
    struct sw_disk *disk = sw_disk_mem_port(mem);
    struct sw_file *file = file_open(mem, "f");
    uint8_t bytes[4];

    (void)state;
    file_fill(mem, file, 0, 7, 4);
    assert_int_equal(disk->ops->sync(disk, file), SW_ERR_OK);
    assert_int_equal(disk->ops->sync_directory(disk), SW_ERR_OK);
    assert_int_equal(sw_disk_mem_used(mem), 4);
    sw_disk_mem_damage(mem, "f", 1, sw_span_str("ab"));
    sw_disk_mem_power_cut(mem, NULL, SW_DISK_MEM_LOSE_ALL);
    disk->ops->close(disk, file);
    file = file_open(mem, "f");
    assert_int_equal(disk->ops->read(disk, file, 0, bytes, sizeof bytes), SW_ERR_OK);
    assert_memory_equal(bytes, "\7ab\7", 4);
    disk->ops->close(disk, file);
    sw_disk_mem_free(mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_power_cut_policies),
        cmocka_unit_test(test_same_seed_same_disk),
        cmocka_unit_test(test_names_vanish_until_the_directory_is_synced),
        cmocka_unit_test(test_open_files_die_with_the_power),
        cmocka_unit_test(test_planned_failures),
        cmocka_unit_test(test_a_failed_sync_forgets),
        cmocka_unit_test(test_killed_process_loses_nothing_yet),
        cmocka_unit_test(test_what_is_written_back_stays),
        cmocka_unit_test(test_capacity_flip_clone),
        cmocka_unit_test(test_damage_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
