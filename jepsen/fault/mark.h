/* For a program that is linked with the shim: a moment to find again in the journal. */
#ifndef SW_JEPSEN_FAULT_MARK_H
#define SW_JEPSEN_FAULT_MARK_H

#include <stdint.h>

/* No effect without a journal. Calls that were made before it stand before it in the journal. */
void swarm_fault_mark(const void *bytes, uint64_t size);

#endif
