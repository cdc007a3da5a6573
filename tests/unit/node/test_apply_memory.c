/* Memories in the replicated state: said once, used and judged by committed time alone, and in
 * their index exactly as long as they are to be found. */
#include "tests/unit/node/memory_kit.h"

static const uint64_t day_ms = 24 * 3600 * 1000;

static void saying_it_again_is_using_it(void **unused)
{
    struct kit kit = kit_open();
    struct sw_memory_key key = kit_said(&kit, 1000, "a", "salt");
    struct sw_memory_text text = kit_text(&kit, &key);

    (void)unused;
    assert_int_equal(kit.results[0].record_count, 1);
    assert_int_equal(text.utility, 700);
    assert_int_equal(text.importance, 500);
    assert_int_equal(text.tier, SW_MEMORY_SHORT);
    assert_int_equal(text.born_ms, 1000);
    assert_int_equal(text.author.size, SW_MEMORY_AUTHOR_SIZE);
    (void)kit_said(&kit, 2000, "a", "salt");
    text = kit_text(&kit, &key);
    assert_int_equal(text.importance, 600);
    assert_int_equal(text.born_ms, 1000);
    assert_int_equal(text.touched_ms, 2000);
    assert_int_equal(text.uses, 1);
    assert_int_equal(kit_count_prefix(&kit, "memory/"), 1);
    kit_close(&kit);
}

static void use_and_judgement_are_arithmetic(void **unused)
{
    struct kit kit = kit_open();
    const struct sw_memory_key key = kit_said(&kit, 0, "a", "salt");
    const struct sw_memory_key none = kit_key_of("a", "pepper");

    (void)unused;
    kit_assert_result(kit_run(&kit, 0, kit_use(&key, SW_MEMORY_SUCCEEDED)), SW_ERR_OK, 2, 900);
    kit_assert_result(kit_run(&kit, 0, kit_use(&key, SW_MEMORY_SUCCEEDED)), SW_ERR_OK, 3, 1000);
    kit_assert_result(kit_run(&kit, 0, kit_use(&key, SW_MEMORY_FAILED)), SW_ERR_OK, 4, 700);
    for (int i = 0; i < 2; i++) {
        (void)kit_run(&kit, 0, kit_use(&key, SW_MEMORY_FAILED));
    }
    kit_assert_result(kit_run(&kit, 0, kit_use(&key, SW_MEMORY_FAILED)), SW_ERR_OK, 7, 0);
    kit_assert_result(kit_run(&kit, 0, kit_use(&key, SW_MEMORY_USED)), SW_ERR_OK, 8, 600);
    /* Ten days later: an hour short at 10 % a day, the rest working at 5 % a day. */
    kit_assert_result(
        kit_run(&kit, 10 * day_ms, kit_use(&key, SW_MEMORY_USED)), SW_ERR_OK, 9, 301 * 6 / 5);
    assert_int_equal(kit_text(&kit, &key).tier, SW_MEMORY_WORKING);
    assert_int_equal(kit_run(&kit, 0, kit_use(&none, SW_MEMORY_USED)).err, SW_ERR_NOT_FOUND);
    assert_int_equal(
        kit_run(&kit, 0, kit_put("memory/a/00000000000000000000000000000000", "x")).err, SW_ERR_OK);
    {
        struct sw_request request = kit_use(&key, SW_MEMORY_USED);

        request.key = sw_span_str("memory/a/00000000000000000000000000000000");
        assert_int_equal(kit_run(&kit, 0, request).err, SW_ERR_WRONG_TYPE);
        request.key = sw_span_str("memory/a/0");
        assert_int_equal(kit_run(&kit, 0, request).err, SW_ERR_INVALID);
    }
    kit_close(&kit);
}

static struct sw_memory_put with_vector(const char *content, const struct kit_vector *vector)
{
    struct sw_memory_put put = kit_memory(content);

    put.index = sw_span_str("notes");
    put.vector = sw_span_of(vector, sizeof *vector);
    return put;
}

