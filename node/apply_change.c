/* What a command leaves for watchers, and how the oldest of it goes. */
#include "base/assert.h"
#include "node/apply_private.h"
#include "node/change_log.h"
#include "node/entry.h"

/* Deletes the oldest record that is kept. */
static enum sw_err drop_first(struct sw__apply *apply)
{
    struct sw_state *state = apply->state;
    struct sw_store_record record;
    struct sw_change_key found;
    struct sw_key key;
    enum sw_err err;

    sw_key_change(state->group, state->change_floor == 0 ? 1 : state->change_floor, 0, &key);
    err = apply->store->ops->seek(apply->store, SW_TABLE_CHANGE, sw_key_span(&key), false, &record);
    if (err == SW_ERR_NOT_FOUND ||
        (err == SW_ERR_OK &&
         (sw_key_change_decode(record.key, &found) != SW_ERR_OK ||
          found.group.value != state->group.value || record.value.size > state->change_size))) {
        return SW_ERR_CORRUPT; /* there are as many as the state says */
    }
    if (err != SW_ERR_OK) {
        return err;
    }
    state->change_count--;
    state->change_size -= record.value.size;
    state->change_floor = found.revision;
    sw_key_change(state->group, found.revision, found.number, &key);
    return sw__table_del(apply, SW_TABLE_CHANGE, &key);
}

enum sw_err sw__change_add(struct sw__apply *apply,
                           const struct sw_place *place,
                           struct sw_span name,
                           const struct sw_kv_record *record)
{
    struct sw_state *state = apply->state;
    struct sw_change_record change = {.place = *place, .key = name, .time_ms = state->time_ms};
    struct sw_key key;
    enum sw_err err;

    if (state->rules < SW_ENTRY_FORMAT_CHANGES) {
        return SW_ERR_OK;
    }
    if (record != NULL) {
        SW_ASSERT(record->mod_revision == state->revision);
        change.create_revision = record->create_revision;
        change.version = record->version;
        change.lease = record->lease;
        change.value = record->value;
    }
    apply->change_number = apply->change_revision == state->revision
                               ? (uint16_t)(apply->change_number + 1)
                               : (uint16_t)0;
    apply->change_revision = state->revision;
    sw_key_change(state->group, state->revision, apply->change_number, &key);
    sw_buf_clear(&state->record);
    sw_change_record_encode(&change, &state->record);
    state->change_count++;
    state->change_size += state->record.size;
    err = sw__table_put(apply, SW_TABLE_CHANGE, &key, sw_buf_span(&state->record));
    while (err == SW_ERR_OK && (state->change_count > state->change_count_max ||
                                state->change_size > state->change_size_max)) {
        err = drop_first(apply);
    }
    return err;
}
