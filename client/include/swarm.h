/* libswarm: the client of a Swarmstore swarm.
 *
 * A client finds the leader, keeps deadlines, and sends writes inside a session, so that a write
 * whose answer got lost is sent again and still runs at most once. All functions may be called from
 * any thread; callbacks come on the client's own thread (SWARM_OWN_LOOP: on the caller's), one for
 * each request, and must not block.
 * A failed allocation ends the process (an assertion, see docs/adr/0025).
 * Nothing here is usable in a child after fork(): calls there fail with SWARM_INVALID.
 *
 * Structs that callers fill in begin with `size`: set it with SWARM_INIT, and leave what you do not
 * need zero. See swarm(3). */
#ifndef SWARM_H
#define SWARM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <swarm_status.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SWARM_API __attribute__((visibility("default")))

/* struct swarm_options options = SWARM_INIT(struct swarm_options); */
#define SWARM_INIT(type) ((type){.size = sizeof(type)})

/* ---- errors -------------------------------------------------------------------------------- */

enum swarm_outcome { SWARM_DONE, SWARM_NOT_DONE, SWARM_UNKNOWN };

SWARM_API const char *swarm_strerror(enum swarm_status status);    /* one sentence */
SWARM_API const char *swarm_hint(enum swarm_status status);        /* what to do; may be "" */
SWARM_API const char *swarm_status_name(enum swarm_status status); /* "NOT_LEADER" */
/* What may be concluded about a write that ended with this status. One that was never sent ends as
 * not done, with the reason, or with SWARM_NOT_SENT; or with SWARM_CANCELLED, and then, in a client
 * with a session, without a number in it (struct swarm_result). */
SWARM_API enum swarm_outcome swarm_outcome(enum swarm_status status);
/* Trying again may succeed. For a write that is not certain to be harmless: see the next two. */
SWARM_API bool swarm_retryable(enum swarm_status status);
SWARM_API bool swarm_maybe_committed(enum swarm_status status);
SWARM_API bool swarm_retryable_not_committed(enum swarm_status status);

/* ---- clients ------------------------------------------------------------------------------- */

struct swarm_client;
struct swarm_pool; /* a thread for several clients; those of one identity share connections */

enum {
    SWARM_WITHOUT_SESSION = 1 << 0, /* writes are sent once; a lost answer means SWARM_UNKNOWN */
    SWARM_FAIL_WHEN_DOWN = 1 << 1,  /* fail at once when no node is reachable: for command lines */
    SWARM_ORDERED = 1 << 3,         /* requests take effect in the order of submission, see below */
    SWARM_OWN_LOOP = 1 << 2, /* no thread: the caller's loop serves the client, see swarm_fd */
    /* Talks to the nodes of the settings alone. Else the client asks them now and then who is a
     * member, and reaches those too, at the addresses that the swarm knows of them; so it outlives
     * the nodes that it was told of. */
    SWARM_FIXED_NODES = 1 << 4,
};

/* Durations in milliseconds. A zero stands for the default named beside it. */
struct swarm_options {
    size_t size;
    const char *config_path; /* NULL: $SWARM_CLIENT_CONFIG, else ~/.config/swarm/client.conf */
    const char *endpoints;   /* "1=host:port,2=host:port": other addresses for nodes of the file;
                                or a URL */
    struct swarm_pool *pool; /* NULL: the client gets a thread of its own */
    uint32_t flags;
    uint32_t timeout_ms;         /* 5000: for requests without a deadline */
    uint32_t dial_timeout_ms;    /* 1500: how long connecting may take (SWARM_FAIL_WHEN_DOWN) */
    uint32_t session_ttl_ms;     /* 600000: how long the session outlives the last write */
    uint32_t in_flight_max;      /* 4032: unanswered requests; more are SWARM_BUSY */
    uint32_t retry_base_ms;      /* 20: the first pause is uniform in [0, base], then doubles */
    uint32_t retry_cap_ms;       /* 2000 */
    uint32_t attempts_max;       /* 8: tries of a request that the swarm puts off */
    uint32_t attempt_timeout_ms; /* 1000: silence after which another node is asked */
    uint32_t breaker_failures;   /* 5: failures in a row that stop calls to a node */
    uint32_t breaker_open_ms;    /* 3000: for how long */
    const char *url; /* instead of the two above it: see swarm_open. NULL: $SWARM_URL, if neither
                        config_path nor endpoints is given */
};

