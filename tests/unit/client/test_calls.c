/* Proves the shorthands, and that a cursor sees every key once, forwards and in reverse, against a
 * swarm_call that serves a sorted list. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
/* clang-format on */

#include "client/calls.c" /* with the test's own swarm_call */

enum { KEYS = 9, PAGE = 2 };

static const struct swarm_slice keys[KEYS] = {{"\0", 1},
                                              {"\0\0", 2},
                                              {"a", 1},
                                              {"a\0", 2},
                                              {"a\0\0", 3},
                                              {"a\xff", 2},
                                              {"b", 1},
                                              {"b\xff\xff", 3},
                                              {"c", 1}};
static struct swarm_request last_request;
static struct swarm_txn_op last_op; /* the first of its transaction */
static uint32_t calls;
static enum swarm_status next_status;

const char *swarm_strerror(enum swarm_status status)
{
    return status == SWARM_OK ? "ok" : "not ok";
}

void swarm_result_free(struct swarm_result *result)
{
    free(result);
}

static int compare(struct swarm_slice a, struct swarm_slice b)
{
    const size_t common = a.size < b.size ? a.size : b.size;
    const int order = common == 0 ? 0 : memcmp(a.data, b.data, common);

    return order != 0 ? order : a.size < b.size ? -1 : a.size > b.size;
}

/* A node's scan: start included, in either direction; pages of PAGE records. */
static struct swarm_result *serve(const struct swarm_request *request)
{
    const bool reverse = (request->flags & SWARM_REVERSE) != 0;
    struct swarm_result *result = calloc(1, sizeof *result + PAGE * sizeof(struct swarm_record));
    struct swarm_record *records = (struct swarm_record *)(result + 1);

    result->status = next_status;
    result->detail = "served";
    result->records = records;
    for (size_t i = 0; i < KEYS; i++) {
        const struct swarm_slice key = keys[reverse ? KEYS - 1 - i : i];
        const int order = compare(key, request->key);

        if (request->key.size > 0 && (reverse ? order > 0 : order < 0)) {
            continue;
        }
        if (result->record_count == PAGE) {
            result->more = true;
            break;
        }
        records[result->record_count].key = key;
        result->record_count++;
    }
    return result;
}

/* Nobody looks into it. */
static char nobody;
static struct swarm_client *const client = (struct swarm_client *)(void *)&nobody;

enum swarm_status swarm_call(struct swarm_client *asked,
                             const struct swarm_request *request,
                             struct swarm_result **ret_result)
{
    assert_ptr_equal(asked, client);
    calls++;
    last_request = *request;
    if (request->txn != NULL) {
        last_op =
            request->txn->then_count > 0 ? request->txn->then_ops[0] : (struct swarm_txn_op){0};
    }
    if (ret_result != NULL) {
        *ret_result = serve(request);
    }
    return next_status;
}

static void walk(uint32_t flags)
{
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    struct swarm_cursor *cursor = NULL;
    const struct swarm_record *record = NULL;
    size_t count = 0;

    request.op = SWARM_SCAN;
    request.flags = flags;
    calls = 0;
    next_status = SWARM_OK;
    assert_int_equal(swarm_cursor_new(client, &request, &cursor), SWARM_OK);
    while (swarm_cursor_next(cursor, &record) == SWARM_OK) {
        assert_true(count < KEYS);
        assert_int_equal(
            compare(record->key, keys[flags == SWARM_REVERSE ? KEYS - 1 - count : count]), 0);
        count++;
    }
    assert_int_equal(count, KEYS);
    assert_int_equal(calls, (KEYS + PAGE - 1) / PAGE);
    assert_int_equal(swarm_cursor_next(cursor, &record), SWARM_NOT_FOUND);
    swarm_cursor_free(cursor);
}

static void cursor_sees_every_key_once(void **state)
{
    (void)state;
    walk(0);
    walk(SWARM_REVERSE);
}

static void longest_keys_have_neighbours(void **state)
{
    uint8_t key[SW_KEY_SIZE_MAX + 1];
    size_t size = SW_KEY_SIZE_MAX;

    (void)state;
    memset(key, UINT8_MAX, sizeof key);
    assert_false(key_above(key, &size));
    size = SW_KEY_SIZE_MAX;
    memset(key, UINT8_MAX, sizeof key);
    key[0] = 'a';
    assert_true(key_above(key, &size));
    assert_int_equal(size, 1);
    assert_int_equal(key[0], 'b');
    assert_true(key_below(key, &size));
    assert_int_equal(size, SW_KEY_SIZE_MAX);
    assert_int_equal(key[0], 'a');
    assert_int_equal(key[SW_KEY_SIZE_MAX - 1], UINT8_MAX);
    key[0] = 0;
    size = 1;
    assert_false(key_below(key, &size));
}

