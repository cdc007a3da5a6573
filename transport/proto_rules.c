/* What each operation may and must name, and the limits of it: one table and the checks that read
 * it. Pure. */
#include <stdio.h>

#include "base/assert.h"
#include "transport/audit.h"
#include "transport/context.h"
#include "transport/index_check.h"
#include "transport/memory.h"
#include "transport/proto_private.h"
#include "transport/setting.h"
#include "transport/txn.h"
#include "transport/vector.h"

enum { SESSION_NONCE_SIZE = 16 };

static const char *const field_names[SW__FIELD_COUNT] = {"flags",
                                                         "session",
                                                         "seq",
                                                         "acked",
                                                         "tenant",
                                                         "namespace",
                                                         "partition",
                                                         "key",
                                                         "end key",
                                                         "value",
                                                         "expected revision",
                                                         "limit",
                                                         "lease"};

/* An operation without a name is none: numbers in between are kept for others. */
struct op_rule {
    const char *name;
    uint32_t required; /* bits of SW__FIELD_ */
    uint32_t optional;
    uint32_t flags; /* that it knows */
    uint32_t value_max;
    bool write;
    bool read; /* of keys or experiences: may name a least revision and a greatest age */
};

enum {
    SCAN_FLAGS = SW_REQUEST_REVERSE | SW_REQUEST_KEYS_ONLY,
    WRITE_FIELDS = SW__FIELD_ONCE | SW__FIELD_FLAGS,
};

