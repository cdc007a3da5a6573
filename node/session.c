/* The table of sessions: two hash chains to find one, two heaps to find the next to go.
 *
 * A heap slot keeps the time it was placed with. Use moves a session's times only upwards, so a
 * slot's time is a lower bound; the first is found by moving the top down until its time is true.
 * So a use costs nothing here, and the order is (time, id) whatever happened before. */
#include "node/session.h"

#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "base/assert.h"
#include "base/point.h"
#include "node/session_private.h"

enum { BUCKET_COUNT_MIN = 64 };

/* The total is over its bound: a session may still hold this many answers, so that one greedy
 * client cannot stop the others. */
enum { REPLY_COUNT_ALWAYS = 64 };

static void *grown(void *array, uint32_t *capacity, size_t item_size)
{
    const uint32_t wanted = *capacity == 0 ? 16 : *capacity * 2;
    void *bigger = realloc(array, (size_t)wanted * item_size);

    SW_ASSERT(bigger != NULL);
    *capacity = wanted;
    return bigger;
}

/* --- finding ---------------------------------------------------------------------------------- */

static uint32_t id_bucket(const struct sw_sessions *sessions, uint64_t id)
{
    return (uint32_t)(XXH3_64bits(&id, sizeof id) & (sessions->bucket_count - 1));
}

static uint32_t nonce_bucket(const struct sw_sessions *sessions, const uint8_t *nonce)
{
    return (uint32_t)(XXH3_64bits(nonce, SW_SESSION_NONCE_SIZE) & (sessions->bucket_count - 1));
}

static void link_session(struct sw_sessions *sessions, struct sw_session *session)
{
    struct sw_session **id_head = &sessions->by_id[id_bucket(sessions, session->id.value)];
    struct sw_session **nonce_head = &sessions->by_nonce[nonce_bucket(sessions, session->nonce)];

    session->next_by_id = *id_head;
    *id_head = session;
    session->next_by_nonce = *nonce_head;
    *nonce_head = session;
}

static void unlink_session(struct sw_sessions *sessions, struct sw_session *session)
{
    struct sw_session **at = &sessions->by_id[id_bucket(sessions, session->id.value)];

    while (*at != session) {
        at = &(*at)->next_by_id;
    }
    *at = session->next_by_id;
    at = &sessions->by_nonce[nonce_bucket(sessions, session->nonce)];
    while (*at != session) {
        at = &(*at)->next_by_nonce;
    }
    *at = session->next_by_nonce;
}

static void buckets_resize(struct sw_sessions *sessions, uint32_t bucket_count)
{
    free(sessions->by_id);
    free(sessions->by_nonce);
    SW_ASSERT(bucket_count > 0);
    sessions->by_id = calloc(bucket_count, sizeof(struct sw_session *));
    sessions->by_nonce = calloc(bucket_count, sizeof(struct sw_session *));
    SW_ASSERT(sessions->by_id != NULL);
    SW_ASSERT(sessions->by_nonce != NULL);
    sessions->bucket_count = bucket_count;
    for (uint32_t i = 0; i < sessions->count; i++) {
        link_session(sessions, sessions->heaps[SW_SESSION_BY_EXPIRY][i].session);
    }
}

struct sw_session *sw_sessions_find(const struct sw_sessions *sessions, struct sw_session_id id)
{
    struct sw_session *session = sessions->by_id[id_bucket(sessions, id.value)];

    while (session != NULL && session->id.value != id.value) {
        session = session->next_by_id;
    }
    return session;
}

struct sw_session *sw_sessions_find_nonce(const struct sw_sessions *sessions,
                                          const uint8_t nonce[SW_SESSION_NONCE_SIZE])
{
    struct sw_session *session = sessions->by_nonce[nonce_bucket(sessions, nonce)];

    while (session != NULL && memcmp(session->nonce, nonce, SW_SESSION_NONCE_SIZE) != 0) {
        session = session->next_by_nonce;
    }
    return session;
}

/* --- the two orders --------------------------------------------------------------------------- */

uint64_t sw_session_expiry_ms(const struct sw_session *session)
{
    return session->active_ms > UINT64_MAX - session->ttl_ms ? UINT64_MAX
                                                             : session->active_ms + session->ttl_ms;
}

static uint64_t order_time(const struct sw_session *session, enum sw_session_order order)
{
    return order == SW_SESSION_BY_EXPIRY ? sw_session_expiry_ms(session) : session->active_ms;
}

