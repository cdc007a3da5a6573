/* Three links over real sockets: order, restarts, clients, and everything that strangers try. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/prng.h"
#include "tests/unit/transport/link_world.h"

static int setup(void **state)
{
    struct world *world = world_new();

    for (uint64_t id = 1; id <= WORLD_NODE_COUNT; id++) {
        world_connect(world, id);
    }
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    world_free(*state);
    return 0;
}

static bool all_received(const struct world *world, uint64_t count)
{
    for (uint64_t to = 1; to <= WORLD_NODE_COUNT; to++) {
        for (uint64_t from = 1; from <= WORLD_NODE_COUNT; from++) {
            if (from != to && world->node[to].received[from] < count) {
                return false;
            }
        }
    }
    return true;
}

static void nodes_exchange_messages_in_order(void **state)
{
    enum { COUNT = 2000 };
    struct world *world = *state;
    struct sw_prng prng = sw_prng_of(1);

    WORLD_UNTIL(world, world_all_up(world));
    while (!all_received(world, COUNT)) {
        for (uint64_t from = 1; from <= WORLD_NODE_COUNT; from++) {
            for (uint64_t to = 1; to <= WORLD_NODE_COUNT; to++) {
                for (int i = 0; from != to && i < 20 && world->node[from].next[to] < COUNT; i++) {
                    (void)world_send(world, from, to, sw_prng_range(&prng, 8, 3000));
                }
            }
        }
        world_turn(world);
    }
    for (uint64_t id = 1; id <= WORLD_NODE_COUNT; id++) {
        const struct sw_link_stats stats = world_stats(world, id);

        assert_int_equal(stats.messages_received, 2 * COUNT);
        assert_int_equal(stats.dropped_unsealed + stats.dropped_replayed, 0);
        assert_true(stats.frames_sent < stats.messages_sent); /* several messages share a frame */
    }
}

static void large_messages_pass_under_credit(void **state)
{
    struct world *world = *state;
    bool was_busy = false;
    uint64_t sent = 0;

    WORLD_UNTIL(world, world_all_up(world));
    while (world->node[2].received[1] < 40) {
        if (sent < 40) {
            const bool taken = world_send(world, 1, 2, SW_MESSAGE_SIZE_MAX);

            sent += taken ? 1 : 0;
            was_busy = was_busy || !taken;
            if (taken) {
                continue; /* until credit runs out: nothing leaves before a flush */
            }
        }
        world_turn(world);
    }
    assert_true(was_busy);
    assert_int_equal(world->node[2].last[1], 40); /* none lost */
}

static void a_restarted_node_comes_back(void **state)
{
    struct world *world = *state;
    uint64_t start_ms;

    WORLD_UNTIL(world, world_all_up(world));
    world_check_path(world, 1, 2);
    world_check_path(world, 2, 1);
    sw_link_zmq_free(world->node[2].link);
    world->node[2].link = NULL;
    for (int i = 0; i < 20; i++) {
        (void)world_send(world, 1, 2, 16); /* into the void */
        world_turn(world);
    }
    world_open(world, 2);
    world_connect(world, 2);
    start_ms = world_now_ms(NULL);
    world_check_path(world, 1, 2);
    world_check_path(world, 2, 1);
    world_check_path(world, 3, 2);
    print_message("traffic both ways %llu ms after the restart\n",
                  (unsigned long long)(world_now_ms(NULL) - start_ms));
}

static void a_dead_peer_goes_down(void **state)
{
    struct world *world = *state;
    struct sw_link *link = world->node[1].link;

    WORLD_UNTIL(world, world_all_up(world));
    sw_link_zmq_free(world->node[2].link);
    world->node[2].link = NULL;
    WORLD_UNTIL(world, !link->ops->peer_up(link, (struct sw_node_id){2}));
    assert_int_equal(link->ops->send(link, (struct sw_node_id){2}, sw_span_str("x")),
                     SW_ERR_UNREACHABLE);
    assert_int_equal(link->ops->send(link, (struct sw_node_id){9}, sw_span_str("x")),
                     SW_ERR_UNREACHABLE);
}

