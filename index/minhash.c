/* Text to tokens, tokens to shingles, shingles to minima, each step over many at once. */
#include "index/minhash.h"

#include <assert.h>
#include <string.h>

/* Inlined: a token has few bytes, and a call through the library costs as much as its hash. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/assert.h"
#include "index/minhash_private.h"

enum {
    BATCH_COUNT = 256,    /* shingles that the kernel gets at once */
    EDGE_COUNT_MAX = 512, /* of tokens, found and not hashed yet */
    TOKEN_SHORT = 16,
    CODE_VALUES = 256, /* values of a lane in a code */
    PPM = 1000000,
    TOKENS = SW_MINHASH_SHINGLE_TOKENS,
};

static_assert(SW_MINHASH_LANE_COUNT % SW_MINHASH_BANDS_16X8 == 0, "bands are whole");
static_assert(SW_MINHASH_LANE_COUNT / SW_MINHASH_BANDS_32X4 <= SW_MINHASH_BAND_COUNT_MAX,
              "all bands have room");

/* What has been seen of a text: where tokens begin and end, then their hashes, in batches, so that
 * each step runs over many without a branch that depends on one. */
struct shingler {
    XXH64_canonical_t
        tokens[BATCH_COUNT + TOKENS - 1]; /* hashes, the same bytes on every machine */
    size_t token_count;
    size_t edges[EDGE_COUNT_MAX]; /* begin, end, begin, ... */
    size_t edge_count;
    bool folded;
    enum sw__minhash_kernel kernel;
    struct sw_minhash *sketch; /* borrowed: outlives the call */
};

static void shingler_init(struct shingler *self, struct sw_minhash *sketch)
{
    self->token_count = 0;
    self->edge_count = 0;
    self->folded = false;
    self->kernel = sw__minhash_kernel_best();
    self->sketch = sketch;
    memset(sketch->lanes, 0xff, sizeof sketch->lanes);
}

/* Folds every shingle of the tokens that are held, and keeps what the next ones begin with. A
 * shingle hashes the hashes of its tokens, not their bytes: so blanks between them do not matter.
 */
static void fold(struct shingler *self)
{
    const size_t count = self->token_count - (TOKENS - 1);
    uint32_t batch[BATCH_COUNT];

    SW_ASSERT(self->token_count >= TOKENS);
    SW_ASSERT(count <= BATCH_COUNT);
    for (size_t i = 0; i < count; i++) {
        batch[i] = (uint32_t)XXH3_64bits(self->tokens + i, sizeof self->tokens[0] * TOKENS);
    }
    sw__minhash_fold(self->kernel, self->sketch->lanes, batch, count);
    memmove(self->tokens, self->tokens + count, sizeof self->tokens[0] * (TOKENS - 1));
    self->token_count = TOKENS - 1;
    self->folded = true;
}

static inline void add_token(struct shingler *self, uint64_t hash)
{
    if (self->token_count == BATCH_COUNT + TOKENS - 1) {
        fold(self);
    }
    XXH64_canonicalFromHash(&self->tokens[self->token_count], hash);
    self->token_count++;
}

static void finish(struct shingler *self)
{
    if (!self->folded && self->token_count > 0) {
        while (self->token_count < TOKENS) {
            add_token(self, 0);
        }
    }
    if (self->token_count >= TOKENS) {
        fold(self);
    }
}

/* Short tokens, nearly all, are hashed as 16 bytes filled up with zeros, the length as the seed:
 * a branch on the length would be mispredicted at every other token. */
