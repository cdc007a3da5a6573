/* Forgetting with all that derives from it: however large that is, nothing of it is used, derived
 * from or left, and nothing else goes. */
#include "tests/unit/node/memory_kit.h"

/* Forgets in steps; how many it took. */
static uint32_t forget_all(struct kit *kit, const struct sw_memory_key *key)
{
    uint32_t steps = 0;
    struct sw_command_result result;

    do {
        result = kit_run(kit, 1, kit_forget(key, true));
        assert_int_equal(result.err, SW_ERR_OK);
        steps++;
    } while (result.value != 0);
    return steps;
}

static void expect_nothing(struct kit *kit)
{
    assert_int_equal(kit_count_prefix(kit, "link"), 0);
    assert_int_equal(kit_count_prefix(kit, "memory-forget/"), 0);
}

static void one_goes_alone(void **unused)
{
    struct kit kit = kit_open();
    const struct sw_memory_key root = kit_said(&kit, 1, "a", "root");
    const struct sw_memory_key child = kit_derived(&kit, "child", &root);

    (void)unused;
    assert_int_equal(kit_run(&kit, 1, kit_forget(&root, false)).err, SW_ERR_OK);
    assert_false(kit_has(&kit, &root));
    assert_true(kit_has(&kit, &child));
    assert_int_equal(kit_count_prefix(&kit, "link/"), 1); /* the way from one to the other */
    assert_int_equal(kit_run(&kit, 1, kit_forget(&root, false)).err, SW_ERR_NOT_FOUND);
    assert_int_equal(kit_run(&kit, 1, kit_forget(&child, false)).err, SW_ERR_OK);
    expect_nothing(&kit);
    kit_close(&kit);
}

/* A chain, a fan and a diamond, and one that is none of it. */
static void all_that_derives_from_it_goes_at_once(void **unused)
{
    struct kit kit = kit_open();
    const struct sw_memory_key other = kit_said(&kit, 1, "a", "other");
    const struct sw_memory_key root = kit_said(&kit, 1, "a", "root");
    const struct sw_memory_key left = kit_derived(&kit, "left", &root);
    const struct sw_memory_key right = kit_derived(&kit, "right", &root);
    struct sw_memory_put put = kit_memory("both");
    uint64_t revision;

    (void)unused;
    put.parent_count = 3;
    put.parents[0] = sw_memory_key_span(&left);
    put.parents[1] = sw_memory_key_span(&right);
    put.parents[2] = sw_memory_key_span(&other);
    assert_int_equal(kit_run(&kit, 1, kit_say("b", &put)).err, SW_ERR_OK);
    (void)kit_run(&kit, 1, kit_forget(&left, false)); /* the way through it stays */
    revision = kit.state.revision;
    assert_int_equal(forget_all(&kit, &root), 1);
    assert_int_equal(kit.state.revision, revision + 1);
    assert_int_equal(kit_count_prefix(&kit, "memory/"), 1);
    assert_true(kit_has(&kit, &other));
    expect_nothing(&kit);
    assert_int_equal(kit_run(&kit, 1, kit_forget(&root, true)).err, SW_ERR_NOT_FOUND);
    kit_close(&kit);
}

static void a_large_one_goes_in_steps_and_is_hidden_from_the_first(void **unused)
{
    struct kit kit = kit_open();
    const struct sw_memory_key root = kit_said(&kit, 1, "a", "root");
    struct sw_memory_key last = root, deep, outside;
    struct sw_memory_put put = kit_memory("new");
    char text[24];
    uint32_t steps;

    (void)unused;
    kit_settings(&kit, (struct sw_memory_settings){.count_max = 10000, .size_max = 1 << 30});
    for (int i = 0; i < 900; i++) { /* wide, and */
        (void)snprintf(text, sizeof text, "wide %d", i);
        last = kit_derived(&kit, text, &root);
    }
    for (int i = 0; i < 300; i++) { /* deep */
        (void)snprintf(text, sizeof text, "deep %d", i);
        last = kit_derived(&kit, text, &last);
    }
    deep = last;
    outside = kit_said(&kit, 1, "a", "outside");
    assert_int_equal(kit_run(&kit, 1, kit_forget(&root, true)).value, 1);
    assert_true(kit_has(&kit, &deep));
    assert_int_equal(kit_run(&kit, 1, kit_use(&deep, SW_MEMORY_USED)).err, SW_ERR_NOT_FOUND);
    assert_int_equal(kit_run(&kit, 1, kit_forget(&deep, false)).err, SW_ERR_NOT_FOUND);
    assert_int_equal(kit_run(&kit, 1, kit_use(&outside, SW_MEMORY_USED)).err, SW_ERR_OK);
    put.parent_count = 1;
    put.parents[0] = sw_memory_key_span(&deep);
    assert_int_equal(kit_run(&kit, 1, kit_say("a", &put)).err, SW_ERR_SOURCE_GONE);
    put = kit_memory("deep 299");
    assert_int_equal(kit_run(&kit, 1, kit_say("a", &put)).err, SW_ERR_BUSY);
    kit_commit(&kit);
    kit_restart(&kit);
    steps = forget_all(&kit, &root);
    assert_in_range(steps, 2, 20);
    assert_int_equal(kit_count_prefix(&kit, "memory/"), 1);
    assert_true(kit_has(&kit, &outside));
    expect_nothing(&kit);
    put = kit_memory("deep 299");
    assert_int_equal(kit_run(&kit, 1, kit_say("a", &put)).err, SW_ERR_OK);
    kit_close(&kit);
}

