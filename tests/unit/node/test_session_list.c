/* Pages of sessions: every session once, in order, with what is left of it. */
#include "node/session.h"
#include "tests/unit/node/state_kit.h"

enum { COUNT = 25 };

static void pages_hold_every_session_once(void **unused)
{
    struct sw_sessions sessions;
    struct sw_buf records = {0};
    uint64_t after = 0;
    uint32_t seen = 0;
    bool more = true;

    (void)unused;
    sw_sessions_init(&sessions, COUNT, 100);
    for (uint64_t i = 0; i < COUNT; i++) {
        const uint64_t id = 1 + (i * 7) % COUNT; /* each once, not in order */
        uint8_t nonce[SW_SESSION_NONCE_SIZE] = {0};

        sw_store_u64(nonce, id);
        (void)sw_sessions_open(&sessions, (struct sw_session_id){id}, nonce, 5000, 100 + id);
    }
    while (more) {
        const struct sw_session_page page = {.after = {after}, .limit = 10, .time_ms = 200};
        struct sw_reader in;
        uint32_t count;

        sw_buf_clear(&records);
        count = sw_sessions_list(&sessions, &page, &records, &more);
        assert_int_equal(count, seen < 20 ? 10 : 5);
        in = sw_reader_of(sw_buf_span(&records));
        for (uint32_t i = 0; i < count; i++) {
            struct sw_record record;

            assert_int_equal(sw_record_decode(&in, &record), SW_ERR_OK);
            assert_int_equal(record.create_revision, after + 1);
            assert_int_equal(record.time_ms, 100 + record.create_revision + 5000 - 200);
            after = record.create_revision;
            seen++;
        }
    }
    assert_int_equal(seen, COUNT);
    sw_buf_release(&records);
    sw_sessions_release(&sessions);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_hold_every_session_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
