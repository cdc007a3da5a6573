/* Reads: what a scan gives, where a page ends, and how the next one goes on. */
#include <stdio.h>

#include "node/query.h"
#include "tests/unit/node/state_kit.h"
#include "transport/txn.h"

struct answer {
    struct sw_reply reply;
    struct sw_buf records;
};

static struct answer ask(struct kit *kit, const struct sw_request *request)
{
    struct answer answer = {0};

    assert_int_equal(sw_query(&kit->state, kit->store, request, &answer.records, &answer.reply),
                     SW_ERR_OK);
    assert_int_equal(answer.reply.revision, kit->state.revision);
    assert_int_equal(answer.reply.shard.value, kit_group.value);
    return answer;
}

/* The keys of the answer, joined with blanks. */
static void assert_keys(const struct answer *answer, const char *expected, bool more)
{
    struct sw_reader in = sw_reader_of(answer->reply.records);
    char joined[256] = "";
    size_t size = 0;

    for (uint32_t i = 0; i < answer->reply.record_count; i++) {
        struct sw_record record = {0};

        assert_int_equal(sw_record_decode(&in, &record), SW_ERR_OK);
        assert_true(size + record.key.size + 2 < sizeof joined);
        memcpy(joined + size, record.key.data, record.key.size);
        size += record.key.size;
        joined[size++] = ' ';
        joined[size] = '\0';
    }
    assert_int_equal(sw_reader_finish(&in), SW_ERR_OK);
    assert_string_equal(joined, expected);
    assert_int_equal(answer->reply.more, more);
}

static void scan_gives(struct kit *kit, struct sw_request request, const char *expected, bool more)
{
    struct answer answer = ask(kit, &request);

    assert_int_equal(answer.reply.err, SW_ERR_OK);
    assert_keys(&answer, expected, more);
    sw_buf_release(&answer.records);
}

static struct sw_request scan(const char *from, const char *to, uint32_t flags, uint32_t limit)
{
    struct sw_request request = kit_request(SW_OP_SCAN);

    request.key = sw_span_str(from);
    request.end_key = sw_span_str(to);
    request.flags = flags;
    request.limit = limit;
    return request;
}

static struct kit kit_with_keys(void)
{
    static const char *const names[] = {"b", "d", "a", "c", "cc"};
    struct kit kit = kit_open();

    for (size_t i = 0; i < 5; i++) {
        struct sw_request request = kit_put(names[i], "v");

        (void)kit_run(&kit, 1, request);
        /* The neighbours in key order must never show up. */
        request.partition = sw_span_str("agents2");
        (void)kit_run(&kit, 1, request);
        request.partition = sw_span_str("agent");
        (void)kit_run(&kit, 1, request);
    }
    return kit;
}

static void get_gives_the_record_or_not_found(void **unused)
{
    struct sw_request request = kit_request(SW_OP_GET);
    struct sw_record record = {0};
    struct kit kit = kit_open();
    struct answer answer;
    struct sw_reader in;

    (void)unused;
    (void)kit_run(&kit, 5, kit_put("k", "one"));
    (void)kit_run(&kit, 6, kit_put("k", "two"));
    request.key = sw_span_str("k");
    answer = ask(&kit, &request);
    assert_int_equal(answer.reply.err, SW_ERR_OK);
    assert_int_equal(answer.reply.record_count, 1);
    in = sw_reader_of(answer.reply.records);
    assert_int_equal(sw_record_decode(&in, &record), SW_ERR_OK);
    assert_true(sw_span_equal(record.key, sw_span_str("k")));
    assert_true(sw_span_equal(record.value, sw_span_str("two")));
    assert_int_equal(record.create_revision, 1);
    assert_int_equal(record.mod_revision, 2);
    assert_int_equal(record.version, 2);
    assert_int_equal(record.time_ms, 6);
    sw_buf_release(&answer.records);

    request.key = sw_span_str("absent");
    answer = ask(&kit, &request);
    assert_int_equal(answer.reply.err, SW_ERR_NOT_FOUND);
    assert_int_equal(answer.reply.record_count, 0);
    sw_buf_release(&answer.records);
    kit_close(&kit);
}

