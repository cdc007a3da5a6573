/* Paths, frames, partitions. */
#include "tests/sim/net.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/limits.h"
#include "base/rw.h"
#include "tests/sim/vote_check.h"

struct path {
    bool cut;
    bool up; /* the sender's view of its session with the receiver */
    bool view_pending;
    uint64_t extra_us, extra_until_us;
    uint64_t last_at_us; /* an orderly path never delivers before this */
    uint64_t in_flight;
    struct sw_buf out; /* u32 size, bytes; again */
};

struct sim_net {
    struct sim_world *world; /* borrowed */
    sim_net_filter_fn filter;
    struct path path[SIM_HOST_COUNT_MAX][SIM_HOST_COUNT_MAX];
    struct sw_link_stats stats[SIM_HOST_COUNT_MAX];
    struct sim_votes *votes; /* owned */
};

/* All messages of one turn to one peer. */
struct frame {
    struct sim_net *net;
    uint32_t from, to;
    bool copy; /* a duplicate made by the network */
    size_t size;
    uint8_t data[];
};

static struct path *path_of(struct sim_net *net, uint32_t from, uint32_t to)
{
    SW_ASSERT(from >= 1 && from <= SIM_HOST_COUNT_MAX);
    SW_ASSERT(to >= 1 && to <= SIM_HOST_COUNT_MAX);
    return &net->path[from - 1][to - 1];
}

struct sim_net *sim_net_new(struct sim_world *world)
{
    struct sim_net *net = calloc(1, sizeof(*net));

    SW_ASSERT(net != NULL);
    net->world = world;
    net->votes = sim_votes_new();
    return net;
}

void sim_net_free(struct sim_net *net)
{
    for (uint32_t i = 0; i < SIM_HOST_COUNT_MAX; i++) {
        for (uint32_t j = 0; j < SIM_HOST_COUNT_MAX; j++) {
            sw_buf_release(&net->path[i][j].out);
        }
    }
    sim_votes_free(net->votes);
    free(net);
}

void sim_net_filter(struct sim_world *world, sim_net_filter_fn filter)
{
    world->net->filter = filter;
}

static void frame_lost(const struct frame *frame, uint64_t reason)
{
    frame->net->world->stats.lost++;
    sim_trace3(frame->net->world, frame->from, SIM_TRACE_LOST, frame->to, frame->size, reason);
}

static void frame_free(void *arg)
{
    struct frame *frame = arg;

    if (!frame->copy) {
        path_of(frame->net, frame->from, frame->to)->in_flight -= frame->size;
    }
    free(frame);
}

static void frame_hand_over(struct frame *frame, struct sim_host *host)
{
    struct sw_reader in = sw_reader_of(sw_span_of(frame->data, frame->size));

    while (sw_reader_left(&in) > 0 && host->dying == SW_ERR_OK) {
        const struct sw_span message = sw_read_blob(&in, SW_MESSAGE_SIZE_MAX);

        frame->net->stats[host->number - 1].messages_received++;
        host->link_handler.peer_message(
            host->link_handler.arg, (struct sw_node_id){frame->from}, message);
    }
    SW_ASSERT(!in.failed);
}

static void frame_fire(void *arg)
{
    struct frame *frame = arg;
    struct sim_world *world = frame->net->world;
    struct sim_host *host = &world->host[frame->to - 1];

    if (path_of(frame->net, frame->from, frame->to)->cut) {
        frame_lost(frame, 2);
    } else {
        sim_trace3(world, frame->to, SIM_TRACE_RECEIVE, frame->from, frame->size, frame->copy);
        frame_hand_over(frame, host);
    }
    frame_free(frame);
}

static struct frame *
frame_new(struct sim_net *net, uint32_t from, uint32_t to, struct sw_span bytes)
{
    struct frame *frame = malloc(sizeof(*frame) + bytes.size);

    SW_ASSERT(frame != NULL);
    *frame = (struct frame){.net = net, .from = from, .to = to, .size = bytes.size};
    memcpy(frame->data, bytes.data, bytes.size);
    return frame;
}

