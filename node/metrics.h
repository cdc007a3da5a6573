/* Every figure that a node publishes, in one table: name, type, help. /metrics and the table in
 * docs/OPERATING.md are both made from it.
 *
 * Pure: plain numbers, written by the loop only. Durations are nanoseconds inside and seconds
 * outside, as Prometheus wants. Buckets never change between versions. */
#ifndef SW_NODE_METRICS_H
#define SW_NODE_METRICS_H

#include <stdint.h>

#include "base/err.h"
#include "base/rw.h"
#include "transport/proto.h"

enum sw_metric_type { SW_METRIC_COUNTER, SW_METRIC_GAUGE, SW_METRIC_HISTOGRAM };

/* clang-format off */
/* id, name, type, help. `_seconds` values are kept in nanoseconds. */
#define SW_METRIC_TABLE(X)                                                                              \
    X(HAS_LEADER, "swarm_raft_has_leader", GAUGE, "1 while this node knows a leader")                   \
    X(IS_LEADER, "swarm_raft_is_leader", GAUGE, "1 while this node leads")                              \
    X(TERM, "swarm_raft_term", GAUGE, "current Raft term")                                              \
    X(LEADER_CHANGES, "swarm_raft_leader_changes_total", COUNTER, "leader changes seen")                \
    X(COMMITTED, "swarm_raft_proposals_committed", GAUGE, "highest committed log index")                \
    X(APPLIED, "swarm_raft_proposals_applied", GAUGE, "highest executed log index")                     \
    X(PENDING, "swarm_raft_proposals_pending", GAUGE, "entries proposed and not committed yet")         \
    X(FAILED, "swarm_raft_proposals_failed_total", COUNTER, "entries proposed and replaced by others")  \
    X(READS, "swarm_raft_reads_total", COUNTER, "linearizable read points asked for")                   \
    X(READ_PROBES, "swarm_raft_read_probes_total", COUNTER, "rounds that confirmed read points")        \
    X(APPENDS_SPLIT, "swarm_raft_appends_split_total", COUNTER, "append messages split for size")       \
    X(GUARD_DROPS, "swarm_raft_guard_drops_total", COUNTER, "messages that the guard withheld")         \
    X(INSTALLS_SENT, "swarm_snapshot_sent_total", COUNTER, "snapshots offered to followers")            \
    X(INSTALLS_RECEIVED, "swarm_snapshot_received_total", COUNTER, "snapshots taken from a peer")       \
    X(SNAPSHOT_CHUNKS_OUT, "swarm_snapshot_chunks_sent_total", COUNTER, "chunks of state sent")         \
    X(SNAPSHOT_CHUNKS_IN, "swarm_snapshot_chunks_received_total", COUNTER, "chunks of state received")  \
    X(SNAPSHOTS, "swarm_snapshot_save_total", COUNTER, "snapshots taken of the own state")              \
    X(WAL_SYNCS, "swarm_wal_syncs_total", COUNTER, "fdatasync calls of the log")                        \
    X(WAL_SYNC_SECONDS, "swarm_wal_fsync_seconds_total", COUNTER, "time spent in fdatasync of the log") \
    X(WAL_SYNC_MAX, "swarm_wal_fsync_max_seconds", GAUGE, "longest fdatasync of the log")               \
    X(WAL_APPENDS, "swarm_wal_appends_total", COUNTER, "entries appended to the log")                   \
    X(WAL_WRITTEN, "swarm_wal_written_bytes_total", COUNTER, "bytes written to the log")                \
    X(WAL_PAYLOAD, "swarm_wal_payload_bytes_total", COUNTER, "bytes of entries written to the log")     \
    X(WAL_LIVE, "swarm_wal_live_bytes", GAUGE, "bytes of log not behind a snapshot")                    \
    X(WAL_SEGMENTS, "swarm_wal_segments", GAUGE, "log files in use")                                    \
    X(DB_SIZE, "swarm_db_size_bytes", GAUGE, "bytes of state in use")                                   \
    X(DB_QUOTA, "swarm_quota_bytes", GAUGE, "bytes that the state may grow to")                         \
    X(DB_COMMITS, "swarm_backend_commits_total", COUNTER, "transactions committed")                     \
    X(DB_COMMIT_SECONDS, "swarm_backend_commit_seconds_total", COUNTER, "time spent in commits")        \
    X(DB_COMMIT_MAX, "swarm_backend_commit_max_seconds", GAUGE, "longest commit")                       \
    X(DISK_FULL, "swarm_disk_full", GAUGE, "1 while puts are refused for lack of space")                \
    X(IN_FLIGHT, "swarm_requests_in_flight", GAUGE, "requests admitted and not answered yet")           \
    X(WRITE_AGE, "swarm_write_queue_age_seconds", GAUGE, "how long the oldest write that waits has waited") \
    X(READ_AGE, "swarm_read_queue_age_seconds", GAUGE, "the same of reads that have their read point")  \
    X(QUEUED_BYTES, "swarm_requests_queued_bytes", GAUGE, "bytes of writes not proposed yet")           \
    X(APPLIER_PENDING, "swarm_applier_pending", GAUGE, "jobs submitted to the applier")                 \
    X(APPLY_BACKLOG, "swarm_apply_backlog", GAUGE, "committed entries that are not executed yet")       \
    X(APPLY_SLOW, "swarm_apply_slow_total", COUNTER, "entries executed over 100 ms after commit")       \
    X(SESSIONS, "swarm_sessions", GAUGE, "sessions of clients in the state")                            \
    X(SESSIONS_EXPIRED, "swarm_session_expired_total", COUNTER, "sessions that ended by their time")    \
    X(SESSIONS_EVICTED, "swarm_session_evicted_total", COUNTER, "sessions that had to make room for others")\
    X(CLIENTS, "swarm_clients", GAUGE, "client sessions open now")                                      \
    X(BYTES_SENT, "swarm_link_sent_bytes_total", COUNTER, "sealed bytes sent")                          \
    X(BYTES_RECEIVED, "swarm_link_received_bytes_total", COUNTER, "sealed bytes received")              \
    X(FRAMES_SENT, "swarm_link_sent_frames_total", COUNTER, "frames sent")                              \
    X(FRAMES_RECEIVED, "swarm_link_received_frames_total", COUNTER, "frames received")                  \
    X(HANDSHAKES, "swarm_link_handshakes_total", COUNTER, "handshakes completed")                       \
    X(HANDSHAKES_REFUSED, "swarm_link_handshakes_refused_total", COUNTER, "handshakes refused")         \
    X(DROP_UNSEALED, "swarm_link_dropped_unsealed_total", COUNTER, "frames whose seal did not hold")    \
    X(DROP_REPLAYED, "swarm_link_dropped_replayed_total", COUNTER, "frames seen before")                \
    X(DROP_MALFORMED, "swarm_link_dropped_malformed_total", COUNTER, "messages that did not decode")    \
    X(DROP_NO_CREDIT, "swarm_link_dropped_no_credit_total", COUNTER, "messages a slow peer could not take") \
    X(UPTIME, "swarm_uptime_seconds", GAUGE, "time since the node started")
