/* How fast are sealed frames on one core, and the link over loopback beside plain ZeroMQ?
 *
 * Not a test: build the target `bench_link` in release mode and run it. Both ends of a pair run in
 * one thread, with the I/O threads of ZeroMQ beside it, so the figures compare with each other and
 * not with two machines. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <zmq.h>

#include "base/assert.h"
#include "transport/channel.h"
#include "transport/link_zmq.h"
#include "transport/seal.h"

enum { ROUND_MS = 1500, TURN_MESSAGES = 64 };

static uint64_t now_ns(void *impl)
{
    struct timespec now;

    (void)impl;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint64_t now_ms(void *impl)
{
    return now_ns(impl) / 1000000;
}

static uint64_t no_random(void *impl)
{
    (void)impl;
    return 1;
}

static void bench_seal(enum sw_suite suite, size_t size)
{
    const struct sw_swarm_id swarm = {{1}};
    const uint8_t key[SW_KEY_SIZE] = {1};
    struct sw_sealer *sealer = sw_secret_new(sizeof(*sealer));
    struct sw_opener *opener = sw_secret_new(sizeof(*opener));
    uint8_t *body = calloc(1, size);
    uint8_t *frame = calloc(1, size + SW_FRAME_OVERHEAD);
    uint64_t count = 0, seal_ns = 0, open_ns = 0;

    SW_ASSERT(body != NULL);
    SW_ASSERT(frame != NULL);
    sw_aead_set_key(&sealer->aead, suite, key);
    sw_aead_set_key(&opener->aead, suite, key);
    while (seal_ns + open_ns < (uint64_t)ROUND_MS * 1000000) {
        for (int i = 0; i < 100; i++) {
            struct sw_frame_header header = {.type = SW_FRAME_MESSAGES, .index = 1};
            const uint64_t start = now_ns(NULL);
            uint64_t middle;
            enum sw_err err;

            sw_seal_frame(sealer, 1, &swarm, &header, sw_span_of(body, size), frame);
            middle = now_ns(NULL);
            err = sw_open_frame(opener, &swarm, &header, frame);
            SW_ASSERT(err == SW_ERR_OK);
            seal_ns += middle - start;
            open_ns += now_ns(NULL) - middle;
            count++;
        }
    }
    (void)printf("%-10s %6zu B: seal %9.0f frames/s (%.0f MB/s), open %9.0f frames/s\n",
                 suite == SW_SUITE_AESGCM ? "AESGCM" : "ChaChaPoly",
                 size,
                 (double)count * 1e9 / (double)seal_ns,
                 (double)count * (double)size * 1e3 / (double)seal_ns,
                 (double)count * 1e9 / (double)open_ns);
    free(body);
    free(frame);
    sw_secret_free(sealer);
    sw_secret_free(opener);
}

static bool allow_all(void *arg, const struct sw_public_key *key, struct sw_node_id claimed)
{
    (void)arg;
    (void)key;
    (void)claimed;
    return true;
}

/* What a HELLO costs the responder: a genuine one (or a replay), and a forged one. */
static void bench_handshake(void)
{
    struct sw_keypair *keys[2] = {sw_secret_new(sizeof(*keys[0])), sw_secret_new(sizeof(*keys[0]))};
    struct sw_channel_config config = {
        .role = SW_CHANNEL_PEER,
        .local = {1},
        .remote = {2},
        .index = 1,
        .window = 1,
        .pattern = SW_NOISE_IK,
        .suite = sw_suite_best(),
    };
    struct sw_channel *channel;
    struct sw_buf hello = {0}, answer = {0};
    enum sw_err err;

    sw_keypair_generate(keys[0]);
    sw_keypair_generate(keys[1]);
    config.keys = keys[0];
    config.remote_key = &keys[1]->public_key;
    err = sw_channel_connect(&config, &hello, &channel);
    SW_ASSERT(err == SW_ERR_OK);
    sw_channel_free(channel);
    config.keys = keys[1];
    config.local.value = 2;
    config.allow = allow_all;
    for (int forged = 0; forged < 2; forged++) {
        const uint64_t start = now_ns(NULL);
        uint64_t count = 0;

        hello.data[hello.size - 1] ^= (uint8_t)forged;
        hello.data[SW_FRAME_HEADER_SIZE] ^= (uint8_t)forged;
        while (now_ns(NULL) < start + (uint64_t)ROUND_MS * 500000) {
            sw_buf_clear(&answer);
            err = sw_channel_accept(&config, sw_buf_span(&hello), &answer, &channel);
            SW_ASSERT((err == SW_ERR_OK) == (forged == 0));
            if (err == SW_ERR_OK) {
                sw_channel_free(channel);
            }
            count++;
        }
        (void)printf("%s HELLO: %.0f/s\n",
                     forged != 0 ? "forged" : "genuine",
                     (double)count * 1e9 / (double)(now_ns(NULL) - start));
    }
    sw_buf_release(&hello);
    sw_buf_release(&answer);
    sw_secret_free(keys[0]);
    sw_secret_free(keys[1]);
}

struct counter {
    uint64_t messages;
    uint64_t bytes;
};

static void on_peer_message(void *arg, struct sw_node_id from, struct sw_span message)
{
    struct counter *counter = arg;

    (void)from;
    counter->messages++;
    counter->bytes += message.size;
}

static void on_peer_state(void *arg, struct sw_node_id peer, bool up)
{
    (void)arg;
    (void)peer;
    (void)up;
}

