/* What clients.c and client_conn.c share. */
#ifndef SW_TESTS_SIM_CLIENTS_PRIVATE_H
#define SW_TESTS_SIM_CLIENTS_PRIVATE_H

#include "tests/sim/clients.h"
#include "transport/txn.h"

enum sim_phase {
    PHASE_STORM,
    PHASE_CALM,
    PHASE_SCAN,
    PHASE_EXPERIENCES,
    PHASE_LEASES,
    PHASE_LEASE_LIST,
    PHASE_WATCH,
    PHASE_END
};

struct sim_client;

/* A connection of one client to one node; `number` is new each time it opens. */
struct sim_conn {
    struct sim_client *client;
    struct sim_host *host;
    uint64_t number; /* 0 = not open at the node */
    bool up;         /* as the client sees it */
    bool cut;        /* nothing gets through */
    bool pending;    /* the client will hear of a change */
    uint64_t last_at_us[2];
};

enum {
    SIM_TXN_COMPARE_MAX = 2,
    SIM_TXN_WRITE_MAX = 3,
    SIM_TXN_PART_MAX = SIM_TXN_COMPARE_MAX + SIM_TXN_WRITE_MAX + 3
};

struct sim_txn_part {
    enum sw_txn_kind kind;
    uint32_t flags;
    uint32_t key;
    size_t call; /* of a write */
};

/* A transaction under way: first it reads what it compared, then it writes, then it reads. */
struct sim_txn_plan {
    uint32_t compare_count;
    struct {
        uint32_t key;
        uint64_t expected;
    } compares[SIM_TXN_COMPARE_MAX];
    uint32_t part_count;
    struct sim_txn_part parts[SIM_TXN_PART_MAX];
};

struct sim_running {
    struct sim_client *client;
    bool used;
    size_t call;
    struct sw_request request; /* names only; no spans kept */
    uint32_t key;
    uint64_t after;
    struct sim_txn_plan txn;
};

/* The lease that a client holds, and what it is doing about it. */
struct sim_lease {
    uint64_t id; /* 0 = none */
    uint32_t ttl_ms;
    uint64_t sent_us;  /* its time began after this */
    uint64_t drifts;   /* faults of clocks so far, then */
    uint64_t given_up; /* the last one that was surely revoked */
    bool put;          /* its keys were acknowledged */
    bool revoking;
    bool pending; /* a call is under way */
    enum sw_op op;
    size_t call;
    uint64_t call_us, call_drifts; /* when it was made */
    uint32_t whose;                /* keys that are looked at */
    uint64_t whose_id;             /* with which they were acknowledged before the look began */
};

/* What a client watches, and what it was told so far. */
struct sim_watch {
    uint64_t after;       /* everything up to here, but for the gaps that it was told to have */
    struct sim_gap *gaps; /* owned */
    size_t gap_count;
    bool pending;
    size_t call;
    struct sim_told *told; /* owned */
    size_t told_count, told_capacity;
};

/* What a client asks about the past: see past_calls.h. */
struct sim_past {
    bool pending;
    bool list; /* all versions up to there, not one */
    uint32_t key;
    uint64_t revision;
    size_t call;
};

/* What a client asks of any replica: see aged_calls.h. */
struct sim_aged {
    bool pending;
    uint32_t key, max_age_ms;
    uint64_t min_revision;
    uint64_t seen; /* the highest revision that an answer had */
    uint64_t began_us;
    size_t call;
};

/* When somebody was first told of a revision. */
struct sim_told_at {
    uint64_t us, revision;
};

struct sim_told_by {
    struct sim_told_at *items; /* owned; ascending */
    size_t count, capacity;
};

/* What a client asks about a fact: see vector_calls.h. */
struct sim_vector {
    bool pending;
    enum sw_op op;
    size_t call;
    uint32_t fact;
    bool was_known; /* when it asked, somebody had been told the fact's key */
    uint32_t puts;
    char key[32]; /* of the last put */
};

enum { SIM_MEMORY_COUNT = 10 };
enum sim_memory_known { SIM_MEMORY_ABSENT, SIM_MEMORY_THERE, SIM_MEMORY_MAYBE };

