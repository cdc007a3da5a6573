/* The allow-list of clients. */
#include "node/allow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "node/config.h"

static int compare(const void *a, const void *b)
{
    const struct sw_allow_entry *first = a;
    const struct sw_allow_entry *second = b;

    return memcmp(first->key, second->key, sizeof first->key);
}

/* The next word of `line`, cut off its front; empty at the end. */
static struct sw_span next_word(struct sw_span *line)
{
    struct sw_span word;

    while (line->size > 0 && (line->data[0] == ' ' || line->data[0] == '\t')) {
        line->data++;
        line->size--;
    }
    word = sw_span_of(line->data, 0);
    while (line->size > 0 && line->data[0] != ' ' && line->data[0] != '\t') {
        line->data++;
        line->size--;
        word.size++;
    }
    return word;
}

static enum sw_rights rights_of(struct sw_span word)
{
    static const char *const names[] = {"", "read", "write", "admin"};

    for (unsigned i = SW_RIGHTS_READ; i <= SW_RIGHTS_ADMIN; i++) {
        if (sw_span_equal(word, sw_span_str(names[i]))) {
            return (enum sw_rights)i;
        }
    }
    return SW_RIGHTS_NONE;
}

static bool parse_line(struct sw_span line, struct sw_allow_entry *ret_entry)
{
    const struct sw_span key = next_word(&line);
    const struct sw_span rights = next_word(&line);
    const struct sw_span name = next_word(&line);
    char text[65] = "";

    *ret_entry = (struct sw_allow_entry){.rights = rights_of(rights)};
    if (key.size >= sizeof text || ret_entry->rights == SW_RIGHTS_NONE ||
        name.size >= SW_ALLOW_NAME_SIZE || next_word(&line).size > 0) {
        return false;
    }
    memcpy(text, key.data, key.size);
    if (name.size > 0) {
        memcpy(ret_entry->name, name.data, name.size);
    }
    return sw_config_public_key(text, ret_entry->key);
}

static struct sw_span next_line(struct sw_span *text)
{
    const uint8_t *end = memchr(text->data, '\n', text->size);
    struct sw_span line = *text;

    if (end == NULL) {
        *text = sw_span_of(NULL, 0);
    } else {
        line.size = (size_t)(end - text->data);
        *text = sw_span_of(end + 1, text->size - line.size - 1);
    }
    if (line.size > 0 && line.data[line.size - 1] == '\r') {
        line.size--;
    }
    return line;
}

static bool is_blank(struct sw_span line)
{
    const struct sw_span word = next_word(&line);

    return word.size == 0 || word.data[0] == '#';
}

static enum sw_err add(struct sw_allow *allow, struct sw_allow_entry entry, char *ret_why)
{
    struct sw_allow_entry *entries;

    if (allow->count == SW_ALLOW_COUNT_MAX) {
        (void)snprintf(ret_why, SW_WHY_SIZE, "more than %d clients", SW_ALLOW_COUNT_MAX);
        return SW_ERR_CONFIG;
    }
    entries = realloc(allow->entries, (allow->count + 1) * sizeof *entries);
    SW_ASSERT(entries != NULL);
    allow->entries = entries;
    allow->entries[allow->count++] = entry;
    return SW_ERR_OK;
}

/* A key named twice would have the rights of whichever line is found first. */
static enum sw_err sort_unique(struct sw_allow *allow, char *ret_why)
{
    if (allow->count == 0) {
        return SW_ERR_OK;
    }
    qsort(allow->entries, allow->count, sizeof allow->entries[0], compare);
    for (uint32_t i = 1; i < allow->count; i++) {
        if (compare(&allow->entries[i - 1], &allow->entries[i]) == 0) {
            (void)snprintf(ret_why,
                           SW_WHY_SIZE,
                           "the key that begins with %02x%02x%02x%02x is named twice",
                           allow->entries[i].key[0],
                           allow->entries[i].key[1],
                           allow->entries[i].key[2],
                           allow->entries[i].key[3]);
            return SW_ERR_CONFIG;
        }
    }
    return SW_ERR_OK;
}

