/* Store keys: round trips, order of bytes = order of tuples, and refusal of malformed bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/prng.h"
#include "storage/keys.h"

enum { ROUNDS = 20000 };

struct sample {
    uint8_t tenant[SW_TENANT_SIZE_MAX], name_space[SW_NAMESPACE_SIZE_MAX],
        partition[SW_PARTITION_SIZE_MAX], key[SW_KEY_SIZE_MAX];
    struct sw_place place;
    struct sw_span rest;
    uint64_t revision;
};

/* Few letters and mostly short, so that prefixes and equal parts are frequent. */
static struct sw_span random_name(struct sw_prng *prng, uint8_t *out, size_t size_max)
{
    const size_t bound = sw_prng_chance(prng, 1, 20) ? size_max : 3;
    const size_t size = (size_t)sw_prng_range(prng, 1, bound);
    static const char letters[] = " ab~";

    for (size_t i = 0; i < size; i++) {
        out[i] = (uint8_t)letters[sw_prng_below(prng, 4)];
    }
    return sw_span_of(out, size);
}

static void random_sample(struct sw_prng *prng, struct sample *out)
{
    const size_t bound = sw_prng_chance(prng, 1, 20) ? SW_KEY_SIZE_MAX : 3;
    const size_t size = (size_t)sw_prng_range(prng, 0, bound);

    out->place.tenant = random_name(prng, out->tenant, sizeof(out->tenant));
    out->place.name_space = random_name(prng, out->name_space, sizeof(out->name_space));
    out->place.partition = random_name(prng, out->partition, sizeof(out->partition));
    for (size_t i = 0; i < size; i++) {
        const uint8_t bytes[] = {0x00, 0x01, 'a', 0xff};

        out->key[i] = bytes[sw_prng_below(prng, 4)];
    }
    out->rest = sw_span_of(out->key, size);
    out->revision = sw_prng_chance(prng, 1, 2) ? sw_prng_below(prng, 4) : sw_prng_next(prng);
}

static int sign(int value)
{
    return (value > 0) - (value < 0);
}

static int place_compare(const struct sample *a, const struct sample *b)
{
    const int slot = (int)sw_place_slot(&a->place) - (int)sw_place_slot(&b->place);
    int order = sign(slot);

    order = order != 0 ? order : sw_span_compare(a->place.tenant, b->place.tenant);
    order = order != 0 ? order : sw_span_compare(a->place.name_space, b->place.name_space);
    order = order != 0 ? order : sw_span_compare(a->place.partition, b->place.partition);
    return sign(order);
}

static void kv_round_trip_and_order(void **state)
{
    struct sw_prng prng = sw_prng_of(1);
    struct sample samples[2];
    struct sw_key keys[2];
    struct sw_kv_key decoded;

    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct sample *a = &samples[round % 2];
        const struct sample *b = &samples[(round + 1) % 2];
        int order;

        random_sample(&prng, a);
        sw_key_kv(&a->place, a->rest, &keys[round % 2]);
        assert_int_equal(sw_key_kv_decode(sw_key_span(&keys[round % 2]), &decoded), SW_ERR_OK);
        assert_true(sw_span_equal(decoded.place.tenant, a->place.tenant));
        assert_true(sw_span_equal(decoded.place.name_space, a->place.name_space));
        assert_true(sw_span_equal(decoded.place.partition, a->place.partition));
        assert_true(sw_span_equal(decoded.key, a->rest));
        assert_int_equal(decoded.slot, sw_place_slot(&a->place));
        if (round == 0) {
            continue;
        }
        order = place_compare(a, b);
        order = order != 0 ? order : sign(sw_span_compare(a->rest, b->rest));
        assert_int_equal(sign(sw_span_compare(sw_key_span(&keys[round % 2]),
                                              sw_key_span(&keys[(round + 1) % 2]))),
                         order);
    }
}

