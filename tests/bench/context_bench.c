/* Contexts on a running swarm, for ./run bench contexts: fills it with blocks of token numbers and
 * small vectors, finds tokens again by their number, walks, searches, and slides windows. What it
 * reads it compares with what it wrote. Prints one JSON object. */
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "base/prng.h"
#include "client/include/swarm.h"

enum { DIM = 32, UNDER_WAY_MAX = 256, SAMPLE_MAX = 1 << 16, HITS = 10, WINDOW_START = 64 };

static const struct swarm_scope scope = {.partition = "bench"};

struct bench {
    struct swarm_client *client;
    uint64_t contexts, blocks, tokens, samples;
    struct sw_prng prng;
};

static _Noreturn void die(const char *what, const char *why)
{
    (void)fprintf(stderr, "context-bench: %s: %s\n", what, why);
    exit(1);
}

static double now_s(void)
{
    struct timespec now;

    SW_ASSERT(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void id_of(uint64_t context, char ret_id[32])
{
    (void)snprintf(ret_id, 32, "c%06llu", (unsigned long long)context);
}

/* The token numbers of a block: any of them is known from its place. */
static uint32_t token_at(uint64_t context, uint64_t token)
{
    return (uint32_t)((context * 1000003 + token) * 2654435761U);
}

static void fill(const struct bench *bench, uint64_t context, uint64_t block, uint32_t *ret_tokens)
{
    for (uint64_t i = 0; i < bench->tokens; i++) {
        ret_tokens[i] = token_at(context, block * bench->tokens + i);
    }
}

static void vector_of(uint64_t context, uint64_t block, float vector[DIM])
{
    struct sw_prng prng = sw_prng_of(context * 7919 + block / 16); /* neighbours are alike */
    struct sw_prng own = sw_prng_of(context << 32 | block);

    for (int i = 0; i < DIM; i++) {
        vector[i] = (float)sw_prng_below(&prng, 2001) / 1000 - 1 +
                    ((float)sw_prng_below(&own, 2001) / 1000 - 1) / 4;
    }
}

/* --- phases ----------------------------------------------------------------------------------- */

static void make(struct bench *bench)
{
    const struct swarm_space space = {
        .metric = SWARM_COSINE, .dtype = SWARM_F32, .dim = DIM, .seed = 77};
    struct swarm_context_options options = {.block_size = (uint32_t)bench->tokens,
                                            .window = {.blocks = WINDOW_START},
                                            .index = "vectors",
                                            .precision = 32};
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    struct swarm_result *result = NULL;
    char why[256] = "";

    request.op = SWARM_INDEX_CREATE;
    request.scope = scope;
    request.key = swarm_str("vectors");
    request.space = &space;
    if (swarm_call(bench->client, &request, &result) != SWARM_OK) {
        die("index", result == NULL ? "not sent" : result->detail);
    }
    swarm_result_free(result);
    for (uint64_t i = 0; i < bench->contexts; i++) {
        char id[32];

        id_of(i, id);
        if (swarm_context_create(bench->client, scope, id, &options, NULL, why, sizeof why) !=
            SWARM_OK) {
            die("create", why);
        }
    }
}

struct flight {
    sem_t free;
    _Atomic uint64_t failed;
};

static void landed(void *arg, struct swarm_result *result)
{
    struct flight *flight = arg;

    if (result->status != SWARM_OK) {
        (void)atomic_fetch_add(&flight->failed, 1);
    }
    swarm_result_free(result);
    SW_ASSERT(sem_post(&flight->free) == 0);
}

static void wait_for_one(struct flight *flight)
{
    while (sem_wait(&flight->free) != 0) { /* a signal came */
    }
}

/* All contexts grow side by side. */
static double append_all(struct bench *bench)
{
    uint32_t *tokens = malloc(bench->tokens * sizeof tokens[0]);
    struct flight flight = {.failed = 0};
    const double start = now_s();
    char why[256] = "", id[32];
    float vector[DIM];

    SW_ASSERT(tokens != NULL);
    SW_ASSERT(sem_init(&flight.free, 0, UNDER_WAY_MAX) == 0);
    for (uint64_t at = 0; at < bench->contexts * bench->blocks; at++) {
        const uint64_t context = at % bench->contexts, block = at / bench->contexts;
        const struct swarm_block made = {.tokens = (uint32_t)bench->tokens,
                                         .has_score = true,
                                         .score = (int64_t)(block % 100),
                                         .vector = {vector, sizeof vector},
                                         .content = {tokens, bench->tokens * sizeof tokens[0]}};

        fill(bench, context, block, tokens);
        vector_of(context, block, vector);
        id_of(context, id);
        wait_for_one(&flight);
        if (swarm_context_submit(
                bench->client, scope, id, &made, landed, &flight, why, sizeof why) != SWARM_OK) {
            die("append", why);
        }
    }
    for (int i = 0; i < UNDER_WAY_MAX; i++) {
        wait_for_one(&flight);
    }
    if (atomic_load(&flight.failed) != 0) {
        die("append", "not all blocks were acknowledged");
    }
    SW_ASSERT(sem_destroy(&flight.free) == 0);
    free(tokens);
    return now_s() - start;
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y ? 1 : 0;
}

static void print_times(const char *name, double *times, uint64_t count)
{
    qsort(times, count, sizeof times[0], by_size);
    (void)printf(",\"%s_p50_ms\":%.3f,\"%s_p99_ms\":%.3f",
                 name,
                 times[count / 2] * 1000,
                 name,
                 times[count * 99 / 100] * 1000);
}

/* Any token, found by its number and compared. */
static void locate_some(struct bench *bench, double *times)
{
    char why[256] = "", id[32];

    for (uint64_t i = 0; i < bench->samples; i++) {
        const uint64_t context = sw_prng_below(&bench->prng, bench->contexts);
        const uint64_t token = sw_prng_below(&bench->prng, bench->blocks * bench->tokens);
        const double start = now_s();
        const struct swarm_block_at *block;
        struct swarm_blocks *blocks = NULL;
        uint32_t found;

        id_of(context, id);
        if (swarm_context_locate(bench->client, scope, id, token, &blocks, why, sizeof why) !=
            SWARM_OK) {
            die("locate", why);
        }
        times[i] = now_s() - start;
        block = swarm_blocks_at(blocks, 0);
        memcpy(&found,
               (const uint8_t *)block->content.data + (token - block->token) * sizeof found,
               sizeof found);
        if (found != token_at(context, token)) {
            die("locate", "another token than was written");
        }
        swarm_blocks_free(blocks);
    }
}

/* One whole context in order; requests it took for a block. */
static double walk_one(struct bench *bench, double *ret_requests)
{
    struct swarm_context_reader *reader = NULL;
    const struct swarm_block_at *block;
    const double start = now_s();
    char why[256] = "", id[32];

    id_of(0, id);
    if (swarm_context_reader_new(bench->client, scope, id, &reader, why, sizeof why) != SWARM_OK) {
        die("walk", why);
    }
    for (uint64_t i = 0; i < bench->blocks; i++) {
        if (swarm_context_reader_block(reader, i * bench->tokens, &block, why, sizeof why) !=
            SWARM_OK) {
            die("walk", why);
        }
    }
    *ret_requests = (double)swarm_context_reader_requests(reader) / (double)bench->blocks;
    swarm_context_reader_free(reader);
    return now_s() - start;
}

/* Hits are inside of their windows; how many were found. */
static uint64_t search_some(struct bench *bench, uint64_t window, double *times)
{
    uint64_t hits = 0;

    for (uint64_t i = 0; i < bench->samples; i++) {
        struct swarm_request request = SWARM_INIT(struct swarm_request);
        const uint64_t context = sw_prng_below(&bench->prng, bench->contexts);
        struct swarm_result *result = NULL;
        struct swarm_question question;
        float vector[DIM];
        double start;

        vector_of(context, bench->blocks - 1 - sw_prng_below(&bench->prng, window), vector);
        question = (struct swarm_question){.index = "vectors",
                                           .vector = {vector, sizeof vector},
                                           .flags = SWARM_SEARCH_KEYS_ONLY,
                                           .k = HITS};
        request.op = SWARM_VECTOR_SEARCH;
        request.scope = scope;
        request.question = &question;
        start = now_s();
        if (swarm_call(bench->client, &request, &result) != SWARM_OK) {
            die("search", result == NULL ? "not sent" : result->detail);
        }
        times[i] = now_s() - start;
        for (size_t hit = 0; hit < result->record_count; hit++) {
            const struct swarm_slice key = result->records[hit].key;
            char digits[17] = "";

            memcpy(digits, (const char *)key.data + key.size - 16, 16);
            hits++;
            if (strtoull(digits, NULL, 16) / bench->tokens + window < bench->blocks) {
                die("search", "a block outside of the window was found");
            }
        }
        swarm_result_free(result);
    }
    return hits;
}

static double slide_all(struct bench *bench, uint32_t blocks)
{
    const struct swarm_window window = {.blocks = blocks};
    const double start = now_s();
    char why[256] = "", id[32];

    for (uint64_t i = 0; i < bench->contexts; i++) {
        id_of(i, id);
        if (swarm_context_window(bench->client, scope, id, &window, NULL, why, sizeof why) !=
            SWARM_OK) {
            die("window", why);
        }
    }
    return now_s() - start;
}

static void run(struct bench *bench)
{
    const uint64_t window = bench->blocks < WINDOW_START ? bench->blocks : WINDOW_START;
    const uint32_t small = window > 8 ? 8 : 1;
    const double total = (double)(bench->contexts * bench->blocks * bench->tokens);
    double *times = malloc(bench->samples * sizeof times[0]);
    double seconds, requests;
    uint64_t hits;

    SW_ASSERT(times != NULL);
    make(bench);
    seconds = append_all(bench);
    (void)printf("{\"tokens\":%.0f,\"blocks\":%llu,\"append_s\":%.2f,\"append_tokens_s\":%.0f",
                 total,
                 (unsigned long long)(bench->contexts * bench->blocks),
                 seconds,
                 total / seconds);
    locate_some(bench, times);
    print_times("locate", times, bench->samples);
    seconds = walk_one(bench, &requests);
    (void)printf(",\"walk_blocks_s\":%.0f,\"walk_requests_a_block\":%.2f",
                 (double)bench->blocks / seconds,
                 requests);
    hits = search_some(bench, window, times);
    print_times("search", times, bench->samples);
    seconds = slide_all(bench, small);
    (void)printf(",\"hits\":%llu,\"slide_ms\":%.3f",
                 (unsigned long long)hits,
                 seconds * 1000 / (double)bench->contexts);
    hits = search_some(bench, small, times);
    print_times("search_after", times, bench->samples);
    (void)printf(",\"hits_after\":%llu}\n", (unsigned long long)hits);
    free(times);
}

/* A number above 0 and not over `max`. */
static uint64_t number_of(const char *text, uint64_t max)
{
    char *end;
    const unsigned long long number = strtoull(text, &end, 10);

    if (*end != '\0' || number == 0 || number > max) {
        die("not a number that fits", text);
    }
    return number;
}

int main(int argc, char **argv)
{
    struct swarm_options options = SWARM_INIT(struct swarm_options);
    struct bench bench = {.prng = sw_prng_of(1)};
    char why[256] = "";

    if (argc != 6) {
        die("usage", "context-bench CONFIG CONTEXTS BLOCKS TOKENS SAMPLES");
    }
    options.config_path = argv[1];
    options.flags = SWARM_ORDERED;
    options.timeout_ms = 60000;
    bench.contexts = number_of(argv[2], 100000);
    bench.blocks = number_of(argv[3], 1000000);
    bench.tokens = number_of(argv[4], 1 << 18);
    bench.samples = number_of(argv[5], SAMPLE_MAX);
    if (swarm_open(&options, &bench.client, why, sizeof why) != SWARM_OK) {
        die("open", why);
    }
    run(&bench);
    swarm_close(bench.client);
    return 0;
}
