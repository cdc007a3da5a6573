/* Runs that once showed a bug, kept whole: tests/sim/corpus.txt. */
#ifndef SW_TESTS_SIM_CORPUS_H
#define SW_TESTS_SIM_CORPUS_H

#include "tests/sim/runner.h"

/* Runs every line of the file; the exit code. options->scenario is not looked at. */
int sim_corpus_run(const struct sim_options *options, const char *path);

#endif
