/* State from a peer: fetched chunk by chunk through a link that loses, repeats and reorders, from a
 * real second store. The giver is a second state driven through the same applier code. */
#include "tests/unit/node/node_kit.h"

/* The giver's side of the conversation, as the node's own messages see it. */
static void deliver(struct kit *kit, uint64_t from, struct sw_span message)
{
    const struct sw_link_handler handler = sw_node_link_handler(kit->node);

    handler.peer_message(handler.arg, (struct sw_node_id){from}, message);
}

static struct sw_buf last_message(struct kit *kit, uint8_t kind)
{
    struct sw_buf copy = {0};

    assert_true(kit->message_count > 0);
    sw_write_bytes(&copy, sw_buf_span(&kit->messages[kit->message_count - 1].bytes));
    assert_int_equal(copy.data[0], kind);
    kit->message_count = 0;
    return copy;
}

static void want(uint64_t from, uint64_t index)
{
    const struct sw_group_handler *handler = &kit_group_now.config.handler;

    handler->install_wanted(handler->arg,
                            (struct sw_node_id){from},
                            (struct sw_group_snapshot){.index = index, .digest = 1});
}

/* A node with `count` large writes executed, to copy from. */
struct giver {
    struct kit *kit;
    struct kit_group group;
};

static void swap_group(struct kit_group *other)
{
    const struct kit_group now = kit_group_now;

    kit_group_now = *other;
    *other = now;
}

static struct giver giver_new(uint32_t count)
{
    struct giver giver = {0};
    char *value = calloc(1, 200001);
    char key[16];

    assert_non_null(value);
    memset(value, 'v', 200000);
    giver.kit = kit_new();
    kit_lead();
    for (uint32_t i = 1; i <= count; i++) {
        (void)snprintf(key, sizeof key, "key-%04u", i);
        kit_send(giver.kit, 7, kit_put(i, key, value));
        kit_settle(giver.kit, kit_group_now.last_index + 1);
    }
    free(value);
    return giver;
}

static void giver_free(struct giver *giver)
{
    kit_free(giver->kit);
}

/* Passes the fetch on to the giver and its chunk back. */
static struct sw_buf answer_of(struct giver *giver, struct sw_span fetch)
{
    deliver(giver->kit, 1, fetch);
    kit_jobs(giver->kit);
    return last_message(giver->kit, SW_NODE_STATE_CHUNK);
}

static uint64_t digest_of(struct kit *kit)
{
    struct sw_node_status status;

    kit->now_ms += 1000;
    kit_turn(kit);
    kit_jobs(kit);
    sw_node_status(kit->node, &status);
    return status.digest;
}

static void a_state_that_is_new_enough_is_only_made_durable(void **state)
{
    struct kit *kit = kit_new();

    (void)state;
    kit_lead();
    kit_send(kit, 7, kit_put(1, "a", "1"));
    kit_settle(kit, 1);
    want(2, 1);
    assert_int_equal(kit_group_now.install_done, 0);
    kit_jobs(kit);
    assert_int_equal(kit_group_now.install_done, 1);
    assert_int_equal(kit_group_now.install_err, SW_ERR_OK);
    assert_int_equal(kit_group_now.snapshot.index, 1);
    assert_int_equal(kit->message_count, 0); /* nothing was fetched */
    kit_free(kit);
}

/* Copies a giver's state into a fresh node; with `noise` every message comes twice, late chunks are
 * replayed and each fetch is lost once. */
static void copy_all(bool noise)
{
    struct giver giver = giver_new(8);
    const uint64_t want_index = kit_group_now.last_index;
    struct kit_group other = kit_group_now;
    struct kit *kit = kit_new();
    uint32_t rounds = 0;
    struct sw_buf old = {0};

    want(2, want_index);
    kit_jobs(kit); /* looks at home first */
    while (kit_group_now.install_done == 0) {
        struct sw_buf fetch = last_message(kit, SW_NODE_STATE_FETCH);
        struct sw_buf chunk;

        if (noise) { /* lost: asked again after a while */
            sw_buf_release(&fetch);
            while (kit->message_count == 0) {
                kit->now_ms += 500;
                sw_node_tick(kit->node);
            }
            fetch = last_message(kit, SW_NODE_STATE_FETCH);
        }
        chunk = answer_of(&giver, sw_buf_span(&fetch));
        if (noise && old.size > 0) {
            deliver(kit, 2, sw_buf_span(&old));
        }
        deliver(kit, 3, sw_buf_span(&chunk)); /* not from whom we asked */
        assert_false(kit->node->shards[0]->install.importing);
        deliver(kit, 2, sw_buf_span(&chunk));
        if (noise) {
            deliver(kit, 2, sw_buf_span(&chunk));
        }
        kit_jobs(kit);
        sw_buf_release(&old);
        old = chunk;
        sw_buf_release(&fetch);
        rounds++;
        assert_true(rounds < 50);
    }
    assert_true(rounds > 2); /* 1.6 MB do not fit into one chunk */
    assert_int_equal(kit_group_now.install_err, SW_ERR_OK);
    assert_int_equal(kit_group_now.snapshot.index, want_index);
    assert_int_equal(digest_of(kit), digest_of(giver.kit));
    sw_buf_release(&old);
    kit_free(kit);
    swap_group(&other);
    giver_free(&giver);
}

