#!/usr/bin/env python3
"""Runs an example of the Python package: `./run example NAME`.

`docs` gets a swarm of its own: three nodes take the documentation of installed packages in,
questions are asked, the node that leads is killed with -9, and the same questions must have the
same bytes as answers. The others keep their data in a directory of their own.
"""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

from local_swarm import ROOT, Failure, SwarmCluster, wait_for

EXAMPLES = ROOT / "client" / "python" / "examples"
LIMIT_S = 120
PACKAGES = ("asyncio", "threading", "subprocess", "json", "logging")
QUESTIONS = (
    "How do I wait for tasks to complete?",
    "How do I start a process and read its output?",
    "What does acquiring a lock do?",
)


def run(python, name, *words):
    """The example's output, which is also shown."""
    done = subprocess.run([python, EXAMPLES / f"{name}.py", *words], stdout=subprocess.PIPE,
                          text=True, timeout=LIMIT_S, check=False)
    print("".join(f"  {line}\n" for line in done.stdout.splitlines()), end="", flush=True)
    if done.returncode != 0:
        raise Failure(f"{name}.py ended with {done.returncode}")
    return done.stdout


def docs(python):
    with tempfile.TemporaryDirectory(prefix="swarm-example-") as folder:
        swarm = SwarmCluster(pathlib.Path(folder) / "swarm")
        try:
            print("1. three swarmd processes, and texts with vectors", flush=True)
            swarm.create()
            swarm.start()
            url = f"swarm:///demo?config={swarm.client_config}"
            run(python, "docs", url, "ingest", *PACKAGES)
            print("2. questions", flush=True)
            before = run(python, "docs", url, "ask", *QUESTIONS)
            victim = wait_for("a leader", 20, swarm.leader)
            swarm.kill(victim)
            print(f"3. kill -9 of node {victim}, which led, and the same questions", flush=True)
            after = run(python, "docs", url, "ask", *QUESTIONS)
        finally:
            swarm.stop()
    if before != after:
        raise Failure("the answers are not the same bytes")
    print("4. every answer is the same, byte for byte")


def main():
    names = sorted(path.stem for path in EXAMPLES.glob("*.py") if "__main__" in path.read_text())
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=names)
    parser.add_argument("--python", default=sys.executable, help="one that has swarmstore")
    args = parser.parse_args()
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    if args.name == "docs":
        docs(args.python)
    else:
        run(args.python, args.name)


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        print(f"example: {failure}", file=sys.stderr)
        sys.exit(1)
