/* A window by likeness: blocks that are unlike all of the newest ones go out of sight.
 *
 * Each append looks at a few blocks where the last one ended, from the beginning of the window to
 * the newest blocks and round again; so a context of n blocks is gone through in n / 8 appends, and
 * an append costs the same however long the context is. A block stays if its vector and that of any
 * of the eight newest blocks with a vector have a cosine of at least the threshold, decided with
 * integers (index/alike.h). What is hidden stays hidden: the newest blocks change, and what comes
 * back by itself would be found by luck. Blocks without a vector are not found anyway. */
#include <stdlib.h>

#include "base/assert.h"
#include "index/alike.h"
#include "node/context_private.h"

/* The newest blocks. */
struct present {
    struct sw_alike *all; /* owned */
    uint32_t count;
    uint64_t first; /* token of the oldest of them */
};

/* The last block that begins before `token`; false if there is none. */
static enum sw_err block_before(struct sw__apply *apply,
                                const struct sw__context *found,
                                uint64_t token,
                                bool *ret_exists,
                                uint64_t *ret_token)
{
    struct sw_store *store = apply->store;
    struct sw_context_key name;
    struct sw_store_record stored;
    struct sw_key key;
    size_t place_size;
    enum sw_err err;

    *ret_exists = false;
    if (token == 0) {
        return SW_ERR_OK;
    }
    sw_context_block_key(found->id, token - 1, &name);
    sw_key_kv(&found->place, sw_context_key_span(&name), &key);
    place_size = key.size - name.size;
    err = store->ops->seek(store, SW_TABLE_KV, sw_key_span(&key), true, &stored);
    if (err != SW_ERR_OK) {
        return err == SW_ERR_NOT_FOUND ? SW_ERR_OK : err;
    }
    *ret_exists = sw_key_has_prefix(stored.key, sw_span_of(key.data, place_size)) &&
                  sw_context_block_token(
                      found->id,
                      sw_span_of(stored.key.data + place_size, stored.key.size - place_size),
                      ret_token);
    return SW_ERR_OK;
}

static enum sw_err load(struct sw__apply *apply,
                        const struct sw__context *found,
                        uint64_t token,
                        struct sw_alike *ret_alike,
                        uint64_t *ret_id)
{
    struct sw_context_key name;

    sw_context_block_key(found->id, token, &name);
    return sw__vector_alike(apply,
                            sw__context_index(apply->state, found),
                            sw_context_key_span(&name),
                            ret_alike,
                            ret_id);
}

/* The newest blocks with a vector, of twice as many blocks at most. */
static enum sw_err
gather(struct sw__apply *apply, const struct sw__context *found, struct present *present)
{
    uint64_t token = found->context.next;
    enum sw_err err = SW_ERR_OK;

    present->first = token;
    for (int i = 0; i < 2 * SW_CONTEXT_PRESENT_COUNT && err == SW_ERR_OK &&
                    present->count < SW_CONTEXT_PRESENT_COUNT;
         i++) {
        uint64_t id = 0;
        bool exists;

        err = block_before(apply, found, token, &exists, &token);
        if (err != SW_ERR_OK || !exists || token < found->context.window_token) {
            return err;
        }
        err = load(apply, found, token, &present->all[present->count], &id);
        present->count += id != 0 ? 1 : 0;
        present->first = token;
    }
    return err;
}

static bool is_like_any(const struct present *present, const struct sw_alike *alike, uint64_t bound)
{
    for (uint32_t i = 0; i < present->count; i++) {
        if (sw_alike_by(&present->all[i], alike, (uint32_t)bound)) {
            return true;
        }
    }
    return false;
}

/* One block; it is the next turn's from behind it. */
static enum sw_err look(struct sw__apply *apply,
                        struct sw__context *found,
                        const struct present *present,
                        uint64_t token,
                        bool *hid)
{
    struct sw_alike *alike = &present->all[SW_CONTEXT_PRESENT_COUNT];
    uint64_t id = 0;
    enum sw_err err = load(apply, found, token, alike, &id);

    found->context.similar_next = token + 1;
    if (err == SW_ERR_OK && id != 0 && !is_like_any(present, alike, found->context.similar)) {
        err = sw__vector_hide(apply, sw__context_index(apply->state, found), id);
        *hid = true;
    }
    return err;
}

static enum sw_err
walk(struct sw__apply *apply, struct sw__context *found, struct present *present, uint32_t count)
{
    struct sw_context *context = &found->context;
    bool hid = false;
    enum sw_err err = gather(apply, found, present);

    if (context->similar_next < context->window_token) {
        context->similar_next = context->window_token;
    }
    for (uint32_t i = 0; err == SW_ERR_OK && present->count > 0 && i < count; i++) {
        uint8_t bytes[SW_KEY_SIZE_MAX];
        struct sw_kv_record record;
        struct sw_span name;
        uint64_t token = UINT64_MAX;

        err = sw__context_seek(
            apply, found, SW_CONTEXT_BLOCKS, context->similar_next, bytes, &name, &record);
        if (err != SW_ERR_OK || name.size == 0 ||
            !sw_context_block_token(found->id, name, &token) || token >= present->first) {
            context->similar_next = 0; /* round again */
            break;
        }
        err = look(apply, found, present, token, &hid);
    }
    if (err == SW_ERR_OK && hid) {
        context->epoch = apply->state->revision;
        sw__vectors_note_gone(apply, sw__context_index(apply->state, found));
    }
    return err;
}

enum sw_err sw__similar_step(struct sw__apply *apply, struct sw__context *found, uint32_t count)
{
    struct present present = {0};
    enum sw_err err;

    /* A header that somebody wrote by hand may ask for it in an older entry. */
    if (found->context.similar == 0 || !sw__context_is_late(apply) ||
        sw__context_index(apply->state, found) == NULL) {
        return SW_ERR_OK;
    }
    present.all = calloc(SW_CONTEXT_PRESENT_COUNT + 1, sizeof present.all[0]);
    SW_ASSERT(present.all != NULL);
    err = walk(apply, found, &present, count);
    free(present.all);
    return err;
}
