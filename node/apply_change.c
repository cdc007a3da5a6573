/* What a command leaves for watchers and for reads of the past, and how the oldest of it goes. */
#include "base/assert.h"
#include "node/apply_private.h"
#include "node/change_log.h"
#include "node/entry.h"
#include "node/history.h"

/* A change pays for as many that go: so nobody waits long, and what is kept stays bounded. */
enum { DROPS_PER_CHANGE = 8, SIZE_PER_DROP = 512 };

/* What is known of a deleted key goes with the change that deleted it. */
static enum sw_err
drop_deleted(struct sw__apply *apply, const struct sw_key *key, uint64_t revision)
{
    struct sw_history_head head;
    const enum sw_err err = sw_history_deleted(apply->store, key, &head);

    return err == SW_ERR_OK && head.serial > 0 && head.newest[0].revision == revision
               ? sw__table_del(apply, SW_TABLE_HISTORY, key)
               : err;
}

enum sw_err sw__change_gone(struct sw__apply *apply,
                            const struct sw_change_record *change,
                            struct sw_change_at at)
{
    struct sw__lost_names lost;
    struct sw_key key;
    enum sw_err err;

    /* Writes below move the record that `change` is a view of. */
    sw_key_kv(&change->place, change->key, &key);
    err = sw__lost_names(change, &lost);
    if (err == SW_ERR_OK && change->format != SW_CHANGE_FORMAT_VALUES && change->deleted) {
        err = drop_deleted(apply, &key, at.revision);
    }
    return err == SW_ERR_OK ? sw__lost_drop(apply, &lost) : err;
}

static bool is_over(const struct sw_state *state)
{
    return state->change_count > state->change_count_max ||
           state->change_size > state->change_size_max;
}

static bool is_due(const struct sw_state *state)
{
    return is_over(state) || state->change_swept.revision < state->change_floor;
}

static struct sw_change_at place_of(const struct sw_key *key)
{
    struct sw_change_key found;
    const enum sw_err err = sw_key_change_decode(sw_key_span(key), &found);

    SW_ASSERT(err == SW_ERR_OK); /* seek_kept looked */
    return (struct sw_change_at){found.revision, found.number};
}

/* The oldest record that is kept; NOT_FOUND if there is none. */
static enum sw_err
seek_kept(struct sw__apply *apply, struct sw_key *ret_key, struct sw_store_record *ret_record)
{
    const struct sw_state *state = apply->state;
    const struct sw_change_at swept = state->change_swept;
    struct sw_change_key found;
    enum sw_err err;

    if (swept.number < UINT16_MAX && swept.revision > 0) {
        sw_key_change(state->group, swept.revision, (uint16_t)(swept.number + 1), ret_key);
    } else {
        sw_key_change(state->group, swept.revision + 1, 0, ret_key);
    }
    err = apply->store->ops->seek(
        apply->store, SW_TABLE_CHANGE, sw_key_span(ret_key), false, ret_record);
    if (err != SW_ERR_OK) {
        return err;
    }
    if (sw_key_change_decode(ret_record->key, &found) != SW_ERR_OK) {
        return SW_ERR_CORRUPT;
    }
    if (found.group.value != state->group.value) {
        return SW_ERR_NOT_FOUND;
    }
    sw_key_change(state->group, found.revision, found.number, ret_key);
    return SW_ERR_OK;
}

/* Deletes the oldest record that is kept. */
static enum sw_err drop_first(struct sw__apply *apply)
{
    struct sw_state *state = apply->state;
    struct sw_change_record change;
    struct sw_store_record record;
    struct sw_change_at at;
    struct sw_key key;
    size_t size;
    enum sw_err err;

