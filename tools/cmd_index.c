/* swarmctl index: create, drop, list, put, search. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "tools/cli.h"
#include "tools/cmd.h"
#include "tools/indexes.h"
#include "tools/vector_text.h"
#include "transport/crypto_sodium.h"

static struct swarm_request request_of(const struct sw_cli *cli, enum swarm_op op)
{
    struct swarm_request request = SWARM_INIT(struct swarm_request);

    request.op = op;
    request.scope = sw_cli_scope(cli);
    return request;
}

static int write_and_report(struct sw_cli *cli, const struct swarm_request *request)
{
    struct swarm_result *result = NULL;
    int code = 0;

    if (sw_cmd_call(cli, request, &result, &code) != SW_ERR_OK) {
        return code;
    }
    if (result->status == SWARM_CONFLICT && request->op == SWARM_INDEX_CREATE) {
        code = sw_cli_fail_format(SW_ERR_CONFLICT,
                                  "there is an index %s already: `swarmctl index list` shows it; "
                                  "nothing was written",
                                  cli->args[0]);
    } else {
        code = result->status == SWARM_OK ? sw_cmd_report_write(cli, result)
                                          : sw_cli_fail_write(result);
    }
    swarm_result_free(result);
    return code;
}

/* --- create, drop, list ----------------------------------------------------------------------- */

struct word {
    const char *name;
    int value;
};

/* The flag's word, or the first one without a flag; false, and the line printed, if it is none. */
static bool
word_of(const struct sw_cli *cli, const char *flag, const struct word words[], int *ret_value)
{
    const char *given = sw_cli_flag(cli, flag);

    *ret_value = words[0].value;
    for (const struct word *word = words; given != NULL && word->name != NULL; word++) {
        if (strcmp(word->name, given) == 0) {
            *ret_value = word->value;
            return true;
        }
    }
    if (given != NULL) {
        char all[64] = "";

        for (const struct word *word = words; word->name != NULL; word++) {
            (void)snprintf(all + strlen(all),
                           sizeof all - strlen(all),
                           "%s%s",
                           word == words ? "" : ", ",
                           word->name);
        }
        (void)sw_cli_fail_format(SW_ERR_INVALID, "--%s is one of %s, not %s", flag, all, given);
    }
    return given == NULL;
}

int sw_cmd_index_create(struct sw_cli *cli)
{
    static const struct word metrics[] = {{"cosine", SWARM_COSINE},
                                          {"inner-product", SWARM_INNER_PRODUCT},
                                          {"l2", SWARM_L2},
                                          {NULL, 0}};
    struct swarm_request request = request_of(cli, SWARM_INDEX_CREATE);
    struct swarm_space space = {.dtype = SWARM_F32, .model = sw_cli_flag(cli, "model")};
    uint64_t dim, version, length;
    int metric;

    if (!word_of(cli, "metric", metrics, &metric) || !sw_cli_number(cli, "dim", 0, &dim) ||
        !sw_cli_number(cli, "model-version", 0, &version) ||
        !sw_cli_number(cli, "length-max", 1, &length)) {
        return sw_cmd_usage();
    }
    if (dim < SW_SPACE_DIM_MIN || dim > SW_SPACE_DIM_MAX || version > UINT32_MAX || length == 0) {
        return sw_cli_fail_format(SW_ERR_INVALID,
                                  "--dim N says how many numbers a vector has, %d to %d",
                                  SW_SPACE_DIM_MIN,
                                  SW_SPACE_DIM_MAX);
    }
    space.metric = (enum swarm_metric)metric;
    space.dim = (uint32_t)dim;
    space.version = (uint32_t)version;
    while (metric != SWARM_COSINE && space.exponent < 60 &&
           (UINT64_C(1) << space.exponent) < length) {
        space.exponent++;
    }
    sw_crypto_random(&space.seed, sizeof space.seed);
    request.key = swarm_str(cli->args[0]);
    request.space = &space;
    return write_and_report(cli, &request);
}

int sw_cmd_index_drop(struct sw_cli *cli)
{
    struct swarm_request request = request_of(cli, SWARM_INDEX_DROP);

    request.key = swarm_str(cli->args[0]);
    return write_and_report(cli, &request);
}

int sw_cmd_index_list(struct sw_cli *cli)
{
    struct swarm_request request = request_of(cli, SWARM_INDEX_LIST);
    struct swarm_result *result = NULL;
    int code = 0;

    if (sw_cmd_call(cli, &request, &result, &code) != SW_ERR_OK) {
        return code;
    }
    if (result->status != SWARM_OK) {
        code = sw_cli_fail_result(result);
    } else if (!sw_indexes_print(result->detail, cli->format, stdout)) {
        code = sw_cli_fail(SW_ERR_MALFORMED, "the node's list of indexes does not read");
    }
    swarm_result_free(result);
    return code;
}

