/* The budget of an index's searches, by the log: the same on every replica from one revision on. */
#include "base/assert.h"
#include "node/apply_private.h"
#include "node/vectors_private.h"

enum sw_err sw__index_tune(struct sw__apply *apply,
                           const struct sw_request *request,
                           struct sw_command_result *result)
{
    const struct sw_place place = sw__place_of(request);
    struct sw_state *state = apply->state;
    struct sw_vectors_index *index = sw_vectors_find(&state->vectors, &place, request->key);
    struct sw_vector_tuning tuning;

    result->revision = state->revision;
    result->err = sw_vector_tuning_decode(request->value, &tuning);
    if (result->err == SW_ERR_OK && index == NULL) {
        result->err = SW_ERR_NO_INDEX;
    }
    if (result->err != SW_ERR_OK) {
        return SW_ERR_OK;
    }
    SW_ASSERT(index->profile.stored); /* there is this operation since there are profiles */
    state->revision++;
    result->revision = state->revision;
    index->profile.target_permille = tuning.target_permille;
    index->profile.budget = (struct sw_index_budget){.probe_percent = tuning.probe_percent,
                                                     .rerank_tenths = tuning.rerank_tenths};
    return sw__profile_put(apply, index);
}