static uint32_t found(struct kit *kit)
{
    const struct kit_vector vector = kit_vector_of(1);
    const struct sw_vector_query query = kit_question("notes", &vector);

    return kit_search(kit, &query).count;
}

static void what_is_archived_is_not_found(void **unused)
{
    const struct kit_vector vector = kit_vector_of(1);
    const struct sw_memory_put put = with_vector("salt", &vector);
    const struct sw_memory_key key = kit_key_of("a", "salt");
    struct kit kit = kit_open();

    (void)unused;
    assert_int_equal(kit_run(&kit, 1, kit_say("a", &put)).err, SW_ERR_NO_INDEX);
    assert_int_equal(kit_run(&kit, 1, kit_index_create("notes", KIT_DIM)).err, SW_ERR_OK);
    assert_int_equal(kit_run(&kit, 1, kit_say("a", &put)).err, SW_ERR_OK);
    assert_int_equal(found(&kit), 1);
    (void)kit_run(&kit, 1, kit_use(&key, SW_MEMORY_FAILED));
    assert_int_equal(found(&kit), 1);
    (void)kit_run(&kit, 1, kit_use(&key, SW_MEMORY_ARCHIVE));
    assert_int_equal(found(&kit), 0);
    assert_true(kit_text(&kit, &key).archived);
    assert_int_equal(kit_run(&kit, 1, kit_say("a", &put)).err, SW_ERR_OK);
    assert_int_equal(found(&kit), 1);
    assert_false(kit_text(&kit, &key).archived);
    kit_close(&kit);
}

static void novelty_is_decided_in_apply(void **unused)
{
    const struct kit_vector vector = kit_vector_of(1);
    struct sw_memory_put put = with_vector("salt", &vector);
    struct kit kit = kit_open();
    struct sw_command_result result;
    struct sw_reader in;
    struct sw_record record;
    const struct sw_memory_key key = kit_key_of("a", "salt");

    (void)unused;
    (void)kit_run(&kit, 1, kit_index_create("notes", KIT_DIM));
    put.novel = true;
    put.distance_max = 0.01;
    assert_int_equal(kit_run(&kit, 1, kit_say("a", &put)).err, SW_ERR_OK);
    put.content = sw_span_str("salt again");
    result = kit_run(&kit, 1, kit_say("b", &put));
    assert_int_equal(result.err, SW_ERR_EXISTS);
    in = sw_reader_of(result.records);
    assert_int_equal(sw_record_decode(&in, &record), SW_ERR_OK);
    assert_true(sw_span_equal(record.key, sw_memory_key_span(&key)));
    assert_int_equal(kit_count_prefix(&kit, "memory/"), 1);
    kit_close(&kit);
}

static void sources_are_linked_and_archived_in_one_change(void **unused)
{
    const struct kit_vector vector = kit_vector_of(1);
    struct sw_memory_put put = with_vector("salt", &vector);
    struct kit kit = kit_open();
    const struct sw_memory_key salt = kit_key_of("a", "salt");
    struct sw_memory_key sum = kit_key_of("a", "sum");
    struct sw_memory_text text;
    uint64_t revision;

    (void)unused;
    (void)kit_run(&kit, 1, kit_index_create("notes", KIT_DIM));
    (void)kit_run(&kit, 1, kit_say("a", &put));
    (void)kit_run(&kit, 1, kit_put("page", "text"));
    revision = kit.state.revision;
    put = kit_memory("sum");
    put.archive = true;
    put.parent_count = 3;
    put.parents[0] = sw_memory_key_span(&salt);
    put.parents[1] = sw_span_str("page");
    put.parents[2] = sw_span_str("nothing");
    kit_assert_result(kit_run(&kit, 1, kit_say("a", &put)), SW_ERR_SOURCE_GONE, revision, 3);
    put.parent_count = 2;
    assert_int_equal(kit_run(&kit, 1, kit_say("a", &put)).revision, revision + 1);
    text = kit_text(&kit, &sum);
    assert_int_equal(text.importance, 700);
    assert_int_equal(text.parent_count, 2);
    assert_int_equal(text.parents[0].revision, 2);
    assert_true(sw_span_equal(text.parents[1].key, sw_span_str("page")));
    assert_int_equal(kit_count_prefix(&kit, "link/"), 2);
    assert_int_equal(kit_count_prefix(&kit, "link-back/"), 2);
    assert_true(kit_text(&kit, &salt).archived);
    assert_int_equal(kit_get(&kit, sw_memory_key_span(&salt)).mod_revision, revision + 1);
    assert_int_equal(found(&kit), 0);
    /* Said with other sources it has those, and no others. */
    put.parent_count = 1;
    put.parents[0] = sw_span_str("page");
    assert_int_equal(kit_run(&kit, 1, kit_say("a", &put)).err, SW_ERR_OK);
    assert_int_equal(kit_count_prefix(&kit, "link/"), 1);
    assert_int_equal(kit_count_prefix(&kit, "link-back/"), 1);
    kit_close(&kit);
}

