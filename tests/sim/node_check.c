/* What must hold among whole nodes, checked after each event. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "tests/sim/node_member.h"

static const struct sw_group_id shard = {1};

static void *grow(void *items, size_t *capacity, uint64_t index, size_t item_size)
{
    const size_t wanted = (size_t)(index + 1) * 2;
    uint8_t *grown;

    if (index < *capacity) {
        return items;
    }
    grown = realloc(items, wanted * item_size);
    SW_ASSERT(grown != NULL);
    memset(grown + *capacity * item_size, 0, (wanted - *capacity) * item_size);
    *capacity = wanted;
    return grown;
}

static void check_leader(struct sim_machine *machine, const struct sw_group_status *status)
{
    struct sim_world *world = machine->host->world;
    struct sim_truth *truth = &sim_node_world_of(world)->truth;

    truth->leader =
        grow(truth->leader, &truth->leader_capacity, status->term, sizeof(*truth->leader));
    if (truth->leader[status->term] == 0) {
        truth->leader[status->term] = machine->host->number;
        world->stats.elections++;
    } else if (truth->leader[status->term] != machine->host->number) {
        sim_fail(world,
                 "two leaders in one term: node %u and node %u both lead in term %" PRIu64,
                 truth->leader[status->term],
                 machine->host->number,
                 status->term);
    }
}

/* A leader commits an entry: a quorum holds it on disk, in the same term. */
static void check_quorum(struct sim_machine *machine, uint64_t index, const struct sim_watched *own)
{
    struct sim_world *world = machine->host->world;
    struct sim_node_world *nodes = sim_node_world_of(world);
    uint32_t holders = 0;

    if ((world->plan.nodes == 1 || world->plan.founders == 1) && index == 1) {
        return; /* its own configuration: lost, it is written again; all else is behind it */
    }
    for (uint32_t i = 0; i < world->plan.nodes; i++) {
        const struct sim_watched other = sim_wal_watch_entry(nodes->machine[i].watch, shard, index);

        if (sim_wal_watch_snapshot(nodes->machine[i].watch, shard) >= index ||
            (other.term == own->term && other.durable)) {
            holders |= 1U << (i + 1);
        }
    }
    if (!sim_node_quorum(machine, holders)) {
        sim_fail(world,
                 "durability: node %u commits index %" PRIu64 " of term %" PRIu64
                 ", which only nodes 0x%x hold on disk",
                 machine->host->number,
                 index,
                 own->term,
                 holders);
    }
}

/* Whatever a node calls committed is the same entry on all nodes, for ever. */
static void check_entry(struct sim_machine *machine, uint64_t index)
{
    struct sim_world *world = machine->host->world;
    struct sim_truth *truth = &sim_node_world_of(world)->truth;
    const struct sim_watched own = sim_wal_watch_entry(machine->watch, shard, index);

    if (own.term == 0) {
        return; /* compacted, or never here: a snapshot stands for it */
    }
    truth->log = grow(truth->log, &truth->log_capacity, index, sizeof(*truth->log));
    if (truth->log[index].term == 0) {
        truth->log[index] = own;
        world->stats.committed++;
    } else if (truth->log[index].term != own.term || truth->log[index].hash != own.hash) {
        sim_fail(world,
                 "state machine safety: node %u calls another entry committed at index %" PRIu64
                 " (term %" PRIu64 ") than was committed there before (term %" PRIu64 ")",
                 machine->host->number,
                 index,
                 own.term,
                 truth->log[index].term);
    }
    if (machine->leads && index > truth->log_last) { /* else it is another leader's doing */
        check_quorum(machine, index, &own);
    }
    if (index > truth->log_last) {
        truth->log_last = index;
    }
}

