/* What a recorded run writes between the lines of the journal: what was asked of the log, what the
 * log said was durable, and what a client was told. Up to the cut, those are the promises. */
#ifndef SW_TESTS_FAULT_POWER_MARK_H
#define SW_TESTS_FAULT_POWER_MARK_H

#include <stdint.h>

#include "base/span.h"

enum power_mark_kind {
    POWER_ASKED_ENTRY,      /* a = index, b = term, c = hash; behind it the body */
    POWER_DURABLE_ENTRY,    /* the same, without the body */
    POWER_ASKED_TRUNCATE,   /* a = from index */
    POWER_ASKED_HARD,       /* a = term, b = vote */
    POWER_DURABLE_HARD,     /* the same */
    POWER_ASKED_SNAPSHOT,   /* a = index, b = term, c = first index kept, d = 1: reset */
    POWER_DURABLE_SNAPSHOT, /* the same */
    POWER_ALLOWED,          /* a first start has its permission: it must come to its end */
    POWER_SETTLED,          /* the node may vote from here on */
    POWER_FLUSHED,          /* a = index: the state up to it survives */
    POWER_ASKED_DELETE,     /* a = key: what was acknowledged of it may go */
    POWER_ACKED,            /* a = key, b = value: a client was told that it is written */
};

struct power_mark {
    uint32_t kind;
    uint32_t node;
    uint64_t a, b, c, d;
    uint64_t type; /* of an entry */
};

void power_mark(const struct power_mark *mark, struct sw_span body);
uint64_t power_hash(uint64_t term, uint64_t type, struct sw_span body);

#endif
