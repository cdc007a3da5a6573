/* swarmctl context: create, append, read, locate, window, list, delete. What a policy does is in
 * cmd_context_policy.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/text.h"
#include "tools/cli.h"
#include "tools/cmd.h"

/* The block that an appended one is like. */
static void add_likeness(struct sw_output *out, const struct swarm_record *record)
{
    char key[SW_KEY_SIZE_MAX + 1];

    (void)snprintf(key, sizeof key, "%.*s", (int)record->key.size, (const char *)record->key.data);
    sw_output_field(out, "like", SW_CELL_TEXT, key);
    sw_output_field_number(out, "likeness", record->lease);
}

/* Prints what a write answered, its value under `name` (NULL: it has none); frees it. */
static int report(const struct sw_cli *cli,
                  enum swarm_status status,
                  struct swarm_result *result,
                  const char *why,
                  const char *name)
{
    struct sw_output out;
    int code = 0;

    if (result == NULL) {
        return sw_cli_fail((enum sw_err)status, why);
    }
    if (status == SWARM_NOT_FOUND || status == SWARM_CONFLICT) {
        code =
            sw_cli_fail_format((enum sw_err)status,
                               "there is %s context %s%s; nothing was written",
                               status == SWARM_NOT_FOUND ? "no" : "a",
                               cli->args[0],
                               status == SWARM_NOT_FOUND ? "" : " already, or what is left of one");
    } else if (status == SWARM_DUPLICATE && result->record_count == 1) {
        code = sw_cli_fail_format(SW_ERR_DUPLICATE,
                                  "it is like %.*s (%llu permille); nothing was written",
                                  (int)result->records[0].key.size,
                                  (const char *)result->records[0].key.data,
                                  (unsigned long long)result->records[0].lease);
    } else if (status != SWARM_OK) {
        code = sw_cli_fail_write(result);
    } else {
        sw_output_init(&out, "", NULL, 0);
        if (name != NULL) {
            sw_output_field_number(&out, name, result->value);
        }
        if (result->record_count == 1) {
            add_likeness(&out, &result->records[0]);
        }
        sw_output_field_number(&out, "revision", result->revision);
        (void)sw_output_print(&out, cli->format, stdout);
        sw_output_release(&out);
    }
    swarm_result_free(result);
    return code;
}

static int not_open(void)
{
    return sw_err_info(SW_ERR_CONFIG)->exit_code;
}

int sw_cmd_context_create(struct sw_cli *cli)
{
    struct swarm_context_options options = {.index = sw_cli_flag(cli, "index")};
    struct swarm_result *result = NULL;
    char why[SW_WHY_SIZE] = "";
    enum swarm_status status;

    if (!sw_cmd_small_number(cli, "block-size", &options.block_size) ||
        !sw_cmd_small_number(cli, "overlap", &options.overlap) ||
        !sw_cmd_small_number(cli, "window-blocks", &options.window.blocks) ||
        !sw_cmd_small_number(cli, "window-similar", &options.window.similar) ||
        !sw_cmd_small_number(cli, "precision", &options.precision) ||
        !sw_cli_time(cli, "window-time", 0, &options.window.ms)) {
        return sw_cmd_usage();
    }
    if (sw_cli_open(cli) != SW_ERR_OK) {
        return not_open();
    }
    status = swarm_context_create(
        cli->client, sw_cli_scope(cli), cli->args[0], &options, &result, why, sizeof why);
    return report(cli, status, result, why, NULL);
}

/* --- append ----------------------------------------------------------------------------------- */

bool sw_cmd_score(const struct sw_cli *cli, const char *name, bool *ret_has, int64_t *ret_score)
{
    const char *text = sw_cli_flag(cli, name);
    const bool is_negative = text != NULL && text[0] == '-';
    uint64_t number;

    if (text == NULL) {
        return true;
    }
    if (!sw_text_number(text + (is_negative ? 1 : 0), &number) || number > INT64_MAX) {
        (void)sw_cli_fail_format(SW_ERR_INVALID, "--%s is a number of 63 bits, not %s", name, text);
        return false;
    }
    *ret_has = true;
    *ret_score = is_negative ? -(int64_t)number : (int64_t)number;
    return true;
}

static int append_one(struct sw_cli *cli, struct swarm_block *block)
{
    struct swarm_result *result = NULL;
    char why[SW_WHY_SIZE] = "";
    enum swarm_status status;

    if (sw_cli_open(cli) != SW_ERR_OK) {
        return not_open();
    }
    status = swarm_context_append(
        cli->client, sw_cli_scope(cli), cli->args[0], block, &result, why, sizeof why);
    return report(cli, status, result, why, "token");
}

/* Tokens of one size, cut into blocks. */
struct cut {
    uint32_t token_size;
    uint32_t block_size; /* 0 = the library's */
    uint64_t blocks;     /* appended so far */
};

