/* The codec of member texts. */
#include "node/peer_text.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "node/config.h"

enum { PART_COUNT_MAX = 4, KEY_HEX_SIZE = 64 };

/* Cuts `text` at its commas; 0 if there are too many parts. */
static size_t split(char *text, char *parts[PART_COUNT_MAX])
{
    size_t count = 0;
    char *at = text;

    while (at != NULL) {
        char *comma = strchr(at, ',');

        if (count == PART_COUNT_MAX) {
            return 0;
        }
        parts[count++] = at;
        if (comma != NULL) {
            *comma = '\0';
        }
        at = comma == NULL ? NULL : comma + 1;
    }
    return count;
}

bool sw_peer_text_parse(const char *text, struct sw_peer_text *ret_peer)
{
    struct sw_peer_text peer = {0};
    char copy[SW_ADDRESS_SIZE_MAX];
    char *parts[PART_COUNT_MAX] = {NULL};
    size_t count;

    if (strlen(text) >= sizeof copy) {
        return false;
    }
    memcpy(copy, text, strlen(text) + 1);
    count = split(copy, parts);
    if (count == 1) {
        (void)snprintf(peer.peer, sizeof peer.peer, "%s", parts[0]);
        *ret_peer = peer;
        return parts[0][0] != '\0';
    }
    if (count < 3 || !sw_config_address(parts[0], NULL, NULL) ||
        !sw_config_address(parts[1], NULL, NULL) || strlen(parts[2]) != KEY_HEX_SIZE ||
        !sw_config_public_key(parts[2], peer.key) ||
        (count == 4 && !sw_text_number(parts[3], &peer.floor))) {
        return false;
    }
    (void)snprintf(peer.peer, sizeof peer.peer, "%s", parts[0]);
    (void)snprintf(peer.client, sizeof peer.client, "%s", parts[1]);
    peer.has_key = true;
    *ret_peer = peer;
    return true;
}

bool sw_peer_text_print(const struct sw_peer_text *peer, char out[SW_ADDRESS_SIZE_MAX])
{
    char key[KEY_HEX_SIZE + 1] = "";
    char floor[24] = "";
    int size;

    for (size_t i = 0; i < sizeof peer->key; i++) {
        (void)snprintf(key + 2 * i, 3, "%02x", (unsigned)peer->key[i]);
    }
    if (peer->floor != 0) {
        (void)snprintf(floor, sizeof floor, ",%llu", (unsigned long long)peer->floor);
    }
    size =
        peer->has_key
            ? snprintf(out, SW_ADDRESS_SIZE_MAX, "%s,%s,%s%s", peer->peer, peer->client, key, floor)
            : snprintf(out, SW_ADDRESS_SIZE_MAX, "%s", peer->peer);
    return size > 0 && size < SW_ADDRESS_SIZE_MAX;
}
