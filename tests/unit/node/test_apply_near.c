/* Vectors that go are kept with their changes from the first entry of format 4 on, also where a
 * namespace counts its changes by itself, and go with them. */
#include "node/history.h"
#include "node/retention.h"
#include "node/vectors_private.h"
#include "tests/unit/node/vector_kit.h"

/* One entry as a program of that format proposed it. */
static void apply_as(struct kit *kit, uint8_t format, struct sw_request request)
{
    sw_entry_begin(&kit->entry, 5);
    kit_entry_add(&kit->entry, &request);
    kit->entry.data[0] = format;
    assert_int_equal(kit_apply_body(kit, sw_buf_span(&kit->entry)), SW_ERR_OK);
    assert_int_equal(kit->results[0].err, SW_ERR_OK);
}

static void put(struct kit *kit, uint8_t format, const char *key, uint64_t number)
{
    const struct kit_vector vector = kit_vector_of(number);
    const struct sw_vector_item item = kit_item("facts", &vector, "content");

    apply_as(kit, format, kit_vector_put(key, &item));
}

/* Records of lost entries. */
static uint32_t lost_count(struct kit *kit)
{
    struct sw_store_record record;
    struct sw_key prefix;
    uint32_t count = 0;
    enum sw_err err;

    sw_vectors_lost_key(kit->state.vectors.all[0], 0, &prefix);
    err = kit->store->ops->seek(kit->store, SW_TABLE_INDEX, sw_key_span(&prefix), false, &record);
    while (err == SW_ERR_OK && sw_key_has_prefix(record.key, sw_key_span(&prefix))) {
        count++;
        err = kit->store->ops->next(kit->store, SW_TABLE_INDEX, false, &record);
    }
    return count;
}

/* The bytes of all changes that are kept, as they lie there. */
static uint64_t size_of_changes(struct kit *kit)
{
    struct sw_store_record record;
    uint64_t size = 0;
    enum sw_err err =
        kit->store->ops->seek(kit->store, SW_TABLE_CHANGE, sw_span_of(NULL, 0), false, &record);

    while (err == SW_ERR_OK) {
        size += record.value.size;
        err = kit->store->ops->next(kit->store, SW_TABLE_CHANGE, false, &record);
    }
    return size;
}

static void older_entries_keep_nothing(void **state)
{
    struct kit kit = kit_open();

    (void)state;
    apply_as(&kit, SW_ENTRY_FORMAT_AUTHORS, kit_index_create("facts", KIT_DIM));
    put(&kit, SW_ENTRY_FORMAT_AUTHORS, "a", 1);
    put(&kit, SW_ENTRY_FORMAT_AUTHORS, "a", 2);
    assert_int_equal(lost_count(&kit), 0);
    assert_false(kit.state.vectors.all[0]->profile.stored);
    put(&kit, SW_ENTRY_FORMAT_MEMORIES, "a", 3);
    assert_int_equal(lost_count(&kit), 1);
    assert_int_equal(kit.state.vectors.all[0]->profile.kept_from, 3);
    kit_commit(&kit);
    kit_restart(&kit);
    assert_true(kit.state.vectors.all[0]->profile.stored);
    assert_int_equal(kit.state.vectors.all[0]->profile.kept_from, 3);
    put(&kit, SW_ENTRY_FORMAT_MEMORIES, "a", 4);
    assert_int_equal(lost_count(&kit), 2);
    assert_int_equal(kit.state.change_size, size_of_changes(&kit));
    kit_close(&kit);
}

static void a_namespace_with_its_own_retention_counts_them(void **state)
{
    struct sw_setting setting = {.kind = SW_SETTING_RETENTION, .name = "acme prod"};
    struct kit kit = kit_open();
    struct sw_retention_row row;
    const struct sw_place place = {.tenant = sw_span_str("acme"),
                                   .name_space = sw_span_str("prod"),
                                   .partition = sw_span_str("agents")};

    (void)state;
    setting.retention = (struct sw_retention){.keep_last = 3};
    sw_settings_set(&kit.state.settings, &setting);
    apply_as(&kit, SW_ENTRY_FORMAT, kit_index_create("facts", KIT_DIM));
    for (uint64_t i = 0; i < 20; i++) {
        put(&kit, SW_ENTRY_FORMAT, "a", i);
        apply_as(&kit, SW_ENTRY_FORMAT, kit_delete("a"));
    }
    assert_int_equal(sw_retention_row_get(kit.store, kit.state.group, &place, &row), SW_ERR_OK);
    assert_int_equal(row.count, 3);
    assert_int_equal(row.size, size_of_changes(&kit));
    assert_int_equal(lost_count(&kit), 2); /* of three changes, two are deletes */
    assert_int_equal(kit.state.change_size, 0);
    kit_close(&kit);
}

