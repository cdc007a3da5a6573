/* Settings of the swarm itself as text: who may do what, how much a tenant may use, what is kept.
 *
 * A setting is an ordinary record of the reserved tenant: partition = kind, key = name, value =
 * lines `name=value`. Only an administrator writes one, with SETTING_PUT and SETTING_DELETE.
 *
 * | kind      | name of the record | lines                                                      |
 * |-----------|--------------------|------------------------------------------------------------|
 * | identity  | a word             | id=HEX32, note=TEXT, right=RWA TENANT [PREFIX] (to 16)     |
 * | tenant    | TENANT             | note=TEXT                                                  |
 * | quota     | SCOPE              | keys=N bytes=N ops_per_second=N in_flight=N                |
 * | retention | SCOPE              | keep_last=N max_age_ms=N max_bytes=N                       |
 * | token     | a word             | id=HEX32, until_ms=N, note=TEXT, right=..., as above       |
 *
 * A token is a key that may become an identity of its name, with its rights, under another key.
 * SCOPE is TENANT, or TENANT NAMESPACE with one space between. RWA is some of r, w and a in this
 * order. Each line at most once but for right; a number is decimal, below 2^63, 0 = no limit. One
 * parser for client and node; whoever stores a setting has parsed it. Pure. */
#ifndef SW_TRANSPORT_SETTING_H
#define SW_TRANSPORT_SETTING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"
#include "base/rw.h"
#include "base/span.h"

#define SW_SYSTEM_TENANT   "~swarm"   /* no client may write into it, administrators may read it */
#define SW_SYSTEM_SETTINGS "settings" /* its namespaces */
#define SW_SYSTEM_USAGE    "usage"
#define SW_SYSTEM_AUDIT    "audit"

/* In the order of their partitions' names. */
enum sw_setting_kind {
    SW_SETTING_IDENTITY,
    SW_SETTING_QUOTA,
    SW_SETTING_RETENTION,
    SW_SETTING_TENANT,
    SW_SETTING_TOKEN,
    SW_SETTING_KIND_COUNT
};

/* `expected` of SETTING_PUT: there is none of that name yet. */
#define SW_SETTING_ABSENT UINT64_MAX

enum {
    SW_RIGHT_READ = 1 << 0,
    SW_RIGHT_WRITE = 1 << 1,
    SW_RIGHT_ADMIN = 1 << 2,
    SW_RIGHT_ALL = (1 << 3) - 1,
};

enum {
    SW_SETTING_NAME_SIZE_MAX = SW_TENANT_SIZE_MAX + 1 + SW_NAMESPACE_SIZE_MAX,
    SW_IDENTITY_ID_SIZE = 16, /* BLAKE2b-128 of a client's public key */
};

/* In one tenant ("*": in all but the reserved one), namespaces that begin with `prefix`. */
struct sw_right {
    char tenant[SW_TENANT_SIZE_MAX + 1];
    char prefix[SW_NAMESPACE_SIZE_MAX + 1];
    uint8_t rights; /* bits of SW_RIGHT_ */
};

struct sw_right_list {
    uint32_t count;
    struct sw_right rows[SW_SETTING_RIGHT_COUNT_MAX];
};

struct sw_quota {
    uint64_t keys, bytes, ops_per_second, in_flight; /* 0 = no limit */
};

struct sw_retention {
    uint64_t keep_last, max_age_ms, max_bytes; /* 0 = no limit */
};

/* A reply that is refused with QUOTA says in its value: 4 * what is used, and these. */
enum { SW_QUOTA_OF_BYTES = 1, SW_QUOTA_OF_NAMESPACE = 2 };

/* A parsed setting; plain memory, copied freely. Only the parts of its kind are set. */
struct sw_setting {
    enum sw_setting_kind kind;
    uint64_t revision; /* of its record */
    char name[SW_SETTING_NAME_SIZE_MAX + 1];
    char note[SW_SETTING_NOTE_SIZE_MAX + 1];
    uint8_t id[SW_IDENTITY_ID_SIZE]; /* identity and token: of the key that has it */
    uint64_t until_ms;               /* token: leader time; 0 = without end */
    struct sw_right_list rights;     /* identity and token */
    struct sw_quota quota;
    struct sw_retention retention;
};

const char *sw_setting_kind_name(enum sw_setting_kind kind);
/* SW_SETTING_KIND_COUNT if there is none of that name. */
enum sw_setting_kind sw_setting_kind_of(struct sw_span name);

/* INVALID or TOO_LARGE with the reason in `ret_why`. `ret_setting` may be partly written then. */
enum sw_err sw_setting_parse(enum sw_setting_kind kind,
                             struct sw_span name,
                             struct sw_span text,
                             struct sw_setting *ret_setting,
                             char ret_why[SW_WHY_SIZE]) SW_MUST_CHECK;
/* Just the name; deleting needs no more. */
enum sw_err sw_setting_check_name(enum sw_setting_kind kind,
                                  struct sw_span name,
                                  char ret_why[SW_WHY_SIZE]) SW_MUST_CHECK;
/* The one plain text of a setting, appended: parses to an equal one. */
void sw_setting_print(const struct sw_setting *setting, struct sw_buf *out);
/* "rwa TENANT PREFIX", as behind `right=`. */
bool sw_right_parse(struct sw_span text, struct sw_right *ret_right);

bool sw_tenant_is_reserved(struct sw_span tenant);

#endif
