/* A data set of the index benchmark, as tools/bench_index_data.py wrote it, and the clock. */
#ifndef SW_TESTS_BENCH_INDEX_SET_H
#define SW_TESTS_BENCH_INDEX_SET_H

#include <stdint.h>

#include "base/span.h"

enum { INDEX_SET_K = 10 };

struct index_set {
    const float *base;         /* borrowed from the mapped file, as all of it */
    const float *query;        /* [queries][dim] */
    const uint16_t *attribute; /* [count], 0..999 */
    uint32_t dim, count, queries;
    void *mapped;
    size_t size;
};

/* Ends the program if the file is not a set. */
struct index_set index_set_open(const char *path);
void index_set_close(struct index_set *set);
struct sw_span index_set_base(const struct index_set *set, uint64_t id);
struct sw_span index_set_query(const struct index_set *set, uint32_t number);

uint64_t now_ns(void);
/* Of the calling thread: what other work on the machine takes is not in it. */
uint64_t spent_ns(void);
/* The duration below which `permille` of the durations lie; sorts them. */
uint64_t quantile_ns(uint64_t *durations, uint32_t count, uint32_t permille);

#endif
