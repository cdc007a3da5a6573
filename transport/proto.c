/* Codec of requests, replies, records and commands; byte tables in docs/PROTOCOL.md.
 *
 * A command is its op, a bitmap of the fields that follow, and those fields in the order of their
 * bits. A field is present exactly if it is not zero or empty, and a decoder refuses anything else:
 * so there is one encoding for each command, and bytes may be copied from request to log as they
 * are. Sizes over a limit decode (the node answers TOO_LARGE, not silence); limits are enforced in
 * proto_rules.c. Pure. */
#include "transport/proto.h"

#include <string.h>

#include "base/assert.h"
#include "transport/proto_private.h"

enum {
    REPLY_VALUE = 1 << 0,
    REPLY_MORE = 1 << 1,
    REPLY_RECORDS = 1 << 2,
    REPLY_DETAIL = 1 << 3,
    REPLY_DURABILITY = 1 << 4,
    REPLY_AGE = 1 << 5,
    REPLY_RETRY_AFTER = 1 << 6,
    REPLY_ALL = (1 << 7) - 1,
};

/* Of a request, before its command. */
enum {
    READ_MIN_REVISION = 1 << 0,
    READ_MAX_AGE = 1 << 1,
    READ_ALL = (1 << 2) - 1,
};

enum { RECORD_SIZE_MIN = 2 + 4 + 5 * 8 };

/* --- commands --------------------------------------------------------------------------------- */

static uint32_t bit(bool present, uint32_t field)
{
    return present ? field : 0;
}

uint32_t sw__request_fields(const struct sw_request *request)
{
    return bit(request->flags != 0, SW__FIELD_FLAGS) |
           bit(request->session.value != 0, SW__FIELD_SESSION) |
           bit(request->seq != 0, SW__FIELD_SEQ) | bit(request->acked != 0, SW__FIELD_ACKED) |
           bit(request->tenant.size > 0, SW__FIELD_TENANT) |
           bit(request->name_space.size > 0, SW__FIELD_NAMESPACE) |
           bit(request->partition.size > 0, SW__FIELD_PARTITION) |
           bit(request->key.size > 0, SW__FIELD_KEY) |
           bit(request->end_key.size > 0, SW__FIELD_END_KEY) |
           bit(request->value.size > 0, SW__FIELD_VALUE) |
           bit(request->expected != 0, SW__FIELD_EXPECTED) |
           bit(request->limit != 0, SW__FIELD_LIMIT) | bit(request->lease != 0, SW__FIELD_LEASE);
}

static void write_short_if(struct sw_buf *out, struct sw_span bytes)
{
    if (bytes.size > 0) {
        sw_write_short(out, bytes);
    }
}

static void write_u32_if(struct sw_buf *out, uint32_t value)
{
    if (value != 0) {
        sw_write_u32(out, value);
    }
}

static void write_u64_if(struct sw_buf *out, uint64_t value)
{
    if (value != 0) {
        sw_write_u64(out, value);
    }
}

void sw_command_encode(const struct sw_request *request, struct sw_buf *out)
{
    SW_ASSERT(request->op > 0);
    SW_ASSERT(request->op <= UINT8_MAX);
    sw_write_u8(out, (uint8_t)request->op);
    sw_write_u16(out, (uint16_t)sw__request_fields(request));
    write_u32_if(out, request->flags);
    write_u64_if(out, request->session.value);
    write_u64_if(out, request->seq);
    write_u64_if(out, request->acked);
    write_short_if(out, request->tenant);
    write_short_if(out, request->name_space);
    write_short_if(out, request->partition);
    write_short_if(out, request->key);
    write_short_if(out, request->end_key);
    if (request->value.size > 0) {
        sw_write_blob(out, request->value);
    }
    write_u64_if(out, request->expected);
    write_u32_if(out, request->limit);
    write_u64_if(out, request->lease);
}

static uint32_t read_u32_if(struct sw_reader *in, uint32_t fields, uint32_t field)
{
    return (fields & field) != 0 ? sw_read_u32(in) : 0;
}