/* Reads the configuration and starts connecting; does not wait for a node. On failure a sentence
 * goes to `ret_why` (may be NULL).
 *
 * URLs: "swarm://HOST:PORT,.../NAMESPACE?config=FILE&tenant=T" is a swarm whose settings file has
 * its id, the keys of its nodes and the client's own. "file:DIR?tenant=T" is EMBEDDED MODE: one
 * durable replica in this process, on the data directory DIR, without a server: the same requests,
 * the same answers, after a sync of the local disk. The first open makes DIR; one process has it
 * open at a time, all clients of it in one pool, else SWARM_LOCKED. */
SWARM_API enum swarm_status swarm_open(const struct swarm_options *options,
                                       struct swarm_client **ret_client,
                                       char *ret_why,
                                       size_t why_size);
/* Ends what is under way with SWARM_CANCELLED, closes the session, frees. Not from a callback.
 * Accepts NULL. */
SWARM_API void swarm_close(struct swarm_client *client);

SWARM_API enum swarm_status swarm_pool_new(struct swarm_pool **ret_pool);
/* After all its clients were closed. Accepts NULL. */
SWARM_API void swarm_pool_free(struct swarm_pool *pool);

/* Ids of the configured nodes, at most `count`; returns how many there are. */
SWARM_API size_t swarm_nodes(const struct swarm_client *client, uint64_t *ret_ids, size_t count);
/* "host:port" of a configured node; NULL for a stranger. Valid until swarm_close. */
SWARM_API const char *swarm_node_address(const struct swarm_client *client, uint64_t node);

SWARM_API bool swarm_is_ordered(const struct swarm_client *client); /* with SWARM_ORDERED */

/* The clock of deadlines: monotonic, its origin has no meaning. */
SWARM_API uint64_t swarm_now_ms(void);
SWARM_API const char *swarm_version(void);

/* ---- requests ------------------------------------------------------------------------------ */

/* Requests of one client that are under way at one time have no order among each other, unless it
 * was opened with SWARM_ORDERED. Then they take effect in the order of submission, also across
 * retries and elections: no write runs before an earlier one, a read sees all earlier writes and no
 * later one. They still share messages and syncs, but the next ones leave when all of the last
 * message have ended. A write that was refused after a later one had run fails with the refusal;
 * one that ended as unknown has run at its place or not at all, and swarm_outcome_of cannot tell
 * which once a later one ran. Watches and keep-alives stand aside. Not with SWARM_WITHOUT_SESSION.
 */

struct swarm_slice {
    const void *data;
    size_t size;
};

SWARM_API struct swarm_slice swarm_str(const char *text);

/* Where keys live. Printable ASCII without spaces; NULL = "default". */
struct swarm_scope {
    const char *tenant;
    const char *name_space;
    const char *partition;
};

