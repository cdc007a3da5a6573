/* Questions to a vector index: the library finds ids, the store tells what stands there.
 *
 * A search sees the store that its index is of: the one where entries are executed, or a view of
 * it. Its work has a bound, and the answer says if that cut it off. Distances leave as doubles: an
 * integer of the library times a power of two, which is exact, so replies are the same bytes on
 * every machine. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/log.h"
#include "base/point.h"
#include "node/apply.h"
#include "node/vectors_private.h"
#include "transport/proto.h"

/* Whoever wants to know whether a thing is new gets nearly all candidates compared, but not all
 * entries of a large index: it happens inside apply. */
enum { NOVEL_RECALL_PERMILLE = 999 };

enum {
    /* BRIEF: looks at the store by a filter, and hits with their values, each of about a
     * microsecond. */
    BRIEF_MISS_MAX = 512,
    BRIEF_HIT_MAX = 100,
    /* To compare an entry exactly costs what so many estimates do. */
    EXACT_COST = 16,
};

/* What a search reads beside the library's records. */
struct look {
    struct sw_vectors_index *index;
    const struct sw_vector_query *query;
    enum sw_err err; /* the first of the store's */
    struct sw_attributes_question question;
    size_t attributes_max;     /* bytes */
    uint64_t misses, miss_max; /* looks at the store */
};

static uint64_t bits_of(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits;
}

uint64_t sw__vectors_dimensions(const struct sw_space *space, size_t vector_size)
{
    const size_t each = sw_space_vector_size(space) / space->dim;

    return (uint64_t)(vector_size / each) << 32 | space->dim;
}

enum sw_err sw_vectors_entry_get(const struct sw_vectors_index *index,
                                 uint64_t id,
                                 struct sw_vectors_entry *ret_entry)
{
    struct sw_span bytes;
    struct sw_key key;
    enum sw_err err;

    sw_vectors_entry_key(index, id, &key);
    err = index->store->ops->get(index->store, SW_TABLE_INDEX, sw_key_span(&key), &bytes);
    if (err == SW_ERR_NOT_FOUND) {
        return SW_ERR_CORRUPT;
    }
    return err == SW_ERR_OK ? sw_vectors_entry_decode(bytes, ret_entry) : err;
}

enum sw_err sw__vectors_settle(struct sw_vectors_index *index)
{
    const enum sw_err err = index->changed ? sw_index_flush(index->index) : SW_ERR_OK;

    index->changed = index->changed && err != SW_ERR_OK;
    return err;
}

enum sw_err sw__vectors_open_reader(struct sw_vectors_index *index)
{
    struct sw_store_marks marks;
    struct sw_key prefix;
    enum sw_err err;

    if (index->reader == NULL) {
        sw_key_index(sw_place_slot(&index->place),
                     SW_INDEX_LIBRARY,
                     index->number,
                     sw_span_of(NULL, 0),
                     &prefix);
        index->reader = sw_index_reader_new(sw_key_span(&prefix));
    }
    err = sw__vectors_settle(index);
    if (err != SW_ERR_OK) {
        return err;
    }
    marks = index->store->ops->marks(index->store, SW_TABLE_INDEX);
    if (index->reader_open && marks.changes == index->marks.changes) {
        return SW_ERR_OK;
    }
    err = sw_index_reader_open(
        index->reader, &index->map, index->reader_open && marks.moves == index->marks.moves);
    index->reader_open = err == SW_ERR_OK;
    index->marks = marks;
    return err;
}

enum sw_err sw_vectors_nearest(struct sw_vectors_index *index,
                               const struct sw_vector_item *item,
                               uint64_t scan_max,
                               struct sw_vectors_match *ret_match)
{
    const struct sw_space *space = sw_index_space(index->index);
    const struct sw_index_query query = {.vector = item->vector,
                                         .k = 1,
                                         .recall_permille = NOVEL_RECALL_PERMILLE,
                                         .scan_max = scan_max,
                                         .bounded = true,
                                         .distance_max =
                                             sw_space_distance_of(space, item->distance_max)};
    struct sw_index_certificate certificate;
    struct sw_index_hit hit;
    uint32_t count = 0;
    enum sw_err err;

