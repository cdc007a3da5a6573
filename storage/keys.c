/* Encoding and decoding of store keys; the byte table is in keys.h. */
#include "storage/keys.h"

#include <xxhash.h>

#include "base/assert.h"
#include "base/rw.h"

enum {
    PLACE_SIZE_MAX = SW_TENANT_SIZE_MAX + SW_NAMESPACE_SIZE_MAX + SW_PARTITION_SIZE_MAX + 3,
    SESSION_KEY_SIZE = SW_KEY_GROUP_SIZE + 8,
    REVISION_SIZE = 8,
    CHANGE_KEY_SIZE = SW_KEY_GROUP_SIZE + 8 + 2,
    SLOT_SHIFT = 64 - 14,
};

static_assert(SW_KEY_STAGE_HEADER_SIZE + SW_KEY_SLOT_SIZE + PLACE_SIZE_MAX + SW_KEY_SIZE_MAX <=
                  SW_STORE_KEY_SIZE_MAX,
              "the longest staged key still is a key of the store");
static_assert((int)SW_KEY_SIZE_MAX >= (int)REVISION_SIZE,
              "an experience key is no longer than a kv key");
static_assert(SW_SLOT_COUNT == 1 << (64 - SLOT_SHIFT), "a slot is the top 14 bits");

static void put_u32_be(uint8_t *out, uint32_t value)
{
    for (size_t i = 0; i < 4; i++) {
        out[i] = (uint8_t)(value >> (8 * (3 - i)));
    }
}

static uint32_t get_u32_be(const uint8_t *in)
{
    uint32_t value = 0;

    for (size_t i = 0; i < 4; i++) {
        value = value << 8 | in[i];
    }
    return value;
}

static void append(struct sw_key *key, struct sw_span bytes)
{
    SW_ASSERT(key->size <= sizeof(key->data));
    SW_ASSERT(bytes.size <= sizeof(key->data) - key->size);
    if (bytes.size > 0) {
        memcpy(key->data + key->size, bytes.data, bytes.size);
        key->size += bytes.size;
    }
}

static void append_u8(struct sw_key *key, uint8_t value)
{
    append(key, sw_span_of(&value, 1));
}

static void append_u64_be(struct sw_key *key, uint64_t value)
{
    uint8_t bytes[8];

    sw_store_u64_be(bytes, value);
    append(key, sw_span_of(bytes, sizeof(bytes)));
}

static void append_name(struct sw_key *key, struct sw_span name, size_t size_max)
{
    SW_ASSERT(sw_key_name_validate(name, size_max));
    append(key, name);
    append_u8(key, 0);
}

static uint16_t slot_of(struct sw_span place_bytes)
{
    return (uint16_t)(XXH3_64bits(place_bytes.data, place_bytes.size) >> SLOT_SHIFT);
}

static void put_slot(uint8_t *out, uint16_t slot)
{
    SW_ASSERT(slot < SW_SLOT_COUNT);
    out[0] = (uint8_t)(slot >> 8);
    out[1] = (uint8_t)slot;
}

bool sw_key_name_validate(struct sw_span name, size_t size_max)
{
    if (name.size == 0 || name.size > size_max) {
        return false;
    }
    for (size_t i = 0; i < name.size; i++) {
        if (name.data[i] < 0x20 || name.data[i] > 0x7e) {
            return false;
        }
    }
    return true;
}

bool sw_place_validate(const struct sw_place *place)
{
    return sw_key_name_validate(place->tenant, SW_TENANT_SIZE_MAX) &&
           sw_key_name_validate(place->name_space, SW_NAMESPACE_SIZE_MAX) &&
           sw_key_name_validate(place->partition, SW_PARTITION_SIZE_MAX);
}

uint16_t sw_place_slot(const struct sw_place *place)
{
    struct sw_key key;

    sw_key_partition(place, &key);
    return (uint16_t)(key.data[0] << 8 | key.data[1]);
}