static const struct op_rule op_rules[SW_OP_COUNT] = {
    [SW_OP_PUT] = {.name = "put",
                   .required = SW__FIELD_NAMES | SW__FIELD_KEY,
                   .optional = SW__FIELD_VALUE | SW__FIELD_LEASE | WRITE_FIELDS,
                   .flags = SW_REQUEST_PREVIOUS,
                   .value_max = SW_VALUE_SIZE_MAX,
                   .write = true},
    [SW_OP_GET] = {.name = "get",
                   .required = SW__FIELD_NAMES | SW__FIELD_KEY,
                   .optional = SW__FIELD_EXPECTED,
                   .read = true},
    [SW_OP_DELETE] = {.name = "delete",
                      .required = SW__FIELD_NAMES | SW__FIELD_KEY,
                      .optional = WRITE_FIELDS,
                      .flags = SW_REQUEST_PREVIOUS,
                      .write = true},
    [SW_OP_CAS] = {.name = "cas",
                   .required = SW__FIELD_NAMES | SW__FIELD_KEY,
                   .optional =
                       SW__FIELD_VALUE | SW__FIELD_EXPECTED | SW__FIELD_LEASE | WRITE_FIELDS,
                   .flags = SW_REQUEST_PREVIOUS,
                   .value_max = SW_VALUE_SIZE_MAX,
                   .write = true},
    [SW_OP_SCAN] = {.name = "scan",
                    .required = SW__FIELD_NAMES,
                    .optional =
                        SW__FIELD_KEY | SW__FIELD_END_KEY | SW__FIELD_EXPECTED | SW__FIELD_PAGE,
                    .flags = SCAN_FLAGS,
                    .read = true},
    [SW_OP_EXPERIENCE_APPEND] = {.name = "experience append",
                                 .required = SW__FIELD_NAMES,
                                 .optional = SW__FIELD_VALUE | SW__FIELD_ONCE,
                                 .value_max = SW_EXPERIENCE_SIZE_MAX,
                                 .write = true},
    [SW_OP_EXPERIENCE_SCAN] = {.name = "experience scan",
                               .required = SW__FIELD_NAMES,
                               .optional = SW__FIELD_EXPECTED | SW__FIELD_PAGE,
                               .flags = SCAN_FLAGS,
                               .read = true},
    [SW_OP_SESSION_OPEN] = {.name = "session open",
                            .required = SW__FIELD_VALUE,
                            .optional = SW__FIELD_LIMIT,
                            .value_max = SESSION_NONCE_SIZE,
                            .write = true},
    [SW_OP_SESSION_CLOSE] = {.name = "session close", .required = SW__FIELD_SESSION, .write = true},
    [SW_OP_STATUS] = {.name = "status"},
    [SW_OP_TRANSFER] = {.name = "transfer", .optional = SW__FIELD_EXPECTED},
    [SW_OP_SNAPSHOT] = {.name = "snapshot"},
    [SW_OP_TXN] = {.name = "transaction",
                   .required = SW__FIELD_NAMES | SW__FIELD_VALUE,
                   .optional = SW__FIELD_ONCE,
                   .value_max = SW_VALUE_SIZE_MAX,
                   .write = true},
    [SW_OP_MULTI_GET] = {.name = "multi-get",
                         .required = SW__FIELD_NAMES | SW__FIELD_VALUE,
                         .optional = SW__FIELD_FLAGS | SW__FIELD_EXPECTED,
                         .flags = SW_REQUEST_KEYS_ONLY,
                         .value_max = SW_VALUE_SIZE_MAX,
                         .read = true},
    [SW_OP_LEASE_GRANT] = {.name = "lease grant",
                           .required = SW__FIELD_NAMES | SW__FIELD_LIMIT,
                           .optional = SW__FIELD_ONCE,
                           .write = true},
    [SW_OP_LEASE_KEEP_ALIVE] = {.name = "lease keep-alive",
                                .required = SW__FIELD_NAMES | SW__FIELD_LEASE,
                                .optional = SW__FIELD_ONCE,
                                .write = true},
    [SW_OP_LEASE_REVOKE] = {.name = "lease revoke",
                            .required = SW__FIELD_NAMES | SW__FIELD_LEASE,
                            .optional = SW__FIELD_ONCE,
                            .write = true},
    [SW_OP_LEASE_LIST] = {.name = "lease list",
                          .required = SW__FIELD_NAMES,
                          .optional = SW__FIELD_LEASE | SW__FIELD_EXPECTED | SW__FIELD_LIMIT},
    [SW_OP_WATCH] = {.name = "watch",
                     .required = SW__FIELD_NAMES,
                     .optional = SW__FIELD_KEY | SW__FIELD_END_KEY | SW__FIELD_EXPECTED |
                                 SW__FIELD_PAGE | SW__FIELD_VALUE,
                     .flags = SW_REQUEST_KEYS_ONLY | SW_REQUEST_PREVIOUS | SW_REQUEST_PUTS |
                              SW_REQUEST_DELETES,
                     .value_max = SW_VALUE_SIZE_MAX},
    [SW_OP_TICK] = {.name = "tick", .required = SW__FIELD_EXPECTED, .write = true},
    [SW_OP_COMPACT] = {.name = "compact",
                       .required = SW__FIELD_EXPECTED,
                       .optional = SW__FIELD_ONCE,
                       .write = true},
    [SW_OP_HISTORY] = {.name = "history",
                       .required = SW__FIELD_NAMES | SW__FIELD_KEY,
                       .optional = SW__FIELD_EXPECTED | SW__FIELD_PAGE,
                       .flags = SW_REQUEST_KEYS_ONLY,
                       .read = true},
    [SW_OP_MEMBER_LIST] = {.name = "member list"},
    [SW_OP_MEMBER_ADD] = {.name = "member add",
                          .required = SW__FIELD_EXPECTED | SW__FIELD_VALUE,
                          .value_max = SW_ADDRESS_SIZE_MAX - 1},
    [SW_OP_MEMBER_PROMOTE] = {.name = "member promote", .required = SW__FIELD_EXPECTED},
    [SW_OP_MEMBER_DEMOTE] = {.name = "member demote", .required = SW__FIELD_EXPECTED},
    [SW_OP_MEMBER_REMOVE] = {.name = "member remove", .required = SW__FIELD_EXPECTED},
    [SW_OP_RESTART] = {.name = "restart"},
    [SW_OP_SETTING_PUT] = {.name = "setting put",
                           .required = SW__FIELD_PARTITION | SW__FIELD_KEY,
                           .optional = SW__FIELD_VALUE | SW__FIELD_EXPECTED | SW__FIELD_ONCE,
                           .value_max = SW_SETTING_SIZE_MAX,
                           .write = true},
    [SW_OP_TOKEN_REDEEM] = {.name = "token redeem",
                            .required = SW__FIELD_VALUE,
                            .value_max = SW_IDENTITY_ID_SIZE,
                            .write = true},
    [SW_OP_AUDIT] = {.name = "audit",
                     .required = SW__FIELD_VALUE,
                     .value_max = SW_AUDIT_NOTE_SIZE_MAX,
                     .write = true},
    [SW_OP_SETTING_DELETE] = {.name = "setting delete",
                              .required = SW__FIELD_PARTITION | SW__FIELD_KEY,
                              .optional = SW__FIELD_EXPECTED | SW__FIELD_ONCE,
                              .write = true},
    [SW_OP_OUTCOME] = {.name = "outcome",
                       .required = SW__FIELD_SESSION | SW__FIELD_SEQ,
                       .write = true},
    [SW_OP_SESSION_LIST] = {.name = "session list",
                            .optional = SW__FIELD_SESSION | SW__FIELD_LIMIT},
    [SW_OP_INDEX_CREATE] = {.name = "index create",
                            .required = SW__FIELD_NAMES | SW__FIELD_KEY | SW__FIELD_VALUE,
                            .optional = SW__FIELD_ONCE,
                            .value_max = SW_SPACE_MODEL_SIZE_MAX + 64,
                            .write = true},
    [SW_OP_INDEX_DROP] = {.name = "index drop",
                          .required = SW__FIELD_NAMES | SW__FIELD_KEY,
                          .optional = SW__FIELD_ONCE,
                          .write = true},
    [SW_OP_INDEX_TUNE] = {.name = "index tune",
                          .required = SW__FIELD_NAMES | SW__FIELD_KEY | SW__FIELD_VALUE,
                          .optional = SW__FIELD_ONCE,
                          .value_max = SW_VECTOR_TUNING_SIZE,
                          .write = true},
    [SW_OP_INDEX_LOWER] = {.name = "index lower",
                           .required = SW__FIELD_NAMES | SW__FIELD_KEY | SW__FIELD_VALUE,
                           .optional = SW__FIELD_ONCE,
                           .value_max = SW_VECTOR_BITS_SIZE,
                           .write = true},
    /* Without names: of any index, for the node itself. */
    [SW_OP_INDEX_STATUS] = {.name = "index status",
                            .optional = SW__FIELD_NAMES | SW__FIELD_KEY | SW__FIELD_LIMIT |
                                        SW__FIELD_EXPECTED | SW__FIELD_VALUE,
                            .value_max = SW_VECTOR_TUNING_SIZE,
                            .read = true},
    [SW_OP_INDEX_VERIFY] = {.name = "index verify",
                            .required = SW__FIELD_NAMES | SW__FIELD_KEY,
                            .optional = SW__FIELD_VALUE,
                            .value_max = SW_INDEX_CHECK_FIXED_SIZE + SW_KEY_SIZE_MAX,
                            .read = true},
    [SW_OP_INDEX_LIST] = {.name = "index list", .required = SW__FIELD_NAMES, .read = true},
    [SW_OP_VECTOR_PUT] = {.name = "vector put",
                          .required = SW__FIELD_NAMES | SW__FIELD_KEY | SW__FIELD_VALUE,
                          .optional = SW__FIELD_LEASE | SW__FIELD_ONCE,
                          .value_max = SW_VALUE_SIZE_MAX,
                          .write = true},
    [SW_OP_VECTOR_SEARCH] = {.name = "vector search",
                             .required = SW__FIELD_NAMES | SW__FIELD_VALUE,
                             .value_max = SW_VALUE_SIZE_MAX,
                             .read = true},
    [SW_OP_CONTEXT_CREATE] = {.name = "context create",
                              .required = SW__FIELD_NAMES | SW__FIELD_KEY | SW__FIELD_VALUE,
                              .optional = SW__FIELD_ONCE,
                              .value_max = SW_SPACE_NAME_SIZE_MAX + 64,
                              .write = true},
    [SW_OP_CONTEXT_APPEND] = {.name = "context append",
                              .required = SW__FIELD_NAMES | SW__FIELD_KEY | SW__FIELD_VALUE,
                              .optional = SW__FIELD_ONCE,
                              .value_max = SW_VALUE_SIZE_MAX,
                              .write = true},
    [SW_OP_CONTEXT_WINDOW] = {.name = "context window",
                              .required = SW__FIELD_NAMES | SW__FIELD_KEY | SW__FIELD_VALUE,
                              .optional = SW__FIELD_ONCE,
                              .value_max = 64,
                              .write = true},
    [SW_OP_CONTEXT_PRUNE] = {.name = "context prune",
                             .required = SW__FIELD_NAMES | SW__FIELD_KEY | SW__FIELD_VALUE,
                             .optional = SW__FIELD_ONCE,
                             .value_max = 64,
                             .write = true},
    [SW_OP_CONTEXT_TOUCH] = {.name = "context touch",
                             .required = SW__FIELD_NAMES | SW__FIELD_KEY | SW__FIELD_VALUE,
                             .optional = SW__FIELD_ONCE,
                             .value_max = 4 + 8 * SW_CONTEXT_TOUCH_COUNT_MAX,
                             .write = true},
    [SW_OP_CONTEXT_POLICY] = {.name = "context policy",
                              .required = SW__FIELD_NAMES | SW__FIELD_KEY | SW__FIELD_VALUE,
                              .optional = SW__FIELD_ONCE,
                              .value_max = 64,
                              .write = true},
    [SW_OP_CONTEXT_RESTORE] = {.name = "context restore",
                               .required = SW__FIELD_NAMES | SW__FIELD_KEY | SW__FIELD_VALUE,
                               .optional = SW__FIELD_ONCE,
                               .value_max = 24,
                               .write = true},
    [SW_OP_CONTEXT_DELETE] = {.name = "context delete",
                              .required = SW__FIELD_NAMES | SW__FIELD_KEY,
                              .optional = SW__FIELD_ONCE,
                              .write = true},
    [SW_OP_MEMORY_PUT] = {.name = "memory put",
                          .required = SW__FIELD_NAMES | SW__FIELD_KEY | SW__FIELD_VALUE,
                          .optional = SW__FIELD_LEASE | SW__FIELD_ONCE,
                          .value_max = SW_VALUE_SIZE_MAX,
                          .write = true},
    [SW_OP_MEMORY_USE] = {.name = "memory use",
                          .required = SW__FIELD_NAMES | SW__FIELD_KEY | SW__FIELD_VALUE,
                          .optional = SW__FIELD_ONCE,
                          .value_max = 1,
                          .write = true},
    [SW_OP_MEMORY_FORGET] = {.name = "memory forget",
                             .required = SW__FIELD_NAMES | SW__FIELD_KEY,
                             .optional = SW__FIELD_LIMIT | SW__FIELD_ONCE,
                             .write = true},
    [SW_OP_MEMORY_TEND] = {.name = "memory tend",
                           .required = SW__FIELD_NAMES,
                           .optional = SW__FIELD_KEY | SW__FIELD_ONCE,
                           .write = true},
    [SW_OP_MEMORY_AGENTS] = {.name = "memory agents",
                             .required = SW__FIELD_NAMES,
                             .optional = SW__FIELD_KEY | SW__FIELD_LIMIT,
                             .read = true},
    [SW_OP_INDEX_PLACES] = {.name = "index places",
                            .required = SW__FIELD_TENANT | SW__FIELD_NAMESPACE | SW__FIELD_KEY,
                            .read = true},
};

