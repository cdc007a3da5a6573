/* Requests and replies between clients and nodes, and the command that a write becomes in the log.
 *
 * One codec serves all three: a client encodes a request; the leader checks it and copies the same
 * bytes, unchanged, into a log entry; every replica decodes them in apply. Byte tables are in
 * docs/PROTOCOL.md. Decoders are bounded by base/limits.h and property-tested:
 * whatever decodes re-encodes to the same bytes. */
#ifndef SW_TRANSPORT_PROTO_H
#define SW_TRANSPORT_PROTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/ids.h"
#include "base/limits.h"
#include "base/rw.h"

enum { SW_PROTO_VERSION = 2 };

/* Numbers are forever. */
enum sw_op {
    SW_OP_PUT = 1,
    SW_OP_GET = 2,
    SW_OP_DELETE = 3,
    SW_OP_CAS = 4,  /* put if the key's mod_revision equals `expected` (0: if absent) */
    SW_OP_SCAN = 5, /* ordered keys of one partition */
    SW_OP_EXPERIENCE_APPEND = 6,
    SW_OP_EXPERIENCE_SCAN = 7, /* experiences of one partition with revision > `expected`; reverse:
                                  newest first, with revision < `expected` unless that is 0 */
    SW_OP_SESSION_OPEN = 8,    /* `value` = 16 random bytes: opening twice yields one session */
    SW_OP_SESSION_CLOSE = 9,
    SW_OP_STATUS = 10,   /* of the asked node itself; answered by any node */
    SW_OP_TRANSFER = 11, /* hand leadership to node `expected`, 0 = any */
    SW_OP_SNAPSHOT = 12, /* take a snapshot and compact the log of the asked node now */
    SW_OP_TXN = 13, /* `value` = a transaction (transport/txn.h): one command, all or nothing */
    SW_OP_MULTI_GET = 14,        /* `value` = keys (transport/txn.h), all read at one revision */
    SW_OP_LEASE_GRANT = 15,      /* `limit` = time to live in ms */
    SW_OP_LEASE_KEEP_ALIVE = 16, /* of `lease`: its whole time to live again */
    SW_OP_LEASE_REVOKE = 17,     /* of `lease`, with all keys that it holds */
    SW_OP_LEASE_LIST = 18,       /* of a partition, those above `lease` */
    SW_OP_WATCH = 19, /* changes of a range of keys with a revision > `expected`; waits for one.
                         `value`, if there is one, = a question (transport/vector.h): only puts of
                         vectors that are so near, with their distance in the place of a lease */
    /* Members of the swarm, node `expected`; see node/change.c. */
    SW_OP_MEMBER_LIST = 20, /* as the asked node knows them; the detail is JSON */
    SW_OP_MEMBER_ADD = 21,  /* `value` = "peer address,client address,public key in hex" */
    SW_OP_MEMBER_PROMOTE = 22,
    SW_OP_MEMBER_DEMOTE = 23,
    SW_OP_MEMBER_REMOVE = 24,
    SW_OP_RESTART = 25, /* the asked node stops in order and starts again */
    /* The leader's own, never a client's: the group's clock stands at `expected` ms. Leases end by
     * this clock alone. */
    SW_OP_TICK = 26,
    /* Settings of the swarm (transport/setting.h): `partition` = kind, `key` = name. `expected`:
     * the mod_revision that it has now, 0 = any, SW_SETTING_ABSENT = it is new. */
    SW_OP_SETTING_PUT = 28, /* `value` = its lines */
    SW_OP_SETTING_DELETE = 29,
    SW_OP_TOKEN_REDEEM = 33, /* the client's key is a token: `value` = 16 bytes, the identity's key
                                as BLAKE2b-128; the token is gone */
    SW_OP_AUDIT = 30, /* the leader's own: `value` = a note for the audit log (transport/audit.h) */
    /* What has become of write `seq` of `session`. It goes through the log as the write would: one
     * that has not run by then never will. */
    SW_OP_OUTCOME = 27,
    SW_OP_COMPACT = 31, /* changes up to revision `expected` need not be kept */
    SW_OP_HISTORY = 32, /* what `key` was, newest first, below revision `expected` unless that is
                           0; a record of version 0: it was deleted then */
    /* Vector indexes of a partition; `key` names the index. Values: transport/vector.h. */
    SW_OP_INDEX_CREATE = 40,
    SW_OP_INDEX_DROP = 41,
    SW_OP_INDEX_LIST = 42, /* the detail is JSON */
    SW_OP_VECTOR_PUT = 43, /* `value` = an item: its content is put at `key`, found by its vector;
                              EXISTS if it was to be novel and is not */
    SW_OP_VECTOR_SEARCH = 44, /* `value` = a question; records, nearest first, each with its
                                 distance (an IEEE 754 double) in the place of a lease; the detail
                                 says how they were found, as JSON */
    SW_OP_INDEX_VERIFY = 45,  /* a part of a check; `value` = where it goes on; the detail is JSON,
                                 the  record's value where the next part begins */
    SW_OP_INDEX_TUNE = 46,    /* `value` = recall and budget of searches that name none */
    SW_OP_INDEX_STATUS = 48,  /* the detail is JSON; `limit` samples of its recall are taken first,
                                 seeded by `expected` */
    SW_OP_INDEX_LOWER = 49,   /* `value` = bits a number of stored vectors, fewer than now */
    SW_OP_SESSION_LIST = 47,  /* sessions above `session`, as records; see docs/PROTOCOL.md */
    /* Contexts of a partition; `key` is the id. Values, and what is stored: transport/context.h.
     * They are read as the keys that they are. */
    SW_OP_CONTEXT_CREATE = 50,  /* CONFLICT if there is one */
    SW_OP_CONTEXT_APPEND = 51,  /* the answer's value is the block's first token */
    SW_OP_CONTEXT_WINDOW = 52,  /* sets the window, and moves it to the present */
    SW_OP_CONTEXT_DELETE = 53,  /* some blocks; the answer's value is 1 while there are more */
    SW_OP_CONTEXT_PRUNE = 54,   /* blocks by a policy; a record for each that went, or would */
    SW_OP_CONTEXT_TOUCH = 55,   /* notes that blocks were used; the answer's value is how many */
    SW_OP_CONTEXT_POLICY = 56,  /* what appends do beside; key "/": of the partition's contexts */
    SW_OP_CONTEXT_RESTORE = 57, /* blocks that were pruned; a record for each that is back; the
                                   answer's value is where to go on, 0: nowhere */
    /* Memories of a partition. Values, and what is stored: transport/memory.h. */
    SW_OP_MEMORY_PUT = 60, /* `key` is the agent, `value` a memory; the answer's record is its key,
                              its value how many left the agent's ring. EXISTS: as VECTOR_PUT */
    SW_OP_MEMORY_USE = 61, /* of the memory at `key`, `value` says how: used, success, ... */
    SW_OP_MEMORY_FORGET = 62, /* the memory at `key`; with `limit` 1 all that derives from it, in
                                 steps: the answer's value is 1 while there is more */
    SW_OP_MEMORY_TEND = 63,   /* from `key` on: a step over links without ends and memories that
                                 faded or are too many; a record: there is more, from its key on */
    SW_OP_MEMORY_AGENTS =
        64, /* agents behind `key`, as records: `version` memories, `lease` bytes */
    SW_OP_INDEX_PLACES = 65, /* partitions of the namespace with an index named `key`, as records */
    SW_OP_COUNT
};

