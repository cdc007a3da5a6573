/* What the applier's source files share: its object, a group's place in it, and the jobs.
 *
 * The worker's half is touched by `run` only, the loop's half by submission and `done` only; a job
 * carries everything that crosses. */
#ifndef SW_NODE_APPLIER_PRIVATE_H
#define SW_NODE_APPLIER_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include "node/applier.h"
#include "node/apply.h"
#include "node/transfer.h"

struct sw__applier_group {
    struct sw_state state;
    struct sw_export export_;
    struct sw_import import_;
};

struct sw__applier_job;

struct sw__applier_group_clock {
    struct sw_group_id group;
    struct sw_applier_clock clock;
    struct sw_touched touched;    /* since somebody asked */
    struct sw_settings *settings; /* owned */
    uint64_t settings_version;
};

/* Searches that are answered together, from one view of the store. */
struct sw__view {
    struct sw_job job; /* of the second worker */
    struct sw_applier *applier;
    struct sw__applier_job *searches; /* owned */
    struct sw_group_id group;
    uint64_t revision;
    struct sw_store_reader *reader; /* NULL: there is none */
    uint64_t rest_until_ms;         /* no other commit for the sake of searches before that */
    enum sw_err err;                /* of the store: its bytes cannot be trusted */
    char why[SW_WHY_SIZE];
    struct sw_vectors vectors; /* what it learned, for the next view */
    struct sw_group_id vectors_group;
};

struct sw_applier {
    struct sw_applier_config config; /* borrowed ports, see applier.h */

    /* The worker's half. */
    struct sw__applier_group **groups; /* owned, each too */
    uint32_t group_count;
    bool uncommitted;        /* entries executed since the last commit */
    uint64_t uncommitted_at; /* env time of the first of them */
    uint64_t uncommitted_bytes;
    bool failed;           /* nothing is executed or answered with data any more */
    enum sw_err fail_err;  /* written before `failed` jobs are handed back, then constant, */
    char why[SW_WHY_SIZE]; /* so the loop may read both */
    struct sw_applier_stats counted;

    struct sw__view view; /* of whoever has its job */

    /* The loop's half. */
    struct sw__applier_job *long_first; /* owned: searches for the next view */
    struct sw__applier_job *long_last;
    bool view_busy;
    bool searches_ended;
    struct sw__applier_group_clock *clocks; /* owned; one a group that had a job */
    uint32_t clock_count;
    uint32_t pending;
    uint32_t entry_count; /* of the jobs that are entries */
    uint64_t entry_size;
    bool tick_pending;
    bool fatal_told;
    struct sw_applier_stats stats;
};

enum sw__applier_job_kind {
    SW__JOB_ENTRY,
    SW__JOB_READ,
    SW__JOB_FLUSH,
    SW__JOB_EXPORT,
    SW__JOB_EXPORT_STOP,
    SW__JOB_IMPORT,
    SW__JOB_TICK,
    SW__JOB_VIEW_OPEN,
    SW__JOB_VIEW_CLOSE,
};

/* Input and output of one job; freed in `done`. */
struct sw__applier_job {
    struct sw_job job; /* first: a sw_job is cast back to this */
    struct sw_applier *applier;
    enum sw__applier_job_kind kind;
    struct sw_group_id group;
    uint64_t token;
    uint64_t index, term, digest;
    enum sw_err err;
    bool complete;
    bool is_long;                  /* a search: the second worker's */
    struct sw__applier_job *later; /* the next of a list of searches */
    bool fatal; /* the applier had failed when this job ended: `fail_err` and `why` are final */
    struct sw_command_result *results; /* owned */
    uint32_t result_count;
    struct sw_author author;
    struct sw_request request; /* spans into `bytes` */
    uint64_t deadline_ms;      /* of a read: not started after it */
    struct sw_reply reply;     /* records in `out` */
    struct sw_buf out;         /* owned */
    struct sw_applier_stats stats;
    struct sw_applier_clock clock; /* of the group, after the job */
    struct sw_touched touched;     /* by the job */
    struct sw_settings *settings;  /* owned; NULL = as before the job */
    struct sw_span input;          /* into `bytes` */
    uint8_t bytes[];               /* copy of what was submitted */
};

/* applier.c */
void sw__applier_fail(struct sw_applier *applier, enum sw_err err);
bool sw__applier_commit(struct sw_applier *applier);
/* False if its author may not, or it is too late: then the reply says so. */
bool sw__applier_read_allowed(struct sw_applier *applier,
                              struct sw__applier_group *group,
                              struct sw__applier_job *job);
void sw__applier_submit(struct sw_applier *applier,
                        enum sw__applier_job_kind kind,
                        struct sw_group_id group);
/* Answers a read, which is over. */
void sw__applier_read_over(struct sw__applier_job *job);

/* applier_view.c */
void sw__view_open(struct sw_applier *applier, struct sw__applier_group *group);
void sw__view_opened(struct sw_applier *applier);
void sw__view_close(struct sw_applier *applier);
/* A search that was too long for the applier's own thread. */
void sw__view_wait(struct sw_applier *applier, struct sw__applier_job *search);
/* Opens the next view if it is time to. */
void sw__view_next(struct sw_applier *applier);

#endif
