/* swarmctl index verify: every node checks its copy of an index, all of them side by side.
 *
 * A node checks part by part, and what it has seen goes from one part to the next with us. Digests
 * of two nodes are compared if both saw one state of the index, at revisions that overlap: then
 * both saw the one of a revision that they share. */
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "tools/cli.h"
#include "tools/cmd.h"
#include "tools/indexes.h"

/* A replica that has lost its leader for longer does not answer. */
enum { MAX_AGE_MS = 10000 };

struct row {
    uint64_t node;
    const char *address;         /* borrowed from the client */
    struct sw_buf next;          /* owned: where its next part begins */
    struct swarm_result *result; /* owned; of its part that is under way */
    struct sw_index_check_status status;
    enum swarm_status error; /* why it did not answer */
    uint64_t first_revision, last_revision;
    bool done; /* or failed */
    sem_t *answered;
};

struct verify {
    struct row rows[SW_NODE_COUNT_MAX];
    size_t count;
    uint64_t revision; /* that every node has at least when it begins */
    bool compared, equal;
};

static void on_answer(void *arg, struct swarm_result *result)
{
    struct row *row = arg;

    row->result = result;
    (void)sem_post(row->answered);
}

/* --- a part at each node ---------------------------------------------------------------------- */

static void ask(struct sw_cli *cli, const struct verify *verify, struct row *row)
{
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    char why[SW_WHY_SIZE] = "";
    enum swarm_status status;

    request.op = SWARM_INDEX_VERIFY;
    request.scope = sw_cli_scope(cli);
    request.key = swarm_str(cli->args[0]);
    request.value = (struct swarm_slice){.data = row->next.data, .size = row->next.size};
    request.node = row->node;
    request.max_age_ms = MAX_AGE_MS;
    request.min_revision = verify->revision;
    status = swarm_submit(cli->client, &request, on_answer, row, why, sizeof why);
    if (status != SWARM_OK) {
        row->error = status;
        (void)sem_post(row->answered);
    }
}

static void take(struct row *row)
{
    struct swarm_result *result = row->result;

    row->result = NULL;
    row->done = true;
    if (result == NULL) {
        return;
    }
    row->error = result->status;
    if (result->status == SWARM_OK && !sw_index_check_read(result->detail, &row->status)) {
        row->error = (enum swarm_status)SW_ERR_MALFORMED;
    }
    if (row->error == SWARM_OK) {
        row->first_revision = row->next.size == 0 ? result->revision : row->first_revision;
        row->last_revision = result->revision;
        sw_buf_clear(&row->next);
        if (result->more && result->record_count == 1) {
            sw_write_bytes(
                &row->next,
                sw_span_of(result->records[0].value.data, result->records[0].value.size));
            row->done = false;
        }
    }
    swarm_result_free(result);
}

static void show_progress(const struct verify *verify)
{
    uint64_t seen = 0;

    for (size_t i = 0; i < verify->count; i++) {
        seen += verify->rows[i].status.entries + verify->rows[i].status.places +
                verify->rows[i].status.keys + verify->rows[i].status.records;
    }
    if (isatty(STDERR_FILENO) != 0) {
        (void)fprintf(stderr, "\r%llu records checked ", (unsigned long long)seen);
    }
}

static void run(struct sw_cli *cli, struct verify *verify)
{
    size_t asked = 1;
    sem_t answered;

    (void)sem_init(&answered, 0, 0);
    while (asked > 0) {
        asked = 0;
        for (size_t i = 0; i < verify->count; i++) {
            verify->rows[i].answered = &answered;
            if (!verify->rows[i].done) {
                ask(cli, verify, &verify->rows[i]);
                asked++;
            }
        }
        for (size_t i = 0; i < asked; i++) {
            while (sem_wait(&answered) != 0) {
            }
        }
        for (size_t i = 0; i < verify->count; i++) {
            if (!verify->rows[i].done) {
                take(&verify->rows[i]);
            }
        }
        show_progress(verify);
    }
    (void)sem_destroy(&answered);
    if (isatty(STDERR_FILENO) != 0) {
        (void)fputc('\n', stderr);
    }
}

/* --- what came of it -------------------------------------------------------------------------- */

static bool is_sound(const struct row *row)
{
    return row->error == SWARM_OK && row->status.fault[0] == '\0';
}

static bool comparable(const struct row *a, const struct row *b)
{
    return is_sound(a) && is_sound(b) && a->status.still && b->status.still &&
           a->first_revision <= b->last_revision && b->first_revision <= a->last_revision;
}

static void compare(struct verify *verify)
{
    verify->compared = verify->count > 1;
    verify->equal = true;
    for (size_t i = 0; i < verify->count; i++) {
        for (size_t j = 0; j < i; j++) {
            const struct row *a = &verify->rows[i];
            const struct row *b = &verify->rows[j];

            if (!comparable(a, b)) {
                verify->compared = false;
            } else if (strcmp(a->status.digest, b->status.digest) != 0) {
                verify->equal = false;
            }
        }
    }
}

