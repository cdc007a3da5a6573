/* Hash and story of a simulated world. */
#include "tests/sim/trace.h"

#include <inttypes.h>
#include <string.h>

#include <xxhash.h>

struct row {
    bool story;
    const char *text;
};

static const struct row rows[SIM_TRACE_COUNT] = {
#define X(name, story, text) {story, text},
    SIM_TRACE_TABLE(X)
#undef X
};

void sim_trace_init(struct sim_trace *trace, uint64_t seed, bool verbose)
{
    memset(trace, 0, sizeof(*trace));
    trace->hash = seed;
    trace->verbose = verbose;
}

static const char *role_name(uint64_t role)
{
    static const char *const names[] = {"follower", "candidate", "leader", "stopped"};

    return role < sizeof names / sizeof names[0] ? names[role] : "nothing known";
}

static void print_event(const struct sim_trace_event *event, FILE *out)
{
    const char *text = rows[event->id].text;

    (void)fprintf(
        out, "  %8" PRIu64 ".%03u ms  ", event->at_us / 1000, (unsigned)(event->at_us % 1000));
    if (event->owner >= SIM_TRACE_CLIENT) {
        (void)fprintf(out, "client %u ", (unsigned)(event->owner - SIM_TRACE_CLIENT));
    } else if (event->owner > 0) {
        (void)fprintf(out, "node %u ", (unsigned)event->owner);
    }
    for (; *text != '\0'; text++) {
        if (text[0] == '$' && text[1] >= 'a' && text[1] <= 'c') {
            (void)fprintf(out, "%" PRIu64, event->value[text[1] - 'a']);
            text++;
        } else if (text[0] == '$' && text[1] == 'r') {
            (void)fputs(role_name(event->value[0]), out);
            text++;
        } else {
            (void)fputc(*text, out);
        }
    }
    (void)fputc('\n', out);
}

void sim_trace_add(struct sim_trace *trace, const struct sim_trace_event *event)
{
    const uint64_t words[7] = {trace->hash,
                               event->at_us,
                               event->value[0],
                               event->value[1],
                               event->value[2],
                               event->owner,
                               event->id};

    trace->hash = XXH3_64bits(words, sizeof(words));
    trace->ring[trace->count % SIM_TRACE_RING] = *event;
    trace->count++;
    if (trace->verbose) {
        print_event(event, stdout);
    }
}

void sim_trace_story(const struct sim_trace *trace, uint32_t lines, FILE *out)
{
    const uint64_t oldest = trace->count > SIM_TRACE_RING ? trace->count - SIM_TRACE_RING : 0;
    uint64_t first = trace->count;
    uint32_t found = 0;

    while (first > oldest && found < lines) {
        first--;
        found += rows[trace->ring[first % SIM_TRACE_RING].id].story ? 1 : 0;
    }
    for (uint64_t i = first; i < trace->count; i++) {
        const struct sim_trace_event *event = &trace->ring[i % SIM_TRACE_RING];

        if (rows[event->id].story) {
            print_event(event, out);
        }
    }
}
