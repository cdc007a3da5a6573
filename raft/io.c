/* Our raft_io over WAL and link; what it promises is in io_private.h. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/limits.h"
#include "base/point.h"
#include "raft/descriptor.h"
#include "raft/io_private.h"
#include "raft/wire.h"

enum {
    LOAD_BATCH_SIZE = 1 << 20, /* few big batches: libraft looks through a batch as it frees it */
    HELD_SIZE_MAX = 32 << 20,  /* bytes of messages that wait for a term or vote */
    COMMAND_ALIGN = 8,
};

enum request_kind { REQUEST_APPEND, REQUEST_SNAPSHOT };

struct sw__io_request {
    enum request_kind kind;
    struct sw__io *io;
    struct sw__io_request *previous, *next;
    struct raft_io_append *append;
    struct raft_io_snapshot_put *put;
    raft_io_snapshot_put_cb put_cb;
    struct raft_buffer *installed; /* libraft's, of an install */
    struct sw_buf descriptor;      /* owned: borrowed by the WAL until done */
    struct sw_wal_entry *entries;  /* owned: borrowed by the WAL until done */
};

struct sw__io_held {
    struct sw__io_held *next;
    struct sw_node_id to;
    uint64_t need; /* sent once hold_done reaches this */
    size_t size;
    uint8_t bytes[];
};

struct sw__io_deferred {
    struct sw__io_deferred *next;
    struct raft_io_send *send;
    raft_io_send_cb send_cb;
    struct raft_io_snapshot_get *get;
    raft_io_snapshot_get_cb get_cb;
    int status;
};

static struct sw__io *io_of(struct raft_io *base)
{
    SW_ASSERT(base != NULL);
    SW_ASSERT(base->impl != NULL);
    return base->impl;
}

/* ---- requests to the WAL ---- */

static struct sw__io_request *request_new(struct sw__io *io, enum request_kind kind)
{
    struct sw__io_request *request = calloc(1, sizeof *request);

    SW_ASSERT(request != NULL);
    request->kind = kind;
    request->io = io;
    request->next = io->requests;
    if (io->requests != NULL) {
        io->requests->previous = request;
    }
    io->requests = request;
    return request;
}

static void request_free(struct sw__io_request *request)
{
    struct sw__io *io = request->io;

    SW_ASSERT((request->previous == NULL) == (io->requests == request));
    if (request->previous != NULL) {
        request->previous->next = request->next;
    } else {
        io->requests = request->next;
    }
    if (request->next != NULL) {
        request->next->previous = request->previous;
    }
    free(request->entries);
    sw_buf_release(&request->descriptor);
    free(request);
}

/* libraft may free the instance only when nothing of it is under way. */
static void close_if_idle(struct sw__io *io)
{
    raft_io_close_cb closed = io->closed;

    const bool durable = io->dead || io->hold_done == io->hold_wanted;

    if (closed != NULL && durable && io->requests == NULL && io->deferred_head == NULL &&
        io->work == NULL) {
        io->closed = NULL;
        closed(&io->base);
    }
}

static void request_complete(struct sw__io_request *request, int status)
{
    struct raft_io_append *append = request->append;
    struct raft_io_snapshot_put *put = request->put;
    const raft_io_snapshot_put_cb put_cb = request->put_cb;
    const enum request_kind kind = request->kind;
    struct raft_buffer *installed = request->installed;

    SW_ASSERT(status == 0 || kind == REQUEST_SNAPSHOT);
    request_free(request);
    if (kind == REQUEST_APPEND) {
        append->cb(append, 0);
        return;
    }
    put_cb(put, status);
    if (status != 0) {
        raft_free(installed); /* libraft frees what it points to and forgets the array itself */
    }
}

/* While closing there may be no further turn: what is due runs at once. */
static void settle_close(struct sw__io *io)
{
    if (io->closed != NULL) {
        while (sw__io_run_deferred(io)) {
        }
        close_if_idle(io);
    }
}

static void request_done(void *arg)
{
    struct sw__io_request *request = arg;
    struct sw__io *io = request->io;
    /* A library that closes drops what it installs, and forgets the array of request_complete. */
    const bool dropped = io->closed != NULL && request->installed != NULL;

    request_complete(request, dropped ? RAFT_CANCELED : 0);
    settle_close(io);
}

/* ---- messages, and what holds them ---- */

