/* The record of a change. */
#include "node/change_log.h"

#include "base/assert.h"
#include "base/limits.h"

enum {
    FLAG_DELETED = 1 << 0,
    FLAG_BEFORE = 1 << 1,
    FLAG_COUNTED = 1 << 2,
    FLAGS_ALL = (1 << 3) - 1,
};

static void write_name(const struct sw_change_record *record, struct sw_buf *out)
{
    sw_write_short(out, record->place.tenant);
    sw_write_short(out, record->place.name_space);
    sw_write_short(out, record->place.partition);
    sw_write_short(out, record->key);
}

static void read_name(struct sw_reader *in, struct sw_change_record *record)
{
    record->place.tenant = sw_read_short(in);
    record->place.name_space = sw_read_short(in);
    record->place.partition = sw_read_short(in);
    record->key = sw_read_short(in);
}

static void write_places(const struct sw_change_at *places, uint32_t count, struct sw_buf *out)
{
    SW_ASSERT(count <= SW_CHANGE_LEVEL_MAX);
    sw_write_u8(out, (uint8_t)count);
    for (uint32_t i = 0; i < count; i++) {
        sw_write_u64(out, places[i].revision);
        sw_write_u16(out, places[i].number);
    }
}

static uint32_t read_places(struct sw_reader *in,
                            struct sw_change_at ret_places[SW_CHANGE_LEVEL_MAX])
{
    const uint32_t count = sw_read_u8_max(in, SW_CHANGE_LEVEL_MAX);

    for (uint32_t i = 0; i < count && !in->failed; i++) {
        ret_places[i].revision = sw_read_u64(in);
        ret_places[i].number = sw_read_u16(in);
        if (ret_places[i].revision == 0) {
            sw_reader_fail(in);
        }
    }
    return count;
}

void sw_history_head_encode(const struct sw_history_head *head, struct sw_buf *out)
{
    SW_ASSERT((head->serial > 0) == (head->level_count > 0));
    sw_write_u64(out, head->serial);
    write_places(head->newest, head->level_count, out);
}

struct sw_history_head sw_history_head_read(struct sw_reader *in)
{
    struct sw_history_head head = {.serial = sw_read_u64(in)};

    head.level_count = read_places(in, head.newest);
    if ((head.serial > 0) != (head.level_count > 0)) {
        sw_reader_fail(in);
    }
    return head;
}

static void encode_values(const struct sw_change_record *record, struct sw_buf *out)
{
    write_name(record, out);
    sw_write_u64(out, record->became.create_revision);
    sw_write_u64(out, record->became.version);
    sw_write_u64(out, record->time_ms);
    sw_write_u64(out, record->became.lease);
    sw_write_bytes(out, record->became.value);
}

void sw_change_record_encode(const struct sw_change_record *record, struct sw_buf *out)
{
    const struct sw_version *before = &record->before;

    if (record->format == SW_CHANGE_FORMAT_VALUES) {
        sw_write_u8(out, record->format);
        encode_values(record, out);
        return;
    }
    SW_ASSERT(record->format == SW_CHANGE_FORMAT);
    SW_ASSERT(record->depth < SW_DEPTH_MAX);
    sw_write_u8(out,
                record->vectors.size > 0 ? SW_CHANGE_FORMAT_VECTORS
                : record->depth > 0      ? SW_CHANGE_FORMAT_DEPTH
                                         : SW_CHANGE_FORMAT);
    sw_write_u8(out,
                (uint8_t)((record->deleted ? FLAG_DELETED : 0) |
                          (before->version > 0 ? FLAG_BEFORE : 0) |
                          (record->counted ? FLAG_COUNTED : 0)));
    if (record->depth > 0 || record->vectors.size > 0) {
        sw_write_u8(out, record->depth);
    }
    write_name(record, out);
    sw_write_u64(out, record->time_ms);
    sw_write_u64(out, record->serial);
    write_places(record->back, record->back_count, out);
    if (record->vectors.size > 0) {
        sw_write_blob(out, record->vectors);
    }
    if (before->version > 0) {
        sw_write_u64(out, before->create_revision);
        sw_write_u64(out, before->mod_revision);
        sw_write_u64(out, before->version);
        sw_write_u64(out, before->time_ms);
        sw_write_u64(out, before->lease);
        sw_write_bytes(out, before->value);
    }
}

