/* A reply as the caller of libswarm gets it: one block of memory with everything in it. Pure. */
#ifndef SW_CLIENT_RESULT_H
#define SW_CLIENT_RESULT_H

#include "client/include/swarm.h"
#include "transport/proto.h"

/* Copies all of `reply`; its records must decode (those of a decoded reply do). An error without a
 * detail gets the text of the error table. `op`: what it answers. */
struct swarm_result *sw_result_new(const struct sw_reply *reply, enum swarm_op op);

#endif