/* A key of several indexes loses all of its vectors by one change. */
static void a_change_keeps_those_of_all_indexes(void **state)
{
    const struct kit_vector vector = kit_vector_of(5);
    struct sw_vector_item item = kit_item("others", &vector, "content");
    struct kit kit = kit_open();
    struct sw_change_record change;
    uint32_t count = 0;
    struct sw_reader in;

    (void)state;
    apply_as(&kit, SW_ENTRY_FORMAT, kit_index_create("facts", KIT_DIM));
    apply_as(&kit, SW_ENTRY_FORMAT, kit_index_create("others", KIT_DIM));
    put(&kit, SW_ENTRY_FORMAT, "a", 1);
    apply_as(&kit, SW_ENTRY_FORMAT, kit_vector_put("a", &item));
    apply_as(&kit, SW_ENTRY_FORMAT, kit_delete("a"));
    assert_int_equal(sw_history_change(kit.store,
                                       kit.state.group,
                                       (struct sw_change_at){.revision = kit.state.revision},
                                       &change),
                     SW_ERR_OK);
    assert_true(change.deleted);
    assert_true(change.before.version == 2);
    in = sw_reader_of(change.vectors);
    while (sw_reader_left(&in) > 0) {
        struct sw_change_vector lost;

        sw_change_vector_read(&in, &lost);
        assert_false(in.failed);
        assert_int_equal(lost.number, kit.state.vectors.all[count]->number);
        count++;
    }
    assert_int_equal(count, 2);
    kit_close(&kit);
}

/* What leads to the changes of a dropped index goes with the index; its changes go when they go. */
static void a_dropped_index_leaves_nothing(void **state)
{
    struct kit kit = kit_open();
    struct sw_request request = kit_request(SW_OP_INDEX_DROP);
    struct sw_store_record record;

    (void)state;
    apply_as(&kit, SW_ENTRY_FORMAT, kit_index_create("facts", KIT_DIM));
    for (uint64_t i = 0; i < 5; i++) {
        put(&kit, SW_ENTRY_FORMAT, "a", i);
    }
    request.key = sw_span_str("facts");
    apply_as(&kit, SW_ENTRY_FORMAT, request);
    while (kit.state.vectors.count > 0) {
        apply_as(&kit, SW_ENTRY_FORMAT, kit_put("b", "x"));
    }
    assert_int_equal(
        kit.store->ops->seek(kit.store, SW_TABLE_INDEX, sw_span_of(NULL, 0), false, &record),
        SW_ERR_NOT_FOUND);
    request = kit_request(SW_OP_COMPACT);
    request.tenant = request.name_space = request.partition = sw_span_of(NULL, 0);
    request.expected = kit.state.revision;
    apply_as(&kit, SW_ENTRY_FORMAT, request);
    assert_int_equal(kit.state.change_count, 0);
    assert_int_equal(kit.state.change_size, 0);
    kit_close(&kit);
}

static int release(void **state)
{
    (void)state;
    sw_buf_release(&kit_value);
    return 0;
}

/* A namespace that may keep less than one change lets it go at once, and the vector with it. */
static void what_has_no_room_keeps_no_vector(void **state)
{
    struct kit kit = kit_open();
    struct sw_setting setting = {.kind = SW_SETTING_RETENTION, .name = "acme prod"};

    (void)state;
    setting.retention = (struct sw_retention){.max_bytes = 1};
    sw_settings_set(&kit.state.settings, &setting);
    apply_as(&kit, SW_ENTRY_FORMAT, kit_index_create("facts", KIT_DIM));
    put(&kit, SW_ENTRY_FORMAT, "a", 1);
    put(&kit, SW_ENTRY_FORMAT, "a", 2);
    apply_as(&kit, SW_ENTRY_FORMAT, kit_delete("a"));
    assert_int_equal(lost_count(&kit), 0);
    kit_close(&kit);
}

/* Changes made while the setting was away are like all others: reads of the past say so. */
static void what_went_without_its_setting_is_compacted(void **state)
{
    struct kit kit = kit_open();
    const struct sw_request at = kit_request(SW_OP_GET);
    const struct sw_history_name name = {
        .place = {.tenant = at.tenant, .name_space = at.name_space, .partition = at.partition},
        .key = sw_span_str("a")};
    struct sw_setting setting = {.kind = SW_SETTING_RETENTION, .name = "acme prod"};
    struct sw_request compact = {.op = SW_OP_COMPACT, .expected = 3};
    enum sw_err answer = SW_ERR_OK;
    struct sw_version version;

    (void)state;
    setting.retention = (struct sw_retention){.keep_last = 100};
    sw_settings_set(&kit.state.settings, &setting);
    apply_as(&kit, SW_ENTRY_FORMAT, kit_put("a", "1"));
    sw_settings_release(&kit.state.settings);
    apply_as(&kit, SW_ENTRY_FORMAT, kit_put("a", "2"));
    apply_as(&kit, SW_ENTRY_FORMAT, kit_put("a", "3"));
    apply_as(&kit, SW_ENTRY_FORMAT, compact);
    sw_settings_set(&kit.state.settings, &setting);
    assert_int_equal(sw_history_version(&kit.state, kit.store, &name, 2, &version, &answer),
                     SW_ERR_OK);
    assert_int_equal(answer, SW_ERR_COMPACTED);
    kit_close(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(older_entries_keep_nothing),
        cmocka_unit_test(a_namespace_with_its_own_retention_counts_them),
        cmocka_unit_test(what_has_no_room_keeps_no_vector),
        cmocka_unit_test(what_went_without_its_setting_is_compacted),
        cmocka_unit_test(a_change_keeps_those_of_all_indexes),
        cmocka_unit_test(a_dropped_index_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, release);
}
