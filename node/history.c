/* Heads of keys, and the way from there to a revision. */
#include "node/history.h"

#include "base/assert.h"
#include "base/point.h"
#include "node/retention.h"
#include "node/settings.h"

void sw_history_record_encode(const struct sw_history_head *head, struct sw_buf *out)
{
    SW_ASSERT(head->serial > 0);
    sw_write_u8(out, SW_HISTORY_FORMAT);
    sw_history_head_encode(head, out);
}

enum sw_err sw_history_record_decode(struct sw_span bytes, struct sw_history_head *ret_head)
{
    struct sw_reader in = sw_reader_of(bytes);
    struct sw_history_head head;
    uint8_t format;
    const enum sw_err err = sw_read_format(&in, SW_HISTORY_FORMAT, &format);

    if (err != SW_ERR_OK) {
        return err;
    }
    head = sw_history_head_read(&in);
    if (sw_reader_finish(&in) != SW_ERR_OK || head.serial == 0) {
        return SW_ERR_CORRUPT;
    }
    *ret_head = head;
    return SW_ERR_OK;
}

enum sw_err sw_history_deleted(struct sw_store *store,
                               const struct sw_key *key,
                               struct sw_history_head *ret_head)
{
    struct sw_span bytes;
    const enum sw_err err = store->ops->get(store, SW_TABLE_HISTORY, sw_key_span(key), &bytes);

    if (err == SW_ERR_NOT_FOUND) {
        *ret_head = (struct sw_history_head){0};
        return SW_ERR_OK;
    }
    return err == SW_ERR_OK ? sw_history_record_decode(bytes, ret_head) : err;
}

void sw_history_head_prune(struct sw_history_head *head, uint64_t floor)
{
    while (head->level_count > 0 && head->newest[head->level_count - 1].revision <= floor) {
        head->level_count--;
    }
    if (head->level_count == 0) {
        head->serial = 0;
    }
}

void sw_history_head_add(struct sw_history_head *head,
                         struct sw_change_at at,
                         struct sw_change_record *change)
{
    uint32_t levels = 1;

    SW_ASSERT(at.revision > 0);
    head->serial++;
    while (levels < SW_CHANGE_LEVEL_MAX && head->serial % (UINT64_C(1) << levels) == 0) {
        levels++;
    }
    change->serial = head->serial;
    change->back_count = levels < head->level_count ? levels : head->level_count;
    for (uint32_t i = 0; i < levels; i++) {
        if (i < change->back_count) {
            change->back[i] = head->newest[i];
        }
        head->newest[i] = at;
    }
    if (head->level_count < levels) {
        head->level_count = levels;
    }
}

enum sw_err sw_history_present(struct sw_store *store,
                               const struct sw_key *key,
                               struct sw_version *ret_version,
                               struct sw_history_head *ret_head)
{
    struct sw_kv_record record;
    struct sw_span bytes;
    enum sw_err err = store->ops->get(store, SW_TABLE_KV, sw_key_span(key), &bytes);

    if (err == SW_ERR_NOT_FOUND) {
        *ret_version = (struct sw_version){0};
        return sw_history_deleted(store, key, ret_head);
    }
    if (err == SW_ERR_OK) {
        err = sw_kv_record_decode(bytes, &record);
    }
    if (err == SW_ERR_OK) {
        *ret_version = (struct sw_version){.create_revision = record.create_revision,
                                           .mod_revision = record.mod_revision,
                                           .version = record.version,
                                           .time_ms = record.time_ms,
                                           .lease = record.lease,
                                           .value = record.value};
        *ret_head = record.head;
    }
    return err;
}

enum sw_err sw_history_change(struct sw_store *store,
                              struct sw_group_id group,
                              struct sw_change_at at,
                              struct sw_change_record *ret_change)
{
    struct sw_span bytes;
    struct sw_key key;
    enum sw_err err;

    sw_key_change(group, at.revision, at.number, &key);
    err = store->ops->get(store, SW_TABLE_CHANGE, sw_key_span(&key), &bytes);
    if (err == SW_ERR_OK) {
        err = sw_change_record_decode(bytes, ret_change);
    }
    return err == SW_ERR_OK && ret_change->format == SW_CHANGE_FORMAT_VALUES ? SW_ERR_CORRUPT : err;
}

