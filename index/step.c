/* Work that waits, in pieces of bounded cost: which comes first, and what ends it. */
#include "base/assert.h"
#include "index/index_private.h"

uint32_t sw__place_cost(const struct sw_index *index, const struct sw__pivots *pivots)
{
    const uint32_t records = 150; /* three written, four read */
    const uint32_t rows = sw__pivots_count(pivots) / 8 + 64;

    return records + rows * index->dim / 1024;
}

bool sw__working(const struct sw_index *index)
{
    uint32_t target;

    return sw__reclaim_due(index) || index->draining > 0 || index->overfull > 0 ||
           index->state.task.phase != SW__PHASE_IDLE || sw__train_due(index, &target) ||
           sw__lower_due(index);
}

/* One piece; space first, because others wait for it, and a split only when nothing moves. */
static enum sw_err piece(struct sw_index *index, uint32_t *cost)
{
    uint32_t target = 0;

    if (sw__reclaim_due(index)) {
        return sw__reclaim_step(index, cost);
    }
    if (index->draining > 0) {
        return sw__drain_step(index, cost);
    }
    if (index->state.task.phase != SW__PHASE_IDLE) {
        return sw__train_step(index, cost);
    }
    if (sw__train_due(index, &target)) {
        sw__train_begin(index, target);
        return SW_ERR_OK;
    }
    return index->overfull > 0 ? sw__split_step(index, cost) : sw__lower_step(index, cost);
}

enum sw_err sw_index_step(struct sw_index *index, uint32_t budget, bool *ret_working)
{
    uint32_t spent = 0;
    enum sw_err err = SW_ERR_OK;

    SW_ASSERT(index->open);
    if (index->broken) {
        return sw__corrupt(index, "load it again after an error");
    }
    while (err == SW_ERR_OK && spent < budget && sw__working(index)) {
        uint32_t cost = 1;

        err = piece(index, &cost);
        spent += cost;
    }
    if (err == SW_ERR_OK) {
        *ret_working = sw__working(index);
    }
    return err;
}

enum sw_err sw_index_train(struct sw_index *index, uint32_t buckets)
{
    SW_ASSERT(index->open);
    if (index->state.task.phase != SW__PHASE_IDLE || index->state.previous != 0) {
        return SW_ERR_BUSY;
    }
    sw__train_begin(index, buckets);
    return SW_ERR_OK;
}
