/* What is asked about contexts, and what may be concluded from each answer. */
#include "tests/sim/context_calls.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/prng.h"
#include "node/apply.h"
#include "transport/context.h"
#include "transport/vector.h"

enum {
    DIM = 16,
    COSINE = 1,
    F32 = 1,
    TOKEN_CAP = 100, /* no appends from there on, so that one answer has all */
    WINDOW = 7,
    WINDOW_MS = 400,
    BUDGET_BLOCKS = 9,
    CONTENT_SIZE = 64,
    PRESENT = 8, /* blocks that are never hidden */
    KEEP = 4,    /* tokens that are never pruned */
    TOPICS = 3,
    FACTS = 40,
};

static const char partition[] = "contexts";

static void id_of(uint32_t kind, char ret_id[8])
{
    (void)snprintf(ret_id, 8, "c%" PRIu32, kind);
}

static void wrong(const struct sim_client *client, const char *what, uint64_t a, uint64_t b)
{
    sim_fail(client->all->world,
             "context %" PRIu32 ": %s (%" PRIu64 ", %" PRIu64 ")",
             client->context.kind,
             what,
             a,
             b);
}

/* --- sets of tokens --------------------------------------------------------------------------- */

static bool has(const struct sim_tokens *set, uint64_t token)
{
    return token < SIM_TOKEN_MAX && (set->words[token / 64] >> (token % 64) & 1) != 0;
}

static void put(struct sim_tokens *set, uint64_t token)
{
    set->words[token / 64] |= UINT64_C(1) << (token % 64);
    set->top = token > set->top ? token : set->top;
    set->count++;
}

/* All tokens from there to the top. */
static bool is_full_from(const struct sim_tokens *set, uint64_t from)
{
    for (uint64_t token = from; token <= set->top; token++) {
        if (!has(set, token)) {
            return false;
        }
    }
    return true;
}

static uint64_t last_of(const struct sim_tokens *set, uint64_t count)
{
    return set->top + 1 > count ? set->top + 1 - count : 0;
}

/* --- answers ---------------------------------------------------------------------------------- */

/* Tokens and revisions ascend together. */
static void appended(struct sim_client *client, const struct sw_reply *reply)
{
    struct sim_shelf *shelf = &client->all->shelves[client->context.kind];

    if (reply->value >= SIM_TOKEN_MAX) {
        wrong(client, "a token beyond all that were appended", reply->value, 0);
        return;
    }
    for (uint64_t token = 0; token < SIM_TOKEN_MAX; token++) {
        const uint64_t other = shelf->revisions[token];

        if (other != 0 && token != reply->value &&
            (token < reply->value) != (other < reply->revision)) {
            wrong(client, "tokens are not in the order of the log", token, reply->value);
        }
    }
    if (shelf->revisions[reply->value] != 0) {
        wrong(client, "one token was given twice", reply->value, reply->revision);
    }
    shelf->revisions[reply->value] = reply->revision;
}

static void judge_kind(const struct sim_client *client, const struct sim_tokens *found)
{
    uint64_t most = 0;

    switch ((enum sim_shelf_kind)client->context.kind) {
    case SIM_SHELF_COUNT:
        most = WINDOW;
        break;
    case SIM_SHELF_BUDGET:
        most = BUDGET_BLOCKS;
        break;
    case SIM_SHELF_ALIKE:
        if (!is_full_from(found, last_of(found, PRESENT))) {
            wrong(client, "one of the newest blocks is hidden", found->top, found->count);
        }
        return;
    case SIM_SHELF_UNDO:
        if (!is_full_from(found, last_of(found, KEEP))) {
            wrong(client, "a protected block is gone", found->top, found->count);
        }
        return;
    case SIM_SHELF_TIME:
        if (!is_full_from(found, last_of(found, found->count))) {
            wrong(client, "a window by time has a hole", found->top, found->count);
        }
        return;
    case SIM_SHELF_DEDUPE:
    case SIM_SHELF_COUNT_OF:
        return;
    }
    if (found->count != (found->top + 1 < most ? found->top + 1 : most) ||
        !is_full_from(found, last_of(found, found->count))) {
        wrong(client, "not the last blocks, and all of them", found->top, found->count);
    }
}

/* What was acknowledged by then is in, and nothing from behind it. */
static void judge_acks(const struct sim_client *client,
                       const struct sim_shelf *shelf,
                       const struct sim_answer *answer)
{
    for (uint64_t token = 0; token < SIM_TOKEN_MAX; token++) {
        const uint64_t revision = shelf->revisions[token];

        if (revision != 0 && revision <= answer->revision && answer->found.count > 0 &&
            token > answer->found.top) {
            wrong(client, "an acknowledged block is not found", token, answer->revision);
        }
        if (revision > answer->revision && has(&answer->found, token)) {
            wrong(client, "a block is found before it was appended", token, answer->revision);
        }
    }
}

