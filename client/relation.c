/* Links: two keys each, written by one transaction, followed level by level.
 *
 * A step takes the links of all keys of a level, and looks at once whether what they lead to is
 * there since before the link was made. All of it at one revision. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "client/memories.h"

enum { LINK_PAGE = 1024 };

/* --- walks ------------------------------------------------------------------------------------ */

/* A key of the present level, or the one that is next. */
struct stop {
    struct swarm_slice key;
    uint64_t created; /* its create_revision; 0 = it is not there */
};

struct stops {
    struct stop *all; /* owned: those of all levels, in order */
    struct sw_link_hash *hashes;
    size_t count;
};

static bool was_here(const struct stops *stops, const struct sw_link_hash *hash)
{
    for (size_t i = 0; i < stops->count; i++) {
        if (memcmp(&stops->hashes[i], hash, sizeof *hash) == 0) {
            return true;
        }
    }
    return false;
}

static void add_stop(struct stops *stops, struct swarm_slice key, uint64_t created)
{
    const size_t count = stops->count + 1;

    stops->all = realloc(stops->all, count * sizeof stops->all[0]);
    stops->hashes = realloc(stops->hashes, count * sizeof stops->hashes[0]);
    SW_ASSERT(stops->all != NULL && stops->hashes != NULL);
    stops->all[stops->count] = (struct stop){.key = key, .created = created};
    stops->hashes[stops->count] = sw_link_hash_of(sw_span_of_slice(key));
    stops->count++;
}

static void add_step(struct sw_walk *walk, const struct swarm_link *link)
{
    if (walk->count == walk->capacity) {
        walk->capacity = walk->capacity == 0 ? 16 : 2 * walk->capacity;
        walk->steps = realloc(walk->steps, walk->capacity * sizeof walk->steps[0]);
        SW_ASSERT(walk->steps != NULL);
    }
    walk->steps[walk->count++] = (struct sw_step){.link = *link};
}

/* A link as it is stored, if it is one of `stop`. */
static bool read_step(const struct sw_walk *walk,
                      const struct stop *stop,
                      const struct swarm_record *record,
                      uint32_t depth,
                      struct swarm_link *ret_link)
{
    struct sw_link_hash here, there;
    struct sw_link_pair link;
    enum sw_link_side side;
    struct sw_span type, own;

    if (!sw_link_key_read(sw_span_of_slice(record->key), &side, &here, &type, &there) ||
        !sw_link_read(sw_span_of_slice(record->value), &link)) {
        return false; /* somebody else's key */
    }
    own = walk->backward ? link.to : link.from;
    if (!sw_span_equal(own, sw_span_of_slice(stop->key)) ||
        (walk->ends_only && (stop->created == 0 || stop->created > record->mod_revision))) {
        return false;
    }
    *ret_link = (struct swarm_link){.from = sw_slice_of_span(link.from),
                                    .to = sw_slice_of_span(link.to),
                                    .type = sw_slice_of_span(type),
                                    .score = link.score,
                                    .depth = depth,
                                    .revision = record->mod_revision};
    return true;
}

static struct swarm_slice end_of(const struct sw_walk *walk, const struct swarm_link *link)
{
    return walk->backward ? link->from : link->to;
}

/* All links of one key, until there are so many as the walk may have. */
static enum swarm_status take_links(struct sw_walk *walk, const struct stop *stop, uint32_t depth)
{
    const struct sw_link_hash hash = sw_link_hash_of(sw_span_of_slice(stop->key));
    const struct swarm_result *page = NULL;
    uint8_t after[SW_KEY_SIZE_MAX + 1];
    struct sw_link_key prefix;
    struct swarm_link link;
    struct sw_span from = sw_span_of(NULL, 0);

    sw_link_prefix(walk->backward ? SW_LINK_BACK : SW_LINK_FORTH,
                   &hash,
                   sw_span_str(walk->type == NULL ? "" : walk->type),
                   &prefix);
    do {
        const enum swarm_status status =
            sw_reading_scan(walk->reading, sw_link_key_span(&prefix), from, LINK_PAGE, &page);

        if (status != SWARM_OK) {
            return status;
        }
        for (size_t i = 0; i < page->record_count; i++) {
            const struct swarm_record *record = &page->records[i];

            if (walk->count == 2 * (size_t)SW_FOLLOW_COUNT_MAX) { /* ends are looked at later */
                walk->more = true;
                return SWARM_OK;
            }
            if (read_step(walk, stop, record, depth, &link)) {
                add_step(walk, &link);
            }
            memcpy(after, record->key.data, record->key.size);
            after[record->key.size] = 0;
            from = sw_span_of(after, record->key.size + 1);
        }
    } while (page->more);
    return SWARM_OK;
}

