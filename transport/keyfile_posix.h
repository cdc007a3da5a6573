/* Key files: one line of text, `swarm-key-v1 secret <base64>` or `swarm-key-v1 public <base64>`.
 *
 * A secret file must be a regular file (no symbolic link), owned by this user or root, and closed
 * to group and others; anything else is PERMISSIONS, with the mode seen and the command that mends
 * it in `ret_why`. Secrets only ever pass through memory from sw_secret_new. */
#ifndef SW_TRANSPORT_KEYFILE_POSIX_H
#define SW_TRANSPORT_KEYFILE_POSIX_H

#include "base/err.h"
#include "base/limits.h"
#include "transport/crypto_sodium.h"

/* Creates the file with mode 0600, durably (file and directory synced). CONFLICT if the name
 * exists: keys are never overwritten. On failure no file is left. */
enum sw_err sw_keyfile_save_secret(const char *path,
                                   const struct sw_keypair *keys,
                                   char ret_why[SW_WHY_SIZE]) SW_MUST_CHECK;
/* The same with mode 0644. */
enum sw_err sw_keyfile_save_public(const char *path,
                                   const struct sw_public_key *key,
                                   char ret_why[SW_WHY_SIZE]) SW_MUST_CHECK;

/* `*ret_keys` is new secret memory, freed by the caller with sw_secret_free. KEY_MISSING if there
 * is no such file, PERMISSIONS, CONFIG if the text is not a secret key. */
enum sw_err sw_keyfile_load_secret(const char *path,
                                   struct sw_keypair **ret_keys,
                                   char ret_why[SW_WHY_SIZE]) SW_MUST_CHECK;
enum sw_err sw_keyfile_load_public(const char *path,
                                   struct sw_public_key *ret_key,
                                   char ret_why[SW_WHY_SIZE]) SW_MUST_CHECK;

#endif
