/* Which blocks of a context a policy lets go: decided in apply, oldest first, so many in one entry;
 * by command, or by the policy that is stored, a piece with each append.
 *
 * A pruned block is a deleted key like any other: changes keep it for reads of the past as long as
 * they keep anything. A tombstone says why it went, and knows the way back (apply_gone.c). A dry
 * run walks the same way and touches nothing. */
#include "base/assert.h"
#include "node/context_private.h"

/* One step. */
struct pruning {
    struct sw_context_policy policy;
    bool by_policy; /* the stored one */
    uint64_t end;   /* blocks from this token on stay */
    int visit_max, count_max;
    uint64_t size; /* of the content, as it will be */
    uint64_t next; /* where the next step goes on; 0 = this was the last */
    size_t step_size;
    int count;
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

/* When the block was last used, or came. */
static enum sw_err used_ms(struct sw__apply *apply,
                           const struct sw__context *found,
                           const struct seen *seen,
                           uint64_t *ret_ms)
{
    struct sw_context_key name;
    struct sw_kv_record use;
    enum sw_err err;

    sw_context_part_key(SW_CONTEXT_USES, found->id, seen->token, &name);
    err = sw__context_get(apply, &found->place, &name, &use);
    *ret_ms = seen->record.time_ms;
    if (err == SW_ERR_OK && use.version > 0 && use.time_ms > *ret_ms) {
        *ret_ms = use.time_ms;
    }
    return err;
}

static bool is_past(uint64_t then_ms, uint64_t ms, uint64_t now_ms)
{
    return ms == 0 || (now_ms >= then_ms && now_ms - then_ms >= ms);
}

/* All but the time since its last use. */
static bool may_go(const struct sw__apply *apply,
                   const struct sw__context *found,
                   const struct seen *seen,
                   const struct pruning *pruning)
{
    const struct sw_context_policy *policy = &pruning->policy;
    const uint64_t end = seen->token + seen->block.tokens;
    const bool by_score = policy->any || (seen->block.has_score &&
                                          (policy->high ? seen->block.score >= policy->threshold
                                                        : seen->block.score <= policy->threshold));

    return by_score && is_past(seen->record.time_ms, policy->age_ms, apply->state->time_ms) &&
           end <= found->context.next && found->context.next - end >= policy->keep &&
           (policy->size_max == 0 || pruning->size > policy->size_max);
}

static enum sw_err goes(struct sw__apply *apply,
                        const struct sw__context *found,
                        const struct seen *seen,
                        const struct pruning *pruning,
                        bool *ret_goes)
{
    uint64_t then_ms;
    enum sw_err err;

    *ret_goes = may_go(apply, found, seen, pruning);
    if (!*ret_goes || pruning->policy.idle_ms == 0) {
        return SW_ERR_OK;
    }
    err = used_ms(apply, found, seen, &then_ms);
    *ret_goes = is_past(then_ms, pruning->policy.idle_ms, apply->state->time_ms);
    return err;
}

/* The last that was asked for. */
static enum sw_gone_reason reason_of(const struct sw_context_policy *policy)
{
    return policy->size_max != 0  ? SW_GONE_BUDGET
           : policy->idle_ms != 0 ? SW_GONE_IDLE
           : policy->age_ms != 0  ? SW_GONE_AGE
                                  : SW_GONE_SCORE;
}

/* The block and what is known of its use; its tombstone first, while all of it is there. */
static enum sw_err take_away(struct sw__apply *apply,
                             struct sw__context *found,
                             const struct seen *seen,
                             const struct pruning *pruning)
{
    struct sw_context_gone gone = {.by_policy = pruning->by_policy,
                                   .reason = reason_of(&pruning->policy),
                                   .number = seen->block.number,
                                   .tokens = seen->block.tokens,
                                   .has_score = seen->block.has_score,
                                   .score = seen->block.score,
                                   .size = seen->block.content.size};
    struct sw_context_key used;
    enum sw_err err = SW_ERR_OK;

    if (sw__context_is_late(apply)) {
        sw_context_part_key(SW_CONTEXT_USES, found->id, seen->token, &used);
        err = sw__gone_put(apply, found, seen->token, &gone);
        if (err == SW_ERR_OK) {
            err = sw__context_unset(apply, found, &used);
        }
    }
    return err == SW_ERR_OK
               ? sw__kv_del(apply, &found->place, sw_context_key_span(&seen->name), &seen->record)
               : err;
}

/* The answer, if there is one, names it, with the size of its content in the place of a lease. */
static enum sw_err let_go(struct sw__apply *apply,
                          struct sw__context *found,
                          const struct seen *seen,
                          struct pruning *pruning,
                          struct sw_command_result *result)
{
    const struct sw_span name = sw_context_key_span(&seen->name);
    const size_t size = seen->block.content.size;
    struct sw_kv_record told = seen->record;

