/* What load.c and load_watch.c share: clients on their threads, and what these counted. */
#ifndef SW_TOOLS_LOAD_PRIVATE_H
#define SW_TOOLS_LOAD_PRIVATE_H

#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>

#include "tools/load.h"

enum { SW__LOAD_KEY_SIZE = 32 };

struct sw__load;

struct sw__load_worker {
    struct sw__load *load;
    struct swarm_pool *pool;
    struct sw_load_result result; /* of this thread */
    uint64_t last_success_ns;
};

struct sw__load {
    const struct sw_load_config *config;
    struct sw__load_worker *workers; /* owned */
    struct swarm_client **clients;   /* owned */
    uint32_t client_count;
    uint8_t *value; /* owned */
    uint64_t start_ns, stop_ns;
    _Atomic uint32_t preload_next; /* key */
    _Atomic enum swarm_status preload_failed;
    sem_t lane_over; /* posted by each lane that stops */
};

uint64_t sw__load_now_ns(void);
void sw__load_sleep_until(uint64_t at_ns);
struct swarm_scope sw__load_scope(void);
struct swarm_slice sw__load_key(char text[SW__LOAD_KEY_SIZE], uint64_t number);
void sw__load_error(struct sw_load_result *result, enum swarm_status status);
void sw__load_success(struct sw__load_worker *worker, uint64_t began_ns, uint64_t ended_ns);

/* Runs the load; the results are with the workers. */
enum sw_err sw__load_watch(struct sw__load *load);

#endif
