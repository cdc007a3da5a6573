/* The plain log: what is stepped is stored, what is not is lost by a crash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "storage/wal_mem.h"

static const struct sw_group_id group_1 = {1};

static void on_done(void *arg)
{
    (*(int *)arg)++;
}

static struct sw_wal_entry entry_of(uint64_t index)
{
    return (struct sw_wal_entry){.index = index, .term = 1, .body = sw_span_str("body")};
}

static struct sw_wal_group load(struct sw_wal *wal)
{
    struct sw_wal_group loaded;

    assert_int_equal(wal->ops->load(wal, group_1, &loaded), SW_ERR_OK);
    return loaded;
}

static void test_life_of_a_group(void **state)
{
    struct sw_wal_mem *mem = sw_wal_mem_new();
    struct sw_wal *wal = sw_wal_mem_port(mem);
    const struct sw_wal_entry entries[4] = {entry_of(1), entry_of(2), entry_of(3), entry_of(4)};
    struct sw_wal_group loaded;
    int done = 0;

    (void)state;
    wal->ops->set_hard(wal, group_1, (struct sw_wal_hard){.term = 2, .vote = {3}}, on_done, &done);
    wal->ops->append(wal, group_1, entries, 4, on_done, &done);
    assert_int_equal(wal->ops->load(wal, group_1, &loaded), SW_ERR_BUSY);
    assert_int_equal(done, 0);
    while (sw_wal_mem_step(mem)) {
    }
    assert_int_equal(done, 2);
    loaded = load(wal);
    assert_int_equal(loaded.entry_count, 4);
    assert_int_equal(loaded.hard.vote.value, 3);
    assert_true(sw_span_equal(loaded.entries[3].body, sw_span_str("body")));
    sw_wal_group_release(&loaded);
    wal->ops->truncate(wal, group_1, 4, NULL, NULL);
    wal->ops->set_snapshot(
        wal,
        group_1,
        (struct sw_wal_snapshot){.index = 2, .term = 1, .descriptor = sw_span_str("d")},
        2,
        false,
        NULL,
        NULL);
    while (sw_wal_mem_step(mem)) {
    }
    loaded = load(wal);
    assert_int_equal(loaded.first_index, 2);
    assert_int_equal(loaded.entry_count, 2);
    assert_int_equal(loaded.descriptor_size, 1);
    assert_int_equal(wal->ops->group_bytes(wal, group_1), 2 * 72);
    sw_wal_group_release(&loaded);
    sw_wal_mem_free(mem);
}

static void test_reset_and_crash(void **state)
{
    struct sw_wal_mem *mem = sw_wal_mem_new();
    struct sw_wal *wal = sw_wal_mem_port(mem);
    const struct sw_wal_entry entry = entry_of(1);
    struct sw_wal_group loaded;
    int done = 0;

    (void)state;
    wal->ops->set_hard(wal, group_1, (struct sw_wal_hard){.term = 1}, NULL, NULL);
    wal->ops->append(wal, group_1, &entry, 1, NULL, NULL);
    wal->ops->set_snapshot(
        wal, group_1, (struct sw_wal_snapshot){.index = 9, .term = 1}, 10, true, NULL, NULL);
    while (sw_wal_mem_step(mem)) {
    }
    wal->ops->truncate(wal, group_1, 10, on_done, &done);
    assert_int_equal(sw_wal_mem_pending(mem), 1);
    sw_wal_mem_crash(mem);
    assert_false(sw_wal_mem_step(mem));
    assert_int_equal(done, 0);
    loaded = load(wal);
    assert_int_equal(loaded.first_index, 10);
    assert_int_equal(loaded.entry_count, 0);
    sw_wal_group_release(&loaded);
    sw_wal_mem_free(mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life_of_a_group),
        cmocka_unit_test(test_reset_and_crash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
