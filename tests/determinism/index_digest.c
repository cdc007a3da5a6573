/* Builds indexes from seeds, searches them, and prints hashes of all that must be the same on every
 * machine. Usage: index_digest KERNEL ORDER THREADS. Compiled and run by test_index.py.
 *
 *   records   every byte of the map: the same calls gave the same records
 *   set       the digest of the entries
 *   codes     of each entry its bucket, its code and its two numbers, in no order
 *   pivots    means and pivots
 *   answers   hits and certificates
 *
 * ORDER chooses in which order entries come and what comes and goes before; all but `records` must
 * not depend on it. THREADS search at once; nothing may depend on that. */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "base/assert.h"
#include "base/prng.h"
#include "base/text.h"
#include "index/index_private.h"
#include "index/map_mem.h"
#include "index/reader_private.h"
#include "index/vector.h"

enum { QUERIES = 96, THREADS_MAX = 8, K = 10, VECTOR_SIZE_MAX = 2048 };

struct scenario {
    struct sw_space space;
    uint32_t entries;
    uint32_t buckets;
};

static const struct scenario scenarios[] = {
    {{.name = "a", .dim = 200, .metric = SW_METRIC_COSINE, .dtype = SW_DTYPE_F32, .seed = 1},
     1600,
     24},
    {{.name = "b",
      .dim = 48,
      .metric = SW_METRIC_L2,
      .dtype = SW_DTYPE_I8,
      .exponent = 2,
      .seed = 2},
     1400,
     150},
    {{.name = "c",
      .dim = 300,
      .metric = SW_METRIC_INNER_PRODUCT,
      .dtype = SW_DTYPE_F16,
      .exponent = 4,
      .seed = 3},
     700,
     10},
    {{.name = "d", .dim = 16, .metric = SW_METRIC_COSINE, .dtype = SW_DTYPE_F32, .seed = 4},
     300,
     0},
};

struct job {
    struct sw_index_map *map; /* a view of its own */
    const struct scenario *scenario;
    const struct sw__kernel *kernel;
    uint32_t from;
    uint32_t end;
    uint64_t hashes[QUERIES];
};

static void must(enum sw_err err)
{
    SW_ASSERT(err == SW_ERR_OK);
}

/* Bytes of a vector that depend on the number alone. Floats are put together from bits. */
static struct sw_span make_vector(const struct sw_space *space, uint32_t number, uint8_t *bytes)
{
    struct sw_prng own = sw_prng_of(number);
    struct sw_prng crowd = sw_prng_of(1000 + number % 13);

    for (uint32_t d = 0; d < space->dim; d++) {
        const uint32_t a = (uint32_t)sw_prng_below(&crowd, 1 << 8);
        const uint32_t b = (uint32_t)sw_prng_below(&own, 1 << 7);
        const uint32_t c = (uint32_t)sw_prng_below(&own, 1 << 16);

        if (space->dtype == SW_DTYPE_F32) {
            sw_store_u32(bytes + (size_t)4 * d, (a & 1) << 31 | (120 + a % 7) << 23 | b << 16 | c);
        } else if (space->dtype == SW_DTYPE_F16) {
            sw_store_u16(bytes + (size_t)2 * d,
                         (uint16_t)((a & 1) << 15 | (9 + a % 5) << 10 | b << 3 | (c & 7)));
        } else {
            bytes[d] = (uint8_t)((a >> 2) + b / 2 - 64);
        }
    }
    return sw_span_of(bytes, sw_space_vector_size(space));
}

static void settle(struct sw_index *index, uint32_t budget)
{
    bool working = true;

    while (working) {
        must(sw_index_step(index, budget, &working));
    }
}

static void put(struct sw_index *index, uint32_t number, uint64_t id)
{
    uint8_t bytes[VECTOR_SIZE_MAX];
    const struct sw_index_entry entry = {
        .id = id,
        .seq = id + 5,
        .context = (uint32_t)id % 3,
        .slice = (uint32_t)id % 2,
        .vector = make_vector(sw_index_space(index), number, bytes),
    };

    must(sw_index_put(index, &entry));
}

