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

/* --- of a node that does not lead ------------------------------------------------------------- */

static void hear(struct kit *kit, uint64_t from, struct sw_span message)
{
    const struct sw_link_handler handler = sw_node_link_handler(kit->node);

    handler.peer_message(handler.arg, (struct sw_node_id){from}, message);
}

/* The last message to a peer, which must be of that kind, behind kind and group. */
static struct sw_reader said(const struct kit *kit, enum sw_node_message kind, uint64_t to)
{
    const struct kit_message *message = &kit->messages[kit->message_count - 1];
    struct sw_reader in = sw_reader_of(sw_buf_span(&message->bytes));

    assert_true(kit->message_count > 0);
    assert_int_equal(message->to.value, to);
    assert_int_equal(sw_read_u8(&in), kind);
    assert_int_equal(sw_read_u32(&in), 1);
    return in;
}

static void say_noted(struct kit *kit, uint64_t number, enum sw_err outcome)
{
    struct sw_buf message = {0};

    sw_write_u8(&message, SW_NODE_NOTED);
    sw_write_u32(&message, 1);
    sw_write_u64(&message, number);
    sw_write_u16(&message, (uint16_t)outcome);
    hear(kit, 2, sw_buf_span(&message));
    for (size_t size = 0; size < message.size; size++) { /* and cut short it says nothing */
        hear(kit, 2, sw_span_of(message.data, size));
    }
    sw_buf_release(&message);
}

static void a_follower_asks_the_leader_for_its_note(void **state)
{
    struct kit *kit = led_and_ready();
    struct sw_audit_note note;
    struct sw_reader in;
    uint64_t number;

    (void)state;
    kit_role(SW_ROLE_FOLLOWER, 3, 2);
    kit_send(kit, 7, kit_request(SW_OP_RESTART, 2));
    in = said(kit, SW_NODE_NOTE, 2);
    number = sw_read_u64(&in);
    assert_int_equal(sw_audit_note_decode(sw_read_blob(&in, 4096), &note), SW_ERR_OK);
    assert_int_equal(sw_reader_finish(&in), SW_ERR_OK);
    assert_true(sw_span_equal(note.action, sw_span_str("restart")));
    assert_true(sw_span_equal(note.target, sw_span_str("node 1")));
    kit_turn(kit);
    say_noted(kit, number + 1, SW_ERR_OK);
    kit_turn(kit);
    assert_false(is_answered(kit, 2));
    say_noted(kit, number, SW_ERR_OK);
    say_noted(kit, number, SW_ERR_OK); /* twice is once */
    kit_turn(kit);
    assert_int_equal(kit_reply(kit, 2).err, SW_ERR_UNSUPPORTED); /* as it ran */
    kit_free(kit);
}

static void without_its_note_a_follower_does_nothing(void **state)
{
    struct kit *kit = led_and_ready();
    struct sw_reader in;

    (void)state;
    kit_role(SW_ROLE_FOLLOWER, 3, 2);
    kit_send(kit, 7, kit_request(SW_OP_RESTART, 2));
    in = said(kit, SW_NODE_NOTE, 2);
    say_noted(kit, sw_read_u64(&in), SW_ERR_LEADERSHIP_LOST);
    kit_turn(kit);
    assert_int_equal(kit_reply(kit, 2).err, SW_ERR_NO_LEADER);
    kit_send(kit, 7, kit_request(SW_OP_RESTART, 3)); /* waits when the node ends */
    kit_role(SW_ROLE_FOLLOWER, 4, 0);
    kit_send(kit, 7, kit_request(SW_OP_RESTART, 4));
    kit_turn(kit);
    assert_int_equal(kit_reply(kit, 4).err, SW_ERR_NO_LEADER);
    kit_free(kit);
}

static void a_leader_notes_for_others_and_says_so(void **state)
{
    const struct sw_audit_note note = {.count = 1,
                                       .flags = SW_AUTHOR_ADMINISTRATOR,
                                       .address = sw_span_str("10.0.0.7"),
                                       .action = sw_span_str("restart")};
    struct kit *kit = led_and_ready();
    struct sw_audit_note proposed;
    struct sw_buf message = {0};
    struct sw_buf bytes = {0};
    struct sw_reader in;

    (void)state;
    sw_audit_note_encode(&note, &bytes);
    sw_write_u8(&message, SW_NODE_NOTE);
    sw_write_u32(&message, 1);
    sw_write_u64(&message, 77);
    sw_write_blob(&message, sw_buf_span(&bytes));
    for (size_t size = 1; size < message.size; size++) {
        hear(kit, 3, sw_span_of(message.data, size));
    }
    hear(kit, 3, sw_buf_span(&message));
    kit_turn(kit);
    assert_int_equal(kit_group_now.last_index, 2);
    assert_int_equal(sw_audit_note_decode(command_at(2, 0).value, &proposed), SW_ERR_OK);
    assert_true(sw_span_equal(proposed.address, note.address));
    kit_commit(2);
    kit_jobs(kit);
    kit_turn(kit);
    in = said(kit, SW_NODE_NOTED, 3);
    assert_int_equal(sw_read_u64(&in), 77);
    assert_int_equal(sw_read_u16(&in), SW_ERR_OK);
    kit_role(SW_ROLE_FOLLOWER, 3, 2);
    hear(kit, 3, sw_buf_span(&message)); /* none of its business any more */
    kit_turn(kit);
    assert_int_equal(kit_group_now.last_index, 2);
    sw_buf_release(&message);
    sw_buf_release(&bytes);
    kit_free(kit);
}

static void other_nodes_have_so_many_notes_open_and_no_more(void **state)
{
    const struct sw_audit_note note = {.count = 1, .action = sw_span_str("restart")};
    struct kit *kit = led_and_ready();
    struct sw_buf message = {0};
    struct sw_buf bytes = {0};

    (void)state;
    sw_audit_note_encode(&note, &bytes);
    for (uint64_t number = 1; number <= SW_AUDIT_ASKED_MAX + 9; number++) {
        sw_buf_clear(&message);
        sw_write_u8(&message, SW_NODE_NOTE);
        sw_write_u32(&message, 1);
        sw_write_u64(&message, number);
        sw_write_blob(&message, sw_buf_span(&bytes));
        hear(kit, 3, sw_buf_span(&message));
    }
    assert_int_equal(kit->node->notes_open, SW_AUDIT_ASKED_MAX);
    sw_buf_release(&message);
    sw_buf_release(&bytes);
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
        cmocka_unit_test(a_follower_asks_the_leader_for_its_note),
        cmocka_unit_test(without_its_note_a_follower_does_nothing),
        cmocka_unit_test(a_leader_notes_for_others_and_says_so),
        cmocka_unit_test(other_nodes_have_so_many_notes_open_and_no_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
