/* The check of an index against itself: blocks, then places, then all counts; see verify.h. */
#include "index/verify.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "base/assert.h"
#include "index/index_private.h"

enum phase { PHASE_LOAD, PHASE_BLOCKS, PHASE_PLACES, PHASE_DONE };

/* A record, and the block that it leads to, beside a vector whose code is made again. */
enum { COST_OF_A_PLACE = 4 };

struct found {
    uint64_t entries;
    uint64_t places;
    struct sw_index_digest digest;
};

struct sw_index_verify {
    struct sw_index *index; /* owned: its records in memory; never written to */
    enum phase phase;
    struct sw__key cursor;                         /* the next record to look at, or before it */
    uint32_t *lanes;                               /* owned: by bucket, as index->buckets */
    struct found slices[SW_INDEX_SLICE_COUNT_MAX]; /* as state.slices */
    const struct sw_index_verify_owner *owner;     /* borrowed by a part; NULL: there is none */
    uint32_t bucket_at;                            /* of the last record: as index->buckets */
    uint32_t cost;                                 /* of records so far, in entries */
    struct sw_index_verify_report report;
};

struct sw_index_verify *sw_index_verify_new(struct sw_index_map *map, struct sw_span prefix)
{
    struct sw_index_verify *verify = calloc(1, sizeof(*verify));

    SW_ASSERT(verify != NULL);
    verify->index = sw__index_of(map, prefix);
    return verify;
}

void sw_index_verify_free(struct sw_index_verify *verify)
{
    if (verify == NULL) {
        return;
    }
    sw_index_free(verify->index);
    free(verify->lanes);
    free(verify);
}

const char *sw_index_verify_why(const struct sw_index_verify *verify)
{
    return sw_index_why(verify->index);
}

void sw_index_verify_report(const struct sw_index_verify *verify,
                            struct sw_index_verify_report *ret_report)
{
    *ret_report = verify->report;
}

static enum sw_err damaged(struct sw_index_verify *verify, const char *what, uint64_t number)
{
    char text[SW_WHY_SIZE];

    (void)snprintf(text, sizeof(text), "%s %" PRIu64, what, number);
    return sw__corrupt(verify->index, text);
}

/* --- blocks ----------------------------------------------------------------------------------- */

static bool same_code(const struct sw__code *a, const struct sw__code *b, uint32_t dim)
{
    return a->offset == b->offset && a->factor == b->factor &&
           memcmp(a->words, b->words, dim / 8) == 0;
}

/* The code that the entry's vector gives in its bucket, and the check of its row; of one that was
 * lowered neither can be made again. */
static enum sw_err check_code(struct sw_index_verify *verify,
                              const struct sw__bucket_at *at,
                              const struct sw__lane *lane,
                              struct sw_span row,
                              struct sw__row *ret_row)
{
    struct sw_index *index = verify->index;
    struct sw__pivots *pivots = sw__pivots_of(index, at->value.epoch);
    int32_t fixed[SW_SPACE_DIM_MAX];
    struct sw__code code = {0};

    if (pivots == NULL || sw__row_view(row, index->dim, ret_row) != SW_ERR_OK ||
        ret_row->id != lane->id || sw__row_load(index, ret_row, fixed) != SW_ERR_OK) {
        return damaged(verify, "the vector of entry", lane->id);
    }
    if (ret_row->bits < SW__ROW_BITS_MAX) {
        verify->report.lowered++;
        return SW_ERR_OK;
    }
    sw__pivots_look(pivots, index->kernel, fixed, index->look);
    sw__entry_code(index, pivots, at->bucket, &code);
    return same_code(&code, &lane->code, index->dim) && sw__row_check(row) == ret_row->check
               ? SW_ERR_OK
               : damaged(verify, "the code of entry", lane->id);
}

