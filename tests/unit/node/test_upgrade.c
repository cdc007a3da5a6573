/* States and entries of older programs: read with the defaults that docs/STORAGE_FORMAT.md states,
 * executed by the rules of their time, and refused when they are newer. */
#include "node/change_log.h"
#include "node/lease.h"
#include "tests/unit/node/state_kit.h"

enum { SIZE_FORMAT_1 = 61, SIZE_FORMAT_2_LEASES = 81, SIZE_FORMAT_2_CHANGES = 105 };

/* The first `size` bytes of today's record, which is how the older ones looked. */
static enum sw_err
decode_older(const struct sw_state *from, uint8_t format, size_t size, struct sw_state *to)
{
    struct sw_buf record = {0};
    uint32_t count = 0;
    enum sw_err err;

    sw_state_encode(from, &record);
    record.data[0] = format;
    sw_state_init(to, kit_group);
    err = sw_state_decode(to, sw_span_of(record.data, size), &count);
    sw_buf_release(&record);
    return err;
}

/* The entry as an older program proposed it: without its author. */
static void apply_old(struct kit *kit, struct sw_request request)
{
    enum { AUTHOR_SIZE = SW_ENTRY_COMMAND_HEADER_SIZE - 4 };
    uint8_t *command;

    sw_entry_begin(&kit->entry, 5);
    kit_entry_add(&kit->entry, &request);
    kit->entry.data[0] = 1;
    kit->entry.size -= AUTHOR_SIZE;
    command = kit->entry.data + SW_ENTRY_HEADER_SIZE;
    memmove(command, command + AUTHOR_SIZE, kit->entry.size - SW_ENTRY_HEADER_SIZE);
    assert_int_equal(kit_apply_body(kit, sw_buf_span(&kit->entry)), SW_ERR_OK);
}

static void older_state_records_are_read(void **unused)
{
    struct kit kit = kit_open();
    struct sw_state old;

    (void)unused;
    (void)kit_run(&kit, 1, kit_put("a", "1"));
    (void)kit_run(&kit, 2, kit_put("b", "2"));
    kit.state.clock_ms = 77;
    assert_int_equal(decode_older(&kit.state, 1, SIZE_FORMAT_1, &old), SW_ERR_OK);
    assert_int_equal(old.revision, 2);
    assert_int_equal(old.digest, kit.state.digest);
    assert_int_equal(old.clock_ms, 0);
    assert_int_equal(old.change_floor, 2); /* an older watch has to read again */
    assert_int_equal(old.rules, 1);
    sw_state_release(&old);
    assert_int_equal(decode_older(&kit.state, 2, SIZE_FORMAT_2_LEASES, &old), SW_ERR_OK);
    assert_int_equal(old.clock_ms, 77);
    assert_int_equal(old.change_count, 0);
    assert_int_equal(old.change_floor, 2);
    assert_int_equal(old.rules, 1);
    sw_state_release(&old);
    assert_int_equal(decode_older(&kit.state, 2, SIZE_FORMAT_2_CHANGES, &old), SW_ERR_OK);
    assert_int_equal(old.change_count, 2);
    assert_int_equal(old.change_floor, 0);
    assert_int_equal(old.rules, SW_ENTRY_FORMAT_CHANGES);
    sw_state_release(&old);
    kit_close(&kit);
}

static void a_size_of_no_format_is_corrupt(void **unused)
{
    static const size_t sizes[] = {SIZE_FORMAT_1, SIZE_FORMAT_2_LEASES, SIZE_FORMAT_2_CHANGES};
    struct kit kit = kit_open();
    struct sw_state old;

    (void)unused;
    for (size_t i = 0; i < 3; i++) {
        for (uint8_t format = 0; format <= SW_STATE_FORMAT; format++) {
            const bool known = format == 1 ? i == 0 : format == 2 && i > 0;

            assert_int_equal(decode_older(&kit.state, format, sizes[i], &old),
                             known ? SW_ERR_OK : SW_ERR_CORRUPT);
            sw_state_release(&old);
        }
    }
    kit_close(&kit);
}

