/* The guard as a decorator of raft_io; the rules are in guard.h. */
#include "raft/guard.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/point.h"
#include "raft/wire.h"

/* This code reads public fields of struct raft: a library of another shape must not link. */
_Static_assert(sizeof(struct raft) == 656, "libraft 0.15.0");

struct sw_guard_append {
    struct raft_io_append request; /* what the inner io gets; data is this */
    struct raft_io_append *outer;  /* libraft's */
    struct sw_guard *guard;
    raft_index first;
    raft_index last;
    struct sw_guard_append *next;
};

static bool on(const struct sw_guard *guard, enum sw_guard_rule rule)
{
    return (guard->off & (uint32_t)rule) == 0;
}

static struct sw_guard *guard_of(const struct raft_io *outer)
{
    SW_ASSERT(outer != NULL);
    SW_ASSERT(outer->impl != NULL);
    return outer->impl;
}

const struct raft_entry *sw_guard_entry(const struct raft *raft, raft_index index)
{
    const struct raft_log *log = &raft->log;
    const size_t count =
        log->front <= log->back ? log->back - log->front : log->size - log->front + log->back;

    SW_ASSERT(raft != NULL);
    SW_ASSERT(count <= log->size);
    if (index <= log->offset || index > log->offset + count) {
        return NULL;
    }
    return &log->entries[(log->front + (size_t)(index - log->offset - 1)) % log->size];
}

raft_term sw_guard_term(const struct raft *raft, raft_index index)
{
    const struct raft_entry *entry = sw_guard_entry(raft, index);

    SW_ASSERT(raft != NULL);
    if (entry != NULL) {
        return entry->term;
    }
    return index != 0 && index == raft->log.snapshot.last_index ? raft->log.snapshot.last_term : 0;
}

uint32_t sw_guard_voters(const struct raft *raft)
{
    uint32_t count = 0;

    SW_ASSERT(raft != NULL);
    for (unsigned i = 0; i < raft->configuration.n; i++) {
        count += raft->configuration.servers[i].role == RAFT_VOTER ? 1 : 0;
    }
    SW_ASSERT(count <= SW_NODE_COUNT_MAX);
    return count;
}

uint32_t sw_guard_planted(void)
{
    uint32_t off = 0;

    off |= SW_PLANTED(GUARD_G1_OFF) ? (uint32_t)SW_GUARD_G1 : 0;
    off |= SW_PLANTED(GUARD_G2_OFF) ? (uint32_t)SW_GUARD_G2 : 0;
    off |= SW_PLANTED(GUARD_G3_OFF) ? (uint32_t)SW_GUARD_G3 : 0;
    off |= SW_PLANTED(GUARD_G4_OFF) ? (uint32_t)SW_GUARD_G4 : 0;
    off |= SW_PLANTED(GUARD_G6_OFF) ? (uint32_t)SW_GUARD_G6 : 0;
    off |= SW_PLANTED(GUARD_G7_OFF) ? (uint32_t)SW_GUARD_G7 : 0;
    off |= SW_PLANTED(GUARD_G8_OFF) ? (uint32_t)SW_GUARD_G8 : 0;
    off |= SW_PLANTED(GUARD_G9_OFF) ? (uint32_t)SW_GUARD_G9 : 0;
    off |= SW_PLANTED(GUARD_G10_OFF) ? (uint32_t)SW_GUARD_G10 : 0;
    off |= SW_PLANTED(GUARD_G11_OFF) ? (uint32_t)SW_GUARD_G11 : 0;
    off |= SW_PLANTED(GUARD_G12_OFF) ? (uint32_t)SW_GUARD_G12 : 0;
    off |= SW_PLANTED(GUARD_G13_OFF) ? (uint32_t)SW_GUARD_G13 : 0;
    off |= SW_PLANTED(GUARD_G14_OFF) ? (uint32_t)SW_GUARD_G14 : 0;
    off |= SW_PLANTED(GUARD_G15_OFF) ? (uint32_t)SW_GUARD_G15 : 0;
    off |= SW_PLANTED(GUARD_G16_OFF) ? (uint32_t)SW_GUARD_G16 : 0;
    SW_ASSERT((off & ~(uint32_t)SW_GUARD_ALL) == 0);
    return off;
}

