/* The sweep: one scripted life of a log, killed at every write, every sync and every change of a
 * name, with each kind of power cut; every one of them failing once; every byte of a small log
 * flipped. After each the log is opened again: nothing acknowledged is missing, nothing is half
 * done, no term or vote is older than acknowledged, and damage is refused, never passed over. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "tests/model/wal_script.h"

enum {
    STEP_COUNT = 120,
    BATCH_SIZE = 4,
    SEEDS_PER_KILL = 2,
    ALL_OPS = 7,
    PROCESS_KILL = SW_DISK_MEM_POLICY_COUNT
};

struct life {
    struct wal_script *script;
    struct sw_disk_mem *disk;
    struct sw_wal_engine_config config;
    struct sw_wal_engine *engine;
    size_t acked;
    size_t issued;
    char why[SW_WHY_SIZE];
};

static struct life life_new(struct wal_script *script)
{
    struct life life = {.script = script, .disk = sw_disk_mem_new()};

    life.config = wal_script_config(life.disk);
    return life;
}

static void life_release(struct life *life)
{
    sw_wal_engine_close(life->engine);
    sw_disk_mem_free(life->disk);
}

static enum sw_err life_open(struct life *life)
{
    sw_wal_engine_close(life->engine);
    life->engine = NULL;
    return sw_wal_engine_open(&life->config, &life->engine, life->why);
}

/* Opens and does the whole script in batches, until something fails. */
static enum sw_err life_run(struct life *life)
{
    enum sw_err err = life_open(life);

    while (err == SW_ERR_OK && life->acked < life->script->step_count) {
        const size_t left = life->script->step_count - life->acked;
        life->issued = life->acked + (left < BATCH_SIZE ? left : BATCH_SIZE);
        err = wal_script_commit(life->script, life->engine, life->acked, life->issued, life->why);
        if (err == SW_ERR_OK) {
            life->acked = life->issued;
        }
        if (err == SW_ERR_OK && sw_wal_engine_wants_spare(life->engine)) {
            err = sw_wal_engine_prepare_spare(life->engine, life->why);
        }
    }
    return err;
}

static bool complain(const struct life *life, const char *what, uint64_t n, int policy)
{
    (void)fprintf(stderr,
                  "script %" PRIu64 ", operation %" PRIu64
                  ", policy %d: %s (acknowledged %zu, asked %zu): %s\n",
                  life->script->seed,
                  n,
                  policy,
                  what,
                  life->acked,
                  life->issued,
                  life->why);
    return false;
}

/* The log is open: it holds all that was acknowledged and a beginning of what was asked. */
static bool life_check(struct life *life, uint64_t n, int policy)
{
    uint64_t fingerprint;
    size_t found;

    if (wal_fingerprint_engine(life->engine, life->script->group_count, &fingerprint, life->why) !=
        SW_ERR_OK) {
        return complain(life, "load failed", n, policy);
    }
    found = wal_script_find(life->script, fingerprint, life->acked, life->issued);
    if (found == SIZE_MAX) {
        return complain(life, "none of the states it may be in", n, policy);
    }
    life->acked = found;
    life->issued = found;
    return true;
}

/* Kills the process, and with it the power unless the policy is PROCESS_KILL. */
static void die(struct life *life, struct sw_prng *prng, int policy)
{
    if (policy == PROCESS_KILL) {
        sw_disk_mem_process_kill(life->disk);
    } else {
        sw_disk_mem_power_cut(life->disk, prng, (enum sw_disk_mem_policy)policy);
    }
}

