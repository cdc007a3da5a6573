/* One way of a bad link: chance, delay and a heap of frames by the time that they are due. */
#include "jepsen/fault/relay_link.h"

#include <stdlib.h>
#include <string.h>

enum { HEADER_SIZE = 14, QUEUE_SIZE = 4 << 20, REORDER_US = 10000 };

/* splitmix64: small, and the same on every machine. */
static uint64_t random_next(struct sw_relay_link *link)
{
    uint64_t z = (link->random += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static bool chance(struct sw_relay_link *link, uint32_t in_a_million)
{
    return random_next(link) % SW_RELAY_MILLION < in_a_million;
}

void sw_relay_link_init(struct sw_relay_link *link, struct sw_relay_way *way, uint64_t seed)
{
    *link = (struct sw_relay_link){.way = way, .random = seed};
}

void sw_relay_link_release(struct sw_relay_link *link)
{
    for (size_t i = 0; i < link->count; i++) {
        free(link->heap[i].bytes);
    }
    free(link->heap);
    *link = (struct sw_relay_link){0};
}

/* --- the heap --------------------------------------------------------------------------------- */

static bool before(const struct sw_relay_frame *a, const struct sw_relay_frame *b)
{
    return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->number < b->number;
}

static void exchange(struct sw_relay_frame *a, struct sw_relay_frame *b)
{
    const struct sw_relay_frame kept = *a;

    *a = *b;
    *b = kept;
}

static void heap_put(struct sw_relay_link *link, struct sw_relay_frame frame)
{
    size_t at = link->count;

    if (link->count == link->room) {
        link->room = link->room == 0 ? 64 : link->room * 2;
        link->heap = realloc(link->heap, link->room * sizeof *link->heap);
        assert(link->heap != NULL);
    }
    link->heap[link->count++] = frame;
    link->queued += frame.size;
    while (at > 0 && before(&link->heap[at], &link->heap[(at - 1) / 2])) {
        exchange(&link->heap[at], &link->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
}

bool sw_relay_link_take(struct sw_relay_link *link, struct sw_relay_frame *ret_frame)
{
    size_t at = 0;

    if (link->count == 0) {
        return false;
    }
    *ret_frame = link->heap[0];
    link->heap[0] = link->heap[--link->count];
    link->queued -= ret_frame->size;
    for (;;) {
        size_t least = at;

        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < link->count; child++) {
            if (before(&link->heap[child], &link->heap[least])) {
                least = child;
            }
        }
        if (least == at) {
            return true;
        }
        exchange(&link->heap[at], &link->heap[least]);
        at = least;
    }
}

uint64_t sw_relay_link_due(const struct sw_relay_link *link)
{
    return link->count == 0 ? UINT64_MAX : link->heap[0].due_ns;
}

/* --- what a frame meets ----------------------------------------------------------------------- */

/* Behind the line's own time for it, and then the way. */
static uint64_t due_of(struct sw_relay_link *link, size_t size, uint64_t now_ns)
{
    const struct sw_relay_way *way = link->way;
    uint64_t due = now_ns;

    if (way->rate > 0) {
        link->free_ns = (link->free_ns > now_ns ? link->free_ns : now_ns) +
                        (uint64_t)size * UINT64_C(1000000000) / way->rate;
        due = link->free_ns;
    }
    due += way->delay_us * 1000;
    if (way->jitter_us > 0) {
        due += random_next(link) % (way->jitter_us * 1000);
    }
    return due;
}

/* A late frame leaves its place to those behind it; all others keep theirs. */
static uint64_t place(struct sw_relay_link *link, uint64_t due)
{
    struct sw_relay_way *way = link->way;

    if (chance(link, way->reorder)) {
        way->reordered++;
        return due + (way->reorder_us == 0 ? REORDER_US : way->reorder_us) * 1000;
    }
    link->last_ns = due > link->last_ns ? due : link->last_ns;
    return link->last_ns;
}

static void corrupt(struct sw_relay_link *link, struct sw_relay_frame *frame)
{
    if (frame->size > HEADER_SIZE && chance(link, link->way->corrupt)) {
        const size_t at = HEADER_SIZE + (size_t)(random_next(link) % (frame->size - HEADER_SIZE));

        frame->bytes[at] ^= (uint8_t)(1 + random_next(link) % 255);
        link->way->corrupted++;
    }
}

static void enqueue(struct sw_relay_link *link, const uint8_t *bytes, size_t size, uint64_t due)
{
    const uint64_t room = link->way->queue_size == 0 ? QUEUE_SIZE : link->way->queue_size;
    struct sw_relay_frame frame = {.due_ns = due, .number = link->number++, .size = size};

    if (link->queued + size > room) {
        link->way->overflowed++;
        return;
    }
    frame.bytes = malloc(size + 1);
    assert(frame.bytes != NULL);
    memcpy(frame.bytes, bytes, size);
    corrupt(link, &frame);
    heap_put(link, frame);
}

void sw_relay_link_put(struct sw_relay_link *link,
                       const uint8_t *bytes,
                       size_t size,
                       uint64_t now_ns)
{
    struct sw_relay_way *way = link->way;
    uint64_t due;

    way->frames++;
    way->bytes += size;
    if (way->drop != 0 || chance(link, way->loss)) {
        way->lost++;
        return;
    }
    due = place(link, due_of(link, size, now_ns));
    enqueue(link, bytes, size, due);
    if (chance(link, way->duplicate)) {
        way->duplicated++;
        enqueue(link, bytes, size, place(link, due));
    }
}
