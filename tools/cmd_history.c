/* swarmctl history: what keys were, what became of them between two revisions, the changes as
 * lines, and letting old ones go. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "tools/cli.h"
#include "tools/cmd.h"

enum {
    PAGE_WAIT_MS = 1000, /* of a page of changes, the last of which may have none and wait */
    WANTED_ALL = 0,
};

/* --- versions of a key ------------------------------------------------------------------------ */

static void
add_version(struct sw_output *out, const struct swarm_record *record, struct swarm_request *next)
{
    sw_cmd_add_record(out, record);
    sw_output_text(out, SW_CMD_RECORD_COLUMNS, record->version == 0 ? "deleted" : "written");
    next->expected = record->mod_revision;
}

static struct swarm_request request_of(const struct sw_cli *cli, enum swarm_op op)
{
    struct swarm_request request = SWARM_INIT(struct swarm_request);

    request.op = op;
    request.scope = sw_cli_scope(cli);
    return request;
}

static void init_output(struct sw_output *out,
                        const char *name,
                        struct sw_column columns[SW_CMD_RECORD_COLUMNS + 1],
                        const char *last)
{
    memcpy(columns, sw_cmd_record_columns, SW_CMD_RECORD_COLUMNS * sizeof columns[0]);
    columns[SW_CMD_RECORD_COLUMNS] = (struct sw_column){last, SW_CELL_TEXT};
    sw_output_init(out, name, columns, SW_CMD_RECORD_COLUMNS + 1);
}

int sw_cmd_history_list(struct sw_cli *cli)
{
    struct swarm_request request = request_of(cli, SWARM_HISTORY);
    struct sw_column columns[SW_CMD_RECORD_COLUMNS + 1];
    struct sw_output out;
    int code;

    request.key = swarm_str(cli->args[0]);
    init_output(&out, "versions", columns, "event");
    if (sw_cmd_encoding(cli, &out.encoding) != SW_ERR_OK ||
        sw_cmd_read_options(cli, &request) != SW_ERR_OK) {
        return sw_err_info(SW_ERR_INVALID)->exit_code;
    }
    request.flags = sw_cli_has(cli, "keys-only") ? (uint32_t)SWARM_KEYS_ONLY : 0;
    code = sw_cmd_pages(cli, &request, &out, add_version);
    sw_output_release(&out);
    return code;
}

/* --- walks of changes ------------------------------------------------------------------------- */

/* `before` is NULL unless it was asked for. */
typedef void (*change_fn)(void *arg,
                          const struct swarm_record *change,
                          const struct swarm_record *before);

static int present_revision(struct sw_cli *cli, uint64_t *ret_revision)
{
    struct swarm_request request = request_of(cli, SWARM_SCAN);
    struct swarm_result *result = NULL;
    int code = 0;

    request.limit = 1;
    request.flags = SWARM_KEYS_ONLY;
    if (sw_cmd_call(cli, &request, &result, &code) == SW_ERR_OK) {
        *ret_revision = result->revision;
        code = result->status == SWARM_OK ? 0 : sw_cli_fail_result(result);
        swarm_result_free(result);
    }
    return code;
}

/* A walk to a revision that is yet to come would wait for it. */
static int check_upto(struct sw_cli *cli, uint64_t upto)
{
    uint64_t present = 0;
    const int code = present_revision(cli, &present);

    if (code != 0 || upto <= present) {
        return code;
    }
    return sw_cli_fail_format(
        SW_ERR_FUTURE_REVISION, "%" PRIu64 ", and the present revision is %" PRIu64, upto, present);
}

/* A read of the past knows where the past begins, a walk of changes does not. */
static int fail_compacted(struct sw_cli *cli, uint64_t after)
{
    struct swarm_request request = request_of(cli, SWARM_SCAN);
    struct swarm_result *result = NULL;
    uint64_t oldest = 0;
    int code = 0;

    request.limit = 1;
    request.flags = SWARM_KEYS_ONLY;
    request.expected = after > 0 ? after : 1;
    if (sw_cmd_call(cli, &request, &result, &code) != SW_ERR_OK) {
        return code;
    }
    if (result->status == SWARM_COMPACTED) {
        oldest = result->value;
    }
    swarm_result_free(result);
    if (oldest == 0) {
        return sw_cli_fail_format(
            SW_ERR_COMPACTED, "not all changes behind revision %" PRIu64 " are there", after);
    }
    return sw_cli_fail_format(SW_ERR_COMPACTED,
                              "a diff may begin at revision %" PRIu64
                              ", an export with --from %" PRIu64,
                              oldest,
                              oldest + 1);
}

