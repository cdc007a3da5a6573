/* What an index is like on this replica, and how much it finds: INDEX_STATUS.
 *
 * Samples are drawn where they are asked for, a few at a time, so that the work of one request has
 * a bound; the newest of them stay beside the index in memory. Nothing replicated depends on them:
 * if they call for another budget, the answer to the node itself has the command that says so, and
 * a leader proposes it. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/log.h"
#include "base/prng.h"
#include "node/query_private.h"
#include "node/vectors_private.h"

enum {
    /* Entries that one request compares; the first sample is taken whatever they are. */
    LOOK_ENTRIES_MAX = 1 << 18,
    /* Above this a comparison with everything takes too long where entries are executed. */
    MEASURED_ENTRIES_MAX = 1 << 20,
};

struct sw_index_budget sw__vectors_budget(const struct sw_vectors_index *index)
{
    const struct sw_vectors_profile *profile = &index->profile;

    return profile->budget.probe_percent != 0 ? profile->budget
                                              : sw_index_budget_of(profile->target_permille);
}

/* --- samples ---------------------------------------------------------------------------------- */

/* The entry with the least id from `id` on, or the first of all; 0 if there is none. */
static enum sw_err entry_from(const struct sw_vectors_index *index, uint64_t id, uint64_t *ret_id)
{
    struct sw_store *store = index->store;
    struct sw_store_record record;
    struct sw_key prefix, from;
    enum sw_err err;

    *ret_id = 0;
    sw_vectors_entry_key(index, 0, &prefix);
    sw_vectors_entry_key(index, id, &from);
    for (int turn = 0; turn < 2; turn++) {
        err = store->ops->seek(
            store, SW_TABLE_INDEX, sw_key_span(turn == 0 ? &from : &prefix), false, &record);
        if (err != SW_ERR_OK && err != SW_ERR_NOT_FOUND) {
            return err;
        }
        if (err == SW_ERR_OK && sw_key_has_prefix(record.key, sw_key_span(&prefix)) &&
            record.key.size == prefix.size + 8) {
            *ret_id = sw_load_u64_be(record.key.data + prefix.size);
            return SW_ERR_OK;
        }
    }
    return SW_ERR_OK;
}

static enum sw_err take_samples(const struct sw_state *state,
                                struct sw_vectors_index *index,
                                const struct sw_request *request,
                                struct sw_index_budget budget,
                                struct sw_tune_window *window)
{
    const uint32_t count = request->limit;
    struct sw_prng prng = sw_prng_of(request->expected);
    struct sw_index_stats stats;
    uint64_t looked = 0;
    enum sw_err err;

    sw_index_stats(index->index, &stats);
    if (stats.entries < 2 || stats.entries > MEASURED_ENTRIES_MAX || count == 0) {
        return SW_ERR_OK;
    }
    err = sw__vectors_open_reader(index);
    for (uint32_t i = 0; i < count && looked < LOOK_ENTRIES_MAX && err == SW_ERR_OK; i++) {
        const uint64_t span = state->revision - index->number;
        struct sw_tune_sample sample;
        uint64_t id = 0;

        err = entry_from(index, index->number + 1 + sw_prng_below(&prng, span + 1), &id);
        SW_ASSERT(err != SW_ERR_OK || id != 0);
        if (err == SW_ERR_OK) {
            err = sw_tune_measure(index->reader, id, budget, &sample);
        }
        if (err == SW_ERR_OK) {
            sw_tune_add(window, budget, sample);
        }
        looked += stats.entries;
    }
    return err == SW_ERR_NOT_FOUND ? SW_ERR_CORRUPT : err;
}

/* --- what is told ----------------------------------------------------------------------------- */

