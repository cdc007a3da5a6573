/* A vector that an index loses stays with the change that took it away, as the key's value does:
 * so who watches by meaning, or asks about the past, sees it as long as that change is kept.
 *
 * The change of the key was filed before its vectors go, so its record is written once more, with
 * them; changes that take no vector away cost nothing. From the id of the entry a small record of
 * SW_TABLE_INDEX leads to the change, and goes with it. */
#include "base/assert.h"
#include "node/apply_private.h"
#include "node/change_log.h"
#include "node/history.h"
#include "node/vectors_private.h"

static bool keeps(const struct sw__apply *apply)
{
    return apply->state->rules >= SW_ENTRY_FORMAT_MEMORIES;
}

enum sw_err sw__lost_add(struct sw__apply *apply,
                         struct sw_vectors_index *index,
                         uint64_t id,
                         struct sw_buf *lost)
{
    struct sw_change_vector vector = {.number = index->number, .id = id};
    struct sw_index_entry entry;
    struct sw_key key;
    enum sw_err err;

    SW_ASSERT(id != 0);
    if (!keeps(apply)) {
        return SW_ERR_OK;
    }
    sw_vectors_entry_key(index, id, &key);
    err = apply->store->ops->get(apply->store, SW_TABLE_INDEX, sw_key_span(&key), &vector.entry);
    if (err == SW_ERR_OK) {
        err = sw_index_get(index->index, id, &entry);
    }
    if (err == SW_ERR_OK) {
        vector.context = entry.context;
        err = sw_index_row(index->index, id, &vector.row);
    }
    if (err == SW_ERR_OK) {
        sw_change_vector_encode(&vector, lost);
    }
    return err == SW_ERR_NOT_FOUND ? SW_ERR_CORRUPT : err; /* its key says that it is there */
}

/* --- the change that took it away ------------------------------------------------------------- */

/* The newest change of the key, which is the one that the running command made; NOT_FOUND if that
 * went already. */
static enum sw_err
newest_of(struct sw__apply *apply, const struct sw_key *key, struct sw_change_at *ret_at)
{
    struct sw_version present;
    struct sw_history_head head;
    const enum sw_err err = sw_history_present(apply->store, key, &present, &head);

    if (err != SW_ERR_OK) {
        return err;
    }
    if (head.serial == 0 || head.newest[0].revision != apply->state->revision) {
        return SW_ERR_NOT_FOUND;
    }
    *ret_at = head.newest[0];
    return SW_ERR_OK;
}

/* Its record is larger from now on, for whoever counts it. */
static enum sw_err grow(struct sw__apply *apply, const struct sw_change_record *change, size_t more)
{
    struct sw_retention_row row;
    struct sw_buf record = {0};
    struct sw_key key;
    enum sw_err err;

    if (!change->counted) {
        apply->state->change_size += more;
        return SW_ERR_OK;
    }
    err = sw__retention_get(apply, &change->place, &row);
    if (err == SW_ERR_OK && row.begun == 0) {
        err = SW_ERR_CORRUPT;
    }
    if (err == SW_ERR_OK) {
        row.size += more;
        sw_retention_key(apply->state->group, &change->place, &key);
        sw_retention_row_encode(&row, &record);
        err = sw__table_put(apply, SW_TABLE_META, &key, sw_buf_span(&record));
    }
    sw_buf_release(&record);
    return err;
}

/* Writes the change again, with what was lost; NOT_FOUND if it went already. */
static enum sw_err amend(struct sw__apply *apply, struct sw_change_at at, const struct sw_buf *lost)
{
    struct sw_buf *record = &apply->state->record;
    struct sw_change_record change;
    struct sw_span before;
    struct sw_key key;
    enum sw_err err;

    sw_key_change(apply->state->group, at.revision, at.number, &key);
    err = apply->store->ops->get(apply->store, SW_TABLE_CHANGE, sw_key_span(&key), &before);
    if (err == SW_ERR_OK) {
        err = sw_change_record_decode(before, &change);
    }
    if (err != SW_ERR_OK) {
        return err;
    }
    SW_ASSERT(change.format == SW_CHANGE_FORMAT);
    SW_ASSERT(change.vectors.size == 0); /* of this revision, and written once */
    change.vectors = sw_buf_span(lost);
    sw_buf_clear(record);
    sw_change_record_encode(&change, record);
    SW_ASSERT(record->size > before.size);
    err = grow(apply, &change, record->size - before.size);
    return err == SW_ERR_OK ? sw__table_put(apply, SW_TABLE_CHANGE, &key, sw_buf_span(record))
                            : err;
}