static void a_circle_comes_to_an_end(void **unused)
{
    struct kit kit = kit_open();
    const struct sw_memory_key a = kit_said(&kit, 1, "a", "one");
    const struct sw_memory_key b = kit_derived(&kit, "two", &a);

    (void)unused;
    (void)kit_derived(&kit, "one", &b);
    assert_int_equal(forget_all(&kit, &b), 1);
    assert_int_equal(kit_count_prefix(&kit, "memory/"), 0);
    expect_nothing(&kit);
    kit_close(&kit);
}

/* What derives from a page that is deleted by hand is found by its name. */
static void a_source_need_not_be_a_memory(void **unused)
{
    struct kit kit = kit_open();
    struct sw_memory_put put = kit_memory("read it");
    struct sw_request forget = kit_request(SW_OP_MEMORY_FORGET);

    (void)unused;
    (void)kit_run(&kit, 1, kit_put("page", "text"));
    put.parent_count = 1;
    put.parents[0] = sw_span_str("page");
    (void)kit_run(&kit, 1, kit_say("a", &put));
    (void)kit_run(&kit, 1, kit_delete("page"));
    forget.key = sw_span_str("page");
    assert_int_equal(kit_run(&kit, 1, forget).err, SW_ERR_NOT_FOUND);
    forget.limit = 1;
    assert_int_equal(kit_run(&kit, 1, forget).err, SW_ERR_OK);
    assert_int_equal(kit_count_prefix(&kit, "memory/"), 0);
    expect_nothing(&kit);
    kit_close(&kit);
}

/* Keys that somebody put there himself stop nothing, and what is no mark goes. */
static void keys_of_others_are_met(void **unused)
{
    struct kit kit = kit_open();
    const struct sw_memory_key root = kit_said(&kit, 1, "a", "root");
    const struct sw_memory_key child = kit_derived(&kit, "child", &root);

    (void)unused;
    (void)kit_run(&kit, 1, kit_put("memory-forget/x", "no mark"));
    (void)kit_run(&kit, 1, kit_put("link/x", "no link"));
    assert_true(kit_has(&kit, &child));
    (void)forget_all(&kit, &root);
    assert_int_equal(kit_count_prefix(&kit, "memory"), 0);
    assert_int_equal(kit_count_prefix(&kit, "link"), 1);
    assert_int_equal(kit_tend(&kit, 1), 0);
    kit_close(&kit);
}

/* Whatever somebody puts where marks are, one entry passes and deletes a bounded part of it. */
static void what_is_no_mark_goes_in_steps(void **unused)
{
    const uint32_t count = 3 * SW_MEMORY_STEP_COUNT_MAX;
    struct kit kit = kit_open();
    const struct sw_memory_key root = kit_said(&kit, 1, "a", "root");
    uint64_t revision;

    (void)unused;
    for (uint32_t i = 0; i < count; i++) {
        char name[64];

        (void)snprintf(name, sizeof name, "memory-forget/%u", (unsigned)i);
        (void)kit_run(&kit, 1, kit_put(name, i % 2 == 0 ? "x" : "swarm-forget 1\nthe same"));
    }
    revision = kit.state.revision;
    assert_int_equal(kit_run(&kit, 1, kit_forget(&root, true)).value, 1);
    assert_int_equal(kit_count_prefix(&kit, "memory-forget/"), count - SW_MEMORY_STEP_COUNT_MAX);
    assert_int_equal(kit.state.revision, revision + 1);
    (void)forget_all(&kit, &root);
    assert_false(kit_has(&kit, &root));
    expect_nothing(&kit);
    kit_close(&kit);
}

