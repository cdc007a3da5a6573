/* One table of settings: limits hold, relations hold, what is printed is what counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "node/config.h"

#define KEY_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define KEY_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static char why[SW_WHY_SIZE];

static enum sw_err
set(struct sw_config *config, const char *section, const char *name, const char *value)
{
    why[0] = '\0';
    return sw_config_set(config, section, name, value, SW_CONFIG_FILE, why);
}

static void must_set(struct sw_config *config, const char *section, const char *name, const char *v)
{
    assert_int_equal(set(config, section, name, v), SW_ERR_OK);
}

static struct sw_config good(void)
{
    struct sw_config config;

    sw_config_init(&config);
    must_set(&config, "swarm", "id", "00112233445566778899AABBccddeeff");
    must_set(&config, "node", "id", "1");
    must_set(&config, "node", "data_dir", "/d");
    must_set(&config, "node", "key_file", "/k");
    must_set(&config, "node", "clients_file", "/c");
    must_set(&config, "members", "1", "h:1, h:2, " KEY_A);
    must_set(&config, "members", "2", "h:3,h:4," KEY_B);
    return config;
}

static void defaults_are_the_documented_ones(void **state)
{
    struct sw_config config;

    (void)state;
    sw_config_init(&config);
    assert_string_equal(config.listen_client, "127.0.0.1:6700");
    assert_string_equal(config.listen_peer, "127.0.0.1:6701");
    assert_string_equal(config.listen_http, "127.0.0.1:6702");
    assert_int_equal(config.election_ms, 300);
    assert_int_equal(config.heartbeat_ms, 50);
    assert_int_equal(config.snapshot_bytes, 64 << 20);
    assert_int_equal(config.snapshot_trailing, 4096);
    assert_int_equal(config.wal_segment_size, 64 << 20);
    assert_int_equal(config.map_size, (uint64_t)64 << 30);
}

static void the_example_of_the_header_is_accepted(void **state)
{
    struct sw_config config = good();

    (void)state;
    assert_int_equal(sw_config_check(&config, why), SW_ERR_OK);
    assert_int_equal(config.swarm.bytes[15], 0xff);
    assert_int_equal(config.member_count, 2);
    assert_string_equal(config.members[0].peer_address, "h:1");
    assert_string_equal(config.members[0].client_address, "h:2");
    assert_int_equal(config.members[1].public_key[31], 0xbb);
}

static void every_number_holds_at_its_bounds(void **state)
{
    struct sw_config config;
    uint32_t count = 0;
    const struct sw_config_key *keys = sw_config_keys(&count);

    (void)state;
    sw_config_init(&config);
    for (uint32_t i = 0; i < count; i++) {
        const char *unit = keys[i].type == SW_CONFIG_DURATION ? "ms" : "";
        char text[40];

        if (keys[i].type != SW_CONFIG_NUMBER && keys[i].type != SW_CONFIG_DURATION &&
            keys[i].type != SW_CONFIG_SIZE) {
            continue;
        }
        (void)snprintf(text, sizeof text, "%llu%s", (unsigned long long)keys[i].min, unit);
        must_set(&config, keys[i].section, keys[i].name, text);
        (void)snprintf(text, sizeof text, "%llu%s", (unsigned long long)keys[i].max, unit);
        must_set(&config, keys[i].section, keys[i].name, text);
        if (keys[i].max < UINT64_MAX) {
            (void)snprintf(text, sizeof text, "%llu%s", (unsigned long long)keys[i].max + 1, unit);
            assert_int_equal(set(&config, keys[i].section, keys[i].name, text), SW_ERR_CONFIG);
            assert_non_null(strstr(why, keys[i].name));
        }
        if (keys[i].min > 0) {
            (void)snprintf(text, sizeof text, "%llu%s", (unsigned long long)keys[i].min - 1, unit);
            assert_int_equal(set(&config, keys[i].section, keys[i].name, text), SW_ERR_CONFIG);
        }
    }
}

static void wrong_values_are_named_and_change_nothing(void **state)
{
    struct sw_config config = good();
    const struct sw_config before = config;
    char long_text[SW_CONFIG_PATH_SIZE + 1];

    (void)state;
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    assert_int_equal(set(&config, "node", "name", "x"), SW_ERR_CONFIG);
    assert_non_null(strstr(why, "unknown key \"name\""));
    assert_int_equal(set(&config, "nodes", "id", "1"), SW_ERR_CONFIG);
    assert_int_equal(set(&config, "node", "id", "1x"), SW_ERR_CONFIG);
    assert_int_equal(set(&config, "node", "id", ""), SW_ERR_CONFIG);
    assert_int_equal(set(&config, "raft", "election", "300"), SW_ERR_CONFIG);
    assert_int_equal(set(&config, "swarm", "id", "0011"), SW_ERR_CONFIG);
    assert_int_equal(set(&config, "listen", "peer", "nowhere"), SW_ERR_CONFIG);
    assert_int_equal(set(&config, "node", "data_dir", long_text), SW_ERR_CONFIG);
    assert_int_equal(set(&config, "node", "data_dir", "; x"), SW_ERR_CONFIG);
    assert_int_equal(set(&config, "node", "data_dir", "a ;x"), SW_ERR_CONFIG);
    assert_int_equal(set(&config, "node", "data_dir", " a"), SW_ERR_CONFIG);
    assert_int_equal(set(&config, "node", "data_dir", "a "), SW_ERR_CONFIG);
    assert_int_equal(set(&config, "node", "data_dir", "a\nb"), SW_ERR_CONFIG);
    assert_int_equal(set(&config, "members", "0", "h:1,h:2," KEY_A), SW_ERR_CONFIG);
    assert_int_equal(set(&config, "members", "3", "h:1,h:2"), SW_ERR_CONFIG);
    assert_int_equal(set(&config, "members", "3", "h:1,h:2," KEY_A ",x"), SW_ERR_CONFIG);
    assert_int_equal(set(&config, "members", "3", "h,h:2," KEY_A), SW_ERR_CONFIG);
    assert_memory_equal(&config, &before, sizeof config);
}

static void members_are_bounded_and_replaced_by_id(void **state)
{
    struct sw_config config = good();
    char name[16];

    (void)state;
    must_set(&config, "members", "2", "other:3,h:4," KEY_B);
    assert_int_equal(config.member_count, 2);
    assert_string_equal(config.members[1].peer_address, "other:3");
    for (int i = 3; i <= SW_NODE_COUNT_MAX; i++) {
        (void)snprintf(name, sizeof name, "%d", i);
        must_set(&config, "members", name, "h:3,h:4," KEY_B);
    }
    (void)snprintf(name, sizeof name, "%d", SW_NODE_COUNT_MAX + 1);
    assert_int_equal(set(&config, "members", name, "h:3,h:4," KEY_B), SW_ERR_CONFIG);
}

static void check_fails(struct sw_config config, const char *text)
{
    why[0] = '\0';
    assert_int_equal(sw_config_check(&config, why), SW_ERR_CONFIG);
    assert_non_null(strstr(why, text));
}

static void relations_between_keys_are_checked(void **state)
{
    struct sw_config config = good();

    (void)state;
    memset(&config.swarm, 0, sizeof config.swarm);
    check_fails(config, "swarm.id");
    config = good();
    config.node_id = 0;
    check_fails(config, "node.id");
    config.node_id = 7;
    check_fails(config, "not among");
    config = good();
    config.data_dir[0] = '\0';
    check_fails(config, "data_dir");
    config = good();
    config.key_file[0] = '\0';
    check_fails(config, "key_file");
    config = good();
    config.clients_file[0] = '\0';
    check_fails(config, "clients_file");
    config = good();
    config.listen_peer[0] = '\0';
    check_fails(config, "listen.peer");
    config = good();
    config.heartbeat_ms = 61;
    check_fails(config, "heartbeat");
    config = good();
    must_set(&config, "listen", "http", "0.0.0.0:6702");
    check_fails(config, "loopback");
    must_set(&config, "listen", "http", "");
    assert_int_equal(sw_config_check(&config, why), SW_ERR_OK);
    must_set(&config, "listen", "http", "[::1]:6702");
    assert_int_equal(sw_config_check(&config, why), SW_ERR_OK);
    must_set(&config, "log", "level", "loud");
    check_fails(config, "log.level");
    config = good();
    must_set(&config, "log", "format", "xml");
    check_fails(config, "log.format");
    config = good();
    must_set(&config, "members", "2", "h:3,h:4," KEY_A);
    check_fails(config, "same public key");
}

static void what_is_printed_names_value_and_origin(void **state)
{
    struct sw_config config = good();
    struct sw_buf out = {0};
    const char *text;

    (void)state;
    assert_int_equal(sw_config_set(&config, "raft", "election", "1500ms", SW_CONFIG_FLAG, why),
                     SW_ERR_OK);
    assert_int_equal(sw_config_set(&config, "raft", "heartbeat", "1s", SW_CONFIG_ENVIRONMENT, why),
                     SW_ERR_OK);
    sw_config_print(&config, &out);
    sw_write_u8(&out, 0);
    text = (const char *)out.data;
    assert_non_null(strstr(text, "[swarm]\n# file: "));
    assert_non_null(strstr(text, "id = 00112233445566778899aabbccddeeff\n"));
    assert_non_null(strstr(text, "# flag: a follower waits"));
    assert_non_null(strstr(text, "election = 1500ms\n"));
    assert_non_null(strstr(text, "# environment: interval"));
    assert_non_null(strstr(text, "heartbeat = 1s\n"));
    assert_non_null(strstr(text, "# default: the log is compacted"));
    assert_non_null(strstr(text, "snapshot_bytes = 64MiB\n"));
    assert_non_null(strstr(text, "1 = h:1, h:2, " KEY_A "\n"));
    sw_buf_release(&out);
}

static void help_has_one_line_for_each_flag(void **state)
{
    struct sw_buf out = {0};
    uint32_t count = 0;
    uint32_t lines = 0;

    (void)state;
    (void)sw_config_keys(&count);
    sw_config_help(&out);
    for (size_t i = 0; i < out.size; i++) {
        lines += out.data[i] == '\n' ? 1 : 0;
    }
    assert_int_equal(lines, count);
    sw_write_u8(&out, 0);
    assert_non_null(strstr((const char *)out.data, "--data-dir "));
    sw_buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_the_documented_ones),
        cmocka_unit_test(the_example_of_the_header_is_accepted),
        cmocka_unit_test(every_number_holds_at_its_bounds),
        cmocka_unit_test(wrong_values_are_named_and_change_nothing),
        cmocka_unit_test(members_are_bounded_and_replaced_by_id),
        cmocka_unit_test(relations_between_keys_are_checked),
        cmocka_unit_test(what_is_printed_names_value_and_origin),
        cmocka_unit_test(help_has_one_line_for_each_flag),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