/* Looks at the ends of the steps from `first` on, and leaves out those that are not to be seen. */
static enum swarm_status judge_ends(struct sw_walk *walk, size_t first, struct stops *stops)
{
    const size_t count = walk->count - first;
    struct swarm_slice *keys = calloc(count + 1, sizeof *keys);
    const struct swarm_record **records = calloc(count + 1, sizeof(void *));
    enum swarm_status status;
    size_t kept = first;

    SW_ASSERT(keys != NULL && records != NULL);
    for (size_t i = 0; i < count; i++) {
        keys[i] = end_of(walk, &walk->steps[first + i].link);
    }
    status = sw_reading_get(
        walk->reading, keys, count, walk->with_values ? 0 : SWARM_KEYS_ONLY, records);
    for (size_t i = 0; status == SWARM_OK && i < count; i++) {
        struct sw_step step = walk->steps[first + i];
        const bool is_there =
            records[i]->version > 0 &&
            (!walk->ends_only || records[i]->create_revision <= step.link.revision);
        const struct sw_link_hash hash = sw_link_hash_of(sw_span_of_slice(keys[i]));
        const bool seen = was_here(stops, &hash);

        bool hidden;

        if ((walk->ends_only && !is_there) || (seen && !walk->each_link)) {
            continue;
        }
        status = sw_reading_hidden(walk->reading, sw_span_of_slice(keys[i]), &hidden);
        if (status != SWARM_OK || hidden) {
            continue;
        }
        if (kept == walk->limit) {
            walk->more = true;
            break;
        }
        step.there = is_there ? records[i] : NULL;
        walk->steps[kept++] = step;
        if (!seen) {
            add_stop(stops, keys[i], is_there ? records[i]->create_revision : 0);
        }
    }
    walk->count = kept;
    free(records);
    free(keys);
    return status;
}

static enum swarm_status
add_starts(struct sw_walk *walk, const struct swarm_slice *start, size_t count, struct stops *stops)
{
    const struct swarm_record **records = calloc(count + 1, sizeof(void *));
    enum swarm_status status;

    SW_ASSERT(records != NULL);
    status = sw_reading_get(walk->reading, start, count, SWARM_KEYS_ONLY, records);
    for (size_t i = 0; status == SWARM_OK && i < count; i++) {
        const struct sw_link_hash hash = sw_link_hash_of(sw_span_of_slice(start[i]));

        if (!was_here(stops, &hash)) {
            add_stop(stops, start[i], records[i]->create_revision);
        }
    }
    free(records);
    return status;
}

enum swarm_status sw_walk(struct sw_walk *walk, const struct swarm_slice *start, size_t count)
{
    struct stops stops = {0};
    enum swarm_status status = add_starts(walk, start, count, &stops);
    size_t begin = 0;

    for (uint32_t depth = 1; depth <= walk->depth && status == SWARM_OK && !walk->more; depth++) {
        const size_t end = stops.count, first = walk->count;

        walk->whole = first;
        for (size_t i = begin; i < end && status == SWARM_OK && !walk->more; i++) {
            const struct stop stop = stops.all[i];

            status = take_links(walk, &stop, depth);
        }
        if (status == SWARM_OK) {
            status = judge_ends(walk, first, &stops);
        }
        begin = end;
        if (status == SWARM_OK && !walk->more && stops.count == end) {
            walk->whole = walk->count;
            break;
        }
    }
    free(stops.all);
    free(stops.hashes);
    return status;
}

void sw_walk_release(struct sw_walk *walk)
{
    free(walk->steps);
    walk->steps = NULL;
}

/* --- links ------------------------------------------------------------------------------------ */

struct swarm_links {
    struct sw_results results;
    struct swarm_link *all; /* owned; views into the results */
    size_t count;
    bool more;
    char key[SW_KEY_SIZE_MAX];
};