const char *sw_op_text(enum sw_op op)
{
    return op > 0 && op < SW_OP_COUNT && op_rules[op].name != NULL ? op_rules[op].name : "unknown";
}

bool sw_op_is_context(enum sw_op op)
{
    return op >= SW_OP_CONTEXT_CREATE && op <= SW_OP_CONTEXT_RESTORE;
}

bool sw_op_is_write(enum sw_op op)
{
    return op > 0 && op < SW_OP_COUNT && op_rules[op].write;
}

/* --- validation ------------------------------------------------------------------------------- */

static const char *name_of_field(uint32_t fields)
{
    for (uint32_t i = 0; i < SW__FIELD_COUNT; i++) {
        if ((fields & (1U << i)) != 0) {
            return field_names[i];
        }
    }
    return "field";
}

static enum sw_err check_fields(const struct op_rule *rule, uint32_t fields, char *ret_why)
{
    const uint32_t missing = rule->required & ~fields;
    const uint32_t extra = fields & ~(rule->required | rule->optional);

    if (missing != 0) {
        snprintf(ret_why, SW_WHY_SIZE, "%s needs a %s", rule->name, name_of_field(missing));
        return SW_ERR_INVALID;
    }
    if (extra != 0) {
        snprintf(ret_why, SW_WHY_SIZE, "%s takes no %s", rule->name, name_of_field(extra));
        return SW_ERR_INVALID;
    }
    return SW_ERR_OK;
}

