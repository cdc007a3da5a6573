/* A sorted list of sorted chunks: two binary searches find a key; see map_mem.h.
 *
 * Keys stand inside the chunks, so a search touches few lines of cache; values are on their own and
 * stay where they are while chunks split and records move. */
#include "index/map_mem.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/limits.h"

enum { KEY_SIZE_MAX = SW_INDEX_PREFIX_SIZE_MAX + 30, CHUNK_COUNT_MAX = 256 };

struct item {
    uint8_t key_size;
    uint8_t key[KEY_SIZE_MAX + 1];
    uint32_t value_size;
    uint8_t *value; /* owned; never NULL */
};

struct chunk {
    uint32_t count; /* 1.., but for the only chunk of an empty map */
    struct item items[CHUNK_COUNT_MAX];
};

struct map_mem {
    struct chunk **chunks; /* owned, in order */
    struct item *firsts;   /* owned: keys of the first items, for one search without jumps */
    uint32_t count;
    uint32_t capacity;
    uint64_t records;
    uint64_t size;
};

/* A map with a place in it; several views walk through one map. */
struct view {
    struct sw_index_map map; /* first, so that one pointer is both */
    struct map_mem *mem;     /* owned by the first view */
    uint32_t walk_chunk;     /* what the last seek or next gave */
    uint32_t walk_item;
    bool walking;
    bool first;
};

static struct map_mem *mem_of(const struct sw_index_map *map)
{
    return ((const struct view *)map->impl)->mem;
}

static int compare(const struct item *item, struct sw_span key)
{
    return sw_span_compare(sw_span_of(item->key, item->key_size), key);
}

/* The first of items[from..count) that is not below the key. */
static uint32_t lower_bound(const struct item *items, uint32_t count, struct sw_span key)
{
    uint32_t from = 0;

    while (from < count) {
        const uint32_t middle = from + (count - from) / 2;

        if (compare(&items[middle], key) < 0) {
            from = middle + 1;
        } else {
            count = middle;
        }
    }
    return from;
}

/* The chunk that has the key if any has it. */
static uint32_t chunk_of(const struct map_mem *mem, struct sw_span key)
{
    uint32_t at = lower_bound(mem->firsts, mem->count, key);

    if (at == mem->count || compare(&mem->firsts[at], key) != 0) {
        at = at == 0 ? 0 : at - 1;
    }
    return at;
}

static bool find(const struct map_mem *mem, struct sw_span key, uint32_t *ret_at, uint32_t *ret_i)
{
    const uint32_t at = chunk_of(mem, key);
    const struct chunk *chunk = mem->chunks[at];
    const uint32_t i = lower_bound(chunk->items, chunk->count, key);

    *ret_at = at;
    *ret_i = i;
    return i < chunk->count && compare(&chunk->items[i], key) == 0;
}

static enum sw_err mem_get(struct sw_index_map *map, struct sw_span key, struct sw_span *ret_value)
{
    struct map_mem *mem = mem_of(map);
    uint32_t at;
    uint32_t i;

    if (!find(mem, key, &at, &i)) {
        return SW_ERR_NOT_FOUND;
    }
    *ret_value = sw_span_of(mem->chunks[at]->items[i].value, mem->chunks[at]->items[i].value_size);
    return SW_ERR_OK;
}

static void insert_chunk(struct map_mem *mem, uint32_t at, struct chunk *chunk)
{
    if (mem->count == mem->capacity) {
        mem->capacity = mem->capacity == 0 ? 16 : 2 * mem->capacity;
        mem->chunks = realloc(mem->chunks, mem->capacity * sizeof(struct chunk *));
        mem->firsts = realloc(mem->firsts, mem->capacity * sizeof(*mem->firsts));
        SW_ASSERT(mem->chunks != NULL);
        SW_ASSERT(mem->firsts != NULL);
    }
    memmove(&mem->chunks[at + 1], &mem->chunks[at], (mem->count - at) * sizeof(struct chunk *));
    memmove(&mem->firsts[at + 1], &mem->firsts[at], (mem->count - at) * sizeof(*mem->firsts));
    mem->chunks[at] = chunk;
    mem->firsts[at] = chunk->items[0];
    mem->count++;
}