    *ret_match = (struct sw_vectors_match){0};
    err = sw__vectors_open_reader(index);
    if (err == SW_ERR_OK) {
        err = sw_index_search(index->reader, &query, &hit, &count, &certificate);
    }
    SW_ASSERT(err != SW_ERR_INVALID); /* the vector was checked */
    if (err == SW_ERR_OK) {
        ret_match->terminated_early = certificate.terminated_early;
    }
    if (err == SW_ERR_OK && count > 0) {
        ret_match->id = hit.id;
        ret_match->distance_bits = bits_of(sw_space_distance(space, hit.distance));
    }
    return err;
}

/* --- filters ---------------------------------------------------------------------------------- */

/* Asks the store, and remembers what it says if there is room. */
static bool missing_holds(struct look *look, uint64_t id)
{
    struct sw_vectors_index *index = look->index;
    const struct sw_vector_query *query = look->query;
    struct sw_vectors_entry entry;

    look->misses++;
    if (look->err != SW_ERR_OK || look->misses > look->miss_max) {
        return false;
    }
    look->err = sw_vectors_entry_get(index, id, &entry);
    if (look->err != SW_ERR_OK) {
        return false;
    }
    if (!sw_attributes_add(&index->attributes,
                           id,
                           entry.attributes,
                           entry.attribute_count,
                           look->attributes_max)) {
        index->misses++;
    }
    return sw_conditions_hold(
        query->conditions, query->condition_count, entry.attributes, entry.attribute_count);
}

static uint32_t mask(void *context, const uint64_t ids[], uint32_t count)
{
    struct look *look = context;
    uint32_t sets[32];
    uint32_t bits = 0;

    if (SW_PLANTED(CONDITIONS_NOT_ASKED)) {
        return UINT32_MAX;
    }
    sw_attributes_find(&look->index->attributes, ids, count, sets);
    for (uint32_t i = 0; i < count; i++) {
        const bool holds =
            sets[i] == SW_ATTRIBUTES_NO_SET
                ? missing_holds(look, ids[i])
                : sw_attributes_hold(&look->index->attributes, &look->question, sets[i]);

        bits |= (uint32_t)holds << i;
    }
    return bits;
}

/* The first filter of an index reads all of it in one walk, a tenth of the cost of single looks. */
static enum sw_err remember_all(const struct look *look)
{
    struct sw_vectors_index *index = look->index;
    struct sw_store *store = index->store;
    struct sw_store_record record;
    struct sw_vectors_entry entry;
    struct sw_key prefix;
    enum sw_err err;

    sw_vectors_entry_key(index, 0, &prefix);
    err = store->ops->seek(store, SW_TABLE_INDEX, sw_key_span(&prefix), false, &record);
    while (err == SW_ERR_OK && sw_key_has_prefix(record.key, sw_key_span(&prefix)) &&
           record.key.size == prefix.size + 8) {
        err = sw_vectors_entry_decode(record.value, &entry);
        if (err != SW_ERR_OK || !sw_attributes_add(&index->attributes,
                                                   sw_load_u64_be(record.key.data + prefix.size),
                                                   entry.attributes,
                                                   entry.attribute_count,
                                                   look->attributes_max)) {
            return err;
        }
        err = store->ops->next(store, SW_TABLE_INDEX, false, &record);
    }
    return err == SW_ERR_NOT_FOUND ? SW_ERR_OK : err;
}

/* Which attributes stay in memory when there is no room for all: of the index that is asked, and of
 * the others while they take no more than half. Those of deleted entries stay until an index has no
 * room and looks at the store more often than it has entries remembered. */
