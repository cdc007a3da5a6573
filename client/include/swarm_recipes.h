/* libswarm: leases, and what is made of them and of transactions: locks, elections, queues. A part
 * of swarm.h, which includes it. */
#ifndef SWARM_RECIPES_H
#define SWARM_RECIPES_H

#include <swarm.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- leases and locks ---------------------------------------------------------------------- */

/* A lease lives for its time to live since the grant or the last keep-alive, on a clock of the
 * swarm: what wall clocks show changes nothing, and an election neither prolongs nor shortens it.
 * When it ends, all keys that were written with it (1024 at most, of its partition) are deleted at
 * once. It is named by the revision of its grant, so a later lease has a higher number. */

/* `ttl_ms`: 100 to 86,400,000. The result's value is the lease. */
SWARM_API enum swarm_status swarm_lease_grant(struct swarm_client *client,
                                              struct swarm_scope scope,
                                              uint32_t ttl_ms,
                                              struct swarm_result **ret_result);
/* SWARM_LEASE_GONE: it has ended, and its keys are deleted. */
SWARM_API enum swarm_status swarm_lease_keep_alive(struct swarm_client *client,
                                                   struct swarm_scope scope,
                                                   uint64_t lease,
                                                   struct swarm_result **ret_result);
SWARM_API enum swarm_status swarm_lease_revoke(struct swarm_client *client,
                                               struct swarm_scope scope,
                                               uint64_t lease,
                                               struct swarm_result **ret_result);
/* A record for each lease above `after`, at most 4096 (then `more`): lease, create_revision = the
 * lease too, mod_revision = its time to live in ms, time_ms = what is left of it in ms, version =
 * keys that it holds. */
SWARM_API enum swarm_status swarm_lease_list(struct swarm_client *client,
                                             struct swarm_scope scope,
                                             uint64_t after,
                                             struct swarm_result **ret_result);

/* A thread that keeps a lease alive, from now until it is freed: a keep-alive after each third of
 * the time to live, tried again until it is answered or the lease is surely gone. */
struct swarm_keeper;

/* Called once, on the keeper's thread, when the lease is gone (SWARM_LEASE_GONE), or when no
 * keep-alive was answered for the whole time to live, so that it may be (SWARM_DEADLINE). */
typedef void (*swarm_lost)(void *arg, enum swarm_status why);

/* Keeps it alive once, and goes on from there. `lost` may be NULL. Borrows the client; scope is
 * copied. */
SWARM_API enum swarm_status swarm_keeper_new(struct swarm_client *client,
                                             struct swarm_scope scope,
                                             uint64_t lease,
                                             uint32_t ttl_ms,
                                             swarm_lost lost,
                                             void *arg,
                                             struct swarm_keeper **ret_keeper);
/* False once the lease is gone or may be. */
SWARM_API bool swarm_keeper_holds(const struct swarm_keeper *keeper);
/* Ends the thread; the lease then lives on for its time. Not from `lost`. Accepts NULL. */
SWARM_API void swarm_keeper_free(struct swarm_keeper *keeper);

/* A key that one client at a time has written with a lease of its own, which a keeper keeps alive.
 * Whoever holds it names its token where it writes: a compare that the key's lease equals the token
 * fails for one who lost the lock without knowing it. Tokens say who, not who came later: a lease
 * is granted before its turn comes. Where something outside of the swarm is written, the revision
 * is what to compare: each holder's is higher than those of all before. */
struct swarm_lock;

/* Waits until the lock is free, at the latest until `deadline_ms` on swarm_now_ms(): SWARM_DEADLINE
 * then, and `ret_why` (may be NULL) names the holder. `owner` is stored in the key. */
SWARM_API enum swarm_status swarm_lock(struct swarm_client *client,
                                       struct swarm_scope scope,
                                       struct swarm_slice key,
                                       struct swarm_slice owner,
                                       uint32_t ttl_ms,
                                       uint64_t deadline_ms,
                                       struct swarm_lock **ret_lock,
                                       char *ret_why,
                                       size_t why_size);
SWARM_API uint64_t swarm_lock_token(const struct swarm_lock *lock); /* its lease */
/* At which the lock was taken. */
SWARM_API uint64_t swarm_lock_revision(const struct swarm_lock *lock);
SWARM_API bool swarm_lock_holds(const struct swarm_lock *lock);
/* Gives it back and frees it, whatever the status. Accepts NULL. */
SWARM_API enum swarm_status swarm_unlock(struct swarm_lock *lock);

/* ---- elections and queues ------------------------------------------------------------------ */

/* An office: a lock whose value is what its holder proclaims. Whoever wants to know who leads gets
 * or watches the key; no such key: nobody. Of those who campaign at the same time any may win. */
struct swarm_election;

/* Waits as swarm_lock does, and as there `ret_why` names who leads. */
SWARM_API enum swarm_status swarm_campaign(struct swarm_client *client,
                                           struct swarm_scope scope,
                                           struct swarm_slice key,
                                           struct swarm_slice value,
                                           uint32_t ttl_ms,
                                           uint64_t deadline_ms,
                                           struct swarm_election **ret_election,
                                           char *ret_why,
                                           size_t why_size);
/* As those of a lock: the token is the key's lease, a fence inside of the swarm; the revision grows
 * from leader to leader, a fence outside of it. */