static uint64_t frame_delay(struct sim_net *net, struct path *path)
{
    struct sim_world *world = net->world;
    uint64_t delay =
        sw_prng_range(&world->prng, world->plan.delay_us_min, world->plan.delay_us_max);

    if (!world->calm && path->extra_until_us > world->now_us) {
        delay += path->extra_us;
    }
    if (world->plan.hostile != 0 && !world->calm &&
        sw_prng_chance(&world->prng, world->plan.reorder_permille, 1000)) {
        world->stats.reordered++;
        return delay + sw_prng_below(&world->prng, 200000);
    }
    if (world->now_us + delay <= path->last_at_us) {
        delay = path->last_at_us + 1 - world->now_us;
    }
    path->last_at_us = world->now_us + delay;
    return delay;
}

/* A hostile network may deliver to a later life of the receiver; an orderly one has no session
 * with it that would open the seal. */
static void frame_schedule(struct sim_net *net, struct frame *frame, uint64_t delay_us)
{
    struct sim_world *world = net->world;
    struct sim_event event = {.at_us = world->now_us + delay_us,
                              .seq = world->seq++,
                              .fire = frame_fire,
                              .drop = frame_free,
                              .arg = frame,
                              .owner = frame->to,
                              .life = world->host[frame->to - 1].life};

    if (world->plan.hostile != 0 && !world->calm) {
        event.life = SIM_LIFE_ANY;
    }
    sim_heap_push(&world->heap, event);
}

static void frame_send(struct sim_net *net, struct path *path, struct frame *frame)
{
    struct sim_world *world = net->world;
    const struct sim_plan *plan = &world->plan;

    path->in_flight += frame->size;
    world->stats.messages++;
    if (path->cut || !world->host[frame->to - 1].alive) {
        frame_lost(frame, 1);
        frame_free(frame);
        return;
    }
    if (!world->calm && sw_prng_chance(&world->prng, plan->loss_permille, 1000)) {
        frame_lost(frame, 3);
        frame_free(frame);
        return;
    }
    if (plan->hostile != 0 && !world->calm &&
        sw_prng_chance(&world->prng, plan->duplicate_permille, 1000)) {
        struct frame *copy =
            frame_new(net, frame->from, frame->to, sw_span_of(frame->data, frame->size));

        copy->copy = true;
        world->stats.duplicated++;
        frame_schedule(net, copy, sw_prng_below(&world->prng, 300000));
    }
    sim_trace3(world, frame->from, SIM_TRACE_SEND, frame->to, frame->size, 0);
    frame_schedule(net, frame, frame_delay(net, path));
}

static void inject_fire(void *arg)
{
    struct frame *frame = arg;

    frame_hand_over(frame, &frame->net->world->host[frame->to - 1]);
    free(frame);
}

void sim_net_inject(struct sim_world *world, uint32_t from, uint32_t to, struct sw_span message)
{
    struct sw_buf blob = {0};

    sw_write_blob(&blob, message);
    sim_after(world, to, 0, inject_fire, free, frame_new(world->net, from, to, sw_buf_span(&blob)));
    sw_buf_release(&blob);
}

void sim_net_flush(struct sim_host *host)
{
    struct sim_net *net = host->world->net;

    for (uint32_t to = 1; to <= host->world->plan.nodes; to++) {
        struct path *path = path_of(net, host->number, to);

        if (path->out.size > 0) {
            net->stats[host->number - 1].frames_sent++;
            frame_send(net, path, frame_new(net, host->number, to, sw_buf_span(&path->out)));
            sw_buf_clear(&path->out);
        }
    }
}

static void judge_vote(struct sim_host *host, struct sw_node_id peer, struct sw_span message)
{
    const uint32_t to = (uint32_t)peer.value;
    const struct sim_vote *earlier =
        sim_votes_see(host->world->net->votes, host->number, to, message);

    if (earlier != NULL) {
        sim_fail(host->world,
                 "one vote a term: node %u votes in term %" PRIu64
                 " of group %u for node %u and again",
                 earlier->from,
                 earlier->term,
                 earlier->group,
                 earlier->to);
    }
}

