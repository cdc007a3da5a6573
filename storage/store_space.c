/* Page arithmetic of the LMDB store; see store_space.h. */
#include "storage/store_space.h"

#include "base/assert.h"

enum {
    /* New pages that one put can ask for beside those of its value: a split on each level. */
    SPLIT_PAGES = 6,
    PAGE_HEADER_SIZE = 16,
};

static uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

void sw_space_init(struct sw_space *space,
                   uint64_t page_size,
                   uint64_t map_size,
                   uint64_t reserve_size,
                   uint64_t log_size)
{
    SW_ASSERT(page_size >= 512);
    if (map_size == 0) {
        map_size = SW_SPACE_MAP_SIZE_DEFAULT;
    }
    if (reserve_size == 0) {
        reserve_size = map_size / 20;
        if (reserve_size < SW_SPACE_RESERVE_SIZE_MIN) {
            reserve_size = SW_SPACE_RESERVE_SIZE_MIN;
        }
    }
    *space = (struct sw_space){
        .page_size = page_size,
        .map_size = map_size,
        .reserve_size = min_u64(reserve_size, map_size / 2),
        .log_size = log_size,
    };
    SW_ASSERT(space->reserve_size < space->map_size);
}

/* Overflow pages of a value that does not fit into a leaf beside another record. */
static uint64_t overflow_pages(const struct sw_space *space, size_t record_size)
{
    if (record_size < space->page_size / 2) {
        return 0;
    }
    return (record_size + PAGE_HEADER_SIZE + space->page_size - 1) / space->page_size;
}

/* The open transaction has a copy of each page that it touched, of which there are no more than it
 * found. */
static uint64_t copies(const struct sw_space *space)
{
    return min_u64(space->touched + space->branches, space->base);
}

/* Pages that the open transaction may need at commit: its copies, and what the trees grew by. */
static uint64_t growth(const struct sw_space *space)
{
    const uint64_t grown = space->live > space->base ? space->live - space->base : 0;

    return copies(space) + grown;
}

static uint64_t less(uint64_t pages, uint64_t kept_back)
{
    return pages > kept_back ? pages - kept_back : 0;
}

void sw_space_begin(struct sw_space *space, const struct sw_space_found *found)
{
    const uint64_t free_pages = found->file > found->live ? found->file - found->live : 0;
    uint64_t reserve;
    uint64_t room;

    SW_ASSERT(space->page_size > 0);
    reserve = (SW_SPACE_DISK_RESERVE_SIZE + space->log_size) / space->page_size;
    room = found->disk_free / space->page_size;
    SW_ASSERT(found->branches <= found->live);
    /* What the last transaction freed is kept for a fallback to the one before it. */
    if (!found->pinned && free_pages > space->copied) {
        room += free_pages - space->copied;
    }
    space->live = found->live;
    space->base = found->live;
    space->branches = found->branches;
    space->touched = 0;
    space->room = room;
    space->budget = less(room, reserve);
}

bool sw_space_fits(const struct sw_space *space, enum sw_table table, size_t record_size)
{
    const uint64_t more = overflow_pages(space, record_size) + SPLIT_PAGES;
    const uint64_t floor = SW_SPACE_DISK_FLOOR_SIZE / space->page_size;
    uint64_t limit = space->map_size - space->reserve_size;
    uint64_t budget = space->budget;

    SW_ASSERT(table < SW_TABLE_COUNT);
    SW_ASSERT(space->page_size > 0);
    if (table == SW_TABLE_META) {
        return true; /* the applied index: without it not even a delete could be committed */
    }
    if (table == SW_TABLE_SESSION || table == SW_TABLE_LEASE || table == SW_TABLE_CHANGE ||
        table == SW_TABLE_HISTORY) {
        limit = space->map_size;
        return (space->live + more) * space->page_size <= limit;
    }
    if (table != SW_TABLE_STAGE) { /* it is in the log: whoever cannot execute it has to stop */
        limit = space->map_size - space->reserve_size / 4;
        budget = less(space->room, floor);
    }
    return (space->live + more) * space->page_size <= limit && growth(space) + more <= budget;
}

void sw_space_change(struct sw_space *space, size_t record_size, uint64_t live)
{
    SW_ASSERT(space->page_size > 0);
    SW_ASSERT(live > 0);
    space->touched += 1 + overflow_pages(space, record_size);
    space->live = live;
}

void sw_space_end(struct sw_space *space, bool committed)
{
    SW_ASSERT(space->page_size > 0);
    SW_ASSERT(space->reserve_size < space->map_size);
    if (committed) {
        space->copied = growth(space);
    } else {
        space->live = space->base;
    }
    space->touched = 0;
}

uint64_t sw_space_dirty(const struct sw_space *space)
{
    SW_ASSERT(space->page_size > 0);
    SW_ASSERT(copies(space) <= space->base);
    return growth(space);
}

uint64_t sw_space_used(const struct sw_space *space)
{
    return (space->live + (space->touched > 0 ? copies(space) : 0)) * space->page_size;
}

/* What puts of data may fill on this disk, whatever the map. */
static uint64_t disk_limit(const struct sw_space *space)
{
    SW_ASSERT(space->page_size > 0);
    return (space->base + space->budget) * space->page_size;
}

static bool disk_is_short(const struct sw_space *space)
{
    SW_ASSERT(space->reserve_size < space->map_size);
    return disk_limit(space) < space->map_size - space->reserve_size;
}

uint64_t sw_space_kept_back(const struct sw_space *space)
{
    if (!disk_is_short(space)) {
        return space->reserve_size;
    }
    return min_u64(space->reserve_size, SW_SPACE_DISK_RESERVE_SIZE);
}

uint64_t sw_space_limit(const struct sw_space *space)
{
    const uint64_t data =
        disk_is_short(space) ? disk_limit(space) : space->map_size - space->reserve_size;

    SW_ASSERT(data <= space->map_size);
    return data + sw_space_kept_back(space);
}
