/* Sessions in the log: whose they are, and that the answer about a write's outcome stays true,
 * whichever of the two comes first, through restarts and copies. */
#include <stdio.h>

#include "base/prng.h"
#include "tests/unit/node/state_kit.h"

static const char nonce_a[] = "aaaaaaaaaaaaaaaa";
static const struct sw_author alice = {.id = {1}, .flags = SW_AUTHOR_LISTED};
static const struct sw_author bob = {.id = {2}, .flags = SW_AUTHOR_LISTED};

static const struct sw_author carol = {.id = {4}, .flags = SW_AUTHOR_LISTED};
static const struct sw_author root = {.id = {3}, .flags = SW_AUTHOR_ADMINISTRATOR};

static struct sw_request outcome_of(uint64_t session, uint64_t seq)
{
    return (struct sw_request){.op = SW_OP_OUTCOME, .session = {session}, .seq = seq};
}

static struct sw_command_result
run_as(struct kit *kit, const struct sw_author *author, uint64_t time_ms, struct sw_request request)
{
    struct sw_buf command = {0};

    sw_entry_begin(&kit->entry, time_ms);
    sw_command_encode(&request, &command);
    sw_entry_add(&kit->entry, author, sw_buf_span(&command));
    assert_int_equal(kit_apply_body(kit, sw_buf_span(&kit->entry)), SW_ERR_OK);
    sw_buf_release(&command);
    assert_int_equal(kit->result_count, 1);
    return kit->results[0];
}

static void a_committed_write_is_told_with_its_answer(void **unused)
{
    struct kit kit = kit_open();
    const uint64_t session = kit_run(&kit, 1, kit_session_open(nonce_a, 5000)).value;

    (void)unused;
    (void)kit_run(&kit, 2, kit_in_session(kit_put("k", "v"), session, 1, 0));
    (void)kit_run(&kit, 2, kit_in_session(kit_cas("k", "w", 99), session, 2, 0));
    kit_assert_result(kit_run(&kit, 3, outcome_of(session, 1)), SW_ERR_OK, 2, 0);
    kit_assert_result(kit_run(&kit, 3, outcome_of(session, 2)), SW_ERR_OK, 2, SW_ERR_CONFLICT);
    kit_assert_result(kit_run(&kit, 3, outcome_of(session, 1)), SW_ERR_OK, 2, 0);
    kit_close(&kit);
}

/* The write comes after the question, out of the network or of the queue of an old leader. */
static void what_was_told_to_be_not_committed_never_runs(void **unused)
{
    struct kit kit = kit_open();
    const uint64_t session = kit_run(&kit, 1, kit_session_open(nonce_a, 5000)).value;
    const struct sw_request late = kit_in_session(kit_put("k", "v"), session, 1, 0);

    (void)unused;
    assert_int_equal(kit_run(&kit, 2, outcome_of(session, 1)).err, SW_ERR_NOT_COMMITTED);
    kit_commit(&kit);
    kit_restart(&kit);
    assert_int_equal(kit_run(&kit, 3, late).err, SW_ERR_NOT_COMMITTED);
    assert_int_equal(kit.state.revision, session);
    assert_int_equal(kit_run(&kit, 4, outcome_of(session, 1)).err, SW_ERR_NOT_COMMITTED);
    /* Other numbers are free to run. */
    assert_int_equal(kit_run(&kit, 4, kit_in_session(kit_put("k", "v"), session, 2, 0)).err,
                     SW_ERR_OK);
    kit_close(&kit);
}

static void what_nobody_can_know_is_said(void **unused)
{
    struct kit kit = kit_open();
    const uint64_t session = kit_run(&kit, 1, kit_session_open(nonce_a, 5000)).value;

    (void)unused;
    (void)kit_run(&kit, 2, kit_in_session(kit_put("k", "1"), session, 1, 0));
    (void)kit_run(&kit, 2, kit_in_session(kit_put("k", "2"), session, 2, 1));
    assert_int_equal(kit_run(&kit, 3, outcome_of(session, 1)).err, SW_ERR_SESSION_STALE);
    assert_int_equal(kit_run(&kit, 3, outcome_of(77, 1)).err, SW_ERR_SESSION_EXPIRED);
    /* The question does not prolong the session. */
    assert_int_equal(kit_run(&kit, 5001, outcome_of(session, 2)).err, SW_ERR_OK);
    assert_int_equal(kit_run(&kit, 5002, outcome_of(session, 2)).err, SW_ERR_SESSION_EXPIRED);
    kit_close(&kit);
}

