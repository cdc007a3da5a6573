/* The seal of a stored value: a checksum that binds it to its table and key.
 *
 * | offset | size | field                                                                     |
 * |--------|------|---------------------------------------------------------------------------|
 * | 0      | 8    | seal, LE: XXH3-64 of the value with seed S                                |
 * | 8      | ...  | the value                                                                 |
 *
 * S is XXH3-64 of the key with seed SW_SEAL_SEED + table. LMDB keeps no checksum of its own (398 of
 * 400 flipped bits went unnoticed), and a value that is whole but filed under another key or table
 * would be as wrong as a torn one; so all three are summed. It guards against disks, not against
 * attackers. Pure; adapters and twin share it. */
#ifndef SW_STORAGE_STORE_SEAL_H
#define SW_STORAGE_STORE_SEAL_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"
#include "storage/store.h"

enum {
    SW_SEAL_SIZE = 8,
    SW_SEAL_SEED = 0x5357, /* "SW" */
    /* The table number of the record that says whose store this is (store_lmdb.h). */
    SW_SEAL_TABLE_HEADER = 255,
    /* The largest value that any table may hold; a stored length over it is damage. The largest are
     * sessions with answers that are not acknowledged. */
    SW_STORE_VALUE_SIZE_MAX = 4 << 20,
};

uint64_t sw_seal_of(unsigned table, struct sw_span key, struct sw_span value);

/* Writes seal and value to `out`, which has SW_SEAL_SIZE + value.size bytes. */
void sw_seal_write(unsigned table, struct sw_span key, struct sw_span value, uint8_t *out);

/* CORRUPT unless `sealed` is what sw_seal_write wrote for this table and key. `ret_value` is a view
 * behind the seal. */
enum sw_err
sw_seal_open(unsigned table, struct sw_span key, struct sw_span sealed, struct sw_span *ret_value)
    SW_MUST_CHECK;

/* "kv", "meta" ...; "?" for a number that is no table. */
const char *sw_table_name(unsigned table);

/* Puts the key into `out` as text: printable bytes as they are, others as \xNN, "..." when cut. */
void sw_key_print(struct sw_span key, char *out, size_t out_size);

/* Fills store->why with table, key, `what` and what to do; returns CORRUPT. */
enum sw_err
sw_store_corrupt(struct sw_store *store, unsigned table, struct sw_span key, const char *what);

#endif