static bool leads(const struct sw_guard *guard)
{
    return guard->raft->state == RAFT_LEADER && guard->lead_term == guard->raft->current_term;
}

/* ---- what the leader remembers of its peers ---- */

static struct sw_guard_peer *peer_of(struct sw_guard *guard, raft_id id)
{
    for (uint32_t i = 0; i < guard->peer_count; i++) {
        if (guard->peers[i].id == id) {
            return &guard->peers[i];
        }
    }
    if (guard->peer_count == SW_NODE_COUNT_MAX) {
        return NULL; /* no more senders than a swarm may have members: see below */
    }
    guard->peers[guard->peer_count] = (struct sw_guard_peer){.id = id};
    return &guard->peers[guard->peer_count++];
}

raft_index sw_guard_acked(const struct sw_guard *guard, raft_id id)
{
    SW_ASSERT(guard != NULL);
    if (!leads(guard)) {
        return 0;
    }
    for (uint32_t i = 0; i < guard->peer_count; i++) {
        if (guard->peers[i].id == id) {
            return guard->peers[i].acked;
        }
    }
    return 0;
}

static const struct raft_server *server_of(const struct raft *raft, raft_id id)
{
    for (unsigned i = 0; i < raft->configuration.n; i++) {
        if (raft->configuration.servers[i].id == id) {
            return &raft->configuration.servers[i];
        }
    }
    return NULL;
}

/* What is known of a member ends with its membership: a node that comes back begins anew. */
void sw_guard_members_changed(struct sw_guard *guard)
{
    uint32_t kept = 0;

    SW_ASSERT(guard != NULL);
    for (uint32_t i = 0; i < guard->peer_count; i++) {
        if (server_of(guard->raft, guard->peers[i].id) != NULL) {
            guard->peers[kept++] = guard->peers[i];
        }
    }
    SW_ASSERT(kept <= guard->peer_count);
    guard->peer_count = kept;
}

/* The highest index that enough other voters hold to be a quorum together with this node;
 * everything if this node alone is one. */
static raft_index quorum_index(const struct sw_guard *guard)
{
    raft_index acked[SW_NODE_COUNT_MAX];
    uint32_t others = 0;
    uint32_t self = 0;
    uint32_t need;

    for (unsigned i = 0; i < guard->raft->configuration.n; i++) {
        const struct raft_server *server = &guard->raft->configuration.servers[i];

        if (server->role != RAFT_VOTER) {
            continue;
        }
        if (server->id == guard->raft->id) {
            self = 1;
            continue;
        }
        SW_ASSERT(others < SW_NODE_COUNT_MAX);
        const raft_index value = sw_guard_acked(guard, server->id);
        uint32_t at = others++;

        for (; at > 0 && acked[at - 1] < value; at--) {
            acked[at] = acked[at - 1]; /* insertion sort, highest first */
        }
        acked[at] = value;
    }
    need = (others + self) / 2 + 1 - self;
    SW_ASSERT(need <= others);
    return need == 0 ? UINT64_MAX : acked[need - 1];
}

/* ---- append: tracks what is verified (G1) and paces the leader (G5) ---- */

static void append_fire(struct sw_guard_append *append)
{
    struct raft_io_append *outer = append->outer;
    struct sw_guard *guard = append->guard;

    SW_ASSERT(guard->appends_in_flight > 0);
    SW_ASSERT(append->first <= append->last);
    guard->appends_in_flight--;
    free(append);
    outer->cb(outer, 0);
}

/* Fires paced completions, oldest first, up to what a quorum holds, or all of them. */
static void pace_release(struct sw_guard *guard, bool all)
{
    const raft_index limit = all ? UINT64_MAX : quorum_index(guard);

    while (guard->paced_head != NULL && guard->paced_head->last <= limit) {
        struct sw_guard_append *append = guard->paced_head;

        guard->paced_head = append->next;
        if (guard->paced_head == NULL) {
            guard->paced_tail = NULL;
        }
        append_fire(append);
    }
}

static void pace_add(struct sw_guard *guard, struct sw_guard_append *append)
{
    SW_ASSERT((guard->paced_head == NULL) == (guard->paced_tail == NULL));
    SW_ASSERT(append->next == NULL);
    if (guard->paced_tail == NULL) {
        guard->paced_head = append;
    } else {
        guard->paced_tail->next = append;
    }
    guard->paced_tail = append;
}

