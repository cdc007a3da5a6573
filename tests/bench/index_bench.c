/* Measures the vector index on a data set: one JSON object a line, one thread, one query at a time.
 * Rates and steps are of processor time, quantiles by the wall clock: other work on the machine
 * disturbs only the latter.
 *
 *   index-bench SET IDS FOLDER TASK...
 *
 * Ids that were found are appended to the file IDS, ten u32 a query, `at` saying where those of a
 * line begin; who reads them judges recall, for this program as for its peers. FOLDER gets an LMDB
 * environment. Tasks run in the order given, on the index of the whole set, in memory:
 *
 *   search    recall and speed over a grid of budgets        lmdb     the same out of LMDB
 *   targets   what recall_permille 900, 950, 990 give        filter   one in 10, 50 and 1,000
 *   flat      everything compared exactly                    bounded  at most so many entries
 * scanned delete    a tenth of all ids, put again after it         churn    100 generations of 2 %
 *   expire    watermark, slices                              drift    trained on one half-space
 *   move      a copy in LMDB, opened and loaded
 *   bits      vectors kept with fewer and fewer bits; the index is not as it was afterwards
 *   minhash   sketches of the chunks beside the set */
#include "tests/bench/index_bench.h"

#include <stdlib.h>

#include "base/assert.h"

enum { STEP_EVERY = 64 };

void must_do(enum sw_err err, const char *what, const char *why)
{
    if (err != SW_ERR_OK) {
        (void)fprintf(stderr, "index-bench: %s: %s: %s\n", what, sw_err_name(err), why);
        exit(1);
    }
}

static void space_of(const struct index_set *set, struct sw_space *ret_space)
{
    *ret_space = (struct sw_space){.name = "bench",
                                   .dim = set->dim,
                                   .metric = SW_METRIC_COSINE,
                                   .dtype = SW_DTYPE_F32,
                                   .version = 1,
                                   .generation = 1,
                                   .seed = 20251120};
}

void store_new(struct store *store, const struct index_set *set)
{
    struct sw_space space;

    memset(store, 0, sizeof *store);
    store->set = set;
    space_of(set, &space);
    store->map = sw_index_map_mem_new();
    store->index = sw_index_new(store->map, sw_span_str("b"));
    must_do(sw_index_create(store->index, &space), "create", sw_index_why(store->index));
    store->reader = sw_index_reader_new(sw_span_str("b"));
}

void store_free(struct store *store)
{
    sw_index_reader_free(store->reader);
    sw_index_free(store->index);
    sw_index_map_mem_free(store->map);
}

/* One call of the step as an entry of the log would make it. */
bool store_step(struct store *store)
{
    const uint64_t start = spent_ns();
    bool working = false;
    uint64_t took;

    must_do(sw_index_step(store->index, SW_INDEX_STEP_BUDGET, &working),
            "step",
            sw_index_why(store->index));
    took = spent_ns() - start;
    store->step_ns += took;
    store->step_max_ns = took > store->step_max_ns ? took : store->step_max_ns;
    store->steps++;
    return working;
}

void store_settle(struct store *store)
{
    while (store_step(store)) {
    }
    must_do(sw_index_flush(store->index), "flush", sw_index_why(store->index));
}

void store_put(struct store *store, uint64_t id)
{
    const struct sw_index_entry entry = {.id = id,
                                         .seq = id + 1,
                                         .context = 1,
                                         .slice = (uint32_t)(id / store->slice_size),
                                         .vector = index_set_base(store->set, id)};

    must_do(sw_index_put(store->index, &entry), "put", sw_index_why(store->index));
    store->calls++;
    if (store->calls % STEP_EVERY == 0) {
        (void)store_step(store);
    }
}

void store_delete(struct store *store, uint64_t id)
{
    must_do(sw_index_delete(store->index, id), "delete", sw_index_why(store->index));
    store->calls++;
    if (store->calls % STEP_EVERY == 0) {
        (void)store_step(store);
    }
}

void store_open(struct store *store)
{
    must_do(sw_index_flush(store->index), "flush", sw_index_why(store->index));
    must_do(sw_index_reader_open(store->reader, store->map, false),
            "open",
            sw_index_reader_why(store->reader));
}

/* Puts all vectors in the order of their ids and says what it cost. Each slice costs every search,
 * so there is one unless a task is about slices. */
void store_fill(struct store *store, uint32_t count)
{
    const uint64_t start = spent_ns();
    struct sw_index_stats stats;
    uint64_t put_ns;

    store->slice_size = count;
    for (uint32_t id = 0; id < count; id++) {
        store_put(store, id);
    }
    put_ns = spent_ns() - start;
    store_settle(store);
    store->build_ns = spent_ns() - start;
    sw_index_stats(store->index, &stats);
    SW_ASSERT(stats.entries == count);
    (void)printf("{\"task\":\"build\",\"entries\":%u,\"dim\":%u,\"put_s\":%.3f,\"build_s\":%.3f,"
                 "\"steps\":%" PRIu64 ",\"step_s\":%.3f,\"step_max_us\":%.0f,\"buckets\":%u,"
                 "\"splits\":%" PRIu64 ",\"trained\":%" PRIu64 ",\"bytes\":%" PRIu64 "}\n",
                 count,
                 store->set->dim,
                 (double)put_ns / 1e9,
                 (double)store->build_ns / 1e9,
                 store->steps,
                 (double)store->step_ns / 1e9,
                 (double)store->step_max_ns / 1e3,
                 stats.buckets,
                 stats.splits,
                 stats.trained,
                 sw_index_map_mem_size(store->map));
    (void)fflush(stdout);
}

