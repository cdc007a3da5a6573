/* What the commands for settings share: writing, deleting and listing one kind. */
#ifndef SW_TOOLS_CMD_SETTING_H
#define SW_TOOLS_CMD_SETTING_H

#include "base/rw.h"
#include "tools/cmd.h"
#include "transport/setting.h"

/* Appends "name=value\n". */
void sw_setting_line(struct sw_buf *text, const char *name, const char *value);
/* Appends a line for a flag if it was given. False, and the line printed, if it is no number. */
bool sw_setting_flag_number(const struct sw_cli *cli,
                            const char *flag,
                            const char *name,
                            struct sw_buf *text);
/* Appends a line "right=" for each part of --rights, which are set apart by commas. */
bool sw_setting_flag_rights(const struct sw_cli *cli, struct sw_buf *text);

/* "TENANT" or "TENANT NAMESPACE" of the first arguments, into `out`; false, and the line printed,
 * if that is no scope. */
bool sw_setting_scope(const struct sw_cli *cli, char out[SW_SETTING_NAME_SIZE_MAX + 1]);

/* Checks the setting and stores it; `is_new`: there must be none of that name. Prints and returns
 * the exit code, as do the next three. */
int sw_setting_put(struct sw_cli *cli,
                   enum sw_setting_kind kind,
                   const char *name,
                   const struct sw_buf *text,
                   bool is_new);
/* Without a word on stdout: 0 or the exit code. */
int sw_setting_put_quietly(struct sw_cli *cli,
                           enum sw_setting_kind kind,
                           const char *name,
                           const struct sw_buf *text,
                           bool is_new);
int sw_setting_delete(struct sw_cli *cli, enum sw_setting_kind kind, const char *name);
/* Rows of all settings of a kind, or of the one named (NULL = all; NOT_FOUND if there is none). */
int sw_setting_rows(struct sw_cli *cli,
                    enum sw_setting_kind kind,
                    const char *name,
                    struct sw_output *out,
                    void (*add)(struct sw_output *out, const struct sw_setting *setting));
/* What a scope uses, as scans of usage show it. */
struct sw_usage_shown {
    uint64_t keys, experiences, bytes, leases;
};
/* False if the value is none. */
bool sw_usage_parse(struct sw_span value, struct sw_usage_shown *ret_usage);
/* What one scope uses; zeros if nothing. The exit code, and the line printed, if that failed. */
int sw_usage_of(struct sw_cli *cli, const char *scope, struct sw_usage_shown *ret_usage);

/* A scan of the reserved tenant. */
struct swarm_request sw_system_scan(const char *name_space, const char *partition);

#endif
