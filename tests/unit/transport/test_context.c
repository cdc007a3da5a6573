/* Requests on contexts: what is written reads back, what is none is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "transport/context.h"

static void requests_read_back(void **unused)
{
    const struct sw_context_append append = {.tokens = 9,
                                             .has_score = true,
                                             .score = -5,
                                             .vector = sw_span_str("vector"),
                                             .content = sw_span_str("content")};
    const struct sw_context_spec spec = {
        .block_size = 1024, .overlap = 1, .window = {3, 4}, .index = sw_span_str("notes")};
    struct sw_context_append read_append;
    struct sw_context_spec read_spec;
    struct sw_buf bytes = {0};
    char why[SW_WHY_SIZE];

    (void)unused;
    sw_context_append_encode(&append, &bytes);
    assert_int_equal(sw_context_append_decode(sw_buf_span(&bytes), &read_append), SW_ERR_OK);
    assert_int_equal(read_append.tokens, 9);
    assert_true(read_append.score == -5);
    assert_true(sw_span_equal(read_append.vector, append.vector));
    assert_true(sw_span_equal(read_append.content, append.content));
    for (size_t size = 0; size < bytes.size; size++) {
        assert_int_equal(sw_context_append_validate(sw_span_of(bytes.data, size), why),
                         SW_ERR_INVALID);
    }
    sw_buf_clear(&bytes);
    sw_context_spec_encode(&spec, &bytes);
    assert_int_equal(sw_context_spec_decode(sw_buf_span(&bytes), &read_spec), SW_ERR_OK);
    assert_int_equal(read_spec.window.blocks, 3);
    assert_int_equal(read_spec.window.ms, 4);
    assert_true(sw_span_equal(read_spec.index, spec.index));
    for (size_t size = 0; size < bytes.size; size++) {
        assert_int_equal(sw_context_spec_validate(sw_span_of(bytes.data, size), why),
                         SW_ERR_INVALID);
    }
    sw_buf_release(&bytes);
}

static void a_policy_reads_back(void **unused)
{
    struct sw_context_policy policy = {.high = true,
                                       .dry = true,
                                       .threshold = -7,
                                       .age_ms = 1,
                                       .keep = 2,
                                       .size_max = 3,
                                       .from = 4,
                                       .counted = 5};
    struct sw_context_policy read;
    struct sw_buf bytes = {0};
    char why[SW_WHY_SIZE];

    (void)unused;
    sw_context_policy_encode(&policy, &bytes);
    assert_int_equal(sw_context_policy_decode(sw_buf_span(&bytes), &read), SW_ERR_OK);
    assert_true(read.high && read.dry && read.threshold == -7);
    assert_true(read.age_ms == 1 && read.keep == 2 && read.size_max == 3);
    assert_true(read.from == 4 && read.counted == 5);
    assert_int_equal(sw_context_policy_validate(sw_buf_span(&bytes), why), SW_ERR_OK);
    for (size_t size = 0; size < bytes.size; size++) {
        assert_int_equal(sw_context_policy_validate(sw_span_of(bytes.data, size), why),
                         SW_ERR_INVALID);
    }
    bytes.data[0] = 32; /* a flag that is none */
    assert_int_equal(sw_context_policy_validate(sw_buf_span(&bytes), why), SW_ERR_INVALID);
    bytes.data[0] = 1; /* not dry, but counted */
    assert_int_equal(sw_context_policy_validate(sw_buf_span(&bytes), why), SW_ERR_INVALID);
    policy = (struct sw_context_policy){.any = true, .idle_ms = 9};
    sw_buf_clear(&bytes);
    sw_context_policy_encode(&policy, &bytes);
    assert_int_equal(sw_context_policy_decode(sw_buf_span(&bytes), &read), SW_ERR_OK);
    assert_true(read.any && read.idle_ms == 9);
    policy.stored = true; /* which says the rest itself */
    sw_buf_clear(&bytes);
    sw_context_policy_encode(&policy, &bytes);
    assert_int_equal(sw_context_policy_validate(sw_buf_span(&bytes), why), SW_ERR_INVALID);
    sw_buf_release(&bytes);
}

static enum sw_err judge_append(const struct sw_context_append *append)
{
    struct sw_buf bytes = {0};
    char why[SW_WHY_SIZE];
    enum sw_err err;

    sw_context_append_encode(append, &bytes);
    err = sw_context_append_validate(sw_buf_span(&bytes), why);
    sw_buf_release(&bytes);
    return err;
}

