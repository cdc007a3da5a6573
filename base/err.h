/* The one error table: name, number, outcome, retry, exit code, text, and what to do about it.
 *
 * Numbers are forever (they travel on the wire and are printed as PA-nnnn): append, never renumber.
 * Families: 1xxx infrastructure, 2xxx load, 3xxx request logic, 4xxx security, 5xxx configuration,
 * 6xxx consensus. The same row feeds the client's "may I retry?", the chaos history's ok/fail/info
 * and `swarmctl explain`. */
#ifndef SW_BASE_ERR_H
#define SW_BASE_ERR_H

#include <stdbool.h>
#include <stdint.h>

#define SW_MUST_CHECK __attribute__((warn_unused_result))

/* clang-format off */
/* name, number, outcome, retry, exit code of swarmctl, text, hint */
#define SW_ERR_TABLE(X)                                                                                                  \
    X(OK, 0, DONE, NEVER, 0, "ok", "")                                                                                   \
    X(IO, 1001, UNKNOWN, NEVER, 1, "a disk operation failed", "check the disk and the kernel log of this node; its process stops so that nothing unproven is acknowledged") \
    X(UNREACHABLE, 1002, NOT_DONE, OTHER_NODE, 5, "the node cannot be reached", "check the address, that swarmd runs there, and the network between") \
    X(DISK_FULL, 1003, NOT_DONE, LATER, 8, "no space left for this write", "free disk space or raise --max-map-size; reads and deletes still work") \
    X(PERMISSIONS, 1004, NOT_DONE, NEVER, 7, "a file or key has the wrong owner or mode", "make secret key files readable by their owner only (chmod 600)") \
    X(NOMEM, 1005, NOT_DONE, LATER, 1, "out of memory", "give the process more memory or send smaller requests") \
    X(CORRUPT, 1006, NOT_DONE, NEVER, 10, "stored bytes fail their check", "keep this node's data as it is (swarm-inspect reads it), leave the other nodes running, never delete files by hand") \
    X(LOCKED, 1007, NOT_DONE, NEVER, 1, "the data directory is in use by another process", "stop the other swarmd or choose another --data-dir") \
    X(ADDRESS_IN_USE, 1008, NOT_DONE, NEVER, 1, "the address is already in use", "another process listens there; stop it or choose another port") \
    X(STRANGER, 1009, NOT_DONE, NEVER, 9, "the data directory belongs to another swarm or node", "point --data-dir at this node's own directory; nothing was changed") \
    X(NEWER_FORMAT, 1010, NOT_DONE, NEVER, 1, "the data was written by a newer version", "run the newer swarmd; nothing was changed") \
    X(DATA_MISSING, 1011, NOT_DONE, NEVER, 9, "this node's earlier data is not here", "point --data-dir at this node's own data; a node whose disk is lost is replaced, under a new id (`swarmctl member replace`); only a node that has never run may start once with --first-start") \
    X(OVERLOADED, 2004, NOT_DONE, LATER, 5, "the node refuses more work for now", "retry after a pause; the request was not started") \
    X(QUOTA, 2005, NOT_DONE, NEVER, 8, "the quota of this tenant or namespace is used up", "delete something (deletes always work), or ask an administrator for more: `swarmctl quota set`") \
    X(NOT_SENT, 2006, NOT_DONE, LATER, 5, "the deadline passed before the request was sent", "nothing was started; allow it more time, or look whether the node is short of room") \
    X(DEPTH, 3003, NOT_DONE, NEVER, 1, "the cascade of requests is too deep", "a request caused itself; break the loop") \
    X(INVALID, 3101, NOT_DONE, NEVER, 2, "the request is not valid", "see the detail for the field that is wrong") \
    X(NOT_FOUND, 3102, NOT_DONE, NEVER, 3, "the key does not exist", "") \
    X(CONFLICT, 3103, NOT_DONE, NEVER, 4, "the condition of the write did not hold", "read the current revision and decide again") \
    X(TOO_LARGE, 3104, NOT_DONE, NEVER, 8, "a key or value is over its limit", "see `swarmctl limits`") \
    X(MALFORMED, 3105, NOT_DONE, NEVER, 1, "received bytes do not decode", "both sides must speak the same version; if they do, report this") \
    X(UNSUPPORTED, 3106, NOT_DONE, NEVER, 1, "this node does not know that operation", "upgrade the node or use an older client") \
    X(WRONG_TYPE, 3107, NOT_DONE, NEVER, 4, "the stored value is not of the type that the merge works on", "read the value; `swarmctl kv put` replaces it") \
    X(OUT_OF_RANGE, 3108, NOT_DONE, NEVER, 4, "the result of the merge is no 64-bit number", "read the value and decide again") \
    X(LEASE_GONE, 3109, NOT_DONE, NEVER, 3, "there is no such lease: it ended or was revoked", "grant a new one; whatever the old one held is deleted") \
    X(RESYNC, 3110, NOT_DONE, NEVER, 1, "changes that old are not kept any more", "read the keys anew and watch from the revision of that read") \
    X(FUTURE_REVISION, 3111, NOT_DONE, NEVER, 1, "that revision is yet to come", "the answer's revision is the present one") \
    X(DIMENSION, 3112, NOT_DONE, NEVER, 2, "the vector is not as long as those of the index", "the detail names both lengths; vectors of another model belong into an index of their own") \
    X(NO_INDEX, 3113, NOT_DONE, NEVER, 3, "there is no such index in this partition", "`swarmctl index list` shows those that there are, `swarmctl index create` makes one") \
    X(EXISTS, 3114, NOT_DONE, NEVER, 4, "something that near is stored already", "the answer's record is what there is; nothing was written") \
    X(COMPACTED, 3115, NOT_DONE, NEVER, 1, "what was that long ago is not kept any more", "the answer's value is the oldest revision of which everything is") \
    X(RING_FULL, 3116, NOT_DONE, NEVER, 8, "the agent's ring of memories has no room for this one", "`swarmctl memory settings` shows the ring, `swarmctl memory forget` and `tend` make room") \
    X(SOURCE_GONE, 3117, NOT_DONE, NEVER, 3, "something that it is derived from does not exist", "the answer's value is the number of the source, from 1") \
    X(DUPLICATE, 3119, NOT_DONE, NEVER, 4, "what is appended is there already, or nearly", "the answer's record names the block that it is like; the policy of the context says how like is too like (`swarmctl context policy`)") \
    X(UNAUTHORIZED, 4001, NOT_DONE, NEVER, 7, "this identity has no right to do that", "ask an administrator to allow this client's public key") \
    X(UNAUTHENTICATED, 4101, NOT_DONE, NEVER, 7, "the peer could not prove who it is", "check that both sides hold the keys of the same swarm") \
    X(REPLAYED, 4102, NOT_DONE, NEVER, 7, "a frame was seen before", "") \
    X(WRONG_SWARM, 4103, NOT_DONE, NEVER, 7, "the peer belongs to another swarm", "check the endpoints and the swarm id") \
    X(CONFIG, 5001, NOT_DONE, NEVER, 2, "the configuration is not valid", "swarmd --check-config tests settings without starting") \
    X(KEY_MISSING, 5002, NOT_DONE, NEVER, 7, "no usable key material", "`swarmctl swarm create` makes those of a new swarm, `swarmctl key create` one more for a client; there is no plaintext mode") \
    X(NOT_LEADER, 6001, NOT_DONE, OTHER_NODE, 5, "this node is not the leader", "ask the node named in the answer") \
    X(NO_LEADER, 6002, NOT_DONE, LATER, 5, "no leader is known", "an election is under way or a majority of nodes is down") \
    X(UNKNOWN_OUTCOME, 6003, UNKNOWN, SAME_SESSION, 6, "it is not known whether the write took effect", "retry it in the same session with the same sequence number: it runs at most once") \
    X(LEADERSHIP_LOST, 6004, UNKNOWN, SAME_SESSION, 5, "the leader changed while the write was under way", "retry it in the same session: it runs at most once") \
    X(SESSION_EXPIRED, 6005, UNKNOWN, NEVER, 1, "the session is gone: expired or evicted", "open a new session; earlier unanswered writes of this one may or may not have taken effect") \
    X(SESSION_STALE, 6006, NOT_DONE, NEVER, 1, "the sequence number was acknowledged before", "the client said that it holds this answer already; nothing ran again") \
    X(DEADLINE, 6007, UNKNOWN, SAME_SESSION, 6, "no answer before the deadline", "retry in the same session: a write runs at most once") \
    X(SHUTTING_DOWN, 6008, NOT_DONE, OTHER_NODE, 5, "the node is stopping", "ask another node") \
    X(BUSY, 6009, NOT_DONE, LATER, 5, "the queue for this is full", "retry after a pause; nothing was started") \
    X(CANCELLED, 6010, UNKNOWN, SAME_SESSION, 1, "the caller gave the request up", "") \
    X(NOT_COMMITTED, 6011, NOT_DONE, NEVER, 4, "the write was not committed, and never will be", "somebody asked for its outcome before it arrived; send it again under a new sequence number")
