/* What an earlier part of a history has used: the final reads must not reuse its process numbers
 * and must read all its keys. */
#ifndef SW_JEPSEN_WORKLOAD_PAST_H
#define SW_JEPSEN_WORKLOAD_PAST_H

#include <stddef.h>
#include <stdint.h>

enum { SW_PAST_NAMES_MAX = 16, SW_PAST_NAME_SIZE = 16 };

struct sw_past {
    uint64_t free_from; /* no process number from here on was used */
    uint64_t last_ns;   /* the highest time */
    struct {
        char name[SW_PAST_NAME_SIZE]; /* of `:workload`, "" for lines without one */
        uint64_t keys;                /* no key number from here on was used */
    } parts[SW_PAST_NAMES_MAX];
    size_t part_count;
};

/* Takes in one line; lines of other kinds (the nemesis') are passed over. */
void sw_past_line(struct sw_past *past, const char *line);
/* Keys used by the workload inside `mixed`, or by the history's only one; NULL: by any. */
uint64_t sw_past_keys(const struct sw_past *past, const char *name);

#endif
