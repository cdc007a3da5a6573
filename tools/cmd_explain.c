/* swarmctl explain: rows of the error table. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "tools/cli.h"

static const char *outcome_name(enum sw_outcome outcome)
{
    static const char *const names[] = {"done", "not done", "unknown"};

    return names[outcome];
}

static const char *retry_name(enum sw_retry retry)
{
    static const char *const names[] = {"never", "later", "another node", "in the same session"};

    return names[retry];
}

/* "NOT_LEADER", "6001" or "PA-6001", in any case. */
static bool matches(const struct sw_err_info *info, const char *code)
{
    uint64_t number = 0;

    if (strncasecmp(code, "PA-", 3) == 0) {
        code += 3;
    }
    if (sw_parse_number(code, &number)) {
        return number == (uint64_t)info->err;
    }
    return strcasecmp(code, info->name) == 0;
}

static void add_row(struct sw_output *out, const struct sw_err_info *info)
{
    char code[16];

    (void)snprintf(code, sizeof code, "PA-%04u", (unsigned)info->err);
    sw_output_row(out);
    sw_output_text(out, 0, code);
    sw_output_text(out, 1, info->name);
    sw_output_text(out, 2, outcome_name(info->outcome));
    sw_output_text(out, 3, retry_name(info->retry));
    sw_output_number(out, 4, (uint64_t)info->exit_code);
    sw_output_text(out, 5, info->text);
    sw_output_text(out, 6, info->hint);
}

int sw_cmd_explain(struct sw_cli *cli)
{
    static const struct sw_column columns[] = {{"code", SW_CELL_TEXT},
                                               {"name", SW_CELL_TEXT},
                                               {"write", SW_CELL_TEXT},
                                               {"retry", SW_CELL_TEXT},
                                               {"exit", SW_CELL_SMALL},
                                               {"meaning", SW_CELL_TEXT},
                                               {"remedy", SW_CELL_TEXT}};
    struct sw_output out;
    uint32_t count = 0;
    const struct sw_err_info *rows = sw_err_all(&count);
    int code = 0;

    sw_output_init(&out, "errors", columns, sizeof columns / sizeof columns[0]);
    for (uint32_t i = 0; i < count; i++) {
        if (cli->arg_count == 0 || matches(&rows[i], cli->args[0])) {
            add_row(&out, &rows[i]);
        }
    }
    if (out.row_count == 0) {
        code = sw_cli_fail_format(
            SW_ERR_INVALID, "no error is called %s; `swarmctl explain` lists all", cli->args[0]);
    } else {
        (void)sw_output_print(&out, cli->format, stdout);
    }
    sw_output_release(&out);
    return code;
}
