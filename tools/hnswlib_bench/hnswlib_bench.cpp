// hnswlib on a data set of the index benchmark, the other side of index-bench: the same file in, the
// same lines out, one thread, one query at a time, compiled with -O3 -march=native.
//
// In C++, and not through its Python module, so that neither a query nor a filter pays for Python.
//   hnswlib-bench SET IDS TASK...     tasks: search, filter, delete; see tests/bench/index_bench.c
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "hnswlib/hnswlib.h"

namespace {

constexpr size_t kNeighbours = 10, kLinks = 16, kBuildEf = 200, kRounds = 2;

struct Set {
    uint32_t dim = 0, count = 0, queries = 0;
    std::vector<float> base, query;
    std::vector<uint16_t> attribute;
};

Set ReadSet(const char *path) {
    Set set;
    std::ifstream in(path, std::ios::binary);
    char magic[8] = {};
    uint32_t header[6] = {};

    in.read(magic, sizeof magic);
    in.read(reinterpret_cast<char *>(header), sizeof header);
    if (!in || std::memcmp(magic, "SWVEC002", sizeof magic) != 0) {
        std::fprintf(stderr, "hnswlib-bench: %s is not a set\n", path);
        std::exit(2);
    }
    set.dim = header[0];
    set.count = header[1];
    set.queries = header[2];
    set.base.resize(size_t{set.count} * set.dim);
    set.query.resize(size_t{set.queries} * set.dim);
    set.attribute.resize(set.count);
    in.read(reinterpret_cast<char *>(set.base.data()), std::streamsize(set.base.size() * 4));
    in.read(reinterpret_cast<char *>(set.query.data()), std::streamsize(set.query.size() * 4));
    in.read(reinterpret_cast<char *>(set.attribute.data()), std::streamsize(set.count * 2));
    return set;
}

double Now() {
    using Clock = std::chrono::steady_clock;
    return std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
}

// Of this thread: other work on the machine does not count.
double Spent() {
    timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return double(now.tv_sec) + double(now.tv_nsec) / 1e9;
}

class Below : public hnswlib::BaseFilterFunctor {
  public:
    Below(const Set &set, uint16_t limit) : set_(set), limit_(limit) {}
    bool operator()(hnswlib::labeltype id) override { return set_.attribute[id] < limit_; }

  private:
    const Set &set_;
    const uint16_t limit_;
};

using Index = hnswlib::HierarchicalNSW<float>;

void Measure(const Set &set, Index &index, FILE *ids, const char *task, int truth, size_t ef,
             Below *filter, uint32_t queries) {
    std::vector<double> took(queries);
    const long at = std::ftell(ids);
    double best = 1e30;

    index.setEf(ef);
    for (size_t round = 0; round < kRounds; round++) {
        const double began = Spent();
        for (uint32_t i = 0; i < queries; i++) {
            const double start = Now();
            auto found = index.searchKnn(&set.query[size_t{i} * set.dim], kNeighbours, filter);
            took[i] = Now() - start;
            uint32_t row[kNeighbours];
            std::fill(row, row + kNeighbours, UINT32_MAX);
            for (; !found.empty(); found.pop()) {
                row[found.size() - 1] = uint32_t(found.top().second);
            }
            if (round == 0) {
                std::fwrite(row, sizeof row, 1, ids);
            }
        }
        best = std::min(best, Spent() - began);
    }
    std::sort(took.begin(), took.end());
    std::printf("{\"task\":\"%s\",\"truth\":%d,\"ef\":%zu,\"queries\":%u,\"at\":%ld,\"qps\":%.1f,"
                "\"p50_us\":%.2f,\"p99_us\":%.2f}\n",
                task, truth, ef, queries, at, queries / best, took[queries / 2] * 1e6,
                took[queries * 99 / 100] * 1e6);
    std::fflush(stdout);
}

void Filters(const Set &set, Index &index, FILE *ids) {
    const uint16_t limits[] = {1000, 100, 20, 1};
    // A rarer filter has fewer queries, or it would take minutes: it visits most of the graph.
    const uint32_t queries[] = {1000, 1000, 300, 50};

    for (int truth = 1; truth <= 3; truth++) {
        Below filter(set, limits[truth]);
        for (size_t ef : {10, 32, 64, 128, 256}) {
            Measure(set, index, ids, "filter", truth, ef, &filter,
                    std::min(set.queries, queries[truth]));
        }
    }
}

// hnswlib marks; nothing is taken out of the graph.
void Deletes(const Set &set, Index &index) {
    const uint32_t count = set.count / 10;
    const double start = Spent();

    for (uint32_t i = 0; i < count; i++) {
        index.markDelete(uint64_t{i} * 7919 % set.count);
    }
    std::printf("{\"task\":\"delete\",\"count\":%u,\"delete_s\":%.4f}\n", count, Spent() - start);
}

}  // namespace

int main(int argc, char **argv) {
    if (argc < 3) {
        std::fprintf(stderr, "usage: hnswlib-bench SET IDS TASK...\n");
        return 2;
    }
    const Set set = ReadSet(argv[1]);
    FILE *ids = std::fopen(argv[2], "wb");
    if (ids == nullptr) {
        return 2;
    }
    hnswlib::InnerProductSpace space(set.dim);
    Index index(&space, set.count, kLinks, kBuildEf);
    const double start = Spent();
    for (uint32_t id = 0; id < set.count; id++) {
        index.addPoint(&set.base[size_t{id} * set.dim], id);
    }
    std::printf("{\"task\":\"build\",\"entries\":%u,\"dim\":%u,\"build_s\":%.3f,\"bytes\":%zu}\n",
                set.count, set.dim, Spent() - start, index.indexFileSize());
    std::fflush(stdout);
    for (int i = 3; i < argc; i++) {
        const std::string task = argv[i];
        if (task == "search") {
            for (size_t ef : {10, 12, 16, 20, 24, 32, 48, 64, 96, 128, 256, 512}) {
                Measure(set, index, ids, "search", 0, ef, nullptr, set.queries);
            }
        } else if (task == "filter") {
            Filters(set, index, ids);
        } else if (task == "delete") {
            Deletes(set, index);
        }
    }
    return std::fclose(ids) == 0 ? 0 : 1;
}
