/* Listener: a table of sessions by slot, with bounds on everything a stranger can make us keep. */
#include "transport/listener.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "transport/bucket.h"

/* An index is slot + 1 in the low bits and a random number above: a frame for an earlier session
 * of the slot, or a guess, meets another index. */
enum { SLOT_BITS = 13, SLOT_MASK = (1 << SLOT_BITS) - 1, EVENT_KIND_COUNT = 8 };

struct session {
    struct sw_channel *channel; /* owned; NULL = free slot */
    struct sw_route route;
    struct sw_outbox outbox;
    uint64_t conn;     /* 0 = not open yet */
    uint64_t since_ms; /* half open: of HELLO */
    uint64_t heard_ms; /* last genuine frame */
    uint64_t stuck_ms; /* since when replies wait without any leaving; 0 = they do not */
    bool dirty;        /* in the list of those to flush */
    bool doomed;       /* closes at the next tick */
};

struct event_limit {
    enum sw_err kind;
    uint64_t next_ms;
    uint64_t suppressed;
};

struct sw_listener {
    struct sw_listener_config config;
    struct session *sessions; /* owned; slot_count of them */
    uint32_t *free_slots;     /* owned stack */
    uint32_t *dirty;          /* owned; slots with something to send */
    uint32_t slot_count, free_count, dirty_count;
    uint32_t open_count, half_open_count;
    uint64_t next_conn;
    uint64_t next_sweep_ms;
    bool any_doomed;
    struct sw_bucket handshakes, hints;
    struct sw_buf scratch;
    struct event_limit events[EVENT_KIND_COUNT];
    struct sw_public_key refused_key; /* the last one that `allow` refused */
};

struct sw_listener *sw_listener_new(const struct sw_listener_config *config, uint64_t now_ms)
{
    struct sw_listener *listener = calloc(1, sizeof(*listener));

    SW_ASSERT(listener != NULL);
    SW_ASSERT(config->window >= SW_FRAME_SIZE_MAX);
    listener->config = *config;
    if (listener->config.reply_size_max == 0) {
        listener->config.reply_size_max = SW_LISTENER_REPLY_SIZE_MAX;
    }
    listener->slot_count = config->session_count_max + SW_LISTENER_HALF_OPEN_COUNT_MAX;
    SW_ASSERT(listener->slot_count < SLOT_MASK);
    listener->sessions = calloc(listener->slot_count, sizeof(*listener->sessions));
    listener->free_slots = calloc(listener->slot_count, sizeof(*listener->free_slots));
    listener->dirty = calloc(listener->slot_count, sizeof(*listener->dirty));
    SW_ASSERT(listener->sessions != NULL);
    SW_ASSERT(listener->free_slots != NULL);
    SW_ASSERT(listener->dirty != NULL);
    for (uint32_t slot = 0; slot < listener->slot_count; slot++) {
        listener->free_slots[listener->free_count++] = listener->slot_count - 1 - slot;
    }
    sw_bucket_init(&listener->handshakes, config->handshake_rate, now_ms);
    sw_bucket_init(&listener->hints, SW_LISTENER_HINT_RATE, now_ms);
    listener->next_sweep_ms = now_ms + SW_LISTENER_SWEEP_MS;
    return listener;
}

void sw_listener_free(struct sw_listener *listener)
{
    if (listener == NULL) {
        return;
    }
    for (uint32_t slot = 0; slot < listener->slot_count; slot++) {
        sw_channel_free(listener->sessions[slot].channel);
        sw_outbox_release(&listener->sessions[slot].outbox);
    }
    sw_buf_release(&listener->scratch);
    free(listener->sessions);
    free(listener->free_slots);
    free(listener->dirty);
    free(listener);
}

/* Tells the log, unless it heard of this kind a moment ago. */
static void tell(struct sw_listener *listener, uint64_t now_ms, enum sw_err kind, const char *what)
{
    struct event_limit *limit = NULL;
    char text[SW_WHY_SIZE];

    for (size_t i = 0; i < EVENT_KIND_COUNT && limit == NULL; i++) {
        if (listener->events[i].kind == kind || listener->events[i].kind == SW_ERR_OK) {
            limit = &listener->events[i];
        }
    }
    if (limit == NULL || listener->config.event == NULL) {
        return;
    }
    if (limit->kind == kind && now_ms < limit->next_ms) {
        limit->suppressed++;
        return;
    }
    (void)snprintf(text,
                   sizeof(text),
                   "%s; %llu more like it before",
                   what,
                   (unsigned long long)limit->suppressed);
    *limit = (struct event_limit){.kind = kind, .next_ms = now_ms + SW_LISTENER_EVENT_MS};
    listener->config.event(listener->config.arg, kind, text);
}