static void decode_values(struct sw_reader *in, struct sw_change_record *record)
{
    read_name(in, record);
    record->became.create_revision = sw_read_u64(in);
    record->became.version = sw_read_u64(in);
    record->time_ms = sw_read_u64(in);
    record->became.time_ms = record->time_ms;
    record->became.lease = sw_read_u64(in);
    record->became.value = sw_read_bytes(in, sw_reader_left(in));
    record->deleted = record->became.version == 0;
}

void sw_change_vector_encode(const struct sw_change_vector *vector, struct sw_buf *out)
{
    sw_write_u64(out, vector->number);
    sw_write_u64(out, vector->id);
    sw_write_u32(out, vector->context);
    sw_write_blob(out, vector->entry);
    sw_write_blob(out, vector->row);
}

void sw_change_vector_read(struct sw_reader *in, struct sw_change_vector *ret_vector)
{
    ret_vector->number = sw_read_u64(in);
    ret_vector->id = sw_read_u64(in);
    ret_vector->context = sw_read_u32(in);
    ret_vector->entry = sw_read_blob(in, SW_MESSAGE_SIZE_MAX);
    ret_vector->row = sw_read_blob(in, SW_MESSAGE_SIZE_MAX);
    if (ret_vector->id == 0 || ret_vector->row.size == 0) {
        sw_reader_fail(in);
    }
}

/* All of them read, and there is one. */
static struct sw_span read_vectors(struct sw_reader *in)
{
    const struct sw_span vectors = sw_read_blob(in, SW_MESSAGE_SIZE_MAX);
    struct sw_reader each = sw_reader_of(vectors);
    struct sw_change_vector vector;

    do {
        sw_change_vector_read(&each, &vector);
    } while (!each.failed && sw_reader_left(&each) > 0);
    if (each.failed) {
        sw_reader_fail(in);
    }
    return vectors;
}

static void decode_before(struct sw_reader *in, struct sw_change_record *record)
{
    struct sw_version *before = &record->before;
    const uint8_t format = record->format;
    const uint8_t flags = sw_read_u8_max(in, FLAGS_ALL);

    record->deleted = (flags & FLAG_DELETED) != 0;
    record->counted = (flags & FLAG_COUNTED) != 0;
    record->format = SW_CHANGE_FORMAT;
    if (format > SW_CHANGE_FORMAT) {
        record->depth = sw_read_u8_max(in, SW_DEPTH_MAX - 1);
        if (format == SW_CHANGE_FORMAT_DEPTH && record->depth == 0) {
            sw_reader_fail(in);
        }
    }
    read_name(in, record);
    record->time_ms = sw_read_u64(in);
    record->serial = sw_read_u64(in);
    record->back_count = read_places(in, record->back);
    if (format == SW_CHANGE_FORMAT_VECTORS) {
        record->vectors = read_vectors(in);
    }
    if ((flags & FLAG_BEFORE) != 0) {
        before->create_revision = sw_read_u64(in);
        before->mod_revision = sw_read_u64(in);
        before->version = sw_read_u64(in);
        before->time_ms = sw_read_u64(in);
        before->lease = sw_read_u64(in);
        before->value = sw_read_bytes(in, sw_reader_left(in));
    }
    if (record->serial == 0 || sw_reader_left(in) > 0 ||
        ((flags & FLAG_BEFORE) != 0) != (before->version > 0)) {
        sw_reader_fail(in);
    }
}

enum sw_err sw_change_record_decode(struct sw_span bytes, struct sw_change_record *ret_record)
{
    struct sw_reader in = sw_reader_of(bytes);
    struct sw_change_record record = {0};
    const enum sw_err err = sw_read_format(&in, SW_CHANGE_FORMAT_VECTORS, &record.format);

    if (err != SW_ERR_OK) {
        return err;
    }
    if (record.format == SW_CHANGE_FORMAT_VALUES) {
        decode_values(&in, &record);
    } else {
        decode_before(&in, &record);
    }
    if (in.failed || !sw_place_validate(&record.place) || record.key.size == 0 ||
        record.key.size > SW_KEY_SIZE_MAX) {
        return SW_ERR_CORRUPT;
    }
    *ret_record = record;
    return SW_ERR_OK;
}
