/* Reads of the past give what was, or say that it is not kept; against a model that remembers every
 * state there ever was. */
#include <stdio.h>

#include "base/prng.h"
#include "node/history.h"
#include "node/query.h"
#include "tests/unit/node/state_kit.h"
#include "transport/txn.h"

enum { KEY_COUNT = 6, REVISION_MAX = 600 };

/* Some that begin alike, and some with zeros, which order by bytes has to take. */
static const struct sw_span keys[KEY_COUNT] = {
    {(const uint8_t *)"a", 1},
    {(const uint8_t *)"a\0", 2},
    {(const uint8_t *)"a\0\0\0\0\0\0\0\0\5", 10},
    {(const uint8_t *)"ab", 2},
    {(const uint8_t *)"b", 1},
    {(const uint8_t *)"b\xff", 2},
};

struct value {
    uint64_t created, modified, version;
    uint32_t number; /* what was written */
};

struct model {
    struct value states[REVISION_MAX + 1][KEY_COUNT];
    uint64_t revision;
    uint32_t written;
};

static struct answer {
    struct sw_reply reply;
    struct sw_buf records;
} answer;

static void ask(struct kit *kit, const struct sw_request *request)
{
    assert_int_equal(sw_query(&kit->state, kit->store, request, &answer.records, &answer.reply),
                     SW_ERR_OK);
}

static struct sw_request put_of(const struct model *model, size_t at, char text[16])
{
    struct sw_request request = kit_put("", "");

    (void)snprintf(text, 16, "%u", model->written + 1);
    request.key = keys[at];
    request.value = sw_span_str(text);
    return request;
}

static void model_put(struct model *model, size_t at)
{
    struct value *now = &model->states[model->revision][at];

    now->created = now->version == 0 ? model->revision : now->created;
    now->modified = model->revision;
    now->version++;
    now->number = ++model->written;
}

static void model_next(struct model *model)
{
    assert_true(model->revision < REVISION_MAX);
    model->revision++;
    memcpy(model->states[model->revision],
           model->states[model->revision - 1],
           sizeof model->states[0]);
}

/* A transaction that puts one key and deletes another. */
static void txn(struct kit *kit, struct model *model, size_t put, size_t gone)
{
    struct sw_request request = kit_request(SW_OP_TXN);
    struct sw_buf bytes = {0};
    char text[16];

    (void)put_of(model, put, text);
    sw_txn_header_encode(0, 2, 0, &bytes);
    sw_txn_op_encode(&(struct sw_txn_op){.kind = SW_TXN_DELETE, .key = keys[gone]}, &bytes);
    sw_txn_op_encode(
        &(struct sw_txn_op){.kind = SW_TXN_PUT, .key = keys[put], .value = sw_span_str(text)},
        &bytes);
    request.value = sw_buf_span(&bytes);
    assert_int_equal(kit_run(kit, 1, request).err, SW_ERR_OK);
    sw_buf_release(&bytes);
    model_next(model);
    model->states[model->revision][gone] = (struct value){0};
    model_put(model, put);
}

static void step(struct kit *kit, struct model *model, struct sw_prng *prng)
{
    const size_t at = (size_t)sw_prng_below(prng, KEY_COUNT);
    const uint64_t kind = sw_prng_below(prng, 10);
    struct sw_request request;
    char text[16];

    if (kind == 0) {
        txn(kit, model, at, (at + 1) % KEY_COUNT);
    } else if (kind <= 2) {
        request = kit_delete("");
        request.key = keys[at];
        (void)kit_run(kit, 1, request);
        if (model->states[model->revision][at].version > 0) {
            model_next(model);
            model->states[model->revision][at] = (struct value){0};
        }
    } else {
        request = put_of(model, at, text);
        (void)kit_run(kit, 1, request);
        model_next(model);
        model_put(model, at);
    }
    assert_int_equal(kit->state.revision, model->revision);
}

