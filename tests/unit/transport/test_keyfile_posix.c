/* Key files: what is written can be read, and nothing unsafe is read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "transport/keyfile_posix.h"

struct fixture {
    char directory[64];
    char path[96];
    struct sw_keypair *keys;
    char why[SW_WHY_SIZE];
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    assert_non_null(fixture);
    (void)snprintf(fixture->directory, sizeof(fixture->directory), "/tmp/sw-keyfile-XXXXXX");
    assert_non_null(mkdtemp(fixture->directory));
    (void)snprintf(fixture->path, sizeof(fixture->path), "%s/key", fixture->directory);
    fixture->keys = sw_secret_new(sizeof(*fixture->keys));
    sw_keypair_generate(fixture->keys);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    (void)unlink(fixture->path);
    assert_int_equal(rmdir(fixture->directory), 0);
    sw_secret_free(fixture->keys);
    free(fixture);
    return 0;
}

static void write_text(struct fixture *fixture, const char *text, mode_t mode)
{
    FILE *file;

    (void)unlink(fixture->path);
    file = fopen(fixture->path, "wb");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(fixture->path, mode), 0);
}

static enum sw_err load(struct fixture *fixture)
{
    struct sw_keypair *keys = NULL;
    const enum sw_err err = sw_keyfile_load_secret(fixture->path, &keys, fixture->why);

    assert_true((err == SW_ERR_OK) == (keys != NULL));
    sw_secret_free(keys);
    return err;
}

static void a_saved_key_loads(void **state)
{
    struct fixture *fixture = *state;
    struct sw_keypair *keys = NULL;
    struct stat info;

    assert_int_equal(sw_keyfile_save_secret(fixture->path, fixture->keys, fixture->why), SW_ERR_OK);
    assert_int_equal(stat(fixture->path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0600);
    assert_int_equal(sw_keyfile_load_secret(fixture->path, &keys, fixture->why), SW_ERR_OK);
    assert_memory_equal(keys, fixture->keys, sizeof(*keys));
    sw_secret_free(keys);
}

static void a_key_is_never_overwritten(void **state)
{
    struct fixture *fixture = *state;

    write_text(fixture, "precious", 0600);
    assert_int_equal(sw_keyfile_save_secret(fixture->path, fixture->keys, fixture->why),
                     SW_ERR_CONFLICT);
    assert_non_null(strstr(fixture->why, fixture->path));
    assert_int_equal(access(fixture->path, F_OK), 0);
}

static void a_file_open_to_others_is_refused(void **state)
{
    static const mode_t modes[] = {0640, 0604, 0644, 0620, 0601, 0777};
    struct fixture *fixture = *state;

    assert_int_equal(sw_keyfile_save_secret(fixture->path, fixture->keys, fixture->why), SW_ERR_OK);
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        char mode[16], command[160];

        assert_int_equal(chmod(fixture->path, modes[i]), 0);
        assert_int_equal(load(fixture), SW_ERR_PERMISSIONS);
        (void)snprintf(mode, sizeof(mode), "%04o", (unsigned)modes[i]);
        (void)snprintf(command, sizeof(command), "chmod 600 %s", fixture->path);
        assert_non_null(strstr(fixture->why, mode));
        assert_non_null(strstr(fixture->why, command));
    }
    assert_int_equal(chmod(fixture->path, 0400), 0);
    assert_int_equal(load(fixture), SW_ERR_OK);
}

static void another_owner_is_refused(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(sw_keyfile_save_secret(fixture->path, fixture->keys, fixture->why), SW_ERR_OK);
    if (geteuid() != 0) {
        print_message("not root: a file cannot be given away here, nothing to refuse\n");
        return;
    }
    assert_int_equal(chown(fixture->path, 12345, 0), 0);
    assert_int_equal(load(fixture), SW_ERR_PERMISSIONS);
    assert_non_null(strstr(fixture->why, "12345"));
}

static void links_fifos_and_directories_are_refused(void **state)
{
    struct fixture *fixture = *state;
    char target[128];

    (void)snprintf(target, sizeof(target), "%s/target", fixture->directory);
    assert_int_equal(sw_keyfile_save_secret(target, fixture->keys, fixture->why), SW_ERR_OK);
    assert_int_equal(symlink(target, fixture->path), 0);
    assert_int_equal(load(fixture), SW_ERR_PERMISSIONS);
    assert_int_equal(unlink(target), 0);
    assert_int_equal(unlink(fixture->path), 0);
    assert_int_equal(mkfifo(fixture->path, 0600), 0);
    assert_int_equal(load(fixture), SW_ERR_PERMISSIONS);
    assert_int_equal(unlink(fixture->path), 0);
    assert_int_equal(mkdir(fixture->path, 0700), 0);
    assert_int_equal(load(fixture), SW_ERR_PERMISSIONS);
    assert_int_equal(rmdir(fixture->path), 0);
}

static void a_missing_file_is_named(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(load(fixture), SW_ERR_KEY_MISSING);
    assert_non_null(strstr(fixture->why, fixture->path));
}

static void other_text_is_not_a_key(void **state)
{
    struct fixture *fixture = *state;
    char text[SW_KEY_TEXT_SIZE], line[256];

    sw_key_format(fixture->keys->secret, text);
    (void)snprintf(line, sizeof(line), "swarm-key-v1 secret %s", text);
    write_text(fixture, line, 0600);
    assert_int_equal(load(fixture), SW_ERR_OK); /* the newline may be missing */
    (void)snprintf(line, sizeof(line), "swarm-key-v1 secret %s\n\n", text);
    write_text(fixture, line, 0600);
    assert_int_equal(load(fixture), SW_ERR_CONFIG);
    (void)snprintf(line, sizeof(line), "swarm-key-v1 public %s\n", text);
    write_text(fixture, line, 0600);
    assert_int_equal(load(fixture), SW_ERR_CONFIG);
    (void)snprintf(line, sizeof(line), "swarm-key-v2 secret %s\n", text);
    write_text(fixture, line, 0600);
    assert_int_equal(load(fixture), SW_ERR_CONFIG);
    line[40] = 0;
    write_text(fixture, line, 0600);
    assert_int_equal(load(fixture), SW_ERR_CONFIG);
    write_text(fixture, "", 0600);
    assert_int_equal(load(fixture), SW_ERR_CONFIG);
    assert_null(strstr(fixture->why, text)); /* a secret never enters a message */
}

static void public_keys_may_be_read_by_all(void **state)
{
    struct fixture *fixture = *state;
    struct sw_public_key key;

    assert_int_equal(
        sw_keyfile_save_public(fixture->path, &fixture->keys->public_key, fixture->why), SW_ERR_OK);
    assert_int_equal(chmod(fixture->path, 0644), 0);
    assert_int_equal(sw_keyfile_load_public(fixture->path, &key, fixture->why), SW_ERR_OK);
    assert_true(sw_public_key_equal(&key, &fixture->keys->public_key));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_saved_key_loads),
        TEST(a_key_is_never_overwritten),
        TEST(a_file_open_to_others_is_refused),
        TEST(another_owner_is_refused),
        TEST(links_fifos_and_directories_are_refused),
        TEST(a_missing_file_is_named),
        TEST(other_text_is_not_a_key),
        TEST(public_keys_may_be_read_by_all),
    };

    if (sw_crypto_init() != SW_ERR_OK) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