static uint64_t read_u64_if(struct sw_reader *in, uint32_t fields, uint32_t field)
{
    return (fields & field) != 0 ? sw_read_u64(in) : 0;
}

static struct sw_span read_short_if(struct sw_reader *in, uint32_t fields, uint32_t field)
{
    return (fields & field) != 0 ? sw_read_short(in) : sw_span_of(NULL, 0);
}

static void read_command(struct sw_reader *in, struct sw_request *out)
{
    uint32_t fields;

    out->op = (enum sw_op)sw_read_u8(in);
    fields = sw_read_u16(in);
    out->flags = read_u32_if(in, fields, SW__FIELD_FLAGS);
    out->session.value = read_u64_if(in, fields, SW__FIELD_SESSION);
    out->seq = read_u64_if(in, fields, SW__FIELD_SEQ);
    out->acked = read_u64_if(in, fields, SW__FIELD_ACKED);
    out->tenant = read_short_if(in, fields, SW__FIELD_TENANT);
    out->name_space = read_short_if(in, fields, SW__FIELD_NAMESPACE);
    out->partition = read_short_if(in, fields, SW__FIELD_PARTITION);
    out->key = read_short_if(in, fields, SW__FIELD_KEY);
    out->end_key = read_short_if(in, fields, SW__FIELD_END_KEY);
    if ((fields & SW__FIELD_VALUE) != 0) {
        out->value = sw_read_blob(in, SW_MESSAGE_SIZE_MAX);
    }
    out->expected = read_u64_if(in, fields, SW__FIELD_EXPECTED);
    out->limit = read_u32_if(in, fields, SW__FIELD_LIMIT);
    out->lease = read_u64_if(in, fields, SW__FIELD_LEASE);
    /* One encoding a command: an unknown bit, or a present field that is zero, is refused. */
    if (fields != sw__request_fields(out) || out->op == 0) {
        sw_reader_fail(in);
    }
}

enum sw_err sw_command_decode(struct sw_span bytes, struct sw_request *ret_request)
{
    struct sw_reader in = sw_reader_of(bytes);
    struct sw_request request = {0};
    enum sw_err err;

    read_command(&in, &request);
    err = sw_reader_finish(&in);
    if (err == SW_ERR_OK && request.op >= SW_OP_COUNT) {
        err = SW_ERR_UNSUPPORTED;
    }
    if (err == SW_ERR_OK) {
        *ret_request = request;
    }
    return err;
}

/* --- requests --------------------------------------------------------------------------------- */

/* Starts a blob whose length is not known yet; returns where the length goes. */
static size_t blob_begin(struct sw_buf *out)
{
    const size_t at = out->size;

    sw_write_u32(out, 0);
    return at;
}

static void blob_end(struct sw_buf *out, size_t at)
{
    SW_ASSERT(out->size - at - 4 <= UINT32_MAX);
    sw_store_u32(out->data + at, (uint32_t)(out->size - at - 4));
}

static uint32_t read_fields(const struct sw_request *request)
{
    return bit(request->min_revision != 0, READ_MIN_REVISION) |
           bit(request->max_age_ms != 0, READ_MAX_AGE);
}

void sw_request_encode(const struct sw_request *request, struct sw_buf *out)
{
    const size_t at = blob_begin(out);

    sw_write_u8(out, SW_PROTO_VERSION);
    sw_write_u64(out, request->id);
    sw_write_u32(out, request->timeout_ms);
    sw_write_u16(out, request->depth);
    sw_write_u8(out, (uint8_t)read_fields(request));
    write_u64_if(out, request->min_revision);
    write_u32_if(out, request->max_age_ms);
    sw_command_encode(request, out);
    blob_end(out, at);
}

