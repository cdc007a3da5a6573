/* Links as a program uses them: from both ends, several deep, and gone with either end. */
#include <stdlib.h>

#include "tests/unit/client/recipe_kit.h"

static void put_key(struct kit *kit, const char *key)
{
    assert_int_equal(swarm_put(kit->client, scope, swarm_str(key), swarm_str("x"), NULL), SWARM_OK);
}

static enum swarm_status
link_keys(struct kit *kit, const char *from, const char *type, const char *to)
{
    const struct swarm_link link = {
        .from = swarm_str(from), .to = swarm_str(to), .type = swarm_str(type), .score = 800};

    return swarm_link_put(kit->client, scope, &link, NULL, NULL, 0);
}

/* The ends that a walk finds, in order, as one line: "b c". */
static const char *walk(struct kit *kit, struct swarm_link_query query)
{
    static char line[256];
    struct swarm_links *links = NULL;
    size_t size = 0;

    assert_int_equal(swarm_link_follow(kit->client, scope, &query, &links, NULL, 0), SWARM_OK);
    line[0] = '\0';
    for (size_t i = 0; i < swarm_links_count(links); i++) {
        const struct swarm_link *link = swarm_links_at(links, i);
        const struct swarm_slice end = query.backward ? link->from : link->to;

        size += (size_t)snprintf(line + size,
                                 sizeof line - size,
                                 "%s%.*s%u",
                                 i == 0 ? "" : " ",
                                 (int)end.size,
                                 (const char *)end.data,
                                 (unsigned)link->depth);
    }
    swarm_links_free(links);
    return line;
}

static void links_are_found_from_both_ends(void **unused)
{
    struct kit kit = kit_open();

    (void)unused;
    put_key(&kit, "a");
    put_key(&kit, "b");
    put_key(&kit, "c");
    assert_int_equal(link_keys(&kit, "a", "shows", "b"), SWARM_OK);
    assert_int_equal(link_keys(&kit, "b", "shows", "c"), SWARM_OK);
    assert_int_equal(link_keys(&kit, "a", "quotes", "c"), SWARM_OK);
    assert_string_equal(
        walk(&kit, (struct swarm_link_query){.key = swarm_str("a"), .type = "shows"}), "b1");
    assert_string_equal(walk(&kit, (struct swarm_link_query){.key = swarm_str("a")}), "c1 b1");
    assert_string_equal(
        walk(&kit, (struct swarm_link_query){.key = swarm_str("a"), .type = "shows", .depth = 8}),
        "b1 c2");
    assert_string_equal(
        walk(&kit,
             (struct swarm_link_query){
                 .key = swarm_str("c"), .backward = true, .type = "shows", .depth = 2}),
        "b1 a2");
    /* A circle ends. */
    assert_int_equal(link_keys(&kit, "c", "shows", "a"), SWARM_OK);
    assert_string_equal(
        walk(&kit, (struct swarm_link_query){.key = swarm_str("a"), .type = "shows", .depth = 8}),
        "b1 c2 a3");
    kit_close(&kit);
}

static void a_link_goes_with_either_end(void **unused)
{
    const struct swarm_link link = {
        .from = swarm_str("a"), .to = swarm_str("b"), .type = swarm_str("shows")};
    struct kit kit = kit_open();
    struct swarm_result *result = NULL;
    uint64_t gone = 0;

    (void)unused;
    put_key(&kit, "a");
    put_key(&kit, "b");
    assert_int_equal(link_keys(&kit, "a", "shows", "b"), SWARM_OK);
    assert_int_equal(swarm_delete(kit.client, scope, swarm_str("b"), NULL), SWARM_OK);
    assert_string_equal(walk(&kit, (struct swarm_link_query){.key = swarm_str("a")}), "");
    put_key(&kit, "b"); /* another one of that name */
    assert_string_equal(walk(&kit, (struct swarm_link_query){.key = swarm_str("a")}), "");
    assert_int_equal(swarm_memory_tend(kit.client, scope, &gone, NULL, 0), SWARM_OK);
    assert_int_equal(gone, 2);
    assert_int_equal(link_keys(&kit, "a", "shows", "b"), SWARM_OK);
    assert_string_equal(walk(&kit, (struct swarm_link_query){.key = swarm_str("a")}), "b1");
    assert_int_equal(swarm_memory_tend(kit.client, scope, &gone, NULL, 0), SWARM_OK);
    assert_int_equal(gone, 0);
    assert_int_equal(swarm_link_delete(kit.client, scope, &link, &result, NULL, 0), SWARM_OK);
    assert_int_equal(result->value, 1);
    swarm_result_free(result);
    assert_int_equal(swarm_link_delete(kit.client, scope, &link, &result, NULL, 0), SWARM_OK);
    assert_int_equal(result->value, 0);
    swarm_result_free(result);
    assert_string_equal(walk(&kit, (struct swarm_link_query){.key = swarm_str("a")}), "");
    kit_close(&kit);
}

static void mistakes_are_told(void **unused)
{
    struct swarm_links *links = NULL;
    struct kit kit = kit_open();
    char why[160] = "";
    struct swarm_link link = {
        .from = swarm_str("a"), .to = swarm_str("b"), .type = swarm_str("derived_from")};

    (void)unused;
    put_key(&kit, "a");
    assert_int_equal(link_keys(&kit, "a", "shows", "b"), SWARM_NOT_FOUND);
    assert_int_equal(link_keys(&kit, "b", "shows", "a"), SWARM_NOT_FOUND);
    assert_int_equal(link_keys(&kit, "a", "two words", "a"), SWARM_INVALID);
    assert_int_equal(swarm_link_put(kit.client, scope, &link, NULL, why, sizeof why),
                     SWARM_INVALID);
    assert_non_null(strstr(why, "derived_from"));
    link.type = swarm_str("shows");
    link.score = 1001;
    assert_int_equal(swarm_link_put(kit.client, scope, &link, NULL, why, sizeof why),
                     SWARM_INVALID);
    assert_int_equal(
        swarm_link_follow(kit.client,
                          scope,
                          &(struct swarm_link_query){.key = swarm_str("a"), .depth = 9},
                          &links,
                          why,
                          sizeof why),
        SWARM_INVALID);
    assert_null(links);
    kit_close(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(links_are_found_from_both_ends),
        cmocka_unit_test(a_link_goes_with_either_end),
        cmocka_unit_test(mistakes_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
