/* Points are counted, follow the seed alone, and do nothing unless asked to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/point.h"

enum { ASKED = 1000 };

static struct sw_point *find(const char *name)
{
    struct sw_point *point;

    for (uint32_t i = 0; (point = sw_point_at(i)) != NULL; i++) {
        if (strcmp(point->name, name) == 0) {
            return point;
        }
    }
    return NULL;
}

static uint32_t fires(uint64_t seed)
{
    uint32_t count = 0;

    sw_points_begin(seed);
    for (uint32_t i = 0; i < ASKED; i++) {
        count += SW_BUGGIFY("test.buggify", 100) ? 1 : 0;
    }
    return count;
}

static void without_a_seed_nothing_fires(void **state)
{
    (void)state;
    assert_int_equal(fires(0), 0);
    assert_false(SW_PLANTED(ACK_BEFORE_SYNC));
}

static void a_build_without_points_has_no_sites(void **state)
{
    (void)state;
    SW_MARK("test.mark");
    if (!SW_FAULT_POINTS_BUILT) {
        assert_null(find("test.mark"));
        assert_int_equal(fires(1), 0);
        return;
    }
    assert_non_null(find("test.mark"));
    assert_int_equal(find("test.mark")->kind, SW_POINT_MARK);
    assert_true(find("test.mark")->asked > 0);
}

static void a_quarter_of_the_runs_has_the_site_active(void **state)
{
    uint32_t active = 0;

    (void)state;
    if (!SW_FAULT_POINTS_BUILT) {
        return;
    }
    for (uint64_t seed = 1; seed <= 400; seed++) {
        const uint32_t count = fires(seed);

        assert_int_equal(count, fires(seed));
        assert_int_equal(find("test.buggify")->asked, ASKED);
        assert_int_equal(find("test.buggify")->fired, count);
        if (count > 0) {
            assert_in_range(count, 50, 160); /* a tenth of them */
            active++;
        }
    }
    assert_in_range(active, 70, 130);
}

static void a_planted_bug_is_there_when_it_was_asked_for(void **state)
{
    enum sw_planted bug = SW_PLANTED_COUNT;
    struct sw_planted_bugs bugs = {{false}};
    const struct sw_planted_bugs none = {{false}};
    struct sw_planted_bugs one = none;

    (void)state;
    assert_true(sw_planted_by_name("ACK_BEFORE_SYNC", &bug));
    assert_int_equal(bug, SW_PLANTED_ACK_BEFORE_SYNC);
    assert_string_equal(sw_planted_name(bug), "ACK_BEFORE_SYNC");
    assert_true(strlen(sw_planted_text(bug)) > 0);
    assert_false(sw_planted_by_name("NO_SUCH_BUG", &bug));
    assert_true(sw_planted_parse("VOTE_NOT_STORED,ACK_BEFORE_SYNC", &bugs));
    assert_true(bugs.has[SW_PLANTED_VOTE_NOT_STORED]);
    assert_true(bugs.has[bug]);
    assert_false(bugs.has[SW_PLANTED_COMMIT_ALONE]);
    assert_false(sw_planted_parse("ACK_BEFORE_SYNC,", &bugs));
    assert_false(sw_planted_parse("ACK_BEFORE", &bugs));
    if (SW_FAULT_POINTS_BUILT) {
        one.has[bug] = true;
        sw_planted_set(&one);
        assert_true(SW_PLANTED(ACK_BEFORE_SYNC));
        sw_planted_set(&none);
    }
    assert_false(SW_PLANTED(ACK_BEFORE_SYNC));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_seed_nothing_fires),
        cmocka_unit_test(a_build_without_points_has_no_sites),
        cmocka_unit_test(a_quarter_of_the_runs_has_the_site_active),
        cmocka_unit_test(a_planted_bug_is_there_when_it_was_asked_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