enum swarm_op {
    SWARM_PUT = 1,
    SWARM_GET = 2,
    SWARM_DELETE = 3,
    SWARM_CAS = 4,  /* put if the key's mod revision is `expected`; 0: if there is no such key */
    SWARM_SCAN = 5, /* keys from `key` (included) to `end_key` (excluded), in order */
    SWARM_EXPERIENCE_APPEND = 6,
    SWARM_EXPERIENCE_SCAN = 7,   /* experiences with a revision above `expected` */
    SWARM_STATUS_OF = 10,        /* of `node`, 0 = the leader; the detail is JSON */
    SWARM_TRANSFER = 11,         /* hand leadership to node `expected`, 0 = any */
    SWARM_SNAPSHOT = 12,         /* `node` takes a snapshot and compacts its log */
    SWARM_TXN = 13,              /* `txn`, all or nothing */
    SWARM_MULTI_GET = 14,        /* `keys`, all read at one revision */
    SWARM_LEASE_GRANT = 15,      /* for `limit` ms: the result's value is the lease */
    SWARM_LEASE_KEEP_ALIVE = 16, /* of `lease`: its whole time to live again */
    SWARM_LEASE_REVOKE = 17,     /* of `lease`: deletes what it holds; value = how many keys */
    SWARM_LEASE_LIST = 18,       /* of a partition, those above `lease` */
    SWARM_WATCH = 19,            /* changes above `expected`: see swarm_watch_new */
    SWARM_MEMBER_LIST = 20,      /* members as the node that answers knows them; JSON */
    SWARM_MEMBER_ADD = 21,       /* node `expected`, a learner; `value` = "peer address,client
                                    address,public key in hex". Members change one at a time: BUSY
                                    means not now, and is tried again */
    SWARM_MEMBER_PROMOTE = 22, /* learner `expected` becomes a voter; BUSY until it has caught up */
    SWARM_MEMBER_DEMOTE = 23,
    SWARM_MEMBER_REMOVE = 24,
    SWARM_RESTART = 25, /* `node` stops in order and starts again, as the same process */
    /* Settings of the swarm: the scope's partition is the kind, `key` the name, `value` lines of
     * name=value; of the scope nothing else is looked at. `expected`: the mod revision that it has
     * now, 0 = any, UINT64_MAX = there is none yet. Read them with GET and SCAN in tenant "~swarm",
     * namespace "settings". Administrators only. */
    SWARM_SETTING_PUT = 28,
    SWARM_SETTING_DELETE = 29, /* value = 1 if there was one */
    SWARM_TOKEN_REDEEM = 33,   /* by a client whose key is a token: `value` = BLAKE2b-128 of the
                                  public   key that is to have its rights; once */
    SWARM_OUTCOME = 27,        /* of write `seq` of `session`: see swarm_outcome_of */
    SWARM_SESSION_CLOSE = 9,   /* `session`, another one than the client's own */
    SWARM_SESSION_LIST = 47,   /* those above `session`; an administrator's. A record each:
                                  create_revision = the session, mod_revision = its time to live in
                                  ms, time_ms = what is left of it in ms, version = answers that are
                                  kept, lease = up to which number answers were acknowledged */
    SWARM_COMPACT = 31,        /* changes up to revision `expected` need not be kept any more */
    SWARM_HISTORY = 32, /* what `key` was, newest first, below revision `expected` unless that is
                           0; a record of version 0 says that it was deleted then */
    SWARM_INDEX_CREATE = 40,  /* `key` = its name, `space` = what its vectors are */
    SWARM_INDEX_DROP = 41,    /* `key`; the keys that it finds stay */
    SWARM_INDEX_LIST = 42,    /* of a partition; JSON */
    SWARM_VECTOR_PUT = 43,    /* `item` at `key`; SWARM_EXISTS if it was to be novel and is not:
                                 the record is what is there already */
    SWARM_VECTOR_SEARCH = 44, /* `question`: records, nearest first (swarm_distance); the detail
                                 says how they were found, as JSON */
    SWARM_INDEX_VERIFY = 45,  /* a part of a check of index `key` at `node`; JSON. While there is
                                 more  of it, the record's value is the `value` of the next part */
    SWARM_INDEX_TUNE = 46, /* `key`, `value` = 10 bytes: recall of searches that name none, permille
                              (2), their budget: buckets in percent of the root of their number
                              (4), candidates in tenths of k (4); little-endian, 0 = default */
    SWARM_INDEX_STATUS = 48, /* `key`; JSON. `limit` samples of its recall are taken first, seeded
                                by `expected` */
    SWARM_INDEX_LOWER = 49,  /* `key`, `value` = 1 byte: stored vectors keep so many bits a number,
                                8,  6, 4, 2 or 1, instead of 16 or what they keep; never more again.
                                SWARM_CONFLICT: they keep no more than that, value = how many */
    /* `value` is packed: use swarm_context_create and the others. */
    SWARM_CONTEXT_CREATE = 50,
    SWARM_CONTEXT_APPEND = 51,
    SWARM_CONTEXT_WINDOW = 52,
    SWARM_CONTEXT_DELETE = 53,
    SWARM_CONTEXT_PRUNE = 54,
    SWARM_CONTEXT_TOUCH = 55,
    SWARM_CONTEXT_POLICY = 56,
    SWARM_CONTEXT_RESTORE = 57,
    /* `value` is packed: use swarm_remember and the others. */
    SWARM_MEMORY_PUT = 60,
    SWARM_MEMORY_USE = 61,
    SWARM_MEMORY_FORGET = 62,
    SWARM_MEMORY_TEND = 63,
    SWARM_MEMORY_AGENTS = 64, /* agents behind `key`: version = memories, lease = bytes */
    SWARM_INDEX_PLACES = 65,  /* partitions of the namespace with an index named `key` */
};

