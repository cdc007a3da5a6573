/* Bounds hold at the edge, a refusal says "not done", and what makes room is never refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "node/admission.h"

static enum sw_fair_class class_of(enum sw_op op)
{
    if (op == SW_OP_WATCH) {
        return SW_FAIR_WATCH;
    }
    if (op == SW_OP_STATUS || op == SW_OP_SNAPSHOT) {
        return SW_FAIR_ADMIN;
    }
    if (op == SW_OP_LEASE_KEEP_ALIVE) {
        return SW_FAIR_LEASE;
    }
    if (op == SW_OP_SCAN) {
        return SW_FAIR_SCAN;
    }
    return sw_op_is_write(op) ? SW_FAIR_WRITE : SW_FAIR_READ;
}

static struct sw_admission_refusal refusal; /* the last one */

static enum sw_err check(const struct sw_admission *admission, struct sw_admission_request request)
{
    enum sw_err err;

    request.of = class_of(request.op);
    refusal = (struct sw_admission_refusal){0};
    err = sw_admission_check(admission, &request, &refusal);
    if (err != SW_ERR_OK) {
        assert_int_equal(sw_err_outcome(err), SW_OUTCOME_NOT_DONE);
        assert_true(strlen(refusal.why) > 0);
    }
    return err;
}

static void enter(struct sw_admission *admission, enum sw_op op, size_t size)
{
    sw_admission_enter(admission, op, class_of(op), size);
}

static void leave(struct sw_admission *admission, enum sw_op op)
{
    sw_admission_leave(admission, class_of(op));
}

static void zeros_stand_for_defaults(void **state)
{
    struct sw_admission admission;

    (void)state;
    sw_admission_init(&admission, (struct sw_node_limits){.in_flight_max = 7});
    assert_int_equal(admission.limits.in_flight_max, 7);
    assert_int_equal(admission.limits.client_in_flight_max, SW_CLIENT_IN_FLIGHT_MAX);
    assert_int_equal(admission.limits.queue_size_max, SW_NODE_QUEUE_SIZE_MAX);
    assert_int_equal(admission.limits.timeout_ms_default, 5000);
}

static void bounds_hold_at_their_edge(void **state)
{
    struct sw_admission admission;

    (void)state;
    sw_admission_init(&admission,
                      (struct sw_node_limits){.client_in_flight_max = 3,
                                              .in_flight_max = 5,
                                              .queue_size_max = 100,
                                              .applier_pending_max = 10});
    assert_int_equal(check(&admission, (struct sw_admission_request){.client_in_flight = 2}),
                     SW_ERR_OK);
    assert_int_equal(check(&admission, (struct sw_admission_request){.client_in_flight = 3}),
                     SW_ERR_BUSY);
    assert_int_equal(check(&admission, (struct sw_admission_request){.op = SW_OP_PUT, .size = 100}),
                     SW_ERR_OK);
    assert_int_equal(check(&admission, (struct sw_admission_request){.op = SW_OP_PUT, .size = 101}),
                     SW_ERR_OVERLOADED);
    assert_int_equal(check(&admission, (struct sw_admission_request){.applier_pending = 9}),
                     SW_ERR_OK);
    assert_int_equal(check(&admission, (struct sw_admission_request){.applier_pending = 10}),
                     SW_ERR_OVERLOADED);
    assert_int_equal(check(&admission, (struct sw_admission_request){.depth = SW_DEPTH_MAX - 1}),
                     SW_ERR_OK);
    assert_int_equal(check(&admission, (struct sw_admission_request){.depth = SW_DEPTH_MAX}),
                     SW_ERR_DEPTH);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(check(&admission, (struct sw_admission_request){.op = SW_OP_PUT}),
                         SW_ERR_OK);
        enter(&admission, SW_OP_PUT, 10);
    }
    assert_int_equal(check(&admission, (struct sw_admission_request){.op = SW_OP_GET}),
                     SW_ERR_OVERLOADED);
    leave(&admission, SW_OP_PUT);
    assert_int_equal(check(&admission, (struct sw_admission_request){.op = SW_OP_PUT, .size = 51}),
                     SW_ERR_OVERLOADED);
    sw_admission_dequeue(&admission, 10);
    assert_int_equal(check(&admission, (struct sw_admission_request){.op = SW_OP_PUT, .size = 51}),
                     SW_ERR_OK);
}