/* The inner io made the entries durable. */
static void append_stored(struct raft_io_append *request, int status)
{
    struct sw_guard_append *append = request->data;
    struct sw_guard *guard = append->guard;
    const bool may_pace =
        on(guard, SW_GUARD_G5) && leads(guard) && sw_guard_voters(guard->raft) > 1;

    SW_ASSERT(status == 0); /* a failed append never completes: the process stops */
    if (SW_PLANTED(COMMIT_ALONE) && leads(guard)) {
        guard->raft->commit_index = append->last;
    }
    if (may_pace && append->first > guard->lead_first) {
        SW_MARK("guard.g5_paced");
        pace_add(guard, append);
        pace_release(guard, false);
        return;
    }
    pace_release(guard, true); /* completions stay in order */
    append_fire(append);
}

static void note_verified(struct sw_guard *guard, raft_term term, raft_index index)
{
    if (guard->verified_term != term) {
        guard->verified_term = term;
        guard->verified = 0;
    }
    if (index > guard->verified) {
        guard->verified = index;
    }
}

static int guard_append(struct raft_io *io,
                        struct raft_io_append *request,
                        const struct raft_entry entries[],
                        unsigned n,
                        raft_io_append_cb cb)
{
    struct sw_guard *guard = guard_of(io);
    struct sw_guard_append *append = calloc(1, sizeof *append);

    SW_ASSERT(append != NULL);
    SW_ASSERT(n > 0);
    append->guard = guard;
    append->outer = request;
    append->request.data = append;
    append->first = guard->next_index;
    append->last = guard->next_index + n - 1;
    guard->next_index += n;
    guard->appends_in_flight++;
    request->cb = cb;
    if (guard->in_append) {
        guard->append_accepted = true;
        note_verified(guard, guard->raft->current_term, guard->append_last);
    }
    if (guard->raft->state == RAFT_LEADER && guard->lead_term != guard->raft->current_term) {
        guard->lead_term = guard->raft->current_term;
        guard->lead_first = append->first;
        guard->peer_count = 0;
    }
    return guard->inner->append(guard->inner, &append->request, entries, n, append_stored);
}

static int guard_truncate(struct raft_io *io, raft_index index)
{
    struct sw_guard *guard = guard_of(io);

    SW_ASSERT(index > 0);
    guard->next_index = index;
    if (guard->verified >= index) {
        guard->verified = index - 1;
    }
    return guard->inner->truncate(guard->inner, index);
}

/* ---- send: corrects what this node says ---- */

/* G1: never acknowledge what no leader of this term verified, or what is not durable here. */
static void correct_success(struct sw_guard *guard, struct raft_append_entries_result *result)
{
    if (guard->in_append && !guard->append_accepted) {
        guard->append_accepted = true;
        note_verified(guard, guard->raft->current_term, guard->append_last);
    }
    if (guard->verified_term != guard->raft->current_term) {
        note_verified(guard, guard->raft->current_term, 0);
    }
    if (on(guard, SW_GUARD_G1)) {
        if (result->last_log_index > guard->verified) {
            SW_MARK("guard.g1_unverified");
            result->last_log_index = guard->verified;
        }
        if (result->last_log_index > guard->raft->last_stored) {
            SW_MARK("guard.g1_not_stored");
            result->last_log_index = guard->raft->last_stored;
        }
    }
}

/* G4: the rejected entry has a term that conflicts; the leader may skip all of that term, so the
 * hint is the entry before its first one (Raft paper 5.3, "the follower can include the term of the
 * conflicting entry and the first index it stores for that term"). */
static void correct_rejection(const struct sw_guard *guard,
                              struct raft_append_entries_result *result)
{
    const raft_term term = sw_guard_term(guard->raft, guard->append_prev);
    raft_index first = guard->append_prev;

    if (!on(guard, SW_GUARD_G4) || !guard->in_append || result->rejected != guard->append_prev ||
        term == 0 || term == guard->append_prev_term) {
        return;
    }
    while (first > guard->raft->commit_index + 1 && first > guard->raft->log.offset + 1 &&
           sw_guard_term(guard->raft, first - 1) == term) {
        first--;
    }
    SW_ASSERT(first > 0);
    SW_MARK("guard.g4_hint");
    result->last_log_index = first - 1;
}

