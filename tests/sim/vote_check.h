/* Judge of votes: in each life and across all of them a node gives one vote a term (Raft
 * paper 5.2). Looks at what nodes send; found here is what becomes two leaders only with more bad
 * luck. */
#ifndef SW_TESTS_SIM_VOTE_CHECK_H
#define SW_TESTS_SIM_VOTE_CHECK_H

#include <stdint.h>

#include "base/span.h"

struct sim_votes; /* of one world */

struct sim_vote {
    uint32_t from; /* who votes */
    uint32_t group;
    uint64_t term;
    uint32_t to; /* whom for */
};

struct sim_votes *sim_votes_new(void);
void sim_votes_free(struct sim_votes *votes); /* accepts NULL */
/* Takes note of a message between nodes. The earlier vote that this one contradicts, or NULL. */
const struct sim_vote *
sim_votes_see(struct sim_votes *votes, uint32_t from, uint32_t to, struct sw_span message);

#endif
