/* What a node that does not lead is asked itself (a snapshot, a restart) waits for its note, too:
 * the leader is asked to propose it, and says when it is committed and executed.
 *
 * | offset | size | SW_NODE_NOTE: to the leader          | SW_NODE_NOTED: its answer             |
 * |--------|------|--------------------------------------|---------------------------------------|
 * | 0      | 1    | kind                                 | kind                                  |
 * | 1      | 4    | group                                | group                                 |
 * | 5      | 8    | number of the question               | the same                              |
 * | 13     | 4+n  | blob: the note (transport/audit.h)   | 2: error number, 0 = it may run       |
 *
 * Either may be lost: then the request ends by its deadline, and what it asked for did not run. */
#include "base/assert.h"
#include "node/node_private.h"
#include "transport/audit.h"

static void
begin(struct sw_buf *out, enum sw_node_message kind, struct sw_group_id group, uint64_t number)
{
    sw_buf_clear(out);
    sw_write_u8(out, (uint8_t)kind);
    sw_write_u32(out, group.value);
    sw_write_u64(out, number);
}

static enum sw_err send_scratch(struct sw_node *node, struct sw_node_id to)
{
    struct sw_link *link = node->config.link;

    return link->ops->send(link, to, sw_buf_span(&node->scratch));
}

void sw__audit_ask(struct sw__request *admitted, const struct sw_audit_note *note)
{
    struct sw__shard *shard = admitted->shard;
    struct sw_node *node = shard->node;
    struct sw_buf bytes = {0};
    enum sw_err err = sw__shard_elsewhere(shard);

    if (err == SW_ERR_NOT_LEADER) { /* somebody else is */
        sw_audit_note_encode(note, &bytes);
        admitted->note = ++node->notes_asked;
        begin(&node->scratch, SW_NODE_NOTE, shard->id, admitted->note);
        sw_write_blob(&node->scratch, sw_buf_span(&bytes));
        sw_buf_release(&bytes);
        err = send_scratch(node, shard->leader);
        err = err == SW_ERR_OK ? SW_ERR_OK : SW_ERR_NO_LEADER;
    }
    if (err != SW_ERR_OK) {
        sw__request_refuse(
            node, admitted, err, "it is done once its leader has noted it in the audit log");
        sw__request_free(admitted);
        return;
    }
    admitted->place = SW__PLACE_WAITING;
    sw__list_add(&shard->asked, admitted);
}

void sw__audit_tell(struct sw__request *own, enum sw_err outcome)
{
    struct sw_node *node = own->shard->node;

    SW_ASSERT(own->asked_by.value != 0);
    SW_ASSERT(node->notes_open > 0);
    node->notes_open--;
    begin(&node->scratch, SW_NODE_NOTED, own->shard->id, own->note);
    sw_write_u16(&node->scratch, (uint16_t)outcome);
    (void)send_scratch(node, own->asked_by); /* lost: its request ends by its deadline */
    own->asked_by.value = 0;
}

static void
take_note(struct sw__shard *shard, struct sw_node_id from, uint64_t number, struct sw_reader *in)
{
    struct sw_node *node = shard->node;
    const struct sw_span bytes = sw_read_blob(in, SW_AUDIT_NOTE_SIZE_MAX);
    struct sw_audit_note note;

    /* What is not proposed is not answered, and does not run. */
    if (sw_reader_finish(in) == SW_ERR_OK && sw_audit_note_decode(bytes, &note) == SW_ERR_OK &&
        shard->role == SW_ROLE_LEADER && node->phase == SW__PHASE_RUNNING &&
        node->notes_open < SW_AUDIT_ASKED_MAX) {
        node->notes_open++;
        sw__audit_propose_for(shard, &note, from, number);
    }
}

static void take_noted(struct sw__shard *shard, uint64_t number, struct sw_reader *in)
{
    const enum sw_err outcome = (enum sw_err)sw_read_u16(in);
    struct sw__request *request = shard->asked.first;

    if (sw_reader_finish(in) != SW_ERR_OK) {
        return;
    }
    while (request != NULL && request->note != number) {
        request = request->next;
    }
    if (request == NULL) {
        return; /* its deadline came first */
    }
    sw__list_remove(request);
    if (outcome == SW_ERR_OK) {
        sw__list_add(&shard->audited, request);
    } else {
        sw__request_refuse(shard->node, request, SW_ERR_NO_LEADER, "its note was not committed");
        sw__request_free(request);
    }
}

void sw__audit_message(struct sw_node *node, struct sw_node_id from, struct sw_span message)
{
    struct sw_reader in = sw_reader_of(message);
    const uint8_t kind = sw_read_u8(&in);
    struct sw__shard *shard = sw__node_shard(node, (struct sw_group_id){sw_read_u32(&in)});
    const uint64_t number = sw_read_u64(&in);

    SW_ASSERT(kind == SW_NODE_NOTE || kind == SW_NODE_NOTED);
    if (in.failed || shard == NULL) {
        return;
    }
    if (kind == SW_NODE_NOTE) {
        take_note(shard, from, number, &in);
    } else {
        take_noted(shard, number, &in);
    }
}
