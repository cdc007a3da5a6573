/* Shorthands that wait, and the walk over the pages of a scan: swarm_call in other words. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/limits.h"
#include "client/include/swarm.h"

static struct swarm_request request_of(enum swarm_op op, struct swarm_scope scope)
{
    struct swarm_request request = SWARM_INIT(struct swarm_request);

    request.op = op;
    request.scope = scope;
    return request;
}

enum swarm_status swarm_put(struct swarm_client *client,
                            struct swarm_scope scope,
                            struct swarm_slice key,
                            struct swarm_slice value,
                            struct swarm_result **ret_result)
{
    struct swarm_request request = request_of(SWARM_PUT, scope);

    request.key = key;
    request.value = value;
    return swarm_call(client, &request, ret_result);
}

enum swarm_status swarm_get(struct swarm_client *client,
                            struct swarm_scope scope,
                            struct swarm_slice key,
                            struct swarm_result **ret_result)
{
    struct swarm_request request = request_of(SWARM_GET, scope);

    request.key = key;
    return swarm_call(client, &request, ret_result);
}

enum swarm_status swarm_delete(struct swarm_client *client,
                               struct swarm_scope scope,
                               struct swarm_slice key,
                               struct swarm_result **ret_result)
{
    struct swarm_request request = request_of(SWARM_DELETE, scope);

    request.key = key;
    return swarm_call(client, &request, ret_result);
}

enum swarm_status swarm_cas(struct swarm_client *client,
                            struct swarm_scope scope,
                            struct swarm_slice key,
                            uint64_t expected,
                            struct swarm_slice value,
                            struct swarm_result **ret_result)
{
    struct swarm_request request = request_of(SWARM_CAS, scope);

    request.key = key;
    request.expected = expected;
    request.value = value;
    return swarm_call(client, &request, ret_result);
}

enum swarm_status swarm_append(struct swarm_client *client,
                               struct swarm_scope scope,
                               struct swarm_slice experience,
                               struct swarm_result **ret_result)
{
    struct swarm_request request = request_of(SWARM_EXPERIENCE_APPEND, scope);

    request.value = experience;
    return swarm_call(client, &request, ret_result);
}

enum swarm_status swarm_txn(struct swarm_client *client,
                            struct swarm_scope scope,
                            const struct swarm_txn *txn,
                            struct swarm_result **ret_result)
{
    struct swarm_request request = request_of(SWARM_TXN, scope);

    request.txn = txn;
    return swarm_call(client, &request, ret_result);
}

enum swarm_status swarm_merge(struct swarm_client *client,
                              struct swarm_scope scope,
                              struct swarm_slice key,
                              enum swarm_merge_operator merge,
                              struct swarm_slice operand,
                              struct swarm_result **ret_result)
{
    const struct swarm_txn_op op = {
        .kind = SWARM_TXN_MERGE, .merge = merge, .key = key, .value = operand};
    const struct swarm_txn txn = {.then_ops = &op, .then_count = 1};

    return swarm_txn(client, scope, &txn, ret_result);
}

enum swarm_status swarm_multi_get(struct swarm_client *client,
                                  struct swarm_scope scope,
                                  const struct swarm_slice *keys,
                                  size_t key_count,
                                  struct swarm_result **ret_result)
{
    struct swarm_request request = request_of(SWARM_MULTI_GET, scope);

    request.keys = keys;
    request.key_count = key_count;
    return swarm_call(client, &request, ret_result);
}

enum swarm_status swarm_outcome_of(struct swarm_client *client,
                                   uint64_t session,
                                   uint64_t seq,
                                   struct swarm_result **ret_result)
{
    struct swarm_request request = SWARM_INIT(struct swarm_request);

    request.op = SWARM_OUTCOME;
    request.session = session;
    request.seq = seq;
    return swarm_call(client, &request, ret_result);
}

static enum swarm_status lease_call(struct swarm_client *client,
                                    enum swarm_op op,
                                    struct swarm_scope scope,
                                    uint64_t lease,
                                    struct swarm_result **ret_result)
{
    struct swarm_request request = request_of(op, scope);

    request.lease = lease;
    return swarm_call(client, &request, ret_result);
}

enum swarm_status swarm_lease_grant(struct swarm_client *client,
                                    struct swarm_scope scope,
                                    uint32_t ttl_ms,
                                    struct swarm_result **ret_result)
{
    struct swarm_request request = request_of(SWARM_LEASE_GRANT, scope);

    request.limit = ttl_ms;
    return swarm_call(client, &request, ret_result);
}

enum swarm_status swarm_lease_keep_alive(struct swarm_client *client,
                                         struct swarm_scope scope,
                                         uint64_t lease,
                                         struct swarm_result **ret_result)
{
    return lease_call(client, SWARM_LEASE_KEEP_ALIVE, scope, lease, ret_result);
}

enum swarm_status swarm_lease_revoke(struct swarm_client *client,
                                     struct swarm_scope scope,
                                     uint64_t lease,
                                     struct swarm_result **ret_result)
{
    return lease_call(client, SWARM_LEASE_REVOKE, scope, lease, ret_result);
}

enum swarm_status swarm_lease_list(struct swarm_client *client,
                                   struct swarm_scope scope,
                                   uint64_t after,
                                   struct swarm_result **ret_result)
{
    return lease_call(client, SWARM_LEASE_LIST, scope, after, ret_result);
}

enum swarm_status
swarm_status_of(struct swarm_client *client, uint64_t node, struct swarm_result **ret_result)
{
    struct swarm_request request = request_of(SWARM_STATUS_OF, (struct swarm_scope){0});

    request.node = node;
    return swarm_call(client, &request, ret_result);
}

enum swarm_status
swarm_transfer(struct swarm_client *client, uint64_t node, struct swarm_result **ret_result)
{
    struct swarm_request request = request_of(SWARM_TRANSFER, (struct swarm_scope){0});

    request.expected = node;
    return swarm_call(client, &request, ret_result);
}

enum swarm_status
swarm_snapshot(struct swarm_client *client, uint64_t node, struct swarm_result **ret_result)
{
    struct swarm_request request = request_of(SWARM_SNAPSHOT, (struct swarm_scope){0});

    request.node = node;
    return swarm_call(client, &request, ret_result);
}

/* ---- cursor -------------------------------------------------------------------------------- */

