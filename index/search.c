/* One search: near buckets, their codes, the best of these compared exactly; see search.h.
 *
 * What is compared exactly is a set: of all entries in the probed buckets that the query may see,
 * those with the smallest (estimate, id). A buffer that keeps the smallest so far finds it in one
 * pass; in which order entries come by does not matter, so neither does how they lie in blocks. */
#include "index/search.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "index/distance.h"
#include "index/reader_private.h"
#include "index/vector.h"

enum {
    WAVE = 16, /* buckets that are looked into before a budget is looked at again */
    BLOCKS_MIN = 256,
    RECALL_DEFAULT = 950,
    RECALL_MIN = 500,
    RECALL_EXACT = 1000,
    FINE_MIN = 16, /* beyond k: compared with both planes */
    ROWS_MAX = 64,
    AHEAD = 3, /* blocks on their way from memory */
};

struct source {
    const uint8_t *bytes;
    int32_t base;
    uint16_t slice_at;
    uint16_t look; /* which epoch's */
};

struct search {
    struct sw_index_reader *reader;
    const struct sw_index_query *query;
    struct sw__exact exact; /* the query, rotated */
    uint32_t rerank;        /* UINT32_MAX: everything */
    bool narrow; /* only some entries count: buckets are probed until enough of them passed */
    struct source *sources; /* owned: blocks of a wave */
    uint32_t source_count;
    uint32_t source_capacity;
    struct sw__candidate *kept; /* owned */
    uint32_t kept_count;
    uint32_t kept_capacity;
    uint64_t *numbers;          /* owned: scratch of as many */
    int32_t threshold;          /* entries with a greater estimate are none of the best */
    struct sw__candidate *hits; /* owned: compared exactly; only with rerank == UINT32_MAX */
    uint32_t hit_count;
    uint64_t passed;
    struct sw_index_certificate certificate;
};

/* --- checks ----------------------------------------------------------------------------------- */

static enum sw_err refuse(struct sw_index_reader *reader, const char *text)
{
    (void)snprintf(reader->why, SW_WHY_SIZE, "%s", text);
    return SW_ERR_INVALID;
}

static enum sw_err check(struct sw_index_reader *reader, const struct sw_index_query *query)
{
    if (query->k == 0 || query->k > SW_SEARCH_COUNT_MAX) {
        return refuse(reader, "k: 1 to 1024");
    }
    if (query->probe > SW_INDEX_BUCKET_COUNT_MAX) {
        return refuse(reader, "probe: at most 65536 buckets");
    }
    if (query->rerank > SW_SEARCH_RERANK_MAX) {
        return refuse(reader, "rerank: at most 16384 candidates");
    }
    if (query->recall_permille != 0 &&
        (query->recall_permille < RECALL_MIN || query->recall_permille > RECALL_EXACT)) {
        return refuse(reader, "recall: 0.5 to 1");
    }
    if (query->seq_max != 0 && query->seq_max < query->seq_min) {
        return refuse(reader, "seq: the window ends before it begins");
    }
    return SW_ERR_OK;
}

/* --- budgets ---------------------------------------------------------------------------------- */

/* What a recall costs, measured (docs/BENCHMARKS.md): buckets by the root of their number, and
 * candidates by k. */
static const struct {
    uint32_t permille;
    struct sw_index_budget budget;
} budgets[] = {{800, {22, 40}},
               {900, {45, 70}},
               {950, {70, 120}},
               {980, {120, 160}},
               {990, {200, 240}},
               {999, {600, 400}}};

static size_t budget_of(const struct sw_index_query *query)
{
    const uint32_t permille = query->recall_permille == 0 ? RECALL_DEFAULT : query->recall_permille;
    size_t at = 0;

    while (at + 1 < sizeof(budgets) / sizeof(budgets[0]) && budgets[at].permille < permille) {
        at++;
    }
    return at;
}

static struct sw_index_budget budget_in_force(const struct sw_index_query *query)
{
    return query->recall_permille == 0 && query->budget.probe_percent != 0
               ? query->budget
               : budgets[budget_of(query)].budget;
}

struct sw_index_budget sw_index_budget_of(uint32_t recall_permille)
{
    const struct sw_index_query query = {.recall_permille = recall_permille};

