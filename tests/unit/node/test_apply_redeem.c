/* Tokens: redeemed once, in time, into an identity that nobody has; and nothing else may be done.
 */
#include <stdio.h>

#include "node/rights.h"
#include "node/settings.h"
#include "tests/unit/node/state_kit.h"

static const struct sw_author holder = {.id = {[15] = 0x0a}};
static const struct sw_author alice = {.id = {[15] = 0x0b}};

static struct sw_request put(const char *kind, const char *name, const char *text)
{
    return (struct sw_request){.op = SW_OP_SETTING_PUT,
                               .partition = sw_span_str(kind),
                               .key = sw_span_str(name),
                               .value = sw_span_str(text)};
}

static struct sw_request redeem(void)
{
    return (struct sw_request){.op = SW_OP_TOKEN_REDEEM,
                               .value = sw_span_of(alice.id, sizeof alice.id)};
}

static struct kit with_token(const char *until)
{
    struct kit kit = kit_open();
    char text[128];

    (void)snprintf(
        text, sizeof text, "id=0000000000000000000000000000000a\n%s\nright=rw acme prod\n", until);
    assert_int_equal(kit_run(&kit, 5, put("token", "alice", text)).err, SW_ERR_OK);
    return kit;
}

static void a_token_becomes_an_identity_once(void **state)
{
    struct kit kit = with_token("until_ms=1000");

    (void)state;
    assert_int_equal(kit_run_as(&kit, &alice, 6, kit_put("k", "v")).err, SW_ERR_UNAUTHORIZED);
    kit_assert_result(kit_run_as(&kit, &holder, 1000, redeem()), SW_ERR_OK, 2, 0);
    assert_int_equal(kit_run_as(&kit, &alice, 1000, kit_put("k", "v")).err, SW_ERR_OK);
    assert_int_equal(kit_run_as(&kit, &holder, 1000, redeem()).err, SW_ERR_UNAUTHORIZED);
    assert_int_equal(kit_run_as(&kit, &holder, 1000, kit_put("k", "v")).err, SW_ERR_UNAUTHORIZED);
    kit_commit(&kit);
    kit_restart(&kit);
    assert_int_equal(sw_settings_count(&kit.state.settings, SW_SETTING_TOKEN), 0);
    assert_int_equal(kit_run_as(&kit, &alice, 1000, kit_put("k", "w")).err, SW_ERR_OK);
    kit_close(&kit);
}

static void a_token_is_good_for_nothing_else(void **state)
{
    struct kit kit = with_token("until_ms=1000");

    (void)state;
    assert_int_equal(kit_run_as(&kit, &holder, 6, kit_put("k", "v")).err, SW_ERR_UNAUTHORIZED);
    assert_int_equal(kit_run_as(&kit, &holder, 6, kit_session_open("0123456789abcdef", 60000)).err,
                     SW_ERR_UNAUTHORIZED);
    assert_int_equal(kit_run_as(&kit, &holder, 6, put("tenant", "t", "")).err, SW_ERR_UNAUTHORIZED);
    assert_int_equal(kit_run_as(&kit, &alice, 6, redeem()).err, SW_ERR_UNAUTHORIZED);
    assert_int_equal(kit_run(&kit, 6, redeem()).err, SW_ERR_UNAUTHORIZED);
    kit_close(&kit);
}

static void a_token_ends_by_the_leaders_time(void **state)
{
    struct kit kit = with_token("until_ms=1000");

    (void)state;
    assert_int_equal(kit_run_as(&kit, &holder, 1001, redeem()).err, SW_ERR_UNAUTHORIZED);
    assert_int_equal(sw_settings_count(&kit.state.settings, SW_SETTING_IDENTITY), 0);
    kit_close(&kit);
}

static void what_exists_is_not_replaced(void **state)
{
    struct kit kit = with_token("until_ms=0");

    (void)state;
    (void)kit_run(&kit, 5, put("identity", "alice", "id=0000000000000000000000000000000c\n"));
    assert_int_equal(kit_run_as(&kit, &holder, 6, redeem()).err, SW_ERR_CONFLICT);
    (void)kit_run(&kit, 5, put("identity", "alice", "id=0000000000000000000000000000000b\n"));
    assert_int_equal(kit_run_as(&kit, &holder, 6, redeem()).err, SW_ERR_CONFLICT);
    assert_int_equal(sw_settings_count(&kit.state.settings, SW_SETTING_TOKEN), 1);
    kit_close(&kit);
}

static void a_value_that_is_no_id_is_refused(void **state)
{
    struct kit kit = with_token("until_ms=0");
    struct sw_request request = redeem();

    (void)state;
    request.value.size = 15;
    assert_int_equal(kit_run_as(&kit, &holder, 6, request).err, SW_ERR_INVALID);
    kit_close(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_becomes_an_identity_once),
        cmocka_unit_test(a_token_is_good_for_nothing_else),
        cmocka_unit_test(a_token_ends_by_the_leaders_time),
        cmocka_unit_test(what_exists_is_not_replaced),
        cmocka_unit_test(a_value_that_is_no_id_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