/* The node that claims to be 3 holds other keys or another swarm; returns how often it came up. */
static uint64_t impostor(struct world *world, bool other_key, bool other_swarm)
{
    struct sw_link_zmq_config config = world_config(world, 3);
    struct sw_keypair *keys = sw_secret_new(sizeof(*keys));
    const uint64_t refused = world_stats(world, 1).handshakes_refused;
    char why[SW_WHY_SIZE];
    uint64_t ups;

    sw_link_zmq_free(world->node[3].link);
    world->node[3].link = NULL;
    world->node[3].ups = 0;
    sw_keypair_generate(keys);
    config.keys = other_key ? keys : world->node[3].keys;
    config.swarm.bytes[0] ^= other_swarm ? 1 : 0;
    assert_int_equal(sw_link_zmq_new(&config, &world->node[3].link, why), SW_ERR_OK);
    world_add_peer(world, 3, 1, NULL);
    WORLD_UNTIL(world, world_stats(world, 1).handshakes_refused >= refused + 3);
    ups = world->node[3].ups;
    sw_link_zmq_free(world->node[3].link);
    world->node[3].link = NULL;
    sw_secret_free(keys);
    return ups;
}

static void impostors_never_get_a_session(void **state)
{
    struct world *world = *state;

    WORLD_UNTIL(world, world_all_up(world));
    assert_int_equal(impostor(world, true, false), 0);
    assert_int_equal(world->node[1].last_event, SW_ERR_UNAUTHORIZED);
    assert_int_equal(impostor(world, false, true), 0);
    assert_int_equal(world->node[1].last_event, SW_ERR_UNAUTHENTICATED);
    assert_true(world->node[1].events <= 6); /* far fewer lines than attempts */
    world_check_path(world, 1, 2);
    world_open(world, 3);
    world_connect(world, 3);
    world_check_path(world, 3, 1);
    world_check_path(world, 1, 3);
}

static int connect_raw(const char *address)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    to.sin_port = htons((uint16_t)strtoul(strrchr(address, ':') + 1, NULL, 10));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

static void garbage_on_the_ports_does_no_harm(void **state)
{
    struct world *world = *state;
    struct sw_prng prng = sw_prng_of(5);

    WORLD_UNTIL(world, world_all_up(world));
    for (int round = 0; round < 60; round++) {
        const struct world_node *node = &world->node[1];
        const int fd = connect_raw(round % 2 == 0 ? node->peer_address : node->client_address);
        uint8_t bytes[4096];

        for (size_t i = 0; i < sizeof(bytes); i++) {
            bytes[i] = (uint8_t)sw_prng_next(&prng);
        }
        if (round % 3 == 0) { /* a right ZMTP greeting first, then nonsense */
            memset(bytes, 0, 64);
            bytes[0] = 0xff;
            bytes[9] = 0x7f;
            bytes[10] = 3;
            memcpy(bytes + 12, "NULL", 4);
        }
        (void)!send(fd, bytes, sw_prng_range(&prng, 1, sizeof(bytes)), MSG_NOSIGNAL);
        world_turn(world);
        (void)close(fd);
    }
    world_check_path(world, 1, 2);
    world_check_path(world, 2, 1);
    assert_int_equal(world->node[1].ups, 2); /* no session was lost meanwhile */
}

/* A stranger who speaks ZeroMQ: frames of every kind and size, on both ports. */
static void frames_of_strangers_are_counted_and_dropped(void **state)
{
    struct world *world = *state;
    struct sw_prng prng = sw_prng_of(6);
    void *context = sw_port_context_new();
    char why[SW_WHY_SIZE];

    WORLD_UNTIL(world, world_all_up(world));
    for (int port_number = 0; port_number < 2; port_number++) {
        const struct world_node *node = &world->node[1];
        const char *address = port_number == 0 ? node->peer_address : node->client_address;
        struct sw_port *port;
        struct sw_sink sink;
        int sent = 0;

        assert_int_equal(sw_port_new(context, SW_PORT_DEALER, false, &port, why), SW_ERR_OK);
        assert_int_equal(sw_port_connect(port, address, why), SW_ERR_OK);
        sink = sw_port_sink(port);
        while (sent < 2000) {
            const size_t size = sw_prng_range(&prng, 0, 400);
            uint8_t *frame = sink.reserve(sink.arg, size);

            for (size_t i = 0; i < size; i++) {
                frame[i] = (uint8_t)sw_prng_next(&prng);
            }
            if (size >= SW_FRAME_HEADER_SIZE) { /* right enough to get past the first checks */
                frame[0] = SW_FRAME_VERSION;
                frame[1] = (uint8_t)sw_prng_range(&prng, 0, 6);
                frame[2] = (uint8_t)(frame[1] == SW_FRAME_SEALED ? 1 : 17);
                frame[3] = 0;
                sw_store_u32(frame + 28, (uint32_t)(size - SW_FRAME_HEADER_SIZE));
            }
            sent += sink.commit(sink.arg, NULL) == SW_ERR_OK ? 1 : 0;
            world_turn(world);
        }
        sw_port_free(port);
    }
    sw_port_context_free(context);
    assert_true(world_stats(world, 1).dropped_malformed > 1000);
    world_check_path(world, 1, 2);
    world_check_path(world, 2, 1);
    assert_int_equal(world->node[1].ups, 2);
    assert_true(world->node[1].events > 0);
    assert_true(world->node[1].events < 20);
}

