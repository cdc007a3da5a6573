/* One script, recorded and cut at each of its points. */
#ifndef SW_TESTS_FAULT_POWER_CUT_H
#define SW_TESTS_FAULT_POWER_CUT_H

#include <stdbool.h>
#include <stdint.h>

#include "jepsen/fault/control.h"
#include "jepsen/fault/cut.h"
#include "tests/fault/power_script.h"

struct power_options {
    const char *script; /* NULL = all of them */
    const char *plant;  /* NULL = no bug but our own */
    uint64_t first_round, rounds;
    bool all;
    bool bites;
    bool failures;
    bool quiet;
    bool one;   /* the three below say which */
    bool again; /* and then everything of the second life, too */
    uint64_t at;
    enum sw_cut_policy policy;
    uint64_t seed;
};

struct power_verdict {
    const char *script; /* the last one */
    bool recorded;      /* it came to its end, and makes sense */
    bool kept;          /* all its promises */
    uint64_t cuts;      /* of all scripts */
};

/* A call of the C library that fails, once: the one behind `skip` others of its kind. */
struct power_failure {
    const char *name;
    enum sw_fault_rule_id rule;
    int error;
    uint64_t value;
    uint64_t skip;
    bool final; /* whoever meets it must stop */
};

struct power_failure_verdict {
    bool struck;  /* there was such a call */
    bool stopped; /* the node, or its start, because of it */
};

/* Records the script with the failure; then neither the death of the process nor that of the power
 * may have broken a promise. */
bool power_run_failure(const struct power_script *script,
                       uint64_t round,
                       const struct power_options *options,
                       const struct power_failure *failure,
                       struct power_failure_verdict *ret_verdict);

/* True if it was recorded and every promise was kept; adds to the verdict's counts. */
bool power_run_script(const struct power_script *script,
                      uint64_t round,
                      const struct power_options *options,
                      struct power_verdict *ret_verdict);
/* What the program is called with to record: script, root, round, bugs. */
#define POWER_RECORD_FLAG "--record"

#endif
