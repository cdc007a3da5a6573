/* The fields of a command as bits, for the codec and the rules. */
#ifndef SW_TRANSPORT_PROTO_PRIVATE_H
#define SW_TRANSPORT_PROTO_PRIVATE_H

#include "transport/proto.h"

enum {
    SW__FIELD_FLAGS = 1 << 0,
    SW__FIELD_SESSION = 1 << 1,
    SW__FIELD_SEQ = 1 << 2,
    SW__FIELD_ACKED = 1 << 3,
    SW__FIELD_TENANT = 1 << 4,
    SW__FIELD_NAMESPACE = 1 << 5,
    SW__FIELD_PARTITION = 1 << 6,
    SW__FIELD_KEY = 1 << 7,
    SW__FIELD_END_KEY = 1 << 8,
    SW__FIELD_VALUE = 1 << 9,
    SW__FIELD_EXPECTED = 1 << 10,
    SW__FIELD_LIMIT = 1 << 11,
    SW__FIELD_LEASE = 1 << 12,
    SW__FIELD_COUNT = 13,
    SW__FIELD_NAMES = SW__FIELD_TENANT | SW__FIELD_NAMESPACE | SW__FIELD_PARTITION,
    SW__FIELD_ONCE = SW__FIELD_SESSION | SW__FIELD_SEQ | SW__FIELD_ACKED,
    SW__FIELD_PAGE = SW__FIELD_FLAGS | SW__FIELD_LIMIT,
};

/* Which fields the request has: those that are not zero or empty. */
uint32_t sw__request_fields(const struct sw_request *request);

#endif
