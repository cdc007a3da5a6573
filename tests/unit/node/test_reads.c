/* Reads between their read point and the applier: few at a time, none past its deadline. */
#include "tests/unit/node/node_kit.h"

static uint32_t jobs_of(const struct kit *kit)
{
    uint32_t count = 0;

    for (const struct sw_job *job = kit->first_job; job != NULL; job = job->next) {
        count++;
    }
    return count;
}

static void the_applier_has_few_scans_at_a_time(void **state)
{
    struct kit *kit = kit_new();

    (void)state;
    kit_lead();
    for (uint64_t id = 1; id <= 40; id++) {
        kit_send(kit, 7, kit_named(SW_OP_SCAN, id, ""));
    }
    kit_turn(kit);
    kit_jobs(kit);
    kit_reads_ready(SW_ERR_OK);
    assert_int_equal(jobs_of(kit), 2);
    kit_jobs(kit);
    kit_turn(kit);
    for (uint64_t id = 1; id <= 40; id++) {
        assert_int_equal(kit_reply(kit, id).err, SW_ERR_OK);
    }
    kit_free(kit);
}

/* What it does not give it has to pass all the same. */
static void a_scan_of_the_past_is_never_short(void **state)
{
    struct kit *kit = kit_new();
    struct sw_request scan = kit_named(SW_OP_SCAN, 1, "");

    (void)state;
    scan.limit = 1;
    scan.expected = 1;
    kit_lead();
    for (; scan.id <= 40; scan.id++) {
        kit_send(kit, 7, scan);
    }
    kit_turn(kit);
    kit_jobs(kit);
    kit_reads_ready(SW_ERR_OK);
    assert_int_equal(jobs_of(kit), 2);
    kit_jobs(kit);
    kit_turn(kit);
    kit_free(kit);
}

/* Behind forty scans, and yet third. */
static void a_read_of_one_key_passes_scans(void **state)
{
    struct kit *kit = kit_new();

    (void)state;
    kit_lead();
    for (uint64_t id = 1; id <= 40; id++) {
        kit_send(kit, 7, kit_named(SW_OP_SCAN, id, ""));
    }
    kit_turn(kit);
    kit_jobs(kit);
    kit_reads_ready(SW_ERR_OK);
    kit_send(kit, 7, kit_named(SW_OP_GET, 99, "k"));
    kit_turn(kit);
    kit_reads_ready(SW_ERR_OK);
    for (int i = 0; i < 3; i++) {
        assert_true(kit_job(kit));
    }
    kit_turn(kit);
    assert_int_equal(kit_reply(kit, 99).err, SW_ERR_NOT_FOUND);
    assert_true(kit->reply_count < 10);
    kit_free(kit);
}

/* No timer has run: the applier sees for itself that nobody waits any more. */
static void nothing_past_its_deadline_is_read(void **state)
{
    struct kit *kit = kit_new();
    struct sw_request get = kit_named(SW_OP_GET, 1, "k");

    (void)state;
    get.timeout_ms = 100;
    kit_lead();
    kit_send(kit, 7, get);
    kit_turn(kit);
    kit_jobs(kit);
    kit_reads_ready(SW_ERR_OK);
    assert_int_equal(jobs_of(kit), 1);
    kit->now_ms += 101;
    kit_jobs(kit);
    kit_turn(kit);
    assert_int_equal(kit_reply(kit, 1).err, SW_ERR_DEADLINE);
    kit_free(kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_applier_has_few_scans_at_a_time),
        cmocka_unit_test(a_scan_of_the_past_is_never_short),
        cmocka_unit_test(a_read_of_one_key_passes_scans),
        cmocka_unit_test(nothing_past_its_deadline_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
