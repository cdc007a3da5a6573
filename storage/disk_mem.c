/* The disk port in memory. A file is two byte arrays, what readers see and what survived the last
 * sync, and the writes that lie between them. */
#include "storage/disk_mem.h"

#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "base/assert.h"
#include "base/rw.h"

enum { SECTOR_SIZE = 512, NAME_SIZE = 64 };

struct write {
    uint64_t offset;
    uint64_t size;
    uint8_t *data; /* owned */
};

/* A file's bytes, whatever its name. */
struct inode {
    struct sw_buf cache;   /* what readers see */
    struct sw_buf durable; /* what a power cut cannot take */
    struct write *writes;  /* owned; not synced yet, in order */
    size_t write_count;
    size_t write_capacity;
    uint32_t links; /* names and open files that hold it */
};

struct name {
    char text[NAME_SIZE];
    struct inode *inode; /* counted */
};

struct directory {
    struct name *names; /* owned */
    size_t count;
    size_t capacity;
};

enum change_kind { CHANGE_CREATE, CHANGE_RENAME, CHANGE_REMOVE };

struct change {
    enum change_kind kind;
    char from[NAME_SIZE];
    char to[NAME_SIZE];
    struct inode *inode; /* counted; of a creation */
};

struct failure {
    uint32_t ops;
    uint64_t left; /* 0 = none planned */
    enum sw_err err;
    bool dead;
};

struct sw_disk_mem {
    struct sw_disk port;
    struct directory now;
    struct directory durable;
    struct change *changes; /* owned; between durable and now, in order */
    size_t change_count;
    size_t change_capacity;
    struct failure failure;
    bool dead;
    uint64_t capacity;
    uint64_t lives;
    struct sw_disk_mem_counts counts;
};

struct sw_file {
    struct inode *inode; /* counted */
    uint64_t lives;      /* usable only in the life that opened it */
};

static void *grow(void *array, size_t count, size_t *capacity, size_t item_size)
{
    SW_ASSERT(count <= *capacity);
    if (count == *capacity) {
        *capacity = *capacity == 0 ? 8 : *capacity * 2;
        array = realloc(array, *capacity * item_size);
        SW_ASSERT(array != NULL);
    }
    return array;
}

static void name_copy(char *to, const char *from)
{
    SW_ASSERT(strlen(from) < NAME_SIZE);
    SW_ASSERT(strchr(from, '/') == NULL);
    memcpy(to, from, strlen(from) + 1);
}

static void writes_clear(struct inode *inode)
{
    for (size_t i = 0; i < inode->write_count; i++) {
        free(inode->writes[i].data);
    }
    inode->write_count = 0;
}

static void inode_unlink(struct inode *inode)
{
    SW_ASSERT(inode->links > 0);
    inode->links--;
    if (inode->links == 0) {
        writes_clear(inode);
        sw_buf_release(&inode->cache);
        sw_buf_release(&inode->durable);
        free(inode->writes);
        free(inode);
    }
}

static struct name *directory_find(const struct directory *directory, const char *text)
{
    for (size_t i = 0; i < directory->count; i++) {
        if (strcmp(directory->names[i].text, text) == 0) {
            return &directory->names[i];
        }
    }
    return NULL;
}

static void directory_remove(struct directory *directory, const char *text)
{
    struct name *name = directory_find(directory, text);

    SW_ASSERT(name != NULL);
    inode_unlink(name->inode);
    directory->count--;
    *name = directory->names[directory->count];
}

static void directory_add(struct directory *directory, const char *text, struct inode *inode)
{
    SW_ASSERT(directory_find(directory, text) == NULL);
    directory->names =
        grow(directory->names, directory->count, &directory->capacity, sizeof(struct name));
    name_copy(directory->names[directory->count].text, text);
    directory->names[directory->count].inode = inode;
    inode->links++;
    directory->count++;
}

static void directory_rename(struct directory *directory, const char *from, const char *to)
{
    if (strcmp(from, to) == 0) {
        return;
    }
    if (directory_find(directory, to) != NULL) {
        directory_remove(directory, to);
    }
    name_copy(directory_find(directory, from)->text, to);
}

static void directory_release(struct directory *directory)
{
    for (size_t i = 0; i < directory->count; i++) {
        inode_unlink(directory->names[i].inode);
    }
    free(directory->names);
    *directory = (struct directory){0};
}

static void directory_apply(struct directory *directory, const struct change *change)
{
    switch (change->kind) {
    case CHANGE_CREATE:
        directory_add(directory, change->to, change->inode);
        break;
    case CHANGE_RENAME:
        directory_rename(directory, change->from, change->to);
        break;
    case CHANGE_REMOVE:
        directory_remove(directory, change->from);
        break;
    default:
        SW_ASSERT(false);
    }
}

