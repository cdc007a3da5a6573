/* What the log does to vector indexes: made, dropped, filled, and their slow work done bit by bit.
 *
 * Whatever takes long (training, splits, the records of a dropped index) is spread over the entries
 * that follow, a bounded step at the end of each, so that no write waits for it. */
#include <string.h>

#include "base/assert.h"
#include "base/point.h"
#include "node/apply_private.h"
#include "node/lease.h"
#include "node/vectors_private.h"

/* Records of a dropped index that one entry deletes. */
enum { DROP_COUNT = 256 };

/* Units of the library's waiting work for one entry: see SW_INDEX_STEP_BUDGET. */
enum { WORK_BUDGET = SW_INDEX_STEP_BUDGET };

static void note_work(struct sw_vectors *vectors)
{
    vectors->working = false;
    for (uint32_t i = 0; i < vectors->count; i++) {
        vectors->working = vectors->working || vectors->all[i]->working;
    }
}

void sw__vectors_note(struct sw_state *state, struct sw_vectors_index *index)
{
    struct sw_index_stats stats;

    sw_index_stats(index->index, &stats);
    index->changed = true;
    index->working = stats.working;
    index->apply = NULL;
    note_work(&state->vectors);
}

static enum sw_err put_meta(struct sw__apply *apply, struct sw_vectors_index *index)
{
    struct sw_key key;

    index->size_changed = false;
    sw_vectors_meta_key(apply->state->group, index->number, &key);
    sw_buf_clear(&apply->state->record);
    sw_vectors_meta_encode(index, &apply->state->record);
    return sw__table_put(apply, SW_TABLE_META, &key, sw_buf_span(&apply->state->record));
}

/* --- what it counts as ------------------------------------------------------------------------ */

/* As long as nothing of an index is counted, nothing of it is. */
static enum sw_err resize(struct sw__apply *apply, struct sw_vectors_index *index, int64_t more)
{
    const struct sw__usage_change change = {.bytes = more};

    if (apply->state->usages.scope < SW_USAGE_OF_ALL || more == 0) {
        return SW_ERR_OK;
    }
    if (more < 0 && index->size < (uint64_t)-more) {
        return SW_ERR_CORRUPT;
    }
    index->size += (uint64_t)more;
    index->size_changed = true;
    return sw__usage_add(apply, &index->place, &change);
}

/* Of the entry that is there; 0 if none is. */
static enum sw_err size_of_id(struct sw__apply *apply,
                              const struct sw_vectors_index *index,
                              struct sw_span name,
                              uint64_t id,
                              uint64_t *ret_size)
{
    struct sw_span record;
    struct sw_key key;
    enum sw_err err;

    *ret_size = 0;
    if (id == 0) {
        return SW_ERR_OK;
    }
    sw_vectors_entry_key(index, id, &key);
    err = apply->store->ops->get(apply->store, SW_TABLE_INDEX, sw_key_span(&key), &record);
    if (err == SW_ERR_OK) {
        *ret_size = sw_vectors_entry_size(index, name.size, record.size);
    }
    return err == SW_ERR_NOT_FOUND ? SW_ERR_CORRUPT : err;
}

enum sw_err sw__vector_usage(struct sw__apply *apply,
                             const struct sw_vectors_index *index,
                             struct sw_span name,
                             const struct sw_vector_item *item,
                             struct sw__usage_change *change)
{
    struct sw_buf *record = &apply->state->record;
    uint64_t id, size;
    enum sw_err err;

    if (apply->state->usages.scope < SW_USAGE_OF_ALL) {
        return SW_ERR_OK;
    }
    err = sw_vectors_id_of(index, apply->store, name, &id);
    if (err == SW_ERR_OK) {
        err = size_of_id(apply, index, name, id, &size);
    }
    if (err == SW_ERR_OK) {
        sw_buf_clear(record);
        sw_vectors_entry_encode(name, item, record);
        change->bytes +=
            (int64_t)sw_vectors_entry_size(index, name.size, record->size) - (int64_t)size;
    }
    return err;
}