/* A man in the middle between node 1's dialer and node 2's listener. */
enum attack { PASS, FLIP, CUT, REPLAY, REFLECT, SPOOF, ATTACK_COUNT };

struct proxy {
    void *context;
    struct sw_port *front, *back;
    struct sw_route route; /* of node 1 */
    enum attack attack;
    struct sw_prng prng;
    char address[SW_ADDRESS_SIZE_MAX];
    unsigned attacked;
};

static void forward(struct sw_port *to, const struct sw_route *route, struct sw_span frame)
{
    const struct sw_sink sink = sw_port_sink(to);

    memcpy(sink.reserve(sink.arg, frame.size), frame.data, frame.size);
    (void)!sink.commit(sink.arg, route); /* what does not leave is lost, as on any wire */
}

static void proxy_attack(struct proxy *proxy, uint8_t *frame, size_t size)
{
    const uint64_t bit = sw_prng_below(&proxy->prng, size * 8);
    struct sw_span out = sw_span_of(frame, size);

    switch (proxy->attack) {
    case FLIP:
        frame[bit / 8] ^= (uint8_t)(1 << bit % 8);
        break;
    case CUT:
        out.size = sw_prng_below(&proxy->prng, size);
        break;
    case REPLAY:
        forward(proxy->back, NULL, out);
        break;
    case REFLECT:
        forward(proxy->front, &proxy->route, out);
        break;
    case SPOOF:
        frame[8] = 3; /* node 1's frame in node 3's name */
        break;
    case PASS:
    case ATTACK_COUNT:
    default:
        break;
    }
    proxy->attacked++;
    forward(proxy->back, NULL, out);
}

static bool proxy_turn(struct proxy *proxy)
{
    struct sw_route none;
    uint8_t *frame;
    size_t size;

    while (sw_port_take(proxy->front, &proxy->route, &frame, &size) == SW_ERR_OK) {
        if (size > 0 && sw_prng_chance(&proxy->prng, 1, 2)) {
            proxy_attack(proxy, frame, size);
        } else {
            forward(proxy->back, NULL, sw_span_of(frame, size));
        }
    }
    while (sw_port_take(proxy->back, &none, &frame, &size) == SW_ERR_OK) {
        if (proxy->route.size > 0) {
            forward(proxy->front, &proxy->route, sw_span_of(frame, size));
        }
    }
    return true;
}

static uint64_t dropped(const struct sw_link_stats *stats)
{
    return stats->dropped_unsealed + stats->dropped_replayed + stats->dropped_malformed;
}

static void check_counter(enum attack attack,
                          const struct sw_link_stats *before,
                          const struct sw_link_stats *after,
                          const struct sw_link_stats *victim)
{
    if (attack == REPLAY) {
        assert_true(after->dropped_replayed > before->dropped_replayed);
    } else if (attack == REFLECT) {
        assert_true(victim->dropped_unsealed > 0);
    } else if (attack == SPOOF) {
        assert_true(after->dropped_unsealed > before->dropped_unsealed);
    } else if (attack == CUT) {
        assert_true(after->dropped_malformed > before->dropped_malformed);
    } else if (attack == FLIP) {
        assert_true(dropped(after) > dropped(before));
    }
}

