/* Policies that are stored: whose holds, what appends prune by them, and what uses keep. */
#include "tests/unit/node/context_kit.h"

static struct sw_context_rules ring(uint64_t size_max)
{
    return (struct sw_context_rules){.prunes = true, .any = true, .size_max = size_max};
}

static bool has_policy(struct kit *kit, const char *id)
{
    struct sw_context_key name;

    sw_context_policy_key(sw_span_str(id), &name);
    return kit_stored(kit, sw_context_key_span(&name)).version > 0;
}

static void a_policy_is_stored_and_taken_back(void **unused)
{
    struct kit kit = kit_with_context((struct sw_context_window){0});

    (void)unused;
    assert_int_equal(kit_run(&kit, 2, kit_context_policy("x", ring(9))).err, SW_ERR_NOT_FOUND);
    assert_int_equal(kit_run(&kit, 2, kit_context_policy("t", ring(9))).err, SW_ERR_OK);
    assert_true(has_policy(&kit, "t"));
    assert_int_equal(kit_run(&kit, 2, kit_context_policy("/", ring(9))).err, SW_ERR_OK);
    assert_true(has_policy(&kit, "/"));
    assert_int_equal(kit_run(&kit, 2, kit_context_policy("t", (struct sw_context_rules){0})).err,
                     SW_ERR_OK);
    assert_false(has_policy(&kit, "t"));
    kit_assert_result(kit_run(&kit, 2, kit_context_policy("t", (struct sw_context_rules){0})),
                      SW_ERR_OK,
                      kit.state.revision,
                      0); /* there is none: nothing happens */
    kit_close(&kit);
}

/* Contents of 14 bytes. */
static void appends_keep_a_budget_and_the_last_tokens(void **unused)
{
    struct kit kit = kit_with_context((struct sw_context_window){0});

    (void)unused;
    assert_int_equal(kit_run(&kit, 1, kit_context_policy("/", ring(70))).err, SW_ERR_OK);
    for (uint64_t i = 0; i < 20; i++) {
        assert_int_equal(kit_add(&kit, 2, i, 0).err, SW_ERR_OK);
        assert_true(kit_header(&kit, "t").size <= 70);
    }
    assert_int_equal(kit_blocks(&kit, "t"), UINT64_C(0x1f) << 15);
    assert_int_equal(kit_header(&kit, "t").pruned, 15);
    /* its own policy holds instead: no more than two blocks, and never the last three */
    assert_int_equal(
        kit_run(&kit,
                3,
                kit_context_policy("t",
                                   (struct sw_context_rules){
                                       .prunes = true, .any = true, .size_max = 28, .keep = 3}))
            .err,
        SW_ERR_OK);
    assert_int_equal(kit_add(&kit, 4, 20, 0).err, SW_ERR_OK);
    assert_int_equal(kit_blocks(&kit, "t"), UINT64_C(7) << 18);
    kit_close(&kit);
}

/* One append lets so many go, and the next ones the rest; the answer stays the append's. */
static void a_policy_catches_up_in_pieces(void **unused)
{
    struct kit kit = kit_with_context((struct sw_context_window){0});
    struct sw_command_result result;

    (void)unused;
    for (uint64_t i = 0; i < 40; i++) {
        assert_int_equal(kit_add(&kit, 2, i, 5).err, SW_ERR_OK);
    }
    assert_int_equal(
        kit_run(&kit,
                3,
                kit_context_policy("t", (struct sw_context_rules){.prunes = true, .threshold = 5}))
            .err,
        SW_ERR_OK);
    result = kit_add(&kit, 4, 40, 6);
    assert_int_equal(result.value, 40);
    assert_int_equal(result.record_count, 0);
    assert_int_equal(kit_header(&kit, "t").pruned, SW_CONTEXT_APPEND_PRUNE_MAX);
    for (uint64_t i = 41; i < 45; i++) {
        assert_int_equal(kit_add(&kit, 4, i, 6).err, SW_ERR_OK);
    }
    assert_int_equal(kit_blocks(&kit, "t"), UINT64_C(31) << 40);
    assert_int_equal(kit_found(&kit, "t", &(struct kit_vector){{1}}, 0), UINT64_C(31) << 40);
    kit_close(&kit);
}

