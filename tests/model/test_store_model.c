/* The LMDB store and its twin answer alike: random operations on both, compared one by one.
 *
 * A crash closes LMDB without a commit. A power cut also puts back the meta pages as they were
 * before the last commit, if that one was not synced: this is all that MDB_NOMETASYNC may lose.
 *
 *     test_model_store_model [--seed N] [--seeds N] [--ops N]
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/prng.h"
#include "storage/store_lmdb.h"
#include "storage/store_mem.h"
#include "tests/unit/storage/temp_dir.h"

enum {
    SEED_COUNT_DEFAULT = 40,
    OP_COUNT_DEFAULT = 2000,
    META_SIZE = 2 * 4096,
    READER_COUNT = 4,
    VALUE_SIZE_MAX = 20000,
    KEY_LETTERS = 3,
};

struct world {
    char dir[TEMP_DIR_SIZE];
    struct sw_prng prng;
    uint64_t seed;
    uint64_t op;
    struct sw_store *lmdb;
    struct sw_store *mem;
    struct sw_store_reader *lmdb_readers[READER_COUNT];
    struct sw_store_reader *mem_readers[READER_COUNT];
    bool reader_at[READER_COUNT][SW_TABLE_COUNT]; /* a seek was made */
    uint8_t meta[META_SIZE];                      /* before the last commit */
    bool has_meta;                                /* and it was not synced */
    uint64_t found, missed, moves, commits, crashes, undone;
};