static struct session *find(struct sw_listener *listener, uint32_t index)
{
    const uint32_t slot = (index & SLOT_MASK) - 1;
    struct session *session;

    if ((index & SLOT_MASK) == 0 || slot >= listener->slot_count) {
        return NULL;
    }
    session = &listener->sessions[slot];
    if (session->channel == NULL || session->doomed ||
        sw_channel_index(session->channel) != index) {
        return NULL;
    }
    return session;
}

static void mark_dirty(struct sw_listener *listener, struct session *session)
{
    if (!session->dirty) {
        session->dirty = true;
        listener->dirty[listener->dirty_count++] = (uint32_t)(session - listener->sessions);
    }
}

/* Frees the slot. The dirty list may still name it; flush forgets it then. */
static void drop(struct sw_listener *listener, struct session *session)
{
    const uint64_t conn = session->conn;
    const bool dirty = session->dirty;

    SW_ASSERT(session->channel != NULL);
    sw_channel_free(session->channel);
    sw_outbox_release(&session->outbox);
    *session = (struct session){.dirty = dirty};
    listener->free_slots[listener->free_count++] = (uint32_t)(session - listener->sessions);
    if (conn == 0) {
        listener->half_open_count--;
        return;
    }
    listener->open_count--;
    if (listener->config.closed != NULL) {
        listener->config.closed(listener->config.arg, conn);
    }
}

static void doom(struct sw_listener *listener, struct session *session)
{
    session->doomed = true;
    listener->any_doomed = true;
}

static enum sw_err control(struct sw_listener *listener,
                           struct session *session,
                           uint64_t now_ms,
                           enum sw_frame_type type)
{
    return sw_outbox_control(session->channel,
                             now_ms,
                             type,
                             &listener->config.sink,
                             &session->route,
                             listener->config.stats);
}

static void drop_oldest_half_open(struct sw_listener *listener)
{
    struct session *oldest = NULL;

    for (uint32_t slot = 0; slot < listener->slot_count; slot++) {
        struct session *session = &listener->sessions[slot];

        if (session->channel != NULL && session->conn == 0 &&
            (oldest == NULL || session->since_ms < oldest->since_ms)) {
            oldest = session;
        }
    }
    SW_ASSERT(oldest != NULL);
    drop(listener, oldest);
}

static bool allow(void *arg, const struct sw_public_key *key, struct sw_node_id claimed)
{
    struct sw_listener *listener = arg;
    const bool allowed = listener->config.allow(listener->config.arg, key, claimed);

    if (!allowed) {
        listener->refused_key = *key;
    }
    return allowed;
}

static const char *role_name(const struct sw_listener *listener)
{
    return listener->config.role == SW_CHANNEL_PEER ? "peer" : "client";
}

static uint8_t refusal_of(enum sw_err err)
{
    /* Not a switch: the compiler would want all of the error table listed. */
    return err == SW_ERR_UNAUTHORIZED  ? SW_FRAME_REFUSAL_UNAUTHORIZED
           : err == SW_ERR_UNSUPPORTED ? SW_FRAME_REFUSAL_UNSUPPORTED
           : err == SW_ERR_OVERLOADED  ? SW_FRAME_REFUSAL_OVERLOADED
                                       : SW_FRAME_REFUSAL_UNAUTHENTICATED;
}

/* A frame without a session that proves nothing: NO_SESSION or REFUSED. */
static void hint(struct sw_listener *listener,
                 uint64_t now_ms,
                 const struct sw_route *route,
                 struct sw_frame_header header)
{
    uint8_t frame[SW_FRAME_HEADER_SIZE];
    enum sw_err err;

    if (!sw_bucket_take(&listener->hints, now_ms)) {
        return;
    }
    header.sender = listener->config.local;
    sw_frame_encode(&header, frame);
    err = sw_outbox_raw(
        sw_span_of(frame, sizeof(frame)), &listener->config.sink, route, listener->config.stats);
    (void)err; /* only a hint */
}

