/* Transactions in apply: compares, branches, merges, all or nothing, one revision, one answer. */
#include "node/apply.h"
#include "tests/unit/node/state_kit.h"
#include "transport/txn.h"

/* A transaction being written down. */
struct script {
    struct sw_txn txn;
    struct sw_buf bytes; /* owned */
};

static struct script *script_new(void)
{
    struct script *script = calloc(1, sizeof *script);

    assert_non_null(script);
    return script;
}

static void script_free(struct script *script)
{
    sw_buf_release(&script->bytes);
    free(script);
}

static void when(struct script *script,
                 enum sw_compare_target target,
                 enum sw_relation relation,
                 const char *key,
                 uint64_t number)
{
    script->txn.compares[script->txn.compare_count++] = (struct sw_compare){
        .target = target, .relation = relation, .key = sw_span_str(key), .number = number};
}

static void
when_value(struct script *script, enum sw_relation relation, const char *key, const char *value)
{
    when(script, SW_COMPARE_VALUE, relation, key, 0);
    script->txn.compares[script->txn.compare_count - 1].value = sw_span_str(value);
}

static struct sw_txn_op *
add(struct script *script, int branch, enum sw_txn_kind kind, const char *key, const char *value)
{
    struct sw_txn_branch *to = &script->txn.branches[branch];

    to->ops[to->count] =
        (struct sw_txn_op){.kind = kind, .key = sw_span_str(key), .value = sw_span_str(value)};
    return &to->ops[to->count++];
}

static void
merge(struct script *script, enum sw_merge operator_, const char *key, const char *value)
{
    add(script, SW_TXN_THEN, SW_TXN_MERGE, key, value)->merge = operator_;
}

static struct sw_request request_of(struct script *script)
{
    struct sw_request request = kit_request(SW_OP_TXN);

    sw_buf_clear(&script->bytes);
    sw_txn_encode(&script->txn, &script->bytes);
    request.value = sw_buf_span(&script->bytes);
    return request;
}

static struct sw_command_result run(struct kit *kit, struct script *script)
{
    return kit_run(kit, 1, request_of(script));
}

/* The n-th record of an answer. */
static struct sw_record record_at(struct sw_command_result result, uint32_t number)
{
    struct sw_reader in = sw_reader_of(result.records);
    struct sw_record record = {0};

    assert_true(number < result.record_count);
    for (uint32_t i = 0; i <= number; i++) {
        assert_int_equal(sw_record_decode(&in, &record), SW_ERR_OK);
    }
    return record;
}

static void assert_record(struct sw_command_result result,
                          uint32_t number,
                          const char *key,
                          const char *value,
                          uint64_t mod_revision,
                          uint64_t version)
{
    const struct sw_record record = record_at(result, number);

    assert_true(sw_span_equal(record.key, sw_span_str(key)));
    assert_true(sw_span_equal(record.value, sw_span_str(value)));
    assert_int_equal(record.mod_revision, mod_revision);
    assert_int_equal(record.version, version);
}

static void assert_stored(struct kit *kit, const char *key, const char *value)
{
    struct script *script = script_new();
    struct sw_command_result result;

    add(script, SW_TXN_THEN, SW_TXN_GET, key, "");
    result = run(kit, script);
    assert_true(sw_span_equal(record_at(result, 0).value, sw_span_str(value)));
    script_free(script);
}

/* Many keys, one change: one revision for all, and the next change has the next one. */
static void a_transaction_has_one_revision(void **unused)
{
    struct script *script = script_new();
    struct kit kit = kit_open();
    struct sw_command_result result;

    (void)unused;
    (void)kit_run(&kit, 1, kit_put("b", "old"));
    add(script, SW_TXN_THEN, SW_TXN_PUT, "a", "1");
    add(script, SW_TXN_THEN, SW_TXN_PUT, "b", "2");
    add(script, SW_TXN_THEN, SW_TXN_DELETE, "c", "");
    result = run(&kit, script);
    kit_assert_result(result, SW_ERR_OK, 2, 0);
    assert_int_equal(result.record_count, 3);
    assert_record(result, 0, "a", "", 2, 1);
    assert_record(result, 1, "b", "", 2, 2);
    assert_record(result, 2, "c", "", 0, 0);
    assert_int_equal(record_at(result, 1).create_revision, 1);
    kit_assert_result(kit_run(&kit, 1, kit_put("d", "x")), SW_ERR_OK, 3, 0);
    script_free(script);
    kit_close(&kit);
}