static enum sw_err check_size(const char *field, struct sw_span bytes, size_t max, char *ret_why)
{
    if (bytes.size <= max) {
        return SW_ERR_OK;
    }
    snprintf(
        ret_why, SW_WHY_SIZE, "%s is %zu bytes, the limit is %zu bytes", field, bytes.size, max);
    return SW_ERR_TOO_LARGE;
}

/* Names are printed in logs, metrics and shells, so they are printable ASCII without spaces. */
static enum sw_err check_name(const char *field, struct sw_span name, size_t max, char *ret_why)
{
    for (size_t i = 0; i < name.size; i++) {
        if (name.data[i] <= ' ' || name.data[i] > '~') {
            snprintf(ret_why,
                     SW_WHY_SIZE,
                     "%s has byte 0x%02x at %zu, allowed is printable ASCII without spaces",
                     field,
                     (unsigned)name.data[i],
                     i);
            return SW_ERR_INVALID;
        }
    }
    return check_size(field, name, max, ret_why);
}

static enum sw_err check_names(const struct sw_request *request, char *ret_why)
{
    enum sw_err err;

    err = check_name("tenant", request->tenant, SW_TENANT_SIZE_MAX, ret_why);
    if (err == SW_ERR_OK) {
        err = check_name("namespace", request->name_space, SW_NAMESPACE_SIZE_MAX, ret_why);
    }
    if (err == SW_ERR_OK) {
        err = check_name("partition", request->partition, SW_PARTITION_SIZE_MAX, ret_why);
    }
    return err;
}

