/* Stored values: a number, or a number and padding that only that number can have. A reader sees at
 * once if bytes were lost, mixed or made up. */
#ifndef SW_JEPSEN_WORKLOAD_VALUE_H
#define SW_JEPSEN_WORKLOAD_VALUE_H

#include <stdbool.h>
#include <stdint.h>
#include <swarm.h>

#include "jepsen/workload/edn.h"

enum { SW_VALUE_PADDING_MAX = 100000 };

/* The bytes of `number`, after what `out` holds already. */
void sw_value_write(struct sw_edn *out, uint64_t number, bool padded);
/* False for anything that sw_value_write does not make. */
bool sw_value_read(struct swarm_slice bytes, uint64_t *ret_number);

/* Numbers of a text, each followed by `end`; false if there is something else or more than `max`.
 */
bool sw_value_numbers(
    struct swarm_slice bytes, char end, uint64_t *ret_numbers, uint32_t max, uint32_t *ret_count);

#endif