static enum sw_err check_lane(struct sw_index_verify *verify,
                              const struct sw__bucket_at *at,
                              uint32_t slice_at,
                              uint32_t block,
                              const struct sw__lane *lane)
{
    struct sw_index *index = verify->index;
    const uint32_t slice = index->state.slices[slice_at].slice;
    const struct sw__entry entry = {.id = lane->id,
                                    .seq = lane->seq,
                                    .context = lane->context,
                                    .slice = slice,
                                    .vector = lane->vector};
    struct sw_index_digest digest;
    struct sw__place place = {0};
    struct sw_span bytes;
    struct sw__row row;
    enum sw_err err = sw__place_get(index, lane->id, &place);

    if (err != SW_ERR_OK || place.slice != slice || place.bucket != at->bucket ||
        place.block != block || place.vector != lane->vector) {
        return damaged(verify, "the place of entry", lane->id);
    }
    err = sw__row_bytes(index, slice, lane->vector, &bytes);
    if (err == SW_ERR_OK) {
        err = check_code(verify, at, lane, bytes, &row);
    }
    if (err == SW_ERR_OK) {
        digest = sw__entry_digest(index, &entry, row.check);
        sw__digest_add(&verify->slices[slice_at].digest, digest);
        sw__digest_add(&verify->report.digest, digest);
        verify->slices[slice_at].entries++;
        verify->report.entries++;
    }
    return err;
}

static uint32_t slice_place(const struct sw_index *index, uint32_t slice)
{
    uint32_t at = 0;

    while (at < index->state.slice_count && index->state.slices[at].slice != slice) {
        at++;
    }
    return at;
}

static enum sw_err check_block(struct sw_index_verify *verify, const struct sw_index_record *record)
{
    struct sw_index *index = verify->index;
    uint8_t bytes[SW__BLOCK_SIZE_MAX];
    const struct sw__bucket_at *at;
    struct sw__block block;
    struct sw__lane lane = {0};
    uint32_t numbers[3];
    uint32_t slice_at;
    enum sw_err err = SW_ERR_OK;

    if (!sw__key_read(&index->prefix, SW__KIND_CODES, record->key, 3, numbers) ||
        sw__block_view(record->value, index->dim, &block) != SW_ERR_OK) {
        return damaged(verify, "a block of codes after block", verify->report.blocks);
    }
    memcpy(bytes, record->value.data, record->value.size);
    block.bytes = bytes;
    at = sw__bucket_find(index, numbers[0]);
    slice_at = slice_place(index, numbers[1]);
    if (at == NULL || slice_at == index->state.slice_count) {
        return damaged(verify, "a block of no bucket or slice in bucket", numbers[0]);
    }
    verify->report.blocks++;
    verify->bucket_at = (uint32_t)(at - index->buckets);
    verify->lanes[verify->bucket_at] += block.count;
    verify->cost += SW__BLOCK_LANES;
    if (index->state.slices[slice_at].dropped) {
        verify->report.waiting += block.count;
        verify->slices[slice_at].entries += block.count;
        return SW_ERR_OK;
    }
    for (uint32_t i = 0; err == SW_ERR_OK && i < block.count; i++) {
        sw__block_lane(&block, i, &lane);
        err = check_lane(verify, at, slice_at, ~numbers[2], &lane);
    }
    return err;
}

/* --- places ----------------------------------------------------------------------------------- */

/* The place leads to a lane of its entry, and the owner knows it. */
static enum sw_err
check_place_leads(struct sw_index_verify *verify, uint64_t id, const struct sw__place *place)
{
    struct sw__lane lane = {0};
    bool known = true;
    enum sw_err err = sw__entry_read(verify->index, id, place, &lane);

    if (err == SW_ERR_NOT_FOUND || err == SW_ERR_CORRUPT) {
        return damaged(verify, "no bucket has the entry of place", id);
    }
    if (err == SW_ERR_OK && verify->owner != NULL) {
        err = verify->owner->knows(verify->owner->arg, id, &known);
    }
    return known ? err : damaged(verify, "there is no key of entry", id);
}

static enum sw_err check_place(struct sw_index_verify *verify, const struct sw_index_record *record)
{
    struct sw_index *index = verify->index;
    struct sw__place place;
    uint32_t numbers[2];
    uint32_t slice_at;

