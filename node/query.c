/* Walks of one partition with paging, and reads of keys by name. */
#include "node/query.h"

#include "base/assert.h"
#include "base/point.h"
#include "node/change_log.h"
#include "node/lease.h"
#include "storage/keys.h"
#include "transport/txn.h"

/* One page being filled. */
struct page {
    const struct sw_request *request;
    struct sw_buf *records;
    enum sw_table table;
    struct sw_key prefix; /* of the partition */
    struct sw_key from;
    struct sw_key bound; /* excluded; size 0 = none */
    uint32_t count;
    bool more;
    uint64_t upto; /* of a watch: everything up to this revision is in the page */
};

static bool is_reverse(const struct page *page)
{
    return (page->request->flags & SW_REQUEST_REVERSE) != 0;
}

static struct sw_place place_of(const struct sw_request *request)
{
    return (struct sw_place){.tenant = request->tenant,
                             .name_space = request->name_space,
                             .partition = request->partition};
}

static bool in_range(const struct page *page, struct sw_span key)
{
    int order;

    if (!sw_key_has_prefix(key, sw_key_span(&page->prefix))) {
        return false;
    }
    if (page->bound.size == 0) {
        return true;
    }
    order = sw_span_compare(key, sw_key_span(&page->bound));
    return is_reverse(page) ? order > 0 : order < 0;
}