static void reads_take_no_room_in_the_queue(void **state)
{
    struct sw_admission admission;

    (void)state;
    sw_admission_init(&admission, (struct sw_node_limits){0});
    enter(&admission, SW_OP_SCAN, 1000);
    assert_int_equal(admission.queued_size, 0);
    assert_int_equal(admission.in_flight, 1);
}

/* A read of many keys names them all: a megabyte that is kept until it is answered. */
static void reads_that_wait_are_bounded_in_bytes(void **state)
{
    const struct sw_admission_request large = {.op = SW_OP_MULTI_GET, .size = 60};
    struct sw_admission admission;

    (void)state;
    sw_admission_init(&admission, (struct sw_node_limits){.queue_size_max = 100});
    assert_int_equal(check(&admission, large), SW_ERR_OK);
    enter(&admission, SW_OP_MULTI_GET, 60);
    assert_int_equal(check(&admission, large), SW_ERR_OVERLOADED);
    assert_int_equal(check(&admission, (struct sw_admission_request){.op = SW_OP_PUT, .size = 60}),
                     SW_ERR_OK);
    leave(&admission, SW_OP_MULTI_GET);
    assert_int_equal(check(&admission, large), SW_ERR_OVERLOADED); /* it is kept still */
    sw_admission_read_over(&admission, 60);
    assert_int_equal(check(&admission, large), SW_ERR_OK);
}

/* They stay for minutes: if they had all places, nobody else would be served. */
static void watches_leave_half_of_the_places(void **state)
{
    const struct sw_admission_request watch = {.op = SW_OP_WATCH};
    struct sw_admission admission;

    (void)state;
    sw_admission_init(&admission, (struct sw_node_limits){.in_flight_max = 4});
    for (int i = 0; i < 2; i++) {
        assert_int_equal(check(&admission, watch), SW_ERR_OK);
        enter(&admission, SW_OP_WATCH, 1);
    }
    assert_int_equal(check(&admission, watch), SW_ERR_OVERLOADED);
    assert_int_equal(check(&admission, (struct sw_admission_request){.op = SW_OP_GET}), SW_ERR_OK);
    leave(&admission, SW_OP_WATCH);
    assert_int_equal(check(&admission, watch), SW_ERR_OK);
}

static void a_full_store_refuses_what_grows_it_only(void **state)
{
    const struct sw_store_stats full = {
        .map_size = 1000000, .reserve_size = 100000, .used_size = 850000};
    const enum sw_op refused[] = {SW_OP_PUT, SW_OP_CAS, SW_OP_EXPERIENCE_APPEND};
    const enum sw_op served[] = {SW_OP_GET,
                                 SW_OP_DELETE,
                                 SW_OP_SCAN,
                                 SW_OP_EXPERIENCE_SCAN,
                                 SW_OP_SESSION_OPEN, /* or nobody new could delete */
                                 SW_OP_SESSION_CLOSE,
                                 SW_OP_STATUS,
                                 SW_OP_SNAPSHOT};
    struct sw_store_stats stats = full;
    struct sw_admission admission;

    (void)state;
    sw_admission_init(&admission, (struct sw_node_limits){0});
    assert_false(sw_admission_disk_full(&admission)); /* nothing is known yet */
    sw_admission_store(&admission, &full);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        assert_int_equal(check(&admission, (struct sw_admission_request){.op = refused[i]}),
                         SW_ERR_DISK_FULL);
    }
    for (size_t i = 0; i < sizeof served / sizeof served[0]; i++) {
        assert_int_equal(check(&admission, (struct sw_admission_request){.op = served[i]}),
                         SW_ERR_OK);
    }
    stats.used_size = 800000; /* a sixteenth under the reserve: the state ends by itself */
    sw_admission_store(&admission, &stats);
    assert_int_equal(check(&admission, (struct sw_admission_request){.op = SW_OP_PUT}), SW_ERR_OK);
}

