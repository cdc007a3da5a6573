/* A window by likeness: what is unlike all of the newest blocks goes out of sight, in turn. */
#include "tests/unit/node/context_kit.h"

static const struct sw_context_window alike = {.similar = 700};

/* Topics are directions that have nothing in common; a block is its topic and a little of its own.
 */
static struct kit_vector topic_of(uint32_t topic, uint64_t number)
{
    struct kit_vector vector = kit_vector_of(number);

    for (int i = 0; i < KIT_DIM; i++) {
        vector.at[i] = vector.at[i] / 16 + ((uint32_t)i == topic ? 1 : 0);
    }
    return vector;
}

static void say(struct kit *kit, uint32_t topic, uint64_t number)
{
    const struct kit_vector vector = topic_of(topic, number);

    assert_int_equal(kit_run(kit,
                             1,
                             kit_context_append("t",
                                                (struct sw_context_append){
                                                    .tokens = 1,
                                                    .vector = sw_span_of(&vector, sizeof vector),
                                                    .content = sw_span_str("said")}))
                         .err,
                     SW_ERR_OK);
}

static void the_topic_changes(void **unused)
{
    struct kit kit = kit_with_context(alike);
    const struct kit_vector old = topic_of(0, 1);
    uint64_t number = 0;

    (void)unused;
    for (; number < 12; number++) {
        say(&kit, 0, number);
    }
    assert_int_equal(kit_found(&kit, "t", &old, 0), 0xfff);
    for (; number < 16; number++) { /* the newest eight still have some of the old topic */
        say(&kit, 1, number);
        assert_int_equal(kit_found(&kit, "t", &old, 0), (UINT64_C(2) << number) - 1);
    }
    assert_int_equal(kit_header(&kit, "t").epoch, 0);
    for (; number < 22; number++) {
        say(&kit, 1, number);
    }
    assert_int_equal(kit_found(&kit, "t", &old, 0), UINT64_C(0x3ff) << 12);
    assert_int_equal(kit_found(&kit, "t", &old, SW_VECTOR_STALE), (UINT64_C(1) << 22) - 1);
    assert_true(kit_header(&kit, "t").epoch > 0);
    kit_close(&kit);
}

/* Nothing that is like one of the newest goes, however the topics alternate. */
static void what_is_like_any_of_the_newest_stays(void **unused)
{
    struct kit kit = kit_with_context(alike);
    const struct kit_vector any = topic_of(0, 1);

    (void)unused;
    for (uint64_t number = 0; number < 30; number++) {
        say(&kit, (uint32_t)number % 3, number);
    }
    assert_int_equal(kit_found(&kit, "t", &any, 0), (UINT64_C(1) << 30) - 1);
    kit_close(&kit);
}

/* What is hidden does not come back with its topic, but what is appended anew is found. */
static void what_is_hidden_stays_hidden(void **unused)
{
    struct kit kit = kit_with_context(alike);
    const struct kit_vector any = topic_of(0, 1);
    uint64_t number = 0;

    (void)unused;
    for (; number < 4; number++) {
        say(&kit, 0, number);
    }
    for (; number < 20; number++) {
        say(&kit, 1, number);
    }
    for (; number < 40; number++) {
        say(&kit, 0, number);
    }
    assert_int_equal(kit_found(&kit, "t", &any, 0), ((UINT64_C(1) << 20) - 1) << 20);
    kit_close(&kit);
}

/* Setting the window looks at more; a window without likeness brings nothing back. */
static void a_window_that_is_set_looks_at_once(void **unused)
{
    struct kit kit = kit_with_context((struct sw_context_window){0});
    const struct kit_vector any = topic_of(0, 1);
    uint64_t number = 0;

    (void)unused;
    for (; number < 20; number++) {
        say(&kit, 0, number);
    }
    for (; number < 30; number++) {
        say(&kit, 1, number);
    }
    assert_int_equal(kit_found(&kit, "t", &any, 0), (UINT64_C(1) << 30) - 1);
    assert_int_equal(kit_run(&kit, 1, kit_context_window("t", alike)).err, SW_ERR_OK);
    assert_int_equal(kit_found(&kit, "t", &any, 0), UINT64_C(0x3ff) << 20);
    assert_int_equal(kit_run(&kit, 1, kit_context_window("t", (struct sw_context_window){0})).err,
                     SW_ERR_OK);
    say(&kit, 0, number);
    assert_int_equal(kit_found(&kit, "t", &any, 0), UINT64_C(0x7ff) << 20);
    kit_close(&kit);
}

/* Blocks without a vector, and keys that are none, are passed by. */
static void other_keys_are_passed_by(void **unused)
{
    struct kit kit = kit_with_context(alike);
    const struct kit_vector any = topic_of(0, 1);
    uint64_t number = 0;

    (void)unused;
    say(&kit, 0, number++);
    for (; number < 20; number++) {
        assert_int_equal(kit_run(&kit, 1, kit_context_text("t", "no vector")).err, SW_ERR_OK);
    }
    assert_int_equal(kit_found(&kit, "t", &any, 0), 1);
    assert_int_equal(kit_run(&kit, 1, kit_put("ctx-block/t/odd", "")).err, SW_ERR_OK);
    for (; number < 40; number++) {
        say(&kit, 1, number);
    }
    assert_int_equal(kit_found(&kit, "t", &any, 0), ((UINT64_C(1) << 20) - 1) << 20);
    kit_close(&kit);
}

/* The same log, with commits and restarts elsewhere: the same bytes, the same answers. */
static void replicas_agree(void **unused)
{
    struct kit a = kit_with_context(alike), b = kit_with_context(alike);

    (void)unused;
    for (uint64_t number = 0; number < 60; number++) {
        say(&a, (uint32_t)(number / 11), number);
        say(&b, (uint32_t)(number / 11), number);
        if (number % 7 == 3) {
            kit_commit(&b);
            kit_restart(&b);
        }
    }
    assert_int_equal(a.state.digest, b.state.digest);
    kit_commit(&a);
    kit_commit(&b);
    kit_assert_equal_stores(a.store, b.store);
    kit_close(&a);
    kit_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_topic_changes),
        cmocka_unit_test(what_is_like_any_of_the_newest_stays),
        cmocka_unit_test(what_is_hidden_stays_hidden),
        cmocka_unit_test(a_window_that_is_set_looks_at_once),
        cmocka_unit_test(other_keys_are_passed_by),
        cmocka_unit_test(replicas_agree),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);

    sw_buf_release(&kit_value);
    return failed;
}
