/* Plans of writes, walks over keys, and the derivations between them.
 *
 * Derivations are links (transport/relation.h) between keys, and here it does not matter whether a
 * key exists: a memory that left its ring is still the way from its sources to what came of it. */
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "base/assert.h"
#include "node/memory_private.h"

struct sw__memory_plan sw__memory_plan_of(struct sw__apply *apply, const struct sw_request *request)
{
    return (struct sw__memory_plan){
        .apply = apply, .place = sw__place_of(request), .settings = sw_memory_settings_default};
}

void sw__memory_plan_release(struct sw__memory_plan *plan)
{
    sw_buf_release(&plan->bytes);
    free(plan->writes);
}

enum sw_err sw__memory_get(const struct sw__memory_plan *plan,
                           struct sw_span name,
                           struct sw_kv_record *ret_record)
{
    struct sw_key key;

    sw_key_kv(&plan->place, name, &key);
    return sw__kv_get(plan->apply, &key, ret_record);
}

enum sw_err sw__memory_plan_settings(struct sw__memory_plan *plan, enum sw_err *ret_answer)
{
    struct sw_kv_record record;
    const enum sw_err err = sw__memory_get(plan, sw_span_str(SW_MEMORY_SETTINGS_KEY), &record);

    if (err == SW_ERR_OK && record.version > 0 &&
        !sw_memory_settings_read(record.value, &plan->settings)) {
        *ret_answer = SW_ERR_WRONG_TYPE;
    }
    return err;
}

/* --- writes ----------------------------------------------------------------------------------- */

static struct sw_span bytes_at(const struct sw__memory_plan *plan, size_t at, size_t size)
{
    return size == 0 ? sw_span_of(NULL, 0) : sw_span_of(plan->bytes.data + at, size);
}

bool sw__memory_plan_has(const struct sw__memory_plan *plan, struct sw_span name)
{
    const uint64_t hash = XXH3_64bits(name.data, name.size);

    for (uint32_t i = 0; i < plan->count; i++) {
        const struct sw__memory_write *write = &plan->writes[i];

        if (write->hash == hash &&
            sw_span_equal(bytes_at(plan, write->name_at, write->name_size), name)) {
            return true;
        }
    }
    return false;
}

static struct sw__memory_write *
add_write(struct sw__memory_plan *plan, struct sw_span name, const struct sw_kv_record *old)
{
    struct sw__memory_write *write;

    if (plan->count == plan->capacity) {
        plan->capacity = plan->capacity == 0 ? 64 : plan->capacity * 2;
        plan->writes = realloc(plan->writes, plan->capacity * sizeof plan->writes[0]);
        SW_ASSERT(plan->writes != NULL);
    }
    write = &plan->writes[plan->count++];
    *write = (struct sw__memory_write){.name_at = plan->bytes.size,
                                       .name_size = name.size,
                                       .hash = XXH3_64bits(name.data, name.size),
                                       .old = *old};
    sw_write_bytes(&plan->bytes, name);
    return write;
}

static void add_usage(struct sw__usage_change *sum, struct sw__usage_change more)
{
    sum->keys += more.keys;
    sum->bytes += more.bytes;
}

void sw__memory_plan_put(struct sw__memory_plan *plan,
                         struct sw_span name,
                         const struct sw_kv_record *old,
                         struct sw_span value,
                         uint64_t lease)
{
    const struct sw_kv_record next = {.value = value};
    struct sw__memory_write *write;

    SW_ASSERT(!sw__memory_plan_has(plan, name));
    write = add_write(plan, name, old);
    write->lease = lease;
    write->value_at = plan->bytes.size;
    write->value_size = value.size;
    sw_write_bytes(&plan->bytes, value);
    add_usage(&plan->change, sw__usage_of_put(name, old, &next));
}

enum sw_err sw__memory_plan_del(struct sw__memory_plan *plan, struct sw_span name)
{
    struct sw_kv_record old;
    const enum sw_err err = sw__memory_get(plan, name, &old);

    if (err != SW_ERR_OK || old.version == 0 || sw__memory_plan_has(plan, name)) {
        return err;
    }
    add_write(plan, name, &old)->deletes = true;
    add_usage(&plan->change, sw__usage_of_del(name, &old));
    return SW_ERR_OK;
}

enum sw_err sw__memory_plan_execute(struct sw__memory_plan *plan)
{
    struct sw_state *state = plan->apply->state;
    enum sw_err err = SW_ERR_OK;

    state->revision += plan->count > 0 ? 1 : 0;
    for (uint32_t i = 0; i < plan->count && err == SW_ERR_OK; i++) {
        const struct sw__memory_write *write = &plan->writes[i];
        const struct sw_span name = bytes_at(plan, write->name_at, write->name_size);
        const struct sw_kv_record next =
            sw__kv_next(state,
                        &write->old,
                        state->revision,
                        bytes_at(plan, write->value_at, write->value_size),
                        write->lease);

        err = write->deletes ? sw__kv_del(plan->apply, &plan->place, name, &write->old)
                             : sw__kv_put(plan->apply, &plan->place, name, &write->old, &next);
    }
    return err;
}

