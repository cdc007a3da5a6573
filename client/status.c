/* The public codes are the error table: checked here, row by row, at compile time. */
#include "base/err.h"
#include "client/include/swarm.h"

#define X(name, number, outcome, retry, exit_code, text, hint) \
    _Static_assert((int)SWARM_##name == (number), "swarm_status.h says the same as base/err.h");
SW_ERR_TABLE(X)
#undef X

const char *swarm_strerror(enum swarm_status status)
{
    return sw_err_text((enum sw_err)status);
}

const char *swarm_hint(enum swarm_status status)
{
    return sw_err_info((enum sw_err)status)->hint;
}

const char *swarm_status_name(enum swarm_status status)
{
    return sw_err_name((enum sw_err)status);
}

enum swarm_outcome swarm_outcome(enum swarm_status status)
{
    switch (sw_err_outcome((enum sw_err)status)) {
    case SW_OUTCOME_DONE:
        return SWARM_DONE;
    case SW_OUTCOME_NOT_DONE:
        return SWARM_NOT_DONE;
    case SW_OUTCOME_UNKNOWN:
        break;
    }
    return SWARM_UNKNOWN;
}

bool swarm_retryable(enum swarm_status status)
{
    return sw_err_info((enum sw_err)status)->retry != SW_RETRY_NEVER;
}

bool swarm_maybe_committed(enum swarm_status status)
{
    return swarm_outcome(status) == SWARM_UNKNOWN;
}

bool swarm_retryable_not_committed(enum swarm_status status)
{
    return swarm_retryable(status) && swarm_outcome(status) == SWARM_NOT_DONE;
}
