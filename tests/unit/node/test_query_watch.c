/* What a watch tells of keys beside their names: what they became, what they were, and only puts or
 * only deletes if that is what was asked for; against a model that remembers every change. */
#include <stdio.h>

#include "base/prng.h"
#include "node/history.h"
#include "node/query.h"
#include "tests/unit/node/state_kit.h"
#include "transport/txn.h"

enum { KEY_COUNT = 4, CHANGE_MAX = 1200 };

/* One change of the model. */
struct change {
    uint64_t revision, version, version_before;
    uint32_t key, number, number_before; /* what was written last */
};

struct model {
    struct change changes[CHANGE_MAX];
    uint32_t count;
    uint64_t revision, version[KEY_COUNT];
    uint32_t number[KEY_COUNT], written;
};

static struct sw_reply reply;
static struct sw_buf records;

static void ask(struct kit *kit, const struct sw_request *request)
{
    assert_int_equal(sw_query(&kit->state, kit->store, request, &records, &reply), SW_ERR_OK);
}

static struct sw_request watch(uint64_t after, uint32_t flags)
{
    struct sw_request request = kit_request(SW_OP_WATCH);

    request.expected = after;
    request.flags = flags;
    return request;
}

static const char *key_name(uint32_t key)
{
    static const char *const names[KEY_COUNT] = {"a", "b", "c", "d"};

    return names[key];
}

static void note(struct model *model, uint32_t key, bool deleted)
{
    struct change *change = &model->changes[model->count++];

    assert_true(model->count < CHANGE_MAX);
    *change = (struct change){.revision = model->revision,
                              .key = key,
                              .version_before = model->version[key],
                              .number_before = model->number[key]};
    model->version[key] = deleted ? 0 : model->version[key] + 1;
    model->number[key] = deleted ? 0 : model->written;
    change->version = model->version[key];
    change->number = model->number[key];
}

static void step(struct kit *kit, struct model *model, struct sw_prng *prng)
{
    const uint32_t key = (uint32_t)sw_prng_below(prng, KEY_COUNT);
    char text[16];

    if (sw_prng_chance(prng, 1, 4)) {
        if (kit_run(kit, 1, kit_delete(key_name(key))).value == 1) {
            model->revision++;
            note(model, key, true);
        }
        return;
    }
    model->written++;
    (void)snprintf(text, sizeof text, "%u", model->written);
    (void)kit_run(kit, 1, kit_put(key_name(key), text));
    model->revision++;
    note(model, key, false);
}

static void same(struct sw_reader *in, const struct change *change, bool before, bool keys_only)
{
    const uint32_t number = before ? change->number_before : change->number;
    struct sw_record record;
    char text[16] = "";

    assert_int_equal(sw_record_decode(in, &record), SW_ERR_OK);
    assert_true(sw_span_equal(record.key, sw_span_str(key_name(change->key))));
    assert_int_equal(record.version, before ? change->version_before : change->version);
    if (number > 0 && !keys_only) {
        (void)snprintf(text, sizeof text, "%u", number);
    }
    assert_true(sw_span_equal(record.value, sw_span_str(text)));
    if (!before) {
        assert_int_equal(record.mod_revision, change->revision);
    }
}

static bool wanted(const struct change *change, uint32_t flags)
{
    return change->version == 0 ? (flags & SW_REQUEST_PUTS) == 0
                                : (flags & SW_REQUEST_DELETES) == 0;
}

/* Watches from `after` to the end, page by page. */
static void check(struct kit *kit, const struct model *model, uint64_t after, uint32_t flags)
{
    const bool previous = (flags & SW_REQUEST_PREVIOUS) != 0;
    struct sw_request request = watch(after, flags);
    uint32_t at = 0;

    while (at < model->count && model->changes[at].revision <= after) {
        at++;
    }
    request.limit = 3;
    while (request.expected < model->revision) {
        struct sw_reader in;

        ask(kit, &request);
        assert_int_equal(reply.err, SW_ERR_OK);
        assert_true(reply.revision > request.expected);
        request.expected = reply.revision;
        in = sw_reader_of(reply.records);
        while (at < model->count && model->changes[at].revision <= reply.revision) {
            if (wanted(&model->changes[at], flags)) {
                same(&in, &model->changes[at], false, (flags & SW_REQUEST_KEYS_ONLY) != 0);
            }
            if (previous && wanted(&model->changes[at], flags)) {
                same(&in, &model->changes[at], true, (flags & SW_REQUEST_KEYS_ONLY) != 0);
            }
            at++;
        }
        assert_int_equal(sw_reader_finish(&in), SW_ERR_OK);
    }
    assert_int_equal(at, model->count);
}