/* Of two answers the later one has nothing old that the earlier one had not. */
static void judge_order(const struct sim_client *client,
                        const struct sim_answer *early,
                        const struct sim_answer *late)
{
    if (early->found.count == 0) {
        return;
    }
    for (uint64_t token = 0; token <= early->found.top; token++) {
        if (has(&late->found, token) && !has(&early->found, token)) {
            wrong(client, "what went came back", token, late->revision);
        }
    }
}

static void searched(struct sim_client *client, const struct sw_reply *reply)
{
    struct sim_shelf *shelf = &client->all->shelves[client->context.kind];
    struct sim_answer answer = {.revision = reply->revision};
    struct sw_reader in = sw_reader_of(reply->records);
    char id[8];

    id_of(client->context.kind, id);
    for (uint32_t i = 0; i < reply->record_count; i++) {
        struct sw_record record;
        uint64_t token = 0;

        if (sw_record_decode(&in, &record) != SW_ERR_OK ||
            !sw_context_block_token(sw_span_str(id), record.key, &token) ||
            token >= SIM_TOKEN_MAX || has(&answer.found, token)) {
            wrong(client, "a search found what is no block of it", i, token);
            return;
        }
        put(&answer.found, token);
    }
    if (answer.found.count > 0) {
        judge_kind(client, &answer.found);
    }
    judge_acks(client, shelf, &answer);
    for (uint32_t i = 0; i < shelf->answer_count && client->context.kind != SIM_SHELF_UNDO; i++) {
        const struct sim_answer *other = &shelf->answers[i];

        judge_order(client,
                    other->revision < answer.revision ? other : &answer,
                    other->revision < answer.revision ? &answer : other);
    }
    shelf->answers[shelf->next_answer] = answer;
    shelf->next_answer = (shelf->next_answer + 1) % SIM_ANSWER_MAX;
    shelf->answer_count += shelf->answer_count < SIM_ANSWER_MAX ? 1 : 0;
}

/* Somebody was told that the block of this token has the phrase. */
static void learn(struct sim_client *client, uint64_t token)
{
    uint64_t *known = &client->all->phrases[client->context.phrase];

    if (*known != 0 && *known != token + 1) {
        wrong(client, "a phrase is there twice", *known - 1, token);
    }
    *known = token + 1;
}

static void refused(struct sim_client *client, const struct sw_reply *reply)
{
    struct sw_reader in = sw_reader_of(reply->records);
    struct sw_record record;
    uint64_t token;
    char id[8];

    id_of(client->context.kind, id);
    if (reply->record_count != 1 || sw_record_decode(&in, &record) != SW_ERR_OK ||
        !sw_context_block_token(sw_span_str(id), record.key, &token)) {
        wrong(client, "a duplicate of nothing", reply->record_count, 0);
        return;
    }
    learn(client, token);
}

static void done(void *arg, const struct sw_reply *reply)
{
    struct sim_client *client = arg;
    struct sim_context_call *call = &client->context;
    struct sim_clients *clients = client->all;
    struct sim_shelf *shelf = &clients->shelves[call->kind];
    const bool ok = reply->err == SW_ERR_OK;

    SW_ASSERT(call->pending);
    call->pending = false;
    sim_trace3(clients->world,
               SIM_TRACE_CLIENT + client->number,
               SIM_TRACE_CLIENT_DONE,
               reply->err,
               reply->revision,
               call->call);
    /* a restoring is several changes, which the history does not know */
    sim_history_end(&clients->history, call->call, ok ? SIM_CALL_DONE : SIM_CALL_UNKNOWN, 0, false);
    if (call->op == SW_OP_INDEX_CREATE || call->op == SW_OP_CONTEXT_CREATE ||
        call->op == SW_OP_CONTEXT_POLICY) {
        if (shelf->made == call->stage && (ok || reply->err == SW_ERR_CONFLICT)) {
            shelf->made++;
        }
    } else if (call->op == SW_OP_CONTEXT_APPEND && ok) {
        appended(client, reply);
        if (call->kind == SIM_SHELF_DEDUPE) {
            learn(client, reply->value);
        }
    } else if (reply->err == SW_ERR_DUPLICATE) {
        refused(client, reply);
    } else if (call->op == SW_OP_VECTOR_SEARCH && ok) {
        searched(client, reply);
    } else if (reply->err == SW_ERR_NOT_FOUND || reply->err == SW_ERR_NO_INDEX ||
               reply->err == SW_ERR_WRONG_TYPE) {
        wrong(client, "what was made is not there", (uint64_t)reply->err, (uint64_t)call->op);
    }
}

/* --- calls ------------------------------------------------------------------------------------ */

