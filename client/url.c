/* Takes a URL apart, from left to right. */
#include "client/url.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/span.h"
#include "base/text.h"

static const char swarm_scheme[] = "swarm://";
static const char file_scheme[] = "file:";
static const char default_port[] = ":6700";

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

bool sw_url_is(const char *text)
{
    return begins(text, swarm_scheme) || begins(text, file_scheme);
}

static enum sw_err fail(char *ret_why, const char *what, const char *text)
{
    (void)snprintf(ret_why, SW_WHY_SIZE, "%.90s, not \"%.60s\"", what, text);
    return SW_ERR_INVALID;
}

/* ---- parts ----------------------------------------------------------------------------------- */

/* `size` characters from `text`, each %XX as the byte that it stands for; false if it does not fit,
 * or a %XX is none or stands for NUL. */
static bool decode(const char *text, size_t size, char *out, size_t out_size)
{
    size_t count = 0;

    for (size_t i = 0; i < size; i++) {
        char c = text[i];

        if (c == '%') {
            char digits[3] = {0};
            uint8_t byte = 0;

            memcpy(digits, text + i + 1, size - i - 1 < 2 ? size - i - 1 : 2);
            if (!sw_text_hex(digits, &byte, 1) || byte == 0) {
                return false;
            }
            c = (char)byte;
            i += 2;
        }
        if (count + 1 >= out_size) {
            return false;
        }
        out[count] = c;
        count++;
    }
    out[count] = '\0';
    return true;
}

/* As tenants, namespaces and partitions are made; how long each may be is said where it is used. */
static bool is_name(const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (*c <= ' ' || *c > '~') {
            return false;
        }
    }
    return true;
}

static enum sw_err
set_name(char *out, size_t size_max, const char *text, size_t size, char *ret_why)
{
    char name[SW_URL_NAME_SIZE];

    if (!decode(text, size, name, size_max + 1) || !is_name(name)) {
        return fail(ret_why, "a name in a URL is printable ASCII, 32 to 128 characters long", text);
    }
    memcpy(out, name, strlen(name) + 1);
    return SW_ERR_OK;
}

static enum sw_err set_path(char *out, const char *text, size_t size, char *ret_why)
{
    if (!decode(text, size, out, SW_CLIENT_PATH_SIZE) || out[0] == '\0') {
        return fail(ret_why, "a path in a URL has 1 to 1023 characters", text);
    }
    return SW_ERR_OK;
}

static enum sw_err set_timeout(struct sw_url *url, const char *text, size_t size, char *ret_why)
{
    char digits[16];
    uint64_t value = 0;

    if (!decode(text, size, digits, sizeof digits) || !sw_text_number(digits, &value) ||
        value == 0 || value > UINT32_MAX) {
        return fail(ret_why, "timeout_ms is a number of milliseconds, 1 or more", text);
    }
    url->timeout_ms = (uint32_t)value;
    return SW_ERR_OK;
}

/* ---- parameters ------------------------------------------------------------------------------ */

static enum sw_err
set_parameter(struct sw_url *url, struct sw_span name, struct sw_span value, char *ret_why)
{
    const char *text = (const char *)value.data;

    if (sw_span_equal(name, sw_span_str("tenant"))) {
        return set_name(url->tenant, SW_TENANT_SIZE_MAX, text, value.size, ret_why);
    }
    if (sw_span_equal(name, sw_span_str("namespace"))) {
        return set_name(url->name_space, SW_NAMESPACE_SIZE_MAX, text, value.size, ret_why);
    }
    if (sw_span_equal(name, sw_span_str("partition"))) {
        return set_name(url->partition, SW_PARTITION_SIZE_MAX, text, value.size, ret_why);
    }
    if (sw_span_equal(name, sw_span_str("timeout_ms"))) {
        return set_timeout(url, text, value.size, ret_why);
    }
    if (sw_span_equal(name, sw_span_str("config")) && !url->embedded) {
        return set_path(url->config, text, value.size, ret_why);
    }
    return fail(ret_why,
                url->embedded ? "parameters are tenant, namespace, partition, timeout_ms"
                              : "parameters are config, tenant, namespace, partition, timeout_ms",
                (const char *)name.data);
}

/* "a=b&c=d", to the end of the text. */
static enum sw_err parse_parameters(struct sw_url *url, const char *text, char *ret_why)
{
    enum sw_err err = SW_ERR_OK;

    while (err == SW_ERR_OK && *text != '\0') {
        const size_t size = strcspn(text, "&");
        const char *equals = memchr(text, '=', size);
        const size_t name_size = equals == NULL ? size : (size_t)(equals - text);

        if (equals == NULL) {
            return fail(ret_why, "behind the ? of a URL stands NAME=VALUE&NAME=VALUE", text);
        }
        err = set_parameter(url,
                            sw_span_of(text, name_size),
                            sw_span_of(equals + 1, size - name_size - 1),
                            ret_why);
        text += size + (text[size] == '&');
    }
    return err;
}

