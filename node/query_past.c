/* What was: GET, MULTI_GET and SCAN at a revision, and the versions of one key.
 *
 * A key that existed then exists still, in SW_TABLE_KV, or was deleted since and is in
 * SW_TABLE_HISTORY. So a scan of the past walks both tables side by side. */
#include "base/assert.h"
#include "base/point.h"
#include "node/query_private.h"
#include "transport/txn.h"

/* Keys that exist and keys that did; a table that is through has no record. */
struct walk {
    struct sw_store_record records[2]; /* of KV and of HISTORY */
    bool has[2];
};

static const enum sw_table walk_tables[2] = {SW_TABLE_KV, SW_TABLE_HISTORY};

static struct sw_history_name name_of(const struct sw__page *page, struct sw_span key)
{
    return (struct sw_history_name){.place = sw__page_place(page), .key = key};
}

static enum sw_err settle(const struct sw__page *page, struct walk *walk, int i, enum sw_err err)
{
    walk->has[i] = err == SW_ERR_OK && sw__page_in_range(page, walk->records[i].key);
    return err == SW_ERR_NOT_FOUND ? SW_ERR_OK : err;
}

static enum sw_err
walk_begin(const struct sw__page *page, struct sw_store *store, struct walk *ret_walk)
{
    const bool reverse = sw__page_is_reverse(page);
    enum sw_err err = SW_ERR_OK;

    for (int i = 0; i < 2 && err == SW_ERR_OK; i++) {
        err = store->ops->seek(
            store, walk_tables[i], sw_key_span(&page->from), reverse, &ret_walk->records[i]);
        err = settle(page, ret_walk, i, err);
    }
    return err;
}

/* Which of the two has the next key; both if it is the same. */
static void walk_front(const struct sw__page *page, const struct walk *walk, bool ret_front[2])
{
    int order = 0;

    if (walk->has[0] && walk->has[1]) {
        order = sw_span_compare(walk->records[0].key, walk->records[1].key);
        order = sw__page_is_reverse(page) ? -order : order;
    }
    ret_front[0] = walk->has[0] && order <= 0;
    ret_front[1] = walk->has[1] && order >= 0;
}

static enum sw_err walk_next(const struct sw__page *page,
                             struct sw_store *store,
                             const bool front[2],
                             struct walk *walk)
{
    enum sw_err err = SW_ERR_OK;

    for (int i = 0; i < 2 && err == SW_ERR_OK; i++) {
        if (front[i]) {
            err = store->ops->next(
                store, walk_tables[i], sw__page_is_reverse(page), &walk->records[i]);
            err = settle(page, walk, i, err);
        }
    }
    return err;
}

/* Adds what the key was, if it was, or sets `more`. */
static enum sw_err add_version(struct sw__page *page,
                               const struct sw_state *state,
                               struct sw_store *store,
                               struct sw_span key,
                               enum sw_err *ret_answer)
{
    const struct sw_history_name name = name_of(page, key);
    struct sw_version version;
    enum sw_err err;

    err = sw_history_version(state, store, &name, page->request->expected, &version, ret_answer);
    if (err == SW_ERR_OK && *ret_answer == SW_ERR_OK && version.version > 0 &&
        !sw__page_is_full(page)) {
        struct sw_record record = sw__record_of_version(key, &version);

        sw__page_add(page, &record);
    }
    return err;
}

static enum sw_err scan(struct sw__page *page,
                        const struct sw_state *state,
                        struct sw_store *store,
                        enum sw_err *ret_answer)
{
    struct walk walk;
    bool front[2];
    enum sw_err err;

    if (page->request->expected < page->floor) {
        *ret_answer = SW_ERR_COMPACTED;
        return SW_ERR_OK;
    }
    sw__page_range(page);
    err = walk_begin(page, store, &walk);
    while (err == SW_ERR_OK && (walk.has[0] || walk.has[1]) && !page->more) {
        struct sw_span key;

        walk_front(page, &walk, front);
        key = walk.records[front[0] ? 0 : 1].key;
        key = sw_span_of(key.data + page->prefix.size, key.size - page->prefix.size);
        err = add_version(page, state, store, key, ret_answer);
        if (err == SW_ERR_OK && !page->more) {
            err = walk_next(page, store, front, &walk);
        }
    }
    return err;
}

static enum sw_err get(struct sw__page *page,
                       const struct sw_state *state,
                       struct sw_store *store,
                       enum sw_err *ret_answer)
{
    const enum sw_err err = add_version(page, state, store, page->request->key, ret_answer);

