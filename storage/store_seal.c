/* Sealing, opening and naming of stored values; the layout is in store_seal.h. */
#include "storage/store_seal.h"

#include <stdio.h>
#include <string.h>

#define XXH_INLINE_ALL  /* a seal costs nanoseconds; the call into a shared library costs as much \
                         */
#include <xxhash.h>

#include "base/assert.h"
#include "base/rw.h"

uint64_t sw_seal_of(unsigned table, struct sw_span key, struct sw_span value)
{
    uint64_t seed;

    SW_ASSERT(table < SW_TABLE_COUNT || table == SW_SEAL_TABLE_HEADER);
    SW_ASSERT(value.size <= SW_STORE_VALUE_SIZE_MAX);
    seed = XXH3_64bits_withSeed(key.data, key.size, (uint64_t)SW_SEAL_SEED + table);
    return XXH3_64bits_withSeed(value.data, value.size, seed);
}

void sw_seal_write(unsigned table, struct sw_span key, struct sw_span value, uint8_t *out)
{
    SW_ASSERT(out != NULL);
    SW_ASSERT(value.data != NULL || value.size == 0);
    sw_store_u64(out, sw_seal_of(table, key, value));
    if (value.size > 0) {
        memcpy(out + SW_SEAL_SIZE, value.data, value.size);
    }
}

enum sw_err
sw_seal_open(unsigned table, struct sw_span key, struct sw_span sealed, struct sw_span *ret_value)
{
    struct sw_span value;

    SW_ASSERT(ret_value != NULL);
    SW_ASSERT(sealed.data != NULL || sealed.size == 0);
    if (sealed.size < SW_SEAL_SIZE || sealed.size - SW_SEAL_SIZE > SW_STORE_VALUE_SIZE_MAX) {
        return SW_ERR_CORRUPT;
    }
    value = sw_span_of(sealed.data + SW_SEAL_SIZE, sealed.size - SW_SEAL_SIZE);
    if (sw_load_u64(sealed.data) != sw_seal_of(table, key, value)) {
        return SW_ERR_CORRUPT;
    }
    *ret_value = value;
    return SW_ERR_OK;
}

const char *sw_table_name(unsigned table)
{
    static const char *const names[SW_TABLE_COUNT] = {
        [SW_TABLE_META] = "meta",
        [SW_TABLE_KV] = "kv",
        [SW_TABLE_EXPERIENCE] = "experience",
        [SW_TABLE_SESSION] = "session",
        [SW_TABLE_LEASE] = "lease",
        [SW_TABLE_CHANGE] = "change",
        [SW_TABLE_HISTORY] = "history",
        [SW_TABLE_INDEX] = "index",
        [SW_TABLE_STAGE] = "stage",
    };

    if (table == SW_SEAL_TABLE_HEADER) {
        return "header";
    }
    return table < SW_TABLE_COUNT ? names[table] : "?";
}

void sw_key_print(struct sw_span key, char *out, size_t out_size)
{
    static const char digits[] = "0123456789abcdef";
    size_t at = 0;

    SW_ASSERT(out != NULL);
    SW_ASSERT(out_size >= 8); /* one escaped byte, "..." and the end */
    for (size_t i = 0; i < key.size; i++) {
        const uint8_t byte = key.data[i];

        if (at + 4 + 3 + 1 > out_size) {
            memcpy(out + at, "...", 3);
            at += 3;
            break;
        }
        if (byte > 0x20 && byte < 0x7f && byte != '\\' && byte != '"') {
            out[at++] = (char)byte;
        } else {
            out[at++] = '\\';
            out[at++] = 'x';
            out[at++] = digits[byte >> 4];
            out[at++] = digits[byte & 15];
        }
    }
    out[at] = '\0';
}

enum sw_err
sw_store_corrupt(struct sw_store *store, unsigned table, struct sw_span key, const char *what)
{
    char text[64];

    SW_ASSERT(store != NULL);
    SW_ASSERT(what != NULL);
    sw_key_print(key, text, sizeof(text));
    (void)snprintf(store->why,
                   sizeof(store->why),
                   "table %s, key %s: %s; the other nodes hold the data",
                   sw_table_name(table),
                   text,
                   what);
    return SW_ERR_CORRUPT;
}
