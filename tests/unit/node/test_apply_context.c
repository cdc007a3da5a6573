/* Contexts in the replicated state: blocks get their tokens in the order of the log, and what left
 * the window is not found any more, on every replica from the same entry on. */
#include "storage/keys.h"
#include "tests/unit/node/vector_kit.h"
#include "transport/context.h"

static struct sw_request create(const char *id, struct sw_context_spec spec)
{
    struct sw_request request = kit_request(SW_OP_CONTEXT_CREATE);

    sw_buf_clear(&kit_value);
    sw_context_spec_encode(&spec, &kit_value);
    request.key = sw_span_str(id);
    request.value = sw_buf_span(&kit_value);
    return request;
}

static struct sw_request append(const char *id, struct sw_context_append block)
{
    struct sw_request request = kit_request(SW_OP_CONTEXT_APPEND);

    sw_buf_clear(&kit_value);
    sw_context_append_encode(&block, &kit_value);
    request.key = sw_span_str(id);
    request.value = sw_buf_span(&kit_value);
    return request;
}

static struct sw_request text(const char *id, uint32_t tokens, const char *content)
{
    return append(id,
                  (struct sw_context_append){.tokens = tokens, .content = sw_span_str(content)});
}

static struct sw_request window(const char *id, uint32_t blocks, uint64_t ms)
{
    const struct sw_context_window wanted = {.blocks = blocks, .ms = ms};
    struct sw_request request = kit_request(SW_OP_CONTEXT_WINDOW);

    sw_buf_clear(&kit_value);
    sw_context_window_encode(&wanted, &kit_value);
    request.key = sw_span_str(id);
    request.value = sw_buf_span(&kit_value);
    return request;
}

static struct sw_request delete_of(const char *id)
{
    struct sw_request request = kit_request(SW_OP_CONTEXT_DELETE);

    request.key = sw_span_str(id);
    return request;
}

static struct sw_kv_record get(struct kit *kit, const char *name)
{
    const struct sw_request at = kit_request(SW_OP_GET);
    const struct sw_place place = {
        .tenant = at.tenant, .name_space = at.name_space, .partition = at.partition};
    struct sw_kv_record record = {0};
    struct sw_span bytes;
    struct sw_key key;
    enum sw_err err;

    sw_key_kv(&place, sw_span_str(name), &key);
    err = kit->store->ops->get(kit->store, SW_TABLE_KV, sw_key_span(&key), &bytes);
    if (err == SW_ERR_OK) {
        err = sw_kv_record_decode(bytes, &record);
        assert_int_equal(err, SW_ERR_OK);
    }
    return record;
}

static struct sw_context header_of(struct kit *kit, const char *name)
{
    struct sw_context context = {0};

    assert_true(sw_context_read(get(kit, name).value, &context));
    return context;
}

/* An index, and a context `talk` in it with blocks of 4 tokens and this window. */
static struct kit with_context(uint32_t blocks, uint64_t ms)
{
    struct kit kit = kit_open();

    assert_int_equal(kit_run(&kit, 1, kit_index_create("notes", KIT_DIM)).err, SW_ERR_OK);
    kit_assert_result(
        kit_run(&kit,
                1,
                create("talk",
                       (struct sw_context_spec){.block_size = 4,
                                                .window = {.blocks = blocks, .ms = ms},
                                                .index = sw_span_str("notes")})),
        SW_ERR_OK,
        2,
        0);
    return kit;
}

static struct sw_command_result
add_to(struct kit *kit, const char *id, uint64_t time_ms, uint64_t number)
{
    const struct kit_vector vector = kit_vector_of(number);

    return kit_run(kit,
                   time_ms,
                   append(id,
                          (struct sw_context_append){.tokens = 4,
                                                     .vector = sw_span_of(&vector, sizeof vector),
                                                     .content = sw_span_str("four")}));
}

static void add(struct kit *kit, uint64_t time_ms, uint64_t number)
{
    const struct sw_command_result result = add_to(kit, "talk", time_ms, number);

    assert_int_equal(result.err, SW_ERR_OK);
    assert_int_equal(result.value, number * 4);
}

