/* What a pruning took comes back as it was, as long as changes are kept, and no longer. */
#include "tests/unit/node/context_kit.h"

static const struct sw_context_undo all = {.end = UINT64_MAX};

static uint64_t digest_of(const struct kit *kit)
{
    return kit->state.digest;
}

/* Six blocks at 10, 20, ... with scores 0 to 5; those up to 3 are pruned. */
static struct kit pruned(void)
{
    struct kit kit = kit_with_context((struct sw_context_window){0});
    struct sw_command_result result;

    for (uint64_t i = 0; i < 6; i++) {
        assert_int_equal(kit_add(&kit, 10 * (i + 1), i, (int64_t)i).err, SW_ERR_OK);
    }
    result = kit_run(&kit, 70, kit_context_prune("t", (struct sw_context_policy){.threshold = 3}));
    assert_int_equal(result.record_count, 4);
    assert_int_equal(kit_blocks(&kit, "t"), 48);
    return kit;
}

static void a_tombstone_says_why(void **unused)
{
    struct kit kit = pruned();
    struct sw_context_gone gone;

    (void)unused;
    assert_int_equal(kit_header(&kit, "t").gone, 4);
    for (uint64_t token = 0; token < 4; token++) {
        const struct sw_kv_record record = kit_part(&kit, SW_CONTEXT_GONE, "t", token);

        assert_int_equal(record.time_ms, 70);
        assert_true(sw_context_gone_read(record.value, &gone));
        assert_int_equal(gone.reason, SW_GONE_SCORE);
        assert_false(gone.by_policy);
        assert_int_equal(gone.number, token);
        assert_int_equal(gone.score, token);
        assert_int_equal(gone.size, 14);
        assert_true(gone.vector.size > 0);
    }
    assert_int_equal(kit_part(&kit, SW_CONTEXT_GONE, "t", 4).version, 0);
    kit_close(&kit);
}

static void what_went_comes_back_as_it_was(void **unused)
{
    const struct kit_vector first = kit_vector_of(0);
    struct kit kit = pruned();
    struct sw_command_result result;
    struct sw_context_block block;
    struct sw_kv_record record;
    struct kit_hits found;
    struct sw_vector_query query = kit_question("notes", &first);

    (void)unused;
    result = kit_run(&kit, 99, kit_context_restore("t", all));
    assert_int_equal(result.err, SW_ERR_OK);
    assert_int_equal(result.record_count, 4);
    assert_int_equal(result.value, 0);
    assert_int_equal(kit_blocks(&kit, "t"), 63);
    record = kit_part(&kit, SW_CONTEXT_BLOCKS, "t", 1);
    assert_int_equal(record.create_revision, 4); /* after index, context and block 0 */
    assert_int_equal(record.time_ms, 20);
    assert_true(record.mod_revision > 9);
    assert_true(sw_context_block_read(record.value, &block));
    assert_int_equal(block.number, 1);
    assert_memory_equal(block.content.data, "content 000001", 14);
    assert_int_equal(kit_found(&kit, "t", &first, 0), 63);
    found = kit_search(&kit, &query);
    assert_string_equal(found.hits[0].key, "ctx-block/t/0000000000000000");
    assert_true(found.hits[0].distance < 0.0001);
    assert_int_equal(kit_header(&kit, "t").gone, 0);
    assert_int_equal(kit_header(&kit, "t").pruned, 0);
    assert_int_equal(kit_header(&kit, "t").size, 6 * 14);
    assert_int_equal(kit_header(&kit, "t").epoch, kit.state.revision);
    assert_int_equal(kit_part(&kit, SW_CONTEXT_GONE, "t", 1).version, 0);
    kit_close(&kit);
}

/* Where the window is stays so: a block that comes back is as old as it was. */
static void windows_stay_where_they_are(void **unused)
{
    const struct kit_vector any = kit_vector_of(3);
    struct kit kit = pruned();

    (void)unused;
    assert_int_equal(kit_run(&kit, 80, kit_context_restore("t", all)).record_count, 4);
    assert_int_equal(
        kit_run(&kit, 80, kit_context_window("t", (struct sw_context_window){.blocks = 3})).value,
        3);
    assert_int_equal(kit_found(&kit, "t", &any, 0), 56);
    assert_int_equal(kit_found(&kit, "t", &any, SW_VECTOR_STALE), 63);
    assert_int_equal(
        kit_run(&kit, 80, kit_context_window("t", (struct sw_context_window){.ms = 25})).value, 5);
    assert_int_equal(kit_found(&kit, "t", &any, 0), 32);
    kit_close(&kit);
}

static void a_range_and_a_revision_bound_it(void **unused)
{
    struct kit kit = pruned();
    const uint64_t first = kit.state.revision;
    struct sw_command_result result;

    (void)unused;
    result = kit_run(&kit, 90, kit_context_prune("t", (struct sw_context_policy){.threshold = 4}));
    assert_int_equal(result.record_count, 1);
    result =
        kit_run(&kit,
                91,
                kit_context_restore("t", (struct sw_context_undo){.end = 99, .since = first + 1}));
    assert_int_equal(result.record_count, 1);
    assert_int_equal(kit_blocks(&kit, "t"), 48);
    result =
        kit_run(&kit, 91, kit_context_restore("t", (struct sw_context_undo){.from = 1, .end = 3}));
    assert_int_equal(result.record_count, 2);
    assert_int_equal(kit_blocks(&kit, "t"), 54);
    assert_int_equal(kit_run(&kit, 92, kit_context_restore("x", all)).err, SW_ERR_NOT_FOUND);
    kit_close(&kit);
}