static enum sw_err link_send(struct sw_link *link, struct sw_node_id peer, struct sw_span message)
{
    struct sim_host *host = link->impl;
    struct sim_world *world = host->world;
    struct path *path = path_of(world->net, host->number, (uint32_t)peer.value);

    SW_ASSERT(message.size <= SW_MESSAGE_SIZE_MAX);
    SW_ASSERT(peer.value != host->number);
    if (!path->up) {
        return SW_ERR_UNREACHABLE;
    }
    if (path->in_flight + path->out.size + message.size > world->plan.credit_size) {
        return SW_ERR_BUSY;
    }
    if (!world->calm && sw_prng_chance(&world->prng, world->plan.busy_permille, 1000)) {
        return SW_ERR_BUSY;
    }
    if (world->net->filter != NULL &&
        world->net->filter(world, host->number, (uint32_t)peer.value, message)) {
        return SW_ERR_OK;
    }
    judge_vote(host, peer, message);
    sw_write_blob(&path->out, message);
    world->net->stats[host->number - 1].messages_sent++;
    world->net->stats[host->number - 1].bytes_sent += message.size;
    return SW_ERR_OK;
}

static enum sw_err link_reply(struct sw_link *link, uint64_t conn, struct sw_span message)
{
    struct sim_host *host = link->impl;

    return host->reply == NULL ? SW_ERR_UNREACHABLE : host->reply(host, conn, message);
}

static void link_flush(struct sw_link *link)
{
    sim_net_flush(link->impl);
}

static bool link_peer_up(struct sw_link *link, struct sw_node_id peer)
{
    struct sim_host *host = link->impl;

    return path_of(host->world->net, host->number, (uint32_t)peer.value)->up;
}

static void link_stats(struct sw_link *link, struct sw_link_stats *ret_stats)
{
    struct sim_host *host = link->impl;

    *ret_stats = host->world->net->stats[host->number - 1];
}

static const struct sw_link_ops link_ops = {.send = link_send,
                                            .reply = link_reply,
                                            .flush = link_flush,
                                            .peer_up = link_peer_up,
                                            .stats = link_stats};

void sim_net_link_init(struct sim_host *host)
{
    host->link = (struct sw_link){.impl = host, .ops = &link_ops};
}

struct view {
    struct sim_net *net;
    uint32_t from, to;
};

static void view_refresh(struct sim_net *net, uint32_t from, uint32_t to);

static void view_free(void *arg)
{
    struct view *view = arg;
    struct sim_net *net = view->net;
    const uint32_t from = view->from;
    const uint32_t to = view->to;

    free(view);
    path_of(net, from, to)->view_pending = false;
    if (!net->world->releasing) {
        view_refresh(net, from, to); /* the truth may have changed while this was under way */
    }
}

static bool view_right(struct sim_net *net, uint32_t from, uint32_t to)
{
    const struct sim_host *host = net->world->host;

    return host[from - 1].alive && host[to - 1].alive && !path_of(net, from, to)->cut &&
           !path_of(net, to, from)->cut;
}

static void view_fire(void *arg)
{
    struct view *view = arg;
    struct sim_host *host = &view->net->world->host[view->from - 1];
    struct path *path = path_of(view->net, view->from, view->to);
    const bool up = view_right(view->net, view->from, view->to);

    if (path->up != up) {
        path->up = up;
        sim_trace3(host->world, host->number, SIM_TRACE_PEER, view->to, up, 0);
        if (host->link_handler.peer_state != NULL) {
            host->link_handler.peer_state(
                host->link_handler.arg, (struct sw_node_id){view->to}, up);
        }
    }
    view_free(view);
}

/* A session opens within a round trip or two and is found dead by a missed heartbeat. */
static void view_refresh(struct sim_net *net, uint32_t from, uint32_t to)
{
    struct sim_world *world = net->world;
    struct path *path = path_of(net, from, to);
    const bool up = view_right(net, from, to);
    struct view *view;

    if (path->view_pending || path->up == up || !world->host[from - 1].alive) {
        return;
    }
    view = malloc(sizeof(*view));
    SW_ASSERT(view != NULL);
    *view = (struct view){.net = net, .from = from, .to = to};
    path->view_pending = true;
    sim_after(world,
              from,
              up ? sw_prng_range(&world->prng, 500, 60000)
                 : sw_prng_range(&world->prng, 1000, 700000),
              view_fire,
              view_free,
              view);
}

