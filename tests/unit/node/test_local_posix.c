/* Proves of a node inside of a program that what it answered is there after a reopen, with and
 * without threads, that a directory has one owner, that what is somebody else's is not touched, and
 * that nothing is answered after a failure. Kills: tests/integration/test_embedded.py. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>
/* clang-format on */

#include <poll.h>
#include <stdatomic.h>

#include "base/rw.h"
#include "node/identity_posix.h"
#include "node/local_posix.h"
#include "tests/unit/storage/temp_dir.h"
#include "transport/proto.h"

enum { TURNS_MAX = 20000 };

struct place {
    char root[TEMP_DIR_SIZE];
    char data[TEMP_DIR_SIZE + 8];
};

struct user {
    struct sw_local *local;
    uint64_t conn;
    uint32_t replies;
    struct sw_reply last; /* its spans are not kept */
    char value[64];
    _Atomic uint32_t wakes;
    uint32_t failures;
};

static char why[SW_WHY_SIZE];

static int set_up(void **state)
{
    struct place *place = calloc(1, sizeof *place);

    assert_non_null(place);
    temp_dir_make(place->root);
    (void)snprintf(place->data, sizeof place->data, "%s/data", place->root);
    *state = place;
    return 0;
}

static int tear_down(void **state)
{
    struct place *place = *state;

    temp_dir_remove(place->root);
    free(place);
    return 0;
}

static void on_reply(void *arg, uint64_t conn, struct sw_span message)
{
    struct user *user = arg;
    struct sw_reader in = sw_reader_of(message);

    assert_int_equal(conn, user->conn);
    while (sw_reader_left(&in) > 0) {
        struct sw_reader records;
        struct sw_record record;

        assert_int_equal(sw_reply_decode(&in, &user->last), SW_ERR_OK);
        user->replies++;
        user->value[0] = '\0';
        records = sw_reader_of(user->last.records);
        if (user->last.record_count > 0) {
            assert_int_equal(sw_record_decode(&records, &record), SW_ERR_OK);
            (void)snprintf(user->value,
                           sizeof user->value,
                           "%.*s",
                           (int)record.value.size,
                           (const char *)record.value.data);
        }
    }
}

static void on_wake(void *arg)
{
    atomic_fetch_add(&((struct user *)arg)->wakes, 1);
}

static void on_failed(void *arg, enum sw_err err, const char *text)
{
    (void)err, (void)text;
    ((struct user *)arg)->failures++;
}

static enum sw_err open_local(const char *data, bool threads, struct user *user)
{
    const struct sw_local_config config = {.data_dir = data,
                                           .threads = threads,
                                           .wake_arg = user,
                                           .wake = on_wake,
                                           .arg = user,
                                           .reply = on_reply,
                                           .failed = on_failed};
    enum sw_err err;

    *user = (struct user){.conn = 0};
    why[0] = '\0';
    err = sw_local_open(&config, &user->local, why);
    if (err == SW_ERR_OK) {
        user->conn = sw_local_connect(user->local);
    }
    return err;
}

static struct sw_request request_of(enum sw_op op, const char *key, const char *value)
{
    static uint64_t id;

    id++;
    return (struct sw_request){.id = id,
                               .op = op,
                               .timeout_ms = 600000,
                               .tenant = sw_span_str("t"),
                               .name_space = sw_span_str("n"),
                               .partition = sw_span_str("p"),
                               .key = sw_span_str(key),
                               .value = sw_span_str(value)};
}

static void send(struct user *user, const struct sw_request *request)
{
    struct sw_buf bytes = {0};

    sw_request_encode(request, &bytes);
    assert_int_equal(sw_local_send(user->local, user->conn, sw_buf_span(&bytes)), SW_ERR_OK);
    sw_buf_release(&bytes);
}

