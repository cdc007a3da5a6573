/* Random requests, restarts, kills and power cuts: the log on the simulated disk holds what the
 * plain arrays of wal_mem hold, and after a kill a beginning of it with all that was acknowledged.
 * `test_model_wal_model --seed N` runs one seed again. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "tests/model/wal_script.h"

enum { SEED_COUNT = 400, STEP_COUNT = 400 };

struct run {
    uint64_t seed;
    struct sw_prng prng;
    struct wal_script *script;
    struct sw_disk_mem *disk;
    struct sw_wal_engine_config config;
    struct sw_wal_engine *engine;
    size_t acked;  /* steps that were acknowledged */
    size_t issued; /* steps that were asked for */
    bool armed;    /* the disk will die at some coming operation */
    char why[SW_WHY_SIZE];
};

struct totals {
    uint64_t commits;
    uint64_t restarts;
    uint64_t kills;
    uint64_t cuts;
};

static bool complain(const struct run *run, const char *what)
{
    (void)fprintf(stderr,
                  "seed %llu: %s after step %zu of %zu: %s\n",
                  (unsigned long long)run->seed,
                  what,
                  run->acked,
                  run->issued,
                  run->why);
    return false;
}

/* Opens and compares; goes on from the beginning of the script that was found. */
static bool reopen(struct run *run)
{
    uint64_t fingerprint;
    size_t found;

    sw_wal_engine_close(run->engine);
    run->engine = NULL;
    run->config.salt = sw_prng_next(&run->prng);
    if (sw_wal_engine_open(&run->config, &run->engine, run->why) != SW_ERR_OK) {
        return complain(run, "open failed");
    }
    if (wal_fingerprint_engine(run->engine, run->script->group_count, &fingerprint, run->why) !=
        SW_ERR_OK) {
        return complain(run, "load failed");
    }
    found = wal_script_find(run->script, fingerprint, run->acked, run->issued);
    if (found == SIZE_MAX) {
        return complain(run, "the log is none of the states it may be in");
    }
    run->acked = found;
    run->issued = found;
    return true;
}

static void power_cut(struct run *run)
{
    run->armed = false;
    sw_disk_mem_power_cut(
        run->disk,
        &run->prng,
        (enum sw_disk_mem_policy)sw_prng_below(&run->prng, SW_DISK_MEM_POLICY_COUNT));
}

/* Opens again and again, each time killed a few operations later than before. */
static bool reopen_with_kills(struct run *run)
{
    for (uint64_t n = 1; sw_prng_chance(&run->prng, 2, 3); n += sw_prng_range(&run->prng, 1, 3)) {
        enum sw_err err;
        sw_wal_engine_close(run->engine);
        run->engine = NULL;
        sw_disk_mem_fail_at(
            run->disk, SW_DISK_MEM_WRITE | SW_DISK_MEM_SYNC | SW_DISK_MEM_NAME, n, SW_ERR_IO, true);
        err = sw_wal_engine_open(&run->config, &run->engine, run->why);
        if (err != SW_ERR_OK && err != SW_ERR_IO) {
            return complain(run, "open failed while being killed");
        }
        power_cut(run);
    }
    return reopen(run);
}

static bool commit_step(struct run *run, struct totals *totals)
{
    const size_t left = run->script->step_count - run->acked;
    const size_t batch =
        (size_t)sw_prng_range(&run->prng, 1, sw_prng_chance(&run->prng, 1, 4) ? 40 : 5);
    enum sw_err err;

    if (!run->armed && sw_prng_chance(&run->prng, 1, 12)) {
        run->armed = true;
        sw_disk_mem_fail_at(run->disk,
                            SW_DISK_MEM_WRITE | SW_DISK_MEM_SYNC | SW_DISK_MEM_NAME,
                            sw_prng_range(&run->prng, 1, 12),
                            SW_ERR_IO,
                            true);
        totals->kills++;
    }
    run->issued = run->acked + (batch < left ? batch : left);
    err = wal_script_commit(run->script, run->engine, run->acked, run->issued, run->why);
    totals->commits++;
    if (err == SW_ERR_OK) {
        run->acked = run->issued;
        if (sw_wal_engine_wants_spare(run->engine)) {
            err = sw_wal_engine_prepare_spare(run->engine, run->why);
        }
    }
    if (err == SW_ERR_OK) {
        return true; /* a kill may come with a later batch */
    }
    if (!run->armed) {
        return complain(run, "commit failed");
    }
    power_cut(run);
    return reopen_with_kills(run);
}

static bool event(struct run *run, struct totals *totals)
{
    const uint64_t dice = sw_prng_below(&run->prng, 20);

    if (dice == 0 && !run->armed) {
        totals->restarts++;
        return reopen(run);
    }
    if (dice == 1) {
        totals->cuts++;
        power_cut(run);
        return reopen(run);
    }
    if (dice == 2) { /* a load in the middle of work sees the same */
        uint64_t fingerprint = 0;
        const enum sw_err err =
            wal_fingerprint_engine(run->engine, run->script->group_count, &fingerprint, run->why);
        return err == SW_ERR_OK && fingerprint == run->script->fingerprints[run->acked]
                   ? true
                   : complain(run, "a load in between differs");
    }
    return commit_step(run, totals);
}

static bool seed_run(uint64_t seed, struct totals *totals)
{
    static const size_t body_sizes[] = {0, 30, 300, 3000, 20000};
    struct run run = {.seed = seed, .prng = sw_prng_of(seed ^ 0x5eed)};
    bool good;

    run.script = wal_script_new(seed,
                                STEP_COUNT,
                                (uint32_t)sw_prng_range(&run.prng, 1, 5),
                                body_sizes[sw_prng_below(&run.prng, 5)]);
    run.disk = sw_disk_mem_new();
    run.config = wal_script_config(run.disk);
    run.config.block_size = sw_prng_chance(&run.prng, 1, 2) ? 512 : 4096;
    good = reopen(&run);
    while (good && run.acked < run.script->step_count) {
        good = event(&run, totals);
    }
    sw_disk_mem_power_cut(run.disk, NULL, SW_DISK_MEM_LOSE_ALL);
    good = good && reopen(&run);
    sw_wal_engine_close(run.engine);
    sw_disk_mem_free(run.disk);
    wal_script_free(run.script);
    return good;
}

int main(int argc, char **argv)
{
    struct totals totals = {0};
    uint64_t first = 1;
    uint64_t count = SEED_COUNT;

    if (argc == 3 && strcmp(argv[1], "--seed") == 0) {
        first = strtoull(argv[2], NULL, 10);
        count = 1;
    } else if (argc != 1) {
        (void)fprintf(stderr, "usage: %s [--seed N]\n", argv[0]);
        return 2;
    }
    for (uint64_t seed = first; seed < first + count; seed++) {
        if (!seed_run(seed, &totals)) {
            return 1;
        }
    }
    (void)printf("%llu seeds, %llu commits, %llu restarts, %llu power cuts, %llu kills: equal\n",
                 (unsigned long long)count,
                 (unsigned long long)totals.commits,
                 (unsigned long long)totals.restarts,
                 (unsigned long long)totals.cuts,
                 (unsigned long long)totals.kills);
    return 0;
}