static inline uint64_t token_hash(struct sw_span text, size_t start, size_t size)
{
    static const uint8_t keep[2 * TOKEN_SHORT] = {
        255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
    uint8_t bytes[TOKEN_SHORT] = {0};

    if (size > TOKEN_SHORT) {
        return XXH3_64bits_withSeed(text.data + start, size, size);
    }
    if (text.size - start >= TOKEN_SHORT) {
        for (size_t i = 0; i < TOKEN_SHORT; i++) {
            bytes[i] = text.data[start + i] & keep[TOKEN_SHORT - size + i];
        }
    } else {
        memcpy(bytes, text.data + start, size);
    }
    return XXH3_64bits_withSeed(bytes, sizeof bytes, size);
}

/* Hashes the tokens whose end is known; one that has only begun stays. */
static void take_tokens(struct shingler *self, struct sw_span text)
{
    const size_t pairs = self->edge_count / 2;

    for (size_t i = 0; i < pairs; i++) {
        const size_t start = self->edges[2 * i];

        add_token(self, token_hash(text, start, self->edges[2 * i + 1] - start));
    }
    self->edge_count -= 2 * pairs;
    if (self->edge_count != 0) {
        self->edges[0] = self->edges[2 * pairs];
    }
}

/* Tokens begin and end where the class of bytes changes; those places are found 64 bytes at once.
 */
static void find_edges(struct shingler *self, const uint8_t *block, size_t base)
{
    const uint64_t mask = sw__minhash_token_mask(self->kernel, block);
    uint64_t edges = mask ^ (mask << 1 | (self->edge_count & 1));

    while (edges != 0) {
        self->edges[self->edge_count] = base + (size_t)__builtin_ctzll(edges);
        self->edge_count++;
        edges &= edges - 1;
    }
}

void sw_minhash_of_text(struct sw_span text, struct sw_minhash *ret_sketch)
{
    struct shingler shingler;
    size_t base = 0;

    SW_ASSERT(ret_sketch != NULL);
    shingler_init(&shingler, ret_sketch);
    for (; text.size - base >= SW__MINHASH_BLOCK; base += SW__MINHASH_BLOCK) {
        if (shingler.edge_count > EDGE_COUNT_MAX - SW__MINHASH_BLOCK - 2) {
            take_tokens(&shingler, text);
        }
        find_edges(&shingler, text.data + base, base);
    }
    take_tokens(&shingler, text);
    if (base < text.size) {
        uint8_t rest[SW__MINHASH_BLOCK] = {0}; /* a zero byte is in no token */

        memcpy(rest, text.data + base, text.size - base);
        find_edges(&shingler, rest, base);
    }
    if (shingler.edge_count % 2 != 0) {
        shingler.edges[shingler.edge_count] = text.size;
        shingler.edge_count++;
    }
    take_tokens(&shingler, text);
    finish(&shingler);
}

void sw_minhash_of_tokens(const uint32_t *tokens, size_t count, struct sw_minhash *ret_sketch)
{
    struct shingler shingler;

    SW_ASSERT(ret_sketch != NULL);
    SW_ASSERT(count == 0 || tokens != NULL);
    shingler_init(&shingler, ret_sketch);
    for (size_t i = 0; i < count; i++) {
        uint8_t bytes[4];

        sw_store_u32(bytes, tokens[i]);
        add_token(&shingler, XXH3_64bits(bytes, sizeof bytes));
    }
    finish(&shingler);
}

struct sw_minhash_code sw_minhash_code_of(const struct sw_minhash *sketch)
{
    struct sw_minhash_code code;

    SW_ASSERT(sketch != NULL);
    for (size_t i = 0; i < SW_MINHASH_LANE_COUNT; i++) {
        code.lanes[i] = (uint8_t)sketch->lanes[i];
    }
    return code;
}

uint32_t sw_minhash_jaccard_ppm(const struct sw_minhash *a, const struct sw_minhash *b)
{
    uint32_t equal = 0;

    SW_ASSERT(a != NULL);
    SW_ASSERT(b != NULL);
    for (size_t i = 0; i < SW_MINHASH_LANE_COUNT; i++) {
        equal += a->lanes[i] == b->lanes[i] ? 1 : 0;
    }
    return equal * PPM / SW_MINHASH_LANE_COUNT;
}

uint32_t sw_minhash_code_jaccard_ppm(const struct sw_minhash_code *a,
                                     const struct sw_minhash_code *b)
{
    const uint64_t whole = (uint64_t)SW_MINHASH_LANE_COUNT * (CODE_VALUES - 1);
    uint64_t equal = 0, scaled;

    SW_ASSERT(a != NULL);
    SW_ASSERT(b != NULL);
    for (size_t i = 0; i < SW_MINHASH_LANE_COUNT; i++) {
        equal += a->lanes[i] == b->lanes[i] ? 1 : 0;
    }
    /* E(equal) = lanes * (J + (1 - J) / 256), solved for J. */
    scaled = equal * CODE_VALUES;
    if (scaled <= SW_MINHASH_LANE_COUNT) {
        return 0;
    }
    scaled -= SW_MINHASH_LANE_COUNT;
    return (uint32_t)(scaled * PPM / whole);
}

uint32_t sw_minhash_band_keys(const struct sw_minhash_code *code,
                              enum sw_minhash_bands bands,
                              uint64_t ret_keys[SW_MINHASH_BAND_COUNT_MAX])
{
    const uint32_t rows = (uint32_t)bands, count = SW_MINHASH_LANE_COUNT / rows;

    SW_ASSERT(code != NULL);
    SW_ASSERT(rows == SW_MINHASH_BANDS_16X8 || rows == SW_MINHASH_BANDS_32X4);
    for (uint32_t band = 0; band < count; band++) {
        ret_keys[band] = XXH3_64bits_withSeed(code->lanes + (size_t)band * rows, rows, band);
    }
    return count;
}

void sw_minhash_code_write(struct sw_buf *out, const struct sw_minhash_code *code)
{
    SW_ASSERT(code != NULL);
    sw_write_u8(out, SW_MINHASH_FORMAT);
    sw_write_bytes(out, sw_span_of(code->lanes, sizeof code->lanes));
}

enum sw_err sw_minhash_code_read(struct sw_reader *in, struct sw_minhash_code *ret_code)
{
    struct sw_minhash_code code;
    uint8_t format = 0;
    enum sw_err err = sw_read_format(in, SW_MINHASH_FORMAT, &format);

    if (err != SW_ERR_OK) {
        return err;
    }
    sw_read_copy(in, code.lanes, sizeof code.lanes);
    if (in->failed) {
        return SW_ERR_MALFORMED;
    }
    *ret_code = code;
    return SW_ERR_OK;
}
