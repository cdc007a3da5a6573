/* Port: files of one data directory, as the WAL needs them.
 *
 * All calls are synchronous and run on the WAL's worker (or at start-up on the main thread, before
 * the worker exists). Names are plain file names inside the directory, no slashes.
 * Real: storage/disk_posix.c. Simulated: storage/disk_mem.c, which knows what was synced and can
 * cut the power: unsynced writes survive whole, torn at 512-byte sectors, in part or not at all. */
#ifndef SW_STORAGE_DISK_H
#define SW_STORAGE_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

struct sw_file; /* opaque, owned by the adapter */

struct sw_disk {
    void *impl;
    const struct sw_disk_ops *ops;
};

struct sw_disk_ops {
    /* Opens for reading and writing; NOT_FOUND if absent and not `create`. A created file's name is
     * durable only after sync_directory. */
    enum sw_err (*open)(struct sw_disk *disk,
                        const char *name,
                        bool create,
                        struct sw_file **ret_file);
    enum sw_err (*size)(struct sw_disk *disk, struct sw_file *file, uint64_t *ret_size);
    /* Reads exactly `size` bytes or fails: CORRUPT if the file is shorter, IO if the disk says so.
     */
    enum sw_err (*read)(
        struct sw_disk *disk, struct sw_file *file, uint64_t offset, void *out, size_t size);
    /* Writes all or fails: IO, DISK_FULL. */
    enum sw_err (*write)(struct sw_disk *disk,
                         struct sw_file *file,
                         uint64_t offset,
                         struct sw_span bytes);
    /* fdatasync. IO is final: the caller stops the process, because after a failed sync the kernel
     * may call the next one a success without having written anything. */
    enum sw_err (*sync)(struct sw_disk *disk, struct sw_file *file);
    void (*close)(struct sw_disk *disk, struct sw_file *file); /* accepts NULL */
    enum sw_err (*rename)(struct sw_disk *disk, const char *from, const char *to);
    enum sw_err (*remove)(struct sw_disk *disk, const char *name);
    enum sw_err (*sync_directory)(struct sw_disk *disk);
    /* Calls `visit` for each file name, in any order. */
    enum sw_err (*list)(struct sw_disk *disk,
                        void (*visit)(void *arg, const char *name),
                        void *arg);
    /* Bytes that new files may take, as far as one can know: others write to the same disk. */
    enum sw_err (*room)(struct sw_disk *disk, uint64_t *ret_size);
};

#endif
