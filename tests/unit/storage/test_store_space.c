/* The accounting of the store: what has room, what may use the reserve, and what a disk allows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "storage/store_space.h"

enum { PAGE = 4096, PLENTY = 1 << 30 };

#define MIB (UINT64_C(1) << 20)

static struct sw_space space_of(uint64_t live, uint64_t disk_free, uint64_t file, bool pinned)
{
    const struct sw_space_found found = {
        .live = live, .branches = 1, .file = file, .disk_free = disk_free, .pinned = pinned};
    struct sw_space space;

    sw_space_init(&space, PAGE, 8 * MIB, 2 * MIB, 0);
    sw_space_begin(&space, &found);
    return space;
}

static void defaults_are_sound(void **state)
{
    struct sw_space space;

    (void)state;
    sw_space_init(&space, PAGE, 0, 0, 0);
    assert_true(space.map_size == SW_SPACE_MAP_SIZE_DEFAULT);
    assert_true(space.reserve_size == SW_SPACE_MAP_SIZE_DEFAULT / 20);
    sw_space_init(&space, PAGE, 256 * MIB, 0, 0);
    assert_true(space.reserve_size == SW_SPACE_RESERVE_SIZE_MIN);
    sw_space_init(&space, PAGE, 4 * MIB, 0, 0);
    assert_true(space.reserve_size == 2 * MIB);
}

static void the_reserve_is_not_for_data(void **state)
{
    const uint64_t first = 6 * MIB / PAGE;
    const uint64_t second = 6 * MIB / PAGE + 3 * MIB / 2 / PAGE;
    struct sw_space space = space_of(first - 20, PLENTY, first, false);

    (void)state;
    assert_true(sw_space_fits(&space, SW_TABLE_STAGE, 100));
    assert_false(sw_space_fits(&space, SW_TABLE_STAGE, 20 * PAGE));
    space = space_of(first - 2, PLENTY, first, false);
    assert_false(sw_space_fits(&space, SW_TABLE_STAGE, 100));
    assert_true(sw_space_fits(&space, SW_TABLE_KV, 100)); /* it was admitted: see the header */
    assert_true(sw_space_fits(&space, SW_TABLE_EXPERIENCE, 100));
    space = space_of(second - 2, PLENTY, second, false);
    assert_false(sw_space_fits(&space, SW_TABLE_KV, 100));
    assert_false(sw_space_fits(&space, SW_TABLE_EXPERIENCE, 100));
    assert_true(sw_space_fits(&space, SW_TABLE_SESSION, 100));
    space = space_of(8 * MIB / PAGE, PLENTY, first, false);
    assert_false(sw_space_fits(&space, SW_TABLE_SESSION, 100));
    assert_true(sw_space_fits(&space, SW_TABLE_META, 100));
}

static void a_full_disk_stops_puts_before_the_commit_fails(void **state)
{
    struct sw_space space = space_of(100, SW_SPACE_DISK_FLOOR_SIZE, 100, false);

    (void)state;
    assert_false(sw_space_fits(&space, SW_TABLE_KV, 100));
    assert_true(sw_space_fits(&space, SW_TABLE_META, 100));
    assert_true(sw_space_kept_back(&space) == 2 * MIB);
    assert_true(sw_space_limit(&space) == 100 * PAGE + 2 * MIB);
    space = space_of(100, SW_SPACE_DISK_RESERVE_SIZE + 50 * PAGE, 100, false);
    assert_true(sw_space_limit(&space) == 150 * PAGE + 2 * MIB);
    space = space_of(100, SW_SPACE_DISK_FLOOR_SIZE + 50 * PAGE, 100, false);
    for (int i = 0; i < 42; i++) {
        assert_true(sw_space_fits(&space, SW_TABLE_KV, 100));
        sw_space_change(&space, 100, 100);
    }
    for (int i = 0; i < 10; i++) {
        sw_space_change(&space, 100, 100);
    }
    assert_false(sw_space_fits(&space, SW_TABLE_KV, 100));
}

/* Admission stops well before what is committed could not be executed any more, and before the log
 * finds no room for its next segment. */