static void make_room(const struct sw_vectors *vectors, struct look *look)
{
    struct sw_vectors_index *index = look->index;
    size_t others = 0;

    for (uint32_t i = 0; i < vectors->count; i++) {
        others += vectors->all[i] == index ? 0 : sw_attributes_size(&vectors->all[i]->attributes);
    }
    for (uint32_t i = 0; others > SW_ATTRIBUTES_SIZE_MAX / 2 && i < vectors->count; i++) {
        if (vectors->all[i] != index) {
            sw_attributes_release(&vectors->all[i]->attributes);
        }
    }
    if (index->misses > index->attributes.slot_count) {
        sw_attributes_release(&index->attributes);
        index->misses = 0;
    }
    look->attributes_max =
        SW_ATTRIBUTES_SIZE_MAX - (others > SW_ATTRIBUTES_SIZE_MAX / 2 ? 0 : others);
}

/* --- answers ---------------------------------------------------------------------------------- */

static void print_certificate(const struct sw_index_certificate *found,
                              const struct sw_index_hit *hits,
                              uint32_t count,
                              struct sw_buf *out)
{
    const char *separator = "";

    sw_buf_printf(
        out,
        "{\"epoch\":%u,\"probed\":%u,\"buckets\":%u,\"scanned\":\"%llu\",\"passed\":\"%llu\","
        "\"reranked\":%u,\"margin\":\"%lld\",\"terminated_early\":%s,\"windows\":%u,\"stale\":[",
        (unsigned)found->epoch,
        (unsigned)found->probed,
        (unsigned)found->buckets,
        (unsigned long long)found->scanned,
        (unsigned long long)found->passed,
        (unsigned)found->reranked,
        (long long)found->margin,
        found->terminated_early ? "true" : "false",
        (unsigned)found->windows);
    for (uint32_t i = 0; i < count; i++) {
        if (hits[i].stale) {
            sw_buf_printf(out, "%s%u", separator, (unsigned)i);
            separator = ",";
        }
    }
    sw_buf_printf(out, "]}");
}

/* A hit as a record of its key; its distance stands in the place of a lease. */
static enum sw_err write_hit(struct look *look, const struct sw_index_hit *hit, struct sw_buf *out)
{
    struct sw_store *store = look->index->store;
    struct sw_vectors_entry entry;
    struct sw_kv_record kv;
    struct sw_record record;
    struct sw_span bytes;
    struct sw_key key;
    enum sw_err err;

    err = sw_vectors_entry_get(look->index, hit->id, &entry);
    if (err == SW_ERR_OK) {
        sw_key_kv(&look->index->place, entry.key, &key);
        err = store->ops->get(store, SW_TABLE_KV, sw_key_span(&key), &bytes);
    }
    if (err == SW_ERR_OK) {
        err = sw_kv_record_decode(bytes, &kv);
    }
    if (err != SW_ERR_OK) {
        return err == SW_ERR_NOT_FOUND ? SW_ERR_CORRUPT : err;
    }
    record = (struct sw_record){.key = entry.key,
                                .create_revision = kv.create_revision,
                                .mod_revision = kv.mod_revision,
                                .version = kv.version,
                                .time_ms = kv.time_ms,
                                .lease = bits_of(sw_space_distance(
                                    sw_index_reader_space(look->index->reader), hit->distance))};
    if ((look->query->flags & SW_VECTOR_KEYS_ONLY) == 0) {
        record.value = kv.value;
    }
    sw_record_encode(&record, out);
    return SW_ERR_OK;
}

static void fill_query(const struct sw_vector_query *from,
                       const struct sw_space *space,
                       const struct sw_index_filter *filter,
                       struct sw_index_query *ret_query)
{
    *ret_query = (struct sw_index_query){
        .vector = from->vector,
        .k = from->k,
        .probe = from->probe,
        .rerank = from->rerank,
        .recall_permille = from->recall_permille,
        .filter = from->condition_count > 0 ? filter : NULL,
        .bounded = (from->flags & SW_VECTOR_BOUNDED) != 0,
        .seq_min = from->revision_min,
        .seq_max = from->revision_max,
        .one_context = (from->flags & SW_VECTOR_CONTEXT) != 0,
        .context = from->context,
        .include_stale = (from->flags & SW_VECTOR_STALE) != 0,
    };
    if (ret_query->bounded) {
        ret_query->distance_max = sw_space_distance_of(space, from->distance_max);
    }
}