static void keep_ids(FILE *ids, const struct sw_index_hit *hits, uint32_t count)
{
    for (uint32_t i = 0; i < INDEX_SET_K; i++) {
        const uint32_t id = i < count ? (uint32_t)hits[i].id : UINT32_MAX;

        SW_ASSERT(fwrite(&id, sizeof id, 1, ids) == 1);
    }
}

static void print_measure(const struct measure *measure,
                          const struct sw_index_query *query,
                          const struct tally *tally,
                          uint64_t *durations,
                          uint32_t count)
{
    const uint64_t p50 = quantile_ns(durations, count, 500),
                   p99 = quantile_ns(durations, count, 990);

    (void)printf("{\"task\":\"%s\",\"truth\":%u,\"probe\":%u,\"rerank\":%u,\"target\":%u,"
                 "\"pass\":%u,\"scan_max\":%" PRIu64 ",\"at\":%ld,\"qps\":%.1f,\"p50_us\":%.2f,"
                 "\"p99_us\":%.2f,\"scanned\":%.1f,\"probed\":%.1f,\"reranked\":%.1f,"
                 "\"buckets\":%u}\n",
                 measure->task,
                 measure->truth,
                 query->probe,
                 query->rerank,
                 measure->target != 0 ? measure->target : query->recall_permille,
                 query->filter_pass_min,
                 query->scan_max,
                 tally->at,
                 1e9 * count / (double)tally->best_ns,
                 (double)p50 / 1e3,
                 (double)p99 / 1e3,
                 (double)tally->scanned / count,
                 (double)tally->probed / count,
                 (double)tally->reranked / count,
                 tally->buckets);
    (void)fflush(stdout);
}

/* All queries with these budgets, ROUNDS times; the fastest round counts, as for the peers. */
void store_measure(struct store *store,
                   const struct measure *measure,
                   const struct sw_index_query *budget)
{
    const uint32_t count =
        measure->queries < store->set->queries ? measure->queries : store->set->queries;
    uint64_t *durations = calloc(count, sizeof *durations);
    struct tally tally = {.at = ftell(store->ids), .best_ns = UINT64_MAX};

    SW_ASSERT(durations != NULL);
    for (uint32_t round = 0; round < measure->rounds; round++) {
        const uint64_t began = spent_ns();
        uint64_t total;

        for (uint32_t i = 0; i < count; i++) {
            struct sw_index_certificate certificate;
            struct sw_index_query query = *budget;
            struct sw_index_hit hits[INDEX_SET_K];
            uint32_t found = 0;
            const uint64_t start = now_ns();

            query.vector = index_set_query(store->set, i);
            query.k = INDEX_SET_K;
            must_do(sw_index_search(store->reader, &query, hits, &found, &certificate),
                    "search",
                    sw_index_reader_why(store->reader));
            durations[i] = now_ns() - start;
            if (round == 0) {
                keep_ids(store->ids, hits, found);
                tally.scanned += certificate.scanned;
                tally.probed += certificate.probed;
                tally.reranked += certificate.reranked;
                tally.buckets = certificate.buckets;
            }
        }
        total = spent_ns() - began;
        tally.best_ns = total < tally.best_ns ? total : tally.best_ns;
    }
    print_measure(measure, budget, &tally, durations, count);
    free(durations);
}

static const struct {
    const char *name;
    void (*run)(struct store *store);
} tasks[] = {
    {"search", task_search},
    {"lmdb", task_lmdb},
    {"targets", task_targets},
    {"filter", task_filter},
    {"flat", task_flat},
    {"bounded", task_bounded},
    {"delete", task_delete},
    {"churn", task_churn},
    {"expire", task_expire},
    {"drift", task_drift},
    {"minhash", task_minhash},
    {"move", task_move},
    {"bits", task_bits},
};

static bool run_task(struct store *store, const char *name)
{
    for (size_t i = 0; i < sizeof tasks / sizeof tasks[0]; i++) {
        if (strcmp(tasks[i].name, name) == 0) {
            tasks[i].run(store);
            return true;
        }
    }
    return false;
}

int main(int argc, char **argv)
{
    struct index_set set;
    struct store store;

    if (argc < 5) {
        (void)fprintf(stderr, "usage: index-bench SET IDS FOLDER TASK...\n");
        return 2;
    }
    set = index_set_open(argv[1]);
    store_new(&store, &set);
    store.set_path = argv[1];
    store.ids = fopen(argv[2], "wb");
    store.folder = argv[3];
    if (store.ids == NULL) {
        (void)fprintf(stderr, "index-bench: %s cannot be written\n", argv[2]);
        return 2;
    }
    store_fill(&store, set.count);
    store_open(&store);
    for (int i = 4; i < argc; i++) {
        if (!run_task(&store, argv[i])) {
            (void)fprintf(stderr, "index-bench: no task %s\n", argv[i]);
            return 2;
        }
    }
    if (fclose(store.ids) != 0) {
        return 1;
    }
    store_free(&store);
    index_set_close(&set);
    return 0;
}
