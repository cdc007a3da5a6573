/* One decision, from the widest right to the narrowest. */
#include "node/rights.h"

#include <stdio.h>
#include <string.h>

enum { FILE_FLAGS = SW_AUTHOR_ADMINISTRATOR | SW_AUTHOR_LISTED };

/* What an operation on a place needs there; 0: it is on no place. */
static uint8_t needed_rights(const struct sw_request *request)
{
    switch (request->op) {
    case SW_OP_GET:
    case SW_OP_SCAN:
    case SW_OP_EXPERIENCE_SCAN:
    case SW_OP_MULTI_GET:
    case SW_OP_LEASE_LIST:
    case SW_OP_WATCH:
    case SW_OP_INDEX_LIST:
    case SW_OP_INDEX_STATUS:
    case SW_OP_INDEX_VERIFY:
    case SW_OP_VECTOR_SEARCH:
    case SW_OP_HISTORY:
    case SW_OP_MEMORY_AGENTS:
    case SW_OP_INDEX_PLACES:
        return SW_RIGHT_READ;
    case SW_OP_PUT:
    case SW_OP_CAS:
    case SW_OP_DELETE:
        return (request->flags & SW_REQUEST_PREVIOUS) != 0 ? SW_RIGHT_READ | SW_RIGHT_WRITE
                                                           : SW_RIGHT_WRITE;
    case SW_OP_EXPERIENCE_APPEND:
    case SW_OP_LEASE_GRANT:
    case SW_OP_LEASE_KEEP_ALIVE:
    case SW_OP_LEASE_REVOKE:
    case SW_OP_INDEX_CREATE:
    case SW_OP_INDEX_DROP:
    case SW_OP_INDEX_TUNE:
    case SW_OP_INDEX_LOWER:
    case SW_OP_CONTEXT_CREATE:
    case SW_OP_CONTEXT_APPEND:
    case SW_OP_CONTEXT_WINDOW:
    case SW_OP_CONTEXT_DELETE:
    case SW_OP_MEMORY_USE:
    case SW_OP_MEMORY_FORGET:
    case SW_OP_CONTEXT_TOUCH:
    case SW_OP_CONTEXT_POLICY:
        return SW_RIGHT_WRITE;
    case SW_OP_TXN:           /* its compares tell what is there, */
    case SW_OP_VECTOR_PUT:    /* a novel put what is near, */
    case SW_OP_CONTEXT_PRUNE: /* and a pruning what it takes, or gives back */
    case SW_OP_CONTEXT_RESTORE:
    case SW_OP_MEMORY_PUT:  /* so does a novel memory, */
    case SW_OP_MEMORY_TEND: /* and tending names keys */
        return SW_RIGHT_READ | SW_RIGHT_WRITE;
    case SW_OP_SESSION_OPEN:
    case SW_OP_SESSION_CLOSE:
    case SW_OP_SESSION_LIST:
    case SW_OP_OUTCOME:
    case SW_OP_STATUS:
    case SW_OP_MEMBER_LIST:
    case SW_OP_TRANSFER:
    case SW_OP_SNAPSHOT:
    case SW_OP_MEMBER_ADD:
    case SW_OP_MEMBER_PROMOTE:
    case SW_OP_MEMBER_DEMOTE:
    case SW_OP_MEMBER_REMOVE:
    case SW_OP_RESTART:
    case SW_OP_TICK:
    case SW_OP_COMPACT:
    case SW_OP_SETTING_PUT:
    case SW_OP_SETTING_DELETE:
    case SW_OP_AUDIT:
    case SW_OP_TOKEN_REDEEM:
    case SW_OP_COUNT:
        break;
    }
    return 0;
}

/* What whoever is known may do. */
static bool is_for_all(enum sw_op op)
{
    return op == SW_OP_SESSION_OPEN || op == SW_OP_SESSION_CLOSE || op == SW_OP_OUTCOME ||
           op == SW_OP_STATUS || op == SW_OP_MEMBER_LIST;
}

static bool
right_covers(const struct sw_right *right, struct sw_span tenant, struct sw_span name_space)
{
    const size_t size = strlen(right->prefix);

    return (strcmp(right->tenant, "*") == 0 || sw_span_equal(sw_span_str(right->tenant), tenant)) &&
           size <= name_space.size &&
           (size == 0 || memcmp(right->prefix, name_space.data, size) == 0);
}

/* Rights over a place, of all rows that cover it. */
static uint8_t
rights_over(const struct sw_right_list *list, struct sw_span tenant, struct sw_span name_space)
{
    uint8_t rights = 0;

    for (uint32_t i = 0; i < list->count; i++) {
        if (right_covers(&list->rows[i], tenant, name_space)) {
            rights |= list->rows[i].rights;
        }
    }
    return rights;
}