static enum sw_err link_send(struct sw__io *io, struct sw_node_id to, struct sw_span bytes)
{
    if (SW_BUGGIFY("raft.message_lost", 20)) {
        return SW_ERR_OK;
    }
    if (SW_BUGGIFY("raft.link_busy", 20)) {
        return SW_ERR_BUSY;
    }
    return io->link->ops->send(io->link, to, bytes);
}

static enum sw_err hold(struct sw__io *io, struct sw_node_id to, struct sw_span bytes)
{
    struct sw__io_held *held;

    if (io->held_size + bytes.size > HELD_SIZE_MAX || SW_BUGGIFY("raft.hold_full", 50)) {
        return SW_ERR_BUSY;
    }
    held = malloc(sizeof *held + bytes.size);
    SW_ASSERT(held != NULL);
    *held = (struct sw__io_held){.to = to, .need = io->hold_wanted, .size = bytes.size};
    memcpy(held->bytes, bytes.data, bytes.size);
    io->held_size += bytes.size;
    if (io->held_tail == NULL) {
        io->held_head = held;
    } else {
        io->held_tail->next = held;
    }
    io->held_tail = held;
    return SW_ERR_OK;
}

static enum sw_err send_or_hold(struct sw__io *io, struct sw_node_id to, struct sw_span bytes)
{
    SW_ASSERT(bytes.size <= SW_MESSAGE_SIZE_MAX);
    if (io->dead) {
        return SW_ERR_UNREACHABLE;
    }
    const bool unproven = io->hold_done < io->hold_wanted && !SW_PLANTED(ANSWER_BEFORE_VOTE);

    if (unproven || io->held_head != NULL) {
        SW_MARK("raft.message_held");
        return hold(io, to, bytes);
    }
    return link_send(io, to, bytes);
}

/* A record that messages wait for became durable. Records complete in the order of the asking. */
static void hold_done(void *arg)
{
    struct sw__io *io = arg;

    io->hold_done++;
    SW_ASSERT(io->hold_done <= io->hold_wanted);
    while (io->held_head != NULL && io->held_head->need <= io->hold_done) {
        struct sw__io_held *held = io->held_head;

        io->held_head = held->next;
        if (io->held_head == NULL) {
            io->held_tail = NULL;
        }
        io->held_size -= held->size;
        /* Lost is fine: libraft was told that it went out, and repairs what does not arrive. */
        (void)link_send(io, held->to, sw_span_of(held->bytes, held->size));
        free(held);
    }
    settle_close(io);
}

static int set_hard(struct sw__io *io, struct sw_wal_hard hard)
{
    SW_ASSERT(hard.term >= io->hard.term);
    io->hard = hard;
    if (!io->dead) {
        io->hold_wanted++;
        io->wal->ops->set_hard(io->wal, io->group, hard, hold_done, io);
    }
    return 0;
}

void sw__io_write_bootstrap(struct sw__io *io)
{
    SW_ASSERT(io->loaded.entry_count == 1);
    SW_ASSERT(io->hard.term == 1);
    io->hold_wanted += 2;
    io->wal->ops->set_hard(io->wal, io->group, io->hard, hold_done, io);
    io->wal->ops->append(io->wal, io->group, io->loaded.entries, 1, hold_done, io);
}

void sw__io_begin_term(struct sw__io *io)
{
    SW_ASSERT(io->recv == NULL); /* libraft has not started */
    (void)set_hard(io, (struct sw_wal_hard){.term = io->hard.term + 1, .vote = io->self});
}

void sw__io_send_bytes(struct sw__io *io, struct sw_node_id to, struct sw_span bytes)
{
    SW_ASSERT(to.value != 0);
    (void)send_or_hold(io, to, bytes); /* probes are repeated */
}

/* ---- completions that are due at the next turn ---- */

static struct sw__io_deferred *defer(struct sw__io *io)
{
    struct sw__io_deferred *deferred = calloc(1, sizeof *deferred);

    SW_ASSERT(deferred != NULL);
    if (io->deferred_tail == NULL) {
        io->deferred_head = deferred;
    } else {
        io->deferred_tail->next = deferred;
    }
    io->deferred_tail = deferred;
    return deferred;
}

static struct raft_snapshot *snapshot_copy(const struct sw__io *io)
{
    struct raft_snapshot *snapshot = raft_calloc(1, sizeof *snapshot);
    enum sw_err err;

