/* A bad link, at the level of messages: what is delayed waits in one list, by the time it is due.
 */
#include "transport/link_fault.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/prng.h"

enum { HELD_SIZE_MAX = 64 << 20, KEY_SIZE = 32, CLIENTS = 0 };

/* A message under way. */
struct held {
    struct held *next; /* owned */
    uint64_t due_ns;
    enum sw_link_fault_direction direction;
    struct sw_node_id peer; /* 0 = a client */
    uint64_t conn;
    uint8_t key[KEY_SIZE];
    size_t size;
    uint8_t bytes[];
};

struct sw_link_fault {
    struct sw_link port;
    struct sw_link_fault_page *page;
    const struct sw_env *env;
    struct sw_link_handler handler;
    struct sw_link *inner; /* NULL until wrapped */
    struct sw_prng prng;
    uint64_t last_ns[SW_LINK_FAULT_DIRECTIONS][SW_LINK_FAULT_ROWS]; /* due time of the last one */
    struct held *first;                                             /* owned; in order of due_ns */
    size_t held_size;
};

/* --- the page --------------------------------------------------------------------------------- */

/* NULL for a peer that the page has no row for. */
static struct sw_link_fault_way *
way_of(struct sw_link_fault *fault, enum sw_link_fault_direction direction, uint64_t peer)
{
    return peer < SW_LINK_FAULT_ROWS ? &fault->page->ways[direction][peer] : NULL;
}

/* Somebody else writes these while we read. */
static uint64_t setting(const uint64_t *field)
{
    return __atomic_load_n(field, __ATOMIC_RELAXED);
}

static bool chance(struct sw_link_fault *fault, const uint32_t *in_a_million)
{
    const uint32_t wanted = __atomic_load_n(in_a_million, __ATOMIC_RELAXED);

    return wanted > 0 && sw_prng_below(&fault->prng, SW_LINK_FAULT_MILLION) < wanted;
}

/* --- passing on ------------------------------------------------------------------------------- */

static enum sw_err pass_on(struct sw_link_fault *fault, const struct held *held)
{
    const struct sw_link_handler *handler = &fault->handler;
    const struct sw_span message = sw_span_of(held->bytes, held->size);

    if (held->direction == SW_LINK_FAULT_OUT) {
        return held->peer.value != CLIENTS
                   ? fault->inner->ops->send(fault->inner, held->peer, message)
                   : fault->inner->ops->reply(fault->inner, held->conn, message);
    }
    if (held->peer.value != CLIENTS) {
        handler->peer_message(handler->arg, held->peer, message);
    } else {
        handler->client_message(handler->arg, held->conn, held->key, message);
    }
    return SW_ERR_OK;
}

static void hold(struct sw_link_fault *fault, struct held *held)
{
    struct held **place = &fault->first;

    while (*place != NULL && (*place)->due_ns <= held->due_ns) {
        place = &(*place)->next;
    }
    held->next = *place;
    *place = held;
    fault->held_size += held->size;
}

static struct held *copy_of(const struct held *head, struct sw_span message)
{
    struct held *held = malloc(sizeof *held + message.size);

    SW_ASSERT(held != NULL);
    *held = *head;
    held->size = message.size;
    if (message.size > 0) {
        memcpy(held->bytes, message.data, message.size);
    }
    return held;
}

/* When it is to arrive; 0 = at once, nothing of its way is held before it. */
static uint64_t
due_of(struct sw_link_fault *fault, const struct sw_link_fault_way *way, const struct held *head)
{
    uint64_t *last = &fault->last_ns[head->direction][head->peer.value];
    const uint64_t now = sw_env_now_ns(fault->env);
    const uint64_t jitter = setting(&way->jitter_us) * 1000;
    uint64_t due = now + setting(&way->delay_us) * 1000;

    if (jitter > 0) {
        due += sw_prng_below(&fault->prng, jitter);
    }
    if (due <= now && *last <= now) {
        return 0;
    }
    *last = due > *last ? due : *last; /* the order of a way is kept */
    return *last;
}

/* One message on its way; `head` says whose. */
static enum sw_err
take(struct sw_link_fault *fault, const struct held *head, struct sw_span message)
{
    struct sw_link_fault_way *way = way_of(fault, head->direction, head->peer.value);
    struct held *held = copy_of(head, message);
    enum sw_err err = SW_ERR_OK;
    bool twice;

    held->due_ns = 0;
    if (way != NULL && (setting(&way->drop) != 0 || chance(fault, &way->loss) ||
                        fault->held_size + message.size > HELD_SIZE_MAX)) {
        way->dropped++;
        free(held);
        return SW_ERR_OK; /* lost without notice, as link.h allows */
    }
    twice = way != NULL && chance(fault, &way->duplicate);
    if (way != NULL) {
        way->passed++;
        way->doubled += twice ? 1 : 0;
        held->due_ns = due_of(fault, way, held);
    }
    if (held->due_ns > 0) {
        way->delayed++;
        if (twice) {
            struct held *again = copy_of(held, message);

            hold(fault, again);
        }
        hold(fault, held);
        return SW_ERR_OK;
    }
    err = pass_on(fault, held);
    if (twice && err == SW_ERR_OK) {
        (void)pass_on(fault, held); /* the first of the two said what became of it */
    }
    free(held);
    return err;
}

