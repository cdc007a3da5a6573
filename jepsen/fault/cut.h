/* A power cut: which of the changes that were not yet synced reached the disk, and which did not.
 *
 * What a file system promises is only this: a synced change is there. Of the rest any may be
 * missing, sector by sector, as long as a later change to the same sector or name did not reach the
 * disk without the earlier one having been there before. */
#ifndef SW_JEPSEN_FAULT_CUT_H
#define SW_JEPSEN_FAULT_CUT_H

#include "jepsen/fault/image.h"
#include "jepsen/fault/journal.h"

enum sw_cut_policy {
    SW_CUT_NONE,   /* nothing that was not synced */
    SW_CUT_PREFIX, /* in the order of the program, up to a random point */
    SW_CUT_RANDOM, /* any sectors, any names */
    SW_CUT_TORN,   /* as prefix, and the last write of it in part */
    SW_CUT_ALL,    /* everything: what the death of the process alone leaves */
    SW_CUT_POLICY_COUNT,
};

const char *sw_cut_policy_name(enum sw_cut_policy policy);
/* False if it is none. */
bool sw_cut_policy_of(const char *name, enum sw_cut_policy *ret_policy);

struct sw_cut_result {
    uint64_t pending; /* changes that were not synced */
    uint64_t undone;  /* of them, whole ones that did not reach the disk */
    uint64_t torn;    /* and in part */
};

/* Takes `image`, as it is behind the first `count` records, to what a cut there leaves of it. */
struct sw_cut_result sw_cut_apply(const struct sw_journal *journal,
                                  size_t count,
                                  enum sw_cut_policy policy,
                                  uint64_t seed,
                                  struct sw_image *image);
/* Takes `image` from behind a record to before it, whatever was synced. */
void sw_cut_step_back(const struct sw_journal_record *record, struct sw_image *image);

#endif
