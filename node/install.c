/* State out of band: a follower that lags behind the log fetches a copy of the state from the node
 * that offered it, chunk by chunk, at its own pace, and resumes where it stopped.
 *
 * The receiver pulls: it names a cursor, gets the chunk after it, hands that to the applier, and
 * the applier says what to ask for next. Any message may be lost; the receiver asks again. First it
 * looks at home: a state that is new enough already is only made durable.
 * The messages are in fetch.h. */
#include "base/assert.h"
#include "base/point.h"
#include "node/fetch.h"
#include "node/node_private.h"

enum {
    RETRY_MS_MIN = 500, /* see note_speed */
    RETRY_MS_MAX = 4000,
    EXPORT_IDLE_MS = 10000, /* a receiver that is quiet for so long has given up */
};

static void send(struct sw_node *node, struct sw_node_id to)
{
    /* UNREACHABLE and BUSY are losses like any other: the receiver asks again. */
    (void)node->config.link->ops->send(node->config.link, to, sw_buf_span(&node->scratch));
}

/* --- the receiver ----------------------------------------------------------------------------- */

/* Without a second flush under way: they run in order, so the later one would say the same. */
static void flush(struct sw__shard *shard)
{
    if (!shard->install.flushing) {
        shard->install.flushing = true;
        sw__shard_flush(shard, SW__FLUSH_INSTALL);
    }
}

/* How long an answer takes depends on the link. Asking again too early is not only waste: the
 * beginning of a copy that is asked for twice begins it anew, so over a slow link no copy of a
 * busy group would ever get beyond its first chunk. */
static void note_speed(struct sw__install *install, uint64_t now_ms)
{
    const uint64_t took_ms = now_ms - install->asked_ms;

    install->retry_ms = took_ms + took_ms / 2;
    if (install->retry_ms < RETRY_MS_MIN) {
        install->retry_ms = RETRY_MS_MIN;
    } else if (install->retry_ms > RETRY_MS_MAX) {
        install->retry_ms = RETRY_MS_MAX;
    }
}

static void send_fetch(struct sw__shard *shard, bool ended)
{
    struct sw_node *node = shard->node;
    const struct sw_fetch fetch = {.group = shard->id,
                                   .transfer = shard->install.transfer,
                                   .ended = ended,
                                   .cursor = sw_buf_span(&shard->install.cursor)};

    sw_fetch_encode(&fetch, &node->scratch);
    shard->install.sent_ms = sw__node_now_ms(node);
    send(node, shard->install.from);
}

static void start_fetch(struct sw__shard *shard)
{
    struct sw__install *install = &shard->install;
    struct sw_node *node = shard->node;

    node->transfer_count++;
    /* The random part keeps the peer from taking a restarted node's copy for the one before. */
    install->transfer = (sw_env_random(node->config.env) << 16) + (node->transfer_count & 0xffff);
    install->fetching = true;
    install->asked_ms = sw__node_now_ms(node);
    sw_buf_clear(&install->cursor);
    if (!install->importing) { /* else the chunk in the applier is waited for first */
        send_fetch(shard, false);
    }
}

static void finish(struct sw__shard *shard, enum sw_err err, struct sw_group_snapshot snapshot)
{
    struct sw_node *node = shard->node;
    struct sw__install *install = &shard->install;

    if (install->fetching) {
        send_fetch(shard, true);
    }
    install->active = false;
    install->fetching = false;
    sw__node_log(
        node,
        err == SW_ERR_OK ? SW_LOG_INFO : SW_LOG_WARN,
        err == SW_ERR_OK ? "install-done" : "install-failed",
        "copy of group %u from node %llu: %s, index %llu%s",
        shard->id.value,
        (unsigned long long)install->from.value,
        sw_err_name(err),
        (unsigned long long)snapshot.index,
        err == SW_ERR_DISK_FULL
            ? "; it needs room beside the state that it replaces: raise --max-map-size, or "
              "free disk space, and restart this node"
            : "");
    sw_group_install_done(shard->group, err, snapshot);
}