static enum sw_err record_of(const struct page *page,
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

static bool page_is_full(struct page *page)
{
    const uint32_t limit = page->request->limit;
    const uint32_t count_max = limit > 0 && limit < SW_SCAN_COUNT_MAX ? limit : SW_SCAN_COUNT_MAX;
    const bool full = page->count == count_max;

    page->more = page->more || (full && !SW_PLANTED(FULL_PAGE_IS_LAST));
    return page->more || full;
}

static void page_add_record(struct page *page, struct sw_record *record)
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
static enum sw_err page_add(struct page *page, const struct sw_store_record *stored)
{
    struct sw_record record;
    enum sw_err err;

    if (page_is_full(page)) {
        return SW_ERR_OK;
    }
    err = record_of(page, stored, &record);
    if (err == SW_ERR_OK) {
        page_add_record(page, &record);
    }
    return err;
}

static enum sw_err page_fill(struct page *page, struct sw_store *store)
{
    const bool reverse = is_reverse(page);
    struct sw_store_record stored;
    enum sw_err err;

    err = store->ops->seek(store, page->table, sw_key_span(&page->from), reverse, &stored);
    while (err == SW_ERR_OK && in_range(page, stored.key)) {
        if (page->count > 0 && SW_BUGGIFY("query.short_page", 20)) {
            page->more = true;
            return SW_ERR_OK;
        }
        err = page_add(page, &stored);
        if (err != SW_ERR_OK || page->more) {
            return err;
        }
        err = store->ops->next(store, page->table, reverse, &stored);
    }
    return err == SW_ERR_NOT_FOUND ? SW_ERR_OK : err;
}

/* Above every key of the partition, whose names end with 0x00, and itself no key. */
static void partition_end(const struct page *page, struct sw_key *ret_key)
{
    const bool exists = sw_key_upper(sw_key_span(&page->prefix), ret_key);

    SW_ASSERT(exists);
}

static void scan_range(struct page *page)
{
    const struct sw_request *request = page->request;
    const struct sw_place place = place_of(request);

    page->table = SW_TABLE_KV;
    if (request->key.size == 0 && is_reverse(page)) {
        partition_end(page, &page->from);
    } else {
        sw_key_kv(&place, request->key, &page->from);
    }
    if (request->end_key.size > 0) {
        sw_key_kv(&place, request->end_key, &page->bound);
    }
}

/* False if no revision can be in the range. */
static bool experience_range(struct page *page)
{
    const uint64_t expected = page->request->expected;
    const struct sw_place place = place_of(page->request);

    page->table = SW_TABLE_EXPERIENCE;
    if (!is_reverse(page)) {
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

static enum sw_err get(struct page *page, struct sw_store *store, enum sw_err *ret_answer)
{
    const struct sw_place place = place_of(page->request);
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
    return err == SW_ERR_OK ? page_add(page, &stored) : err;
}

/* A record for each key, in the order asked for: version 0 for one that does not exist. */
static enum sw_err multi_get(struct page *page, struct sw_store *store)
{
    const struct sw_place place = place_of(page->request);
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
            err = page_add(page, &stored);
        } else if (err == SW_ERR_NOT_FOUND) {
            err = SW_ERR_OK;
            page_add_record(page, &absent);
        }
        if (err != SW_ERR_OK) {
            return err;
        }
    }
    return SW_ERR_OK;
}

/* What is known of a lease, as a record: see swarm.h. */
static struct sw_record
lease_shown(const struct page *page, uint64_t id, const struct sw_lease_record *lease)
{
    const uint64_t now_ms = page->request->expected;

    return (struct sw_record){.create_revision = id,
                              .mod_revision = lease->ttl_ms,
                              .version = lease->key_count,
                              .time_ms = lease->end_ms > now_ms ? lease->end_ms - now_ms : 0,
                              .lease = id};
}

/* Adds it if it is of the request's partition. */
static enum sw_err lease_add(struct page *page, const struct sw_store_record *stored)
{
    const struct sw_place place = place_of(page->request);
    struct sw_lease_record lease;
    struct sw_lease_key key;
    struct sw_record record;

    if (sw_key_lease_decode(stored->key, &key) != SW_ERR_OK ||
        sw_lease_record_decode(stored->value, &lease) != SW_ERR_OK) {
        return SW_ERR_CORRUPT;
    }
    if (sw_place_equal(&lease.place, &place) && !page_is_full(page)) {
        record = lease_shown(page, key.lease, &lease);
        page_add_record(page, &record);
    }
    return SW_ERR_OK;
}

static enum sw_err
lease_list(struct page *page, const struct sw_state *state, struct sw_store *store)
{
    struct sw_store_record stored;
    enum sw_err err;

    sw_key_lease(state->group, page->request->lease + 1, &page->from);
    page->prefix = page->from;
    page->prefix.size = SW_KEY_GROUP_SIZE + 1; /* all leases of the group */
    err = store->ops->seek(store, SW_TABLE_LEASE, sw_key_span(&page->from), false, &stored);
    while (err == SW_ERR_OK && in_range(page, stored.key)) {
        err = lease_add(page, &stored);
        if (err != SW_ERR_OK || page->more) {
            return err;
        }
        err = store->ops->next(store, SW_TABLE_LEASE, false, &stored);
    }
    return err == SW_ERR_NOT_FOUND ? SW_ERR_OK : err;
}

/* --- watches ---------------------------------------------------------------------------------- */

static bool is_watched(const struct page *page, const struct sw_change_record *change)
{
    const struct sw_request *request = page->request;
    const struct sw_place place = place_of(request);

    return sw_place_equal(&change->place, &place) &&
           sw_span_compare(change->key, request->key) >= 0 &&
           (request->end_key.size == 0 || sw_span_compare(change->key, request->end_key) < 0);
}

static void change_add(struct page *page, uint64_t revision, const struct sw_change_record *change)
{
    struct sw_record record = {.key = change->key,
                               .value = change->value,
                               .create_revision = change->create_revision,
                               .mod_revision = revision,
                               .version = change->version,
                               .time_ms = change->time_ms,
                               .lease = change->lease};

    if ((page->request->flags & SW_REQUEST_KEYS_ONLY) != 0) {
        record.value = sw_span_of(NULL, 0);
    }
    sw_record_encode(&record, page->records);
    page->count++;
}

static bool watch_is_full(const struct page *page, uint32_t passed)
{
    const uint32_t limit = page->request->limit;

    return page->records->size > SW_SCAN_SIZE_MAX ||
           page->count >= (limit > 0 ? limit : SW_SCAN_COUNT_MAX) ||
           passed >= SW_WATCH_SCAN_COUNT_MAX;
}

/* A page ends between two revisions, never inside one, and has at least one revision: so it may be
 * over its size by what one change of many keys writes, which still fits into a message. */
static enum sw_err watch_fill(struct page *page, struct sw_store *store)
{
    struct sw_store_record stored;
    uint64_t running = 0; /* revision being passed */
    size_t size_before = 0;
    uint32_t count_before = 0;
    uint32_t passed = 0;
    enum sw_err err;

    err = store->ops->seek(store, SW_TABLE_CHANGE, sw_key_span(&page->from), false, &stored);
    while (err == SW_ERR_OK && sw_key_has_prefix(stored.key, sw_key_span(&page->prefix))) {
        struct sw_change_record change;
        struct sw_change_key key;

        if (sw_key_change_decode(stored.key, &key) != SW_ERR_OK ||
            sw_change_record_decode(stored.value, &change) != SW_ERR_OK) {
            return SW_ERR_CORRUPT;
        }
        if (key.revision != running) {
            const bool over = page->records->size > SW_SCAN_SIZE_MAX && count_before > 0;

            if (over) { /* the revision before does not fit behind the others */
                page->records->size = size_before;
                page->count = count_before;
                page->more = true;
                return SW_ERR_OK;
            }
            if (running != 0) {
                page->upto = running - (SW_PLANTED(WATCH_GOES_BACK) ? 1 : 0);
            }
            if (running != 0 && watch_is_full(page, passed)) {
                page->more = true;
                return SW_ERR_OK;
            }
            running = key.revision;
            size_before = page->records->size;
            count_before = page->count;
        }
        if (is_watched(page, &change)) {
            change_add(page, key.revision, &change);
        }
        passed++;
        err = store->ops->next(store, SW_TABLE_CHANGE, false, &stored);
    }
    if (page->records->size > SW_SCAN_SIZE_MAX && count_before > 0) {
        page->records->size = size_before;
        page->count = count_before;
        page->more = true;
    } else {
        page->upto = UINT64_MAX;
    }
    return err == SW_ERR_OK || err == SW_ERR_NOT_FOUND ? SW_ERR_OK : err;
}

static enum sw_err watch(struct page *page,
                         const struct sw_state *state,
                         struct sw_store *store,
                         enum sw_err *ret_answer)
{
    const uint64_t after = page->request->expected;
    enum sw_err err = SW_ERR_OK;

    page->upto = after;
    /* From the future: this state was put in the place of a later one. */
    if ((after < state->change_floor && !SW_PLANTED(WATCH_HIDES_RESYNC)) ||
        after > state->revision) {
        *ret_answer = SW_ERR_RESYNC;
        page->upto = state->revision;
        return SW_ERR_OK;
    }
    if (after < state->revision) {
        sw_key_change(
            state->group, after + (after > 0 && SW_PLANTED(WATCH_REPEATS) ? 0 : 1), 0, &page->from);
        sw_key_group(state->group, &page->prefix);
        err = watch_fill(page, store);
    }
    if (page->upto == UINT64_MAX) {
        page->upto = state->revision;
    }
    return err;
}

/* Sessions are of no partition. */
static void session_list(struct page *page, const struct sw_state *state)
{
    const struct sw_session_page wanted = {
        .after = page->request->session, .limit = page->request->limit, .time_ms = state->time_ms};

    page->count = sw_sessions_list(&state->sessions, &wanted, page->records, &page->more);
}

static enum sw_err run(struct page *page,
                       const struct sw_state *state,
                       struct sw_store *store,
                       enum sw_err *ret_answer)
{
    const struct sw_place place = place_of(page->request);

    if (page->request->op == SW_OP_SESSION_LIST) {
        session_list(page, state);
        return SW_ERR_OK;
    }
    sw_key_partition(&place, &page->prefix);
    if (page->request->op == SW_OP_GET) {
        return get(page, store, ret_answer);
    }
    if (page->request->op == SW_OP_MULTI_GET) {
        return multi_get(page, store);
    }
    if (page->request->op == SW_OP_WATCH) {
        return watch(page, state, store, ret_answer);
    }
    if (page->request->op == SW_OP_LEASE_LIST) {
        return lease_list(page, state, store);
    }
    if (page->request->op == SW_OP_SCAN) {
        scan_range(page);
        return page_fill(page, store);
    }
    return experience_range(page) ? page_fill(page, store) : SW_ERR_OK;
}

/* Records and detail share the buffer; the latter is what lies behind `records_size`. */
static enum sw_err ask_vectors(const struct sw_request *request,
                               const struct sw_state *state,
                               struct sw_store *store,
                               struct sw_buf *out,
                               struct sw_vectors_answer *ret_answer)
{
    const struct sw_place place = place_of(request);

    return request->op == SW_OP_INDEX_LIST
               ? sw_vectors_list(&state->vectors, &place, out, ret_answer)
               : sw_vectors_search(&state->vectors, store, &place, request->value, out, ret_answer);
}

static enum sw_err query_vectors(const struct sw_request *request,
                                 const struct sw_state *state,
                                 struct sw_store *store,
                                 struct sw_buf *out,
                                 struct sw_reply *ret_reply)
{
    struct sw_vectors_answer answer;
    const enum sw_err err = ask_vectors(request, state, store, out, &answer);

    if (err == SW_ERR_OK) {
        *ret_reply = (struct sw_reply){
            .err = answer.err,
            .shard = state->group,
            .revision = state->revision,
            .value = answer.value,
            .more = answer.more,
            .record_count = answer.count,
            .records = sw_span_of(out->data, answer.records_size),
            .detail = sw_span_of(out->data == NULL ? NULL : out->data + answer.records_size,
                                 out->size - answer.records_size)};
    }
    return err;
}

static bool is_of_vectors(enum sw_op op)
{
    return op == SW_OP_VECTOR_SEARCH || op == SW_OP_INDEX_LIST;
}

static enum sw_err judge(const struct sw_request *request)
{
    char why[SW_WHY_SIZE];

    if (request->op != SW_OP_GET && request->op != SW_OP_SCAN &&
        request->op != SW_OP_EXPERIENCE_SCAN && request->op != SW_OP_MULTI_GET &&
        request->op != SW_OP_LEASE_LIST && request->op != SW_OP_WATCH &&
        request->op != SW_OP_SESSION_LIST && !is_of_vectors(request->op)) {
        return SW_ERR_UNSUPPORTED;
    }
    return sw_request_validate(request, why);
}

enum sw_err sw_query(const struct sw_state *state,
                     struct sw_store *store,
                     const struct sw_request *request,
                     struct sw_buf *records,
                     struct sw_reply *ret_reply)
{
    struct page page = {.request = request, .records = records};
    enum sw_err answer = judge(request);
    enum sw_err err = SW_ERR_OK;

    sw_buf_clear(records);
    if (answer == SW_ERR_OK && is_of_vectors(request->op)) {
        return query_vectors(request, state, store, records, ret_reply);
    }
    if (answer == SW_ERR_OK) {
        err = run(&page, state, store, &answer);
    }
    if (err == SW_ERR_OK) {
        *ret_reply =
            (struct sw_reply){.err = answer,
                              .shard = state->group,
                              .revision = request->op == SW_OP_WATCH ? page.upto : state->revision,
                              .more = page.more,
                              .record_count = page.count,
                              .records = sw_buf_span(records)};
    }
    return err;
}
