/* Queues: items wait as keys in the order of priority and number; a claim with the taker's lease
 * says that one is taken, so that it comes back by itself when its taker dies.
 *
 *     NAME/n                the number of the last item, decimal
 *     NAME/i/PPNNNN...      an item: priority, 2 hexadecimal digits, and number, 16
 *     NAME/c/PPNNNN...      its claim, with the taker's lease; while it exists the item is taken
 *     NAME/d/PPNNNN...      how often it was delivered
 *
 * A taker looks for items, then for claims, and claims the first item without one, in a transaction
 * that finds out whether somebody else was faster. */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/limits.h"
#include "client/queue_private.h"
#include "client/scope.h"

enum {
    NUMBER_SIZE_MAX = 20,
    LOOK_COUNT = 64,
    WAIT_MS = 1000, /* for news; then one looks anew */
};

static_assert(SWARM_QUEUE_NAME_SIZE_MAX + 3 + SW__QUEUE_SUFFIX_SIZE + 1 <= SW_KEY_SIZE_MAX,
              "keys fit");

struct swarm_queue {
    struct swarm_client *client; /* borrowed */
    struct sw_scope scope;
    uint8_t name[SWARM_QUEUE_NAME_SIZE_MAX];
    size_t name_size;
    uint8_t owner[SW_KEY_SIZE_MAX];
    size_t owner_size;
    uint32_t ttl_ms;
    pthread_mutex_t lock; /* of the two below */
    uint64_t lease;       /* of all claims; 0 = none yet */
    struct swarm_keeper *keeper;
};

struct taken {
    struct swarm_queue_item item; /* first: what the caller has */
    struct swarm_result *result;  /* owned; the value lies there */
    struct sw__queue_key keys[SWARM_QUEUE_ACK_OPS];
};

struct swarm_client *sw__queue_client(const struct swarm_queue *queue)
{
    return queue->client;
}

struct swarm_slice sw__queue_slice(const struct sw__queue_key *key)
{
    return (struct swarm_slice){.data = key->bytes, .size = key->size};
}

static void append(struct sw__queue_key *key, const void *bytes, size_t size)
{
    SW_ASSERT(key->size + size <= sizeof key->bytes);
    if (size > 0) {
        memcpy(key->bytes + key->size, bytes, size);
    }
    key->size += size;
}

struct sw__queue_key sw__queue_prefix(const struct swarm_queue *queue, char kind)
{
    const char middle[3] = {'/', kind, '/'};
    struct sw__queue_key key = {.size = 0};

    append(&key, queue->name, queue->name_size);
    append(&key, middle, sizeof middle);
    return key;
}

struct sw__queue_key sw__queue_key_of(const struct swarm_queue *queue,
                                      char kind,
                                      const uint8_t suffix[SW__QUEUE_SUFFIX_SIZE])
{
    struct sw__queue_key key = sw__queue_prefix(queue, kind);

    append(&key, suffix, SW__QUEUE_SUFFIX_SIZE);
    return key;
}

const uint8_t *sw__queue_suffix(const struct swarm_queue *queue, struct swarm_slice key)
{
    const size_t before = queue->name_size + 3;

    return key.size == before + SW__QUEUE_SUFFIX_SIZE ? (const uint8_t *)key.data + before : NULL;
}

struct swarm_request sw__queue_request(const struct swarm_queue *queue, enum swarm_op op)
{
    struct swarm_request request = SWARM_INIT(struct swarm_request);

    request.op = op;
    request.scope = queue->scope.scope;
    return request;
}

/* ---- open and close ------------------------------------------------------------------------ */

enum swarm_status swarm_queue_open(struct swarm_client *client,
                                   struct swarm_scope scope,
                                   struct swarm_slice name,
                                   struct swarm_slice owner,
                                   uint32_t ttl_ms,
                                   struct swarm_queue **ret_queue)
{
    struct swarm_queue *queue;
    enum swarm_status status;

    if (name.size == 0 || ttl_ms < SW_LEASE_TTL_MS_MIN || ttl_ms > SW_LEASE_TTL_MS_MAX) {
        return SWARM_INVALID;
    }
    if (name.size > SWARM_QUEUE_NAME_SIZE_MAX || owner.size > sizeof queue->owner) {
        return SWARM_TOO_LARGE;
    }
    queue = calloc(1, sizeof *queue);
    SW_ASSERT(queue != NULL);
    queue->client = client;
    queue->ttl_ms = ttl_ms;
    memcpy(queue->name, name.data, name.size);
    queue->name_size = name.size;
    if (owner.size > 0) {
        memcpy(queue->owner, owner.data, owner.size);
    }
    queue->owner_size = owner.size;
    status = sw_scope_copy(&queue->scope, scope);
    if (status != SWARM_OK) {
        free(queue);
        return status;
    }
    (void)pthread_mutex_init(&queue->lock, NULL);
    *ret_queue = queue;
    return SWARM_OK;
}

