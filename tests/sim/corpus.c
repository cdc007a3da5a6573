/* Reads the corpus and runs it.
 *
 * One line a run: NAME MODE SEED EVENTS PLAN, where EVENTS is `all` or a list of numbers and PLAN
 * the plan in words, as --shrink prints it. It begins with `plain`, so the line stays the same run
 * when the way from a seed to a plan changes or gets more numbers. When the code under test or the
 * simulator itself draws differently, a line becomes one more random run: what must not be
 * forgotten is a scenario or a unit test, too. */
#include "tests/sim/corpus.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CORPUS_SIZE_MAX = 1 << 20, WORD_COUNT = 5 };

struct line {
    const char *word[WORD_COUNT]; /* name, mode, seed, events, plan; into the text of the line */
    struct sim_options options;
    struct sim_events events;
    struct sim_plan plan;
};

/* Splits in place; a # begins a comment. The number of words. */
static int split(char *text, struct line *line)
{
    char *rest = NULL;
    int count = 0;

    text[strcspn(text, "#")] = '\0';
    for (char *word = strtok_r(text, " \t", &rest); word != NULL && count < WORD_COUNT;
         word = strtok_r(NULL, " \t", &rest)) {
        line->word[count++] = word;
    }
    return count;
}

static bool parse(struct line *line, char ret_why[SW_WHY_SIZE])
{
    struct sim_options *options = &line->options;
    char *end = NULL;
    uint64_t seed;

    if (strcmp(line->word[1], "raft") != 0 && strcmp(line->word[1], "node") != 0) {
        (void)snprintf(ret_why, SW_WHY_SIZE, "no mode is called `%.40s`", line->word[1]);
        return false;
    }
    options->mode = line->word[1][0] == 'r' ? SIM_MODE_RAFT : SIM_MODE_NODE;
    seed = strtoull(line->word[2], &end, 10);
    if (*end != '\0') {
        (void)snprintf(ret_why, SW_WHY_SIZE, "`%.40s` is no seed", line->word[2]);
        return false;
    }
    if (strcmp(line->word[3], "all") != 0) {
        options->events = &line->events;
        if (!sim_events_parse(line->word[3], &line->events)) {
            (void)snprintf(ret_why, SW_WHY_SIZE, "`%.40s` is no list of events", line->word[3]);
            return false;
        }
    }
    options->plan = line->word[4];
    return sim_options_plan(options, seed, &line->plan, ret_why);
}

static bool run_line(const struct line *line)
{
    struct sim_result result;

    sim_run_apart(&line->options, &line->plan, &result);
    printf("corpus %s: %s%s\n", line->word[0], result.failed ? "FAILED: " : "ok", result.why);
    if (result.failed) {
        printf("replay: swarm-sim --mode %s --seed %s --plan %s%s%s --verbose\n",
               line->word[1],
               line->word[2],
               line->word[4],
               line->options.events == NULL ? "" : " --events ",
               line->options.events == NULL ? "" : line->word[3]);
    }
    return !result.failed;
}

/* Whole, and closed: a child process that ends would move the place in an open file. */
static bool read_whole(const char *path, char *ret_text, size_t size)
{
    FILE *file = fopen(path, "r");
    size_t got;
    bool whole;

    if (file == NULL) {
        (void)fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return false;
    }
    got = fread(ret_text, 1, size - 1, file);
    ret_text[got] = '\0';
    whole = ferror(file) == 0 && got < size - 1;
    (void)fclose(file);
    if (!whole) {
        (void)fprintf(stderr, "%s: cannot be read, or is over %zu bytes\n", path, size);
    }
    return whole;
}

/* False if the line is broken or its run fails. */
static bool take_line(const struct sim_options *options, const char *path, struct line *line)
{
    char why[SW_WHY_SIZE] = "five words are wanted: NAME MODE SEED EVENTS PLAN";

    line->options = (struct sim_options){.guard_off = options->guard_off};
    if (line->word[WORD_COUNT - 1] == NULL || !parse(line, why)) {
        (void)fprintf(stderr, "%s: %s: %s\n", path, line->word[0], why);
        return false;
    }
    return run_line(line);
}

int sim_corpus_run(const struct sim_options *options, const char *path)
{
    static char text[CORPUS_SIZE_MAX];
    char *rest = NULL;
    uint32_t count = 0;
    uint32_t failed = 0;

    if (!read_whole(path, text, sizeof(text))) {
        return 2;
    }
    for (char *at = strtok_r(text, "\n", &rest); at != NULL; at = strtok_r(NULL, "\n", &rest)) {
        struct line line = {0};

        if (split(at, &line) > 0) {
            count++;
            failed += take_line(options, path, &line) ? 0 : 1;
        }
    }
    printf("corpus: %u runs, %u failed\n", count, failed);
    return (failed > 0) == options->expect_failure && count > 0 ? 0 : 1;
}
