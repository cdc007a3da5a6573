/* Linearizable read points by probes; the argument is in readindex.h. */
#include "raft/readindex.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/point.h"

static void queue_push(struct sw_read_queue *queue, struct sw_read read)
{
    SW_ASSERT(queue->count <= queue->capacity);
    if (queue->count == queue->capacity) {
        queue->capacity = queue->capacity == 0 ? 16 : queue->capacity * 2;
        queue->items = realloc(queue->items, queue->capacity * sizeof *queue->items);
        SW_ASSERT(queue->items != NULL);
    }
    queue->items[queue->count++] = read;
}

static void queue_move(struct sw_read_queue *to, struct sw_read_queue *from)
{
    for (uint32_t i = 0; i < from->count; i++) {
        queue_push(to, from->items[i]);
    }
    from->count = 0;
}

static void queue_fail(struct sw_read_queue *queue, enum sw_err err)
{
    /* A callback may add reads: they go to a fresh queue. */
    struct sw_read_queue taken = *queue;

    *queue = (struct sw_read_queue){0};
    for (uint32_t i = 0; i < taken.count; i++) {
        taken.items[i].ready(taken.items[i].arg, err);
    }
    free(taken.items);
}

void sw_readindex_release(struct sw_readindex *reads)
{
    free(reads->waiting.items);
    free(reads->probing.items);
    free(reads->proven.items);
    *reads = (struct sw_readindex){0};
}

void sw_readindex_add(struct sw_readindex *reads, sw_group_read_fn ready, void *arg)
{
    SW_ASSERT(ready != NULL);
    queue_push(&reads->waiting, (struct sw_read){.ready = ready, .arg = arg});
}

bool sw_readindex_probing(const struct sw_readindex *reads)
{
    return reads->term != 0;
}

bool sw_readindex_wants_probe(const struct sw_readindex *reads)
{
    return reads->waiting.count > 0 && reads->term == 0;
}

uint64_t sw_readindex_begin(struct sw_readindex *reads, uint64_t term, uint64_t commit_index)
{
    SW_ASSERT(sw_readindex_wants_probe(reads));
    SW_ASSERT(term != 0 && reads->probing.count == 0);
    queue_move(&reads->probing, &reads->waiting);
    for (uint32_t i = 0; i < reads->probing.count; i++) {
        reads->probing.items[i].index = commit_index;
    }
    reads->term = term;
    reads->seq++;
    reads->acked_count = 0;
    reads->probes++;
    return reads->seq;
}

void sw_readindex_acked(struct sw_readindex *reads,
                        uint64_t term,
                        uint64_t seq,
                        struct sw_node_id from)
{
    if (reads->term == 0 || term != reads->term ||
        (seq != reads->seq && !SW_PLANTED(OLD_PROBE_COUNTS))) {
        SW_MARK("raft.probe_ack_late");
        return; /* of an earlier probe */
    }
    for (uint32_t i = 0; i < reads->acked_count; i++) {
        if (sw_node_id_equal(reads->acked[i], from)) {
            return;
        }
    }
    SW_ASSERT(reads->acked_count < SW_NODE_COUNT_MAX); /* all of them vote: see revise */
    reads->acked[reads->acked_count++] = from;
}

void sw_readindex_revise(struct sw_readindex *reads,
                         bool (*votes)(const void *arg, struct sw_node_id node),
                         const void *arg)
{
    uint32_t kept = 0;

    SW_ASSERT(votes != NULL);
    for (uint32_t i = 0; i < reads->acked_count; i++) {
        if (votes(arg, reads->acked[i])) {
            reads->acked[kept++] = reads->acked[i];
        }
    }
    SW_ASSERT(kept <= reads->acked_count);
    reads->acked_count = kept;
}

void sw_readindex_settle(struct sw_readindex *reads, uint32_t voters, bool self_votes)
{
    const uint32_t votes = reads->acked_count + (self_votes ? 1 : 0);

    SW_ASSERT(voters <= SW_NODE_COUNT_MAX);
    if (reads->term != 0 && (votes > voters / 2 || SW_PLANTED(READ_WITHOUT_PROBE))) {
        reads->term = 0;
        queue_move(&reads->proven, &reads->probing);
    }
}

void sw_readindex_point(struct sw_readindex *reads, uint64_t seq, uint64_t index)
{
    if (reads->term == 0 || seq != reads->seq) {
        SW_MARK("raft.point_late");
        return;
    }
    for (uint32_t i = 0; i < reads->probing.count; i++) {
        SW_ASSERT(reads->probing.items[i].index == 0);
        reads->probing.items[i].index = index;
    }
    reads->term = 0;
    queue_move(&reads->proven, &reads->probing);
}

void sw_readindex_serve(struct sw_readindex *reads, uint64_t handed_index)
{
    struct sw_read_queue taken = reads->proven;

    if (taken.count == 0) {
        return;
    }
    reads->proven = (struct sw_read_queue){0};
    for (uint32_t i = 0; i < taken.count; i++) {
        if (taken.items[i].index <= handed_index) {
            taken.items[i].ready(taken.items[i].arg, SW_ERR_OK);
        } else {
            queue_push(&reads->proven, taken.items[i]);
        }
    }
    free(taken.items);
}

void sw_readindex_fail(struct sw_readindex *reads, enum sw_err err)
{
    SW_ASSERT(err != SW_ERR_OK);
    reads->term = 0;
    queue_fail(&reads->proven, err);
    queue_fail(&reads->probing, err);
    queue_fail(&reads->waiting, err);
}

uint32_t sw_readindex_count(const struct sw_readindex *reads)
{
    return reads->waiting.count + reads->probing.count + reads->proven.count;
}
