/* swarmctl identity: who may do what; and tokens, with which a client gets an identity itself.
 *
 * A token is a key file that is good for one thing: to put another key in its place. So whoever has
 * it proves that in the handshake as every client does, and no stranger is let in for it. */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/env_posix.h"
#include "base/text.h"
#include "tools/cmd_setting.h"
#include "tools/swarm_plan.h"
#include "transport/crypto_sodium.h"
#include "transport/keyfile_posix.h"

enum { ID_TEXT_SIZE = 2 * SW_IDENTITY_ID_SIZE + 1, RIGHTS_TEXT_SIZE = 2048 };

static const uint64_t token_ttl_ms = 24 * 3600 * UINT64_C(1000);

static void print_id(const uint8_t id[SW_IDENTITY_ID_SIZE], char out[ID_TEXT_SIZE])
{
    for (size_t i = 0; i < SW_IDENTITY_ID_SIZE; i++) {
        (void)snprintf(out + 2 * i, 3, "%02x", (unsigned)id[i]);
    }
}

static void id_of_key(const uint8_t key[SW_KEY_SIZE], uint8_t ret_id[SW_IDENTITY_ID_SIZE])
{
    sw_crypto_digest(
        sw_span_of(key, SW_KEY_SIZE), sw_span_of(NULL, 0), ret_id, SW_IDENTITY_ID_SIZE);
}

static void id_line(const uint8_t key[SW_KEY_SIZE], struct sw_buf *text)
{
    uint8_t id[SW_IDENTITY_ID_SIZE];
    char hex[ID_TEXT_SIZE];

    id_of_key(key, id);
    print_id(id, hex);
    sw_setting_line(text, "id", hex);
}

/* --key as 64 hex digits or base64. */
static bool read_key(const struct sw_cli *cli, uint8_t ret_key[SW_KEY_SIZE])
{
    const char *text = sw_cli_flag(cli, "key");

    if (text != NULL && (sw_text_hex(text, ret_key, SW_KEY_SIZE) ||
                         sw_key_parse(sw_span_str(text), ret_key) == SW_ERR_OK)) {
        return true;
    }
    (void)sw_cli_fail_format(SW_ERR_INVALID,
                             "--key needs a public key in 64 hex digits or base64%s%s",
                             text == NULL ? "" : ", not ",
                             text == NULL ? "" : text);
    return false;
}

int sw_cmd_identity_create(struct sw_cli *cli)
{
    struct sw_buf text = {0};
    uint8_t key[SW_KEY_SIZE];
    int code = sw_err_info(SW_ERR_INVALID)->exit_code;

    if (!read_key(cli, key)) {
        return code;
    }
    id_line(key, &text);
    if (sw_cli_has(cli, "note")) {
        sw_setting_line(&text, "note", sw_cli_flag(cli, "note"));
    }
    if (sw_setting_flag_rights(cli, &text)) {
        code = sw_setting_put(
            cli, SW_SETTING_IDENTITY, cli->args[0], &text, !sw_cli_has(cli, "replace"));
    }
    sw_buf_release(&text);
    return code;
}

/* --- lists ------------------------------------------------------------------------------------ */

static void print_rights(const struct sw_right_list *list, char out[RIGHTS_TEXT_SIZE])
{
    static const char *const letters[] = {"", "r", "w", "rw", "a", "ra", "wa", "rwa"};
    size_t size = 0;

    out[0] = '\0';
    for (uint32_t i = 0; i < list->count; i++) {
        const struct sw_right *right = &list->rows[i];
        const int more = snprintf(out + size,
                                  RIGHTS_TEXT_SIZE - size,
                                  "%s%s %s%s%s",
                                  i == 0 ? "" : ",",
                                  letters[right->rights],
                                  right->tenant,
                                  right->prefix[0] == '\0' ? "" : " ",
                                  right->prefix);

        SW_ASSERT(more > 0 && size + (size_t)more < RIGHTS_TEXT_SIZE); /* 16 of at most 103 */
        size += (size_t)more;
    }
}

static void add_identity(struct sw_output *out, const struct sw_setting *setting)
{
    char rights[RIGHTS_TEXT_SIZE];
    char id[ID_TEXT_SIZE];

    print_rights(&setting->rights, rights);
    print_id(setting->id, id);
    sw_output_row(out);
    sw_output_text(out, 0, setting->name);
    sw_output_text(out, 1, id);
    sw_output_text(out, 2, rights);
    sw_output_text(out, 3, setting->note);
    sw_output_number(out, 4, setting->revision);
}

static const struct sw_column identity_columns[] = {{"name", SW_CELL_TEXT},
                                                    {"id", SW_CELL_TEXT},
                                                    {"rights", SW_CELL_TEXT},
                                                    {"note", SW_CELL_TEXT},
                                                    {"revision", SW_CELL_TEXT}};

