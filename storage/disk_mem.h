/* The disk port in memory, for tests and simulation: it knows what was synced and can cut the
 * power, break at the n-th operation and flip bits.
 *
 * Pessimistic where real disks differ: only sync makes bytes durable, only sync_directory makes
 * names durable (in the order in which they changed, as a journal does), and an unsynced write may
 * survive in any subset of its 512-byte sectors. Deterministic: the same calls and the same prng
 * give the same bytes. One thread. */
#ifndef SW_STORAGE_DISK_MEM_H
#define SW_STORAGE_DISK_MEM_H

#include <stdint.h>

#include "base/err.h"
#include "base/prng.h"
#include "storage/disk.h"

struct sw_disk_mem; /* opaque */

/* What a power cut leaves of the unsynced writes. */
enum sw_disk_mem_policy {
    SW_DISK_MEM_LOSE_ALL,
    SW_DISK_MEM_PREFIX, /* of each file's writes, the last one possibly cut short at a sector */
    SW_DISK_MEM_TORN,   /* any subset of sectors */
    SW_DISK_MEM_KEEP_ALL,
    SW_DISK_MEM_POLICY_COUNT
};

enum sw_disk_mem_op {
    SW_DISK_MEM_WRITE = 1,
    SW_DISK_MEM_SYNC = 2,
    SW_DISK_MEM_NAME = 4,
    SW_DISK_MEM_READ = 8,
};

struct sw_disk_mem_counts {
    uint64_t writes;
    uint64_t syncs; /* of files */
    uint64_t names; /* create, rename, remove, sync_directory */
    uint64_t bytes_written;
};

struct sw_disk_mem *sw_disk_mem_new(void);
void sw_disk_mem_free(struct sw_disk_mem *disk); /* accepts NULL */
struct sw_disk *sw_disk_mem_port(struct sw_disk_mem *disk);

/* Cuts the power and turns it on again. Open files become unusable and must be closed. Clears
 * planned failures. `prng` may be NULL for LOSE_ALL and KEEP_ALL. */
void sw_disk_mem_power_cut(struct sw_disk_mem *disk,
                           struct sw_prng *prng,
                           enum sw_disk_mem_policy policy);

/* The process died, the power stayed on: nothing is lost yet and nothing more is durable. Open
 * files become unusable and must be closed. Clears planned failures. */
void sw_disk_mem_process_kill(struct sw_disk_mem *disk);

/* The power stays on for so long that the kernel writes back all it holds: what readers see now,
 * and under which names, a power cut cannot take any more, not even what a failed sync forgot. */
void sw_disk_mem_write_back(struct sw_disk_mem *disk);

/* The n-th (1..) coming operation whose kind is in `ops` fails with `err`. With `dead` all that
 * come after fail too, and the failing write still reaches the cache: the moment of a kill. Without
 * it a failing sync forgets what it should have written, as kernels do: readers still see it, the
 * next sync succeeds, and it was never on the platter. */
void sw_disk_mem_fail_at(
    struct sw_disk_mem *disk, uint32_t ops, uint64_t nth, enum sw_err err, bool dead);
/* Fails with DISK_FULL once all files together would exceed `bytes`; 0 = no limit. */
void sw_disk_mem_set_capacity(struct sw_disk_mem *disk, uint64_t bytes);

/* Flips one bit of a stored byte, in the cache and on the platter. NOT_FOUND, INVALID. */
enum sw_err
sw_disk_mem_flip(struct sw_disk_mem *disk, const char *name, uint64_t offset, uint8_t bit);
/* Replaces stored bytes likewise, inside the file. */
void sw_disk_mem_damage(struct sw_disk_mem *disk,
                        const char *name,
                        uint64_t offset,
                        struct sw_span bytes);
/* Bytes of all files together. */
uint64_t sw_disk_mem_used(const struct sw_disk_mem *disk);
/* A deep copy of what a reader sees now, all of it synced. */
struct sw_disk_mem *sw_disk_mem_clone(const struct sw_disk_mem *disk);
struct sw_disk_mem_counts sw_disk_mem_counts(const struct sw_disk_mem *disk);
/* A hash of names and bytes, for "same seed, same disk". */
uint64_t sw_disk_mem_hash(const struct sw_disk_mem *disk);

#endif
