/* A piece of EDN text that grows up to a bound. Over the bound it is cut and says so. */
#ifndef SW_JEPSEN_WORKLOAD_EDN_H
#define SW_JEPSEN_WORKLOAD_EDN_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SW_EDN_SIZE_MAX = 4 << 20 };

struct sw_edn {
    char *data; /* owned; zero-terminated once something was written */
    size_t size;
    size_t capacity;
    bool cut; /* something did not fit or memory ran out: the text must not be used */
};

void sw_edn_release(struct sw_edn *edn);
void sw_edn_clear(struct sw_edn *edn);             /* keeps the memory */
const char *sw_edn_text(const struct sw_edn *edn); /* "" if nothing was written */

void sw_edn_add(struct sw_edn *edn, const char *format, ...) __attribute__((format(printf, 2, 3)));
void sw_edn_add_list(struct sw_edn *edn, const char *format, va_list list)
    __attribute__((format(printf, 2, 0)));
/* The number, or nil for 0: no workload ever writes 0. */
void sw_edn_number(struct sw_edn *edn, uint64_t number);

/* One line of a history. `value` is EDN; `extra` is "" or starts with ", ". */
struct sw_edn_line {
    uint64_t process;
    const char *type; /* "invoke", "ok", "fail", "info" */
    const char *f;
    const char *value;
    uint64_t time_ns;
    const char *extra;
};

void sw_edn_line(struct sw_edn *edn, const struct sw_edn_line *line);

#endif
