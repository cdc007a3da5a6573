/* A small table with a clock. */
#include "node/denials.h"

#include <string.h>

#include "base/assert.h"
#include "base/err.h"

static const struct sw_author others;

static struct sw_denial *find(struct sw_denials *denials, const struct sw_author *author)
{
    for (uint32_t i = 0; i < denials->count; i++) {
        if (memcmp(denials->rows[i].author.id, author->id, sizeof author->id) == 0) {
            return &denials->rows[i];
        }
    }
    return NULL;
}

static struct sw_audit_note note_of(const struct sw_denial *row, uint32_t count)
{
    struct sw_audit_note note = {.flags = row->author.flags,
                                 .outcome = SW_ERR_UNAUTHORIZED,
                                 .count = count,
                                 .action = sw_span_str(sw_op_text(row->op)),
                                 .target = sw_span_of(row->target, row->target_size)};

    memcpy(note.author, row->author.id, sizeof note.author);
    return note;
}

bool sw_denials_add(struct sw_denials *denials,
                    const struct sw_author *author,
                    const struct sw_request *request,
                    uint64_t now_ms,
                    struct sw_audit_note *ret_note)
{
    const bool full = denials->count + 1 >= SW_DENIAL_COUNT_MAX;
    struct sw_denial *row = find(denials, author);
    bool is_new;

    if (row == NULL && full) {
        author = &others;
        row = find(denials, author);
    }
    is_new = row == NULL;
    if (is_new) {
        SW_ASSERT(denials->count < SW_DENIAL_COUNT_MAX);
        row = &denials->rows[denials->count++];
        *row = (struct sw_denial){.author = *author, .until_ms = now_ms + SW_DENIAL_WINDOW_MS};
    }
    row->op = request->op;
    row->target_size = sw_audit_target(request, row->target).size;
    if (is_new) {
        *ret_note = note_of(row, 1);
        return true;
    }
    row->count += row->count < UINT32_MAX ? 1 : 0;
    return false;
}

bool sw_denials_due(struct sw_denials *denials, uint64_t now_ms, struct sw_audit_note *ret_note)
{
    for (uint32_t i = 0; i < denials->count;) {
        struct sw_denial *row = &denials->rows[i];

        if (row->until_ms > now_ms) {
            i++;
        } else if (row->count > 0) {
            *ret_note = note_of(row, row->count);
            row->count = 0;
            row->until_ms = now_ms + SW_DENIAL_WINDOW_MS;
            return true;
        } else {
            *row = denials->rows[--denials->count];
        }
    }
    return false;
}