/* `err` is UNAUTHORIZED only right after `allow` refused the key. */
static void tell_refused(struct sw_listener *listener,
                         uint64_t now_ms,
                         const struct sw_route *route,
                         enum sw_err err)
{
    char what[SW_WHY_SIZE], key[SW_KEY_TEXT_SIZE] = "";

    listener->config.stats->handshakes_refused++;
    if (err == SW_ERR_UNAUTHORIZED) {
        sw_key_format(listener->refused_key.bytes, key);
    }
    (void)snprintf(what,
                   sizeof(what),
                   "refused a %s%s%s: %s",
                   role_name(listener),
                   key[0] != 0 ? " with key " : "",
                   key,
                   sw_err_text(err));
    tell(listener, now_ms, err, what);
    hint(listener,
         now_ms,
         route,
         (struct sw_frame_header){.kind = SW_FRAME_REFUSED, .type = refusal_of(err)});
}

static void take_hello(struct sw_listener *listener,
                       uint64_t now_ms,
                       const struct sw_route *route,
                       struct sw_span hello)
{
    struct sw_channel_config config = {
        .swarm = listener->config.swarm,
        .role = listener->config.role,
        .local = listener->config.local,
        .keys = listener->config.keys,
        .window = listener->config.window,
        .allow = allow,
        .allow_arg = listener,
    };
    struct sw_channel *channel;
    struct session *session;
    enum sw_err err;

    if (!sw_bucket_take(&listener->handshakes, now_ms)) {
        tell_refused(listener, now_ms, route, SW_ERR_OVERLOADED);
        return;
    }
    if (listener->half_open_count == SW_LISTENER_HALF_OPEN_COUNT_MAX) {
        drop_oldest_half_open(listener);
    }
    SW_ASSERT(listener->free_count > 0);
    config.index = (sw_crypto_random_u32() & ~(uint32_t)SLOT_MASK) |
                   (listener->free_slots[listener->free_count - 1] + 1);
    sw_buf_clear(&listener->scratch);
    err = sw_channel_accept(&config, hello, &listener->scratch, &channel);
    if (err != SW_ERR_OK) {
        tell_refused(listener, now_ms, route, err);
        return;
    }
    err = sw_outbox_raw(
        sw_buf_span(&listener->scratch), &listener->config.sink, route, listener->config.stats);
    if (err != SW_ERR_OK) {
        sw_channel_free(channel); /* who asked has gone already */
        return;
    }
    session = &listener->sessions[listener->free_slots[--listener->free_count]];
    session->channel = channel;
    session->route = *route;
    session->since_ms = now_ms;
    listener->half_open_count++;
}

/* The new session of a peer ends its older ones: whatever they still carry came before it. */
static void drop_older(struct sw_listener *listener, const struct session *keep)
{
    const struct sw_node_id node = sw_channel_remote(keep->channel);

    for (uint32_t slot = 0; slot < listener->slot_count; slot++) {
        struct session *session = &listener->sessions[slot];

        if (session != keep && session->channel != NULL && session->conn != 0 &&
            sw_node_id_equal(sw_channel_remote(session->channel), node)) {
            drop(listener, session);
        }
    }
}

static bool open_session(struct sw_listener *listener, struct session *session, uint64_t now_ms)
{
    if (listener->config.role == SW_CHANNEL_PEER) {
        drop_older(listener, session);
    }
    if (listener->open_count >= listener->config.session_count_max) {
        const struct sw_route route = session->route;

        tell_refused(listener, now_ms, &route, SW_ERR_OVERLOADED);
        drop(listener, session);
        return false;
    }
    session->conn = ++listener->next_conn << SLOT_BITS | (uint64_t)(session - listener->sessions);
    listener->half_open_count--;
    listener->open_count++;
    listener->config.stats->handshakes++;
    return true;
}

static void deliver(struct sw_listener *listener, struct session *session, struct sw_span body)
{
    const struct sw_public_key key = *sw_channel_remote_key(session->channel);
    const struct sw_node_id from = sw_channel_remote(session->channel);
    const uint64_t conn = session->conn;
    struct sw_span message;

    while (sw_frame_next(&body, &message)) {
        listener->config.stats->messages_received++;
        listener->config.message(listener->config.arg, conn, from, &key, message);
    }
}

