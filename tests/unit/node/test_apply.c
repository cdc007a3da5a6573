/* Apply: every operation, every rule of sessions, and equal digests for equal entries. */
#include "base/prng.h"
#include "node/apply.h"
#include "tests/unit/node/state_kit.h"

static const char nonce_a[] = "aaaaaaaaaaaaaaaa";
static const char nonce_b[] = "bbbbbbbbbbbbbbbb";
static const char nonce_c[] = "cccccccccccccccc";

/* The record of a key; false if there is none. */
static bool stored(const struct kit *kit, const char *name, struct sw_kv_record *ret_record)
{
    const struct sw_request request = kit_put(name, "");
    const struct sw_place place = {
        .tenant = request.tenant, .name_space = request.name_space, .partition = request.partition};
    struct sw_span bytes;
    struct sw_key key;
    enum sw_err err;

    sw_key_kv(&place, request.key, &key);
    err = kit->store->ops->get(kit->store, SW_TABLE_KV, sw_key_span(&key), &bytes);
    if (err == SW_ERR_NOT_FOUND) {
        return false;
    }
    assert_int_equal(err, SW_ERR_OK);
    assert_int_equal(sw_kv_record_decode(bytes, ret_record), SW_ERR_OK);
    return true;
}

static void assert_stored(const struct kit *kit, const char *name, const char *value)
{
    struct sw_kv_record record = {0};

    assert_true(stored(kit, name, &record));
    assert_true(sw_span_equal(record.value, sw_span_str(value)));
}

static uint64_t open_session(struct kit *kit, const char *nonce, uint64_t time_ms)
{
    const struct sw_command_result result = kit_run(kit, time_ms, kit_session_open(nonce, 5000));

    assert_int_equal(result.err, SW_ERR_OK);
    return result.value;
}

/* --- operations ------------------------------------------------------------------------------- */

static void put_writes_and_counts_versions(void **unused)
{
    struct sw_kv_record record = {0};
    struct kit kit = kit_open();

    (void)unused;
    kit_assert_result(kit_run(&kit, 100, kit_put("k", "one")), SW_ERR_OK, 1, 0);
    kit_assert_result(kit_run(&kit, 101, kit_put("other", "x")), SW_ERR_OK, 2, 0);
    kit_assert_result(kit_run(&kit, 102, kit_put("k", "two")), SW_ERR_OK, 3, 0);
    assert_true(stored(&kit, "k", &record));
    assert_true(sw_span_equal(record.value, sw_span_str("two")));
    assert_int_equal(record.create_revision, 1);
    assert_int_equal(record.mod_revision, 3);
    assert_int_equal(record.version, 2);
    assert_int_equal(record.time_ms, 102);
    kit_close(&kit);
}

static void delete_says_whether_it_existed(void **unused)
{
    struct sw_kv_record record = {0};
    struct kit kit = kit_open();

    (void)unused;
    kit_assert_result(kit_run(&kit, 1, kit_delete("k")), SW_ERR_OK, 0, 0);
    (void)kit_run(&kit, 1, kit_put("k", "one"));
    kit_assert_result(kit_run(&kit, 1, kit_delete("k")), SW_ERR_OK, 2, 1);
    assert_false(stored(&kit, "k", &record));
    kit_assert_result(kit_run(&kit, 1, kit_delete("k")), SW_ERR_OK, 2, 0);
    /* Created anew: nothing of the first life is left. */
    kit_assert_result(kit_run(&kit, 1, kit_put("k", "two")), SW_ERR_OK, 3, 0);
    assert_true(stored(&kit, "k", &record));
    assert_int_equal(record.create_revision, 3);
    assert_int_equal(record.version, 1);
    kit_close(&kit);
}

static void cas_runs_only_at_the_expected_revision(void **unused)
{
    struct kit kit = kit_open();

    (void)unused;
    kit_assert_result(kit_run(&kit, 1, kit_cas("k", "x", 4)), SW_ERR_CONFLICT, 0, 0);
    kit_assert_result(kit_run(&kit, 1, kit_cas("k", "one", 0)), SW_ERR_OK, 1, 0);
    kit_assert_result(kit_run(&kit, 1, kit_cas("k", "x", 0)), SW_ERR_CONFLICT, 1, 1);
    (void)kit_run(&kit, 1, kit_put("other", "y"));
    kit_assert_result(kit_run(&kit, 1, kit_cas("k", "x", 2)), SW_ERR_CONFLICT, 2, 1);
    assert_stored(&kit, "k", "one");
    kit_assert_result(kit_run(&kit, 1, kit_cas("k", "two", 1)), SW_ERR_OK, 3, 0);
    assert_stored(&kit, "k", "two");
    kit_close(&kit);
}

