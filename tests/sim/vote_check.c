/* Votes as messages show them: a granted RequestVote is a vote, and so is a candidate's own. */
#include "tests/sim/vote_check.h"

#include <stdlib.h>

#include "base/assert.h"
#include "raft/wire.h"

struct sim_votes {
    struct sim_vote *items; /* owned; in the order of their appearance */
    size_t count, capacity;
};

struct sim_votes *sim_votes_new(void)
{
    struct sim_votes *votes = calloc(1, sizeof(*votes));

    SW_ASSERT(votes != NULL);
    return votes;
}

void sim_votes_free(struct sim_votes *votes)
{
    if (votes != NULL) {
        free(votes->items);
        free(votes);
    }
}

/* Newest first: terms grow, so what a new vote could contradict is near the end. */
static const struct sim_vote *vote_take(struct sim_votes *votes, struct sim_vote vote)
{
    for (size_t i = votes->count; i > 0; i--) {
        const struct sim_vote *old = &votes->items[i - 1];

        if (old->from == vote.from && old->group == vote.group && old->term == vote.term) {
            return old->to == vote.to ? NULL : old;
        }
    }
    if (votes->count == votes->capacity) {
        votes->capacity = votes->capacity == 0 ? 64 : votes->capacity * 2;
        votes->items = realloc(votes->items, votes->capacity * sizeof(*votes->items));
        SW_ASSERT(votes->items != NULL);
    }
    votes->items[votes->count++] = vote;
    return NULL;
}

const struct sim_vote *
sim_votes_see(struct sim_votes *votes, uint32_t from, uint32_t to, struct sw_span message)
{
    const uint8_t kind = sw_wire_kind(message);
    struct sim_vote vote = {.from = from, .to = to};
    struct raft_message decoded;
    bool given;

    if ((kind != SW_WIRE_VOTE && kind != SW_WIRE_VOTE_RESULT) ||
        sw_wire_decode(message, &decoded) != SW_ERR_OK) {
        return NULL;
    }
    vote.group = sw_wire_group(message).value;
    if (decoded.type == RAFT_IO_REQUEST_VOTE) {
        vote.term = decoded.request_vote.term;
        vote.to = from;
        given = !decoded.request_vote.pre_vote;
    } else {
        vote.term = decoded.request_vote_result.term;
        given = decoded.request_vote_result.vote_granted &&
                decoded.request_vote_result.pre_vote != raft_tribool_true;
    }
    sw_wire_free(&decoded);
    return given ? vote_take(votes, vote) : NULL;
}