static bool administers_all(const struct sw_right_list *list)
{
    for (uint32_t i = 0; i < list->count; i++) {
        const struct sw_right *right = &list->rows[i];

        if ((right->rights & SW_RIGHT_ADMIN) != 0 && strcmp(right->tenant, "*") == 0 &&
            right->prefix[0] == '\0') {
            return true;
        }
    }
    return false;
}

bool sw_rights_administers(const struct sw_settings *settings, const struct sw_author *author)
{
    const struct sw_setting *identity;

    if ((author->flags & (SW_AUTHOR_ADMINISTRATOR | SW_AUTHOR_NODE)) != 0) {
        return true;
    }
    identity = sw_settings_identity(settings, author->id);
    return identity != NULL && administers_all(&identity->rights);
}

/* Retention of a scope, by whoever administers all of it. */
static bool may_set(const struct sw_right_list *list, const struct sw_request *request)
{
    const uint8_t *space =
        request->key.size == 0 ? NULL : memchr(request->key.data, ' ', request->key.size);
    struct sw_span tenant = request->key;
    struct sw_span name_space = sw_span_of(NULL, 0);

    if (sw_setting_kind_of(request->partition) != SW_SETTING_RETENTION) {
        return false;
    }
    if (space != NULL) {
        tenant.size = (size_t)(space - request->key.data);
        name_space = sw_span_of(space + 1, request->key.size - tenant.size - 1);
    }
    return (rights_over(list, tenant, name_space) & SW_RIGHT_ADMIN) != 0;
}

static bool list_allows(const struct sw_right_list *list, const struct sw_request *request)
{
    const uint8_t needed = needed_rights(request);

    if (needed != 0) {
        return (rights_over(list, request->tenant, request->name_space) & needed) == needed;
    }
    if (request->op == SW_OP_SETTING_PUT || request->op == SW_OP_SETTING_DELETE) {
        return may_set(list, request);
    }
    return is_for_all(request->op);
}

static enum sw_err refuse(char *ret_why, const char *text)
{
    (void)snprintf(ret_why, SW_WHY_SIZE, "%s", text);
    return SW_ERR_UNAUTHORIZED;
}

/* Nobody but the store itself writes into the reserved tenant. */
static enum sw_err check_reserved(const struct sw_settings *settings,
                                  const struct sw_author *author,
                                  const struct sw_request *request,
                                  char *ret_why)
{
    if (sw_op_is_write(request->op)) {
        return refuse(ret_why, "tenant ~swarm is written by settings alone");
    }
    if (!sw_rights_administers(settings, author)) {
        return refuse(ret_why, "tenant ~swarm is read by administrators alone");
    }
    return SW_ERR_OK;
}

enum sw_err sw_rights_check(const struct sw_settings *settings,
                            const struct sw_author *author,
                            const struct sw_request *request,
                            char ret_why[SW_WHY_SIZE])
{
    const struct sw_setting *identity;

    if (sw_tenant_is_reserved(request->tenant)) {
        return check_reserved(settings, author, request, ret_why);
    }
    if (sw_rights_administers(settings, author)) {
        return SW_ERR_OK;
    }
    if ((author->flags & SW_AUTHOR_LISTED) != 0) {
        return needed_rights(request) != 0 || is_for_all(request->op)
                   ? SW_ERR_OK
                   : refuse(ret_why, "only an administrator may do that");
    }
    if (request->op == SW_OP_TOKEN_REDEEM) {
        return sw_settings_token(settings, author->id) != NULL
                   ? SW_ERR_OK
                   : refuse(ret_why, "this client's key is no token");
    }
    identity = sw_settings_identity(settings, author->id);
    if (identity == NULL) {
        return refuse(ret_why, "no identity has this client's key");
    }
    if (list_allows(&identity->rights, request)) {
        return SW_ERR_OK;
    }
    (void)snprintf(ret_why,
                   SW_WHY_SIZE,
                   "identity %.64s has no right to do that%s",
                   identity->name,
                   needed_rights(request) != 0 ? " there" : "");
    return SW_ERR_UNAUTHORIZED;
}

bool sw_rights_own_session(const uint8_t owner[SW_IDENTITY_ID_SIZE], const struct sw_author *author)
{
    static const uint8_t nobody[SW_IDENTITY_ID_SIZE];

    if (memcmp(owner, nobody, sizeof nobody) == 0) {
        return (author->flags & FILE_FLAGS) != 0;
    }
    return memcmp(owner, author->id, SW_IDENTITY_ID_SIZE) == 0;
}
