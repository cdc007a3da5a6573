/* The codec of raft messages; the table is in wire.h. */
#include "raft/wire.h"

#include <string.h>

#include "base/assert.h"
#include "base/limits.h"
#include "raft/descriptor.h"

enum { FLAG_DISRUPT = 1, FLAG_PRE_VOTE = 2, FLAGS_ALL = 3 };

static void header(struct sw_group_id group, enum sw_wire_kind kind, struct sw_buf *out)
{
    SW_ASSERT(kind > 0 && kind <= SW_WIRE_KIND_MAX);
    SW_ASSERT(group.value != 0);
    sw_buf_clear(out);
    sw_write_u8(out, (uint8_t)kind);
    sw_write_u32(out, group.value);
}

static void encode_append(const struct raft_append_entries *append, struct sw_buf *out)
{
    sw_write_u64(out, append->term);
    sw_write_u64(out, append->prev_log_index);
    sw_write_u64(out, append->prev_log_term);
    sw_write_u64(out, append->leader_commit);
    sw_write_u32(out, append->n_entries);
    for (unsigned i = 0; i < append->n_entries; i++) {
        const struct raft_entry *entry = &append->entries[i];

        sw_write_u64(out, entry->term);
        sw_write_u8(out, (uint8_t)entry->type);
        sw_write_blob(out, sw_span_of(entry->buf.base, entry->buf.len));
    }
}

static void encode_install(const struct raft_install_snapshot *install, struct sw_buf *out)
{
    sw_write_u64(out, install->term);
    sw_write_u64(out, install->last_index);
    sw_write_u64(out, install->last_term);
    sw_descriptor_encode(&install->conf,
                         install->conf_index,
                         sw_span_of(install->data.base, install->data.len),
                         out);
}

static void encode_vote(const struct raft_request_vote *vote, struct sw_buf *out)
{
    sw_write_u64(out, vote->term);
    sw_write_u64(out, vote->candidate_id);
    sw_write_u64(out, vote->last_log_index);
    sw_write_u64(out, vote->last_log_term);
    sw_write_u8(out,
                (uint8_t)((vote->disrupt_leader ? FLAG_DISRUPT : 0) |
                          (vote->pre_vote ? FLAG_PRE_VOTE : 0)));
}

void sw_wire_encode(struct sw_group_id group,
                    const struct raft_message *message,
                    struct sw_buf *out)
{
    SW_ASSERT(message->type >= RAFT_IO_APPEND_ENTRIES);
    SW_ASSERT(message->type <= RAFT_IO_TIMEOUT_NOW);
    header(group, (enum sw_wire_kind)message->type, out);
    switch (message->type) {
    case RAFT_IO_APPEND_ENTRIES:
        encode_append(&message->append_entries, out);
        return;
    case RAFT_IO_APPEND_ENTRIES_RESULT:
        sw_write_u64(out, message->append_entries_result.term);
        sw_write_u64(out, message->append_entries_result.rejected);
        sw_write_u64(out, message->append_entries_result.last_log_index);
        return;
    case RAFT_IO_REQUEST_VOTE:
        encode_vote(&message->request_vote, out);
        return;
    case RAFT_IO_REQUEST_VOTE_RESULT:
        sw_write_u64(out, message->request_vote_result.term);
        sw_write_u8(out, message->request_vote_result.vote_granted ? 1 : 0);
        sw_write_u8(out, (uint8_t)message->request_vote_result.pre_vote);
        return;
    case RAFT_IO_INSTALL_SNAPSHOT:
        encode_install(&message->install_snapshot, out);
        return;
    default:
        sw_write_u64(out, message->timeout_now.term);
        sw_write_u64(out, message->timeout_now.last_log_index);
        sw_write_u64(out, message->timeout_now.last_log_term);
        return;
    }
}

void sw_wire_encode_probe(struct sw_group_id group,
                          enum sw_wire_kind kind,
                          struct sw_wire_probe probe,
                          struct sw_buf *out)
{
    SW_ASSERT(kind >= SW_WIRE_PROBE);
    SW_ASSERT(kind <= SW_WIRE_POINT);
    header(group, kind, out);
    sw_write_u64(out, probe.term);
    sw_write_u64(out, probe.seq);
    SW_ASSERT(out->size == SW_WIRE_HEADER_SIZE + 16);
}

