/* Sketches: codec, keys, and the one measure. */
#include "node/sketch.h"

#include <string.h>

#include "base/assert.h"
#include "base/limits.h"

static_assert(SW_TENANT_SIZE_MAX + SW_NAMESPACE_SIZE_MAX + SW_PARTITION_SIZE_MAX + SW_KEY_SIZE_MAX +
                      8 + 9 <=
                  SW_STORE_KEY_SIZE_MAX,
              "the key of a sketch has that of its block in it");

enum { IDS_MAX = SW_CONTEXT_SKETCH_SIZE_MAX / 4 };

static void sketch_ids(struct sw_span content, struct sw_minhash *ret_minima)
{
    uint32_t ids[IDS_MAX];
    const size_t count = content.size / 4;

    SW_ASSERT(count <= IDS_MAX);
    for (size_t i = 0; i < count; i++) {
        ids[i] = sw_load_u32(content.data + 4 * i);
    }
    sw_minhash_of_tokens(ids, count, ret_minima);
}

void sw_sketch_of(struct sw_span content, bool ids, struct sw_sketch *ret_sketch)
{
    struct sw_minhash minima;
    struct sw_span part = content;

    if (part.size > SW_CONTEXT_SKETCH_SIZE_MAX) {
        part.size = SW_CONTEXT_SKETCH_SIZE_MAX;
    }
    if (ids && content.size % 4 == 0) {
        sketch_ids(part, &minima);
    } else {
        sw_minhash_of_text(part, &minima);
    }
    *ret_sketch =
        (struct sw_sketch){.name = sw_exact_name_of(content), .code = sw_minhash_code_of(&minima)};
}

void sw_sketch_encode(const struct sw_sketch *sketch, struct sw_buf *out)
{
    const size_t start = out->size;

    sw_write_u8(out, SW_SKETCH_FORMAT);
    sw_write_u64(out, sketch->domain);
    sw_write_u64(out, sketch->id);
    sw_write_bytes(out, sw_span_of(sketch->name.bytes, sizeof sketch->name.bytes));
    sw_minhash_code_write(out, &sketch->code);
    SW_ASSERT(out->size - start == SW_SKETCH_SIZE);
}

enum sw_err sw_sketch_decode(struct sw_span bytes, struct sw_sketch *ret_sketch)
{
    struct sw_reader in = sw_reader_of(bytes);
    uint8_t format;
    enum sw_err err = sw_read_format(&in, SW_SKETCH_FORMAT, &format);

    if (err != SW_ERR_OK) {
        return err;
    }
    ret_sketch->domain = sw_read_u64(&in);
    ret_sketch->id = sw_read_u64(&in);
    sw_read_copy(&in, ret_sketch->name.bytes, sizeof ret_sketch->name.bytes);
    err = sw_minhash_code_read(&in, &ret_sketch->code);
    if (err != SW_ERR_OK) {
        return err;
    }
    return sw_reader_finish(&in) == SW_ERR_OK ? SW_ERR_OK : SW_ERR_CORRUPT;
}

void sw_sketch_bands(const struct sw_sketch *sketch, uint64_t ret_bands[SW_SKETCH_BAND_COUNT])
{
    uint64_t keys[SW_MINHASH_BAND_COUNT_MAX];
    const uint32_t count = sw_minhash_band_keys(&sketch->code, SW_MINHASH_BANDS_16X8, keys);

    SW_ASSERT(count + 1 == SW_SKETCH_BAND_COUNT);
    ret_bands[0] = sw_load_u64_be(sketch->name.bytes);
    memcpy(ret_bands + 1, keys, count * sizeof keys[0]);
}

uint32_t sw_sketch_permille(const struct sw_sketch *a, const struct sw_sketch *b)
{
    const uint32_t permille = sw_minhash_code_jaccard_ppm(&a->code, &b->code) / 1000;

    return permille > 999 ? 999 : permille;
}

void sw_sketch_key(const struct sw_key *block, struct sw_key *ret_key)
{
    const uint16_t slot = (uint16_t)(block->data[0] << 8 | block->data[1]);

    SW_ASSERT(block->size > SW_KEY_SLOT_SIZE);
    sw_key_index(slot,
                 SW_INDEX_SKETCH,
                 0,
                 sw_span_of(block->data + SW_KEY_SLOT_SIZE, block->size - SW_KEY_SLOT_SIZE),
                 ret_key);
}

void sw_sketch_band_key(
    uint16_t slot, uint64_t domain, uint64_t band, uint64_t id, struct sw_key *ret_key)
{
    uint8_t rest[16];

    sw_store_u64_be(rest, band);
    sw_store_u64_be(rest + 8, id);
    sw_key_index(slot, SW_INDEX_BAND, domain, sw_span_of(rest, id == 0 ? 8 : 16), ret_key);
}