enum { PIECE_SIZE = 4 << 20, BLOCK_SIZE_DEFAULT = 1024 };

static int append_piece(struct sw_cli *cli, struct cut *cut, struct swarm_slice tokens)
{
    char why[SW_WHY_SIZE] = "";
    uint64_t blocks = 0;
    const enum swarm_status status = swarm_context_append_tokens(cli->client,
                                                                 sw_cli_scope(cli),
                                                                 cli->args[0],
                                                                 tokens,
                                                                 cut->token_size,
                                                                 cut->block_size,
                                                                 &blocks,
                                                                 why,
                                                                 sizeof why);

    cut->blocks += blocks;
    return status == SWARM_OK ? 0
                              : sw_cli_fail_format((enum sw_err)status,
                                                   "%s (blocks appended: %llu)",
                                                   why,
                                                   (unsigned long long)cut->blocks);
}

/* Stdin may be longer than memory: piece by piece, each of whole blocks. */
static int append_stdin(struct sw_cli *cli, struct cut *cut)
{
    const size_t tokens = cut->block_size == 0 ? BLOCK_SIZE_DEFAULT : cut->block_size;
    const size_t block = tokens * cut->token_size;
    const size_t piece = block < PIECE_SIZE ? PIECE_SIZE / block * block : block;
    char *bytes;
    size_t size;
    int code;

    if (block > SW_VALUE_SIZE_MAX) {
        return sw_cli_fail(SW_ERR_TOO_LARGE, "a block is over 1 MiB");
    }
    bytes = malloc(piece);
    SW_ASSERT(bytes != NULL);
    do {
        size = fread(bytes, 1, piece, stdin);
        code = append_piece(cli, cut, (struct swarm_slice){.data = bytes, .size = size});
    } while (size == piece && code == 0);
    free(bytes);
    return code == 0 && ferror(stdin) != 0 ? sw_cli_fail(SW_ERR_IO, "stdin could not be read")
                                           : code;
}

/* Needs a client that keeps the order of what is under way. */
static int append_all(struct sw_cli *cli, struct cut *cut)
{
    const bool is_given = cli->arg_count > 1 && strcmp(cli->args[1], "-") != 0;
    struct swarm_options options;
    struct sw_output out;
    char why[SW_WHY_SIZE] = "";
    enum swarm_status status;
    int code;

    if (sw_cli_options(cli, &options) != SW_ERR_OK) {
        return sw_cmd_usage();
    }
    options.flags |= (uint32_t)SWARM_ORDERED;
    status = swarm_open(&options, &cli->client, why, sizeof why);
    if (status != SWARM_OK) {
        return sw_cli_fail((enum sw_err)status, why);
    }
    code = is_given ? append_piece(cli, cut, swarm_str(cli->args[1])) : append_stdin(cli, cut);
    if (code == 0) {
        sw_output_init(&out, "", NULL, 0);
        sw_output_field_number(&out, "blocks", cut->blocks);
        (void)sw_output_print(&out, cli->format, stdout);
        sw_output_release(&out);
    }
    return code;
}

static int append_block(struct sw_cli *cli, struct swarm_block *block)
{
    struct sw_vector_text text = {0};
    struct sw_cmd_value value = {0};
    int code = sw_cmd_usage();

    if (sw_cmd_score(cli, "score", &block->has_score, &block->score) &&
        (!sw_cli_has(cli, "vector") || sw_cmd_vector(cli, &text, &block->vector)) &&
        sw_cmd_value(cli, 1, &value) == SW_ERR_OK) {
        block->content = value.slice;
        code = append_one(cli, block);
    }
    free(value.owned);
    sw_vector_text_release(&text);
    return code;
}

int sw_cmd_context_append(struct sw_cli *cli)
{
    struct swarm_block block = {0};
    struct cut cut = {0};

    if (!sw_cmd_small_number(cli, "tokens", &block.tokens) ||
        !sw_cmd_small_number(cli, "token-size", &cut.token_size) ||
        !sw_cmd_small_number(cli, "block-size", &cut.block_size)) {
        return sw_cmd_usage();
    }
    if ((block.tokens == 0) == (cut.token_size == 0)) {
        return sw_cli_fail(SW_ERR_INVALID,
                           "--tokens says how many one block has, --token-size cuts many blocks");
    }
    if (cut.token_size != 0 && (sw_cli_has(cli, "score") || sw_cli_has(cli, "vector"))) {
        return sw_cli_fail(SW_ERR_INVALID, "--vector and --score are of one block: --tokens");
    }
    return cut.token_size != 0 ? append_all(cli, &cut) : append_block(cli, &block);
}

