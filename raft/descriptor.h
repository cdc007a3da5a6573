/* What stands in the log for a compacted prefix: configuration and a reference to the state.
 *
 * | offset | size | field                                              |
 * |--------|------|----------------------------------------------------|
 * | 0      | 1    | format, 1                                          |
 * | 1      | 8    | index of the configuration                         |
 * | 9      | 4+n  | configuration, as libraft encodes it               |
 * | ...    | 4+16 | state: applied index u64, digest u64               |
 *
 * The state itself is never in here: it is in the store of this node, and travels out of band. */
#ifndef SW_RAFT_DESCRIPTOR_H
#define SW_RAFT_DESCRIPTOR_H

#include <stdbool.h>

#include <raft.h>

#include "base/err.h"
#include "base/rw.h"
#include "base/span.h"

enum { SW_DESCRIPTOR_FORMAT = 1, SW_DESCRIPTOR_STATE_SIZE = 16 };

void sw_descriptor_encode(const struct raft_configuration *configuration,
                          raft_index configuration_index,
                          struct sw_span state,
                          struct sw_buf *out);
/* Memory of the results comes from raft_malloc and belongs to the caller. */
enum sw_err sw_descriptor_decode(struct sw_span bytes,
                                 struct raft_configuration *ret_configuration,
                                 raft_index *ret_configuration_index,
                                 struct raft_buffer *ret_state) SW_MUST_CHECK;

/* True if libraft can decode `bytes` as a configuration: it would not check by itself. */
bool sw_descriptor_configuration_valid(struct sw_span bytes);

/* Decodes it; memory of the result comes from raft_malloc and belongs to the caller. */
enum sw_err sw_descriptor_configuration_decode(struct sw_span bytes,
                                               struct raft_configuration *ret_configuration)
    SW_MUST_CHECK;

void sw_descriptor_state_encode(uint64_t index,
                                uint64_t digest,
                                uint8_t out[SW_DESCRIPTOR_STATE_SIZE]);
void sw_descriptor_state_decode(const uint8_t in[SW_DESCRIPTOR_STATE_SIZE],
                                uint64_t *ret_index,
                                uint64_t *ret_digest);

#endif