/* The configuration entry that is not known to be committed; 0 if there is none. libraft's own note
 * of it comes after the entry was sent. */
static raft_index uncommitted_configuration(const struct raft *raft)
{
    raft_index index = raft->commit_index + 1;
    const struct raft_entry *entry;

    while ((entry = sw_guard_entry(raft, index)) != NULL && entry->type != RAFT_CHANGE) {
        index++;
    }
    return entry == NULL ? 0 : index;
}

/* G16: what follows the last entry before that configuration is left out for now. */
static void hold_from_learner(const struct sw_guard *guard, struct raft_message *message)
{
    const struct raft_server *server = server_of(guard->raft, message->server_id);
    struct raft_append_entries *append = &message->append_entries;
    raft_index last;

    if (!on(guard, SW_GUARD_G16) || guard->raft->state != RAFT_LEADER || server == NULL ||
        server->role == RAFT_VOTER) {
        return;
    }
    last = uncommitted_configuration(guard->raft);
    if (last == 0 || append->prev_log_index + append->n_entries < last) {
        return;
    }
    last--;
    SW_MARK("guard.g16_held_from_learner");
    SW_ASSERT(append->leader_commit <= last);
    if (append->prev_log_index > last) {
        append->prev_log_index = last;
        append->prev_log_term = sw_guard_term(guard->raft, last);
        SW_ASSERT(append->prev_log_term != 0); /* snapshots end before what is not committed */
    }
    append->n_entries = (unsigned)(last - append->prev_log_index);
    append->entries = append->n_entries == 0 ? NULL : append->entries;
}

static int guard_send(struct raft_io *io,
                      struct raft_io_send *request,
                      const struct raft_message *message,
                      raft_io_send_cb cb)
{
    struct sw_guard *guard = guard_of(io);
    struct raft_message copy;

    SW_ASSERT(message != NULL);
    copy = *message;
    if (copy.type == RAFT_IO_APPEND_ENTRIES) {
        hold_from_learner(guard, &copy);
    }
    if (copy.type == RAFT_IO_APPEND_ENTRIES_RESULT) {
        if (copy.append_entries_result.rejected == 0) {
            correct_success(guard, &copy.append_entries_result);
        } else {
            correct_rejection(guard, &copy.append_entries_result);
        }
    }
    if (on(guard, SW_GUARD_G11) && copy.type == RAFT_IO_REQUEST_VOTE_RESULT &&
        copy.request_vote_result.pre_vote == raft_tribool_true &&
        !copy.request_vote_result.vote_granted &&
        copy.request_vote_result.term < guard->raft->current_term) {
        SW_MARK("guard.g11_term_told");
        copy.request_vote_result.term = guard->raft->current_term;
    }
    return guard->inner->send(guard->inner, request, &copy, cb);
}

/* ---- receive: what libraft must not see, or not yet ---- */

static bool installing(const struct sw_guard *guard)
{
    return guard->raft->snapshot.put.data != NULL && guard->raft->last_stored == 0;
}

/* G3, G6, G7: elections that must not start, votes that must not be given. */
static bool election_forbidden(const struct sw_guard *guard, const struct raft_message *message)
{
    if (message->type == RAFT_IO_REQUEST_VOTE) {
        const struct raft_request_vote *vote = &message->request_vote;
        const bool second = !vote->pre_vote && vote->term == guard->raft->current_term &&
                            guard->raft->voted_for != 0 &&
                            guard->raft->voted_for != vote->candidate_id;

        if (second) {
            SW_MARK("guard.g3_second_vote");
        }
        if (installing(guard)) {
            SW_MARK("guard.g6_vote_while_installing");
        }
        return (on(guard, SW_GUARD_G3) && second) || (on(guard, SW_GUARD_G6) && installing(guard));
    }
    return message->type == RAFT_IO_TIMEOUT_NOW && on(guard, SW_GUARD_G6) && installing(guard);
}

/* G7: under load a TimeoutNow always comes right behind entries, and the leader sends it once. So
 * it waits for their disk write, but no longer than the leader waits for its effect. */