void sw_key_partition(const struct sw_place *place, struct sw_key *ret_key)
{
    SW_ASSERT(place != NULL);
    SW_ASSERT(ret_key != NULL);
    ret_key->size = SW_KEY_SLOT_SIZE;
    append_name(ret_key, place->tenant, SW_TENANT_SIZE_MAX);
    append_name(ret_key, place->name_space, SW_NAMESPACE_SIZE_MAX);
    append_name(ret_key, place->partition, SW_PARTITION_SIZE_MAX);
    put_slot(
        ret_key->data,
        slot_of(sw_span_of(ret_key->data + SW_KEY_SLOT_SIZE, ret_key->size - SW_KEY_SLOT_SIZE)));
}

void sw_key_kv(const struct sw_place *place, struct sw_span key, struct sw_key *ret_key)
{
    SW_ASSERT(key.size <= SW_KEY_SIZE_MAX);
    SW_ASSERT(key.data != NULL || key.size == 0);
    sw_key_partition(place, ret_key);
    append(ret_key, key);
}

void sw_key_experience(const struct sw_place *place, uint64_t revision, struct sw_key *ret_key)
{
    sw_key_partition(place, ret_key);
    append_u64_be(ret_key, revision);
}

void sw_key_slot(uint16_t slot, struct sw_key *ret_key)
{
    SW_ASSERT(ret_key != NULL);
    put_slot(ret_key->data, slot);
    ret_key->size = SW_KEY_SLOT_SIZE;
}

void sw_key_group(struct sw_group_id group, struct sw_key *ret_key)
{
    SW_ASSERT(group.value != 0);
    SW_ASSERT(ret_key != NULL);
    put_u32_be(ret_key->data, group.value);
    ret_key->size = SW_KEY_GROUP_SIZE;
}

void sw_key_meta(struct sw_group_id group, struct sw_span name, struct sw_key *ret_key)
{
    SW_ASSERT(name.size >= 1);
    SW_ASSERT(name.size <= SW_META_NAME_SIZE_MAX);
    sw_key_group(group, ret_key);
    append(ret_key, name);
}

void sw_key_session(struct sw_group_id group, struct sw_session_id id, struct sw_key *ret_key)
{
    SW_ASSERT(id.value != 0);
    sw_key_group(group, ret_key);
    append_u64_be(ret_key, id.value);
    SW_ASSERT(ret_key->size == SESSION_KEY_SIZE);
}

static void lease_begin(struct sw_group_id group, enum sw_lease_kind kind, struct sw_key *ret_key)
{
    sw_key_group(group, ret_key);
    append_u8(ret_key, (uint8_t)kind);
}

void sw_key_lease(struct sw_group_id group, uint64_t lease, struct sw_key *ret_key)
{
    SW_ASSERT(lease != 0);
    lease_begin(group, SW_LEASE_KIND_LEASE, ret_key);
    append_u64_be(ret_key, lease);
    SW_ASSERT(ret_key->size == SW_KEY_GROUP_SIZE + 1 + 8);
}

void sw_key_lease_end(struct sw_group_id group,
                      uint64_t end_ms,
                      uint64_t lease,
                      struct sw_key *ret_key)
{
    SW_ASSERT(lease != 0);
    lease_begin(group, SW_LEASE_KIND_END, ret_key);
    append_u64_be(ret_key, end_ms);
    append_u64_be(ret_key, lease);
    SW_ASSERT(ret_key->size == SW_KEY_GROUP_SIZE + 1 + 16);
}

void sw_key_lease_held(struct sw_group_id group,
                       uint64_t lease,
                       struct sw_span key,
                       struct sw_key *ret_key)
{
    SW_ASSERT(lease != 0);
    SW_ASSERT(key.size <= SW_KEY_SIZE_MAX);
    lease_begin(group, SW_LEASE_KIND_HELD, ret_key);
    append_u64_be(ret_key, lease);
    append(ret_key, key);
}

