/* Rights: every operation by every kind of author, prefixes, tenants, sessions; then random
 * identities and operations beside a model that is written another way. */
#include "base/prng.h"
#include "node/rights.h"
#include "tests/unit/node/state_kit.h"

#define ID_A "0000000000000000000000000000000a"
#define ID_B "0000000000000000000000000000000b"

static const struct sw_author alice = {.id = {[15] = 0x0a}};
static const struct sw_author bob = {.id = {[15] = 0x0b}};
static const struct sw_author listed = {.id = {[15] = 0x0c}, .flags = SW_AUTHOR_LISTED};

static void set(struct sw_settings *settings, const char *name, const char *text)
{
    struct sw_setting setting;
    char why[SW_WHY_SIZE];

    assert_int_equal(
        sw_setting_parse(SW_SETTING_IDENTITY, sw_span_str(name), sw_span_str(text), &setting, why),
        SW_ERR_OK);
    sw_settings_set(settings, &setting);
    sw_settings_index(settings);
}

static struct sw_request at(enum sw_op op, const char *tenant, const char *name_space)
{
    return (struct sw_request){.op = op,
                               .tenant = sw_span_str(tenant),
                               .name_space = sw_span_str(name_space),
                               .partition = sw_span_str("p"),
                               .key = sw_span_str("k")};
}

static bool
may(const struct sw_settings *settings, const struct sw_author *author, struct sw_request request)
{
    char why[SW_WHY_SIZE] = "";
    const enum sw_err err = sw_rights_check(settings, author, &request, why);

    assert_true(err == SW_ERR_OK || err == SW_ERR_UNAUTHORIZED);
    assert_int_equal(err == SW_ERR_OK, why[0] == '\0');
    return err == SW_ERR_OK;
}

static void a_right_is_of_a_tenant_and_a_prefix(void **state)
{
    struct sw_settings settings = {0};

    (void)state;
    set(&settings, "alice", "id=" ID_A "\nright=r acme notes\nright=w acme notes-x\n");
    assert_true(may(&settings, &alice, at(SW_OP_GET, "acme", "notes")));
    assert_true(may(&settings, &alice, at(SW_OP_SCAN, "acme", "notes-y")));
    assert_false(may(&settings, &alice, at(SW_OP_GET, "acme", "note")));
    assert_false(may(&settings, &alice, at(SW_OP_GET, "acm", "notes")));
    assert_false(may(&settings, &alice, at(SW_OP_GET, "acmes", "notes")));
    assert_false(may(&settings, &alice, at(SW_OP_PUT, "acme", "notes")));
    assert_true(may(&settings, &alice, at(SW_OP_PUT, "acme", "notes-x")));
    assert_true(may(&settings, &alice, at(SW_OP_TXN, "acme", "notes-x")));
    assert_false(may(&settings, &alice, at(SW_OP_TXN, "acme", "notes")));
    assert_false(may(&settings, &bob, at(SW_OP_GET, "acme", "notes")));
    sw_settings_release(&settings);
}

static void a_write_that_shows_the_record_needs_to_read(void **state)
{
    struct sw_settings settings = {0};
    struct sw_request put = at(SW_OP_PUT, "acme", "n");

    (void)state;
    set(&settings, "alice", "id=" ID_A "\nright=w acme\n");
    assert_true(may(&settings, &alice, put));
    put.flags = SW_REQUEST_PREVIOUS;
    assert_false(may(&settings, &alice, put));
    assert_false(may(&settings, &alice, at(SW_OP_WATCH, "acme", "n")));
    sw_settings_release(&settings);
}

