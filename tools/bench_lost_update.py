#!/usr/bin/env python3
"""Counts the memories that concurrent agents lose: processes that create 20 entities each, all at
once, against a swarm, against a swarm whose leader is killed meanwhile, and against a memory in a
JSON file, as agents have it today.

An entity is acknowledged when its create returned; it is kept if it is there at the end. In the
swarm each create also counts itself in the same transaction, so that a create that ran twice shows.
"""
import argparse
import asyncio
import json
import pathlib
import shutil
import subprocess
import sys
import threading
import time

from local_swarm import ROOT, Failure, SwarmCluster, reap

FOLDER = ROOT / "bench-out" / "lost-update"
PACKAGE = ROOT / "build" / "python"
PROCESSES = (1, 2, 4, 16)
CREATES = 20
TIMEOUT_S = 30.0
COUNTER = "count"
KILL_AFTER_S = 0.002


# ---- the agents ---------------------------------------------------------------------------------

def entity(process, number):
    return {"type": "entity", "name": f"agent-{process:02}-fact-{number:02}",
            "entityType": "fact", "observations": [f"seen by agent {process}"]}


def file_create(path, row):
    """What a memory in one JSON file does: read all, add a line, write all."""
    rows = []
    if path.exists():
        rows = [json.loads(line) for line in path.read_text().splitlines() if line]
    rows.append(row)
    path.write_text("\n".join(json.dumps(row) for row in rows))


