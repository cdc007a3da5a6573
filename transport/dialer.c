/* Dialer: handshake retries, signs of life, and one session at a time. */
#include "transport/dialer.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/prng.h"
#include "transport/frame.h"

struct sw_dialer {
    struct sw_dialer_config config;
    struct sw_channel *session; /* owned; open, or NULL */
    struct sw_channel *attempt; /* owned; waits for ANSWER, or NULL */
    struct sw_outbox outbox;
    struct sw_buf scratch; /* handshake frames on their way out */
    struct sw_prng prng;
    uint64_t next_attempt_ms;
    uint64_t retry_ms;
    uint64_t heard_ms;  /* last genuine frame of the session */
    uint64_t probed_ms; /* last PROBE */
    uint64_t hinted_ms; /* last hint that was believed; 0 = never */
    bool announced;     /* `state` was told that the session is up */
    bool lost;          /* the node said that it does not know the session */
};

struct sw_dialer *sw_dialer_new(const struct sw_dialer_config *config, uint64_t now_ms)
{
    struct sw_dialer *dialer = calloc(1, sizeof(*dialer));

    SW_ASSERT(dialer != NULL);
    SW_ASSERT(config->channel.window >= SW_FRAME_SIZE_MAX);
    dialer->config = *config;
    dialer->prng = sw_prng_of(config->seed);
    dialer->next_attempt_ms = now_ms;
    dialer->retry_ms = SW_DIALER_RETRY_MS_MIN;
    return dialer;
}

void sw_dialer_free(struct sw_dialer *dialer)
{
    if (dialer == NULL) {
        return;
    }
    sw_channel_free(dialer->session);
    sw_channel_free(dialer->attempt);
    sw_outbox_release(&dialer->outbox);
    sw_buf_release(&dialer->scratch);
    free(dialer);
}

static bool is_client(const struct sw_dialer *dialer)
{
    return dialer->config.channel.role == SW_CHANNEL_CLIENT;
}

static uint64_t probe_interval(const struct sw_dialer *dialer)
{
    return is_client(dialer) ? SW_DIALER_CLIENT_PROBE_MS : SW_DIALER_PEER_PROBE_MS;
}

static uint64_t dead_interval(const struct sw_dialer *dialer)
{
    return is_client(dialer) ? SW_DIALER_CLIENT_DEAD_MS : SW_DIALER_PEER_DEAD_MS;
}

static void attempt_drop(struct sw_dialer *dialer)
{
    sw_channel_free(dialer->attempt);
    dialer->attempt = NULL;
}

static void session_drop(struct sw_dialer *dialer)
{
    if (dialer->session == NULL) {
        return;
    }
    sw_channel_free(dialer->session);
    dialer->session = NULL;
    dialer->lost = false;
    sw_outbox_clear(&dialer->outbox);
    if (dialer->announced) {
        dialer->announced = false;
        dialer->config.state(dialer->config.arg, false);
    }
}

/* Between three and five quarters of the interval, so that many dialers do not march in step. */
static uint64_t jittered(struct sw_dialer *dialer, uint64_t interval_ms)
{
    return interval_ms * 3 / 4 + sw_prng_below(&dialer->prng, interval_ms / 2 + 1);
}

static void attempt_start(struct sw_dialer *dialer, uint64_t now_ms)
{
    struct sw_channel_config config = dialer->config.channel;
    enum sw_err err;

    attempt_drop(dialer);
    do {
        config.index = sw_crypto_random_u32();
    } while (config.index == 0 ||
             (dialer->session != NULL && config.index == sw_channel_index(dialer->session)));
    sw_buf_clear(&dialer->scratch);
    err = sw_channel_connect(&config, &dialer->scratch, &dialer->attempt);
    if (err == SW_ERR_OK) {
        err = sw_outbox_raw(
            sw_buf_span(&dialer->scratch), &dialer->config.sink, NULL, dialer->config.stats);
    }
    if (err != SW_ERR_OK) {
        attempt_drop(dialer);
        dialer->next_attempt_ms = now_ms + SW_DIALER_RECONNECT_MS;
        return;
    }
    dialer->next_attempt_ms = now_ms + jittered(dialer, dialer->retry_ms);
    dialer->retry_ms *= 2;
    if (dialer->retry_ms > SW_DIALER_RETRY_MS_MAX) {
        dialer->retry_ms = SW_DIALER_RETRY_MS_MAX;
    }
}

