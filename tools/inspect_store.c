/* swarm-inspect store: prints the records of a store and verifies every one.
 *
 * Reads only, also beside a running node (whose file then grows a little while this reads). Values
 * are somebody's data: they are shown only when asked for. */
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/err.h"
#include "storage/keys.h"
#include "storage/store_lmdb.h"
#include "storage/store_seal.h"
#include "tools/inspect.h"

enum {
    EXIT_USAGE = 2,
    EXIT_CORRUPT = 10,
    /* A whole key, each byte as \xNN. */
    KEY_TEXT_SIZE = SW_STORE_KEY_SIZE_MAX * 4 + 8,
};

struct inspection {
    const char *dir;
    const char *table; /* NULL = all */
    uint64_t limit;    /* records printed of each table; all are verified */
    bool json;
    bool values;
    struct sw_store *store;
    uint64_t damaged;
};

static const char usage[] =
    "usage: swarm-inspect store DIR [--table NAME] [--limit N] [--values] [-o table|json]\n"
    "Prints the records of the store in DIR and verifies all of them. Tables: meta, kv,\n"
    "experience, session, lease, change, history, index, stage. --limit prints fewer (0: none),\n"
    "--values prints the values in hex. Exit code: 0 sound, 10 damaged.\n";

/* Printable text of bytes for JSON: what sw_key_print left as it is needs no further escape but the
 * backslash itself. */
static void print_json_text(const char *text)
{
    (void)putchar('"');
    for (; *text != '\0'; text++) {
        if (*text == '\\') {
            (void)putchar('\\');
        }
        (void)putchar(*text);
    }
    (void)putchar('"');
}

static void print_span(const char *name, struct sw_span bytes, bool json)
{
    char text[KEY_TEXT_SIZE];

    sw_key_print(bytes, text, sizeof(text));
    if (!json) {
        (void)printf(" %s=%s", name, text);
        return;
    }
    (void)printf(",\"%s\":", name);
    print_json_text(text);
}

/* Ids may be over 2^53, which JSON numbers do not survive: always strings. */
static void print_number(const char *name, uint64_t value, bool json)
{
    (void)printf(json ? ",\"%s\":\"%" PRIu64 "\"" : " %s=%" PRIu64, name, value);
}

static void print_place(uint16_t slot, const struct sw_place *place, bool json)
{
    print_number("slot", slot, json);
    print_span("tenant", place->tenant, json);
    print_span("namespace", place->name_space, json);
    print_span("partition", place->partition, json);
}

/* Keys of leases and changes; false if it is none. */
static bool print_lease_or_change(enum sw_table table, struct sw_span bytes, bool json)
{
    struct sw_change_key change;
    struct sw_lease_key lease;

    if (table == SW_TABLE_CHANGE && sw_key_change_decode(bytes, &change) == SW_ERR_OK) {
        print_number("group", change.group.value, json);
        print_number("revision", change.revision, json);
        print_number("number", change.number, json);
        return true;
    }
    if (table != SW_TABLE_LEASE || sw_key_lease_decode(bytes, &lease) != SW_ERR_OK) {
        return false;
    }
    print_number("group", lease.group.value, json);
    print_number("lease", lease.lease, json);
    if (lease.kind == SW_LEASE_KIND_END) {
        print_number("end_ms", lease.end_ms, json);
    } else if (lease.kind == SW_LEASE_KIND_HELD) {
        print_span("key", lease.key, json);
    }
    return true;
}