uint8_t sw_wire_kind(struct sw_span bytes)
{
    if (bytes.size < SW_WIRE_HEADER_SIZE || bytes.data[0] < SW_WIRE_APPEND ||
        bytes.data[0] > SW_WIRE_POINT) {
        return 0;
    }
    return bytes.data[0];
}

struct sw_group_id sw_wire_group(struct sw_span bytes)
{
    if (sw_wire_kind(bytes) == 0) {
        return (struct sw_group_id){0};
    }
    return (struct sw_group_id){sw_load_u32(bytes.data + 1)};
}

/* The types that libraft knows; a configuration must also decode. */
static bool entry_valid(uint8_t type, struct sw_span body)
{
    if (type == RAFT_CHANGE) {
        return sw_descriptor_configuration_valid(body);
    }
    return (type == RAFT_COMMAND || type == RAFT_BARRIER) && body.size > 0;
}

/* First pass: checks every entry and adds up the batch, so that the second pass can not fail. */
static enum sw_err
measure_entries(struct sw_reader in, const struct raft_append_entries *append, size_t *ret_size)
{
    raft_term term = append->prev_log_term;
    size_t size = 0;

    for (unsigned i = 0; i < append->n_entries; i++) {
        const raft_term entry_term = sw_read_u64(&in);
        const uint8_t type = sw_read_u8(&in);
        const struct sw_span body = sw_read_blob(&in, SW_ENTRY_SIZE_MAX);

        if (in.failed || entry_term < term || entry_term > append->term || entry_term == 0 ||
            !entry_valid(type, body)) {
            return SW_ERR_MALFORMED;
        }
        term = entry_term;
        size += (body.size + 7) & ~(size_t)7;
    }
    *ret_size = size;
    return sw_reader_finish(&in);
}

/* Second pass: copies the entries into one array and one batch, as libraft wants them. */
static void take_entries(struct sw_reader *in, struct raft_append_entries *append, size_t size)
{
    uint8_t *batch = raft_malloc(size);
    size_t offset = 0;

    SW_ASSERT(batch != NULL);
    append->entries = raft_malloc(append->n_entries * sizeof *append->entries);
    SW_ASSERT(append->entries != NULL);
    for (unsigned i = 0; i < append->n_entries; i++) {
        struct raft_entry *entry = &append->entries[i];
        struct sw_span body;

        entry->term = sw_read_u64(in);
        entry->type = sw_read_u8(in);
        body = sw_read_blob(in, SW_ENTRY_SIZE_MAX);
        memcpy(batch + offset, body.data, body.size);
        entry->buf.base = batch + offset;
        entry->buf.len = body.size;
        entry->batch = batch;
        offset += (body.size + 7) & ~(size_t)7;
    }
    SW_ASSERT(offset == size);
}

static enum sw_err decode_append(struct sw_reader *in, struct raft_append_entries *append)
{
    size_t size = 0;
    enum sw_err err;

    append->term = sw_read_u64(in);
    append->prev_log_index = sw_read_u64(in);
    append->prev_log_term = sw_read_u64(in);
    append->leader_commit = sw_read_u64(in);
    append->n_entries = sw_read_u32_max(in, SW_APPEND_ENTRY_COUNT_MAX);
    append->entries = NULL;
    if (in->failed || append->term == 0 || append->prev_log_index > UINT64_MAX / 2 ||
        append->prev_log_term > append->term ||
        (append->prev_log_index == 0) != (append->prev_log_term == 0)) {
        return SW_ERR_MALFORMED;
    }
    err = measure_entries(*in, append, &size);
    if (err != SW_ERR_OK) {
        return err;
    }
    if (append->n_entries > 0) {
        take_entries(in, append, size);
    }
    return sw_reader_finish(in);
}

static enum sw_err decode_vote(struct sw_reader *in, struct raft_request_vote *vote)
{
    uint8_t flags;