/* Two in one entry have different revisions: only so can CAS tell them apart. */
static void commands_of_one_entry_have_their_own_revisions(void **unused)
{
    const struct sw_request requests[] = {
        kit_put("k", "one"), kit_cas("k", "two", 1), kit_cas("k", "three", 1)};
    struct kit kit = kit_open();

    (void)unused;
    kit_apply(&kit, 1, requests, 3);
    kit_assert_result(kit.results[0], SW_ERR_OK, 1, 0);
    kit_assert_result(kit.results[1], SW_ERR_OK, 2, 0);
    kit_assert_result(kit.results[2], SW_ERR_CONFLICT, 2, 2);
    assert_int_equal(kit.state.index, 1);
    kit_close(&kit);
}

static void experiences_are_filed_by_revision(void **unused)
{
    const struct sw_request request = kit_append("what I saw");
    const struct sw_place place = {
        .tenant = request.tenant, .name_space = request.name_space, .partition = request.partition};
    struct sw_experience_record record = {0};
    struct kit kit = kit_open();
    struct sw_span bytes;
    struct sw_key key;

    (void)unused;
    (void)kit_run(&kit, 1, kit_put("k", "v"));
    kit_assert_result(kit_run(&kit, 77, request), SW_ERR_OK, 2, 0);
    kit_assert_result(kit_run(&kit, 78, request), SW_ERR_OK, 3, 0);
    sw_key_experience(&place, 2, &key);
    assert_int_equal(kit.store->ops->get(kit.store, SW_TABLE_EXPERIENCE, sw_key_span(&key), &bytes),
                     SW_ERR_OK);
    assert_int_equal(sw_experience_record_decode(bytes, &record), SW_ERR_OK);
    assert_int_equal(record.time_ms, 77);
    assert_true(sw_span_equal(record.value, request.value));
    kit_close(&kit);
}

static void leader_time_never_goes_back(void **unused)
{
    struct sw_kv_record record = {0};
    struct kit kit = kit_open();

    (void)unused;
    (void)kit_run(&kit, 500, kit_put("k", "one"));
    (void)kit_run(&kit, 400, kit_put("k", "two"));
    assert_int_equal(kit.state.time_ms, 500);
    assert_true(stored(&kit, "k", &record));
    assert_int_equal(record.time_ms, 500);
    kit_close(&kit);
}

/* --- bytes that should not be there ----------------------------------------------------------- */

static void bad_commands_are_answered_and_harm_nobody(void **unused)
{
    struct sw_request too_long = kit_put("k", "v");
    struct sw_request read = kit_request(SW_OP_SCAN);
    struct kit kit = kit_open();
    char key[SW_KEY_SIZE_MAX + 1];
    struct sw_request good = kit_put("k", "v");

    (void)unused;
    memset(key, 'x', sizeof key);
    too_long.key = sw_span_of(key, sizeof key);
    sw_entry_begin(&kit.entry, 1);
    sw_entry_add(&kit.entry, &administrator, sw_span_str("\xff\xff\xff"));
    sw_entry_add(&kit.entry, &administrator, sw_span_of(NULL, 0));
    kit_entry_add(&kit.entry, &too_long);
    kit_entry_add(&kit.entry, &read);
    kit_entry_add(&kit.entry, &good);
    assert_int_equal(kit_apply_body(&kit, sw_buf_span(&kit.entry)), SW_ERR_OK);
    assert_int_equal(kit.result_count, 5);
    kit_assert_result(kit.results[0], SW_ERR_MALFORMED, 0, 0);
    kit_assert_result(kit.results[1], SW_ERR_MALFORMED, 0, 0);
    kit_assert_result(kit.results[2], SW_ERR_TOO_LARGE, 0, 0);
    kit_assert_result(kit.results[3], SW_ERR_INVALID, 0, 0);
    kit_assert_result(kit.results[4], SW_ERR_OK, 1, 0);
    kit_close(&kit);
}

static void a_cut_entry_runs_what_is_whole(void **unused)
{
    const struct sw_request one = kit_put("one", "1");
    const struct sw_request two = kit_put("two", "2");
    struct sw_kv_record record = {0};
    struct kit kit = kit_open();

    (void)unused;
    sw_entry_begin(&kit.entry, 1);
    kit_entry_add(&kit.entry, &one);
    kit_entry_add(&kit.entry, &two);
    assert_int_equal(kit_apply_body(&kit, sw_span_of(kit.entry.data, kit.entry.size - 1)),
                     SW_ERR_OK);
    assert_int_equal(kit.result_count, 2);
    assert_int_equal(kit.results[0].err, SW_ERR_OK);
    assert_int_equal(kit.results[1].err, SW_ERR_MALFORMED);
    assert_false(stored(&kit, "two", &record));
    kit_close(&kit);
}

