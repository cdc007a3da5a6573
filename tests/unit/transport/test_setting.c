/* Settings as text: what each kind takes, what it refuses and with which words, and its one form.
 */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
/* clang-format on */

#include "transport/setting.h"

#define HEX32 "000102030405060708090a0b0c0d0eff"

static enum sw_err
parse(enum sw_setting_kind kind, const char *name, const char *text, struct sw_setting *setting)
{
    char why[SW_WHY_SIZE] = "";
    const enum sw_err err =
        sw_setting_parse(kind, sw_span_str(name), sw_span_str(text), setting, why);

    assert_int_equal(err == SW_ERR_OK, why[0] == '\0');
    return err;
}

static void refused(enum sw_setting_kind kind, const char *name, const char *text)
{
    struct sw_setting setting;

    assert_int_equal(parse(kind, name, text, &setting), SW_ERR_INVALID);
}

static void prints(const struct sw_setting *setting, const char *text)
{
    struct sw_buf out = {0};

    sw_setting_print(setting, &out);
    assert_int_equal(out.size, strlen(text));
    assert_memory_equal(out.data, text, out.size);
    sw_buf_release(&out);
}

static void an_identity_has_an_id_and_rights(void **state)
{
    static struct sw_setting setting;

    (void)state;
    assert_int_equal(parse(SW_SETTING_IDENTITY,
                           "alice",
                           "right=rw acme notes-\nid=" HEX32 "\nright=rwa *\nright=r b\nnote=a b",
                           &setting),
                     SW_ERR_OK);
    assert_string_equal(setting.name, "alice");
    assert_int_equal(setting.id[15], 0xff);
    assert_int_equal(setting.rights.count, 3);
    assert_int_equal(setting.rights.rows[0].rights, SW_RIGHT_READ | SW_RIGHT_WRITE);
    assert_string_equal(setting.rights.rows[0].tenant, "acme");
    assert_string_equal(setting.rights.rows[0].prefix, "notes-");
    assert_int_equal(setting.rights.rows[1].rights, SW_RIGHT_ALL);
    prints(&setting, "id=" HEX32 "\nnote=a b\nright=rw acme notes-\nright=rwa *\nright=r b\n");
}

static void bad_identities_are_refused(void **state)
{
    (void)state;
    refused(SW_SETTING_IDENTITY, "", "id=" HEX32);
    refused(SW_SETTING_IDENTITY, "two words", "id=" HEX32);
    refused(SW_SETTING_IDENTITY, "alice", "");
    refused(SW_SETTING_IDENTITY, "alice", "right=r acme");
    refused(SW_SETTING_IDENTITY, "alice", "id=" HEX32 "\nid=" HEX32);
    refused(SW_SETTING_IDENTITY, "alice", "id=000102030405060708090A0B0C0D0EFF");
    refused(SW_SETTING_IDENTITY, "alice", "id=" HEX32 "0");
    refused(SW_SETTING_IDENTITY, "alice", "id=" HEX32 "\n\n");
    refused(SW_SETTING_IDENTITY, "alice", "id=" HEX32 "\nkeys=1");
    refused(SW_SETTING_IDENTITY, "alice", "id=" HEX32 "\nnote=");
    refused(SW_SETTING_IDENTITY, "alice", "id=" HEX32 "\nnote=\x01");
}

static void bad_rights_are_refused(void **state)
{
    static const char *const texts[] = {"",
                                        "r",
                                        "r ",
                                        " acme",
                                        "wr acme",
                                        "rr acme",
                                        "x acme",
                                        "rwx acme",
                                        "r acme ",
                                        "r acme a b",
                                        "r  acme",
                                        "r ~swarm",
                                        "r \x7f",
                                        "r 012345678901234567890123456789012"};
    struct sw_right right;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_false(sw_right_parse(sw_span_str(texts[i]), &right));
    }
    assert_true(sw_right_parse(sw_span_str("ra acme"), &right));
    assert_int_equal(right.rights, SW_RIGHT_READ | SW_RIGHT_ADMIN);
}

static void an_identity_has_at_most_so_many_rights(void **state)
{
    static struct sw_setting setting;
    struct sw_buf text = {0};
    char why[SW_WHY_SIZE];

    (void)state;
    sw_write_bytes(&text, sw_span_str("id=" HEX32 "\n"));
    for (int i = 0; i < SW_SETTING_RIGHT_COUNT_MAX; i++) {
        sw_write_bytes(&text, sw_span_str("right=r acme\n"));
    }
    assert_int_equal(
        sw_setting_parse(SW_SETTING_IDENTITY, sw_span_str("a"), sw_buf_span(&text), &setting, why),
        SW_ERR_OK);
    sw_write_bytes(&text, sw_span_str("right=r acme\n"));
    assert_int_equal(
        sw_setting_parse(SW_SETTING_IDENTITY, sw_span_str("a"), sw_buf_span(&text), &setting, why),
        SW_ERR_INVALID);
    sw_buf_release(&text);
}

