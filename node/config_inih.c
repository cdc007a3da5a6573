/* INI text through libinih into the table of settings. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/ini.h"
#include "node/config.h"

/* What libinih holds in one line, less its newline and its end. */
enum { LINE_SIZE_MAX = 197, FILE_SIZE_MAX = 1 << 20 };

static enum sw_err
take(void *arg, const char *section, const char *name, const char *value, char ret_why[SW_WHY_SIZE])
{
    if (strlen(name) + strlen(" = ") + strlen(value) > LINE_SIZE_MAX) {
        /* Written without blanks it fits, but what --print-config prints would not read back. */
        (void)snprintf(ret_why, SW_WHY_SIZE, "the value is too long for a line");
        return SW_ERR_CONFIG;
    }
    if (value[0] == ';') {
        (void)snprintf(ret_why, SW_WHY_SIZE, "a value begins with ';', which begins a comment");
        return SW_ERR_CONFIG;
    }
    return sw_config_set(arg, section, name, value, SW_CONFIG_FILE, ret_why);
}

/* libinih cuts lines at its own limit and takes a line that begins with a space for more of the
 * value before it; either way a setting would silently be another one. So both are refused first.
 */
static enum sw_err check_lines(const char *text, char *ret_why)
{
    unsigned number = 1;

    for (const char *line = text; *line != '\0'; number++) {
        const size_t size = strcspn(line, "\n");
        const size_t space = strspn(line, " \t\r");

        if (size > LINE_SIZE_MAX) {
            (void)snprintf(
                ret_why, SW_WHY_SIZE, "line %u is over %d characters", number, LINE_SIZE_MAX);
            return SW_ERR_CONFIG;
        }
        if (space > 0 && space < size && strchr("#;", line[space]) == NULL) {
            (void)snprintf(ret_why, SW_WHY_SIZE, "line %u begins with a space", number);
            return SW_ERR_CONFIG;
        }
        line += line[size] == '\n' ? size + 1 : size;
    }
    return SW_ERR_OK;
}

enum sw_err sw_config_parse(struct sw_config *config, const char *text, char ret_why[SW_WHY_SIZE])
{
    const struct sw_ini_taker taker = {.take = take, .arg = config};

    if (check_lines(text, ret_why) != SW_ERR_OK) {
        return SW_ERR_CONFIG;
    }
    return sw_ini_parse(text, &taker, ret_why);
}

static enum sw_err read_all(const char *path, struct sw_buf *out, char *ret_why)
{
    FILE *file = fopen(path, "re");
    size_t count = 0;
    bool failed;

    if (file == NULL) {
        (void)snprintf(
            ret_why, SW_WHY_SIZE, "cannot open %.100s: %s", path, strerrordesc_np(errno));
        return SW_ERR_CONFIG;
    }
    do {
        count = fread(sw_buf_extend(out, 4096), 1, 4096, file);
        out->size -= 4096 - count;
    } while (count > 0 && out->size <= FILE_SIZE_MAX);
    failed = ferror(file) != 0; /* a directory opens, but does not read */
    (void)fclose(file);
    if (failed || out->size > FILE_SIZE_MAX ||
        (out->size > 0 && memchr(out->data, '\0', out->size) != NULL)) {
        (void)snprintf(ret_why, SW_WHY_SIZE, "%.100s is not a readable text file", path);
        return SW_ERR_CONFIG;
    }
    return SW_ERR_OK;
}

enum sw_err sw_config_load(struct sw_config *config, const char *path, char ret_why[SW_WHY_SIZE])
{
    struct sw_buf text = {0};
    char why[SW_WHY_SIZE] = "";
    enum sw_err err;

    err = read_all(path, &text, ret_why);
    if (err == SW_ERR_OK) {
        sw_write_u8(&text, 0);
        err = sw_config_parse(config, (const char *)text.data, why);
        if (err != SW_ERR_OK) {
            (void)snprintf(ret_why, SW_WHY_SIZE, "%.50s %.105s", path, why);
        }
    }
    sw_buf_release(&text);
    return err;
}
