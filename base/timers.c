/* Binary heap of intrusive timers. */
#include "base/timers.h"

#include <stdlib.h>

#include "base/assert.h"

void sw_timers_release(struct sw_timers *timers)
{
    free(timers->heap);
    *timers = (struct sw_timers){0};
}

static bool before(const struct sw_timer *a, const struct sw_timer *b)
{
    return a->deadline != b->deadline ? a->deadline < b->deadline : a->sequence < b->sequence;
}

static void place(struct sw_timers *timers, uint32_t index, struct sw_timer *timer)
{
    timers->heap[index] = timer;
    timer->position = index + 1;
}

static void sift_up(struct sw_timers *timers, uint32_t index)
{
    struct sw_timer *timer = timers->heap[index];

    while (index > 0) {
        const uint32_t parent = (index - 1) / 2;

        if (!before(timer, timers->heap[parent])) {
            break;
        }
        place(timers, index, timers->heap[parent]);
        index = parent;
    }
    place(timers, index, timer);
}

static void sift_down(struct sw_timers *timers, uint32_t index)
{
    struct sw_timer *timer = timers->heap[index];

    for (;;) {
        uint32_t child = 2 * index + 1;

        if (child >= timers->count) {
            break;
        }
        if (child + 1 < timers->count && before(timers->heap[child + 1], timers->heap[child])) {
            child++;
        }
        if (!before(timers->heap[child], timer)) {
            break;
        }
        place(timers, index, timers->heap[child]);
        index = child;
    }
    place(timers, index, timer);
}

static void grow(struct sw_timers *timers)
{
    const uint32_t capacity = timers->capacity == 0 ? 64 : timers->capacity * 2;
    struct sw_timer **heap;

    SW_ASSERT(capacity > timers->capacity);
    heap = realloc(timers->heap, capacity * sizeof(struct sw_timer *));
    SW_ASSERT(heap != NULL);
    timers->heap = heap;
    timers->capacity = capacity;
}

void sw_timers_set(struct sw_timers *timers, struct sw_timer *timer, uint64_t deadline)
{
    sw_timers_cancel(timers, timer);
    if (timers->count == timers->capacity) {
        grow(timers);
    }
    timer->deadline = deadline;
    timer->sequence = timers->sequence++;
    place(timers, timers->count, timer);
    timers->count++;
    sift_up(timers, timers->count - 1);
}

void sw_timers_cancel(struct sw_timers *timers, struct sw_timer *timer)
{
    const uint32_t index = timer->position - 1;
    struct sw_timer *last;

    if (timer->position == 0) {
        return;
    }
    SW_ASSERT(index < timers->count);
    SW_ASSERT(timers->heap[index] == timer);
    timer->position = 0;
    timers->count--;
    last = timers->heap[timers->count];
    if (last == timer) {
        return;
    }
    place(timers, index, last);
    sift_up(timers, index);
    sift_down(timers, last->position - 1);
}

struct sw_timer *sw_timers_expire(struct sw_timers *timers, uint64_t now)
{
    struct sw_timer *first;

    if (timers->count == 0 || timers->heap[0]->deadline > now) {
        return NULL;
    }
    first = timers->heap[0];
    sw_timers_cancel(timers, first);
    return first;
}

bool sw_timers_next(const struct sw_timers *timers, uint64_t *ret_deadline)
{
    if (timers->count == 0) {
        return false;
    }
    *ret_deadline = timers->heap[0]->deadline;
    return true;
}
