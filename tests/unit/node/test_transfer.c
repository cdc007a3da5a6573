/* Copies: equal tables and digest at the end, whatever is lost, repeated or damaged on the way, and
 * the old state or the new one after a crash at any point. */
#include <stdio.h>

#include "base/prng.h"
#include "node/chunk.h"
#include "node/transfer.h"
#include "tests/unit/node/state_kit.h"

enum { SMALL = SW_CHUNK_SIZE_MIN + 200 };

static const char nonce_a[] = "aaaaaaaaaaaaaaaa";

/* A state with something of everything: sessions with answers, keys, a value of several chunks. */
static struct kit kit_filled(int count)
{
    struct kit kit = kit_open();
    struct sw_command_result opened;
    static char big[20000];
    struct sw_request request;

    opened = kit_run(&kit, 1000, kit_session_open(nonce_a, 5000));
    for (int i = 0; i < count; i++) {
        char name[16], value[32];

        (void)snprintf(name, sizeof name, "key %d", i);
        (void)snprintf(value, sizeof value, "value %d", i);
        request = kit_in_session(kit_put(name, value), opened.value, (uint64_t)i + 1, 0);
        (void)kit_run(&kit, 1000, request);
        (void)kit_run(&kit, 1000, kit_append(value));
    }
    for (size_t i = 0; i < sizeof big; i++) {
        big[i] = (char)(i % 251);
    }
    request = kit_put("big", "");
    request.value = sw_span_of(big, sizeof big);
    (void)kit_run(&kit, 1000, request);
    (void)kit_run(&kit, 1000, kit_put("empty", ""));
    kit_commit(&kit);
    return kit;
}

/* A copy under way. */
struct copy {
    struct sw_export out;
    struct sw_import in;
    struct sw_buf chunk;
    struct sw_buf cursor;
};

static void copy_release(struct copy *copy, struct kit *from)
{
    sw_export_end(&copy->out, from->store);
    sw_import_release(&copy->in);
    sw_buf_release(&copy->chunk);
    sw_buf_release(&copy->cursor);
}

static void copy_begin(struct copy *copy, struct kit *from)
{
    sw_buf_clear(&copy->cursor);
    assert_int_equal(sw_export_begin(&copy->out, &from->state, from->store), SW_ERR_OK);
}

/* The chunk at copy->cursor. */
static void pull(struct copy *copy, struct kit *from, size_t size_max)
{
    assert_int_equal(
        sw_export_chunk(
            &copy->out, from->store, kit_group, sw_buf_span(&copy->cursor), size_max, &copy->chunk),
        SW_ERR_OK);
    assert_true(copy->chunk.size <= size_max);
}

static struct sw_import_result push(struct copy *copy, struct kit *to)
{
    struct sw_import_result result = {0};

    assert_int_equal(
        sw_import_chunk(&copy->in, &to->state, to->store, sw_buf_span(&copy->chunk), &result),
        SW_ERR_OK);
    assert_false(to->store->ops->dirty(to->store));
    sw_buf_clear(&copy->cursor);
    sw_write_bytes(&copy->cursor, sw_buf_span(&copy->in.cursor));
    return result;
}

/* One chunk from one to the other; true when the copy is complete. */
static bool step(struct copy *copy, struct kit *from, struct kit *to, size_t size_max)
{
    struct sw_import_result result;

    pull(copy, from, size_max);
    result = push(copy, to);
    assert_int_equal(result.err, SW_ERR_OK);
    return result.complete;
}

static void assert_no_stage(struct sw_store *store)
{
    struct sw_store_record record;

    assert_int_equal(store->ops->seek(store, SW_TABLE_STAGE, sw_span_of(NULL, 0), false, &record),
                     SW_ERR_NOT_FOUND);
}

static void assert_same(struct kit *from, struct kit *to)
{
    kit_assert_equal_stores(from->store, to->store);
    assert_no_stage(to->store);
    assert_int_equal(to->state.index, from->state.index);
    assert_int_equal(to->state.digest, from->state.digest);
    assert_int_equal(to->state.sessions.count, from->state.sessions.count);
}