/* All changes of the partition above `after`, up to `upto`. */
static int
walk(struct sw_cli *cli, uint64_t after, uint64_t upto, uint32_t flags, change_fn each, void *arg)
{
    struct swarm_request request = request_of(cli, SWARM_WATCH);
    const size_t step = (flags & SWARM_PREVIOUS) != 0 ? 2 : 1;
    int code = 0;

    request.expected = after;
    request.flags = flags;
    while (code == 0 && request.expected < upto) {
        struct swarm_result *result = NULL;

        request.deadline_ms = swarm_now_ms() + PAGE_WAIT_MS;
        if (sw_cmd_call(cli, &request, &result, &code) != SW_ERR_OK) {
            return code;
        }
        if (result->status == SWARM_RESYNC) {
            code = fail_compacted(cli, request.expected);
        } else if (result->status != SWARM_OK) {
            code = sw_cli_fail_result(result);
        } else {
            SW_ASSERT(result->record_count % step == 0);
        }
        for (size_t i = 0; code == 0 && i < result->record_count; i += step) {
            if (result->records[i].mod_revision <= upto) {
                each(arg, &result->records[i], step == 2 ? &result->records[i + 1] : NULL);
            }
        }
        request.expected = result->revision;
        swarm_result_free(result);
    }
    return code;
}

/* --- the changes as lines --------------------------------------------------------------------- */

struct exporting {
    const struct sw_cli *cli;
    enum sw_encoding encoding;
};

static void
print_change(void *arg, const struct swarm_record *change, const struct swarm_record *before)
{
    const struct exporting *exporting = arg;
    struct sw_column columns[SW_CMD_RECORD_COLUMNS + 1];
    struct sw_output out;

    (void)before;
    init_output(&out, "change", columns, "event");
    out.single = true;
    out.encoding = exporting->encoding;
    sw_cmd_add_record(&out, change);
    sw_output_text(&out, SW_CMD_RECORD_COLUMNS, change->version == 0 ? "delete" : "put");
    (void)sw_output_print(&out, exporting->cli->format, stdout);
    sw_output_release(&out);
}

int sw_cmd_history_export(struct sw_cli *cli)
{
    struct exporting exporting = {.cli = cli, .encoding = SW_ENCODING_AUTO};
    uint64_t from = 0;
    uint64_t upto = 0;
    int code = 0;

    if (sw_cmd_encoding(cli, &exporting.encoding) != SW_ERR_OK ||
        !sw_cli_number(cli, "from", 1, &from) || !sw_cli_number(cli, "to", 0, &upto)) {
        return sw_err_info(SW_ERR_INVALID)->exit_code;
    }
    code = upto == 0 ? present_revision(cli, &upto) : check_upto(cli, upto);
    return code == 0
               ? walk(cli, from > 0 ? from - 1 : 0, upto, WANTED_ALL, print_change, &exporting)
               : code;
}

/* --- diff ------------------------------------------------------------------------------------- */

/* A key as it was before a change and as it is after it. */
struct side {
    uint64_t version, revision;
    char *value; /* owned */
    size_t size;
};

struct difference {
    char *key; /* owned */
    size_t size, order;
    struct side before, after;
};

struct differences {
    struct difference *items; /* owned */
    size_t count, capacity;
};

static char *copy_of(struct swarm_slice bytes)
{
    char *copy = malloc(bytes.size + 1);

    SW_ASSERT(copy != NULL);
    if (bytes.size > 0) {
        memcpy(copy, bytes.data, bytes.size);
    }
    return copy;
}

static struct side side_of(const struct swarm_record *record)
{
    return (struct side){.version = record->version,
                         .revision = record->mod_revision,
                         .value = copy_of(record->value),
                         .size = record->value.size};
}

static void collect(void *arg, const struct swarm_record *change, const struct swarm_record *before)
{
    struct differences *all = arg;

    if (all->count == all->capacity) {
        all->capacity = all->capacity == 0 ? 256 : all->capacity * 2;
        all->items = realloc(all->items, all->capacity * sizeof *all->items);
        SW_ASSERT(all->items != NULL);
    }
    all->items[all->count] = (struct difference){.key = copy_of(change->key),
                                                 .size = change->key.size,
                                                 .order = all->count,
                                                 .before = side_of(before),
                                                 .after = side_of(change)};
    all->count++;
}

