/* Who was refused and how often: what keeps an identity without rights from filling the audit log.
 *
 * The first refusal of an identity is noted at once; those of the next minute are counted, and
 * noted together at its end with the last thing that was wanted. So an identity costs two records,
 * and then one a minute. Of more identities at a time than there are rows, all others share the
 * last row. A leader's own: what it has not noted when it steps down is lost. Pure. */
#ifndef SW_NODE_DENIALS_H
#define SW_NODE_DENIALS_H

#include <stdbool.h>
#include <stdint.h>

#include "node/entry.h"
#include "transport/audit.h"
#include "transport/proto.h"

enum { SW_DENIAL_COUNT_MAX = 64, SW_DENIAL_WINDOW_MS = 60000 };

struct sw_denial {
    struct sw_author author; /* zero: all others */
    uint64_t until_ms;       /* the end of its minute */
    uint32_t count;          /* in it, not noted yet */
    enum sw_op op;           /* the last one */
    uint8_t target[SW_AUDIT_TARGET_SIZE_MAX];
    size_t target_size;
};

struct sw_denials {
    struct sw_denial rows[SW_DENIAL_COUNT_MAX];
    uint32_t count;
};

/* Counts one. True if it is to be noted now; the note's spans are views into `denials`. */
bool sw_denials_add(struct sw_denials *denials,
                    const struct sw_author *author,
                    const struct sw_request *request,
                    uint64_t now_ms,
                    struct sw_audit_note *ret_note);
/* The next note that is due, if there is one. Forgets who was not refused for a minute. */
bool sw_denials_due(struct sw_denials *denials, uint64_t now_ms, struct sw_audit_note *ret_note);

#endif
