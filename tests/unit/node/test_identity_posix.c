/* The data directory has one owner at a time, a stranger leaves no trace, and only a node that has
 * never run may start in an empty one. Crashes: tests/fault/test_first_start.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/first_start.h"
#include "node/identity_posix.h"
#include "storage/disk_posix.h"
#include "storage/wal_engine.h"
#include "tests/unit/storage/temp_dir.h"

static const struct sw_swarm_id swarm = {{1, 2, 3}};
static const struct sw_swarm_id other_swarm = {{1, 2, 4}};
static const struct sw_node_id node = {7};
static char why[SW_WHY_SIZE];

struct place {
    char root[TEMP_DIR_SIZE];
    char data[TEMP_DIR_SIZE + 8];
    char identity[TEMP_DIR_SIZE + 32];
    char marker[TEMP_DIR_SIZE + 32];
};

static int set_up(void **state)
{
    struct place *place = calloc(1, sizeof *place);

    assert_non_null(place);
    temp_dir_make(place->root);
    (void)snprintf(place->data, sizeof place->data, "%s/data", place->root);
    (void)snprintf(place->identity, sizeof place->identity, "%s/identity", place->data);
    (void)snprintf(place->marker, sizeof place->marker, "%s/first-start", place->data);
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

static enum sw_err open_as(const struct place *place,
                           struct sw_swarm_id swarm_id,
                           struct sw_node_id node_id,
                           bool first_start,
                           struct sw_identity **ret_identity)
{
    const struct sw_identity_config config = {
        .data_dir = place->data, .swarm = swarm_id, .node = node_id, .first_start = first_start};

    why[0] = '\0';
    return sw_identity_open(&config, ret_identity, why);
}

/* What swarmd does between open and settle: a log is there from then on. */
static void make_log(const struct sw_identity *identity)
{
    struct sw_wal_engine_config config = {
        .swarm = swarm, .node = node, .segment_size = 256 << 10, .salt = 1};
    struct sw_disk_posix *disk = NULL;
    struct sw_wal_engine *engine = NULL;

    assert_int_equal(sw_disk_posix_new(sw_identity_wal_dir(identity), &disk, why), SW_ERR_OK);
    config.disk = sw_disk_posix_port(disk);
    assert_int_equal(sw_wal_engine_open(&config, &engine, why), SW_ERR_OK);
    sw_wal_engine_close(engine);
    sw_disk_posix_free(disk);
}

static struct sw_identity *started(const struct place *place, bool first_start)
{
    struct sw_identity *identity = NULL;

    assert_int_equal(open_as(place, swarm, node, first_start, &identity), SW_ERR_OK);
    make_log(identity);
    assert_int_equal(sw_identity_settle(identity, why), SW_ERR_OK);
    return identity;
}

static void start_first(const struct place *place)
{
    sw_identity_close(started(place, true));
}

static void start_again(const struct place *place)
{
    sw_identity_close(started(place, false));
}

