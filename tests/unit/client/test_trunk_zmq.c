/* Clients of one identity share a connection, each gets its own replies, and the last one closes
 * it. The other side is a real link whose node echoes: what is sent are replies, and they come
 * back. */
#include "client/core.h"
#include "client/trunk_zmq.h"
#include "tests/unit/transport/link_world.h"

enum { USERS = 3 };

static const uint64_t tag_unit = UINT64_C(1) << 44; /* one tag apart */

struct someone {
    struct sw_trunk_user user;
    uint64_t ids[16]; /* of the replies, in order */
    uint32_t count;
    uint32_t calls;
    bool up;
};

struct stage {
    struct world *world;
    void *context;
    struct sw_keypair *keys;
    struct sw_trunks trunks;
    uint32_t opened, closing;
    struct someone someone[USERS];
};

static void on_message(void *arg, struct sw_node_id node, struct sw_span message)
{
    struct someone *someone = arg;
    struct sw_reader in = sw_reader_of(message);

    (void)node;
    someone->calls++;
    while (sw_reader_left(&in) > 0) {
        struct sw_reply reply;

        assert_int_equal(sw_reply_decode(&in, &reply), SW_ERR_OK);
        assert_true(someone->count < 16);
        someone->ids[someone->count++] = reply.id;
    }
}

static void on_state(void *arg, struct sw_node_id node, bool up, enum sw_err why)
{
    struct someone *someone = arg;

    (void)why;
    assert_int_equal(node.value, 1);
    someone->up = up;
}

static enum sw_err on_opened(void *arg, struct sw_trunk *trunk)
{
    struct stage *stage = arg;

    assert_non_null(sw_trunk_conn(trunk));
    stage->opened++;
    return SW_ERR_OK;
}

static void on_closing(void *arg, struct sw_trunk *trunk)
{
    struct stage *stage = arg;

    (void)trunk;
    stage->closing++;
}

static struct sw_trunk_config config_of(struct stage *stage)
{
    struct world_node *node = &stage->world->node[1];
    struct sw_trunk_config config = {.context = stage->context,
                                     .node = {.id = {1}},
                                     .swarm = stage->world->swarm,
                                     .keys = stage->keys,
                                     .seed = 1,
                                     .dial_timeout_ms = 20000};

    (void)snprintf(config.node.address, sizeof config.node.address, "%s", node->client_address);
    memcpy(config.node.public_key, node->keys->public_key.bytes, sizeof config.node.public_key);
    return config;
}

static void join(struct stage *stage, uint32_t i, uint32_t tag)
{
    const struct sw_trunk_config config = config_of(stage);
    struct someone *someone = &stage->someone[i];

    *someone = (struct someone){
        .user = {.tag = tag, .arg = someone, .message = on_message, .state = on_state}};
    assert_int_equal(sw_trunk_join(&stage->trunks, &config, &someone->user), SW_ERR_OK);
}

static bool turn(struct stage *stage)
{
    for (struct sw_trunk *trunk = stage->trunks.first; trunk != NULL;
         trunk = sw_trunk_next(trunk)) {
        sw_trunk_poll(trunk, world_now_ms(NULL));
        (void)sw_trunk_flush(trunk, world_now_ms(NULL));
    }
    return true;
}

static void say(struct stage *stage, uint32_t i, const uint64_t *ids, uint32_t count)
{
    struct sw_buf message = {0};

    for (uint32_t at = 0; at < count; at++) {
        sw_reply_encode(&(struct sw_reply){.id = ids[at]}, &message);
    }
    assert_int_equal(sw_trunk_send(&stage->someone[i].user, sw_buf_span(&message)), SW_ERR_OK);
    sw_buf_release(&message);
}

static void leave(struct stage *stage, uint32_t i)
{
    sw_trunk_leave(&stage->trunks, &stage->someone[i].user, world_now_ms(NULL));
}