static void all_that_is_kept_is_told(void **unused)
{
    static const uint32_t flags[] = {0,
                                     SW_REQUEST_PREVIOUS,
                                     SW_REQUEST_PUTS,
                                     SW_REQUEST_DELETES | SW_REQUEST_PREVIOUS,
                                     SW_REQUEST_KEYS_ONLY | SW_REQUEST_PREVIOUS,
                                     SW_REQUEST_PUTS | SW_REQUEST_KEYS_ONLY};
    static struct model model;

    (void)unused;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct sw_prng prng = sw_prng_of(seed);
        struct kit kit = kit_open();

        memset(&model, 0, sizeof model);
        kit.state.change_count_max = seed % 2 == 0 ? 50 : SW_CHANGE_COUNT_MAX;
        while (model.revision < 500) {
            step(&kit, &model, &prng);
            if (sw_prng_chance(&prng, 1, 10)) {
                const uint64_t floor = kit.state.change_floor;

                check(&kit,
                      &model,
                      floor + sw_prng_below(&prng, model.revision - floor + 1),
                      flags[sw_prng_below(&prng, sizeof flags / sizeof flags[0])]);
            }
        }
        if (kit.state.change_floor > 0) {
            const struct sw_request request = watch(kit.state.change_floor - 1, 0);

            ask(&kit, &request);
            assert_int_equal(reply.err, SW_ERR_RESYNC);
        }
        kit_close(&kit);
    }
    sw_buf_release(&records);
}

/* Puts only and deletes only at once would never tell anything. */
static void a_watch_for_nothing_is_refused(void **unused)
{
    const struct sw_request request = watch(0, SW_REQUEST_PUTS | SW_REQUEST_DELETES);
    char why[SW_WHY_SIZE];

    (void)unused;
    assert_int_equal(sw_request_validate(&request, why), SW_ERR_INVALID);
}

static void put_large(struct kit *kit, const char *key)
{
    static uint8_t large[SW_VALUE_SIZE_MAX];
    struct sw_request put = kit_put(key, "");

    put.value = sw_span_of(large, sizeof large);
    assert_int_equal(kit_run(kit, 1, put).err, SW_ERR_OK);
}

/* What the keys of one change were may be more than a message holds: that is said. */
static void too_much_of_the_past_is_refused(void **unused)
{
    struct sw_request txn = kit_request(SW_OP_TXN);
    struct sw_request request = watch(2, SW_REQUEST_PREVIOUS);
    struct sw_buf bytes = {0};
    struct kit kit = kit_open();

    (void)unused;
    put_large(&kit, "a");
    put_large(&kit, "b");
    sw_txn_header_encode(0, 2, 0, &bytes);
    sw_txn_op_encode(&(struct sw_txn_op){.kind = SW_TXN_DELETE, .key = sw_span_str("a")}, &bytes);
    sw_txn_op_encode(&(struct sw_txn_op){.kind = SW_TXN_DELETE, .key = sw_span_str("b")}, &bytes);
    txn.value = sw_buf_span(&bytes);
    assert_int_equal(kit_run(&kit, 1, txn).err, SW_ERR_OK);
    ask(&kit, &request);
    assert_int_equal(reply.err, SW_ERR_TOO_LARGE);
    assert_int_equal(reply.record_count, 0);
    assert_int_equal(reply.revision, 2);
    request.flags = 0;
    ask(&kit, &request);
    assert_int_equal(reply.err, SW_ERR_OK);
    assert_int_equal(reply.record_count, 2);
    sw_buf_release(&bytes);
    sw_buf_release(&records);
    kit_close(&kit);
}

/* A byte for each record, and nothing where all are 0. */
static void changes_of_a_cascade_say_how_deep_they_are(void **unused)
{
    static const uint8_t depths[] = {0, 3, 0, 9};
    struct kit kit = kit_open();

    (void)unused;
    (void)kit_run(&kit, 1, kit_put("a", "1"));
    for (size_t i = 0; i < sizeof depths; i++) {
        const struct sw_author author = {.flags = SW_AUTHOR_ADMINISTRATOR, .depth = depths[i]};

        (void)kit_run_as(&kit, &author, 1, i == 3 ? kit_delete("a") : kit_put("a", "2"));
    }
    {
        const struct sw_request all = watch(0, 0);
        const struct sw_request old = watch(0, SW_REQUEST_PREVIOUS | SW_REQUEST_DELETES);
        struct sw_request first = watch(0, 0);

        ask(&kit, &all);
        assert_int_equal(reply.record_count, 5);
        assert_int_equal(reply.detail.size, 5);
        assert_int_equal(reply.detail.data[0], 0);
        assert_memory_equal(reply.detail.data + 1, depths, sizeof depths);
        ask(&kit, &old);
        assert_int_equal(reply.detail.size, 2);
        assert_int_equal(reply.detail.data[0], 9);
        assert_int_equal(reply.detail.data[1], 0); /* what it was before */
        first.limit = 2;
        ask(&kit, &first);
        assert_int_equal(reply.record_count, 2);
        assert_int_equal(reply.detail.size, 0);
    }
    sw_buf_release(&records);
    kit_close(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_that_is_kept_is_told),
        cmocka_unit_test(a_watch_for_nothing_is_refused),
        cmocka_unit_test(changes_of_a_cascade_say_how_deep_they_are),
        cmocka_unit_test(too_much_of_the_past_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
