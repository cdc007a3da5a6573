/* Rows of usage: their records, and the table of the running entry. */
#include "node/usage.h"

#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "base/assert.h"

static_assert(sizeof "usage" + SW_TENANT_SIZE_MAX + 1 + SW_NAMESPACE_SIZE_MAX <=
                  SW_META_NAME_SIZE_MAX,
              "a row has a name in META");

/* --- records ---------------------------------------------------------------------------------- */

void sw_usage_key(struct sw_group_id group,
                  struct sw_span tenant,
                  struct sw_span name_space,
                  struct sw_key *ret_key)
{
    uint8_t name[SW_META_NAME_SIZE_MAX];
    size_t size = sizeof "usage"; /* and its zero */

    SW_ASSERT(tenant.size <= SW_TENANT_SIZE_MAX);
    SW_ASSERT(name_space.size <= SW_NAMESPACE_SIZE_MAX);
    memcpy(name, "usage", size);
    if (tenant.size > 0) {
        memcpy(name + size, tenant.data, tenant.size);
        size += tenant.size;
        name[size++] = 0;
    }
    if (name_space.size > 0) {
        memcpy(name + size, name_space.data, name_space.size);
        size += name_space.size;
    }
    sw_key_meta(group, sw_span_of(name, size), ret_key);
}

void sw_usage_scope_key(struct sw_group_id group, struct sw_key *ret_key)
{
    sw_key_meta(group, sw_span_str("usage"), ret_key);
}

enum sw_err sw_usage_scope_decode(struct sw_span bytes, enum sw_usage_scope *ret_scope)
{
    struct sw_reader in = sw_reader_of(bytes);
    uint8_t scope;
    const enum sw_err err = sw_read_format(&in, SW_USAGE_OF_ALL, &scope);

    if (err == SW_ERR_OK && sw_reader_finish(&in) != SW_ERR_OK) {
        return SW_ERR_CORRUPT;
    }
    if (err == SW_ERR_OK) {
        *ret_scope = (enum sw_usage_scope)scope;
    }
    return err;
}

void sw_usage_encode(const struct sw_usage *usage, enum sw_usage_scope scope, struct sw_buf *out)
{
    SW_ASSERT(scope == SW_USAGE_OF_ALL || (scope == SW_USAGE_OF_KEYS && usage->leases == 0));
    sw_write_u8(out, (uint8_t)scope);
    sw_write_u64(out, usage->keys);
    sw_write_u64(out, usage->experiences);
    sw_write_u64(out, usage->bytes);
    if (scope == SW_USAGE_OF_ALL) {
        sw_write_u64(out, usage->leases);
    }
}

enum sw_err sw_usage_decode(struct sw_span bytes, struct sw_usage *ret_usage)
{
    struct sw_reader in = sw_reader_of(bytes);
    struct sw_usage usage;
    uint8_t format;
    const enum sw_err err = sw_read_format(&in, SW_USAGE_FORMAT, &format);

    if (err != SW_ERR_OK) {
        return err;
    }
    usage.keys = sw_read_u64(&in);
    usage.experiences = sw_read_u64(&in);
    usage.bytes = sw_read_u64(&in);
    usage.leases = format > SW_USAGE_FORMAT_KEYS ? sw_read_u64(&in) : 0;
    if (sw_reader_finish(&in) != SW_ERR_OK) {
        return SW_ERR_CORRUPT;
    }
    *ret_usage = usage;
    return SW_ERR_OK;
}

/* --- the table -------------------------------------------------------------------------------- */

void sw_usages_release(struct sw_usages *usages)
{
    free(usages->rows);
    free(usages->slots);
    *usages = (struct sw_usages){0};
}

void sw_usages_clear(struct sw_usages *usages)
{
    if (usages->count > 0) {
        memset(usages->slots, 0, usages->slot_count * sizeof *usages->slots);
        usages->count = 0;
    }
}

static bool is_row(const struct sw_usage_row *row, struct sw_span tenant, struct sw_span name_space)
{
    return sw_span_equal(sw_span_str(row->tenant), tenant) &&
           sw_span_equal(sw_span_str(row->name_space), name_space);
}

/* Where the row is, or would be. */
static uint32_t *slot_of(struct sw_usages *usages, struct sw_span tenant, struct sw_span name_space)
{
    const uint64_t hash =
        XXH3_64bits(tenant.data, tenant.size) * 31 + XXH3_64bits(name_space.data, name_space.size);
    uint32_t at = (uint32_t)hash & (usages->slot_count - 1);

    while (usages->slots[at] != 0 &&
           !is_row(&usages->rows[usages->slots[at] - 1], tenant, name_space)) {
        at = (at + 1) & (usages->slot_count - 1);
    }
    return &usages->slots[at];
}

static void grow(struct sw_usages *usages)
{
    const uint32_t capacity = usages->capacity == 0 ? 8 : 2 * usages->capacity;

    usages->rows = realloc(usages->rows, capacity * sizeof *usages->rows);
    free(usages->slots);
    usages->slot_count = 2 * capacity;
    usages->slots = calloc(usages->slot_count, sizeof *usages->slots);
    SW_ASSERT(usages->rows != NULL);
    SW_ASSERT(usages->slots != NULL);
    usages->capacity = capacity;
    for (uint32_t i = 0; i < usages->count; i++) {
        const struct sw_usage_row *row = &usages->rows[i];

        *slot_of(usages, sw_span_str(row->tenant), sw_span_str(row->name_space)) = i + 1;
    }
}

static enum sw_err
read_row(struct sw_store *store, struct sw_group_id group, struct sw_usage_row *row)
{
    struct sw_span bytes;
    struct sw_key key;
    enum sw_err err;

    sw_usage_key(group, sw_span_str(row->tenant), sw_span_str(row->name_space), &key);
    err = store->ops->get(store, SW_TABLE_META, sw_key_span(&key), &bytes);
    if (err == SW_ERR_OK) {
        row->stored = true;
        err = sw_usage_decode(bytes, &row->usage);
    }
    return err == SW_ERR_NOT_FOUND ? SW_ERR_OK : err;
}

static void copy_name(struct sw_span name, char *out)
{
    if (name.size > 0) {
        memcpy(out, name.data, name.size);
    }
    out[name.size] = '\0';
}

enum sw_err sw_usages_row(struct sw_usages *usages,
                          struct sw_store *store,
                          struct sw_group_id group,
                          struct sw_span tenant,
                          struct sw_span name_space,
                          struct sw_usage_row **ret_row)
{
    struct sw_usage_row row = {0};
    uint32_t *slot;
    enum sw_err err;

    SW_ASSERT(tenant.size > 0 && tenant.size <= SW_TENANT_SIZE_MAX);
    SW_ASSERT(name_space.size <= SW_NAMESPACE_SIZE_MAX);
    if (usages->count == usages->capacity) {
        grow(usages);
    }
    slot = slot_of(usages, tenant, name_space);
    if (*slot == 0) {
        copy_name(tenant, row.tenant);
        copy_name(name_space, row.name_space);
        err = read_row(store, group, &row);
        if (err != SW_ERR_OK) {
            return err;
        }
        usages->rows[usages->count] = row;
        *slot = ++usages->count;
    }
    *ret_row = &usages->rows[*slot - 1];
    return SW_ERR_OK;
}
