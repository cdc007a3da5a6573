/* The changes of keys that a group keeps, for watchers and for reads of the past: part of the
 * replicated state.
 *
 * Each put and each delete leaves a record in SW_TABLE_CHANGE, filed by its revision (a transaction
 * and the end of a lease leave several at one). It holds what the key was before: what the key
 * became is in SW_TABLE_KV, or in the record of the change that came next. So each value is in the
 * state once, and old values lie in the order in which they go.
 *
 * | size | field                                                                     |
 * |------|---------------------------------------------------------------------------|
 * | 1    | format: 2, 3 with a depth, or 4 with a depth, which may be 0, and vectors   |
 * | 1    | flags: 1 = the key was deleted, 2 = it existed before, 4 = counted for    |
 * |      | its namespace                                                             |
 * | 1    | formats 3, 4: depth of the cascade that the change is a part of           |
 * | 2, n | tenant; then namespace, partition and key in the same form                |
 * | 8    | leader time of the change                                                 |
 * | 8    | serial: how many kept changes of the key there were, with this one        |
 * | 1, n | back: 10 bytes each, at most SW_CHANGE_LEVEL_MAX: see node/history.h       |
 * | 4, n | format 4: the vectors that indexes lost by the change (below)             |
 * | 8 x 5| if it existed: create revision, mod revision, version, leader time, lease |
 * | ...  | and its value                                                             |
 *
 * Format 4 is written where an index lost a vector of the key: it was deleted, or put with another
 * one. Of each vector: number of the index (8), id (8) and context (4) of the
 * entry, the entry's record (4, n: SW_INDEX_ENTRY of node/vectors.h), the library's row (4, n).
 *
 * Format 1, written under entry rules 2, has the value that the key became:
 *
 * | size | field                                                          |
 * |------|----------------------------------------------------------------|
 * | 1    | format, 1                                                      |
 * | 2, n | tenant; then namespace, partition and key in the same form     |
 * | 8    | create revision; 0 = the key was deleted, and so are the next  |
 * | 8    | version                                                        |
 * | 8    | leader time of the change                                      |
 * | 8    | lease, 0 = none                                                |
 * | ...  | value                                                          |
 */
#ifndef SW_NODE_CHANGE_LOG_H
#define SW_NODE_CHANGE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/rw.h"
#include "storage/keys.h"

enum {
    SW_CHANGE_FORMAT_VALUES = 1,
    SW_CHANGE_FORMAT = 2,
    SW_CHANGE_FORMAT_DEPTH = 3,   /* the same with a depth */
    SW_CHANGE_FORMAT_VECTORS = 4, /* with what indexes lost */
    SW_CHANGE_LEVEL_MAX = 20,     /* a key with more than 2^20 kept changes has longer ways back */
};

/* Where the record of a change lies. */
struct sw_change_at {
    uint64_t revision; /* 0 = nowhere */
    uint16_t number;
};

/* A key as it was, or is. */
struct sw_version {
    uint64_t create_revision, mod_revision, version, time_ms, lease; /* version 0 = did not exist */
    struct sw_span value;
};

/* Views into the stored bytes. */
struct sw_change_record {
    uint8_t format; /* SW_CHANGE_FORMAT also with a depth, and with vectors */
    bool deleted, counted;
    uint8_t depth;
    struct sw_place place;
    struct sw_span key;
    uint64_t time_ms;
    struct sw_version became; /* format 1; mod_revision: 0, it is the change's */
    struct sw_version before; /* format 2 */
    uint64_t serial;          /* format 2, as is the rest */
    struct sw_change_at back[SW_CHANGE_LEVEL_MAX];
    uint32_t back_count;
    struct sw_span vectors; /* one after the other */
};

/* What an index had of the key, before the change took it away. */
struct sw_change_vector {
    uint64_t number; /* of the index */
    uint64_t id;     /* of the entry: the revision that put it */
    uint32_t context;
    struct sw_span entry, row;
};

void sw_change_vector_encode(const struct sw_change_vector *vector, struct sw_buf *out);
/* Fails the reader if the bytes are none. */
void sw_change_vector_read(struct sw_reader *in, struct sw_change_vector *ret_vector);

/* In the form that `record` names. */
void sw_change_record_encode(const struct sw_change_record *record, struct sw_buf *out);
/* CORRUPT if the bytes are none of ours, NEWER_FORMAT if their format is. */
enum sw_err sw_change_record_decode(struct sw_span bytes, struct sw_change_record *ret_record)
    SW_MUST_CHECK;

/* The newest kept changes of a key, see node/history.h: part of its record while it exists, and of
 * one in SW_TABLE_HISTORY while it does not.
 *
 * | size | field                                               |
 * |------|-----------------------------------------------------|
 * | 8    | serial of the newest change, 0 = none is kept       |
 * | 1, n | the last change of each power of two: 10 bytes each |
 */
struct sw_history_head {
    uint64_t serial;
    struct sw_change_at newest[SW_CHANGE_LEVEL_MAX];
    uint32_t level_count;
};

void sw_history_head_encode(const struct sw_history_head *head, struct sw_buf *out);
/* Fails the reader if the bytes are none. */
struct sw_history_head sw_history_head_read(struct sw_reader *in);

#endif