#define CHECK(world, cond)                          \
    do {                                            \
        if (!(cond)) {                              \
            check_failed((world), __LINE__, #cond); \
        }                                           \
    } while (0)

static _Noreturn void check_failed(const struct world *world, int line, const char *text)
{
    (void)fprintf(
        stderr,
        "line %d: %s\nlmdb says: %s\nagain: test_model_store_model --seed %llu (op %llu)\n",
        line,
        text,
        world->lmdb->why,
        (unsigned long long)world->seed,
        (unsigned long long)world->op);
    temp_dir_remove(world->dir);
    abort();
}

static void open_lmdb(struct world *world)
{
    const struct sw_store_lmdb_config config = {
        .path = world->dir, .node = {1}, .map_size = 256 << 20};
    char why[SW_WHY_SIZE] = "";

    if (sw_store_lmdb_open(&config, &world->lmdb, why) != SW_ERR_OK) {
        (void)fprintf(stderr, "open: %s\n", why);
        abort();
    }
}

/* Reads or writes both meta pages of the closed or idle data file. */
static void meta_transfer(struct world *world, bool write_back)
{
    char path[TEMP_DIR_SIZE + 16];
    ssize_t size;
    int fd;

    (void)snprintf(path, sizeof(path), "%s/data.mdb", world->dir);
    fd = open(path, O_RDWR | O_CLOEXEC);
    CHECK(world, fd >= 0);
    size =
        write_back ? pwrite(fd, world->meta, META_SIZE, 0) : pread(fd, world->meta, META_SIZE, 0);
    CHECK(world, size == META_SIZE);
    CHECK(world, close(fd) == 0);
}

static struct sw_span random_key(struct world *world, uint8_t *out)
{
    size_t size = (size_t)sw_prng_range(&world->prng, 1, 4);

    if (sw_prng_chance(&world->prng, 1, 30)) {
        size = (size_t)sw_prng_range(&world->prng, 5, SW_STORE_KEY_SIZE_MAX);
    }
    for (size_t i = 0; i < size; i++) {
        out[i] = (uint8_t)(sw_prng_below(&world->prng, KEY_LETTERS) * 127);
    }
    return sw_span_of(out, size);
}

static enum sw_table random_table(struct world *world)
{
    return (enum sw_table)sw_prng_below(&world->prng, SW_TABLE_COUNT);
}

static void do_put(struct world *world, enum sw_table table)
{
    static uint8_t value[VALUE_SIZE_MAX];
    uint8_t key[SW_STORE_KEY_SIZE_MAX];
    const struct sw_span name = random_key(world, key);
    size_t size = (size_t)sw_prng_range(&world->prng, 0, 200);

    if (sw_prng_chance(&world->prng, 1, 20)) {
        size = (size_t)sw_prng_range(&world->prng, 0, sizeof(value));
    }
    memset(value, (int)sw_prng_below(&world->prng, 256), size);
    CHECK(world,
          world->lmdb->ops->put(world->lmdb, table, name, sw_span_of(value, size)) == SW_ERR_OK);
    CHECK(world,
          world->mem->ops->put(world->mem, table, name, sw_span_of(value, size)) == SW_ERR_OK);
}

static void do_del(struct world *world, enum sw_table table, struct sw_span name)
{
    const enum sw_err err = world->lmdb->ops->del(world->lmdb, table, name);

    CHECK(world, err == SW_ERR_OK || err == SW_ERR_NOT_FOUND);
    CHECK(world, world->mem->ops->del(world->mem, table, name) == err);
}

static void do_get(struct world *world, enum sw_table table)
{
    uint8_t key[SW_STORE_KEY_SIZE_MAX];
    const struct sw_span name = random_key(world, key);
    struct sw_span a = {0};
    struct sw_span b = {0};
    const enum sw_err err = world->lmdb->ops->get(world->lmdb, table, name, &a);

    CHECK(world, err == SW_ERR_OK || err == SW_ERR_NOT_FOUND);
    CHECK(world, world->mem->ops->get(world->mem, table, name, &b) == err);
    CHECK(world, sw_span_equal(a, b));
    world->found += err == SW_ERR_OK;
    world->missed += err == SW_ERR_NOT_FOUND;
}

static void compare_moves(struct world *world,
                          enum sw_err a_err,
                          const struct sw_store_record *a,
                          enum sw_err b_err,
                          const struct sw_store_record *b)
{
    CHECK(world, a_err == SW_ERR_OK || a_err == SW_ERR_NOT_FOUND);
    CHECK(world, a_err == b_err);
    world->moves++;
    if (a_err == SW_ERR_OK) {
        CHECK(world, sw_span_equal(a->key, b->key));
        CHECK(world, sw_span_equal(a->value, b->value));
    }
}

/* A walk to and fro; at its end one of the records that it saw may be deleted, near the cursor. */
static void do_walk(struct world *world, enum sw_table table)
{
    uint8_t key[SW_STORE_KEY_SIZE_MAX];
    uint8_t seen[SW_STORE_KEY_SIZE_MAX];
    size_t seen_size = 0;
    const struct sw_span from =
        sw_prng_chance(&world->prng, 1, 8) ? sw_span_of(NULL, 0) : random_key(world, key);
    bool reverse = sw_prng_chance(&world->prng, 1, 2);
    struct sw_store_record a;
    struct sw_store_record b;
    enum sw_err a_err = world->lmdb->ops->seek(world->lmdb, table, from, reverse, &a);
    enum sw_err b_err = world->mem->ops->seek(world->mem, table, from, reverse, &b);

    compare_moves(world, a_err, &a, b_err, &b);
    for (uint64_t steps = sw_prng_below(&world->prng, 12); steps > 0; steps--) {
        if (a_err == SW_ERR_OK && sw_prng_chance(&world->prng, 1, 3)) {
            seen_size = a.key.size;
            memcpy(seen, a.key.data, seen_size);
        }
        if (sw_prng_chance(&world->prng, 1, 4)) {
            reverse = !reverse;
        }
        if (sw_prng_chance(&world->prng, 1, 6)) {
            do_get(world, table); /* does not disturb */
        }
        a_err = world->lmdb->ops->next(world->lmdb, table, reverse, &a);
        b_err = world->mem->ops->next(world->mem, table, reverse, &b);
        compare_moves(world, a_err, &a, b_err, &b);
    }
    if (seen_size > 0 && sw_prng_chance(&world->prng, 1, 2)) {
        do_del(world, table, sw_span_of(seen, seen_size));
    }
}

static void do_commit(struct world *world)
{
    if (world->mem->ops->dirty(world->mem)) {
        meta_transfer(world, false);
        world->has_meta = true;
        world->commits++;
    }
    CHECK(world, world->lmdb->ops->commit(world->lmdb) == SW_ERR_OK);
    CHECK(world, world->mem->ops->commit(world->mem) == SW_ERR_OK);
}

static void do_sync(struct world *world)
{
    CHECK(world, world->lmdb->ops->sync(world->lmdb) == SW_ERR_OK);
    CHECK(world, world->mem->ops->sync(world->mem) == SW_ERR_OK);
    world->has_meta = false;
}

static void do_crash(struct world *world, bool power_cut)
{
    sw_store_lmdb_close(world->lmdb);
    if (power_cut && world->has_meta) {
        meta_transfer(world, true);
        world->has_meta = false;
        world->undone++;
    }
    open_lmdb(world);
    sw_store_mem_crash(world->mem, power_cut);
    memset(world->lmdb_readers, 0, sizeof(world->lmdb_readers));
    memset(world->mem_readers, 0, sizeof(world->mem_readers));
    world->crashes++;
}

static void reader_toggle(struct world *world, size_t i)
{
    if (world->lmdb_readers[i] != NULL) {
        world->lmdb->ops->reader_close(world->lmdb_readers[i]);
        world->mem->ops->reader_close(world->mem_readers[i]);
        world->lmdb_readers[i] = NULL;
        world->mem_readers[i] = NULL;
        return;
    }
    CHECK(world, world->lmdb->ops->reader_open(world->lmdb, &world->lmdb_readers[i]) == SW_ERR_OK);
    CHECK(world, world->mem->ops->reader_open(world->mem, &world->mem_readers[i]) == SW_ERR_OK);
    memset(world->reader_at[i], 0, sizeof(world->reader_at[i]));
}

static void do_reader(struct world *world, enum sw_table table)
{
    const size_t i = (size_t)sw_prng_below(&world->prng, READER_COUNT);
    uint8_t key[SW_STORE_KEY_SIZE_MAX];
    struct sw_store_record a;
    struct sw_store_record b;
    enum sw_err a_err;
    enum sw_err b_err;

    if (world->lmdb_readers[i] == NULL || sw_prng_chance(&world->prng, 1, 10)) {
        reader_toggle(world, i);
        return;
    }
    if (!world->reader_at[i][table] || sw_prng_chance(&world->prng, 1, 5)) {
        const struct sw_span from =
            sw_prng_chance(&world->prng, 1, 8) ? sw_span_of(NULL, 0) : random_key(world, key);

        a_err = world->lmdb->ops->reader_seek(world->lmdb_readers[i], table, from, &a);
        b_err = world->mem->ops->reader_seek(world->mem_readers[i], table, from, &b);
        world->reader_at[i][table] = true;
    } else {
        a_err = world->lmdb->ops->reader_next(world->lmdb_readers[i], table, &a);
        b_err = world->mem->ops->reader_next(world->mem_readers[i], table, &b);
    }
    compare_moves(world, a_err, &a, b_err, &b);
}

static void do_abort(struct world *world)
{
    world->lmdb->ops->abort(world->lmdb);
    world->mem->ops->abort(world->mem);
}

static void step(struct world *world)
{
    const enum sw_table table = random_table(world);
    const uint64_t dice = sw_prng_below(&world->prng, 1000);
    uint8_t key[SW_STORE_KEY_SIZE_MAX];

    if (dice < 350) {
        do_put(world, table);
    } else if (dice < 500) {
        do_del(world, table, random_key(world, key));
    } else if (dice < 650) {
        do_get(world, table);
    } else if (dice < 780) {
        do_walk(world, table);
    } else if (dice < 940) {
        do_reader(world, table);
    } else if (dice < 970) {
        do_commit(world);
    } else if (dice < 980) {
        do_abort(world);
    } else if (dice < 990) {
        do_sync(world);
    } else {
        do_crash(world, sw_prng_chance(&world->prng, 1, 2));
    }
    CHECK(world, world->lmdb->ops->dirty(world->lmdb) == world->mem->ops->dirty(world->mem));
}

/* Every record of every table, and the counts. */
static void compare_all(struct world *world)
{
    struct sw_store_stats a_stats;
    struct sw_store_stats b_stats;

    world->lmdb->ops->stats(world->lmdb, &a_stats);
    world->mem->ops->stats(world->mem, &b_stats);
    for (unsigned table = 0; table < SW_TABLE_COUNT; table++) {
        const struct sw_span from = {0};
        struct sw_store_record a;
        struct sw_store_record b;
        enum sw_err a_err = world->lmdb->ops->seek(world->lmdb, table, from, false, &a);
        enum sw_err b_err = world->mem->ops->seek(world->mem, table, from, false, &b);

        compare_moves(world, a_err, &a, b_err, &b);
        while (a_err == SW_ERR_OK) {
            a_err = world->lmdb->ops->next(world->lmdb, table, false, &a);
            b_err = world->mem->ops->next(world->mem, table, false, &b);
            compare_moves(world, a_err, &a, b_err, &b);
        }
        CHECK(world, a_stats.record_count[table] == b_stats.record_count[table]);
    }
}

static void run_seed(struct world *world, uint64_t seed, uint64_t ops)
{
    temp_dir_make(world->dir);
    world->seed = seed;
    world->prng = sw_prng_of(seed);
    world->has_meta = false;
    memset(world->lmdb_readers, 0, sizeof(world->lmdb_readers));
    memset(world->mem_readers, 0, sizeof(world->mem_readers));
    open_lmdb(world);
    world->mem = sw_store_mem_new(0, 0);
    for (world->op = 0; world->op < ops; world->op++) {
        step(world);
        if (world->op % 100 == 99) {
            compare_all(world);
        }
    }
    compare_all(world);
    sw_store_lmdb_close(world->lmdb);
    sw_store_mem_free(world->mem);
    temp_dir_remove(world->dir);
}

int main(int argc, char **argv)
{
    static struct world world;
    uint64_t first = 1;
    uint64_t count = SEED_COUNT_DEFAULT;
    uint64_t ops = OP_COUNT_DEFAULT;

    for (int i = 1; i + 1 < argc; i += 2) {
        const uint64_t number = strtoull(argv[i + 1], NULL, 10);

        if (strcmp(argv[i], "--seed") == 0) {
            first = number;
            count = 1;
        } else if (strcmp(argv[i], "--seeds") == 0) {
            count = number;
        } else if (strcmp(argv[i], "--ops") == 0) {
            ops = number;
        }
    }
    for (uint64_t seed = first; seed < first + count; seed++) {
        run_seed(&world, seed, ops);
    }
    (void)printf("%llu seeds of %llu operations, equal: %llu gets found, %llu missed, %llu moves, "
                 "%llu commits, %llu crashes, %llu of them undid a commit\n",
                 (unsigned long long)count,
                 (unsigned long long)ops,
                 (unsigned long long)world.found,
                 (unsigned long long)world.missed,
                 (unsigned long long)world.moves,
                 (unsigned long long)world.commits,
                 (unsigned long long)world.crashes,
                 (unsigned long long)world.undone);
    return 0;
}
