/* One secure session: a Noise handshake in frames, then sealed frames under credit. */
#include "transport/channel.h"

#include <string.h>

#include "base/assert.h"
#include "transport/credit.h"
#include "transport/seal.h"

enum state { WAIT_ANSWER, WAIT_FINISH, WAIT_PROOF, OPEN };

/* prologue: text, version, swarm, role, initiator, responder */
static const char prologue_text[] = "swarmstore";
enum {
    PROLOGUE_SIZE = sizeof(prologue_text) - 1 + 1 + sizeof(struct sw_swarm_id) + 1 + 8 + 8,
    /* payload of HELLO and ANSWER: u32 index, u32 flags (0), u64 window; more may follow later */
    PAYLOAD_SIZE = 16,
};

struct sw_channel {
    struct sw_noise noise;
    struct sw_sealer sealer;
    struct sw_opener opener;
    struct sw_credit credit;
    struct sw_channel_config config; /* without the borrowed pointers */
    struct sw_public_key expected_key;
    bool expects_key;
    enum state state;
    uint32_t remote_index;
    bool initiator;
    bool broken;
    bool grant_due;
};

static void
prologue_write(const struct sw_channel_config *config, bool initiator, uint8_t out[PROLOGUE_SIZE])
{
    const struct sw_node_id from = initiator ? config->local : config->remote;
    const struct sw_node_id to = initiator ? config->remote : config->local;
    uint8_t *at = out;

    memcpy(at, prologue_text, sizeof(prologue_text) - 1);
    at += sizeof(prologue_text) - 1;
    *at++ = SW_TRANSPORT_VERSION;
    memcpy(at, config->swarm.bytes, sizeof(config->swarm.bytes));
    at += sizeof(config->swarm.bytes);
    *at++ = (uint8_t)config->role;
    sw_store_u64(at, from.value);
    sw_store_u64(at + 8, to.value);
    SW_ASSERT(at + 16 == out + PROLOGUE_SIZE);
}

static struct sw_channel *channel_new(const struct sw_channel_config *config, bool initiator)
{
    struct sw_channel *channel = sw_secret_new(sizeof(*channel));
    uint8_t prologue[PROLOGUE_SIZE];
    struct sw_noise_config noise = {
        .pattern = config->pattern,
        .suite = config->suite,
        .initiator = initiator,
        .keys = config->keys,
        .remote_static = config->remote_key,
    };

    SW_ASSERT(config->index != 0);
    prologue_write(config, initiator, prologue);
    noise.prologue = sw_span_of(prologue, sizeof(prologue));
    sw_noise_start(&channel->noise, &noise);
    sw_credit_init(&channel->credit, config->window);
    channel->config = *config;
    channel->config.keys = NULL;
    channel->config.remote_key = NULL;
    channel->initiator = initiator;
    if (config->remote_key != NULL) {
        channel->expected_key = *config->remote_key;
        channel->expects_key = true;
    }
    return channel;
}

void sw_channel_free(struct sw_channel *channel)
{
    sw_secret_free(channel);
}

/* Appends a handshake frame around the next Noise message. */
static enum sw_err
handshake_write(struct sw_channel *channel, enum sw_frame_kind kind, struct sw_buf *out)
{
    struct sw_frame_header header = {
        .kind = kind,
        .type = (uint8_t)((int)channel->config.pattern * 16 + (int)channel->config.suite),
        .index = channel->remote_index,
        .sender = channel->config.local,
        .receiver = channel->config.remote,
    };
    const size_t start = out->size;
    uint8_t payload[PAYLOAD_SIZE] = {0};
    enum sw_err err;

    sw_store_u32(payload, channel->config.index);
    sw_store_u64(payload + 8, channel->config.window);
    (void)sw_buf_extend(out, SW_FRAME_HEADER_SIZE);
    err = sw_noise_write(
        &channel->noise, sw_span_of(payload, kind == SW_FRAME_FINISH ? 0 : PAYLOAD_SIZE), out);
    if (err != SW_ERR_OK) {
        out->size = start;
        return err;
    }
    header.size = (uint32_t)(out->size - start - SW_FRAME_HEADER_SIZE);
    sw_frame_encode(&header, out->data + start);
    return SW_ERR_OK;
}

