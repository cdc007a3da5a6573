/* Heads of keys, and the way from there to a revision: always the right change, in few steps. */
#include "node/history.h"
#include "tests/unit/node/state_kit.h"

static const struct sw_place place = {
    .tenant = {(const uint8_t *)"acme", 4},
    .name_space = {(const uint8_t *)"prod", 4},
    .partition = {(const uint8_t *)"agents", 6},
};

static void heads_survive_the_codec(void **unused)
{
    struct sw_history_head head = {.serial = 2, .level_count = 2};
    struct sw_history_head got;
    struct sw_buf out = {0};

    (void)unused;
    head.newest[0] = (struct sw_change_at){.revision = 7, .number = 1};
    head.newest[1] = (struct sw_change_at){.revision = 4};
    sw_history_record_encode(&head, &out);
    assert_int_equal(sw_history_record_decode(sw_buf_span(&out), &got), SW_ERR_OK);
    assert_int_equal(got.serial, 2);
    assert_int_equal(got.level_count, 2);
    assert_int_equal(got.newest[0].revision, 7);
    assert_int_equal(got.newest[0].number, 1);
    assert_int_equal(got.newest[1].revision, 4);
    for (size_t size = 0; size < out.size; size++) {
        assert_int_equal(sw_history_record_decode(sw_span_of(out.data, size), &got),
                         SW_ERR_CORRUPT);
    }
    sw_write_u8(&out, 0);
    assert_int_equal(sw_history_record_decode(sw_buf_span(&out), &got), SW_ERR_CORRUPT);
    out.data[0] = SW_HISTORY_FORMAT + 1;
    assert_int_equal(sw_history_record_decode(sw_buf_span(&out), &got), SW_ERR_NEWER_FORMAT);
    sw_buf_release(&out);
}

/* A change whose serial 2^k divides knows the last one before it of each smaller power. */
static void ways_back_go_by_powers_of_two(void **unused)
{
    struct sw_history_head head = {0};

    (void)unused;
    for (uint64_t serial = 1; serial <= 64; serial++) {
        struct sw_change_record change = {0};

        sw_history_head_add(&head, (struct sw_change_at){.revision = 10 * serial}, &change);
        assert_int_equal(change.serial, serial);
        for (uint32_t level = 0; level < change.back_count; level++) {
            const uint64_t step = UINT64_C(1) << level;

            assert_int_equal(serial % step, 0);
            assert_int_equal(change.back[level].revision, 10 * (serial - step));
        }
        assert_int_equal(head.newest[0].revision, 10 * serial);
    }
    assert_int_equal(head.level_count, 7);
    assert_int_equal(head.newest[6].revision, 640);
}

/* Revision 2n + 1 is the n-th put of "k", with another key's between. */
static struct kit kit_with_changes(int count)
{
    struct kit kit = kit_open();

    for (int i = 0; i < count; i++) {
        (void)kit_run(&kit, 1, kit_put("k", "v"));
        (void)kit_run(&kit, 1, kit_put("other", "v"));
    }
    return kit;
}

static struct sw_history_head head_of(struct kit *kit, const struct sw_history_name *name)
{
    struct sw_history_head head;
    struct sw_version version;
    struct sw_key key;

    sw_key_kv(&name->place, name->key, &key);
    assert_int_equal(sw_history_present(kit->store, &key, &version, &head), SW_ERR_OK);
    return head;
}

static void the_oldest_change_above_a_revision_is_found(void **unused)
{
    const struct sw_history_name name = {.place = place, .key = sw_span_str("k")};
    struct kit kit = kit_with_changes(100);
    const struct sw_history_head head = head_of(&kit, &name);
    struct sw_change_record change;
    struct sw_change_at at;

    (void)unused;
    for (uint64_t revision = 0; revision <= 200; revision++) {
        const uint64_t next = revision + (revision % 2 == 0 ? 1 : 2);

        assert_int_equal(
            sw_history_find(kit.store, kit_group, &name, &head, revision, &at, &change), SW_ERR_OK);
        assert_int_equal(at.revision, next < 200 ? next : 0);
        if (at.revision > 1) {
            assert_int_equal(change.before.mod_revision, at.revision - 2);
        }
    }
    kit_close(&kit);
}

/* What the store says may be wrong: a way back that does not lead back is damage, not a circle. */
static void a_circle_is_damage(void **unused)
{
    const struct sw_history_name name = {.place = place, .key = sw_span_str("k")};
    struct kit kit = kit_with_changes(3);
    const struct sw_history_head head = head_of(&kit, &name);
    struct sw_change_record change;
    struct sw_change_at at;
    struct sw_buf bytes = {0};
    struct sw_key key;

    (void)unused;
    assert_int_equal(sw_history_change(kit.store, kit_group, (struct sw_change_at){3, 0}, &change),
                     SW_ERR_OK);
    change.back[0].revision = 3;
    sw_change_record_encode(&change, &bytes);
    sw_key_change(kit_group, 3, 0, &key);
    assert_int_equal(
        kit.store->ops->put(kit.store, SW_TABLE_CHANGE, sw_key_span(&key), sw_buf_span(&bytes)),
        SW_ERR_OK);
    assert_int_equal(sw_history_find(kit.store, kit_group, &name, &head, 0, &at, &change),
                     SW_ERR_CORRUPT);
    sw_buf_release(&bytes);
    kit_close(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads_survive_the_codec),
        cmocka_unit_test(ways_back_go_by_powers_of_two),
        cmocka_unit_test(the_oldest_change_above_a_revision_is_found),
        cmocka_unit_test(a_circle_is_damage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
