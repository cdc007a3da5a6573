/* Pruning: what a policy lets go, in steps, the same dry and done, and readable in the past. */
#include "node/query.h"
#include "storage/keys.h"
#include "tests/unit/node/vector_kit.h"
#include "transport/context.h"

static struct sw_request with_value(enum sw_op op, const char *id)
{
    struct sw_request request = kit_request(op);

    request.key = sw_span_str(id);
    request.value = sw_buf_span(&kit_value);
    return request;
}

static struct kit with_context(void)
{
    const struct sw_context_spec spec = {.block_size = 4, .index = sw_span_str("notes")};
    struct kit kit = kit_open();

    assert_int_equal(kit_run(&kit, 1, kit_index_create("notes", KIT_DIM)).err, SW_ERR_OK);
    sw_buf_clear(&kit_value);
    sw_context_spec_encode(&spec, &kit_value);
    assert_int_equal(kit_run(&kit, 1, with_value(SW_OP_CONTEXT_CREATE, "t")).err, SW_ERR_OK);
    return kit;
}

static void add(struct kit *kit, uint64_t time_ms, bool has_score, int64_t score)
{
    const struct kit_vector vector = kit_vector_of(time_ms);

    sw_buf_clear(&kit_value);
    sw_context_append_encode(
        &(struct sw_context_append){.tokens = 4,
                                    .has_score = has_score,
                                    .score = score,
                                    .vector = sw_span_of(&vector, sizeof vector),
                                    .content = sw_span_str("ten bytes.")},
        &kit_value);
    assert_int_equal(kit_run(kit, time_ms, with_value(SW_OP_CONTEXT_APPEND, "t")).err, SW_ERR_OK);
}

/* Ten blocks of ten bytes at 0, 10, ... 90 ms with scores 0 to 9. */
static struct kit with_blocks(void)
{
    struct kit kit = with_context();

    for (uint64_t i = 0; i < 10; i++) {
        add(&kit, 10 * i, true, (int64_t)i);
    }
    return kit;
}

static struct sw_command_result
prune(struct kit *kit, uint64_t time_ms, struct sw_context_policy policy)
{
    sw_buf_clear(&kit_value);
    sw_context_policy_encode(&policy, &kit_value);
    return kit_run(kit, time_ms, with_value(SW_OP_CONTEXT_PRUNE, "t"));
}

/* The numbers of the blocks that the answer names, one bit each. */
static uint64_t named(const struct sw_command_result *result)
{
    struct sw_reader in = sw_reader_of(result->records);
    uint64_t bits = 0;

    for (uint32_t i = 0; i < result->record_count; i++) {
        struct sw_record record;
        uint64_t token = 0;

        assert_int_equal(sw_record_decode(&in, &record), SW_ERR_OK);
        assert_true(sw_context_block_token(sw_span_str("t"), record.key, &token));
        assert_int_equal(record.value.size, 0);
        assert_int_equal(record.lease, 10);
        bits |= UINT64_C(1) << (token / 4);
    }
    return bits;
}

static uint32_t found(struct kit *kit)
{
    const struct kit_vector vector = kit_vector_of(0);
    struct sw_vector_query query = kit_question("notes", &vector);

    query.k = KIT_HITS;
    return kit_search(kit, &query).count;
}

/* What a dry run names is what goes then, and nothing else. */
static void expect(struct sw_context_policy policy, uint64_t bits)
{
    struct kit kit = with_blocks();
    struct sw_command_result result;
    const uint64_t revision = kit.state.revision;
    const uint32_t count = (uint32_t)__builtin_popcountll(bits);

    policy.dry = true;
    result = prune(&kit, 100, policy);
    kit_assert_result(result, SW_ERR_OK, revision, 0);
    assert_int_equal(named(&result), bits);
    assert_int_equal(found(&kit), 10);
    policy.dry = false;
    result = prune(&kit, 100, policy);
    kit_assert_result(result, SW_ERR_OK, revision + (count > 0 ? 1 : 0), 0);
    assert_int_equal(named(&result), bits);
    assert_int_equal(found(&kit), 10 - count);
    result = prune(&kit, 100, policy);
    assert_int_equal(result.record_count, 0);
    kit_close(&kit);
}

static void each_part_of_a_policy_counts(void **unused)
{
    (void)unused;
    expect((struct sw_context_policy){.threshold = 2}, 0x7);
    expect((struct sw_context_policy){.threshold = -1}, 0);
    expect((struct sw_context_policy){.high = true, .threshold = 7}, 0x380);
    expect((struct sw_context_policy){.threshold = 9, .age_ms = 60}, 0x1f);
    expect((struct sw_context_policy){.threshold = 9, .keep = 8}, 0xff);
    expect((struct sw_context_policy){.threshold = 9, .keep = 7}, 0xff);
    expect((struct sw_context_policy){.threshold = 9, .keep = 9}, 0x7f);
    expect((struct sw_context_policy){.threshold = 9, .size_max = 65}, 0xf);
    expect((struct sw_context_policy){.high = true, .threshold = 3, .size_max = 80}, 0x18);
    expect((struct sw_context_policy){.threshold = 9, .size_max = 100}, 0);
    expect((struct sw_context_policy){.threshold = 9, .from = 17}, 0x3e0);
}