static void same(const struct sw_record *record, size_t at, const struct value *value)
{
    char text[16];

    (void)snprintf(text, sizeof text, "%u", value->number);
    assert_true(sw_span_equal(record->key, keys[at]));
    assert_int_equal(record->version, value->version);
    assert_int_equal(record->create_revision, value->created);
    assert_int_equal(record->mod_revision, value->modified);
    if (value->version > 0) {
        assert_true(sw_span_equal(record->value, sw_span_str(text)));
    }
}

static struct sw_record next_record(struct sw_reader *in)
{
    struct sw_record record;

    assert_int_equal(sw_record_decode(in, &record), SW_ERR_OK);
    return record;
}

static uint64_t floor_of(const struct kit *kit)
{
    const struct sw_place place = {.tenant = sw_span_str("acme"),
                                   .name_space = sw_span_str("prod"),
                                   .partition = sw_span_str("agents")};
    uint64_t floor;

    assert_int_equal(sw_history_floor(&kit->state, kit->store, &place, true, &floor), SW_ERR_OK);
    return floor;
}

/* True if a read at `revision` must have an answer. */
static bool kept(const struct kit *kit, uint64_t revision)
{
    return revision >= floor_of(kit);
}

static void check_get(struct kit *kit, const struct model *model, uint64_t revision, size_t at)
{
    const struct value *was = &model->states[revision][at];
    struct sw_request request = kit_request(SW_OP_GET);

    request.key = keys[at];
    request.expected = revision;
    ask(kit, &request);
    if (answer.reply.err == SW_ERR_COMPACTED) {
        assert_false(kept(kit, revision));
        assert_int_equal(answer.reply.value, floor_of(kit));
        return;
    }
    assert_int_equal(answer.reply.revision, revision);
    if (was->version == 0) {
        assert_int_equal(answer.reply.err, SW_ERR_NOT_FOUND);
    } else {
        struct sw_reader in = sw_reader_of(answer.reply.records);
        const struct sw_record record = next_record(&in);

        assert_int_equal(answer.reply.err, SW_ERR_OK);
        same(&record, at, was);
    }
}

static void check_multi_get(struct kit *kit, const struct model *model, uint64_t revision)
{
    struct sw_request request = kit_request(SW_OP_MULTI_GET);
    struct sw_buf names = {0};
    struct sw_reader in;

    for (size_t i = 0; i < KEY_COUNT; i++) {
        sw_write_short(&names, keys[KEY_COUNT - 1 - i]);
    }
    request.value = sw_buf_span(&names);
    request.expected = revision;
    ask(kit, &request);
    if (answer.reply.err == SW_ERR_COMPACTED) {
        assert_false(kept(kit, revision));
    } else {
        assert_int_equal(answer.reply.err, SW_ERR_OK);
        assert_int_equal(answer.reply.record_count, KEY_COUNT);
        in = sw_reader_of(answer.reply.records);
        for (size_t i = 0; i < KEY_COUNT; i++) {
            const struct sw_record record = next_record(&in);
            const size_t at = KEY_COUNT - 1 - i;

            same(&record, at, &model->states[revision][at]);
        }
    }
    sw_buf_release(&names);
}

/* A scan in pages of `limit`, all at one revision, from either end. */
static void check_scan(
    struct kit *kit, const struct model *model, uint64_t revision, uint32_t limit, bool reverse)
{
    struct sw_request request = kit_request(SW_OP_SCAN);
    uint8_t from[16];
    size_t at = 0;