static void probe(struct sw_dialer *dialer, uint64_t now_ms)
{
    const enum sw_err err = sw_outbox_control(
        dialer->session, now_ms, SW_FRAME_PROBE, &dialer->config.sink, NULL, dialer->config.stats);

    (void)err; /* a probe that did not leave is a silent node; the next one is due soon */
    dialer->probed_ms = now_ms;
}

static void announce(struct sw_dialer *dialer)
{
    if (!dialer->announced) {
        dialer->announced = true;
        dialer->retry_ms = SW_DIALER_RETRY_MS_MIN;
        dialer->config.stats->handshakes++;
        dialer->config.state(dialer->config.arg, true);
    }
}

static void session_start(struct sw_dialer *dialer, uint64_t now_ms)
{
    struct sw_channel *channel = dialer->attempt;

    dialer->attempt = NULL;
    session_drop(dialer);
    dialer->session = channel;
    dialer->lost = false;
    dialer->heard_ms = now_ms;
    probe(dialer, now_ms); /* proves to the node that we live; until then its side is not open */
}

static void refused(struct sw_dialer *dialer, enum sw_err err)
{
    dialer->config.stats->handshakes_refused++;
    if (dialer->config.refused != NULL) {
        dialer->config.refused(dialer->config.arg, err);
    }
}

static void take_answer(struct sw_dialer *dialer, uint64_t now_ms, uint8_t *frame, size_t size)
{
    struct sw_channel_input input;
    enum sw_err err;

    sw_buf_clear(&dialer->scratch);
    err = sw_channel_receive(dialer->attempt, frame, size, &dialer->scratch, &input);
    if (err == SW_ERR_OK && dialer->scratch.size > 0) {
        err = sw_outbox_raw(
            sw_buf_span(&dialer->scratch), &dialer->config.sink, NULL, dialer->config.stats);
    }
    if (err == SW_ERR_OK) {
        session_start(dialer, now_ms);
        return;
    }
    attempt_drop(dialer); /* next_attempt_ms was set when it started */
    refused(dialer, err);
}

static void take_refusal(struct sw_dialer *dialer, uint8_t refusal)
{
    const enum sw_err err = refusal == SW_FRAME_REFUSAL_UNAUTHORIZED  ? SW_ERR_UNAUTHORIZED
                            : refusal == SW_FRAME_REFUSAL_UNSUPPORTED ? SW_ERR_UNSUPPORTED
                            : refusal == SW_FRAME_REFUSAL_OVERLOADED  ? SW_ERR_OVERLOADED
                                                                      : SW_ERR_UNAUTHENTICATED;

    if (dialer->announced) {
        return;
    }
    session_drop(
        dialer); /* it was answered, but then not let in; the next try is due when it was */
    refused(dialer, err);
}

static void take_hint(struct sw_dialer *dialer, uint64_t now_ms, uint32_t index)
{
    if (dialer->session != NULL && !dialer->announced &&
        index == sw_channel_remote_index(dialer->session)) {
        session_drop(dialer); /* gone before it was up; the next try is due when it was */
        return;
    }
    if (dialer->session == NULL || index != sw_channel_remote_index(dialer->session) ||
        dialer->lost || now_ms < dialer->hinted_ms + SW_DIALER_HINT_MS) {
        return;
    }
    dialer->hinted_ms = now_ms;
    dialer->lost = true;
    dialer->next_attempt_ms = now_ms;
    dialer->retry_ms = SW_DIALER_RETRY_MS_MIN;
}

static void deliver(struct sw_dialer *dialer, struct sw_span body)
{
    struct sw_span message;

    while (sw_frame_next(&body, &message)) {
        dialer->config.stats->messages_received++;
        dialer->config.message(dialer->config.arg, message);
    }
}

static void take_sealed(struct sw_dialer *dialer, uint64_t now_ms, uint8_t *frame, size_t size)
{
    struct sw_channel_input input = {0};
    enum sw_err err = sw_channel_receive(dialer->session, frame, size, NULL, &input);

    if (err != SW_ERR_OK) {
        sw_stats_dropped(dialer->config.stats, err);
    } else {
        dialer->heard_ms = now_ms;
        dialer->config.stats->frames_received++;
        dialer->config.stats->bytes_received += size;
        dialer->lost = false; /* if it was hinted, the hint lied: the session lives */
        attempt_drop(dialer);
        announce(dialer);
        deliver(dialer, input.body);
    }
    if (sw_channel_broken(dialer->session)) {
        session_drop(dialer);
        dialer->next_attempt_ms = now_ms;
        return;
    }
    if (err == SW_ERR_OK && sw_channel_grant_due(dialer->session)) {
        err = sw_outbox_control(dialer->session,
                                now_ms,
                                SW_FRAME_CREDIT,
                                &dialer->config.sink,
                                NULL,
                                dialer->config.stats);
        (void)err; /* a lost grant is asked for again by the node's next PROBE or by ours */
    }
}

