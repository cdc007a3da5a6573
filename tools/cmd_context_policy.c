/* swarmctl context: what policies do: prune, restore, gone, touch, policy, set-policy. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/text.h"
#include "tools/cli.h"
#include "tools/cmd.h"

static int not_open(void)
{
    return sw_err_info(SW_ERR_CONFIG)->exit_code;
}

/* Which blocks go; `is_any`: none of the three ways to say it was given. */
static bool read_policy(const struct sw_cli *cli, struct swarm_policy *policy, bool *ret_is_any)
{
    bool below = false, above = false;
    const bool any = sw_cli_has(cli, "any-score");

    if (!sw_cmd_score(cli, "below", &below, &policy->threshold) ||
        !sw_cmd_score(cli, "above", &above, &policy->threshold) ||
        !sw_cli_time(cli, "min-age", 0, &policy->age_ms) ||
        !sw_cli_time(cli, "min-idle", 0, &policy->idle_ms) ||
        !sw_cli_number(cli, "keep", 0, &policy->keep) ||
        !sw_cli_number(cli, "max-bytes", 0, &policy->size_max)) {
        return false;
    }
    *ret_is_any = (below ? 1 : 0) + (above ? 1 : 0) + (any ? 1 : 0) == 1;
    if (!*ret_is_any && (below || above || any)) {
        (void)sw_cli_fail(SW_ERR_INVALID, "give one of --below, --above and --any-score");
        return false;
    }
    policy->high = above;
    policy->any = any;
    return true;
}

/* What went, or came back. */
static int report(const struct sw_cli *cli, uint64_t blocks, uint64_t bytes, const char *dry)
{
    struct sw_output out;

    sw_output_init(&out, "", NULL, 0);
    sw_output_field_number(&out, "blocks", blocks);
    sw_output_field_number(&out, "bytes", bytes);
    if (dry != NULL) {
        sw_output_field(&out, "dry", SW_CELL_BOOL, dry);
    }
    (void)sw_output_print(&out, cli->format, stdout);
    sw_output_release(&out);
    return 0;
}

int sw_cmd_context_prune(struct sw_cli *cli)
{
    struct swarm_policy policy = {.dry = sw_cli_has(cli, "dry-run"),
                                  .stored = sw_cli_has(cli, "stored")};
    char why[SW_WHY_SIZE] = "";
    uint64_t blocks = 0, bytes = 0;
    enum swarm_status status;
    bool is_said = false;

    if (!read_policy(cli, &policy, &is_said)) {
        return sw_cmd_usage();
    }
    if (is_said == policy.stored) {
        return sw_cli_fail(SW_ERR_INVALID,
                           "give one of --below, --above, --any-score and --stored");
    }
    if (sw_cli_open(cli) != SW_ERR_OK) {
        return not_open();
    }
    status = swarm_context_prune(
        cli->client, sw_cli_scope(cli), cli->args[0], &policy, &blocks, &bytes, why, sizeof why);
    return status == SWARM_OK ? report(cli, blocks, bytes, policy.dry ? "true" : "false")
                              : sw_cli_fail_format((enum sw_err)status,
                                                   "%s (blocks pruned: %llu)",
                                                   why,
                                                   (unsigned long long)blocks);
}

int sw_cmd_context_restore(struct sw_cli *cli)
{
    char why[SW_WHY_SIZE] = "";
    uint64_t from, end, since, blocks = 0, bytes = 0;
    enum swarm_status status;

    if (!sw_cli_number(cli, "from", 0, &from) || !sw_cli_number(cli, "to", UINT64_MAX, &end) ||
        !sw_cli_number(cli, "since", 0, &since)) {
        return sw_cmd_usage();
    }
    if (sw_cli_open(cli) != SW_ERR_OK) {
        return not_open();
    }
    status = swarm_context_restore(cli->client,
                                   sw_cli_scope(cli),
                                   cli->args[0],
                                   from,
                                   end,
                                   since,
                                   &blocks,
                                   &bytes,
                                   why,
                                   sizeof why);
    return status == SWARM_OK ? report(cli, blocks, bytes, NULL)
                              : sw_cli_fail_format((enum sw_err)status,
                                                   "%s (blocks restored: %llu)",
                                                   why,
                                                   (unsigned long long)blocks);
}

/* --- tombstones ------------------------------------------------------------------------------- */

enum { TOKEN, TOKENS, NUMBER, BY, REASON, SCORE, SIZE, REVISION, TIME_MS, GONE_COLUMNS };
static const struct sw_column gone_columns[GONE_COLUMNS] = {[TOKEN] = {"token", SW_CELL_TEXT},
                                                            [TOKENS] = {"tokens", SW_CELL_TEXT},
                                                            [NUMBER] = {"number", SW_CELL_TEXT},
                                                            [BY] = {"by", SW_CELL_TEXT},
                                                            [REASON] = {"reason", SW_CELL_TEXT},
                                                            [SCORE] = {"score", SW_CELL_TEXT},
                                                            [SIZE] = {"bytes", SW_CELL_TEXT},
                                                            [REVISION] = {"revision", SW_CELL_TEXT},
                                                            [TIME_MS] = {"time_ms", SW_CELL_TEXT}};

