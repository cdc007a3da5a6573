/* What a store holds at the end of a run, beside what it says about that: usage equals a recount of
 * all tenants' records, and the audit log is one chain without a gap. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "node/apply.h"
#include "node/lease.h"
#include "node/vectors_private.h"
#include "storage/keys.h"
#include "storage/store_mem.h"
#include "tests/sim/context_calls.h"
#include "tests/sim/tenant_calls.h"
#include "transport/audit.h"

static const struct sw_group_id group = {1};

/* A table of usage made by walking, and one that is compared with the rows of META. */
struct recount {
    struct sim_world *world;
    struct sw_store *store;
    struct sw_store *nothing; /* rows are found, but never in a store */
    struct sw_usages usages;
};

/* What one record adds. */
static void add(struct recount *recount,
                struct sw_span tenant,
                struct sw_span space,
                const struct sw_usage *more)
{
    struct sw_usage_row *row;
    const enum sw_err err =
        sw_usages_row(&recount->usages, recount->nothing, group, tenant, space, &row);

    SW_ASSERT(err == SW_ERR_OK);
    row->usage.keys += more->keys;
    row->usage.experiences += more->experiences;
    row->usage.bytes += more->bytes;
    row->usage.leases += more->leases;
}

static void
add_place(struct recount *recount, const struct sw_place *place, const struct sw_usage *more)
{
    if (!sw_tenant_is_reserved(place->tenant)) {
        add(recount, place->tenant, place->name_space, more);
        add(recount, place->tenant, sw_span_of(NULL, 0), more);
    }
}

static bool count_lease(struct recount *recount, const struct sw_store_record *stored)
{
    const struct sw_usage more = {.leases = 1};
    struct sw_lease_record lease;
    struct sw_lease_key key;

    if (sw_key_lease_decode(stored->key, &key) != SW_ERR_OK) {
        return false;
    }
    if (key.kind != SW_LEASE_KIND_LEASE) {
        return true;
    }
    if (sw_lease_record_decode(stored->value, &lease) != SW_ERR_OK) {
        return false;
    }
    add_place(recount, &lease.place, &more);
    return true;
}

static bool
count_record(struct recount *recount, enum sw_table table, const struct sw_store_record *stored)
{
    struct sw_experience_record experience;
    struct sw_experience_key experience_key;
    struct sw_kv_record kv;
    struct sw_kv_key key;

    if (table == SW_TABLE_KV) {
        if (sw_key_kv_decode(stored->key, &key) != SW_ERR_OK ||
            sw_kv_record_decode(stored->value, &kv) != SW_ERR_OK) {
            return false;
        }
        add_place(recount,
                  &key.place,
                  &(struct sw_usage){.keys = 1, .bytes = key.key.size + kv.value.size});
        return true;
    }
    if (table == SW_TABLE_LEASE) {
        return count_lease(recount, stored);
    }
    if (sw_key_experience_decode(stored->key, &experience_key) != SW_ERR_OK ||
        sw_experience_record_decode(stored->value, &experience) != SW_ERR_OK) {
        return false;
    }
    add_place(recount,
              &experience_key.place,
              &(struct sw_usage){.experiences = 1, .bytes = experience.value.size});
    return true;
}

/* Its entries one by one; of one that is being dropped what it says itself. */
static bool count_index(struct recount *recount, const struct sw_vectors_index *index)
{
    const struct sw_store_ops *ops = recount->store->ops;
    struct sw_usage more = {.bytes = sw_vectors_meta_size(&index->place, index->name)};
    struct sw_vectors_entry entry;
    struct sw_store_record stored;
    struct sw_key prefix;
    enum sw_err err;

    sw_vectors_entry_key(index, 0, &prefix);
    err = ops->seek(recount->store, SW_TABLE_INDEX, sw_key_span(&prefix), false, &stored);
    while (!index->dropped && err == SW_ERR_OK &&
           sw_key_has_prefix(stored.key, sw_key_span(&prefix))) {
        if (sw_vectors_entry_decode(stored.value, &entry) != SW_ERR_OK) {
            return false;
        }
        more.bytes += sw_vectors_entry_size(index, entry.key.size, stored.value.size);
        err = ops->next(recount->store, SW_TABLE_INDEX, false, &stored);
    }
    more.bytes = index->dropped ? index->size : more.bytes;
    add_place(recount, &index->place, &more);
    return more.bytes == index->size;
}

