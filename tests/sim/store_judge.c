/* What a store holds at the end of a run, beside what it says about that: usage equals a recount of
 * all tenants' records, and the audit log is one chain without a gap. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "node/apply.h"
#include "storage/keys.h"
#include "storage/store_mem.h"
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

static void
add(struct recount *recount, struct sw_span tenant, struct sw_span space, bool key, size_t bytes)
{
    struct sw_usage_row *row;
    const enum sw_err err =
        sw_usages_row(&recount->usages, recount->nothing, group, tenant, space, &row);

    SW_ASSERT(err == SW_ERR_OK);
    row->usage.keys += key ? 1 : 0;
    row->usage.experiences += key ? 0 : 1;
    row->usage.bytes += bytes;
}

static void add_place(struct recount *recount, const struct sw_place *place, bool key, size_t bytes)
{
    if (!sw_tenant_is_reserved(place->tenant)) {
        add(recount, place->tenant, place->name_space, key, bytes);
        add(recount, place->tenant, sw_span_of(NULL, 0), key, bytes);
    }
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
        add_place(recount, &key.place, true, key.key.size + kv.value.size);
        return true;
    }
    if (sw_key_experience_decode(stored->key, &experience_key) != SW_ERR_OK ||
        sw_experience_record_decode(stored->value, &experience) != SW_ERR_OK) {
        return false;
    }
    add_place(recount, &experience_key.place, false, experience.value.size);
    return true;
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
}
