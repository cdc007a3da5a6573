/* What is kept for watchers: every change of a key, in order, until it is too old. */
#include <stdio.h>

#include "node/apply.h"
#include "node/query.h"
#include "tests/unit/node/state_kit.h"
#include "transport/txn.h"

static struct sw_request watch(uint64_t after, const char *key, const char *end_key)
{
    struct sw_request request = kit_request(SW_OP_WATCH);

    request.expected = after;
    request.key = sw_span_str(key);
    request.end_key = sw_span_str(end_key);
    return request;
}

/* The changes told, as "key@revision/version " each; a deleted key has version 0. */
static void
expect(struct kit *kit, struct sw_request request, const char *told, uint64_t upto, bool more)
{
    struct sw_buf records = {0};
    struct sw_reply reply = {0};
    struct sw_reader in;
    struct sw_buf text = {0};

    assert_int_equal(sw_query(&kit->state, kit->store, &request, &records, &reply), SW_ERR_OK);
    assert_int_equal(reply.err, SW_ERR_OK);
    in = sw_reader_of(reply.records);
    for (uint32_t i = 0; i < reply.record_count; i++) {
        struct sw_record record;
        char line[300];

        assert_int_equal(sw_record_decode(&in, &record), SW_ERR_OK);
        (void)snprintf(line,
                       sizeof line,
                       "%.*s@%d/%d ",
                       (int)record.key.size,
                       (const char *)record.key.data,
                       (int)record.mod_revision,
                       (int)record.version);
        sw_write_bytes(&text, sw_span_str(line));
    }
    sw_write_u8(&text, 0);
    assert_string_equal((const char *)text.data, told);
    assert_int_equal(reply.revision, upto);
    assert_int_equal(reply.more, more);
    sw_buf_release(&text);
    sw_buf_release(&records);
}

static void expect_resync(struct kit *kit, uint64_t after)
{
    const struct sw_request request = watch(after, "", "");
    struct sw_buf records = {0};
    struct sw_reply reply = {0};

    assert_int_equal(sw_query(&kit->state, kit->store, &request, &records, &reply), SW_ERR_OK);
    assert_int_equal(reply.err, SW_ERR_RESYNC);
    assert_int_equal(reply.revision, kit->state.revision);
    assert_int_equal(reply.record_count, 0);
    sw_buf_release(&records);
}

static struct sw_request txn_of(struct sw_buf *value, const char *const *keys, uint32_t count)
{
    struct sw_request request = kit_request(SW_OP_TXN);

    sw_buf_clear(value);
    sw_txn_header_encode(0, count, 0, value);
    for (uint32_t i = 0; i < count; i++) {
        sw_txn_op_encode(&(struct sw_txn_op){.kind = SW_TXN_PUT,
                                             .key = sw_span_str(keys[i]),
                                             .value = sw_span_str("v")},
                         value);
    }
    request.value = sw_buf_span(value);
    return request;
}

static void every_change_is_told_in_order(void **unused)
{
    static const char *const keys[] = {"b", "c"};
    struct sw_buf value = {0};
    struct kit kit = kit_open();

    (void)unused;
    (void)kit_run(&kit, 1, kit_put("a", "1"));       /* 1 */
    (void)kit_run(&kit, 1, kit_append("no key"));    /* 2 */
    (void)kit_run(&kit, 1, kit_put("a", "2"));       /* 3 */
    (void)kit_run(&kit, 1, kit_cas("a", "x", 1));    /* refused */
    (void)kit_run(&kit, 1, txn_of(&value, keys, 2)); /* 4 */
    (void)kit_run(&kit, 1, kit_delete("b"));         /* 5 */
    (void)kit_run(&kit, 1, kit_delete("b"));         /* nothing */
    expect(&kit, watch(0, "", ""), "a@1/1 a@3/2 b@4/1 c@4/1 b@5/0 ", 5, false);
    expect(&kit, watch(3, "", ""), "b@4/1 c@4/1 b@5/0 ", 5, false);
    expect(&kit, watch(0, "b", ""), "b@4/1 c@4/1 b@5/0 ", 5, false);
    expect(&kit, watch(0, "a", "b"), "a@1/1 a@3/2 ", 5, false);
    expect(&kit, watch(5, "", ""), "", 5, false);
    expect(&kit, watch(4, "a", "b"), "", 5, false); /* nothing of it, and it says so far */
    sw_buf_release(&value);
    kit_close(&kit);
}

static void other_partitions_are_not_told(void **unused)
{
    struct sw_request elsewhere = kit_put("a", "1");
    struct kit kit = kit_open();

    (void)unused;
    elsewhere.partition = sw_span_str("other");
    (void)kit_run(&kit, 1, elsewhere);
    (void)kit_run(&kit, 1, kit_put("a", "1"));
    expect(&kit, watch(0, "", ""), "a@2/1 ", 2, false);
    kit_close(&kit);
}