/* One kill, then a kill of the recovery, then recovery, then the rest of the script. */
static bool
kill_once(struct wal_script *script, uint32_t ops, uint64_t n, int policy, struct sw_prng *prng)
{
    struct life life = life_new(script);
    bool good = false;

    sw_disk_mem_fail_at(life.disk, ops, n, SW_ERR_IO, true);
    if (life_run(&life) != SW_ERR_IO) {
        (void)complain(&life, "the kill did not come", n, policy);
        goto out;
    }
    die(&life, prng, policy);
    sw_disk_mem_fail_at(life.disk, ALL_OPS, sw_prng_range(prng, 1, 6), SW_ERR_IO, true);
    (void)life_open(&life); /* may be killed or not */
    die(&life, prng, policy);
    if (life_open(&life) != SW_ERR_OK) {
        (void)complain(&life, "open failed", n, policy);
        goto out;
    }
    if (!life_check(&life, n, policy)) {
        goto out;
    }
    if (life_run(&life) != SW_ERR_OK) {
        (void)complain(&life, "going on failed", n, policy);
        goto out;
    }
    sw_disk_mem_power_cut(life.disk, prng, SW_DISK_MEM_LOSE_ALL);
    if (life_open(&life) != SW_ERR_OK) {
        (void)complain(&life, "open at the end failed", n, policy);
        goto out;
    }
    good = life_check(&life, n, policy);
out:
    life_release(&life);
    return good;
}

/* How many operations of a kind the life has when nothing goes wrong. */
static struct sw_disk_mem_counts life_counts(struct wal_script *script)
{
    struct life life = life_new(script);
    struct sw_disk_mem_counts counts = {0};

    if (life_run(&life) == SW_ERR_OK) {
        counts = sw_disk_mem_counts(life.disk);
    } else {
        (void)complain(&life, "the plain run failed", 0, 0);
    }
    life_release(&life);
    return counts;
}

static bool kill_everywhere(struct wal_script *script, uint32_t ops, uint64_t count)
{
    struct sw_prng prng = sw_prng_of(script->seed + ops);

    for (uint64_t n = 1; n <= count; n++) {
        for (int policy = 0; policy <= PROCESS_KILL; policy++) {
            for (int again = 0; again < SEEDS_PER_KILL; again++) {
                if (!kill_once(script, ops, n, policy, &prng)) {
                    return false;
                }
            }
        }
    }
    return count > 0;
}

/* One operation fails and the process stops, with the power on: the cache keeps everything, but
 * what a failed sync left unwritten is lost by the next power cut unless recovery wrote it again.
 */
static bool fail_everywhere(struct wal_script *script, uint32_t ops, uint64_t count)
{
    for (uint64_t n = 1; n <= count; n++) {
        struct life life = life_new(script);
        bool good = false;
        enum sw_err err;

        sw_disk_mem_fail_at(life.disk, ops, n, SW_ERR_IO, false);
        err = life_run(&life);
        if (err != SW_ERR_IO) {
            (void)complain(&life, "the failure was not reported", n, -1);
        } else if (life.engine != NULL &&
                   wal_script_commit(life.script, life.engine, 0, 1, life.why) != SW_ERR_IO) {
            (void)complain(&life, "work went on after a failure", n, -1);
        } else if (life_open(&life) != SW_ERR_OK || !life_check(&life, n, -1)) {
            (void)complain(&life, "open after the failure failed", n, -1);
        } else {
            sw_disk_mem_power_cut(life.disk, NULL, SW_DISK_MEM_LOSE_ALL);
            good = life_open(&life) == SW_ERR_OK
                       ? life_check(&life, n, -1)
                       : complain(&life, "open after the power cut failed", n, -1);
        }
        life_release(&life);
        if (!good) {
            return false;
        }
    }
    return count > 0;
}

struct flips {
    uint64_t refused;
    uint64_t harmless;
    uint64_t cut; /* the last batch was taken for a torn one */
};

/* Flips one bit of a copy of the log and looks at what opening makes of it. */
static bool flip_once(
    const struct life *life, const char *name, uint64_t offset, size_t oldest, struct flips *flips)
{
    struct life copy = {
        .script = life->script, .disk = sw_disk_mem_clone(life->disk), .acked = life->acked};
    uint64_t fingerprint = 0;
    enum sw_err err;
    bool good = true;

    copy.issued = copy.acked;
    copy.config = life->config;
    copy.config.disk = sw_disk_mem_port(copy.disk);
    if (sw_disk_mem_flip(copy.disk, name, offset, (uint8_t)(offset % 8)) != SW_ERR_OK) {
        good = complain(&copy, "no such byte", offset, -1);
    }
    err = life_open(&copy);
    if (err == SW_ERR_OK) {
        err = wal_fingerprint_engine(copy.engine, copy.script->group_count, &fingerprint, copy.why);
    }
    if (err == SW_ERR_CORRUPT) {
        flips->refused++;
    } else if (err != SW_ERR_OK) {
        good = complain(&copy, "neither refused nor read", offset, -1);
    } else if (fingerprint == life->script->fingerprints[life->acked]) {
        flips->harmless++;
    } else if (wal_script_find(life->script, fingerprint, oldest, life->acked) != SIZE_MAX) {
        flips->cut++;
    } else {
        good = complain(&copy, name, offset, -1);
    }
    life_release(&copy);
    return good;
}

