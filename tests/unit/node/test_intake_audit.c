/* Actions run behind their note in the log, or not at all; refusals are noted within bounds. */
#include "raft/group.h"
#include "tests/unit/node/node_kit.h"
#include "transport/audit.h"

/* The `number`-th command of the entry at `index`. */
static struct sw_request command_at(uint64_t index, uint32_t number)
{
    struct sw_entry_reader reader;
    struct sw_request request = {0};
    struct sw_author author;
    struct sw_span command;

    assert_int_equal(sw_entry_open(sw_buf_span(&kit_group_now.bodies[index]), &reader), SW_ERR_OK);
    for (uint32_t i = 0; i <= number; i++) {
        assert_int_equal(sw_entry_next(&reader, &author, &command), SW_ERR_OK);
    }
    assert_int_equal(sw_command_decode(command, &request), SW_ERR_OK);
    return request;
}

static struct kit *led_and_ready(void)
{
    struct kit *kit = kit_new();

    kit_lead();
    kit_send(kit, 7, kit_put(1, "a", "1"));
    kit_settle(kit, 1);
    return kit;
}

static bool is_answered(const struct kit *kit, uint64_t id)
{
    for (uint32_t i = 0; i < kit->reply_count; i++) {
        if (kit->replies[i].id == id) {
            return true;
        }
    }
    return false;
}

static void an_action_waits_for_its_note(void **state)
{
    struct kit *kit = led_and_ready();
    struct sw_audit_note note;
    struct sw_request command;

    (void)state;
    kit_send(kit, 7, kit_request(SW_OP_RESTART, 2));
    kit_turn(kit);
    assert_false(is_answered(kit, 2));
    assert_int_equal(kit_group_now.last_index, 2);
    command = command_at(2, 0);
    assert_int_equal(command.op, SW_OP_AUDIT);
    assert_int_equal(sw_audit_note_decode(command.value, &note), SW_ERR_OK);
    assert_true(sw_span_equal(note.action, sw_span_str("restart")));
    assert_int_equal(note.flags, SW_AUTHOR_ADMINISTRATOR);
    assert_int_equal(note.outcome, 0);
    kit_commit(2);
    kit_jobs(kit);
    kit_turn(kit);
    assert_int_equal(kit_reply(kit, 2).err,
                     SW_ERR_UNSUPPORTED); /* as it ran: there is no handler */
    kit_free(kit);
}

static void an_action_whose_note_is_lost_does_not_run(void **state)
{
    struct kit *kit = led_and_ready();

    (void)state;
    kit_send(kit, 7, kit_request(SW_OP_RESTART, 2));
    kit_turn(kit);
    kit_role(SW_ROLE_FOLLOWER, 3, 2);
    kit_commit_other(2, 3); /* another leader's entry in its place */
    kit_jobs(kit);
    kit_turn(kit);
    assert_int_equal(sw_err_info(kit_reply(kit, 2).err)->outcome, SW_OUTCOME_NOT_DONE);
    assert_int_not_equal(kit_reply(kit, 2).err, SW_ERR_UNSUPPORTED);
    kit_free(kit);
}

static void an_action_of_who_does_not_wait_any_more_does_not_run(void **state)
{
    struct kit *kit = led_and_ready();
    struct sw_request restart = kit_request(SW_OP_RESTART, 2);

    (void)state;
    restart.timeout_ms = 100;
    kit_send(kit, 7, restart);
    kit_turn(kit);
    kit->now_ms += 200;
    sw_node_tick(kit->node);
    kit_turn(kit);
    assert_int_equal(kit_reply(kit, 2).err, SW_ERR_DEADLINE);
    kit_commit(2);
    kit_jobs(kit);
    kit_turn(kit);
    assert_int_equal(kit_reply(kit, 2).err, SW_ERR_DEADLINE); /* the only answer */
    kit_free(kit);
}

static void a_node_that_ends_frees_what_waits(void **state)
{
    struct kit *kit = led_and_ready();

    (void)state;
    kit_send(kit, 7, kit_request(SW_OP_RESTART, 2));
    kit_turn(kit);
    kit_send(kit, 7, kit_request(SW_OP_TRANSFER, 3));
    kit_free(kit);
}

static void refusals_are_noted_once_and_then_by_the_minute(void **state)
{
    struct kit *kit = led_and_ready();
    struct sw_audit_note note;

    (void)state;
    kit->rights = KIT_ALLOW_NOTHING;
    for (uint64_t id = 2; id < 10; id++) {
        kit_send(kit, 7, kit_named(SW_OP_GET, id, "a"));
    }
    kit_settle(kit, 2);
    assert_int_equal(kit_group_now.last_index, 2);
    assert_int_equal(command_at(2, 0).op, SW_OP_AUDIT);
    assert_int_equal(sw_audit_note_decode(command_at(2, 0).value, &note), SW_ERR_OK);
    assert_int_equal(note.outcome, SW_ERR_UNAUTHORIZED);
    assert_int_equal(note.count, 1);
    kit->now_ms += SW_DENIAL_WINDOW_MS;
    kit_turn(kit);
    assert_int_equal(kit_group_now.last_index, 3);
    assert_int_equal(sw_audit_note_decode(command_at(3, 0).value, &note), SW_ERR_OK);
    assert_int_equal(note.count, 7);
    kit_free(kit);
}

static void a_client_writes_no_notes(void **state)
{
    struct kit *kit = led_and_ready();
    const struct sw_audit_note note = {.count = 1, .action = sw_span_str("x")};
    struct sw_request request = kit_request(SW_OP_AUDIT, 2);
    struct sw_buf value = {0};

    (void)state;
    sw_audit_note_encode(&note, &value);
    request.value = sw_buf_span(&value);
    kit_send(kit, 7, request);
    kit_turn(kit);
    assert_int_equal(kit_reply(kit, 2).err, SW_ERR_UNSUPPORTED);
    sw_buf_release(&value);
    kit_free(kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_action_waits_for_its_note),
        cmocka_unit_test(an_action_whose_note_is_lost_does_not_run),
        cmocka_unit_test(an_action_of_who_does_not_wait_any_more_does_not_run),
        cmocka_unit_test(a_node_that_ends_frees_what_waits),
        cmocka_unit_test(refusals_are_noted_once_and_then_by_the_minute),
        cmocka_unit_test(a_client_writes_no_notes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