/* Hits until the page is full: whoever asks for many large values gets fewer than k. */
static enum sw_err write_hits(struct look *look,
                              const struct sw_index_hit *hits,
                              uint32_t count,
                              struct sw_buf *out,
                              struct sw_vectors_answer *answer)
{
    enum sw_err err = SW_ERR_OK;

    for (uint32_t i = 0; i < count && err == SW_ERR_OK; i++) {
        const size_t before = out->size;

        err = write_hit(look, &hits[i], out);
        if (i > 0 && out->size > SW_SCAN_SIZE_MAX) {
            out->size = before;
            answer->more = true;
            break;
        }
        answer->count++;
    }
    return err;
}

/* What it will take can be told before: it compares many entries exactly, or reads many values. */
static bool is_long(const struct sw_index_query *query)
{
    return query->k > BRIEF_HIT_MAX || query->rerank > SW_SEARCH_BRIEF_SCAN_MAX / EXACT_COST;
}

static uint64_t scan_max_of(const struct sw_index_query *query, enum sw_vectors_effort effort)
{
    if (effort == SW_VECTORS_FULL) {
        return SW_SEARCH_SCAN_MAX;
    }
    return query->recall_permille == 1000 ? SW_SEARCH_BRIEF_SCAN_MAX / EXACT_COST
                                          : SW_SEARCH_BRIEF_SCAN_MAX;
}

static enum sw_err look_into(struct look *look,
                             const struct sw_index_query *wanted,
                             enum sw_vectors_effort effort,
                             struct sw_buf *out,
                             struct sw_vectors_answer *answer)
{
    struct sw_index_reader *reader = look->index->reader;
    struct sw_index_hit *hits = calloc(wanted->k, sizeof *hits);
    struct sw_index_certificate certificate = {0};
    uint32_t count = 0;
    enum sw_err err;

    SW_ASSERT(hits != NULL);
    err = sw_index_search(reader, wanted, hits, &count, &certificate);
    if (look->err != SW_ERR_OK) {
        err = look->err;
    } else if (err == SW_ERR_INVALID) {
        answer->err = err;
        sw_write_bytes(out, sw_span_str(sw_index_reader_why(reader)));
        err = SW_ERR_OK;
    } else if (err == SW_ERR_OK && effort == SW_VECTORS_BRIEF &&
               (certificate.terminated_early || look->misses > look->miss_max)) {
        answer->unfinished = true;
    } else if (err == SW_ERR_OK) {
        err = write_hits(look, hits, count, out, answer);
        answer->records_size = out->size;
        if (err == SW_ERR_OK) {
            print_certificate(&certificate, hits, answer->count, out);
        }
    }
    free(hits);
    return err;
}

static enum sw_err search(const struct sw_vectors *vectors,
                          struct look *look,
                          enum sw_vectors_effort effort,
                          struct sw_buf *out,
                          struct sw_vectors_answer *answer)
{
    const struct sw_index_filter filter = {.mask = mask, .context = look};
    struct sw_vectors_index *index = look->index;
    const struct sw_space *space;
    struct sw_index_query wanted;
    enum sw_err err = sw__vectors_open_reader(index);

    if (err != SW_ERR_OK) {
        return err;
    }
    space = sw_index_reader_space(index->reader);
    if (look->query->vector.size != sw_space_vector_size(space)) {
        answer->err = SW_ERR_DIMENSION;
        answer->value = sw__vectors_dimensions(space, look->query->vector.size);
        return SW_ERR_OK;
    }
    fill_query(look->query, space, &filter, &wanted);
    if (wanted.recall_permille == 0) { /* nothing is wished for */
        wanted.budget = index->profile.budget;
        wanted.recall_permille =
            wanted.budget.probe_percent == 0 ? index->profile.target_permille : 0;
    }
    wanted.scan_max = scan_max_of(&wanted, effort);
    if (effort == SW_VECTORS_BRIEF && is_long(&wanted)) {
        answer->unfinished = true;
        return SW_ERR_OK;
    }
    look->miss_max = effort == SW_VECTORS_BRIEF ? BRIEF_MISS_MAX : UINT64_MAX;
    if (wanted.filter != NULL) {
        make_room(vectors, look);
        if (effort == SW_VECTORS_FULL && index->attributes.slot_count == 0) {
            err = remember_all(look);
        }
    }
    return err == SW_ERR_OK ? look_into(look, &wanted, effort, out, answer) : err;
}

