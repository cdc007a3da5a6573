/* Counting what tenants use, and refusing what is over a quota.
 *
 * Counts change with the tables, in the same entry, so they are as exact as the tables are. A write
 * is refused before it has done anything, and only if it makes more of what there is too much of:
 * deletes, revocations and smaller values always pass. */
#include <string.h>

#include "base/assert.h"
#include "node/apply_private.h"
#include "node/usage.h"

/* The rows of a place: its namespace's, its tenant's. */
enum { ROW_NAMESPACE, ROW_TENANT, ROW_COUNT };

static struct sw_span row_space(const struct sw_place *place, int row)
{
    return row == ROW_TENANT ? sw_span_of(NULL, 0) : place->name_space;
}

/* Adds two's complement; false if the result would be below zero. */
static bool add_to(uint64_t *count, int64_t more)
{
    if (more < 0 && *count < (uint64_t)-more) {
        return false;
    }
    *count += (uint64_t)more;
    return true;
}

enum sw_err sw__usage_add(struct sw__apply *apply,
                          const struct sw_place *place,
                          const struct sw__usage_change *change)
{
    struct sw_state *state = apply->state;

    if (state->usages.scope == SW_USAGE_OF_NOTHING || sw_tenant_is_reserved(place->tenant)) {
        return SW_ERR_OK;
    }
    for (int i = 0; i < ROW_COUNT; i++) {
        struct sw_usage_row *row;
        const enum sw_err err = sw_usages_row(
            &state->usages, apply->store, state->group, place->tenant, row_space(place, i), &row);

        if (err != SW_ERR_OK) {
            return err;
        }
        if (!add_to(&row->usage.keys, change->keys) ||
            !add_to(&row->usage.experiences, change->experiences) ||
            !add_to(&row->usage.bytes, change->bytes) ||
            !add_to(&row->usage.leases, change->leases)) {
            return SW_ERR_CORRUPT; /* more went than was ever there */
        }
    }
    return SW_ERR_OK;
}

struct sw__usage_change sw__usage_of_put(struct sw_span key,
                                         const struct sw_kv_record *old,
                                         const struct sw_kv_record *record)
{
    const bool is_new = old->version == 0;

    return (struct sw__usage_change){.keys = is_new ? 1 : 0,
                                     .bytes = (int64_t)record->value.size -
                                              (int64_t)old->value.size +
                                              (is_new ? (int64_t)key.size : 0)};
}

struct sw__usage_change sw__usage_of_del(struct sw_span key, const struct sw_kv_record *old)
{
    return (struct sw__usage_change){.keys = -1, .bytes = -(int64_t)(key.size + old->value.size)};
}

/* --- quotas ----------------------------------------------------------------------------------- */

static const struct sw_quota *
quota_of(const struct sw_settings *settings, const struct sw_place *place, int row)
{
    const struct sw_setting *setting =
        row == ROW_TENANT ? sw_settings_find(settings, SW_SETTING_QUOTA, place->tenant)
                          : sw_settings_of_namespace(
                                settings, SW_SETTING_QUOTA, place->tenant, place->name_space);

    return setting == NULL ? NULL : &setting->quota;
}

static bool is_over(uint64_t limit, uint64_t used, int64_t more)
{
    return limit != 0 && more > 0 && (used >= limit || (uint64_t)more > limit - used);
}

/* Sets the answer if the change is over the quota. */
static void judge(const struct sw_quota *quota,
                  const struct sw_usage *usage,
                  const struct sw__usage_change *change,
                  int row,
                  struct sw_command_result *result)
{
    const uint64_t which = row == ROW_NAMESPACE ? SW_QUOTA_OF_NAMESPACE : 0;

    if (is_over(quota->keys, usage->keys, change->keys)) {
        result->err = SW_ERR_QUOTA;
        result->value = usage->keys << 2 | which;
    } else if (is_over(quota->bytes, usage->bytes, change->bytes)) {
        result->err = SW_ERR_QUOTA;
        result->value = usage->bytes << 2 | which | SW_QUOTA_OF_BYTES;
    }
}

