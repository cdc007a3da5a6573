/* Watching by meaning: which vectors were put near another one, since a revision.
 *
 * The id of an entry is the revision that put it, so an index is its own log: its entries, in the
 * order of their ids, are all puts whose vector is still there, and the records of lost ones
 * (apply_near.c), in the same order, lead to those whose vector went. A page is a walk of both from
 * the watcher's revision on. Each vector is compared as it was put, exactly, so the answer depends
 * neither on buckets nor on what happened since. */
#include <string.h>

#include "base/assert.h"
#include "base/point.h"
#include "node/history.h"
#include "node/lease.h"
#include "node/query_private.h"
#include "node/vectors_private.h"

/* Puts that one look passes: each costs a comparison and some looks at the store. */
enum { LOOK_COUNT_MAX = 1024 };

/* What is asked for. */
struct near {
    const struct sw_state *state;
    struct sw_store *store;
    const struct sw_vectors_index *index;
    struct sw_vector_query query;
    struct sw_measure *measure; /* owned */
    int64_t distance_max;
};

/* One put, as it was. Views into the store. */
struct put {
    uint64_t id;
    uint32_t context;
    struct sw_vectors_entry entry;
    struct sw_span row;
};

/* --- the next put ----------------------------------------------------------------------------- */

/* The first record of the kind above `id`; UINT64_MAX if there is none. */
static enum sw_err first_above(const struct near *near,
                               void (*key_of)(const struct sw_vectors_index *index,
                                              uint64_t id,
                                              struct sw_key *ret_key),
                               uint64_t id,
                               uint64_t *ret_id)
{
    struct sw_store *store = near->store;
    struct sw_store_record record;
    struct sw_key prefix, from;
    enum sw_err err;

    *ret_id = UINT64_MAX;
    key_of(near->index, 0, &prefix);
    key_of(near->index, id + 1, &from);
    err = store->ops->seek(store, SW_TABLE_INDEX, sw_key_span(&from), false, &record);
    if (err == SW_ERR_NOT_FOUND ||
        (err == SW_ERR_OK && !sw_key_has_prefix(record.key, sw_key_span(&prefix)))) {
        return SW_ERR_OK;
    }
    if (err == SW_ERR_OK && record.key.size != from.size) {
        return SW_ERR_CORRUPT;
    }
    if (err == SW_ERR_OK) {
        *ret_id = sw_load_u64_be(record.key.data + prefix.size);
    }
    return err;
}

static enum sw_err take_live(const struct near *near, struct put *put)
{
    struct sw_index_entry entry;
    enum sw_err err = sw_vectors_entry_get(near->index, put->id, &put->entry);

    if (err == SW_ERR_OK) {
        err = sw_index_get(near->index->index, put->id, &entry);
    }
    if (err == SW_ERR_OK) {
        put->context = entry.context;
        err = sw_index_row(near->index->index, put->id, &put->row);
    }
    return err == SW_ERR_NOT_FOUND ? SW_ERR_CORRUPT : err;
}

/* From the change that took it away. */
static enum sw_err take_lost(const struct near *near, struct put *put)
{
    struct sw_change_record change;
    struct sw_change_vector vector;
    struct sw_change_at at = {0};
    struct sw_span bytes;
    struct sw_reader in;
    struct sw_key key;
    enum sw_err err;

    sw_vectors_lost_key(near->index, put->id, &key);
    err = near->store->ops->get(near->store, SW_TABLE_INDEX, sw_key_span(&key), &bytes);
    if (err == SW_ERR_OK) {
        err = sw_vectors_lost_decode(bytes, &at);
    }
    if (err == SW_ERR_OK) {
        err = sw_history_change(near->store, near->state->group, at, &change);
    }
    if (err != SW_ERR_OK) {
        return err == SW_ERR_NOT_FOUND ? SW_ERR_CORRUPT : err;
    }
    in = sw_reader_of(change.vectors);
    while (sw_reader_left(&in) > 0 && !in.failed) {
        sw_change_vector_read(&in, &vector);
        if (!in.failed && vector.number == near->index->number && vector.id == put->id) {
            put->context = vector.context;
            put->row = vector.row;
            return sw_vectors_entry_decode(vector.entry, &put->entry);
        }
    }
    return SW_ERR_CORRUPT;
}

