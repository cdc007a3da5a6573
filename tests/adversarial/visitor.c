/* Connections, handshakes and frames of a hostile program. */
#include "tests/adversarial/visitor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "transport/frame.h"

enum { SEND_MS = 5000, WINDOW = 8 << 20, ANSWER_MS = 5000, NAP_NS = 200 * 1000 };

void visitor_fail(const char *what)
{
    (void)fprintf(stderr, "swarm-hostile: %s\n", what);
    exit(1);
}

uint64_t visitor_now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void nap(void)
{
    const struct timespec pause = {.tv_nsec = NAP_NS};

    (void)nanosleep(&pause, NULL);
}

void visitor_open(struct visitor *visitor, const struct visit *visit)
{
    char why[SW_WHY_SIZE];

    *visitor = (struct visitor){.visit = *visit, .context = sw_port_context_new()};
    if (visitor->context == NULL ||
        sw_port_new(visitor->context, SW_PORT_DEALER, false, &visitor->port, why) != SW_ERR_OK ||
        sw_port_connect(visitor->port, visit->address, why) != SW_ERR_OK) {
        visitor_fail("cannot open a connection");
    }
    visitor->sink = sw_port_sink(visitor->port);
}

void visitor_close(struct visitor *visitor)
{
    sw_channel_free(visitor->channel);
    sw_port_free(visitor->port);
    sw_port_context_free(visitor->context);
    sw_buf_release(&visitor->frame);
}

void visitor_send(struct visitor *visitor, struct sw_span frame)
{
    const uint64_t end_ms = visitor_now_ms() + SEND_MS;

    for (;;) {
        uint8_t *room = visitor->sink.reserve(visitor->sink.arg, frame.size);

        if (frame.size > 0) {
            memcpy(room, frame.data, frame.size);
        }
        if (visitor->sink.commit(visitor->sink.arg, NULL) == SW_ERR_OK) {
            return;
        }
        if (visitor_now_ms() > end_ms) {
            visitor_fail("the node does not take our frames");
        }
        nap();
    }
}

bool visitor_take(struct visitor *visitor, uint32_t timeout_ms)
{
    const uint64_t end_ms = visitor_now_ms() + timeout_ms;

    for (;;) {
        struct sw_route route;
        uint8_t *frame;
        size_t size;

        if (sw_port_take(visitor->port, &route, &frame, &size) == SW_ERR_OK) {
            sw_buf_clear(&visitor->frame);
            sw_write_bytes(&visitor->frame, sw_span_of(frame, size));
            return true;
        }
        if (visitor_now_ms() >= end_ms) {
            return false;
        }
        nap();
    }
}

void visitor_hello(struct visitor *visitor, struct sw_buf *out)
{
    const struct visit *visit = &visitor->visit;
    const struct sw_channel_config config = {
        .swarm = visit->swarm,
        .role = visit->role,
        .local = {visit->claim},
        .remote = {visit->node},
        .keys = visit->own,
        .index = 1 + (uint32_t)(visit->seed & 0xffff),
        .window = WINDOW,
        .pattern = visit->pattern,
        .suite = sw_suite_best(),
        .remote_key = &visit->key,
    };

    sw_channel_free(visitor->channel);
    visitor->channel = NULL;
    if (sw_channel_connect(&config, out, &visitor->channel) != SW_ERR_OK) {
        visitor_fail("cannot make a HELLO");
    }
}

/* A session is one that the node answers in: the keys alone prove nothing to it, and in XX it looks
 * at ours only after we think that all is well. So the visitor asks for a sign of life. */
static void probe(struct visitor *visitor)
{
    uint8_t frame[SW_FRAME_OVERHEAD];
    const size_t size = sw_channel_seal(
        visitor->channel, visitor_now_ms(), SW_FRAME_PROBE, sw_span_of(NULL, 0), frame);

    visitor_send(visitor, sw_span_of(frame, size));
}

/* One frame of the node during a handshake; true when it decided the matter. */
static bool judge(struct visitor *visitor, enum welcome *ret_welcome, uint8_t *ret_refusal)
{
    const bool was_open = sw_channel_open(visitor->channel);
    struct sw_channel_input input;
    struct sw_frame_header header;
    struct sw_buf answer = {0};
    enum sw_err err;

    if (sw_frame_decode(sw_buf_span(&visitor->frame), &header) != SW_ERR_OK) {
        return false;
    }
    if (header.kind == SW_FRAME_REFUSED) {
        *ret_welcome = WELCOME_REFUSED;
        *ret_refusal = header.type;
        return true;
    }
    err = sw_channel_receive(
        visitor->channel, visitor->frame.data, visitor->frame.size, &answer, &input);
    if (err == SW_ERR_OK && answer.size > 0) {
        visitor_send(visitor, sw_buf_span(&answer));
    }
    sw_buf_release(&answer);
    if (err == SW_ERR_OK && !was_open && sw_channel_open(visitor->channel)) {
        probe(visitor);
    }
    *ret_welcome = WELCOME_SESSION;
    return err == SW_ERR_OK && was_open;
}

