/* Near duplicates: time of a sketch, error of the estimate and what bands find, on the chunks
 * beside the data set. The second text of a pair is the first with words dropped or doubled, so
 * that pairs of every likeness are there and none was chosen by what is measured. */
#include <stdlib.h>

#include <xxhash.h>

#include "base/assert.h"
#include "base/prng.h"
#include "base/rw.h"
#include "index/minhash.h"
#include "tests/bench/index_bench.h"

enum { WORDS_MAX = 4096, PAIRS = 6000, SKETCH_ROUNDS = 3 };

struct chunks {
    uint8_t *bytes; /* owned */
    struct sw_span *texts;
    uint32_t count;
};

struct words {
    struct sw_span word[WORDS_MAX];
    size_t count;
};

static uint8_t *file_bytes(const char *path, size_t *ret_size)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes;
    long size;

    if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
        return NULL;
    }
    size = ftell(file);
    rewind(file);
    bytes = malloc((size_t)size + 1);
    SW_ASSERT(bytes != NULL);
    *ret_size = fread(bytes, 1, (size_t)size, file);
    (void)fclose(file);
    return bytes;
}

/* Beside SET.vec lies SET.chunks: u32 size, bytes, again and again. */
static struct chunks chunks_open(const char *set_path)
{
    const char *dot = strrchr(set_path, '.');
    struct chunks chunks = {0};
    char path[512];
    size_t size = 0;

    SW_ASSERT(dot != NULL);
    (void)snprintf(path, sizeof path, "%.*s.chunks", (int)(dot - set_path), set_path);
    chunks.bytes = file_bytes(path, &size);
    if (chunks.bytes == NULL) {
        (void)fprintf(stderr, "index-bench: %s cannot be read\n", path);
        exit(2);
    }
    chunks.texts = calloc(size / 4 + 1, sizeof *chunks.texts);
    SW_ASSERT(chunks.texts != NULL);
    for (size_t at = 0; at + 4 <= size;) {
        const uint32_t length = sw_load_u32(chunks.bytes + at);

        SW_ASSERT(length <= size - at - 4);
        chunks.texts[chunks.count] = sw_span_of(chunks.bytes + at + 4, length);
        chunks.count++;
        at += 4 + (size_t)length;
    }
    return chunks;
}

static bool in_word(uint8_t byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= 'a' && byte <= 'z') || byte == '_' || byte >= 0x80;
}

static void words_of(struct sw_span text, struct words *words)
{
    size_t at = 0;

    words->count = 0;
    while (at < text.size && words->count < WORDS_MAX / 2) {
        size_t start;

        while (at < text.size && !in_word(text.data[at])) {
            at++;
        }
        start = at;
        while (at < text.size && in_word(text.data[at])) {
            at++;
        }
        if (at > start) {
            words->word[words->count] = sw_span_of(text.data + start, at - start);
            words->count++;
        }
    }
}

static void edit(struct sw_prng *prng, const struct words *from, struct words *to)
{
    const uint32_t edits = (uint32_t)sw_prng_below(prng, 100);

    to->count = 0;
    for (size_t i = 0; i < from->count; i++) {
        const bool edited = sw_prng_chance(prng, edits, 1000);

        if (edited && sw_prng_chance(prng, 1, 2)) {
            continue;
        }
        to->word[to->count++] = from->word[i];
        if (edited) {
            to->word[to->count++] = from->word[i];
        }
    }
}

static void write_words(const struct words *words, struct sw_buf *buf)
{
    sw_buf_clear(buf);
    for (size_t i = 0; i < words->count; i++) {
        sw_write_bytes(buf, words->word[i]);
        sw_write_u8(buf, ' ');
    }
}

static int by_hash(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : (x > y ? 1 : 0);
}

/* The shingles as a sorted set of hashes of their bytes; not how the library makes them. */
static size_t shingle_set(const struct words *words, uint64_t out[WORDS_MAX])
{
    size_t count = 0, kept = 0;
    struct sw_buf buf = {0};

    for (size_t i = 0; i + 3 <= words->count; i++) {
        sw_buf_clear(&buf);
        for (size_t n = 0; n < 3; n++) {
            sw_write_bytes(&buf, words->word[i + n]);
            sw_write_u8(&buf, 0);
        }
        out[count++] = XXH64(buf.data, buf.size, 1);
    }
    sw_buf_release(&buf);
    qsort(out, count, sizeof out[0], by_hash);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || out[i] != out[i - 1]) {
            out[kept++] = out[i];
        }
    }
    return kept;
}

