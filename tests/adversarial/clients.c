/* A client with a right key that says what no honest client says. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/prng.h"
#include "tests/adversarial/cases.h"
#include "transport/frame.h"

enum { HANDSHAKE_MS = 5000, MESSAGE_SIZE_MAX = 600, SETTLE_MS = 300, LENGTHS = 5 };

static void enter(struct visitor *visitor, const struct visit *visit)
{
    uint8_t refusal = 0;

    visitor_open(visitor, visit);
    if (visitor_shake_hands(visitor, HANDSHAKE_MS, &refusal) != WELCOME_SESSION) {
        visitor_fail("no session for an honest key");
    }
}

/* What the node answered meanwhile, by outcome. */
struct answers {
    uint32_t all, ok;
};

static void gather(struct visitor *visitor, uint32_t timeout_ms, struct answers *answers)
{
    struct sw_reply reply;

    while (visitor_reply(visitor, timeout_ms, &reply)) {
        answers->all++;
        answers->ok += reply.err == SW_ERR_OK ? 1 : 0;
        timeout_ms = 0;
    }
}

/* A session that was closed for its bad manners is replaced, as a persistent attacker would. */
static bool alive(struct visitor *visitor)
{
    return !sw_channel_broken(visitor->channel) &&
           sw_channel_may_send(visitor->channel, MESSAGE_SIZE_MAX + 64);
}

static void again(struct visitor *visitor, const struct visit *visit)
{
    visitor_close(visitor);
    enter(visitor, visit);
}

void case_requests_random(const struct visit *visit)
{
    struct sw_prng prng = sw_prng_of(visit->seed);
    struct answers answers = {0};
    struct visitor visitor;
    uint8_t message[MESSAGE_SIZE_MAX];

    enter(&visitor, visit);
    for (uint32_t i = 0; i < visit->count; i++) {
        const size_t size = sw_prng_range(&prng, 1, sizeof message);

        for (size_t at = 0; at < size; at++) {
            message[at] = (uint8_t)sw_prng_next(&prng);
        }
        if (!alive(&visitor)) {
            again(&visitor, visit);
        }
        visitor_say(&visitor, sw_span_of(message, size));
        gather(&visitor, 0, &answers);
    }
    gather(&visitor, SETTLE_MS, &answers);
    printf("{\"sent\":%u,\"answers\":%u,\"ok\":%u}\n", visit->count, answers.all, answers.ok);
    visitor_close(&visitor);
}

/* A genuine request of each operation with a few bytes changed. Some stay valid: then they are
 * honest requests and may succeed. */
void case_requests_mutated(const struct visit *visit)
{
    struct sw_prng prng = sw_prng_of(visit->seed);
    struct answers answers = {0};
    struct visitor visitor;
    struct sw_buf message = {0};

    enter(&visitor, visit);
    for (uint32_t i = 0; i < visit->count; i++) {
        const enum sw_op op = (enum sw_op)sw_prng_range(&prng, 1, SW_OP_COUNT - 1);
        const struct sw_request request = visitor_request(op, "mutated", "value");

        sw_buf_clear(&message);
        sw_request_encode(&request, &message);
        for (uint64_t bends = sw_prng_range(&prng, 1, 4); bends > 0; bends--) {
            message.data[sw_prng_below(&prng, message.size)] = (uint8_t)sw_prng_next(&prng);
        }
        if (!alive(&visitor)) {
            again(&visitor, visit);
        }
        visitor_say(&visitor, sw_buf_span(&message));
        gather(&visitor, 0, &answers);
    }
    gather(&visitor, SETTLE_MS, &answers);
    printf("{\"sent\":%u,\"answers\":%u,\"ok\":%u}\n", visit->count, answers.all, answers.ok);
    sw_buf_release(&message);
    visitor_close(&visitor);
}

/* Sealed bodies whose inner lengths lie, at both levels: messages in a frame, fields in a message.
 */
