/* A token becomes an identity: once, in time, of the key that the token's holder names. */
#include <string.h>

#include "base/assert.h"
#include "node/apply_private.h"
#include "node/settings.h"

/* The identity that the token stands for. */
static struct sw_setting identity_of(const struct sw_setting *token, struct sw_span id)
{
    struct sw_setting identity = *token;

    SW_ASSERT(id.size == sizeof identity.id); /* validated with its request */
    identity.kind = SW_SETTING_IDENTITY;
    identity.until_ms = 0;
    memcpy(identity.id, id.data, sizeof identity.id);
    return identity;
}

static enum sw_err judge(const struct sw_state *state,
                         const struct sw_setting *token,
                         const struct sw_setting *identity)
{
    if (token->until_ms != 0 && state->time_ms > token->until_ms) {
        return SW_ERR_UNAUTHORIZED;
    }
    if (sw_settings_find(&state->settings, SW_SETTING_IDENTITY, sw_span_str(identity->name)) !=
            NULL ||
        sw_settings_identity(&state->settings, identity->id) != NULL) {
        return SW_ERR_CONFLICT;
    }
    return sw_settings_count(&state->settings, SW_SETTING_IDENTITY) == SW_SETTING_COUNT_MAX
               ? SW_ERR_TOO_LARGE
               : SW_ERR_OK;
}

static enum sw_err remove_token(struct sw__apply *apply, struct sw_span name)
{
    const struct sw_place place = sw_settings_place(SW_SETTING_TOKEN);
    struct sw_kv_record old;
    struct sw_key key;
    enum sw_err err;

    sw_key_kv(&place, name, &key);
    err = sw__kv_get(apply, &key, &old);
    if (err != SW_ERR_OK) {
        return err;
    }
    SW_ASSERT(old.version > 0); /* the table is of records */
    return sw__kv_del(apply, &place, name, &old);
}

static enum sw_err add_identity(struct sw__apply *apply, const struct sw_setting *identity)
{
    const struct sw_place place = sw_settings_place(SW_SETTING_IDENTITY);
    const struct sw_kv_record none = {0};
    struct sw_buf text = {0};
    struct sw_kv_record record;
    enum sw_err err;

    sw_setting_print(identity, &text);
    record = sw__kv_next(apply->state, &none, apply->state->revision, sw_buf_span(&text), 0);
    err = sw__kv_put(apply, &place, sw_span_str(identity->name), &none, &record);
    sw_buf_release(&text);
    return err;
}

enum sw_err sw__apply_redeem(struct sw__apply *apply,
                             const struct sw_request *request,
                             struct sw_command_result *result)
{
    struct sw_state *state = apply->state;
    const struct sw_setting *token = sw_settings_token(&state->settings, apply->author.id);
    struct sw_request named = *request;
    struct sw_setting identity;
    enum sw_err err;

    result->revision = state->revision;
    if (token == NULL) { /* an administrator's key, or one that redeemed it before */
        result->err = SW_ERR_UNAUTHORIZED;
        return SW_ERR_OK;
    }
    identity = identity_of(token, request->value);
    result->err = judge(state, token, &identity);
    named.partition = sw_span_str(sw_setting_kind_name(SW_SETTING_TOKEN));
    named.key = sw_span_str(identity.name);
    err = sw__audit_setting(apply, &named, result->err);
    if (err != SW_ERR_OK || result->err != SW_ERR_OK) {
        return err;
    }
    state->revision++;
    identity.revision = state->revision;
    result->revision = state->revision;
    sw_settings_unset(&state->settings, SW_SETTING_TOKEN, sw_span_str(identity.name));
    sw_settings_set(&state->settings, &identity);
    sw_settings_index(&state->settings);
    err = remove_token(apply, sw_span_str(identity.name));
    return err == SW_ERR_OK ? add_identity(apply, &identity) : err;
}
