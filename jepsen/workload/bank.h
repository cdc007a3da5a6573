/* The two ways to keep the accounts of a branch have this in common. */
#ifndef SW_JEPSEN_WORKLOAD_BANK_H
#define SW_JEPSEN_WORKLOAD_BANK_H

#include "jepsen/workload/update.h"

enum { SW_BANK_ACCOUNTS = 8, SW_BANK_OPENING = 100 };

struct sw_transfer {
    uint64_t branch;
    uint64_t from, to, amount;
    uint64_t unique;
};

enum sw_bank_found { SW_BANK_MISSING, SW_BANK_FOUND, SW_BANK_CORRUPT };

/* Branches with a key for each account. Inside the operation under way, like sw_update. */
struct sw_updated sw_bank_move_accounts(struct sw_worker *worker,
                                        const struct sw_transfer *transfer);
enum sw_bank_found sw_bank_read_accounts(struct sw_worker *worker,
                                         uint64_t branch,
                                         uint64_t ret_balances[SW_BANK_ACCOUNTS],
                                         enum swarm_status *ret_status);

#endif
