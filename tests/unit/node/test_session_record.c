/* Records of sessions: all that counts survives a save and a load, and bad bytes are noticed. */
#include "node/session.h"
#include "tests/unit/node/state_kit.h"
#include "transport/proto.h"

static const char nonce_a[] = "aaaaaaaaaaaaaaaa";

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

static void records_survive_save_and_load(void **unused)
{
    struct sw_store *store = sw_store_mem_new(0, 0);
    struct sw_command_result stored = {0};
    struct sw_sessions sessions, loaded;
    struct sw_session *session;
    struct sw_buf before = {0};
    struct sw_buf after = {0};

    (void)unused;
    sw_sessions_init(&sessions, 300, 100000);
    for (uint64_t id = 1; id <= 300; id++) {
        session = open_one(&sessions, id * 3, 5000, id);
        for (uint64_t seq = 1; seq <= id % 40; seq++) {
            assert_int_equal(run(&sessions, session, seq, seq / 2, &stored), SW_SESSION_RUN);
        }
    }
    assert_int_equal(sw_sessions_save(&sessions, store, kit_group), SW_ERR_OK);
    /* Removed after a save: the record must go; removed before: it was never written. */
    sw_sessions_remove(&sessions, sw_sessions_find(&sessions, (struct sw_session_id){3}));
    open_one(&sessions, 1000, 5000, 1000);
    sw_sessions_remove(&sessions, sw_sessions_find(&sessions, (struct sw_session_id){1000}));
    assert_int_equal(sw_sessions_save(&sessions, store, kit_group), SW_ERR_OK);

    sw_sessions_init(&loaded, 300, 100000);
    assert_int_equal(sw_sessions_load(&loaded, store, kit_group), SW_ERR_OK);
    assert_int_equal(loaded.count, 299);
    assert_int_equal(loaded.reply_count, sessions.reply_count);
    for (uint64_t id = 2; id <= 300; id++) {
        sw_buf_clear(&before);
        sw_buf_clear(&after);
        sw_session_encode(sw_sessions_find(&sessions, (struct sw_session_id){id * 3}), &before);
        sw_session_encode(sw_sessions_find(&loaded, (struct sw_session_id){id * 3}), &after);
        assert_true(sw_span_equal(sw_buf_span(&before), sw_buf_span(&after)));
    }
    sw_buf_release(&before);
    sw_buf_release(&after);
    sw_sessions_release(&sessions);
    sw_sessions_release(&loaded);
    sw_store_mem_free(store);
}

/* Each kind of change alone must reach the store with the next save. */
static void every_change_is_saved(void **unused)
{
    struct sw_store *store = sw_store_mem_new(0, 0);
    struct sw_command_result stored = {0};
    struct sw_session *session;

    (void)unused;
    for (int change = 0; change < 3; change++) {
        struct sw_sessions sessions, loaded;
        struct sw_buf before = {0};
        struct sw_buf after = {0};

        sw_sessions_init(&sessions, 8, 100);
        session = open_one(&sessions, 7, 5000, 1);
        assert_int_equal(run(&sessions, session, 1, 0, &stored), SW_SESSION_RUN);
        assert_int_equal(sw_sessions_save(&sessions, store, kit_group), SW_ERR_OK);
        switch (change) {
        case 0:
            sw_session_touch(&sessions, session, 2);
            break;
        case 1:
            assert_int_equal(run(&sessions, session, 2, 0, &stored), SW_SESSION_RUN);
            break;
        default: /* acknowledges, and is a repetition itself */
            assert_int_equal(run(&sessions, session, 3, 0, &stored), SW_SESSION_RUN);
            assert_int_equal(sw_sessions_save(&sessions, store, kit_group), SW_ERR_OK);
            assert_int_equal(run(&sessions, session, 3, 2, &stored), SW_SESSION_REPLAY);
            break;
        }
        assert_int_equal(sw_sessions_save(&sessions, store, kit_group), SW_ERR_OK);
        sw_sessions_init(&loaded, 8, 100);
        assert_int_equal(sw_sessions_load(&loaded, store, kit_group), SW_ERR_OK);
        sw_session_encode(session, &before);
        sw_session_encode(sw_sessions_find(&loaded, session->id), &after);
        assert_true(sw_span_equal(sw_buf_span(&before), sw_buf_span(&after)));
        sw_buf_release(&before);
        sw_buf_release(&after);
        sw_sessions_release(&loaded);
        sw_sessions_release(&sessions);
    }
    sw_store_mem_free(store);
}

