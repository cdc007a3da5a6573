/* Any bytes as what a vector index keeps. The first byte says which: a record that decodes encodes
 * to the same bytes; a vector is taken or refused; and from MAP on a whole index whose records were
 * exchanged, on which loading, searching and writing end in an answer or an error.
 *
 * A map is records {u8 kind, u8 size, the rest of the key, u16 size, value} that replace or join
 * those of a small sound index. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/prng.h"
#include "index/block.h"
#include "index/index.h"
#include "index/layout.h"
#include "index/map_mem.h"
#include "index/rows.h"
#include "index/search.h"
#include "index/vector.h"
#include "index/verify.h"

enum { SPACE, STATE, PLACE, BUCKET, EPOCH, PIVOT, BLOCK, ROW, SEGMENT, VECTOR, MAP };
enum { DIM = 64, ENTRIES = 48, RECORDS_MAX = 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_space(struct sw_span bytes, struct sw_buf *again)
{
    struct sw_space space;

    if (sw_space_decode(bytes, &space) == SW_ERR_OK) {
        sw_space_encode(&space, again);
        SW_ASSERT(sw_span_equal(sw_buf_span(again), bytes));
    }
}

static void fuzz_state(struct sw_span bytes, struct sw_buf *again)
{
    struct sw__state *state = malloc(sizeof(*state));

    SW_ASSERT(state != NULL);
    if (sw__state_decode(bytes, state) == SW_ERR_OK) {
        sw__state_encode(state, again);
        SW_ASSERT(sw_span_equal(sw_buf_span(again), bytes));
    }
    free(state);
}

static void fuzz_place(struct sw_span bytes, struct sw_buf *again)
{
    struct sw__place place;

    if (sw__place_decode(bytes, &place) == SW_ERR_OK) {
        sw__place_encode(&place, again);
        SW_ASSERT(sw_span_equal(sw_buf_span(again), bytes));
    }
}

static void fuzz_bucket(struct sw_span bytes, struct sw_buf *again)
{
    struct sw__bucket bucket;

    if (sw__bucket_decode(bytes, &bucket) == SW_ERR_OK) {
        sw__bucket_encode(&bucket, again);
        SW_ASSERT(sw_span_equal(sw_buf_span(again), bytes));
    }
}

static void fuzz_epoch(struct sw_span bytes, struct sw_buf *again)
{
    struct sw__epoch *epoch = malloc(sizeof(*epoch));

    SW_ASSERT(epoch != NULL);
    if (sw__epoch_decode(bytes, 1, DIM, epoch) == SW_ERR_OK) {
        sw__epoch_encode(epoch, DIM, again);
        SW_ASSERT(sw_span_equal(sw_buf_span(again), bytes));
    }
    free(epoch);
}

static void fuzz_pivot(struct sw_span bytes, struct sw_buf *again)
{
    const int8_t *row = NULL;
    uint32_t epoch = 0;

    if (sw__pivot_decode(bytes, DIM, &epoch, &row) == SW_ERR_OK) {
        sw__pivot_encode(epoch, row, DIM, again);
        SW_ASSERT(sw_span_equal(sw_buf_span(again), bytes));
    }
}

/* Its lanes, written into an empty block, are the lanes that were read. */
static void fuzz_block(struct sw_span bytes, struct sw_buf *again)
{
    struct sw__block block;
    struct sw__block copy;
    struct sw__lane lane;
    struct sw__lane read;

    if (sw__block_view(bytes, DIM, &block) != SW_ERR_OK) {
        return;
    }
    sw__block_clear(sw_buf_extend(again, sw__block_size(DIM)), DIM);
    for (uint32_t i = 0; i < block.count; i++) {
        memset(&lane, 0, sizeof(lane));
        memset(&read, 0, sizeof(read));
        sw__block_lane(&block, i, &lane);
        if (!sw__block_set(again->data, i, &lane)) {
            return; /* a seq that went round the end of 64 bits */
        }
        SW_ASSERT(sw__block_view(sw_buf_span(again), DIM, &copy) == SW_ERR_OK);
        sw__block_lane(&copy, i, &read);
        SW_ASSERT(memcmp(&lane, &read, sizeof(lane)) == 0);
    }
}