    verify->cost += COST_OF_A_PLACE;
    if (!sw__key_read(&index->prefix, SW__KIND_PLACE, record->key, 2, numbers) ||
        sw__place_decode(record->value, &place) != SW_ERR_OK) {
        return damaged(verify, "a place after place", verify->report.places);
    }
    slice_at = slice_place(index, place.slice);
    if (slice_at == index->state.slice_count) {
        return damaged(verify, "a place in no slice after place", verify->report.places);
    }
    verify->report.places++;
    verify->slices[slice_at].places++;
    return index->state.slices[slice_at].dropped
               ? SW_ERR_OK
               : check_place_leads(verify, (uint64_t)numbers[0] << 32 | numbers[1], &place);
}

/* --- all of it -------------------------------------------------------------------------------- */

static bool same_digest(const struct sw_index_digest *a, const struct sw_index_digest *b)
{
    return a->low == b->low && a->high == b->high;
}

/* What was counted must be what the records say. A place leads to one lane, and each lane's place
 * leads back to it: with as many of one as of the other, no entry is there twice. */
static enum sw_err check_counts(struct sw_index_verify *verify)
{
    struct sw_index *index = verify->index;

    for (uint32_t i = 0; i < index->bucket_count; i++) {
        if (index->buckets[i].value.entries != verify->lanes[i]) {
            return damaged(verify, "the count of bucket", index->buckets[i].bucket);
        }
    }
    for (uint32_t i = 0; i < index->state.slice_count; i++) {
        const struct sw__slice *slice = &index->state.slices[i];
        const struct found *found = &verify->slices[i];

        if (slice->entries != found->entries ||
            (!slice->dropped &&
             (found->places != found->entries || !same_digest(&slice->digest, &found->digest)))) {
            return damaged(verify, "the count or digest of slice", slice->slice);
        }
    }
    verify->report.buckets = index->bucket_count;
    return SW_ERR_OK;
}

static enum sw_err load(struct sw_index_verify *verify)
{
    const enum sw_err err = sw_index_load(verify->index);

    if (err == SW_ERR_OK) {
        verify->lanes = calloc((size_t)verify->index->bucket_count + 1, sizeof(*verify->lanes));
        SW_ASSERT(verify->lanes != NULL);
        sw__key_begin(&verify->index->prefix, SW__KIND_CODES, &verify->cursor);
        verify->phase = PHASE_BLOCKS;
    }
    return err;
}

/* The smallest key behind another one. */
static void key_after(struct sw_span key, struct sw__key *ret_key)
{
    SW_ASSERT(key.size < sizeof(ret_key->data));
    memcpy(ret_key->data, key.data, key.size);
    ret_key->data[key.size] = 0;
    ret_key->size = (uint8_t)(key.size + 1);
}

/* One record of the phase; NOT_FOUND once it has no more. */
static enum sw_err one_record(struct sw_index_verify *verify)
{
    struct sw_index *index = verify->index;
    const enum sw__kind kind = verify->phase == PHASE_BLOCKS ? SW__KIND_CODES : SW__KIND_PLACE;
    struct sw_index_record record;
    struct sw__key start;
    enum sw_err err = index->map->ops->seek(index->map, sw__key_span(&verify->cursor), &record);

    sw__key_begin(&index->prefix, kind, &start);
    if (err != SW_ERR_OK || !sw__key_covers(&start, record.key)) {
        return err == SW_ERR_OK ? SW_ERR_NOT_FOUND : err;
    }
    if (record.key.size >= sizeof(verify->cursor.data)) {
        return damaged(verify, "a key of kind", kind);
    }
    key_after(record.key, &verify->cursor);
    return kind == SW__KIND_CODES ? check_block(verify, &record) : check_place(verify, &record);
}

static enum sw_err next_phase(struct sw_index_verify *verify)
{
    if (verify->phase == PHASE_BLOCKS) {
        verify->phase = PHASE_PLACES;
        sw__key_begin(&verify->index->prefix, SW__KIND_PLACE, &verify->cursor);
        return SW_ERR_OK;
    }
    verify->phase = PHASE_DONE;
    return check_counts(verify);
}

