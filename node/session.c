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
#include "storage/keys.h"

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

/* --- life of a session ------------------------------------------------------------------------ */

void sw_sessions_init(struct sw_sessions *sessions, uint32_t count_max, uint64_t reply_total_max)
{
    SW_ASSERT(count_max > 0);
    *sessions = (struct sw_sessions){.count_max = count_max, .reply_total_max = reply_total_max};
    buckets_resize(sessions, BUCKET_COUNT_MIN);
}

static void session_free(struct sw_session *session)
{
    free(session->replies);
    free(session);
}

void sw_sessions_release(struct sw_sessions *sessions)
{
    for (uint32_t i = 0; i < sessions->count; i++) {
        session_free(sessions->heaps[SW_SESSION_BY_EXPIRY][i].session);
    }
    free(sessions->by_id);
    free(sessions->by_nonce);
    free(sessions->heaps[SW_SESSION_BY_EXPIRY]);
    free(sessions->heaps[SW_SESSION_BY_ACTIVITY]);
    free(sessions->changed);
    free(sessions->removed);
    *sessions = (struct sw_sessions){0};
}

static void mark_changed(struct sw_sessions *sessions, struct sw_session *session)
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

/* Takes `session` over. */
static void add(struct sw_sessions *sessions, struct sw_session *session)
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
    add(sessions, session);
    mark_changed(sessions, session);
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
    session_free(session);
}

/* --- answers ---------------------------------------------------------------------------------- */

