/* Settings of swarmd: one table of keys, four sources, flags > environment > file > defaults.
 *
 * A key `section.name` is `name = value` under `[section]` in the file, `SWARM_SECTION_NAME` in the
 * environment, and a flag on the command line (the flag's name is a column of the table). Unknown
 * keys are errors everywhere. Durations ("300ms", "5s", "1h") and sizes ("64MiB") have one parser.
 * Pure: text in, struct out; config_inih.c reads files, main_posix.c brings argv and environ.
 *
 * A file, as `swarmctl swarm create` writes it:
 *
 *     [swarm]
 *     id = 00112233445566778899aabbccddeeff
 *
 *     [node]
 *     id = 1
 *     data_dir = /var/lib/swarm/1
 *     key_file = /etc/swarm/node-1.key
 *     clients_file = /etc/swarm/clients.allow
 *
 *     [listen]
 *     client = 127.0.0.1:6700
 *     peer = 127.0.0.1:6701
 *     http = 127.0.0.1:6702
 *
 *     [members]
 *     # id = peer address, client address, public key of the node (hex or base64)
 *     1 = 127.0.0.1:6701, 127.0.0.1:6700, ab12...
 *     2 = 127.0.0.1:6711, 127.0.0.1:6710, cd34...
 */
#ifndef SW_NODE_CONFIG_H
#define SW_NODE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/ids.h"
#include "base/limits.h"
#include "base/rw.h"

enum { SW_CONFIG_PATH_SIZE = 1024, SW_CONFIG_KEY_COUNT_MAX = 64 };

enum sw_config_origin {
    SW_CONFIG_DEFAULT,
    SW_CONFIG_FILE,
    SW_CONFIG_ENVIRONMENT,
    SW_CONFIG_FLAG,
};

struct sw_config_member {
    struct sw_node_id id;
    char peer_address[SW_ADDRESS_SIZE_MAX];
    char client_address[SW_ADDRESS_SIZE_MAX];
    uint8_t public_key[32];
};

struct sw_config {
    /* [swarm] */
    struct sw_swarm_id swarm;
    /* [node] */
    uint64_t node_id;
    uint64_t join; /* 1: founds nothing, see sw_node_config */
    char data_dir[SW_CONFIG_PATH_SIZE];
    char key_file[SW_CONFIG_PATH_SIZE];     /* secret key of this node; transport/keyfile */
    char clients_file[SW_CONFIG_PATH_SIZE]; /* who may connect, and do what; node/allow.h */
    /* [listen] */
    char listen_client[SW_ADDRESS_SIZE_MAX];
    char listen_peer[SW_ADDRESS_SIZE_MAX];
    char listen_http[SW_ADDRESS_SIZE_MAX]; /* "" = no HTTP; loopback addresses only */
    /* [raft] */
    uint64_t election_ms;
    uint64_t heartbeat_ms;
    uint64_t install_timeout_ms;
    uint64_t snapshot_bytes;
    uint64_t snapshot_trailing;
    /* [storage] */
    uint64_t wal_segment_size;
    uint64_t map_size;
    uint64_t commit_interval_ms;
    uint64_t commit_bytes;
    /* [limits] */
    uint64_t client_in_flight_max;
    uint64_t in_flight_max;
    uint64_t queue_size_max;
    uint64_t timeout_ms_default;
    uint64_t drain_ms;
    /* [log] */
    char log_level[16];  /* debug, info, warn, error */
    char log_format[16]; /* auto, json, text */
    /* [members] */
    struct sw_config_member members[SW_NODE_COUNT_MAX];
    uint32_t member_count;
    /* --first-start of the command line, and of nothing else: it must not be able to stay on. */
    bool first_start;
    /* --fault-control likewise; borrowed from argv, NULL = none. */
    const char *fault_control;

    enum sw_config_origin origins[SW_CONFIG_KEY_COUNT_MAX]; /* by row of the table */
    enum sw_config_origin members_origin;
};

enum sw_config_type {
    SW_CONFIG_TEXT,     /* char[] */
    SW_CONFIG_ADDRESS,  /* "host:port", "[v6]:port" */
    SW_CONFIG_NUMBER,   /* uint64_t */
    SW_CONFIG_DURATION, /* uint64_t, milliseconds */
    SW_CONFIG_SIZE,     /* uint64_t, bytes */
    SW_CONFIG_SWARM_ID, /* 32 hex digits */
};

/* One row of the table of keys. */
struct sw_config_key {
    const char *section;
    const char *name;
    const char *flag;  /* "data-dir" */
    const char *value; /* default, as text */
    const char *help;
    enum sw_config_type type;
    size_t offset;
    size_t size; /* of a text field */
    uint64_t min, max;
};

const struct sw_config_key *sw_config_keys(uint32_t *ret_count);

/* What the command line asks for besides settings. */
struct sw_config_command {
    const char *file;          /* --config; borrowed from argv or the environment, NULL = none */
    const char *plant;         /* --plant; borrowed likewise, NULL = none */
    const char *buggify;       /* --buggify; likewise */
    const char *fault_control; /* --fault-control; likewise */
    bool check;                /* --check-config */
    bool print;                /* --print-config */
    bool first_start;          /* --first-start */
    bool help;
    bool version;
};

void sw_config_init(struct sw_config *config); /* defaults */

/* All of these fail with CONFIG, and say in `ret_why` which key is wrong and what is expected. */
enum sw_err sw_config_set(struct sw_config *config,
                          const char *section,
                          const char *name,
                          const char *value,
                          enum sw_config_origin origin,
                          char ret_why[SW_WHY_SIZE]);
/* INI text, NUL-terminated (config_inih.c). */
enum sw_err sw_config_parse(struct sw_config *config, const char *text, char ret_why[SW_WHY_SIZE]);
/* CONFIG also if the file cannot be read (config_inih.c). */
enum sw_err sw_config_load(struct sw_config *config, const char *path, char ret_why[SW_WHY_SIZE]);
/* `environment` as environ: "NAME=value", NULL at the end. Looks at SWARM_<SECTION>_* only. */
enum sw_err sw_config_environment(struct sw_config *config,
                                  const char *const *environment,
                                  char ret_why[SW_WHY_SIZE]);
/* The two passes over the command line: what is asked for, then the settings. */
enum sw_err sw_config_command_of(int argc,
                                 const char *const *argv,
                                 struct sw_config_command *ret_command,
                                 char ret_why[SW_WHY_SIZE]);
enum sw_err sw_config_flags(struct sw_config *config,
                            int argc,
                            const char *const *argv,
                            char ret_why[SW_WHY_SIZE]);
/* Relations between keys: everything needed is there, this node is a member, and so on. */
enum sw_err sw_config_check(const struct sw_config *config, char ret_why[SW_WHY_SIZE]);

/* The effective settings as a file, each with its origin in a comment. */
void sw_config_print(const struct sw_config *config, struct sw_buf *out);
/* One line a flag, for --help. */
void sw_config_help(struct sw_buf *out);

/* The one parser of durations and sizes; whole input or nothing. */
bool sw_config_duration(const char *text, uint64_t *ret_ms);
bool sw_config_size(const char *text, uint64_t *ret_bytes);
/* Splits "host:port" or "[v6]:port"; port 1..65535. Either result may be NULL. */
bool sw_config_address(const char *text, char ret_host[SW_ADDRESS_SIZE_MAX], uint16_t *ret_port);
/* A public key as 64 hex digits, or in base64 as key files hold it. */
bool sw_config_public_key(const char *text, uint8_t out[32]);

#endif
