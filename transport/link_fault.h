/* A bad link, at the level of messages: a decorator that loses, delays and doubles what passes.
 *
 * It stands between the real link and the node, in chaos builds only (swarmd --fault-control), and
 * does what its control page says, each direction and each peer apart. So it can do what a cut of
 * the network cannot: one-way partitions that last, since TCP needs both ways for either.
 * Between two nodes the order stays; a doubled message breaks "each at most once" of link.h on
 * purpose: what is above must survive it, as it does in the simulator.
 *
 * Pure: the page is shared memory that somebody else mapped (link_fault_posix.c). */
#ifndef SW_TRANSPORT_LINK_FAULT_H
#define SW_TRANSPORT_LINK_FAULT_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/env.h"
#include "transport/link.h"

#define SW_LINK_FAULT_MAGIC UINT64_C(0x31464b4e494c5753) /* "SWLINKF1" */

enum {
    SW_LINK_FAULT_VERSION = 1,
    SW_LINK_FAULT_PAGE_SIZE = 12288,
    SW_LINK_FAULT_ROWS = 64, /* by node id; row 0: all clients. Higher ids are never faulted */
    SW_LINK_FAULT_MILLION = 1000000,
};

enum sw_link_fault_direction { SW_LINK_FAULT_OUT, SW_LINK_FAULT_IN, SW_LINK_FAULT_DIRECTIONS };

/* Chances are in a million. */
struct sw_link_fault_way {
    uint64_t drop; /* 1 = nothing passes */
    uint32_t loss;
    uint32_t duplicate;
    uint64_t delay_us;
    uint64_t jitter_us; /* up to this much more; the order is kept */
    /* Counted by the node. */
    uint64_t passed, dropped, delayed, doubled;
};

/* Native byte order, aligned; harness/fault.py has its twin. */
struct sw_link_fault_page {
    uint64_t magic;
    uint32_t version;
    uint32_t size;
    uint64_t seed;     /* read at start */
    uint64_t attached; /* processes that have mapped this page; counted by them */
    uint64_t reserved[4];
    struct sw_link_fault_way ways[SW_LINK_FAULT_DIRECTIONS][SW_LINK_FAULT_ROWS];
    uint8_t end[4032];
};

static_assert(offsetof(struct sw_link_fault_way, loss) == 8, "the twin counts on it");
static_assert(offsetof(struct sw_link_fault_way, delay_us) == 16, "the twin counts on it");
static_assert(offsetof(struct sw_link_fault_way, passed) == 32, "the twin counts on it");
static_assert(sizeof(struct sw_link_fault_way) == 64, "the twin counts on it");
static_assert(offsetof(struct sw_link_fault_page, seed) == 16, "the twin counts on it");
static_assert(offsetof(struct sw_link_fault_page, attached) == 24, "the twin counts on it");
static_assert(offsetof(struct sw_link_fault_page, ways) == 64, "the twin counts on it");
static_assert(sizeof(struct sw_link_fault_page) == SW_LINK_FAULT_PAGE_SIZE, "three pages");

struct sw_link_fault; /* opaque */

/* `page`, `env` and what `handler` points to are borrowed and outlive it. */
struct sw_link_fault *sw_link_fault_new(struct sw_link_fault_page *page,
                                        const struct sw_env *env,
                                        struct sw_link_handler handler);
void sw_link_fault_free(struct sw_link_fault *fault); /* accepts NULL; what is held is lost */
/* For the real link, which may be made with it. */
struct sw_link_handler sw_link_fault_handler(struct sw_link_fault *fault);
/* For the node: everything that it sends goes to `link` (borrowed) in the end. */
struct sw_link *sw_link_fault_wrap(struct sw_link_fault *fault, struct sw_link *link);
/* Lets go of what is due, both ways. Once every turn, after the real link's own poll. */
void sw_link_fault_poll(struct sw_link_fault *fault);
/* Until something is due; UINT64_MAX = nothing is held. */
uint64_t sw_link_fault_wait_ms(const struct sw_link_fault *fault);

#endif
