/* One table of lines, one parser and one printer for all kinds of settings. */
#include "transport/setting.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"

static const char *const kind_names[SW_SETTING_KIND_COUNT] = {[SW_SETTING_IDENTITY] = "identity",
                                                              [SW_SETTING_QUOTA] = "quota",
                                                              [SW_SETTING_RETENTION] = "retention",
                                                              [SW_SETTING_TENANT] = "tenant",
                                                              [SW_SETTING_TOKEN] = "token"};

enum line_type { LINE_NUMBER, LINE_NOTE, LINE_ID, LINE_RIGHT };

/* A line that a kind may have. */
struct line {
    enum sw_setting_kind kind;
    const char *name;
    enum line_type type;
    size_t number; /* where the number is in struct sw_setting */
    bool required;
};

#define NUMBER_LINE(of, named, at)                          \
    {                                                       \
        .kind = (of), .name = (named), .type = LINE_NUMBER, \
        .number = offsetof(struct sw_setting, at)           \
    }

static const struct line lines[] = {
    {.kind = SW_SETTING_IDENTITY, .name = "id", .type = LINE_ID, .required = true},
    {.kind = SW_SETTING_IDENTITY, .name = "note", .type = LINE_NOTE},
    {.kind = SW_SETTING_IDENTITY, .name = "right", .type = LINE_RIGHT},
    NUMBER_LINE(SW_SETTING_QUOTA, "keys", quota.keys),
    NUMBER_LINE(SW_SETTING_QUOTA, "bytes", quota.bytes),
    NUMBER_LINE(SW_SETTING_QUOTA, "ops_per_second", quota.ops_per_second),
    NUMBER_LINE(SW_SETTING_QUOTA, "in_flight", quota.in_flight),
    NUMBER_LINE(SW_SETTING_RETENTION, "keep_last", retention.keep_last),
    NUMBER_LINE(SW_SETTING_RETENTION, "max_age_ms", retention.max_age_ms),
    NUMBER_LINE(SW_SETTING_RETENTION, "max_bytes", retention.max_bytes),
    {.kind = SW_SETTING_TENANT, .name = "note", .type = LINE_NOTE},
    {.kind = SW_SETTING_TOKEN, .name = "id", .type = LINE_ID, .required = true},
    NUMBER_LINE(SW_SETTING_TOKEN, "until_ms", until_ms),
    {.kind = SW_SETTING_TOKEN, .name = "note", .type = LINE_NOTE},
    {.kind = SW_SETTING_TOKEN, .name = "right", .type = LINE_RIGHT},
};

enum { LINE_COUNT = sizeof lines / sizeof lines[0] };

static_assert(LINE_COUNT <= 32, "the lines seen are bits of 32");

const char *sw_setting_kind_name(enum sw_setting_kind kind)
{
    SW_ASSERT(kind < SW_SETTING_KIND_COUNT);
    return kind_names[kind];
}

enum sw_setting_kind sw_setting_kind_of(struct sw_span name)
{
    unsigned kind = 0;

    while (kind < SW_SETTING_KIND_COUNT && !sw_span_equal(name, sw_span_str(kind_names[kind]))) {
        kind++;
    }
    return (enum sw_setting_kind)kind;
}

bool sw_tenant_is_reserved(struct sw_span tenant)
{
    return sw_span_equal(tenant, sw_span_str(SW_SYSTEM_TENANT));
}

/* --- words ------------------------------------------------------------------------------------ */

/* A word of printable ASCII without spaces. */
static bool is_word(struct sw_span text, size_t size_max)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] <= ' ' || text.data[i] > '~') {
            return false;
        }
    }
    return text.size > 0 && text.size <= size_max;
}

static void copy_word(struct sw_span word, char *out)
{
    if (word.size > 0) {
        memcpy(out, word.data, word.size);
    }
    out[word.size] = '\0';
}

/* What stands before the first `mark`, taken off `text` with it; all of it if there is none. */
static struct sw_span cut(struct sw_span *text, char mark)
{
    const uint8_t *end = text->size == 0 ? NULL : memchr(text->data, mark, text->size);
    struct sw_span word = *text;

    if (end == NULL) {
        *text = sw_span_of(NULL, 0);
        return word;
    }
    word.size = (size_t)(end - text->data);
    *text = sw_span_of(end + 1, text->size - word.size - 1);
    return word;
}

static bool is_scope(struct sw_span name)
{
    const bool has_space = name.size > 0 && memchr(name.data, ' ', name.size) != NULL;
    const struct sw_span tenant = cut(&name, ' ');

    return is_word(tenant, SW_TENANT_SIZE_MAX) && !sw_tenant_is_reserved(tenant) &&
           (has_space ? is_word(name, SW_NAMESPACE_SIZE_MAX) : name.size == 0);
}

