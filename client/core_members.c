/* Who is in the swarm, as its nodes say: when to ask, and what becomes of nodes that come and go.
 *
 * A client is told of some nodes when it is opened. Members are added and replaced while it runs,
 * so now and then it asks one that is up for the list of members; and at once, when a node names a
 * leader that the client does not know, and when it loses one, as long as others are left to ask.
 * Which of those on the list it shall reach, and how, is its owner's affair: what is decided here
 * is only how old the knowledge may be. */
#include "base/assert.h"
#include "client/core_private.h"

/* The first question waits so that a command line that is done sooner never asks it. In a hurry the
 * pauses double from the least one up to the usual one, until an answer was waited for in peace. */
enum { FIRST_MS = 1000, EVERY_MS = 30000, PAUSE_MS = 100, RETRY_MS = 1000, TIMEOUT_MS = 3000 };

void sw__members_start(struct sw_core *core)
{
    core->members_due_ms = core->started_ms + FIRST_MS;
    core->members_pause_ms = PAUSE_MS;
}

static void listed(void *arg, const struct sw_reply *reply)
{
    struct sw_core *core = arg;
    const struct sw_core_port *port = &core->config.port;
    const uint64_t now_ms = sw__core_now(core);

    SW_ASSERT(core->members_asked);
    core->members_asked = false;
    if (reply->err != SW_ERR_OK) {
        core->members_due_ms = now_ms + RETRY_MS;
        return;
    }
    /* Clients that were opened together do not ask together. */
    core->members_due_ms = now_ms + EVERY_MS + port->random(port->impl) % (EVERY_MS / 4);
    port->members(port->impl, reply);
}

/* They take turns: one that knows less than the others is not the only one that is believed. */
static struct sw_node_id whom_to_ask(struct sw_core *core)
{
    for (uint32_t i = 0; i < core->config.node_count; i++) {
        const uint32_t at = (core->members_next + i) % core->config.node_count;

        if (core->nodes[at].up) {
            core->members_next = at + 1;
            return core->nodes[at].id;
        }
    }
    return (struct sw_node_id){0};
}

static bool wanted(const struct sw_core *core)
{
    return core->config.port.members != NULL && !core->members_asked && core->free_count > 0 &&
           sw__core_any_up(core);
}

void sw__members_tick(struct sw_core *core)
{
    const struct sw_request request = {.op = SW_OP_MEMBER_LIST};
    const uint64_t now_ms = sw__core_now(core);

    if (!wanted(core) || now_ms < core->members_due_ms) {
        return;
    }
    core->members_asked = true;
    if (core->members_hurried) {
        core->members_pause_ms =
            2 * core->members_pause_ms < EVERY_MS ? 2 * core->members_pause_ms : EVERY_MS;
    } else {
        core->members_pause_ms = PAUSE_MS;
    }
    core->members_hurried = false;
    core->members_asked_ms = now_ms;
    sw__core_submit_internal(core, &request, whom_to_ask(core), now_ms + TIMEOUT_MS, listed, core);
}

uint64_t sw__members_next_ms(const struct sw_core *core)
{
    return wanted(core) ? core->members_due_ms : UINT64_MAX;
}

void sw__members_hurry(struct sw_core *core)
{
    const uint64_t soonest_ms =
        core->members_asked_ms == 0 ? 0 : core->members_asked_ms + core->members_pause_ms;

    if (soonest_ms < core->members_due_ms) {
        core->members_due_ms = soonest_ms;
        core->members_hurried = true;
    }
}

static bool is_among(struct sw_node_id id, const struct sw_core_place *places, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (sw_node_id_equal(places[i].id, id)) {
            return true;
        }
    }
    return false;
}

void sw_core_set_nodes(struct sw_core *core, const struct sw_core_place *places, uint32_t count)
{
    struct sw_core_node nodes[SW_NODE_COUNT_MAX] = {0};

    SW_ASSERT(count > 0);
    SW_ASSERT(count <= SW_NODE_COUNT_MAX);
    SW_ASSERT(core->batch.head == NULL); /* between two turns */
    for (uint32_t i = 0; i < core->config.node_count; i++) {
        if (core->nodes[i].up && !is_among(core->nodes[i].id, places, count)) {
            sw_core_node_state(core, core->nodes[i].id, false, SW_ERR_UNREACHABLE);
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct sw_core_node *known = sw__core_node(core, places[i].id);

        SW_ASSERT(!is_among(places[i].id, places, i));
        nodes[i] = known == NULL ? (struct sw_core_node){.id = places[i].id} : *known;
        core->config.nodes[i] = places[i].id;
        core->config.addresses[i] = places[i].address;
    }
    memcpy(core->nodes, nodes, sizeof nodes);
    core->config.node_count = count;
}
