/* Proves that an office has one holder, that what it proclaims is seen, and that one who lost it
 * cannot speak any more, against a store in this process. Killed holders:
 * client/python/tests/test_recipes.py. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "tests/unit/client/recipe_kit.h"

static struct swarm_election *campaign(struct kit *kit, const char *value)
{
    struct swarm_election *election = NULL;
    char why[160] = "";

    if (swarm_campaign(kit->client,
                       scope,
                       swarm_str("office"),
                       swarm_str(value),
                       TTL_MS,
                       swarm_now_ms() + WAIT_MS,
                       &election,
                       why,
                       sizeof why) != SWARM_OK) {
        fail_msg("%s", why);
    }
    return election;
}

static void expect_leader(struct kit *kit, const char *value)
{
    struct swarm_result *result = NULL;
    const enum swarm_status status = swarm_get(kit->client, scope, swarm_str("office"), &result);

    assert_int_equal(status, value == NULL ? SWARM_NOT_FOUND : SWARM_OK);
    if (value != NULL) {
        kit_assert_slice(result->records[0].value, value);
    }
    swarm_result_free(result);
}

static void one_leads_at_a_time(void **state)
{
    struct kit kit = kit_open();
    struct swarm_election *first, *second = NULL;
    uint64_t revision;
    char why[160] = "";

    (void)state;
    expect_leader(&kit, NULL);
    first = campaign(&kit, "first");
    expect_leader(&kit, "first");
    assert_true(swarm_election_leads(first));
    assert_int_equal(swarm_campaign(kit.client,
                                    scope,
                                    swarm_str("office"),
                                    swarm_str("second"),
                                    TTL_MS,
                                    swarm_now_ms() + 1000, /* others use the disk, too */
                                    &second,
                                    why,
                                    sizeof why),
                     SWARM_DEADLINE);
    assert_string_equal(why, "held by first");
    assert_int_equal(swarm_proclaim(first, swarm_str("first, louder")), SWARM_OK);
    expect_leader(&kit, "first, louder");
    revision = swarm_election_revision(first);
    assert_int_equal(swarm_resign(first), SWARM_OK);
    expect_leader(&kit, NULL);
    second = campaign(&kit, "second");
    assert_true(swarm_election_revision(second) > revision);
    assert_int_equal(swarm_resign(second), SWARM_OK);
    assert_int_equal(swarm_resign(NULL), SWARM_OK);
    kit_close(&kit);
}

static void who_lost_the_office_cannot_speak(void **state)
{
    struct kit kit = kit_open();
    struct swarm_election *first = campaign(&kit, "first");
    struct swarm_election *second;

    (void)state;
    assert_int_equal(swarm_lease_revoke(kit.client, scope, swarm_election_token(first), NULL),
                     SWARM_OK);
    assert_int_equal(swarm_proclaim(first, swarm_str("still me")), SWARM_LEASE_GONE);
    second = campaign(&kit, "second");
    assert_int_equal(swarm_proclaim(first, swarm_str("still me")), SWARM_LEASE_GONE);
    expect_leader(&kit, "second");
    assert_int_equal(swarm_resign(first), SWARM_LEASE_GONE);
    expect_leader(&kit, "second");
    assert_int_equal(swarm_resign(second), SWARM_OK);
    kit_close(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_leads_at_a_time),
        cmocka_unit_test(who_lost_the_office_cannot_speak),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
