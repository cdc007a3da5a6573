#!/usr/bin/env python3
"""Puts a swarm beside a three-node etcd on this machine, in one run, and prints the ratios.

Both write through fdatasync; etcd talks plaintext, the swarm encrypts. The two never run at the
same time; they take turns, and a figure of the table is the median of the turns.
Results go to bench-out/bench.json and bench-out/bench.md; with --keep the table also takes the
place of the old one in docs/BENCHMARKS.md.
"""
import argparse
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import bench_etcd
from local_swarm import BIN, ROOT, Failure, SwarmCluster, reap, wait_for

OUT = ROOT / "bench-out"
VALUE_SIZE = 256
KEYS = 10000
CASES = (  # name, workload, clients, in flight
    ("put64", "put", 64, 1),
    ("put1", "put", 1, 1),
    ("get64", "get", 64, 1),
    ("put1x64", "put", 1, 64),
    ("get1x64", "get", 1, 64),
    ("pipe", "put", 1, 1000),
)
STANDARD = ("cases", "memory", "start", "failover")
WATCHES = (100, 100, 20)  # clients, watches of a key each, puts a second
CORE_CASES = (  # with `--only core`; mixed is 80 % gets, a scan reads all KEYS
    ("txn64", "txn", 64, 1),
    ("alive64", "keep-alive", 64, 1),
    ("watch100", "watch", 100, 1),
    ("scan8", "scan", 8, 1),
    ("mixed64", "mixed", 64, 1),
    ("agents300", "mixed", 300, 1),
)
# The rows of the table: title, case and figure, unit, what is wanted of it.
ROWS = (
    ("put 256 B, 64 clients: throughput", "put64.ops_per_second", "ops/s", ("ratio>=", 5)),
    ("put 256 B, 64 clients: p50", "put64.p50_us", "us", None),
    ("put 256 B, 64 clients: p99", "put64.p99_us", "us", ("ratio<=", 0.5)),
    ("put 256 B, 1 client: throughput", "put1.ops_per_second", "ops/s", None),
    ("put 256 B, 1 client: p50", "put1.p50_us", "us", ("ratio<=", 1)),
    ("put 256 B, 1 client: p99", "put1.p99_us", "us", None),
    ("linearizable get, 64 clients: throughput", "get64.ops_per_second", "ops/s", ("ratio>=", 5)),
    ("linearizable get, 64 clients: p50", "get64.p50_us", "us", None),
    ("linearizable get, 64 clients: p99", "get64.p99_us", "us", None),
    ("put 256 B, 64 in flight on one connection: throughput", "put1x64.ops_per_second", "ops/s",
     None),
    ("put 256 B, 64 in flight on one connection: p50", "put1x64.p50_us", "us", None),
    ("get, 64 in flight on one connection: throughput", "get1x64.ops_per_second", "ops/s", None),
    ("get, 64 in flight on one connection: p50", "get1x64.p50_us", "us", None),
    ("pipelined put, 1 client, 1,000 in flight: throughput", "pipe.ops_per_second", "ops/s", None),
    ("pipelined put: p50", "pipe.p50_us", "us", None),
    ("pipelined put: p99", "pipe.p99_us", "us", None),
    ("pipelined put: leader's log syncs per 1,000 acknowledged", "pipe.syncs_per_1000", "",
     ("swarm<=", 20)),
    ("pipelined put: leader's bytes to disk per byte acknowledged", "pipe.write_ratio", "", None),
    ("transaction, 2 compares and 2 puts, 64 clients: throughput", "txn64.ops_per_second", "ops/s",
     ("ratio>=", 3)),
    ("transaction: p99", "txn64.p99_us", "us", ("ratio<=", 0.5)),
    ("lease keep-alive, 64 clients: throughput", "alive64.ops_per_second", "ops/s", ("ratio>=", 3)),
    ("lease keep-alive: p99", "alive64.p99_us", "us", ("ratio<=", 0.5)),
    ("watch, 1 writer and 100 watchers: deliveries", "watch100.ops_per_second", "/s",
     ("ratio>=", 3)),
    ("watch: p99 from put to delivery", "watch100.p99_us", "us", ("ratio<=", 0.5)),
    ("10,000 watches of a key each, 20 puts/s: p99 from put to delivery", "watches.p99_us", "us",
     None),
    ("10,000 watches: own pages that the leader grew by", "watches.grown_mib", "MiB", None),
    ("scan of 10,000 keys, 8 clients: throughput", "scan8.ops_per_second", "scans/s",
     ("ratio>=", 3)),
    ("scan: p99", "scan8.p99_us", "us", ("ratio<=", 0.5)),
    ("80 % get, 20 % put, 64 clients: throughput", "mixed64.ops_per_second", "ops/s",
     ("ratio>=", 3)),
    ("80 % get, 20 % put, 64 clients: p99", "mixed64.p99_us", "us", ("ratio<=", 0.5)),
    ("80 % get, 20 % put, 300 agents: throughput", "agents300.ops_per_second", "ops/s",
     ("ratio>=", 3)),
    ("80 % get, 20 % put, 300 agents: p99", "agents300.p99_us", "us", ("ratio<=", 0.5)),
    ("failover, election timeout 1000 ms: median", "failover.median_ms", "ms", None),
    ("failover, election timeout 1000 ms: max", "failover.max_ms", "ms", None),
    ("failover, own default timeout: median", "failover_default.median_ms", "ms", None),
    ("failover, own default timeout: max", "failover_default.max_ms", "ms", None),
    ("memory of an idle node: own pages", "idle.anon_mib", "MiB", None),
    ("memory of an idle node: with mapped files", "idle.rss_mib", "MiB", None),
    ("leader under put load: own pages at a quarter of it", "load.anon_first_mib", "MiB", None),
    ("leader under put load: own pages at the end", "load.anon_last_mib", "MiB", None),
    ("start-up after a clean stop", "start.clean_ms", "ms", None),
    ("start-up after kill -9, large log", "start.kill_ms", "ms", None),
    ("size of that log", "start.log_mib", "MiB", None),
    ("server binary, stripped", "binary.server_mib", "MiB", None),
    ("command line binary, stripped", "binary.cli_mib", "MiB", None),
)


