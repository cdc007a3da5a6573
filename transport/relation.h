/* Typed links between two keys of a partition, as they are stored: two keys each, so that both ends
 * find it.
 *
 * | key                                          | value                                         |
 * |----------------------------------------------|-----------------------------------------------|
 * | link/FROM/TYPE/TO                            | "swarm-link 1 SCORE SIZE", a newline, the     |
 * | link-back/TO/TYPE/FROM                       | from key, of SIZE bytes, and the to key       |
 *
 * FROM and TO are the XXH3-128 of the keys in 32 hex digits: keys may have any bytes and any size.
 * A link is one only while both of its ends exist, and did when it was made: each end's
 * create_revision is at most the link's mod_revision. So deleting a key hides its links in the same
 * change, and a key that is made again does not get them back. Pure. */
#ifndef SW_TRANSPORT_RELATION_H
#define SW_TRANSPORT_RELATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"
#include "base/rw.h"

enum {
    SW_LINK_HASH_SIZE = 32, /* hex digits */
    SW_LINK_KEY_SIZE_MAX = 16 + 2 * SW_LINK_HASH_SIZE + SW_LINK_TYPE_SIZE_MAX,
    SW_LINK_HEAD_SIZE_MAX = 48,
    SW_LINK_SCORE_MAX = 1000,
};

/* The link of a memory to what it was made from. */
#define SW_LINK_DERIVED "derived_from"

enum sw_link_side {
    SW_LINK_FORTH, /* link/: those that begin at a key */
    SW_LINK_BACK,  /* link-back/: those that end there */
};

/* Views. */
struct sw_link_pair {
    struct sw_span from;
    struct sw_span to;
    uint32_t score; /* thousandths */
};

struct sw_link_hash {
    char digits[SW_LINK_HASH_SIZE];
};

struct sw_link_key {
    uint32_t size;
    char data[SW_LINK_KEY_SIZE_MAX];
};

static inline struct sw_span sw_link_key_span(const struct sw_link_key *key)
{
    return sw_span_of(key->data, key->size);
}

struct sw_link_hash sw_link_hash_of(struct sw_span key);
/* Letters, digits, "_", "-" and ".". */
enum sw_err sw_link_type_validate(struct sw_span type, char ret_why[SW_WHY_SIZE]) SW_MUST_CHECK;
void sw_link_key_of(enum sw_link_side side,
                    const struct sw_link_hash *here,
                    struct sw_span type,
                    const struct sw_link_hash *there,
                    struct sw_link_key *ret_key);
/* The beginning of the keys of all links of a key, of one type unless that is empty. */
void sw_link_prefix(enum sw_link_side side,
                    const struct sw_link_hash *here,
                    struct sw_span type,
                    struct sw_link_key *ret_key);
/* The parts of a link's key; false if it is none. `ret_type` is a view. */
bool sw_link_key_read(struct sw_span key,
                      enum sw_link_side *ret_side,
                      struct sw_link_hash *ret_here,
                      struct sw_span *ret_type,
                      struct sw_link_hash *ret_there);

void sw_link_write(const struct sw_link_pair *link, struct sw_buf *out);
bool sw_link_read(struct sw_span value, struct sw_link_pair *ret_link);

#endif