enum {
    SWARM_REVERSE = 1 << 0,   /* scans */
    SWARM_KEYS_ONLY = 1 << 1, /* scans, MULTI_GET */
    SWARM_PREVIOUS = 1 << 2,  /* PUT, CAS, DELETE: the one record of the result is the key as it
                                 was before, version 0 if it did not exist; watches: each record is
                                 followed by such a one */
    SWARM_PUTS = 1 << 4,      /* watches: no deletes */
    SWARM_DELETES = 1 << 5,   /* watches: nothing but deletes */
};

/* A transaction on one partition: if all compares hold, the then-ops run, else the else-ops; in
 * order, as one change with one revision. If one of them cannot be done (WRONG_TYPE, OUT_OF_RANGE,
 * TOO_LARGE), none is, and the result's value is its number, from 1. A branch writes each key at
 * most once. At most 128 compares and 128 operations in each branch, 1 MiB in all. */
enum swarm_compare_target {
    SWARM_COMPARE_VERSION = 1, /* 0 = the key does not exist; so are the next two */
    SWARM_COMPARE_MOD_REVISION = 2,
    SWARM_COMPARE_CREATE_REVISION = 3,
    SWARM_COMPARE_VALUE = 4, /* bytewise; never holds if the key does not exist */
    SWARM_COMPARE_LEASE = 5, /* with which the key ends; 0 = none. A lock's token is one */
};

enum swarm_relation { /* what the key has is ... what the compare names */
                      SWARM_EQUAL = 1,
                      SWARM_NOT_EQUAL = 2,
                      SWARM_LESS = 3,
                      SWARM_LESS_EQUAL = 4,
                      SWARM_GREATER = 5,
                      SWARM_GREATER_EQUAL = 6,
};

struct swarm_compare {
    enum swarm_compare_target target;
    enum swarm_relation relation;
    struct swarm_slice key;
    struct swarm_slice value; /* of COMPARE_VALUE */
    uint64_t number;          /* of the others */
};

/* How a merge makes the new value of the stored one and the operand. Numbers are decimal text of
 * signed 64-bit integers; sets are lines, each ended by a newline, ascending. A stored value that
 * is none is WRONG_TYPE. */
enum swarm_merge_operator {
    SWARM_MERGE_REPLACE = 1,
    SWARM_MERGE_APPEND = 2,    /* no such key: as if empty */
    SWARM_MERGE_SET_UNION = 3, /* no such key: as if empty */
    SWARM_MERGE_ADD = 4,       /* no such key: as if 0 */
    SWARM_MERGE_MAX = 5,       /* no such key: the operand */
    SWARM_MERGE_MIN = 6,       /* no such key: the operand */
};

enum swarm_txn_kind {
    SWARM_TXN_PUT = 1,
    SWARM_TXN_GET = 2, /* sees what the operations before it did */
    SWARM_TXN_DELETE = 3,
    SWARM_TXN_MERGE = 4,
};

enum { SWARM_TXN_PREVIOUS = 1 << 0 }; /* PUT, DELETE, MERGE */

struct swarm_txn_op {
    enum swarm_txn_kind kind;
    uint32_t flags;
    enum swarm_merge_operator merge; /* of MERGE */
    struct swarm_slice key;
    struct swarm_slice value; /* of PUT; the operand of MERGE */
    uint64_t lease; /* of PUT: the key ends with it; 0 = it does not end. A MERGE keeps it */
};

/* The result has one record for each operation that ran, in order. GET: the key as it is; PUT,
 * MERGE: as it is now, with its value for MERGE; DELETE: as it was, without its value. With
 * SWARM_TXN_PREVIOUS: as it was, with its value. A key that does not exist has version 0. */
struct swarm_txn {
    const struct swarm_compare *compares;
    size_t compare_count;
    const struct swarm_txn_op *then_ops;
    size_t then_count;
    const struct swarm_txn_op *else_ops;
    size_t else_count;
};

/* ---- vectors ---- An index belongs to one partition and finds keys of it by a vector that was put
 * with them. Deleting a key, or the end of its lease, takes it out; a plain put keeps its vector.
 * The answer to a question is the same on every replica, byte for byte. */
enum swarm_metric { SWARM_COSINE = 1, SWARM_INNER_PRODUCT = 2, SWARM_L2 = 3 };
enum swarm_dtype { SWARM_F32 = 1, SWARM_F16 = 2, SWARM_I8 = 3 }; /* little-endian */

