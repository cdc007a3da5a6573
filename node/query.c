/* Walks of one partition with paging, and reads of keys by name. */
#include "node/query.h"

#include "base/assert.h"
#include "base/point.h"
#include "node/lease.h"
#include "node/query_private.h"
#include "storage/keys.h"
#include "transport/txn.h"

bool sw__page_is_reverse(const struct sw__page *page)
{
    return (page->request->flags & SW_REQUEST_REVERSE) != 0;
}

struct sw_place sw__page_place(const struct sw__page *page)
{
    return (struct sw_place){.tenant = page->request->tenant,
                             .name_space = page->request->name_space,
                             .partition = page->request->partition};
}

bool sw__page_in_range(const struct sw__page *page, struct sw_span key)
{
    int order;

    if (!sw_key_has_prefix(key, sw_key_span(&page->prefix))) {
        return false;
    }
    if (page->bound.size == 0) {
        return true;
    }
    order = sw_span_compare(key, sw_key_span(&page->bound));
    return sw__page_is_reverse(page) ? order > 0 : order < 0;
}

static enum sw_err record_of(const struct sw__page *page,
                             const struct sw_store_record *stored,
                             struct sw_record *ret_record)
{
    const struct sw_span key = {.data = stored->key.data + page->prefix.size,
                                .size = stored->key.size - page->prefix.size};
    struct sw_experience_record experience;
    struct sw_kv_record kv;
    enum sw_err err;

    if (page->table == SW_TABLE_KV) {
        err = sw_kv_record_decode(stored->value, &kv);
        if (err == SW_ERR_OK) {
            *ret_record = (struct sw_record){.key = key,
                                             .value = kv.value,
                                             .create_revision = kv.create_revision,
                                             .mod_revision = kv.mod_revision,
                                             .version = kv.version,
                                             .time_ms = kv.time_ms,
                                             .lease = kv.lease};
        }
        return err;
    }
    err = sw_experience_record_decode(stored->value, &experience);
    if (err == SW_ERR_OK && key.size != 8) {
        err = SW_ERR_CORRUPT;
    }
    if (err == SW_ERR_OK) {
        const uint64_t revision = sw_load_u64_be(key.data);

        *ret_record = (struct sw_record){.value = experience.value,
                                         .create_revision = revision,
                                         .mod_revision = revision,
                                         .version = 1,
                                         .time_ms = experience.time_ms};
    }
    return err;
}

struct sw_record sw__record_of_version(struct sw_span key, const struct sw_version *version)
{
    return (struct sw_record){.key = key,
                              .value = version->value,
                              .create_revision = version->create_revision,
                              .mod_revision = version->mod_revision,
                              .version = version->version,
                              .time_ms = version->time_ms,
                              .lease = version->lease};
}

bool sw__page_is_full(struct sw__page *page)
{
    const uint32_t limit = page->request->limit;
    const uint32_t count_max = limit > 0 && limit < SW_SCAN_COUNT_MAX ? limit : SW_SCAN_COUNT_MAX;
    const bool full = page->count == count_max;

    page->more = page->more || (full && !SW_PLANTED(FULL_PAGE_IS_LAST));
    return page->more || full;
}

void sw__page_add(struct sw__page *page, struct sw_record *record)
{
    const size_t size_before = page->records->size;

    if ((page->request->flags & SW_REQUEST_KEYS_ONLY) != 0) {
        record->value = sw_span_of(NULL, 0);
    }
    sw_record_encode(record, page->records);
    if (page->records->size > SW_SCAN_SIZE_MAX && page->count > 0) {
        page->records->size = size_before;
        page->more = true;
        return;
    }
    page->count++;
}

/* Adds one record; sets `more` instead if the page is full. */
static enum sw_err add_stored(struct sw__page *page, const struct sw_store_record *stored)
{
    struct sw_record record;
    enum sw_err err;

    if (sw__page_is_full(page)) {
        return SW_ERR_OK;
    }
    err = record_of(page, stored, &record);
    if (err == SW_ERR_OK) {
        sw__page_add(page, &record);
    }
    return err;
}

static enum sw_err page_fill(struct sw__page *page, struct sw_store *store)
{
    const bool reverse = sw__page_is_reverse(page);
    struct sw_store_record stored;
    enum sw_err err;

    err = store->ops->seek(store, page->table, sw_key_span(&page->from), reverse, &stored);
    while (err == SW_ERR_OK && sw__page_in_range(page, stored.key)) {
        if (page->count > 0 && SW_BUGGIFY("query.short_page", 20)) {
            page->more = true;
            return SW_ERR_OK;
        }
        err = add_stored(page, &stored);
        if (err != SW_ERR_OK || page->more) {
            return err;
        }
        err = store->ops->next(store, page->table, reverse, &stored);
    }
    return err == SW_ERR_NOT_FOUND ? SW_ERR_OK : err;
}