enum sw_err sw__quota_check(struct sw__apply *apply,
                            const struct sw_place *place,
                            const struct sw__usage_change *change,
                            struct sw_command_result *result)
{
    struct sw_state *state = apply->state;

    SW_ASSERT(result->err == SW_ERR_OK);
    for (int i = 0;
         i < ROW_COUNT && state->usages.scope != SW_USAGE_OF_NOTHING && result->err == SW_ERR_OK;
         i++) {
        const struct sw_quota *quota = quota_of(&state->settings, place, i);
        struct sw_usage_row *row;
        enum sw_err err;

        if (quota == NULL) {
            continue;
        }
        err = sw_usages_row(
            &state->usages, apply->store, state->group, place->tenant, row_space(place, i), &row);
        if (err != SW_ERR_OK) {
            return err;
        }
        judge(quota, &row->usage, change, i, result);
    }
    if (result->err != SW_ERR_OK) { /* what it answered before goes */
        state->answers.size -= result->records.size;
        result->records.size = 0;
        result->record_count = 0;
        result->revision = state->revision;
    }
    return SW_ERR_OK;
}

enum sw_err sw__usage_leases(struct sw__apply *apply, struct sw_span tenant, uint64_t *ret_leases)
{
    struct sw_usage_row *row;
    const enum sw_err err = sw_usages_row(&apply->state->usages,
                                          apply->store,
                                          apply->state->group,
                                          tenant,
                                          sw_span_of(NULL, 0),
                                          &row);

    *ret_leases = err == SW_ERR_OK ? row->usage.leases : 0;
    return err;
}

/* --- the entry's end -------------------------------------------------------------------------- */

static enum sw_err save_row(struct sw__apply *apply, const struct sw_usage_row *row)
{
    struct sw_buf *record = &apply->state->record;
    const bool is_nothing = row->usage.keys == 0 && row->usage.experiences == 0 &&
                            row->usage.bytes == 0 && row->usage.leases == 0;
    struct sw_key key;

    sw_usage_key(apply->state->group, sw_span_str(row->tenant), sw_span_str(row->name_space), &key);
    if (is_nothing) {
        return row->stored ? sw__table_del(apply, SW_TABLE_META, &key) : SW_ERR_OK;
    }
    sw_buf_clear(record);
    sw_usage_encode(&row->usage, apply->state->usages.scope, record);
    return sw__table_put(apply, SW_TABLE_META, &key, sw_buf_span(record));
}

enum sw_err sw__usage_flush(struct sw__apply *apply)
{
    struct sw_usages *usages = &apply->state->usages;
    enum sw_err err = SW_ERR_OK;

    for (uint32_t i = 0; i < usages->count && err == SW_ERR_OK; i++) {
        err = save_row(apply, &usages->rows[i]);
    }
    sw_usages_clear(usages);
    return err;
}

/* --- the beginning ---------------------------------------------------------------------------- */

static enum sw_err
count_key(struct sw__apply *apply, const struct sw_store_record *stored, struct sw_buf *reserved)
{
    struct sw__usage_change change = {.keys = 1};
    struct sw_kv_record record;
    struct sw_kv_key key;
    enum sw_err err;

    if (sw_key_kv_decode(stored->key, &key) != SW_ERR_OK) {
        return SW_ERR_CORRUPT;
    }
    err = sw_kv_record_decode(stored->value, &record);
    if (err != SW_ERR_OK) {
        return err;
    }
    if (sw_tenant_is_reserved(key.place.tenant)) {
        sw_write_blob(reserved, stored->key);
        return SW_ERR_OK;
    }
    change.bytes = (int64_t)(key.key.size + record.value.size);
    return sw__usage_add(apply, &key.place, &change);
}

static enum sw_err count_experience(struct sw__apply *apply, const struct sw_store_record *stored)
{
    struct sw__usage_change change = {.experiences = 1};
    struct sw_experience_record record;
    struct sw_experience_key key;
    enum sw_err err;

    if (sw_key_experience_decode(stored->key, &key) != SW_ERR_OK) {
        return SW_ERR_CORRUPT;
    }
    err = sw_experience_record_decode(stored->value, &record);
    change.bytes = (int64_t)record.value.size;
    return err == SW_ERR_OK ? sw__usage_add(apply, &key.place, &change) : err;
}

