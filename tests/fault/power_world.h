/* Whole nodes on real directories in one thread: the real disk, log, LMDB store and node, between a
 * clock, workers and a network that the script turns by hand. The same seed does the same again. */
#ifndef SW_TESTS_FAULT_POWER_WORLD_H
#define SW_TESTS_FAULT_POWER_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/env.h"
#include "base/prng.h"
#include "base/worker.h"
#include "node/identity_posix.h"
#include "node/node.h"
#include "storage/disk_posix.h"
#include "storage/wal_queue.h"
#include "tests/fault/power_watch.h"

enum { POWER_NODE_MAX = 3, POWER_PATH_SIZE = 512, POWER_KEY_COUNT = 10 };

struct power_worker {
    struct sw_worker port;
    struct sw_job *first, *last;
};

struct power_message {
    struct power_message *next; /* owned */
    uint32_t from, to;
    size_t size;
    uint8_t bytes[];
};

struct power_node {
    struct power_world *world;
    uint32_t number; /* 1.. */
    char data_dir[POWER_PATH_SIZE];
    struct sw_identity *identity;
    struct sw_disk_posix *disk;
    struct sw_wal_engine *engine;
    struct sw_wal_queue *queue;
    struct power_watch watch;
    struct sw_store *store;
    struct sw_node *node; /* NULL = not running */
    struct sw_link link;
    struct power_worker workers[2]; /* log, applier */
    uint64_t flushed;               /* last one that was marked */
    bool stopped;
};

struct power_world {
    struct power_node nodes[POWER_NODE_MAX];
    uint32_t count;
    uint64_t now_ms;
    uint64_t snapshot_bytes;
    struct sw_prng prng;
    struct sw_env env;
    struct power_message *first; /* owned */
    bool answered;               /* the request under way */
    enum sw_err answer;
    uint64_t value;        /* first number of the record that a read found */
    char why[SW_WHY_SIZE]; /* "" = nothing was fatal */
};

void power_world_init(struct power_world *world, uint32_t count, uint64_t seed);
/* In the order of swarmd: identity, log, store, settled, node. */
enum sw_err power_start(struct power_world *world, uint32_t number, bool first_start);
void power_stop(struct power_world *world, uint32_t number); /* orderly, to its end */
void power_crash(struct power_world *world,
                 uint32_t number);             /* kill -9; accepts one that is dead */
void power_release(struct power_world *world); /* crashes what still runs */
/* Lets everything happen that is under way, and this much time pass. */
void power_run(struct power_world *world, uint64_t ms);
/* False if no node led within a minute of the world's time. */
bool power_has_leader(struct power_world *world, uint32_t *ret_number);
/* To the leader; again until it is done. The answer, or why there is none. */
enum sw_err power_put(struct power_world *world, uint64_t key, uint64_t value, size_t size);
enum sw_err power_get(struct power_world *world, uint64_t key, uint64_t *ret_value);
enum sw_err power_delete(struct power_world *world, uint64_t key);
enum sw_err power_snapshot(struct power_world *world, uint32_t number);

#endif
