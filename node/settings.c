/* A sorted table and its loading. */
#include "node/settings.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "node/apply.h"

void sw_settings_release(struct sw_settings *settings)
{
    free(settings->rows);
    free(settings->by_id);
    *settings = (struct sw_settings){0};
}

static int order(const struct sw_setting *row, enum sw_setting_kind kind, struct sw_span name)
{
    if (row->kind != kind) {
        return row->kind < kind ? -1 : 1;
    }
    return sw_span_compare(sw_span_str(row->name), name);
}

/* The place of the first row that is not before (kind, name). */
static uint32_t
place_in(const struct sw_settings *settings, enum sw_setting_kind kind, struct sw_span name)
{
    uint32_t low = 0;
    uint32_t high = settings->count;

    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;

        if (order(&settings->rows[middle], kind, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

const struct sw_setting *
sw_settings_find(const struct sw_settings *settings, enum sw_setting_kind kind, struct sw_span name)
{
    const uint32_t at = place_in(settings, kind, name);

    return at < settings->count && order(&settings->rows[at], kind, name) == 0 ? &settings->rows[at]
                                                                               : NULL;
}

const struct sw_setting *sw_settings_of_namespace(const struct sw_settings *settings,
                                                  enum sw_setting_kind kind,
                                                  struct sw_span tenant,
                                                  struct sw_span name_space)
{
    uint8_t name[SW_SETTING_NAME_SIZE_MAX];

    SW_ASSERT(tenant.size > 0 && tenant.size <= SW_TENANT_SIZE_MAX);
    SW_ASSERT(name_space.size > 0 && name_space.size <= SW_NAMESPACE_SIZE_MAX);
    memcpy(name, tenant.data, tenant.size);
    name[tenant.size] = ' ';
    memcpy(name + tenant.size + 1, name_space.data, name_space.size);
    return sw_settings_find(settings, kind, sw_span_of(name, tenant.size + 1 + name_space.size));
}

const struct sw_setting *sw_settings_of_place(const struct sw_settings *settings,
                                              enum sw_setting_kind kind,
                                              struct sw_span tenant,
                                              struct sw_span name_space)
{
    const struct sw_setting *found = sw_settings_of_namespace(settings, kind, tenant, name_space);

    return found != NULL ? found : sw_settings_find(settings, kind, tenant);
}

const struct sw_setting *sw_settings_of_kind(const struct sw_settings *settings,
                                             enum sw_setting_kind kind,
                                             uint32_t *ret_count)
{
    const uint32_t first = place_in(settings, kind, sw_span_of(NULL, 0));

    *ret_count = place_in(settings, kind + 1, sw_span_of(NULL, 0)) - first;
    return *ret_count > 0 ? &settings->rows[first] : NULL;
}

uint32_t sw_settings_count(const struct sw_settings *settings, enum sw_setting_kind kind)
{
    uint32_t count;

    (void)sw_settings_of_kind(settings, kind, &count);
    return count;
}

/* qsort has no argument for the table: what is sorted carries the ids. */
struct id_place {
    uint8_t id[SW_IDENTITY_ID_SIZE];
    uint32_t place;
};

static int compare_ids(const void *a, const void *b)
{
    return memcmp(
        ((const struct id_place *)a)->id, ((const struct id_place *)b)->id, SW_IDENTITY_ID_SIZE);
}

void sw_settings_index(struct sw_settings *settings)
{
    const uint32_t count = sw_settings_count(settings, SW_SETTING_IDENTITY);
    struct id_place *places = calloc(count + 1U, sizeof *places);

    SW_ASSERT(places != NULL);
    SW_ASSERT(SW_SETTING_IDENTITY == 0); /* they are the first rows */
    for (uint32_t i = 0; i < count; i++) {
        places[i].place = i;
        memcpy(places[i].id, settings->rows[i].id, sizeof places[i].id);
    }
    qsort(places, count, sizeof *places, compare_ids);
    free(settings->by_id);
    settings->by_id = calloc(count + 1U, sizeof *settings->by_id);
    SW_ASSERT(settings->by_id != NULL);
    for (uint32_t i = 0; i < count; i++) {
        settings->by_id[i] = places[i].place;
    }
    settings->by_id_count = count;
    free(places);
}

const struct sw_setting *sw_settings_identity(const struct sw_settings *settings,
                                              const uint8_t id[SW_IDENTITY_ID_SIZE])
{
    uint32_t low = 0;
    uint32_t high = settings->by_id_count;

    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        const struct sw_setting *row = &settings->rows[settings->by_id[middle]];
        const int found = memcmp(row->id, id, SW_IDENTITY_ID_SIZE);

        if (found == 0) {
            return row;
        }
        if (found < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

const struct sw_setting *sw_settings_token(const struct sw_settings *settings,
                                           const uint8_t id[SW_IDENTITY_ID_SIZE])
{
    uint32_t count;
    const struct sw_setting *rows = sw_settings_of_kind(settings, SW_SETTING_TOKEN, &count);

    for (uint32_t i = 0; i < count; i++) {
        if (memcmp(rows[i].id, id, SW_IDENTITY_ID_SIZE) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

static void reserve(struct sw_settings *settings, uint32_t count)
{
    struct sw_setting *rows;

    if (count <= settings->capacity) {
        return;
    }
    count += count / 2;
    rows = realloc(settings->rows, count * sizeof *rows);
    SW_ASSERT(rows != NULL);
    settings->rows = rows;
    settings->capacity = count;
}

void sw_settings_set(struct sw_settings *settings, const struct sw_setting *setting)
{
    const struct sw_span name = sw_span_str(setting->name);
    const uint32_t at = place_in(settings, setting->kind, name);

    settings->changed = true;
    if (at == settings->count || order(&settings->rows[at], setting->kind, name) != 0) {
        SW_ASSERT(sw_settings_count(settings, setting->kind) < SW_SETTING_COUNT_MAX);
        reserve(settings, settings->count + 1);
        memmove(&settings->rows[at + 1],
                &settings->rows[at],
                (settings->count - at) * sizeof settings->rows[0]);
        settings->count++;
    }
    settings->rows[at] = *setting;
}

void sw_settings_unset(struct sw_settings *settings, enum sw_setting_kind kind, struct sw_span name)
{
    const uint32_t at = place_in(settings, kind, name);

    if (at == settings->count || order(&settings->rows[at], kind, name) != 0) {
        return;
    }
    settings->changed = true;
    settings->count--;
    memmove(&settings->rows[at],
            &settings->rows[at + 1],
            (settings->count - at) * sizeof settings->rows[0]);
}

void sw_settings_copy(const struct sw_settings *settings, struct sw_settings *copy)
{
    sw_settings_release(copy);
    if (settings->count > 0) {
        reserve(copy, settings->count);
        memcpy(copy->rows, settings->rows, settings->count * sizeof copy->rows[0]);
        copy->count = settings->count;
    }
    sw_settings_index(copy);
}

/* --- the store -------------------------------------------------------------------------------- */

struct sw_place sw_settings_place(enum sw_setting_kind kind)
{
    return (struct sw_place){.tenant = sw_span_str(SW_SYSTEM_TENANT),
                             .name_space = sw_span_str(SW_SYSTEM_SETTINGS),
                             .partition = sw_span_str(sw_setting_kind_name(kind))};
}

static enum sw_err load_record(struct sw_settings *settings,
                               enum sw_setting_kind kind,
                               struct sw_span name,
                               struct sw_span bytes)
{
    struct sw_kv_record record;
    struct sw_setting setting;
    char why[SW_WHY_SIZE];
    const enum sw_err err = sw_kv_record_decode(bytes, &record);

    if (err != SW_ERR_OK) {
        return err;
    }
    if (sw_setting_parse(kind, name, record.value, &setting, why) != SW_ERR_OK ||
        sw_settings_count(settings, kind) == SW_SETTING_COUNT_MAX) {
        return SW_ERR_CORRUPT;
    }
    setting.revision = record.mod_revision;
    sw_settings_set(settings, &setting);
    return SW_ERR_OK;
}

static enum sw_err
load_kind(struct sw_settings *settings, enum sw_setting_kind kind, struct sw_store *store)
{
    const struct sw_place place = sw_settings_place(kind);
    struct sw_store_record record;
    struct sw_key prefix;
    enum sw_err err;

    sw_key_partition(&place, &prefix);
    err = store->ops->seek(store, SW_TABLE_KV, sw_key_span(&prefix), false, &record);
    while (err == SW_ERR_OK && sw_key_has_prefix(record.key, sw_key_span(&prefix))) {
        const struct sw_span name =
            sw_span_of(record.key.data + prefix.size, record.key.size - prefix.size);

        err = load_record(settings, kind, name, record.value);
        if (err == SW_ERR_OK) {
            err = store->ops->next(store, SW_TABLE_KV, false, &record);
        }
    }
    return err == SW_ERR_NOT_FOUND ? SW_ERR_OK : err;
}

enum sw_err sw_settings_load(struct sw_settings *settings, struct sw_store *store)
{
    enum sw_err err = SW_ERR_OK;

    SW_ASSERT(settings->count == 0);
    for (unsigned kind = 0; kind < SW_SETTING_KIND_COUNT && err == SW_ERR_OK; kind++) {
        err = load_kind(settings, (enum sw_setting_kind)kind, store);
    }
    sw_settings_index(settings);
    settings->changed = true; /* the loop has no copy of these */
    return err;
}
