/* Memories as text, and the scores that order them. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
/* clang-format on */

#include "base/prng.h"
#include "transport/memory.h"

static struct sw_memory_text some(void)
{
    struct sw_memory_text memory = {.agent = sw_span_str("planner"),
                                    .task = sw_span_str("route"),
                                    .success = true,
                                    .utility = 700,
                                    .tag_count = 2,
                                    .content = sw_span_str("The bridge\n\nis closed.\n")};

    memory.tags[0] = sw_span_str("traffic");
    memory.tags[1] = sw_span_str("city=x");
    return memory;
}

static void a_memory_reads_as_it_was_written(void **unused)
{
    const struct sw_memory_text memory = some();
    struct sw_memory_text read;
    struct sw_buf bytes = {0};

    (void)unused;
    sw_memory_text_write(&memory, &bytes);
    assert_true(sw_memory_text_read(sw_buf_span(&bytes), &read));
    assert_true(sw_span_equal(read.agent, memory.agent));
    assert_true(sw_span_equal(read.task, memory.task));
    assert_true(read.success);
    assert_int_equal(read.utility, 700);
    assert_int_equal(read.tag_count, 2);
    assert_true(sw_span_equal(read.tags[1], memory.tags[1]));
    assert_true(sw_span_equal(read.content, memory.content));
    sw_buf_release(&bytes);
}

static void what_is_no_memory_is_told_apart(void **unused)
{
    static const char *const texts[] = {
        "",
        "swarm-memory 1",
        "swarm-memory 2\nagent=a\ntask=b\n\nx",
        "swarm-memory 1\nagent=a\ntask=b\nutility=1001\n\nx",
        "swarm-memory 1\nagent=a\ntask=b\nutility=-1\n\nx",
        "swarm-memory 1\nagent=a b\ntask=b\n\nx",
        "swarm-memory 1\ntask=b\n\nx",
        "swarm-memory 1\nagent=a\ntask=b\n",
    };
    struct sw_memory_text read;

    (void)unused;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_false(sw_memory_text_read(sw_span_str(texts[i]), &read));
    }
    assert_true(sw_memory_text_read(sw_span_str("swarm-memory 1\nagent=a\ntask=b\nlater=field\n\n"),
                                    &read));
    assert_int_equal(read.content.size, 0);
}

static void hostile_bytes_are_read_in_bounds(void **unused)
{
    const struct sw_memory_text memory = some();
    struct sw_prng prng = sw_prng_of(8);
    struct sw_memory_text read;
    struct sw_buf bytes = {0};

    (void)unused;
    for (int i = 0; i < 20000; i++) {
        sw_buf_clear(&bytes);
        sw_memory_text_write(&memory, &bytes);
        bytes.data[sw_prng_below(&prng, bytes.size)] = (uint8_t)sw_prng_below(&prng, 256);
        bytes.size = sw_prng_below(&prng, bytes.size + 1);
        if (sw_memory_text_read(sw_buf_span(&bytes), &read)) {
            assert_true(read.content.size <= bytes.size);
            assert_true(read.utility <= SW_MEMORY_SCORE_MAX);
        }
    }
    sw_buf_release(&bytes);
}

static void limits_are_named(void **unused)
{
    static char large[SW_MEMORY_TASK_SIZE_MAX + 1];
    struct sw_memory_text memory = some();
    char why[SW_WHY_SIZE];

    (void)unused;
    memset(large, 'x', sizeof large);
    assert_int_equal(sw_memory_text_validate(&memory, why), SW_ERR_OK);
    memory.task = sw_span_of(large, sizeof large);
    assert_int_equal(sw_memory_text_validate(&memory, why), SW_ERR_TOO_LARGE);
    assert_non_null(strstr(why, "task"));
    memory = some();
    memory.tags[1] = sw_span_str("two words");
    assert_int_equal(sw_memory_text_validate(&memory, why), SW_ERR_INVALID);
    memory = some();
    memory.utility = 1001;
    assert_int_equal(sw_memory_text_validate(&memory, why), SW_ERR_INVALID);
}

static void recency_is_halved_each_half_life(void **unused)
{
    (void)unused;
    assert_int_equal(sw_memory_recency(0, 1000), 1000);
    assert_int_equal(sw_memory_recency(1000, 1000), 500);
    assert_int_equal(sw_memory_recency(2000, 1000), 250);
    assert_int_equal(sw_memory_recency(500, 1000), 750);
    assert_int_equal(sw_memory_recency(UINT64_MAX, 1000), 0);
    for (uint64_t age = 1; age < 12000; age++) {
        assert_true(sw_memory_recency(age, 1000) <= sw_memory_recency(age - 1, 1000));
    }
}

