/* libswarm: memories of agents, recalled by meaning, use and age, and typed links between keys. A
 * part of swarm.h, which includes it. */
#ifndef SWARM_MEMORY_H
#define SWARM_MEMORY_H

#include <swarm.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- memories ------------------------------------------------------------------------------ */

/* What an agent learned, and others recall by meaning, use and age. A memory is a key of the scope,
 * memory/AGENT/HASH: watches, history, quotas, rights and snapshots see it like any other. An agent
 * has a ring: what is worth least leaves when it is full (swarm_memory_settings). In all of these
 * `ret_result` may be NULL; on errors before anything was sent it is set to NULL and the sentence
 * goes to `ret_why` (may be NULL). */
struct swarm_memory {
    const char *index; /* NULL, and no vector: no search finds it */
    const char *agent; /* 1 to 64 bytes, printable ASCII without spaces and slashes */
    const char *task;  /* 1 to 128 bytes, printable ASCII without spaces; so are tags */
    bool success;
    uint32_t utility;        /* thousandths; 0 = 700 of a success, 200 of a failure */
    const char *const *tags; /* at most 16 of 1 to 64 bytes */
    size_t tag_count;
    struct swarm_slice vector;
    struct swarm_slice content;        /* 1 to 262144 bytes */
    double novelty;                    /* over 0: only if nothing in the index is that near */
    uint64_t lease;                    /* the memory ends with it; 0 = it does not end */
    uint32_t importance;               /* thousandths; 0 = 500, 700 of what has sources */
    struct swarm_slice meta;           /* one line of text, at most 1024 bytes */
    const struct swarm_slice *sources; /* keys of the scope that it is derived from, at most 32 */
    size_t source_count;
    bool archive_sources; /* those that are memories: kept, and found by no search any more */
};

/* One write, one change. The same content of the same agent about the same task is the same memory,
 * so saying it twice changes its vector, use, tags and sources and makes no second one. The
 * result's record is its key, its value how many others left the ring. SWARM_EXISTS: something is
 * within `novelty`, and is the result's record. SWARM_RING_FULL: it would not fit without more of
 * them leaving than one write may let go. SWARM_SOURCE_GONE: the result's value is the number of
 * the source, from 1. */
SWARM_API enum swarm_status swarm_remember(struct swarm_client *client,
                                           struct swarm_scope scope,
                                           const struct swarm_memory *memory,
                                           struct swarm_result **ret_result,
                                           char *ret_why,
                                           size_t why_size);

enum swarm_memory_use {
    SWARM_MEMORY_USED = 1,      /* importance a fifth higher, and it fades from now on */
    SWARM_MEMORY_SUCCEEDED = 2, /* utility 200 thousandths higher */
    SWARM_MEMORY_FAILED = 3,    /* utility 300 thousandths lower */
    SWARM_MEMORY_ARCHIVE = 4,   /* out of its index; say it again to have it back */
};

SWARM_API enum swarm_status swarm_memory_use(struct swarm_client *client,
                                             struct swarm_scope scope,
                                             struct swarm_slice key,
                                             enum swarm_memory_use how,
                                             struct swarm_result **ret_result,
                                             char *ret_why,
                                             size_t why_size);
/* Deletes it; `cascade`: and whatever derives from it, at any depth, in steps. From the first step
 * on none of them is recalled, listed or a source of anything, and when it returns SWARM_OK none is
 * left. After an error: again. */
SWARM_API enum swarm_status swarm_memory_forget(struct swarm_client *client,
                                                struct swarm_scope scope,
                                                struct swarm_slice key,
                                                bool cascade,
                                                struct swarm_result **ret_result,
                                                char *ret_why,
                                                size_t why_size);

/* Of a partition. Defaults: 1000 memories, 64 MiB, 0. */
struct swarm_memory_settings {
    uint64_t count_max; /* memories of an agent */
    uint64_t size_max;  /* bytes of their keys and values */
    uint64_t floor;     /* memories whose importance has faded below are let go; 0 = none */
};

SWARM_API enum swarm_status swarm_memory_settings_get(struct swarm_client *client,
                                                      struct swarm_scope scope,
                                                      struct swarm_memory_settings *ret_settings,
                                                      char *ret_why,
                                                      size_t why_size);
SWARM_API enum swarm_status swarm_memory_settings_put(struct swarm_client *client,
                                                      struct swarm_scope scope,
                                                      const struct swarm_memory_settings *settings,
                                                      struct swarm_result **ret_result,
                                                      char *ret_why,
                                                      size_t why_size);
/* Walks over the partition in steps and lets go what faded below the floor, what is too much for a
 * ring that was made smaller, and what is left of links whose ends are gone. `ret_gone` (may be
 * NULL): keys that were deleted. Each write lets some of that go by itself. */