void swarm_queue_leave(struct swarm_queue *queue)
{
    if (queue != NULL) {
        swarm_keeper_free(queue->keeper);
        (void)pthread_mutex_destroy(&queue->lock);
        free(queue);
    }
}

enum swarm_status swarm_queue_close(struct swarm_queue *queue)
{
    enum swarm_status status = SWARM_OK;

    if (queue == NULL) {
        return SWARM_OK;
    }
    swarm_keeper_free(queue->keeper);
    queue->keeper = NULL;
    if (queue->lease != 0) {
        status = swarm_lease_revoke(queue->client, queue->scope.scope, queue->lease, NULL);
    }
    swarm_queue_leave(queue);
    return status == SWARM_LEASE_GONE ? SWARM_OK : status;
}

/* ---- putting ------------------------------------------------------------------------------- */

uint64_t sw__queue_decimal(struct swarm_slice text)
{
    const uint8_t *digits = text.data;
    uint64_t number = 0;

    for (size_t i = 0; i < text.size && i < NUMBER_SIZE_MAX; i++) {
        number = number * 10 + (uint64_t)(digits[i] - '0');
    }
    return number;
}

static enum swarm_status next_number(struct swarm_queue *queue, uint64_t *ret_number)
{
    struct sw__queue_key counter = {.size = 0};
    struct swarm_result *result = NULL;
    enum swarm_status status;

    append(&counter, queue->name, queue->name_size);
    append(&counter, "/n", 2);
    status = swarm_merge(queue->client,
                         queue->scope.scope,
                         sw__queue_slice(&counter),
                         SWARM_MERGE_ADD,
                         swarm_str("1"),
                         &result);
    if (status == SWARM_OK) {
        *ret_number = sw__queue_decimal(result->records[0].value);
    }
    swarm_result_free(result);
    return status;
}

static struct sw__queue_suffix suffix_for(uint8_t priority, uint64_t number)
{
    struct sw__queue_suffix suffix;

    (void)snprintf(suffix.text, sizeof suffix.text, "%02x%016" PRIx64, priority, number);
    return suffix;
}

enum swarm_status swarm_queue_put(struct swarm_queue *queue,
                                  uint8_t priority,
                                  struct swarm_slice value,
                                  uint64_t *ret_number)
{
    struct sw__queue_suffix suffix;
    struct sw__queue_key key;
    uint64_t number = 0;
    enum swarm_status status;

    status = next_number(queue, &number);
    if (status != SWARM_OK) {
        return status;
    }
    suffix = suffix_for(priority, number);
    key = sw__queue_key_of(queue, SW__QUEUE_ITEM, (const uint8_t *)suffix.text);
    status = swarm_put(queue->client, queue->scope.scope, sw__queue_slice(&key), value, NULL);
    if (status == SWARM_OK && ret_number != NULL) {
        *ret_number = number;
    }
    return status;
}

/* ---- the lease of a taker ------------------------------------------------------------------ */

/* Its claims are gone with it, or will be. */
static void forget_lease(struct swarm_queue *queue, uint64_t lease)
{
    struct swarm_keeper *keeper = NULL;

    (void)pthread_mutex_lock(&queue->lock);
    if (queue->lease == lease) {
        keeper = queue->keeper;
        queue->keeper = NULL;
        queue->lease = 0;
    }
    (void)pthread_mutex_unlock(&queue->lock);
    swarm_keeper_free(keeper);
}

static enum swarm_status grant(struct swarm_queue *queue)
{
    struct swarm_result *result = NULL;
    enum swarm_status status;

    status = swarm_lease_grant(queue->client, queue->scope.scope, queue->ttl_ms, &result);
    if (status == SWARM_OK) {
        queue->lease = result->value;
        status = swarm_keeper_new(queue->client,
                                  queue->scope.scope,
                                  queue->lease,
                                  queue->ttl_ms,
                                  NULL,
                                  NULL,
                                  &queue->keeper);
    }
    swarm_result_free(result);
    return status;
}