static void split(struct map_mem *mem, uint32_t at)
{
    struct chunk *low = mem->chunks[at];
    struct chunk *high = malloc(sizeof(*high));

    SW_ASSERT(high != NULL);
    high->count = low->count / 2;
    low->count -= high->count;
    memcpy(high->items, &low->items[low->count], high->count * sizeof(high->items[0]));
    insert_chunk(mem, at + 1, high);
}

static void set_value(struct item *item, struct sw_span value)
{
    if (item->value == NULL || item->value_size != value.size) {
        free(item->value);
        item->value = malloc(value.size + 1);
        SW_ASSERT(item->value != NULL);
    }
    if (value.size > 0) {
        memcpy(item->value, value.data, value.size);
    }
    item->value_size = (uint32_t)value.size;
}

static void add(struct map_mem *mem, uint32_t at, uint32_t i, struct sw_span key)
{
    struct chunk *chunk = mem->chunks[at];
    struct item *item = &chunk->items[i];

    memmove(item + 1, item, (chunk->count - i) * sizeof(*item));
    *item = (struct item){.key_size = (uint8_t)key.size};
    memcpy(item->key, key.data, key.size);
    chunk->count++;
    mem->records++;
    mem->size += key.size;
    if (i == 0) {
        mem->firsts[at] = *item;
    }
}

static enum sw_err mem_put(struct sw_index_map *map, struct sw_span key, struct sw_span value)
{
    struct map_mem *mem = mem_of(map);
    uint32_t at;
    uint32_t i;

    SW_ASSERT(key.size > 0 && key.size <= KEY_SIZE_MAX);
    SW_ASSERT(value.size <= UINT32_MAX);
    ((struct view *)map->impl)->walking = false;
    if (!find(mem, key, &at, &i)) {
        if (mem->chunks[at]->count == CHUNK_COUNT_MAX) {
            split(mem, at);
            (void)find(mem, key, &at, &i);
        }
        add(mem, at, i, key);
    }
    mem->size -= mem->chunks[at]->items[i].value_size;
    mem->size += value.size;
    set_value(&mem->chunks[at]->items[i], value);
    return SW_ERR_OK;
}

static void remove_chunk(struct map_mem *mem, uint32_t at)
{
    free(mem->chunks[at]);
    mem->count--;
    memmove(&mem->chunks[at], &mem->chunks[at + 1], (mem->count - at) * sizeof(struct chunk *));
    memmove(&mem->firsts[at], &mem->firsts[at + 1], (mem->count - at) * sizeof(*mem->firsts));
}

static enum sw_err mem_del(struct sw_index_map *map, struct sw_span key)
{
    struct map_mem *mem = mem_of(map);
    struct chunk *chunk;
    uint32_t at;
    uint32_t i;

    ((struct view *)map->impl)->walking = false;
    if (!find(mem, key, &at, &i)) {
        return SW_ERR_NOT_FOUND;
    }
    chunk = mem->chunks[at];
    mem->records--;
    mem->size -= chunk->items[i].key_size + (uint64_t)chunk->items[i].value_size;
    free(chunk->items[i].value);
    chunk->count--;
    memmove(&chunk->items[i], &chunk->items[i + 1], (chunk->count - i) * sizeof(chunk->items[0]));
    if (chunk->count == 0 && mem->count > 1) {
        remove_chunk(mem, at);
    } else if (i == 0 && chunk->count > 0) {
        mem->firsts[at] = chunk->items[0];
    }
    return SW_ERR_OK;
}

