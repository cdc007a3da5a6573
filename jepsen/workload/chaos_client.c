/* swarm-chaos-client: runs one workload and writes its history. */
#include <stdio.h>

#include "jepsen/workload/run.h"

static const char usage[] =
    "usage: swarm-chaos-client WORKLOAD --config FILE --history FILE [--endpoints LIST]\n"
    "         [--seed S] [--processes P] [--rate OPS_PER_SECOND] [--seconds T] [--keys K]\n"
    "         [--timeout-ms MS] [--epoch-ns NS] [--pinned N] [--final]\n"
    "       swarm-chaos-client list [-o json]\n";

static int list(bool json)
{
    const struct sw_workload *workload;

    printf("%s", json ? "[" : "");
    for (size_t i = 0; (workload = sw_workload_at(i)) != NULL; i++) {
        if (json) {
            printf("%s\n  {\"name\": \"%s\", \"claim\": \"%s\"}",
                   i == 0 ? "" : ",",
                   workload->name,
                   workload->claim);
        } else {
            printf("%-10s %s\n", workload->name, workload->claim);
        }
    }
    printf("%s", json ? "\n]\n" : "");
    return fflush(stdout) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    const struct sw_workload *workload;
    struct sw_options options;
    char why[160] = "";
    uint64_t lines;

    if (!sw_options_read(argc, argv, &options, why, sizeof why)) {
        (void)fprintf(stderr, "swarm-chaos-client: %s\n%s", why, usage);
        return 2;
    }
    if (options.list) {
        return list(options.json);
    }
    workload = sw_workload_find(options.workload);
    if (workload == NULL) {
        (void)fprintf(stderr,
                      "swarm-chaos-client: no workload \"%s\", see `swarm-chaos-client list`\n",
                      options.workload);
        return 2;
    }
    lines = sw_run(workload, &options);
    printf("%llu lines\n", (unsigned long long)lines);
    return fflush(stdout) == 0 ? 0 : 1;
}
