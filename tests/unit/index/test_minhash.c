/* Goal: the estimate is as near to the exact Jaccard coefficient as the theory says, and the same
 * whichever kernel made it; stored codes and band keys never change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/prng.h"
#include "index/minhash.h"

enum { WORDS_MAX = 400, TEXT_MAX = WORDS_MAX * 24, PAIRS = 3000, VOCABULARY = 100000 };

/* A text as the numbers of its words; what the oracle works on. */
struct words {
    uint32_t number[WORDS_MAX];
    size_t count;
};

static struct sw_minhash sketch_of(const char *text)
{
    struct sw_minhash sketch;

    sw_minhash_of_text(sw_span_str(text), &sketch);
    return sketch;
}

/* Separators differ from text to text: they may not matter. */
static struct sw_minhash sketch_of_words(const struct words *words, uint64_t style)
{
    static const char *const blank[] = {" ", "\n\n", ", ", " -- "};
    static char text[TEXT_MAX];
    struct sw_minhash sketch;
    size_t size = 0;

    for (size_t i = 0; i < words->count; i++) {
        const int written = snprintf(text + size,
                                     sizeof text - size,
                                     "w%x%s",
                                     words->number[i] * 2654435761U,
                                     blank[(style + i) % 4]);

        assert_true(written > 0);
        size += (size_t)written;
        assert_true(size < sizeof text);
    }
    sw_minhash_of_text(sw_span_of(text, size), &sketch);
    return sketch;
}

struct shingle {
    uint32_t word[3];
};

static int by_words(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct shingle));
}

static size_t shingles_of(const struct words *words, struct shingle out[WORDS_MAX])
{
    size_t count = 0, kept = 0;

    for (size_t i = 0; i + 3 <= words->count; i++) {
        memcpy(out[count].word, words->number + i, sizeof out[count].word);
        count++;
    }
    qsort(out, count, sizeof out[0], by_words);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || by_words(&out[i], &out[i - 1]) != 0) {
            out[kept] = out[i];
            kept++;
        }
    }
    return kept;
}

static double exact_jaccard(const struct words *a, const struct words *b)
{
    struct shingle of_a[WORDS_MAX], of_b[WORDS_MAX];
    const size_t count_a = shingles_of(a, of_a), count_b = shingles_of(b, of_b);
    size_t common = 0;

    for (size_t i = 0, j = 0; i < count_a && j < count_b;) {
        const int order = by_words(&of_a[i], &of_b[j]);

        common += order == 0 ? 1 : 0;
        i += order <= 0 ? 1 : 0;
        j += order >= 0 ? 1 : 0;
    }
    return (double)common / (double)(count_a + count_b - common);
}

/* `b` is `a` with some words replaced, dropped or moved in, as edits of a text are. */
static void edited_pair(struct sw_prng *prng, struct words *a, struct words *b)
{
    const uint32_t edits = (uint32_t)sw_prng_below(prng, 120);

    a->count = sw_prng_range(prng, 80, 300);
    b->count = 0;
    for (size_t i = 0; i < a->count; i++) {
        a->number[i] = (uint32_t)sw_prng_below(prng, VOCABULARY);
        if (sw_prng_chance(prng, edits, 1000)) {
            if (sw_prng_chance(prng, 1, 2)) {
                continue;
            }
            b->number[b->count] = VOCABULARY + (uint32_t)i;
        } else {
            b->number[b->count] = a->number[i];
        }
        b->count++;
    }
}

struct deviation {
    double square, bias;
    uint32_t count;
};

static void deviation_add(struct deviation *sum, double estimate, double exact)
{
    sum->square += (estimate - exact) * (estimate - exact);
    sum->bias += estimate - exact;
    sum->count++;
}

static void assert_near(const struct deviation *sum)
{
    assert_true(sum->count > PAIRS / 2);
    assert_true(sum->square / sum->count <= 0.04 * 0.04);
    /* Of the mean of so many pairs the standard error is below 0.001. */
    assert_true(sum->bias / sum->count < 0.004);
    assert_true(sum->bias / sum->count > -0.004);
}

