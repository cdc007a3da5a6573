/* Proves that each answer comes out of an inbox once, in order, that its descriptor is readable if
 * and only if one waits, and that freeing it early frees everything, with a submit of the test's
 * own. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <poll.h>
#include <cmocka.h>
/* clang-format on */

#include "client/inbox_posix.c" /* with the test's own swarm_submit */

enum { COUNT = 5 };

static struct {
    swarm_callback callback;
    void *arg;
} pending[COUNT];
static size_t pending_count, freed_count;
static enum swarm_status next_status;

void swarm_result_free(struct swarm_result *result)
{
    freed_count++;
    free(result);
}

enum swarm_status swarm_submit(struct swarm_client *client,
                               const struct swarm_request *request,
                               swarm_callback callback,
                               void *arg,
                               char *ret_why,
                               size_t why_size)
{
    (void)client, (void)request, (void)ret_why, (void)why_size;
    if (next_status == SWARM_OK) {
        assert_true(pending_count < COUNT);
        pending[pending_count].callback = callback;
        pending[pending_count].arg = arg;
        pending_count++;
    }
    return next_status;
}

static void answer(size_t i, uint64_t revision)
{
    struct swarm_result *result = calloc(1, sizeof *result);

    assert_non_null(result);
    result->revision = revision;
    pending[i].callback(pending[i].arg, result);
}

static bool readable(const struct swarm_inbox *inbox)
{
    struct pollfd polled = {.fd = swarm_inbox_fd(inbox), .events = POLLIN};

    return poll(&polled, 1, 0) == 1;
}

static struct swarm_inbox *inbox_with(int *args, size_t count)
{
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    struct swarm_inbox *inbox = NULL;

    pending_count = freed_count = 0;
    next_status = SWARM_OK;
    assert_int_equal(swarm_inbox_new(&inbox), SWARM_OK);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(swarm_inbox_submit(inbox, NULL, &request, &args[i], NULL, 0), SWARM_OK);
    }
    return inbox;
}

static void take_one(struct swarm_inbox *inbox, uint64_t revision, const int *arg)
{
    void *found = NULL;
    struct swarm_result *result = swarm_inbox_take(inbox, &found);

    assert_non_null(result);
    assert_int_equal(result->revision, revision);
    assert_ptr_equal(found, arg);
    swarm_result_free(result);
}

static void answers_come_in_order_with_their_args(void **state)
{
    int args[COUNT];
    struct swarm_inbox *inbox = inbox_with(args, 3);
    void *arg = NULL;

    (void)state;
    assert_false(readable(inbox));
    assert_null(swarm_inbox_take(inbox, &arg));
    answer(2, 7);
    assert_true(readable(inbox));
    answer(0, 8);
    take_one(inbox, 7, &args[2]);
    assert_true(readable(inbox));
    take_one(inbox, 8, &args[0]);
    assert_false(readable(inbox));
    answer(1, 9);
    assert_true(readable(inbox));
    take_one(inbox, 9, &args[1]);
    assert_false(readable(inbox));
    swarm_inbox_free(inbox);
    assert_int_equal(freed_count, 3);
}

static void a_refused_submit_leaves_nothing(void **state)
{
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    struct swarm_inbox *inbox = inbox_with(NULL, 0);

    (void)state;
    next_status = SWARM_BUSY;
    assert_int_equal(swarm_inbox_submit(inbox, NULL, &request, NULL, NULL, 0), SWARM_BUSY);
    swarm_inbox_free(inbox);
}

/* The sanitizer tells of what is not freed, or freed too early. */
static void freed_before_the_answers_it_frees_them(void **state)
{
    int args[COUNT];
    struct swarm_inbox *inbox = inbox_with(args, 3);

    (void)state;
    answer(0, 1);
    swarm_inbox_free(inbox);
    assert_int_equal(freed_count, 1);
    answer(1, 2);
    answer(2, 3);
    assert_int_equal(freed_count, 3);
    swarm_inbox_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_come_in_order_with_their_args),
        cmocka_unit_test(a_refused_submit_leaves_nothing),
        cmocka_unit_test(freed_before_the_answers_it_frees_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
