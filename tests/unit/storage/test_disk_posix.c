/* The disk port over a real directory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "storage/disk_posix.h"

struct fixture {
    char path[64];
    struct sw_disk_posix *posix;
    struct sw_disk *disk;
};

static void remove_visit(void *arg, const char *name)
{
    struct sw_disk *disk = arg;

    (void)disk->ops->remove(disk, name);
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    char why[SW_WHY_SIZE];

    (void)snprintf(fixture->path, sizeof(fixture->path), "disk_posix_XXXXXX");
    assert_non_null(mkdtemp(fixture->path));
    assert_int_equal(sw_disk_posix_new(fixture->path, &fixture->posix, why), SW_ERR_OK);
    fixture->disk = sw_disk_posix_port(fixture->posix);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    (void)fixture->disk->ops->list(fixture->disk, remove_visit, fixture->disk);
    sw_disk_posix_free(fixture->posix);
    (void)rmdir(fixture->path);
    free(fixture);
    return 0;
}

static void test_written_bytes_come_back(void **state)
{
    struct sw_disk *disk = ((struct fixture *)*state)->disk;
    struct sw_file *file;
    char out[6] = {0};
    uint64_t size;

    assert_int_equal(disk->ops->open(disk, "a", false, &file), SW_ERR_NOT_FOUND);
    assert_int_equal(disk->ops->open(disk, "a", true, &file), SW_ERR_OK);
    assert_int_equal(disk->ops->write(disk, file, 100, sw_span_str("hello")), SW_ERR_OK);
    assert_int_equal(disk->ops->sync(disk, file), SW_ERR_OK);
    assert_int_equal(disk->ops->size(disk, file, &size), SW_ERR_OK);
    assert_int_equal(size, 105);
    assert_int_equal(disk->ops->read(disk, file, 100, out, 5), SW_ERR_OK);
    assert_string_equal(out, "hello");
    disk->ops->close(disk, file);
    assert_int_equal(disk->ops->sync_directory(disk), SW_ERR_OK);
}

static void test_reading_behind_the_end_is_corrupt(void **state)
{
    struct sw_disk *disk = ((struct fixture *)*state)->disk;
    struct sw_file *file;
    char out[6];

    assert_int_equal(disk->ops->open(disk, "a", true, &file), SW_ERR_OK);
    assert_int_equal(disk->ops->write(disk, file, 0, sw_span_str("hello")), SW_ERR_OK);
    assert_int_equal(disk->ops->read(disk, file, 0, out, 6), SW_ERR_CORRUPT);
    disk->ops->close(disk, file);
    disk->ops->close(disk, NULL);
}

static void count_visit(void *arg, const char *name)
{
    int *count = arg;

    assert_string_equal(name, "b");
    (*count)++;
}

static void test_rename_remove_list(void **state)
{
    struct sw_disk *disk = ((struct fixture *)*state)->disk;
    struct sw_file *file;
    uint64_t room = 0;
    int count = 0;

    assert_int_equal(disk->ops->room(disk, &room), SW_ERR_OK);
    assert_true(room > 0);
    assert_int_equal(disk->ops->open(disk, "a", true, &file), SW_ERR_OK);
    disk->ops->close(disk, file);
    assert_int_equal(disk->ops->rename(disk, "a", "b"), SW_ERR_OK);
    assert_int_equal(disk->ops->rename(disk, "a", "c"), SW_ERR_NOT_FOUND);
    assert_int_equal(disk->ops->list(disk, count_visit, &count), SW_ERR_OK);
    assert_int_equal(count, 1);
    assert_int_equal(disk->ops->remove(disk, "b"), SW_ERR_OK);
    assert_int_equal(disk->ops->remove(disk, "b"), SW_ERR_NOT_FOUND);
}

/* /dev/full answers ENOSPC to every write; a link to it stands for a full disk. */
static void test_full_disk_and_foreign_files(void **state)
{
    struct fixture *fixture = *state;
    struct sw_disk *disk = fixture->disk;
    struct sw_file *file;
    char path[128];
    char why[SW_WHY_SIZE];
    uint64_t size;

    (void)snprintf(path, sizeof(path), "%s/link", fixture->path);
    assert_int_equal(symlink("/dev/full", path), 0);
    assert_int_equal(disk->ops->open(disk, "link", false, &file), SW_ERR_IO); /* no links */
    assert_int_equal(unlink(path), 0);
    {
        struct sw_disk_posix *dev;
        struct sw_disk *port;
        assert_int_equal(sw_disk_posix_new("/dev", &dev, why), SW_ERR_OK);
        port = sw_disk_posix_port(dev);
        assert_int_equal(port->ops->open(port, "full", false, &file), SW_ERR_OK);
        assert_int_equal(port->ops->write(port, file, 0, sw_span_str("x")), SW_ERR_DISK_FULL);
        assert_int_equal(port->ops->size(port, file, &size), SW_ERR_CORRUPT);
        port->ops->close(port, file);
        sw_disk_posix_free(dev);
    }
}

static void test_read_only_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct sw_disk_posix *reader;
    struct sw_disk *disk;
    struct sw_file *file;
    char why[SW_WHY_SIZE];
    char out[5];

    assert_int_equal(fixture->disk->ops->open(fixture->disk, "a", true, &file), SW_ERR_OK);
    assert_int_equal(fixture->disk->ops->write(fixture->disk, file, 0, sw_span_str("hello")),
                     SW_ERR_OK);
    fixture->disk->ops->close(fixture->disk, file);
    assert_int_equal(sw_disk_posix_new_read_only(fixture->path, &reader, why), SW_ERR_OK);
    disk = sw_disk_posix_port(reader);
    assert_int_equal(disk->ops->open(disk, "b", true, &file), SW_ERR_NOT_FOUND);
    assert_int_equal(disk->ops->open(disk, "a", false, &file), SW_ERR_OK);
    assert_int_equal(disk->ops->read(disk, file, 0, out, 5), SW_ERR_OK);
    assert_int_equal(disk->ops->write(disk, file, 0, sw_span_str("x")), SW_ERR_IO);
    disk->ops->close(disk, file);
    sw_disk_posix_free(reader);
}

static void test_missing_directory_says_why(void **state)
{
    struct sw_disk_posix *posix;
    char why[SW_WHY_SIZE] = "";

    (void)state;
    assert_int_equal(sw_disk_posix_new("no/such/directory", &posix, why), SW_ERR_NOT_FOUND);
    assert_non_null(strstr(why, "no/such/directory"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_written_bytes_come_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reading_behind_the_end_is_corrupt, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rename_remove_list, setup, teardown),
        cmocka_unit_test_setup_teardown(test_full_disk_and_foreign_files, setup, teardown),
        cmocka_unit_test_setup_teardown(test_read_only_changes_nothing, setup, teardown),
        cmocka_unit_test(test_missing_directory_says_why),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