/* Two replicas at the upgrade: one had applied the old entries, the other replays them. */
static void old_entries_do_what_they_did_then(void **unused)
{
    struct kit ahead = kit_open();
    struct kit behind = kit_open();
    struct sw_state saved;
    struct sw_buf a = {0};
    struct sw_buf b = {0};

    (void)unused;
    apply_old(&ahead, kit_put("a", "1"));
    apply_old(&ahead, kit_delete("a"));
    assert_int_equal(decode_older(&ahead.state, 2, SIZE_FORMAT_2_LEASES, &saved), SW_ERR_OK);
    sw_state_release(&ahead.state);
    ahead.state = saved;
    apply_old(&behind, kit_put("a", "1"));
    apply_old(&behind, kit_delete("a"));
    assert_int_equal(behind.state.digest, ahead.state.digest);
    assert_int_equal(behind.state.change_count, 0);
    assert_int_equal(behind.state.change_floor, 2);
    (void)kit_run(&ahead, 6, kit_put("c", "3"));
    (void)kit_run(&behind, 6, kit_put("c", "3"));
    assert_int_equal(behind.state.change_count, 1);
    kit_commit(&ahead);
    kit_commit(&behind);
    kit_dump(ahead.store, &a);
    kit_dump(behind.store, &b);
    assert_true(sw_span_equal(sw_buf_span(&a), sw_buf_span(&b)));
    apply_old(&behind, kit_put("d", "4")); /* what has begun goes on */
    assert_int_equal(behind.state.change_count, 2);
    sw_buf_release(&a);
    sw_buf_release(&b);
    kit_close(&ahead);
    kit_close(&behind);
}

/* Takes the owner out of a session's record, as formats before 3 have none. */
static void without_owner(const struct sw_buf *record, uint8_t format, struct sw_buf *out)
{
    enum { OWNER_AT = 45 };

    sw_buf_clear(out);
    sw_write_u8(out, format);
    sw_write_bytes(out, sw_span_of(record->data + 1, OWNER_AT - 1));
    sw_write_bytes(out,
                   sw_span_of(record->data + OWNER_AT + SW_SESSION_OWNER_SIZE,
                              record->size - OWNER_AT - SW_SESSION_OWNER_SIZE));
}

/* Answers of format 1 end before the count of their records. */
static void older_sessions_are_read_and_written_anew(void **unused)
{
    struct kit kit = kit_open();
    struct sw_buf record = {0};
    struct sw_buf again = {0};
    struct sw_buf older = {0};
    struct sw_sessions sessions;
    struct sw_session_id id;

    (void)unused;
    id.value = kit_run(&kit, 1, kit_session_open("aaaaaaaaaaaaaaaa", 5000)).value;
    (void)kit_run(&kit, 2, kit_in_session(kit_put("a", "1"), id.value, 1, 0));
    sw_session_encode(sw_sessions_find(&kit.state.sessions, id), &record);
    for (uint8_t format = 1; format < SW_SESSION_FORMAT; format++) {
        sw_sessions_init(&sessions, 8, 100);
        without_owner(&record, format, &older);
        older.size -= format == 1 ? 8 : 0;
        assert_int_equal(sw_session_decode(&sessions, id, sw_buf_span(&older)), SW_ERR_OK);
        assert_int_equal(sessions.changed_count, 1);
        sw_buf_clear(&again);
        sw_session_encode(sw_sessions_find(&sessions, id), &again);
        assert_true(sw_span_equal(sw_buf_span(&record), sw_buf_span(&again)));
        sw_sessions_release(&sessions);
    }
    sw_sessions_init(&sessions, 8, 100);
    record.data[0] = SW_SESSION_FORMAT + 1;
    assert_int_equal(sw_session_decode(&sessions, id, sw_buf_span(&record)), SW_ERR_NEWER_FORMAT);
    assert_int_equal(sessions.count, 0);
    sw_sessions_release(&sessions);
    sw_buf_release(&older);
    sw_buf_release(&record);
    sw_buf_release(&again);
    kit_close(&kit);
}

static void newer_records_are_no_damage(void **unused)
{
    static const uint8_t newer[64] = {200};
    const struct sw_span bytes = sw_span_of(newer, sizeof newer);
    struct sw_experience_record experience;
    struct sw_change_record change;
    struct sw_lease_record lease;
    struct sw_kv_record kv;

    (void)unused;
    assert_int_equal(sw_kv_record_decode(bytes, &kv), SW_ERR_NEWER_FORMAT);
    assert_int_equal(sw_experience_record_decode(bytes, &experience), SW_ERR_NEWER_FORMAT);
    assert_int_equal(sw_change_record_decode(bytes, &change), SW_ERR_NEWER_FORMAT);
    assert_int_equal(sw_lease_record_decode(bytes, &lease), SW_ERR_NEWER_FORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(older_state_records_are_read),
        cmocka_unit_test(a_size_of_no_format_is_corrupt),
        cmocka_unit_test(old_entries_do_what_they_did_then),
        cmocka_unit_test(older_sessions_are_read_and_written_anew),
        cmocka_unit_test(newer_records_are_no_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