static void one_that_changes_nothing_takes_no_revision(void **unused)
{
    struct script *script = script_new();
    struct kit kit = kit_open();

    (void)unused;
    (void)kit_run(&kit, 1, kit_put("a", "1"));
    add(script, SW_TXN_THEN, SW_TXN_GET, "a", "");
    add(script, SW_TXN_THEN, SW_TXN_DELETE, "absent", "");
    kit_assert_result(run(&kit, script), SW_ERR_OK, 1, 0);
    assert_int_equal(kit.state.revision, 1);
    script_free(script);
    kit_close(&kit);
}

static bool holds(struct kit *kit, struct script *script)
{
    const struct sw_command_result result = run(kit, script);

    assert_int_equal(result.err, SW_ERR_OK);
    script_free(script);
    return result.value == 0;
}

static bool number_holds(struct kit *kit,
                         enum sw_compare_target target,
                         enum sw_relation relation,
                         const char *key,
                         uint64_t number)
{
    struct script *script = script_new();

    when(script, target, relation, key, number);
    return holds(kit, script);
}

static bool
value_holds(struct kit *kit, enum sw_relation relation, const char *key, const char *value)
{
    struct script *script = script_new();

    when_value(script, relation, key, value);
    return holds(kit, script);
}

static void compares_look_at_what_they_name(void **unused)
{
    struct kit kit = kit_open();

    (void)unused;
    (void)kit_run(&kit, 1, kit_put("x", "x"));
    (void)kit_run(&kit, 1, kit_put("k", "b"));
    (void)kit_run(&kit, 1, kit_put("k", "m")); /* version 2, created 2, modified 3 */
    assert_true(number_holds(&kit, SW_COMPARE_VERSION, SW_RELATION_EQUAL, "k", 2));
    assert_true(number_holds(&kit, SW_COMPARE_CREATE_REVISION, SW_RELATION_EQUAL, "k", 2));
    assert_true(number_holds(&kit, SW_COMPARE_MOD_REVISION, SW_RELATION_EQUAL, "k", 3));
    assert_false(number_holds(&kit, SW_COMPARE_MOD_REVISION, SW_RELATION_NOT_EQUAL, "k", 3));
    assert_true(number_holds(&kit, SW_COMPARE_VERSION, SW_RELATION_EQUAL, "none", 0));
    assert_false(number_holds(&kit, SW_COMPARE_VERSION, SW_RELATION_GREATER, "none", 0));
    assert_true(value_holds(&kit, SW_RELATION_EQUAL, "k", "m"));
    assert_false(value_holds(&kit, SW_RELATION_EQUAL, "k", "ma"));
    assert_true(value_holds(&kit, SW_RELATION_LESS, "k", "ma"));
    /* No value, no compare: not even "unequal". */
    assert_false(value_holds(&kit, SW_RELATION_NOT_EQUAL, "none", "m"));
    assert_false(value_holds(&kit, SW_RELATION_EQUAL, "none", ""));
    kit_close(&kit);
}

static void relations_are_of_what_the_key_has(void **unused)
{
    /* version 1 against 0, 1, 2 */
    static const bool expected[SW_RELATION_COUNT][3] = {
        [SW_RELATION_EQUAL] = {false, true, false},
        [SW_RELATION_NOT_EQUAL] = {true, false, true},
        [SW_RELATION_LESS] = {false, false, true},
        [SW_RELATION_LESS_EQUAL] = {false, true, true},
        [SW_RELATION_GREATER] = {true, false, false},
        [SW_RELATION_GREATER_EQUAL] = {true, true, false},
    };
    struct kit kit = kit_open();

    (void)unused;
    (void)kit_run(&kit, 1, kit_put("k", "v"));
    for (int relation = 1; relation < SW_RELATION_COUNT; relation++) {
        for (uint64_t number = 0; number < 3; number++) {
            assert_int_equal(
                number_holds(&kit, SW_COMPARE_VERSION, (enum sw_relation)relation, "k", number),
                expected[relation][number]);
        }
    }
    kit_close(&kit);
}

/* The first compare that fails is named, and the else-operations run, as a change like any other.
 */