static void what_was_admitted_since_the_last_figures_counts(void **state)
{
    const struct sw_store_stats stats = {
        .map_size = 1000000, .reserve_size = 100000, .used_size = 800000};
    struct sw_admission admission;

    (void)state;
    sw_admission_init(&admission, (struct sw_node_limits){0});
    sw_admission_store(&admission, &stats);
    enter(&admission, SW_OP_PUT, 20000);
    assert_false(sw_admission_disk_full(&admission));
    enter(&admission, SW_OP_DELETE, 20000);
    assert_false(sw_admission_disk_full(&admission));
    enter(&admission, SW_OP_PUT, 20000);
    assert_true(sw_admission_disk_full(&admission));
    sw_admission_store(&admission, &stats);
    assert_false(sw_admission_disk_full(&admission));
}

static void a_stopping_node_answers_status_only(void **state)
{
    struct sw_admission admission;

    (void)state;
    sw_admission_init(&admission, (struct sw_node_limits){0});
    admission.stopping = true;
    assert_int_equal(check(&admission, (struct sw_admission_request){.op = SW_OP_GET}),
                     SW_ERR_SHUTTING_DOWN);
    assert_int_equal(check(&admission, (struct sw_admission_request){.op = SW_OP_STATUS}),
                     SW_ERR_OK);
}

/* A flood of writes leaves places for everything else, and its own kind ends before all places
 * do. */
static void a_flood_of_one_class_leaves_room_for_the_others(void **state)
{
    struct sw_admission admission;
    uint32_t entered = 0;

    (void)state;
    sw_admission_init(&admission, (struct sw_node_limits){.in_flight_max = 160});
    while (check(&admission, (struct sw_admission_request){.op = SW_OP_PUT}) == SW_ERR_OK) {
        enter(&admission, SW_OP_PUT, 1);
        entered++;
    }
    assert_int_equal(entered, 140);
    assert_int_equal(refusal.reason, SW_ADMISSION_CLASS);
    assert_true(refusal.retry_after_ms > 0);
    while (check(&admission, (struct sw_admission_request){.op = SW_OP_GET}) == SW_ERR_OK) {
        enter(&admission, SW_OP_GET, 1);
        entered++;
    }
    assert_int_equal(entered, 150);
    assert_int_equal(refusal.reason, SW_ADMISSION_PLACES);
    for (int i = 0; i < 10; i++) { /* what is kept for leases and administration */
        assert_int_equal(
            check(&admission, (struct sw_admission_request){.op = SW_OP_LEASE_KEEP_ALIVE}),
            SW_ERR_OK);
        enter(&admission, SW_OP_LEASE_KEEP_ALIVE, 1);
    }
    assert_int_equal(check(&admission, (struct sw_admission_request){.op = SW_OP_STATUS}),
                     SW_ERR_OVERLOADED);
}

