/* The check of an index on this replica, part by part: INDEX_VERIFY.
 *
 * A part is answered from a view of the store, as a long search is: it reads too much for entries
 * to wait for it, and sees what is committed, so nothing that the library holds back misleads it.
 * Between two parts nothing is kept here; how far the check has come is in the question. What one
 * part reads is of one state: each entry, and all that leads from or to it. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/log.h"
#include "index/verify.h"
#include "node/query_private.h"
#include "node/vectors_private.h"
#include "transport/index_check.h"

enum {
    /* Coordinates of the vectors whose codes a part makes again: some 10 ms. */
    PART_COORDINATES = 1 << 20,
    PART_RECORDS = 4096,
};

struct check {
    const struct sw_vectors_index *index; /* borrowed */
    struct sw_store *store;
    struct sw_index_verify *verify; /* owned */
    struct sw_index_check now;
    uint8_t at[SW_KEY_SIZE_MAX]; /* that now.at shows */
    char fault[SW_WHY_SIZE];     /* the first; "" = none */
    bool done;
};

static void stand_at(struct check *check, struct sw_span at)
{
    SW_ASSERT(at.size <= sizeof check->at);
    if (at.size > 0) {
        memmove(check->at, at.data, at.size);
    }
    check->now.at = sw_span_of(check->at, at.size);
}

static void next_stage(struct check *check)
{
    check->done = check->now.stage == SW_INDEX_CHECK_RECORDS;
    if (!check->done) {
        check->now.stage++;
        check->now.at = sw_span_of(NULL, 0);
    }
}

static enum sw_err fault(struct check *check, const char *what, struct sw_span key)
{
    (void)snprintf(check->fault, sizeof check->fault, "%s ", what);
    for (size_t i = 0; i < key.size; i++) { /* any bytes: in a detail people read it */
        const size_t used = strlen(check->fault);
        const char byte = (char)key.data[i];

        if (used + 1 < sizeof check->fault) {
            check->fault[used] = byte >= ' ' && byte <= '~' ? byte : '?';
            check->fault[used + 1] = '\0';
        }
    }
    return SW_ERR_OK;
}

static enum sw_err fault_of(struct check *check, const char *what, uint64_t id)
{
    (void)snprintf(check->fault, sizeof check->fault, "%s %llu", what, (unsigned long long)id);
    return SW_ERR_OK;
}

/* --- what the library keeps ------------------------------------------------------------------- */

/* There is a record of the entry; whether its key leads back is looked at with the record. */
static enum sw_err knows(void *arg, uint64_t id, bool *ret_known)
{
    struct check *check = arg;
    struct sw_span bytes;
    struct sw_key key;
    enum sw_err err;

    sw_vectors_entry_key(check->index, id, &key);
    err = check->store->ops->get(check->store, SW_TABLE_INDEX, sw_key_span(&key), &bytes);
    *ret_known = err == SW_ERR_OK;
    return err == SW_ERR_NOT_FOUND ? SW_ERR_OK : err;
}

static struct sw_index_verify_mark mark_of(const struct sw_index_check *now)
{
    struct sw_index_verify_mark mark = {
        .stamp = now->stamp,
        .still = now->still,
        .phase = now->stage == SW_INDEX_CHECK_CODES    ? SW_INDEX_VERIFY_BLOCKS
                 : now->stage == SW_INDEX_CHECK_PLACES ? SW_INDEX_VERIFY_PLACES
                                                       : SW_INDEX_VERIFY_DONE,
        .at_size = (uint8_t)now->at.size,
        .lanes = now->lanes,
        .entries = now->entries,
        .places = now->places,
        .digest = {.low = now->digest_low, .high = now->digest_high}};

    static_assert((int)SW_INDEX_CHECK_AT_MAX == (int)SW_INDEX_VERIFY_AT_MAX, "where a part ends");
    if (mark.phase == SW_INDEX_VERIFY_DONE) {
        mark.at_size = 0;
    }
    memcpy(mark.at, now->at.data == NULL ? (const uint8_t *)"" : now->at.data, mark.at_size);
    return mark;
}

static void take_mark(struct check *check, const struct sw_index_verify_mark *mark)
{
    struct sw_index_check *now = &check->now;

    now->stamp = mark->stamp;
    now->still = mark->still;
    now->lanes = mark->lanes;
    now->entries = mark->entries;
    now->places = mark->places;
    now->digest_low = mark->digest.low;
    now->digest_high = mark->digest.high;
    stand_at(check, sw_span_of(mark->at, mark->at_size));
    now->stage = mark->phase == SW_INDEX_VERIFY_BLOCKS   ? SW_INDEX_CHECK_CODES
                 : mark->phase == SW_INDEX_VERIFY_PLACES ? SW_INDEX_CHECK_PLACES
                                                         : SW_INDEX_CHECK_KEYS;
}

