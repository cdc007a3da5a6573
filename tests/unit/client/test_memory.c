/* Memories as a program uses them, on one embedded replica: said, recalled from one partition and
 * from all, explained, and forgotten with everything that derives from them. */
#include <stdlib.h>

#include "tests/unit/client/recipe_kit.h"

enum { DIM = 16 };

static const char *const here = "p";
static const float points[3][DIM] = {{1}, {0, 1}, {0.9F, 0.1F}};

static struct swarm_slice vector_of(int at)
{
    return (struct swarm_slice){.data = points[at], .size = sizeof points[at]};
}

static void make_index(struct kit *kit, const char *partition)
{
    const struct swarm_space space = {
        .metric = SWARM_COSINE, .dtype = SWARM_F32, .dim = DIM, .seed = 7};
    struct swarm_request request = SWARM_INIT(struct swarm_request);

    request.op = SWARM_INDEX_CREATE;
    request.scope.partition = partition;
    request.key = swarm_str("i");
    request.space = &space;
    assert_int_equal(swarm_call(kit->client, &request, NULL), SWARM_OK);
}

static struct swarm_memory a_memory(const char *agent, const char *content, int at)
{
    return (struct swarm_memory){.index = "i",
                                 .agent = agent,
                                 .task = "cook",
                                 .success = true,
                                 .vector = vector_of(at),
                                 .content = swarm_str(content)};
}

/* Its key, which the caller frees. */
static char *say(struct kit *kit, const char *partition, const struct swarm_memory *memory)
{
    const struct swarm_scope in = {.partition = partition};
    struct swarm_result *result = NULL;
    char why[160] = "";
    char *key;

    if (swarm_remember(kit->client, in, memory, &result, why, sizeof why) != SWARM_OK) {
        fail_msg("%s", why);
    }
    assert_int_equal(result->record_count, 1);
    key = strndup(result->records[0].key.data, result->records[0].key.size);
    assert_non_null(key);
    swarm_result_free(result);
    return key;
}

static char *derive(struct kit *kit, const char *content, const char *source)
{
    const struct swarm_slice from = swarm_str(source);
    struct swarm_memory memory = a_memory("ann", content, 2);

    memory.sources = &from;
    memory.source_count = 1;
    return say(kit, here, &memory);
}

static struct swarm_memories *recall(struct kit *kit, struct swarm_recollection asked)
{
    struct swarm_memories *found = NULL;
    char why[160] = "";

    asked.index = "i";
    asked.vector = vector_of(0);
    if (swarm_recall(kit->client, scope, &asked, &found, why, sizeof why) != SWARM_OK) {
        fail_msg("%s", why);
    }
    return found;
}

static void assert_content(const struct swarm_memories *found, size_t at, const char *text)
{
    assert_non_null(swarm_memories_at(found, at));
    kit_assert_slice(swarm_memories_at(found, at)->content, text);
}

