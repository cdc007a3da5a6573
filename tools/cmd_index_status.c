/* swarmctl index: status, recall, tune, lower, plot. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "tools/cli.h"
#include "tools/cmd.h"
#include "tools/indexes.h"
#include "tools/plot.h"
#include "transport/crypto_sodium.h"
#include "transport/vector.h"

enum { SAMPLES_AT_ONCE = 32, SAMPLES_DEFAULT = 256, CURVE_SAMPLES = 96 };

/* One answer about the index in the first argument; `budget` may be NULL. */
static struct swarm_result *
ask(struct sw_cli *cli, uint32_t samples, const struct sw_buf *budget, int *ret_code)
{
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    struct swarm_result *result = NULL;

    request.op = SWARM_INDEX_STATUS;
    request.scope = sw_cli_scope(cli);
    request.key = swarm_str(cli->args[0]);
    request.limit = samples;
    sw_crypto_random(&request.expected, sizeof request.expected);
    if (budget != NULL) {
        request.value = (struct swarm_slice){.data = budget->data, .size = budget->size};
    }
    if (sw_cmd_call(cli, &request, &result, ret_code) != SW_ERR_OK) {
        return NULL;
    }
    if (result->status != SWARM_OK) {
        *ret_code = sw_cli_fail_result(result);
        swarm_result_free(result);
        return NULL;
    }
    return result;
}

static int malformed(void)
{
    return sw_cli_fail(SW_ERR_MALFORMED, "the node's answer about the index does not read");
}

/* Takes so many samples, some at a time, and gives the last answer. */
static struct swarm_result *measure(struct sw_cli *cli, uint64_t wanted, int *ret_code)
{
    struct swarm_result *result = ask(cli, 0, NULL, ret_code);

    for (uint64_t taken = 0; result != NULL && taken < wanted; taken += SAMPLES_AT_ONCE) {
        const uint64_t left = wanted - taken;

        swarm_result_free(result);
        result =
            ask(cli, (uint32_t)(left < SAMPLES_AT_ONCE ? left : SAMPLES_AT_ONCE), NULL, ret_code);
    }
    return result;
}

static int show(struct sw_cli *cli, uint64_t samples)
{
    int code = 0;
    struct swarm_result *result = measure(cli, samples, &code);

    if (result != NULL && !sw_index_status_print(result->detail, cli->format, stdout)) {
        code = malformed();
    }
    swarm_result_free(result);
    return code;
}

int sw_cmd_index_status(struct sw_cli *cli)
{
    return show(cli, 0);
}

int sw_cmd_index_recall(struct sw_cli *cli)
{
    uint64_t samples = 0;

    return sw_cli_number(cli, "samples", SAMPLES_DEFAULT, &samples) ? show(cli, samples)
                                                                    : sw_cmd_usage();
}

/* --- decisions -------------------------------------------------------------------------------- */

/* About the index in the first argument. */
static int decide(struct sw_cli *cli, enum swarm_op op, struct sw_span value)
{
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    struct swarm_result *result = NULL;
    int code = 0;

    request.op = op;
    request.scope = sw_cli_scope(cli);
    request.key = swarm_str(cli->args[0]);
    request.value = (struct swarm_slice){.data = value.data, .size = value.size};
    if (sw_cmd_call(cli, &request, &result, &code) == SW_ERR_OK) {
        code = result->status == SWARM_OK ? sw_cmd_report_write(cli, result)
                                          : sw_cli_fail_write(result);
        swarm_result_free(result);
    }
    return code;
}

/* --- tune ------------------------------------------------------------------------------------- */

int sw_cmd_index_tune(struct sw_cli *cli)
{
    struct sw_vector_tuning tuning = {0};
    struct sw_buf value = {0};
    double target = 0;
    int code;

    if (!sw_cmd_real(cli, "recall", 0, &target) ||
        !sw_cmd_small_number(cli, "probe-percent", &tuning.probe_percent) ||
        !sw_cmd_small_number(cli, "rerank-tenths", &tuning.rerank_tenths)) {
        return sw_cmd_usage();
    }
    if (target < 0 || target >= 1) {
        return sw_cli_fail(SW_ERR_INVALID, "--recall is a fraction such as 0.95, or 0");
    }
    tuning.target_permille = (uint32_t)(target * 1000 + 0.5);
    sw_vector_tuning_encode(&tuning, &value);
    code = decide(cli, SWARM_INDEX_TUNE, sw_buf_span(&value));
    sw_buf_release(&value);
    return code;
}

/* --- lower ------------------------------------------------------------------------------------ */

int sw_cmd_index_lower(struct sw_cli *cli)
{
    uint32_t bits = 0;
    uint8_t value;

    if (!sw_cmd_small_number(cli, "bits", &bits)) {
        return sw_cmd_usage();
    }
    value = bits <= UINT8_MAX ? (uint8_t)bits : 0; /* which is none, and is refused so */
    return decide(cli, SWARM_INDEX_LOWER, sw_span_of(&value, sizeof value));
}

/* --- plot ------------------------------------------------------------------------------------- */

