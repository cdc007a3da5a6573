/* Goal: members are what the log says, requests to change them reach the group with what it needs,
 * and what cannot be is refused before that. The group is played by the test. */
#include "tests/unit/node/node_kit.h"

#define KEY_2 "22222222222222222222222222222222222222222222222222222222222222aa"
#define KEY_4 "44444444444444444444444444444444444444444444444444444444444444aa"
#define KEY_5 "55555555555555555555555555555555555555555555555555555555555555aa"

static uint32_t told;

static void on_members_changed(void *arg)
{
    (void)arg;
    told++;
}

/* The log's newest configuration is now this. */
static void play_members(struct kit *kit, const struct sw_group_peer *peers, uint32_t count)
{
    struct kit_group *g = &kit_group_now;

    memmove(g->peers, peers, count * sizeof *peers); /* perhaps its own */
    g->peer_count = count;
    kit->node->config.handler.members_changed = on_members_changed;
    g->config.handler.members_changed(g->config.handler.arg);
}

static void play_four(struct kit *kit)
{
    const struct sw_group_peer peers[] = {
        {.node = {1}, .role = SW_MEMBER_VOTER, .address = "h1:1,h1:2," KEY_2 ",0", .up = true},
        {.node = {2}, .role = SW_MEMBER_VOTER, .address = "h2:1", .acked_index = 3},
        {.node = {4}, .role = SW_MEMBER_LEARNER, .address = "h4:1,h4:2," KEY_4, .up = true}};

    play_members(kit, peers, 3);
}

static struct sw_request member(enum sw_op op, uint64_t id, uint64_t node, const char *text)
{
    struct sw_request request = kit_request(op, id);

    request.expected = node;
    request.value = sw_span_str(text);
    return request;
}

static struct kit_reply ask(struct kit *kit, struct sw_request request)
{
    kit_send(kit, 7, request);
    if (request.op == SW_OP_MEMBER_LIST) {
        kit_turn(kit);
    } else {
        kit_note(kit);
    }
    return kit_reply(kit, request.id);
}

static void members_are_what_the_log_says(void **state)
{
    struct kit *kit = kit_new();
    struct sw_node_peer peers[SW_NODE_COUNT_MAX];

    (void)state;
    kit_lead();
    assert_int_equal(sw_node_peers(kit->node, peers), 0); /* the kit's settings name no keys */
    told = 0;
    play_four(kit);
    assert_int_equal(told, 1);
    assert_int_equal(sw_node_peers(kit->node, peers), 1);
    assert_int_equal(peers[0].id.value, 4);
    assert_string_equal(peers[0].address, "h4:1");
    assert_int_equal(peers[0].key[0], 0x44);
    kit_free(kit);
}

/* This node was away while others came: its settings may name them, and they are let in; a member
 * that is gone is not. */
static void newer_members_of_the_settings_are_let_in(void **state)
{
    struct kit *kit = kit_new();
    struct sw_node_peer peers[SW_NODE_COUNT_MAX];

    (void)state;
    kit_lead();
    kit->node->known[1].text.has_key = true; /* node 2, not in the log any more */
    kit->node->known[2].id = (struct sw_node_id){9};
    kit->node->known[2].text.has_key = true;
    play_four(kit);
    kit_group_now.peer_count = 1;
    play_members(kit, kit_group_now.peers, 1);
    assert_int_equal(sw_node_peers(kit->node, peers), 2);
    assert_int_equal(peers[0].id.value, 2); /* the log knows of no one above 1 */
    play_four(kit);
    assert_int_equal(sw_node_peers(kit->node, peers), 3); /* 2 by the log, its key by settings */
    assert_int_equal(peers[2].id.value, 9);
    kit_free(kit);
}

static void hear(struct kit *kit, uint64_t index, uint64_t id, const char *text)
{
    const struct sw_link_handler handler = sw_node_link_handler(kit->node);
    struct sw_buf message = {0};

    sw_write_u8(&message, SW_NODE_MEMBERS);
    sw_write_u64(&message, index);
    sw_write_u8(&message, 1);
    sw_write_u64(&message, id);
    sw_write_blob(&message, sw_span_str(text));
    handler.peer_message(handler.arg, (struct sw_node_id){2}, sw_buf_span(&message));
    sw_buf_release(&message);
}

/* A peer that knows a newer configuration opens doors, as long as the own log is older. */
static void newer_members_are_heard_of(void **state)
{
    struct kit *kit = kit_new();
    struct sw_node_peer peers[SW_NODE_COUNT_MAX];

    (void)state;
    kit_lead();
    kit_group_now.members_index = 10;
    play_four(kit);
    told = 0;
    hear(kit, 10, 5, "h5:1,h5:2," KEY_5); /* no news */
    hear(kit, 11, 5, "h5:1,h5:2");        /* no text of a member */
    assert_int_equal(told, 0);
    hear(kit, 12, 5, "h5:1,h5:2," KEY_5);
    assert_int_equal(told, 1);
    hear(kit, 11, 4, "h9:1,h9:2," KEY_4); /* older news */
    assert_int_equal(told, 1);
    assert_int_equal(sw_node_peers(kit->node, peers), 2);
    assert_int_equal(peers[1].id.value, 5);
    assert_string_equal(peers[1].address, "h5:1");
    kit_group_now.members_index = 12;
    play_four(kit); /* now the log says it, and it does not name node 5 */
    assert_int_equal(sw_node_peers(kit->node, peers), 1);
    kit_free(kit);
}

