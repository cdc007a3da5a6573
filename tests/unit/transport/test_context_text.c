/* Contexts as they are stored: what is written reads back, what is none is refused. */
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
                                 .dying = 1,
                                 .similar = SW_PERMILLE,
                                 .similar_next = UINT64_MAX,
                                 .epoch = UINT64_MAX,
                                 .gone = UINT64_MAX,
                                 .duplicates = UINT64_MAX,
                                 .policy_next = UINT64_MAX,
                                 .precision = 64};
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

/* What says nothing new is written as it always was. */
static void a_header_has_the_older_form_while_it_can(void **unused)
{
    struct sw_context late = header, read;
    struct sw_buf text = {0};

    (void)unused;
    sw_context_write(&header, &text);
    assert_memory_equal(text.data, "swarm-context 1\n", 16);
    late.epoch = 9;
    sw_buf_clear(&text);
    sw_context_write(&late, &text);
    assert_memory_equal(text.data, "swarm-context 2\n", 16);
    assert_true(sw_context_read(sw_buf_span(&text), &read));
    assert_int_equal(read.epoch, 9);
    sw_buf_release(&text);
}

static void a_block_names_what_it_is_like(void **unused)
{
    const struct sw_context_block block = {.number = 3,
                                           .tokens = 4,
                                           .has_score = true,
                                           .score = -5,
                                           .likeness = 812,
                                           .like = sw_span_str("ctx-block/t/0000000000000000"),
                                           .content = sw_span_str("words")};
    struct sw_context_block read;
    struct sw_buf text = {0};

    (void)unused;
    sw_context_block_write(&block, &text);
    assert_true(sw_context_block_read(sw_buf_span(&text), &read));
    assert_int_equal(read.likeness, 812);
    assert_int_equal(read.score, -5);
    assert_true(sw_span_equal(read.like, block.like));
    assert_true(sw_span_equal(read.content, block.content));
    for (size_t size = 0; size < text.size - block.content.size; size++) {
        assert_false(sw_context_block_read(sw_span_of(text.data, size), &read));
    }
    sw_buf_release(&text);
}

static void tombstones_read_back(void **unused)
{
    struct sw_context_gone gone = {
        .number = 7, .tokens = 8, .size = 9, .vector = sw_span_of("\n1 2", 4)};
    struct sw_context_gone read;
    struct sw_buf text = {0};

    (void)unused;
    for (int reason = 0; reason < SW_GONE_COUNT; reason++) {
        gone.reason = (enum sw_gone_reason)reason;
        gone.by_policy = reason % 2 == 1;
        gone.has_score = reason > 1;
        gone.score = gone.has_score ? INT64_MIN : 0;
        sw_buf_clear(&text);
        sw_context_gone_write(&gone, &text);
        assert_true(sw_context_gone_read(sw_buf_span(&text), &read));
        assert_int_equal(read.reason, reason);
        assert_int_equal(read.by_policy, gone.by_policy);
        assert_int_equal(read.score, gone.score);
        assert_int_equal(read.size, 9);
        assert_true(sw_span_equal(read.vector, gone.vector));
        for (size_t size = 0; size + gone.vector.size < text.size; size++) {
            assert_false(sw_context_gone_read(sw_span_of(text.data, size), &read));
        }
    }
    sw_buf_release(&text);
}

/* Any prefix, and any policy with one byte changed, is refused or means what it says. */
static void stored_policies_read_back(void **unused)
{
    const struct sw_context_rules rules = {.prunes = true,
                                           .any = true,
                                           .threshold = -12,
                                           .age_ms = 1,
                                           .idle_ms = 2,
                                           .keep = 3,
                                           .size_max = 4,
                                           .dedupe = SW_DEDUPE_REFUSE,
                                           .similar = 800};
    struct sw_context_rules read;
    struct sw_buf text = {0}, again = {0};

    (void)unused;
    sw_context_rules_write(&rules, &text);
    assert_true(text.size <= SW_CONTEXT_TEXT_SIZE_MAX);
    for (size_t size = 0; size < text.size; size++) {
        assert_false(sw_context_rules_read(sw_span_of(text.data, size), &read));
    }
    for (size_t i = 0; i < text.size; i++) {
        for (int byte = 0; byte < 256; byte++) {
            const uint8_t kept = text.data[i];

            text.data[i] = (uint8_t)byte;
            if (sw_context_rules_read(sw_buf_span(&text), &read)) {
                sw_buf_clear(&again);
                sw_context_rules_write(&read, &again);
                assert_true(sw_span_equal(sw_buf_span(&text), sw_buf_span(&again)));
            }
            text.data[i] = kept;
        }
    }
    assert_true(sw_context_rules_read(sw_buf_span(&text), &read));
    assert_true(read.prunes && read.any && !read.high && read.threshold == -12);
    assert_true(read.dedupe == SW_DEDUPE_REFUSE && read.similar == 800);
    sw_buf_release(&text);
    sw_buf_release(&again);
}

static void keys_of_all_parts_are_told_apart(void **unused)
{
    const struct sw_span id = sw_span_str("talk");
    struct sw_context_key key;
    uint64_t token = 0;

    (void)unused;
    for (int part = 0; part < SW_CONTEXT_PART_COUNT; part++) {
        sw_context_part_key((enum sw_context_part)part, id, 77, &key);
        for (int other = 0; other < SW_CONTEXT_PART_COUNT; other++) {
            assert_int_equal(
                sw_context_part_token(
                    (enum sw_context_part)other, id, sw_context_key_span(&key), &token),
                other == part);
        }
        assert_int_equal(token, 77);
        assert_int_equal(sw_context_is_block_key(sw_context_key_span(&key)),
                         part == SW_CONTEXT_BLOCKS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_reads_back),
        cmocka_unit_test(the_longest_header_fits),
        cmocka_unit_test(a_damaged_header_is_refused_or_reads_as_written),
        cmocka_unit_test(headers_that_make_no_sense_are_refused),
        cmocka_unit_test(a_header_has_the_older_form_while_it_can),
        cmocka_unit_test(blocks_read_back),
        cmocka_unit_test(what_is_no_block_is_refused),
        cmocka_unit_test(a_block_names_what_it_is_like),
        cmocka_unit_test(tombstones_read_back),
        cmocka_unit_test(stored_policies_read_back),
        cmocka_unit_test(keys_name_the_token),
        cmocka_unit_test(keys_of_all_parts_are_told_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