struct names {
    char text[16][32];
    size_t count;
};

static void name_visit(void *arg, const char *name)
{
    struct names *names = arg;

    if (names->count < 16) {
        (void)snprintf(names->text[names->count], sizeof(names->text[0]), "%s", name);
        names->count++;
    }
}

static bool flip_everywhere(const struct life *life, size_t oldest, struct flips *flips)
{
    struct sw_disk *disk = life->config.disk;
    struct names names = {.count = 0};

    if (disk->ops->list(disk, name_visit, &names) != SW_ERR_OK) {
        return false;
    }
    for (size_t i = 0; i < names.count; i++) {
        struct sw_file *file = NULL;
        uint64_t size = 0;

        if (disk->ops->open(disk, names.text[i], false, &file) != SW_ERR_OK ||
            disk->ops->size(disk, file, &size) != SW_ERR_OK) {
            return false;
        }
        disk->ops->close(disk, file);
        for (uint64_t offset = 0; offset < size; offset++) {
            if (!flip_once(life, names.text[i], offset, oldest, flips)) {
                return false;
            }
        }
    }
    return true;
}

/* With the mark behind the last batch on the disk nothing may be cut; after a power cut that took
 * the mark, only the last batch may be. */
static bool flips_run(bool lose_the_mark)
{
    struct wal_script *script = wal_script_new(11, 28, 2, 120);
    struct life life = life_new(script);
    struct flips flips = {0};
    const size_t last_batch = 28 - BATCH_SIZE;
    bool good = life_run(&life) == SW_ERR_OK;

    sw_wal_engine_close(life.engine);
    life.engine = NULL;
    sw_disk_mem_power_cut(
        life.disk, NULL, lose_the_mark ? SW_DISK_MEM_LOSE_ALL : SW_DISK_MEM_KEEP_ALL);
    good = good && flip_everywhere(&life, last_batch, &flips);
    (void)printf("flips%s: %" PRIu64 " refused, %" PRIu64 " harmless, %" PRIu64
                 " cut the last batch\n",
                 lose_the_mark ? " without the last mark" : "",
                 flips.refused,
                 flips.harmless,
                 flips.cut);
    good = good && flips.refused > 0 && flips.harmless > 0 && (lose_the_mark || flips.cut == 0);
    life_release(&life);
    wal_script_free(script);
    return good;
}

static bool sweep(uint64_t seed)
{
    struct wal_script *script = wal_script_new(seed, STEP_COUNT, 2, 1500);
    const struct sw_disk_mem_counts counts = life_counts(script);
    const bool good = kill_everywhere(script, SW_DISK_MEM_WRITE, counts.writes) &&
                      kill_everywhere(script, SW_DISK_MEM_SYNC, counts.syncs) &&
                      kill_everywhere(script, SW_DISK_MEM_NAME, counts.names) &&
                      fail_everywhere(script, SW_DISK_MEM_WRITE, counts.writes) &&
                      fail_everywhere(script, SW_DISK_MEM_SYNC, counts.syncs) &&
                      fail_everywhere(script, SW_DISK_MEM_NAME, counts.names);

    (void)printf("script %" PRIu64 ": killed and failed at each of %" PRIu64 " writes, %" PRIu64
                 " syncs, %" PRIu64 " changes of names\n",
                 seed,
                 counts.writes,
                 counts.syncs,
                 counts.names);
    wal_script_free(script);
    return good;
}

int main(void)
{
    return sweep(1) && sweep(2) && flips_run(false) && flips_run(true) ? 0 : 1;
}