static void what_the_log_says_is_passed_on(void **state)
{
    struct kit *kit = kit_new();
    struct kit *other;
    struct sw_buf said = {0};

    (void)state;
    kit_lead();
    kit->peer_up = true;
    kit_group_now.members_index = 10;
    play_four(kit);
    assert_int_equal(kit->message_count, 2); /* to 2 and to 4 */
    sw_write_bytes(&said, sw_buf_span(&kit->messages[0].bytes));
    kit_free(kit);
    other = kit_new();
    kit_lead();
    assert_int_equal(said.data[0], SW_NODE_MEMBERS);
    for (size_t size = 1; size < said.size; size++) { /* cut short, it says nothing */
        sw__hearsay_message(other->node, sw_span_of(said.data, size));
        assert_int_equal(other->node->heard_count, 0);
    }
    sw__hearsay_message(other->node, sw_buf_span(&said));
    assert_int_equal(other->node->heard_count, 3);
    assert_int_equal(other->node->heard_index, 10);
    sw_buf_release(&said);
    kit_free(other);
}

/* Found by the fuzzer: corpus/hearsay/text_with_nul. */
static void a_text_that_goes_on_behind_its_end_is_not_heard(void **state)
{
    static const char text[] = "h5:1\0more";
    struct kit *kit = kit_new();
    struct sw_buf said = {0};

    (void)state;
    kit_lead();
    sw_write_u8(&said, SW_NODE_MEMBERS);
    sw_write_u64(&said, 10);
    sw_write_u8(&said, 1);
    sw_write_u64(&said, 5);
    sw_write_blob(&said, sw_span_of(text, sizeof text - 1));
    sw__hearsay_message(kit->node, sw_buf_span(&said));
    assert_int_equal(kit->node->heard_index, 0);
    sw_store_u32(said.data + 18, 4); /* the text alone */
    sw__hearsay_message(kit->node, sw_span_of(said.data, 26));
    assert_int_equal(kit->node->heard_index, 10);
    sw_buf_release(&said);
    kit_free(kit);
}

static void the_list_tells_who_is_who(void **state)
{
    struct kit *kit = kit_new();
    struct kit_reply reply;

    (void)state;
    kit_lead();
    play_four(kit);
    kit_group_now.last_index = 5;
    reply = ask(kit, kit_request(SW_OP_MEMBER_LIST, 1));
    assert_int_equal(reply.err, SW_ERR_OK);
    assert_non_null(strstr(reply.detail, "\"next_id\":\"5\""));
    assert_non_null(strstr(reply.detail, "{\"id\":\"1\",\"role\":\"voter\",\"leader\":true"));
    assert_non_null(strstr(reply.detail,
                           "{\"id\":\"4\",\"role\":\"learner\",\"leader\":false,\"up\":true,"
                           "\"acked_index\":\"0\",\"lag\":\"5\",\"peer\":\"h4:1\",\"client\":\"h4:"
                           "2\",\"key\":\"" KEY_4 "\"}"));
    kit_free(kit);
}

static void an_addition_is_answered_when_it_is_made(void **state)
{
    struct kit *kit = kit_new();

    (void)state;
    kit_lead();
    play_four(kit);
    kit_send(kit, 7, member(SW_OP_MEMBER_ADD, 1, 5, "h5:1,h5:2," KEY_5));
    kit_note(kit);
    assert_int_equal(kit->reply_count, 0);
    assert_int_equal(kit_group_now.change.kind, SW_GROUP_ADD);
    assert_int_equal(kit_group_now.change.node.value, 5);
    assert_string_equal(kit_group_now.change_address, "h5:1,h5:2," KEY_5);
    kit_group_now.change_done(kit_group_now.change_arg, SW_ERR_OK);
    kit_turn(kit);
    assert_int_equal(kit_reply(kit, 1).err, SW_ERR_OK);
    kit_group_now.change_err = SW_ERR_BUSY;
    assert_int_equal(ask(kit, member(SW_OP_MEMBER_PROMOTE, 2, 4, "")).err, SW_ERR_BUSY);
    assert_string_equal(kit_reply(kit, 2).detail, "not now");
    kit_free(kit);
}

