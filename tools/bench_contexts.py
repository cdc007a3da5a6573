"""Contexts on one real swarm of three nodes: 100 million tokens in blocks of 1,024, found again by
their numbers, walked, searched, and their windows moved. context-bench compares all that it reads.

`./run bench contexts` loads --tokens of them (100M by default); --quick a million, for a test. The
load of the machine stands beside the figures. Then all nodes start again, and the time until each
is ready is told.
"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

import local_swarm

FOLDER = local_swarm.ROOT / "bench-out" / "contexts"
BLOCK = 1024                    # tokens of four bytes
BLOCKS_A_CONTEXT = 977          # a context of a million tokens
SAMPLES, QUICK_SAMPLES = 10_000, 300


def shape(tokens):
    """(contexts, blocks of each) of about so many tokens."""
    blocks = max(1, round(tokens / BLOCK))
    contexts = max(1, round(blocks / BLOCKS_A_CONTEXT))
    return contexts, max(1, blocks // contexts)


def size_of(folder):
    """Bytes on the disk of all below it."""
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


def load(swarm, tokens, samples):
    contexts, blocks = shape(tokens)
    done = subprocess.run(
        [str(local_swarm.BIN / "context-bench"), str(swarm.client_config), str(contexts),
         str(blocks), str(BLOCK), str(samples)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise local_swarm.Failure(done.stderr.strip())
    figures = json.loads(done.stdout)
    figures["contexts"] = contexts
    return figures


def ctl(swarm, *words, data=None):
    done = subprocess.run([str(local_swarm.BIN / "swarmctl"), *words, "--config",
                           str(swarm.client_config), "-o", "json"], input=data,
                          capture_output=True, check=False)
    if done.returncode != 0:
        raise local_swarm.Failure(done.stderr.decode().strip())
    return json.loads(done.stdout)


def budget(swarm, limit, written):
    """Writes more than the budget of a context, whose last 64 blocks are protected; what is there
    then. The content of each block is its number, so that what is left can be told."""
    size = 4 * BLOCK
    ctl(swarm, "context", "create", "ring")
    ctl(swarm, "context", "set-policy", "ring", "--any-score", "--keep", str(64 * BLOCK),
        "--max-bytes", str(limit))
    count = written // size
    data = b"".join(f"{block:016}".encode() * (size // 16) for block in range(count))
    ctl(swarm, "context", "append", "ring", "-", "--token-size", "4", data=data)
    ring = next(c for c in ctl(swarm, "context", "list")["contexts"] if c["id"] == "ring")
    last = ctl(swarm, "context", "read", "ring", "--from", str((count - 64) * BLOCK))["blocks"]
    if [int(block["content"][:16]) for block in last] != list(range(count - 64, count)):
        raise local_swarm.Failure("a protected block is not there")
    if int(ring["bytes"]) > limit:
        raise local_swarm.Failure(f"{ring['bytes']} bytes are over the budget of {limit}")
    return {"budget_written": count * size, "budget_left": int(ring["bytes"]),
            "budget_pruned_blocks": int(ring["pruned"]), "budget_can_return": int(ring["gone"])}


def restart(swarm):
    """Seconds until all nodes are ready again."""
    swarm.pids.stop_all(seconds=60)
    start = time.monotonic()
    for node in (1, 2, 3):
        swarm.start_node(node)
    swarm.wait_ready(seconds=300)
    return time.monotonic() - start


def run(options):
    tokens = 1_000_000 if options.quick else options.tokens
    samples = QUICK_SAMPLES if options.quick else SAMPLES
    if FOLDER.exists():
        shutil.rmtree(FOLDER)
    FOLDER.mkdir(parents=True)
    swarm = local_swarm.SwarmCluster(FOLDER)
    try:
        swarm.start()
        before = os.getloadavg()[0]
        figures = load(swarm, tokens, samples)
        start = time.monotonic()
        figures.update(budget(swarm, *((1_000_000, 1_500_000) if options.quick
                                       else (100_000_000, 150_000_000))))
        figures["budget_s"] = round(time.monotonic() - start, 2)
        figures["bytes_a_node"] = size_of(FOLDER / "node-1")
        figures["restart_s"] = round(restart(swarm), 2)
        figures["load_before"], figures["load_after"] = before, os.getloadavg()[0]
        figures["processors"] = os.cpu_count()
    finally:
        swarm.pids.stop_all()
        if not options.keep:
            shutil.rmtree(FOLDER, ignore_errors=True)
    return figures


def main():
    parser = argparse.ArgumentParser(prog="./run bench contexts", description=__doc__)
    parser.add_argument("--tokens", type=int, default=100_000_000)
    parser.add_argument("--quick", action="store_true", help="a million tokens, few samples")
    parser.add_argument("--keep", action="store_true", help="leave the swarm's folder")
    parser.add_argument("--bin", type=pathlib.Path, help="programs (default build/release/bin)")
    options = parser.parse_args()
    if options.bin:
        local_swarm.BIN = options.bin
    try:
        figures = run(options)
    except local_swarm.Failure as failure:
        print(f"bench contexts: {failure}", file=sys.stderr)
        return 1
    for name, value in figures.items():
        print(f"{name:24} {value:,}" if isinstance(value, (int, float)) else f"{name:24} {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