/* Behind a compaction there is nothing to bring back, and the next pruning forgets the tombstones.
 */
static void a_compaction_ends_it(void **unused)
{
    struct kit kit = pruned();
    struct sw_request compact = {.op = SW_OP_COMPACT};
    struct sw_command_result result;

    (void)unused;
    assert_int_equal(kit_run(&kit, 80, kit_put("other", "key")).err, SW_ERR_OK);
    compact.expected = kit.state.revision;
    assert_int_equal(kit_run(&kit, 80, compact).err, SW_ERR_OK);
    result = kit_run(&kit, 81, kit_context_restore("t", all));
    kit_assert_result(result, SW_ERR_OK, kit.state.revision, 0);
    assert_int_equal(result.record_count, 0);
    assert_int_equal(kit_blocks(&kit, "t"), 48);
    result = kit_run(&kit, 82, kit_context_prune("t", (struct sw_context_policy){.threshold = 4}));
    assert_int_equal(result.record_count, 1);
    assert_int_equal(kit_header(&kit, "t").gone, 1);
    assert_int_equal(kit_part(&kit, SW_CONTEXT_GONE, "t", 0).version, 0);
    assert_int_equal(kit_part(&kit, SW_CONTEXT_GONE, "t", 4).version, 1);
    kit_close(&kit);
}

/* Tombstones are keys: whoever forges one gets no vector in, and a block only where one was. */
static void forged_tombstones_do_no_harm(void **unused)
{
    struct kit kit = pruned();
    struct sw_context_gone gone = {.number = 1, .tokens = 1, .size = 14};
    struct sw_buf text = {0};
    struct sw_request request;
    struct sw_command_result result;

    (void)unused;
    gone.vector = sw_span_str("sixty-four bytes that are the row of no vector, however one looks.");
    sw_context_gone_write(&gone, &text);
    request = kit_put("ctx-gone/t/0000000000000001", "");
    request.value = sw_buf_span(&text);
    assert_int_equal(kit_run(&kit, 80, request).err, SW_ERR_OK);
    request.key = sw_span_str("ctx-gone/t/0000000000000004"); /* which is there */
    assert_int_equal(kit_run(&kit, 80, request).err, SW_ERR_OK);
    request.key = sw_span_str("ctx-gone/t/0000000000000099"); /* which never was */
    assert_int_equal(kit_run(&kit, 80, request).err, SW_ERR_OK);
    result = kit_run(&kit, 81, kit_context_restore("t", all));
    assert_int_equal(result.err, SW_ERR_OK);
    assert_int_equal(kit_blocks(&kit, "t") & 48, 48);
    assert_int_equal(kit_part(&kit, SW_CONTEXT_BLOCKS, "t", 0x99).version, 0);
    sw_buf_release(&text);
    kit_close(&kit);
}

/* The same log, cut into commits and restarts elsewhere: the same bytes. */
static void replicas_agree(void **unused)
{
    struct kit a = pruned(), b = pruned();

    (void)unused;
    kit_commit(&b);
    kit_restart(&b);
    assert_int_equal(kit_run(&a, 80, kit_context_restore("t", all)).record_count, 4);
    assert_int_equal(kit_run(&b, 80, kit_context_restore("t", all)).record_count, 4);
    assert_int_equal(digest_of(&a), digest_of(&b));
    kit_commit(&a);
    kit_commit(&b);
    kit_assert_equal_stores(a.store, b.store);
    kit_close(&a);
    kit_close(&b);
}

/* A policy may take whatever was appended, but not in the same change: the key would have two
 * versions at one revision, and whoever reads its past would find no way. */
static void what_was_just_appended_stays_until_the_next(void **unused)
{
    struct kit kit = kit_with_context((struct sw_context_window){0});
    struct sw_context_rules rules = {.prunes = true, .any = true};
    struct sw_command_result result;

    (void)unused;
    assert_int_equal(kit_run(&kit, 1, kit_context_policy("t", rules)).err, SW_ERR_OK);
    for (uint64_t i = 0; i < 3; i++) {
        assert_int_equal(kit_add(&kit, 10 * (i + 1), i, (int64_t)i).err, SW_ERR_OK);
    }
    assert_int_equal(kit_header(&kit, "t").pruned, 2);
    rules = (struct sw_context_rules){0};
    assert_int_equal(kit_run(&kit, 40, kit_context_policy("t", rules)).err, SW_ERR_OK);
    result = kit_run(&kit, 50, kit_context_restore("t", all));
    assert_int_equal(result.err, SW_ERR_OK);
    assert_int_equal(result.record_count, 2);
    assert_int_equal(kit_header(&kit, "t").pruned, 0);
    kit_close(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tombstone_says_why),
        cmocka_unit_test(what_went_comes_back_as_it_was),
        cmocka_unit_test(windows_stay_where_they_are),
        cmocka_unit_test(a_range_and_a_revision_bound_it),
        cmocka_unit_test(a_compaction_ends_it),
        cmocka_unit_test(forged_tombstones_do_no_harm),
        cmocka_unit_test(what_was_just_appended_stays_until_the_next),
        cmocka_unit_test(replicas_agree),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);

    sw_buf_release(&kit_value);
    return failed;
}