/* Pairs with J in [0.5, 1), where a duplicate is decided: sqrt(J (1 - J) / 128) is .036 on average
 * over them. */
static void the_estimate_is_near_the_exact_coefficient(void **state)
{
    struct sw_prng prng = sw_prng_of(128);
    struct deviation full = {0}, stored = {0};

    (void)state;
    for (uint32_t i = 0; i < PAIRS; i++) {
        struct words a, b;
        struct sw_minhash sketch_a, sketch_b;
        struct sw_minhash_code code_a, code_b;
        double exact;

        edited_pair(&prng, &a, &b);
        exact = exact_jaccard(&a, &b);
        if (exact < 0.5 || exact >= 1) {
            continue;
        }
        sketch_a = sketch_of_words(&a, i);
        sketch_b = sketch_of_words(&b, i + 1);
        code_a = sw_minhash_code_of(&sketch_a);
        code_b = sw_minhash_code_of(&sketch_b);
        deviation_add(&full, sw_minhash_jaccard_ppm(&sketch_a, &sketch_b) / 1e6, exact);
        deviation_add(&stored, sw_minhash_code_jaccard_ppm(&code_a, &code_b) / 1e6, exact);
    }
    print_message("mean square error for J in [.5, 1): %.6f by sketches, %.6f by codes; %u pairs\n",
                  full.square / full.count,
                  stored.square / stored.count,
                  full.count);
    assert_near(&full);
    assert_near(&stored);
}

static void what_has_nothing_in_common_is_zero(void **state)
{
    struct sw_prng prng = sw_prng_of(7);
    struct deviation codes = {0};

    (void)state;
    for (uint32_t i = 0; i < 300; i++) {
        struct words a, b;
        struct sw_minhash sketch_a, sketch_b;
        struct sw_minhash_code code_a, code_b;

        edited_pair(&prng, &a, &b);
        for (size_t n = 0; n < b.count; n++) {
            b.number[n] += 10 * VOCABULARY;
        }
        sketch_a = sketch_of_words(&a, 0);
        sketch_b = sketch_of_words(&b, 0);
        assert_int_equal(sw_minhash_jaccard_ppm(&sketch_a, &sketch_b), 0);
        code_a = sw_minhash_code_of(&sketch_a);
        code_b = sw_minhash_code_of(&sketch_b);
        deviation_add(&codes, sw_minhash_code_jaccard_ppm(&code_a, &code_b) / 1e6, 0);
    }
    /* Uncorrected it would be 1 / 256; with what is below zero cut off it is .0023. */
    assert_true(codes.bias / codes.count < 0.003);
}

static void tokens_are_what_counts(void **state)
{
    const struct sw_minhash a = sketch_of("int main(void) { return snake_case + 42; }");
    const struct sw_minhash b = sketch_of("int main void\treturn\n\nsnake_case - 42");
    const struct sw_minhash c = sketch_of("int main void return snake case 42");
    const struct sw_minhash d = sketch_of("Int main void return snake_case 42");

    (void)state;
    assert_int_equal(sw_minhash_jaccard_ppm(&a, &b), 1000000);
    assert_true(sw_minhash_jaccard_ppm(&a, &c) < 900000);
    assert_true(sw_minhash_jaccard_ppm(&a, &d) < 900000);
}

/* A token of 16 bytes or less, and a longer one, differ from each of their prefixes. */
static void every_byte_of_a_token_counts(void **state)
{
    char text[64];
    struct sw_minhash before = sketch_of("");

    (void)state;
    for (size_t size = 1; size < sizeof text; size++) {
        struct sw_minhash sketch, other;

        memset(text, 'a', size);
        sw_minhash_of_text(sw_span_of(text, size), &sketch);
        assert_int_equal(sw_minhash_jaccard_ppm(&sketch, &before), 0);
        for (size_t i = 0; i < size; i++) {
            text[i] = 'b';
            sw_minhash_of_text(sw_span_of(text, size), &other);
            assert_int_equal(sw_minhash_jaccard_ppm(&sketch, &other), 0);
            text[i] = 'a';
        }
        before = sketch;
    }
}

