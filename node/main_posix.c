/* swarmd: command line in, exit code out. What goes wrong before the node runs is told in one line
 * on stderr: what happened, what it means for the data, what to do. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/log_posix.h"
#include "base/point.h"
#include "base/text.h"
#include "node/config.h"
#include "node/server_posix.h"
#include "storage/mapped_posix.h"

#ifndef SW_VERSION
#    define SW_VERSION "unknown"
#endif

struct arguments {
    int argc;
    const char *const *argv;
    struct sw_config_command command;
};

/* What a failed start means for what is stored. */
static const char *data_note(enum sw_err err)
{
    switch ((unsigned)err) {
    case SW_ERR_CORRUPT:
        return "damaged bytes were left as they are and this node votes on nothing";
    case SW_ERR_IO:
        return "what was acknowledged is on the other nodes too";
    case SW_ERR_DATA_MISSING:
        return "nothing was written; a start without that data could lose acknowledged writes";
    case SW_ERR_CONFIG:
    case SW_ERR_KEY_MISSING:
    case SW_ERR_PERMISSIONS:
    case SW_ERR_LOCKED:
    case SW_ERR_STRANGER:
    case SW_ERR_NEWER_FORMAT:
        return "nothing was changed";
    default:
        return "stored data is as it was";
    }
}

static int fail(enum sw_err err, const char *why)
{
    const struct sw_err_info *info = sw_err_info(err);

    (void)fprintf(stderr,
                  "swarmd: PA-%04u %s: %s; %s; %s\n",
                  (unsigned)info->err,
                  info->name,
                  why[0] == '\0' ? info->text : why,
                  data_note(err),
                  info->hint[0] == '\0' ? "see swarmd(8)" : info->hint);
    return info->exit_code;
}

/* flags > environment > file > defaults: later ones are set over earlier ones. */
static enum sw_err
load_config(const struct arguments *arguments, struct sw_config *config, char why[SW_WHY_SIZE])
{
    const char *file = arguments->command.file;
    enum sw_err err = SW_ERR_OK;

    sw_config_init(config);
    if (file == NULL) {
        file = getenv("SWARM_CONFIG"); /* NOLINT(concurrency-mt-unsafe): no thread yet */
    }
    if (file != NULL) {
        err = sw_config_load(config, file, why);
    }
    if (err == SW_ERR_OK) {
        err = sw_config_environment(config, (const char *const *)environ, why);
    }
    if (err == SW_ERR_OK) {
        err = sw_config_flags(config, arguments->argc, arguments->argv, why);
    }
    return err;
}

static enum sw_err reload(void *arg, struct sw_config *ret_config, char ret_why[SW_WHY_SIZE])
{
    enum sw_err err;

    err = load_config(arg, ret_config, ret_why);
    return err == SW_ERR_OK ? sw_config_check(ret_config, ret_why) : err;
}

static void print(struct sw_buf *out)
{
    (void)fwrite(out->data, 1, out->size, stdout);
    sw_buf_release(out);
}

static void print_help(void)
{
    struct sw_buf out = {0};

    sw_buf_printf(
        &out,
        "swarmd: one node of a swarm\n\n"
        "usage: swarmd [--config FILE] [flags]\n\n"
        "  --config FILE        settings, as `swarmctl swarm create` writes them\n"
        "  --check-config       test the settings and exit\n"
        "  --print-config       print value and origin of each setting and exit\n"
        "  --member ID=PEER,CLIENT,KEY\n"
        "                       a node of the swarm; once for each\n"
        "  --first-start        this node has never run: its data directory may be empty, once\n"
        "  --version\n"
        "  --help\n\n");
    if (SW_FAULT_POINTS_BUILT) {
        sw_buf_printf(
            &out,
            "  --plant BUG,...      known bugs, for tests that must find them\n"
            "  --buggify SEED       legal but unkind now and then\n"
            "  --fault-control FILE lose, delay and double messages as its page says\n\n");
    }
    sw_buf_printf(
        &out, "settings: flag over environment SWARM_<SECTION>_<KEY> over file over default\n\n");
    sw_config_help(&out);
    print(&out);
}

static struct sw_log *open_log(const struct sw_config *config)
{
    enum sw_log_level level = SW_LOG_INFO;
    enum sw_log_format format = SW_LOG_FORMAT_AUTO;

    (void)sw_log_level_of(config->log_level, &level); /* sw_config_check has seen it */
    if (strcmp(config->log_format, "json") == 0) {
        format = SW_LOG_FORMAT_JSON;
    } else if (strcmp(config->log_format, "text") == 0) {
        format = SW_LOG_FORMAT_TEXT;
    }
    return sw_log_new(STDERR_FILENO, format, level, config->node_id);
}

/* The points of a chaos build (base/point.h). Any other build has none and says so: a campaign must
 * not go green because its bugs were never there. */
static enum sw_err set_points(const struct sw_config_command *command, char why[SW_WHY_SIZE])
{
    struct sw_planted_bugs bugs = {{false}};
    uint64_t seed = 0;

