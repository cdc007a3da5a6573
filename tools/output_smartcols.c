/* Rows as an aligned table, through libsmartcols. */
#include <libsmartcols/libsmartcols.h>
#include <stdlib.h>

#include "base/assert.h"
#include "tools/output.h"

static void add_columns(struct libscols_table *table, const struct sw_output *out)
{
    for (size_t i = 0; i < out->column_count; i++) {
        if (out->columns[i].type != SW_CELL_JSON) {
            const int flags = out->columns[i].type == SW_CELL_SMALL ? SCOLS_FL_RIGHT : 0;
            const struct libscols_column *column =
                scols_table_new_column(table, out->columns[i].name, 0.1, flags);

            SW_ASSERT(column != NULL);
        }
    }
}

static void add_row(struct libscols_table *table, const struct sw_output *out, size_t row)
{
    struct libscols_line *line = scols_table_new_line(table, NULL);
    size_t at = 0;

    SW_ASSERT(line != NULL);
    for (size_t i = 0; i < out->column_count; i++) {
        const struct sw_cell *cell = sw_output_at(out, row, i);

        if (out->columns[i].type == SW_CELL_JSON) {
            continue;
        }
        if (cell->text != NULL) {
            /* Text that is not printable would move the cursor: a table shows it in base64. */
            const enum sw_encoding encoding =
                out->columns[i].type == SW_CELL_BYTES ? out->encoding : SW_ENCODING_UTF8;
            char *text = sw_encode(sw_span_of(cell->text, cell->size), encoding);
            const int failed = scols_line_refer_data(line, at, text); /* takes `text` */

            SW_ASSERT(failed == 0);
        }
        at++;
    }
}

void sw_output_table(const struct sw_output *out, FILE *file)
{
    struct libscols_table *table = scols_new_table();

    SW_ASSERT(table != NULL);
    (void)scols_table_set_stream(table, file);
    (void)scols_table_enable_maxout(table, 0);
    /* The same on a terminal as in a pipe: on a narrow one smartcols would break rows into steps.
     */
    (void)scols_table_set_termforce(table, SCOLS_TERMFORCE_NEVER);
    add_columns(table, out);
    for (size_t row = 0; row < out->row_count; row++) {
        add_row(table, out, row);
    }
    if (out->row_count > 0) {
        (void)scols_print_table(table);
    }
    scols_unref_table(table);
}
