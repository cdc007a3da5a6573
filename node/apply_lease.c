/* What commands and time do to leases and to the keys that they hold. */
#include "base/assert.h"
#include "base/point.h"
#include "node/apply_private.h"
#include "node/lease.h"

/* A lease as the store has it, with its names copied: they outlive the writes that follow. */
struct held_lease {
    uint64_t id;
    struct sw_lease_record record;
    uint8_t names[SW_TENANT_SIZE_MAX + SW_NAMESPACE_SIZE_MAX + SW_PARTITION_SIZE_MAX];
};

static struct sw_span keep(struct sw_span name, uint8_t **at)
{
    const struct sw_span kept = sw_span_of(*at, name.size);

    memcpy(*at, name.data, name.size);
    *at += name.size;
    return kept;
}

/* NOT_FOUND if there is none. */
static enum sw_err lease_get(struct sw__apply *apply, uint64_t id, struct held_lease *ret_lease)
{
    uint8_t *at = ret_lease->names;
    struct sw_span bytes;
    struct sw_key key;
    enum sw_err err;

    sw_key_lease(apply->state->group, id, &key);
    err = apply->store->ops->get(apply->store, SW_TABLE_LEASE, sw_key_span(&key), &bytes);
    if (err == SW_ERR_OK) {
        err = sw_lease_record_decode(bytes, &ret_lease->record);
    }
    if (err == SW_ERR_OK) {
        struct sw_place *place = &ret_lease->record.place;

        ret_lease->id = id;
        place->tenant = keep(place->tenant, &at);
        place->name_space = keep(place->name_space, &at);
        place->partition = keep(place->partition, &at);
    }
    return err;
}

static enum sw_err lease_put(struct sw__apply *apply, const struct held_lease *lease)
{
    struct sw_buf *bytes = &apply->state->record;
    struct sw_key key;

    sw_buf_clear(bytes);
    sw_lease_record_encode(&lease->record, bytes);
    sw_key_lease(apply->state->group, lease->id, &key);
    return sw__table_put(apply, SW_TABLE_LEASE, &key, sw_buf_span(bytes));
}

static enum sw_err end_put(struct sw__apply *apply, const struct held_lease *lease)
{
    struct sw_key key;

    sw_key_lease_end(apply->state->group, lease->record.end_ms, lease->id, &key);
    return sw__table_put(apply, SW_TABLE_LEASE, &key, sw_span_of(NULL, 0));
}

static enum sw_err end_del(struct sw__apply *apply, const struct held_lease *lease)
{
    struct sw_key key;

    sw_key_lease_end(apply->state->group, lease->record.end_ms, lease->id, &key);
    return sw__table_del(apply, SW_TABLE_LEASE, &key);
}

static uint64_t end_of(const struct sw_state *state, uint32_t ttl_ms)
{
    SW_ASSERT(state->clock_ms <= INT64_MAX); /* ticks are validated */
    return state->clock_ms + ttl_ms;
}

/* The lease that a request names, if it lives in the request's partition; LEASE_GONE goes to the
 * result. One that is due counts as gone: its keys are about to be. */
static enum sw_err find(struct sw__apply *apply,
                        const struct sw_request *request,
                        struct held_lease *ret_lease,
                        struct sw_command_result *result)
{
    const struct sw_place place = sw__place_of(request);
    enum sw_err err;

    err = lease_get(apply, request->lease, ret_lease);
    result->revision = apply->state->revision;
    if (err == SW_ERR_NOT_FOUND ||
        (err == SW_ERR_OK && (!sw_place_equal(&ret_lease->record.place, &place) ||
                              ret_lease->record.end_ms <= apply->state->clock_ms))) {
        result->err = SW_ERR_LEASE_GONE;
        return SW_ERR_OK;
    }
    return err;
}

/* --- keys ------------------------------------------------------------------------------------- */

enum sw_err sw__lease_check(struct sw__apply *apply,
                            const struct sw_place *place,
                            uint64_t lease,
                            uint32_t more,
                            enum sw_err *ret_answer)
{
    struct held_lease held;
    enum sw_err err;