def say(text):
    print(f"==> {text}", flush=True)


def memory_mib(pid):
    """(own pages, all resident pages) of a process in MiB."""
    rows = dict(line.split(":", 1) for line in
                pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
    return tuple(round(int(rows[key].split()[0]) / 1024, 1) for key in ("RssAnon", "VmRSS"))


def written_bytes(pid):
    """Bytes that the process caused to be sent to the disk."""
    rows = dict(line.split(": ") for line in
                pathlib.Path(f"/proc/{pid}/io").read_text().splitlines())
    return int(rows["write_bytes"])


def fresh(kind, args, tag, election_ms=None, heartbeat_ms=None, **more):
    """A started cluster in a folder of its own; `kind` is "etcd" or "swarm"."""
    folder = args.folder / f"{kind}-{tag}"
    shutil.rmtree(folder, ignore_errors=True)
    if kind == "etcd":
        cluster = bench_etcd.EtcdCluster(folder, election_ms or 1000, heartbeat_ms or 100,
                                         args.server)
    else:
        cluster = SwarmCluster(folder, election_ms=election_ms, heartbeat_ms=heartbeat_ms, **more)
    try:
        cluster.start()
        wait_for("a leader", 20, cluster.leader)
    except BaseException:
        cluster.stop()
        raise
    return cluster


def measure_cases(cluster, args, cases):
    """One turn of the workloads."""
    result = {}
    for name, workload, clients, in_flight in cases:
        leader = wait_for("a leader", 10, cluster.leader)
        pid = cluster.processes[leader].pid
        before = cluster.syncs(leader), written_bytes(pid)
        row = cluster.load(workload, clients, in_flight, VALUE_SIZE, args.seconds, args.warmup,
                           KEYS)
        after = cluster.syncs(leader), written_bytes(pid)
        if row["errors"]:
            raise Failure(f"{cluster.name} {name}: {row['errors']} requests failed")
        if workload == "put":
            # Counted over warm-up and measurement, so scaled to all writes of the run.
            total = row["ops_per_second"] * (args.seconds + args.warmup)
            row["syncs_per_1000"] = round(1000 * (after[0] - before[0]) / total, 2)
            row["write_ratio"] = round((after[1] - before[1]) / (total * VALUE_SIZE), 2)
        result[name] = row
        say(f"{cluster.name:5} {name:9} {row['ops_per_second']:9.0f} ops/s  "
            f"p50 {row['p50_us']:8.0f} us  p99 {row['p99_us']:8.0f} us")
    return result


def measure_watches(cluster, args):
    """Many watches on one node: how late they are told, and what they cost the leader."""
    pid = cluster.processes[wait_for("a leader", 10, cluster.leader)].pid
    clients, each, rate = WATCHES
    cluster.load("put", 64, 1, VALUE_SIZE, 1, 1, KEYS)
    time.sleep(args.rest)
    before, most, done = memory_mib(pid)[0], [0], threading.Event()

    def sample():
        while not done.wait(0.2):
            most[0] = max(most[0], memory_mib(pid)[0])

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        row = cluster.load("mailbox", clients, each, VALUE_SIZE, args.seconds, args.warmup,
                           clients * each, rate)
    finally:
        done.set()
        thread.join()
    if row["errors"] or row["ops"] < rate * args.seconds * 0.9:
        raise Failure(f"{cluster.name}: {row['ops']} deliveries, {row['errors']} errors")
    row["grown_mib"] = round(most[0] - before, 1)
    say(f"{cluster.name:5} {clients * each} watches: p99 {row['p99_us']:.0f} us, "
        f"{row['grown_mib']} MiB")
    return row


def measure_failover(cluster, args):
    """Kills the leader again and again; ms from the kill to the next write that was answered."""
    ticker = cluster.ticker(args.kills * 30 + 60)
    acks = []

    def read():
        for line in ticker.stdout:
            _, began, ended = line.split()
            acks.append((int(began), int(ended)))

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    times = []
    try:
        for _ in range(args.kills):
            wait_for("writes going on", 30, lambda seen=len(acks): len(acks) > seen + 20)
            leader = wait_for("a leader", 20, cluster.leader)
            killed = time.time_ns()
            cluster.kill(leader)

            def first_after():
                # Asked for after the kill: an earlier one may have been answered just before it.
                return next((end for begin, end in acks[-400:] if begin > killed), None)

            ended = wait_for("a write after the kill", 30, first_after, step=0.005)
            times.append((ended - killed) / 1e6)
            cluster.start_node(leader)
            cluster.wait_ready((leader,))
            time.sleep(args.rest)
    finally:
        ticker.kill()
        ticker.wait()
        reader.join(timeout=5)
    say(f"{cluster.name:5} failover " + " ".join(f"{ms:.0f}" for ms in times) + " ms")
    return {"median_ms": round(statistics.median(times), 1), "max_ms": round(max(times), 1),
            "kills": len(times)}


def measure_memory(cluster, args):
    """Own and resident pages: idle, then the leader's during a put load."""
    time.sleep(args.rest)
    idle = [memory_mib(process.pid) for process in cluster.processes.values()]
    pid = cluster.processes[cluster.leader()].pid
    samples = []
    done = threading.Event()

    def sample():
        while not done.wait(args.load_seconds / 20):
            samples.append(memory_mib(pid)[0])

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        cluster.load("put", 64, 1, VALUE_SIZE, args.load_seconds, 0, KEYS)
    finally:
        done.set()
        thread.join()
    say(f"{cluster.name:5} memory: idle {max(idle)}, leader under load "
        + " ".join(f"{mib:.0f}" for mib in samples) + " MiB")
    quarter = samples[len(samples) // 4] if samples else 0
    return ({"anon_mib": max(row[0] for row in idle), "rss_mib": max(row[1] for row in idle)},
            {"anon_first_mib": quarter, "anon_last_mib": samples[-1] if samples else 0,
             "samples_mib": samples})



def restart_ms(cluster, node, stop):
    stop(node)
    began = time.monotonic()
    cluster.start_node(node)
    wait_for(f"{cluster.name} node {node}", 300, lambda: cluster.node_ready(node), 0.001)
    return round((time.monotonic() - began) * 1000, 1)


def measure_start(kind, args):
    """A follower's start-up: after a clean stop, and after kill -9 behind a large log."""
    more = {"snapshot_bytes": 8 << 30} if kind == "swarm" else {}
    cluster = fresh(kind, args, "start", **more)
    try:
        node = next(n for n in (1, 2, 3) if n != cluster.leader())
        while cluster.log_mib(node) < args.log_mib:
            cluster.load("put", 16, 4, 64 << 10, 2, 0, 1000)
        wait_for("the follower catching up", 60, lambda: cluster.node_ready(node))
        time.sleep(args.rest)
        log_mib = cluster.log_mib(node)
        killed = restart_ms(cluster, node, cluster.kill)
        time.sleep(args.rest)
        clean = restart_ms(cluster, node, cluster.terminate)
    finally:
        cluster.stop()
    say(f"{kind:5} start-up: clean {clean} ms, kill -9 behind {log_mib} MiB of log {killed} ms")
    return {"clean_ms": clean, "kill_ms": killed, "log_mib": log_mib}


def stripped_mib(program):
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "stripped"
        subprocess.run(["strip", "-o", str(out), str(program)], check=True)
        return round(out.stat().st_size / (1 << 20), 2)


def binaries(server):
    return {
        "etcd": {"server_mib": stripped_mib(shutil.which(server)),
                 "cli_mib": stripped_mib(shutil.which("etcdctl"))},
        "swarm": {"server_mib": stripped_mib(BIN / "swarmd"),
                  "cli_mib": stripped_mib(BIN / "swarmctl")},
    }


def sync_us(folder):
    """Median time of an fdatasync after writing 4 KiB over old bytes, in microseconds."""
    times = []
    with open(folder / "sync-probe", "wb", buffering=0) as probe:
        probe.write(bytes(1 << 20))
        os.fsync(probe.fileno())
        for turn in range(200):
            probe.seek((turn % 256) * 4096)
            began = time.perf_counter_ns()
            probe.write(bytes(4096))
            os.fdatasync(probe.fileno())
            times.append((time.perf_counter_ns() - began) / 1000)
    (folder / "sync-probe").unlink()
    return round(statistics.median(times))


def machine(folder, server):
    cpu = next((line.split(":", 1)[1].strip() for line in
                pathlib.Path("/proc/cpuinfo").read_text().splitlines()
                if line.startswith("model name")), platform.machine())
    memory = int(pathlib.Path("/proc/meminfo").read_text().split()[1]) >> 20
    kind = subprocess.run(["stat", "-f", "-c", "%T", str(folder)], capture_output=True, text=True,
                          check=True).stdout.strip()
    etcd = subprocess.run([str(server), "--version"], capture_output=True, text=True,
                          check=True).stdout.split()[2]
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, text=True,
                            capture_output=True, check=False).stdout.strip() or "unknown"
    return {"cpu": cpu, "cores": os.cpu_count(), "memory_gib": memory,
            "kernel": platform.release(), "file_system": kind, "fdatasync_us": sync_us(folder),
            "etcd": etcd, "commit": commit,
            "load_average": round(os.getloadavg()[0], 2), "date": time.strftime("%Y-%m-%d")}


def median_of(turns):
    """{case: {figure: median over the turns}}."""
    return {case: {key: statistics.median(turn[case][key] for turn in turns)
                   for key, value in turns[0][case].items() if isinstance(value, (int, float))}
            for case in turns[0]}


def run_all(args):
    """Every measurement; {"etcd": {...}, "swarm": {...}} with the keys that ROWS names."""
    result = {"etcd": {}, "swarm": {}}
    if "cases" in args.only:
        run_cases(args, result, CASES)
    if "core" in args.only:
        run_cases(args, result, CORE_CASES)
    if "watches" in args.only or "core" in args.only:
        run_watches(args, result)
    for kind in ("etcd", "swarm"):
        if "memory" in args.only:
            run_memory(args, result, kind)
        if "start" in args.only:
            result[kind]["start"] = measure_start(kind, args)
        if "failover" in args.only:
            result[kind]["failover"] = run_failover(args, kind, 1000, 100)
        result[kind]["binary"] = binaries(args.server)[kind]
    if "failover" in args.only:
        result["swarm"]["failover_default"] = run_failover(args, "swarm", None, None)
        result["etcd"]["failover_default"] = result["etcd"]["failover"]  # 1000 ms is its default
    return result


def run_cases(args, result, cases):
    turns = {"etcd": [], "swarm": []}
    for turn in range(args.turns):
        for kind in ("etcd", "swarm"):
            say(f"turn {turn + 1} of {args.turns}: {kind}")
            cluster = fresh(kind, args, "load")
            try:
                turns[kind].append(measure_cases(cluster, args, cases))
            finally:
                cluster.stop()
    for kind in ("etcd", "swarm"):
        result[kind].update(median_of(turns[kind]))
        result[kind]["turns"] = turns[kind]


def run_watches(args, result):
    turns = {"etcd": [], "swarm": []}
    for _ in range(args.turns):
        for kind in ("etcd", "swarm"):
            cluster = fresh(kind, args, "watches")
            try:
                turns[kind].append({"watches": measure_watches(cluster, args)})
            finally:
                cluster.stop()
    for kind in ("etcd", "swarm"):
        result[kind].update(median_of(turns[kind]))


def run_memory(args, result, kind):
    cluster = fresh(kind, args, "memory")
    try:
        result[kind]["idle"], result[kind]["load"] = measure_memory(cluster, args)
    finally:
        cluster.stop()


def run_failover(args, kind, election_ms, heartbeat_ms):
    cluster = fresh(kind, args, "failover", election_ms=election_ms, heartbeat_ms=heartbeat_ms)
    try:
        return measure_failover(cluster, args)
    finally:
        cluster.stop()


def figure(result, kind, key):
    case, name = key.split(".")
    return result[kind].get(case, {}).get(name)


def verdict(wanted, ours, ratio):
    """What was wanted and whether it holds."""
    if wanted is None:
        return ""
    rule, bound = wanted
    held = {"ratio>=": lambda: ratio >= bound, "ratio<=": lambda: ratio <= bound,
            "swarm<=": lambda: ours <= bound}[rule]()
    text = {"ratio>=": f">= {bound} x", "ratio<=": f"<= {bound} x", "swarm<=": f"<= {bound}"}[rule]
    return f"{text}: {'met' if held else 'NOT MET'}"


def number(value, unit):
    return f"{value:,.0f} {unit}".strip() if value >= 100 else f"{value:,.2f} {unit}".strip()


def table(result):
    lines = ["| figure | etcd | swarm | swarm / etcd | wanted |", "|---|---:|---:|---:|---|"]
    for title, key, unit, wanted in ROWS:
        theirs, ours = figure(result, "etcd", key), figure(result, "swarm", key)
        if theirs is None or ours is None:
            continue
        ratio = ours / theirs if theirs else float("nan")
        lines.append(f"| {title} | {number(theirs, unit)} | {number(ours, unit)} | {ratio:.2f} | "
                     f"{verdict(wanted, ours, ratio)} |")
    return "\n".join(lines)


def command_flags(args):
    """What was asked for, as it was said: a table of docs/BENCHMARKS.md is found by it."""
    standard = args.only == ",".join(STANDARD)
    return ("" if standard else f" --only {args.only}") + (f" --etcd {args.etcd}" if args.etcd
                                                          else "")


def report(result, about, args):
    flags = (" --quick" if args.quick else "") + command_flags(args)
    return (f"Printed by `./run bench{flags}` on {about['date']} at "
            f"commit {about['commit']}.\n\n"
            f"Machine: {about['cpu']}, {about['cores']} cores, {about['memory_gib']} GiB, "
            f"Linux {about['kernel']}, {about['file_system']}, fdatasync of 4 KiB "
            f"{about['fdatasync_us']} us, load average before the run {about['load_average']}. "
            f"etcd {about['etcd']}. Medians of {args.turns} turns of "
            f"{args.seconds} s; {args.kills} kills a failover figure; "
            f"{args.load_seconds} s of load for memory.\n\n" + table(result) + "\n")


def keep(text, args):
    """Puts the report between its marks in docs/BENCHMARKS.md."""
    mark = f"<!-- printed by ./run bench{command_flags(args)} -->\n"
    path = ROOT / "docs" / "BENCHMARKS.md"
    if mark not in path.read_text():
        raise Failure(f"docs/BENCHMARKS.md has no place for it: {mark.strip()}")
    before, rest = path.read_text().split(mark, 1)
    after = rest.split("<!-- end -->", 1)[1]
    path.write_text(before + mark + text + "<!-- end -->" + after)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a smoke run: figures mean little")
    parser.add_argument("--keep", action="store_true", help="put the table into docs/BENCHMARKS.md")
    parser.add_argument("--only", default=",".join(STANDARD),
                        help="comma list of what to measure: %(default)s (all without it), "
                             "core, watches")
    parser.add_argument("--etcd", choices=("3.6",),
                        help="beside the etcd that tools/etcd_peer pins, not Debian's")
    parser.add_argument("--turns", type=int, help="medians of so many turns (default 3)")
    args = parser.parse_args()
    quick = args.quick
    args.kills = 2 if quick else 20
    args.turns = args.turns or (1 if quick else 3)
    args.seconds, args.warmup = (2, 1) if quick else (10, 2)
    args.load_seconds, args.log_mib = (4, 128) if quick else (60, 1024)
    args.rest = 1 if quick else 3
    args.folder = OUT / "data"
    return args


def main():
    args = arguments()
    shutil.rmtree(args.folder, ignore_errors=True)
    args.folder.mkdir(parents=True)
    bench_etcd.build_loader()
    args.server = bench_etcd.build_server(args.etcd)
    about = machine(args.folder, args.server)
    if about["load_average"] > 0.5 * about["cores"]:
        say(f"load average is {about['load_average']}: other work will disturb the figures")
    result = run_all(args)
    text = report(result, about, args)
    (OUT / "bench.json").write_text(json.dumps({"machine": about, **result}, indent=1) + "\n")
    (OUT / "bench.md").write_text(text)
    print("\n" + text)
    if args.keep and not args.quick:
        keep(text, args)
    shutil.rmtree(args.folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        reap()
        print(f"bench: {failure}", file=sys.stderr)
        sys.exit(1)
