/* What the tasks of the index benchmark share: an index of a data set in memory, and its clock. */
#ifndef SW_TESTS_BENCH_INDEX_BENCH_H
#define SW_TESTS_BENCH_INDEX_BENCH_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "index/index.h"
#include "index/map_mem.h"
#include "index/search.h"
#include "tests/bench/index_set.h"

enum { SLICES = 8, ROUNDS = 2, QUERIES_ALL = 1 << 30 };

struct store {
    const struct index_set *set; /* borrowed from main, as path, folder and ids */
    const char *set_path;
    const char *folder;
    FILE *ids;
    struct sw_index_map *map; /* owned */
    struct sw_index *index;
    struct sw_index_reader *reader;
    uint32_t slice_size;
    uint64_t calls, steps, step_ns, step_max_ns, build_ns;
};

struct measure {
    const char *task;
    uint32_t truth; /* which truth of the set its recall is judged by */
    uint32_t rounds, queries;
    uint32_t target; /* the recall, in permille, that the budget is meant for; 0: the query's own */
};

/* What the rounds of one measure add up to. */
struct tally {
    long at; /* in the file of ids */
    uint64_t best_ns, scanned, probed, reranked;
    uint32_t buckets;
};

/* Ends the program unless err is OK. */
void must_do(enum sw_err err, const char *what, const char *why);
void store_new(struct store *store, const struct index_set *set);
void store_free(struct store *store);
void store_fill(struct store *store, uint32_t count);
void store_put(struct store *store, uint64_t id);
void store_delete(struct store *store, uint64_t id);
bool store_step(struct store *store);
void store_settle(struct store *store);
/* The reader sees what has been written. */
void store_open(struct store *store);
void store_measure(struct store *store,
                   const struct measure *measure,
                   const struct sw_index_query *budget);

void task_search(struct store *store);
void task_lmdb(struct store *store);
void task_move(struct store *store);
void task_targets(struct store *store);
void task_filter(struct store *store);
void task_flat(struct store *store);
void task_bounded(struct store *store);
void task_delete(struct store *store);
void task_churn(struct store *store);
void task_expire(struct store *store);
void task_drift(struct store *store);
void task_minhash(struct store *store);
void task_bits(struct store *store);

/* What the budget of a table gives: of two indexes that are compared, the same work. */
void fixed_of(struct store *store, const char *task);
/* What a calibrated budget for a recall gives, as lines of the task. */
void targets_of(struct store *store, const char *task);

#endif