    return budgets[budget_of(&query)].budget;
}

static uint32_t probe_of(const struct sw_index_query *query, uint32_t buckets)
{
    const uint64_t root = sw__isqrt((uint64_t)buckets * 10000);
    const uint64_t probe = (root * budget_in_force(query).probe_percent + 9999) / 10000;

    if (query->recall_permille == RECALL_EXACT) {
        return buckets;
    }
    if (query->probe != 0) {
        return query->probe < buckets ? query->probe : buckets;
    }
    return probe < buckets ? (uint32_t)(probe < 4 ? 4 : probe) : buckets;
}

static uint32_t rerank_of(const struct sw_index_query *query)
{
    const uint32_t rerank = query->k * budget_in_force(query).rerank_tenths / 10;

    if (query->recall_permille == RECALL_EXACT) {
        return UINT32_MAX;
    }
    if (query->rerank != 0) {
        return query->rerank < query->k ? query->k : query->rerank;
    }
    if (rerank > SW_SEARCH_RERANK_MAX) {
        return SW_SEARCH_RERANK_MAX;
    }
    return rerank < 32 ? 32 : rerank;
}

/* --- what is compared exactly ------------------------------------------------------------------
 */

/* To gcc, fetching ahead is no effect, and it leaves out calls of functions without one; hence the
 * statement that is. */
static void prefetch(const uint8_t *bytes, size_t size)
{
    __asm__ volatile("");
    for (size_t at = 0; at < size; at += 64) {
        __builtin_prefetch(bytes + at, 0, 3);
    }
}

/* Sets the candidate's key to its distance: of the high plane, or of both. */
static enum sw_err compare_row(const struct search *search,
                               struct sw_span bytes,
                               bool both,
                               struct sw__candidate *candidate)
{
    struct sw_index_reader *reader = search->reader;
    struct sw__row row;

    if (sw__row_view(bytes, reader->dim, &row) != SW_ERR_OK || row.id != candidate->id) {
        return sw__reader_corrupt(reader, "a row");
    }
    candidate->key =
        sw__exact_distance(&search->exact,
                           reader->space.metric,
                           &row,
                           sw__exact_dot(&search->exact, reader->kernel, &row, reader->dim, both));
    return SW_ERR_OK;
}

/* Some rows at a time: all of them are on their way from memory before the first is needed. */
static enum sw_err compare_some(const struct search *search,
                                struct sw__candidate *candidates,
                                uint32_t count,
                                bool both)
{
    struct sw_index_reader *reader = search->reader;
    const size_t ahead = both ? sw__row_size(reader->dim) : SW__ROW_HEADER_SIZE + reader->dim;
    struct sw_span bytes[ROWS_MAX];
    enum sw_err err = SW_ERR_OK;

    SW_ASSERT(count <= ROWS_MAX);
    for (uint32_t i = 0; err == SW_ERR_OK && i < count; i++) {
        err = sw__reader_row(reader, candidates[i].slice_at, candidates[i].vector, &bytes[i]);
        if (err == SW_ERR_OK) {
            prefetch(bytes[i].data, ahead);
        }
    }
    for (uint32_t i = 0; err == SW_ERR_OK && i < count; i++) {
        err = compare_row(search, bytes[i], both, &candidates[i]);
    }
    return err;
}

static enum sw_err compare_rows(const struct search *search,
                                struct sw__candidate *candidates,
                                uint32_t count,
                                bool both)
{
    enum sw_err err = SW_ERR_OK;

    for (uint32_t from = 0; err == SW_ERR_OK && from < count; from += ROWS_MAX) {
        const uint32_t part = count - from < ROWS_MAX ? count - from : ROWS_MAX;

        err = compare_some(search, candidates + from, part, both);
    }
    return err;
}

/* Of those with the key `last`, from `below` on, as many with the smallest ids as are wanted. */
static void keep_ties(
    struct sw__candidate *candidates, uint32_t below, uint32_t count, uint32_t wanted, int64_t last)
{
    struct sw__candidate *ties = candidates + below;
    uint32_t found = 0;

