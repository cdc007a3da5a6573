/* The parser of transactions: lines into words, words into compares and operations. */
#include "tools/txn_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/text.h"
#include "transport/merge.h"

enum { WORDS_MAX = 6 };

struct parser {
    struct sw_txn_text *out;
    const char *at, *end; /* what is left of the line */
    char *free;           /* where the next word's bytes go */
    unsigned line;
    unsigned part; /* 0 = compares, then the branches */
    char *why;
};

static enum sw_err refuse(struct parser *parser, const char *reason)
{
    (void)snprintf(parser->why, SW_WHY_SIZE, "line %u: %s", parser->line, reason);
    return SW_ERR_INVALID;
}

/* --- words ------------------------------------------------------------------------------------ */

/* One escaped byte behind a backslash; false if it is none. */
static bool read_escape(struct parser *parser, char *ret_byte)
{
    const size_t left = (size_t)(parser->end - parser->at);
    char c = '\0';
    char digits[3] = "";
    uint8_t byte;

    if (left > 0) {
        c = *parser->at;
    }
    if (c == 'x' && left >= 3) {
        memcpy(digits, parser->at + 1, 2);
    }
    if (sw_text_hex(digits, &byte, 1)) {
        *ret_byte = (char)byte;
        parser->at += 3;
        return true;
    }
    parser->at++;
    switch (c) {
    case 'n':
        *ret_byte = '\n';
        return true;
    case 't':
        *ret_byte = '\t';
        return true;
    default:
        *ret_byte = c;
        return c == '"' || c == '\\';
    }
}

static enum sw_err read_quoted(struct parser *parser)
{
    parser->at++;
    while (parser->at < parser->end && *parser->at != '"') {
        char byte = *parser->at;

        parser->at++;
        if (byte == '\\' && !read_escape(parser, &byte)) {
            return refuse(parser, "a backslash is followed by \" \\ n t or xNN");
        }
        *parser->free++ = byte;
    }
    if (parser->at == parser->end) {
        return refuse(parser, "a quoted word does not end");
    }
    parser->at++;
    return SW_ERR_OK;
}

static bool is_bare(char c)
{
    return c != ' ' && c != '\t' && c != '(' && c != ')' && c != '"' && c != '=' && c != '!' &&
           c != '<' && c != '>';
}

static void skip_blanks(struct parser *parser)
{
    while (parser->at < parser->end && (*parser->at == ' ' || *parser->at == '\t')) {
        parser->at++;
    }
}

/* The next word; `what` is told if there is none. */
static enum sw_err read_word(struct parser *parser, const char *what, struct swarm_slice *ret_word)
{
    char *start = parser->free;
    enum sw_err err = SW_ERR_OK;

    skip_blanks(parser);
    if (parser->at < parser->end && *parser->at == '"') {
        err = read_quoted(parser);
    } else {
        while (parser->at < parser->end && is_bare(*parser->at)) {
            *parser->free++ = *parser->at++;
        }
        if (parser->free == start) {
            return refuse(parser, what);
        }
    }
    *ret_word = (struct swarm_slice){.data = start, .size = (size_t)(parser->free - start)};
    return err;
}

static bool word_is(struct swarm_slice word, const char *text)
{
    return word.size == strlen(text) && memcmp(word.data, text, word.size) == 0;
}

static bool take_char(struct parser *parser, char c)
{
    skip_blanks(parser);
    if (parser->at == parser->end || *parser->at != c) {
        return false;
    }
    parser->at++;
    return true;
}

static enum sw_err end_of_line(struct parser *parser)
{
    skip_blanks(parser);
    return parser->at == parser->end ? SW_ERR_OK : refuse(parser, "there is more than expected");
}

/* --- compares --------------------------------------------------------------------------------- */

static bool target_of(struct swarm_slice word, enum swarm_compare_target *ret_target)
{
    static const struct {
        const char *name;
        enum swarm_compare_target target;
    } targets[] = {{"version", SWARM_COMPARE_VERSION},
                   {"ver", SWARM_COMPARE_VERSION},
                   {"mod", SWARM_COMPARE_MOD_REVISION},
                   {"create", SWARM_COMPARE_CREATE_REVISION},
                   {"c", SWARM_COMPARE_CREATE_REVISION},
                   {"lease", SWARM_COMPARE_LEASE},
                   {"value", SWARM_COMPARE_VALUE},
                   {"val", SWARM_COMPARE_VALUE}};

    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        if (word_is(word, targets[i].name)) {
            *ret_target = targets[i].target;
            return true;
        }
    }
    return false;
}

