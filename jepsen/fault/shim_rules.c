/* Which call is struck: the counters of the control page, shared with the harness. */
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "jepsen/fault/shim.h"

/* Takes one off a counter that stops at 0 and, as for ever, never moves. False if it was 0.
 * NOLINTNEXTLINE(readability-non-const-parameter): the builtin writes through it */
static bool count_down(uint64_t *counter)
{
    uint64_t value = __atomic_load_n(counter, __ATOMIC_ACQUIRE);

    while (value != 0 && value != SW_FAULT_FOREVER) {
        if (__atomic_compare_exchange_n(
                counter, &value, value - 1, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
            return true;
        }
    }
    return value != 0;
}

bool sw_shim_struck(enum sw_fault_rule_id id, uint32_t class)
{
    struct sw_fault_page *page = sw_shim_page();
    struct sw_fault_rule *rule;

    if (page == NULL) {
        return false;
    }
    rule = &page->rules[id];
    if (__atomic_load_n(&rule->times, __ATOMIC_ACQUIRE) == 0 || (rule->files & class) == 0) {
        return false;
    }
    if (count_down(&rule->skip) || !count_down(&rule->times)) {
        return false;
    }
    (void)__atomic_add_fetch(&rule->hits, 1, __ATOMIC_ACQ_REL);
    return true;
}

uint64_t sw_shim_value(enum sw_fault_rule_id id)
{
    return __atomic_load_n(&sw_shim_page()->rules[id].value, __ATOMIC_ACQUIRE);
}

int sw_shim_error(enum sw_fault_rule_id id)
{
    return sw_shim_page()->rules[id].error;
}

/* --- room on the disk ------------------------------------------------------------------------- */

static struct sw_fault_rule *space_rule(uint32_t class)
{
    struct sw_fault_page *page = sw_shim_page();
    struct sw_fault_rule *rule = page == NULL ? NULL : &page->rules[SW_FAULT_SPACE];

    if (rule == NULL || __atomic_load_n(&rule->times, __ATOMIC_ACQUIRE) == 0 ||
        (rule->files & class) == 0) {
        return NULL;
    }
    return rule;
}

bool sw_shim_space_armed(uint32_t class)
{
    return space_rule(class) != NULL;
}

uint64_t sw_shim_space_take(uint32_t class, uint64_t file_size, uint64_t offset, uint64_t size)
{
    struct sw_fault_rule *rule = space_rule(class);
    const uint64_t end = offset + size;
    uint64_t growth = end > file_size ? end - file_size : 0;
    uint64_t left;

    if (rule == NULL || growth == 0) {
        return size;
    }
    left = __atomic_load_n(&rule->value, __ATOMIC_ACQUIRE);
    for (;;) {
        const uint64_t taken = growth < left ? growth : left;

        if (__atomic_compare_exchange_n(
                &rule->value, &left, left - taken, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
            growth = taken;
            break;
        }
    }
    if (file_size + growth >= end) {
        return size;
    }
    (void)__atomic_add_fetch(&rule->hits, 1, __ATOMIC_ACQ_REL);
    return file_size + growth > offset ? file_size + growth - offset : 0;
}

void sw_shim_space_give(uint32_t class, uint64_t size)
{
    struct sw_fault_rule *rule = space_rule(class);

    if (rule != NULL) {
        (void)__atomic_add_fetch(&rule->value, size, __ATOMIC_ACQ_REL);
    }
}

/* The whole process at once, as the power does it; no handler, no exit function. */
_Noreturn void sw_shim_die(void)
{
    (void)syscall(SYS_kill, (pid_t)syscall(SYS_getpid), SIGKILL);
    for (;;) {
        (void)pause();
    }
}