static void a_man_in_the_middle_can_only_lose_messages(void **state)
{
    struct world *world = *state;
    struct proxy proxy = {.context = sw_port_context_new(), .prng = sw_prng_of(9)};
    char why[SW_WHY_SIZE];

    assert_int_equal(sw_port_new(proxy.context, SW_PORT_ROUTER, false, &proxy.front, why),
                     SW_ERR_OK);
    assert_int_equal(sw_port_new(proxy.context, SW_PORT_DEALER, false, &proxy.back, why),
                     SW_ERR_OK);
    assert_int_equal(sw_port_bind(proxy.front, "127.0.0.1:0", proxy.address, why), SW_ERR_OK);
    assert_int_equal(sw_port_connect(proxy.back, world->node[2].peer_address, why), SW_ERR_OK);
    sw_link_zmq_free(world->node[1].link); /* starts anew, and reaches node 2 through the proxy */
    world_open(world, 1);
    world_add_peer(world, 1, 2, proxy.address);
    for (int attack = PASS; attack < ATTACK_COUNT; attack++) {
        const struct sw_link_stats before = world_stats(world, 2);
        const uint64_t received = world->node[2].received[1];
        struct sw_link_stats after, victim;

        proxy.attack = (enum attack)attack;
        proxy.attacked = 0;
        /* The handler of node 2 fails the test if anything comes twice, late or changed. */
        WORLD_UNTIL(world,
                    (proxy_turn(&proxy), world_send(world, 1, 2, 100), proxy.attacked >= 300));
        after = world_stats(world, 2);
        victim = world_stats(world, 1);
        check_counter(proxy.attack, &before, &after, &victim);
        proxy.attack = PASS;
        WORLD_UNTIL(world,
                    (proxy_turn(&proxy),
                     world_send(world, 1, 2, 100),
                     world->node[2].received[1] > received + 50));
    }
    sw_port_free(proxy.front);
    sw_port_free(proxy.back);
    sw_port_context_free(proxy.context);
}

static void clients_of_both_patterns_are_served(void **state)
{
    struct world *world = *state;

    for (int i = 0; i < 3; i++) {
        struct world_client *client =
            world_client_new(world, 1, i == 0 ? SW_NOISE_IK : SW_NOISE_XX, i < 2);

        sw_link_zmq_allow_clients(world->node[1].link, &client->keys->public_key, 1);
        WORLD_UNTIL(world, world_client_turn(client) && client->up);
        assert_true(sw_public_key_equal(sw_dialer_remote_key(client->dialer),
                                        &world->node[1].keys->public_key));
        assert_int_equal(sw_dialer_send(client->dialer, sw_span_str("ping")), SW_ERR_OK);
        assert_int_equal(sw_dialer_send(client->dialer, sw_span_str("pong")), SW_ERR_OK);
        WORLD_UNTIL(world, world_client_turn(client) && client->replies == 2);
        assert_int_equal(client->reply_bytes, 8);
        assert_int_equal(world_stats(world, 1).clients, 1);
        /* Taken off the list: the session closes, and no new one opens. */
        sw_link_zmq_allow_clients(world->node[1].link, NULL, 0);
        WORLD_UNTIL(world, world_client_turn(client) && !client->up);
        assert_int_equal(world->node[1].gone, i + 1);
        assert_int_equal(world_stats(world, 1).clients, 0);
        WORLD_UNTIL(world,
                    world_client_turn(client) && world->node[1].last_event == SW_ERR_UNAUTHORIZED);
        assert_false(client->up);
        world->node[1].last_event = SW_ERR_OK;
        assert_int_equal(world->node[1].link->ops->reply(
                             world->node[1].link, world->node[1].conn, sw_span_str("late")),
                         SW_ERR_UNREACHABLE);
        world_client_free(client);
    }
}

static void a_client_that_does_not_read_is_dropped(void **state)
{
    struct world *world = *state;
    struct world_node *node = &world->node[1];
    struct world_client *client = world_client_new(world, 1, SW_NOISE_IK, true);
    uint8_t *reply = calloc(1, 1 << 20);
    enum sw_err err = SW_ERR_OK;
    int count = 0;

    assert_non_null(reply);
    node->mute = true;
    sw_link_zmq_allow_clients(node->link, &client->keys->public_key, 1);
    WORLD_UNTIL(world, world_client_turn(client) && client->up);
    assert_int_equal(sw_dialer_send(client->dialer, sw_span_str("give")), SW_ERR_OK);
    WORLD_UNTIL(world, world_client_turn(client) && node->requests == 1);
    client->deaf = true;
    while (err == SW_ERR_OK) {
        err = node->link->ops->reply(node->link, node->conn, sw_span_of(reply, 1 << 20));
        world_turn(world);
        count++;
        assert_true(count < 40); /* its window, then what may wait, then no more */
    }
    assert_int_equal(err, SW_ERR_UNREACHABLE);
    WORLD_UNTIL(world, node->gone == 1);
    assert_int_equal(world_stats(world, 1).clients, 0);
    free(reply);
    world_client_free(client);
}