    vote->term = sw_read_u64(in);
    vote->candidate_id = sw_read_u64(in);
    vote->last_log_index = sw_read_u64(in);
    vote->last_log_term = sw_read_u64(in);
    flags = sw_read_u8_max(in, FLAGS_ALL);
    vote->disrupt_leader = (flags & FLAG_DISRUPT) != 0;
    vote->pre_vote = (flags & FLAG_PRE_VOTE) != 0;
    return sw_reader_finish(in);
}

static enum sw_err decode_install(struct sw_reader *in, struct raft_install_snapshot *install)
{
    install->term = sw_read_u64(in);
    install->last_index = sw_read_u64(in);
    install->last_term = sw_read_u64(in);
    if (in->failed || install->last_index == 0 || install->last_term == 0 ||
        install->last_term > install->term) {
        return SW_ERR_MALFORMED;
    }
    return sw_descriptor_decode(sw_read_bytes(in, sw_reader_left(in)),
                                &install->conf,
                                &install->conf_index,
                                &install->data);
}

static enum sw_err decode_body(struct sw_reader *in, struct raft_message *message)
{
    switch (message->type) {
    case RAFT_IO_APPEND_ENTRIES:
        return decode_append(in, &message->append_entries);
    case RAFT_IO_APPEND_ENTRIES_RESULT:
        message->append_entries_result.term = sw_read_u64(in);
        message->append_entries_result.rejected = sw_read_u64(in);
        message->append_entries_result.last_log_index = sw_read_u64(in);
        return sw_reader_finish(in);
    case RAFT_IO_REQUEST_VOTE:
        return decode_vote(in, &message->request_vote);
    case RAFT_IO_REQUEST_VOTE_RESULT:
        message->request_vote_result.term = sw_read_u64(in);
        message->request_vote_result.vote_granted = sw_read_u8_max(in, 1) == 1;
        message->request_vote_result.pre_vote = (raft_tribool)sw_read_u8_max(in, 2);
        return sw_reader_finish(in);
    case RAFT_IO_INSTALL_SNAPSHOT:
        return decode_install(in, &message->install_snapshot);
    default:
        message->timeout_now.term = sw_read_u64(in);
        message->timeout_now.last_log_index = sw_read_u64(in);
        message->timeout_now.last_log_term = sw_read_u64(in);
        return sw_reader_finish(in);
    }
}

enum sw_err sw_wire_decode(struct sw_span bytes, struct raft_message *ret_message)
{
    const uint8_t kind = sw_wire_kind(bytes);
    struct raft_message message = {0};
    struct sw_reader in = sw_reader_of(bytes);
    enum sw_err err;

    if (kind == 0 || kind > SW_WIRE_TIMEOUT_NOW || sw_wire_group(bytes).value == 0) {
        return SW_ERR_MALFORMED;
    }
    (void)sw_read_bytes(&in, SW_WIRE_HEADER_SIZE);
    message.type = kind;
    err = decode_body(&in, &message);
    if (err == SW_ERR_OK) {
        *ret_message = message;
    }
    return err;
}

enum sw_err sw_wire_decode_probe(struct sw_span bytes, struct sw_wire_probe *ret_probe)
{
    const uint8_t kind = sw_wire_kind(bytes);
    struct sw_reader in = sw_reader_of(bytes);
    struct sw_wire_probe probe;
    enum sw_err err;

    if (kind < SW_WIRE_PROBE) {
        return SW_ERR_MALFORMED;
    }
    (void)sw_read_bytes(&in, SW_WIRE_HEADER_SIZE);
    probe.term = sw_read_u64(&in);
    probe.seq = sw_read_u64(&in);
    err = sw_reader_finish(&in);
    if (err == SW_ERR_OK) {
        *ret_probe = probe;
    }
    return err;
}

void sw_wire_free(struct raft_message *message)
{
    if (message->type == RAFT_IO_APPEND_ENTRIES && message->append_entries.entries != NULL) {
        raft_free(message->append_entries.entries[0].batch);
        raft_free(message->append_entries.entries);
        message->append_entries.entries = NULL;
    }
    if (message->type == RAFT_IO_INSTALL_SNAPSHOT) {
        raft_configuration_close(&message->install_snapshot.conf);
        raft_free(message->install_snapshot.data.base);
        message->install_snapshot.data.base = NULL;
    }
}
