/* Which clients may connect, and what they may do: the clients_file of a node.
 *
 * One client a line: `KEY RIGHTS [NAME]`; KEY is the client's public key in 64 hex digits or
 * base64, RIGHTS is `read`, `write` (read too) or `admin` (everything), NAME is for people. Blank
 * lines and lines that begin with # are skipped. The file is read at start and again on SIGHUP; a
 * file with one wrong line changes nothing. Pure: text in, table out. */
#ifndef SW_NODE_ALLOW_H
#define SW_NODE_ALLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"
#include "base/span.h"
#include "transport/proto.h"

enum { SW_ALLOW_COUNT_MAX = 4096, SW_ALLOW_NAME_SIZE = 64 };

enum sw_rights { SW_RIGHTS_NONE, SW_RIGHTS_READ, SW_RIGHTS_WRITE, SW_RIGHTS_ADMIN };

struct sw_allow_entry {
    uint8_t key[32];
    enum sw_rights rights;
    char name[SW_ALLOW_NAME_SIZE];
};

struct sw_allow {
    struct sw_allow_entry *entries; /* owned; sorted by key */
    uint32_t count;
};

/* `*ret_allow` is replaced on success only (and what it held is released). CONFIG names the line.
 */
enum sw_err sw_allow_parse(struct sw_span text,
                           struct sw_allow *ret_allow,
                           char ret_why[SW_WHY_SIZE]) SW_MUST_CHECK;
void sw_allow_release(struct sw_allow *allow); /* accepts a zeroed one */
/* NULL for a stranger. */
const struct sw_allow_entry *sw_allow_find(const struct sw_allow *allow, const uint8_t key[32]);
bool sw_rights_cover(enum sw_rights rights, enum sw_op op);

#endif