void sw_key_change(struct sw_group_id group,
                   uint64_t revision,
                   uint16_t number,
                   struct sw_key *ret_key)
{
    const uint8_t number_be[2] = {(uint8_t)(number >> 8), (uint8_t)number};

    SW_ASSERT(revision != 0);
    sw_key_group(group, ret_key);
    append_u64_be(ret_key, revision);
    append(ret_key, sw_span_of(number_be, sizeof(number_be)));
    SW_ASSERT(ret_key->size == CHANGE_KEY_SIZE);
}

void sw_key_index(uint16_t slot,
                  enum sw_index_kind kind,
                  uint64_t number,
                  struct sw_span rest,
                  struct sw_key *ret_key)
{
    SW_ASSERT(kind >= SW_INDEX_LIBRARY);
    SW_ASSERT(kind < SW_INDEX_ANY_KIND_END);
    sw_key_slot(slot, ret_key);
    append_u8(ret_key, (uint8_t)kind);
    append_u64_be(ret_key, number);
    append(ret_key, rest);
}

void sw_key_stage(struct sw_group_id group,
                  enum sw_table table,
                  struct sw_span key,
                  struct sw_key *ret_key)
{
    SW_ASSERT(table < SW_TABLE_COUNT);
    SW_ASSERT(table != SW_TABLE_STAGE);
    sw_key_group(group, ret_key);
    append_u8(ret_key, (uint8_t)table);
    append(ret_key, key);
}

bool sw_key_upper(struct sw_span prefix, struct sw_key *ret_key)
{
    size_t size = prefix.size;

    SW_ASSERT(prefix.size <= SW_STORE_KEY_SIZE_MAX);
    SW_ASSERT(ret_key != NULL);
    while (size > 0 && prefix.data[size - 1] == 0xff) {
        size--;
    }
    if (size == 0) {
        return false;
    }
    memmove(ret_key->data, prefix.data, size);
    ret_key->data[size - 1]++;
    ret_key->size = size;
    return true;
}

bool sw_key_has_prefix(struct sw_span key, struct sw_span prefix)
{
    return key.size >= prefix.size && sw_span_equal(sw_span_of(key.data, prefix.size), prefix);
}

/* Reads a name and the 0x00 behind it. */
static struct sw_span read_name(struct sw_reader *in, size_t size_max)
{
    const size_t left = sw_reader_left(in);
    const uint8_t *at = in->data + in->offset;
    const uint8_t *end = left == 0 ? NULL : memchr(at, 0, left);
    struct sw_span name;

    if (end == NULL || !sw_key_name_validate(sw_span_of(at, (size_t)(end - at)), size_max)) {
        sw_reader_fail(in);
        return sw_span_of(NULL, 0);
    }
    name = sw_read_bytes(in, (size_t)(end - at));
    (void)sw_read_u8(in);
    return name;
}

/* Slot and place; the slot must be the one that the place has, so a misfiled record is noticed. */
static uint16_t read_place(struct sw_reader *in, struct sw_place *out)
{
    const uint8_t high = sw_read_u8(in);
    const uint8_t low = sw_read_u8(in);
    const uint16_t slot = (uint16_t)(high << 8 | low);

    out->tenant = read_name(in, SW_TENANT_SIZE_MAX);
    out->name_space = read_name(in, SW_NAMESPACE_SIZE_MAX);
    out->partition = read_name(in, SW_PARTITION_SIZE_MAX);
    if (in->failed) {
        return 0;
    }
    if (slot != slot_of(sw_span_of(in->data + SW_KEY_SLOT_SIZE, in->offset - SW_KEY_SLOT_SIZE))) {
        sw_reader_fail(in);
    }
    return slot;
}

static struct sw_group_id read_group(struct sw_reader *in)
{
    const struct sw_span bytes = sw_read_bytes(in, SW_KEY_GROUP_SIZE);
    struct sw_group_id group = {0};

