/* Samples, their window, and one step of a budget. */
#include "node/tune.h"

#include <string.h>

#include "base/assert.h"
#include "transport/vector.h"

enum {
    WIDER = 4, /* candidates of the third search */
};

/* The neighbours of the entry itself, without it. */
static enum sw_err ask(struct sw_index_reader *reader,
                       uint64_t id,
                       struct sw_index_query query,
                       struct sw_index_hit ret_hits[SW_TUNE_K + 1],
                       uint32_t *ret_count,
                       uint32_t *ret_scanned)
{
    struct sw_index_certificate certificate = {0};
    uint32_t count = 0;
    uint32_t kept = 0;
    enum sw_err err;

    query.k = SW_TUNE_K + 1;
    query.rerank = query.budget.rerank_tenths * SW_TUNE_K / 10 + 1; /* the entry itself is one */
    query.include_stale = true;
    err = sw_index_search(reader, &query, ret_hits, &count, &certificate);
    for (uint32_t i = 0; err == SW_ERR_OK && i < count && kept < SW_TUNE_K; i++) {
        if (ret_hits[i].id != id) {
            ret_hits[kept++] = ret_hits[i];
        }
    }
    *ret_count = kept;
    *ret_scanned = (uint32_t)certificate.scanned;
    return err;
}

static uint8_t count_near(const struct sw_index_hit *hits, uint32_t count, int64_t distance)
{
    uint32_t found = 0;

    for (uint32_t i = 0; i < count; i++) {
        found += hits[i].distance <= distance ? 1 : 0;
    }
    return (uint8_t)found;
}

enum sw_err sw_tune_measure(struct sw_index_reader *reader,
                            uint64_t id,
                            struct sw_index_budget budget,
                            struct sw_tune_sample *ret_sample)
{
    struct sw_index_hit truth[SW_TUNE_K + 1], hits[SW_TUNE_K + 1];
    struct sw_index_query query = {.budget = budget};
    uint32_t wanted = 0;
    uint32_t count = 0;
    uint32_t scanned = 0;
    int64_t last;
    enum sw_err err = sw_index_reader_row(reader, id, &query.row);

    if (err != SW_ERR_OK) {
        return err;
    }
    query.recall_permille = 1000;
    err = ask(reader, id, query, truth, &wanted, &scanned);
    if (err != SW_ERR_OK) {
        return err;
    }
    last = wanted == 0 ? 0 : truth[wanted - 1].distance;
    query.recall_permille = 0;
    err = ask(reader, id, query, hits, &count, &scanned);
    *ret_sample = (struct sw_tune_sample){
        .wanted = (uint8_t)wanted, .found = count_near(hits, count, last), .scanned = scanned};
    if (err == SW_ERR_OK) {
        query.budget.rerank_tenths *= WIDER;
        err = ask(reader, id, query, hits, &count, &scanned);
        ret_sample->found_wide = count_near(hits, count, last);
    }
    return err;
}

static bool same_budget(struct sw_index_budget a, struct sw_index_budget b)
{
    return a.probe_percent == b.probe_percent && a.rerank_tenths == b.rerank_tenths;
}

void sw_tune_add(struct sw_tune_window *window,
                 struct sw_index_budget budget,
                 struct sw_tune_sample sample)
{
    struct sw_tune_sample *place;

    if (!same_budget(window->budget, budget)) {
        *window = (struct sw_tune_window){.budget = budget};
    }
    place = &window->samples[window->next];
    if (window->count == SW_TUNE_WINDOW) {
        window->wanted -= place->wanted;
        window->found -= place->found;
        window->found_wide -= place->found_wide;
        window->scanned -= place->scanned;
    } else {
        window->count++;
    }
    *place = sample;
    window->next = (window->next + 1) % SW_TUNE_WINDOW;
    window->wanted += sample.wanted;
    window->found += sample.found;
    window->found_wide += sample.found_wide;
    window->scanned += sample.scanned;
    SW_ASSERT(window->found <= window->wanted);
}

static uint32_t permille(uint32_t part, uint32_t all)
{
    return all == 0 ? 1000 : (uint32_t)((uint64_t)part * 1000 / all);
}

uint32_t sw_tune_recall(const struct sw_tune_window *window)
{
    return permille(window->found, window->wanted);
}

static uint32_t more(uint32_t value, uint32_t max)
{
    const uint32_t next = value + value / 4 + 1;

    return next < max ? next : max;
}

static uint32_t less(uint32_t value, uint32_t min)
{
    const uint32_t next = value - value / 5;

    return next > min ? next : min;
}

bool sw_tune_next(const struct sw_tune_window *window,
                  uint32_t target_permille,
                  struct sw_index_budget *ret_budget)
{
    const uint32_t recall = sw_tune_recall(window);
    const uint32_t wide = permille(window->found_wide, window->wanted);
    struct sw_index_budget next = window->budget;

    if (window->count < SW_TUNE_SAMPLES_MIN || target_permille == 0 || next.probe_percent == 0 ||
        next.rerank_tenths == 0) {
        return false;
    }
    if (recall + SW_TUNE_PERMILLE_STEP < target_permille) {
        /* Whatever is missing with four times the candidates lies in other buckets. */
        if (wide < target_permille + SW_TUNE_PERMILLE_STEP) {
            next.probe_percent = more(next.probe_percent, SW_VECTOR_PROBE_MAX);
        }
        if (wide > recall + SW_TUNE_PERMILLE_STEP) {
            next.rerank_tenths = more(next.rerank_tenths, SW_VECTOR_RERANK_MAX);
        }
    } else if (recall > target_permille + (1000 - target_permille) * 7 / 10) {
        next.probe_percent = less(next.probe_percent, SW_VECTOR_PROBE_MIN);
        next.rerank_tenths = less(next.rerank_tenths, SW_VECTOR_RERANK_MIN);
    }
    *ret_budget = next;
    return !same_budget(next, window->budget);
}
