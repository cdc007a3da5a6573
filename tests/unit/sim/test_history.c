/* The judge of client histories: a good history passes, and each kind of lie is found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/rw.h"
#include "tests/sim/history.h"

static struct sim_world world;
static struct sim_history history;

static void begin(void)
{
    memset(&world, 0, sizeof(world));
    sim_history_init(&history, &world);
}

static size_t call(enum sim_call_kind kind, uint32_t key, uint64_t expected)
{
    return sim_history_begin(
        &history, &(struct sim_call){.kind = kind, .client = 1, .key = key, .expected = expected});
}

static size_t done(enum sim_call_kind kind, uint32_t key, uint64_t expected, uint64_t revision)
{
    const size_t number = call(kind, key, expected);

    sim_history_end(&history, number, SIM_CALL_DONE, revision, kind != SIM_CALL_READ);
    return number;
}

/* Somebody reads `key` at revision `at` and finds what call `writer` wrote there. */
static void sees(uint32_t key, uint64_t at, size_t writer, uint64_t revision, uint64_t version)
{
    const size_t number = done(SIM_CALL_READ, key, 0, at);

    sim_history_see(&history,
                    &(struct sim_seen){.call = number,
                                       .key = key,
                                       .at_revision = at,
                                       .mod_revision = revision,
                                       .create_revision = revision - version + 1,
                                       .version = version,
                                       .value = writer + 1});
}

static void sees_nothing(uint32_t key, uint64_t at)
{
    const size_t number = done(SIM_CALL_READ, key, 0, at);

    sim_history_see(&history, &(struct sim_seen){.call = number, .key = key, .at_revision = at});
}

static void scan(uint64_t upto, size_t count)
{
    sim_history_scan(&history, &(struct sim_scan){.upto = upto, .count = count});
}

/* True if the judge finds a fault whose text begins with `what`. */
static bool finds(const char *what)
{
    bool found;

    sim_history_check(&history);
    found = world.failed && strncmp(world.why, what, strlen(what)) == 0;
    sim_history_release(&history);
    return found;
}

static void a_good_history_passes(void **state)
{
    size_t first, second;

    (void)state;
    begin();
    sees_nothing(0, 0);
    first = done(SIM_CALL_PUT, 0, 0, 1);
    sees(0, 1, first, 1, 1);
    second = done(SIM_CALL_CAS, 0, 1, 2);
    sees(0, 2, second, 2, 2);
    (void)done(SIM_CALL_DELETE, 0, 0, 3);
    sees_nothing(0, 3);
    (void)done(SIM_CALL_APPEND, SIM_KEY_EXPERIENCE, 0, 4);
    scan(4, 1);
    sim_history_check(&history);
    assert_false(world.failed);
    sim_history_release(&history);
}

static void an_unknown_write_may_show_or_not(void **state)
{
    size_t unknown;

    (void)state;
    begin();
    unknown = call(SIM_CALL_PUT, 0, 0);
    sim_history_end(&history, unknown, SIM_CALL_UNKNOWN, 0, false);
    sees_nothing(0, 0);
    sees(0, 1, unknown, 1, 1);
    sim_history_check(&history);
    assert_false(world.failed);
    sim_history_release(&history);
}

static void going_back_in_real_time_is_found(void **state)
{
    (void)state;
    begin();
    (void)done(SIM_CALL_PUT, 0, 0, 5);
    (void)done(SIM_CALL_READ, 0, 0, 4);
    assert_true(finds("not linearizable"));
    begin();
    (void)done(SIM_CALL_PUT, 0, 0, 5);
    (void)done(SIM_CALL_PUT, 1, 0, 5);
    assert_true(finds("not linearizable"));
}

static void a_stale_read_is_found(void **state)
{
    size_t first;

    (void)state;
    begin();
    first = done(SIM_CALL_PUT, 0, 0, 1);
    (void)done(SIM_CALL_PUT, 0, 0, 2);
    sees(0, 2, first, 1, 1);
    assert_true(finds("stale"));
}

static void a_lost_write_is_found(void **state)
{
    (void)state;
    begin();
    (void)done(SIM_CALL_PUT, 0, 0, 1);
    sees_nothing(0, 1);
    assert_true(finds("lost"));
}

