/* Sessions: admission rules and the two orders. */
#include <stdio.h>

#include "base/prng.h"
#include "node/session.h"
#include "tests/unit/node/state_kit.h"

static struct sw_session *
open_one(struct sw_sessions *sessions, uint64_t id, uint32_t ttl_ms, uint64_t time_ms)
{
    uint8_t nonce[SW_SESSION_NONCE_SIZE] = {0};

    sw_store_u64(nonce, id);
    return sw_sessions_open(sessions, (struct sw_session_id){id}, nonce, ttl_ms, time_ms);
}

static enum sw_session_gate run(struct sw_sessions *sessions,
                                struct sw_session *session,
                                uint64_t seq,
                                uint64_t acked,
                                struct sw_command_result *ret_stored)
{
    const enum sw_session_gate gate =
        sw_session_admit(sessions, session, seq, acked, false, ret_stored);

    if (gate == SW_SESSION_RUN) {
        const struct sw_command_result answer = {.revision = seq * 10, .value = seq};

        sw_session_answer(sessions, session, seq, &answer);
    }
    return gate;
}

static void a_repeated_seq_gets_the_stored_answer(void **unused)
{
    struct sw_command_result stored = {0};
    struct sw_sessions sessions;
    struct sw_session *session;

    (void)unused;
    sw_sessions_init(&sessions, 8, 100);
    session = open_one(&sessions, 5, 1000, 1);
    assert_int_equal(run(&sessions, session, 3, 0, &stored), SW_SESSION_RUN);
    assert_int_equal(run(&sessions, session, 1, 0, &stored), SW_SESSION_RUN); /* out of order */
    assert_int_equal(run(&sessions, session, 2, 0, &stored), SW_SESSION_RUN);
    for (uint64_t seq = 1; seq <= 3; seq++) {
        assert_int_equal(run(&sessions, session, seq, 0, &stored), SW_SESSION_REPLAY);
        assert_int_equal(stored.revision, seq * 10);
        assert_int_equal(stored.value, seq);
    }
    assert_int_equal(sessions.reply_count, 3);
    sw_sessions_release(&sessions);
}

static void acknowledged_answers_are_dropped_and_stale(void **unused)
{
    struct sw_command_result stored = {0};
    struct sw_sessions sessions;
    struct sw_session *session;

    (void)unused;
    sw_sessions_init(&sessions, 8, 100);
    session = open_one(&sessions, 5, 1000, 1);
    for (uint64_t seq = 1; seq <= 4; seq++) {
        assert_int_equal(run(&sessions, session, seq, 0, &stored), SW_SESSION_RUN);
    }
    assert_int_equal(run(&sessions, session, 5, 3, &stored), SW_SESSION_RUN);
    assert_int_equal(sessions.reply_count, 2);
    assert_int_equal(run(&sessions, session, 3, 0, &stored), SW_SESSION_STALE);
    assert_int_equal(run(&sessions, session, 4, 0, &stored), SW_SESSION_REPLAY);
    /* An older acknowledgement that arrives late takes nothing back. */
    assert_int_equal(run(&sessions, session, 6, 1, &stored), SW_SESSION_RUN);
    assert_int_equal(session->acked, 3);
    sw_sessions_release(&sessions);
}

static void over_the_bound_of_answers_is_busy_until_acknowledged(void **unused)
{
    struct sw_command_result stored = {0};
    struct sw_sessions sessions;
    struct sw_session *session;

    (void)unused;
    sw_sessions_init(&sessions, 8, UINT64_MAX);
    session = open_one(&sessions, 5, 1000, 1);
    for (uint64_t seq = 1; seq <= SW_SESSION_REPLY_COUNT_MAX; seq++) {
        assert_int_equal(run(&sessions, session, seq, 0, &stored), SW_SESSION_RUN);
    }
    assert_int_equal(run(&sessions, session, 5000, 0, &stored), SW_SESSION_BUSY);
    assert_int_equal(sessions.reply_count, SW_SESSION_REPLY_COUNT_MAX);
    assert_int_equal(run(&sessions, session, 4096, 0, &stored), SW_SESSION_REPLAY);
    assert_int_equal(run(&sessions, session, 5000, 1, &stored), SW_SESSION_RUN);
    sw_sessions_release(&sessions);
}