static void add_gone(struct sw_output *out, const struct swarm_gone *gone)
{
    char score[32];

    (void)snprintf(score, sizeof score, "%lld", (long long)gone->score);
    sw_output_row(out);
    sw_output_number(out, TOKEN, gone->token);
    sw_output_number(out, TOKENS, gone->tokens);
    sw_output_number(out, NUMBER, gone->number);
    sw_output_text(out, BY, gone->by_policy ? "policy" : "command");
    sw_output_text(out, REASON, gone->reason);
    if (gone->has_score) {
        sw_output_text(out, SCORE, score);
    }
    sw_output_number(out, SIZE, gone->size);
    sw_output_number(out, REVISION, gone->revision);
    sw_output_number(out, TIME_MS, gone->time_ms);
}

int sw_cmd_context_gone(struct sw_cli *cli)
{
    struct swarm_gone *gone = NULL;
    struct sw_output out;
    char why[SW_WHY_SIZE] = "";
    enum swarm_status status;
    size_t count = 0;

    if (sw_cli_open(cli) != SW_ERR_OK) {
        return not_open();
    }
    status = swarm_context_gone(
        cli->client, sw_cli_scope(cli), cli->args[0], &gone, &count, why, sizeof why);
    if (status != SWARM_OK) {
        return sw_cli_fail((enum sw_err)status, why);
    }
    sw_output_init(&out, "gone", gone_columns, GONE_COLUMNS);
    for (size_t i = 0; i < count; i++) {
        add_gone(&out, &gone[i]);
    }
    (void)sw_output_print(&out, cli->format, stdout);
    sw_output_release(&out);
    free(gone);
    return 0;
}

/* --- uses ------------------------------------------------------------------------------------- */

int sw_cmd_context_touch(struct sw_cli *cli)
{
    const size_t count = cli->arg_count - 1;
    uint64_t *tokens = malloc(count * sizeof tokens[0]);
    struct sw_output out;
    char why[SW_WHY_SIZE] = "";
    uint64_t touched = 0;
    enum swarm_status status = SWARM_OK;
    int code = 0;

    SW_ASSERT(tokens != NULL);
    for (size_t i = 0; i < count && code == 0; i++) {
        if (!sw_text_number(cli->args[i + 1], &tokens[i])) {
            code =
                sw_cli_fail_format(SW_ERR_INVALID, "a token is a number, not %s", cli->args[i + 1]);
        }
    }
    if (code == 0 && sw_cli_open(cli) != SW_ERR_OK) {
        code = not_open();
    }
    if (code == 0) {
        status = swarm_context_touch(
            cli->client, sw_cli_scope(cli), cli->args[0], tokens, count, &touched, why, sizeof why);
        code = status == SWARM_OK ? 0 : sw_cli_fail((enum sw_err)status, why);
    }
    free(tokens);
    if (code == 0) {
        sw_output_init(&out, "", NULL, 0);
        sw_output_field_number(&out, "blocks", touched);
        (void)sw_output_print(&out, cli->format, stdout);
        sw_output_release(&out);
    }
    return code;
}

/* --- stored policies -------------------------------------------------------------------------- */

static const char *const dedupe_names[] = {[SWARM_DEDUPE_NONE] = "none",
                                           [SWARM_DEDUPE_FLAG] = "flag",
                                           [SWARM_DEDUPE_REFUSE] = "refuse",
                                           [SWARM_DEDUPE_LINK] = "link"};

enum { DEDUPE_COUNT = sizeof dedupe_names / sizeof dedupe_names[0], SIMILAR_DEFAULT = 800 };

static bool read_dedupe(const struct sw_cli *cli, struct swarm_context_policy *policy)
{
    const char *text = sw_cli_flag(cli, "dedupe");
    int found = -1;

    for (int i = 0; i < DEDUPE_COUNT && text != NULL; i++) {
        found = strcmp(text, dedupe_names[i]) == 0 ? i : found;
    }
    if (text != NULL && found < 0) {
        (void)sw_cli_fail_format(
            SW_ERR_INVALID, "--dedupe is none, flag, refuse or link, not %s", text);
        return false;
    }
    policy->dedupe = found < 0 ? SWARM_DEDUPE_NONE : (enum swarm_dedupe)found;
    policy->ids = sw_cli_has(cli, "ids");
    if (!sw_cmd_small_number(cli, "similar", &policy->similar)) {
        return false;
    }
    if (policy->dedupe != SWARM_DEDUPE_NONE && !sw_cli_has(cli, "similar")) {
        policy->similar = SIMILAR_DEFAULT;
    }
    return true;
}

