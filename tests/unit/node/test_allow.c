/* The list of clients: exact, all or nothing, and rights that only widen upwards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "node/allow.h"

#define KEY_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define KEY_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static const uint8_t *key_of(uint8_t byte)
{
    static uint8_t key[32];

    memset(key, byte, sizeof key);
    return key;
}

static void lines_are_clients(void **state)
{
    struct sw_allow allow = {0};
    char why[SW_WHY_SIZE] = "";

    (void)state;
    assert_int_equal(sw_allow_parse(sw_span_str("# clients\n\n" KEY_B " read\r\n" KEY_A
                                                "\tadmin  ops # no: three words"),
                                    &allow,
                                    why),
                     SW_ERR_CONFIG);
    assert_int_equal(
        sw_allow_parse(
            sw_span_str("# clients\n\n  \n" KEY_B " read\r\n" KEY_A "\tadmin  ops"), &allow, why),
        SW_ERR_OK);
    assert_int_equal(allow.count, 2);
    assert_int_equal(sw_allow_parse(sw_span_str(KEY_B " admin"), &allow, why), SW_ERR_OK);
    assert_int_equal(allow.count, 1); /* replaced, and what it held was released */
    assert_int_equal(sw_allow_parse(sw_span_str(KEY_B " read\n" KEY_A " admin ops"), &allow, why),
                     SW_ERR_OK);
    assert_int_equal(sw_allow_find(&allow, key_of(0xaa))->rights, SW_RIGHTS_ADMIN);
    assert_string_equal(sw_allow_find(&allow, key_of(0xaa))->name, "ops");
    assert_int_equal(sw_allow_find(&allow, key_of(0xbb))->rights, SW_RIGHTS_READ);
    assert_null(sw_allow_find(&allow, key_of(0xcc)));
    sw_allow_release(&allow);
    assert_null(sw_allow_find(&allow, key_of(0xaa)));
}

static void base64_keys_are_the_same_keys(void **state)
{
    struct sw_allow allow = {0};
    char why[SW_WHY_SIZE] = "";

    (void)state;
    assert_int_equal(
        sw_allow_parse(
            sw_span_str("u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7s= write b"), &allow, why),
        SW_ERR_OK);
    assert_int_equal(sw_allow_find(&allow, key_of(0xbb))->rights, SW_RIGHTS_WRITE);
    sw_allow_release(&allow);
}

static void a_wrong_line_changes_nothing_and_is_named(void **state)
{
    static const char *const wrong[] = {
        KEY_A " read\n" KEY_B " everything\n",
        KEY_A " read\n" KEY_B "\n",
        KEY_A " read\nabc read\n",
        KEY_A " read\n" KEY_B "b read\n",
        KEY_A " read\nzbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb read\n",
        KEY_A " read\n" KEY_B " read "
              "a-name-of-more-than-sixty-three-bytes-is-longer-than-anybody-wants-to-read\n",
    };
    struct sw_allow allow = {0};
    char why[SW_WHY_SIZE] = "";

    (void)state;
    assert_int_equal(sw_allow_parse(sw_span_str(KEY_B " admin"), &allow, why), SW_ERR_OK);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        why[0] = '\0';
        assert_int_equal(sw_allow_parse(sw_span_str(wrong[i]), &allow, why), SW_ERR_CONFIG);
        assert_non_null(strstr(why, "line 2"));
        assert_int_equal(allow.count, 1);
        assert_int_equal(sw_allow_find(&allow, key_of(0xbb))->rights, SW_RIGHTS_ADMIN);
    }
    assert_int_equal(sw_allow_parse(sw_span_str(KEY_A " read\n" KEY_A " admin\n"), &allow, why),
                     SW_ERR_CONFIG);
    assert_non_null(strstr(why, "twice"));
    sw_allow_release(&allow);
}

static void rights_widen_upwards(void **state)
{
    (void)state;
    for (int op = 1; op < SW_OP_COUNT + 3; op++) {
        bool before = false;

        for (int rights = SW_RIGHTS_NONE; rights <= SW_RIGHTS_ADMIN; rights++) {
            const bool now = sw_rights_cover((enum sw_rights)rights, (enum sw_op)op);

            assert_true(now || !before);
            before = now;
        }
        assert_false(sw_rights_cover(SW_RIGHTS_NONE, (enum sw_op)op));
        assert_true(sw_rights_cover(SW_RIGHTS_ADMIN, (enum sw_op)op));
        assert_false(sw_op_is_write((enum sw_op)op) &&
                     sw_rights_cover(SW_RIGHTS_READ, (enum sw_op)op));
    }
    assert_true(sw_rights_cover(SW_RIGHTS_READ, SW_OP_SCAN));
    assert_true(sw_rights_cover(SW_RIGHTS_WRITE, SW_OP_EXPERIENCE_APPEND));
    assert_false(sw_rights_cover(SW_RIGHTS_WRITE, SW_OP_TRANSFER));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_clients),
        cmocka_unit_test(base64_keys_are_the_same_keys),
        cmocka_unit_test(a_wrong_line_changes_nothing_and_is_named),
        cmocka_unit_test(rights_widen_upwards),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