static void sizes_are_bounded(void **unused)
{
    uint8_t *large = calloc(1, SW_VALUE_SIZE_MAX);
    struct sw_context_append append = {.tokens = 1, .content = sw_span_str("x")};
    struct sw_context_window window = {.ms = (uint64_t)INT64_MAX + 1};
    struct sw_buf bytes = {0};
    char why[SW_WHY_SIZE];
    char id[SW_CONTEXT_ID_SIZE_MAX + 1];

    (void)unused;
    assert_int_equal(judge_append(&append), SW_ERR_OK);
    append.tokens = 0;
    assert_int_equal(judge_append(&append), SW_ERR_INVALID);
    append.tokens = SW_CONTEXT_TOKENS_MAX + 1;
    assert_int_equal(judge_append(&append), SW_ERR_INVALID);
    append.tokens = 1;
    append.content = sw_span_of(large, SW_VALUE_SIZE_MAX - SW_CONTEXT_BLOCK_HEAD_MAX);
    assert_int_equal(judge_append(&append), SW_ERR_OK);
    append.content.size++;
    assert_int_equal(judge_append(&append), SW_ERR_TOO_LARGE);
    append.content.size = 0;
    assert_int_equal(judge_append(&append), SW_ERR_INVALID);
    sw_context_window_encode(&window, &bytes);
    assert_int_equal(sw_context_window_validate(sw_buf_span(&bytes), why), SW_ERR_INVALID);
    memset(id, 'i', sizeof id);
    assert_int_equal(sw_context_id_validate(sw_span_of(id, sizeof id - 1), why), SW_ERR_OK);
    assert_int_equal(sw_context_id_validate(sw_span_of(id, sizeof id), why), SW_ERR_TOO_LARGE);
    assert_int_equal(sw_context_id_validate(sw_span_of(id, 0), why), SW_ERR_INVALID);
    assert_int_equal(sw_context_id_validate(sw_span_str("a/b"), why), SW_ERR_INVALID);
    assert_int_equal(sw_context_id_validate(sw_span_str("a b"), why), SW_ERR_INVALID);
    sw_buf_release(&bytes);
    free(large);
}

/* A request without the later fields has the bytes that it had before there were any. */
static void later_fields_stand_at_the_end(void **unused)
{
    struct sw_context_spec spec = {.block_size = 8, .window = {.similar = 700}, .precision = 16};
    struct sw_context_window window = {.blocks = 1, .similar = 1000}, read;
    struct sw_context_spec read_spec;
    struct sw_buf bytes = {0};
    char why[SW_WHY_SIZE];

    (void)unused;
    sw_context_window_encode(&window, &bytes);
    assert_int_equal(bytes.size, 14);
    assert_int_equal(sw_context_window_decode(sw_buf_span(&bytes), &read), SW_ERR_OK);
    assert_int_equal(read.similar, 1000);
    bytes.data[12] = 0;
    bytes.data[13] = 0; /* a zero says nothing, so it is not there */
    assert_int_equal(sw_context_window_validate(sw_buf_span(&bytes), why), SW_ERR_INVALID);
    bytes.data[13] = 4; /* 1024 permille */
    assert_int_equal(sw_context_window_validate(sw_buf_span(&bytes), why), SW_ERR_INVALID);
    window.similar = 0;
    sw_buf_clear(&bytes);
    sw_context_window_encode(&window, &bytes);
    assert_int_equal(bytes.size, 12);
    sw_buf_clear(&bytes);
    sw_context_spec_encode(&spec, &bytes);
    assert_int_equal(bytes.size, 25);
    assert_int_equal(sw_context_spec_decode(sw_buf_span(&bytes), &read_spec), SW_ERR_OK);
    assert_int_equal(read_spec.window.similar, 700);
    assert_int_equal(read_spec.precision, 16);
    bytes.data[24] = 5;
    assert_int_equal(sw_context_spec_validate(sw_buf_span(&bytes), why), SW_ERR_INVALID);
    sw_buf_release(&bytes);
}

static enum sw_err judge_rules(const struct sw_context_rules *rules)
{
    struct sw_context_rules read;
    struct sw_buf bytes = {0}, again = {0};
    char why[SW_WHY_SIZE];
    enum sw_err err;

