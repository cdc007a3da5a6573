/* The replicated state behind a pipe: lines in, lines out, so that a model written in another
 * language can be held against it. Requests become commands and entries by the real encoders, are
 * executed by sw_apply and read by sw_query, on the in-memory store.
 *
 * Words are name=value, numbers decimal, bytes hexadecimal:
 *
 *     compare target= relation= key= [number=] [value=]   a compare of the next transaction
 *     then|else kind= key= [flags= merge= value= lease=]  an operation of its branch
 *     do op= part= [key= end= value= expected= lease= limit= flags= session= seq= acked=]
 *                      a command of the next entry; op=13 takes the transaction
 *     apply time=      executes the entry: a line `result err revision value records` for each
 *                      command, followed by its records
 *     ask op= ...      a read: `reply err revision value more records`, and its records
 *     commit           state and store are saved
 *     restart          commits, and loads the state anew
 *     crash            what was not committed is gone; the state is loaded anew
 *     sessions max=    at most so many
 *     plant bug=       a known bug of base/planted.h, by its name
 *     where            `at index revision digest`
 *
 * Each of the last eight is answered by lines and one that says `.`. Records are
 * `record key value create mod version time lease`. Anything else is a fault of the caller. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/point.h"
#include "node/apply.h"
#include "node/entry.h"
#include "node/query.h"
#include "storage/store_mem.h"
#include "transport/proto.h"
#include "transport/txn.h"

enum { WORDS_MAX = 16, TERM = 7, HEX = 16 };

struct word {
    const char *name, *text;
};

struct line {
    const char *verb;
    struct word words[WORDS_MAX];
    uint32_t count;
    uint8_t *bytes; /* owned: what hexadecimal words say */
    size_t at;
};

struct program {
    struct sw_store *store;
    struct sw_state state;
    struct sw_buf entry, commands, compares, ops[SW_TXN_BRANCH_COUNT];
    uint32_t compare_count, op_count[SW_TXN_BRANCH_COUNT];
    uint32_t session_count_max; /* 0: as it is */
};

static void must(bool holds, const char *what)
{
    if (!holds) {
        (void)fprintf(stderr, "apply_lines: %s\n", what);
        abort();
    }
}

/* --- words ------------------------------------------------------------------------------------ */

static const char *word(const struct line *line, const char *name)
{
    for (uint32_t i = 0; i < line->count; i++) {
        if (strcmp(line->words[i].name, name) == 0) {
            return line->words[i].text;
        }
    }
    return NULL;
}

static uint64_t number(const struct line *line, const char *name)
{
    const char *text = word(line, name);

    return text == NULL ? 0 : strtoull(text, NULL, 10);
}

static uint8_t digit(char c)
{
    const char *digits = "0123456789abcdef";
    const char *found = strchr(digits, c);

    must(c != '\0', "an odd number of hexadecimal digits");
    must(found != NULL, "no hexadecimal digit");
    return (uint8_t)(found - digits);
}

static struct sw_span bytes(struct line *line, const char *name)
{
    const char *text = word(line, name);
    uint8_t *start = line->bytes + line->at;

    if (text == NULL) {
        return sw_span_of(NULL, 0);
    }
    for (; *text != '\0'; text += 2) {
        line->bytes[line->at] = (uint8_t)(digit(text[0]) * HEX + digit(text[1]));
        line->at++;
    }
    return sw_span_of(start, (size_t)(line->bytes + line->at - start));
}

/* Cuts `text` into words, in place. */
static struct line line_of(char *text)
{
    struct line line = {.bytes = malloc(strlen(text) + 1)};
    char *left = text;

    must(line.bytes != NULL, "out of memory");
    text[strcspn(text, "\n")] = '\0';
    line.verb = strsep(&left, " ");
    while (left != NULL) {
        char *found = strsep(&left, " ");
        const char *name = strsep(&found, "=");

        must(found != NULL && line.count < WORDS_MAX, "a word without a value, or too many");
        line.words[line.count++] = (struct word){.name = name, .text = found};
    }
    return line;
}

/* --- answers ---------------------------------------------------------------------------------- */

static void print_bytes(struct sw_span data)
{
    (void)fputs(data.size == 0 ? " -" : " ", stdout);
    for (size_t i = 0; i < data.size; i++) {
        (void)printf("%02x", data.data[i]);
    }
}

