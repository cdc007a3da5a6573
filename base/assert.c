/* The one place where a broken invariant ends the process. */
#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void sw_assert_failed(const char *file, int line, const char *text)
{
    (void)fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, text);
    abort();
}