static void an_unknown_or_empty_entry_counts_its_index(void **unused)
{
    struct kit kit = kit_open();
    uint64_t digest;

    (void)unused;
    assert_int_equal(kit_apply_body(&kit, sw_span_of(NULL, 0)), SW_ERR_OK);
    assert_int_equal(kit.state.index, 1);
    assert_null(kit.results);
    digest = kit.state.digest;
    assert_int_equal(kit_apply_body(&kit, sw_span_str("\x09nonsense")), SW_ERR_OK);
    assert_int_equal(kit.state.index, 2);
    assert_int_equal(kit.state.revision, 0);
    assert_true(kit.state.digest != digest);
    kit_close(&kit);
}

static void no_space_is_no_answer(void **unused)
{
    const struct sw_request request = kit_put("k", "v");
    struct kit kit = kit_open();

    (void)unused;
    sw_store_mem_set_full(kit.store, true);
    sw_entry_begin(&kit.entry, 1);
    kit_entry_add(&kit.entry, &request);
    assert_int_equal(kit_apply_body(&kit, sw_buf_span(&kit.entry)), SW_ERR_DISK_FULL);
    assert_int_equal(kit.state.index, 0);
    assert_null(kit.results);
    kit_close(&kit);
}

static void a_record_that_fails_its_check_is_fatal(void **unused)
{
    const struct sw_request request = kit_put("k", "one");
    const struct sw_place place = {
        .tenant = request.tenant, .name_space = request.name_space, .partition = request.partition};
    struct kit kit = kit_open();
    struct sw_key key;

    (void)unused;
    (void)kit_run(&kit, 1, request);
    kit_commit(&kit);
    sw_key_kv(&place, request.key, &key);
    assert_true(sw_store_mem_flip(kit.store, SW_TABLE_KV, sw_key_span(&key), 11));
    sw_entry_begin(&kit.entry, 1);
    kit_entry_add(&kit.entry, &request);
    assert_int_equal(kit_apply_body(&kit, sw_buf_span(&kit.entry)), SW_ERR_CORRUPT);
    kit_close(&kit);
}

/* --- sessions --------------------------------------------------------------------------------- */

static void a_retry_runs_once_and_gets_the_same_answer(void **unused)
{
    struct kit kit = kit_open();
    const uint64_t session = open_session(&kit, nonce_a, 1);
    struct sw_command_result first, again;

    (void)unused;
    first = kit_run(&kit, 2, kit_in_session(kit_append("once"), session, 1, 0));
    kit_assert_result(first, SW_ERR_OK, 2, 0);
    again = kit_run(&kit, 3, kit_in_session(kit_append("once"), session, 1, 0));
    kit_assert_result(again, SW_ERR_OK, 2, 0);
    assert_int_equal(kit.state.revision, 2);
    kit_close(&kit);
}

static void a_retry_after_a_restart_gets_the_same_answer(void **unused)
{
    struct kit kit = kit_open();
    const uint64_t session = open_session(&kit, nonce_a, 1);

    (void)unused;
    (void)kit_run(&kit, 2, kit_put("k", "theirs"));
    (void)kit_run(&kit, 2, kit_in_session(kit_put("k", "ours"), session, 1, 0));
    kit_commit(&kit);
    kit_restart(&kit);
    kit_assert_result(
        kit_run(&kit, 3, kit_in_session(kit_put("k", "ours"), session, 1, 0)), SW_ERR_OK, 3, 0);
    assert_int_equal(kit.state.revision, 3);
    kit_close(&kit);
}

/* A refusal is an answer too: the state may have changed since, the answer may not. */
static void a_conflict_is_repeated_as_it_was(void **unused)
{
    struct kit kit = kit_open();
    const uint64_t session = open_session(&kit, nonce_a, 1);
    const struct sw_request cas = kit_in_session(kit_cas("k", "mine", 0), session, 1, 0);

    (void)unused;
    (void)kit_run(&kit, 2, kit_put("k", "theirs"));
    kit_assert_result(kit_run(&kit, 2, cas), SW_ERR_CONFLICT, 2, 2);
    (void)kit_run(&kit, 2, kit_delete("k"));
    kit_assert_result(kit_run(&kit, 2, cas), SW_ERR_CONFLICT, 2, 2);
    kit_close(&kit);
}