/* What a client does with memories of its own, and what it knows of them: see memory_calls.h. */
struct sim_memory {
    bool pending;
    enum sw_op op;
    size_t call;
    uint32_t life; /* a new agent after each outcome that nobody knows */
    char agent[16];
    enum sim_memory_known known[SIM_MEMORY_COUNT];
    uint32_t source[SIM_MEMORY_COUNT]; /* that it was last said with; SIM_MEMORY_COUNT = none */
    uint32_t count;
    uint32_t slot, from; /* of the call */
    bool cascades;
    bool forgetting; /* a forgetting has more steps to go */
    bool lists;      /* how many there are is not known */
};

enum { SIM_FACT_COUNT = 12 };

struct sim_fact {
    char key[32]; /* "" = nobody was told of one yet */
};

enum { SIM_ITEM_INDEX_COUNT = 4, SIM_ITEM_COUNT = 12, SIM_ITEM_ANSWER_COUNT = 4096 };

/* What all know of an item: see item_calls.h. */
struct sim_item {
    uint32_t generation;
    bool there;
    uint32_t vector, kind;
    uint64_t since; /* since when, by item_clock; UINT64_MAX: its owner writes it */
};

/* What a client does about items. */
struct sim_item_call {
    bool pending;
    bool passing; /* about the index that comes and goes */
    bool aged;
    enum sw_op op;
    size_t call;
    uint32_t index, at;
    uint32_t vector;
    int32_t kind; /* of a search: -1 = any */
    uint32_t k;
    uint32_t bits, lowest; /* of a lowering, and the fewest that were known before it */
    uint64_t began;
    char key[32];
};

struct sim_item_answer {
    uint64_t asked, told; /* hashes; asked 0 = none */
};

/* What a client writes and watches by meaning: see near_calls.h. */
struct sim_near {
    bool pending; /* a write is under way */
    enum sw_op op;
    size_t call;
    uint32_t put; /* its number, if it is one */
    bool watching;
    size_t watch_call;
    uint64_t after;       /* everything up to here was told, but for the gaps */
    struct sim_gap *gaps; /* owned */
    size_t gap_count;
    uint64_t *told; /* owned: revisions, ascending */
    size_t told_count, told_capacity;
};

/* Some client's put of a vector. */
struct sim_near_put {
    uint32_t key, crowd;
    uint64_t revision; /* as acknowledged or told; 0 = nobody knows whether it was done */
};

/* Contexts, each of which tends its blocks in another way: see context_calls.h. */
enum sim_shelf_kind {
    SIM_SHELF_COUNT,
    SIM_SHELF_TIME,
    SIM_SHELF_ALIKE,
    SIM_SHELF_BUDGET,
    SIM_SHELF_DEDUPE,
    SIM_SHELF_UNDO,
    SIM_SHELF_COUNT_OF
};
enum { SIM_TOKEN_MAX = 128, SIM_ANSWER_MAX = 256, SIM_PHRASE_COUNT = 24 };

struct sim_tokens {
    uint64_t words[SIM_TOKEN_MAX / 64];
    uint64_t count, top;
};

struct sim_answer {
    uint64_t revision;
    struct sim_tokens found;
};

struct sim_shelf {
    uint32_t made;                     /* 1: its index is there, 2: it is, 3: its policy is */
    uint64_t revisions[SIM_TOKEN_MAX]; /* of acknowledged appends */
    struct sim_answer answers[SIM_ANSWER_MAX]; /* the last ones */
    uint32_t answer_count, next_answer;
};

/* What a client asks about one. */
struct sim_context_call {
    bool pending;
    enum sw_op op;
    uint32_t kind, stage, phrase;
    size_t call;
};

enum { SIM_TENANT_COUNT = 3 }; /* clients of tenant_calls.c, which the history does not judge */

/* A client of a tenant, or the administrator of all of them. */
struct sim_tenant {
    uint32_t role;
    bool pending;
    enum sw_op op;
    bool foreign;   /* the call is about the other tenant */
    uint32_t whose; /* of the administrator: about this one */
    uint64_t epoch; /* of its rights when the call began */
    uint32_t answered;
};