static void short_texts_have_one_shingle(void **state)
{
    const struct sw_minhash none = sketch_of(" \n... "), empty = sketch_of("");
    const struct sw_minhash one = sketch_of("word"), same = sketch_of("  word!");
    const struct sw_minhash two = sketch_of("word word"), three = sketch_of("word word word");

    (void)state;
    assert_int_equal(none.lanes[0], UINT32_MAX);
    assert_int_equal(sw_minhash_jaccard_ppm(&none, &empty), 1000000);
    assert_int_equal(sw_minhash_jaccard_ppm(&none, &one), 0);
    assert_int_equal(sw_minhash_jaccard_ppm(&one, &same), 1000000);
    assert_int_equal(sw_minhash_jaccard_ppm(&one, &two), 0);
    assert_int_equal(sw_minhash_jaccard_ppm(&two, &three), 0);
}

/* The set does not know how often or where; so a text twice over is nearly itself. Long enough for
 * many batches of the kernel. */
static void a_long_text_is_one_set(void **state)
{
    enum { COPIES = 50 };
    const char *const part = "the quick brown fox jumps over the lazy dog again and again, then "
                             "sleeps for a while under an oak; ";
    const size_t size = strlen(part);
    char *text = malloc(COPIES * size + 1);
    struct sw_minhash twice, many;

    (void)state;
    assert_non_null(text);
    for (size_t i = 0; i < COPIES; i++) {
        memcpy(text + i * size, part, size);
    }
    sw_minhash_of_text(sw_span_of(text, 2 * size), &twice);
    sw_minhash_of_text(sw_span_of(text, COPIES * size), &many);
    assert_memory_equal(&twice, &many, sizeof twice);
    free(text);
}

static void token_numbers_are_a_set_too(void **state)
{
    uint32_t tokens[600];
    struct sw_minhash a, b, none;

    (void)state;
    for (uint32_t i = 0; i < 600; i++) {
        tokens[i] = i * 7919;
    }
    sw_minhash_of_tokens(tokens, 600, &a);
    sw_minhash_of_tokens(tokens, 600, &b);
    assert_memory_equal(&a, &b, sizeof a);
    sw_minhash_of_tokens(tokens + 300, 300, &b);
    assert_true(sw_minhash_jaccard_ppm(&a, &b) > 350000);
    assert_true(sw_minhash_jaccard_ppm(&a, &b) < 650000);
    sw_minhash_of_tokens(NULL, 0, &none);
    assert_int_equal(none.lanes[127], UINT32_MAX);
}

/* Duplicates meet in a band nearly always, strangers nearly never; and the bands are kept apart. */
static void bands_find_what_is_near(void **state)
{
    struct sw_prng prng = sw_prng_of(99);
    uint32_t near = 0, met = 0, met_by_4 = 0;

    (void)state;
    for (uint32_t i = 0; i < PAIRS; i++) {
        uint64_t keys_a[SW_MINHASH_BAND_COUNT_MAX], keys_b[SW_MINHASH_BAND_COUNT_MAX];
        struct words a, b;
        struct sw_minhash sketch;
        struct sw_minhash_code code_a, code_b;
        bool meets = false;

        edited_pair(&prng, &a, &b);
        if (exact_jaccard(&a, &b) < 0.8) {
            continue;
        }
        near++;
        sketch = sketch_of_words(&a, 0);
        code_a = sw_minhash_code_of(&sketch);
        sketch = sketch_of_words(&b, 0);
        code_b = sw_minhash_code_of(&sketch);
        assert_int_equal(sw_minhash_band_keys(&code_a, SW_MINHASH_BANDS_16X8, keys_a), 16);
        assert_int_equal(sw_minhash_band_keys(&code_b, SW_MINHASH_BANDS_16X8, keys_b), 16);
        for (size_t band = 0; band < 16; band++) {
            meets = meets || keys_a[band] == keys_b[band];
        }
        met += meets ? 1 : 0;
        assert_int_equal(sw_minhash_band_keys(&code_a, SW_MINHASH_BANDS_32X4, keys_a), 32);
        assert_int_equal(sw_minhash_band_keys(&code_b, SW_MINHASH_BANDS_32X4, keys_b), 32);
        meets = false;
        for (size_t band = 0; band < 32; band++) {
            meets = meets || keys_a[band] == keys_b[band];
        }
        met_by_4 += meets ? 1 : 0;
    }
    print_message("%u pairs with J >= .8: %u met in 16 bands, %u in 32\n", near, met, met_by_4);
    assert_true(near > 100);
    assert_true(met * 100 >= near * 95);
    assert_true(met_by_4 * 1000 >= near * 999);
}