    if (bytes.size == SW_KEY_GROUP_SIZE) {
        group.value = get_u32_be(bytes.data);
    }
    if (group.value == 0) {
        sw_reader_fail(in);
    }
    return group;
}

static uint64_t read_u64_be(struct sw_reader *in)
{
    const struct sw_span bytes = sw_read_bytes(in, 8);

    return bytes.size == 8 ? sw_load_u64_be(bytes.data) : 0;
}

/* All that is left, if its size lies within the bounds. */
static struct sw_span read_rest(struct sw_reader *in, size_t size_min, size_t size_max)
{
    const size_t left = sw_reader_left(in);

    if (left < size_min || left > size_max) {
        sw_reader_fail(in);
    }
    return sw_read_bytes(in, left);
}

enum sw_err sw_key_kv_decode(struct sw_span bytes, struct sw_kv_key *ret_key)
{
    struct sw_reader in = sw_reader_of(bytes);
    struct sw_kv_key key = {0};
    enum sw_err err;

    SW_ASSERT(ret_key != NULL);
    key.slot = read_place(&in, &key.place);
    key.key = read_rest(&in, 0, SW_KEY_SIZE_MAX);
    err = sw_reader_finish(&in);
    if (err == SW_ERR_OK) {
        SW_ASSERT(key.slot < SW_SLOT_COUNT);
        *ret_key = key;
    }
    return err;
}

enum sw_err sw_key_experience_decode(struct sw_span bytes, struct sw_experience_key *ret_key)
{
    struct sw_reader in = sw_reader_of(bytes);
    struct sw_experience_key key = {0};
    enum sw_err err;

    SW_ASSERT(ret_key != NULL);
    key.slot = read_place(&in, &key.place);
    key.revision = read_u64_be(&in);
    err = sw_reader_finish(&in);
    if (err == SW_ERR_OK) {
        SW_ASSERT(key.slot < SW_SLOT_COUNT);
        *ret_key = key;
    }
    return err;
}

enum sw_err sw_key_meta_decode(struct sw_span bytes, struct sw_meta_key *ret_key)
{
    struct sw_reader in = sw_reader_of(bytes);
    struct sw_meta_key key = {0};
    enum sw_err err;

    SW_ASSERT(ret_key != NULL);
    key.group = read_group(&in);
    key.name = read_rest(&in, 1, SW_META_NAME_SIZE_MAX);
    err = sw_reader_finish(&in);
    if (err == SW_ERR_OK) {
        SW_ASSERT(key.group.value != 0);
        *ret_key = key;
    }
    return err;
}

enum sw_err sw_key_session_decode(struct sw_span bytes, struct sw_session_key *ret_key)
{
    struct sw_reader in = sw_reader_of(bytes);
    struct sw_session_key key = {0};
    enum sw_err err;

    SW_ASSERT(ret_key != NULL);
    key.group = read_group(&in);
    key.id.value = read_u64_be(&in);
    if (key.id.value == 0) {
        sw_reader_fail(&in);
    }
    err = sw_reader_finish(&in);
    if (err == SW_ERR_OK) {
        SW_ASSERT(key.group.value != 0);
        *ret_key = key;
    }
    return err;
}

enum sw_err sw_key_lease_decode(struct sw_span bytes, struct sw_lease_key *ret_key)
{
    struct sw_reader in = sw_reader_of(bytes);
    struct sw_lease_key key = {0};
    enum sw_err err;

    SW_ASSERT(ret_key != NULL);
    key.group = read_group(&in);
    key.kind = (enum sw_lease_kind)sw_read_u8_max(&in, SW_LEASE_KIND_HELD);
    if (key.kind == SW_LEASE_KIND_END) {
        key.end_ms = read_u64_be(&in);
    }
    key.lease = read_u64_be(&in);
    if (key.kind == SW_LEASE_KIND_HELD) {
        key.key = read_rest(&in, 1, SW_KEY_SIZE_MAX);
    }
    if (key.kind == 0 || key.lease == 0) {
        sw_reader_fail(&in);
    }
    err = sw_reader_finish(&in);
    if (err == SW_ERR_OK) {
        SW_ASSERT(key.group.value != 0);
        *ret_key = key;
    }
    return err;
}

