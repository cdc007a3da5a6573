/* One search: checks, budgets, near buckets, and the answer; see search.h. Codes are scanned in
 * scan.c, vectors compared in refine.c. */
#include "index/search.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "index/search_private.h"
#include "index/vector.h"

enum {
    STEP = 16,  /* buckets that are looked into before a limit is looked at again */
    GROWTH = 4, /* of the number of buckets, when too few entries passed */
    RECALL_DEFAULT = 950,
    RECALL_MIN = 500,
    RECALL_EXACT = 1000,
    PROBE_MIN = 4, /* of what a table says; who has measured knows better */
    RERANK_MIN = 20,
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
} budgets[] = {{800, {15, 25}},
               {900, {30, 40}},
               {950, {60, 55}},
               {980, {120, 90}},
               {990, {170, 130}},
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

static bool has_budget(const struct sw_index_query *query)
{
    return query->recall_permille == 0 && query->budget.probe_percent != 0;
}

static struct sw_index_budget budget_in_force(const struct sw_index_query *query)
{
    return has_budget(query) ? query->budget : budgets[budget_of(query)].budget;
}

struct sw_index_budget sw_index_budget_of(uint32_t recall_permille)
{
    const struct sw_index_query query = {.recall_permille = recall_permille};

    return budgets[budget_of(&query)].budget;
}

static uint32_t probe_of(const struct sw_index_query *query, uint32_t buckets)
{
    const uint64_t root = sw__isqrt((uint64_t)buckets * 10000);
    const uint64_t least = has_budget(query) ? 1 : PROBE_MIN;
    const uint64_t probe = (root * budget_in_force(query).probe_percent + 9999) / 10000;

    if (query->recall_permille == RECALL_EXACT) {
        return buckets;
    }
    if (query->probe != 0) {
        return query->probe < buckets ? query->probe : buckets;
    }
    return probe < buckets ? (uint32_t)(probe < least ? least : probe) : buckets;
}

static uint32_t rerank_of(const struct sw_index_query *query)
{
    const uint32_t rerank = query->k * budget_in_force(query).rerank_tenths / 10;

    if (query->recall_permille == RECALL_EXACT) {
        return SW__RERANK_ALL;
    }
    if (query->rerank != 0) {
        return query->rerank < query->k ? query->k : query->rerank;
    }
    if (rerank > SW_SEARCH_RERANK_MAX) {
        return SW_SEARCH_RERANK_MAX;
    }
    return has_budget(query) || rerank >= RERANK_MIN ? (rerank < query->k ? query->k : rerank)
                                                     : RERANK_MIN;
}

/* --- buckets ---------------------------------------------------------------------------------- */

static uint64_t pass_min(const struct sw_index_query *query)
{
    return query->filter_pass_min != 0 ? query->filter_pass_min
                                       : (uint64_t)SW_SEARCH_PASS_DEFAULT * query->k;
}

static bool enough(const struct sw__search *search, uint32_t done, uint32_t probe)
{
    return search->certificate.terminated_early ||
           (done >= probe && (!search->narrow || search->passed >= pass_min(search->query)));
}

static struct sw__near *room_for(struct sw_index_reader *reader, uint32_t count)
{
    if (reader->near_capacity < count) {
        reader->near_capacity = count;
        reader->near = realloc(reader->near, count * sizeof(*reader->near));
        SW_ASSERT(reader->near != NULL);
    }
    return reader->near;
}

/* Buckets near[*done..end), a few at a time if enough may pass before that. */
static enum sw_err look_into(struct sw__search *search,
                             const struct sw__pivots *pivots,
                             const struct sw__look *look,
                             uint32_t *done,
                             uint32_t end,
                             uint32_t probe)
{
    const struct sw__near *near = search->reader->near;
    const bool limited = search->narrow && end > probe;
    enum sw_err err = SW_ERR_OK;

    while (err == SW_ERR_OK && *done < end && !(limited && enough(search, *done, probe))) {
        const uint32_t part = limited && end - *done > STEP ? STEP : end - *done;

        err = sw__scan(search, pivots, look, near + *done, part);
        *done += part;
    }
    return err;
}

/* Farther and farther, until enough entries have passed. Once it would be half of all buckets it is
 * all of them, and their order does not matter. */
static enum sw_err probe_growing(struct sw__search *search,
                                 const struct sw__pivots *pivots,
                                 const struct sw__look *look,
                                 uint32_t probe)
{
    const uint32_t count = sw__pivots_count(pivots);
    struct sw__near *near = room_for(search->reader, count);
    uint32_t done = 0;
    enum sw_err err = SW_ERR_OK;

    (void)sw__pivots_all(pivots, search->reader->kernel, look, near);
    while (err == SW_ERR_OK && done < count && !enough(search, done, probe)) {
        const uint64_t next = done == 0 ? probe : (uint64_t)GROWTH * done;
        const uint32_t end = 2 * next >= count ? count : (uint32_t)next;

        if (end < count) {
            sw__pivots_part(pivots, near + done, count - done, end - done);
        }
        err = look_into(search, pivots, look, &done, end, probe);
    }
    return err;
}

static enum sw_err probe_epoch(struct sw__search *search,
                               const struct sw__pivots *pivots,
                               const int32_t *fixed,
                               struct sw__look *look)
{
    struct sw_index_reader *reader = search->reader;
    const uint32_t count = sw__pivots_count(pivots);
    const uint32_t probe = probe_of(search->query, count);
    const bool all = probe == count && search->query->scan_max == 0;
    uint32_t done = 0;
    uint32_t found;

    search->certificate.buckets += count;
    sw__pivots_look(pivots, reader->kernel, fixed, look);
    if (search->narrow) {
        return probe_growing(search, pivots, look, probe);
    }
    found =
        all ? sw__pivots_all(pivots, reader->kernel, look, room_for(reader, count))
            : sw__pivots_rank(pivots, reader->kernel, look, true, probe, room_for(reader, probe));
    return look_into(search, pivots, look, &done, found, probe);
}

static enum sw_err probe_all(struct sw__search *search, const int32_t *fixed)
{
    struct sw_index_reader *reader = search->reader;
    enum sw_err err = probe_epoch(search, reader->now, fixed, reader->looks[0]);

    if (err == SW_ERR_OK && reader->previous != NULL) {
        err = probe_epoch(search, reader->previous, fixed, reader->looks[1]);
    }
    return err;
}

/* --- the whole -------------------------------------------------------------------------------- */

int64_t sw__estimate_distance(const struct sw__search *search, int64_t estimate)
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

/* What the block says of a hit; CORRUPT if the row is another entry's. */
static enum sw_err
hit_of(struct sw__search *search, const struct sw__candidate *from, struct sw_index_hit *ret_hit)
{
    struct sw_index_reader *reader = search->reader;
    const struct sw__listed *listed = &reader->lists.blocks[from->lane / SW__BLOCK_LANES];
    struct sw__block block;
    const uint32_t lane = sw__scan_lane(search, from->lane, &block);
    const uint64_t seq = sw__block_seq(&block, lane);
    uint64_t watermark = 0;
    enum sw_err err;

    if (sw__block_id(&block, lane) != from->id) {
        return sw__reader_corrupt(reader, "a row");
    }
    err = sw__reader_watermark(reader, sw__block_context(&block, lane), &watermark);
    *ret_hit = (struct sw_index_hit){.id = from->id,
                                     .distance = from->key,
                                     .seq = seq,
                                     .context = sw__block_context(&block, lane),
                                     .slice = reader->state.slices[listed->slice_at].slice,
                                     .stale = seq < watermark};
    return err;
}

static enum sw_err
give(struct sw__search *search, uint32_t count, struct sw_index_hit *ret_hits, uint32_t *ret_count)
{
    const struct sw__candidate *best = search->reader->picks.candidates;
    const struct sw_index_query *query = search->query;
    uint32_t given = 0;
    enum sw_err err = SW_ERR_OK;

    for (uint32_t i = 0; err == SW_ERR_OK && i < count; i++) {
        if (!query->bounded || best[i].key <= query->distance_max) {
            err = hit_of(search, &best[i], &ret_hits[given++]);
        }
    }
    *ret_count = given;
    return err;
}

static enum sw_err
finish(struct sw__search *search, struct sw_index_hit *ret_hits, uint32_t *ret_count)
{
    const struct sw__candidate *best;
    uint32_t count = 0;
    enum sw_err err;

    if (search->rerank != SW__RERANK_ALL) {
        sw__scan_finish(search);
    }
    err = sw__refine(search, &count);
    if (err != SW_ERR_OK) {
        return err;
    }
    best = search->reader->picks.candidates;
    search->certificate.margin =
        search->cut_off && count > 0
            ? sw__estimate_distance(search, sw__scan_last(search)) - best[count - 1].key
            : INT64_MAX;
    return give(search, count, ret_hits, ret_count);
}

/* How many blocks hold so many entries when full, or how many there can be. */
static uint32_t blocks_of(uint64_t scan_max, uint32_t dim)
{
    const uint32_t capacity = sw__block_capacity(dim);
    const uint64_t blocks = scan_max / capacity + (scan_max % capacity != 0 ? 1 : 0);

    return scan_max == 0 || blocks > UINT32_MAX / 2 ? UINT32_MAX / 2 : (uint32_t)blocks;
}

static struct sw__search
begin(struct sw_index_reader *reader, const struct sw_index_query *query, const int32_t *fixed)
{
    const bool window = query->one_context || query->seq_min != 0 || query->seq_max != 0;

    reader->picks.count = 0;
    sw__exact_of(fixed, reader->dim, &reader->exact);
    return (struct sw__search){
        .reader = reader,
        .query = query,
        .rerank = rerank_of(query),
        .blocks_left = blocks_of(query->scan_max, reader->dim),
        .narrow = query->filter != NULL || window,
        .looking = window || reader->state.watermarks > 0,
        .threshold = INT32_MAX,
        .certificate = {.epoch = reader->state.epoch, .windows = reader->state.watermarks},
    };
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
    struct sw__search search;
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
    search = begin(reader, query, fixed);
    err = probe_all(&search, fixed);
    if (err == SW_ERR_OK) {
        err = finish(&search, ret_hits, ret_count);
    }
    search.certificate.passed = search.narrow ? search.passed : search.certificate.scanned;
    if (err == SW_ERR_OK && ret_certificate != NULL) {
        *ret_certificate = search.certificate;
    }
    return err;
}