static enum sw_err check(const struct swarm_link *link, bool derived_too, char why[SW_WHY_SIZE])
{
    const struct sw_span type = sw_span_of_slice(link->type);

    if (link->from.size == 0 || link->from.size > SW_KEY_SIZE_MAX || link->to.size == 0 ||
        link->to.size > SW_KEY_SIZE_MAX) {
        (void)snprintf(why, SW_WHY_SIZE, "a link's keys are 1 to %d bytes", SW_KEY_SIZE_MAX);
        return SW_ERR_INVALID;
    }
    if (link->score > SW_LINK_SCORE_MAX) {
        (void)snprintf(why, SW_WHY_SIZE, "a link's score is 0 to 1000 thousandths");
        return SW_ERR_INVALID;
    }
    if (!derived_too && sw_span_equal(type, sw_span_str(SW_LINK_DERIVED))) {
        (void)snprintf(why, SW_WHY_SIZE, "links of type derived_from are those of memories");
        return SW_ERR_INVALID;
    }
    return sw_link_type_validate(type, why);
}

static void
keys_of(const struct swarm_link *link, struct sw_link_key *ret_forth, struct sw_link_key *ret_back)
{
    const struct sw_span type = sw_span_of_slice(link->type);
    const struct sw_link_hash from = sw_link_hash_of(sw_span_of_slice(link->from));
    const struct sw_link_hash to = sw_link_hash_of(sw_span_of_slice(link->to));

    sw_link_key_of(SW_LINK_FORTH, &from, type, &to, ret_forth);
    sw_link_key_of(SW_LINK_BACK, &to, type, &from, ret_back);
}

/* One transaction on both keys of a link, and on both ends if they have to be there. */
static struct swarm_result *run(struct swarm_client *client,
                                struct swarm_scope scope,
                                const struct swarm_link *link,
                                enum swarm_txn_kind kind,
                                struct swarm_slice value)
{
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    const struct swarm_compare there[] = {
        {SWARM_COMPARE_VERSION, SWARM_GREATER, link->from, {NULL, 0}, 0},
        {SWARM_COMPARE_VERSION, SWARM_GREATER, link->to, {NULL, 0}, 0}};
    struct sw_link_key forth, back;
    struct swarm_txn_op ops[2];
    struct swarm_txn txn = {.then_ops = ops, .then_count = 2};
    struct swarm_result *result = NULL;

    keys_of(link, &forth, &back);
    ops[0] = (struct swarm_txn_op){
        .kind = kind, .key = sw_slice_of_span(sw_link_key_span(&forth)), .value = value};
    ops[1] = (struct swarm_txn_op){
        .kind = kind, .key = sw_slice_of_span(sw_link_key_span(&back)), .value = value};
    if (kind == SWARM_TXN_PUT) {
        txn.compares = there;
        txn.compare_count = 2;
    }
    request.op = SWARM_TXN;
    request.scope = scope;
    request.txn = &txn;
    (void)swarm_call(client, &request, &result);
    return result;
}

enum swarm_status swarm_link_put(struct swarm_client *client,
                                 struct swarm_scope scope,
                                 const struct swarm_link *link,
                                 struct swarm_result **ret_result,
                                 char *ret_why,
                                 size_t why_size)
{
    const struct sw_link_pair stored = {.from = sw_span_of_slice(link->from),
                                        .to = sw_span_of_slice(link->to),
                                        .score = link->score};
    struct swarm_result *result;
    struct sw_buf value = {0};
    char why[SW_WHY_SIZE] = "";
    enum sw_err err = check(link, false, why);

    if (ret_result != NULL) {
        *ret_result = NULL;
    }
    if (err != SW_ERR_OK) {
        return sw_say((enum swarm_status)err, why, ret_why, why_size);
    }
    sw_link_write(&stored, &value);
    result = run(client, scope, link, SWARM_TXN_PUT, sw_slice_of_span(sw_buf_span(&value)));
    sw_buf_release(&value);
    if (result->status == SWARM_OK && !result->succeeded) {
        result->status = SWARM_NOT_FOUND; /* value: which one */
        (void)sw_say(SWARM_NOT_FOUND,
                     result->value == 1 ? "the key that it begins at does not exist"
                                        : "the key that it ends at does not exist",
                     ret_why,
                     why_size);
        if (ret_result != NULL) {
            *ret_result = result;
        } else {
            swarm_result_free(result);
        }
        return SWARM_NOT_FOUND;
    }
    return sw_give(result, ret_result, ret_why, why_size);
}