/* ---- hosts ----------------------------------------------------------------------------------- */

static bool has_port(const char *host)
{
    const char *colon = strrchr(host, ':');

    return colon != NULL && (strchr(host, '[') == NULL || (colon > host && colon[-1] == ']'));
}

/* One host, without or with "2=" and a port; appended with both as they are, and a port. */
static enum sw_err add_host(struct sw_url *url, const char *text, size_t size, char *ret_why)
{
    char host[SW_ADDRESS_SIZE_MAX + 32];
    const size_t at = strlen(url->hosts);
    const char *address;
    int wrote;

    if (size == 0 || !decode(text, size, host, sizeof host - sizeof default_port)) {
        return fail(ret_why, "hosts of a URL are HOST:PORT,HOST:PORT", text);
    }
    if (!has_port(host)) {
        memcpy(host + strlen(host), default_port, sizeof default_port);
    }
    address = strchr(host, '=') == NULL ? host : strchr(host, '=') + 1;
    if (!sw_client_address_valid(address)) {
        return fail(ret_why, "hosts of a URL are HOST:PORT,HOST:PORT", host);
    }
    wrote = snprintf(url->hosts + at, sizeof url->hosts - at, "%s%s", at == 0 ? "" : ",", host);
    if (wrote < 0 || (size_t)wrote >= sizeof url->hosts - at) {
        return fail(ret_why, "the list of hosts is too long", text);
    }
    return SW_ERR_OK;
}

static enum sw_err parse_hosts(struct sw_url *url, const char *text, size_t size, char *ret_why)
{
    enum sw_err err = SW_ERR_OK;
    size_t at = 0;

    while (err == SW_ERR_OK && at < size) {
        const char *comma = memchr(text + at, ',', size - at);
        const size_t end = comma == NULL ? size : (size_t)(comma - text);

        err = add_host(url, text + at, end - at, ret_why);
        at = end + 1;
    }
    if (err == SW_ERR_OK && at == size && size > 0) { /* it ended with a comma */
        err = fail(ret_why, "hosts of a URL are HOST:PORT,HOST:PORT", text);
    }
    return err;
}

/* ---- the two kinds --------------------------------------------------------------------------- */

static enum sw_err parse_swarm(struct sw_url *url, const char *text, char *ret_why)
{
    const size_t size = strcspn(text, "/?");
    enum sw_err err = parse_hosts(url, text, size, ret_why);

    text += size;
    if (err == SW_ERR_OK && *text == '/') {
        const size_t name_size = strcspn(text + 1, "?");

        if (memchr(text + 1, '/', name_size) != NULL) {
            return fail(ret_why, "behind the hosts of a URL stands /NAMESPACE", text);
        }
        err = set_name(url->name_space, SW_NAMESPACE_SIZE_MAX, text + 1, name_size, ret_why);
        text += 1 + name_size;
    }
    if (err == SW_ERR_OK && *text == '?') {
        err = parse_parameters(url, text + 1, ret_why);
    }
    return err;
}

static enum sw_err parse_file(struct sw_url *url, const char *text, char *ret_why)
{
    size_t size;
    enum sw_err err;

    url->embedded = true;
    if (begins(text, "//")) { /* an authority, which must be empty */
        text += 2;
        if (*text != '/') {
            return fail(ret_why, "a directory of this machine is file:DIR or file:///DIR", text);
        }
    }
    size = strcspn(text, "?");
    err = set_path(url->dir, text, size, ret_why);
    if (err == SW_ERR_OK && text[size] == '?') {
        err = parse_parameters(url, text + size + 1, ret_why);
    }
    return err;
}

enum sw_err sw_url_parse(const char *text, struct sw_url *ret_url, char ret_why[SW_WHY_SIZE])
{
    struct sw_url url = {.embedded = false};
    enum sw_err err;

    if (!sw_url_is(text)) {
        return fail(ret_why, "a URL begins with swarm:// or file:", text);
    }
    if (strlen(text) > SW_URL_SIZE_MAX) {
        return fail(ret_why, "the URL is longer than 8192 bytes", text);
    }
    err = begins(text, swarm_scheme) ? parse_swarm(&url, text + sizeof swarm_scheme - 1, ret_why)
                                     : parse_file(&url, text + sizeof file_scheme - 1, ret_why);
    if (err == SW_ERR_OK) {
        *ret_url = url;
    }
    return err;
}

static_assert(SW_URL_SIZE_MAX == 8192, "the sentence above names the limit");
static_assert(SW_CLIENT_PATH_SIZE == 1024, "a sentence above names the limit");
