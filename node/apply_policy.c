/* What is stored beside a context: its policy, or that of its partition, and when its blocks were
 * used. */
#include <string.h>

#include "base/assert.h"
#include "node/context_private.h"

/* --- policies --------------------------------------------------------------------------------- */

/* One that somebody made unreadable counts as none. */
static enum sw_err read_policy(struct sw__apply *apply,
                               const struct sw__context *found,
                               struct sw_span id,
                               struct sw_context_rules *ret_rules,
                               uint64_t *ret_revision)
{
    struct sw_context_key name;
    struct sw_kv_record record;
    enum sw_err err;

    *ret_revision = 0;
    sw_context_policy_key(id, &name);
    err = sw__context_get(apply, &found->place, &name, &record);
    if (err == SW_ERR_OK && record.version > 0 && sw_context_rules_read(record.value, ret_rules)) {
        *ret_revision = record.create_revision;
    }
    return err;
}

enum sw_err sw__policy_of(struct sw__apply *apply,
                          const struct sw__context *found,
                          struct sw_context_rules *ret_rules,
                          uint64_t *ret_domain)
{
    uint64_t revision = 0;
    enum sw_err err;

    *ret_rules = (struct sw_context_rules){0};
    *ret_domain = found->old.create_revision;
    err = read_policy(apply, found, found->id, ret_rules, &revision);
    if (err == SW_ERR_OK && revision == 0) {
        err = read_policy(apply, found, sw_span_str(SW_CONTEXT_PARTITION), ret_rules, ret_domain);
    }
    return err;
}

static bool is_nothing(const struct sw_context_rules *rules)
{
    return !rules->prunes && rules->dedupe == SW_DEDUPE_NONE;
}

/* Writes it, or deletes what there is. */
static enum sw_err write_policy(struct sw__apply *apply,
                                const struct sw__context *found,
                                const struct sw_context_key *name,
                                const struct sw_kv_record *old,
                                const struct sw_context_rules *rules,
                                struct sw_command_result *result)
{
    struct sw_state *state = apply->state;
    const struct sw_span key = sw_context_key_span(name);
    struct sw__usage_change change;
    struct sw_buf text = {0};
    struct sw_kv_record next;
    enum sw_err err;

    if (is_nothing(rules)) {
        state->revision++;
        result->revision = state->revision;
        return sw__kv_del(apply, &found->place, key, old);
    }
    sw_context_rules_write(rules, &text);
    next = sw__kv_next(state, old, state->revision + 1, sw_buf_span(&text), old->lease);
    change = sw__usage_of_put(key, old, &next);
    err = sw__quota_check(apply, &found->place, &change, result);
    if (err == SW_ERR_OK && result->err == SW_ERR_OK) {
        state->revision++;
        result->revision = state->revision;
        err = sw__kv_put(apply, &found->place, key, old, &next);
    }
    sw_buf_release(&text);
    return err;
}

enum sw_err sw__apply_policy(struct sw__apply *apply,
                             const struct sw_request *request,
                             struct sw_command_result *result)
{
    const bool is_partition = sw_span_equal(request->key, sw_span_str(SW_CONTEXT_PARTITION));
    struct sw__context found = {.place = sw__place_of(request)};
    struct sw_context_rules rules;
    struct sw_context_key name;
    struct sw_kv_record old;
    enum sw_err err = SW_ERR_OK;

    result->revision = apply->state->revision;
    if (!is_partition) {
        err = sw__context_find(apply, request, &found, result);
    }
    if (err != SW_ERR_OK || result->err != SW_ERR_OK) {
        return err;
    }
    result->err = sw_context_rules_decode(request->value, &rules);
    SW_ASSERT(result->err == SW_ERR_OK); /* sw_request_validate saw to it */
    sw_context_policy_key(request->key, &name);
    err = sw__context_get(apply, &found.place, &name, &old);
    if (err != SW_ERR_OK || (old.version == 0 && is_nothing(&rules))) {
        return err;
    }
    return write_policy(apply, &found, &name, &old, &rules, result);
}

/* --- uses ------------------------------------------------------------------------------------- */

/* Leaves those of blocks that there are. */
static enum sw_err keep_known(struct sw__apply *apply,
                              const struct sw__context *found,
                              struct sw_context_tokens *tokens)
{
    uint32_t count = 0;
    enum sw_err err = SW_ERR_OK;

    for (uint32_t i = 0; i < tokens->count && err == SW_ERR_OK; i++) {
        struct sw_context_key name;
        struct sw_kv_record record;

        sw_context_block_key(found->id, tokens->tokens[i], &name);
        err = sw__context_get(apply, &found->place, &name, &record);
        if (err == SW_ERR_OK && record.version > 0) {
            tokens->tokens[count++] = tokens->tokens[i];
        }
    }
    tokens->count = count;
    return err;
}

static enum sw_err check_quota(struct sw__apply *apply,
                               const struct sw__context *found,
                               const struct sw_context_tokens *tokens,
                               struct sw_command_result *result)
{
    struct sw__usage_change change = {0};
    enum sw_err err = SW_ERR_OK;

    for (uint32_t i = 0; i < tokens->count && err == SW_ERR_OK; i++) {
        struct sw_context_key name;
        struct sw_kv_record old;

        sw_context_part_key(SW_CONTEXT_USES, found->id, tokens->tokens[i], &name);
        err = sw__context_get(apply, &found->place, &name, &old);
        if (err == SW_ERR_OK) {
            const struct sw_kv_record next =
                sw__kv_next(apply->state, &old, 0, sw_span_of(NULL, 0), 0);

            sw__usage_sum(&change, sw__usage_of_put(sw_context_key_span(&name), &old, &next));
        }
    }
    return err == SW_ERR_OK ? sw__quota_check(apply, &found->place, &change, result) : err;
}

enum sw_err sw__apply_touch(struct sw__apply *apply,
                            const struct sw_request *request,
                            struct sw_command_result *result)
{
    struct sw_context_tokens tokens;
    struct sw__context found;
    enum sw_err err = sw__context_find(apply, request, &found, result);

    if (err != SW_ERR_OK || result->err != SW_ERR_OK) {
        return err;
    }
    result->err = sw_context_tokens_decode(request->value, &tokens);
    SW_ASSERT(result->err == SW_ERR_OK); /* sw_request_validate saw to it */
    err = keep_known(apply, &found, &tokens);
    if (err == SW_ERR_OK && tokens.count > 0) {
        err = check_quota(apply, &found, &tokens, result);
    }
    if (err != SW_ERR_OK || result->err != SW_ERR_OK || tokens.count == 0) {
        return err;
    }
    apply->state->revision++;
    result->revision = apply->state->revision;
    result->value = tokens.count;
    for (uint32_t i = 0; i < tokens.count && err == SW_ERR_OK; i++) {
        struct sw_context_key name;

        sw_context_part_key(SW_CONTEXT_USES, found.id, tokens.tokens[i], &name);
        err = sw__context_set(apply, &found, &name, sw_span_of(NULL, 0));
    }
    return err;
}