struct swarm_space {
    enum swarm_metric metric;
    enum swarm_dtype dtype;
    int8_t exponent;   /* no vector is longer than 2^exponent; 0 for SWARM_COSINE */
    uint32_t dim;      /* 16 to 4096 */
    uint32_t version;  /* of the model */
    uint64_t seed;     /* random */
    const char *model; /* what made the vectors; NULL = not told */
};

enum swarm_attribute_kind { SWARM_ATTRIBUTE_NUMBER = 1, SWARM_ATTRIBUTE_TEXT = 2 };

/* A typed field that conditions may ask for. Several of one name are a set: tags. */
struct swarm_attribute {
    enum swarm_attribute_kind kind;
    const char *name;
    int64_t number;
    struct swarm_slice text; /* at most 256 bytes */
};

struct swarm_item {
    const char *index;
    struct swarm_slice vector; /* the space's numbers, one after the other */
    uint32_t context;          /* 0, or whose window the item belongs to */
    bool novel;                /* put only if nothing is within `distance_max` */
    double distance_max;
    const struct swarm_attribute *attributes; /* at most 32 */
    size_t attribute_count;
    struct swarm_slice content; /* the key's value */
};

enum swarm_condition_kind {
    SWARM_CONDITION_EQUAL = 1,
    SWARM_CONDITION_RANGE = 2,  /* a number from `low` to `high`, both included */
    SWARM_CONDITION_PREFIX = 3, /* a text that begins so */
};

/* Conditions of one clause are alternatives; every clause has to hold. */
struct swarm_condition {
    enum swarm_condition_kind kind;
    uint8_t clause;
    struct swarm_attribute attribute; /* RANGE: its name and kind NUMBER */
    int64_t low;
    int64_t high;
};

enum {
    SWARM_SEARCH_STALE = 1 << 0,     /* also what left its context's window */
    SWARM_SEARCH_CONTEXT = 1 << 1,   /* only items of `context` */
    SWARM_SEARCH_BOUNDED = 1 << 2,   /* only within `distance_max` */
    SWARM_SEARCH_KEYS_ONLY = 1 << 3, /* records without values */
};

struct swarm_question {
    const char *index;
    struct swarm_slice vector;
    uint32_t flags;
    uint32_t k;               /* 1 to 1024; 0 = 10 */
    uint32_t probe;           /* buckets to look into; 0 = what recall_permille asks for */
    uint32_t rerank;          /* candidates compared exactly; 0 = the same */
    uint32_t recall_permille; /* 500 to 1000 (all compared exactly); 0 = 950 */
    uint32_t context;
    double distance_max; /* cosine: 1 - cos; inner product: its negative; L2: squared */
    uint64_t revision_min;
    uint64_t revision_max;                    /* only items put at these revisions; 0 = no bound */
    const struct swarm_condition *conditions; /* at most 32 */
    size_t condition_count;
};

/* Everything is copied by swarm_submit. */
struct swarm_request {
    size_t size;
    enum swarm_op op;
    struct swarm_scope scope;
    struct swarm_slice key;
    struct swarm_slice end_key;
    struct swarm_slice value;
    uint64_t expected; /* GET, MULTI_GET, SCAN: the state as it was at this revision; 0 = present */
    uint64_t node;
    uint64_t deadline_ms;           /* absolute, on swarm_now_ms(); 0 = now + options.timeout_ms */
    uint32_t limit;                 /* records of a page; 0 = as many as fit */
    uint32_t flags;                 /* SWARM_REVERSE, SWARM_KEYS_ONLY, SWARM_PREVIOUS */
    const struct swarm_txn *txn;    /* of TXN */
    const struct swarm_slice *keys; /* of MULTI_GET */
    size_t key_count;
    uint64_t lease; /* of the lease operations; of PUT, CAS and VECTOR_PUT: the key ends with it */
    uint64_t session;                      /* of OUTCOME, SESSION_CLOSE, SESSION_LIST */
    uint64_t seq;                          /* of OUTCOME */
    const struct swarm_space *space;       /* of INDEX_CREATE */
    const struct swarm_item *item;         /* of VECTOR_PUT */
    const struct swarm_question *question; /* of VECTOR_SEARCH; of WATCH: `near`, or NULL */
    /* Of GET, MULTI_GET, SCAN, EXPERIENCE_SCAN, HISTORY and those of indexes: */
    uint64_t min_revision; /* waits until the state has this one at least; 0 = as it is */
    uint32_t max_age_ms;   /* any replica may answer whose state is no older, and says how old it
                              may be; one client's answers never go back in time. 0 = the present
                              state */
    /* How many changes caused this request, each because of the one before: the depth of the record
     * that a watch told, plus 1. A request of depth 10 is refused with SWARM_DEPTH, so that
     * watchers who answer each other come to an end. What is submitted with depth 0 from inside of
     * a swarm_watch_fn gets that of the deepest record told, plus 1, by itself. */
    uint32_t depth;
};

