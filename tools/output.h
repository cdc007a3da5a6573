/* What a command prints: rows of cells and a few fields, in one of five forms.
 *
 *     json    {"revision":"7","records":[{"key":"a",...}]}
 *     jsonl   one JSON object a line for each row; without rows one object of the fields
 *     fields  "name: value" lines, an empty line between rows
 *     table   aligned columns with a header (libsmartcols), then the fields
 *     plain   cells of a row joined by tabs, no header; bytes as they are
 *
 * 64-bit numbers are strings in JSON: half of all readers round them otherwise. */
#ifndef SW_TOOLS_OUTPUT_H
#define SW_TOOLS_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/rw.h"
#include "base/span.h"

enum sw_format {
    SW_FORMAT_TABLE,
    SW_FORMAT_JSON,
    SW_FORMAT_PLAIN,
    SW_FORMAT_JSONL,
    SW_FORMAT_FIELDS,
    SW_FORMAT_COUNT
};
extern const char *const sw_format_names[SW_FORMAT_COUNT];

enum sw_cell_type {
    SW_CELL_TEXT,  /* a JSON string; also ids and revisions */
    SW_CELL_SMALL, /* a JSON number: counts that never get large */
    SW_CELL_BOOL,  /* "true" or "false" */
    SW_CELL_JSON,  /* JSON text, put in as it is; left out of tables and plain output */
    SW_CELL_BYTES, /* like TEXT; JSON tells the encoding beside it if it is not UTF-8 */
};

struct sw_column {
    const char *name;
    enum sw_cell_type type;
};

enum { SW_COLUMNS_MAX = 16, SW_FIELDS_MAX = 40 };

enum sw_encoding { SW_ENCODING_AUTO, SW_ENCODING_UTF8, SW_ENCODING_HEX, SW_ENCODING_BASE64 };

struct sw_cell {
    char *text; /* owned, zero-terminated (bytes may hold zeros); NULL = absent */
    size_t size;
};

struct sw_output {
    const char *name; /* of the rows in JSON */
    bool single;      /* at most one row, an object or null instead of a list */
    enum sw_encoding encoding;
    const struct sw_column *columns; /* borrowed */
    size_t column_count;
    struct sw_cell *cells; /* owned; column_count for each row */
    size_t row_count;
    struct {
        struct sw_column column;
        char *text; /* owned */
    } fields[SW_FIELDS_MAX];
    size_t field_count;
};

void sw_output_init(struct sw_output *out,
                    const char *name,
                    const struct sw_column *columns,
                    size_t column_count);
void sw_output_release(struct sw_output *out);
/* A new row of absent cells; then its cells. */
void sw_output_row(struct sw_output *out);
void sw_output_cell(struct sw_output *out, size_t column, struct sw_span bytes);
void sw_output_text(struct sw_output *out, size_t column, const char *text);
void sw_output_number(struct sw_output *out, size_t column, uint64_t number);
void sw_output_field(struct sw_output *out,
                     const char *name,
                     enum sw_cell_type type,
                     const char *text);
void sw_output_field_number(struct sw_output *out, const char *name, uint64_t number);
const struct sw_cell *sw_output_at(const struct sw_output *out, size_t row, size_t column);

/* False if stdout could not be written. */
bool sw_output_print(const struct sw_output *out, enum sw_format format, FILE *file);
void sw_output_table(const struct sw_output *out, FILE *file); /* output_smartcols.c */
char *sw_output_json(const struct sw_output *out);             /* output_cjson.c; free() it */
char *sw_output_jsonl(const struct sw_output *out);            /* its lines; free() it */

/* Printable UTF-8 (newlines and tabs included)? */
bool sw_is_text(struct sw_span bytes);
/* Zero-terminated, from malloc. AUTO: as it is if it is text, else base64. */
char *sw_encode(struct sw_span bytes, enum sw_encoding encoding);
/* The encoding that AUTO means for these bytes. */
enum sw_encoding sw_encoding_of(struct sw_span bytes, enum sw_encoding encoding);
bool sw_encoding_parse(const char *text, enum sw_encoding *ret_encoding);
const char *sw_encoding_name(enum sw_encoding encoding);

#endif
