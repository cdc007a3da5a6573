/* Sessions of one group: what makes a retried write run at most once.
 *
 * A session remembers the answer of every write that its client has not acknowledged yet. The same
 * sequence number again gets the same answer, and nothing runs. All of it is replicated state: it
 * changes only through apply, by leader time, and is the same on every replica at the same index.
 *
 * Sessions live here in memory; changed ones are written to the store just before each commit
 * (sw_sessions_save), so the store's sessions always belong to its applied index. Orders that
 * decide anything (expiry, eviction, saving) are by (time, id) or id, never by place in memory. */
#ifndef SW_NODE_SESSION_H
#define SW_NODE_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/ids.h"
#include "base/limits.h"
#include "base/rw.h"
#include "node/applier.h"
#include "storage/store.h"

enum {
    SW_SESSION_FORMAT = 3,
    SW_SESSION_NONCE_SIZE = 16,
    SW_SESSION_OWNER_SIZE = 16,
    SW_SESSION_RECORD_HEADER_SIZE = 65, /* byte table in docs/STORAGE_FORMAT.md, "State records" */
    SW_SESSION_RECORD_REPLY_SIZE = 36,  /* and the records of the answer */
};

enum sw_session_order { SW_SESSION_BY_EXPIRY, SW_SESSION_BY_ACTIVITY, SW_SESSION_ORDER_COUNT };

struct sw_session_reply {
    uint64_t seq;
    struct sw_command_result result;
    uint8_t *records; /* owned: what the result's records show */
};

struct sw_session {
    struct sw_session_id id;
    uint8_t nonce[SW_SESSION_NONCE_SIZE];
    uint8_t owner[SW_SESSION_OWNER_SIZE]; /* identity that opened it; zero: before there were any */
    uint32_t ttl_ms;
    uint64_t active_ms; /* leader time of the last use */
    uint64_t acked;     /* answers to seq <= acked are no longer kept */

    /* Owned; ascending seq, all > acked; the live ones are [reply_first, reply_end). */
    struct sw_session_reply *replies;
    uint32_t reply_first, reply_end, reply_capacity;
    uint64_t records_size; /* of these answers */

    struct sw_session *next_by_id, *next_by_nonce; /* chains of the two tables */
    uint32_t place[SW_SESSION_ORDER_COUNT];        /* in the two heaps */
    uint32_t changed_place; /* 1 + its place in `changed`; 0 = as the store has it */
    bool saved;             /* the store holds a record of it */
};

struct sw_session_heap_slot {
    uint64_t time_ms; /* a lower bound of the session's own: use only ever moves it up */
    struct sw_session *session;
};

/* What the sessions of one owner take up. */
struct sw_session_holding {
    uint8_t owner[SW_SESSION_OWNER_SIZE];
    uint32_t count;        /* of them */
    uint64_t records_size; /* of their answers */
};

/* Zero-initialised and then sw_sessions_init. The applier's worker owns it. */
struct sw_sessions {
    struct sw_session **by_id, **by_nonce; /* owned; `bucket_count` chains each */
    uint32_t bucket_count;                 /* a power of two */
    struct sw_session_heap_slot *heaps[SW_SESSION_ORDER_COUNT]; /* owned */
    uint32_t heap_capacity;
    uint32_t count, count_max;
    uint64_t reply_count, reply_total_max;
    uint64_t records_size;               /* of all answers */
    struct sw_session_holding *holdings; /* owned: of each owner that has any; ascending */
    uint32_t holding_count, holding_capacity;
    struct sw_session **changed; /* owned */
    uint32_t changed_count, changed_capacity;
    uint64_t *removed; /* owned; ids whose record must leave the store */
    uint32_t removed_count, removed_capacity;
};

/* What a write of a session may do. */
enum sw_session_gate {
    SW_SESSION_RUN,    /* execute, then sw_session_answer */
    SW_SESSION_REPLAY, /* answer with `ret_stored`, execute nothing */
    SW_SESSION_STALE,
    SW_SESSION_BUSY,
};