    for (uint32_t i = below; i < count; i++) {
        if (candidates[i].key == last) {
            const struct sw__candidate tie = candidates[i];

            candidates[i] = ties[found];
            ties[found++] = tie;
        }
    }
    SW_ASSERT(found >= wanted);
    if (found > wanted) {
        sw__select_candidates(ties, found, wanted);
    }
}

/* The `keep` smallest by (key, id) come first; returns the key of the last of them. Keys alone are
 * chosen from first: they are a fifth of the bytes. */
static int64_t
keep_smallest(struct sw__candidate *candidates, uint32_t count, uint32_t keep, uint64_t *numbers)
{
    uint64_t last = 0;
    uint32_t below = 0;
    int64_t key;

    for (uint32_t i = 0; i < count; i++) {
        numbers[i] = (uint64_t)candidates[i].key ^ UINT64_C(1) << 63;
    }
    sw__select_numbers(numbers, count, keep);
    for (uint32_t i = 0; i < keep; i++) {
        last = numbers[i] > last ? numbers[i] : last;
    }
    key = (int64_t)(last ^ UINT64_C(1) << 63);
    for (uint32_t i = 0; i < count; i++) {
        if (candidates[i].key < key) {
            const struct sw__candidate kept = candidates[i];

            candidates[i] = candidates[below];
            candidates[below++] = kept;
        }
    }
    keep_ties(candidates, below, count, keep - below, key);
    return key;
}

/* The `keep` nearest of the candidates come first, sorted, with exact distances as keys. Those the
 * high planes alone put far behind are not looked at more closely. */
static enum sw_err
refine(struct search *search, struct sw__candidate *candidates, uint32_t count, uint32_t keep)
{
    const uint32_t fine = 2 * keep > keep + FINE_MIN ? 2 * keep : keep + FINE_MIN;
    uint32_t left = count;
    enum sw_err err = SW_ERR_OK;

    if (count > fine) {
        err = compare_rows(search, candidates, count, false);
        (void)keep_smallest(candidates, count, fine, search->numbers);
        left = fine;
    }
    if (err == SW_ERR_OK) {
        err = compare_rows(search, candidates, left, true);
        sw__sort_candidates(candidates, left);
    }
    return err;
}

/* Everything is compared: what was kept goes into the hits, and only the best of these stay. */
static enum sw_err absorb(struct search *search)
{
    const uint32_t k = search->query->k;
    const enum sw_err err = compare_rows(search, search->kept, search->kept_count, true);

    if (err == SW_ERR_OK) {
        search->certificate.reranked += search->kept_count;
        memcpy(search->hits + search->hit_count,
               search->kept,
               search->kept_count * sizeof(search->kept[0]));
        search->hit_count += search->kept_count;
        if (search->hit_count > k) {
            sw__select_candidates(search->hits, search->hit_count, k);
            search->hit_count = k;
        }
    }
    search->kept_count = 0;
    return err;
}

/* Makes room for another block of lanes. */
static enum sw_err cut(struct search *search)
{
    if (search->rerank == UINT32_MAX) {
        return absorb(search);
    }
    if (search->kept_count > search->rerank) {
        search->threshold = (int32_t)keep_smallest(
            search->kept, search->kept_count, search->rerank, search->numbers);
        search->kept_count = search->rerank;
    }
    return SW_ERR_OK;
}

/* --- the scan --------------------------------------------------------------------------------- */

/* Whether the query may see a lane, and whether it is stale. */
static enum sw_err see(struct search *search,
                       const struct sw__block *block,
                       uint32_t lane,
                       bool *ret_seen,
                       bool *ret_stale)
{
    const struct sw_index_query *query = search->query;
    const uint32_t context = sw__block_context(block, lane);
    const uint64_t seq = sw__block_seq(block, lane);
    uint64_t watermark = 0;
    enum sw_err err;

    *ret_seen = false;
    if (seq < query->seq_min || (query->seq_max != 0 && seq > query->seq_max) ||
        (query->one_context && context != query->context)) {
        return SW_ERR_OK;
    }
    err = sw__reader_watermark(search->reader, context, &watermark);
    *ret_stale = seq < watermark;
    *ret_seen = err == SW_ERR_OK && (!*ret_stale || query->include_stale);
    return err;
}

