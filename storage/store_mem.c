/* Twin of the LMDB store over versions of a persistent tree; see store_mem.h. */
#include "storage/store_mem.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "storage/store_seal.h"
#include "storage/tree.h"

enum {
    READER_COUNT_MAX = 4,
    /* What a record costs beside its bytes, so that used_size also grows with empty values. */
    RECORD_OVERHEAD = 64,
};

#define MAP_SIZE_DEFAULT (UINT64_C(1) << 40)

/* The whole content at one moment. */
struct version {
    struct sw_tree *roots[SW_TABLE_COUNT];
    uint64_t record_count[SW_TABLE_COUNT];
    uint64_t size;
};

/* Where a walk of one table stands. */
struct walk {
    struct sw_tree_record *at; /* owned reference; NULL: at the end */
    uint64_t generation;       /* of the store when `at` was found; 0: never */
};

struct sw_store_reader {
    struct mem *mem;
    struct version version;
    uint64_t commits; /* before it */
    struct walk walks[SW_TABLE_COUNT];
    struct sw_store store;
};

struct mem {
    struct sw_store store;
    struct version open;      /* what reads and writes see */
    struct version committed; /* equals open unless dirty */
    struct version previous;  /* what a power cut may go back to */
    bool has_previous;
    bool dirty;
    bool full;
    bool fail_next;
    bool failed;
    uint64_t generation; /* counts writes, commits and aborts: each invalidates walks */
    uint64_t moves;      /* counts commits and aborts, as the real store has to */
    uint64_t changes[SW_TABLE_COUNT];
    struct walk walks[SW_TABLE_COUNT];
    struct sw_store_reader *readers[READER_COUNT_MAX]; /* owned until closed */
    uint64_t map_size;
    uint64_t reserve_size;
    uint64_t commits;
};

static void version_release(struct version *version)
{
    for (size_t i = 0; i < SW_TABLE_COUNT; i++) {
        sw_tree_unref(version->roots[i]);
    }
    *version = (struct version){0};
}

/* Makes `to` share the content of `from`; releases what `to` held. */
static void version_copy(struct version *to, const struct version *from)
{
    struct version copy = *from;

    SW_ASSERT(to != from);
    for (size_t i = 0; i < SW_TABLE_COUNT; i++) {
        (void)sw_tree_ref(copy.roots[i]);
    }
    version_release(to);
    *to = copy;
}

static void walk_set(struct walk *walk, struct sw_tree_record *record, uint64_t generation)
{
    (void)sw_tree_record_ref(record);
    sw_tree_record_unref(walk->at);
    walk->at = record;
    walk->generation = generation;
}

static void walks_release(struct walk *walks)
{
    for (size_t i = 0; i < SW_TABLE_COUNT; i++) {
        walk_set(&walks[i], NULL, 0);
    }
}

static struct mem *mem_of(struct sw_store *store)
{
    struct mem *mem = store->impl;

    SW_ASSERT(mem != NULL);
    SW_ASSERT(&mem->store == store);
    SW_ASSERT(mem->generation > 0);
    return mem;
}

static enum sw_err failure(struct mem *mem)
{
    (void)snprintf(mem->store.why,
                   sizeof(mem->store.why),
                   "an earlier commit failed; the store can not be used before a restart");
    return SW_ERR_IO;
}

static void assert_key(enum sw_table table, struct sw_span key)
{
    SW_ASSERT(table < SW_TABLE_COUNT);
    SW_ASSERT(key.size >= 1);
    SW_ASSERT(key.size <= SW_STORE_KEY_SIZE_MAX);
}

/* Verifies a record as a read of the real store does. */
static enum sw_err
record_check(struct mem *mem, enum sw_table table, const struct sw_tree_record *record)
{
    const struct sw_span key = sw_tree_record_key(record);

    if (record->seal != sw_seal_of(table, key, sw_tree_record_value(record))) {
        return sw_store_corrupt(&mem->store, table, key, "the value fails its checksum");
    }
    return SW_ERR_OK;
}

