/* One way of a bad link: frames go in, and come out later, twice, changed, or never.
 *
 * Pure: the time comes in with each call, and chance from a seed, so a test decides both. */
#ifndef SW_JEPSEN_FAULT_RELAY_LINK_H
#define SW_JEPSEN_FAULT_RELAY_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "jepsen/fault/relay_control.h"

struct sw_relay_frame {
    uint64_t due_ns;
    uint64_t number; /* frames that are due together leave in this order */
    size_t size;
    uint8_t *bytes; /* owned */
};

struct sw_relay_link {
    struct sw_relay_way *way; /* borrowed: part of the mapped page */
    uint64_t random;
    uint64_t free_ns; /* when the line has sent what it took before */
    uint64_t last_ns; /* due time of the last frame that kept its place */
    uint64_t number;
    struct sw_relay_frame *heap; /* owned; the first is due first */
    size_t count, room;
    uint64_t queued; /* bytes */
};

void sw_relay_link_init(struct sw_relay_link *link, struct sw_relay_way *way, uint64_t seed);
void sw_relay_link_release(struct sw_relay_link *link);
/* A frame that arrives at `now_ns`; copied. */
void sw_relay_link_put(struct sw_relay_link *link,
                       const uint8_t *bytes,
                       size_t size,
                       uint64_t now_ns);
/* When the next frame is due; UINT64_MAX if none waits. */
uint64_t sw_relay_link_due(const struct sw_relay_link *link);
/* Takes that frame out. The caller frees its bytes. False if none waits. */
bool sw_relay_link_take(struct sw_relay_link *link, struct sw_relay_frame *ret_frame);

#endif
