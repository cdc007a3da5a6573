/* Duplicates: what an appended content is like, decided in apply by what is stored (node/sketch.h).
 *
 * Equal contents are found by their name and told apart by their bytes, near ones by bands of their
 * MinHash codes and told by the codes. Each band's oldest few blocks are looked at: so an append
 * costs the same whatever somebody puts there, and of contents that come many times the first is
 * the one that is named. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "node/context_private.h"
#include "node/rights.h"
#include "node/sketch.h"

static_assert(SW_SKETCH_BAND_COUNT * SW_CONTEXT_CANDIDATE_COUNT_MAX <= 256, "a short list");

/* One look for others. */
struct looking {
    uint16_t slot;
    struct sw_span content;
    uint64_t ids[SW_SKETCH_BAND_COUNT * SW_CONTEXT_CANDIDATE_COUNT_MAX]; /* seen already */
    uint32_t id_count;
    uint64_t best_id;
};

void sw__likeness_release(struct sw__likeness *likeness)
{
    free(likeness->sketch);
    likeness->sketch = NULL;
}

static bool is_new(struct looking *looking, uint64_t id)
{
    for (uint32_t i = 0; i < looking->id_count; i++) {
        if (looking->ids[i] == id) {
            return false;
        }
    }
    SW_ASSERT(looking->id_count < sizeof looking->ids / sizeof looking->ids[0]);
    looking->ids[looking->id_count++] = id;
    return true;
}

/* The bytes of both; false also if somebody made the other one something else. */
static enum sw_err is_same(struct sw__apply *apply,
                           const struct looking *looking,
                           const struct sw_sketch *own,
                           const struct sw_sketch *other,
                           const struct sw_key *block,
                           bool *ret_same)
{
    struct sw_context_block stored;
    struct sw_kv_record record;
    const enum sw_err err = sw__kv_get(apply, block, &record);

    *ret_same = err == SW_ERR_OK && record.version > 0 &&
                sw_context_block_read(record.value, &stored) &&
                sw_exact_same(&own->name, looking->content, &other->name, stored.content);
    return err;
}

/* How like the content is to the block of that name, 0 if that is none of the domain any more. */
static enum sw_err compare(struct sw__apply *apply,
                           const struct sw__context *found,
                           const struct looking *looking,
                           const struct sw__likeness *likeness,
                           struct sw_span name,
                           uint32_t *ret_permille)
{
    struct sw_sketch other;
    struct sw_span bytes;
    struct sw_key block, key;
    bool same = false;
    enum sw_err err;

    *ret_permille = 0;
    sw_key_kv(&found->place, name, &block);
    sw_sketch_key(&block, &key);
    err = apply->store->ops->get(apply->store, SW_TABLE_INDEX, sw_key_span(&key), &bytes);
    if (err == SW_ERR_OK) {
        err = sw_sketch_decode(bytes, &other);
    }
    if (err == SW_ERR_OK && other.domain == likeness->domain) {
        *ret_permille = sw_sketch_permille(likeness->sketch, &other);
        err = is_same(apply, looking, likeness->sketch, &other, &block, &same);
        *ret_permille = same ? SW_PERMILLE : *ret_permille;
    }
    return err == SW_ERR_NOT_FOUND ? SW_ERR_CORRUPT : err; /* its band says that it is there */
}

/* The oldest of those that are most like it. */
static void keep_best(struct looking *looking,
                      struct sw__likeness *likeness,
                      const struct sw_context_rules *rules,
                      uint64_t id,
                      struct sw_span name,
                      uint32_t permille)
{
    if (permille < rules->similar || permille < likeness->permille ||
        (permille == likeness->permille && id > looking->best_id)) {
        return;
    }
    looking->best_id = id;
    likeness->permille = permille;
    likeness->name.size = (uint32_t)name.size;
    memcpy(likeness->name.data, name.data, name.size);
}

/* The next block of a band behind `id`, which becomes its id; 0 if there is none. */
static enum sw_err next_of_band(struct sw__apply *apply,
                                const struct looking *looking,
                                const struct sw__likeness *likeness,
                                uint64_t band,
                                uint64_t *id,
                                struct sw_context_key *ret_name)
{
    struct sw_store *store = apply->store;
    struct sw_store_record record;
    struct sw_key prefix, from;
    enum sw_err err;

    sw_sketch_band_key(looking->slot, likeness->domain, band, 0, &prefix);
    sw_sketch_band_key(looking->slot, likeness->domain, band, *id + 1, &from);
    *id = 0;
    err = store->ops->seek(store, SW_TABLE_INDEX, sw_key_span(&from), false, &record);
    if (err == SW_ERR_NOT_FOUND) {
        return SW_ERR_OK;
    }
    if (err != SW_ERR_OK || !sw_key_has_prefix(record.key, sw_key_span(&prefix))) {
        return err;
    }
    if (record.key.size != prefix.size + 8 || record.value.size > sizeof ret_name->data) {
        return SW_ERR_CORRUPT;
    }
    *id = sw_load_u64_be(record.key.data + prefix.size);
    ret_name->size = (uint32_t)record.value.size;
    memcpy(ret_name->data, record.value.data, record.value.size);
    return SW_ERR_OK;
}

