/* Indexes in memory, and the map that the library sees: our store's table. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "node/apply_private.h"
#include "node/lease.h"
#include "node/vectors_private.h"

static const char meta_prefix[] = "vectors-";

enum { META_FORMAT_UNCOUNTED = 1, META_FIXED_SIZE = 1 + 1 + 4 * 2 + 8 /* beside the names */ };

/* --- the library's map ------------------------------------------------------------------------ */

static struct sw_vectors_index *index_of(struct sw_index_map *map)
{
    return map->impl;
}

static void key_of(struct sw_span bytes, struct sw_key *ret_key)
{
    SW_ASSERT(bytes.size <= sizeof ret_key->data);
    memcpy(ret_key->data, bytes.data, bytes.size);
    ret_key->size = bytes.size;
}

static enum sw_err map_get(struct sw_index_map *map, struct sw_span key, struct sw_span *ret_value)
{
    struct sw_store *store = index_of(map)->store;

    return store->ops->get(store, SW_TABLE_INDEX, key, ret_value);
}

/* While an entry is executed what is written is an effect of it; a flush writes only what follows
 * from the entries before it, at a moment that each replica chooses. */
static enum sw_err map_put(struct sw_index_map *map, struct sw_span bytes, struct sw_span value)
{
    struct sw_vectors_index *index = index_of(map);
    struct sw_key key;

    if (index->apply == NULL) {
        return index->store->ops->put(index->store, SW_TABLE_INDEX, bytes, value);
    }
    key_of(bytes, &key);
    return sw__table_put(index->apply, SW_TABLE_INDEX, &key, value);
}

static enum sw_err map_del(struct sw_index_map *map, struct sw_span bytes)
{
    struct sw_vectors_index *index = index_of(map);
    struct sw_key key;

    if (index->apply == NULL) {
        return index->store->ops->del(index->store, SW_TABLE_INDEX, bytes);
    }
    key_of(bytes, &key);
    return sw__table_del(index->apply, SW_TABLE_INDEX, &key);
}

static enum sw_err
found(enum sw_err err, const struct sw_store_record *record, struct sw_index_record *ret_record)
{
    if (err == SW_ERR_OK) {
        *ret_record = (struct sw_index_record){.key = record->key, .value = record->value};
    }
    return err;
}

static enum sw_err
map_seek(struct sw_index_map *map, struct sw_span from, struct sw_index_record *ret_record)
{
    struct sw_store *store = index_of(map)->store;
    struct sw_store_record record;

    return found(
        store->ops->seek(store, SW_TABLE_INDEX, from, false, &record), &record, ret_record);
}

static enum sw_err map_next(struct sw_index_map *map, struct sw_index_record *ret_record)
{
    struct sw_store *store = index_of(map)->store;
    struct sw_store_record record;

    return found(store->ops->next(store, SW_TABLE_INDEX, false, &record), &record, ret_record);
}

static const struct sw_index_map_ops map_ops = {
    .get = map_get, .put = map_put, .del = map_del, .seek = map_seek, .next = map_next};

/* --- records ---------------------------------------------------------------------------------- */

void sw_vectors_meta_key(struct sw_group_id group, uint64_t number, struct sw_key *ret_key)
{
    char name[sizeof meta_prefix + 16];

    (void)snprintf(name, sizeof name, "%s%016llx", meta_prefix, (unsigned long long)number);
    sw_key_meta(group, sw_span_str(name), ret_key);
}

void sw_vectors_meta_encode(const struct sw_vectors_index *index, struct sw_buf *out)
{
    sw_write_u8(out, index->size > 0 ? SW_VECTORS_FORMAT : META_FORMAT_UNCOUNTED);
    sw_write_u8(out, index->dropped ? 1 : 0);
    sw_write_short(out, index->place.tenant);
    sw_write_short(out, index->place.name_space);
    sw_write_short(out, index->place.partition);
    sw_write_short(out, index->name);
    if (index->size > 0) {
        sw_write_u64(out, index->size);
    }
}

uint64_t sw_vectors_meta_size(const struct sw_place *place, struct sw_span name)
{
    return META_FIXED_SIZE + place->tenant.size + place->name_space.size + place->partition.size +
           name.size;
}

uint64_t
sw_vectors_entry_size(const struct sw_vectors_index *index, size_t key_size, size_t record_size)
{
    return sw_space_vector_size(sw_index_space(index->index)) + key_size + sizeof(uint64_t) +
           record_size;
}