static void changes_clear(struct sw_disk_mem *self)
{
    for (size_t i = 0; i < self->change_count; i++) {
        if (self->changes[i].inode != NULL) {
            inode_unlink(self->changes[i].inode);
        }
    }
    self->change_count = 0;
}

static void directory_change(struct sw_disk_mem *self,
                             enum change_kind kind,
                             const char *from,
                             const char *to,
                             struct inode *inode)
{
    struct change *change;

    self->changes =
        grow(self->changes, self->change_count, &self->change_capacity, sizeof(*self->changes));
    change = &self->changes[self->change_count];
    *change = (struct change){.kind = kind, .inode = inode};
    name_copy(change->from, from);
    name_copy(change->to, to);
    if (inode != NULL) {
        inode->links++;
    }
    self->change_count++;
    directory_apply(&self->now, change);
}

/* Says what the coming operation answers; `*ret_reaches` whether a write gets into the cache. */
static enum sw_err fault(struct sw_disk_mem *self, uint32_t op, bool *ret_reaches)
{
    *ret_reaches = false;
    if (self->dead) {
        return SW_ERR_IO;
    }
    *ret_reaches = true;
    if (self->failure.left == 0 || (self->failure.ops & op) == 0) {
        return SW_ERR_OK;
    }
    self->failure.left--;
    if (self->failure.left > 0) {
        return SW_ERR_OK;
    }
    self->dead = self->failure.dead;
    *ret_reaches = self->failure.dead;
    return self->failure.err;
}

static enum sw_err file_check(const struct sw_disk_mem *self, const struct sw_file *file)
{
    SW_ASSERT(file != NULL);
    return self->dead || file->lives != self->lives ? SW_ERR_IO : SW_ERR_OK;
}

static enum sw_err
mem_open(struct sw_disk *disk, const char *text, bool create, struct sw_file **ret_file)
{
    struct sw_disk_mem *self = disk->impl;
    struct name *name = directory_find(&self->now, text);
    struct sw_file *file;
    bool reaches;

    SW_ASSERT(ret_file != NULL);
    if (name == NULL) {
        struct inode *inode;
        enum sw_err err;
        if (!create) {
            return self->dead ? SW_ERR_IO : SW_ERR_NOT_FOUND;
        }
        err = fault(self, SW_DISK_MEM_NAME, &reaches);
        if (err != SW_ERR_OK) {
            return err;
        }
        self->counts.names++;
        inode = calloc(1, sizeof(*inode));
        SW_ASSERT(inode != NULL);
        directory_change(self, CHANGE_CREATE, "", text, inode);
        name = directory_find(&self->now, text);
    }
    if (self->dead) {
        return SW_ERR_IO;
    }
    file = calloc(1, sizeof(*file));
    SW_ASSERT(file != NULL);
    *file = (struct sw_file){.inode = name->inode, .lives = self->lives};
    name->inode->links++;
    *ret_file = file;
    return SW_ERR_OK;
}

static enum sw_err mem_size(struct sw_disk *disk, struct sw_file *file, uint64_t *ret_size)
{
    const enum sw_err err = file_check(disk->impl, file);

    SW_ASSERT(ret_size != NULL);
    if (err == SW_ERR_OK) {
        *ret_size = file->inode->cache.size;
    }
    return err;
}

static enum sw_err
mem_read(struct sw_disk *disk, struct sw_file *file, uint64_t offset, void *out, size_t size)
{
    const struct sw_buf *cache = &file->inode->cache;
    enum sw_err err = file_check(disk->impl, file);
    bool reaches;

    SW_ASSERT(out != NULL || size == 0);
    if (err == SW_ERR_OK) {
        err = fault(disk->impl, SW_DISK_MEM_READ, &reaches);
    }
    if (err != SW_ERR_OK) {
        return err;
    }
    if (offset > cache->size || size > cache->size - offset) {
        return SW_ERR_CORRUPT;
    }
    if (size > 0) {
        memcpy(out, cache->data + offset, size);
    }
    return SW_ERR_OK;
}

/* Makes the buffer reach to `size`, with zeros, as a sparse file does. */
static void buf_reach(struct sw_buf *buf, uint64_t size)
{
    if (size > buf->size) {
        const size_t more = size - buf->size;
        memset(sw_buf_extend(buf, more), 0, more);
    }
    SW_ASSERT(buf->size >= size);
}