def file_agent(place, process):
    """All its creates at once; (acknowledged, failed)."""
    acknowledged, failed = [], []

    def create(number):
        row = entity(process, number)
        try:
            file_create(pathlib.Path(place), row)
            acknowledged.append(row["name"])
        except (OSError, ValueError):
            failed.append(row["name"])

    threads = [threading.Thread(target=create, args=(n,)) for n in range(CREATES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return acknowledged, failed


async def swarm_create(store, key, row):
    done = await (store.txn().when(key(row["name"]).missing())
                  .put(row["name"], json.dumps(row).encode()).add(COUNTER, 1).arun())
    return done.succeeded


async def swarm_agent(store, process):
    import swarmstore  # pylint: disable=import-outside-toplevel
    acknowledged, failed = [], []

    async def create(number):
        row = entity(process, number)
        try:
            created = await swarm_create(store, swarmstore.key, row)
        except swarmstore.SwarmError:
            created = False
        (acknowledged if created else failed).append(row["name"])

    await asyncio.gather(*(create(n) for n in range(CREATES)))
    return acknowledged, failed


def connect(config, place):
    """A client that has met its leader, so that all begin at the same time."""
    sys.path.insert(0, str(PACKAGE))
    import swarmstore  # pylint: disable=import-outside-toplevel
    store = swarmstore.open(config, partition=place, timeout=TIMEOUT_S)
    store.get(COUNTER)
    return store


def agent(kind, place, process):
    """A process of its own: says `ready`, waits for a line, works, prints what became of it."""
    store = connect(kind, place) if kind != "file" else None
    print("ready", flush=True)
    sys.stdin.readline()
    started = time.monotonic()
    if store is None:
        acknowledged, failed = file_agent(place, process)
    else:
        acknowledged, failed = asyncio.run(swarm_agent(store, process))
    print(json.dumps([acknowledged, failed, time.monotonic() - started]))
    return 0


# ---- a turn -------------------------------------------------------------------------------------

def start_agents(kind, place, count):
    agents = [subprocess.Popen([sys.executable, __file__, "--agent", kind, place, str(process)],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
              for process in range(count)]
    for process in agents:
        if process.stdout.readline() != "ready\n":
            raise Failure("an agent did not start")
    return agents


def let_go(agents, meanwhile):
    """All begin at once; (acknowledged, failed, seconds of the slowest)."""
    for process in agents:
        process.stdin.write("go\n")
        process.stdin.flush()
    meanwhile()
    acknowledged, failed, seconds = [], [], []
    for process in agents:
        told = json.loads(process.communicate(timeout=2 * TIMEOUT_S)[0])
        acknowledged += told[0]
        failed += told[1]
        seconds.append(told[2])
    return acknowledged, failed, max(seconds)


def turn_of_file(count, number):
    path = FOLDER / f"memory-{count}-{number}.jsonl"
    agents = start_agents("file", str(path), count)
    acknowledged, failed, seconds = let_go(agents, lambda: None)
    kept = set()
    for line in path.read_text().splitlines():
        try:
            kept.add(json.loads(line)["name"])
        except ValueError:
            pass  # two writers' bytes in one line: nobody can read it any more
    return {"acknowledged": len(acknowledged), "failed": len(failed),
            "kept": len(kept & set(acknowledged)), "twice": 0, "seconds": seconds}


def turn_of_swarm(cluster, count, number, kill):
    place = f"{'kill' if kill else 'calm'}-{count}-{number}"
    agents = start_agents(str(cluster.client_config), place, count)
    victim = cluster.leader() if kill else None

    def meanwhile():
        if kill:
            time.sleep(KILL_AFTER_S)
            cluster.kill(victim)

    acknowledged, failed, seconds = let_go(agents, meanwhile)
    if kill:
        cluster.start_node(victim)
        cluster.wait_ready()
    with connect(str(cluster.client_config), place) as store:
        records = {record.key.decode(): record for record in store.scan()}
    counter = records.pop(COUNTER)
    twice = int(counter.value) - len(records)
    twice += sum(record.version - 1 for record in records.values())
    return {"acknowledged": len(acknowledged), "failed": len(failed),
            "kept": len(set(acknowledged) & set(records)), "twice": twice, "seconds": seconds}


# ---- the table ----------------------------------------------------------------------------------

def measure(turn, count, turns):
    rows = [turn(count, number) for number in range(turns)]
    total = {name: sum(row[name] for row in rows) for name in rows[0]}
    return {"processes": count, "creates": count * CREATES * turns, **total,
            "slowest": max(row["seconds"] for row in rows)}


def line_of(title, row):
    return (f"| {title} | {row['processes']} | {row['creates']} | {row['acknowledged']} | "
            f"{row['kept']} | {row['acknowledged'] - row['kept']} | {row['twice']} | "
            f"{row['failed']} | {row['slowest'] * 1000:.0f} ms |")


def run_all(turns):
    lines = ["| memory | processes | creates | acknowledged | kept | lost | ran twice | refused | "
             "slowest agent |", "|---|---:|---:|---:|---:|---:|---:|---:|---:|"]
    bad = 0
    for count in PROCESSES:
        lines.append(line_of("one JSON file", measure(turn_of_file, count, turns)))
    cluster = SwarmCluster(FOLDER / "swarm")
    try:
        cluster.start()
        for kill in (False, True):
            title = "swarm, its leader killed meanwhile" if kill else "swarm"
            for count in PROCESSES:
                row = measure(lambda c, n, k=kill: turn_of_swarm(cluster, c, n, k), count, turns)
                bad += row["acknowledged"] - row["kept"] + row["twice"] + row["failed"]
                lines.append(line_of(title, row))
    finally:
        cluster.stop()
    return "\n".join(lines) + "\n", bad


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=5, help="of each row; default: %(default)s")
    parser.add_argument("--agent", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.agent:
        kind, place, process = args.agent
        return agent(kind, place, int(process))
    shutil.rmtree(FOLDER, ignore_errors=True)
    (FOLDER / "swarm").mkdir(parents=True)
    text, bad = run_all(args.turns)
    (FOLDER.parent / "lost-update.md").write_text(text)
    print(text)
    shutil.rmtree(FOLDER)
    if bad:
        print("bench: the swarm lost, repeated or refused creates", file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        reap()
        print(f"bench: {failure}", file=sys.stderr)
        sys.exit(1)
