/* INI text, value by value: sections, "key = value", comments behind # and ;. */
#ifndef SW_BASE_INI_H
#define SW_BASE_INI_H

#include "base/err.h"
#include "base/limits.h"

/* Takes one value; `value` is "" for a key without one. On anything but OK it says why, nothing
 * more is taken, and the reading fails. */
struct sw_ini_taker {
    enum sw_err (*take)(void *arg,
                        const char *section,
                        const char *name,
                        const char *value,
                        char ret_why[SW_WHY_SIZE]);
    void *arg; /* borrowed */
};

/* CONFIG with a reason that begins with the line, for a value that was refused and for a line that
 * is none. */
enum sw_err sw_ini_parse(const char *text,
                         const struct sw_ini_taker *taker,
                         char ret_why[SW_WHY_SIZE]) SW_MUST_CHECK;
/* The same of a file; CONFIG too when it cannot be read. */
enum sw_err sw_ini_load(const char *path,
                        const struct sw_ini_taker *taker,
                        char ret_why[SW_WHY_SIZE]) SW_MUST_CHECK;

#endif