static void a_copy_equals_its_source_at_any_chunk_size(void **unused)
{
    static const size_t sizes[] = {
        SW_CHUNK_SIZE_MIN, SW_CHUNK_SIZE_MIN + 1, SMALL, 8000, SW_SNAPSHOT_CHUNK_SIZE_MAX};
    struct kit from = kit_filled(60);

    (void)unused;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct kit to = kit_open();
        struct copy copy = {0};
        uint32_t chunks = 1;

        (void)kit_run(&to, 5, kit_put("old", "state")); /* replaced without a trace */
        kit_commit(&to);
        copy_begin(&copy, &from);
        while (!step(&copy, &from, &to, sizes[i])) {
            chunks++;
        }
        assert_true(i == 4 ? chunks == 1 : chunks > 3);
        assert_same(&from, &to);
        kit_restart(&to); /* it was synced */
        assert_same(&from, &to);
        copy_release(&copy, &from);
        kit_close(&to);
    }
    kit_close(&from);
}

static void an_empty_state_can_be_copied(void **unused)
{
    struct kit from = kit_open();
    struct kit to = kit_open();
    struct copy copy = {0};

    (void)unused;
    assert_int_equal(kit_apply_body(&from, sw_span_of(NULL, 0)), SW_ERR_OK);
    kit_commit(&from);
    copy_begin(&copy, &from);
    assert_true(step(&copy, &from, &to, SMALL));
    assert_same(&from, &to);
    copy_release(&copy, &from);
    kit_close(&to);
    kit_close(&from);
}

/* Both go on from the copy alike: sessions answer retries, digests stay equal. */
static void the_copy_goes_on_like_the_source(void **unused)
{
    struct kit from = kit_filled(20);
    struct kit to = kit_open();
    struct copy copy = {0};
    struct sw_command_result a, b;

    (void)unused;
    copy_begin(&copy, &from);
    while (!step(&copy, &from, &to, SMALL)) {
    }
    a = kit_run(&from, 2000, kit_in_session(kit_put("key 3", "again"), 1, 4, 0));
    b = kit_run(&to, 2000, kit_in_session(kit_put("key 3", "again"), 1, 4, 0));
    kit_assert_result(b, a.err, a.revision, a.value);
    assert_int_equal(a.revision, 8); /* of the first time: three writes and appends before it */
    a = kit_run(&from, 2000, kit_put("new", "value"));
    b = kit_run(&to, 2000, kit_put("new", "value"));
    kit_assert_result(b, a.err, a.revision, a.value);
    assert_int_equal(from.state.digest, to.state.digest);
    kit_commit(&from);
    kit_commit(&to);
    assert_same(&from, &to);
    copy_release(&copy, &from);
    kit_close(&to);
    kit_close(&from);
}

static void the_view_stays_while_the_source_goes_on(void **unused)
{
    struct kit from = kit_filled(30);
    struct kit frozen = kit_filled(30);
    struct kit to = kit_open();
    struct copy copy = {0};
    int n = 0;

    (void)unused;
    copy_begin(&copy, &from);
    while (!step(&copy, &from, &to, SMALL)) {
        char name[16];

        (void)snprintf(name, sizeof name, "key %d", n++);
        (void)kit_run(&from, 1500, kit_put(name, "changed"));
        (void)kit_run(&from, 1500, kit_delete("empty"));
        kit_commit(&from);
    }
    assert_same(&frozen, &to);
    copy_release(&copy, &from);
    kit_close(&to);
    kit_close(&frozen);
    kit_close(&from);
}

static void lost_and_repeated_chunks_do_no_harm(void **unused)
{
    struct sw_prng prng = sw_prng_of(7);
    struct kit from = kit_filled(60);
    struct kit to = kit_open();
    struct copy copy = {0};
    bool complete = false;

    (void)unused;
    copy_begin(&copy, &from);
    while (!complete) {
        struct sw_import_result result;
        struct sw_buf expected = {0};

        pull(&copy, &from, SMALL);
        if (sw_prng_chance(&prng, 1, 3)) {
            continue; /* lost: the same cursor is asked for again */
        }
        result = push(&copy, &to);
        assert_int_equal(result.err, SW_ERR_OK);
        complete = result.complete;
        if (complete || copy.chunk.data[SW_CHUNK_HEADER_SIZE] == 0) {
            continue; /* a repeated first chunk starts over, as it says */
        }
        sw_write_bytes(&expected, sw_buf_span(&copy.cursor));
        result = push(&copy, &to); /* repeated: refused, and what is wanted next is named */
        assert_int_equal(result.err, SW_ERR_CONFLICT);
        assert_true(sw_span_equal(sw_buf_span(&expected), sw_buf_span(&copy.cursor)));
        sw_buf_release(&expected);
    }
    assert_same(&from, &to);
    copy_release(&copy, &from);
    kit_close(&to);
    kit_close(&from);
}