static void print_records(struct sw_span encoded, uint32_t count)
{
    struct sw_reader in = sw_reader_of(encoded);

    for (uint32_t i = 0; i < count; i++) {
        struct sw_record record;

        must(sw_record_decode(&in, &record) == SW_ERR_OK, "a record does not decode");
        (void)fputs("record", stdout);
        print_bytes(record.key);
        print_bytes(record.value);
        (void)printf(" %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
                     record.create_revision,
                     record.mod_revision,
                     record.version,
                     record.time_ms,
                     record.lease);
    }
    must(sw_reader_finish(&in) == SW_ERR_OK, "bytes behind the last record");
}

/* --- transactions ----------------------------------------------------------------------------- */

static void add_compare(struct program *program, struct line *line)
{
    sw_compare_encode(&(struct sw_compare){.target = (enum sw_compare_target)number(line, "target"),
                                           .relation = (enum sw_relation)number(line, "relation"),
                                           .key = bytes(line, "key"),
                                           .value = bytes(line, "value"),
                                           .number = number(line, "number")},
                      &program->compares);
    program->compare_count++;
}

static void add_op(struct program *program, struct line *line, int branch)
{
    const uint64_t lease = number(line, "lease");
    const uint32_t flags = (uint32_t)number(line, "flags");

    sw_txn_op_encode(&(struct sw_txn_op){.kind = (enum sw_txn_kind)number(line, "kind"),
                                         .flags = flags | (lease != 0 ? SW_TXN_LEASE : 0),
                                         .merge = (enum sw_merge)number(line, "merge"),
                                         .key = bytes(line, "key"),
                                         .value = bytes(line, "value"),
                                         .lease = lease},
                     &program->ops[branch]);
    program->op_count[branch]++;
}

static void take_txn(struct program *program, struct sw_buf *ret_value)
{
    sw_txn_header_encode(program->compare_count,
                         program->op_count[SW_TXN_THEN],
                         program->op_count[SW_TXN_ELSE],
                         ret_value);
    sw_write_bytes(ret_value, sw_buf_span(&program->compares));
    sw_buf_clear(&program->compares);
    program->compare_count = 0;
    for (int branch = 0; branch < SW_TXN_BRANCH_COUNT; branch++) {
        sw_write_bytes(ret_value, sw_buf_span(&program->ops[branch]));
        sw_buf_clear(&program->ops[branch]);
        program->op_count[branch] = 0;
    }
}

/* --- requests --------------------------------------------------------------------------------- */

static struct sw_request request_of(struct line *line)
{
    struct sw_request request = {.op = (enum sw_op)number(line, "op"),
                                 .partition = bytes(line, "part"),
                                 .key = bytes(line, "key"),
                                 .end_key = bytes(line, "end"),
                                 .value = bytes(line, "value"),
                                 .expected = number(line, "expected"),
                                 .lease = number(line, "lease"),
                                 .limit = (uint32_t)number(line, "limit"),
                                 .flags = (uint32_t)number(line, "flags"),
                                 .session = {number(line, "session")},
                                 .seq = number(line, "seq"),
                                 .acked = number(line, "acked")};

    if (request.partition.size > 0) {
        request.tenant = sw_span_str("tenant");
        request.name_space = sw_span_str("space");
    }
    return request;
}

static void add_command(struct program *program, struct line *line)
{
    static const struct sw_author author = {.flags = SW_AUTHOR_ADMINISTRATOR};
    struct sw_request request = request_of(line);
    struct sw_buf txn = {0};
    struct sw_buf command = {0};

    if (request.op == SW_OP_TXN) {
        take_txn(program, &txn);
        request.value = sw_buf_span(&txn);
    }
    sw_command_encode(&request, &command);
    if (program->entry.size == 0) {
        sw_entry_begin(&program->entry, 0);
    }
    sw_entry_add(&program->entry, &author, sw_buf_span(&command));
    sw_buf_release(&command);
    sw_buf_release(&txn);
}

/* The time is known last: the entry is written anew with it. */
static void stamp(struct program *program, uint64_t time_ms)
{
    struct sw_buf stamped = {0};

    sw_entry_begin(&stamped, time_ms);
    must(stamped.size == SW_ENTRY_HEADER_SIZE, "an entry begins otherwise");
    memcpy(program->entry.data, stamped.data, SW_ENTRY_HEADER_SIZE - sizeof(uint32_t));
    sw_buf_release(&stamped);
}