/* One that lives, as far as its keeper knows. */
static enum swarm_status my_lease(struct swarm_queue *queue, uint64_t *ret_lease)
{
    enum swarm_status status = SWARM_OK;

    (void)pthread_mutex_lock(&queue->lock);
    if (queue->keeper == NULL || !swarm_keeper_holds(queue->keeper)) {
        swarm_keeper_free(queue->keeper);
        queue->keeper = NULL;
        status = grant(queue);
    }
    *ret_lease = queue->lease;
    (void)pthread_mutex_unlock(&queue->lock);
    return status;
}

/* ---- taking -------------------------------------------------------------------------------- */

void sw__queue_read_suffix(const uint8_t *suffix, uint8_t *ret_priority, uint64_t *ret_number)
{
    char digits[SW__QUEUE_SUFFIX_SIZE + 1] = "";

    memcpy(digits, suffix, SW__QUEUE_SUFFIX_SIZE);
    *ret_number = strtoull(digits + 2, NULL, 16);
    digits[2] = '\0';
    *ret_priority = (uint8_t)strtoul(digits, NULL, 16);
}

static struct taken *
taken_of(const struct swarm_queue *queue, const uint8_t *suffix, uint64_t lease)
{
    struct taken *taken = calloc(1, sizeof *taken);

    SW_ASSERT(taken != NULL);
    taken->keys[0] = sw__queue_key_of(queue, SW__QUEUE_ITEM, suffix);
    taken->keys[1] = sw__queue_key_of(queue, SW__QUEUE_CLAIM, suffix);
    taken->keys[2] = sw__queue_key_of(queue, SW__QUEUE_DELIVERIES, suffix);
    taken->item.token = lease;
    sw__queue_read_suffix(suffix, &taken->item.priority, &taken->item.number);
    return taken;
}

struct swarm_queue_item *swarm_queue_item_of(const struct swarm_queue *queue,
                                             uint8_t priority,
                                             uint64_t number,
                                             uint64_t token)
{
    const struct sw__queue_suffix suffix = suffix_for(priority, number);

    return &taken_of(queue, (const uint8_t *)suffix.text, token)->item;
}

/* SWARM_CONFLICT: somebody else was faster. */
static enum swarm_status
claim(struct swarm_queue *queue, const uint8_t *suffix, uint64_t lease, struct taken **ret_taken)
{
    struct taken *taken = taken_of(queue, suffix, lease);
    const struct swarm_slice item = sw__queue_slice(&taken->keys[0]);
    const struct swarm_slice mine = sw__queue_slice(&taken->keys[1]);
    const struct swarm_compare compares[] = {
        {.target = SWARM_COMPARE_VERSION, .relation = SWARM_GREATER, .key = item},
        {.target = SWARM_COMPARE_VERSION, .relation = SWARM_EQUAL, .key = mine},
    };
    const struct swarm_txn_op ops[] = {
        {.kind = SWARM_TXN_PUT,
         .key = mine,
         .value = {.data = queue->owner, .size = queue->owner_size},
         .lease = lease},
        {.kind = SWARM_TXN_GET, .key = item},
        {.kind = SWARM_TXN_MERGE,
         .merge = SWARM_MERGE_ADD,
         .key = sw__queue_slice(&taken->keys[2]),
         .value = swarm_str("1")},
    };
    const struct swarm_txn txn = {
        .compares = compares, .compare_count = 2, .then_ops = ops, .then_count = 3};
    enum swarm_status status;

    status = swarm_txn(queue->client, queue->scope.scope, &txn, &taken->result);
    if (status == SWARM_OK && !taken->result->succeeded) {
        status = SWARM_CONFLICT;
    }
    if (status != SWARM_OK) {
        swarm_queue_item_free(&taken->item);
        return status;
    }
    taken->item.value = taken->result->records[1].value;
    taken->item.deliveries = (uint32_t)sw__queue_decimal(taken->result->records[2].value);
    *ret_taken = taken;
    return SWARM_OK;
}

/* A page of the keys of one kind, from a suffix on. */
static enum swarm_status page_of(struct swarm_queue *queue,
                                 char kind,
                                 struct swarm_slice from,
                                 struct swarm_result **ret_page)
{
    struct swarm_request request = sw__queue_request(queue, SWARM_SCAN);
    struct sw__queue_key first = sw__queue_prefix(queue, kind);
    struct sw__queue_key end = first;

    append(&first, from.data, from.size);
    end.bytes[end.size - 1]++;
    request.key = sw__queue_slice(&first);
    request.end_key = sw__queue_slice(&end);
    request.limit = LOOK_COUNT;
    request.flags = SWARM_KEYS_ONLY;
    return swarm_call(queue->client, &request, ret_page);
}