static void scans_stay_in_range_and_partition(void **unused)
{
    struct kit kit = kit_with_keys();

    (void)unused;
    scan_gives(&kit, scan("", "", 0, 0), "a b c cc d ", false);
    scan_gives(&kit, scan("b", "", 0, 0), "b c cc d ", false);
    scan_gives(&kit, scan("b", "cc", 0, 0), "b c ", false);
    scan_gives(&kit, scan("bb", "cb", 0, 0), "c ", false);
    scan_gives(&kit, scan("e", "", 0, 0), "", false);
    scan_gives(&kit, scan("c", "b", 0, 0), "", false);
    kit_close(&kit);
}

static void reverse_scans_go_down(void **unused)
{
    const uint32_t reverse = SW_REQUEST_REVERSE;
    struct kit kit = kit_with_keys();

    (void)unused;
    scan_gives(&kit, scan("", "", reverse, 0), "d cc c b a ", false);
    scan_gives(&kit, scan("c", "", reverse, 0), "c b a ", false);
    scan_gives(&kit, scan("cb", "a", reverse, 0), "c b ", false);
    scan_gives(&kit, scan("", "cc", reverse, 0), "d ", false);
    scan_gives(&kit, scan("0", "", reverse, 0), "", false);
    kit_close(&kit);
}

static void pages_say_more_exactly_if_more_follows(void **unused)
{
    struct kit kit = kit_with_keys();

    (void)unused;
    scan_gives(&kit, scan("", "", 0, 2), "a b ", true);
    scan_gives(&kit, scan("", "", 0, 5), "a b c cc d ", false);
    scan_gives(&kit, scan("", "c", 0, 2), "a b ", false);
    scan_gives(&kit, scan("", "", SW_REQUEST_REVERSE, 4), "d cc c b ", true);
    kit_close(&kit);
}

static void a_page_is_bounded_in_bytes_and_never_empty(void **unused)
{
    static char big[SW_VALUE_SIZE_MAX];
    struct sw_request put = kit_put("a", "");
    struct kit kit = kit_open();
    struct sw_request keys_only = scan("", "", SW_REQUEST_KEYS_ONLY, 0);

    (void)unused;
    memset(big, 'x', sizeof big);
    put.value = sw_span_of(big, sizeof big);
    (void)kit_run(&kit, 1, put); /* alone over the bound */
    put.key = sw_span_str("b");
    put.value.size = SW_SCAN_SIZE_MAX / 2;
    (void)kit_run(&kit, 1, put);
    put.key = sw_span_str("c");
    put.value.size = SW_SCAN_SIZE_MAX / 3;
    (void)kit_run(&kit, 1, put);
    put.key = sw_span_str("d");
    (void)kit_run(&kit, 1, put);
    scan_gives(&kit, scan("", "", 0, 0), "a ", true);
    scan_gives(&kit, scan("b", "", 0, 0), "b c ", true);
    scan_gives(&kit, keys_only, "a b c d ", false);
    kit_close(&kit);
}

static void a_page_is_bounded_in_records(void **unused)
{
    struct sw_request request = scan("", "", 0, 0);
    struct kit kit = kit_open();
    struct answer answer;

    (void)unused;
    for (int i = 0; i <= SW_SCAN_COUNT_MAX; i++) {
        char name[16];

        (void)snprintf(name, sizeof name, "%06d", i);
        (void)kit_run(&kit, 1, kit_put(name, ""));
    }
    answer = ask(&kit, &request);
    assert_int_equal(answer.reply.record_count, SW_SCAN_COUNT_MAX);
    assert_true(answer.reply.more);
    sw_buf_release(&answer.records);
    kit_close(&kit);
}

