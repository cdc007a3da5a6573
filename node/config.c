/* The table of settings, its parsers and its sources. */
#include "node/config.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/log.h"
#include "base/text.h"
#include "node/config_private.h"

#define KEY_TEXT(section, name, flag, value, help, field)                                    \
    {                                                                                        \
        section, name, flag, value, help, SW_CONFIG_TEXT, offsetof(struct sw_config, field), \
            sizeof(((struct sw_config *)0)->field), 0, 0                                     \
    }
#define KEY_ADDRESS(section, name, flag, value, help, field)                                    \
    {                                                                                           \
        section, name, flag, value, help, SW_CONFIG_ADDRESS, offsetof(struct sw_config, field), \
            sizeof(((struct sw_config *)0)->field), 0, 0                                        \
    }
#define KEY_NUMBER(section, name, flag, value, help, type, field, min, max)                    \
    {                                                                                          \
        section, name, flag, value, help, type, offsetof(struct sw_config, field), 0, min, max \
    }

#define MIB ((uint64_t)1 << 20)
#define GIB ((uint64_t)1 << 30)

/* clang-format off */
static const struct sw_config_key keys[] = {
    {"swarm", "id", "swarm-id", "", "id of the swarm, 32 hex digits", SW_CONFIG_SWARM_ID,
     offsetof(struct sw_config, swarm), 16, 0, 0},
    KEY_NUMBER("node", "id", "node-id", "0", "id of this node in the swarm, from 1", SW_CONFIG_NUMBER, node_id, 0, UINT64_MAX),
    KEY_NUMBER("node", "join", "join", "0", "1: founds no swarm; with an empty directory it waits to be added by one that exists", SW_CONFIG_NUMBER, join, 0, 1),
    KEY_TEXT("node", "data_dir", "data-dir", "", "directory of this node's log and state", data_dir),
    KEY_TEXT("node", "key_file", "key-file", "", "secret key of this node, readable by its owner only", key_file),
    KEY_TEXT("node", "clients_file", "clients-file", "", "clients that may connect, and what they may do", clients_file),
    KEY_ADDRESS("listen", "client", "listen-client", "127.0.0.1:6700", "where clients connect", listen_client),
    KEY_ADDRESS("listen", "peer", "listen-peer", "127.0.0.1:6701", "where the other nodes connect", listen_peer),
    KEY_ADDRESS("listen", "http", "listen-http", "127.0.0.1:6702", "health and metrics, loopback only; empty = off", listen_http),
    KEY_NUMBER("raft", "election", "election", "300ms", "a follower waits one to two of these for its leader", SW_CONFIG_DURATION, election_ms, 50, 60000),
    KEY_NUMBER("raft", "heartbeat", "heartbeat", "50ms", "interval of a leader's heartbeats, at most a fifth of the election timeout", SW_CONFIG_DURATION, heartbeat_ms, 5, 10000),
    KEY_NUMBER("raft", "install_timeout", "install-timeout", "10s", "a copy of the state without progress is given up after this", SW_CONFIG_DURATION, install_timeout_ms, 1000, 3600000),
    KEY_NUMBER("raft", "snapshot_bytes", "snapshot-bytes", "64MiB", "the log is compacted when it has grown by this", SW_CONFIG_SIZE, snapshot_bytes, 4096, GIB * 1024),
    KEY_NUMBER("raft", "snapshot_trailing", "snapshot-trailing", "4096", "entries kept behind a snapshot for followers that lag", SW_CONFIG_NUMBER, snapshot_trailing, 1, 1 << 24),
    KEY_NUMBER("storage", "wal_segment", "wal-segment", "64MiB", "size of one log file", SW_CONFIG_SIZE, wal_segment_size, MIB, GIB),
    KEY_NUMBER("storage", "map_size", "max-map-size", "64GiB", "what the state may grow to; sparse, not reserved", SW_CONFIG_SIZE, map_size, 8 * MIB, GIB * 64 * 1024),
    KEY_NUMBER("storage", "commit_interval", "commit-interval", "1s", "the state is committed at the latest after this; the log covers the rest", SW_CONFIG_DURATION, commit_interval_ms, 10, 60000),
    KEY_NUMBER("storage", "commit_bytes", "commit-bytes", "64MiB", "or after this much was written", SW_CONFIG_SIZE, commit_bytes, 64 << 10, GIB),
    KEY_NUMBER("limits", "client_in_flight", "client-in-flight", "4096", "unanswered requests of one connection", SW_CONFIG_NUMBER, client_in_flight_max, 1, SW_CLIENT_IN_FLIGHT_MAX),
    KEY_NUMBER("limits", "in_flight", "in-flight", "65536", "unanswered requests of all connections; half of them may be watches", SW_CONFIG_NUMBER, in_flight_max, 1, SW_NODE_IN_FLIGHT_MAX),
    KEY_NUMBER("limits", "queue_size", "queue-size", "64MiB", "bytes of writes that wait to be proposed, and as many of reads under way", SW_CONFIG_SIZE, queue_size_max, SW_COMMAND_SIZE_MAX, SW_NODE_QUEUE_SIZE_MAX),
    KEY_NUMBER("limits", "timeout", "timeout", "5s", "deadline of requests that name none", SW_CONFIG_DURATION, timeout_ms_default, 1, 600000),
    KEY_NUMBER("limits", "drain", "drain", "5s", "how long a stop waits for what is under way", SW_CONFIG_DURATION, drain_ms, 1, 600000),
    KEY_TEXT("log", "level", "log-level", "info", "debug, info, warn or error", log_level),
    KEY_TEXT("log", "format", "log-format", "auto", "json, text, or auto: text on a terminal", log_format),
};
/* clang-format on */