static void write_marker(const struct place *place, struct sw_node_id node_id)
{
    char text[SW_FIRST_START_SIZE_MAX];
    FILE *file;

    (void)sw_first_start_print(swarm, node_id, text);
    (void)mkdir(place->data, 0700);
    file = fopen(place->marker, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    (void)fclose(file);
}

static bool there(const struct place *place, const char *name)
{
    char path[TEMP_DIR_SIZE + 64];

    (void)snprintf(path, sizeof path, "%s/%s", place->data, name);
    return access(path, F_OK) == 0;
}

static void wipe(const struct place *place, const char *name)
{
    char path[TEMP_DIR_SIZE + 64];

    (void)snprintf(path, sizeof path, "%s/%s", place->data, name);
    temp_dir_remove(path);
    assert_int_not_equal(access(path, F_OK), 0);
}

static void read_text(const struct place *place, char text[512])
{
    FILE *file = fopen(place->identity, "r");

    assert_non_null(file);
    memset(text, 0, 512);
    assert_true(fread(text, 1, 511, file) > 0);
    (void)fclose(file);
}

static void write_text(const struct place *place, const char *text)
{
    FILE *file = fopen(place->identity, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    (void)fclose(file);
}

static void refused(const struct place *place, enum sw_err err)
{
    struct sw_identity *identity = NULL;

    assert_int_equal(open_as(place, swarm, node, false, &identity), err);
    assert_null(identity);
    assert_true(strlen(why) > 0);
    assert_null(strchr(why, '\n'));
}

static void a_fresh_directory_is_made_private(void **state)
{
    const struct place *place = *state;
    struct sw_identity *identity = started(place, true);
    struct stat info;

    assert_int_equal(stat(place->data, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    assert_int_equal(stat(sw_identity_wal_dir(identity), &info), 0);
    assert_int_equal(stat(sw_identity_state_dir(identity), &info), 0);
    sw_identity_close(identity);
    sw_identity_close(NULL);
    start_again(place);
}

/* --- the first start -------------------------------------------------------------------------- */

static void an_empty_directory_is_refused_and_stays_empty(void **state)
{
    const struct place *place = *state;

    refused(place, SW_ERR_DATA_MISSING);
    assert_non_null(strstr(why, "does not exist"));
    assert_int_not_equal(access(place->data, F_OK), 0);
    assert_int_equal(mkdir(place->data, 0700), 0);
    refused(place, SW_ERR_DATA_MISSING);
    assert_non_null(strstr(why, "is empty"));
    assert_int_equal(rmdir(place->data), 0); /* nothing is in it */
}

static void the_marker_lets_it_start_once(void **state)
{
    const struct place *place = *state;

    write_marker(place, node);
    start_again(place);
    assert_false(there(place, "first-start"));
    start_again(place);
    temp_dir_remove(place->data);
    assert_int_equal(mkdir(place->data, 0700), 0);
    refused(place, SW_ERR_DATA_MISSING);
}

static void the_marker_stays_until_the_node_may_vote(void **state)
{
    const struct place *place = *state;
    struct sw_identity *identity = NULL;

    assert_int_equal(open_as(place, swarm, node, true, &identity), SW_ERR_OK);
    assert_true(there(place, "first-start"));
    assert_true(there(place, "identity"));
    sw_identity_close(identity);
    start_again(place); /* as after a crash: goes on without being told again */
    assert_false(there(place, "first-start"));
}

static void a_marker_of_another_node_is_refused(void **state)
{
    const struct place *place = *state;

    write_marker(place, (struct sw_node_id){8});
    refused(place, SW_ERR_STRANGER);
    assert_non_null(strstr(why, "node 8"));
    assert_false(there(place, "LOCK"));
    assert_false(there(place, "identity"));
    assert_true(there(place, "first-start"));
}

static void a_first_start_is_asked_for_once(void **state)
{
    const struct place *place = *state;
    struct sw_identity *identity = NULL;

    start_first(place);
    assert_int_equal(open_as(place, swarm, node, true, &identity), SW_ERR_CONFIG);
    assert_non_null(strstr(why, "without --first-start"));
    assert_false(there(place, "first-start"));
    start_again(place);
}

static void an_identity_without_a_log_is_refused(void **state)
{
    const struct place *place = *state;
    struct sw_identity *identity = NULL;
    char path[TEMP_DIR_SIZE + 64];

    start_first(place);
    wipe(place, "wal");
    refused(place, SW_ERR_DATA_MISSING);
    assert_non_null(strstr(why, "log is gone"));
    assert_false(there(place, "wal"));
    assert_int_equal(open_as(place, swarm, node, true, &identity), SW_ERR_CONFIG);
    (void)snprintf(path, sizeof path, "%s/wal", place->data);
    assert_int_equal(mkdir(path, 0700), 0);
    refused(place, SW_ERR_DATA_MISSING);
    assert_non_null(strstr(why, "log is gone"));
    assert_int_equal(rmdir(path), 0); /* still empty */
}

/* --- whose it is ------------------------------------------------------------------------------ */

static void a_second_owner_is_refused_until_the_first_is_gone(void **state)
{
    const struct place *place = *state;
    struct sw_identity *first = started(place, true);
    char pid[32];

    refused(place, SW_ERR_LOCKED);
    (void)snprintf(pid, sizeof pid, "process %ld", (long)getpid());
    assert_non_null(strstr(why, pid));
    sw_identity_close(first);
    start_again(place);
}

static void strangers_are_refused_and_change_nothing(void **state)
{
    const struct place *place = *state;
    struct sw_identity *identity = NULL;
    char before[512];
    char after[512];

    start_first(place);
    read_text(place, before);
    assert_int_equal(open_as(place, other_swarm, node, false, &identity), SW_ERR_STRANGER);
    assert_int_equal(open_as(place, swarm, (struct sw_node_id){8}, false, &identity),
                     SW_ERR_STRANGER);
    assert_non_null(strstr(why, "node 7"));
    assert_null(identity);
    read_text(place, after);
    assert_string_equal(before, after);
    start_again(place);
}

static void every_damaged_byte_is_noticed(void **state)
{
    const struct place *place = *state;
    char text[512];

    start_first(place);
    read_text(place, text);
    for (size_t i = 0; i < strlen(text); i++) {
        char damaged[512];
        struct sw_identity *identity = NULL;

        memcpy(damaged, text, sizeof damaged);
        damaged[i] ^= 1;
        write_text(place, damaged);
        assert_int_not_equal(open_as(place, swarm, node, false, &identity), SW_ERR_OK);
        assert_null(identity);
    }
    for (size_t size = 0; size < strlen(text); size++) {
        char cut[512];

        memcpy(cut, text, sizeof cut);
        cut[size] = '\0';
        write_text(place, cut);
        refused(place, SW_ERR_CORRUPT);
    }
    write_text(place, text);
    start_again(place);
}

static void a_newer_format_is_left_to_the_newer_program(void **state)
{
    const struct place *place = *state;

    start_first(place);
    write_text(place, "swarmstore-identity 2\nshape of things to come\n");
    refused(place, SW_ERR_NEWER_FORMAT);
}

static void data_without_identity_is_not_taken_over(void **state)
{
    const struct place *place = *state;

    start_first(place);
    assert_int_equal(unlink(place->identity), 0);
    refused(place, SW_ERR_CORRUPT);
}

static void paths_that_cannot_be_are_named(void **state)
{
    struct sw_identity_config config = {.swarm = swarm, .node = node};
    const struct place *place = *state;
    struct sw_identity *identity = NULL;

    config.data_dir = "/nowhere/at/all";
    assert_int_equal(sw_identity_open(&config, &identity, why), SW_ERR_CONFIG);
    assert_non_null(strstr(why, "/nowhere/at/all"));
    start_first(place);
    config.data_dir = place->identity;
    assert_int_equal(sw_identity_open(&config, &identity, why), SW_ERR_CONFIG);
    assert_null(identity);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_fresh_directory_is_made_private, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            an_empty_directory_is_refused_and_stays_empty, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_marker_lets_it_start_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            the_marker_stays_until_the_node_may_vote, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_marker_of_another_node_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_first_start_is_asked_for_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_identity_without_a_log_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_second_owner_is_refused_until_the_first_is_gone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            strangers_are_refused_and_change_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_damaged_byte_is_noticed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_newer_format_is_left_to_the_newer_program, set_up, tear_down),
        cmocka_unit_test_setup_teardown(data_without_identity_is_not_taken_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(paths_that_cannot_be_are_named, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