/* What stands right behind the last key of a page; false if nothing can be there. */
static bool behind(const struct swarm_queue *queue,
                   const struct swarm_result *page,
                   uint8_t next[SW__QUEUE_SUFFIX_SIZE + 1],
                   struct swarm_slice *ret_from)
{
    const uint8_t *last = page->record_count == 0
                              ? NULL
                              : sw__queue_suffix(queue, page->records[page->record_count - 1].key);

    if (last == NULL || !page->more) {
        return false;
    }
    memcpy(next, last, SW__QUEUE_SUFFIX_SIZE);
    next[SW__QUEUE_SUFFIX_SIZE] = 0;
    *ret_from = (struct swarm_slice){.data = next, .size = SW__QUEUE_SUFFIX_SIZE + 1};
    return true;
}

/* Marks the items that one page of claims takes; both are in order. */
static void mark(const struct swarm_queue *queue,
                 const struct swarm_result *items,
                 const struct swarm_result *claims,
                 bool marks[LOOK_COUNT])
{
    size_t at = 0;

    for (size_t i = 0; i < claims->record_count; i++) {
        const uint8_t *claimed = sw__queue_suffix(queue, claims->records[i].key);

        while (claimed != NULL && at < items->record_count) {
            const uint8_t *item = sw__queue_suffix(queue, items->records[at].key);
            const int order = item == NULL ? -1 : memcmp(item, claimed, SW__QUEUE_SUFFIX_SIZE);

            if (order > 0) {
                break;
            }
            marks[at] = marks[at] || order == 0;
            at++;
        }
    }
}

static enum swarm_status
mark_taken(struct swarm_queue *queue, const struct swarm_result *items, bool marks[LOOK_COUNT])
{
    const uint8_t *last = sw__queue_suffix(queue, items->records[items->record_count - 1].key);
    struct swarm_slice from = {.data = sw__queue_suffix(queue, items->records[0].key),
                               .size = SW__QUEUE_SUFFIX_SIZE};
    uint8_t next[SW__QUEUE_SUFFIX_SIZE + 1];
    bool more = from.data != NULL && last != NULL;
    enum swarm_status status = SWARM_OK;

    while (more && status == SWARM_OK && memcmp(from.data, last, SW__QUEUE_SUFFIX_SIZE) <= 0) {
        struct swarm_result *claims = NULL;

        status = page_of(queue, SW__QUEUE_CLAIM, from, &claims);
        if (status == SWARM_OK) {
            mark(queue, items, claims, marks);
            more = behind(queue, claims, next, &from);
        }
        swarm_result_free(claims);
    }
    return status;
}

/* SWARM_CONFLICT: none of these is free. */
static enum swarm_status take_one_of(struct swarm_queue *queue,
                                     const struct swarm_result *items,
                                     uint64_t lease,
                                     struct taken **ret_taken)
{
    bool marks[LOOK_COUNT] = {false};
    enum swarm_status status = SWARM_CONFLICT;
    enum swarm_status failed;

    SW_ASSERT(items->record_count <= LOOK_COUNT);
    if (items->record_count == 0) {
        return SWARM_CONFLICT;
    }
    failed = mark_taken(queue, items, marks);
    if (failed != SWARM_OK) {
        return failed;
    }
    for (size_t i = 0; i < items->record_count && status == SWARM_CONFLICT; i++) {
        const uint8_t *suffix = sw__queue_suffix(queue, items->records[i].key);

        if (suffix != NULL && !marks[i]) {
            status = claim(queue, suffix, lease, ret_taken);
        }
    }
    return status;
}

/* Claims the first item that is free. SWARM_CONFLICT: there was none at `ret_seen`. */
static enum swarm_status
take_now(struct swarm_queue *queue, uint64_t lease, uint64_t *ret_seen, struct taken **ret_taken)
{
    struct swarm_slice from = {.size = 0};
    uint8_t next[SW__QUEUE_SUFFIX_SIZE + 1];
    enum swarm_status status = SWARM_CONFLICT;
    bool more = true;

    *ret_seen = 0;
    while (more && status == SWARM_CONFLICT) {
        struct swarm_result *items = NULL;

        status = page_of(queue, SW__QUEUE_ITEM, from, &items);
        if (status == SWARM_OK) {
            *ret_seen = *ret_seen == 0 ? items->revision : *ret_seen;
            more = behind(queue, items, next, &from);
            status = take_one_of(queue, items, lease, ret_taken);
        }
        swarm_result_free(items);
    }
    return status;
}