/* Reads the Noise message of a handshake frame and, except in FINISH, the other side's payload. */
static enum sw_err
handshake_read(struct sw_channel *channel, struct sw_span frame, enum sw_frame_kind kind)
{
    uint8_t payload[SW_NOISE_PAYLOAD_SIZE_MAX];
    size_t size = 0;
    enum sw_err err;

    err = sw_noise_read(
        &channel->noise,
        sw_span_of(frame.data + SW_FRAME_HEADER_SIZE, frame.size - SW_FRAME_HEADER_SIZE),
        payload,
        &size);
    if (err != SW_ERR_OK) {
        return err;
    }
    if (kind == SW_FRAME_FINISH) {
        return size == 0 ? SW_ERR_OK : SW_ERR_MALFORMED;
    }
    if (size < PAYLOAD_SIZE || sw_load_u32(payload) == 0) {
        return SW_ERR_MALFORMED;
    }
    channel->remote_index = sw_load_u32(payload);
    sw_credit_allow(&channel->credit, sw_load_u64(payload + 8));
    return SW_ERR_OK;
}

static void split(struct sw_channel *channel)
{
    sw_noise_split(&channel->noise, &channel->sealer.aead, &channel->opener.aead);
}

enum sw_err sw_channel_connect(const struct sw_channel_config *config,
                               struct sw_buf *out,
                               struct sw_channel **ret_channel)
{
    struct sw_channel *channel;
    enum sw_err err;

    SW_ASSERT(config->pattern == SW_NOISE_XX || config->remote_key != NULL);
    channel = channel_new(config, true);
    channel->state = WAIT_ANSWER;
    err = handshake_write(channel, SW_FRAME_HELLO, out);
    if (err != SW_ERR_OK) {
        sw_channel_free(channel);
        return err;
    }
    *ret_channel = channel;
    return SW_ERR_OK;
}

static bool allowed(const struct sw_channel *channel)
{
    return channel->config.allow(
        channel->config.allow_arg, &channel->noise.remote_static, channel->config.remote);
}

static enum sw_err hello_config(const struct sw_channel_config *config,
                                struct sw_span hello,
                                struct sw_channel_config *ret_config)
{
    struct sw_frame_header header;
    enum sw_err err = sw_frame_decode(hello, &header);

    if (err != SW_ERR_OK) {
        return err;
    }
    if (header.kind != SW_FRAME_HELLO || header.index != 0) {
        return SW_ERR_MALFORMED;
    }
    if (!sw_node_id_equal(header.receiver, config->local) ||
        (header.sender.value == 0) != (config->role == SW_CHANNEL_CLIENT)) {
        return SW_ERR_UNAUTHENTICATED;
    }
    *ret_config = *config;
    ret_config->pattern = (enum sw_noise_pattern)(header.type / 16);
    ret_config->suite = (enum sw_suite)(header.type % 16);
    ret_config->remote = header.sender;
    ret_config->remote_key = NULL;
    if (header.type / 16 != SW_NOISE_IK && header.type / 16 != SW_NOISE_XX) {
        return SW_ERR_UNSUPPORTED;
    }
    return sw_suite_available(ret_config->suite) ? SW_ERR_OK : SW_ERR_UNSUPPORTED;
}

enum sw_err sw_channel_accept(const struct sw_channel_config *config,
                              struct sw_span hello,
                              struct sw_buf *out,
                              struct sw_channel **ret_channel)
{
    struct sw_channel_config mine;
    struct sw_channel *channel = NULL;
    enum sw_err err;

