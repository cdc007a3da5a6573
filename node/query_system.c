/* A walk over META that looks like a scan of keys. */
#include "node/query_system.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "node/usage.h"

/* One page being filled. */
struct page {
    const struct sw_request *request;
    struct sw_buf *records;
    bool usage; /* else the audit log */
    struct sw_key prefix, from, bound;
    uint32_t count;
    bool more;
};

static bool is_space(const struct sw_request *request, const char *name)
{
    return sw_span_equal(request->name_space, sw_span_str(name));
}

bool sw_query_is_system(const struct sw_request *request)
{
    return request->op == SW_OP_SCAN && sw_tenant_is_reserved(request->tenant) &&
           (is_space(request, SW_SYSTEM_USAGE) || is_space(request, SW_SYSTEM_AUDIT));
}

static bool is_reverse(const struct page *page)
{
    return (page->request->flags & SW_REQUEST_REVERSE) != 0;
}

static void append(struct sw_key *key, const void *bytes, size_t size)
{
    const size_t room = sizeof key->data - key->size;

    if (size > room) {
        size = room; /* longer than any of ours, so it stands where it would */
    }
    if (size > 0) {
        memcpy(key->data + key->size, bytes, size);
        key->size += size;
    }
}

/* Where a key of the request stands among the records. A tenant's own row ends with a zero, and the
 * key behind it, which the next page begins with, must stand behind that. */
static void place_of(const struct page *page, struct sw_span key, struct sw_key *ret_key)
{
    const uint8_t *space = key.size == 0 ? NULL : memchr(key.data, ' ', key.size);
    const uint8_t zero = 0;

    *ret_key = page->prefix;
    if (!page->usage || key.size == 0) {
        append(ret_key, key.data, key.size);
        return;
    }
    if (space == NULL) {
        append(ret_key, key.data, key.size);
        append(ret_key, &zero, 1);
        return;
    }
    append(ret_key, key.data, (size_t)(space - key.data));
    append(ret_key, &zero, 1);
    append(ret_key, space + 1, key.size - (size_t)(space - key.data) - 1);
}

static void set_range(struct page *page, struct sw_group_id group)
{
    const struct sw_request *request = page->request;
    const char *name = page->usage ? "usage" : "audit";
    bool exists;

    sw_key_meta(group, sw_span_of(name, strlen(name) + 1), &page->prefix);
    if (request->key.size == 0 && is_reverse(page)) {
        exists = sw_key_upper(sw_key_span(&page->prefix), &page->from);
        SW_ASSERT(exists);
    } else {
        place_of(page, request->key, &page->from);
    }
    if (request->end_key.size > 0) {
        place_of(page, request->end_key, &page->bound);
    }
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

static void add_record(struct page *page, struct sw_span key, struct sw_span value)
{
    const size_t size_before = page->records->size;
    struct sw_record record = {.key = key, .value = value, .version = 1};

    if ((page->request->flags & SW_REQUEST_KEYS_ONLY) != 0) {
        record.value = sw_span_of(NULL, 0);
    }
    sw_record_encode(&record, page->records);
    if (page->records->size > SW_SCAN_SIZE_MAX && page->count > 0) {
        page->records->size = size_before;
        page->more = true;
        return;
    }
    page->count++;
}

static enum sw_err add_usage(struct page *page, struct sw_span name, struct sw_span value)
{
    uint8_t scope[SW_SETTING_NAME_SIZE_MAX + 1];
    struct sw_usage usage;
    char text[160];
    const enum sw_err err = sw_usage_decode(value, &usage);
    uint8_t *zero;

    if (err != SW_ERR_OK) {
        return err;
    }
    if (name.size == 0 || name.size > sizeof scope) {
        return SW_ERR_CORRUPT;
    }
    memcpy(scope, name.data, name.size);
    zero = memchr(scope, 0, name.size);
    if (zero == NULL) {
        return SW_ERR_CORRUPT;
    }
    *zero = ' ';
    (void)snprintf(text,
                   sizeof text,
                   "keys=%" PRIu64 "\nexperiences=%" PRIu64 "\nbytes=%" PRIu64 "\nleases=%" PRIu64
                   "\n",
                   usage.keys,
                   usage.experiences,
                   usage.bytes,
                   usage.leases);
    name.size -= zero == scope + name.size - 1 ? 1 : 0; /* the whole tenant */
    add_record(page, sw_span_of(scope, name.size), sw_span_str(text));
    return SW_ERR_OK;
}

static enum sw_err add(struct page *page, const struct sw_store_record *stored)
{
    const uint32_t limit = page->request->limit;
    const struct sw_span name =
        sw_span_of(stored->key.data + page->prefix.size, stored->key.size - page->prefix.size);

    if (page->count == (limit > 0 && limit < SW_SCAN_COUNT_MAX ? limit : SW_SCAN_COUNT_MAX)) {
        page->more = true;
        return SW_ERR_OK;
    }
    if (page->usage) {
        return add_usage(page, name, stored->value);
    }
    add_record(page, name, stored->value);
    return SW_ERR_OK;
}

static enum sw_err fill(struct page *page, struct sw_store *store)
{
    const bool reverse = is_reverse(page);
    struct sw_store_record stored;
    enum sw_err err;

    err = store->ops->seek(store, SW_TABLE_META, sw_key_span(&page->from), reverse, &stored);
    while (err == SW_ERR_OK && in_range(page, stored.key)) {
        err = add(page, &stored);
        if (err != SW_ERR_OK || page->more) {
            return err;
        }
        err = store->ops->next(store, SW_TABLE_META, reverse, &stored);
    }
    return err == SW_ERR_NOT_FOUND ? SW_ERR_OK : err;
}

enum sw_err sw_query_system(const struct sw_state *state,
                            struct sw_store *store,
                            const struct sw_request *request,
                            struct sw_buf *records,
                            struct sw_reply *ret_reply)
{
    struct page page = {
        .request = request, .records = records, .usage = is_space(request, SW_SYSTEM_USAGE)};
    enum sw_err err;

    SW_ASSERT(sw_query_is_system(request));
    sw_buf_clear(records);
    set_range(&page, state->group);
    err = fill(&page, store);
    if (err == SW_ERR_OK) {
        *ret_reply = (struct sw_reply){.shard = state->group,
                                       .revision = state->revision,
                                       .more = page.more,
                                       .record_count = page.count,
                                       .records = sw_buf_span(records)};
    }
    return err;
}