static void print_key(enum sw_table table, struct sw_span bytes, bool json)
{
    struct sw_kv_key kv;
    struct sw_experience_key experience;
    struct sw_meta_key meta;
    struct sw_session_key session;
    struct sw_stage_key stage;

    if (table == SW_TABLE_KV && sw_key_kv_decode(bytes, &kv) == SW_ERR_OK) {
        print_place(kv.slot, &kv.place, json);
        print_span("key", kv.key, json);
    } else if (table == SW_TABLE_EXPERIENCE &&
               sw_key_experience_decode(bytes, &experience) == SW_ERR_OK) {
        print_place(experience.slot, &experience.place, json);
        print_number("revision", experience.revision, json);
    } else if (table == SW_TABLE_META && sw_key_meta_decode(bytes, &meta) == SW_ERR_OK) {
        print_number("group", meta.group.value, json);
        print_span("name", meta.name, json);
    } else if (table == SW_TABLE_SESSION && sw_key_session_decode(bytes, &session) == SW_ERR_OK) {
        print_number("group", session.group.value, json);
        print_number("session", session.id.value, json);
    } else if (table == SW_TABLE_STAGE && sw_key_stage_decode(bytes, &stage) == SW_ERR_OK) {
        print_number("group", stage.group.value, json);
        print_span("of", sw_span_str(sw_table_name(stage.table)), json);
        print_span("key", stage.key, json);
    } else if (!print_lease_or_change(table, bytes, json)) {
        print_span("malformed", bytes, json);
    }
}

static void
print_record(const struct inspection *in, enum sw_table table, const struct sw_store_record *record)
{
    if (in->json) {
        (void)printf("{\"table\":\"%s\"", sw_table_name(table));
    } else {
        (void)printf("%-10s", sw_table_name(table));
    }
    print_key(table, record->key, in->json);
    print_number("size", record->value.size, in->json);
    if (in->values) {
        (void)printf(in->json ? ",\"value\":\"" : " value=");
        for (size_t i = 0; i < record->value.size; i++) {
            (void)printf("%02x", record->value.data[i]);
        }
        (void)printf(in->json ? "\"" : "");
    }
    (void)puts(in->json ? "}" : "");
}

static void report(struct inspection *in, const char *what)
{
    in->damaged++;
    (void)fprintf(stderr, "swarm-inspect: CORRUPT: %s\n", what);
}

static void print_summary(const struct inspection *in,
                          enum sw_table table,
                          uint64_t records,
                          uint64_t bytes,
                          uint64_t damaged)
{
    (void)printf(in->json ? "{\"summary\":\"%s\",\"records\":\"%" PRIu64 "\",\"bytes\":\"%" PRIu64
                            "\",\"damaged\":\"%" PRIu64 "\"}\n"
                          : "%s: %" PRIu64 " records, %" PRIu64 " bytes, %" PRIu64 " damaged\n",
                 sw_table_name(table),
                 records,
                 bytes,
                 damaged);
}

/* Walks one table to its end, also behind damage. Anything but damage ends the inspection. */
static enum sw_err inspect_table(struct inspection *in, enum sw_table table)
{
    const struct sw_store_ops *ops = in->store->ops;
    const uint64_t damaged_before = in->damaged;
    struct sw_store_stats stats;
    struct sw_store_record record = {0};
    uint64_t records = 0;
    uint64_t bytes = 0;
    uint64_t steps = 0;
    enum sw_err err = ops->seek(in->store, table, sw_span_of(NULL, 0), false, &record);

    ops->stats(in->store, &stats);
    /* A damaged structure may lead in circles: more steps than records are not walked. */
    for (; (err == SW_ERR_OK || err == SW_ERR_CORRUPT) && steps <= stats.record_count[table];
         steps++) {
        if (err == SW_ERR_CORRUPT) {
            report(in, in->store->why);
        } else {
            records++;
            bytes += record.key.size + record.value.size;
            if (sw_key_check(table, record.key) != SW_ERR_OK) {
                (void)sw_store_corrupt(in->store, table, record.key, "the key is malformed");
                report(in, in->store->why);
            }
            if (records <= in->limit) {
                print_record(in, table, &record);
            }
        }
        err = ops->next(in->store, table, false, &record);
    }
    if (err != SW_ERR_OK && err != SW_ERR_CORRUPT && err != SW_ERR_NOT_FOUND) {
        return err;
    }
    if (in->damaged == damaged_before && records != stats.record_count[table]) {
        (void)snprintf(in->store->why,
                       sizeof(in->store->why),
                       "table %s has %" PRIu64 " records and says it has %" PRIu64,
                       sw_table_name(table),
                       records,
                       stats.record_count[table]);
        report(in, in->store->why);
    }
    print_summary(in, table, records, bytes, in->damaged - damaged_before);
    return SW_ERR_OK;
}