enum sw_err
sw_allow_parse(struct sw_span text, struct sw_allow *ret_allow, char ret_why[SW_WHY_SIZE])
{
    struct sw_allow allow = {0};
    enum sw_err err = SW_ERR_OK;

    for (uint32_t number = 1; text.size > 0 && err == SW_ERR_OK; number++) {
        const struct sw_span line = next_line(&text);
        struct sw_allow_entry entry;

        if (is_blank(line)) {
            continue;
        }
        if (parse_line(line, &entry)) {
            err = add(&allow, entry, ret_why);
        } else {
            (void)snprintf(
                ret_why,
                SW_WHY_SIZE,
                "line %u: expected \"KEY read|write|admin [NAME]\", KEY in hex or base64",
                number);
            err = SW_ERR_CONFIG;
        }
    }
    if (err == SW_ERR_OK) {
        err = sort_unique(&allow, ret_why);
    }
    if (err != SW_ERR_OK) {
        sw_allow_release(&allow);
        return err;
    }
    sw_allow_release(ret_allow);
    *ret_allow = allow;
    return SW_ERR_OK;
}

void sw_allow_release(struct sw_allow *allow)
{
    free(allow->entries);
    *allow = (struct sw_allow){0};
}

const struct sw_allow_entry *sw_allow_find(const struct sw_allow *allow, const uint8_t key[32])
{
    struct sw_allow_entry wanted = {0};

    memcpy(wanted.key, key, sizeof wanted.key);
    return allow->count == 0
               ? NULL
               : bsearch(&wanted, allow->entries, allow->count, sizeof allow->entries[0], compare);
}

bool sw_rights_cover(enum sw_rights rights, enum sw_op op)
{
    switch (op) {
    case SW_OP_GET:
    case SW_OP_SCAN:
    case SW_OP_EXPERIENCE_SCAN:
    case SW_OP_MULTI_GET:
    case SW_OP_LEASE_LIST:
    case SW_OP_WATCH:
    case SW_OP_INDEX_LIST:
    case SW_OP_INDEX_STATUS:
    case SW_OP_INDEX_VERIFY:
    case SW_OP_VECTOR_SEARCH:
    case SW_OP_HISTORY:
    case SW_OP_MEMORY_AGENTS:
    case SW_OP_INDEX_PLACES:
    case SW_OP_STATUS:
    case SW_OP_MEMBER_LIST:
        return rights >= SW_RIGHTS_READ;
    case SW_OP_PUT:
    case SW_OP_DELETE:
    case SW_OP_CAS:
    case SW_OP_EXPERIENCE_APPEND:
    case SW_OP_TXN:
    case SW_OP_LEASE_GRANT:
    case SW_OP_LEASE_KEEP_ALIVE:
    case SW_OP_LEASE_REVOKE:
    case SW_OP_INDEX_CREATE:
    case SW_OP_INDEX_DROP:
    case SW_OP_INDEX_TUNE:
    case SW_OP_INDEX_LOWER:
    case SW_OP_VECTOR_PUT:
    case SW_OP_CONTEXT_CREATE:
    case SW_OP_CONTEXT_APPEND:
    case SW_OP_CONTEXT_WINDOW:
    case SW_OP_CONTEXT_DELETE:
    case SW_OP_CONTEXT_PRUNE:
    case SW_OP_MEMORY_PUT:
    case SW_OP_MEMORY_USE:
    case SW_OP_MEMORY_FORGET:
    case SW_OP_MEMORY_TEND:
    case SW_OP_CONTEXT_TOUCH:
    case SW_OP_CONTEXT_POLICY:
    case SW_OP_CONTEXT_RESTORE:
    case SW_OP_SESSION_OPEN:
    case SW_OP_SESSION_CLOSE:
    case SW_OP_OUTCOME:
        return rights >= SW_RIGHTS_WRITE;
    case SW_OP_TRANSFER:
    case SW_OP_SNAPSHOT:
    case SW_OP_TICK:
    case SW_OP_COMPACT:
    case SW_OP_MEMBER_ADD:
    case SW_OP_MEMBER_PROMOTE:
    case SW_OP_MEMBER_DEMOTE:
    case SW_OP_MEMBER_REMOVE:
    case SW_OP_RESTART:
    case SW_OP_SETTING_PUT:
    case SW_OP_SETTING_DELETE:
    case SW_OP_AUDIT:
    case SW_OP_TOKEN_REDEEM:
    case SW_OP_SESSION_LIST:
    case SW_OP_COUNT:
        break;
    }
    return rights >= SW_RIGHTS_ADMIN; /* whatever is added later starts as an administrator's */
}
