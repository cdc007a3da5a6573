/* swarmctl audit: what was done to the swarm, and whether that record is whole. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "tools/cmd_setting.h"
#include "transport/audit.h"

enum { HASH_TEXT_SIZE = 2 * SW_AUDIT_HASH_SIZE + 1, AUTHOR_TEXT_SIZE = 33 };

static void print_hex(const uint8_t *bytes, size_t size, char *out)
{
    for (size_t i = 0; i < size; i++) {
        (void)snprintf(out + 2 * i, 3, "%02x", (unsigned)bytes[i]);
    }
}

/* Who it was, in a word; an identity by its id. */
static void print_author(const struct sw_audit_note *note, char out[AUTHOR_TEXT_SIZE])
{
    static const uint8_t nobody[SW_AUDIT_AUTHOR_SIZE];

    if (memcmp(note->author, nobody, sizeof nobody) == 0) {
        (void)snprintf(out, AUTHOR_TEXT_SIZE, "%s", note->flags != 0 ? "node" : "others");
    } else {
        print_hex(note->author, sizeof note->author, out);
    }
}

static const struct sw_column columns[] = {{"number", SW_CELL_TEXT},
                                           {"time_ms", SW_CELL_TEXT},
                                           {"author", SW_CELL_TEXT},
                                           {"action", SW_CELL_TEXT},
                                           {"target", SW_CELL_TEXT},
                                           {"outcome", SW_CELL_TEXT},
                                           {"count", SW_CELL_SMALL},
                                           {"address", SW_CELL_TEXT},
                                           {"hash", SW_CELL_TEXT}};

static void add_record(struct sw_output *out, const struct sw_audit_record *record)
{
    char hash[HASH_TEXT_SIZE];
    char author[AUTHOR_TEXT_SIZE];

    print_author(&record->note, author);
    print_hex(record->hash, sizeof record->hash, hash);
    sw_output_row(out);
    sw_output_number(out, 0, record->number);
    sw_output_number(out, 1, record->time_ms);
    sw_output_text(out, 2, author);
    sw_output_cell(out, 3, record->note.action);
    sw_output_cell(out, 4, record->note.target);
    sw_output_text(out, 5, sw_err_name((enum sw_err)record->note.outcome));
    sw_output_number(out, 6, record->note.count);
    sw_output_cell(out, 7, record->note.address);
    sw_output_text(out, 8, hash);
}

/* A walk over the records, in order or newest first, until `each` says false. */
struct walk {
    struct sw_audit_record record; /* spans are valid during `each` */
    bool (*each)(struct walk *walk);
    struct sw_output *out;
    uint64_t left; /* records to print; of list */
    uint64_t seen;
    struct sw_audit_record last; /* its spans are not */
    char why[SW_WHY_SIZE];       /* not "": what is wrong, and the walk ends */
};

static bool step(struct walk *walk, const struct swarm_record *record)
{
    const enum sw_err err =
        sw_audit_record_decode(sw_span_of(record->value.data, record->value.size), &walk->record);
    bool more;

    if (err != SW_ERR_OK) {
        (void)snprintf(walk->why,
                       sizeof walk->why,
                       "record %" PRIu64 " does not have the hash that it says",
                       walk->last.number + 1);
        return false;
    }
    walk->seen++;
    more = walk->each(walk);
    walk->last = walk->record;
    return more;
}

static int walk_all(struct sw_cli *cli, uint32_t flags, struct walk *walk)
{
    struct swarm_request scan = sw_system_scan(SW_SYSTEM_AUDIT, "log");
    const struct swarm_record *record = NULL;
    struct swarm_cursor *cursor = NULL;
    enum swarm_status status;
    enum sw_err err;
    int code = 0;

    scan.flags = flags;
    err = sw_cli_open(cli);
    if (err != SW_ERR_OK) {
        return sw_err_info(err)->exit_code;
    }
    status = swarm_cursor_new(cli->client, &scan, &cursor);
    while (status == SWARM_OK) {
        status = swarm_cursor_next(cursor, &record);
        if (status == SWARM_OK && !step(walk, record)) {
            break;
        }
    }
    if (status != SWARM_OK && status != SWARM_NOT_FOUND) {
        code = sw_cli_fail((enum sw_err)status, cursor == NULL ? "" : swarm_cursor_detail(cursor));
    } else if (walk->why[0] != '\0') {
        code = sw_cli_fail(SW_ERR_CORRUPT, walk->why);
    }
    swarm_cursor_free(cursor);
    return code;
}

/* --- list and export -------------------------------------------------------------------------- */

static bool list_one(struct walk *walk)
{
    add_record(walk->out, &walk->record);
    return --walk->left > 0;
}