    SW_ASSERT(config->allow != NULL);
    err = hello_config(config, hello, &mine);
    if (err != SW_ERR_OK) {
        goto out;
    }
    channel = channel_new(&mine, false);
    err = handshake_read(channel, hello, SW_FRAME_HELLO);
    if (err != SW_ERR_OK) {
        goto out;
    }
    if (mine.pattern == SW_NOISE_IK && !allowed(channel)) {
        err = SW_ERR_UNAUTHORIZED;
        goto out;
    }
    err = handshake_write(channel, SW_FRAME_ANSWER, out);
    if (err != SW_ERR_OK) {
        goto out;
    }
    channel->state = WAIT_FINISH;
    if (mine.pattern == SW_NOISE_IK) {
        split(channel);
        channel->state = WAIT_PROOF;
    }
    *ret_channel = channel;
    channel = NULL;
out:
    sw_channel_free(channel);
    return err;
}

static enum sw_err receive_answer(struct sw_channel *channel,
                                  struct sw_span frame,
                                  struct sw_buf *out,
                                  struct sw_channel_input *ret_input)
{
    enum sw_err err = handshake_read(channel, frame, SW_FRAME_ANSWER);

    if (err == SW_ERR_OK && channel->expects_key &&
        !sw_public_key_equal(&channel->expected_key, &channel->noise.remote_static)) {
        err = SW_ERR_UNAUTHENTICATED; /* XX: before our own key leaves in FINISH */
    }
    if (err == SW_ERR_OK && channel->config.pattern == SW_NOISE_XX) {
        err = handshake_write(channel, SW_FRAME_FINISH, out);
    }
    if (err != SW_ERR_OK) {
        channel->broken = true;
        return err;
    }
    split(channel);
    channel->state = OPEN;
    *ret_input = (struct sw_channel_input){.opened = true};
    return SW_ERR_OK;
}

static enum sw_err
receive_finish(struct sw_channel *channel, struct sw_span frame, struct sw_channel_input *ret_input)
{
    enum sw_err err = handshake_read(channel, frame, SW_FRAME_FINISH);

    if (err == SW_ERR_OK && !allowed(channel)) {
        err = SW_ERR_UNAUTHORIZED;
    }
    if (err != SW_ERR_OK) {
        channel->broken = true;
        return err;
    }
    split(channel);
    channel->state = WAIT_PROOF;
    *ret_input = (struct sw_channel_input){0};
    return SW_ERR_OK;
}

/* What a genuine frame does to this session; errors here break it. */
static enum sw_err take_sealed(struct sw_channel *channel,
                               const struct sw_frame_header *header,
                               struct sw_channel_input *input)
{
    enum sw_err err = SW_ERR_OK;

    switch (input->type) {
    case SW_FRAME_MESSAGES:
        err = sw_frame_check(input->body, &input->count);
        if (err == SW_ERR_OK) {
            err = sw_credit_receive(&channel->credit, header->position, input->body.size);
        }
        break;
    case SW_FRAME_PROBE:
        err = sw_credit_receive(&channel->credit, header->position, 0);
        channel->grant_due = true;
        break;
    case SW_FRAME_CREDIT:
        sw_credit_allow(&channel->credit, header->position);
        break;
    case SW_FRAME_CLOSE:
        channel->broken = true;
        break;
    default:
        SW_ASSERT(false); /* sw_frame_decode lets no other type through */
    }
    if (err != SW_ERR_OK) {
        channel->broken = true;
    }
    return err;
}

static enum sw_err receive_sealed(struct sw_channel *channel,
                                  const struct sw_frame_header *header,
                                  uint8_t *frame,
                                  struct sw_channel_input *ret_input)
{
    const bool late = header->sequence + 1 < channel->opener.replay.next;
    struct sw_channel_input input = {.type = (enum sw_frame_type)header->type};
    enum sw_err err;

    err = sw_open_frame(&channel->opener, &channel->config.swarm, header, frame);
    if (err != SW_ERR_OK) {
        return err;
    }
    if (late) {
        return SW_ERR_REPLAYED; /* genuine, but messages keep their order or are lost */
    }
    input.body = sw_span_of(frame + SW_FRAME_HEADER_SIZE, header->size);
    if (channel->state == WAIT_PROOF) {
        channel->state = OPEN;
        input.opened = true;
    }
    err = take_sealed(channel, header, &input);
    if (err == SW_ERR_OK) {
        *ret_input = input;
    }
    return err;
}