int sw_cmd_context_set_policy(struct sw_cli *cli)
{
    const char *id = cli->arg_count > 0 ? cli->args[0] : NULL;
    struct swarm_context_policy policy = {0};
    struct swarm_result *result = NULL;
    struct sw_output out;
    char why[SW_WHY_SIZE] = "";
    enum swarm_status status;
    int code = 0;

    if (!read_policy(cli, &policy.prune, &policy.prunes) || !read_dedupe(cli, &policy)) {
        return sw_cmd_usage();
    }
    if (!policy.prunes && policy.dedupe == SWARM_DEDUPE_NONE && !sw_cli_has(cli, "none")) {
        return sw_cli_fail(SW_ERR_INVALID,
                           "say what to prune (--below, --above, --any-score), what to do about "
                           "duplicates (--dedupe), or --none");
    }
    if (sw_cli_open(cli) != SW_ERR_OK) {
        return not_open();
    }
    status = swarm_context_set_policy(
        cli->client, sw_cli_scope(cli), id, &policy, &result, why, sizeof why);
    if (result == NULL) {
        return sw_cli_fail((enum sw_err)status, why);
    }
    if (status == SWARM_OK) {
        sw_output_init(&out, "", NULL, 0);
        sw_output_field_number(&out, "revision", result->revision);
        (void)sw_output_print(&out, cli->format, stdout);
        sw_output_release(&out);
    } else {
        code = sw_cli_fail_write(result);
    }
    swarm_result_free(result);
    return code;
}

enum {
    PRUNES,
    HIGH,
    ANY,
    THRESHOLD,
    MIN_AGE,
    MIN_IDLE,
    KEEP,
    MAX_BYTES,
    DEDUPE,
    SIMILAR,
    IDS,
    POLICY_COLUMNS
};
static const struct sw_column policy_columns[POLICY_COLUMNS] = {
    [PRUNES] = {"prunes", SW_CELL_BOOL},
    [HIGH] = {"high", SW_CELL_BOOL},
    [ANY] = {"any_score", SW_CELL_BOOL},
    [THRESHOLD] = {"threshold", SW_CELL_TEXT},
    [MIN_AGE] = {"min_age_ms", SW_CELL_TEXT},
    [MIN_IDLE] = {"min_idle_ms", SW_CELL_TEXT},
    [KEEP] = {"keep_tokens", SW_CELL_TEXT},
    [MAX_BYTES] = {"max_bytes", SW_CELL_TEXT},
    [DEDUPE] = {"dedupe", SW_CELL_TEXT},
    [SIMILAR] = {"similar", SW_CELL_TEXT},
    [IDS] = {"ids", SW_CELL_BOOL}};

static const char *word_of(bool value)
{
    return value ? "true" : "false";
}

static void add_policy(struct sw_output *out, const struct swarm_context_policy *policy)
{
    char threshold[32];

    (void)snprintf(threshold, sizeof threshold, "%lld", (long long)policy->prune.threshold);
    sw_output_row(out);
    sw_output_text(out, PRUNES, word_of(policy->prunes));
    sw_output_text(out, HIGH, word_of(policy->prune.high));
    sw_output_text(out, ANY, word_of(policy->prune.any));
    sw_output_text(out, THRESHOLD, threshold);
    sw_output_number(out, MIN_AGE, policy->prune.age_ms);
    sw_output_number(out, MIN_IDLE, policy->prune.idle_ms);
    sw_output_number(out, KEEP, policy->prune.keep);
    sw_output_number(out, MAX_BYTES, policy->prune.size_max);
    sw_output_text(out, DEDUPE, dedupe_names[policy->dedupe]);
    sw_output_number(out, SIMILAR, policy->similar);
    sw_output_text(out, IDS, word_of(policy->ids));
}

int sw_cmd_context_policy(struct sw_cli *cli)
{
    const char *id = cli->arg_count > 0 ? cli->args[0] : NULL;
    struct swarm_context_policy policy;
    struct sw_output out;
    char why[SW_WHY_SIZE] = "";
    enum swarm_status status;

    if (sw_cli_open(cli) != SW_ERR_OK) {
        return not_open();
    }
    status = swarm_context_get_policy(cli->client, sw_cli_scope(cli), id, &policy, why, sizeof why);
    if (status != SWARM_OK) {
        return sw_cli_fail((enum sw_err)status, why);
    }
    sw_output_init(&out, "policy", policy_columns, POLICY_COLUMNS);
    out.single = true;
    add_policy(&out, &policy);
    (void)sw_output_print(&out, cli->format, stdout);
    sw_output_release(&out);
    return 0;
}