/* Gets of rows while it counts do not disturb the walk. */
static enum sw_err
count_table(struct sw__apply *apply, enum sw_table table, struct sw_buf *reserved)
{
    const struct sw_store_ops *ops = apply->store->ops;
    struct sw_store_record stored;
    enum sw_err err;

    err = ops->seek(apply->store, table, sw_span_of(NULL, 0), false, &stored);
    while (err == SW_ERR_OK) {
        err = table == SW_TABLE_KV ? count_key(apply, &stored, reserved)
                                   : count_experience(apply, &stored);
        if (err == SW_ERR_OK) {
            err = ops->next(apply->store, table, false, &stored);
        }
    }
    return err == SW_ERR_NOT_FOUND ? SW_ERR_OK : err;
}

/* What older programs let clients store in the reserved tenant is no setting of anybody's. */
static enum sw_err drop_reserved(struct sw__apply *apply, struct sw_span keys)
{
    struct sw_reader in = sw_reader_of(keys);
    enum sw_err err = SW_ERR_OK;

    apply->state->revision += keys.size > 0 ? 1 : 0;
    while (err == SW_ERR_OK && sw_reader_left(&in) > 0) {
        const struct sw_span bytes = sw_read_blob(&in, SW_STORE_KEY_SIZE_MAX);
        struct sw_kv_record old;
        struct sw_kv_key parts;
        struct sw_key key;

        err = sw_key_kv_decode(bytes, &parts);
        SW_ASSERT(err == SW_ERR_OK); /* decoded when it was counted */
        memcpy(key.data, bytes.data, bytes.size);
        key.size = bytes.size;
        err = sw__kv_get(apply, &key, &old);
        if (err == SW_ERR_OK) {
            err = sw__kv_del(apply, &parts.place, parts.key, &old);
        }
    }
    return err;
}

/* Keys and experiences that are there. */
static enum sw_err begin_keys(struct sw__apply *apply)
{
    struct sw_buf reserved = {0};
    enum sw_err err;

    apply->state->usages.scope = SW_USAGE_OF_KEYS;
    err = count_table(apply, SW_TABLE_KV, &reserved);
    if (err == SW_ERR_OK) {
        err = count_table(apply, SW_TABLE_EXPERIENCE, &reserved);
    }
    if (err == SW_ERR_OK) {
        err = drop_reserved(apply, sw_buf_span(&reserved));
    }
    sw_buf_release(&reserved);
    return err;
}

static enum sw_err begin_all(struct sw__apply *apply)
{
    enum sw_err err;

    apply->state->usages.scope = SW_USAGE_OF_ALL;
    err = sw__leases_count(apply);
    return err == SW_ERR_OK ? sw__vectors_count(apply) : err;
}

static enum sw_usage_scope scope_of(uint8_t format)
{
    return format >= SW_ENTRY_FORMAT_MEMORIES  ? SW_USAGE_OF_ALL
           : format >= SW_ENTRY_FORMAT_AUTHORS ? SW_USAGE_OF_KEYS
                                               : SW_USAGE_OF_NOTHING;
}

enum sw_err sw__usage_begin(struct sw__apply *apply)
{
    struct sw_usages *usages = &apply->state->usages;
    const enum sw_usage_scope scope = scope_of(apply->format);
    const uint8_t record = (uint8_t)scope;
    struct sw_key key;
    enum sw_err err = SW_ERR_OK;

    if (usages->scope >= scope) {
        return SW_ERR_OK;
    }
    if (usages->scope == SW_USAGE_OF_NOTHING) {
        err = begin_keys(apply);
    }
    if (err == SW_ERR_OK && scope == SW_USAGE_OF_ALL) {
        err = begin_all(apply);
    }
    if (err == SW_ERR_OK) {
        sw_usage_scope_key(apply->state->group, &key);
        err = sw__table_put(apply, SW_TABLE_META, &key, sw_span_of(&record, sizeof record));
    }
    return err;
}