void sw_vectors_id_key(const struct sw_vectors_index *index,
                       struct sw_span key,
                       struct sw_key *ret_key)
{
    sw_key_index(sw_place_slot(&index->place), SW_INDEX_ID, index->number, key, ret_key);
}

static void key_of_id(const struct sw_vectors_index *index,
                      enum sw_index_kind kind,
                      uint64_t id,
                      struct sw_key *ret_key)
{
    uint8_t bytes[8];

    sw_store_u64_be(bytes, id);
    sw_key_index(sw_place_slot(&index->place),
                 kind,
                 index->number,
                 sw_span_of(bytes, id == 0 ? 0 : sizeof bytes),
                 ret_key);
}

void sw_vectors_entry_key(const struct sw_vectors_index *index, uint64_t id, struct sw_key *ret_key)
{
    key_of_id(index, SW_INDEX_ENTRY, id, ret_key);
}

void sw_vectors_lost_key(const struct sw_vectors_index *index, uint64_t id, struct sw_key *ret_key)
{
    key_of_id(index, SW_INDEX_LOST, id, ret_key);
}

void sw_vectors_lost_encode(struct sw_change_at at, struct sw_buf *out)
{
    sw_write_u8(out, SW_VECTORS_LOST_FORMAT);
    sw_write_u64(out, at.revision);
    sw_write_u16(out, at.number);
}

enum sw_err sw_vectors_lost_decode(struct sw_span bytes, struct sw_change_at *ret_at)
{
    struct sw_reader in = sw_reader_of(bytes);
    uint8_t format;
    const enum sw_err err = sw_read_format(&in, SW_VECTORS_LOST_FORMAT, &format);

    if (err != SW_ERR_OK) {
        return err;
    }
    ret_at->revision = sw_read_u64(&in);
    ret_at->number = sw_read_u16(&in);
    return sw_reader_finish(&in) == SW_ERR_OK && ret_at->revision > 0 ? SW_ERR_OK : SW_ERR_CORRUPT;
}

void sw_vectors_profile_key(struct sw_group_id group, uint64_t number, struct sw_key *ret_key)
{
    char name[sizeof "profile-" + 16];

    (void)snprintf(name, sizeof name, "profile-%016llx", (unsigned long long)number);
    sw_key_meta(group, sw_span_str(name), ret_key);
}

void sw_vectors_profile_encode(const struct sw_vectors_profile *profile, struct sw_buf *out)
{
    sw_write_u8(out, SW_VECTORS_PROFILE_FORMAT);
    sw_write_u64(out, profile->kept_from);
    sw_write_u16(out, (uint16_t)profile->target_permille);
    sw_write_u32(out, profile->budget.probe_percent);
    sw_write_u32(out, profile->budget.rerank_tenths);
}

enum sw_err sw_vectors_profile_decode(struct sw_span bytes, struct sw_vectors_profile *ret_profile)
{
    struct sw_reader in = sw_reader_of(bytes);
    uint8_t format;
    const enum sw_err err = sw_read_format(&in, SW_VECTORS_PROFILE_FORMAT, &format);

    if (err != SW_ERR_OK) {
        return err;
    }
    *ret_profile = (struct sw_vectors_profile){.stored = true, .kept_from = sw_read_u64(&in)};
    ret_profile->target_permille = sw_read_u16(&in);
    ret_profile->budget.probe_percent = sw_read_u32(&in);
    ret_profile->budget.rerank_tenths = sw_read_u32(&in);
    return sw_reader_finish(&in) == SW_ERR_OK && ret_profile->target_permille < 1000
               ? SW_ERR_OK
               : SW_ERR_CORRUPT;
}

void sw_vectors_entry_encode(struct sw_span key,
                             const struct sw_vector_item *item,
                             struct sw_buf *out)
{
    sw_write_u8(out, SW_VECTORS_ENTRY_FORMAT);
    sw_write_short(out, key);
    sw_write_u8(out, (uint8_t)item->attribute_count);
    for (uint32_t i = 0; i < item->attribute_count; i++) {
        sw_attribute_encode(&item->attributes[i], out);
    }
}

enum sw_err sw_vectors_entry_decode(struct sw_span bytes, struct sw_vectors_entry *ret_entry)
{
    struct sw_reader in = sw_reader_of(bytes);
    uint8_t format;
    const enum sw_err err = sw_read_format(&in, SW_VECTORS_ENTRY_FORMAT, &format);

