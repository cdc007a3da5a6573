/* Reads the corpus and runs it.
 *
 * One line a run: NAME MODE SEED EVENTS PLAN, where EVENTS is `all` or a list of numbers and PLAN
 * every number of the plan. The plan is written out, so the line stays the same run when the way
 * from a seed to a plan changes; a number that is added later must have a value (0 or its usual
 * one) that means "as before". When the simulator itself draws differently, a line becomes one more
 * random run: what must not be forgotten is a scenario or a unit test, too. */
#include "tests/sim/corpus.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_SIZE_MAX = 8192, WORD_COUNT = 5 };

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

    text[strcspn(text, "#\n")] = '\0';
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

int sim_corpus_run(const struct sim_options *options, const char *path)
{
    static char text[LINE_SIZE_MAX];
    static struct line line;
    uint32_t count = 0;
    uint32_t failed = 0;
    FILE *file = fopen(path, "r");

    if (file == NULL) {
        (void)fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return 2;
    }
    while (fgets(text, sizeof(text), file) != NULL) {
        char why[SW_WHY_SIZE] = "five words are wanted: NAME MODE SEED EVENTS PLAN";
        int words;

        line = (struct line){.options = {.guard_off = options->guard_off}};
        words = split(text, &line);
        if (words == 0) {
            continue;
        }
        count++;
        if (words != WORD_COUNT || !parse(&line, why)) {
            (void)fprintf(stderr, "%s: %s: %s\n", path, line.word[0], why);
            failed++;
        } else if (!run_line(&line)) {
            failed++;
        }
    }
    (void)fclose(file);
    printf("corpus: %u runs, %u failed\n", count, failed);
    return (failed > 0) == options->expect_failure && count > 0 ? 0 : 1;
}