static bool timeout_waits(struct sw_guard *guard, const struct raft_message *message)
{
    if (message->type != RAFT_IO_TIMEOUT_NOW || !on(guard, SW_GUARD_G7) ||
        guard->appends_in_flight == 0) {
        return false;
    }
    SW_MARK("guard.g7_timeout_waits");
    guard->timeout_held = true;
    guard->timeout_since = guard->inner->time(guard->inner);
    guard->timeout = *message;
    guard->timeout.server_address = ""; /* the one of the message ends with the call */
    return true;
}

/* G10: the first index of a conflict that would cut a configuration entry away; 0 if there is none.
 */
static raft_index cuts_configuration(const struct sw_guard *guard,
                                     const struct raft_append_entries *append)
{
    const struct raft *raft = guard->raft;
    raft_index conflict = 0;

    if (append->term < raft->current_term ||
        (append->prev_log_index != 0 &&
         sw_guard_term(raft, append->prev_log_index) != append->prev_log_term)) {
        return 0;
    }
    for (unsigned i = 0; i < append->n_entries && conflict == 0; i++) {
        const raft_index index = append->prev_log_index + 1 + i;
        const raft_term term = sw_guard_term(raft, index);

        if (term != 0 && term != append->entries[i].term) {
            conflict = index;
        }
    }
    if (conflict == 0) {
        return 0;
    }
    for (raft_index index = conflict;; index++) {
        const struct raft_entry *entry = sw_guard_entry(raft, index);

        if (entry == NULL) {
            return 0;
        }
        if (entry->type == RAFT_CHANGE) {
            SW_MARK("guard.g10_configuration_cut");
            return conflict;
        }
    }
}

/* G2: true if the result has to wait. Also takes note of what the peer holds (G5). */
static bool result_held(struct sw_guard *guard, const struct raft_message *message)
{
    const struct raft_append_entries_result *result = &message->append_entries_result;
    struct sw_guard_peer *peer;

    if (guard->raft->state != RAFT_LEADER || result->term != guard->raft->current_term ||
        result->rejected != 0) {
        return false;
    }
    const bool own_term_stored = guard->lead_term == guard->raft->current_term &&
                                 guard->raft->last_stored >= guard->lead_first;

    if (guard->lead_term != guard->raft->current_term) {
        return on(guard, SW_GUARD_G2); /* before the barrier: the peer says it again */
    }
    peer = server_of(guard->raft, message->server_id) != NULL ? peer_of(guard, message->server_id)
                                                              : NULL;
    if (peer == NULL) {
        return true; /* of a member that was, or is not yet */
    }
    if (on(guard, SW_GUARD_G2) && sw_guard_voters(guard->raft) > 1 && !own_term_stored) {
        if (!peer->held || result->last_log_index >= peer->result.last_log_index) {
            peer->result = *result;
        }
        SW_MARK("guard.g2_result_waits");
        peer->held = true;
        return true;
    }
    if (result->last_log_index > peer->acked && result->last_log_index < guard->next_index) {
        peer->acked = result->last_log_index;
    }
    return false;
}

static void deliver(struct sw_guard *guard, struct raft_message *message)
{
    guard->recv(&guard->outer, message);
    guard->in_append = false;
}

/* G12: libraft takes an index that it has compacted for one that it never had. */
static void cut_compacted(const struct sw_guard *guard, struct raft_append_entries *append)
{
    const struct raft *raft = guard->raft;
    const raft_index base = raft->log.snapshot.last_index;
    unsigned cut;

    if (append->term < raft->current_term || append->prev_log_index >= base ||
        (append->prev_log_index != 0 && sw_guard_term(raft, append->prev_log_index) != 0)) {
        return;
    }
    SW_MARK("guard.g12_below_compacted");
    cut = base - append->prev_log_index < append->n_entries
              ? (unsigned)(base - append->prev_log_index)
              : append->n_entries;
    append->prev_log_index = base;
    append->prev_log_term = raft->log.snapshot.last_term;
    append->n_entries -= cut;
    if (cut > 0 && append->n_entries == 0) {
        raft_free(append->entries[0].batch);
        raft_free(append->entries);
        append->entries = NULL;
    } else if (cut > 0) {
        memmove(
            append->entries, append->entries + cut, append->n_entries * sizeof *append->entries);
    }
    SW_ASSERT((append->entries == NULL) == (append->n_entries == 0));
}