enum { SCOPE_SIZE = SW_PARTITION_SIZE_MAX + 1 };

struct swarm_cursor {
    struct swarm_client *client;  /* borrowed */
    struct swarm_request request; /* of the next page; its key lies in `key` or at the caller's */
    struct swarm_result *page;    /* owned; NULL = not asked for yet */
    size_t at;                    /* of the next record in the page */
    enum swarm_status failed;
    char scope[3][SCOPE_SIZE];
    uint8_t key[SW_KEY_SIZE_MAX + 1];
    uint8_t end_key[SW_KEY_SIZE_MAX + 1];
};

static enum swarm_status copy_name(char to[SCOPE_SIZE], const char *from, const char **ret_name)
{
    const size_t size = from == NULL ? 0 : strlen(from);

    if (size >= SCOPE_SIZE) {
        return SWARM_TOO_LARGE;
    }
    if (from != NULL) {
        memcpy(to, from, size + 1);
        *ret_name = to;
    }
    return SWARM_OK;
}

static enum swarm_status copy_key(uint8_t *to, struct swarm_slice *key)
{
    if (key->size > SW_KEY_SIZE_MAX) {
        return SWARM_TOO_LARGE;
    }
    if (key->size > 0) {
        memcpy(to, key->data, key->size);
    }
    key->data = to;
    return SWARM_OK;
}

static enum swarm_status copy_request(struct swarm_cursor *cursor)
{
    struct swarm_scope *scope = &cursor->request.scope;
    enum swarm_status status;

    status = copy_name(cursor->scope[0], scope->tenant, &scope->tenant);
    if (status == SWARM_OK) {
        status = copy_name(cursor->scope[1], scope->name_space, &scope->name_space);
    }
    if (status == SWARM_OK) {
        status = copy_name(cursor->scope[2], scope->partition, &scope->partition);
    }
    if (status == SWARM_OK) {
        status = copy_key(cursor->key, &cursor->request.key);
    }
    if (status == SWARM_OK) {
        status = copy_key(cursor->end_key, &cursor->request.end_key);
    }
    return status;
}

