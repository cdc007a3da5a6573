/* The tasks that write: deletes, churn, expiry, and vectors that come in an unkind order. */
#include <stdlib.h>

#include "base/assert.h"
#include "tests/bench/index_bench.h"

enum {
    DELETE_PART = 10,
    DELETE_STRIDE = 7919, /* a prime: ids far from each other, each once */
    CHURN_GENERATIONS = 100,
    CHURN_PART = 50, /* 2 % a generation */
    CHECK_QUERIES = 200,
};

static uint64_t stride_id(const struct store *store, uint32_t i)
{
    return (uint64_t)i * DELETE_STRIDE % store->set->count;
}

/* Hits that should not be there any more, over some queries that take all that is near. */
static uint32_t hits_where(struct store *store, bool (*unwanted)(const struct sw_index_hit *hit))
{
    const uint32_t queries =
        store->set->queries < CHECK_QUERIES ? store->set->queries : CHECK_QUERIES;
    struct sw_index_hit *hits = calloc(SW_SEARCH_COUNT_MAX, sizeof *hits);
    uint32_t bad = 0;

    SW_ASSERT(hits != NULL);
    for (uint32_t i = 0; i < queries; i++) {
        const struct sw_index_query query = {
            .vector = index_set_query(store->set, i), .k = 100, .recall_permille = 950};
        uint32_t found = 0;

        must_do(sw_index_search(store->reader, &query, hits, &found, NULL),
                "search",
                sw_index_reader_why(store->reader));
        for (uint32_t n = 0; n < found; n++) {
            bad += unwanted(&hits[n]) ? 1 : 0;
        }
    }
    free(hits);
    return bad;
}

static uint8_t *gone; /* by id; of the one task that runs */
static uint64_t oldest_seq;

static bool was_deleted(const struct sw_index_hit *hit)
{
    return gone[hit->id] != 0;
}

static bool is_too_old(const struct sw_index_hit *hit)
{
    return hit->seq < oldest_seq;
}

static bool is_of_last_slice(const struct sw_index_hit *hit)
{
    return hit->slice == SLICES - 1;
}

void task_delete(struct store *store)
{
    const uint32_t count = store->set->count / DELETE_PART;
    uint64_t start, delete_ns, settle_ns, put_ns;
    uint32_t stale;

    gone = calloc(store->set->count, 1);
    SW_ASSERT(gone != NULL);
    start = spent_ns();
    for (uint32_t i = 0; i < count; i++) {
        must_do(sw_index_delete(store->index, stride_id(store, i)),
                "delete",
                sw_index_why(store->index));
        gone[stride_id(store, i)] = 1;
    }
    delete_ns = spent_ns() - start;
    start = spent_ns();
    store_settle(store);
    settle_ns = spent_ns() - start;
    store_open(store);
    stale = hits_where(store, was_deleted);
    start = spent_ns();
    for (uint32_t i = 0; i < count; i++) {
        store_put(store, stride_id(store, i));
    }
    put_ns = spent_ns() - start;
    store_settle(store);
    store_open(store);
    (void)printf("{\"task\":\"delete\",\"count\":%u,\"delete_s\":%.4f,\"settle_s\":%.4f,"
                 "\"put_s\":%.4f,\"stale\":%u}\n",
                 count,
                 (double)delete_ns / 1e9,
                 (double)settle_ns / 1e9,
                 (double)put_ns / 1e9,
                 stale);
    free(gone);
    gone = NULL;
}

/* At fixed budgets and for wanted recalls; `first` and `count` name the ids that are alive. */
static void measure_ids(struct store *store, const char *task, uint32_t first, uint32_t count)
{
    static const uint32_t probes[] = {4, 8, 16, 32, 64};
    const struct measure measure = {.task = task, .rounds = 1, .queries = QUERIES_ALL};

    (void)printf("{\"task\":\"%s-ids\",\"first\":%u,\"count\":%u}\n", task, first, count);
    for (size_t i = 0; i < sizeof probes / sizeof probes[0]; i++) {
        const struct sw_index_query budget = {.probe = probes[i], .rerank = 100};

        store_measure(store, &measure, &budget);
    }
    if (strcmp(task, "drift") == 0) { /* what a target gives then; others are compared by work */
        targets_of(store, task);
    } else {
        fixed_of(store, task);
    }
}