static void begin_append(struct sw_guard *guard, struct raft_append_entries *append)
{
    guard->in_append = true;
    guard->append_accepted = false;
    guard->append_prev = append->prev_log_index;
    guard->append_prev_term = append->prev_log_term;
    guard->append_last = append->prev_log_index + append->n_entries;
    if (on(guard, SW_GUARD_G1) && append->leader_commit > guard->append_last) {
        SW_MARK("guard.g1_commit_clamped");
        append->leader_commit = guard->append_last;
    }
}

/* G13: a vote is refused while the leader is heard, which the Raft thesis (4.2.3) bounds by the
 * smallest election timeout. libraft refuses for as long as it remembers a leader. The leader is
 * forgotten for this one call only: appends that are under way are answered to it later. */
static void deliver_silent(struct sw_guard *guard, struct raft_message *message)
{
    struct raft *raft = guard->raft;
    const bool silent =
        raft->state == RAFT_FOLLOWER &&
        guard->inner->time(guard->inner) - raft->election_timer_start >= raft->election_timeout;
    const raft_id leader =
        on(guard, SW_GUARD_G13) && silent ? raft->follower_state.current_leader.id : 0;

    if (leader != 0) {
        SW_MARK("guard.g13_leader_silent");
        raft->follower_state.current_leader.id = 0;
    }
    deliver(guard, message);
    if (leader != 0 && raft->state == RAFT_FOLLOWER &&
        raft->follower_state.current_leader.id == 0) {
        raft->follower_state.current_leader.id = leader;
    }
}

/* G14: whether a vote counts is for the candidate's configuration to say. A voter that was just
 * promoted may not know it yet, and then a candidate that does could never win (Raft thesis 4.2.1:
 * "a server grants its vote even if it is not part of its own latest configuration"). It is a voter
 * for this one call only. */
static void deliver_vote(struct sw_guard *guard, struct raft_message *message)
{
    struct raft_configuration *configuration = &guard->raft->configuration;
    int role = RAFT_VOTER;
    unsigned at = 0;

    while (at < configuration->n && configuration->servers[at].id != guard->raft->id) {
        at++;
    }
    if (on(guard, SW_GUARD_G14) && at < configuration->n) {
        role = configuration->servers[at].role;
        configuration->servers[at].role = RAFT_VOTER;
    }
    deliver_silent(guard, message);
    if (role != RAFT_VOTER) {
        SW_MARK("guard.g14_no_voter_asked");
        SW_MARK("guard.g14_votes_unpromoted");
        SW_ASSERT(at < configuration->n);
        SW_ASSERT(configuration->servers[at].id == guard->raft->id);
        configuration->servers[at].role = role;
    }
}

static void guard_recv(struct raft_io *inner, struct raft_message *message)
{
    struct sw_guard *guard = inner->data;
    raft_index cut;

    SW_ASSERT(guard != NULL);
    SW_ASSERT(!guard->in_append);
    if (election_forbidden(guard, message)) {
        guard->drops++;
        sw_wire_free(message);
        return;
    }
    if (message->type == RAFT_IO_APPEND_ENTRIES) {
        if (on(guard, SW_GUARD_G12)) {
            cut_compacted(guard, &message->append_entries);
        }
        cut = on(guard, SW_GUARD_G10) ? cuts_configuration(guard, &message->append_entries) : 0;
        if (cut != 0) {
            guard->drops++;
            sw_wire_free(message);
            guard->reopen(guard->reopen_arg, cut);
            return;
        }
        begin_append(guard, &message->append_entries);
    }
    if (message->type == RAFT_IO_INSTALL_SNAPSHOT &&
        message->install_snapshot.term >= guard->raft->current_term) {
        note_verified(guard, message->install_snapshot.term, message->install_snapshot.last_index);
    }
    if ((message->type == RAFT_IO_APPEND_ENTRIES_RESULT && result_held(guard, message)) ||
        timeout_waits(guard, message)) {
        return;
    }
    if (message->type == RAFT_IO_REQUEST_VOTE) {
        deliver_vote(guard, message);
    } else {
        deliver(guard, message);
    }
    if (leads(guard)) {
        pace_release(guard, false);
    }
}

