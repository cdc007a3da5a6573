/* A small world for tests of the vector index: entries with known vectors, beside the index. */
#ifndef SW_TESTS_UNIT_INDEX_INDEX_WORLD_H
#define SW_TESTS_UNIT_INDEX_INDEX_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/prng.h"
#include "index/index.h"
#include "index/map_mem.h"
#include "index/search.h"

enum { WORLD_ENTRIES = 4096, WORLD_DIM_MAX = 256, WORLD_CONTEXTS = 4, WORLD_SLICES = 6 };

struct world_entry {
    bool there;
    uint64_t seq;
    uint32_t context;
    uint32_t slice;
    float vector[WORLD_DIM_MAX];
};

struct world {
    struct sw_space space;
    struct sw_index_map *map;
    struct sw_index *index;
    struct sw_index_reader *reader;
    struct world_entry *entries; /* id is the place, plus 1 */
    uint64_t watermarks[WORLD_CONTEXTS];
    uint64_t seq;
};

static inline struct sw_space world_space(uint32_t dim, enum sw_metric metric)
{
    return (struct sw_space){.name = "world",
                             .dim = dim,
                             .metric = metric,
                             .dtype = SW_DTYPE_F32,
                             .exponent = metric == SW_METRIC_COSINE ? 0 : 3,
                             .seed = 99};
}

static inline struct world world_new(uint32_t dim, enum sw_metric metric)
{
    struct world world = {.space = world_space(dim, metric), .map = sw_index_map_mem_new()};

    world.index = sw_index_new(world.map, sw_span_str("ab"));
    world.reader = sw_index_reader_new(sw_span_str("ab"));
    world.entries = calloc(WORLD_ENTRIES, sizeof(*world.entries));
    assert_int_equal(sw_index_create(world.index, &world.space), SW_ERR_OK);
    return world;
}

static inline void world_free(struct world *world)
{
    sw_index_reader_free(world->reader);
    sw_index_free(world->index);
    sw_index_map_mem_free(world->map);
    free(world->entries);
}

/* One of a few crowds, with some spread; all off the middle, as real embeddings are. */
static inline void world_vector(struct sw_prng *prng, uint32_t dim, float *ret_vector)
{
    struct sw_prng crowd = sw_prng_of(sw_prng_below(prng, 24));

    for (uint32_t d = 0; d < dim; d++) {
        const int64_t middle = (int64_t)sw_prng_below(&crowd, 2000) - 1000;
        const int64_t own = (int64_t)sw_prng_below(prng, 800) - 400;

        ret_vector[d] = (float)(middle + own + (d == 3 ? 3000 : 300)) / 16384.0F;
    }
}

static inline struct sw_span world_span(const struct world *world, const float *vector)
{
    return sw_span_of(vector, world->space.dim * sizeof(float));
}

static inline void world_put(struct world *world, uint32_t at)
{
    struct world_entry *entry = &world->entries[at];
    const struct sw_index_entry put = {.id = (uint64_t)at + 1,
                                       .seq = entry->seq,
                                       .context = entry->context,
                                       .slice = entry->slice,
                                       .vector = world_span(world, entry->vector)};

    entry->there = true;
    assert_int_equal(sw_index_put(world->index, &put), SW_ERR_OK);
}

static inline void world_fill(struct world *world, uint32_t at, struct sw_prng *prng)
{
    struct world_entry *entry = &world->entries[at];

    world_vector(prng, world->space.dim, entry->vector);
    entry->seq = ++world->seq;
    entry->context = (uint32_t)sw_prng_below(prng, WORLD_CONTEXTS);
    world_put(world, at);
}

static inline void world_settle(struct world *world)
{
    bool working = true;

    while (working) {
        assert_int_equal(sw_index_step(world->index, SW_INDEX_STEP_BUDGET, &working), SW_ERR_OK);
    }
}

static inline void world_open(struct world *world)
{
    assert_int_equal(sw_index_flush(world->index), SW_ERR_OK);
    assert_int_equal(sw_index_reader_open(world->reader, world->map, true), SW_ERR_OK);
}

static inline double world_distance(const struct world *world, const float *a, const float *b)
{
    double dot = 0;
    double aa = 0;
    double bb = 0;

    for (uint32_t d = 0; d < world->space.dim; d++) {
        dot += (double)a[d] * (double)b[d];
        aa += (double)a[d] * (double)a[d];
        bb += (double)b[d] * (double)b[d];
    }
    if (world->space.metric == SW_METRIC_COSINE) {
        return 1 - dot / __builtin_sqrt(aa * bb);
    }
    return world->space.metric == SW_METRIC_L2 ? aa + bb - 2 * dot : -dot;
}

/* What a query may see, by the rules of index/search.h. */
static inline bool
world_sees(const struct world *world, const struct sw_index_query *query, uint32_t at)
{
    const struct world_entry *entry = &world->entries[at];

    return entry->there &&
           (query->include_stale || entry->seq >= world->watermarks[entry->context]) &&
           entry->seq >= query->seq_min && (query->seq_max == 0 || entry->seq <= query->seq_max) &&
           (!query->one_context || entry->context == query->context);
}

#endif