static void bad_addresses_are_named(void **state)
{
    struct world *world = *state;
    struct sw_link_zmq_config config = world_config(world, 1);
    struct sw_link *link;
    char why[SW_WHY_SIZE];

    assert_int_equal(sw_link_zmq_new(&config, &link, why), SW_ERR_ADDRESS_IN_USE);
    assert_non_null(strstr(why, world->node[1].peer_address));
    config.peer_address = "nowhere";
    assert_int_equal(sw_link_zmq_new(&config, &link, why), SW_ERR_INVALID);
    assert_non_null(strstr(why, "nowhere"));
    assert_int_equal(sw_link_zmq_add_peer(world->node[1].link,
                                          (struct sw_node_id){2},
                                          &world->node[2].keys->public_key,
                                          "127.0.0.1:1",
                                          why),
                     SW_ERR_CONFLICT);
    assert_int_equal(sw_link_zmq_add_peer(world->node[1].link,
                                          (struct sw_node_id){4},
                                          &world->node[2].keys->public_key,
                                          "127.0.0.1:0",
                                          why),
                     SW_ERR_INVALID);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static void note_fd(void *arg, int fd)
{
    *(int *)arg = fd;
}

/* Who was removed is heard no more, although it goes on dialling; and it may come back. */
static void a_peer_can_be_removed(void **state)
{
    struct world *world = *state;
    int fds[SW_LINK_FD_COUNT_MAX];
    uint64_t received;
    int fd = -1;

    WORLD_UNTIL(world, world_all_up(world));
    assert_int_equal(sw_link_zmq_peer_fd(world->node[1].link, (struct sw_node_id){2}),
                     (sw_link_zmq_fds(world->node[1].link, fds), fds[2]));
    assert_int_equal(
        sw_link_zmq_remove_peer(world->node[1].link, (struct sw_node_id){2}, note_fd, &fd),
        SW_ERR_OK);
    assert_int_equal(fd, fds[2]);
    assert_int_equal(
        sw_link_zmq_remove_peer(world->node[1].link, (struct sw_node_id){2}, NULL, NULL),
        SW_ERR_NOT_FOUND);
    assert_int_equal(sw_link_zmq_peer_fd(world->node[1].link, (struct sw_node_id){2}), -1);
    assert_int_equal(sw_link_zmq_fds(world->node[1].link, fds), 3);
    assert_false(world_send(world, 1, 2, 100));
    received = world->node[1].received[2];
    /* It notices that nobody answers, and is refused from then on. */
    WORLD_UNTIL(world,
                (world_send(world, 2, 1, 100),
                 !world->node[2].link->ops->peer_up(world->node[2].link, (struct sw_node_id){1})));
    assert_int_equal(world->node[1].received[2], received);
    assert_true(world->node[1].link->ops->peer_up(world->node[1].link, (struct sw_node_id){3}));
    world_add_peer(world, 1, 2, NULL);
    WORLD_UNTIL(world, world_all_up(world));
    WORLD_UNTIL(world, (world_send(world, 2, 1, 100), world->node[1].received[2] > received));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nodes_exchange_messages_in_order),
        TEST(large_messages_pass_under_credit),
        TEST(a_restarted_node_comes_back),
        TEST(a_dead_peer_goes_down),
        TEST(impostors_never_get_a_session),
        TEST(garbage_on_the_ports_does_no_harm),
        TEST(frames_of_strangers_are_counted_and_dropped),
        TEST(a_man_in_the_middle_can_only_lose_messages),
        TEST(clients_of_both_patterns_are_served),
        TEST(a_client_that_does_not_read_is_dropped),
        TEST(bad_addresses_are_named),
        TEST(a_peer_can_be_removed),
    };

    if (sw_crypto_init() != SW_ERR_OK) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