static void gaps_and_late_comers_run_and_acknowledged_ones_do_not(void **unused)
{
    struct kit kit = kit_open();
    const uint64_t session = open_session(&kit, nonce_a, 1);
    struct sw_command_result result;

    (void)unused;
    result = kit_run(&kit, 2, kit_in_session(kit_put("k", "5"), session, 5, 0));
    kit_assert_result(result, SW_ERR_OK, 2, 0);
    result = kit_run(&kit, 2, kit_in_session(kit_put("k", "3"), session, 3, 0));
    kit_assert_result(result, SW_ERR_OK, 3, 0);
    result = kit_run(&kit, 2, kit_in_session(kit_put("k", "6"), session, 6, 4));
    kit_assert_result(result, SW_ERR_OK, 4, 0);
    result = kit_run(&kit, 2, kit_in_session(kit_put("k", "4"), session, 4, 0));
    kit_assert_result(result, SW_ERR_SESSION_STALE, 0, 0);
    result = kit_run(&kit, 2, kit_in_session(kit_put("k", "5"), session, 5, 0));
    kit_assert_result(result, SW_ERR_OK, 2, 0);
    assert_stored(&kit, "k", "6");
    kit_close(&kit);
}

static void an_unknown_session_is_refused(void **unused)
{
    struct sw_kv_record record = {0};
    struct kit kit = kit_open();

    (void)unused;
    kit_assert_result(kit_run(&kit, 1, kit_in_session(kit_put("k", "v"), 99, 1, 0)),
                      SW_ERR_SESSION_EXPIRED,
                      0,
                      0);
    assert_false(stored(&kit, "k", &record));
    kit_close(&kit);
}

static void a_session_expires_by_leader_time_since_its_last_use(void **unused)
{
    struct kit kit = kit_open();
    const uint64_t used = open_session(&kit, nonce_a, 1000);
    const uint64_t idle = open_session(&kit, nonce_b, 1000);
    struct sw_command_result result;

    (void)unused;
    result = kit_run(&kit, 5999, kit_in_session(kit_put("k", "1"), used, 1, 0));
    assert_int_equal(result.err, SW_ERR_OK);
    assert_int_equal(kit.state.sessions.count, 2);
    result = kit_run(&kit, 6000, kit_in_session(kit_put("k", "2"), used, 2, 0));
    assert_int_equal(result.err, SW_ERR_OK);
    assert_int_equal(kit.state.sessions.count, 1);
    assert_int_equal(kit.state.sessions_expired, 1);
    result = kit_run(&kit, 6000, kit_in_session(kit_put("k", "3"), idle, 1, 0));
    assert_int_equal(result.err, SW_ERR_SESSION_EXPIRED);
    assert_stored(&kit, "k", "2");
    kit_close(&kit);
}

/* The sweep is bounded, yet an overdue session that it did not reach is refused all the same. */
static void a_jump_of_time_expires_a_bounded_number_an_entry(void **unused)
{
    enum { COUNT = 3 * SW_APPLY_EXPIRE_COUNT_MAX };
    struct sw_request requests[COUNT];
    struct kit kit = kit_open();
    char nonces[COUNT][17];
    uint64_t last;

    (void)unused;
    for (int i = 0; i < COUNT; i++) {
        memset(nonces[i], 'a' + i % 20, 16);
        nonces[i][0] = (char)('A' + i / 20);
        nonces[i][16] = '\0';
        requests[i] = kit_session_open(nonces[i], 5000);
    }
    kit_apply(&kit, 1000, requests, COUNT);
    last = kit.results[COUNT - 1].value;
    kit_assert_result(kit_run(&kit, 99000, kit_in_session(kit_put("k", "v"), last, 1, 0)),
                      SW_ERR_SESSION_EXPIRED,
                      0,
                      0);
    assert_int_equal(kit.state.sessions.count, COUNT - SW_APPLY_EXPIRE_COUNT_MAX - 1);
    (void)kit_run(&kit, 99000, kit_put("k", "v"));
    (void)kit_run(&kit, 99000, kit_put("k", "v"));
    assert_int_equal(kit.state.sessions.count, 0);
    assert_int_equal(kit.state.sessions_expired, COUNT);
    kit_close(&kit);
}

static void the_same_nonce_opens_the_same_session(void **unused)
{
    struct kit kit = kit_open();
    const uint64_t session = open_session(&kit, nonce_a, 1000);

    (void)unused;
    kit_assert_result(kit_run(&kit, 2000, kit_session_open(nonce_a, 5000)), SW_ERR_OK, 1, session);
    assert_int_equal(kit.state.revision, 1);
    kit_commit(&kit);
    kit_restart(&kit);
    kit_assert_result(kit_run(&kit, 2000, kit_session_open(nonce_a, 5000)), SW_ERR_OK, 1, session);
    kit_assert_result(kit_run(&kit, 2000, kit_session_open(nonce_b, 5000)), SW_ERR_OK, 2, 2);
    /* Expired at 7000: the nonce then opens another one. */
    kit_assert_result(kit_run(&kit, 7000, kit_session_open(nonce_a, 5000)), SW_ERR_OK, 3, 3);
    kit_close(&kit);
}