/* A point of the curve: what this budget finds. */
static bool add_point(struct sw_cli *cli,
                      struct sw_vector_tuning tuning,
                      struct sw_plot_point *ret_point,
                      int *ret_code)
{
    struct sw_buf value = {0};
    uint64_t found = 0, scanned = 0, samples = 0;
    bool good = true;

    sw_vector_tuning_encode(&tuning, &value);
    for (int i = 0; i < CURVE_SAMPLES / SAMPLES_AT_ONCE && good; i++) {
        struct swarm_result *result = ask(cli, SAMPLES_AT_ONCE, &value, ret_code);
        struct sw_index_status status;

        good = result != NULL;
        if (good && !sw_index_status_read(result->detail, &status)) {
            *ret_code = malformed();
            good = false;
        }
        if (good) {
            samples += status.samples;
            found += (uint64_t)status.recall_permille * status.samples;
            scanned += status.scanned * status.samples;
        }
        swarm_result_free(result);
    }
    if (samples > 0) {
        ret_point->x = (double)scanned / (double)samples;
        ret_point->y = (double)found / (double)samples / 1000;
    }
    sw_buf_release(&value);
    return good;
}

static void draw(const struct sw_index_status *status,
                 const struct sw_plot_point *points,
                 size_t point_count,
                 struct sw_buf *out)
{
    struct sw_plot_bar bars[SW_INDEX_STATUS_BINS] = {{.value = 0}};
    char title[128];
    char subtitle[192];

    for (size_t i = 0; i < status->bin_count; i++) {
        (void)snprintf(bars[i].label, sizeof bars[i].label, "%u+", (unsigned)status->bins[i].from);
        bars[i].value = status->bins[i].buckets;
    }
    (void)snprintf(title, sizeof title, "index %s", status->name);
    (void)snprintf(subtitle,
                   sizeof subtitle,
                   "%llu entries of %u numbers in %u buckets, the largest with %u",
                   (unsigned long long)status->entries,
                   (unsigned)status->dim,
                   (unsigned)status->buckets,
                   (unsigned)status->largest);
    sw_plot_svg(title, subtitle, points, point_count, bars, status->bin_count, out);
}

static int write_file(const char *path, const char *format, const struct sw_buf *svg)
{
    const bool html = strcmp(format, "html") == 0;
    FILE *file = strcmp(path, "-") == 0 ? stdout : fopen(path, "w");
    bool good;

    if (file == NULL) {
        return sw_cli_fail_format(SW_ERR_IO, "cannot write %s", path);
    }
    if (html) {
        (void)fputs("<!doctype html>\n<meta charset=\"utf-8\">\n<title>index</title>\n", file);
    }
    good = fwrite(svg->data, 1, svg->size, file) == svg->size;
    good = (file == stdout ? fflush(file) : fclose(file)) == 0 && good;
    return good ? 0 : sw_cli_fail_format(SW_ERR_IO, "cannot write %s", path);
}

/* The present budget is the point with a name; the others are around it. */
int sw_cmd_index_plot(struct sw_cli *cli)
{
    static const uint32_t percents[] = {20, 35, 60, 100, 170, 280, 450};
    enum { POINTS = sizeof percents / sizeof percents[0] };
    const char *format = sw_cli_flag(cli, "as");
    const char *path = sw_cli_flag(cli, "file");
    struct sw_plot_point points[POINTS] = {{.x = 0}};
    struct sw_index_status status;
    struct sw_buf svg = {0};
    int code = 0;
    struct swarm_result *result = ask(cli, 0, NULL, &code);

    if (result == NULL) {
        return code;
    }
    if (!sw_index_status_read(result->detail, &status)) {
        code = malformed();
    }
    swarm_result_free(result);
    for (size_t i = 0; i < POINTS && code == 0; i++) {
        struct sw_vector_tuning tuning = {.probe_percent = status.probe_percent * percents[i] / 100,
                                          .rerank_tenths =
                                              status.rerank_tenths * percents[i] / 100};

        tuning.probe_percent = tuning.probe_percent < SW_VECTOR_PROBE_MIN   ? SW_VECTOR_PROBE_MIN
                               : tuning.probe_percent > SW_VECTOR_PROBE_MAX ? SW_VECTOR_PROBE_MAX
                                                                            : tuning.probe_percent;
        tuning.rerank_tenths = tuning.rerank_tenths < SW_VECTOR_RERANK_MIN   ? SW_VECTOR_RERANK_MIN
                               : tuning.rerank_tenths > SW_VECTOR_RERANK_MAX ? SW_VECTOR_RERANK_MAX
                                                                             : tuning.rerank_tenths;
        if (percents[i] == 100) {
            (void)snprintf(points[i].label, sizeof points[i].label, "as it is set");
        }
        (void)add_point(cli, tuning, &points[i], &code);
    }
    if (code == 0) {
        draw(&status, points, POINTS, &svg);
        code = write_file(path == NULL ? "-" : path, format == NULL ? "svg" : format, &svg);
    }
    sw_buf_release(&svg);
    return code;
}