static uint32_t found(struct kit *kit, uint32_t flags)
{
    const struct kit_vector vector = kit_vector_of(0);
    struct sw_vector_query query = kit_question("notes", &vector);
    struct kit_hits hits;

    query.k = KIT_HITS;
    query.flags = flags;
    hits = kit_search(kit, &query);
    assert_int_equal(hits.err, SW_ERR_OK);
    return hits.count;
}

static void tokens_are_given_in_the_order_of_the_log(void **unused)
{
    struct kit kit = kit_open();
    struct sw_context_block block;
    struct sw_context context;
    struct sw_kv_record record;

    (void)unused;
    assert_int_equal(
        kit_run(&kit, 1, create("t", (struct sw_context_spec){.block_size = 8, .overlap = 2})).err,
        SW_ERR_OK);
    kit_assert_result(kit_run(&kit, 2, text("t", 8, "first")), SW_ERR_OK, 2, 0);
    kit_assert_result(kit_run(&kit, 3, text("t", 3, "second")), SW_ERR_OK, 3, 6);
    kit_assert_result(kit_run(&kit, 4, text("t", 8, "third")), SW_ERR_OK, 4, 7);
    record = get(&kit, "ctx-block/t/0000000000000006");
    assert_int_equal(record.mod_revision, 3);
    assert_int_equal(record.time_ms, 3);
    assert_true(sw_context_block_read(record.value, &block));
    assert_int_equal(block.number, 1);
    assert_int_equal(block.tokens, 3);
    assert_true(sw_span_equal(block.content, sw_span_str("second")));
    assert_int_equal(get(&kit, "ctx/t").mod_revision, 4); /* one change, one revision */
    context = header_of(&kit, "ctx/t");
    assert_int_equal(context.blocks, 3);
    assert_int_equal(context.next, 15);
    assert_int_equal(context.size, strlen("firstsecondthird"));
    kit_close(&kit);
}

static void what_does_not_fit_is_refused_and_changes_nothing(void **unused)
{
    struct kit kit = with_context(0, 0);
    const struct kit_vector vector = kit_vector_of(1);
    struct sw_context_append block = {
        .tokens = 4, .vector = sw_span_of(&vector, sizeof vector - 4), .content = sw_span_str("x")};

    (void)unused;
    kit_assert_result(
        kit_run(&kit, 2, append("talk", block)), SW_ERR_DIMENSION, 2, (uint64_t)15 << 32 | 16);
    kit_assert_result(kit_run(&kit, 2, text("nobody", 1, "x")), SW_ERR_NOT_FOUND, 2, 0);
    kit_assert_result(kit_run(&kit, 2, window("nobody", 1, 0)), SW_ERR_NOT_FOUND, 2, 0);
    kit_assert_result(kit_run(&kit, 2, delete_of("nobody")), SW_ERR_NOT_FOUND, 2, 0);
    kit_assert_result(kit_run(&kit, 2, text("talk", 5, "x")), SW_ERR_TOO_LARGE, 2, 4);
    assert_int_equal(kit_run(&kit, 2, text("talk", 0, "x")).err, SW_ERR_INVALID);
    assert_int_equal(kit_run(&kit, 2, text("a/b", 1, "x")).err, SW_ERR_INVALID);
    kit_assert_result(kit_run(&kit, 2, create("talk", (struct sw_context_spec){.block_size = 1})),
                      SW_ERR_CONFLICT,
                      2,
                      2);
    assert_int_equal(
        kit_run(&kit, 2, create("u", (struct sw_context_spec){.block_size = 2, .overlap = 2})).err,
        SW_ERR_INVALID);
    kit_assert_result(
        kit_run(
            &kit,
            2,
            create("u", (struct sw_context_spec){.block_size = 2, .index = sw_span_str("none")})),
        SW_ERR_NO_INDEX,
        2,
        0);
    assert_int_equal(get(&kit, "ctx/u").version, 0);
    assert_int_equal(get(&kit, "ctx/talk").version, 1);
    assert_int_equal(found(&kit, 0), 0);
    kit_close(&kit);
}