static void a_failed_compare_runs_the_other_branch(void **unused)
{
    struct script *script = script_new();
    struct kit kit = kit_open();
    struct sw_command_result result;

    (void)unused;
    (void)kit_run(&kit, 1, kit_put("k", "v"));
    when(script, SW_COMPARE_VERSION, SW_RELATION_EQUAL, "k", 1);
    when(script, SW_COMPARE_MOD_REVISION, SW_RELATION_EQUAL, "k", 9);
    when(script, SW_COMPARE_VERSION, SW_RELATION_EQUAL, "k", 9);
    add(script, SW_TXN_THEN, SW_TXN_PUT, "k", "then");
    add(script, SW_TXN_ELSE, SW_TXN_GET, "k", "");
    add(script, SW_TXN_ELSE, SW_TXN_PUT, "log", "failed");
    result = run(&kit, script);
    kit_assert_result(result, SW_ERR_OK, 2, 2);
    assert_int_equal(result.record_count, 2);
    assert_record(result, 0, "k", "v", 1, 1);
    assert_stored(&kit, "k", "v");
    assert_stored(&kit, "log", "failed");
    script_free(script);
    kit_close(&kit);
}

/* Compares look at the state before; operations at what those before them did. */
static void operations_see_what_came_before_them(void **unused)
{
    struct script *script = script_new();
    struct kit kit = kit_open();
    struct sw_command_result result;

    (void)unused;
    (void)kit_run(&kit, 1, kit_put("a", "old"));
    (void)kit_run(&kit, 1, kit_put("b", "old"));
    (void)kit_run(&kit, 1, kit_put("n", "5"));
    add(script, SW_TXN_THEN, SW_TXN_GET, "a", "");
    add(script, SW_TXN_THEN, SW_TXN_PUT, "a", "new");
    add(script, SW_TXN_THEN, SW_TXN_GET, "a", "");
    add(script, SW_TXN_THEN, SW_TXN_DELETE, "b", "");
    add(script, SW_TXN_THEN, SW_TXN_GET, "b", "");
    merge(script, SW_MERGE_ADD, "n", "2");
    merge(script, SW_MERGE_APPEND, "grown", "first");
    add(script, SW_TXN_THEN, SW_TXN_GET, "n", "");
    result = run(&kit, script);
    kit_assert_result(result, SW_ERR_OK, 4, 0);
    assert_record(result, 0, "a", "old", 1, 1);
    assert_record(result, 2, "a", "new", 4, 2);
    assert_record(result, 3, "b", "", 2, 1);
    assert_record(result, 4, "b", "", 0, 0);
    assert_record(result, 5, "n", "7", 4, 2);
    assert_record(result, 6, "grown", "first", 4, 1);
    assert_record(result, 7, "n", "7", 4, 2);
    assert_stored(&kit, "n", "7");
    assert_stored(&kit, "b", "");
    script_free(script);
    kit_close(&kit);
}

static void previous_records_are_given_on_request(void **unused)
{
    struct script *script = script_new();
    struct kit kit = kit_open();
    struct sw_command_result result;

    (void)unused;
    (void)kit_run(&kit, 1, kit_put("a", "one"));
    (void)kit_run(&kit, 1, kit_put("b", "two"));
    (void)kit_run(&kit, 1, kit_put("n", "3"));
    add(script, SW_TXN_THEN, SW_TXN_PUT, "a", "new")->flags = SW_TXN_PREVIOUS;
    add(script, SW_TXN_THEN, SW_TXN_DELETE, "b", "")->flags = SW_TXN_PREVIOUS;
    merge(script, SW_MERGE_MAX, "n", "9");
    script->txn.branches[SW_TXN_THEN].ops[2].flags = SW_TXN_PREVIOUS;
    add(script, SW_TXN_THEN, SW_TXN_PUT, "fresh", "x")->flags = SW_TXN_PREVIOUS;
    result = run(&kit, script);
    assert_record(result, 0, "a", "one", 1, 1);
    assert_record(result, 1, "b", "two", 2, 1);
    assert_record(result, 2, "n", "3", 3, 1);
    assert_record(result, 3, "fresh", "", 0, 0);
    script_free(script);
    kit_close(&kit);
}

/* The last operation cannot be done: nothing of the ones before it is there, and no revision. */
static void all_or_nothing(void **unused)
{
    struct script *script = script_new();
    struct kit kit = kit_open();
    struct sw_command_result result;
    uint64_t digest;

    (void)unused;
    (void)kit_run(&kit, 1, kit_put("text", "abc"));
    add(script, SW_TXN_THEN, SW_TXN_PUT, "a", "1");
    add(script, SW_TXN_THEN, SW_TXN_DELETE, "text2", "");
    merge(script, SW_MERGE_ADD, "text", "1");
    result = run(&kit, script);
    kit_assert_result(result, SW_ERR_WRONG_TYPE, 1, 3);
    assert_int_equal(result.record_count, 0);
    assert_int_equal(result.records.size, 0);
    assert_int_equal(kit.state.revision, 1);
    digest = kit.state.digest;
    assert_true(digest != 0);
    assert_stored(&kit, "a", "");
    script_free(script);
    kit_close(&kit);
}

