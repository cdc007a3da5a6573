/* Contexts as a program uses them, on one embedded replica: a long text in, any token of it back.
 */
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

#include "client/include/swarm.h"
#include "tests/unit/storage/temp_dir.h"

enum { TOKENS = 1000000, BLOCK = 1024 };

static const struct swarm_scope scope = {.partition = "p"};

struct place {
    char root[TEMP_DIR_SIZE];
    struct swarm_client *client;
};

static struct swarm_client *open_at(const char *root, uint32_t flags)
{
    struct swarm_options options = SWARM_INIT(struct swarm_options);
    struct swarm_client *client = NULL;
    char url[TEMP_DIR_SIZE + 32];
    char why[160] = "";

    (void)snprintf(url, sizeof url, "file:%s/data", root);
    options.url = url;
    options.flags = flags;
    options.timeout_ms = 60000; /* a machine may be busy */
    if (swarm_open(&options, &client, why, sizeof why) != SWARM_OK) {
        fail_msg("%s", why);
    }
    return client;
}

static int set_up(void **state)
{
    struct place *place = calloc(1, sizeof *place);

    assert_non_null(place);
    temp_dir_make(place->root);
    place->client = open_at(place->root, SWARM_ORDERED);
    *state = place;
    return 0;
}

static int tear_down(void **state)
{
    struct place *place = *state;

    swarm_close(place->client);
    temp_dir_remove(place->root);
    free(place);
    return 0;
}

static void expect_token(struct swarm_client *client, const uint32_t *tokens, uint64_t token)
{
    struct swarm_blocks *blocks = NULL;
    const struct swarm_block_at *block;

    assert_int_equal(swarm_context_locate(client, scope, "long", token, &blocks, NULL, 0),
                     SWARM_OK);
    assert_int_equal(swarm_blocks_count(blocks), 1);
    block = swarm_blocks_at(blocks, 0);
    assert_null(swarm_blocks_at(blocks, 1));
    assert_int_equal(block->token, token / BLOCK * BLOCK);
    assert_int_equal(block->number, token / BLOCK);
    assert_int_equal(block->content.size, (block->end - block->token) * sizeof tokens[0]);
    assert_memory_equal(block->content.data, &tokens[block->token], block->content.size);
    swarm_blocks_free(blocks);
}

static void any_token_of_a_million_is_found(void **state)
{
    struct swarm_client *client = ((struct place *)*state)->client;
    uint32_t *tokens = calloc(TOKENS, sizeof tokens[0]);
    struct swarm_context_info *list = NULL;
    struct swarm_blocks *blocks = NULL;
    uint64_t count = 0, end = 0;
    size_t contexts = 0;

    assert_non_null(tokens);
    for (uint32_t i = 0; i < TOKENS; i++) {
        tokens[i] = i * 2654435761U;
    }
    assert_int_equal(swarm_context_create(client, scope, "long", NULL, NULL, NULL, 0), SWARM_OK);
    assert_int_equal(
        swarm_context_append_tokens(client,
                                    scope,
                                    "long",
                                    (struct swarm_slice){tokens, TOKENS * sizeof tokens[0]},
                                    sizeof tokens[0],
                                    BLOCK,
                                    &count,
                                    NULL,
                                    0),
        SWARM_OK);
    assert_int_equal(count, (TOKENS + BLOCK - 1) / BLOCK);
    for (uint64_t token = 0; token < TOKENS; token += 100) {
        expect_token(client, tokens, token);
    }
    expect_token(client, tokens, TOKENS - 1);
    assert_int_equal(swarm_context_locate(client, scope, "long", TOKENS, &blocks, NULL, 0),
                     SWARM_NOT_FOUND);
    assert_null(blocks);
    assert_int_equal(swarm_context_read(client, scope, "long", 0, TOKENS, &blocks, NULL, 0),
                     SWARM_OK);
    assert_int_equal(swarm_blocks_count(blocks), count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(swarm_blocks_at(blocks, i)->token, end);
        end = swarm_blocks_at(blocks, i)->end;
    }
    assert_int_equal(end, TOKENS);
    swarm_blocks_free(blocks);
    assert_int_equal(swarm_context_list(client, scope, &list, &contexts, NULL, 0), SWARM_OK);
    assert_int_equal(contexts, 1);
    assert_string_equal(list[0].id, "long");
    assert_int_equal(list[0].next, TOKENS);
    assert_int_equal(list[0].size, TOKENS * sizeof tokens[0]);
    free(list);
    free(tokens);
}

static void append(struct swarm_client *client, const char *id, uint32_t tokens, const char *text)
{
    const struct swarm_block block = {.tokens = tokens, .content = swarm_str(text)};

    assert_int_equal(swarm_context_append(client, scope, id, &block, NULL, NULL, 0), SWARM_OK);
}

