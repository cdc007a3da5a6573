/* Settings from the environment and the command line. */
#include <stdio.h>
#include <string.h>

#include "node/config_private.h"

/* --- environment ------------------------------------------------------------------------------ */

/* True if `text` begins with `word` in capital letters; moves on past it. */
static bool skip_capitals(const char **text, const char *word)
{
    const char *at = *text;

    for (; *word != '\0'; word++, at++) {
        const char capital = (char)(*word >= 'a' && *word <= 'z' ? *word - 'a' + 'A' : *word);

        if (*at != capital) {
            return false;
        }
    }
    *text = at;
    return true;
}

/* True if the variable is SWARM_<SECTION>_<KEY>= of the row. */
static bool is_variable(const char *variable, const struct sw_config_key *key)
{
    return skip_capitals(&variable, "swarm_") && skip_capitals(&variable, key->section) &&
           skip_capitals(&variable, "_") && skip_capitals(&variable, key->name) && *variable == '=';
}

/* True if the variable begins with SWARM_ and a section's name. Others that begin with SWARM_ are
 * somebody else's: platforms make up names such as SWARM_SERVICE_HOST. */
static bool names_section(const char *variable)
{
    uint32_t count = 0;
    const struct sw_config_key *keys = sw_config_keys(&count);

    if (strncmp(variable, "SWARM_MEMBERS_", 14) == 0) {
        return true;
    }
    for (uint32_t i = 0; i < count; i++) {
        const char *at = variable;

        if (skip_capitals(&at, "swarm_") && skip_capitals(&at, keys[i].section) && *at == '_') {
            return true;
        }
    }
    return false;
}

static enum sw_err
set_variable(struct sw_config *config, const char *variable, size_t name_size, char *ret_why)
{
    static const char members[] = "SWARM_MEMBERS_";
    const char *value = variable + name_size + 1;
    uint32_t count = 0;
    const struct sw_config_key *keys = sw_config_keys(&count);
    char id[24];

    for (uint32_t i = 0; i < count; i++) {
        if (is_variable(variable, &keys[i])) {
            return sw__config_set_key(config, i, value, SW_CONFIG_ENVIRONMENT, ret_why);
        }
    }
    if (strncmp(variable, members, sizeof members - 1) == 0) {
        (void)snprintf(id,
                       sizeof id,
                       "%.*s",
                       (int)(name_size - (sizeof members - 1)),
                       variable + sizeof members - 1);
        return sw__config_set_member(config, id, value, SW_CONFIG_ENVIRONMENT, ret_why);
    }
    (void)snprintf(ret_why,
                   SW_WHY_SIZE,
                   "unknown environment variable %.*s",
                   name_size > 80 ? 80 : (int)name_size,
                   variable);
    return SW_ERR_CONFIG;
}

enum sw_err sw_config_environment(struct sw_config *config,
                                  const char *const *environment,
                                  char ret_why[SW_WHY_SIZE])
{
    for (; *environment != NULL; environment++) {
        const char *equals = strchr(*environment, '=');
        const size_t name_size = equals == NULL ? 0 : (size_t)(equals - *environment);
        enum sw_err err;

        /* SWARM_CONFIG names the file and is read by the caller. */
        if (equals == NULL || !names_section(*environment)) {
            continue;
        }
        err = set_variable(config, *environment, name_size, ret_why);
        if (err != SW_ERR_OK) {
            return err;
        }
    }
    return SW_ERR_OK;
}

/* --- command line ----------------------------------------------------------------------------- */

struct flag {
    const char *name;  /* without dashes */
    size_t name_size;  /* "name" of "name=value" */
    const char *value; /* NULL = the next argument, if the flag takes one */
};

static bool parse_flag(const char *arg, struct flag *ret_flag)
{
    const char *equals;

    if (strncmp(arg, "--", 2) != 0 || arg[2] == '\0') {
        return false;
    }
    equals = strchr(arg, '=');
    *ret_flag = (struct flag){
        .name = arg + 2,
        .name_size = equals == NULL ? strlen(arg + 2) : (size_t)(equals - arg - 2),
        .value = equals == NULL ? NULL : equals + 1,
    };
    return true;
}

static bool flag_is(const struct flag *flag, const char *name)
{
    return strlen(name) == flag->name_size && memcmp(name, flag->name, flag->name_size) == 0;
}

