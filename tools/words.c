/* One pass: `to` trails `from`, since unquoting only ever shortens. */
#include "tools/words.h"

#include <stdio.h>
#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Copies one word from `*from` to `to`; false if a quote is left open. */
static bool take_word(char **from, char *to)
{
    char quote = '\0';

    while (**from != '\0' && (quote != '\0' || !is_blank(**from))) {
        char c = *(*from)++;

        if (quote == '\0' && (c == '\'' || c == '"')) {
            quote = c;
        } else if (c == quote && quote != '\0') {
            quote = '\0';
        } else {
            if (c == '\\' && quote != '\'' && **from != '\0') {
                c = *(*from)++;
            }
            *to++ = c;
        }
    }
    if (**from != '\0') {
        (*from)++; /* the blank, before its place is taken by the word's end */
    }
    *to = '\0';
    return quote == '\0';
}

enum sw_err sw_words_split(
    char *line, char *words[], size_t words_max, size_t *ret_count, char ret_why[SW_WHY_SIZE])
{
    size_t count = 0;

    for (;;) {
        while (is_blank(*line)) {
            line++;
        }
        if (*line == '\0' || *line == '#') {
            break;
        }
        if (count == words_max) {
            (void)snprintf(ret_why, SW_WHY_SIZE, "more than %zu words", words_max);
            return SW_ERR_INVALID;
        }
        words[count] = line;
        if (!take_word(&line, words[count])) {
            (void)snprintf(ret_why, SW_WHY_SIZE, "a quote is not closed");
            return SW_ERR_INVALID;
        }
        count++;
    }
    *ret_count = count;
    return SW_ERR_OK;
}