    sw_context_rules_encode(rules, &bytes);
    assert_int_equal(sw_context_rules_decode(sw_buf_span(&bytes), &read), SW_ERR_OK);
    sw_context_rules_encode(&read, &again);
    assert_true(sw_span_equal(sw_buf_span(&bytes), sw_buf_span(&again)));
    err = sw_context_rules_validate(sw_buf_span(&bytes), why);
    for (size_t size = 0; size < bytes.size; size++) {
        assert_int_equal(sw_context_rules_validate(sw_span_of(bytes.data, size), why),
                         SW_ERR_INVALID);
    }
    sw_buf_release(&bytes);
    sw_buf_release(&again);
    return err;
}

static void stored_policies_say_what_they_mean(void **unused)
{
    const struct sw_context_rules good[] = {
        {0},
        {.prunes = true, .any = true, .size_max = 7, .idle_ms = 1, .keep = 128},
        {.prunes = true, .high = true, .threshold = -3, .age_ms = 9},
        {.dedupe = SW_DEDUPE_LINK, .similar = 800, .ids = true}};
    const struct sw_context_rules wrong[] = {{.size_max = 1},
                                             {.similar = 800},
                                             {.dedupe = SW_DEDUPE_FLAG},
                                             {.dedupe = SW_DEDUPE_FLAG, .similar = 1001},
                                             {.ids = true}};

    (void)unused;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(judge_rules(&good[i]), SW_ERR_OK);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(judge_rules(&wrong[i]), SW_ERR_INVALID);
    }
}

static enum sw_err judge_tokens(const uint64_t *tokens, uint32_t count)
{
    struct sw_buf bytes = {0};
    char why[SW_WHY_SIZE];
    enum sw_err err;

    sw_context_tokens_encode(tokens, count, &bytes);
    err = sw_context_tokens_validate(sw_buf_span(&bytes), why);
    for (size_t size = 0; size < bytes.size; size++) {
        assert_int_equal(sw_context_tokens_validate(sw_span_of(bytes.data, size), why),
                         SW_ERR_INVALID);
    }
    sw_buf_release(&bytes);
    return err;
}

static void touched_tokens_ascend(void **unused)
{
    uint64_t tokens[SW_CONTEXT_TOUCH_COUNT_MAX + 1];
    const uint64_t twice[] = {5, 5}, back[] = {6, 5};

    (void)unused;
    for (uint32_t i = 0; i < SW_CONTEXT_TOUCH_COUNT_MAX + 1; i++) {
        tokens[i] = 3 * (uint64_t)i;
    }
    assert_int_equal(judge_tokens(tokens, SW_CONTEXT_TOUCH_COUNT_MAX), SW_ERR_OK);
    assert_int_equal(judge_tokens(tokens, 1), SW_ERR_OK);
    assert_int_equal(judge_tokens(tokens, 0), SW_ERR_INVALID);
    assert_int_equal(judge_tokens(tokens, SW_CONTEXT_TOUCH_COUNT_MAX + 1), SW_ERR_INVALID);
    assert_int_equal(judge_tokens(twice, 2), SW_ERR_INVALID);
    assert_int_equal(judge_tokens(back, 2), SW_ERR_INVALID);
}

static void an_undo_names_a_range(void **unused)
{
    struct sw_context_undo undo = {.from = 4, .end = 5, .since = 6}, read;
    struct sw_buf bytes = {0};
    char why[SW_WHY_SIZE];

    (void)unused;
    sw_context_undo_encode(&undo, &bytes);
    assert_int_equal(sw_context_undo_decode(sw_buf_span(&bytes), &read), SW_ERR_OK);
    assert_true(read.from == 4 && read.end == 5 && read.since == 6);
    assert_int_equal(sw_context_undo_validate(sw_buf_span(&bytes), why), SW_ERR_OK);
    bytes.data[0] = 5;
    assert_int_equal(sw_context_undo_validate(sw_buf_span(&bytes), why), SW_ERR_INVALID);
    assert_int_equal(sw_context_undo_validate(sw_span_of(bytes.data, 23), why), SW_ERR_INVALID);
    sw_buf_release(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_read_back),
        cmocka_unit_test(a_policy_reads_back),
        cmocka_unit_test(later_fields_stand_at_the_end),
        cmocka_unit_test(stored_policies_say_what_they_mean),
        cmocka_unit_test(touched_tokens_ascend),
        cmocka_unit_test(an_undo_names_a_range),
        cmocka_unit_test(sizes_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
