/* Numbers and times as people type them: the whole input or nothing. */
#ifndef SW_TOOLS_PARSE_H
#define SW_TOOLS_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "100ms", "5s", "2m", "1h". */
bool sw_parse_duration(const char *text, uint64_t *ret_ms);

#endif
