/* Usage shown as a scan: keys, pages, bounds, order; and what is no such scan. */
#include "node/query_system.h"
#include "tests/unit/node/state_kit.h"

static struct sw_request scan(const char *from, const char *end, uint32_t limit)
{
    return (struct sw_request){.op = SW_OP_SCAN,
                               .tenant = sw_span_str(SW_SYSTEM_TENANT),
                               .name_space = sw_span_str(SW_SYSTEM_USAGE),
                               .partition = sw_span_str("all"),
                               .key = sw_span_str(from),
                               .end_key = sw_span_str(end),
                               .limit = limit};
}

/* Keys of the page, each with a comma behind it. */
static bool keys_of(struct kit *kit, struct sw_request request, struct sw_buf *ret_keys)
{
    struct sw_buf records = {0};
    struct sw_reply reply;
    struct sw_reader in;

    assert_true(sw_query_is_system(&request));
    assert_int_equal(sw_query_system(&kit->state, kit->store, &request, &records, &reply),
                     SW_ERR_OK);
    in = sw_reader_of(reply.records);
    for (uint32_t i = 0; i < reply.record_count; i++) {
        struct sw_record record;

        assert_int_equal(sw_record_decode(&in, &record), SW_ERR_OK);
        sw_write_bytes(ret_keys, record.key);
        sw_write_u8(ret_keys, ',');
    }
    sw_buf_release(&records);
    return reply.more;
}

static void assert_keys(struct kit *kit, struct sw_request request, const char *keys, bool more)
{
    struct sw_buf got = {0};

    assert_int_equal(keys_of(kit, request, &got), more);
    assert_true(sw_span_equal(sw_buf_span(&got), sw_span_str(keys)));
    sw_buf_release(&got);
}

static struct kit with_usage(void)
{
    static const char *const places[][2] = {{"a", "x"}, {"a", "y"}, {"ab", "x"}};
    struct kit kit = kit_open();

    for (int i = 0; i < 3; i++) {
        struct sw_request put = kit_put("k", "v");

        put.tenant = sw_span_str(places[i][0]);
        put.name_space = sw_span_str(places[i][1]);
        assert_int_equal(kit_run(&kit, 5, put).err, SW_ERR_OK);
    }
    return kit;
}

static void usage_is_scanned_in_order(void **state)
{
    struct kit kit = with_usage();
    struct sw_request reverse = scan("", "", 0);

    (void)state;
    assert_keys(&kit, scan("", "", 0), "a,a x,a y,ab,ab x,", false);
    reverse.flags = SW_REQUEST_REVERSE;
    assert_keys(&kit, reverse, "ab x,ab,a y,a x,a,", false);
    assert_keys(&kit, scan("a x", "ab", 0), "a x,a y,", false);
    assert_keys(&kit, scan("a", "a\x01", 0), "a,a x,a y,", false);
    assert_keys(&kit, scan("b", "", 0), "", false);
    kit_close(&kit);
}

/* The next page begins with the last key and a zero. */
static void pages_join_without_gap_or_repeat(void **state)
{
    static const char *const all[] = {"a,", "a x,", "a y,", "ab,", "ab x,"};
    struct kit kit = with_usage();
    struct sw_request request = scan("", "", 1);
    struct sw_buf got = {0};

    (void)state;
    for (int i = 0; i < 5; i++) {
        sw_buf_clear(&got);
        assert_int_equal(keys_of(&kit, request, &got), i < 4);
        assert_true(sw_span_equal(sw_buf_span(&got), sw_span_str(all[i])));
        got.data[got.size - 1] = 0;
        request.key = sw_buf_span(&got);
    }
    sw_buf_release(&got);
    kit_close(&kit);
}

static void the_value_is_lines_of_counts(void **state)
{
    struct kit kit = with_usage();
    const struct sw_request request = scan("a", "", 1);
    struct sw_buf records = {0};
    struct sw_record record;
    struct sw_reply reply;
    struct sw_reader in;

    (void)state;
    assert_int_equal(sw_query_system(&kit.state, kit.store, &request, &records, &reply), SW_ERR_OK);
    in = sw_reader_of(reply.records);
    assert_int_equal(sw_record_decode(&in, &record), SW_ERR_OK);
    assert_true(
        sw_span_equal(record.value, sw_span_str("keys=2\nexperiences=0\nbytes=4\nleases=0\n")));
    sw_buf_release(&records);
    kit_close(&kit);
}

static void other_requests_are_not_of_the_system(void **state)
{
    struct sw_request request = scan("", "", 0);

    (void)state;
    request.op = SW_OP_GET;
    assert_false(sw_query_is_system(&request));
    request = scan("", "", 0);
    request.name_space = sw_span_str(SW_SYSTEM_SETTINGS);
    assert_false(sw_query_is_system(&request));
    request = scan("", "", 0);
    request.tenant = sw_span_str("acme");
    assert_false(sw_query_is_system(&request));
}

/* Longer than any record's key. */
static void a_long_key_finds_its_place(void **state)
{
    static char text[SW_KEY_SIZE_MAX + 1];
    struct kit kit = with_usage();

    (void)state;
    memset(text, 'a', SW_KEY_SIZE_MAX);
    text[2] = ' ';
    assert_keys(&kit, scan(text, "", 0), "ab,ab x,", false);
    kit_close(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usage_is_scanned_in_order),
        cmocka_unit_test(pages_join_without_gap_or_repeat),
        cmocka_unit_test(the_value_is_lines_of_counts),
        cmocka_unit_test(other_requests_are_not_of_the_system),
        cmocka_unit_test(a_long_key_finds_its_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
