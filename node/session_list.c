/* The sessions of a group as people see them: one page, in the order of their ids. */
#include <stdlib.h>

#include "base/assert.h"
#include "node/session.h"
#include "transport/proto.h"

static int compare(const void *a, const void *b)
{
    const struct sw_session *x = *(struct sw_session *const *)a;
    const struct sw_session *y = *(struct sw_session *const *)b;

    return x->id.value < y->id.value ? -1 : x->id.value > y->id.value;
}

static void add(const struct sw_session *session, uint64_t time_ms, struct sw_buf *records)
{
    const uint64_t expiry_ms = sw_session_expiry_ms(session);
    const struct sw_record shown = {
        .value = sw_span_of(session->owner, sizeof session->owner),
        .create_revision = session->id.value,
        .mod_revision = session->ttl_ms,
        .version = session->reply_end - session->reply_first,
        .time_ms = expiry_ms > time_ms ? expiry_ms - time_ms : 0,
        .lease = session->acked,
    };

    sw_record_encode(&shown, records);
}

uint32_t sw_sessions_list(const struct sw_sessions *sessions,
                          const struct sw_session_page *page,
                          struct sw_buf *records,
                          bool *ret_more)
{
    const uint32_t limit =
        page->limit > 0 && page->limit < SW_SCAN_COUNT_MAX ? page->limit : SW_SCAN_COUNT_MAX;
    struct sw_session **found = calloc(sessions->count + 1, sizeof(struct sw_session *));
    uint32_t count = 0;

    SW_ASSERT(found != NULL); /* bounded by SW_SESSION_COUNT_MAX */
    for (uint32_t i = 0; i < sessions->count; i++) {
        struct sw_session *session = sessions->heaps[SW_SESSION_BY_EXPIRY][i].session;

        if (session->id.value > page->after.value) {
            found[count++] = session;
        }
    }
    qsort(found, count, sizeof(struct sw_session *), compare);
    *ret_more = count > limit;
    count = count > limit ? limit : count;
    for (uint32_t i = 0; i < count; i++) {
        add(found[i], page->time_ms, records);
    }
    free(found);
    return count;
}
