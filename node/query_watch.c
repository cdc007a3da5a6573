/* What changed: the pages of a watch. */
#include "base/assert.h"
#include "base/point.h"
#include "node/lease.h"
#include "node/query_private.h"

static bool is_watched(const struct sw__page *page, const struct sw_change_record *change)
{
    const struct sw_request *request = page->request;
    const struct sw_place place = sw__page_place(page);

    return sw_place_equal(&change->place, &place) &&
           sw_span_compare(change->key, request->key) >= 0 &&
           (request->end_key.size == 0 || sw_span_compare(change->key, request->end_key) < 0) &&
           (change->deleted ? (request->flags & SW_REQUEST_PUTS) == 0
                            : (request->flags & SW_REQUEST_DELETES) == 0);
}

/* What the key became by the change: it still is that, or the next change of it says so. */
static enum sw_err became(const struct sw_state *state,
                          struct sw_store *store,
                          struct sw_change_at at,
                          const struct sw_change_record *change,
                          struct sw_version *ret_version)
{
    const struct sw_history_name name = {.place = change->place, .key = change->key};
    struct sw_change_record next;
    struct sw_history_head head;
    struct sw_change_at next_at;
    struct sw_key key;
    enum sw_err err;

    if (change->format == SW_CHANGE_FORMAT_VALUES || change->deleted) {
        *ret_version = change->became;
        ret_version->mod_revision = at.revision;
        ret_version->time_ms = change->time_ms;
        return SW_ERR_OK;
    }
    sw_key_kv(&change->place, change->key, &key);
    err = sw_history_present(store, &key, ret_version, &head);
    if (err != SW_ERR_OK || ret_version->mod_revision == at.revision) {
        return err;
    }
    err = sw_history_find(store, state->group, &name, &head, at.revision, &next_at, &next);
    if (err == SW_ERR_OK && (next_at.revision == 0 || next.before.mod_revision != at.revision)) {
        return SW_ERR_CORRUPT; /* above the floor nothing is missing */
    }
    *ret_version = next.before;
    return err;
}

static void
add(struct sw__page *page, struct sw_span key, const struct sw_version *version, uint8_t depth)
{
    struct sw_record record = sw__record_of_version(key, version);

    if ((page->request->flags & SW_REQUEST_KEYS_ONLY) != 0) {
        record.value = sw_span_of(NULL, 0);
    }
    sw_record_encode(&record, page->records);
    sw_write_u8(&page->depths, depth);
    page->count++;
}

static enum sw_err change_add(struct sw__page *page,
                              const struct sw_state *state,
                              struct sw_store *store,
                              struct sw_change_at at,
                              const struct sw_change_record *change)
{
    struct sw_version version;
    const enum sw_err err = became(state, store, at, change, &version);

    if (err != SW_ERR_OK) {
        return err;
    }
    add(page, change->key, &version, change->depth);
    if ((page->request->flags & SW_REQUEST_PREVIOUS) != 0) {
        add(page, change->key, &change->before, 0);
    }
    return SW_ERR_OK;
}

static bool watch_is_full(const struct sw__page *page, uint32_t passed)
{
    const uint32_t limit = page->request->limit;

    return page->records->size > SW_SCAN_SIZE_MAX ||
           page->count >= (limit > 0 ? limit : SW_SCAN_COUNT_MAX) ||
           passed >= SW_WATCH_SCAN_COUNT_MAX;
}

/* Where the page stood before the revision that is being passed. */
struct passing {
    uint64_t revision; /* 0 = none yet */
    size_t size;
    uint32_t count;
    uint32_t passed; /* changes */
};

/* True if the revision that was passed does not fit behind the others, and is taken off again. */
static bool gives_back(struct sw__page *page, const struct passing *at)
{
    if (page->records->size <= SW_SCAN_SIZE_MAX || at->count == 0) {
        return false;
    }
    page->records->size = at->size;
    page->count = at->count;
    page->depths.size = at->count;
    page->more = true;
    return true;
}

