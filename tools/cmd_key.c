/* swarmctl key create: one more client's secret, and the words by which nodes let it in. */
#include <stdio.h>

#include "base/assert.h"
#include "tools/cli.h"
#include "tools/swarm_plan.h"

static void report(const struct sw_cli *cli, const char *path, const char *public_key)
{
    struct sw_output out;

    sw_output_init(&out, "", NULL, 0);
    sw_output_field(&out, "key_file", SW_CELL_TEXT, path);
    sw_output_field(&out, "public_key", SW_CELL_TEXT, public_key);
    (void)sw_output_print(&out, cli->format, stdout);
    sw_output_release(&out);
    if (cli->format == SW_FORMAT_TABLE) {
        (void)printf("\nGive it a name and rights, as an administrator:\n"
                     "  swarmctl identity create NAME --key %s --rights \"rw TENANT\"\n"
                     "Or, for an administrator's own key, add this line to the clients file of "
                     "each node and send it SIGHUP:\n"
                     "  %s admin NAME\n",
                     public_key,
                     public_key);
    }
}

int sw_cmd_key_create(struct sw_cli *cli)
{
    char public_key[SW_PLAN_HEX_KEY_SIZE];
    char why[SW_WHY_SIZE] = "";
    struct sw_keypair *keys = NULL;
    enum sw_err err = sw_crypto_init();

    SW_ASSERT(cli->arg_count == 1);
    if (err != SW_ERR_OK) {
        return sw_cli_fail(err, NULL);
    }
    keys = sw_secret_new(sizeof *keys);
    sw_keypair_generate(keys);
    sw_plan_hex(keys->public_key.bytes, sizeof keys->public_key.bytes, public_key);
    err = sw_keyfile_save_secret(cli->args[0], keys, why);
    sw_secret_free(keys);
    if (err != SW_ERR_OK) {
        /* A name that is taken is no write that was refused. */
        return sw_cli_fail(err == SW_ERR_CONFLICT ? SW_ERR_INVALID : err, why);
    }
    report(cli, cli->args[0], public_key);
    return 0;
}