/* The next blob of a message, checked for its version: MALFORMED or UNSUPPORTED. */
static enum sw_err open_blob(struct sw_reader *in, struct sw_reader *ret_body)
{
    struct sw_reader body = sw_reader_of(sw_read_blob(in, SW_MESSAGE_SIZE_MAX));
    const uint8_t version = sw_read_u8(&body);

    if (in->failed || body.failed) {
        sw_reader_fail(in);
        return SW_ERR_MALFORMED;
    }
    if (version != SW_PROTO_VERSION) {
        return SW_ERR_UNSUPPORTED;
    }
    *ret_body = body;
    return SW_ERR_OK;
}

enum sw_err sw_request_decode(struct sw_reader *in, struct sw_request *ret_request)
{
    struct sw_request request = {0};
    struct sw_reader body;
    uint32_t fields;
    enum sw_err err;

    err = open_blob(in, &body);
    if (err != SW_ERR_OK) {
        return err;
    }
    request.id = sw_read_u64(&body);
    request.timeout_ms = sw_read_u32(&body);
    request.depth = sw_read_u16(&body);
    fields = sw_read_u8_max(&body, READ_ALL);
    request.min_revision = read_u64_if(&body, fields, READ_MIN_REVISION);
    request.max_age_ms = read_u32_if(&body, fields, READ_MAX_AGE);
    if (fields != read_fields(&request)) {
        sw_reader_fail(&body);
    }
    read_command(&body, &request);
    err = sw_reader_finish(&body);
    if (err == SW_ERR_OK) {
        *ret_request = request;
    }
    return err;
}

/* --- records and replies ---------------------------------------------------------------------- */

void sw_record_encode(const struct sw_record *record, struct sw_buf *out)
{
    sw_write_short(out, record->key);
    sw_write_u64(out, record->create_revision);
    sw_write_u64(out, record->mod_revision);
    sw_write_u64(out, record->version);
    sw_write_u64(out, record->time_ms);
    sw_write_u64(out, record->lease);
    sw_write_blob(out, record->value);
}

enum sw_err sw_record_decode(struct sw_reader *in, struct sw_record *ret_record)
{
    struct sw_record record;

    record.key = sw_read_short(in);
    record.create_revision = sw_read_u64(in);
    record.mod_revision = sw_read_u64(in);
    record.version = sw_read_u64(in);
    record.time_ms = sw_read_u64(in);
    record.lease = sw_read_u64(in);
    record.value = sw_read_blob(in, SW_MESSAGE_SIZE_MAX);
    if (in->failed) {
        return SW_ERR_MALFORMED;
    }
    *ret_record = record;
    return SW_ERR_OK;
}

/* A decoded reply promises that its records can be read: they are walked here once. */
static bool records_valid(struct sw_span records, uint32_t count)
{
    struct sw_reader in = sw_reader_of(records);
    struct sw_record record;

    if (count > records.size / RECORD_SIZE_MIN) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (sw_record_decode(&in, &record) != SW_ERR_OK) {
            return false;
        }
    }
    return sw_reader_finish(&in) == SW_ERR_OK;
}

static uint32_t reply_fields(const struct sw_reply *reply)
{
    return bit(reply->value != 0, REPLY_VALUE) | bit(reply->more, REPLY_MORE) |
           bit(reply->record_count > 0, REPLY_RECORDS) | bit(reply->detail.size > 0, REPLY_DETAIL) |
           bit(reply->durability != SW_DURABILITY_NONE, REPLY_DURABILITY) |
           bit(reply->age_ms != 0, REPLY_AGE) | bit(reply->retry_after_ms != 0, REPLY_RETRY_AFTER);
}