void sw_sessions_init(struct sw_sessions *sessions, uint32_t count_max, uint64_t reply_total_max);
void sw_sessions_release(struct sw_sessions *sessions); /* accepts a zeroed one; leaves it zeroed */

/* NULL if unknown. Borrowed until the session is removed. */
struct sw_session *sw_sessions_find(const struct sw_sessions *sessions, struct sw_session_id id);
struct sw_session *sw_sessions_find_nonce(const struct sw_sessions *sessions,
                                          const uint8_t nonce[SW_SESSION_NONCE_SIZE]);
/* The caller has made room (count < count_max) and knows that neither id nor nonce is in use. */
struct sw_session *sw_sessions_open(struct sw_sessions *sessions,
                                    struct sw_session_id id,
                                    const uint8_t nonce[SW_SESSION_NONCE_SIZE],
                                    uint32_t ttl_ms,
                                    uint64_t time_ms);
void sw_sessions_remove(struct sw_sessions *sessions, struct sw_session *session);
/* May the owner open another one? As many as are free; nobody (all zero) always may. */
bool sw_sessions_has_room(const struct sw_sessions *sessions,
                          const uint8_t owner[SW_SESSION_OWNER_SIZE]);
/* Whose a session is that was just opened. */
void sw_sessions_own(struct sw_sessions *sessions,
                     struct sw_session *session,
                     const uint8_t owner[SW_SESSION_OWNER_SIZE]);

/* The first in that order: the next to expire, or the least recently active; ties: the lowest id.
 * NULL if there is none. */
struct sw_session *sw_sessions_first(struct sw_sessions *sessions, enum sw_session_order order);
uint64_t sw_session_expiry_ms(const struct sw_session *session);

void sw_session_touch(struct sw_sessions *sessions, struct sw_session *session, uint64_t time_ms);
/* Drops the answers up to `acked`, then judges `seq`, whose answer may hold records or not.
 * `ret_stored` is written for REPLAY only, and borrows the session's records. */
enum sw_session_gate sw_session_admit(struct sw_sessions *sessions,
                                      struct sw_session *session,
                                      uint64_t seq,
                                      uint64_t acked,
                                      bool holds_records,
                                      struct sw_command_result *ret_stored);
/* Keeps a copy of the answer to a `seq` that was admitted with RUN. */
void sw_session_answer(struct sw_sessions *sessions,
                       struct sw_session *session,
                       uint64_t seq,
                       const struct sw_command_result *result);

/* The record of SW_TABLE_SESSION. Decoding adds the session: CORRUPT if the bytes break a rule. */
void sw_session_encode(const struct sw_session *session, struct sw_buf *out);
enum sw_err sw_session_decode(struct sw_sessions *sessions,
                              struct sw_session_id id,
                              struct sw_span record) SW_MUST_CHECK;

/* Writes what changed since the last save, in id order. An error leaves the store to be aborted. */
enum sw_err sw_sessions_save(struct sw_sessions *sessions,
                             struct sw_store *store,
                             struct sw_group_id group) SW_MUST_CHECK;
struct sw_session_page {
    struct sw_session_id after; /* only those above it */
    uint32_t limit;             /* 0 = SW_SCAN_COUNT_MAX */
    uint64_t time_ms;           /* leader time: what is left of each is told */
};
/* Appends a record for each session (swarm.h tells of its fields); returns how many. */
uint32_t sw_sessions_list(const struct sw_sessions *sessions,
                          const struct sw_session_page *page,
                          struct sw_buf *records,
                          bool *ret_more);

/* Fills an empty table from the store. */
enum sw_err sw_sessions_load(struct sw_sessions *sessions,
                             struct sw_store *store,
                             struct sw_group_id group) SW_MUST_CHECK;

#endif
