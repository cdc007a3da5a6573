/* Encoding and decoding of the WAL's bytes; never reads or writes a file. */
#include "storage/wal_format.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "base/assert.h"

#define SEGMENT_MAGIC 0x6c61776d72617773ull /* "swarmwal" */
#define STATE_MAGIC   0x6174736d72617773ull /* "swarmsta" */

enum { SUM_OFFSET = 88, RECORD_SUM_OFFSET = 56, STATE_FLAG_SNAPSHOT = 1 };

static_assert(SUM_OFFSET + 8 == (int)SW_WAL_SEGMENT_HEADER_SIZE, "the sum ends the header");
static_assert(SUM_OFFSET + 8 == (int)SW_WAL_STATE_HEADER_SIZE, "the sum ends the header");
static_assert(RECORD_SUM_OFFSET + 8 == (int)SW_WAL_RECORD_HEADER_SIZE, "the sum ends the header");
static_assert((int)SW_WAL_RECORD_HEADER_SIZE % (int)SW_WAL_ALIGNMENT == 0, "bodies are aligned");
static_assert((int)SW_WAL_BLOCK_SIZE_MIN >= (int)SW_WAL_SEGMENT_HEADER_SIZE, "one block holds it");

uint64_t sw_wal_align(uint64_t value, uint64_t alignment)
{
    SW_ASSERT(alignment > 0);
    SW_ASSERT((alignment & (alignment - 1)) == 0);
    return (value + alignment - 1) & ~(alignment - 1);
}

static bool block_size_valid(uint64_t size)
{
    return size >= SW_WAL_BLOCK_SIZE_MIN && size <= SW_WAL_BLOCK_SIZE_MAX &&
           (size & (size - 1)) == 0;
}

void sw_wal_segment_header_encode(const struct sw_wal_segment_header *header, uint8_t *out)
{
    SW_ASSERT(block_size_valid(header->block_size));
    SW_ASSERT(header->first_lsn > 0);
    memset(out, 0, SW_WAL_SEGMENT_HEADER_SIZE);
    sw_store_u64(out, SEGMENT_MAGIC);
    sw_store_u32(out + 8, SW_WAL_FORMAT_VERSION);
    sw_store_u32(out + 12, header->block_size);
    memcpy(out + 16, header->swarm.bytes, sizeof(header->swarm.bytes));
    sw_store_u64(out + 32, header->node.value);
    sw_store_u64(out + 40, header->sequence);
    sw_store_u64(out + 48, header->first_lsn);
    sw_store_u64(out + 56, header->size);
    sw_store_u64(out + 64, header->salt);
    sw_store_u64(out + 72, header->state_sequence);
    sw_store_u64(out + SUM_OFFSET, XXH3_64bits(out, SUM_OFFSET));
}

/* The part that all formats share: magic, sum, version. */
static enum sw_err header_check(struct sw_span bytes, uint64_t magic)
{
    if (bytes.size < SUM_OFFSET + 8 || sw_load_u64(bytes.data) != magic) {
        return SW_ERR_CORRUPT;
    }
    if (sw_load_u64(bytes.data + SUM_OFFSET) != XXH3_64bits(bytes.data, SUM_OFFSET)) {
        return SW_ERR_CORRUPT;
    }
    if (sw_load_u32(bytes.data + 8) > SW_WAL_FORMAT_VERSION) {
        return SW_ERR_NEWER_FORMAT;
    }
    return sw_load_u32(bytes.data + 8) == 0 ? SW_ERR_CORRUPT : SW_ERR_OK;
}

enum sw_err sw_wal_segment_header_decode(struct sw_span bytes,
                                         struct sw_wal_segment_header *ret_header)
{
    struct sw_wal_segment_header header = {0};
    const enum sw_err err = header_check(bytes, SEGMENT_MAGIC);

    SW_ASSERT(ret_header != NULL);
    if (err != SW_ERR_OK) {
        return err;
    }
    header.block_size = sw_load_u32(bytes.data + 12);
    memcpy(header.swarm.bytes, bytes.data + 16, sizeof(header.swarm.bytes));
    header.node.value = sw_load_u64(bytes.data + 32);
    header.sequence = sw_load_u64(bytes.data + 40);
    header.first_lsn = sw_load_u64(bytes.data + 48);
    header.size = sw_load_u64(bytes.data + 56);
    header.salt = sw_load_u64(bytes.data + 64);
    header.state_sequence = sw_load_u64(bytes.data + 72);
    if (!block_size_valid(header.block_size) || header.first_lsn == 0 || header.sequence == 0 ||
        header.size < 2ull * header.block_size || header.size % header.block_size != 0 ||
        sw_load_u64(bytes.data + 80) != 0) {
        return SW_ERR_CORRUPT;
    }
    *ret_header = header;
    return SW_ERR_OK;
}