/* --- walks ------------------------------------------------------------------------------------ */

/* What a walk found, if it is in the range still. */
static enum sw_err found(const struct sw__memory_plan *plan,
                         struct sw_span prefix,
                         const struct sw_store_record *stored,
                         struct sw_span *ret_name,
                         struct sw_kv_record *ret_record)
{
    struct sw_key key;
    size_t place_size;

    sw_key_kv(&plan->place, prefix, &key);
    if (!sw_key_has_prefix(stored->key, sw_key_span(&key))) {
        return SW_ERR_NOT_FOUND;
    }
    place_size = key.size - prefix.size;
    *ret_name = sw_span_of(stored->key.data + place_size, stored->key.size - place_size);
    return sw_kv_record_decode(stored->value, ret_record);
}

enum sw_err sw__memory_seek(const struct sw__memory_plan *plan,
                            struct sw_span prefix,
                            struct sw_span from,
                            struct sw_span *ret_name,
                            struct sw_kv_record *ret_record)
{
    struct sw_store *store = plan->apply->store;
    struct sw_store_record stored;
    struct sw_key key;
    enum sw_err err;

    sw_key_kv(&plan->place, sw_span_compare(from, prefix) > 0 ? from : prefix, &key);
    err = store->ops->seek(store, SW_TABLE_KV, sw_key_span(&key), false, &stored);
    return err == SW_ERR_OK ? found(plan, prefix, &stored, ret_name, ret_record) : err;
}

enum sw_err sw__memory_seek_after(const struct sw__memory_plan *plan,
                                  struct sw_span prefix,
                                  struct sw_span after,
                                  struct sw_span *ret_name,
                                  struct sw_kv_record *ret_record)
{
    struct sw_store *store = plan->apply->store;
    struct sw_store_record stored;
    struct sw_key key;
    enum sw_err err;

    sw_key_kv(&plan->place, after, &key);
    SW_ASSERT(key.size < sizeof key.data);
    key.data[key.size++] = 0;
    err = store->ops->seek(store, SW_TABLE_KV, sw_key_span(&key), false, &stored);
    return err == SW_ERR_OK ? found(plan, prefix, &stored, ret_name, ret_record) : err;
}

enum sw_err sw__memory_next(const struct sw__memory_plan *plan,
                            struct sw_span prefix,
                            struct sw_span *ret_name,
                            struct sw_kv_record *ret_record)
{
    struct sw_store *store = plan->apply->store;
    struct sw_store_record stored;
    const enum sw_err err = store->ops->next(store, SW_TABLE_KV, false, &stored);

    return err == SW_ERR_OK ? found(plan, prefix, &stored, ret_name, ret_record) : err;
}

/* --- derivations ------------------------------------------------------------------------------ */

static struct sw_span derived(void)
{
    return sw_span_str(SW_LINK_DERIVED);
}

enum sw_err sw__memory_plan_unlink(struct sw__memory_plan *plan,
                                   const struct sw_link_hash *child,
                                   const struct sw_link_hash *parent)
{
    struct sw_link_key key;
    enum sw_err err;

    sw_link_key_of(SW_LINK_FORTH, child, derived(), parent, &key);
    err = sw__memory_plan_del(plan, sw_link_key_span(&key));
    if (err == SW_ERR_OK) {
        sw_link_key_of(SW_LINK_BACK, parent, derived(), child, &key);
        err = sw__memory_plan_del(plan, sw_link_key_span(&key));
    }
    return err;
}

enum sw_err sw__memory_plan_unlink_all(struct sw__memory_plan *plan,
                                       const struct sw_link_hash *child)
{
    struct sw_link_hash here, parent;
    struct sw_kv_record record;
    struct sw_link_key prefix;
    enum sw_link_side side;
    struct sw_span name, type;
    enum sw_err err;

    sw_link_prefix(SW_LINK_FORTH, child, derived(), &prefix);
    err = sw__memory_seek(plan, sw_link_key_span(&prefix), sw_span_of("", 0), &name, &record);
    /* Twice as many as a memory may have: what more there is somebody put there himself. */
    for (int i = 0; err == SW_ERR_OK && i < 2 * SW_MEMORY_PARENT_COUNT_MAX; i++) {
        if (sw_link_key_read(name, &side, &here, &type, &parent) &&
            !sw__memory_plan_has(plan, name)) {
            err = sw__memory_plan_unlink(plan, child, &parent);
        }
        if (err == SW_ERR_OK) {
            err = sw__memory_next(plan, sw_link_key_span(&prefix), &name, &record);
        }
    }
    return err == SW_ERR_NOT_FOUND ? SW_ERR_OK : err;
}