/* The put after `id`; its id is UINT64_MAX if there is none. */
static enum sw_err next_put(const struct near *near, uint64_t id, struct put *ret_put)
{
    uint64_t live = UINT64_MAX;
    uint64_t lost = UINT64_MAX;
    enum sw_err err = first_above(near, sw_vectors_entry_key, id, &live);

    if (err == SW_ERR_OK && !SW_PLANTED(NEAR_FORGETS_LOST)) {
        err = first_above(near, sw_vectors_lost_key, id, &lost);
    }
    ret_put->id = live < lost ? live : lost;
    if (err != SW_ERR_OK || ret_put->id == UINT64_MAX) {
        return err;
    }
    return live < lost ? take_live(near, ret_put) : take_lost(near, ret_put);
}

/* --- is it near? ------------------------------------------------------------------------------ */

static enum sw_err judge(const struct near *near,
                         const struct sw__page *page,
                         const struct put *put,
                         bool *ret_near,
                         double *ret_distance)
{
    const struct sw_vector_query *query = &near->query;
    const struct sw_request *request = page->request;
    int64_t distance = 0;
    enum sw_err err;

    *ret_near = false;
    if (((query->flags & SW_VECTOR_CONTEXT) != 0 && put->context != query->context) ||
        sw_span_compare(put->entry.key, request->key) < 0 ||
        (request->end_key.size > 0 && sw_span_compare(put->entry.key, request->end_key) >= 0) ||
        !sw_conditions_hold(query->conditions,
                            query->condition_count,
                            put->entry.attributes,
                            put->entry.attribute_count)) {
        return SW_ERR_OK;
    }
    err = sw_measure_row(near->measure, put->id, put->row, &distance);
    *ret_near = distance <= near->distance_max;
    *ret_distance = sw_space_distance(sw_index_space(near->index->index), distance);
    return err;
}

/* How deep in a cascade the put was: its change says so. */
static enum sw_err depth_of(const struct near *near, const struct put *put, uint8_t *ret_depth)
{
    struct sw_store *store = near->store;
    struct sw_store_record stored;
    struct sw_key key;
    enum sw_err err;

    sw_key_change(near->state->group, put->id, 0, &key);
    err = store->ops->seek(store, SW_TABLE_CHANGE, sw_key_span(&key), false, &stored);
    while (err == SW_ERR_OK) {
        struct sw_change_record change;
        struct sw_change_key at;

        if (sw_key_change_decode(stored.key, &at) != SW_ERR_OK || at.revision != put->id ||
            sw_change_record_decode(stored.value, &change) != SW_ERR_OK) {
            return SW_ERR_CORRUPT;
        }
        if (sw_place_equal(&change.place, &near->index->place) &&
            sw_span_equal(change.key, put->entry.key)) {
            *ret_depth = change.depth;
            return SW_ERR_OK;
        }
        err = store->ops->next(store, SW_TABLE_CHANGE, false, &stored);
    }
    return err == SW_ERR_NOT_FOUND ? SW_ERR_CORRUPT : err; /* above the floor nothing is missing */
}

/* The key as the put left it, with its distance. */
static enum sw_err
add(const struct near *near, struct sw__page *page, const struct put *put, double distance)
{
    const struct sw_history_name name = {.place = near->index->place, .key = put->entry.key};
    enum sw_err answer = SW_ERR_OK;
    struct sw_version version;
    struct sw_record record;
    uint8_t depth = 0;
    enum sw_err err = depth_of(near, put, &depth);

    if (err == SW_ERR_OK) {
        err = sw_history_version(near->state, near->store, &name, put->id, &version, &answer);
    }

    if (err == SW_ERR_OK && (answer != SW_ERR_OK || version.version == 0)) {
        err = SW_ERR_CORRUPT; /* above the floor nothing is missing */
    }
    if (err != SW_ERR_OK) {
        return err;
    }
    record = sw__record_of_version(put->entry.key, &version);
    if ((page->request->flags & SW_REQUEST_KEYS_ONLY) != 0) {
        record.value = sw_span_of(NULL, 0);
    }
    memcpy(&record.lease, &distance, sizeof record.lease);
    sw_record_encode(&record, page->records);
    sw_write_u8(&page->depths, depth);
    page->count++;
    return SW_ERR_OK;
}