static void measure_fresh(struct store *store, uint32_t first, uint32_t count)
{
    struct store fresh;

    store_new(&fresh, store->set);
    fresh.ids = store->ids;
    fresh.slice_size = store->slice_size;
    for (uint32_t id = first; id < first + count; id++) {
        store_put(&fresh, id);
    }
    store_settle(&fresh);
    store_open(&fresh);
    measure_ids(&fresh, "fresh", first, count);
    store_free(&fresh);
}

/* A third of the set lives; each generation the oldest 2 % go and the next 2 % come. */
void task_churn(struct store *store)
{
    const uint32_t part = store->set->count / 3 / CHURN_PART, live = part * CHURN_PART;
    struct store churned;
    uint32_t first = 0;
    uint64_t start;

    store_new(&churned, store->set);
    churned.ids = store->ids;
    churned.slice_size = store->set->count; /* one slice: nothing is dropped whole */
    for (uint32_t id = 0; id < live; id++) {
        store_put(&churned, id);
    }
    store_settle(&churned);
    start = spent_ns();
    for (uint32_t generation = 0; generation < CHURN_GENERATIONS; generation++) {
        for (uint32_t i = 0; i < part; i++) {
            store_delete(&churned, first + i);
        }
        for (uint32_t i = 0; i < part; i++) {
            store_put(&churned, first + live + i);
        }
        first += part;
    }
    store_settle(&churned);
    (void)printf("{\"task\":\"churned\",\"generations\":%d,\"changes\":%u,\"seconds\":%.3f,"
                 "\"step_max_us\":%.0f,\"bytes\":%" PRIu64 "}\n",
                 CHURN_GENERATIONS,
                 2 * part * CHURN_GENERATIONS,
                 (double)(spent_ns() - start) / 1e9,
                 (double)churned.step_max_ns / 1e3,
                 sw_index_map_mem_size(churned.map));
    store_open(&churned);
    measure_ids(&churned, "churn", first, live);
    measure_fresh(&churned, first, live);
    store_free(&churned);
}

static double watermark_us(struct store *store, uint64_t seq)
{
    const uint64_t start = now_ns();

    must_do(sw_index_set_watermark(store->index, 1, seq), "watermark", sw_index_why(store->index));
    store_open(store);
    return (double)(now_ns() - start) / 1e3;
}

static double drop_us(struct store *store, uint32_t first, uint32_t last)
{
    const uint64_t start = now_ns();

    for (uint32_t slice = first; slice <= last; slice++) {
        must_do(sw_index_drop_slice(store->index, slice), "drop", sw_index_why(store->index));
    }
    store_open(store);
    return (double)(now_ns() - start) / 1e3;
}

/* On an index of its own, with slices. Half of all goes stale, then the last slice is dropped, then
 * all is stale, then all is dropped and its space given back. */
static void expire(struct store *store)
{
    const uint32_t count = store->set->count;
    double half_us, all_us, slice_us, rest_us;
    uint64_t start, reclaim_ns;
    uint32_t stale;

    oldest_seq = count / 2;
    half_us = watermark_us(store, oldest_seq);
    stale = hits_where(store, is_too_old);
    slice_us = drop_us(store, SLICES - 1, SLICES - 1);
    stale += hits_where(store, is_of_last_slice);
    oldest_seq = count + 1;
    all_us = watermark_us(store, oldest_seq);
    stale += hits_where(store, is_too_old);
    rest_us = drop_us(store, 0, SLICES - 2);
    store->step_max_ns = 0;
    start = spent_ns();
    store_settle(store);
    reclaim_ns = spent_ns() - start;
    (void)printf("{\"task\":\"expire\",\"entries\":%u,\"watermark_half_us\":%.1f,"
                 "\"watermark_all_us\":%.1f,\"stale\":%u,\"drop_slice_us\":%.1f,"
                 "\"drop_rest_us\":%.1f,\"reclaim_ms\":%.2f,\"step_max_us\":%.0f,"
                 "\"bytes\":%" PRIu64 "}\n",
                 count,
                 half_us,
                 all_us,
                 stale,
                 slice_us,
                 rest_us,
                 (double)reclaim_ns / 1e6,
                 (double)store->step_max_ns / 1e3,
                 sw_index_map_mem_size(store->map));
}