/* clang-format on */

enum sw_err {
#define X(name, number, outcome, retry, exit_code, text, hint) SW_ERR_##name = (number),
    SW_ERR_TABLE(X)
#undef X
};

/* What a client may conclude about its write; maps one to one to Jepsen's :ok, :fail and :info. */
enum sw_outcome { SW_OUTCOME_DONE, SW_OUTCOME_NOT_DONE, SW_OUTCOME_UNKNOWN };

/* What a client may do next without asking its user. */
enum sw_retry { SW_RETRY_NEVER, SW_RETRY_LATER, SW_RETRY_OTHER_NODE, SW_RETRY_SAME_SESSION };

struct sw_err_info {
    enum sw_err err;
    const char *name; /* "NOT_LEADER" */
    const char *text;
    const char *hint; /* may be "" */
    enum sw_outcome outcome;
    enum sw_retry retry;
    int exit_code;
};

/* The row of `err`; a number that this build does not know yields the row of UNKNOWN_OUTCOME. */
const struct sw_err_info *sw_err_info(enum sw_err err);
bool sw_err_known(uint32_t number);
const char *sw_err_name(enum sw_err err);
const char *sw_err_text(enum sw_err err);
enum sw_outcome sw_err_outcome(enum sw_err err);

/* All rows in table order, for `swarmctl explain`; sets `*ret_count`. */
const struct sw_err_info *sw_err_all(uint32_t *ret_count);

#endif