/* A direction of the topic, and a little of its own. */
static void vector_of(uint32_t topic, uint64_t number, float vector[DIM])
{
    struct sw_prng prng = sw_prng_of(number + 1);

    for (uint32_t i = 0; i < DIM; i++) {
        vector[i] = (float)sw_prng_below(&prng, 2001) / 16000 - 0.0625F + (i == topic ? 1.0F : 0);
    }
}

static void ask_index(struct sw_request *request, struct sw_buf *value)
{
    const struct sw_vector_space space = {.metric = COSINE, .dtype = F32, .dim = DIM, .seed = 5};

    request->op = SW_OP_INDEX_CREATE;
    sw_vector_space_encode(&space, value);
}

static void ask_create(uint32_t kind, struct sw_request *request, struct sw_buf *value)
{
    const struct sw_context_spec spec = {.block_size = 1,
                                         .index = request->key,
                                         .window = {.blocks = kind == SIM_SHELF_COUNT ? WINDOW : 0,
                                                    .ms = kind == SIM_SHELF_TIME ? WINDOW_MS : 0,
                                                    .similar = kind == SIM_SHELF_ALIKE ? 700 : 0}};

    request->op = SW_OP_CONTEXT_CREATE;
    sw_context_spec_encode(&spec, value);
}

static void ask_policy(uint32_t kind, struct sw_request *request, struct sw_buf *value)
{
    struct sw_context_rules rules = {0};

    request->op = SW_OP_CONTEXT_POLICY;
    if (kind == SIM_SHELF_BUDGET) {
        rules = (struct sw_context_rules){
            .prunes = true, .any = true, .size_max = BUDGET_BLOCKS * CONTENT_SIZE};
    } else if (kind == SIM_SHELF_DEDUPE) {
        rules = (struct sw_context_rules){.dedupe = SW_DEDUPE_REFUSE, .similar = 800};
    }
    sw_context_rules_encode(&rules, value);
}

static void ask_append(struct sim_client *client, struct sw_request *request, struct sw_buf *value)
{
    struct sw_prng *prng = &client->all->world->prng;
    struct sim_context_call *call = &client->context;
    struct sw_context_append append = {.tokens = 1, .has_score = true};
    char content[CONTENT_SIZE];
    float vector[DIM];

    call->phrase = (uint32_t)sw_prng_below(prng, SIM_PHRASE_COUNT);
    vector_of((uint32_t)sw_prng_below(prng, TOPICS), sw_prng_below(prng, FACTS), vector);
    memset(content, ' ', sizeof content);
    for (uint32_t i = 0; i < 6; i++) { /* words that no other phrase has */
        content[10 * i] = (char)('a' + call->phrase);
        content[10 * i + 1] = (char)('a' + i);
        content[10 * i + 2] = (char)('a' + call->phrase * 7 % 26);
    }
    append.score = (int64_t)sw_prng_below(prng, 4);
    append.vector = sw_span_of(vector, sizeof vector);
    append.content = sw_span_of(content, sizeof content);
    request->op = SW_OP_CONTEXT_APPEND;
    sw_context_append_encode(&append, value);
}

static void ask_search(struct sw_request *request, struct sw_buf *value)
{
    const struct sw_span index = request->key;
    float vector[DIM];
    struct sw_vector_query query = {.index = index,
                                    .vector = sw_span_of(vector, sizeof vector),
                                    .flags = SW_VECTOR_KEYS_ONLY,
                                    .recall_permille = 1000,
                                    .k = SIM_TOKEN_MAX};

    vector_of(0, 0, vector);
    request->op = SW_OP_VECTOR_SEARCH;
    request->key = sw_span_of(NULL, 0);
    sw_vector_query_encode(&query, value);
}

static void ask_prune(struct sw_request *request, struct sw_buf *value)
{
    const struct sw_context_policy policy = {.threshold = 1, .keep = KEEP};

    request->op = SW_OP_CONTEXT_PRUNE;
    sw_context_policy_encode(&policy, value);
}

static void ask_restore(struct sw_request *request, struct sw_buf *value)
{
    const struct sw_context_undo undo = {.end = UINT64_MAX};

    request->op = SW_OP_CONTEXT_RESTORE;
    sw_context_undo_encode(&undo, value);
}

static void ask_touch(struct sim_client *client, struct sw_request *request, struct sw_buf *value)
{
    const uint64_t first = sw_prng_below(&client->all->world->prng, TOKEN_CAP);
    const uint64_t tokens[] = {first, first + 1};

    request->op = SW_OP_CONTEXT_TOUCH;
    sw_context_tokens_encode(tokens, 2, value);
}

static bool is_long(const struct sim_shelf *shelf)
{
    for (uint32_t token = TOKEN_CAP; token < SIM_TOKEN_MAX; token++) {
        if (shelf->revisions[token] != 0) {
            return true;
        }
    }
    return false;
}