static void fuzz_row(struct sw_span bytes, struct sw_buf *again)
{
    int32_t fixed[DIM];
    struct sw__row row;

    (void)again;
    if (sw__row_view(bytes, DIM, &row) == SW_ERR_OK) {
        sw__row_restore(&row, DIM, fixed);
    }
}

static void fuzz_segment(struct sw_span bytes, struct sw_buf *again)
{
    struct sw_span row = {0};

    if (bytes.size > 0 &&
        sw__segment_row(sw_span_of(bytes.data + 1, bytes.size - 1), DIM, bytes.data[0], &row) ==
            SW_ERR_OK) {
        fuzz_row(row, again);
    }
}

static void fuzz_vector(struct sw_span bytes, struct sw_buf *again)
{
    struct sw_space space = {.name = "s", .dim = SW_SPACE_DIM_MIN};
    char why[SW_WHY_SIZE] = "";
    int32_t fixed[DIM];

    (void)again;
    if (bytes.size < 3) {
        return;
    }
    space.metric = (enum sw_metric)(1 + bytes.data[0] % 3);
    space.dtype = (enum sw_dtype)(1 + bytes.data[1] % 3);
    space.exponent = (int8_t)(space.metric == SW_METRIC_COSINE ? 0 : bytes.data[2] % 121 - 60);
    SW_ASSERT(sw_space_validate(&space));
    if (sw__vector_fixed(&space, sw_span_of(bytes.data + 3, bytes.size - 3), fixed, why) ==
        SW_ERR_OK) {
        SW_ASSERT(sw__norm2(fixed, DIM) <= UINT64_C(1) << (2 * SW__FIXED_BITS + 1));
    } else {
        SW_ASSERT(why[0] != 0);
    }
}

/* --- a whole index ---------------------------------------------------------------------------- */

static struct sw_span vector_of(uint64_t id, int8_t *bytes)
{
    struct sw_prng prng = sw_prng_of(id);

    for (int i = 0; i < DIM; i++) {
        bytes[i] = (int8_t)(sw_prng_below(&prng, 200) + 1);
    }
    return sw_span_of(bytes, DIM);
}

static void put(struct sw_index *index, uint64_t id)
{
    int8_t bytes[DIM];
    const struct sw_index_entry entry = {.id = id,
                                         .seq = id,
                                         .context = (uint32_t)id % 2,
                                         .slice = (uint32_t)id % 3,
                                         .vector = vector_of(id, bytes)};

    (void)!sw_index_put(index, &entry);
}

static void build(struct sw_index_map *map)
{
    const struct sw_space space = {
        .name = "s", .dim = DIM, .metric = SW_METRIC_COSINE, .dtype = SW_DTYPE_I8, .seed = 3};
    struct sw_index *index = sw_index_new(map, sw_span_str("f"));
    bool working = true;

    SW_ASSERT(sw_index_create(index, &space) == SW_ERR_OK);
    for (uint64_t id = 0; id < ENTRIES; id++) {
        put(index, id);
    }
    SW_ASSERT(sw_index_train(index, 4) == SW_ERR_OK);
    while (working) {
        SW_ASSERT(sw_index_step(index, SW_INDEX_STEP_BUDGET, &working) == SW_ERR_OK);
    }
    SW_ASSERT(sw_index_set_watermark(index, 1, 9) == SW_ERR_OK);
    SW_ASSERT(sw_index_flush(index) == SW_ERR_OK);
    sw_index_free(index);
}

