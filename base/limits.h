/* Every bound of the system, with its reason. Over a bound is a typed error, never an OOM. */
#ifndef SW_BASE_LIMITS_H
#define SW_BASE_LIMITS_H

#include <assert.h>

enum {
    /* LMDB keys hold at most 511 bytes; the four parts below and their separators fit into that. */
    SW_STORE_KEY_SIZE_MAX = 511,
    SW_TENANT_SIZE_MAX = 32,
    SW_NAMESPACE_SIZE_MAX = 64,
    SW_PARTITION_SIZE_MAX = 128,
    SW_KEY_SIZE_MAX = 256,

    /* A value lives in the log, in memory and in one frame at once; larger ones belong in chunks.
     */
    SW_VALUE_SIZE_MAX = 1 << 20,
    SW_EXPERIENCE_SIZE_MAX = 256 << 10,

    /* One request with its names; one log entry holds at least one of them. */
    SW_COMMAND_SIZE_MAX = SW_VALUE_SIZE_MAX + (4 << 10),
    SW_ENTRY_SIZE_MAX = SW_COMMAND_SIZE_MAX + (64 << 10),
    SW_ENTRY_COMMAND_COUNT_MAX = 4096,
    SW_ENTRY_BATCH_SIZE = 256 << 10, /* a batch closes once it holds this much */

    /* Log entries handed to the library and not yet committed, per group: enough to cover one
     * network round trip and one disk sync, few enough that batches grow under load. */
    SW_ENTRY_IN_FLIGHT_MAX = 8,

    /* Committed entries handed to the applier and not executed yet, per node; the rest waits in the
     * log's memory, where it is anyway. Enough to keep the applier's thread busy over a turn of the
     * loop, few enough that an orderly stop, which executes these and no more, ends soon. */
    SW_APPLY_ENTRY_COUNT_MAX = 16,
    SW_APPLY_SIZE_MAX = 8 << 20, /* bytes of them; reached by the last one */

    /* One AppendEntries message; longer ones are split with a clamped commit index. */
    SW_APPEND_SIZE_MAX = 512 << 10,
    SW_APPEND_ENTRY_COUNT_MAX = 1024,

    /* One message between nodes or from a client, and one frame, which packs several. */
    SW_MESSAGE_SIZE_MAX = SW_ENTRY_SIZE_MAX + (64 << 10),
    SW_FRAME_SIZE_MAX = SW_MESSAGE_SIZE_MAX + (64 << 10),

    SW_NODE_COUNT_MAX = 15,
    SW_GROUP_COUNT_MAX = 4096,
    SW_CLIENT_COUNT_MAX = 4096,        /* connections a node holds open */
    SW_CLIENT_IN_FLIGHT_MAX = 4096,    /* unanswered requests of one connection */
    SW_NODE_IN_FLIGHT_MAX = 65536,     /* unanswered requests of all connections */
    SW_NODE_QUEUE_SIZE_MAX = 64 << 20, /* bytes of requests waiting to be proposed */

    SW_SESSION_COUNT_MAX = 65536,      /* per group; the least recently active goes first, loudly */
    SW_SESSION_REPLY_COUNT_MAX = 4096, /* stored answers of one session */
    SW_SESSION_REPLY_TOTAL_MAX = 1 << 20, /* of all sessions of a group; over it each keeps few */
    /* Bytes of records in stored answers (of transactions, and where the previous record was asked
     * for): one session's, beyond which it must acknowledge first; and a group's, which the store's
     * reserve has room for. */
    SW_SESSION_RECORDS_SIZE_MAX = 1 << 20,
    SW_SESSION_RECORDS_TOTAL_MAX = 16 << 20,
    SW_SESSION_TTL_MS_MIN = 1000,
    SW_SESSION_TTL_MS_MAX = 24 * 3600 * 1000,
    SW_SESSION_TTL_MS_DEFAULT = 600 * 1000,

    SW_LEASE_COUNT_MAX = 65536,     /* per group; a grant beyond it is BUSY */
    SW_LEASE_WALK_COUNT_MAX = 4096, /* leases, of any partition, that one look at a list passes */
    SW_LEASE_KEY_COUNT_MAX = 1024,  /* that one lease holds: its end deletes all of them at once */
    SW_LEASE_TTL_MS_MIN = 100,
    SW_LEASE_TTL_MS_MAX = 24 * 3600 * 1000,

