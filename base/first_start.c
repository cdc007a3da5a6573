/* The marker of a first start as text. */
#include "base/first_start.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

static const char magic[] = "swarmstore-first-start ";

/* The lines that count. */
static size_t
print_head(struct sw_swarm_id swarm, struct sw_node_id node, char out[SW_FIRST_START_SIZE_MAX])
{
    char id[2 * sizeof swarm.bytes + 1];
    int size;

    for (size_t i = 0; i < sizeof swarm.bytes; i++) {
        (void)snprintf(id + 2 * i, 3, "%02x", (unsigned)swarm.bytes[i]);
    }
    size = snprintf(out,
                    SW_FIRST_START_SIZE_MAX,
                    "%s%d\nswarm %s\nnode %llu\n",
                    magic,
                    SW_FIRST_START_FORMAT,
                    id,
                    (unsigned long long)node.value);
    SW_ASSERT(size > 0);
    SW_ASSERT(size < SW_FIRST_START_SIZE_MAX);
    return (size_t)size;
}

size_t sw_first_start_print(struct sw_swarm_id swarm,
                            struct sw_node_id node,
                            char out[SW_FIRST_START_SIZE_MAX])
{
    const size_t head = print_head(swarm, node, out);
    const size_t room = SW_FIRST_START_SIZE_MAX - head;
    const int rest = snprintf(out + head,
                              room,
                              "This node has never run: while this file is here, swarmd may start "
                              "with an empty data directory; it removes the file then, and nobody "
                              "should put it back.\n");

    SW_ASSERT(node.value != 0);
    SW_ASSERT(rest > 0 && (size_t)rest < room);
    return head + (size_t)rest;
}

/* The two lines behind the first, as one. */
static void tell_stranger(const char *lines, struct sw_node_id node, char *ret_why)
{
    (void)snprintf(ret_why,
                   SW_WHY_SIZE,
                   "%s says \"%.60s\", the configuration says node %llu (or another swarm)",
                   SW_FIRST_START_NAME,
                   lines,
                   (unsigned long long)node.value);
    for (char *c = ret_why; *c != '\0'; c++) {
        if (*c == '\n') {
            *c = ' ';
        }
    }
}

/* 0 = it is no marker. */
static long format_of(const char *text)
{
    return strncmp(text, magic, sizeof magic - 1) == 0 ? strtol(text + sizeof magic - 1, NULL, 10)
                                                       : 0;
}

/* The lines of swarm and node if both are whole, else NULL. */
static const char *lines_of(const char *text)
{
    const char *swarm_line = strstr(text, "\nswarm ");
    const char *node_line = swarm_line == NULL ? NULL : strstr(swarm_line, "\nnode ");

    return node_line == NULL || strchr(node_line + 1, '\n') == NULL ? NULL : swarm_line + 1;
}

enum sw_err sw_first_start_check(const char *text,
                                 struct sw_swarm_id swarm,
                                 struct sw_node_id node,
                                 char ret_why[SW_WHY_SIZE])
{
    char want[SW_FIRST_START_SIZE_MAX];
    const size_t want_size = print_head(swarm, node, want);
    const long format = format_of(text);
    const char *lines = lines_of(text);

    if (strncmp(text, want, want_size) == 0) {
        return SW_ERR_OK;
    }
    if (format > SW_FIRST_START_FORMAT) {
        (void)snprintf(ret_why,
                       SW_WHY_SIZE,
                       "%s has format %ld, this version knows %d",
                       SW_FIRST_START_NAME,
                       format,
                       SW_FIRST_START_FORMAT);
        return SW_ERR_NEWER_FORMAT;
    }
    if (format != SW_FIRST_START_FORMAT || lines == NULL) {
        (void)snprintf(ret_why, SW_WHY_SIZE, "the file %s is damaged", SW_FIRST_START_NAME);
        return SW_ERR_CORRUPT;
    }
    tell_stranger(lines, node, ret_why);
    return SW_ERR_STRANGER;
}