    request.expected = revision;
    request.limit = limit;
    request.flags = reverse ? SW_REQUEST_REVERSE : 0;
    ask(kit, &request);
    if (!kept(kit, revision)) {
        assert_int_equal(answer.reply.err, SW_ERR_COMPACTED);
        assert_int_equal(answer.reply.record_count, 0);
        return;
    }
    for (;;) {
        struct sw_reader in = sw_reader_of(answer.reply.records);
        struct sw_record record = {0};

        assert_int_equal(answer.reply.err, SW_ERR_OK);
        assert_int_equal(answer.reply.revision, revision);
        for (uint32_t i = 0; i < answer.reply.record_count; i++) {
            record = next_record(&in);
            if (reverse && request.key.size > 0 && i == 0) {
                continue; /* the last one of the page before */
            }
            while (model->states[revision][reverse ? KEY_COUNT - 1 - at : at].version == 0) {
                at++;
            }
            same(&record,
                 reverse ? KEY_COUNT - 1 - at : at,
                 &model->states[revision][reverse ? KEY_COUNT - 1 - at : at]);
            at++;
        }
        if (!answer.reply.more) {
            break;
        }
        memcpy(from, record.key.data, record.key.size);
        from[record.key.size] = 0;
        request.key = sw_span_of(from, record.key.size + (reverse ? 0 : 1));
        request.limit = limit + 1;
        ask(kit, &request);
    }
    for (; at < KEY_COUNT; at++) {
        assert_int_equal(model->states[revision][reverse ? KEY_COUNT - 1 - at : at].version, 0);
    }
}

/* All that is listed was, newest first, and nothing that is kept is left out. */
static void check_list(struct kit *kit, const struct model *model, size_t at, uint32_t limit)
{
    struct sw_request request = kit_request(SW_OP_HISTORY);
    uint64_t below = model->revision + 1;
    bool more = true;

    request.key = keys[at];
    request.limit = limit;
    while (more) {
        struct sw_reader in;

        request.expected = below > model->revision ? 0 : below;
        ask(kit, &request);
        assert_int_equal(answer.reply.err, SW_ERR_OK);
        more = answer.reply.more;
        in = sw_reader_of(answer.reply.records);
        for (uint32_t i = 0; i < answer.reply.record_count; i++) {
            const struct sw_record record = next_record(&in);

            assert_true(record.mod_revision < below);
            for (uint64_t r = below - 1; r >= record.mod_revision && r > 0; r--) {
                assert_int_equal(model->states[r][at].modified,
                                 record.version == 0 ? 0 : record.mod_revision);
            }
            if (record.version > 0) {
                same(&record, at, &model->states[record.mod_revision][at]);
            }
            below = record.mod_revision;
        }
    }
    for (uint64_t r = floor_of(kit) + 1; r < below; r++) {
        assert_int_equal(model->states[r][at].version, 0);
    }
}

static void check_all(struct kit *kit, const struct model *model, struct sw_prng *prng)
{
    const uint64_t revision = 1 + sw_prng_below(prng, model->revision);

    for (size_t at = 0; at < KEY_COUNT; at++) {
        check_get(kit, model, revision, at);
    }
    check_multi_get(kit, model, revision);
    check_scan(kit, model, revision, 1 + (uint32_t)sw_prng_below(prng, 4), false);
    check_scan(kit, model, revision, 1 + (uint32_t)sw_prng_below(prng, 4), true);
    check_list(
        kit, model, (size_t)sw_prng_below(prng, KEY_COUNT), 1 + (uint32_t)sw_prng_below(prng, 3));
}

static void compact(struct kit *kit, uint64_t revision)
{
    const struct sw_request request = {.op = SW_OP_COMPACT, .expected = revision};
    const struct sw_command_result result = kit_run(kit, 1, request);

    assert_int_equal(result.err, SW_ERR_OK);
    assert_true(result.value >= revision);
}

/* The namespace keeps its changes as it says itself. */
static void retain(struct kit *kit, uint64_t seed)
{
    struct sw_setting setting = {.kind = SW_SETTING_RETENTION, .name = "acme prod"};

    setting.retention = (struct sw_retention){.keep_last = seed % 2 == 0 ? 1 + seed % 7 : 0,
                                              .max_bytes = seed % 2 == 1 ? 3000 : 0};
    sw_settings_set(&kit->state.settings, &setting);
}