static uint32_t filter_mask(const struct search *search, const struct sw__block *block)
{
    const struct sw_index_filter *filter = search->query->filter;
    const uint32_t all = block->count == 32 ? UINT32_MAX : (UINT32_C(1) << block->count) - 1;
    uint64_t ids[SW__BLOCK_LANES];

    if (filter == NULL) {
        return all;
    }
    for (uint32_t lane = 0; lane < block->count; lane++) {
        ids[lane] = sw__block_id(block, lane);
    }
    return filter->mask(filter->context, ids, block->count) & all;
}

static bool outside(const struct search *search, const struct sw__block *block)
{
    const struct sw_index_query *query = search->query;

    return block->seq_max < query->seq_min ||
           (query->seq_max != 0 && block->seq_min > query->seq_max);
}

static enum sw_err take_lane(struct search *search,
                             const struct source *source,
                             const struct sw__block *block,
                             uint32_t lane,
                             int32_t estimate)
{
    bool seen = false;
    bool stale = false;
    const enum sw_err err = see(search, block, lane, &seen, &stale);

    search->passed += seen ? 1 : 0;
    if (err == SW_ERR_OK && seen && estimate <= search->threshold) {
        search->kept[search->kept_count++] =
            (struct sw__candidate){.key = estimate,
                                   .id = sw__block_id(block, lane),
                                   .seq = sw__block_seq(block, lane),
                                   .context = sw__block_context(block, lane),
                                   .vector = sw__block_vector(block, lane),
                                   .slice_at = source->slice_at,
                                   .stale = stale};
    }
    return err;
}

static enum sw_err scan_block(struct search *search, const struct source *source)
{
    const size_t size = sw__block_size(search->reader->dim);
    int32_t estimates[SW__BLOCK_LANES] = {0};
    struct sw__block block;
    struct sw__codes codes;
    uint32_t mask;
    enum sw_err err = sw__block_view(sw_span_of(source->bytes, size), search->reader->dim, &block);

    if (err != SW_ERR_OK) {
        return sw__reader_corrupt(search->reader, "a block of codes");
    }
    search->certificate.scanned += block.count;
    if (outside(search, &block)) {
        return SW_ERR_OK;
    }
    codes = sw__block_codes(&block);
    search->reader->kernel->estimate(
        &search->reader->looks[source->look]->code, &codes, source->base, estimates);
    mask = filter_mask(search, &block);
    if (!search->narrow) {
        mask &= search->reader->kernel->below(estimates, search->threshold);
    }
    if (search->kept_count + SW__BLOCK_LANES > search->kept_capacity) {
        err = cut(search);
    }
    for (; err == SW_ERR_OK && mask != 0; mask &= mask - 1) {
        const uint32_t lane = (uint32_t)__builtin_ctz(mask);

        err = take_lane(search, source, &block, lane, estimates[lane]);
    }
    return err;
}

static void prefetch_block(const struct search *search, uint32_t at)
{
    if (at < search->source_count) {
        prefetch(search->sources[at].bytes, sw__block_size(search->reader->dim));
    }
}

/* The blocks of one bucket join the wave. */
static enum sw_err collect(struct search *search, uint32_t bucket, int32_t base, uint16_t look)
{
    const struct sw__listed *blocks = NULL;
    uint32_t count = 0;
    const enum sw_err err = sw__reader_list(search->reader, bucket, &blocks, &count);

    if (search->source_count + count > search->source_capacity) {
        search->source_capacity = 2 * (search->source_count + count);
        search->sources =
            realloc(search->sources, search->source_capacity * sizeof(*search->sources));
        SW_ASSERT(search->sources != NULL);
    }
    for (uint32_t i = 0; i < count; i++) {
        search->sources[search->source_count++] = (struct source){
            .bytes = blocks[i].bytes, .base = base, .slice_at = blocks[i].slice_at, .look = look};
    }
    return err;
}

