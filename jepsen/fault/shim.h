/* What the shim's files share: the page, the files it tracks, and the rules that strike.
 *
 * The shim stands between a process and the C library, put there by LD_PRELOAD or linked into a
 * test. It makes the system calls itself, so it depends on no other library's order, and a
 * sanitizer's interceptors may stand in front of it or behind. One lock holds a record and the
 * change that it announces together; it is never held across a sync. */
#ifndef SW_JEPSEN_FAULT_SHIM_H
#define SW_JEPSEN_FAULT_SHIM_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "jepsen/fault/control.h"
#include "jepsen/fault/journal.h"

enum { SW_SHIM_PATH_SIZE = 1400 };

/* The mapped page, or NULL: no SWARM_FAULT in the environment, and the shim does nothing. */
struct sw_fault_page *sw_shim_page(void);
const char *sw_shim_control_path(void);

/* A file or directory below the root. */
struct sw_shim_file {
    uint64_t inode;
    uint32_t class; /* SW_FAULT_WAL, ... */
    bool directory;
    bool may_map; /* the lock file of the store: shared memory, worth nothing after a cut */
};

/* Speaks and ends the process: a call that the journal cannot tell is no test at all. */
_Noreturn void sw_shim_give_up(const char *what, const char *path);

/* --- which file is it? (shim_files.c) --- */

/* False if it is not below the root. `ret_path` is relative to the root. */
bool sw_shim_resolve(int dir, const char *path, char ret_path[SW_SHIM_PATH_SIZE]);
void sw_shim_absolute(const char *path, char ret_path[SW_SHIM_PATH_SIZE]);
uint32_t sw_shim_class_of(const char *path);
/* Takes note of an open file below the root. */
void sw_shim_learn(int fd);
/* True and a copy if `fd` is a file that was opened below the root. */
bool sw_shim_known(int fd, struct sw_shim_file *ret_file, struct stat *ret_info);

/* --- what is to happen? (shim_rules.c) --- */

/* True if this call is struck: the rule is armed, means this class, and its skip is used up. */
bool sw_shim_struck(enum sw_fault_rule_id id, uint32_t class);
uint64_t sw_shim_value(enum sw_fault_rule_id id);
int sw_shim_error(enum sw_fault_rule_id id);
/* Bytes of [offset, offset + size) that still fit into a file of `file_size`. */
uint64_t sw_shim_space_take(uint32_t class, uint64_t file_size, uint64_t offset, uint64_t size);
bool sw_shim_space_armed(uint32_t class);
void sw_shim_space_give(uint32_t class, uint64_t size);
_Noreturn void sw_shim_die(void);

/* --- the journal (shim_journal.c) --- */

bool sw_shim_journaling(void);
/* Between these, changes of tracked files are one with their records. */
void sw_shim_lock(void);
void sw_shim_unlock(void);
uint64_t sw_shim_seq(void);
/* With the lock held: appends; sets seq and the sizes. Returns the seq. */
uint64_t
sw_shim_append(struct sw_journal_head head, const char *path, const char *path2, const void *data);
/* With the lock held: the bytes that a write or a truncation destroys. Caller frees. */
uint8_t *sw_shim_read_back(int fd, uint64_t offset, uint64_t size, uint64_t *ret_size);
/* With the lock held: keeps what stands at `path` in the stash; 0 if there is nothing. */
uint64_t sw_shim_stash(const char *path, uint64_t *ret_inode);

#endif