/* The switch in `command` that the flag sets; NULL if it is none. */
static bool *switch_of(struct sw_config_command *command, const struct flag *flag)
{
    if (flag_is(flag, "check-config")) {
        return &command->check;
    }
    if (flag_is(flag, "print-config")) {
        return &command->print;
    }
    if (flag_is(flag, "first-start")) {
        return &command->first_start;
    }
    if (flag_is(flag, "help")) {
        return &command->help;
    }
    return flag_is(flag, "version") ? &command->version : NULL;
}

/* Where `command` keeps the value of the flag; NULL if it is a setting. */
static const char **text_of(struct sw_config_command *command, const struct flag *flag)
{
    if (flag_is(flag, "config")) {
        return &command->file;
    }
    if (flag_is(flag, "plant")) {
        return &command->plant;
    }
    if (flag_is(flag, "fault-control")) {
        return &command->fault_control;
    }
    return flag_is(flag, "buggify") ? &command->buggify : NULL;
}

static enum sw_err bad_flag(const char *arg, const char *what, char *ret_why)
{
    (void)snprintf(ret_why, SW_WHY_SIZE, "%s %.60s; --help lists all flags", what, arg);
    return SW_ERR_CONFIG;
}

static enum sw_err
set_flag(struct sw_config *config, const struct flag *flag, const char *value, char *ret_why)
{
    uint32_t count = 0;
    const struct sw_config_key *keys = sw_config_keys(&count);
    char id[24];
    const char *equals;

    for (uint32_t i = 0; i < count; i++) {
        if (flag_is(flag, keys[i].flag)) {
            return sw__config_set_key(config, i, value, SW_CONFIG_FLAG, ret_why);
        }
    }
    if (!flag_is(flag, "member")) {
        return bad_flag(flag->name - 2, "unknown flag", ret_why);
    }
    equals = strchr(value, '=');
    if (equals == NULL || (size_t)(equals - value) >= sizeof id) {
        return bad_flag(value, "--member wants ID=PEER,CLIENT,KEY, not", ret_why);
    }
    (void)snprintf(id, sizeof id, "%.*s", (int)(equals - value), value);
    return sw__config_set_member(config, id, equals + 1, SW_CONFIG_FLAG, ret_why);
}

/* One pass over the arguments: with `config` the settings are set, else `command` is filled. */
static enum sw_err walk(int argc,
                        const char *const *argv,
                        struct sw_config *config,
                        struct sw_config_command *command,
                        char *ret_why)
{
    for (int i = 1; i < argc; i++) {
        struct flag flag;
        bool *given;
        enum sw_err err = SW_ERR_OK;

        if (!parse_flag(argv[i], &flag)) {
            return bad_flag(argv[i], "unexpected argument", ret_why);
        }
        given = switch_of(command, &flag);
        if (given != NULL) {
            if (flag.value != NULL) {
                return bad_flag(argv[i], "no value belongs to", ret_why);
            }
            *given = true;
            continue;
        }
        if (flag.value == NULL) {
            i++;
            if (i == argc) {
                return bad_flag(argv[i - 1], "unknown flag, or its value is missing:", ret_why);
            }
            flag.value = argv[i];
        }
        if (text_of(command, &flag) != NULL) {
            *text_of(command, &flag) = flag.value;
        } else if (config != NULL) {
            err = set_flag(config, &flag, flag.value, ret_why);
        }
        if (err != SW_ERR_OK) {
            return err;
        }
    }
    return SW_ERR_OK;
}

enum sw_err sw_config_command_of(int argc,
                                 const char *const *argv,
                                 struct sw_config_command *ret_command,
                                 char ret_why[SW_WHY_SIZE])
{
    struct sw_config_command command = {0};
    const enum sw_err err = walk(argc, argv, NULL, &command, ret_why);

    if (err == SW_ERR_OK) {
        *ret_command = command;
    }
    return err;
}

enum sw_err sw_config_flags(struct sw_config *config,
                            int argc,
                            const char *const *argv,
                            char ret_why[SW_WHY_SIZE])
{
    struct sw_config_command command = {0};
    const enum sw_err err = walk(argc, argv, config, &command, ret_why);

    if (err == SW_ERR_OK) {
        config->first_start = command.first_start;
        config->fault_control = command.fault_control;
    }
    return err;
}
