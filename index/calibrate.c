/* The sample, its true neighbours, and the ladder of budgets; see calibrate.h. */
#include "index/calibrate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/prng.h"
#include "index/reader_private.h"

enum {
    TRUE_RERANK = 400, /* of k, with all codes: nearly as good as everything compared */
    MARGIN = 10,       /* permille more than asked for: a sample is not all there is */
    ENTRIES_MIN = 64,
    ATTEMPTS = 8, /* for each sample */
};

/* Each rung costs more than the one below it and finds more. */
static const struct sw_index_budget ladder[] = {
    {2, 10},      {4, 12},      {6, 14},      {8, 16},       {10, 18},   {12, 20},   {15, 21},
    {17, 23},     {20, 25},     {23, 28},     {26, 31},      {30, 34},   {34, 37},   {38, 40},
    {43, 43},     {48, 47},     {54, 51},     {60, 55},      {66, 59},   {73, 63},   {80, 68},
    {90, 74},     {100, 80},    {115, 88},    {130, 98},     {150, 115}, {170, 130}, {200, 155},
    {240, 185},   {290, 220},   {360, 280},   {450, 360},    {600, 450}, {800, 600}, {1100, 800},
    {1500, 1100}, {2200, 1500}, {3200, 2200}, {25600, 3200},
};

enum { RUNGS = sizeof(ladder) / sizeof(ladder[0]) };

struct sample {
    struct sw_span vector; /* of the caller; or */
    struct sw_span row;    /* of the map, and */
    uint64_t id;           /* the entry that is looked past */
    int64_t limit;         /* the distance of its k-th neighbour */
};

/* An entry of a random lane; NOT_FOUND if it is not one, as in a bucket of dropped slices. */
static enum sw_err
draw(struct sw_index_reader *reader, struct sw_prng *prng, struct sample *ret_sample)
{
    const uint32_t from = (uint32_t)sw_prng_below(prng, reader->state.buckets_made);
    struct sw__some_blocks blocks;
    enum sw_err err = sw__reader_list(reader, from, UINT32_MAX, &blocks);
    const struct sw__listed *listed;
    struct sw__block block;
    uint32_t lane;

    if (err != SW_ERR_OK || blocks.count == 0) {
        return err == SW_ERR_OK ? SW_ERR_NOT_FOUND : err;
    }
    listed = &reader->lists.blocks[blocks.first + (uint32_t)sw_prng_below(prng, blocks.count)];
    block = sw__block_known(listed->bytes, reader->dim, listed->count);
    lane = (uint32_t)sw_prng_below(prng, listed->count);
    ret_sample->id = sw__block_id(&block, lane);
    return sw__reader_row(
        reader, listed->slice_at, sw__block_vector(&block, lane), &ret_sample->row);
}

/* The k nearest, but for an entry that is asked about: it is the nearest of all or equal to it. */
static enum sw_err neighbours(struct sw_index_reader *reader,
                              const struct sample *sample,
                              struct sw_index_query query,
                              struct sw_index_hit *ret_hits,
                              uint32_t *ret_count)
{
    const bool is_entry = sample->row.size > 0;
    const uint32_t k = query.k;
    uint32_t kept = 0;
    uint32_t found = 0;
    enum sw_err err;

    query.vector = sample->vector;
    query.row = sample->row;
    query.k = k + (is_entry ? 1 : 0);
    query.include_stale = true;
    err = sw_index_search(reader, &query, ret_hits, &found, NULL);
    for (uint32_t i = 0; err == SW_ERR_OK && i < found; i++) {
        if (!(is_entry && ret_hits[i].id == sample->id) && kept < k) {
            ret_hits[kept++] = ret_hits[i];
        }
    }
    *ret_count = kept;
    return err;
}

static enum sw_err choose(struct sw_index_reader *reader,
                          const struct sw_index_sampling *sampling,
                          uint32_t number,
                          struct sw_prng *prng,
                          struct sample *ret_sample)
{
    if (sampling->vectors == NULL) {
        return draw(reader, prng, ret_sample);
    }
    *ret_sample = (struct sample){.vector = sampling->vectors[number]};
    return SW_ERR_OK;
}

static enum sw_err take_samples(struct sw_index_reader *reader,
                                const struct sw_index_sampling *sampling,
                                struct sample *ret_samples,
                                uint32_t *ret_count)
{
    const uint32_t k = sampling->k;
    const uint64_t rerank = (uint64_t)TRUE_RERANK * k;
    const struct sw_index_query all = {
        .k = k,
        .probe = SW_INDEX_BUCKET_COUNT_MAX,
        .rerank = rerank < SW_SEARCH_RERANK_MAX ? (uint32_t)rerank : SW_SEARCH_RERANK_MAX};
    const uint32_t attempts = sampling->count * (sampling->vectors == NULL ? ATTEMPTS : 1);
    struct sw_prng prng = sw_prng_of(sampling->seed);
    struct sw_index_hit *hits = calloc((size_t)k + 1, sizeof(*hits));
    uint32_t count = 0;
    enum sw_err err = SW_ERR_OK;

    SW_ASSERT(hits != NULL);
    for (uint32_t i = 0; err == SW_ERR_OK && count < sampling->count && i < attempts; i++) {
        uint32_t found = 0;

        err = choose(reader, sampling, i, &prng, &ret_samples[count]);
        if (err == SW_ERR_OK) {
            err = neighbours(reader, &ret_samples[count], all, hits, &found);
        }
        if (err == SW_ERR_OK && found == k) {
            ret_samples[count++].limit = hits[k - 1].distance;
        }
        err = err == SW_ERR_NOT_FOUND ? SW_ERR_OK : err;
    }
    free(hits);
    *ret_count = count;
    return err;
}

