/* Several reads of one partition that see one state: the first says of which revision, the others
 * ask for that one. So what links lead to is there, whatever is written meanwhile. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "client/memories.h"

enum { MARK_PAGE = 4096, GET_COUNT = 512, WALK_MAX = 4096 };

static const char admin_prefix[] = "memory-"; /* settings, and what is being forgotten */

static enum swarm_status call(struct sw_reading *reading,
                              struct swarm_request *request,
                              const struct swarm_result **ret_result)
{
    struct swarm_result *result = NULL;
    enum swarm_status status;

    request->scope = reading->scope;
    request->expected = reading->revision;
    status = swarm_call(reading->client, request, &result);
    if (status != SWARM_OK) {
        (void)sw_say(status, result->detail, reading->why, reading->why_size);
        swarm_result_free(result);
        return status;
    }
    reading->revision = result->revision;
    sw_results_add(reading->results, result);
    *ret_result = result;
    return SWARM_OK;
}

/* Above all keys that begin with the prefix, whose last byte is below 0xff. */
static struct swarm_slice end_of(struct sw_span prefix, char end[SW_KEY_SIZE_MAX])
{
    SW_ASSERT(prefix.size > 0 && prefix.size <= SW_KEY_SIZE_MAX);
    memcpy(end, prefix.data, prefix.size);
    end[prefix.size - 1]++;
    return (struct swarm_slice){.data = end, .size = prefix.size};
}

enum swarm_status sw_reading_scan(struct sw_reading *reading,
                                  struct sw_span prefix,
                                  struct sw_span from,
                                  uint32_t limit,
                                  const struct swarm_result **ret_page)
{
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    char end[SW_KEY_SIZE_MAX];

    request.op = SWARM_SCAN;
    request.key = sw_slice_of_span(sw_span_compare(from, prefix) > 0 ? from : prefix);
    request.end_key = end_of(prefix, end);
    request.limit = limit;
    return call(reading, &request, ret_page);
}

enum swarm_status sw_reading_get(struct sw_reading *reading,
                                 const struct swarm_slice *keys,
                                 size_t count,
                                 uint32_t flags,
                                 const struct swarm_record **ret_records)
{
    size_t done = 0;

    while (done < count) {
        struct swarm_request request = SWARM_INIT(struct swarm_request);
        const struct swarm_result *page;
        enum swarm_status status;

        request.op = SWARM_MULTI_GET;
        request.flags = flags;
        request.keys = keys + done;
        request.key_count = count - done < GET_COUNT ? count - done : GET_COUNT;
        status = call(reading, &request, &page);
        if (status != SWARM_OK) {
            return status;
        }
        SW_ASSERT(page->record_count > 0);
        for (size_t i = 0; i < page->record_count; i++) {
            ret_records[done++] = &page->records[i];
        }
    }
    return SWARM_OK;
}

/* --- what is being forgotten ------------------------------------------------------------------ */

struct swarm_request sw_reading_first(struct swarm_scope scope)
{
    struct swarm_request request = SWARM_INIT(struct swarm_request);

    request.op = SWARM_SCAN;
    request.scope = scope;
    request.key = swarm_str(admin_prefix);
    request.end_key = swarm_str("memory.");
    return request;
}

static int by_digits(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct sw_link_hash));
}

void sw_reading_take(struct sw_reading *reading, const struct swarm_result *page)
{
    const size_t prefix_size = sizeof SW_MEMORY_MARK_PREFIX - 1;

    reading->marks = realloc(
        reading->marks, (reading->mark_count + page->record_count + 1) * sizeof reading->marks[0]);
    SW_ASSERT(reading->marks != NULL);
    for (size_t i = 0; i < page->record_count; i++) {
        const struct sw_span key = sw_span_of_slice(page->records[i].key);
        const struct sw_span value = sw_span_of_slice(page->records[i].value);

        if (sw_span_equal(key, sw_span_str(SW_MEMORY_SETTINGS_KEY))) {
            (void)sw_memory_settings_read(value, &reading->settings); /* else the defaults */
        } else if (key.size == prefix_size + SW_LINK_HASH_SIZE &&
                   memcmp(key.data, SW_MEMORY_MARK_PREFIX, prefix_size) == 0) {
            memcpy(reading->marks[reading->mark_count++].digits,
                   key.data + prefix_size,
                   SW_LINK_HASH_SIZE);
        }
    }
    qsort(reading->marks, reading->mark_count, sizeof reading->marks[0], by_digits);
}

