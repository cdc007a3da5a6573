/* What a node promised before the cut, and whether the directory that is left keeps it. */
#ifndef SW_TESTS_FAULT_POWER_CHECK_H
#define SW_TESTS_FAULT_POWER_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "jepsen/fault/journal.h"
#include "tests/fault/power_script.h"

enum { POWER_WHY_SIZE = 256 };

struct power_truth; /* of a whole recording: every entry, and the digest behind each of them */

/* NULL with the reason if the recording makes no sense. `journal` is borrowed and outlives it. */
struct power_truth *power_truth_new(const struct sw_journal *journal,
                                    const struct power_script *script,
                                    char why[POWER_WHY_SIZE]);
void power_truth_free(struct power_truth *truth);

/* Had the node, behind the first `count` records, all that it needs to vote? */
bool power_may_vote(const struct power_truth *truth, size_t count);

struct power_found {
    uint64_t entries;  /* of the log, compared with what was asked */
    uint64_t replayed; /* of them, executed on the store */
    bool settled;      /* it might vote */
};

/* Opens what is below `root` as a node would, and compares it with what was promised in the first
 * `count` records. The directory is a copy: opening repairs it. With `run` a whole node is started
 * in it afterwards, has to lead, and answers from its state. */
bool power_check(const struct power_truth *truth,
                 size_t count,
                 const char *root,
                 bool run,
                 struct power_found *ret_found,
                 char why[POWER_WHY_SIZE]);

#endif
