/* Reads the command line: names with one value each, a table of them. */
#include "jepsen/workload/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jepsen/workload/process.h"

struct row {
    const char *name;
    const char **text; /* one of these three is set */
    uint32_t *number;
    uint64_t *wide;
    uint64_t min, max;
};

static bool number_of(const char *text, uint64_t min, uint64_t max, uint64_t *ret_number)
{
    char *end = NULL;
    unsigned long long number;

    if (text[0] < '0' || text[0] > '9') {
        return false;
    }
    errno = 0;
    number = strtoull(text, &end, 10);
    if (errno != 0 || *end != '\0' || number < min || number > max) {
        return false;
    }
    *ret_number = number;
    return true;
}

static bool set(const struct row *row, const char *text, char *why, size_t why_size)
{
    uint64_t number = 0;

    if (row->text != NULL) {
        *row->text = text;
        return true;
    }
    if (!number_of(text, row->min, row->max, &number)) {
        (void)snprintf(why,
                       why_size,
                       "%s takes a number from %llu to %llu, not \"%.40s\"",
                       row->name,
                       (unsigned long long)row->min,
                       (unsigned long long)row->max,
                       text);
        return false;
    }
    if (row->number != NULL) {
        *row->number = (uint32_t)number;
    } else {
        *row->wide = number;
    }
    return true;
}

static bool set_format(struct sw_options *options, const char *format, char *why, size_t why_size)
{
    options->json = strcmp(format, "json") == 0;
    if (!options->json && strcmp(format, "text") != 0) {
        (void)snprintf(why, why_size, "-o takes text or json");
        return false;
    }
    return true;
}

static bool
apply(struct sw_options *options, const char *name, const char *text, char *why, size_t why_size)
{
    const char *format = NULL;
    const struct row rows[] = {
        {.name = "--config", .text = &options->config},
        {.name = "--endpoints", .text = &options->endpoints},
        {.name = "--history", .text = &options->history},
        {.name = "-o", .text = &format},
        {.name = "--seed", .wide = &options->seed, .max = UINT64_MAX},
        {.name = "--epoch-ns", .wide = &options->epoch_ns, .max = UINT64_MAX},
        {.name = "--processes", .number = &options->processes, .min = 1, .max = SW_WORKERS_MAX},
        {.name = "--rate", .number = &options->rate, .min = 1, .max = 1000000},
        {.name = "--seconds", .number = &options->seconds, .max = 1000000},
        {.name = "--keys", .number = &options->keys, .min = 1, .max = 100000},
        {.name = "--timeout-ms", .number = &options->timeout_ms, .min = 1, .max = 600000},
        {.name = "--pinned", .number = &options->pinned, .max = SW_WORKERS_MAX},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(rows[i].name, name) != 0) {
            continue;
        }
        if (text == NULL) {
            (void)snprintf(why, why_size, "%s needs a value", name);
            return false;
        }
        if (!set(&rows[i], text, why, why_size)) {
            return false;
        }
        return format == NULL || set_format(options, format, why, why_size);
    }
    (void)snprintf(why, why_size, "unknown option \"%.40s\"", name);
    return false;
}

static bool complete(struct sw_options *options, char *why, size_t why_size)
{
    const char *missing = NULL;

    if (options->workload == NULL) {
        missing = "a workload (or `list`)";
    } else if (strcmp(options->workload, "list") == 0 && options->config == NULL &&
               options->history == NULL) {
        options->list = true;
    } else {
        missing = options->history == NULL ? "--history" : missing;
        missing = options->config == NULL ? "--config" : missing;
    }
    if (missing != NULL) {
        (void)snprintf(why, why_size, "missing: %s", missing);
    }
    return missing == NULL;
}

bool sw_options_read(
    int argc, char *const *argv, struct sw_options *ret_options, char *why, size_t why_size)
{
    struct sw_options options = {
        .seed = 1, .processes = 10, .rate = 100, .seconds = 30, .keys = 8, .timeout_ms = 5000};

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--final") == 0) {
            options.final = true;
        } else if (argv[i][0] != '-') {
            if (options.workload != NULL) {
                (void)snprintf(why, why_size, "one workload, not also \"%.40s\"", argv[i]);
                return false;
            }
            options.workload = argv[i];
        } else {
            const char *text = i + 1 < argc ? argv[i + 1] : NULL;

            if (!apply(&options, argv[i], text, why, why_size)) {
                return false;
            }
            i++;
        }
    }
    if (!complete(&options, why, why_size)) {
        return false;
    }
    *ret_options = options;
    return true;
}
