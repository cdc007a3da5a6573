/* What each store of the bench of embedded mode can do: one durable write and wait, and many writes
 * of which each is durable when it is counted. */
#ifndef SW_TESTS_BENCH_EMBEDDED_BENCH_H
#define SW_TESTS_BENCH_EMBEDDED_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SW_BENCH_KEY_SIZE = 16, SW_BENCH_VALUE_SIZE = 256 };

struct sw_bench_store {
    const char *name;
    void *(*open)(const char *folder); /* aborts if it cannot */
    void (*close)(void *store);
    /* Durable when it returns. */
    void (*put)(void *store, const uint8_t *key, const uint8_t *value);
    /* Keeps writes coming until `over` says stop; each counts when it is durable. NULL: the store
     * takes one write at a time. Returns how many. */
    uint64_t (*pipeline)(void *store, bool (*over)(void *arg), void *arg);
    /* False: there is no such key. */
    bool (*get)(void *store, const uint8_t *key);
};

extern const struct sw_bench_store sw_bench_swarm;
extern const struct sw_bench_store sw_bench_swarm_loop;
extern const struct sw_bench_store sw_bench_lmdb;
extern const struct sw_bench_store sw_bench_sqlite;

/* Key number `i` of the bench. */
void sw_bench_key(uint64_t i, uint8_t out[SW_BENCH_KEY_SIZE]);
extern const uint8_t sw_bench_value[SW_BENCH_VALUE_SIZE];

#endif