static void assert_read(struct swarm_client *client, uint64_t from, uint64_t end, const char *text)
{
    struct swarm_blocks *blocks = NULL;
    char got[64] = "";

    assert_int_equal(swarm_context_read(client, scope, "t", from, end, &blocks, NULL, 0), SWARM_OK);
    for (size_t i = 0; i < swarm_blocks_count(blocks); i++) {
        const struct swarm_block_at *block = swarm_blocks_at(blocks, i);

        (void)snprintf(got + strlen(got),
                       sizeof got - strlen(got),
                       "%.*s",
                       (int)block->content.size,
                       (const char *)block->content.data);
    }
    swarm_blocks_free(blocks);
    assert_string_equal(got, text);
}

static void a_range_is_all_blocks_that_have_a_token_of_it(void **state)
{
    const struct swarm_context_options options = {.block_size = 4, .overlap = 1};
    struct swarm_client *client = ((struct place *)*state)->client;

    assert_int_equal(swarm_context_create(client, scope, "t", &options, NULL, NULL, 0), SWARM_OK);
    assert_int_equal(swarm_context_create(client, scope, "t2", NULL, NULL, NULL, 0), SWARM_OK);
    append(client, "t2", 1, "other");
    append(client, "t", 4, "A"); /* 0 to 4 */
    append(client, "t", 4, "B"); /* 3 to 7 */
    append(client, "t", 2, "C"); /* 6 to 8 */
    assert_read(client, 0, 8, "ABC");
    assert_read(client, 0, 3, "A");
    assert_read(client, 1, 4, "AB");
    assert_read(client, 4, 6, "B");
    assert_read(client, 7, UINT64_MAX, "C");
    assert_read(client, 8, UINT64_MAX, "");
    assert_read(client, 2, 2, "");
}

static void what_cannot_be_is_refused_with_a_sentence(void **state)
{
    struct place *place = *state;
    struct swarm_client *client = place->client;
    const struct swarm_block large = {.tokens = 2000, .content = swarm_str("x")};
    const struct swarm_block none = {.tokens = 1};
    struct swarm_result *result = NULL;
    struct swarm_blocks *blocks = NULL;
    uint64_t count = 7;
    char why[160] = "";

    assert_int_equal(swarm_context_append(client, scope, "x", &large, NULL, NULL, 0),
                     SWARM_NOT_FOUND);
    assert_int_equal(swarm_context_create(client, scope, "a b", NULL, &result, why, sizeof why),
                     SWARM_INVALID);
    assert_non_null(strstr(why, "context's id"));
    swarm_result_free(result);
    assert_int_equal(swarm_context_read(client, scope, "", 0, 1, &blocks, why, sizeof why),
                     SWARM_INVALID);
    assert_int_equal(swarm_context_create(client, scope, "x", NULL, NULL, NULL, 0), SWARM_OK);
    assert_int_equal(swarm_context_read(client, scope, "x", 2, 1, &blocks, why, sizeof why),
                     SWARM_INVALID);
    assert_int_equal(swarm_context_create(client, scope, "x", NULL, NULL, NULL, 0), SWARM_CONFLICT);
    assert_int_equal(swarm_context_append(client, scope, "x", &large, NULL, NULL, 0),
                     SWARM_TOO_LARGE);
    assert_int_equal(swarm_context_append(client, scope, "x", &none, NULL, why, sizeof why),
                     SWARM_INVALID);
    assert_int_equal(swarm_context_append_tokens(
                         client, scope, "x", swarm_str("abc"), 2, 0, &count, why, sizeof why),
                     SWARM_INVALID);
    assert_int_equal(swarm_context_append_tokens(
                         client, scope, "y", swarm_str("abcd"), 2, 0, &count, why, sizeof why),
                     SWARM_NOT_FOUND);
    assert_int_equal(count, 0);
}

static void tokens_in_order_need_a_client_that_keeps_it(void **state)
{
    struct place *place = *state;
    uint64_t count = 7;
    char why[160] = "";

    swarm_close(place->client);
    place->client = open_at(place->root, 0);
    assert_int_equal(swarm_context_create(place->client, scope, "x", NULL, NULL, NULL, 0),
                     SWARM_OK);
    assert_int_equal(swarm_context_append_tokens(
                         place->client, scope, "x", swarm_str("ab"), 1, 0, &count, why, sizeof why),
                     SWARM_INVALID);
    assert_non_null(strstr(why, "SWARM_ORDERED"));
}

