/* Which blocks of a context a policy lets go: decided in apply, oldest first, so many in one entry.
 *
 * A pruned block is a deleted key like any other: changes keep it for reads of the past as long as
 * they keep anything. A dry run walks the same way and touches nothing. */
#include "base/assert.h"
#include "node/context_private.h"

/* One step. */
struct pruning {
    struct sw_context_policy policy;
    uint64_t size; /* of the content, as it will be */
    uint64_t next; /* where the next step goes on; 0 = this was the last */
    size_t step_size;
    uint32_t count;
};

/* A block of the walk; `name` is a copy, `record` a view until the next write. */
struct seen {
    struct sw_context_key name;
    uint64_t token;
    struct sw_kv_record record;
    struct sw_context_block block;
};

/* The first block at `token` or behind it; NOT_FOUND if there is none. Keys that are none are left
 * out; WRONG_TYPE if somebody put too many of them there. */
static enum sw_err seek(struct sw__apply *apply,
                        const struct sw__context *found,
                        uint64_t token,
                        struct seen *ret_seen)
{
    struct sw_store *store = apply->store;
    struct sw_context_key prefix;
    struct sw_store_record stored;
    struct sw_span name;
    struct sw_key key;
    size_t place_size;
    enum sw_err err;

    sw_context_block_key(found->id, token, &ret_seen->name);
    sw_context_blocks_prefix(found->id, &prefix);
    sw_key_kv(&found->place, sw_context_key_span(&ret_seen->name), &key);
    place_size = key.size - ret_seen->name.size;
    err = store->ops->seek(store, SW_TABLE_KV, sw_key_span(&key), false, &stored);
    for (int strange = 0; err == SW_ERR_OK; strange++) {
        if (!sw_key_has_prefix(stored.key, sw_span_of(key.data, place_size + prefix.size))) {
            return SW_ERR_NOT_FOUND;
        }
        name = sw_span_of(stored.key.data + place_size, stored.key.size - place_size);
        err = sw_kv_record_decode(stored.value, &ret_seen->record);
        if (err == SW_ERR_OK && sw_context_block_token(found->id, name, &ret_seen->token) &&
            sw_context_block_read(ret_seen->record.value, &ret_seen->block)) {
            sw_context_block_key(found->id, ret_seen->token, &ret_seen->name);
            ret_seen->record.seen = apply->writes;
            return SW_ERR_OK;
        }
        if (err == SW_ERR_OK) {
            err = strange == SW_CONTEXT_VISIT_COUNT_MAX
                      ? SW_ERR_WRONG_TYPE
                      : store->ops->next(store, SW_TABLE_KV, false, &stored);
        }
    }
    return err;
}

static bool goes(const struct sw__apply *apply,
                 const struct sw__context *found,
                 const struct seen *seen,
                 const struct pruning *pruning)
{
    const struct sw_context_policy *policy = &pruning->policy;
    const uint64_t now_ms = apply->state->time_ms;
    const uint64_t end = seen->token + seen->block.tokens;

    return seen->block.has_score &&
           (policy->high ? seen->block.score >= policy->threshold
                         : seen->block.score <= policy->threshold) &&
           (policy->age_ms == 0 ||
            (now_ms >= seen->record.time_ms && now_ms - seen->record.time_ms >= policy->age_ms)) &&
           end <= found->context.next && found->context.next - end >= policy->keep &&
           (policy->size_max == 0 || pruning->size > policy->size_max);
}

/* The answer names it, with the size of its content in the place of a lease. */
static enum sw_err let_go(struct sw__apply *apply,
                          const struct sw__context *found,
                          const struct seen *seen,
                          struct pruning *pruning,
                          struct sw_command_result *result)
{
    const struct sw_span name = sw_context_key_span(&seen->name);
    const size_t size = seen->block.content.size;
    struct sw_kv_record told = seen->record;

    told.value = sw_span_of(NULL, 0);
    told.lease = size;
    sw__answer_record(apply->state, name, &told, result);
    pruning->count++;
    pruning->step_size += size;
    pruning->size = pruning->size > size ? pruning->size - size : 0;
    if (pruning->policy.dry) {
        return SW_ERR_OK;
    }
    if (pruning->count == 1) {
        apply->state->revision++;
    }
    return sw__kv_del(apply, &found->place, name, &seen->record);
}

static enum sw_err walk(struct sw__apply *apply,
                        const struct sw__context *found,
                        struct pruning *pruning,
                        struct sw_command_result *result)
{
    uint64_t token = pruning->policy.from;
    struct seen seen;
    enum sw_err err = SW_ERR_OK;

    pruning->next = 0;
    for (int visited = 0; err == SW_ERR_OK; visited++) {
        if (pruning->policy.size_max != 0 && pruning->size <= pruning->policy.size_max) {
            return SW_ERR_OK;
        }
        err = seek(apply, found, token, &seen);
        if (err == SW_ERR_WRONG_TYPE) {
            result->err = visited == 0 ? err : SW_ERR_OK; /* else the next step says so */
            pruning->next = token;
            return SW_ERR_OK;
        }
        if (err != SW_ERR_OK || seen.token >= found->context.next) {
            return err == SW_ERR_NOT_FOUND ? SW_ERR_OK : err;
        }
        if (visited == SW_CONTEXT_VISIT_COUNT_MAX || pruning->count == SW_CONTEXT_STEP_COUNT_MAX ||
            pruning->step_size >= SW_CONTEXT_STEP_SIZE_MAX) {
            pruning->next = seen.token == 0 ? 1 : seen.token;
            return SW_ERR_OK;
        }
        if (goes(apply, found, &seen, pruning)) {
            err = let_go(apply, found, &seen, pruning, result);
        }
        token = seen.token + 1;
    }
    return err;
}

static enum sw_err
note(struct sw__apply *apply, struct sw__context *found, const struct pruning *pruning)
{
    struct sw_buf text = {0};
    struct sw_kv_record header;
    enum sw_err err;

    found->context.size = pruning->size;
    found->context.pruned += pruning->count;
    sw_context_write(&found->context, &text);
    header = sw__kv_next(
        apply->state, &found->old, apply->state->revision, sw_buf_span(&text), found->old.lease);
    err = sw__context_put(apply, found, &header);
    sw_buf_release(&text);
    return err;
}

enum sw_err sw__apply_prune(struct sw__apply *apply,
                            const struct sw_request *request,
                            struct sw_command_result *result)
{
    struct pruning pruning = {0};
    struct sw__context found;
    enum sw_err err = sw__context_find(apply, request, &found, result);

    if (err != SW_ERR_OK || result->err != SW_ERR_OK) {
        return err;
    }
    result->err = sw_context_policy_decode(request->value, &pruning.policy);
    SW_ASSERT(result->err == SW_ERR_OK); /* sw_request_validate saw to it */
    pruning.size = found.context.size > pruning.policy.counted
                       ? found.context.size - pruning.policy.counted
                       : 0;
    err = walk(apply, &found, &pruning, result);
    if (err == SW_ERR_OK && pruning.count > 0 && !pruning.policy.dry) {
        err = note(apply, &found, &pruning);
    }
    result->revision = apply->state->revision;
    result->value = pruning.next;
    return err;
}