static void bad_records_are_corrupt(void **unused)
{
    struct sw_command_result stored = {0};
    struct sw_sessions sessions, other;
    struct sw_session *session;
    struct sw_buf record = {0};

    (void)unused;
    sw_sessions_init(&sessions, 8, 100);
    session =
        sw_sessions_open(&sessions, (struct sw_session_id){9}, (const uint8_t *)nonce_a, 5000, 1);
    assert_int_equal(run(&sessions, session, 1, 0, &stored), SW_SESSION_RUN);
    assert_int_equal(run(&sessions, session, 2, 0, &stored), SW_SESSION_RUN);
    sw_session_encode(session, &record);
    sw_sessions_init(&other, 8, 100);
    for (size_t size = 0; size < record.size; size++) {
        assert_int_equal(
            sw_session_decode(&other, (struct sw_session_id){9}, sw_span_of(record.data, size)),
            SW_ERR_CORRUPT);
    }
    assert_int_equal(sw_session_decode(&other, (struct sw_session_id){8}, sw_buf_span(&record)),
                     SW_ERR_CORRUPT); /* filed under another id */
    sw_store_u64(record.data + SW_SESSION_RECORD_HEADER_SIZE + SW_SESSION_RECORD_REPLY_SIZE, 1);
    assert_int_equal(sw_session_decode(&other, (struct sw_session_id){9}, sw_buf_span(&record)),
                     SW_ERR_CORRUPT); /* answers out of order */
    sw_store_u64(record.data + SW_SESSION_RECORD_HEADER_SIZE + SW_SESSION_RECORD_REPLY_SIZE, 2);
    assert_int_equal(sw_session_decode(&other, (struct sw_session_id){9}, sw_buf_span(&record)),
                     SW_ERR_OK);
    assert_int_equal(sw_session_decode(&other, (struct sw_session_id){9}, sw_buf_span(&record)),
                     SW_ERR_CORRUPT); /* twice */
    sw_buf_release(&record);
    sw_sessions_release(&sessions);
    sw_sessions_release(&other);
}

/* The records of an answer are kept with it, and their number must be true. */
static void records_of_answers_survive_or_are_corrupt(void **unused)
{
    struct sw_sessions sessions = {0};
    struct sw_sessions other = {0};
    struct sw_command_result stored = {0};
    struct sw_command_result answer = {.revision = 4, .record_count = 1};
    struct sw_session *session;
    struct sw_buf records = {0};
    struct sw_buf bytes = {0};
    const size_t count_at = SW_SESSION_RECORD_HEADER_SIZE + SW_SESSION_RECORD_REPLY_SIZE - 8;

    (void)unused;
    sw_record_encode(&(struct sw_record){.key = sw_span_str("k"), .version = 3}, &records);
    answer.records = sw_buf_span(&records);
    sw_sessions_init(&sessions, 8, 100);
    sw_sessions_init(&other, 8, 100);
    session =
        sw_sessions_open(&sessions, (struct sw_session_id){9}, (const uint8_t *)nonce_a, 5000, 1);
    sw_session_answer(&sessions, session, 1, &answer);
    sw_session_encode(session, &bytes);
    assert_int_equal(sw_session_decode(&other, session->id, sw_buf_span(&bytes)), SW_ERR_OK);
    assert_int_equal(other.records_size, records.size);
    assert_int_equal(
        sw_session_admit(&other, sw_sessions_find(&other, session->id), 1, 0, true, &stored),
        SW_SESSION_REPLAY);
    assert_int_equal(stored.record_count, 1);
    assert_true(sw_span_equal(stored.records, answer.records));
    sw_sessions_remove(&other, sw_sessions_find(&other, session->id));
    assert_int_equal(other.records_size, 0);
    sw_store_u32(bytes.data + count_at, 2);
    assert_int_equal(sw_session_decode(&other, session->id, sw_buf_span(&bytes)), SW_ERR_CORRUPT);
    sw_store_u32(bytes.data + count_at, 0);
    assert_int_equal(sw_session_decode(&other, session->id, sw_buf_span(&bytes)), SW_ERR_CORRUPT);
    sw_buf_release(&records);
    sw_buf_release(&bytes);
    sw_sessions_release(&sessions);
    sw_sessions_release(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_survive_save_and_load),
        cmocka_unit_test(every_change_is_saved),
        cmocka_unit_test(bad_records_are_corrupt),
        cmocka_unit_test(records_of_answers_survive_or_are_corrupt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