    err = seek_kept(apply, &key, &record);
    if (err == SW_ERR_NOT_FOUND) { /* nothing is left */
        state->change_swept = (struct sw_change_at){state->change_floor, UINT16_MAX};
        return state->change_count == 0 ? SW_ERR_OK : SW_ERR_CORRUPT;
    }
    if (err != SW_ERR_OK) {
        return err;
    }
    at = place_of(&key);
    if (at.revision > state->change_floor && !is_over(state)) {
        state->change_swept = (struct sw_change_at){state->change_floor, UINT16_MAX};
        return SW_ERR_OK;
    }
    size = record.value.size;
    err = sw_change_record_decode(record.value, &change);
    if (err != SW_ERR_OK) {
        return err;
    }
    if (change.counted) { /* its namespace says how long it is kept */
        state->change_swept = at;
        return SW_ERR_OK;
    }
    if (size > state->change_size || state->change_count == 0) {
        return SW_ERR_CORRUPT; /* there are as many as the state says */
    }
    err = sw__change_gone(apply, &change, at);
    state->change_count--;
    state->change_size -= size;
    state->change_swept = at;
    if (state->change_floor < at.revision) {
        state->change_floor = at.revision;
    }
    return err == SW_ERR_OK ? sw__table_del(apply, SW_TABLE_CHANGE, &key) : err;
}

bool sw_state_is_due(const struct sw_state *state)
{
    return state->vectors.working || (state->rules >= SW_ENTRY_FORMAT_AUTHORS && is_due(state));
}

enum sw_err sw__change_sweep(struct sw__apply *apply, uint64_t drops)
{
    enum sw_err err = SW_ERR_OK;

    while (drops > 0 && err == SW_ERR_OK && is_due(apply->state)) {
        err = drop_first(apply);
        drops--;
    }
    return err;
}

static enum sw_err put_change(struct sw__apply *apply, struct sw_change_at at)
{
    struct sw_key key;

    sw_key_change(apply->state->group, at.revision, at.number, &key);
    return sw__table_put(apply, SW_TABLE_CHANGE, &key, sw_buf_span(&apply->state->record));
}

static void count(struct sw_state *state)
{
    state->change_count++;
    state->change_size += state->record.size;
}

/* Writes what `change` says, and where it was a deletion, how the key is found from now on. */
static enum sw_err put_before(struct sw__apply *apply,
                              const struct sw_change_record *change,
                              struct sw_change_at at,
                              const struct sw_history_head *head)
{
    struct sw_state *state = apply->state;
    struct sw_key key;
    enum sw_err err = put_change(apply, at);

    if (err == SW_ERR_OK && change->deleted) {
        sw_key_kv(&change->place, change->key, &key);
        sw_buf_clear(&state->record);
        sw_history_record_encode(head, &state->record);
        err = sw__table_put(apply, SW_TABLE_HISTORY, &key, sw_buf_span(&state->record));
    }
    return err;
}

/* Files the change with what the key was until now. */
static enum sw_err add_before(struct sw__apply *apply,
                              struct sw_change_record *change,
                              struct sw_change_at at,
                              struct sw_history_head *head)
{
    struct sw_state *state = apply->state;
    struct sw_retention_row row;
    size_t size;
    enum sw_err err = sw__retention_get(apply, &change->place, &row);

    if (err != SW_ERR_OK) {
        return err;
    }
    change->format = SW_CHANGE_FORMAT;
    change->counted = sw__retention_of(apply, &change->place) != NULL;
    if (!change->counted && row.begun == 0) {
        sw_history_head_prune(head, state->change_floor);
    }
    sw_history_head_add(head, at, change);
    sw_buf_clear(&state->record);
    sw_change_record_encode(change, &state->record);
    size = state->record.size;
    if (change->counted) {
        sw__retention_count(apply, at, size, &row);
    } else {
        count(state);
    }
    err = put_before(apply, change, at, head);
    if (err == SW_ERR_OK && row.begun != 0) {
        err = sw__retention_keep(apply, &change->place, head, &row);
    }
    return err == SW_ERR_OK ? sw__change_sweep(apply, DROPS_PER_CHANGE + size / SIZE_PER_DROP)
                            : err;
}