    if (err != SW_ERR_OK) {
        return err;
    }
    ret_entry->key = sw_read_short(&in);
    ret_entry->attribute_count = sw_read_u8_max(&in, SW_ATTRIBUTE_COUNT_MAX);
    for (uint32_t i = 0; i < ret_entry->attribute_count && !in.failed; i++) {
        sw_attribute_read(&in, &ret_entry->attributes[i]);
    }
    return sw_reader_finish(&in) == SW_ERR_OK && ret_entry->key.size > 0 &&
                   ret_entry->key.size <= SW_KEY_SIZE_MAX
               ? SW_ERR_OK
               : SW_ERR_CORRUPT;
}

enum sw_err sw_vectors_id_of(const struct sw_vectors_index *index,
                             struct sw_store *store,
                             struct sw_span key,
                             uint64_t *ret_id)
{
    struct sw_span bytes;
    struct sw_key at;
    enum sw_err err;

    sw_vectors_id_key(index, key, &at);
    err = store->ops->get(store, SW_TABLE_INDEX, sw_key_span(&at), &bytes);
    *ret_id = 0;
    if (err == SW_ERR_NOT_FOUND) {
        return SW_ERR_OK;
    }
    if (err == SW_ERR_OK && bytes.size != 8) {
        return SW_ERR_CORRUPT;
    }
    if (err == SW_ERR_OK) {
        *ret_id = sw_load_u64(bytes.data);
    }
    return err;
}

/* --- in memory -------------------------------------------------------------------------------- */

static struct sw_span name_at(const struct sw_buf *names, size_t *at, size_t size)
{
    const struct sw_span name = sw_span_of(names->data + *at, size);

    *at += size;
    return name;
}

static void
copy_names(struct sw_vectors_index *index, const struct sw_place *place, struct sw_span name)
{
    size_t at = 0;

    sw_write_bytes(&index->names, place->tenant);
    sw_write_bytes(&index->names, place->name_space);
    sw_write_bytes(&index->names, place->partition);
    sw_write_bytes(&index->names, name);
    index->place.tenant = name_at(&index->names, &at, place->tenant.size);
    index->place.name_space = name_at(&index->names, &at, place->name_space.size);
    index->place.partition = name_at(&index->names, &at, place->partition.size);
    index->name = name_at(&index->names, &at, name.size);
}

struct sw_vectors_index *sw_vectors_add(struct sw_vectors *vectors,
                                        struct sw_store *store,
                                        uint64_t number,
                                        const struct sw_place *place,
                                        struct sw_span name)
{
    struct sw_vectors_index *index = calloc(1, sizeof *index);
    struct sw_key prefix;

    SW_ASSERT(index != NULL);
    SW_ASSERT(vectors->count < SW_VECTORS_COUNT_MAX);
    vectors->all = realloc(vectors->all, (vectors->count + 1) * sizeof(vectors->all[0]));
    SW_ASSERT(vectors->all != NULL);
    vectors->all[vectors->count++] = index;
    index->number = number;
    index->store = store;
    index->map = (struct sw_index_map){.impl = index, .ops = &map_ops};
    copy_names(index, place, name);
    sw_key_index(sw_place_slot(place), SW_INDEX_LIBRARY, number, sw_span_of(NULL, 0), &prefix);
    index->index = sw_index_new(&index->map, sw_key_span(&prefix));
    return index;
}

static void index_free(struct sw_vectors_index *index)
{
    sw_index_reader_free(index->reader);
    free(index->window);
    sw_attributes_release(&index->attributes);
    sw_index_free(index->index);
    sw_buf_release(&index->names);
    free(index);
}

void sw_vectors_remove(struct sw_vectors *vectors, struct sw_vectors_index *index)
{
    uint32_t at = 0;

    while (vectors->all[at] != index) {
        at++;
        SW_ASSERT(at < vectors->count);
    }
    vectors->count--;
    memmove(
        &vectors->all[at], &vectors->all[at + 1], (vectors->count - at) * sizeof(vectors->all[0]));
    index_free(index);
}

void sw_vectors_release(struct sw_vectors *vectors)
{
    for (uint32_t i = 0; i < vectors->count; i++) {
        index_free(vectors->all[i]);
    }
    free(vectors->all);
    *vectors = (struct sw_vectors){0};
}

bool sw_vectors_serves(const struct sw_vectors_index *index, const struct sw_place *place)
{
    return !index->dropped && sw_place_equal(&index->place, place);
}

