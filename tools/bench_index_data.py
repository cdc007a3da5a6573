"""Makes the data sets of the index benchmark, each with its exact answers, as one file a set.

A generator draws from a seeded PCG64 and from nothing else, so every machine measures the same
vectors; only the real-text set depends on the documentation that is installed, and says which.
A finished file is not made again. Runs under the Python of the peers (numpy and scipy):
    bench_index_data.py FOLDER NAME...

A file (little-endian): magic "SWVEC002", u32 dim, base, queries, k, u32 count of truths, 0; then
f32 base[base][dim], f32 query[queries][dim], u16 attribute[base], padded to 8 bytes; then for each
truth u32 id[queries][k] and f32 score[queries][k]. Attributes are uniform in 0..999; truth t is the
exact top k among the vectors whose attribute is below LIMITS[t].
"""
import dataclasses
import gzip
import hashlib
import os
import pathlib
import re
import struct
import sys

import numpy as np

MAGIC = b"SWVEC002"
HEADER = struct.Struct("<8s6I")
K = 10
QUERIES = 1000
LIMITS = (1000, 100, 20, 1)  # all, one in 10, one in 50, one in 1,000
GONE = 0xFFFFFFFF  # in a truth: fewer than k vectors pass the filter

DOC_ROOTS = ("/usr/share/doc", "/usr/share/man", "/usr/include")
DOC_CHUNK = 1000
DOC_HASH_BITS = 17
DOC_DIM = 256


@dataclasses.dataclass
class VectorSet:
    """A set in memory; `truth` is a list of (ids, scores), one for each of LIMITS."""
    name: str
    base: np.ndarray
    query: np.ndarray
    attribute: np.ndarray
    truth: list


def unit(rows):
    """Rows of length one, as the index sees them; float32."""
    rows = np.asarray(rows, dtype=np.float32)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


