/* Actions wait until the log says that they were wanted; refusals are noted.
 *
 * An action that is no command of the log (a transfer, a snapshot, a restart, a change of members)
 * is guarded by an AUDIT command of the leader's own: the action runs in the turn after that was
 * committed and executed, and not at all if it was not. A node that does not lead asks the leader
 * for the note (audit_ask.c). */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "node/node_private.h"
#include "transport/audit.h"

struct sw_span sw__client_address(const struct sw_node *node)
{
    struct sw_link *link = node->config.link;

    return node->handling && link->ops->address != NULL ? link->ops->address(link)
                                                        : sw_span_of(NULL, 0);
}

/* Queues the note as a command of the node's own; `guarded` (may be NULL) is now owned by it. */
static struct sw__request *
propose(struct sw__shard *shard, const struct sw_audit_note *note, struct sw__request *guarded)
{
    struct sw_node *node = shard->node;
    struct sw_request request = {.op = SW_OP_AUDIT};
    struct sw_buf value = {0};
    struct sw_buf command = {0};
    struct sw__request *own;

    sw_audit_note_encode(note, &value);
    request.value = sw_buf_span(&value);
    sw_command_encode(&request, &command);
    own = calloc(1, sizeof *own + command.size);
    SW_ASSERT(own != NULL); /* bounded: one for each admitted action, and few for refusals */
    own->shard = shard;
    own->op = SW_OP_AUDIT;
    own->author.flags = SW_AUTHOR_NODE;
    own->started_ns = sw_env_now_ns(node->config.env);
    own->place = SW__PLACE_QUEUED;
    own->size = (uint32_t)command.size;
    own->guarded = guarded;
    memcpy(own->command, command.data, command.size);
    own->flow = sw_fair_enter(&shard->fair, own->author.id, sw_env_now_ns(shard->node->config.env));
    sw_admission_enter(&node->admission, own->op, sw__class_of(own->op), command.size);
    sw__queue_push(shard, own);
    sw_buf_release(&value);
    sw_buf_release(&command);
    return own;
}

void sw__audit_propose_for(struct sw__shard *shard,
                           const struct sw_audit_note *note,
                           struct sw_node_id from,
                           uint64_t number)
{
    struct sw__request *own = propose(shard, note, NULL);

    own->asked_by = from;
    own->note = number;
}

void sw__audit_first(struct sw__request *admitted, const struct sw_request *request)
{
    const struct sw_node *node = admitted->shard->node;
    const bool of_itself = request->op == SW_OP_SNAPSHOT || request->op == SW_OP_RESTART;
    const struct sw_request about = {.expected =
                                         of_itself ? node->config.self.value : request->expected};
    uint8_t target[SW_AUDIT_TARGET_SIZE_MAX];
    struct sw_audit_note note = {.flags = admitted->author.flags,
                                 .count = 1,
                                 .address = sw__client_address(node),
                                 .action = sw_span_str(sw_op_text(request->op)),
                                 .target = sw_audit_target(&about, target)};

    memcpy(note.author, admitted->author.id, sizeof note.author);
    if (admitted->shard->role != SW_ROLE_LEADER) {
        sw__audit_ask(admitted, &note);
        return;
    }
    admitted->place =
        SW__PLACE_RUNNING; /* its deadline answers it, and whoever guards it frees it */
    (void)propose(admitted->shard, &note, admitted);
}

void sw__audit_answered(struct sw__request *own, const struct sw_reply *reply)
{
    struct sw__request *guarded = own->guarded;
    struct sw__shard *shard = own->shard;

    own->guarded = NULL;
    if (own->asked_by.value != 0) {
        sw__audit_tell(own, reply->err);
    }
    if (guarded == NULL) {
        return;
    }
    if (reply->err == SW_ERR_OK) {
        sw__list_add(&shard->audited, guarded);
        return;
    }
    if (!guarded->answered) { /* it never ran, whatever became of the note */
        sw__request_refuse(shard->node, guarded, sw__shard_elsewhere(shard), "");
    }
    sw__request_free(guarded);
}

void sw__audit_denied(struct sw__shard *shard,
                      const struct sw_author *author,
                      const struct sw_request *request)
{
    struct sw_node *node = shard->node;
    struct sw_audit_note note;

    if (shard->role == SW_ROLE_LEADER &&
        sw_denials_add(&node->denials, author, request, sw__node_now_ms(node), &note)) {
        note.address = sw__client_address(node);
        (void)propose(shard, &note, NULL);
    }
}

static void run_audited(struct sw__shard *shard)
{
    struct sw__request *request;

    while ((request = sw__list_take(&shard->audited)) != NULL) {
        struct sw_request decoded = {0};
        const enum sw_err err =
            sw_command_decode(sw_span_of(request->command, request->size), &decoded);

        SW_ASSERT(err == SW_ERR_OK);        /* encoded by ourselves */
        request->place = SW__PLACE_READING; /* as when it was admitted */
        if (request->answered) {
            sw__request_free(request); /* its client does not wait any more */
        } else {
            sw__action_run(shard->node, request, &decoded);
        }
    }
}

void sw__audit_turn_end(struct sw__shard *shard)
{
    struct sw_node *node = shard->node;
    struct sw_audit_note note;

    run_audited(shard);
    while (shard->role == SW_ROLE_LEADER && node->phase == SW__PHASE_RUNNING &&
           sw_denials_due(&node->denials, sw__node_now_ms(node), &note)) {
        (void)propose(shard, &note, NULL);
    }
}