/* Damage is what was asked about; anything else is the store's own trouble. */
static enum sw_err judge(struct check *check, enum sw_err err)
{
    const char *why = sw_index_verify_why(check->verify);

    if (err == SW_ERR_NOT_FOUND || (err == SW_ERR_CORRUPT && why[0] != '\0')) {
        (void)snprintf(check->fault,
                       sizeof check->fault,
                       "%s",
                       err == SW_ERR_NOT_FOUND ? "the index has no space" : why);
        return SW_ERR_OK;
    }
    return err;
}

static enum sw_err check_library(struct check *check, struct sw_index_verify_mark *mark)
{
    const struct sw_index_verify_owner owner = {.arg = check, .knows = knows};
    const uint32_t dim = sw_index_verify_dim(check->verify);
    const enum sw_err err =
        sw_index_verify_part(check->verify, &owner, PART_COORDINATES / dim, mark);

    if (err == SW_ERR_OK) {
        take_mark(check, mark);
    }
    return judge(check, err);
}

/* --- what we keep beside it ------------------------------------------------------------------- */

/* A key that leads to an entry: the key exists, and the entry's record names it. */
static enum sw_err check_key(struct check *check, struct sw_span key, struct sw_span value)
{
    const struct sw_vectors_index *index = check->index;
    struct sw_vectors_entry entry;
    struct sw_span bytes;
    struct sw_key at;
    enum sw_err err;

    if (value.size != 8) {
        return fault(check, "there is no entry of key", key);
    }
    sw_key_kv(&index->place, key, &at);
    err = check->store->ops->get(check->store, SW_TABLE_KV, sw_key_span(&at), &bytes);
    if (err == SW_ERR_NOT_FOUND) {
        return fault(check, "an entry is kept of what is no key", key);
    }
    if (err == SW_ERR_OK) {
        sw_vectors_entry_key(index, sw_load_u64(value.data), &at);
        err = check->store->ops->get(check->store, SW_TABLE_INDEX, sw_key_span(&at), &bytes);
    }
    if (err == SW_ERR_NOT_FOUND ||
        (err == SW_ERR_OK &&
         (sw_vectors_entry_decode(bytes, &entry) != SW_ERR_OK || !sw_span_equal(entry.key, key)))) {
        return fault(check, "there is no entry of key", key);
    }
    return err;
}

/* The record of an entry: the library has it, and its key leads back here. */
static enum sw_err check_record(struct check *check, struct sw_span name, struct sw_span value)
{
    const uint64_t id = name.size == 8 ? sw_load_u64_be(name.data) : 0;
    struct sw_vectors_entry entry;
    uint64_t of_key = 0;
    bool has = false;
    enum sw_err err;

    if (id == 0 || sw_vectors_entry_decode(value, &entry) != SW_ERR_OK) {
        return fault_of(check, "the record of entry", id);
    }
    err = sw_vectors_id_of(check->index, check->store, entry.key, &of_key);
    if (err == SW_ERR_OK && of_key != id) {
        return fault_of(check, "there is no key of entry", id);
    }
    if (err == SW_ERR_OK) {
        err = sw_index_verify_has(check->verify, id, &has);
    }
    return err == SW_ERR_OK && !has ? fault_of(check, "no bucket has entry", id) : err;
}

static void start_of(const struct check *check, struct sw_span at, struct sw_key *ret_key)
{
    sw_key_index(sw_place_slot(&check->index->place),
                 check->now.stage == SW_INDEX_CHECK_KEYS ? SW_INDEX_ID : SW_INDEX_ENTRY,
                 check->index->number,
                 at,
                 ret_key);
}

static enum sw_err check_ours(struct check *check)
{
    const bool keys = check->now.stage == SW_INDEX_CHECK_KEYS;
    struct sw_store *store = check->store;
    struct sw_store_record record;
    struct sw_key prefix, from;
    uint32_t count = 0;
    enum sw_err err = SW_ERR_OK;