static bool parse(int argc, char **argv, struct inspection *in)
{
    static const struct option options[] = {
        {"table", required_argument, NULL, 't'},
        {"limit", required_argument, NULL, 'l'},
        {"values", no_argument, NULL, 'v'},
        {"output", required_argument, NULL, 'o'},
        {NULL, 0, NULL, 0},
    };
    char *end;
    int option;

    optind = 0;
    while ((option = getopt_long(argc, argv, "o:", options, NULL)) != -1) {
        switch (option) {
        case 't':
            in->table = optarg;
            break;
        case 'l':
            in->limit = strtoull(optarg, &end, 10);
            if (*end != '\0' || end == optarg) {
                return false;
            }
            break;
        case 'v':
            in->values = true;
            break;
        case 'o':
            in->json = strcmp(optarg, "json") == 0;
            if (!in->json && strcmp(optarg, "table") != 0) {
                return false;
            }
            break;
        default:
            return false;
        }
    }
    in->dir = optind + 1 == argc ? argv[optind] : NULL;
    return in->dir != NULL;
}

static bool table_known(const char *name)
{
    for (unsigned i = 0; i < SW_TABLE_COUNT; i++) {
        if (name == NULL || strcmp(name, sw_table_name(i)) == 0) {
            return true;
        }
    }
    return false;
}

static void print_owner(const struct inspection *in)
{
    struct sw_swarm_id swarm;
    struct sw_node_id node;

    sw_store_lmdb_owner(in->store, &swarm, &node);
    (void)printf(in->json ? "{\"store\":\"%s\",\"swarm\":\"" : "store %s of swarm ",
                 in->json ? "lmdb" : in->dir);
    for (size_t i = 0; i < sizeof(swarm.bytes); i++) {
        (void)printf("%02x", swarm.bytes[i]);
    }
    (void)printf(in->json ? "\",\"node\":\"%" PRIu64 "\",\"format\":%" PRIu32 "}\n"
                          : ", node %" PRIu64 ", format %" PRIu32 "\n",
                 node.value,
                 sw_store_lmdb_format(in->store));
}

int sw_inspect_store(int argc, char **argv)
{
    struct inspection in = {.limit = UINT64_MAX};
    struct sw_store_lmdb_config config = {.read_only = true};
    char why[SW_WHY_SIZE] = "";
    char place[PATH_MAX];
    enum sw_err err;
    int exit_code = 0;

    if (!parse(argc, argv, &in) || !table_known(in.table)) {
        if (!table_known(in.table)) {
            (void)fprintf(stderr, "swarm-inspect: no table is called %s\n", in.table);
        }
        (void)fputs(usage, stderr);
        return EXIT_USAGE;
    }
    in.dir = sw_inspect_dir(in.dir, "state", place, sizeof(place));
    config.path = in.dir;
    err = sw_store_lmdb_open(&config, &in.store, why);
    if (err != SW_ERR_OK) {
        return sw_inspect_fail(err, why);
    }
    print_owner(&in);
    for (unsigned table = 0; table < SW_TABLE_COUNT && exit_code == 0; table++) {
        if (in.table != NULL && strcmp(in.table, sw_table_name(table)) != 0) {
            continue;
        }
        err = inspect_table(&in, (enum sw_table)table);
        if (err != SW_ERR_OK) {
            exit_code = sw_inspect_fail(err, in.store->why);
        }
    }
    sw_store_lmdb_close(in.store);
    if (exit_code == 0 && in.damaged > 0) {
        exit_code = EXIT_CORRUPT;
    }
    return exit_code;
}
