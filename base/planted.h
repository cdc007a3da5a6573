/* The known bugs that a chaos build can be asked to have, to show that the tests find each of them.
 * One row a bug: name, what is wrong, in words for people. A site says `if (SW_PLANTED(NAME))`
 * (base/point.h). Which tool finds it, and how fast, stands in docs/TESTING.md. */
#ifndef SW_BASE_PLANTED_H
#define SW_BASE_PLANTED_H

#include <stdbool.h>
#include <stdint.h>

#define SW_PLANTED_TABLE(X)                                                                        \
    X(GUARD_G1_OFF, "a follower acknowledges a suffix that no leader of the term verified")        \
    X(GUARD_G2_OFF, "a leader commits entries of older terms by counting")                         \
    X(GUARD_G3_OFF, "an ex-leader votes again in the term in which it handed over")                \
    X(GUARD_G4_OFF, "a divergent tail is repaired one entry a heartbeat")                          \
    X(GUARD_G6_OFF, "elections go on during the install of a snapshot")                            \
    X(GUARD_G7_OFF, "elections go on while entries are being persisted")                           \
    X(GUARD_G8_OFF, "memberships change before an entry of the leader's term is committed")        \
    X(GUARD_G9_OFF, "snapshots hold a configuration that is not committed")                        \
    X(GUARD_G10_OFF, "a configuration that was compacted is rolled back")                          \
    X(GUARD_G11_OFF, "a pre-vote refusal hides the higher term")                                   \
    X(GUARD_G12_OFF, "entries below the compacted prefix are appended again at the end")           \
    X(GUARD_G13_OFF, "a follower refuses its vote although its leader is silent")                  \
    X(GUARD_G14_OFF, "a node that was just promoted refuses its vote")                             \
    X(GUARD_G15_OFF, "a lone voter that starts again leads on in its old term")                    \
    X(GUARD_G16_OFF, "learners get a configuration before it is committed")                        \
    X(COMMIT_ALONE, "a leader commits what is on its own disk only")                               \
    X(ANSWER_BEFORE_VOTE, "messages do not wait until term and vote are durable")                  \
    X(VOTE_NOT_STORED, "the vote is stored as none")                                               \
    X(TERM_NOT_STORED, "a new term is kept in memory only")                                        \
    X(READ_WITHOUT_PROBE, "a leader reads without a round of probes")                              \
    X(READ_BEFORE_OWN_TERM, "a new leader reads before an entry of its term is committed")         \
    X(OLD_PROBE_COUNTS, "the answer to an earlier probe proves a later read")                      \
    X(FOLLOWER_READS, "a follower answers reads from its own state")                               \
    X(ACK_BEFORE_SYNC, "a log batch is reported durable without a sync")                           \
    X(SYNC_ERROR_IGNORED, "a failed sync of the log is taken for a good one")                      \
    X(DISK_FULL_IGNORED, "a log write that the full disk refused is acknowledged")                 \
    X(TAIL_TAKEN_FOR_DURABLE,                                                                      \
      "what only the page cache holds after a failed sync is kept as durable")                     \
    X(TORN_TAIL_ACCEPTED, "the sum over a log record's body is not looked at")                     \
    X(DAMAGE_TAKEN_FOR_TORN, "damage to durable records is cut off as if the tail were torn")      \
    X(SEGMENT_NAME_NOT_SYNCED, "the name of a new log segment is not made durable")                \
    X(COMPACTION_TOO_FAR, "compaction drops an entry behind the snapshot, too")                    \
    X(FLUSH_WITHOUT_SYNC, "the log is cut although the state below is not durable")                \
    X(INDEX_NOT_SAVED, "the applied index is not saved with the state: entries run twice")         \
    X(VIEW_WITHOUT_COMMIT, "a long search sees the last commit, not what was executed since")      \
    X(RING_OVERFLOWS, "nothing leaves a full ring of memories")                                    \
    X(CASCADE_STOPS, "forgetting keeps what derives from what derives from a memory")              \
    X(NOVEL_NOT_COMPARED, "putting-if-novel puts what is there already")                           \
    X(CONDITIONS_NOT_ASKED, "a search finds entries that its conditions exclude")                  \
    X(OLD_VECTOR_STAYS, "the vector that a key had before its present one is still found")         \
    X(REVISION_GOES_BACK, "a restart gives the last revision out again")                           \
    X(SESSIONS_LOST_ON_RESTART, "the session table is empty after a restart")                      \
    X(SESSIONS_LOST_ON_INSTALL, "the session table is empty after the install of a snapshot")      \
    X(INSTALL_KEEPS_RECORDS, "the install of a snapshot keeps what was there before")              \
    X(RETRY_RUNS_AGAIN, "a retry that the session knows runs again")                               \
    X(ANSWER_NOT_KEPT, "the answer to a write is not kept for its retry")                          \
    X(RETRY_NEW_NUMBER, "the client retries a write under a new number")                           \
    X(EXPERIENCE_TWICE, "appending an experience is not deduplicated")                             \
    X(CAS_DOES_NOT_COMPARE, "compare-and-set does not compare")                                    \
    X(DELETE_LEAVES_RECORD, "a delete leaves the record")                                          \
    X(REPLACED_ENTRY_ANSWERS, "an entry of another leader answers what was proposed at its index") \
    X(QUEUE_ANSWERED_DONE,                                                                         \
      "writes in the queue of a leader that stepped down are answered as done")                    \
    X(UNKNOWN_IS_NOT_DONE, "writes under way when leadership is lost are answered as not done")    \
    X(TIME_GOES_BACK, "committed time follows the wall clock of each leader")                      \
    X(PAGE_SKIPS_ONE, "the next page of experiences begins one revision late")                     \
    X(FULL_PAGE_IS_LAST, "a full page says that nothing comes after it")                           \
    X(FULL_STORE_SKIPS_ENTRY, "an entry that the full store cannot take is passed by")             \
    X(LEASE_BY_WALL_CLOCK, "leases end by the wall clock of each leader")                          \
    X(LEASE_BY_OWN_CLOCK, "each node ends leases by its own clock as it executes")                 \
    X(LEASE_LEAVES_KEYS, "a lease that ends leaves its keys")                                      \
    X(KEEP_ALIVE_NOT_COMMITTED, "a keep-alive is answered before it is committed")                 \
    X(LEASE_TIME_JUMPS, "a new leader counts the time since the last tick twice")                  \
    X(LEASE_ID_USED_AGAIN, "leases are numbered by those there were, without the revoked ones")    \
    X(FENCE_NOT_COMPARED, "a compare of a key's lease, the fencing token, always holds")           \
    X(WATCH_GAP_AT_FAILOVER, "a watch that a new leader begins skips a revision")                  \
    X(WATCH_REPEATS, "the next page of a watch begins with the last revision of the one before")   \
    X(WATCH_GOES_BACK, "a page of a watch that is cut says that it ends before its last revision") \
    X(WATCH_COUNTS_UNCOMMITTED, "a watch without news counts what is proposed as told")            \
    X(NEAR_FORGETS_LOST, "a watch by meaning passes over vectors that went since they were put")   \
    X(AGE_STANDS_STILL, "a replica that once knew how old it is does not grow older")              \
    X(WATCH_HIDES_RESYNC, "a watch from before the oldest change that is kept goes on from there") \
    X(OUTCOME_NOT_SEALED, "a write that was told to be not committed still runs when it arrives")

#define SW_PLANTED_ENUM_(name, text) SW_PLANTED_##name,
enum sw_planted { SW_PLANTED_TABLE(SW_PLANTED_ENUM_) SW_PLANTED_COUNT };
#undef SW_PLANTED_ENUM_

/* Those that a run has; all zero is none. */
struct sw_planted_bugs {
    bool has[SW_PLANTED_COUNT];
};

/* "ACK_BEFORE_SYNC,VOTE_NOT_STORED" for sw_planted_set; false if one of them is unknown. */
bool sw_planted_parse(const char *list, struct sw_planted_bugs *ret_bugs);
/* "ACK_BEFORE_SYNC"; false if there is no such bug. */
bool sw_planted_by_name(const char *name, enum sw_planted *ret_bug);
const char *sw_planted_name(enum sw_planted bug);
const char *sw_planted_text(enum sw_planted bug);

#endif