static void views_refresh(struct sim_net *net)
{
    for (uint32_t from = 1; from <= net->world->plan.nodes; from++) {
        for (uint32_t to = 1; to <= net->world->plan.nodes; to++) {
            if (from != to) {
                view_refresh(net, from, to);
            }
        }
    }
}

void sim_net_host_changed(struct sim_host *host)
{
    struct sim_net *net = host->world->net;

    for (uint32_t to = 1; to <= host->world->plan.nodes; to++) {
        struct path *path = path_of(net, host->number, to);

        path->up = false;
        sw_buf_clear(&path->out);
    }
    views_refresh(net);
}

void sim_net_cut(struct sim_world *world, uint32_t from, uint32_t to, bool cut)
{
    path_of(world->net, from, to)->cut = cut;
    views_refresh(world->net);
}

bool sim_net_is_cut(const struct sim_world *world, uint32_t from, uint32_t to)
{
    return path_of(world->net, from, to)->cut;
}

static bool shape_cuts(enum sim_shape shape, uint32_t count, uint32_t a, uint32_t b)
{
    const uint32_t half = count / 2;

    switch (shape) {
    case SIM_SHAPE_ISOLATE:
        return a == 0 || b == 0;
    case SIM_SHAPE_HALVES:
        return (a < half) != (b < half);
    case SIM_SHAPE_RING:
        return (a + 1) % count != b && (b + 1) % count != a;
    case SIM_SHAPE_BRIDGE:
        return a != count - 1 && b != count - 1 && (a < half) != (b < half);
    case SIM_SHAPE_ONE_WAY:
        return a == 0 && b == 1;
    case SIM_SHAPE_COUNT:
        break;
    }
    return false;
}

void sim_net_partition(struct sim_world *world, enum sim_shape shape)
{
    const uint32_t count = world->plan.nodes;
    uint32_t place[SIM_HOST_COUNT_MAX] = {0};
    uint32_t cuts = 0;

    for (uint32_t i = 0; i < count; i++) {
        const uint32_t j = (uint32_t)sw_prng_below(&world->fault, i + 1);

        place[i] = place[j]; /* inside-out shuffle */
        place[j] = i;
    }
    for (uint32_t a = 0; a < count; a++) {
        for (uint32_t b = 0; b < count; b++) {
            struct path *path = path_of(world->net, place[a] + 1, place[b] + 1);

            if (shape != SIM_SHAPE_ONE_WAY) {
                path->cut = a != b && shape_cuts(shape, count, a, b);
            } else if (shape_cuts(shape, count, a, b)) {
                path->cut = true;
            }
            cuts += path->cut ? 1 : 0;
        }
    }
    world->stats.partitions++;
    sim_trace3(world, 0, SIM_TRACE_CUT, shape, place[0] + 1, cuts);
    views_refresh(world->net);
    if (world->mode->net_changed != NULL) {
        world->mode->net_changed(world, true);
    }
}

void sim_net_heal(struct sim_world *world)
{
    for (uint32_t a = 1; a <= world->plan.nodes; a++) {
        for (uint32_t b = 1; b <= world->plan.nodes; b++) {
            path_of(world->net, a, b)->cut = false;
        }
    }
    sim_trace3(world, 0, SIM_TRACE_HEAL, 0, 0, 0);
    views_refresh(world->net);
    if (world->mode->net_changed != NULL) {
        world->mode->net_changed(world, false);
    }
}

void sim_net_clog(
    struct sim_world *world, uint32_t from, uint32_t to, uint64_t extra_us, uint64_t until_us)
{
    struct path *path = path_of(world->net, from, to);

    path->extra_us = extra_us;
    path->extra_until_us = until_us;
    world->stats.clogs++;
    sim_trace3(world, 0, SIM_TRACE_CLOG, from, to, extra_us);
}
