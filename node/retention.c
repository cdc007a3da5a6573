/* Rows of namespaces that say themselves how long they keep their changes. */
#include "node/retention.h"

#include "base/assert.h"

void sw_retention_row_encode(const struct sw_retention_row *row, struct sw_buf *out)
{
    SW_ASSERT(row->begun > 0);
    sw_write_u8(out, SW_RETENTION_FORMAT);
    sw_write_u64(out, row->begun);
    sw_write_u64(out, row->floor);
    sw_write_u64(out, row->count);
    sw_write_u64(out, row->size);
    sw_write_u64(out, row->swept.revision);
    sw_write_u16(out, row->swept.number);
}

enum sw_err sw_retention_row_decode(struct sw_span bytes, struct sw_retention_row *ret_row)
{
    struct sw_reader in = sw_reader_of(bytes);
    struct sw_retention_row row;
    uint8_t format;
    const enum sw_err err = sw_read_format(&in, SW_RETENTION_FORMAT, &format);

    if (err != SW_ERR_OK) {
        return err;
    }
    row.begun = sw_read_u64(&in);
    row.floor = sw_read_u64(&in);
    row.count = sw_read_u64(&in);
    row.size = sw_read_u64(&in);
    row.swept.revision = sw_read_u64(&in);
    row.swept.number = sw_read_u16(&in);
    if (sw_reader_finish(&in) != SW_ERR_OK || row.begun == 0) {
        return SW_ERR_CORRUPT;
    }
    *ret_row = row;
    return SW_ERR_OK;
}

void sw_retention_key(struct sw_group_id group, const struct sw_place *place, struct sw_key *ret)
{
    uint8_t name[SW_META_NAME_SIZE_MAX];
    const struct sw_span kind = sw_span_of("retention", sizeof "retention"); /* with its zero */
    size_t size = kind.size;

    SW_ASSERT(kind.size + place->tenant.size + 1 + place->name_space.size <= sizeof name);
    memcpy(name, kind.data, kind.size);
    memcpy(name + size, place->tenant.data, place->tenant.size);
    size += place->tenant.size;
    name[size++] = 0;
    memcpy(name + size, place->name_space.data, place->name_space.size);
    size += place->name_space.size;
    sw_key_meta(group, sw_span_of(name, size), ret);
}

enum sw_err sw_retention_row_get(struct sw_store *store,
                                 struct sw_group_id group,
                                 const struct sw_place *place,
                                 struct sw_retention_row *ret_row)
{
    struct sw_span bytes;
    struct sw_key key;
    enum sw_err err;

    sw_retention_key(group, place, &key);
    err = store->ops->get(store, SW_TABLE_META, sw_key_span(&key), &bytes);
    if (err == SW_ERR_NOT_FOUND) {
        *ret_row = (struct sw_retention_row){0};
        return SW_ERR_OK;
    }
    return err == SW_ERR_OK ? sw_retention_row_decode(bytes, ret_row) : err;
}