static void a_session_is_its_owners_alone(void **unused)
{
    struct kit kit = kit_open();
    struct sw_request write = kit_put("k", "secret");
    uint64_t session;

    (void)unused;
    session = run_as(&kit, &alice, 1, kit_session_open(nonce_a, 5000)).value;
    write = kit_in_session(write, session, 1, 0);
    assert_int_equal(run_as(&kit, &alice, 1, write).err, SW_ERR_OK);
    assert_int_equal(run_as(&kit, &bob, 1, write).err, SW_ERR_UNAUTHORIZED);
    assert_int_equal(run_as(&kit, &root, 1, write).err, SW_ERR_UNAUTHORIZED);
    assert_int_equal(run_as(&kit, &bob, 1, kit_session_open(nonce_a, 5000)).err,
                     SW_ERR_UNAUTHORIZED);
    assert_int_equal(run_as(&kit, &bob, 1, outcome_of(session, 1)).err, SW_ERR_UNAUTHORIZED);
    assert_int_equal(run_as(&kit, &bob, 1, kit_session_close(session)).err, SW_ERR_UNAUTHORIZED);
    kit_commit(&kit);
    kit_restart(&kit);
    assert_int_equal(run_as(&kit, &bob, 1, write).err, SW_ERR_UNAUTHORIZED);
    assert_int_equal(run_as(&kit, &alice, 1, write).err, SW_ERR_OK);
    assert_int_equal(run_as(&kit, &root, 1, outcome_of(session, 1)).err, SW_ERR_OK);
    assert_int_equal(run_as(&kit, &root, 1, kit_session_close(session)).value, 1);
    kit_close(&kit);
}

/* Entries from before authors were named are replayed as they were executed. */
static void sessions_of_older_entries_are_anybodys(void **unused)
{
    struct kit kit = kit_open();
    const struct sw_request open = kit_session_open(nonce_a, 5000);
    struct sw_buf command = {0};

    (void)unused;
    sw_command_encode(&open, &command);
    sw_buf_clear(&kit.entry);
    sw_write_u8(&kit.entry, SW_ENTRY_FORMAT_CHANGES);
    sw_write_u64(&kit.entry, 1);
    sw_write_u32(&kit.entry, 1);
    sw_write_blob(&kit.entry, sw_buf_span(&command));
    assert_int_equal(kit_apply_body(&kit, sw_buf_span(&kit.entry)), SW_ERR_OK);
    assert_int_equal(kit.results[0].err, SW_ERR_OK);
    assert_int_equal(
        run_as(&kit, &bob, 1, kit_in_session(kit_put("k", "v"), kit.results[0].value, 1, 0)).err,
        SW_ERR_OK);
    sw_buf_release(&command);
    kit_close(&kit);
}

enum { SEQ_COUNT = 400, STEP_COUNT = 6000 };

/* Writes arrive, or not, some twice, in any order; questions come in between; the store restarts.
 * Whatever was told about a number holds to the end, and the log agrees. */
static void outcomes_are_true_against_a_model(void **unused)
{
    static uint64_t ran_at[SEQ_COUNT + 1];
    static bool sealed[SEQ_COUNT + 1];
    struct sw_prng prng = sw_prng_of(27);
    struct kit kit = kit_open();
    const uint64_t session = kit_run(&kit, 1, kit_session_open(nonce_a, 5000)).value;

    (void)unused;
    for (uint32_t step = 0; step < STEP_COUNT; step++) {
        const uint64_t seq = sw_prng_range(&prng, 1, SEQ_COUNT);
        struct sw_command_result result;

        if (sw_prng_chance(&prng, 1, 50)) {
            kit_commit(&kit);
            kit_restart(&kit);
        }
        if (sw_prng_chance(&prng, 1, 2)) {
            result = kit_run(&kit, 2, kit_in_session(kit_append("e"), session, seq, 0));
            if (sealed[seq]) {
                assert_int_equal(result.err, SW_ERR_NOT_COMMITTED);
            } else if (ran_at[seq] == 0) {
                ran_at[seq] = result.revision;
                assert_int_equal(result.revision, kit.state.revision);
            }
            continue;
        }
        result = kit_run(&kit, 2, outcome_of(session, seq));
        sealed[seq] = sealed[seq] || ran_at[seq] == 0;
        kit_assert_result(
            result, sealed[seq] ? SW_ERR_NOT_COMMITTED : SW_ERR_OK, ran_at[seq], SW_ERR_OK);
    }
    kit_close(&kit);
}