/* Where a reply's data is: what would have to break for it to be lost. */
enum sw_durability {
    SW_DURABILITY_NONE = 0,     /* the reply shows no data and acknowledges none */
    SW_DURABILITY_MAJORITY = 1, /* on the disks of a majority of the voters */
    SW_DURABILITY_LOCAL = 2,    /* on the one disk that an embedded store has */
    SW_DURABILITY_COUNT
};

enum {
    SW_REQUEST_REVERSE = 1 << 0,   /* scans: from high to low */
    SW_REQUEST_KEYS_ONLY = 1 << 1, /* scans: values left out */
    SW_REQUEST_PREVIOUS = 1 << 2,  /* put, cas, delete: answer with the record as it was; watch:
                                      each change is followed by the key as it was before */
    /* Writes in a session: refused if an ordered one of the session was, before it in the message.
     * Of the way to the node, not of the command. */
    SW_REQUEST_ORDERED = 1 << 3,
    SW_REQUEST_PUTS = 1 << 4,    /* watch: no deletes */
    SW_REQUEST_DELETES = 1 << 5, /* watch: nothing but deletes */
    SW_REQUEST_FLAGS_ALL = (1 << 6) - 1,
};

/* Spans are views into the decoded message or the caller's memory. */
struct sw_request {
    uint64_t id;         /* chosen by the client, returned in the reply; not part of the command */
    uint32_t timeout_ms; /* what is left of the deadline when sent; not part of the command */
    uint16_t depth;      /* cascade depth; not part of the command */
    /* Of reads, and no part of the command. */
    uint64_t min_revision; /* the state that is read has at least this revision */
    uint32_t max_age_ms;   /* any replica may answer whose state is at most this old; 0 = only the
                              present state will do */
    enum sw_op op;
    uint32_t flags;
    struct sw_session_id session; /* 0 = none: the write is applied each time it arrives */
    uint64_t seq;                 /* 1.. within the session */
    uint64_t acked;               /* all answers to seq <= acked were received */
    struct sw_span tenant;        /* 1..SW_TENANT_SIZE_MAX printable bytes, as are the next two */
    struct sw_span name_space;
    struct sw_span partition;
    struct sw_span key;     /* any bytes; scans: start, "" = from the beginning (or end) */
    struct sw_span end_key; /* scans: exclusive bound, "" = none */
    struct sw_span value;
    uint64_t expected;
    uint32_t limit; /* scans: records; 0 = as many as fit; SESSION_OPEN: ttl in ms, 0 = default */
    uint64_t lease; /* PUT, CAS: the key ends with it; 0 = it does not end */
};