    SW_ASSERT(snapshot != NULL);
    snapshot->index = io->snapshot_index;
    snapshot->term = io->snapshot_term;
    snapshot->n_bufs = 1;
    snapshot->bufs = raft_malloc(sizeof *snapshot->bufs);
    SW_ASSERT(snapshot->bufs != NULL);
    err = sw_descriptor_decode(sw_buf_span(&io->descriptor),
                               &snapshot->configuration,
                               &snapshot->configuration_index,
                               &snapshot->bufs[0]);
    SW_ASSERT(err == SW_ERR_OK); /* checked when it was loaded, made by us otherwise */
    return snapshot;
}

static void deferred_run(struct sw__io *io, struct sw__io_deferred *deferred)
{
    if (deferred->send != NULL) {
        deferred->send_cb(deferred->send, deferred->status);
        return;
    }
    SW_ASSERT(deferred->get != NULL);
    if (io->snapshot_index == 0 || io->dead) {
        deferred->get_cb(deferred->get, NULL, RAFT_CANCELED);
        return;
    }
    deferred->get_cb(deferred->get, snapshot_copy(io), 0);
}

bool sw__io_run_deferred(struct sw__io *io)
{
    struct sw__io_deferred *batch = io->deferred_head;
    const bool any = batch != NULL;

    if (io->closed == NULL && !io->dead && SW_BUGGIFY("raft.completions_later", 100)) {
        return false; /* the next turn does it */
    }
    io->deferred_head = NULL;
    io->deferred_tail = NULL;
    while (batch != NULL) {
        struct sw__io_deferred *deferred = batch;

        batch = deferred->next;
        deferred_run(io, deferred);
        free(deferred);
    }
    return any;
}

/* ---- raft_io ---- */

static int io_init(struct raft_io *base, raft_id id, const char *address)
{
    SW_ASSERT(id == io_of(base)->self.value);
    (void)address;
    return 0;
}

static void work_finish(struct sw__io *io, int status)
{
    struct raft_io_async_work *work = io->work;

    SW_ASSERT(work != NULL);
    SW_ASSERT(io->work_cb != NULL);
    io->work = NULL;
    if (status == 0) {
        status = work->work(work);
    }
    io->work_cb(work, status);
}

static void io_close(struct raft_io *base, raft_io_close_cb cb)
{
    struct sw__io *io = io_of(base);

    SW_ASSERT(io->closed == NULL);
    io->closed = cb;
    if (io->work != NULL) {
        work_finish(io, RAFT_CANCELED);
    }
    if (io->dead) {
        sw__io_abandon(io);
    } else {
        settle_close(io);
    }
}

/* Copies entries first..first+count of `loaded` into one batch of libraft's. */
static void load_batch(const struct sw_wal_group *loaded,
                       size_t first,
                       size_t count,
                       struct raft_entry *entries)
{
    size_t size = 0;
    size_t offset = 0;
    uint8_t *batch;

    for (size_t i = first; i < first + count; i++) {
        size += (loaded->entries[i].body.size + COMMAND_ALIGN - 1) & ~(size_t)(COMMAND_ALIGN - 1);
    }
    batch = raft_malloc(size > 0 ? size : 1);
    SW_ASSERT(batch != NULL);
    for (size_t i = first; i < first + count; i++) {
        const struct sw_wal_entry *from = &loaded->entries[i];

        memcpy(batch + offset, from->body.data, from->body.size);
        entries[i] = (struct raft_entry){.term = from->term,
                                         .type = from->type,
                                         .buf = {.base = batch + offset, .len = from->body.size},
                                         .batch = batch};
        offset += (from->body.size + COMMAND_ALIGN - 1) & ~(size_t)(COMMAND_ALIGN - 1);
    }
    SW_ASSERT(offset == size);
}

static struct raft_entry *load_entries(const struct sw_wal_group *loaded)
{
    struct raft_entry *entries;
    size_t first = 0;

    if (loaded->entry_count == 0) {
        return NULL;
    }
    entries = raft_malloc(loaded->entry_count * sizeof *entries);
    SW_ASSERT(entries != NULL);
    while (first < loaded->entry_count) {
        size_t size = 0;
        size_t count = 0;

        while (first + count < loaded->entry_count && (count == 0 || size < LOAD_BATCH_SIZE)) {
            size += loaded->entries[first + count].body.size;
            count++;
        }
        load_batch(loaded, first, count, entries);
        first += count;
    }
    return entries;
}

