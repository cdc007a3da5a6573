/* A fresh directory for one test, under $TMPDIR or /tmp, removed with all files in it. */
#ifndef SW_TESTS_UNIT_STORAGE_TEMP_DIR_H
#define SW_TESTS_UNIT_STORAGE_TEMP_DIR_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"

enum { TEMP_DIR_SIZE = 256 };

static inline void temp_dir_make(char out[TEMP_DIR_SIZE])
{
    const char *base = getenv("TMPDIR");
    const int size =
        snprintf(out, TEMP_DIR_SIZE, "%s/swarm-test-XXXXXX", base == NULL ? "/tmp" : base);

    SW_ASSERT(size > 0);
    SW_ASSERT(size < TEMP_DIR_SIZE);
    SW_ASSERT(mkdtemp(out) != NULL);
}

static inline int
temp_dir_visit(const char *path, const struct stat *stat, int type, struct FTW *at)
{
    (void)stat;
    (void)type;
    (void)at;
    return remove(path);
}

static inline void temp_dir_remove(const char *path)
{
    SW_ASSERT(strstr(path, "/swarm-test-") != NULL);
    (void)nftw(path, temp_dir_visit, 8, FTW_DEPTH | FTW_PHYS);
}

#endif