static enum sw_err check_sizes(const struct sw_request *request, uint32_t value_max, char *ret_why)
{
    enum sw_err err;

    err = check_size("key", request->key, SW_KEY_SIZE_MAX, ret_why);
    if (err == SW_ERR_OK) {
        err = check_size("end key", request->end_key, SW_KEY_SIZE_MAX, ret_why);
    }
    if (err == SW_ERR_OK) {
        err = check_size("value", request->value, value_max, ret_why);
    }
    return err;
}

static enum sw_err check_session(const struct sw_request *request, char *ret_why)
{
    const char *why = NULL;

    if (request->op == SW_OP_SESSION_CLOSE || request->op == SW_OP_SESSION_LIST) {
        return SW_ERR_OK;
    }
    if ((request->session.value == 0) != (request->seq == 0)) {
        why = "session and seq go together";
    } else if (request->seq == 0 && request->acked != 0) {
        why = "acked needs a session";
    } else if (request->seq != 0 && request->acked >= request->seq) {
        why = "acked must be below seq";
    } else if (request->op != SW_OP_OUTCOME && /* its asker may know no more than the number */
               request->seq - request->acked > SW_SESSION_REPLY_COUNT_MAX) {
        why = "seq is more than 4096 ahead of acked";
    }
    if (why == NULL) {
        return SW_ERR_OK;
    }
    snprintf(ret_why, SW_WHY_SIZE, "%s", why);
    return SW_ERR_INVALID;
}

