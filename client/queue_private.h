/* What queue_posix.c and queue_list.c share: a queue, and the keys that it is (see queue_posix.c).
 */
#ifndef SW_CLIENT_QUEUE_PRIVATE_H
#define SW_CLIENT_QUEUE_PRIVATE_H

#include <stdint.h>

#include "base/limits.h"
#include "client/include/swarm.h"

enum {
    SW__QUEUE_SUFFIX_SIZE = 18,
    SW__QUEUE_ITEM = 'i',
    SW__QUEUE_CLAIM = 'c',
    SW__QUEUE_DELIVERIES = 'd',
};

struct sw__queue_key {
    uint8_t bytes[SW_KEY_SIZE_MAX];
    size_t size;
};

struct sw__queue_suffix {
    char text[SW__QUEUE_SUFFIX_SIZE + 1];
};

struct swarm_client *sw__queue_client(const struct swarm_queue *queue);
struct swarm_request sw__queue_request(const struct swarm_queue *queue, enum swarm_op op);
struct swarm_slice sw__queue_slice(const struct sw__queue_key *key);
/* NAME/k/ */
struct sw__queue_key sw__queue_prefix(const struct swarm_queue *queue, char kind);
struct sw__queue_key sw__queue_key_of(const struct swarm_queue *queue,
                                      char kind,
                                      const uint8_t suffix[SW__QUEUE_SUFFIX_SIZE]);
/* The suffix of a key of one kind; NULL for what is none of ours. */
const uint8_t *sw__queue_suffix(const struct swarm_queue *queue, struct swarm_slice key);
void sw__queue_read_suffix(const uint8_t *suffix, uint8_t *ret_priority, uint64_t *ret_number);
uint64_t sw__queue_decimal(struct swarm_slice text);

#endif
