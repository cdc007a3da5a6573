/* Snapshots of a group: when to compact, what a descriptor says, and how one is installed.
 *
 * libraft believes that a snapshot holds the state. Here it holds a descriptor: the state is in the
 * store, which is made durable up to the snapshot's index before the log behind it goes (taking
 * one), or fetched from a peer before the descriptor is shown to libraft (installing one). */
#include <stdlib.h>

#include "base/assert.h"
#include "base/point.h"
#include "raft/descriptor.h"
#include "raft/group_private.h"
#include "raft/wire.h"

enum { SNAPSHOT_NOW = 1, SNAPSHOT_NEVER = 0x3fffffff, TRAILING_MIN = 1 };

static struct sw_group *group_of(struct raft_fsm *fsm)
{
    SW_ASSERT(fsm->data != NULL);
    return fsm->data;
}

static bool may_hand_over(const struct sw_group *group)
{
    return !group->muted &&
           (group->handler.may_commit == NULL || group->handler.may_commit(group->handler.arg));
}

/* Indexes are handed over without gaps; entries that are not commands have an empty body. Bodies
 * come from the library's log, which still holds everything that is newer than a snapshot: one
 * that is taken waits for its user, and one that is installed holds what was not handed over. */
static void hand_over_to(struct sw_group *group, raft_index index)
{
    while (group->handed < index && may_hand_over(group)) {
        const struct raft_entry *entry = sw_guard_entry(&group->raft, group->handed + 1);
        const bool command = entry != NULL && entry->type == RAFT_COMMAND;

        group->handed++;
        SW_ASSERT(entry != NULL);
        group->handler.committed(group->handler.arg,
                                 group->handed,
                                 entry->term,
                                 command ? sw_span_of(entry->buf.base, entry->buf.len)
                                         : sw_span_of(NULL, 0));
    }
}

/* The library does not say which index it applies: it is the next one. One that was handed over
 * before is passed by (the group was reopened), and while the group opens (a lone voter elects
 * itself in there) its user waits for the first turn. */
static int fsm_apply(struct raft_fsm *fsm, const struct raft_buffer *buffer, void **result)
{
    struct sw_group *group = group_of(fsm);

    SW_ASSERT(buffer != NULL);
    *result = NULL;
    hand_over_to(group, group->raft.last_applied + 1);
    return 0;
}

/* Entries to keep behind a snapshot: as many as asked for, but no more bytes than half of what
 * triggers the next one, or compaction would never gain on the log. */
static unsigned trailing_of(const struct sw_group *group)
{
    const uint64_t size_max = group->tuning.snapshot_bytes / 2;
    raft_index index = group->raft.last_applied;
    uint64_t size = 0;
    unsigned count = 0;

    if (SW_BUGGIFY("raft.short_trailing", 200)) {
        return TRAILING_MIN;
    }
    while (count < group->tuning.snapshot_trailing) {
        const struct raft_entry *entry = sw_guard_entry(&group->raft, index);

        if (entry == NULL || size + entry->buf.len > size_max) {
            break;
        }
        size += entry->buf.len;
        count++;
        index--;
    }
    return count < TRAILING_MIN ? TRAILING_MIN : count;
}

static int fsm_snapshot(struct raft_fsm *fsm, struct raft_buffer *buffers[], unsigned *n)
{
    struct sw_group *group = group_of(fsm);

    if (group->muted || group->install_pending || !sw_guard_snapshot_allowed(&group->guard) ||
        SW_BUGGIFY("raft.snapshot_refused", 300)) {
        SW_MARK("raft.snapshot_put_off");
        return RAFT_BUSY; /* asked again at the next apply */
    }
    *buffers = raft_malloc(sizeof **buffers);
    SW_ASSERT(*buffers != NULL);
    (*buffers)[0].len = SW_DESCRIPTOR_STATE_SIZE;
    (*buffers)[0].base = raft_calloc(1, SW_DESCRIPTOR_STATE_SIZE);
    SW_ASSERT((*buffers)[0].base != NULL);
    *n = 1;
    group->snapshot_requested = false;
    raft_set_snapshot_threshold(&group->raft, SNAPSHOT_NEVER);
    raft_set_snapshot_trailing(&group->raft, trailing_of(group));
    return 0;
}

/* Runs on the loop, once the user's state is durable: the descriptor is complete only now. */
/* NOLINTNEXTLINE(readability-non-const-parameter): the port dictates the type */
static int fsm_snapshot_async(struct raft_fsm *fsm, struct raft_buffer *buffers[], unsigned *n)
{
    struct sw_group *group = group_of(fsm);

    SW_ASSERT(*n == 1);
    SW_ASSERT(group->snapshot.index >= group->raft.snapshot.pending.index);
    sw_descriptor_state_encode(group->snapshot.index, group->snapshot.digest, (*buffers)[0].base);
    return 0;
}

static int fsm_snapshot_finalize(struct raft_fsm *fsm, struct raft_buffer *buffers[], unsigned *n)
{
    SW_ASSERT(fsm != NULL);
    if (*buffers != NULL) {
        raft_free((*buffers)[0].base);
        raft_free(*buffers);
        *buffers = NULL;
    }
    *n = 0;
    return 0;
}