/* --- put and search --------------------------------------------------------------------------- */

bool sw_cmd_vector(const struct sw_cli *cli, struct sw_vector_text *text, struct swarm_slice *ret)
{
    enum { FILE_SIZE_MAX = 32 * SW_SPACE_DIM_MAX };
    const char *given = sw_cli_flag(cli, "vector");
    char why[SW_WHY_SIZE];
    char *content = NULL;
    enum sw_err err;

    if (given == NULL) {
        (void)sw_cli_fail(SW_ERR_INVALID, "--vector NUMBERS or --vector @FILE is missing");
        return false;
    }
    if (given[0] == '@') {
        FILE *file = fopen(given + 1, "r");
        size_t size;

        if (file == NULL) {
            (void)sw_cli_fail_format(SW_ERR_IO, "cannot open %s", given + 1);
            return false;
        }
        content = calloc(1, FILE_SIZE_MAX + 1);
        SW_ASSERT(content != NULL);
        size = fread(content, 1, FILE_SIZE_MAX, file);
        (void)fclose(file);
        content[size] = 0;
        given = content;
    }
    err = sw_vector_text_numbers(given, text, why);
    free(content);
    if (err != SW_ERR_OK) {
        (void)sw_cli_fail(err, why);
        return false;
    }
    if (text->count < SW_SPACE_DIM_MIN) {
        (void)sw_cli_fail_format(SW_ERR_INVALID,
                                 "a vector has %d to %d numbers, this one has %zu",
                                 SW_SPACE_DIM_MIN,
                                 SW_SPACE_DIM_MAX,
                                 text->count);
        return false;
    }
    *ret = (struct swarm_slice){.data = text->numbers, .size = text->count * sizeof(float)};
    return true;
}

bool sw_cmd_real(const struct sw_cli *cli, const char *name, double standard, double *ret)
{
    const char *given = sw_cli_flag(cli, name);
    char *end;

    *ret = standard;
    if (given == NULL) {
        return true;
    }
    *ret = strtod(given, &end);
    if (end != given && *end == 0 && isfinite(*ret)) {
        return true;
    }
    (void)sw_cli_fail_format(SW_ERR_INVALID, "--%s is a number, not %s", name, given);
    return false;
}

static int report_near(const struct sw_cli *cli, const struct swarm_result *result)
{
    sw_cmd_print_record(cli, result, SW_ENCODING_AUTO);
    return sw_cli_fail_format(SW_ERR_EXISTS,
                              "at distance %g there is already %.*s; nothing was written",
                              swarm_distance(&result->records[0]),
                              (int)result->records[0].key.size,
                              (const char *)result->records[0].key.data);
}

static int put_item(struct sw_cli *cli, struct swarm_item *item, struct sw_vector_text *text)
{
    struct swarm_request request = request_of(cli, SWARM_VECTOR_PUT);
    const char *attributes = sw_cli_flag(cli, "attributes");
    struct swarm_result *result = NULL;
    char why[SW_WHY_SIZE];
    enum sw_err err = SW_ERR_OK;
    int code = 0;

    if (attributes != NULL) {
        err = sw_vector_text_attributes(attributes, text, why);
    }
    if (err != SW_ERR_OK) {
        return sw_cli_fail(err, why);
    }
    item->attributes = text->attributes;
    item->attribute_count = text->attribute_count;
    request.key = swarm_str(cli->args[1]);
    request.item = item;
    if (!sw_cmd_vector(cli, text, &item->vector) ||
        !sw_cli_number(cli, "lease", 0, &request.lease)) {
        return sw_cmd_usage();
    }
    if (sw_cmd_call(cli, &request, &result, &code) != SW_ERR_OK) {
        return code;
    }
    if (result->status == SWARM_EXISTS && result->record_count == 1) {
        code = report_near(cli, result);
    } else {
        code = result->status == SWARM_OK ? sw_cmd_report_write(cli, result)
                                          : sw_cli_fail_write(result);
    }
    swarm_result_free(result);
    return code;
}

int sw_cmd_index_put(struct sw_cli *cli)
{
    struct swarm_item item = {.index = cli->args[0], .novel = sw_cli_has(cli, "if-novel")};
    struct sw_vector_text text = {0};
    struct sw_cmd_value value;
    int code;

    if (!sw_cmd_real(cli, "if-novel", 0, &item.distance_max)) {
        return sw_cmd_usage();
    }
    if (sw_cmd_value(cli, 2, &value) != SW_ERR_OK) {
        return sw_err_info(SW_ERR_IO)->exit_code;
    }
    item.content = value.slice;
    code = put_item(cli, &item, &text);
    sw_vector_text_release(&text);
    free(value.owned);
    return code;
}