static void the_star_is_every_tenant_but_the_reserved_one(void **state)
{
    struct sw_settings settings = {0};

    (void)state;
    set(&settings, "alice", "id=" ID_A "\nright=rw *\n");
    set(&settings, "bob", "id=" ID_B "\nright=a *\n");
    assert_true(may(&settings, &alice, at(SW_OP_PUT, "any", "n")));
    assert_false(may(&settings, &alice, at(SW_OP_GET, SW_SYSTEM_TENANT, "settings")));
    assert_false(may(&settings, &alice, at(SW_OP_PUT, SW_SYSTEM_TENANT, "settings")));
    assert_false(may(&settings, &alice, at(SW_OP_SETTING_PUT, "", "")));
    assert_true(may(&settings, &bob, at(SW_OP_GET, SW_SYSTEM_TENANT, "settings")));
    assert_false(may(&settings, &bob, at(SW_OP_PUT, SW_SYSTEM_TENANT, "settings")));
    assert_true(may(&settings, &bob, at(SW_OP_TRANSFER, "", "")));
    assert_false(may(&settings, &administrator, at(SW_OP_DELETE, SW_SYSTEM_TENANT, "settings")));
    sw_settings_release(&settings);
}

static void keys_of_the_file_have_data_or_all(void **state)
{
    const struct sw_settings settings = {0};

    (void)state;
    assert_true(may(&settings, &listed, at(SW_OP_PUT, "any", "n")));
    assert_true(may(&settings, &listed, at(SW_OP_STATUS, "", "")));
    assert_false(may(&settings, &listed, at(SW_OP_GET, SW_SYSTEM_TENANT, "settings")));
    assert_false(may(&settings, &listed, at(SW_OP_RESTART, "", "")));
    assert_true(may(&settings, &administrator, at(SW_OP_RESTART, "", "")));
    assert_true(may(&settings, &administrator, at(SW_OP_GET, SW_SYSTEM_TENANT, "settings")));
    assert_true(sw_rights_administers(&settings, &administrator));
    assert_false(sw_rights_administers(&settings, &listed));
}

static void whoever_administers_a_scope_sets_its_retention_alone(void **state)
{
    struct sw_settings settings = {0};
    struct sw_request put = {.op = SW_OP_SETTING_PUT,
                             .partition = sw_span_str("retention"),
                             .key = sw_span_str("acme notes")};

    (void)state;
    set(&settings, "alice", "id=" ID_A "\nright=ra acme notes\n");
    assert_true(may(&settings, &alice, put));
    put.key = sw_span_str("acme");
    assert_false(may(&settings, &alice, put));
    put.key = sw_span_str("other notes");
    assert_false(may(&settings, &alice, put));
    put.key = sw_span_str("acme notes");
    put.partition = sw_span_str("quota");
    assert_false(may(&settings, &alice, put));
    put.partition = sw_span_str("identity");
    assert_false(may(&settings, &alice, put));
    sw_settings_release(&settings);
}

static void a_session_is_its_owners(void **state)
{
    const uint8_t nobody[SW_IDENTITY_ID_SIZE] = {0};

    (void)state;
    assert_true(sw_rights_own_session(alice.id, &alice));
    assert_false(sw_rights_own_session(alice.id, &bob));
    assert_false(sw_rights_own_session(alice.id, &administrator));
    assert_false(sw_rights_own_session(nobody, &alice));
    assert_true(sw_rights_own_session(nobody, &listed));
    assert_true(sw_rights_own_session(nobody, &administrator));
}

/* --- beside a model --------------------------------------------------------------------------- */

static const char *const tenants[] = {"a", "b", "ab", SW_SYSTEM_TENANT};
static const char *const spaces[] = {"x", "xy", "y", "xyz"};

/* A right as three letters, a tenant and a prefix; the identity's text is made from it. */
struct model_right {
    unsigned bits, tenant, prefix;
};

enum { MODEL_RIGHTS = 3, STAR = 3, NO_PREFIX = 3 };

static void describe(const struct model_right *right, struct sw_buf *text)
{
    static const char *const letters[] = {"", "r", "w", "rw", "a", "ra", "wa", "rwa"};

    sw_write_bytes(text, sw_span_str("right="));
    sw_write_bytes(text, sw_span_str(letters[right->bits]));
    sw_write_bytes(text, sw_span_str(" "));
    sw_write_bytes(text, sw_span_str(right->tenant == STAR ? "*" : tenants[right->tenant]));
    if (right->prefix != NO_PREFIX) {
        sw_write_bytes(text, sw_span_str(" "));
        sw_write_bytes(text, sw_span_str(spaces[right->prefix]));
    }
    sw_write_bytes(text, sw_span_str("\n"));
}

