/* A world for one group under test: the clock, the WAL and the link stand still until told. */
#ifndef SW_TESTS_UNIT_RAFT_FAKE_WORLD_H
#define SW_TESTS_UNIT_RAFT_FAKE_WORLD_H

#include "base/rw.h"
#include "raft/group.h"

enum { FAKE_SENT_MAX = 256, FAKE_OPS_MAX = 256, FAKE_ENTRIES_MAX = 256 };

struct fake_sent {
    struct sw_node_id to;
    struct sw_buf bytes; /* owned */
};

struct fake_op {
    sw_wal_done_fn done;
    void *arg;
};

struct fake_stored {
    uint64_t term;
    uint8_t type;
    struct sw_buf body; /* owned */
};

struct fake_world {
    struct sw_env env;
    struct sw_wal wal;
    struct sw_link link;
    uint64_t now_ms;
    struct fake_sent sent[FAKE_SENT_MAX];
    uint32_t sent_count;
    bool peers_down;
    bool link_busy;
    struct fake_op ops[FAKE_OPS_MAX]; /* asked of the WAL, not durable yet */
    uint32_t op_count;
    struct sw_wal_hard hard;
    struct fake_stored entries[FAKE_ENTRIES_MAX]; /* entries[i] is index first + i */
    uint64_t first;
    uint64_t count;
    bool has_snapshot;
    uint64_t snapshot_index;
    uint64_t snapshot_term;
    struct sw_buf descriptor;
    uint64_t bytes; /* what group_bytes answers */
};

void fake_init(struct fake_world *world);
void fake_release(struct fake_world *world);
/* Makes the oldest asked-for record durable; false if there is none. */
bool fake_wal_step(struct fake_world *world);
void fake_forget_sent(struct fake_world *world);

#endif