static uint64_t prune(struct swarm_client *client, const struct swarm_policy *policy)
{
    char why[160] = "";
    uint64_t blocks = 0, bytes = 0;

    assert_int_equal(
        swarm_context_prune(client, scope, "c", policy, &blocks, &bytes, why, sizeof why),
        SWARM_OK);
    return blocks;
}

/* Of three blocks without a score: each condition reaches the swarm. */
static void a_pruning_takes_what_it_was_told_to(void **state)
{
    const struct place *place = *state;
    const struct swarm_policy by_score = {.dry = true};
    const struct swarm_policy untouched = {.dry = true, .any = true, .idle_ms = 3600000};
    const struct swarm_policy all = {.any = true};
    const struct swarm_policy stored = {.stored = true};
    char why[160] = "";

    assert_int_equal(swarm_context_create(place->client, scope, "c", NULL, NULL, why, sizeof why),
                     SWARM_OK);
    for (int i = 0; i < 3; i++) {
        append(place->client, "c", 1, "x");
    }
    assert_int_equal(prune(place->client, &by_score), 0);
    assert_int_equal(prune(place->client, &untouched), 0);
    assert_int_equal(
        swarm_context_prune(place->client, scope, "c", &stored, NULL, NULL, why, sizeof why),
        SWARM_NOT_FOUND);
    assert_int_equal(prune(place->client, &all), 3);
}

static void a_deleted_context_is_gone_with_all_blocks(void **state)
{
    struct swarm_client *client = ((struct place *)*state)->client;
    const struct swarm_context_options options = {.block_size = 1};
    struct swarm_result *result = NULL;
    struct swarm_blocks *blocks = NULL;
    const struct swarm_window ten = {.blocks = 10};
    char text[300];
    uint64_t count;

    memset(text, 'x', sizeof text);
    assert_int_equal(swarm_context_create(client, scope, "t", &options, NULL, NULL, 0), SWARM_OK);
    assert_int_equal(
        swarm_context_append_tokens(
            client, scope, "t", (struct swarm_slice){text, sizeof text}, 1, 1, &count, NULL, 0),
        SWARM_OK);
    assert_int_equal(swarm_context_window(client, scope, "t", &ten, &result, NULL, 0), SWARM_OK);
    assert_int_equal(result->value, sizeof text - 10);
    swarm_result_free(result);
    assert_int_equal(swarm_context_delete(client, scope, "t", NULL, NULL, 0), SWARM_OK);
    assert_int_equal(swarm_context_read(client, scope, "t", 0, 1000, &blocks, NULL, 0),
                     SWARM_NOT_FOUND);
    assert_null(blocks);
    assert_int_equal(swarm_context_locate(client, scope, "t", 0, &blocks, NULL, 0),
                     SWARM_NOT_FOUND);
    assert_int_equal(swarm_context_delete(client, scope, "t", NULL, NULL, 0), SWARM_NOT_FOUND);
    assert_int_equal(swarm_context_create(client, scope, "t", &options, NULL, NULL, 0), SWARM_OK);
}

/* A walk takes a request for three blocks, a jump one for one; nothing is kept for ever. */
static void a_reader_reads_ahead_of_a_walk(void **state)
{
    struct place *place = *state;
    struct swarm_client *client = place->client;
    const struct swarm_context_options options = {.block_size = 10};
    struct swarm_context_reader *reader = NULL;
    const struct swarm_block_at *block = NULL;
    char text[600];
    uint64_t count, before;

    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = (char)('a' + i / 10 % 26);
    }
    assert_int_equal(swarm_context_reader_new(client, scope, "t", &reader, NULL, 0),
                     SWARM_NOT_FOUND);
    assert_null(reader);
    assert_int_equal(swarm_context_create(client, scope, "t", &options, NULL, NULL, 0), SWARM_OK);
    assert_int_equal(
        swarm_context_append_tokens(
            client, scope, "t", (struct swarm_slice){text, sizeof text}, 1, 10, &count, NULL, 0),
        SWARM_OK);
    assert_int_equal(swarm_context_reader_new(client, scope, "t", &reader, NULL, 0), SWARM_OK);
    for (uint64_t token = 0; token < sizeof text; token++) {
        assert_int_equal(swarm_context_reader_block(reader, token, &block, NULL, 0), SWARM_OK);
        assert_int_equal(block->token, token / 10 * 10);
        assert_int_equal(((const char *)block->content.data)[0], text[token]);
    }
    assert_in_range(swarm_context_reader_requests(reader), 20, 26); /* of sixty blocks */
    before = swarm_context_reader_requests(reader);
    for (uint64_t i = 0; i < 10; i++) { /* far apart: none ahead */
        assert_int_equal(swarm_context_reader_block(reader, i * 191 % 600, &block, NULL, 0),
                         SWARM_OK);
        assert_int_equal(block->token, i * 191 % 600 / 10 * 10);
    }
    assert_in_range(swarm_context_reader_requests(reader) - before, 9, 10);
    before = swarm_context_reader_requests(reader);
    swarm_context_reader_forget(reader);
    assert_int_equal(swarm_context_reader_block(reader, 599, &block, NULL, 0), SWARM_OK);
    assert_true(swarm_context_reader_requests(reader) > before);
    assert_int_equal(swarm_context_reader_block(reader, 600, &block, NULL, 0), SWARM_NOT_FOUND);
    swarm_context_reader_free(reader);
}

