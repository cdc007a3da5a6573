/* swarmctl index watch: puts of vectors near another one as they happen, one line each. */
#include <stdio.h>
#include <string.h>

#include "tools/cli.h"
#include "tools/cmd.h"

struct printing {
    const struct sw_cli *cli;
    enum sw_encoding encoding;
};

enum { KEY, DISTANCE, VALUE, REVISION, DEPTH, COLUMN_COUNT };

static void print_put(void *arg, const struct swarm_record *record)
{
    static const struct sw_column columns[COLUMN_COUNT] = {[KEY] = {"key", SW_CELL_BYTES},
                                                           [DISTANCE] = {"distance", SW_CELL_TEXT},
                                                           [VALUE] = {"value", SW_CELL_BYTES},
                                                           [REVISION] = {"revision", SW_CELL_TEXT},
        [DEPTH] = {"depth", SW_CELL_TEXT}};
    const struct printing *printing = arg;
    struct sw_output out;
    char distance[32];

    sw_output_init(&out, "put", columns, COLUMN_COUNT);
    out.single = true;
    out.encoding = printing->encoding;
    (void)snprintf(distance, sizeof distance, "%.9g", swarm_distance(record));
    sw_output_row(&out);
    sw_output_cell(&out, KEY, sw_span_of(record->key.data, record->key.size));
    sw_output_text(&out, DISTANCE, distance);
    sw_output_cell(&out, VALUE, sw_span_of(record->value.data, record->value.size));
    sw_output_number(&out, REVISION, record->mod_revision);
    sw_output_number(&out, DEPTH, record->depth);
    (void)sw_output_print(&out, printing->cli->format, stdout);
    sw_output_release(&out);
}

int sw_cmd_index_watch(struct sw_cli *cli)
{
    struct swarm_watch_options options = SWARM_INIT(struct swarm_watch_options);
    struct printing printing = {.cli = cli, .encoding = SW_ENCODING_AUTO};
    struct swarm_question question = {.index = cli->args[0]};
    struct sw_vector_text text = {0};
    int code = sw_cmd_usage();

    options.flags = sw_cli_has(cli, "keys-only") ? (uint32_t)SWARM_KEYS_ONLY : 0;
    options.near = &question;
    if (!sw_cli_has(cli, "max-distance")) {
        code = sw_cli_fail(SW_ERR_INVALID, "--max-distance DISTANCE is missing");
    } else if (sw_cmd_encoding(cli, &printing.encoding) == SW_ERR_OK &&
               sw_cmd_question(cli, &text, &question)) {
        code = sw_cmd_follow(cli, &options, print_put, &printing);
    }
    sw_vector_text_release(&text);
    return code;
}
