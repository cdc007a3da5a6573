/* Flags over environment over file over defaults, and nothing unknown in any of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "node/config.h"

#define KEY_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static char why[SW_WHY_SIZE];

static enum sw_err flags(struct sw_config *config, const char *one, const char *two)
{
    const char *const argv[] = {"swarmd", one, two, NULL};

    why[0] = '\0';
    return sw_config_flags(config, two == NULL ? 2 : 3, argv, why);
}

static enum sw_err environment(struct sw_config *config, const char *variable)
{
    const char *const all[] = {"PATH=/bin", "SWARMCTL_X=1", "SWARM_CONFIG=/f", variable, NULL};

    why[0] = '\0';
    return sw_config_environment(config, all, why);
}

static void the_stronger_source_wins(void **state)
{
    struct sw_config config;

    (void)state;
    sw_config_init(&config);
    assert_int_equal(sw_config_set(&config, "raft", "snapshot_trailing", "5", SW_CONFIG_FILE, why),
                     SW_ERR_OK);
    assert_int_equal(environment(&config, "SWARM_RAFT_SNAPSHOT_TRAILING=6"), SW_ERR_OK);
    assert_int_equal(config.snapshot_trailing, 6);
    assert_int_equal(flags(&config, "--snapshot-trailing=7", NULL), SW_ERR_OK);
    assert_int_equal(config.snapshot_trailing, 7);
    assert_int_equal(flags(&config, "--snapshot-trailing", "8"), SW_ERR_OK);
    assert_int_equal(config.snapshot_trailing, 8);
}

static void every_key_has_a_flag_and_a_variable(void **state)
{
    struct sw_config config;
    uint32_t count = 0;
    const struct sw_config_key *keys = sw_config_keys(&count);

    (void)state;
    sw_config_init(&config);
    for (uint32_t i = 0; i < count; i++) {
        char flag[64];
        const char *value = keys[i].value;

        if (keys[i].type == SW_CONFIG_SWARM_ID) {
            value = "00112233445566778899aabbccddeeff";
        }
        (void)snprintf(flag, sizeof flag, "--%s", keys[i].flag);
        assert_int_equal(flags(&config, flag, value), SW_ERR_OK);
        assert_int_equal(config.origins[i], SW_CONFIG_FLAG);
        for (uint32_t j = 0; j < i; j++) {
            assert_string_not_equal(keys[i].flag, keys[j].flag);
        }
    }
    assert_int_equal(environment(&config, "SWARM_STORAGE_WAL_SEGMENT=16MiB"), SW_ERR_OK);
    assert_int_equal(config.wal_segment_size, 16 << 20);
}

static void unknown_names_are_errors(void **state)
{
    struct sw_config config;

    (void)state;
    sw_config_init(&config);
    assert_int_equal(flags(&config, "--data-dri", "/x"), SW_ERR_CONFIG);
    assert_non_null(strstr(why, "data-dri"));
    assert_int_equal(flags(&config, "--data-dir", NULL), SW_ERR_CONFIG);
    assert_non_null(strstr(why, "missing"));
    assert_int_equal(flags(&config, "-d", NULL), SW_ERR_CONFIG);
    assert_int_equal(flags(&config, "stray", NULL), SW_ERR_CONFIG);
    assert_int_equal(flags(&config, "--", NULL), SW_ERR_CONFIG);
    assert_int_equal(flags(&config, "--help=1", NULL), SW_ERR_CONFIG);
    assert_int_equal(environment(&config, "SWARM_NODE_NAME=x"), SW_ERR_CONFIG);
    assert_non_null(strstr(why, "SWARM_NODE_NAME"));
    assert_int_equal(environment(&config, "SWARM_RAFT_ELECTON=1s"), SW_ERR_CONFIG);
    assert_int_equal(environment(&config, "SWARM_=x"), SW_ERR_OK); /* no section of ours */
    assert_int_equal(environment(&config, "SWARM_SERVICE_HOST=x"), SW_ERR_OK);
    assert_int_equal(environment(&config, "SWARM_NODE_ID"), SW_ERR_OK); /* no variable at all */
}

static void members_can_come_from_anywhere(void **state)
{
    struct sw_config config;

    (void)state;
    sw_config_init(&config);
    assert_int_equal(environment(&config, "SWARM_MEMBERS_3=h:1,h:2," KEY_A), SW_ERR_OK);
    assert_int_equal(flags(&config, "--member", "4=h:3,h:4," KEY_A), SW_ERR_OK);
    assert_int_equal(flags(&config, "--member=5=h:5,h:6," KEY_A, NULL), SW_ERR_OK);
    assert_int_equal(config.member_count, 3);
    assert_int_equal(config.members[2].id.value, 5);
    assert_string_equal(config.members[2].client_address, "h:6");
    assert_int_equal(flags(&config, "--member", "h:3"), SW_ERR_CONFIG);
    assert_int_equal(environment(&config, "SWARM_MEMBERS_x=h:1,h:2," KEY_A), SW_ERR_CONFIG);
}

static void what_is_asked_for_is_known_before_settings(void **state)
{
    const char *const argv[] = {
        "swarmd", "--config", "/f", "--node-id", "nonsense", "--check-config", NULL};
    const char *const other[] = {"swarmd", "--config=/g", "--print-config", "--help", "--version"};
    const char *const chaos[] = {"swarmd", "--plant", "A,B", "--buggify=7", "--fault-control=/c"};
    struct sw_config_command command = {0};
    struct sw_config config;

    (void)state;
    assert_int_equal(sw_config_command_of(6, argv, &command, why), SW_ERR_OK);
    assert_string_equal(command.file, "/f");
    assert_true(command.check);
    assert_false(command.print);
    assert_int_equal(sw_config_command_of(5, other, &command, why), SW_ERR_OK);
    assert_string_equal(command.file, "/g");
    assert_true(command.print);
    assert_true(command.help);
    assert_true(command.version);
    assert_null(command.plant);
    assert_int_equal(sw_config_command_of(5, chaos, &command, why), SW_ERR_OK);
    assert_string_equal(command.plant, "A,B");
    assert_string_equal(command.buggify, "7");
    assert_string_equal(command.fault_control, "/c");
    sw_config_init(&config);
    assert_int_equal(sw_config_flags(&config, 6, argv, why), SW_ERR_CONFIG); /* nonsense */
}

/* A permission that could stay on in a file would be there on the day the disk is lost. */
static void a_first_start_is_asked_for_on_the_command_line_only(void **state)
{
    const char *const argv[] = {"swarmd", "--first-start", NULL};
    const char *const valued[] = {"swarmd", "--first-start=no", NULL};
    struct sw_config config;

    (void)state;
    sw_config_init(&config);
    assert_false(config.first_start);
    assert_int_equal(environment(&config, "SWARM_NODE_FIRST_START=1"), SW_ERR_CONFIG);
    assert_int_equal(sw_config_set(&config, "node", "first_start", "1", SW_CONFIG_FILE, why),
                     SW_ERR_CONFIG);
    assert_int_equal(sw_config_flags(&config, 2, valued, why), SW_ERR_CONFIG);
    assert_false(config.first_start);
    assert_int_equal(sw_config_flags(&config, 2, argv, why), SW_ERR_OK);
    assert_true(config.first_start);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_stronger_source_wins),
        cmocka_unit_test(every_key_has_a_flag_and_a_variable),
        cmocka_unit_test(unknown_names_are_errors),
        cmocka_unit_test(members_can_come_from_anywhere),
        cmocka_unit_test(what_is_asked_for_is_known_before_settings),
        cmocka_unit_test(a_first_start_is_asked_for_on_the_command_line_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