static void over_the_bound_the_least_recently_active_goes(void **unused)
{
    struct kit kit = kit_open();
    const uint64_t a = open_session(&kit, nonce_a, 1000);
    /* Idle for longest, but the last to expire: it is use that counts. */
    const uint64_t b = kit_run(&kit, 1001, kit_session_open(nonce_b, 60000)).value;
    struct sw_command_result result;

    (void)unused;
    kit.state.sessions.count_max = 2;
    (void)kit_run(&kit, 1002, kit_in_session(kit_put("k", "1"), a, 1, 0));
    (void)open_session(&kit, nonce_c, 1003);
    assert_int_equal(kit.state.sessions.count, 2);
    assert_int_equal(kit.state.sessions_evicted, 1);
    result = kit_run(&kit, 1004, kit_in_session(kit_put("k", "2"), b, 1, 0));
    assert_int_equal(result.err, SW_ERR_SESSION_EXPIRED);
    result = kit_run(&kit, 1004, kit_in_session(kit_put("k", "3"), a, 2, 0));
    assert_int_equal(result.err, SW_ERR_OK);
    kit_close(&kit);
}

static void of_equally_active_sessions_the_oldest_goes(void **unused)
{
    struct kit kit = kit_open();
    const uint64_t a = open_session(&kit, nonce_a, 1000);
    const uint64_t b = open_session(&kit, nonce_b, 1000);
    struct sw_command_result result;

    (void)unused;
    kit.state.sessions.count_max = 2;
    /* Used in this order at one time: only the id may decide, for the order is not stored. */
    (void)kit_run(&kit, 1001, kit_in_session(kit_put("k", "1"), b, 1, 0));
    (void)kit_run(&kit, 1001, kit_in_session(kit_put("k", "1"), a, 1, 0));
    (void)open_session(&kit, nonce_c, 1002);
    result = kit_run(&kit, 1002, kit_in_session(kit_put("k", "1"), a, 2, 0));
    assert_int_equal(result.err, SW_ERR_SESSION_EXPIRED);
    result = kit_run(&kit, 1002, kit_in_session(kit_put("k", "1"), b, 2, 0));
    assert_int_equal(result.err, SW_ERR_OK);
    kit_close(&kit);
}

static void close_ends_a_session_and_may_be_repeated(void **unused)
{
    struct kit kit = kit_open();
    const uint64_t session = open_session(&kit, nonce_a, 1);
    struct sw_command_result result;

    (void)unused;
    kit_commit(&kit);
    kit_assert_result(kit_run(&kit, 2, kit_session_close(session)), SW_ERR_OK, 2, 1);
    kit_assert_result(kit_run(&kit, 2, kit_session_close(session)), SW_ERR_OK, 2, 0);
    result = kit_run(&kit, 2, kit_in_session(kit_put("k", "v"), session, 1, 0));
    assert_int_equal(result.err, SW_ERR_SESSION_EXPIRED);
    kit_commit(&kit);
    kit_restart(&kit);
    assert_int_equal(kit.state.sessions.count, 0);
    kit_close(&kit);
}

/* --- determinism ------------------------------------------------------------------------------ */

enum { HISTORY_ENTRIES = 120, NONCES = 6 };

struct history {
    struct sw_buf bodies[HISTORY_ENTRIES];
};

static const char *const nonces[NONCES] = {"n000000000000000",
                                           "n111111111111111",
                                           "n222222222222222",
                                           "n333333333333333",
                                           "n444444444444444",
                                           "n555555555555555"};