static enum sw_err count_index(struct sw__apply *apply, struct sw_vectors_index *index)
{
    const struct sw_store_ops *ops = apply->store->ops;
    uint64_t size = sw_vectors_meta_size(&index->place, index->name);
    struct sw_vectors_entry entry;
    struct sw_store_record record;
    struct sw_key prefix;
    enum sw_err err;

    sw_vectors_entry_key(index, 0, &prefix);
    err = ops->seek(apply->store, SW_TABLE_INDEX, sw_key_span(&prefix), false, &record);
    while (err == SW_ERR_OK && sw_key_has_prefix(record.key, sw_key_span(&prefix))) {
        err = sw_vectors_entry_decode(record.value, &entry);
        if (err == SW_ERR_OK) {
            size += sw_vectors_entry_size(index, entry.key.size, record.value.size);
            err = ops->next(apply->store, SW_TABLE_INDEX, false, &record);
        }
    }
    return err == SW_ERR_OK || err == SW_ERR_NOT_FOUND ? resize(apply, index, (int64_t)size) : err;
}

/* One that is dropped already goes uncounted. */
enum sw_err sw__vectors_count(struct sw__apply *apply)
{
    struct sw_vectors *vectors = &apply->state->vectors;
    enum sw_err err = SW_ERR_OK;

    for (uint32_t i = 0; i < vectors->count && err == SW_ERR_OK; i++) {
        if (!vectors->all[i]->dropped) {
            err = count_index(apply, vectors->all[i]);
        }
    }
    return err;
}

/* --- an index --------------------------------------------------------------------------------- */

/* The names of a request are shorter than the space's fields: sw_request_validate saw to it. */
static void
fill_space(const struct sw_vector_space *from, struct sw_span name, struct sw_space *ret_space)
{
    *ret_space = (struct sw_space){.dim = from->dim,
                                   .metric = (enum sw_metric)from->metric,
                                   .dtype = (enum sw_dtype)from->dtype,
                                   .exponent = from->exponent,
                                   .version = from->version,
                                   .generation = 1,
                                   .seed = from->seed};
    SW_ASSERT(name.size < sizeof ret_space->name);
    SW_ASSERT(from->model.size < sizeof ret_space->model);
    memcpy(ret_space->name, name.data, name.size);
    if (from->model.size > 0) {
        memcpy(ret_space->model, from->model.data, from->model.size);
    }
}

/* Each index costs a delete of a key of its partition, and all of them memory. A tenant may have as
 * many as are free, so half of all at most: as much stays for the others. One that is dropped
 * counts until its records are gone. */
static bool has_room(const struct sw__apply *apply, const struct sw_place *place)
{
    const struct sw_vectors *vectors = &apply->state->vectors;
    uint32_t of_partition = 0;
    uint32_t of_tenant = 0;

    for (uint32_t i = 0; i < vectors->count; i++) {
        of_partition += sw_vectors_serves(vectors->all[i], place) ? 1 : 0;
        of_tenant += sw_span_equal(vectors->all[i]->place.tenant, place->tenant) ? 1 : 0;
    }
    if (vectors->count >= SW_VECTORS_COUNT_MAX || of_partition >= SW_VECTORS_PARTITION_COUNT_MAX) {
        return false;
    }
    return apply->format < SW_ENTRY_FORMAT_MEMORIES ||
           of_tenant < SW_VECTORS_COUNT_MAX - vectors->count;
}

/* A new index of the place may be made, or the result says why not. */
static enum sw_err check_create(struct sw__apply *apply,
                                const struct sw_place *place,
                                struct sw_span name,
                                struct sw_command_result *result)
{
    const struct sw__usage_change change = {.bytes = (int64_t)sw_vectors_meta_size(place, name)};

