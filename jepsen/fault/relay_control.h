/* The control page of the relay: how bad the link is, each way, now.
 *
 * Mapped by the relay and by the harness (harness/fault.py is its twin, a test compares them).
 * Native byte order, aligned fields; what a frame meets is read when it arrives. */
#ifndef SW_JEPSEN_FAULT_RELAY_CONTROL_H
#define SW_JEPSEN_FAULT_RELAY_CONTROL_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define SW_RELAY_MAGIC UINT64_C(0x3159414c45525753) /* "SWRELAY1" */

enum { SW_RELAY_VERSION = 1, SW_RELAY_PAGE_SIZE = 4096, SW_RELAY_MILLION = 1000000 };

/* Chances are in a million. */
struct sw_relay_way {
    uint64_t delay_us;
    uint64_t jitter_us;  /* up to this much more; the order is kept */
    uint64_t rate;       /* bytes a second; 0 = as fast as it goes */
    uint64_t queue_size; /* bytes that may wait; what comes on top is lost; 0 = 4 MiB */
    uint32_t loss;
    uint32_t duplicate;
    uint32_t reorder; /* arrives `reorder_us` late, behind those that followed it */
    uint32_t corrupt; /* one byte behind the Ethernet header is another; half of the times, where it
                       * can be, one of a TCP payload, and the checksum is right again */
    uint64_t reorder_us;
    uint64_t drop; /* 1 = nothing passes */
    /* Counted by the relay. */
    uint64_t frames; /* that came in */
    uint64_t bytes;
    uint64_t sent;
    uint64_t lost;       /* by chance or drop */
    uint64_t overflowed; /* the queue was full */
    uint64_t duplicated;
    uint64_t reordered;
    uint64_t corrupted;
    uint64_t refused; /* by the kernel on the way out: larger than the MTU, or the end is down */
    uint64_t mended;  /* of the corrupted: those that no checksum tells */
};

struct sw_relay_page {
    uint64_t magic;
    uint32_t version;
    uint32_t size;
    uint64_t seed;     /* read at start */
    uint64_t attached; /* counts relays that run, or ran, with this page */
    uint64_t reserved[4];
    struct sw_relay_way ways[2]; /* from the first interface to the second, and back */
    uint8_t end[3744];
};

static_assert(sizeof(struct sw_relay_way) == 144, "the twin in fault.py counts on it");
static_assert(offsetof(struct sw_relay_page, ways) == 64, "the twin in fault.py counts on it");
static_assert(sizeof(struct sw_relay_page) == SW_RELAY_PAGE_SIZE, "one page");

#endif