static void bytes_put(struct sw_buf *buf, uint64_t offset, struct sw_span bytes)
{
    if (bytes.size > 0) {
        buf_reach(buf, offset + bytes.size);
        memcpy(buf->data + offset, bytes.data, bytes.size);
    }
}

static uint64_t used_size(const struct sw_disk_mem *self)
{
    uint64_t used = 0;

    for (size_t i = 0; i < self->now.count; i++) {
        used += self->now.names[i].inode->cache.size;
    }
    return used;
}

static void write_remember(struct inode *inode, uint64_t offset, struct sw_span bytes)
{
    uint8_t *data = malloc(bytes.size);

    SW_ASSERT(data != NULL);
    memcpy(data, bytes.data, bytes.size);
    inode->writes =
        grow(inode->writes, inode->write_count, &inode->write_capacity, sizeof(*inode->writes));
    inode->writes[inode->write_count] =
        (struct write){.offset = offset, .size = bytes.size, .data = data};
    inode->write_count++;
}

static enum sw_err
mem_write(struct sw_disk *disk, struct sw_file *file, uint64_t offset, struct sw_span bytes)
{
    struct sw_disk_mem *self = disk->impl;
    struct inode *inode = file->inode;
    bool reaches;
    enum sw_err err = file_check(self, file);

    if (err != SW_ERR_OK || bytes.size == 0) {
        return err;
    }
    if (self->capacity != 0 && offset + bytes.size > inode->cache.size &&
        used_size(self) + offset + bytes.size - inode->cache.size > self->capacity) {
        return SW_ERR_DISK_FULL;
    }
    err = fault(self, SW_DISK_MEM_WRITE, &reaches);
    if (!reaches) {
        return err;
    }
    self->counts.writes++;
    self->counts.bytes_written += bytes.size;
    write_remember(inode, offset, bytes);
    bytes_put(&inode->cache, offset, bytes);
    return err;
}

/* Makes bytes [from, to) of the file, which lie inside `write`, durable. */
static void write_keep(struct inode *inode, const struct write *write, uint64_t from, uint64_t to)
{
    SW_ASSERT(from >= write->offset);
    SW_ASSERT(to <= write->offset + write->size);
    bytes_put(&inode->durable, from, sw_span_of(write->data + (from - write->offset), to - from));
}

static enum sw_err mem_sync(struct sw_disk *disk, struct sw_file *file)
{
    struct sw_disk_mem *self = disk->impl;
    struct inode *inode = file->inode;
    bool reaches;
    enum sw_err err = file_check(self, file);

    if (err != SW_ERR_OK) {
        return err;
    }
    err = fault(self, SW_DISK_MEM_SYNC, &reaches);
    if (err != SW_ERR_OK) {
        if (!self->dead) {
            writes_clear(inode);
        }
        return err;
    }
    self->counts.syncs++;
    for (size_t i = 0; i < inode->write_count; i++) {
        const struct write *write = &inode->writes[i];
        write_keep(inode, write, write->offset, write->offset + write->size);
    }
    writes_clear(inode);
    return SW_ERR_OK;
}

static void mem_close(struct sw_disk *disk, struct sw_file *file)
{
    SW_ASSERT(disk != NULL);
    if (file != NULL) {
        inode_unlink(file->inode);
        free(file);
    }
}

static enum sw_err mem_rename(struct sw_disk *disk, const char *from, const char *to)
{
    struct sw_disk_mem *self = disk->impl;
    bool reaches;
    const enum sw_err err = fault(self, SW_DISK_MEM_NAME, &reaches);

    if (err != SW_ERR_OK) {
        return err;
    }
    if (directory_find(&self->now, from) == NULL) {
        return SW_ERR_NOT_FOUND;
    }
    self->counts.names++;
    directory_change(self, CHANGE_RENAME, from, to, NULL);
    return SW_ERR_OK;
}

static enum sw_err mem_remove(struct sw_disk *disk, const char *text)
{
    struct sw_disk_mem *self = disk->impl;
    bool reaches;
    const enum sw_err err = fault(self, SW_DISK_MEM_NAME, &reaches);

    if (err != SW_ERR_OK) {
        return err;
    }
    if (directory_find(&self->now, text) == NULL) {
        return SW_ERR_NOT_FOUND;
    }
    self->counts.names++;
    directory_change(self, CHANGE_REMOVE, text, "", NULL);
    return SW_ERR_OK;
}

static enum sw_err mem_sync_directory(struct sw_disk *disk)
{
    struct sw_disk_mem *self = disk->impl;
    bool reaches;
    const enum sw_err err = fault(self, SW_DISK_MEM_NAME, &reaches);

