/* Credit: absolute positions in both directions. */
#include "transport/credit.h"

#include "base/assert.h"

void sw_credit_init(struct sw_credit *credit, uint64_t window)
{
    SW_ASSERT(window > 0);
    *credit = (struct sw_credit){.granted = window, .window = window};
}

uint64_t sw_credit_left(const struct sw_credit *credit)
{
    return credit->sent <= credit->allowed ? credit->allowed - credit->sent : 0;
}

bool sw_credit_may_send(const struct sw_credit *credit, size_t size)
{
    return size <= sw_credit_left(credit);
}

void sw_credit_charge(struct sw_credit *credit, size_t size)
{
    SW_ASSERT(sw_credit_may_send(credit, size));
    credit->sent += size;
}

void sw_credit_refund(struct sw_credit *credit, size_t size)
{
    SW_ASSERT(size <= credit->sent);
    credit->sent -= size;
}

void sw_credit_allow(struct sw_credit *credit, uint64_t position)
{
    if (position > credit->allowed) {
        credit->allowed = position;
    }
}

enum sw_err sw_credit_receive(struct sw_credit *credit, uint64_t position, size_t size)
{
    if (position < credit->received) {
        return SW_ERR_MALFORMED;
    }
    if (position > credit->granted || size > credit->granted - position) {
        return SW_ERR_BUSY;
    }
    credit->received = position + size;
    return SW_ERR_OK;
}

bool sw_credit_grant_due(const struct sw_credit *credit)
{
    SW_ASSERT(credit->granted >= credit->received);
    return credit->granted - credit->received <= credit->window / 2;
}

uint64_t sw_credit_grant(struct sw_credit *credit)
{
    SW_ASSERT(credit->received + credit->window >= credit->granted);
    credit->granted = credit->received + credit->window;
    return credit->granted;
}