/* A value under the name of a memory that is none, with a vector: it stays as it is, found too. */
static void a_source_that_is_no_memory_keeps_its_vector(void **unused)
{
    const struct kit_vector vector = kit_vector_of(1);
    const struct sw_vector_item item = kit_item("notes", &vector, "text");
    const char *const name = "memory/a/00000000000000000000000000000000";
    struct sw_memory_put put = kit_memory("sum");
    struct kit kit = kit_open();

    (void)unused;
    (void)kit_run(&kit, 1, kit_index_create("notes", KIT_DIM));
    assert_int_equal(kit_run(&kit, 1, kit_vector_put(name, &item)).err, SW_ERR_OK);
    put.archive = true;
    put.parent_count = 1;
    put.parents[0] = sw_span_str(name);
    assert_int_equal(kit_run(&kit, 1, kit_say("a", &put)).err, SW_ERR_OK);
    assert_int_equal(found(&kit), 1);
    kit_close(&kit);
}

/* Names of links are hashes that somebody may bring to meet: two keys of one hash are one end. */
static void sources_of_one_hash_share_a_link(void **unused)
{
    char names[2][SW_KEY_SIZE_MAX + 1];
    struct sw_memory_put put = kit_memory("sum");
    struct kit kit = kit_open();
    struct sw_link_hash hashes[2];

    (void)unused;
    for (int i = 0; i < 2; i++) {
        memset(names[i], 'a', SW_KEY_SIZE_MAX);
        names[i][SW_KEY_SIZE_MAX] = '\0';
        memcpy(names[i] + 32, i == 0 ? "!@@@@" : "!@@@A", 5);
        memcpy(names[i] + 96, i == 0 ? "hcvsA" : "hcvs@", 5);
        hashes[i] = sw_link_hash_of(sw_span_str(names[i]));
        assert_int_equal(kit_run(&kit, 1, kit_put(names[i], "x")).err, SW_ERR_OK);
        put.parents[i] = sw_span_str(names[i]);
    }
    assert_memory_equal(&hashes[0], &hashes[1], sizeof hashes[0]);
    put.parent_count = 2;
    assert_int_equal(kit_run(&kit, 1, kit_say("a", &put)).err, SW_ERR_OK);
    assert_int_equal(kit_count_prefix(&kit, "link/"), 1);
    assert_int_equal(kit_count_prefix(&kit, "link-back/"), 1);
    kit_close(&kit);
}

