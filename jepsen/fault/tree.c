/* Removing a directory with everything below it. */
#include "jepsen/fault/tree.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { FD_COUNT = 16 };

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *place)
{
    (void)info;
    (void)type;
    (void)place;
    return remove(path);
}

bool sw_tree_remove(const char *path, char ret_why[256])
{
    if (nftw(path, remove_one, FD_COUNT, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT) {
        return true;
    }
    (void)snprintf(ret_why, 256, "%.160s: %s", path, strerror(errno));
    return false;
}
