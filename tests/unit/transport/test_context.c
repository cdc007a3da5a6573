/* Contexts on the wire and as they are stored: what is written reads back, what is none is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "transport/context.h"

static const struct sw_context header = {.block_size = 1024,
                                         .overlap = 16,
                                         .blocks = 3,
                                         .next = 3040,
                                         .size = 9000,
                                         .pruned = 1,
                                         .window_blocks = 2,
                                         .window_ms = 60000,
                                         .window_token = 1008,
                                         .watermark = 77,
                                         .dying = 0,
                                         .index = "notes"};

static void assert_same_header(const struct sw_context *a, const struct sw_context *b)
{
    assert_int_equal(a->block_size, b->block_size);
    assert_int_equal(a->next, b->next);
    assert_int_equal(a->watermark, b->watermark);
    assert_int_equal(a->dying, b->dying);
    assert_string_equal(a->index, b->index);
}

static void a_header_reads_back(void **unused)
{
    struct sw_buf text = {0}, again = {0};
    struct sw_context read;

    (void)unused;
    sw_context_write(&header, &text);
    assert_true(text.size <= SW_CONTEXT_TEXT_SIZE_MAX);
    assert_true(sw_context_read(sw_buf_span(&text), &read));
    assert_same_header(&header, &read);
    sw_context_write(&read, &again);
    assert_true(sw_span_equal(sw_buf_span(&text), sw_buf_span(&again)));
    sw_buf_release(&text);
    sw_buf_release(&again);
}

static void the_longest_header_fits(void **unused)
{
    struct sw_context longest = {.block_size = SW_CONTEXT_TOKENS_MAX,
                                 .overlap = SW_CONTEXT_TOKENS_MAX - 1,
                                 .blocks = UINT64_MAX,
                                 .next = INT64_MAX,
                                 .size = UINT64_MAX,
                                 .pruned = UINT64_MAX,
                                 .window_blocks = UINT64_MAX,
                                 .window_ms = INT64_MAX,
                                 .window_token = INT64_MAX,
                                 .watermark = UINT64_MAX,
                                 .dying = 1};
    struct sw_buf text = {0};
    struct sw_context read;

    (void)unused;
    memset(longest.index, 'i', sizeof longest.index - 1);
    sw_context_write(&longest, &text);
    assert_true(text.size <= SW_CONTEXT_TEXT_SIZE_MAX);
    assert_true(sw_context_read(sw_buf_span(&text), &read));
    assert_same_header(&longest, &read);
    sw_buf_release(&text);
}

/* Any prefix, and any header with one byte changed, is refused or means what it says. */
static void a_damaged_header_is_refused_or_reads_as_written(void **unused)
{
    struct sw_buf text = {0}, again = {0};
    struct sw_context read;

    (void)unused;
    sw_context_write(&header, &text);
    for (size_t size = 0; size < text.size; size++) {
        assert_false(sw_context_read(sw_span_of(text.data, size), &read));
    }
    for (size_t i = 0; i < text.size; i++) {
        for (int byte = 0; byte < 256; byte++) {
            const uint8_t kept = text.data[i];

            text.data[i] = (uint8_t)byte;
            if (sw_context_read(sw_buf_span(&text), &read)) {
                sw_buf_clear(&again);
                sw_context_write(&read, &again);
                assert_true(sw_span_equal(sw_buf_span(&text), sw_buf_span(&again)));
            }
            text.data[i] = kept;
        }
    }
    sw_buf_release(&text);
    sw_buf_release(&again);
}

static void headers_that_make_no_sense_are_refused(void **unused)
{
    struct sw_context wrong[] = {header, header, header, header, header, header, header};
    struct sw_buf text = {0};
    struct sw_context read;

    (void)unused;
    wrong[0].block_size = 0;
    wrong[1].block_size = SW_CONTEXT_TOKENS_MAX + 1;
    wrong[2].overlap = 1024;
    wrong[3].next = (uint64_t)INT64_MAX + 1;
    wrong[4].window_token = header.next + 1;
    wrong[5].dying = 2;
    wrong[6].index[0] = ' ';
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        sw_buf_clear(&text);
        sw_context_write(&wrong[i], &text);
        assert_false(sw_context_read(sw_buf_span(&text), &read));
    }
    sw_buf_release(&text);
}