void case_lengths(const struct visit *visit)
{
    static const uint32_t lies[LENGTHS] = {0, 5, 0x7fffffff, 0xfffffff0, 0xffffffff};
    struct visitor visitor;
    struct answers answers = {0};
    uint32_t sent = 0;

    enter(&visitor, visit);
    for (uint32_t i = 0; i < LENGTHS; i++) {
        const struct sw_request put = visitor_request(SW_OP_PUT, "lengths", "value");
        struct sw_buf message = {0}, body = {0};

        sw_request_encode(&put, &message);
        sw_frame_pack(&body, sw_buf_span(&message));
        for (size_t at = 0; at + 4 <= body.size; at++, sent++) {
            struct sw_buf lie = {0};

            sw_write_bytes(&lie, sw_buf_span(&body));
            sw_store_u32(lie.data + at, lies[i]);
            if (!alive(&visitor)) {
                again(&visitor, visit);
            }
            visitor_seal(&visitor, sw_buf_span(&lie));
            visitor_send(&visitor, sw_buf_span(&visitor.frame));
            gather(&visitor, 0, &answers);
            sw_buf_release(&lie);
        }
        sw_buf_release(&message);
        sw_buf_release(&body);
    }
    gather(&visitor, SETTLE_MS, &answers);
    printf("{\"sent\":%u,\"answers\":%u,\"ok\":%u}\n", sent, answers.all, answers.ok);
    visitor_close(&visitor);
}

/* Requests just over a limit: each must be refused with a typed error, none may end the session. */
void case_limits(const struct visit *visit)
{
    static char large[SW_VALUE_SIZE_MAX + 1];
    const struct sw_span value = sw_span_of(large, sizeof large);
    const struct sw_span name = sw_span_of(large, SW_PARTITION_SIZE_MAX + 1);
    struct visitor visitor;
    struct sw_reply reply;
    struct sw_request requests[7];
    uint32_t ok = 0, other = 0;

    memset(large, 'x', sizeof large);
    for (size_t i = 0; i < 7; i++) {
        requests[i] = visitor_request(SW_OP_PUT, "limits", "value");
    }
    requests[0].value = value;
    requests[1].key = sw_span_of(large, SW_KEY_SIZE_MAX + 1);
    requests[2].tenant = name;
    requests[3].name_space = sw_span_str("two words");
    requests[4].partition = name;
    requests[5].op = SW_OP_EXPERIENCE_APPEND;
    requests[5].key = sw_span_str("");
    requests[5].value = sw_span_of(large, SW_EXPERIENCE_SIZE_MAX + 1);
    requests[6].depth = UINT16_MAX;
    enter(&visitor, visit);
    for (size_t i = 0; i < 7; i++) {
        const enum sw_err err = visitor_ask(&visitor, &requests[i], &reply);

        ok += err == SW_ERR_OK ? 1 : 0;
        other += err == SW_ERR_DEADLINE ? 1 : 0;
    }
    printf("{\"sent\":7,\"ok\":%u,\"unanswered\":%u}\n", ok, other);
    visitor_close(&visitor);
}

/* Asks for large answers and takes none. */
void case_deaf(const struct visit *visit)
{
    struct visitor visitor;
    uint32_t sent = 0;

    enter(&visitor, visit);
    while (sent < visit->count && sw_channel_may_send(visitor.channel, MESSAGE_SIZE_MAX)) {
        const struct sw_request get = visitor_request(SW_OP_GET, "deaf", "");
        struct sw_buf message = {0};

        sw_request_encode(&get, &message);
        visitor_say(&visitor, sw_buf_span(&message));
        sw_buf_release(&message);
        sent++;
    }
    printf("{\"sent\":%u}\n", sent);
    (void)fflush(stdout);
    for (uint32_t i = 0; i < visit->argument; i++) { /* keeps the connection open, seconds */
        const uint64_t end_ms = visitor_now_ms() + 1000;

        while (visitor_now_ms() < end_ms) {
        }
    }
    visitor_close(&visitor);
}

/* Opens sessions without end: the table is bounded, and an honest client goes on. */
void case_many_sessions(const struct visit *visit)
{
    struct sw_prng prng = sw_prng_of(visit->seed);
    struct visitor visitor;
    uint32_t opened = 0;

    enter(&visitor, visit);
    for (uint32_t i = 0; i < visit->count; i++) {
        struct sw_request open = visitor_request(SW_OP_SESSION_OPEN, "", "");
        struct sw_reply reply;
        uint64_t nonce[2] = {sw_prng_next(&prng), sw_prng_next(&prng)};

        open.tenant = sw_span_str("");
        open.name_space = sw_span_str("");
        open.partition = sw_span_str("");
        open.value = sw_span_of(nonce, sizeof nonce);
        opened += visitor_ask(&visitor, &open, &reply) == SW_ERR_OK ? 1 : 0;
    }
    printf("{\"sent\":%u,\"opened\":%u}\n", visit->count, opened);
    visitor_close(&visitor);
}
