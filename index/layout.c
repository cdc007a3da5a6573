/* Keys and records, coded and checked; see layout.h. */
#include "index/layout.h"

#include <string.h>

#include "base/assert.h"
#include "index/rows.h"
#include "index/vector.h"

struct sw__prefix sw__prefix_of(struct sw_span bytes)
{
    struct sw__prefix prefix = {.size = (uint8_t)bytes.size};

    SW_ASSERT(bytes.size <= SW_INDEX_PREFIX_SIZE_MAX);
    if (bytes.size > 0) {
        memcpy(prefix.data, bytes.data, bytes.size);
    }
    return prefix;
}

struct sw_span sw__key_span(const struct sw__key *key)
{
    return sw_span_of(key->data, key->size);
}

void sw__key_begin(const struct sw__prefix *prefix, enum sw__kind kind, struct sw__key *ret_key)
{
    memcpy(ret_key->data, prefix->data, prefix->size);
    ret_key->data[prefix->size] = (uint8_t)kind;
    ret_key->size = (uint8_t)(prefix->size + 1);
}

void sw__key_u32(struct sw__key *key, uint32_t value)
{
    uint8_t *at = key->data + key->size;

    at[0] = (uint8_t)(value >> 24);
    at[1] = (uint8_t)(value >> 16);
    at[2] = (uint8_t)(value >> 8);
    at[3] = (uint8_t)value;
    key->size = (uint8_t)(key->size + 4);
}

void sw__key_u64(struct sw__key *key, uint64_t value)
{
    sw__key_u32(key, (uint32_t)(value >> 32));
    sw__key_u32(key, (uint32_t)value);
}

struct sw__key sw__key_1(const struct sw__prefix *prefix, enum sw__kind kind, uint32_t a)
{
    struct sw__key key;

    sw__key_begin(prefix, kind, &key);
    sw__key_u32(&key, a);
    return key;
}

struct sw__key
sw__key_2(const struct sw__prefix *prefix, enum sw__kind kind, uint32_t a, uint32_t b)
{
    struct sw__key key = sw__key_1(prefix, kind, a);

    sw__key_u32(&key, b);
    return key;
}

struct sw__key sw__key_place(const struct sw__prefix *prefix, uint64_t id)
{
    struct sw__key key;

    sw__key_begin(prefix, SW__KIND_PLACE, &key);
    sw__key_u64(&key, id);
    return key;
}

struct sw__key
sw__key_codes(const struct sw__prefix *prefix, uint32_t bucket, uint32_t slice, uint32_t block)
{
    struct sw__key key = sw__key_2(prefix, SW__KIND_CODES, bucket, slice);

    sw__key_u32(&key, ~block);
    return key;
}

bool sw__key_covers(const struct sw__key *key, struct sw_span bytes)
{
    return bytes.size >= key->size && memcmp(bytes.data, key->data, key->size) == 0;
}

bool sw__key_read(const struct sw__prefix *prefix,
                  enum sw__kind kind,
                  struct sw_span bytes,
                  uint32_t count,
                  uint32_t *ret_numbers)
{
    struct sw__key start;

    sw__key_begin(prefix, kind, &start);
    if (!sw__key_covers(&start, bytes) || bytes.size != start.size + (size_t)4 * count) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *in = bytes.data + start.size + (size_t)4 * i;

        ret_numbers[i] =
            (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 8 | in[3];
    }
    return true;
}

/* --- records ---------------------------------------------------------------------------------- */

static enum sw_err begin(struct sw_reader *in)
{
    const uint8_t format = sw_read_u8(in);

    if (format < SW__RECORD_FORMAT) { /* nothing was released that wrote an older one */
        sw_reader_fail(in);
    }
    return format > SW__RECORD_FORMAT ? SW_ERR_NEWER_FORMAT : SW_ERR_OK;
}

/* What our own records do not decode to was damaged. */
static enum sw_err finish(const struct sw_reader *in, enum sw_err err)
{
    if (err == SW_ERR_OK && sw_reader_finish(in) != SW_ERR_OK) {
        err = SW_ERR_CORRUPT;
    }
    return err;
}

static bool read_bool(struct sw_reader *in)
{
    return sw_read_u8_max(in, 1) == 1;
}

void sw__place_encode(const struct sw__place *place, struct sw_buf *buf)
{
    sw_write_u8(buf, SW__RECORD_FORMAT);
    sw_write_u32(buf, place->slice);
    sw_write_u32(buf, place->bucket);
    sw_write_u32(buf, place->block);
    sw_write_u32(buf, place->vector);
}

enum sw_err sw__place_decode(struct sw_span bytes, struct sw__place *ret_place)
{
    struct sw_reader in = sw_reader_of(bytes);
    struct sw__place place;
    enum sw_err err = begin(&in);

