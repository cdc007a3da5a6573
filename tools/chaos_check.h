/* What may be concluded at once, with a few numbers a key, about registers under writes and reads.
 *
 * Revisions order all changes, so what a client learned can never be unlearned: a read that begins
 * after somebody knew revision r of its key must see r or a newer one, and a write that begins then
 * must get a newer one. Sound, not complete: swarm-check finds more in the recorded history. */
#ifndef SW_TOOLS_CHAOS_CHECK_H
#define SW_TOOLS_CHAOS_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"

enum { SW_CHAOS_KEYS_MAX = 1024 };

struct sw_chaos_check {
    struct {
        uint64_t revision; /* the newest that is known: acknowledged, or read; 0 = none */
        uint64_t value;
    } keys[SW_CHAOS_KEYS_MAX];
    uint64_t lost;           /* reads that miss the key, or see what is older than what was known */
    uint64_t wrong;          /* a value that is not the one of its revision */
    uint64_t back;           /* writes whose revision is not newer than what was known */
    char first[SW_WHY_SIZE]; /* the first of them, for people; "" = none */
};

/* What is known now: to be taken when an operation begins, and given back when it is over. */
uint64_t sw_chaos_check_floor(const struct sw_chaos_check *check, size_t key);
void sw_chaos_check_wrote(
    struct sw_chaos_check *check, size_t key, uint64_t floor, uint64_t value, uint64_t revision);
/* Revision 0: the key is missing. Value 0: the bytes are none that we write. */
void sw_chaos_check_read(
    struct sw_chaos_check *check, size_t key, uint64_t floor, uint64_t value, uint64_t revision);
bool sw_chaos_check_holds(const struct sw_chaos_check *check);

#endif