static const char *const keys[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
static const char *const values[] = {"", "x", "some value", "another value, a longer one"};

/* Session ids are small revisions: guessing them hits open, closed and unknown sessions alike. */
static struct sw_request random_request(struct sw_prng *prng)
{
    const char *key = keys[sw_prng_below(prng, 8)];
    const char *value = values[sw_prng_below(prng, 4)];
    struct sw_request request = {0};

    switch (sw_prng_below(prng, 8)) {
    case 0:
        return kit_session_open(nonces[sw_prng_below(prng, NONCES)], 1000);
    case 1:
        return kit_session_close(1 + sw_prng_below(prng, 60));
    case 2:
        request = kit_delete(key);
        break;
    case 3:
        request = kit_cas(key, value, sw_prng_below(prng, 60));
        break;
    case 4:
        request = kit_append("experience");
        break;
    default:
        request = kit_put(key, value);
        break;
    }
    if (sw_prng_chance(prng, 2, 3)) {
        const uint64_t seq = 1 + sw_prng_below(prng, 12);

        request =
            kit_in_session(request, 1 + sw_prng_below(prng, 60), seq, sw_prng_below(prng, seq));
    }
    return request;
}

static void history_make(struct history *history, uint64_t seed)
{
    struct sw_prng prng = sw_prng_of(seed);
    uint64_t time_ms = 1000;

    *history = (struct history){0};
    for (int i = 0; i < HISTORY_ENTRIES; i++) {
        const uint64_t count = 1 + sw_prng_below(&prng, 6);

        time_ms += sw_prng_below(&prng, 60);
        if (sw_prng_chance(&prng, 1, 10)) {
            continue; /* an empty entry, as after an election */
        }
        sw_entry_begin(&history->bodies[i], time_ms - sw_prng_below(&prng, 20));
        for (uint64_t c = 0; c < count; c++) {
            const struct sw_request request = random_request(&prng);

            kit_entry_add(&history->bodies[i], &request);
        }
    }
}

static void history_release(struct history *history)
{
    for (int i = 0; i < HISTORY_ENTRIES; i++) {
        sw_buf_release(&history->bodies[i]);
    }
}

/* Applies the history on a store that commits and crashes at random; digests[i] is what each index
 * must have (written when `learn`). */
static void replay(const struct history *history, struct kit *kit, uint64_t seed, uint64_t *digests)
{
    const bool learn = seed == 0;
    struct sw_prng prng = sw_prng_of(seed);

    kit->state.sessions.count_max = 4;
    while (kit->state.index < HISTORY_ENTRIES) {
        const uint64_t at = kit->state.index;

        assert_int_equal(kit_apply_body(kit, sw_buf_span(&history->bodies[at])), SW_ERR_OK);
        if (learn) {
            digests[at] = kit->state.digest;
        }
        assert_int_equal(kit->state.digest, digests[at]);
        if (!learn && sw_prng_chance(&prng, 1, 7)) {
            kit_commit(kit);
        }
        if (!learn && sw_prng_chance(&prng, 1, 15)) {
            kit_restart(kit);
            kit->state.sessions.count_max = 4;
        }
    }
    kit_commit(kit);
}

static void equal_entries_give_equal_states_whatever_the_crashes(void **unused)
{
    uint64_t digests[HISTORY_ENTRIES];
    struct history history;

    (void)unused;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct kit straight = kit_open();

        history_make(&history, seed);
        replay(&history, &straight, 0, digests);
        for (uint64_t run = 1; run <= 3; run++) {
            struct kit crashing = kit_open();

            replay(&history, &crashing, seed * 100 + run, digests);
            kit_assert_equal_stores(straight.store, crashing.store);
            kit_close(&crashing);
        }
        kit_close(&straight);
        history_release(&history);
    }
}

/* Each thing that an entry does or answers is in the digest: change one, and it differs. */
static void the_digest_covers_changes_and_answers(void **unused)
{
    const struct sw_request base = kit_put("k", "v");
    const struct sw_request others[] = {kit_put("k", "w"),
                                        kit_put("l", "v"),
                                        kit_delete("k"),
                                        kit_append("v"),
                                        kit_cas("k", "v", 5),
                                        kit_in_session(kit_put("k", "v"), 9, 1, 0),
                                        kit_session_open(nonce_a, 0)};
    struct kit first = kit_open();

    (void)unused;
    (void)kit_run(&first, 1, base);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct kit second = kit_open();

        (void)kit_run(&second, 1, others[i]);
        assert_true(first.state.digest != second.state.digest);
        kit_close(&second);
    }
    kit_close(&first);
}

/* Nothing changes, but the answers differ. */
static void the_digest_covers_answers_alone(void **unused)
{
    struct kit first = kit_open();
    struct kit second = kit_open();

    (void)unused;
    (void)kit_run(&first, 1, kit_delete("absent"));
    (void)kit_run(&second, 1, kit_cas("absent", "x", 5));
    assert_int_equal(first.state.revision, second.state.revision);
    assert_true(first.state.digest != second.state.digest);
    kit_close(&first);
    kit_close(&second);
}

/* A difference of long ago is never forgotten, though the last entries are equal. */
static void the_digest_is_a_chain(void **unused)
{
    struct kit first = kit_open();
    struct kit second = kit_open();

    (void)unused;
    (void)kit_run(&first, 1, kit_put("k", "v"));
    (void)kit_run(&second, 1, kit_put("k", "w"));
    (void)kit_run(&first, 2, kit_put("k", "x"));
    (void)kit_run(&second, 2, kit_put("k", "x"));
    assert_true(first.state.digest != second.state.digest);
    kit_close(&first);
    kit_close(&second);
}

/* Replicas of different builds compare digests: a changed one forks a swarm in the eyes of its
 * checkers. Whoever changes what is chained changes the format of the state record with it. */