struct sw_vectors_index *
sw_vectors_find(const struct sw_vectors *vectors, const struct sw_place *place, struct sw_span name)
{
    for (uint32_t i = 0; i < vectors->count; i++) {
        struct sw_vectors_index *index = vectors->all[i];

        if (sw_span_equal(index->name, name) && sw_vectors_serves(index, place)) {
            return index;
        }
    }
    return NULL;
}

const struct sw_place *sw_vectors_place_at(const struct sw_vectors *vectors,
                                           const struct sw_place *space,
                                           struct sw_span name,
                                           uint32_t at)
{
    for (uint32_t i = 0; i < vectors->count; i++) {
        const struct sw_vectors_index *index = vectors->all[i];

        if (!index->dropped && sw_span_equal(index->name, name) &&
            sw_span_equal(index->place.tenant, space->tenant) &&
            sw_span_equal(index->place.name_space, space->name_space)) {
            if (at == 0) {
                return &index->place;
            }
            at--;
        }
    }
    return NULL;
}

/* --- to and from the store -------------------------------------------------------------------- */

static enum sw_err load_profile(struct sw_vectors_index *index, struct sw_group_id group)
{
    struct sw_span bytes;
    struct sw_key key;
    enum sw_err err;

    sw_vectors_profile_key(group, index->number, &key);
    err = index->store->ops->get(index->store, SW_TABLE_META, sw_key_span(&key), &bytes);
    if (err == SW_ERR_OK) {
        return sw_vectors_profile_decode(bytes, &index->profile);
    }
    return err == SW_ERR_NOT_FOUND ? SW_ERR_OK : err; /* from before there were any */
}

static enum sw_err load_one(struct sw_vectors *vectors,
                            struct sw_store *store,
                            uint64_t number,
                            struct sw_span bytes,
                            struct sw_vectors_index **ret_index)
{
    struct sw_reader in = sw_reader_of(bytes);
    struct sw_place place;
    struct sw_span name;
    uint64_t size;
    uint8_t format;
    bool dropped;
    enum sw_err err = sw_read_format(&in, SW_VECTORS_FORMAT, &format);

    if (err != SW_ERR_OK) {
        return err;
    }
    dropped = sw_read_u8_max(&in, 1) != 0;
    place.tenant = sw_read_short(&in);
    place.name_space = sw_read_short(&in);
    place.partition = sw_read_short(&in);
    name = sw_read_short(&in);
    size = format > META_FORMAT_UNCOUNTED ? sw_read_u64(&in) : 0;
    if (sw_reader_finish(&in) != SW_ERR_OK || !sw_place_validate(&place) || name.size == 0 ||
        vectors->count >= SW_VECTORS_COUNT_MAX) {
        return SW_ERR_CORRUPT;
    }
    *ret_index = sw_vectors_add(vectors, store, number, &place, name);
    (*ret_index)->dropped = dropped;
    (*ret_index)->size = size;
    return SW_ERR_OK;
}

/* Its writer, which tells whether there is work. */
static enum sw_err load_writer(struct sw_vectors *vectors, struct sw_vectors_index *index)
{
    struct sw_index_stats stats;
    enum sw_err err = SW_ERR_OK;

    index->working = index->dropped;
    if (!index->dropped) {
        err = sw_index_load(index->index);
    }
    if (!index->dropped && err == SW_ERR_OK) {
        sw_index_stats(index->index, &stats);
        index->working = stats.working;
    }
    vectors->working = vectors->working || index->working;
    return err == SW_ERR_NOT_FOUND ? SW_ERR_CORRUPT : err;
}

static enum sw_err number_of(const struct sw_meta_key *key, uint64_t *ret_number)
{
    const size_t prefix_size = sizeof meta_prefix - 1;
    char digits[17] = "";
    char *end;

    if (key->name.size != prefix_size + 16) {
        return SW_ERR_CORRUPT;
    }
    memcpy(digits, key->name.data + prefix_size, 16);
    *ret_number = strtoull(digits, &end, 16);
    return *end == 0 && *ret_number < UINT64_MAX ? SW_ERR_OK : SW_ERR_CORRUPT;
}

/* The first index with a number from `from` on; `*ret_number` 0: there is none. */
static enum sw_err next_meta(struct sw_store *store,
                             struct sw_group_id group,
                             uint64_t from,
                             uint64_t *ret_number,
                             struct sw_span *ret_bytes)
{
    struct sw_store_record record;
    struct sw_key prefix, at;
    struct sw_meta_key key;
    enum sw_err err;

