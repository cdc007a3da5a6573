/* The table of settings: order, lookup by place, copies, and loading from records. */
#include "node/settings.h"
#include "tests/unit/node/state_kit.h"

static struct sw_setting parsed(enum sw_setting_kind kind, const char *name, const char *text)
{
    struct sw_setting setting;
    char why[SW_WHY_SIZE];

    assert_int_equal(sw_setting_parse(kind, sw_span_str(name), sw_span_str(text), &setting, why),
                     SW_ERR_OK);
    return setting;
}

static void
set(struct sw_settings *settings, enum sw_setting_kind kind, const char *name, const char *text)
{
    const struct sw_setting setting = parsed(kind, name, text);

    sw_settings_set(settings, &setting);
}

static void fill(struct sw_settings *settings)
{
    set(settings, SW_SETTING_TENANT, "b", "");
    set(settings, SW_SETTING_QUOTA, "b notes", "keys=2");
    set(settings, SW_SETTING_TENANT, "a", "");
    set(settings, SW_SETTING_QUOTA, "b", "keys=1");
    set(settings, SW_SETTING_QUOTA, "b!", "keys=9");
}

static void the_nearest_setting_of_a_place_counts(void **state)
{
    const struct sw_span tenant = sw_span_str("b");
    struct sw_settings settings = {0};
    const struct sw_setting *found;

    (void)state;
    fill(&settings);
    found = sw_settings_of_place(&settings, SW_SETTING_QUOTA, tenant, sw_span_str("notes"));
    assert_int_equal(found->quota.keys, 2);
    found = sw_settings_of_place(&settings, SW_SETTING_QUOTA, tenant, sw_span_str("note"));
    assert_int_equal(found->quota.keys, 1);
    assert_null(
        sw_settings_of_place(&settings, SW_SETTING_RETENTION, tenant, sw_span_str("notes")));
    assert_null(
        sw_settings_of_place(&settings, SW_SETTING_QUOTA, sw_span_str("a"), sw_span_str("notes")));
    sw_settings_release(&settings);
}

static void rows_of_a_kind_stand_together_in_order(void **state)
{
    struct sw_settings settings = {0};
    const struct sw_setting *rows;
    uint32_t count;

    (void)state;
    fill(&settings);
    rows = sw_settings_of_kind(&settings, SW_SETTING_TENANT, &count);
    assert_int_equal(count, 2);
    assert_string_equal(rows[0].name, "a");
    assert_string_equal(rows[1].name, "b");
    assert_null(sw_settings_of_kind(&settings, SW_SETTING_TOKEN, &count));
    assert_int_equal(count, 0);
    assert_int_equal(sw_settings_count(&settings, SW_SETTING_QUOTA), 3);
    sw_settings_release(&settings);
}

static void setting_again_replaces_and_unsetting_removes(void **state)
{
    struct sw_settings settings = {0};

    (void)state;
    fill(&settings);
    set(&settings, SW_SETTING_QUOTA, "b", "keys=7");
    assert_int_equal(settings.count, 5);
    assert_int_equal(sw_settings_find(&settings, SW_SETTING_QUOTA, sw_span_str("b"))->quota.keys,
                     7);
    settings.changed = false;
    sw_settings_unset(&settings, SW_SETTING_QUOTA, sw_span_str("none"));
    assert_false(settings.changed);
    sw_settings_unset(&settings, SW_SETTING_QUOTA, sw_span_str("b"));
    assert_true(settings.changed);
    assert_null(sw_settings_find(&settings, SW_SETTING_QUOTA, sw_span_str("b")));
    assert_non_null(sw_settings_find(&settings, SW_SETTING_TENANT, sw_span_str("b")));
    sw_settings_release(&settings);
}

static void a_copy_stands_alone(void **state)
{
    struct sw_settings settings = {0};
    struct sw_settings copy = {0};

    (void)state;
    fill(&settings);
    sw_settings_copy(&settings, &copy);
    sw_settings_release(&settings);
    assert_int_equal(copy.count, 5);
    assert_non_null(sw_settings_find(&copy, SW_SETTING_TENANT, sw_span_str("a")));
    sw_settings_copy(&settings, &copy);
    assert_int_equal(copy.count, 0);
    sw_settings_release(&copy);
}

static void a_record_that_is_no_setting_does_not_load(void **state)
{
    const struct sw_place place = sw_settings_place(SW_SETTING_TENANT);
    struct kit kit = kit_open();
    struct sw_settings settings = {0};
    struct sw_buf record = {0};
    struct sw_key key;

    (void)state;
    sw_write_u8(&record, SW_KV_FORMAT);
    for (int i = 0; i < 4; i++) {
        sw_write_u64(&record, 1);
    }
    sw_write_bytes(&record, sw_span_str("keys=1"));
    sw_key_kv(&place, sw_span_str("acme"), &key);
    assert_int_equal(
        kit.store->ops->put(kit.store, SW_TABLE_KV, sw_key_span(&key), sw_buf_span(&record)),
        SW_ERR_OK);
    assert_int_equal(sw_settings_load(&settings, kit.store), SW_ERR_CORRUPT);
    sw_settings_release(&settings);
    sw_buf_release(&record);
    kit_close(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_nearest_setting_of_a_place_counts),
        cmocka_unit_test(rows_of_a_kind_stand_together_in_order),
        cmocka_unit_test(setting_again_replaces_and_unsetting_removes),
        cmocka_unit_test(a_copy_stands_alone),
        cmocka_unit_test(a_record_that_is_no_setting_does_not_load),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