/* clang-format on */

enum sw_metric {
#define X(id, name, type, help) SW_METRIC_##id,
    SW_METRIC_TABLE(X)
#undef X
        SW_METRIC_COUNT
};

struct sw_metric_info {
    const char *name;
    enum sw_metric_type type;
    const char *help;
};

/* Upper bounds of the buckets of every histogram, in nanoseconds; one more bucket is +Inf. */
enum { SW_METRIC_BUCKET_COUNT = 14 };

struct sw_histogram {
    uint64_t buckets[SW_METRIC_BUCKET_COUNT + 1]; /* not cumulative */
    uint64_t sum_ns;
    uint64_t count;
};

enum { SW_METRIC_CODE_COUNT = 64 }; /* rows of the error table, by position */

/* Why admission refused (node/admission.h). */
enum sw_admission_reason {
    SW_ADMISSION_STOPPING,
    SW_ADMISSION_DEPTH,
    SW_ADMISSION_DISK,
    SW_ADMISSION_CONNECTION, /* too many of one connection */
    SW_ADMISSION_PLACES,     /* of the node */
    SW_ADMISSION_CLASS,      /* of that class */
    SW_ADMISSION_IDENTITY,   /* of that identity */
    SW_ADMISSION_BYTES,
    SW_ADMISSION_AGE, /* what it has waiting waits for too long */
    SW_ADMISSION_APPLIER,
    SW_ADMISSION_UNKIND, /* a test wants it so */
    SW_ADMISSION_REASON_COUNT
};
const char *sw_admission_reason_name(enum sw_admission_reason reason);

struct sw_metrics {
    uint64_t values[SW_METRIC_COUNT];
    uint64_t requests[SW_OP_COUNT][SW_METRIC_CODE_COUNT]; /* swarm_requests_total{op,code} */
    uint64_t refused[SW_ADMISSION_REASON_COUNT]; /* swarm_admission_refused_total{reason} */
    struct sw_histogram latency[SW_OP_COUNT];    /* swarm_request_duration_seconds{op} */
};

const struct sw_metric_info *sw_metric_info(enum sw_metric metric);
void sw_metrics_request(struct sw_metrics *metrics, enum sw_op op, enum sw_err err, uint64_t ns);
void sw_metrics_add(struct sw_histogram *histogram, uint64_t ns);
/* Prometheus text format 0.0.4; `version` and `node` become labels of swarm_build_info. */
void sw_metrics_print(const struct sw_metrics *metrics,
                      const char *version,
                      uint64_t node,
                      struct sw_buf *out);
/* "put", "get" ...: the name of an operation in labels, logs and JSON. */
const char *sw_op_name(enum sw_op op);

#endif
