/* The one queue of a simulated world: events ordered by time, then by the order of scheduling. */
#ifndef SW_TESTS_SIM_HEAP_H
#define SW_TESTS_SIM_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `fire` runs the event; `drop` (may be NULL) frees `arg` when the owner died meanwhile. Exactly
 * one of the two is called. */
struct sim_event {
    uint64_t at_us;
    uint64_t seq;
    void (*fire)(void *arg);
    void (*drop)(void *arg);
    void *arg;
    uint32_t owner; /* node number; 0 = the world */
    uint32_t life;  /* of the owner when scheduled: an event does not outlive a crash */
};

struct sim_heap {
    struct sim_event *items; /* owned */
    size_t count;
    size_t capacity;
};

void sim_heap_push(struct sim_heap *heap, struct sim_event event);
/* False if empty. */
bool sim_heap_pop(struct sim_heap *heap, struct sim_event *ret_event);
void sim_heap_release(struct sim_heap *heap); /* drops what is left */

#endif