static void a_block_that_only_repeats_is_refused(void **unused)
{
    struct kit kit = kit_open();

    (void)unused;
    (void)kit_run(&kit, 1, create("t", (struct sw_context_spec){.block_size = 8, .overlap = 2}));
    kit_assert_result(kit_run(&kit, 2, text("t", 2, "ab")), SW_ERR_OK, 2, 0);
    kit_assert_result(kit_run(&kit, 2, text("t", 2, "ab")), SW_ERR_INVALID, 2, 0);
    kit_assert_result(kit_run(&kit, 2, text("t", 3, "abc")), SW_ERR_OK, 3, 0);
    kit_close(&kit);
}

static void a_session_appends_once(void **unused)
{
    struct kit kit = with_context(0, 0);
    struct sw_request request;
    uint64_t session;

    (void)unused;
    session = kit_run(&kit, 2, kit_session_open("0123456789abcdef", 60000)).value;
    request = kit_in_session(text("talk", 4, "once"), session, 1, 0);
    kit_assert_result(kit_run(&kit, 3, request), SW_ERR_OK, 4, 0);
    kit_assert_result(kit_run(&kit, 4, request), SW_ERR_OK, 4, 0);
    request = kit_in_session(text("talk", 4, "twice"), session, 2, 1);
    kit_assert_result(kit_run(&kit, 5, request), SW_ERR_OK, 5, 4);
    kit_assert_result(kit_run(&kit, 6, request), SW_ERR_OK, 5, 4);
    assert_int_equal(header_of(&kit, "ctx/talk").blocks, 2);
    kit_close(&kit);
}

static void a_window_of_blocks_moves_with_each(void **unused)
{
    struct kit kit = with_context(3, 0);

    (void)unused;
    for (uint64_t i = 0; i < 12; i++) {
        add(&kit, 10, i);
        assert_int_equal(found(&kit, 0), i < 3 ? i + 1 : 3);
        assert_int_equal(found(&kit, SW_VECTOR_STALE), i + 1);
        assert_int_equal(header_of(&kit, "ctx/talk").window_token, i < 3 ? 0 : (i - 2) * 4);
    }
    kit_close(&kit);
}

static void a_window_of_time_counts_committed_time(void **unused)
{
    struct kit kit = with_context(0, 100);

    (void)unused;
    add(&kit, 1000, 0);
    add(&kit, 1050, 1);
    add(&kit, 1100, 2); /* 100 ms are inside */
    assert_int_equal(found(&kit, 0), 3);
    add(&kit, 1101, 3);
    assert_int_equal(found(&kit, 0), 3);
    add(&kit, 500, 4); /* a leader whose clock is behind changes nothing */
    assert_int_equal(found(&kit, 0), 4);
    add(&kit, 9000, 5);
    assert_int_equal(found(&kit, 0), 1);
    kit_assert_result(kit_run(&kit, 9101, window("talk", 0, 100)), SW_ERR_OK, 9, 24);
    assert_int_equal(found(&kit, 0), 0);
    assert_int_equal(found(&kit, SW_VECTOR_STALE), 6);
    add(&kit, 9102, 6);
    assert_int_equal(found(&kit, 0), 1);
    kit_close(&kit);
}

static void a_narrower_window_hides_at_once_and_a_wider_shows_nothing_again(void **unused)
{
    struct kit kit = with_context(0, 0);

    (void)unused;
    for (uint64_t i = 0; i < 10; i++) {
        add(&kit, i, i);
    }
    assert_int_equal(found(&kit, 0), 10);
    kit_assert_result(kit_run(&kit, 20, window("talk", 4, 0)), SW_ERR_OK, 13, 24);
    assert_int_equal(found(&kit, 0), 4);
    kit_assert_result(kit_run(&kit, 20, window("talk", 8, 0)), SW_ERR_OK, 14, 24);
    assert_int_equal(found(&kit, 0), 4);
    add(&kit, 21, 10);
    assert_int_equal(found(&kit, 0), 5);
    kit_close(&kit);
}