/* Looks into the buckets near[from..end). */
static enum sw_err
wave(struct search *search, const struct sw__near *near, uint32_t from, uint32_t end, uint16_t look)
{
    enum sw_err err = SW_ERR_OK;

    search->source_count = 0;
    for (uint32_t i = from; err == SW_ERR_OK && i < end; i++) {
        err = collect(search, near[i].bucket, near[i].base, look);
    }
    for (uint32_t i = 0; i < AHEAD; i++) {
        prefetch_block(search, i);
    }
    for (uint32_t i = 0; err == SW_ERR_OK && i < search->source_count; i++) {
        prefetch_block(search, i + AHEAD);
        err = scan_block(search, &search->sources[i]);
    }
    search->certificate.probed += end - from;
    return err;
}

/* --- buckets ---------------------------------------------------------------------------------- */

static uint64_t pass_min(const struct sw_index_query *query)
{
    return query->filter_pass_min != 0 ? query->filter_pass_min
                                       : (uint64_t)SW_SEARCH_PASS_DEFAULT * query->k;
}

static bool enough(const struct search *search, uint32_t done, uint32_t probe)
{
    const uint64_t scan_max = search->query->scan_max;

    if (scan_max != 0 && search->certificate.scanned >= scan_max) {
        return true;
    }
    return done >= probe && (!search->narrow || search->passed >= pass_min(search->query));
}

static enum sw_err
probe_epoch(struct search *search, const struct sw__pivots *pivots, uint16_t look)
{
    struct sw_index_reader *reader = search->reader;
    const uint32_t count = sw__pivots_count(pivots);
    const uint32_t probe = probe_of(search->query, count);
    const bool by_waves = search->narrow || search->query->scan_max != 0;
    const uint32_t wanted = search->narrow ? count : probe;
    struct sw__near *near = malloc(((size_t)wanted + 1) * sizeof(*near));
    uint32_t done = 0;
    uint32_t ranked;
    enum sw_err err = SW_ERR_OK;

    SW_ASSERT(near != NULL);
    ranked = sw__pivots_rank(pivots, reader->kernel, reader->looks[look], true, wanted, near);
    while (err == SW_ERR_OK && done < ranked && !enough(search, done, probe)) {
        const uint32_t part = by_waves && ranked - done > WAVE ? WAVE : ranked - done;

        err = wave(search, near, done, done + part, look);
        done += part;
    }
    search->certificate.buckets += count;
    free(near);
    return err;
}

static enum sw_err probe_all(struct search *search, const int32_t *fixed)
{
    struct sw_index_reader *reader = search->reader;
    enum sw_err err;

    sw__pivots_look(reader->now, fixed, reader->looks[0]);
    err = probe_epoch(search, reader->now, 0);
    if (err == SW_ERR_OK && reader->previous != NULL) {
        sw__pivots_look(reader->previous, fixed, reader->looks[1]);
        err = probe_epoch(search, reader->previous, 1);
    }
    return err;
}

/* --- the whole -------------------------------------------------------------------------------- */

/* An estimate as a distance. */
static int64_t distance_of_estimate(const struct search *search, int64_t estimate)
{
    const int64_t distance = estimate * (INT64_C(1) << (SW_DISTANCE_BITS - SW__ESTIMATE_BITS));

    switch (search->reader->space.metric) {
    case SW_METRIC_COSINE:
        return distance + (INT64_C(1) << SW_DISTANCE_BITS);
    case SW_METRIC_L2:
        return 2 * distance;
    case SW_METRIC_INNER_PRODUCT:
        break;
    }
    return distance;
}

static void give(const struct search *search,
                 const struct sw__candidate *best,
                 uint32_t count,
                 struct sw_index_hit *ret_hits,
                 uint32_t *ret_count)
{
    const struct sw_index_query *query = search->query;
    uint32_t given = 0;

    for (uint32_t i = 0; i < count; i++) {
        if (!query->bounded || best[i].key <= query->distance_max) {
            ret_hits[given++] = (struct sw_index_hit){
                .id = best[i].id,
                .distance = best[i].key,
                .seq = best[i].seq,
                .context = best[i].context,
                .slice = search->reader->state.slices[best[i].slice_at].slice,
                .stale = best[i].stale,
            };
        }
    }
    *ret_count = given;
}

static enum sw_err finish(struct search *search, struct sw_index_hit *ret_hits, uint32_t *ret_count)
{
    const uint32_t k = search->query->k;
    bool cut_off = false;
    int64_t last = 0;
    enum sw_err err;

