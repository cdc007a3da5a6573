"""Measures the index and its peers on the same files and prints the goals; see bench_index.py.

All programs write the ids they found; recall is judged here, by one function for everybody. The
programs run one after another. Results go to bench-out/index.json and bench-out/index.md; with
--keep the table also takes the place of the old one in docs/BENCHMARKS.md. With --only the other
programs' figures are those of the last run of the same set, and the report says so.
"""
import argparse
import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import time

import numpy as np

import bench_index_data
import bench_index_goals

ROOT = pathlib.Path(__file__).resolve().parent.parent
WORK = ROOT / "build" / "index-bench"
OUT = ROOT / "bench-out"
BEGIN, END = "<!-- printed by ./run bench index -->\n", "<!-- end of bench index -->"
# What runs on which set: tasks of index-bench, tasks of hnswlib-bench, Python peers.
FULL = "search targets lmdb flat bounded filter delete churn drift"
PLAN = {
    "S128": (FULL + " expire bits", "search filter delete", "faiss usearch hannoy hnsw"),
    "S768": (FULL + " expire bits", "search filter delete", "faiss"),
    "D256": (FULL + " minhash expire bits", "search filter delete", "faiss datasketch"),
    "U128": ("search targets flat", "search", "faiss"),
    "M128": ("targets bounded move expire", "", ""),
}
QUICK = {"S128": 20000, "S768": 5000, "D256": 5000, "U128": 5000, "M128": 50000}
PROGRAM_TIMEOUT_S = 3600


def say(text):
    print(f"==> {text}", flush=True)


def judge(vectors, found, rows):
    """Adds `recall` to each line that has ids; ranges of ids come before the lines they rule."""
    alive = {}
    for line in found:
        if line["task"].endswith("-ids"):
            first, count = line["first"], line["count"]
            mask = np.zeros(len(vectors.base), dtype=bool)
            mask[first:first + count] = True
            if count == len(mask):
                truth = vectors.truth[0][1]
            else:
                truth = bench_index_data.exact(np.asarray(vectors.base), np.asarray(vectors.query),
                                               np.flatnonzero(mask))[1]
            alive[line["task"][:-4]] = (truth, mask)
        elif "at" in line:
            begin = line["at"] // 4
            ids = rows[begin:begin + bench_index_data.K * line["asked"]]
            limit = bench_index_data.LIMITS[line["truth"]]
            scores, mask = alive.get(line["task"], (vectors.truth[line["truth"]][1],
                                                    vectors.attribute < limit))
            line["recall"] = bench_index_data.recall(
                vectors, ids.reshape(-1, bench_index_data.K), scores, mask)


def run(command, vectors, ids):
    """The judged lines of a program; it ends this one if it fails."""
    with subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE,
                          text=True) as process:
        found = [json.loads(line) for line in process.stdout]
    if process.returncode != 0:
        sys.exit(f"bench index: {command[0]} ended with {process.returncode}")
    rows = np.fromfile(ids, dtype="<u4")
    ends = [line["at"] for line in found if "at" in line][1:] + [rows.nbytes]
    for line, end in zip((line for line in found if "at" in line), ends):
        line["asked"] = (end - line["at"]) // (4 * bench_index_data.K)
    judge(vectors, found, rows)
    return found


def commands(name, path, ids, place, args):
    """(program, command) of everything that the plan has for a set."""
    tasks, graph, peers = PLAN[name]
    yield "ours", [args.bin / "index-bench", path, ids, place, *tasks.split()]
    if graph:
        yield "hnswlib", [WORK / "hnswlib-bench", path, ids, *graph.split()]
    script = pathlib.Path(__file__).with_name("bench_index_peers.py")
    for peer in (peer for peer in peers.split() if peer != "hnsw"):
        if not (args.quick and peer in ("hannoy", "usearch")):
            yield peer, [sys.executable, script, path, ids, place, peer,
                         *(["hnsw"] if "hnsw" in peers else [])]


def measure(name, path, args):
    """{program: lines}; what is not to run is taken from the last run, if there was one."""
    vectors = bench_index_data.load(path)
    ids, place, result = WORK / f"{path.stem}.ids", WORK / f"{path.stem}.lmdb", {}
    shutil.rmtree(place, ignore_errors=True)
    for program, command in commands(name, path, ids, place, args):
        kept = WORK / "last" / f"{path.stem}-{program}.json"
        if not args.only or program in args.only.split(","):
            say(f"{name}: {program}")
            result[program] = run(command, vectors, ids)
            kept.parent.mkdir(exist_ok=True)
            kept.write_text(json.dumps(result[program]))
        elif kept.exists():
            result[program] = json.loads(kept.read_text())
    shutil.rmtree(place, ignore_errors=True)
    ids.unlink(missing_ok=True)
    return result