SWARM_API uint64_t swarm_election_token(const struct swarm_election *election);
SWARM_API uint64_t swarm_election_revision(const struct swarm_election *election);
SWARM_API bool swarm_election_leads(const struct swarm_election *election);
/* Another value for the key; SWARM_LEASE_GONE: the office was lost. */
SWARM_API enum swarm_status swarm_proclaim(struct swarm_election *election,
                                           struct swarm_slice value);
/* Gives the office back and frees it, whatever the status. Accepts NULL. */
SWARM_API enum swarm_status swarm_resign(struct swarm_election *election);

/* A queue of a partition, as one taker or putter sees it; several threads may share it. Items are
 * delivered AT LEAST ONCE: one that was taken comes back if its taker dies, or is silent for the
 * time to live of its lease. Who needs an effect exactly once makes the acknowledgement a part of
 * the transaction that has the effect: swarm_queue_ack_parts. */
struct swarm_queue;

enum { SWARM_QUEUE_NAME_SIZE_MAX = 200, SWARM_QUEUE_ACK_OPS = 3 };

struct swarm_queue_item {
    struct swarm_slice value;
    uint64_t number;     /* unique in its queue */
    uint64_t token;      /* the lease of its claim: who may acknowledge it */
    uint32_t deliveries; /* this one included */
    uint8_t priority;
};

/* Sends nothing yet. `owner` is stored in the claims, for people. */
SWARM_API enum swarm_status swarm_queue_open(struct swarm_client *client,
                                             struct swarm_scope scope,
                                             struct swarm_slice name,
                                             struct swarm_slice owner,
                                             uint32_t ttl_ms,
                                             struct swarm_queue **ret_queue);
/* Adds an item; lower priorities go first, then lower numbers. `ret_number` may be NULL. After an
 * unknown outcome it may be there; putting it again makes two. */
SWARM_API enum swarm_status swarm_queue_put(struct swarm_queue *queue,
                                            uint8_t priority,
                                            struct swarm_slice value,
                                            uint64_t *ret_number);
/* Claims the first item that nobody has, waiting for one until `deadline_ms`: SWARM_NOT_FOUND then,
 * and nothing was claimed. After an unknown outcome, SWARM_DEADLINE among them, an item may be
 * claimed until the queue is closed. At most 1024 at a time. */
SWARM_API enum swarm_status swarm_queue_take(struct swarm_queue *queue,
                                             uint64_t deadline_ms,
                                             struct swarm_queue_item **ret_item);
/* Done: the item is gone. SWARM_CONFLICT: it came back to the queue meanwhile, and is, or was,
 * somebody else's. Neither this nor the next frees `item`. */
SWARM_API enum swarm_status swarm_queue_ack(struct swarm_queue *queue,
                                            struct swarm_queue_item *item);
/* Not done: it is there for others at once. */
SWARM_API enum swarm_status swarm_queue_release(struct swarm_queue *queue,
                                                struct swarm_queue_item *item);
/* What acknowledges `item` in a transaction of the caller's: one more compare, and three more
 * then-ops. They live as long as the item. */
SWARM_API void swarm_queue_ack_parts(struct swarm_queue_item *item,
                                     struct swarm_compare *ret_compare,
                                     struct swarm_txn_op ret_ops[SWARM_QUEUE_ACK_OPS]);
SWARM_API void swarm_queue_item_free(struct swarm_queue_item *item); /* accepts NULL */
/* Gives back whatever is claimed, and frees, whatever the status. Accepts NULL. */
SWARM_API enum swarm_status swarm_queue_close(struct swarm_queue *queue);

/* For those who take an item in one process and acknowledge it in another. Frees, and gives nothing
 * back: what is claimed stays so for the time to live. Accepts NULL. */
SWARM_API void swarm_queue_leave(struct swarm_queue *queue);
/* An item that was taken elsewhere, by the numbers that it had there, without its value: to be
 * acknowledged or released, and freed. */
SWARM_API struct swarm_queue_item *swarm_queue_item_of(const struct swarm_queue *queue,
                                                       uint8_t priority,
                                                       uint64_t number,
                                                       uint64_t token);

struct swarm_queue_row {
    uint64_t number;
    uint8_t priority;
    uint32_t deliveries; /* so far */
    uint64_t token;      /* of who has it; 0 = nobody */
    struct swarm_slice owner;
    struct swarm_slice value;
    uint64_t time_ms; /* when it was put, on the swarm's clock */
};

struct swarm_queue_rows;

/* The items in the order in which they are taken, at one revision; at most `limit`, 0 = all. */
SWARM_API enum swarm_status
swarm_queue_list(struct swarm_queue *queue, size_t limit, struct swarm_queue_rows **ret_rows);
SWARM_API size_t swarm_queue_rows_count(const struct swarm_queue_rows *rows);
/* Valid until swarm_queue_rows_free; NULL behind the last. */
SWARM_API const struct swarm_queue_row *swarm_queue_rows_at(const struct swarm_queue_rows *rows,
                                                            size_t at);
SWARM_API void swarm_queue_rows_free(struct swarm_queue_rows *rows); /* accepts NULL */

#ifdef __cplusplus
}
#endif

#endif