static enum sw_err
mem_get(struct sw_store *store, enum sw_table table, struct sw_span key, struct sw_span *ret_value)
{
    struct mem *mem = mem_of(store);
    const struct sw_tree_record *record;
    enum sw_err err;

    assert_key(table, key);
    if (mem->failed) {
        return failure(mem);
    }
    record = sw_tree_find(mem->open.roots[table], key);
    if (record == NULL) {
        return SW_ERR_NOT_FOUND;
    }
    err = record_check(mem, table, record);
    if (err == SW_ERR_OK) {
        *ret_value = sw_tree_record_value(record);
    }
    return err;
}

static uint64_t record_cost(size_t key_size, size_t value_size)
{
    return key_size + value_size + RECORD_OVERHEAD;
}

/* The rule of store_space.h, over bytes in the place of pages. */
static bool fits(const struct mem *mem, enum sw_table table, uint64_t size)
{
    if (table == SW_TABLE_META) {
        return true;
    }
    if (table == SW_TABLE_SESSION || table == SW_TABLE_LEASE || table == SW_TABLE_CHANGE ||
        table == SW_TABLE_HISTORY) {
        return size <= mem->map_size;
    }
    return !mem->full && size <= mem->map_size - mem->reserve_size;
}

static enum sw_err
mem_put(struct sw_store *store, enum sw_table table, struct sw_span key, struct sw_span value)
{
    struct mem *mem = mem_of(store);
    const struct sw_tree_record *old;
    struct sw_tree_record *record;
    uint64_t size = mem->open.size + record_cost(key.size, value.size);

    assert_key(table, key);
    SW_ASSERT(value.size <= SW_STORE_VALUE_SIZE_MAX);
    mem->generation++;
    if (mem->failed) {
        return failure(mem);
    }
    old = sw_tree_find(mem->open.roots[table], key);
    if (old != NULL) {
        size -= record_cost(old->key_size, old->value_size);
    }
    if (!fits(mem, table, size)) {
        (void)snprintf(store->why, sizeof(store->why), "the store is full");
        return SW_ERR_DISK_FULL;
    }
    record = sw_tree_record_new(key, value, sw_seal_of(table, key, value));
    if (!sw_tree_set(&mem->open.roots[table], record)) {
        mem->open.record_count[table]++;
    }
    sw_tree_record_unref(record);
    mem->open.size = size;
    mem->changes[table]++;
    mem->dirty = true;
    return SW_ERR_OK;
}

static enum sw_err mem_del(struct sw_store *store, enum sw_table table, struct sw_span key)
{
    struct mem *mem = mem_of(store);
    const struct sw_tree_record *old;
    uint64_t cost;

    assert_key(table, key);
    mem->generation++;
    if (mem->failed) {
        return failure(mem);
    }
    old = sw_tree_find(mem->open.roots[table], key);
    if (old == NULL) {
        return SW_ERR_NOT_FOUND;
    }
    cost = record_cost(old->key_size, old->value_size);
    SW_ASSERT(mem->open.size >= cost);
    SW_ASSERT(mem->open.record_count[table] > 0);
    (void)sw_tree_delete(&mem->open.roots[table], key);
    mem->open.size -= cost;
    mem->open.record_count[table]--;
    mem->changes[table]++;
    mem->dirty = true;
    return SW_ERR_OK;
}

/* Moves `walk` to `record` and hands it out; NOT_FOUND for NULL. */
static enum sw_err walk_to(struct mem *mem,
                           struct walk *walk,
                           enum sw_table table,
                           struct sw_tree_record *record,
                           struct sw_store_record *ret_record)
{
    enum sw_err err;

    walk_set(walk, record, mem->generation);
    if (record == NULL) {
        return SW_ERR_NOT_FOUND;
    }
    err = record_check(mem, table, record);
    if (err == SW_ERR_OK) {
        ret_record->key = sw_tree_record_key(record);
        ret_record->value = sw_tree_record_value(record);
    }
    return err;
}