    if (sw_vectors_find(&apply->state->vectors, place, name) != NULL) {
        result->err = SW_ERR_CONFLICT;
    } else if (!has_room(apply, place)) {
        result->err = SW_ERR_TOO_LARGE;
    } else if (apply->format >= SW_ENTRY_FORMAT_MEMORIES) {
        return sw__quota_check(apply, place, &change, result);
    }
    return SW_ERR_OK;
}

enum sw_err sw__index_create(struct sw__apply *apply,
                             const struct sw_request *request,
                             struct sw_command_result *result)
{
    const struct sw_place place = sw__place_of(request);
    struct sw_state *state = apply->state;
    struct sw_vectors_index *index;
    struct sw_vector_space wanted;
    struct sw_space space;
    char why[SW_WHY_SIZE];
    enum sw_err err = SW_ERR_OK;

    result->revision = state->revision;
    result->err = sw_vector_space_decode(request->value, &wanted);
    if (result->err == SW_ERR_OK) {
        fill_space(&wanted, request->key, &space);
        result->err = sw_space_check(&space, why);
    }
    if (result->err == SW_ERR_OK) {
        err = check_create(apply, &place, request->key, result);
    }
    if (err != SW_ERR_OK || result->err != SW_ERR_OK) {
        return err;
    }
    state->revision++;
    result->revision = state->revision;
    index = sw_vectors_add(&state->vectors, apply->store, state->revision, &place, request->key);
    index->apply = apply;
    err = sw_index_create(index->index, &space);
    sw__vectors_note(state, index);
    if (err == SW_ERR_OK) {
        err = resize(apply, index, (int64_t)sw_vectors_meta_size(&place, request->key));
    }
    if (err == SW_ERR_OK && state->rules >= SW_ENTRY_FORMAT_MEMORIES) {
        index->profile.kept_from = index->number;
        err = sw__profile_put(apply, index);
    }
    return err == SW_ERR_OK ? put_meta(apply, index) : err;
}

enum sw_err sw__index_drop(struct sw__apply *apply,
                           const struct sw_request *request,
                           struct sw_command_result *result)
{
    const struct sw_place place = sw__place_of(request);
    struct sw_state *state = apply->state;
    struct sw_vectors_index *index = sw_vectors_find(&state->vectors, &place, request->key);
    enum sw_err err;

    result->revision = state->revision;
    if (index == NULL) {
        result->err = SW_ERR_NO_INDEX;
        return SW_ERR_OK;
    }
    /* What goes bit by bit is what is stored: that must be the same whenever a replica commits. */
    err = sw_index_flush(index->index);
    if (err != SW_ERR_OK) {
        return err;
    }
    state->revision++;
    result->revision = state->revision;
    index->dropped = true;
    index->changed = false;
    index->working = true;
    note_work(&state->vectors);
    return put_meta(apply, index);
}

/* --- entries ---------------------------------------------------------------------------------- */

/* What goes is added to `lost`. */
static enum sw_err entry_remove(struct sw__apply *apply,
                                struct sw_vectors_index *index,
                                struct sw_span name,
                                uint64_t id,
                                struct sw_buf *lost)
{
    struct sw_key key;
    uint64_t size;
    enum sw_err err = size_of_id(apply, index, name, id, &size);

    if (err == SW_ERR_OK) {
        err = sw__lost_add(apply, index, id, lost);
    }
    if (err != SW_ERR_OK) {
        return err;
    }
    index->apply = apply;
    err = sw_index_delete(index->index, id);
    sw__vectors_note(apply->state, index);
    if (err == SW_ERR_NOT_FOUND) {
        return SW_ERR_CORRUPT; /* its records say that it is there */
    }
    if (err == SW_ERR_OK) {
        sw_vectors_entry_key(index, id, &key);
        err = sw__table_del(apply, SW_TABLE_INDEX, &key);
    }
    if (err == SW_ERR_OK) {
        sw_vectors_id_key(index, name, &key);
        err = sw__table_del(apply, SW_TABLE_INDEX, &key);
    }
    return err == SW_ERR_OK ? resize(apply, index, -(int64_t)size) : err;
}

