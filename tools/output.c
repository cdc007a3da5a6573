/* Rows and fields, and their plain form. */
#include "tools/output.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

void sw_output_init(struct sw_output *out,
                    const char *name,
                    const struct sw_column *columns,
                    size_t column_count)
{
    SW_ASSERT(column_count <= SW_COLUMNS_MAX);
    *out = (struct sw_output){.name = name, .columns = columns, .column_count = column_count};
}

void sw_output_release(struct sw_output *out)
{
    for (size_t i = 0; i < out->row_count * out->column_count; i++) {
        free(out->cells[i].text);
    }
    for (size_t i = 0; i < out->field_count; i++) {
        free(out->fields[i].text);
    }
    free(out->cells);
    *out = (struct sw_output){0};
}

void sw_output_row(struct sw_output *out)
{
    const size_t size = (out->row_count + 1) * out->column_count * sizeof *out->cells;

    /* Grows by doubling: at each power of two. */
    if ((out->row_count & (out->row_count + 1)) == 0) {
        const size_t capacity = 2 * (out->row_count + 1) * out->column_count * sizeof *out->cells;

        out->cells = realloc(out->cells, capacity);
        SW_ASSERT(out->cells != NULL);
    }
    memset(out->cells + out->row_count * out->column_count, 0, size / (out->row_count + 1));
    out->row_count++;
}

const char *const sw_format_names[SW_FORMAT_COUNT] = {[SW_FORMAT_TABLE] = "table",
                                                      [SW_FORMAT_JSON] = "json",
                                                      [SW_FORMAT_PLAIN] = "plain",
                                                      [SW_FORMAT_JSONL] = "jsonl",
                                                      [SW_FORMAT_FIELDS] = "fields"};

static char *copy_text(struct sw_span bytes)
{
    char *text = malloc(bytes.size + 1);

    SW_ASSERT(text != NULL);
    if (bytes.size > 0) {
        memcpy(text, bytes.data, bytes.size);
    }
    text[bytes.size] = '\0';
    return text;
}

void sw_output_cell(struct sw_output *out, size_t column, struct sw_span bytes)
{
    struct sw_cell *cell;

    SW_ASSERT(out->row_count > 0);
    SW_ASSERT(column < out->column_count);
    cell = &out->cells[(out->row_count - 1) * out->column_count + column];
    free(cell->text);
    *cell = (struct sw_cell){.text = copy_text(bytes), .size = bytes.size};
}

void sw_output_text(struct sw_output *out, size_t column, const char *text)
{
    sw_output_cell(out, column, sw_span_str(text));
}

void sw_output_number(struct sw_output *out, size_t column, uint64_t number)
{
    char text[24];

    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)number);
    sw_output_text(out, column, text);
}

void sw_output_field(struct sw_output *out,
                     const char *name,
                     enum sw_cell_type type,
                     const char *text)
{
    SW_ASSERT(out->field_count < SW_FIELDS_MAX);
    out->fields[out->field_count].column = (struct sw_column){.name = name, .type = type};
    out->fields[out->field_count].text = copy_text(sw_span_str(text));
    out->field_count++;
}

void sw_output_field_number(struct sw_output *out, const char *name, uint64_t number)
{
    char text[24];

    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)number);
    sw_output_field(out, name, SW_CELL_TEXT, text);
}

const struct sw_cell *sw_output_at(const struct sw_output *out, size_t row, size_t column)
{
    SW_ASSERT(row < out->row_count);
    SW_ASSERT(column < out->column_count);
    return &out->cells[row * out->column_count + column];
}

static void print_plain_cell(const struct sw_output *out,
                             const struct sw_cell *cell,
                             enum sw_cell_type type,
                             FILE *file)
{
    char *text;

    if (cell->text == NULL) {
        return;
    }
    if (type != SW_CELL_BYTES || out->encoding == SW_ENCODING_AUTO) {
        (void)fwrite(cell->text, 1, cell->size, file);
        return;
    }
    text = sw_encode(sw_span_of(cell->text, cell->size), out->encoding);
    (void)fputs(text, file);
    free(text);
}

static void print_plain(const struct sw_output *out, FILE *file)
{
    for (size_t row = 0; row < out->row_count; row++) {
        const char *tab = "";

        for (size_t column = 0; column < out->column_count; column++) {
            if (out->columns[column].type != SW_CELL_JSON) {
                (void)fputs(tab, file);
                print_plain_cell(
                    out, sw_output_at(out, row, column), out->columns[column].type, file);
                tab = "\t";
            }
        }
        (void)fputc('\n', file);
    }
    if (out->column_count > 0) {
        return; /* rows are the data; fields beside them would be noise for a script */
    }
    for (size_t i = 0; i < out->field_count; i++) {
        (void)fprintf(file, "%s\n", out->fields[i].text);
    }
}

static void print_fields(const struct sw_output *out, FILE *file)
{
    for (size_t i = 0; i < out->field_count; i++) {
        if (out->fields[i].column.type != SW_CELL_JSON) {
            (void)fprintf(file, "%s: %s\n", out->fields[i].column.name, out->fields[i].text);
        }
    }
}

/* Every cell under its name; for people who read a long value, and for grep. */
static void print_as_fields(const struct sw_output *out, FILE *file)
{
    for (size_t row = 0; row < out->row_count; row++) {
        for (size_t column = 0; column < out->column_count; column++) {
            const struct sw_cell *cell = sw_output_at(out, row, column);

            if (cell->text != NULL && out->columns[column].type != SW_CELL_JSON) {
                (void)fprintf(file, "%s: ", out->columns[column].name);
                print_plain_cell(out, cell, out->columns[column].type, file);
                (void)fputc('\n', file);
            }
        }
        if (row + 1 < out->row_count) {
            (void)fputc('\n', file);
        }
    }
    if (out->row_count > 0 && out->field_count > 0) {
        (void)fputc('\n', file);
    }
    print_fields(out, file);
}

bool sw_output_print(const struct sw_output *out, enum sw_format format, FILE *file)
{
    char *json;

    switch (format) {
    case SW_FORMAT_JSON:
        json = sw_output_json(out);
        (void)fprintf(file, "%s\n", json);
        free(json);
        break;
    case SW_FORMAT_TABLE:
        if (out->column_count > 0) {
            sw_output_table(out, file);
        }
        print_fields(out, file);
        break;
    case SW_FORMAT_PLAIN:
        print_plain(out, file);
        break;
    case SW_FORMAT_JSONL:
        json = sw_output_jsonl(out);
        (void)fputs(json, file);
        free(json);
        break;
    case SW_FORMAT_FIELDS:
        print_as_fields(out, file);
        break;
    case SW_FORMAT_COUNT:
        break;
    }
    return fflush(file) == 0 && ferror(file) == 0;
}
