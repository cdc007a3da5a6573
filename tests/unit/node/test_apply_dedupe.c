/* Duplicates at append: equal ones, near ones, what is done about them, and what is forgotten. */
#include "tests/unit/node/context_kit.h"

static struct sw_context_rules rules(enum sw_dedupe dedupe)
{
    return (struct sw_context_rules){.dedupe = dedupe, .similar = 800};
}

static struct kit with_rules(const char *id, enum sw_dedupe dedupe)
{
    struct kit kit = kit_with_context((struct sw_context_window){0});

    assert_int_equal(
        kit_run(&kit, 1, kit_context_create("u", (struct sw_context_spec){.block_size = 4})).err,
        SW_ERR_OK);
    assert_int_equal(kit_run(&kit, 1, kit_context_policy(id, rules(dedupe))).err, SW_ERR_OK);
    return kit;
}

/* Forty different words, of which the last few may be others. */
static const char *text_of(uint32_t number, uint32_t changed)
{
    static char text[1024];
    size_t size = 0;

    for (uint32_t i = 0; i < 40; i++) {
        size += (size_t)snprintf(text + size,
                                 sizeof text - size,
                                 "w%u-%u ",
                                 (unsigned)(i < 40 - changed ? number : number + 1000),
                                 (unsigned)i);
    }
    return text;
}

/* The block that an answer names, and how like it is; 0 if it names none. */
static uint64_t named(const struct sw_command_result *result, char ret_key[64])
{
    struct sw_reader in = sw_reader_of(result->records);
    struct sw_record record;

    ret_key[0] = '\0';
    if (result->record_count == 0) {
        return 0;
    }
    assert_int_equal(result->record_count, 1);
    assert_int_equal(sw_record_decode(&in, &record), SW_ERR_OK);
    assert_int_equal(record.value.size, 0);
    (void)snprintf(ret_key, 64, "%.*s", (int)record.key.size, (const char *)record.key.data);
    return record.lease;
}

static void equal_contents_are_refused(void **unused)
{
    struct kit kit = with_rules("t", SW_DEDUPE_REFUSE);
    struct sw_command_result result;
    uint64_t revision;
    char key[64];

    (void)unused;
    assert_int_equal(kit_run(&kit, 1, kit_context_text("t", "one")).err, SW_ERR_OK);
    assert_int_equal(kit_run(&kit, 1, kit_context_text("t", "two")).err, SW_ERR_OK);
    revision = kit.state.revision;
    result = kit_run(&kit, 1, kit_context_text("t", "one"));
    assert_int_equal(result.err, SW_ERR_DUPLICATE);
    assert_int_equal(named(&result, key), 1000);
    assert_string_equal(key, "ctx-block/t/0000000000000000");
    assert_int_equal(kit.state.revision, revision);
    assert_int_equal(kit_blocks(&kit, "t"), 3);
    /* another context has no policy, and its blocks are nobody's duplicates */
    assert_int_equal(kit_run(&kit, 1, kit_context_text("u", "one")).err, SW_ERR_OK);
    assert_int_equal(kit_run(&kit, 1, kit_context_text("u", "one")).err, SW_ERR_OK);
    kit_close(&kit);
}

static void near_ones_are_told_from_far_ones(void **unused)
{
    struct kit kit = with_rules("t", SW_DEDUPE_FLAG);
    struct sw_command_result result;
    char key[64];
    uint64_t likeness;

    (void)unused;
    for (uint32_t i = 0; i < 20; i++) {
        result = kit_run(&kit, 1, kit_context_text("t", text_of(i, 0)));
        assert_int_equal(named(&result, key), 0);
    }
    for (uint32_t i = 0; i < 20; i++) { /* 37 of 39 shingles, so 0.9 of all */
        result = kit_run(&kit, 1, kit_context_text("t", text_of(i, 2)));
        assert_int_equal(result.err, SW_ERR_OK);
        likeness = named(&result, key);
        assert_in_range(likeness, 800, 999);
        assert_int_equal(strtoul(key + strlen("ctx-block/t/"), NULL, 16), i);
    }
    for (uint32_t i = 0; i < 20; i++) { /* a third in common */
        result = kit_run(&kit, 1, kit_context_text("t", text_of(i + 40, 20)));
        assert_int_equal(named(&result, key), 0);
    }
    assert_int_equal(kit_header(&kit, "t").duplicates, 20);
    assert_int_equal(kit_header(&kit, "t").blocks, 60);
    kit_close(&kit);
}

/* Of many that are equally like it the oldest is named, whatever the order of bands. */
static void a_link_is_in_the_block(void **unused)
{
    struct kit kit = with_rules("/", SW_DEDUPE_LINK);
    struct sw_context_block block;
    struct sw_command_result result;
    char key[64];

    (void)unused;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(kit_run(&kit, 1, kit_context_text("u", text_of(5, 0))).err, SW_ERR_OK);
    }
    result = kit_run(&kit, 1, kit_context_text("t", text_of(5, 0)));
    assert_int_equal(named(&result, key), 1000); /* of another context of the partition */
    assert_string_equal(key, "ctx-block/u/0000000000000000");
    assert_true(sw_context_block_read(kit_part(&kit, SW_CONTEXT_BLOCKS, "t", 0).value, &block));
    assert_int_equal(block.likeness, 1000);
    assert_true(sw_span_equal(block.like, sw_span_str(key)));
    assert_true(sw_span_equal(block.content, sw_span_str(text_of(5, 0))));
    kit_close(&kit);
}

