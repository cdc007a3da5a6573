/* The audit log as part of the state: a bounded number of records of META, "audit" 0x00 number
 * (8, BE), each chained to the one before.
 *
 * The newest record is the head; what is needed of it lies in the state and is read back from the
 * table at a load, so there is nothing that could disagree with the records. */
#include <string.h>

#include "base/assert.h"
#include "node/apply_private.h"
#include "transport/audit.h"

void sw_audit_prefix(struct sw_group_id group, struct sw_key *ret_key)
{
    sw_key_meta(group, sw_span_of("audit", sizeof "audit"), ret_key);
}

static void key_of(struct sw_group_id group, uint64_t number, struct sw_key *ret_key)
{
    sw_audit_prefix(group, ret_key);
    SW_ASSERT(ret_key->size + 8 <= sizeof ret_key->data);
    sw_store_u64_be(ret_key->data + ret_key->size, number);
    ret_key->size += 8;
}

/* --- loading ---------------------------------------------------------------------------------- */

static enum sw_err read_head(struct sw_audit *audit, const struct sw_store_record *stored)
{
    struct sw_audit_record record;
    const enum sw_err err = sw_audit_record_decode(stored->value, &record);

    if (err == SW_ERR_OK) {
        audit->last = record.number;
        memcpy(audit->hash, record.hash, sizeof audit->hash);
    }
    return err;
}

enum sw_err sw_audit_load(struct sw_audit *audit, struct sw_store *store, struct sw_group_id group)
{
    struct sw_store_record stored;
    struct sw_key prefix, end;
    enum sw_err err;

    *audit = (struct sw_audit){0};
    sw_audit_prefix(group, &prefix);
    err = store->ops->seek(store, SW_TABLE_META, sw_key_span(&prefix), false, &stored);
    if (err != SW_ERR_OK || !sw_key_has_prefix(stored.key, sw_key_span(&prefix))) {
        return err == SW_ERR_NOT_FOUND ? SW_ERR_OK : err;
    }
    if (stored.key.size != prefix.size + 8) {
        return SW_ERR_CORRUPT;
    }
    audit->first = sw_load_u64_be(stored.key.data + prefix.size);
    key_of(group, UINT64_MAX, &end);
    err = store->ops->seek(store, SW_TABLE_META, sw_key_span(&end), true, &stored);
    SW_ASSERT(err != SW_ERR_NOT_FOUND); /* there is one before it */
    if (err == SW_ERR_OK) {
        err = read_head(audit, &stored);
    }
    if (err == SW_ERR_OK && (audit->first == 0 || audit->last < audit->first)) {
        err = SW_ERR_CORRUPT;
    }
    return err;
}

/* --- adding ----------------------------------------------------------------------------------- */

static enum sw_err drop_oldest(struct sw__apply *apply)
{
    struct sw_audit *audit = &apply->state->audit;
    struct sw_key key;

    key_of(apply->state->group, audit->first, &key);
    audit->first++;
    return sw__table_del(apply, SW_TABLE_META, &key);
}

enum sw_err sw__audit_add(struct sw__apply *apply, const struct sw_audit_note *note)
{
    struct sw_state *state = apply->state;
    struct sw_audit *audit = &state->audit;
    struct sw_audit_record record = {
        .number = audit->last + 1, .time_ms = state->time_ms, .note = *note};
    struct sw_key key;
    enum sw_err err = SW_ERR_OK;

    memcpy(record.previous, audit->hash, sizeof record.previous);
    sw_buf_clear(&state->record);
    sw_audit_record_encode(&record, &state->record);
    key_of(state->group, record.number, &key);
    if (audit->last > 0 && audit->last - audit->first + 1 >= SW_AUDIT_COUNT_MAX) {
        err = drop_oldest(apply);
    }
    if (err == SW_ERR_OK) {
        err = sw__table_put(apply, SW_TABLE_META, &key, sw_buf_span(&state->record));
    }
    audit->first = audit->first == 0 ? record.number : audit->first;
    audit->last = record.number;
    memcpy(audit->hash, record.hash, sizeof audit->hash);
    return err;
}

enum sw_err sw__apply_audit(struct sw__apply *apply,
                            const struct sw_request *request,
                            struct sw_command_result *result)
{
    struct sw_audit_note note;
    enum sw_err err;

    if ((apply->author.flags & SW_AUTHOR_NODE) == 0) {
        result->err = SW_ERR_UNAUTHORIZED;
        return SW_ERR_OK;
    }
    err = sw_audit_note_decode(request->value, &note);
    SW_ASSERT(err == SW_ERR_OK); /* validated with its request */
    err = sw__audit_add(apply, &note);
    result->value = apply->state->audit.last;
    result->revision = apply->state->revision;
    return err;
}

enum sw_err
sw__audit_setting(struct sw__apply *apply, const struct sw_request *request, enum sw_err outcome)
{
    uint8_t target[SW_AUDIT_TARGET_SIZE_MAX];
    struct sw_audit_note note = {.flags = apply->author.flags,
                                 .address = apply->author.address,
                                 .outcome = (uint32_t)outcome,
                                 .count = 1,
                                 .action = sw_span_str(sw_op_text(request->op)),
                                 .target = sw_audit_target(request, target)};

    memcpy(note.author, apply->author.id, sizeof note.author);
    return sw__audit_add(apply, &note);
}