static int set_up(void **state)
{
    static struct stage stage;

    assert_int_equal(sw_crypto_init(), SW_ERR_OK);
    stage =
        (struct stage){.context = sw_port_context_new(), .keys = sw_secret_new(sizeof *stage.keys)};
    stage.world = world_new();
    sw_keypair_generate(stage.keys);
    sw_link_zmq_allow_clients(stage.world->node[1].link, &stage.keys->public_key, 1);
    stage.trunks = (struct sw_trunks){.arg = &stage, .opened = on_opened, .closing = on_closing};
    *state = &stage;
    return 0;
}

static int tear_down(void **state)
{
    struct stage *stage = *state;

    for (uint32_t i = 0; i < USERS; i++) {
        leave(stage, i);
    }
    assert_null(stage->trunks.first);
    assert_int_equal(stage->opened, stage->closing);
    sw_port_context_free(stage->context);
    sw_secret_free(stage->keys);
    world_free(stage->world);
    return 0;
}

static void one_connection_serves_all_and_each_gets_its_own(void **state)
{
    struct stage *stage = *state;
    const uint64_t ids[] = {1, 2, tag_unit + 1, 3, 5 * tag_unit + 1, tag_unit + 2};

    join(stage, 0, 0);
    join(stage, 1, 1);
    assert_int_equal(stage->opened, 1);
    WORLD_UNTIL(stage->world, turn(stage) && stage->someone[0].up && stage->someone[1].up);
    say(stage, 0, ids, 6);
    WORLD_UNTIL(stage->world,
                turn(stage) && stage->someone[0].count == 3 && stage->someone[1].count == 2);
    assert_int_equal(stage->someone[0].ids[0], 1);
    assert_int_equal(stage->someone[0].ids[1], 2);
    assert_int_equal(stage->someone[0].ids[2], 3);
    assert_int_equal(stage->someone[0].calls, 2); /* neighbours come together */
    assert_int_equal(stage->someone[1].ids[0], tag_unit + 1);
    assert_int_equal(stage->someone[1].ids[1], tag_unit + 2);
}

static void a_late_comer_learns_that_the_node_is_up(void **state)
{
    struct stage *stage = *state;

    join(stage, 0, 0);
    WORLD_UNTIL(stage->world, turn(stage) && stage->someone[0].up);
    join(stage, 1, 7);
    assert_true(stage->someone[1].up);
    leave(stage, 0);
    assert_int_equal(stage->closing, 0); /* somebody is left */
    say(stage, 1, &(uint64_t){7 * tag_unit}, 1);
    WORLD_UNTIL(stage->world, turn(stage) && stage->someone[1].count == 1);
    leave(stage, 1);
    assert_int_equal(stage->closing, 1);
}

static void another_identity_has_a_connection_of_its_own(void **state)
{
    struct stage *stage = *state;
    struct sw_keypair *keys = stage->keys;

    join(stage, 0, 0);
    stage->keys = sw_secret_new(sizeof *stage->keys);
    sw_keypair_generate(stage->keys);
    join(stage, 1, 1);
    sw_secret_free(stage->keys);
    stage->keys = keys;
    assert_int_equal(stage->opened, 2);
    assert_ptr_not_equal(stage->someone[0].user.trunk, stage->someone[1].user.trunk);
}

static void unanswered_requests_are_bounded_as_the_node_bounds_them(void **state)
{
    struct stage *stage = *state;
    const struct sw_reply reply = {.id = 1};
    struct sw_buf message = {0};

    join(stage, 0, 0);
    join(stage, 1, 1);
    WORLD_UNTIL(stage->world, turn(stage) && stage->someone[0].up);
    stage->world->node[1].mute = true;
    sw_reply_encode(&reply, &message);
    for (uint32_t i = 0; i < SW_CLIENT_IN_FLIGHT_MAX; i++) {
        assert_int_equal(sw_trunk_send(&stage->someone[i % 2].user, sw_buf_span(&message)),
                         SW_ERR_OK);
    }
    assert_int_equal(sw_trunk_send(&stage->someone[1].user, sw_buf_span(&message)), SW_ERR_BUSY);
    sw_buf_release(&message);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            one_connection_serves_all_and_each_gets_its_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_late_comer_learns_that_the_node_is_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            another_identity_has_a_connection_of_its_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            unanswered_requests_are_bounded_as_the_node_bounds_them, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
