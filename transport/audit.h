/* Records of the audit log: what was done to the swarm, by whom, and who was refused.
 *
 * A note says what happened; the leader makes it, or apply does. A record is a note with its place
 * in the log: a number, the leader's time, and a chain of hashes, so that whoever has seen the head
 * once can tell whether anything before it was changed, dropped or inserted.
 *
 * | size | field of a note                                                                     |
 * |------|-------------------------------------------------------------------------------------|
 * | 1    | author: flags, as in an entry                                                       |
 * | 16   | author: identity, zero = the node itself                                            |
 * | 4    | outcome: 0, or the error's number                                                   |
 * | 4    | count: how often, 1 or more                                                         |
 * | 2, n | address of the client, empty = unknown                                              |
 * | 2, n | action                                                                              |
 * | 2, n | target                                                                              |
 *
 * | offset | size | field of a record                                                          |
 * |--------|------|----------------------------------------------------------------------------|
 * | 0      | 1    | format, 1                                                                  |
 * | 1      | 8    | number, from 1                                                             |
 * | 9      | 8    | leader time, ms since 1970                                                 |
 * | 17     | 32   | hash of the record before; zero for the first                              |
 * | 49     | ...  | note                                                                       |
 * | end-32 | 32   | BLAKE2b-256 of everything before                                           |
 */
#ifndef SW_TRANSPORT_AUDIT_H
#define SW_TRANSPORT_AUDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"
#include "base/rw.h"
#include "base/span.h"
#include "transport/proto.h"

enum {
    SW_AUDIT_FORMAT = 1,
    SW_AUDIT_HASH_SIZE = 32,
    SW_AUDIT_AUTHOR_SIZE = 16,
    SW_AUDIT_NOTE_SIZE_MAX = 1 + SW_AUDIT_AUTHOR_SIZE + 8 + 6 + SW_AUDIT_ADDRESS_SIZE_MAX +
                             SW_AUDIT_ACTION_SIZE_MAX + SW_AUDIT_TARGET_SIZE_MAX,
};

/* Spans are views. */
struct sw_audit_note {
    uint8_t flags;
    uint8_t author[SW_AUDIT_AUTHOR_SIZE];
    uint32_t outcome;
    uint32_t count;
    struct sw_span address, action, target; /* printable ASCII */
};

struct sw_audit_record {
    uint64_t number;
    uint64_t time_ms;
    uint8_t previous[SW_AUDIT_HASH_SIZE];
    uint8_t hash[SW_AUDIT_HASH_SIZE];
    struct sw_audit_note note;
};

void sw_audit_note_encode(const struct sw_audit_note *note, struct sw_buf *out);
enum sw_err sw_audit_note_decode(struct sw_span bytes, struct sw_audit_note *ret_note)
    SW_MUST_CHECK;

/* Appends the record behind the one with hash `record->previous`; sets `record->hash`. */
void sw_audit_record_encode(struct sw_audit_record *record, struct sw_buf *out);
/* CORRUPT also if the hash is not that of the bytes; NEWER_FORMAT as everywhere. */
enum sw_err sw_audit_record_decode(struct sw_span bytes, struct sw_audit_record *ret_record)
    SW_MUST_CHECK;
/* May `next` stand right behind `record`? */
bool sw_audit_follows(const struct sw_audit_record *record, const struct sw_audit_record *next);

/* What a request is about, in words: "quota acme", "acme/notes/p", "node 3". Written to `out`, cut
 * there, '?' for what is not printable. */
struct sw_span sw_audit_target(const struct sw_request *request,
                               uint8_t out[SW_AUDIT_TARGET_SIZE_MAX]);

#endif
