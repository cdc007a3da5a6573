/* The changes of keys that a group keeps for watchers: part of the replicated state.
 *
 * Each put and each delete leaves a record in SW_TABLE_CHANGE, filed by its revision (a transaction
 * and the end of a lease leave several at one). The oldest go when there are too many, in apply,
 * so every replica keeps the same ones, and a watcher goes on where it was on any of them.
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

#include <stdint.h>

#include "base/err.h"
#include "base/rw.h"
#include "storage/keys.h"

enum { SW_CHANGE_FORMAT = 1 };

/* Views into the stored bytes. */
struct sw_change_record {
    struct sw_place place;
    struct sw_span key;
    uint64_t create_revision, version, time_ms, lease; /* version 0 = deleted */
    struct sw_span value;
};

void sw_change_record_encode(const struct sw_change_record *record, struct sw_buf *out);
/* CORRUPT if the bytes are none of ours, NEWER_FORMAT if their format is. */
enum sw_err sw_change_record_decode(struct sw_span bytes, struct sw_change_record *ret_record)
    SW_MUST_CHECK;

#endif