static void guard_tick(struct raft_io *inner)
{
    struct sw_guard *guard = inner->data;
    const bool busy = guard->raft->state == RAFT_FOLLOWER && guard->appends_in_flight > 0;

    SW_ASSERT(guard->tick != NULL);
    if ((on(guard, SW_GUARD_G6) && installing(guard)) || (on(guard, SW_GUARD_G7) && busy)) {
        guard->drops++;
        SW_MARK("guard.g7_tick_waits");
        return;
    }
    guard->tick(&guard->outer);
}

/* Whether it still counts (term, leader, last entry), libraft judges. */
static void release_timeout(struct sw_guard *guard)
{
    const struct raft *raft = guard->raft;

    if (!guard->timeout_held || guard->appends_in_flight > 0) {
        return;
    }
    guard->timeout_held = false;
    if (guard->inner->time(guard->inner) - guard->timeout_since < raft->election_timeout &&
        !election_forbidden(guard, &guard->timeout)) {
        deliver(guard, &guard->timeout);
    }
}

/* G2: results that waited for the own-term entry. */
static void release_held(struct sw_guard *guard)
{
    for (uint32_t i = 0; i < guard->peer_count && leads(guard); i++) {
        struct sw_guard_peer *peer = &guard->peers[i];
        struct raft_message message = {.type = RAFT_IO_APPEND_ENTRIES_RESULT,
                                       .server_id = peer->id,
                                       .server_address = "",
                                       .append_entries_result = peer->result};

        if (peer->held) {
            SW_MARK("guard.g2_result_released");
            peer->held = false;
            if (!result_held(guard, &message)) {
                deliver(guard, &message);
            }
        }
    }
}

void sw_guard_after(struct sw_guard *guard)
{
    SW_ASSERT(guard != NULL);
    SW_ASSERT(!guard->in_append);
    if (!leads(guard)) {
        pace_release(guard, true);
        release_timeout(guard);
        return;
    }
    if (guard->raft->last_stored >= guard->lead_first) {
        release_held(guard);
        pace_release(guard, false);
    }
}

void sw_guard_drain(struct sw_guard *guard)
{
    SW_ASSERT(guard != NULL);
    pace_release(guard, true);
    SW_ASSERT(guard->paced_head == NULL);
}

bool sw_guard_own_term_committed(const struct sw_guard *guard)
{
    SW_ASSERT(guard != NULL);
    return leads(guard) && guard->raft->commit_index >= guard->lead_first;
}

bool sw_guard_change_allowed(const struct sw_guard *guard)
{
    SW_ASSERT(guard != NULL);
    if (!sw_guard_own_term_committed(guard)) {
        SW_MARK("guard.g8_change_waits");
    }
    return !on(guard, SW_GUARD_G8) || sw_guard_own_term_committed(guard);
}

bool sw_guard_snapshot_allowed(const struct sw_guard *guard)
{
    const struct raft *raft = guard->raft;
    raft_index index = raft->last_applied + 1;
    const struct raft_entry *entry;

    if (!on(guard, SW_GUARD_G9)) {
        return true;
    }
    while ((entry = sw_guard_entry(raft, index)) != NULL) {
        if (entry->type == RAFT_CHANGE) {
            SW_MARK("guard.g9_snapshot_waits");
            return false;
        }
        index++;
    }
    return true;
}

/* ---- calls that only pass through ---- */

static int guard_init(struct raft_io *io, raft_id id, const char *address)
{
    struct sw_guard *guard = guard_of(io);

    return guard->inner->init(guard->inner, id, address);
}

static void inner_closed(struct raft_io *inner)
{
    struct sw_guard *guard = inner->data;

    SW_ASSERT(guard->appends_in_flight == 0);
    SW_ASSERT(guard->paced_head == NULL);
    guard->closed(&guard->outer);
}

static void guard_close(struct raft_io *io, raft_io_close_cb cb)
{
    struct sw_guard *guard = guard_of(io);

    SW_ASSERT(cb != NULL);
    guard->closed = cb;
    guard->inner->close(guard->inner, inner_closed);
}