static void a_crash_at_any_chunk_leaves_the_old_state_or_the_new(void **unused)
{
    struct kit from = kit_filled(40);
    struct kit old = kit_open();
    bool finished = false;

    (void)unused;
    (void)kit_run(&old, 5, kit_put("old", "state"));
    kit_commit(&old);
    for (int crash_after = 1; !finished; crash_after++) {
        struct kit to = kit_open();
        struct copy copy = {0};

        (void)kit_run(&to, 5, kit_put("old", "state"));
        kit_commit(&to);
        copy_begin(&copy, &from);
        for (int n = 0; n < crash_after && !finished; n++) {
            finished = step(&copy, &from, &to, SMALL);
        }
        kit_restart(&to);
        assert_int_equal(sw_import_drop_leftovers(to.store), SW_ERR_OK);
        assert_same(finished ? &from : &old, &to);
        sw_import_release(&copy.in);
        /* The next attempt starts over and ends well. */
        copy_begin(&copy, &from);
        while (!step(&copy, &from, &to, SMALL)) {
        }
        assert_same(&from, &to);
        copy_release(&copy, &from);
        kit_close(&to);
    }
    kit_close(&old);
    kit_close(&from);
}

/* A store whose n-th commit or sync fails. */
static const struct sw_store_ops *real_ops;
static int until_failure;

static enum sw_err failing_commit(struct sw_store *store)
{
    if (--until_failure == 0) {
        sw_store_mem_fail_next_commit(store);
    }
    return real_ops->commit(store);
}

static enum sw_err failing_sync(struct sw_store *store)
{
    if (--until_failure == 0) {
        sw_store_mem_fail_next_commit(store);
    }
    return real_ops->sync(store);
}

/* Copies until it is complete (true) or the store fails. */
static bool copy_until_failure(struct copy *copy, struct kit *from, struct kit *to)
{
    struct sw_import_result result = {0};

    copy_begin(copy, from);
    while (!result.complete) {
        enum sw_err err;

        pull(copy, from, SMALL);
        err = sw_import_chunk(&copy->in, &to->state, to->store, sw_buf_span(&copy->chunk), &result);
        if (err != SW_ERR_OK) {
            assert_int_equal(err, SW_ERR_IO);
            return false;
        }
        assert_int_equal(result.err, SW_ERR_OK);
        sw_buf_clear(&copy->cursor);
        sw_write_bytes(&copy->cursor, sw_buf_span(&copy->in.cursor));
    }
    return true;
}

static void each_commit_that_fails_leaves_the_old_state_or_the_new(void **unused)
{
    struct kit from = kit_filled(20);
    struct kit old = kit_filled(2);
    struct sw_store_ops ops;
    bool complete = false;
    int kept_old = 0;
    int kept_new = 0;

    (void)unused;
    for (int n = 1; !complete; n++) {
        struct kit to = kit_filled(2);
        struct copy copy = {0};

        real_ops = to.store->ops;
        ops = *real_ops;
        ops.commit = failing_commit;
        ops.sync = failing_sync;
        to.store->ops = &ops;
        until_failure = n;
        complete = copy_until_failure(&copy, &from, &to);
        to.store->ops = real_ops;
        kit_restart(&to);
        assert_int_equal(sw_import_drop_leftovers(to.store), SW_ERR_OK);
        if (to.state.index == old.state.index) {
            kept_old++;
            assert_same(&old, &to);
        } else {
            kept_new++;
            assert_same(&from, &to);
        }
        copy_release(&copy, &from);
        kit_close(&to);
    }
    assert_true(kept_old > 3);
    assert_int_equal(kept_new, 2); /* the failed sync behind the last commit, and no failure */
    kit_close(&old);
    kit_close(&from);
}

