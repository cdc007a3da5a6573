/* A directory in memory: names that lead to files, so that a cut can be tried on a copy.
 *
 * Files are known by their inode number, as in the journal; what stands in the stash is a file
 * without a name. Nothing is checked out of kindness: a caller that loads what it cannot hold dies.
 */
#ifndef SW_JEPSEN_FAULT_IMAGE_H
#define SW_JEPSEN_FAULT_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sw_image_file {
    uint64_t inode;
    uint64_t size;
    uint8_t *bytes; /* owned */
    bool directory;
};

struct sw_image_name {
    char *path; /* owned; relative to the root */
    uint64_t inode;
};

struct sw_image {
    struct sw_image_file *files; /* owned */
    size_t file_count;
    struct sw_image_name *names; /* owned */
    size_t name_count;
};

/* Everything below `root`, and the stash beside it. False with the reason. */
bool sw_image_load(const char *root, struct sw_image *ret_image, char ret_why[256]);
void sw_image_copy(const struct sw_image *image, struct sw_image *ret_copy);
void sw_image_release(struct sw_image *image);
/* Makes `root`, which must not exist, with everything whose directory has a name too. */
bool sw_image_store(const struct sw_image *image, const char *root, char ret_why[256]);

/* NULL if there is none. Valid until a file is added. */
struct sw_image_file *sw_image_file(const struct sw_image *image, uint64_t inode);
struct sw_image_name *sw_image_name(const struct sw_image *image, const char *path);
void sw_image_link(struct sw_image *image, const char *path, uint64_t inode);
void sw_image_unlink(struct sw_image *image, const char *path); /* no name, no effect */
/* New bytes are zeros. */
void sw_image_resize(struct sw_image_file *file, uint64_t size);

#endif