static void experiences_come_after_a_revision_both_ways(void **unused)
{
    struct sw_request request = kit_request(SW_OP_EXPERIENCE_SCAN);
    static const struct {
        uint64_t expected;
        uint32_t flags;
        uint32_t limit;
        uint64_t first;
        uint32_t count;
        bool more;
    } cases[] = {{0, 0, 0, 1, 5, false},
                 {2, 0, 0, 3, 3, false},
                 {2, 0, 2, 3, 2, true},
                 {5, 0, 0, 0, 0, false},
                 {UINT64_MAX, 0, 0, 0, 0, false},
                 {0, SW_REQUEST_REVERSE, 2, 5, 2, true},
                 {4, SW_REQUEST_REVERSE, 0, 3, 3, false},
                 {1, SW_REQUEST_REVERSE, 0, 0, 0, false}};
    struct kit kit = kit_open();

    (void)unused;
    for (int i = 0; i < 5; i++) {
        (void)kit_run(&kit, (uint64_t)(10 + i), kit_append("seen"));
    }
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct answer answer;

        request.expected = cases[i].expected;
        request.flags = cases[i].flags;
        request.limit = cases[i].limit;
        answer = ask(&kit, &request);
        assert_int_equal(answer.reply.record_count, cases[i].count);
        assert_int_equal(answer.reply.more, cases[i].more);
        if (cases[i].count > 0) {
            struct sw_reader in = sw_reader_of(answer.reply.records);
            struct sw_record record = {0};

            assert_int_equal(sw_record_decode(&in, &record), SW_ERR_OK);
            assert_int_equal(record.mod_revision, cases[i].first);
            assert_int_equal(record.create_revision, cases[i].first);
            assert_int_equal(record.time_ms, 9 + cases[i].first);
            assert_int_equal(record.key.size, 0);
            assert_true(sw_span_equal(record.value, sw_span_str("seen")));
        }
        sw_buf_release(&answer.records);
    }
    kit_close(&kit);
}

/* Every key asked for is answered, in order, also twice, also if it is not there. */
static void a_multi_get_answers_every_key_in_order(void **unused)
{
    const struct sw_span keys[] = {
        sw_span_str("b"), sw_span_str("none"), sw_span_str("a"), sw_span_str("b")};
    struct sw_request request = kit_request(SW_OP_MULTI_GET);
    struct kit kit = kit_open();
    struct sw_buf value = {0};
    struct sw_reader in;
    struct answer answer;

    (void)unused;
    (void)kit_run(&kit, 1, kit_put("a", "1"));
    (void)kit_run(&kit, 1, kit_put("b", "2"));
    sw_keys_encode(keys, 4, &value);
    request.value = sw_buf_span(&value);
    answer = ask(&kit, &request);
    assert_int_equal(answer.reply.err, SW_ERR_OK);
    assert_keys(&answer, "b none a b ", false);
    in = sw_reader_of(answer.reply.records);
    for (uint64_t i = 0; i < 4; i++) {
        static const uint64_t versions[] = {1, 0, 1, 1};
        struct sw_record record = {0};

        assert_int_equal(sw_record_decode(&in, &record), SW_ERR_OK);
        assert_int_equal(record.version, versions[i]);
        assert_int_equal(record.value.size, versions[i]);
    }
    sw_buf_release(&answer.records);
    sw_buf_release(&value);
    kit_close(&kit);
}

/* A page that is full says so, and the caller asks for the rest. */
static void a_multi_get_is_bounded_in_bytes(void **unused)
{
    const struct sw_span keys[] = {sw_span_str("a"), sw_span_str("a"), sw_span_str("a")};
    struct sw_request request = kit_request(SW_OP_MULTI_GET);
    struct kit kit = kit_open();
    struct sw_request put = kit_put("a", "");
    uint8_t *big = calloc(1, SW_SCAN_SIZE_MAX / 2);
    struct sw_buf value = {0};
    struct answer answer;

    (void)unused;
    put.value = sw_span_of(big, SW_SCAN_SIZE_MAX / 2);
    (void)kit_run(&kit, 1, put);
    sw_keys_encode(keys, 3, &value);
    request.value = sw_buf_span(&value);
    answer = ask(&kit, &request);
    assert_keys(&answer, "a ", true);
    sw_buf_release(&answer.records);
    request.flags = SW_REQUEST_KEYS_ONLY;
    answer = ask(&kit, &request);
    assert_keys(&answer, "a a a ", false);
    sw_buf_release(&answer.records);
    sw_buf_release(&value);
    free(big);
    kit_close(&kit);
}