static void the_digest_is_the_same_in_every_build(void **unused)
{
    const struct sw_request requests[] = {
        kit_session_open(nonce_a, 5000), kit_put("k", "v"), kit_cas("k", "w", 9), kit_append("e")};
    static const uint64_t digests[] = {
        [SW_ENTRY_FORMAT_AUTHORS] = 0xe304f3d80b977918,
        [SW_ENTRY_FORMAT_MEMORIES] = 0x99e7df3fd4804cb2,
    };

    (void)unused;
    for (uint8_t format = SW_ENTRY_FORMAT_AUTHORS; format <= SW_ENTRY_FORMAT; format++) {
        struct kit kit = kit_open();

        kit.format = format;
        kit_apply(&kit, 1000, requests, 4);
        (void)kit_run(&kit, 1001, kit_in_session(kit_delete("k"), 1, 1, 0));
        (void)kit_run(&kit, 1001, kit_session_close(1));
        assert_int_equal(kit_apply_body(&kit, sw_span_of(NULL, 0)), SW_ERR_OK);
        assert_int_equal(kit.state.digest, digests[format]);
        kit_close(&kit);
    }
}

/* --- a model of keys -------------------------------------------------------------------------- */

struct model_key {
    bool exists;
    const char *value;
    uint64_t created, modified, version;
};

struct model {
    struct model_key keys[8];
    uint64_t revision;
};

static struct sw_command_result
model_run(struct model *model, enum sw_op op, size_t at, const char *value, uint64_t expected)
{
    struct model_key *key = &model->keys[at];
    const uint64_t current = key->exists ? key->modified : 0;

    if (op == SW_OP_CAS && current != expected) {
        return (struct sw_command_result){
            .err = SW_ERR_CONFLICT, .revision = model->revision, .value = current};
    }
    if (op == SW_OP_DELETE) {
        const bool existed = key->exists;

        model->revision += existed ? 1 : 0;
        *key = (struct model_key){0};
        return (struct sw_command_result){.revision = model->revision, .value = existed ? 1 : 0};
    }
    model->revision++;
    if (!key->exists) {
        *key = (struct model_key){.exists = true, .created = model->revision};
    }
    key->value = value;
    key->modified = model->revision;
    key->version++;
    return (struct sw_command_result){.revision = model->revision};
}

static void assert_model(const struct kit *kit, const struct model *model)
{
    for (size_t i = 0; i < 8; i++) {
        const struct model_key *key = &model->keys[i];
        struct sw_kv_record record = {0};

        assert_int_equal(stored(kit, keys[i], &record), key->exists);
        if (key->exists) {
            assert_true(sw_span_equal(record.value, sw_span_str(key->value)));
            assert_int_equal(record.create_revision, key->created);
            assert_int_equal(record.mod_revision, key->modified);
            assert_int_equal(record.version, key->version);
        }
    }
}

static void keys_follow_a_simple_model(void **unused)
{
    static const enum sw_op ops[] = {SW_OP_PUT, SW_OP_DELETE, SW_OP_CAS, SW_OP_CAS};

    (void)unused;
    for (uint64_t seed = 1; seed <= 64; seed++) {
        struct sw_prng prng = sw_prng_of(seed);
        struct model model = {0};
        struct kit kit = kit_open();

        for (int step = 0; step < 200; step++) {
            const enum sw_op op = ops[sw_prng_below(&prng, 4)];
            const size_t at = (size_t)sw_prng_below(&prng, 8);
            const char *value = values[sw_prng_below(&prng, 4)];
            const uint64_t expected = sw_prng_chance(&prng, 1, 2)
                                          ? (model.keys[at].exists ? model.keys[at].modified : 0)
                                          : sw_prng_below(&prng, model.revision + 2);
            const struct sw_command_result wanted = model_run(&model, op, at, value, expected);
            struct sw_request request = op == SW_OP_DELETE ? kit_delete(keys[at])
                                        : op == SW_OP_CAS  ? kit_cas(keys[at], value, expected)
                                                           : kit_put(keys[at], value);

            kit_assert_result(
                kit_run(&kit, (uint64_t)step, request), wanted.err, wanted.revision, wanted.value);
        }
        assert_model(&kit, &model);
        kit_close(&kit);
    }
}

/* --- the state record ------------------------------------------------------------------------- */

static void the_state_record_is_checked(void **unused)
{
    struct kit kit = kit_open();
    struct sw_state other;
    struct sw_buf record = {0};
    uint32_t count = 0;

    (void)unused;
    (void)open_session(&kit, nonce_a, 1234);
    (void)kit_run(&kit, 2000, kit_put("k", "v"));
    sw_state_encode(&kit.state, &record);
    sw_state_init(&other, kit_group);
    assert_int_equal(sw_state_decode(&other, sw_buf_span(&record), &count), SW_ERR_OK);
    assert_int_equal(other.index, 2);
    assert_int_equal(other.term, 7);
    assert_int_equal(other.digest, kit.state.digest);
    assert_int_equal(other.revision, 2);
    assert_int_equal(other.time_ms, 2000);
    assert_int_equal(count, 1);
    for (size_t size = 0; size < record.size; size++) {
        assert_int_equal(sw_state_decode(&other, sw_span_of(record.data, size), &count),
                         SW_ERR_CORRUPT);
    }
    record.data[0] = SW_STATE_FORMAT + 1;
    assert_int_equal(sw_state_decode(&other, sw_buf_span(&record), &count), SW_ERR_NEWER_FORMAT);
    sw_buf_release(&record);
    sw_state_release(&other);
    kit_close(&kit);
}

