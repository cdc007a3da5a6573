/* A data set is mapped, not read: a million vectors are half a gigabyte. */
#include "tests/bench/index_set.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/rw.h"

enum { HEADER_SIZE = 32, TRUTH_LIMIT_COUNT = 4 };

static _Noreturn void refuse(const char *path, const char *why)
{
    (void)fprintf(stderr, "index-bench: %s: %s\n", path, why);
    exit(2);
}

struct index_set index_set_open(const char *path)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct index_set set = {0};
    struct stat stat;
    size_t size;

    if (fd < 0 || fstat(fd, &stat) != 0 || stat.st_size < HEADER_SIZE) {
        refuse(path, "cannot be read");
    }
    set.size = (size_t)stat.st_size;
    set.mapped = mmap(NULL, set.size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    (void)close(fd);
    if (set.mapped == MAP_FAILED || memcmp(set.mapped, "SWVEC002", 8) != 0) {
        refuse(path, "is not a set of tools/bench_index_data.py");
    }
    set.dim = sw_load_u32((uint8_t *)set.mapped + 8);
    set.count = sw_load_u32((uint8_t *)set.mapped + 12);
    set.queries = sw_load_u32((uint8_t *)set.mapped + 16);
    set.base = (const float *)(const void *)((const uint8_t *)set.mapped + HEADER_SIZE);
    set.query = set.base + (size_t)set.count * set.dim;
    set.attribute = (const uint16_t *)(const void *)(set.query + (size_t)set.queries * set.dim);
    size = HEADER_SIZE + 4 * (size_t)set.dim * (set.count + set.queries) + 2 * (size_t)set.count;
    size = (size + 7) / 8 * 8 + TRUTH_LIMIT_COUNT * 8 * (size_t)set.queries * INDEX_SET_K;
    if (set.count == 0 || set.queries == 0 || size != set.size) {
        refuse(path, "has another size than it says");
    }
    return set;
}

void index_set_close(struct index_set *set)
{
    (void)munmap(set->mapped, set->size);
}

struct sw_span index_set_base(const struct index_set *set, uint64_t id)
{
    SW_ASSERT(id < set->count);
    return sw_span_of(set->base + (size_t)id * set->dim, (size_t)set->dim * sizeof(float));
}

struct sw_span index_set_query(const struct index_set *set, uint32_t number)
{
    SW_ASSERT(number < set->queries);
    return sw_span_of(set->query + (size_t)number * set->dim, (size_t)set->dim * sizeof(float));
}

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec now;

    (void)clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t now_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

uint64_t spent_ns(void)
{
    return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

static int by_size(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : (x > y ? 1 : 0);
}

uint64_t quantile_ns(uint64_t *durations, uint32_t count, uint32_t permille)
{
    const uint64_t place = (uint64_t)count * permille / 1000;

    SW_ASSERT(count > 0);
    qsort(durations, count, sizeof *durations, by_size);
    return durations[place < count ? place : count - 1];
}