SWARM_API enum swarm_status swarm_memory_tend(struct swarm_client *client,
                                              struct swarm_scope scope,
                                              uint64_t *ret_gone,
                                              char *ret_why,
                                              size_t why_size);

struct swarm_memory_agent {
    char agent[65];
    uint64_t count; /* of its memories */
    uint64_t size;  /* bytes of their keys and values */
};

/* Agents that have memories, in order. Borrows nothing: free() it. */
SWARM_API enum swarm_status swarm_memory_agents(struct swarm_client *client,
                                                struct swarm_scope scope,
                                                struct swarm_memory_agent **ret_agents,
                                                size_t *ret_count,
                                                char *ret_why,
                                                size_t why_size);

/* ---- recall ---- Memories near the vector, ordered by a score in thousandths:
 *
 *     score = (ws * similarity + wu * utility + wr * recency) / (ws + wu + wr)
 *     similarity = 1000 - 500 * distance, at least 0      recency = 1000, halved every half-life
 *
 * in integers, rounded down. Ages are counted from the newest of all candidates, by the swarm's
 * time; 4 k candidates (at least 32) of each partition are looked at, and up to 1024 as long as
 * fewer than k of them are wanted. Equal scores: nearer first, then by key, then by partition.
 * Memories that are archived, are being forgotten or have faded below the floor are left out. */
struct swarm_recollection {
    const char *index;
    struct swarm_slice vector;
    uint32_t k;        /* 0 = 10 */
    const char *agent; /* only of this agent; NULL = of all; so are the next */
    const char *task;
    const char *tag;
    uint32_t utility_min;
    bool successes_only;
    uint32_t weight_similarity, weight_utility, weight_recency; /* all 0 = 700, 200, 100 */
    uint64_t half_life_ms;                                      /* 0 = seven days */
    uint32_t recall_permille;                                   /* see swarm_question */
    uint32_t importance_min;                                    /* of what is left of it */
    const char *follow;    /* also what links of this type lead to from what is found; NULL = no */
    uint32_t follow_depth; /* 0 = 1; at most 8 */
    /* Asked at the same time, each at a revision of its own: see swarm_memories_part. Memories of
     * equal content are one, the first. */
    const char *const *partitions; /* instead of the scope's one */
    size_t partition_count;        /* at most 1024 */
    bool all_partitions;           /* all of the namespace that have such an index */
};

enum { SWARM_MEMORY_TAGS_MAX = 16, SWARM_MEMORY_SOURCES_MAX = 32 };
enum swarm_tier { SWARM_TIER_SHORT, SWARM_TIER_WORKING, SWARM_TIER_LONG };

struct swarm_memory_source {
    struct swarm_slice key;
    uint64_t revision; /* as it was when it was used: its mod revision */
};

struct swarm_recalled {
    struct swarm_slice key;
    struct swarm_slice agent, task; /* empty: somebody put it there who did not remember */
    bool success;
    uint32_t utility;
    struct swarm_slice tags[SWARM_MEMORY_TAGS_MAX];
    size_t tag_count;
    struct swarm_slice content;
    double distance; /* recalled: from the vector */
    uint32_t score;
    uint64_t revision; /* of its last change */
    uint64_t time_ms;
    uint32_t importance; /* what is left of it, and its tier: see swarm_memories_time */
    enum swarm_tier tier;
    bool is_archived;
    bool is_gone; /* explained: there is no such key (any more) */
    bool is_cut;  /* explained, followed: what is behind it was not looked at */
    uint64_t uses;
    uint64_t born_ms;
    uint64_t touched_ms;       /* when it was last said or used: it fades since then */
    uint64_t created;          /* the revision that made it */
    struct swarm_slice author; /* who wrote it last: BLAKE2b-128 of its public key, in hex */
    uint64_t session;
    struct swarm_slice meta;
    const struct swarm_memory_source *sources;
    size_t source_count;
    const char *partition;   /* of a recall over several; else NULL */
    int32_t depth;           /* 0 = itself; explained: below 0 a source, above it derived */
    struct swarm_slice from; /* of another depth: the key whose link led here */
    uint32_t link_score;     /* of that link */
};

struct swarm_memories;

SWARM_API enum swarm_status swarm_recall(struct swarm_client *client,
                                         struct swarm_scope scope,
                                         const struct swarm_recollection *recollection,
                                         struct swarm_memories **ret_memories,
                                         char *ret_why,
                                         size_t why_size);
/* One memory. SWARM_NOT_FOUND; SWARM_WRONG_TYPE: the key has something else. */
SWARM_API enum swarm_status swarm_memory_get(struct swarm_client *client,
                                             struct swarm_scope scope,
                                             struct swarm_slice key,
                                             struct swarm_memories **ret_memories,
                                             char *ret_why,
                                             size_t why_size);