static void the_past_is_what_it_was(void **unused)
{
    static struct model model;

    (void)unused;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct sw_prng prng = sw_prng_of(seed);
        struct kit kit = kit_open();

        memset(&model, 0, sizeof model);
        if (seed % 3 == 0) {
            kit.state.change_count_max = 1 + sw_prng_below(&prng, 60);
        }
        if (seed % 5 == 4) {
            retain(&kit, seed);
        }
        if (seed % 3 == 1) {
            kit.state.change_size_max = 500 + sw_prng_below(&prng, 5000);
        }
        while (model.revision < REVISION_MAX - 1) {
            step(&kit, &model, &prng);
            if (seed % 4 == 2 && model.revision > 0 && sw_prng_chance(&prng, 1, 40)) {
                compact(&kit, 1 + sw_prng_below(&prng, model.revision));
            }
            if (sw_prng_chance(&prng, 1, 60)) {
                const uint64_t count_max = kit.state.change_count_max;
                const uint64_t size_max = kit.state.change_size_max;

                kit_commit(&kit);
                kit_restart(&kit);
                kit.state.change_count_max = count_max;
                kit.state.change_size_max = size_max;
                if (seed % 5 == 4) {
                    retain(&kit, seed); /* it is no record here */
                }
            }
            if (model.revision > 0 && sw_prng_chance(&prng, 1, 3)) {
                check_all(&kit, &model, &prng);
            }
        }
        kit_close(&kit);
    }
    sw_buf_release(&answer.records);
}

/* What is known of deleted keys goes with the change that deleted them, also if that is at once. */
static void nothing_is_left_of_deleted_keys(void **unused)
{
    struct sw_store_record record;
    struct kit kit = kit_open();

    (void)unused;
    for (uint64_t max = 0; max < 3; max++) {
        kit.state.change_count_max = max;
        (void)kit_run(&kit, 1, kit_put("k", "v"));
        (void)kit_run(&kit, 1, kit_delete("k"));
        (void)kit_run(&kit, 1, kit_put("other", "v"));
        (void)kit_run(&kit, 1, kit_put("other", "v"));
        assert_int_equal(
            kit.store->ops->seek(kit.store, SW_TABLE_HISTORY, sw_span_of(NULL, 0), false, &record),
            SW_ERR_NOT_FOUND);
    }
    kit_close(&kit);
}

static void what_is_yet_to_come_is_told_apart(void **unused)
{
    struct sw_request request = kit_request(SW_OP_GET);
    struct kit kit = kit_open();

    (void)unused;
    (void)kit_run(&kit, 1, kit_put("k", "v"));
    request.key = sw_span_str("k");
    request.expected = 2;
    ask(&kit, &request);
    assert_int_equal(answer.reply.err, SW_ERR_FUTURE_REVISION);
    assert_int_equal(answer.reply.revision, 1);
    assert_int_equal(answer.reply.record_count, 0);
    sw_buf_release(&answer.records);
    kit_close(&kit);
}

/* The floor moves at once; the records go a bounded number at a time, and ticks go on with it. */
static void compaction_goes_on_in_steps(void **unused)
{
    const struct sw_request tick = {.op = SW_OP_TICK, .expected = 1};
    const struct sw_request too_far = {.op = SW_OP_COMPACT, .expected = 3001};
    struct kit kit = kit_open();

    (void)unused;
    for (int i = 0; i < 3000; i++) {
        (void)kit_run(&kit, 1, kit_put(i % 2 == 0 ? "a" : "b", "v"));
    }
    assert_false(sw_state_is_due(&kit.state));
    assert_int_equal(kit_run(&kit, 1, too_far).err, SW_ERR_FUTURE_REVISION);
    compact(&kit, 2500);
    assert_int_equal(kit.state.change_floor, 2500);
    assert_int_equal(kit.state.change_count, 3000 - SW_APPLY_SWEEP_COUNT);
    assert_true(sw_state_is_due(&kit.state));
    (void)kit_run(&kit, 1, tick);
    (void)kit_run(&kit, 1, tick);
    assert_int_equal(kit.state.change_count, 500);
    assert_false(sw_state_is_due(&kit.state));
    compact(&kit, 3000);
    assert_int_equal(kit.state.change_count, 0);
    assert_int_equal(kit.state.change_size, 0);
    kit_close(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_past_is_what_it_was),
        cmocka_unit_test(nothing_is_left_of_deleted_keys),
        cmocka_unit_test(what_is_yet_to_come_is_told_apart),
        cmocka_unit_test(compaction_goes_on_in_steps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