static void build(struct sw_index *index, const struct scenario *scenario, uint64_t order)
{
    struct sw_prng prng = sw_prng_of(order);
    uint32_t *ids = malloc(scenario->entries * sizeof(*ids));
    bool working;

    SW_ASSERT(ids != NULL);
    for (uint32_t i = 0; i < scenario->entries; i++) {
        const uint32_t j = order == 0 ? i : (uint32_t)sw_prng_below(&prng, i + 1);

        ids[i] = i;
        ids[i] = ids[j];
        ids[j] = i;
    }
    for (uint32_t i = 0; i < scenario->entries; i++) {
        if (order != 0 && i % 3 == 0) { /* something that goes again, or is replaced */
            put(index, 5000 + i, i % 2 == 0 ? ids[i] : 100000 + i);
        }
        put(index, ids[i], ids[i]);
        if (order != 0 && i % 6 == 3) {
            must(sw_index_delete(index, 100000 + i));
        }
        must(sw_index_step(index, (uint32_t)order * 100, &working));
    }
    free(ids);
    settle(index, 50 + (uint32_t)order * 777);
    must(sw_index_train(index, scenario->buckets));
    settle(index, 50 + (uint32_t)order * 777);
    must(sw_index_set_watermark(index, 1, scenario->entries / 2));
    must(sw_index_flush(index));
}

/* --- hashes ----------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t hash, struct sw_span bytes)
{
    return XXH3_64bits_withSeed(bytes.data, bytes.size, hash);
}

static uint64_t hash_of(struct sw_index_map *map)
{
    struct sw_index_record record;
    uint64_t all = 0;
    enum sw_err err = map->ops->seek(map, sw_span_str("p"), &record);

    while (err == SW_ERR_OK) {
        all = mix(mix(all, record.key), record.value);
        err = map->ops->next(map, &record);
    }
    return all;
}

/* Every vector with fewer and fewer bits. */
static void print_ladder(struct sw_index_map *map, struct sw_index *index)
{
    static const uint32_t levels[] = {8, 6, 4, 2, 1};

    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        for (uint32_t at = 0; at < index->state.slice_count; at++) {
            must(sw_index_lower(index, index->state.slices[at].slice, levels[i]));
        }
        settle(index, 5000);
        must(sw_index_flush(index));
        (void)printf("records %u bits %016" PRIx64 "\n", levels[i], hash_of(map));
    }
}

static void print_records(struct sw_index_map *map)
{
    struct sw_index_record record;
    uint64_t all = 0;
    uint64_t pivots = 0;
    enum sw_err err = map->ops->seek(map, sw_span_str("p"), &record);

    while (err == SW_ERR_OK) {
        all = mix(mix(all, record.key), record.value);
        if (record.key.data[1] == SW__KIND_PIVOT || record.key.data[1] == SW__KIND_EPOCH) {
            pivots = mix(mix(pivots, record.key), record.value);
        }
        err = map->ops->next(map, &record);
    }
    (void)printf("records %016" PRIx64 "\npivots %016" PRIx64 "\n", all, pivots);
}

static void print_codes(struct sw_index_map *map, uint32_t dim)
{
    struct sw_index_record record;
    uint64_t sum = 0;
    enum sw_err err = map->ops->seek(map, sw_span_str("p"), &record);

    for (; err == SW_ERR_OK; err = map->ops->next(map, &record)) {
        struct sw__block block;
        struct sw__lane lane;

        if (record.key.data[1] != SW__KIND_CODES) {
            continue;
        }
        must(sw__block_view(record.value, dim, &block));
        for (uint32_t i = 0; i < block.count; i++) {
            uint8_t head[24];

            sw__block_lane(&block, i, &lane);
            sw_store_u64(head, lane.id);
            sw_store_u32(head + 8, (uint32_t)lane.code.offset);
            sw_store_u32(head + 12, (uint32_t)lane.code.factor);
            memcpy(head + 16, record.key.data + 2, 8); /* bucket and slice */
            sum +=
                mix(mix(7, sw_span_of(head, sizeof(head))), sw_span_of(lane.code.words, dim / 8));
        }
    }
    (void)printf("codes %016" PRIx64 "\n", sum);
}

static struct sw_index_query query_of(uint32_t number)
{
    return (struct sw_index_query){
        .k = K,
        .probe = number % 4 == 0 ? 0 : number % 9,
        .recall_permille = number % 16 == 5 ? 1000 : 0,
        .rerank = number % 3 == 0 ? 0 : 20,
        .one_context = number % 8 == 1,
        .context = 2,
        .seq_min = number % 8 == 2 ? 100 : 0,
        .include_stale = number % 5 == 0,
    };
}