static void what_was_said_is_recalled_and_read(void **unused)
{
    struct kit kit = kit_open();
    struct swarm_memory memory = a_memory("ann", "salt helps", 0);
    struct swarm_memories *found = NULL;
    const struct swarm_recalled *one;
    const char *tags[] = {"food"};
    char *key;

    (void)unused;
    make_index(&kit, here);
    memory.tags = tags;
    memory.tag_count = 1;
    memory.meta = swarm_str("{\"city\":\"x\"}");
    memory.importance = 850;
    key = say(&kit, here, &memory);
    found = recall(&kit, (struct swarm_recollection){.tag = "food"});
    assert_int_equal(swarm_memories_count(found), 1);
    assert_int_equal(swarm_memories_asked(found), 1);
    assert_int_equal(swarm_memories_answered(found), 1);
    one = swarm_memories_at(found, 0);
    kit_assert_slice(one->content, "salt helps");
    assert_int_equal(one->score, (700 * 1000 + 200 * 700 + 100 * 1000) / 1000);
    assert_int_equal(one->importance, 850);
    assert_int_equal(one->tier, SWARM_TIER_WORKING);
    assert_int_equal(one->author.size, 32);
    swarm_memories_free(found);
    assert_int_equal(
        swarm_memory_use(kit.client, scope, swarm_str(key), SWARM_MEMORY_USED, NULL, NULL, 0),
        SWARM_OK);
    assert_int_equal(
        swarm_memory_use(kit.client, scope, swarm_str(key), SWARM_MEMORY_FAILED, NULL, NULL, 0),
        SWARM_OK);
    assert_int_equal(swarm_memory_get(kit.client, scope, swarm_str(key), &found, NULL, 0),
                     SWARM_OK);
    one = swarm_memories_at(found, 0);
    assert_int_equal(one->uses, 1);
    assert_int_equal(one->utility, 400);
    assert_int_equal(one->importance, 1000);
    assert_int_equal(one->tier, SWARM_TIER_LONG);
    kit_assert_slice(one->meta, "{\"city\":\"x\"}");
    swarm_memories_free(found);
    found = recall(&kit, (struct swarm_recollection){.utility_min = 401});
    assert_int_equal(swarm_memories_count(found), 0); /* the index knows what became of it */
    swarm_memories_free(found);
    free(key);
    kit_close(&kit);
}

static void many_partitions_answer_as_one(void **unused)
{
    const char *const names[] = {"p", "q", "gone"};
    const struct swarm_memory first = a_memory("ann", "salt helps", 0);
    const struct swarm_memory second = a_memory("bob", "salt helps", 0);
    const struct swarm_memory third = a_memory("bob", "too hot", 2);
    struct kit kit = kit_open();
    struct swarm_memories *found;

    (void)unused;
    make_index(&kit, "p");
    make_index(&kit, "q");
    free(say(&kit, "p", &first));
    free(say(&kit, "q", &second));
    free(say(&kit, "q", &third));
    found = recall(&kit, (struct swarm_recollection){.all_partitions = true});
    assert_int_equal(swarm_memories_asked(found), 2);
    assert_int_equal(swarm_memories_answered(found), 2);
    assert_int_equal(swarm_memories_count(found), 2); /* equal contents are one */
    assert_content(found, 0, "salt helps");
    assert_content(found, 1, "too hot");
    assert_string_equal(swarm_memories_at(found, 1)->partition, "q");
    swarm_memories_free(found);
    found = recall(&kit, (struct swarm_recollection){.partitions = names, .partition_count = 3});
    assert_int_equal(swarm_memories_asked(found), 3);
    assert_int_equal(swarm_memories_answered(found), 2); /* and that shows */
    assert_int_equal(swarm_memories_part(found, 2).status, SWARM_NO_INDEX);
    assert_string_equal(swarm_memories_part(found, 2).partition, "gone");
    assert_true(swarm_memories_part(found, 1).revision > 0);
    assert_int_equal(swarm_memories_count(found), 2);
    swarm_memories_free(found);
    kit_close(&kit);
}

