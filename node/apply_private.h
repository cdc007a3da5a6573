/* What apply.c and its parts share: the entry under way, and the tables as the digest sees them. */
#ifndef SW_NODE_APPLY_PRIVATE_H
#define SW_NODE_APPLY_PRIVATE_H

#include "node/apply.h"
#include "transport/proto.h"

/* One entry under way. */
struct sw__apply {
    struct sw_state *state;
    struct sw_store *store;
};

struct sw_place sw__place_of(const struct sw_request *request);
/* The record of `key`, all zero (version 0) if there is none. Its value is valid until the next
 * write. */
enum sw_err
sw__kv_get(struct sw__apply *apply, const struct sw_key *key, struct sw_kv_record *ret_record);
/* The record that a write at `revision` makes of `old`. */
struct sw_kv_record sw__kv_next(const struct sw_state *state,
                                const struct sw_kv_record *old,
                                uint64_t revision,
                                struct sw_span value);
enum sw_err
sw__kv_put(struct sw__apply *apply, const struct sw_key *key, const struct sw_kv_record *record);
enum sw_err sw__table_put(struct sw__apply *apply,
                          enum sw_table table,
                          const struct sw_key *key,
                          struct sw_span value);
enum sw_err sw__table_del(struct sw__apply *apply, enum sw_table table, const struct sw_key *key);
/* Adds a record to the answer of the running command. */
void sw__answer_record(struct sw_state *state,
                       struct sw_span key,
                       const struct sw_kv_record *record,
                       struct sw_command_result *result);

/* apply_txn.c */
enum sw_err sw__apply_txn(struct sw__apply *apply,
                          const struct sw_request *request,
                          struct sw_command_result *result);

#endif
