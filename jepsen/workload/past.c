/* Reads back the lines of edn.c, no more of EDN than they use. */
#include "jepsen/workload/past.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* The number behind the first `label`; false if there is none. */
static bool number_after(const char *text, const char *label, uint64_t *ret_number)
{
    const char *found = strstr(text, label);
    char *end = NULL;

    if (found == NULL) {
        return false;
    }
    found += strlen(label);
    if (*found < '0' || *found > '9') {
        return false;
    }
    *ret_number = strtoull(found, &end, 10);
    return end != found;
}

/* The part of `:workload`, made if it is new; NULL if there are too many. */
static uint64_t *part_of(struct sw_past *past, const char *line)
{
    static const char label[] = ":workload :";
    const char *found = strstr(line, label);
    char name[SW_PAST_NAME_SIZE] = "";
    size_t size = 0;

    if (found != NULL) {
        found += sizeof label - 1;
        size = strspn(found, "abcdefghijklmnopqrstuvwxyz");
        size = size < sizeof name ? size : sizeof name - 1;
        memcpy(name, found, size);
    }
    for (size_t i = 0; i < past->part_count; i++) {
        if (strcmp(past->parts[i].name, name) == 0) {
            return &past->parts[i].keys;
        }
    }
    if (past->part_count == SW_PAST_NAMES_MAX) {
        return NULL;
    }
    memcpy(past->parts[past->part_count].name, name, size);
    return &past->parts[past->part_count++].keys;
}

static void raise(uint64_t *keys, uint64_t key)
{
    *keys = key >= *keys ? key + 1 : *keys;
}

/* Transactions name a key in each of their operations. */
static void raise_by_transaction(uint64_t *keys, const char *line)
{
    static const char *const labels[] = {"[:append ", "[:r "};

    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++) {
        uint64_t key = 0;

        for (const char *at = line; (at = strstr(at, labels[i])) != NULL; at++) {
            if (number_after(at, labels[i], &key)) {
                raise(keys, key);
            }
        }
    }
}

void sw_past_line(struct sw_past *past, const char *line)
{
    uint64_t process = 0;
    uint64_t time = 0;
    uint64_t key = 0;
    uint64_t *keys;

    if (number_after(line, ":time ", &time) && time > past->last_ns) {
        past->last_ns = time;
    }
    if (!number_after(line, "{:process ", &process)) {
        return;
    }
    past->free_from = process >= past->free_from ? process + 1 : past->free_from;
    keys = part_of(past, line);
    if (keys == NULL) {
        return;
    }
    if (number_after(line, ":value [", &key)) {
        raise(keys, key);
    } else if (strstr(line, ":f :txn") != NULL) {
        raise_by_transaction(keys, line);
    }
}

uint64_t sw_past_keys(const struct sw_past *past, const char *name)
{
    uint64_t keys = 0;

    for (size_t i = 0; i < past->part_count; i++) {
        const char *part = past->parts[i].name;

        if (name == NULL || part[0] == '\0' || strcmp(part, name) == 0) {
            keys = past->parts[i].keys > keys ? past->parts[i].keys : keys;
        }
    }
    return keys;
}
