/* What callers give as arrays, in the form that it travels in. Pure. */
#ifndef SW_CLIENT_PACK_H
#define SW_CLIENT_PACK_H

#include "base/err.h"
#include "base/limits.h"
#include "base/rw.h"
#include "client/include/swarm.h"

/* The value of a TXN, MULTI_GET, INDEX_CREATE, VECTOR_PUT or VECTOR_SEARCH, appended to `out`;
 * other operations have none to pack. Only what could not be encoded is refused here;
 * sw_request_validate does the rest. */
enum sw_err sw_pack(const struct swarm_request *request,
                    struct sw_buf *out,
                    char ret_why[SW_WHY_SIZE]) SW_MUST_CHECK;

#endif
