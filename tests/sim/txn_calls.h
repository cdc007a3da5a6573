/* Transactions of simulated clients: made at random, and taken apart again for the judge.
 *
 * Each write of a transaction is a call of its own in the history, with a value of its own; all of
 * them stand in one group, which is there as a whole or not at all. The else-branch only reads, so
 * a group of unknown outcome happened once or never. */
#ifndef SW_TESTS_SIM_TXN_CALLS_H
#define SW_TESTS_SIM_TXN_CALLS_H

#include "tests/sim/clients_private.h"

/* The name of a key, as all calls use it. */
struct sw_span sim_key_name(uint32_t key, char name[3]);

/* Makes a transaction for `running`, whose leading call has begun, and begins the calls of its
 * writes. The request's value is appended to `out`. */
void sim_txn_begin(struct sim_running *running, struct sw_buf *out);
/* Ends the calls of the writes and shows every record of the answer to the judge. True if it
 * changed anything; call this before the leading call ends. */
bool sim_txn_end(struct sim_running *running, enum sim_call_end end, const struct sw_reply *reply);
/* The same for a multi-get, which begins nothing. */
void sim_mget_begin(struct sim_running *running, struct sw_buf *out);
void sim_mget_end(struct sim_running *running, const struct sw_reply *reply);

#endif
