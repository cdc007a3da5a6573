/* Removing a directory with everything below it. */
#ifndef SW_JEPSEN_FAULT_TREE_H
#define SW_JEPSEN_FAULT_TREE_H

#include <stdbool.h>

/* True if it is gone, or never was. */
bool sw_tree_remove(const char *path, char ret_why[256]);

#endif