static bool read_relation(struct parser *parser, enum swarm_relation *ret_relation)
{
    if (take_char(parser, '=')) {
        *ret_relation = SWARM_EQUAL;
        return true;
    }
    if (take_char(parser, '!')) {
        *ret_relation = SWARM_NOT_EQUAL;
        return parser->at < parser->end && *parser->at++ == '=';
    }
    if (!take_char(parser, '<')) {
        if (!take_char(parser, '>')) {
            return false;
        }
        *ret_relation = SWARM_GREATER;
    } else {
        *ret_relation = SWARM_LESS;
    }
    if (parser->at < parser->end && *parser->at == '=') {
        parser->at++;
        *ret_relation = *ret_relation == SWARM_LESS ? SWARM_LESS_EQUAL : SWARM_GREATER_EQUAL;
    }
    return true;
}

static enum sw_err read_number(struct parser *parser, struct swarm_slice word, uint64_t *ret_number)
{
    char text[24] = "";

    if (word.size > 0 && word.size < sizeof text) {
        memcpy(text, word.data, word.size);
    }
    return sw_text_number(text, ret_number) ? SW_ERR_OK : refuse(parser, "a number is expected");
}

static enum sw_err parse_compare(struct parser *parser)
{
    struct swarm_txn *txn = &parser->out->txn;
    struct swarm_compare *compare = &parser->out->compares[txn->compare_count];
    struct swarm_slice word;
    enum sw_err err;

    if (txn->compare_count == SW_TXN_COMPARE_COUNT_MAX) {
        (void)refuse(parser, "too many compares");
        return SW_ERR_TOO_LARGE;
    }
    err = read_word(parser, "a compare begins with version, mod, create, lease or value", &word);
    if (err != SW_ERR_OK) {
        return err;
    }
    if (!target_of(word, &compare->target)) {
        return refuse(parser, "a compare begins with version, mod, create, lease or value");
    }
    if (!take_char(parser, '(')) {
        return refuse(parser, "a key in parentheses is expected");
    }
    err = read_word(parser, "a key is expected", &compare->key);
    if (err == SW_ERR_OK &&
        (!take_char(parser, ')') || !read_relation(parser, &compare->relation))) {
        err = refuse(parser, "one of = != < <= > >= is expected behind the key in parentheses");
    }
    if (err == SW_ERR_OK) {
        err = read_word(parser, "something to compare with is expected", &word);
    }
    if (err == SW_ERR_OK && compare->target == SWARM_COMPARE_VALUE) {
        compare->value = word;
    } else if (err == SW_ERR_OK) {
        err = read_number(parser, word, &compare->number);
    }
    txn->compare_count++;
    return err == SW_ERR_OK ? end_of_line(parser) : err;
}

/* --- operations ------------------------------------------------------------------------------- */

static enum sw_err parse_merge(struct parser *parser, struct swarm_txn_op *op)
{
    char name[16] = "";
    enum sw_merge merge;
    struct swarm_slice word;
    enum sw_err err;

    err = read_word(parser, "a merge needs an operator", &word);
    if (err != SW_ERR_OK) {
        return err;
    }
    if (word.size < sizeof name) {
        memcpy(name, word.data, word.size);
    }
    if (!sw_merge_by_name(name, &merge)) {
        return refuse(parser, "a merge is replace, append, set-union, add, max or min");
    }
    op->merge = (enum swarm_merge_operator)merge;
    return read_word(parser, "a merge needs an operand", &op->value);
}

/* --previous, or --lease and its number. */
static enum sw_err parse_flag(struct parser *parser, struct swarm_txn_op *op)
{
    struct swarm_slice word;
    enum sw_err err;

    err = read_word(parser, "there is more than expected", &word);
    if (err == SW_ERR_OK && word_is(word, "--previous")) {
        op->flags |= SWARM_TXN_PREVIOUS;
    } else if (err == SW_ERR_OK && word_is(word, "--lease") && op->kind == SWARM_TXN_PUT) {
        err = read_word(parser, "--lease needs a number", &word);
        if (err == SW_ERR_OK) {
            err = read_number(parser, word, &op->lease);
        }
    } else if (err == SW_ERR_OK) {
        err = refuse(parser, "there is more than expected: a value with blanks needs quotes");
    }
    return err;
}

