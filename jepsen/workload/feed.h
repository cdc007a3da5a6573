/* Experiences of a partition, as set, session and watch use them: appended, and read page by page.
 */
#ifndef SW_JEPSEN_WORKLOAD_FEED_H
#define SW_JEPSEN_WORKLOAD_FEED_H

#include "jepsen/workload/worker.h"

/* A whole operation `f`: appends a new number to partition `letter<k>`, `[k v]`. */
void sw_feed_append(struct sw_worker *worker, const char *f, const char *letter, uint64_t key);

/* Reads all pages of `request` (a scan) inside the operation under way and prints `[v v ...]`, in
 * the order of the swarm, to the operation's value; damaged ones as :corrupt. Returns how the last
 * page ended. */
enum swarm_status
sw_feed_read_all(struct sw_worker *worker, struct swarm_request request, uint32_t *ret_pages);

/* A whole operation `f`: `[k nil]` to `[k [v ...]]`; false if it was not answered. */
bool sw_feed_read(struct sw_worker *worker, const char *f, enum swarm_op op, uint64_t key);

#endif