static bool slot_before(const struct sw_session_heap_slot *a, const struct sw_session_heap_slot *b)
{
    return a->time_ms != b->time_ms ? a->time_ms < b->time_ms
                                    : a->session->id.value < b->session->id.value;
}

static void slot_set(struct sw_sessions *sessions,
                     enum sw_session_order order,
                     uint32_t at,
                     struct sw_session_heap_slot slot)
{
    sessions->heaps[order][at] = slot;
    slot.session->place[order] = at;
}

static void sift_up(struct sw_sessions *sessions, enum sw_session_order order, uint32_t at)
{
    const struct sw_session_heap_slot *heap = sessions->heaps[order];
    const struct sw_session_heap_slot moved = heap[at];

    while (at > 0 && slot_before(&moved, &heap[(at - 1) / 2])) {
        slot_set(sessions, order, at, heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    slot_set(sessions, order, at, moved);
}

static void sift_down(struct sw_sessions *sessions, enum sw_session_order order, uint32_t at)
{
    const struct sw_session_heap_slot *heap = sessions->heaps[order];
    const struct sw_session_heap_slot moved = heap[at];
    uint32_t child;

    while ((child = 2 * at + 1) < sessions->count) {
        if (child + 1 < sessions->count && slot_before(&heap[child + 1], &heap[child])) {
            child++;
        }
        if (!slot_before(&heap[child], &moved)) {
            break;
        }
        slot_set(sessions, order, at, heap[child]);
        at = child;
    }
    slot_set(sessions, order, at, moved);
}

/* Takes `session` out of one heap; `count` is already the new one. */
static void heap_remove(struct sw_sessions *sessions,
                        enum sw_session_order order,
                        const struct sw_session *session)
{
    const uint32_t at = session->place[order];
    const uint32_t last = sessions->count;

    if (at == last) {
        return;
    }
    slot_set(sessions, order, at, sessions->heaps[order][last]);
    sift_down(sessions, order, at);
    sift_up(sessions, order, sessions->heaps[order][at].session->place[order]);
}

struct sw_session *sw_sessions_first(struct sw_sessions *sessions, enum sw_session_order order)
{
    struct sw_session_heap_slot *top = sessions->heaps[order];

    if (sessions->count == 0) {
        return NULL;
    }
    for (;;) {
        const uint64_t true_ms = order_time(top->session, order);

        SW_ASSERT(top->time_ms <= true_ms);
        if (top->time_ms == true_ms) {
            return top->session;
        }
        top->time_ms = true_ms;
        sift_down(sessions, order, 0);
    }
}

/* --- what owners hold ------------------------------------------------------------------------- */

/* The place of the first owner that is not before this one. */
static uint32_t holding_place(const struct sw_sessions *sessions, const uint8_t *owner)
{
    uint32_t low = 0;
    uint32_t high = sessions->holding_count;

    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;

        if (memcmp(sessions->holdings[middle].owner, owner, SW_SESSION_OWNER_SIZE) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool holds(const struct sw_sessions *sessions, uint32_t at, const uint8_t *owner)
{
    return at < sessions->holding_count &&
           memcmp(sessions->holdings[at].owner, owner, SW_SESSION_OWNER_SIZE) == 0;
}

/* An owner may hold as much as is free: one of them half, of n each has an nth and one more nth is
 * left for all others, so nobody is in their way. Sessions from before there were owners have one
 * in common, and no such bound. */
static bool holds_too_much(const struct sw_sessions *sessions, const struct sw_session *session)
{
    static const uint8_t nobody[SW_SESSION_OWNER_SIZE];
    const uint32_t at = holding_place(sessions, session->owner);

    if (session->records_size >= SW_SESSION_RECORDS_SIZE_MAX ||
        sessions->records_size >= SW_SESSION_RECORDS_TOTAL_MAX) {
        return true;
    }
    return holds(sessions, at, session->owner) &&
           memcmp(session->owner, nobody, sizeof nobody) != 0 &&
           sessions->holdings[at].records_size >=
               SW_SESSION_RECORDS_TOTAL_MAX - sessions->records_size;
}

/* The owner's row, made if need be. */
static struct sw_session_holding *holding_of(struct sw_sessions *sessions, const uint8_t *owner)
{
    const uint32_t at = holding_place(sessions, owner);

    if (!holds(sessions, at, owner)) {
        if (sessions->holding_count == sessions->holding_capacity) {
            sessions->holdings = grown(
                sessions->holdings, &sessions->holding_capacity, sizeof sessions->holdings[0]);
        }
        memmove(&sessions->holdings[at + 1],
                &sessions->holdings[at],
                (sessions->holding_count - at) * sizeof sessions->holdings[0]);
        sessions->holdings[at] = (struct sw_session_holding){.count = 0};
        memcpy(sessions->holdings[at].owner, owner, SW_SESSION_OWNER_SIZE);
        sessions->holding_count++;
    }
    return &sessions->holdings[at];
}

static void drop_if_empty(struct sw_sessions *sessions, struct sw_session_holding *holding)
{
    if (holding->count == 0 && holding->records_size == 0) {
        sessions->holding_count--;
        memmove(holding,
                holding + 1,
                (sessions->holding_count - (size_t)(holding - sessions->holdings)) *
                    sizeof *holding);
    }
}

void sw__sessions_held(struct sw_sessions *sessions,
                       const struct sw_session *session,
                       uint64_t before,
                       uint64_t now)
{
    struct sw_session_holding *holding;

    if (before == now) {
        return;
    }
    holding = holding_of(sessions, session->owner);
    SW_ASSERT(holding->records_size + now >= before);
    holding->records_size += now - before;
    sessions->records_size += now - before;
    drop_if_empty(sessions, holding);
}

void sw__sessions_count(struct sw_sessions *sessions, const struct sw_session *session, bool more)
{
    struct sw_session_holding *holding = holding_of(sessions, session->owner);

    SW_ASSERT(more || holding->count > 0);
    holding->count += more ? 1 : UINT32_MAX;
    drop_if_empty(sessions, holding);
}

bool sw_sessions_has_room(const struct sw_sessions *sessions,
                          const uint8_t owner[SW_SESSION_OWNER_SIZE])
{
    static const uint8_t nobody[SW_SESSION_OWNER_SIZE];
    const uint32_t at = holding_place(sessions, owner);

    return memcmp(owner, nobody, sizeof nobody) == 0 || !holds(sessions, at, owner) ||
           sessions->holdings[at].count < sessions->count_max - sessions->count;
}

void sw_sessions_own(struct sw_sessions *sessions,
                     struct sw_session *session,
                     const uint8_t owner[SW_SESSION_OWNER_SIZE])
{
    sw__sessions_count(sessions, session, false);
    memcpy(session->owner, owner, SW_SESSION_OWNER_SIZE);
    sw__sessions_count(sessions, session, true);
}

/* --- life of a session ------------------------------------------------------------------------ */

void sw_sessions_init(struct sw_sessions *sessions, uint32_t count_max, uint64_t reply_total_max)
{
    SW_ASSERT(count_max > 0);
    *sessions = (struct sw_sessions){.count_max = count_max, .reply_total_max = reply_total_max};
    buckets_resize(sessions, BUCKET_COUNT_MIN);
}

/* Frees what the answers [first, end) own, and counts it off the session. */
static void records_free(struct sw_session *session, uint32_t first, uint32_t end)
{
    for (uint32_t i = first; i < end; i++) {
        struct sw_session_reply *reply = &session->replies[i];

        session->records_size -= reply->result.records.size;
        free(reply->records);
        reply->records = NULL;
    }
}

void sw__session_free(struct sw_session *session)
{
    records_free(session, session->reply_first, session->reply_end);
    SW_ASSERT(session->records_size == 0);
    free(session->replies);
    free(session);
}

void sw_sessions_release(struct sw_sessions *sessions)
{
    for (uint32_t i = 0; i < sessions->count; i++) {
        sw__session_free(sessions->heaps[SW_SESSION_BY_EXPIRY][i].session);
    }
    free(sessions->by_id);
    free(sessions->by_nonce);
    free(sessions->heaps[SW_SESSION_BY_EXPIRY]);
    free(sessions->heaps[SW_SESSION_BY_ACTIVITY]);
    free(sessions->changed);
    free(sessions->removed);
    free(sessions->holdings);
    *sessions = (struct sw_sessions){0};
}

void sw__session_changed(struct sw_sessions *sessions, struct sw_session *session)
{
    if (session->changed_place > 0) {
        return;
    }
    if (sessions->changed_count == sessions->changed_capacity) {
        sessions->changed =
            grown(sessions->changed, &sessions->changed_capacity, sizeof(struct sw_session *));
    }
    sessions->changed[sessions->changed_count++] = session;
    session->changed_place = sessions->changed_count;
}

static void heaps_grow(struct sw_sessions *sessions)
{
    uint32_t capacity = sessions->heap_capacity;

    for (int order = 0; order < SW_SESSION_ORDER_COUNT; order++) {
        capacity = sessions->heap_capacity;
        sessions->heaps[order] = grown(sessions->heaps[order], &capacity, sizeof **sessions->heaps);
    }
    sessions->heap_capacity = capacity;
}

void sw__sessions_add(struct sw_sessions *sessions, struct sw_session *session)
{
    SW_ASSERT(sessions->count < sessions->count_max);
    if (sessions->count == sessions->heap_capacity) {
        heaps_grow(sessions);
    }
    if (sessions->count == sessions->bucket_count) {
        buckets_resize(sessions, sessions->bucket_count * 2);
    }
    link_session(sessions, session);
    sessions->count++;
    sw__sessions_count(sessions, session, true);
    for (int order = 0; order < SW_SESSION_ORDER_COUNT; order++) {
        const struct sw_session_heap_slot slot = {
            .time_ms = order_time(session, (enum sw_session_order)order), .session = session};

        slot_set(sessions, (enum sw_session_order)order, sessions->count - 1, slot);
        sift_up(sessions, (enum sw_session_order)order, sessions->count - 1);
    }
}

struct sw_session *sw_sessions_open(struct sw_sessions *sessions,
                                    struct sw_session_id id,
                                    const uint8_t nonce[SW_SESSION_NONCE_SIZE],
                                    uint32_t ttl_ms,
                                    uint64_t time_ms)
{
    struct sw_session *session = calloc(1, sizeof *session);

    SW_ASSERT(session != NULL);
    SW_ASSERT(sw_sessions_find(sessions, id) == NULL);
    SW_ASSERT(sw_sessions_find_nonce(sessions, nonce) == NULL);
    session->id = id;
    memcpy(session->nonce, nonce, SW_SESSION_NONCE_SIZE);
    session->ttl_ms = ttl_ms;
    session->active_ms = time_ms;
    sw__sessions_add(sessions, session);
    sw__session_changed(sessions, session);
    return session;
}

static void forget_changed(struct sw_sessions *sessions, const struct sw_session *session)
{
    struct sw_session *last;

    if (session->changed_place > 0) {
        last = sessions->changed[--sessions->changed_count];
        sessions->changed[session->changed_place - 1] = last;
        last->changed_place = session->changed_place;
    }
}

void sw_sessions_remove(struct sw_sessions *sessions, struct sw_session *session)
{
    SW_ASSERT(sessions->count > 0);
    if (session->saved) {
        if (sessions->removed_count == sessions->removed_capacity) {
            sessions->removed =
                grown(sessions->removed, &sessions->removed_capacity, sizeof *sessions->removed);
        }
        sessions->removed[sessions->removed_count++] = session->id.value;
    }
    forget_changed(sessions, session);
    unlink_session(sessions, session);
    sessions->count--;
    heap_remove(sessions, SW_SESSION_BY_EXPIRY, session);
    heap_remove(sessions, SW_SESSION_BY_ACTIVITY, session);
    sessions->reply_count -= session->reply_end - session->reply_first;
    sw__sessions_held(sessions, session, session->records_size, 0);
    sw__sessions_count(sessions, session, false);
    sw__session_free(session);
}

/* --- answers ---------------------------------------------------------------------------------- */

void sw_session_touch(struct sw_sessions *sessions, struct sw_session *session, uint64_t time_ms)
{
    SW_ASSERT(time_ms >= session->active_ms);
    if (time_ms != session->active_ms) {
        session->active_ms = time_ms;
        sw__session_changed(sessions, session);
    }
}

/* Position of the first kept answer with a seq >= `seq`. New writes come last: look there first. */
static uint32_t reply_place(const struct sw_session *session, uint64_t seq)
{
    uint32_t low = session->reply_first;
    uint32_t high = session->reply_end;

    if (low == high || session->replies[high - 1].seq < seq) {
        return high;
    }
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;

        if (session->replies[middle].seq < seq) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void replies_to_front(struct sw_session *session)
{
    const uint32_t count = session->reply_end - session->reply_first;

    if (count > 0) {
        memmove(session->replies,
                session->replies + session->reply_first,
                count * sizeof *session->replies);
    }
    session->reply_first = 0;
    session->reply_end = count;
}

/* Gives memory back that is mostly unused: the bounds are on answers, so memory follows them. */
static void replies_shrink(struct sw_session *session)
{
    const uint32_t count = session->reply_end - session->reply_first;
    const uint32_t wanted = count < REPLY_COUNT_ALWAYS / 2 ? REPLY_COUNT_ALWAYS : count * 2;

    if (session->reply_capacity <= REPLY_COUNT_ALWAYS || count > session->reply_capacity / 8) {
        return;
    }
    replies_to_front(session);
    session->replies = realloc(session->replies, wanted * sizeof *session->replies);
    SW_ASSERT(session->replies != NULL);
    session->reply_capacity = wanted;
}

static void acknowledge(struct sw_sessions *sessions, struct sw_session *session, uint64_t acked)
{
    const uint64_t before = session->records_size;
    uint32_t kept;

    if (acked <= session->acked) {
        return;
    }
    kept = acked == UINT64_MAX ? session->reply_end : reply_place(session, acked + 1);
    sessions->reply_count -= kept - session->reply_first;
    records_free(session, session->reply_first, kept);
    sw__sessions_held(sessions, session, before, session->records_size);
    session->reply_first = kept;
    session->acked = acked;
    replies_shrink(session);
    sw__session_changed(sessions, session);
}

enum sw_session_gate sw_session_admit(struct sw_sessions *sessions,
                                      struct sw_session *session,
                                      uint64_t seq,
                                      uint64_t acked,
                                      bool holds_records,
                                      struct sw_command_result *ret_stored)
{
    uint32_t held, at;

    SW_ASSERT(acked < seq);
    if (seq <= session->acked) {
        SW_MARK("session.retry_stale");
        return SW_SESSION_STALE;
    }
    acknowledge(sessions, session, acked);
    at = reply_place(session, seq);
    if (at < session->reply_end && session->replies[at].seq == seq &&
        !SW_PLANTED(RETRY_RUNS_AGAIN)) {
        SW_MARK("session.retry_replayed");
        *ret_stored = session->replies[at].result;
        return SW_SESSION_REPLAY;
    }
    held = session->reply_end - session->reply_first;
    if (held >= SW_SESSION_REPLY_COUNT_MAX ||
        (held >= REPLY_COUNT_ALWAYS && sessions->reply_count >= sessions->reply_total_max)) {
        return SW_SESSION_BUSY;
    }
    if (holds_records && holds_too_much(sessions, session)) {
        return SW_SESSION_BUSY;
    }
    return SW_SESSION_RUN;
}

void sw__session_reserve(struct sw_session *session)
{
    const uint32_t count = session->reply_end - session->reply_first;

    if (session->reply_end < session->reply_capacity) {
        return;
    }
    if (count <= session->reply_capacity / 2 && session->reply_capacity > 0) {
        replies_to_front(session);
        return;
    }
    session->replies = grown(session->replies, &session->reply_capacity, sizeof *session->replies);
}

void sw__session_put_reply(struct sw_session *session,
                           uint32_t at,
                           uint64_t seq,
                           const struct sw_command_result *result)
{
    struct sw_session_reply *reply = &session->replies[at];

    SW_ASSERT(at >= session->reply_first);
    SW_ASSERT(at <= session->reply_end);
    *reply = (struct sw_session_reply){.seq = seq, .result = *result};
    if (result->records.size > 0) {
        reply->records = malloc(result->records.size);
        SW_ASSERT(reply->records != NULL);
        memcpy(reply->records, result->records.data, result->records.size);
    }
    reply->result.records.data = reply->records;
    session->records_size += result->records.size;
}

void sw_session_answer(struct sw_sessions *sessions,
                       struct sw_session *session,
                       uint64_t seq,
                       const struct sw_command_result *result)
{
    const uint64_t before = session->records_size;
    uint32_t at;

    SW_ASSERT(seq > session->acked);
    sw__session_reserve(session);
    at = reply_place(session, seq);
    SW_ASSERT(at == session->reply_end || session->replies[at].seq != seq);
    memmove(session->replies + at + 1,
            session->replies + at,
            (session->reply_end - at) * sizeof *session->replies);
    sw__session_put_reply(session, at, seq, result);
    session->reply_end++;
    sessions->reply_count++;
    sw__sessions_held(sessions, session, before, session->records_size);
    sw__session_changed(sessions, session);
}