enum { KEY_COUNT = sizeof keys / sizeof keys[0] };

static_assert((int)KEY_COUNT <= (int)SW_CONFIG_KEY_COUNT_MAX, "every key has its origin");

static const char *const origin_names[] = {"default", "file", "environment", "flag"};

const struct sw_config_key *sw_config_keys(uint32_t *ret_count)
{
    *ret_count = KEY_COUNT;
    return keys;
}

/* --- one value -------------------------------------------------------------------------------- */

static void *field_of(struct sw_config *config, const struct sw_config_key *key)
{
    return (uint8_t *)config + key->offset;
}

static const void *field_in(const struct sw_config *config, const struct sw_config_key *key)
{
    return (const uint8_t *)config + key->offset;
}

static enum sw_err
bad_value(const struct sw_config_key *key, const char *value, const char *expected, char *ret_why)
{
    (void)snprintf(ret_why,
                   SW_WHY_SIZE,
                   "%s.%s = \"%.40s\": expected %s",
                   key->section,
                   key->name,
                   value,
                   expected);
    return SW_ERR_CONFIG;
}

static enum sw_err set_number(struct sw_config *config,
                              const struct sw_config_key *key,
                              const char *value,
                              char *ret_why)
{
    uint64_t number = 0;
    const char *expected = "a number";
    bool parsed = false;
    char range[80];

    if (key->type == SW_CONFIG_DURATION) {
        expected = "a duration such as 300ms, 5s or 1h";
        parsed = sw_config_duration(value, &number);
    } else if (key->type == SW_CONFIG_SIZE) {
        expected = "a size such as 64MiB";
        parsed = sw_config_size(value, &number);
    } else {
        const char *rest = sw_text_digits(value, &number);

        parsed = rest != NULL && *rest == '\0';
    }
    if (!parsed) {
        return bad_value(key, value, expected, ret_why);
    }
    if (number < key->min || number > key->max) {
        (void)snprintf(range,
                       sizeof range,
                       "%llu to %llu%s",
                       (unsigned long long)key->min,
                       (unsigned long long)key->max,
                       key->type == SW_CONFIG_DURATION ? " ms"
                       : key->type == SW_CONFIG_SIZE   ? " bytes"
                                                       : "");
        return bad_value(key, value, range, ret_why);
    }
    memcpy(field_of(config, key), &number, sizeof number);
    return SW_ERR_OK;
}

/* Whatever is accepted can be written to a file and read back: libinih trims spaces and takes a
 * semicolon after one for a comment. */
static bool fits_a_file(const char *value)
{
    const size_t size = strlen(value);

    for (size_t i = 0; i < size; i++) {
        const bool after_space = i == 0 || value[i - 1] == ' ';

        if ((unsigned char)value[i] < ' ' || value[i] == 0x7f || (value[i] == ';' && after_space)) {
            return false;
        }
    }
    return size == 0 || (value[0] != ' ' && value[size - 1] != ' ');
}

