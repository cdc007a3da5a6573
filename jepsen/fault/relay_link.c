/* One way of a bad link: chance, delay and a heap of frames by the time that they are due. */
#include "jepsen/fault/relay_link.h"

#include <stdlib.h>
#include <string.h>

enum { HEADER_SIZE = 14, QUEUE_SIZE = 4 << 20, REORDER_US = 10000 };
enum { IPV4 = 0x0800, IP_SIZE = 20, TCP = 6, TCP_SIZE = 20 };

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

/* --- corruption ------------------------------------------------------------------------------- */

static uint32_t word_at(const uint8_t *bytes, size_t size, size_t at)
{
    return (uint32_t)bytes[at] << 8 | (at + 1 < size ? bytes[at + 1] : 0);
}

/* Where the TCP segment of a frame begins, and its payload; false if it carries none, whole and by
 * IPv4. `ret_end` is behind the payload: short frames are padded. */
static bool find_payload(const struct sw_relay_frame *frame,
                         size_t *ret_tcp,
                         size_t *ret_payload,
                         size_t *ret_end)
{
    const uint8_t *ip = frame->bytes + HEADER_SIZE;
    size_t tcp;

    if (frame->size < HEADER_SIZE + IP_SIZE + TCP_SIZE ||
        word_at(frame->bytes, frame->size, 12) != IPV4 || ip[0] >> 4 != 4 || ip[9] != TCP ||
        (word_at(ip, IP_SIZE, 6) & 0x3fff) != 0) {
        return false;
    }
    tcp = HEADER_SIZE + (size_t)(ip[0] & 15) * 4;
    *ret_end = HEADER_SIZE + word_at(ip, IP_SIZE, 2);
    if (tcp + TCP_SIZE > *ret_end || *ret_end > frame->size) {
        return false;
    }
    *ret_tcp = tcp;
    *ret_payload = tcp + (size_t)(frame->bytes[tcp + 12] >> 4) * 4;
    return *ret_payload < *ret_end;
}

/* Changes a byte of the payload and its checksum with it (RFC 1624), as a bad memory behind the
 * checksum would: only what the two ends have sealed tells. */
static void corrupt_unseen(struct sw_relay_link *link,
                           struct sw_relay_frame *frame,
                           size_t tcp,
                           size_t payload,
                           size_t end)
{
    const size_t at = payload + (size_t)(random_next(link) % (end - payload));
    const size_t word = tcp + ((at - tcp) & ~(size_t)1);
    uint8_t *sum_at = frame->bytes + tcp + 16;
    uint32_t sum = ~word_at(sum_at, 2, 0) & 0xffff;

    sum += ~word_at(frame->bytes, end, word) & 0xffff;
    frame->bytes[at] ^= (uint8_t)(1 + random_next(link) % 255);
    sum += word_at(frame->bytes, end, word);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    sum_at[0] = (uint8_t)(~sum >> 8);
    sum_at[1] = (uint8_t)~sum;
    link->way->mended++;
}

/* A receiver drops what its checksum tells, which then is a loss like any other. So half of the
 * changes are such that none does. */
static void corrupt(struct sw_relay_link *link, struct sw_relay_frame *frame)
{
    size_t tcp, payload, end;

    if (frame->size <= HEADER_SIZE || !chance(link, link->way->corrupt)) {
        return;
    }
    link->way->corrupted++;
    if (find_payload(frame, &tcp, &payload, &end) && chance(link, SW_RELAY_MILLION / 2)) {
        corrupt_unseen(link, frame, tcp, payload, end);
    } else {
        const size_t at = HEADER_SIZE + (size_t)(random_next(link) % (frame->size - HEADER_SIZE));

        frame->bytes[at] ^= (uint8_t)(1 + random_next(link) % 255);
    }
}

/* --- in --------------------------------------------------------------------------------------- */

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