static_assert(SW_SESSION_REPLY_COUNT_MAX == 4096, "the text above names the limit");

static enum sw_err check_open(const struct sw_request *request, char *ret_why)
{
    if (request->value.size != SESSION_NONCE_SIZE) {
        snprintf(ret_why,
                 SW_WHY_SIZE,
                 "session open takes a value of 16 random bytes, not of %zu",
                 request->value.size);
        return SW_ERR_INVALID;
    }
    if (request->limit != 0 &&
        (request->limit < SW_SESSION_TTL_MS_MIN || request->limit > SW_SESSION_TTL_MS_MAX)) {
        snprintf(ret_why,
                 SW_WHY_SIZE,
                 "session ttl is %u ms, allowed is %d to %d ms",
                 (unsigned)request->limit,
                 SW_SESSION_TTL_MS_MIN,
                 SW_SESSION_TTL_MS_MAX);
        return SW_ERR_INVALID;
    }
    return SW_ERR_OK;
}

/* Room above for every end of a lease, and for "none". */
static enum sw_err check_tick(const struct sw_request *request, char *ret_why)
{
    if (request->expected <= INT64_MAX) {
        return SW_ERR_OK;
    }
    snprintf(ret_why, SW_WHY_SIZE, "the clock is over 63 bits");
    return SW_ERR_INVALID;
}

static enum sw_err check_grant(const struct sw_request *request, char *ret_why)
{
    if (request->limit >= SW_LEASE_TTL_MS_MIN && request->limit <= SW_LEASE_TTL_MS_MAX) {
        return SW_ERR_OK;
    }
    snprintf(ret_why,
             SW_WHY_SIZE,
             "lease ttl is %u ms, allowed is %d to %d ms",
             (unsigned)request->limit,
             SW_LEASE_TTL_MS_MIN,
             SW_LEASE_TTL_MS_MAX);
    return SW_ERR_INVALID;
}

static enum sw_err
check_page(const struct op_rule *rule, const struct sw_request *request, char *ret_why)
{
    if ((request->flags & ~rule->flags) != 0) {
        snprintf(ret_why,
                 SW_WHY_SIZE,
                 "%s does not know flags 0x%x",
                 rule->name,
                 (unsigned)(request->flags & ~rule->flags));
        return SW_ERR_INVALID;
    }
    if ((request->flags & SW_REQUEST_PUTS) != 0 && (request->flags & SW_REQUEST_DELETES) != 0) {
        snprintf(ret_why, SW_WHY_SIZE, "puts only and deletes only: nothing would be told");
        return SW_ERR_INVALID;
    }
    if (request->limit > SW_SCAN_COUNT_MAX) {
        snprintf(ret_why,
                 SW_WHY_SIZE,
                 "limit is %u records, the most in one page is %d",
                 (unsigned)request->limit,
                 SW_SCAN_COUNT_MAX);
        return SW_ERR_INVALID;
    }
    return SW_ERR_OK;
}

/* With a question it tells puts alone, and the key as it was before has no place among them. */
static enum sw_err
check_watch(const struct op_rule *rule, const struct sw_request *request, char *ret_why)
{
    if (request->value.size > 0) {
        const enum sw_err err = sw_vector_watch_validate(request->value, ret_why);

        if (err != SW_ERR_OK) {
            return err;
        }
        if ((request->flags & (SW_REQUEST_PREVIOUS | SW_REQUEST_DELETES)) != 0) {
            snprintf(ret_why, SW_WHY_SIZE, "a watch by meaning tells puts, as they were put");
            return SW_ERR_INVALID;
        }
    }
    return check_page(rule, request, ret_why);
}

