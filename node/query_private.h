/* What the parts of a query share: the page that is being filled.
 *
 * query.c reads the present, query_past.c what was, query_watch.c what changed,
 * query_memory.c who remembers. */
#ifndef SW_NODE_QUERY_PRIVATE_H
#define SW_NODE_QUERY_PRIVATE_H

#include "node/history.h"
#include "node/query.h"

struct sw__page {
    const struct sw_request *request;
    struct sw_buf *records;
    enum sw_table table;
    struct sw_key prefix; /* of the partition */
    struct sw_key from;
    struct sw_key bound; /* excluded; size 0 = none */
    uint32_t count;
    struct sw_buf depths; /* owned, of a watch: a byte for each record, if one is not 0 */
    bool more;
    uint64_t walked_to; /* of a list of leases that was cut: the last one it passed */
    uint64_t upto;      /* of a watch: everything up to this revision is in the page */
    uint64_t floor;     /* of COMPACTED: the oldest revision that could be read */
};

struct sw_place sw__page_place(const struct sw__page *page);
bool sw__page_is_reverse(const struct sw__page *page);
bool sw__page_in_range(const struct sw__page *page, struct sw_span key);
/* True if no record fits any more; sets `more` if one is left out by that. */
bool sw__page_is_full(struct sw__page *page);
/* Adds the record, or sets `more`. */
void sw__page_add(struct sw__page *page, struct sw_record *record);
/* Where the request's scan begins and ends. */
void sw__page_range(struct sw__page *page);
struct sw_record sw__record_of_version(struct sw_span key, const struct sw_version *version);

/* query_past.c: GET, MULTI_GET and SCAN of the past, and the versions of a key. */
enum sw_err sw__past_read(struct sw__page *page,
                          const struct sw_state *state,
                          struct sw_store *store,
                          enum sw_err *ret_answer);
enum sw_err
sw__past_list(struct sw__page *page, const struct sw_state *state, struct sw_store *store);

/* query_memory.c */
enum sw_err sw__memory_agents(struct sw__page *page, struct sw_store *store);
void sw__index_places(struct sw__page *page, const struct sw_state *state);

/* query_watch.c */
enum sw_err sw__watch_read(struct sw__page *page,
                           const struct sw_state *state,
                           struct sw_store *store,
                           enum sw_err *ret_answer);
/* Behind the records of a page that has some of a cascade, how deep each of them is: a byte. */
void sw__watch_depths(struct sw__page *page);

/* query_tune.c: an INDEX_STATUS. */
enum sw_err sw__tune_read(const struct sw_request *request,
                          const struct sw_state *state,
                          struct sw_buf *out,
                          struct sw_reply *ret_reply);

/* query_verify.c: a part of an INDEX_VERIFY. */
enum sw_err sw__vectors_verify(struct sw_vectors_index *index,
                               struct sw_store *store,
                               struct sw_span from,
                               struct sw_buf *out,
                               struct sw_vectors_answer *ret_answer) SW_MUST_CHECK;

/* query_near.c: the same with a question. */
enum sw_err sw__near_read(struct sw__page *page,
                          const struct sw_state *state,
                          struct sw_store *store,
                          enum sw_err *ret_answer);

#endif
