/* What a node answers to a list of indexes, for people. */
#ifndef SW_TOOLS_INDEXES_H
#define SW_TOOLS_INDEXES_H

#include <stdbool.h>
#include <stdio.h>

#include "tools/output.h"

/* Prints a row for each index; false if `json` is no such answer. */
bool sw_indexes_print(const char *json, enum sw_format format, FILE *file);

#endif
