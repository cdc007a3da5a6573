/* A world for the client core: three nodes that only record what they are sent, a clock that stands
 * still, and answers that the test writes by hand. */
#ifndef SW_TESTS_UNIT_CLIENT_FAKE_H
#define SW_TESTS_UNIT_CLIENT_FAKE_H

#include <stdlib.h>

#include "base/prng.h"
#include "client/core.h"

enum { FAKE_NODES = 3, FAKE_SENT_MAX = 512 };

struct fake_sent {
    uint64_t node;
    struct sw_buf bytes;
    struct sw_request request; /* views into bytes */
    uint32_t message;          /* number of the message that held it */
};

struct fake {
    uint64_t now_ms;
    struct sw_prng prng;
    enum sw_err refusal[FAKE_NODES + 1]; /* what send gives instead of taking a message */
    struct fake_sent sent[FAKE_SENT_MAX];
    uint32_t sent_count;
    uint32_t messages;
    struct sw_core *core;
};

struct fake_answer {
    uint32_t calls;
    enum sw_err err;
    uint64_t revision;
    uint64_t session, seq;
    char detail[SW_WHY_SIZE];
};

static inline uint64_t fake_now(void *impl)
{
    return ((struct fake *)impl)->now_ms;
}

static inline uint64_t fake_random(void *impl)
{
    return sw_prng_next(&((struct fake *)impl)->prng);
}

static inline enum sw_err fake_send(void *impl, struct sw_node_id node, struct sw_span message)
{
    struct fake *fake = impl;
    struct sw_reader in = sw_reader_of(message);

    if (fake->refusal[node.value] != SW_ERR_OK) {
        return fake->refusal[node.value];
    }
    fake->messages++;
    while (sw_reader_left(&in) > 0) {
        struct fake_sent *sent = &fake->sent[fake->sent_count];
        struct sw_reader again;

        assert_true(fake->sent_count < FAKE_SENT_MAX);
        fake->sent_count++;
        *sent = (struct fake_sent){.node = node.value, .message = fake->messages};
        sw_write_blob(&sent->bytes, sw_read_blob(&in, SW_MESSAGE_SIZE_MAX));
        again = sw_reader_of(sw_buf_span(&sent->bytes));
        assert_int_equal(sw_request_decode(&again, &sent->request), SW_ERR_OK);
    }
    return SW_ERR_OK;
}

static inline struct sw_core_config fake_config(struct fake *fake)
{
    return (struct sw_core_config){
        .nodes = {{1}, {2}, {3}},
        .node_count = FAKE_NODES,
        .port = {.impl = fake, .now_ms = fake_now, .random = fake_random, .send = fake_send}};
}

static inline void fake_start(struct fake *fake, const struct sw_core_config *config)
{
    char why[SW_WHY_SIZE];

    assert_int_equal(sw_core_new(config, &fake->core, why), SW_ERR_OK);
}

static inline struct fake *fake_new(void)
{
    struct fake *fake = calloc(1, sizeof *fake);

    assert_non_null(fake);
    fake->now_ms = 1000;
    fake->prng = sw_prng_of(5);
    return fake;
}

static inline void fake_forget(struct fake *fake)
{
    for (uint32_t i = 0; i < fake->sent_count; i++) {
        sw_buf_release(&fake->sent[i].bytes);
    }
    fake->sent_count = 0;
}

static inline void fake_free(struct fake *fake)
{
    fake_forget(fake);
    sw_core_free(fake->core);
    free(fake);
}

static inline void fake_turn(struct fake *fake, uint64_t pass_ms)
{
    fake->now_ms += pass_ms;
    sw_core_tick(fake->core);
    sw_core_flush(fake->core);
}

static inline void fake_done(void *arg, const struct sw_reply *reply)
{
    struct fake_answer *answer = arg;

    answer->calls++;
    answer->err = reply->err;
    answer->revision = reply->revision;
    answer->session = reply->session.value;
    answer->seq = reply->seq;
    snprintf(answer->detail,
             sizeof answer->detail,
             "%.*s",
             (int)reply->detail.size,
             reply->detail.size > 0 ? (const char *)reply->detail.data : "");
}

static inline struct sw_core_submission
fake_submission(struct fake *fake, enum sw_op op, struct fake_answer *answer)
{
    struct sw_core_submission submission = {.request = {.op = op},
                                            .deadline_ms = fake->now_ms + 5000,
                                            .done = fake_done,
                                            .arg = answer};

    if (op != SW_OP_STATUS && op != SW_OP_TRANSFER && op != SW_OP_SNAPSHOT) {
        submission.request.tenant = sw_span_str("t");
        submission.request.name_space = sw_span_str("n");
        submission.request.partition = sw_span_str("p");
        submission.request.key = sw_span_str("k");
    }
    if (op == SW_OP_PUT || op == SW_OP_CAS) {
        submission.request.value = sw_span_str("v");
    }
    return submission;
}

static inline uint64_t fake_submit(struct fake *fake, enum sw_op op, struct fake_answer *answer)
{
    const struct sw_core_submission submission = fake_submission(fake, op, answer);
    char why[SW_WHY_SIZE];
    uint64_t token = 0;

    assert_int_equal(sw_core_submit(fake->core, &submission, &token, why), SW_ERR_OK);
    return token;
}

/* The last thing sent of that kind; fails if there is none. */
static inline struct fake_sent *fake_last(struct fake *fake, enum sw_op op)
{
    for (uint32_t i = fake->sent_count; i > 0; i--) {
        if (fake->sent[i - 1].request.op == op) {
            return &fake->sent[i - 1];
        }
    }
    fail_msg("nothing of op %d was sent", (int)op);
    return NULL;
}

static inline uint32_t fake_count(const struct fake *fake, enum sw_op op)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < fake->sent_count; i++) {
        count += fake->sent[i].request.op == op ? 1U : 0U;
    }
    return count;
}

static inline void fake_reply(struct fake *fake, uint64_t node, const struct sw_reply *reply)
{
    struct sw_buf bytes = {0};

    sw_reply_encode(reply, &bytes);
    sw_core_receive(fake->core, (struct sw_node_id){node}, sw_buf_span(&bytes));
    sw_buf_release(&bytes);
}

/* Answers what was sent as `sent->node` would, which takes `leader` for the leader of `term`. */
static inline void fake_answer(struct fake *fake,
                               const struct fake_sent *sent,
                               enum sw_err err,
                               uint64_t leader,
                               uint64_t term)
{
    fake_reply(fake,
               sent->node,
               &(struct sw_reply){.id = sent->request.id,
                                  .err = err,
                                  .node = {sent->node},
                                  .leader = {leader},
                                  .term = term,
                                  .revision = 77,
                                  .value = sent->request.op == SW_OP_SESSION_OPEN ? 500 : 0});
}

/* Lets the core find `leader`: something must be queued. */
static inline void fake_elect(struct fake *fake, uint64_t leader, uint64_t term)
{
    fake_turn(fake, 0);
    fake_answer(fake, fake_last(fake, SW_OP_STATUS), SW_ERR_OK, leader, term);
    fake_turn(fake, 0);
}

/* Elects node 1 and opens the session that the queued write waits for. */
static inline void fake_open(struct fake *fake)
{
    fake_elect(fake, 1, 1);
    fake_answer(fake, fake_last(fake, SW_OP_SESSION_OPEN), SW_ERR_OK, 1, 1);
    fake_turn(fake, 0);
}

#endif