def curves(result):
    """The fastest setting of everybody for each recall: what the ratios were made from."""
    out = ["| set | program | " + " | ".join(f"at {t:g}" for t in (.9, .95, .98, .99)) + " |",
           "|---|---|" + "---:|" * 4]
    kinds = (("ours", "search"), ("ours", "lmdb"), ("hnswlib", "search"), ("faiss", "search"),
             ("usearch", "search"), ("hannoy", "search"))
    for name in result:
        for program, task in kinds:
            found = bench_index_goals.lines(result, name, program, task)
            if not found:
                continue
            cells = [bench_index_goals.number(bench_index_goals.best(found, t))
                     for t in (.9, .95, .98, .99)]
            label = {"search": "", "lmdb": ", from LMDB"}[task]
            out.append(f"| {name} | {program}{label} | " + " | ".join(cells) + " |")
    return "\n".join(out)


def machine():
    cpu = next((line.split(":", 1)[1].strip() for line in
                pathlib.Path("/proc/cpuinfo").read_text().splitlines()
                if line.startswith("model name")), platform.machine())
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, text=True,
                            capture_output=True, check=False).stdout.strip() or "unknown"
    return {"cpu": cpu, "cores": os.cpu_count(), "kernel": platform.release(), "commit": commit,
            "memory_gib": int(pathlib.Path("/proc/meminfo").read_text().split()[1]) >> 20,
            "load_average": round(os.getloadavg()[0], 2), "date": time.strftime("%Y-%m-%d")}


def report(result, about, sets, args):
    pins = ", ".join(line.replace("==", " ") for line in
                     (ROOT / "tools" / "bench_index_peers.txt").read_text().splitlines()
                     if "==" in line and not line.startswith(("numpy", "scipy")))
    words = " --quick" if args.quick else ""
    words += f" --sets {args.sets}" if args.sets != ",".join(PLAN) else ""
    words += f" --only {args.only}" if args.only else ""
    old = (" The others' figures are those of their last run on the same files." if args.only
           else "")
    return (f"Printed by `./run bench index{words}` on {about['date']} at commit "
            f"{about['commit']}, in {about['minutes']} minutes.\n\nMachine: {about['cpu']}, "
            f"{about['cores']} cores, {about['memory_gib']} GiB, Linux {about['kernel']}, load "
            f"average before the run {about['load_average']}, after it {about['load_after']}. "
            f"Peers: {pins}.{old}\n\nSets:\n\n" + "".join(f"- {text}\n" for text in sets)
            + "\nQueries a second of processor time, the fastest setting that reaches the "
            "recall:\n\n" + curves(result) + "\n\n" + bench_index_goals.table(result) + "\n")


def keep(text):
    path = ROOT / "docs" / "BENCHMARKS.md"
    before, rest = path.read_text().split(BEGIN, 1)
    path.write_text(before + BEGIN + text + END + rest.split(END, 1)[1])


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small sets: figures mean little")
    parser.add_argument("--keep", action="store_true", help="put the table into docs/BENCHMARKS.md")
    parser.add_argument("--sets", default=",".join(PLAN), help="comma list; all: %(default)s")
    parser.add_argument("--only", default="", help="comma list of programs to run, such as ours")
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "build" / "release" / "bin",
                        help="where index-bench is")
    return parser.parse_args()


def main():
    args = arguments()
    began, about, result, sets = time.monotonic(), machine(), {}, []
    OUT.mkdir(exist_ok=True)
    if about["load_average"] > 0.5 * about["cores"]:
        say(f"load average is {about['load_average']}: quantiles will be disturbed, rates less")
    for name in args.sets.split(","):
        say(f"{name}: making the data, unless it is there")
        path = bench_index_data.make(WORK / "data", name, QUICK[name] if args.quick else None)
        sets.append(bench_index_data.describe(path))
        result[name] = measure(name, path, args)
    about["minutes"] = round((time.monotonic() - began) / 60)
    about["load_after"] = round(os.getloadavg()[0], 2)
    text = report(result, about, sets, args)
    (OUT / "index.json").write_text(json.dumps({"machine": about, **result}, indent=1) + "\n")
    (OUT / "index.md").write_text(text)
    print("\n" + text)
    if args.keep and not args.quick:
        keep(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