static void admission_stops_first(void **state)
{
    const struct sw_space_found found = {
        .live = 100, .branches = 1, .file = 100, .disk_free = SW_SPACE_DISK_RESERVE_SIZE + MIB};
    struct sw_space space;

    (void)state;
    sw_space_init(&space, PAGE, 8 * MIB, 2 * MIB, 0);
    sw_space_begin(&space, &found);
    assert_true(sw_space_limit(&space) - sw_space_kept_back(&space) == 100 * PAGE + MIB);
    sw_space_init(&space, PAGE, 8 * MIB, 2 * MIB, MIB);
    sw_space_begin(&space, &found);
    assert_true(sw_space_used(&space) == 100 * PAGE);
    assert_true(sw_space_limit(&space) - sw_space_kept_back(&space) == 100 * PAGE);
    assert_false(sw_space_fits(&space, SW_TABLE_STAGE, 100));
    assert_true(sw_space_fits(&space, SW_TABLE_KV, 2 * MIB));
}

/* A disk much smaller than the map keeps back what suits a disk, not what suits the map. */
static void a_short_disk_keeps_back_little(void **state)
{
    const struct sw_space_found found = {
        .live = 1000, .branches = 1, .file = 1000, .disk_free = 1024 * MIB};
    struct sw_space space;

    (void)state;
    sw_space_init(&space, PAGE, 0, 0, 0);
    sw_space_begin(&space, &found);
    assert_true(sw_space_kept_back(&space) == SW_SPACE_DISK_RESERVE_SIZE);
    assert_true(sw_space_limit(&space) == 1000 * PAGE + 1024 * MIB);
    sw_space_init(&space, PAGE, 64 * MIB, 4 * MIB, 0);
    sw_space_begin(&space, &found);
    assert_true(sw_space_kept_back(&space) == 4 * MIB);
    assert_true(sw_space_limit(&space) == 64 * MIB);
}

/* Free pages of the file do for a disk that has none, unless somebody still reads them. */
static void free_pages_count_unless_pinned(void **state)
{
    struct sw_space space = space_of(100, 0, 300 + SW_SPACE_DISK_FLOOR_SIZE / PAGE, false);

    (void)state;
    assert_true(sw_space_fits(&space, SW_TABLE_KV, 100));
    space = space_of(100, 0, 300, false); /* the reserve holds for both together */
    assert_false(sw_space_fits(&space, SW_TABLE_KV, 100));
    space = space_of(100, 0, 300 + SW_SPACE_DISK_FLOOR_SIZE / PAGE, true);
    assert_false(sw_space_fits(&space, SW_TABLE_KV, 100));
}

/* A transaction copies each page at most once, however often it changes it. */
static void copies_are_bounded_by_the_tree(void **state)
{
    struct sw_space space = space_of(20, SW_SPACE_DISK_FLOOR_SIZE + 50 * PAGE, 20, false);

    (void)state;
    for (int i = 0; i < 10000; i++) {
        assert_true(sw_space_fits(&space, SW_TABLE_KV, 100));
        sw_space_change(&space, 100, 20);
    }
    assert_false(sw_space_fits(&space, SW_TABLE_KV, 50 * PAGE));
}

static void an_abort_takes_the_pages_back(void **state)
{
    struct sw_space space = space_of(100, PLENTY, 100, false);

    (void)state;
    sw_space_change(&space, 100, 130);
    assert_true(sw_space_used(&space) == 132 * PAGE); /* and copies of a leaf and a branch */
    sw_space_end(&space, false);
    assert_true(sw_space_used(&space) == 100 * PAGE);
    sw_space_change(&space, 100, 130);
    sw_space_end(&space, true);
    assert_true(sw_space_used(&space) == 130 * PAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_sound),
        cmocka_unit_test(the_reserve_is_not_for_data),
        cmocka_unit_test(a_full_disk_stops_puts_before_the_commit_fails),
        cmocka_unit_test(admission_stops_first),
        cmocka_unit_test(a_short_disk_keeps_back_little),
        cmocka_unit_test(free_pages_count_unless_pinned),
        cmocka_unit_test(copies_are_bounded_by_the_tree),
        cmocka_unit_test(an_abort_takes_the_pages_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