/* A page ends between revisions; the next one goes on behind the last one. */
static void pages_do_not_cut_a_transaction(void **unused)
{
    static const char *const keys[] = {"b", "c", "d"};
    struct sw_buf value = {0};
    struct kit kit = kit_open();
    struct sw_request request = watch(0, "", "");

    (void)unused;
    (void)kit_run(&kit, 1, kit_put("a", "1"));
    (void)kit_run(&kit, 1, txn_of(&value, keys, 3));
    (void)kit_run(&kit, 1, kit_put("a", "2"));
    request.limit = 2;
    expect(&kit, request, "a@1/1 b@2/1 c@2/1 d@2/1 ", 2, true);
    request.expected = 2;
    expect(&kit, request, "a@3/2 ", 3, false);
    request.expected = 0;
    request.limit = 1;
    expect(&kit, request, "a@1/1 ", 1, true);
    sw_buf_release(&value);
    kit_close(&kit);
}

static void put_big(struct kit *kit, const char *key, size_t size)
{
    struct sw_request request = kit_put(key, "");
    uint8_t *bytes = calloc(1, size);

    request.value = sw_span_of(bytes, size);
    assert_int_equal(kit_run(kit, 1, request).err, SW_ERR_OK);
    free(bytes);
}

static void pages_are_bounded_in_bytes_and_never_empty(void **unused)
{
    struct sw_request keys_only = watch(0, "", "");
    struct kit kit = kit_open();

    (void)unused;
    put_big(&kit, "a", SW_SCAN_SIZE_MAX / 2);
    put_big(&kit, "b", SW_SCAN_SIZE_MAX / 2);
    put_big(&kit, "c", SW_VALUE_SIZE_MAX);
    expect(&kit, watch(0, "", ""), "a@1/1 ", 1, true);
    expect(&kit, watch(1, "", ""), "b@2/1 ", 2, true);
    expect(&kit, watch(2, "", ""), "c@3/1 ", 3, false);
    keys_only.flags = SW_REQUEST_KEYS_ONLY;
    expect(&kit, keys_only, "a@1/1 b@2/1 c@3/1 ", 3, false);
    kit_close(&kit);
}

/* The oldest go; whoever needs them is told so, never given a part. */
static void old_changes_go_and_the_watcher_is_told(void **unused)
{
    struct kit kit = kit_open();

    (void)unused;
    kit.state.change_count_max = 3;
    for (int i = 0; i < 5; i++) {
        (void)kit_run(&kit, 1, kit_put("a", "v"));
    }
    assert_int_equal(kit.state.change_count, 3);
    assert_int_equal(kit.state.change_floor, 2);
    expect_resync(&kit, 0);
    expect_resync(&kit, 1);
    expect(&kit, watch(2, "", ""), "a@3/3 a@4/4 a@5/5 ", 5, false);
    expect_resync(&kit, 6); /* not yet: this state came in the place of a later one */
    kit_commit(&kit);
    kit_restart(&kit);
    expect_resync(&kit, 1);
    expect(&kit, watch(2, "", ""), "a@3/3 a@4/4 a@5/5 ", 5, false);
    kit_close(&kit);
}

static void kept_changes_are_bounded_in_bytes(void **unused)
{
    struct kit kit = kit_open();

    (void)unused;
    kit.state.change_size_max = 1000;
    put_big(&kit, "a", 400);
    put_big(&kit, "a", 400);
    put_big(&kit, "a", 4000);
    assert_int_equal(kit.state.change_floor, 1);
    assert_true(kit.state.change_size <= 1000);
    put_big(&kit, "a", 1); /* what it was is larger than all: it is not kept at all */
    assert_int_equal(kit.state.change_count, 0);
    assert_int_equal(kit.state.change_size, 0);
    expect_resync(&kit, 3);
    expect(&kit, watch(4, "", ""), "", 4, false);
    kit_close(&kit);
}

/* The end of a lease is told as the deletes that it is. */
static void keys_that_end_with_a_lease_are_told(void **unused)
{
    const struct sw_request tick = {.op = SW_OP_TICK, .expected = 500};
    struct sw_request grant = kit_request(SW_OP_LEASE_GRANT);
    struct sw_request put = kit_put("a", "v");
    struct kit kit = kit_open();

    (void)unused;
    grant.limit = 500;
    (void)kit_run(&kit, 1, grant);
    put.lease = 1;
    (void)kit_run(&kit, 1, put);
    put.key = sw_span_str("b");
    (void)kit_run(&kit, 1, put);
    (void)kit_run(&kit, 1, tick);
    expect(&kit, watch(1, "", ""), "a@2/1 b@3/1 a@4/0 b@4/0 ", 4, false);
    kit_close(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_change_is_told_in_order),
        cmocka_unit_test(other_partitions_are_not_told),
        cmocka_unit_test(pages_do_not_cut_a_transaction),
        cmocka_unit_test(pages_are_bounded_in_bytes_and_never_empty),
        cmocka_unit_test(old_changes_go_and_the_watcher_is_told),
        cmocka_unit_test(kept_changes_are_bounded_in_bytes),
        cmocka_unit_test(keys_that_end_with_a_lease_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