static enum sw_err set_text(struct sw_config *config,
                            const struct sw_config_key *key,
                            const char *value,
                            char *ret_why)
{
    if (strlen(value) >= key->size) {
        return bad_value(key, value, "a shorter text", ret_why);
    }
    if (!fits_a_file(value)) {
        return bad_value(key, "...", "no control characters, outer spaces or \" ;\"", ret_why);
    }
    if (key->type == SW_CONFIG_ADDRESS && value[0] != '\0' &&
        !sw_config_address(value, NULL, NULL)) {
        return bad_value(key, value, "host:port, port 1 to 65535", ret_why);
    }
    memset(field_of(config, key), 0, key->size);
    memcpy(field_of(config, key), value, strlen(value));
    return SW_ERR_OK;
}

enum sw_err sw__config_set_key(struct sw_config *config,
                               uint32_t row,
                               const char *value,
                               enum sw_config_origin origin,
                               char *ret_why)
{
    const struct sw_config_key *key = &keys[row];
    enum sw_err err = SW_ERR_OK;

    switch (key->type) {
    case SW_CONFIG_TEXT:
    case SW_CONFIG_ADDRESS:
        err = set_text(config, key, value, ret_why);
        break;
    case SW_CONFIG_NUMBER:
    case SW_CONFIG_DURATION:
    case SW_CONFIG_SIZE:
        err = set_number(config, key, value, ret_why);
        break;
    case SW_CONFIG_SWARM_ID:
        if (!sw_text_hex(value, config->swarm.bytes, sizeof config->swarm.bytes)) {
            err = bad_value(key, value, "32 hex digits", ret_why);
        }
        break;
    }
    if (err == SW_ERR_OK) {
        config->origins[row] = origin;
    }
    return err;
}

/* --- members ---------------------------------------------------------------------------------- */

/* The next part of "a, b, c", trimmed, copied to `out`; NULL if it does not fit. */
static const char *next_part(const char *at, char *out, size_t size)
{
    const char *end = strchr(at, ',');
    size_t length;

    while (*at == ' ' || *at == '\t') {
        at++;
    }
    length = end == NULL ? strlen(at) : (size_t)(end - at);
    while (length > 0 && (at[length - 1] == ' ' || at[length - 1] == '\t')) {
        length--;
    }
    if (length == 0 || length >= size) {
        return NULL;
    }
    memcpy(out, at, length);
    out[length] = '\0';
    return end == NULL ? "" : end + 1;
}

static bool parse_member(const char *value, struct sw_config_member *member)
{
    char key[80];
    const char *at = next_part(value, member->peer_address, sizeof member->peer_address);

    if (at != NULL) {
        at = next_part(at, member->client_address, sizeof member->client_address);
    }
    if (at != NULL) {
        at = next_part(at, key, sizeof key);
    }
    return at != NULL && *at == '\0' && sw_config_address(member->peer_address, NULL, NULL) &&
           sw_config_address(member->client_address, NULL, NULL) &&
           sw_config_public_key(key, member->public_key);
}

static struct sw_config_member *member_slot(struct sw_config *config, struct sw_node_id id)
{
    for (uint32_t i = 0; i < config->member_count; i++) {
        if (sw_node_id_equal(config->members[i].id, id)) {
            return &config->members[i];
        }
    }
    return config->member_count == SW_NODE_COUNT_MAX ? NULL
                                                     : &config->members[config->member_count];
}

enum sw_err sw__config_set_member(struct sw_config *config,
                                  const char *name,
                                  const char *value,
                                  enum sw_config_origin origin,
                                  char *ret_why)
{
    struct sw_config_member member = {0};
    struct sw_config_member *slot;
    const char *rest = sw_text_digits(name, &member.id.value);

    if (rest == NULL || *rest != '\0' || member.id.value == 0) {
        (void)snprintf(ret_why, SW_WHY_SIZE, "members.%.40s: expected a node id, from 1", name);
        return SW_ERR_CONFIG;
    }
    if (!parse_member(value, &member)) {
        (void)snprintf(ret_why,
                       SW_WHY_SIZE,
                       "members.%.20s: expected \"peer host:port, client host:port, public key of "
                       "64 hex digits or base64\"",
                       name);
        return SW_ERR_CONFIG;
    }
    slot = member_slot(config, member.id);
    if (slot == NULL) {
        (void)snprintf(ret_why, SW_WHY_SIZE, "members: at most %d are possible", SW_NODE_COUNT_MAX);
        return SW_ERR_CONFIG;
    }
    if (slot == &config->members[config->member_count]) {
        config->member_count++;
    }
    *slot = member;
    config->members_origin = origin;
    return SW_ERR_OK;
}

