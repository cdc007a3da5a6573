/* Genuine frames abused: replayed, bent, cut, reflected, spoken in another's name. Each case ends
 * with an honest request, which shows whether the session lived and how often the victim ran. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/prng.h"
#include "tests/adversarial/cases.h"
#include "transport/frame.h"

enum { HANDSHAKE_MS = 5000, REPLY_MS = 5000, SETTLE_MS = 500 };

static void enter(struct visitor *visitor, const struct visit *visit)
{
    uint8_t refusal = 0;

    visitor_open(visitor, visit);
    if (visitor_shake_hands(visitor, HANDSHAKE_MS, &refusal) != WELCOME_SESSION) {
        visitor_fail("no session for an honest key");
    }
}

/* Until the node has nothing more to say: a read does not wait for writes that were sent before it
 * and not answered. */
static void settle(struct visitor *visitor)
{
    struct sw_span body;

    while (visitor_hear(visitor, SETTLE_MS, &body)) {
    }
}

/* The genuine frame is answered, however long a busy node takes: only then is it settled. */
static void hear_answer(struct visitor *visitor)
{
    struct sw_span body;

    if (!visitor_hear(visitor, REPLY_MS, &body)) {
        visitor_fail("no answer to the genuine frame");
    }
}

/* How often `key` was written, 0 if never; the session must still answer. */
static uint64_t version_of(struct visitor *visitor, const char *key)
{
    const struct sw_request get = visitor_request(SW_OP_GET, key, "");
    struct sw_reply reply;
    struct sw_record record;
    enum sw_err err;

    settle(visitor);
    err = visitor_ask(visitor, &get, &reply);
    if (err == SW_ERR_NOT_FOUND) {
        return 0;
    }
    if (err != SW_ERR_OK || reply.record_count != 1) {
        visitor_fail("the session no longer answers");
    }
    struct sw_reader in = sw_reader_of(reply.records);

    if (sw_record_decode(&in, &record) != SW_ERR_OK) {
        visitor_fail("a record that does not decode");
    }
    return record.version;
}

/* A sealed frame with one put of `key`, not sent. */
static void seal_put(struct visitor *visitor, const char *key, struct sw_buf *out)
{
    const struct sw_request put = visitor_request(SW_OP_PUT, key, "value");
    struct sw_buf message = {0}, body = {0};

    sw_request_encode(&put, &message);
    sw_frame_pack(&body, sw_buf_span(&message));
    visitor_seal(visitor, sw_buf_span(&body));
    sw_buf_clear(out);
    sw_write_bytes(out, sw_buf_span(&visitor->frame));
    sw_buf_release(&message);
    sw_buf_release(&body);
}

/* A recorded HELLO, sent again and again, beside the session that it once made. */
void case_hello_replay(const struct visit *visit)
{
    struct visitor visitor, replayer;
    struct sw_buf hello = {0};
    uint32_t sessions = 0;

    enter(&visitor, visit);
    visitor_open(&replayer, visit);
    visitor_hello(&replayer, &hello);
    for (uint32_t i = 0; i < visit->count; i++) {
        visitor_send(&replayer, sw_buf_span(&hello));
        sessions += visitor_take(&replayer, 0) ? 1 : 0;
    }
    printf("{\"sent\":%u,\"answers\":%u,\"version\":%llu}\n",
           visit->count,
           sessions,
           (unsigned long long)version_of(&visitor, "hello-replay"));
    sw_buf_release(&hello);
    visitor_close(&replayer);
    visitor_close(&visitor);
}

void case_frame_replay(const struct visit *visit)
{
    struct visitor visitor;
    struct sw_buf frame = {0};

    enter(&visitor, visit);
    seal_put(&visitor, "frame-replay", &frame);
    for (uint32_t i = 0; i <= visit->count; i++) {
        visitor_send(&visitor, sw_buf_span(&frame));
    }
    hear_answer(&visitor);
    printf("{\"sent\":%u,\"version\":%llu}\n",
           visit->count + 1,
           (unsigned long long)version_of(&visitor, "frame-replay"));
    sw_buf_release(&frame);
    visitor_close(&visitor);
}

/* One bit of the frame is another, a different one each time; then the genuine frame. */
void case_frame_flip(const struct visit *visit)
{
    struct sw_prng prng = sw_prng_of(visit->seed);
    struct visitor visitor;
    struct sw_buf frame = {0};

    enter(&visitor, visit);
    seal_put(&visitor, "frame-flip", &frame);
    for (uint32_t i = 0; i < visit->count; i++) {
        const size_t bit = sw_prng_below(&prng, frame.size * 8);

        frame.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
        visitor_send(&visitor, sw_buf_span(&frame));
        frame.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    visitor_send(&visitor, sw_buf_span(&frame));
    hear_answer(&visitor);
    printf("{\"sent\":%u,\"version\":%llu}\n",
           visit->count,
           (unsigned long long)version_of(&visitor, "frame-flip"));
    sw_buf_release(&frame);
    visitor_close(&visitor);
}

/* Every shorter length of the frame; then a longer one. */
void case_frame_cut(const struct visit *visit)
{
    struct visitor visitor;
    struct sw_buf frame = {0};
    uint32_t sent = 0;

    (void)visit->count;
    enter(&visitor, visit);
    seal_put(&visitor, "frame-cut", &frame);
    for (size_t size = 0; size < frame.size; size++, sent++) {
        visitor_send(&visitor, sw_span_of(frame.data, size));
    }
    sw_write_u8(&frame, 0);
    visitor_send(&visitor, sw_buf_span(&frame));
    printf("{\"sent\":%u,\"version\":%llu}\n",
           sent + 1,
           (unsigned long long)version_of(&visitor, "frame-cut"));
    sw_buf_release(&frame);
    visitor_close(&visitor);
}

/* The node's own frames, sent back to it. */
void case_frame_reflect(const struct visit *visit)
{
    struct visitor visitor;
    uint32_t sent = 0;

    enter(&visitor, visit);
    for (uint32_t i = 0; i < visit->count; i++) {
        const struct sw_request put = visitor_request(SW_OP_PUT, "frame-reflect", "value");
        struct sw_buf message = {0};

        sw_request_encode(&put, &message);
        visitor_say(&visitor, sw_buf_span(&message));
        sw_buf_release(&message);
        if (visitor_take(&visitor, REPLY_MS)) { /* as it came, before it is opened */
            visitor_send(&visitor, sw_buf_span(&visitor.frame));
            sent++;
        }
    }
    printf("{\"sent\":%u,\"version\":%llu}\n",
           sent,
           (unsigned long long)version_of(&visitor, "frame-reflect"));
    visitor_close(&visitor);
}

/* A client with a session of its own speaks in the session of another: the victim's index, its own
 * seal. */
void case_frame_spoof(const struct visit *visit)
{
    struct visit other = *visit;
    struct visitor victim, spoofer;
    struct sw_buf frame = {0};

    other.seed++;
    enter(&victim, visit);
    enter(&spoofer, &other);
    for (uint32_t i = 0; i < visit->count; i++) {
        seal_put(&spoofer, "frame-spoof", &frame);
        sw_store_u32(frame.data + 4, sw_channel_remote_index(victim.channel));
        visitor_send(&spoofer, sw_buf_span(&frame));
    }
    printf("{\"sent\":%u,\"version\":%llu}\n",
           visit->count,
           (unsigned long long)version_of(&victim, "frame-spoof"));
    sw_buf_release(&frame);
    visitor_close(&spoofer);
    visitor_close(&victim);
}
