/* swarmctl explain: rows of the error table. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
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
    if (sw_text_number(code, &number)) {
        return number == (uint64_t)info->err;
    }
    return strcasecmp(code, info->name) == 0;
}

enum { CODE, NAME, WRITE, RETRY, EXIT, MEANING, REMEDY, COLUMNS };

static const struct sw_column columns[COLUMNS] = {[CODE] = {"code", SW_CELL_TEXT},
                                                  [NAME] = {"name", SW_CELL_TEXT},
                                                  [WRITE] = {"write", SW_CELL_TEXT},
                                                  [RETRY] = {"retry", SW_CELL_TEXT},
                                                  [EXIT] = {"exit", SW_CELL_SMALL},
                                                  [MEANING] = {"meaning", SW_CELL_TEXT},
                                                  [REMEDY] = {"remedy", SW_CELL_TEXT}};

static void add_row(struct sw_output *out, const struct sw_err_info *info)
{
    char code[16];

    (void)snprintf(code, sizeof code, "PA-%04u", (unsigned)info->err);
    sw_output_row(out);
    sw_output_text(out, CODE, code);
    sw_output_text(out, NAME, info->name);
    sw_output_text(out, WRITE, outcome_name(info->outcome));
    sw_output_text(out, RETRY, retry_name(info->retry));
    sw_output_number(out, EXIT, (uint64_t)info->exit_code);
    sw_output_text(out, MEANING, info->text);
    if (out->column_count > REMEDY) {
        sw_output_text(out, REMEDY, info->hint);
    }
}

/* One error for people: a line for each thing there is to say. */
static int print_one(const struct sw_err_info *info)
{
    (void)printf("PA-%04u %s: %s\n", (unsigned)info->err, info->name, info->text);
    (void)printf("write:  %s\n", outcome_name(info->outcome));
    (void)printf("retry:  %s\n", retry_name(info->retry));
    (void)printf("exit:   %d\n", info->exit_code);
    (void)printf("remedy: %s\n", info->hint[0] == '\0' ? "none needed" : info->hint);
    return 0;
}

static int print_all(const struct sw_cli *cli, const struct sw_err_info *rows, uint32_t count)
{
    struct sw_output out;

    /* Remedies are long: a table for people leaves them to `explain CODE`. */
    sw_output_init(&out, "errors", columns, cli->format == SW_FORMAT_TABLE ? REMEDY : COLUMNS);
    for (uint32_t i = 0; i < count; i++) {
        add_row(&out, &rows[i]);
    }
    (void)sw_output_print(&out, cli->format, stdout);
    sw_output_release(&out);
    return 0;
}

int sw_cmd_explain(struct sw_cli *cli)
{
    uint32_t count = 0;
    const struct sw_err_info *rows = sw_err_all(&count);

    if (cli->arg_count == 0) {
        return print_all(cli, rows, count);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (matches(&rows[i], cli->args[0])) {
            return cli->format == SW_FORMAT_TABLE ? print_one(&rows[i])
                                                  : print_all(cli, &rows[i], 1);
        }
    }
    return sw_cli_fail_format(
        SW_ERR_INVALID, "no error is called %s; `swarmctl explain` lists all", cli->args[0]);
}
