/* The control page of link_fault.h: a shared mapping, checked before it is believed. */
#include "transport/link_fault_posix.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static enum sw_err refuse(const char *path, const char *what, char *ret_why)
{
    (void)snprintf(ret_why, SW_WHY_SIZE, "--fault-control %.90s: %s", path, what);
    return SW_ERR_CONFIG;
}

static bool is_page(const struct sw_link_fault_page *page)
{
    return page->magic == SW_LINK_FAULT_MAGIC && page->version == SW_LINK_FAULT_VERSION &&
           page->size == SW_LINK_FAULT_PAGE_SIZE;
}

enum sw_err sw_link_fault_page_open(const char *path,
                                    struct sw_link_fault_page **ret_page,
                                    char ret_why[SW_WHY_SIZE])
{
    const int fd = open(path, O_RDWR | O_CLOEXEC);
    struct sw_link_fault_page *page = MAP_FAILED;
    struct stat info;

    if (fd < 0) {
        return refuse(path, strerrordesc_np(errno), ret_why);
    }
    /* A shorter file would be mapped too, and kill us at the first look behind its end. */
    if (fstat(fd, &info) == 0 && info.st_size == SW_LINK_FAULT_PAGE_SIZE) {
        page = mmap(NULL, SW_LINK_FAULT_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    }
    (void)close(fd);
    if (page == MAP_FAILED) {
        return refuse(path, "is no control page", ret_why);
    }
    if (!is_page(page)) {
        sw_link_fault_page_close(page);
        return refuse(path, "is no control page of this version", ret_why);
    }
    (void)__atomic_add_fetch(&page->attached, 1, __ATOMIC_ACQ_REL);
    *ret_page = page;
    return SW_ERR_OK;
}

void sw_link_fault_page_close(struct sw_link_fault_page *page)
{
    if (page != NULL) {
        (void)munmap(page, SW_LINK_FAULT_PAGE_SIZE);
    }
}