    place.slice = sw_read_u32(&in);
    place.bucket = sw_read_u32(&in);
    place.block = sw_read_u32(&in);
    place.vector = sw_read_u32(&in);
    err = finish(&in, err);
    if (err == SW_ERR_OK) {
        *ret_place = place;
    }
    return err;
}

void sw__bucket_encode(const struct sw__bucket *bucket, struct sw_buf *buf)
{
    sw_write_u8(buf, SW__RECORD_FORMAT);
    sw_write_u32(buf, bucket->epoch);
    sw_write_u32(buf, bucket->entries);
    sw_write_u32(buf, bucket->split_at);
    sw_write_u8(buf, bucket->draining);
}

enum sw_err sw__bucket_decode(struct sw_span bytes, struct sw__bucket *ret_bucket)
{
    struct sw_reader in = sw_reader_of(bytes);
    struct sw__bucket bucket;
    enum sw_err err = begin(&in);

    bucket.epoch = sw_read_u32(&in);
    bucket.entries = sw_read_u32(&in);
    bucket.split_at = sw_read_u32(&in);
    bucket.draining = read_bool(&in);
    err = finish(&in, err);
    if (err == SW_ERR_OK) {
        *ret_bucket = bucket;
    }
    return err;
}

static void write_task(const struct sw__task *task, struct sw_buf *buf)
{
    sw_write_u8(buf, (uint8_t)task->phase);
    sw_write_u32(buf, task->epoch);
    sw_write_u32(buf, task->target);
    sw_write_u32(buf, task->first);
    sw_write_u32(buf, task->made);
    sw_write_u32(buf, task->samples);
    sw_write_u32(buf, task->round);
    sw_write_u64(buf, task->cursor);
    sw_write_u64(buf, task->threshold);
    sw_write_u64(buf, task->entries);
}

static void read_task(struct sw_reader *in, struct sw__task *ret_task)
{
    ret_task->phase = (enum sw__phase)sw_read_u8_max(in, SW__PHASE_COUNT - 1);
    ret_task->epoch = sw_read_u32(in);
    ret_task->target = sw_read_u32_max(in, SW_INDEX_BUCKET_COUNT_MAX);
    ret_task->first = sw_read_u32(in);
    ret_task->made = sw_read_u32_max(in, SW_INDEX_BUCKET_COUNT_MAX);
    ret_task->samples = sw_read_u32(in);
    ret_task->round = sw_read_u32(in);
    ret_task->cursor = sw_read_u64(in);
    ret_task->threshold = sw_read_u64(in);
    ret_task->entries = sw_read_u64(in);
}

static void write_slice(const struct sw__slice *slice, struct sw_buf *buf)
{
    sw_write_u32(buf, slice->slice);
    sw_write_u8(buf, slice->dropped);
    sw_write_u64(buf, slice->entries);
    sw_write_u32(buf, slice->vectors);
    sw_write_u64(buf, slice->cursor);
    sw_write_u8(buf, slice->stage);
    sw_write_u8(buf, slice->bits);
    sw_write_u32(buf, slice->before);
    sw_write_u32(buf, slice->error);
    sw_write_u32(buf, slice->lowered);
    sw_write_u64(buf, slice->digest.low);
    sw_write_u64(buf, slice->digest.high);
}

static void read_slice(struct sw_reader *in, struct sw__slice *ret_slice)
{
    ret_slice->slice = sw_read_u32(in);
    ret_slice->dropped = read_bool(in);
    ret_slice->entries = sw_read_u64(in);
    ret_slice->vectors = sw_read_u32(in);
    ret_slice->cursor = sw_read_u64(in);
    ret_slice->stage = sw_read_u8_max(in, 4);
    ret_slice->bits = sw_read_u8(in);
    ret_slice->before = sw_read_u32(in);
    ret_slice->error = sw_read_u32(in);
    ret_slice->lowered = sw_read_u32(in);
    if (!sw__row_bits_valid(ret_slice->bits)) {
        sw_reader_fail(in);
    }
    ret_slice->digest.low = sw_read_u64(in);
    ret_slice->digest.high = sw_read_u64(in);
}

void sw__state_encode(const struct sw__state *state, struct sw_buf *buf)
{
    sw_write_u8(buf, SW__RECORD_FORMAT);
    sw_write_u32(buf, state->epoch);
    sw_write_u32(buf, state->previous);
    sw_write_u32(buf, state->buckets_made);
    sw_write_u64(buf, state->trained_at);
    sw_write_u64(buf, state->trained);
    sw_write_u64(buf, state->splits);
    sw_write_u32(buf, state->moved);
    sw_write_u32(buf, state->watermarks);
    sw_write_u32(buf, state->retired);
    sw_write_u8(buf, state->sparse);
    write_task(&state->task, buf);
    sw_write_u32(buf, state->slice_count);
    for (uint32_t i = 0; i < state->slice_count; i++) {
        write_slice(&state->slices[i], buf);
    }
}

