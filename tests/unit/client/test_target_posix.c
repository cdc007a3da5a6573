/* Proves which of option, URL, environment and usual place decides whom a client talks to. */
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

#include "client/target_posix.h"
#include "tests/unit/storage/temp_dir.h"

static const char text[] =
    "[swarm]\nid = 00112233445566778899aabbccddeeff\n[client]\nkey_file = client.key\n[nodes]\n"
    "1 = h1:6700, aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n"
    "2 = h2:6700, bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\n";

struct place {
    char root[TEMP_DIR_SIZE];
    char config[TEMP_DIR_SIZE + 32];
    char url[TEMP_DIR_SIZE + 96];
};

static char why[SW_WHY_SIZE];

static int set_up(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    FILE *file;

    assert_non_null(place);
    temp_dir_make(place->root);
    (void)snprintf(place->config, sizeof place->config, "%s/client.conf", place->root);
    file = fopen(place->config, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(setenv("HOME", place->root, 1), 0);
    assert_int_equal(unsetenv("SWARM_URL"), 0);
    assert_int_equal(unsetenv("SWARM_CLIENT_CONFIG"), 0);
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

static struct sw_target found(struct sw_target_wanted wanted)
{
    struct sw_target target;

    why[0] = '\0';
    if (sw_target_find(wanted, &target, why) != SW_ERR_OK) {
        fail_msg("%s", why);
    }
    return target;
}

static void the_url_names_settings_and_hosts(void **state)
{
    struct place *place = *state;
    struct sw_target target;

    (void)snprintf(place->url, sizeof place->url, "swarm://h1,2=other:7/?config=%s", place->config);
    target = found((struct sw_target_wanted){.url = place->url});
    assert_int_equal(target.config.node_count, 2);
    assert_string_equal(target.config.nodes[0].address, "h1:6700");
    assert_string_equal(target.config.nodes[1].address, "other:7");
    target = found((struct sw_target_wanted){.endpoints = place->url});
    assert_string_equal(target.config.nodes[1].address, "other:7");
}

static void a_host_that_is_no_nodes_is_refused(void **state)
{
    const struct place *place = *state;
    const struct sw_target_wanted wanted = {.url = "swarm://h3:1", .config_path = place->config};
    struct sw_target target;

    assert_int_equal(sw_target_find(wanted, &target, why), SW_ERR_CONFIG);
    assert_non_null(strstr(why, "h3:1"));
}

static void options_come_before_the_environment(void **state)
{
    const struct place *place = *state;
    const struct sw_target_wanted nothing = {.url = NULL};
    struct sw_target target;

    assert_int_equal(setenv("SWARM_URL", "file:from-environment", 1), 0);
    assert_int_equal(setenv("SWARM_CLIENT_CONFIG", place->config, 1), 0);
    assert_string_equal(found(nothing).url.dir, "from-environment");
    assert_true(found(nothing).url.embedded);
    target = found((struct sw_target_wanted){.url = "file:given"});
    assert_string_equal(target.url.dir, "given");
    target = found((struct sw_target_wanted){.config_path = place->config});
    assert_false(target.url.embedded);
    assert_int_equal(target.config.node_count, 2);
    target = found((struct sw_target_wanted){.endpoints = "1=h9:9"});
    assert_string_equal(target.config.nodes[0].address, "h9:9");
    assert_int_equal(setenv("SWARM_URL", "", 1), 0); /* as if it were not there */
    assert_false(found(nothing).url.embedded);
}

static void without_settings_it_says_where_it_looked(void **state)
{
    const struct sw_target_wanted nothing = {.url = NULL};
    struct sw_target target;

    (void)state;
    assert_int_equal(sw_target_find(nothing, &target, why), SW_ERR_CONFIG);
    assert_non_null(strstr(why, ".config/swarm/client.conf"));
    assert_int_equal(unsetenv("HOME"), 0);
    assert_int_equal(sw_target_find(nothing, &target, why), SW_ERR_CONFIG);
    assert_non_null(strstr(why, "no configuration file is named"));
}

static void a_bad_url_is_refused(void **state)
{
    const struct sw_target_wanted wanted = {.url = "swarm://a b"};
    struct sw_target target;

    (void)state;
    assert_int_equal(sw_target_find(wanted, &target, why), SW_ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_url_names_settings_and_hosts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_host_that_is_no_nodes_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(options_come_before_the_environment, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            without_settings_it_says_where_it_looked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_bad_url_is_refused, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