enum sw_err sw_config_set(struct sw_config *config,
                          const char *section,
                          const char *name,
                          const char *value,
                          enum sw_config_origin origin,
                          char ret_why[SW_WHY_SIZE])
{
    if (strcmp(section, "members") == 0) {
        return sw__config_set_member(config, name, value, origin, ret_why);
    }
    for (uint32_t i = 0; i < KEY_COUNT; i++) {
        if (strcmp(keys[i].section, section) == 0 && strcmp(keys[i].name, name) == 0) {
            return sw__config_set_key(config, i, value, origin, ret_why);
        }
    }
    (void)snprintf(ret_why,
                   SW_WHY_SIZE,
                   "unknown key \"%.40s\" in section [%.40s]; --help lists all keys",
                   name,
                   section);
    return SW_ERR_CONFIG;
}

static void set_default(struct sw_config *config, uint32_t row)
{
    char why[SW_WHY_SIZE];
    enum sw_err err;

    if (keys[row].type == SW_CONFIG_SWARM_ID) {
        return; /* no default: all zeros means "not set" */
    }
    err = sw__config_set_key(config, row, keys[row].value, SW_CONFIG_DEFAULT, why);
    SW_ASSERT(err == SW_ERR_OK);
}

void sw_config_init(struct sw_config *config)
{
    memset(config, 0, sizeof *config);
    for (uint32_t i = 0; i < KEY_COUNT; i++) {
        set_default(config, i);
    }
}

/* --- relations -------------------------------------------------------------------------------- */

static enum sw_err missing(const char *what, char *ret_why)
{
    (void)snprintf(ret_why, SW_WHY_SIZE, "%s is not set", what);
    return SW_ERR_CONFIG;
}

static bool is_loopback(const char *address)
{
    char host[SW_ADDRESS_SIZE_MAX];

    return sw_config_address(address, host, NULL) &&
           (strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0 ||
            strcmp(host, "localhost") == 0);
}

static enum sw_err check_needed(const struct sw_config *config, char *ret_why)
{
    static const struct sw_swarm_id none = {{0}};

    if (memcmp(&config->swarm, &none, sizeof none) == 0) {
        return missing("swarm.id", ret_why);
    }
    if (config->node_id == 0) {
        return missing("node.id", ret_why);
    }
    if (config->data_dir[0] == '\0') {
        return missing("node.data_dir", ret_why);
    }
    if (config->key_file[0] == '\0') {
        return missing("node.key_file", ret_why);
    }
    if (config->clients_file[0] == '\0') {
        return missing("node.clients_file", ret_why);
    }
    if (config->listen_client[0] == '\0') {
        return missing("listen.client", ret_why);
    }
    if (config->listen_peer[0] == '\0') {
        return missing("listen.peer", ret_why);
    }
    return SW_ERR_OK;
}

static enum sw_err check_members(const struct sw_config *config, char *ret_why)
{
    bool found = false;

    for (uint32_t i = 0; i < config->member_count; i++) {
        found = found || config->members[i].id.value == config->node_id;
        for (uint32_t j = 0; j < i; j++) {
            if (memcmp(config->members[i].public_key, config->members[j].public_key, 32) == 0) {
                (void)snprintf(ret_why,
                               SW_WHY_SIZE,
                               "members %llu and %llu have the same public key",
                               (unsigned long long)config->members[j].id.value,
                               (unsigned long long)config->members[i].id.value);
                return SW_ERR_CONFIG;
            }
        }
    }
    if (!found) {
        (void)snprintf(ret_why,
                       SW_WHY_SIZE,
                       "node.id = %llu is not among [members]",
                       (unsigned long long)config->node_id);
        return SW_ERR_CONFIG;
    }
    return SW_ERR_OK;
}

static enum sw_err check_log(const struct sw_config *config, char *ret_why)
{
    enum sw_log_level level;

    if (!sw_log_level_of(config->log_level, &level)) {
        (void)snprintf(ret_why, SW_WHY_SIZE, "log.level: expected debug, info, warn or error");
        return SW_ERR_CONFIG;
    }
    if (strcmp(config->log_format, "auto") != 0 && strcmp(config->log_format, "json") != 0 &&
        strcmp(config->log_format, "text") != 0) {
        (void)snprintf(ret_why, SW_WHY_SIZE, "log.format: expected auto, json or text");
        return SW_ERR_CONFIG;
    }
    return SW_ERR_OK;
}