void sw__install_wanted(void *arg, struct sw_node_id from, struct sw_group_snapshot wanted)
{
    struct sw__shard *shard = arg;
    struct sw__install *install = &shard->install;
    const bool same_source = install->active && sw_node_id_equal(install->from, from);

    if (install->active) {
        SW_MARK("install.wanted_anew");
    }
    if (install->active && !same_source) {
        SW_MARK("install.other_source");
    }
    install->wanted = wanted;
    install->progress_ms = sw__node_now_ms(shard->node);
    if (same_source) {
        return; /* what is being fetched is judged against the new index when it is complete */
    }
    sw__node_log(shard->node,
                 SW_LOG_INFO,
                 "install-start",
                 "group %u lags; fetching its state at %llu from node %llu",
                 shard->id.value,
                 (unsigned long long)wanted.index,
                 (unsigned long long)from.value);
    install->active = true;
    install->fetching = false;
    install->from = from;
    install->retry_ms = RETRY_MS_MIN;
    flush(shard);
}

void sw__install_flushed(struct sw__shard *shard, enum sw_err err, uint64_t index, uint64_t digest)
{
    struct sw__install *install = &shard->install;

    install->flushing = false;
    if (!install->active) {
        SW_MARK("install.given_up");
        return; /* given up meanwhile */
    }
    if (err != SW_ERR_OK) {
        finish(shard, err, (struct sw_group_snapshot){0});
    } else if (index >= install->wanted.index) {
        install->fetching = false;
        finish(shard, SW_ERR_OK, (struct sw_group_snapshot){.index = index, .digest = digest});
    } else {
        start_fetch(shard);
    }
}

static void
take_chunk(struct sw__shard *shard, struct sw_node_id from, const struct sw_fetch_chunk *chunk)
{
    struct sw__install *install = &shard->install;
    struct sw_node *node = shard->node;

    if (!install->active || !install->fetching || install->importing ||
        install->transfer != chunk->transfer || !sw_node_id_equal(install->from, from) ||
        !sw_span_equal(chunk->cursor, sw_buf_span(&install->cursor))) {
        SW_MARK("install.chunk_late");
        return; /* late, repeated or not ours */
    }
    if (chunk->err == SW_ERR_BUSY) {
        SW_MARK("install.giver_busy");
        return; /* it serves somebody else first; the tick asks again */
    }
    if (chunk->err != SW_ERR_OK) {
        SW_MARK("install.begun_again");
        /* The peer lost its view of the copy (a restart, a newer copy): begin again. */
        start_fetch(shard);
        return;
    }
    install->importing = true;
    install->importing_transfer = chunk->transfer;
    install->progress_ms = sw__node_now_ms(node);
    note_speed(install, install->progress_ms);
    node->metrics.values[SW_METRIC_SNAPSHOT_CHUNKS_IN]++;
    sw_applier_import(node->applier, shard->id, chunk->chunk);
}

void sw__install_imported(
    struct sw__shard *shard, enum sw_err err, bool complete, uint64_t index, struct sw_span cursor)
{
    struct sw__install *install = &shard->install;

    install->importing = false;
    if (complete && err == SW_ERR_OK) {
        sw__shard_skip_to(shard, index);
    }
    if (!install->active || shard->group == NULL) {
        return; /* given up, or the group has stopped meanwhile */
    }
    if (install->importing_transfer != install->transfer) {
        if (install->fetching) { /* this one waited for the chunk of the one before */
            install->asked_ms = sw__node_now_ms(shard->node);
            send_fetch(shard, false);
        }
        return;
    }
    if (err != SW_ERR_OK) {
        finish(shard, err, (struct sw_group_snapshot){0});
        return;
    }
    if (complete) {
        send_fetch(shard, true);
        install->fetching = false;
        flush(shard);
        return;
    }
    sw_buf_clear(&install->cursor);
    sw_write_bytes(&install->cursor, cursor);
    install->asked_ms = sw__node_now_ms(shard->node);
    send_fetch(shard, false);
}

/* --- the giver -------------------------------------------------------------------------------- */

static void send_chunk(struct sw__shard *shard,
                       struct sw_node_id to,
                       uint64_t transfer,
                       enum sw_err err,
                       struct sw_span cursor,
                       struct sw_span chunk)
{
    const struct sw_fetch_chunk message = {
        .group = shard->id, .transfer = transfer, .err = err, .cursor = cursor, .chunk = chunk};

    sw_fetch_chunk_encode(&message, &shard->node->scratch);
    send(shard->node, to);
}

static void export_end(struct sw__shard *shard)
{
    if (shard->export.active) {
        shard->export.active = false;
        sw_applier_export_stop(shard->node->applier, shard->id);
    }
}