static bool model_reads(enum sw_op op)
{
    return op == SW_OP_GET || op == SW_OP_SCAN || op == SW_OP_EXPERIENCE_SCAN ||
           op == SW_OP_MULTI_GET || op == SW_OP_LEASE_LIST || op == SW_OP_WATCH || op == SW_OP_TXN;
}

static bool model_writes(enum sw_op op)
{
    return op == SW_OP_PUT || op == SW_OP_CAS || op == SW_OP_DELETE || op == SW_OP_TXN ||
           op == SW_OP_EXPERIENCE_APPEND || op == SW_OP_LEASE_GRANT ||
           op == SW_OP_LEASE_KEEP_ALIVE || op == SW_OP_LEASE_REVOKE;
}

static bool
model_may(const struct model_right *rights, enum sw_op op, unsigned tenant, unsigned space)
{
    unsigned held = 0;
    bool all = false;

    for (unsigned i = 0; i < MODEL_RIGHTS; i++) {
        const bool in_tenant = rights[i].tenant == STAR || rights[i].tenant == tenant;
        const bool in_space =
            rights[i].prefix == NO_PREFIX ||
            strncmp(spaces[space], spaces[rights[i].prefix], strlen(spaces[rights[i].prefix])) == 0;

        held |= in_tenant && in_space ? rights[i].bits : 0;
        all = all ||
              (rights[i].bits >= 4 && rights[i].tenant == STAR && rights[i].prefix == NO_PREFIX);
    }
    if (tenant == 3) {
        return all && model_reads(op) && op != SW_OP_TXN;
    }
    if (all) {
        return true;
    }
    return (!model_reads(op) || (held & 1) != 0) && (!model_writes(op) || (held & 2) != 0);
}

static void one_random_identity(struct sw_prng *prng)
{
    struct model_right rights[MODEL_RIGHTS];
    struct sw_settings settings = {0};
    struct sw_buf text = {0};

    sw_write_bytes(&text, sw_span_str("id=" ID_A "\n"));
    for (unsigned i = 0; i < MODEL_RIGHTS; i++) {
        rights[i] = (struct model_right){.bits = (unsigned)sw_prng_range(prng, 1, 7),
                                         .tenant = (unsigned)sw_prng_range(prng, 0, STAR),
                                         .prefix = (unsigned)sw_prng_range(prng, 0, NO_PREFIX)};
        describe(&rights[i], &text);
    }
    sw_write_u8(&text, 0);
    set(&settings, "alice", (const char *)text.data);
    for (unsigned op = 1; op < SW_OP_COUNT; op++) {
        for (unsigned i = 0; i < 16 && (model_reads(op) || model_writes(op)); i++) {
            assert_int_equal(
                may(&settings, &alice, at((enum sw_op)op, tenants[i / 4], spaces[i % 4])),
                model_may(rights, (enum sw_op)op, i / 4, i % 4));
            assert_false(may(&settings, &bob, at((enum sw_op)op, tenants[i / 4], spaces[i % 4])));
        }
    }
    sw_settings_release(&settings);
    sw_buf_release(&text);
}

static void random_identities_may_what_the_model_says(void **state)
{
    struct sw_prng prng = sw_prng_of(4001);

    (void)state;
    for (int i = 0; i < 2000; i++) {
        one_random_identity(&prng);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_right_is_of_a_tenant_and_a_prefix),
        cmocka_unit_test(a_write_that_shows_the_record_needs_to_read),
        cmocka_unit_test(the_star_is_every_tenant_but_the_reserved_one),
        cmocka_unit_test(keys_of_the_file_have_data_or_all),
        cmocka_unit_test(whoever_administers_a_scope_sets_its_retention_alone),
        cmocka_unit_test(a_session_is_its_owners),
        cmocka_unit_test(random_identities_may_what_the_model_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