static void count_indexes(struct recount *recount)
{
    struct sw_vectors vectors = {0};

    if (sw_vectors_load(&vectors, recount->store, group) != SW_ERR_OK) {
        sim_fail(recount->world, "the indexes of a store do not load");
    }
    for (uint32_t i = 0; i < vectors.count; i++) {
        if (!count_index(recount, vectors.all[i])) {
            sim_fail(recount->world, "an index does not count as what it holds");
        }
    }
    sw_vectors_release(&vectors);
}

static void count_table(struct recount *recount, enum sw_table table)
{
    const struct sw_store_ops *ops = recount->store->ops;
    struct sw_store_record stored;
    enum sw_err err;

    err = ops->seek(recount->store, table, sw_span_of(NULL, 0), false, &stored);
    while (err == SW_ERR_OK) {
        if (!count_record(recount, table, &stored)) {
            sim_fail(recount->world, "a record does not decode");
            return;
        }
        err = ops->next(recount->store, table, false, &stored);
    }
}

static void compare_rows(struct recount *recount)
{
    for (uint32_t i = 0; i < recount->usages.count; i++) {
        const struct sw_usage_row *row = &recount->usages.rows[i];
        struct sw_usage kept = {0};
        struct sw_span bytes;
        struct sw_key key;

        sw_usage_key(group, sw_span_str(row->tenant), sw_span_str(row->name_space), &key);
        if (recount->store->ops->get(recount->store, SW_TABLE_META, sw_key_span(&key), &bytes) !=
                SW_ERR_OK ||
            sw_usage_decode(bytes, &kept) != SW_ERR_OK ||
            memcmp(&kept, &row->usage, sizeof kept) != 0) {
            sim_fail(recount->world,
                     "usage of %s %s is kept as %" PRIu64 " keys, %" PRIu64 " bytes; there are "
                     "%" PRIu64 " and %" PRIu64,
                     row->tenant,
                     row->name_space,
                     kept.keys,
                     kept.bytes,
                     row->usage.keys,
                     row->usage.bytes);
        }
    }
}

/* Rows of META that nothing was counted for are wrong, too. */
static uint32_t stored_rows(struct recount *recount)
{
    const struct sw_store_ops *ops = recount->store->ops;
    struct sw_store_record stored;
    struct sw_key prefix;
    uint32_t count = 0;
    enum sw_err err;

    sw_key_meta(group, sw_span_of("usage", sizeof "usage"), &prefix);
    err = ops->seek(recount->store, SW_TABLE_META, sw_key_span(&prefix), false, &stored);
    while (err == SW_ERR_OK && sw_key_has_prefix(stored.key, sw_key_span(&prefix))) {
        count++;
        err = ops->next(recount->store, SW_TABLE_META, false, &stored);
    }
    return count;
}

static void judge_usage(struct sim_world *world, struct sw_store *store)
{
    struct recount recount = {.world = world, .store = store, .nothing = sw_store_mem_new(0, 0)};

    count_table(&recount, SW_TABLE_KV);
    count_table(&recount, SW_TABLE_EXPERIENCE);
    count_table(&recount, SW_TABLE_LEASE);
    count_indexes(&recount);
    compare_rows(&recount);
    if (stored_rows(&recount) != recount.usages.count) {
        sim_fail(world,
                 "%u rows of usage are kept, there is something of %u",
                 stored_rows(&recount),
                 recount.usages.count);
    }
    sw_usages_release(&recount.usages);
    sw_store_mem_free(recount.nothing);
}

static void judge_audit(struct sim_world *world, struct sw_store *store)
{
    struct sw_store_record stored;
    struct sw_audit_record last = {0};
    struct sw_key prefix;
    enum sw_err err;

    sw_audit_prefix(group, &prefix);
    err = store->ops->seek(store, SW_TABLE_META, sw_key_span(&prefix), false, &stored);
    while (err == SW_ERR_OK && sw_key_has_prefix(stored.key, sw_key_span(&prefix))) {
        struct sw_audit_record record;

        if (sw_audit_record_decode(stored.value, &record) != SW_ERR_OK ||
            (last.number != 0 && !sw_audit_follows(&last, &record))) {
            sim_fail(world, "the audit log breaks behind record %" PRIu64, last.number);
            return;
        }
        last = record;
        err = store->ops->next(store, SW_TABLE_META, false, &stored);
    }
    if (world->plan.tenants != 0 && last.number == 0) {
        sim_fail(world, "settings were changed, and the audit log is empty");
    }
}

void sim_store_judge(struct sim_world *world, struct sw_store *store)
{
    judge_usage(world, store);
    judge_audit(world, store);
    sim_context_judge(world, store);
}