    /* Changes of keys that a group keeps for watchers; the oldest go first. */
    SW_CHANGE_COUNT_MAX = 100000,
    SW_CHANGE_SIZE_MAX = 64 << 20,
    SW_WATCH_SCAN_COUNT_MAX = 4096, /* changes that one look of a watcher passes */
    /* One page of a watch: what one change of many keys wrote, with the names of the keys. Only
     * with what they were before it can be more, and that is TOO_LARGE. */
    SW_WATCH_SIZE_MAX = SW_VALUE_SIZE_MAX + (96 << 10),

    /* One transaction is decided and executed in one piece, so what it may touch is bounded. */
    SW_TXN_COMPARE_COUNT_MAX = 128,
    SW_TXN_OP_COUNT_MAX = 128,                              /* of each branch */
    SW_TXN_RESULT_SIZE_MAX = SW_VALUE_SIZE_MAX + (4 << 10), /* all its records: one reply */
    SW_ENTRY_RECORDS_SIZE_MAX = 8 << 20, /* of the answers of one entry; later commands are BUSY */
    SW_TXN_WRITE_SIZE_MAX = SW_VALUE_SIZE_MAX, /* values it writes: an append writes all it has */

    /* Settings are parsed copies in memory on every node, and looked at by every request. */
    SW_SETTING_SIZE_MAX = 4 << 10,
    SW_SETTING_NOTE_SIZE_MAX = 128,
    SW_SETTING_RIGHT_COUNT_MAX = 16, /* of one identity */
    SW_SETTING_COUNT_MAX = 4096,     /* of one kind */

    /* The audit log: the oldest records go first. */
    SW_AUDIT_COUNT_MAX = 4096,
    SW_AUDIT_ASKED_MAX = 256, /* notes that other nodes wait for, of one leader */
    SW_AUDIT_ADDRESS_SIZE_MAX = 64,
    SW_AUDIT_ACTION_SIZE_MAX = 32,
    SW_AUDIT_TARGET_SIZE_MAX = 128,

    SW_SCAN_COUNT_MAX = 4096,
    SW_SCAN_SIZE_MAX = 1 << 20, /* bytes of one page of a scan */

    /* The vector index (index/). The dimensions of today's embedding models; one entry, its factors
     * and its lanes fit one block of codes, and dot products of them fit their integers. */
    SW_SPACE_DIM_MIN = 16,
    SW_SPACE_DIM_MAX = 4096,
    SW_SPACE_NAME_SIZE_MAX = 64,
    SW_SPACE_MODEL_SIZE_MAX = 128,
    SW_INDEX_PREFIX_SIZE_MAX = 64, /* of the keys of one index: slot, tenant, space */
    SW_INDEX_SLICE_COUNT_MAX = 64, /* slices of time that exist at once: each costs every search */
    SW_INDEX_BUCKET_COUNT_MAX = 1 << 16,
    SW_SEARCH_COUNT_MAX = 1024,          /* k */
    SW_VECTORS_COUNT_MAX = 1024,         /* indexes of one group: each costs a little memory */
    SW_VECTORS_PARTITION_COUNT_MAX = 16, /* of one partition: each costs every delete of a key */
    SW_ATTRIBUTE_COUNT_MAX = 32,         /* of one entry */
    SW_ATTRIBUTE_NAME_SIZE_MAX = 64,
    SW_ATTRIBUTE_TEXT_SIZE_MAX = 256,
    SW_CONDITION_COUNT_MAX = 32,      /* of one question */
    SW_INDEX_SAMPLE_COUNT_MAX = 64,   /* of recall, in one request */
    SW_SEARCH_RERANK_MAX = 16 * 1024, /* candidates compared exactly */
    /* Places of entries, free ones too, that a search looks at, that putting-if-novel looks at
     * inside of an entry, and that a search may look at while entries wait for it. */
    SW_SEARCH_SCAN_MAX = 1 << 22,
    SW_NOVEL_SCAN_MAX = 1 << 19,
    SW_SEARCH_BRIEF_SCAN_MAX = 1 << 15,
    SW_VIEW_SEARCH_COUNT_MAX =
        32, /* searches that share a view of the store, which pins its pages */
    SW_ATTRIBUTES_SIZE_MAX = 64 << 20, /* bytes of attributes that one reader keeps in memory */