enum sw_err
sw__vectors_forget(struct sw__apply *apply, const struct sw_place *place, struct sw_span name)
{
    const struct sw_vectors *vectors = &apply->state->vectors;
    struct sw_buf lost = {0};
    enum sw_err err = SW_ERR_OK;

    for (uint32_t i = 0; i < vectors->count && err == SW_ERR_OK; i++) {
        struct sw_vectors_index *index = vectors->all[i];
        uint64_t id = 0;

        if (!sw_vectors_serves(index, place)) {
            continue;
        }
        err = sw_vectors_id_of(index, apply->store, name, &id);
        if (err == SW_ERR_OK && id != 0) {
            err = entry_remove(apply, index, name, id, &lost);
        }
    }
    if (err == SW_ERR_OK) {
        err = sw__lost_keep(apply, place, name, &lost);
    }
    sw_buf_release(&lost);
    return err;
}

/* The item's numbers are those of the entry: a vector, or the bytes of a row. */
static enum sw_err entry_add(struct sw__apply *apply,
                             struct sw_vectors_index *index,
                             struct sw_span name,
                             const struct sw_vector_item *item,
                             const struct sw_index_entry *entry,
                             bool is_row)
{
    const uint64_t id = entry->id;
    struct sw_buf *record = &apply->state->record;
    uint64_t size = 0;
    uint8_t bytes[8];
    struct sw_key key;
    enum sw_err err;

    index->apply = apply;
    err = is_row ? sw_index_put_row(index->index, entry) : sw_index_put(index->index, entry);
    sw__vectors_note(apply->state, index);
    SW_ASSERT(err != SW_ERR_INVALID && err != SW_ERR_BUSY); /* it was checked; there is one slice */
    if (err == SW_ERR_OK) {
        sw_buf_clear(record);
        sw_vectors_entry_encode(name, item, record);
        size = sw_vectors_entry_size(index, name.size, record->size);
        sw_vectors_entry_key(index, id, &key);
        err = sw__table_put(apply, SW_TABLE_INDEX, &key, sw_buf_span(record));
    }
    if (err == SW_ERR_OK) {
        sw_store_u64(bytes, id);
        sw_vectors_id_key(index, name, &key);
        err = sw__table_put(apply, SW_TABLE_INDEX, &key, sw_span_of(bytes, sizeof bytes));
    }
    return err == SW_ERR_OK ? resize(apply, index, (int64_t)size) : err;
}

enum sw_err
sw__vector_check(const struct sw_vectors_index *index, struct sw_span vector, uint64_t *ret_value)
{
    const struct sw_space *space = sw_index_space(index->index);
    char why[SW_WHY_SIZE];

    if (vector.size != sw_space_vector_size(space)) {
        *ret_value = sw__vectors_dimensions(space, vector.size);
        return SW_ERR_DIMENSION;
    }
    return sw_space_check_vector(space, vector, why);
}

enum sw_err sw__vector_set(struct sw__apply *apply,
                           struct sw_vectors_index *index,
                           struct sw_span name,
                           const struct sw_vector_item *item)
{
    const struct sw_index_entry entry = {.id = apply->state->revision,
                                         .seq = apply->state->revision,
                                         .context = item->context,
                                         .slice = SW_VECTORS_SLICE,
                                         .vector = item->vector};
    struct sw_buf lost = {0};
    uint64_t id;
    enum sw_err err = sw_vectors_id_of(index, apply->store, name, &id);

    if (err == SW_ERR_OK && id != 0 && !SW_PLANTED(OLD_VECTOR_STAYS)) {
        err = entry_remove(apply, index, name, id, &lost);
    }
    if (err == SW_ERR_OK) {
        err = sw__lost_keep(apply, &index->place, name, &lost);
    }
    sw_buf_release(&lost);
    return err == SW_ERR_OK ? entry_add(apply, index, name, item, &entry, false) : err;
}