    start_of(check, sw_span_of(NULL, 0), &prefix);
    while (err == SW_ERR_OK && check->fault[0] == '\0' && count < PART_RECORDS) {
        start_of(check, check->now.at, &from);
        err = store->ops->seek(store, SW_TABLE_INDEX, sw_key_span(&from), false, &record);
        if (err == SW_ERR_OK && check->now.at.size > 0 &&
            sw_span_equal(record.key, sw_key_span(&from))) {
            err = store->ops->next(store, SW_TABLE_INDEX, false, &record);
        }
        if (err == SW_ERR_NOT_FOUND ||
            (err == SW_ERR_OK && !sw_key_has_prefix(record.key, sw_key_span(&prefix)))) {
            next_stage(check);
            return SW_ERR_OK;
        }
        if (err == SW_ERR_OK) {
            const struct sw_span name =
                sw_span_of(record.key.data + prefix.size, record.key.size - prefix.size);

            err = keys ? check_key(check, name, record.value)
                       : check_record(check, name, record.value);
            stand_at(check, name);
            check->now.keys += keys ? 1 : 0;
            check->now.records += keys ? 0 : 1;
            count++;
        }
    }
    return err;
}

/* All was seen in one state: then there is one of each for each. */
static void check_totals(struct check *check)
{
    const struct sw_index_check *now = &check->now;

    if (check->done && now->still && check->fault[0] == '\0' &&
        (now->keys != now->entries || now->records != now->entries)) {
        (void)fault_of(
            check, "there are not as many keys and records as entries, which are", now->entries);
    }
}

/* --- the answer ------------------------------------------------------------------------------- */

static void print_check(const struct check *check, struct sw_buf *out)
{
    static const char *const stages[] = {"codes", "places", "keys", "records"};
    const struct sw_index_check *now = &check->now;

    sw_buf_printf(out, "{\"name\":");
    sw_json_string(out, check->index->name);
    sw_buf_printf(out,
                  ",\"stage\":\"%s\",\"done\":%s,\"still\":%s,\"entries\":\"%llu\","
                  "\"places\":\"%llu\",\"keys\":\"%llu\",\"records\":\"%llu\","
                  "\"digest\":\"%016llx%016llx\",\"fault\":",
                  stages[now->stage],
                  check->done ? "true" : "false",
                  now->still ? "true" : "false",
                  (unsigned long long)now->entries,
                  (unsigned long long)now->places,
                  (unsigned long long)now->keys,
                  (unsigned long long)now->records,
                  (unsigned long long)now->digest_high,
                  (unsigned long long)now->digest_low);
    sw_json_string(out, sw_span_str(check->fault));
    sw_buf_printf(out, "}");
}

static void add_next(const struct check *check, struct sw_buf *out)
{
    struct sw_record record = {.version = 1};
    struct sw_buf bytes = {0};

    sw_index_check_encode(&check->now, &bytes);
    record.value = sw_buf_span(&bytes);
    sw_record_encode(&record, out);
    sw_buf_release(&bytes);
}

static struct sw_index_verify *verify_of(struct sw_vectors_index *index)
{
    struct sw_key prefix;

    sw_key_index(sw_place_slot(&index->place),
                 SW_INDEX_LIBRARY,
                 index->number,
                 sw_span_of(NULL, 0),
                 &prefix);
    return sw_index_verify_new(&index->map, sw_key_span(&prefix));
}

enum sw_err sw__vectors_verify(struct sw_vectors_index *index,
                               struct sw_store *store,
                               struct sw_span from,
                               struct sw_buf *out,
                               struct sw_vectors_answer *ret_answer)
{
    struct check check = {.index = index, .store = store};
    struct sw_index_verify_mark mark;
    enum sw_err err = sw__vectors_settle(index);

    if (err != SW_ERR_OK) {
        return err;
    }
    if (from.size > 0) {
        err = sw_index_check_decode(from, &check.now);
        SW_ASSERT(err == SW_ERR_OK); /* the request was judged */
        stand_at(&check, check.now.at);
    }
    check.verify = verify_of(index);
    mark = mark_of(&check.now);
    err = judge(&check, sw_index_verify_open(check.verify, &mark));
    if (err == SW_ERR_OK && check.fault[0] == '\0') {
        check.now.still = mark.still;
        err = check.now.stage < SW_INDEX_CHECK_KEYS ? check_library(&check, &mark)
                                                    : check_ours(&check);
    }
    if (err == SW_ERR_OK) {
        check_totals(&check);
        ret_answer->more = !check.done && check.fault[0] == '\0';
        ret_answer->count = ret_answer->more ? 1 : 0;
        if (ret_answer->more) {
            add_next(&check, out);
        }
        ret_answer->records_size = out->size;
        print_check(&check, out);
    }
    sw_index_verify_free(check.verify);
    return err;
}