/* NOLINTNEXTLINE(readability-function-size): the port dictates the parameters */
static int guard_load(struct raft_io *io,
                      raft_term *term,
                      raft_id *voted_for,
                      struct raft_snapshot **snapshot,
                      raft_index *start_index,
                      struct raft_entry *entries[],
                      size_t *n_entries)
{
    struct sw_guard *guard = guard_of(io);
    const int rv = guard->inner->load(
        guard->inner, term, voted_for, snapshot, start_index, entries, n_entries);

    if (rv == 0) {
        guard->next_index = *start_index + *n_entries;
    }
    return rv;
}

static int
guard_start(struct raft_io *io, unsigned msecs, raft_io_tick_cb tick, raft_io_recv_cb recv)
{
    struct sw_guard *guard = guard_of(io);

    SW_ASSERT(tick != NULL);
    SW_ASSERT(recv != NULL);
    guard->tick = tick;
    guard->recv = recv;
    return guard->inner->start(guard->inner, msecs, guard_tick, guard_recv);
}

static int guard_bootstrap(struct raft_io *io, const struct raft_configuration *configuration)
{
    return guard_of(io)->inner->bootstrap(guard_of(io)->inner, configuration);
}

static int guard_recover(struct raft_io *io, const struct raft_configuration *configuration)
{
    return guard_of(io)->inner->recover(guard_of(io)->inner, configuration);
}

static int guard_set_term(struct raft_io *io, raft_term term)
{
    return guard_of(io)->inner->set_term(guard_of(io)->inner, term);
}

static int guard_set_vote(struct raft_io *io, raft_id id)
{
    return guard_of(io)->inner->set_vote(guard_of(io)->inner, id);
}

static int guard_snapshot_put(struct raft_io *io,
                              unsigned trailing,
                              struct raft_io_snapshot_put *request,
                              const struct raft_snapshot *snapshot,
                              raft_io_snapshot_put_cb cb)
{
    struct sw_guard *guard = guard_of(io);

    SW_ASSERT(snapshot != NULL);
    if (trailing == 0) {
        guard->next_index = snapshot->index + 1;
    }
    return guard->inner->snapshot_put(guard->inner, trailing, request, snapshot, cb);
}

static int guard_snapshot_get(struct raft_io *io,
                              struct raft_io_snapshot_get *request,
                              raft_io_snapshot_get_cb cb)
{
    return guard_of(io)->inner->snapshot_get(guard_of(io)->inner, request, cb);
}

static raft_time guard_time(struct raft_io *io)
{
    return guard_of(io)->inner->time(guard_of(io)->inner);
}

static int guard_random(struct raft_io *io, int min, int max)
{
    return guard_of(io)->inner->random(guard_of(io)->inner, min, max);
}

static int
guard_async_work(struct raft_io *io, struct raft_io_async_work *request, raft_io_async_work_cb cb)
{
    return guard_of(io)->inner->async_work(guard_of(io)->inner, request, cb);
}

void sw_guard_init(struct sw_guard *guard, struct raft_io *inner, struct raft *raft, uint32_t off)
{
    SW_ASSERT(guard != NULL);
    SW_ASSERT(inner != NULL && raft != NULL);
    *guard = (struct sw_guard){.inner = inner, .raft = raft, .off = off, .next_index = 1};
    guard->outer = (struct raft_io){.version = 2,
                                    .impl = guard,
                                    .init = guard_init,
                                    .close = guard_close,
                                    .load = guard_load,
                                    .start = guard_start,
                                    .bootstrap = guard_bootstrap,
                                    .recover = guard_recover,
                                    .set_term = guard_set_term,
                                    .set_vote = guard_set_vote,
                                    .send = guard_send,
                                    .append = guard_append,
                                    .truncate = guard_truncate,
                                    .snapshot_put = guard_snapshot_put,
                                    .snapshot_get = guard_snapshot_get,
                                    .time = guard_time,
                                    .random = guard_random,
                                    .async_work = guard_async_work};
    inner->data = guard;
}

void sw_guard_release(struct sw_guard *guard)
{
    while (guard->paced_head != NULL) {
        struct sw_guard_append *append = guard->paced_head;

        guard->paced_head = append->next;
        free(append);
    }
    guard->paced_tail = NULL;
}
