/* The codes of swarm.h: one for each row of the error table (base/err.h), same name and number. A
 * missing or differing row does not compile (client/status.c). Numbers are forever. */
#ifndef SWARM_STATUS_H
#define SWARM_STATUS_H

enum swarm_status {
    SWARM_OK = 0,                 /* ok */
    SWARM_IO = 1001,              /* a disk operation failed */
    SWARM_UNREACHABLE = 1002,     /* the node cannot be reached */
    SWARM_DISK_FULL = 1003,       /* no space left for this write */
    SWARM_PERMISSIONS = 1004,     /* a file or key has the wrong owner or mode */
    SWARM_NOMEM = 1005,           /* out of memory */
    SWARM_CORRUPT = 1006,         /* stored bytes fail their check */
    SWARM_LOCKED = 1007,          /* the data directory is in use by another process */
    SWARM_ADDRESS_IN_USE = 1008,  /* the address is already in use */
    SWARM_STRANGER = 1009,        /* the data directory belongs to another swarm or node */
    SWARM_NEWER_FORMAT = 1010,    /* the data was written by a newer version */
    SWARM_DATA_MISSING = 1011,    /* this node's earlier data is not here */
    SWARM_OVERLOADED = 2004,      /* the node refuses more work for now */
    SWARM_QUOTA = 2005,           /* the quota of this tenant or namespace is used up */
    SWARM_NOT_SENT = 2006,        /* the deadline passed before the request was sent */
    SWARM_DEPTH = 3003,           /* the cascade of requests is too deep */
    SWARM_INVALID = 3101,         /* the request is not valid */
    SWARM_NOT_FOUND = 3102,       /* the key does not exist */
    SWARM_CONFLICT = 3103,        /* the condition of the write did not hold */
    SWARM_TOO_LARGE = 3104,       /* a key or value is over its limit */
    SWARM_MALFORMED = 3105,       /* received bytes do not decode */
    SWARM_UNSUPPORTED = 3106,     /* this node does not know that operation */
    SWARM_WRONG_TYPE = 3107,      /* the stored value is not of the type that the merge works on */
    SWARM_OUT_OF_RANGE = 3108,    /* the result of the merge is no 64-bit number */
    SWARM_LEASE_GONE = 3109,      /* there is no such lease: it ended or was revoked */
    SWARM_RESYNC = 3110,          /* changes that old are not kept any more */
    SWARM_FUTURE_REVISION = 3111, /* that revision is yet to come */
    SWARM_DIMENSION = 3112,       /* the vector is not as long as those of the index */
    SWARM_NO_INDEX = 3113,        /* there is no such index in this partition */
    SWARM_EXISTS = 3114,          /* something that near is stored already */
    SWARM_COMPACTED = 3115,       /* what was that long ago is not kept any more */
    SWARM_RING_FULL = 3116,       /* the agent's ring of memories has no room for this one */
    SWARM_SOURCE_GONE = 3117,     /* something that it is derived from does not exist */
    SWARM_DUPLICATE = 3119,       /* what is appended is there already, or nearly */
    SWARM_UNAUTHORIZED = 4001,    /* this identity has no right to do that */
    SWARM_UNAUTHENTICATED = 4101, /* the peer could not prove who it is */
    SWARM_REPLAYED = 4102,        /* a frame was seen before */
    SWARM_WRONG_SWARM = 4103,     /* the peer belongs to another swarm */
    SWARM_CONFIG = 5001,          /* the configuration is not valid */
    SWARM_KEY_MISSING = 5002,     /* no usable key material */
    SWARM_NOT_LEADER = 6001,      /* this node is not the leader */
    SWARM_NO_LEADER = 6002,       /* no leader is known */
    SWARM_UNKNOWN_OUTCOME = 6003, /* it is not known whether the write took effect */
    SWARM_LEADERSHIP_LOST = 6004, /* the leader changed while the write was under way */
    SWARM_SESSION_EXPIRED = 6005, /* the session is gone: expired or evicted */
    SWARM_SESSION_STALE = 6006,   /* the sequence number was acknowledged before */
    SWARM_DEADLINE = 6007,        /* no answer before the deadline */
    SWARM_SHUTTING_DOWN = 6008,   /* the node is stopping */
    SWARM_BUSY = 6009,            /* the queue for this is full */
    SWARM_CANCELLED = 6010,       /* the caller gave the request up */
    SWARM_NOT_COMMITTED = 6011,   /* the write was not committed, and never will be */
};

#endif