static void an_identity_has_as_many_places_as_are_left(void **state)
{
    struct sw_admission admission;

    (void)state;
    sw_admission_init(&admission, (struct sw_node_limits){.in_flight_max = 300});
    for (int i = 0; i < 150; i++) {
        enter(&admission, SW_OP_GET, 1);
    }
    assert_int_equal(
        check(&admission, (struct sw_admission_request){.op = SW_OP_GET, .identity_places = 149}),
        SW_ERR_OK);
    assert_int_equal(
        check(&admission, (struct sw_admission_request){.op = SW_OP_GET, .identity_places = 150}),
        SW_ERR_OVERLOADED);
    assert_int_equal(refusal.reason, SW_ADMISSION_IDENTITY);
    /* Beside others it has few, however many are free. */
    sw_admission_init(&admission, (struct sw_node_limits){0});
    assert_int_equal(
        check(&admission, (struct sw_admission_request){.op = SW_OP_GET, .identity_places = 512}),
        SW_ERR_OK);
    assert_int_equal(check(&admission,
                           (struct sw_admission_request){
                               .op = SW_OP_GET, .identity_places = 512, .others = true}),
                     SW_ERR_OVERLOADED);
    assert_int_equal(check(&admission,
                           (struct sw_admission_request){.op = SW_OP_LEASE_KEEP_ALIVE,
                                                         .identity_places = 512,
                                                         .others = true}),
                     SW_ERR_OK);
    assert_int_equal(check(&admission,
                           (struct sw_admission_request){
                               .op = SW_OP_WATCH, .identity_places = 512, .others = true}),
                     SW_ERR_OK);
    sw_admission_init(&admission, (struct sw_node_limits){.in_flight_max = 300});
    for (int i = 0; i < 150; i++) {
        enter(&admission, SW_OP_GET, 1);
    }
    assert_int_equal(
        check(&admission, (struct sw_admission_request){.op = SW_OP_GET, .identity_places = 63}),
        SW_ERR_OK);
}

static void who_is_late_is_refused_but_for_leases(void **state)
{
    struct sw_admission_request late = {.op = SW_OP_PUT, .late = true, .age_ns = 300000000};
    struct sw_admission admission;

    (void)state;
    sw_admission_init(&admission, (struct sw_node_limits){0});
    assert_int_equal(check(&admission, late), SW_ERR_OVERLOADED);
    assert_int_equal(refusal.reason, SW_ADMISSION_AGE);
    assert_int_equal(refusal.retry_after_ms, 300);
    late.op = SW_OP_LEASE_KEEP_ALIVE;
    assert_int_equal(check(&admission, late), SW_ERR_OK);
}

/* Else each delete would let one put in, and clients saw the state flicker. */
static void a_store_that_was_full_must_be_clearly_free_again(void **state)
{
    struct sw_store_stats stats = {.map_size = 1600000, .used_size = 1500000};
    struct sw_admission admission;

    (void)state;
    sw_admission_init(&admission, (struct sw_node_limits){0});
    sw_admission_store(&admission, &stats);
    assert_true(sw_admission_disk_full(&admission));
    stats.used_size = 1490000;
    sw_admission_store(&admission, &stats);
    assert_true(sw_admission_disk_full(&admission));
    stats.used_size = 1470000;
    sw_admission_store(&admission, &stats);
    assert_false(sw_admission_disk_full(&admission));
    stats.used_size = 1490000; /* and to be full again it has to fill up */
    sw_admission_store(&admission, &stats);
    assert_false(sw_admission_disk_full(&admission));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zeros_stand_for_defaults),
        cmocka_unit_test(bounds_hold_at_their_edge),
        cmocka_unit_test(reads_take_no_room_in_the_queue),
        cmocka_unit_test(reads_that_wait_are_bounded_in_bytes),
        cmocka_unit_test(watches_leave_half_of_the_places),
        cmocka_unit_test(a_full_store_refuses_what_grows_it_only),
        cmocka_unit_test(what_was_admitted_since_the_last_figures_counts),
        cmocka_unit_test(a_flood_of_one_class_leaves_room_for_the_others),
        cmocka_unit_test(an_identity_has_as_many_places_as_are_left),
        cmocka_unit_test(who_is_late_is_refused_but_for_leases),
        cmocka_unit_test(a_store_that_was_full_must_be_clearly_free_again),
        cmocka_unit_test(a_stopping_node_answers_status_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