/* The older form: what the key becomes. */
static enum sw_err
add_after(struct sw__apply *apply, struct sw_change_record *change, struct sw_change_at at)
{
    struct sw_state *state = apply->state;
    enum sw_err err;

    change->format = SW_CHANGE_FORMAT_VALUES;
    sw_buf_clear(&state->record);
    sw_change_record_encode(change, &state->record);
    count(state);
    err = put_change(apply, at);
    return err == SW_ERR_OK ? sw__change_sweep(apply, UINT64_MAX) : err;
}

static struct sw_change_at next_place(struct sw__apply *apply,
                                      const struct sw_change_record *change)
{
    const uint64_t revision = apply->state->revision;

    sw_touched_add(&apply->state->touched, sw_touched_name(&change->place, change->key));
    apply->change_number =
        apply->change_revision == revision ? (uint16_t)(apply->change_number + 1) : (uint16_t)0;
    apply->change_revision = revision;
    return (struct sw_change_at){.revision = revision, .number = apply->change_number};
}

enum sw_err sw__change_note(struct sw__apply *apply,
                            const struct sw_place *place,
                            struct sw_span name,
                            const struct sw_kv_record *record)
{
    struct sw_change_record change = {
        .place = *place, .key = name, .time_ms = apply->state->time_ms, .deleted = record == NULL};

    if (apply->state->rules != SW_ENTRY_FORMAT_CHANGES) {
        return SW_ERR_OK;
    }
    if (record != NULL) {
        SW_ASSERT(record->mod_revision == apply->state->revision);
        change.became = (struct sw_version){.create_revision = record->create_revision,
                                            .version = record->version,
                                            .lease = record->lease,
                                            .value = record->value};
    }
    return add_after(apply, &change, next_place(apply, &change));
}

enum sw_err sw__change_keep(struct sw__apply *apply,
                            const struct sw_place *place,
                            struct sw_span name,
                            const struct sw_kv_record *old,
                            bool deletes,
                            struct sw_history_head *ret_head)
{
    struct sw_change_record change = {.place = *place,
                                      .key = name,
                                      .time_ms = apply->state->time_ms,
                                      .deleted = deletes,
                                      .depth = apply->author.depth};
    struct sw_kv_record now = *old;
    struct sw_key key;
    enum sw_err err = SW_ERR_OK;

    *ret_head = (struct sw_history_head){0};
    if (apply->state->rules < SW_ENTRY_FORMAT_AUTHORS) {
        return SW_ERR_OK;
    }
    sw_key_kv(place, name, &key);
    if (old->seen != apply->writes) { /* something was written since: its value may have moved */
        err = sw__kv_get(apply, &key, &now);
    }
    if (err == SW_ERR_OK && now.version == 0) {
        err = sw_history_deleted(apply->store, &key, &now.head);
        if (err == SW_ERR_OK && now.head.serial > 0) {
            err = sw__table_del(apply, SW_TABLE_HISTORY, &key);
        }
    }
    if (err != SW_ERR_OK) {
        return err;
    }
    change.before = (struct sw_version){.create_revision = now.create_revision,
                                        .mod_revision = now.mod_revision,
                                        .version = now.version,
                                        .time_ms = now.time_ms,
                                        .lease = now.lease,
                                        .value = now.value};
    *ret_head = now.head;
    return add_before(apply, &change, next_place(apply, &change), ret_head);
}

enum sw_err sw__change_compact(struct sw__apply *apply,
                               const struct sw_request *request,
                               struct sw_command_result *result)
{
    struct sw_state *state = apply->state;

    result->revision = state->revision;
    if (request->expected > state->revision) {
        result->err = SW_ERR_FUTURE_REVISION;
        return SW_ERR_OK;
    }
    if (request->expected > state->change_floor) {
        state->change_floor = request->expected;
    }
    result->value = state->change_floor;
    sw_write_u64(&state->effects, state->change_floor);
    return sw__change_sweep(apply, SW_APPLY_SWEEP_COUNT);
}