    if (lease == 0) {
        return SW_ERR_OK;
    }
    err = lease_get(apply, lease, &held);
    if (err == SW_ERR_NOT_FOUND ||
        (err == SW_ERR_OK && (!sw_place_equal(&held.record.place, place) ||
                              held.record.end_ms <= apply->state->clock_ms))) {
        *ret_answer = SW_ERR_LEASE_GONE;
        return SW_ERR_OK;
    }
    if (err == SW_ERR_OK && held.record.key_count + more >= SW_LEASE_KEY_COUNT_MAX) {
        *ret_answer = SW_ERR_TOO_LARGE;
    }
    return err;
}

/* One key more or less. */
static enum sw_err count(struct sw__apply *apply, uint64_t lease, bool more)
{
    struct held_lease held;
    enum sw_err err;

    err = lease_get(apply, lease, &held);
    if (err == SW_ERR_NOT_FOUND && SW_PLANTED(LEASE_LEAVES_KEYS)) {
        return SW_ERR_OK;
    }
    if (err != SW_ERR_OK) {
        return err == SW_ERR_NOT_FOUND ? SW_ERR_CORRUPT : err;
    }
    if (!more && held.record.key_count == 0) {
        return SW_ERR_CORRUPT; /* bytes of the disk, not a promise of ours */
    }
    SW_ASSERT(!more || held.record.key_count < SW_LEASE_KEY_COUNT_MAX);
    held.record.key_count += more ? 1 : UINT32_MAX;
    return lease_put(apply, &held);
}

enum sw_err sw__lease_move(struct sw__apply *apply, struct sw_span name, uint64_t from, uint64_t to)
{
    struct sw_key key;
    enum sw_err err = SW_ERR_OK;

    if (from == to) {
        return SW_ERR_OK;
    }
    if (from != 0) {
        sw_key_lease_held(apply->state->group, from, name, &key);
        err = sw__table_del(apply, SW_TABLE_LEASE, &key);
        if (err == SW_ERR_OK) {
            err = count(apply, from, false);
        }
    }
    if (err == SW_ERR_OK && to != 0) {
        sw_key_lease_held(apply->state->group, to, name, &key);
        err = sw__table_put(apply, SW_TABLE_LEASE, &key, sw_span_of(NULL, 0));
        if (err == SW_ERR_OK) {
            err = count(apply, to, true);
        }
    }
    return err;
}

/* The first key that the lease holds; size 0 if there is none. */
static enum sw_err first_held(struct sw__apply *apply, uint64_t id, struct sw_key *ret_name)
{
    struct sw_store_record record;
    struct sw_lease_key found;
    struct sw_key prefix;
    enum sw_err err;

    ret_name->size = 0;
    sw_key_lease_held(apply->state->group, id, sw_span_of(NULL, 0), &prefix);
    err =
        apply->store->ops->seek(apply->store, SW_TABLE_LEASE, sw_key_span(&prefix), false, &record);
    if (err == SW_ERR_NOT_FOUND ||
        (err == SW_ERR_OK && !sw_key_has_prefix(record.key, sw_key_span(&prefix)))) {
        return SW_ERR_OK;
    }
    if (err == SW_ERR_OK) {
        err = sw_key_lease_decode(record.key, &found);
    }
    if (err == SW_ERR_OK) {
        ret_name->size = found.key.size;
        memcpy(ret_name->data, found.key.data, found.key.size);
    }
    return err == SW_ERR_MALFORMED ? SW_ERR_CORRUPT : err;
}

/* Deletes every key that the lease holds, at the present revision. */
static enum sw_err
drop_keys(struct sw__apply *apply, const struct held_lease *lease, uint32_t *ret_count)
{
    struct sw_kv_record old;
    struct sw_key name, key;
    enum sw_err err;

    *ret_count = 0;
    if (SW_PLANTED(LEASE_LEAVES_KEYS)) {
        return SW_ERR_OK;
    }
    for (;;) {
        err = first_held(apply, lease->id, &name);
        if (err != SW_ERR_OK || name.size == 0) {
            return err;
        }
        sw_key_kv(&lease->record.place, sw_key_span(&name), &key);
        err = sw__kv_get(apply, &key, &old);
        if (err != SW_ERR_OK) {
            return err;
        }
        if (old.lease != lease->id) {
            return SW_ERR_CORRUPT;
        }
        err = sw__kv_del(apply, &lease->record.place, sw_key_span(&name), &old);
        if (err != SW_ERR_OK) {
            return err;
        }
        (*ret_count)++;
    }
}