static uint32_t sketch_records(struct kit *kit)
{
    struct sw_store_record record;
    uint32_t count = 0;
    enum sw_err err =
        kit->store->ops->seek(kit->store, SW_TABLE_INDEX, sw_span_of(NULL, 0), false, &record);

    for (; err == SW_ERR_OK;
         err = kit->store->ops->next(kit->store, SW_TABLE_INDEX, false, &record)) {
        count += record.key.data[2] >= SW_INDEX_SKETCH ? 1 : 0;
    }
    return count;
}

/* However a block goes, what is known of its content goes too, and comes back with it. */
static void it_goes_with_the_block(void **unused)
{
    struct kit kit = with_rules("t", SW_DEDUPE_REFUSE);
    struct sw_request request = kit_request(SW_OP_CONTEXT_DELETE);

    (void)unused;
    assert_int_equal(sketch_records(&kit), 0);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(kit_run(&kit, 1, kit_context_text("t", text_of(i, 0))).err, SW_ERR_OK);
    }
    assert_int_equal(sketch_records(&kit), 4 * 18);
    assert_int_equal(kit_run(&kit, 1, kit_delete("ctx-block/t/0000000000000000")).err, SW_ERR_OK);
    assert_int_equal(sketch_records(&kit), 3 * 18);
    assert_int_equal(kit_run(&kit, 1, kit_context_text("t", text_of(0, 0))).err, SW_ERR_OK);
    assert_int_equal(
        kit_run(&kit,
                1,
                kit_context_prune("t", (struct sw_context_policy){.any = true, .size_max = 900}))
            .err,
        SW_ERR_OK);
    assert_int_equal(kit_blocks(&kit, "t"), 0x18);
    assert_int_equal(sketch_records(&kit), 2 * 18);
    assert_int_equal(
        kit_run(&kit, 1, kit_context_restore("t", (struct sw_context_undo){.end = 99})).err,
        SW_ERR_OK);
    assert_int_equal(sketch_records(&kit), 4 * 18);
    assert_int_equal(kit_run(&kit, 1, kit_context_text("t", text_of(1, 0))).err, SW_ERR_DUPLICATE);
    request.key = sw_span_str("t");
    assert_int_equal(kit_run(&kit, 1, request).value, 0);
    assert_int_equal(sketch_records(&kit), 0);
    kit_close(&kit);
}

/* A band that a thousand blocks share costs an append no more than eight. */
static void many_of_one_band_are_bounded(void **unused)
{
    struct kit kit = with_rules("t", SW_DEDUPE_FLAG);
    struct sw_command_result result;
    char key[64];

    (void)unused;
    for (int i = 0; i < 200; i++) {
        result = kit_run(&kit, 1, kit_context_text("t", "the same again"));
        assert_int_equal(result.err, SW_ERR_OK);
    }
    assert_int_equal(named(&result, key), 1000);
    assert_string_equal(key, "ctx-block/t/0000000000000000");
    kit_close(&kit);
}

/* Who may write and not read hears that there is one, and not which. */
static void a_writer_without_read_is_not_told_which(void **unused)
{
    const struct sw_author writer = {.id = {1}};
    struct kit kit = with_rules("t", SW_DEDUPE_REFUSE);
    struct sw_request grant = {.op = SW_OP_SETTING_PUT,
                               .partition = sw_span_str("identity"),
                               .key = sw_span_str("writer")};
    struct sw_command_result result;

    (void)unused;
    grant.value = sw_span_str("id=01000000000000000000000000000000\nright=w acme prod");
    assert_int_equal(kit_run(&kit, 1, grant).err, SW_ERR_OK);
    assert_int_equal(kit_run(&kit, 1, kit_context_text("t", "secret")).err, SW_ERR_OK);
    result = kit_run_as(&kit, &writer, 1, kit_context_text("t", "secret"));
    assert_int_equal(result.err, SW_ERR_DUPLICATE);
    assert_int_equal(result.record_count, 0);
    kit_close(&kit);
}

static void numbers_are_compared_as_numbers(void **unused)
{
    struct kit kit = kit_with_context((struct sw_context_window){0});
    struct sw_context_rules of_ids = rules(SW_DEDUPE_REFUSE);
    uint32_t ids[256];
    struct sw_context_append block = {.tokens = 1, .content = sw_span_of(ids, sizeof ids)};

    (void)unused;
    of_ids.ids = true;
    assert_int_equal(kit_run(&kit, 1, kit_context_policy("t", of_ids)).err, SW_ERR_OK);
    for (uint32_t i = 0; i < 256; i++) {
        ids[i] = i * 2654435761U;
    }
    assert_int_equal(kit_run(&kit, 1, kit_context_append("t", block)).err, SW_ERR_OK);
    ids[100]++;
    assert_int_equal(kit_run(&kit, 1, kit_context_append("t", block)).err, SW_ERR_DUPLICATE);
    for (uint32_t i = 0; i < 256; i++) {
        ids[i] += i % 2;
    }
    assert_int_equal(kit_run(&kit, 1, kit_context_append("t", block)).err, SW_ERR_OK);
    kit_close(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_contents_are_refused),
        cmocka_unit_test(near_ones_are_told_from_far_ones),
        cmocka_unit_test(a_link_is_in_the_block),
        cmocka_unit_test(it_goes_with_the_block),
        cmocka_unit_test(many_of_one_band_are_bounded),
        cmocka_unit_test(a_writer_without_read_is_not_told_which),
        cmocka_unit_test(numbers_are_compared_as_numbers),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);

    sw_buf_release(&kit_value);
    return failed;
}
