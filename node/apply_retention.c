/* Namespaces that have a retention of their own: what they no longer need goes with what they
 * write.
 *
 * A change of such a namespace pays for a bounded look at its oldest changes, and for the change of
 * the same key that is now one too many; so nobody else pays, and nothing waits. */
#include "base/assert.h"
#include "node/apply_private.h"
#include "node/history.h"
#include "node/retention.h"
#include "node/settings.h"

enum { LOOKS_PER_CHANGE = 1024 };

const struct sw_retention *sw__retention_of(const struct sw__apply *apply,
                                            const struct sw_place *place)
{
    const struct sw_setting *setting = sw_settings_of_place(
        &apply->state->settings, SW_SETTING_RETENTION, place->tenant, place->name_space);

    return setting == NULL ? NULL : &setting->retention;
}

/* Deletes a counted record. */
static enum sw_err drop(struct sw__apply *apply,
                        struct sw_retention_row *row,
                        struct sw_change_at at,
                        const struct sw_change_record *change,
                        size_t size)
{
    struct sw_key key;
    enum sw_err err;

    if (row->count == 0 || row->size < size) {
        return SW_ERR_CORRUPT;
    }
    row->count--;
    row->size -= size;
    row->floor = row->floor < at.revision ? at.revision : row->floor;
    err = sw__change_gone(apply, change, at);
    sw_key_change(apply->state->group, at.revision, at.number, &key);
    return err == SW_ERR_OK ? sw__table_del(apply, SW_TABLE_CHANGE, &key) : err;
}

/* Is the oldest change that is left one that need not be kept? */
static bool is_over(const struct sw__apply *apply,
                    const struct sw_retention *wanted,
                    const struct sw_retention_row *row,
                    struct sw_change_at at,
                    uint64_t time_ms)
{
    if (wanted == NULL) { /* the setting is gone: kept like all others */
        return at.revision <= apply->state->change_floor;
    }
    return (wanted->max_bytes != 0 && row->size > wanted->max_bytes) ||
           (wanted->max_age_ms != 0 && time_ms + wanted->max_age_ms < apply->state->time_ms);
}

/* The next record behind `at`, of any namespace. */
static enum sw_err next_of(struct sw__apply *apply,
                           struct sw_change_at *at,
                           struct sw_change_record *ret_change,
                           size_t *ret_size)
{
    struct sw_store *store = apply->store;
    struct sw_store_record record;
    struct sw_change_key found;
    struct sw_key key;
    enum sw_err err;

    if (at->number == UINT16_MAX) {
        sw_key_change(apply->state->group, at->revision + 1, 0, &key);
    } else {
        sw_key_change(apply->state->group,
                      at->revision == 0 ? 1 : at->revision,
                      (uint16_t)(at->number + 1),
                      &key);
    }
    err = store->ops->seek(store, SW_TABLE_CHANGE, sw_key_span(&key), false, &record);
    if (err != SW_ERR_OK) {
        return err;
    }
    if (sw_key_change_decode(record.key, &found) != SW_ERR_OK) {
        return SW_ERR_CORRUPT;
    }
    if (found.group.value != apply->state->group.value) {
        return SW_ERR_NOT_FOUND;
    }
    *at = (struct sw_change_at){found.revision, found.number};
    *ret_size = record.value.size;
    return sw_change_record_decode(record.value, ret_change);
}

static enum sw_err sweep(struct sw__apply *apply,
                         const struct sw_retention *wanted,
                         const struct sw_place *place,
                         struct sw_retention_row *row)
{
    enum sw_err err = SW_ERR_OK;

    for (int i = 0; i < LOOKS_PER_CHANGE && row->count > 0 && err == SW_ERR_OK; i++) {
        struct sw_change_at at = row->swept;
        struct sw_change_record change;
        size_t size;

        err = next_of(apply, &at, &change, &size);
        if (err != SW_ERR_OK) {
            break;
        }
        if (change.counted && sw_span_equal(change.place.tenant, place->tenant) &&
            sw_span_equal(change.place.name_space, place->name_space)) {
            if (!is_over(apply, wanted, row, at, change.time_ms)) {
                return SW_ERR_OK;
            }
            err = drop(apply, row, at, &change, size);
        }
        row->swept = at;
    }
    return err == SW_ERR_NOT_FOUND ? SW_ERR_OK : err;
}