static void a_copy_arrives_whole(void **state)
{
    (void)state;
    copy_all(false);
}

static void a_copy_survives_loss_repeats_and_strangers(void **state)
{
    (void)state;
    copy_all(true);
}

static void a_peer_that_is_silent_is_given_up(void **state)
{
    struct kit *kit = kit_new();

    (void)state;
    want(2, 10);
    kit_jobs(kit);
    for (int i = 0; i < 30 && kit_group_now.install_done == 0; i++) {
        kit->message_count = 0;
        kit->now_ms += 500;
        sw_node_tick(kit->node);
    }
    assert_int_equal(kit_group_now.install_done, 1);
    assert_int_equal(kit_group_now.install_err, SW_ERR_UNREACHABLE);
    kit_free(kit);
}

static void a_giver_that_lost_the_copy_makes_it_start_again(void **state)
{
    struct giver giver = giver_new(8);
    const uint64_t want_index = kit_group_now.last_index;
    struct kit_group other = kit_group_now;
    struct kit *kit = kit_new();
    struct sw_buf fetch;
    struct sw_buf chunk;
    struct sw_buf first;
    uint64_t transfer;

    (void)state;
    want(2, want_index);
    kit_jobs(kit);
    transfer = kit->node->shards[0]->install.transfer;
    fetch = last_message(kit, SW_NODE_STATE_FETCH);
    first = answer_of(&giver, sw_buf_span(&fetch));
    deliver(kit, 2, sw_buf_span(&first));
    kit_jobs(kit);
    sw_buf_release(&fetch);
    fetch = last_message(kit, SW_NODE_STATE_FETCH); /* from the middle */
    giver.kit->now_ms += 60000;                     /* the giver forgot it */
    sw_node_tick(giver.kit->node);
    deliver(giver.kit, 1, sw_buf_span(&fetch));
    chunk = last_message(giver.kit, SW_NODE_STATE_CHUNK); /* at once: no job is needed to know */
    deliver(kit, 2, sw_buf_span(&chunk));
    assert_int_not_equal(kit->node->shards[0]->install.transfer, transfer);
    assert_int_equal(kit->node->shards[0]->install.cursor.size, 0);
    deliver(kit, 2, sw_buf_span(&first)); /* the right cursor, of the copy before */
    assert_false(kit->node->shards[0]->install.importing);
    sw_buf_release(&first);
    sw_buf_release(&fetch);
    sw_buf_release(&chunk);
    kit_free(kit);
    swap_group(&other);
    giver_free(&giver);
}

static void a_second_receiver_waits_for_the_first(void **state)
{
    struct giver giver = giver_new(8);
    struct sw_buf fetch = {0};
    struct sw_buf chunk;

    (void)state;
    sw_write_u8(&fetch, SW_NODE_STATE_FETCH);
    sw_write_u32(&fetch, 1);
    sw_write_u64(&fetch, 55);
    sw_write_u8(&fetch, 0);
    sw_write_blob(&fetch, sw_span_of(NULL, 0));
    deliver(giver.kit, 2, sw_buf_span(&fetch));
    kit_jobs(giver.kit);
    giver.kit->message_count = 0;
    deliver(giver.kit, 3, sw_buf_span(&fetch));
    chunk = last_message(giver.kit, SW_NODE_STATE_CHUNK);
    assert_int_equal(sw_load_u32(chunk.data + 13), SW_ERR_BUSY);
    sw_buf_release(&chunk);
    fetch.data[13] = 1; /* the first one says that it has ended */
    deliver(giver.kit, 2, sw_buf_span(&fetch));
    fetch.data[13] = 0;
    deliver(giver.kit, 3, sw_buf_span(&fetch));
    kit_jobs(giver.kit);
    chunk = last_message(giver.kit, SW_NODE_STATE_CHUNK);
    assert_int_equal(sw_load_u32(chunk.data + 13), SW_ERR_OK);
    sw_buf_release(&chunk);
    sw_buf_release(&fetch);
    giver_free(&giver);
}

