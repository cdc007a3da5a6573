"""The peers of the index benchmark that have Python modules: FAISS, usearch, hannoy, datasketch.

One thread each; rates and building are counted in processor time, quantiles by the wall clock, so
that other work on the machine disturbs neither rates nor their ratios. Prints one JSON object a
line, in the form of tests/bench/index_bench.c; ids that were found go to the file IDS, ten u32 a
query. `qps` is of one call a query, less what a call into the module costs by itself (measured on
an index of one vector); `batch_qps` of one call for all.
Runs under the Python of the peers:   bench_index_peers.py SET IDS FOLDER PEER...
"""
import json
import os
import pathlib
import shutil
import sys
import time

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np  # noqa: E402  pylint: disable=wrong-import-position

import bench_index_data  # noqa: E402  pylint: disable=wrong-import-position

K = bench_index_data.K
ROUNDS = 2
SKETCHED = 2000  # chunks that datasketch gets: it needs most of a millisecond for each


class Output:
    """Lines to stdout, ids to a file."""

    def __init__(self, path):
        self.ids = open(path, "wb")  # pylint: disable=consider-using-with

    def line(self, **fields):
        print(json.dumps(fields), flush=True)

    def keep(self, found):
        at = self.ids.tell()
        rows = np.full((len(found), K), bench_index_data.GONE, dtype="<u4")
        for row, ids in enumerate(found):
            ids = np.asarray(ids)[:K]
            rows[row, :len(ids)] = np.where(ids < 0, bench_index_data.GONE, ids)
        rows.tofile(self.ids)
        self.ids.flush()
        return at


def timed(queries, call):
    """(answers, seconds of the fastest round, sorted seconds of the last) of a call a query."""
    best = float("inf")
    for _ in range(ROUNDS):
        found, took = [], []
        began = time.process_time()
        for query in queries:
            start = time.perf_counter()
            answer = call(query)
            took.append(time.perf_counter() - start)
            found.append(answer)
        best = min(best, time.process_time() - began)
    return found, best, sorted(took)