    if (err != SW_ERR_OK) {
        return err;
    }
    self->counts.names++;
    for (size_t i = 0; i < self->change_count; i++) {
        directory_apply(&self->durable, &self->changes[i]);
    }
    changes_clear(self);
    return SW_ERR_OK;
}

static enum sw_err
mem_list(struct sw_disk *disk, void (*visit)(void *arg, const char *name), void *arg)
{
    const struct sw_disk_mem *self = disk->impl;

    SW_ASSERT(visit != NULL);
    if (self->dead) {
        return SW_ERR_IO;
    }
    for (size_t i = 0; i < self->now.count; i++) {
        visit(arg, self->now.names[i].text);
    }
    return SW_ERR_OK;
}

static enum sw_err mem_room(struct sw_disk *disk, uint64_t *ret_size)
{
    const struct sw_disk_mem *self = disk->impl;
    const uint64_t used = used_size(self);

    SW_ASSERT(ret_size != NULL);
    if (self->dead) {
        return SW_ERR_IO;
    }
    if (self->capacity == 0) {
        *ret_size = UINT64_MAX;
    } else {
        *ret_size = self->capacity > used ? self->capacity - used : 0;
    }
    return SW_ERR_OK;
}

static const struct sw_disk_ops mem_ops = {.open = mem_open,
                                           .size = mem_size,
                                           .read = mem_read,
                                           .write = mem_write,
                                           .sync = mem_sync,
                                           .close = mem_close,
                                           .rename = mem_rename,
                                           .remove = mem_remove,
                                           .sync_directory = mem_sync_directory,
                                           .list = mem_list,
                                           .room = mem_room};

struct sw_disk_mem *sw_disk_mem_new(void)
{
    struct sw_disk_mem *disk = calloc(1, sizeof(*disk));

    SW_ASSERT(disk != NULL);
    disk->port = (struct sw_disk){.impl = disk, .ops = &mem_ops};
    return disk;
}

void sw_disk_mem_free(struct sw_disk_mem *disk)
{
    if (disk != NULL) {
        changes_clear(disk);
        free(disk->changes);
        directory_release(&disk->now);
        directory_release(&disk->durable);
        free(disk);
    }
}

struct sw_disk *sw_disk_mem_port(struct sw_disk_mem *disk)
{
    SW_ASSERT(disk != NULL);
    return &disk->port;
}

/* Keeps what the policy lets survive of one unsynced write. */
static void write_survive(struct inode *inode,
                          const struct write *write,
                          struct sw_prng *prng,
                          enum sw_disk_mem_policy policy,
                          bool last)
{
    uint64_t end = write->offset + write->size;

    if (policy == SW_DISK_MEM_PREFIX && last) {
        end = write->offset + sw_prng_below(prng, write->size / SECTOR_SIZE + 1) * SECTOR_SIZE;
    }
    for (uint64_t at = write->offset; at < end;) {
        const uint64_t next = (at / SECTOR_SIZE + 1) * SECTOR_SIZE;
        const uint64_t stop = next < end ? next : end;
        if (policy != SW_DISK_MEM_TORN || sw_prng_chance(prng, 1, 2)) {
            write_keep(inode, write, at, stop);
        }
        at = stop;
    }
}

static void
inode_power_cut(struct inode *inode, struct sw_prng *prng, enum sw_disk_mem_policy policy)
{
    size_t count = inode->write_count;

    if (policy == SW_DISK_MEM_LOSE_ALL) {
        count = 0;
    } else if (policy == SW_DISK_MEM_PREFIX) {
        count = (size_t)sw_prng_below(prng, inode->write_count + 1);
    }
    for (size_t i = 0; i < count; i++) {
        write_survive(inode, &inode->writes[i], prng, policy, i + 1 == count);
    }
    writes_clear(inode);
    sw_buf_clear(&inode->cache);
    sw_write_bytes(&inode->cache, sw_buf_span(&inode->durable));
}

void sw_disk_mem_power_cut(struct sw_disk_mem *disk,
                           struct sw_prng *prng,
                           enum sw_disk_mem_policy policy)
{
    size_t kept = disk->change_count;

    SW_ASSERT(policy < SW_DISK_MEM_POLICY_COUNT);
    if (policy == SW_DISK_MEM_LOSE_ALL) {
        kept = 0;
    } else if (policy != SW_DISK_MEM_KEEP_ALL) {
        kept = (size_t)sw_prng_below(prng, disk->change_count + 1);
    }
    for (size_t i = 0; i < kept; i++) {
        directory_apply(&disk->durable, &disk->changes[i]);
    }
    changes_clear(disk);
    directory_release(&disk->now);
    for (size_t i = 0; i < disk->durable.count; i++) {
        inode_power_cut(disk->durable.names[i].inode, prng, policy);
        directory_add(&disk->now, disk->durable.names[i].text, disk->durable.names[i].inode);
    }
    sw_disk_mem_process_kill(disk);
}