    *ret_number = 0;
    sw_key_meta(group, sw_span_str(meta_prefix), &prefix);
    sw_vectors_meta_key(group, from, &at);
    err = store->ops->seek(store, SW_TABLE_META, sw_key_span(&at), false, &record);
    if (err == SW_ERR_NOT_FOUND ||
        (err == SW_ERR_OK && !sw_key_has_prefix(record.key, sw_key_span(&prefix)))) {
        return SW_ERR_OK;
    }
    if (err == SW_ERR_OK) {
        err = sw_key_meta_decode(record.key, &key);
    }
    if (err == SW_ERR_OK) {
        err = number_of(&key, ret_number);
    }
    *ret_bytes = record.value;
    return err == SW_ERR_OK && *ret_number < from ? SW_ERR_CORRUPT : err;
}

enum sw_err
sw_vectors_load(struct sw_vectors *vectors, struct sw_store *store, struct sw_group_id group)
{
    uint64_t number = 0;

    SW_ASSERT(vectors->count == 0);
    vectors->group = group;
    for (;;) { /* loading one walks tables, so each is sought anew */
        struct sw_vectors_index *index;
        struct sw_span bytes = {0};
        enum sw_err err = next_meta(store, group, number + 1, &number, &bytes);

        if (err != SW_ERR_OK || number == 0) {
            return err;
        }
        err = load_one(vectors, store, number, bytes, &index);
        if (err == SW_ERR_OK) {
            err = load_writer(vectors, index);
        }
        if (err == SW_ERR_OK) {
            err = load_profile(index, group);
        }
        if (err != SW_ERR_OK) {
            return err;
        }
    }
}

/* Those at the place `at` and behind it with a number below `number` are gone. */
static void remove_below(struct sw_vectors *vectors, uint32_t at, uint64_t number)
{
    while (at < vectors->count && vectors->all[at]->number < number) {
        sw_vectors_remove(vectors, vectors->all[at]);
    }
}

enum sw_err
sw_vectors_follow(struct sw_vectors *vectors, struct sw_store *view, struct sw_group_id group)
{
    uint64_t number = 0;

    for (uint32_t at = 0;; at++) {
        struct sw_vectors_index *index;
        struct sw_span bytes = {0};
        enum sw_err err = next_meta(view, group, number + 1, &number, &bytes);

        remove_below(vectors, at, err != SW_ERR_OK || number == 0 ? UINT64_MAX : number);
        if (err != SW_ERR_OK || number == 0) {
            return err;
        }
        if (at < vectors->count && vectors->all[at]->number == number) {
            index = vectors->all[at];
            index->store = view;
            index->dropped = bytes.size > 1 && bytes.data[1] != 0;
        } else {
            SW_ASSERT(at == vectors->count); /* new ones have higher numbers */
            err = load_one(vectors, view, number, bytes, &index);
        }
        if (err == SW_ERR_OK) {
            err = load_profile(index, group);
        }
        if (err != SW_ERR_OK) {
            return err;
        }
    }
}

/* At a moment that each replica chooses, so it is no effect of an entry. */
static enum sw_err flush_size(const struct sw_vectors *vectors, struct sw_vectors_index *index)
{
    struct sw_buf record = {0};
    struct sw_key key;
    enum sw_err err;

    sw_vectors_meta_key(vectors->group, index->number, &key);
    sw_vectors_meta_encode(index, &record);
    err = index->store->ops->put(
        index->store, SW_TABLE_META, sw_key_span(&key), sw_buf_span(&record));
    index->size_changed = index->size_changed && err != SW_ERR_OK;
    sw_buf_release(&record);
    return err;
}

enum sw_err sw_vectors_flush(struct sw_vectors *vectors)
{
    enum sw_err err = SW_ERR_OK;

    for (uint32_t i = 0; i < vectors->count; i++) {
        struct sw_vectors_index *index = vectors->all[i];

        SW_ASSERT(index->apply == NULL);
        if (index->changed && !index->dropped) {
            err = sw_index_flush(index->index);
        }
        if (err == SW_ERR_OK && index->size_changed) {
            err = flush_size(vectors, index);
        }
        if (err != SW_ERR_OK) {
            return err;
        }
        index->changed = false;
    }
    return SW_ERR_OK;
}