static void what_cannot_be_is_refused(void **state)
{
    struct kit *kit = kit_new();

    (void)state;
    kit_lead();
    play_four(kit);
    assert_int_equal(ask(kit, member(SW_OP_MEMBER_ADD, 1, 5, "h5:1")).err, SW_ERR_INVALID);
    assert_int_equal(ask(kit, member(SW_OP_MEMBER_ADD, 2, 5, "h4:1,h5:2," KEY_5)).err,
                     SW_ERR_CONFLICT);
    assert_int_equal(ask(kit, member(SW_OP_MEMBER_ADD, 3, 5, "h5:1,h4:2," KEY_5)).err,
                     SW_ERR_CONFLICT);
    assert_int_equal(ask(kit, member(SW_OP_MEMBER_ADD, 4, 5, "h5:1,h5:2," KEY_4)).err,
                     SW_ERR_CONFLICT);
    assert_int_equal(ask(kit, member(SW_OP_MEMBER_ADD, 5, 3, "h5:1,h5:2," KEY_5)).err,
                     SW_ERR_INVALID); /* 3 was used before */
    assert_non_null(strstr(kit_reply(kit, 5).detail, "5 is free"));
    assert_int_equal(ask(kit, member(SW_OP_MEMBER_ADD, 6, 5, "h5:1,h5:2," KEY_5 ",9")).err,
                     SW_ERR_INVALID); /* the floor is the leader's business */
    assert_int_equal(ask(kit, member(SW_OP_MEMBER_ADD, 8, UINT64_MAX, "h5:1,h5:2," KEY_5)).err,
                     SW_ERR_INVALID); /* a slip that would leave no id for anyone */
    assert_int_equal(kit_group_now.changes, 0);
    kit_role(SW_ROLE_FOLLOWER, 3, 2);
    assert_int_equal(ask(kit, member(SW_OP_MEMBER_REMOVE, 7, 4, "")).err, SW_ERR_NOT_LEADER);
    kit_free(kit);
}

/* When the member with the highest id goes, the leader's text keeps that the id was used. */
static void ids_are_used_once(void **state)
{
    struct kit *kit = kit_new();
    const struct sw_group_peer left[] = {
        {.node = {1}, .role = SW_MEMBER_VOTER, .address = "h1:1,h1:2," KEY_2 ",4", .up = true}};

    (void)state;
    kit_lead();
    play_four(kit);
    kit_send(kit, 7, member(SW_OP_MEMBER_REMOVE, 1, 2, ""));
    kit_note(kit);
    assert_string_equal(kit_group_now.change_own, "");
    kit_group_now.change_done(kit_group_now.change_arg, SW_ERR_OK);
    kit_send(kit, 7, member(SW_OP_MEMBER_REMOVE, 2, 4, ""));
    kit_note(kit);
    assert_string_equal(kit_group_now.change_own, "h1:1,h1:2," KEY_2 ",4");
    kit_group_now.change_done(kit_group_now.change_arg, SW_ERR_OK);
    play_members(kit, left, 1);
    assert_int_equal(ask(kit, member(SW_OP_MEMBER_ADD, 3, 4, "h5:1,h5:2," KEY_5)).err,
                     SW_ERR_INVALID);
    kit_free(kit);
}

/* 255 bytes hold the leader's addresses, but not the number behind them. */
static void an_id_that_cannot_be_remembered_does_not_go(void **state)
{
    struct kit *kit = kit_new();
    char address[SW_ADDRESS_SIZE_MAX];
    struct sw_group_peer peers[] = {
        {.node = {1}, .role = SW_MEMBER_VOTER, .address = address, .up = true},
        {.node = {4}, .role = SW_MEMBER_LEARNER, .address = "h4:1,h4:2," KEY_4, .up = true}};

    (void)state;
    (void)snprintf(address, sizeof address, "%0126d:1,%055d:2,%s", 0, 0, KEY_2);
    assert_int_equal(strlen(address), 251);
    kit_lead();
    play_members(kit, peers, 2);
    kit->node->id_floor = 44444; /* as a member has it that is gone by now */
    assert_int_equal(ask(kit, member(SW_OP_MEMBER_REMOVE, 1, 4, "")).err, SW_ERR_INVALID);
    assert_non_null(strstr(kit_reply(kit, 1).detail, "add another"));
    assert_int_equal(kit_group_now.changes, 0);
    kit_free(kit);
}

/* Its outcome is not known: the entry may be committed by the next leader. */
static void a_stop_answers_a_change_that_is_under_way(void **state)
{
    struct kit *kit = kit_new_with((struct sw_node_limits){.drain_ms_max = 10});

    (void)state;
    kit_lead();
    play_four(kit);
    kit_send(kit, 7, member(SW_OP_MEMBER_REMOVE, 1, 4, ""));
    kit_note(kit);
    sw_node_stop(kit->node);
    kit->now_ms += 11;
    kit_turn(kit);
    assert_int_equal(kit_reply(kit, 1).err, SW_ERR_UNKNOWN_OUTCOME);
    kit_free(kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_are_what_the_log_says),
        cmocka_unit_test(newer_members_of_the_settings_are_let_in),
        cmocka_unit_test(newer_members_are_heard_of),
        cmocka_unit_test(what_the_log_says_is_passed_on),
        cmocka_unit_test(a_text_that_goes_on_behind_its_end_is_not_heard),
        cmocka_unit_test(the_list_tells_who_is_who),
        cmocka_unit_test(an_addition_is_answered_when_it_is_made),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(ids_are_used_once),
        cmocka_unit_test(an_id_that_cannot_be_remembered_does_not_go),
        cmocka_unit_test(a_stop_answers_a_change_that_is_under_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