/* What follows the key. */
static enum sw_err parse_rest(struct parser *parser, struct swarm_txn_op *op)
{
    enum sw_err err = SW_ERR_OK;

    if (op->kind == SWARM_TXN_PUT) {
        err = read_word(parser, "put needs a value", &op->value);
    } else if (op->kind == SWARM_TXN_MERGE) {
        err = parse_merge(parser, op);
    }
    skip_blanks(parser);
    while (err == SW_ERR_OK && parser->at < parser->end) {
        err = parse_flag(parser, op);
        skip_blanks(parser);
    }
    return err;
}

static bool kind_of(struct swarm_slice word, enum swarm_txn_kind *ret_kind)
{
    static const char *const names[] = {
        [SWARM_TXN_PUT] = "put",
        [SWARM_TXN_GET] = "get",
        [SWARM_TXN_DELETE] = "del",
        [SWARM_TXN_MERGE] = "merge",
    };

    for (int i = SWARM_TXN_PUT; i <= SWARM_TXN_MERGE; i++) {
        if (word_is(word, names[i])) {
            *ret_kind = (enum swarm_txn_kind)i;
            return true;
        }
    }
    return false;
}

static enum sw_err parse_op(struct parser *parser)
{
    struct swarm_txn *txn = &parser->out->txn;
    const unsigned branch = parser->part - 1;
    size_t *count = branch == SW_TXN_TEXT_THEN ? &txn->then_count : &txn->else_count;
    struct swarm_txn_op *op = &parser->out->ops[branch][*count];
    struct swarm_slice word;
    enum sw_err err;

    if (*count == SW_TXN_OP_COUNT_MAX) {
        (void)refuse(parser, "too many operations");
        return SW_ERR_TOO_LARGE;
    }
    err = read_word(parser, "an operation is put, get, del or merge", &word);
    if (err == SW_ERR_OK && !kind_of(word, &op->kind)) {
        err = refuse(parser, "an operation is put, get, del or merge");
    }
    if (err == SW_ERR_OK) {
        err = read_word(parser, "a key is expected", &op->key);
    }
    (*count)++;
    return err == SW_ERR_OK ? parse_rest(parser, op) : err;
}

/* --- lines ------------------------------------------------------------------------------------ */

static enum sw_err parse_line(struct parser *parser)
{
    skip_blanks(parser);
    if (parser->at < parser->end && *parser->at == '#') {
        return SW_ERR_OK;
    }
    if (parser->at == parser->end) {
        parser->part++;
        return SW_ERR_OK;
    }
    if (parser->part > SW_TXN_TEXT_BRANCHES) {
        return refuse(parser, "there are three parts at most, with an empty line between them");
    }
    return parser->part == 0 ? parse_compare(parser) : parse_op(parser);
}

enum sw_err sw_txn_text_parse(const char *text,
                              size_t size,
                              struct sw_txn_text *ret_txn,
                              /* NOLINTNEXTLINE(readability-non-const-parameter): by the parser */
                              char ret_why[SW_WHY_SIZE])
{
    struct parser parser = {.out = ret_txn, .why = ret_why};
    const char *end = text + size;
    enum sw_err err = SW_ERR_OK;

    *ret_txn = (struct sw_txn_text){0};
    ret_txn->bytes = malloc(size + 1); /* no word is longer than its text */
    SW_ASSERT(ret_txn->bytes != NULL);
    parser.free = ret_txn->bytes;
    ret_txn->txn.compares = ret_txn->compares;
    ret_txn->txn.then_ops = ret_txn->ops[SW_TXN_TEXT_THEN];
    ret_txn->txn.else_ops = ret_txn->ops[SW_TXN_TEXT_ELSE];
    while (text < end && err == SW_ERR_OK) {
        const char *line_end = memchr(text, '\n', (size_t)(end - text));

        parser.at = text;
        parser.end = line_end == NULL ? end : line_end;
        text = line_end == NULL ? end : line_end + 1;
        if (parser.end > parser.at && parser.end[-1] == '\r') {
            parser.end--;
        }
        parser.line++;
        err = parse_line(&parser);
    }
    return err;
}

void sw_txn_text_release(struct sw_txn_text *txn)
{
    free(txn->bytes);
    txn->bytes = NULL;
}
