/* How a context goes: in steps, so many of its keys in one entry; the header goes last, and until
 * then the id is taken.
 *
 * Keys of a context have no lease, but who writes them by hand may give them one, so records are
 * whole. */
#include "base/assert.h"
#include "node/context_private.h"

/* The first key of any part, and which that is; size 0: nothing is left. Entries of before there
 * were other parts look at blocks alone. */
static enum sw_err first_key(struct sw__apply *apply,
                             const struct sw__context *found,
                             uint8_t bytes[SW_KEY_SIZE_MAX],
                             struct sw_span *ret_name,
                             struct sw_kv_record *ret_record)
{
    const int parts = sw__context_is_late(apply) ? (int)SW_CONTEXT_PART_COUNT : 1;
    enum sw_err err = SW_ERR_OK;

    static_assert(SW_CONTEXT_BLOCKS == 0, "blocks are the first part");
    *ret_name = sw_span_of(NULL, 0);
    for (int part = 0; part < parts && err == SW_ERR_OK && ret_name->size == 0; part++) {
        err = sw__context_seek(
            apply, found, (enum sw_context_part)part, 0, bytes, ret_name, ret_record);
    }
    return err;
}

enum sw_err
sw__context_has_rest(struct sw__apply *apply, const struct sw__context *found, bool *ret_has)
{
    uint8_t bytes[SW_KEY_SIZE_MAX];
    struct sw_kv_record record;
    struct sw_span name;
    const enum sw_err err = first_key(apply, found, bytes, &name, &record);

    *ret_has = err == SW_ERR_OK && name.size > 0;
    return err;
}

/* Deletes so many as one entry may; *ret_left: there are more. */
static enum sw_err
delete_some(struct sw__apply *apply, const struct sw__context *found, bool *ret_left)
{
    uint8_t bytes[SW_KEY_SIZE_MAX];
    size_t size = 0;

    *ret_left = true;
    for (int count = 0;; count++) {
        struct sw_kv_record record;
        struct sw_span name;
        enum sw_err err = first_key(apply, found, bytes, &name, &record);

        if (err != SW_ERR_OK || name.size == 0) {
            *ret_left = false;
            return err;
        }
        if (count == SW_CONTEXT_STEP_COUNT_MAX || size >= SW_CONTEXT_STEP_SIZE_MAX) {
            return SW_ERR_OK;
        }
        size += record.value.size;
        err = sw__kv_del(apply, &found->place, name, &record);
        if (err != SW_ERR_OK) {
            return err;
        }
    }
}

/* The header goes, and the context's own policy with it. */
static enum sw_err drop_header(struct sw__apply *apply, const struct sw__context *found)
{
    struct sw_context_key policy;
    enum sw_err err = SW_ERR_OK;

    if (sw__context_is_late(apply)) {
        sw_context_policy_key(found->id, &policy);
        err = sw__context_unset(apply, found, &policy);
    }
    return err == SW_ERR_OK ? sw__context_unset(apply, found, &found->name) : err;
}

/* A header that is to be deleted says so until the last block is gone: the id is taken as long, and
 * no search finds the blocks that are still there. One that somebody made unreadable stays. */
static enum sw_err note_dying(struct sw__apply *apply, struct sw__context *found)
{
    enum sw_err err;

    if (found->context.block_size == 0 || found->context.dying != 0) {
        return SW_ERR_OK;
    }
    found->context.dying = 1;
    if (sw__context_is_late(apply)) {
        found->context.epoch = apply->state->revision;
    }
    err = sw__context_put(apply, found);
    found->context.watermark = apply->state->revision;
    return err == SW_ERR_OK ? sw__window_mark(apply, found) : err;
}

enum sw_err sw__apply_context_delete(struct sw__apply *apply,
                                     const struct sw_request *request,
                                     struct sw_command_result *result)
{
    struct sw_vectors_index *index;
    struct sw__context found;
    bool left = false;
    enum sw_err err = sw__context_find(apply, request, &found, result);

    if (err == SW_ERR_OK) {
        err = sw__context_has_rest(apply, &found, &left);
    }
    if (err != SW_ERR_OK || (found.old.version == 0 && !left)) {
        return err;
    }
    apply->state->revision++;
    *result = (struct sw_command_result){.revision = apply->state->revision};
    err = delete_some(apply, &found, &left);
    if (err != SW_ERR_OK) {
        return err;
    }
    result->value = left ? 1 : 0;
    index = sw__context_index(apply->state, &found);
    if (index != NULL && sw__context_is_late(apply)) {
        sw__vectors_note_gone(apply, index);
    }
    if (found.old.version == 0) {
        return SW_ERR_OK;
    }
    return left ? note_dying(apply, &found) : drop_header(apply, &found);
}