static void experience_round_trip_and_order(void **state)
{
    struct sw_prng prng = sw_prng_of(2);
    struct sample samples[2];
    struct sw_key keys[2];
    struct sw_experience_key decoded;

    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct sample *a = &samples[round % 2];
        const struct sample *b = &samples[(round + 1) % 2];
        int order;

        random_sample(&prng, a);
        sw_key_experience(&a->place, a->revision, &keys[round % 2]);
        assert_int_equal(sw_key_experience_decode(sw_key_span(&keys[round % 2]), &decoded),
                         SW_ERR_OK);
        assert_true(decoded.revision == a->revision);
        assert_true(sw_span_equal(decoded.place.partition, a->place.partition));
        if (round == 0) {
            continue;
        }
        order = place_compare(a, b);
        order = order != 0 ? order : (a->revision > b->revision) - (a->revision < b->revision);
        assert_int_equal(sign(sw_span_compare(sw_key_span(&keys[round % 2]),
                                              sw_key_span(&keys[(round + 1) % 2]))),
                         order);
    }
}

/* Everything that decodes re-encodes to the same bytes; most mutations do not decode. */
static void mutated_keys_do_not_decode_to_others(void **state)
{
    struct sw_prng prng = sw_prng_of(3);
    struct sample sample;
    struct sw_key key;
    struct sw_key again;
    struct sw_kv_key decoded;
    int refused = 0;

    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        random_sample(&prng, &sample);
        sw_key_kv(&sample.place, sample.rest, &key);
        if (sw_prng_chance(&prng, 1, 3)) {
            key.size = (size_t)sw_prng_below(&prng, key.size + 1);
        } else {
            key.data[sw_prng_below(&prng, key.size)] ^= (uint8_t)(1U << sw_prng_below(&prng, 8));
        }
        if (sw_key_kv_decode(sw_key_span(&key), &decoded) != SW_ERR_OK) {
            refused++;
            continue;
        }
        sw_key_kv(&decoded.place, decoded.key, &again);
        assert_true(sw_span_equal(sw_key_span(&again), sw_key_span(&key)));
    }
    assert_true(refused > ROUNDS / 2);
}

static void a_wrong_slot_is_malformed(void **state)
{
    const struct sw_place place = {sw_span_str("t"), sw_span_str("n"), sw_span_str("p")};
    struct sw_key key;
    struct sw_kv_key kv;
    struct sw_experience_key experience;

    (void)state;
    sw_key_kv(&place, sw_span_str("k"), &key);
    key.data[1] ^= 1;
    assert_int_equal(sw_key_kv_decode(sw_key_span(&key), &kv), SW_ERR_MALFORMED);
    sw_key_experience(&place, 7, &key);
    key.data[0] ^= 1;
    assert_int_equal(sw_key_experience_decode(sw_key_span(&key), &experience), SW_ERR_MALFORMED);
}

/* The bytes are a format on disk and on the wire: written down once, never changed. */
static void the_bytes_are_these(void **state)
{
    const struct sw_place place = {sw_span_str("t"), sw_span_str("ns"), sw_span_str("p")};
    static const uint8_t kv[] = {0x20, 0x22, 't', 0, 'n', 's', 0, 'p', 0, 'k'};
    static const uint8_t session[] = {0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 1, 2};
    static const uint8_t stage[] = {0, 0, 1, 2, 1, 'k'};
    struct sw_key key;

    (void)state;
    sw_key_kv(&place, sw_span_str("k"), &key);
    assert_int_equal(key.size, sizeof(kv));
    assert_memory_equal(key.data, kv, sizeof(kv));
    sw_key_session((struct sw_group_id){9}, (struct sw_session_id){0x102}, &key);
    assert_int_equal(key.size, sizeof(session));
    assert_memory_equal(key.data, session, sizeof(session));
    sw_key_stage((struct sw_group_id){0x102}, SW_TABLE_KV, sw_span_str("k"), &key);
    assert_int_equal(key.size, sizeof(stage));
    assert_memory_equal(key.data, stage, sizeof(stage));
}