static void print_histogram(const struct sw_vectors_index *index, struct sw_buf *out)
{
    struct sw_index_histogram histogram;

    sw_index_histogram(index->index, &histogram);
    sw_buf_printf(out, ",\"largest\":%u,\"histogram\":[", (unsigned)histogram.largest);
    for (uint32_t i = 0; i < SW_INDEX_BIN_COUNT; i++) {
        sw_buf_printf(out,
                      "%s{\"from\":%u,\"buckets\":%u}",
                      i == 0 ? "" : ",",
                      (unsigned)sw_index_histogram_from(i),
                      (unsigned)histogram.bins[i]);
    }
    sw_buf_printf(out, "]");
}

/* How many bits sealed vectors keep, and how far that may be from what was put. */
static void print_precision(const struct sw_vectors_index *index, struct sw_buf *out)
{
    struct sw_index_precision precision = {.bits = SW_VECTORS_BITS_MAX};
    const enum sw_err err = sw_index_precision(index->index, SW_VECTORS_SLICE, &precision);

    SW_ASSERT(err == SW_ERR_OK || err == SW_ERR_NOT_FOUND); /* nothing was put yet */
    sw_buf_printf(out,
                  ",\"bits\":%u,\"segments\":%u,\"to_lower\":%u,\"error_ppm\":%u",
                  (unsigned)precision.bits,
                  (unsigned)precision.segments,
                  (unsigned)precision.left,
                  (unsigned)precision.error_ppm);
}

static void print_recall(const struct sw_vectors_index *index,
                         struct sw_index_budget budget,
                         const struct sw_tune_window *window,
                         struct sw_buf *out)
{
    sw_buf_printf(out,
                  ",\"target_permille\":%u,\"probe_percent\":%u,\"rerank_tenths\":%u,"
                  "\"samples\":%u,\"recall_permille\":%u,\"scanned\":\"%llu\"",
                  (unsigned)index->profile.target_permille,
                  (unsigned)budget.probe_percent,
                  (unsigned)budget.rerank_tenths,
                  (unsigned)window->count,
                  (unsigned)sw_tune_recall(window),
                  (unsigned long long)(window->count == 0 ? 0 : window->scanned / window->count));
}

static void print_status(const struct sw_vectors_index *index,
                         struct sw_index_budget budget,
                         const struct sw_tune_window *window,
                         struct sw_buf *out)
{
    const struct sw_space *space = sw_index_space(index->index);
    const struct sw_index_digest digest = sw_index_digest(index->index);
    struct sw_index_stats stats;

    sw_index_stats(index->index, &stats);
    sw_buf_printf(out, "{\"name\":");
    sw_json_string(out, index->name);
    sw_buf_printf(
        out,
        ",\"created\":\"%llu\",\"dim\":%u,\"entries\":\"%llu\",\"bytes\":\"%llu\","
        "\"vector_bytes\":%llu,\"epoch\":%u,\"trained\":\"%llu\",\"buckets\":%u,"
        "\"draining\":%u,\"splits\":\"%llu\",\"working\":%s,\"digest\":\"%016llx%016llx\"",
        (unsigned long long)index->number,
        (unsigned)space->dim,
        (unsigned long long)stats.entries,
        (unsigned long long)index->size,
        (unsigned long long)sw_measure_row_size(space),
        (unsigned)stats.epoch,
        (unsigned long long)stats.trained,
        (unsigned)stats.buckets,
        (unsigned)stats.draining,
        (unsigned long long)stats.splits,
        index->working ? "true" : "false",
        (unsigned long long)digest.high,
        (unsigned long long)digest.low);
    print_precision(index, out);
    print_recall(index, budget, window, out);
    print_histogram(index, out);
    sw_buf_printf(out, "}");
}

/* For the node itself: whose recall it is, and in the place of a value the command that would set
 * a better budget, if there is one. */
