/* Jobs run at a drain, in order, each finished before the next begins, and what they submit waits
 * for the next drain. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/worker_inline.h"

struct script {
    struct sw_worker_inline worker;
    char said[32];
    size_t count;
};

struct step {
    struct sw_job job; /* first */
    struct script *script;
    struct step *follows; /* submitted by `done` */
    char name;
};

static void say(struct script *script, char letter)
{
    assert_true(script->count + 1 < sizeof script->said);
    script->said[script->count++] = letter;
}

static void on_run(struct sw_job *job)
{
    const struct step *step = (struct step *)(void *)job;

    say(step->script, step->name);
}

static void on_done(struct sw_job *job)
{
    struct step *step = (struct step *)(void *)job;
    struct script *script = step->script;

    say(script, (char)(step->name - 'a' + 'A'));
    if (step->follows != NULL) {
        sw_worker_submit(sw_worker_inline_port(&script->worker), &step->follows->job);
    }
    free(step);
}

static struct step *step_new(struct script *script, char name, struct step *follows)
{
    struct step *step = calloc(1, sizeof *step);

    assert_non_null(step);
    *step = (struct step){.job = {.run = on_run, .done = on_done},
                          .script = script,
                          .follows = follows,
                          .name = name};
    return step;
}

static void jobs_run_in_order_at_a_drain(void **state)
{
    struct script script = {.count = 0};
    struct sw_worker *port;

    (void)state;
    sw_worker_inline_init(&script.worker);
    port = sw_worker_inline_port(&script.worker);
    assert_true(sw_worker_inline_idle(&script.worker));
    assert_int_equal(sw_worker_inline_drain(&script.worker), 0);
    sw_worker_submit(port, &step_new(&script, 'a', step_new(&script, 'c', NULL))->job);
    sw_worker_submit(port, &step_new(&script, 'b', NULL)->job);
    assert_string_equal(script.said, "");
    assert_false(sw_worker_inline_idle(&script.worker));
    assert_int_equal(sw_worker_inline_drain(&script.worker), 2);
    assert_string_equal(script.said, "aAbB");
    assert_false(sw_worker_inline_idle(&script.worker));
    assert_int_equal(sw_worker_inline_drain(&script.worker), 1);
    assert_string_equal(script.said, "aAbBcC");
    assert_true(sw_worker_inline_idle(&script.worker));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(jobs_run_in_order_at_a_drain)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