/* NOLINTNEXTLINE(readability-function-size): the port dictates the parameters */
static int io_load(struct raft_io *base,
                   raft_term *term,
                   raft_id *voted_for,
                   struct raft_snapshot **snapshot,
                   raft_index *start_index,
                   struct raft_entry *entries[],
                   size_t *n_entries)
{
    struct sw__io *io = io_of(base);

    *term = io->hard.term;
    *voted_for = io->hard.vote.value;
    *snapshot = io->snapshot_index == 0 ? NULL : snapshot_copy(io);
    *start_index = io->loaded.first_index;
    *entries = load_entries(&io->loaded);
    *n_entries = io->loaded.entry_count;
    io->next_index = *start_index + *n_entries;
    SW_ASSERT(*start_index >= 1);
    SW_ASSERT(*snapshot == NULL || *start_index <= io->snapshot_index + 1);
    return 0;
}

static int
io_start(struct raft_io *base, unsigned msecs, raft_io_tick_cb tick, raft_io_recv_cb recv)
{
    struct sw__io *io = io_of(base);

    SW_ASSERT(tick != NULL);
    SW_ASSERT(recv != NULL);
    (void)msecs; /* the group ticks as its owner says; decisions use time() */
    io->tick = tick;
    io->recv = recv;
    return 0;
}

/* The group writes its first entry itself (sw__io_write_bootstrap), behind the hold. */
static int io_bootstrap(struct raft_io *base, const struct raft_configuration *configuration)
{
    (void)base;
    (void)configuration;
    return RAFT_INVALID;
}

static int io_recover(struct raft_io *base, const struct raft_configuration *configuration)
{
    (void)base;
    (void)configuration;
    return RAFT_INVALID;
}

static int io_set_term(struct raft_io *base, raft_term term)
{
    return set_hard(io_of(base), (struct sw_wal_hard){.term = term, .vote = {0}});
}

static int io_set_vote(struct raft_io *base, raft_id id)
{
    struct sw__io *io = io_of(base);

    id = SW_PLANTED(VOTE_NOT_STORED) ? 0 : id;
    return set_hard(io, (struct sw_wal_hard){.term = io->hard.term, .vote = {id}});
}

/* One message of at most append_size_max bytes of entries, from `first` on; its commit index never
 * reaches past its own last entry, or a receiver would commit a suffix that nobody checked. */
static enum sw_err
send_part(struct sw__io *io, const struct raft_message *message, unsigned first, unsigned *ret_next)
{
    const struct raft_append_entries *whole = &message->append_entries;
    struct raft_message part = *message;
    const unsigned count_max =
        SW_BUGGIFY("raft.append_of_one", 100) ? 1 : (unsigned)SW_APPEND_ENTRY_COUNT_MAX;
    size_t size = 0;
    unsigned next = first;

    while (next < whole->n_entries && next - first < count_max &&
           (next == first || size + whole->entries[next].buf.len <= io->append_size_max)) {
        size += whole->entries[next].buf.len;
        next++;
    }
    part.append_entries.entries = next == first ? NULL : whole->entries + first;
    part.append_entries.n_entries = next - first;
    part.append_entries.prev_log_index = whole->prev_log_index + first;
    part.append_entries.prev_log_term =
        first == 0 ? whole->prev_log_term : whole->entries[first - 1].term;
    if (part.append_entries.leader_commit > whole->prev_log_index + next) {
        part.append_entries.leader_commit = whole->prev_log_index + next;
    }
    sw_wire_encode(io->group, &part, &io->scratch);
    *ret_next = next;
    return send_or_hold(io, (struct sw_node_id){message->server_id}, sw_buf_span(&io->scratch));
}

static enum sw_err send_append(struct sw__io *io, const struct raft_message *message)
{
    unsigned next = 0;
    enum sw_err err;

    do {
        err = send_part(io, message, next, &next);
        if (next < message->append_entries.n_entries) {
            io->stats.appends_split++;
            SW_MARK("raft.append_split");
        }
    } while (err == SW_ERR_OK && next < message->append_entries.n_entries);
    return err;
}

static enum sw_err send_message(struct sw__io *io, const struct raft_message *message)
{
    const struct sw_node_id to = {message->server_id};

