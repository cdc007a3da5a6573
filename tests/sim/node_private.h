/* What node_mode.c and node_check.c share. */
#ifndef SW_TESTS_SIM_NODE_PRIVATE_H
#define SW_TESTS_SIM_NODE_PRIVATE_H

#include "node/node.h"
#include "storage/disk_mem.h"
#include "storage/store_mem.h"
#include "storage/wal_queue.h"
#include "tests/sim/clients.h"
#include "tests/sim/node_mode.h"
#include "tests/sim/wal_watch.h"

/* One machine: its disk and its store outlive its lives. */
struct sim_machine {
    struct sim_host *host; /* borrowed */
    struct sw_disk_mem *disk;
    struct sw_store *store;
    struct sim_wal_watch *watch;
    struct sw_wal_engine *engine; /* while it lives */
    struct sw_wal_queue *queue;
    struct sw_node *node;
    uint64_t term;
    bool leads;
    bool must_refuse;   /* its log is damaged where it was durable */
    bool may_refuse;    /* one copy of its term and vote is damaged */
    bool store_damaged; /* it may stop itself once it notices */
    bool full;          /* log and store have little or no space left */
    bool read_planned;  /* a read will fail when it opens its log next */
    bool reads_fail;    /* one does, in this start */
    bool stopping;      /* it was asked to ... */
    uint64_t stop_asked_us;
    uint64_t commit_checked;
    uint64_t digest_checked;
    bool led_before;
    uint32_t learners_before;
    uint32_t voters_before; /* bits, at the last look: a leader may have committed by those */
};

/* What the swarm as a whole is known to have done. */
struct sim_truth {
    uint32_t *leader; /* owned; [term] = node */
    size_t leader_capacity;
    struct sim_watched *log; /* owned; [index] = term and body as first committed */
    size_t log_capacity;
    uint64_t log_last;
    uint64_t *digest; /* owned; [index] = digest that a node reported there, 0 = none */
    size_t digest_capacity;
};

struct sim_node_world {
    struct sim_machine machine[SIM_HOST_COUNT_MAX];
    struct sim_clients *clients;
    struct sim_truth truth;
};

struct sim_node_world *sim_node_world_of(struct sim_world *world);
void sim_truth_release(struct sim_truth *truth);
/* Puts a request to the node as if a client had sent it. */
void sim_node_ask(struct sim_host *host, enum sw_op op, uint64_t expected, const char *value);
/* After each event of a node: leaders, committed entries, digests, bounds. */
void sim_node_check(struct sim_machine *machine);
/* Walks a table of two stores side by side; tells of a difference if `judge`. */
bool sim_tables_equal(struct sim_machine *left,
                      struct sim_machine *right,
                      enum sw_table table,
                      bool judge);

#endif