/* The recall of one rung. */
static enum sw_err try_rung(struct sw_index_reader *reader,
                            const struct sample *samples,
                            uint32_t count,
                            uint32_t k,
                            uint32_t rung,
                            uint32_t *ret_permille)
{
    const struct sw_index_query query = {.k = k, .budget = ladder[rung]};
    struct sw_index_hit *hits = calloc((size_t)k + 1, sizeof(*hits));
    uint64_t right = 0;
    enum sw_err err = SW_ERR_OK;

    SW_ASSERT(hits != NULL);
    for (uint32_t i = 0; err == SW_ERR_OK && i < count; i++) {
        uint32_t found = 0;

        err = neighbours(reader, &samples[i], query, hits, &found);
        for (uint32_t j = 0; err == SW_ERR_OK && j < found; j++) {
            right += hits[j].distance <= samples[i].limit;
        }
    }
    free(hits);
    *ret_permille = (uint32_t)(1000 * right / ((uint64_t)count * k));
    return err;
}

/* The lowest rung that reaches the recall: each finds what those below it find, so halving will do.
 */
static enum sw_err climb(struct sw_index_reader *reader,
                         const struct sample *samples,
                         uint32_t count,
                         uint32_t k,
                         uint32_t wanted,
                         struct sw_index_calibration *ret)
{
    uint32_t low = 0;
    uint32_t high = RUNGS - 1;
    uint32_t permille = 0;
    enum sw_err err = SW_ERR_OK;

    while (err == SW_ERR_OK && low < high) {
        const uint32_t middle = (low + high) / 2;

        err = try_rung(reader, samples, count, k, middle, &permille);
        if (permille >= wanted) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    if (err == SW_ERR_OK) {
        err = try_rung(reader, samples, count, k, low, &permille);
    }
    *ret = (struct sw_index_calibration){
        .budget = ladder[low], .recall_permille = permille, .samples = count};
    return err;
}

static enum sw_err refuse(struct sw_index_reader *reader, const char *text)
{
    (void)snprintf(reader->why, SW_WHY_SIZE, "%s", text);
    return SW_ERR_INVALID;
}

static enum sw_err check(struct sw_index_reader *reader,
                         uint32_t recall_permille,
                         const struct sw_index_sampling *sampling)
{
    struct sw_index_stats stats;

    reader->why[0] = 0;
    if (recall_permille < 500 || recall_permille > 999) {
        return refuse(reader, "recall: 0.5 to 0.999");
    }
    if (sampling->count == 0 || sampling->count > SW_CALIBRATE_SAMPLES_MAX) {
        return refuse(reader, "samples: 1 to 256");
    }
    if (sampling->k == 0 || sampling->k >= SW_SEARCH_COUNT_MAX) {
        return refuse(reader, "k: 1 to 1023");
    }
    sw__state_stats(&reader->state, &stats);
    return stats.entries < ENTRIES_MIN || stats.entries <= sampling->k ? SW_ERR_NOT_FOUND
                                                                       : SW_ERR_OK;
}

enum sw_err sw_index_calibrate(struct sw_index_reader *reader,
                               uint32_t recall_permille,
                               const struct sw_index_sampling *sampling,
                               struct sw_index_calibration *ret_calibration)
{
    struct sample *samples = calloc(SW_CALIBRATE_SAMPLES_MAX, sizeof(*samples));
    struct sw_index_calibration found;
    uint32_t count = 0;
    enum sw_err err;

    SW_ASSERT(reader->open);
    SW_ASSERT(samples != NULL);
    err = check(reader, recall_permille, sampling);
    if (err == SW_ERR_OK) {
        err = take_samples(reader, sampling, samples, &count);
    }
    if (err == SW_ERR_OK && count == 0) {
        err = SW_ERR_NOT_FOUND;
    }
    if (err == SW_ERR_OK) {
        const uint32_t above = (1000 - recall_permille) / 3;
        const uint32_t wanted = recall_permille + (above < MARGIN ? above : MARGIN);

        err = climb(reader, samples, count, sampling->k, wanted, &found);
    }
    if (err == SW_ERR_OK) {
        *ret_calibration = found;
    }
    free(samples);
    return err;
}
