/* The control page of link_fault.h, mapped from the file that the harness made. */
#ifndef SW_TRANSPORT_LINK_FAULT_POSIX_H
#define SW_TRANSPORT_LINK_FAULT_POSIX_H

#include "base/err.h"
#include "base/limits.h"
#include "transport/link_fault.h"

/* CONFIG, with the reason, if `path` is no such page; it must exist. Counts itself as attached. */
enum sw_err sw_link_fault_page_open(const char *path,
                                    struct sw_link_fault_page **ret_page,
                                    char ret_why[SW_WHY_SIZE]) SW_MUST_CHECK;
void sw_link_fault_page_close(struct sw_link_fault_page *page); /* accepts NULL */

#endif