int sw_cmd_context_window(struct sw_cli *cli)
{
    struct swarm_result *result = NULL;
    char why[SW_WHY_SIZE] = "";
    struct swarm_window window = {0};
    enum swarm_status status;

    if (!sw_cmd_small_number(cli, "blocks", &window.blocks) ||
        !sw_cmd_small_number(cli, "similar", &window.similar) ||
        !sw_cli_time(cli, "time", 0, &window.ms)) {
        return sw_cmd_usage();
    }
    if (sw_cli_open(cli) != SW_ERR_OK) {
        return not_open();
    }
    status = swarm_context_window(
        cli->client, sw_cli_scope(cli), cli->args[0], &window, &result, why, sizeof why);
    return report(cli, status, result, why, "window_token");
}

int sw_cmd_context_delete(struct sw_cli *cli)
{
    struct swarm_result *result = NULL;
    char why[SW_WHY_SIZE] = "";
    enum swarm_status status;

    if (sw_cli_open(cli) != SW_ERR_OK) {
        return not_open();
    }
    status = swarm_context_delete(
        cli->client, sw_cli_scope(cli), cli->args[0], &result, why, sizeof why);
    return report(cli, status, result, why, NULL);
}

/* --- reads ------------------------------------------------------------------------------------ */

enum { TOKEN, END, NUMBER, SCORE, CONTENT, REVISION, USES, USED_MS, LIKE, LIKENESS, BLOCK_COLUMNS };
static const struct sw_column block_columns[BLOCK_COLUMNS] = {
    [TOKEN] = {"token", SW_CELL_TEXT},
    [END] = {"end", SW_CELL_TEXT},
    [NUMBER] = {"number", SW_CELL_TEXT},
    [SCORE] = {"score", SW_CELL_TEXT},
    [CONTENT] = {"content", SW_CELL_BYTES},
    [REVISION] = {"revision", SW_CELL_TEXT},
    [USES] = {"uses", SW_CELL_TEXT},
    [USED_MS] = {"last_access_ms", SW_CELL_TEXT},
    [LIKE] = {"like", SW_CELL_BYTES},
    [LIKENESS] = {"likeness", SW_CELL_TEXT}};

/* Where the blocks were found, once for all of them. */
static void add_place(struct sw_output *out, const struct swarm_blocks_place *place)
{
    sw_output_field_number(out, "shard", place->shard);
    sw_output_field_number(out, "node", place->node);
    sw_output_field_number(out, "leader", place->leader);
    sw_output_field_number(out, "revision", place->revision);
    sw_output_field_number(out, "epoch", place->epoch);
    sw_output_field_number(out, "window_token", place->window_token);
}

static void add_blocks(struct sw_output *out, const struct swarm_blocks *blocks)
{
    for (size_t i = 0; i < swarm_blocks_count(blocks); i++) {
        const struct swarm_block_at *block = swarm_blocks_at(blocks, i);
        char score[32];

        (void)snprintf(score, sizeof score, "%lld", (long long)block->score);
        sw_output_row(out);
        sw_output_number(out, TOKEN, block->token);
        sw_output_number(out, END, block->end);
        sw_output_number(out, NUMBER, block->number);
        if (block->has_score) {
            sw_output_text(out, SCORE, score);
        }
        sw_output_cell(out, CONTENT, sw_span_of(block->content.data, block->content.size));
        sw_output_number(out, REVISION, block->revision);
        if (block->uses > 0) {
            sw_output_number(out, USES, block->uses);
            sw_output_number(out, USED_MS, block->used_ms);
        }
        if (block->like.size > 0) {
            sw_output_cell(out, LIKE, sw_span_of(block->like.data, block->like.size));
            sw_output_number(out, LIKENESS, block->likeness);
        }
    }
}

static int locate(struct sw_cli *cli, const char *text, bool is_last, struct sw_output *out)
{
    struct swarm_blocks *blocks = NULL;
    char why[SW_WHY_SIZE] = "";
    enum swarm_status status;
    uint64_t token;

    if (!sw_text_number(text, &token)) {
        return sw_cli_fail_format(SW_ERR_INVALID, "a token is a number, not %s", text);
    }
    status = swarm_context_locate(
        cli->client, sw_cli_scope(cli), cli->args[0], token, &blocks, why, sizeof why);
    if (status != SWARM_OK) {
        return sw_cli_fail((enum sw_err)status, why);
    }
    add_blocks(out, blocks);
    if (is_last) {
        add_place(out, swarm_blocks_place(blocks));
    }
    swarm_blocks_free(blocks);
    return 0;
}

int sw_cmd_context_locate(struct sw_cli *cli)
{
    struct sw_output out;
    int code = 0;

    if (sw_cli_open(cli) != SW_ERR_OK) {
        return not_open();
    }
    sw_output_init(&out, "blocks", block_columns, BLOCK_COLUMNS);
    for (size_t i = 1; i < cli->arg_count && code == 0; i++) {
        code = locate(cli, cli->args[i], i + 1 == cli->arg_count, &out);
    }
    if (code == 0) {
        (void)sw_output_print(&out, cli->format, stdout);
    }
    sw_output_release(&out);
    return code;
}