static void a_view_that_is_gone_is_a_conflict(void **unused)
{
    struct kit from = kit_filled(40);
    struct kit to = kit_open();
    struct copy copy = {0};

    (void)unused;
    copy_begin(&copy, &from);
    assert_false(step(&copy, &from, &to, SMALL));
    sw_export_end(&copy.out, from.store);
    assert_int_equal(
        sw_export_chunk(
            &copy.out, from.store, kit_group, sw_buf_span(&copy.cursor), SMALL, &copy.chunk),
        SW_ERR_CONFLICT);
    (void)kit_run(&from, 3000, kit_put("k", "v"));
    kit_commit(&from);
    assert_int_equal(sw_export_begin(&copy.out, &from.state, from.store), SW_ERR_OK);
    assert_int_equal(
        sw_export_chunk(
            &copy.out, from.store, kit_group, sw_buf_span(&copy.cursor), SMALL, &copy.chunk),
        SW_ERR_CONFLICT);
    /* Starting over: the first chunk of the newer view discards what was staged. */
    sw_buf_clear(&copy.cursor);
    while (!step(&copy, &from, &to, SMALL)) {
    }
    assert_same(&from, &to);
    copy_release(&copy, &from);
    kit_close(&to);
    kit_close(&from);
}

static void a_copy_older_than_the_state_changes_nothing(void **unused)
{
    struct kit from = kit_filled(10);
    struct kit to = kit_filled(10);
    struct copy copy = {0};
    uint64_t digest;

    (void)unused;
    (void)kit_run(&to, 3000, kit_put("newer", "state"));
    kit_commit(&to);
    digest = to.state.digest;
    copy_begin(&copy, &from);
    assert_true(step(&copy, &from, &to, SMALL));
    assert_int_equal(to.state.digest, digest);
    assert_no_stage(to.store);
    copy_release(&copy, &from);
    kit_close(&to);
    kit_close(&from);
}

static void no_space_for_the_stage_is_no_disaster(void **unused)
{
    struct kit from = kit_filled(40);
    struct kit to = kit_open();
    struct copy copy = {0};
    struct sw_import_result result;

    (void)unused;
    (void)kit_run(&to, 5, kit_put("old", "state"));
    kit_commit(&to);
    copy_begin(&copy, &from);
    assert_false(step(&copy, &from, &to, SMALL));
    sw_store_mem_set_full(to.store, true);
    pull(&copy, &from, SMALL);
    result = push(&copy, &to);
    assert_int_equal(result.err, SW_ERR_DISK_FULL);
    assert_int_equal(copy.cursor.size, 0);
    assert_no_stage(to.store);
    assert_int_equal(to.state.index, 1);
    sw_store_mem_set_full(to.store, false);
    copy_begin(&copy, &from);
    while (!step(&copy, &from, &to, SMALL)) {
    }
    assert_same(&from, &to);
    copy_release(&copy, &from);
    kit_close(&to);
    kit_close(&from);
}

/* Chunks whose sums are right and whose content is not: the state must not change. */
static void
forged(struct kit *to, uint64_t index, const struct sw_chunk_record *records, uint32_t count)
{
    struct sw_buf bytes = {0};
    struct copy copy = {0};
    const uint64_t digest = to->state.digest;
    struct sw_import_result result;

    for (uint32_t i = 0; i < count; i++) {
        sw_chunk_record_encode(&records[i], &bytes);
    }
    sw_chunk_encode(&(struct sw_chunk){.group = kit_group,
                                       .index = index,
                                       .digest = 5,
                                       .record_count = count,
                                       .records = sw_buf_span(&bytes),
                                       .running = sw_chunk_running(0, sw_buf_span(&bytes))},
                    &copy.chunk);
    result = push(&copy, to);
    assert_int_equal(result.err, SW_ERR_MALFORMED);
    assert_false(result.complete);
    assert_int_equal(to->state.digest, digest);
    assert_no_stage(to->store);
    sw_import_release(&copy.in);
    sw_buf_release(&copy.chunk);
    sw_buf_release(&copy.cursor);
    sw_buf_release(&bytes);
}