/* Until an item comes or a claim goes, or for a while; what became of the wait does not matter. */
static void wait_for_news(struct swarm_queue *queue, uint64_t seen, uint64_t deadline_ms)
{
    struct swarm_request request = sw__queue_request(queue, SWARM_WATCH);
    const struct sw__queue_key first = sw__queue_prefix(queue, SW__QUEUE_CLAIM);
    const uint64_t until_ms = swarm_now_ms() + WAIT_MS;
    struct sw__queue_key end = sw__queue_prefix(queue, SW__QUEUE_ITEM);

    end.bytes[end.size - 1]++;
    request.key = sw__queue_slice(&first);
    request.end_key = sw__queue_slice(&end);
    request.expected = seen;
    request.limit = 1;
    request.flags = SWARM_KEYS_ONLY;
    request.deadline_ms = until_ms < deadline_ms ? until_ms : deadline_ms;
    (void)swarm_call(queue->client, &request, NULL);
}

enum swarm_status swarm_queue_take(struct swarm_queue *queue,
                                   uint64_t deadline_ms,
                                   struct swarm_queue_item **ret_item)
{
    for (;;) {
        struct taken *taken = NULL;
        uint64_t lease, seen = 0;
        enum swarm_status status = my_lease(queue, &lease);

        if (status == SWARM_OK) {
            status = take_now(queue, lease, &seen, &taken);
        }
        if (status == SWARM_OK) {
            *ret_item = &taken->item;
            return SWARM_OK;
        }
        if (status == SWARM_LEASE_GONE) {
            forget_lease(queue, lease); /* between the look and the claim */
        } else if (status != SWARM_CONFLICT) {
            return status;
        }
        if (swarm_now_ms() >= deadline_ms) {
            return SWARM_NOT_FOUND;
        }
        if (status == SWARM_CONFLICT) {
            wait_for_news(queue, seen, deadline_ms);
        }
    }
}

/* ---- what becomes of an item --------------------------------------------------------------- */

static struct taken *whole(struct swarm_queue_item *item)
{
    return (struct taken *)item; /* its first member */
}

void swarm_queue_ack_parts(struct swarm_queue_item *item,
                           struct swarm_compare *ret_compare,
                           struct swarm_txn_op ret_ops[SWARM_QUEUE_ACK_OPS])
{
    const struct taken *taken = whole(item);

    *ret_compare = (struct swarm_compare){.target = SWARM_COMPARE_LEASE,
                                          .relation = SWARM_EQUAL,
                                          .key = sw__queue_slice(&taken->keys[1]),
                                          .number = item->token};
    for (int i = 0; i < SWARM_QUEUE_ACK_OPS; i++) {
        ret_ops[i] = (struct swarm_txn_op){.kind = SWARM_TXN_DELETE,
                                           .key = sw__queue_slice(&taken->keys[i])};
    }
}

static enum swarm_status finish(struct swarm_queue *queue,
                                const struct swarm_compare *held,
                                const struct swarm_txn_op *ops,
                                size_t count)
{
    const struct swarm_txn txn = {
        .compares = held, .compare_count = 1, .then_ops = ops, .then_count = count};
    struct swarm_result *result = NULL;
    enum swarm_status status;

    status = swarm_txn(queue->client, queue->scope.scope, &txn, &result);
    if (status == SWARM_OK && !result->succeeded) {
        status = SWARM_CONFLICT;
    }
    swarm_result_free(result);
    return status;
}

enum swarm_status swarm_queue_ack(struct swarm_queue *queue, struct swarm_queue_item *item)
{
    struct swarm_txn_op ops[SWARM_QUEUE_ACK_OPS];
    struct swarm_compare held;

    swarm_queue_ack_parts(item, &held, ops);
    return finish(queue, &held, ops, SWARM_QUEUE_ACK_OPS);
}

enum swarm_status swarm_queue_release(struct swarm_queue *queue, struct swarm_queue_item *item)
{
    struct swarm_txn_op ops[SWARM_QUEUE_ACK_OPS];
    struct swarm_compare held;

    swarm_queue_ack_parts(item, &held, ops);
    return finish(queue, &held, &ops[1], 1); /* the claim alone */
}

void swarm_queue_item_free(struct swarm_queue_item *item)
{
    if (item != NULL) {
        swarm_result_free(whole(item)->result);
        free(item);
    }
}
