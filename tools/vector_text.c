/* One pass over a copy of the text, which is cut into names in place. */
#include "tools/vector_text.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

static enum sw_err refuse(char *ret_why, const char *what, const char *text)
{
    (void)snprintf(ret_why, SW_WHY_SIZE, "%s: %.80s", what, text);
    return SW_ERR_INVALID;
}

static char *copy_of(struct sw_vector_text *out, const char *text)
{
    SW_ASSERT(out->names == NULL);
    out->names = strdup(text);
    SW_ASSERT(out->names != NULL);
    return out->names;
}

void sw_vector_text_release(struct sw_vector_text *text)
{
    free(text->numbers);
    free(text->names);
    *text = (struct sw_vector_text){0};
}

enum sw_err
sw_vector_text_numbers(const char *text, struct sw_vector_text *out, char ret_why[SW_WHY_SIZE])
{
    static const char between[] = " \t\r\n,[]";

    SW_ASSERT(out->numbers == NULL);
    out->numbers = calloc(SW_SPACE_DIM_MAX, sizeof out->numbers[0]);
    SW_ASSERT(out->numbers != NULL);
    for (text += strspn(text, between); *text != 0; text += strspn(text, between)) {
        char *end;
        const float number = strtof(text, &end);

        if (end == text || (*end != 0 && strchr(between, *end) == NULL) || !isfinite(number)) {
            return refuse(ret_why, "this is no number of a vector", text);
        }
        if (out->count == SW_SPACE_DIM_MAX) {
            (void)snprintf(
                ret_why, SW_WHY_SIZE, "a vector has at most %d numbers", SW_SPACE_DIM_MAX);
            return SW_ERR_TOO_LARGE;
        }
        out->numbers[out->count++] = number;
        text = end;
    }
    return SW_ERR_OK;
}

/* The next piece of a list, zero-terminated; NULL at its end. */
static char *piece_of(char **at, char separator)
{
    char *piece = *at;
    char *end;

    if (piece == NULL) {
        return NULL;
    }
    end = strchr(piece, separator);
    *at = end == NULL ? NULL : end + 1;
    if (end != NULL) {
        *end = 0;
    }
    return piece;
}

static bool number_of(const char *text, int64_t *ret_number)
{
    char *end;

    errno = 0;
    *ret_number = strtoll(text, &end, 10);
    return errno == 0 && end != text && *end == 0;
}

/* Cuts `piece` at the first of the signs; returns what follows, and which it was. */
static char *cut(char *piece, const char *const signs[], size_t count, size_t *ret_sign)
{
    for (char *at = piece; *at != 0; at++) {
        for (size_t i = 0; i < count; i++) {
            const size_t size = strlen(signs[i]);

            if (at > piece && strncmp(at, signs[i], size) == 0) {
                *at = 0;
                *ret_sign = i;
                return at + size;
            }
        }
    }
    return NULL;
}

enum sw_err
sw_vector_text_attributes(const char *text, struct sw_vector_text *out, char ret_why[SW_WHY_SIZE])
{
    static const char *const signs[] = {":=", "="};
    char *at = copy_of(out, text);
    char *piece;

    while ((piece = piece_of(&at, ',')) != NULL) {
        struct swarm_attribute *attribute = &out->attributes[out->attribute_count];
        size_t sign = 0;
        char *value = cut(piece, signs, sizeof signs / sizeof signs[0], &sign);

        if (value == NULL) {
            return refuse(ret_why, "an attribute is name=text or name:=number, not", piece);
        }
        if (out->attribute_count == SW_ATTRIBUTE_COUNT_MAX) {
            (void)snprintf(ret_why, SW_WHY_SIZE, "at most %d attributes", SW_ATTRIBUTE_COUNT_MAX);
            return SW_ERR_TOO_LARGE;
        }
        attribute->name = piece;
        attribute->kind = sign == 0 ? SWARM_ATTRIBUTE_NUMBER : SWARM_ATTRIBUTE_TEXT;
        attribute->text = sign == 0 ? (struct swarm_slice){0} : swarm_str(value);
        if (sign == 0 && !number_of(value, &attribute->number)) {
            return refuse(ret_why, "this is no 64-bit number", value);
        }
        out->attribute_count++;
    }
    return SW_ERR_OK;
}

static enum sw_err
add_condition(struct sw_vector_text *out, const struct swarm_condition *condition, char *ret_why)
{
    if (out->condition_count == SW_CONDITION_COUNT_MAX) {
        (void)snprintf(ret_why, SW_WHY_SIZE, "at most %d conditions", SW_CONDITION_COUNT_MAX);
        return SW_ERR_TOO_LARGE;
    }
    out->conditions[out->condition_count++] = *condition;
    return SW_ERR_OK;
}

/* name=text|text*|... */
static enum sw_err
add_texts(struct sw_vector_text *out, const char *name, char *texts, uint8_t clause, char *ret_why)
{
    enum sw_err err = SW_ERR_OK;
    char *text;

    while (err == SW_ERR_OK && (text = piece_of(&texts, '|')) != NULL) {
        const size_t size = strlen(text);
        const bool prefix = size > 0 && text[size - 1] == '*';
        const struct swarm_condition condition = {
            .kind = prefix ? SWARM_CONDITION_PREFIX : SWARM_CONDITION_EQUAL,
            .clause = clause,
            .attribute = {.kind = SWARM_ATTRIBUTE_TEXT,
                          .name = name,
                          .text = {.data = text, .size = size - (prefix ? 1 : 0)}}};

        err = add_condition(out, &condition, ret_why);
    }
    return err;
}

enum sw_err
sw_vector_text_conditions(const char *text, struct sw_vector_text *out, char ret_why[SW_WHY_SIZE])
{
    enum { AT_LEAST, AT_MOST, NUMBER, TEXT };
    static const char *const signs[] = {
        [AT_LEAST] = ">=", [AT_MOST] = "<=", [NUMBER] = ":=", [TEXT] = "="};
    char *at = copy_of(out, text);
    uint8_t clause = 0;
    char *piece;
    enum sw_err err = SW_ERR_OK;

    while (err == SW_ERR_OK && (piece = piece_of(&at, ',')) != NULL) {
        struct swarm_condition condition = {.kind = SWARM_CONDITION_RANGE,
                                            .clause = clause,
                                            .attribute = {.kind = SWARM_ATTRIBUTE_NUMBER},
                                            .low = INT64_MIN,
                                            .high = INT64_MAX};
        size_t sign = TEXT;
        char *value = cut(piece, signs, sizeof signs / sizeof signs[0], &sign);
        int64_t number = 0;

        if (value == NULL) {
            return refuse(ret_why, "a condition is name=text or name>=number, not", piece);
        }
        if (sign != TEXT && !number_of(value, &number)) {
            return refuse(ret_why, "this is no 64-bit number", value);
        }
        condition.attribute.name = piece;
        condition.low = sign == AT_MOST ? INT64_MIN : number;
        condition.high = sign == AT_LEAST ? INT64_MAX : number;
        err = sign == TEXT ? add_texts(out, piece, value, clause, ret_why)
                           : add_condition(out, &condition, ret_why);
        clause++;
    }
    return err;
}
