/* Clients that write and read registers, one operation of each under way at a time, while something
 * is done to the swarm; what they see is judged at once (chaos_check.h) and, if wanted, written
 * down for swarm-check as the workload `register`.
 *
 * One thread of its own; callbacks only hand it the result. */
#ifndef SW_TOOLS_CHAOS_RECORD_H
#define SW_TOOLS_CHAOS_RECORD_H

#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"
#include "client/include/swarm.h"
#include "tools/chaos_check.h"

struct sw_chaos_record_config {
    struct swarm_options options; /* of each client; its pool is set by us */
    uint32_t clients, keys, rate; /* at most SW_CHAOS_KEYS_MAX keys */
    uint64_t seed;
    const char *history; /* path of a new file; NULL: none */
};

struct sw_chaos_verdict {
    struct sw_chaos_check check;
    uint64_t done, refused, unknown; /* operations */
    uint64_t longest_gap_ms;         /* between two that were done */
    uint64_t unread;                 /* keys whose last read was not answered */
};

struct sw_chaos_record;

enum sw_err sw_chaos_record_start(const struct sw_chaos_record_config *config,
                                  struct sw_chaos_record **ret_record,
                                  char ret_why[SW_WHY_SIZE]);
/* Lets what is under way end, reads every key once more, ends and frees. `ret_verdict` is large.
 * False if the history could not be written. */
bool sw_chaos_record_stop(struct sw_chaos_record *record, struct sw_chaos_verdict *ret_verdict);

#endif
