/* Goal: nothing but a control page of this version is believed, and a mapped one is shared. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "transport/link_fault_posix.h"

static char path[] = "/tmp/swarm-link-fault-XXXXXX";
static char why[SW_WHY_SIZE];

static void fill(const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static void only_a_page_is_opened(void **state)
{
    static struct sw_link_fault_page page = {.magic = SW_LINK_FAULT_MAGIC,
                                             .version = SW_LINK_FAULT_VERSION,
                                             .size = SW_LINK_FAULT_PAGE_SIZE};
    struct sw_link_fault_page *found = NULL;
    struct sw_link_fault_page *again = NULL;

    (void)state;
    assert_int_equal(sw_link_fault_page_open("/nowhere/at/all", &found, why), SW_ERR_CONFIG);
    fill(&page, 4096);
    assert_int_equal(sw_link_fault_page_open(path, &found, why), SW_ERR_CONFIG);
    page.version++;
    fill(&page, sizeof page);
    assert_int_equal(sw_link_fault_page_open(path, &found, why), SW_ERR_CONFIG);
    assert_non_null(strstr(why, "version"));
    page.version--;
    fill(&page, sizeof page);
    assert_int_equal(sw_link_fault_page_open(path, &found, why), SW_ERR_OK);
    assert_int_equal(sw_link_fault_page_open(path, &again, why), SW_ERR_OK);
    assert_int_equal(found->attached, 2);
    again->ways[SW_LINK_FAULT_IN][3].drop = 1;
    assert_int_equal(found->ways[SW_LINK_FAULT_IN][3].drop, 1);
    sw_link_fault_page_close(found);
    sw_link_fault_page_close(again);
    sw_link_fault_page_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(only_a_page_is_opened)};
    const int fd = mkstemp(path);
    int result;

    if (fd < 0) {
        return 1;
    }
    (void)close(fd);
    result = cmocka_run_group_tests(tests, NULL, NULL);
    (void)unlink(path);
    return result;
}