static void sums_out_of_range_change_nothing(void **unused)
{
    struct script *script = script_new();
    struct kit kit = kit_open();

    (void)unused;
    (void)kit_run(&kit, 1, kit_put("n", "9223372036854775807"));
    merge(script, SW_MERGE_ADD, "n", "1");
    kit_assert_result(run(&kit, script), SW_ERR_OUT_OF_RANGE, 1, 1);
    assert_stored(&kit, "n", "9223372036854775807");
    script_free(script);
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

/* What one transaction answers and writes is bounded, whatever it asks for. */
static void answers_and_writes_are_bounded(void **unused)
{
    struct script *script = script_new();
    struct kit kit = kit_open();
    char key[2] = "a";

    (void)unused;
    put_big(&kit, "big", SW_VALUE_SIZE_MAX);
    add(script, SW_TXN_THEN, SW_TXN_GET, "big", "");
    kit_assert_result(run(&kit, script), SW_ERR_OK, 1, 0);
    add(script, SW_TXN_THEN, SW_TXN_GET, "big", "");
    kit_assert_result(run(&kit, script), SW_ERR_TOO_LARGE, 1, 2);
    script_free(script);

    script = script_new();
    for (int i = 0; i < 5; i++) {
        static char keys[5][2];

        key[0] = (char)('a' + i);
        memcpy(keys[i], key, 2);
        put_big(&kit, keys[i], SW_VALUE_SIZE_MAX - 8);
        merge(script, SW_MERGE_APPEND, keys[i], "12345678");
        script->txn.branches[SW_TXN_THEN].ops[i].flags = 0;
    }
    /* The merged values are answered too, so the answer is over its bound first. */
    kit_assert_result(run(&kit, script), SW_ERR_TOO_LARGE, 6, 2);
    assert_int_equal(kit.state.revision, 6);
    script_free(script);
    kit_close(&kit);
}

/* --- in sessions ------------------------------------------------------------------------------ */

static uint64_t open_session(struct kit *kit)
{
    return kit_run(kit, 1, kit_session_open("aaaaaaaaaaaaaaaa", 5000)).value;
}

/* The same answer to a retry, records and all; also after a restart and from another replica. */
static void a_retry_gets_the_whole_answer_again(void **unused)
{
    struct script *script = script_new();
    struct kit kit = kit_open();
    struct sw_request request;
    struct sw_command_result first, again;
    struct sw_buf kept = {0};
    uint64_t session;

    (void)unused;
    session = open_session(&kit);
    merge(script, SW_MERGE_ADD, "n", "2");
    request = kit_in_session(request_of(script), session, 1, 0);
    first = kit_run(&kit, 1, request);
    kit_assert_result(first, SW_ERR_OK, 2, 0);
    sw_write_bytes(&kept, first.records);
    for (int i = 0; i < 2; i++) {
        again = kit_run(&kit, 1, request);
        kit_assert_result(again, SW_ERR_OK, 2, 0);
        assert_int_equal(again.record_count, 1);
        assert_true(sw_span_equal(again.records, sw_buf_span(&kept)));
        assert_stored(&kit, "n", "2");
        kit_commit(&kit);
        kit_restart(&kit);
    }
    assert_int_equal(kit.state.sessions.records_size, kept.size);
    (void)kit_run(&kit, 1, kit_in_session(kit_put("x", ""), session, 2, 1));
    assert_int_equal(kit.state.sessions.records_size, 0);
    sw_buf_release(&kept);
    script_free(script);
    kit_close(&kit);
}

/* An answer that nobody acknowledges takes memory: beyond a bound such commands are put off, and
 * others are not. */
static void kept_records_are_bounded(void **unused)
{
    struct script *script = script_new();
    struct kit kit = kit_open();
    struct sw_request request;
    uint64_t session;

    (void)unused;
    put_big(&kit, "big", SW_VALUE_SIZE_MAX);
    session = open_session(&kit);
    add(script, SW_TXN_THEN, SW_TXN_GET, "big", "");
    request = request_of(script);
    assert_int_equal(kit_run(&kit, 1, kit_in_session(request, session, 1, 0)).err, SW_ERR_OK);
    assert_int_equal(kit_run(&kit, 1, kit_in_session(request, session, 2, 0)).err, SW_ERR_BUSY);
    assert_int_equal(kit_run(&kit, 1, kit_in_session(kit_put("x", ""), session, 3, 0)).err,
                     SW_ERR_OK);
    assert_int_equal(kit_run(&kit, 1, kit_in_session(request, session, 2, 1)).err, SW_ERR_OK);
    script_free(script);
    kit_close(&kit);
}

/* One entry answers so much and no more; what comes later in it is put off, not cut. */
static void records_of_an_entry_are_bounded(void **unused)
{
    enum { COUNT = 12 };
    struct script *script = script_new();
    struct sw_request requests[COUNT];
    struct kit kit = kit_open();

    (void)unused;
    put_big(&kit, "big", SW_VALUE_SIZE_MAX);
    add(script, SW_TXN_THEN, SW_TXN_GET, "big", "");
    for (int i = 0; i < COUNT; i++) {
        requests[i] = request_of(script);
    }
    kit_apply(&kit, 1, requests, COUNT);
    for (int i = 0; i < COUNT; i++) {
        const bool fits = i * (long long)SW_VALUE_SIZE_MAX < SW_ENTRY_RECORDS_SIZE_MAX;

        assert_int_equal(kit.results[i].err, fits ? SW_ERR_OK : SW_ERR_BUSY);
        assert_int_equal(kit.results[i].record_count, fits ? 1 : 0);
    }
    assert_int_equal(record_at(kit.results[1], 0).value.size, SW_VALUE_SIZE_MAX);
    script_free(script);
    kit_close(&kit);
}

static void plain_writes_tell_the_previous_record_too(void **unused)
{
    struct sw_request requests[4] = {
        kit_put("k", "new"), kit_cas("k", "x", 9), kit_delete("k"), kit_delete("k")};
    struct kit kit = kit_open();

    (void)unused;
    (void)kit_run(&kit, 1, kit_put("k", "old"));
    for (int i = 0; i < 4; i++) {
        requests[i].flags = SW_REQUEST_PREVIOUS;
    }
    kit_apply(&kit, 1, requests, 4);
    assert_record(kit.results[0], 0, "k", "old", 1, 1);
    kit_assert_result(kit.results[1], SW_ERR_CONFLICT, 2, 2);
    assert_record(kit.results[1], 0, "k", "new", 2, 2);
    kit_assert_result(kit.results[2], SW_ERR_OK, 3, 1);
    assert_record(kit.results[2], 0, "k", "new", 2, 2);
    assert_record(kit.results[3], 0, "k", "", 0, 0);
    kit_close(&kit);
}

/* Less than a session may hold, and one more answer: the largest record of all. */
static void the_largest_answers_of_a_session_are_saved(void **unused)
{
    static char value[SW_VALUE_SIZE_MAX - 99];
    struct kit kit = kit_open();
    const uint64_t session = kit_run(&kit, 1, kit_session_open("aaaaaaaaaaaaaaaa", 5000)).value;
    struct sw_request request;

    (void)unused;
    memset(value, 'x', sizeof value - 1);
    request = kit_put("k", value);
    (void)kit_run(&kit, 1, request);
    request.flags = SW_REQUEST_PREVIOUS;
    assert_int_equal(kit_run(&kit, 1, kit_in_session(request, session, 1, 0)).err, SW_ERR_OK);
    assert_int_equal(kit_run(&kit, 1, kit_in_session(request, session, 2, 0)).err, SW_ERR_OK);
    kit_commit(&kit);
    kit_restart(&kit);
    assert_true(kit.state.sessions.records_size > SW_SESSION_RECORDS_SIZE_MAX);
    assert_int_equal(kit_run(&kit, 2, kit_in_session(request, session, 3, 0)).err, SW_ERR_BUSY);
    assert_int_equal(kit_run(&kit, 2, kit_in_session(request, session, 2, 0)).record_count, 1);
    kit_close(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_transaction_has_one_revision),
        cmocka_unit_test(one_that_changes_nothing_takes_no_revision),
        cmocka_unit_test(compares_look_at_what_they_name),
        cmocka_unit_test(relations_are_of_what_the_key_has),
        cmocka_unit_test(a_failed_compare_runs_the_other_branch),
        cmocka_unit_test(operations_see_what_came_before_them),
        cmocka_unit_test(previous_records_are_given_on_request),
        cmocka_unit_test(all_or_nothing),
        cmocka_unit_test(sums_out_of_range_change_nothing),
        cmocka_unit_test(answers_and_writes_are_bounded),
        cmocka_unit_test(a_retry_gets_the_whole_answer_again),
        cmocka_unit_test(kept_records_are_bounded),
        cmocka_unit_test(records_of_an_entry_are_bounded),
        cmocka_unit_test(plain_writes_tell_the_previous_record_too),
        cmocka_unit_test(the_largest_answers_of_a_session_are_saved),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
