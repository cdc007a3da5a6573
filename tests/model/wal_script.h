/* Random but valid request lists for the WAL, and a fingerprint of what a WAL holds.
 *
 * A script is a list of steps, each one request that is durable as a whole or not at all: an append
 * of many entries is as many steps. The fingerprints of all its beginnings come from wal_mem, so a
 * recovered log is right if it equals a beginning that holds all that was acknowledged and nothing
 * that was not asked for. */
#ifndef SW_TESTS_MODEL_WAL_SCRIPT_H
#define SW_TESTS_MODEL_WAL_SCRIPT_H

#include <stddef.h>
#include <stdint.h>

#include "storage/disk_mem.h"
#include "storage/wal_engine.h"
#include "storage/wal_mem.h"

enum { WAL_SCRIPT_BATCH_MAX = 64 };

struct wal_step {
    struct sw_wal_op op;       /* entries points to `entry` for an append */
    struct sw_wal_entry entry; /* body owned by the script */
};

struct wal_script {
    uint64_t seed;
    uint32_t group_count; /* groups 1..group_count */
    struct wal_step *steps;
    size_t step_count;
    uint64_t *fingerprints; /* [step_count + 1]; of the log after so many steps */
    uint8_t *bytes;         /* all bodies and descriptors are pieces of this */
};

struct wal_script *
wal_script_new(uint64_t seed, size_t step_count, uint32_t group_count, size_t body_max);
void wal_script_free(struct wal_script *script);

/* Commits steps [from, to) as one batch; neighbouring entries of a group travel as one append. */
enum sw_err wal_script_commit(const struct wal_script *script,
                              struct sw_wal_engine *engine,
                              size_t from,
                              size_t to,
                              char why[SW_WHY_SIZE]);

uint64_t wal_fingerprint_mem(struct sw_wal_mem *mem, uint32_t group_count);
enum sw_err wal_fingerprint_engine(struct sw_wal_engine *engine,
                                   uint32_t group_count,
                                   uint64_t *ret_fingerprint,
                                   char why[SW_WHY_SIZE]);

/* The longest beginning of [from, to] steps that the fingerprint stands for; SIZE_MAX if none. */
size_t
wal_script_find(const struct wal_script *script, uint64_t fingerprint, size_t from, size_t to);

/* The configuration that the tests use, small enough that segments roll all the time. */
struct sw_wal_engine_config wal_script_config(struct sw_disk_mem *disk);

#endif