enum swarm_status swarm_link_delete(struct swarm_client *client,
                                    struct swarm_scope scope,
                                    const struct swarm_link *link,
                                    struct swarm_result **ret_result,
                                    char *ret_why,
                                    size_t why_size)
{
    struct swarm_result *result;
    char why[SW_WHY_SIZE] = "";
    const enum sw_err err = check(link, false, why);

    if (ret_result != NULL) {
        *ret_result = NULL;
    }
    if (err != SW_ERR_OK) {
        return sw_say((enum swarm_status)err, why, ret_why, why_size);
    }
    result = run(client, scope, link, SWARM_TXN_DELETE, (struct swarm_slice){NULL, 0});
    if (result->status == SWARM_OK) { /* the records are the keys as they were */
        result->value = result->record_count > 0 && result->records[0].version > 0 ? 1 : 0;
    }
    return sw_give(result, ret_result, ret_why, why_size);
}

static enum swarm_status check_query(const struct swarm_link_query *query, char why[SW_WHY_SIZE])
{
    if (query->key.size == 0 || query->key.size > SW_KEY_SIZE_MAX) {
        (void)snprintf(why, SW_WHY_SIZE, "a key is 1 to %d bytes", SW_KEY_SIZE_MAX);
        return SWARM_INVALID;
    }
    if (query->depth > SW_FOLLOW_DEPTH_MAX || query->limit > SW_FOLLOW_COUNT_MAX) {
        (void)snprintf(why,
                       SW_WHY_SIZE,
                       "a depth is at most %d, a limit at most %d",
                       SW_FOLLOW_DEPTH_MAX,
                       SW_FOLLOW_COUNT_MAX);
        return SWARM_INVALID;
    }
    return query->type == NULL
               ? SWARM_OK
               : (enum swarm_status)sw_link_type_validate(sw_span_str(query->type), why);
}

enum swarm_status swarm_link_follow(struct swarm_client *client,
                                    struct swarm_scope scope,
                                    const struct swarm_link_query *query,
                                    struct swarm_links **ret_links,
                                    char *ret_why,
                                    size_t why_size)
{
    struct swarm_links *links;
    struct sw_reading reading = {
        .client = client, .scope = scope, .why = ret_why, .why_size = why_size};
    struct sw_walk walk = {.reading = &reading,
                           .type = query->type,
                           .backward = query->backward,
                           .ends_only = true,
                           .each_link = true,
                           .depth = query->depth == 0 ? 1 : query->depth,
                           .limit = query->limit == 0 ? SW_FOLLOW_COUNT_DEFAULT : query->limit};
    char why[SW_WHY_SIZE] = "";
    enum swarm_status status = check_query(query, why);
    struct swarm_slice start;

    *ret_links = NULL;
    if (status != SWARM_OK) {
        return sw_say(status, why, ret_why, why_size);
    }
    links = calloc(1, sizeof *links);
    SW_ASSERT(links != NULL);
    memcpy(links->key, query->key.data, query->key.size);
    start = (struct swarm_slice){.data = links->key, .size = query->key.size};
    reading.results = &links->results;
    status = sw_reading_begin(&reading);
    if (status == SWARM_OK) {
        status = sw_walk(&walk, &start, 1);
    }
    if (status == SWARM_OK) {
        links->all = calloc(walk.count + 1, sizeof links->all[0]);
        SW_ASSERT(links->all != NULL);
        for (size_t i = 0; i < walk.count; i++) {
            links->all[i] = walk.steps[i].link;
        }
        links->count = walk.count;
        links->more = walk.more;
        *ret_links = links;
    } else {
        swarm_links_free(links);
    }
    sw_walk_release(&walk);
    sw_reading_release(&reading);
    return status;
}

size_t swarm_links_count(const struct swarm_links *links)
{
    return links->count;
}

const struct swarm_link *swarm_links_at(const struct swarm_links *links, size_t at)
{
    return at < links->count ? &links->all[at] : NULL;
}

bool swarm_links_more(const struct swarm_links *links)
{
    return links->more;
}

void swarm_links_free(struct swarm_links *links)
{
    if (links != NULL) {
        sw_results_release(&links->results);
        free(links->all);
        free(links);
    }
}
