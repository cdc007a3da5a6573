/* The journal: what a process did to the files below a root since each was last synced, in enough
 * detail to take it back.
 *
 * The shim appends a record before each change and one after each sync that returned. A record
 * carries the bytes that its change destroys, not those that it brings: reading it backwards turns
 * the directory as it is into the directory as it was at any point, and leaving some of the last,
 * unsynced changes in gives what a power cut would have left. What is removed or renamed over is
 * kept by a hard link in the stash. A file's id is its inode number, which cannot be reused while
 * the stash holds the inode.
 *
 * One record after the other: struct sw_journal_head, path, second path, data. Native byte order.
 */
#ifndef SW_JEPSEN_FAULT_JOURNAL_H
#define SW_JEPSEN_FAULT_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SW_JOURNAL_SUFFIX ".journal" /* behind the name of the control file */
#define SW_STASH_SUFFIX   ".stash"   /* behind the name of the root: hard links need one disk */

enum { SW_JOURNAL_MAGIC = 0x4c4e4a53, SW_SECTOR_SIZE = 512 };

enum sw_journal_kind {
    SW_JOURNAL_WRITE = 1,   /* [offset, offset + length); data: the bytes there before */
    SW_JOURNAL_TRUNCATE,    /* to `offset` bytes; data: what was cut off */
    SW_JOURNAL_CREATE,      /* an empty file at path, in directory parent */
    SW_JOURNAL_MKDIR,       /* an empty directory at path */
    SW_JOURNAL_RENAME,      /* path to path2; the stash has what path2 was, if stash != 0 */
    SW_JOURNAL_UNLINK,      /* path; the stash has the file */
    SW_JOURNAL_SYNC,        /* file (or directory): its changes up to `covers` are durable */
    SW_JOURNAL_SYNC_ONE,    /* the one change `covers` is durable: O_DSYNC */
    SW_JOURNAL_SYNC_FAILED, /* changes up to `covers` will not become durable by a later sync */
    SW_JOURNAL_MARK,        /* data: what the program wants to find again, such as "acknowledged" */
    SW_JOURNAL_VOLATILE, /* file is written behind the shim's back and means nothing after a cut */
};

struct sw_journal_head {
    uint32_t magic;
    uint32_t kind;
    uint64_t seq;    /* 1, 2, 3 ... */
    uint64_t file;   /* inode */
    uint64_t parent; /* inode of the directory that holds the name */
    uint64_t offset;
    uint64_t length;
    uint64_t size_before; /* of the file */
    uint64_t covers;      /* a seq */
    uint64_t stash;       /* number in the stash; 0 = nothing was there */
    uint64_t stash_file;  /* inode in the stash */
    uint32_t path_size;   /* relative to the root, with its ending 0; 0 = none */
    uint32_t path2_size;
    uint64_t data_size;
};

struct sw_journal_record {
    struct sw_journal_head head;
    const char *path;    /* "" if none */
    const char *path2;   /* the same */
    const uint8_t *data; /* data_size bytes */
};

struct sw_journal {
    uint8_t *bytes;                    /* owned: what was read; paths and data point into it */
    size_t size;                       /* of it that is whole records */
    struct sw_journal_record *records; /* owned */
    size_t count;
};

/* Reads the whole journal; a record cut short by the process's death is left out: its change never
 * began. False with `ret_why` if it is no journal. A missing file is an empty journal. */
bool sw_journal_load(const char *path, struct sw_journal *ret_journal, char ret_why[256]);
void sw_journal_release(struct sw_journal *journal);

/* True for each of the first `count` records whose change a power cut behind them could undo. */
void sw_journal_pending(const struct sw_journal *journal, size_t count, bool *ret_pending);
/* Changes something that can be undone. */
bool sw_journal_is_change(enum sw_journal_kind kind);
const char *sw_journal_kind_name(enum sw_journal_kind kind);

/* Writes the journal anew without what is durable; removes what the stash need not keep. */
bool sw_journal_compact(const char *path, const char *stash, char ret_why[256]);

#endif