/* One lease of the place more or less. */
static enum sw_err use(struct sw__apply *apply, const struct sw_place *place, int64_t more)
{
    const struct sw__usage_change change = {.leases = more};

    return apply->state->usages.scope == SW_USAGE_OF_ALL ? sw__usage_add(apply, place, &change)
                                                         : SW_ERR_OK;
}

/* Ends the lease, as one change. */
static enum sw_err end(struct sw__apply *apply, const struct held_lease *lease, uint32_t *ret_count)
{
    struct sw_state *state = apply->state;
    struct sw_key key;
    enum sw_err err;

    state->revision++;
    err = drop_keys(apply, lease, ret_count);
    if (err == SW_ERR_OK) {
        err = end_del(apply, lease);
    }
    if (err == SW_ERR_OK) {
        sw_key_lease(state->group, lease->id, &key);
        err = sw__table_del(apply, SW_TABLE_LEASE, &key);
    }
    if (err == SW_ERR_OK && state->lease_count == 0) {
        err = SW_ERR_CORRUPT;
    }
    if (err == SW_ERR_OK) {
        err = use(apply, &lease->record.place, -1);
    }
    if (err == SW_ERR_OK) {
        state->lease_count--;
    }
    return err;
}

enum sw_err sw__leases_count(struct sw__apply *apply)
{
    const struct sw_store_ops *ops = apply->store->ops;
    struct sw_lease_record lease;
    struct sw_store_record record;
    struct sw_lease_key found;
    struct sw_key from;
    enum sw_err err;

    sw_key_lease(apply->state->group, 1, &from);
    err = ops->seek(apply->store, SW_TABLE_LEASE, sw_key_span(&from), false, &record);
    while (err == SW_ERR_OK) {
        err = sw_key_lease_decode(record.key, &found);
        if (err != SW_ERR_OK || found.group.value != apply->state->group.value ||
            found.kind != SW_LEASE_KIND_LEASE) {
            break;
        }
        err = sw_lease_record_decode(record.value, &lease);
        if (err == SW_ERR_OK) {
            err = use(apply, &lease.place, 1);
        }
        if (err == SW_ERR_OK) {
            err = ops->next(apply->store, SW_TABLE_LEASE, false, &record);
        }
    }
    return err == SW_ERR_NOT_FOUND ? SW_ERR_OK : err == SW_ERR_MALFORMED ? SW_ERR_CORRUPT : err;
}

/* --- commands --------------------------------------------------------------------------------- */

/* A tenant may have as many leases as are free, so half of all at most: as many stay for the
 * others. More is BUSY. */
static enum sw_err
check_room(struct sw__apply *apply, struct sw_span tenant, enum sw_err *ret_answer)
{
    const uint32_t count = apply->state->lease_count;
    uint64_t own = 0;
    enum sw_err err = SW_ERR_OK;

    if (apply->format >= SW_ENTRY_FORMAT_MEMORIES) {
        err = sw__usage_leases(apply, tenant, &own);
    }
    if (count >= SW_LEASE_COUNT_MAX || (own > 0 && own >= SW_LEASE_COUNT_MAX - count)) {
        *ret_answer = SW_ERR_BUSY;
    }
    return err;
}

enum sw_err sw__lease_grant(struct sw__apply *apply,
                            const struct sw_request *request,
                            struct sw_command_result *result)
{
    struct sw_state *state = apply->state;
    struct held_lease lease;
    enum sw_err err;