enum sw_err sw__vector_return(struct sw__apply *apply,
                              struct sw_vectors_index *index,
                              struct sw_span name,
                              const struct sw_vector_item *item,
                              uint64_t seq)
{
    const struct sw_index_entry entry = {.id = apply->state->revision,
                                         .seq = seq,
                                         .context = item->context,
                                         .slice = SW_VECTORS_SLICE,
                                         .vector = item->vector};
    uint64_t id;
    enum sw_err err = sw_vectors_id_of(index, apply->store, name, &id);

    SW_ASSERT(seq <= entry.id);
    if (err != SW_ERR_OK || id != 0 || !sw_index_is_row(index->index, item->vector)) {
        return err; /* somebody put another one there, or it is of an index that was dropped */
    }
    return entry_add(apply, index, name, item, &entry, true);
}

enum sw_err sw__vector_watermark(struct sw__apply *apply,
                                 struct sw_vectors_index *index,
                                 uint32_t context,
                                 uint64_t revision)
{
    enum sw_err err;

    index->apply = apply;
    err = sw_index_set_watermark(index->index, context, revision);
    sw__vectors_note(apply->state, index);
    return err;
}

/* Is there an entry within the item's distance? It becomes the answer; if there is none, value 1
 * says that not all were looked at that the recall asks for. */
enum sw_err sw__vector_find_near(struct sw__apply *apply,
                                 struct sw_vectors_index *index,
                                 const struct sw_vector_item *item,
                                 struct sw_command_result *result)
{
    struct sw_vectors_match match = {0};
    struct sw_vectors_entry entry;
    struct sw_kv_record record;
    struct sw_key key;
    enum sw_err err;

    err = sw_vectors_nearest(
        index, item, apply->format >= SW_ENTRY_FORMAT_MEMORIES ? SW_NOVEL_SCAN_MAX : 0, &match);
    if (err == SW_ERR_OK && match.id == 0 && match.terminated_early) {
        result->value = 1;
    }
    if (err != SW_ERR_OK || match.id == 0) {
        return err;
    }
    err = sw_vectors_entry_get(index, match.id, &entry);
    if (err != SW_ERR_OK) {
        return err;
    }
    sw_key_kv(&index->place, entry.key, &key);
    err = sw__kv_get(apply, &key, &record);
    if (err == SW_ERR_OK) {
        result->err = SW_ERR_EXISTS;
        result->revision = apply->state->revision;
        record.lease = match.distance_bits;
        sw__answer_record(apply->state, entry.key, &record, result);
    }
    return err;
}

static enum sw_err put_item(struct sw__apply *apply,
                            struct sw_vectors_index *index,
                            const struct sw_request *request,
                            const struct sw_vector_item *item,
                            struct sw_command_result *result)
{
    struct sw_state *state = apply->state;
    struct sw_kv_record old, next = {0};
    struct sw__usage_change change;
    struct sw_key key;
    enum sw_err err;

    sw_key_kv(&index->place, request->key, &key);
    err = sw__kv_get(apply, &key, &old);
    if (err == SW_ERR_OK) {
        next = sw__kv_next(state, &old, state->revision + 1, item->content, request->lease);
        change = sw__usage_of_put(request->key, &old, &next);
        err = sw__vector_usage(apply, index, request->key, item, &change);
    }
    if (err == SW_ERR_OK) {
        err = sw__quota_check(apply, &index->place, &change, result);
    }
    if (err != SW_ERR_OK || result->err != SW_ERR_OK) {
        return err;
    }
    state->revision++;
    result->revision = state->revision;
    err = sw__kv_put(apply, &index->place, request->key, &old, &next);
    return err == SW_ERR_OK ? sw__vector_set(apply, index, request->key, item) : err;
}