/* --- a page ----------------------------------------------------------------------------------- */

static bool is_full(const struct sw__page *page, uint32_t passed)
{
    const uint32_t limit = page->request->limit;

    return page->records->size > SW_SCAN_SIZE_MAX ||
           page->count >= (limit > 0 ? limit : SW_SCAN_COUNT_MAX) || passed >= LOOK_COUNT_MAX;
}

/* Each put has a revision of its own, so a page may end behind any. */
static enum sw_err fill(const struct near *near, struct sw__page *page)
{
    struct put put = {.id = page->upto};
    uint32_t passed = 0;
    enum sw_err err;

    for (;;) {
        bool is_near = false;
        double distance = 0;

        err = next_put(near, put.id, &put);
        if (err != SW_ERR_OK || put.id == UINT64_MAX) {
            page->upto = err == SW_ERR_OK ? near->state->revision : page->upto;
            return err;
        }
        if (is_full(page, passed)) {
            page->more = true;
            return SW_ERR_OK;
        }
        err = judge(near, page, &put, &is_near, &distance);
        if (err == SW_ERR_OK && is_near) {
            err = add(near, page, &put, distance);
        }
        if (err != SW_ERR_OK) {
            return err;
        }
        page->upto = put.id;
        passed++;
    }
}

/* Down to this revision every vector that was put is there. */
static enum sw_err floor_of(const struct near *near, uint64_t *ret_floor)
{
    const enum sw_err err =
        sw_history_floor(near->state, near->store, &near->index->place, true, ret_floor);
    const uint64_t kept_from =
        near->index->profile.stored ? near->index->profile.kept_from : near->state->revision;

    if (err == SW_ERR_OK && *ret_floor < kept_from) {
        *ret_floor = kept_from;
    }
    return err;
}

/* Fills `near`, or the answer that says why that cannot be. */
static enum sw_err prepare(struct near *near, struct sw__page *page)
{
    const struct sw_place place = sw__page_place(page);
    const struct sw_space *space;
    char why[SW_WHY_SIZE];
    enum sw_err err = sw_vector_query_decode(page->request->value, &near->query);

    SW_ASSERT(err == SW_ERR_OK); /* the request was judged */
    near->index = sw_vectors_find(&near->state->vectors, &place, near->query.index);
    if (near->index == NULL) {
        return SW_ERR_NO_INDEX;
    }
    space = sw_index_space(near->index->index);
    if (near->query.vector.size != sw_space_vector_size(space)) {
        page->walked_to = sw__vectors_dimensions(space, near->query.vector.size);
        return SW_ERR_DIMENSION;
    }
    near->distance_max = sw_space_distance_of(space, near->query.distance_max);
    return sw_measure_new(space, near->query.vector, why, &near->measure);
}

enum sw_err sw__near_read(struct sw__page *page,
                          const struct sw_state *state,
                          struct sw_store *store,
                          enum sw_err *ret_answer)
{
    struct near near = {.state = state, .store = store};
    const uint64_t after = page->request->expected;
    uint64_t floor = 0;
    enum sw_err err = SW_ERR_OK;

    page->upto = after;
    *ret_answer = prepare(&near, page);
    if (*ret_answer == SW_ERR_OK) {
        err = floor_of(&near, &floor);
    }
    if (err == SW_ERR_OK && *ret_answer == SW_ERR_OK) {
        if ((after < floor && !SW_PLANTED(WATCH_HIDES_RESYNC)) || after > state->revision) {
            *ret_answer = SW_ERR_RESYNC;
            page->upto = state->revision;
        } else {
            err = fill(&near, page);
        }
    }
    sw_measure_free(near.measure);
    return err;
}