static struct sw_link *
open_link(uint64_t id, const struct sw_keypair *keys, struct counter *counter)
{
    const struct sw_link_zmq_config config = {
        .swarm = {{1}},
        .node = {id},
        .keys = keys,
        .peer_address = "127.0.0.1:0",
        .client_address = "127.0.0.1:0",
        .env = {.now_ms = now_ms, .now_ns = now_ns, .random = no_random},
        .handler = {.arg = counter, .peer_message = on_peer_message, .peer_state = on_peer_state},
    };
    char why[SW_WHY_SIZE];
    struct sw_link *link;
    const enum sw_err err = sw_link_zmq_new(&config, &link, why);

    SW_ASSERT(err == SW_ERR_OK);
    return link;
}

static void turn(struct sw_link *link)
{
    sw_link_zmq_poll(link);
    link->ops->flush(link);
}

/* Node 1 sends to node 2, `per_turn` messages between two flushes. */
static double bench_link(size_t size, int per_turn)
{
    struct sw_keypair *keys[2] = {sw_secret_new(sizeof(*keys[0])), sw_secret_new(sizeof(*keys[0]))};
    struct counter counters[2] = {{0}};
    struct sw_link *link[2];
    uint8_t *message = calloc(1, size);
    char why[SW_WHY_SIZE];
    uint64_t start, end;

    SW_ASSERT(message != NULL);
    for (int i = 0; i < 2; i++) {
        sw_keypair_generate(keys[i]);
        link[i] = open_link((uint64_t)i + 1, keys[i], &counters[i]);
    }
    for (int i = 0; i < 2; i++) {
        const enum sw_err err = sw_link_zmq_add_peer(link[i],
                                                     (struct sw_node_id){(uint64_t)(2 - i)},
                                                     &keys[1 - i]->public_key,
                                                     sw_link_zmq_peer_address(link[1 - i]),
                                                     why);

        SW_ASSERT(err == SW_ERR_OK);
    }
    while (!link[0]->ops->peer_up(link[0], (struct sw_node_id){2})) {
        turn(link[0]);
        turn(link[1]);
    }
    start = now_ns(NULL);
    end = start + (uint64_t)ROUND_MS * 1000000;
    while (now_ns(NULL) < end) {
        for (int i = 0; i < per_turn; i++) {
            if (link[0]->ops->send(link[0], (struct sw_node_id){2}, sw_span_of(message, size)) !=
                SW_ERR_OK) {
                break;
            }
        }
        turn(link[0]);
        turn(link[1]);
    }
    end = now_ns(NULL);
    for (int i = 0; i < 2; i++) {
        sw_link_zmq_free(link[i]);
        sw_secret_free(keys[i]);
    }
    free(message);
    return (double)counters[1].messages * 1e9 / (double)(end - start);
}

/* The same shape with bare sockets: `per_turn` messages of one part, then all that has arrived. */
static double bench_plain(size_t size, int per_turn)
{
    void *context = zmq_ctx_new();
    void *router = zmq_socket(context, ZMQ_ROUTER);
    void *dealer = zmq_socket(context, ZMQ_DEALER);
    uint8_t *message = calloc(1, size);
    uint8_t *in = calloc(1, size + 64);
    char endpoint[256];
    size_t endpoint_size = sizeof(endpoint);
    const int zero = 0;
    uint64_t count = 0, start, end;
    int failed = zmq_bind(router, "tcp://127.0.0.1:*");

    SW_ASSERT(failed == 0);
    SW_ASSERT(message != NULL);
    SW_ASSERT(in != NULL);
    (void)zmq_setsockopt(router, ZMQ_LINGER, &zero, sizeof(zero));
    (void)zmq_setsockopt(dealer, ZMQ_LINGER, &zero, sizeof(zero));
    (void)zmq_getsockopt(router, ZMQ_LAST_ENDPOINT, endpoint, &endpoint_size);
    failed = zmq_connect(dealer, endpoint);
    SW_ASSERT(failed == 0);
    start = now_ns(NULL);
    end = start + (uint64_t)ROUND_MS * 1000000;
    while (now_ns(NULL) < end) {
        for (int i = 0; i < per_turn; i++) {
            if (zmq_send(dealer, message, size, ZMQ_DONTWAIT) < 0) {
                break;
            }
        }
        while (zmq_recv(router, in, 64, ZMQ_DONTWAIT) >= 0) {
            (void)zmq_recv(router, in, size, 0);
            count++;
        }
    }
    end = now_ns(NULL);
    (void)zmq_close(router);
    (void)zmq_close(dealer);
    (void)zmq_ctx_term(context);
    free(message);
    free(in);
    return (double)count * 1e9 / (double)(end - start);
}

int main(void)
{
    static const size_t sizes[] = {256, 4096, 65536};
    const enum sw_err err = sw_crypto_init();

    SW_ASSERT(err == SW_ERR_OK);
    for (int suite = SW_SUITE_AESGCM; suite <= SW_SUITE_CHACHAPOLY; suite++) {
        if (sw_suite_available((enum sw_suite)suite)) {
            bench_seal((enum sw_suite)suite, 256);
            bench_seal((enum sw_suite)suite, 65536);
        }
    }
    bench_handshake();
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        for (int per_turn = 1; per_turn <= TURN_MESSAGES; per_turn *= TURN_MESSAGES) {
            const double sealed = bench_link(sizes[i], per_turn);
            const double plain = bench_plain(sizes[i], per_turn);

            (void)printf("loopback %6zu B, %2d a turn: link %9.0f messages/s (%.0f MB/s), "
                         "plain ZeroMQ %9.0f, ratio %.2f\n",
                         sizes[i],
                         per_turn,
                         sealed,
                         sealed * (double)sizes[i] / 1e6,
                         plain,
                         sealed / plain);
        }
    }
    return 0;
}
