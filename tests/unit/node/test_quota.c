/* Gates: rate and number in flight, of tenants and namespaces, while settings change. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
/* clang-format on */

#include "node/quota.h"

static const uint64_t ms = 1000000;
static const uint64_t start_ns = 5000 * UINT64_C(1000000);

struct world {
    struct sw_settings settings;
    struct sw_quota_gates gates;
    uint32_t retry_ms;
    char why[SW_WHY_SIZE];
};

static void set(struct world *world, const char *scope, const char *text)
{
    struct sw_setting setting;
    char why[SW_WHY_SIZE];

    assert_int_equal(
        sw_setting_parse(SW_SETTING_QUOTA, sw_span_str(scope), sw_span_str(text), &setting, why),
        SW_ERR_OK);
    sw_settings_set(&world->settings, &setting);
    sw_quota_gates_set(&world->gates, &world->settings);
}

static void end(struct world *world)
{
    sw_quota_gates_release(&world->gates);
    sw_settings_release(&world->settings);
}

static struct sw_request at(const char *tenant, const char *name_space)
{
    return (struct sw_request){
        .op = SW_OP_PUT, .tenant = sw_span_str(tenant), .name_space = sw_span_str(name_space)};
}

static enum sw_err
enter(struct world *world, struct sw_request request, uint64_t now_ns, struct sw_quota_hold *hold)
{
    world->retry_ms = 0;
    return sw_quota_enter(&world->gates, &request, now_ns, hold, &world->retry_ms, world->why);
}

/* Enters and leaves. */
static enum sw_err pass(struct world *world, uint64_t now_ns)
{
    struct sw_quota_hold hold;
    const enum sw_err err = enter(world, at("a", "x"), now_ns, &hold);

    sw_quota_leave(&hold);
    return err;
}

static void a_second_may_come_at_once_and_then_evenly(void **state)
{
    struct world world = {0};

    (void)state;
    set(&world, "a", "ops_per_second=10");
    for (int i = 0; i < 10; i++) {
        assert_int_equal(pass(&world, start_ns), SW_ERR_OK);
    }
    assert_int_equal(pass(&world, start_ns), SW_ERR_OVERLOADED);
    assert_int_equal(world.retry_ms, 100);
    assert_non_null(strstr(world.why, "10 operations a second"));
    assert_int_equal(pass(&world, start_ns + 99 * ms), SW_ERR_OVERLOADED);
    assert_int_equal(world.retry_ms, 1);
    assert_int_equal(pass(&world, start_ns + 100 * ms), SW_ERR_OK);
    assert_int_equal(pass(&world, start_ns + 100 * ms), SW_ERR_OVERLOADED);
    for (int i = 0; i < 10; i++) { /* a long pause saves a second's worth, no more */
        assert_int_equal(pass(&world, start_ns + 9000 * ms), SW_ERR_OK);
    }
    assert_int_equal(pass(&world, start_ns + 9000 * ms), SW_ERR_OVERLOADED);
    end(&world);
}

static void so_many_are_in_flight(void **state)
{
    struct world world = {0};
    struct sw_quota_hold first, second, third;

    (void)state;
    set(&world, "a", "in_flight=2");
    assert_int_equal(enter(&world, at("a", "x"), start_ns, &first), SW_ERR_OK);
    assert_int_equal(enter(&world, at("a", "y"), start_ns, &second), SW_ERR_OK);
    assert_int_equal(enter(&world, at("a", "x"), start_ns, &third), SW_ERR_OVERLOADED);
    assert_true(world.retry_ms > 0);
    assert_int_equal(enter(&world, at("b", "x"), start_ns, &third), SW_ERR_OK);
    sw_quota_leave(&first);
    sw_quota_leave(&first);
    assert_int_equal(enter(&world, at("a", "x"), start_ns, &first), SW_ERR_OK);
    sw_quota_leave(&first);
    sw_quota_leave(&second);
    sw_quota_leave(&third);
    end(&world);
}

/* Who is refused by one gate has taken nothing from the other. */
static void both_gates_count(void **state)
{
    struct world world = {0};
    struct sw_quota_hold hold;

    (void)state;
    set(&world, "a", "ops_per_second=3");
    set(&world, "a x", "ops_per_second=1");
    assert_int_equal(pass(&world, start_ns), SW_ERR_OK);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(pass(&world, start_ns), SW_ERR_OVERLOADED);
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(enter(&world, at("a", "y"), start_ns, &hold), SW_ERR_OK);
        sw_quota_leave(&hold);
    }
    assert_int_equal(enter(&world, at("a", "y"), start_ns, &hold), SW_ERR_OVERLOADED);
    end(&world);
}

static void a_watch_is_not_in_flight(void **state)
{
    struct sw_request watch = at("a", "x");
    struct world world = {0};
    struct sw_quota_hold hold;

    (void)state;
    set(&world, "a", "in_flight=1");
    watch.op = SW_OP_WATCH;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(enter(&world, watch, start_ns, &hold), SW_ERR_OK);
    }
    end(&world);
}

static void what_is_of_no_tenant_passes(void **state)
{
    struct world world = {0};
    struct sw_quota_hold hold;

    (void)state;
    set(&world, "a", "ops_per_second=1");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(enter(&world, (struct sw_request){.op = SW_OP_STATUS}, start_ns, &hold),
                         SW_ERR_OK);
    }
    end(&world);
}

static void new_settings_keep_levels_and_free_what_is_left(void **state)
{
    struct world world = {0};
    struct sw_quota_hold hold;

    (void)state;
    set(&world, "a", "ops_per_second=1\nin_flight=1");
    assert_int_equal(enter(&world, at("a", "x"), start_ns, &hold), SW_ERR_OK);
    set(&world, "b", "ops_per_second=1");
    assert_int_equal(pass(&world, start_ns), SW_ERR_OVERLOADED);
    set(&world, "a", "ops_per_second=1");
    assert_int_equal(pass(&world, start_ns), SW_ERR_OVERLOADED);
    set(&world, "a", "keys=1"); /* its gate goes when the last one leaves */
    assert_int_equal(pass(&world, start_ns), SW_ERR_OK);
    sw_quota_leave(&hold);
    end(&world);
}

static void a_reply_is_explained(void **state)
{
    const struct sw_request request = at("a", "x");
    struct world world = {0};

    (void)state;
    set(&world, "a", "keys=7\nbytes=8");
    set(&world, "a x", "bytes=9");
    sw_quota_explain(&world.settings, &request, 7 << 2, world.why);
    assert_string_equal(world.why, "tenant a uses 7 keys, its quota is 7");
    sw_quota_explain(
        &world.settings, &request, 5 << 2 | SW_QUOTA_OF_BYTES | SW_QUOTA_OF_NAMESPACE, world.why);
    assert_string_equal(world.why, "namespace x uses 5 bytes, its quota is 9");
    sw_settings_unset(&world.settings, SW_SETTING_QUOTA, sw_span_str("a"));
    sw_quota_explain(&world.settings, &request, 7 << 2, world.why);
    assert_non_null(strstr(world.why, "uses 7 keys"));
    end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_may_come_at_once_and_then_evenly),
        cmocka_unit_test(so_many_are_in_flight),
        cmocka_unit_test(both_gates_count),
        cmocka_unit_test(a_watch_is_not_in_flight),
        cmocka_unit_test(what_is_of_no_tenant_passes),
        cmocka_unit_test(new_settings_keep_levels_and_free_what_is_left),
        cmocka_unit_test(a_reply_is_explained),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