/* The bounds count answers; memory must follow them, or sessions that were busy once keep it. */
static void memory_is_given_back_when_answers_go(void **unused)
{
    struct sw_command_result stored = {0};
    struct sw_sessions sessions;
    struct sw_session *session;

    (void)unused;
    sw_sessions_init(&sessions, 8, UINT64_MAX);
    session = open_one(&sessions, 5, 1000, 1);
    for (uint64_t seq = 1; seq <= 4000; seq++) {
        assert_int_equal(run(&sessions, session, seq, 0, &stored), SW_SESSION_RUN);
    }
    assert_true(session->reply_capacity >= 4000);
    assert_int_equal(run(&sessions, session, 4001, 3900, &stored), SW_SESSION_RUN);
    assert_true(session->reply_capacity <= 256);
    for (uint64_t seq = 3901; seq <= 4001; seq++) {
        assert_int_equal(run(&sessions, session, seq, 0, &stored), SW_SESSION_REPLAY);
        assert_int_equal(stored.value, seq);
    }
    assert_int_equal(sessions.reply_count, 101);
    sw_sessions_release(&sessions);
}

static void over_the_total_each_session_keeps_a_few(void **unused)
{
    struct sw_command_result stored = {0};
    struct sw_session *greedy, *modest;
    struct sw_sessions sessions;

    (void)unused;
    sw_sessions_init(&sessions, 8, 100);
    greedy = open_one(&sessions, 5, 1000, 1);
    modest = open_one(&sessions, 6, 1000, 1);
    for (uint64_t seq = 1; seq <= 100; seq++) {
        assert_int_equal(run(&sessions, greedy, seq, 0, &stored), SW_SESSION_RUN);
    }
    assert_int_equal(run(&sessions, greedy, 101, 0, &stored), SW_SESSION_BUSY);
    for (uint64_t seq = 1; seq <= 64; seq++) {
        assert_int_equal(run(&sessions, modest, seq, 0, &stored), SW_SESSION_RUN);
    }
    assert_int_equal(run(&sessions, modest, 65, 0, &stored), SW_SESSION_BUSY);
    sw_sessions_release(&sessions);
}

static void both_orders_hold_under_random_use(void **unused)
{
    struct sw_prng prng = sw_prng_of(42);
    struct sw_sessions sessions;
    uint64_t next_id = 1;

    (void)unused;
    sw_sessions_init(&sessions, 200, 100);
    for (uint64_t time_ms = 1; time_ms < 3000; time_ms++) {
        struct sw_session *first[SW_SESSION_ORDER_COUNT];
        const struct sw_session *expected[SW_SESSION_ORDER_COUNT] = {NULL, NULL};

        if (sessions.count < 200 && sw_prng_chance(&prng, 1, 3)) {
            open_one(
                &sessions, next_id++, 1000 + (uint32_t)sw_prng_below(&prng, 9000), time_ms / 4);
        } else if (sessions.count > 0) {
            const uint64_t at = sw_prng_below(&prng, sessions.count);
            struct sw_session *session = sessions.heaps[SW_SESSION_BY_EXPIRY][at].session;

            if (sw_prng_chance(&prng, 1, 5)) {
                sw_sessions_remove(&sessions, session);
            } else {
                sw_session_touch(&sessions, session, time_ms / 4);
            }
        }
        for (uint32_t i = 0; i < sessions.count; i++) {
            const struct sw_session *s = sessions.heaps[SW_SESSION_BY_EXPIRY][i].session;
            const struct sw_session *e = expected[SW_SESSION_BY_EXPIRY];
            const struct sw_session *a = expected[SW_SESSION_BY_ACTIVITY];

            assert_ptr_equal(sw_sessions_find(&sessions, s->id), s);
            assert_ptr_equal(sw_sessions_find_nonce(&sessions, s->nonce), s);
            if (e == NULL || sw_session_expiry_ms(s) < sw_session_expiry_ms(e) ||
                (sw_session_expiry_ms(s) == sw_session_expiry_ms(e) && s->id.value < e->id.value)) {
                expected[SW_SESSION_BY_EXPIRY] = s;
            }
            if (a == NULL || s->active_ms < a->active_ms ||
                (s->active_ms == a->active_ms && s->id.value < a->id.value)) {
                expected[SW_SESSION_BY_ACTIVITY] = s;
            }
        }
        first[0] = sw_sessions_first(&sessions, SW_SESSION_BY_EXPIRY);
        first[1] = sw_sessions_first(&sessions, SW_SESSION_BY_ACTIVITY);
        assert_ptr_equal(first[0], expected[0]);
        assert_ptr_equal(first[1], expected[1]);
    }
    sw_sessions_release(&sessions);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_repeated_seq_gets_the_stored_answer),
        cmocka_unit_test(acknowledged_answers_are_dropped_and_stale),
        cmocka_unit_test(over_the_bound_of_answers_is_busy_until_acknowledged),
        cmocka_unit_test(memory_is_given_back_when_answers_go),
        cmocka_unit_test(over_the_total_each_session_keeps_a_few),
        cmocka_unit_test(both_orders_hold_under_random_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
