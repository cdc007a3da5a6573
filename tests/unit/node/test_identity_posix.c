/* The data directory has one owner at a time, and a stranger leaves no trace. */
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

#include "node/identity_posix.h"

static const struct sw_swarm_id swarm = {{1, 2, 3}};
static const struct sw_swarm_id other_swarm = {{1, 2, 4}};
static const struct sw_node_id node = {7};
static char why[SW_WHY_SIZE];

struct place {
    char root[64];
    char data[80];
    char identity[96];
};

static int set_up(void **state)
{
    struct place *place = calloc(1, sizeof *place);

    assert_non_null(place);
    (void)snprintf(place->root, sizeof place->root, "/tmp/swarm-identity-XXXXXX");
    assert_non_null(mkdtemp(place->root));
    (void)snprintf(place->data, sizeof place->data, "%s/data", place->root);
    (void)snprintf(place->identity, sizeof place->identity, "%s/identity", place->data);
    *state = place;
    return 0;
}

static int tear_down(void **state)
{
    static const char *const names[] = {
        "data/wal", "data/state", "data/LOCK", "data/identity", "data", "."};
    struct place *place = *state;
    char path[128];

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", place->root, names[i]);
        (void)remove(path);
    }
    (void)rmdir(place->root);
    free(place);
    return 0;
}

static enum sw_err open_as(const struct place *place,
                           struct sw_swarm_id swarm_id,
                           struct sw_node_id node_id,
                           struct sw_identity **ret_identity)
{
    why[0] = '\0';
    return sw_identity_open(place->data, swarm_id, node_id, ret_identity, why);
}

static void open_and_close(const struct place *place)
{
    struct sw_identity *identity = NULL;

    assert_int_equal(open_as(place, swarm, node, &identity), SW_ERR_OK);
    sw_identity_close(identity);
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

    assert_int_equal(open_as(place, swarm, node, &identity), err);
    assert_null(identity);
    assert_true(strlen(why) > 0);
    assert_null(strchr(why, '\n'));
}

static void a_fresh_directory_is_made_private(void **state)
{
    const struct place *place = *state;
    struct sw_identity *identity = NULL;
    struct stat info;

    assert_int_equal(open_as(place, swarm, node, &identity), SW_ERR_OK);
    assert_int_equal(stat(place->data, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    assert_int_equal(stat(sw_identity_wal_dir(identity), &info), 0);
    assert_int_equal(stat(sw_identity_state_dir(identity), &info), 0);
    sw_identity_close(identity);
    sw_identity_close(NULL);
    open_and_close(place);
}

static void a_second_owner_is_refused_until_the_first_is_gone(void **state)
{
    const struct place *place = *state;
    struct sw_identity *first = NULL;
    char pid[32];

    assert_int_equal(open_as(place, swarm, node, &first), SW_ERR_OK);
    refused(place, SW_ERR_LOCKED);
    (void)snprintf(pid, sizeof pid, "process %ld", (long)getpid());
    assert_non_null(strstr(why, pid));
    sw_identity_close(first);
    open_and_close(place);
}

static void strangers_are_refused_and_change_nothing(void **state)
{
    const struct place *place = *state;
    struct sw_identity *identity = NULL;
    char before[512];
    char after[512];

    open_and_close(place);
    read_text(place, before);
    assert_int_equal(open_as(place, other_swarm, node, &identity), SW_ERR_STRANGER);
    assert_int_equal(open_as(place, swarm, (struct sw_node_id){8}, &identity), SW_ERR_STRANGER);
    assert_non_null(strstr(why, "node 7"));
    assert_null(identity);
    read_text(place, after);
    assert_string_equal(before, after);
    open_and_close(place);
}

static void every_damaged_byte_is_noticed(void **state)
{
    const struct place *place = *state;
    char text[512];

    open_and_close(place);
    read_text(place, text);
    for (size_t i = 0; i < strlen(text); i++) {
        char damaged[512];
        struct sw_identity *identity = NULL;

        memcpy(damaged, text, sizeof damaged);
        damaged[i] ^= 1;
        write_text(place, damaged);
        assert_int_not_equal(open_as(place, swarm, node, &identity), SW_ERR_OK);
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
    open_and_close(place);
}

static void a_newer_format_is_left_to_the_newer_program(void **state)
{
    const struct place *place = *state;

    open_and_close(place);
    write_text(place, "swarmstore-identity 2\nshape of things to come\n");
    refused(place, SW_ERR_NEWER_FORMAT);
}

static void data_without_identity_is_not_taken_over(void **state)
{
    const struct place *place = *state;

    open_and_close(place);
    assert_int_equal(unlink(place->identity), 0);
    refused(place, SW_ERR_CORRUPT);
}

static void paths_that_cannot_be_are_named(void **state)
{
    const struct place *place = *state;
    struct sw_identity *identity = NULL;

    assert_int_equal(sw_identity_open("/nowhere/at/all", swarm, node, &identity, why),
                     SW_ERR_CONFIG);
    assert_non_null(strstr(why, "/nowhere/at/all"));
    open_and_close(place);
    assert_int_equal(sw_identity_open(place->identity, swarm, node, &identity, why), SW_ERR_CONFIG);
    assert_null(identity);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_fresh_directory_is_made_private, set_up, tear_down),
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