static void add_record(const struct sw_vectors_index *index, struct sw_buf *out)
{
    const struct sw_tune_window *window = index->window;
    struct sw_vector_tuning tuning = {.target_permille = index->profile.target_permille};
    struct sw_request request = {.op = SW_OP_INDEX_TUNE, .key = index->name};
    struct sw_buf label = {0}, value = {0}, command = {0};
    struct sw_index_budget next = {0};
    struct sw_index_stats stats;
    struct sw_record record = {.create_revision = index->number};

    sw_index_stats(index->index, &stats);
    sw_buf_printf(&label,
                  "%.*s/%.*s/%.*s/%.*s",
                  (int)index->place.tenant.size,
                  (const char *)index->place.tenant.data,
                  (int)index->place.name_space.size,
                  (const char *)index->place.name_space.data,
                  (int)index->place.partition.size,
                  (const char *)index->place.partition.data,
                  (int)index->name.size,
                  (const char *)index->name.data);
    record.key = sw_buf_span(&label);
    record.version = window == NULL ? 0 : window->count;
    record.mod_revision = window == NULL ? 0 : sw_tune_recall(window);
    record.time_ms = stats.entries;
    if (window != NULL && stats.entries >= SW_TUNE_ENTRIES_MIN && !index->working &&
        sw_tune_next(window, index->profile.target_permille, &next)) {
        tuning.probe_percent = next.probe_percent;
        tuning.rerank_tenths = next.rerank_tenths;
        sw_vector_tuning_encode(&tuning, &value);
        request.value = sw_buf_span(&value);
        request.tenant = index->place.tenant;
        request.name_space = index->place.name_space;
        request.partition = index->place.partition;
        sw_command_encode(&request, &command);
        record.value = sw_buf_span(&command);
    }
    sw_record_encode(&record, out);
    sw_buf_release(&label);
    sw_buf_release(&value);
    sw_buf_release(&command);
}

/* The one that is named, or for the node itself any: `expected` is random. */
static struct sw_vectors_index *choose(const struct sw_state *state,
                                       const struct sw_request *request)
{
    const struct sw_place place = {.tenant = request->tenant,
                                   .name_space = request->name_space,
                                   .partition = request->partition};
    const struct sw_vectors *vectors = &state->vectors;

    if (request->key.size > 0) {
        return sw_vectors_find(vectors, &place, request->key);
    }
    for (uint32_t i = 0; i < vectors->count; i++) {
        struct sw_vectors_index *index = vectors->all[(request->expected + i) % vectors->count];

        if (!index->dropped) {
            return index;
        }
    }
    return NULL;
}

enum sw_err sw__tune_read(const struct sw_request *request,
                          const struct sw_state *state,
                          struct sw_buf *out,
                          struct sw_reply *ret_reply)
{
    struct sw_vectors_index *index = choose(state, request);
    struct sw_tune_window *window, *other = NULL;
    struct sw_vector_tuning tuning = {0};
    struct sw_index_budget budget;
    size_t records_size;
    enum sw_err err;

    *ret_reply = (struct sw_reply){
        .err = SW_ERR_NO_INDEX, .shard = state->group, .revision = state->revision};
    if (index == NULL) {
        return SW_ERR_OK;
    }
    if (index->window == NULL) {
        index->window = calloc(1, sizeof *index->window);
        SW_ASSERT(index->window != NULL);
    }
    window = index->window;
    budget = sw__vectors_budget(index);
    if (request->value.size > 0) { /* what another one would find, and nothing is kept of it */
        err = sw_vector_tuning_decode(request->value, &tuning);
        SW_ASSERT(err == SW_ERR_OK); /* the request was judged */
        budget = (struct sw_index_budget){tuning.probe_percent, tuning.rerank_tenths};
        other = calloc(1, sizeof *other);
        SW_ASSERT(other != NULL);
        window = other;
    }
    err = take_samples(state, index, request, budget, window);
    if (err != SW_ERR_OK) {
        free(other);
        return err;
    }
    if (request->key.size == 0) {
        add_record(index, out);
        ret_reply->record_count = 1;
    }
    records_size = out->size;
    print_status(index, budget, window, out);
    free(other);
    ret_reply->err = SW_ERR_OK;
    ret_reply->records = sw_span_of(out->data, records_size);
    ret_reply->detail = sw_span_of(out->data + records_size, out->size - records_size);
    return SW_ERR_OK;
}
