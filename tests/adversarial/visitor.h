/* A visitor of a live node: a real ZeroMQ connection on which whatever a hostile program could know
 * can be said, honest handshakes and frames included. For the cases of this folder only: a failure
 * of the visitor's own side ends the process, because then the case has not been tried. */
#ifndef SW_TESTS_ADVERSARIAL_VISITOR_H
#define SW_TESTS_ADVERSARIAL_VISITOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rw.h"
#include "base/span.h"
#include "transport/channel.h"
#include "transport/port_zmq.h"
#include "transport/proto.h"

/* Whom to visit and as whom: the command line of the case. */
struct visit {
    const char *address;
    struct sw_swarm_id swarm;
    uint64_t node;                /* the node's id */
    struct sw_public_key key;     /* the node's */
    enum sw_channel_role role;    /* which of its two ports this is */
    uint64_t claim;               /* the node that we say we are; 0 = a client */
    const struct sw_keypair *own; /* what we prove; borrowed */
    enum sw_noise_pattern pattern;
    uint32_t count; /* how often, or how many */
    uint64_t seed;
    uint64_t argument; /* of some cases */
};

struct visitor {
    struct visit visit;
    void *context;
    struct sw_port *port;
    struct sw_sink sink;
    struct sw_channel *channel; /* NULL before a handshake went through */
    struct sw_buf frame;        /* the last frame taken or sealed */
};

/* How a handshake ended. */
enum welcome { WELCOME_SESSION, WELCOME_REFUSED, WELCOME_SILENCE };

void visitor_open(struct visitor *visitor, const struct visit *visit);
void visitor_close(struct visitor *visitor);

/* Sends these bytes as one frame, waiting for the connection or for room in its queue. */
void visitor_send(struct visitor *visitor, struct sw_span frame);
/* The next frame into `visitor->frame`; false after `timeout_ms` without one. */
bool visitor_take(struct visitor *visitor, uint32_t timeout_ms);

/* Appends a HELLO to `out`; the channel is ready for its answer. */
void visitor_hello(struct visitor *visitor, struct sw_buf *out);
/* A whole handshake, tried for `timeout_ms`. `ret_refusal` as in transport/frame.h. */
enum welcome
visitor_shake_hands(struct visitor *visitor, uint32_t timeout_ms, uint8_t *ret_refusal);

/* Seals `body` (packed messages, or anything) into `visitor->frame`. Needs a session. */
void visitor_seal(struct visitor *visitor, struct sw_span body);
/* Packs one message, seals it, sends it. */
void visitor_say(struct visitor *visitor, struct sw_span message);
/* The next sealed frame with messages: the body is a view into `visitor->frame`. */
bool visitor_hear(struct visitor *visitor, uint32_t timeout_ms, struct sw_span *ret_body);
/* The same, and the first reply in it. */
bool visitor_reply(struct visitor *visitor, uint32_t timeout_ms, struct sw_reply *ret_reply);

/* One honest request without a session; the names are those of these tests. */
struct sw_request visitor_request(enum sw_op op, const char *key, const char *value);
/* Encodes it, says it, waits for the answer: its error number, or DEADLINE. */
enum sw_err
visitor_ask(struct visitor *visitor, const struct sw_request *request, struct sw_reply *ret_reply);

uint64_t visitor_now_ms(void);
_Noreturn void visitor_fail(const char *what);

#endif