    told.value = sw_span_of(NULL, 0);
    told.lease = size;
    if (result != NULL) {
        sw__answer_record(apply->state, name, &told, result);
    }
    pruning->count++;
    pruning->step_size += size;
    pruning->size = pruning->size > size ? pruning->size - size : 0;
    if (pruning->policy.dry) {
        return SW_ERR_OK;
    }
    if (pruning->count == 1 && result != NULL) {
        apply->state->revision++;
    }
    return take_away(apply, found, seen, pruning);
}

/* Behind this one nothing may go: what the last tokens have is at the end, and what the same entry
 * appended stays until the next one, since no key is written twice at one revision. */
static bool is_kept_tail(const struct sw__context *found,
                         const struct seen *seen,
                         const struct pruning *pruning)
{
    const uint64_t end = seen->token + seen->block.tokens;

    return seen->token >= pruning->end ||
           (pruning->by_policy &&
            (end > found->context.next || found->context.next - end < pruning->policy.keep));
}

static enum sw_err walk(struct sw__apply *apply,
                        struct sw__context *found,
                        struct pruning *pruning,
                        struct sw_command_result *result)
{
    uint64_t token = pruning->policy.from;
    struct seen seen;
    enum sw_err err = SW_ERR_OK;

    pruning->next = 0;
    for (int visited = 0; err == SW_ERR_OK; visited++) {
        bool is_to_go;

        if (pruning->policy.size_max != 0 && pruning->size <= pruning->policy.size_max) {
            pruning->next = result == NULL ? token : 0;
            return SW_ERR_OK;
        }
        err = seek(apply, found, token, &seen);
        if (err == SW_ERR_WRONG_TYPE) {
            if (result != NULL && visited == 0) { /* else the next step says so */
                result->err = err;
            }
            pruning->next = result != NULL ? token : 0;
            return SW_ERR_OK;
        }
        if (err != SW_ERR_OK || seen.token >= found->context.next) {
            return err == SW_ERR_NOT_FOUND ? SW_ERR_OK : err;
        }
        if (is_kept_tail(found, &seen, pruning)) {
            return SW_ERR_OK;
        }
        if (visited == pruning->visit_max || pruning->count == pruning->count_max ||
            pruning->step_size >= SW_CONTEXT_STEP_SIZE_MAX) {
            pruning->next = seen.token == 0 ? 1 : seen.token;
            return SW_ERR_OK;
        }
        err = goes(apply, found, &seen, pruning, &is_to_go);
        if (err == SW_ERR_OK && is_to_go) {
            err = let_go(apply, found, &seen, pruning, result);
        }
        token = seen.token + 1;
    }
    return err;
}

/* What the header says of what went. */
static void note(struct sw__apply *apply, struct sw__context *found, const struct pruning *pruning)
{
    struct sw_vectors_index *index = sw__context_index(apply->state, found);

    found->context.size = pruning->size;
    found->context.pruned += (uint64_t)pruning->count;
    if (!sw__context_is_late(apply)) {
        return;
    }
    found->context.epoch = apply->state->revision;
    if (index != NULL) {
        sw__vectors_note_gone(apply, index);
    }
}

enum sw_err sw__prune_by_policy(struct sw__apply *apply,
                                struct sw__context *found,
                                uint64_t appended,
                                const struct sw_context_rules *rules)
{
    struct pruning pruning = {.policy = {.high = rules->high,
                                         .any = rules->any,
                                         .threshold = rules->threshold,
                                         .age_ms = rules->age_ms,
                                         .keep = rules->keep,
                                         .size_max = rules->size_max,
                                         .idle_ms = rules->idle_ms,
                                         .from = found->context.policy_next},
                              .by_policy = true,
                              .end = appended,
                              .visit_max = SW_CONTEXT_APPEND_VISIT_MAX,
                              .count_max = SW_CONTEXT_APPEND_PRUNE_MAX,
                              .size = found->context.size};
    enum sw_err err = walk(apply, found, &pruning, NULL);

    found->context.policy_next = pruning.next;
    if (err == SW_ERR_OK && pruning.count > 0) {
        note(apply, found, &pruning);
    }
    return err == SW_ERR_OK ? sw__gone_sweep(apply, found, 2 * SW_CONTEXT_APPEND_PRUNE_MAX) : err;
}

/* The stored policy in the place of one that the request says, but for how it goes on. */
static enum sw_err use_stored(struct sw__apply *apply,
                              const struct sw__context *found,
                              struct pruning *pruning,
                              struct sw_command_result *result)
{
    struct sw_context_policy *policy = &pruning->policy;
    struct sw_context_rules rules;
    uint64_t domain;
    const enum sw_err err = sw__policy_of(apply, found, &rules, &domain);