def report(out, peer, label, queries, one, every, overhead, more):
    """Measures one setting of a peer, a call a query and all queries in one call."""
    found, seconds, took = timed(queries, one)
    batch = float("inf")
    for _ in range(ROUNDS):
        start = time.process_time()
        every(queries)
        batch = min(batch, time.process_time() - start)
    count = len(queries)
    net = max(seconds - count * overhead, 0.05 * seconds)
    out.line(task="search", peer=peer, setting=label, at=out.keep(found), qps=count / net,
             batch_qps=count / batch, raw_qps=count / seconds, p50_us=took[count // 2] * 1e6,
             p99_us=took[count * 99 // 100] * 1e6, truth=0, **more)


def faiss_settings(faiss, index, name):
    """(label, function that applies it) of the budgets of one kind of index."""
    if name.startswith("IVF"):
        for probe in (4, 8, 16, 32, 64):
            for factor in (1,) if name.endswith(",Flat") else (3, 5, 10):
                def apply(probe=probe, factor=factor):
                    faiss.extract_index_ivf(index).nprobe = probe
                    if hasattr(index, "k_factor"):
                        index.k_factor = factor
                yield f"{name} nprobe {probe} x{factor}", apply
    elif name.startswith("HNSW"):
        for ef in (10, 16, 24, 32, 64, 128, 256):
            def apply(ef=ef):
                index.hnsw.efSearch = ef
            yield f"{name} efSearch {ef}", apply
    elif name.startswith("LSH"):
        for factor in (10, 20, 50, 100):
            def apply(factor=factor):
                index.k_factor = factor
            yield f"{name} x{factor}", apply
    else:
        yield name, lambda: None


def made_by_faiss(faiss, name, dim):
    """By L2, which orders unit vectors alike and compresses what is left of a list's centre.

    With the inner product PQ fast-scan finds 0.80 of S128 where it finds 0.97 so.
    """
    if not name.startswith("LSH"):
        return faiss.index_factory(dim, name, faiss.METRIC_L2)
    hyperplanes = faiss.IndexLSH(dim, min(dim, 256), True, False)
    index = faiss.IndexRefineFlat(hyperplanes)
    index.referenced_objects = [hyperplanes]  # it does not own it
    return index


def faiss_size(faiss, index):
    return int(faiss.serialize_index(index).nbytes)


def run_faiss(vectors, out, _):
    """Exact search, LSH, both kinds of compressed lists with refinement, plain lists and HNSW."""
    import faiss  # pylint: disable=import-outside-toplevel
    faiss.omp_set_num_threads(1)
    base, queries = np.ascontiguousarray(vectors.base), np.ascontiguousarray(vectors.query)
    dim = base.shape[1]
    lists = 1024 if len(base) >= 50000 else 128
    single = faiss.IndexFlatL2(dim)
    single.add(base[:1])
    overhead = timed(queries, lambda q: single.search(q[None], K)[1][0])[1] / len(queries)
    centre = base.mean(0)
    for name in ("Flat", f"LSH{min(dim, 256)},RFlat", f"IVF{lists},Flat",
                 f"IVF{lists},PQ{dim // 2}x4fs,RFlat", f"IVF{lists},RaBitQfs,RFlat", "HNSW16"):
        if name == "HNSW16" and "hnsw" not in sys.argv:
            continue
        shift = centre if name.startswith("LSH") else 0  # hyperplanes need the mean in the middle
        rows, asked = base - shift, queries - shift
        index = made_by_faiss(faiss, name, dim)
        start = time.process_time()
        if name == "HNSW16":
            index.hnsw.efConstruction = 200
        index.train(rows[:: max(1, len(rows) // (lists * 64))])
        index.add(rows)
        built = time.process_time() - start
        size = faiss_size(faiss, index) / len(base)
        for label, apply in faiss_settings(faiss, index, name):
            apply()
            some = asked if name != "Flat" else asked[:200]
            report(out, "faiss", label, some, lambda q: index.search(q[None], K)[1][0],
                   lambda q: index.search(q, K), overhead,
                   {"kind": name, "build_s": built, "bytes_per_vector": size})
    out.line(task="build", peer="faiss", call_us=overhead * 1e6, version=faiss.__version__)


def run_usearch(vectors, out, _):
    from usearch.index import Index  # pylint: disable=import-outside-toplevel
    import usearch  # pylint: disable=import-outside-toplevel
    base, queries = np.ascontiguousarray(vectors.base), np.ascontiguousarray(vectors.query)
    made = dict(ndim=base.shape[1], metric="ip", dtype="f32", connectivity=16, expansion_add=200)
    index, single = Index(**made), Index(**made)
    single.add(0, base[0])
    overhead = timed(queries, lambda q: single.search(q, K).keys)[1] / len(queries)
    start = time.process_time()
    index.add(np.arange(len(base)), base, threads=1)
    built = time.process_time() - start
    for ef in (10, 16, 24, 32, 64, 128, 256):
        index.expansion_search = ef
        report(out, "usearch", f"M16 ef {ef}", queries, lambda q: index.search(q, K).keys,
               lambda q: index.search(q, K, threads=1), overhead,
               {"build_s": built, "bytes_per_vector": index.serialized_length / len(base)})
    out.line(task="build", peer="usearch", call_us=overhead * 1e6, version=usearch.__version__)


def run_hannoy(vectors, out, folder):
    """HNSW in LMDB: the peer of searches that are served from a store."""
    import hannoy  # pylint: disable=import-outside-toplevel
    base, queries = np.ascontiguousarray(vectors.base), np.ascontiguousarray(vectors.query)
    place = pathlib.Path(folder) / "hannoy"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    database = hannoy.Database(str(place), hannoy.Metric.COSINE)
    start = time.process_time()
    with database.writer(base.shape[1], m=16, ef=200) as writer:
        writer.add_items(np.arange(len(base), dtype=np.uint32), base)
    built = time.process_time() - start
    reader = database.reader()
    size = sum(path.stat().st_size for path in place.iterdir()) / len(base)
    for ef in (10, 16, 24, 32, 64, 128, 256):
        report(out, "hannoy", f"m16 ef {ef}", queries,
               lambda q: [item for item, _ in reader.by_array(q, n=K, ef_search=max(ef, K))],
               lambda q: reader.by_array(q, n=K, ef_search=max(ef, K)), 0,
               {"build_s": built, "bytes_per_vector": size})
    del reader, database
    shutil.rmtree(place, ignore_errors=True)


def run_datasketch(path, out):
    """MinHash of the same shingles: what a chunk costs its best call, without finding the words."""
    import re  # pylint: disable=import-outside-toplevel
    import datasketch  # pylint: disable=import-outside-toplevel
    data = path.with_suffix(".chunks").read_bytes()
    chunks, at = [], 0
    while at < len(data):
        size = int.from_bytes(data[at:at + 4], "little")
        chunks.append(data[at + 4:at + 4 + size])
        at += 4 + size
    chunks = chunks[:: max(1, len(chunks) // SKETCHED)]
    word = re.compile(rb"[0-9A-Za-z_\x80-\xff]+")
    sets = []
    for chunk in chunks:
        words = word.findall(chunk)
        sets.append(list({b" ".join(words[i:i + 3]) for i in range(len(words) - 2)}))
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.process_time()
        for shingles in sets:
            datasketch.MinHash(num_perm=128).update_batch(shingles)
        best = min(best, time.process_time() - start)
    out.line(task="minhash", peer="datasketch", chunks=len(chunks), us=best * 1e6 / len(chunks))


PEERS = {"faiss": run_faiss, "usearch": run_usearch, "hannoy": run_hannoy}


def main():
    path, ids, folder, *names = sys.argv[1:]
    vectors = bench_index_data.load(path)
    out = Output(ids)
    for name in names:
        if name == "datasketch":
            run_datasketch(pathlib.Path(path), out)
        elif name != "hnsw":  # a word to run_faiss
            PEERS[name](vectors, out, folder)
    out.ids.close()


if __name__ == "__main__":
    main()
