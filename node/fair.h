/* Whose turn it is: work that waits, by what it is and by who asks for it.
 *
 * Each kind of work (a class) has a queue of its own, so that a flood of one does not hold up the
 * others. Within a class every identity has a lane, first in, first out, and the lanes take turns
 * by deficit round robin (Shreedhar and Varghese, 1995): each turn a lane may spend a quantum of
 * cost, so who asks for a thousand things waits for a thousand, and who asks for one waits for one
 * turn of the others. It is by identity and not by connection, so many connections gain nothing.
 *
 * A lane whose oldest work has waited for longer than SW_FAIR_AGE_NS, and went on so for
 * SW_FAIR_PATIENCE_NS, is late (CoDel's rule: a queue that is long for a moment is a burst, one
 * that stays long is overload): its owner is refused more until it has caught up. Others, whose
 * lanes move, are not. Pure bookkeeping; items are the caller's. */
#ifndef SW_NODE_FAIR_H
#define SW_NODE_FAIR_H

#include <stdbool.h>
#include <stdint.h>

enum sw_fair_class {
    SW_FAIR_LEASE, /* writes that keep what others rely on alive, and that make room */
    SW_FAIR_WRITE,
    SW_FAIR_READ,
    SW_FAIR_WATCH, /* looks of watchers */
    SW_FAIR_SCAN,  /* reads that walk */
    SW_FAIR_ADMIN, /* what is about the node or its members: never queued */
    SW_FAIR_CLASS_COUNT
};

enum { SW_FAIR_ID_SIZE = 16, SW_FAIR_BUCKET_COUNT = 1024 };

#define SW_FAIR_AGE_NS      50000000ULL
#define SW_FAIR_PATIENCE_NS 100000000ULL
#define SW_FAIR_COMPANY_NS  1000000000ULL

struct sw_fair_lane;

/* Part of the caller's request; zeroed = not queued. */
struct sw_fair_item {
    struct sw_fair_item *next, *previous;
    struct sw_fair_lane *lane; /* NULL = not queued */
    uint32_t cost;
    uint64_t since_ns;
};

struct sw_fair_flow;

struct sw_fair_lane {
    struct sw_fair_flow *flow;
    enum sw_fair_class of;
    struct sw_fair_item *first, *last;
    struct sw_fair_lane *next, *previous; /* the ring of lanes with work */
    int64_t deficit;                      /* cost that it may spend in this turn */
    uint64_t late_since_ns;               /* 0 = its oldest is young enough */
};

/* One identity, while it has work admitted. */
struct sw_fair_flow {
    uint8_t id[SW_FAIR_ID_SIZE];
    uint32_t places;   /* admitted and not over */
    uint32_t watching; /* of these, watches: they only wait; the caller counts them */
    struct sw_fair_lane lanes[SW_FAIR_CLASS_COUNT];
    struct sw_fair_flow *next; /* in its bucket */
};

struct sw_fair_queue {
    struct sw_fair_lane *turn; /* whose turn it is; NULL = nothing waits */
    uint32_t count;
    int64_t credit; /* of sw_fair_take_read: cost that the class may spend in its turn */
};

/* Zeroed = empty. */
struct sw_fair {
    struct sw_fair_flow *buckets[SW_FAIR_BUCKET_COUNT]; /* owned */
    uint32_t flow_count;
    struct sw_fair_queue queues[SW_FAIR_CLASS_COUNT];
    uint32_t read_turn;               /* which class of reads has its turn */
    uint8_t last_id[SW_FAIR_ID_SIZE]; /* who asked last, */
    uint64_t last_ns;                 /* and when; 0 = nobody yet */
    uint64_t company_until_ns;        /* see sw_fair_in_company */
};

void sw_fair_release(struct sw_fair *fair); /* nothing is queued any more */

/* NULL: that identity has nothing under way. */
struct sw_fair_flow *sw_fair_find(const struct sw_fair *fair, const uint8_t id[SW_FAIR_ID_SIZE]);
/* Takes a place for something of that identity; the flow lives at least as long. */
struct sw_fair_flow *
sw_fair_enter(struct sw_fair *fair, const uint8_t id[SW_FAIR_ID_SIZE], uint64_t now_ns);
void sw_fair_leave(struct sw_fair *fair, struct sw_fair_flow *flow);

void sw_fair_push(struct sw_fair *fair,
                  struct sw_fair_flow *flow,
                  enum sw_fair_class of,
                  struct sw_fair_item *item,
                  uint64_t now_ns);
/* What comes next in that class: stays there. NULL: nothing waits. The same until something changes
 * in the class. */
struct sw_fair_item *sw_fair_peek(struct sw_fair *fair, enum sw_fair_class of);
/* Takes what sw_fair_peek gives, and lets its owner pay. */
struct sw_fair_item *sw_fair_take(struct sw_fair *fair, enum sw_fair_class of);
/* The next of all reads. While all of them wait, simple reads get two thirds of the cost, looks of
 * watchers and scans a sixth each: a flood of one delays the others, it does not stop them. */
struct sw_fair_item *sw_fair_take_read(struct sw_fair *fair);
/* Takes it out unpaid: it is over before its turn came. No-op if it is not queued. */
void sw_fair_remove(struct sw_fair *fair, struct sw_fair_item *item);
/* What was taken turned out to cost more than it said. */
void sw_fair_charge(struct sw_fair_flow *flow, enum sw_fair_class of, uint32_t cost);

/* How long the oldest work of that lane, or of the class, has waited. */
uint64_t sw_fair_lane_age_ns(const struct sw_fair_lane *lane, uint64_t now_ns);
uint64_t sw_fair_age_ns(const struct sw_fair *fair, enum sw_fair_class of, uint64_t now_ns);
/* Is the lane late? Notes when it begins to be: ask whenever something comes. */
bool sw_fair_late(struct sw_fair_lane *lane, uint64_t now_ns);
/* More than one identity has asked for something within SW_FAIR_COMPANY_NS. Who asks now and then,
 * and is served at once, has nothing under way most of the time: what it finds when it comes was
 * let in while nobody else was there, so that has to be bounded before. */
bool sw_fair_in_company(const struct sw_fair *fair, uint64_t now_ns);

#endif
