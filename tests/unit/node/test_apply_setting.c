/* Settings through the log: written, replaced, compared, deleted, and the same after a restart. */
#include <stdio.h>

#include "node/settings.h"
#include "tests/unit/node/state_kit.h"

static struct sw_request setting(enum sw_op op, const char *kind, const char *name)
{
    return (struct sw_request){.op = op, .partition = sw_span_str(kind), .key = sw_span_str(name)};
}

static struct sw_request setting_put(const char *kind, const char *name, const char *text)
{
    struct sw_request request = setting(SW_OP_SETTING_PUT, kind, name);

    request.value = sw_span_str(text);
    return request;
}

static const struct sw_setting *
find(const struct kit *kit, enum sw_setting_kind kind, const char *name)
{
    return sw_settings_find(&kit->state.settings, kind, sw_span_str(name));
}

static void a_setting_is_written_and_survives(void **state)
{
    struct kit kit = kit_open();

    (void)state;
    kit_assert_result(kit_run(&kit, 5, setting_put("quota", "acme", "keys=3")), SW_ERR_OK, 1, 0);
    assert_int_equal(find(&kit, SW_SETTING_QUOTA, "acme")->quota.keys, 3);
    assert_int_equal(find(&kit, SW_SETTING_QUOTA, "acme")->revision, 1);
    assert_true(kit.state.settings.changed);
    kit_assert_result(kit_run(&kit, 5, setting_put("quota", "acme", "keys=4")), SW_ERR_OK, 2, 1);
    kit_commit(&kit);
    kit_restart(&kit);
    assert_int_equal(find(&kit, SW_SETTING_QUOTA, "acme")->quota.keys, 4);
    assert_int_equal(find(&kit, SW_SETTING_QUOTA, "acme")->revision, 2);
    kit_close(&kit);
}

static void a_setting_is_deleted(void **state)
{
    struct kit kit = kit_open();

    (void)state;
    (void)kit_run(&kit, 5, setting_put("tenant", "acme", ""));
    kit_assert_result(
        kit_run(&kit, 5, setting(SW_OP_SETTING_DELETE, "tenant", "acme")), SW_ERR_OK, 2, 1);
    assert_null(find(&kit, SW_SETTING_TENANT, "acme"));
    kit_assert_result(
        kit_run(&kit, 5, setting(SW_OP_SETTING_DELETE, "tenant", "acme")), SW_ERR_OK, 2, 0);
    kit_commit(&kit);
    kit_restart(&kit);
    assert_null(find(&kit, SW_SETTING_TENANT, "acme"));
    kit_close(&kit);
}

static void expected_is_compared(void **state)
{
    struct kit kit = kit_open();
    struct sw_request put = setting_put("tenant", "acme", "");
    struct sw_request gone = setting(SW_OP_SETTING_DELETE, "tenant", "acme");

    (void)state;
    put.expected = SW_SETTING_ABSENT;
    kit_assert_result(kit_run(&kit, 5, put), SW_ERR_OK, 1, 0);
    kit_assert_result(kit_run(&kit, 5, put), SW_ERR_CONFLICT, 1, 1);
    put.expected = 1;
    kit_assert_result(kit_run(&kit, 5, put), SW_ERR_OK, 2, 1);
    gone.expected = 1;
    kit_assert_result(kit_run(&kit, 5, gone), SW_ERR_CONFLICT, 2, 2);
    gone.expected = 2;
    kit_assert_result(kit_run(&kit, 5, gone), SW_ERR_OK, 3, 1);
    kit_close(&kit);
}

static void what_is_no_setting_is_refused_and_changes_nothing(void **state)
{
    struct kit kit = kit_open();
    struct sw_request named = setting_put("tenant", "acme", "");

    (void)state;
    kit_assert_result(
        kit_run(&kit, 5, setting_put("tenant", "acme", "keys=1")), SW_ERR_INVALID, 0, 0);
    kit_assert_result(kit_run(&kit, 5, setting_put("role", "acme", "")), SW_ERR_INVALID, 0, 0);
    named.tenant = sw_span_str("acme");
    kit_assert_result(kit_run(&kit, 5, named), SW_ERR_INVALID, 0, 0);
    assert_int_equal(kit.state.settings.count, 0);
    assert_int_equal(kit.state.revision, 0);
    kit_close(&kit);
}

static void nobody_writes_into_the_reserved_tenant(void **state)
{
    struct kit kit = kit_open();
    struct sw_request put = kit_put("acme", "keys=1");

    (void)state;
    put.tenant = sw_span_str(SW_SYSTEM_TENANT);
    put.name_space = sw_span_str(SW_SYSTEM_SETTINGS);
    put.partition = sw_span_str("quota");
    kit_assert_result(kit_run(&kit, 5, put), SW_ERR_UNAUTHORIZED, 0, 0);
    put.op = SW_OP_DELETE;
    put.value = sw_span_of(NULL, 0);
    kit_assert_result(kit_run(&kit, 5, put), SW_ERR_UNAUTHORIZED, 0, 0);
    kit_close(&kit);
}