    if (err != SW_ERR_OK || !rules.prunes) {
        result->err = err == SW_ERR_OK ? SW_ERR_NOT_FOUND : result->err;
        return err;
    }
    pruning->by_policy = true;
    policy->high = rules.high;
    policy->any = rules.any;
    policy->threshold = rules.threshold;
    policy->age_ms = rules.age_ms;
    policy->idle_ms = rules.idle_ms;
    policy->keep = rules.keep;
    policy->size_max = rules.size_max;
    return SW_ERR_OK;
}

static enum sw_err decode(struct sw__apply *apply,
                          const struct sw_request *request,
                          const struct sw__context *found,
                          struct pruning *pruning,
                          struct sw_command_result *result)
{
    const struct sw_context_policy *policy = &pruning->policy;

    result->err = sw_context_policy_decode(request->value, &pruning->policy);
    SW_ASSERT(result->err == SW_ERR_OK); /* sw_request_validate saw to it */
    pruning->size =
        found->context.size > policy->counted ? found->context.size - policy->counted : 0;
    if ((policy->any || policy->stored || policy->idle_ms != 0) && !sw__context_is_late(apply)) {
        result->err = SW_ERR_INVALID;
    }
    return policy->stored && result->err == SW_ERR_OK ? use_stored(apply, found, pruning, result)
                                                      : SW_ERR_OK;
}

enum sw_err sw__apply_prune(struct sw__apply *apply,
                            const struct sw_request *request,
                            struct sw_command_result *result)
{
    struct pruning pruning = {.end = UINT64_MAX,
                              .visit_max = SW_CONTEXT_VISIT_COUNT_MAX,
                              .count_max = SW_CONTEXT_STEP_COUNT_MAX};
    struct sw__context found;
    enum sw_err err = sw__context_find(apply, request, &found, result);

    if (err == SW_ERR_OK && result->err == SW_ERR_OK) {
        err = decode(apply, request, &found, &pruning, result);
    }
    if (err != SW_ERR_OK || result->err != SW_ERR_OK) {
        return err;
    }
    err = walk(apply, &found, &pruning, result);
    if (err == SW_ERR_OK && pruning.count > 0 && !pruning.policy.dry) {
        note(apply, &found, &pruning);
        if (sw__context_is_late(apply)) {
            err = sw__gone_sweep(apply, &found, SW_CONTEXT_STEP_COUNT_MAX);
        }
        err = err == SW_ERR_OK ? sw__context_put(apply, &found) : err;
    }
    result->revision = apply->state->revision;
    result->value = pruning.next;
    return err;
}