uint64_t sw_wal_body_sum(struct sw_span body, uint64_t salt)
{
    SW_ASSERT(body.size <= SW_ENTRY_SIZE_MAX);
    return XXH3_64bits_withSeed(body.size == 0 ? (const uint8_t *)"" : body.data, body.size, salt);
}

uint64_t sw_wal_record_size(uint64_t body_size)
{
    SW_ASSERT(body_size <= SW_ENTRY_SIZE_MAX);
    return SW_WAL_RECORD_HEADER_SIZE + sw_wal_align(body_size, SW_WAL_ALIGNMENT);
}

void sw_wal_record_encode(const struct sw_wal_record *record,
                          uint64_t salt,
                          uint64_t offset,
                          uint8_t *out)
{
    SW_ASSERT(record->lsn > record->durable_lsn);
    SW_ASSERT(offset % SW_WAL_ALIGNMENT == 0);
    SW_ASSERT(record->body_size <= SW_ENTRY_SIZE_MAX);
    sw_store_u32(out, SW_WAL_RECORD_MAGIC);
    sw_store_u32(out + 4, record->body_size);
    sw_store_u64(out + 8, record->lsn);
    sw_store_u64(out + 16, record->durable_lsn);
    sw_store_u64(out + 24, record->index);
    sw_store_u64(out + 32, record->term);
    sw_store_u32(out + 40, record->group.value);
    out[44] = record->kind;
    out[45] = record->type;
    sw_store_u16(out + 46, 0);
    sw_store_u64(out + 48, record->body_sum);
    sw_store_u64(out + RECORD_SUM_OFFSET,
                 XXH3_64bits_withSeed(out, RECORD_SUM_OFFSET, salt + offset));
}

/* What no writer of this format ever wrote, whatever the sum says. */
static bool record_fields_valid(const struct sw_wal_record *record)
{
    if (record->body_size > SW_ENTRY_SIZE_MAX || record->lsn <= record->durable_lsn) {
        return false;
    }
    switch (record->kind) {
    case SW_WAL_KIND_ENTRY:
        return record->group.value != 0 && record->index != 0 && record->term != 0;
    case SW_WAL_KIND_TRUNCATE:
        return record->group.value != 0 && record->index != 0 && record->body_size == 0;
    case SW_WAL_KIND_MARK:
        return record->body_size == 0;
    default:
        return false;
    }
}

enum sw_err sw_wal_record_decode(struct sw_span bytes,
                                 uint64_t salt,
                                 uint64_t offset,
                                 struct sw_wal_record *ret_record)
{
    struct sw_wal_record record;
    const uint8_t *in = bytes.data;

    SW_ASSERT(ret_record != NULL);
    if (bytes.size < SW_WAL_RECORD_HEADER_SIZE || sw_load_u32(in) != SW_WAL_RECORD_MAGIC) {
        return SW_ERR_MALFORMED;
    }
    if (sw_load_u64(in + RECORD_SUM_OFFSET) !=
        XXH3_64bits_withSeed(in, RECORD_SUM_OFFSET, salt + offset)) {
        return SW_ERR_MALFORMED;
    }
    record = (struct sw_wal_record){.body_size = sw_load_u32(in + 4),
                                    .lsn = sw_load_u64(in + 8),
                                    .durable_lsn = sw_load_u64(in + 16),
                                    .index = sw_load_u64(in + 24),
                                    .term = sw_load_u64(in + 32),
                                    .group = {sw_load_u32(in + 40)},
                                    .kind = in[44],
                                    .type = in[45],
                                    .body_sum = sw_load_u64(in + 48)};
    if (!record_fields_valid(&record) || sw_load_u16(in + 46) != 0) {
        return SW_ERR_MALFORMED;
    }
    *ret_record = record;
    return SW_ERR_OK;
}