enum sw_err sw__vector_put(struct sw__apply *apply,
                           const struct sw_request *request,
                           struct sw_command_result *result)
{
    const struct sw_place place = sw__place_of(request);
    struct sw_state *state = apply->state;
    struct sw_vectors_index *index = NULL;
    struct sw_vector_item item;
    enum sw_err err = SW_ERR_OK;

    result->revision = state->revision;
    result->err = sw_vector_item_decode(request->value, &item);
    if (result->err == SW_ERR_OK) {
        index = sw_vectors_find(&state->vectors, &place, item.index);
        result->err =
            index == NULL ? SW_ERR_NO_INDEX : sw__vector_check(index, item.vector, &result->value);
    }
    if (result->err == SW_ERR_OK && item.novel && !SW_PLANTED(NOVEL_NOT_COMPARED)) {
        err = sw__vector_find_near(apply, index, &item, result);
    }
    if (err == SW_ERR_OK && result->err == SW_ERR_OK) {
        err = sw__lease_check(apply, &place, request->lease, 0, &result->err);
    }
    if (err != SW_ERR_OK || result->err != SW_ERR_OK) {
        return err;
    }
    return put_item(apply, index, request, &item, result);
}

/* --- work ------------------------------------------------------------------------------------- */

/* Deletes some records of a dropped index, at last the one that says that it was. */
static enum sw_err drop_some(struct sw__apply *apply, struct sw_vectors_index *index)
{
    struct sw_store *store = apply->store;
    struct sw_key prefix, key;
    uint32_t count = 0;
    enum sw_err err = SW_ERR_OK;

    for (int kind = SW_INDEX_LIBRARY; kind < SW_INDEX_KIND_END; kind++) {
        sw_key_index(sw_place_slot(&index->place),
                     (enum sw_index_kind)kind,
                     index->number,
                     sw_span_of(NULL, 0),
                     &prefix);
        for (;;) {
            struct sw_store_record record;

            err = store->ops->seek(store, SW_TABLE_INDEX, sw_key_span(&prefix), false, &record);
            if (err == SW_ERR_NOT_FOUND ||
                (err == SW_ERR_OK && !sw_key_has_prefix(record.key, sw_key_span(&prefix)))) {
                break;
            }
            if (err != SW_ERR_OK || count++ == DROP_COUNT) {
                return err;
            }
            memcpy(key.data, record.key.data, record.key.size);
            key.size = record.key.size;
            err = sw__table_del(apply, SW_TABLE_INDEX, &key);
            if (err != SW_ERR_OK) {
                return err;
            }
        }
    }
    if (index->profile.stored) {
        sw_vectors_profile_key(apply->state->group, index->number, &key);
        err = sw__table_del(apply, SW_TABLE_META, &key);
        if (err != SW_ERR_OK) {
            return err;
        }
    }
    sw_vectors_meta_key(apply->state->group, index->number, &key);
    err = resize(apply, index, -(int64_t)index->size); /* what it used is free now */
    sw_vectors_remove(&apply->state->vectors, index);
    return err == SW_ERR_OK ? sw__table_del(apply, SW_TABLE_META, &key) : err;
}

enum sw_err sw__vectors_work(struct sw__apply *apply)
{
    struct sw_vectors *vectors = &apply->state->vectors;
    struct sw_vectors_index *index = NULL;
    enum sw_err err;

    for (uint32_t i = 0; i < vectors->count && index == NULL; i++) {
        index = vectors->all[i]->working ? vectors->all[i] : NULL;
    }
    SW_ASSERT(index != NULL);
    if (index->dropped) {
        err = drop_some(apply, index);
        note_work(vectors);
        return err;
    }
    index->apply = apply;
    err = sw_index_step(index->index, WORK_BUDGET, &index->working);
    sw__vectors_note(apply->state, index);
    return err;
}
