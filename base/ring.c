/* Bounded ring. */
#include "base/ring.h"

#include <stdlib.h>

#include "base/assert.h"

void sw_ring_init(struct sw_ring *ring, uint32_t capacity)
{
    SW_ASSERT(capacity > 0);
    *ring = (struct sw_ring){.capacity = capacity};
    ring->slots = calloc(capacity, sizeof *ring->slots);
    SW_ASSERT(ring->slots != NULL);
}

void sw_ring_release(struct sw_ring *ring)
{
    free(ring->slots);
    *ring = (struct sw_ring){0};
}

static uint32_t slot_of(const struct sw_ring *ring, uint32_t position)
{
    /* 64 bits, because head + position may pass 2^32 in a ring of more than 2^31 slots. */
    return (uint32_t)(((uint64_t)ring->head + position) % ring->capacity);
}

bool sw_ring_push(struct sw_ring *ring, void *item)
{
    SW_ASSERT(ring->count <= ring->capacity);
    SW_ASSERT(item != NULL);
    if (ring->count == ring->capacity) {
        return false;
    }
    ring->slots[slot_of(ring, ring->count)] = item;
    ring->count++;
    return true;
}

void *sw_ring_pop(struct sw_ring *ring)
{
    void *item = sw_ring_peek(ring);

    if (item != NULL) {
        ring->slots[ring->head] = NULL;
        ring->head = slot_of(ring, 1);
        ring->count--;
    }
    return item;
}

void *sw_ring_peek(const struct sw_ring *ring)
{
    return ring->count == 0 ? NULL : ring->slots[ring->head];
}

void *sw_ring_at(const struct sw_ring *ring, uint32_t position)
{
    SW_ASSERT(position < ring->count);
    return ring->slots[slot_of(ring, position)];
}

void *sw_ring_unpush(struct sw_ring *ring)
{
    void *item;

    if (ring->count == 0) {
        return NULL;
    }
    item = sw_ring_at(ring, ring->count - 1);
    ring->count--;
    return item;
}
