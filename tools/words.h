/* A line into words, as a shell would cut it: spaces between, quotes and backslashes to keep them.
 * Nothing else has a meaning: no variables, no globs, no pipes. */
#ifndef SW_TOOLS_WORDS_H
#define SW_TOOLS_WORDS_H

#include <stddef.h>

#include "base/err.h"
#include "base/limits.h"

/* Cuts `line` in place; the words point into it. A # at the begin of a word ends the line. INVALID
 * with a reason: a quote is open, or there are more words than `words_max`. */
enum sw_err sw_words_split(char *line,
                           char *words[],
                           size_t words_max,
                           size_t *ret_count,
                           char ret_why[SW_WHY_SIZE]) SW_MUST_CHECK;

#endif