static enum sw_err check_setting(const struct sw_request *request, char *ret_why)
{
    const enum sw_setting_kind kind = sw_setting_kind_of(request->partition);
    struct sw_setting setting;

    return request->op == SW_OP_SETTING_DELETE
               ? sw_setting_check_name(kind, request->key, ret_why)
               : sw_setting_parse(kind, request->key, request->value, &setting, ret_why);
}

static enum sw_err check_index(const struct sw_request *request, char *ret_why)
{
    const enum sw_err err = sw_vector_index_name_validate(request->key, ret_why);

    return err == SW_ERR_OK ? sw_vector_space_validate(request->value, ret_why) : err;
}

static enum sw_err check_status(const struct sw_request *request, char *ret_why)
{
    if (request->limit > SW_INDEX_SAMPLE_COUNT_MAX) {
        snprintf(ret_why,
                 SW_WHY_SIZE,
                 "%u samples, at most %d are taken at once",
                 (unsigned)request->limit,
                 SW_INDEX_SAMPLE_COUNT_MAX);
        return SW_ERR_INVALID;
    }
    return request->value.size == 0 ? SW_ERR_OK
                                    : sw_vector_budget_validate(request->value, ret_why);
}

static enum sw_err check_context(const struct sw_request *request, char *ret_why)
{
    static enum sw_err (*const check[])(struct sw_span bytes, char ret_why[SW_WHY_SIZE]) = {
        [SW_OP_CONTEXT_CREATE] = sw_context_spec_validate,
        [SW_OP_CONTEXT_APPEND] = sw_context_append_validate,
        [SW_OP_CONTEXT_WINDOW] = sw_context_window_validate,
        [SW_OP_CONTEXT_PRUNE] = sw_context_policy_validate,
        [SW_OP_CONTEXT_TOUCH] = sw_context_tokens_validate,
        [SW_OP_CONTEXT_POLICY] = sw_context_rules_validate,
        [SW_OP_CONTEXT_RESTORE] = sw_context_undo_validate};
    enum sw_err err = SW_ERR_OK;

    if (request->op != SW_OP_CONTEXT_POLICY ||
        !sw_span_equal(request->key, sw_span_str(SW_CONTEXT_PARTITION))) {
        err = sw_context_id_validate(request->key, ret_why);
    }
    return err != SW_ERR_OK || request->op == SW_OP_CONTEXT_DELETE
               ? err
               : check[request->op](request->value, ret_why);
}

static enum sw_err check_memory(const struct sw_request *request, char *ret_why)
{
    struct sw_span agent;

    if (request->op == SW_OP_MEMORY_PUT) {
        return sw_memory_put_validate(request->key, request->value, ret_why);
    }
    if (request->op == SW_OP_MEMORY_USE) {
        if (!sw_memory_key_read(request->key, &agent)) {
            snprintf(ret_why, SW_WHY_SIZE, "the key is no memory's: memory/AGENT/32 hex digits");
            return SW_ERR_INVALID;
        }
        return sw_memory_use_validate(request->value, ret_why);
    }
    if (request->op == SW_OP_MEMORY_FORGET && request->limit > 1) {
        snprintf(
            ret_why, SW_WHY_SIZE, "memory forget takes 0 or 1, not %u", (unsigned)request->limit);
        return SW_ERR_INVALID;
    }
    return SW_ERR_OK;
}

static enum sw_err check_redeem(const struct sw_request *request, char *ret_why)
{
    if (request->value.size == SW_IDENTITY_ID_SIZE) {
        return SW_ERR_OK;
    }
    snprintf(ret_why, SW_WHY_SIZE, "token redeem takes a value of %d bytes", SW_IDENTITY_ID_SIZE);
    return SW_ERR_INVALID;
}

static enum sw_err check_audit(const struct sw_request *request, char *ret_why)
{
    struct sw_audit_note note;

    if (sw_audit_note_decode(request->value, &note) == SW_ERR_OK) {
        return SW_ERR_OK;
    }
    snprintf(ret_why, SW_WHY_SIZE, "the value is no note for the audit log");
    return SW_ERR_INVALID;
}