    if (err == SW_ERR_OK && *ret_answer == SW_ERR_OK && page->count == 0) {
        *ret_answer = SW_ERR_NOT_FOUND;
    }
    return err;
}

static enum sw_err multi_get(struct sw__page *page,
                             const struct sw_state *state,
                             struct sw_store *store,
                             enum sw_err *ret_answer)
{
    struct sw_reader in = sw_reader_of(page->request->value);

    while (sw_reader_left(&in) > 0 && !page->more && *ret_answer == SW_ERR_OK) {
        struct sw_record absent = {.key = sw_keys_next(&in)};
        const uint32_t count = page->count;
        const enum sw_err err = add_version(page, state, store, absent.key, ret_answer);

        if (err != SW_ERR_OK) {
            return err;
        }
        if (*ret_answer == SW_ERR_OK && page->count == count && !page->more) {
            sw__page_add(page, &absent);
        }
    }
    return SW_ERR_OK;
}

enum sw_err sw__past_read(struct sw__page *page,
                          const struct sw_state *state,
                          struct sw_store *store,
                          enum sw_err *ret_answer)
{
    const struct sw_place place = sw__page_place(page);
    const enum sw_err err = sw_history_floor(state, store, &place, true, &page->floor);

    page->table = SW_TABLE_KV;
    if (err != SW_ERR_OK) {
        return err;
    }
    if (page->request->expected > state->revision) {
        *ret_answer = SW_ERR_FUTURE_REVISION;
        return SW_ERR_OK;
    }
    if (page->request->op == SW_OP_SCAN) {
        return scan(page, state, store, ret_answer);
    }
    return page->request->op == SW_OP_GET ? get(page, state, store, ret_answer)
                                          : multi_get(page, state, store, ret_answer);
}

/* --- the versions of a key -------------------------------------------------------------------- */

/* Adds it if it is old enough and there is room. */
static void list_add(struct sw__page *page, const struct sw_version *version)
{
    const uint64_t below = page->request->expected;
    struct sw_record record = sw__record_of_version(page->request->key, version);

    if (version->mod_revision != 0 && (below == 0 || version->mod_revision < below) &&
        !sw__page_is_full(page)) {
        sw__page_add(page, &record);
    }
}

/* The change, if it was a delete, and what the key was before it. */
static void
list_change(struct sw__page *page, uint64_t revision, const struct sw_change_record *change)
{
    const struct sw_version gone = {.mod_revision = revision, .time_ms = change->time_ms};

    if (change->deleted) {
        list_add(page, &gone);
    }
    if (!page->more) {
        list_add(page, &change->before);
    }
}

/* The newest change that is of interest; what follows it is newer than what is asked for. */
static enum sw_err list_begin(const struct sw__page *page,
                              const struct sw_state *state,
                              struct sw_store *store,
                              const struct sw_history_head *head,
                              struct sw_change_at *ret_at)
{
    const struct sw_history_name name = name_of(page, page->request->key);
    const uint64_t below = page->request->expected;
    struct sw_change_record change;
    enum sw_err err = SW_ERR_OK;

    *ret_at = (struct sw_change_at){0};
    if (below > 0) {
        err = sw_history_find(store, state->group, &name, head, below - 1, ret_at, &change);
    }
    if (ret_at->revision == 0 && head->level_count > 0) {
        *ret_at = head->newest[0];
    }
    return err;
}

enum sw_err
sw__past_list(struct sw__page *page, const struct sw_state *state, struct sw_store *store)
{
    const struct sw_history_name name = name_of(page, page->request->key);
    struct sw_history_head head;
    struct sw_version present;
    struct sw_change_at at;
    struct sw_key key;
    enum sw_err err;

    sw_key_kv(&name.place, name.key, &key);
    err = sw_history_present(store, &key, &present, &head);
    if (err == SW_ERR_OK) {
        list_add(page, &present);
        err = list_begin(page, state, store, &head, &at);
    }
    while (err == SW_ERR_OK && at.revision != 0 && !page->more) {
        struct sw_change_record change;

        err = sw_history_change(store, state->group, at, &change);
        if (err == SW_ERR_NOT_FOUND) {
            return SW_ERR_OK; /* what came before is not kept any more */
        }
        if (err == SW_ERR_OK && change.back_count > 0 && change.back[0].revision >= at.revision) {
            err = SW_ERR_CORRUPT; /* a way back leads back */
        }
        if (err == SW_ERR_OK) {
            list_change(page, at.revision, &change);
            at = change.back_count > 0 ? change.back[0] : (struct sw_change_at){0};
        }
    }
    return err;
}