static void a_lost_session_record_is_noticed_at_load(void **unused)
{
    struct kit kit = kit_open();
    const uint64_t session = open_session(&kit, nonce_a, 1);
    struct sw_state other;
    struct sw_key key;

    (void)unused;
    kit_commit(&kit);
    sw_key_session(kit_group, (struct sw_session_id){session}, &key);
    assert_int_equal(kit.store->ops->del(kit.store, SW_TABLE_SESSION, sw_key_span(&key)),
                     SW_ERR_OK);
    sw_state_init(&other, kit_group);
    assert_int_equal(sw_state_load(&other, kit.store), SW_ERR_CORRUPT);
    sw_state_release(&other);
    kit_close(&kit);
}

/* What an entry did is hashed as it goes once there is much of it; the digest is that of all of it
 * in one piece, which logs that exist were executed with. */
static void an_entry_that_does_much_has_the_digest_that_it_had(void **state)
{
    enum { COUNT = 50, SIZE = 1 << 14 };
    struct sw_request requests[COUNT];
    struct kit kit = kit_open();
    char *value = malloc(SIZE + 1);

    (void)state;
    kit.format = SW_ENTRY_FORMAT_AUTHORS;
    assert_non_null(value);
    memset(value, 'x', SIZE);
    value[SIZE] = 0;
    for (uint32_t i = 0; i < COUNT; i++) {
        requests[i] = kit_put("key", value);
    }
    kit_apply(&kit, 1, requests, COUNT);
    assert_int_equal(kit.state.digest, UINT64_C(0xd1ff5e3dbb9a995a));
    assert_in_range(kit.state.effects.capacity, 0, 1 << 20);
    kit_apply(&kit, 2, requests, 1);
    assert_int_equal(kit.state.digest, UINT64_C(0x558a1001daecfe2b));
    free(value);
    kit_close(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(put_writes_and_counts_versions),
        cmocka_unit_test(delete_says_whether_it_existed),
        cmocka_unit_test(cas_runs_only_at_the_expected_revision),
        cmocka_unit_test(commands_of_one_entry_have_their_own_revisions),
        cmocka_unit_test(experiences_are_filed_by_revision),
        cmocka_unit_test(leader_time_never_goes_back),
        cmocka_unit_test(bad_commands_are_answered_and_harm_nobody),
        cmocka_unit_test(a_cut_entry_runs_what_is_whole),
        cmocka_unit_test(an_unknown_or_empty_entry_counts_its_index),
        cmocka_unit_test(no_space_is_no_answer),
        cmocka_unit_test(a_record_that_fails_its_check_is_fatal),
        cmocka_unit_test(a_retry_runs_once_and_gets_the_same_answer),
        cmocka_unit_test(a_retry_after_a_restart_gets_the_same_answer),
        cmocka_unit_test(a_conflict_is_repeated_as_it_was),
        cmocka_unit_test(gaps_and_late_comers_run_and_acknowledged_ones_do_not),
        cmocka_unit_test(an_unknown_session_is_refused),
        cmocka_unit_test(a_session_expires_by_leader_time_since_its_last_use),
        cmocka_unit_test(a_jump_of_time_expires_a_bounded_number_an_entry),
        cmocka_unit_test(the_same_nonce_opens_the_same_session),
        cmocka_unit_test(over_the_bound_the_least_recently_active_goes),
        cmocka_unit_test(of_equally_active_sessions_the_oldest_goes),
        cmocka_unit_test(close_ends_a_session_and_may_be_repeated),
        cmocka_unit_test(equal_entries_give_equal_states_whatever_the_crashes),
        cmocka_unit_test(the_digest_covers_changes_and_answers),
        cmocka_unit_test(the_digest_covers_answers_alone),
        cmocka_unit_test(the_digest_is_a_chain),
        cmocka_unit_test(the_digest_is_the_same_in_every_build),
        cmocka_unit_test(keys_follow_a_simple_model),
        cmocka_unit_test(the_state_record_is_checked),
        cmocka_unit_test(a_lost_session_record_is_noticed_at_load),
        cmocka_unit_test(an_entry_that_does_much_has_the_digest_that_it_had),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