static void uses_are_noted_and_keep_blocks(void **unused)
{
    const uint64_t tokens[] = {0, 3, 9};
    struct kit kit = kit_with_context((struct sw_context_window){0});
    struct sw_command_result result;

    (void)unused;
    for (uint64_t i = 0; i < 5; i++) {
        assert_int_equal(kit_add(&kit, 10, i, 0).err, SW_ERR_OK);
    }
    result = kit_run(&kit, 500, kit_context_touch("t", tokens, 3));
    kit_assert_result(result, SW_ERR_OK, kit.state.revision, 2); /* there is no block 9 */
    result = kit_run(&kit, 600, kit_context_touch("t", tokens, 1));
    assert_int_equal(kit_part(&kit, SW_CONTEXT_USES, "t", 0).version, 2);
    assert_int_equal(kit_part(&kit, SW_CONTEXT_USES, "t", 0).time_ms, 600);
    assert_int_equal(kit_part(&kit, SW_CONTEXT_USES, "t", 3).time_ms, 500);
    assert_int_equal(kit_part(&kit, SW_CONTEXT_USES, "t", 9).version, 0);
    /* what was not used for 400 ms goes */
    result =
        kit_run(&kit,
                1000,
                kit_context_prune("t", (struct sw_context_policy){.any = true, .idle_ms = 450}));
    assert_int_equal(result.record_count, 4);
    assert_int_equal(kit_blocks(&kit, "t"), 1);
    assert_int_equal(kit_part(&kit, SW_CONTEXT_USES, "t", 3).version, 0); /* went with its block */
    assert_int_equal(kit_part(&kit, SW_CONTEXT_USES, "t", 0).version, 2);
    assert_int_equal(kit_run(&kit, 1000, kit_context_touch("x", tokens, 1)).err, SW_ERR_NOT_FOUND);
    kit_close(&kit);
}

static void the_stored_policy_runs_by_command(void **unused)
{
    const struct sw_context_policy stored = {.stored = true};
    const struct sw_context_policy dry = {.stored = true, .dry = true};
    struct kit kit = kit_with_context((struct sw_context_window){0});
    struct sw_command_result result;

    (void)unused;
    for (uint64_t i = 0; i < 6; i++) {
        assert_int_equal(kit_add(&kit, 10, i, (int64_t)i).err, SW_ERR_OK);
    }
    assert_int_equal(kit_run(&kit, 10, kit_context_prune("t", stored)).err, SW_ERR_NOT_FOUND);
    assert_int_equal(
        kit_run(&kit,
                10,
                kit_context_policy(
                    "t", (struct sw_context_rules){.prunes = true, .threshold = 3, .age_ms = 100}))
            .err,
        SW_ERR_OK);
    assert_int_equal(kit_run(&kit, 100, kit_context_prune("t", stored)).record_count, 0);
    assert_int_equal(kit_run(&kit, 110, kit_context_prune("t", dry)).record_count, 4);
    assert_int_equal(kit_blocks(&kit, "t"), 63);
    result = kit_run(&kit, 110, kit_context_prune("t", stored));
    assert_int_equal(result.record_count, 4);
    assert_int_equal(result.value, 0);
    assert_int_equal(kit_blocks(&kit, "t"), 48);
    kit_close(&kit);
}

/* A policy that somebody overwrote is none; deleting the context deletes its own. */
static void others_may_write_the_key(void **unused)
{
    struct kit kit = kit_with_context((struct sw_context_window){0});
    struct sw_request request = kit_request(SW_OP_CONTEXT_DELETE);

    (void)unused;
    assert_int_equal(kit_run(&kit, 1, kit_put("ctx-policy/t", "prunes=1")).err, SW_ERR_OK);
    for (uint64_t i = 0; i < 3; i++) {
        assert_int_equal(kit_add(&kit, 2, i, 0).err, SW_ERR_OK);
    }
    assert_int_equal(kit_blocks(&kit, "t"), 7);
    assert_int_equal(kit_run(&kit, 2, kit_context_policy("t", ring(14))).err, SW_ERR_OK);
    assert_int_equal(kit_add(&kit, 2, 3, 0).err, SW_ERR_OK);
    assert_int_equal(kit_blocks(&kit, "t"), 8);
    request.key = sw_span_str("t");
    assert_int_equal(kit_run(&kit, 2, request).value, 0);
    assert_false(has_policy(&kit, "t"));
    assert_int_equal(kit_part(&kit, SW_CONTEXT_GONE, "t", 0).version, 0);
    kit_close(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_policy_is_stored_and_taken_back),
        cmocka_unit_test(appends_keep_a_budget_and_the_last_tokens),
        cmocka_unit_test(a_policy_catches_up_in_pieces),
        cmocka_unit_test(uses_are_noted_and_keep_blocks),
        cmocka_unit_test(the_stored_policy_runs_by_command),
        cmocka_unit_test(others_may_write_the_key),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);

    sw_buf_release(&kit_value);
    return failed;
}
