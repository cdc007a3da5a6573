/* The tasks that search: grids of budgets, wanted recalls, filters, LMDB. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "index/calibrate.h"
#include "tests/bench/index_bench.h"
#include "tests/bench/index_map_lmdb.h"

/* Of a filter that few entries pass every bucket is looked into: milliseconds a query. */
enum { FILTER_QUERIES = 300, SAMPLES = 256 };

static const uint32_t probes[] = {2, 4, 6, 8, 12, 16, 20, 24, 32, 48, 64, 96, 128, 256};
static const uint32_t reranks[] = {20, 30, 40, 60, 90, 120, 240};
static const uint32_t wanted[] = {900, 950, 990};

/* Up to the first that looks into every bucket. */
static void grid(struct store *store, const char *task)
{
    const struct measure measure = {.task = task, .rounds = ROUNDS, .queries = QUERIES_ALL};
    struct sw_index_stats stats;

    sw_index_stats(store->index, &stats);
    for (size_t p = 0; p < sizeof probes / sizeof probes[0]; p++) {
        if (p > 0 && probes[p - 1] >= stats.buckets) {
            break;
        }
        for (size_t r = 0; r < sizeof reranks / sizeof reranks[0]; r++) {
            const struct sw_index_query budget = {.probe = probes[p], .rerank = reranks[r]};

            store_measure(store, &measure, &budget);
        }
    }
}

void task_search(struct store *store)
{
    grid(store, "search");
}

/* The last queries calibrate, as past ones would; the others measure. */
static uint32_t samples_of(const struct store *store)
{
    return store->set->queries / 2 < SAMPLES ? store->set->queries / 2 : SAMPLES;
}

static struct sw_index_budget calibrated(struct store *store, uint32_t permille)
{
    struct sw_span past[SAMPLES];
    const struct sw_index_sampling sampling = {
        .vectors = past, .count = samples_of(store), .k = INDEX_SET_K};
    const uint64_t start = spent_ns();
    struct sw_index_calibration found;

    for (uint32_t i = 0; i < sampling.count; i++) {
        past[i] = index_set_query(store->set, store->set->queries - 1 - i);
    }
    must_do(sw_index_calibrate(store->reader, permille, &sampling, &found),
            "calibrate",
            sw_index_reader_why(store->reader));
    (void)printf("{\"task\":\"calibrate\",\"target\":%u,\"ms\":%.1f,\"probe_percent\":%u,"
                 "\"rerank_tenths\":%u,\"found\":%u}\n",
                 permille,
                 (double)(spent_ns() - start) / 1e6,
                 found.budget.probe_percent,
                 found.budget.rerank_tenths,
                 found.recall_permille);
    return found.budget;
}

void targets_of(struct store *store, const char *task)
{
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        const struct measure measure = {.task = task,
                                        .rounds = ROUNDS,
                                        .queries = store->set->queries - samples_of(store),
                                        .target = wanted[i]};
        const struct sw_index_query query = {.budget = calibrated(store, wanted[i])};

        store_measure(store, &measure, &query);
    }
}

void fixed_of(struct store *store, const char *task)
{
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        const struct measure measure = {.task = task, .rounds = ROUNDS, .queries = QUERIES_ALL};
        const struct sw_index_query query = {.recall_permille = wanted[i]};

        store_measure(store, &measure, &query);
    }
}

void task_targets(struct store *store)
{
    targets_of(store, "targets");
}

/* Brute force over integers: what a small shard does, and the reference of the exact modes. */
void task_flat(struct store *store)
{
    const struct measure measure = {.task = "flat", .rounds = 1, .queries = 200};
    const struct sw_index_query exact = {.recall_permille = 1000};

    store_measure(store, &measure, &exact);
    for (size_t r = 0; r < sizeof reranks / sizeof reranks[0]; r++) {
        const struct sw_index_query codes = {.probe = SW_INDEX_BUCKET_COUNT_MAX,
                                             .rerank = reranks[r]};

        store_measure(store, &measure, &codes);
    }
}

