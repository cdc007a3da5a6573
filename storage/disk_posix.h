/* The disk port over a real directory. Opens the directory once; the caller holds its lock. */
#ifndef SW_STORAGE_DISK_POSIX_H
#define SW_STORAGE_DISK_POSIX_H

#include "base/err.h"
#include "base/limits.h"
#include "storage/disk.h"

struct sw_disk_posix; /* opaque */

/* `path` must exist. NOT_FOUND, PERMISSIONS or IO, with the reason in `ret_why`. */
enum sw_err sw_disk_posix_new(const char *path,
                              struct sw_disk_posix **ret_disk,
                              char ret_why[SW_WHY_SIZE]) SW_MUST_CHECK;
/* Opens files for reading only, for tools that must not be able to change anything. */
enum sw_err sw_disk_posix_new_read_only(const char *path,
                                        struct sw_disk_posix **ret_disk,
                                        char ret_why[SW_WHY_SIZE]) SW_MUST_CHECK;
/* Owned by the disk. */
struct sw_disk *sw_disk_posix_port(struct sw_disk_posix *disk);
void sw_disk_posix_free(struct sw_disk_posix *disk); /* accepts NULL; all files are closed */

#endif
