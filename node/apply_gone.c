/* What prunings took, and its way back.
 *
 * A tombstone is a key beside the blocks: why the block went, and its vector as the index had it;
 * the content is in the change that deleted the block, as every value that was. So a block comes
 * back as long as that change is kept, and a tombstone whose change is gone is forgotten by the
 * next prunings, a few at a time.
 *
 * What comes back keeps the revision and the time that it had: blocks ascend in both, and where a
 * window begins is found by bisection. Each is a change of its own, since the index knows entries
 * by the revision that put them. */
#include <string.h>

#include "base/assert.h"
#include "node/context_private.h"
#include "node/history.h"
#include "node/sketch.h"

enum sw_err sw__gone_put(struct sw__apply *apply,
                         struct sw__context *found,
                         uint64_t token,
                         struct sw_context_gone *gone)
{
    struct sw_vectors_index *index = sw__context_index(apply->state, found);
    struct sw_context_key block, name;
    struct sw_buf text = {0};
    enum sw_err err = SW_ERR_OK;

    sw_context_block_key(found->id, token, &block);
    sw_context_part_key(SW_CONTEXT_GONE, found->id, token, &name);
    gone->vector = sw_span_of(NULL, 0);
    if (index != NULL) {
        err = sw__vector_row(apply, index, sw_context_key_span(&block), &gone->vector);
    }
    if (err == SW_ERR_OK) {
        sw_context_gone_write(gone, &text);
        found->context.gone++;
        err = sw__context_set(apply, found, &name, sw_buf_span(&text));
    }
    sw_buf_release(&text);
    return err;
}

/* The tombstone goes. */
static enum sw_err forget(struct sw__apply *apply,
                          struct sw__context *found,
                          struct sw_span name,
                          const struct sw_kv_record *record)
{
    found->context.gone -= found->context.gone > 0 ? 1 : 0;
    return sw__kv_del(apply, &found->place, name, record);
}

enum sw_err sw__gone_sweep(struct sw__apply *apply, struct sw__context *found, int count)
{
    uint64_t floor = 0;
    enum sw_err err = SW_ERR_OK;

    if (found->context.gone > 0) {
        err = sw_history_floor(apply->state, apply->store, &found->place, true, &floor);
    }
    while (err == SW_ERR_OK && found->context.gone > 0 && count > 0) {
        uint8_t bytes[SW_KEY_SIZE_MAX];
        struct sw_kv_record record;
        struct sw_span name;

        count--;
        err = sw__context_seek(apply, found, SW_CONTEXT_GONE, 0, bytes, &name, &record);
        if (err != SW_ERR_OK || name.size == 0 || record.mod_revision > floor ||
            record.mod_revision == apply->state->revision) { /* no key is written twice at one */
            break;
        }
        err = forget(apply, found, name, &record);
    }
    return err;
}

/* --- back ------------------------------------------------------------------------------------- */

/* One step. */
struct undoing {
    struct sw_context_undo undo;
    uint64_t next; /* where the next step goes on; 0 = this was the last */
    size_t size;   /* of what came back */
    int count;
};

/* One block that may come back. */
struct back {
    uint64_t token;
    struct sw_context_key name;  /* of the block */
    struct sw_span gone_name;    /* of its tombstone */
    struct sw_kv_record gone;    /* the tombstone's record */
    struct sw_context_gone what; /* and what it says */
    struct sw_kv_record old;     /* what is at the block's key: nothing, or somebody's */
    struct sw_version was;
    struct sw_context_block block;
    struct sw_buf bytes; /* owned: copies of value and vector, which writes would move */
};