static void turns_until(struct user *user, uint32_t replies)
{
    for (int i = 0; user->replies < replies && i < TURNS_MAX; i++) {
        const uint64_t wait_ms = sw_local_wait_ms(user->local);

        (void)poll(NULL, 0, wait_ms > 1 ? 1 : (int)wait_ms);
        sw_local_turn(user->local);
    }
    assert_int_equal(user->replies, replies);
}

/* Right after the open nobody leads yet. */
static void call(struct user *user, const struct sw_request *request)
{
    do {
        send(user, request);
        turns_until(user, user->replies + 1);
    } while (user->last.err == SW_ERR_NO_LEADER);
}

static void put(struct user *user, const char *key, const char *value)
{
    const struct sw_request request = request_of(SW_OP_PUT, key, value);

    call(user, &request);
    assert_int_equal(user->last.err, SW_ERR_OK);
}

static void get(struct user *user, const char *key, const char *value)
{
    const struct sw_request request = request_of(SW_OP_GET, key, "");

    call(user, &request);
    assert_int_equal(user->last.err, SW_ERR_OK);
    assert_string_equal(user->value, value);
}

static void keeps_what_it_answered(const struct place *place, bool threads)
{
    struct user user;

    assert_int_equal(open_local(place->data, threads, &user), SW_ERR_OK);
    put(&user, "a", "1");
    put(&user, "b", "2");
    get(&user, "a", "1");
    assert_int_equal(user.last.node.value, sw_local_self().value);
    sw_local_close(user.local);
    assert_int_equal(open_local(place->data, !threads, &user), SW_ERR_OK);
    get(&user, "a", "1");
    get(&user, "b", "2");
    put(&user, "a", "3");
    assert_int_equal(user.last.revision, 3);
    sw_local_close(user.local);
}

static void what_was_answered_is_there_after_a_reopen(void **state)
{
    keeps_what_it_answered(*state, false);
}

static void what_was_answered_is_there_after_a_reopen_with_threads(void **state)
{
    keeps_what_it_answered(*state, true);
}

/* A turn is all that a write needs: no wake-ups, no waiting. */
static void one_turn_answers_a_write(void **state)
{
    const struct place *place = *state;
    struct sw_request request;
    struct user user;

    assert_int_equal(open_local(place->data, false, &user), SW_ERR_OK);
    put(&user, "a", "1");
    request = request_of(SW_OP_PUT, "a", "2");
    send(&user, &request);
    assert_int_equal(sw_local_wait_ms(user.local), 0);
    user.replies = 0;
    sw_local_turn(user.local);
    assert_int_equal(user.replies, 1);
    assert_int_equal(user.last.err, SW_ERR_OK);
    assert_int_equal(user.wakes, 0);
    sw_local_close(user.local);
}

static void a_directory_has_one_owner(void **state)
{
    const struct place *place = *state;
    struct user first, second;

    assert_int_equal(open_local(place->data, false, &first), SW_ERR_OK);
    assert_int_equal(open_local(place->data, false, &second), SW_ERR_LOCKED);
    assert_non_null(strstr(why, "in use"));
    put(&first, "a", "1");
    sw_local_close(first.local);
    assert_int_equal(open_local(place->data, false, &second), SW_ERR_OK);
    get(&second, "a", "1");
    sw_local_close(second.local);
}

static void a_swarms_directory_is_left_alone(void **state)
{
    const struct place *place = *state;
    const struct sw_identity_config config = {
        .data_dir = place->data, .swarm = {{1, 2, 3}}, .node = {1}, .first_start = true};
    struct sw_identity *identity = NULL;
    struct user user;

    assert_int_equal(sw_identity_open(&config, &identity, why), SW_ERR_OK);
    sw_identity_close(identity);
    assert_int_equal(open_local(place->data, false, &user), SW_ERR_STRANGER);
    assert_non_null(strstr(why, "only swarmd"));
}