/* The same work whatever the size: at most so many entries looked at. */
void task_bounded(struct store *store)
{
    const struct measure measure = {.task = "bounded", .rounds = ROUNDS, .queries = QUERIES_ALL};
    static const struct sw_index_query budgets[] = {
        {.probe = 16, .rerank = 100, .scan_max = 16 * 512},
        {.probe = 32, .rerank = 100, .scan_max = 32 * 512},
        {.probe = 64, .rerank = 100, .scan_max = 64 * 512},
    };

    for (size_t i = 0; i < sizeof budgets / sizeof budgets[0]; i++) {
        store_measure(store, &measure, &budgets[i]);
    }
}

struct limit {
    const struct index_set *set;
    uint16_t below;
};

static uint32_t below(void *context, const uint64_t ids[], uint32_t count)
{
    const struct limit *limit = context;
    uint32_t mask = 0;

    for (uint32_t i = 0; i < count; i++) {
        /* A lane that holds no entry may have any id. */
        if (ids[i] < limit->set->count && limit->set->attribute[ids[i]] < limit->below) {
            mask |= 1U << i;
        }
    }
    return mask;
}

/* The limits are those of the truths of a set: one entry in 10, in 50, in 1,000. */
void task_filter(struct store *store)
{
    static const uint16_t limits[] = {1000, 100, 20, 1};
    static const uint32_t passes[] = {0, 300, 1000, 3000, 10000};

    for (uint32_t truth = 1; truth < sizeof limits / sizeof limits[0]; truth++) {
        struct limit limit = {.set = store->set, .below = limits[truth]};
        const struct sw_index_filter filter = {.mask = below, .context = &limit};
        const struct measure measure = {
            .task = "filter", .truth = truth, .rounds = ROUNDS, .queries = FILTER_QUERIES};

        for (size_t i = 0; i < sizeof passes / sizeof passes[0]; i++) {
            const struct sw_index_query budget = {
                .recall_permille = 990, .filter = &filter, .filter_pass_min = passes[i]};

            store_measure(store, &measure, &budget);
        }
    }
}

static void copy_unlink(const struct store *store)
{
    char file[512];

    for (uint32_t i = 0; i < 2; i++) {
        (void)snprintf(file, sizeof file, "%s/%s", store->folder, i == 0 ? "data.mdb" : "lock.mdb");
        (void)unlink(file);
    }
}

/* A copy of all records in LMDB, and how soon a reader and a writer are ready on it: what the move
 * of a shard and a restart cost. */
static struct sw_index_map *moved(struct store *store, struct sw_index_reader *reader)
{
    struct sw_index *writer;
    struct sw_index_map *map;
    uint64_t copied, copy_ns = 0, open_ns, load_ns;

    copy_unlink(store); /* of a run that did not end */
    (void)mkdir(store->folder, 0700);
    map = index_map_lmdb_copy(store->map, store->folder);
    copied = index_map_lmdb_copied(map, &copy_ns);
    writer = sw_index_new(map, sw_span_str("b"));
    open_ns = now_ns();
    must_do(sw_index_reader_open(reader, map, false), "open", sw_index_reader_why(reader));
    open_ns = now_ns() - open_ns;
    load_ns = now_ns();
    must_do(sw_index_load(writer), "load", sw_index_why(writer));
    load_ns = now_ns() - load_ns;
    sw_index_free(writer);
    (void)printf("{\"task\":\"move\",\"bytes\":%" PRIu64 ",\"copied\":%" PRIu64
                 ",\"copy_ms\":%.1f,\"pages\":%" PRIu64 ",\"open_us\":%.1f,\"load_us\":%.1f}\n",
                 sw_index_map_mem_size(store->map),
                 copied,
                 (double)copy_ns / 1e6,
                 index_map_lmdb_size(map),
                 (double)open_ns / 1e3,
                 (double)load_ns / 1e3);
    return map;
}

static void copy_free(struct store *store, struct sw_index_map *map)
{
    index_map_lmdb_free(map);
    copy_unlink(store);
}

void task_move(struct store *store)
{
    struct sw_index_reader *reader = sw_index_reader_new(sw_span_str("b"));
    struct sw_index_map *map = moved(store, reader);

    sw_index_reader_free(reader);
    copy_free(store, map);
}

void task_lmdb(struct store *store)
{
    struct sw_index_reader *memory = store->reader;
    struct sw_index_map *map;

    store->reader = sw_index_reader_new(sw_span_str("b"));
    map = moved(store, store->reader);
    grid(store, "lmdb");
    sw_index_reader_free(store->reader);
    store->reader = memory;
    copy_free(store, map);
}