enum { KEY, DISTANCE, VALUE, MODIFIED, COLUMN_COUNT };

static void print_hits(const struct sw_cli *cli, const struct swarm_result *result)
{
    static const struct sw_column columns[COLUMN_COUNT] = {
        [KEY] = {"key", SW_CELL_BYTES},
        [DISTANCE] = {"distance", SW_CELL_TEXT},
        [VALUE] = {"value", SW_CELL_BYTES},
        [MODIFIED] = {"mod_revision", SW_CELL_TEXT}};
    struct sw_output out;
    char distance[32];

    sw_output_init(&out, "hits", columns, COLUMN_COUNT);
    for (size_t i = 0; i < result->record_count; i++) {
        const struct swarm_record *record = &result->records[i];

        (void)snprintf(distance, sizeof distance, "%.9g", swarm_distance(record));
        sw_output_row(&out);
        sw_output_cell(&out, KEY, sw_span_of(record->key.data, record->key.size));
        sw_output_text(&out, DISTANCE, distance);
        sw_output_cell(&out, VALUE, sw_span_of(record->value.data, record->value.size));
        sw_output_number(&out, MODIFIED, record->mod_revision);
    }
    sw_output_field(&out, "certificate", SW_CELL_JSON, result->detail);
    sw_output_field_number(&out, "revision", result->revision);
    (void)sw_output_print(&out, cli->format, stdout);
    sw_output_release(&out);
}

static int search(struct sw_cli *cli, struct swarm_question *question)
{
    struct swarm_request request = request_of(cli, SWARM_VECTOR_SEARCH);
    struct swarm_result *result = NULL;
    int code = 0;

    request.question = question;
    if (sw_cmd_call(cli, &request, &result, &code) != SW_ERR_OK) {
        return code;
    }
    if (result->status == SWARM_OK) {
        print_hits(cli, result);
    } else {
        code = sw_cli_fail_result(result);
    }
    swarm_result_free(result);
    return code;
}

bool sw_cmd_question(const struct sw_cli *cli,
                     struct sw_vector_text *text,
                     struct swarm_question *question)
{
    const char *where = sw_cli_flag(cli, "where");
    char why[SW_WHY_SIZE];

    if (!sw_cmd_real(cli, "max-distance", 0, &question->distance_max) ||
        !sw_cmd_vector(cli, text, &question->vector)) {
        return false;
    }
    if (where != NULL) {
        const enum sw_err err = sw_vector_text_conditions(where, text, why);

        if (err != SW_ERR_OK) {
            (void)sw_cli_fail(err, why);
            return false;
        }
    }
    question->conditions = text->conditions;
    question->condition_count = text->condition_count;
    return true;
}

static bool
question_of(const struct sw_cli *cli, struct sw_vector_text *text, struct swarm_question *question)
{
    uint64_t k, probe;
    double recall;

    if (!sw_cli_number(cli, "k", 10, &k) || !sw_cli_number(cli, "probe", 0, &probe) ||
        !sw_cmd_real(cli, "recall", 0, &recall) || !sw_cmd_question(cli, text, question)) {
        return false;
    }
    if (k > SW_SEARCH_COUNT_MAX || probe > UINT32_MAX || recall < 0 || recall > 1) {
        (void)sw_cli_fail(SW_ERR_INVALID, "--k is at most 1024, --recall a fraction such as 0.95");
        return false;
    }
    question->k = (uint32_t)k;
    question->probe = (uint32_t)probe;
    question->recall_permille = (uint32_t)(recall * 1000 + 0.5);
    return true;
}

int sw_cmd_index_search(struct sw_cli *cli)
{
    struct swarm_question question = {.index = cli->args[0]};
    struct sw_vector_text text = {0};
    int code = sw_cmd_usage();

    question.flags |= sw_cli_has(cli, "max-distance") ? (uint32_t)SWARM_SEARCH_BOUNDED : 0;
    question.flags |= sw_cli_has(cli, "keys-only") ? (uint32_t)SWARM_SEARCH_KEYS_ONLY : 0;
    question.flags |= sw_cli_has(cli, "include-stale") ? (uint32_t)SWARM_SEARCH_STALE : 0;
    if (question_of(cli, &text, &question)) {
        code = search(cli, &question);
    }
    sw_vector_text_release(&text);
    return code;
}