    SW_CONTEXT_ID_SIZE_MAX = 128,
    SW_CONTEXT_TOKENS_MAX = 1 << 20,    /* of one block */
    SW_CONTEXT_VISIT_COUNT_MAX = 512,   /* blocks that one entry looks at */
    SW_CONTEXT_STEP_COUNT_MAX = 128,    /* blocks that one entry deletes, */
    SW_CONTEXT_STEP_SIZE_MAX = 1 << 20, /* or about so many bytes of them */
    SW_CONTEXT_WINDOW_VISIT_MAX = 64,   /* blocks whose likeness a move of the window looks at */
    SW_CONTEXT_TOUCH_COUNT_MAX = 128,   /* blocks that one entry notes as used */
    /* What an append does beside appending, so that it stays well below a millisecond. */
    SW_CONTEXT_APPEND_VISIT_MAX = 64,      /* blocks that its policy looks at, */
    SW_CONTEXT_APPEND_PRUNE_MAX = 8,       /* and deletes */
    SW_CONTEXT_PRESENT_COUNT = 8,          /* newest blocks that older ones are compared with, */
    SW_CONTEXT_SIMILAR_COUNT = 8,          /* so many of them */
    SW_CONTEXT_SKETCH_SIZE_MAX = 64 << 10, /* bytes of a content that likeness looks at */
    SW_CONTEXT_CANDIDATE_COUNT_MAX = 8,    /* blocks of one band that are compared */

    /* Memories (transport/memory.h). Each number of a step is what one entry does at most. */
    SW_MEMORY_AGENT_SIZE_MAX = 64,
    SW_MEMORY_TASK_SIZE_MAX = 128,
    SW_MEMORY_TAG_SIZE_MAX = 64,
    SW_MEMORY_TAG_COUNT_MAX = 16,
    SW_MEMORY_META_SIZE_MAX = 1 << 10,
    SW_MEMORY_CONTENT_SIZE_MAX = 256 << 10,
    SW_MEMORY_PARENT_COUNT_MAX = 32,
    SW_MEMORY_RING_COUNT_MAX = 1 << 20,  /* that a partition may let an agent have */
    SW_MEMORY_SAMPLE_COUNT = 64,         /* of which the least worth leave a full ring, */
    SW_MEMORY_EVICT_COUNT_MAX = 16,      /* so many at once */
    SW_MEMORY_WALK_COUNT_MAX = 512,      /* keys that one step of tending looks at */
    SW_MEMORY_STEP_COUNT_MAX = 128,      /* memories that one entry forgets, */
    SW_MEMORY_STEP_LINK_COUNT_MAX = 512, /* and links that it follows for that */
    SW_MEMORY_ANCESTOR_COUNT_MAX = 512,  /* that are asked while something is being forgotten, */
    SW_MEMORY_ANCESTOR_LINK_COUNT_MAX = 1024, /* by so many ways to them in a request */

    SW_LINK_TYPE_SIZE_MAX = 32, /* of a link between two keys (transport/relation.h) */

    SW_SNAPSHOT_DESCRIPTOR_SIZE_MAX = 4 << 10,
    SW_SNAPSHOT_CHUNK_SIZE_MAX = 512 << 10,

    SW_DEPTH_MAX = 10, /* a request because of a change because of a request ...: no deeper */

    SW_ADDRESS_SIZE_MAX = 256, /* "host:port" */
    SW_WHY_SIZE = 160,         /* detail text of an error */
};

static_assert(SW_TENANT_SIZE_MAX + SW_NAMESPACE_SIZE_MAX + SW_PARTITION_SIZE_MAX + SW_KEY_SIZE_MAX +
                      8 <=
                  SW_STORE_KEY_SIZE_MAX,
              "slot, the four parts and their separators fit into one key");
static_assert((int)SW_COMMAND_SIZE_MAX > (int)SW_VALUE_SIZE_MAX, "a command holds a whole value");
static_assert((int)SW_SESSION_REPLY_COUNT_MAX >= (int)SW_CLIENT_IN_FLIGHT_MAX,
              "a client's unanswered writes all have a stored answer");

#endif