static int by_key(const struct difference *a, const struct difference *b)
{
    return sw_span_compare(sw_span_of(a->key, a->size), sw_span_of(b->key, b->size));
}

static int by_key_and_order(const void *a, const void *b)
{
    const struct difference *x = a;
    const struct difference *y = b;
    const int order = by_key(x, y);

    return order != 0 ? order : (x->order > y->order) - (x->order < y->order);
}

static const char *kind_of(const struct side *before, const struct side *after)
{
    if (before->version == 0) {
        return after->version == 0 ? NULL : "added";
    }
    if (after->version == 0) {
        return "removed";
    }
    return sw_span_equal(sw_span_of(before->value, before->size),
                         sw_span_of(after->value, after->size))
               ? NULL
               : "changed";
}

static void
add_difference(struct sw_output *out, const struct difference *first, const struct difference *last)
{
    const char *kind = kind_of(&first->before, &last->after);

    if (kind == NULL) {
        return;
    }
    sw_output_row(out);
    sw_output_text(out, 0, kind);
    sw_output_cell(out, 1, sw_span_of(first->key, first->size));
    sw_output_cell(out, 2, sw_span_of(first->before.value, first->before.size));
    sw_output_cell(out, 3, sw_span_of(last->after.value, last->after.size));
    sw_output_number(out, 4, first->before.revision);
    sw_output_number(out, 5, last->after.revision);
}

static void add_differences(struct sw_output *out, struct differences *all)
{
    if (all->count > 0) {
        qsort(all->items, all->count, sizeof *all->items, by_key_and_order);
    }
    for (size_t first = 0, next; first < all->count; first = next) {
        next = first + 1;
        while (next < all->count && by_key(&all->items[first], &all->items[next]) == 0) {
            next++;
        }
        add_difference(out, &all->items[first], &all->items[next - 1]);
    }
}

static void differences_release(struct differences *all)
{
    for (size_t i = 0; i < all->count; i++) {
        free(all->items[i].key);
        free(all->items[i].before.value);
        free(all->items[i].after.value);
    }
    free(all->items);
}

static bool revision_of(const struct sw_cli *cli, size_t arg, uint64_t *ret_revision)
{
    char *end;

    *ret_revision = strtoull(cli->args[arg], &end, 10);
    if (*end == '\0' && end != cli->args[arg]) {
        return true;
    }
    (void)sw_cli_fail_format(SW_ERR_INVALID, "%.40s is no revision", cli->args[arg]);
    return false;
}

int sw_cmd_history_diff(struct sw_cli *cli)
{
    static const struct sw_column columns[] = {{"change", SW_CELL_TEXT},
                                               {"key", SW_CELL_BYTES},
                                               {"before", SW_CELL_BYTES},
                                               {"after", SW_CELL_BYTES},
                                               {"before_revision", SW_CELL_TEXT},
                                               {"after_revision", SW_CELL_TEXT}};
    struct differences all = {0};
    struct sw_output out;
    uint64_t from, upto;
    int code;

    sw_output_init(&out, "differences", columns, sizeof columns / sizeof columns[0]);
    if (!revision_of(cli, 0, &from) || !revision_of(cli, 1, &upto) ||
        sw_cmd_encoding(cli, &out.encoding) != SW_ERR_OK) {
        return sw_err_info(SW_ERR_INVALID)->exit_code;
    }
    if (from > upto) {
        return sw_cli_fail_format(
            SW_ERR_INVALID, "the older revision comes first: %" PRIu64 " %" PRIu64, upto, from);
    }
    code = check_upto(cli, upto);
    if (code == 0) {
        code = walk(cli, from, upto, SWARM_PREVIOUS, collect, &all);
    }
    if (code == 0) {
        add_differences(&out, &all);
        (void)sw_output_print(&out, cli->format, stdout);
    }
    sw_output_release(&out);
    differences_release(&all);
    return code;
}

/* --- letting go ------------------------------------------------------------------------------- */

int sw_cmd_history_compact(struct sw_cli *cli)
{
    struct swarm_request request = SWARM_INIT(struct swarm_request);

    request.op = SWARM_COMPACT;
    if (!sw_cli_has(cli, "to")) {
        return sw_cli_fail(SW_ERR_INVALID, "history compact needs --to REVISION");
    }
    if (!sw_cli_number(cli, "to", 0, &request.expected)) {
        return sw_err_info(SW_ERR_INVALID)->exit_code;
    }
    return sw_cmd_write_value(cli, &request, "floor");
}
