/* When to try again. */
#include "client/retry.h"

#include "base/assert.h"

static void fill(uint32_t *field, uint32_t value)
{
    if (*field == 0) {
        *field = value;
    }
}

struct sw_retry_policy sw_retry_policy_fill(struct sw_retry_policy policy)
{
    fill(&policy.base_ms, 20);
    fill(&policy.cap_ms, 2000);
    fill(&policy.seek_cap_ms, 100);
    fill(&policy.attempts_max, 8);
    fill(&policy.attempt_timeout_ms, 1000);
    fill(&policy.breaker_failures, 5);
    fill(&policy.breaker_open_ms, 3000);
    return policy;
}

uint32_t sw_retry_bound_ms(uint32_t base_ms, uint32_t cap_ms, uint32_t attempt)
{
    uint64_t bound = base_ms;

    for (uint32_t i = 0; i < attempt && bound < cap_ms; i++) {
        bound *= 2;
    }
    return bound < cap_ms ? (uint32_t)bound : cap_ms;
}

uint32_t sw_retry_pause_ms(uint32_t base_ms, uint32_t cap_ms, uint32_t attempt, uint64_t random)
{
    const uint64_t bound = sw_retry_bound_ms(base_ms, cap_ms, attempt);

    return (uint32_t)(random % (bound + 1));
}

bool sw_request_repeatable(const struct sw_request *request)
{
    switch (request->op) {
    case SW_OP_GET:
    case SW_OP_SCAN:
    case SW_OP_EXPERIENCE_SCAN:
    case SW_OP_MULTI_GET:
    case SW_OP_LEASE_LIST:
    case SW_OP_WATCH:
    case SW_OP_INDEX_LIST:
    case SW_OP_INDEX_STATUS:
    case SW_OP_INDEX_VERIFY:
    case SW_OP_VECTOR_SEARCH:
    case SW_OP_STATUS:
    case SW_OP_MEMBER_LIST:
    case SW_OP_SESSION_OPEN: /* by its nonce */
    case SW_OP_SESSION_CLOSE:
    case SW_OP_OUTCOME:
    case SW_OP_SESSION_LIST:
    case SW_OP_HISTORY:
    case SW_OP_MEMORY_AGENTS:
    case SW_OP_INDEX_PLACES:
    case SW_OP_LEASE_KEEP_ALIVE: /* twice is as good as once, */
    case SW_OP_COMPACT:          /* and so is this */
        return true;
    case SW_OP_PUT:
    case SW_OP_DELETE:
    case SW_OP_CAS:
    case SW_OP_EXPERIENCE_APPEND:
    case SW_OP_TXN:
    case SW_OP_LEASE_GRANT:
    case SW_OP_LEASE_REVOKE:
    case SW_OP_SETTING_PUT:
    case SW_OP_SETTING_DELETE:
    case SW_OP_INDEX_CREATE:
    case SW_OP_INDEX_DROP:
    case SW_OP_INDEX_TUNE:
    case SW_OP_INDEX_LOWER:
    case SW_OP_VECTOR_PUT:
    case SW_OP_CONTEXT_CREATE:
    case SW_OP_CONTEXT_APPEND:
    case SW_OP_CONTEXT_WINDOW:
    case SW_OP_CONTEXT_DELETE:
    case SW_OP_CONTEXT_PRUNE:
    case SW_OP_MEMORY_PUT:
    case SW_OP_MEMORY_USE:
    case SW_OP_MEMORY_FORGET:
    case SW_OP_MEMORY_TEND:
    case SW_OP_CONTEXT_TOUCH:
    case SW_OP_CONTEXT_POLICY:
    case SW_OP_CONTEXT_RESTORE:
        return request->session.value != 0;
    case SW_OP_TRANSFER: /* twice may move the leader twice */
    case SW_OP_SNAPSHOT:
    case SW_OP_TICK:         /* no client's, */
    case SW_OP_AUDIT:        /* nor this */
    case SW_OP_TOKEN_REDEEM: /* the second time there is no such token */
    case SW_OP_MEMBER_ADD:   /* whoever asked looks first at what has become of it */
    case SW_OP_MEMBER_PROMOTE:
    case SW_OP_MEMBER_DEMOTE:
    case SW_OP_MEMBER_REMOVE:
    case SW_OP_RESTART: /* twice would restart it twice */
    case SW_OP_COUNT:
        break;
    }
    return false;
}

enum sw_retry_step sw_retry_decide(const struct sw_retry_policy *policy,
                                   const struct sw_request *request,
                                   enum sw_err err,
                                   uint32_t sent,
                                   uint32_t put_off)
{
    SW_ASSERT(sent > 0);
    if (err == SW_ERR_NO_LEADER) {
        return SW_RETRY_STEP_SEEK;
    }
    if (err == SW_ERR_SESSION_EXPIRED) {
        /* The only try was refused, so the write never ran; after a second one nobody can tell. */
        return sent == 1 && request->seq != 0 && request->op != SW_OP_OUTCOME
                   ? SW_RETRY_STEP_REOPEN
                   : SW_RETRY_STEP_FINISH;
    }
    switch (sw_err_info(err)->retry) {
    case SW_RETRY_LATER:
        return put_off + 1 < policy->attempts_max ? SW_RETRY_STEP_PAUSE : SW_RETRY_STEP_FINISH;
    case SW_RETRY_OTHER_NODE:
        return SW_RETRY_STEP_SEEK;
    case SW_RETRY_SAME_SESSION:
        return sw_request_repeatable(request) ? SW_RETRY_STEP_SEEK : SW_RETRY_STEP_FINISH;
    case SW_RETRY_NEVER:
        break;
    }
    return SW_RETRY_STEP_FINISH;
}

enum sw_err sw_retry_verdict(const struct sw_request *request, enum sw_err err, bool maybe)
{
    const bool write = (sw_op_is_write(request->op) && request->op != SW_OP_OUTCOME) ||
                       request->op == SW_OP_TRANSFER || request->op == SW_OP_SNAPSHOT ||
                       (request->op >= SW_OP_MEMBER_ADD && request->op <= SW_OP_MEMBER_REMOVE);

    if (!write) {
        return err;
    }
    if (!maybe || sw_err_outcome(err) != SW_OUTCOME_NOT_DONE) {
        return err;
    }
    /* Inside a session these are the stored answer of the write itself. */
    if (request->seq != 0 &&
        (err == SW_ERR_CONFLICT || err == SW_ERR_NOT_FOUND || err == SW_ERR_WRONG_TYPE ||
         err == SW_ERR_OUT_OF_RANGE || err == SW_ERR_LEASE_GONE || err == SW_ERR_NOT_COMMITTED ||
         err == SW_ERR_QUOTA)) {
        return err;
    }
    return SW_ERR_UNKNOWN_OUTCOME;
}
