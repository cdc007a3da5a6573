/* The error table as data. */
#include "base/err.h"

#include <stddef.h>

#include "base/assert.h"

static const struct sw_err_info table[] = {
#define X(name_, number, outcome_, retry_, exit_code_, text_, hint_) \
    {.err = SW_ERR_##name_,                                          \
     .name = #name_,                                                 \
     .text = (text_),                                                \
     .hint = (hint_),                                                \
     .outcome = SW_OUTCOME_##outcome_,                               \
     .retry = SW_RETRY_##retry_,                                     \
     .exit_code = (exit_code_)},
    SW_ERR_TABLE(X)
#undef X
};

enum { TABLE_COUNT = sizeof table / sizeof table[0] };

static const struct sw_err_info *find(uint32_t number)
{
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        if ((uint32_t)table[i].err == number) {
            return &table[i];
        }
    }
    return NULL;
}

const struct sw_err_info *sw_err_info(enum sw_err err)
{
    const struct sw_err_info *row = find((uint32_t)err);

    if (row == NULL) {
        /* A newer peer sent it: the only safe reading is that the write may have happened. */
        row = find((uint32_t)SW_ERR_UNKNOWN_OUTCOME);
    }
    SW_ASSERT(row != NULL);
    return row;
}

bool sw_err_known(uint32_t number)
{
    return find(number) != NULL;
}

const char *sw_err_name(enum sw_err err)
{
    return sw_err_info(err)->name;
}

const char *sw_err_text(enum sw_err err)
{
    return sw_err_info(err)->text;
}

enum sw_outcome sw_err_outcome(enum sw_err err)
{
    return sw_err_info(err)->outcome;
}

const struct sw_err_info *sw_err_all(uint32_t *ret_count)
{
    SW_ASSERT(ret_count != NULL);
    *ret_count = TABLE_COUNT;
    return table;
}
