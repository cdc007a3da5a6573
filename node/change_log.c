/* The record of a change. */
#include "node/change_log.h"

void sw_change_record_encode(const struct sw_change_record *record, struct sw_buf *out)
{
    sw_write_u8(out, SW_CHANGE_FORMAT);
    sw_write_short(out, record->place.tenant);
    sw_write_short(out, record->place.name_space);
    sw_write_short(out, record->place.partition);
    sw_write_short(out, record->key);
    sw_write_u64(out, record->create_revision);
    sw_write_u64(out, record->version);
    sw_write_u64(out, record->time_ms);
    sw_write_u64(out, record->lease);
    sw_write_bytes(out, record->value);
}

enum sw_err sw_change_record_decode(struct sw_span bytes, struct sw_change_record *ret_record)
{
    struct sw_reader in = sw_reader_of(bytes);
    struct sw_change_record record;
    uint8_t format;
    const enum sw_err err = sw_read_format(&in, SW_CHANGE_FORMAT, &format);

    if (err != SW_ERR_OK) {
        return err;
    }
    record.place.tenant = sw_read_short(&in);
    record.place.name_space = sw_read_short(&in);
    record.place.partition = sw_read_short(&in);
    record.key = sw_read_short(&in);
    record.create_revision = sw_read_u64(&in);
    record.version = sw_read_u64(&in);
    record.time_ms = sw_read_u64(&in);
    record.lease = sw_read_u64(&in);
    record.value = sw_read_bytes(&in, sw_reader_left(&in));
    if (in.failed || format != SW_CHANGE_FORMAT || !sw_place_validate(&record.place) ||
        record.key.size == 0 || record.key.size > SW_KEY_SIZE_MAX) {
        return SW_ERR_CORRUPT;
    }
    *ret_record = record;
    return SW_ERR_OK;
}