static void a_kind_has_at_most_so_many(void **state)
{
    struct kit kit = kit_open();
    char name[16];

    (void)state;
    for (int i = 0; i < SW_SETTING_COUNT_MAX; i++) {
        (void)snprintf(name, sizeof name, "t%d", i);
        assert_int_equal(kit_run(&kit, 5, setting_put("tenant", name, "")).err, SW_ERR_OK);
    }
    assert_int_equal(kit_run(&kit, 5, setting_put("tenant", "more", "")).err, SW_ERR_TOO_LARGE);
    assert_int_equal(kit_run(&kit, 5, setting_put("tenant", "t7", "note=n")).err, SW_ERR_OK);
    assert_int_equal(kit_run(&kit, 5, setting_put("quota", "more", "")).err, SW_ERR_OK);
    kit_close(&kit);
}

static const struct sw_author alice = {.id = {[15] = 0x0a}};
static const struct sw_author bob = {.id = {[15] = 0x0b}};

static void add_identities(struct kit *kit)
{
    (void)kit_run(kit,
                  5,
                  setting_put("identity",
                              "alice",
                              "id=0000000000000000000000000000000a\nright=rw acme prod"));
    (void)kit_run(
        kit,
        5,
        setting_put("identity", "bob", "id=0000000000000000000000000000000b\nright=r acme"));
}

static void what_is_behind_a_revocation_in_the_log_is_refused(void **state)
{
    struct kit kit = kit_open();

    (void)state;
    assert_int_equal(kit_run_as(&kit, &alice, 5, kit_put("k", "0")).err, SW_ERR_UNAUTHORIZED);
    add_identities(&kit);
    assert_int_equal(kit_run_as(&kit, &alice, 5, kit_put("k", "1")).err, SW_ERR_OK);
    assert_int_equal(kit_run_as(&kit, &bob, 5, kit_put("k", "2")).err, SW_ERR_UNAUTHORIZED);
    (void)kit_run(&kit, 5, setting(SW_OP_SETTING_DELETE, "identity", "alice"));
    kit_assert_result(kit_run_as(&kit, &alice, 5, kit_put("k", "3")), SW_ERR_UNAUTHORIZED, 0, 0);
    assert_int_equal(kit_run_as(&kit, &alice, 5, setting_put("tenant", "mine", "")).err,
                     SW_ERR_UNAUTHORIZED);
    kit_close(&kit);
}

static void a_session_is_of_the_identity_that_opened_it(void **state)
{
    const struct sw_request open = kit_session_open("0123456789abcdef", 60000);
    struct kit kit = kit_open();
    uint64_t id;

    (void)state;
    add_identities(&kit);
    id = kit_run_as(&kit, &alice, 5, open).value;
    assert_int_equal(kit_run_as(&kit, &bob, 5, open).err, SW_ERR_UNAUTHORIZED);
    assert_int_equal(kit_run(&kit, 5, open).err, SW_ERR_UNAUTHORIZED);
    assert_int_equal(kit_run(&kit, 5, kit_in_session(kit_put("k", "1"), id, 1, 0)).err,
                     SW_ERR_UNAUTHORIZED);
    assert_int_equal(kit_run_as(&kit, &bob, 5, kit_session_close(id)).err, SW_ERR_UNAUTHORIZED);
    kit_commit(&kit);
    kit_restart(&kit);
    assert_int_equal(kit_run_as(&kit, &bob, 5, kit_session_close(id)).err, SW_ERR_UNAUTHORIZED);
    assert_int_equal(kit_run_as(&kit, &alice, 5, kit_in_session(kit_put("k", "1"), id, 1, 0)).err,
                     SW_ERR_OK);
    assert_int_equal(kit_run_as(&kit, &alice, 5, kit_session_close(id)).value, 1);
    kit_close(&kit);
}

static void a_key_is_of_one_identity(void **state)
{
    struct kit kit = kit_open();

    (void)state;
    add_identities(&kit);
    assert_int_equal(
        kit_run(&kit, 5, setting_put("identity", "eve", "id=0000000000000000000000000000000a\n"))
            .err,
        SW_ERR_CONFLICT);
    assert_int_equal(
        kit_run(&kit, 5, setting_put("identity", "alice", "id=0000000000000000000000000000000c\n"))
            .err,
        SW_ERR_OK);
    assert_int_equal(
        kit_run(&kit, 5, setting_put("identity", "eve", "id=0000000000000000000000000000000a\n"))
            .err,
        SW_ERR_OK);
    kit_close(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_setting_is_written_and_survives),
        cmocka_unit_test(a_setting_is_deleted),
        cmocka_unit_test(expected_is_compared),
        cmocka_unit_test(what_is_no_setting_is_refused_and_changes_nothing),
        cmocka_unit_test(nobody_writes_into_the_reserved_tenant),
        cmocka_unit_test(a_kind_has_at_most_so_many),
        cmocka_unit_test(what_is_behind_a_revocation_in_the_log_is_refused),
        cmocka_unit_test(a_session_is_of_the_identity_that_opened_it),
        cmocka_unit_test(a_key_is_of_one_identity),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
