/* Binary heap of events. */
#include "tests/sim/heap.h"

#include <stdlib.h>

#include "base/assert.h"

static bool before(const struct sim_event *a, const struct sim_event *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->seq < b->seq;
}

void sim_heap_push(struct sim_heap *heap, struct sim_event event)
{
    size_t at = heap->count;

    if (heap->count == heap->capacity) {
        heap->capacity = heap->capacity == 0 ? 256 : heap->capacity * 2;
        heap->items = realloc(heap->items, heap->capacity * sizeof(*heap->items));
        SW_ASSERT(heap->items != NULL);
    }
    heap->count++;
    while (at > 0 && before(&event, &heap->items[(at - 1) / 2])) {
        heap->items[at] = heap->items[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap->items[at] = event;
}

bool sim_heap_pop(struct sim_heap *heap, struct sim_event *ret_event)
{
    struct sim_event last;
    size_t at = 0;

    if (heap->count == 0) {
        return false;
    }
    *ret_event = heap->items[0];
    last = heap->items[--heap->count];
    for (;;) {
        size_t child = 2 * at + 1;

        if (child >= heap->count) {
            break;
        }
        if (child + 1 < heap->count && before(&heap->items[child + 1], &heap->items[child])) {
            child++;
        }
        if (!before(&heap->items[child], &last)) {
            break;
        }
        heap->items[at] = heap->items[child];
        at = child;
    }
    if (heap->count > 0) {
        heap->items[at] = last;
    }
    return true;
}

void sim_heap_release(struct sim_heap *heap)
{
    for (size_t i = 0; i < heap->count; i++) {
        if (heap->items[i].drop != NULL) {
            heap->items[i].drop(heap->items[i].arg);
        }
    }
    free(heap->items);
    *heap = (struct sim_heap){0};
}
