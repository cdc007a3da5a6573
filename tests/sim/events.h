/* Sets of events of a run's schedule, by number: which happened, which may happen. */
#ifndef SW_TESTS_SIM_EVENTS_H
#define SW_TESTS_SIM_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/rw.h"

/* A long storm of the shortest interval has about 3,600. */
enum { SIM_EVENTS_MAX = 8192 };

struct sim_events {
    uint8_t bits[SIM_EVENTS_MAX / 8];
};

/* An event beyond the bound is an assertion: storms that long need a larger bound. */
void sim_events_add(struct sim_events *events, uint32_t number);
void sim_events_remove(struct sim_events *events, uint32_t number);
bool sim_events_has(const struct sim_events *events, uint32_t number);
uint32_t sim_events_count(const struct sim_events *events);
/* "3,5..9"; "none" is the empty set. */
bool sim_events_parse(const char *text, struct sim_events *ret_events);
/* In that form, closed by a zero. */
void sim_events_write(const struct sim_events *events, struct sw_buf *out);

#endif