enum sw_err sw__state_decode(struct sw_span bytes, struct sw__state *ret_state)
{
    struct sw_reader in = sw_reader_of(bytes);
    struct sw__state state = {0};
    enum sw_err err = begin(&in);

    state.epoch = sw_read_u32(&in);
    state.previous = sw_read_u32(&in);
    state.buckets_made = sw_read_u32(&in);
    state.trained_at = sw_read_u64(&in);
    state.trained = sw_read_u64(&in);
    state.splits = sw_read_u64(&in);
    state.moved = sw_read_u32(&in);
    state.watermarks = sw_read_u32(&in);
    state.retired = sw_read_u32(&in);
    state.sparse = read_bool(&in);
    read_task(&in, &state.task);
    state.slice_count = sw_read_u32_max(&in, SW_INDEX_SLICE_COUNT_MAX);
    for (uint32_t i = 0; i < state.slice_count; i++) {
        read_slice(&in, &state.slices[i]);
        if (i > 0 && state.slices[i].slice <= state.slices[i - 1].slice) {
            sw_reader_fail(&in);
        }
    }
    err = finish(&in, err);
    if (err == SW_ERR_OK) {
        *ret_state = state;
    }
    return err;
}

void sw__number_encode(uint64_t number, uint32_t size, struct sw_buf *buf)
{
    sw_write_u8(buf, SW__RECORD_FORMAT);
    if (size == 8) {
        sw_write_u64(buf, number);
    } else {
        SW_ASSERT(number <= UINT32_MAX);
        sw_write_u32(buf, (uint32_t)number);
    }
}

enum sw_err sw__number_decode(struct sw_span bytes, uint32_t size, uint64_t *ret_number)
{
    struct sw_reader in = sw_reader_of(bytes);
    enum sw_err err = begin(&in);
    const uint64_t number = size == 8 ? sw_read_u64(&in) : sw_read_u32(&in);

    err = finish(&in, err);
    if (err == SW_ERR_OK) {
        *ret_number = number;
    }
    return err;
}

struct sw__slice *sw__state_slice(struct sw__state *state, uint32_t slice)
{
    for (uint32_t i = 0; i < state->slice_count; i++) {
        if (state->slices[i].slice == slice) {
            return &state->slices[i];
        }
    }
    return NULL;
}

void sw__epoch_encode(const struct sw__epoch *epoch, uint32_t dim, struct sw_buf *buf)
{
    sw_write_u8(buf, SW__RECORD_FORMAT);
    sw_write_u32(buf, dim);
    sw_write_u32(buf, epoch->unit);
    sw_write_u32(buf, epoch->retired);
    for (uint32_t i = 0; i < dim; i++) {
        sw_write_u32(buf, (uint32_t)epoch->mean[i]);
    }
}

enum sw_err
sw__epoch_decode(struct sw_span bytes, uint32_t number, uint32_t dim, struct sw__epoch *ret_epoch)
{
    const int32_t limit = 1 << (SW__FIXED_BITS + 1);
    struct sw_reader in = sw_reader_of(bytes);
    enum sw_err err = begin(&in);

    if (sw_read_u32(&in) != dim) {
        sw_reader_fail(&in);
    }
    ret_epoch->epoch = number;
    ret_epoch->unit = sw_read_u32_max(&in, SW__UNIT_MAX);
    ret_epoch->retired = sw_read_u32(&in);
    for (uint32_t i = 0; i < dim; i++) {
        ret_epoch->mean[i] = (int32_t)sw_read_u32(&in);
        if (ret_epoch->mean[i] > limit || ret_epoch->mean[i] < -limit) {
            sw_reader_fail(&in);
        }
    }
    return finish(&in, err);
}

void sw__pivot_encode(uint32_t epoch, const int8_t *row, uint32_t dim, struct sw_buf *buf)
{
    sw_write_u8(buf, SW__RECORD_FORMAT);
    sw_write_u32(buf, epoch);
    sw_write_bytes(buf, sw_span_of(row, dim));
}

enum sw_err
sw__pivot_decode(struct sw_span bytes, uint32_t dim, uint32_t *ret_epoch, const int8_t **ret_row)
{
    struct sw_reader in = sw_reader_of(bytes);
    enum sw_err err = begin(&in);
    const uint32_t epoch = sw_read_u32(&in);
    const struct sw_span row = sw_read_bytes(&in, dim);

    err = finish(&in, err);
    if (err == SW_ERR_OK) {
        *ret_epoch = epoch;
        *ret_row = (const int8_t *)row.data;
    }
    return err;
}
