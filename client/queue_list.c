/* What is in a queue: its items with who has them, as they were at one revision.
 *
 * Items, claims and deliveries are three ranges of keys in one order, so they are read one behind
 * the other and laid over each other: claims whose item is gone stand for nothing. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "client/queue_private.h"

struct swarm_queue_rows {
    struct swarm_queue_row *rows; /* owned; so is what their slices point to */
    uint8_t (*suffixes)[SW__QUEUE_SUFFIX_SIZE];
    size_t count, room;
    uint64_t revision; /* of the first page: all others are read as of then */
};

void swarm_queue_rows_free(struct swarm_queue_rows *rows)
{
    if (rows == NULL) {
        return;
    }
    for (size_t i = 0; i < rows->count; i++) {
        free((void *)(uintptr_t)rows->rows[i].value.data);
        free((void *)(uintptr_t)rows->rows[i].owner.data);
    }
    free(rows->rows);
    free(rows->suffixes);
    free(rows);
}

static struct swarm_slice copy_of(struct swarm_slice from)
{
    uint8_t *bytes = malloc(from.size + 1);

    SW_ASSERT(bytes != NULL);
    if (from.size > 0) {
        memcpy(bytes, from.data, from.size);
    }
    return (struct swarm_slice){.data = bytes, .size = from.size};
}

static void make_room(struct swarm_queue_rows *rows)
{
    if (rows->count < rows->room) {
        return;
    }
    rows->room = rows->room == 0 ? 64 : 2 * rows->room;
    rows->rows = realloc(rows->rows, rows->room * sizeof *rows->rows);
    rows->suffixes = realloc(rows->suffixes, rows->room * sizeof *rows->suffixes);
    SW_ASSERT(rows->rows != NULL);
    SW_ASSERT(rows->suffixes != NULL);
}

static void
add_item(struct swarm_queue_rows *rows, const uint8_t *suffix, const struct swarm_record *record)
{
    struct swarm_queue_row *row;

    make_room(rows);
    memcpy(rows->suffixes[rows->count], suffix, SW__QUEUE_SUFFIX_SIZE);
    row = &rows->rows[rows->count];
    *row = (struct swarm_queue_row){.value = copy_of(record->value), .time_ms = record->time_ms};
    sw__queue_read_suffix(suffix, &row->priority, &row->number);
    rows->count++;
}

/* The row of a suffix, not before `at`; `count` if there is none. */
static size_t row_of(const struct swarm_queue_rows *rows, const uint8_t *suffix, size_t at)
{
    while (at < rows->count && memcmp(rows->suffixes[at], suffix, SW__QUEUE_SUFFIX_SIZE) < 0) {
        at++;
    }
    return at;
}

static bool has_row(const struct swarm_queue_rows *rows, const uint8_t *suffix, size_t at)
{
    return at < rows->count && memcmp(rows->suffixes[at], suffix, SW__QUEUE_SUFFIX_SIZE) == 0;
}

static void add_claim(struct swarm_queue_row *row, const struct swarm_record *record)
{
    row->token = record->lease;
    row->owner = copy_of(record->value);
}

static void add_deliveries(struct swarm_queue_row *row, const struct swarm_record *record)
{
    row->deliveries = (uint32_t)sw__queue_decimal(record->value);
}

/* A walk over the keys of one kind; items from the beginning, the others over the items' range. */
static enum swarm_status
walk_of(struct swarm_queue *queue, char kind, uint64_t revision, struct swarm_cursor **ret_cursor)
{
    struct swarm_request first = sw__queue_request(queue, SWARM_SCAN);
    const struct sw__queue_key from = sw__queue_prefix(queue, kind);
    struct sw__queue_key end = from;

    end.bytes[end.size - 1]++;
    first.key = sw__queue_slice(&from);
    first.end_key = sw__queue_slice(&end);
    first.expected = revision;
    return swarm_cursor_new(sw__queue_client(queue), &first, ret_cursor);
}

static enum swarm_status
read_items(struct swarm_queue *queue, size_t limit, struct swarm_queue_rows *rows)
{
    struct swarm_cursor *cursor = NULL;
    const struct swarm_record *record;
    enum swarm_status status = walk_of(queue, SW__QUEUE_ITEM, rows->revision, &cursor);

    while (status == SWARM_OK && (limit == 0 || rows->count < limit)) {
        status = swarm_cursor_next(cursor, &record);
        if (status == SWARM_OK) {
            const uint8_t *suffix = sw__queue_suffix(queue, record->key);

            if (suffix != NULL) {
                add_item(rows, suffix, record);
            }
        }
    }
    swarm_cursor_free(cursor);
    return status == SWARM_NOT_FOUND ? SWARM_OK : status;
}

static enum swarm_status lay_over(struct swarm_queue *queue,
                                  char kind,
                                  struct swarm_queue_rows *rows,
                                  void (*add)(struct swarm_queue_row *row,
                                              const struct swarm_record *record))
{
    struct swarm_cursor *cursor = NULL;
    const struct swarm_record *record;
    enum swarm_status status = walk_of(queue, kind, rows->revision, &cursor);
    size_t at = 0;

    while (status == SWARM_OK && at < rows->count) {
        status = swarm_cursor_next(cursor, &record);
        if (status == SWARM_OK) {
            const uint8_t *suffix = sw__queue_suffix(queue, record->key);

            at = suffix == NULL ? at : row_of(rows, suffix, at);
            if (suffix != NULL && has_row(rows, suffix, at)) {
                add(&rows->rows[at], record);
            }
        }
    }
    swarm_cursor_free(cursor);
    return status == SWARM_NOT_FOUND ? SWARM_OK : status;
}

/* The present revision: the ranges are to be of one moment. */
static enum swarm_status find_revision(struct swarm_queue *queue, uint64_t *ret_revision)
{
    struct swarm_request request = sw__queue_request(queue, SWARM_SCAN);
    const struct sw__queue_key from = sw__queue_prefix(queue, SW__QUEUE_ITEM);
    struct swarm_result *result = NULL;
    enum swarm_status status;

    request.key = sw__queue_slice(&from);
    request.limit = 1;
    request.flags = SWARM_KEYS_ONLY;
    status = swarm_call(sw__queue_client(queue), &request, &result);
    *ret_revision = result->revision;
    swarm_result_free(result);
    return status;
}

enum swarm_status
swarm_queue_list(struct swarm_queue *queue, size_t limit, struct swarm_queue_rows **ret_rows)
{
    struct swarm_queue_rows *rows = calloc(1, sizeof *rows);
    enum swarm_status status;

    SW_ASSERT(rows != NULL);
    status = find_revision(queue, &rows->revision);
    if (status == SWARM_OK) {
        status = read_items(queue, limit, rows);
    }
    if (status == SWARM_OK) {
        status = lay_over(queue, SW__QUEUE_CLAIM, rows, add_claim);
    }
    if (status == SWARM_OK) {
        status = lay_over(queue, SW__QUEUE_DELIVERIES, rows, add_deliveries);
    }
    if (status != SWARM_OK) {
        swarm_queue_rows_free(rows);
        return status;
    }
    *ret_rows = rows;
    return SWARM_OK;
}

size_t swarm_queue_rows_count(const struct swarm_queue_rows *rows)
{
    return rows->count;
}

const struct swarm_queue_row *swarm_queue_rows_at(const struct swarm_queue_rows *rows, size_t at)
{
    return at < rows->count ? &rows->rows[at] : NULL;
}
