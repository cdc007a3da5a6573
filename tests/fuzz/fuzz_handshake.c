/* A listener and a dialer that are fed by an attacker: no input may crash them, open a session,
 * deliver a message, or keep the honest dialer from a session afterwards.
 *
 * Input: records {u8 what, u16 size, bytes}. `what` chooses whether the bytes go to the listener or
 * to the dialer, or instead change the honest frame under way there (xor at an offset), replay it,
 * or let time pass. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "transport/dialer.h"
#include "transport/listener.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { QUEUE = 32, FRAME_SIZE_MAX = 2048 };

struct queue {
    uint8_t frame[QUEUE + 1][FRAME_SIZE_MAX]; /* one more, for a frame that will not be taken */
    size_t size[QUEUE + 1];
    size_t count;
};

struct world {
    struct queue to_listener, to_dialer;
    struct sw_dialer *dialer;
    struct sw_listener *listener;
    struct sw_link_stats stats;
    uint64_t now_ms;
    uint64_t sent, received;
    bool up;
};

static struct sw_keypair *dialer_keys, *listener_keys;

static uint8_t *reserve(void *arg, size_t size)
{
    struct queue *queue = arg;

    SW_ASSERT(size <= FRAME_SIZE_MAX);
    queue->size[queue->count] = size;
    return queue->frame[queue->count];
}

static enum sw_err commit(void *arg, const struct sw_route *route)
{
    struct queue *queue = arg;

    (void)route;
    if (queue->count == QUEUE) {
        return SW_ERR_BUSY;
    }
    queue->count++;
    return SW_ERR_OK;
}

static void on_state(void *arg, bool up)
{
    struct world *world = arg;

    world->up = up;
}

static void on_dialer_message(void *arg, struct sw_span message)
{
    (void)arg;
    (void)message;
    SW_ASSERT(false); /* the listener never sends one here */
}

static bool on_allow(void *arg, const struct sw_public_key *key, struct sw_node_id claimed)
{
    (void)arg;
    return claimed.value == 1 && sw_public_key_equal(key, &dialer_keys->public_key);
}

static void on_message(void *arg,
                       uint64_t conn,
                       struct sw_node_id from,
                       const struct sw_public_key *key,
                       struct sw_span message)
{
    struct world *world = arg;

    (void)conn;
    SW_ASSERT(from.value == 1);
    SW_ASSERT(sw_public_key_equal(key, &dialer_keys->public_key));
    SW_ASSERT(message.size == 8);
    SW_ASSERT(sw_load_u64(message.data) > world->received); /* genuine, in order, once */
    world->received = sw_load_u64(message.data);
    SW_ASSERT(world->received <= world->sent);
}

static void start(struct world *world, bool xx)
{
    const struct sw_dialer_config dialer = {
        .channel = {.role = SW_CHANNEL_PEER,
                    .local = {1},
                    .remote = {2},
                    .keys = dialer_keys,
                    .window = SW_FRAME_SIZE_MAX,
                    .pattern = xx ? SW_NOISE_XX : SW_NOISE_IK,
                    .suite = SW_SUITE_CHACHAPOLY,
                    .remote_key = &listener_keys->public_key},
        .sink = {.arg = &world->to_listener, .reserve = reserve, .commit = commit},
        .stats = &world->stats,
        .arg = world,
        .state = on_state,
        .message = on_dialer_message,
    };
    const struct sw_listener_config listener = {
        .role = SW_CHANNEL_PEER,
        .local = {2},
        .keys = listener_keys,
        .window = SW_FRAME_SIZE_MAX,
        .session_count_max = 4,
        .handshake_rate = 100,
        .sink = {.arg = &world->to_dialer, .reserve = reserve, .commit = commit},
        .stats = &world->stats,
        .arg = world,
        .allow = on_allow,
        .message = on_message,
    };

    world->dialer = sw_dialer_new(&dialer, 0);
    world->listener = sw_listener_new(&listener, 0);
}