static void blocks_read_back(void **unused)
{
    const struct sw_context_block blocks[] = {
        {.number = 0, .tokens = 1, .content = sw_span_str("x")},
        {.number = UINT64_MAX, .tokens = 1024, .has_score = true, .score = INT64_MIN},
        {.number = 7, .tokens = 3, .has_score = true, .score = INT64_MAX},
        {.number = 7, .tokens = 3, .has_score = true, .score = -1, .content = sw_span_str("\n-")},
        {.number = 7, .tokens = 3, .has_score = true, .content = sw_span_str("- 1")}};
    struct sw_context_block read;
    struct sw_buf text = {0};

    (void)unused;
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
        sw_buf_clear(&text);
        sw_context_block_write(&blocks[i], &text);
        assert_true(text.size - blocks[i].content.size <= SW_CONTEXT_BLOCK_HEAD_MAX);
        assert_true(sw_context_block_read(sw_buf_span(&text), &read));
        assert_int_equal(read.number, blocks[i].number);
        assert_int_equal(read.tokens, blocks[i].tokens);
        assert_int_equal(read.has_score, blocks[i].has_score);
        assert_true(read.score == blocks[i].score);
        assert_true(sw_span_equal(read.content, blocks[i].content));
    }
    sw_buf_release(&text);
}

static void what_is_no_block_is_refused(void **unused)
{
    const char *const wrong[] = {"",
                                 "swarm-block 2 0 1 -\n",
                                 "swarm-block 1 0 1 -",
                                 "swarm-block 1 0 1 \n",
                                 "swarm-block 1 00 1 -\n",
                                 "swarm-block 1 0 0 -\n",
                                 "swarm-block 1 0 1048577 -\n",
                                 "swarm-block 1 18446744073709551616 1 -\n",
                                 "swarm-block 1 0 1 9223372036854775808\n",
                                 "swarm-block 1 0 1 -9223372036854775809\n",
                                 "swarm-block 1 0 1 -0\n",
                                 "swarm-block 1 0 1 +1\n",
                                 "swarm-block 1  0 1 -\n"};
    struct sw_context_block read;

    (void)unused;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(sw_context_block_read(sw_span_str(wrong[i]), &read));
    }
}

static void keys_name_the_token(void **unused)
{
    const struct sw_span id = sw_span_str("talk-7");
    struct sw_context_key key;
    uint64_t token = 0;

    (void)unused;
    sw_context_header_key(id, &key);
    assert_true(sw_span_equal(sw_context_key_span(&key), sw_span_str("ctx/talk-7")));
    sw_context_block_key(id, 0xabc, &key);
    assert_true(
        sw_span_equal(sw_context_key_span(&key), sw_span_str("ctx-block/talk-7/0000000000000abc")));
    assert_true(sw_context_block_token(id, sw_context_key_span(&key), &token));
    assert_int_equal(token, 0xabc);
    assert_false(sw_context_block_token(sw_span_str("talk-8"), sw_context_key_span(&key), &token));
    key.data[key.size - 1] = 'G';
    assert_false(sw_context_block_token(id, sw_context_key_span(&key), &token));
    key.data[key.size - 1] = 'C'; /* one writing of each number */
    assert_false(sw_context_block_token(id, sw_context_key_span(&key), &token));
    key.size--;
    assert_false(sw_context_block_token(id, sw_context_key_span(&key), &token));
}

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
    bytes.data[0] = 4; /* a flag that is none */
    assert_int_equal(sw_context_policy_validate(sw_buf_span(&bytes), why), SW_ERR_INVALID);
    bytes.data[0] = 1; /* not dry, but counted */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_reads_back),
        cmocka_unit_test(the_longest_header_fits),
        cmocka_unit_test(a_damaged_header_is_refused_or_reads_as_written),
        cmocka_unit_test(headers_that_make_no_sense_are_refused),
        cmocka_unit_test(blocks_read_back),
        cmocka_unit_test(what_is_no_block_is_refused),
        cmocka_unit_test(keys_name_the_token),
        cmocka_unit_test(requests_read_back),
        cmocka_unit_test(a_policy_reads_back),
        cmocka_unit_test(sizes_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