enum sw_err
sw_setting_check_name(enum sw_setting_kind kind, struct sw_span name, char ret_why[SW_WHY_SIZE])
{
    bool good = false;

    switch (kind) {
    case SW_SETTING_IDENTITY:
    case SW_SETTING_TOKEN:
        good = is_word(name, SW_NAMESPACE_SIZE_MAX);
        break;
    case SW_SETTING_TENANT:
        good = is_word(name, SW_TENANT_SIZE_MAX) && !sw_tenant_is_reserved(name);
        break;
    case SW_SETTING_QUOTA:
    case SW_SETTING_RETENTION:
        good = is_scope(name);
        break;
    case SW_SETTING_KIND_COUNT:
        (void)snprintf(ret_why, SW_WHY_SIZE, "there is no such kind of setting");
        return SW_ERR_INVALID;
    }
    if (good) {
        return SW_ERR_OK;
    }
    (void)snprintf(ret_why,
                   SW_WHY_SIZE,
                   "the name of a setting of kind %s is %s",
                   kind_names[kind],
                   kind == SW_SETTING_QUOTA || kind == SW_SETTING_RETENTION
                       ? "TENANT or TENANT NAMESPACE"
                       : "one word of printable ASCII");
    return SW_ERR_INVALID;
}

/* --- values ----------------------------------------------------------------------------------- */

/* Decimal, in its one form, up to 2^63 - 1. */
static bool read_number(struct sw_span text, uint64_t *ret_value)
{
    uint64_t value = 0;

    if (text.size == 0 || (text.data[0] == '0' && text.size > 1)) {
        return false;
    }
    for (size_t i = 0; i < text.size; i++) {
        const uint64_t digit = (uint64_t)text.data[i] - '0';

        if (text.data[i] < '0' || text.data[i] > '9' || value > (INT64_MAX - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    *ret_value = value;
    return true;
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Exactly 2 * size hex digits, lower case: one form. */
static bool read_hex(struct sw_span text, uint8_t *out, size_t size)
{
    if (text.size != 2 * size) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        const int high = hex_digit(text.data[2 * i]);
        const int low = hex_digit(text.data[2 * i + 1]);

        if (high < 0 || low < 0) {
            return false;
        }
        out[i] = (uint8_t)(high * 16 + low);
    }
    return true;
}

static bool read_note(struct sw_span text, char *ret_note)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < ' ' || text.data[i] > '~') {
            return false;
        }
    }
    if (text.size == 0 || text.size > SW_SETTING_NOTE_SIZE_MAX) {
        return false;
    }
    copy_word(text, ret_note);
    return true;
}

static const char right_letters[] = "rwa";

/* Letters in their order, each once, at least one. */
static bool read_letters(struct sw_span text, uint8_t *ret_rights)
{
    uint8_t rights = 0;

    for (size_t i = 0; i < text.size; i++) {
        const char *letter = memchr(right_letters, text.data[i], sizeof right_letters - 1);
        const unsigned bit = letter == NULL ? 0 : 1U << (letter - right_letters);

        if (bit <= rights) {
            return false;
        }
        rights = (uint8_t)(rights | bit);
    }
    *ret_rights = rights;
    return rights != 0;
}

bool sw_right_parse(struct sw_span text, struct sw_right *ret_right)
{
    struct sw_right right = {0};
    const struct sw_span letters = cut(&text, ' ');
    const bool ends_with_space = text.size > 0 && text.data[text.size - 1] == ' ';
    const struct sw_span tenant = cut(&text, ' ');

    if (!read_letters(letters, &right.rights) || !is_word(tenant, SW_TENANT_SIZE_MAX) ||
        sw_tenant_is_reserved(tenant) || ends_with_space ||
        (text.size > 0 && !is_word(text, SW_NAMESPACE_SIZE_MAX))) {
        return false;
    }
    copy_word(tenant, right.tenant);
    copy_word(text, right.prefix);
    *ret_right = right;
    return true;
}

static bool add_right(struct sw_span text, struct sw_right_list *list)
{
    return list->count < SW_SETTING_RIGHT_COUNT_MAX &&
           sw_right_parse(text, &list->rows[list->count]) && ++list->count > 0;
}

static bool read_value(const struct line *line, struct sw_span value, struct sw_setting *setting)
{
    uint64_t number = 0;

    switch (line->type) {
    case LINE_NUMBER:
        if (!read_number(value, &number)) {
            return false;
        }
        memcpy((uint8_t *)setting + line->number, &number, sizeof number);
        return true;
    case LINE_NOTE:
        return read_note(value, setting->note);
    case LINE_ID:
        return read_hex(value, setting->id, sizeof setting->id);
    case LINE_RIGHT:
        return add_right(value, &setting->rights);
    }
    return false;
}

/* --- all lines -------------------------------------------------------------------------------- */

static int find_line(enum sw_setting_kind kind, struct sw_span name)
{
    for (int i = 0; i < LINE_COUNT; i++) {
        if (lines[i].kind == kind && sw_span_equal(name, sw_span_str(lines[i].name))) {
            return i;
        }
    }
    return -1;
}