void sw_session_touch(struct sw_sessions *sessions, struct sw_session *session, uint64_t time_ms)
{
    SW_ASSERT(time_ms >= session->active_ms);
    if (time_ms != session->active_ms) {
        session->active_ms = time_ms;
        mark_changed(sessions, session);
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
    uint32_t kept;

    if (acked <= session->acked) {
        return;
    }
    kept = acked == UINT64_MAX ? session->reply_end : reply_place(session, acked + 1);
    sessions->reply_count -= kept - session->reply_first;
    session->reply_first = kept;
    session->acked = acked;
    replies_shrink(session);
    mark_changed(sessions, session);
}

enum sw_session_gate sw_session_admit(struct sw_sessions *sessions,
                                      struct sw_session *session,
                                      uint64_t seq,
                                      uint64_t acked,
                                      struct sw_command_result *ret_stored)
{
    uint32_t held, at;

    SW_ASSERT(acked < seq);
    if (seq <= session->acked) {
        return SW_SESSION_STALE;
    }
    acknowledge(sessions, session, acked);
    at = reply_place(session, seq);
    if (at < session->reply_end && session->replies[at].seq == seq) {
        *ret_stored = session->replies[at].result;
        return SW_SESSION_REPLAY;
    }
    held = session->reply_end - session->reply_first;
    if (held >= SW_SESSION_REPLY_COUNT_MAX ||
        (held >= REPLY_COUNT_ALWAYS && sessions->reply_count >= sessions->reply_total_max)) {
        return SW_SESSION_BUSY;
    }
    return SW_SESSION_RUN;
}

/* Room for one more at the end: moves the live ones to the front or grows. */
static void replies_reserve(struct sw_session *session)
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

void sw_session_answer(struct sw_sessions *sessions,
                       struct sw_session *session,
                       uint64_t seq,
                       const struct sw_command_result *result)
{
    uint32_t at;

    SW_ASSERT(seq > session->acked);
    replies_reserve(session);
    at = reply_place(session, seq);
    SW_ASSERT(at == session->reply_end || session->replies[at].seq != seq);
    memmove(session->replies + at + 1,
            session->replies + at,
            (session->reply_end - at) * sizeof *session->replies);
    session->replies[at] = (struct sw_session_reply){.seq = seq, .result = *result};
    session->reply_end++;
    sessions->reply_count++;
    mark_changed(sessions, session);
}

/* --- records ---------------------------------------------------------------------------------- */

void sw_session_encode(const struct sw_session *session, struct sw_buf *out)
{
    const size_t start = out->size;
    const uint32_t count = session->reply_end - session->reply_first;

    sw_write_u8(out, SW_SESSION_FORMAT);
    sw_write_bytes(out, sw_span_of(session->nonce, SW_SESSION_NONCE_SIZE));
    sw_write_u32(out, session->ttl_ms);
    sw_write_u64(out, session->active_ms);
    sw_write_u64(out, session->acked);
    sw_write_u64(out, session->id.value);
    sw_write_u32(out, count);
    for (uint32_t i = session->reply_first; i < session->reply_end; i++) {
        const struct sw_session_reply *reply = &session->replies[i];

        sw_write_u64(out, reply->seq);
        sw_write_u32(out, (uint32_t)reply->result.err);
        sw_write_u64(out, reply->result.revision);
        sw_write_u64(out, reply->result.value);
    }
    SW_ASSERT(out->size - start ==
              SW_SESSION_RECORD_HEADER_SIZE + (size_t)count * SW_SESSION_RECORD_REPLY_SIZE);
}

/* True if the answers ascend and lie above `acked`. */
static bool read_replies(struct sw_reader *in, struct sw_session *session, uint32_t count)
{
    uint64_t floor = session->acked;

    for (uint32_t i = 0; i < count; i++) {
        struct sw_session_reply reply = {.seq = sw_read_u64(in)};

        reply.result.err = (enum sw_err)sw_read_u32(in);
        reply.result.revision = sw_read_u64(in);
        reply.result.value = sw_read_u64(in);
        if (in->failed || reply.seq <= floor) {
            return false;
        }
        floor = reply.seq;
        replies_reserve(session);
        session->replies[session->reply_end++] = reply;
    }
    return true;
}

static bool read_session(struct sw_reader *in, struct sw_session *session)
{
    const uint8_t format = sw_read_u8(in);
    uint64_t id;
    uint32_t count;

    sw_read_copy(in, session->nonce, SW_SESSION_NONCE_SIZE);
    session->ttl_ms = sw_read_u32_max(in, SW_SESSION_TTL_MS_MAX);
    session->active_ms = sw_read_u64(in);
    session->acked = sw_read_u64(in);
    id = sw_read_u64(in);
    count = sw_read_u32_max(in, SW_SESSION_REPLY_COUNT_MAX);
    return format == SW_SESSION_FORMAT && id == session->id.value && !in->failed &&
           read_replies(in, session, count) && sw_reader_finish(in) == SW_ERR_OK;
}

enum sw_err
sw_session_decode(struct sw_sessions *sessions, struct sw_session_id id, struct sw_span record)
{
    struct sw_session *session = calloc(1, sizeof *session);
    struct sw_reader in = sw_reader_of(record);

    SW_ASSERT(session != NULL);
    session->id = id;
    if (id.value == 0 || !read_session(&in, session) || sessions->count == sessions->count_max ||
        sw_sessions_find(sessions, id) != NULL ||
        sw_sessions_find_nonce(sessions, session->nonce) != NULL) {
        session_free(session);
        return SW_ERR_CORRUPT;
    }
    session->saved = true;
    add(sessions, session);
    sessions->reply_count += session->reply_end - session->reply_first;
    return SW_ERR_OK;
}

static int compare_ids(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a;
    const uint64_t y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static int compare_sessions(const void *a, const void *b)
{
    const struct sw_session *x = *(struct sw_session *const *)a;
    const struct sw_session *y = *(struct sw_session *const *)b;

    return x->id.value < y->id.value ? -1 : x->id.value > y->id.value;
}

static enum sw_err
save_removed(struct sw_sessions *sessions, struct sw_store *store, struct sw_group_id group)
{
    struct sw_key key;

    if (sessions->removed_count == 0) {
        return SW_ERR_OK;
    }
    qsort(sessions->removed, sessions->removed_count, sizeof *sessions->removed, compare_ids);
    for (uint32_t i = 0; i < sessions->removed_count; i++) {
        enum sw_err err;

        sw_key_session(group, (struct sw_session_id){sessions->removed[i]}, &key);
        err = store->ops->del(store, SW_TABLE_SESSION, sw_key_span(&key));
        if (err != SW_ERR_OK) {
            return err;
        }
    }
    sessions->removed_count = 0;
    return SW_ERR_OK;
}

enum sw_err
sw_sessions_save(struct sw_sessions *sessions, struct sw_store *store, struct sw_group_id group)
{
    struct sw_buf record = {0};
    struct sw_key key;
    enum sw_err err;

    err = save_removed(sessions, store, group);
    if (err != SW_ERR_OK || sessions->changed_count == 0) {
        goto out;
    }
    qsort(
        sessions->changed, sessions->changed_count, sizeof(struct sw_session *), compare_sessions);
    for (uint32_t i = 0; i < sessions->changed_count; i++) {
        struct sw_session *session = sessions->changed[i];

        sw_buf_clear(&record);
        sw_session_encode(session, &record);
        sw_key_session(group, session->id, &key);
        err = store->ops->put(store, SW_TABLE_SESSION, sw_key_span(&key), sw_buf_span(&record));
        if (err != SW_ERR_OK) {
            goto out;
        }
        session->changed_place = 0;
        session->saved = true;
    }
    sessions->changed_count = 0;
out:
    sw_buf_release(&record);
    return err;
}

enum sw_err
sw_sessions_load(struct sw_sessions *sessions, struct sw_store *store, struct sw_group_id group)
{
    struct sw_store_record record;
    struct sw_session_key key;
    struct sw_key prefix;
    enum sw_err err;

    SW_ASSERT(sessions->count == 0);
    sw_key_group(group, &prefix);
    err = store->ops->seek(store, SW_TABLE_SESSION, sw_key_span(&prefix), false, &record);
    while (err == SW_ERR_OK && sw_key_has_prefix(record.key, sw_key_span(&prefix))) {
        if (sw_key_session_decode(record.key, &key) != SW_ERR_OK) {
            return SW_ERR_CORRUPT;
        }
        err = sw_session_decode(sessions, key.id, record.value);
        if (err == SW_ERR_OK) {
            err = store->ops->next(store, SW_TABLE_SESSION, false, &record);
        }
    }
    return err == SW_ERR_NOT_FOUND ? SW_ERR_OK : err;
}