static void a_write_that_ran_twice_is_found(void **state)
{
    size_t only;

    (void)state;
    begin();
    only = done(SIM_CALL_PUT, 0, 0, 1);
    sees(0, 2, only, 2, 2); /* seen at another revision than the client was told */
    assert_true(finds("not exactly once"));
    begin();
    (void)done(SIM_CALL_PUT, 0, 0, 1);
    only = done(SIM_CALL_PUT, 0, 0, 4);
    sees(0, 4, only, 4, 4); /* four versions of two writes */
    assert_true(finds("not exactly once"));
}

static void a_refused_write_that_shows_is_found(void **state)
{
    size_t refused;

    (void)state;
    begin();
    refused = call(SIM_CALL_PUT, 0, 0);
    sim_history_end(&history, refused, SIM_CALL_NOT_DONE, 0, false);
    sees(0, 1, refused, 1, 1);
    assert_true(finds("not done, yet there"));
}

static void an_invented_value_is_found(void **state)
{
    (void)state;
    begin();
    sees(0, 1, 77, 1, 1);
    assert_true(finds("invented"));
}

static void two_changes_at_one_revision_are_found(void **state)
{
    size_t one, two;

    (void)state;
    begin();
    one = call(SIM_CALL_PUT, 0, 0);
    two = call(SIM_CALL_PUT, 0, 0);
    sim_history_end(&history, one, SIM_CALL_DONE, 3, true);
    sim_history_end(&history, two, SIM_CALL_DONE, 3, true);
    assert_true(finds("two changes"));
}

static void a_lost_update_is_found(void **state)
{
    (void)state;
    begin();
    (void)done(SIM_CALL_PUT, 0, 0, 1);
    (void)done(SIM_CALL_PUT, 0, 0, 2);
    (void)done(SIM_CALL_CAS, 0, 1, 3); /* expected revision 1, and yet it ran */
    assert_true(finds("lost update"));
}

static void a_lost_experience_is_found(void **state)
{
    (void)state;
    begin();
    (void)done(SIM_CALL_APPEND, SIM_KEY_EXPERIENCE, 0, 1);
    (void)done(SIM_CALL_APPEND, SIM_KEY_EXPERIENCE, 0, 2);
    scan(2, 1);
    assert_true(finds("lost"));
    begin();
    (void)done(SIM_CALL_APPEND, SIM_KEY_EXPERIENCE, 0, 1);
    scan(2, 2);
    assert_true(finds("not exactly once"));
}

static void a_call_that_ends_twice_is_found(void **state)
{
    size_t number;

    (void)state;
    begin();
    number = done(SIM_CALL_PUT, 0, 0, 1);
    sim_history_end(&history, number, SIM_CALL_DONE, 1, true);
    assert_true(world.failed);
    sim_history_release(&history);
}

/* A transaction that puts `key` and the next one; the numbers of the two writes. */
static void group(uint32_t key, size_t ret_calls[2])
{
    const size_t whole = call(SIM_CALL_TXN, 0, 0);

    for (uint32_t i = 0; i < 2; i++) {
        ret_calls[i] = sim_history_begin(
            &history,
            &(struct sim_call){
                .kind = SIM_CALL_PUT, .client = 1, .key = key + i, .group = whole + 1});
    }
    sim_history_end(&history, whole, SIM_CALL_UNKNOWN, 0, false);
}

static void a_whole_transaction_of_unknown_outcome_may_show(void **state)
{
    size_t writes[2];

    (void)state;
    begin();
    group(0, writes);
    sees(0, 1, writes[0], 1, 1);
    sees(1, 1, writes[1], 1, 1);
    sim_history_check(&history);
    assert_false(world.failed);
    sim_history_release(&history);
}

/* One write of it shows, so the other one must. */
static void half_a_transaction_is_found(void **state)
{
    size_t writes[2];

    (void)state;
    begin();
    group(0, writes);
    sees(0, 1, writes[0], 1, 1);
    sees_nothing(1, 2);
    assert_true(finds("lost"));
    begin();
    group(0, writes);
    sees(0, 1, writes[0], 1, 1);
    sees(1, 2, writes[1], 2, 1);
    assert_true(finds("torn"));
}