static void check_digest(struct sim_machine *machine, uint64_t index, uint64_t digest)
{
    struct sim_world *world = machine->host->world;
    struct sim_truth *truth = &sim_node_world_of(world)->truth;

    truth->digest = grow(truth->digest, &truth->digest_capacity, index, sizeof(*truth->digest));
    if (truth->digest[index] == 0) {
        truth->digest[index] = digest;
    } else if (truth->digest[index] != digest) {
        sim_fail(world,
                 "equal state at equal index: node %u has digest %016" PRIx64 " at index %" PRIu64
                 ", another node had %016" PRIx64,
                 machine->host->number,
                 digest,
                 index,
                 truth->digest[index]);
    }
}

static void check_bounds(struct sim_machine *machine, const struct sw_node_status *status)
{
    struct sim_world *world = machine->host->world;

    if (status->group.in_flight > SW_ENTRY_IN_FLIGHT_MAX ||
        status->in_flight > world->plan.clients * (SIM_CALLS_AT_ONCE * 40 + 40) ||
        status->queued_bytes > SW_NODE_QUEUE_SIZE_MAX) {
        sim_fail(world,
                 "bounds: node %u has %u entries and %u requests in flight, %u bytes queued",
                 machine->host->number,
                 status->group.in_flight,
                 status->in_flight,
                 status->queued_bytes);
    }
}

void sim_node_check(struct sim_machine *machine)
{
    struct sw_node_status status;
    struct sim_host *host = machine->host;

    sw_node_status(machine->node, &status);
    machine->leads = status.group.role == SW_ROLE_LEADER;
    if (machine->leads) {
        check_leader(machine, &status.group);
    }
    if (status.group.term != machine->term) {
        machine->term = status.group.term;
        sim_trace3(host->world,
                   host->number,
                   SIM_TRACE_ROLE,
                   status.group.role,
                   status.group.term,
                   status.group.leader.value);
    }
    while (machine->commit_checked < status.group.commit_index && !host->world->failed) {
        check_entry(machine, ++machine->commit_checked);
    }
    sim_node_members_looked(machine);
    if (status.state_index > machine->digest_checked) {
        machine->digest_checked = status.state_index;
        check_digest(machine, status.state_index, status.digest);
    }
    check_bounds(machine, &status);
}

static enum sw_err
first_of(struct sw_store *store, enum sw_table table, struct sw_store_record *ret)
{
    return store->ops->seek(store, table, sw_span_of(NULL, 0), false, ret);
}

bool sim_tables_equal(struct sim_machine *left,
                      struct sim_machine *right,
                      enum sw_table table,
                      bool judge)
{
    struct sw_store_record a = {0};
    struct sw_store_record b = {0};
    enum sw_err err_a = first_of(left->store, table, &a);
    enum sw_err err_b = first_of(right->store, table, &b);
    uint64_t number = 0;

    while (err_a == SW_ERR_OK && err_b == SW_ERR_OK && sw_span_equal(a.key, b.key) &&
           sw_span_equal(a.value, b.value)) {
        number++;
        err_a = left->store->ops->next(left->store, table, false, &a);
        err_b = right->store->ops->next(right->store, table, false, &b);
    }
    if (err_a == SW_ERR_NOT_FOUND && err_b == SW_ERR_NOT_FOUND) {
        return true;
    }
    if (judge) {
        sim_fail(left->host->world,
                 "equal state at equal index: the stores of node %u and node %u differ in record "
                 "%" PRIu64 " of table %d: %s %zu+%zu bytes, %s %zu+%zu bytes, key %s, value %s",
                 left->host->number,
                 right->host->number,
                 number,
                 (int)table,
                 sw_err_name(err_a),
                 a.key.size,
                 a.value.size,
                 sw_err_name(err_b),
                 b.key.size,
                 b.value.size,
                 sw_span_equal(a.key, b.key) ? "equal" : "different",
                 sw_span_equal(a.value, b.value) ? "equal" : "different");
    }
    return false;
}

void sim_truth_release(struct sim_truth *truth)
{
    free(truth->leader);
    free(truth->log);
    free(truth->digest);
}
