"""Too much work on purpose: fairness, leases in a flood, goodput; and open-loop latency.

`overload` prints ratios from one run on this machine: the p99 of a modest client beside one at full
blast against the p99 alone, how many keep-alives come through a flood of writes, and what is done
in time at one, two and four times the capacity. `open-loop` prints the latencies of 1,000 requests
a second, counted from when each was due, so that a pause costs all that it made wait: steady,
while a follower dies, and while every node compacts. Programs and swarm are those of bench.py.
"""
import argparse
import concurrent.futures
import json
import pathlib
import shutil
import subprocess
import sys
import time

import local_swarm

FOLDER = local_swarm.ROOT / "bench-out" / "overload"
P95_MS, P99_MS = 20, 30          # the open-loop target at 1,000 requests a second
FAIR_RATIO = 3                   # p99 beside a full-blast client over p99 alone
LEASES, LEASE_TTL_S = 8, 3


def tool(name, config, *words, seconds=120):
    """A program's JSON answer; a Failure with its line on stderr if it has none."""
    done = subprocess.run([str(local_swarm.BIN / name), *words, "--config", str(config),
                           "-o", "json"], capture_output=True, text=True, timeout=seconds,
                          check=False)
    try:
        if done.returncode == 0 or name == "swarm-bench":  # most refused is a figure here
            return json.loads(done.stdout) if done.stdout else {}
    except ValueError:
        pass
    raise local_swarm.Failure(f"{name} {' '.join(words[:2])}: {done.stderr.strip()}")


def bench_words(seconds, **flags):
    """The flags of swarm-bench, `in_flight=3` being --in-flight 3."""
    words = ["--duration", f"{seconds}s", "--warmup", "1s"]
    for name, value in flags.items():
        words += [f"--{name.replace('_', '-')}", str(value)]
    return words


def load(config, workload, seconds, **flags):
    return tool("swarm-bench", config, workload, *bench_words(seconds, **flags),
                seconds=seconds + 120)