/* Memories in the order of their keys, of one agent or (NULL) of all, behind `after`, at most
 * `limit` (0 = 1000); swarm_memories_more says whether there are more. */
SWARM_API enum swarm_status swarm_memory_list(struct swarm_client *client,
                                              struct swarm_scope scope,
                                              const char *agent,
                                              struct swarm_slice after,
                                              uint32_t limit,
                                              struct swarm_memories **ret_memories,
                                              char *ret_why,
                                              size_t why_size);
/* Where a key comes from and what came of it: itself, then sources, then what is derived, nearest
 * first, at most `limit` (0 = 1000, at most 4096). Those with `is_cut` were not looked behind: ask
 * for them. A key need not be a memory, and may be gone. */
SWARM_API enum swarm_status swarm_memory_explain(struct swarm_client *client,
                                                 struct swarm_scope scope,
                                                 struct swarm_slice key,
                                                 uint32_t limit,
                                                 struct swarm_memories **ret_memories,
                                                 char *ret_why,
                                                 size_t why_size);
SWARM_API size_t swarm_memories_count(const struct swarm_memories *memories);
/* Valid until swarm_memories_free; NULL behind the last. */
SWARM_API const struct swarm_recalled *swarm_memories_at(const struct swarm_memories *memories,
                                                         size_t at);
SWARM_API bool swarm_memories_more(const struct swarm_memories *memories);
/* The moment, of the swarm's time, of which importance and tier are told: the newest change among
 * all that was looked at. */
SWARM_API uint64_t swarm_memories_time(const struct swarm_memories *memories);
/* The search behind it, the first if there were several: its revision, and in its detail how it was
 * found. NULL: none was answered. */
SWARM_API const struct swarm_result *swarm_memories_result(const struct swarm_memories *memories);

/* A partition that was asked. */
struct swarm_memories_part {
    const char *partition;
    enum swarm_status status; /* SWARM_OK: it answered */
    uint64_t revision;
    size_t count; /* of candidates */
    const char *detail;
};

/* How many partitions were asked, and answered: SWARM_OK says that one did. */
SWARM_API size_t swarm_memories_asked(const struct swarm_memories *memories);
SWARM_API size_t swarm_memories_answered(const struct swarm_memories *memories);
SWARM_API struct swarm_memories_part swarm_memories_part(const struct swarm_memories *memories,
                                                         size_t at);
SWARM_API void swarm_memories_free(struct swarm_memories *memories); /* accepts NULL */

/* ---- links --------------------------------------------------------------------------------- */

/* A typed link from one key to another of the same partition, found from both ends. Types are 1 to
 * 32 letters, digits, "_", "-" and "."; the type derived_from is that of memories and their
 * sources, and written by swarm_remember alone. A link is there as long as both of its keys are:
 * deleting one hides it in the same change, and a key that is made again has none. */
struct swarm_link {
    struct swarm_slice from, to;
    struct swarm_slice type;
    uint32_t score; /* thousandths */
    uint32_t depth; /* 1 = at the key that was asked for */
    uint64_t revision;
};

/* SWARM_NOT_FOUND: one of the keys does not exist. */
SWARM_API enum swarm_status swarm_link_put(struct swarm_client *client,
                                           struct swarm_scope scope,
                                           const struct swarm_link *link,
                                           struct swarm_result **ret_result,
                                           char *ret_why,
                                           size_t why_size);
/* The result's value is 1 if there was one. */
SWARM_API enum swarm_status swarm_link_delete(struct swarm_client *client,
                                              struct swarm_scope scope,
                                              const struct swarm_link *link,
                                              struct swarm_result **ret_result,
                                              char *ret_why,
                                              size_t why_size);

struct swarm_link_query {
    struct swarm_slice key;
    const char *type; /* NULL = all */
    bool backward;    /* links that end at the key, else those that begin there */
    uint32_t depth;   /* follow them so far; 0 = 1, at most 8 */
    uint32_t limit;   /* 0 = 1000, at most 4096 */
};

struct swarm_links;

/* Nearest first; each key is followed once. */
SWARM_API enum swarm_status swarm_link_follow(struct swarm_client *client,
                                              struct swarm_scope scope,
                                              const struct swarm_link_query *query,
                                              struct swarm_links **ret_links,
                                              char *ret_why,
                                              size_t why_size);
SWARM_API size_t swarm_links_count(const struct swarm_links *links);
SWARM_API const struct swarm_link *swarm_links_at(const struct swarm_links *links, size_t at);
SWARM_API bool swarm_links_more(const struct swarm_links *links); /* than the limit */
SWARM_API void swarm_links_free(struct swarm_links *links);       /* accepts NULL */

#ifdef __cplusplus
}
#endif

#endif
