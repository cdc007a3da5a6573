/* What can be done with the key of a member. Raft trusts its members: README.md says which of
 * these do harm. None may crash a node, and none may reach further than its own lie. */
#include <stdio.h>
#include <stdlib.h>

#include "base/prng.h"
#include "node/fetch.h"
#include "raft/wire.h"
#include "tests/adversarial/cases.h"

enum { HANDSHAKE_MS = 5000, GROUP = 1, MESSAGE_SIZE_MAX = 300, DISRUPT = 1, PRE_VOTE = 2 };

static void enter(struct visitor *visitor, const struct visit *visit)
{
    uint8_t refusal = 0;

    visitor_open(visitor, visit);
    if (visitor_shake_hands(visitor, HANDSHAKE_MS, &refusal) != WELCOME_SESSION) {
        visitor_fail("no session for a member's key");
    }
}

/* Whatever the node says is taken and dropped, so that its credit does not run out. */
static void say(struct visitor *visitor, const struct visit *visit, const struct sw_buf *message)
{
    struct sw_span body;

    while (visitor_hear(visitor, 0, &body)) {
    }
    while (!sw_channel_may_send(visitor->channel, message->size + 64)) {
        (void)visitor_hear(visitor, 10, &body); /* credit comes with its frames */
        if (sw_channel_broken(visitor->channel)) {
            visitor_close(visitor);
            enter(visitor, visit);
        }
    }
    visitor_say(visitor, sw_buf_span(message));
}

static void begin(struct sw_buf *message, uint8_t kind)
{
    sw_buf_clear(message);
    sw_write_u8(message, kind);
    sw_write_u32(message, GROUP);
}

static void
write_append(struct sw_buf *out, uint64_t term, uint64_t prev, uint64_t prev_term, uint64_t commit)
{
    begin(out, SW_WIRE_APPEND);
    sw_write_u64(out, term);
    sw_write_u64(out, prev);
    sw_write_u64(out, prev_term);
    sw_write_u64(out, commit);
    sw_write_u32(out, 0);
}

static void write_result(struct sw_buf *out, uint64_t term, uint64_t rejected, uint64_t last)
{
    begin(out, SW_WIRE_APPEND_RESULT);
    sw_write_u64(out, term);
    sw_write_u64(out, rejected);
    sw_write_u64(out, last);
}

static void
write_vote(struct sw_buf *out, uint64_t term, uint64_t self, uint64_t last, uint8_t flags)
{
    begin(out, SW_WIRE_VOTE);
    sw_write_u64(out, term);
    sw_write_u64(out, self);
    sw_write_u64(out, last);
    sw_write_u64(out, last == 0 ? 0 : term);
    sw_write_u8(out, flags);
}

/* Random bytes behind each kind that a member may say. */
void case_member_random(const struct visit *visit)
{
    struct sw_prng prng = sw_prng_of(visit->seed);
    struct visitor visitor;
    struct sw_buf message = {0};

    enter(&visitor, visit);
    for (uint32_t i = 0; i < visit->count; i++) {
        begin(&message, (uint8_t)sw_prng_range(&prng, 0, 70));
        for (uint64_t size = sw_prng_below(&prng, MESSAGE_SIZE_MAX); size > 0; size--) {
            sw_write_u8(&message, (uint8_t)sw_prng_next(&prng));
        }
        say(&visitor, visit, &message);
    }
    printf("{\"sent\":%u}\n", visit->count);
    sw_buf_release(&message);
    visitor_close(&visitor);
}

/* Numbers at which arithmetic goes wrong. */
static uint64_t number(struct sw_prng *prng, uint64_t term)
{
    const uint64_t numbers[] = {0,
                                1,
                                term,
                                term - 1,
                                3,
                                1U << 20,
                                UINT64_MAX,
                                UINT64_MAX - 1,
                                UINT64_MAX / 2,
                                (uint64_t)1 << 32};

    return numbers[sw_prng_below(prng, sizeof numbers / sizeof *numbers)];
}

/* Well-formed messages of every kind, of the current term and older ones, with absurd numbers.
 * Terms above the current one are for case_member_deposes. */
void case_member_mutated(const struct visit *visit)
{
    struct sw_prng prng = sw_prng_of(visit->seed);
    const uint64_t term = visit->argument;
    struct visitor visitor;
    struct sw_buf message = {0};

    enter(&visitor, visit);
    for (uint32_t i = 0; i < visit->count; i++) {
        const uint64_t said = sw_prng_chance(&prng, 1, 4) ? term - 1 : term;

        switch (sw_prng_below(&prng, 7)) {
        case 0:
            write_result(&message, said, number(&prng, term), number(&prng, term));
            break;
        case 1:
            write_vote(&message, said, visit->claim, number(&prng, term), PRE_VOTE);
            break;
        case 2:
            begin(&message, SW_WIRE_VOTE_RESULT);
            sw_write_u64(&message, said);
            sw_write_u8(&message, (uint8_t)sw_prng_below(&prng, 2));
            sw_write_u8(&message, (uint8_t)sw_prng_below(&prng, 3));
            break;
        case 3:
            begin(&message, SW_WIRE_TIMEOUT_NOW);
            sw_write_u64(&message, term - 1);
            sw_write_u64(&message, number(&prng, term));
            sw_write_u64(&message, number(&prng, term));
            break;
        case 4:
            write_append(&message, term - 1, number(&prng, term), term - 1, number(&prng, term));
            break;
        default:
            begin(&message, (uint8_t)sw_prng_range(&prng, SW_WIRE_PROBE, SW_WIRE_NUDGE));
            sw_write_u64(&message, number(&prng, term));
            sw_write_u64(&message, number(&prng, term));
            break;
        }
        say(&visitor, visit, &message);
    }
    printf("{\"sent\":%u}\n", visit->count);
    sw_buf_release(&message);
    visitor_close(&visitor);
}

