/* Which points of the product (base/point.h) the runs came by: a branch that no seed ever took is a
 * branch that nothing here has tested. Counted in memory that child processes share. */
#ifndef SW_TESTS_SIM_MARKS_H
#define SW_TESTS_SIM_MARKS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "tests/sim/plan.h"

struct sim_mark {
    const char *name; /* of the product, lives for ever */
    bool buggify;
    uint64_t met[2]; /* [enum sim_mode_kind]: passed, or for BUGGIFY said yes */
};

/* Once, before any child process is made. */
void sim_marks_share(void);
/* Adds what the points of this process counted since sw_points_begin, and silences them. */
void sim_marks_gather(enum sim_mode_kind mode);
/* Totals by name, sorted; the count. `ret_marks` is owned by this module until the next call. */
uint32_t sim_marks_list(const struct sim_mark **ret_marks);
/* What an earlier process of a campaign counted; unknown names are of older builds: ignored. */
void sim_marks_add(const char *name, const uint64_t met[2]);
/* One line of totals and the names that were never met; all counts if `all`. */
void sim_marks_print(bool all, FILE *out);

/* A list of marks that must be met, one a line: "NAME WHERE,WHERE"; # begins a comment. WHERE is
 * the name of a run: raft, node (the plain seeds), what --as says, or `elsewhere`, with a reason.
 */
struct sim_marks_ran {
    bool mode[2];   /* plain seeds of this mode */
    const char *as; /* a name of its own; NULL = none */
};

/* False, with complaints on `out`, if a mark was not met where the list says so or is no more. One
 * that the list lacks is only noted. */
bool sim_marks_expect(const char *path, const struct sim_marks_ran *ran, FILE *out);

#endif