static int show(struct sw_cli *cli, enum sw_setting_kind kind, const char *name)
{
    struct sw_output out;
    int code;

    sw_output_init(&out,
                   name == NULL ? "identities" : "identity",
                   identity_columns,
                   sizeof identity_columns / sizeof identity_columns[0]);
    out.single = name != NULL;
    code = sw_setting_rows(cli, kind, name, &out, add_identity);
    if (code == 0) {
        (void)sw_output_print(&out, cli->format, stdout);
    }
    sw_output_release(&out);
    return code;
}

int sw_cmd_identity_list(struct sw_cli *cli)
{
    return show(cli, sw_cli_has(cli, "tokens") ? SW_SETTING_TOKEN : SW_SETTING_IDENTITY, NULL);
}

int sw_cmd_identity_show(struct sw_cli *cli)
{
    return show(cli, SW_SETTING_IDENTITY, cli->args[0]);
}

int sw_cmd_identity_revoke(struct sw_cli *cli)
{
    return sw_setting_delete(
        cli, sw_cli_has(cli, "token") ? SW_SETTING_TOKEN : SW_SETTING_IDENTITY, cli->args[0]);
}

/* --- tokens ----------------------------------------------------------------------------------- */

/* A new key pair in a new file; NULL and the line printed if that failed. The caller frees it. */
static struct sw_keypair *new_key_file(const char *path)
{
    char why[SW_WHY_SIZE] = "";
    struct sw_keypair *keys;
    enum sw_err err = sw_crypto_init();

    if (err != SW_ERR_OK) {
        (void)sw_cli_fail(err, NULL);
        return NULL;
    }
    keys = sw_secret_new(sizeof *keys);
    sw_keypair_generate(keys);
    err = sw_keyfile_save_secret(path, keys, why);
    if (err != SW_ERR_OK) {
        (void)sw_cli_fail(err == SW_ERR_CONFLICT ? SW_ERR_INVALID : err, why);
        sw_secret_free(keys);
        return NULL;
    }
    return keys;
}

static void until_line(const struct sw_cli *cli, uint64_t ttl_ms, struct sw_buf *text)
{
    struct sw_env_posix world;
    struct sw_env env;
    char number[24];

    (void)cli;
    env = sw_env_posix_init(&world);
    (void)snprintf(
        number, sizeof number, "%llu", (unsigned long long)(sw_env_wall_ms(&env) + ttl_ms));
    sw_setting_line(text, "until_ms", number);
}

static void report_file(const struct sw_cli *cli, const char *name, const char *path)
{
    struct sw_output out;

    sw_output_init(&out, "", NULL, 0);
    sw_output_field(&out, "name", SW_CELL_TEXT, name);
    sw_output_field(&out, "key_file", SW_CELL_TEXT, path);
    (void)sw_output_print(&out, cli->format, stdout);
    sw_output_release(&out);
}

int sw_cmd_identity_token(struct sw_cli *cli)
{
    struct sw_buf text = {0};
    struct sw_keypair *keys = NULL;
    uint64_t ttl_ms;
    int code = sw_err_info(SW_ERR_INVALID)->exit_code;

    if (!sw_cli_time(cli, "ttl", token_ttl_ms, &ttl_ms)) {
        return code;
    }
    until_line(cli, ttl_ms, &text);
    if (!sw_setting_flag_rights(cli, &text)) {
        goto out;
    }
    keys = new_key_file(cli->args[1]);
    if (keys == NULL) {
        goto out;
    }
    id_line(keys->public_key.bytes, &text);
    code = sw_setting_put_quietly(cli, SW_SETTING_TOKEN, cli->args[0], &text, true);
    if (code == 0) {
        report_file(cli, cli->args[0], cli->args[1]);
    }
out:
    sw_secret_free(keys);
    sw_buf_release(&text);
    return code;
}

int sw_cmd_identity_redeem(struct sw_cli *cli)
{
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    struct sw_keypair *keys = new_key_file(cli->args[0]);
    struct swarm_result *result = NULL;
    uint8_t id[SW_IDENTITY_ID_SIZE];
    int code = sw_err_info(SW_ERR_INVALID)->exit_code;

    if (keys == NULL) {
        return code;
    }
    id_of_key(keys->public_key.bytes, id);
    sw_secret_free(keys);
    request.op = SWARM_TOKEN_REDEEM;
    request.value = (struct swarm_slice){.data = id, .size = sizeof id};
    if (sw_cmd_call(cli, &request, &result, &code) != SW_ERR_OK) {
        return code;
    }
    if (result->status != SWARM_OK) {
        code = sw_cli_fail_write(result);
    } else {
        code = 0;
        report_file(cli, "redeemed", cli->args[0]);
    }
    swarm_result_free(result);
    return code;
}