static void state_group_encode(const struct sw_wal_state_group *row, struct sw_buf *out)
{
    SW_ASSERT(row->group.value != 0);
    SW_ASSERT(row->descriptor.size <= SW_SNAPSHOT_DESCRIPTOR_SIZE_MAX);
    sw_write_u32(out, row->group.value);
    sw_write_u32(out, row->has_snapshot ? STATE_FLAG_SNAPSHOT : 0);
    sw_write_u64(out, row->hard.term);
    sw_write_u64(out, row->hard.vote.value);
    sw_write_u64(out, row->first_index);
    sw_write_u64(out, row->reset_lsn);
    sw_write_u64(out, row->snapshot_index);
    sw_write_u64(out, row->snapshot_term);
    sw_write_blob(out, sw_buf_span(&row->descriptor));
}

void sw_wal_state_encode(const struct sw_wal_state *state, struct sw_buf *out)
{
    uint8_t *header;
    uint64_t body_size;

    SW_ASSERT(state->group_count <= SW_GROUP_COUNT_MAX);
    sw_buf_clear(out);
    memset(sw_buf_extend(out, SW_WAL_STATE_HEADER_SIZE), 0, SW_WAL_STATE_HEADER_SIZE);
    for (size_t i = 0; i < state->group_count; i++) {
        state_group_encode(&state->groups[i], out);
    }
    SW_ASSERT(out->size <= SW_WAL_STATE_SIZE_MAX);
    header = out->data;
    body_size = out->size - SW_WAL_STATE_HEADER_SIZE;
    sw_store_u64(header, STATE_MAGIC);
    sw_store_u32(header + 8, SW_WAL_FORMAT_VERSION);
    sw_store_u32(header + 12, (uint32_t)state->group_count);
    memcpy(header + 16, state->swarm.bytes, sizeof(state->swarm.bytes));
    sw_store_u64(header + 32, state->node.value);
    sw_store_u64(header + 40, state->sequence);
    sw_store_u64(header + 48, state->durable_lsn);
    sw_store_u64(header + 56, state->first_segment);
    sw_store_u64(header + 64, state->last_segment);
    sw_store_u64(header + 72, body_size);
    sw_store_u64(header + 80, XXH3_64bits(header + SW_WAL_STATE_HEADER_SIZE, body_size));
    sw_store_u64(header + SUM_OFFSET, XXH3_64bits(header, SUM_OFFSET));
}

/* Reads one row; false if it breaks the order or a rule of the format. */
static bool
state_group_decode(struct sw_reader *in, uint32_t group_min, struct sw_wal_state_group *ret_row)
{
    struct sw_wal_state_group row = {0};
    struct sw_span descriptor;
    uint32_t flags;

    row.group.value = sw_read_u32(in);
    flags = sw_read_u32(in);
    row.hard.term = sw_read_u64(in);
    row.hard.vote.value = sw_read_u64(in);
    row.first_index = sw_read_u64(in);
    row.reset_lsn = sw_read_u64(in);
    row.snapshot_index = sw_read_u64(in);
    row.snapshot_term = sw_read_u64(in);
    descriptor = sw_read_blob(in, SW_SNAPSHOT_DESCRIPTOR_SIZE_MAX);
    if (in->failed || row.group.value < group_min || row.first_index == 0 ||
        flags > STATE_FLAG_SNAPSHOT) {
        return false;
    }
    row.has_snapshot = flags == STATE_FLAG_SNAPSHOT;
    if (!row.has_snapshot &&
        (row.snapshot_index != 0 || row.snapshot_term != 0 || descriptor.size != 0)) {
        return false;
    }
    sw_write_bytes(&row.descriptor, descriptor);
    *ret_row = row;
    return true;
}

static enum sw_err state_body_decode(struct sw_span body, struct sw_wal_state *state)
{
    struct sw_reader in = sw_reader_of(body);
    const size_t count = state->group_count;
    uint32_t group_min = 1;

    state->group_count = 0;
    state->groups = calloc(count + 1, sizeof(*state->groups));
    SW_ASSERT(state->groups != NULL);
    for (size_t i = 0; i < count; i++) {
        if (!state_group_decode(&in, group_min, &state->groups[i])) {
            return SW_ERR_CORRUPT;
        }
        state->group_count++;
        group_min = state->groups[i].group.value + 1;
        if (group_min == 0 && i + 1 < count) {
            return SW_ERR_CORRUPT;
        }
    }
    return sw_reader_finish(&in) == SW_ERR_OK ? SW_ERR_OK : SW_ERR_CORRUPT;
}