static void derivations_are_explained_and_forgotten(void **unused)
{
    const struct swarm_memory memory = a_memory("ann", "root", 0);
    struct kit kit = kit_open();
    char *root, *child, *leaf;
    struct swarm_memories *found = NULL;
    struct swarm_memory_agent *agents = NULL;
    size_t count = 0;

    (void)unused;
    make_index(&kit, here);
    root = say(&kit, here, &memory);
    child = derive(&kit, "child", root);
    leaf = derive(&kit, "leaf", child);
    assert_int_equal(swarm_memory_explain(kit.client, scope, swarm_str(child), 0, &found, NULL, 0),
                     SWARM_OK);
    assert_int_equal(swarm_memories_count(found), 3);
    assert_content(found, 0, "child");
    assert_int_equal(swarm_memories_at(found, 1)->depth, -1);
    assert_content(found, 1, "root");
    assert_int_equal(swarm_memories_at(found, 2)->depth, 1);
    assert_content(found, 2, "leaf");
    assert_int_equal(swarm_memories_at(found, 2)->source_count, 1);
    kit_assert_slice(swarm_memories_at(found, 2)->sources[0].key, child);
    assert_int_equal(swarm_memories_at(found, 0)->importance, 700);
    swarm_memories_free(found);
    assert_int_equal(swarm_memory_forget(kit.client, scope, swarm_str(child), false, NULL, NULL, 0),
                     SWARM_OK);
    assert_int_equal(swarm_memory_explain(kit.client, scope, swarm_str(root), 0, &found, NULL, 0),
                     SWARM_OK);
    assert_int_equal(swarm_memories_count(found), 3); /* the way through what is gone is known */
    assert_true(swarm_memories_at(found, 1)->is_gone);
    assert_content(found, 2, "leaf");
    swarm_memories_free(found);
    assert_int_equal(swarm_memory_forget(kit.client, scope, swarm_str(root), true, NULL, NULL, 0),
                     SWARM_OK);
    assert_int_equal(
        swarm_memory_list(kit.client, scope, NULL, (struct swarm_slice){0}, 0, &found, NULL, 0),
        SWARM_OK);
    assert_int_equal(swarm_memories_count(found), 0);
    swarm_memories_free(found);
    assert_int_equal(swarm_memory_agents(kit.client, scope, &agents, &count, NULL, 0), SWARM_OK);
    assert_int_equal(count, 0);
    free(agents);
    assert_int_equal(swarm_memory_explain(kit.client, scope, swarm_str(leaf), 0, &found, NULL, 0),
                     SWARM_NOT_FOUND);
    free(root);
    free(child);
    free(leaf);
    kit_close(&kit);
}

/* As a forgetting leaves it that takes more than one step. */
static void what_is_being_forgotten_is_not_seen(void **unused)
{
    const struct swarm_memory memory = a_memory("ann", "root", 0);
    struct kit kit = kit_open();
    char *root, *child;
    struct swarm_memories *found = NULL;
    struct swarm_links *links = NULL;
    char mark[80], value[200];
    struct swarm_result *result = NULL;

    (void)unused;
    make_index(&kit, here);
    root = say(&kit, here, &memory);
    child = derive(&kit, "child", root);
    /* The link's key has the hash of the key that it leads to. */
    assert_int_equal(swarm_link_follow(kit.client,
                                       scope,
                                       &(struct swarm_link_query){.key = swarm_str(child)},
                                       &links,
                                       NULL,
                                       0),
                     SWARM_OK);
    assert_int_equal(swarm_links_count(links), 1);
    swarm_links_free(links);
    {
        struct swarm_request scan = SWARM_INIT(struct swarm_request);

        scan.op = SWARM_SCAN;
        scan.scope = scope;
        scan.key = swarm_str("link-back/");
        scan.limit = 1;
        assert_int_equal(swarm_call(kit.client, &scan, &result), SWARM_OK);
        (void)snprintf(mark,
                       sizeof mark,
                       "memory-forget/%.32s",
                       (const char *)result->records[0].key.data + strlen("link-back/"));
        swarm_result_free(result);
    }
    (void)snprintf(value, sizeof value, "swarm-forget 1\n%s", root);
    assert_int_equal(swarm_put(kit.client, scope, swarm_str(mark), swarm_str(value), NULL),
                     SWARM_OK);
    found = recall(&kit, (struct swarm_recollection){.k = 5});
    assert_int_equal(swarm_memories_count(found), 0);
    swarm_memories_free(found);
    assert_int_equal(swarm_memory_get(kit.client, scope, swarm_str(child), &found, NULL, 0),
                     SWARM_NOT_FOUND);
    assert_int_equal(
        swarm_memory_use(kit.client, scope, swarm_str(child), SWARM_MEMORY_USED, NULL, NULL, 0),
        SWARM_NOT_FOUND);
    assert_int_equal(swarm_memory_forget(kit.client, scope, swarm_str(root), true, NULL, NULL, 0),
                     SWARM_OK);
    free(say(&kit, here, &memory));
    found = recall(&kit, (struct swarm_recollection){.k = 5});
    assert_int_equal(swarm_memories_count(found), 1);
    swarm_memories_free(found);
    free(root);
    free(child);
    kit_close(&kit);
}