void sw_reply_encode(const struct sw_reply *reply, struct sw_buf *out)
{
    const size_t at = blob_begin(out);
    const uint32_t fields = reply_fields(reply);

    SW_ASSERT((uint32_t)reply->err <= UINT16_MAX);
    SW_ASSERT((reply->record_count == 0) == (reply->records.size == 0));
    sw_write_u8(out, SW_PROTO_VERSION);
    sw_write_u8(out, (uint8_t)fields);
    sw_write_u64(out, reply->id);
    sw_write_u16(out, (uint16_t)reply->err);
    sw_write_bytes(out, sw_span_of(reply->swarm.bytes, sizeof reply->swarm.bytes));
    sw_write_u64(out, reply->node.value);
    sw_write_u64(out, reply->leader.value);
    sw_write_u32(out, reply->shard.value);
    sw_write_u64(out, reply->term);
    sw_write_u64(out, reply->revision);
    write_u64_if(out, reply->value);
    if ((fields & REPLY_RECORDS) != 0) {
        sw_write_u32(out, reply->record_count);
        sw_write_blob(out, reply->records);
    }
    if ((fields & REPLY_DETAIL) != 0) {
        sw_write_blob(out, reply->detail);
    }
    if ((fields & REPLY_DURABILITY) != 0) {
        sw_write_u8(out, (uint8_t)reply->durability);
    }
    write_u32_if(out, reply->age_ms);
    write_u32_if(out, reply->retry_after_ms);
    blob_end(out, at);
}

enum sw_err sw_reply_peek(struct sw_span message, size_t *ret_size, uint64_t *ret_id)
{
    struct sw_reader in = sw_reader_of(message);
    struct sw_reader body;
    const enum sw_err err = open_blob(&in, &body);
    uint64_t id;

    if (err != SW_ERR_OK) {
        return err;
    }
    (void)sw_read_u8(&body); /* fields */
    id = sw_read_u64(&body);
    if (body.failed) {
        return SW_ERR_MALFORMED;
    }
    *ret_size = message.size - sw_reader_left(&in);
    *ret_id = id;
    return SW_ERR_OK;
}

static void read_swarm(struct sw_reader *in, struct sw_swarm_id *ret_swarm)
{
    const struct sw_span bytes = sw_read_bytes(in, sizeof ret_swarm->bytes);

    if (!in->failed) {
        memcpy(ret_swarm->bytes, bytes.data, bytes.size);
    }
}

static void read_reply(struct sw_reader *in, struct sw_reply *out)
{
    const uint32_t fields = sw_read_u8_max(in, REPLY_ALL);

    out->id = sw_read_u64(in);
    out->err = (enum sw_err)sw_read_u16(in);
    read_swarm(in, &out->swarm);
    out->node.value = sw_read_u64(in);
    out->leader.value = sw_read_u64(in);
    out->shard.value = sw_read_u32(in);
    out->term = sw_read_u64(in);
    out->revision = sw_read_u64(in);
    out->value = read_u64_if(in, fields, REPLY_VALUE);
    out->more = (fields & REPLY_MORE) != 0;
    if ((fields & REPLY_RECORDS) != 0) {
        out->record_count = sw_read_u32(in);
        out->records = sw_read_blob(in, SW_MESSAGE_SIZE_MAX);
    }
    if ((fields & REPLY_DETAIL) != 0) {
        out->detail = sw_read_blob(in, SW_MESSAGE_SIZE_MAX);
    }
    if ((fields & REPLY_DURABILITY) != 0) {
        out->durability = (enum sw_durability)sw_read_u8_max(in, SW_DURABILITY_COUNT - 1);
    }
    out->age_ms = read_u32_if(in, fields, REPLY_AGE);
    out->retry_after_ms = read_u32_if(in, fields, REPLY_RETRY_AFTER);
    if (fields != reply_fields(out) || !records_valid(out->records, out->record_count)) {
        sw_reader_fail(in);
    }
}

enum sw_err sw_reply_decode(struct sw_reader *in, struct sw_reply *ret_reply)
{
    struct sw_reply reply = {0};
    struct sw_reader body;
    enum sw_err err;

    err = open_blob(in, &body);
    if (err != SW_ERR_OK) {
        return err;
    }
    read_reply(&body, &reply);
    err = sw_reader_finish(&body);
    if (err == SW_ERR_OK) {
        *ret_reply = reply;
    }
    return err;
}
