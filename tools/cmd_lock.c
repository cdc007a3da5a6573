/* swarmctl lock: a command that runs while a lock is held. */
#include "tools/child.h"
#include "tools/cli.h"
#include "tools/cmd.h"

enum { TTL_MS = 10000 };

static bool holds(const void *lock)
{
    return swarm_lock_holds(lock);
}

static int run_command(const struct sw_cli *cli, const struct swarm_lock *lock)
{
    return sw_child_run(
        &(struct sw_child){.words = &cli->args[1],
                           .count = cli->arg_count - 1,
                           .variables = {{"SWARM_LOCK_TOKEN", swarm_lock_token(lock)},
                                         {"SWARM_LOCK_REVISION", swarm_lock_revision(lock)}},
                           .holds = holds,
                           .arg = lock,
                           .lost = "the lock was lost"});
}

int sw_cmd_lock(struct sw_cli *cli)
{
    struct swarm_lock *lock = NULL;
    const char *owner = sw_cli_flag(cli, "owner");
    char why[SW_WHY_SIZE] = "";
    uint64_t ttl_ms, wait_ms;
    enum swarm_status status;
    enum sw_err err;
    int code;

    if (!sw_cmd_before_command(cli, 1) || !sw_cli_time(cli, "ttl", TTL_MS, &ttl_ms) ||
        !sw_cli_time(cli, "wait", cli->timeout_ms, &wait_ms)) {
        return sw_cmd_usage();
    }
    err = sw_cli_open(cli);
    if (err != SW_ERR_OK) {
        return sw_err_info(err)->exit_code;
    }
    status = swarm_lock(cli->client,
                        sw_cli_scope(cli),
                        swarm_str(cli->args[0]),
                        swarm_str(owner == NULL ? "swarmctl" : owner),
                        (uint32_t)ttl_ms,
                        swarm_now_ms() + wait_ms,
                        &lock,
                        why,
                        sizeof why);
    if (status != SWARM_OK) {
        return sw_cli_fail((enum sw_err)status, why);
    }
    code = run_command(cli, lock);
    (void)swarm_unlock(lock);
    return code;
}
