/* Whoever wakes the loop, a turn follows; a loop that has nothing to do waits. No test measures
 * time: each would hang (and be killed) if a wake-up were lost. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "node/loop_uv.h"

enum { LONG_MS = 3600000 };

struct world {
    struct sw_loop *loop;
    uint32_t turns;
    uint32_t turns_max; /* stop after so many */
    uint64_t wait_ms;
    int signal;
    int fd;
    uint32_t reads;
};

static void on_turn(void *arg)
{
    struct world *world = arg;

    world->turns++;
    if (world->turns == world->turns_max) {
        sw_loop_stop(world->loop);
    }
}

static uint64_t on_wait(void *arg)
{
    return ((struct world *)arg)->wait_ms;
}

static void on_signal(void *arg, int number)
{
    struct world *world = arg;

    world->signal = number;
    sw_loop_stop(world->loop);
}

static struct world *world_new(void)
{
    struct world *world = calloc(1, sizeof *world);

    assert_non_null(world);
    world->wait_ms = LONG_MS;
    world->loop = sw_loop_new((struct sw_loop_handler){
        .arg = world, .turn = on_turn, .wait_ms = on_wait, .on_signal = on_signal});
    return world;
}

static void world_free(struct world *world)
{
    sw_loop_free(world->loop);
    free(world);
}

static void no_wait_means_turn_after_turn(void **state)
{
    struct world *world = world_new();

    (void)state;
    world->wait_ms = 0;
    world->turns_max = 1000;
    sw_loop_run(world->loop);
    assert_int_equal(world->turns, 1000);
    world_free(world);
}

static void a_short_wait_ends(void **state)
{
    struct world *world = world_new();

    (void)state;
    world->wait_ms = 1;
    world->turns_max = 5;
    sw_loop_run(world->loop);
    assert_int_equal(world->turns, 5);
    world_free(world);
}

static void *wake_later(void *arg)
{
    sw_loop_wake(arg);
    return NULL;
}

static void another_thread_wakes_it(void **state)
{
    struct world *world = world_new();
    pthread_t thread;

    (void)state;
    world->turns_max = 2;
    assert_int_equal(pthread_create(&thread, NULL, wake_later, world->loop), 0);
    sw_loop_run(world->loop); /* the first turn, then an hour, unless woken */
    assert_int_equal(world->turns, 2);
    assert_int_equal(pthread_join(thread, NULL), 0);
    world_free(world);
}

static void on_readable(void *arg)
{
    struct world *world = arg;
    char byte;

    assert_int_equal(read(world->fd, &byte, 1), 1);
    world->reads++;
}

static void a_readable_descriptor_wakes_it(void **state)
{
    struct world *world = world_new();
    int fds[2];

    (void)state;
    assert_int_equal(pipe(fds), 0);
    world->fd = fds[0];
    world->turns_max = 2;
    assert_int_equal(sw_loop_watch(world->loop, fds[0], on_readable, world), SW_ERR_OK);
    assert_int_equal(write(fds[1], "x", 1), 1);
    sw_loop_run(world->loop);
    assert_int_equal(world->reads, 1);
    world_free(world);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

/* What is readable wakes nobody any more, and the descriptor may be closed and come back. */
static void a_descriptor_can_be_let_go(void **state)
{
    struct world *world = world_new();
    int fds[2];

    (void)state;
    assert_int_equal(pipe(fds), 0);
    world->fd = fds[0];
    world->wait_ms = 1;
    world->turns_max = 3;
    assert_int_equal(sw_loop_watch(world->loop, fds[0], on_readable, world), SW_ERR_OK);
    assert_int_equal(write(fds[1], "x", 1), 1);
    sw_loop_unwatch(world->loop, fds[0]);
    sw_loop_unwatch(world->loop, fds[0]);
    (void)close(fds[0]);
    (void)close(fds[1]);
    assert_int_equal(pipe(fds), 0);
    world->fd = fds[0];
    assert_int_equal(sw_loop_watch(world->loop, fds[0], on_readable, world), SW_ERR_OK);
    sw_loop_run(world->loop);
    assert_int_equal(world->reads, 0);
    world_free(world);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static void a_descriptor_that_is_none_is_refused(void **state)
{
    struct world *world = world_new();

    (void)state;
    assert_int_equal(sw_loop_watch(world->loop, 9999, NULL, NULL), SW_ERR_IO);
    world_free(world);
}

static void a_signal_is_told_on_the_loop(void **state)
{
    struct world *world = world_new();

    (void)state;
    assert_int_equal(sw_loop_watch_signal(world->loop, SIGUSR1), SW_ERR_OK);
    assert_int_equal(raise(SIGUSR1), 0);
    sw_loop_run(world->loop);
    assert_int_equal(world->signal, SIGUSR1);
    world_free(world);
    sw_loop_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_wait_means_turn_after_turn),
        cmocka_unit_test(a_short_wait_ends),
        cmocka_unit_test(another_thread_wakes_it),
        cmocka_unit_test(a_readable_descriptor_wakes_it),
        cmocka_unit_test(a_descriptor_can_be_let_go),
        cmocka_unit_test(a_descriptor_that_is_none_is_refused),
        cmocka_unit_test(a_signal_is_told_on_the_loop),
    };

    (void)alarm(60);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