    err = check_room(apply, request->tenant, &result->err);
    if (err != SW_ERR_OK || result->err != SW_ERR_OK) {
        return err;
    }
    state->revision++;
    lease.id = SW_PLANTED(LEASE_ID_USED_AGAIN) ? state->leases_ended + state->lease_count + 1
                                               : state->revision;
    lease.record = (struct sw_lease_record){.ttl_ms = request->limit,
                                            .end_ms = end_of(state, request->limit),
                                            .place = sw__place_of(request)};
    *result = (struct sw_command_result){.revision = state->revision, .value = lease.id};
    state->lease_count++;
    err = lease_put(apply, &lease);
    if (err == SW_ERR_OK) {
        err = end_put(apply, &lease);
    }
    if (err == SW_ERR_OK) {
        err = use(apply, &lease.record.place, 1);
    }
    if (lease.record.end_ms < state->lease_due_ms) {
        state->lease_due_ms = lease.record.end_ms;
    }
    return err;
}

enum sw_err sw__lease_keep_alive(struct sw__apply *apply,
                                 const struct sw_request *request,
                                 struct sw_command_result *result)
{
    struct held_lease lease;
    enum sw_err err;

    err = find(apply, request, &lease, result);
    if (err != SW_ERR_OK || result->err != SW_ERR_OK) {
        return err;
    }
    result->value = lease.record.ttl_ms;
    err = end_del(apply, &lease);
    if (err == SW_ERR_OK) {
        lease.record.end_ms = end_of(apply->state, lease.record.ttl_ms);
        err = end_put(apply, &lease);
    }
    if (err == SW_ERR_OK) {
        err = lease_put(apply, &lease);
    }
    return err == SW_ERR_OK ? sw_leases_load(apply->state, apply->store) : err;
}

enum sw_err sw__lease_revoke(struct sw__apply *apply,
                             const struct sw_request *request,
                             struct sw_command_result *result)
{
    struct held_lease lease;
    uint32_t keys;
    enum sw_err err;

    err = find(apply, request, &lease, result);
    if (err != SW_ERR_OK || result->err != SW_ERR_OK) {
        return err;
    }
    err = end(apply, &lease, &keys);
    result->revision = apply->state->revision;
    result->value = keys;
    return err == SW_ERR_OK ? sw_leases_load(apply->state, apply->store) : err;
}

/* The lease that is due first, copied out of the store. */
static enum sw_err first_due(struct sw__apply *apply, struct held_lease *ret_lease)
{
    struct sw_store_record record;
    struct sw_lease_key found;
    struct sw_key from;
    enum sw_err err;

    sw_key_lease_end(apply->state->group, 0, 1, &from);
    err = apply->store->ops->seek(apply->store, SW_TABLE_LEASE, sw_key_span(&from), false, &record);
    if (err == SW_ERR_OK) {
        err = sw_key_lease_decode(record.key, &found);
    }
    if (err == SW_ERR_OK) {
        err = lease_get(apply, found.lease, ret_lease);
    }
    return err == SW_ERR_NOT_FOUND || err == SW_ERR_MALFORMED ? SW_ERR_CORRUPT : err;
}

enum sw_err sw__lease_tick(struct sw__apply *apply,
                           const struct sw_request *request,
                           struct sw_command_result *result)
{
    struct sw_state *state = apply->state;
    uint32_t deleted = 0;
    enum sw_err err = SW_ERR_OK;

    state->ticks++;
    if (request->expected > state->clock_ms) {
        state->clock_ms = request->expected;
    }
    sw_write_u64(&state->effects, state->clock_ms);
    for (int i = 0; i < SW_APPLY_EXPIRE_COUNT_MAX && deleted < SW_APPLY_LEASE_KEY_COUNT &&
                    state->lease_due_ms <= state->clock_ms && err == SW_ERR_OK;
         i++) {
        struct held_lease lease;
        uint32_t keys = 0;

        err = first_due(apply, &lease);
        if (err == SW_ERR_OK) {
            err = end(apply, &lease, &keys);
        }
        if (err == SW_ERR_OK) {
            err = sw_leases_load(state, apply->store);
        }
        deleted += keys;
        state->leases_ended++;
    }
    if (err == SW_ERR_OK && state->rules >= SW_ENTRY_FORMAT_AUTHORS) {
        err = sw__change_sweep(apply, SW_APPLY_SWEEP_COUNT);
    }
    *result = (struct sw_command_result){.revision = state->revision, .value = state->clock_ms};
    return err;
}