enum sw_err sw_wal_state_decode(struct sw_span bytes, struct sw_wal_state *ret_state)
{
    struct sw_wal_state state = {0};
    struct sw_span body;
    enum sw_err err;

    SW_ASSERT(ret_state != NULL);
    err = header_check(bytes, STATE_MAGIC);
    if (err != SW_ERR_OK) {
        return err;
    }
    state.group_count = sw_load_u32(bytes.data + 12);
    memcpy(state.swarm.bytes, bytes.data + 16, sizeof(state.swarm.bytes));
    state.node.value = sw_load_u64(bytes.data + 32);
    state.sequence = sw_load_u64(bytes.data + 40);
    state.durable_lsn = sw_load_u64(bytes.data + 48);
    state.first_segment = sw_load_u64(bytes.data + 56);
    state.last_segment = sw_load_u64(bytes.data + 64);
    if (state.group_count > SW_GROUP_COUNT_MAX || state.first_segment == 0 ||
        sw_load_u64(bytes.data + 72) > bytes.size - SW_WAL_STATE_HEADER_SIZE) {
        return SW_ERR_CORRUPT;
    }
    body = sw_span_of(bytes.data + SW_WAL_STATE_HEADER_SIZE, sw_load_u64(bytes.data + 72));
    if (XXH3_64bits(body.data, body.size) != sw_load_u64(bytes.data + 80)) {
        return SW_ERR_CORRUPT;
    }
    err = state_body_decode(body, &state);
    if (err != SW_ERR_OK) {
        sw_wal_state_release(&state);
        return err;
    }
    *ret_state = state;
    return SW_ERR_OK;
}

void sw_wal_state_release(struct sw_wal_state *state)
{
    SW_ASSERT(state != NULL);
    for (size_t i = 0; i < state->group_count; i++) {
        sw_buf_release(&state->groups[i].descriptor);
    }
    free(state->groups);
    *state = (struct sw_wal_state){0};
}

size_t sw_wal_state_position(const struct sw_wal_state *state, struct sw_group_id group)
{
    size_t low = 0;
    size_t high = state->group_count;

    SW_ASSERT(group.value != 0);
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (state->groups[middle].group.value < group.value) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct sw_wal_state_group *sw_wal_state_find(const struct sw_wal_state *state,
                                             struct sw_group_id group)
{
    const size_t at = sw_wal_state_position(state, group);

    SW_ASSERT(at <= state->group_count);
    if (at == state->group_count || state->groups[at].group.value != group.value) {
        return NULL;
    }
    return &state->groups[at];
}

void sw_wal_segment_name(uint64_t sequence, char ret_name[SW_WAL_NAME_SIZE])
{
    SW_ASSERT(sequence > 0);
    (void)snprintf(ret_name, SW_WAL_NAME_SIZE, "wal-%016" PRIx64, sequence);
}

void sw_wal_spare_name(uint64_t sequence, char ret_name[SW_WAL_NAME_SIZE])
{
    SW_ASSERT(ret_name != NULL);
    (void)snprintf(ret_name, SW_WAL_NAME_SIZE, "spare-%016" PRIx64, sequence);
}

void sw_wal_unfinished_name(uint64_t sequence, char ret_name[SW_WAL_NAME_SIZE])
{
    SW_ASSERT(ret_name != NULL);
    (void)snprintf(ret_name, SW_WAL_NAME_SIZE, "unfinished-%016" PRIx64, sequence);
}

bool sw_wal_name_parse(const char *name, const char *prefix, uint64_t *ret_sequence)
{
    const size_t prefix_size = strlen(prefix);
    uint64_t sequence = 0;

    SW_ASSERT(ret_sequence != NULL);
    if (strlen(name) != prefix_size + 16 || strncmp(name, prefix, prefix_size) != 0) {
        return false;
    }
    for (const char *digit = name + prefix_size; *digit != '\0'; digit++) {
        if (*digit >= '0' && *digit <= '9') {
            sequence = sequence << 4 | (uint64_t)(*digit - '0');
        } else if (*digit >= 'a' && *digit <= 'f') {
            sequence = sequence << 4 | (uint64_t)(*digit - 'a' + 10);
        } else {
            return false;
        }
    }
    *ret_sequence = sequence;
    return true;
}