static void apply(struct program *program, struct line *line)
{
    struct sw_command_result *results = NULL;
    uint32_t count = 0;

    if (program->entry.size > 0) {
        stamp(program, number(line, "time"));
    }
    must(sw_apply(&program->state,
                  program->store,
                  &(struct sw_apply_entry){.index = program->state.index + 1,
                                           .term = TERM,
                                           .body = sw_buf_span(&program->entry)},
                  &results,
                  &count) == SW_ERR_OK,
         "the entry was not executed");
    for (uint32_t i = 0; i < count; i++) {
        (void)printf("result %d %" PRIu64 " %" PRIu64 " %u\n",
                     (int)results[i].err,
                     results[i].revision,
                     results[i].value,
                     results[i].record_count);
        print_records(results[i].records, results[i].record_count);
    }
    free(results);
    sw_buf_clear(&program->entry);
}

static void ask(struct program *program, struct line *line)
{
    const struct sw_request request = request_of(line);
    struct sw_buf records = {0};
    struct sw_reply reply = {0};
    char why[SW_WHY_SIZE];

    must(sw_request_validate(&request, why) == SW_ERR_OK, why);
    must(sw_query(&program->state, program->store, &request, &records, &reply) == SW_ERR_OK,
         "the store failed a read");
    (void)printf("reply %d %" PRIu64 " %" PRIu64 " %d %u\n",
                 (int)reply.err,
                 reply.revision,
                 reply.value,
                 reply.more,
                 reply.record_count);
    print_records(reply.records, reply.record_count);
    sw_buf_release(&records);
}

/* --- the store -------------------------------------------------------------------------------- */

static void load(struct program *program)
{
    sw_state_init(&program->state, (struct sw_group_id){1});
    must(sw_state_load(&program->state, program->store) == SW_ERR_OK, "the state does not load");
    if (program->session_count_max > 0) {
        program->state.sessions.count_max = program->session_count_max;
    }
}

static void commit(struct program *program)
{
    must(sw_state_save(&program->state, program->store) == SW_ERR_OK, "the state is not saved");
    must(program->store->ops->commit(program->store) == SW_ERR_OK, "the store does not commit");
}

static void start_again(struct program *program)
{
    sw_state_release(&program->state);
    sw_store_mem_crash(program->store, false);
    load(program);
}

static void plant(const char *name)
{
    struct sw_planted_bugs bugs;

    must(name != NULL && sw_planted_parse(name, &bugs), "no such bug");
    sw_planted_set(&bugs);
}

static void do_line(struct program *program, struct line *line)
{
    const char *verb = line->verb;

    if (strcmp(verb, "apply") == 0) {
        apply(program, line);
    } else if (strcmp(verb, "ask") == 0) {
        ask(program, line);
    } else if (strcmp(verb, "commit") == 0) {
        commit(program);
    } else if (strcmp(verb, "restart") == 0) {
        commit(program);
        start_again(program);
    } else if (strcmp(verb, "crash") == 0) {
        start_again(program);
    } else if (strcmp(verb, "sessions") == 0) {
        program->session_count_max = (uint32_t)number(line, "max");
        program->state.sessions.count_max = program->session_count_max;
    } else if (strcmp(verb, "plant") == 0) {
        plant(word(line, "bug"));
    } else {
        must(strcmp(verb, "where") == 0, "an unknown verb");
        (void)printf("at %" PRIu64 " %" PRIu64 " %016" PRIx64 "\n",
                     program->state.index,
                     program->state.revision,
                     program->state.digest);
    }
    (void)puts(".");
    (void)fflush(stdout);
}

static void read_line(struct program *program, char *text)
{
    struct line line = line_of(text);

    if (strcmp(line.verb, "do") == 0) {
        add_command(program, &line);
    } else if (strcmp(line.verb, "compare") == 0) {
        add_compare(program, &line);
    } else if (strcmp(line.verb, "then") == 0) {
        add_op(program, &line, SW_TXN_THEN);
    } else if (strcmp(line.verb, "else") == 0) {
        add_op(program, &line, SW_TXN_ELSE);
    } else {
        do_line(program, &line);
    }
    free(line.bytes);
}

int main(void)
{
    struct program program = {.store = sw_store_mem_new(0, 0)};
    char *text = NULL;
    size_t size = 0;

    load(&program);
    while (getline(&text, &size, stdin) > 0) {
        read_line(&program, text);
    }
    free(text);
    sw_state_release(&program.state);
    sw_store_mem_free(program.store);
    sw_buf_release(&program.entry);
    sw_buf_release(&program.compares);
    sw_buf_release(&program.ops[SW_TXN_THEN]);
    sw_buf_release(&program.ops[SW_TXN_ELSE]);
    return 0;
}