enum { NODE, ADDRESS, STATE, ENTRIES, PLACES, KEYS, RECORDS, REVISION, STILL, DIGEST, FAULT };

static void print(const struct sw_cli *cli, const struct verify *verify)
{
    static const struct sw_column columns[] = {[NODE] = {"node", SW_CELL_TEXT},
                                               [ADDRESS] = {"address", SW_CELL_TEXT},
                                               [STATE] = {"state", SW_CELL_TEXT},
                                               [ENTRIES] = {"entries", SW_CELL_TEXT},
                                               [PLACES] = {"places", SW_CELL_TEXT},
                                               [KEYS] = {"keys", SW_CELL_TEXT},
                                               [RECORDS] = {"records", SW_CELL_TEXT},
                                               [REVISION] = {"revision", SW_CELL_TEXT},
                                               [STILL] = {"unchanged", SW_CELL_BOOL},
                                               [DIGEST] = {"digest", SW_CELL_TEXT},
                                               [FAULT] = {"fault", SW_CELL_TEXT}};
    struct sw_output out;

    sw_output_init(&out, "nodes", columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < verify->count; i++) {
        const struct row *row = &verify->rows[i];
        const struct sw_index_check_status *status = &row->status;

        sw_output_row(&out);
        sw_output_number(&out, NODE, row->node);
        sw_output_text(&out, ADDRESS, row->address);
        sw_output_text(&out,
                       STATE,
                       row->error != SWARM_OK ? swarm_status_name(row->error)
                       : is_sound(row)        ? "sound"
                                              : "broken");
        if (row->error == SWARM_OK) {
            sw_output_number(&out, ENTRIES, status->entries);
            sw_output_number(&out, PLACES, status->places);
            sw_output_number(&out, KEYS, status->keys);
            sw_output_number(&out, RECORDS, status->records);
            sw_output_number(&out, REVISION, row->last_revision);
            sw_output_text(&out, STILL, status->still ? "true" : "false");
            sw_output_text(&out, DIGEST, status->digest);
            sw_output_text(&out, FAULT, status->fault);
        }
    }
    sw_output_field(&out, "compared", SW_CELL_BOOL, verify->compared ? "true" : "false");
    if (verify->compared) {
        sw_output_field(&out, "equal", SW_CELL_BOOL, verify->equal ? "true" : "false");
    }
    (void)sw_output_print(&out, cli->format, stdout);
    sw_output_release(&out);
}

/* A fault before a node that is silent: it is what was looked for. */
static int code_of(const struct sw_cli *cli, const struct verify *verify)
{
    for (size_t i = 0; i < verify->count; i++) {
        const struct row *row = &verify->rows[i];

        if (row->status.fault[0] != '\0') {
            return sw_cli_fail_format(SW_ERR_CORRUPT,
                                      "index %s on node %llu: %s",
                                      cli->args[0],
                                      (unsigned long long)row->node,
                                      row->status.fault);
        }
    }
    if (!verify->equal) {
        return sw_cli_fail_format(
            SW_ERR_CORRUPT, "nodes have different entries in index %s", cli->args[0]);
    }
    for (size_t i = 0; i < verify->count; i++) {
        const struct row *row = &verify->rows[i];

        if (row->error != SWARM_OK) {
            return sw_cli_fail_format((enum sw_err)row->error,
                                      "node %llu at %s did not check index %s to its end",
                                      (unsigned long long)row->node,
                                      row->address,
                                      cli->args[0]);
        }
    }
    return 0;
}

/* The present revision, which every node is to reach first; and there is such an index. */
static bool begin(struct sw_cli *cli, struct verify *verify, int *ret_code)
{
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    struct swarm_result *result = NULL;
    uint64_t ids[SW_NODE_COUNT_MAX];
    bool good;

    request.op = SWARM_INDEX_STATUS;
    request.scope = sw_cli_scope(cli);
    request.key = swarm_str(cli->args[0]);
    if (sw_cmd_call(cli, &request, &result, ret_code) != SW_ERR_OK) {
        return false;
    }
    good = result->status == SWARM_OK;
    if (good) {
        verify->revision = result->revision;
        verify->count = swarm_nodes(cli->client, ids, SW_NODE_COUNT_MAX);
    } else {
        *ret_code = sw_cli_fail_result(result);
    }
    for (size_t i = 0; i < verify->count; i++) {
        verify->rows[i].node = ids[i];
        verify->rows[i].address = swarm_node_address(cli->client, ids[i]);
    }
    swarm_result_free(result);
    return good;
}

int sw_cmd_index_verify(struct sw_cli *cli)
{
    struct verify verify = {.count = 0};
    int code = 0;

    if (!begin(cli, &verify, &code)) {
        return code;
    }
    run(cli, &verify);
    compare(&verify);
    print(cli, &verify);
    code = code_of(cli, &verify);
    for (size_t i = 0; i < verify.count; i++) {
        sw_buf_release(&verify.rows[i].next);
    }
    return code;
}