/* Above every key of the partition, whose names end with 0x00, and itself no key. */
static void partition_end(const struct sw__page *page, struct sw_key *ret_key)
{
    const bool exists = sw_key_upper(sw_key_span(&page->prefix), ret_key);

    SW_ASSERT(exists);
}

void sw__page_range(struct sw__page *page)
{
    const struct sw_request *request = page->request;
    const struct sw_place place = sw__page_place(page);

    page->table = SW_TABLE_KV;
    if (request->key.size == 0 && sw__page_is_reverse(page)) {
        partition_end(page, &page->from);
    } else {
        sw_key_kv(&place, request->key, &page->from);
    }
    if (request->end_key.size > 0) {
        sw_key_kv(&place, request->end_key, &page->bound);
    }
}

/* False if no revision can be in the range. */
static bool experience_range(struct sw__page *page)
{
    const uint64_t expected = page->request->expected;
    const struct sw_place place = sw__page_place(page);

    page->table = SW_TABLE_EXPERIENCE;
    if (!sw__page_is_reverse(page)) {
        if (expected == UINT64_MAX) {
            return false;
        }
        sw_key_experience(&place, expected + 1 + (SW_PLANTED(PAGE_SKIPS_ONE) ? 1 : 0), &page->from);
    } else if (expected == 0) {
        partition_end(page, &page->from);
    } else {
        sw_key_experience(&place, expected - 1, &page->from);
    }
    return true;
}

static enum sw_err get(struct sw__page *page, struct sw_store *store, enum sw_err *ret_answer)
{
    const struct sw_place place = sw__page_place(page);
    struct sw_store_record stored;
    enum sw_err err;

    page->table = SW_TABLE_KV;
    sw_key_kv(&place, page->request->key, &page->from);
    stored.key = sw_key_span(&page->from);
    err = store->ops->get(store, SW_TABLE_KV, stored.key, &stored.value);
    if (err == SW_ERR_NOT_FOUND) {
        *ret_answer = SW_ERR_NOT_FOUND;
        return SW_ERR_OK;
    }
    return err == SW_ERR_OK ? add_stored(page, &stored) : err;
}

/* A record for each key, in the order asked for: version 0 for one that does not exist. */
static enum sw_err multi_get(struct sw__page *page, struct sw_store *store)
{
    const struct sw_place place = sw__page_place(page);
    struct sw_reader in = sw_reader_of(page->request->value);

    page->table = SW_TABLE_KV;
    while (sw_reader_left(&in) > 0 && !page->more) {
        struct sw_record absent = {.key = sw_keys_next(&in)};
        struct sw_store_record stored;
        enum sw_err err;

        SW_ASSERT(!in.failed); /* validated with its request */
        sw_key_kv(&place, absent.key, &page->from);
        stored.key = sw_key_span(&page->from);
        err = store->ops->get(store, SW_TABLE_KV, stored.key, &stored.value);
        if (err == SW_ERR_OK) {
            err = add_stored(page, &stored);
        } else if (err == SW_ERR_NOT_FOUND) {
            err = SW_ERR_OK;
            sw__page_add(page, &absent);
        }
        if (err != SW_ERR_OK) {
            return err;
        }
    }
    return SW_ERR_OK;
}

/* What is known of a lease, as a record: see swarm.h. */
static struct sw_record
lease_shown(const struct sw__page *page, uint64_t id, const struct sw_lease_record *lease)
{
    const uint64_t now_ms = page->request->expected;

    return (struct sw_record){.create_revision = id,
                              .mod_revision = lease->ttl_ms,
                              .version = lease->key_count,
                              .time_ms = lease->end_ms > now_ms ? lease->end_ms - now_ms : 0,
                              .lease = id};
}

/* Adds it if it is of the request's partition. */
static enum sw_err lease_add(struct sw__page *page, const struct sw_store_record *stored)
{
    const struct sw_place place = sw__page_place(page);
    struct sw_lease_record lease;
    struct sw_lease_key key;
    struct sw_record record;

    if (sw_key_lease_decode(stored->key, &key) != SW_ERR_OK ||
        sw_lease_record_decode(stored->value, &lease) != SW_ERR_OK) {
        return SW_ERR_CORRUPT;
    }
    if (sw_place_equal(&lease.place, &place) && !sw__page_is_full(page)) {
        record = lease_shown(page, key.lease, &lease);
        sw__page_add(page, &record);
    }
    return SW_ERR_OK;
}