enum welcome visitor_shake_hands(struct visitor *visitor, uint32_t timeout_ms, uint8_t *ret_refusal)
{
    const uint64_t end_ms = visitor_now_ms() + timeout_ms;
    struct sw_buf hello = {0};
    enum welcome welcome = WELCOME_SILENCE;

    visitor_hello(visitor, &hello);
    visitor_send(visitor, sw_buf_span(&hello));
    sw_buf_release(&hello);
    while (visitor_now_ms() < end_ms) {
        enum welcome found;

        if (visitor_take(visitor, 50) && judge(visitor, &found, ret_refusal)) {
            welcome = found;
            break;
        }
    }
    return welcome;
}

void visitor_seal(struct visitor *visitor, struct sw_span body)
{
    size_t size;

    SW_ASSERT(visitor->channel != NULL);
    sw_buf_clear(&visitor->frame);
    (void)sw_buf_extend(&visitor->frame, SW_FRAME_OVERHEAD + body.size);
    if (!sw_channel_may_send(visitor->channel, body.size)) {
        visitor_fail("out of credit");
    }
    size = sw_channel_seal(
        visitor->channel, visitor_now_ms(), SW_FRAME_MESSAGES, body, visitor->frame.data);
    SW_ASSERT(size == visitor->frame.size);
}

void visitor_say(struct visitor *visitor, struct sw_span message)
{
    struct sw_buf body = {0};

    sw_frame_pack(&body, message);
    visitor_seal(visitor, sw_buf_span(&body));
    visitor_send(visitor, sw_buf_span(&visitor->frame));
    sw_buf_release(&body);
}

static void grant(struct visitor *visitor)
{
    uint8_t frame[SW_FRAME_OVERHEAD];

    if (sw_channel_grant_due(visitor->channel)) {
        const size_t size = sw_channel_seal(
            visitor->channel, visitor_now_ms(), SW_FRAME_CREDIT, sw_span_of(NULL, 0), frame);

        visitor_send(visitor, sw_span_of(frame, size));
    }
}

bool visitor_hear(struct visitor *visitor, uint32_t timeout_ms, struct sw_span *ret_body)
{
    const uint64_t end_ms = visitor_now_ms() + timeout_ms;

    do {
        struct sw_channel_input input;
        struct sw_buf out = {0};

        if (!visitor_take(visitor, timeout_ms < 20 ? timeout_ms : 20)) {
            continue;
        }
        if (sw_channel_receive(
                visitor->channel, visitor->frame.data, visitor->frame.size, &out, &input) !=
            SW_ERR_OK) {
            continue;
        }
        sw_buf_release(&out);
        grant(visitor);
        if (input.type == SW_FRAME_MESSAGES) {
            *ret_body = input.body;
            return true;
        }
    } while (visitor_now_ms() < end_ms);
    return false;
}

bool visitor_reply(struct visitor *visitor, uint32_t timeout_ms, struct sw_reply *ret_reply)
{
    struct sw_span body, message;

    if (!visitor_hear(visitor, timeout_ms, &body) || !sw_frame_next(&body, &message)) {
        return false;
    }
    struct sw_reader in = sw_reader_of(message);

    return sw_reply_decode(&in, ret_reply) == SW_ERR_OK;
}

static struct sw_span text_of(const char *text)
{
    return sw_span_of(text, strlen(text));
}

struct sw_request visitor_request(enum sw_op op, const char *key, const char *value)
{
    static uint64_t ids;

    return (struct sw_request){
        .id = ++ids,
        .timeout_ms = ANSWER_MS,
        .op = op,
        .tenant = text_of("default"),
        .name_space = text_of("adversarial"),
        .partition = text_of("default"),
        .key = text_of(key),
        .value = text_of(value),
    };
}

enum sw_err
visitor_ask(struct visitor *visitor, const struct sw_request *request, struct sw_reply *ret_reply)
{
    const uint64_t end_ms = visitor_now_ms() + ANSWER_MS;
    struct sw_buf message = {0};

    sw_request_encode(request, &message);
    visitor_say(visitor, sw_buf_span(&message));
    sw_buf_release(&message);
    while (visitor_now_ms() < end_ms) {
        if (visitor_reply(visitor, 100, ret_reply) && ret_reply->id == request->id) {
            return ret_reply->err;
        }
    }
    return SW_ERR_DEADLINE;
}
