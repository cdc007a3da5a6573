/* Rows and fields as JSON, through cJSON. */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "tools/output.h"

static cJSON *must(cJSON *item)
{
    SW_ASSERT(item != NULL);
    return item;
}

static void add(cJSON *object, const char *name, cJSON *item)
{
    const cJSON_bool added = cJSON_AddItemToObject(object, name, must(item));

    SW_ASSERT(added);
}

/* "value" and, if it is not plain text, "value_encoding". UTF8 asked for explicitly is taken at its
 * word for text only: JSON cannot carry other bytes. */
static void
add_bytes(cJSON *object, const char *name, const struct sw_cell *cell, enum sw_encoding encoding)
{
    const struct sw_span bytes = sw_span_of(cell->text, cell->size);
    const enum sw_encoding wanted = encoding == SW_ENCODING_UTF8 ? SW_ENCODING_AUTO : encoding;
    const enum sw_encoding used = sw_encoding_of(bytes, wanted);
    char *text = sw_encode(bytes, used);

    add(object, name, cJSON_CreateString(text));
    free(text);
    if (used != SW_ENCODING_UTF8) {
        char label[64];

        (void)snprintf(label, sizeof label, "%s_encoding", name);
        add(object,
            strcmp(name, "value") == 0 ? "encoding" : label,
            cJSON_CreateString(sw_encoding_name(used)));
    }
}

static void add_cell(cJSON *object,
                     const struct sw_column *column,
                     const struct sw_cell *cell,
                     enum sw_encoding encoding)
{
    if (cell->text == NULL) {
        add(object, column->name, cJSON_CreateNull());
        return;
    }
    switch (column->type) {
    case SW_CELL_BYTES:
        add_bytes(object, column->name, cell, encoding);
        break;
    case SW_CELL_TEXT:
        add(object, column->name, cJSON_CreateString(cell->text));
        break;
    case SW_CELL_SMALL:
    case SW_CELL_JSON:
        add(object, column->name, cJSON_CreateRaw(cell->text));
        break;
    case SW_CELL_BOOL:
        add(object, column->name, cJSON_CreateBool(strcmp(cell->text, "true") == 0));
        break;
    }
}

static cJSON *row_object(const struct sw_output *out, size_t row)
{
    cJSON *object = must(cJSON_CreateObject());

    for (size_t column = 0; column < out->column_count; column++) {
        add_cell(object, &out->columns[column], sw_output_at(out, row, column), out->encoding);
    }
    return object;
}

static void add_rows(cJSON *root, const struct sw_output *out)
{
    cJSON *list;

    if (out->single) {
        add(root, out->name, out->row_count > 0 ? row_object(out, 0) : cJSON_CreateNull());
        return;
    }
    list = must(cJSON_CreateArray());
    for (size_t row = 0; row < out->row_count; row++) {
        const cJSON_bool added = cJSON_AddItemToArray(list, row_object(out, row));

        SW_ASSERT(added);
    }
    add(root, out->name, list);
}

static void add_fields(cJSON *root, const struct sw_output *out)
{
    for (size_t i = 0; i < out->field_count; i++) {
        const struct sw_cell cell = {.text = out->fields[i].text,
                                     .size = strlen(out->fields[i].text)};

        add_cell(root, &out->fields[i].column, &cell, SW_ENCODING_AUTO);
    }
}

static void append_line(char **lines, size_t *size, cJSON *object)
{
    char *printed = cJSON_PrintUnformatted(object);
    size_t more;

    SW_ASSERT(printed != NULL);
    more = strlen(printed);
    *lines = realloc(*lines, *size + more + 2);
    SW_ASSERT(*lines != NULL);
    memcpy(*lines + *size, printed, more);
    memcpy(*lines + *size + more, "\n", 2);
    *size += more + 1;
    free(printed);
    cJSON_Delete(object);
}

char *sw_output_jsonl(const struct sw_output *out)
{
    char *lines = calloc(1, 1);
    size_t size = 0;

    SW_ASSERT(lines != NULL);
    for (size_t row = 0; row < out->row_count; row++) {
        append_line(&lines, &size, row_object(out, row));
    }
    if (out->column_count == 0) {
        cJSON *object = must(cJSON_CreateObject());

        add_fields(object, out);
        append_line(&lines, &size, object);
    }
    return lines;
}

char *sw_output_json(const struct sw_output *out)
{
    cJSON *root = must(cJSON_CreateObject());
    char *printed;

    if (out->column_count > 0) {
        add_rows(root, out);
    }
    add_fields(root, out);
    printed = cJSON_PrintUnformatted(root);
    SW_ASSERT(printed != NULL);
    cJSON_Delete(root);
    return printed;
}