/* Fills sessions with answers that nobody acknowledges, until no more is taken. */
static void hold_answers(struct kit *kit, const struct sw_author *author)
{
    static char value[700000];
    struct sw_command_result result = {.err = SW_ERR_OK};
    char nonce[17];

    memset(value, 'x', sizeof value - 1);
    (void)kit_run_as(kit, author, 1, kit_put("k", value));
    for (unsigned i = 0; i < 40 && result.err != SW_ERR_BUSY; i++) {
        struct sw_request request = kit_put("k", value);
        uint64_t session;

        (void)snprintf(nonce, sizeof nonce, "%02x--%012u", author->id[0], i);
        session = kit_run_as(kit, author, 1, kit_session_open(nonce, 5000)).value;
        request.flags = SW_REQUEST_PREVIOUS;
        for (uint64_t seq = 1; seq <= 2 && result.err == SW_ERR_OK; seq++) {
            result = kit_run_as(kit, author, 1, kit_in_session(request, session, seq, 0));
        }
    }
    assert_int_equal(result.err, SW_ERR_BUSY);
}

static void answers_of_some_identities_leave_room_for_others(void **unused)
{
    struct kit kit = kit_open();
    struct sw_request request = kit_put("other", "v");
    uint64_t held, session;

    (void)unused;
    hold_answers(&kit, &alice);
    held = kit.state.sessions.records_size;
    assert_in_range(held, SW_SESSION_RECORDS_TOTAL_MAX / 2, 10 << 20);
    hold_answers(&kit, &carol);
    assert_in_range(kit.state.sessions.records_size, held + (2 << 20), 13 << 20);
    kit_commit(&kit);
    kit_restart(&kit);
    session = kit_run_as(&kit, &bob, 2, kit_session_open(nonce_a, 90000)).value;
    request.flags = SW_REQUEST_PREVIOUS;
    assert_int_equal(kit_run_as(&kit, &bob, 2, kit_in_session(request, session, 1, 0)).err,
                     SW_ERR_OK);
    session = kit_run_as(&kit, &alice, 2, kit_session_open("bbbbbbbbbbbbbbbb", 90000)).value;
    assert_int_equal(kit_run_as(&kit, &alice, 2, kit_in_session(request, session, 1, 0)).err,
                     SW_ERR_BUSY);
    (void)kit_run(&kit, 60000, kit_put("k", "")); /* her other sessions end */
    assert_int_equal(kit_run_as(&kit, &alice, 60000, kit_in_session(request, session, 1, 0)).err,
                     SW_ERR_OK);
    assert_true(kit.state.sessions.records_size < held);
    kit_close(&kit);
}

/* Who opens session after session ends none of another's. */
static void sessions_of_one_identity_leave_room_for_others(void **unused)
{
    struct kit kit = kit_open();
    uint64_t session;
    enum sw_err err = SW_ERR_OK;
    uint32_t count = 0;
    char nonce[17];

    (void)unused;
    kit.state.sessions.count_max = 100;
    session = kit_run_as(&kit, &bob, 1, kit_session_open(nonce_a, 5000)).value;
    for (; count < 200 && err == SW_ERR_OK; count++) {
        (void)snprintf(nonce, sizeof nonce, "alice-%010u", count);
        err = kit_run_as(&kit, &alice, 2, kit_session_open(nonce, 5000)).err;
    }
    assert_int_equal(err, SW_ERR_BUSY);
    assert_in_range(count, 49, 52);
    kit_commit(&kit);
    kit_restart(&kit);
    kit.state.sessions.count_max = 100;
    assert_int_equal(kit_run_as(&kit, &alice, 2, kit_session_open(nonce, 5000)).err, SW_ERR_BUSY);
    assert_int_equal(
        kit_run_as(&kit, &bob, 3, kit_in_session(kit_put("k", "v"), session, 1, 0)).err, SW_ERR_OK);
    assert_int_equal(kit_run_as(&kit, &carol, 3, kit_session_open("cccccccccccccccc", 5000)).err,
                     SW_ERR_OK);
    assert_int_equal(kit.state.sessions_evicted, 0);
    assert_int_equal(kit_run_as(&kit, &alice, 9000, kit_session_open(nonce, 5000)).err, SW_ERR_OK);
    kit_close(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_committed_write_is_told_with_its_answer),
        cmocka_unit_test(what_was_told_to_be_not_committed_never_runs),
        cmocka_unit_test(what_nobody_can_know_is_said),
        cmocka_unit_test(a_session_is_its_owners_alone),
        cmocka_unit_test(sessions_of_older_entries_are_anybodys),
        cmocka_unit_test(sessions_of_one_identity_leave_room_for_others),
        cmocka_unit_test(answers_of_some_identities_leave_room_for_others),
        cmocka_unit_test(outcomes_are_true_against_a_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
