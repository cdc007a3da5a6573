/* Numbers and bytes as people write them in files and on command lines: one parser for all. */
#ifndef SW_BASE_TEXT_H
#define SW_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decimal digits from the start of `text`: what follows them, or NULL if there are none or the
 * number is over 64 bits. `ret_value` is written only on success, here and below. */
const char *sw_text_digits(const char *text, uint64_t *ret_value);
/* Decimal digits and nothing else. */
bool sw_text_number(const char *text, uint64_t *ret_value);
/* Exactly 2 * size hex digits of either case. `out` may be partly written on failure. */
bool sw_text_hex(const char *text, uint8_t *out, size_t size);

#endif