/* Copies, because a frame is opened in place and the original may be replayed. */
static void to_listener(struct world *world, const uint8_t *bytes, size_t size)
{
    const struct sw_route route = {.size = 1, .bytes = {1}};
    uint8_t *copy = malloc(size + 1);

    SW_ASSERT(copy != NULL);
    if (size > 0) {
        memcpy(copy, bytes, size);
    }
    sw_listener_receive(world->listener, world->now_ms, &route, copy, size);
    free(copy);
}

static void to_dialer(struct world *world, const uint8_t *bytes, size_t size)
{
    uint8_t *copy = malloc(size + 1);

    SW_ASSERT(copy != NULL);
    if (size > 0) {
        memcpy(copy, bytes, size);
    }
    sw_dialer_receive(world->dialer, world->now_ms, copy, size);
    free(copy);
}

static void turn(struct world *world)
{
    uint8_t message[8];

    (void)sw_dialer_tick(world->dialer, world->now_ms);
    sw_store_u64(message, world->sent + 1);
    if (sw_dialer_send(world->dialer, sw_span_of(message, sizeof(message))) == SW_ERR_OK) {
        world->sent++;
    }
    sw_dialer_flush(world->dialer, world->now_ms);
    for (size_t i = 0; i < world->to_listener.count; i++) {
        to_listener(world, world->to_listener.frame[i], world->to_listener.size[i]);
    }
    world->to_listener.count = 0;
    (void)sw_listener_tick(world->listener, world->now_ms);
    for (size_t i = 0; i < world->to_dialer.count; i++) {
        to_dialer(world, world->to_dialer.frame[i], world->to_dialer.size[i]);
    }
    world->to_dialer.count = 0;
    world->now_ms += 50;
}

static void change(struct queue *queue, struct sw_span bytes)
{
    const size_t last = queue->count - 1;

    if (queue->count == 0 || bytes.size < 2 || queue->size[last] == 0) {
        return;
    }
    queue->frame[last][sw_load_u16(bytes.data) % queue->size[last]] ^= bytes.data[bytes.size - 1];
}

static void step(struct world *world, uint8_t what, struct sw_span bytes)
{
    const struct queue *queue = what % 2 == 0 ? &world->to_listener : &world->to_dialer;

    switch (what % 8) {
    case 0:
        to_listener(world, bytes.data, bytes.size);
        break;
    case 1:
        to_dialer(world, bytes.data, bytes.size);
        break;
    case 2:
        (void)sw_dialer_tick(world->dialer, world->now_ms);
        change(&world->to_listener, bytes);
        break;
    case 3:
        change(&world->to_dialer, bytes);
        break;
    case 4:
    case 5: /* replay and reflect what is under way */
        if (queue->count > 0) {
            to_listener(world, queue->frame[0], queue->size[0]);
            to_dialer(world, queue->frame[0], queue->size[0]);
        }
        break;
    case 6:
        world->now_ms += bytes.size * 10;
        break;
    default:
        turn(world);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world world;
    struct sw_reader in = sw_reader_of(sw_span_of(data, size));
    bool xx;

    if (dialer_keys == NULL) {
        const enum sw_err err = sw_crypto_init();

        SW_ASSERT(err == SW_ERR_OK);
        dialer_keys = sw_secret_new(sizeof(*dialer_keys));
        listener_keys = sw_secret_new(sizeof(*listener_keys));
        sw_keypair_generate(dialer_keys);
        sw_keypair_generate(listener_keys);
    }
    memset(&world, 0, sizeof(world));
    xx = sw_read_u8(&in) % 2 == 1;
    start(&world, xx);
    for (int i = 0; i < 64 && sw_reader_left(&in) > 0; i++) {
        const uint8_t what = sw_read_u8(&in);
        const size_t length = sw_read_u16(&in) % FRAME_SIZE_MAX;
        const size_t left = sw_reader_left(&in);

        step(&world, what, sw_read_bytes(&in, length < left ? length : left));
    }
    for (int i = 0; i < 200 && (!world.up || world.received < world.sent); i++) {
        turn(&world);
    }
    SW_ASSERT(world.up); /* whatever came before, an honest wire is enough */
    sw_dialer_free(world.dialer);
    sw_listener_free(world.listener);
    return 0;
}
