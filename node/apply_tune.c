/* What is decided about an index, by the log: the budget of its searches and the bits of its
 * vectors, the same on every replica from one revision on. */
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

enum sw_err sw__index_lower(struct sw__apply *apply,
                            const struct sw_request *request,
                            struct sw_command_result *result)
{
    const struct sw_place place = sw__place_of(request);
    struct sw_state *state = apply->state;
    struct sw_vectors_index *index = sw_vectors_find(&state->vectors, &place, request->key);
    struct sw_index_precision precision = {0};
    uint32_t bits = 0;
    enum sw_err err;

    result->revision = state->revision;
    result->err = sw_vector_bits_decode(request->value, &bits);
    if (result->err == SW_ERR_OK && index == NULL) {
        result->err = SW_ERR_NO_INDEX;
    }
    if (result->err == SW_ERR_OK) {
        result->err = sw_index_precision(index->index, SW_VECTORS_SLICE, &precision);
    }
    if (result->err == SW_ERR_OK && bits >= precision.bits) {
        result->err = SW_ERR_CONFLICT;
        result->value = precision.bits;
    }
    if (result->err != SW_ERR_OK) {
        return SW_ERR_OK;
    }
    state->revision++;
    result->revision = state->revision;
    index->apply = apply;
    err = sw_index_lower(index->index, SW_VECTORS_SLICE, bits);
    sw__vectors_note(state, index);
    SW_ASSERT(err != SW_ERR_INVALID && err != SW_ERR_NOT_FOUND); /* it was looked at */
    return err;
}