enum sw_err sw_index_verify_step(struct sw_index_verify *verify, uint32_t records, bool *ret_done)
{
    enum sw_err err = verify->phase == PHASE_LOAD ? load(verify) : SW_ERR_OK;

    for (uint32_t i = 0; err == SW_ERR_OK && verify->phase != PHASE_DONE && i < records; i++) {
        err = one_record(verify);
        if (err == SW_ERR_NOT_FOUND) {
            err = next_phase(verify);
        }
    }
    if (err == SW_ERR_OK) {
        *ret_done = verify->phase == PHASE_DONE;
    }
    return err;
}

/* --- in parts --------------------------------------------------------------------------------- */

/* Of all that a change of the index or a step of its work changes. */
static uint64_t stamp_of(const struct sw_index *index)
{
    struct sw_buf bytes = {0};
    uint64_t stamp;

    sw__state_encode(&index->state, &bytes);
    for (uint32_t i = 0; i < index->bucket_count; i++) {
        sw_write_u32(&bytes, index->buckets[i].bucket);
        sw__bucket_encode(&index->buckets[i].value, &bytes);
    }
    stamp = XXH3_64bits(bytes.data, bytes.size);
    sw_buf_release(&bytes);
    return stamp;
}

/* The first bucket that is not below the one where the mark stands. */
static uint32_t bucket_from(const struct sw_index *index, const struct sw_index_verify_mark *mark)
{
    const uint32_t bucket = mark->at_size < 4
                                ? 0
                                : ((uint32_t)mark->at[0] << 24 | (uint32_t)mark->at[1] << 16 |
                                   (uint32_t)mark->at[2] << 8 | mark->at[3]);
    uint32_t at = 0;

    while (at < index->bucket_count && index->buckets[at].bucket < bucket) {
        at++;
    }
    return at;
}

static void go_on_from(struct sw_index_verify *verify, const struct sw_index_verify_mark *mark)
{
    struct sw_index *index = verify->index;
    const enum sw__kind kind =
        mark->phase == SW_INDEX_VERIFY_BLOCKS ? SW__KIND_CODES : SW__KIND_PLACE;

    SW_ASSERT(mark->at_size < SW__KEY_TAIL_MAX);
    verify->phase = mark->phase == SW_INDEX_VERIFY_BLOCKS ? PHASE_BLOCKS : PHASE_PLACES;
    sw__key_begin(&index->prefix, kind, &verify->cursor);
    memcpy(verify->cursor.data + verify->cursor.size, mark->at, mark->at_size);
    verify->cursor.size = (uint8_t)(verify->cursor.size + mark->at_size);
    if (mark->at_size > 0) {
        SW_ASSERT(verify->cursor.size < sizeof verify->cursor.data);
        verify->cursor.data[verify->cursor.size++] = 0; /* behind it */
    }
    verify->bucket_at = bucket_from(index, mark);
    if (verify->phase == PHASE_BLOCKS && verify->bucket_at < index->bucket_count) {
        verify->lanes[verify->bucket_at] = mark->lanes;
    }
}

/* Those from `from` up to where the part stands, or all that follow. A bucket that was begun by
 * another part may have changed since. */
static enum sw_err check_buckets(struct sw_index_verify *verify,
                                 const struct sw_index_verify_mark *mark,
                                 uint32_t from,
                                 bool to_the_end)
{
    const struct sw_index *index = verify->index;
    const uint32_t end = to_the_end ? index->bucket_count : verify->bucket_at;

    for (uint32_t i = mark->still || mark->at_size == 0 ? from : from + 1; i < end; i++) {
        if (index->buckets[i].value.entries != verify->lanes[i]) {
            return damaged(verify, "the count of bucket", index->buckets[i].bucket);
        }
    }
    return SW_ERR_OK;
}