enum sw_err sw_config_check(const struct sw_config *config, char ret_why[SW_WHY_SIZE])
{
    enum sw_err err;

    err = check_needed(config, ret_why);
    if (err == SW_ERR_OK) {
        err = check_members(config, ret_why);
    }
    if (err == SW_ERR_OK) {
        err = check_log(config, ret_why);
    }
    if (err != SW_ERR_OK) {
        return err;
    }
    if (config->heartbeat_ms * 5 > config->election_ms) {
        (void)snprintf(ret_why,
                       SW_WHY_SIZE,
                       "raft.heartbeat is over a fifth of raft.election: followers would depose a "
                       "leader that is well");
        return SW_ERR_CONFIG;
    }
    if (config->listen_http[0] != '\0' && !is_loopback(config->listen_http)) {
        (void)snprintf(ret_why,
                       SW_WHY_SIZE,
                       "listen.http must be a loopback address: it has no authentication");
        return SW_ERR_CONFIG;
    }
    return SW_ERR_OK;
}

/* --- output ----------------------------------------------------------------------------------- */

static void print_duration(struct sw_buf *out, uint64_t ms)
{
    if (ms != 0 && ms % 1000 == 0) {
        sw_buf_printf(out, "%llus", (unsigned long long)(ms / 1000));
    } else {
        sw_buf_printf(out, "%llums", (unsigned long long)ms);
    }
}

static void print_size(struct sw_buf *out, uint64_t bytes)
{
    static const char *const names[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    uint32_t unit = 0;

    while (bytes != 0 && bytes % 1024 == 0 && unit < 4) {
        bytes /= 1024;
        unit++;
    }
    sw_buf_printf(out, "%llu%s", (unsigned long long)bytes, names[unit]);
}

static void print_hex(struct sw_buf *out, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        sw_buf_printf(out, "%02x", bytes[i]);
    }
}

static void
print_value(const struct sw_config *config, const struct sw_config_key *key, struct sw_buf *out)
{
    uint64_t number = 0;

    switch (key->type) {
    case SW_CONFIG_TEXT:
    case SW_CONFIG_ADDRESS:
        sw_buf_printf(out, "%s", (const char *)field_in(config, key));
        return;
    case SW_CONFIG_SWARM_ID:
        print_hex(out, config->swarm.bytes, sizeof config->swarm.bytes);
        return;
    case SW_CONFIG_NUMBER:
    case SW_CONFIG_DURATION:
    case SW_CONFIG_SIZE:
        break;
    }
    memcpy(&number, field_in(config, key), sizeof number);
    if (key->type == SW_CONFIG_DURATION) {
        print_duration(out, number);
    } else if (key->type == SW_CONFIG_SIZE) {
        print_size(out, number);
    } else {
        sw_buf_printf(out, "%llu", (unsigned long long)number);
    }
}

void sw_config_print(const struct sw_config *config, struct sw_buf *out)
{
    const char *section = "";

    for (uint32_t i = 0; i < KEY_COUNT; i++) {
        if (strcmp(section, keys[i].section) != 0) {
            section = keys[i].section;
            sw_buf_printf(out, "%s[%s]\n", i == 0 ? "" : "\n", section);
        }
        sw_buf_printf(
            out, "# %s: %s\n%s = ", origin_names[config->origins[i]], keys[i].help, keys[i].name);
        print_value(config, &keys[i], out);
        sw_write_u8(out, '\n');
    }
    sw_buf_printf(out,
                  "\n[members]\n# %s: id = peer address, client address, public key\n",
                  origin_names[config->members_origin]);
    for (uint32_t i = 0; i < config->member_count; i++) {
        const struct sw_config_member *member = &config->members[i];

        sw_buf_printf(out,
                      "%llu = %s, %s, ",
                      (unsigned long long)member->id.value,
                      member->peer_address,
                      member->client_address);
        print_hex(out, member->public_key, sizeof member->public_key);
        sw_write_u8(out, '\n');
    }
}

void sw_config_help(struct sw_buf *out)
{
    for (uint32_t i = 0; i < KEY_COUNT; i++) {
        sw_buf_printf(out, "  --%-18s %s", keys[i].flag, keys[i].help);
        if (keys[i].value[0] != '\0' && strcmp(keys[i].value, "0") != 0) {
            sw_buf_printf(out, " (%s)", keys[i].value);
        }
        sw_write_u8(out, '\n');
    }
}
