/* Seeds for hours: totals and the next seed live in a state file, so that a campaign goes on where
 * it was interrupted. */
#ifndef SW_TESTS_SIM_CAMPAIGN_H
#define SW_TESTS_SIM_CAMPAIGN_H

#include "tests/sim/runner.h"

struct sim_campaign {
    uint32_t minutes;
    uint32_t rounds;   /* ends it as well; 0 = the time alone does */
    const char *state; /* path; NULL = nothing is kept */
    bool keep_going;   /* after a failing seed */
    bool mode[2];      /* [enum sim_mode_kind] */
};

/* The exit code: not 0 if any seed failed, now or in what the state file tells of. */
int sim_campaign_run(const struct sim_options *options, const struct sim_campaign *campaign);

#endif
