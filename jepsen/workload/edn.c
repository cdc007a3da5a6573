/* EDN text in a growing buffer. */
#include "jepsen/workload/edn.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

void sw_edn_release(struct sw_edn *edn)
{
    free(edn->data);
    *edn = (struct sw_edn){0};
}

void sw_edn_clear(struct sw_edn *edn)
{
    edn->size = 0;
    edn->cut = false;
    if (edn->data != NULL) {
        edn->data[0] = '\0';
    }
}

const char *sw_edn_text(const struct sw_edn *edn)
{
    return edn->data == NULL ? "" : edn->data;
}

/* Room for `more` bytes and a zero. */
static bool reserve(struct sw_edn *edn, size_t more)
{
    size_t capacity = edn->capacity == 0 ? 256 : edn->capacity;
    char *data;

    if (more > SW_EDN_SIZE_MAX || edn->size + more >= SW_EDN_SIZE_MAX) {
        return false;
    }
    while (capacity <= edn->size + more) {
        capacity *= 2;
    }
    if (capacity == edn->capacity) {
        return true;
    }
    data = realloc(edn->data, capacity);
    if (data == NULL) {
        return false;
    }
    edn->data = data;
    edn->capacity = capacity;
    return true;
}

void sw_edn_add_list(struct sw_edn *edn, const char *format, va_list list)
{
    va_list again;
    int size;

    va_copy(again, list);
    size = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (size < 0 || edn->cut || !reserve(edn, (size_t)size)) {
        edn->cut = true;
        return;
    }
    (void)vsnprintf(edn->data + edn->size, (size_t)size + 1, format, list);
    edn->size += (size_t)size;
}

void sw_edn_add(struct sw_edn *edn, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    sw_edn_add_list(edn, format, list);
    va_end(list);
}

void sw_edn_number(struct sw_edn *edn, uint64_t number)
{
    if (number == 0) {
        sw_edn_add(edn, "nil");
    } else {
        sw_edn_add(edn, "%" PRIu64, number);
    }
}

void sw_edn_line(struct sw_edn *edn, const struct sw_edn_line *line)
{
    sw_edn_add(edn,
               "{:process %" PRIu64 ", :type :%s, :f :%s, :value %s, :time %" PRIu64 "%s}\n",
               line->process,
               line->type,
               line->f,
               line->value,
               line->time_ns,
               line->extra);
}
