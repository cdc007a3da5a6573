/* Settings are written here: checked once more, stored as a record, and taken into the table. */
#include "base/assert.h"
#include "node/apply_private.h"
#include "node/settings.h"

/* Two identities with one key would have the rights of whichever is found first. */
static bool id_is_taken(const struct sw_settings *settings,
                        const struct sw_request *request,
                        enum sw_setting_kind kind)
{
    const struct sw_setting *other;
    struct sw_setting setting;
    char why[SW_WHY_SIZE];
    enum sw_err err;

    if (kind != SW_SETTING_IDENTITY || request->op != SW_OP_SETTING_PUT) {
        return false;
    }
    err = sw_setting_parse(kind, request->key, request->value, &setting, why);
    SW_ASSERT(err == SW_ERR_OK); /* validated with its request */
    other = sw_settings_identity(settings, setting.id);
    return other != NULL && !sw_span_equal(sw_span_str(other->name), request->key);
}

/* The table has room for it, and it is what its writer thinks it is. */
static enum sw_err judge(const struct sw__apply *apply,
                         const struct sw_request *request,
                         enum sw_setting_kind kind,
                         const struct sw_kv_record *old)
{
    const struct sw_settings *settings = &apply->state->settings;

    if (request->expected != 0 &&
        old->mod_revision != (request->expected == SW_SETTING_ABSENT ? 0 : request->expected)) {
        return SW_ERR_CONFLICT;
    }
    if (id_is_taken(settings, request, kind)) {
        return SW_ERR_CONFLICT;
    }
    if (request->op == SW_OP_SETTING_PUT && old->version == 0 &&
        sw_settings_count(settings, kind) == SW_SETTING_COUNT_MAX) {
        return SW_ERR_TOO_LARGE;
    }
    return SW_ERR_OK;
}

static enum sw_err put(struct sw__apply *apply,
                       const struct sw_request *request,
                       const struct sw_place *place,
                       const struct sw_kv_record *old)
{
    struct sw_state *state = apply->state;
    struct sw_setting setting;
    struct sw_kv_record next;
    char why[SW_WHY_SIZE];
    enum sw_err err;

    err = sw_setting_parse(
        sw_setting_kind_of(request->partition), request->key, request->value, &setting, why);
    SW_ASSERT(err == SW_ERR_OK); /* validated with its request */
    state->revision++;
    setting.revision = state->revision;
    sw_settings_set(&state->settings, &setting);
    next = sw__kv_next(state, old, state->revision, request->value, 0);
    return sw__kv_put(apply, place, request->key, old, &next);
}

enum sw_err sw__apply_setting(struct sw__apply *apply,
                              const struct sw_request *request,
                              struct sw_command_result *result)
{
    const enum sw_setting_kind kind = sw_setting_kind_of(request->partition);
    const struct sw_place place = sw_settings_place(kind);
    struct sw_state *state = apply->state;
    struct sw_kv_record old;
    struct sw_key key;
    enum sw_err err;

    SW_ASSERT(kind < SW_SETTING_KIND_COUNT);
    sw_key_kv(&place, request->key, &key);
    err = sw__kv_get(apply, &key, &old);
    if (err != SW_ERR_OK) {
        return err;
    }
    result->value = old.version > 0 ? 1 : 0;
    result->err = judge(apply, request, kind, &old);
    err = sw__audit_setting(apply, request, result->err);
    if (err != SW_ERR_OK) {
        return err;
    }
    if (result->err == SW_ERR_CONFLICT) {
        result->value = old.mod_revision;
    } else if (result->err == SW_ERR_OK && request->op == SW_OP_SETTING_PUT) {
        err = put(apply, request, &place, &old);
    } else if (result->err == SW_ERR_OK && old.version > 0) {
        state->revision++;
        sw_settings_unset(&state->settings, kind, request->key);
        err = sw__kv_del(apply, &place, request->key, &old);
    }
    if (kind == SW_SETTING_IDENTITY) {
        sw_settings_index(&state->settings);
    }
    result->revision = state->revision;
    return err;
}