    SW_ASSERT(to.value != 0);
    if (io->dead || !io->link->ops->peer_up(io->link, to)) {
        SW_MARK("raft.peer_down");
        return SW_ERR_UNREACHABLE; /* before a backlog is serialised for nobody */
    }
    if (message->type == RAFT_IO_APPEND_ENTRIES) {
        return send_append(io, message);
    }
    if (message->type == RAFT_IO_INSTALL_SNAPSHOT) {
        io->stats.installs_sent++;
    }
    sw_wire_encode(io->group, message, &io->scratch);
    return send_or_hold(io, to, sw_buf_span(&io->scratch));
}

static int io_send(struct raft_io *base,
                   struct raft_io_send *request,
                   const struct raft_message *message,
                   raft_io_send_cb cb)
{
    struct sw__io *io = io_of(base);
    const enum sw_err err = send_message(io, message);

    if (err != SW_ERR_OK) {
        io->stats.sends_failed++;
    }
    /* Without a callback the request may be freed at any time: it is not looked at. */
    if (cb != NULL) {
        struct sw__io_deferred *deferred = defer(io);

        request->cb = cb;
        deferred->send = request;
        deferred->send_cb = cb;
        deferred->status = err == SW_ERR_OK ? 0 : RAFT_NOCONNECTION;
    }
    return 0; /* always: a failed reply would stop the instance */
}

/* Once dead there is no disk to wait for; the next run of deferred work completes the request. */
static int io_append(struct raft_io *base,
                     struct raft_io_append *append,
                     const struct raft_entry entries[],
                     unsigned n,
                     raft_io_append_cb cb)
{
    struct sw__io *io = io_of(base);
    struct sw__io_request *request = request_new(io, REQUEST_APPEND);

    SW_ASSERT(n > 0);
    append->cb = cb;
    request->append = append;
    request->entries = calloc(n, sizeof *request->entries);
    SW_ASSERT(request->entries != NULL);
    for (unsigned i = 0; i < n; i++) {
        request->entries[i] =
            (struct sw_wal_entry){.index = io->next_index + i,
                                  .term = entries[i].term,
                                  .type = (uint8_t)entries[i].type,
                                  .body = sw_span_of(entries[i].buf.base, entries[i].buf.len)};
    }
    io->next_index += n;
    if (!io->dead) {
        io->wal->ops->append(io->wal, io->group, request->entries, n, request_done, request);
    }
    return 0;
}

static int io_truncate(struct raft_io *base, raft_index index)
{
    struct sw__io *io = io_of(base);

    SW_ASSERT(index > 0);
    io->next_index = index;
    if (!io->dead) {
        io->wal->ops->truncate(io->wal, io->group, index, NULL, NULL);
    }
    return 0;
}

static int io_snapshot_put(struct raft_io *base,
                           unsigned trailing,
                           struct raft_io_snapshot_put *put,
                           const struct raft_snapshot *snapshot,
                           raft_io_snapshot_put_cb cb)
{
    struct sw__io *io = io_of(base);
    struct sw__io_request *request = request_new(io, REQUEST_SNAPSHOT);
    const raft_index keep = snapshot->index > trailing ? snapshot->index - trailing : 0;

    SW_ASSERT(snapshot->n_bufs == 1);
    SW_ASSERT(snapshot->index > 0);
    put->cb = cb;
    request->put = put;
    request->put_cb = cb;
    sw_descriptor_encode(&snapshot->configuration,
                         snapshot->configuration_index,
                         sw_span_of(snapshot->bufs[0].base, snapshot->bufs[0].len),
                         &request->descriptor);
    io->snapshot_index = snapshot->index;
    io->snapshot_term = snapshot->term;
    sw_buf_clear(&io->descriptor);
    sw_write_bytes(&io->descriptor, sw_buf_span(&request->descriptor));
    if (trailing == 0) {
        SW_MARK("raft.snapshot_installed");
        io->next_index = snapshot->index + 1;
        request->installed = snapshot->bufs;
    }
    if (!io->dead) {
        io->wal->ops->set_snapshot(
            io->wal,
            io->group,
            (struct sw_wal_snapshot){.index = snapshot->index,
                                     .term = snapshot->term,
                                     .descriptor = sw_buf_span(&request->descriptor)},
            SW_PLANTED(COMPACTION_TOO_FAR) ? snapshot->index + 2 : keep + 1,
            trailing == 0,
            request_done,
            request);
    }
    return 0;
}

static int
io_snapshot_get(struct raft_io *base, struct raft_io_snapshot_get *get, raft_io_snapshot_get_cb cb)
{
    struct sw__io_deferred *deferred = defer(io_of(base));

    SW_ASSERT(get != NULL);
    get->cb = cb;
    deferred->get = get;
    deferred->get_cb = cb;
    return 0;
}

