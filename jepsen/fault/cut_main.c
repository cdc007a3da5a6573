/* swarm-fault-cut: takes a dead process's data directory back to what a power cut would have left.
 *
 * The directory is rebuilt beside itself and swapped in; journal and stash are gone afterwards,
 * since everything that is left is durable. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "jepsen/fault/control.h"
#include "jepsen/fault/cut.h"
#include "jepsen/fault/tree.h"

enum { PATH_SIZE = 1400, EXIT_USAGE = 2 };

struct options {
    const char *journal;
    const char *root;
    enum sw_cut_policy policy;
    uint64_t seed;
    bool list;
};

static const char usage[] =
    "usage: swarm-fault-cut --journal FILE --root DIR --policy none|prefix|random|torn|all\n"
    "                       [--seed S]\n"
    "       swarm-fault-cut --journal FILE --list      what is in it\n"
    "       swarm-fault-cut --layout                   offsets of the control page, as JSON\n"
    "The process that wrote the journal must be dead. DIR is the root of its control page.\n";

static void print_layout(void)
{
#define FIELD(name)                                 \
    {                                               \
#        name, offsetof(struct sw_fault_page, name) \
    }
#define RULE_FIELD(name)                                    \
    {                                                       \
        "rule." #name, offsetof(struct sw_fault_rule, name) \
    }
    static const struct {
        const char *name;
        size_t at;
    } fields[] = {FIELD(magic),
                  FIELD(version),
                  FIELD(size),
                  FIELD(journal),
                  FIELD(realtime_offset_ns),
                  FIELD(monotonic_ppm),
                  FIELD(attached),
                  FIELD(journal_size_max),
                  FIELD(rules),
                  FIELD(root),
                  RULE_FIELD(files),
                  RULE_FIELD(error),
                  RULE_FIELD(skip),
                  RULE_FIELD(times),
                  RULE_FIELD(value),
                  RULE_FIELD(hits)};

    (void)printf(
        "{\"page_size\": %d, \"rule_size\": %zu, \"rule_count\": %d, \"magic_value\": %" PRIu64,
        SW_FAULT_PAGE_SIZE,
        sizeof(struct sw_fault_rule),
        SW_FAULT_RULE_COUNT,
        SW_FAULT_MAGIC);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        (void)printf(", \"%s\": %zu", fields[i].name, fields[i].at);
    }
    (void)printf("}\n");
}

/* --- arguments -------------------------------------------------------------------------------- */

static bool parse(int argc, char **argv, struct options *options)
{
    static const struct option names[] = {{"journal", required_argument, NULL, 'j'},
                                          {"root", required_argument, NULL, 'r'},
                                          {"policy", required_argument, NULL, 'p'},
                                          {"seed", required_argument, NULL, 's'},
                                          {"list", no_argument, NULL, 'l'},
                                          {NULL, 0, NULL, 0}};
    bool has_policy = false;
    char *end = NULL;
    int found;

    while ((found = getopt_long(argc, argv, "", names, NULL)) != -1) {
        switch (found) {
        case 'j':
            options->journal = optarg;
            break;
        case 'r':
            options->root = optarg;
            break;
        case 'p':
            has_policy = sw_cut_policy_of(optarg, &options->policy);
            break;
        case 's':
            options->seed = strtoull(optarg, &end, 10);
            if (end == optarg || *end != '\0') {
                return false;
            }
            break;
        case 'l':
            options->list = true;
            break;
        default:
            return false;
        }
    }
    return optind == argc && options->journal != NULL &&
           (options->list || (options->root != NULL && has_policy));
}

/* --- what is asked ---------------------------------------------------------------------------- */

static void list(const struct sw_journal *journal)
{
    bool *pending = calloc(journal->count + 1, sizeof *pending);

    if (pending == NULL) {
        return;
    }
    sw_journal_pending(journal, journal->count, pending);
    for (size_t i = 0; i < journal->count; i++) {
        const struct sw_journal_record *record = &journal->records[i];

        (void)printf("%8" PRIu64 " %c %-11s file %" PRIu64 " at %" PRIu64 " +%" PRIu64
                     " covers %" PRIu64 " %s %s\n",
                     record->head.seq,
                     pending[i] ? '*' : ' ',
                     sw_journal_kind_name(record->head.kind),
                     record->head.file,
                     record->head.offset,
                     record->head.length,
                     record->head.covers,
                     record->path,
                     record->path2);
    }
    free(pending);
}

/* The new directory takes the old one's name; only then is the old one removed. */
static bool swap(const char *root, const char *fresh, char why[256])
{
    char old[PATH_SIZE];

    (void)snprintf(old, sizeof old, "%s.before-cut", root);
    if (rename(root, old) != 0 || rename(fresh, root) != 0) {
        (void)snprintf(why, 256, "%.160s: %s", root, strerror(errno));
        return false;
    }
    return sw_tree_remove(old, why);
}

static bool cut(const struct options *options, const struct sw_journal *journal, char why[256])
{
    struct sw_cut_result result;
    struct sw_image image;
    char fresh[PATH_SIZE];
    char stash[PATH_SIZE];
    bool good;

    (void)snprintf(fresh, sizeof fresh, "%s.after-cut", options->root);
    (void)snprintf(stash, sizeof stash, "%s" SW_STASH_SUFFIX, options->root);
    if (!sw_image_load(options->root, &image, why)) {
        return false;
    }
    result = sw_cut_apply(journal, journal->count, options->policy, options->seed, &image);
    good = sw_image_store(&image, fresh, why) && swap(options->root, fresh, why) &&
           sw_tree_remove(stash, why);
    sw_image_release(&image);
    if (good && unlink(options->journal) != 0 && errno != ENOENT) {
        (void)snprintf(why, 256, "%.160s: %s", options->journal, strerror(errno));
        return false;
    }
    if (good) {
        (void)printf("{\"policy\": \"%s\", \"seed\": %" PRIu64
                     ", \"records\": %zu, \"pending\": %" PRIu64 ", \"undone\": %" PRIu64
                     ", \"torn\": %" PRIu64 "}\n",
                     sw_cut_policy_name(options->policy),
                     options->seed,
                     journal->count,
                     result.pending,
                     result.undone,
                     result.torn);
    }
    return good;
}

int main(int argc, char **argv)
{
    struct options options = {.seed = 1};
    struct sw_journal journal;
    char why[256] = "";
    bool good;

    if (argc == 2 && strcmp(argv[1], "--layout") == 0) {
        print_layout();
        return 0;
    }
    if (!parse(argc, argv, &options)) {
        (void)fputs(usage, stderr);
        return EXIT_USAGE;
    }
    good = sw_journal_load(options.journal, &journal, why);
    if (good && options.list) {
        list(&journal);
    } else if (good) {
        good = cut(&options, &journal, why);
    }
    sw_journal_release(&journal);
    if (!good) {
        (void)fprintf(stderr, "swarm-fault-cut: %s\n", why);
    }
    return good ? 0 : 1;
}