static double exact_jaccard(const struct words *a, const struct words *b)
{
    static uint64_t set_a[WORDS_MAX], set_b[WORDS_MAX];
    const size_t count_a = shingle_set(a, set_a), count_b = shingle_set(b, set_b);
    size_t common = 0;

    for (size_t i = 0, j = 0; i < count_a && j < count_b;) {
        common += set_a[i] == set_b[j] ? 1 : 0;
        if (set_a[i] <= set_b[j]) {
            j += set_a[i] == set_b[j] ? 1 : 0;
            i++;
        } else {
            j++;
        }
    }
    return count_a + count_b == 0 ? 1 : (double)common / (double)(count_a + count_b - common);
}

static bool bands_meet(const struct sw_minhash_code *a,
                       const struct sw_minhash_code *b,
                       enum sw_minhash_bands bands)
{
    uint64_t keys_a[SW_MINHASH_BAND_COUNT_MAX], keys_b[SW_MINHASH_BAND_COUNT_MAX];
    const uint32_t count = sw_minhash_band_keys(a, bands, keys_a);

    (void)sw_minhash_band_keys(b, bands, keys_b);
    for (uint32_t i = 0; i < count; i++) {
        if (keys_a[i] == keys_b[i]) {
            return true;
        }
    }
    return false;
}

struct score {
    double square_full, square_code;
    uint32_t pairs, near, met_16, met_32;
};

static void score_pair(struct score *score, double exact, struct sw_span a, struct sw_span b)
{
    struct sw_minhash sketch_a, sketch_b;
    struct sw_minhash_code code_a, code_b;
    double off;

    sw_minhash_of_text(a, &sketch_a);
    sw_minhash_of_text(b, &sketch_b);
    code_a = sw_minhash_code_of(&sketch_a);
    code_b = sw_minhash_code_of(&sketch_b);
    off = sw_minhash_jaccard_ppm(&sketch_a, &sketch_b) / 1e6 - exact;
    score->square_full += off * off;
    off = sw_minhash_code_jaccard_ppm(&code_a, &code_b) / 1e6 - exact;
    score->square_code += off * off;
    score->pairs++;
    if (exact >= 0.8) {
        score->near++;
        score->met_16 += bands_meet(&code_a, &code_b, SW_MINHASH_BANDS_16X8) ? 1 : 0;
        score->met_32 += bands_meet(&code_a, &code_b, SW_MINHASH_BANDS_32X4) ? 1 : 0;
    }
}

static void score_chunks(const struct chunks *chunks, struct score *score)
{
    struct words *words = calloc(2, sizeof *words);
    struct sw_prng prng = sw_prng_of(12);
    struct sw_buf text = {0};

    SW_ASSERT(words != NULL);
    for (uint32_t i = 0; i < PAIRS; i++) {
        const struct sw_span chunk = chunks->texts[sw_prng_below(&prng, chunks->count)];
        double exact;

        words_of(chunk, &words[0]);
        edit(&prng, &words[0], &words[1]);
        exact = exact_jaccard(&words[0], &words[1]);
        if (exact < 0.5 || exact >= 1) {
            continue;
        }
        write_words(&words[1], &text);
        score_pair(score, exact, chunk, sw_buf_span(&text));
    }
    sw_buf_release(&text);
    free(words);
}

static double sketch_us(const struct chunks *chunks)
{
    uint64_t best_ns = UINT64_MAX;

    for (uint32_t round = 0; round < SKETCH_ROUNDS; round++) {
        const uint64_t start = spent_ns();
        uint64_t took;

        for (uint32_t i = 0; i < chunks->count; i++) {
            struct sw_minhash sketch;

            sw_minhash_of_text(chunks->texts[i], &sketch);
            __asm__ volatile("" : : "r"(&sketch) : "memory"); /* it is wanted */
        }
        took = spent_ns() - start;
        best_ns = took < best_ns ? took : best_ns;
    }
    return (double)best_ns / 1e3 / chunks->count;
}

void task_minhash(struct store *store)
{
    struct chunks chunks = chunks_open(store->set_path);
    struct score score = {0};

    score_chunks(&chunks, &score);
    SW_ASSERT(score.pairs > 0);
    (void)printf("{\"task\":\"minhash\",\"chunks\":%u,\"us\":%.3f,\"pairs\":%u,"
                 "\"square\":%.7f,\"square_code\":%.7f,\"near\":%u,\"met_16\":%u,\"met_32\":%u}\n",
                 chunks.count,
                 sketch_us(&chunks),
                 score.pairs,
                 score.square_full / score.pairs,
                 score.square_code / score.pairs,
                 score.near,
                 score.met_16,
                 score.met_32);
    free(chunks.bytes);
    free(chunks.texts);
}