static void settings_and_rings_are_told(void **unused)
{
    struct swarm_memory_settings settings = {.count_max = 2, .size_max = 1 << 20};
    struct kit kit = kit_open();
    struct swarm_memory_agent *agents = NULL;
    char text[16], why[160] = "";
    uint64_t gone = 0;
    size_t count = 0;

    (void)unused;
    make_index(&kit, here);
    for (int i = 0; i < 5; i++) {
        struct swarm_memory memory;

        (void)snprintf(text, sizeof text, "m%d", i);
        memory = a_memory("ann", text, 0);
        free(say(&kit, here, &memory));
    }
    assert_int_equal(swarm_memory_settings_put(kit.client, scope, &settings, NULL, why, sizeof why),
                     SWARM_OK);
    assert_int_equal(swarm_memory_tend(kit.client, scope, &gone, why, sizeof why), SWARM_OK);
    assert_int_equal(gone, 3);
    assert_int_equal(swarm_memory_agents(kit.client, scope, &agents, &count, NULL, 0), SWARM_OK);
    assert_int_equal(count, 1);
    assert_string_equal(agents[0].agent, "ann");
    assert_int_equal(agents[0].count, 2);
    free(agents);
    settings.count_max = 0;
    assert_int_equal(swarm_memory_settings_put(kit.client, scope, &settings, NULL, why, sizeof why),
                     SWARM_INVALID);
    assert_non_null(strstr(why, "0 memories of an agent"));
    assert_int_equal(swarm_memory_settings_get(kit.client, scope, &settings, NULL, 0), SWARM_OK);
    assert_int_equal(settings.count_max, 2);
    kit_close(&kit);
}

static void mistakes_are_told_before_anything_is_sent(void **unused)
{
    struct kit kit = kit_open();
    struct swarm_memory memory = a_memory("ann/x", "text", 0);
    struct swarm_result *result = NULL;
    const struct swarm_slice source = swarm_str("no such key");
    char why[160] = "";

    (void)unused;
    make_index(&kit, here);
    assert_int_equal(swarm_remember(kit.client, scope, &memory, &result, why, sizeof why),
                     SWARM_INVALID);
    assert_null(result);
    assert_non_null(strstr(why, "slash"));
    memory = a_memory("ann", "text", 0);
    memory.utility = 1001;
    assert_int_equal(swarm_remember(kit.client, scope, &memory, NULL, why, sizeof why),
                     SWARM_INVALID);
    memory = a_memory("ann", "text", 0);
    memory.index = NULL;
    assert_int_equal(swarm_remember(kit.client, scope, &memory, NULL, why, sizeof why),
                     SWARM_INVALID);
    assert_non_null(strstr(why, "vector"));
    memory = a_memory("ann", "", 0);
    assert_int_equal(swarm_remember(kit.client, scope, &memory, NULL, why, sizeof why),
                     SWARM_INVALID);
    memory = a_memory("ann", "text", 0);
    memory.sources = &source;
    memory.source_count = 1;
    assert_int_equal(swarm_remember(kit.client, scope, &memory, &result, why, sizeof why),
                     SWARM_INVALID); /* spaces */
    memory.sources = &(const struct swarm_slice){.data = "none", .size = 4};
    assert_int_equal(swarm_remember(kit.client, scope, &memory, &result, why, sizeof why),
                     SWARM_SOURCE_GONE);
    assert_int_equal(result->value, 1);
    swarm_result_free(result);
    kit_close(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_said_is_recalled_and_read),
        cmocka_unit_test(many_partitions_answer_as_one),
        cmocka_unit_test(derivations_are_explained_and_forgotten),
        cmocka_unit_test(what_is_being_forgotten_is_not_seen),
        cmocka_unit_test(settings_and_rings_are_told),
        cmocka_unit_test(mistakes_are_told_before_anything_is_sent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