/* A genuine frame: the session lives, on this connection. */
static void take_input(struct sw_listener *listener,
                       struct session *session,
                       uint64_t now_ms,
                       const struct sw_route *route,
                       const struct sw_channel_input *input)
{
    session->heard_ms = now_ms;
    session->route = *route;
    if (input->opened && !open_session(listener, session, now_ms)) {
        return;
    }
    if (input->type == SW_FRAME_MESSAGES) {
        deliver(listener, session, input->body);
    }
    if (sw_channel_broken(session->channel)) {
        drop(listener, session);
        return;
    }
    if (session->conn != 0 && sw_channel_grant_due(session->channel)) {
        const enum sw_err err = control(listener, session, now_ms, SW_FRAME_CREDIT);

        (void)err; /* a lost grant is asked for again with the next PROBE */
    }
}

/* A frame for this session was dropped; the session goes only if the frame was genuine. */
static void
take_error(struct sw_listener *listener, struct session *session, uint64_t now_ms, enum sw_err err)
{
    char what[SW_WHY_SIZE];

    sw_stats_dropped(listener->config.stats, err);
    if (!sw_channel_broken(session->channel)) {
        (void)snprintf(
            what, sizeof(what), "dropped a %s's frame: %s", role_name(listener), sw_err_text(err));
        tell(listener, now_ms, err, what);
        return;
    }
    if (session->conn == 0) {
        const struct sw_route route = session->route;

        tell_refused(listener, now_ms, &route, err);
    } else {
        (void)snprintf(
            what, sizeof(what), "closed a %s's session: %s", role_name(listener), sw_err_text(err));
        tell(listener, now_ms, err, what);
    }
    drop(listener, session);
}

static void take_session_frame(struct sw_listener *listener,
                               uint64_t now_ms,
                               const struct sw_route *route,
                               const struct sw_frame_header *header,
                               uint8_t *frame)
{
    const size_t size = SW_FRAME_HEADER_SIZE + header->size +
                        (header->kind == SW_FRAME_SEALED ? SW_FRAME_TAG_SIZE : 0);
    struct session *session = find(listener, header->index);
    struct sw_channel_input input = {0};
    enum sw_err err;

    if (session == NULL) {
        listener->config.stats->dropped_unsealed++;
        if (header->kind == SW_FRAME_SEALED) {
            hint(listener,
                 now_ms,
                 route,
                 (struct sw_frame_header){.kind = SW_FRAME_NO_SESSION,
                                          .index = header->index,
                                          .receiver = header->sender});
        }
        return;
    }
    /* Only its own connection can spoil a handshake under way. */
    if (header->kind == SW_FRAME_FINISH &&
        (session->route.size != route->size ||
         memcmp(session->route.bytes, route->bytes, route->size) != 0)) {
        listener->config.stats->dropped_unsealed++;
        return;
    }
    err = sw_channel_receive(session->channel, frame, size, NULL, &input);
    if (err != SW_ERR_OK) {
        take_error(listener, session, now_ms, err);
        return;
    }
    listener->config.stats->frames_received++;
    listener->config.stats->bytes_received += size;
    take_input(listener, session, now_ms, route, &input);
}

void sw_listener_receive(struct sw_listener *listener,
                         uint64_t now_ms,
                         const struct sw_route *route,
                         uint8_t *frame,
                         size_t size)
{
    struct sw_frame_header header;
    const enum sw_err err = sw_frame_decode(sw_span_of(frame, size), &header);

    if (err != SW_ERR_OK) {
        sw_stats_dropped(listener->config.stats, err);
        tell(listener, now_ms, err, "dropped bytes that are not a frame of ours");
        return;
    }
    switch (header.kind) {
    case SW_FRAME_HELLO:
        take_hello(listener, now_ms, route, sw_span_of(frame, size));
        break;
    case SW_FRAME_FINISH:
    case SW_FRAME_SEALED:
        take_session_frame(listener, now_ms, route, &header, frame);
        break;
    case SW_FRAME_ANSWER:
    case SW_FRAME_NO_SESSION:
    case SW_FRAME_REFUSED:
    default:
        listener->config.stats->dropped_unsealed++;
        break;
    }
}

static bool overdue(const struct session *session, uint64_t now_ms)
{
    if (session->conn == 0) {
        return now_ms >= session->since_ms + SW_LISTENER_HALF_OPEN_MS;
    }
    return now_ms >= session->heard_ms + SW_LISTENER_IDLE_MS;
}