static void experiences_go_on_by_revision(void **state)
{
    struct swarm_cursor cursor = {.request = {.op = SWARM_EXPERIENCE_SCAN}};
    const struct swarm_record last = {.mod_revision = 41};

    (void)state;
    assert_true(go_on_after(&cursor, &last));
    assert_int_equal(cursor.request.expected, 41);
}

static void failure_of_a_page_is_told_and_stays(void **state)
{
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    struct swarm_cursor *cursor = NULL;
    const struct swarm_record *record = NULL;

    (void)state;
    request.op = SWARM_PUT;
    assert_int_equal(swarm_cursor_new(client, &request, &cursor), SWARM_INVALID);
    request.op = SWARM_SCAN;
    request.key.size = SW_KEY_SIZE_MAX + 1;
    assert_int_equal(swarm_cursor_new(client, &request, &cursor), SWARM_TOO_LARGE);
    request.key.size = 0;
    assert_int_equal(swarm_cursor_new(client, &request, &cursor), SWARM_OK);
    next_status = SWARM_NO_LEADER;
    assert_int_equal(swarm_cursor_next(cursor, &record), SWARM_NO_LEADER);
    assert_string_equal(swarm_cursor_detail(cursor), "served");
    next_status = SWARM_OK;
    assert_int_equal(swarm_cursor_next(cursor, &record), SWARM_NO_LEADER);
    swarm_cursor_free(cursor);
}

static void shorthands_fill_in_the_request(void **state)
{
    const struct swarm_scope scope = {.partition = "p"};
    const struct swarm_slice key = {"k", 1};
    const struct swarm_slice value = {"v", 1};

    (void)state;
    next_status = SWARM_OK;
    assert_int_equal(swarm_cas(client, scope, key, 7, value, NULL), SWARM_OK);
    assert_int_equal(last_request.op, SWARM_CAS);
    assert_int_equal(last_request.expected, 7);
    assert_int_equal(last_request.size, sizeof last_request);
    assert_string_equal(last_request.scope.partition, "p");
    (void)swarm_append(client, scope, value, NULL);
    assert_int_equal(last_request.op, SWARM_EXPERIENCE_APPEND);
    assert_int_equal(last_request.key.size, 0);
    (void)swarm_transfer(client, 3, NULL);
    assert_int_equal(last_request.expected, 3);
    (void)swarm_snapshot(client, 2, NULL);
    assert_int_equal(last_request.node, 2);
    (void)swarm_put(client, scope, key, value, NULL);
    assert_int_equal(last_request.op, SWARM_PUT);
    (void)swarm_get(client, scope, key, NULL);
    assert_int_equal(last_request.op, SWARM_GET);
    (void)swarm_delete(client, scope, key, NULL);
    assert_int_equal(last_request.op, SWARM_DELETE);
    (void)swarm_status_of(client, 1, NULL);
    assert_int_equal(last_request.op, SWARM_STATUS_OF);
}

static void transactions_are_requests_too(void **state)
{
    const struct swarm_scope scope = {.partition = "p"};
    const struct swarm_slice wanted[] = {{"a", 1}, {"b", 1}};
    const struct swarm_txn txn = {.then_count = 0};

    (void)state;
    assert_int_equal(swarm_txn(client, scope, &txn, NULL), SWARM_OK);
    assert_int_equal(last_request.op, SWARM_TXN);
    assert_ptr_equal(last_request.txn, &txn);
    assert_string_equal(last_request.scope.partition, "p");
    assert_int_equal(
        swarm_merge(client, scope, wanted[0], SWARM_MERGE_ADD, (struct swarm_slice){"5", 1}, NULL),
        SWARM_OK);
    assert_int_equal(last_request.op, SWARM_TXN);
    assert_int_equal(last_op.kind, SWARM_TXN_MERGE);
    assert_int_equal(last_op.merge, SWARM_MERGE_ADD);
    assert_int_equal(compare(last_op.key, wanted[0]), 0);
    assert_int_equal(compare(last_op.value, (struct swarm_slice){"5", 1}), 0);
    assert_int_equal(swarm_multi_get(client, scope, wanted, 2, NULL), SWARM_OK);
    assert_int_equal(last_request.op, SWARM_MULTI_GET);
    assert_ptr_equal(last_request.keys, wanted);
    assert_int_equal(last_request.key_count, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cursor_sees_every_key_once),
        cmocka_unit_test(longest_keys_have_neighbours),
        cmocka_unit_test(experiences_go_on_by_revision),
        cmocka_unit_test(failure_of_a_page_is_told_and_stays),
        cmocka_unit_test(shorthands_fill_in_the_request),
        cmocka_unit_test(transactions_are_requests_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