static void broken_messages_are_dropped(void **state)
{
    struct kit *kit = kit_new();
    const uint8_t unknown_group[] = {SW_NODE_STATE_FETCH, 9, 0, 0, 0};

    (void)state;
    for (uint8_t kind = 64; kind < 128; kind++) {
        uint8_t bytes[40] = {kind, 1};

        for (size_t size = 1; size <= sizeof bytes; size++) {
            deliver(kit, 2, sw_span_of(bytes, size));
        }
    }
    deliver(kit, 2, sw_span_of(unknown_group, sizeof unknown_group));
    kit_jobs(kit);
    assert_false(kit->node->shards[0]->install.active);
    kit_free(kit);
}

static void what_was_proposed_under_a_copy_is_unknown(void **state)
{
    struct kit *kit = kit_new();

    (void)state;
    kit_lead();
    kit_send(kit, 7, kit_put(1, "a", "1"));
    kit_turn(kit);
    kit_role(SW_ROLE_FOLLOWER, 3, 2);
    sw__shard_skip_to(kit->node->shards[0], 1);
    kit_turn(kit);
    assert_int_equal(kit_reply(kit, 1).err, SW_ERR_LEADERSHIP_LOST);
    kit_free(kit);
}

/* A slow link is not a lossy one: what is under way is not asked for again. */
static void the_time_of_an_answer_tells_when_the_next_is_late(void **state)
{
    struct giver giver = giver_new(8);
    const uint64_t want_index = kit_group_now.last_index;
    struct kit_group other = kit_group_now;
    struct kit *kit = kit_new();
    struct sw_buf fetch;
    struct sw_buf chunk;

    (void)state;
    want(2, want_index);
    kit_jobs(kit);
    fetch = last_message(kit, SW_NODE_STATE_FETCH);
    kit->now_ms += 800;
    chunk = answer_of(&giver, sw_buf_span(&fetch));
    deliver(kit, 2, sw_buf_span(&chunk));
    kit_jobs(kit);
    sw_buf_release(&fetch);
    fetch = last_message(kit, SW_NODE_STATE_FETCH);
    kit->now_ms += 1000;
    sw_node_tick(kit->node);
    assert_int_equal(kit->message_count, 0);
    kit->now_ms += 300;
    sw_node_tick(kit->node);
    assert_int_equal(kit->message_count, 1);
    sw_buf_release(&fetch);
    sw_buf_release(&chunk);
    kit_free(kit);
    swap_group(&other);
    giver_free(&giver);
}

/* Leaders may change more often than a slow disk flushes. */
static void many_sources_share_one_flush(void **state)
{
    struct kit *kit = kit_new();

    (void)state;
    for (uint64_t i = 0; i < 40; i++) {
        want(2 + i % 2, 10 + i);
    }
    kit_jobs(kit);
    assert_int_equal(kit->message_count, 1);
    assert_int_equal(kit->messages[0].to.value, 3);
    kit_free(kit);
}

/* The end of a copy may come when the group has stopped. */
static void a_copy_that_ends_after_the_group_is_dropped(void **state)
{
    struct kit *kit = kit_new();
    struct sw_buf chunk = {0};

    (void)state;
    want(2, 10);
    kit_jobs(kit);
    sw_write_u8(&chunk, SW_NODE_STATE_CHUNK);
    sw_write_u32(&chunk, 1);
    sw_write_u64(&chunk, kit->node->shards[0]->install.transfer);
    sw_write_u32(&chunk, SW_ERR_OK);
    sw_write_blob(&chunk, sw_span_of(NULL, 0));
    sw_write_blob(&chunk, sw_span_str("not a chunk"));
    sw_node_stop(kit->node);
    kit_turn(kit);
    deliver(kit, 2, sw_buf_span(&chunk)); /* behind the flush of the stop */
    assert_true(kit->node->shards[0]->install.importing);
    assert_true(kit_job(kit));
    kit_turn(kit);
    assert_null(kit->node->shards[0]->group);
    kit_jobs(kit);
    assert_int_equal(kit_group_now.install_done, 0);
    sw_buf_release(&chunk);
    kit_free(kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_state_that_is_new_enough_is_only_made_durable),
        cmocka_unit_test(a_copy_arrives_whole),
        cmocka_unit_test(a_copy_survives_loss_repeats_and_strangers),
        cmocka_unit_test(a_peer_that_is_silent_is_given_up),
        cmocka_unit_test(a_giver_that_lost_the_copy_makes_it_start_again),
        cmocka_unit_test(a_second_receiver_waits_for_the_first),
        cmocka_unit_test(broken_messages_are_dropped),
        cmocka_unit_test(what_was_proposed_under_a_copy_is_unknown),
        cmocka_unit_test(the_time_of_an_answer_tells_when_the_next_is_late),
        cmocka_unit_test(many_sources_share_one_flush),
        cmocka_unit_test(a_copy_that_ends_after_the_group_is_dropped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
