/* The control page: what the harness asks of the shim in a running process.
 *
 * A file of one page, mapped by both; the harness writes it (harness/fault.py is this layout's twin
 * in Python, and a test compares the two), the shim reads it at every call it stands in front of.
 * Native byte order: both run on one machine. All fields are naturally aligned, so a reader sees
 * each of them whole; a rule is filled in first and armed by its `times` last. */
#ifndef SW_JEPSEN_FAULT_CONTROL_H
#define SW_JEPSEN_FAULT_CONTROL_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define SW_FAULT_MAGIC   UINT64_C(0x31544c5541465753) /* "SWFAULT1" */
#define SW_FAULT_FOREVER UINT64_MAX

enum {
    SW_FAULT_VERSION = 1,
    SW_FAULT_PAGE_SIZE = 4096,
    SW_FAULT_ROOT_SIZE = 1024,
    SW_FAULT_PPM_MAX = 900000,
};

/* Which files a rule means, by the folder they stand in below the root. */
enum {
    SW_FAULT_WAL = 1,   /* .../wal/... */
    SW_FAULT_STORE = 2, /* .../state/... */
    SW_FAULT_OTHER = 4,
    SW_FAULT_ALL = 7,
};

enum sw_fault_rule_id {
    SW_FAULT_SLOW_SYNC,   /* value: microseconds that each fsync or fdatasync takes longer */
    SW_FAULT_FAIL_SYNC,   /* error; what was to be synced never counts as synced, as on ext4 */
    SW_FAULT_FAIL_WRITE,  /* error; nothing is written */
    SW_FAULT_SHORT_WRITE, /* value: bytes at most that a write takes */
    SW_FAULT_SPACE,       /* value: bytes by which files may still grow; then ENOSPC */
    SW_FAULT_DIE_WRITE,   /* value: bytes of the write that are done before SIGKILL */
    SW_FAULT_DIE_SYNC,    /* value: 0 = SIGKILL before the sync, 1 = after it */
    SW_FAULT_DIE_NAME,    /* the same for a new, renamed or removed name */
    SW_FAULT_FAIL_READ,   /* error */
    SW_FAULT_RULE_COUNT,
};

struct sw_fault_rule {
    uint32_t files; /* SW_FAULT_WAL | ... */
    int32_t error;  /* errno */
    uint64_t skip;  /* matching calls that pass before the first one is struck; counted down */
    uint64_t times; /* calls to strike; 0 = off, SW_FAULT_FOREVER; counted down */
    uint64_t value;
    uint64_t hits; /* calls struck so far; counted by the shim */
    uint64_t reserved;
};

struct sw_fault_page {
    uint64_t magic;
    uint32_t version;
    uint32_t size;
    uint32_t journal; /* 1 = keep one; read when the process starts */
    uint32_t reserved;
    int64_t realtime_offset_ns; /* added to CLOCK_REALTIME; may jump */
    int64_t monotonic_ppm;     /* how much faster all clocks run; CLOCK_MONOTONIC never goes back */
    uint64_t attached;         /* processes that have mapped this page; counted by the shim */
    uint64_t journal_size_max; /* the journal is compacted beyond this; 0 = 256 MiB */
    uint64_t reserved_2;
    struct sw_fault_rule rules[SW_FAULT_RULE_COUNT];
    char gap[528];
    char root[SW_FAULT_ROOT_SIZE]; /* the data directory, as realpath prints it */
    char end[2048];
};

static_assert(offsetof(struct sw_fault_page, rules) == 64, "the twin in fault.py counts on it");
static_assert(offsetof(struct sw_fault_page, root) == 1024, "the twin in fault.py counts on it");
static_assert(sizeof(struct sw_fault_rule) == 48, "the twin in fault.py counts on it");
static_assert(sizeof(struct sw_fault_page) == SW_FAULT_PAGE_SIZE, "one page");

#endif
