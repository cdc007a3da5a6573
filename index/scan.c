/* The scan of codes: which entries of the near buckets are worth a look at their vectors.
 *
 * Of each lane whose estimate is among the smallest so far only this estimate and its place are
 * noted; ids, seqs and vectors lie apart from the codes and are read once it is known of whom they
 * are needed. With a filter it is the other way round: codes are read of blocks with lanes that
 * pass. The outcome is a set, the smallest (estimate, id), so the order of blocks does not show. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "index/search_private.h"

enum {
    WAVE = 16,          /* buckets whose blocks are listed before the first is read */
    BLOCKS_AHEAD = 2,   /* on their way from memory */
    BUFFER_FACTOR = 4,  /* of the candidates wanted: so many are noted before the worst go */
    PICKS_EXACT = 1024, /* compared exactly at a time, when everything is */
};

/* A bucket that is being looked into; its code of the query is made when it is first needed. */
struct into {
    const struct sw__pivots *pivots;
    const struct sw__look *look;
    const struct sw__near *near;
    bool coded;
};

static void make_room(struct sw__search *search)
{
    struct sw__picks *picks = &search->reader->picks;
    const uint64_t wanted =
        search->rerank == SW__RERANK_ALL ? PICKS_EXACT : (uint64_t)BUFFER_FACTOR * search->rerank;
    const size_t capacity = (size_t)wanted + SW__BLOCK_LANES;

    if (picks->capacity >= capacity) {
        return;
    }
    picks->capacity = (uint32_t)capacity;
    /* A pick may write as many again as it gives. */
    picks->estimates = realloc(picks->estimates, (capacity + SW__BLOCK_LANES) * sizeof(int32_t));
    picks->lanes = realloc(picks->lanes, (capacity + SW__BLOCK_LANES) * sizeof(uint32_t));
    SW_ASSERT(picks->estimates != NULL);
    SW_ASSERT(picks->lanes != NULL);
}

/* --- what is kept ----------------------------------------------------------------------------- */

/* Lanes whose estimate is not above the threshold move to the front. */
static void keep_below(struct sw__picks *picks, int32_t threshold)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < picks->count; i++) {
        const int32_t estimate = picks->estimates[i];
        const uint32_t lane = picks->lanes[i];

        picks->estimates[kept] = estimate;
        picks->lanes[kept] = lane;
        kept += estimate <= threshold;
    }
    picks->count = kept;
}

/* Makes room for another block of lanes. */
static enum sw_err cut(struct sw__search *search)
{
    struct sw__picks *picks = &search->reader->picks;
    uint32_t kept = 0;

    if (search->rerank == SW__RERANK_ALL) {
        return sw__refine_absorb(search);
    }
    search->threshold =
        sw__select_estimate(picks->estimates, picks->count, search->rerank, search->rerank, &kept);
    search->cut_off = search->cut_off || kept < picks->count;
    keep_below(picks, search->threshold);
    if (picks->count + SW__BLOCK_LANES > picks->capacity) { /* as many are equal: by their ids */
        sw__scan_finish(search);
    }
    return SW_ERR_OK;
}

uint32_t sw__scan_lane(const struct sw__search *search, uint32_t pick, struct sw__block *ret_block)
{
    const struct sw__listed *listed = &search->reader->lists.blocks[pick / SW__BLOCK_LANES];

    *ret_block = sw__block_known(listed->bytes, search->reader->dim, listed->count);
    return pick % SW__BLOCK_LANES;
}

static struct sw__candidate *candidates_of(struct sw__picks *picks, uint32_t count)
{
    if (picks->candidate_capacity < count) {
        picks->candidate_capacity = count;
        picks->candidates = realloc(picks->candidates, count * sizeof(*picks->candidates));
        SW_ASSERT(picks->candidates != NULL);
    }
    return picks->candidates;
}

/* Of the picks with the estimate `last` only the `room` with the smallest ids stay. */
static void keep_ties(struct sw__search *search, int32_t last, uint32_t room)
{
    struct sw__picks *picks = &search->reader->picks;
    struct sw__candidate *ties = candidates_of(picks, picks->count);
    struct sw__block block;
    uint32_t found = 0;
    uint32_t kept = 0;

    for (uint32_t i = 0; i < picks->count; i++) {
        if (picks->estimates[i] == last) {
            const uint32_t lane = sw__scan_lane(search, picks->lanes[i], &block);

            ties[found++] =
                (struct sw__candidate){.id = sw__block_id(&block, lane), .lane = picks->lanes[i]};
        } else {
            picks->estimates[kept] = picks->estimates[i];
            picks->lanes[kept++] = picks->lanes[i];
        }
    }
    SW_ASSERT(found >= room);
    sw__select_candidates(ties, found, room);
    for (uint32_t i = 0; i < room; i++) {
        picks->estimates[kept] = last;
        picks->lanes[kept++] = ties[i].lane;
    }
    picks->count = kept;
}