static void bands_of_equal_bytes_have_different_keys(void **state)
{
    const struct sw_minhash_code zeros = {{0}};
    uint64_t keys[SW_MINHASH_BAND_COUNT_MAX];

    (void)state;
    assert_int_equal(sw_minhash_band_keys(&zeros, SW_MINHASH_BANDS_32X4, keys), 32);
    for (size_t i = 0; i < 32; i++) {
        for (size_t j = 0; j < i; j++) {
            assert_true(keys[i] != keys[j]);
        }
    }
}

/* Stored by others: these numbers may never change. They were computed by a second implementation,
 * in Python, from the description in index/minhash.h. */
static void the_format_stays_what_it_is(void **state)
{
    const struct sw_minhash sketch = sketch_of("a shard of context, a chunk_of_text and no more");
    const struct sw_minhash_code code = sw_minhash_code_of(&sketch);
    uint64_t keys[SW_MINHASH_BAND_COUNT_MAX];

    (void)state;
    assert_int_equal(sketch.lanes[0], 0x41d3878c);
    assert_int_equal(sketch.lanes[127], 0x3059fb3e);
    assert_int_equal(sw_minhash_band_keys(&code, SW_MINHASH_BANDS_16X8, keys), 16);
    assert_true(keys[0] == 0xb55e3fa5f1205fab);
    assert_true(keys[15] == 0x3cd1cb57d7139587);
}

static void stored_codes_are_read_back(void **state)
{
    const struct sw_minhash sketch = sketch_of("what is stored comes back as it was");
    const struct sw_minhash_code code = sw_minhash_code_of(&sketch);
    struct sw_minhash_code back = {{0}};
    struct sw_buf buf = {0};
    struct sw_reader in;

    (void)state;
    sw_minhash_code_write(&buf, &code);
    assert_int_equal(buf.size, SW_MINHASH_STORED_SIZE);
    in = sw_reader_of(sw_buf_span(&buf));
    assert_int_equal(sw_minhash_code_read(&in, &back), SW_ERR_OK);
    assert_int_equal(sw_reader_finish(&in), SW_ERR_OK);
    assert_memory_equal(&back, &code, sizeof code);
    for (size_t size = 0; size < buf.size; size++) {
        in = sw_reader_of(sw_span_of(buf.data, size));
        assert_int_not_equal(sw_minhash_code_read(&in, &back), SW_ERR_OK);
    }
    buf.data[0] = SW_MINHASH_FORMAT + 1;
    in = sw_reader_of(sw_buf_span(&buf));
    assert_int_equal(sw_minhash_code_read(&in, &back), SW_ERR_NEWER_FORMAT);
    buf.data[0] = 0;
    in = sw_reader_of(sw_buf_span(&buf));
    assert_int_equal(sw_minhash_code_read(&in, &back), SW_ERR_CORRUPT);
    sw_buf_release(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_estimate_is_near_the_exact_coefficient),
        cmocka_unit_test(what_has_nothing_in_common_is_zero),
        cmocka_unit_test(tokens_are_what_counts),
        cmocka_unit_test(every_byte_of_a_token_counts),
        cmocka_unit_test(short_texts_have_one_shingle),
        cmocka_unit_test(a_long_text_is_one_set),
        cmocka_unit_test(token_numbers_are_a_set_too),
        cmocka_unit_test(bands_find_what_is_near),
        cmocka_unit_test(bands_of_equal_bytes_have_different_keys),
        cmocka_unit_test(the_format_stays_what_it_is),
        cmocka_unit_test(stored_codes_are_read_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