static void a_quota_is_of_a_tenant_or_a_namespace(void **state)
{
    static struct sw_setting setting;

    (void)state;
    assert_int_equal(
        parse(SW_SETTING_QUOTA, "acme notes", "keys=9223372036854775807\nbytes=0\n", &setting),
        SW_ERR_OK);
    assert_int_equal(setting.quota.keys, INT64_MAX);
    assert_int_equal(setting.quota.bytes, 0);
    prints(&setting, "keys=9223372036854775807\n");
    assert_int_equal(parse(SW_SETTING_QUOTA, "acme", "", &setting), SW_ERR_OK);
    assert_int_equal(setting.quota.keys, 0);
    refused(SW_SETTING_QUOTA, "acme notes", "keys=9223372036854775808");
    refused(SW_SETTING_QUOTA, "acme notes", "keys=01");
    refused(SW_SETTING_QUOTA, "acme notes", "keys=");
    refused(SW_SETTING_QUOTA, "acme notes", "keys=-1");
    refused(SW_SETTING_QUOTA, "acme notes", "keys");
    refused(SW_SETTING_QUOTA, "acme ", "keys=1");
    refused(SW_SETTING_QUOTA, " notes", "keys=1");
    refused(SW_SETTING_QUOTA, "acme notes more", "keys=1");
    refused(SW_SETTING_QUOTA, "~swarm", "keys=1");
    refused(SW_SETTING_QUOTA, "~swarm settings", "keys=1");
}

static void the_other_kinds_have_their_own_lines(void **state)
{
    static struct sw_setting setting;

    (void)state;
    assert_int_equal(
        parse(SW_SETTING_RETENTION, "acme", "keep_last=3\nmax_age_ms=5\nmax_bytes=7\n", &setting),
        SW_ERR_OK);
    assert_int_equal(setting.retention.keep_last, 3);
    assert_int_equal(setting.retention.max_age_ms, 5);
    assert_int_equal(setting.retention.max_bytes, 7);
    assert_int_equal(parse(SW_SETTING_TENANT, "acme", "note=first", &setting), SW_ERR_OK);
    assert_string_equal(setting.note, "first");
    assert_int_equal(
        parse(SW_SETTING_TOKEN, "t", "id=" HEX32 "\nuntil_ms=9\nright=r acme", &setting),
        SW_ERR_OK);
    assert_int_equal(setting.id[15], 0xff);
    assert_int_equal(setting.until_ms, 9);
    refused(SW_SETTING_RETENTION, "acme", "keys=3");
    refused(SW_SETTING_TENANT, "~swarm", "");
    refused(SW_SETTING_TENANT, "a b", "");
    refused(SW_SETTING_TOKEN, "t", "until_ms=9");
    refused(SW_SETTING_KIND_COUNT, "t", "");
}

static void a_setting_has_a_size_limit(void **state)
{
    static char text[SW_SETTING_SIZE_MAX + 2];
    static struct sw_setting setting;

    (void)state;
    memset(text, '\n', sizeof text - 1);
    assert_int_equal(parse(SW_SETTING_TENANT, "acme", text, &setting), SW_ERR_TOO_LARGE);
}

static void kinds_have_names(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < SW_SETTING_KIND_COUNT; kind++) {
        const char *name = sw_setting_kind_name((enum sw_setting_kind)kind);

        assert_int_equal(sw_setting_kind_of(sw_span_str(name)), kind);
    }
    assert_int_equal(sw_setting_kind_of(sw_span_str("role")), SW_SETTING_KIND_COUNT);
    assert_int_equal(sw_setting_kind_of(sw_span_str("")), SW_SETTING_KIND_COUNT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_identity_has_an_id_and_rights),
        cmocka_unit_test(bad_identities_are_refused),
        cmocka_unit_test(bad_rights_are_refused),
        cmocka_unit_test(an_identity_has_at_most_so_many_rights),
        cmocka_unit_test(a_quota_is_of_a_tenant_or_a_namespace),
        cmocka_unit_test(the_other_kinds_have_their_own_lines),
        cmocka_unit_test(a_setting_has_a_size_limit),
        cmocka_unit_test(kinds_have_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