static void similarity_falls_with_distance(void **unused)
{
    (void)unused;
    assert_int_equal(sw_memory_similarity(-0.5), 1000);
    assert_int_equal(sw_memory_similarity(0), 1000);
    assert_int_equal(sw_memory_similarity(1), 500);
    assert_int_equal(sw_memory_similarity(2), 0);
    assert_int_equal(sw_memory_similarity(1e300), 0);
}

static struct sw_memory_put a_put(void)
{
    struct sw_memory_put put = {.success = true,
                                .novel = true,
                                .utility = 300,
                                .importance = SW_MEMORY_UNSET,
                                .distance_max = 0.25,
                                .task = sw_span_str("route"),
                                .tag_count = 1,
                                .parent_count = 2,
                                .meta = sw_span_str("{}"),
                                .index = sw_span_str("notes"),
                                .vector = sw_span_str("0123"),
                                .content = sw_span_str("text")};

    put.tags[0] = sw_span_str("tag");
    put.parents[0] = sw_span_str("page/1");
    put.parents[1] = sw_span_str("page/2");
    return put;
}

static enum sw_err judged(const struct sw_memory_put *put, char why[SW_WHY_SIZE])
{
    struct sw_buf bytes = {0};
    enum sw_err err;

    sw_memory_put_encode(put, &bytes);
    err = sw_memory_put_validate(sw_span_str("ann"), sw_buf_span(&bytes), why);
    sw_buf_release(&bytes);
    return err;
}

static void requests_read_as_they_were_written(void **unused)
{
    const struct sw_memory_put put = a_put();
    struct sw_prng prng = sw_prng_of(5);
    struct sw_buf bytes = {0}, again = {0};
    struct sw_memory_put read;

    (void)unused;
    sw_memory_put_encode(&put, &bytes);
    assert_int_equal(sw_memory_put_decode(sw_buf_span(&bytes), &read), SW_ERR_OK);
    sw_memory_put_encode(&read, &again);
    assert_true(sw_span_equal(sw_buf_span(&bytes), sw_buf_span(&again)));
    for (size_t size = 0; size < bytes.size; size++) {
        assert_int_not_equal(sw_memory_put_decode(sw_span_of(bytes.data, size), &read), SW_ERR_OK);
    }
    for (int i = 0; i < 20000; i++) {
        char why[SW_WHY_SIZE];

        sw_buf_clear(&again);
        sw_write_bytes(&again, sw_buf_span(&bytes));
        again.data[sw_prng_below(&prng, again.size)] = (uint8_t)sw_prng_below(&prng, 256);
        if (sw_memory_put_validate(sw_span_str("ann"), sw_buf_span(&again), why) == SW_ERR_OK) {
            assert_int_equal(sw_memory_put_decode(sw_buf_span(&again), &read), SW_ERR_OK);
            assert_true(read.content.size > 0);
        }
    }
    sw_buf_release(&bytes);
    sw_buf_release(&again);
}

static void requests_are_judged(void **unused)
{
    struct sw_memory_put put = a_put();
    struct sw_memory_key own;
    char why[SW_WHY_SIZE];

    (void)unused;
    assert_int_equal(judged(&put, why), SW_ERR_OK);
    put.parents[1] = put.parents[0];
    assert_int_equal(judged(&put, why), SW_ERR_INVALID);
    assert_non_null(strstr(why, "named before"));
    sw_memory_key_of(sw_span_str("ann"), put.task, put.content, &own);
    put.parents[1] = sw_memory_key_span(&own);
    assert_int_equal(judged(&put, why), SW_ERR_INVALID);
    assert_non_null(strstr(why, "itself"));
    put = a_put();
    put.vector = sw_span_of(NULL, 0);
    assert_int_equal(judged(&put, why), SW_ERR_INVALID);
    put = a_put();
    put.distance_max = -1;
    assert_int_equal(judged(&put, why), SW_ERR_INVALID);
    put = a_put();
    put.novel = false;
    assert_int_equal(judged(&put, why), SW_ERR_INVALID);
    put = a_put();
    put.meta = sw_span_str("two\nlines");
    assert_int_equal(judged(&put, why), SW_ERR_INVALID);
    put = a_put();
    put.utility = 1001;
    assert_int_equal(judged(&put, why), SW_ERR_INVALID);
    put = a_put();
    put.content = sw_span_of(NULL, 0);
    assert_int_equal(judged(&put, why), SW_ERR_INVALID);
    assert_int_equal(sw_memory_use_validate(sw_span_of("\4", 1), why), SW_ERR_OK);
    assert_int_equal(sw_memory_use_validate(sw_span_of("\5", 1), why), SW_ERR_INVALID);
    assert_int_equal(sw_memory_use_validate(sw_span_of("\0", 1), why), SW_ERR_INVALID);
    assert_int_equal(sw_memory_use_validate(sw_span_of("\1\1", 2), why), SW_ERR_INVALID);
}