/* What the block was before it went; version 0 if that is not kept, or it was no block. */
static enum sw_err
recall(struct sw__apply *apply, const struct sw__context *found, struct back *back)
{
    const struct sw_history_name name = {.place = found->place,
                                         .key = sw_context_key_span(&back->name)};
    enum sw_err answer = SW_ERR_OK;
    size_t vector_size;
    enum sw_err err;

    back->was = (struct sw_version){0};
    err = sw_history_version(
        apply->state, apply->store, &name, back->gone.mod_revision - 1, &back->was, &answer);
    if (err != SW_ERR_OK) {
        return err;
    }
    if (answer != SW_ERR_OK || !sw_context_block_read(back->was.value, &back->block)) {
        back->was.version = 0;
        return SW_ERR_OK;
    }
    vector_size = back->what.vector.size;
    sw_buf_clear(&back->bytes);
    sw_write_bytes(&back->bytes, back->was.value);
    sw_write_bytes(&back->bytes, back->what.vector);
    back->was.value = sw_span_of(back->bytes.data, back->was.value.size);
    back->what.vector = sw_span_of(back->bytes.data + back->was.value.size, vector_size);
    SW_ASSERT(sw_context_block_read(back->was.value, &back->block));
    return SW_ERR_OK;
}

/* Its record as it was, but for the revision that wrote it last. */
static struct sw_kv_record record_of(const struct back *back, uint64_t revision)
{
    return (struct sw_kv_record){.create_revision = back->was.create_revision,
                                 .mod_revision = revision,
                                 .version = back->was.version + 1,
                                 .time_ms = back->was.time_ms,
                                 .value = back->was.value};
}

static struct sw_vector_item item_of(const struct sw__context *found, const struct back *back)
{
    return sw__context_item(
        found, back->token, back->block.has_score, back->block.score, back->what.vector);
}

static enum sw_err check_quota(struct sw__apply *apply,
                               const struct sw__context *found,
                               const struct back *back,
                               struct sw_command_result *result)
{
    const struct sw_vectors_index *index = sw__context_index(apply->state, found);
    const struct sw_span name = sw_context_key_span(&back->name);
    const struct sw_kv_record next = record_of(back, apply->state->revision + 1);
    struct sw__usage_change change = sw__usage_of_put(name, &back->old, &next);
    enum sw_err err = SW_ERR_OK;

    sw__usage_sum(&change, sw__usage_of_del(back->gone_name, &back->gone));
    if (index != NULL && back->what.vector.size > 0) {
        const struct sw_vector_item item = item_of(found, back);

        err = sw__vector_usage(apply, index, name, &item, &change);
    }
    return err == SW_ERR_OK ? sw__quota_check(apply, &found->place, &change, result) : err;
}

/* Others are compared with it again. */
static enum sw_err
add_sketch(struct sw__apply *apply, const struct sw__context *found, const struct back *back)
{
    struct sw_context_rules rules;
    struct sw__likeness likeness = {0};
    enum sw_err err = sw__policy_of(apply, found, &rules, &likeness.domain);

    if (err != SW_ERR_OK || rules.dedupe == SW_DEDUPE_NONE) {
        return err;
    }
    err = sw__dedupe_judge(apply, found, &rules, back->block.content, &likeness);
    if (err == SW_ERR_OK) {
        err = sw__dedupe_add(apply, found, back->token, &likeness);
    }
    sw__likeness_release(&likeness);
    return err;
}

/* The block is there again, as a change of its own. */
static enum sw_err
give_back(struct sw__apply *apply, struct sw__context *found, const struct back *back)
{
    struct sw_vectors_index *index = sw__context_index(apply->state, found);
    const struct sw_vector_item item = item_of(found, back);
    struct sw_kv_record next;
    enum sw_err err;

    apply->state->revision++;
    next = record_of(back, apply->state->revision);
    err = sw__kv_put(apply, &found->place, sw_context_key_span(&back->name), &back->old, &next);
    if (err == SW_ERR_OK && index != NULL && item.vector.size > 0) {
        err = sw__vector_return(
            apply, index, sw_context_key_span(&back->name), &item, next.create_revision);
    }
    if (err == SW_ERR_OK) {
        err = add_sketch(apply, found, back);
    }
    found->context.size += back->block.content.size;
    found->context.pruned -= found->context.pruned > 0 ? 1 : 0;
    return err == SW_ERR_OK ? forget(apply, found, back->gone_name, &back->gone) : err;
}