/* A list of `count` values as of `revision`, which is its `version`-th write. */
static void sees_list(const uint64_t *values, size_t count, uint64_t revision, uint64_t version)
{
    const size_t number = done(SIM_CALL_READ, SIM_KEY_LIST, 0, revision);
    uint8_t bytes[64];

    for (size_t i = 0; i < count; i++) {
        sw_store_u64(bytes + 8 * i, values[i]);
    }
    sim_history_list(&history,
                     &(struct sim_list_seen){.call = number,
                                             .at_revision = revision,
                                             .mod_revision = revision,
                                             .version = version,
                                             .bytes = bytes,
                                             .size = 8 * count});
}

static void a_list_in_one_order_passes(void **state)
{
    uint64_t values[2];

    (void)state;
    begin();
    values[0] = done(SIM_CALL_MERGE, SIM_KEY_LIST, 0, 1) + 1;
    sees_list(values, 1, 1, 1);
    values[1] = done(SIM_CALL_MERGE, SIM_KEY_LIST, 0, 2) + 1;
    sees_list(values, 2, 2, 2);
    sim_history_check(&history);
    assert_false(world.failed);
    sim_history_release(&history);
}

static void a_list_with_a_lie_is_found(void **state)
{
    uint64_t values[2];

    (void)state;
    begin();
    values[0] = done(SIM_CALL_MERGE, SIM_KEY_LIST, 0, 1) + 1;
    values[1] = values[0];
    sees_list(values, 2, 1, 1); /* appended twice by one write */
    assert_true(finds("not exactly once"));
    begin();
    values[0] = done(SIM_CALL_MERGE, SIM_KEY_LIST, 0, 1) + 1;
    values[1] = done(SIM_CALL_MERGE, SIM_KEY_LIST, 0, 2) + 1;
    sees_list(&values[1], 1, 2, 1);
    sees_list(values, 2, 2, 2);
    assert_true(finds("two orders"));
    begin();
    (void)done(SIM_CALL_MERGE, SIM_KEY_LIST, 0, 1);
    values[0] = done(SIM_CALL_MERGE, SIM_KEY_LIST, 0, 2) + 1;
    sees_list(values, 1, 2, 1);
    assert_true(finds("not exactly once")); /* two writes made it, and it is in version 1 */
}

/* As many values as there should be, but an acknowledged one is another. */
static void a_value_missing_in_the_list_is_found(void **state)
{
    uint64_t values[2];
    size_t unknown;

    (void)state;
    begin();
    unknown = call(SIM_CALL_MERGE, SIM_KEY_LIST, 0);
    sim_history_end(&history, unknown, SIM_CALL_UNKNOWN, 0, false);
    (void)done(SIM_CALL_MERGE, SIM_KEY_LIST, 0, 1);
    values[1] = done(SIM_CALL_MERGE, SIM_KEY_LIST, 0, 2) + 1;
    values[0] = unknown + 1;
    sees_list(values, 2, 2, 2);
    assert_true(finds("lost or out of order"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_history_passes),
        cmocka_unit_test(an_unknown_write_may_show_or_not),
        cmocka_unit_test(going_back_in_real_time_is_found),
        cmocka_unit_test(a_stale_read_is_found),
        cmocka_unit_test(a_lost_write_is_found),
        cmocka_unit_test(a_write_that_ran_twice_is_found),
        cmocka_unit_test(a_refused_write_that_shows_is_found),
        cmocka_unit_test(an_invented_value_is_found),
        cmocka_unit_test(two_changes_at_one_revision_are_found),
        cmocka_unit_test(a_lost_update_is_found),
        cmocka_unit_test(a_lost_experience_is_found),
        cmocka_unit_test(a_call_that_ends_twice_is_found),
        cmocka_unit_test(a_whole_transaction_of_unknown_outcome_may_show),
        cmocka_unit_test(half_a_transaction_is_found),
        cmocka_unit_test(a_list_in_one_order_passes),
        cmocka_unit_test(a_list_with_a_lie_is_found),
        cmocka_unit_test(a_value_missing_in_the_list_is_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