/* What a policy takes is listed, comes back, and is named when it comes again. */
static void policies_are_set_and_undone(void **state)
{
    struct place *place = *state;
    struct swarm_client *client = place->client;
    const struct swarm_context_policy policy = {.prunes = true,
                                                .prune = {.any = true, .size_max = 20},
                                                .dedupe = SWARM_DEDUPE_LINK,
                                                .similar = 900};
    const uint64_t tokens[] = {5, 4, 4, 77};
    struct swarm_context_policy read = {0};
    struct swarm_result *result = NULL;
    struct swarm_blocks *blocks = NULL;
    struct swarm_gone *gone = NULL;
    uint64_t count = 0, bytes = 0;
    size_t listed = 0;
    char text[12];

    assert_int_equal(swarm_context_create(client, scope, "t", NULL, NULL, NULL, 0), SWARM_OK);
    assert_int_equal(swarm_context_get_policy(client, scope, NULL, &read, NULL, 0),
                     SWARM_NOT_FOUND);
    assert_int_equal(swarm_context_set_policy(client, scope, NULL, &policy, NULL, NULL, 0),
                     SWARM_OK);
    assert_int_equal(swarm_context_get_policy(client, scope, NULL, &read, NULL, 0), SWARM_OK);
    assert_true(read.prunes && read.prune.any && read.prune.size_max == 20);
    assert_true(read.dedupe == SWARM_DEDUPE_LINK && read.similar == 900);
    for (int i = 0; i < 6; i++) {
        const struct swarm_block block = {.tokens = 1, .content = {text, 10}};

        (void)snprintf(text, sizeof text, "word %05d", i % 5);
        assert_int_equal(swarm_context_append(client, scope, "t", &block, &result, NULL, 0),
                         SWARM_OK);
        assert_int_equal(result->record_count, 0); /* the first is gone when it comes again */
        swarm_result_free(result);
    }
    assert_int_equal(swarm_context_gone(client, scope, "t", &gone, &listed, NULL, 0), SWARM_OK);
    assert_int_equal(listed, 4);
    assert_int_equal(gone[1].token, 1);
    assert_true(gone[1].by_policy);
    assert_string_equal(gone[1].reason, "budget");
    free(gone);
    assert_int_equal(swarm_context_restore(client, scope, "t", 1, 3, 0, &count, &bytes, NULL, 0),
                     SWARM_OK);
    assert_int_equal(count, 2);
    assert_int_equal(bytes, 20);
    assert_int_equal(swarm_context_touch(client, scope, "t", tokens, 4, &count, NULL, 0), SWARM_OK);
    assert_int_equal(count, 2);
    assert_int_equal(swarm_context_read(client, scope, "t", 0, 99, &blocks, NULL, 0), SWARM_OK);
    assert_int_equal(swarm_blocks_count(blocks), 4);
    assert_int_equal(swarm_blocks_at(blocks, 0)->uses, 0);
    assert_int_equal(swarm_blocks_at(blocks, 3)->uses, 1);
    assert_true(swarm_blocks_at(blocks, 3)->used_ms > 0);
    assert_true(swarm_blocks_place(blocks)->epoch > 0);
    assert_true(swarm_blocks_place(blocks)->revision >= swarm_blocks_place(blocks)->epoch);
    swarm_blocks_free(blocks);
    assert_int_equal(swarm_context_set_policy(client, scope, NULL, NULL, NULL, NULL, 0), SWARM_OK);
    assert_int_equal(swarm_context_get_policy(client, scope, NULL, &read, NULL, 0),
                     SWARM_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(any_token_of_a_million_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reader_reads_ahead_of_a_walk, set_up, tear_down),
        cmocka_unit_test_setup_teardown(policies_are_set_and_undone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_range_is_all_blocks_that_have_a_token_of_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            what_cannot_be_is_refused_with_a_sentence, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            tokens_in_order_need_a_client_that_keeps_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_pruning_takes_what_it_was_told_to, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_deleted_context_is_gone_with_all_blocks, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