enum sw_err sw_key_change_decode(struct sw_span bytes, struct sw_change_key *ret_key)
{
    struct sw_reader in = sw_reader_of(bytes);
    struct sw_change_key key = {0};
    enum sw_err err;

    SW_ASSERT(ret_key != NULL);
    key.group = read_group(&in);
    key.revision = read_u64_be(&in);
    key.number = (uint16_t)(sw_read_u8(&in) << 8);
    key.number = (uint16_t)(key.number | sw_read_u8(&in));
    if (key.revision == 0) {
        sw_reader_fail(&in);
    }
    err = sw_reader_finish(&in);
    if (err == SW_ERR_OK) {
        SW_ASSERT(key.group.value != 0);
        *ret_key = key;
    }
    return err;
}

enum sw_err sw_key_stage_decode(struct sw_span bytes, struct sw_stage_key *ret_key)
{
    struct sw_reader in = sw_reader_of(bytes);
    struct sw_stage_key key = {0};
    enum sw_err err;

    SW_ASSERT(ret_key != NULL);
    key.group = read_group(&in);
    key.table = (enum sw_table)sw_read_u8_max(&in, SW_TABLE_STAGE - 1);
    key.key = read_rest(&in, 1, SW_STORE_KEY_SIZE_MAX - SW_KEY_STAGE_HEADER_SIZE);
    err = sw_reader_finish(&in);
    if (err == SW_ERR_OK) {
        SW_ASSERT(key.table < SW_TABLE_STAGE);
        *ret_key = key;
    }
    return err;
}

/* What follows the slot is checked by whoever wrote it. */
static enum sw_err check_slot(struct sw_span bytes)
{
    struct sw_reader in = sw_reader_of(bytes);

    SW_ASSERT(bytes.data != NULL || bytes.size == 0);
    (void)sw_read_u8_max(&in, (SW_SLOT_COUNT - 1) >> 8);
    (void)sw_read_u8(&in);
    (void)read_rest(&in, 1, SW_STORE_KEY_SIZE_MAX - 2);
    return sw_reader_finish(&in);
}

static enum sw_err check_stage(struct sw_span bytes)
{
    struct sw_stage_key key;
    enum sw_err err = sw_key_stage_decode(bytes, &key);

    if (err != SW_ERR_OK) {
        return err;
    }
    SW_ASSERT(key.table != SW_TABLE_STAGE); /* hence the depth of the recursion is one */
    SW_ASSERT(key.key.size < bytes.size);
    return sw_key_check(key.table, key.key);
}

enum sw_err sw_key_check(enum sw_table table, struct sw_span bytes)
{
    struct sw_meta_key meta;
    struct sw_kv_key kv;
    struct sw_experience_key experience;
    struct sw_session_key session;
    struct sw_lease_key lease;
    struct sw_change_key change;

    switch (table) {
    case SW_TABLE_META:
        return sw_key_meta_decode(bytes, &meta);
    case SW_TABLE_KV:
    case SW_TABLE_HISTORY:
        return sw_key_kv_decode(bytes, &kv);
    case SW_TABLE_EXPERIENCE:
        return sw_key_experience_decode(bytes, &experience);
    case SW_TABLE_SESSION:
        return sw_key_session_decode(bytes, &session);
    case SW_TABLE_LEASE:
        return sw_key_lease_decode(bytes, &lease);
    case SW_TABLE_CHANGE:
        return sw_key_change_decode(bytes, &change);
    case SW_TABLE_INDEX:
        return check_slot(bytes);
    case SW_TABLE_STAGE:
        return check_stage(bytes);
    case SW_TABLE_COUNT:
        break;
    }
    return SW_ERR_MALFORMED;
}
