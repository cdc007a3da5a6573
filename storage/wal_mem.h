/* The WAL port in memory: arrays that do what wal.h says and nothing else. The measure for the real
 * one in model tests, and a quick log for simulations that are not about disks.
 *
 * Requests wait until sw_wal_mem_step; a crash loses those that were not completed. */
#ifndef SW_STORAGE_WAL_MEM_H
#define SW_STORAGE_WAL_MEM_H

#include <stddef.h>

#include "storage/wal.h"

struct sw_wal_mem; /* opaque */

struct sw_wal_mem *sw_wal_mem_new(void);
void sw_wal_mem_free(struct sw_wal_mem *mem); /* accepts NULL; completes nothing */
/* Owned by `mem`. */
struct sw_wal *sw_wal_mem_port(struct sw_wal_mem *mem);
/* Requests that were not completed yet. */
size_t sw_wal_mem_pending(const struct sw_wal_mem *mem);
/* Makes the oldest request durable and completes it; false if there is none. */
bool sw_wal_mem_step(struct sw_wal_mem *mem);
/* Drops the requests that were not completed, as a crash does. */
void sw_wal_mem_crash(struct sw_wal_mem *mem);

#endif