/* "I hold everything up to 2^62": no leader may believe in entries that it does not have itself. */
void case_member_overclaim(const struct visit *visit)
{
    static const uint64_t claims[] = {1U << 20, (uint64_t)1 << 32, UINT64_MAX / 4, UINT64_MAX - 1};
    struct visitor visitor;
    struct sw_buf message = {0};

    enter(&visitor, visit);
    for (uint32_t i = 0; i < visit->count; i++) {
        write_result(&message, visit->argument, 0, claims[i % 4]);
        say(&visitor, visit, &message);
        write_result(&message, visit->argument, claims[i % 4], claims[(i + 1) % 4]);
        say(&visitor, visit, &message);
    }
    printf("{\"sent\":%u}\n", 2 * visit->count);
    sw_buf_release(&message);
    visitor_close(&visitor);
}

/* A leader of an older term wants to commit things. */
void case_member_old_leader(const struct visit *visit)
{
    struct visitor visitor;
    struct sw_buf message = {0};

    enter(&visitor, visit);
    for (uint32_t i = 0; i < visit->count; i++) {
        write_append(&message, visit->argument - 1, i, visit->argument - 1, UINT64_MAX);
        say(&visitor, visit, &message);
    }
    printf("{\"sent\":%u}\n", visit->count);
    sw_buf_release(&message);
    visitor_close(&visitor);
}

/* Asks for votes with an empty log, as one that was told to disturb: terms rise, but nobody may
 * give such a vote. Counts the grants. */
void case_member_votes(const struct visit *visit)
{
    struct visitor visitor;
    struct sw_buf message = {0};
    uint32_t granted = 0;

    enter(&visitor, visit);
    for (uint32_t i = 0; i < visit->count; i++) {
        struct sw_span body, answer;

        write_vote(&message, visit->argument + 1 + i, visit->claim, 0, DISRUPT);
        say(&visitor, visit, &message);
        while (visitor_hear(&visitor, 20, &body)) {
            while (sw_frame_next(&body, &answer)) {
                granted += answer.size > 13 && answer.data[0] == SW_WIRE_VOTE_RESULT &&
                                   answer.data[13] == 1
                               ? 1
                               : 0;
            }
        }
    }
    printf("{\"sent\":%u,\"granted\":%u}\n", visit->count, granted);
    sw_buf_release(&message);
    visitor_close(&visitor);
}

/* Calls itself the leader of a later term, with no entries and nothing committed. This does depose
 * the leader: Raft has no defence against a member that lies about terms. */
void case_member_deposes(const struct visit *visit)
{
    struct visitor visitor;
    struct sw_buf message = {0};

    enter(&visitor, visit);
    for (uint32_t i = 0; i < visit->count; i++) {
        write_append(&message, visit->argument + 1 + i, 0, 0, 0);
        say(&visitor, visit, &message);
    }
    printf("{\"sent\":%u}\n", visit->count);
    sw_buf_release(&message);
    visitor_close(&visitor);
}

/* Pieces of state that nobody asked for, and fetches with cursors of another world. */
void case_member_state(const struct visit *visit)
{
    struct sw_prng prng = sw_prng_of(visit->seed);
    struct visitor visitor;
    struct sw_buf message = {0};
    uint8_t bytes[64];

    enter(&visitor, visit);
    for (uint32_t i = 0; i < visit->count; i++) {
        const struct sw_span junk = sw_span_of(bytes, sw_prng_below(&prng, sizeof bytes));

        for (size_t at = 0; at < sizeof bytes; at++) {
            bytes[at] = (uint8_t)sw_prng_next(&prng);
        }
        if (i % 2 == 0) {
            const struct sw_fetch_chunk chunk = {
                .group = {GROUP}, .transfer = i, .cursor = junk, .chunk = junk};

            sw_fetch_chunk_encode(&chunk, &message);
        } else {
            const struct sw_fetch fetch = {
                .group = {GROUP}, .transfer = sw_prng_next(&prng), .cursor = junk};

            sw_fetch_encode(&fetch, &message);
        }
        say(&visitor, visit, &message);
    }
    printf("{\"sent\":%u}\n", visit->count);
    sw_buf_release(&message);
    visitor_close(&visitor);
}