static void a_folder_with_other_things_is_left_alone(void **state)
{
    const struct place *place = *state;
    char path[TEMP_DIR_SIZE + 32];
    struct user user;

    (void)snprintf(path, sizeof path, "%s/letters", place->data);
    assert_int_equal(mkdir(place->data, 0700), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(open_local(place->data, false, &user), SW_ERR_CONFIG);
    assert_non_null(strstr(why, "not empty"));
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(rmdir(place->data), 0);                         /* nothing was put there */
    assert_int_equal(open_local(path, false, &user), SW_ERR_CONFIG); /* no parent */
}

static void a_lost_log_is_told(void **state)
{
    const struct place *place = *state;
    char path[TEMP_DIR_SIZE + 32], moved[TEMP_DIR_SIZE + 32];
    struct user user;

    assert_int_equal(open_local(place->data, false, &user), SW_ERR_OK);
    put(&user, "a", "1");
    sw_local_close(user.local);
    (void)snprintf(path, sizeof path, "%s/wal", place->data);
    (void)snprintf(moved, sizeof moved, "%s/wal", place->root);
    assert_int_equal(rename(path, moved), 0);
    assert_int_equal(open_local(place->data, false, &user), SW_ERR_DATA_MISSING);
}

static void a_start_that_did_not_get_far_goes_on(void **state)
{
    const struct place *place = *state;
    struct sw_swarm_id swarm = {{0}};
    struct sw_node_id node = {0};
    char path[TEMP_DIR_SIZE + 32];
    FILE *file;
    struct user user;

    assert_int_equal(mkdir(place->data, 0700), 0);
    (void)snprintf(path, sizeof path, "%s/first-start", place->data);
    file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs("swarmstore-first-start 1\nswarm 656d6265646465640102030405060708\nnode 1\n",
                      file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(open_local(place->data, false, &user), SW_ERR_OK);
    put(&user, "a", "1");
    sw_local_close(user.local);
    assert_int_equal(sw_identity_peek(place->data, &swarm, &node, why), SW_ERR_OK);
    assert_memory_equal(swarm.bytes, "embedded\1\2\3\4\5\6\7\10", 16);
    assert_int_equal(node.value, 1);
}

static void connections_are_told_apart(void **state)
{
    const struct place *place = *state;
    const struct sw_request request = request_of(SW_OP_PUT, "a", "2");
    struct user user;
    uint64_t first;

    assert_int_equal(open_local(place->data, false, &user), SW_ERR_OK);
    put(&user, "a", "1");
    first = user.conn;
    send(&user, &request);
    sw_local_disconnect(user.local, first); /* what it sent and nobody took is gone with it */
    user.conn = sw_local_connect(user.local);
    assert_true(user.conn > first);
    get(&user, "a", "1");
    sw_local_close(user.local);
}

static void more_than_an_inbox_holds_is_refused(void **state)
{
    const struct place *place = *state;
    const size_t size = SW_MESSAGE_SIZE_MAX;
    uint8_t *bytes = calloc(1, size);
    enum sw_err err = SW_ERR_OK;
    struct user user;
    int sent = 0;

    assert_non_null(bytes);
    assert_int_equal(open_local(place->data, false, &user), SW_ERR_OK);
    while (err == SW_ERR_OK && sent < 100) {
        err = sw_local_send(user.local, user.conn, sw_span_of(bytes, size));
        sent += err == SW_ERR_OK;
    }
    assert_int_equal(err, SW_ERR_BUSY);
    assert_in_range(sent, 1, 10);
    sw_local_turn(user.local); /* it does not decode, and is answered so */
    assert_true(user.replies > 0);
    assert_int_equal(sw_local_send(user.local, user.conn, sw_span_of(bytes, size)), SW_ERR_OK);
    sw_local_close(user.local);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            what_was_answered_is_there_after_a_reopen, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            what_was_answered_is_there_after_a_reopen_with_threads, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_turn_answers_a_write, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_directory_has_one_owner, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_swarms_directory_is_left_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_folder_with_other_things_is_left_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_lost_log_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_start_that_did_not_get_far_goes_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(connections_are_told_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(more_than_an_inbox_holds_is_refused, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
