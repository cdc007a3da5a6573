/* How much the LMDB store may still grow: our own accounting, because LMDB's limit is a trap.
 *
 * LMDB answers MDB_MAP_FULL from the middle of a change and breaks the transaction with it, and it
 * learns of a full disk only when it commits. So the store counts pages itself and refuses a put
 * before LMDB has to: LMDB's map is made SW_SPACE_MAP_FACTOR times larger than what we hand out.
 *
 *     0            live pages      map_size - reserve  - reserve/4  map_size        LMDB's map
 *     |=============================|.................|.............|................|
 *       what can be refused stops --^                 |             |
 *       what is committed in the log stops here ------^             |
 *       puts that a delete needs (answers, leases, changes) stop ---^
 *       deletes, and the puts of meta that each commit needs, never stop here
 *
 * Between the first two stops lie entries that were admitted while there was still room: they must
 * be executed, for a node that cannot has to stop, and its peers are about as full. So a copy from
 * a peer (STAGE) and admission, which reads the figures of stats(), stop at the first one.
 *
 * The disk counts too: a transaction copies each page that it changes, and these copies need room
 * in the file's free pages or on the disk at commit. The log takes its next segment from the same
 * disk, at any moment; that much is kept free beside the reserve. Pure arithmetic; sizes in bytes,
 * counts in pages. */
#ifndef SW_STORAGE_STORE_SPACE_H
#define SW_STORAGE_STORE_SPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/store.h"

enum { SW_SPACE_MAP_FACTOR = 4 };

#define SW_SPACE_MAP_SIZE_DEFAULT  (UINT64_C(64) << 30)
#define SW_SPACE_MAP_SIZE_MIN      (UINT64_C(1) << 20)
#define SW_SPACE_RESERVE_SIZE_MIN  (UINT64_C(64) << 20)
#define SW_SPACE_DISK_RESERVE_SIZE (UINT64_C(32) << 20)
/* Of it, what is left to deletes and to the pages of a commit when entries were executed. */
#define SW_SPACE_DISK_FLOOR_SIZE (UINT64_C(8) << 20)

struct sw_space {
    uint64_t page_size;
    uint64_t map_size;
    uint64_t reserve_size;
    uint64_t log_size; /* what the log may yet take of the same disk */
    uint64_t live;     /* pages reachable from the open transaction's trees */
    uint64_t base;     /* of these when the transaction began */
    uint64_t branches; /* branch pages when the transaction began */
    uint64_t touched;  /* leaf and overflow pages that changes of this transaction asked for */
    uint64_t copied;   /* upper bound of the pages that the last transaction freed */
    uint64_t room;     /* pages that the file's free list and the disk had when it began */
    uint64_t budget;   /* of these, less what is kept back */
};

/* What a transaction finds when it begins. */
struct sw_space_found {
    uint64_t live;
    uint64_t branches;
    uint64_t file;      /* pages in the file, free ones included */
    uint64_t disk_free; /* bytes */
    bool pinned;        /* a reader may keep freed pages from being used again */
};

/* 0 for map_size or reserve_size: the default. The reserve is at most half of the map. */
void sw_space_init(struct sw_space *space,
                   uint64_t page_size,
                   uint64_t map_size,
                   uint64_t reserve_size,
                   uint64_t log_size);
void sw_space_begin(struct sw_space *space, const struct sw_space_found *found);
/* True if a put of a record with this many bytes in `table` has room. */
bool sw_space_fits(const struct sw_space *space, enum sw_table table, size_t record_size);
/* A record with this many bytes was written or deleted; the trees now have `live` pages. */
void sw_space_change(struct sw_space *space, size_t record_size, uint64_t live);
void sw_space_end(struct sw_space *space, bool committed);

/* No fewer than the pages that the open transaction has changed so far. */
uint64_t sw_space_dirty(const struct sw_space *space);
/* Live pages, and the copies that the open transaction made: both must fit until it is committed.
 */
uint64_t sw_space_used(const struct sw_space *space);
/* Puts of data stop at the limit less what is kept back: at the end of the map less its reserve, or
 * earlier where the disk has less, and then a smaller part is kept back. */
uint64_t sw_space_limit(const struct sw_space *space);
uint64_t sw_space_kept_back(const struct sw_space *space);

#endif