static enum sw_err
lease_list(struct sw__page *page, const struct sw_state *state, struct sw_store *store)
{
    struct sw_store_record stored;
    struct sw_lease_key key;
    uint32_t walked = 0;
    enum sw_err err;

    sw_key_lease(state->group, page->request->lease + 1, &page->from);
    page->prefix = page->from;
    page->prefix.size = SW_KEY_GROUP_SIZE + 1; /* all leases of the group */
    err = store->ops->seek(store, SW_TABLE_LEASE, sw_key_span(&page->from), false, &stored);
    while (err == SW_ERR_OK && sw__page_in_range(page, stored.key)) {
        err = lease_add(page, &stored);
        if (err != SW_ERR_OK || page->more) {
            return err;
        }
        walked++;
        if (walked == SW_LEASE_WALK_COUNT_MAX) {
            page->more = true;
            page->walked_to = sw_key_lease_decode(stored.key, &key) == SW_ERR_OK ? key.lease : 0;
            return SW_ERR_OK;
        }
        err = store->ops->next(store, SW_TABLE_LEASE, false, &stored);
    }
    return err == SW_ERR_NOT_FOUND ? SW_ERR_OK : err;
}

static bool is_past(const struct sw_request *request)
{
    return request->expected != 0 && (request->op == SW_OP_GET || request->op == SW_OP_SCAN ||
                                      request->op == SW_OP_MULTI_GET);
}

/* Sessions are of no partition. */
static void session_list(struct sw__page *page, const struct sw_state *state)
{
    const struct sw_session_page wanted = {
        .after = page->request->session, .limit = page->request->limit, .time_ms = state->time_ms};

    page->count = sw_sessions_list(&state->sessions, &wanted, page->records, &page->more);
}

static enum sw_err run(struct sw__page *page,
                       const struct sw_state *state,
                       struct sw_store *store,
                       enum sw_err *ret_answer)
{
    const struct sw_place place = sw__page_place(page);

    if (page->request->op == SW_OP_SESSION_LIST) {
        session_list(page, state);
        return SW_ERR_OK;
    }
    if (page->request->op == SW_OP_INDEX_PLACES) {
        sw__index_places(page, state);
        return SW_ERR_OK;
    }
    sw_key_partition(&place, &page->prefix);
    if (page->request->op == SW_OP_MEMORY_AGENTS) {
        return sw__memory_agents(page, store);
    }
    if (is_past(page->request)) {
        return sw__past_read(page, state, store, ret_answer);
    }
    if (page->request->op == SW_OP_HISTORY) {
        return sw__past_list(page, state, store);
    }
    if (page->request->op == SW_OP_GET) {
        return get(page, store, ret_answer);
    }
    if (page->request->op == SW_OP_MULTI_GET) {
        return multi_get(page, store);
    }
    if (page->request->op == SW_OP_WATCH) {
        return page->request->value.size > 0 ? sw__near_read(page, state, store, ret_answer)
                                             : sw__watch_read(page, state, store, ret_answer);
    }
    if (page->request->op == SW_OP_LEASE_LIST) {
        return lease_list(page, state, store);
    }
    if (page->request->op == SW_OP_SCAN) {
        sw__page_range(page);
        return page_fill(page, store);
    }
    return experience_range(page) ? page_fill(page, store) : SW_ERR_OK;
}

/* Records and detail share the buffer; the latter is what lies behind `records_size`. */
static void reply_of(const struct sw_vectors_answer *answer,
                     const struct sw_buf *out,
                     struct sw_reply *ret_reply)
{
    *ret_reply = (struct sw_reply){
        .err = answer->err,
        .value = answer->value,
        .more = answer->more,
        .record_count = answer->count,
        .records = sw_span_of(out->data, answer->records_size),
        .detail = sw_span_of(out->data == NULL ? NULL : out->data + answer->records_size,
                             out->size - answer->records_size)};
}

/* Never on the applier's time, if it can be helped. */
static enum sw_err verify(const struct sw_vectors *vectors,
                          struct sw_store *store,
                          const struct sw_request *request,
                          enum sw_vectors_effort effort,
                          struct sw_buf *out,
                          struct sw_vectors_answer *ret_answer)
{
    const struct sw_place place = {.tenant = request->tenant,
                                   .name_space = request->name_space,
                                   .partition = request->partition};
    struct sw_vectors_index *index = sw_vectors_find(vectors, &place, request->key);

    if (effort == SW_VECTORS_BRIEF) {
        ret_answer->unfinished = true;
        return SW_ERR_OK;
    }
    ret_answer->err = index == NULL ? SW_ERR_NO_INDEX : SW_ERR_OK;
    return index == NULL ? SW_ERR_OK
                         : sw__vectors_verify(index, store, request->value, out, ret_answer);
}

