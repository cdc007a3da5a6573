/* Notes and records of the audit log as bytes, and their chain. */
#include "transport/audit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "transport/crypto_sodium.h"

static bool is_text(struct sw_span text, size_t size_max)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < ' ' || text.data[i] > '~') {
            return false;
        }
    }
    return text.size <= size_max;
}

static bool note_valid(const struct sw_audit_note *note)
{
    return note->count > 0 && note->action.size > 0 &&
           is_text(note->address, SW_AUDIT_ADDRESS_SIZE_MAX) &&
           is_text(note->action, SW_AUDIT_ACTION_SIZE_MAX) &&
           is_text(note->target, SW_AUDIT_TARGET_SIZE_MAX);
}

void sw_audit_note_encode(const struct sw_audit_note *note, struct sw_buf *out)
{
    SW_ASSERT(note_valid(note));
    sw_write_u8(out, note->flags);
    sw_write_bytes(out, sw_span_of(note->author, sizeof note->author));
    sw_write_u32(out, note->outcome);
    sw_write_u32(out, note->count);
    sw_write_short(out, note->address);
    sw_write_short(out, note->action);
    sw_write_short(out, note->target);
}

static void read_note(struct sw_reader *in, struct sw_audit_note *note)
{
    note->flags = sw_read_u8(in);
    sw_read_copy(in, note->author, sizeof note->author);
    note->outcome = sw_read_u32(in);
    note->count = sw_read_u32(in);
    note->address = sw_read_short(in);
    note->action = sw_read_short(in);
    note->target = sw_read_short(in);
    if (!in->failed && !note_valid(note)) {
        sw_reader_fail(in);
    }
}

enum sw_err sw_audit_note_decode(struct sw_span bytes, struct sw_audit_note *ret_note)
{
    struct sw_reader in = sw_reader_of(bytes);
    struct sw_audit_note note;
    enum sw_err err;

    read_note(&in, &note);
    err = sw_reader_finish(&in);
    if (err == SW_ERR_OK) {
        *ret_note = note;
    }
    return err;
}

static void hash_of(struct sw_span bytes, uint8_t ret_hash[SW_AUDIT_HASH_SIZE])
{
    sw_crypto_digest(bytes, sw_span_of(NULL, 0), ret_hash, SW_AUDIT_HASH_SIZE);
}

void sw_audit_record_encode(struct sw_audit_record *record, struct sw_buf *out)
{
    const size_t start = out->size;

    SW_ASSERT(record->number > 0);
    sw_write_u8(out, SW_AUDIT_FORMAT);
    sw_write_u64(out, record->number);
    sw_write_u64(out, record->time_ms);
    sw_write_bytes(out, sw_span_of(record->previous, sizeof record->previous));
    sw_audit_note_encode(&record->note, out);
    hash_of(sw_span_of(out->data + start, out->size - start), record->hash);
    sw_write_bytes(out, sw_span_of(record->hash, sizeof record->hash));
}

enum sw_err sw_audit_record_decode(struct sw_span bytes, struct sw_audit_record *ret_record)
{
    struct sw_reader in = sw_reader_of(bytes);
    struct sw_audit_record record;
    uint8_t hash[SW_AUDIT_HASH_SIZE];
    uint8_t format;
    const enum sw_err err = sw_read_format(&in, SW_AUDIT_FORMAT, &format);

    if (err != SW_ERR_OK) {
        return err;
    }
    record.number = sw_read_u64(&in);
    record.time_ms = sw_read_u64(&in);
    sw_read_copy(&in, record.previous, sizeof record.previous);
    read_note(&in, &record.note);
    sw_read_copy(&in, record.hash, sizeof record.hash);
    if (sw_reader_finish(&in) != SW_ERR_OK || record.number == 0) {
        return SW_ERR_CORRUPT;
    }
    hash_of(sw_span_of(bytes.data, bytes.size - sizeof hash), hash);
    if (memcmp(hash, record.hash, sizeof hash) != 0) {
        return SW_ERR_CORRUPT;
    }
    *ret_record = record;
    return SW_ERR_OK;
}

bool sw_audit_follows(const struct sw_audit_record *record, const struct sw_audit_record *next)
{
    return next->number == record->number + 1 &&
           memcmp(next->previous, record->hash, SW_AUDIT_HASH_SIZE) == 0;
}

struct target {
    uint8_t *out;
    size_t size;
};

static void add_text(struct target *target, struct sw_span text)
{
    for (size_t i = 0; i < text.size && target->size < SW_AUDIT_TARGET_SIZE_MAX; i++) {
        const bool printable = text.data[i] >= ' ' && text.data[i] <= '~';

        target->out[target->size++] = printable ? text.data[i] : '?';
    }
}

static void add_words(struct target *target, const char *mark, struct sw_span text)
{
    if (text.size > 0) {
        add_text(target, sw_span_str(mark));
        add_text(target, text);
    }
}

struct sw_span sw_audit_target(const struct sw_request *request,
                               uint8_t out[SW_AUDIT_TARGET_SIZE_MAX])
{
    const bool setting = request->op == SW_OP_SETTING_PUT || request->op == SW_OP_SETTING_DELETE ||
                         request->op == SW_OP_TOKEN_REDEEM;
    struct target target = {.out = out};
    char number[32];

    if (setting) {
        add_text(&target, request->partition);
        add_words(&target, " ", request->key);
    } else if (request->tenant.size > 0) {
        add_text(&target, request->tenant);
        add_words(&target, "/", request->name_space);
        add_words(&target, "/", request->partition);
    } else if (request->expected > 0) {
        (void)snprintf(number, sizeof number, "node %" PRIu64, request->expected);
        add_text(&target, sw_span_str(number));
    } else if (request->session.value > 0) {
        (void)snprintf(number, sizeof number, "session %" PRIu64, request->session.value);
        add_text(&target, sw_span_str(number));
    }
    return sw_span_of(out, target.size);
}
