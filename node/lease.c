/* The record of a lease, and what is known of all leases beside the table. */
#include "node/lease.h"

#include "base/assert.h"
#include "base/limits.h"

void sw_lease_record_encode(const struct sw_lease_record *record, struct sw_buf *out)
{
    const size_t start = out->size;

    SW_ASSERT(sw_place_validate(&record->place));
    sw_write_u8(out, SW_LEASE_FORMAT);
    sw_write_u32(out, record->ttl_ms);
    sw_write_u64(out, record->end_ms);
    sw_write_u32(out, record->key_count);
    SW_ASSERT(out->size - start == SW_LEASE_HEADER_SIZE);
    sw_write_short(out, record->place.tenant);
    sw_write_short(out, record->place.name_space);
    sw_write_short(out, record->place.partition);
}

enum sw_err sw_lease_record_decode(struct sw_span bytes, struct sw_lease_record *ret_record)
{
    struct sw_reader in = sw_reader_of(bytes);
    struct sw_lease_record record;
    uint8_t format;
    const enum sw_err err = sw_read_format(&in, SW_LEASE_FORMAT, &format);

    if (err != SW_ERR_OK) {
        return err;
    }
    record.ttl_ms = sw_read_u32_max(&in, SW_LEASE_TTL_MS_MAX);
    record.end_ms = sw_read_u64(&in);
    record.key_count = sw_read_u32_max(&in, SW_LEASE_KEY_COUNT_MAX);
    record.place.tenant = sw_read_short(&in);
    record.place.name_space = sw_read_short(&in);
    record.place.partition = sw_read_short(&in);
    if (sw_reader_finish(&in) != SW_ERR_OK || format != SW_LEASE_FORMAT ||
        !sw_place_validate(&record.place)) {
        return SW_ERR_CORRUPT;
    }
    *ret_record = record;
    return SW_ERR_OK;
}

bool sw_place_equal(const struct sw_place *a, const struct sw_place *b)
{
    return sw_span_equal(a->tenant, b->tenant) && sw_span_equal(a->name_space, b->name_space) &&
           sw_span_equal(a->partition, b->partition);
}

enum sw_err sw_leases_load(struct sw_state *state, struct sw_store *store)
{
    struct sw_store_record record;
    struct sw_lease_key found;
    struct sw_key from;
    enum sw_err err;

    state->lease_due_ms = UINT64_MAX;
    sw_key_lease_end(state->group, 0, 1, &from);
    err = store->ops->seek(store, SW_TABLE_LEASE, sw_key_span(&from), false, &record);
    if (err == SW_ERR_NOT_FOUND) {
        return SW_ERR_OK;
    }
    if (err != SW_ERR_OK) {
        return err;
    }
    if (sw_key_lease_decode(record.key, &found) != SW_ERR_OK) {
        return SW_ERR_CORRUPT;
    }
    if (found.group.value == state->group.value && found.kind == SW_LEASE_KIND_END) {
        state->lease_due_ms = found.end_ms;
    }
    return SW_ERR_OK;
}