/* True if the page ends before `revision`. */
static bool ends_before(struct sw__page *page, struct passing *at, uint64_t revision)
{
    if (revision == at->revision) {
        return false;
    }
    if (gives_back(page, at)) {
        return true;
    }
    if (at->revision != 0) {
        page->upto = at->revision - (SW_PLANTED(WATCH_GOES_BACK) ? 1 : 0);
    }
    if (at->revision != 0 && watch_is_full(page, at->passed)) {
        page->more = true;
        return true;
    }
    at->revision = revision;
    at->size = page->records->size;
    at->count = page->count;
    return false;
}

/* A page ends between two revisions, never inside one, and has at least one revision: so it may be
 * over its size by what one change of many keys writes, which still fits into a message. */
static enum sw_err
watch_fill(struct sw__page *page, const struct sw_state *state, struct sw_store *store)
{
    struct passing at = {0};
    struct sw_store_record stored;
    enum sw_err err;

    err = store->ops->seek(store, SW_TABLE_CHANGE, sw_key_span(&page->from), false, &stored);
    while (err == SW_ERR_OK && sw_key_has_prefix(stored.key, sw_key_span(&page->prefix))) {
        struct sw_change_record change;
        struct sw_change_key key;

        if (sw_key_change_decode(stored.key, &key) != SW_ERR_OK ||
            sw_change_record_decode(stored.value, &change) != SW_ERR_OK) {
            return SW_ERR_CORRUPT;
        }
        if (ends_before(page, &at, key.revision)) {
            return SW_ERR_OK;
        }
        if (is_watched(page, &change)) {
            err = change_add(
                page, state, store, (struct sw_change_at){key.revision, key.number}, &change);
        }
        if (err != SW_ERR_OK) {
            return err;
        }
        at.passed++;
        err = store->ops->next(store, SW_TABLE_CHANGE, false, &stored);
    }
    if (!gives_back(page, &at)) {
        page->upto = UINT64_MAX;
    }
    return err == SW_ERR_OK || err == SW_ERR_NOT_FOUND ? SW_ERR_OK : err;
}

enum sw_err sw__watch_read(struct sw__page *page,
                           const struct sw_state *state,
                           struct sw_store *store,
                           enum sw_err *ret_answer)
{
    const bool previous = (page->request->flags & SW_REQUEST_PREVIOUS) != 0;
    const struct sw_place place = sw__page_place(page);
    const uint64_t after = page->request->expected;
    uint64_t floor;
    enum sw_err err = sw_history_floor(state, store, &place, previous, &floor);

    if (err != SW_ERR_OK) {
        return err;
    }

    page->upto = after;
    /* From the future: this state was put in the place of a later one. */
    if ((after < floor && !SW_PLANTED(WATCH_HIDES_RESYNC)) || after > state->revision) {
        *ret_answer = SW_ERR_RESYNC;
        page->upto = state->revision;
        return SW_ERR_OK;
    }
    if (after < state->revision) {
        sw_key_change(
            state->group, after + (after > 0 && SW_PLANTED(WATCH_REPEATS) ? 0 : 1), 0, &page->from);
        sw_key_group(state->group, &page->prefix);
        err = watch_fill(page, state, store);
    }
    if (page->upto == UINT64_MAX) {
        page->upto = state->revision;
    }
    if (err == SW_ERR_OK && page->records->size > SW_WATCH_SIZE_MAX) {
        *ret_answer = SW_ERR_TOO_LARGE; /* what the keys of one revision were before */
        sw_buf_clear(page->records);
        page->count = 0;
        page->upto = after;
    }
    return err;
}

void sw__watch_depths(struct sw__page *page)
{
    SW_ASSERT(page->depths.size >= page->count);
    for (uint32_t i = 0; i < page->count; i++) {
        if (page->depths.data[i] != 0) {
            sw_write_bytes(page->records, sw_span_of(page->depths.data, page->count));
            return;
        }
    }
}