enum sw_err sw_channel_receive(struct sw_channel *channel,
                               uint8_t *frame,
                               size_t size,
                               struct sw_buf *out,
                               struct sw_channel_input *ret_input)
{
    const struct sw_span bytes = sw_span_of(frame, size);
    struct sw_frame_header header;
    enum sw_err err = sw_frame_decode(bytes, &header);

    if (err != SW_ERR_OK) {
        return err;
    }
    if (header.index != channel->config.index || channel->broken ||
        !sw_node_id_equal(header.sender, channel->config.remote) ||
        !sw_node_id_equal(header.receiver, channel->config.local)) {
        return SW_ERR_UNAUTHENTICATED;
    }
    if (header.kind == SW_FRAME_ANSWER && channel->state == WAIT_ANSWER) {
        return receive_answer(channel, bytes, out, ret_input);
    }
    if (header.kind == SW_FRAME_FINISH && channel->state == WAIT_FINISH) {
        return receive_finish(channel, bytes, ret_input);
    }
    if (header.kind == SW_FRAME_SEALED &&
        (channel->state == WAIT_PROOF || channel->state == OPEN)) {
        return receive_sealed(channel, &header, frame, ret_input);
    }
    return SW_ERR_UNAUTHENTICATED;
}

bool sw_channel_broken(const struct sw_channel *channel)
{
    return channel->broken;
}

bool sw_channel_open(const struct sw_channel *channel)
{
    return channel->state == OPEN && !channel->broken;
}

size_t sw_channel_seal(struct sw_channel *channel,
                       uint64_t now_ms,
                       enum sw_frame_type type,
                       struct sw_span body,
                       uint8_t *out)
{
    struct sw_frame_header header = {
        .type = (uint8_t)type,
        .index = channel->remote_index,
        .sender = channel->config.local,
        .receiver = channel->config.remote,
    };

    SW_ASSERT(channel->state == OPEN);
    SW_ASSERT((type == SW_FRAME_MESSAGES) == (body.size > 0));
    if (type == SW_FRAME_CREDIT) {
        header.position = sw_credit_grant(&channel->credit);
        channel->grant_due = false;
    } else if (type != SW_FRAME_CLOSE) {
        header.position = channel->credit.sent;
    }
    if (type == SW_FRAME_MESSAGES) {
        sw_credit_charge(&channel->credit, body.size);
    }
    sw_seal_frame(&channel->sealer, now_ms, &channel->config.swarm, &header, body, out);
    return SW_FRAME_OVERHEAD + body.size;
}

bool sw_channel_may_send(const struct sw_channel *channel, size_t size)
{
    return sw_credit_may_send(&channel->credit, size);
}

uint64_t sw_channel_credit_left(const struct sw_channel *channel)
{
    return sw_credit_left(&channel->credit);
}

void sw_channel_refund(struct sw_channel *channel, size_t size)
{
    sw_credit_refund(&channel->credit, size);
}

bool sw_channel_grant_due(const struct sw_channel *channel)
{
    return channel->grant_due || sw_credit_grant_due(&channel->credit);
}

uint32_t sw_channel_index(const struct sw_channel *channel)
{
    return channel->config.index;
}

uint32_t sw_channel_remote_index(const struct sw_channel *channel)
{
    return channel->remote_index;
}

struct sw_node_id sw_channel_remote(const struct sw_channel *channel)
{
    return channel->config.remote;
}

const struct sw_public_key *sw_channel_remote_key(const struct sw_channel *channel)
{
    return &channel->noise.remote_static;
}

struct sw_span sw_channel_hash(const struct sw_channel *channel)
{
    return sw_span_of(channel->noise.hash, SW_HASH_SIZE);
}