/* The kept change of a key that has this serial, by the ways of its head; nowhere if there is none.
 */
static enum sw_err find_serial(struct sw__apply *apply,
                               const struct sw_history_head *head,
                               uint64_t serial,
                               struct sw_change_at *ret_at,
                               struct sw_change_record *ret_change)
{
    const struct sw_change_at *ways = head->newest;
    uint32_t way_count = head->level_count;
    uint64_t at_serial = head->serial;
    bool begun = false;

    *ret_at = (struct sw_change_at){0};
    while (!begun || at_serial > serial) {
        uint64_t next = 0;
        uint32_t level = way_count;
        enum sw_err err;

        while (level > 0 && next < serial) {
            const uint64_t step = UINT64_C(1) << (level - 1);

            level--;
            next = begun ? (at_serial > step ? at_serial - step : 0) : at_serial - at_serial % step;
        }
        if (next < serial) {
            *ret_at = (struct sw_change_at){0};
            return SW_ERR_OK;
        }
        *ret_at = ways[level]; /* which are those of `ret_change` */
        err = sw_history_change(apply->store, apply->state->group, *ret_at, ret_change);
        if (err != SW_ERR_OK || ret_change->serial != next) {
            *ret_at = (struct sw_change_at){0};
            return err == SW_ERR_NOT_FOUND ? SW_ERR_OK : err;
        }
        begun = true;
        at_serial = next;
        ways = ret_change->back;
        way_count = ret_change->back_count;
    }
    return SW_ERR_OK;
}

static enum sw_err trim(struct sw__apply *apply,
                        const struct sw_retention *wanted,
                        const struct sw_history_head *head,
                        struct sw_retention_row *row)
{
    struct sw_change_record change;
    struct sw_change_at at;
    struct sw_span bytes;
    struct sw_key key;
    enum sw_err err;

    if (wanted == NULL || wanted->keep_last == 0 || head->serial <= wanted->keep_last) {
        return SW_ERR_OK;
    }
    err = find_serial(apply, head, head->serial - wanted->keep_last, &at, &change);
    if (err != SW_ERR_OK || at.revision == 0 || !change.counted) {
        return err;
    }
    sw_key_change(apply->state->group, at.revision, at.number, &key);
    err = apply->store->ops->get(apply->store, SW_TABLE_CHANGE, sw_key_span(&key), &bytes);
    return err == SW_ERR_OK ? drop(apply, row, at, &change, bytes.size) : err;
}

enum sw_err sw__retention_get(struct sw__apply *apply,
                              const struct sw_place *place,
                              struct sw_retention_row *ret_row)
{
    *ret_row = (struct sw_retention_row){0};
    return apply->state->retention_count == 0
               ? SW_ERR_OK
               : sw_retention_row_get(apply->store, apply->state->group, place, ret_row);
}

void sw__retention_count(struct sw__apply *apply,
                         struct sw_change_at at,
                         size_t size,
                         struct sw_retention_row *row)
{
    if (row->begun == 0) {
        *row =
            (struct sw_retention_row){.begun = at.revision, .swept = {at.revision - 1, UINT16_MAX}};
        apply->state->retention_count++;
    }
    row->count++;
    row->size += size;
}

enum sw_err sw__retention_keep(struct sw__apply *apply,
                               const struct sw_place *place,
                               const struct sw_history_head *head,
                               struct sw_retention_row *row)
{
    const struct sw_retention *wanted = sw__retention_of(apply, place);
    struct sw_state *state = apply->state;
    struct sw_key key;
    enum sw_err err;

    SW_ASSERT(row->begun > 0);
    err = trim(apply, wanted, head, row);
    if (err == SW_ERR_OK) {
        err = sweep(apply, wanted, place, row);
    }
    if (err != SW_ERR_OK) {
        return err;
    }
    sw_retention_key(state->group, place, &key);
    sw_buf_clear(&state->record);
    sw_retention_row_encode(row, &state->record);
    return sw__table_put(apply, SW_TABLE_META, &key, sw_buf_span(&state->record));
}
