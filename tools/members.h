/* The members of a swarm as a node lists them, read from its JSON (members_cjson.c). */
#ifndef SW_TOOLS_MEMBERS_H
#define SW_TOOLS_MEMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"

struct sw_member_row {
    uint64_t id;
    char role[16]; /* voter, learner, joining */
    bool leader;
    bool up;
    uint64_t lag; /* entries that it is not known to hold; only a leader knows */
    char peer[SW_ADDRESS_SIZE_MAX];
    char client[SW_ADDRESS_SIZE_MAX];
    char key[80]; /* hex; "" = not said */
};

struct sw_members {
    struct sw_member_row rows[SW_NODE_COUNT_MAX];
    size_t count;
    uint64_t next_id;
    bool committed;
    bool leading; /* the node that answered leads */
};

/* False if it is no such JSON. */
bool sw_members_parse(const char *json, struct sw_members *ret_members);
/* NULL if there is no such member. */
const struct sw_member_row *sw_members_find(const struct sw_members *members, uint64_t id);

#endif
