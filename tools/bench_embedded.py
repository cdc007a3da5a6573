#!/usr/bin/env python3
"""Embedded mode beside plain LMDB and SQLite on one disk of this machine, in one run.

The program swarm-bench-embedded gives each store the disk in turns; here its figures become a
table with ratios, in bench-out/embedded.md, and with --keep in docs/BENCHMARKS.md.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys

from bench import OUT, ROOT, number, sync_us
from local_swarm import BIN

MARK = "<!-- printed by ./run bench embedded -->\n"
END = "<!-- end embedded -->"
STORES = (("swarm", "embedded mode"), ("swarm-loop", "embedded mode, loop of the caller"),
          ("lmdb", "plain LMDB"), ("sqlite", "SQLite"))
FIGURES = (("put_per_s", "one durable put at a time", "ops/s"), ("put_p50_us", "its p50", "us"),
           ("put_p99_us", "its p99", "us"), ("pipelined_per_s", "1,000 puts under way", "ops/s"),
           ("get_per_s", "get, one at a time", "ops/s"))
WANTED = (("durable puts, one at a time, beside plain LMDB", "put_per_s", "lmdb", "put_per_s", 0.9),
          ("durable puts, one at a time, beside SQLite", "put_per_s", "sqlite", "put_per_s", None),
          ("puts under way beside SQLite's puts", "pipelined_per_s", "sqlite", "put_per_s", 5))


def table(result):
    """Each store's figures; a store that takes one write at a time has no second rate."""
    lines = ["| store | " + " | ".join(title for _, title, _ in FIGURES) + " |",
             "|---" + "|---:" * len(FIGURES) + "|"]
    for key, title in STORES:
        cells = [number(result[key][name], unit) if result[key][name] else "-"
                 for name, _, unit in FIGURES]
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def ratios(result):
    lines = ["| ratio | is | wanted |", "|---|---:|---|"]
    for title, ours, store, theirs, bound in WANTED:
        ratio = result["swarm"][ours] / result[store][theirs]
        verdict = "" if bound is None else f">= {bound} x: {'met' if ratio >= bound else 'NOT MET'}"
        lines.append(f"| {title} | {ratio:.2f} | {verdict} |")
    return "\n".join(lines)


def report(result, about, args):
    return (f"Printed by `./run bench embedded` at commit {about['commit']}. fdatasync of 4 KiB "
            f"{about['sync_us']} us before the run, load average {about['load']}. {args.turns} "
            f"turns of {args.seconds} s each; keys of 16 bytes, values of 256.\n\n" +
            table(result) + "\n\n" + ratios(result) + "\n")


def keep(text):
    path = ROOT / "docs" / "BENCHMARKS.md"
    before, rest = path.read_text().split(MARK, 1)
    path.write_text(before + MARK + text + END + rest.split(END, 1)[1])


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a smoke run: figures mean little")
    parser.add_argument("--keep", action="store_true", help="put the table into docs/BENCHMARKS.md")
    args = parser.parse_args()
    args.seconds, args.turns = (1, 1) if args.quick else (2, 5)
    return args


def main():
    args = arguments()
    folder = OUT / "embedded"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, text=True,
                            capture_output=True, check=False).stdout.strip() or "unknown"
    about = {"commit": commit, "sync_us": sync_us(folder), "load": round(os.getloadavg()[0], 2)}
    done = subprocess.run([BIN / "swarm-bench-embedded", folder, str(args.seconds),
                           str(args.turns)], stdout=subprocess.PIPE, text=True, check=True)
    text = report(json.loads(done.stdout), about, args)
    (OUT / "embedded.md").write_text(text)
    print(text)
    if args.keep and not args.quick:
        keep(text)
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