void task_expire(struct store *store)
{
    struct store sliced;

    store_new(&sliced, store->set);
    sliced.slice_size = store->set->count / SLICES + 1;
    for (uint32_t id = 0; id < store->set->count; id++) {
        store_put(&sliced, id);
    }
    store_settle(&sliced);
    expire(&sliced);
    store_free(&sliced);
}

static int by_value(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;

    return x < y ? -1 : (x > y ? 1 : 0);
}

/* How far each vector lies along the line from the first to the second. */
static float *projections(const struct index_set *set)
{
    float *values = calloc(set->count, sizeof *values);

    SW_ASSERT(values != NULL);
    for (uint32_t id = 0; id < set->count; id++) {
        for (uint32_t i = 0; i < set->dim; i++) {
            values[id] +=
                set->base[(size_t)id * set->dim + i] * (set->base[set->dim + i] - set->base[i]);
        }
    }
    return values;
}

static float median_of(const float *values, uint32_t count)
{
    float *sorted = malloc(count * sizeof *sorted);
    float median;

    SW_ASSERT(sorted != NULL);
    memcpy(sorted, values, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, by_value);
    median = sorted[count / 2];
    free(sorted);
    return median;
}

/* The index sees one half of the space, settles, and then gets the other half. */
void task_drift(struct store *store)
{
    const uint32_t count = store->set->count;
    float *values = projections(store->set);
    const float median = median_of(values, count);
    struct sw_index_stats stats;
    struct store drifted;

    store_new(&drifted, store->set);
    drifted.ids = store->ids;
    drifted.slice_size = count;
    for (uint32_t half = 0; half < 2; half++) {
        for (uint32_t id = 0; id < count; id++) {
            if ((values[id] >= median) == (half == 0)) {
                store_put(&drifted, id);
            }
        }
        store_settle(&drifted);
    }
    store_open(&drifted);
    sw_index_stats(drifted.index, &stats);
    (void)printf("{\"task\":\"drifted\",\"buckets\":%u,\"splits\":%" PRIu64 ",\"trained\":%" PRIu64
                 "}\n",
                 stats.buckets,
                 stats.splits,
                 stats.trained);
    measure_ids(&drifted, "drift", 0, count);
    store_free(&drifted);
    free(values);
}

/* Down the ladder: what is found with the same budget, of all that is near and with codes of
 * everything, and what the records take. */
void task_bits(struct store *store)
{
    static const uint32_t levels[] = {16, 8, 6, 4, 2, 1};
    static const struct sw_index_query budget = {.probe = 64, .rerank = 100};
    struct sw_index_precision precision;

    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        const struct measure measure = {
            .task = "bits", .rounds = ROUNDS, .queries = QUERIES_ALL, .target = levels[i]};
        const uint64_t start = spent_ns();

        if (i > 0) {
            must_do(
                sw_index_lower(store->index, 0, levels[i]), "lower", sw_index_why(store->index));
            store_settle(store);
        }
        must_do(sw_index_precision(store->index, 0, &precision), "precision", "");
        SW_ASSERT(precision.bits == levels[i] && precision.left == 0);
        (void)printf("{\"task\":\"level\",\"bits\":%u,\"lower_ms\":%.1f,\"error_ppm\":%u,"
                     "\"segments\":%u,\"bytes\":%" PRIu64 "}\n",
                     levels[i],
                     (double)(spent_ns() - start) / 1e6,
                     precision.error_ppm,
                     precision.segments,
                     sw_index_map_mem_size(store->map));
        store_open(store);
        store_measure(store, &measure, &budget);
    }
}
