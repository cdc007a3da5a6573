/* Embedded mode beside SQLite and plain LMDB on one disk, in turns: each store has the disk alone
 * for a slice of time, again and again, so that a disk that is slower for a while is slower for
 * all.
 *
 *     swarm-bench-embedded FOLDER SECONDS TURNS        one JSON object on stdout */
#include "tests/bench/embedded_bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/assert.h"

enum { KEYS = 100000, LATENCY_COUNT_MAX = 1 << 20, GETS = 20000 };

const uint8_t sw_bench_value[SW_BENCH_VALUE_SIZE] = "value";

static const struct sw_bench_store *const stores[] = {
    &sw_bench_swarm, &sw_bench_swarm_loop, &sw_bench_lmdb, &sw_bench_sqlite};

enum { STORE_COUNT = sizeof stores / sizeof stores[0] };

struct figures {
    uint64_t puts, put_ns;
    uint64_t pipelined, pipelined_ns;
    uint64_t gets, get_ns;
    uint64_t *latencies; /* of single puts */
    size_t latency_count;
};

static uint64_t now_ns(void)
{
    struct timespec now;

    SW_ASSERT(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Spread over the keys, so that a tree is written in many places. */
void sw_bench_key(uint64_t i, uint8_t out[SW_BENCH_KEY_SIZE])
{
    char text[SW_BENCH_KEY_SIZE + 1];

    (void)snprintf(text, sizeof text, "%016llu", (unsigned long long)(i * 7919 % KEYS));
    memcpy(out, text, SW_BENCH_KEY_SIZE);
}

static bool is_over(void *arg)
{
    return now_ns() >= *(const uint64_t *)arg;
}

static void
run_puts(const struct sw_bench_store *kind, void *store, uint64_t slice_ns, struct figures *figures)
{
    const uint64_t began_ns = now_ns();
    uint64_t at_ns = began_ns;

    while (at_ns < began_ns + slice_ns) {
        uint8_t key[SW_BENCH_KEY_SIZE];
        uint64_t ended_ns;

        sw_bench_key(figures->puts, key);
        kind->put(store, key, sw_bench_value);
        ended_ns = now_ns();
        if (figures->latency_count < LATENCY_COUNT_MAX) {
            figures->latencies[figures->latency_count++] = ended_ns - at_ns;
        }
        at_ns = ended_ns;
        figures->puts++;
    }
    figures->put_ns += at_ns - began_ns;
}

static void run_pipeline(const struct sw_bench_store *kind,
                         void *store,
                         uint64_t slice_ns,
                         struct figures *figures)
{
    const uint64_t began_ns = now_ns();
    uint64_t until_ns = began_ns + slice_ns;

    if (kind->pipeline != NULL) {
        figures->pipelined += kind->pipeline(store, is_over, &until_ns);
        figures->pipelined_ns += now_ns() - began_ns;
    }
}

static void run_gets(const struct sw_bench_store *kind, void *store, struct figures *figures)
{
    const uint64_t began_ns = now_ns();

    for (uint64_t i = 0; i < GETS; i++) {
        uint8_t key[SW_BENCH_KEY_SIZE];

        sw_bench_key(i % figures->puts, key);
        SW_ASSERT(kind->get(store, key));
    }
    figures->gets += GETS;
    figures->get_ns += now_ns() - began_ns;
}

static int ascending(const void *a, const void *b)
{
    const uint64_t left = *(const uint64_t *)a;
    const uint64_t right = *(const uint64_t *)b;

    return left < right ? -1 : left > right;
}

static double rate(uint64_t count, uint64_t ns)
{
    return ns == 0 ? 0 : (double)count * 1e9 / (double)ns;
}

static void print(const struct sw_bench_store *kind, struct figures *figures, bool last)
{
    const size_t count = figures->latency_count;

    qsort(figures->latencies, count, sizeof figures->latencies[0], ascending);
    (void)printf("  \"%s\": {\"put_per_s\": %.0f, \"put_p50_us\": %.1f, \"put_p99_us\": %.1f, "
                 "\"pipelined_per_s\": %.0f, \"get_per_s\": %.0f}%s\n",
                 kind->name,
                 rate(figures->puts, figures->put_ns),
                 (double)figures->latencies[count / 2] / 1000,
                 (double)figures->latencies[count * 99 / 100] / 1000,
                 rate(figures->pipelined, figures->pipelined_ns),
                 rate(figures->gets, figures->get_ns),
                 last ? "" : ",");
}

static void *open_store(const struct sw_bench_store *kind, const char *folder)
{
    char path[512];
    const int size = snprintf(path, sizeof path, "%s/%s", folder, kind->name);

    SW_ASSERT(size > 0 && (size_t)size < sizeof path);
    SW_ASSERT(mkdir(path, 0700) == 0);
    return kind->open(path);
}

int main(int argc, char **argv)
{
    struct figures figures[STORE_COUNT] = {{.puts = 0}};
    void *opened[STORE_COUNT];
    uint64_t slice_ns;
    long turns;

    if (argc != 4) {
        (void)fprintf(stderr, "usage: %s FOLDER SECONDS TURNS\n", argv[0]);
        return 2;
    }
    slice_ns = strtoul(argv[2], NULL, 10) * 1000000000UL;
    turns = strtol(argv[3], NULL, 10);
    for (int i = 0; i < STORE_COUNT; i++) {
        opened[i] = open_store(stores[i], argv[1]);
        figures[i].latencies = calloc(LATENCY_COUNT_MAX, sizeof figures[i].latencies[0]);
        SW_ASSERT(figures[i].latencies != NULL);
    }
    for (long turn = 0; turn < turns; turn++) {
        for (int i = 0; i < STORE_COUNT; i++) {
            run_puts(stores[i], opened[i], slice_ns, &figures[i]);
        }
        for (int i = 0; i < STORE_COUNT; i++) {
            run_pipeline(stores[i], opened[i], slice_ns, &figures[i]);
        }
        for (int i = 0; i < STORE_COUNT; i++) {
            run_gets(stores[i], opened[i], &figures[i]);
        }
    }
    (void)printf("{\n");
    for (int i = 0; i < STORE_COUNT; i++) {
        print(stores[i], &figures[i], i == STORE_COUNT - 1);
        stores[i]->close(opened[i]);
        free(figures[i].latencies);
    }
    (void)printf("}\n");
    return 0;
}