static void export_start(struct sw__shard *shard, struct sw_span cursor)
{
    struct sw__export *export = &shard->export;

    export->running = true;
    export->generation++;
    sw_buf_clear(&export->cursor);
    sw_write_bytes(&export->cursor, cursor);
    sw_applier_export(shard->node->applier, shard->id, cursor, export->generation);
}

static void
take_fetch(struct sw__shard *shard, struct sw_node_id from, const struct sw_fetch *fetch)
{
    struct sw__export *export = &shard->export;
    const uint64_t transfer = fetch->transfer;
    const struct sw_span cursor = fetch->cursor;
    bool same_peer;
    bool same_copy;

    same_peer = export->active && sw_node_id_equal(export->to, from);
    same_copy = same_peer && export->transfer == transfer;
    if (fetch->ended) {
        if (same_copy && !export->running) {
            export_end(shard);
        }
        return;
    }
    if (export->running || (export->active && !same_peer)) {
        if (!same_copy) { /* the same copy is being worked on: its chunk is the answer */
            send_chunk(shard, from, transfer, SW_ERR_BUSY, cursor, sw_span_of(NULL, 0));
        }
        return;
    }
    if ((!same_copy && cursor.size > 0) || SW_BUGGIFY("install.copy_forgotten", 50)) {
        SW_MARK("install.copy_unknown");
        /* The middle of a copy that this node does not know any more. */
        send_chunk(shard, from, transfer, SW_ERR_CANCELLED, cursor, sw_span_of(NULL, 0));
        return;
    }
    export->active = true;
    export->to = from;
    export->transfer = transfer;
    export->used_ms = sw__node_now_ms(shard->node);
    export_start(shard, cursor);
}

void sw__install_exported(struct sw__shard *shard,
                          uint64_t token,
                          enum sw_err err,
                          struct sw_span chunk)
{
    struct sw__export *export = &shard->export;

    if (!export->running || token != export->generation) {
        return;
    }
    export->running = false;
    export->used_ms = sw__node_now_ms(shard->node);
    if (SW_BUGGIFY("install.chunk_lost", 50)) {
        return; /* asked for again */
    }
    if (err == SW_ERR_OK) {
        shard->node->metrics.values[SW_METRIC_SNAPSHOT_CHUNKS_OUT]++;
    }
    send_chunk(shard, export->to, export->transfer, err, sw_buf_span(&export->cursor), chunk);
    if (err != SW_ERR_OK) {
        export_end(shard);
    }
}

/* --- both ------------------------------------------------------------------------------------- */

/* NULL for another version's group, or one that has stopped here. */
static struct sw__shard *running_shard(const struct sw_node *node, struct sw_group_id group)
{
    struct sw__shard *shard = sw__node_shard(node, group);

    return shard != NULL && shard->group != NULL ? shard : NULL;
}

void sw__install_message(struct sw_node *node, struct sw_node_id from, struct sw_span message)
{
    struct sw_fetch fetch;
    struct sw_fetch_chunk chunk;
    struct sw__shard *shard;

    if (sw_fetch_decode(message, &fetch) == SW_ERR_OK) {
        shard = running_shard(node, fetch.group);
        if (shard != NULL) {
            take_fetch(shard, from, &fetch);
        }
    } else if (sw_fetch_chunk_decode(message, &chunk) == SW_ERR_OK) {
        shard = running_shard(node, chunk.group);
        if (shard != NULL) {
            take_chunk(shard, from, &chunk);
        }
    }
}

void sw__install_tick(struct sw__shard *shard, uint64_t now_ms)
{
    struct sw__install *install = &shard->install;
    struct sw__export *export = &shard->export;

    if (export->active && !export->running && now_ms - export->used_ms > EXPORT_IDLE_MS) {
        SW_MARK("install.export_idle");
        export_end(shard);
    }
    if (!install->active || !install->fetching || install->importing) {
        return;
    }
    if (now_ms - install->progress_ms > shard->node->config.tuning.install_timeout_ms) {
        SW_MARK("install.no_progress");
        finish(shard, SW_ERR_UNREACHABLE, (struct sw_group_snapshot){0});
    } else if (now_ms - install->sent_ms >= install->retry_ms) {
        send_fetch(shard, false);
    }
}

void sw__install_release(struct sw__shard *shard)
{
    sw_buf_release(&shard->install.cursor);
    sw_buf_release(&shard->export.cursor);
}