static void blocks_without_a_score_stay(void **unused)
{
    struct kit kit = with_context();
    struct sw_command_result result;

    (void)unused;
    add(&kit, 1, false, 0);
    add(&kit, 2, true, 0);
    result = prune(&kit, 3, (struct sw_context_policy){.threshold = INT64_MAX});
    assert_int_equal(named(&result), 0x2);
    kit_close(&kit);
}

static void a_pruned_block_is_read_in_the_past(void **unused)
{
    struct kit kit = with_blocks();
    struct sw_request get = kit_request(SW_OP_GET);
    struct sw_buf records = {0};
    struct sw_reply reply;

    (void)unused;
    get.key = sw_span_str("ctx-block/t/0000000000000004");
    get.expected = kit.state.revision;
    (void)prune(&kit, 100, (struct sw_context_policy){.threshold = 5});
    assert_int_equal(sw_query(&kit.state, kit.store, &get, &records, &reply), SW_ERR_OK);
    assert_int_equal(reply.err, SW_ERR_OK);
    get.expected = 0;
    sw_buf_clear(&records);
    assert_int_equal(sw_query(&kit.state, kit.store, &get, &records, &reply), SW_ERR_OK);
    assert_int_equal(reply.err, SW_ERR_NOT_FOUND);
    sw_buf_release(&records);
    kit_close(&kit);
}

/* Steps of a long one, dry and done, name the same blocks; a budget counts through all steps. */
static void a_long_one_takes_steps(void **unused)
{
    struct sw_context_policy policy = {.dry = true, .threshold = 0, .size_max = 2005};
    struct kit kit = with_context();
    struct sw_command_result result;
    uint32_t dry = 0, done = 0, steps = 0;

    (void)unused;
    for (uint64_t i = 0; i < 1400; i++) {
        add(&kit, i, true, i % 3 == 0 ? 0 : 1);
    }
    policy.size_max = 14000 - 4005;
    do {
        result = prune(&kit, 2000, policy);
        assert_int_equal(result.err, SW_ERR_OK);
        assert_true(result.record_count <= SW_CONTEXT_STEP_COUNT_MAX);
        dry += result.record_count;
        policy.counted += result.record_count * 10;
        policy.from = result.value;
        steps++;
    } while (result.value != 0);
    assert_int_equal(dry, 401);
    assert_true(steps >= 4);
    policy.dry = false;
    policy.counted = 0;
    do {
        result = prune(&kit, 2000, policy);
        assert_int_equal(result.err, SW_ERR_OK);
        done += result.record_count;
        policy.from = result.value;
    } while (result.value != 0);
    assert_int_equal(done, dry);
    kit_close(&kit);
}

static void refusals_change_nothing(void **unused)
{
    struct kit kit = with_blocks();
    const uint64_t revision = kit.state.revision;
    char name[64];

    (void)unused;
    assert_int_equal(prune(&kit, 100, (struct sw_context_policy){.counted = 1}).err,
                     SW_ERR_INVALID);
    sw_buf_clear(&kit_value);
    sw_context_policy_encode(&(struct sw_context_policy){.threshold = 9}, &kit_value);
    assert_int_equal(kit_run(&kit, 100, with_value(SW_OP_CONTEXT_PRUNE, "nobody")).err,
                     SW_ERR_NOT_FOUND);
    assert_int_equal(kit.state.revision, revision);
    for (int i = 0; i < SW_CONTEXT_VISIT_COUNT_MAX + 10; i++) { /* somebody's own keys */
        (void)snprintf(name, sizeof name, "ctx-block/t/0000000000000005-%d", i);
        (void)kit_run(&kit, 100, kit_put(name, "x"));
    }
    (void)prune(&kit, 100, (struct sw_context_policy){.threshold = 0});
    assert_int_equal(prune(&kit, 100, (struct sw_context_policy){.threshold = 9, .from = 5}).err,
                     SW_ERR_WRONG_TYPE);
    assert_int_equal(found(&kit), 9);
    kit_close(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_part_of_a_policy_counts),
        cmocka_unit_test(blocks_without_a_score_stay),
        cmocka_unit_test(a_pruned_block_is_read_in_the_past),
        cmocka_unit_test(a_long_one_takes_steps),
        cmocka_unit_test(refusals_change_nothing),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);

    sw_buf_release(&kit_value);
    return failed;
}