enum sw_err sw_query_vectors(const struct sw_vectors *vectors,
                             struct sw_store *store,
                             const struct sw_request *request,
                             enum sw_vectors_effort effort,
                             struct sw_buf *records,
                             struct sw_reply *ret_reply,
                             bool *ret_unfinished)
{
    const struct sw_place place = {.tenant = request->tenant,
                                   .name_space = request->name_space,
                                   .partition = request->partition};
    struct sw_vectors_answer answer = {.err = SW_ERR_OK};
    char why[SW_WHY_SIZE];
    enum sw_err err = SW_ERR_OK;

    sw_buf_clear(records);
    answer.err = sw_request_validate(request, why);
    if (answer.err == SW_ERR_OK && request->op == SW_OP_INDEX_LIST) {
        err = sw_vectors_list(vectors, &place, records, &answer);
    } else if (answer.err == SW_ERR_OK && request->op == SW_OP_INDEX_VERIFY) {
        err = verify(vectors, store, request, effort, records, &answer);
    } else if (answer.err == SW_ERR_OK) {
        SW_ASSERT(request->op == SW_OP_VECTOR_SEARCH);
        err = sw_vectors_search(vectors, store, &place, request->value, effort, records, &answer);
    }
    if (err == SW_ERR_OK) {
        reply_of(&answer, records, ret_reply);
        *ret_unfinished = answer.unfinished;
    }
    return err;
}

static enum sw_err query_vectors(const struct sw_request *request,
                                 const struct sw_state *state,
                                 struct sw_store *store,
                                 struct sw_buf *out,
                                 struct sw_reply *ret_reply)
{
    bool unfinished = false;
    const enum sw_err err = sw_query_vectors(
        &state->vectors, store, request, SW_VECTORS_FULL, out, ret_reply, &unfinished);

    SW_ASSERT(!unfinished);
    ret_reply->shard = state->group;
    ret_reply->revision = state->revision;
    return err;
}

static bool is_of_vectors(enum sw_op op)
{
    return op == SW_OP_VECTOR_SEARCH || op == SW_OP_INDEX_LIST || op == SW_OP_INDEX_STATUS ||
           op == SW_OP_INDEX_VERIFY;
}

static enum sw_err judge(const struct sw_request *request)
{
    char why[SW_WHY_SIZE];

    if (request->op != SW_OP_GET && request->op != SW_OP_SCAN &&
        request->op != SW_OP_EXPERIENCE_SCAN && request->op != SW_OP_MULTI_GET &&
        request->op != SW_OP_LEASE_LIST && request->op != SW_OP_WATCH &&
        request->op != SW_OP_SESSION_LIST && request->op != SW_OP_HISTORY &&
        request->op != SW_OP_MEMORY_AGENTS && request->op != SW_OP_INDEX_PLACES &&
        !is_of_vectors(request->op)) {
        return SW_ERR_UNSUPPORTED;
    }
    return sw_request_validate(request, why);
}

static uint64_t revision_of(const struct sw__page *page, const struct sw_state *state, bool read)
{
    if (page->request->op == SW_OP_WATCH) {
        return page->upto;
    }
    return read && is_past(page->request) ? page->request->expected : state->revision;
}

enum sw_err sw_query(const struct sw_state *state,
                     struct sw_store *store,
                     const struct sw_request *request,
                     struct sw_buf *records,
                     struct sw_reply *ret_reply)
{
    struct sw__page page = {.request = request, .records = records};
    enum sw_err answer = judge(request);
    size_t records_size;
    enum sw_err err = SW_ERR_OK;

    sw_buf_clear(records);
    if (answer == SW_ERR_OK && request->op == SW_OP_INDEX_STATUS) {
        return sw__tune_read(request, state, records, ret_reply);
    }
    if (answer == SW_ERR_OK && is_of_vectors(request->op)) {
        return query_vectors(request, state, store, records, ret_reply);
    }
    if (answer == SW_ERR_OK) {
        err = run(&page, state, store, &answer);
    }
    if (answer == SW_ERR_COMPACTED || answer == SW_ERR_FUTURE_REVISION) {
        sw_buf_clear(records);
        page.count = 0;
        page.more = false;
    }
    records_size = records->size;
    if (err == SW_ERR_OK && request->op == SW_OP_WATCH) {
        sw__watch_depths(&page);
    }
    sw_buf_release(&page.depths);
    if (err == SW_ERR_OK) {
        *ret_reply = (struct sw_reply){
            .err = answer,
            .shard = state->group,
            .revision =
                revision_of(&page, state, answer == SW_ERR_OK || answer == SW_ERR_NOT_FOUND),
            .value = answer == SW_ERR_COMPACTED ? page.floor : page.walked_to,
            .more = page.more,
            .record_count = page.count,
            .records = sw_span_of(records->data, records_size),
            .detail =
                sw_span_of(records_size == records->size ? NULL : records->data + records_size,
                           records->size - records_size)};
    }
    return err;
}