/* Of a check that saw one state all along. */
static enum sw_err check_totals(struct sw_index_verify *verify,
                                const struct sw_index_verify_mark *mark)
{
    const struct sw_index *index = verify->index;
    const struct sw_index_digest digest = sw_index_digest(index);
    uint64_t entries = 0;
    bool dropped = false;

    for (uint32_t i = 0; i < index->state.slice_count; i++) {
        entries += index->state.slices[i].dropped ? 0 : index->state.slices[i].entries;
        dropped = dropped || index->state.slices[i].dropped;
    }
    if (entries != mark->entries || (!dropped && entries != mark->places)) {
        return damaged(verify, "the count of entries or places, of which there should be", entries);
    }
    return same_digest(&digest, &mark->digest)
               ? SW_ERR_OK
               : damaged(verify, "the digest of the entries, of which there are", entries);
}

static void move_mark(const struct sw_index_verify *verify,
                      enum phase before,
                      struct sw_index_verify_mark *mark)
{
    const size_t start = (size_t)verify->index->prefix.size + 1;

    mark->entries += verify->report.entries;
    mark->places += verify->report.places;
    sw__digest_add(&mark->digest, verify->report.digest);
    mark->at_size = 0;
    mark->lanes = 0;
    if (verify->phase != before) {
        mark->phase = verify->phase == PHASE_PLACES ? SW_INDEX_VERIFY_PLACES : SW_INDEX_VERIFY_DONE;
        return;
    }
    SW_ASSERT(verify->cursor.size > start + 1);
    mark->at_size = (uint8_t)(verify->cursor.size - start - 1); /* without the zero */
    SW_ASSERT(mark->at_size <= sizeof mark->at);
    memcpy(mark->at, verify->cursor.data + start, mark->at_size);
    if (verify->phase == PHASE_BLOCKS) {
        mark->lanes = verify->lanes[verify->bucket_at];
    }
}

enum sw_err sw_index_verify_open(struct sw_index_verify *verify, struct sw_index_verify_mark *mark)
{
    enum sw_err err;
    uint64_t stamp;

    SW_ASSERT(verify->phase == PHASE_LOAD);
    err = load(verify);
    if (err != SW_ERR_OK) {
        return err;
    }
    stamp = stamp_of(verify->index);
    if (mark->phase == SW_INDEX_VERIFY_BLOCKS && mark->at_size == 0) {
        *mark = (struct sw_index_verify_mark){.stamp = stamp, .still = true};
    }
    mark->still = mark->still && mark->stamp == stamp;
    return SW_ERR_OK;
}

uint32_t sw_index_verify_dim(const struct sw_index_verify *verify)
{
    return verify->index->dim;
}

enum sw_err sw_index_verify_part(struct sw_index_verify *verify,
                                 const struct sw_index_verify_owner *owner,
                                 uint32_t entries,
                                 struct sw_index_verify_mark *mark)
{
    enum sw_err err = SW_ERR_OK;
    enum phase phase;
    uint32_t from;

    SW_ASSERT(verify->phase != PHASE_LOAD);
    SW_ASSERT(mark->phase < SW_INDEX_VERIFY_DONE);
    verify->owner = owner;
    go_on_from(verify, mark);
    phase = verify->phase;
    from = verify->bucket_at;
    while (err == SW_ERR_OK && verify->cost < entries) {
        err = one_record(verify);
    }
    if (err == SW_ERR_NOT_FOUND) {
        verify->phase = phase == PHASE_BLOCKS ? PHASE_PLACES : PHASE_DONE;
        err = SW_ERR_OK;
    }
    if (err == SW_ERR_OK && phase == PHASE_BLOCKS) {
        err = check_buckets(verify, mark, from, verify->phase != phase);
    }
    if (err == SW_ERR_OK) {
        move_mark(verify, phase, mark);
    }
    if (err == SW_ERR_OK && verify->phase == PHASE_DONE && mark->still) {
        err = check_totals(verify, mark);
    }
    verify->owner = NULL;
    return err;
}

enum sw_err sw_index_verify_has(struct sw_index_verify *verify, uint64_t id, bool *ret_has)
{
    struct sw__place place;
    enum sw_err err;

    SW_ASSERT(verify->phase != PHASE_LOAD);
    err = sw__place_get(verify->index, id, &place);
    if (err == SW_ERR_OK || err == SW_ERR_NOT_FOUND) {
        *ret_has = err == SW_ERR_OK;
        return SW_ERR_OK;
    }
    return err;
}