static struct sw_tree_record *
root_seek(const struct sw_tree *root, struct sw_span from, bool reverse)
{
    SW_ASSERT(from.size <= SW_STORE_KEY_SIZE_MAX);
    if (from.size == 0) {
        return sw_tree_edge(root, reverse);
    }
    return sw_tree_seek(root, from, reverse ? SW_TREE_LE : SW_TREE_GE);
}

static enum sw_err mem_seek(struct sw_store *store,
                            enum sw_table table,
                            struct sw_span from,
                            bool reverse,
                            struct sw_store_record *ret_record)
{
    struct mem *mem = mem_of(store);

    SW_ASSERT(table < SW_TABLE_COUNT);
    if (mem->failed) {
        return failure(mem);
    }
    return walk_to(mem,
                   &mem->walks[table],
                   table,
                   root_seek(mem->open.roots[table], from, reverse),
                   ret_record);
}

static enum sw_err mem_next(struct sw_store *store,
                            enum sw_table table,
                            bool reverse,
                            struct sw_store_record *ret_record)
{
    struct mem *mem = mem_of(store);
    struct walk *walk = &mem->walks[table];

    SW_ASSERT(table < SW_TABLE_COUNT);
    if (mem->failed) {
        return failure(mem);
    }
    SW_ASSERT(walk->generation == mem->generation); /* a write in between: seek again */
    if (walk->at == NULL) {
        return SW_ERR_NOT_FOUND;
    }
    return walk_to(mem,
                   walk,
                   table,
                   sw_tree_seek(mem->open.roots[table],
                                sw_tree_record_key(walk->at),
                                reverse ? SW_TREE_LT : SW_TREE_GT),
                   ret_record);
}

static struct sw_store_marks mem_marks(struct sw_store *store, enum sw_table table)
{
    const struct mem *mem = mem_of(store);

    SW_ASSERT(table < SW_TABLE_COUNT);
    return (struct sw_store_marks){.changes = mem->changes[table] + mem->moves,
                                   .moves = mem->moves};
}

static bool mem_dirty(struct sw_store *store)
{
    return mem_of(store)->dirty;
}

static enum sw_err inject(struct mem *mem)
{
    if (mem->fail_next) {
        mem->fail_next = false;
        mem->failed = true;
    }
    return mem->failed ? failure(mem) : SW_ERR_OK;
}

static enum sw_err mem_commit(struct sw_store *store)
{
    struct mem *mem = mem_of(store);
    enum sw_err err;

    mem->generation++;
    if (!mem->dirty) {
        return mem->failed ? failure(mem) : SW_ERR_OK;
    }
    err = inject(mem);
    if (err != SW_ERR_OK) {
        return err;
    }
    version_copy(&mem->previous, &mem->committed);
    version_copy(&mem->committed, &mem->open);
    mem->has_previous = true;
    mem->dirty = false;
    mem->moves++;
    mem->commits++;
    return SW_ERR_OK;
}

static enum sw_err mem_sync(struct sw_store *store)
{
    struct mem *mem = mem_of(store);
    enum sw_err err = inject(mem);

    if (err == SW_ERR_OK) {
        mem->has_previous = false;
        version_release(&mem->previous);
    }
    return err;
}

static void mem_abort(struct sw_store *store)
{
    struct mem *mem = mem_of(store);

    version_copy(&mem->open, &mem->committed);
    mem->dirty = false;
    mem->moves++;
    mem->generation++;
}

/* --- a reader as a store -----------------------------------------------------------------------
 */

static struct sw_store_reader *reader_of(struct sw_store *store)
{
    struct sw_store_reader *reader = store->impl;

    SW_ASSERT(reader != NULL);
    SW_ASSERT(&reader->store == store);
    return reader;
}

static enum sw_err reader_get(struct sw_store *store,
                              enum sw_table table,
                              struct sw_span key,
                              struct sw_span *ret_value)
{
    const struct sw_store_reader *reader = reader_of(store);
    const struct sw_tree_record *record;
    enum sw_err err;

    assert_key(table, key);
    record = sw_tree_find(reader->version.roots[table], key);
    if (record == NULL) {
        return SW_ERR_NOT_FOUND;
    }
    err = record_check(reader->mem, table, record);
    if (err == SW_ERR_OK) {
        *ret_value = sw_tree_record_value(record);
    }
    return err;
}