static void group_keys_round_trip(void **state)
{
    struct sw_prng prng = sw_prng_of(4);
    struct sw_key key;
    struct sw_key inner;
    struct sw_key prefix;
    struct sw_meta_key meta;
    struct sw_session_key session;
    struct sw_stage_key stage;
    struct sample sample;

    (void)state;
    for (int round = 0; round < 1000; round++) {
        const struct sw_group_id group = {(uint32_t)sw_prng_range(&prng, 1, UINT32_MAX)};
        const struct sw_session_id id = {sw_prng_range(&prng, 1, UINT64_MAX)};

        random_sample(&prng, &sample);
        sw_key_group(group, &prefix);
        sw_key_meta(group, sample.place.tenant, &key);
        assert_true(sw_key_has_prefix(sw_key_span(&key), sw_key_span(&prefix)));
        assert_int_equal(sw_key_meta_decode(sw_key_span(&key), &meta), SW_ERR_OK);
        assert_int_equal(meta.group.value, group.value);
        assert_true(sw_span_equal(meta.name, sample.place.tenant));
        sw_key_session(group, id, &key);
        assert_int_equal(sw_key_session_decode(sw_key_span(&key), &session), SW_ERR_OK);
        assert_int_equal(session.group.value, group.value);
        assert_true(session.id.value == id.value);
        sw_key_kv(&sample.place, sample.rest, &inner);
        sw_key_stage(group, SW_TABLE_KV, sw_key_span(&inner), &key);
        assert_int_equal(sw_key_stage_decode(sw_key_span(&key), &stage), SW_ERR_OK);
        assert_int_equal(stage.table, SW_TABLE_KV);
        assert_true(sw_span_equal(stage.key, sw_key_span(&inner)));
        assert_int_equal(sw_key_check(SW_TABLE_STAGE, sw_key_span(&key)), SW_ERR_OK);
    }
}

static void lease_and_change_keys_round_trip_and_order(void **state)
{
    const struct sw_group_id group = {7};
    struct sw_lease_key lease;
    struct sw_change_key change;
    struct sw_key key, later;

    (void)state;
    sw_key_lease(group, 258, &key);
    assert_int_equal(sw_key_lease_decode(sw_key_span(&key), &lease), SW_ERR_OK);
    assert_int_equal(lease.kind, SW_LEASE_KIND_LEASE);
    assert_int_equal(lease.lease, 258);
    sw_key_lease_end(group, 255, 9, &key);
    assert_int_equal(sw_key_lease_decode(sw_key_span(&key), &lease), SW_ERR_OK);
    assert_int_equal(lease.end_ms, 255);
    assert_int_equal(lease.lease, 9);
    sw_key_lease_end(group, 256, 1, &later);
    assert_true(sw_span_compare(sw_key_span(&key), sw_key_span(&later)) < 0);
    sw_key_lease_held(group, 9, sw_span_str("k"), &key);
    assert_int_equal(sw_key_lease_decode(sw_key_span(&key), &lease), SW_ERR_OK);
    assert_int_equal(lease.kind, SW_LEASE_KIND_HELD);
    assert_true(sw_span_equal(lease.key, sw_span_str("k")));
    sw_key_change(group, 255, 0x102, &key);
    assert_int_equal(sw_key_change_decode(sw_key_span(&key), &change), SW_ERR_OK);
    assert_int_equal(change.revision, 255);
    assert_int_equal(change.number, 0x102);
    sw_key_change(group, 256, 0, &later);
    assert_true(sw_span_compare(sw_key_span(&key), sw_key_span(&later)) < 0);
}