static void exchange(struct sw_index_map *map, struct sw_span bytes)
{
    struct sw_reader in = sw_reader_of(bytes);

    for (int i = 0; i < RECORDS_MAX && sw_reader_left(&in) > 0; i++) {
        uint8_t key[2 + 12] = {'f'};
        struct sw_span rest;
        struct sw_span value;
        size_t size;

        key[1] = (uint8_t)(sw_read_u8(&in) % (SW__KIND_SPARSE + 1));
        size = sw_read_u8(&in) % 13;
        rest = sw_read_bytes(&in, size < sw_reader_left(&in) ? size : sw_reader_left(&in));
        size = sw_read_u16(&in);
        value = sw_read_bytes(&in, size < sw_reader_left(&in) ? size : sw_reader_left(&in));
        if (rest.size > 0) {
            memcpy(key + 2, rest.data, rest.size);
        }
        SW_ASSERT(map->ops->put(map, sw_span_of(key, 2 + rest.size), value) == SW_ERR_OK);
    }
}

static void search(struct sw_index_map *map)
{
    struct sw_index_reader *reader = sw_index_reader_new(sw_span_str("f"));
    struct sw_index_hit hits[5];
    int8_t bytes[SW_SPACE_DIM_MAX * 4] = {1, 2, 3};
    uint32_t count = 0;

    if (sw_index_reader_open(reader, map, false) == SW_ERR_OK) {
        struct sw_index_query query = {.k = 5, .recall_permille = 1000};

        query.vector = sw_span_of(bytes, sw_space_vector_size(sw_index_reader_space(reader)));
        (void)!sw_index_search(reader, &query, hits, &count, NULL);
        query.recall_permille = 0;
        query.include_stale = true;
        (void)!sw_index_search(reader, &query, hits, &count, NULL);
    }
    sw_index_reader_free(reader);
}

static void write(struct sw_index_map *map)
{
    struct sw_index *index = sw_index_new(map, sw_span_str("f"));
    bool working = true;

    if (sw_index_load(index) == SW_ERR_OK && sw_space_vector_size(sw_index_space(index)) == DIM) {
        for (uint64_t id = 0; id < 6; id++) {
            (void)!sw_index_delete(index, id);
            put(index, id + 3);
        }
        (void)!sw_index_drop_slice(index, 2);
        for (int i = 0; i < 64 && working; i++) {
            working = working && sw_index_step(index, 64, &working) == SW_ERR_OK;
        }
        (void)!sw_index_flush(index);
    }
    sw_index_free(index);
}

/* Whatever is there, the check ends. */
static void verify(struct sw_index_map *map)
{
    struct sw_index_verify *check = sw_index_verify_new(map, sw_span_str("f"));
    bool done = false;

    while (!done && sw_index_verify_step(check, 64, &done) == SW_ERR_OK) {
    }
    sw_index_verify_free(check);
}

static void fuzz_map(struct sw_span bytes)
{
    struct sw_index_map *map = sw_index_map_mem_new();

    build(map);
    exchange(map, bytes);
    verify(map);
    search(map);
    write(map);
    search(map);
    sw_index_map_mem_free(map);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const records[])(struct sw_span bytes,
                                   struct sw_buf * again) = {[SPACE] = fuzz_space,
                                                             [STATE] = fuzz_state,
                                                             [PLACE] = fuzz_place,
                                                             [BUCKET] = fuzz_bucket,
                                                             [EPOCH] = fuzz_epoch,
                                                             [PIVOT] = fuzz_pivot,
                                                             [BLOCK] = fuzz_block,
                                                             [ROW] = fuzz_row,
                                                             [SEGMENT] = fuzz_segment,
                                                             [VECTOR] = fuzz_vector};
    struct sw_buf again = {0};

    if (size == 0) {
        return 0;
    }
    if (data[0] < MAP) {
        records[data[0]](sw_span_of(data + 1, size - 1), &again);
    } else {
        fuzz_map(sw_span_of(data + 1, size - 1));
    }
    sw_buf_release(&again);
    return 0;
}