enum sw_err sw_history_find(struct sw_store *store,
                            struct sw_group_id group,
                            const struct sw_history_name *name,
                            const struct sw_history_head *head,
                            uint64_t revision,
                            struct sw_change_at *ret_at,
                            struct sw_change_record *ret_change)
{
    const struct sw_change_at *ways = head->newest;
    uint32_t way_count = head->level_count;
    struct sw_change_record next;
    enum sw_err err = SW_ERR_OK;

    *ret_at = (struct sw_change_at){0};
    for (uint32_t level = way_count; level > 0 && err == SW_ERR_OK; level--) {
        while (level <= way_count && ways[level - 1].revision > revision) {
            const struct sw_change_at at = ways[level - 1];

            err = sw_history_change(store, group, at, &next);
            if (err != SW_ERR_OK) {
                break;
            }
            if (!sw_span_equal(next.key, name->key) ||
                (ret_at->revision != 0 && at.revision >= ret_at->revision)) {
                return SW_ERR_CORRUPT;
            }
            *ret_at = at;
            *ret_change = next;
            ways = ret_change->back;
            way_count = ret_change->back_count;
        }
        err = err == SW_ERR_NOT_FOUND ? SW_ERR_OK : err; /* gone: perhaps a shorter way is not */
    }
    return err;
}

enum sw_err sw_history_floor(const struct sw_state *state,
                             struct sw_store *store,
                             const struct sw_place *place,
                             bool before,
                             uint64_t *ret_floor)
{
    struct sw_retention_row row = {0};
    uint64_t floor = state->change_floor;
    enum sw_err err = SW_ERR_OK;

    if (state->retention_count > 0) {
        err = sw_retention_row_get(store, state->group, place, &row);
    }
    if (row.begun != 0) {
        /* From before it was counted by itself there may be less; without its setting, again. */
        if (floor >= row.begun &&
            sw_settings_of_place(
                &state->settings, SW_SETTING_RETENTION, place->tenant, place->name_space) != NULL) {
            floor = row.begun - 1;
        }
        floor = floor < row.floor ? row.floor : floor;
    }
    if (before && floor < state->history_floor) {
        floor = state->history_floor;
    }
    *ret_floor = floor;
    return err;
}

enum sw_err sw_history_version(const struct sw_state *state,
                               struct sw_store *store,
                               const struct sw_history_name *name,
                               uint64_t revision,
                               struct sw_version *ret_version,
                               enum sw_err *ret_answer)
{
    struct sw_change_record change;
    struct sw_history_head head;
    struct sw_change_at at;
    struct sw_key key;
    uint64_t floor;
    enum sw_err err;

    SW_ASSERT(revision <= state->revision);
    sw_key_kv(&name->place, name->key, &key);
    err = sw_history_present(store, &key, ret_version, &head);
    if (err != SW_ERR_OK || (ret_version->version > 0 && ret_version->mod_revision <= revision)) {
        return err;
    }
    err = sw_history_find(store, state->group, name, &head, revision, &at, &change);
    if (err != SW_ERR_OK) {
        return err;
    }
    if (at.revision != 0 && change.before.version > 0 && change.before.mod_revision <= revision) {
        *ret_version = change.before;
        return SW_ERR_OK;
    }
    err = sw_history_floor(state, store, &name->place, true, &floor);
    if (err != SW_ERR_OK) {
        return err;
    }
    if (revision < floor) {
        *ret_answer = SW_ERR_COMPACTED;
        return SW_ERR_OK;
    }
    /* Every change above the floor is there: so nothing held the key's place. But while a namespace
     * was without its setting, its changes went with all others. */
    if ((at.revision == 0 && ret_version->version > 0) ||
        (at.revision != 0 && change.before.version > 0)) {
        *ret_answer = SW_ERR_COMPACTED;
        return revision < state->change_floor ? SW_ERR_OK : SW_ERR_CORRUPT;
    }
    *ret_version = (struct sw_version){0};
    return SW_ERR_OK;
}