static uint64_t hash_answer(const struct sw_index_hit *hits,
                            uint32_t count,
                            const struct sw_index_certificate *certificate)
{
    struct sw_buf buf = {0};
    uint64_t hash;

    for (uint32_t i = 0; i < count; i++) {
        sw_write_u64(&buf, hits[i].id);
        sw_write_u64(&buf, (uint64_t)hits[i].distance);
        sw_write_u64(&buf, hits[i].seq);
        sw_write_u32(&buf, hits[i].context);
        sw_write_u32(&buf, hits[i].slice);
        sw_write_u8(&buf, hits[i].stale);
    }
    sw_write_u32(&buf, certificate->probed);
    sw_write_u32(&buf, certificate->buckets);
    sw_write_u64(&buf, certificate->scanned);
    sw_write_u64(&buf, certificate->passed);
    sw_write_u32(&buf, certificate->reranked);
    sw_write_u64(&buf, (uint64_t)certificate->margin);
    hash = mix(0, sw_buf_span(&buf));
    sw_buf_release(&buf);
    return hash;
}

static void *search_some(void *argument)
{
    struct job *job = argument;
    struct sw_index_reader *reader = sw_index_reader_new(sw_span_str("p"));

    reader->kernel = job->kernel;
    must(sw_index_reader_open(reader, job->map, false));
    for (uint32_t i = job->from; i < job->end; i++) {
        struct sw_index_query query = query_of(i);
        struct sw_index_certificate certificate = {0};
        struct sw_index_hit hits[K];
        uint8_t bytes[VECTOR_SIZE_MAX];
        uint32_t count = 0;

        query.vector = make_vector(&job->scenario->space, 20000 + i, bytes);
        must(sw_index_search(reader, &query, hits, &count, &certificate));
        job->hashes[i] = hash_answer(hits, count, &certificate);
    }
    sw_index_reader_free(reader);
    return NULL;
}

static void print_answers(struct sw_index_map *map,
                          const struct scenario *scenario,
                          const struct sw__kernel *kernel,
                          uint32_t threads)
{
    static struct job jobs[THREADS_MAX];
    pthread_t ids[THREADS_MAX];
    uint64_t hash = 0;

    for (uint32_t t = 0; t < threads; t++) {
        jobs[t] = (struct job){.map = sw_index_map_mem_view(map),
                               .scenario = scenario,
                               .kernel = kernel,
                               .from = QUERIES * t / threads,
                               .end = QUERIES * (t + 1) / threads};
        SW_ASSERT(pthread_create(&ids[t], NULL, search_some, &jobs[t]) == 0);
    }
    for (uint32_t t = 0; t < threads; t++) {
        SW_ASSERT(pthread_join(ids[t], NULL) == 0);
        for (uint32_t i = jobs[t].from; i < jobs[t].end; i++) {
            uint8_t bytes[8];

            sw_store_u64(bytes, jobs[t].hashes[i]);
            hash = mix(hash, sw_span_of(bytes, sizeof(bytes)));
        }
        sw_index_map_mem_free(jobs[t].map);
    }
    (void)printf("answers %016" PRIx64 "\n", hash);
}

static void run(const struct scenario *scenario,
                const struct sw__kernel *kernel,
                uint64_t order,
                uint32_t threads)
{
    struct sw_index_map *map = sw_index_map_mem_new();
    struct sw_index *index = sw_index_new(map, sw_span_str("p"));
    struct sw_index_digest digest;

    index->kernel = kernel;
    must(sw_index_create(index, &scenario->space));
    build(index, scenario, order);
    digest = sw_index_digest(index);
    (void)printf("space %s\nset %016" PRIx64 "%016" PRIx64 "\n",
                 scenario->space.name,
                 digest.high,
                 digest.low);
    print_records(map);
    print_codes(map, sw__dim_padded(scenario->space.dim));
    print_answers(map, scenario, kernel, threads);
    print_ladder(map, index);
    sw_index_free(index);
    sw_index_map_mem_free(map);
}

int main(int argc, char **argv)
{
    const struct sw__kernel *kernel = argc == 4 ? sw__kernel_named(argv[1]) : NULL;
    uint64_t order = 0;
    uint64_t threads = 0;

    if (argc != 4 || !sw_text_number(argv[2], &order) || !sw_text_number(argv[3], &threads) ||
        threads == 0 || threads > THREADS_MAX) {
        (void)fprintf(stderr, "usage: index_digest KERNEL ORDER THREADS\n");
        return 2;
    }
    if (kernel == NULL) {
        (void)printf("this processor does not run %s\n", argv[1]);
        return 3;
    }
    for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
        run(&scenarios[i], kernel, order, (uint32_t)threads);
    }
    return 0;
}