int32_t sw__scan_last(const struct sw__search *search)
{
    const struct sw__picks *picks = &search->reader->picks;
    int32_t last = INT32_MIN;

    for (uint32_t i = 0; i < picks->count; i++) {
        last = picks->estimates[i] > last ? picks->estimates[i] : last;
    }
    return last;
}

void sw__scan_finish(struct sw__search *search)
{
    struct sw__picks *picks = &search->reader->picks;
    uint32_t below = 0;
    uint32_t kept = 0;

    SW_ASSERT(search->rerank != SW__RERANK_ALL);
    if (picks->count <= search->rerank) {
        return;
    }
    search->cut_off = true;
    search->threshold =
        sw__select_estimate(picks->estimates, picks->count, search->rerank, 0, &kept);
    keep_below(picks, search->threshold);
    SW_ASSERT(picks->count == kept);
    for (uint32_t i = 0; kept > search->rerank && i < kept; i++) {
        below += picks->estimates[i] < search->threshold;
    }
    if (kept > search->rerank) {
        keep_ties(search, search->threshold, search->rerank - below);
    }
}

/* --- which lanes may be seen ------------------------------------------------------------------ */

static enum sw_err
see(struct sw__search *search, const struct sw__block *block, uint32_t lane, bool *ret_seen)
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
    *ret_seen = err == SW_ERR_OK && (seq >= watermark || query->include_stale);
    return err;
}

/* Takes the lanes out of the mask that the query may not see. */
static enum sw_err
see_lanes(struct sw__search *search, const struct sw__block *block, uint32_t *mask)
{
    enum sw_err err = SW_ERR_OK;

    for (uint32_t left = *mask; err == SW_ERR_OK && left != 0; left &= left - 1) {
        const uint32_t lane = (uint32_t)__builtin_ctz(left);
        bool seen = false;

        err = see(search, block, lane, &seen);
        *mask &= ~((uint32_t)!seen << lane);
    }
    return err;
}

static bool outside(const struct sw__search *search, const uint8_t *block)
{
    const struct sw_index_query *query = search->query;

    return sw__block_seq_max(block) < query->seq_min ||
           (query->seq_max != 0 && sw__block_seq_min(block) > query->seq_max);
}

/* The lanes of a block that a filter, a window and a context let through. */
static enum sw_err
narrow_mask(struct sw__search *search, const struct sw__listed *listed, uint32_t *mask)
{
    const struct sw_index_filter *filter = search->query->filter;
    const struct sw__block block =
        sw__block_known(listed->bytes, search->reader->dim, listed->count);
    uint64_t ids[SW__BLOCK_LANES];
    enum sw_err err = SW_ERR_OK;

    if (search->looking && outside(search, listed->bytes)) {
        *mask = 0;
        return SW_ERR_OK;
    }
    if (filter != NULL) {
        sw__block_ids(&block, ids);
        *mask &= filter->mask(filter->context, ids, block.count);
    }
    if (search->looking) {
        err = see_lanes(search, &block, mask);
    }
    search->passed += (uint32_t)__builtin_popcount(*mask);
    return err;
}

/* --- the scan --------------------------------------------------------------------------------- */

static void estimate(struct sw_index_reader *reader,
                     struct into *into,
                     const struct sw__codes *codes,
                     int32_t *ret_estimates)
{
    if (!into->coded) {
        sw__pivots_look_into(
            into->pivots, reader->kernel, into->look, into->near->bucket, &reader->code);
        into->coded = true;
    }
    reader->kernel->estimate(&reader->code, codes, into->near->base, ret_estimates);
}

static enum sw_err scan_block(struct sw__search *search, uint32_t at, struct into *into)
{
    struct sw_index_reader *reader = search->reader;
    const struct sw__listed *listed = &reader->lists.blocks[at];
    const struct sw__codes codes = sw__block_codes_at(listed->bytes, reader->dim, listed->count);
    struct sw__picks *picks = &reader->picks;
    int32_t estimates[SW__BLOCK_LANES] = {0};
    uint32_t mask = UINT32_MAX >> (SW__BLOCK_LANES - listed->count);
    enum sw_err err = SW_ERR_OK;