void sw_dialer_receive(struct sw_dialer *dialer, uint64_t now_ms, uint8_t *frame, size_t size)
{
    struct sw_frame_header header;
    const enum sw_err err = sw_frame_decode(sw_span_of(frame, size), &header);

    if (err != SW_ERR_OK) {
        sw_stats_dropped(dialer->config.stats, err);
        return;
    }
    if (header.kind == SW_FRAME_NO_SESSION) {
        take_hint(dialer, now_ms, header.index);
    } else if (header.kind == SW_FRAME_REFUSED) {
        take_refusal(dialer, header.type);
    } else if (header.kind == SW_FRAME_ANSWER && dialer->attempt != NULL &&
               header.index == sw_channel_index(dialer->attempt)) {
        take_answer(dialer, now_ms, frame, size);
    } else if (header.kind == SW_FRAME_SEALED && dialer->session != NULL &&
               header.index == sw_channel_index(dialer->session)) {
        take_sealed(dialer, now_ms, frame, size);
    } else {
        dialer->config.stats->dropped_unsealed++;
    }
}

static uint64_t session_tick(struct sw_dialer *dialer, uint64_t now_ms)
{
    const uint64_t interval = probe_interval(dialer);

    if (now_ms >= dialer->heard_ms + dead_interval(dialer)) {
        session_drop(dialer);
        dialer->next_attempt_ms = now_ms;
        return now_ms;
    }
    /* A node that talks to a client all the time still needs to hear from it, or takes it for gone.
     * A session without credit falls silent too, and so the probe also brings back lost credit. */
    if (now_ms >= dialer->probed_ms + interval &&
        (is_client(dialer) || now_ms >= dialer->heard_ms + interval)) {
        probe(dialer, now_ms);
    }
    return dialer->probed_ms + interval > now_ms ? dialer->probed_ms + interval : now_ms + interval;
}

uint64_t sw_dialer_tick(struct sw_dialer *dialer, uint64_t now_ms)
{
    uint64_t next_ms = UINT64_MAX;

    if (dialer->session != NULL) {
        next_ms = session_tick(dialer, now_ms);
    }
    if (!dialer->announced || dialer->lost) {
        if (now_ms >= dialer->next_attempt_ms) {
            attempt_start(dialer, now_ms);
        }
        if (dialer->next_attempt_ms < next_ms) {
            next_ms = dialer->next_attempt_ms;
        }
    }
    return next_ms;
}

bool sw_dialer_up(const struct sw_dialer *dialer)
{
    return dialer->announced;
}

enum sw_err sw_dialer_send(struct sw_dialer *dialer, struct sw_span message)
{
    const size_t waiting = sw_outbox_size(&dialer->outbox);

    if (!dialer->announced) {
        return SW_ERR_UNREACHABLE;
    }
    if (!sw_channel_may_send(dialer->session, waiting + SW_FRAME_MESSAGE_OVERHEAD + message.size)) {
        return SW_ERR_BUSY;
    }
    sw_outbox_add(&dialer->outbox, message);
    return SW_ERR_OK;
}

void sw_dialer_flush(struct sw_dialer *dialer, uint64_t now_ms)
{
    enum sw_err err;

    if (dialer->session == NULL || sw_outbox_size(&dialer->outbox) == 0) {
        return;
    }
    err = sw_outbox_flush(
        &dialer->outbox, dialer->session, now_ms, &dialer->config.sink, NULL, dialer->config.stats);
    (void)err; /* what stays is bounded by the credit and goes with the next flush or the session */
}

void sw_dialer_close(struct sw_dialer *dialer, uint64_t now_ms)
{
    enum sw_err err;

    if (dialer->session == NULL) {
        return;
    }
    err = sw_outbox_control(
        dialer->session, now_ms, SW_FRAME_CLOSE, &dialer->config.sink, NULL, dialer->config.stats);
    (void)err; /* best effort: without it the node notices by silence */
    session_drop(dialer);
}

const struct sw_public_key *sw_dialer_remote_key(const struct sw_dialer *dialer)
{
    return !dialer->announced ? NULL : sw_channel_remote_key(dialer->session);
}
