/* The page itself: mapped at the first call that needs it, from the file that SWARM_FAULT names. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "jepsen/fault/shim.h"

enum { GIVE_UP_STATUS = 71 };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct sw_fault_page *page;
static char control_path[SW_SHIM_PATH_SIZE];

_Noreturn void sw_shim_give_up(const char *what, const char *path)
{
    char line[SW_SHIM_PATH_SIZE + 256];
    const int size = snprintf(line, sizeof line, "swarm-fault: %s: %s\n", path, what);

    (void)syscall(SYS_write, STDERR_FILENO, line, size > 0 ? (size_t)size : 0);
    (void)syscall(SYS_exit_group, GIVE_UP_STATUS);
    for (;;) {
        (void)pause();
    }
}

static void map_page(void)
{
    const char *path = getenv("SWARM_FAULT");
    void *mapped;
    long fd;

    if (path == NULL || path[0] == '\0') {
        return;
    }
    (void)snprintf(control_path, sizeof control_path, "%s", path);
    fd = syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
    if (fd < 0) {
        sw_shim_give_up("the control file cannot be opened", path);
    }
    mapped = (void *)syscall(SYS_mmap,
                             NULL,
                             (size_t)SW_FAULT_PAGE_SIZE,
                             PROT_READ | PROT_WRITE,
                             MAP_SHARED,
                             (int)fd,
                             (off_t)0);
    (void)syscall(SYS_close, (int)fd);
    if (mapped == MAP_FAILED) {
        sw_shim_give_up("the control file cannot be mapped", path);
    }
    page = mapped;
    if (page->magic != SW_FAULT_MAGIC || page->version != SW_FAULT_VERSION ||
        page->size != SW_FAULT_PAGE_SIZE) {
        sw_shim_give_up("is no control page of this version", path);
    }
    (void)__atomic_add_fetch(&page->attached, 1, __ATOMIC_ACQ_REL);
}

struct sw_fault_page *sw_shim_page(void)
{
    (void)pthread_once(&once, map_page);
    return page;
}

const char *sw_shim_control_path(void)
{
    return control_path;
}

/* Before the program's own code: a page that cannot be had must not go unnoticed. */
__attribute__((constructor)) static void begin(void)
{
    (void)sw_shim_page();
}
