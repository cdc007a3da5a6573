/* What reaches the file descriptor. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log_posix.h"

static void lines_are_json_when_not_on_a_terminal(void **state)
{
    char text[512] = {0};
    struct sw_log *log;
    int fds[2];

    (void)state;
    assert_int_equal(pipe(fds), 0);
    log = sw_log_new(fds[1], SW_LOG_FORMAT_AUTO, SW_LOG_INFO, 3);
    sw_log_write(log, SW_LOG_DEBUG, "quiet", "not shown");
    sw_log_write(log, SW_LOG_INFO, "start", "hello");
    assert_true(read(fds[0], text, sizeof text - 1) > 0);
    assert_memory_equal(text, "{\"ts\":\"20", 9);
    assert_non_null(strstr(text, "\"event\":\"start\",\"node\":\"3\",\"msg\":\"hello\"}\n"));
    assert_null(strstr(text, "quiet"));
    sw_log_free(log);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static void the_level_can_change_while_running(void **state)
{
    char text[512] = {0};
    struct sw_log *log;
    int fds[2];

    (void)state;
    assert_int_equal(pipe(fds), 0);
    log = sw_log_new(fds[1], SW_LOG_FORMAT_TEXT, SW_LOG_ERROR, 0);
    sw_log_write(log, SW_LOG_WARN, "first", "not shown");
    sw_log_set_level(log, SW_LOG_DEBUG);
    sw_log_write(log, SW_LOG_DEBUG, "second", "shown");
    assert_true(read(fds[0], text, sizeof text - 1) > 0);
    assert_null(strstr(text, "first"));
    assert_non_null(strstr(text, "debug second: shown\n"));
    sw_log_free(log);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static void a_log_that_cannot_be_written_stops_nobody(void **state)
{
    struct sw_log *log = sw_log_new(-1, SW_LOG_FORMAT_JSON, SW_LOG_DEBUG, 0);

    (void)state;
    sw_log_write(log, SW_LOG_ERROR, "lost", "nobody reads this");
    sw_log_free(log);
    sw_log_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_json_when_not_on_a_terminal),
        cmocka_unit_test(the_level_can_change_while_running),
        cmocka_unit_test(a_log_that_cannot_be_written_stops_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