enum swarm_status sw_reading_begin(struct sw_reading *reading)
{
    const struct swarm_result *page = NULL;
    struct sw_span from = sw_span_str(admin_prefix);
    uint8_t after[SW_KEY_SIZE_MAX + 1];

    reading->settings = sw_memory_settings_default;
    for (;;) {
        const enum swarm_status status =
            sw_reading_scan(reading, sw_span_str(admin_prefix), from, MARK_PAGE, &page);
        const struct swarm_record *last;

        if (status != SWARM_OK) {
            return status;
        }
        sw_reading_take(reading, page);
        if (!page->more) {
            return SWARM_OK;
        }
        last = &page->records[page->record_count - 1];
        SW_ASSERT(last->key.size < SW_KEY_SIZE_MAX);
        memcpy(after, last->key.data, last->key.size);
        after[last->key.size] = 0;
        from = sw_span_of(after, last->key.size + 1);
    }
}

static bool is_marked(const struct sw_reading *reading, const struct sw_link_hash *hash)
{
    return bsearch(
               hash, reading->marks, reading->mark_count, sizeof reading->marks[0], by_digits) !=
           NULL;
}

/* Adds what the one at `at` derives from, if it is new. */
static enum swarm_status
add_sources(struct sw_reading *reading, struct sw_link_hash *walk, size_t at, size_t *count)
{
    const struct swarm_result *page;
    struct sw_link_hash here, parent;
    struct sw_link_key prefix;
    enum sw_link_side side;
    struct sw_span type;
    enum swarm_status status;

    sw_link_prefix(SW_LINK_FORTH, &walk[at], sw_span_str(SW_LINK_DERIVED), &prefix);
    status =
        sw_reading_scan(reading, sw_link_key_span(&prefix), sw_span_of(NULL, 0), MARK_PAGE, &page);
    for (size_t i = 0; status == SWARM_OK && i < page->record_count && *count < WALK_MAX; i++) {
        size_t seen = 0;

        if (!sw_link_key_read(
                sw_span_of_slice(page->records[i].key), &side, &here, &type, &parent)) {
            continue;
        }
        while (seen < *count && by_digits(&walk[seen], &parent) != 0) {
            seen++;
        }
        if (seen == *count) {
            walk[(*count)++] = parent;
        }
    }
    return status;
}

/* Who derives from more than can be asked counts as hidden until the forgetting is done. */
enum swarm_status
sw_reading_hidden(struct sw_reading *reading, struct sw_span key, bool *ret_hidden)
{
    struct sw_link_hash *walk;
    enum swarm_status status = SWARM_OK;
    size_t count = 1;

    *ret_hidden = false;
    if (reading->mark_count == 0) {
        return SWARM_OK;
    }
    walk = malloc(WALK_MAX * sizeof walk[0]);
    SW_ASSERT(walk != NULL);
    walk[0] = sw_link_hash_of(key);
    for (size_t i = 0; i < count && status == SWARM_OK && !*ret_hidden; i++) {
        *ret_hidden = is_marked(reading, &walk[i]);
        if (!*ret_hidden) {
            status = add_sources(reading, walk, i, &count);
            *ret_hidden = count == WALK_MAX;
        }
    }
    free(walk);
    return status;
}

void sw_reading_release(struct sw_reading *reading)
{
    free(reading->marks);
    reading->marks = NULL;
    reading->mark_count = 0;
}
