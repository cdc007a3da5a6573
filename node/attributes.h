/* What conditions of questions are held against, in memory: the attributes of an index's entries.
 *
 * A question with conditions looks at many more entries than it finds, and asking the store for
 * each costs a hundred times what its code does. An entry's attributes never change, since a new
 * vector is a new entry with an id of its own; so nothing here can be old, and whoever reads may
 * keep it from one state to the next.
 *
 * Names are numbers here, so that attributes nobody asks for are passed over without a look at
 * their text, and equal attributes are kept once:
 *
 *     set:        u8 count, attributes
 *     attribute:  u16 name, u8 kind, then i64 number or u16 size and text */
#ifndef SW_NODE_ATTRIBUTES_H
#define SW_NODE_ATTRIBUTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rw.h"
#include "transport/vector.h"

#define SW_ATTRIBUTES_NO_SET UINT32_MAX

enum { SW_ATTRIBUTES_NAME_COUNT_MAX = 1024 };

struct sw_attributes_slot;
struct sw_attributes_part;

/* Texts without doubles, by number. */
struct sw_attributes_texts {
    struct sw_attributes_part *parts; /* owned */
    uint32_t count;
    uint32_t capacity;
    uint32_t *places; /* owned: open addressing by hash; number plus 1 */
    uint32_t place_capacity;
    struct sw_buf bytes; /* owned: one after the other */
};

/* Zero-initialised is empty. */
struct sw_attributes {
    struct sw_attributes_slot *slots; /* owned: open addressing by id */
    uint32_t slot_count;
    uint32_t slot_capacity;
    struct sw_attributes_texts names;
    struct sw_attributes_texts sets;
    struct sw_buf one; /* owned: scratch */
};

/* Conditions, as they are held against the sets of one index; made anew for each search. */
struct sw_attributes_question {
    const struct sw_condition *conditions; /* borrowed */
    uint32_t condition_count;
    uint32_t all;                             /* a bit for each clause */
    uint32_t clauses[SW_CONDITION_COUNT_MAX]; /* by condition: the bit of its clause */
    uint32_t *wanted; /* owned, by name: a bit for each condition that asks for it */
    uint32_t name_count;
};

void sw_attributes_release(struct sw_attributes *attributes); /* leaves it empty */
/* Bytes of memory that it holds. */
size_t sw_attributes_size(const struct sw_attributes *attributes);
/* Where the sets of up to 32 entries are; SW_ATTRIBUTES_NO_SET for those that were not added. */
void sw_attributes_find(const struct sw_attributes *attributes,
                        const uint64_t ids[],
                        uint32_t count,
                        uint32_t ret_sets[]);
/* Adds an entry. False, and it was not, if that could make it larger than `size_max`. */
bool sw_attributes_add(struct sw_attributes *attributes,
                       uint64_t id,
                       const struct sw_attribute *all,
                       uint32_t count,
                       size_t size_max);

void sw_attributes_ask(const struct sw_condition *conditions,
                       uint32_t count,
                       struct sw_attributes_question *ret_question);
void sw_attributes_question_release(struct sw_attributes_question *question);
/* What sw_conditions_hold says of the set. */
bool sw_attributes_hold(const struct sw_attributes *attributes,
                        struct sw_attributes_question *question,
                        uint32_t set);

#endif