static enum sw_err look_into(struct sw__apply *apply,
                             const struct sw__context *found,
                             const struct sw_context_rules *rules,
                             struct looking *looking,
                             struct sw__likeness *likeness,
                             uint64_t band)
{
    struct sw_context_key name;
    uint64_t id = 0;
    enum sw_err err = SW_ERR_OK;

    for (int i = 0; i < SW_CONTEXT_CANDIDATE_COUNT_MAX && err == SW_ERR_OK; i++) {
        uint32_t permille = 0;

        err = next_of_band(apply, looking, likeness, band, &id, &name);
        if (err != SW_ERR_OK || id == 0) {
            return err;
        }
        if (is_new(looking, id)) {
            err = compare(apply, found, looking, likeness, sw_context_key_span(&name), &permille);
            keep_best(looking, likeness, rules, id, sw_context_key_span(&name), permille);
        }
    }
    return err;
}

enum sw_err sw__dedupe_judge(struct sw__apply *apply,
                             const struct sw__context *found,
                             const struct sw_context_rules *rules,
                             struct sw_span content,
                             struct sw__likeness *likeness)
{
    struct looking looking = {.slot = sw_place_slot(&found->place), .content = content};
    uint64_t bands[SW_SKETCH_BAND_COUNT];
    enum sw_err err = SW_ERR_OK;

    SW_ASSERT(likeness->sketch == NULL);
    likeness->sketch = malloc(sizeof *likeness->sketch);
    SW_ASSERT(likeness->sketch != NULL);
    sw_sketch_of(content, rules->ids, likeness->sketch);
    likeness->sketch->domain = likeness->domain;
    sw_sketch_bands(likeness->sketch, bands);
    for (int i = 0;
         i < SW_SKETCH_BAND_COUNT && err == SW_ERR_OK && likeness->permille < SW_PERMILLE;
         i++) {
        err = look_into(apply, found, rules, &looking, likeness, bands[i]);
    }
    return err;
}

/* --- records ---------------------------------------------------------------------------------- */

enum sw_err sw__dedupe_add(struct sw__apply *apply,
                           const struct sw__context *found,
                           uint64_t token,
                           const struct sw__likeness *likeness)
{
    struct sw_sketch *sketch = likeness->sketch;
    const uint16_t slot = sw_place_slot(&found->place);
    uint64_t bands[SW_SKETCH_BAND_COUNT];
    struct sw_buf text = {0};
    struct sw_context_key name;
    struct sw_key block, key;
    enum sw_err err;

    SW_ASSERT(sketch != NULL);
    sw_context_block_key(found->id, token, &name);
    sw_key_kv(&found->place, sw_context_key_span(&name), &block);
    err = sw__dedupe_forget(apply, &found->place, sw_context_key_span(&name));
    sketch->id = apply->state->revision;
    sw_sketch_encode(sketch, &text);
    sw_sketch_bands(sketch, bands);
    sw_sketch_key(&block, &key);
    if (err == SW_ERR_OK) {
        err = sw__table_put(apply, SW_TABLE_INDEX, &key, sw_buf_span(&text));
    }
    for (int i = 0; i < SW_SKETCH_BAND_COUNT && err == SW_ERR_OK; i++) {
        sw_sketch_band_key(slot, sketch->domain, bands[i], sketch->id, &key);
        err = sw__table_put(apply, SW_TABLE_INDEX, &key, sw_context_key_span(&name));
    }
    sw_buf_release(&text);
    return err;
}

enum sw_err
sw__dedupe_forget(struct sw__apply *apply, const struct sw_place *place, struct sw_span name)
{
    uint64_t bands[SW_SKETCH_BAND_COUNT];
    struct sw_sketch sketch;
    struct sw_key block, key;
    struct sw_span bytes;
    enum sw_err err;

    if (!sw_context_is_block_key(name)) {
        return SW_ERR_OK;
    }
    sw_key_kv(place, name, &block);
    sw_sketch_key(&block, &key);
    err = apply->store->ops->get(apply->store, SW_TABLE_INDEX, sw_key_span(&key), &bytes);
    if (err == SW_ERR_NOT_FOUND) {
        return SW_ERR_OK;
    }
    if (err == SW_ERR_OK) {
        err = sw_sketch_decode(bytes, &sketch);
    }
    if (err == SW_ERR_OK) {
        err = sw__table_del(apply, SW_TABLE_INDEX, &key);
    }
    if (err == SW_ERR_OK) {
        sw_sketch_bands(&sketch, bands);
    }
    for (int i = 0; i < SW_SKETCH_BAND_COUNT && err == SW_ERR_OK; i++) {
        sw_sketch_band_key(sw_place_slot(place), sketch.domain, bands[i], sketch.id, &key);
        err = sw__table_del(apply, SW_TABLE_INDEX, &key);
    }
    return err;
}

enum sw_err sw__dedupe_answer(struct sw__apply *apply,
                              const struct sw_request *request,
                              const struct sw__likeness *likeness,
                              struct sw_command_result *result)
{
    struct sw_request get = *request;
    const struct sw_place place = sw__place_of(request);
    struct sw_kv_record record;
    char why[SW_WHY_SIZE];
    enum sw_err err;

    get.op = SW_OP_GET;
    get.key = sw_context_key_span(&likeness->name);
    if (sw_rights_check(&apply->state->settings, &apply->author, &get, why) != SW_ERR_OK) {
        return SW_ERR_OK; /* who may only write is not told what there is */
    }
    err = sw__context_get(apply, &place, &likeness->name, &record);
    if (err == SW_ERR_OK) {
        record.value = sw_span_of(NULL, 0);
        record.lease = likeness->permille;
        sw__answer_record(apply->state, get.key, &record, result);
    }
    return err;
}
