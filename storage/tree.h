/* A persistent ordered map: a copy of a whole tree costs one reference count.
 *
 * A treap whose nodes are shared between versions and copied only when a version changes a node
 * that another one still holds. The twin of the store uses it for transactions, readers and
 * crashes: commit, abort and undo become the choice of a root. A node's priority is a hash of its
 * key, so the shape depends on the content alone: never on history, a pointer or a random source.
 *
 * Records are immutable (but for a test that flips a bit on purpose) and counted too. Pure; one
 * thread. Aborts when out of memory. */
#ifndef SW_STORAGE_TREE_H
#define SW_STORAGE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct sw_tree_record {
    uint32_t refs;
    uint32_t key_size;
    size_t value_size;
    uint64_t seal;   /* of the user, opaque here */
    uint8_t bytes[]; /* key, then value */
};

struct sw_tree; /* a node; a root stands for its tree, and NULL for an empty one */

enum sw_tree_mode { SW_TREE_GE, SW_TREE_GT, SW_TREE_LE, SW_TREE_LT };

/* Copies key and value; the caller owns the one reference. */
struct sw_tree_record *sw_tree_record_new(struct sw_span key, struct sw_span value, uint64_t seal);
struct sw_tree_record *sw_tree_record_ref(struct sw_tree_record *record); /* accepts NULL */
void sw_tree_record_unref(struct sw_tree_record *record);                 /* accepts NULL */

static inline struct sw_span sw_tree_record_key(const struct sw_tree_record *record)
{
    return sw_span_of(record->bytes, record->key_size);
}

static inline struct sw_span sw_tree_record_value(const struct sw_tree_record *record)
{
    return sw_span_of(record->bytes + record->key_size, record->value_size);
}

/* A further version that has the same content; both change independently from here on. */
struct sw_tree *sw_tree_ref(struct sw_tree *root);
void sw_tree_unref(struct sw_tree *root);

/* Borrowed from the tree; NULL if absent. */
struct sw_tree_record *sw_tree_find(const struct sw_tree *root, struct sw_span key);
/* The nearest record on that side of `key`; borrowed; NULL at the end. */
struct sw_tree_record *
sw_tree_seek(const struct sw_tree *root, struct sw_span key, enum sw_tree_mode mode);
/* The first or last record; borrowed; NULL if empty. */
struct sw_tree_record *sw_tree_edge(const struct sw_tree *root, bool last);

/* Puts `record` in, in the place of one with the same key; true if there was one. Takes a reference
 * of its own. */
bool sw_tree_set(struct sw_tree **root, struct sw_tree_record *record);
/* True if it was there. */
bool sw_tree_delete(struct sw_tree **root, struct sw_span key);

/* Order, heap shape and counts hold in the whole tree; for tests. */
bool sw_tree_validate(const struct sw_tree *root);

#endif