static void malformed_lease_and_change_keys_are_refused(void **state)
{
    static const uint8_t kind_0[] = {0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    static const uint8_t kind_4[] = {0, 0, 0, 1, 4, 0, 0, 0, 0, 0, 0, 0, 1};
    static const uint8_t lease_0[] = {0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0};
    static const uint8_t longer[] = {0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1};
    static const uint8_t no_key[] = {0, 0, 0, 1, 3, 0, 0, 0, 0, 0, 0, 0, 1};
    static const uint8_t revision_0[] = {0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};

    (void)state;
    assert_int_equal(sw_key_check(SW_TABLE_LEASE, sw_span_of(kind_0, 13)), SW_ERR_MALFORMED);
    assert_int_equal(sw_key_check(SW_TABLE_LEASE, sw_span_of(kind_4, 13)), SW_ERR_MALFORMED);
    assert_int_equal(sw_key_check(SW_TABLE_LEASE, sw_span_of(lease_0, 13)), SW_ERR_MALFORMED);
    assert_int_equal(sw_key_check(SW_TABLE_LEASE, sw_span_of(longer, 14)), SW_ERR_MALFORMED);
    assert_int_equal(sw_key_check(SW_TABLE_LEASE, sw_span_of(longer, 13)), SW_ERR_OK);
    assert_int_equal(sw_key_check(SW_TABLE_LEASE, sw_span_of(no_key, 13)), SW_ERR_MALFORMED);
    assert_int_equal(sw_key_check(SW_TABLE_CHANGE, sw_span_of(revision_0, 14)), SW_ERR_MALFORMED);
    assert_int_equal(sw_key_check(SW_TABLE_CHANGE, sw_span_of(kind_4, 13)), SW_ERR_MALFORMED);
}

static void malformed_group_keys_are_refused(void **state)
{
    static const uint8_t zero_group[] = {0, 0, 0, 0, 'a'};
    static const uint8_t no_name[] = {0, 0, 0, 1};
    static const uint8_t short_id[] = {0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1};
    static const uint8_t zero_id[] = {0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0};
    static const uint8_t stage_in_stage[] = {0, 0, 0, 1, SW_TABLE_STAGE, 'a'};
    static const uint8_t bad_inner[] = {0, 0, 0, 1, SW_TABLE_KV, 'a'};
    const struct sw_span empty = {0};

    (void)state;
    assert_int_equal(sw_key_check(SW_TABLE_META, sw_span_of(zero_group, 5)), SW_ERR_MALFORMED);
    assert_int_equal(sw_key_check(SW_TABLE_META, sw_span_of(no_name, 4)), SW_ERR_MALFORMED);
    assert_int_equal(sw_key_check(SW_TABLE_SESSION, sw_span_of(short_id, 11)), SW_ERR_MALFORMED);
    assert_int_equal(sw_key_check(SW_TABLE_SESSION, sw_span_of(zero_id, 12)), SW_ERR_MALFORMED);
    assert_int_equal(sw_key_check(SW_TABLE_STAGE, sw_span_of(stage_in_stage, 6)), SW_ERR_MALFORMED);
    assert_int_equal(sw_key_check(SW_TABLE_STAGE, sw_span_of(bad_inner, 6)), SW_ERR_MALFORMED);
    for (int table = 0; table <= SW_TABLE_COUNT; table++) {
        assert_int_equal(sw_key_check((enum sw_table)table, empty), SW_ERR_MALFORMED);
    }
}

static void upper_bound_is_the_least_above_the_prefix(void **state)
{
    struct sw_prng prng = sw_prng_of(5);
    struct sw_key upper;
    uint8_t bytes[8];

    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        const size_t size = (size_t)sw_prng_range(&prng, 0, sizeof(bytes));
        const size_t prefix_size = (size_t)sw_prng_range(&prng, 0, size);
        uint8_t prefix[8];

        for (size_t i = 0; i < sizeof(bytes); i++) {
            bytes[i] = (uint8_t)(0xfd + sw_prng_below(&prng, 3));
            prefix[i] = (uint8_t)(0xfd + sw_prng_below(&prng, 3));
        }
        if (!sw_key_upper(sw_span_of(prefix, prefix_size), &upper)) {
            for (size_t i = 0; i < prefix_size; i++) {
                assert_int_equal(prefix[i], 0xff);
            }
            continue;
        }
        if (sw_key_has_prefix(sw_span_of(bytes, size), sw_span_of(prefix, prefix_size)) ||
            sw_span_compare(sw_span_of(bytes, size), sw_span_of(prefix, prefix_size)) < 0) {
            assert_true(sw_span_compare(sw_span_of(bytes, size), sw_key_span(&upper)) < 0);
        } else {
            assert_true(sw_span_compare(sw_span_of(bytes, size), sw_key_span(&upper)) >= 0);
        }
    }
}