/* The state is in place already: at start-up, or because install_done said so. */
static int fsm_restore(struct raft_fsm *fsm, struct raft_buffer *buffer)
{
    struct sw_group *group = group_of(fsm);

    group->restored = true;
    raft_free(buffer->base);
    return 0;
}

void sw__group_fsm_init(struct sw_group *group)
{
    SW_ASSERT(group != NULL);
    group->fsm = (struct raft_fsm){.version = 3,
                                   .data = group,
                                   .apply = fsm_apply,
                                   .snapshot = fsm_snapshot,
                                   .restore = fsm_restore,
                                   .snapshot_finalize = fsm_snapshot_finalize,
                                   .snapshot_async = fsm_snapshot_async};
}

void sw__group_snapshot_work(void *arg)
{
    struct sw_group *group = arg;

    SW_ASSERT(!group->snapshot_asked);
    group->snapshot_asked = true; /* the handler is called at the end of the turn */
}

void sw__group_compact(struct sw_group *group)
{
    const bool grown =
        group->wal->ops->group_bytes(group->wal, group->id) > group->tuning.snapshot_bytes ||
        SW_BUGGIFY("raft.snapshot_early", 5);

    if (group->restored) {
        group->restored = false;
        if (group->raft.last_applied > group->handed) {
            group->handed = group->raft.last_applied;
        }
    }
    hand_over_to(group, group->raft.last_applied);
    if (group->raft.snapshot.pending.term == 0 && group->raft.snapshot.put.data == NULL) {
        raft_set_snapshot_threshold(
            &group->raft, grown || group->snapshot_requested ? SNAPSHOT_NOW : SNAPSHOT_NEVER);
    }
}

void sw_group_snapshot_done(struct sw_group *group,
                            enum sw_err err,
                            struct sw_group_snapshot snapshot)
{
    SW_ASSERT(group != NULL);
    group->snapshot_user = false;
    if (group->snapshot_stale || !sw__io_work_pending(&group->io)) {
        SW_MARK("raft.snapshot_stale");
        group->snapshot_stale = false; /* stopped or reopened meanwhile */
        return;
    }
    group->snapshot = snapshot;
    sw__io_work_done(&group->io, err == SW_ERR_OK ? 0 : RAFT_IOERR);
    sw__group_after(group);
}

/* ---- installing ---- */

void sw__group_install_drop(struct sw_group *group)
{
    if (group->install_pending) {
        group->install_pending = false;
        group->install_asked = false;
        sw_wire_free(&group->install);
    }
    SW_ASSERT(!group->install_asked);
}

/* Takes the message over. One transfer at a time: the leader repeats what it gets no answer to,
 * even while the transfer runs, and what is dropped here it sends again later. */
void sw__group_install(void *arg, struct raft_message *message)
{
    struct sw_group *group = arg;
    const struct raft_install_snapshot *install = &message->install_snapshot;

    SW_ASSERT(message->type == RAFT_IO_INSTALL_SNAPSHOT);
    if (install->term < group->raft.current_term ||
        install->last_index <= group->raft.commit_index) {
        SW_MARK("raft.install_not_needed");
        sw__io_receive(&group->io, message); /* refused or already there: libraft answers */
        return;
    }
    if (group->install_pending && group->install.install_snapshot.term >= install->term) {
        SW_MARK("raft.install_repeated");
        sw_wire_free(message);
        return;
    }
    if (group->install_pending) {
        SW_MARK("raft.install_superseded");
    }
    sw__group_install_drop(group);
    if (SW_BUGGIFY("raft.install_lost", 100)) {
        sw_wire_free(message);
        return;
    }
    group->install = *message;
    group->install_pending = true;
    group->install_asked = true;
    group->counters.installs_received++;
}

/* The user's state has these entries, by way of a copy: libraft may drop them from its log. */
static void skip_to(struct sw_group *group, raft_index index)
{
    if (index > group->raft.last_applied) {
        index = group->raft.last_applied;
    }
    if (index > group->handed) {
        SW_MARK("raft.install_passes_waiting");
        group->handed = index;
    }
}

void sw_group_install_done(struct sw_group *group,
                           enum sw_err err,
                           struct sw_group_snapshot snapshot)
{
    struct raft_message message;

    SW_ASSERT(group != NULL);
    /* The log may have completed appends in this turn: what they committed comes first. */
    sw__group_after(group);
    if (!group->install_pending || group->reopening || group->muted) {
        return;
    }
    message = group->install;
    if (err != SW_ERR_OK || snapshot.index < message.install_snapshot.last_index) {
        SW_MARK("raft.install_failed");
        sw__group_install_drop(group); /* the leader tries again after its timeout */
        return;
    }
    group->install_pending = false;
    group->install_asked = false;
    skip_to(group, snapshot.index);
    message.server_address = "";
    sw__io_receive(&group->io, &message);
    sw__group_after(group);
}