static enum sw_err reader_store_seek(struct sw_store *store,
                                     enum sw_table table,
                                     struct sw_span from,
                                     bool reverse,
                                     struct sw_store_record *ret_record)
{
    struct sw_store_reader *reader = reader_of(store);

    SW_ASSERT(table < SW_TABLE_COUNT);
    return walk_to(reader->mem,
                   &reader->walks[table],
                   table,
                   root_seek(reader->version.roots[table], from, reverse),
                   ret_record);
}

static enum sw_err reader_store_next(struct sw_store *store,
                                     enum sw_table table,
                                     bool reverse,
                                     struct sw_store_record *ret_record)
{
    struct sw_store_reader *reader = reader_of(store);
    struct walk *walk = &reader->walks[table];

    SW_ASSERT(table < SW_TABLE_COUNT);
    SW_ASSERT(walk->generation != 0); /* seek first */
    if (walk->at == NULL) {
        return SW_ERR_NOT_FOUND;
    }
    return walk_to(reader->mem,
                   walk,
                   table,
                   sw_tree_seek(reader->version.roots[table],
                                sw_tree_record_key(walk->at),
                                reverse ? SW_TREE_LT : SW_TREE_GT),
                   ret_record);
}

static struct sw_store_marks reader_marks(struct sw_store *store, enum sw_table table)
{
    SW_ASSERT(table < SW_TABLE_COUNT);
    return (struct sw_store_marks){.changes = 1 + reader_of(store)->commits};
}

static const struct sw_store_ops reader_ops = {
    .get = reader_get, .seek = reader_store_seek, .next = reader_store_next, .marks = reader_marks};

static struct sw_store *mem_reader_store(struct sw_store_reader *reader)
{
    SW_ASSERT(reader->store.impl == reader);
    SW_ASSERT(reader->mem != NULL);
    return &reader->store;
}

static enum sw_err mem_reader_open(struct sw_store *store, struct sw_store_reader **ret_reader)
{
    struct mem *mem = mem_of(store);
    struct sw_store_reader *reader;
    size_t slot = 0;

    if (mem->failed) {
        return failure(mem);
    }
    while (slot < READER_COUNT_MAX && mem->readers[slot] != NULL) {
        slot++;
    }
    if (slot == READER_COUNT_MAX) {
        (void)snprintf(store->why, sizeof(store->why), "%d readers are open", READER_COUNT_MAX);
        return SW_ERR_BUSY;
    }
    reader = calloc(1, sizeof(*reader));
    SW_ASSERT(reader != NULL);
    reader->mem = mem;
    reader->commits = mem->commits;
    reader->store = (struct sw_store){.impl = reader, .ops = &reader_ops};
    version_copy(&reader->version, &mem->committed);
    mem->readers[slot] = reader;
    *ret_reader = reader;
    return SW_ERR_OK;
}

static enum sw_err mem_reader_seek(struct sw_store_reader *reader,
                                   enum sw_table table,
                                   struct sw_span from,
                                   struct sw_store_record *ret_record)
{
    SW_ASSERT(table < SW_TABLE_COUNT);
    if (reader->mem->failed) {
        return failure(reader->mem);
    }
    return walk_to(reader->mem,
                   &reader->walks[table],
                   table,
                   root_seek(reader->version.roots[table], from, false),
                   ret_record);
}

static enum sw_err mem_reader_next(struct sw_store_reader *reader,
                                   enum sw_table table,
                                   struct sw_store_record *ret_record)
{
    struct walk *walk = &reader->walks[table];

    SW_ASSERT(table < SW_TABLE_COUNT);
    SW_ASSERT(walk->generation != 0); /* seek first */
    if (reader->mem->failed) {
        return failure(reader->mem);
    }
    if (walk->at == NULL) {
        return SW_ERR_NOT_FOUND;
    }
    return walk_to(
        reader->mem,
        walk,
        table,
        sw_tree_seek(reader->version.roots[table], sw_tree_record_key(walk->at), SW_TREE_GT),
        ret_record);
}