    if (command->plant == NULL && command->buggify == NULL && command->fault_control == NULL) {
        return SW_ERR_OK;
    }
    if (!SW_FAULT_POINTS_BUILT) {
        (void)snprintf(
            why,
            SW_WHY_SIZE,
            "--plant, --buggify and --fault-control are for chaos builds; this build has "
            "no such points (cmake --preset chaos)");
        return SW_ERR_CONFIG;
    }
    if (command->plant != NULL && !sw_planted_parse(command->plant, &bugs)) {
        (void)snprintf(why, SW_WHY_SIZE, "--plant %.60s: not all are known bugs", command->plant);
        return SW_ERR_CONFIG;
    }
    if (command->buggify != NULL && !sw_text_number(command->buggify, &seed)) {
        (void)snprintf(why, SW_WHY_SIZE, "--buggify %.60s: not a seed", command->buggify);
        return SW_ERR_CONFIG;
    }
    sw_planted_set(&bugs);
    sw_points_begin(seed);
    return SW_ERR_OK;
}

static void tell_points(struct sw_log *log, const struct sw_config_command *command)
{
    char text[512];

    if (command->plant != NULL) {
        (void)snprintf(text,
                       sizeof text,
                       "THIS NODE HAS BUGS ON PURPOSE: %.400s; trust nothing that it says",
                       command->plant);
        sw_log_write(log, SW_LOG_WARN, "planted", text);
    }
    if (command->buggify != NULL) {
        (void)snprintf(text, sizeof text, "unkind on purpose, seed %.20s", command->buggify);
        sw_log_write(log, SW_LOG_WARN, "buggify", text);
    }
    if (command->fault_control != NULL) {
        (void)snprintf(text,
                       sizeof text,
                       "messages are lost, late and doubled as %.400s says",
                       command->fault_control);
        sw_log_write(log, SW_LOG_WARN, "fault-control", text);
    }
}

/* The same program as the same process: whoever supervises it sees no end. The words are the same,
 * too, but for --first-start, which is meant once. */
static int start_again(const struct arguments *arguments)
{
    const char **words = calloc((size_t)arguments->argc + 1, sizeof *words);
    char *const *argv;
    size_t count = 0;

    SW_ASSERT(words != NULL);
    for (int i = 0; i < arguments->argc; i++) {
        if (strcmp(arguments->argv[i], "--first-start") != 0) {
            words[count++] = arguments->argv[i];
        }
    }
    memcpy(&argv, &words, sizeof argv); /* execv does not change what it was given */
    (void)execv("/proc/self/exe", argv);
    free(words);
    return fail(SW_ERR_IO, "this program cannot be started again");
}

static int serve(struct arguments *arguments, const struct sw_config *config)
{
    struct sw_log *log = open_log(config);
    struct sw_server *server = NULL;
    char why[SW_WHY_SIZE] = "";
    bool again = false;
    int code;
    enum sw_err err;

    (void)signal(SIGPIPE, SIG_IGN);
    tell_points(log, &arguments->command);
    err = sw_server_new(config, log, reload, arguments, &server, why);
    if (err != SW_ERR_OK) {
        code = fail(err, why);
    } else {
        code = sw_server_run(server);
        again = sw_server_restarts(server);
        sw_server_free(server);
    }
    sw_log_free(log);
    return again ? start_again(arguments) : code;
}

static int run(struct arguments *arguments)
{
    static struct sw_config config; /* large */
    struct sw_buf out = {0};
    char why[SW_WHY_SIZE] = "";
    enum sw_err err;

    err = set_points(&arguments->command, why);
    if (err == SW_ERR_OK) {
        err = load_config(arguments, &config, why);
    }
    if (err == SW_ERR_OK && arguments->command.print) {
        sw_config_print(&config, &out);
        print(&out);
        return 0;
    }
    if (err == SW_ERR_OK) {
        err = sw_config_check(&config, why);
    }
    if (err != SW_ERR_OK) {
        return fail(err, why);
    }
    if (arguments->command.check) {
        (void)printf("ok\n");
        return 0;
    }
    return serve(arguments, &config);
}

/* The state is mapped: a page that the disk does not give has no error code to return. */
static void tell_lost_pages(void)
{
    static char text[SW_WHY_SIZE + 256];
    const struct sw_err_info *info = sw_err_info(SW_ERR_CORRUPT);

    (void)snprintf(text,
                   sizeof text,
                   "swarmd: PA-%04u %s: a page of the state cannot be read: its file is shorter "
                   "than it was, or the disk fails; %s; %s\n",
                   (unsigned)info->err,
                   info->name,
                   data_note(SW_ERR_CORRUPT),
                   info->hint);
    sw_mapped_read_failure(text, info->exit_code);
}

int main(int argc, char **argv)
{
    struct arguments arguments = {.argc = argc, .argv = (const char *const *)argv};
    char why[SW_WHY_SIZE] = "";
    const enum sw_err err = sw_config_command_of(argc, arguments.argv, &arguments.command, why);

    if (err != SW_ERR_OK) {
        return fail(err, why);
    }
    if (arguments.command.help) {
        print_help();
        return 0;
    }
    if (arguments.command.version) {
        (void)printf("swarmd " SW_VERSION "\n");
        return 0;
    }
    (void)prctl(PR_SET_NAME, "swarmd"); /* what was started as /proc/self/exe is called so */
    tell_lost_pages();
    return run(&arguments);
}