static bool read_line(struct sw_span line, uint32_t *seen, struct sw_setting *setting)
{
    const struct sw_span name = cut(&line, '=');
    const int at = find_line(setting->kind, name);

    if (at < 0 || ((*seen & (1U << at)) != 0 && lines[at].type != LINE_RIGHT)) {
        return false;
    }
    *seen |= 1U << at;
    return read_value(&lines[at], line, setting);
}

/* The name of a line that is missing; NULL if there is none. */
static const char *missing_line(enum sw_setting_kind kind, uint32_t seen)
{
    for (unsigned i = 0; i < LINE_COUNT; i++) {
        if (lines[i].kind == kind && lines[i].required && (seen & (1U << i)) == 0) {
            return lines[i].name;
        }
    }
    return NULL;
}

static enum sw_err read_lines(struct sw_span text, struct sw_setting *setting, char *ret_why)
{
    const char *missing;
    uint32_t seen = 0;

    for (unsigned number = 1; text.size > 0; number++) {
        if (!read_line(cut(&text, '\n'), &seen, setting)) {
            (void)snprintf(ret_why,
                           SW_WHY_SIZE,
                           "line %u of a setting of kind %s is none that it has, or has it twice",
                           number,
                           kind_names[setting->kind]);
            return SW_ERR_INVALID;
        }
    }
    missing = missing_line(setting->kind, seen);
    if (missing != NULL) {
        (void)snprintf(ret_why,
                       SW_WHY_SIZE,
                       "a setting of kind %s needs %s=",
                       kind_names[setting->kind],
                       missing);
        return SW_ERR_INVALID;
    }
    return SW_ERR_OK;
}

enum sw_err sw_setting_parse(enum sw_setting_kind kind,
                             struct sw_span name,
                             struct sw_span text,
                             struct sw_setting *ret_setting,
                             char ret_why[SW_WHY_SIZE])
{
    const enum sw_err err = sw_setting_check_name(kind, name, ret_why);

    if (err != SW_ERR_OK) {
        return err;
    }
    if (text.size > SW_SETTING_SIZE_MAX) {
        (void)snprintf(ret_why,
                       SW_WHY_SIZE,
                       "a setting is %zu bytes, the limit is %d bytes",
                       text.size,
                       SW_SETTING_SIZE_MAX);
        return SW_ERR_TOO_LARGE;
    }
    *ret_setting = (struct sw_setting){.kind = kind};
    copy_word(name, ret_setting->name);
    return read_lines(text, ret_setting, ret_why);
}

/* --- out -------------------------------------------------------------------------------------- */

static void print_text(struct sw_buf *out, const char *text)
{
    sw_write_bytes(out, sw_span_str(text));
}

static void print_line(struct sw_buf *out, const char *name, const char *value)
{
    print_text(out, name);
    print_text(out, "=");
    print_text(out, value);
    print_text(out, "\n");
}

static void print_id(struct sw_buf *out, const char *name, const uint8_t id[SW_IDENTITY_ID_SIZE])
{
    char text[2 * SW_IDENTITY_ID_SIZE + 1];

    for (size_t i = 0; i < SW_IDENTITY_ID_SIZE; i++) {
        (void)snprintf(text + 2 * i, 3, "%02x", (unsigned)id[i]);
    }
    print_line(out, name, text);
}

static void print_right(struct sw_buf *out, const struct sw_right *right)
{
    print_text(out, "right=");
    for (unsigned i = 0; i < 3; i++) {
        if ((right->rights & (1U << i)) != 0) {
            sw_write_u8(out, (uint8_t)right_letters[i]);
        }
    }
    print_text(out, " ");
    print_text(out, right->tenant);
    if (right->prefix[0] != '\0') {
        print_text(out, " ");
        print_text(out, right->prefix);
    }
    print_text(out, "\n");
}

static void print_number(struct sw_buf *out, const struct line *line, const uint8_t *at)
{
    char text[24];
    uint64_t number;

    memcpy(&number, at, sizeof number);
    if (number > 0) {
        (void)snprintf(text, sizeof text, "%" PRIu64, number);
        print_line(out, line->name, text);
    }
}

static void
print_value(const struct line *line, const struct sw_setting *setting, struct sw_buf *out)
{
    switch (line->type) {
    case LINE_NUMBER:
        print_number(out, line, (const uint8_t *)setting + line->number);
        break;
    case LINE_NOTE:
        if (setting->note[0] != '\0') {
            print_line(out, line->name, setting->note);
        }
        break;
    case LINE_ID:
        print_id(out, line->name, setting->id);
        break;
    case LINE_RIGHT:
        for (uint32_t i = 0; i < setting->rights.count; i++) {
            print_right(out, &setting->rights.rows[i]);
        }
        break;
    }
}

void sw_setting_print(const struct sw_setting *setting, struct sw_buf *out)
{
    for (unsigned i = 0; i < LINE_COUNT; i++) {
        if (lines[i].kind == setting->kind) {
            print_value(&lines[i], setting, out);
        }
    }
}