struct swarm_record {
    struct swarm_slice key; /* empty for experiences */
    struct swarm_slice value;
    uint64_t create_revision;
    uint64_t mod_revision;
    uint64_t version; /* writes of this key since it was created */
    uint64_t time_ms; /* the leader's time of the last write, since 1970 */
    uint64_t lease;   /* with which the key ends; 0 = none */
    uint32_t depth;   /* watches: of the request that made this change; see swarm_request */
};

/* What would have to break for the data of an answer to be lost. */
enum swarm_durability {
    SWARM_DURABILITY_NONE = 0,     /* it shows no data and acknowledges none */
    SWARM_DURABILITY_MAJORITY = 1, /* the disks of a majority of the voters */
    SWARM_DURABILITY_LOCAL = 2,    /* the one disk of embedded mode */
};

/* Made by the library, freed by swarm_result_free; everything in it lives as long as it does. */
struct swarm_result {
    enum swarm_status status;
    bool more;       /* scans: there are records after the last one */
    uint64_t node;   /* who answered; 0 = nobody */
    uint64_t leader; /* 0 = unknown */
    uint64_t shard;
    uint64_t term;
    uint64_t revision; /* writes: of this write; reads: of the state that was read */
    uint64_t value; /* DELETE: 1 if the key existed; CONFLICT: the current mod revision; TXN: 0, or
                       the number, from 1, of the first compare that did not hold */
    size_t record_count;
    const struct swarm_record *records;
    const char *detail; /* never NULL: text for people, or the JSON of a status */
    bool succeeded;     /* TXN: all compares held, and the then-ops ran */
    /* Of a write that was given a number in the client's session, whatever its status; else 0. With
     * these two, swarm_outcome_of tells what has become of it. */
    uint64_t session;
    uint64_t seq;
    enum swarm_durability durability;
    uint32_t age_ms;         /* how old the state that was read may be at most; 0 = present */
    uint32_t retry_after_ms; /* of a refusal: not before that; 0 = as you like */
    uint8_t swarm[16];       /* whose answer it is; zero: nobody's. One of another swarm than the
                                client's is not taken: SWARM_WRONG_SWARM */
};

/* Of a record of VECTOR_SEARCH or SWARM_EXISTS: how far it is. */
SWARM_API double swarm_distance(const struct swarm_record *record);

SWARM_API void swarm_result_free(struct swarm_result *result); /* accepts NULL */

/* Owns `result`: free it, here or later. Called once for each request that was submitted. */
typedef void (*swarm_callback)(void *arg, struct swarm_result *result);

/* On any status but SWARM_OK nothing was queued and there is no callback; the sentence goes to
 * `ret_why` (may be NULL). */
SWARM_API enum swarm_status swarm_submit(struct swarm_client *client,
                                         const struct swarm_request *request,
                                         swarm_callback callback,
                                         void *arg,
                                         char *ret_why,
                                         size_t why_size);
/* Submits and waits. `ret_result` may be NULL; else it is set whatever the status, and the caller
 * frees it. Not from a callback: SWARM_INVALID. */
SWARM_API enum swarm_status swarm_call(struct swarm_client *client,
                                       const struct swarm_request *request,
                                       struct swarm_result **ret_result);

/* ---- a client without a thread -------------------------------------------------------------- */

/* With SWARM_OWN_LOOP the thread that opened the client serves it, and callbacks come on that
 * thread, from inside of swarm_process: when swarm_fd is readable, or swarm_timeout_ms is over,
 * call swarm_process, and ask for the timeout anew. libuv: a uv_poll_t, a uv_timer_t and a
 * uv_prepare_t; client/example_uv.c shows it. Other threads may submit, and may wait in swarm_call
 * while the loop runs; where the owner itself waits (swarm_call, swarm_close), it serves the client
 * meanwhile. */