static void ask(struct sim_client *client, struct sw_request *request, struct sw_buf *value)
{
    const struct sim_shelf *shelf = &client->all->shelves[client->context.kind];
    struct sw_prng *prng = &client->all->world->prng;
    const uint64_t draw = sw_prng_below(prng, 10);

    client->context.stage = shelf->made;
    if (shelf->made == 0) {
        ask_index(request, value);
    } else if (shelf->made == 1) {
        ask_create(client->context.kind, request, value);
    } else if (shelf->made == 2) {
        ask_policy(client->context.kind, request, value);
    } else if (draw < 5 && !is_long(shelf)) {
        ask_append(client, request, value);
    } else if (draw == 5 && client->context.kind == SIM_SHELF_UNDO) {
        ask_prune(request, value);
    } else if (draw == 6 && client->context.kind == SIM_SHELF_UNDO) {
        ask_restore(request, value);
    } else if (draw == 7) {
        ask_touch(client, request, value);
    } else {
        ask_search(request, value);
    }
}

void sim_context_step(struct sim_client *client, uint32_t timeout_ms)
{
    struct sim_context_call *call = &client->context;
    struct sw_request request = {.op = 0};
    struct sw_buf value = {0};
    char id[8];

    if (call->pending) {
        return;
    }
    call->kind = (uint32_t)sw_prng_below(&client->all->world->prng, SIM_SHELF_COUNT_OF);
    id_of(call->kind, id);
    request.key = sw_span_str(id);
    ask(client, &request, &value);
    request.value = sw_buf_span(&value);
    call->pending = true;
    call->op = request.op;
    sim_client_submit(client, &request, partition, timeout_ms, done, &call->call);
    sw_buf_release(&value);
}

/* --- the end ---------------------------------------------------------------------------------- */

struct sum {
    uint64_t blocks, gone, size, top;
};

static struct sum recount(struct sw_store *store, const struct sw_place *place, struct sw_span id)
{
    struct sum sum = {0};

    for (uint64_t token = 0; token < SIM_TOKEN_MAX; token++) {
        for (int part = 0; part < SW_CONTEXT_PART_COUNT; part++) {
            struct sw_context_block block;
            struct sw_context_key name;
            struct sw_kv_record record;
            struct sw_span bytes;
            struct sw_key key;

            sw_context_part_key((enum sw_context_part)part, id, token, &name);
            sw_key_kv(place, sw_context_key_span(&name), &key);
            if (store->ops->get(store, SW_TABLE_KV, sw_key_span(&key), &bytes) != SW_ERR_OK ||
                sw_kv_record_decode(bytes, &record) != SW_ERR_OK) {
                continue;
            }
            if (part == SW_CONTEXT_BLOCKS && sw_context_block_read(record.value, &block)) {
                sum.blocks++;
                sum.size += block.content.size;
            }
            sum.gone += part == SW_CONTEXT_GONE ? 1 : 0;
            sum.top = part == SW_CONTEXT_USES ? sum.top : token + 1;
        }
    }
    return sum;
}

void sim_context_judge(struct sim_world *world, struct sw_store *store)
{
    const struct sw_place place = {.tenant = sw_span_str("t"),
                                   .name_space = sw_span_str("n"),
                                   .partition = sw_span_str(partition)};

    for (uint32_t kind = 0; kind < SIM_SHELF_COUNT_OF; kind++) {
        struct sw_context_key name;
        struct sw_context context;
        struct sw_kv_record record;
        struct sw_span bytes;
        struct sw_key key;
        struct sum sum;
        char id[8];

        id_of(kind, id);
        sw_context_header_key(sw_span_str(id), &name);
        sw_key_kv(&place, sw_context_key_span(&name), &key);
        if (store->ops->get(store, SW_TABLE_KV, sw_key_span(&key), &bytes) != SW_ERR_OK) {
            continue;
        }
        if (sw_kv_record_decode(bytes, &record) != SW_ERR_OK ||
            !sw_context_read(record.value, &context)) {
            sim_fail(world, "the header of context %s is none", id);
            return;
        }
        sum = recount(store, &place, sw_span_str(id));
        if (sum.size != context.size || sum.gone != context.gone || sum.top > context.next ||
            context.blocks != context.next || sum.blocks + context.pruned != context.blocks) {
            sim_fail(world,
                     "context %s: %" PRIu64 " blocks, %" PRIu64 " gone, %" PRIu64
                     " bytes, and its header says %" PRIu64 " less %" PRIu64 ", %" PRIu64
                     ", %" PRIu64,
                     id,
                     sum.blocks,
                     sum.gone,
                     sum.size,
                     context.blocks,
                     context.pruned,
                     context.gone,
                     context.size);
        }
    }
}