static void what_is_no_read_is_refused(void **unused)
{
    struct sw_request write = kit_put("k", "v");
    struct sw_request nameless = {.op = SW_OP_GET, .key = sw_span_str("k")};
    struct kit kit = kit_open();
    struct answer answer = ask(&kit, &write);

    (void)unused;
    assert_int_equal(answer.reply.err, SW_ERR_UNSUPPORTED);
    answer = ask(&kit, &nameless);
    assert_int_equal(answer.reply.err, SW_ERR_INVALID);
    kit_close(&kit);
}

static void a_damaged_record_is_never_answered(void **unused)
{
    const struct sw_request put = kit_put("k", "value");
    const struct sw_request request = scan("", "", 0, 0);
    const struct sw_place place = {
        .tenant = put.tenant, .name_space = put.name_space, .partition = put.partition};
    struct sw_buf records = {0};
    struct kit kit = kit_open();
    struct sw_reply reply;
    struct sw_key key;

    (void)unused;
    (void)kit_run(&kit, 1, put);
    sw_key_kv(&place, put.key, &key);
    assert_true(sw_store_mem_flip(kit.store, SW_TABLE_KV, sw_key_span(&key), 300));
    assert_int_equal(sw_query(&kit.state, kit.store, &request, &records, &reply), SW_ERR_CORRUPT);
    sw_buf_release(&records);
    kit_close(&kit);
}

/* Leases of other partitions are passed, but not all of them in one look. */
static void a_list_of_leases_is_cut_where_it_found_none(void **unused)
{
    struct kit kit = kit_open();
    struct sw_request grant = kit_request(SW_OP_LEASE_GRANT);
    struct sw_request list = kit_request(SW_OP_LEASE_LIST);
    struct answer answer;

    (void)unused;
    grant.limit = 1000;
    grant.partition = sw_span_str("another");
    for (uint32_t i = 0; i < SW_LEASE_WALK_COUNT_MAX; i++) {
        assert_int_equal(kit_run(&kit, 1, grant).err, SW_ERR_OK);
    }
    grant.partition = list.partition;
    assert_int_equal(kit_run(&kit, 1, grant).err, SW_ERR_OK);
    answer = ask(&kit, &list);
    assert_int_equal(answer.reply.record_count, 0);
    assert_true(answer.reply.more);
    assert_int_equal(answer.reply.value, SW_LEASE_WALK_COUNT_MAX);
    list.lease = answer.reply.value;
    sw_buf_release(&answer.records);
    answer = ask(&kit, &list);
    assert_int_equal(answer.reply.record_count, 1);
    assert_false(answer.reply.more);
    sw_buf_release(&answer.records);
    kit_close(&kit);
}

/* Sessions are of no partition: the request names none. */
static void sessions_are_listed(void **unused)
{
    struct kit kit = kit_open();
    struct sw_request request = {.op = SW_OP_SESSION_LIST, .limit = 1};
    struct answer answer;

    (void)unused;
    (void)kit_run(&kit, 1, kit_session_open("aaaaaaaaaaaaaaaa", 5000));
    (void)kit_run(&kit, 1, kit_session_open("bbbbbbbbbbbbbbbb", 5000));
    answer = ask(&kit, &request);
    assert_int_equal(answer.reply.record_count, 1);
    assert_true(answer.reply.more);
    sw_buf_release(&answer.records);
    request.session.value = 1;
    answer = ask(&kit, &request);
    assert_int_equal(answer.reply.record_count, 1);
    assert_false(answer.reply.more);
    sw_buf_release(&answer.records);
    kit_close(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(get_gives_the_record_or_not_found),
        cmocka_unit_test(scans_stay_in_range_and_partition),
        cmocka_unit_test(reverse_scans_go_down),
        cmocka_unit_test(pages_say_more_exactly_if_more_follows),
        cmocka_unit_test(a_page_is_bounded_in_bytes_and_never_empty),
        cmocka_unit_test(a_page_is_bounded_in_records),
        cmocka_unit_test(experiences_come_after_a_revision_both_ways),
        cmocka_unit_test(a_multi_get_answers_every_key_in_order),
        cmocka_unit_test(a_multi_get_is_bounded_in_bytes),
        cmocka_unit_test(what_is_no_read_is_refused),
        cmocka_unit_test(a_damaged_record_is_never_answered),
        cmocka_unit_test(a_list_of_leases_is_cut_where_it_found_none),
        cmocka_unit_test(sessions_are_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