def hadamard(rows):
    """Walsh-Hadamard in place over blocks of the largest power of two that divides the width."""
    width = rows.shape[1]
    block = width & -width
    view = rows.reshape(len(rows), width // block, block)
    half = 1
    while half < block:
        pairs = view.reshape(len(rows), width // block, block // (2 * half), 2, half)
        left, right = pairs[:, :, :, 0, :].copy(), pairs[:, :, :, 1, :].copy()
        pairs[:, :, :, 0, :] = left + right
        pairs[:, :, :, 1, :] = left - right
        half *= 2
    rows /= np.float32(np.sqrt(block))
    return rows


def zipf(random, count, exponent, size):
    weights = np.arange(1, count + 1, dtype=np.float64) ** -exponent
    return random.choice(count, size=size, p=weights / weights.sum())


def topic_vectors(random, count, dim, queries):
    """Documents of sub-topics of topics: what embeddings of text look like, before their mean.

    A fifth of the queries comes from documents that the base has never seen.
    """
    spectrum = np.arange(1, dim + 1, dtype=np.float64) ** -0.5
    spectrum = (spectrum / np.linalg.norm(spectrum)).astype(np.float32)

    def drawn(rows):
        return random.standard_normal((rows, dim), dtype=np.float32) * spectrum

    documents = count // 50
    unseen = max(1, documents // 5)
    topics, subs, docs = drawn(50), drawn(1000), drawn(documents + unseen)
    total = count + queries
    doc = zipf(random, documents, 0.5, total)
    fresh = count + np.flatnonzero(np.arange(queries) % 5 == 0)
    doc[fresh] = documents + random.integers(0, unseen, len(fresh))
    topic_of_sub = zipf(random, 50, 0.8, 1000)
    sub = zipf(random, 1000, 0.8, documents + unseen)[doc]
    out = topics[topic_of_sub[sub]]
    out += subs[sub]
    out += docs[doc]
    out += drawn(total)
    out *= np.float32(0.5)
    return out


def embedding_like(count, dim, queries, seed):
    """Topic vectors, their axes mixed by rotations, around a far mean with one outlier axis."""
    random = np.random.Generator(np.random.PCG64(seed))
    rows = topic_vectors(random, count, dim, queries)
    for _ in range(3):
        rows *= random.choice(np.array([-1, 1], dtype=np.float32), dim)
        rows = np.ascontiguousarray(rows[:, random.permutation(dim)])
        for start in range(0, len(rows), 20000):
            hadamard(rows[start:start + 20000])
    mean = random.standard_normal(dim)
    mean[random.integers(0, dim)] += 10 * np.sqrt(np.mean(mean ** 2))
    mean /= np.linalg.norm(mean)
    rows *= np.float32(0.527)
    rows += (0.85 * mean).astype(np.float32)
    rows = unit(rows)
    return rows[:count], rows[count:]


def near_uniform(count, dim, queries, seed):
    """Directions without structure: no partition and no graph has anything to hold on to."""
    random = np.random.Generator(np.random.PCG64(seed))
    rows = unit(random.standard_normal((count + queries, dim), dtype=np.float32))
    return rows[:count], rows[count:]


def doc_files():
    """Installed texts in the order of their paths; gzipped ones too, links and binaries not."""
    for root in DOC_ROOTS:
        for path in sorted(pathlib.Path(root).rglob("*")):
            if path.is_symlink() or not path.is_file():
                continue
            if path.suffix in {".png", ".pdf", ".svg", ".gif", ".jpg", ".ico", ".xz", ".bz2"}:
                continue
            yield path


def doc_text(path):
    data = path.read_bytes()
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    return "" if b"\0" in data[:4096] else data.decode("utf-8", errors="replace")


def doc_chunks(wanted):
    """Up to `wanted` chunks of about DOC_CHUNK characters, cut at line ends."""
    chunks = []
    for path in doc_files():
        lines, size = [], 0
        for line in doc_text(path).splitlines():
            lines.append(line)
            size += len(line) + 1
            if size >= DOC_CHUNK:
                chunks.append("\n".join(lines))
                lines, size = [], 0
        if size > DOC_CHUNK // 4:
            chunks.append("\n".join(lines))
    # Every n-th one, so that a smaller set has the same mix of texts.
    step = max(1.0, len(chunks) / wanted)
    return [chunks[int(i * step)] for i in range(min(wanted, len(chunks)))]


def hashed_tfidf(chunks):
    """Words hashed into 2^17 columns: log term frequency by inverse document frequency."""
    from scipy import sparse  # pylint: disable=import-outside-toplevel
    word = re.compile(r"[A-Za-z0-9_]{2,}")
    columns, counts, starts, known = [], [], [0], {}
    mask = (1 << DOC_HASH_BITS) - 1
    for chunk in chunks:
        row = {}
        for token in word.findall(chunk):
            column = known.get(token)
            if column is None:
                digest = hashlib.blake2b(token.lower().encode(), digest_size=4).digest()
                column = known[token] = int.from_bytes(digest, "little") & mask
            row[column] = row.get(column, 0) + 1
        columns.extend(row)
        counts.extend(row.values())
        starts.append(len(columns))
    values = 1 + np.log(np.array(counts, dtype=np.float32))
    columns = np.array(columns, dtype=np.int32)
    document_count = np.bincount(columns, minlength=mask + 1)
    values *= (np.log((1 + len(chunks)) / (1 + document_count)) + 1).astype(np.float32)[columns]
    return sparse.csr_matrix((values, columns, np.array(starts)), (len(chunks), mask + 1))


def truncated_svd(matrix, dim, seed):
    """Randomised range finder with three power steps; rows in the space of the first `dim`."""
    random = np.random.Generator(np.random.PCG64(seed))
    sample = random.standard_normal((matrix.shape[1], dim + 16)).astype(np.float32)
    basis = matrix @ sample
    turned = matrix.T.tocsr()
    for _ in range(3):
        basis, _ = np.linalg.qr(basis)
        other, _ = np.linalg.qr(turned @ basis)
        basis = matrix @ other
    basis, _ = np.linalg.qr(basis)
    small = (turned @ basis).T
    left, strength, _ = np.linalg.svd(small, full_matrices=False)
    return (basis @ left[:, :dim]) * strength[:dim]


def documentation(count, dim, queries, seed, path):
    """Real text: chunks of installed documentation as latent semantic vectors.

    The chunks are kept beside the set, u32 size and bytes: near duplicates are looked for in them.
    """
    chunks = [chunk for chunk in doc_chunks(count + queries) if len(chunk.split()) >= 8]
    with open(path.with_suffix(".chunks"), "wb") as out:
        for chunk in chunks:
            data = chunk.encode()
            out.write(struct.pack("<I", len(data)) + data)
    matrix = hashed_tfidf(chunks)
    matrix.data /= np.repeat(np.sqrt(matrix.multiply(matrix).sum(axis=1)).A1,
                             np.diff(matrix.indptr))
    rows = unit(truncated_svd(matrix.astype(np.float32), dim, seed))
    rows = rows[np.random.Generator(np.random.PCG64(seed)).permutation(len(rows))]
    rows = rows[np.linalg.norm(rows, axis=1) > 0.5]  # chunks without a word have no direction
    return rows[queries:], rows[:queries]


def best_of(scores, ids):
    """The K best columns of each row: higher score first, then lower id."""
    if scores.shape[1] > 4 * K:
        keep = np.argpartition(-scores, 4 * K - 1, axis=1)[:, :4 * K]
    else:
        keep = np.broadcast_to(np.arange(scores.shape[1]), scores.shape)
    kept, names = np.take_along_axis(scores, keep, 1), ids[keep]
    order = np.lexsort((names, -kept), axis=1)[:, :K]
    return np.take_along_axis(names, order, 1), np.take_along_axis(kept, order, 1)


def exact(base, query, ids):
    """Exact top K of each query among `ids` by inner product: brute force, block by block."""
    names = np.full((len(query), K), GONE, dtype=np.uint32)
    scores = np.full((len(query), K), -2, dtype=np.float32)
    for start in range(0, len(ids), 50000):
        part = ids[start:start + 50000].astype(np.uint32)
        found, values = best_of(query @ base[part].T, part)
        both = np.concatenate([names, found], 1), np.concatenate([scores, values], 1)
        order = np.lexsort((both[0], -both[1]), axis=1)[:, :K]
        names, scores = (np.take_along_axis(side, order, 1) for side in both)
    return names.astype("<u4"), scores.astype("<f4")


SETS = {
    "S128": lambda _, n: embedding_like(n or 200000, 128, QUERIES, 20251),
    "S768": lambda _, n: embedding_like(n or 100000, 768, QUERIES, 20252),
    "M128": lambda _, n: embedding_like(n or 1000000, 128, QUERIES, 20253),
    "U128": lambda _, n: near_uniform(n or 100000, 128, QUERIES, 20254),
    "D256": lambda p, n: documentation(n or 120000, DOC_DIM, QUERIES, 7, p),
}


def path_of(folder, name, count=None):
    return pathlib.Path(folder) / (f"{name}-{count}.vec" if count else f"{name}.vec")


def write(path, made):
    """Under another name until it is complete, so that a half-made file is never taken."""
    half = path.with_suffix(".half")
    with open(half, "wb") as out:
        out.write(HEADER.pack(MAGIC, made.base.shape[1], len(made.base), len(made.query), K,
                              len(LIMITS), 0))
        made.base.astype("<f4").tofile(out)
        made.query.astype("<f4").tofile(out)
        made.attribute.astype("<u2").tofile(out)
        out.write(bytes(-out.tell() % 8))
        for ids, scores in made.truth:
            ids.tofile(out)
            scores.tofile(out)
    os.replace(half, path)


def make(folder, name, count=None):
    """Makes a set unless its file is there; returns the path. `count` makes a smaller one."""
    path = path_of(folder, name, count)
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    base, query = SETS[name](path, count)
    random = np.random.Generator(np.random.PCG64(len(base)))
    attribute = random.integers(0, 1000, len(base)).astype("<u2")
    truth = [exact(base, query, np.flatnonzero(attribute < limit)) for limit in LIMITS]
    write(path, VectorSet(path.stem, base, query, attribute, truth))
    return path


def load(path):
    """A set from its file; the base stays on disk until it is looked at."""
    path = pathlib.Path(path)
    with open(path, "rb") as file:
        magic, dim, base, queries, k, truths, _ = HEADER.unpack(file.read(HEADER.size))
    if magic != MAGIC or k != K or truths != len(LIMITS):
        raise ValueError(f"{path} is not a set of this program: delete it, it is made again")
    at = HEADER.size

    def part(kind, shape):
        nonlocal at
        view = np.memmap(path, kind, "r", at, shape)
        at += view.nbytes
        return view

    rows, asked = part("<f4", (base, dim)), part("<f4", (queries, dim))
    attribute = part("<u2", (base,))
    at += -at % 8
    truth = [(part("<u4", (queries, k)), part("<f4", (queries, k))) for _ in range(truths)]
    return VectorSet(path.stem, rows, asked, attribute, truth)


def recall(vectors, found, scores, allowed=None):
    """Tie-aware recall: an id is a hit if its true score reaches the k-th best, less 1e-6.

    `scores` are the best possible ones. Those of what was found are computed here from the vectors,
    so a peer's own rounding, and which of several equal vectors it picked, decide nothing. GONE
    stands for no answer; an id that is not `allowed` (a mask) or comes twice is none either.
    """
    found = np.sort(np.asarray(found), axis=1).astype(np.int64)
    valid = found != GONE
    valid[:, 1:] &= found[:, 1:] != found[:, :-1]
    ids = np.where(valid, found, 0)
    if allowed is not None:
        valid &= allowed[ids]
    scores = np.asarray(scores[:len(found)])
    wanted = np.sum(scores > -2, axis=1)
    last = scores[np.arange(len(found)), np.maximum(wanted, 1) - 1]
    hits = 0
    for start in range(0, len(found), 200):
        part = slice(start, start + 200)
        true = np.einsum("qkd,qd->qk", vectors.base[ids[part]], vectors.query[:len(found)][part])
        good = valid[part] & (true >= last[part, None] - 1e-6)
        hits += int(np.minimum(good.sum(axis=1), wanted[part]).sum())
    return hits / max(1, int(wanted.sum()))


def describe(path):
    """The figures by which a generated set is compared with real embeddings."""
    vectors = load(path)
    sample = np.asarray(vectors.base[:: max(1, len(vectors.base) // 1000)])
    cosines = (sample @ sample.T)[np.triu_indices(len(sample), 1)]
    first, last = vectors.truth[0][1][:, 0], vectors.truth[0][1][:, K - 1]
    return (f"{vectors.name}: {len(vectors.base):,} x {vectors.base.shape[1]}, |mean| "
            f"{np.linalg.norm(sample.mean(0)):.3f}, cosine {cosines.mean():.3f} +- "
            f"{cosines.std():.3f}, nearest {first.mean():.3f}, tenth {last.mean():.3f}")


def main():
    folder, *names = sys.argv[1:]
    for name in names:
        name, _, count = name.partition(":")
        path = make(pathlib.Path(folder), name, int(count) if count else None)
        print(describe(path), flush=True)


if __name__ == "__main__":
    main()
