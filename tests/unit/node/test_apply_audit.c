/* The audit log in apply: chained, numbered, bounded, read back at a load, written by the node. */
#include "tests/unit/node/state_kit.h"
#include "transport/audit.h"

static const struct sw_author node_itself = {.flags = SW_AUTHOR_NODE};

/* An AUDIT command; its value lives in `value`. */
static struct sw_request audit(struct sw_buf *value, const char *target)
{
    const struct sw_audit_note note = {.flags = SW_AUTHOR_ADMINISTRATOR,
                                       .count = 1,
                                       .action = sw_span_str("transfer"),
                                       .target = sw_span_str(target)};

    sw_buf_clear(value);
    sw_audit_note_encode(&note, value);
    return (struct sw_request){.op = SW_OP_AUDIT, .value = sw_buf_span(value)};
}

static struct sw_request setting(const char *tenant)
{
    return (struct sw_request){
        .op = SW_OP_SETTING_PUT, .partition = sw_span_str("tenant"), .key = sw_span_str(tenant)};
}

/* Walks all records and checks the chain; the number of records. */
static uint64_t verify(struct kit *kit, struct sw_audit_record *ret_last)
{
    struct sw_store_record stored;
    struct sw_audit_record last = {0};
    struct sw_key prefix;
    uint64_t count = 0;
    enum sw_err err;

    sw_audit_prefix(kit_group, &prefix);
    err = kit->store->ops->seek(kit->store, SW_TABLE_META, sw_key_span(&prefix), false, &stored);
    while (err == SW_ERR_OK && sw_key_has_prefix(stored.key, sw_key_span(&prefix))) {
        struct sw_audit_record record;

        assert_int_equal(sw_audit_record_decode(stored.value, &record), SW_ERR_OK);
        assert_true(count == 0 || sw_audit_follows(&last, &record));
        last = record;
        count++;
        err = kit->store->ops->next(kit->store, SW_TABLE_META, false, &stored);
    }
    *ret_last = last;
    return count;
}

static void notes_and_settings_are_chained(void **state)
{
    struct kit kit = kit_open();
    struct sw_audit_record last;
    struct sw_buf value = {0};
    struct sw_request twice = setting("acme");

    (void)state;
    assert_int_equal(kit_run_as(&kit, &node_itself, 5, audit(&value, "node 2")).value, 1);
    (void)kit_run(&kit, 6, setting("acme"));
    assert_int_equal(verify(&kit, &last), 2);
    assert_int_equal(last.time_ms, 6);
    assert_int_equal(last.note.outcome, 0);
    assert_int_equal(last.note.flags, SW_AUTHOR_ADMINISTRATOR);
    assert_true(sw_span_equal(last.note.action, sw_span_str("setting put")));
    assert_true(sw_span_equal(last.note.target, sw_span_str("tenant acme")));
    twice.expected = SW_SETTING_ABSENT;
    assert_int_equal(kit_run(&kit, 7, twice).err, SW_ERR_CONFLICT);
    assert_int_equal(verify(&kit, &last), 3);
    assert_int_equal(last.note.outcome, SW_ERR_CONFLICT);
    sw_buf_release(&value);
    kit_close(&kit);
}

static void the_chain_goes_on_after_a_restart(void **state)
{
    struct kit kit = kit_open();
    struct sw_audit_record last;
    struct sw_buf value = {0};

    (void)state;
    (void)kit_run_as(&kit, &node_itself, 5, audit(&value, "a"));
    (void)kit_run_as(&kit, &node_itself, 5, audit(&value, "b"));
    kit_commit(&kit);
    kit_restart(&kit);
    assert_int_equal(kit.state.audit.first, 1);
    assert_int_equal(kit.state.audit.last, 2);
    assert_int_equal(kit_run_as(&kit, &node_itself, 5, audit(&value, "c")).value, 3);
    assert_int_equal(verify(&kit, &last), 3);
    assert_memory_equal(last.hash, kit.state.audit.hash, sizeof last.hash);
    sw_buf_release(&value);
    kit_close(&kit);
}

static void nobody_else_writes_notes(void **state)
{
    const struct sw_author alice = {.id = {1}};
    struct kit kit = kit_open();
    struct sw_buf value = {0};
    struct sw_audit_record last;
    struct sw_request bad = audit(&value, "x");

    (void)state;
    assert_int_equal(kit_run(&kit, 5, bad).err, SW_ERR_UNAUTHORIZED);
    assert_int_equal(kit_run_as(&kit, &alice, 5, bad).err, SW_ERR_UNAUTHORIZED);
    bad.value.size--;
    assert_int_equal(kit_run_as(&kit, &node_itself, 5, bad).err, SW_ERR_INVALID);
    assert_int_equal(verify(&kit, &last), 0);
    sw_buf_release(&value);
    kit_close(&kit);
}

static void the_oldest_go_and_the_chain_holds(void **state)
{
    struct kit kit = kit_open();
    struct sw_audit_record last;
    struct sw_buf value = {0};

    (void)state;
    for (int i = 0; i < SW_AUDIT_COUNT_MAX + 10; i++) {
        (void)kit_run_as(&kit, &node_itself, 5, audit(&value, "x"));
    }
    assert_int_equal(verify(&kit, &last), SW_AUDIT_COUNT_MAX);
    assert_int_equal(last.number, SW_AUDIT_COUNT_MAX + 10);
    assert_int_equal(kit.state.audit.first, 11);
    kit_commit(&kit);
    kit_restart(&kit);
    assert_int_equal(kit.state.audit.first, 11);
    assert_int_equal(kit.state.audit.last, SW_AUDIT_COUNT_MAX + 10);
    sw_buf_release(&value);
    kit_close(&kit);
}

static void a_damaged_head_does_not_load(void **state)
{
    struct kit kit = kit_open();
    struct sw_audit_record last;
    struct sw_buf value = {0};
    struct sw_audit audit_again;
    struct sw_key key;

    (void)state;
    (void)kit_run_as(&kit, &node_itself, 5, audit(&value, "x"));
    assert_int_equal(verify(&kit, &last), 1);
    sw_audit_prefix(kit_group, &key);
    sw_store_u64_be(key.data + key.size, 1);
    key.size += 8;
    assert_int_equal(kit.store->ops->put(
                         kit.store, SW_TABLE_META, sw_key_span(&key), sw_span_str("\x01nothing")),
                     SW_ERR_OK);
    assert_int_equal(sw_audit_load(&audit_again, kit.store, kit_group), SW_ERR_CORRUPT);
    sw_buf_release(&value);
    kit_close(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(notes_and_settings_are_chained),
        cmocka_unit_test(the_chain_goes_on_after_a_restart),
        cmocka_unit_test(nobody_else_writes_notes),
        cmocka_unit_test(the_oldest_go_and_the_chain_holds),
        cmocka_unit_test(a_damaged_head_does_not_load),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