    if (search->rerank == UINT32_MAX) {
        err = absorb(search);
        sw__sort_candidates(search->hits, search->hit_count);
        search->certificate.margin = INT64_MAX;
        if (err == SW_ERR_OK) {
            give(search, search->hits, search->hit_count, ret_hits, ret_count);
        }
        return err;
    }
    cut_off = search->threshold != INT32_MAX || search->kept_count > search->rerank;
    err = cut(search);
    last = distance_of_estimate(search, search->threshold);
    if (err == SW_ERR_OK) {
        search->certificate.reranked = search->kept_count;
        err = refine(search, search->kept, search->kept_count, k);
    }
    if (err == SW_ERR_OK) {
        const uint32_t count = search->kept_count < k ? search->kept_count : k;

        search->certificate.margin =
            cut_off && count > 0 ? last - search->kept[count - 1].key : INT64_MAX;
        give(search, search->kept, count, ret_hits, ret_count);
    }
    return err;
}

static void begin(struct search *search, struct sw_index_reader *reader, const int32_t *fixed)
{
    const struct sw_index_query *query = search->query;
    const uint32_t rerank = rerank_of(query);

    search->reader = reader;
    search->rerank = rerank;
    search->narrow =
        query->filter != NULL || query->one_context || query->seq_min != 0 || query->seq_max != 0;
    search->threshold = INT32_MAX;
    sw__exact_of(fixed, reader->dim, &search->exact);
    search->certificate.epoch = reader->state.epoch;
    search->kept_capacity = (rerank == UINT32_MAX ? 1024 : 4 * rerank) + SW__BLOCK_LANES;
    search->kept = malloc(search->kept_capacity * sizeof(*search->kept));
    search->numbers = malloc(search->kept_capacity * sizeof(*search->numbers));
    SW_ASSERT(search->numbers != NULL);
    search->source_capacity = BLOCKS_MIN;
    search->sources = malloc(search->source_capacity * sizeof(*search->sources));
    SW_ASSERT(search->kept != NULL);
    SW_ASSERT(search->sources != NULL);
    if (rerank == UINT32_MAX) {
        search->hits = malloc((search->kept_capacity + (size_t)query->k) * sizeof(*search->hits));
        SW_ASSERT(search->hits != NULL);
    }
}

/* What is asked about, rotated: a row already is. */
static enum sw_err
query_fixed(struct sw_index_reader *reader, const struct sw_index_query *query, int32_t *ret_fixed)
{
    struct sw__row row;
    enum sw_err err;

    if (query->row.size == 0) {
        err = sw__vector_fixed(&reader->space, query->vector, ret_fixed, reader->why);
        if (err == SW_ERR_OK) {
            sw__rotate(reader->rotation, ret_fixed);
        }
        return err;
    }
    err = sw__row_view(query->row, reader->dim, &row);
    if (err == SW_ERR_OK) {
        sw__row_restore(&row, reader->dim, ret_fixed);
    }
    return err;
}

enum sw_err sw_index_search(struct sw_index_reader *reader,
                            const struct sw_index_query *query,
                            struct sw_index_hit *ret_hits,
                            uint32_t *ret_count,
                            struct sw_index_certificate *ret_certificate)
{
    int32_t fixed[SW_SPACE_DIM_MAX];
    struct search search = {.query = query};
    enum sw_err err;

    SW_ASSERT(reader->open);
    reader->why[0] = 0;
    err = check(reader, query);
    if (err == SW_ERR_OK) {
        err = query_fixed(reader, query, fixed);
    }
    if (err != SW_ERR_OK) {
        return err;
    }
    begin(&search, reader, fixed);
    err = probe_all(&search, fixed);
    if (err == SW_ERR_OK) {
        err = finish(&search, ret_hits, ret_count);
    }
    search.certificate.passed = search.narrow ? search.passed : search.certificate.scanned;
    if (err == SW_ERR_OK && ret_certificate != NULL) {
        *ret_certificate = search.certificate;
    }
    free(search.sources);
    free(search.kept);
    free(search.numbers);
    free(search.hits);
    return err;
}