/* What only some operations have. */
static enum sw_err
check_special(const struct op_rule *rule, const struct sw_request *request, char *ret_why)
{
    if (request->op == SW_OP_SESSION_OPEN) {
        return check_open(request, ret_why);
    }
    if (request->op == SW_OP_LEASE_GRANT) {
        return check_grant(request, ret_why);
    }
    if (request->op == SW_OP_TICK) {
        return check_tick(request, ret_why);
    }
    if (request->op == SW_OP_SETTING_PUT || request->op == SW_OP_SETTING_DELETE) {
        return check_setting(request, ret_why);
    }
    if (request->op == SW_OP_TOKEN_REDEEM) {
        return check_redeem(request, ret_why);
    }
    if (request->op == SW_OP_AUDIT) {
        return check_audit(request, ret_why);
    }
    if (request->op == SW_OP_TXN) {
        return sw_txn_validate(request->value, ret_why);
    }
    if (request->op == SW_OP_WATCH) {
        return check_watch(rule, request, ret_why);
    }
    if (request->op == SW_OP_INDEX_CREATE) {
        return check_index(request, ret_why);
    }
    if (request->op == SW_OP_INDEX_TUNE) {
        return sw_vector_tuning_validate(request->value, ret_why);
    }
    if (request->op == SW_OP_INDEX_LOWER) {
        return sw_vector_bits_validate(request->value, ret_why);
    }
    if (request->op == SW_OP_INDEX_STATUS) {
        return check_status(request, ret_why);
    }
    if (request->op == SW_OP_INDEX_VERIFY) {
        return sw_index_check_validate(request->value, ret_why);
    }
    if (request->op == SW_OP_VECTOR_PUT) {
        return sw_vector_item_validate(request->value, ret_why);
    }
    if (request->op == SW_OP_VECTOR_SEARCH) {
        return sw_vector_query_validate(request->value, ret_why);
    }
    if (sw_op_is_context(request->op)) {
        return check_context(request, ret_why);
    }
    if (request->op >= SW_OP_MEMORY_PUT && request->op <= SW_OP_MEMORY_TEND) {
        return check_memory(request, ret_why);
    }
    if (request->op == SW_OP_MULTI_GET) {
        const enum sw_err err = sw_keys_validate(request->value, ret_why);

        return err == SW_ERR_OK ? check_page(rule, request, ret_why) : err;
    }
    return check_page(rule, request, ret_why);
}

/* Watches wait for their revision anyway, and what goes through the log sees the present state. */
static enum sw_err
check_read(const struct op_rule *rule, const struct sw_request *request, char *ret_why)
{
    if ((request->min_revision == 0 && request->max_age_ms == 0) || rule->read) {
        return SW_ERR_OK;
    }
    snprintf(ret_why,
             SW_WHY_SIZE,
             "%s takes no %s",
             rule->name,
             request->min_revision != 0 ? "min revision" : "max age");
    return SW_ERR_INVALID;
}

enum sw_err sw_request_validate(const struct sw_request *request, char ret_why[SW_WHY_SIZE])
{
    const struct op_rule *rule;
    enum sw_err err;

    if (request->op <= 0 || request->op >= SW_OP_COUNT || op_rules[request->op].name == NULL) {
        snprintf(ret_why, SW_WHY_SIZE, "operation %u is not known", (unsigned)request->op);
        return SW_ERR_UNSUPPORTED;
    }
    rule = &op_rules[request->op];
    err = check_fields(rule, sw__request_fields(request), ret_why);
    if (err == SW_ERR_OK) {
        err = check_names(request, ret_why);
    }
    if (err == SW_ERR_OK) {
        err = check_sizes(request, rule->value_max, ret_why);
    }
    if (err == SW_ERR_OK) {
        err = check_session(request, ret_why);
    }
    if (err == SW_ERR_OK) {
        err = check_read(rule, request, ret_why);
    }
    if (err == SW_ERR_OK) {
        err = check_special(rule, request, ret_why);
    }
    return err;
}