void sw_disk_mem_process_kill(struct sw_disk_mem *disk)
{
    SW_ASSERT(disk != NULL);
    disk->failure = (struct failure){0};
    disk->dead = false;
    disk->lives++;
}

void sw_disk_mem_write_back(struct sw_disk_mem *disk)
{
    for (size_t i = 0; i < disk->change_count; i++) {
        directory_apply(&disk->durable, &disk->changes[i]);
    }
    changes_clear(disk);
    SW_ASSERT(disk->durable.count == disk->now.count);
    for (size_t i = 0; i < disk->now.count; i++) {
        struct inode *inode = disk->now.names[i].inode;

        writes_clear(inode);
        sw_buf_clear(&inode->durable);
        sw_write_bytes(&inode->durable, sw_buf_span(&inode->cache));
    }
}

void sw_disk_mem_fail_at(
    struct sw_disk_mem *disk, uint32_t ops, uint64_t nth, enum sw_err err, bool dead)
{
    SW_ASSERT(nth > 0);
    SW_ASSERT(err != SW_ERR_OK);
    disk->failure = (struct failure){.ops = ops, .left = nth, .err = err, .dead = dead};
}

void sw_disk_mem_set_capacity(struct sw_disk_mem *disk, uint64_t bytes)
{
    SW_ASSERT(disk != NULL);
    disk->capacity = bytes;
}

enum sw_err
sw_disk_mem_flip(struct sw_disk_mem *disk, const char *name, uint64_t offset, uint8_t bit)
{
    const struct name *found = directory_find(&disk->now, name);

    SW_ASSERT(bit < 8);
    if (found == NULL) {
        return SW_ERR_NOT_FOUND;
    }
    if (offset >= found->inode->cache.size) {
        return SW_ERR_INVALID;
    }
    found->inode->cache.data[offset] ^= (uint8_t)(1u << bit);
    if (offset < found->inode->durable.size) {
        found->inode->durable.data[offset] ^= (uint8_t)(1u << bit);
    }
    return SW_ERR_OK;
}

void sw_disk_mem_damage(struct sw_disk_mem *disk,
                        const char *name,
                        uint64_t offset,
                        struct sw_span bytes)
{
    const struct name *found = directory_find(&disk->now, name);

    SW_ASSERT(found != NULL);
    SW_ASSERT(offset + bytes.size <= found->inode->cache.size);
    bytes_put(&found->inode->cache, offset, bytes);
    bytes_put(&found->inode->durable, offset, bytes);
}

uint64_t sw_disk_mem_used(const struct sw_disk_mem *disk)
{
    SW_ASSERT(disk != NULL);
    return used_size(disk);
}

struct sw_disk_mem *sw_disk_mem_clone(const struct sw_disk_mem *disk)
{
    struct sw_disk_mem *clone = sw_disk_mem_new();

    for (size_t i = 0; i < disk->now.count; i++) {
        struct inode *inode = calloc(1, sizeof(*inode));
        SW_ASSERT(inode != NULL);
        sw_write_bytes(&inode->cache, sw_buf_span(&disk->now.names[i].inode->cache));
        sw_write_bytes(&inode->durable, sw_buf_span(&inode->cache));
        directory_add(&clone->now, disk->now.names[i].text, inode);
        directory_add(&clone->durable, disk->now.names[i].text, inode);
    }
    SW_ASSERT(clone->now.count == disk->now.count);
    return clone;
}

struct sw_disk_mem_counts sw_disk_mem_counts(const struct sw_disk_mem *disk)
{
    SW_ASSERT(disk != NULL);
    return disk->counts;
}

uint64_t sw_disk_mem_hash(const struct sw_disk_mem *disk)
{
    uint64_t hash = 0;

    /* The sum does not depend on the order of the names. */
    for (size_t i = 0; i < disk->now.count; i++) {
        const struct name *name = &disk->now.names[i];
        const uint64_t name_hash = XXH3_64bits(name->text, strlen(name->text));
        const struct sw_buf *bytes = &name->inode->cache;
        hash += XXH3_64bits_withSeed(
            bytes->size == 0 ? (const uint8_t *)"" : bytes->data, bytes->size, name_hash);
    }
    return hash;
}
