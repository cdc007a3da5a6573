/* A node asks itself now and then how much its indexes find, and a leader acts on it.
 *
 * One question at a time, about one index, one sample each; the next one waits in proportion to
 * what this one cost, so measuring takes about a hundredth of the applier's time whatever there is.
 * What was measured is shown with the node's figures; if it calls for another budget, the leader
 * proposes the command that the answer brought. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/log.h"
#include "node/node_private.h"

static const struct sw_author node_itself = {.flags = SW_AUTHOR_NODE};

enum {
    PAUSE_MS_MIN = 1000,
    PAUSE_MS_IDLE = 5000, /* there is no index */
    ENTRIES_A_MS = 100,   /* of pause: comparing so many takes about ten microseconds */
    ANSWER_MS = 10000,
};

/* Has the command in the queue of writes, as a client's would be. */
static void push_own(struct sw__shard *shard, enum sw_op op, struct sw_span command)
{
    struct sw_node *node = shard->node;
    struct sw__request *own = calloc(1, sizeof *own + command.size);

    SW_ASSERT(own != NULL); /* one at a time */
    own->shard = shard;
    own->op = op;
    own->author.flags = SW_AUTHOR_NODE;
    own->started_ns = sw_env_now_ns(node->config.env);
    own->place = SW__PLACE_QUEUED;
    own->size = (uint32_t)command.size;
    memcpy(own->command, command.data, command.size);
    own->flow = sw_fair_enter(&shard->fair, own->author.id, own->started_ns);
    sw_admission_enter(&node->admission, own->op, sw__class_of(own->op), command.size);
    sw__queue_push(shard, own);
}

void sw__tune_tick(struct sw__shard *shard, uint64_t now_ms)
{
    struct sw_node *node = shard->node;
    struct sw_request request = {.op = SW_OP_INDEX_STATUS, .limit = 1, .timeout_ms = ANSWER_MS};

    if (shard->tuning || now_ms < shard->tune_ms || node->phase != SW__PHASE_RUNNING ||
        shard->revision == 0) {
        return;
    }
    request.expected = sw_env_random(node->config.env) | 1;
    shard->tuning = true;
    sw_applier_read(node->applier, shard->id, &node_itself, &request, shard->id.value);
}

/* The row of an index, or that of the one which was looked at longest ago. */
static struct sw__recall *row_of(struct sw__shard *shard, uint64_t number)
{
    struct sw__recall *oldest = &shard->recalls[0];

    for (uint32_t i = 0; i < SW__RECALL_COUNT; i++) {
        struct sw__recall *row = &shard->recalls[i];

        if (row->number == number) {
            return row;
        }
        oldest = row->asked_ms < oldest->asked_ms ? row : oldest;
    }
    return oldest;
}

static void measured(struct sw__shard *shard, const struct sw_reply *reply)
{
    struct sw_reader in = sw_reader_of(reply->records);
    const uint64_t now_ms = sw__node_now_ms(shard->node);
    struct sw__recall *row;
    struct sw_record record;
    uint64_t pause_ms;

    shard->tuning = false;
    shard->tune_ms = now_ms + PAUSE_MS_IDLE;
    if (reply->err != SW_ERR_OK || reply->record_count != 1 ||
        sw_record_decode(&in, &record) != SW_ERR_OK) {
        return;
    }
    pause_ms = record.time_ms / ENTRIES_A_MS;
    shard->tune_ms = now_ms + (pause_ms > PAUSE_MS_MIN ? pause_ms : PAUSE_MS_MIN);
    row = row_of(shard, record.create_revision);
    *row = (struct sw__recall){.number = record.create_revision,
                               .asked_ms = now_ms,
                               .samples = (uint32_t)record.version,
                               .permille = (uint32_t)record.mod_revision};
    if (record.key.size < sizeof row->label) {
        memcpy(row->label, record.key.data, record.key.size);
    }
    if (record.value.size > 0 && shard->role == SW_ROLE_LEADER) {
        push_own(shard, SW_OP_INDEX_TUNE, record.value);
    }
}

/* Requests of clients are named by where they lie, which is far above the ids of groups. */
bool sw__tune_answered(struct sw_node *node, uint64_t token, const struct sw_reply *reply)
{
    for (uint32_t i = 0; i < node->shard_count; i++) {
        if (token == node->shards[i]->id.value) {
            if (!node->crashed && !node->failed) {
                measured(node->shards[i], reply);
            }
            return true;
        }
    }
    return false;
}

static void print_rows(const struct sw_node *node, bool samples, struct sw_buf *out)
{
    for (uint32_t i = 0; i < node->shard_count; i++) {
        for (uint32_t j = 0; j < SW__RECALL_COUNT; j++) {
            const struct sw__recall *row = &node->shards[i]->recalls[j];

            if (row->samples == 0) {
                continue;
            }
            sw_buf_printf(
                out, "%s{index=", samples ? "swarm_index_recall_samples" : "swarm_index_recall");
            sw_json_string(out, sw_span_str(row->label));
            if (samples) {
                sw_buf_printf(out, "} %u\n", (unsigned)row->samples);
            } else {
                sw_buf_printf(out,
                              "} %u.%03u\n",
                              (unsigned)(row->permille / 1000),
                              (unsigned)(row->permille % 1000));
            }
        }
    }
}

void sw_node_recalls_print(const struct sw_node *node, struct sw_buf *out)
{
    sw_buf_printf(out,
                  "# HELP swarm_index_recall part of the true nearest that searches of the index "
                  "find, sampled here\n# TYPE swarm_index_recall gauge\n");
    print_rows(node, false, out);
    sw_buf_printf(out,
                  "# HELP swarm_index_recall_samples samples that it is of\n"
                  "# TYPE swarm_index_recall_samples gauge\n");
    print_rows(node, true, out);
}