int sw_cmd_audit_list(struct sw_cli *cli)
{
    struct walk walk = {.each = list_one};
    struct sw_output out;
    int code;

    if (!sw_cli_number(cli, "limit", 20, &walk.left)) {
        return sw_err_info(SW_ERR_INVALID)->exit_code;
    }
    walk.left = walk.left == 0 ? UINT64_MAX : walk.left;
    sw_output_init(&out, "records", columns, sizeof columns / sizeof columns[0]);
    walk.out = &out;
    code = walk_all(cli, sw_cli_has(cli, "oldest") ? 0 : (uint32_t)SWARM_REVERSE, &walk);
    if (code == 0) {
        (void)sw_output_print(&out, cli->format, stdout);
    }
    sw_output_release(&out);
    return code;
}

/* Texts of a record are printable ASCII: only these two need a backslash. */
static void put_json(const char *name, struct sw_span text)
{
    (void)printf(",\"%s\":\"", name);
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '"' || text.data[i] == '\\') {
            (void)putchar('\\');
        }
        (void)putchar(text.data[i]);
    }
    (void)putchar('"');
}

static bool export_one(struct walk *walk)
{
    const struct sw_audit_record *record = &walk->record;
    char hash[HASH_TEXT_SIZE];
    char author[AUTHOR_TEXT_SIZE];

    print_author(&record->note, author);
    (void)printf(
        "{\"number\":\"%" PRIu64 "\",\"time_ms\":\"%" PRIu64 "\"", record->number, record->time_ms);
    put_json("author", sw_span_str(author));
    put_json("address", record->note.address);
    put_json("action", record->note.action);
    put_json("target", record->note.target);
    put_json("outcome", sw_span_str(sw_err_name((enum sw_err)record->note.outcome)));
    (void)printf(",\"count\":%u", (unsigned)record->note.count);
    print_hex(record->previous, sizeof record->previous, hash);
    put_json("previous", sw_span_str(hash));
    print_hex(record->hash, sizeof record->hash, hash);
    put_json("hash", sw_span_str(hash));
    (void)printf("}\n");
    return true;
}

int sw_cmd_audit_export(struct sw_cli *cli)
{
    struct walk walk = {.each = export_one};

    return walk_all(cli, 0, &walk);
}

/* --- verify ----------------------------------------------------------------------------------- */

/* A head that somebody kept: it must be found as it was. */
static struct {
    uint64_t number;
    uint8_t hash[SW_AUDIT_HASH_SIZE];
    bool given, found;
} kept;

static bool read_head(const struct sw_cli *cli)
{
    const char *text = sw_cli_flag(cli, "head");
    const char *rest;

    if (text == NULL) {
        return true;
    }
    rest = sw_text_digits(text, &kept.number);
    if (rest == NULL || *rest != ':' || !sw_text_hex(rest + 1, kept.hash, sizeof kept.hash)) {
        (void)sw_cli_fail_format(
            SW_ERR_INVALID, "--head is NUMBER:HASH as audit verify prints it, not %s", text);
        return false;
    }
    kept.given = true;
    return true;
}

static bool verify_one(struct walk *walk)
{
    const struct sw_audit_record *record = &walk->record;

    if (walk->seen > 1 && !sw_audit_follows(&walk->last, record)) {
        (void)snprintf(walk->why,
                       sizeof walk->why,
                       "record %" PRIu64 " does not follow record %" PRIu64,
                       record->number,
                       walk->last.number);
    } else if (kept.given && record->number == kept.number) {
        kept.found = memcmp(record->hash, kept.hash, sizeof kept.hash) == 0;
        if (!kept.found) {
            (void)snprintf(walk->why,
                           sizeof walk->why,
                           "record %" PRIu64 " is not the one that was the head",
                           record->number);
        }
    }
    return walk->why[0] == '\0';
}

static void report(const struct sw_cli *cli, const struct walk *walk)
{
    char head[HASH_TEXT_SIZE + 24];
    char hash[HASH_TEXT_SIZE] = "";
    struct sw_output out;

    print_hex(walk->last.hash, sizeof walk->last.hash, hash);
    (void)snprintf(head, sizeof head, "%" PRIu64 ":%s", walk->last.number, hash);
    sw_output_init(&out, "", NULL, 0);
    sw_output_field_number(&out, "records", walk->seen);
    sw_output_field_number(&out, "first", walk->last.number + 1 - walk->seen);
    sw_output_field(&out, "head", SW_CELL_TEXT, head);
    (void)sw_output_print(&out, cli->format, stdout);
    sw_output_release(&out);
}

int sw_cmd_audit_verify(struct sw_cli *cli)
{
    struct walk walk = {.each = verify_one};
    int code;

    if (!read_head(cli)) {
        return sw_err_info(SW_ERR_INVALID)->exit_code;
    }
    code = walk_all(cli, 0, &walk);
    if (code == 0 && kept.given && !kept.found) {
        code = sw_cli_fail_format(SW_ERR_CORRUPT,
                                  "record %" PRIu64 " is not there: the log has %" PRIu64
                                  " to %" PRIu64,
                                  kept.number,
                                  walk.last.number + 1 - walk.seen,
                                  walk.last.number);
    }
    if (code == 0) {
        report(cli, &walk);
    }
    return code;
}