/* What is used is written again, a little longer: it never outgrows what a key may hold. */
static void what_is_larger_than_a_memory_is_none(void **unused)
{
    static const char head[] = "swarm-memory 1\nagent=a\ntask=t\n\n";
    struct sw_memory_key key = kit_key_of("a", "salt");
    struct kit kit = kit_open();
    struct sw_request request = kit_request(SW_OP_PUT);
    struct sw_buf value = {0};

    (void)unused;
    sw_write_bytes(&value, sw_span_str(head));
    while (value.size < SW_VALUE_SIZE_MAX) {
        sw_write_u8(&value, 'x');
    }
    request.key = sw_memory_key_span(&key);
    request.value = sw_buf_span(&value);
    assert_int_equal(kit_run(&kit, 1, request).err, SW_ERR_OK);
    assert_int_equal(kit_run(&kit, 1, kit_use(&key, SW_MEMORY_USED)).err, SW_ERR_WRONG_TYPE);
    assert_int_equal(kit_get(&kit, sw_memory_key_span(&key)).value.size, SW_VALUE_SIZE_MAX);
    sw_buf_release(&value);
    kit_close(&kit);
}

static void a_retry_says_nothing_twice(void **unused)
{
    struct kit kit = kit_open();
    const struct sw_memory_key key = kit_key_of("a", "salt");
    const struct sw_memory_put put = kit_memory("salt");
    struct sw_request request;
    uint64_t session;
    struct sw_command_result first;

    (void)unused;
    session = kit_run(&kit, 1, kit_session_open("0123456789abcdef", 0)).value;
    request = kit_in_session(kit_say("a", &put), session, 1, 0);
    first = kit_run(&kit, 1, request);
    assert_int_equal(first.record_count, 1);
    kit_assert_result(kit_run(&kit, 9, request), SW_ERR_OK, first.revision, first.value);
    assert_int_equal(kit.results[0].record_count, 1);
    assert_int_equal(kit_text(&kit, &key).uses, 0);
    kit_close(&kit);
}

/* Replicas that commit and start again when they like have the same bytes. */
static void replicas_stay_equal(void **unused)
{
    struct kit a = kit_open(), b = kit_open();
    struct sw_prng prng = sw_prng_of(4);

    (void)unused;
    for (uint64_t i = 0; i < 400; i++) {
        char content[32];
        struct sw_memory_put put;
        struct sw_request request;
        const struct kit_vector vector = kit_vector_of(i % 30);
        struct sw_memory_key key;

        (void)snprintf(content, sizeof content, "m%u", (unsigned)sw_prng_below(&prng, 60));
        put = kit_memory(content);
        key = kit_key_of("a", content);
        if (i == 0) {
            request = kit_index_create("notes", KIT_DIM);
        } else if (i == 1) {
            request =
                kit_put("memory-settings", "swarm-memory-settings 1\ncount_max=20\nfloor=300\n");
        } else if (i % 7 == 3) {
            request = kit_use(&key, (enum sw_memory_use)(1 + i % 4));
        } else if (i % 11 == 5) {
            request = kit_forget(&key, i % 2 == 0);
        } else {
            put.index = sw_span_str("notes");
            put.vector = sw_span_of(&vector, sizeof vector);
            request = kit_say("a", &put);
        }
        (void)kit_run(&a, i * day_ms / 20, request);
        (void)kit_run(&b, i * day_ms / 20, request);
        if (sw_prng_below(&prng, 5) == 0) {
            kit_commit(&b);
            kit_restart(&b);
        }
    }
    assert_true(kit_count_prefix(&a, "memory/") <= 20);
    assert_true(kit_count_prefix(&a, "memory/") > 5);
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
        cmocka_unit_test(saying_it_again_is_using_it),
        cmocka_unit_test(use_and_judgement_are_arithmetic),
        cmocka_unit_test(what_is_archived_is_not_found),
        cmocka_unit_test(novelty_is_decided_in_apply),
        cmocka_unit_test(sources_are_linked_and_archived_in_one_change),
        cmocka_unit_test(a_source_that_is_no_memory_keeps_its_vector),
        cmocka_unit_test(sources_of_one_hash_share_a_link),
        cmocka_unit_test(what_is_larger_than_a_memory_is_none),
        cmocka_unit_test(a_retry_says_nothing_twice),
        cmocka_unit_test(replicas_stay_equal),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);

    sw_buf_release(&kit_value);
    return failed;
}
