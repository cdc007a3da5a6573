/* A context as the parts of its operations share it. */
#ifndef SW_NODE_CONTEXT_PRIVATE_H
#define SW_NODE_CONTEXT_PRIVATE_H

#include "node/apply_private.h"
#include "transport/context.h"

/* The context that a request names, as it is and as it will be. */
struct sw__context {
    struct sw_place place;
    struct sw_span id;
    struct sw_context_key name; /* of the header */
    struct sw_kv_record old;    /* the header's record; version 0: there is none */
    struct sw_context context;
};

/* The errors returned are the store's; NOT_FOUND and WRONG_TYPE go to the result. */
enum sw_err sw__context_find(struct sw__apply *apply,
                             const struct sw_request *request,
                             struct sw__context *ret_found,
                             struct sw_command_result *result);
/* The header's record for the next revision; `text` is cleared and gets its value. */
struct sw_kv_record sw__context_header(const struct sw_state *state,
                                       const struct sw__context *found,
                                       struct sw_buf *text);
/* Writes the header as the present revision; its record was made for that. */
enum sw_err sw__context_put(struct sw__apply *apply,
                            const struct sw__context *found,
                            const struct sw_kv_record *header);

/* apply_prune.c */
enum sw_err sw__apply_prune(struct sw__apply *apply,
                            const struct sw_request *request,
                            struct sw_command_result *result);

#endif
