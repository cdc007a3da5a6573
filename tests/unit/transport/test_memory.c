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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_memory_reads_as_it_was_written),
        cmocka_unit_test(what_is_no_memory_is_told_apart),
        cmocka_unit_test(hostile_bytes_are_read_in_bounds),
        cmocka_unit_test(limits_are_named),
        cmocka_unit_test(recency_is_halved_each_half_life),
        cmocka_unit_test(similarity_falls_with_distance),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