enum swarm_status swarm_cursor_new(struct swarm_client *client,
                                   const struct swarm_request *first,
                                   struct swarm_cursor **ret_cursor)
{
    struct swarm_cursor *cursor;
    enum swarm_status status;

    if (first->op != SWARM_SCAN && first->op != SWARM_EXPERIENCE_SCAN) {
        return SWARM_INVALID;
    }
    cursor = calloc(1, sizeof *cursor);
    SW_ASSERT(cursor != NULL);
    cursor->client = client;
    cursor->request = *first;
    status = copy_request(cursor);
    if (status != SWARM_OK) {
        free(cursor);
        return status;
    }
    *ret_cursor = cursor;
    return SWARM_OK;
}

/* The least key above `key`: false if there is none. Keys have at most SW_KEY_SIZE_MAX bytes. */
static bool key_above(uint8_t *key, size_t *size)
{
    if (*size < SW_KEY_SIZE_MAX) {
        key[*size] = 0;
        (*size)++;
        return true;
    }
    while (*size > 0 && key[*size - 1] == UINT8_MAX) {
        (*size)--;
    }
    if (*size == 0) {
        return false;
    }
    key[*size - 1]++;
    return true;
}

/* The greatest key below `key`, which is not empty: false if there is none. */
static bool key_below(uint8_t *key, size_t *size)
{
    if (key[*size - 1] == 0) {
        (*size)--;
        return *size > 0;
    }
    key[*size - 1]--;
    memset(key + *size, UINT8_MAX, SW_KEY_SIZE_MAX - *size);
    *size = SW_KEY_SIZE_MAX;
    return true;
}

/* Where the next page starts: experiences go on by revision, keys right beside the last one. False
 * if nothing can follow. */
static bool go_on_after(struct swarm_cursor *cursor, const struct swarm_record *last)
{
    size_t size = last->key.size;
    bool any;

    if (cursor->request.op == SWARM_EXPERIENCE_SCAN) {
        cursor->request.expected = last->mod_revision;
        return true;
    }
    SW_ASSERT(size > 0);
    SW_ASSERT(size <= SW_KEY_SIZE_MAX);
    memcpy(cursor->key, last->key.data, size);
    any = (cursor->request.flags & SWARM_REVERSE) != 0 ? key_below(cursor->key, &size)
                                                       : key_above(cursor->key, &size);
    cursor->request.key = (struct swarm_slice){.data = cursor->key, .size = size};
    return any;
}

static enum swarm_status next_page(struct swarm_cursor *cursor)
{
    const struct swarm_result *old = cursor->page;
    struct swarm_result *page = NULL;

    if (old != NULL && (!old->more || old->record_count == 0 ||
                        !go_on_after(cursor, &old->records[old->record_count - 1]))) {
        return SWARM_NOT_FOUND;
    }
    cursor->failed = swarm_call(cursor->client, &cursor->request, &page);
    swarm_result_free(cursor->page);
    cursor->page = page;
    cursor->at = 0;
    return cursor->failed;
}

enum swarm_status swarm_cursor_next(struct swarm_cursor *cursor,
                                    const struct swarm_record **ret_record)
{
    enum swarm_status status = cursor->failed;

    while (status == SWARM_OK &&
           (cursor->page == NULL || cursor->at == cursor->page->record_count)) {
        status = next_page(cursor);
    }
    if (status == SWARM_OK) {
        *ret_record = &cursor->page->records[cursor->at];
        cursor->at++;
    }
    return status;
}

uint64_t swarm_cursor_revision(const struct swarm_cursor *cursor)
{
    return cursor->page == NULL ? 0 : cursor->page->revision;
}

const char *swarm_cursor_detail(const struct swarm_cursor *cursor)
{
    return cursor->page == NULL ? swarm_strerror(cursor->failed) : cursor->page->detail;
}

void swarm_cursor_free(struct swarm_cursor *cursor)
{
    if (cursor != NULL) {
        swarm_result_free(cursor->page);
        free(cursor);
    }
}