void sw_link_fault_poll(struct sw_link_fault *fault)
{
    const uint64_t now = sw_env_now_ns(fault->env);

    while (fault->first != NULL && fault->first->due_ns <= now) {
        struct held *held = fault->first;

        fault->first = held->next;
        fault->held_size -= held->size;
        (void)pass_on(fault, held); /* whoever sent it was told OK: a refusal now is a loss */
        free(held);
    }
}

uint64_t sw_link_fault_wait_ms(const struct sw_link_fault *fault)
{
    const uint64_t now = sw_env_now_ns(fault->env);

    if (fault->first == NULL) {
        return UINT64_MAX;
    }
    return fault->first->due_ns <= now ? 0 : (fault->first->due_ns - now + 999999) / 1000000;
}

/* --- the link that the node sees -------------------------------------------------------------- */

static enum sw_err fault_send(struct sw_link *link, struct sw_node_id peer, struct sw_span message)
{
    struct sw_link_fault *fault = link->impl;

    if (!fault->inner->ops->peer_up(fault->inner, peer)) {
        return SW_ERR_UNREACHABLE; /* as the real one says it; nothing is held for nobody */
    }
    return take(fault, &(struct held){.direction = SW_LINK_FAULT_OUT, .peer = peer}, message);
}

static enum sw_err fault_reply(struct sw_link *link, uint64_t conn, struct sw_span message)
{
    return take(link->impl, &(struct held){.direction = SW_LINK_FAULT_OUT, .conn = conn}, message);
}

static void fault_flush(struct sw_link *link)
{
    const struct sw_link_fault *fault = link->impl;

    fault->inner->ops->flush(fault->inner);
}

static bool fault_peer_up(struct sw_link *link, struct sw_node_id peer)
{
    const struct sw_link_fault *fault = link->impl;

    return fault->inner->ops->peer_up(fault->inner, peer);
}

static void fault_stats(struct sw_link *link, struct sw_link_stats *ret_stats)
{
    const struct sw_link_fault *fault = link->impl;

    fault->inner->ops->stats(fault->inner, ret_stats);
}

static struct sw_span fault_address(struct sw_link *link)
{
    const struct sw_link_fault *fault = link->impl;
    struct sw_link *inner = fault->inner;

    return inner->ops->address == NULL ? sw_span_of(NULL, 0) : inner->ops->address(inner);
}

static const struct sw_link_ops fault_ops = {.address = fault_address,
                                             .send = fault_send,
                                             .reply = fault_reply,
                                             .flush = fault_flush,
                                             .peer_up = fault_peer_up,
                                             .stats = fault_stats};

/* --- what the real link calls ----------------------------------------------------------------- */

static void on_peer_message(void *arg, struct sw_node_id from, struct sw_span message)
{
    (void)take(arg, &(struct held){.direction = SW_LINK_FAULT_IN, .peer = from}, message);
}

/* True at once: that a session is up is nothing that a message says. */
static void on_peer_state(void *arg, struct sw_node_id peer, bool up)
{
    const struct sw_link_fault *fault = arg;

    fault->handler.peer_state(fault->handler.arg, peer, up);
}

static void
on_client_message(void *arg, uint64_t conn, const uint8_t key[32], struct sw_span message)
{
    struct held head = {.direction = SW_LINK_FAULT_IN, .conn = conn};

    memcpy(head.key, key, KEY_SIZE);
    (void)take(arg, &head, message);
}

/* What it has sent and is held may still arrive: the node must live with that anyway. */
static void on_client_gone(void *arg, uint64_t conn)
{
    const struct sw_link_fault *fault = arg;

    fault->handler.client_gone(fault->handler.arg, conn);
}

struct sw_link_handler sw_link_fault_handler(struct sw_link_fault *fault)
{
    return (struct sw_link_handler){.arg = fault,
                                    .peer_message = on_peer_message,
                                    .peer_state = on_peer_state,
                                    .client_message = on_client_message,
                                    .client_gone = on_client_gone};
}

/* --- life ------------------------------------------------------------------------------------- */

struct sw_link_fault *sw_link_fault_new(struct sw_link_fault_page *page,
                                        const struct sw_env *env,
                                        struct sw_link_handler handler)
{
    struct sw_link_fault *fault = calloc(1, sizeof *fault);

    SW_ASSERT(fault != NULL);
    SW_ASSERT(page->magic == SW_LINK_FAULT_MAGIC);
    fault->port = (struct sw_link){.impl = fault, .ops = &fault_ops};
    fault->page = page;
    fault->env = env;
    fault->handler = handler;
    fault->prng = sw_prng_of(page->seed);
    return fault;
}

struct sw_link *sw_link_fault_wrap(struct sw_link_fault *fault, struct sw_link *link)
{
    SW_ASSERT(fault->inner == NULL);
    SW_ASSERT(link != NULL);
    fault->inner = link;
    return &fault->port;
}

void sw_link_fault_free(struct sw_link_fault *fault)
{
    if (fault == NULL) {
        return;
    }
    while (fault->first != NULL) {
        struct held *held = fault->first;

        fault->first = held->next;
        free(held);
    }
    free(fault);
}
