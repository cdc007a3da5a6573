/* The end of a program that cannot keep its word. */
#include "jepsen/workload/must.h"

#include <stdio.h>
#include <unistd.h>

void sw_must_end(const char *what)
{
    (void)fprintf(stderr, "swarm-chaos-client: %s\n", what);
    _exit(1); /* other threads are at work: no destructor may meet them */
}