static raft_time io_time(struct raft_io *base)
{
    return sw_env_now_ms(io_of(base)->env);
}

static int io_random(struct raft_io *base, int min, int max)
{
    SW_ASSERT(min <= max);
    if (SW_BUGGIFY("raft.shortest_timeout", 300)) {
        return min; /* all nodes draw the same: votes are split */
    }
    return min + (int)(sw_env_random(io_of(base)->env) % ((uint64_t)(max - min) + 1));
}

static int
io_async_work(struct raft_io *base, struct raft_io_async_work *work, raft_io_async_work_cb cb)
{
    struct sw__io *io = io_of(base);

    SW_ASSERT(io->work == NULL); /* libraft takes one snapshot at a time */
    work->cb = cb;
    io->work = work;
    io->work_cb = cb;
    io->hooks.snapshot_work(io->hooks.arg);
    return 0;
}

bool sw__io_work_pending(const struct sw__io *io)
{
    SW_ASSERT(io != NULL);
    return io->work != NULL;
}

void sw__io_work_done(struct sw__io *io, int status)
{
    SW_ASSERT(io != NULL);
    work_finish(io, status);
    settle_close(io);
}

void sw__io_tick(struct sw__io *io)
{
    SW_ASSERT(io->tick != NULL);
    io->tick(&io->base);
}

void sw__io_receive(struct sw__io *io, struct raft_message *message)
{
    SW_ASSERT(io->recv != NULL);
    SW_ASSERT(message->server_id != 0);
    io->recv(&io->base, message);
}

void sw__io_abandon(struct sw__io *io)
{
    SW_ASSERT(io != NULL);
    io->dead = true;
    while (io->requests != NULL || io->deferred_head != NULL) {
        struct sw__io_request *oldest = io->requests;

        while (oldest != NULL && oldest->next != NULL) {
            oldest = oldest->next;
        }
        if (oldest != NULL) {
            request_complete(oldest, oldest->kind == REQUEST_APPEND ? 0 : RAFT_CANCELED);
        }
        (void)sw__io_run_deferred(io);
    }
    close_if_idle(io);
}

void sw__io_init(struct sw__io *io, const struct sw__io_config *config, struct sw_wal_group *loaded)
{
    SW_ASSERT(config->group.value != 0);
    SW_ASSERT(config->self.value != 0);
    *io = (struct sw__io){.group = config->group,
                          .self = config->self,
                          .env = config->env,
                          .wal = config->wal,
                          .link = config->link,
                          .hooks = config->hooks,
                          .append_size_max = config->append_size_max,
                          .loaded = *loaded,
                          .hard = loaded->hard};
    *loaded = (struct sw_wal_group){0};
    if (io->loaded.has_snapshot) {
        io->snapshot_index = io->loaded.snapshot_index;
        io->snapshot_term = io->loaded.snapshot_term;
        sw_write_bytes(&io->descriptor,
                       sw_span_of(io->loaded.descriptor, io->loaded.descriptor_size));
    }
    io->base = (struct raft_io){.version = 2,
                                .impl = io,
                                .init = io_init,
                                .close = io_close,
                                .load = io_load,
                                .start = io_start,
                                .bootstrap = io_bootstrap,
                                .recover = io_recover,
                                .set_term = io_set_term,
                                .set_vote = io_set_vote,
                                .send = io_send,
                                .append = io_append,
                                .truncate = io_truncate,
                                .snapshot_put = io_snapshot_put,
                                .snapshot_get = io_snapshot_get,
                                .time = io_time,
                                .random = io_random,
                                .async_work = io_async_work};
}

void sw__io_drop_loaded(struct sw__io *io)
{
    SW_ASSERT(io != NULL);
    if (io->hold_done == io->hold_wanted) {
        sw_wal_group_release(&io->loaded);
    }
}

void sw__io_release(struct sw__io *io)
{
    SW_ASSERT(io->requests == NULL);
    SW_ASSERT(io->deferred_head == NULL);
    while (io->held_head != NULL) {
        struct sw__io_held *held = io->held_head;

        io->held_head = held->next;
        free(held);
    }
    io->held_tail = NULL;
    sw_wal_group_release(&io->loaded);
    sw_buf_release(&io->descriptor);
    sw_buf_release(&io->scratch);
}