/* What is surely known of an identity's rights. */
struct sim_rights {
    enum { RIGHTS_UNSURE, RIGHTS_NONE, RIGHTS_ALL } now;
    uint64_t epoch;    /* counts the changes of what is known */
    uint64_t revision; /* of its record; 0 = there is none */
    bool lost;         /* the revision is not known */
};

struct sim_client {
    struct sim_clients *all;
    uint32_t number; /* 1.. */
    struct sw_core *core;
    struct sim_conn conn[SIM_HOST_COUNT_MAX];
    struct sim_running running[SIM_CALLS_AT_ONCE];
    uint32_t open;
    uint32_t calm_ok;
    uint64_t page_after;                /* where the next page of experiences begins */
    uint64_t wake_us;                   /* 0 = none is scheduled */
    uint64_t mod_revision[SIM_KEY_MAX]; /* as last heard */
    uint8_t key[32];
    struct sim_lease lease;
    struct sim_watch watch;
    struct sim_vector vector;
    struct sim_item_call item;
    struct sim_memory memory;
    struct sim_near near;
    struct sim_context_call context;
    struct sim_past past;
    struct sim_aged aged;
    struct sim_tenant tenant;
};

struct sim_clients {
    struct sim_world *world;
    struct sim_history history;
    struct sim_told_by told_by;
    struct sim_client client[SIM_CLIENT_MAX + SIM_TENANT_COUNT];
    uint32_t count; /* those of plan.clients first */
    struct sim_rights rights[SIM_TENANT_COUNT];
    uint64_t next_conn;
    struct sim_fact facts[SIM_FACT_COUNT];
    bool has_index;
    struct sim_item items[SIM_CLIENT_MAX][SIM_ITEM_COUNT]; /* by owner */
    bool item_index[SIM_ITEM_INDEX_COUNT];
    bool item_passing; /* the index that comes and goes is there, as far as is known */
    uint32_t item_bits[SIM_ITEM_INDEX_COUNT]; /* the fewest that are known; 0: none */
    uint64_t item_clock;                      /* counts the writes of items that are over */
    struct sim_item_answer item_answers[SIM_ITEM_ANSWER_COUNT];
    bool has_ring;                  /* the settings of memory_calls.c were acknowledged */
    struct sim_near_put *near_puts; /* owned; by number */
    struct sim_shelf shelves[SIM_SHELF_COUNT_OF];
    uint64_t phrases[SIM_PHRASE_COUNT]; /* token of the block that has it, plus 1; 0 = unknown */
    size_t near_put_count, near_put_capacity;
    bool has_meaning; /* the index of near_calls.c was made */
    enum sim_phase phase;
    uint64_t leases_idle_us; /* when anybody last did something about a lease */
    uint64_t term;           /* the highest that answered anybody */
    uint64_t term_us;        /* and when it first did: while nobody leads, leases stand still */
    uint64_t final_after;
    bool final_cut; /* the last scan did not hold all keys */
};

/* After anything that happened to a client: what it has to say leaves, its next timer is set. */
void sim_client_poke(struct sim_client *client);
/* Asks in a partition of its own, beside the keys that the judge knows: a call whose revision
 * counts, and nothing else of it. `ret_call` is written before an answer may come. */
void sim_client_submit(struct sim_client *client,
                       struct sw_request *request,
                       const char *partition,
                       uint32_t timeout_ms,
                       sw_core_done_fn when_done,
                       size_t *ret_call);
/* Which key it is; SIM_KEY_COUNT = none of ours. */
uint32_t sim_clients_key(struct sw_span key);
/* Of the write that is that call. */
uint16_t sim_clients_depth(uint64_t call);
/* The judge learns of a record, NULL = absent, as of revision `at`. */
void sim_clients_see(struct sim_running *running,
                     uint32_t key,
                     uint64_t at,
                     const struct sw_record *record);
/* client_conn.c: the port of the client core. */
enum sw_err sim_client_send(void *impl, struct sw_node_id node, struct sw_span message);

#endif
