/* Questions to a vector index: the library finds ids, the store tells what stands there.
 *
 * A search runs where entries are executed, on what they left, so it sees every write before it and
 * none after. Distances leave as doubles: an integer of the library times a power of two, which is
 * exact, so replies are the same bytes on every machine. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/log.h"
#include "node/apply.h"
#include "node/vectors_private.h"
#include "transport/proto.h"

/* Whoever wants to know whether a thing is new gets nearly all candidates compared, but not all
 * entries of a large index: it happens inside apply. */
enum { NOVEL_RECALL_PERMILLE = 999 };

/* What a search reads beside the library's records. */
struct look {
    const struct sw_vectors_index *index;
    const struct sw_vector_query *query;
    enum sw_err err; /* the first of the store's */
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

/* The reader, on the records as they are now. */
static enum sw_err open_reader(struct sw_vectors_index *index)
{
    struct sw_key prefix;

    if (index->reader == NULL) {
        sw_key_index(sw_place_slot(&index->place),
                     SW_INDEX_LIBRARY,
                     index->number,
                     sw_span_of(NULL, 0),
                     &prefix);
        index->reader = sw_index_reader_new(sw_key_span(&prefix));
    }
    if (index->changed) {
        const enum sw_err err = sw_index_flush(index->index);

        if (err != SW_ERR_OK) {
            return err;
        }
    }
    return sw_index_reader_open(index->reader, &index->map, false);
}

enum sw_err sw_vectors_nearest(struct sw_vectors_index *index,
                               const struct sw_vector_item *item,
                               struct sw_vectors_match *ret_match)
{
    const struct sw_space *space = sw_index_space(index->index);
    const struct sw_index_query query = {.vector = item->vector,
                                         .k = 1,
                                         .recall_permille = NOVEL_RECALL_PERMILLE,
                                         .bounded = true,
                                         .distance_max =
                                             sw_space_distance_of(space, item->distance_max)};
    struct sw_index_hit hit;
    uint32_t count = 0;
    enum sw_err err;

    *ret_match = (struct sw_vectors_match){0};
    err = open_reader(index);
    if (err == SW_ERR_OK) {
        err = sw_index_search(index->reader, &query, &hit, &count, NULL);
    }
    SW_ASSERT(err != SW_ERR_INVALID); /* the vector was checked */
    if (err == SW_ERR_OK && count > 0) {
        ret_match->id = hit.id;
        ret_match->distance_bits = bits_of(sw_space_distance(space, hit.distance));
    }
    return err;
}

/* --- filters ---------------------------------------------------------------------------------- */

static uint32_t mask(void *context, const uint64_t ids[], uint32_t count)
{
    struct look *look = context;
    struct sw_vectors_entry entry;
    uint32_t bits = 0;

    for (uint32_t i = 0; i < count && look->err == SW_ERR_OK; i++) {
        look->err = sw_vectors_entry_get(look->index, ids[i], &entry);
        if (look->err == SW_ERR_OK && sw_conditions_hold(look->query->conditions,
                                                         look->query->condition_count,
                                                         entry.attributes,
                                                         entry.attribute_count)) {
            bits |= UINT32_C(1) << i;
        }
    }
    return bits;
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
        "\"reranked\":%u,\"margin\":\"%lld\",\"stale\":[",
        (unsigned)found->epoch,
        (unsigned)found->probed,
        (unsigned)found->buckets,
        (unsigned long long)found->scanned,
        (unsigned long long)found->passed,
        (unsigned)found->reranked,
        (long long)found->margin);
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
    record = (struct sw_record){
        .key = entry.key,
        .create_revision = kv.create_revision,
        .mod_revision = kv.mod_revision,
        .version = kv.version,
        .time_ms = kv.time_ms,
        .lease = bits_of(sw_space_distance(sw_index_space(look->index->index), hit->distance))};
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

static enum sw_err search(struct sw_vectors_index *index,
                          const struct sw_vector_query *query,
                          struct sw_index_hit *hits,
                          struct sw_buf *out,
                          struct sw_vectors_answer *answer)
{
    struct look look = {.index = index, .query = query};
    const struct sw_index_filter filter = {.mask = mask, .context = &look};
    const struct sw_space *space = sw_index_space(index->index);
    struct sw_index_certificate certificate = {0};
    struct sw_index_query wanted;
    uint32_t count = 0;
    enum sw_err err;

    fill_query(query, space, &filter, &wanted);
    err = open_reader(index);
    if (err == SW_ERR_OK) {
        err = sw_index_search(index->reader, &wanted, hits, &count, &certificate);
    }
    if (look.err != SW_ERR_OK) {
        return look.err;
    }
    if (err == SW_ERR_INVALID) {
        answer->err = err;
        sw_write_bytes(out, sw_span_str(sw_index_reader_why(index->reader)));
        return SW_ERR_OK;
    }
    if (err == SW_ERR_OK) {
        err = write_hits(&look, hits, count, out, answer);
        answer->records_size = out->size;
    }
    if (err == SW_ERR_OK) {
        print_certificate(&certificate, hits, answer->count, out);
    }
    return err;
}

enum sw_err sw_vectors_search(const struct sw_vectors *vectors,
                              struct sw_store *store,
                              const struct sw_place *place,
                              struct sw_span question,
                              struct sw_buf *out,
                              struct sw_vectors_answer *ret_answer)
{
    struct sw_vectors_index *index;
    struct sw_vector_query query;
    struct sw_index_hit *hits;
    enum sw_err err;

    *ret_answer = (struct sw_vectors_answer){.err = sw_vector_query_decode(question, &query)};
    if (ret_answer->err != SW_ERR_OK) {
        return SW_ERR_OK;
    }
    index = sw_vectors_find(vectors, place, query.index);
    if (index == NULL) {
        ret_answer->err = SW_ERR_NO_INDEX;
        return SW_ERR_OK;
    }
    SW_ASSERT(index->store == store);
    if (query.vector.size != sw_space_vector_size(sw_index_space(index->index))) {
        ret_answer->err = SW_ERR_DIMENSION;
        ret_answer->value = sw__vectors_dimensions(sw_index_space(index->index), query.vector.size);
        return SW_ERR_OK;
    }
    hits = calloc(query.k, sizeof *hits);
    SW_ASSERT(hits != NULL);
    err = search(index, &query, hits, out, ret_answer);
    free(hits);
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
