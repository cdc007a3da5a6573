/* Where the blocks of a bucket are, looked up once for each snapshot: in LMDB a seek costs what the
 * scan of a hundred codes does, and the same near buckets are asked for again and again. Forgotten
 * at every open, as what they point to is the snapshot's. */
#include <stdlib.h>

#include "base/assert.h"
#include "index/reader_private.h"

enum { TABLE_MIN = 256, BLOCKS_MIN = 1024 };

void sw__lists_clear(struct sw__lists *lists)
{
    lists->snapshot++;
    lists->block_count = 0;
    lists->list_count = 0;
}

void sw__lists_release(struct sw__lists *lists)
{
    free(lists->blocks);
    free(lists->table);
    *lists = (struct sw__lists){0};
}

static struct sw__list *slot_of(const struct sw__lists *lists, uint32_t bucket)
{
    uint32_t at = bucket * UINT32_C(2654435761) & (lists->table_capacity - 1);

    while (lists->table[at].snapshot == lists->snapshot && lists->table[at].bucket != bucket) {
        at = (at + 1) & (lists->table_capacity - 1);
    }
    return &lists->table[at];
}

static void grow_table(struct sw__lists *lists)
{
    struct sw__list *old = lists->table;
    const uint32_t old_capacity = lists->table_capacity;

    if (2 * lists->list_count < old_capacity) {
        return;
    }
    lists->table_capacity = old_capacity == 0 ? TABLE_MIN : 2 * old_capacity;
    lists->table = calloc(lists->table_capacity, sizeof(*lists->table));
    SW_ASSERT(lists->table != NULL);
    SW_ASSERT(lists->snapshot != 0);
    for (uint32_t i = 0; i < old_capacity; i++) {
        if (old[i].snapshot == lists->snapshot) {
            *slot_of(lists, old[i].bucket) = old[i];
        }
    }
    free(old);
}

static void
add_block(struct sw__lists *lists, const uint8_t *bytes, uint32_t slice_at, uint32_t count)
{
    if (lists->block_count == lists->block_capacity) {
        lists->block_capacity = lists->block_capacity == 0 ? BLOCKS_MIN : 2 * lists->block_capacity;
        lists->blocks = realloc(lists->blocks, lists->block_capacity * sizeof(*lists->blocks));
        SW_ASSERT(lists->blocks != NULL);
    }
    lists->blocks[lists->block_count++] = (struct sw__listed){
        .bytes = bytes, .slice_at = (uint16_t)slice_at, .count = (uint8_t)count};
}

/* Reads the bucket's records up to `count_max` blocks; those of dropped slices are passed over. */
static enum sw_err
collect(struct sw_index_reader *reader, uint32_t bucket, uint32_t count_max, bool *ret_complete)
{
    const uint32_t last = reader->lists.block_count + count_max;
    const struct sw__key start = sw__key_1(&reader->prefix, SW__KIND_CODES, bucket);
    struct sw_index_record record;
    struct sw__block block;
    uint32_t numbers[3];
    uint32_t at = 0;
    enum sw_err err = reader->map->ops->seek(reader->map, sw__key_span(&start), &record);

    *ret_complete = true;
    while (err == SW_ERR_OK && sw__key_covers(&start, record.key)) {
        if (reader->lists.block_count == last) {
            *ret_complete = false;
            return SW_ERR_OK;
        }
        if (!sw__key_read(&reader->prefix, SW__KIND_CODES, record.key, 3, numbers) ||
            sw__block_view(record.value, reader->dim, &block) != SW_ERR_OK) {
            return sw__reader_corrupt(reader, "a block of codes");
        }
        while (at < reader->state.slice_count && reader->state.slices[at].slice < numbers[1]) {
            at++;
        }
        if (at == reader->state.slice_count || reader->state.slices[at].slice != numbers[1]) {
            return sw__reader_corrupt(reader, "a block of no slice");
        }
        if (!reader->state.slices[at].dropped) {
            add_block(&reader->lists, record.value.data, at, block.count);
        }
        err = reader->map->ops->next(reader->map, &record);
    }
    return err == SW_ERR_NOT_FOUND ? SW_ERR_OK : err;
}

enum sw_err sw__reader_list(struct sw_index_reader *reader,
                            uint32_t bucket,
                            uint32_t count_max,
                            struct sw__some_blocks *ret_blocks)
{
    struct sw__lists *lists = &reader->lists;
    struct sw__list *list;
    bool known;

    grow_table(lists);
    list = slot_of(lists, bucket);
    known = list->snapshot == lists->snapshot;
    if (!known || (!list->complete && list->count < count_max)) {
        const uint32_t first = lists->block_count;
        bool complete;
        const enum sw_err err = collect(reader, bucket, count_max, &complete);

        if (err != SW_ERR_OK) {
            lists->block_count = first;
            return err;
        }
        *list = (struct sw__list){.snapshot = lists->snapshot,
                                  .bucket = bucket,
                                  .first = first,
                                  .count = lists->block_count - first,
                                  .complete = complete};
        lists->list_count += known ? 0 : 1;
    }
    *ret_blocks =
        (struct sw__some_blocks){.first = list->first,
                                 .count = list->count < count_max ? list->count : count_max,
                                 .complete = list->complete && list->count <= count_max};
    return SW_ERR_OK;
}