int sw_cmd_context_read(struct sw_cli *cli)
{
    struct swarm_blocks *blocks = NULL;
    struct sw_output out;
    char why[SW_WHY_SIZE] = "";
    uint64_t from, end;
    enum swarm_status status;

    if (!sw_cli_number(cli, "from", 0, &from) || !sw_cli_number(cli, "to", UINT64_MAX, &end)) {
        return sw_cmd_usage();
    }
    if (sw_cli_open(cli) != SW_ERR_OK) {
        return not_open();
    }
    status = swarm_context_read(
        cli->client, sw_cli_scope(cli), cli->args[0], from, end, &blocks, why, sizeof why);
    if (status != SWARM_OK) {
        return sw_cli_fail((enum sw_err)status, why);
    }
    sw_output_init(&out, "blocks", block_columns, BLOCK_COLUMNS);
    add_blocks(&out, blocks);
    add_place(&out, swarm_blocks_place(blocks));
    swarm_blocks_free(blocks);
    (void)sw_output_print(&out, cli->format, stdout);
    sw_output_release(&out);
    return 0;
}

/* --- list ------------------------------------------------------------------------------------- */

enum {
    ID,
    INDEX,
    BLOCKS,
    NEXT,
    SIZE,
    WINDOW_BLOCKS,
    WINDOW_MS,
    WINDOW_SIMILAR,
    WINDOW_TOKEN,
    EPOCH,
    PRUNED,
    GONE,
    DUPLICATES,
    PRECISION,
    DYING,
    LIST_COLUMNS
};
static const struct sw_column list_columns[LIST_COLUMNS] = {
    [ID] = {"id", SW_CELL_TEXT},
    [INDEX] = {"index", SW_CELL_TEXT},
    [BLOCKS] = {"blocks", SW_CELL_TEXT},
    [NEXT] = {"tokens", SW_CELL_TEXT},
    [SIZE] = {"bytes", SW_CELL_TEXT},
    [WINDOW_BLOCKS] = {"window_blocks", SW_CELL_TEXT},
    [WINDOW_MS] = {"window_ms", SW_CELL_TEXT},
    [WINDOW_SIMILAR] = {"window_similar", SW_CELL_TEXT},
    [WINDOW_TOKEN] = {"window_token", SW_CELL_TEXT},
    [EPOCH] = {"epoch", SW_CELL_TEXT},
    [PRUNED] = {"pruned", SW_CELL_TEXT},
    [GONE] = {"gone", SW_CELL_TEXT},
    [DUPLICATES] = {"duplicates", SW_CELL_TEXT},
    [PRECISION] = {"precision", SW_CELL_TEXT},
    [DYING] = {"dying", SW_CELL_BOOL}};

static void add_context(struct sw_output *out, const struct swarm_context_info *context)
{
    sw_output_row(out);
    sw_output_text(out, ID, context->id);
    if (context->index[0] != '\0') {
        sw_output_text(out, INDEX, context->index);
    }
    sw_output_number(out, BLOCKS, context->blocks);
    sw_output_number(out, NEXT, context->next);
    sw_output_number(out, SIZE, context->size);
    sw_output_number(out, WINDOW_BLOCKS, context->window_blocks);
    sw_output_number(out, WINDOW_MS, context->window_ms);
    sw_output_number(out, WINDOW_SIMILAR, context->window_similar);
    sw_output_number(out, WINDOW_TOKEN, context->window_token);
    sw_output_number(out, EPOCH, context->epoch);
    sw_output_number(out, PRUNED, context->pruned);
    sw_output_number(out, GONE, context->gone);
    sw_output_number(out, DUPLICATES, context->duplicates);
    sw_output_number(out, PRECISION, context->precision);
    sw_output_text(out, DYING, context->is_dying ? "true" : "false");
}

int sw_cmd_context_list(struct sw_cli *cli)
{
    struct swarm_context_info *contexts = NULL;
    struct sw_output out;
    char why[SW_WHY_SIZE] = "";
    enum swarm_status status;
    size_t count = 0;

    if (sw_cli_open(cli) != SW_ERR_OK) {
        return not_open();
    }
    status = swarm_context_list(cli->client, sw_cli_scope(cli), &contexts, &count, why, sizeof why);
    if (status != SWARM_OK) {
        return sw_cli_fail((enum sw_err)status, why);
    }
    sw_output_init(&out, "contexts", list_columns, LIST_COLUMNS);
    for (size_t i = 0; i < count; i++) {
        add_context(&out, &contexts[i]);
    }
    (void)sw_output_print(&out, cli->format, stdout);
    sw_output_release(&out);
    free(contexts);
    return 0;
}
