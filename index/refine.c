/* The exact comparison of candidates: the upper planes of all, both planes of the best of these.
 *
 * Rows lie where they were put, not where their bucket is, so each of them is a wait for memory:
 * some are sent for at a time before the first is needed. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "index/search_private.h"

enum {
    FINE_MIN = 16, /* beyond k: compared with both planes */
    ROWS_MAX = 64,
    ESTIMATED_BITS = 2, /* vectors of so few are not compared: estimates are nearer */
};

/* Sets the candidate's key to its distance: of the high plane, or of both. */
static enum sw_err
compare_row(const struct sw__search *search, bool both, struct sw__candidate *candidate)
{
    struct sw_index_reader *reader = search->reader;
    const struct sw_span bytes = sw_span_of(candidate->row, candidate->row_size);
    struct sw__row row;

    if (sw__row_view(bytes, reader->dim, &row) != SW_ERR_OK) {
        return sw__reader_corrupt(reader, "a row");
    }
    candidate->id = row.id;
    if (row.bits <= ESTIMATED_BITS && search->rerank != SW__RERANK_ALL) {
        candidate->key = candidate->estimate; /* a code is less the pivot, so it knows better */
        return SW_ERR_OK;
    }
    sw__row_unpack(&row, reader->dim, reader->unpacked);
    candidate->key =
        sw__exact_distance(&reader->exact,
                           reader->space.metric,
                           &row,
                           sw__exact_dot(&reader->exact, reader->kernel, &row, reader->dim, both));
    return SW_ERR_OK;
}

/* Where the rows of up to ROWS_MAX picks are; `ahead` bytes of each are sent for. */
static enum sw_err find_rows(const struct sw__search *search,
                             uint32_t from,
                             uint32_t count,
                             size_t ahead,
                             struct sw__candidate *ret_candidates)
{
    struct sw_index_reader *reader = search->reader;
    const uint32_t *lanes = reader->picks.lanes + from;
    struct sw__block block;
    enum sw_err err = SW_ERR_OK;

    for (uint32_t i = 0; i < count; i++) {
        const struct sw__listed *listed = &reader->lists.blocks[lanes[i] / SW__BLOCK_LANES];

        __builtin_prefetch(
            sw__block_vector_at(listed->bytes, reader->dim, lanes[i] % SW__BLOCK_LANES), 0, 3);
    }
    for (uint32_t i = 0; err == SW_ERR_OK && i < count; i++) {
        const uint32_t lane = sw__scan_lane(search, lanes[i], &block);
        struct sw_span row = {0};

        err = sw__reader_row(reader,
                             reader->lists.blocks[lanes[i] / SW__BLOCK_LANES].slice_at,
                             sw__block_vector(&block, lane),
                             &row);
        ret_candidates[i] = (struct sw__candidate){
            .lane = lanes[i],
            .row = row.data,
            .row_size = (uint32_t)row.size,
            .estimate = sw__estimate_distance(search, reader->picks.estimates[from + i])};
        if (err == SW_ERR_OK) {
            sw__prefetch(row.data, row.size < ahead ? row.size : ahead);
        }
    }
    return err;
}

/* All picks become candidates, from number `first` on. */
static enum sw_err compare_picks(struct sw__search *search, uint32_t first, bool both)
{
    struct sw__picks *picks = &search->reader->picks;
    const uint32_t dim = search->reader->dim;
    const size_t ahead = both ? sw__row_size(dim) : SW__ROW_HEADER_SIZE + dim;
    enum sw_err err = SW_ERR_OK;

    if (picks->candidate_capacity < first + picks->count) {
        picks->candidate_capacity = first + picks->count;
        picks->candidates =
            realloc(picks->candidates, picks->candidate_capacity * sizeof(*picks->candidates));
        SW_ASSERT(picks->candidates != NULL);
    }
    for (uint32_t from = 0; err == SW_ERR_OK && from < picks->count; from += ROWS_MAX) {
        const uint32_t left = picks->count - from;
        const uint32_t part = left < ROWS_MAX ? left : ROWS_MAX;
        struct sw__candidate *candidates = picks->candidates + first + from;

        err = find_rows(search, from, part, ahead, candidates);
        for (uint32_t i = 0; err == SW_ERR_OK && i < part; i++) {
            err = compare_row(search, both, &candidates[i]);
        }
    }
    return err;
}

enum sw_err sw__refine_absorb(struct sw__search *search)
{
    struct sw__picks *picks = &search->reader->picks;
    const uint32_t k = search->query->k;
    const enum sw_err err = compare_picks(search, search->hit_count, true);

    if (err == SW_ERR_OK) {
        search->certificate.reranked += picks->count;
        search->hit_count += picks->count;
        if (search->hit_count > k) {
            sw__select_candidates(picks->candidates, search->hit_count, k);
            search->hit_count = k;
        }
    }
    picks->count = 0;
    return err;
}

/* Those the high planes alone put far behind are not looked at more closely. */
static enum sw_err compare_twice(struct sw__search *search, uint32_t fine)
{
    struct sw__picks *picks = &search->reader->picks;
    const uint32_t dim = search->reader->dim;
    enum sw_err err = compare_picks(search, 0, false);

    if (err == SW_ERR_OK) {
        sw__select_candidates(picks->candidates, picks->count, fine);
        for (uint32_t i = 0; i < fine; i++) { /* of a shorter row it is another one: no harm */
            sw__prefetch(picks->candidates[i].row + SW__ROW_HEADER_SIZE + dim, dim);
        }
    }
    for (uint32_t i = 0; err == SW_ERR_OK && i < fine; i++) {
        err = compare_row(search, true, &picks->candidates[i]);
    }
    return err;
}

enum sw_err sw__refine(struct sw__search *search, uint32_t *ret_count)
{
    struct sw__picks *picks = &search->reader->picks;
    const uint32_t k = search->query->k;
    const uint32_t fine = 2 * k > k + FINE_MIN ? 2 * k : k + FINE_MIN;
    uint32_t left = picks->count < fine ? picks->count : fine;
    enum sw_err err;

    if (search->rerank == SW__RERANK_ALL) {
        err = sw__refine_absorb(search);
        left = search->hit_count;
    } else {
        search->certificate.reranked = picks->count;
        err = picks->count > fine ? compare_twice(search, fine) : compare_picks(search, 0, true);
    }
    if (err == SW_ERR_OK) {
        sw__sort_candidates(picks->candidates, left);
        *ret_count = left < k ? left : k;
    }
    return err;
}
