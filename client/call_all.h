/* Many requests at one time, for the parts of the library that ask several places. */
#ifndef SW_CLIENT_CALL_ALL_H
#define SW_CLIENT_CALL_ALL_H

#include <stddef.h>

#include "client/include/swarm.h"

/* Submits all of them and waits for all; `ret_results` gets one for each, which the caller frees.
 * Not from a callback: then each is SWARM_INVALID. Where there is one request it is swarm_call. */
void sw_call_all(struct swarm_client *client,
                 const struct swarm_request *requests,
                 size_t count,
                 struct swarm_result **ret_results);

#endif