/* The answer names it, with the size of its content in the place of a lease. */
static void tell(struct sw__apply *apply, const struct back *back, struct sw_command_result *result)
{
    struct sw_kv_record told = record_of(back, apply->state->revision);

    told.value = sw_span_of(NULL, 0);
    told.lease = back->block.content.size;
    sw__answer_record(apply->state, sw_context_key_span(&back->name), &told, result);
}

/* One tombstone; what cannot come back is passed by. */
static enum sw_err try(struct sw__apply *apply,
                       struct sw__context *found,
                       struct back *back,
                       struct undoing *undoing,
                       struct sw_command_result *result)
{
    enum sw_err err;

    if (back->gone.mod_revision < undoing->undo.since ||
        !sw_context_gone_read(back->gone.value, &back->what)) {
        return SW_ERR_OK;
    }
    sw_context_block_key(found->id, back->token, &back->name);
    err = recall(apply, found, back);
    if (err == SW_ERR_OK && back->was.version > 0) {
        err = sw__context_get(apply, &found->place, &back->name, &back->old);
    }
    if (err != SW_ERR_OK || back->was.version == 0 || back->old.version > 0 ||
        back->token >= found->context.next) {
        return err;
    }
    err = check_quota(apply, found, back, result);
    if (err != SW_ERR_OK || result->err != SW_ERR_OK) {
        return err;
    }
    err = give_back(apply, found, back);
    tell(apply, back, result);
    undoing->count++;
    undoing->size += back->block.content.size;
    return err;
}

static enum sw_err walk(struct sw__apply *apply,
                        struct sw__context *found,
                        struct undoing *undoing,
                        struct sw_command_result *result)
{
    struct back back = {.token = undoing->undo.from};
    uint64_t from = undoing->undo.from;
    enum sw_err err = SW_ERR_OK;

    for (int visited = 0; err == SW_ERR_OK && result->err == SW_ERR_OK; visited++) {
        uint8_t bytes[SW_KEY_SIZE_MAX];

        err = sw__context_seek(
            apply, found, SW_CONTEXT_GONE, from, bytes, &back.gone_name, &back.gone);
        if (err != SW_ERR_OK || back.gone_name.size == 0 ||
            !sw_context_part_token(SW_CONTEXT_GONE, found->id, back.gone_name, &back.token) ||
            back.token >= undoing->undo.end) {
            break;
        }
        if (visited == SW_CONTEXT_VISIT_COUNT_MAX || undoing->count == SW_CONTEXT_STEP_COUNT_MAX ||
            undoing->size >= SW_CONTEXT_STEP_SIZE_MAX) {
            undoing->next = back.token == 0 ? 1 : back.token;
            break;
        }
        err = try(apply, found, &back, undoing, result);
        from = back.token + 1;
    }
    sw_buf_release(&back.bytes);
    return err;
}

enum sw_err sw__apply_restore(struct sw__apply *apply,
                              const struct sw_request *request,
                              struct sw_command_result *result)
{
    struct undoing undoing = {0};
    struct sw_vectors_index *index;
    struct sw__context found;
    enum sw_err err = sw__context_find(apply, request, &found, result);

    if (err != SW_ERR_OK || result->err != SW_ERR_OK) {
        return err;
    }
    result->err = sw_context_undo_decode(request->value, &undoing.undo);
    SW_ASSERT(result->err == SW_ERR_OK); /* sw_request_validate saw to it */
    err = walk(apply, &found, &undoing, result);
    if (err == SW_ERR_OK && undoing.count > 0) {
        result->err = SW_ERR_OK; /* the quota held for these; the next step says so of the rest */
        index = sw__context_index(apply->state, &found);
        if (index != NULL) {
            sw__vectors_note_gone(apply, index);
        }
        apply->state->revision++;
        found.context.epoch = apply->state->revision;
        err = sw__context_put(apply, &found);
    }
    result->revision = apply->state->revision;
    result->value = undoing.next;
    return err;
}