static void prefixes_hold_exactly_their_records(void **state)
{
    struct sw_prng prng = sw_prng_of(6);
    struct sample a;
    struct sample b;
    struct sw_key key;
    struct sw_key prefix;

    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        random_sample(&prng, &a);
        random_sample(&prng, &b);
        sw_key_kv(&a.place, a.rest, &key);
        sw_key_partition(&b.place, &prefix);
        assert_int_equal(sw_key_has_prefix(sw_key_span(&key), sw_key_span(&prefix)),
                         place_compare(&a, &b) == 0);
        sw_key_slot(sw_place_slot(&b.place), &prefix);
        assert_int_equal(sw_key_has_prefix(sw_key_span(&key), sw_key_span(&prefix)),
                         sw_place_slot(&a.place) == sw_place_slot(&b.place));
    }
}

static void names_are_bounded_printable_ascii(void **state)
{
    uint8_t name[SW_TENANT_SIZE_MAX + 1];

    (void)state;
    memset(name, 'a', sizeof(name));
    assert_true(sw_key_name_validate(sw_span_of(name, SW_TENANT_SIZE_MAX), SW_TENANT_SIZE_MAX));
    assert_false(sw_key_name_validate(sw_span_of(name, sizeof(name)), SW_TENANT_SIZE_MAX));
    assert_false(sw_key_name_validate(sw_span_of(name, 0), SW_TENANT_SIZE_MAX));
    for (int byte = 0; byte < 256; byte++) {
        name[1] = (uint8_t)byte;
        assert_int_equal(sw_key_name_validate(sw_span_of(name, 3), SW_TENANT_SIZE_MAX),
                         byte >= 0x20 && byte <= 0x7e);
    }
}

/* The longest of everything still is a key of the store, staged too. */
static void the_longest_key_fits(void **state)
{
    static uint8_t letters[SW_KEY_SIZE_MAX];
    struct sw_place place;
    struct sw_key key;
    struct sw_key staged;

    (void)state;
    memset(letters, 'z', sizeof(letters));
    place.tenant = sw_span_of(letters, SW_TENANT_SIZE_MAX);
    place.name_space = sw_span_of(letters, SW_NAMESPACE_SIZE_MAX);
    place.partition = sw_span_of(letters, SW_PARTITION_SIZE_MAX);
    sw_key_kv(&place, sw_span_of(letters, SW_KEY_SIZE_MAX), &key);
    sw_key_stage((struct sw_group_id){1}, SW_TABLE_KV, sw_key_span(&key), &staged);
    assert_true(staged.size <= SW_STORE_KEY_SIZE_MAX);
    assert_int_equal(sw_key_check(SW_TABLE_STAGE, sw_key_span(&staged)), SW_ERR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kv_round_trip_and_order),
        cmocka_unit_test(experience_round_trip_and_order),
        cmocka_unit_test(mutated_keys_do_not_decode_to_others),
        cmocka_unit_test(a_wrong_slot_is_malformed),
        cmocka_unit_test(the_bytes_are_these),
        cmocka_unit_test(group_keys_round_trip),
        cmocka_unit_test(lease_and_change_keys_round_trip_and_order),
        cmocka_unit_test(malformed_lease_and_change_keys_are_refused),
        cmocka_unit_test(malformed_group_keys_are_refused),
        cmocka_unit_test(upper_bound_is_the_least_above_the_prefix),
        cmocka_unit_test(prefixes_hold_exactly_their_records),
        cmocka_unit_test(names_are_bounded_printable_ascii),
        cmocka_unit_test(the_longest_key_fits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