static uint32_t left(const struct sw_memory_text *memory, uint64_t now_ms)
{
    enum sw_memory_tier tier;
    uint32_t importance;

    sw_memory_fade(memory, now_ms, &importance, &tier);
    return importance * 10 + (uint32_t)tier;
}

static void importance_fades_by_its_tier(void **unused)
{
    const uint64_t day = 24 * 3600 * 1000, hour = 3600 * 1000;
    struct sw_memory_text memory = {.importance = 500};

    (void)unused;
    assert_int_equal(left(&memory, 0), 5000);
    assert_int_equal(left(&memory, hour - 1), 4980 + SW_MEMORY_SHORT);
    assert_int_equal(left(&memory, hour), 4980 + SW_MEMORY_WORKING);
    assert_int_equal(left(&memory, 10 * day + hour), 2490 + SW_MEMORY_WORKING);
    assert_int_equal(left(&memory, 21 * day), SW_MEMORY_WORKING);
    assert_int_equal(left(&memory, UINT64_MAX / 2), SW_MEMORY_WORKING);
    memory.tier = SW_MEMORY_LONG;
    memory.importance = 1000;
    assert_int_equal(left(&memory, 10 * day), 9000 + SW_MEMORY_LONG);
    assert_int_equal(left(&memory, 60 * day), 4000 + SW_MEMORY_LONG);
    /* At 399 it works again, and loses 5 % of that a day. */
    assert_int_equal(left(&memory, 60 * day + day / 10), 3990 + SW_MEMORY_WORKING);
    assert_int_equal(left(&memory, 70 * day + day / 10), 2000 + SW_MEMORY_WORKING);
    memory.touched_ms = 5 * day; /* a clock that went back changes nothing */
    assert_int_equal(left(&memory, 0), 10000 + SW_MEMORY_LONG);
    for (uint64_t now = 5 * day; now < 200 * day; now += hour) {
        assert_true(left(&memory, now + hour) / 10 <= left(&memory, now) / 10);
    }
}

static void use_makes_a_fifth_more(void **unused)
{
    struct sw_memory_text memory = {.importance = 0};

    (void)unused;
    sw_memory_reinforce(&memory, 0);
    assert_int_equal(memory.importance, 1);
    memory.importance = 700;
    sw_memory_reinforce(&memory, 0);
    assert_int_equal(memory.importance, 840);
    assert_int_equal(memory.tier, SW_MEMORY_WORKING);
    sw_memory_reinforce(&memory, 0);
    assert_int_equal(memory.importance, 1000);
    assert_int_equal(memory.tier, SW_MEMORY_LONG);
    assert_int_equal(sw_memory_worth(&memory, 0), 3001);
    memory.archived = true;
    assert_int_equal(sw_memory_worth(&memory, 0), 1000);
}

static void keys_and_settings_are_told_apart(void **unused)
{
    struct sw_memory_settings settings = {.count_max = 5, .size_max = 6, .floor = 7}, read;
    struct sw_buf bytes = {0};
    struct sw_memory_key key;
    struct sw_span agent;

    (void)unused;
    sw_memory_key_of(sw_span_str("ann"), sw_span_str("t"), sw_span_str("c"), &key);
    assert_true(sw_memory_key_read(sw_memory_key_span(&key), &agent));
    assert_true(sw_span_equal(agent, sw_span_str("ann")));
    key.data[key.size - 1] = 'G';
    assert_false(sw_memory_key_read(sw_memory_key_span(&key), &agent));
    assert_false(sw_memory_key_read(sw_span_str("memory/ann/0"), &agent));
    assert_false(
        sw_memory_key_read(sw_span_str("memory/a/b/00000000000000000000000000000000"), &agent));
    sw_memory_settings_write(&settings, &bytes);
    assert_true(sw_memory_settings_read(sw_buf_span(&bytes), &read));
    assert_memory_equal(&read, &settings, sizeof read);
    assert_false(
        sw_memory_settings_read(sw_span_str("swarm-memory-settings 1\ncount_max=0\n"), &read));
    assert_false(
        sw_memory_settings_read(sw_span_str("swarm-memory-settings 1\nfloor=1001\n"), &read));
    assert_false(sw_memory_settings_read(sw_span_str("swarm-memory-settings 1\nfloor=1"), &read));
    sw_buf_release(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_memory_reads_as_it_was_written),
        cmocka_unit_test(what_is_no_memory_is_told_apart),
        cmocka_unit_test(hostile_bytes_are_read_in_bounds),
        cmocka_unit_test(limits_are_named),
        cmocka_unit_test(recency_is_halved_each_half_life),
        cmocka_unit_test(similarity_falls_with_distance),
        cmocka_unit_test(requests_read_as_they_were_written),
        cmocka_unit_test(requests_are_judged),
        cmocka_unit_test(importance_fades_by_its_tier),
        cmocka_unit_test(use_makes_a_fifth_more),
        cmocka_unit_test(keys_and_settings_are_told_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
