/* The simulated network between nodes: one path for each ordered pair. An orderly path keeps the
 * promises of transport/link.h (order, at most once, loss allowed); a hostile one breaks them. */
#ifndef SW_TESTS_SIM_NET_H
#define SW_TESTS_SIM_NET_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/sim/world.h"

enum sim_shape {
    SIM_SHAPE_ISOLATE,
    SIM_SHAPE_HALVES,
    SIM_SHAPE_RING,   /* each node sees its two neighbours only */
    SIM_SHAPE_BRIDGE, /* two halves that both see one node */
    SIM_SHAPE_ONE_WAY,
    SIM_SHAPE_COUNT
};

struct sim_net *sim_net_new(struct sim_world *world);
void sim_net_free(struct sim_net *net);
void sim_net_link_init(struct sim_host *host);
/* What the host sent during its turn leaves now. */
void sim_net_flush(struct sim_host *host);
/* The host started or died: sessions follow a little later. */
void sim_net_host_changed(struct sim_host *host);

void sim_net_cut(struct sim_world *world, uint32_t from, uint32_t to, bool cut);
void sim_net_partition(struct sim_world *world, enum sim_shape shape);
void sim_net_heal(struct sim_world *world);
/* Messages of this ordered pair take `extra_us` more until `until_us`. */
void sim_net_clog(
    struct sim_world *world, uint32_t from, uint32_t to, uint64_t extra_us, uint64_t until_us);
bool sim_net_is_cut(const struct sim_world *world, uint32_t from, uint32_t to);

/* Scripted worlds look at each message and decide; NULL = deliver all. True drops the message. */
typedef bool (*sim_net_filter_fn)(struct sim_world *world,
                                  uint32_t from,
                                  uint32_t to,
                                  struct sw_span message);
void sim_net_filter(struct sim_world *world, sim_net_filter_fn filter);
/* Delivers a message that `from` once sent, late; cuts do not matter. */
void sim_net_inject(struct sim_world *world, uint32_t from, uint32_t to, struct sw_span message);

#endif