enum sw_err sw__memory_has_derived(const struct sw__memory_plan *plan,
                                   const struct sw_link_hash *hash,
                                   bool *ret_has)
{
    struct sw_kv_record record;
    struct sw_link_key prefix;
    struct sw_span name;
    enum sw_err err;

    sw_link_prefix(SW_LINK_BACK, hash, derived(), &prefix);
    err = sw__memory_seek(plan, sw_link_key_span(&prefix), sw_span_of("", 0), &name, &record);
    *ret_has = err == SW_ERR_OK;
    return err == SW_ERR_NOT_FOUND ? SW_ERR_OK : err;
}

enum sw_err sw__memory_plan_forget(struct sw__memory_plan *plan, struct sw_span name)
{
    const struct sw_link_hash hash = sw_link_hash_of(name);
    bool has = false;
    enum sw_err err = sw__memory_plan_del(plan, name);

    if (err == SW_ERR_OK) {
        err = sw__memory_has_derived(plan, &hash, &has);
    }
    return err == SW_ERR_OK && !has ? sw__memory_plan_unlink_all(plan, &hash) : err;
}

/* --- what is being forgotten ------------------------------------------------------------------ */

void sw__memory_mark_key(const struct sw_link_hash *hash, struct sw_link_key *ret_key)
{
    const size_t prefix_size = sizeof SW_MEMORY_MARK_PREFIX - 1;

    memcpy(ret_key->data, SW_MEMORY_MARK_PREFIX, prefix_size);
    memcpy(ret_key->data + prefix_size, hash->digits, sizeof hash->digits);
    ret_key->size = (uint32_t)(prefix_size + sizeof hash->digits);
}

static enum sw_err
is_marked(const struct sw__memory_plan *plan, const struct sw_link_hash *hash, bool *ret_marked)
{
    struct sw_kv_record record;
    struct sw_link_key key;
    enum sw_err err;

    sw__memory_mark_key(hash, &key);
    err = sw__memory_get(plan, sw_link_key_span(&key), &record);
    *ret_marked = record.version > 0;
    return err;
}

/* Those that one of the walk derives from, if they are new to it. False: there are too many, or too
 * many ways to them, whatever somebody put there. */
static enum sw_err add_sources(struct sw__memory_plan *plan,
                               struct sw_link_hash *walk,
                               uint32_t at,
                               uint32_t *count,
                               bool *ret_fits)
{
    struct sw_link_hash here, parent;
    struct sw_kv_record record;
    struct sw_link_key prefix;
    enum sw_link_side side;
    struct sw_span name, type;
    enum sw_err err;

    sw_link_prefix(SW_LINK_FORTH, &walk[at], derived(), &prefix);
    err = sw__memory_seek(plan, sw_link_key_span(&prefix), sw_span_of("", 0), &name, &record);
    for (*ret_fits = true; err == SW_ERR_OK && *ret_fits; plan->ways++) {
        uint32_t i = *count;

        *ret_fits = plan->ways < SW_MEMORY_ANCESTOR_LINK_COUNT_MAX;
        if (*ret_fits && sw_link_key_read(name, &side, &here, &type, &parent)) {
            for (i = 0; i < *count && memcmp(&walk[i], &parent, sizeof parent) != 0; i++) {
            }
            *ret_fits = i < SW_MEMORY_ANCESTOR_COUNT_MAX;
            if (i == *count && *ret_fits) {
                walk[(*count)++] = parent;
            }
        }
        err = sw__memory_next(plan, sw_link_key_span(&prefix), &name, &record);
    }
    return err == SW_ERR_NOT_FOUND ? SW_ERR_OK : err;
}

/* Only while something is being forgotten is there anything to look at. Who derives from more than
 * can be asked counts as hidden until that is done. */
enum sw_err sw__memory_hidden(struct sw__memory_plan *plan, struct sw_span name, bool *ret_hidden)
{
    const struct sw_span prefix = sw_span_str(SW_MEMORY_MARK_PREFIX);
    struct sw_link_hash walk[SW_MEMORY_ANCESTOR_COUNT_MAX];
    struct sw_kv_record record;
    struct sw_span found_name;
    uint32_t count = 1;
    bool fits;
    enum sw_err err = sw__memory_seek(plan, prefix, sw_span_of("", 0), &found_name, &record);

    *ret_hidden = false;
    if (err != SW_ERR_OK) {
        return err == SW_ERR_NOT_FOUND ? SW_ERR_OK : err;
    }
    walk[0] = sw_link_hash_of(name);
    for (uint32_t i = 0; err == SW_ERR_OK && i < count && !*ret_hidden; i++) {
        err = is_marked(plan, &walk[i], ret_hidden);
        if (err == SW_ERR_OK && !*ret_hidden) {
            err = add_sources(plan, walk, i, &count, &fits);
            *ret_hidden = err == SW_ERR_OK && !fits;
        }
    }
    return err;
}