/* Where the mark of one lies that is not finished in this step, somebody put something else. */
static void a_key_in_the_place_of_a_mark_loses_nothing(void **unused)
{
    struct kit kit = kit_open();
    const struct sw_memory_key root = kit_said(&kit, 1, "a", "root");
    const struct sw_link_hash hash = sw_link_hash_of(sw_memory_key_span(&root));
    char name[64], content[32];

    (void)unused;
    for (int i = 0; i < SW_MEMORY_STEP_LINK_COUNT_MAX + 9; i++) {
        (void)snprintf(content, sizeof content, "child %d", i);
        (void)kit_derived(&kit, content, &root);
    }
    (void)snprintf(name, sizeof name, "memory-forget/%.32s", hash.digits);
    (void)kit_run(&kit, 1, kit_put(name, "x"));
    (void)forget_all(&kit, &root);
    assert_int_equal(kit_count_prefix(&kit, "memory"), 0);
    expect_nothing(&kit);
    kit_close(&kit);
}

/* Keys among the links of a memory that are none: it is not asked for long what they are. */
static void too_many_ways_hide_while_something_is_forgotten(void **unused)
{
    struct kit kit = kit_open();
    const struct sw_memory_key key = kit_said(&kit, 1, "a", "salt");
    const struct sw_link_hash hash = sw_link_hash_of(sw_memory_key_span(&key));

    (void)unused;
    for (int i = 0; i <= SW_MEMORY_ANCESTOR_LINK_COUNT_MAX; i++) {
        char name[96];

        (void)snprintf(name, sizeof name, "link/%.32s/derived_from/%d", hash.digits, i);
        (void)kit_run(&kit, 1, kit_put(name, "x"));
    }
    assert_int_equal(kit_run(&kit, 1, kit_use(&key, SW_MEMORY_USED)).err, SW_ERR_OK);
    (void)kit_run(&kit, 1, kit_put("memory-forget/x", "x"));
    assert_int_equal(kit_run(&kit, 1, kit_use(&key, SW_MEMORY_USED)).err, SW_ERR_NOT_FOUND);
    kit_close(&kit);
}

/* Each source alone could be asked; a request with both is not walked for twice as long. */
static void all_sources_of_a_request_share_the_ways(void **unused)
{
    enum { EACH = SW_MEMORY_ANCESTOR_LINK_COUNT_MAX * 2 / 3 };
    struct kit kit = kit_open();
    struct sw_memory_put put = kit_memory("sum");
    struct sw_command_result result;
    struct sw_memory_key keys[2];

    (void)unused;
    put.parent_count = 2;
    for (int k = 0; k < 2; k++) {
        struct sw_link_hash hash;

        keys[k] = kit_said(&kit, 1, "a", k == 0 ? "salt" : "pepper");
        put.parents[k] = sw_memory_key_span(&keys[k]);
        hash = sw_link_hash_of(put.parents[k]);
        for (int i = 0; i < EACH; i++) {
            char name[96];

            (void)snprintf(name, sizeof name, "link/%.32s/derived_from/%d", hash.digits, i);
            (void)kit_run(&kit, 1, kit_put(name, "x"));
        }
    }
    (void)kit_run(&kit, 1, kit_put("memory-forget/x", "x"));
    result = kit_run(&kit, 1, kit_say("a", &put));
    assert_int_equal(result.err, SW_ERR_SOURCE_GONE);
    assert_int_equal(result.value, 2);
    assert_int_equal(kit_run(&kit, 1, kit_use(&keys[1], SW_MEMORY_USED)).err, SW_ERR_OK);
    kit_close(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_goes_alone),
        cmocka_unit_test(all_that_derives_from_it_goes_at_once),
        cmocka_unit_test(a_large_one_goes_in_steps_and_is_hidden_from_the_first),
        cmocka_unit_test(a_circle_comes_to_an_end),
        cmocka_unit_test(a_source_need_not_be_a_memory),
        cmocka_unit_test(keys_of_others_are_met),
        cmocka_unit_test(what_is_no_mark_goes_in_steps),
        cmocka_unit_test(a_key_in_the_place_of_a_mark_loses_nothing),
        cmocka_unit_test(too_many_ways_hide_while_something_is_forgotten),
        cmocka_unit_test(all_sources_of_a_request_share_the_ways),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);

    sw_buf_release(&kit_value);
    return failed;
}