static void contexts_have_windows_of_their_own(void **unused)
{
    struct kit kit = with_context(2, 0);

    (void)unused;
    (void)kit_run(
        &kit,
        1,
        create("other", (struct sw_context_spec){.block_size = 4, .index = sw_span_str("notes")}));
    for (uint64_t i = 0; i < 5; i++) {
        add(&kit, i, i);
        assert_int_equal(add_to(&kit, "other", i, i + 100).err, SW_ERR_OK);
    }
    assert_int_equal(found(&kit, 0), 2 + 5);
    kit_close(&kit);
}

static void deleting_takes_steps_and_hides_at_once(void **unused)
{
    const uint64_t count = SW_CONTEXT_STEP_COUNT_MAX + 10;
    struct kit kit = with_context(0, 0);
    struct sw_command_result result;

    (void)unused;
    for (uint64_t i = 0; i < count; i++) {
        add(&kit, i, i);
    }
    result = kit_run(&kit, 500, delete_of("talk"));
    assert_int_equal(result.err, SW_ERR_OK);
    assert_int_equal(result.value, 1);
    assert_int_equal(found(&kit, 0), 0);
    assert_int_equal(found(&kit, SW_VECTOR_STALE), 10);
    assert_int_equal(kit_run(&kit, 500, text("talk", 1, "x")).err, SW_ERR_NOT_FOUND);
    assert_int_equal(
        kit_run(&kit, 500, create("talk", (struct sw_context_spec){.block_size = 4})).err,
        SW_ERR_CONFLICT);
    result = kit_run(&kit, 500, delete_of("talk"));
    assert_int_equal(result.err, SW_ERR_OK);
    assert_int_equal(result.value, 0);
    assert_int_equal(found(&kit, SW_VECTOR_STALE), 0);
    assert_int_equal(get(&kit, "ctx/talk").version, 0);
    assert_int_equal(kit_run(&kit, 500, delete_of("talk")).err, SW_ERR_NOT_FOUND);
    assert_int_equal(
        kit_run(&kit, 500, create("talk", (struct sw_context_spec){.block_size = 4})).err,
        SW_ERR_OK);
    kit_close(&kit);
}

/* Whoever may write may write anything there: it is answered, never trusted. */
static void keys_written_by_hand_do_no_harm(void **unused)
{
    struct kit kit = with_context(2, 50);

    (void)unused;
    add(&kit, 1, 0);
    (void)kit_run(&kit, 1, kit_put("ctx-block/talk/0000000000000002", "no block"));
    (void)kit_run(&kit, 1, kit_put("ctx-block/talk/00zz", "no key of ours"));
    (void)kit_run(&kit, 1, kit_put("ctx-block/talk/ffffffffffffffff", "far behind"));
    (void)kit_run(&kit, 1, kit_put("ctx-block/talk/0000000000000008", "in the way"));
    for (uint64_t i = 1; i < 6; i++) {
        add(&kit, 10 * i, i);
        (void)kit_run(&kit, 10 * i, window("talk", 2, 50 - i));
    }
    (void)kit_run(&kit, 60, kit_put("ctx/talk", "swarm-context 1\nblock_size=0\n"));
    assert_int_equal(kit_run(&kit, 60, text("talk", 1, "x")).err, SW_ERR_WRONG_TYPE);
    assert_int_equal(kit_run(&kit, 60, window("talk", 1, 0)).err, SW_ERR_WRONG_TYPE);
    assert_int_equal(kit_run(&kit, 60, delete_of("talk")).err, SW_ERR_OK);
    assert_int_equal(get(&kit, "ctx/talk").version, 0);
    assert_int_equal(get(&kit, "ctx-block/talk/00zz").version, 0);
    assert_int_equal(found(&kit, SW_VECTOR_STALE), 0);
    kit_close(&kit);
}

