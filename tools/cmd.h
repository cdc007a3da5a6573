/* What several commands of swarmctl share. */
#ifndef SW_TOOLS_CMD_H
#define SW_TOOLS_CMD_H

#include "tools/cli.h"
#include "tools/vector_text.h"

/* Opens the client and makes the call. On failure to open, the line is printed and `ret_code` set;
 * the result's own status is the caller's business. */
enum sw_err sw_cmd_call(struct sw_cli *cli,
                        const struct swarm_request *request,
                        struct swarm_result **ret_result,
                        int *ret_code);
/* --encoding; the line is printed if it is none. */
enum sw_err sw_cmd_encoding(const struct sw_cli *cli, enum sw_encoding *ret_encoding);

/* --rev, --min-revision, --max-age and --consistency of a read; the line is printed if they are
 * none. */
enum sw_err sw_cmd_read_options(const struct sw_cli *cli, struct swarm_request *request);

/* Makes the call of a write and prints the result's value under `name`. */
int sw_cmd_write_value(struct sw_cli *cli, const struct swarm_request *request, const char *name);
/* The exit code of a command that was written wrongly; its line is printed already. */
int sw_cmd_usage(void);
/* Of a command that is given another one behind a `--`: `count` arguments stand before it. False,
 * and the line printed, if not. */
bool sw_cmd_before_command(const struct sw_cli *cli, size_t count);
/* A flag that is a number of 32 bits, 0 without it. False, and the line printed, if it is none. */
bool sw_cmd_small_number(const struct sw_cli *cli, const char *name, uint32_t *ret);
/* A flag that is a number with a sign. False, and the line printed, if it is none; without it
 * nothing is written. */
bool sw_cmd_score(const struct sw_cli *cli, const char *name, bool *ret_has, int64_t *ret_score);
/* The value in argument `arg`, or stdin if there is none or "-". */
struct sw_cmd_value {
    struct swarm_slice slice;
    char *owned; /* free() it */
};
enum sw_err sw_cmd_value(const struct sw_cli *cli, size_t arg, struct sw_cmd_value *ret_value);

/* Columns of a record; a command may add its own behind them. */
enum { SW_CMD_RECORD_COLUMNS = 7 };
extern const struct sw_column sw_cmd_record_columns[SW_CMD_RECORD_COLUMNS];
void sw_cmd_add_record(struct sw_output *out, const struct swarm_record *record);
/* The result's first record: its value alone in plain output, else all of it. */
void sw_cmd_print_record(const struct sw_cli *cli,
                         const struct swarm_result *result,
                         enum sw_encoding encoding);

/* The answer's revision, and in JSON the rest of its header. */
void sw_cmd_header(struct sw_output *out, const struct swarm_result *result);
/* Prints the revision of a write. */
int sw_cmd_report_write(const struct sw_cli *cli, const struct swarm_result *result);
/* Walks a scan into rows (at most `limit`; 0 = all) and prints them. Returns the exit code. */
int sw_cmd_walk(struct sw_cli *cli,
                const struct swarm_request *first,
                uint64_t limit,
                struct sw_output *out,
                void (*add)(struct sw_output *out, const struct swarm_record *record));
/* All pages of a list that is no scan, from `request` on: `add` makes a row of a record and moves
 * the request behind it. Prints them and returns the exit code. */
int sw_cmd_pages(struct sw_cli *cli,
                 struct swarm_request *request,
                 struct sw_output *out,
                 void (*add)(struct sw_output *out,
                             const struct swarm_record *record,
                             struct swarm_request *next));
/* Makes of `prefix` the least text above all that begin with it; false if there is none. */
bool sw_cmd_above_prefix(char *prefix, size_t *size);
/* Makes a call of `op` at the node that the first argument names; `add` puts the fields of its
 * answer into the output. Returns the exit code. */
int sw_cmd_at_node(struct sw_cli *cli,
                   enum swarm_op op,
                   void (*add)(struct sw_output *out, const struct swarm_result *result));
/* --vector, from the flag itself or from the file behind an @: floats that live as long as `text`.
 * False, and the line printed, if it is none; so is the next. */
bool sw_cmd_vector(const struct sw_cli *cli, struct sw_vector_text *text, struct swarm_slice *ret);
/* A flag that is a fraction or a distance; `standard` without it. */
bool sw_cmd_real(const struct sw_cli *cli, const char *name, double standard, double *ret);
/* Follows a watch until `limit` records were told (0: without end), or its last call; `print` gets
 * each record. Without --after it begins at the present revision. Returns the exit code. */
int sw_cmd_follow(struct sw_cli *cli,
                  struct swarm_watch_options *options,
                  void (*print)(void *arg, const struct swarm_record *record),
                  void *arg);
/* --attributes style conditions and --vector of a question; false and the line printed if they are
 * none. */
bool sw_cmd_question(const struct sw_cli *cli,
                     struct sw_vector_text *text,
                     struct swarm_question *question);
/* An argument that names a node; false and the line printed if it does not. 0 if it is absent. */
bool sw_cmd_node(const struct sw_cli *cli, size_t arg, uint64_t *ret_node);

#endif