def flood(config, seconds, **flags):
    """A load that runs beside others; its figures are nobody's."""
    return subprocess.Popen(
        [str(local_swarm.BIN / "swarm-bench"), "put", *bench_words(seconds, **flags),
         "--config", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Swarm:
    """A fresh swarm and a second client with a key of its own: identities share by turns."""

    def __init__(self):
        shutil.rmtree(FOLDER, ignore_errors=True)
        FOLDER.mkdir(parents=True)
        self.cluster = local_swarm.SwarmCluster(FOLDER / "swarm")
        self.cluster.create()
        self.modest = self.cluster.client_config
        self.greedy = self.second_client()
        self.cluster.start()

    def second_client(self):
        key = FOLDER / "greedy.key"
        public = tool("swarmctl", self.modest, "key", "create", str(key))["public_key"]
        for node in (1, 2, 3):
            with open(self.cluster.folder / f"node-{node}" / "clients.allow", "a",
                      encoding="ascii") as out:
                out.write(f"{public} write greedy\n")
        lines = self.modest.read_text().splitlines()
        config = FOLDER / "greedy.conf"
        config.write_text("\n".join(f"key_file = {key}" if line.startswith("key_file") else line
                                    for line in lines) + "\n")
        return config

    def refused(self):
        """Refusals by reason, of the leader."""
        rows = {}
        for line in self.cluster.http(self.cluster.leader(), "/metrics").splitlines():
            if line.startswith("swarm_admission_refused_total{"):
                rows[line.split('"')[1]] = int(line.split()[1])
        return rows


# --- overload ------------------------------------------------------------------------------------

def measure_fairness(swarm, seconds):
    """(p99 alone, p99 beside a full-blast client) of a modest client, in ms."""
    modest = {"rate": 50, "keys": 1000, "value_size": 256, "puts": 50}
    load(swarm.modest, "mixed", 2, **modest)
    alone = load(swarm.modest, "mixed", seconds, **modest)
    blast = flood(swarm.greedy, seconds + 6, clients=4, in_flight=1000, keys=1000,
                  value_size=256)
    try:
        time.sleep(3)
        beside = load(swarm.modest, "mixed", seconds, **modest)
    finally:
        blast.kill()
        blast.wait()
    return alone, beside


def keep_alive(swarm, lease):
    """True if it was answered in time."""
    try:
        tool("swarmctl", swarm.modest, "lease", "keepalive", lease, "--command-timeout", "2s")
    except local_swarm.Failure:
        return False
    return True


def measure_leases(swarm, seconds):
    """(keep-alives asked, answered, leases granted, alive at the end) under a flood of writes."""
    leases = [tool("swarmctl", swarm.modest, "lease", "grant", f"{LEASE_TTL_S}s")["lease"]
              for _ in range(LEASES)]
    blast = flood(swarm.greedy, seconds + 4, clients=4, in_flight=1000, keys=1000,
                  value_size=1024)
    asked, answered, limit = 0, 0, time.monotonic() + seconds
    try:
        with concurrent.futures.ThreadPoolExecutor(LEASES) as pool:
            while time.monotonic() < limit:
                told = list(pool.map(lambda lease: keep_alive(swarm, lease), leases))
                asked, answered = asked + len(told), answered + sum(told)
                time.sleep(LEASE_TTL_S / 6)
            listed = tool("swarmctl", swarm.modest, "lease", "list")["leases"]
    finally:
        blast.kill()
        blast.wait()
    return asked, answered, LEASES, sum(row["lease"] in leases for row in listed)


def measure_goodput(swarm, seconds):
    """(capacity, {factor: figures}): what is done within 1 s at multiples of the capacity."""
    puts = {"keys": 1000, "value_size": 2048}
    capacity = load(swarm.greedy, "put", seconds, clients=4, in_flight=64, **puts)
    rows = {}
    for factor in (1, 2, 4):
        rows[factor] = load(swarm.greedy, "put", seconds, clients=4,
                            rate=int(capacity["ops_per_second"] * factor),
                            **{"command-timeout": "1s"}, **puts)
        time.sleep(1)
    return capacity, rows


def overload(args):
    seconds = 5 if args.quick else 10
    swarm = Swarm()
    try:
        alone, beside = measure_fairness(swarm, seconds)
        asked, answered, leases, alive = measure_leases(swarm, seconds)
        capacity, rows = measure_goodput(swarm, seconds)
        refused = swarm.refused()
    finally:
        swarm.cluster.stop()
    ratio = beside["p99_us"] / alone["p99_us"]
    print(f"modest client, 50 requests/s: p99 alone {alone['p99_us'] / 1e3:.1f} ms, beside a client"
          f" at full blast {beside['p99_us'] / 1e3:.1f} ms, ratio {ratio:.2f}"
          f" (target {FAIR_RATIO}), {beside['errors']} errors")
    print(f"keep-alives under a flood of writes: {answered} of {asked} answered, {alive} of"
          f" {leases} leases alive at the end")
    print(f"capacity: {capacity['ops_per_second']:.0f} puts/s of 2 KiB")
    for factor, row in rows.items():
        print(f"offered {factor} x: {row['ops_per_second']:.0f}/s done in time,"
              f" {row['ops_per_second'] / capacity['ops_per_second']:.2f} of the capacity,"
              f" p99 {row['p99_us'] / 1e3:.0f} ms, errors {row['errors_by_code']}")
    print(f"refused by the leader: {refused}")
    return 0 if ratio <= FAIR_RATIO and answered == asked and alive == leases else 1


# --- open loop -----------------------------------------------------------------------------------

def shots(swarm, seconds):
    """1,000 requests a second, 80 gets and 20 puts in 100, values of 4 KiB."""
    return load(swarm.modest, "mixed", seconds, clients=4, rate=1000, keys=2000,
                value_size=4096, puts=20)


def during(swarm, seconds, disturb):
    """The load with something done in the middle of it."""
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        running = pool.submit(shots, swarm, seconds)
        time.sleep(2 + seconds / 3)
        disturb()
        return running.result()


def kill_follower(swarm):
    leader = swarm.cluster.leader()
    victim = next(node for node in (1, 2, 3) if node != leader)
    swarm.cluster.kill(victim)
    return victim


def compact(swarm):
    for _ in range(3):
        for node in (1, 2, 3):
            tool("swarmctl", swarm.modest, "snapshot", "take", str(node))


def open_loop(args):
    seconds = 6 if args.quick else 20
    swarm = Swarm()
    killed = []
    rows = {}
    try:
        shots(swarm, 2)
        rows["steady"] = shots(swarm, seconds)
        rows["compaction"] = during(swarm, seconds, lambda: compact(swarm))
        rows["follower killed"] = during(swarm, seconds,
                                         lambda: killed.append(kill_follower(swarm)))
    finally:
        swarm.cluster.stop()
    good = True
    for name, row in rows.items():
        p95, p99 = row["p95_us"] / 1e3, row["p99_us"] / 1e3
        good = good and p95 <= P95_MS and p99 < P99_MS and row["errors"] == 0
        print(f"open loop, 1000/s, {name}: p50 {row['p50_us'] / 1e3:.2f} ms, p95 {p95:.2f} ms"
              f" (target {P95_MS}), p99 {p99:.2f} ms (target {P99_MS}), max"
              f" {row['max_us'] / 1e3:.1f} ms, {row['ops']} done, {row['errors']} errors")
    return 0 if good else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("case", choices=("overload", "open-loop"))
    parser.add_argument("--quick", action="store_true", help="a few seconds each")
    args = parser.parse_args()
    try:
        return {"overload": overload, "open-loop": open_loop}[args.case](args)
    except local_swarm.Failure as failure:
        print(f"bench: {failure}", file=sys.stderr)
        return 1
    finally:
        local_swarm.PidFile(pathlib.Path(FOLDER) / "swarm" / "pids").stop_all()


if __name__ == "__main__":
    sys.exit(main())