static bool stalled(const struct session *session, uint64_t now_ms)
{
    return session->stuck_ms != 0 && now_ms >= session->stuck_ms + SW_LISTENER_STALL_MS;
}

static void sweep(struct sw_listener *listener, uint64_t now_ms)
{
    for (uint32_t slot = 0; slot < listener->slot_count; slot++) {
        struct session *session = &listener->sessions[slot];

        if (session->channel == NULL) {
            continue;
        }
        if (stalled(session, now_ms)) {
            tell(listener, now_ms, SW_ERR_BUSY, "dropped a client that does not read its replies");
            session->doomed = true;
        }
        if (session->doomed) {
            const enum sw_err err = control(listener, session, now_ms, SW_FRAME_CLOSE);

            (void)err; /* best effort: the session ends either way */
            drop(listener, session);
        } else if (overdue(session, now_ms)) {
            drop(listener, session);
        }
    }
}

uint64_t sw_listener_tick(struct sw_listener *listener, uint64_t now_ms)
{
    if (listener->any_doomed || now_ms >= listener->next_sweep_ms) {
        listener->any_doomed = false;
        listener->next_sweep_ms = now_ms + SW_LISTENER_SWEEP_MS;
        sweep(listener, now_ms);
    }
    return listener->any_doomed ? now_ms : listener->next_sweep_ms;
}

static struct session *find_conn(struct sw_listener *listener, uint64_t conn)
{
    const uint64_t slot = conn & SLOT_MASK;

    if (conn == 0 || slot >= listener->slot_count || listener->sessions[slot].conn != conn ||
        listener->sessions[slot].doomed) {
        return NULL;
    }
    return &listener->sessions[slot];
}

enum sw_err sw_listener_reply(struct sw_listener *listener, uint64_t conn, struct sw_span message)
{
    struct session *session = find_conn(listener, conn);

    if (session == NULL) {
        return SW_ERR_UNREACHABLE;
    }
    if (sw_outbox_size(&session->outbox) + SW_FRAME_MESSAGE_OVERHEAD + message.size >
        listener->config.reply_size_max) {
        doom(listener, session);
        return SW_ERR_UNREACHABLE;
    }
    sw_outbox_add(&session->outbox, message);
    mark_dirty(listener, session);
    return SW_ERR_OK;
}

void sw_listener_flush(struct sw_listener *listener, uint64_t now_ms)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < listener->dirty_count; i++) {
        const uint32_t slot = listener->dirty[i];
        struct session *session = &listener->sessions[slot];
        const size_t before = sw_outbox_size(&session->outbox);
        enum sw_err err;

        session->dirty = false;
        if (session->channel == NULL || session->doomed || before == 0) {
            continue;
        }
        err = sw_outbox_flush(&session->outbox,
                              session->channel,
                              now_ms,
                              &listener->config.sink,
                              &session->route,
                              listener->config.stats);
        if (err == SW_ERR_OK) {
            session->stuck_ms = 0;
            continue;
        }
        if (session->stuck_ms == 0 || sw_outbox_size(&session->outbox) < before) {
            session->stuck_ms = now_ms;
        }
        session->dirty = true;
        listener->dirty[kept++] = slot;
    }
    listener->dirty_count = kept;
}

void sw_listener_recheck(struct sw_listener *listener)
{
    for (uint32_t slot = 0; slot < listener->slot_count; slot++) {
        struct session *session = &listener->sessions[slot];

        if (session->channel != NULL && session->conn != 0 &&
            !listener->config.allow(listener->config.arg,
                                    sw_channel_remote_key(session->channel),
                                    sw_channel_remote(session->channel))) {
            doom(listener, session);
        }
    }
}

void sw_listener_shutdown(struct sw_listener *listener, uint64_t now_ms)
{
    for (uint32_t slot = 0; slot < listener->slot_count; slot++) {
        struct session *session = &listener->sessions[slot];

        if (session->channel != NULL && session->conn != 0) {
            const enum sw_err err = control(listener, session, now_ms, SW_FRAME_CLOSE);

            (void)err; /* who is not told notices by silence */
        }
    }
}

uint32_t sw_listener_count(const struct sw_listener *listener)
{
    return listener->open_count;
}
