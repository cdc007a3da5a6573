/* The command line. */
#ifndef SW_JEPSEN_WORKLOAD_OPTIONS_H
#define SW_JEPSEN_WORKLOAD_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sw_options {
    const char *workload; /* all texts are borrowed from argv */
    const char *config;
    const char *endpoints; /* NULL: those of the configuration */
    const char *history;
    uint64_t seed;
    uint32_t processes;
    uint32_t rate; /* operations a second, of all workers together */
    uint32_t seconds;
    uint32_t keys;
    uint32_t timeout_ms; /* of one operation, with all its requests */
    uint64_t epoch_ns;   /* 0: the start of this program */
    uint32_t pinned;     /* workers that reach one node only */
    bool list;           /* the verb `list`; with --config and --history `list` is the workload */
    bool final;
    bool json;
};

/* On false `why` holds a sentence. */
bool sw_options_read(
    int argc, char *const *argv, struct sw_options *ret_options, char *why, size_t why_size);

#endif