static void mem_reader_close(struct sw_store_reader *reader)
{
    struct mem *mem;
    size_t slot = 0;

    if (reader == NULL) {
        return;
    }
    mem = reader->mem;
    while (slot < READER_COUNT_MAX && mem->readers[slot] != reader) {
        slot++;
    }
    SW_ASSERT(slot < READER_COUNT_MAX);
    mem->readers[slot] = NULL;
    walks_release(reader->walks);
    version_release(&reader->version);
    free(reader);
}

static void mem_stats(struct sw_store *store, struct sw_store_stats *ret_stats)
{
    const struct mem *mem = mem_of(store);

    *ret_stats = (struct sw_store_stats){
        .map_size = mem->map_size,
        .used_size = mem->open.size,
        .reserve_size = mem->reserve_size,
        .commits = mem->commits,
    };
    memcpy(ret_stats->record_count, mem->open.record_count, sizeof(ret_stats->record_count));
}

static const struct sw_store_ops mem_ops = {
    .get = mem_get,
    .put = mem_put,
    .del = mem_del,
    .seek = mem_seek,
    .next = mem_next,
    .marks = mem_marks,
    .dirty = mem_dirty,
    .commit = mem_commit,
    .sync = mem_sync,
    .abort = mem_abort,
    .reader_open = mem_reader_open,
    .reader_seek = mem_reader_seek,
    .reader_next = mem_reader_next,
    .reader_store = mem_reader_store,
    .reader_close = mem_reader_close,
    .stats = mem_stats,
};

struct sw_store *sw_store_mem_new(uint64_t map_size, uint64_t reserve_size)
{
    struct mem *mem = calloc(1, sizeof(*mem));

    SW_ASSERT(mem != NULL);
    mem->store.impl = mem;
    mem->store.ops = &mem_ops;
    mem->generation = 1;
    mem->map_size = map_size == 0 ? MAP_SIZE_DEFAULT : map_size;
    mem->reserve_size = reserve_size;
    SW_ASSERT(mem->reserve_size < mem->map_size);
    return &mem->store;
}

static void readers_close(struct mem *mem)
{
    for (size_t i = 0; i < READER_COUNT_MAX; i++) {
        mem_reader_close(mem->readers[i]);
    }
}

void sw_store_mem_free(struct sw_store *store)
{
    struct mem *mem;

    if (store == NULL) {
        return;
    }
    mem = mem_of(store);
    readers_close(mem);
    walks_release(mem->walks);
    version_release(&mem->open);
    version_release(&mem->committed);
    version_release(&mem->previous);
    free(mem);
}

void sw_store_mem_crash(struct sw_store *store, bool undo_last_commit)
{
    struct mem *mem = mem_of(store);

    readers_close(mem);
    walks_release(mem->walks);
    if (undo_last_commit && mem->has_previous) {
        version_copy(&mem->committed, &mem->previous);
        version_release(&mem->previous);
        mem->has_previous = false;
    }
    mem->failed = false;
    mem->fail_next = false;
    mem->full = false;
    mem->store.why[0] = '\0';
    mem_abort(store);
}

void sw_store_mem_set_full(struct sw_store *store, bool full)
{
    mem_of(store)->full = full;
}

void sw_store_mem_fail_next_commit(struct sw_store *store)
{
    mem_of(store)->fail_next = true;
}

bool sw_store_mem_flip(struct sw_store *store,
                       enum sw_table table,
                       struct sw_span key,
                       uint64_t bit)
{
    struct mem *mem = mem_of(store);
    struct sw_tree_record *record;

    assert_key(table, key);
    record = sw_tree_find(mem->open.roots[table], key);
    if (record == NULL) {
        return false;
    }
    if (record->value_size == 0) {
        record->seal ^= UINT64_C(1) << (bit % 64);
        return true;
    }
    bit %= record->value_size * 8;
    record->bytes[record->key_size + bit / 8] ^= (uint8_t)(1U << (bit % 8));
    return true;
}