static struct sw_vectors_index *index_of(const struct sw__apply *apply, uint64_t number)
{
    const struct sw_vectors *vectors = &apply->state->vectors;

    for (uint32_t i = 0; i < vectors->count; i++) {
        if (vectors->all[i]->number == number) {
            return vectors->all[i];
        }
    }
    return NULL;
}

/* No vector goes without a change of its key, but a namespace that may keep less than that change
 * let it go at once: then its floor is here. */
static enum sw_err check_gone(struct sw__apply *apply, const struct sw_place *place)
{
    uint64_t floor = 0;
    const enum sw_err err = sw_history_floor(apply->state, apply->store, place, false, &floor);

    return err == SW_ERR_OK && floor < apply->state->revision ? SW_ERR_CORRUPT : err;
}

enum sw_err sw__lost_keep(struct sw__apply *apply,
                          const struct sw_place *place,
                          struct sw_span name,
                          const struct sw_buf *lost)
{
    struct sw_reader in = sw_reader_of(sw_buf_span(lost));
    struct sw_buf where = {0};
    struct sw_change_at at = {0};
    struct sw_key key;
    enum sw_err err;

    if (lost->size == 0) {
        return SW_ERR_OK;
    }
    sw_key_kv(place, name, &key);
    err = newest_of(apply, &key, &at);
    if (err == SW_ERR_OK) {
        err = amend(apply, at, lost);
    }
    if (err == SW_ERR_NOT_FOUND) {
        return check_gone(apply, place);
    }
    sw_vectors_lost_encode(at, &where);
    while (err == SW_ERR_OK && sw_reader_left(&in) > 0) {
        struct sw_change_vector vector;

        sw_change_vector_read(&in, &vector);
        SW_ASSERT(!in.failed);
        sw_vectors_lost_key(index_of(apply, vector.number), vector.id, &key);
        err = sw__table_put(apply, SW_TABLE_INDEX, &key, sw_buf_span(&where));
    }
    sw_buf_release(&where);
    return err;
}

/* --- and goes with it ------------------------------------------------------------------------- */

enum sw_err sw__lost_names(const struct sw_change_record *change, struct sw__lost_names *ret_names)
{
    struct sw_reader in = sw_reader_of(change->vectors);

    ret_names->count = 0;
    while (sw_reader_left(&in) > 0) {
        struct sw_change_vector vector;

        sw_change_vector_read(&in, &vector);
        if (in.failed || ret_names->count == SW_VECTORS_PARTITION_COUNT_MAX) {
            return SW_ERR_CORRUPT;
        }
        ret_names->numbers[ret_names->count] = vector.number;
        ret_names->ids[ret_names->count++] = vector.id;
    }
    return SW_ERR_OK;
}

/* The records of a dropped index go by themselves. */
enum sw_err sw__lost_drop(struct sw__apply *apply, const struct sw__lost_names *names)
{
    enum sw_err err = SW_ERR_OK;

    for (uint32_t i = 0; i < names->count && err == SW_ERR_OK; i++) {
        const struct sw_vectors_index *index = index_of(apply, names->numbers[i]);
        struct sw_key key;

        if (index != NULL && !index->dropped) {
            sw_vectors_lost_key(index, names->ids[i], &key);
            err = sw__table_del(apply, SW_TABLE_INDEX, &key);
        }
    }
    return err;
}

/* --- from when on ----------------------------------------------------------------------------- */

enum sw_err sw__profile_put(struct sw__apply *apply, struct sw_vectors_index *index)
{
    struct sw_buf record = {0};
    struct sw_key key;
    enum sw_err err;

    index->profile.stored = true;
    sw_vectors_profile_key(apply->state->group, index->number, &key);
    sw_vectors_profile_encode(&index->profile, &record);
    err = sw__table_put(apply, SW_TABLE_META, &key, sw_buf_span(&record));
    sw_buf_release(&record);
    return err;
}

enum sw_err sw__lost_begin(struct sw__apply *apply)
{
    const struct sw_vectors *vectors = &apply->state->vectors;
    enum sw_err err = SW_ERR_OK;

    for (uint32_t i = 0; i < vectors->count && err == SW_ERR_OK; i++) {
        if (!vectors->all[i]->dropped) {
            vectors->all[i]->profile.kept_from = apply->state->revision;
            err = sw__profile_put(apply, vectors->all[i]);
        }
    }
    return err;
}