struct sw_record {
    struct sw_span key; /* experiences: empty */
    struct sw_span value;
    uint64_t create_revision;
    uint64_t mod_revision;
    uint64_t version; /* writes of this key since it was created */
    uint64_t time_ms; /* leader time of the last write, since 1970 */
    uint64_t lease;   /* with which it ends; 0 = none */
};

/* `records` of a decoded reply are read one by one with sw_reply_next_record. */
struct sw_reply {
    uint64_t id;
    enum sw_err err;
    struct sw_swarm_id swarm; /* whose data it is */
    struct sw_node_id node;   /* who answers */
    struct sw_node_id leader; /* as far as it knows; 0 = unknown */
    struct sw_group_id shard;
    uint64_t term;
    uint64_t revision; /* writes: of this write; reads: the shard's revision that was read; WATCH:
                          every change up to it has been told */
    uint64_t value;    /* DELETE: 1 if it existed; CONFLICT: the current mod_revision;
                          SESSION_OPEN: the session; OUTCOME: the number of the error that the
                          write was answered with; TRANSFER/SNAPSHOT: see docs; TXN: 0 = the
                          then-ops ran, n = the n-th compare did not hold and the else-ops ran; or
                          the number of the operation that could not be done */
    bool more;         /* scans: the page was full, go on after the last key */
    enum sw_durability durability;
    uint32_t age_ms;         /* how old the state that was read may be at most; 0 = present */
    uint32_t retry_after_ms; /* errors that say LATER: not before that; 0 = as the caller likes */
    uint32_t record_count;
    struct sw_span records; /* encoded */
    struct sw_span detail;  /* errors: text for people; STATUS: JSON */
    /* Not on the wire: the client's own, of the write that is answered; 0 = it had none. */
    struct sw_session_id session;
    uint64_t seq;
};

/* True if names, key and value are within limits and `op` may use the fields that are set; the
 * reason goes to `ret_why`. Run by client and node alike. */
enum sw_err sw_request_validate(const struct sw_request *request, char ret_why[SW_WHY_SIZE]);
bool sw_op_is_write(enum sw_op op);    /* goes through the log */
bool sw_op_is_context(enum sw_op op);  /* one of those on contexts */
const char *sw_op_text(enum sw_op op); /* "setting put"; "unknown" for what is none */

/* A message holds 1..n requests (or replies), each as a blob; append one after the other. */
void sw_request_encode(const struct sw_request *request, struct sw_buf *out);
enum sw_err sw_request_decode(struct sw_reader *in, struct sw_request *ret_request) SW_MUST_CHECK;

void sw_reply_encode(const struct sw_reply *reply, struct sw_buf *out);
enum sw_err sw_reply_decode(struct sw_reader *in, struct sw_reply *ret_reply) SW_MUST_CHECK;
/* Looks at the first reply of a message without decoding it: its size there, and whose answer it
 * is. MALFORMED if there is none. */
enum sw_err sw_reply_peek(struct sw_span message, size_t *ret_size, uint64_t *ret_id) SW_MUST_CHECK;
void sw_record_encode(const struct sw_record *record, struct sw_buf *out);
enum sw_err sw_record_decode(struct sw_reader *in, struct sw_record *ret_record) SW_MUST_CHECK;

/* The part of a request that enters the log: everything but id, timeout and depth. */
void sw_command_encode(const struct sw_request *request, struct sw_buf *out);
enum sw_err sw_command_decode(struct sw_span bytes, struct sw_request *ret_request) SW_MUST_CHECK;

#endif