SWARM_API int swarm_fd(const struct swarm_client *client);         /* only to be polled; else -1 */
SWARM_API int swarm_timeout_ms(const struct swarm_client *client); /* 0 = at once */
/* SWARM_INVALID: the client has a thread, another thread opened it, or this is a callback. */
SWARM_API enum swarm_status swarm_process(struct swarm_client *client);

/* ---- answers for a loop of your own --------------------------------------------------------- */

/* Where answers wait for a loop that is not ours (libuv, epoll, asyncio): instead of a callback on
 * the client's thread, the descriptor is readable while there is an answer to take. */
struct swarm_inbox;

SWARM_API enum swarm_status swarm_inbox_new(struct swarm_inbox **ret_inbox);
/* To be polled for reading; only polled. Valid until swarm_inbox_free. */
SWARM_API int swarm_inbox_fd(const struct swarm_inbox *inbox);
/* As swarm_submit; the answer comes with `arg`. One inbox may serve several clients. */
SWARM_API enum swarm_status swarm_inbox_submit(struct swarm_inbox *inbox,
                                               struct swarm_client *client,
                                               const struct swarm_request *request,
                                               void *arg,
                                               char *ret_why,
                                               size_t why_size);
/* The oldest answer, which the caller frees, and its `arg`; NULL: there is none now. */
SWARM_API struct swarm_result *swarm_inbox_take(struct swarm_inbox *inbox, void **ret_arg);
/* Answers that nobody took, and those still to come, are freed. Accepts NULL. */
SWARM_API void swarm_inbox_free(struct swarm_inbox *inbox);

/* ---- shorthands that wait ------------------------------------------------------------------ */

SWARM_API enum swarm_status swarm_put(struct swarm_client *client,
                                      struct swarm_scope scope,
                                      struct swarm_slice key,
                                      struct swarm_slice value,
                                      struct swarm_result **ret_result);
SWARM_API enum swarm_status swarm_get(struct swarm_client *client,
                                      struct swarm_scope scope,
                                      struct swarm_slice key,
                                      struct swarm_result **ret_result);
SWARM_API enum swarm_status swarm_delete(struct swarm_client *client,
                                         struct swarm_scope scope,
                                         struct swarm_slice key,
                                         struct swarm_result **ret_result);
SWARM_API enum swarm_status swarm_cas(struct swarm_client *client,
                                      struct swarm_scope scope,
                                      struct swarm_slice key,
                                      uint64_t expected,
                                      struct swarm_slice value,
                                      struct swarm_result **ret_result);
SWARM_API enum swarm_status swarm_append(struct swarm_client *client,
                                         struct swarm_scope scope,
                                         struct swarm_slice experience,
                                         struct swarm_result **ret_result);
SWARM_API enum swarm_status swarm_txn(struct swarm_client *client,
                                      struct swarm_scope scope,
                                      const struct swarm_txn *txn,
                                      struct swarm_result **ret_result);
/* A transaction of one merge: the result's one record has the new value. */
SWARM_API enum swarm_status swarm_merge(struct swarm_client *client,
                                        struct swarm_scope scope,
                                        struct swarm_slice key,
                                        enum swarm_merge_operator merge,
                                        struct swarm_slice operand,
                                        struct swarm_result **ret_result);
/* One record for each key, in order; version 0 = it does not exist. `more`: the page was full, ask
 * for the keys behind the last record; that page may be of a later revision. */
SWARM_API enum swarm_status swarm_multi_get(struct swarm_client *client,
                                            struct swarm_scope scope,
                                            const struct swarm_slice *keys,
                                            size_t key_count,
                                            struct swarm_result **ret_result);
/* What has become of a write, after any error, as long as its session lives: session and seq are of
 * its result. It goes through the log, so the answer stays true:
 * SWARM_OK: it was committed; the revision is that of its answer, and the value is its status then
 *   (0 = SWARM_OK; SWARM_CONFLICT, say, if its condition did not hold and nothing changed);
 * SWARM_NOT_COMMITTED: it was not, and if it still arrives it will not run;
 * SWARM_SESSION_EXPIRED: nobody knows any more;
 * SWARM_SESSION_STALE: the client has acknowledged it: its answer came, or it had none and 1024
 *   later writes were begun since.
 * Whoever may not use the session gets SWARM_UNAUTHORIZED. */
