"""Asks the documentation of installed Python packages: their texts go into a vector index, and what
is nearest to a question is its answer, from a swarm the same bytes whoever answers.

    python docs.py                                   # both, in a directory of its own
    python docs.py URL ingest asyncio threading      # swarm://host:6700/demo?config=client.conf
    python docs.py URL ask "How do I wait for several tasks?"
"""
import ast
import hashlib
import importlib.util
import pathlib
import struct
import sys
import tempfile
import time

import swarmstore
from text_vectors import DIM, embed

PACKAGES = ("asyncio", "threading", "subprocess", "json")
QUESTION = "How do I wait for tasks to complete?"
KINDS = {ast.ClassDef: "class", ast.FunctionDef: "function", ast.AsyncFunctionDef: "coroutine"}
SHORTEST = 60  # characters of a text that says something


def sources(package):
    """(module name, path) of a package's Python files; nothing is imported."""
    origin = pathlib.Path(importlib.util.find_spec(package).origin)
    if origin.name != "__init__.py":
        return [(package, origin)]
    return [(".".join((package, *path.relative_to(origin.parent).with_suffix("").parts))
             .removesuffix(".__init__"), path)
            for path in sorted(origin.parent.rglob("*.py")) if "test" not in path.parts]


def texts(name, node):
    """(name, kind, text) of everything in a module that is documented."""
    text = ast.get_docstring(node)
    if text and len(text) >= SHORTEST:
        yield name, KINDS.get(type(node), "module"), text
    for child in ast.iter_child_nodes(node):
        if type(child) in KINDS and not child.name.startswith("_"):
            yield from texts(f"{name}.{child.name}", child)


def ingest(store, packages):
    """Every text with its vector, and what one may ask for besides: package and kind."""
    index = store.index("docs", swarmstore.DType.F32)
    index.create(dim=DIM, model="text_vectors.py", exist_ok=True)
    rows = {}
    for package in packages:
        for module, path in sources(package):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for name, kind, text in texts(module, tree):
                rows[name] = (f"{name}\n{text}".encode(), {"package": package, "kind": kind})
    begun = time.monotonic()
    index.put_many(rows, [embed(text.decode()) for text, _ in rows.values()],
                   *zip(*rows.values()))
    print(f"{len(rows)} texts of {', '.join(packages)} in {time.monotonic() - begun:.1f} s")


def ask(store, question):
    """Prints the nearest texts, and a digest of every byte of the answer."""
    found = store.index("docs").search(embed(question), k=3, recall=1.0)
    digest = hashlib.blake2b(digest_size=8)
    print(f"? {question}")
    for hit in found:
        name, _, text = hit.record.text.partition("\n")
        print(f"  {hit.distance:.3f}  {name}: {' '.join(text.split())[:70]}")
        digest.update(hit.record.key + hit.record.value + struct.pack("<d", hit.distance))
    print(f"  all bytes of this answer: {digest.hexdigest()}")


def main():
    where = sys.argv[1] if len(sys.argv) > 1 else f"file:{tempfile.mkdtemp()}/data"
    what = sys.argv[2] if len(sys.argv) > 2 else "both"
    with swarmstore.open(where, partition="docs", timeout=20) as store:
        if what in ("ingest", "both"):
            ingest(store, sys.argv[3:] or PACKAGES)
        if what in ("ask", "both"):
            for question in sys.argv[3:] or [QUESTION]:
                ask(store, question)


if __name__ == "__main__":
    main()