static void blocks_without_a_header_keep_the_id(void **unused)
{
    struct kit kit = with_context(0, 0);

    (void)unused;
    add(&kit, 1, 0);
    (void)kit_run(&kit, 2, kit_delete("ctx/talk"));
    assert_int_equal(
        kit_run(&kit, 2, create("talk", (struct sw_context_spec){.block_size = 4})).err,
        SW_ERR_CONFLICT);
    assert_int_equal(kit_run(&kit, 2, delete_of("talk")).err, SW_ERR_OK);
    assert_int_equal(found(&kit, SW_VECTOR_STALE), 0);
    assert_int_equal(
        kit_run(&kit, 2, create("talk", (struct sw_context_spec){.block_size = 4})).err, SW_ERR_OK);
    kit_close(&kit);
}

static void run_both(struct kit *one, struct kit *two, uint64_t time_ms, struct sw_request request)
{
    const struct sw_command_result a = kit_run(one, time_ms, request);
    const struct sw_command_result b = kit_run(two, time_ms, request);

    assert_int_equal(a.err, b.err);
    assert_int_equal(a.revision, b.revision);
    assert_int_equal(a.value, b.value);
    assert_int_equal(one->state.digest, two->state.digest);
    assert_int_equal(found(one, 0), found(two, 0));
}

/* When a replica commits, searches or starts again is its own business. */
static void replicas_agree_whenever_they_commit(void **unused)
{
    struct kit one = with_context(5, 40), two = with_context(5, 40);
    struct sw_prng prng = sw_prng_of(11);

    (void)unused;
    for (uint64_t i = 0; i < 300; i++) {
        const struct kit_vector vector = kit_vector_of(i);
        const struct sw_context_append block = {
            .tokens = (uint32_t)sw_prng_below(&prng, 5),
            .has_score = i % 2 == 0,
            .score = (int64_t)i - 100,
            .vector = sw_span_of(&vector, i % 3 == 0 ? 0 : sizeof vector),
            .content = sw_span_str("content")};

        if (sw_prng_below(&prng, 10) == 0) {
            run_both(&one,
                     &two,
                     i * 5,
                     window("talk", (uint32_t)sw_prng_below(&prng, 8), sw_prng_below(&prng, 80)));
        } else if (sw_prng_below(&prng, 60) == 0) {
            run_both(&one, &two, i * 5, delete_of("talk"));
            run_both(&one,
                     &two,
                     i * 5,
                     create("talk",
                            (struct sw_context_spec){.block_size = 4,
                                                     .window = {.blocks = 5},
                                                     .index = sw_span_str("notes")}));
        } else {
            run_both(&one, &two, i * 5, append("talk", block));
        }
        if (i % 7 == 0) {
            kit_commit(&one);
        }
        if (i % 31 == 0) {
            kit_commit(&two);
            kit_restart(&two);
        }
    }
    kit_commit(&one);
    kit_commit(&two);
    kit_assert_equal_stores(one.store, two.store);
    kit_close(&one);
    kit_close(&two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_are_given_in_the_order_of_the_log),
        cmocka_unit_test(what_does_not_fit_is_refused_and_changes_nothing),
        cmocka_unit_test(a_block_that_only_repeats_is_refused),
        cmocka_unit_test(a_session_appends_once),
        cmocka_unit_test(a_window_of_blocks_moves_with_each),
        cmocka_unit_test(a_window_of_time_counts_committed_time),
        cmocka_unit_test(a_narrower_window_hides_at_once_and_a_wider_shows_nothing_again),
        cmocka_unit_test(contexts_have_windows_of_their_own),
        cmocka_unit_test(deleting_takes_steps_and_hides_at_once),
        cmocka_unit_test(keys_written_by_hand_do_no_harm),
        cmocka_unit_test(blocks_without_a_header_keep_the_id),
        cmocka_unit_test(replicas_agree_whenever_they_commit),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);

    sw_buf_release(&kit_value);
    return failed;
}
