/* The in-memory twin of the LMDB store: same port, same answers, and faults on demand.
 *
 * Versions of a persistent tree (tree.h) stand for the open transaction, the last commit and the
 * one before it, so begin, commit, abort, readers and crashes each cost a few reference counts.
 * Deterministic: the answers depend on the calls alone. Kept equal to store_lmdb by tests/model. */
#ifndef SW_STORAGE_STORE_MEM_H
#define SW_STORAGE_STORE_MEM_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/store.h"

/* `map_size` and `reserve_size` in bytes, as in store_lmdb.h; 0 = 1 TiB, and none. */
struct sw_store *sw_store_mem_new(uint64_t map_size, uint64_t reserve_size);
void sw_store_mem_free(struct sw_store *store); /* accepts NULL */

/* What is left after a crash: the last commit, or, with `undo_last_commit`, the one before it,
 * unless the last one was synced. (A power cut may undo a commit whose meta page was not synced; a
 * crash of the process alone never does, but a power cut later still may.) All readers, walks and
 * spans are gone; an injected error is over; damage stays. */
void sw_store_mem_crash(struct sw_store *store, bool undo_last_commit);

/* While set, put answers DISK_FULL, but for meta and session records. */
void sw_store_mem_set_full(struct sw_store *store, bool full);
/* The next commit (or sync) fails with IO, and everything after it, until a crash. */
void sw_store_mem_fail_next_commit(struct sw_store *store);
/* Flips one bit of a stored value (or of its seal if the value is empty) in every version that has
 * it. False if the key is absent. `bit` is taken modulo the size. */
bool sw_store_mem_flip(struct sw_store *store,
                       enum sw_table table,
                       struct sw_span key,
                       uint64_t bit);

#endif