enum sw_err sw_vectors_search(const struct sw_vectors *vectors,
                              struct sw_store *store,
                              const struct sw_place *place,
                              struct sw_span question,
                              enum sw_vectors_effort effort,
                              struct sw_buf *out,
                              struct sw_vectors_answer *ret_answer)
{
    struct sw_vector_query query;
    struct look look = {.query = &query};
    enum sw_err err;

    *ret_answer = (struct sw_vectors_answer){.err = sw_vector_query_decode(question, &query)};
    if (ret_answer->err != SW_ERR_OK) {
        return SW_ERR_OK;
    }
    look.index = sw_vectors_find(vectors, place, query.index);
    if (look.index == NULL) {
        ret_answer->err = SW_ERR_NO_INDEX;
        return SW_ERR_OK;
    }
    SW_ASSERT(look.index->store == store);
    sw_attributes_ask(query.conditions, query.condition_count, &look.question);
    err = search(vectors, &look, effort, out, ret_answer);
    sw_attributes_question_release(&look.question);
    return err;
}

/* --- lists ------------------------------------------------------------------------------------ */

static const char *metric_name(enum sw_metric metric)
{
    return metric == SW_METRIC_COSINE ? "cosine" : metric == SW_METRIC_L2 ? "l2" : "inner-product";
}

static const char *dtype_name(enum sw_dtype dtype)
{
    return dtype == SW_DTYPE_F32 ? "f32" : dtype == SW_DTYPE_F16 ? "f16" : "i8";
}

static void print_index(const struct sw_vectors_index *index, struct sw_buf *out)
{
    const struct sw_space *space = sw_index_space(index->index);
    const struct sw_index_digest digest = sw_index_digest(index->index);
    struct sw_index_stats stats;

    sw_index_stats(index->index, &stats);
    sw_buf_printf(out, "{\"name\":");
    sw_json_string(out, sw_span_str(space->name));
    sw_buf_printf(out, ",\"model\":");
    sw_json_string(out, sw_span_str(space->model));
    sw_buf_printf(out,
                  ",\"version\":%u,\"dim\":%u,\"dtype\":\"%s\",\"metric\":\"%s\",\"exponent\":%d,"
                  "\"created\":\"%llu\",\"entries\":\"%llu\",\"epoch\":%u,\"buckets\":%u,"
                  "\"splits\":\"%llu\",\"working\":%s,\"digest\":\"%016llx%016llx\"}",
                  (unsigned)space->version,
                  (unsigned)space->dim,
                  dtype_name(space->dtype),
                  metric_name(space->metric),
                  space->exponent,
                  (unsigned long long)index->number,
                  (unsigned long long)stats.entries,
                  (unsigned)stats.epoch,
                  (unsigned)stats.buckets,
                  (unsigned long long)stats.splits,
                  index->working ? "true" : "false",
                  (unsigned long long)digest.high,
                  (unsigned long long)digest.low);
}

enum sw_err sw_vectors_list(const struct sw_vectors *vectors,
                            const struct sw_place *place,
                            struct sw_buf *out,
                            struct sw_vectors_answer *ret_answer)
{
    const char *separator = "";

    *ret_answer = (struct sw_vectors_answer){.err = SW_ERR_OK};
    sw_buf_printf(out, "{\"indexes\":[");
    for (uint32_t i = 0; i < vectors->count; i++) {
        const struct sw_vectors_index *index = vectors->all[i];

        if (sw_vectors_serves(index, place)) {
            sw_buf_printf(out, "%s", separator);
            print_index(index, out);
            separator = ",";
        }
    }
    sw_buf_printf(out, "]}");
    return SW_ERR_OK;
}