static void forged_copies_change_nothing(void **unused)
{
    const struct sw_request put = kit_put("k", "v");
    const struct sw_place place = {
        .tenant = put.tenant, .name_space = put.name_space, .partition = put.partition};
    struct sw_buf state_record = {0};
    struct kit to = kit_filled(2);
    struct kit other = kit_open();
    struct sw_key state_key, kv_key, session_key, foreign_key;
    struct sw_chunk_record state, kv, session, foreign;

    (void)unused;
    sw_state_key(kit_group, &state_key);
    sw_key_kv(&place, put.key, &kv_key);
    sw_key_session(kit_group, (struct sw_session_id){4}, &session_key);
    sw_key_session((struct sw_group_id){2}, (struct sw_session_id){4}, &foreign_key);
    other.state.index = 1000;
    other.state.digest = 5;
    sw_state_encode(&other.state, &state_record);
    state = (struct sw_chunk_record){SW_TABLE_META,
                                     sw_key_span(&state_key),
                                     SW_STATE_RECORD_SIZE,
                                     0,
                                     sw_buf_span(&state_record)};
    kv = (struct sw_chunk_record){SW_TABLE_KV, sw_key_span(&kv_key), 5, 0, sw_span_str("short")};
    session = (struct sw_chunk_record){
        SW_TABLE_SESSION, sw_key_span(&session_key), 3, 0, sw_span_str("bad")};
    foreign = session;
    foreign.key = sw_key_span(&foreign_key);

    forged(&to, 1000, &kv, 0);                                        /* no state at all */
    forged(&to, 1001, &state, 1);                                     /* of another index */
    forged(&to, 1000, (struct sw_chunk_record[]){state, kv}, 2);      /* no value of ours */
    forged(&to, 1000, (struct sw_chunk_record[]){state, session}, 2); /* no session */
    forged(&to, 1000, (struct sw_chunk_record[]){state, foreign}, 2); /* of another group */
    forged(&to, 1000, (struct sw_chunk_record[]){session, state}, 2); /* out of order */
    forged(&to, 1000, (struct sw_chunk_record[]){state, state}, 2);   /* twice */
    kv.bytes = sw_span_of("\1a value of ours whose end never comes", 38);
    kv.total = 50;
    forged(&to, 1000, (struct sw_chunk_record[]){state, kv}, 2); /* ends inside a value */
    kv.offset = 7;
    forged(&to, 1000, (struct sw_chunk_record[]){state, kv}, 2); /* starts inside one */
    kv.key = sw_span_str("nonsense");
    forged(&to, 1000, (struct sw_chunk_record[]){state, kv}, 2);
    sw_buf_release(&state_record);
    kit_close(&other);
    kit_close(&to);
}

static void a_wrong_running_sum_is_noticed(void **unused)
{
    struct kit from = kit_filled(40);
    struct kit to = kit_open();
    struct copy copy = {0};
    struct sw_import_result result;
    struct sw_chunk chunk;
    struct sw_buf bent = {0};

    (void)unused;
    copy_begin(&copy, &from);
    assert_false(step(&copy, &from, &to, SMALL));
    pull(&copy, &from, SMALL);
    assert_int_equal(sw_chunk_decode(sw_buf_span(&copy.chunk), &chunk), SW_ERR_OK);
    chunk.running++;
    sw_chunk_encode(&chunk, &bent);
    assert_int_equal(sw_import_chunk(&copy.in, &to.state, to.store, sw_buf_span(&bent), &result),
                     SW_ERR_OK);
    assert_int_equal(result.err, SW_ERR_MALFORMED);
    assert_no_stage(to.store);
    sw_buf_release(&bent);
    copy_release(&copy, &from);
    kit_close(&to);
    kit_close(&from);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_equals_its_source_at_any_chunk_size),
        cmocka_unit_test(an_empty_state_can_be_copied),
        cmocka_unit_test(the_copy_goes_on_like_the_source),
        cmocka_unit_test(the_view_stays_while_the_source_goes_on),
        cmocka_unit_test(lost_and_repeated_chunks_do_no_harm),
        cmocka_unit_test(a_crash_at_any_chunk_leaves_the_old_state_or_the_new),
        cmocka_unit_test(each_commit_that_fails_leaves_the_old_state_or_the_new),
        cmocka_unit_test(a_view_that_is_gone_is_a_conflict),
        cmocka_unit_test(a_copy_older_than_the_state_changes_nothing),
        cmocka_unit_test(no_space_for_the_stage_is_no_disaster),
        cmocka_unit_test(forged_copies_change_nothing),
        cmocka_unit_test(a_wrong_running_sum_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