static enum sw_err give(struct view *view, struct sw_index_record *ret_record)
{
    const struct map_mem *mem = view->mem;
    const struct item *item;

    if (view->walk_item == mem->chunks[view->walk_chunk]->count) {
        view->walk_chunk++;
        view->walk_item = 0;
    }
    view->walking = view->walk_chunk < mem->count && mem->chunks[view->walk_chunk]->count > 0;
    if (!view->walking) {
        return SW_ERR_NOT_FOUND;
    }
    item = &mem->chunks[view->walk_chunk]->items[view->walk_item];
    ret_record->key = sw_span_of(item->key, item->key_size);
    ret_record->value = sw_span_of(item->value, item->value_size);
    return SW_ERR_OK;
}

static enum sw_err
mem_seek(struct sw_index_map *map, struct sw_span from, struct sw_index_record *ret_record)
{
    struct view *view = map->impl;

    (void)find(view->mem, from, &view->walk_chunk, &view->walk_item);
    return give(view, ret_record);
}

static enum sw_err mem_next(struct sw_index_map *map, struct sw_index_record *ret_record)
{
    struct view *view = map->impl;

    SW_ASSERT(view->walking);
    view->walk_item++;
    return give(view, ret_record);
}

static const struct sw_index_map_ops ops = {
    .get = mem_get, .put = mem_put, .del = mem_del, .seek = mem_seek, .next = mem_next};

static struct sw_index_map *view_new(struct map_mem *mem, bool first)
{
    struct view *view = calloc(1, sizeof(*view));

    SW_ASSERT(view != NULL);
    view->map = (struct sw_index_map){.impl = view, .ops = &ops};
    view->mem = mem;
    view->first = first;
    return &view->map;
}

struct sw_index_map *sw_index_map_mem_new(void)
{
    struct map_mem *mem = calloc(1, sizeof(*mem));
    struct chunk *chunk = calloc(1, sizeof(*chunk));

    SW_ASSERT(mem != NULL);
    SW_ASSERT(chunk != NULL);
    insert_chunk(mem, 0, chunk);
    return view_new(mem, true);
}

struct sw_index_map *sw_index_map_mem_view(struct sw_index_map *map)
{
    return view_new(mem_of(map), false);
}

static void free_content(struct map_mem *mem)
{
    for (uint32_t at = 0; at < mem->count; at++) {
        for (uint32_t i = 0; i < mem->chunks[at]->count; i++) {
            free(mem->chunks[at]->items[i].value);
        }
        free(mem->chunks[at]);
    }
    free(mem->chunks);
    free(mem->firsts);
    free(mem);
}

void sw_index_map_mem_free(struct sw_index_map *map)
{
    struct view *view;

    if (map == NULL) {
        return;
    }
    view = map->impl;
    if (view->first) {
        free_content(view->mem);
    }
    free(view);
}

uint64_t sw_index_map_mem_count(const struct sw_index_map *map)
{
    return mem_of(map)->records;
}

uint64_t sw_index_map_mem_size(const struct sw_index_map *map)
{
    return mem_of(map)->size;
}

bool sw_index_map_mem_validate(const struct sw_index_map *map)
{
    const struct map_mem *mem = mem_of(map);
    const struct item *last = NULL;
    uint64_t records = 0;
    uint64_t size = 0;

    for (uint32_t at = 0; at < mem->count; at++) {
        const struct chunk *chunk = mem->chunks[at];

        for (uint32_t i = 0; i < chunk->count; i++) {
            const struct item *item = &chunk->items[i];
            const struct sw_span key = sw_span_of(item->key, item->key_size);

            if ((last != NULL && compare(last, key) >= 0) ||
                (i == 0 && compare(&mem->firsts[at], key) != 0)) {
                return false;
            }
            records++;
            size += key.size + item->value_size;
            last = item;
        }
        if (chunk->count == 0 && mem->count > 1) {
            return false;
        }
    }
    return records == mem->records && size == mem->size;
}