SWARM_API enum swarm_status swarm_outcome_of(struct swarm_client *client,
                                             uint64_t session,
                                             uint64_t seq,
                                             struct swarm_result **ret_result);
SWARM_API enum swarm_status
swarm_status_of(struct swarm_client *client, uint64_t node, struct swarm_result **ret_result);
SWARM_API enum swarm_status
swarm_transfer(struct swarm_client *client, uint64_t node, struct swarm_result **ret_result);
SWARM_API enum swarm_status
swarm_snapshot(struct swarm_client *client, uint64_t node, struct swarm_result **ret_result);

/* ---- watches ------------------------------------------------------------------------------- */

/* A stream of the changes of a range of keys, in the order of their revisions, from any revision
 * that the swarm still keeps: none is left out and none comes twice, whoever leads meanwhile. */
struct swarm_watch;

struct swarm_watch_options {
    size_t size;
    struct swarm_scope scope;
    struct swarm_slice key;     /* the first key; empty = from the beginning */
    struct swarm_slice end_key; /* excluded; empty = to the end. One key alone: key and one 0x00 */
    uint64_t after;             /* only changes above this revision: of the read before */
    uint32_t flags;             /* SWARM_KEYS_ONLY, SWARM_PREVIOUS, SWARM_PUTS or SWARM_DELETES */
    uint32_t limit;             /* records in one call; 0 = as many as fit */
    uint32_t poll_ms;           /* 10000: without news there is a call about this often */
    /* NULL, or: only puts of vectors into the question's index that lie within its `distance_max`
     * and meet its conditions, and its context with SWARM_SEARCH_CONTEXT. Each vector counts as it
     * was put, also if it was replaced or deleted since; a plain put is none. swarm_distance tells
     * how far a record's vector is. SWARM_RESYNC also from before the index was made. Copied. */
    const struct swarm_question *near;
};

/* Comes on the client's thread, one call at a time; the next changes are asked for when it returns,
 * so a slow one costs the swarm nothing. `result` lives for the call. SWARM_OK: a record for each
 * change, version 0 = the key was deleted at its mod revision; all changes of one revision come
 * together; everything up to `result->revision` has been told, also when there are no records.
 * Another status is the last call: SWARM_RESYNC if those changes are not kept any more (read anew,
 * and watch from the revision of that read), SWARM_CANCELLED when the client is closed. */
typedef void (*swarm_watch_fn)(void *arg, const struct swarm_result *result);

SWARM_API enum swarm_status swarm_watch_new(struct swarm_client *client,
                                            const struct swarm_watch_options *options,
                                            swarm_watch_fn changed,
                                            void *arg,
                                            struct swarm_watch **ret_watch,
                                            char *ret_why,
                                            size_t why_size);
/* No call comes after it returned; may be called from `changed`. Accepts NULL. */
SWARM_API void swarm_watch_free(struct swarm_watch *watch);

/* ---- walks --------------------------------------------------------------------------------- */

/* A walk over all records of a scan, page by page. Each page is consistent, the walk is not: writes
 * between two pages are seen or not. */
struct swarm_cursor;

/* `first` is SWARM_SCAN or SWARM_EXPERIENCE_SCAN; its limit is the size of a page. Borrows the
 * client. */
SWARM_API enum swarm_status swarm_cursor_new(struct swarm_client *client,
                                             const struct swarm_request *first,
                                             struct swarm_cursor **ret_cursor);
/* SWARM_OK and a record that is valid until the next call; SWARM_NOT_FOUND at the end; or what went
 * wrong. */
SWARM_API enum swarm_status swarm_cursor_next(struct swarm_cursor *cursor,
                                              const struct swarm_record **ret_record);
SWARM_API uint64_t swarm_cursor_revision(const struct swarm_cursor *cursor); /* of the last page */
SWARM_API const char *swarm_cursor_detail(const struct swarm_cursor *cursor);
SWARM_API void swarm_cursor_free(struct swarm_cursor *cursor); /* accepts NULL */

#ifdef __cplusplus
}
#endif

#include <swarm_context.h>
#include <swarm_memory.h>
#include <swarm_recipes.h>

#endif