    search->certificate.scanned += listed->count;
    if (search->narrow) {
        err = narrow_mask(search, listed, &mask);
        if (err != SW_ERR_OK || mask == 0) {
            return err;
        }
    }
    if (search->rerank != SW__RERANK_ALL) {
        estimate(reader, into, &codes, estimates);
        mask &= reader->kernel->below(estimates, search->threshold);
    }
    if (search->looking && !search->narrow) {
        const struct sw__block block = sw__block_known(listed->bytes, reader->dim, listed->count);

        err = see_lanes(search, &block, &mask);
    }
    if (err == SW_ERR_OK && picks->count + SW__BLOCK_LANES > picks->capacity) {
        err = cut(search);
    }
    if (err == SW_ERR_OK) {
        picks->count += reader->kernel->pick(estimates,
                                             mask,
                                             at * SW__BLOCK_LANES,
                                             picks->estimates + picks->count,
                                             picks->lanes + picks->count);
    }
    return err;
}

static void prefetch_block(const struct sw__search *search, uint32_t at)
{
    const struct sw_index_reader *reader = search->reader;

    if (search->query->filter == NULL) {
        sw__prefetch(reader->lists.blocks[at].bytes, sw__block_scan_size(reader->dim));
    } else {
        sw__prefetch(reader->lists.blocks[at].bytes + sw__block_scan_size(reader->dim),
                     SW__BLOCK_LANES * sizeof(uint64_t));
    }
}

static enum sw_err scan_bucket(struct sw__search *search,
                               const struct sw__some_blocks *listed,
                               const struct sw__some_blocks *next,
                               struct into *into)
{
    const uint32_t end = listed->first + listed->count;
    enum sw_err err = SW_ERR_OK;

    for (uint32_t i = 0; next != NULL && i < next->count && i < BLOCKS_AHEAD; i++) {
        prefetch_block(search, next->first + i);
    }
    for (uint32_t at = listed->first; err == SW_ERR_OK && at < end; at++) {
        if (at + BLOCKS_AHEAD < end) {
            prefetch_block(search, at + BLOCKS_AHEAD);
        }
        err = scan_block(search, at, into);
    }
    return err;
}

/* Looks up where the blocks of the buckets are, as many as there is budget for; the number of
 * buckets goes to `count`. */
static enum sw_err list_buckets(struct sw__search *search,
                                const struct sw__near *near,
                                struct sw__some_blocks *ret_lists,
                                uint32_t *count)
{
    const uint32_t wanted = *count;
    enum sw_err err = SW_ERR_OK;

    *count = 0;
    while (err == SW_ERR_OK && *count < wanted && !search->certificate.terminated_early) {
        struct sw__some_blocks *list = &ret_lists[*count];

        err = sw__reader_list(search->reader, near[*count].bucket, search->blocks_left, list);
        if (err == SW_ERR_OK) {
            search->blocks_left -= list->count;
            search->certificate.terminated_early = !list->complete;
            *count += 1;
        }
    }
    return err;
}

static enum sw_err wave(struct sw__search *search,
                        const struct sw__pivots *pivots,
                        const struct sw__look *look,
                        const struct sw__near *near,
                        uint32_t count)
{
    struct sw__some_blocks lists[WAVE];
    enum sw_err err = list_buckets(search, near, lists, &count);

    for (uint32_t i = 0; err == SW_ERR_OK && i < count; i++) {
        struct into into = {.pivots = pivots, .look = look, .near = &near[i]};

        err = scan_bucket(search, &lists[i], i + 1 < count ? &lists[i + 1] : NULL, &into);
    }
    search->certificate.probed += count;
    return err;
}

enum sw_err sw__scan(struct sw__search *search,
                     const struct sw__pivots *pivots,
                     const struct sw__look *look,
                     const struct sw__near *near,
                     uint32_t count)
{
    enum sw_err err = SW_ERR_OK;

    make_room(search);
    for (uint32_t from = 0;
         err == SW_ERR_OK && from < count && !search->certificate.terminated_early;
         from += WAVE) {
        const uint32_t part = count - from < WAVE ? count - from : WAVE;

        err = wave(search, pivots, look, near + from, part);
    }
    return err;
}
