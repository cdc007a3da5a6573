/* The known bugs that a chaos build can be asked to have, to show that the tests find each of them.
 * One row a bug: name, what is wrong, in words for people. A site says `if (SW_PLANTED(NAME))`
 * (base/point.h). Which tool finds it, and how fast, stands in docs/TESTING.md. */
#ifndef SW_BASE_PLANTED_H
#define SW_BASE_PLANTED_H

#include <stdbool.h>

#define SW_PLANTED_TABLE(X) X(ACK_BEFORE_SYNC, "a log batch is reported durable without a sync")

#define SW_PLANTED_ENUM_(name, text) SW_PLANTED_##name,
enum sw_planted { SW_PLANTED_TABLE(SW_PLANTED_ENUM_) SW_PLANTED_COUNT };
#undef SW_PLANTED_ENUM_

_Static_assert(SW_PLANTED_COUNT <= 64, "a run's bugs are the bits of one word");

/* "ACK_BEFORE_SYNC"; false if there is no such bug. */
bool sw_planted_by_name(const char *name, enum sw_planted *ret_bug);
const char *sw_planted_name(enum sw_planted bug);
const char *sw_planted_text(enum sw_planted bug);

#endif
