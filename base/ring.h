/* A bounded first-in-first-out ring of pointers. It never grows: a full ring is an answer that the
 * caller must handle, which is how every queue of the system gets its bound. Not thread-safe. */
#ifndef SW_BASE_RING_H
#define SW_BASE_RING_H

#include <stdbool.h>
#include <stdint.h>

struct sw_ring {
    void **slots; /* owned; the items are borrowed */
    uint32_t capacity;
    uint32_t head; /* index < capacity of the oldest item */
    uint32_t count;
};

void sw_ring_init(struct sw_ring *ring, uint32_t capacity); /* capacity > 0 */
void sw_ring_release(struct sw_ring *ring);                 /* accepts a zeroed one */
/* False, and nothing happens, when the ring is full. */
bool sw_ring_push(struct sw_ring *ring, void *item);
void *sw_ring_pop(struct sw_ring *ring);        /* the oldest; NULL when empty */
void *sw_ring_peek(const struct sw_ring *ring); /* the oldest; NULL when empty */
/* The item at `position` counted from the oldest; position < count. */
void *sw_ring_at(const struct sw_ring *ring, uint32_t position);
/* Removes the newest item: undoes a push. NULL when empty. */
void *sw_ring_unpush(struct sw_ring *ring);

static inline bool sw_ring_full(const struct sw_ring *ring)
{
    return ring->count == ring->capacity;
}

#endif
